// SPDX-License-Identifier: GPL-2.0-only
/* bufflink-migrate copies a file system under load, and the copy is identical. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "migrate.h"

#define LIST		"(cd " MOUNTPOINT "; ls -lnAe --full-time; md5sum ?)"
#define LIST_OF_SRC	"/tmp/list"

static void compare_command(char *command, size_t size, const char *disk)
{
	snprintf(command, size,
		 "--run=/t/client_migrate_load compare %s " DST " && " LIST ">"
		 LIST_OF_SRC, disk);
}

/* A mount of it has the files that the mount of SRC had. */
static void has_the_files_of_src(void)
{
	unmount();
	ck_assert_int_eq(try_mount(new_loop_on(DST, SIZE)), 0);
	ck_assert_int_eq(system(LIST "| cmp - " LIST_OF_SRC " >&2"), 0);
}

/*
 * ext4 discards what it has freed in a thread of its own, also when it is frozen.
 * Blocks of after the program's last look are zero in SRC only, and nobody's.
 */
static bool is_a_copy(const char *disk, const char *copy)
{
	static bool is_free[SIZE / FS_BLOCK];
	unsigned long first, last, block_size = 0;
	static char line[65536];
	char command[64], *next;
	FILE *text;

	snprintf(command, sizeof(command), "/sbin/dumpe2fs %s 2>&1", copy);
	text = popen(command, "re");
	while (text && fgets(line, sizeof(line), text)) {
		sscanf(line, "Block size: %lu", &block_size);
		next = line + strlen("  Free blocks: ");
		if (strncmp(line, "  Free blocks: ", next - line))
			continue;
		for (; *next >= '0' && *next <= '9'; next += strspn(next, ", ")) {
			first = strtoul(next, &next, 10);
			last = *next == '-' ? strtoul(next + 1, &next, 10) :
					      first;
			for (; first <= last && last < SIZE / FS_BLOCK; first++)
				is_free[first] = true;
		}
	}
	return text && !pclose(text) && block_size == FS_BLOCK &&
	       same_but(disk, copy, SIZE, is_free);
}

/* --run says that it is the same while SRC is frozen, and can be mounted. */
static void copy_under_load(const char *disk)
{
	char compare[192];

	compare_command(compare, sizeof(compare), disk);
	good(migrate("--freeze", MOUNTPOINT, "--max-pause=60",
		     compare, (char *)disk, DST));
	ck_assert(is_clean(DST));
	load_goes_on();
	printf("# %s", strstr(said(), DST " is a copy"));
}

static void load_and_copy(const char *disk)
{
	pid_t load = start_load(disk);

	copy_under_load(disk);
	stop_load(load);
	has_the_files_of_src();
}

/* ten migrations under load: these eight, one with a loss, one killed */
START_TEST(ext4_under_load_is_copied_identically)
{
	const char *disk = new_loop(SIZE);

	log_devices(disk, "");
	load_and_copy(disk);
}
END_TEST

START_TEST(ext4_on_bios_under_load_is_copied_identically)
{
	const char *disk = new_dm(new_loop(SIZE), 2, SIZE / SECTOR / 2);

	log_devices(disk, "");
	load_and_copy(disk);
}
END_TEST

START_TEST(ext4_on_a_partition_under_load_is_copied_identically)
{
	const uint64_t start = 5ull << 40;	/* 5 TiB */
	const char *disk = new_loop(start + SIZE + MIB);
	const char *partition = new_partition(disk, start / SECTOR,
					      SIZE / SECTOR);

	log_devices(disk, "");
	load_and_copy(partition);
}
END_TEST

START_TEST(after_a_loss_all_is_copied_again_and_said)
{
	const char *disk = new_loop(SIZE);
	char compare[192];
	uint64_t before;
	pid_t load, pid;

	log_devices(disk, "buffer_size=4096");
	load = start_load(disk);
	compare_command(compare, sizeof(compare), disk);
	pid = migrate("--freeze", MOUNTPOINT, "--max-pause=60", compare,
		      (char *)disk, DST);
	wait_for(exists(DST));	/* it has begun to follow the log */
	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	before = lost();
	wait_for(lost() > before + 10);
	ck_assert_int_eq(kill(pid, SIGCONT), 0);
	good(pid);
	must_have_said("records: what changed is not known, so all is dirty");
	ck_assert(is_clean(DST));
	load_goes_on();
	stop_load(load);
	has_the_files_of_src();
}
END_TEST

START_TEST(killed_halfway_and_started_anew_it_copies_identically)
{
	const char *disk = new_loop(SIZE);
	pid_t load, pid;

	log_devices(disk, "");
	load = start_load(disk);
	pid = migrate((char *)disk, DST);
	wait_for(blocks_of(DST));
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	is_killed(pid, SIGKILL);
	load_goes_on();
	copy_under_load(disk);
	stop_load(load);
	has_the_files_of_src();
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("migrate load");
	TCase *load = new_case(suite, "load");

	if (argc == 4 && !strcmp(argv[1], "compare"))
		return !is_a_copy(argv[2], argv[3]);
	if (!have_disks()) {
		add_no_disks(load);
		return run_suite(suite);
	}
	tcase_add_loop_test(load, ext4_under_load_is_copied_identically, 0, 4);
	tcase_add_loop_test(load, ext4_on_bios_under_load_is_copied_identically,
			    0, 2);
	tcase_add_loop_test(load,
			    ext4_on_a_partition_under_load_is_copied_identically,
			    0, 2);
	add_to(load, tests(after_a_loss_all_is_copied_again_and_said,
			   killed_halfway_and_started_anew_it_copies_identically));
	return run_suite(suite);
}
