// SPDX-License-Identifier: GPL-2.0-only
/* The example module: its lines, its parameters, its end. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "common.h"

#define EXAMPLE		"bufflink_test"
#define RECORD		64	/* bytes, unless a parameter says otherwise */
#define RECORD_MAX	512

enum { PROCESS, SOFTIRQ, HARDIRQ, CONTEXTS };

static const char *const context_names[] = { "process", "softirq", "hardirq" };

struct line {
	unsigned int context;
	unsigned int cpu;
	double time;
	unsigned long sequence;
};

static void example_out(void)
{
	unload_if_there(EXAMPLE);
}

static void example_in(const char *parameters)
{
	ck_assert_int_eq(load(EXAMPLE, parameters), 0);
}

static unsigned int context_of(const char *name)
{
	unsigned int context;

	for (context = 0; context < CONTEXTS; context++)
		if (!strcmp(name, context_names[context]))
			return context;
	ck_abort_msg("'%s' is no context", name);
}

static struct line parse_line(const char *record, size_t size)
{
	unsigned long seconds, microseconds;
	struct line line;
	char name[16];
	int length = 0;

	ck_assert_int_eq(sscanf(record, "%15s cpu%u %lu.%6lu %lu%n", name,
				&line.cpu, &seconds, &microseconds,
				&line.sequence, &length), 5);
	ck_assert_uint_eq(length + strspn(record + length, " "), size - 1);
	ck_assert_int_eq(record[size - 1], '\n');
	ck_assert_uint_lt(line.cpu, cpus());
	line.context = context_of(name);
	line.time = seconds + microseconds / 1e6;
	return line;
}

static struct line next_line(int fd, size_t size)
{
	char record[RECORD_MAX + 1] = "";

	read_all(fd, record, size);
	return parse_line(record, size);
}

/* Read until each of these contexts gave so many lines, numbered from 0. */
static void check_lines(int fd, size_t size, unsigned int contexts,
			unsigned long count)
{
	unsigned long next[CONTEXTS] = { };
	double time[CONTEXTS] = { };
	unsigned int missing = contexts;
	struct line line;

	while (missing) {
		line = next_line(fd, size);
		ck_assert(contexts & 1 << line.context);
		ck_assert_uint_eq(line.sequence, next[line.context]++);
		ck_assert(line.time >= time[line.context]);
		time[line.context] = line.time;
		if (next[line.context] == count)
			missing &= ~(1 << line.context);
	}
	ck_assert_uint_eq(loss(fd).records, 0);
}

#define ALL	(1 << PROCESS | 1 << SOFTIRQ | 1 << HARDIRQ)

START_TEST(lines_come_from_all_contexts_and_none_is_missing)
{
	example_in("rate=400 buffer_size=1000000");
	check_lines(open_buffer(0, O_RDONLY | O_NONBLOCK), RECORD, ALL, 200);
}
END_TEST

START_TEST(each_context_can_append_alone)
{
	int fd;

	example_in("rate=100 softirq=0 hardirq=0");
	fd = open_buffer(0, O_RDONLY | O_NONBLOCK);
	check_lines(fd, RECORD, 1 << PROCESS, 20);
	close(fd);
	example_out();

	example_in("rate=100 process=0 hardirq=0");
	fd = open_buffer(0, O_RDONLY | O_NONBLOCK);
	check_lines(fd, RECORD, 1 << SOFTIRQ, 20);
	close(fd);
	example_out();

	example_in("rate=100 process=n softirq=n");
	check_lines(open_buffer(0, O_RDONLY | O_NONBLOCK), RECORD,
		    1 << HARDIRQ, 20);
}
END_TEST

START_TEST(records_have_the_size_that_was_asked)
{
	example_in("rate=100 record_size=512 buffer_size=1000000");
	check_lines(open_buffer(0, O_RDONLY | O_NONBLOCK), 512, ALL, 20);
}
END_TEST

START_TEST(every_buffer_gets_every_line)
{
	int number;

	example_in("rate=100 buffers=3");
	for (number = 0; number < 3; number++)
		check_lines(open_buffer(number, O_RDONLY | O_NONBLOCK), RECORD,
			    ALL, 20);
	ck_assert(!exists("/dev/bufflink3"));
}
END_TEST

/* Times of the lines, not of their reading: a slow machine is only late. */
static void check_rate(const char *parameters, unsigned int rate,
		       unsigned int lines)
{
	double seconds = 1.0 * lines / rate;
	double first[CONTEXTS];
	struct line line;
	int fd;

	example_in(parameters);
	fd = open_buffer(0, O_RDONLY | O_NONBLOCK);
	do {
		line = next_line(fd, RECORD);
		if (!line.sequence)
			first[line.context] = line.time;
	} while (line.sequence < lines);
	ck_assert_double_ge(line.time - first[line.context], seconds - 0.05);
	ck_assert_double_le(line.time - first[line.context], 3 * seconds);
	close(fd);
	example_out();
}

START_TEST(the_rate_is_that_of_the_parameter)
{
	check_rate("rate=7 softirq=0 hardirq=0", 7, 7);
	check_rate("rate=60 process=0 hardirq=0", 60, 90);
	check_rate("rate=1000 process=0 softirq=0", 1000, 1000);
}
END_TEST

START_TEST(buffers_have_the_size_that_was_asked)
{
	example_in("rate=1 buffer_size=10000 buffers=2");
	ck_assert_uint_eq(sysfs_value(0, "size"), 3 * PAGE);
	ck_assert_uint_eq(sysfs_value(1, "size"), 3 * PAGE);
	example_out();
	example_in("rate=1");
	ck_assert_uint_eq(sysfs_value(0, "size"), 64 * 1024);
}
END_TEST

START_TEST(the_owner_is_the_example)
{
	char owner[64];

	example_in("");
	sysfs_read(0, "owner", owner, sizeof(owner));
	ck_assert_str_eq(owner, EXAMPLE);
}
END_TEST

START_TEST(a_gap_in_the_numbers_is_as_large_as_the_loss)
{
	const unsigned long fit = PAGE / RECORD;
	char records[PAGE + 1] = "";
	unsigned long i;
	struct line line;
	int fd;

	example_in("rate=100 process=0 softirq=0 buffer_size=4096");
	fd = open_buffer(0, O_RDONLY | O_NONBLOCK);
	wait_for(sysfs_value(0, "lost_records") > 10);
	read_all(fd, records, PAGE);	/* at once, or more is lost meanwhile */
	line = next_line(fd, RECORD);
	ck_assert_uint_gt(line.sequence, fit + 10);
	ck_assert_uint_eq(loss(fd).records, line.sequence - fit);
	ck_assert_uint_eq(next_line(fd, RECORD).sequence, line.sequence + 1);
	for (i = 0; i < fit; i++)
		ck_assert_uint_eq(parse_line(records + i * RECORD,
					     RECORD).sequence, i);
}
END_TEST

/* The next line that the example wrote into the log is this. */
static void check_log(int fd, const char *expected)
{
	char message[1024];
	ssize_t got;
	char *text;

	do {
		got = read(fd, message, sizeof(message) - 1);
		ck_assert_msg(got > 0, "not in the log: %s", expected);
		message[got] = '\0';
		message[strcspn(message, "\n")] = '\0';
		text = strchr(message, ';') + 1;
	} while (strncmp(text, EXAMPLE ": ", strlen(EXAMPLE ": ")));
	ck_assert_str_eq(text + strlen(EXAMPLE ": "), expected);
}

START_TEST(the_log_says_which_numbers_its_buffers_got)
{
	int fd;

	ck_assert_int_eq(create(0, PRODUCER_OWN, PAGE, 1).result, 0);
	fd = open_log(SEEK_END);
	example_in("buffers=3");
	check_log(fd, "appending to /dev/bufflink0");
	check_log(fd, "appending to /dev/bufflink2");
	check_log(fd, "appending to /dev/bufflink3");
}
END_TEST

START_TEST(a_reader_sees_end_of_file_when_it_is_unloaded)
{
	pid_t slow, fast;
	int fds[2];

	example_in("rate=1000 buffers=2");
	fds[0] = open_buffer(0, O_RDONLY | O_NONBLOCK);
	fds[1] = open_buffer(1, O_RDONLY | O_NONBLOCK);
	fast = start(read_to_the_end, &fds[0]);
	wait_for(stats(fds[0]).bytes_read > 100 * RECORD);
	ck_assert_int_eq(unload(EXAMPLE), 0);
	slow = start(read_to_the_end, &fds[1]);
	ck_assert_int_eq(finish(fast), 0);
	ck_assert_int_eq(finish(slow), 0);
	ck_assert(!exists("/dev/bufflink0"));
	ck_assert_uint_eq(stats(fds[1]).bytes_read, stats(fds[1]).bytes);
}
END_TEST

static void check_refused(const char *parameters, int err)
{
	ck_assert_msg(load(EXAMPLE, parameters) == err, "%s", parameters);
	ck_assert(!exists("/dev/bufflink0"));
	ck_assert(!exists("/sys/class/misc/bufflink0"));
	ck_assert(!exists("/sys/module/" EXAMPLE));
}

START_TEST(a_bad_parameter_is_einval_and_leaves_nothing)
{
	check_refused("rate=fast", -EINVAL);
	check_refused("rate=-1", -EINVAL);
	check_refused("rate=0", -EINVAL);
	check_refused("rate=10001", -EINVAL);
	check_refused("record_size=63", -EINVAL);
	check_refused("record_size=513", -EINVAL);
	check_refused("buffers=0", -EINVAL);
	check_refused("buffers=65", -EINVAL);
	check_refused("buffer_size=large", -EINVAL);
	check_refused("softirq=maybe", -EINVAL);
	check_refused("process=0 softirq=0 hardirq=0", -EINVAL);
}
END_TEST

START_TEST(the_log_has_a_reason_for_each_refusal)
{
	char too_large[64];
	int fd = open_log(SEEK_END);

	check_refused("rate=0", -EINVAL);
	check_log(fd, "rate=0: must be from 1 to 10000");
	check_refused("record_size=1000", -EINVAL);
	check_log(fd, "record_size=1000: must be from 64 to 512");
	check_refused("buffers=100", -EINVAL);
	check_log(fd, "buffers=100: must be from 1 to 64");
	check_refused("process=0 softirq=0 hardirq=0", -EINVAL);
	check_log(fd, "no context is left: set process, softirq or hardirq");
	snprintf(too_large, sizeof(too_large), "buffer_size=%ld", LONG_MAX);
	check_refused(too_large, -ENOMEM);
	check_log(fd, "cannot create a buffer: -ENOMEM");
}
END_TEST

START_TEST(the_largest_values_of_parameters_work)
{
	unsigned long i;
	int fd;

	example_in("rate=10000 record_size=512 buffers=64 hardirq=0 softirq=0");
	fd = open_buffer(63, O_RDONLY | O_NONBLOCK);
	for (i = 0; i < 64 * 1024 / 512; i++)
		ck_assert_uint_eq(next_line(fd, 512).sequence, i);
}
END_TEST

static void add_example_tests(Suite *suite, const char *name,
			      const TTest **tests)
{
	TCase *tcase = tcase_create(name);

	tcase_add_unchecked_fixture(tcase, NULL, example_out);
	tcase_add_checked_fixture(tcase, producer_setup, producer_teardown);
	tcase_add_checked_fixture(tcase, example_out, example_out);
	tcase_set_timeout(tcase, 60);
	while (*tests)
		tcase_add_test(tcase, *tests++);
	suite_add_tcase(suite, tcase);
}

#define add_example_case(suite, name, ...) \
	add_example_tests(suite, name, (const TTest *[]){ __VA_ARGS__, NULL })

int main(void)
{
	Suite *suite = suite_create("example");

	add_example_case(suite, "lines",
			 lines_come_from_all_contexts_and_none_is_missing,
			 each_context_can_append_alone,
			 records_have_the_size_that_was_asked,
			 every_buffer_gets_every_line,
			 the_rate_is_that_of_the_parameter,
			 a_gap_in_the_numbers_is_as_large_as_the_loss);
	add_example_case(suite, "buffers",
			 buffers_have_the_size_that_was_asked,
			 the_owner_is_the_example,
			 the_log_says_which_numbers_its_buffers_got,
			 a_reader_sees_end_of_file_when_it_is_unloaded);
	add_example_case(suite, "parameters",
			 a_bad_parameter_is_einval_and_leaves_nothing,
			 the_log_has_a_reason_for_each_refusal,
			 the_largest_values_of_parameters_work);
	return run_suite(suite);
}
