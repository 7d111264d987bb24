// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink-trace - record what bufflink_trace appends as a trace in CTF
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <string.h>

#include "trace.h"

static const char help[] =
"Usage: bufflink-trace COMMAND [OPTION]...\n"
"Trace the kernel by the module " MODULE ", as babeltrace2 and Trace Compass\n"
"read it.\n"
"\n"
"Commands; each has a --help of its own:\n"
"  record         record events into a folder\n"
"  list           print all events, and which are on\n"
"  status         print how often events came, and what the buffer has\n"
"\n"
"  -h, --help     print this and exit\n"
"  -V, --version  print the version and exit\n"
"\n"
"Exit status: 0 good, 1 failed, 2 bad command line.\n";

static const struct {
	const char *name;
	void (*run)(int argc, char **argv);
} commands[] = {
	{ "record", record }, { "list", list }, { "status", status },
};

int main(int argc, char **argv)
{
	int option;
	size_t i;

	begin(argv);
	while ((option = getopt_long(argc, argv, "+hV", help_options, NULL)) != -1)
		standard_option(option, "bufflink-trace", help);
	if (!argv[optind])
		errx(EXIT_USAGE, "no command: see bufflink-trace --help");
	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(argv[optind], commands[i].name))
			continue;
		argc -= optind;
		argv += optind;
		*argv = program_invocation_short_name;
		optind = 0;
		commands[i].run(argc, argv);
	}
	errx(EXIT_USAGE, "'%s' is no command: see bufflink-trace --help",
	     argv[optind]);
}
