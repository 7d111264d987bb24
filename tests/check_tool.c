// SPDX-License-Identifier: GPL-2.0-only
/* The tool: what each command does with each option, says and exits with. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "device.h"
#include "tool.h"

#define BIG		600000	/* more than the tool reads at once */

static const char *tool_path;

#define ARGS(...)	((char *[]){ "bufflink", ##__VA_ARGS__, NULL })
#define tool(...) \
	start_tool(tool_path, memory_file(""), memory_file(""), ARGS(__VA_ARGS__))
#define tool_reading(text, ...) \
	start_tool(tool_path, memory_file(text), memory_file(""), ARGS(__VA_ARGS__))
#define tool_writing(out, ...) \
	start_tool(tool_path, memory_file(""), out, ARGS(__VA_ARGS__))

/* One that is to be let go: until then it is between its first two looks. */
static struct tool between_looks(char **argv)
{
	struct tool tool = {
		.path = tool_path, .argv = argv, .in = memory_file(""),
		.out = memory_file(""), .err = memory_file(""), .held = true,
	};

	run_tool(&tool);
	hold(&tool);
	return tool;
}

static off_t size_of(int fd)
{
	struct stat stat;

	ck_assert_int_eq(fstat(fd, &stat), 0);
	return stat.st_size;
}

/* The tool ends with this status, and its output was exactly this. */
static void ends(struct tool tool, int status, const char *out, const char *err)
{
	int really = finish(tool.pid);

	ck_assert_str_eq(text_of(tool.err), err);
	ck_assert_str_eq(text_of(tool.out), out);
	ck_assert_int_eq(really, status);
}

/* The same where only how a text begins is known. */
static void ends_about(struct tool tool, int status, const char *out,
		       const char *err)
{
	int really = finish(tool.pid);

	ck_assert_int_eq(strncmp(text_of(tool.err), err, strlen(err)), 0);
	ck_assert_int_eq(strncmp(text_of(tool.out), out, strlen(out)), 0);
	ck_assert_int_eq(really, status);
}

/* ... and where it is killed. */
static void is_killed(struct tool tool, int number)
{
	int status;

	ck_assert(finished(tool.pid, PATIENCE_MS));
	ck_assert_int_eq(waitpid(tool.pid, &status, 0), tool.pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), number);
}

/* A buffer at number 0, for tests that name it on a command line. */
static int buffer_0(uint64_t size)
{
	int fd = new_buffer(size);

	ck_assert_uint_eq(sysfs_value(0, "size"), stats(fd).size);
	return fd;
}

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

/* One line says so, and nothing was taken, appended or set. */
static void is_bad(struct tool tool, const char *reason)
{
	char line[256];

	snprintf(line, sizeof(line), "bufflink%s\n", reason);
	ends(tool, USAGE, "", line);
}

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
	       ": --openmetrics goes with no other option");

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

	is_bad(tool("write"),
	       ": no buffer given: name one, as N, DEVICE, OWNER or OWNER/NAME");
	is_bad(tool("write", "0", "1"), ": 1: unexpected argument");
	is_bad(tool("write", "-x", "0"), " write: invalid option -- 'x'");
	is_bad(tool("write", "-s", "0", "0"),
	       ": --size: '0' is not a number of bytes, 1 or more");
	is_bad(tool("write", "-s", "4097", "0"),
	       ": --size: 4097 is more than the 4096 bytes of /dev/bufflink0");

	ck_assert_uint_eq(watermark(fd), before);
	ck_assert_uint_eq(stats(fd).size, PAGE);
	check_reads(fd, "kept");
}
END_TEST

START_TEST(what_is_no_buffer_is_status_1)
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
		ck_assert_str_eq(text_of(tools[i].err), complaint);
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

/* As udev makes a link to it, in folders that are not there before. */
START_TEST(cat_waits_for_a_link_in_a_folder_that_is_made_later)
{
	struct tool cat = tool("cat", "--wait", "/tmp/by/owner/name");

	wait_asleep(cat.pid);
	ck_assert_int_eq(mkdir("/tmp/by", 0700), 0);
	wait_asleep(cat.pid);
	ck_assert_int_eq(mkdir("/tmp/by/owner", 0700), 0);
	buffer_0(PAGE);
	append_text("here");
	ck_assert_int_eq(symlink("/dev/bufflink0", "/tmp/by/owner/name"), 0);
	wait_for(has_written(cat.out, "here"));
	destroy_buffer();
	ends(cat, GOOD, "here", "");
	unlink("/tmp/by/owner/name");
	rmdir("/tmp/by/owner");
	rmdir("/tmp/by");
}
END_TEST

START_TEST(cat_reopen_goes_on_with_the_next_buffer_and_says_so)
{
	struct tool cat;

	buffer_0(PAGE);
	append_text("first ");
	cat = tool("cat", "--mark", "--reopen", "producer");
	wait_for(has_written(cat.out, "first "));
	ck_assert_int_eq(append_record(0, 5000), -EMSGSIZE);
	destroy_buffer();
	wait_asleep(cat.pid);
	buffer_0(PAGE);
	append_text("second ");
	wait_for(has_written(cat.out, "second "));
	ck_assert_int_eq(append_record(0, 6000), -EMSGSIZE);
	wait_for(has_written(cat.out, "6000"));
	destroy_buffer();
	wait_asleep(cat.pid);
	ck_assert_int_eq(kill(cat.pid, SIGTERM), 0);
	is_killed(cat, SIGTERM);
	ck_assert_str_eq(text_of(cat.out),
			 "first bufflink: /dev/bufflink0: lost 1 record (5000 bytes) at byte 6\n"
			 "bufflink: /dev/bufflink0: reopened\n"
			 "second bufflink: /dev/bufflink0: lost 1 record (6000 bytes) at byte 7\n");
}
END_TEST

/* What a shell starts with a redirection, such as "2>&-". */
static struct tool redirected(const char *redirection, const char *text,
			      const char *arguments)
{
	static char script[128];

	snprintf(script, sizeof(script), "exec %s %s %s", tool_path, arguments,
		 redirection);
	return start_tool("/bin/busybox", memory_file(text), memory_file(""),
			  (char *[]){ "sh", "-c", script, NULL });
}

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

/* list */

/* OWNER/NAME, or only OWNER if there is no name */
static const char *owner_and_name(int number)
{
	static char text[128];
	char name[64];

	sysfs_read(number, "owner", text, 64);
	sysfs_read(number, "name", name, sizeof(name));
	if (*name)
		strcat(strcat(text, "/"), name);
	return text;
}

/* Take one row off the table; it must say what sysfs says. */
static const char *check_row(const char *row, int number)
{
	unsigned long long size, used, records, lost;
	int got, length;
	char whose[128];

	ck_assert_int_eq(sscanf(row, "%d %127s %llu %llu %llu %llu%n", &got,
				whose, &size, &used, &records, &lost, &length),
			 6);
	ck_assert_int_eq(got, number);
	ck_assert_str_eq(whose, owner_and_name(number));
	ck_assert_uint_eq(size, sysfs_value(number, "size"));
	ck_assert_uint_eq(used, sysfs_value(number, "used"));
	ck_assert_uint_eq(records, sysfs_value(number, "records"));
	ck_assert_uint_eq(lost, sysfs_value(number, "lost_records"));
	ck_assert_int_eq(row[length], '\n');
	return row + length + 1;
}

#define HEADING \
	"NUMBER  OWNER/NAME                     SIZE       USED      RECORDS       LOST\n"

START_TEST(list_shows_what_sysfs_shows_in_order_of_numbers)
{
	struct tool list;
	const char *row;

	ck_assert_int_eq(create(0, PRODUCER_OWN, PAGE, 10).result, 0);
	ck_assert_int_eq(create(1, PRODUCER_OWN, 2 * PAGE, 9).result, 0);
	ck_assert_int_eq(create(2, PRODUCER_KMALLOC, 100, 0).result, 0);
	ck_assert_int_eq(append(0, "12345", 5), 0);
	ck_assert_int_eq(append_record(1, 2 * PAGE), 0);
	ck_assert_int_eq(append_record(1, 1), -ENOSPC);
	ck_assert_int_eq(append_record(2, 101), -EMSGSIZE);
	ck_assert_int_eq(name_buffer(3, "name_with_more_than_20_bytes"), 1);

	list = tool("list");
	ck_assert_int_eq(finish(list.pid), GOOD);
	ck_assert_str_eq(text_of(list.err), "");
	row = text_of(list.out);
	ck_assert_int_eq(strncmp(row, HEADING, strlen(HEADING)), 0);
	row += strlen(HEADING);
	row = check_row(row, 0);
	ck_assert_ptr_nonnull(strstr(row, "1  producer/name_with_more_than_20_bytes "));
	row = check_row(row, 1);
	row = check_row(row, 9);
	row = check_row(row, 10);
	ck_assert_str_eq(row, "");
}
END_TEST

START_TEST(list_of_no_buffers_is_only_the_heading)
{
	ends(tool("list"), GOOD, HEADING, "");
}
END_TEST

static void modules_out(void)
{
	ck_assert_int_eq(unload("producer"), 0);
	ck_assert_int_eq(unload("bufflink"), 0);
}

static void modules_in(void)
{
	ck_assert_int_eq(load("bufflink", ""), 0);
	ck_assert_int_eq(load("producer", ""), 0);
}

START_TEST(without_the_module_list_and_stat_are_status_1)
{
	ends(tool("list"), FAILED, "",
	     "bufflink: the module bufflink is not loaded: load it with 'modprobe bufflink'\n");
	ends(tool("stat"), FAILED, "",
	     "bufflink: the module bufflink is not loaded: load it with 'modprobe bufflink'\n");
}
END_TEST

/* stat and --json: exact values, for programs */

static const char *const names[] = {
	"size", "used", "highwater", "watermark", "records", "bytes",
	"lost_records", "lost_bytes", "overflow", "wakeups"
};

/* What begins the line of a buffer, or its object; ends with these bytes. */
static const char *known(bool json, int number, const char *end)
{
	static char text[1024];
	char value[64], name[64];
	int length;
	size_t i;

	sysfs_read(number, "owner", value, sizeof(value));
	sysfs_read(number, "name", name, sizeof(name));
	length = sprintf(text, json ?
		"{\"number\":%d,\"device\":\"/dev/bufflink%d\",\"owner\":\"%s\"" :
		"number=%d device=/dev/bufflink%d owner=%s",
		number, number, value);
	length += sprintf(text + length,
			  json ? ",\"name\":\"%s\"" : " name=%s", name);
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		sysfs_read(number, names[i], value, sizeof(value));
		length += sprintf(text + length,
				  json ? ",\"%s\":%s" : " %s=%s", names[i],
				  value);
	}
	strcpy(text + length, end);
	return text;
}

/* Takes this off the text; the test fails if it does not begin so. */
static const char *skip(const char *text, const char *expected)
{
	char *begin = strndup(text, strlen(expected));

	ck_assert_str_eq(begin, expected);
	free(begin);
	return text + strlen(expected);
}

/* Takes off " NAME=VALUE", or the same of JSON. */
static const char *skip_number(const char *text, bool json, const char *name,
			       double *value)
{
	char expected[64];
	char *end;

	sprintf(expected, json ? ",\"%s\":" : " %s=", name);
	text = skip(text, expected);
	*value = strtod(text, &end);
	ck_assert_ptr_ne(end, text);
	return end;
}

static const char *skip_quiet_rates(const char *text, bool json, double wakeups)
{
	static const char *const rates[] = {
		"records_per_second", "bytes_per_second",
		"lost_records_per_second", "lost_bytes_per_second",
		"wakeups_per_second"
	};
	double value;
	size_t i;

	for (i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		text = skip_number(text, json, rates[i], &value);
		ck_assert_double_eq(value, 0);
	}
	if (wakeups < 0) {
		text = skip(text, json ? ",\"wakeups_per_record\":null" :
					 " wakeups_per_record=-");
	} else {
		text = skip_number(text, json, "wakeups_per_record", &value);
		ck_assert_double_eq_tol(value, wakeups, 0.000001);
	}
	return skip_number(text, json, "time", &value);
}

/*
 * Two buffers: one with a name, of three records and a wakeup; one without a
 * name, with a loss and empty.
 */
static void two_buffers(void)
{
	struct tool cat;

	ck_assert_int_eq(name_buffer(0, "one"), 0);
	cat = tool("cat", "-n", "3", "0");
	wait_asleep(cat.pid);
	append_text("one");
	ends(cat, GOOD, "one", "");
	append_text("two");
	append_text("three");
	ck_assert_uint_eq(sysfs_value(0, "wakeups"), 1);
	ck_assert_int_eq(create(1, PRODUCER_OWN, 2 * PAGE, 12).result, 0);
	ck_assert_int_eq(append_record(1, 10000), -EMSGSIZE);
}

START_TEST(list_json_is_all_of_sysfs)
{
	struct tool list;
	const char *text;

	ends(tool("list", "--json"), GOOD, "[]\n", "");
	two_buffers();
	list = tool("list", "-j");
	ck_assert_int_eq(finish(list.pid), GOOD);
	text = skip(text_of(list.out), "[");
	text = skip(text, known(true, 0, "},"));
	text = skip(text, known(true, 12, "}]\n"));
	ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(stat_is_a_line_of_exact_values_for_each_buffer)
{
	struct tool stat;
	const char *text;

	ends(tool("stat"), GOOD, "", "");
	two_buffers();
	stat = tool("stat");
	ck_assert_int_eq(finish(stat.pid), GOOD);
	ck_assert_str_eq(text_of(stat.err), "");
	text = skip(text_of(stat.out), known(false, 0, ""));
	text = skip(skip_quiet_rates(text, false, 1.0 / 3), "\n");
	text = skip(text, known(false, 12, ""));
	text = skip(skip_quiet_rates(text, false, -1), "\n");
	ck_assert_str_eq(text, "");

	stat = tool("stat", "/dev/bufflink12");
	ck_assert_int_eq(finish(stat.pid), GOOD);
	text = skip(text_of(stat.out), known(false, 12, ""));
	ck_assert_str_eq(skip_quiet_rates(text, false, -1), "\n");
}
END_TEST

START_TEST(stat_json_is_one_array)
{
	struct tool stat;
	const char *text;

	ends(tool("stat", "-j"), GOOD, "[]\n", "");
	two_buffers();
	stat = tool("stat", "--json");
	ck_assert_int_eq(finish(stat.pid), GOOD);
	text = skip(skip(text_of(stat.out), "["), known(true, 0, ""));
	text = skip(skip_quiet_rates(text, true, 1.0 / 3), "},");
	text = skip(text, known(true, 12, ""));
	ck_assert_str_eq(skip_quiet_rates(text, true, -1), "}]\n");
}
END_TEST

START_TEST(stat_follows_a_link_to_a_device)
{
	struct tool stat;

	two_buffers();
	ck_assert_int_eq(symlink("/dev/bufflink12", "/tmp/check_tool"), 0);
	stat = tool("stat", "/tmp/check_tool");
	ck_assert_int_eq(finish(stat.pid), GOOD);
	skip(text_of(stat.out), known(false, 12, " records_per_second="));
	ck_assert_int_eq(unlink("/tmp/check_tool"), 0);
}
END_TEST

static double rate_in(const char *line, const char *name)
{
	const char *found = strstr(line, name);

	ck_assert_ptr_nonnull(found);
	return strtod(found + strlen(name), NULL);
}

/* Of 1000 in the second or, on a slow machine, seconds between two looks. */
static void check_rate(const char *line, const char *name, double most)
{
	double rate = rate_in(line, name);

	ck_assert_double_le(rate, most);
	ck_assert_double_gt(rate, most * 1000 / PATIENCE_MS);
}

START_TEST(stat_has_the_rates_between_two_looks)
{
	struct tool stat;
	const char *line;
	int i;

	buffer_0(PAGE);
	append_text("what was before does not count");
	stat = between_looks(ARGS("stat", "0"));
	for (i = 0; i < 1000; i++)
		append_text("xy");
	for (i = 0; i < 10; i++)
		ck_assert_int_eq(append_record(0, 5000), -EMSGSIZE);
	let_run(&stat);
	ck_assert_int_eq(finish(stat.pid), GOOD);
	line = text_of(stat.out);
	check_rate(line, " records_per_second=", 1000);
	check_rate(line, " bytes_per_second=", 2000);
	check_rate(line, " lost_records_per_second=", 10);
	check_rate(line, " lost_bytes_per_second=", 50000);
	ck_assert_double_eq(rate_in(line, " wakeups_per_second="), 0);
}
END_TEST

/* Whoever may not open the device may look. */

static void become_nobody(void)
{
	ck_assert_int_eq(setgid(65534), 0);
	ck_assert_int_eq(setuid(65534), 0);
}

static int look_as_nobody(void *unused)
{
	struct tool stat;

	(void)unused;
	become_nobody();
	ends(tool("cat", "0"), FAILED, "",
	     "bufflink: cannot open /dev/bufflink0: permission denied: only root may\n");
	ends(tool("cat", "1"), FAILED, "",
	     "bufflink: cannot open /dev/bufflink1: permission denied: root may, and the group readers to read\n");
	ends(tool("resize", "0", "1"), FAILED, "",
	     "bufflink: cannot resize /dev/bufflink0 to 1 bytes: only root may: try again as root\n");
	stat = tool("stat", "0");
	ck_assert_int_eq(finish(stat.pid), GOOD);
	skip(text_of(stat.out), known(false, 0, " records_per_second="));
	return 0;
}

START_TEST(stat_needs_no_right_to_the_device)
{
	FILE *groups = fopen("/etc/group", "w");

	ck_assert_ptr_nonnull(groups);
	fputs("others:x:122:\nreaders:x:123:\n", groups);
	ck_assert_int_eq(fclose(groups), 0);
	buffer_0(PAGE);
	ck_assert_int_eq(create_buffer(1, PAGE), 1);
	close(open_buffer(1, O_RDONLY));
	ck_assert_int_eq(chown("/dev/bufflink1", 0, 123), 0);
	ck_assert_int_eq(chmod("/dev/bufflink1", 0640), 0);
	ck_assert_int_eq(finish(start(look_as_nobody, NULL)), 0);
	ck_assert_int_eq(unlink("/etc/group"), 0);
}
END_TEST

/* stat -w, piped */

static unsigned int lines_in(const char *text)
{
	unsigned int lines = 0;

	while ((text = strchr(text, '\n'))) {
		text++;
		lines++;
	}
	return lines;
}

static const char *last_line(const char *text)
{
	const char *end = strrchr(text, '\n');

	ck_assert_ptr_nonnull(end);
	while (end > text && end[-1] != '\n')
		end--;
	return end;
}

static void is_interrupted(struct tool stat, int number)
{
	ck_assert_int_eq(kill(stat.pid, number), 0);
	ck_assert_int_eq(finish(stat.pid), GOOD);
	ck_assert_str_eq(text_of(stat.err), "");
	ck_assert_ptr_null(strchr(text_of(stat.out), '\033'));
}

START_TEST(stat_watch_prints_lines_until_it_is_interrupted)
{
	struct tool stat;

	buffer_0(PAGE);
	stat = tool("stat", "-w0.1");
	wait_for(lines_in(text_of(stat.out)) == 2);
	ck_assert_ptr_nonnull(strstr(text_of(stat.out), " records=0 "));
	append_text("record");
	wait_for(strstr(text_of(stat.out), " records=1 "));
	ck_assert_double_gt(rate_in(strstr(text_of(stat.out), " records=1 "),
				    " records_per_second="), 0);
	is_interrupted(stat, SIGINT);

	stat = tool("stat", "-j", "--watch=0.1");
	wait_for(lines_in(text_of(stat.out)) == 3);
	skip(last_line(text_of(stat.out)), "[{\"number\":0,");
	is_interrupted(stat, SIGTERM);
}
END_TEST

START_TEST(stat_watch_alone_takes_a_number_for_the_buffer)
{
	struct tool stat;

	two_buffers();
	stat = tool("stat", "-w", "12");
	wait_for(lines_in(text_of(stat.out)) == 2);
	ck_assert_ptr_null(strstr(text_of(stat.out), "number=0"));
	is_interrupted(stat, SIGINT);
}
END_TEST

START_TEST(stat_watch_takes_seconds_before_the_buffer)
{
	__u64 end = now_ms() + 1000;
	struct tool stat, slow;

	two_buffers();
	slow = tool("stat", "-w", "1000", "0");
	stat = tool("stat", "-w", "0.1", "12");
	wait_for(lines_in(text_of(stat.out)) == 5);
	ck_assert_ptr_null(strstr(text_of(stat.out), "number=0"));
	is_interrupted(stat, SIGINT);
	wait_for(now_ms() > end);
	ck_assert_str_eq(text_of(slow.out), "");
	is_interrupted(slow, SIGINT);
}
END_TEST

START_TEST(stat_watch_ends_when_the_buffer_is_gone)
{
	struct tool stat;

	buffer_0(PAGE);
	stat = tool("stat", "-w0.1", "0");
	wait_for(size_of(stat.out) > 0);
	destroy_buffer();
	ck_assert_int_eq(finish(stat.pid), GOOD);
	ck_assert_str_eq(text_of(stat.err),
			 "bufflink: /dev/bufflink0 is gone\n");

	buffer_0(PAGE);
	stat = between_looks(ARGS("stat", "0"));
	destroy_buffer();
	let_run(&stat);
	ends(stat, FAILED, "", "bufflink: /dev/bufflink0 is gone\n");
}
END_TEST

START_TEST(stat_watch_sees_buffers_come_and_go)
{
	struct tool stat;
	off_t size;

	stat = between_looks(ARGS("stat", "-w0.1"));
	buffer_0(PAGE);
	let_run(&stat);
	wait_for(strstr(text_of(stat.out), "number=0 "));
	ck_assert_ptr_nonnull(strstr(text_of(stat.out),
				     " records_per_second=- "));
	ck_assert_int_eq(create(1, PRODUCER_OWN, PAGE, 1).result, 0);
	wait_for(strstr(text_of(stat.out), "number=1 "));
	destroy_buffer();
	size = size_of(stat.out);
	wait_for(size_of(stat.out) > size + 1000);
	skip(last_line(text_of(stat.out)), "number=1 ");
	is_interrupted(stat, SIGINT);
}
END_TEST

START_TEST(stat_watch_has_no_rate_for_another_buffer_of_the_number)
{
	const char *line;
	struct tool stat;
	int i;

	buffer_0(PAGE);
	append_text("record");
	stat = between_looks(ARGS("stat", "-w"));
	destroy_buffer();
	buffer_0(PAGE);
	for (i = 0; i < 100; i++)
		append_text("another");
	let_run(&stat);
	wait_for(strstr(text_of(stat.out), " records=100 "));
	line = strstr(text_of(stat.out), " records=100 ");
	ck_assert_ptr_nonnull(strstr(line, " records_per_second=- "));
	is_interrupted(stat, SIGINT);
}
END_TEST

START_TEST(stat_watch_into_a_closed_pipe_ends_in_silence)
{
	struct tool stat;
	int ends[2];

	buffer_0(PAGE);
	signal(SIGPIPE, SIG_DFL);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	stat = tool_writing(ends[1], "stat", "-w0.1");
	ck_assert_int_eq(finish(stat.pid), GOOD);
	ck_assert_str_eq(text_of(stat.err), "");
}
END_TEST

START_TEST(stat_watch_of_nothing_ends_when_nobody_reads_it)
{
	struct tool stat;
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	stat = tool_writing(ends[1], "stat", "-w1000");
	close(ends[1]);
	wait_asleep(stat.pid);
	close(ends[0]);
	ck_assert_int_eq(finish(stat.pid), GOOD);
}
END_TEST

/* stat on a terminal, of buffers that we made up */

static int screen;	/* the side of the terminal that we are on */

static void fake_value(int number, const char *name, const char *value)
{
	char path[96];
	FILE *file;

	sprintf(path, "/sys/class/misc/bufflink%d/%s", number, name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fprintf(file, "%s\n", value);
	ck_assert_int_eq(fclose(file), 0);
}

/* The values are in the order of names[]. */
static void fake_buffer(int number, const char *owner, const char *name,
			const char *values)
{
	char path[64], value[32];
	size_t i;
	int n;

	sprintf(path, "/sys/class/misc/bufflink%d", number);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	fake_value(number, "owner", owner);
	fake_value(number, "name", name);
	for (i = 0; i < sizeof(names) / sizeof(*names); i++, values += n) {
		ck_assert_int_eq(sscanf(values, "%31s%n", value, &n), 1);
		fake_value(number, names[i], value);
	}
}

/* Seen by us and our children only. */
static void mount_over(const char *path, const char *type)
{
	mkdir(path, 0755);
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mount("none", path, type, 0, NULL), 0);
}

/* The last one was made smaller. */
static void fake_buffers(void)
{
	mount_over("/sys/class/misc", "tmpfs");
	fake_buffer(0, "first", "",
		    "65536 34000 62700 1 1234567 828375040 17 1088 1 15000");
	fake_buffer(1, "second", "name", "65536 22 22 1 1 22 0 0 0 1");
	fake_buffer(12, "owner_of_twenty", "a_name_of_twenty_six_bytes",
		    "1073741824 2684354560 2684354560 1 0 18446744073709551615 999600 1047552 0 0");
}

#define HEAD \
	"  N OWNER/NAME              SIZE HIGHWATER  RECORDS RECORDS/S    BYTES  BYTES/S\r\n" \
	"    FILL                         WAKEUPS/RECORD     LOST BYTES LOST    REPORTED\r\n"
#define FIRST \
	"  0 first                 64 KiB  61.2 KiB   1.23 M         0  790 MiB      0 B\r\n" \
	"    [##########.........|]  51%          0.0122       17   1.06 KiB          no\r\n"
#define SECOND \
	"  1 second/name           64 KiB      22 B        1         0     22 B      0 B\r\n" \
	"    [#...................]   0%          1.0000        0        0 B           -\r\n"
#define THIRD \
	" 12 owner_of_twenty/a_n    1 GiB  2.50 GiB        0         0   16 EiB      0 B\r\n" \
	"    [####################] 250%               -   1.00 M   1023 KiB         yes\r\n"

/* A terminal of so many lines: its other side, where programs run. */
static int terminal(int lines)
{
	struct winsize size = { .ws_row = lines, .ws_col = 80 };
	int fd;

	mount_over("/dev/pts", "devpts");
	screen = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(screen, 0);
	ck_assert_int_eq(unlockpt(screen), 0);
	fd = open(ptsname(screen), O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ioctl(screen, TIOCSWINSZ, &size), 0);
	return fd;
}

#define tool_on(fd, ...)	start_tool(tool_path, fd, fd, ARGS(__VA_ARGS__))

/* All that the terminal was sent since it was opened, or forgot. */
static char sent[1 << 16];
static size_t sent_size;

static const char *on_screen(void)
{
	ssize_t got = read(screen, sent + sent_size,
			   sizeof(sent) - 1 - sent_size);

	if (got > 0)
		sent_size += got;
	sent[sent_size] = '\0';
	return sent;
}

static void forget(void)
{
	on_screen();
	sent_size = 0;
}

static void type(const char *keys)
{
	ck_assert_int_eq(write(screen, keys, strlen(keys)), strlen(keys));
}

static void ends_in_silence(struct tool stat)
{
	ck_assert_int_eq(finish(stat.pid), GOOD);
	ck_assert_str_eq(text_of(stat.err), "");
}

START_TEST(stat_draws_a_picture_on_a_terminal)
{
	int fd = terminal(24);
	struct tool stat;

	fake_buffers();
	stat = tool_on(fd, "stat");
	ck_assert_int_eq(finish(stat.pid), GOOD);
	ck_assert_str_eq(on_screen(), HEAD FIRST SECOND THIRD);
}
END_TEST

START_TEST(stat_watch_draws_again_and_again_until_ctrl_c)
{
	int fd = terminal(24);
	struct tool stat;

	fake_buffers();
	stat = tool_on(fd, "stat", "-w0.1");
	wait_for(strstr(on_screen(), ", every 0.1 s, Ctrl-C ends it\r\n"
			HEAD FIRST SECOND THIRD));
	fake_value(1, "overflow", "1");
	wait_for(strstr(on_screen(), "0        0 B          no"));
	forget();
	wait_for(strstr(on_screen(), "0        0 B          no"));
	ck_assert_ptr_nonnull(strstr(on_screen(),
				     "\033[H\033[J\033[?7lbufflink stat at "));
	type("\003");
	ends_in_silence(stat);
}
END_TEST

START_TEST(stat_watch_draws_at_once_what_there_is_room_for)
{
	int fd = terminal(8);
	struct tool stat;

	fake_buffers();
	stat = tool_on(fd, "stat", "-w1000");
	wait_for(strstr(on_screen(), "    and 2 more\r\n\033[?7h"));
	ck_assert_ptr_nonnull(strstr(on_screen(), "first"));
	ck_assert_ptr_null(strstr(on_screen(), "second"));
	wait_asleep(stat.pid);
	ck_assert_int_eq(kill(stat.pid, SIGTERM), 0);
	ends_in_silence(stat);
}
END_TEST

START_TEST(list_has_units_on_a_terminal)
{
	int fd = terminal(24);
	struct tool list;

	fake_buffers();
	list = tool_on(fd, "list");
	ck_assert_int_eq(finish(list.pid), GOOD);
	ck_assert_str_eq(on_screen(),
			 "NUMBER  OWNER/NAME                     SIZE       USED      RECORDS       LOST\r\n"
			 "     0  first                        64 KiB   33.2 KiB       1.23 M         17\r\n"
			 "     1  second/name                  64 KiB       22 B            1          0\r\n"
			 "    12  owner_of_twenty/a_name_of_twenty_six_bytes      1 GiB   2.50 GiB            0     1.00 M\r\n");
}
END_TEST

START_TEST(stat_interval_is_the_time_between_two_looks)
{
	struct tool stat, slow;
	__u64 end = now_ms() + 1000;

	fake_buffers();
	slow = tool("stat", "-w", "--interval=1000");
	stat = tool("stat", "-w", "-i", "0.1");
	wait_for(lines_in(text_of(stat.out)) == 9);
	is_interrupted(stat, SIGINT);
	wait_for(now_ms() > end);
	ck_assert_str_eq(text_of(slow.out), "");
	is_interrupted(slow, SIGINT);
	stat = tool("stat", "-i0.1");
	ck_assert_int_eq(finish(stat.pid), GOOD);
}
END_TEST

START_TEST(json_escapes_what_is_no_utf_8_and_keeps_the_rest)
{
	struct tool list;

	mount_over("/sys/class/misc", "tmpfs");
	fake_buffer(3, "a\"b\\c\td\x7f/", "\xc3\xa9\xff\xc3",
		    "18446744073709551615 0 0 1 0 0 0 0 0 0");
	list = tool("list", "--json");
	ends_about(list, GOOD,
		   "[{\"number\":3,\"device\":\"/dev/bufflink3\",\"owner\":\"a\\\"b\\\\c\\td\x7f/\",\"name\":\"\xc3\xa9\\\\xff\\\\xc3\",\"size\":18446744073709551615,",
		   "");
}
END_TEST

/* The lines of one metric must follow one another, and each have its name. */
static void check_metric(const char **line, const char *name, const char *type,
			 const char *value)
{
	char expected[256];

	sprintf(expected, "# TYPE bufflink_%s %s\n", name, type);
	*line = skip(*line, expected);
	if (strstr(name, "bytes")) {
		sprintf(expected, "# UNIT bufflink_%s bytes\n", name);
		*line = skip(*line, expected);
	}
	sprintf(expected, "# HELP bufflink_%s ", name);
	*line = skip(*line, expected);
	*line = strchr(*line, '\n') + 1;
	sprintf(expected, "bufflink_%s%s{number=\"4\",owner=\"a\\\"\\\\b\",name=\"n\"} %s\n",
		name, strcmp(type, "gauge") ? "_total" : "", value);
	*line = skip(*line, expected);
}

START_TEST(stat_openmetrics_is_valid_and_ends_with_eof)
{
	struct tool stat;
	const char *line;

	mount_over("/sys/class/misc", "tmpfs");
	ends_about(tool("stat", "-o"), GOOD, "# TYPE bufflink_size_bytes gauge\n",
		   "");
	fake_buffer(4, "a\"\\b", "n",
		    "1 2 3 4 5 18446744073709551615 7 8 1 10");
	stat = tool("stat", "--openmetrics");
	ck_assert_int_eq(finish(stat.pid), GOOD);
	line = text_of(stat.out);
	check_metric(&line, "size_bytes", "gauge", "1");
	check_metric(&line, "used_bytes", "gauge", "2");
	check_metric(&line, "highwater_bytes", "gauge", "3");
	check_metric(&line, "watermark_bytes", "gauge", "4");
	check_metric(&line, "records", "counter", "5");
	check_metric(&line, "bytes", "counter", "18446744073709551615");
	check_metric(&line, "lost_records", "counter", "7");
	check_metric(&line, "lost_bytes", "counter", "8");
	check_metric(&line, "overflow", "gauge", "1");
	check_metric(&line, "wakeups", "counter", "10");
	ck_assert_str_eq(line, "# EOF\n");
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

/* cat */

START_TEST(cat_copies_until_the_end_of_file)
{
	struct tool cat;

	buffer_0(PAGE);
	append_text("what was there, ");
	cat = tool("cat", "0");
	wait_for(size_of(cat.out) == 16);
	wait_asleep(cat.pid);
	append_text("what came");
	wait_for(size_of(cat.out) == 25);
	wait_asleep(cat.pid);
	destroy_buffer();
	ends(cat, GOOD, "what was there, what came", "");
}
END_TEST

START_TEST(cat_takes_a_number_or_a_device)
{
	ck_assert_int_eq(create(0, PRODUCER_OWN, PAGE, 12).result, 0);
	close(open_buffer(12, O_RDONLY));

	append_text("number");
	ends(tool("cat", "-f", "12"), GOOD, "number", "");
	append_text("device");
	ends(tool("cat", "-f", "/dev/bufflink12"), GOOD, "device", "");
	append_text("link");
	ck_assert_int_eq(symlink("/dev/bufflink12", "/tmp/check_tool"), 0);
	ends(tool("cat", "-f", "/tmp/check_tool"), GOOD, "link", "");
	ck_assert_int_eq(unlink("/tmp/check_tool"), 0);
}
END_TEST

START_TEST(cat_no_wait_ends_when_the_buffer_is_empty)
{
	int fd = buffer_0(PAGE);

	ends(tool("cat", "-f", "0"), GOOD, "", "");
	append_text("all of it");
	ends(tool("cat", "-f", "0"), GOOD, "all of it", "");
	append_text("again");
	ends(tool("cat", "0", "--no-wait"), GOOD, "again", "");
	ck_assert_int_eq(readable(fd), 0);
}
END_TEST

START_TEST(cat_bytes_takes_so_many_and_leaves_the_rest)
{
	int fd = buffer_0(PAGE);
	struct tool cat;

	append_text("123456789");
	ends(tool("cat", "-n", "0", "0"), GOOD, "", "");
	ends(tool("cat", "-n", "2", "0"), GOOD, "12", "");
	ends(tool("cat", "--bytes=3", "0"), GOOD, "345", "");
	ends(tool("cat", "--bytes=0k", "0"), GOOD, "", "");
	ck_assert_int_eq(readable(fd), 4);

	cat = tool("cat", "-n", "5", "0");
	wait_for(size_of(cat.out) == 4);
	wait_asleep(cat.pid);
	append_text("abc");
	ends(cat, GOOD, "6789a", "");
	ends(tool("cat", "-f", "-n", "5", "0"), GOOD, "bc", "");
}
END_TEST

START_TEST(cat_copies_more_than_it_can_read_at_once)
{
	int fd = buffer_0(2 * BIG);
	char *big = calloc(1, BIG + 1);
	int out = memory_file("");

	memset(big, 'x', BIG);
	fill(0, BIG);
	append_text("rest");
	ck_assert_int_eq(finish(tool_writing(out, "cat", "-n", "600000",
					     "0").pid), GOOD);
	ck_assert_int_eq(size_of(out), BIG);
	ck_assert_mem_eq(mmap(NULL, BIG, PROT_READ, MAP_PRIVATE, out, 0), big,
			 BIG);
	check_reads(fd, "rest");
}
END_TEST

START_TEST(cat_watermark_sets_it_and_leaves_it_so)
{
	int fd = buffer_0(PAGE);

	ends(tool("cat", "-f", "-w", "100", "0"), GOOD, "", "");
	ck_assert_uint_eq(watermark(fd), 100);
	ends(tool("cat", "-f", "--watermark=4096", "0"), GOOD, "", "");
	ck_assert_uint_eq(watermark(fd), 4096);
	ends(tool("cat", "-f", "0"), GOOD, "", "");
	ck_assert_uint_eq(watermark(fd), 4096);
}
END_TEST

/* cat, and loss */

START_TEST(cat_reports_one_lost_record)
{
	buffer_0(PAGE);
	fill(0, 4000);
	lose(97);
	ends(tool("cat", "-n", "0", "0"), LOSS, "",
	     "bufflink: /dev/bufflink0: lost 1 record (97 bytes) at byte 4000\n");
	ends(tool("cat", "-n", "0", "0"), GOOD, "", "");
}
END_TEST

START_TEST(cat_reports_a_burst_of_lost_records)
{
	unsigned int i;

	buffer_0(PAGE);
	fill(0, 4090);
	for (i = 0; i < 12; i++)
		lose(64);
	ends_about(tool("cat", "-f", "0"), LOSS, "xxxx",
		   "bufflink: /dev/bufflink0: lost 12 records (768 bytes) at byte 4090\n");
}
END_TEST

START_TEST(cat_reports_between_which_bytes_records_were_lost)
{
	int fd = buffer_0(PAGE);

	fill(0, PAGE);
	lose(100);
	drain(fd);
	fill(0, PAGE);
	lose(50);
	lose(51);
	ends(tool("cat", "-n", "3", "/dev/bufflink0"), LOSS, "xxx",
	     "bufflink: /dev/bufflink0: lost 3 records (201 bytes) between byte 4096 and byte 8192\n");
}
END_TEST

START_TEST(cat_reports_each_loss_once_and_while_it_waits)
{
	struct tool cat;

	buffer_0(PAGE);
	cat = tool("cat", "0");
	append_text("first");
	wait_for(size_of(cat.out) == 5);
	wait_asleep(cat.pid);

	ck_assert_int_eq(append_record(0, 5000), -EMSGSIZE);
	wait_for(size_of(cat.err) > 0);
	wait_asleep(cat.pid);
	append_text("second");
	wait_for(size_of(cat.out) == 11);
	wait_asleep(cat.pid);
	ck_assert_int_eq(append_record(0, 6000), -EMSGSIZE);

	destroy_buffer();
	ends(cat, LOSS, "firstsecond",
	     "bufflink: /dev/bufflink0: lost 1 record (5000 bytes) at byte 5\n"
	     "bufflink: /dev/bufflink0: lost 1 record (6000 bytes) at byte 11\n");
}
END_TEST

/* cat --mark: reports in the stream */

#define MARK	"bufflink: /dev/bufflink0: lost "

static void lose_big(void)
{
	ck_assert_int_eq(append_record(0, 10 * PAGE), -EMSGSIZE);
}

START_TEST(cat_mark_is_where_the_record_is_missing)
{
	buffer_0(PAGE);
	append_text("before\n");
	lose_big();
	append_text("after\n");
	ends(tool("cat", "-f", "--mark", "0"), LOSS,
	     "before\n" MARK "1 record (40960 bytes) at byte 7\nafter\n", "");
}
END_TEST

START_TEST(cat_mark_of_several_bursts_is_where_the_first_is)
{
	buffer_0(PAGE);
	append_text("before\n");
	lose_big();
	append_text("between\n");
	lose_big();
	append_text("after\n");
	ends(tool("cat", "-f", "-m", "0"), LOSS,
	     "before\n" MARK "2 records (81920 bytes) between byte 7 and byte 15\n"
	     "between\nafter\n", "");
}
END_TEST

START_TEST(cat_mark_of_what_was_lost_and_read_before_comes_first)
{
	int fd = buffer_0(PAGE);

	append_text("a");
	lose_big();
	append_text("b");
	lose_big();
	check_reads(fd, "ab");
	append_text("c");
	ends(tool("cat", "-f", "-m", "0"), LOSS,
	     MARK "2 records (81920 bytes) between byte 1 and byte 2\nc", "");
}
END_TEST

START_TEST(cat_mark_reports_each_loss_and_while_it_waits)
{
	struct tool cat;

	buffer_0(PAGE);
	cat = tool("cat", "-m", "0");
	append_text("first\n");
	wait_for(size_of(cat.out) == 6);
	wait_asleep(cat.pid);
	lose_big();
	wait_for(size_of(cat.out) > 6 &&
		 strstr(text_of(cat.out), "at byte 6\n"));
	append_text("second\n");
	wait_for(strstr(text_of(cat.out), "second\n"));
	wait_asleep(cat.pid);
	lose_big();
	destroy_buffer();
	ends(cat, LOSS,
	     "first\n" MARK "1 record (40960 bytes) at byte 6\n"
	     "second\n" MARK "1 record (40960 bytes) at byte 13\n", "");
}
END_TEST

START_TEST(cat_mark_bytes_takes_so_many_and_leaves_the_rest)
{
	int fd = buffer_0(PAGE);

	append_text("123");
	lose_big();
	append_text("456");
	lose_big();
	ends(tool("cat", "-m", "-n", "3", "0"), LOSS,
	     "123" MARK "2 records (81920 bytes) between byte 3 and byte 6\n",
	     "");
	append_text("789");
	lose_big();
	ends(tool("cat", "-m", "-n", "2", "0"), LOSS,
	     "45" MARK "1 record (40960 bytes) at byte 9\n", "");
	check_reads(fd, "6789");
}
END_TEST

/* In marked output, each mark must come after as many bytes as it says. */
static __u64 check_marks(int out, __u64 *lost)
{
	size_t size = size_of(out);
	char *text = mmap(NULL, size + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE,
			  out, 0);
	unsigned long long records, first;
	char *place = text, *mark;
	__u64 position = 0;

	ck_assert_ptr_ne(text, MAP_FAILED);
	*lost = 0;
	while ((mark = memmem(place, text + size - place, MARK,
			      strlen(MARK)))) {
		position += mark - place;
		ck_assert_int_eq(sscanf(mark + strlen(MARK),
					"%llu record%*[s ](%*u bytes) %*s byte %llu",
					&records, &first), 2);
		ck_assert_uint_eq(first, position);
		*lost += records;
		place = strchr(mark, '\n') + 1;
	}
	position += text + size - place;
	munmap(text, size + 1);
	return position;
}

START_TEST(cat_mark_is_at_its_place_further_on_than_one_read)
{
	int out = memory_file("");
	int fd = buffer_0(BIG);
	__u64 lost;

	fill(0, BIG / 2);
	ck_assert_int_eq(append_record(0, BIG), -ENOSPC);
	fill(0, BIG / 2);
	ck_assert_int_eq(finish(tool_writing(out, "cat", "-f", "-m", "0").pid),
			 LOSS);
	ck_assert_uint_eq(check_marks(out, &lost), BIG);
	ck_assert_uint_eq(lost, 1);
	ck_assert_uint_eq(stats(fd).lost_records, 1);
}
END_TEST

START_TEST(cat_mark_is_at_its_place_while_a_producer_races)
{
	struct producer_run burst = {
		.count = 200, .size_min = 1, .size_max = 3 * PAGE,
	};
	struct producer_result total = { };
	int fd = buffer_0(PAGE);
	struct tool cat;
	__u64 lost, end;

	cat = tool("cat", "-m", "0");
	for (end = now_ms() + 3000; now_ms() < end;) {
		burst.result = (struct producer_result) { };
		burst.seed++;
		run(&burst);
		add_result(&total, &burst.result);
	}
	ck_assert_uint_gt(total.nospc, 0);
	ck_assert_uint_gt(total.msgsize, 0);
	destroy_buffer();
	ck_assert_int_eq(finish(cat.pid), LOSS);
	ck_assert_str_eq(text_of(cat.err), "");
	ck_assert_uint_eq(check_marks(cat.out, &lost), total.bytes);
	ck_assert_uint_eq(lost, refused(&total));
	close(fd);
}
END_TEST

/* cat, and what may come in its way */

static void stops_by(int number)
{
	struct tool cat;

	buffer_0(PAGE);
	append_text("read");
	cat = tool("cat", "0");
	wait_for(size_of(cat.out) == 4);
	wait_asleep(cat.pid);
	ck_assert_int_eq(kill(cat.pid, number), 0);
	is_killed(cat, number);
	ck_assert_str_eq(text_of(cat.out), "read");
	ck_assert_str_eq(text_of(cat.err), "");
}

START_TEST(cat_ends_by_sigint)
{
	stops_by(SIGINT);
}
END_TEST

START_TEST(cat_ends_by_sigterm)
{
	stops_by(SIGTERM);
}
END_TEST

START_TEST(cat_goes_on_where_sigint_is_ignored)
{
	struct tool cat;

	buffer_0(PAGE);
	signal(SIGINT, SIG_IGN);
	cat = tool("cat", "0");
	append_text("before ");
	wait_for(size_of(cat.out) == 7);
	ck_assert_int_eq(kill(cat.pid, SIGINT), 0);
	append_text("after");
	wait_for(size_of(cat.out) == 12);
	destroy_buffer();
	ends(cat, GOOD, "before after", "");
}
END_TEST

START_TEST(cat_stopped_and_continued_goes_on)
{
	struct tool cat;

	buffer_0(PAGE);
	cat = tool("cat", "0");
	wait_asleep(cat.pid);
	ck_assert_int_eq(kill(cat.pid, SIGSTOP), 0);
	ck_assert_int_eq(kill(cat.pid, SIGCONT), 0);
	append_text("goes on");
	wait_for(size_of(cat.out) == 7);
	destroy_buffer();
	ends(cat, GOOD, "goes on", "");
}
END_TEST

/* A cat that has read, but cannot write: its pipe is full. */
static struct tool stuck_cat(const int *pipe, size_t *taken)
{
	int fd = buffer_0(BIG);
	struct tool cat;

	fill(0, BIG);
	cat = tool_writing(pipe[1], "cat", "0");
	wait_for(readable(fd) < BIG);
	wait_asleep(cat.pid);
	*taken = BIG - readable(fd);
	return cat;
}

START_TEST(cat_writes_all_that_it_has_read_before_sigint_ends_it)
{
	static char big[BIG];
	struct tool cat;
	size_t taken;
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	cat = stuck_cat(ends, &taken);
	ck_assert_int_eq(kill(cat.pid, SIGINT), 0);
	ck_assert_int_eq(close(ends[1]), 0);
	read_all(ends[0], big, taken);
	ck_assert_int_eq(read(ends[0], big, 1), 0);
	is_killed(cat, SIGINT);
}
END_TEST

START_TEST(cat_stuck_in_a_full_pipe_is_killed_by_a_second_sigint)
{
	static char big[1 << 20];
	struct tool cat;
	size_t taken;
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	ck_assert_int_gt(write(ends[1], big, sizeof(big)), 0);
	set_blocking(ends[1]);
	cat = stuck_cat(ends, &taken);
	ck_assert_int_eq(kill(cat.pid, SIGINT), 0);
	ck_assert(!finished(cat.pid, MOMENT_MS));
	ck_assert_int_eq(kill(cat.pid, SIGINT), 0);
	is_killed(cat, SIGINT);
}
END_TEST

static struct tool cat_without_reader(void)
{
	int ends[2];

	buffer_0(PAGE);
	append_text("nobody reads");
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	return tool_writing(ends[1], "cat", "0");
}

START_TEST(cat_into_a_closed_pipe_ends_by_sigpipe)
{
	signal(SIGPIPE, SIG_DFL);
	is_killed(cat_without_reader(), SIGPIPE);
}
END_TEST

START_TEST(cat_into_a_closed_pipe_is_status_1_where_sigpipe_is_ignored)
{
	struct tool cat;

	signal(SIGPIPE, SIG_IGN);
	cat = cat_without_reader();
	ck_assert_int_eq(finish(cat.pid), FAILED);
	ck_assert_str_eq(text_of(cat.err),
			 "bufflink: cannot write to standard output: Broken pipe\n");
}
END_TEST

START_TEST(cat_ends_when_nobody_reads_it_and_takes_nothing_more)
{
	int fd = buffer_0(PAGE);
	struct tool cat;
	int ends[2];

	signal(SIGPIPE, SIG_DFL);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	cat = tool_writing(ends[1], "cat", "0");
	close(ends[1]);
	wait_asleep(cat.pid);
	close(ends[0]);
	is_killed(cat, SIGPIPE);
	append_text("for the next");
	check_reads(fd, "for the next");
}
END_TEST

/* write */

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

START_TEST(what_write_appends_cat_prints)
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
	Suite *suite = suite_create("tool");
	TCase *unloaded = tcase_create("without the module");

	tool_path = getenv("BUFFLINK") ?: "/t/bufflink";
	setenv("LC_ALL", "C", 1);

	add_case(suite, "command line",
		 help_and_version_go_to_standard_output,
		 a_bad_argument_is_one_line_and_status_2,
		 what_is_no_buffer_is_status_1,
		 a_buffer_may_be_named_by_its_owner,
		 a_complaint_is_no_data_if_standard_error_is_closed,
		 a_closed_standard_output_is_status_1_for_all_commands,
		 a_full_standard_output_is_status_1);
	add_case(suite, "list",
		 list_shows_what_sysfs_shows_in_order_of_numbers,
		 list_of_no_buffers_is_only_the_heading,
		 list_json_is_all_of_sysfs,
		 list_has_units_on_a_terminal,
		 json_escapes_what_is_no_utf_8_and_keeps_the_rest);
	add_case(suite, "stat",
		 stat_is_a_line_of_exact_values_for_each_buffer,
		 stat_json_is_one_array,
		 stat_openmetrics_is_valid_and_ends_with_eof,
		 stat_interval_is_the_time_between_two_looks,
		 stat_follows_a_link_to_a_device,
		 stat_has_the_rates_between_two_looks,
		 stat_needs_no_right_to_the_device);
	add_case(suite, "stat -w",
		 stat_watch_prints_lines_until_it_is_interrupted,
		 stat_watch_alone_takes_a_number_for_the_buffer,
		 stat_watch_takes_seconds_before_the_buffer,
		 stat_watch_ends_when_the_buffer_is_gone,
		 stat_watch_sees_buffers_come_and_go,
		 stat_watch_has_no_rate_for_another_buffer_of_the_number,
		 stat_watch_into_a_closed_pipe_ends_in_silence,
		 stat_watch_of_nothing_ends_when_nobody_reads_it);
	add_case(suite, "stat on a terminal",
		 stat_draws_a_picture_on_a_terminal,
		 stat_watch_draws_again_and_again_until_ctrl_c,
		 stat_watch_draws_at_once_what_there_is_room_for);
	add_case(suite, "watermark",
		 watermark_prints_it_and_sets_it,
		 resize_gives_a_new_size_and_says_nothing,
		 resize_says_why_it_cannot,
		 an_only_reader_is_in_the_way_of_cat_alone);
	add_case(suite, "cat",
		 cat_copies_until_the_end_of_file,
		 cat_takes_a_number_or_a_device,
		 cat_no_wait_ends_when_the_buffer_is_empty,
		 cat_bytes_takes_so_many_and_leaves_the_rest,
		 cat_copies_more_than_it_can_read_at_once,
		 cat_watermark_sets_it_and_leaves_it_so,
		 cat_waits_for_a_link_in_a_folder_that_is_made_later,
		 cat_reopen_goes_on_with_the_next_buffer_and_says_so);
	add_case(suite, "loss",
		 cat_reports_one_lost_record,
		 cat_reports_a_burst_of_lost_records,
		 cat_reports_between_which_bytes_records_were_lost,
		 cat_reports_each_loss_once_and_while_it_waits);
	add_case(suite, "cat --mark",
		 cat_mark_is_where_the_record_is_missing,
		 cat_mark_of_several_bursts_is_where_the_first_is,
		 cat_mark_of_what_was_lost_and_read_before_comes_first,
		 cat_mark_reports_each_loss_and_while_it_waits,
		 cat_mark_bytes_takes_so_many_and_leaves_the_rest,
		 cat_mark_is_at_its_place_further_on_than_one_read,
		 cat_mark_is_at_its_place_while_a_producer_races);
	add_case(suite, "signals and pipes",
		 cat_ends_by_sigint,
		 cat_ends_by_sigterm,
		 cat_goes_on_where_sigint_is_ignored,
		 cat_stopped_and_continued_goes_on,
		 cat_writes_all_that_it_has_read_before_sigint_ends_it,
		 cat_stuck_in_a_full_pipe_is_killed_by_a_second_sigint,
		 cat_into_a_closed_pipe_ends_by_sigpipe,
		 cat_into_a_closed_pipe_is_status_1_where_sigpipe_is_ignored,
		 cat_ends_when_nobody_reads_it_and_takes_nothing_more);
	add_case(suite, "write",
		 write_appends_each_line_as_one_record,
		 write_size_appends_blocks_of_so_many_bytes,
		 write_of_nothing_appends_nothing,
		 write_waits_for_room,
		 write_of_a_record_larger_than_the_buffer_is_status_1,
		 write_of_a_record_larger_than_64_kib_is_refused,
		 write_to_a_destroyed_buffer_is_status_1,
		 what_write_appends_cat_prints);

	tcase_add_unchecked_fixture(unloaded, modules_out, modules_in);
	tcase_add_test(unloaded, without_the_module_list_and_stat_are_status_1);
	suite_add_tcase(suite, unloaded);
	return run_suite(suite);
}
