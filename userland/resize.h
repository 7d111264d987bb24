/* SPDX-License-Identifier: GPL-2.0-only */
/* A new size for a buffer. */
#ifndef _RESIZE_H
#define _RESIZE_H

#include "libbufflink/libbufflink.h"

/* Ends the program, with the reason, if that fails. */
void resize_buffer(const struct bufflink_info *info, __u64 bytes);

#endif /* _RESIZE_H */
