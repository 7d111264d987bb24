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

struct bufflink_info find_buffer(const char *buffer, int timeout_ms)
{
	struct bufflink_info info;

	if (bufflink_find(buffer, &info, timeout_ms))
		errx(EXIT_FAILURE, "%s", bufflink_error());
	return info;
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

__u64 size_of(int fd, const char *device)
{
	struct bufflink_stats stats;

	if (ioctl(fd, BUFFLINK_STATS, &stats))
		err(EXIT_FAILURE, "%s: cannot learn its size", device);
	return stats.size;
}

void set_watermark(int fd, const char *device, const char *option,
		   __u64 bytes)
{
	const __u64 size = size_of(fd, device);

	if (bytes > size)
		errx(EXIT_USAGE, "%s: %llu is more than the %llu bytes of %s",
		     option, bytes, size, device);
	if (ioctl(fd, BUFFLINK_SETWATERMARK, &bytes))
		err(EXIT_FAILURE, "%s: cannot set the watermark", device);
}
