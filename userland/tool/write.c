// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "tool.h"

const char write_help[] =
"Usage: bufflink write [OPTION]... BUFFER\n"
"Append standard input to a buffer, each line (with its newline) as one record.\n"
"Wait for room where there is none.\n"
"\n"
"  -s, --size=BYTES      make records of so many bytes instead of lines; the last\n"
"                        one may be shorter\n"
"  -W, --wait[=SECONDS]  if the buffer is not there yet, wait for it\n"
"  -h, --help            print this and exit\n";

/* The next record of standard input, size bytes or a line; 0 at its end. */
static size_t next_record(char **record, size_t *capacity, size_t size)
{
	ssize_t got;

	if (size)
		got = fread(*record, 1, size, stdin);
	else
		got = getline(record, capacity, stdin);
	if (ferror(stdin))
		err(EXIT_FAILURE, "cannot read standard input");
	return got > 0 ? got : 0;
}

int write_records(int argc, char **argv)
{
	static const struct option options[] = {
		{ "size", required_argument, NULL, 's' },
		{ "wait", optional_argument, NULL, 'W' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	size_t got, capacity;
	const char *device;
	__u64 size = 0, room;
	char *record;
	int option, fd, timeout_ms = 0;

	while ((option = getopt_long(argc, argv, "s:W::h", options,
				     NULL)) != -1) {
		if (option == 's')
			size = bytes_argument("--size", optarg, 1);
		else if (option == 'W')
			timeout_ms = timeout_argument(optarg);
		else
			standard_option(option, NULL, write_help);
	}
	no_more_than(1, argc, argv);
	device = open_buffer(buffer_argument(argv[optind]), O_WRONLY,
			     timeout_ms, &fd);
	room = get_stats(fd, device).size;
	if (size > room)
		errx(EXIT_USAGE, "--size: %llu is more than the %llu bytes of %s",
		     size, room, device);
	if (size > BUFFLINK_WRITE_MAX)
		errx(EXIT_USAGE,
		     "--size: %llu is more than %d bytes, the most that a program can append as one record",
		     size, BUFFLINK_WRITE_MAX);

	capacity = size;
	record = size ? malloc(size) : NULL;
	if (size && !record)
		err(EXIT_FAILURE, "--size");
	while ((got = next_record(&record, &capacity, size))) {
		if (write(fd, record, got) < 0)
			err(EXIT_FAILURE, "cannot append %zu bytes to %s", got,
			    device);
	}
	free(record);
	return EXIT_SUCCESS;
}
