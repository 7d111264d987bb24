// SPDX-License-Identifier: GPL-2.0-only
/* bufflink-migrate where its standard output is not usual */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "device.h"
#include "disk.h"
#include "tool.h"

#define DST		"/tmp/copy"
#define MIGRATE		"/t/bufflink-migrate"

static struct tool migrate(int in, int out, const char *redirection,
			   const char *arguments)
{
	static char script[128];

	snprintf(script, sizeof(script), "exec " MIGRATE " %s %s", arguments,
		 redirection);
	return start_shell(in, out, script);
}

static const char *disk_with_log(void)
{
	const char *disk = new_loop(4 * MIB);
	int fd = open_direct(disk, O_RDWR);

	write_blocks(fd, 0, 4 * MIB, 'x');
	close(fd);
	log_devices(disk, "");
	return disk;
}

START_TEST(a_stream_into_a_pipe_that_does_not_block_is_a_copy)
{
	const char *disk = disk_with_log();
	struct tool sender, receiver;
	char arguments[64];
	int ends[2];

	unlink(DST);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	snprintf(arguments, sizeof(arguments), "%s -", disk);
	sender = migrate(memory_file(""), ends[1], "", arguments);
	close(ends[1]);
	/* a write of a page or less has to fit whole */
	wait_for(readable(ends[0]) > 65536 - 2 * PAGE ||
		 finished(sender.pid, 0));
	receiver = migrate(ends[0], memory_file(""), "", "--receive " DST);
	wait_for(has_written(sender.err, "is followed") ||
		 finished(sender.pid, 0));
	ck_assert_msg(!finished(sender.pid, 0), "%s", text_of(sender.err));
	kill(sender.pid, SIGUSR1);
	ck_assert_int_eq(finish(sender.pid), GOOD);
	ck_assert_int_eq(finish(receiver.pid), GOOD);
	ck_assert(same(disk, DST, 4 * MIB));
	close(ends[0]);
}
END_TEST

START_TEST(a_receiver_with_closed_errors_makes_a_copy)
{
	const char *disk = disk_with_log();
	int stream = memory_file("");
	struct tool tool;
	char arguments[64];

	unlink(DST);
	snprintf(arguments, sizeof(arguments), "%s -", disk);
	tool = migrate(memory_file(""), stream, "", arguments);
	wait_for(has_written(tool.err, "is followed"));
	kill(tool.pid, SIGUSR1);
	ck_assert_int_eq(finish(tool.pid), GOOD);
	ck_assert_int_eq(lseek(stream, 0, SEEK_SET), 0);
	tool = migrate(stream, memory_file(""), "2>&-", "--receive " DST);
	ck_assert_int_eq(finish(tool.pid), GOOD);
	ck_assert(same(disk, DST, 4 * MIB));
}
END_TEST

START_TEST(a_stream_to_a_closed_output_is_refused)
{
	char arguments[64];
	struct tool tool;

	snprintf(arguments, sizeof(arguments), "%s -", disk_with_log());
	tool = migrate(memory_file(""), memory_file(""), ">&-", arguments);
	ck_assert_int_eq(finish(tool.pid), FAILED);
	ck_assert(has_written(tool.err,
			      "bufflink-migrate: cannot write to standard output"));
}
END_TEST

START_TEST(a_stream_that_nobody_reads_fails)
{
	char arguments[64];
	struct tool tool;
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	snprintf(arguments, sizeof(arguments), "%s -", disk_with_log());
	tool = migrate(memory_file(""), ends[1], "", arguments);
	ck_assert_int_eq(finish(tool.pid), FAILED);
	ck_assert(has_written(tool.err, "which is not a copy: Broken pipe\n"));
}
END_TEST

/* A stream whose far end has answered: it asks for answers. */
static int stream_with_answers(const char *disk)
{
	char via[] = "--via=tee /tmp/stream | " MIGRATE " --receive " DST;
	struct tool tool;

	tool = start_tool(MIGRATE, memory_file(""), memory_file(""),
			  (char *[]){ "bufflink-migrate", via, (char *)disk,
				      NULL });
	wait_for(has_written(tool.err, "is followed") ||
		 finished(tool.pid, 0));
	ck_assert_msg(!finished(tool.pid, 0), "%s", text_of(tool.err));
	kill(tool.pid, SIGUSR1);
	ck_assert_int_eq(finish(tool.pid), GOOD);
	return open("/tmp/stream", O_RDONLY | O_CLOEXEC);
}

static void fill_pipe(int end)
{
	const char byte = 'x';

	while (write(end, &byte, 1) == 1)
		;
	ck_assert_int_eq(errno, EAGAIN);
}

static void read_pipe(int end, char *text, size_t size)
{
	size_t have = 0;
	ssize_t got;

	while (poll_for(end, POLLIN, PATIENCE_MS) & POLLIN) {
		got = read(end, text + have, size - 1 - have);
		ck_assert_int_gt(got, 0);
		have += got;
		ck_assert_uint_lt(have, size - 1);
	}
	text[have] = '\0';
}

static bool waits_for_room(pid_t pid)
{
	long number;

	return is_asleep(pid, &number) && number == SYS_poll;
}

START_TEST(a_receiver_waits_for_room_for_its_answers)
{
	static char text[1 << 18];
	const char *disk = disk_with_log();
	int stream = stream_with_answers(disk), ends[2];
	struct tool receiver;

	unlink(DST);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	fill_pipe(ends[1]);
	receiver = migrate(stream, ends[1], "", "--receive " DST);
	close(ends[1]);
	wait_for(waits_for_room(receiver.pid) || finished(receiver.pid, 0));
	read_pipe(ends[0], text, sizeof(text));
	ck_assert_msg(finish(receiver.pid) == GOOD, "%s",
		      text_of(receiver.err));
	ck_assert_ptr_nonnull(strstr(text, " ready "));
	ck_assert_ptr_nonnull(strstr(text, " copy "));
	ck_assert(same(disk, DST, 4 * MIB));
	close(ends[0]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("programs");
	TCase *disks = tcase_create("disks");

	setenv("LC_ALL", "C", 1);
	if (!have_disks()) {
		add_no_disks(disks);
	} else {
		tcase_add_checked_fixture(disks, disk_setup, disk_teardown);
		tcase_set_timeout(disks, 3 * PATIENCE_S);
		tcase_add_test(disks,
			       a_stream_into_a_pipe_that_does_not_block_is_a_copy);
		tcase_add_test(disks,
			       a_receiver_with_closed_errors_makes_a_copy);
		tcase_add_test(disks, a_receiver_waits_for_room_for_its_answers);
		tcase_add_test(disks, a_stream_to_a_closed_output_is_refused);
		tcase_add_test(disks, a_stream_that_nobody_reads_fails);
	}
	suite_add_tcase(suite, disks);
	return run_suite(suite);
}
