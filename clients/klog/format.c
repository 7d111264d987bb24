// SPDX-License-Identifier: GPL-2.0-only
/* Messages as text, in the way of dmesg(1). */
#define _GNU_SOURCE
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "message.h"
#include "program.h"

/* how the time is printed, by the names of --time-format */
static const char *const formats[] = {
	"raw", "ctime", "delta", "reltime", "iso", "notime", NULL
};

enum { RAW, CTIME, DELTA, RELTIME, ISO, NONE };

/* when there are colors, by the words of --color */
static const char *const whens[] = { "auto", "always", "never", NULL };

enum { AUTO, ALWAYS, NEVER };

enum color { SUBSYSTEM, TIME, NEW_MINUTE, ALERT, CRIT, ERR, WARN, SEGFAULT };

/* the colors of dmesg(1) where no file of terminal-colors.d(5) sets others */
static const char *const colors[] = {
	[SUBSYSTEM] = "\033[33m", [TIME] = "\033[32m",
	[NEW_MINUTE] = "\033[32m\033[1m", [ALERT] = "\033[7m\033[31m",
	[CRIT] = "\033[1m\033[31m", [ERR] = "\033[31m", [WARN] = "\033[1m",
	[SEGFAULT] = "\033[2m\033[31m",
};

bool decode;

static int format;
static bool with_delta, each_line, as_syslog;
static int color_when = AUTO;
static const char *not_raw;	/* an option that --raw excludes */

bool format_option(int option, const char *text)
{
	switch (option) {
	case 'd':
		not_raw = "--show-delta";
		with_delta = true;
		return true;
	case 'H':
		not_raw = "--human";
		format = RELTIME;
		return true;
	case 'e':
		not_raw = "--reltime";
		format = RELTIME;
		return true;
	case 'L':
		not_raw = "--color";
		color_when = text ? word_argument("--color", text, whens) : AUTO;
		return true;
	case 'p':
		each_line = true;
		return true;
	case 'r':
		as_syslog = true;
		return true;
	case 'T':
		not_raw = "--ctime";
		format = CTIME;
		return true;
	case 't':
		not_raw = "--notime";
		format = NONE;
		return true;
	case 'x':
		not_raw = "--decode";
		decode = true;
		return true;
	case TIME_FORMAT:
		format = word_argument("--time-format", text, formats);
		return true;
	default:
		return false;
	}
}

void settle_format(void)
{
	if (as_syslog && not_raw)
		errx(EXIT_USAGE, "--raw and %s exclude each other", not_raw);
	if (with_delta && format == ISO)
		warnx("--show-delta is ignored with --time-format=iso");
	else if (with_delta && format > CTIME)
		format = DELTA;
	with_delta &= format <= CTIME;
	if (as_syslog)
		format = RAW;
}

static bool has_colors(void)
{
	static int has = -1;

	if (has < 0)
		has = color_when == ALWAYS ||
		      (color_when == AUTO && isatty(STDOUT_FILENO));
	return has;
}

/* The part before the text of a line. */
struct prefix {
	char words[32];
	char time[64];
	char caller[24];
	bool is_new_minute;
};

static unsigned long long last_time;

static double take_delta(const struct message *message)
{
	const unsigned long long before = last_time;

	if (message->has_time)
		last_time = message->time;
	return before ? (double)(long long)(message->time - before) / 1e6 : 0;
}

static void local_time(const struct message *message, struct tm *tm)
{
	const time_t seconds = wall_clock(message) / 1000000;

	localtime_r(&seconds, tm);
}

/* The minute, where a new one begins, and otherwise the time since the last. */
static void relative_time(struct prefix *prefix, const struct message *message,
			  double delta)
{
	static struct tm last;
	struct tm tm;

	local_time(message, &tm);
	prefix->is_new_minute = tm.tm_min != last.tm_min ||
				tm.tm_hour != last.tm_hour ||
				tm.tm_yday != last.tm_yday;
	last = tm;
	if (prefix->is_new_minute)
		strftime(prefix->time, sizeof(prefix->time), "[%b%e %H:%M] ",
			 &tm);
	else
		snprintf(prefix->time, sizeof(prefix->time), "[ %+10.6f] ",
			 delta);
}

static void make_time(struct prefix *prefix, const struct message *message,
		      double delta)
{
	const size_t max = sizeof(prefix->time);
	char clock[32] = "", since[32] = "";
	struct tm tm;

	if (with_delta)
		snprintf(since, sizeof(since), " <%12.6f>", delta);
	switch (format) {
	case RAW:
		snprintf(prefix->time, max, "[%5llu.%06llu%s] ",
			 message->time / 1000000, message->time % 1000000,
			 since);
		break;
	case CTIME:
		local_time(message, &tm);
		strftime(clock, sizeof(clock), "%a %b %e %H:%M:%S %Y", &tm);
		snprintf(prefix->time, max, "[%s%s] ", clock, since);
		break;
	case DELTA:
		snprintf(prefix->time, max, "[<%12.6f>] ", delta);
		break;
	case RELTIME:
		relative_time(prefix, message, delta);
		break;
	case ISO:
		snprintf(prefix->time, max, "%s ",
			 iso_time(wall_clock(message), ','));
		break;
	}
}

static struct prefix make_prefix(const struct message *message)
{
	const char *name = facility_name(message->facility);
	const double delta = take_delta(message);
	struct prefix prefix = { };

	if (as_syslog)
		snprintf(prefix.words, sizeof(prefix.words), "<%u>",
			 message->facility << 3 | message->level);
	else if (decode && name)
		snprintf(prefix.words, sizeof(prefix.words), "%-6s:%-6s: ",
			 name, levels[message->level]);
	if (message->has_time)
		make_time(&prefix, message, delta);
	if (*message->caller)
		snprintf(prefix.caller, sizeof(prefix.caller), "[%6s] ",
			 message->caller);
	return prefix;
}

static void begin_color(enum color color)
{
	if (has_colors())
		fputs(colors[color], stdout);
}

static void end_color(void)
{
	if (has_colors())
		fputs("\033[0m", stdout);
}

/* Gives its width. */
static int print_prefix(const struct prefix *prefix)
{
	fputs(prefix->words, stdout);
	if (*prefix->time) {
		begin_color(prefix->is_new_minute ? NEW_MINUTE : TIME);
		fputs(prefix->time, stdout);
		end_color();
	}
	fputs(prefix->caller, stdout);
	return strlen(prefix->words) + strlen(prefix->time) +
	       strlen(prefix->caller);
}

/* Lines but the first begin below the text of that. */
static void print_indented(const char *text, const char *part_end,
			   const char *end, int indent)
{
	const char *newline;

	while ((newline = memchr(text, '\n', part_end - text))) {
		print_plain(text, newline - text);
		text = newline + 1;
		printf("\n%*s", text < end ? indent : 0, "");
	}
	print_plain(text, part_end - text);
}

/* Behind the first colon that a blank and more text follow. */
static const char *end_of_subsystem(const char *text, const char *end)
{
	const char *colon = text;

	while ((colon = memchr(colon, ':', end - colon))) {
		colon++;
		if (end - colon >= 2 && (*colon == ' ' || *colon == '\t'))
			return colon + 1;
	}
	return text;
}

static int color_of(const struct message *message, const char *text,
		    size_t size)
{
	static const int of_levels[] = { -1, ALERT, CRIT, ERR, WARN, -1, -1, -1 };
	const int color = of_levels[message->level];

	if (color < 0 && memmem(text, size, "segfault at", 11))
		return SEGFAULT;
	return color;
}

static void print_text(const struct message *message, const char *text,
		       size_t size, int indent)
{
	const char *const end = text + size;
	const char *subsystem = text;
	int color;

	if (has_colors())
		subsystem = end_of_subsystem(text, end);
	if (subsystem > text) {
		begin_color(SUBSYSTEM);
		print_indented(text, subsystem, end, indent);
		end_color();
	}
	color = color_of(message, subsystem, end - subsystem);
	if (color >= 0)
		begin_color(color);
	print_indented(subsystem, end, end, indent);
	if (color >= 0)
		end_color();
	putchar('\n');
}

static void print_each_line(const struct message *message,
			    struct prefix *prefix)
{
	const char *rest = message->text, *line;
	bool is_empty = true;
	size_t size;

	while ((line = next_line(message, &rest, &size))) {
		if (!size)
			continue;
		print_text(message, line, size, print_prefix(prefix));
		if (format == RELTIME && *prefix->time)
			strcpy(prefix->time, "[  +0.000000] ");
		is_empty = false;
	}
	if (is_empty) {
		print_prefix(prefix);
		putchar('\n');
	}
}

void print_lines(const struct message *message)
{
	struct prefix prefix;

	if (!message->size) {
		putchar('\n');
		return;
	}
	prefix = make_prefix(message);
	if (each_line)
		print_each_line(message, &prefix);
	else
		print_text(message, message->text, message->size,
			   print_prefix(&prefix));
}
