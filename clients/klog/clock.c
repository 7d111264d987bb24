// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "message.h"
#include "program.h"

#define SECOND		1000000LL	/* microseconds */
#define JITTER		(SECOND / 100)	/* between looks at two clocks */

/* It follows a clock that is set, but messages do not jump about. */
unsigned long long wall_clock(const struct message *message)
{
	static long long boot;
	long long before = (clock_now(CLOCK_REALTIME) -
			    clock_now(CLOCK_MONOTONIC)) / 1000;

	if (llabs(before - boot) > JITTER)
		boot = before;
	return boot + message->time;
}

static unsigned long long to_clock(const char *option, const char *text,
				   struct tm *tm)
{
	const time_t time = mktime(tm);

	if (time < 0)
		errx(EXIT_USAGE, "%s: '%s' is before 1970", option, text);
	return time * SECOND;
}

unsigned long long time_argument(const char *option, const char *text)
{
	static const char *const formats[] = {
		"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M",
		"%Y-%m-%dT%H:%M", "%Y-%m-%d", "%H:%M:%S", "%H:%M", "@%s",
	};
	const time_t today = time(NULL);
	const char *end;
	struct tm tm;
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		localtime_r(&today, &tm);
		tm.tm_sec = 0;
		if (formats[i][1] == 'Y') {
			tm.tm_hour = 0;
			tm.tm_min = 0;
		}
		tm.tm_isdst = -1;
		end = strptime(text, formats[i], &tm);
		if (end && !*end)
			return to_clock(option, text, &tm);
	}
	errx(EXIT_USAGE,
	     "%s: '%s' is not a time: give YYYY-MM-DD, HH:MM[:SS], both, or @SECONDS since 1970",
	     option, text);
}
