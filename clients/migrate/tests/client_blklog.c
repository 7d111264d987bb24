// SPDX-License-Identifier: GPL-2.0-only
/* bufflink_blklog: what changes on a disk is logged, with its sectors. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "bufflink_blklog.h"
#include "disk.h"

#define BLKLOG		"bufflink_blklog"
#define LOG		0	/* the only buffers, so the first */
#define LOOP_SIZE	(8 * MIB)

static int blklog = -1;

static void begin(const char *devices)
{
	log_devices(devices, "");
	blklog = open_buffer(LOG, O_RDONLY | O_NONBLOCK);
}

static struct blklog_record next(void)
{
	struct blklog_record record;

	read_all(blklog, &record, sizeof(record));
	ck_assert_int_eq(record.version, BLKLOG_VERSION);
	return record;
}

static void is(struct blklog_record record, int change, uint64_t sector,
	       uint64_t sectors)
{
	ck_assert_int_eq(record.change, change);
	ck_assert_uint_eq(record.sector, sector);
	ck_assert_uint_eq(record.sectors, sectors);
	ck_assert_int_eq(record.error, 0);
}

static void nothing_more(void)
{
	ck_assert_int_eq(readable(blklog), 0);
}

static void write_is_logged(const char *disk)
{
	int fd = open_direct(disk, O_RDWR);

	begin(disk);
	write_blocks(fd, 64 * SECTOR, 8 * SECTOR, 'x');
	is(next(), BLKLOG_WRITE, 64, 8);
	write_blocks(fd, 0, 3 * SECTOR, 'y');
	is(next(), BLKLOG_WRITE, 0, 3);
	nothing_more();
	close(fd);
}

START_TEST(a_write_of_requests_is_logged_with_its_sectors)
{
	write_is_logged(new_loop(LOOP_SIZE));
}
END_TEST

START_TEST(a_write_of_bios_is_logged_with_its_sectors)
{
	write_is_logged(new_dm(new_loop(LOOP_SIZE), 1, 1024));
}
END_TEST

/* They have more than 32 bits. */
START_TEST(sectors_of_a_partition_are_the_disks)
{
	const uint64_t start = 5ull << 30;
	const char *disk = new_loop((start + 1024) * SECTOR);
	const char *partition = new_partition(disk, start, 200);
	int fd = open_direct(partition, O_RDWR);

	begin(disk);
	write_blocks(fd, 8 * SECTOR, 4 * SECTOR, 'x');
	is(next(), BLKLOG_WRITE, start + 8, 4);
	nothing_more();
	close(fd);
}
END_TEST

START_TEST(a_partition_stands_for_its_disk)
{
	const char *disk = new_loop(LOOP_SIZE);
	const char *partition = new_partition(disk, 100, 200);
	int fd = open_direct(disk, O_RDWR);

	begin(partition);
	write_blocks(fd, 4096, SECTOR, 'x');
	is(next(), BLKLOG_WRITE, 8, 1);
	close(fd);
}
END_TEST

/* A bio that dm divides among two stretches is one record of all of it. */
START_TEST(a_write_that_dm_divides_is_logged_whole)
{
	const char *disk = new_dm(new_loop(LOOP_SIZE), 2, 1024);
	int fd = open_direct(disk, O_RDWR);

	begin(disk);
	write_blocks(fd, 1000 * SECTOR, 48 * SECTOR, 'x');
	is(next(), BLKLOG_WRITE, 1000, 48);
	nothing_more();
	close(fd);
}
END_TEST

static void discard(const char *disk, uint64_t sector, uint64_t sectors)
{
	const uint64_t range[2] = { sector * SECTOR, sectors * SECTOR };
	int fd = open(disk, O_RDWR | O_CLOEXEC);

	ck_assert_msg(!ioctl(fd, BLKDISCARD, range), "%s: %m", disk);
	close(fd);
}

static void write_zeroes(const char *disk, uint64_t sector, uint64_t sectors)
{
	int fd = open(disk, O_RDWR | O_CLOEXEC);

	ck_assert_msg(!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				 sector * SECTOR, sectors * SECTOR),
		      "%s: %m", disk);
	close(fd);
}

START_TEST(a_discard_and_write_zeroes_of_requests_are_logged)
{
	const char *disk = new_loop(LOOP_SIZE);

	begin(disk);
	discard(disk, 512, 1024);
	is(next(), BLKLOG_DISCARD, 512, 1024);
	write_zeroes(disk, 2048, 16);
	is(next(), BLKLOG_WRITE_ZEROES, 2048, 16);
	nothing_more();
}
END_TEST

/* At its end, only the last part is known: its beginning has to tell. */
static void divided_is_logged(void (*make)(const char *, uint64_t, uint64_t),
			      int change)
{
	const char *disk = new_dm(new_loop(LOOP_SIZE), 2, 1024);
	struct blklog_record begun, ended;

	begin(disk);
	make(disk, 1000, 48);
	begun = next();
	is(begun, change, 1000, 48);
	ck_assert_int_eq(begun.flags, BLKLOG_BEGUN);
	ck_assert_uint_ne(begun.id, 0);
	ended = next();
	ck_assert_int_eq(ended.change, change);
	ck_assert_int_eq(ended.flags, 0);
	ck_assert_uint_eq(ended.id, begun.id);
	nothing_more();
}

START_TEST(a_discard_that_dm_divides_is_logged_whole)
{
	divided_is_logged(discard, BLKLOG_DISCARD);
}
END_TEST

START_TEST(write_zeroes_that_dm_divides_are_logged_whole)
{
	divided_is_logged(write_zeroes, BLKLOG_WRITE_ZEROES);
}
END_TEST

START_TEST(a_failed_write_is_logged_with_its_error)
{
	const char *disk = new_error_dm(1024);
	static char data[PAGE] __attribute__((aligned(PAGE)));
	struct blklog_record record;
	int fd = open_direct(disk, O_RDWR);

	begin(disk);
	ck_assert_int_eq(pwrite(fd, data, PAGE, PAGE), -1);
	record = next();
	ck_assert_uint_eq(record.sector, 8);
	ck_assert_uint_eq(record.sectors, 8);
	ck_assert_int_eq(record.error, -EIO);
	nothing_more();
	close(fd);
}
END_TEST

START_TEST(reads_and_flushes_are_not_logged)
{
	const char *disks[2];
	static char data[PAGE] __attribute__((aligned(PAGE)));
	char list[64];
	int fd, i;

	disks[0] = new_loop(LOOP_SIZE);
	disks[1] = new_dm(new_loop(LOOP_SIZE), 1, 1024);
	snprintf(list, sizeof(list), "%s,%s", disks[0], disks[1]);
	begin(list);
	for (i = 0; i < 2; i++) {
		fd = open_direct(disks[i], O_RDWR);
		ck_assert_int_eq(pread(fd, data, PAGE, 0), PAGE);
		ck_assert_int_eq(fsync(fd), 0);
		close(fd);
		ck_assert_uint_eq(sysfs_value(i, "records"), 0);
	}
}
END_TEST

START_TEST(each_disk_has_its_own_buffer)
{
	const char *disk = new_loop(LOOP_SIZE);
	const char *other = new_loop(LOOP_SIZE);
	int fd = open_direct(other, O_RDWR);
	char list[64];

	snprintf(list, sizeof(list), "%s,%s", disk + strlen("/dev/"), other);
	begin(list);
	write_blocks(fd, 0, PAGE, 'x');
	ck_assert_uint_eq(sysfs_value(0, "records"), 0);
	ck_assert_uint_eq(sysfs_value(1, "records"), 1);
	close(fd);
}
END_TEST

static void check_named(int number, const char *disk)
{
	char name[64];

	sysfs_read(number, "name", name, sizeof(name));
	ck_assert_str_eq(name, disk + strlen("/dev/"));
}

START_TEST(each_buffer_has_the_name_of_its_disk)
{
	const char *loop = new_loop(LOOP_SIZE);
	const char *dm = new_dm(new_loop(LOOP_SIZE), 1, 1024);
	const char *whole = new_loop(LOOP_SIZE);
	const char *partition = new_partition(whole, 100, 200);
	char list[96];

	snprintf(list, sizeof(list), "%s,%s,%s", loop, dm, partition);
	begin(list);
	check_named(0, loop);
	check_named(1, dm);
	check_named(2, whole);
}
END_TEST

START_TEST(another_medium_is_not_logged)
{
	const char *disk = new_loop(LOOP_SIZE);
	int fd;

	begin(disk);
	change_medium(disk, LOOP_SIZE);
	fd = open_direct(disk, O_RDWR);
	write_blocks(fd, 0, PAGE, 'x');
	nothing_more();
	close(fd);
}
END_TEST

/* These also write pages that have no bio. */
START_TEST(a_disk_that_does_not_tell_all_is_refused)
{
	char list[64];

	snprintf(list, sizeof(list), "devices=%s", ram_disk());
	ck_assert_int_eq(load("bufflink_blklog", list), -EOPNOTSUPP);
	ck_assert(!exists("/dev/bufflink%d", LOG));
}
END_TEST

START_TEST(only_root_sees_the_log)
{
	static const char * const names[] = {
		"devices", "buffers", "diskseqs", "buffer_size"
	};
	char path[96];
	struct stat stat;
	size_t i;

	begin(new_loop(LOOP_SIZE));
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path),
			 "/sys/module/bufflink_blklog/parameters/%s",
			 names[i]);
		ck_assert_int_eq(lstat(path, &stat), 0);
		ck_assert_int_eq(stat.st_mode & 0777, 0400);
	}
	ck_assert_int_eq(fstat(blklog, &stat), 0);
	ck_assert_int_eq(stat.st_mode & 0777, 0600);
}
END_TEST

START_TEST(a_disk_is_added_and_removed_while_it_is_written_to)
{
	const char *disk = new_loop(LOOP_SIZE);
	const char *other = new_loop(LOOP_SIZE);
	int fd = open_direct(other, O_RDWR);
	char waste[PAGE];
	int i, reader;

	begin(disk);
	ck_assert_int_eq(parameter_try(BLKLOG, "add", "none"), -ENODEV);
	ck_assert_int_eq(parameter_try(BLKLOG, "add", disk), -EBUSY);
	ck_assert_int_eq(parameter_try(BLKLOG, "remove", other), -ENODEV);
	for (i = 0; i < 20; i++) {
		ck_assert_int_eq(parameter_try(BLKLOG, "add", other), 0);
		write_blocks(fd, 0, PAGE, 'x');
		ck_assert_uint_eq(sysfs_value(1, "records"), 1);
		reader = open_buffer(1, O_RDONLY);
		ck_assert_int_eq(parameter_try(BLKLOG, "remove", other + 5), 0);
		write_blocks(fd, 0, PAGE, 'y');
		ck_assert_int_eq(read(reader, waste, sizeof(waste)),
				 sizeof(struct blklog_record));
		ck_assert_int_eq(read(reader, waste, sizeof(waste)), 0);
		close(reader);
		ck_assert(!exists("/dev/bufflink1"));
	}
	ck_assert_uint_eq(sysfs_value(LOG, "records"), 0);
	close(fd);
}
END_TEST

START_TEST(a_file_that_is_no_disk_is_refused_and_leaves_nothing)
{
	const char *disk = new_loop(LOOP_SIZE);
	char list[64];

	ck_assert_int_eq(load("bufflink_blklog", "devices=none"), -ENODEV);
	ck_assert_int_eq(load("bufflink_blklog", "devices=null"), -ENOTBLK);
	snprintf(list, sizeof(list), "devices=%s,/proc/version", disk);
	ck_assert_int_eq(load("bufflink_blklog", list), -ENOTBLK);
	snprintf(list, sizeof(list), "devices=%s,%s", disk, disk);
	ck_assert_int_eq(load("bufflink_blklog", list), -EBUSY);
	ck_assert_int_eq(load("bufflink_blklog", "buffers=1"), 0);
	ck_assert_int_eq(unload(BLKLOG), 0);
	ck_assert(!exists("/dev/bufflink%d", LOG));
}
END_TEST

static int write_for_ever(void *disk)
{
	int fd = open_direct(disk, O_RDWR);
	uint64_t block = 0;

	for (;;)
		write_blocks(fd, block++ % 64 * PAGE, PAGE, 'x');
	return 0;
}

static const char * const tracepoints[] = {
	"block/block_rq_complete", "block/block_bio_queue",
	"block/block_bio_complete", NULL
};

START_TEST(unloading_under_load_and_a_reader_is_safe)
{
	const char *disks[2];
	char list[64], waste[4096];
	pid_t writers[2];
	int i;

	ck_assert(keep_traced(tracepoints));
	disks[0] = new_loop(LOOP_SIZE);
	disks[1] = new_dm(new_loop(LOOP_SIZE), 1, 1024);
	snprintf(list, sizeof(list), "%s,%s", disks[0], disks[1]);
	for (i = 0; i < 2; i++)
		writers[i] = start(write_for_ever, (void *)disks[i]);
	for (i = 0; i < 20; i++) {
		begin(list);
		read_all(blklog, waste, 8 * sizeof(struct blklog_record));
		ck_assert_int_eq(unload(BLKLOG), 0);
		while (read(blklog, waste, sizeof(waste)) > 0)
			;
		close(blklog);
	}
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(kill(writers[i], SIGKILL), 0);
		ck_assert_int_eq(waitpid(writers[i], NULL, 0), writers[i]);
	}
	stop_tracing();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("blklog");
	TCase *tcase = tcase_create("records");

	suite_add_tcase(suite, tcase);
	if (!have_disks()) {
		add_no_disks(tcase);
		return run_suite(suite);
	}
	tcase_add_checked_fixture(tcase, disk_setup, disk_teardown);
	tcase_set_timeout(tcase, 3 * PATIENCE_S / 2);
	tcase_add_test(tcase, a_write_of_requests_is_logged_with_its_sectors);
	tcase_add_test(tcase, a_write_of_bios_is_logged_with_its_sectors);
	tcase_add_test(tcase, sectors_of_a_partition_are_the_disks);
	tcase_add_test(tcase, a_partition_stands_for_its_disk);
	tcase_add_test(tcase, a_write_that_dm_divides_is_logged_whole);
	tcase_add_test(tcase,
		       a_discard_and_write_zeroes_of_requests_are_logged);
	tcase_add_test(tcase, a_discard_that_dm_divides_is_logged_whole);
	tcase_add_test(tcase, write_zeroes_that_dm_divides_are_logged_whole);
	tcase_add_test(tcase, a_failed_write_is_logged_with_its_error);
	tcase_add_test(tcase, reads_and_flushes_are_not_logged);
	tcase_add_test(tcase, each_disk_has_its_own_buffer);
	tcase_add_test(tcase, each_buffer_has_the_name_of_its_disk);
	tcase_add_test(tcase, another_medium_is_not_logged);
	tcase_add_test(tcase, a_disk_that_does_not_tell_all_is_refused);
	tcase_add_test(tcase, only_root_sees_the_log);
	tcase_add_test(tcase, a_disk_is_added_and_removed_while_it_is_written_to);
	tcase_add_test(tcase, a_file_that_is_no_disk_is_refused_and_leaves_nothing);
	tcase_add_test(tcase, unloading_under_load_and_a_reader_is_safe);
	return run_suite(suite);
}
