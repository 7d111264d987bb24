// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "beside.h"

#define DMESG		"/usr/bin/dmesg"
#define ATTEMPTS	15	/* dmesg may be late with its look at the clock */
#define WORDS		4

/* options that both have */
static const char *const options[][WORDS] = {
	{ NULL },
	{ "-x" },
	{ "-r", "-f", "kern" },	/* 2.38 has others wrong: 7 for 30 */
	{ "-t" },
	{ "-d" },
	{ "-T" },
	{ "-d", "-T" },
	{ "-e" },
	{ "-H" },
	{ "-p" },
	{ "-p", "-x", "-e" },
	{ "-d", "-t" },
	{ "-t", "-d", "-p" },
	{ "-d", "-e" },
	{ "-H", "-d" },
	{ "-d", "--time-format=notime" },
	{ "--time-format=ctime", "-d" },
	{ "-t", "-T" },
	{ "-e", "-t" },
	{ "-r", "-p", "-f", "kern" },
	{ "--time-format=delta" },
	{ "--color=always" },
	{ "--color=always", "-x", "-e" },
	{ "--color=always", "-p", "-T" },
	{ "-l", "err,warn", "-d" },
	{ "-f", "user,daemon", "--level=info" },
	{ "-k", "-x" },
	{ "--since=1980-01-01", "--until=2037-01-01 12:00:00" },
	{ "--until=1980-01-01" },
};

static const char *const samples[] = {
	"\0010emerg\n", "\0011alert\n", "\0012crit\n", "\0013err\n",
	"\0014warn\n", "\0015notice\n", "\0016info\n", "\0017debug\n",
	"\0013usb 1-1: a fault\nand line two\n\nfourth: line\n",
	"\0016\t a tab, \033[31m, \xc3\xa9, \xff, \xe2\x82\xac, \x7f, \xc2\x9b, a\\b\\x41\n",
	"\0016unassigned \xcd\xb8, \xef\xbf\xbf, \xe2\x80\xae\n",
	"\0016x[12]: segfault at 0 ip 1\n", "\n", "\0016with two\n\n",
	"\0016\n\n", "\0016: first\n", "\0016last:\x20\n", "\0014a:b: c\n",
	"\0016[    1.000000] not its time\n", "\0016<3>not its level\n",
	"\0016[   T12] not its caller\n",
};

static void print_samples(void)
{
	size_t i;

	for (i = 0; i < sizeof(samples) / sizeof(*samples); i++)
		print(PRODUCER_PROCESS, samples[i]);
	write_kmsg("<30>a daemon: speaks\n");
	write_kmsg("<12>a user: warns\n");
	write_kmsg("<134>local0: has no name\n");
	write_kmsg("<98>nor has: number 12\n");
}

static struct tool start_with(const char *path, const char *const words[WORDS],
			      char *last)
{
	char *argv[WORDS + 3] = { "program" };
	int i;

	for (i = 0; i < WORDS && words[i]; i++)
		argv[1 + i] = (char *)words[i];
	argv[1 + i] = last;
	return start_tool(path, memory_file(""), memory_file(""), argv);
}

/* Behind the time of -T, which may be green and is 0 if there is none. */
static const char *skip_time(const char *line, time_t *seconds)
{
	const char *start = strncmp(line, "\033[32m", 5) ? line : line + 5;
	struct tm time = {};
	const char *end = strptime(start, "[%a %b %d %H:%M:%S %Y", &time);

	*seconds = end ? timegm(&time) : 0;
	return end ?: line;
}

/* A message that came just before a whole second may have the one before it. */
static bool is_same_line(const char *ours, const char *theirs)
{
	time_t our_time, their_time;

	ours = skip_time(ours, &our_time);
	theirs = skip_time(theirs, &their_time);
	return (our_time == their_time || our_time == their_time + 1) &&
	       strcspn(ours, "\n") == strcspn(theirs, "\n") &&
	       !strncmp(ours, theirs, strcspn(ours, "\n") + 1);
}

static const char *first_difference(const char *ours, const char *theirs)
{
	static char text[1024];

	while (is_same_line(ours, theirs)) {
		ours = strchrnul(ours, '\n');
		theirs = strchrnul(theirs, '\n');
		if (!*ours)
			return NULL;
		ours++;
		theirs++;
	}
	snprintf(text, sizeof(text), "'%.200s' instead of '%.200s'", ours,
		 theirs);
	return text;
}

/*
 * dmesg of Debian 12 adds whole seconds to the time of the boot, which it knows
 * too early: it looks at the clock, and later at the time since the boot.
 */
static void boot_at_a_whole_second(unsigned int late_us)
{
	struct timespec now, wall;

	clock_gettime(CLOCK_MONOTONIC, &now);
	clock_gettime(CLOCK_REALTIME, &wall);
	wall.tv_sec -= now.tv_sec;
	now.tv_sec += wall.tv_sec;
	now.tv_nsec += late_us * 1000;
	if (now.tv_nsec >= 1000000000) {
		now.tv_sec++;
		now.tv_nsec -= 1000000000;
	}
	ck_assert_int_eq(clock_settime(CLOCK_REALTIME, &now), 0);
}

static const char *compare(const char *const words[WORDS],
			   unsigned int late_us)
{
	const char *ours, *theirs;

	boot_at_a_whole_second(late_us);
	load_for_program(LARGE);
	ours = output(start_with("/t/bufflink-klog", words, "--no-wait"),
		      GOOD);
	theirs = output(start_with(DMESG, words, NULL), GOOD);
	ck_assert_int_eq(unload(KLOG), 0);
	return first_difference(ours, theirs);
}

START_TEST(the_text_is_that_of_dmesg)
{
	const char *difference;
	int n = 0;

	print_samples();
	do
		difference = compare(options[_i], 200 << n % 3 * 2);
	while (difference && ++n < ATTEMPTS);
	ck_assert_msg(!difference, "%s %s: %s", options[_i][0] ?: "",
		      options[_i][1] ?: "", difference);
}
END_TEST

static const char *const beside_raw[] = {
	"-x", "-T", "-t", "-e", "-H", "-d", "-L", "--color=never",
};

START_TEST(options_that_dmesg_refuses_beside_raw_are_refused)
{
	size_t i;

	for (i = 0; i < sizeof(beside_raw) / sizeof(*beside_raw); i++) {
		const char *const first[WORDS] = { "-r", beside_raw[i] };
		const char *const last[WORDS] = { beside_raw[i], "--raw" };
		struct tool ours;

		output(start_with(DMESG, first, NULL), FAILED);
		output(start_with("/t/bufflink-klog", first, NULL), USAGE);
		ours = start_with("/t/bufflink-klog", last, NULL);
		output(ours, USAGE);
		ck_assert(has_written(ours.err, ": --raw and --"));
	}
}
END_TEST

/* The value that one of the two has for a message, in a few lines of it. */
static bool find_value(const char *object, const char *end, const char *name,
		       char value[8192])
{
	const char *start = memmem(object, end - object, name, strlen(name));

	if (!start)
		return false;
	start += strlen(name);
	while (*start == ' ')
		start++;
	return sscanf(start, *start == '"' ? "%8191[^\n]" : "%8191[0-9.]",
		      value) == 1;
}

static void same_value(const char *ours, const char *theirs,
		       const char *end, const char *name)
{
	static char our[8192], their[8192];
	size_t size;

	ck_assert(find_value(theirs, end, name, their));
	ck_assert_msg(find_value(ours, strchr(ours, '\n'), name, our),
		      "no %s: %.100s", name, ours);
	if (strchr(their, '\\'))	/* there are several ways */
		return;
	size = strlen(their);
	ck_assert_msg(!strncmp(our, their, size), "'%.100s' for '%.100s'",
		      our, their);
}

static bool has_no_text(const char *line)
{
	return memmem(line, strchr(line, '\n') - line, "\"msg\":\"\"", 8);
}

START_TEST(json_has_the_names_and_values_of_dmesg)
{
	const char *const words[3][WORDS] = {
		{ "--json", "-f", "kern" }, { "--json", "-x" }, { "-Jx" },
	};
	const char *ours, *theirs, *end;
	unsigned int count = 0;

	print_samples();
	load_for_program(LARGE);
	theirs = output(start_with(DMESG, words[_i], NULL), GOOD);
	ours = output(start_with("/t/bufflink-klog", words[_i], "--no-wait"),
		      GOOD);
	theirs = strstr(theirs, "[\n") + 2;
	for (; (theirs = strstr(theirs, "{\n")); theirs = end) {
		while (has_no_text(ours))	/* it leaves these out */
			ours = strchr(ours, '\n') + 1;
		end = strstr(theirs, "\n      }");
		ck_assert_ptr_nonnull(end);
		/* it leaves those out that have no name */
		if (_i && memmem(theirs, end - theirs, "\"fac\"", 5))
			same_value(ours, theirs, end, "\"fac\":");
		if (memmem(theirs, end - theirs, "\"pri\"", 5))
			same_value(ours, theirs, end, "\"pri\":");
		same_value(ours, theirs, end, "\"time\":");
		same_value(ours, theirs, end, "\"msg\":");
		ours = strchr(ours, '\n') + 1;
		count++;
	}
	ck_assert_uint_gt(count, 50);
}
END_TEST

void add_tests_beside_dmesg(TCase *tcase)
{
	setenv("LC_ALL", "C.UTF-8", 1);
	tcase_add_loop_test(tcase, the_text_is_that_of_dmesg, 0,
			    sizeof(options) / sizeof(*options));
	tcase_add_test(tcase, options_that_dmesg_refuses_beside_raw_are_refused);
	tcase_add_loop_test(tcase, json_has_the_names_and_values_of_dmesg, 0,
			    3);
}
