/* SPDX-License-Identifier: GPL-2.0-only */
/* The first word of a command line, which names a command of the program. */
#ifndef _SUBCOMMAND_H
#define _SUBCOMMAND_H

struct subcommand {
	char *name;			/* behind that of the program */
	int (*run)(int argc, char **argv);	/* gives the exit status */
	const char *help;
};

struct subcommands {
	const char *program;
	const char *help;
	const char *names;		/* for people: "list, stat or cat" */
	const struct subcommand *list;	/* one without a name ends it */
};

/* Also "help", and the options --help and --version. Ends the program. */
void run_subcommand(int argc, char **argv, const struct subcommands *commands)
	__attribute__((noreturn));

#endif /* _SUBCOMMAND_H */
