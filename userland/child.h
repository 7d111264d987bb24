/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes that a program starts. */
#ifndef _CHILD_H
#define _CHILD_H

#include <sys/types.h>

/* As fork(); the child has no handler of this program, which signals may call. */
pid_t fork_child(void);
/* In a child: reads from /dev/null. */
void no_input(void);
/* In a child; if there is no such command, it ends as a shell's would. */
void exec_command(char **argv) __attribute__((noreturn));
void exec_shell(const char *command) __attribute__((noreturn));
/* The status that waitpid() gives. */
int wait_for_child(pid_t child);
/* As a shell has it, of such a status. */
int command_status(int status);

#endif /* _CHILD_H */
