// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trace.h"

#define PARAMETER_MAX	4096	/* bytes that the kernel gives of one */

static int open_file(const char *path, int flags)
{
	const int fd = open(path, flags | O_CLOEXEC);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	errx(EXIT_FAILURE, "there is no %s: load the module " MODULE, path);
}

static char *read_file(const char *path)
{
	const int fd = open_file(path, O_RDONLY);
	char *text = calloc(1, PARAMETER_MAX + 1);

	if (fd < 0 || !text || read(fd, text, PARAMETER_MAX) < 0)
		err(EXIT_FAILURE, "cannot read %s", path);
	close(fd);
	return text;
}

char *get_parameter(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	return read_file(path);
}

bool set_parameter(const char *name, const char *value)
{
	char path[128];
	int fd, saved;
	bool good;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	fd = open_file(path, O_WRONLY);
	if (fd < 0)
		err(EXIT_FAILURE, "cannot open %s", path);
	/* The kernel takes no empty write. */
	good = *value ? write(fd, value, strlen(value)) >= 0 :
			write(fd, "\n", 1) == 1;
	saved = errno;
	close(fd);
	errno = saved;
	return good;
}

uint64_t count_hits(void)
{
	char *text = get_parameter("hits"), *line, *rest = text;
	unsigned long long hits;
	uint64_t sum = 0;

	while ((line = strsep(&rest, "\n")))
		if (sscanf(line, "%*s %llu", &hits) == 1)
			sum += hits;
	free(text);
	return sum;
}

void choose_events(const char *list)
{
	if (set_parameter("events", list))
		return;
	if (errno == EINVAL)
		errx(EXIT_USAGE,
		     "--events: '%s' has a word that is no event and no group: 'bufflink-trace list' has all",
		     list);
	if (errno == EOPNOTSUPP)
		errx(EXIT_USAGE,
		     "--events: '%s' has an event that this kernel lacks: see 'bufflink-trace list'",
		     list);
	err(EXIT_FAILURE, "cannot switch on the events '%s'", list);
}

void no_events(void)
{
	if (!set_parameter("events", ""))
		err(EXIT_FAILURE, "cannot switch off the events");
}

void check_version(void)
{
	char *version = get_parameter("version");

	if (atoi(version) != TRACE_VERSION)
		errx(EXIT_FAILURE,
		     "records of " MODULE " have version %d, not %d: load that of this program",
		     atoi(version), TRACE_VERSION);
	free(version);
}

unsigned int possible_cpus(void)
{
	char *text = read_file("/sys/devices/system/cpu/possible");
	const char *last = strrchr(text, '-');
	unsigned int cpus = atoi(last ? last + 1 : text) + 1;

	free(text);
	return cpus;
}
