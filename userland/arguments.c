// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>

#include "program.h"

void standard_option(int option, const char *name, const char *help)
{
	if (option == 'h')
		fputs(help, stdout);
	else if (option == 'V')
		printf("%s " VERSION "\n", name);
	else
		exit(EXIT_USAGE);	/* getopt has said why */
	finish(EXIT_SUCCESS);
}

void no_more_than(int operands, int argc, char **argv)
{
	int first = optind + operands;

	if (argc > first)
		errx(EXIT_USAGE, "%s: unexpected argument", argv[first]);
}

/* The number that a text begins with, and its end; false if there is none. */
static bool parse_digits(const char *text, int base, __u64 *number, char **end)
{
	errno = 0;
	*number = strtoull(text, end, base);
	return *text && strchr(DIGITS, *text) && !errno;
}

bool parse_number(const char *text, int base, __u64 *number)
{
	char *end;

	return parse_digits(text, base, number, &end) && !*end;
}

__u64 number_argument(const char *option, const char *text, __u64 min,
		      __u64 max)
{
	__u64 number;

	if (!parse_number(text, 10, &number) || number < min || number > max)
		errx(EXIT_USAGE, "%s: '%s' is not a number, %llu to %llu",
		     option, text, min, max);
	return number;
}

/* A number, perhaps with k, M or G behind it; false if it is something else. */
static bool parse_bytes(const char *text, __u64 *bytes)
{
	static const char units[] = "kMG";
	const char *unit;
	char *end;
	int shift = 0;

	if (!parse_digits(text, 10, bytes, &end))
		return false;
	if (*end) {
		unit = strchr(units, *end++);
		if (!unit || *end)
			return false;
		shift = 10 * (unit - units + 1);
	}
	if (*bytes > ULLONG_MAX >> shift)
		return false;
	*bytes <<= shift;
	return true;
}

__u64 bytes_argument(const char *option, const char *text, __u64 min)
{
	__u64 bytes;

	if (!parse_bytes(text, &bytes) || bytes < min)
		errx(EXIT_USAGE, "%s: '%s' is not a number of bytes, %llu or more",
		     option, text, min);
	return bytes;
}

int find_word(const char *word, const char *const *words)
{
	int i;

	for (i = 0; words[i]; i++) {
		if (!strcmp(word, words[i]))
			return i;
	}
	return -1;
}

int word_argument(const char *option, const char *text,
		  const char *const *words)
{
	const int found = find_word(text, words);
	char list[256] = "";
	int i;

	if (found >= 0)
		return found;
	for (i = 0; words[i]; i++) {
		if (i)
			strcat(list, words[i + 1] ? ", " : " and ");
		strcat(list, words[i]);
	}
	errx(EXIT_USAGE, "%s: '%s' is not one of %s", option, text, list);
}

double seconds_argument(const char *option, const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (text[strspn(text, DIGITS ".")] || *end || seconds < 0.1 ||
	    seconds > 1e6)
		errx(EXIT_USAGE, "%s: '%s' is not a number of seconds, 0.1 to 1000000",
		     option, text);
	return seconds;
}

int timeout_argument(const char *text)
{
	return text ? seconds_argument("--wait", text) * 1000 : -1;
}
