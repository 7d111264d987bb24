// SPDX-License-Identifier: GPL-2.0-only
/*
 * The modules that readme.sh built of the lines of README.md, bufflink.rst; and
 * the commands that are for the user's own machine, which it put into /t/blocks.
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

static struct tool shell(const char *commands)
{
	char text[4096];

	snprintf(text, sizeof(text), "cd /t; PATH=/t:/usr/bin:$PATH\n%s", commands);
	return start_tool("/bin/busybox", memory_file(""), memory_file(""),
			  (char *[]){ "sh", "-euxc", text, NULL });
}

/* A block of the README, or the lines of it that sed takes */
static const char *block(const char *name, const char *script)
{
	static char text[4096];
	char command[256];
	size_t length;
	FILE *lines;

	snprintf(command, sizeof(command), "sed -n '%s' /t/blocks/%s", script,
		 name);
	lines = popen(command, "r");
	ck_assert_ptr_nonnull(lines);
	length = fread(text, 1, sizeof(text) - 1, lines);
	text[length] = '\0';
	ck_assert_int_eq(pclose(lines), 0);
	ck_assert_uint_gt(length, 0);
	return text;
}

START_TEST(the_readme_loads_its_module_and_shows_the_line_that_cat_prints)
{
	struct tool commands = shell(block("load", "s/^# //p"));
	const char *output = block("load", "/^#/!p");

	wait_for(has_written(commands.out, output));
	ck_assert_int_eq(unload("hello"), 0);
	ck_assert_int_eq(finish(commands.pid), 0);
}
END_TEST

/* Each is given a buffer that is made anew, and that goes. */
static void run_with_hello(const char *command)
{
	struct tool tool;

	ck_assert_int_eq(load("hello", ""), 0);
	tool = shell(command);
	wait_for(has_written(tool.out, "hello"));
	ck_assert_int_eq(unload("hello"), 0);
	ck_assert_msg(!finish(tool.pid), "%s: %s", command,
		      text_of(tool.err));
}

START_TEST(the_readme_has_commands_of_the_tool_that_work)
{
	char *rest = strdup(block("tool", "p"));
	char *line;

	while ((line = strsep(&rest, "\n")) && *line)
		run_with_hello(line);
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

START_TEST(the_reader_of_the_rst_prints_the_records_of_its_client)
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

/* All suites find both modules, even if the test has failed. */
static void bufflink_in(void)
{
	load("bufflink", "");
	load("producer", "");
}

static void follow(const char *line)
{
	struct tool tool = shell(block("commands", line));

	ck_assert_msg(!finish(tool.pid), "%s", text_of(tool.err));
}

START_TEST(make_load_loads_and_make_unload_takes_out)
{
	ck_assert(!exists("/sys/module/bufflink"));
	follow("/^make load/p");
	ck_assert(exists("/sys/module/bufflink"));
	follow("/^make unload/p");
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
		       the_reader_of_the_rst_prints_the_records_of_its_client);
	tcase_add_test(tcase,
		       the_readme_loads_its_module_and_shows_the_line_that_cat_prints);
	tcase_add_test(tcase, the_readme_has_commands_of_the_tool_that_work);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("commands");
	tcase_add_checked_fixture(tcase, bufflink_out, bufflink_in);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, make_load_loads_and_make_unload_takes_out);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
