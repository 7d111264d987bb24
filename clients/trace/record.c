// SPDX-License-Identifier: GPL-2.0-only
/* Takes records out of the buffer, and puts them into a trace. */
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "resize.h"
#include "text.h"
#include "trace.h"

#define NAP		0.02		/* s, between looks at a buffer that fills up */
#define SECOND		1000000000ull	/* in ns */

const char record_help[] =
"Usage: bufflink-trace record [OPTION]... [-- COMMAND [ARGUMENT]...]\n"
"Record events of the kernel until a signal (SIGINT, SIGTERM) comes, or, with a\n"
"COMMAND, until this ends. The trace is a folder, which 'babeltrace2 DIR' prints.\n"
"Say at the end on standard error how many events there are, and how many were\n"
"lost.\n"
"\n"
"  -e, --events=LIST      events and groups, as 'list' has them, or all, separated\n"
"                         by commas; a minus leaves out one again: sched,-sched_switch\n"
"                         (all)\n"
"  -o, --output=DIR       the folder to make (trace)\n"
"  -b, --buffer=SIZE      bytes of the buffer of each CPU (as it is)\n"
"  -t, --time=SECONDS     stop after this time\n"
"  -r, --rotate=LIMIT     begin a new trace in DIR/1, DIR/2, ... when one has this\n"
"                         many bytes, as 100M, or seconds, as 60s\n"
"  -h, --help             print this and exit\n"
"  -V, --version          print the version and exit\n"
"\n"
"Exit status: 0 good, 1 failed, 2 bad command line, 3 events were lost; if all is\n"
"good, that of COMMAND.\n";

static const struct option options[] = {
	{ "buffer", required_argument, NULL, 'b' },
	{ "events", required_argument, NULL, 'e' },
	{ "output", required_argument, NULL, 'o' },
	{ "rotate", required_argument, NULL, 'r' },
	{ "time", required_argument, NULL, 't' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ }
};

static const char *folder = "trace";
static const char *events = "all";
static __u64 buffer_size;		/* of each CPU; 0: as it is */
static __u64 max_bytes;			/* of a trace; 0: any */
static double max_seconds;		/* of a trace; 0: any */
static double seconds;			/* of all; 0: any */

static unsigned int traces;		/* so far, if there are several */
static uint64_t trace_began, flushed;
static uint64_t bytes_before;		/* the events of a trace */
static bool on;				/* the events */
static __u64 ring;			/* bytes of the buffer of a CPU */
static bool has_progress;
static uint64_t events_before;		/* this second */

/* traces */

static void begin_trace(void)
{
	char path[PATH_MAX];

	if (max_bytes || max_seconds)
		snprintf(path, sizeof(path), "%s/%u", folder, ++traces);
	else
		snprintf(path, sizeof(path), "%s", folder);
	open_trace(path);
	dump_state();
	flush_trace();
	bytes_before = totals.bytes;
	trace_began = clock_now(CLOCK_MONOTONIC);
}

static void rotate(void)
{
	const double age = (clock_now(CLOCK_MONOTONIC) - trace_began) / 1e9;

	if ((max_bytes && totals.bytes - bytes_before >= max_bytes) ||
	    (max_seconds && age >= max_seconds)) {
		close_trace();
		begin_trace();
	}
}

/* progress */

static void show_progress(double passed)
{
	if (!has_progress)
		return;
	fprintf(stderr, "\r%.0f events/s, %llu events, %s, %llu lost \033[K",
		(totals.events - events_before) / passed,
		(unsigned long long)totals.events, in_bytes(totals.bytes).text,
		(unsigned long long)totals.discarded);
	events_before = totals.events;
}

static void each_second(void)
{
	const uint64_t now = clock_now(CLOCK_MONOTONIC);

	if (now - flushed < SECOND)
		return;
	flush_trace();
	show_progress((double)(now - flushed) / SECOND);
	flushed = now;
}

/* records */

static void stop_events(void)
{
	const bool were_on = on;

	on = false;
	if (were_on)
		no_events();
}

/* However it ends, but by SIGKILL */
static void leave(void)
{
	stop_events();
	dismiss_guard();
}

static void add_record(const struct trace_head *head)
{
	struct trace_lost lost;

	if (head->id != TRACE_LOST) {
		if (head->id >= TRACE_CALLS_END ||
		    (head->id >= TRACE_EVENTS && head->id < TRACE_CALLS))
			no_record(MODULE);
		add_event(head);
		return;
	}
	if (head->length != sizeof(lost))
		no_record(MODULE);
	memcpy(&lost, head, sizeof(lost));
	add_discarded(head->cpu, lost.records, time_of(head));
}

/*
 * Takes all whole records of the data. A read makes events of its own, so the buffer
 * is never empty: it is not read more often than it must be.
 */
static size_t take_records(const char *data, size_t size)
{
	const struct trace_head *head;
	size_t done = 0;

	for (; size - done >= sizeof(*head); done += head->length) {
		head = (const struct trace_head *)(data + done);
		if (head->length < sizeof(*head) ||
		    head->length > TRACE_RECORD_MAX)
			no_record(MODULE);
		if (head->length > size - done)
			break;
		add_record(head);
	}
	each_second();
	rotate();
	if (stopped)
		stop_events();
	else if (on && size < ring / 32)
		stay(NAP);
	return done;
}

/* Records tell of losses, by CPU. */
static void note_loss(const struct bufflink_loss *loss)
{
	(void)loss;
}

/* The next event may be long in coming. */
static void caught_up(__u64 position)
{
	(void)position;
	flush_trace();
	each_second();
	rotate();
}

/* Losses behind the last record of a CPU */
static void add_last_losses(void)
{
	char text[PARAMETER_MAX + 1], *line, *rest = text;
	unsigned long long records;
	unsigned int cpu;

	get_parameter("lost", text);
	while ((line = strsep(&rest, "\n")))
		if (sscanf(line, "%u %llu", &cpu, &records) == 2)
			add_discarded(cpu, records, clock_now(CLOCK_MONOTONIC));
}

/* the buffer */

static void check_size(void)
{
	const unsigned int cpus = possible_cpus();

	if (buffer_size > ULLONG_MAX / cpus)
		errx(EXIT_USAGE, "--buffer: %llu bytes for each of %u CPUs are too many",
		     buffer_size, cpus);
}

static void prepare_buffer(void)
{
	const unsigned int cpus = possible_cpus();
	const struct bufflink_info info = find_buffer(MODULE, 0);

	if (buffer_size)
		resize_buffer(&info, buffer_size * cpus);
	ring = find_buffer(MODULE, 0).values[BUFFLINK_SIZE] / cpus;
}

/* Records from before are no part of the trace. */
static void empty_buffer(struct bufflink_reader *reader)
{
	struct bufflink_event event;
	int result;

	while (!(result = bufflink_next(reader, &event, SIZE_MAX, 0)))
		if (event.type == BUFFLINK_END)
			errx(EXIT_FAILURE, "the module " MODULE " is unloaded");
	if (result != -EAGAIN && result != -ECANCELED)
		errx(EXIT_FAILURE, "%s", bufflink_error());
	if (!set_parameter("lost", "0"))
		err(EXIT_FAILURE, "cannot forget what was lost before");
}

/* options */

static void rotate_argument(const char *text)
{
	const size_t length = strlen(text);
	char *copy;

	if (!length || text[length - 1] != 's') {
		max_bytes = bytes_argument("--rotate", text, 65536);
		return;
	}
	copy = strndup(text, length - 1);
	if (!copy)
		err(EXIT_FAILURE, "no memory for an option");
	max_seconds = seconds_argument("--rotate", copy);
	free(copy);
}

static void take_option(int option, const char *text)
{
	switch (option) {
	case 'b':
		buffer_size = bytes_argument("--buffer", text, 4096);
		break;
	case 'e':
		events = text;
		break;
	case 'o':
		folder = text;
		break;
	case 'r':
		rotate_argument(text);
		break;
	case 't':
		seconds = seconds_argument("--time", text);
		break;
	default:
		standard_option(option, "bufflink-trace", record_help);
	}
}

static void start_clock(void)
{
	const struct sigaction action = { .sa_handler = stop };
	const struct itimerval timer = {
		.it_value.tv_sec = seconds,
		.it_value.tv_usec = (seconds - (time_t)seconds) * 1e6,
	};

	if (!seconds)
		return;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* the end */

static void check_sum(uint64_t hits)
{
	const uint64_t known = totals.events + totals.discarded;

	if (hits != known)
		errx(EXIT_FAILURE,
		     "the module counted %llu events, but the trace in %s has %llu and %llu were lost",
		     (unsigned long long)hits, folder,
		     (unsigned long long)totals.events,
		     (unsigned long long)totals.discarded);
}

/* The module that counted the events is gone. */
static void leave_if_unloaded(void)
{
	struct bufflink_info info;
	const int err = bufflink_find(MODULE, &info, 0);

	if (!err)
		return;
	on = err != -ENOENT;
	close_trace();
	if (on)
		has_not_found(MODULE, err);
	errx(EXIT_FAILURE,
	     "the module " MODULE " was unloaded; what was read until then is in %s",
	     folder);
}

static void report(void)
{
	fprintf(stderr, "%s%s: %llu events, %s, %llu lost\n",
		has_progress ? "\r\033[K" : "", folder,
		(unsigned long long)totals.events, in_bytes(totals.bytes).text,
		(unsigned long long)totals.discarded);
}

static struct bufflink_reader *open_buffer(const struct follow *job)
{
	struct bufflink_reader *reader = open_reader(job);

	check_size();
	check_version();
	no_events();
	empty_buffer(reader);
	prepare_buffer();
	return reader;
}

/* With all events there are, from before the command on. */
static void begin_recording(char **command)
{
	if ((max_bytes || max_seconds) && mkdir(folder, 0700))
		err(EXIT_FAILURE, "cannot make the folder %s for traces", folder);
	start_guard();
	atexit(leave);
	if (*command)
		start_command(command, NULL);
	on = true;	/* some may be, if it fails */
	choose_events(events);
	flushed = clock_now(CLOCK_MONOTONIC);
	begin_trace();
	if (*command)
		let_command_go(NULL);
	start_clock();
}

static void take_options(int argc, char **argv)
{
	int option;

	while ((option = option_before_command(argc, argv, "+b:e:o:r:t:hV",
					       options)) != -1)
		take_option(option, optarg);
}

int record(int argc, char **argv)
{
	struct follow job = {
		.module = MODULE,
		.flags = BUFFLINK_EXCLUSIVE, .wait = true, .is_silent = true,
		.limit = ULLONG_MAX,
		.print = take_records, .print_loss = note_loss,
		.caught_up = caught_up,
	};
	struct bufflink_reader *reader;
	uint64_t hits;

	take_options(argc, argv);
	catch_signals();
	has_progress = isatty(STDERR_FILENO);
	reader = open_buffer(&job);
	hits = count_hits();
	begin_recording(argv + optind);

	follow(&job, reader);
	leave_if_unloaded();
	stop_events();
	job.wait = false;
	follow(&job, reader);
	add_last_losses();
	close_trace();
	dismiss_guard();
	report();
	check_sum(count_hits() - hits);
	bufflink_free(reader);
	if (stopped == SIGALRM)
		stopped = 0;
	end_with_command(totals.discarded);
}
