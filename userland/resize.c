// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resize.h"
#include "sysfs.h"

static const char *why_not(int error)
{
	switch (error) {
	case EACCES:
		return "only root may: try again as root";
	case EBUSY:
		return "bytes from before an earlier resize still wait: read them first";
	case EINVAL:
		return "its memory belongs to its kernel module, or this is no size";
	case ENOMEM:
		return "there is not enough memory: choose a smaller size";
	default:
		return strerror(error);
	}
}

void resize_buffer(const struct bufflink_info *info, __u64 bytes)
{
	char path[96], text[32];

	snprintf(path, sizeof(path), "/sys/class/misc/bufflink%d/size",
		 info->number);
	snprintf(text, sizeof(text), "%llu", bytes);
	if (!write_file(path, text))
		errx(EXIT_FAILURE, "cannot resize %s to %llu bytes: %s",
		     info->device, bytes, why_not(errno));
}
