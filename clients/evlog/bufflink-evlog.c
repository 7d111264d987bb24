// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink-evlog - print the events that modules write to bufflink_evlog
 */
#define _GNU_SOURCE
#include "event.h"

#include <err.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>

#include "program.h"

static const char help[] =
"Usage: bufflink-evlog [OPTION]... [BUFFER]\n"
"Print the events that kernel modules write to bufflink_evlog, and wait for more.\n"
"Events are taken out of the buffer, and no other program can read it meanwhile.\n"
"Report on standard error where some were lost.\n"
"BUFFER is N, short for /dev/bufflinkN, the path of a device, OWNER or\n"
"OWNER/NAME; if none is given, it is the module's own.\n"
"\n"
"  -f, --no-wait         stop when the buffer is empty instead of waiting\n"
"  -J, --journal         send events to the systemd journal instead of printing\n"
"                        them\n"
"  -j, --json            print a line of JSON for each event\n"
"  -n, --notify=COMMAND  run this command of the shell for each event, which is\n"
"                        in its environment\n"
"  -o, --output=FILE     append to this file; SIGHUP opens it again\n"
"  -q, --query=QUERY     take only events of which this is true, for example\n"
"                        'severity<=err and facility=disk and attr.sector>100'\n"
"  -r, --reopen          when the module is unloaded, wait until it is loaded\n"
"                        again, say so, and go on\n"
"  -W, --wait[=SECONDS]  if the module is not loaded yet, wait for it\n"
"  -h, --help            print this and exit\n"
"  -V, --version         print the version and exit\n"
"\n"
"Exit status: 0 good, 1 failed, 2 bad command line, 3 events were lost.\n";

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "journal", no_argument, NULL, 'J' },
	{ "json", no_argument, NULL, 'j' },
	{ "no-wait", no_argument, NULL, 'f' },
	{ "notify", required_argument, NULL, 'n' },
	{ "output", required_argument, NULL, 'o' },
	{ "query", required_argument, NULL, 'q' },
	{ "reopen", no_argument, NULL, 'r' },
	{ "version", no_argument, NULL, 'V' },
	{ "wait", optional_argument, NULL, 'W' },
	{ }
};

static void (*print)(const struct event *event) = print_line;
static bool json, journal;
static const char *output;	/* file */
static void (*print_loss_too)(const struct bufflink_loss *loss);

static size_t print_next(const char *data, size_t size)
{
	struct event event;
	const size_t length = read_event(&event, data, size);

	if (length && passes(&event)) {
		print(&event);
		notify(&event);
	}
	return length;
}

static void print_loss(const struct bufflink_loss *loss)
{
	flush();
	warnx("%s", loss_text(loss));
	if (print_loss_too)
		print_loss_too(loss);
}

static void caught_up(__u64 position)
{
	(void)position;
	tell_failures();
}

static void take_option(struct follow *job, int option)
{
	switch (option) {
	case 'J':
		journal = true;
		print = send_to_journal;
		print_loss_too = send_loss_to_journal;
		break;
	case 'j':
		json = true;
		print = print_event_as_json;
		print_loss_too = print_loss_as_json;
		break;
	case 'n':
		notify_option(optarg);
		break;
	case 'o':
		output = optarg;
		break;
	case 'q':
		query_option(optarg);
		break;
	default:
		follow_option(job, option, optarg, "bufflink-evlog", help);
	}
}

int main(int argc, char **argv)
{
	struct follow job = {
		.module = EVLOG_OWNER,
		.flags = BUFFLINK_EXCLUSIVE, .wait = true, .limit = ULLONG_MAX,
		.print = print_next, .print_loss = print_loss,
		.caught_up = caught_up, .woken = take_ends,
	};
	struct bufflink_reader *reader;
	int option, status;
	bool lost;

	begin(argv);
	while ((option = getopt_long(argc, argv, "fJjn:o:q:rW::hV", options,
				     NULL)) != -1)
		take_option(&job, option);
	follow_operand(&job, argc, argv);
	if (journal && (json || output))
		errx(EXIT_USAGE,
		     "--journal prints nothing: it cannot have --json or --output with it");
	if (output)
		output_option(output);
	job.is_silent = journal;

	catch_signals();
	reader = open_reader(&job);
	watch_commands(reader);
	lost = follow(&job, reader);
	bufflink_free(reader);
	status = end_notify() ? EXIT_SUCCESS : EXIT_FAILURE;
	end_reading(status, lost);
}
