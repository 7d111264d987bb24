// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink - list and watch the buffers of bufflink, read them and write to them
 */
#include "subcommand.h"
#include "tool.h"

static const char help[] =
"Usage: bufflink list [OPTION]...\n"
"       bufflink stat [OPTION]... [[SECONDS] BUFFER]\n"
"       bufflink cat [OPTION]... BUFFER\n"
"       bufflink watermark [OPTION]... BUFFER [BYTES]\n"
"       bufflink resize [OPTION]... BUFFER BYTES\n"
"       bufflink write [OPTION]... BUFFER\n"
"       bufflink help [COMMAND]\n"
"List and watch the buffers of bufflink, read them and write to them.\n"
"\n"
"A BUFFER is N, short for /dev/bufflinkN; the path of a device, or of a link to\n"
"one; OWNER, the kernel module that made it; or OWNER/NAME. A module's own buffer\n"
"is the one without a name, and of several the first.\n"
"BYTES may end with k, M or G: 1k is 1024.\n"
"\n"
"  -h, --help     print this, or the help of a command, and exit\n"
"  -V, --version  print the version and exit\n"
"\n"
"Exit status: 0 good, 1 failed, 2 bad command line, 3 records were lost (cat).\n";

int main(int argc, char **argv)
{
	static const struct subcommand list_of_all[] = {
		{ "bufflink list", list, list_help },
		{ "bufflink stat", stat_buffers, stat_help },
		{ "bufflink cat", cat, cat_help },
		{ "bufflink watermark", watermark, watermark_help },
		{ "bufflink resize", resize, resize_help },
		{ "bufflink write", write_records, write_help },
		{ }
	};
	static const struct subcommands commands = {
		.program = "bufflink", .help = help, .list = list_of_all,
		.names = "list, stat, cat, watermark, resize or write",
	};

	begin(argv);
	run_subcommand(argc, argv, &commands);
}
