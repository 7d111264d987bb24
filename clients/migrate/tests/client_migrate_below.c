// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink-migrate: a DST that is, or lies on, or lies below its SRC, or is that
 * of another migration, is refused before a byte is written.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "migrate.h"
#include "stacks.h"

#define DISK		(2 * MIB)
#define IMAGE		"/tmp/image"	/* the file below SRC */
#define ALIAS		"/tmp/alias"
#define HIDDEN		"/tmp/hidden"	/* a folder */
#define UNTOUCHED	"/tmp/untouched"
#define OVERLAY		"/tmp/overlay"

static void forget_files(void)
{
	if (!access(OVERLAY, F_OK)) {
		system("losetup -d /dev/loop6");
		umount2(OVERLAY, MNT_DETACH);
		rmdir(OVERLAY);
	}
	umount2(HIDDEN, MNT_DETACH);
	unlink(HIDDEN "/image");
	unlink(IMAGE);
	unlink(ALIAS);
	unlink(UNTOUCHED);
}

static const char *new_source(void)
{
	const char *disk = new_loop_on(IMAGE, DISK);

	fill_disk(disk, DISK);
	ck_assert_int_eq(system("sync; cp " IMAGE " " UNTOUCHED), 0);
	return disk;
}

/* Neither of the two has another byte than before. */
static void is_refused(const char *src, const char *dst)
{
	log_devices(src, "");
	ends(USAGE, (char *)src, (char *)dst);
	must_have_said(dst);
	sync();
	ck_assert(same(IMAGE, UNTOUCHED, DISK));
}

static const char *linear_on(const char *disk)
{
	return new_dm(disk, 1, DISK / SECTOR);
}

START_TEST(the_file_below_a_loop_device_is_refused)
{
	is_refused(new_source(), IMAGE);
}
END_TEST

START_TEST(the_file_below_a_loop_device_is_refused_by_any_name)
{
	const char *disk = new_source();

	if (_i)
		ck_assert_int_eq(symlink(IMAGE, ALIAS), 0);
	else
		ck_assert_int_eq(link(IMAGE, ALIAS), 0);
	is_refused(disk, ALIAS);
}
END_TEST

/* sysfs has a name that is no more */
START_TEST(the_file_below_a_loop_device_is_refused_when_it_was_renamed)
{
	const char *disk = new_source();

	ck_assert_int_eq(link(IMAGE, ALIAS), 0);
	if (_i)		/* or has come to be of another file */
		ck_assert_int_eq(rename(UNTOUCHED, IMAGE), 0);
	else
		ck_assert_int_eq(unlink(IMAGE), 0);
	ck_assert_int_eq(system("cp " ALIAS " " UNTOUCHED), 0);
	log_devices(disk, "");
	ends(USAGE, (char *)disk, ALIAS);
	sync();
	ck_assert(same(ALIAS, UNTOUCHED, DISK));
}
END_TEST

START_TEST(the_file_below_a_loop_device_is_refused_when_a_mount_hides_it)
{
	int folder;
	char path[64];
	const char *disk;

	mkdir(HIDDEN, 0700);
	disk = new_loop_on(HIDDEN "/image", DISK);
	fill_disk(disk, DISK);
	ck_assert_int_eq(system("sync; cp " HIDDEN "/image " UNTOUCHED), 0);
	folder = open(HIDDEN, O_RDONLY | O_DIRECTORY);
	ck_assert_int_eq(mount("none", HIDDEN, "tmpfs", 0, ""), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/image", folder);
	log_devices(disk, "");
	ends(USAGE, (char *)disk, path);
	sync();
	ck_assert(same(path, UNTOUCHED, DISK));
	close(folder);
}
END_TEST

START_TEST(the_file_below_a_partition_is_refused)
{
	is_refused(new_partition(new_source(), 0, DISK / SECTOR), IMAGE);
}
END_TEST

START_TEST(the_file_below_a_volume_is_refused)
{
	is_refused(linear_on(new_source()), IMAGE);
}
END_TEST

START_TEST(the_file_below_a_stack_of_volumes_is_refused)
{
	is_refused(linear_on(linear_on(new_source())), IMAGE);
}
END_TEST

START_TEST(the_disk_below_a_volume_is_refused)
{
	const char *disk = new_source();

	is_refused(linear_on(disk), disk);
}
END_TEST

START_TEST(the_disk_of_a_partition_is_refused)
{
	const char *disk = new_source();

	is_refused(new_partition(disk, 0, DISK / SECTOR), disk);
}
END_TEST

START_TEST(a_partition_of_the_disk_is_refused)
{
	const char *disk = new_source();

	is_refused(disk, new_partition(disk, 0, DISK / SECTOR));
}
END_TEST

START_TEST(another_loop_device_on_the_file_below_is_refused)
{
	const char *disk = new_source();

	is_refused(disk, new_loop_on(IMAGE, DISK));
}
END_TEST

START_TEST(a_volume_on_another_loop_device_on_the_file_below_is_refused)
{
	const char *disk = new_source();
	const char *other = linear_on(new_loop_on(IMAGE, DISK));

	is_refused(linear_on(disk), other);
}
END_TEST

/* It does not claim the device, so another program can open that, too. */
START_TEST(a_device_below_another_loop_device_is_refused)
{
	const char *disk = new_source(), *dst = new_loop(DISK);
	const char *partition = new_partition(dst, 8, DISK / SECTOR - 8);
	char command[64];

	snprintf(command, sizeof(command), "losetup /dev/loop7 %s",
		 _i ? partition : dst);
	ck_assert_int_eq(system(command), 0);
	is_refused(disk, dst);
}
END_TEST

/* A file system may be mounted from it, and would write into the copy. */
START_TEST(a_part_of_the_disk_below_another_loop_device_is_refused)
{
	const char *disk = new_source(), *dst = new_loop(2 * DISK);
	const char *partition = new_partition(dst, 8, DISK / SECTOR);
	char command[64];

	snprintf(command, sizeof(command), "losetup -o 4096 /dev/loop7 %s", dst);
	ck_assert_int_eq(system(command), 0);
	is_refused(disk, partition);
}
END_TEST

/* SRC, on a file, in a file system, on a disk, on DST */
START_TEST(the_file_below_the_file_system_below_is_refused)
{
	const char *disk = new_loop_on(IMAGE, 4 * DISK), *src;

	make_filesystem(disk);
	ck_assert_int_eq(try_mount(disk), 0);
	src = new_loop_on(MOUNTPOINT "/file", DISK);
	fill_disk(src, DISK);
	sync();
	ck_assert_int_eq(system("cp " IMAGE " " UNTOUCHED), 0);
	log_devices(src, "");
	ends(USAGE, (char *)src, IMAGE);
	must_have_said(IMAGE);
	ck_assert(same(IMAGE, UNTOUCHED, 4 * DISK));
}
END_TEST

/* tables of dm */

#define HALF		(DISK / SECTOR / 2)

static const char *new_table(const char *format, const char *disk)
{
	char arguments[160];

	snprintf(arguments, sizeof(arguments), format, disk);
	return new_target(HALF, strchr(format, '-') ? "crypt" : "linear",
			  arguments);
}

#define KEY	"aes-xts-plain64 " \
		"0000000000000000000000000000000000000000000000000000000000000001"

/* Tables on one disk; SRC is its first half, or the disk where it is NULL. */
static const struct {
	const char *src;
	const char *dst;
} tables[] = {
	{ NULL, "%s 0" },
	{ NULL, "%s 2048" },
	{ NULL, KEY " 0 %s 2048" },
	{ "%s 0", "%s 0" },
	{ "%s 0", "%s 2047" },
	{ "%s 2047", "%s 0" },
	{ "%s 0", KEY " 0 %s 0" },
	{ "%s 0", KEY " 0 %s 2047" },
	{ KEY " 0 %s 0", "%s 0" },
	{ KEY " 0 %s 0", KEY " 0 %s 0" },
};

START_TEST(a_volume_that_has_sectors_of_the_source_is_refused)
{
	const char *disk = new_source(), *src = disk, *dst;
	char paths[2][16];

	if (!have_stack(CRYPT) && strchr(tables[_i].dst, '-'))
		return;
	if (tables[_i].src)
		src = new_table(tables[_i].src, disk);
	snprintf(paths[0], sizeof(*paths), "%s", src);
	dst = new_table(tables[_i].dst, disk);
	snprintf(paths[1], sizeof(*paths), "%s", dst);
	is_refused(paths[0], paths[1]);
}
END_TEST

START_TEST(a_volume_on_a_part_of_the_source_is_refused)
{
	const char *src = linear_on(new_source());

	is_refused(src, new_table(_i ? KEY " 0 %s 2048" : "%s 2048", src));
}
END_TEST

/* standard output */

START_TEST(a_stream_to_a_part_of_the_source_is_refused)
{
	const char *disk = new_source(), *src = linear_on(disk);
	const char * const paths[] = { IMAGE, disk, src };
	int out = open(paths[_i], O_WRONLY | O_CLOEXEC);

	log_devices(src, "");
	ck_assert_int_eq(finish(start_program(null(), out,
					      ARGS((char *)src, "-"))), USAGE);
	sync();
	ck_assert(same(IMAGE, UNTOUCHED, DISK));
	close(out);
}
END_TEST

/* overlays: of a file, its number and its file system are others below */

static const char * const layers[] = { "upper", "lower" };

/* In memory, or on a disk; the file of SRC is in one of the layers. */
static const char *new_source_in_overlay(bool on_disk, const char *layer)
{
	const char *disk;

	mkdir(HIDDEN, 0700);
	if (on_disk) {
		disk = new_loop_on(IMAGE, 8 * DISK);
		make_filesystem(disk);
		ck_assert_int_eq(mount(disk, HIDDEN, "ext4", 0, ""), 0);
	} else {
		ck_assert_int_eq(mount("none", HIDDEN, "tmpfs", 0, ""), 0);
	}
	ck_assert_int_eq(system("cd " HIDDEN "; mkdir upper lower work; "
				"dd if=/dev/urandom of=upper/image bs=1M count=2 2>/dev/null"),
			 0);
	if (strcmp(layer, "upper"))
		ck_assert_int_eq(system("mv " HIDDEN "/upper/image " HIDDEN
					"/lower"), 0);
	mkdir(OVERLAY, 0700);
	ck_assert_msg(!mount("overlay", OVERLAY, "overlay", 0,
			     "upperdir=" HIDDEN "/upper,lowerdir=" HIDDEN
			     "/lower,workdir=" HIDDEN "/work"), "%m");
	ck_assert_int_eq(system("losetup -r /dev/loop6 " OVERLAY "/image"), 0);
	return "/dev/loop6";
}

START_TEST(the_file_below_an_overlay_is_refused)
{
	const char *layer = layers[_i % 2], *disk;
	char path[64], command[128];

	load_drivers("overlay");
	if (system("grep -q overlay /proc/filesystems"))
		return;
	disk = new_source_in_overlay(_i / 2, layer);
	snprintf(path, sizeof(path), HIDDEN "/%s/image", layer);
	snprintf(command, sizeof(command), "cp %s " UNTOUCHED, path);
	ck_assert_int_eq(system(command), 0);
	log_devices(disk, "");
	ends(USAGE, (char *)disk, path);
	must_have_said(path);
	ck_assert(same(path, UNTOUCHED, DISK));
}
END_TEST

/* as one logical volume to another of the same group */
START_TEST(two_volumes_of_one_disk_do_not_overlap)
{
	const char *disk = new_loop(2 * DISK);
	char arguments[64];
	const char *src = linear_on(disk), *dst;

	snprintf(arguments, sizeof(arguments), "%s %u", disk, DISK / SECTOR);
	dst = new_target(DISK / SECTOR, "linear", arguments);
	fill_disk(src, DISK);
	log_devices(src, "");
	make_copy(src, dst);
	ck_assert(same(src, dst, DISK));
}
END_TEST

START_TEST(another_file_of_the_file_system_below_does_not_overlap)
{
	const char *disk = new_loop(4 * DISK), *src;

	make_filesystem(disk);
	ck_assert_int_eq(try_mount(disk), 0);
	src = new_loop_on(MOUNTPOINT "/file", DISK);
	fill_disk(src, DISK);
	log_devices(src, "");
	make_copy(src, MOUNTPOINT "/copy");
	ck_assert(same(src, MOUNTPOINT "/copy", DISK));
}
END_TEST

/* several */

START_TEST(a_file_that_another_migration_writes_is_refused)
{
	const char *disk = new_loop(DISK), *other = new_loop(DISK);
	char list[64];
	pid_t pid, second;

	fill_disk(disk, DISK);
	snprintf(list, sizeof(list), "%s,%s", disk, other);
	log_devices(list, "");
	pid = migrate((char *)disk, DST);
	is_followed(pid);
	ck_assert_int_eq(link(DST, ALIAS), 0);
	second = start_program(null(), null(),
			       ARGS((char *)other, _i ? ALIAS : DST));
	ck_assert_int_eq(finish(second), USAGE);
	ends_by_word(pid);
	ck_assert(same(disk, DST, DISK));
}
END_TEST

static int receive_at(const char *dst)
{
	int in = open(STREAM, O_RDONLY | O_CLOEXEC);
	pid_t pid = start_program(in, null(), ARGS("--receive", (char *)dst));

	close(in);
	return finish(pid);
}

START_TEST(a_file_that_another_migration_writes_is_refused_by_a_receiver)
{
	const char *disk = new_loop(DISK);
	pid_t pid;

	log_devices(disk, "");
	make_stream(disk);
	fill_disk(disk, DISK);
	pid = migrate((char *)disk, DST);
	is_followed(pid);
	ck_assert_int_eq(receive_at(DST), USAGE);
	ends_by_word(pid);
	ck_assert(same(disk, DST, DISK));
}
END_TEST

START_TEST(a_receiver_refuses_a_disk_that_is_mounted_or_below_a_loop_device)
{
	const char *disk = new_loop_on(IMAGE, DISK), *other = new_loop(DISK);

	make_filesystem(disk);
	ck_assert_int_eq(try_mount(disk), 0);
	log_devices(other, "");
	make_stream(other);
	ck_assert_int_eq(receive_at(disk), USAGE);
	must_have_said(disk);
	ck_assert_int_eq(receive_at(IMAGE), USAGE);
	must_have_said(IMAGE);
	unmount();
	ck_assert(is_clean(disk));
}
END_TEST

START_TEST(two_sources_to_one_file_are_refused)
{
	const char *disk = new_loop(DISK), *other = new_loop(DISK);
	char list[64];

	snprintf(list, sizeof(list), "%s,%s", disk, other);
	log_devices(list, "");
	ck_assert_int_eq(system("echo before >" DST), 0);
	ck_assert_int_eq(link(DST, ALIAS), 0);
	ends(USAGE, (char *)disk, DST, (char *)other, _i ? ALIAS : DST);
	ck_assert_int_eq(system("test $(cat " DST ") = before"), 0);
}
END_TEST

START_TEST(two_sources_to_one_new_file_are_refused)
{
	const char *disk = new_loop(DISK), *other = new_loop(DISK);
	char list[64];

	snprintf(list, sizeof(list), "%s,%s", disk, other);
	log_devices(list, "");
	ends(USAGE, (char *)disk, DST, (char *)other, DST);
	ck_assert(!exists(DST));
}
END_TEST

START_TEST(a_destination_that_is_another_source_is_refused)
{
	const char *disk = new_source(), *other = new_loop(DISK);
	char list[64];

	snprintf(list, sizeof(list), "%s,%s", disk, other);
	log_devices(list, "");
	ends(USAGE, (char *)other, _i ? IMAGE : (char *)disk, (char *)disk,
	     DST);
	sync();
	ck_assert(same(IMAGE, UNTOUCHED, DISK));
	ck_assert(!exists(DST));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("migrate below");
	TCase *below = new_case(suite, "below"), *several;

	if (!have_disks()) {
		add_no_disks(below);
		return run_suite(suite);
	}
	tcase_add_checked_fixture(below, forget_files, forget_files);
	tcase_add_loop_test(below,
			    the_file_below_a_loop_device_is_refused_by_any_name,
			    0, 2);
	tcase_add_loop_test(below,
			    the_file_below_a_loop_device_is_refused_when_it_was_renamed,
			    0, 2);
	tcase_add_loop_test(below,
			    a_device_below_another_loop_device_is_refused, 0,
			    2);
	tcase_add_loop_test(below,
			    a_volume_that_has_sectors_of_the_source_is_refused,
			    0, sizeof(tables) / sizeof(*tables));
	tcase_add_loop_test(below, a_volume_on_a_part_of_the_source_is_refused,
			    0, 2);
	tcase_add_loop_test(below,
			    a_stream_to_a_part_of_the_source_is_refused,
			    0, 3);
	tcase_add_loop_test(below, the_file_below_an_overlay_is_refused, 0, 4);
	add_to(below,
	       tests(the_file_below_a_loop_device_is_refused,
		     a_part_of_the_disk_below_another_loop_device_is_refused,
		     the_file_below_a_loop_device_is_refused_when_a_mount_hides_it,
		     the_file_below_a_partition_is_refused,
		     the_file_below_a_volume_is_refused,
		     the_file_below_a_stack_of_volumes_is_refused,
		     the_disk_below_a_volume_is_refused,
		     the_disk_of_a_partition_is_refused,
		     a_partition_of_the_disk_is_refused,
		     another_loop_device_on_the_file_below_is_refused,
		     a_volume_on_another_loop_device_on_the_file_below_is_refused,
		     the_file_below_the_file_system_below_is_refused,
		     two_volumes_of_one_disk_do_not_overlap,
		     another_file_of_the_file_system_below_does_not_overlap));
	several = new_case(suite, "several");
	tcase_add_checked_fixture(several, forget_files, forget_files);
	tcase_add_loop_test(several,
			    a_file_that_another_migration_writes_is_refused, 0,
			    2);
	tcase_add_loop_test(several, two_sources_to_one_file_are_refused, 0, 2);
	tcase_add_loop_test(several,
			    a_destination_that_is_another_source_is_refused, 0,
			    2);
	add_to(several,
	       tests(a_file_that_another_migration_writes_is_refused_by_a_receiver,
		     a_receiver_refuses_a_disk_that_is_mounted_or_below_a_loop_device,
		     two_sources_to_one_new_file_are_refused));
	return run_suite(suite);
}
