/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs of userland/: run as children, and what they have to say. */
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
	pid_t pid;
};

int memory_file(const char *text);
void run_tool(struct tool *tool);
/* the same, with standard error in memory */
struct tool start_tool(const char *path, int in, int out, char **argv);
/* What was written to it so far; valid until the next but one. */
const char *text_of(int fd);
bool has_written(int fd, const char *text);

#endif /* _TOOL_H */
