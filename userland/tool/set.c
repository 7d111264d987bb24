// SPDX-License-Identifier: GPL-2.0-only
/* watermark and resize: what a buffer is set to */
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "resize.h"
#include "tool.h"

const char watermark_help[] =
"Usage: bufflink watermark [OPTION]... BUFFER [BYTES]\n"
"Print a buffer's watermark, or set it: so many waiting bytes wake a reader at\n"
"once, fewer wake it at the next timer tick.\n"
"\n"
"  -W, --wait[=SECONDS]  if the buffer is not there yet, wait for it\n"
"  -h, --help            print this and exit\n";

const char resize_help[] =
"Usage: bufflink resize [OPTION]... BUFFER BYTES\n"
"Give a buffer a new size, rounded up to whole pages, while it is in use. Nothing\n"
"is lost: bytes that wait are read first, however small the new size is.\n"
"\n"
"  -W, --wait[=SECONDS]  if the buffer is not there yet, wait for it\n"
"  -h, --help            print this and exit\n";

static struct {
	const char *buffer;
	__u64 bytes;		/* 0 if none are given */
	int timeout_ms;
} job;

/* [OPTION]... BUFFER [BYTES] */
static void read_arguments(int argc, char **argv, const char *help)
{
	static const struct option options[] = {
		{ "wait", optional_argument, NULL, 'W' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int option;

	while ((option = getopt_long(argc, argv, "W::h", options, NULL)) != -1) {
		if (option == 'W')
			job.timeout_ms = timeout_argument(optarg);
		else
			standard_option(option, NULL, help);
	}
	no_more_than(2, argc, argv);
	job.buffer = buffer_argument(argv[optind]);
	if (argv[optind + 1])
		job.bytes = bytes_argument(argv[0] + strlen("bufflink "),
					   argv[optind + 1], 1);
}

int watermark(int argc, char **argv)
{
	struct bufflink_info info;
	int fd;

	read_arguments(argc, argv, watermark_help);
	info = find_buffer(job.buffer, job.timeout_ms);
	if (!job.bytes) {
		printf("%llu\n", info.values[BUFFLINK_WATERMARK]);
		return EXIT_SUCCESS;
	}
	/* O_WRONLY, which root may: another program may be the only reader. */
	open_buffer(info.device, access(info.device, W_OK) ? O_RDONLY : O_WRONLY,
		    job.timeout_ms, &fd);
	set_watermark(fd, info.device, "watermark", job.bytes);
	return EXIT_SUCCESS;
}

int resize(int argc, char **argv)
{
	struct bufflink_info info;

	read_arguments(argc, argv, resize_help);
	if (!job.bytes)
		errx(EXIT_USAGE, "no size given: say how many bytes");

	info = find_buffer(job.buffer, job.timeout_ms);
	resize_buffer(&info, job.bytes);
	return EXIT_SUCCESS;
}
