/* SPDX-License-Identifier: GPL-2.0-only */
/* A command that comes after "--", runs meanwhile, and gives its exit status. */
#ifndef _COMMAND_H
#define _COMMAND_H

#include <getopt.h>
#include <stdbool.h>

/* As getopt_long(). Behind the last option, only the words of a command are left. */
int option_before_command(int argc, char **argv, const char *letters,
			  const struct option *options);

/* Its child waits until it is let go, and then does enter(), if that is not NULL. */
void start_command(char **argv, void (*enter)(void));
/*
 * stop(SIGCHLD) is done when it has ended, and linger(), if not NULL, has returned.
 * The command is not let go if this program is to stop already.
 */
void let_command_go(void (*linger)(void));
/* Whether it had ended when this was first asked, and with which status. */
bool command_ended(int *status);
/* As end_reading(), with the status of the command. */
void end_with_command(bool lost) __attribute__((noreturn));

#endif /* _COMMAND_H */
