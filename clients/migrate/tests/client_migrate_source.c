// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink-migrate: a SRC that is empty, that is written to by other names of it,
 * or that becomes another under way.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/blkpg.h>
#include <linux/loop.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "migrate.h"
#include "stacks.h"

#define DISK		(8 * MIB)
#define OTHER		"/tmp/other-mount"	/* a second mount point */
#define OTHER_DST	"/tmp/other.dst"
#define COMPARE		"--run=/t/client_migrate_source compare"
/* and fail if that works */
#define TRY_TO_WRITE							\
	"--run=(touch " MOUNTPOINT "/new & touch " OTHER "/new &);"	\
	"sleep 1; test ! -e " MOUNTPOINT "/new -a ! -e " OTHER "/new"

/* nothing to copy */

static void good_copy_stays(const char *disk)
{
	log_devices(disk, "");
	ck_assert_int_eq(system("echo yesterday >" DST), 0);
	ends(USAGE, (char *)disk, DST);
	must_have_said(disk);
	ck_assert_int_eq(system("test $(cat " DST ") = yesterday"), 0);
	unlink(DST);
	ends(USAGE, (char *)disk, DST);
	ck_assert(!exists(DST));
}

START_TEST(a_source_without_a_medium_leaves_the_copy_alone)
{
	wait_for(exists("/dev/loop7"));
	good_copy_stays("/dev/loop7");
}
END_TEST

START_TEST(a_source_of_no_size_leaves_the_copy_alone)
{
	good_copy_stays(new_loop(0));
}
END_TEST

START_TEST(an_empty_source_among_others_leaves_all_copies_alone)
{
	const char *disk = new_loop(DISK), *empty = new_loop(0);
	char list[64];

	snprintf(list, sizeof(list), "%s,%s", disk, empty);
	log_devices(list, "");
	ck_assert_int_eq(system("echo yesterday >" DST), 0);
	ends(USAGE, (char *)disk, DST, (char *)empty, OTHER_DST);
	ck_assert_int_eq(system("test $(cat " DST ") = yesterday"), 0);
	ck_assert(!exists(OTHER_DST));
}
END_TEST

START_TEST(an_empty_stream_leaves_the_copy_alone)
{
	ck_assert_int_eq(system("echo yesterday >" DST), 0);
	close(stream_to(STREAM));
	ck_assert_int_ne(receive(STREAM), GOOD);
	ck_assert_int_eq(system("test $(cat " DST ") = yesterday"), 0);
}
END_TEST

/* dirty pages of others */

/* Written through one node, copied from another */
static void arrives(const char *node, const char *disk, uint64_t size)
{
	int fd = open(node, O_RDWR | O_CLOEXEC);
	pid_t pid;

	log_devices(disk, "");
	pid = migrate((char *)disk, DST);
	is_followed(pid);
	write_blocks(fd, 2 * MIB, PAGE, 'x');	/* in memory, for now */
	ends_by_word(pid);
	sync();
	ck_assert(same(disk, DST, size));
	close(fd);
}

START_TEST(data_in_memory_for_a_partition_arrives_from_the_disk)
{
	const char *disk = new_loop(DISK);

	arrives(new_partition(disk, 8, DISK / SECTOR - 8), disk, DISK);
}
END_TEST

START_TEST(data_in_memory_for_a_disk_arrives_from_the_partition)
{
	const char *disk = new_loop(DISK);

	arrives(disk, new_partition(disk, 0, DISK / SECTOR), DISK);
}
END_TEST

START_TEST(data_in_memory_for_a_volume_arrives_from_the_disk)
{
	const char *disk = new_loop(DISK);

	arrives(new_dm(disk, 1, DISK / SECTOR), disk, DISK);
}
END_TEST

/* From before the migration: the log of the volume will not have it. */
START_TEST(data_in_memory_for_the_disk_below_a_volume_arrives)
{
	const char *disk = new_loop(DISK), *volume;
	int fd = open(disk, O_RDWR | O_CLOEXEC);

	volume = new_dm(disk, 1, DISK / SECTOR);
	log_devices(volume, "");
	write_blocks(fd, 2 * MIB, PAGE, 'x');
	make_copy(volume, DST);
	ck_assert_int_eq(fsync(fd), 0);
	close(fd);
	ck_assert(same(volume, DST, DISK));
}
END_TEST

START_TEST(data_in_memory_for_a_file_system_arrives)
{
	const char *disk = new_loop(SIZE);
	pid_t pid;
	int fd;

	make_filesystem(disk);
	ck_assert_int_eq(try_mount(disk), 0);
	log_devices(disk, "");
	pid = migrate((char *)disk, DST);
	is_followed(pid);
	fd = open(MOUNTPOINT "/file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	write_blocks(fd, 0, MIB, 'x');
	close(fd);
	ends_by_word(pid);
	/* ext4 may have written to the disk since then, but not to the file. */
	ck_assert_int_eq(system("cp " MOUNTPOINT "/file " OTHER_DST), 0);
	unmount();
	ck_assert_int_eq(try_mount(new_loop_on(DST, SIZE)), 0);
	ck_assert_int_eq(system("cmp " MOUNTPOINT "/file " OTHER_DST), 0);
}
END_TEST

/* Two file systems on two volumes of SRC, of which one is frozen */
static const char *mount_two(void)
{
	const char *disk = new_loop(2 * SIZE), *first, *second;
	char arguments[64];

	first = new_dm(disk, 1, SIZE / SECTOR);
	snprintf(arguments, sizeof(arguments), "%s %u", disk, SIZE / SECTOR);
	second = new_target(SIZE / SECTOR, "linear", arguments);
	make_filesystem(first);
	make_filesystem(second);
	ck_assert_int_eq(try_mount(first), 0);
	mkdir(OTHER, 0700);
	ck_assert_int_eq(mount(second, OTHER, "ext4", 0, ""), 0);
	return disk;
}

START_TEST(a_mount_that_is_not_frozen_is_named)
{
	const char *disk = mount_two();

	/* or it may write, as nothing keeps it at rest */
	ck_assert_int_eq(mount(NULL, OTHER, NULL, MS_REMOUNT | MS_RDONLY,
			       NULL), 0);
	log_devices(disk, "");
	good(migrate("-f", MOUNTPOINT, "-p", "60", COMPARE, (char *)disk, DST));
	must_have_said(OTHER);
	ck_assert_int_eq(umount(OTHER), 0);
}
END_TEST

static void write_in(const char *mountpoint)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/file", mountpoint);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	write_blocks(fd, 0, MIB, 'x');
	close(fd);
}

START_TEST(auto_freezes_all_that_is_mounted_from_the_source)
{
	const char *disk = mount_two();

	write_in(MOUNTPOINT);
	write_in(OTHER);
	log_devices(disk, "");
	good(migrate("--freeze=auto", "-p", "60", TRY_TO_WRITE, (char *)disk,
		     DST));
	wait_for(exists(MOUNTPOINT "/new") && exists(OTHER "/new"));
	/* touch may not have closed it yet */
	wait_for(!umount(OTHER) || errno == EINVAL);
	unmount();
	ck_assert(is_clean(new_dm(new_loop_on(DST, 2 * SIZE), 1,
				  SIZE / SECTOR)));
}
END_TEST

/* A file system on a file of another one, on a volume, on a partition of SRC */
START_TEST(auto_freezes_through_any_stack)
{
	const char *disk = new_loop(4 * SIZE), *volume, *image;

	volume = new_dm(new_partition(disk, 8, 3 * SIZE / SECTOR), 1,
			2 * SIZE / SECTOR);
	make_filesystem(volume);
	ck_assert_int_eq(try_mount(volume), 0);
	image = new_loop_on(MOUNTPOINT "/image", SIZE);
	make_filesystem(image);
	mkdir(OTHER, 0700);
	ck_assert_int_eq(mount(image, OTHER, "ext4", 0, ""), 0);
	if (_i)
		disk = volume;
	log_devices(disk, "");
	good(migrate("--freeze=auto", "-p", "60", TRY_TO_WRITE, (char *)disk,
		     DST));
	wait_for(exists(MOUNTPOINT "/new") && exists(OTHER "/new"));
	/* touch may not have closed it yet */
	wait_for(!umount(OTHER) || errno == EINVAL);
}
END_TEST

/* Two devices, of which SRC is the one that is not named when it is mounted */
static const char *new_btrfs(void)
{
	/* it takes no less for the metadata on both */
	const char *disk = new_loop(80 * MIB), *other = new_loop(80 * MIB);
	char command[128];

	snprintf(command, sizeof(command),
		 "/sbin/mkfs.btrfs -q -f -m raid1 -d single %s %s >&2 && btrfs device scan >&2",
		 disk, other);
	ck_assert_int_eq(system(command), 0);
	mount_it(BTRFS, disk);
	return other;
}

START_TEST(a_file_system_of_several_devices_is_found_from_each)
{
	const char *disk;

	if (!have_filesystem(BTRFS))
		return;
	disk = new_btrfs();
	ck_assert_int_eq(system("/bin/btrfs subvolume create " MOUNTPOINT "/sub >&2"),
			 0);
	mkdir(OTHER, 0700);
	log_devices(disk, "");
	ends(USAGE, (char *)disk, MOUNTPOINT "/dst");
	must_have_said("is on the disk of ");
	ends(USAGE, "-f", MOUNTPOINT, "-f", MOUNTPOINT "/sub", (char *)disk,
	     DST);
	must_have_said("are the same file system: name one of them");
	good(migrate("--freeze=auto", "-p", "60", "--run=(touch " MOUNTPOINT
		     "/new &); sleep 1; test ! -e " MOUNTPOINT "/new",
		     (char *)disk, DST));
	wait_for(exists(MOUNTPOINT "/new"));
	unmount_it();
}
END_TEST

/* Two sources at one instant */

static int open_number(const char *mountpoint)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/number", mountpoint);
	return open(path, O_RDWR | O_CREAT | O_DSYNC | O_CLOEXEC, 0600);
}

/* The second file never has what the first does not have yet. */
static int count_in_both(void *arg)
{
	int first = open_number(MOUNTPOINT), second = open_number(OTHER);
	uint64_t *number = arg;

	for (;;) {
		++*number;
		pwrite(first, number, sizeof(*number), 0);
		pwrite(second, number, sizeof(*number), 0);
	}
	return 0;
}

static uint64_t number_at(const char *copy)
{
	uint64_t number = 0;
	int fd;

	ck_assert_int_eq(try_mount(new_loop_on(copy, SIZE)), 0);
	fd = open_number(MOUNTPOINT);
	ck_assert_int_eq(pread(fd, &number, sizeof(number), 0), sizeof(number));
	close(fd);
	ck_assert_int_eq(umount(MOUNTPOINT), 0);
	return number;
}

START_TEST(two_sources_are_copied_as_they_are_at_one_instant)
{
	const char *disk = new_loop(SIZE), *other = new_loop(SIZE);
	uint64_t *number = shared(sizeof(*number)), first, second;
	char list[64];
	pid_t load;

	make_filesystem(disk);
	make_filesystem(other);
	ck_assert_int_eq(try_mount(disk), 0);
	mkdir(OTHER, 0700);
	ck_assert_int_eq(mount(other, OTHER, "ext4", 0, ""), 0);
	load = start(count_in_both, number);
	wait_for(*number > 20);
	snprintf(list, sizeof(list), "%s,%s", disk, other);
	log_devices(list, "");
	good(migrate("--freeze=auto", "-p", "60", (char *)disk, DST,
		     (char *)other, OTHER_DST));
	stop_load(load);
	ck_assert_int_eq(umount(OTHER), 0);
	ck_assert_int_eq(umount(MOUNTPOINT), 0);
	first = number_at(DST);
	second = number_at(OTHER_DST);
	ck_assert_uint_gt(second, 20);
	ck_assert_msg(first == second || first == second + 1,
		      "%llu is not one instant with %llu",
		      (unsigned long long)first, (unsigned long long)second);
}
END_TEST

/* After this, SRC is not the disk that was copied before it. */
static void is_noticed(const char *disk, void (*change)(const char *disk))
{
	pid_t pid;

	fill_disk(disk, DISK);
	pid = follow(disk);
	change(disk);
	kill(pid, SIGUSR1);
	ck_assert_int_eq(finish(pid), FAILED);
	ck_assert(!has_said(" is a copy of "));
}

/* devices beside SRC, which its log knows nothing of */

static const char *second_loop(const char *disk)
{
	(void)disk;
	return new_loop_on("/tmp/loop0.img", DISK);
}

static const char *second_volume(const char *disk)
{
	return new_dm(disk, 1, DISK / 2 / SECTOR);
}

/* Of all of the disk */
static const char *second_crypt(const char *disk)
{
	char arguments[160];

	snprintf(arguments, sizeof(arguments), "aes-xts-plain64 %064x 0 %s 0", 1,
		 disk);
	return new_target(DISK / SECTOR, "crypt", arguments);
}

START_TEST(a_source_that_is_written_to_by_another_node_is_refused)
{
	const char *(* const besides[])(const char *disk) = {
		second_loop, second_volume, second_crypt
	};
	const char *disk = new_loop(DISK), *src = disk, *beside;

	if (besides[_i] == second_crypt && !have_stack(CRYPT))
		return;
	if (besides[_i] != second_loop)
		src = new_dm(disk, 1, DISK / SECTOR);
	beside = besides[_i](disk);
	log_devices(src, "");
	ends(USAGE, (char *)src, DST);
	must_have_said("shares bytes with");
	must_have_said(strrchr(beside, '-') ?: beside);
	ck_assert(!exists(DST));
}
END_TEST

static void attach_another(const char *disk)
{
	second_loop(disk);
}

START_TEST(a_node_that_comes_to_write_to_the_source_is_noticed)
{
	is_noticed(new_loop(DISK), attach_another);
}
END_TEST

static void attach(const char *options, const char *file)
{
	char command[96];

	snprintf(command, sizeof(command), "losetup %s /dev/loop7 %s", options,
		 file);
	ck_assert_int_eq(system(command), 0);
}

static void is_copied(const char *src, uint64_t size)
{
	log_devices(src, "");
	make_copy(src, DST);
	ck_assert(same(src, DST, size));
}

START_TEST(a_device_on_the_source_is_not_beside_it)
{
	const char *disk = new_loop(DISK);

	new_dm(disk, 1, DISK / SECTOR);
	attach("", disk);
	is_copied(disk, DISK);
}
END_TEST

START_TEST(a_device_on_another_part_of_the_disk_below_is_not_beside_it)
{
	const char *disk = new_loop(DISK);
	const struct loop_info64 info = { .lo_sizelimit = DISK / 2 };
	char arguments[64];
	int fd = open(disk, O_RDWR | O_CLOEXEC);

	if (_i) {
		snprintf(arguments, sizeof(arguments), "%s %u", disk,
			 DISK / 2 / SECTOR);
		new_target(DISK / 2 / SECTOR, "linear", arguments);
		is_copied(new_dm(disk, 1, DISK / 2 / SECTOR), DISK / 2);
	} else {
		ck_assert_int_eq(ioctl(fd, LOOP_SET_STATUS64, &info), 0);
		attach("-o 4194304", "/tmp/loop0.img");
		is_copied(disk, DISK / 2);
	}
	close(fd);
}
END_TEST

/* another SRC */

static const char *linear_on(const char *disk)
{
	return new_dm(disk, 1, DISK / SECTOR);
}

static void change_table(const char *disk)
{
	char arguments[64];

	snprintf(arguments, sizeof(arguments), "%s 0", new_loop(DISK));
	change_target(disk, DISK / SECTOR, "linear", arguments);
}

START_TEST(a_volume_that_moves_to_another_disk_is_noticed)
{
	is_noticed(linear_on(new_loop(DISK)), change_table);
}
END_TEST

static const char *lower;

static void change_lower(const char *disk)
{
	(void)disk;
	change_table(lower);
}

START_TEST(a_volume_below_that_moves_to_another_disk_is_noticed)
{
	lower = linear_on(new_loop(DISK));
	is_noticed(linear_on(lower), change_lower);
}
END_TEST

static void change_offset(const char *disk)
{
	const struct loop_info64 info = {
		.lo_offset = MIB, .lo_sizelimit = DISK,
	};
	int fd = open(disk, O_RDWR | O_CLOEXEC);

	ck_assert_msg(!ioctl(fd, LOOP_SET_STATUS64, &info), "%s: %m", disk);
	close(fd);
}

START_TEST(a_loop_device_that_begins_elsewhere_is_noticed)
{
	const char *disk = new_loop(2 * DISK);
	const struct loop_info64 info = { .lo_sizelimit = DISK };
	int fd = open(disk, O_RDWR | O_CLOEXEC);

	ck_assert_int_eq(ioctl(fd, LOOP_SET_STATUS64, &info), 0);
	close(fd);
	is_noticed(disk, change_offset);
}
END_TEST

static void grow(const char *disk)
{
	resize_loop(disk, 2 * DISK);
}

static void shrink(const char *disk)
{
	resize_loop(disk, DISK / 2);
}

START_TEST(a_source_that_changes_its_size_is_noticed)
{
	is_noticed(new_loop(DISK), _i ? grow : shrink);
}
END_TEST

static void grow_partition(const char *partition)
{
	struct blkpg_partition new = {
		.start = MIB, .length = 2 * DISK, .pno = 1
	};
	struct blkpg_ioctl_arg arg = {
		.op = BLKPG_RESIZE_PARTITION, .data = &new
	};
	int fd = open("/dev/loop0", O_RDWR | O_CLOEXEC);

	(void)partition;
	ck_assert_msg(!ioctl(fd, BLKPG, &arg), "resize: %m");
	close(fd);
}

START_TEST(a_partition_that_grows_is_noticed)
{
	const char *disk = new_loop(4 * DISK);

	is_noticed(new_partition(disk, MIB / SECTOR, DISK / SECTOR),
		   grow_partition);
}
END_TEST

static void tidy(void)
{
	umount2(OTHER, MNT_DETACH);
	unlink(OTHER_DST);
}

int main(int argc, char **argv)
{
	Suite *suite = suite_create("migrate source");
	TCase *empty = new_case(suite, "empty"), *memory, *change;

	if (argc == 2 && !strcmp(argv[1], "compare"))
		return !same("/dev/loop0", DST, 2 * SIZE);
	if (!have_disks()) {
		add_no_disks(empty);
		return run_suite(suite);
	}
	tcase_add_checked_fixture(empty, tidy, tidy);
	add_to(empty,
	       tests(a_source_without_a_medium_leaves_the_copy_alone,
		     a_source_of_no_size_leaves_the_copy_alone,
		     an_empty_source_among_others_leaves_all_copies_alone,
		     an_empty_stream_leaves_the_copy_alone));
	memory = new_case(suite, "memory");
	tcase_add_checked_fixture(memory, tidy, tidy);
	tcase_add_loop_test(memory, auto_freezes_through_any_stack, 0, 2);
	tcase_add_loop_test(memory,
			    a_source_that_is_written_to_by_another_node_is_refused,
			    0, 3);
	tcase_add_loop_test(memory,
			    a_device_on_another_part_of_the_disk_below_is_not_beside_it,
			    0, 2);
	add_to(memory,
	       tests(data_in_memory_for_the_disk_below_a_volume_arrives,
		     a_device_on_the_source_is_not_beside_it,
		     a_node_that_comes_to_write_to_the_source_is_noticed,
		     a_file_system_of_several_devices_is_found_from_each,
		     data_in_memory_for_a_partition_arrives_from_the_disk,
		     data_in_memory_for_a_disk_arrives_from_the_partition,
		     data_in_memory_for_a_volume_arrives_from_the_disk,
		     data_in_memory_for_a_file_system_arrives,
		     a_mount_that_is_not_frozen_is_named,
		     auto_freezes_all_that_is_mounted_from_the_source,
		     two_sources_are_copied_as_they_are_at_one_instant));
	change = new_case(suite, "change");
	tcase_add_loop_test(change, a_source_that_changes_its_size_is_noticed,
			    0, 2);
	add_to(change,
	       tests(a_volume_that_moves_to_another_disk_is_noticed,
		     a_volume_below_that_moves_to_another_disk_is_noticed,
		     a_loop_device_that_begins_elsewhere_is_noticed,
		     a_partition_that_grows_is_noticed));
	return run_suite(suite);
}
