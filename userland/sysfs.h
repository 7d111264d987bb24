/* SPDX-License-Identifier: GPL-2.0-only */
/* Files of sysfs, by which modules show values and take them. */
#ifndef _SYSFS_H
#define _SYSFS_H

#include <stdbool.h>
#include <sys/types.h>

#define PARAMETER_MAX	4096	/* bytes that the kernel gives of one */

/* The size of its value, or -1. */
ssize_t read_parameter(const char *module, const char *name,
		       char value[PARAMETER_MAX + 1]);
/* False, with errno, if the module does not take it. */
bool write_parameter(const char *module, const char *name, const char *value);
bool write_file(const char *path, const char *text);

#endif /* _SYSFS_H */
