// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "command.h"

const char *tool_path;

Suite *tool_suite(const char *name)
{
	tool_path = getenv("BUFFLINK") ?: "/t/bufflink";
	setenv("LC_ALL", "C", 1);
	return suite_create(name);
}

off_t size_of(int fd)
{
	struct stat stat;

	ck_assert_int_eq(fstat(fd, &stat), 0);
	return stat.st_size;
}

void ends(struct tool tool, int status, const char *out, const char *err)
{
	int really = finish(tool.pid);

	ck_assert_str_eq(text_of(tool.err), err);
	ck_assert_str_eq(text_of(tool.out), out);
	ck_assert_int_eq(really, status);
}

void ends_about(struct tool tool, int status, const char *out, const char *err)
{
	int really = finish(tool.pid);

	ck_assert_int_eq(strncmp(text_of(tool.err), err, strlen(err)), 0);
	ck_assert_int_eq(strncmp(text_of(tool.out), out, strlen(out)), 0);
	ck_assert_int_eq(really, status);
}

int buffer_0(uint64_t size)
{
	int fd = new_buffer(size);

	ck_assert_uint_eq(sysfs_value(0, "size"), stats(fd).size);
	return fd;
}

void is_bad(struct tool tool, const char *reason)
{
	char line[256];

	snprintf(line, sizeof(line), "bufflink%s\n", reason);
	ends(tool, USAGE, "", line);
}

struct tool redirected(const char *redirection, const char *text,
		       const char *arguments)
{
	static char script[128];

	snprintf(script, sizeof(script), "exec %s %s %s", tool_path, arguments,
		 redirection);
	return start_shell(memory_file(text), memory_file(""), script);
}
