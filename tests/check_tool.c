// SPDX-License-Identifier: GPL-2.0-only
/* The tool: messages about its arguments, and the commands that set a buffer. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "command.h"

/* help, version, bad command lines */

START_TEST(help_and_version_go_to_standard_output)
{
	ends_about(tool("--help"), GOOD, "Usage: bufflink list [", "");
	ends_about(tool("-h"), GOOD, "Usage: bufflink list [", "");
	ends_about(tool("list", "--help"), GOOD, "Usage: bufflink list [", "");
	ends_about(tool("list", "-h"), GOOD, "Usage: bufflink list [", "");
	ends_about(tool("stat", "--help"), GOOD, "Usage: bufflink stat [", "");
	ends_about(tool("stat", "-h"), GOOD, "Usage: bufflink stat [", "");
	ends_about(tool("cat", "--help"), GOOD, "Usage: bufflink cat [", "");
	ends_about(tool("cat", "-h"), GOOD, "Usage: bufflink cat [", "");
	ends_about(tool("watermark", "--help"), GOOD,
		   "Usage: bufflink watermark [", "");
	ends_about(tool("watermark", "-h"), GOOD,
		   "Usage: bufflink watermark [", "");
	ends_about(tool("resize", "--help"), GOOD, "Usage: bufflink resize [",
		   "");
	ends_about(tool("resize", "-h"), GOOD, "Usage: bufflink resize [", "");
	ends_about(tool("write", "--help"), GOOD, "Usage: bufflink write [",
		   "");
	ends_about(tool("write", "-h"), GOOD, "Usage: bufflink write [", "");
	ends_about(tool("help"), GOOD, "Usage: bufflink list [", "");
	ends_about(tool("help", "cat"), GOOD, "Usage: bufflink cat [", "");
	ends_about(tool("--version"), GOOD, "bufflink ", "");
	ends_about(tool("-V"), GOOD, "bufflink ", "");
}
END_TEST

START_TEST(a_bad_argument_is_one_line_and_status_2)
{
	int fd = buffer_0(PAGE);
	uint64_t before = watermark(fd);

	append_text("kept");

	is_bad(tool(),
	       ": no command given: use list, stat, cat, watermark, resize or write");
	is_bad(tool("tac"),
	       ": 'tac' is no command: use list, stat, cat, watermark, resize or write");
	is_bad(tool("help", "tac"),
	       ": 'tac' is no command: use list, stat, cat, watermark, resize or write");
	is_bad(tool("help", "cat", "list"), ": list: unexpected argument");
	is_bad(tool("--all"), ": unrecognized option '--all'");
	is_bad(tool("-x", "cat", "0"), ": invalid option -- 'x'");

	is_bad(tool("list", "-x"), " list: invalid option -- 'x'");
	is_bad(tool("list", "0"), ": 0: unexpected argument");

	is_bad(tool("stat", "-x"), " stat: invalid option -- 'x'");
	is_bad(tool("stat", ""),
	       ": no buffer given: name one, as N, DEVICE, OWNER or OWNER/NAME");
	is_bad(tool("stat", "0", "1"), ": 1: unexpected argument");
	is_bad(tool("stat", "-w", "1", "0", "2"), ": 2: unexpected argument");
	is_bad(tool("stat", "-w1", "0", "2"), ": 2: unexpected argument");
	is_bad(tool("stat", "--watch=0"),
	       ": --watch: '0' is not a number of seconds, 0.1 to 1000000");
	is_bad(tool("stat", "-w2x"),
	       ": --watch: '2x' is not a number of seconds, 0.1 to 1000000");
	is_bad(tool("stat", "-w", "0", "0"),
	       ": --watch: '0' is not a number of seconds, 0.1 to 1000000");
	is_bad(tool("stat", "-w1.2.3"),
	       ": --watch: '1.2.3' is not a number of seconds, 0.1 to 1000000");
	is_bad(tool("stat", "-w1e3"),
	       ": --watch: '1e3' is not a number of seconds, 0.1 to 1000000");

	is_bad(tool("stat", "-i", "0"),
	       ": --interval: '0' is not a number of seconds, 0.1 to 1000000");
	is_bad(tool("stat", "-o", "-w"),
	       ": --openmetrics goes with no other option but --wait");
	is_bad(tool("stat", "-r", "0"), ": --reopen goes with --watch");
	is_bad(tool("stat", "-w", "-r"),
	       ": --wait and --reopen are about one buffer: name it");
	is_bad(tool("stat", "--wait"),
	       ": --wait and --reopen are about one buffer: name it");

	is_bad(tool("cat"), ": no buffer given: name one, as N, DEVICE, OWNER or OWNER/NAME");
	is_bad(tool("cat", ""),
	       ": no buffer given: name one, as N, DEVICE, OWNER or OWNER/NAME");
	is_bad(tool("cat", "0", "1"), ": 1: unexpected argument");
	is_bad(tool("cat", "-x", "0"), " cat: invalid option -- 'x'");
	is_bad(tool("cat", "--no", "--foo", "0"),
	       " cat: unrecognized option '--foo'");
	is_bad(tool("cat", "0", "-n"),
	       " cat: option requires an argument -- 'n'");
	is_bad(tool("cat", "-n", "", "0"),
	       ": --bytes: '' is not a number of bytes, 0 or more");
	is_bad(tool("cat", "-n", "-1", "0"),
	       ": --bytes: '-1' is not a number of bytes, 0 or more");
	is_bad(tool("cat", "-n", "1K", "0"),
	       ": --bytes: '1K' is not a number of bytes, 0 or more");
	is_bad(tool("cat", "-n", "18446744073709551616", "0"),
	       ": --bytes: '18446744073709551616' is not a number of bytes, 0 or more");
	is_bad(tool("cat", "-n", "17179869184G", "0"),
	       ": --bytes: '17179869184G' is not a number of bytes, 0 or more");
	is_bad(tool("cat", "--wait=0", "0"),
	       ": --wait: '0' is not a number of seconds, 0.1 to 1000000");
	is_bad(tool("cat", "-w", "0", "0"),
	       ": --watermark: '0' is not a number of bytes, 1 or more");
	is_bad(tool("cat", "-w", "18446744073709551616", "0"),
	       ": --watermark: '18446744073709551616' is not a number of bytes, 1 or more");
	is_bad(tool("cat", "-w", "4097", "0"),
	       ": --watermark: 4097 is more than the 4096 bytes of /dev/bufflink0");

	is_bad(tool("watermark"),
	       ": no buffer given: name one, as N, DEVICE, OWNER or OWNER/NAME");
	is_bad(tool("watermark", "-x", "0"),
	       " watermark: invalid option -- 'x'");
	is_bad(tool("watermark", "0", "1", "2"), ": 2: unexpected argument");
	is_bad(tool("watermark", "0", "0"),
	       ": watermark: '0' is not a number of bytes, 1 or more");
	is_bad(tool("watermark", "0", "all"),
	       ": watermark: 'all' is not a number of bytes, 1 or more");
	is_bad(tool("watermark", "0", "18446744073709551616"),
	       ": watermark: '18446744073709551616' is not a number of bytes, 1 or more");
	is_bad(tool("watermark", "0", "4097"),
	       ": watermark: 4097 is more than the 4096 bytes of /dev/bufflink0");

	is_bad(tool("resize"),
	       ": no buffer given: name one, as N, DEVICE, OWNER or OWNER/NAME");
	is_bad(tool("resize", "-x", "0", "1"),
	       " resize: invalid option -- 'x'");
	is_bad(tool("resize", "0"), ": no size given: say how many bytes");
	is_bad(tool("resize", "0", "1", "2"), ": 2: unexpected argument");
	is_bad(tool("resize", "0", "0"),
	       ": resize: '0' is not a number of bytes, 1 or more");
	is_bad(tool("resize", "0", "8kB"),
	       ": resize: '8kB' is not a number of bytes, 1 or more");
	is_bad(tool("resize", "0", "17179869184G"),
	       ": resize: '17179869184G' is not a number of bytes, 1 or more");

	is_bad(tool("write"),
	       ": no buffer given: name one, as N, DEVICE, OWNER or OWNER/NAME");
	is_bad(tool("write", "0", "1"), ": 1: unexpected argument");
	is_bad(tool("write", "-x", "0"), " write: invalid option -- 'x'");
	is_bad(tool("write", "-s", "0", "0"),
	       ": --size: '0' is not a number of bytes, 1 or more");
	is_bad(tool("write", "-s", "18446744073709551616", "0"),
	       ": --size: '18446744073709551616' is not a number of bytes, 1 or more");
	is_bad(tool("write", "-s", "4097", "0"),
	       ": --size: 4097 is more than the 4096 bytes of /dev/bufflink0");

	ck_assert_uint_eq(watermark(fd), before);
	ck_assert_uint_eq(stats(fd).size, PAGE);
	check_reads(fd, "kept");
}
END_TEST

START_TEST(an_argument_that_is_no_buffer_is_status_1)
{
	ends(tool("cat", "7"), FAILED, "",
	     "bufflink: /dev/bufflink7 does not exist: see 'bufflink list' for those that do\n");
	ends(tool("write", "7"), FAILED, "",
	     "bufflink: /dev/bufflink7 does not exist: see 'bufflink list' for those that do\n");
	ends(tool("stat", "7"), FAILED, "",
	     "bufflink: /dev/bufflink7 does not exist: see 'bufflink list' for those that do\n");
	ends(tool("stat", "/dev/null"), FAILED, "",
	     "bufflink: /dev/null is not a buffer of bufflink\n");
	create_buffer(0, PAGE);
	ck_assert_int_ge(creat("/tmp/bufflink0", 0600), 0);
	ends(tool("stat", "/tmp/bufflink0"), FAILED, "",
	     "bufflink: /tmp/bufflink0 is not a buffer of bufflink\n");
	ends(tool("stat", "-w", "0.5"), FAILED, "",
	     "bufflink: no buffer of 0.5 exists: see 'bufflink list' for those that do (seconds alone are -wSECONDS)\n");
	ends(tool("watermark", "7"), FAILED, "",
	     "bufflink: /dev/bufflink7 does not exist: see 'bufflink list' for those that do\n");
	ends(tool("watermark", "7", "1"), FAILED, "",
	     "bufflink: /dev/bufflink7 does not exist: see 'bufflink list' for those that do\n");
	ends(tool("resize", "7", "1"), FAILED, "",
	     "bufflink: /dev/bufflink7 does not exist: see 'bufflink list' for those that do\n");
	ends(tool("resize", "/dev/null", "1"), FAILED, "",
	     "bufflink: /dev/null is not a buffer of bufflink\n");
	ends(tool("cat", "/dev/null"), FAILED, "",
	     "bufflink: /dev/null is not a buffer of bufflink\n");
	ends(tool("cat", "/t/none/such"), FAILED, "",
	     "bufflink: /t/none/such does not exist: see 'bufflink list' for those that do\n");
	ends(tool("cat", "/proc/version/x"), FAILED, "",
	     "bufflink: cannot open /proc/version/x: Not a directory\n");
}
END_TEST

START_TEST(a_full_standard_output_is_status_1)
{
	int full = open("/dev/full", O_RDWR | O_CLOEXEC);
	static const char complaint[] =
		"bufflink: cannot write to standard output: No space left on device\n";
	static const char taken[] =
		"bufflink: records that had left the buffer are lost\n";

	buffer_0(PAGE);
	append_text("bytes");
	ck_assert_int_ge(full, 0);

	/* /dev/full has nothing to read, as text_of() wants it */
	struct tool tools[] = {
		tool_writing(full, "cat", "-n", "2", "0"),
		tool_writing(full, "cat", "-n", "2", "--mark", "0"),
		tool_writing(full, "list"),
		tool_writing(full, "list", "--json"),
		tool_writing(full, "stat"),
		tool_writing(full, "stat", "--json"),
		tool_writing(full, "stat", "-w0.1"),
		tool_writing(full, "watermark", "0"),
		tool_writing(full, "--help"),
		tool_writing(full, "--version"),
	};

	for (size_t i = 0; i < sizeof(tools) / sizeof(*tools); i++) {
		ck_assert_int_eq(finish(tools[i].pid), FAILED);
		ck_assert_int_eq(strncmp(text_of(tools[i].err), complaint,
					 strlen(complaint)), 0);
		ck_assert_str_eq(text_of(tools[i].err) + strlen(complaint),
				 i < 2 ? taken : "");
	}
}
END_TEST

START_TEST(a_buffer_may_be_named_by_its_owner)
{
	int fd;

	ends(tool("cat", "producer"), FAILED, "",
	     "bufflink: no buffer of producer exists: see 'bufflink list' for those that do\n");
	ck_assert_int_eq(name_buffer(0, "one"), 0);
	append_text("only");
	ends(tool("cat", "-f", "producer"), GOOD, "only", "");
	ck_assert_int_eq(create_buffer(1, PAGE), 1);
	ck_assert_int_eq(create_buffer(2, PAGE), 2);
	fd = open_buffer(1, O_RDONLY | O_NONBLOCK);
	ends(tool_reading("to the first without a name", "write", "producer"),
	     GOOD, "", "");
	check_reads(fd, "to the first without a name");
	append_text("named");
	ends(tool("cat", "-f", "producer/one"), GOOD, "named", "");
	ends(tool("watermark", "producer/one", "4k"), GOOD, "", "");
	ends(tool("watermark", "0"), GOOD, "4096\n", "");
	ends_about(tool("stat", "producer/one"), GOOD, "number=0 ", "");
	ends(tool("resize", "producer/one", "8k"), GOOD, "", "");
	ck_assert_uint_eq(sysfs_value(0, "size"), 2 * PAGE);
	ends(tool("cat", "producer/two"), FAILED, "",
	     "bufflink: no buffer of producer/two exists: see 'bufflink list' for those that do\n");
	ends(tool("cat", "produce"), FAILED, "",
	     "bufflink: no buffer of produce exists: see 'bufflink list' for those that do\n");
	close(fd);
}
END_TEST

START_TEST(each_command_waits_for_a_buffer_that_is_not_there_yet)
{
	struct tool tools[] = {
		tool("stat", "--wait", "-i0.1", "producer"),
		tool("stat", "-W", "-o", "0"),
		tool("watermark", "-W", "producer"),
		tool("watermark", "--wait", "0", "7"),
		tool("resize", "--wait=1000", "/dev/bufflink0", "8k"),
		tool_reading("record\n", "write", "-W1000", "0"),
	};
	const int count = sizeof(tools) / sizeof(*tools);
	int fd, i;

	for (i = 0; i < count; i++)
		wait_asleep(tools[i].pid);
	fd = open_buffer(create_buffer(0, PAGE), O_RDONLY | O_NONBLOCK);
	for (i = 0; i < count; i++) {
		ck_assert_msg(finish(tools[i].pid) == GOOD, "%s",
			      text_of(tools[i].err));
	}
	ck_assert(has_written(tools[0].out, "number=0 "));
	ck_assert(has_written(tools[1].out, "{number=\"0\""));
	ck_assert_uint_gt(strlen(text_of(tools[2].out)), 0);
	ck_assert_uint_eq(watermark(fd), 7);
	ck_assert_uint_eq(stats(fd).size, 2 * PAGE);
	check_reads(fd, "record\n");

	ends(tool("write", "--wait=0.1", "producer/two"), FAILED, "",
	     "bufflink: no buffer of producer/two exists: see 'bufflink list' for those that do\n");
}
END_TEST

START_TEST(a_complaint_is_no_data_if_standard_error_is_closed)
{
	static char lines[PAGE + 10] = "fits\n";
	int fd = buffer_0(PAGE);

	memset(lines + 5, 'x', sizeof(lines) - 6);
	ck_assert_int_eq(finish(redirected("2>&-", lines, "write 0").pid),
			 FAILED);
	check_reads(fd, "fits\n");
	ck_assert_int_eq(readable(fd), 0);
}
END_TEST

START_TEST(a_closed_standard_output_is_status_1_for_all_commands)
{
	static const char * const arguments[] = {
		"list", "list --json", "stat", "stat --json", "stat -w",
		"stat --openmetrics", "cat 0", "watermark 0", "help",
		"--help", "--version",
	};
	struct tool tool;
	size_t i;
	int fd = buffer_0(PAGE);

	append_text("kept");
	for (i = 0; i < sizeof(arguments) / sizeof(*arguments); i++) {
		tool = redirected(">&-", "", arguments[i]);
		ck_assert_int_eq(finish(tool.pid), FAILED);
		ck_assert(has_written(tool.err,
				      ": cannot write to standard output: "));
	}
	check_reads(fd, "kept");
}
END_TEST

/* watermark */

START_TEST(watermark_prints_it_and_sets_it)
{
	int fd = buffer_0(PAGE);

	ends(tool("watermark", "0"), GOOD, "1\n", "");
	ends(tool("watermark", "0", "4096"), GOOD, "", "");
	ck_assert_uint_eq(watermark(fd), 4096);
	ends(tool("watermark", "/dev/bufflink0"), GOOD, "4096\n", "");
}
END_TEST

/* resize */

START_TEST(resize_gives_a_new_size_and_says_nothing)
{
	int fd = buffer_0(PAGE);

	append_text("old ");
	ends(tool("resize", "0", "8193"), GOOD, "", "");
	ck_assert_uint_eq(stats(fd).size, 3 * PAGE);
	append_text("new");
	ends(tool("cat", "-f", "0"), GOOD, "old new", "");
	ends(tool("resize", "/dev/bufflink0", "1"), GOOD, "", "");
	ck_assert_uint_eq(stats(fd).size, PAGE);
}
END_TEST

START_TEST(resize_says_why_it_cannot)
{
	int fd = buffer_0(PAGE);

	append_text("old");
	ends(tool("resize", "0", "8192"), GOOD, "", "");
	ends(tool("resize", "0", "4096"), FAILED, "",
	     "bufflink: cannot resize /dev/bufflink0 to 4096 bytes: bytes from before an earlier resize still wait: read them first\n");
	drain(fd);
	if (sizeof(long) == 8)
		ends(tool("resize", "0", "1125899906842624"), FAILED, "",
		     "bufflink: cannot resize /dev/bufflink0 to 1125899906842624 bytes: there is not enough memory: choose a smaller size\n");
	else
		ends(tool("resize", "0", "1125899906842624"), FAILED, "",
		     "bufflink: cannot resize /dev/bufflink0 to 1125899906842624 bytes: its memory belongs to its kernel module, or this is no size\n");
	ck_assert_uint_eq(stats(fd).size, 2 * PAGE);
	close(fd);
	destroy_buffer();
	new_client_buffer(100);
	ends(tool("resize", "0", "4096"), FAILED, "",
	     "bufflink: cannot resize /dev/bufflink0 to 4096 bytes: its memory belongs to its kernel module, or this is no size\n");
}
END_TEST

/* Only cat reads: all else goes on beside a program that reads alone. */
START_TEST(an_only_reader_is_in_the_way_of_cat_alone)
{
	int fd = open_buffer(create_buffer(0, PAGE), O_RDONLY | O_EXCL);

	ends(tool("cat", "-f", "0"), FAILED, "",
	     "bufflink: cannot open /dev/bufflink0: another program reads it as the only reader: end that program first\n");
	ends_about(tool("list"), GOOD, "NUMBER", "");
	ends_about(tool("stat", "0"), GOOD, "number=0 ", "");
	ends(tool("watermark", "0", "7"), GOOD, "", "");
	ends(tool("watermark", "0"), GOOD, "7\n", "");
	ends(tool("resize", "0", "8192"), GOOD, "", "");
	ends(tool_reading("text\n", "write", "0"), GOOD, "", "");
	check_reads(fd, "text\n");
	close(fd);
	append_text("free again");
	ends(tool("cat", "-f", "0"), GOOD, "free again", "");
}
END_TEST

int main(void)
{
	Suite *suite = tool_suite("tool");

	add_case(suite, "command line",
		 help_and_version_go_to_standard_output,
		 a_bad_argument_is_one_line_and_status_2,
		 an_argument_that_is_no_buffer_is_status_1,
		 a_buffer_may_be_named_by_its_owner,
		 each_command_waits_for_a_buffer_that_is_not_there_yet,
		 a_complaint_is_no_data_if_standard_error_is_closed,
		 a_closed_standard_output_is_status_1_for_all_commands,
		 a_full_standard_output_is_status_1);
	add_case(suite, "watermark",
		 watermark_prints_it_and_sets_it,
		 resize_gives_a_new_size_and_says_nothing,
		 resize_says_why_it_cannot,
		 an_only_reader_is_in_the_way_of_cat_alone);
	return run_suite(suite);
}
