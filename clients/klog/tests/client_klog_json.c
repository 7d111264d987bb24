// SPDX-License-Identifier: GPL-2.0-only
/* bufflink-klog: JSON in its two forms, times, and the choice of messages. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "messages.h"

START_TEST(text_like_a_prefix_or_a_dictionary_is_text)
{
	const char *text;

	load_for_program(LARGE);
	print(PRODUCER_PROCESS, "\0016[    T7] no caller\n");
	print(PRODUCER_PROCESS, "\0016<3>no level\n SUBSYSTEM=no\n DEVICE=+no:x\n");
	write_kmsg("<14>[    1.000000] no time\n");
	write_kmsg("<14>a\n<0>[    1.000000] b\n");
	write_kmsg("<14>\302\23331m\177 \302\240\n");
	text = output(program("-J", "--no-wait"), GOOD);
	has(text, "\",\"msg\":\"[    T7] no caller\"}\n");
	has(text, "\",\"msg\":\"<3>no level\\n SUBSYSTEM=no\\n DEVICE=+no:x\"}\n");
	has(text, "\",\"msg\":\"[    1.000000] no time\"}\n");
	has(text, "\",\"msg\":\"a\\n<0>[    1.000000] b\"}\n");
	has(text, "\",\"msg\":\"\\u009b31m\\u007f \xc2\xa0\"}\n");

	parameter_write("printk", "time", "N\n");
	write_kmsg("<14>[    1.000000] still no time\n");
	write_kmsg("<14>[    1.000000][    T7] nor a caller\n");
	text = output(program("-J", "--no-wait"), GOOD);
	has(text, ",\"pri\":14,\"msg\":\"[    1.000000] still no time\"}\n");
	has(text, ",\"pri\":14,\"msg\":\"[    1.000000][    T7] nor a caller\"}\n");
}
END_TEST

/* Whatever it is when they are read. */
START_TEST(messages_have_a_time_if_printk_put_one_when_they_came)
{
	const char *text, *line;

	load_for_program(LARGE);
	parameter_write("printk", "time", "N\n");
	write_kmsg("<14>[    9.000000] forged\n");
	parameter_write("printk", "time", "Y\n");
	write_kmsg("<14>[    9.000000] with a time\n");
	text = output(program("-J", "--no-wait"), GOOD);
	has(text, ",\"pri\":14,\"msg\":\"[    9.000000] forged\"}\n");
	line = line_with(text, "with a time");
	has(line, ",\"time\":");
	has(line, ",\"msg\":\"[    9.000000] with a time\"}");

	write_kmsg("<14>[    9.000000] before\n");
	parameter_write("printk", "time", "N\n");
	line = line_with(output(program("-J", "--no-wait"), GOOD), "before");
	has(line, ",\"time\":");
	has(line, ",\"msg\":\"[    9.000000] before\"}");
}
END_TEST

static __u64 wall_us(void)
{
	return clock_now(CLOCK_REALTIME) / 1000;
}

/* The log has a clock of its own, which begins some milliseconds off the other. */
static long long log_is_ahead_us(void)
{
	long long before;

	open_kmsg(SEEK_END);
	before = clock_now(CLOCK_MONOTONIC) / 1000;
	write_kmsg("<13>what time is it\n");
	ck_assert(next_kmsg());
	close(kmsg.fd);
	return (long long)kmsg.time - before;
}

#define TOLERANCE_US	50000	/* clocks are read one after the other */

static void is_between(unsigned long long time, unsigned long long before,
		       unsigned long long after)
{
	time -= log_is_ahead_us();
	ck_assert_uint_ge(time + TOLERANCE_US, before);
	ck_assert_uint_le(time, after + TOLERANCE_US);
}

START_TEST(json_has_the_time_of_the_wall_clock)
{
	unsigned long long before, after;
	const char *line, *rest;
	unsigned int us;
	struct tm tm = { };

	load_for_program(LARGE);
	before = wall_us();
	write_kmsg("<13>now\n");
	after = wall_us();
	line = line_with(output(program("--json=dmesg", "--no-wait"), GOOD),
			 "\"msg\":\"now\"");
	line = strstr(line, ",\"realtime\":\"");
	ck_assert_ptr_nonnull(line);
	rest = strptime(line + 13, "%Y-%m-%dT%H:%M:%S", &tm);
	ck_assert_ptr_nonnull(rest);
	ck_assert_int_eq(sscanf(rest, ".%6u+00:00\"", &us), 1);
	is_between(timegm(&tm) * 1000000ULL + us, before, after);
}
END_TEST

START_TEST(json_for_the_journal_has_its_fields)
{
	unsigned long long before, after, time, since_boot;
	const char *text, *line;

	load_for_program(LARGE);
	before = wall_us();
	print(PRODUCER_PROCESS, "\0014kernel \xc3\xa9\n\tand more\n");
	after = wall_us();
	write_kmsg("<30>of a daemon\n");
	print(PRODUCER_PROCESS, "\0014A\033\xff\n");
	text = output(program("--json=journal", "--no-wait"), GOOD);

	line = line_with(text, "kernel \xc3\xa9");
	ck_assert_int_eq(sscanf(line,
				"{\"__REALTIME_TIMESTAMP\":\"%llu\",\"_SOURCE_MONOTONIC_TIMESTAMP\":\"%llu\",\"_TRANSPORT\":\"kernel\"",
				&time, &since_boot), 2);
	is_between(time, before, after);
	ck_assert_uint_lt(since_boot, time);
	ck_assert_str_eq(strstr(line, ",\"PRIORITY\""),
			 ",\"PRIORITY\":\"4\",\"SYSLOG_FACILITY\":\"0\",\"SYSLOG_IDENTIFIER\":\"kernel\",\"MESSAGE\":\"kernel \xc3\xa9\\n\\tand more\"}");
	has(text, ",\"PRIORITY\":\"6\",\"SYSLOG_FACILITY\":\"3\",\"MESSAGE\":\"of a daemon\"}\n");
	has(text, ",\"MESSAGE\":[65,27,255]}\n");
}
END_TEST

START_TEST(only_chosen_messages_are_printed)
{
	static const struct {
		char *option;
		const char *texts;	/* of the messages that have it */
	} choices[] = {
		{ "--level=err", "a" }, { "--level=3,INFO", "abde" },
		{ "--facility=daemon", "b" }, { "--facility=kern,16", "ac" },
		{ "--facility=local0", "c" }, { "--since=1971-01-01", "abcde" },
		{ "--since=@4000000000", "" }, { "--until=@4000000000", "abcde" },
		{ "--until=1971-01-01T00:00", "" }, { "--kernel", "a" },
		{ "--userspace", "bcde" },
	};
	char expected[64] = "";
	const char *text, *out;
	size_t i;

	load_for_program(LARGE);
	output(program("--no-wait"), GOOD);
	for (i = 0; i < sizeof(choices) / sizeof(*choices); i++) {
		print(PRODUCER_PROCESS, "\0013a\n");
		write_kmsg("<30>b\n");
		write_kmsg("<129>c\n");
		write_kmsg("<14>d\n");
		write_kmsg("<406>e\n");	/* of a facility without a name */
		out = output(program("--no-wait", "-t", choices[i].option),
			     GOOD);
		*expected = '\0';
		for (text = choices[i].texts; *text; text++)
			sprintf(expected + strlen(expected), "%c\n", *text);
		ck_assert_msg(!strcmp(out, expected), "%s: %s",
			      choices[i].option, out);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("klog json");
	TCase *tcase = tcase_create("program");

	setenv("LC_ALL", "C", 1);
	tcase_add_checked_fixture(tcase, klog_setup, klog_teardown);
	tcase_set_timeout(tcase, 3 * PATIENCE_S);
	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase,
		       text_like_a_prefix_or_a_dictionary_is_text);
	tcase_add_test(tcase,
		       messages_have_a_time_if_printk_put_one_when_they_came);
	tcase_add_test(tcase, json_has_the_time_of_the_wall_clock);
	tcase_add_test(tcase, json_for_the_journal_has_its_fields);
	tcase_add_test(tcase, only_chosen_messages_are_printed);
	return run_suite(suite);
}
