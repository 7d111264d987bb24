// SPDX-License-Identifier: GPL-2.0-only
/* bufflink-migrate: what is wrong with a stream is noticed, and heard of. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "migrate.h"

#define DISK		(4 * MIB)
#define RAN		"/tmp/ran"	/* by --run */
#define ANSWER		"/tmp/answer"
/* tee, line by line */
#define KEEP		"while read -r l; do echo $l; echo $l >>" ANSWER "; done"
#define FULL		"/tmp/full"	/* a file system without much room */
#define RECEIVE		PROGRAM " --receive "

static void flip(uint64_t place, unsigned char bits)
{
	int fd = open(STREAM, O_RDWR | O_CLOEXEC);
	unsigned char byte;

	ck_assert_int_eq(pread(fd, &byte, 1, place), 1);
	byte ^= bits;
	ck_assert_int_eq(pwrite(fd, &byte, 1, place), 1);
	close(fd);
}

/* In each number of its header and its end, and in some of what is between */
START_TEST(a_stream_with_another_bit_is_refused)
{
	const uint64_t size = make_stream(new_logged(DISK)), ends = 27;
	unsigned char bit;
	uint64_t place, i;

	srand(1);
	ck_assert_int_eq(receive(STREAM), GOOD);
	for (i = 0; i < 2 * ends + 16; i++) {
		place = i < ends ? 3 * i :
			i < 2 * ends ? size - 1 - 3 * (i - ends) :
			rand() % size;
		bit = 1 << rand() % 8;
		flip(place, bit);
		ck_assert_msg(receive(STREAM) != GOOD,
			      "another bit in byte %llu: %s",
			      (unsigned long long)place, said());
		ck_assert(!has_said(" is a copy of "));
		flip(place, bit);
	}
}
END_TEST

/* --via */

static char *to(const char *format, const char *dst)
{
	static char via[192];

	snprintf(via, sizeof(via), format, dst);
	return via;
}

static void by_word(pid_t pid, int status)
{
	wait_for(has_said("is followed") || finished(pid, 0));
	kill(pid, SIGUSR1);
	ck_assert_msg(finished(pid, PATIENCE_MS), "%s", said());
	ck_assert_msg(finish(pid) == status, "%s", said());
}

START_TEST(the_command_runs_when_the_far_end_has_a_copy)
{
	const char *disk = new_logged(DISK);

	by_word(migrate("--run=cmp " DST " /dev/loop0 >&2 && touch " RAN,
			to("--via=" RECEIVE "%s", DST), (char *)disk), GOOD);
	ck_assert(exists(RAN));
	ck_assert(same(disk, DST, DISK));
}
END_TEST

START_TEST(a_far_end_that_prints_much_after_its_answers_is_read)
{
	const char *disk = new_logged(DISK);

	by_word(migrate(to("--via=" RECEIVE "%s && dd bs=64k count=8 if=/dev/zero 2>/dev/null",
			   DST), (char *)disk), GOOD);
	ck_assert(same(disk, DST, DISK));
}
END_TEST

/* Nobody there has a copy. */
static char * const bad_ends[] = {
	"--via=false",
	"--via=true",
	"--via=no-such-command",
	"--via=dd bs=4096 count=20 of=/dev/null 2>/dev/null",
	"--via=dd bs=4096 count=20 2>/dev/null | " RECEIVE DST,
	"--via=" RECEIVE DST " </dev/null",
	"--via=echo copy; echo copy 1",
	"--via=cat | " RECEIVE "/dev/none",
};

START_TEST(a_far_end_that_ends_without_a_copy_is_status_6)
{
	const char *disk = new_logged(DISK);

	by_word(migrate("--run=touch " RAN, bad_ends[_i], (char *)disk),
		FAR_FAILED);
	ck_assert(!exists(RAN));
	ck_assert(!has_said(" is a copy of /"));
}
END_TEST

static char * const silent_ends[] = {
	"--via=cat >/dev/null",
	"--via=cat",
	"--via=yes",
	"--via=" RECEIVE DST " >/dev/null",
};

START_TEST(a_far_end_that_never_answers_has_no_copy)
{
	const char *disk = new_logged(DISK);
	int status;
	pid_t pid;

	pid = migrate("--run=touch " RAN, silent_ends[_i], (char *)disk);
	if (!finished(pid, 5 * MOMENT_MS)) {
		kill(pid, SIGUSR1);
		if (!finished(pid, 5 * MOMENT_MS))
			kill(pid, SIGTERM);
	}
	ck_assert_msg(finished(pid, 3000 * slowness()), "it goes on: %s",
		      said());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_ne(status, 0);
	ck_assert(!exists(RAN));
	ck_assert(!has_said(" is a copy of /"));
}
END_TEST

START_TEST(a_far_end_without_room_is_status_6)
{
	const char *disk = new_logged(DISK);

	mkdir(FULL, 0700);
	ck_assert_int_eq(mount("full", FULL, "tmpfs", 0, "size=1m"), 0);
	by_word(migrate("--run=touch " RAN, to("--via=" RECEIVE "%s", FULL "/dst"),
			(char *)disk), FAR_FAILED);
	ck_assert(!exists(RAN));
	ck_assert_int_eq(umount2(FULL, MNT_DETACH), 0);
}
END_TEST

START_TEST(a_far_end_that_is_too_small_is_status_6)
{
	const char *disk = new_logged(DISK);
	const char *small = new_loop(DISK - SECTOR);

	by_word(migrate("--run=touch " RAN, to("--via=" RECEIVE "%s", small),
			(char *)disk), FAR_FAILED);
	ck_assert(!exists(RAN));
}
END_TEST

/* The far end is here. */
START_TEST(a_far_end_that_overlaps_the_source_is_refused)
{
	const char *disk = new_logged(DISK), *src = disk, *dst = disk;

	ck_assert_int_eq(unload("bufflink_blklog"), 0);
	if (_i == 1)
		src = new_partition(disk, 0, DISK / SECTOR);
	if (_i == 2)
		dst = new_partition(disk, 0, DISK / SECTOR);
	if (_i == 3)
		dst = new_dm(disk, 1, DISK / SECTOR);
	ck_assert_int_eq(system("sync; cp /tmp/loop0.img " RAN), 0);
	log_devices(disk, "");
	ends(FAR_FAILED, to("--via=" RECEIVE "%s", dst), (char *)src);
	must_have_said(dst);
	must_have_said("and the SRC of the stream overlap");
	sync();
	ck_assert(same("/tmp/loop0.img", RAN, DISK));
}
END_TEST

START_TEST(a_stream_that_was_kept_can_be_written_back)
{
	const char *disk = new_logged(DISK);
	int fd, in;

	make_stream(disk);
	ck_assert_int_eq(receive(STREAM), GOOD);
	fd = open_direct(disk, O_RDWR);
	write_blocks(fd, 0, PAGE, 'z');
	close(fd);
	in = open(STREAM, O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(finish(start_program(in, null(),
					      ARGS("--receive",
						   (char *)disk))), GOOD);
	ck_assert(same(disk, DST, DISK));
	close(in);
}
END_TEST

/* An answer counts for one stream only. */
START_TEST(the_answer_to_another_stream_is_no_answer)
{
	const char *disk = new_logged(DISK);

	by_word(migrate("--via=" RECEIVE DST " | " KEEP, (char *)disk), GOOD);
	by_word(migrate("--run=touch " RAN,
			"--via=cat " ANSWER "; cat >/dev/null", (char *)disk),
		FAR_FAILED);
	ck_assert(!exists(RAN));
}
END_TEST

START_TEST(each_source_has_a_far_end)
{
	const char *disk = new_logged(DISK), *other;
	char list[64];

	ck_assert_int_eq(unload("bufflink_blklog"), 0);
	other = new_loop(DISK);
	fill_disk(other, DISK / 4);
	snprintf(list, sizeof(list), "%s,%s", disk, other);
	log_devices(list, "");
	by_word(migrate("--via=" RECEIVE DST, "--via=" RECEIVE STREAM,
			(char *)disk, (char *)other), GOOD);
	ck_assert(same(disk, DST, DISK));
	ck_assert(same(other, STREAM, DISK));
	by_word(migrate("--run=touch " RAN, "--via=" RECEIVE DST, "--via=true",
			(char *)disk, (char *)other), FAR_FAILED);
	ck_assert(!exists(RAN));
	ends(USAGE, "--via=" RECEIVE DST, (char *)disk, (char *)other);
}
END_TEST

/* "-" */

START_TEST(output_of_the_command_is_no_part_of_the_stream)
{
	const char *disk = new_logged(DISK);
	int out = stream_to(STREAM);
	pid_t pid;

	pid = start_program(null(), out,
			    ARGS("--run=echo words; echo more; pwd",
				 (char *)disk, "-"));
	is_followed(pid);
	ends_by_word(pid);
	must_have_said("words\nmore\n");
	close(out);
	ck_assert_int_eq(receive(STREAM), GOOD);
	ck_assert(same(disk, DST, DISK));
}
END_TEST

START_TEST(a_command_while_frozen_needs_an_answer_or_a_word)
{
	const char *disk = new_loop(SIZE);
	int out = stream_to(STREAM);

	make_filesystem(disk);
	ck_assert_int_eq(try_mount(disk), 0);
	log_devices(disk, "");
	ck_assert_int_eq(finish(start_program(null(), out,
					      ARGS("-f", MOUNTPOINT,
						   "--run=touch " RAN,
						   (char *)disk, "-"))), USAGE);
	must_have_said("--run-unanswered");
	ck_assert_int_eq(lseek(out, 0, SEEK_END), 0);
	ck_assert(!exists(RAN));
	good(start_program(null(), out, ARGS("-f", MOUNTPOINT, "--run=touch "
					     RAN, "--run-unanswered",
					     (char *)disk, "-")));
	ck_assert(exists(RAN));
	close(out);
	ck_assert_int_eq(receive(STREAM), GOOD);
	ck_assert(is_clean(DST));
}
END_TEST

/* A file, or a disk, that takes all and does not keep it */
START_TEST(a_stream_that_cannot_be_synced_is_no_copy)
{
	const char *disk = new_logged(DISK);
	char arguments[96];
	int out;
	pid_t pid;

	load_drivers("dm-flakey");
	if (!have_target("flakey"))
		return;
	snprintf(arguments, sizeof(arguments), "%s 0 0 1000 1 error_writes",
		 new_loop(2 * DISK));
	out = open(new_target(2 * DISK / SECTOR, "flakey", arguments),
		   O_WRONLY | O_CLOEXEC);
	pid = start_program(null(), out, ARGS((char *)disk, "-"));
	close(out);
	wait_for(has_said("is followed") || finished(pid, 0));
	kill(pid, SIGUSR1);
	ck_assert_msg(finish(pid) == FAILED, "%s", said());
	must_have_said("cannot write to the stream, which is not a copy: Input/output error");
	ck_assert(!has_said(" is a copy of "));
}
END_TEST

START_TEST(a_receiver_says_as_json_that_it_has_a_copy)
{
	const char *disk = new_logged(DISK);

	make_stream(disk);
	ck_assert_int_eq(finish(start_program(open(STREAM, O_RDONLY), null(),
					      ARGS("--json", "--receive",
						   DST))), GOOD);
	must_have_said("{\"event\":\"copy\",\"dst\":\"" DST "\",\"size\":4194304}\n");
	ck_assert(!has_said("is a copy of what was sent"));
}
END_TEST

/* --verify */

START_TEST(verify_finds_nothing_in_a_copy)
{
	const char *disk = new_logged(DISK);

	by_word(migrate("--verify", (char *)disk, DST), GOOD);
	by_word(migrate("--verify", to("--via=" RECEIVE "%s", DST),
			(char *)disk), GOOD);
	ck_assert(same(disk, DST, DISK));
}
END_TEST

START_TEST(verify_finds_bytes_that_the_destination_did_not_keep)
{
	const char *disk = new_logged(DISK);

	/* a byte that is another after the copy was synced */
	by_word(migrate("--verify", "--run=printf x | dd of=" DST
			" bs=1 seek=3000000 conv=notrunc 2>/dev/null",
			(char *)disk, DST), DIFFERS);
}
END_TEST

static void tidy(void)
{
	unlink(RAN);
	unlink(ANSWER);
	umount2(FULL, MNT_DETACH);
}

int main(void)
{
	Suite *suite = suite_create("migrate stream");
	TCase *streams = new_case(suite, "streams");

	if (!have_disks()) {
		add_no_disks(streams);
		return run_suite(suite);
	}
	tcase_add_checked_fixture(streams, tidy, tidy);
	tcase_add_loop_test(streams,
			    a_far_end_that_ends_without_a_copy_is_status_6, 0,
			    sizeof(bad_ends) / sizeof(*bad_ends));
	tcase_add_loop_test(streams, a_far_end_that_never_answers_has_no_copy,
			    0, sizeof(silent_ends) / sizeof(*silent_ends));
	tcase_add_loop_test(streams,
			    a_far_end_that_overlaps_the_source_is_refused, 0,
			    4);
	add_to(streams,
	       tests(a_stream_that_was_kept_can_be_written_back,
		     a_stream_that_cannot_be_synced_is_no_copy,
		     a_receiver_says_as_json_that_it_has_a_copy,
		     a_stream_with_another_bit_is_refused,
		     the_command_runs_when_the_far_end_has_a_copy,
		     a_far_end_that_prints_much_after_its_answers_is_read,
		     a_far_end_without_room_is_status_6,
		     a_far_end_that_is_too_small_is_status_6,
		     the_answer_to_another_stream_is_no_answer,
		     each_source_has_a_far_end,
		     output_of_the_command_is_no_part_of_the_stream,
		     a_command_while_frozen_needs_an_answer_or_a_word,
		     verify_finds_nothing_in_a_copy,
		     verify_finds_bytes_that_the_destination_did_not_keep));
	return run_suite(suite);
}
