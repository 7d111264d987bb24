// SPDX-License-Identifier: GPL-2.0-only
/* bufflink-migrate: several SRC in one command. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

#include "migrate.h"

#define OTHER		"/tmp/several"
#define ODD		"/tmp/\x7f\xc2\x9b"	/* a terminal would obey it */
#define DISK		(4 * MIB)

START_TEST(several_sources_are_copied)
{
	const char *disk = new_loop(DISK);
	const char *other = new_loop(2 * DISK);
	char list[64];
	pid_t pid;

	unlink(ODD);
	fill_disk(disk, DISK);
	fill_disk(other, MIB);
	snprintf(list, sizeof(list), "%s,%s", disk, other);
	log_devices(list, "");
	pid = migrate("--verify", "--json", (char *)disk, DST, (char *)other,
		      ODD);
	is_followed(pid);
	ck_assert_int_eq(kill(pid, SIGUSR1), 0);
	ck_assert_int_eq(finish(pid), GOOD);
	must_have_said("\"src\":\"/dev/loop1\",\"dst\":\"/tmp/\\u007f\\u009b\",");
	must_have_said("{\"event\":\"verified\",\"dst\":\"" DST "\",\"differences\":0}");
	ck_assert(same(disk, DST, DISK));
	ck_assert(same(other, ODD, 2 * DISK));
	unlink(ODD);
}
END_TEST

START_TEST(sources_on_one_disk_share_its_log)
{
	const char *disk = new_loop(DISK);
	const char *partition = new_partition(disk, MIB / SECTOR,
					      MIB / SECTOR);
	int fd = open_direct(disk, O_RDWR);
	pid_t pid;

	unlink(OTHER);
	log_devices(disk, "");
	pid = migrate((char *)disk, DST, (char *)partition, OTHER);
	is_followed(pid);
	write_blocks(fd, MIB, PAGE, 'x');
	close(fd);
	ends_by_word(pid);
	ck_assert(same(disk, DST, DISK));
	ck_assert(same(partition, OTHER, MIB));
	unlink(OTHER);
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

int main(void)
{
	Suite *suite = suite_create("migrate several");

	if (!have_disks()) {
		add_no_disks(new_case(suite, "disks"));
		return run_suite(suite);
	}
	add_to(new_case(suite, "sources"),
	       tests(several_sources_are_copied,
		     sources_on_one_disk_share_its_log,
		     nothing_to_freeze_is_said));
	return run_suite(suite);
}
