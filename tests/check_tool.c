// SPDX-License-Identifier: GPL-2.0-only
/* The tool: what each command does with each option, says and exits with. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "device.h"

#define OUTPUT_MAX	8192
#define BIG		600000	/* more than the tool reads at once */

enum { GOOD, FAILED, USAGE, LOSS };	/* exit statuses */

static const char *tool_path;

/* One run of the tool: where it writes can be looked at while it runs. */
struct tool {
	char **argv;
	int in;
	int out;
	int err;
	pid_t pid;
};

static int memory_file(const char *text)
{
	int fd = memfd_create("tool", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, text, strlen(text), 0), strlen(text));
	return fd;
}

static int exec_tool(void *arg)
{
	struct tool *tool = arg;

	if (dup2(tool->in, 0) < 0 || dup2(tool->out, 1) < 0 ||
	    dup2(tool->err, 2) < 0)
		return 126;
	execv(tool_path, tool->argv);
	return 127;
}

static struct tool start_tool(int in, int out, char **argv)
{
	struct tool tool = {
		.argv = argv, .in = in, .out = out, .err = memory_file(""),
	};

	tool.pid = start(exec_tool, &tool);
	return tool;
}

#define ARGS(...)	((char *[]){ "bufflink", ##__VA_ARGS__, NULL })
#define tool(...) \
	start_tool(memory_file(""), memory_file(""), ARGS(__VA_ARGS__))
#define tool_reading(text, ...) \
	start_tool(memory_file(text), memory_file(""), ARGS(__VA_ARGS__))
#define tool_writing(out, ...) \
	start_tool(memory_file(""), out, ARGS(__VA_ARGS__))

static off_t size_of(int fd)
{
	struct stat stat;

	ck_assert_int_eq(fstat(fd, &stat), 0);
	return stat.st_size;
}

static const char *text_of(int fd)
{
	static char texts[2][OUTPUT_MAX];
	static int turn;
	char *text = texts[turn++ % 2];
	ssize_t got = pread(fd, text, OUTPUT_MAX - 1, 0);

	ck_assert_int_eq(got, size_of(fd));
	text[got] = '\0';
	return text;
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
	ends_about(tool("--help"), GOOD, "Usage: bufflink list\n", "");
	ends_about(tool("-h"), GOOD, "Usage: bufflink list\n", "");
	ends_about(tool("list", "--help"), GOOD, "Usage: bufflink list\n", "");
	ends_about(tool("list", "-h"), GOOD, "Usage: bufflink list\n", "");
	ends_about(tool("cat", "--help"), GOOD, "Usage: bufflink cat [", "");
	ends_about(tool("cat", "-h"), GOOD, "Usage: bufflink cat [", "");
	ends_about(tool("write", "--help"), GOOD, "Usage: bufflink write [",
		   "");
	ends_about(tool("write", "-h"), GOOD, "Usage: bufflink write [", "");
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

	is_bad(tool(), ": no command given: use list, cat or write");
	is_bad(tool("tac"), ": 'tac' is no command: use list, cat or write");
	is_bad(tool("--all"), ": unrecognized option '--all'");
	is_bad(tool("-x", "cat", "0"), ": invalid option -- 'x'");

	is_bad(tool("list", "-x"), " list: invalid option -- 'x'");
	is_bad(tool("list", "0"), ": 0: unexpected argument");

	is_bad(tool("cat"), ": no buffer given: name one, as N or as DEVICE");
	is_bad(tool("cat", ""),
	       ": no buffer given: name one, as N or as DEVICE");
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
	is_bad(tool("cat", "-n", "1k", "0"),
	       ": --bytes: '1k' is not a number of bytes, 0 or more");
	is_bad(tool("cat", "-n", "18446744073709551616", "0"),
	       ": --bytes: '18446744073709551616' is not a number of bytes, 0 or more");
	is_bad(tool("cat", "-w", "0", "0"),
	       ": --watermark: '0' is not a number of bytes, 1 or more");
	is_bad(tool("cat", "-w", "4097", "0"),
	       ": --watermark: 4097 is more than the 4096 bytes of /dev/bufflink0");

	is_bad(tool("write"),
	       ": no buffer given: name one, as N or as DEVICE");
	is_bad(tool("write", "0", "1"), ": 1: unexpected argument");
	is_bad(tool("write", "-x", "0"), " write: invalid option -- 'x'");
	is_bad(tool("write", "-s", "0", "0"),
	       ": --size: '0' is not a number of bytes, 1 or more");
	is_bad(tool("write", "-s", "4097", "0"),
	       ": --size: 4097 is more than the 4096 bytes of /dev/bufflink0");

	ck_assert_uint_eq(watermark(fd), before);
	check_reads(fd, "kept");
}
END_TEST

START_TEST(what_is_no_buffer_is_status_1)
{
	ends(tool("cat", "7"), FAILED, "",
	     "bufflink: /dev/bufflink7 does not exist: see 'bufflink list' for those that do\n");
	ends(tool("write", "7"), FAILED, "",
	     "bufflink: /dev/bufflink7 does not exist: see 'bufflink list' for those that do\n");
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
		tool_writing(full, "cat", "0"),
		tool_writing(full, "list"),
		tool_writing(full, "--help"),
		tool_writing(full, "--version"),
	};

	for (size_t i = 0; i < sizeof(tools) / sizeof(*tools); i++) {
		ck_assert_int_eq(finish(tools[i].pid), FAILED);
		ck_assert_str_eq(text_of(tools[i].err), complaint);
	}
}
END_TEST

/* list */

/* Take one row off the table; it must say what sysfs says. */
static const char *check_row(const char *row, int number)
{
	unsigned long long size, used, records, lost;
	char owner[64], expected[64];
	int got, length;

	ck_assert_int_eq(sscanf(row, "%d %63s %llu %llu %llu %llu%n", &got,
				owner, &size, &used, &records, &lost, &length),
			 6);
	sysfs_read(number, "owner", expected, sizeof(expected));
	ck_assert_int_eq(got, number);
	ck_assert_str_eq(owner, expected);
	ck_assert_uint_eq(size, sysfs_value(number, "size"));
	ck_assert_uint_eq(used, sysfs_value(number, "used"));
	ck_assert_uint_eq(records, sysfs_value(number, "records"));
	ck_assert_uint_eq(lost, sysfs_value(number, "lost_records"));
	ck_assert_int_eq(row[length], '\n');
	return row + length + 1;
}

#define HEADING \
	"NUMBER  OWNER                  SIZE       USED      RECORDS       LOST\n"

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

	list = tool("list");
	ck_assert_int_eq(finish(list.pid), GOOD);
	ck_assert_str_eq(text_of(list.err), "");
	row = text_of(list.out);
	ck_assert_int_eq(strncmp(row, HEADING, strlen(HEADING)), 0);
	row += strlen(HEADING);
	row = check_row(row, 0);
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

START_TEST(without_the_module_list_is_status_1)
{
	ends(tool("list"), FAILED, "",
	     "bufflink: the module bufflink is not loaded\n");
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
	static char text[OUTPUT_MAX - 1];
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
		 a_full_standard_output_is_status_1);
	add_case(suite, "list",
		 list_shows_what_sysfs_shows_in_order_of_numbers,
		 list_of_no_buffers_is_only_the_heading);
	add_case(suite, "cat",
		 cat_copies_until_the_end_of_file,
		 cat_takes_a_number_or_a_device,
		 cat_no_wait_ends_when_the_buffer_is_empty,
		 cat_bytes_takes_so_many_and_leaves_the_rest,
		 cat_copies_more_than_it_can_read_at_once,
		 cat_watermark_sets_it_and_leaves_it_so);
	add_case(suite, "loss",
		 cat_reports_one_lost_record,
		 cat_reports_a_burst_of_lost_records,
		 cat_reports_between_which_bytes_records_were_lost,
		 cat_reports_each_loss_once_and_while_it_waits);
	add_case(suite, "signals and pipes",
		 cat_ends_by_sigint,
		 cat_ends_by_sigterm,
		 cat_goes_on_where_sigint_is_ignored,
		 cat_stopped_and_continued_goes_on,
		 cat_writes_all_that_it_has_read_before_sigint_ends_it,
		 cat_stuck_in_a_full_pipe_is_killed_by_a_second_sigint,
		 cat_into_a_closed_pipe_ends_by_sigpipe,
		 cat_into_a_closed_pipe_is_status_1_where_sigpipe_is_ignored);
	add_case(suite, "write",
		 write_appends_each_line_as_one_record,
		 write_size_appends_blocks_of_so_many_bytes,
		 write_of_nothing_appends_nothing,
		 write_waits_for_room,
		 write_of_a_record_larger_than_the_buffer_is_status_1,
		 write_to_a_destroyed_buffer_is_status_1,
		 what_write_appends_cat_prints);

	tcase_add_unchecked_fixture(unloaded, modules_out, modules_in);
	tcase_add_test(unloaded, without_the_module_list_is_status_1);
	suite_add_tcase(suite, unloaded);
	return run_suite(suite);
}
