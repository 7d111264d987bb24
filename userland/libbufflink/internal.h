/* SPDX-License-Identifier: GPL-2.0-only */
/* The files of the library share this. Names that begin with bl_ stay inside. */
#ifndef _INTERNAL_H
#define _INTERNAL_H

#include <limits.h>

#include "libbufflink.h"

/* Keeps the text for bufflink_error(), and gives the number back. */
__attribute__((format(printf, 2, 3)))
int bl_fail(int err, const char *format, ...);

/*
 * A buffer that is named in one of the four ways: what is known of it, or the
 * buffer itself and its path. Of one that is not there, -ENOENT or -ENODEV.
 */
int bl_find(const char *buffer, struct bufflink_info *info);
int bl_open(const char *buffer, int flags, char path[PATH_MAX]);

#endif /* _INTERNAL_H */
