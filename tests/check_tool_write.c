// SPDX-License-Identifier: GPL-2.0-only
/* The tool: the records that write appends. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>

#include "command.h"

START_TEST(write_appends_each_line_as_one_record)
{
	int fd = buffer_0(PAGE);

	ends(tool_reading("one\ntwo\n\nno newline", "write", "0"), GOOD, "",
	     "");
	ck_assert_uint_eq(stats(fd).records, 4);
	check_reads(fd, "one\ntwo\n\nno newline");
}
END_TEST

START_TEST(write_size_appends_blocks_of_so_many_bytes)
{
	int fd = buffer_0(PAGE);

	ends(tool_reading("12345\n7890", "write", "-s", "4", "0"), GOOD, "",
	     "");
	ck_assert_uint_eq(stats(fd).records, 3);
	ends(tool_reading("abcdefgh", "write", "--size=4", "0"), GOOD, "", "");
	ck_assert_uint_eq(stats(fd).records, 5);
	check_reads(fd, "12345\n7890abcdefgh");
}
END_TEST

START_TEST(write_of_nothing_appends_nothing)
{
	int fd = buffer_0(PAGE);

	ends(tool("write", "0"), GOOD, "", "");
	ends(tool("write", "-s", "10", "0"), GOOD, "", "");
	ck_assert_uint_eq(stats(fd).records, 0);
}
END_TEST

START_TEST(write_waits_for_room)
{
	static char filling[PAGE];
	int fd = buffer_0(PAGE);
	struct tool write;

	fill(0, PAGE);
	write = tool_reading("late\n", "write", "0");
	wait_asleep(write.pid);
	ck_assert(!finished(write.pid, MOMENT_MS));
	read_all(fd, filling, PAGE);
	ends(write, GOOD, "", "");
	check_reads(fd, "late\n");
}
END_TEST

START_TEST(write_waits_for_input_that_does_not_block)
{
	int fd = buffer_0(PAGE);
	struct tool write;
	int ends_of[2];

	ck_assert_int_eq(pipe2(ends_of, O_CLOEXEC | O_NONBLOCK), 0);
	write = start_tool(tool_path, ends_of[0], memory_file(""),
			   ARGS("write", "0"));
	wait_asleep(write.pid);
	ck_assert_int_eq(dprintf(ends_of[1], "one\ntw"), 6);
	wait_for(stats(fd).records == 1);
	wait_asleep(write.pid);
	ck_assert_int_eq(dprintf(ends_of[1], "o\n"), 2);
	close(ends_of[1]);
	ends(write, GOOD, "", "");
	ck_assert_uint_eq(stats(fd).records, 2);
	check_reads(fd, "one\ntwo\n");
}
END_TEST

START_TEST(write_of_a_record_larger_than_the_buffer_is_status_1)
{
	static char lines[PAGE + 10] = "fits\n";
	int fd = buffer_0(PAGE);

	memset(lines + 5, 'x', sizeof(lines) - 6);
	ends(tool_reading(lines, "write", "0"), FAILED, "",
	     "bufflink: cannot append 4100 bytes to /dev/bufflink0: Message too long\n");
	check_reads(fd, "fits\n");
}
END_TEST

START_TEST(write_of_a_record_larger_than_64_kib_is_refused)
{
	static char line[BUFFLINK_WRITE_MAX + 2];
	int fd = buffer_0(4 * BUFFLINK_WRITE_MAX);

	memset(line, 'x', BUFFLINK_WRITE_MAX);
	ends(tool_reading(line, "write", "-s", "65536", "0"), GOOD, "", "");
	line[BUFFLINK_WRITE_MAX] = '\n';
	ends(tool_reading(line, "write", "0"), FAILED, "",
	     "bufflink: cannot append 65537 bytes to /dev/bufflink0: Message too long\n");
	is_bad(tool_reading(line, "write", "-s", "65537", "0"),
	       ": --size: 65537 is more than 65536 bytes, the most that a program can append as one record");
	ck_assert_uint_eq(stats(fd).bytes, BUFFLINK_WRITE_MAX);
}
END_TEST

START_TEST(write_to_a_destroyed_buffer_is_status_1)
{
	struct tool write;

	buffer_0(PAGE);
	fill(0, PAGE);
	write = tool_reading("late\n", "write", "0");
	wait_asleep(write.pid);
	destroy_buffer();
	ends(write, FAILED, "",
	     "bufflink: cannot append 5 bytes to /dev/bufflink0: Broken pipe\n");
}
END_TEST

START_TEST(cat_prints_the_records_that_write_appends)
{
	static char text[8191];
	struct tool cat, write;
	size_t i;

	for (i = 0; i < sizeof(text) - 1; i++)
		text[i] = i * 7 % 31 ? 'a' + i * 7 % 31 % 26 : '\n';
	buffer_0(1000);
	cat = tool("cat", "0");
	write = tool_reading(text, "write", "0");
	ends(write, GOOD, "", "");
	wait_for(size_of(cat.out) == sizeof(text) - 1);
	destroy_buffer();
	ends(cat, GOOD, text, "");
}
END_TEST

int main(void)
{
	Suite *suite = tool_suite("tool write");

	add_case(suite, "write",
		 write_appends_each_line_as_one_record,
		 write_size_appends_blocks_of_so_many_bytes,
		 write_of_nothing_appends_nothing,
		 write_waits_for_room,
		 write_waits_for_input_that_does_not_block,
		 write_of_a_record_larger_than_the_buffer_is_status_1,
		 write_of_a_record_larger_than_64_kib_is_refused,
		 write_to_a_destroyed_buffer_is_status_1,
		 cat_prints_the_records_that_write_appends);
	return run_suite(suite);
}
