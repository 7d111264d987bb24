// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <err.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"
#include "subcommand.h"

static const struct subcommand *find(const struct subcommands *commands,
				     const char *word)
{
	const size_t prefix = strlen(commands->program) + 1;
	const struct subcommand *command;

	for (command = commands->list; command->name; command++) {
		if (!strcmp(word, command->name + prefix))
			return command;
	}
	errx(EXIT_USAGE, "'%s' is no command: use %s", word, commands->names);
}

static void help(int argc, char **argv, const struct subcommands *commands)
{
	const char *word = argv[optind + 1];

	no_more_than(2, argc, argv);
	fputs(word ? find(commands, word)->help : commands->help, stdout);
	finish(EXIT_SUCCESS);
}

void run_subcommand(int argc, char **argv, const struct subcommands *commands)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ }
	};
	const struct subcommand *command;
	int option;

	while ((option = getopt_long(argc, argv, "+hV", options, NULL)) != -1)
		standard_option(option, commands->program, commands->help);
	if (!argv[optind])
		errx(EXIT_USAGE, "no command given: use %s", commands->names);
	if (!strcmp(argv[optind], "help"))
		help(argc, argv, commands);

	command = find(commands, argv[optind]);
	argc -= optind;
	argv += optind;
	argv[0] = command->name;
	optind = 0;	/* begin anew */
	finish(command->run(argc, argv));
}
