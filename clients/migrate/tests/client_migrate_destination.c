// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink-migrate: a DST that is of another kind, is in use, has sectors of
 * another size, or becomes another under way.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/loop.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "migrate.h"
#include "stacks.h"

#define DISK		(2 * MIB)
#define PLACE		"/tmp/place"
#define VIA		"--via=" PROGRAM " --receive "

/* By both programs that write to a DST */
static void is_refused(const char *dst)
{
	char via[128];

	ends(USAGE, "/dev/loop0", (char *)dst);
	must_have_said(dst);
	snprintf(via, sizeof(via), VIA "%s", dst);
	ends(FAR_FAILED, via, "/dev/loop0");
	must_have_said(dst);
}

/* kinds */

START_TEST(anything_but_a_device_or_a_file_is_refused)
{
	static const mode_t kinds[] = { S_IFIFO, S_IFCHR, S_IFSOCK, S_IFDIR };
	struct stat stat;

	new_logged(DISK);
	if (kinds[_i] == S_IFDIR)
		ck_assert_int_eq(mkdir(PLACE, 0700), 0);
	else
		ck_assert_int_eq(mknod(PLACE, kinds[_i] | 0600, makedev(1, 3)),
				 0);
	is_refused(PLACE);
	ck_assert_int_eq(lstat(PLACE, &stat), 0);
	ck_assert_int_eq(stat.st_mode & S_IFMT, kinds[_i]);
}
END_TEST

START_TEST(a_typing_error_in_dev_leaves_no_file)
{
	static const char * const names[] = {
		"/dev/none", "//dev/none", "/tmp/../dev/none", PLACE "/none",
	};

	new_logged(DISK);
	ck_assert_int_eq(symlink("/dev", PLACE), 0);
	is_refused(names[_i]);
	ck_assert(!exists("/dev/none"));
}
END_TEST

START_TEST(a_file_in_dev_is_refused)
{
	new_logged(DISK);
	ck_assert_int_eq(system("echo before >/dev/file"), 0);
	is_refused("/dev/file");
	ck_assert_int_eq(system("test $(cat /dev/file) = before"), 0);
	unlink("/dev/file");
}
END_TEST

/* in use */

static int opened = -1;

static void open_alone(const char *dst)
{
	opened = open(dst, O_RDONLY | O_EXCL | O_CLOEXEC);
	ck_assert_int_ge(opened, 0);
}

static void swap_to(const char *dst)
{
	char command[64];

	snprintf(command, sizeof(command), "mkswap %s >&2 && swapon %s", dst,
		 dst);
	ck_assert_int_eq(system(command), 0);
}

static void mount_partition(const char *dst)
{
	const char *partition = new_partition(dst, 8, DISK / SECTOR - 8);

	make_filesystem(partition);
	ck_assert_int_eq(try_mount(partition), 0);
}

static void put_volume_on(const char *dst)
{
	new_dm(dst, 1, DISK / SECTOR);
}

static void mount_it_itself(const char *dst)
{
	make_filesystem(dst);
	ck_assert_int_eq(try_mount(dst), 0);
}

static void (*const uses[])(const char *dst) = {
	open_alone, swap_to, mount_partition, put_volume_on, mount_it_itself,
};

START_TEST(a_device_that_is_in_use_is_refused)
{
	const char *dst;

	new_logged(DISK);
	dst = new_loop(DISK);
	uses[_i](dst);
	is_refused(dst);
}
END_TEST

START_TEST(a_file_that_is_swapped_to_is_refused)
{
	new_logged(DISK);
	mount_it_itself(new_loop(4 * DISK));
	ck_assert_int_eq(system("dd if=/dev/zero of=" MOUNTPOINT "/swap bs=1M count=2 2>/dev/null"),
			 0);
	swap_to(MOUNTPOINT "/swap");
	is_refused(MOUNTPOINT "/swap");
	ck_assert_int_eq(system("swapoff " MOUNTPOINT "/swap"), 0);
}
END_TEST

static const char *itself(const char *dst)
{
	return dst;
}

static const char *partition_of(const char *dst)
{
	return new_partition(dst, 0, DISK / SECTOR);
}

static const char *volume_on(const char *dst)
{
	return new_dm(dst, 1, DISK / SECTOR);
}

static const char *(*const aliases[])(const char *dst) = {
	itself, partition_of, volume_on,
};

/* By this name or by another one, from two processes */
START_TEST(a_device_that_another_migration_writes_is_refused)
{
	const char *disk = new_loop(DISK), *other = new_loop(DISK);
	const char *dst = new_loop(DISK), *alias = aliases[_i](dst);
	char list[64];
	pid_t pid, second;

	fill_disk(disk, DISK);
	snprintf(list, sizeof(list), "%s,%s", disk, other);
	log_devices(list, "");
	pid = migrate((char *)disk, (char *)alias);
	is_followed(pid);
	second = start_program(null(), null(),
			       ARGS((char *)other, (char *)dst));
	ck_assert_int_eq(finish(second), USAGE);
	ends_by_word(pid);
	ck_assert(same(disk, alias, DISK));
}
END_TEST

/* It does not know of the lock. */
START_TEST(a_loop_device_on_a_file_that_another_migration_writes_is_refused)
{
	const char *disk = new_loop(DISK), *other = new_loop(DISK);
	char list[64];
	pid_t pid, second;

	snprintf(list, sizeof(list), "%s,%s", disk, other);
	log_devices(list, "");
	pid = migrate((char *)disk, DST);
	is_followed(pid);
	second = start_program(null(), null(),
			       ARGS((char *)other,
				    (char *)new_loop_on(DST, DISK)));
	ck_assert_int_eq(finish(second), USAGE);
	must_have_said("lies on a file that another program has locked");
	kill(pid, SIGKILL);
	is_killed(pid, SIGKILL);
}
END_TEST

/* sectors */

static const char *new_loop_of(uint64_t size, unsigned long sector)
{
	const char *disk = new_loop(size);
	int fd = open(disk, O_RDWR | O_CLOEXEC);

	ck_assert_msg(!ioctl(fd, LOOP_SET_BLOCK_SIZE, sector), "%s: %m", disk);
	close(fd);
	return disk;
}

static const struct {
	unsigned long src;
	unsigned long dst;
	uint64_t size;		/* of SRC */
	bool is_zero;		/* at its end */
} sectors[] = {
	{ 512, 4096, DISK + 512, false },
	{ 512, 4096, DISK + 512, true },
	{ 512, 4096, DISK + 3584, false },
	{ 4096, 512, DISK + 4096, false },
	{ 4096, 4096, DISK + 4096, false },
};

START_TEST(sectors_of_another_size_are_copied)
{
	const uint64_t size = sectors[_i].size;
	const char *disk = new_loop_of(size, sectors[_i].src);
	const char *dst = new_loop_of(DISK + 4096, sectors[_i].dst);
	char granularity[32], command[64];
	pid_t pid;
	int fd;

	fill_disk(disk, DISK);
	fill_disk(dst, DISK);
	fd = open_direct(disk, O_RDWR);
	if (!sectors[_i].is_zero)
		write_blocks(fd, DISK, size - DISK, 'x');
	log_devices(disk, "");
	snprintf(granularity, sizeof(granularity), "--granularity=%u",
		 _i % 2 ? 4096 : 65536);
	pid = migrate("--verify", granularity, (char *)disk, (char *)dst);
	is_followed(pid);
	write_blocks(fd, PAGE, PAGE, 'y');
	close(fd);
	ends_by_word(pid);
	must_have_said("was read back: it has what was sent");
	snprintf(command, sizeof(command), "cmp -n %llu %s %s >&2",
		 (unsigned long long)size, disk, dst);
	ck_assert_int_eq(system(command), 0);
}
END_TEST

/* dirty pages */

START_TEST(data_in_memory_for_the_disk_of_the_destination_does_not_cover_it)
{
	const char *disk = new_logged(DISK), *lower = new_loop(DISK);
	const char *dst = volume_on(lower);
	int fd = open(lower, O_RDWR | O_CLOEXEC);

	write_blocks(fd, MIB, PAGE, 'z');
	make_copy(disk, dst);
	ck_assert_int_eq(fsync(fd), 0);
	close(fd);
	ck_assert(same(disk, dst, DISK));
}
END_TEST

/* another DST */

static void remove_it(const char *dst)
{
	ck_assert_int_eq(unlink(dst), 0);
}

static void replace_it(const char *dst)
{
	ck_assert_int_eq(system("cp " DST " " PLACE), 0);
	ck_assert_int_eq(rename(PLACE, dst), 0);
}

static void cut_it(const char *dst)
{
	ck_assert_int_eq(truncate(dst, DISK / 2), 0);
}

static void extend_it(const char *dst)
{
	ck_assert_int_eq(truncate(dst, 2 * DISK), 0);
}

static void attach_it(const char *dst)
{
	new_loop_on(dst, DISK);
}

static void (*const changes[])(const char *dst) = {
	remove_it, replace_it, cut_it, extend_it, attach_it,
};

static void ends_without_a_copy(pid_t pid, const char *dst, int status)
{
	kill(pid, SIGUSR1);
	ck_assert_msg(finish(pid) == status, "%s", said());
	must_have_said(dst);
	ck_assert_msg(!has_said(" is a copy of "), "%s", said());
}

START_TEST(a_file_that_changes_under_way_is_noticed)
{
	const char *disk = new_logged(DISK);
	pid_t pid = migrate((char *)disk, DST);

	is_followed(pid);
	changes[_i](DST);
	ends_without_a_copy(pid, DST, FAILED);
}
END_TEST

START_TEST(a_file_that_changes_under_way_is_noticed_by_the_receiver)
{
	const char *disk = new_logged(DISK);
	pid_t pid = migrate(VIA DST, (char *)disk);

	is_followed(pid);
	changes[_i](DST);
	ends_without_a_copy(pid, DST, FAR_FAILED);
}
END_TEST

static void change_table(const char *dst)
{
	char arguments[64];

	snprintf(arguments, sizeof(arguments), "%s 0", new_loop(DISK));
	change_target(dst, DISK / SECTOR, "linear", arguments);
}

static void move_it(const char *dst)
{
	const struct loop_info64 info = {
		.lo_offset = MIB, .lo_sizelimit = DISK
	};
	int fd = open(dst, O_RDWR | O_CLOEXEC);

	ck_assert_msg(!ioctl(fd, LOOP_SET_STATUS64, &info), "%s: %m", dst);
	close(fd);
}

static void shrink_it(const char *dst)
{
	resize_loop(dst, DISK / 2);
}

static void (*const device_changes[])(const char *dst) = {
	change_table, move_it, shrink_it,
};

START_TEST(a_device_that_changes_under_way_is_noticed)
{
	const char *disk = new_logged(DISK), *dst = new_loop(2 * DISK);
	pid_t pid;

	if (device_changes[_i] == change_table)
		dst = volume_on(dst);
	pid = migrate((char *)disk, (char *)dst);
	is_followed(pid);
	device_changes[_i](dst);
	ends_without_a_copy(pid, dst, FAILED);
}
END_TEST

static void tidy(void)
{
	if (!system("grep -q loop /proc/swaps"))
		system("swapoff -a; swapoff /dev/loop1");
	close(opened);
	opened = -1;
	unlink(PLACE);
	rmdir(PLACE);
}

#define count_of(array)		(sizeof(array) / sizeof(*(array)))

int main(void)
{
	Suite *suite = suite_create("migrate destination");
	TCase *kinds = new_case(suite, "kinds"), *in_use, *others;

	if (!have_disks()) {
		add_no_disks(kinds);
		return run_suite(suite);
	}
	tcase_add_checked_fixture(kinds, tidy, tidy);
	tcase_add_loop_test(kinds,
			    anything_but_a_device_or_a_file_is_refused, 0,
			    4);
	tcase_add_loop_test(kinds, a_typing_error_in_dev_leaves_no_file, 0, 4);
	tcase_add_test(kinds, a_file_in_dev_is_refused);
	in_use = new_case(suite, "in use");
	tcase_add_checked_fixture(in_use, tidy, tidy);
	tcase_add_loop_test(in_use, a_device_that_is_in_use_is_refused, 0,
			    count_of(uses));
	tcase_add_loop_test(in_use,
			    a_device_that_another_migration_writes_is_refused,
			    0, count_of(aliases));
	add_to(in_use,
	       tests(a_file_that_is_swapped_to_is_refused,
		     a_loop_device_on_a_file_that_another_migration_writes_is_refused));
	others = new_case(suite, "others");
	tcase_add_checked_fixture(others, tidy, tidy);
	tcase_add_loop_test(others, sectors_of_another_size_are_copied, 0,
			    count_of(sectors));
	tcase_add_loop_test(others, a_file_that_changes_under_way_is_noticed, 0,
			    count_of(changes));
	tcase_add_loop_test(others,
			    a_file_that_changes_under_way_is_noticed_by_the_receiver,
			    0, count_of(changes));
	tcase_add_loop_test(others, a_device_that_changes_under_way_is_noticed,
			    0, count_of(device_changes));
	tcase_add_test(others,
		       data_in_memory_for_the_disk_of_the_destination_does_not_cover_it);
	return run_suite(suite);
}
