/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs of userland/, run as children, and their output. */
#ifndef _TOOL_H
#define _TOOL_H

#include "common.h"

enum { GOOD, FAILED, USAGE, LOSS };	/* exit statuses */

/* One run of a program: where it writes can be looked at while it runs. */
struct tool {
	const char *path;
	char **argv;
	int in;
	int out;
	int err;
	bool held;	/* starts under the eyes of the test, see hold() */
	pid_t pid;
};

int memory_file(const char *text);
void run_tool(struct tool *tool);
/* the same, with standard error in memory */
struct tool start_tool(const char *path, int in, int out, char **argv);
/*
 * A program that starts held: stops where it is about to ppoll(), or to make a
 * call whose second argument is this path, and goes on.
 */
struct tool start_held(const char *path, char **argv);
void hold(const struct tool *tool);
void hold_before(const struct tool *tool, int call, const char *path);
void let_run(const struct tool *tool);
/* The text written to it so far; valid until the next but one. */
const char *text_of(int fd);
bool has_written(int fd, const char *text);
/* Of a file so far, or "" if there is none; valid until the next. */
const char *contents(const char *path);
unsigned int lines_of(const char *text);

/* A shell's command */
struct tool start_shell(int in, int out, const char *script);
void interrupt(const struct tool *tool);	/* SIGINT ends it */
/* Its output, when it has ended with this status */
const char *output(struct tool tool, int status);
void has(const char *text, const char *part);
/* It has a bad command line, and says so. */
void misuse(struct tool tool, const char *reason);
/* It says that the buffer of this number has a reader already. */
void finds_a_reader(struct tool tool, int number);

/* A disk that is soon full, mounted in a folder; and then it has room. */
void mount_small_disk(const char *folder);
void enlarge_small_disk(const char *folder);

#endif /* _TOOL_H */
