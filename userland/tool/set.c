// SPDX-License-Identifier: GPL-2.0-only
/* watermark and resize: what a buffer is set to */
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

const char watermark_help[] =
"Usage: bufflink watermark [OPTION]... BUFFER [BYTES]\n"
"Print a buffer's watermark, or set it: so many waiting bytes wake a reader at\n"
"once, fewer wake it at the next timer tick.\n"
"\n"
"  -h, --help  print this and exit\n";

const char resize_help[] =
"Usage: bufflink resize [OPTION]... BUFFER BYTES\n"
"Give a buffer a new size, rounded up to whole pages, while it is in use. Nothing\n"
"is lost: bytes that wait are read first, however small the new size is.\n"
"\n"
"  -h, --help  print this and exit\n";

/* BUFFER [BYTES], after --help at most; BYTES is NULL if it is not there. */
static const char *buffer_and_bytes(int argc, char **argv, const char *help,
				    const char **bytes)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const char *buffer;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1)
		standard_option(option, NULL, help);
	no_more_than(2, argc, argv);
	buffer = buffer_argument(argv[optind]);
	*bytes = argv[optind + 1];
	return buffer;
}

int watermark(int argc, char **argv)
{
	const char *text, *buffer = buffer_and_bytes(argc, argv, watermark_help,
						     &text);
	struct bufflink_stats stats;
	struct bufflink_info info;
	__u64 bytes = text ? bytes_argument("watermark", text, 1) : 0;
	int fd;

	info = find_buffer(buffer);
	if (!text) {
		printf("%llu\n", info.values[BUFFLINK_WATERMARK]);
		return EXIT_SUCCESS;
	}
	/* O_WRONLY, which root may: another program may be the only reader. */
	open_buffer(info.device, access(info.device, W_OK) ? O_RDONLY : O_WRONLY,
		    &fd, &stats);
	set_watermark(fd, info.device, "watermark", bytes, stats.size);
	return EXIT_SUCCESS;
}

static const char *why_no_resize(int error)
{
	switch (error) {
	case EACCES:
		return "only root may: try again as root";
	case EBUSY:
		return "bytes from before an earlier resize still wait: read them first";
	case EINVAL:
		return "its memory belongs to its kernel module, or this is no size";
	case ENOMEM:
		return "there is not enough memory: choose a smaller size";
	default:
		return strerror(error);
	}
}

int resize(int argc, char **argv)
{
	const char *text, *buffer = buffer_and_bytes(argc, argv, resize_help,
						     &text);
	struct bufflink_info info;
	char path[96];
	__u64 bytes;
	int fd;

	if (!text)
		errx(EXIT_USAGE, "no size given: say how many bytes");
	bytes = bytes_argument("resize", text, 1);

	info = find_buffer(buffer);
	snprintf(path, sizeof(path), "/sys/class/misc/bufflink%d/size",
		 info.number);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || dprintf(fd, "%llu", bytes) < 0)
		errx(EXIT_FAILURE, "cannot resize %s to %llu bytes: %s",
		     info.device, bytes, why_no_resize(errno));
	return EXIT_SUCCESS;
}
