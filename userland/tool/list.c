// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "tool.h"

const char list_help[] =
"Usage: bufflink list [OPTION]...\n"
"Print a table of the buffers: number, owner (the kernel module that made it)\n"
"and name, size and used bytes, records that were appended, that were lost.\n"
"Values have units on a terminal, and are exact elsewhere.\n"
"\n"
"  -j, --json  print all that is known instead, as an array of JSON objects\n"
"  -h, --help  print this and exit\n";

/* Exact values for programs, and units for people. */
static struct cell shown(__u64 value, struct cell (*with_unit)(double value))
{
	struct cell cell;

	if (isatty(STDOUT_FILENO))
		return with_unit(value);
	snprintf(cell.text, sizeof(cell.text), "%llu", value);
	return cell;
}

static void print_table(const struct look *look)
{
	const struct bufflink_info *buffer;
	const __u64 *values;
	int i;

	printf("NUMBER  %-24s %10s %10s %12s %10s\n", "OWNER/NAME", "SIZE",
	       "USED", "RECORDS", "LOST");
	for (i = 0; i < look->count; i++) {
		buffer = &look->buffers[i];
		values = buffer->values;
		printf("%6d  %-24s %10s %10s %12s %10s\n", buffer->number,
		       owner_and_name(buffer).text,
		       shown(values[BUFFLINK_SIZE], in_bytes).text,
		       shown(values[BUFFLINK_USED], in_bytes).text,
		       shown(values[BUFFLINK_RECORDS], in_thousands).text,
		       shown(values[BUFFLINK_LOST_RECORDS], in_thousands).text);
	}
}

int list(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	bool json = false;
	struct look look;
	int option;

	while ((option = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		if (option == 'j')
			json = true;
		else
			standard_option(option, NULL, list_help);
	}
	no_more_than(0, argc, argv);

	look = take_look(NULL);
	if (json)
		print_exactly(true, &look, NULL);
	else
		print_table(&look);
	free(look.buffers);
	return EXIT_SUCCESS;
}
