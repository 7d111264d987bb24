// SPDX-License-Identifier: GPL-2.0-only
/* The tool: the output of list and stat. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "command.h"

/* One that is to be let go: until then it is between its first two looks. */
static struct tool between_looks(char **argv)
{
	struct tool tool = start_held(tool_path, argv);

	hold(&tool);
	return tool;
}

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

/* Take one row off the table; it must have the values of sysfs. */
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

START_TEST(list_shows_the_values_of_sysfs_in_order_of_numbers)
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

START_TEST(without_the_module_list_stat_and_cat_are_status_1)
{
	ends(tool("list"), FAILED, "",
	     "bufflink: the module bufflink is not loaded: load it with 'modprobe bufflink'\n");
	ends(tool("stat"), FAILED, "",
	     "bufflink: the module bufflink is not loaded: load it with 'modprobe bufflink'\n");
	ends(tool("cat", "producer"), FAILED, "",
	     "bufflink: the module bufflink is not loaded: load it with 'modprobe bufflink'\n");
}
END_TEST

/* stat and --json: exact values, for programs */

static const char *const names[] = {
	"size", "used", "highwater", "watermark", "records", "bytes",
	"lost_records", "lost_bytes", "overflow", "wakeups"
};

/* The beginning of the line of a buffer, or of its object; ends with these bytes. */
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
	append_text("these earlier bytes do not count");
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

/* A user that may not open the device may look. */
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
	wait_for(lines_of(text_of(stat.out)) == 2);
	ck_assert_ptr_nonnull(strstr(text_of(stat.out), " records=0 "));
	append_text("record");
	wait_for(strstr(text_of(stat.out), " records=1 "));
	ck_assert_double_gt(rate_in(strstr(text_of(stat.out), " records=1 "),
				    " records_per_second="), 0);
	is_interrupted(stat, SIGINT);

	stat = tool("stat", "-j", "--watch=0.1");
	wait_for(lines_of(text_of(stat.out)) == 3);
	skip(last_line(text_of(stat.out)), "[{\"number\":0,");
	is_interrupted(stat, SIGTERM);
}
END_TEST

START_TEST(stat_watch_alone_takes_a_number_for_the_buffer)
{
	struct tool stat;

	two_buffers();
	stat = tool("stat", "-w", "12");
	wait_for(lines_of(text_of(stat.out)) == 2);
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
	wait_for(lines_of(text_of(stat.out)) == 5);
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

START_TEST(stat_watch_reopen_goes_on_with_the_next_buffer_of_the_owner)
{
	struct tool stat;
	off_t size;

	buffer_0(PAGE);
	append_text("first");
	stat = tool("stat", "-w0.1", "--reopen", "producer");
	wait_for(strstr(text_of(stat.out), " records=1 "));
	destroy_buffer();
	wait_for(has_written(stat.err, "is gone\n"));
	size = size_of(stat.out);
	ck_assert_int_eq(create(0, PRODUCER_OWN, PAGE, 12).result, 0);
	wait_for(size_of(stat.out) > size);
	ck_assert(has_written(stat.out, "number=12 "));
	ck_assert_int_eq(kill(stat.pid, SIGINT), 0);
	ends_about(stat, GOOD, "number=0 ",
		   "bufflink: /dev/bufflink0 is gone\n"
		   "bufflink: /dev/bufflink12: reopened\n");
}
END_TEST

START_TEST(stat_watch_of_an_owner_shows_no_other_buffer_of_the_number)
{
	struct tool stat;

	ck_assert_int_eq(name_buffer(0, "watched"), 0);
	stat = tool("stat", "-w0.1", "producer/watched");
	wait_for(size_of(stat.out) > 0);
	destroy_buffer();
	ck_assert_int_eq(name_buffer(0, "other"), 0);
	ck_assert_int_eq(finish(stat.pid), GOOD);
	ck_assert(!has_written(stat.out, "name=other"));
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

/* The output of a program may come after its end, and in parts. */
static void shows(const char *text)
{
	wait_for(strlen(on_screen()) >= strlen(text));
	ck_assert_str_eq(on_screen(), text);
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
	shows(HEAD FIRST SECOND THIRD);
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

START_TEST(stat_watch_draws_at_once_all_rows_that_fit)
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
	shows("NUMBER  OWNER/NAME                     SIZE       USED      RECORDS       LOST\r\n"
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
	wait_for(lines_of(text_of(stat.out)) == 9);
	is_interrupted(stat, SIGINT);
	wait_for(now_ms() > end);
	ck_assert_str_eq(text_of(slow.out), "");
	is_interrupted(slow, SIGINT);
	stat = tool("stat", "-i0.1");
	ck_assert_int_eq(finish(stat.pid), GOOD);
}
END_TEST

START_TEST(json_escapes_bytes_that_are_no_utf_8_and_keeps_the_rest)
{
	struct tool list;

	mount_over("/sys/class/misc", "tmpfs");
	fake_buffer(3, "a\"b\\c\td\x7f/", "\xc3\xa9\xff\xc3",
		    "18446744073709551615 0 0 1 0 0 0 0 0 0");
	list = tool("list", "--json");
	ends_about(list, GOOD,
		   "[{\"number\":3,\"device\":\"/dev/bufflink3\",\"owner\":\"a\\\"b\\\\c\\td\\u007f/\",\"name\":\"\xc3\xa9\\\\xff\\\\xc3\",\"size\":18446744073709551615,",
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

int main(void)
{
	Suite *suite = tool_suite("tool look");
	TCase *unloaded = tcase_create("without the module");

	add_case(suite, "list",
		 list_shows_the_values_of_sysfs_in_order_of_numbers,
		 list_of_no_buffers_is_only_the_heading,
		 list_json_is_all_of_sysfs,
		 list_has_units_on_a_terminal,
		 json_escapes_bytes_that_are_no_utf_8_and_keeps_the_rest);
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
		 stat_watch_reopen_goes_on_with_the_next_buffer_of_the_owner,
		 stat_watch_of_an_owner_shows_no_other_buffer_of_the_number,
		 stat_watch_sees_buffers_come_and_go,
		 stat_watch_has_no_rate_for_another_buffer_of_the_number,
		 stat_watch_into_a_closed_pipe_ends_in_silence,
		 stat_watch_of_nothing_ends_when_nobody_reads_it);
	add_case(suite, "stat on a terminal",
		 stat_draws_a_picture_on_a_terminal,
		 stat_watch_draws_again_and_again_until_ctrl_c,
		 stat_watch_draws_at_once_all_rows_that_fit);

	tcase_add_unchecked_fixture(unloaded, modules_out, modules_in);
	tcase_add_test(unloaded, without_the_module_list_stat_and_cat_are_status_1);
	suite_add_tcase(suite, unloaded);
	return run_suite(suite);
}
