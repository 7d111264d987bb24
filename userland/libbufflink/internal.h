/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the library share. Names that begin with bl_ stay inside. */
#ifndef _INTERNAL_H
#define _INTERNAL_H

#include <limits.h>

#include "libbufflink.h"

/* Keeps the text for bufflink_error(), and gives the number back. */
__attribute__((format(printf, 2, 3)))
int bl_fail(int err, const char *format, ...);

/* The path of a buffer that is named in one of the four ways. */
int bl_locate(const char *buffer, char path[PATH_MAX]);
/* Opens what is there; says why not. */
int bl_open_path(const char *path, int flags);

#endif /* _INTERNAL_H */
