// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

#define PARAMETERS	"/sys/module/" MODULE "/parameters/"

static void check_loaded(const char *name)
{
	if (errno == ENOENT)
		errx(EXIT_FAILURE, "there is no " PARAMETERS "%s: load the module " MODULE,
		     name);
}

void get_parameter(const char *name, char value[PARAMETER_MAX + 1])
{
	if (read_parameter(MODULE, name, value) >= 0)
		return;
	check_loaded(name);
	err(EXIT_FAILURE, "cannot read " PARAMETERS "%s", name);
}

bool set_parameter(const char *name, const char *value)
{
	const bool good = write_parameter(MODULE, name, value);

	if (!good)
		check_loaded(name);
	return good;
}

uint64_t count_hits(void)
{
	char text[PARAMETER_MAX + 1], *line, *rest = text;
	unsigned long long hits;
	uint64_t sum = 0;

	get_parameter("hits", text);
	while ((line = strsep(&rest, "\n")))
		if (sscanf(line, "%*s %llu", &hits) == 1)
			sum += hits;
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
	char version[PARAMETER_MAX + 1];

	get_parameter("version", version);
	if (atoi(version) != TRACE_VERSION)
		errx(EXIT_FAILURE,
		     "records of " MODULE " have version %d, not %d: load that of this program",
		     atoi(version), TRACE_VERSION);
}

unsigned int possible_cpus(void)
{
	static const char path[] = "/sys/devices/system/cpu/possible";
	const char *last;
	char text[256];

	if (read_file(AT_FDCWD, path, text, sizeof(text)) < 0)
		err(EXIT_FAILURE, "cannot read %s", path);
	last = strrchr(text, '-');
	return atoi(last ? last + 1 : text) + 1;
}
