// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink-migrate: a file system is frozen for no longer than --max-pause, and
 * what cannot be frozen is refused before anything is copied.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "journal.h"
#include "migrate.h"
#include "stacks.h"

#define DISK		(8 * MIB)
#define OTHER		"/tmp/other-mount"	/* a second mount point */

/* linux/fs.h does not go together with sys/mount.h */
#define FIFREEZE	_IOWR('X', 119, int)
#define FITHAW		_IOWR('X', 120, int)

static const char *new_mounted(uint64_t size)
{
	const char *disk = new_loop(size);

	make_filesystem(disk);
	ck_assert_int_eq(try_mount(disk), 0);
	log_devices(disk, "");
	return disk;
}

/* Nothing was frozen for more than a second beyond the bound. */
static void paused_within(unsigned int seconds)
{
	ck_assert_msg(goes_on_within(3000 * slowness()), "it is frozen: %s",
		      said());
	ck_assert_msg(longest_pause() <= (seconds + 1) * 1000 * slowness(),
		      "a pause of %llu ms: %s",
		      (unsigned long long)longest_pause(), said());
	stop_journal();
}

static void is_frozen(pid_t pid)
{
	wait_for((has_said("round 1:") && rests()) || finished(pid, 0));
	ck_assert_msg(!finished(pid, 0), "%s", said());
}

/* --run */

START_TEST(a_command_that_hangs_is_status_4)
{
	const char *disk = new_mounted(DISK);

	start_journal(1);
	ends(BOUND, "-p", "1", "-f", MOUNTPOINT, hanging[_i], (char *)disk,
	     DST);
	paused_within(1);
	ck_assert(!has_said(" is a copy"));
}
END_TEST

static const int signals[] = { SIGTERM, SIGINT, SIGHUP };

START_TEST(a_signal_thaws_at_once_while_the_command_hangs)
{
	const char *disk = new_mounted(DISK);
	pid_t pid;

	start_journal(1);
	pid = migrate("-p", "60", "-f", MOUNTPOINT, hanging[_i],
		      (char *)disk, DST);
	is_frozen(pid);
	kill(pid, signals[_i]);
	ck_assert(goes_on_within(2000 * slowness()));
	is_killed(pid, signals[_i]);
	must_have_said("is not a copy");
	paused_within(20);
}
END_TEST

START_TEST(a_command_has_the_rest_of_the_bound)
{
	const char *disk = new_mounted(DISK);

	good(migrate("-p", "20", "-f", MOUNTPOINT, "--run=sleep 1",
		     (char *)disk, DST));
}
END_TEST

/* what is stopped or killed */

#define GUARDIAN							\
	"$(grep -l ^PPid:.$PPID$ /proc/*/status | grep -v /$$/ | cut -d/ -f3)"

START_TEST(a_guardian_that_is_stopped_thaws)
{
	const char *disk = new_mounted(DISK);

	start_journal(1);
	ends(_i ? BOUND : GOOD, "-p", "2", "-f", MOUNTPOINT,
	     _i ? "--run=kill -STOP " GUARDIAN "; sleep 99" :
		  "--run=kill -STOP " GUARDIAN, (char *)disk, DST);
	paused_within(2);
}
END_TEST

START_TEST(stopped_while_it_is_frozen_it_thaws_and_has_no_copy)
{
	const char *disk = new_mounted(DISK);
	pid_t pid;

	start_journal(1);
	pid = migrate("-p", "1", "-f", MOUNTPOINT,
		      "--run=kill -STOP $PPID; sleep 2", (char *)disk, DST);
	is_frozen(pid);
	paused_within(1);
	ck_assert(!finished(pid, 0));
	kill(pid, SIGCONT);
	ck_assert_int_eq(finish(pid), BOUND);
	ck_assert(!has_said(" is a copy of "));
}
END_TEST

/* and not both, when a whole group is killed for its memory */
START_TEST(a_guardian_is_not_killed_for_its_memory)
{
	const char *disk = new_mounted(DISK);

	ends(GOOD, "-f", MOUNTPOINT,
	     "--run=grep -x -e -1000 /proc/" GUARDIAN "/oom_score_adj",
	     (char *)disk, DST);
}
END_TEST

/* streams */

struct stream_of {
	pid_t pid;
	int pipe;
};

static struct stream_of start_stream(const char *disk, char *bound)
{
	struct stream_of stream;
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	unlink("/tmp/said");
	stream.pid = start_program(null(), fds[1],
				   ARGS("-p", bound, "-f", MOUNTPOINT,
					(char *)disk, "-"));
	close(fds[1]);
	stream.pipe = fds[0];
	return stream;
}

/* It is in its last round, and nobody reads the stream. */
static struct stream_of stall(const char *disk, char *bound)
{
	struct stream_of stream = start_stream(disk, bound);

	wait_for(took_all(stream.pipe) && has_said("round 1:"));
	wait_for(rests() || finished(stream.pid, 0));
	return stream;
}

START_TEST(a_reader_that_stalls_is_status_4)
{
	const char *disk = new_mounted(DISK);
	struct stream_of stream;

	start_journal(4);
	stream = stall(disk, "1");
	wait_for(finished(stream.pid, 0));
	ck_assert_int_eq(finish(stream.pid), BOUND);
	paused_within(1);
	must_have_said("is not a copy");
	close(stream.pipe);
}
END_TEST

START_TEST(a_signal_thaws_at_once_while_a_reader_stalls)
{
	const char *disk = new_mounted(DISK);
	struct stream_of stream;

	start_journal(4);
	stream = stall(disk, "60");
	kill(stream.pid, signals[_i]);
	ck_assert(goes_on_within(2000 * slowness()));
	wait_for(finished(stream.pid, 0));
	close(stream.pipe);
	stop_journal();
}
END_TEST

/* A pipe that is full takes a part of a frame: the write() waits for the rest. */
START_TEST(the_first_signal_ends_it_while_nobody_reads)
{
	const char *disk = new_loop(DISK);
	int fds[2];
	pid_t pid;

	fill_disk(disk, DISK);
	log_devices(disk, "");
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	pid = start_program(null(), fds[1], ARGS((char *)disk, "-"));
	close(fds[1]);
	wait_for(readable(fds[0]) > 65536 - 2 * PAGE);
	wait_asleep(pid);
	kill(pid, signals[_i]);
	ck_assert_msg(finished(pid, 2000 * slowness()), "it goes on: %s",
		      said());
	is_killed(pid, signals[_i]);
	close(fds[0]);
}
END_TEST

/* too much to copy */

static const char *new_slow(uint64_t size)
{
	char arguments[96];
	const char *disk = new_loop(size);

	snprintf(arguments, sizeof(arguments), "%s 0 0 %s 0 50", disk, disk);
	return new_target(size / SECTOR, "delay", arguments);
}

/* More than a slow destination takes is written all the time. */
START_TEST(a_last_round_that_would_not_fit_is_not_begun)
{
	const char *disk = new_mounted(DISK), *slow;
	pid_t pid;

	load_drivers("dm-delay");
	if (!have_target("delay"))
		return;
	slow = new_slow(DISK);
	start_journal(4);
	pid = migrate("-p", "0.5", "-n", "2", "-l", "0", "-f", MOUNTPOINT,
		      (char *)disk, (char *)slow);
	ck_assert_msg(finished(pid, PATIENCE_MS), "%s", said());
	ck_assert_msg(finish(pid) == BOUND, "%s", said());
	paused_within(1);
}
END_TEST

START_TEST(a_destination_that_stalls_is_status_4)
{
	const char *disk = new_mounted(DISK);
	const char *dst = new_dm(new_loop(DISK), 1, DISK / SECTOR);
	pid_t pid;

	start_journal(2);
	pid = migrate("-p", "1", "-f", MOUNTPOINT, "--run=sleep 0.5",
		      (char *)disk, (char *)dst);
	wait_for(has_said("round 1:"));
	suspend_dm(dst);
	pause_ms(2000 * slowness());
	paused_within(1);
	resume_dm(dst);
	wait_for(finished(pid, 0));
	/* it may not have been frozen by then, or --run may have begun */
	ck_assert(finish(pid) == BOUND || has_said(" is a copy of "));
}
END_TEST

/* XFS tries for ever to write its metadata. */
START_TEST(a_freeze_that_the_kernel_does_not_end_is_status_4)
{
	const uint64_t size = filesystem_sizes[XFS];
	const char *disk;
	uint64_t began;

	if (!have_filesystem(XFS))
		return;
	disk = new_dm(new_loop(size), 1, size / SECTOR);
	make(XFS, disk);
	mount_it(XFS, disk);
	log_devices(disk, "");
	mkdir(MOUNTPOINT "/folder", 0700);
	sync();		/* to its log */
	change_target(disk, size / SECTOR, "error", "");
	began = now_ms();
	ends(BOUND, "-p", "0.5", "-f", MOUNTPOINT, (char *)disk, DST);
	/* it has another second to start in */
	ck_assert_uint_lt(now_ms() - began, 2500 * slowness());
	must_have_said("the kernel still freezes");
	ck_assert(!exists(DST));
	let_xfs_give_up(disk);
	unmount_it();
}
END_TEST

/* what cannot be frozen */

/* By name, and nothing was copied */
static void is_refused(const char *disk, char *first, char *second)
{
	if (second)
		ends(USAGE, "-f", first, "-f", second, (char *)disk, DST);
	else
		ends(USAGE, "-f", first, (char *)disk, DST);
	must_have_said(second ? second : first);
	ck_assert(!exists(DST));
}

START_TEST(a_mount_that_is_not_of_the_source_is_refused_by_name)
{
	static char * const others[] = { "/tmp", "/proc", "/sys", "/dev" };

	is_refused(new_mounted(DISK), others[_i], NULL);
}
END_TEST

START_TEST(a_mount_that_cannot_be_frozen_is_refused_among_others)
{
	is_refused(new_mounted(DISK), MOUNTPOINT, "/tmp");
}
END_TEST

START_TEST(a_file_system_that_a_mount_hides_is_refused_or_named)
{
	const char *disk = new_mounted(DISK);

	ck_assert_int_eq(mount("tmpfs", MOUNTPOINT, "tmpfs", 0, NULL), 0);
	ends(USAGE, "--freeze=auto", (char *)disk, DST);
	must_have_said(MOUNTPOINT);
	must_have_said("another mount hides a file system on SRC");
	make_copy(disk, DST);
	must_have_said("hides a file system on SRC: it is not frozen");
	ck_assert_int_eq(umount(MOUNTPOINT), 0);
}
END_TEST

/* A kill by the program's name would leave the file system frozen. */
START_TEST(the_guardian_has_not_the_name_of_the_program)
{
	const char *disk = new_mounted(DISK);

	ends(GOOD, "-f", MOUNTPOINT,
	     "--run=test $(cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -c '[m]igrate$') = 1 && grep -l thaw /proc/[0-9]*/cmdline",
	     (char *)disk, DST);
}
END_TEST

START_TEST(a_file_system_named_twice_is_refused)
{
	const char *disk = new_mounted(DISK);

	mkdir(MOUNTPOINT "/folder", 0700);
	mkdir(OTHER, 0700);
	ck_assert_int_eq(mount(MOUNTPOINT, OTHER, NULL, MS_BIND, NULL), 0);
	is_refused(disk, MOUNTPOINT, MOUNTPOINT);
	is_refused(disk, MOUNTPOINT, MOUNTPOINT "/folder");
	is_refused(disk, MOUNTPOINT, OTHER);
}
END_TEST

START_TEST(a_file_system_that_is_frozen_is_refused_and_stays_frozen)
{
	const char *disk = new_mounted(DISK);
	int fd = open(MOUNTPOINT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_eq(ioctl(fd, FIFREEZE, 0), 0);
	is_refused(disk, MOUNTPOINT, NULL);
	ck_assert_int_eq(ioctl(fd, FITHAW, 0), 0);
	close(fd);
}
END_TEST

static void fill_pipe_and_more(void)
{
	int fd = open(MOUNTPOINT "/file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	write_blocks(fd, 0, 3 * MIB, 'x');
	ck_assert_int_eq(fsync(fd), 0);
	close(fd);
}

/* by somebody else */
START_TEST(a_file_system_that_is_frozen_under_way_stays_frozen)
{
	const char *disk = new_mounted(DISK);
	int fd = open(MOUNTPOINT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stream_of stream;

	fill_pipe_and_more();
	stream = start_stream(disk, "3");
	wait_for(readable(stream.pipe) > PAGE);	/* it has begun to copy */
	ck_assert_int_eq(ioctl(fd, FIFREEZE, 0), 0);
	wait_for(took_all(stream.pipe) && finished(stream.pid, 0));
	ck_assert_int_ne(finish(stream.pid), GOOD);
	must_have_said(MOUNTPOINT);
	ck_assert_int_eq(ioctl(fd, FITHAW, 0), 0);
	close(fd);
	close(stream.pipe);
}
END_TEST

START_TEST(a_bound_that_is_no_time_is_refused)
{
	static char * const bad[] = { "0", "-1", "x", "", "1x", "nan" };
	const char *disk = new_mounted(DISK);

	ends(USAGE, "-p", bad[_i], "-f", MOUNTPOINT, (char *)disk, DST);
	ck_assert(!exists(DST));
}
END_TEST

static void tidy(void)
{
	umount2(OTHER, MNT_DETACH);
}

int main(void)
{
	Suite *suite = suite_create("migrate pause");
	TCase *pause = new_case(suite, "pause"), *freezes;

	if (!have_disks()) {
		add_no_disks(pause);
		return run_suite(suite);
	}
	tcase_add_loop_test(pause, a_command_that_hangs_is_status_4, 0,
			    HANGING);
	tcase_add_loop_test(pause,
			    a_signal_thaws_at_once_while_the_command_hangs, 0,
			    3);
	tcase_add_loop_test(pause,
			    a_signal_thaws_at_once_while_a_reader_stalls, 0, 3);
	tcase_add_loop_test(pause, a_guardian_that_is_stopped_thaws, 0, 2);
	tcase_add_loop_test(pause, the_first_signal_ends_it_while_nobody_reads,
			    0, 3);
	add_to(pause,
	       tests(a_command_has_the_rest_of_the_bound,
		     stopped_while_it_is_frozen_it_thaws_and_has_no_copy,
		     a_guardian_is_not_killed_for_its_memory,
		     a_reader_that_stalls_is_status_4,
		     a_last_round_that_would_not_fit_is_not_begun,
		     a_freeze_that_the_kernel_does_not_end_is_status_4,
		     a_destination_that_stalls_is_status_4));
	freezes = new_case(suite, "freezes");
	tcase_add_checked_fixture(freezes, tidy, tidy);
	tcase_add_loop_test(freezes,
			    a_mount_that_is_not_of_the_source_is_refused_by_name,
			    0, 4);
	tcase_add_loop_test(freezes, a_bound_that_is_no_time_is_refused, 0, 6);
	add_to(freezes,
	       tests(a_mount_that_cannot_be_frozen_is_refused_among_others,
		     a_file_system_named_twice_is_refused,
		     a_file_system_that_a_mount_hides_is_refused_or_named,
		     the_guardian_has_not_the_name_of_the_program,
		     a_file_system_that_is_frozen_is_refused_and_stays_frozen,
		     a_file_system_that_is_frozen_under_way_stays_frozen));
	return run_suite(suite);
}
