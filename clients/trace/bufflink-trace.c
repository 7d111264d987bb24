// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink-trace - record what bufflink_trace appends as a trace in CTF
 */
#include "subcommand.h"
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
"  help           print this, or the help of a command\n"
"\n"
"  -h, --help     print this and exit\n"
"  -V, --version  print the version and exit\n"
"\n"
"Exit status: 0 good, 1 failed, 2 bad command line.\n";

int main(int argc, char **argv)
{
	static const struct subcommand list_of_all[] = {
		{ "bufflink-trace record", record, record_help },
		{ "bufflink-trace list", list, list_help },
		{ "bufflink-trace status", status, status_help },
		{ }
	};
	static const struct subcommands commands = {
		.program = "bufflink-trace", .help = help, .list = list_of_all,
		.names = "record, list or status",
	};

	begin(argv);
	run_subcommand(argc, argv, &commands);
}
