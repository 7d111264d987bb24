// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "basics.h"
#include "sysfs.h"

#define PARAMETER	"/sys/module/%s/parameters/%s"

ssize_t read_parameter(const char *module, const char *name,
		       char value[PARAMETER_MAX + 1])
{
	char path[128];

	snprintf(path, sizeof(path), PARAMETER, module, name);
	return read_file(AT_FDCWD, path, value, PARAMETER_MAX + 1);
}

bool write_parameter(const char *module, const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), PARAMETER, module, name);
	return write_file(path, value);
}

/* At once. Without the newline, an empty text would not be written at all. */
bool write_file(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	char *line;
	int size;
	bool good;

	if (fd < 0)
		return false;
	size = asprintf(&line, "%s\n", text);
	errno = EIO;	/* for a part */
	good = size >= 0 && write(fd, line, size) == size;
	if (size >= 0)
		free(line);
	close(fd);
	return good;
}
