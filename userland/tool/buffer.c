// SPDX-License-Identifier: GPL-2.0-only
/* The buffer that a command is about. */
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <err.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "tool.h"

const char *buffer_argument(const char *name)
{
	if (!name || !*name)
		errx(EXIT_USAGE, "no buffer given: name one, as N, DEVICE, OWNER or OWNER/NAME");
	return name;
}

const char *open_buffer(const char *buffer, int flags, int timeout_ms, int *fd)
{
	static char path[PATH_MAX];

	*fd = bufflink_open_device(buffer, flags, path, sizeof(path),
				   timeout_ms);
	if (*fd < 0)
		errx(EXIT_FAILURE, "%s", bufflink_error());
	return path;
}

void set_watermark(int fd, const char *device, const char *option,
		   __u64 bytes)
{
	const __u64 size = get_stats(fd, device).size;

	if (bytes > size)
		errx(EXIT_USAGE, "%s: %llu is more than the %llu bytes of %s",
		     option, bytes, size, device);
	if (ioctl(fd, BUFFLINK_SETWATERMARK, &bytes))
		err(EXIT_FAILURE, "%s: cannot set the watermark", device);
}
