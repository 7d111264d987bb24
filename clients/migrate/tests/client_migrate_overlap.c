// SPDX-License-Identifier: GPL-2.0-only
/* bufflink-migrate: which SRC and DST go together, and what SRC is made of. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/loop.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "migrate.h"

#define IMAGE		"/tmp/below"
#define OTHER		"/tmp/other"
#define DISK		(4 * MIB)

static bool is_untouched(const char *path)
{
	unsigned char byte = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(pread(fd, &byte, 1, 0), 1);
	close(fd);
	return byte == 'k';
}

static void keep(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_eq(write(fd, "k", 1), 1);
	ck_assert_int_eq(fsync(fd), 0);
	close(fd);
}

/* what lies below SRC */

static void unlink_names(void)
{
	umount2("/tmp/bound", MNT_DETACH);
	unlink("/tmp/link");
	unlink(IMAGE);
	unlink(OTHER);
}

/* By its name, and by others that it may have */
static char *name_of_image(int which)
{
	switch (which) {
	case 0:
		return IMAGE;
	case 1:
		ck_assert_int_eq(symlink(IMAGE, "/tmp/link"), 0);
		return "/tmp/link";
	case 2:
		ck_assert_int_eq(link(IMAGE, "/tmp/link"), 0);
		return "/tmp/link";
	case 3:
		ck_assert(!mkdir("/tmp/bound", 0700) || errno == EEXIST);
		ck_assert_int_eq(mount("/tmp", "/tmp/bound", NULL, MS_BIND,
				       NULL), 0);
		return "/tmp/bound/below";
	default:
		ck_assert_int_eq(dup2(open(IMAGE, O_RDWR), 9), 9);
		return "/proc/self/fd/9";
	}
}

START_TEST(the_file_that_src_is_made_of_is_refused)
{
	const char *disk;

	unlink_names();
	disk = new_loop_on(IMAGE, DISK);
	keep(IMAGE);
	log_devices(disk, "");
	ends(USAGE, (char *)disk, name_of_image(_i));
	must_have_said("/dev/loop0 overlap:");
	ck_assert(is_untouched(IMAGE));
	unlink_names();
}
END_TEST

START_TEST(the_disk_of_a_partition_is_refused)
{
	const char *disk = new_loop(DISK);
	const char *partition = new_partition(disk, 2048, 2048);

	keep(disk);
	log_devices(disk, "");
	ends(USAGE, (char *)partition, (char *)disk);
	must_have_said("/dev/loop0 is on the disk of /dev/loop0p1");
	ck_assert(is_untouched(disk));
}
END_TEST

START_TEST(a_disk_that_shares_the_file_of_src_is_refused)
{
	const char *disk, *twin;

	unlink_names();
	disk = new_loop_on(IMAGE, DISK);
	twin = new_loop_on(IMAGE, DISK);
	keep(IMAGE);
	log_devices(disk, "");
	ends(USAGE, (char *)disk, (char *)twin);
	must_have_said("/dev/loop1 and /dev/loop0 overlap:");
	ck_assert(is_untouched(IMAGE));
	unlink_names();
}
END_TEST

START_TEST(a_file_beside_that_of_src_is_not_refused)
{
	const char *disk;
	pid_t pid;

	unlink_names();
	disk = new_loop_on(IMAGE, DISK);
	log_devices(disk, "");
	pid = migrate((char *)disk, DST);
	is_followed(pid);
	ends_by_word(pid);
	unlink_names();
}
END_TEST

/* what DST is for others */

START_TEST(two_sources_for_one_file_are_refused)
{
	const char *disk = new_loop(DISK);
	const char *other = new_loop(DISK);
	char list[64];
	pid_t pid, second;

	unlink_names();
	snprintf(list, sizeof(list), "%s,%s", disk, other);
	log_devices(list, "");
	pid = migrate((char *)disk, DST);
	is_followed(pid);
	second = start_program(null(), null(), ARGS((char *)other, DST));
	ck_assert_int_eq(finish(second), USAGE);
	must_have_said("cannot lock " DST);
	ends_by_word(pid);
	ck_assert(same(disk, DST, DISK));
	ck_assert_int_eq(link(DST, OTHER), 0);
	ends(USAGE, (char *)disk, DST, (char *)other, OTHER);
	unlink_names();
}
END_TEST

START_TEST(a_file_that_a_disk_is_made_of_is_refused)
{
	const char *disk = new_loop(DISK);

	unlink_names();
	new_loop_on(IMAGE, DISK);
	keep(IMAGE);
	log_devices(disk, "");
	ends(USAGE, (char *)disk, IMAGE);
	must_have_said("is in use");
	ck_assert(is_untouched(IMAGE));
	unlink_names();
}
END_TEST

/* what SRC is */

START_TEST(a_source_without_a_medium_leaves_the_copy_of_yesterday)
{
	const char *disk = new_loop(DISK);

	log_devices(disk, "");
	keep(DST);
	ends(USAGE, "/dev/loop1", DST);
	ends(USAGE, (char *)new_loop(0), DST);
	must_have_said("/dev/loop1 is empty");
	ck_assert(is_untouched(DST));
}
END_TEST

static void set_offset(const char *loop, __u64 offset)
{
	int fd = open(loop, O_RDWR | O_CLOEXEC);
	struct loop_info64 info;

	ck_assert_int_eq(ioctl(fd, LOOP_GET_STATUS64, &info), 0);
	info.lo_offset = offset;
	info.lo_sizelimit = DISK;
	ck_assert_msg(!ioctl(fd, LOOP_SET_STATUS64, &info), "%s: %m", loop);
	close(fd);
}

START_TEST(a_source_that_is_another_part_of_its_file_is_not_copied)
{
	const char *disk = new_loop(2 * DISK);
	pid_t pid;

	set_offset(disk, 0);
	pid = follow(disk);
	set_offset(disk, DISK);
	ck_assert_int_eq(kill(pid, SIGUSR1), 0);
	ck_assert_int_eq(finish(pid), FAILED);
	must_have_said("is made of other parts now, or its table has changed: "
		       DST " is not a copy");
}
END_TEST

/* In the page cache of the disk, of which that of its partition has nothing. */
START_TEST(what_is_dirty_under_another_name_arrives)
{
	const char *disk = new_loop(DISK + MIB);
	const char *partition = new_partition(disk, MIB / SECTOR,
					      DISK / SECTOR);
	int cached = open(disk, O_RDWR | O_CLOEXEC);
	pid_t pid;

	log_devices(disk, "");
	pid = migrate((char *)partition, DST);
	is_followed(pid);
	write_blocks(cached, 2 * MIB, PAGE, 'y');
	ends_by_word(pid);
	ck_assert_int_eq(fsync(cached), 0);
	ck_assert(same(partition, DST, DISK));
	close(cached);
}
END_TEST

/* several of them, and what is mounted from them */

START_TEST(several_sources_are_copied)
{
	const char *disk = new_loop(DISK);
	const char *other = new_loop(2 * DISK);
	char list[64];
	pid_t pid;

	unlink_names();
	fill_disk(disk, DISK);
	fill_disk(other, MIB);
	snprintf(list, sizeof(list), "%s,%s", disk, other);
	log_devices(list, "");
	pid = migrate("--verify", "--json", (char *)disk, DST, (char *)other,
		      OTHER);
	is_followed(pid);
	ck_assert_int_eq(kill(pid, SIGUSR1), 0);
	ck_assert_int_eq(finish(pid), GOOD);
	must_have_said("{\"event\":\"copy\",\"src\":\"/dev/loop1\",\"dst\":\"" OTHER "\",");
	must_have_said("{\"event\":\"verified\",\"dst\":\"" DST "\",\"differences\":0}");
	ck_assert(same(disk, DST, DISK));
	ck_assert(same(other, OTHER, 2 * DISK));
	unlink_names();
}
END_TEST

START_TEST(sources_on_one_disk_share_its_log)
{
	const char *disk = new_loop(DISK);
	const char *partition = new_partition(disk, MIB / SECTOR,
					      MIB / SECTOR);
	int fd = open_direct(disk, O_RDWR);
	pid_t pid;

	unlink_names();
	log_devices(disk, "");
	pid = migrate((char *)disk, DST, (char *)partition, OTHER);
	is_followed(pid);
	write_blocks(fd, MIB, PAGE, 'x');
	close(fd);
	ends_by_word(pid);
	ck_assert(same(disk, DST, DISK));
	ck_assert(same(partition, OTHER, MIB));
	unlink_names();
}
END_TEST

START_TEST(nothing_to_freeze_is_said)
{
	const char *disk = new_loop(DISK);

	log_devices(disk, "");
	ends(USAGE, "-f", "auto", (char *)disk, DST);
	must_have_said("--freeze=auto: no file system is mounted from /dev/loop0");
}
END_TEST

START_TEST(what_is_mounted_and_not_frozen_is_named)
{
	const char *disk = new_loop(SIZE);
	pid_t pid;

	make_filesystem(disk);
	ck_assert_int_eq(try_mount(disk), 0);
	pid = follow(disk);
	must_have_said(MOUNTPOINT " is mounted from /dev/loop0 and will not be frozen");
	ends_by_word(pid);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("migrate overlap");
	TCase *tcase;

	if (!have_disks()) {
		add_no_disks(new_case(suite, "disks"));
		return run_suite(suite);
	}
	tcase = new_case(suite, "below");
	tcase_add_loop_test(tcase, the_file_that_src_is_made_of_is_refused, 0,
			    5);
	add_to(tcase, tests(the_disk_of_a_partition_is_refused,
			    a_disk_that_shares_the_file_of_src_is_refused,
			    a_file_beside_that_of_src_is_not_refused));
	add_to(new_case(suite, "destinations"),
	       tests(two_sources_for_one_file_are_refused,
		     a_file_that_a_disk_is_made_of_is_refused));
	add_to(new_case(suite, "sources"),
	       tests(a_source_without_a_medium_leaves_the_copy_of_yesterday,
		     a_source_that_is_another_part_of_its_file_is_not_copied,
		     what_is_dirty_under_another_name_arrives,
		     several_sources_are_copied,
		     sources_on_one_disk_share_its_log,
		     nothing_to_freeze_is_said,
		     what_is_mounted_and_not_frozen_is_named));
	return run_suite(suite);
}
