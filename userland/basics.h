/* SPDX-License-Identifier: GPL-2.0-only */
/* Small things that the library and the programs need; users of it do not. */
#ifndef _BASICS_H
#define _BASICS_H

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DIGITS		"0123456789"

/* in nanoseconds */
static inline long long clock_now(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static inline struct timespec timespec_of(double seconds)
{
	struct timespec time = { .tv_sec = seconds };

	time.tv_nsec = (seconds - time.tv_sec) * 1e9;
	return time;
}

/*
 * Reads a small file of sysfs or procfs, as far as there is room, and puts a zero
 * behind it. Gives its size, or -1.
 */
static inline ssize_t read_file(int folder, const char *path, char *text,
				size_t size)
{
	const int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
	const ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[got > 0 ? got : 0] = '\0';
	return got;
}

/* Its first line, which may be empty, without the newline; false if it has none. */
static inline bool read_line(int folder, const char *path, char *line,
			     size_t size)
{
	const bool has_line = read_file(folder, path, line, size) > 0;

	line[strcspn(line, "\n")] = '\0';
	return has_line;
}

#endif /* _BASICS_H */
