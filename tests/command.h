/* SPDX-License-Identifier: GPL-2.0-only */
/* Functions that the suites of the tool's commands share. */
#ifndef _COMMAND_H
#define _COMMAND_H

#include "device.h"
#include "tool.h"

#define BIG		600000	/* more than the tool reads at once */

extern const char *tool_path;

#define ARGS(...)	((char *[]){ "bufflink", ##__VA_ARGS__, NULL })
#define tool(...) \
	start_tool(tool_path, memory_file(""), memory_file(""), ARGS(__VA_ARGS__))
#define tool_reading(text, ...) \
	start_tool(tool_path, memory_file(text), memory_file(""), ARGS(__VA_ARGS__))
#define tool_writing(out, ...) \
	start_tool(tool_path, memory_file(""), out, ARGS(__VA_ARGS__))

/* Comes first in main(). */
Suite *tool_suite(const char *name);
/* A tool that a shell starts with a redirection, such as "2>&-". */
struct tool redirected(const char *redirection, const char *text,
		       const char *arguments);

/* The tool ends with this status, and its output was exactly this. */
void ends(struct tool tool, int status, const char *out, const char *err);
/* The same where only how a text begins is known. */
void ends_about(struct tool tool, int status, const char *out, const char *err);
/* ... and where it is killed. */
/* One line says so, and nothing was taken, appended or set. */
void is_bad(struct tool tool, const char *reason);

off_t size_of(int fd);
/* A buffer at number 0, for tests that name it on a command line. */
int buffer_0(uint64_t size);

#endif /* _COMMAND_H */
