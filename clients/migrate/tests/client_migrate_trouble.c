// SPDX-License-Identifier: GPL-2.0-only
/* bufflink-migrate: streams, what it refuses, and what may come in its way. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "migrate.h"

/* streams */

struct pair {
	pid_t sender;
	pid_t receiver;
};

/* When it returns, SRC is followed. */
static struct pair start_both(const char *disk)
{
	struct pair pair;
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	pair.sender = start_program(null(), fds[1], ARGS((char *)disk, "-"));
	pair.receiver = start_program(fds[0], null(), ARGS("--receive", DST));
	close(fds[0]);
	close(fds[1]);
	wait_for(has_said("is followed"));
	return pair;
}

static void end_both(struct pair pair)
{
	ck_assert_int_eq(kill(pair.sender, SIGUSR1), 0);
	ck_assert_int_eq(finish(pair.sender), GOOD);
	ck_assert_int_eq(finish(pair.receiver), GOOD);
}

START_TEST(a_stream_is_received_identically)
{
	const char *disk = new_loop(SIZE);
	struct pair both;
	pid_t load;

	log_devices(disk, "");
	load = start_load(disk);
	both = start_both(disk);
	load_goes_on();
	stop_load(load);
	unmount();
	end_both(both);
	must_have_said(DST " is a copy of what was sent");
	ck_assert(same(disk, DST, SIZE));
	ck_assert(is_clean(DST));
}
END_TEST

START_TEST(data_that_was_zero_before_arrives_in_a_stream)
{
	const char *disk = new_loop(2 * MIB);
	int fd = open_direct(disk, O_RDWR);
	struct pair both;

	log_devices(disk, "");
	both = start_both(disk);
	write_blocks(fd, MIB, PAGE, 'x');
	close(fd);
	end_both(both);
	ck_assert(same(disk, DST, 2 * MIB));
}
END_TEST

START_TEST(a_truncated_stream_is_refused)
{
	const char *disk = new_logged(8 * MIB);
	uint64_t size = make_stream(disk);
	const uint64_t cuts[] = { size - 1, size - 24, size / 2, 40 };
	size_t i;

	ck_assert_int_eq(receive(STREAM), GOOD);
	ck_assert(same(disk, DST, 8 * MIB));
	for (i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
		if (cuts[i] == 40)
			ck_assert_int_eq(system("cp /dev/loop0 " DST), 0);
		ck_assert_int_eq(truncate(STREAM, cuts[i]), 0);
		ck_assert_int_eq(receive(STREAM), FAILED);
		/* 40 bytes are not the whole of its header */
		must_have_said("the stream ends before its end mark: " DST);
		must_have_said(cuts[i] > 40 ? "is not a copy" :
					      "was not touched");
		ck_assert(cuts[i] > 40 || same(disk, DST, 8 * MIB));
	}
}
END_TEST

START_TEST(a_broken_stream_is_refused)
{
	uint64_t size = make_stream(new_logged(8 * MIB));
	int fd = open(STREAM, O_RDWR | O_CLOEXEC);

	/* the number of frames in the end mark */
	ck_assert_int_eq(pwrite(fd, "\xff", 1, size - 4), 1);
	ck_assert_int_eq(receive(STREAM), FAILED);
	must_have_said("the stream is broken in frame");
	/* the magic */
	ck_assert_int_eq(pwrite(fd, "x", 1, 3), 1);
	ck_assert_int_eq(receive(STREAM), USAGE);
	must_have_said("standard input is no stream");
	close(fd);
}
END_TEST

START_TEST(a_stream_that_nobody_reads_is_an_error)
{
	const char *disk = new_loop(MIB);
	int fds[2];
	pid_t pid;

	log_devices(disk, "");
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	close(fds[0]);
	pid = start_program(null(), fds[1], ARGS((char *)disk, "-"));
	close(fds[1]);
	ck_assert_int_eq(finish(pid), FAILED);
	must_have_said("cannot write to the stream, which is not a copy");
}
END_TEST

START_TEST(a_sender_that_is_stopped_leaves_no_end_mark)
{
	const char *disk = new_loop(8 * MIB);
	int out = stream_to(STREAM);
	pid_t pid;

	log_devices(disk, "");
	pid = start_program(null(), out, ARGS((char *)disk, "-"));
	is_followed(pid);
	ck_assert_int_eq(kill(pid, SIGINT), 0);
	is_killed(pid, SIGINT);
	must_have_said("stopped: the stream is not a copy, start anew");
	ck_assert_int_eq(receive(STREAM), FAILED);
	close(out);
}
END_TEST

/* what is refused */

START_TEST(a_smaller_destination_is_refused_and_left_alone)
{
	const char *disk = new_loop(8 * MIB);
	const char *small = new_loop(8 * MIB - SECTOR);
	const char *twin = new_loop(8 * MIB - SECTOR);

	fill_disk(disk, 8 * MIB);
	fill_disk(small, 7 * MIB);
	fill_disk(twin, 7 * MIB);
	log_devices(disk, "");
	ends(USAGE, (char *)disk, (char *)small);
	must_have_said("has 8388096 bytes, and 8388608 are needed");
	ck_assert(same(small, twin, 8 * MIB - SECTOR));
}
END_TEST

START_TEST(a_file_that_cannot_have_the_size_is_refused_and_left_alone)
{
	const char *disk = new_loop(8 * MIB);
	char command[128];

	log_devices(disk, "");
	ck_assert_int_eq(system("echo yesterday >" DST), 0);
	snprintf(command, sizeof(command),
		 "ulimit -f 100; exec " PROGRAM " %s " DST " 2>/tmp/said", disk);
	ck_assert_int_eq(WEXITSTATUS(system(command)), USAGE);
	ck_assert_int_eq(system("grep -q 'cannot give " DST " the size of' /tmp/said"),
			 0);
	ck_assert_int_eq(system("grep -q ': File too large' /tmp/said"), 0);
	ck_assert_int_eq(system("grep -qx yesterday " DST), 0);
}
END_TEST

START_TEST(a_destination_on_the_disk_of_src_is_refused)
{
	const char *disk = new_loop(SIZE);

	log_devices(disk, "");
	ends(USAGE, (char *)disk, (char *)disk);
	must_have_said("is on the disk of /dev/loop0");
	ends(USAGE, (char *)disk, (char *)new_dm(disk, 1, 1024));
	must_have_said("is on the disk of /dev/loop0");
}
END_TEST

START_TEST(a_file_on_the_disk_of_src_is_refused)
{
	const char *disk = new_loop(SIZE);
	char *loop;

	make_filesystem(disk);
	ck_assert_int_eq(try_mount(disk), 0);
	log_devices(disk, "");
	ends(USAGE, (char *)disk, MOUNTPOINT "/copy");
	must_have_said("is on the disk of /dev/loop0");
	ck_assert(!exists(MOUNTPOINT "/copy"));
	loop = (char *)new_loop_on(MOUNTPOINT "/image", SIZE);
	ends(USAGE, (char *)disk, loop);
	must_have_said("/dev/loop1 is on the disk of /dev/loop0");
}
END_TEST

START_TEST(a_mounted_destination_is_refused)
{
	const char *disk = new_loop(SIZE);
	const char *mounted = new_loop(SIZE);

	make_filesystem(mounted);
	ck_assert_int_eq(try_mount(mounted), 0);
	log_devices(disk, "");
	ends(USAGE, (char *)disk, (char *)mounted);
	must_have_said("cannot open /dev/loop1: Device or resource busy");
	ends(USAGE, "--freeze", MOUNTPOINT, (char *)disk, DST);
	must_have_said("--freeze: " MOUNTPOINT " is not on /dev/loop0");
}
END_TEST

START_TEST(to_freeze_another_part_of_the_disk_is_refused)
{
	const char *disk = new_loop(2 * SIZE);
	const char *partition = new_partition(disk, SIZE / SECTOR,
					      SIZE / SECTOR);
	const char *other = new_dm(disk, 1, SIZE / SECTOR);

	make_filesystem(other);
	ck_assert_int_eq(try_mount(other), 0);
	log_devices(disk, "");
	ends(USAGE, "-f", MOUNTPOINT, (char *)partition, DST);
	must_have_said("--freeze: " MOUNTPOINT " is not on /dev/loop0p1");
	good(migrate("-f", MOUNTPOINT, (char *)disk, DST));
}
END_TEST

static int migrate_as_nobody(void *disk)
{
	struct tool tool;

	become_nobody();
	tool = start_tool(PROGRAM, null(), null(), ARGS(disk, DST));
	ck_assert_int_eq(finish(tool.pid), USAGE);
	ck_assert_msg(has_written(tool.err,
				  "/diskseqs whether /dev/loop0 is logged: Permission denied\n"),
		      "%s", text_of(tool.err));
	return 0;
}

START_TEST(the_log_is_not_for_everybody)
{
	const char *disk = new_loop(SIZE);

	log_devices(disk, "");
	ck_assert_int_eq(chmod(disk, 0666), 0);
	ck_assert_int_eq(finish(start(migrate_as_nobody, (void *)disk)), 0);
	ck_assert_int_eq(chmod(disk, 0600), 0);
}
END_TEST

START_TEST(a_disk_that_is_not_logged_is_refused)
{
	const char *disk = new_loop(SIZE);

	ends(USAGE, (char *)disk, DST);
	must_have_said("bufflink_blklog is not loaded: load it with devices=/dev/loop0\n");
	log_devices(new_loop(SIZE), "");
	ends(USAGE, (char *)disk, DST);
	must_have_said("bufflink_blklog does not log /dev/loop0");
	change_medium("/dev/loop1", SIZE);
	ends(USAGE, "/dev/loop1", DST);
	must_have_said("bufflink_blklog does not log /dev/loop1");
	ck_assert(!exists(DST));
}
END_TEST

START_TEST(a_bad_command_line_is_status_2)
{
	ends(USAGE, "/dev/loop0");
	ends(USAGE, "--receive", "/dev/loop0", DST);
	ends(USAGE, "--granularity=5000", "/dev/loop0", DST);
	ends(USAGE, "--rounds=0", "/dev/loop0", DST);
	ends(USAGE, "--freeze=/none", "/dev/loop0", DST);
	ends(USAGE, "/dev/null", DST);
	ends(USAGE, "/dev/none", DST);
	ends(GOOD, "--help");
	ends(GOOD, "--version");
	ck_assert(!exists(DST));
}
END_TEST

/* what may come in its way */

START_TEST(however_it_ends_the_file_system_thaws)
{
	/* this one is to thaw: the program's only child beside the shell itself */
	static char *kill_guardian =
		"--run=kill -9 $(grep -l ^PPid:.$PPID$ /proc/*/status |grep -v /$$/ |cut -d/ -f3)";
	static char *kill_it = "--run=kill -9 $PPID; exec sleep 1";
	const char *disk = new_loop(SIZE);
	pid_t load, pid;

	log_devices(disk, "");
	load = start_load(disk);
	pid = migrate("-f", MOUNTPOINT, kill_it, (char *)disk, DST);
	is_killed(pid, SIGKILL);
	load_goes_on();
	pid = migrate("-f", MOUNTPOINT, "--run=false", (char *)disk, DST);
	ck_assert_int_eq(finish(pid), RUN_FAILED);
	load_goes_on();
	good(migrate("-f", MOUNTPOINT, kill_guardian, (char *)disk, DST));
	load_goes_on();
	stop_load(load);
}
END_TEST

START_TEST(a_command_has_the_signals_of_any_other)
{
	const char *disk = new_loop(MIB);
	pid_t pid;

	log_devices(disk, "");
	pid = migrate("--run=sh -c 'kill -PIPE $$'; test $? = 141",
		      (char *)disk, DST);
	is_followed(pid);
	ends_by_word(pid);
}
END_TEST

START_TEST(stopped_it_says_that_the_copy_is_none)
{
	const char *disk = new_loop(SIZE);
	pid_t pid;

	pid = follow(disk);
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	is_killed(pid, SIGTERM);
	must_have_said("stopped: " DST " is not a copy, start anew");
}
END_TEST

START_TEST(without_the_log_it_fails)
{
	const char *disk = new_loop(SIZE);
	pid_t pid;

	pid = follow(disk);
	ck_assert_int_eq(unload("bufflink_blklog"), 0);
	ck_assert_int_eq(finish(pid), FAILED);
	must_have_said("the log has ended, so " DST " is not a copy");
}
END_TEST

static void is_refused(const char *disk)
{
	pid_t pid = start_program(null(), null(),
				  ARGS((char *)disk, "/tmp/other"));

	ck_assert_int_eq(finish(pid), USAGE);
	must_have_said(": cannot open /dev/bufflink0: ");
	must_have_said(": another program reads it, and there can be");
	ck_assert(!exists("/tmp/other"));
}

START_TEST(it_is_the_only_reader_of_the_log)
{
	const char *disk = new_loop(SIZE);
	pid_t pid;

	pid = follow(disk);
	is_refused(disk);
	ck_assert_int_eq(open("/dev/bufflink0", O_RDONLY), -1);
	ck_assert_int_eq(errno, EBUSY);
	ends_by_word(pid);
	make_copy(disk, DST);
}
END_TEST

START_TEST(it_does_not_share_the_log_with_another_program)
{
	const char *disk = new_loop(SIZE);
	int log;

	log_devices(disk, "");
	log = open_buffer(LOG, O_RDONLY);
	is_refused(disk);
	close(log);
	make_copy(disk, DST);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("migrate trouble");

	if (!have_disks()) {
		add_no_disks(new_case(suite, "disks"));
		return run_suite(suite);
	}
	add_to(new_case(suite, "streams"),
	       tests(a_stream_is_received_identically,
		     data_that_was_zero_before_arrives_in_a_stream,
		     a_truncated_stream_is_refused,
		     a_broken_stream_is_refused,
		     a_stream_that_nobody_reads_is_an_error,
		     a_sender_that_is_stopped_leaves_no_end_mark));
	add_to(new_case(suite, "refusals"),
	       tests(a_smaller_destination_is_refused_and_left_alone,
		     a_file_that_cannot_have_the_size_is_refused_and_left_alone,
		     a_destination_on_the_disk_of_src_is_refused,
		     a_file_on_the_disk_of_src_is_refused,
		     a_mounted_destination_is_refused,
		     to_freeze_another_part_of_the_disk_is_refused,
		     the_log_is_not_for_everybody,
		     a_disk_that_is_not_logged_is_refused,
		     a_bad_command_line_is_status_2));
	add_to(new_case(suite, "troubles"),
	       tests(however_it_ends_the_file_system_thaws,
		     a_command_has_the_signals_of_any_other,
		     stopped_it_says_that_the_copy_is_none,
		     without_the_log_it_fails,
		     it_is_the_only_reader_of_the_log,
		     it_does_not_share_the_log_with_another_program));
	return run_suite(suite);
}
