// SPDX-License-Identifier: GPL-2.0-only
/* bufflink-migrate: whatever changes arrives, or it says that there is no copy. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "migrate.h"

#define DISK		(8 * MIB)

static int byte_of(const char *path, uint64_t offset)
{
	unsigned char byte = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(pread(fd, &byte, 1, offset), 1);
	close(fd);
	return byte;
}

static void all_arrives(const char *disk, uint64_t size)
{
	const uint64_t range[2] = { MIB / 2, 2 * MIB };
	int direct = open_direct(disk, O_RDWR);
	int cached = open(disk, O_RDWR | O_CLOEXEC);
	pid_t pid;

	fill_disk(disk, size);
	log_devices(disk, "");
	pid = migrate("--little=0", (char *)disk, DST);
	is_followed(pid);
	write_blocks(direct, MIB - PAGE, 2 * PAGE, 'x');
	wait_for(byte_of(DST, MIB) == 'x');	/* --little=0 */
	/* these may be unknown to this disk */
	ioctl(cached, BLKDISCARD, range);
	fallocate(cached, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		  size / 2 - MIB / 2, MIB);
	/* this is in the page cache only */
	write_blocks(cached, size - 3 * PAGE, PAGE, 'y');
	ends_by_word(pid);
	ck_assert(same(disk, DST, size));
	close(direct);
	close(cached);
}

START_TEST(all_changes_of_requests_arrive)
{
	all_arrives(new_loop(DISK), DISK);
}
END_TEST

START_TEST(all_changes_of_bios_arrive)
{
	all_arrives(new_dm(new_loop(DISK), 2, DISK / SECTOR / 2), DISK);
}
END_TEST

START_TEST(all_changes_of_a_partition_arrive)
{
	const char *disk = new_loop(DISK + MIB);

	all_arrives(new_partition(disk, 8, DISK / SECTOR), DISK);
}
END_TEST

START_TEST(all_changes_arrive_on_a_device)
{
	const char *disk = new_loop(DISK);
	const char *copy = new_loop(DISK + MIB);

	fill_disk(copy, DISK);
	fill_disk(disk, DISK / 2);
	log_devices(disk, "");
	make_copy(disk, copy);
	ck_assert(same(disk, copy, DISK));
}
END_TEST

START_TEST(zeroes_become_a_hole)
{
	const char *disk = new_loop(SIZE);
	pid_t pid;

	fill_disk(disk, 4 * MIB);
	pid = follow(disk);
	ends_by_word(pid);
	ck_assert_uint_eq(blocks_of(DST) * 512, 4 * MIB);
}
END_TEST

static void spoil_copy(void)
{
	int fd = open(DST, O_WRONLY | O_CLOEXEC);

	write_blocks(fd, MIB, PAGE, 'x');
	close(fd);
}

static bool is_spoilt(void)
{
	return byte_of(DST, MIB) == 'x';
}

/* Records as the module might append them, told by what is copied again. */
static pid_t start_spoilt(const struct blklog_record *records, size_t count)
{
	const char *disk = new_loop(4 * MIB);
	pid_t pid;
	int log;

	fill_disk(disk, 4 * MIB);
	log_devices(disk, "");
	pid = migrate("--little=0", (char *)disk, DST);
	is_followed(pid);
	spoil_copy();
	log = open_buffer(LOG, O_WRONLY);
	while (count--)
		ck_assert_int_eq(write(log, records++, sizeof(*records)),
				 sizeof(*records));
	close(log);
	wait_for(sysfs_value(LOG, "used") == 0);
	return pid;
}

static bool is_copied_again(const struct blklog_record *records, size_t count)
{
	ends_by_word(start_spoilt(records, count));
	return !is_spoilt();
}

#define BEGUN(number, first)						\
	{ .version = BLKLOG_VERSION, .change = BLKLOG_DISCARD,		\
	  .flags = BLKLOG_BEGUN, .id = number, .sector = first, .sectors = 8 }
#define ENDED(number, first)						\
	{ .version = BLKLOG_VERSION, .change = BLKLOG_DISCARD,		\
	  .id = number, .sector = first, .sectors = 8 }
#define THERE	(MIB / SECTOR)

START_TEST(an_end_counts_for_its_beginning)
{
	const struct blklog_record records[] = {
		BEGUN(1, THERE), BEGUN(2, 0), ENDED(2, 0), ENDED(1, 0),
	};

	ck_assert(is_copied_again(records, 4));
}
END_TEST

START_TEST(a_migration_that_has_ended_is_over)
{
	const struct blklog_record records[] = {
		BEGUN(1, THERE), BEGUN(2, 0), ENDED(1, 0), ENDED(2, 0),
	};
	pid_t pid = start_spoilt(records, 4);

	wait_for(!is_spoilt());
	spoil_copy();
	ends_by_word(pid);
	ck_assert(is_spoilt());
}
END_TEST

START_TEST(an_id_may_begin_anew)
{
	const struct blklog_record records[] = {
		BEGUN(1, THERE), BEGUN(1, 0), ENDED(1, 0),
	};

	ck_assert(is_copied_again(records, 3));
}
END_TEST

START_TEST(an_end_without_its_beginning_makes_all_dirty)
{
	const struct blklog_record record = ENDED(1, 0);

	ck_assert(is_copied_again(&record, 1));
}
END_TEST

START_TEST(a_beginning_without_its_end_is_copied_in_the_last_round)
{
	const struct blklog_record records[] = { BEGUN(1, THERE), BEGUN(2, 0) };

	ck_assert(is_copied_again(records, 2));
}
END_TEST

START_TEST(a_failed_write_is_copied_as_it_may_have_changed_the_disk)
{
	const struct blklog_record record = {
		.version = BLKLOG_VERSION, .change = BLKLOG_WRITE,
		.error = -EIO, .sector = THERE, .sectors = 8,
	};

	ck_assert(is_copied_again(&record, 1));
}
END_TEST

START_TEST(records_of_another_version_are_refused)
{
	const struct blklog_record record = { .version = BLKLOG_VERSION + 1 };
	const char *disk = new_loop(SIZE);
	int log;
	pid_t pid;

	log_devices(disk, "");
	log = open_buffer(LOG, O_WRONLY);
	ck_assert_int_eq(write(log, &record, sizeof(record)), sizeof(record));
	close(log);
	pid = migrate((char *)disk, DST);
	ck_assert_int_eq(finish(pid), FAILED);
	must_have_said("records have version 2, not 1");
}
END_TEST

START_TEST(a_write_whose_record_was_lost_arrives)
{
	const char *disk = new_loop(4 * MIB);
	int fd = open_direct(disk, O_RDWR);
	pid_t pid;

	log_devices(disk, "buffer_size=4096");
	pid = migrate((char *)disk, DST);
	is_followed(pid);
	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	while (!lost())
		write_blocks(fd, 0, PAGE, 'x');
	write_blocks(fd, 2 * MIB, PAGE, 'y');
	close(fd);
	ck_assert_int_eq(kill(pid, SIGCONT), 0);
	ends_by_word(pid);
	ck_assert(same(disk, DST, 4 * MIB));
}
END_TEST

/* Stuck in a full pipe, it is in the last round for as long as we want. */
static void disturbed_at_rest(bool by_loss)
{
	const char *disk = new_loop(SIZE + MIB);
	const char *partition = new_partition(disk, MIB / SECTOR,
					      SIZE / SECTOR);
	int fd = open_direct(disk, O_RDWR);
	int fds[2];
	pid_t pid;

	log_devices(disk, "buffer_size=4096");
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	pid = start_program(null(), fds[1], ARGS((char *)partition, "-"));
	close(fds[1]);
	wait_for(took_all(fds[0]) && has_said("is followed"));
	write_blocks(fd, MIB, 2 * MIB, 'x');
	ck_assert_int_eq(kill(pid, SIGUSR1), 0);
	wait_for(readable(fds[0]) > 0);
	do {	/* what is lost is not SRC's, but the program cannot tell */
		write_blocks(fd, by_loss ? 0 : MIB, PAGE, 'y');
	} while (by_loss && !lost());
	wait_for(took_all(fds[0]) && finished(pid, 0));
	ck_assert_int_eq(finish(pid), WRITTEN);
	must_have_said("was written to during the last round, or may have been");
	ck_assert(!has_said(" is a copy"));
	close(fds[0]);
	close(fd);
}

START_TEST(a_write_during_the_last_round_is_status_3)
{
	disturbed_at_rest(false);
}
END_TEST

START_TEST(a_loss_during_the_last_round_is_status_3)
{
	disturbed_at_rest(true);
}
END_TEST

/* Reads up to size bytes; false when there are no more yet. */
static bool took(int pipe, size_t *size)
{
	static char waste[65536];
	size_t most = *size < sizeof(waste) ? *size : sizeof(waste);
	ssize_t got = read(pipe, waste, most);

	*size -= got > 0 ? got : 0;
	return !*size;
}

/* A program that is stuck in the last round of a frozen file system */
struct stuck {
	pid_t pid;
	int disk;
	int pipe;
	int stream;
};

#define FREE		(10 * MIB)	/* here and up to 14 MiB is no file */
#define PIPE		65536		/* bytes that a pipe has room for */

static bool pour(const struct stuck *stuck, size_t *most)
{
	static char data[PIPE];
	size_t part = *most < sizeof(data) ? *most : sizeof(data);
	ssize_t got = read(stuck->pipe, data, part);

	if (got > 0) {
		ck_assert_int_eq(write(stuck->stream, data, got), got);
		*most -= got;
	}
	return !*most;
}

static bool pour_a_little(const struct stuck *stuck)
{
	size_t most = PIPE;

	pour(stuck, &most);
	return true;
}

static struct stuck stuck_frozen(const char *disk)
{
	struct stuck stuck;
	size_t most;
	int fds[2];

	make_filesystem(disk);
	stuck.disk = open_direct(disk, O_RDWR);
	write_blocks(stuck.disk, FREE, 4 * MIB, 'x');
	ck_assert_int_eq(try_mount(disk), 0);
	log_devices(disk, "buffer_size=4096");
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	stuck.pid = start_program(null(), fds[1],
				  ARGS("-f", MOUNTPOINT, "-p", "60",
				       (char *)disk, "-"));
	close(fds[1]);
	stuck.pipe = fds[0];
	stuck.stream = stream_to(STREAM);
	most = 3 * MIB;
	wait_for(pour(&stuck, &most));	/* the first round is beyond 12 MiB */
	write_blocks(stuck.disk, FREE, 2 * MIB, 'y');
	/* what comes after these words is in the pipe only now, or to come */
	wait_for(pour_a_little(&stuck) && has_said("round 1: copied"));
	most = 2 * PIPE;
	wait_for(pour(&stuck, &most));	/* so some is of the last round */
	return stuck;
}

static int end_stuck(const struct stuck *stuck)
{
	wait_for(pour_a_little(stuck) && finished(stuck->pid, 0));
	pour_a_little(stuck);
	close(stuck->disk);
	close(stuck->pipe);
	close(stuck->stream);
	return finish(stuck->pid);
}

static void discard(int disk, uint64_t offset, uint64_t size)
{
	const uint64_t range[2] = { offset, size };

	ck_assert_msg(!ioctl(disk, BLKDISCARD, range), "cannot discard: %m");
}

static void must_be_zero(const char *path, uint64_t offset, uint64_t end)
{
	for (; offset < end; offset += PAGE)
		ck_assert_int_eq(byte_of(path, offset), 0);
}

/* As ext4 may do: what was copied, will be, and was not to be any more */
static void discarded_while_frozen(const char *disk)
{
	struct stuck stuck = stuck_frozen(disk);
	int status;

	discard(stuck.disk, FREE, 4 * MIB);
	status = end_stuck(&stuck);
	ck_assert_msg(status == GOOD, "status %d: %s", status, said());
	must_have_said(" is a copy of ");
	must_have_said(" in 2 rounds for ");
	ck_assert_int_eq(receive(STREAM), GOOD);
	must_be_zero(disk, FREE, FREE + 4 * MIB);
	must_be_zero(DST, FREE, FREE + 4 * MIB);
	ck_assert(is_clean(DST));
}

START_TEST(discards_of_a_frozen_file_system_are_copied)
{
	discarded_while_frozen(new_loop(SIZE));
}
END_TEST

START_TEST(discards_of_a_frozen_file_system_on_bios_are_copied)
{
	discarded_while_frozen(new_dm(new_loop(SIZE), 2, SIZE / SECTOR / 2));
}
END_TEST

static void is_disturbed(const struct stuck *stuck)
{
	ck_assert_int_eq(end_stuck(stuck), WRITTEN);
	must_have_said("was written to during the last round, or may have been");
	ck_assert(!has_said(" is a copy"));
	ck_assert_int_eq(receive(STREAM), FAILED);
}

START_TEST(a_write_to_a_frozen_file_system_is_status_3)
{
	struct stuck stuck = stuck_frozen(new_loop(SIZE));

	/* of what is still to be copied, and no better for what follows */
	write_blocks(stuck.disk, FREE + 2 * MIB - PAGE, PAGE, 'z');
	discard(stuck.disk, FREE, 4 * MIB);
	is_disturbed(&stuck);
}
END_TEST

START_TEST(a_loss_while_it_is_frozen_is_status_3)
{
	struct stuck stuck = stuck_frozen(new_loop(SIZE));

	do {
		discard(stuck.disk, FREE, PAGE);
	} while (!lost());
	is_disturbed(&stuck);
}
END_TEST

/* Lost near the end of a round, nearly all is dirty after it. */
START_TEST(a_loss_does_not_make_the_last_round_a_long_one)
{
	const char *disk = new_loop(SIZE);
	size_t most = 9 * MIB;
	int fds[2], i, fd;
	pid_t pid;

	make_filesystem(disk);
	ck_assert_int_eq(try_mount(disk), 0);
	fd = open(MOUNTPOINT "/0", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	for (i = 0; i < 10; i++)
		write_blocks(fd, i * MIB, MIB, 'x');
	ck_assert_int_eq(fsync(fd), 0);
	log_devices(disk, "buffer_size=4096");
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	pid = start_program(null(), fds[1],
			    ARGS("-f", MOUNTPOINT, "-p", "60", (char *)disk,
				 "-"));
	close(fds[1]);
	wait_for(took(fds[0], &most));
	for (i = 0; !sysfs_value(LOG, "lost_records"); i++) {
		write_blocks(fd, i % 16 * PAGE, PAGE, 'y');
		ck_assert_int_eq(fsync(fd), 0);
	}
	close(fd);
	wait_for(took_all(fds[0]) && finished(pid, 0));
	good(pid);
	must_have_said("so all is dirty");
	must_have_said(" in 3 rounds for ");
	close(fds[0]);
}
END_TEST

START_TEST(the_last_round_begins_after_so_many_rounds)
{
	const char *disk = new_loop(SIZE);
	pid_t load;

	log_devices(disk, "");
	load = start_load(disk);
	good(migrate("-f", MOUNTPOINT, "-l", "0", "-n", "1", (char *)disk,
		     DST));
	must_have_said(" in 2 rounds for ");
	stop_load(load);
}
END_TEST

START_TEST(so_much_is_copied_for_one_sector)
{
	const char *disk = new_loop(4 * MIB);
	int fd = open_direct(disk, O_RDWR);
	pid_t pid;

	log_devices(disk, "");
	pid = migrate("--granularity=1048576", (char *)disk, DST);
	is_followed(pid);
	write_blocks(fd, MIB, SECTOR, 'x');
	close(fd);
	ends_by_word(pid);
	must_have_said(": 5 MiB in 2 rounds for 4 MiB;");
}
END_TEST

START_TEST(half_a_record_is_skipped)
{
	const char *disk = new_loop(MIB);
	int log, fd = open_direct(disk, O_RDWR);
	char half[16];

	log_devices(disk, "");
	write_blocks(fd, 0, PAGE, 'x');
	write_blocks(fd, PAGE, PAGE, 'x');
	log = open_buffer(LOG, O_RDONLY);
	read_all(log, half, sizeof(half));
	close(log);
	make_copy(disk, DST);
	ck_assert(same(disk, DST, MIB));
	close(fd);
}
END_TEST

START_TEST(a_file_has_the_size_of_src_then)
{
	const char *disk = new_loop(MIB);
	struct stat stat;

	log_devices(disk, "");
	close(open(DST, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	ck_assert_int_eq(truncate(DST, 2 * MIB), 0);
	make_copy(disk, DST);
	ck_assert_int_eq(lstat(DST, &stat), 0);
	ck_assert_int_eq(stat.st_size, MIB);
}
END_TEST

START_TEST(a_source_that_grows_is_not_copied)
{
	const char *disk = new_loop(SIZE);
	pid_t pid;

	pid = follow(disk);
	resize_loop(disk, SIZE + MIB);
	ck_assert_int_eq(kill(pid, SIGUSR1), 0);
	ck_assert_int_eq(finish(pid), FAILED);
	must_have_said("another size or medium now: " DST " is not a copy");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("migrate");

	if (!have_disks()) {
		add_no_disks(new_case(suite, "disks"));
		return run_suite(suite);
	}
	add_to(new_case(suite, "changes"),
	       tests(all_changes_of_requests_arrive,
		     all_changes_of_bios_arrive,
		     all_changes_of_a_partition_arrive,
		     all_changes_arrive_on_a_device,
		     zeroes_become_a_hole,
		     an_end_counts_for_its_beginning,
		     a_migration_that_has_ended_is_over,
		     an_id_may_begin_anew,
		     an_end_without_its_beginning_makes_all_dirty,
		     a_beginning_without_its_end_is_copied_in_the_last_round,
		     a_failed_write_is_copied_as_it_may_have_changed_the_disk,
		     records_of_another_version_are_refused,
		     a_write_whose_record_was_lost_arrives,
		     a_loss_does_not_make_the_last_round_a_long_one,
		     the_last_round_begins_after_so_many_rounds,
		     so_much_is_copied_for_one_sector,
		     half_a_record_is_skipped,
		     a_file_has_the_size_of_src_then,
		     a_source_that_grows_is_not_copied,
		     a_write_during_the_last_round_is_status_3,
		     a_loss_during_the_last_round_is_status_3,
		     discards_of_a_frozen_file_system_are_copied,
		     discards_of_a_frozen_file_system_on_bios_are_copied,
		     a_write_to_a_frozen_file_system_is_status_3,
		     a_loss_while_it_is_frozen_is_status_3));
	return run_suite(suite);
}
