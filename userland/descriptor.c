// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "program.h"

static void wait_for_descriptor(int fd, short events)
{
	struct pollfd pollfd = { .fd = fd, .events = events };

	poll(&pollfd, 1, -1);
}

size_t write_at(int fd, const void *data, size_t size, off_t offset)
{
	const char *from = data;
	ssize_t written;
	size_t done = 0;

	while (done < size) {
		if (offset == HERE)
			written = write(fd, from + done, size - done);
		else
			written = pwrite(fd, from + done, size - done,
					 offset + done);
		if (written < 0 && errno != EINTR)
			break;
		if (written > 0)
			done += written;
	}
	return done;
}

size_t write_most(int fd, const void *data, size_t size)
{
	size_t done = write_at(fd, data, size, HERE);

	while (done < size && errno == EAGAIN) {
		wait_for_descriptor(fd, POLLOUT);
		done += write_at(fd, (const char *)data + done, size - done,
				 HERE);
	}
	return done;
}

ssize_t read_some(int fd, void *data, size_t size)
{
	ssize_t got;

	while ((got = read(fd, data, size)) < 0) {
		if (errno == EAGAIN)
			wait_for_descriptor(fd, POLLIN);
		else if (errno != EINTR)
			break;
	}
	return got;
}

size_t read_at(int fd, void *data, size_t size, off_t offset)
{
	size_t done = 0;
	ssize_t got;

	while (done < size) {
		got = pread(fd, (char *)data + done, size - done,
			    offset + done);
		if (!got)
			errno = 0;
		if (!got || (got < 0 && errno != EINTR))
			break;
		if (got > 0)
			done += got;
	}
	return done;
}
