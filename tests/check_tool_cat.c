// SPDX-License-Identifier: GPL-2.0-only
/* The tool: the bytes that cat copies, its reports of losses, and its end. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "command.h"

/* cat */

START_TEST(cat_copies_until_the_end_of_file)
{
	struct tool cat;

	buffer_0(PAGE);
	append_text("waiting bytes, ");
	cat = tool("cat", "0");
	wait_for(size_of(cat.out) == 15);
	wait_asleep(cat.pid);
	append_text("new bytes");
	wait_for(size_of(cat.out) == 24);
	wait_asleep(cat.pid);
	destroy_buffer();
	ends(cat, GOOD, "waiting bytes, new bytes", "");
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

START_TEST(cat_reports_a_loss_though_others_took_all_that_was_before_it)
{
	int fd = buffer_0(PAGE);
	struct tool cat;

	fill(0, PAGE);
	lose(64);
	cat = start_held(tool_path, ARGS("cat", "0"));
	hold(&cat);	/* it knows of the loss, and is about to wait for bytes */
	drain(fd);
	let_run(&cat);
	wait_for(size_of(cat.err) > 0);
	destroy_buffer();
	ends(cat, LOSS, "",
	     "bufflink: /dev/bufflink0: lost 1 record (64 bytes) at byte 4096\n");
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

START_TEST(cat_mark_of_an_earlier_loss_comes_first)
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

/* cat, with obstacles in its way */

static void stops_by(int number)
{
	struct tool cat;

	buffer_0(PAGE);
	append_text("read");
	cat = tool("cat", "0");
	wait_for(size_of(cat.out) == 4);
	wait_asleep(cat.pid);
	ck_assert_int_eq(kill(cat.pid, number), 0);
	is_killed(cat.pid, number);
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
	is_killed(cat.pid, SIGINT);
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
	is_killed(cat.pid, SIGINT);
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
	is_killed(cat_without_reader().pid, SIGPIPE);
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
	is_killed(cat.pid, SIGPIPE);
	append_text("for the next");
	check_reads(fd, "for the next");
}
END_TEST

/* udev makes the link last: then the program reads, and ends with the buffer. */
static void make_link_for(struct tool cat)
{
	ck_assert_int_eq(symlink("/dev/bufflink0", "/tmp/by/owner/name"), 0);
	wait_for(has_written(cat.out, "here"));
	destroy_buffer();
	ends(cat, GOOD, "here", "");
	unlink("/tmp/by/owner/name");
	rmdir("/tmp/by/owner");
	rmdir("/tmp/by");
}

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
	make_link_for(cat);
}
END_TEST

START_TEST(cat_waits_for_a_link_in_a_folder_that_is_made_while_it_looks_for_it)
{
	struct tool cat;

	buffer_0(PAGE);
	append_text("here");
	cat = start_held(tool_path, ARGS("cat", "--wait", "/tmp/by/owner/name"));
	hold_before(&cat, SYS_inotify_add_watch, "/tmp");
	ck_assert_int_eq(mkdir("/tmp/by", 0700), 0);
	ck_assert_int_eq(mkdir("/tmp/by/owner", 0700), 0);
	let_run(&cat);
	wait_asleep(cat.pid);
	make_link_for(cat);
}
END_TEST

START_TEST(cat_waits_for_the_target_of_a_link_in_a_folder_that_is_made_later)
{
	struct tool cat;

	ck_assert_int_eq(symlink("/tmp/elsewhere/device", "/tmp/link"), 0);
	cat = tool("cat", "--wait", "/tmp/link");
	wait_asleep(cat.pid);
	buffer_0(PAGE);
	append_text("here");
	ck_assert_int_eq(mkdir("/tmp/elsewhere", 0700), 0);
	wait_asleep(cat.pid);
	ck_assert_int_eq(symlink("/dev/bufflink0", "/tmp/elsewhere/device"), 0);
	wait_for(has_written(cat.out, "here"));
	destroy_buffer();
	ends(cat, GOOD, "here", "");
	unlink("/tmp/link");
	unlink("/tmp/elsewhere/device");
	rmdir("/tmp/elsewhere");
}
END_TEST

/* A kernel without inotify has none anyway. */
static void set_watches(const char *number)
{
	const char *path = "/proc/sys/fs/inotify/max_user_watches";

	if (exists("%s", path))
		write_to(path, number);
}

START_TEST(cat_waits_for_a_buffer_where_no_folder_can_be_watched)
{
	struct tool cat;

	set_watches("0");
	cat = tool("cat", "--wait", "0");
	wait_asleep(cat.pid);
	buffer_0(PAGE);
	append_text("here");
	wait_for(has_written(cat.out, "here"));
	destroy_buffer();
	ends(cat, GOOD, "here", "");
	set_watches("8192");
}
END_TEST

static int cat_as_nobody(void *out)
{
	become_nobody();
	return finish(tool_writing(*(int *)out, "cat", "--wait", "0").pid);
}

START_TEST(cat_waits_for_the_right_to_read_a_device_that_has_just_been_made)
{
	int out = memory_file("");
	pid_t pid;

	buffer_0(PAGE);
	append_text("here");
	pid = start(cat_as_nobody, &out);
	ck_assert(!finished(pid, MOMENT_MS));
	ck_assert_int_eq(chmod("/dev/bufflink0", 0644), 0);
	wait_for(has_written(out, "here"));
	destroy_buffer();
	ck_assert_int_eq(finish(pid), GOOD);
}
END_TEST

/* Such as a buffer leaves that is destroyed between a look and an open. */
START_TEST(cat_waits_where_nothing_is_behind_a_device)
{
	struct tool cat;

	ck_assert_int_eq(mknod("/tmp/node", S_IFCHR | 0600, makedev(10, 77)),
			 0);
	ends(tool("cat", "/tmp/node"), FAILED, "",
	     "bufflink: /tmp/node belongs to no buffer: see 'bufflink list' for those that do\n");
	cat = tool("cat", "--wait", "/tmp/node");
	wait_asleep(cat.pid);
	buffer_0(PAGE);
	append_text("here");
	ck_assert_int_eq(symlink("/dev/bufflink0", "/tmp/link"), 0);
	ck_assert_int_eq(rename("/tmp/link", "/tmp/node"), 0);
	wait_for(has_written(cat.out, "here"));
	destroy_buffer();
	ends(cat, GOOD, "here", "");
	unlink("/tmp/node");
}
END_TEST

START_TEST(cat_reopen_goes_on_where_only_the_target_of_a_link_comes_back)
{
	struct tool cat;

	ck_assert_int_eq(symlink("/dev/bufflink0", "/tmp/link"), 0);
	cat = tool("cat", "--wait", "--reopen", "/tmp/link");
	wait_asleep(cat.pid);
	buffer_0(PAGE);
	append_text("first ");
	wait_for(has_written(cat.out, "first "));
	destroy_buffer();
	wait_asleep(cat.pid);
	buffer_0(PAGE);
	append_text("second ");
	wait_for(has_written(cat.out, "second "));
	unlink("/tmp/link");
}
END_TEST

START_TEST(cat_of_an_owner_reads_no_other_buffer_that_has_got_the_number)
{
	struct tool cat;

	name_buffer(0, "a");
	cat = start_held(tool_path, ARGS("cat", "producer/a"));
	hold_before(&cat, SYS_openat, "/dev/bufflink0");
	destroy_buffer();
	name_buffer(0, "b");
	append_text("b");
	let_run(&cat);
	ends(cat, FAILED, "", "bufflink: the buffer of producer/a has just gone\n");
	ck_assert_uint_eq(sysfs_value(0, "used"), 1);
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
	is_killed(cat.pid, SIGTERM);
	ck_assert_str_eq(text_of(cat.out),
			 "first bufflink: /dev/bufflink0: lost 1 record (5000 bytes) at byte 6\n"
			 "bufflink: /dev/bufflink0: reopened\n"
			 "second bufflink: /dev/bufflink0: lost 1 record (6000 bytes) at byte 7\n");
}
END_TEST

int main(void)
{
	Suite *suite = tool_suite("tool cat");

	add_case(suite, "cat",
		 cat_copies_until_the_end_of_file,
		 cat_takes_a_number_or_a_device,
		 cat_no_wait_ends_when_the_buffer_is_empty,
		 cat_bytes_takes_so_many_and_leaves_the_rest,
		 cat_copies_more_than_it_can_read_at_once,
		 cat_watermark_sets_it_and_leaves_it_so,
		 cat_waits_for_a_link_in_a_folder_that_is_made_later,
		 cat_waits_for_a_link_in_a_folder_that_is_made_while_it_looks_for_it,
		 cat_waits_for_the_target_of_a_link_in_a_folder_that_is_made_later,
		 cat_waits_for_a_buffer_where_no_folder_can_be_watched,
		 cat_waits_for_the_right_to_read_a_device_that_has_just_been_made,
		 cat_waits_where_nothing_is_behind_a_device,
		 cat_reopen_goes_on_where_only_the_target_of_a_link_comes_back,
		 cat_of_an_owner_reads_no_other_buffer_that_has_got_the_number,
		 cat_reopen_goes_on_with_the_next_buffer_and_says_so);
	add_case(suite, "loss",
		 cat_reports_one_lost_record,
		 cat_reports_a_burst_of_lost_records,
		 cat_reports_between_which_bytes_records_were_lost,
		 cat_reports_each_loss_once_and_while_it_waits,
		 cat_reports_a_loss_though_others_took_all_that_was_before_it);
	add_case(suite, "cat --mark",
		 cat_mark_is_where_the_record_is_missing,
		 cat_mark_of_several_bursts_is_where_the_first_is,
		 cat_mark_of_an_earlier_loss_comes_first,
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
	return run_suite(suite);
}
