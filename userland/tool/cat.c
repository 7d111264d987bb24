// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>

#include "tool.h"

const char cat_help[] =
"Usage: bufflink cat [OPTION]... BUFFER\n"
"Copy a buffer to standard output until its end of file, which comes when the\n"
"kernel module destroys it. Report lost records on standard error.\n"
"\n"
"  -f, --no-wait          stop when the buffer is empty instead of waiting\n"
"  -m, --mark             report lost records in the output, as a line at the\n"
"                         place where they are missing\n"
"  -n, --bytes=BYTES      stop after so many bytes; the rest stays unread\n"
"  -r, --reopen           at the end of file, wait for the buffer to be made\n"
"                         anew, say so, and go on with it\n"
"  -w, --watermark=BYTES  set how many bytes wake a reader at once (fewer wake\n"
"                         it at the next timer tick); stays with the buffer\n"
"  -W, --wait[=SECONDS]   if the buffer is not there yet, wait for it\n"
"  -h, --help             print this and exit\n"
"\n"
"Exit status: 0 good, 1 failed, 2 bad command line, 3 records were lost.\n";

static const char *device;
static bool mark;

static size_t print(const char *data, size_t size)
{
	fwrite(data, 1, size, stdout);
	return size;
}

static void print_loss(const struct bufflink_loss *loss)
{
	fprintf(mark ? stdout : stderr, "bufflink: %s: %s\n", device,
		loss_text(loss));
}

static void reopened(void)
{
	fprintf(mark ? stdout : stderr, "bufflink: %s: reopened\n", device);
}

int cat(int argc, char **argv)
{
	static const struct option options[] = {
		{ "no-wait", no_argument, NULL, 'f' },
		{ "mark", no_argument, NULL, 'm' },
		{ "bytes", required_argument, NULL, 'n' },
		{ "reopen", no_argument, NULL, 'r' },
		{ "watermark", required_argument, NULL, 'w' },
		{ "wait", optional_argument, NULL, 'W' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct follow job = {
		.wait = true, .limit = ULLONG_MAX,
		.print = print, .print_loss = print_loss, .reopened = reopened,
	};
	struct bufflink_reader *reader;
	__u64 watermark = 0;
	bool lost;
	int option;

	while ((option = getopt_long(argc, argv, "fmn:rw:W::h", options,
				     NULL)) != -1) {
		switch (option) {
		case 'm':
			mark = true;
			break;
		case 'n':
			job.limit = bytes_argument("--bytes", optarg, 0);
			break;
		case 'w':
			watermark = bytes_argument("--watermark", optarg, 1);
			break;
		default:
			follow_option(&job, option, optarg, NULL, cat_help);
		}
	}
	no_more_than(1, argc, argv);
	job.buffer = buffer_argument(argv[optind]);

	catch_signals();
	reader = open_reader(&job);
	device = bufflink_device(reader);
	if (watermark)
		set_watermark(bufflink_fd(reader), device, "--watermark",
			      watermark);
	lost = follow(&job, reader);
	bufflink_free(reader);
	end_reading(EXIT_SUCCESS, lost);
}
