// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink-audit - print the system calls that bufflink_sysaudit has logged
 */
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"

static const char help[] =
"Usage: bufflink-audit [OPTION]... [-- COMMAND [ARGUMENT]...]\n"
"Print the system calls that the kernel module " MODULE " logs, as lines:\n"
"thread<name> call(arguments) = result. Report lost records on standard error.\n"
"With a COMMAND, run it, print its calls and those of all its children, and end\n"
"when they have ended.\n"
"\n"
"Filters, which end with this program; without these they are as they were:\n"
"  -e, --calls=CALL,...  log only these calls: names, numbers, or the classes\n"
"                        %file, %network and %process ('all': all)\n"
"  -p, --pid=PID         log only this process ('any': any)\n"
"  -u, --uid=UID         log only this real user, a number ('any': any)\n"
"  -P, --prefix=PATH     log only calls with a path that begins with PATH\n"
"  -C, --cgroup=PATH     log only the cgroup of this path, and those below it\n"
"  -a, --all-buffered    what was logged before passes all filters\n"
"  -g, --group           leave out not only this process's own calls but those\n"
"                        of its process group: all of a pipeline\n"
"\n"
"Output:\n"
"  -c, --counts          at the end, a table: how often each call was made, how\n"
"                        long that took, how often it failed\n"
"  -F, --format=FORMAT   'text', 'json', or 'audit': as in the log of auditd\n"
"  -j, --json            the same as --format=json: each record is a line\n"
"  -o, --output=FILE     append to FILE; open it anew on SIGHUP\n"
"  -r, --relative        the time since the line before, in seconds\n"
"  -t, --time            the time of each call, in seconds since 1970\n"
"  -T, --duration        how long each call took, in seconds\n"
"  -y, --paths           which file each descriptor is\n"
"\n"
"  -f, --no-wait         stop when the buffer is empty instead of waiting\n"
"      --reopen          when the module is unloaded, wait until it is loaded\n"
"                        again, say so, set the filters, and go on\n"
"  -W, --wait[=SECONDS]  if the module is not loaded yet, wait for it\n"
"  -h, --help            print this and exit\n"
"  -V, --version         print the version and exit\n"
"\n"
"Exit status: 0 good, 1 failed, 2 bad command line, 3 records were lost; if all\n"
"is good, that of COMMAND.\n";

static const struct option options[] = {
	{ "all-buffered", no_argument, NULL, 'a' },
	{ "calls", required_argument, NULL, 'e' },
	{ "cgroup", required_argument, NULL, 'C' },
	{ "counts", no_argument, NULL, 'c' },
	{ "duration", no_argument, NULL, 'T' },
	{ "format", required_argument, NULL, 'F' },
	{ "group", no_argument, NULL, 'g' },
	{ "json", no_argument, NULL, 'j' },
	{ "no-wait", no_argument, NULL, 'f' },
	{ "output", required_argument, NULL, 'o' },
	{ "paths", no_argument, NULL, 'y' },
	{ "pid", required_argument, NULL, 'p' },
	{ "prefix", required_argument, NULL, 'P' },
	{ "relative", no_argument, NULL, 'r' },
	{ "reopen", no_argument, NULL, 'R' },
	{ "time", no_argument, NULL, 't' },
	{ "uid", required_argument, NULL, 'u' },
	{ "wait", optional_argument, NULL, 'W' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ }
};

static const struct format *format = &lines_format;
static struct filters filters = { .reader = "process" };
static bool all_buffered;
static bool begun;		/* not yet while COMMAND is about to run */
static __u64 buffered;		/* bytes that are older than the filters */
static struct bufflink_reader *reader;

/* As the module takes it, which has a number for any. */
static const char *id_argument(const char *option, const char *text, __u64 any,
			       __u64 min, __u64 max)
{
	__u64 id = any;
	char *number;

	if (strcmp(text, "any"))
		id = number_argument(option, text, min, max);
	if (asprintf(&number, "%llu", id) < 0)
		err(EXIT_FAILURE, "no memory for %s", option);
	return number;
}

static const struct format *format_argument(const char *name)
{
	if (!strcmp(name, "text"))
		return &lines_format;
	if (!strcmp(name, "json"))
		return &json_format;
	if (!strcmp(name, "audit")) {
		folder_paths = true;
		return &log_format;
	}
	errx(EXIT_USAGE, "--format: '%s' is none of text, json, audit", name);
}

/* records */

static void print_record(const struct sysaudit_record *record, bool old)
{
	const struct sysaudit_record *entry = NULL;

	if (record->head.type == SYSAUDIT_EXIT)
		entry = take_entry(record);
	if (old && !all_buffered && !passes(&filters, record, entry))
		return;
	begun |= record->head.type == SYSAUDIT_ENTRY;
	if (!begun)
		return;
	if (record->head.type == SYSAUDIT_EXIT) {
		format->exit(record, entry);
		forget_entry(entry);
		return;
	}
	/* It may be of the same thread: the exit of that entry was lost. */
	if (format->pause)
		format->pause();
	entry = keep_entry(record);
	format->entry(entry);
	if (is_last(entry))
		forget_entry(entry);
}

static size_t size_of(const struct sysaudit_head *head)
{
	return head->type == SYSAUDIT_ENTRY ?
	       sizeof(struct sysaudit_record) :
	       offsetof(struct sysaudit_record, args);
}

static void check(const struct sysaudit_head *head)
{
	if (head->version != SYSAUDIT_VERSION ||
	    head->type < SYSAUDIT_ENTRY || head->type > SYSAUDIT_EXIT ||
	    head->length < size_of(head) || head->length > SYSAUDIT_MAX)
		no_record(MODULE);
}

/* Prints the record that the size bytes begin with, if all of it is there. */
static size_t print_next(const char *data, size_t size)
{
	static union {
		struct sysaudit_record record;
		char bytes[SYSAUDIT_MAX];
	} copy;		/* it begins anywhere in the data */
	struct sysaudit_head head;
	bool old = buffered;

	if (size < sizeof(head))
		return 0;
	memcpy(&head, data, sizeof(head));
	check(&head);
	if (size < head.length)
		return 0;
	memcpy(&copy, data, head.length);
	buffered -= buffered < head.length ? buffered : head.length;
	print_record(&copy.record, old);
	return head.length;
}

static void print_loss(const struct bufflink_loss *loss)
{
	warnx("%s", loss_text(loss));
	if (format->loss)
		format->loss(loss);
}

static void caught_up(__u64 position)
{
	(void)position;
	if (format->pause)
		format->pause();
	flush();
}

bool has_ended(void)
{
	struct pollfd pollfd = { .fd = bufflink_fd(reader) };

	return poll(&pollfd, 1, 0) > 0 && pollfd.revents & POLLHUP;
}

static void note_buffered(void)
{
	buffered = get_stats(bufflink_fd(reader), bufflink_device(reader)).used;
}

static void reopened(void)
{
	set_filters(&filters);
	note_buffered();
}

/* options */

static void take_option(struct follow *job, int option, char *text)
{
	switch (option) {
	case 'a':
		all_buffered = true;
		break;
	case 'c':
		format = &counts_format;
		break;
	case 'C':
		filters.cgroup = cgroup_argument(text);
		break;
	case 'e':
		calls_argument(&filters.calls, text);
		filters.has_calls = true;
		break;
	case 'F':
		format = format_argument(text);
		break;
	case 'g':
		filters.reader = "group";
		break;
	case 'j':
		format = &json_format;
		break;
	case 'o':
		keep_output();
		output_option(text);
		break;
	case 'p':
		filters.pid = id_argument("--pid", text, 0, 1, INT_MAX);
		break;
	case 'P':
		filters.prefix = text;
		break;
	case 'r':
		print_relative = true;
		break;
	case 't':
		print_times = true;
		break;
	case 'T':
		print_durations = true;
		break;
	case 'u':
		filters.uid = id_argument("--uid", text, UINT_MAX, 0,
					  UINT_MAX - 1);
		break;
	case 'y':
		descriptor_paths = true;
		break;
	default:
		follow_option(job, option == 'R' ? 'r' : option, text,
			      "bufflink-audit", help);
	}
}

int main(int argc, char **argv)
{
	struct follow job = {
		.module = MODULE,
		.flags = BUFFLINK_EXCLUSIVE, .wait = true, .limit = ULLONG_MAX,
		.print = print_next, .print_loss = print_loss,
		.caught_up = caught_up, .reopened = reopened,
	};
	int option, status;
	bool lost;

	begin(argv);
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	__fsetlocking(stdout, FSETLOCKING_BYCALLER);
	while ((option = option_before_command(argc, argv,
					       "+aC:cF:fgje:o:P:p:rtTu:W::yhV",
					       options)) != -1)
		take_option(&job, option, optarg);

	catch_signals();
	reader = open_reader(&job);
	if (argv[optind])
		filters.cgroup = start_in_cgroup(argv + optind);
	begun = !argv[optind];
	set_filters(&filters);
	note_buffered();
	if (argv[optind])
		let_command_go(wait_for_cgroup);
	lost = follow(&job, reader);
	if (command_ended(&status)) {
		/* It took nothing more from the buffer when it was to stop. */
		job.wait = false;
		lost |= follow(&job, reader);
	}
	if (format->end)
		format->end();
	bufflink_free(reader);
	remove_cgroup();
	end_with_command(lost);
}
