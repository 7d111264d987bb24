// SPDX-License-Identifier: GPL-2.0-only
/* Which messages are printed. */
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "program.h"

#define COUNT(array)	(sizeof(array) / sizeof(*(array)))

#define NAMED		12	/* facilities of which dmesg(1) has names */

static const char *const facilities[] = {
	"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news",
	"uucp", "cron", "authpriv", "ftp", NULL, NULL, NULL, NULL, "local0",
	"local1", "local2", "local3", "local4", "local5", "local6", "local7",
};

static unsigned int chosen_levels = ~0U, chosen_facilities = ~0U;
static unsigned long long since, until = ~0ULL;

const char *facility_name(unsigned int facility)
{
	return facility < NAMED ? facilities[facility] : NULL;
}

static int find(const char *word, const char *const *names, unsigned int count)
{
	unsigned int i;
	__u64 number;

	for (i = 0; i < count; i++) {
		if (names[i] && !strcasecmp(word, names[i]))
			return i;
	}
	if (!parse_number(word, 10, &number) || number >= count)
		return -1;
	return number;
}

/* Names or numbers, with commas between them: a bit for each. */
static unsigned int list_argument(const char *option, const char *text,
				  const char *const *names, unsigned int count)
{
	char *list = strdup(text), *rest = list, *word;
	unsigned int bits = 0;
	int number;

	if (!list)
		err(EXIT_FAILURE, "%s", option);
	while ((word = strsep(&rest, ","))) {
		number = find(word, names, count);
		if (number < 0)
			errx(EXIT_USAGE, "%s: there is no '%s'", option, word);
		bits |= 1U << number;
	}
	free(list);
	return bits;
}

bool choice_option(int option, const char *text)
{
	switch (option) {
	case 'l':
		chosen_levels = list_argument("--level", text, levels, LEVELS);
		return true;
	case 'f':
		chosen_facilities = list_argument("--facility", text,
						  facilities,
						  COUNT(facilities));
		return true;
	case 'k':
		chosen_facilities = 1;
		return true;
	case 'u':
		chosen_facilities = ~1U;
		return true;
	case SINCE:
		since = time_argument("--since", text);
		return true;
	case UNTIL:
		until = time_argument("--until", text);
		return true;
	default:
		return false;
	}
}

/* A message without a time is at every time. */
bool is_chosen(const struct message *message)
{
	/* the last bit is for all that --facility cannot name */
	unsigned int bit = message->facility < 31 ? message->facility : 31;
	unsigned long long time;

	if (!(chosen_levels & 1U << message->level))
		return false;
	if (!(chosen_facilities & 1U << bit))
		return false;
	if (!message->has_time || (!since && !~until))
		return true;
	time = wall_clock(message);
	return time > since && time < until;
}
