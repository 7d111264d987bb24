// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink - list and watch the buffers of bufflink, read them and write to them
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define COMMANDS	"list, stat, cat, watermark, resize or write"

static const char main_help[] =
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

static const struct {
	char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "bufflink list", list, list_help },
	{ "bufflink stat", stat_buffers, stat_help },
	{ "bufflink cat", cat, cat_help },
	{ "bufflink watermark", watermark, watermark_help },
	{ "bufflink resize", resize, resize_help },
	{ "bufflink write", write_records, write_help },
};

static size_t find_command(const char *name)
{
	static const size_t prefix = sizeof("bufflink ") - 1;
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (!strcmp(name, commands[i].name + prefix))
			return i;
	}
	errx(EXIT_USAGE, "'%s' is no command: use " COMMANDS, name);
}

static void help(int argc, char **argv)
{
	no_more_than(2, argc, argv);
	fputs(argv[optind + 1] ? commands[find_command(argv[optind + 1])].help :
				 main_help, stdout);
	finish(EXIT_SUCCESS);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ }
	};
	int option;
	size_t i;

	begin(argv);
	while ((option = getopt_long(argc, argv, "+hV", options, NULL)) != -1)
		standard_option(option, "bufflink", main_help);
	if (!argv[optind])
		errx(EXIT_USAGE, "no command given: use " COMMANDS);
	if (!strcmp(argv[optind], "help"))
		help(argc, argv);

	i = find_command(argv[optind]);
	argc -= optind;
	argv += optind;
	argv[0] = commands[i].name;
	optind = 0;	/* begin anew */
	finish(commands[i].run(argc, argv));
}
