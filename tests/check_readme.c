// SPDX-License-Identifier: GPL-2.0-only
/*
 * The modules that readme.sh built of the lines of README.md, bufflink.rst; and
 * the commands that are for the user's own machine.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "tool.h"

#define HELLO	"hello from the kernel\n"

static void modules_out(void)
{
	unload("hello");
	unload("exits");
}

START_TEST(the_module_of_the_readme_says_its_line)
{
	char line[sizeof(HELLO)] = "";
	char owner[64];
	int fd;

	ck_assert_int_eq(load("hello", ""), 0);
	sysfs_read(0, "owner", owner, sizeof(owner));
	ck_assert_str_eq(owner, "hello");
	fd = open_buffer(0, O_RDONLY | O_NONBLOCK);
	read_all(fd, line, strlen(HELLO));
	ck_assert_str_eq(line, HELLO);
	ck_assert_int_eq(unload("hello"), 0);
	ck_assert_int_eq(read(fd, line, sizeof(line)), 0);
	ck_assert(!exists("/dev/bufflink0"));
}
END_TEST

static int run_read_exits(void *arg)
{
	int *out = arg;

	if (dup2(*out, STDOUT_FILENO) < 0)
		return 126;
	execl("/t/read_exits", "read_exits", "/dev/bufflink0", NULL);
	return 127;
}

static int end_as_somebody(void *arg)
{
	return prctl(PR_SET_NAME, arg);
}

START_TEST(the_reader_of_the_rst_prints_what_its_client_records)
{
	int out = memory_file("");
	char expected[64];
	pid_t reader, task;

	ck_assert_int_eq(load("exits", ""), 0);
	wait_for(exists("/dev/bufflink0"));
	reader = start(run_read_exits, &out);
	task = start(end_as_somebody, "somebody");
	ck_assert_int_eq(finish(task), 0);
	snprintf(expected, sizeof(expected), " %d %d somebody\n", task, task);
	wait_for(has_written(out, expected));
	ck_assert_int_eq(unload("exits"), 0);
	ck_assert_int_eq(finish(reader), 0);
}
END_TEST

static void bufflink_out(void)
{
	unload("producer");
	unload("bufflink");
}

/* All suites find both, whatever became of the test. */
static void bufflink_in(void)
{
	load("bufflink", "");
	load("producer", "");
}

START_TEST(make_load_loads_and_make_unload_takes_out)
{
	ck_assert(!exists("/sys/module/bufflink"));
	ck_assert_int_eq(system("/usr/bin/make -C /t load"), 0);
	ck_assert(exists("/sys/module/bufflink"));
	ck_assert_int_eq(system("/usr/bin/make -C /t unload"), 0);
	ck_assert(!exists("/sys/module/bufflink"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("readme");
	TCase *tcase = tcase_create("examples");

	/* a test that fails leaves its module for the next to take out */
	tcase_add_unchecked_fixture(tcase, NULL, modules_out);
	tcase_add_checked_fixture(tcase, modules_out, modules_out);
	tcase_add_checked_fixture(tcase, producer_setup, producer_teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, the_module_of_the_readme_says_its_line);
	tcase_add_test(tcase,
		       the_reader_of_the_rst_prints_what_its_client_records);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("commands");
	tcase_add_checked_fixture(tcase, bufflink_out, bufflink_in);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, make_load_loads_and_make_unload_takes_out);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
