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

/* But for what is left in the end */
START_TEST(so_many_bytes_are_copied_in_a_second)
{
	const char *disk = new_loop(DISK);
	uint64_t began;
	pid_t pid;
	int fd;

	fill_disk(disk, DISK);
	log_devices(disk, "");
	began = now_ms();
	pid = migrate("--bwlimit=1M", (char *)disk, DST);
	is_followed(pid);
	ck_assert_uint_ge(now_ms() - began, 3900);
	fd = open_direct(disk, O_RDWR);
	write_blocks(fd, 0, DISK, 'x');
	close(fd);
	began = now_ms();
	ends_by_word(pid);
	ck_assert_uint_lt(now_ms() - began, 3900 * slowness());
	ck_assert(same(disk, DST, DISK));
}
END_TEST

START_TEST(json_has_each_round_and_the_end)
{
	const char *disk = new_loop(DISK);
	pid_t pid;

	fill_disk(disk, DISK);
	log_devices(disk, "");
	pid = migrate("--json", "--bwlimit=2M", "--run=true", (char *)disk,
		      DST);
	wait_for(has_said("{\"event\":\"progress\",\"round\":1,\"copied\":"));
	is_followed(pid);
	must_have_said("{\"event\":\"round\",\"round\":1,\"copied\":4194304,\"left\":0,\"rate\":");
	must_have_said(",\"eta\":0.0}\n");
	kill(pid, SIGUSR1);
	ck_assert_int_eq(finish(pid), GOOD);
	must_have_said("{\"event\":\"copy\",\"src\":\"/dev/loop0\",\"dst\":\"" DST
		       "\",\"size\":4194304,\"rounds\":2,\"pause\":0.");
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
		     so_many_bytes_are_copied_in_a_second,
		     json_has_each_round_and_the_end,
		     nothing_to_freeze_is_said));
	return run_suite(suite);
}
