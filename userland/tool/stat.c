// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

const char stat_help[] =
"Usage: bufflink stat [OPTION]... [[SECONDS] BUFFER]\n"
"Show how full buffers are and were at most, what was appended, and how much of\n"
"it a second, how often readers were woken, and what was lost: of all buffers or\n"
"of one. On a terminal that is a picture, elsewhere a line of exact values for\n"
"each buffer. It takes a second, as rates need two looks.\n"
"\n"
"  -w, --watch[=SECONDS]   go on looking, every second or as often as is said,\n"
"                          until Ctrl-C, or until the one buffer is gone\n"
"  -i, --interval=SECONDS  the time between two looks (1)\n"
"  -j, --json              print an array of JSON objects, one line a look\n"
"  -o, --openmetrics       print one look, without rates, as OpenMetrics text\n"
"  -r, --reopen            with --watch, when the one buffer is gone, say so, and\n"
"                          go on when it is made anew\n"
"  -W, --wait[=SECONDS]    if the one buffer is not there yet, wait for it\n"
"  -h, --help              print this and exit\n"
"\n"
"SECONDS may have a fraction. Those of --watch are written -w2 or --watch=2, or\n"
"before the buffer: '-w 2 0' looks at buffer 0 every 2 seconds. A number alone is\n"
"always N.\n";

#define BAR	20	/* characters between its brackets */

struct view {
	const char *buffer;	/* the one to show, or NULL */
	int timeout_ms;		/* for it to appear; -1: for ever */
	double interval;	/* seconds */
	bool watch;
	bool reopen;
	bool json;
	bool openmetrics;
	bool picture;		/* for people */
};

/* [######....|.........]: what waits, and where the highwater was */
static struct cell bar(const __u64 *values)
{
	__u64 size = values[BUFFLINK_SIZE];
	__u64 used = values[BUFFLINK_USED] * BAR / size;
	__u64 highwater = values[BUFFLINK_HIGHWATER] * BAR / size;
	struct cell bar = { "[" };

	/* Both may be more than the size after a resize. */
	if (values[BUFFLINK_USED] && !used)
		used = 1;
	if (used > BAR)
		used = BAR;
	if (highwater >= BAR)
		highwater = BAR - 1;
	memset(bar.text + 1, '.', BAR);
	memset(bar.text + 1, '#', used);
	if (values[BUFFLINK_HIGHWATER] && highwater >= used)
		bar.text[1 + highwater] = '|';
	bar.text[1 + BAR] = ']';
	return bar;
}

/* Whether a reader knows of all that was lost. */
static const char *reported(const __u64 *values)
{
	if (values[BUFFLINK_OVERFLOW])
		return "no";
	return values[BUFFLINK_LOST_RECORDS] ? "yes" : "-";
}

static void draw_buffer(const struct look *now, const struct look *before,
			const struct bufflink_info *buffer)
{
	const __u64 *values = buffer->values;
	double wakeups = wakeups_per_record(buffer);
	char text[16] = "-";

	if (wakeups >= 0)
		snprintf(text, sizeof(text), "%.4f", wakeups);
	printf("%3d %-19.19s %8s %9s %8s %9s %8s %8s\n", buffer->number,
	       owner_and_name(buffer).text,
	       in_bytes(values[BUFFLINK_SIZE]).text,
	       in_bytes(values[BUFFLINK_HIGHWATER]).text,
	       in_thousands(values[BUFFLINK_RECORDS]).text,
	       in_thousands(per_second(now, before, buffer,
				       BUFFLINK_RECORDS)).text,
	       in_bytes(values[BUFFLINK_BYTES]).text,
	       in_bytes(per_second(now, before, buffer,
				   BUFFLINK_BYTES)).text);
	printf("    %s %3llu%% %15s %8s %10s %11s\n", bar(values).text,
	       values[BUFFLINK_USED] * 100 / values[BUFFLINK_SIZE], text,
	       in_thousands(values[BUFFLINK_LOST_RECORDS]).text,
	       in_bytes(values[BUFFLINK_LOST_BYTES]).text, reported(values));
}

/* How many buffers the terminal has room for, besides five other lines. */
static int room(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row)
		size.ws_row = 24;
	return size.ws_row < 7 ? 1 : (size.ws_row - 5) / 2;
}

static void draw_table(const struct look *now, const struct look *before,
		       int count)
{
	int i;

	puts("  N OWNER/NAME              SIZE HIGHWATER  RECORDS RECORDS/S    BYTES  BYTES/S\n"
	     "    FILL                         WAKEUPS/RECORD     LOST BYTES LOST    REPORTED");
	for (i = 0; i < count; i++)
		draw_buffer(now, before, &now->buffers[i]);
}

/* Over the last picture, with lines cut at the edge of the terminal. */
static void draw_again(const struct view *view, const struct look *now,
		       const struct look *before)
{
	int count = room();
	time_t seconds = time(NULL);
	char clock[16];

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime(&seconds));
	printf("\033[H\033[J\033[?7lbufflink stat at %s, every %g s, Ctrl-C ends it\n",
	       clock, view->interval);
	draw_table(now, before, count < now->count ? count : now->count);
	if (count < now->count)
		printf("    and %d more\n", now->count - count);
	fputs("\033[?7h", stdout);
}

static void show(const struct view *view, const struct look *now,
		 const struct look *before)
{
	if (!view->picture)
		print_exactly(view->json, now, before);
	else if (view->watch)
		draw_again(view, now, before);
	else
		draw_table(now, before, now->count);

	if (view->watch && fflush(stdout) && (stopped || errno == EPIPE))
		exit(EXIT_SUCCESS);
	flush();
}

/* Says what has become of the one buffer; false if there is no more to see. */
static bool goes_on(const struct view *view, const struct look *now,
		    const struct look *before)
{
	if (!view->buffer || (now->count && before->count &&
			      now->buffers->identity == before->buffers->identity))
		return true;
	if (before->count)
		warnx("%s is gone", before->buffers->device);
	if (view->reopen && now->count)
		warnx("%s: reopened", now->buffers->device);
	return view->reopen;
}

static int look_on(const struct view *view)
{
	struct look before = { }, now = take_look(view->buffer);
	int status = EXIT_SUCCESS;

	if (view->watch && view->picture)
		show(view, &now, &before);
	while (stay(view->interval)) {
		free(before.buffers);
		before = now;
		now = take_look(view->buffer);
		if (!goes_on(view, &now, &before)) {
			status = view->watch ? EXIT_SUCCESS : EXIT_FAILURE;
			break;
		}
		show(view, &now, &before);
		if (!view->watch)
			break;
	}
	free(before.buffers);
	free(now.buffers);
	return status;
}

static int print_once(const struct view *view)
{
	struct look look = take_look(view->buffer);

	print_openmetrics(&look);
	free(look.buffers);
	return EXIT_SUCCESS;
}

/* Sees that the one buffer is there, if there is to be one. */
static void buffer_operand(struct view *view, int argc, char **argv)
{
	struct bufflink_info info;

	no_more_than(1, argc, argv);
	if (!argv[optind]) {
		if (view->timeout_ms || view->reopen)
			errx(EXIT_USAGE, "--wait and --reopen are about one buffer: name it");
		return;
	}
	view->buffer = buffer_argument(argv[optind]);
	if (bufflink_find(view->buffer, &info, view->timeout_ms))
		errx(EXIT_FAILURE, "%s%s", bufflink_error(),
		     view->watch ? " (seconds alone are -wSECONDS)" : "");
}

int stat_buffers(int argc, char **argv)
{
	static const struct option options[] = {
		{ "watch", optional_argument, NULL, 'w' },
		{ "interval", required_argument, NULL, 'i' },
		{ "json", no_argument, NULL, 'j' },
		{ "openmetrics", no_argument, NULL, 'o' },
		{ "reopen", no_argument, NULL, 'r' },
		{ "wait", optional_argument, NULL, 'W' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct view view = { };
	int option;

	while ((option = getopt_long(argc, argv, "w::i:jorW::h", options,
				     NULL)) != -1) {
		switch (option) {
		case 'w':
			view.watch = true;
			if (optarg)
				view.interval = seconds_argument("--watch",
								 optarg);
			break;
		case 'i':
			view.interval = seconds_argument("--interval", optarg);
			break;
		case 'j':
			view.json = true;
			break;
		case 'o':
			view.openmetrics = true;
			break;
		case 'r':
			view.reopen = true;
			break;
		case 'W':
			view.timeout_ms = timeout_argument(optarg);
			break;
		default:
			standard_option(option, NULL, stat_help);
		}
	}
	if (view.openmetrics && (view.watch || view.json || view.interval))
		errx(EXIT_USAGE, "--openmetrics goes with no other option but --wait");
	if (view.reopen && !view.watch)
		errx(EXIT_USAGE, "--reopen goes with --watch");
	if (view.watch && !view.interval && argc - optind > 1)
		view.interval = seconds_argument("--watch", argv[optind++]);
	buffer_operand(&view, argc, argv);
	if (view.openmetrics)
		return print_once(&view);
	if (!view.interval)
		view.interval = 1;
	view.picture = !view.json && isatty(STDOUT_FILENO);
	if (view.watch) {
		must_print();
		catch_signals();
		signal(SIGPIPE, SIG_IGN);
	}
	return look_on(&view);
}
