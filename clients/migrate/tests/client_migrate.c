// SPDX-License-Identifier: GPL-2.0-only
/* bufflink-migrate: what it copies is identical, or it does not say so. */
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
#include "tool.h"

#define PROGRAM		"/t/bufflink-migrate"
#define DST		"/tmp/dst"
#define SAID		"/tmp/said"
#define STREAM		"/tmp/stream"
#define SIZE		(24 * MIB)
#define LOG		0	/* the only buffer */

#define LIST		"(cd " MOUNTPOINT "; ls -lnAe --full-time; md5sum ?)"
#define LIST_OF_SRC	"/tmp/list"

enum { WRITTEN = LOSS };	/* exit status */

/* the program */

static pid_t start_program(int in, int out, char **argv)
{
	struct tool program = {
		.path = PROGRAM, .argv = argv, .in = in, .out = out,
		.err = open(SAID, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
			    0600),
	};

	run_tool(&program);
	close(program.err);
	return program.pid;
}

#define ARGS(...)	((char *[]){ PROGRAM, ##__VA_ARGS__, NULL })

static int null(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static pid_t start_anew(char **argv)
{
	unlink(SAID);
	return start_program(null(), null(), argv);
}

#define migrate(...)	start_anew(ARGS(__VA_ARGS__))
#define ends(status, ...) \
	ck_assert_int_eq(finish(migrate(__VA_ARGS__)), status)

static const char *said(void)
{
	static char text[65536];
	int fd = open(SAID, O_RDONLY | O_CLOEXEC);
	ssize_t got = read(fd, text, sizeof(text) - 1);

	text[got > 0 ? got : 0] = '\0';
	close(fd);
	return text;
}

static bool has_said(const char *text)
{
	return strstr(said(), text);
}

static void must_have_said(const char *text)
{
	ck_assert_msg(has_said(text), "not \"%s\", but: %s", text, said());
}

static void good(pid_t pid)
{
	int status = finish(pid);

	ck_assert_msg(status == GOOD, "status %d: %s", status, said());
	must_have_said(" is a copy of ");
}

/* SRC comes to rest, and is copied. */
static void ends_by_word(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGUSR1), 0);
	good(pid);
}

static void is_followed(pid_t pid)
{
	wait_for(has_said("is followed") || finished(pid, 0));
	must_have_said("is followed");
}

/* Copies SRC to DST, and waits for the operator's word. */
static pid_t follow(const char *disk)
{
	pid_t pid;

	log_devices(disk, "");
	pid = migrate((char *)disk, DST);
	is_followed(pid);
	return pid;
}

static void is_killed(pid_t pid, int number)
{
	int status;

	ck_assert(finished(pid, PATIENCE_MS));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), number);
}

/* load on a file system */

static uint64_t *steps;

/* Files that are written, punched, cut and removed at random. */
static int use_files(void *arg)
{
	uint64_t *step = arg;
	static char data[65536];
	unsigned int seed = getpid();
	char path[64];
	size_t size;
	int fd, i;

	for (;; ++*step) {
		for (i = 0; i < 64; i++)
			((int *)data)[i * 250] = rand_r(&seed);
		snprintf(path, sizeof(path), MOUNTPOINT "/%d",
			 rand_r(&seed) % 8);
		fd = open(path, O_RDWR | O_CREAT, 0600);
		size = rand_r(&seed) % sizeof(data);
		if (pwrite(fd, data, size, rand_r(&seed) % MIB) < 0)
			ftruncate(fd, 0);	/* full */
		if (*step % 8 == 0)
			fsync(fd);
		if (*step % 16 == 1)
			fallocate(fd, FALLOC_FL_PUNCH_HOLE |
				  FALLOC_FL_KEEP_SIZE, MIB / 4, MIB / 2);
		if (*step % 32 == 2)
			ftruncate(fd, rand_r(&seed) % MIB);
		if (*step % 64 == 3)
			unlink(path);
		close(fd);
		pause_ms(1);
	}
	return 0;
}

static pid_t start_load(const char *disk)
{
	pid_t pid;

	make_filesystem(disk);
	ck_assert_int_eq(try_mount(disk), 0);
	steps = shared(sizeof(*steps));
	pid = start(use_files, steps);
	wait_for(*steps > 50);
	return pid;
}

static void stop_load(pid_t pid)
{
	kill(pid, SIGKILL);
	is_killed(pid, SIGKILL);
}

static void load_goes_on(void)
{
	uint64_t before = *steps;

	wait_for(*steps > before + 1);
}

static void compare_command(char *command, size_t size, const char *disk)
{
	snprintf(command, size,
		 "--run=/t/client_migrate compare %s " DST " && " LIST ">"
		 LIST_OF_SRC, disk);
}

/* Who mounts it finds what those who had mounted SRC found there. */
static void has_the_files_of_src(void)
{
	unmount();
	ck_assert_int_eq(try_mount(new_loop_on(DST, SIZE)), 0);
	ck_assert_int_eq(system(LIST "| cmp - " LIST_OF_SRC " >&2"), 0);
}

/*
 * ext4 discards what it has freed in a thread of its own, also when it is frozen.
 * What came after the program's last look is zero in SRC only, and nobody's.
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

/* What --run says is the same while SRC is frozen, and can be mounted. */
static void copy_under_load(const char *disk)
{
	char compare[192];

	compare_command(compare, sizeof(compare), disk);
	good(migrate("--freeze", MOUNTPOINT, compare, (char *)disk, DST));
	ck_assert(is_clean(DST));
	load_goes_on();
	printf("# %s", strstr(said(), DST " is a copy"));
}

/* ten migrations under load: these eight, one with a loss, one killed */
START_TEST(ext4_under_load_is_copied_identically)
{
	const char *disk = new_loop(SIZE);
	pid_t load;

	log_devices(disk, "");
	load = start_load(disk);
	copy_under_load(disk);
	stop_load(load);
	has_the_files_of_src();
}
END_TEST

START_TEST(ext4_on_bios_under_load_is_copied_identically)
{
	const char *disk = new_dm(new_loop(SIZE), 2, SIZE / SECTOR / 2);
	pid_t load;

	log_devices(disk, "");
	load = start_load(disk);
	copy_under_load(disk);
	stop_load(load);
	has_the_files_of_src();
}
END_TEST

START_TEST(ext4_on_a_partition_under_load_is_copied_identically)
{
	const uint64_t start = 5ull << 40;	/* 5 TiB */
	const char *disk = new_loop(start + SIZE + MIB);
	const char *partition = new_partition(disk, start / SECTOR,
					      SIZE / SECTOR);
	pid_t load;

	log_devices(disk, "");
	load = start_load(partition);
	copy_under_load(partition);
	stop_load(load);
	has_the_files_of_src();
}
END_TEST

static uint64_t lost(void)
{
	return sysfs_value(LOG, "lost_records");
}

START_TEST(after_a_loss_all_is_copied_again_and_said)
{
	const char *disk = new_loop(SIZE);
	char compare[192];
	uint64_t before;
	pid_t load, pid;

	log_devices(disk, "buffer_size=4096");
	load = start_load(disk);
	compare_command(compare, sizeof(compare), disk);
	pid = migrate("--freeze", MOUNTPOINT, compare, (char *)disk, DST);
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

static uint64_t blocks_of(const char *path)
{
	struct stat stat;

	return lstat(path, &stat) ? 0 : stat.st_blocks;
}

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

/* what arrives; without a file system, on the operator's word */

static void fill_disk(const char *disk, uint64_t size)
{
	int fd = open_direct(disk, O_RDWR);
	uint64_t offset;

	for (offset = 0; offset < size; offset += MIB)
		write_blocks(fd, offset, MIB, 1 + offset / MIB);
	close(fd);
}

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
	all_arrives(new_loop(SIZE), SIZE);
}
END_TEST

START_TEST(all_changes_of_bios_arrive)
{
	all_arrives(new_dm(new_loop(SIZE), 2, SIZE / SECTOR / 2), SIZE);
}
END_TEST

START_TEST(all_changes_of_a_partition_arrive)
{
	const char *disk = new_loop(SIZE + MIB);

	all_arrives(new_partition(disk, 8, SIZE / SECTOR), SIZE);
}
END_TEST

START_TEST(all_changes_arrive_on_a_device)
{
	const char *disk = new_loop(SIZE);
	const char *copy = new_loop(SIZE + MIB);
	pid_t pid;

	fill_disk(copy, SIZE);
	fill_disk(disk, SIZE / 2);
	log_devices(disk, "");
	pid = migrate((char *)disk, (char *)copy);
	is_followed(pid);
	ends_by_word(pid);
	ck_assert(same(disk, copy, SIZE));
}
END_TEST

START_TEST(what_is_zero_becomes_a_hole)
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

START_TEST(what_has_ended_is_over)
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

START_TEST(what_a_failed_write_may_have_changed_is_copied)
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

static bool emptied(int pipe)
{
	static char waste[65536];

	while (read(pipe, waste, sizeof(waste)) > 0)
		;
	return true;
}

START_TEST(what_was_written_when_its_record_was_lost_arrives)
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
	wait_for(emptied(fds[0]) && has_said("is followed"));
	write_blocks(fd, MIB, 2 * MIB, 'x');
	ck_assert_int_eq(kill(pid, SIGUSR1), 0);
	wait_for(readable(fds[0]) > 0);
	do {	/* what is lost is not SRC's, but who knows */
		write_blocks(fd, by_loss ? 0 : MIB, PAGE, 'y');
	} while (by_loss && !lost());
	wait_for(emptied(fds[0]) && finished(pid, 0));
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

static int stream_to(const char *path)
{
	return open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

static int receive(const char *path)
{
	int in = open(path, O_RDONLY | O_CLOEXEC);

	unlink(SAID);
	return finish(start_program(in, null(), ARGS("--receive", DST)));
}

/* A program that is stuck in the last round of a frozen file system */
struct stuck {
	pid_t pid;
	int disk;
	int pipe;
	int stream;
};

#define FREE		(18 * MIB)	/* here and up to 22 MiB is no file */
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
				  ARGS("-f", MOUNTPOINT, (char *)disk, "-"));
	close(fds[1]);
	stuck.pipe = fds[0];
	stuck.stream = stream_to(STREAM);
	most = 3 * MIB;
	wait_for(pour(&stuck, &most));	/* the first round is beyond 20 MiB */
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

START_TEST(a_write_to_what_is_frozen_is_status_3)
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
	size_t most = 17 * MIB;
	int fds[2], i, fd;
	pid_t pid;

	make_filesystem(disk);
	ck_assert_int_eq(try_mount(disk), 0);
	fd = open(MOUNTPOINT "/0", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	for (i = 0; i < 18; i++)
		write_blocks(fd, i * MIB, MIB, 'x');
	ck_assert_int_eq(fsync(fd), 0);
	log_devices(disk, "buffer_size=4096");
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	pid = start_program(null(), fds[1],
			    ARGS("-f", MOUNTPOINT, (char *)disk, "-"));
	close(fds[1]);
	wait_for(took(fds[0], &most));
	for (i = 0; !sysfs_value(LOG, "lost_records"); i++) {
		write_blocks(fd, i % 16 * PAGE, PAGE, 'y');
		ck_assert_int_eq(fsync(fd), 0);
	}
	close(fd);
	wait_for(emptied(fds[0]) && finished(pid, 0));
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
	must_have_said(": 5.0 MiB in 2 rounds for 4.0 MiB;");
}
END_TEST

START_TEST(half_a_record_is_skipped)
{
	const char *disk = new_loop(MIB);
	int log, fd = open_direct(disk, O_RDWR);
	char half[16];
	pid_t pid;

	log_devices(disk, "");
	write_blocks(fd, 0, PAGE, 'x');
	write_blocks(fd, PAGE, PAGE, 'x');
	log = open_buffer(LOG, O_RDONLY);
	read_all(log, half, sizeof(half));
	close(log);
	pid = migrate((char *)disk, DST);
	is_followed(pid);
	ends_by_word(pid);
	ck_assert(same(disk, DST, MIB));
	close(fd);
}
END_TEST

START_TEST(a_file_has_the_size_of_src_then)
{
	const char *disk = new_loop(MIB);
	struct stat stat;
	pid_t pid;

	log_devices(disk, "");
	close(open(DST, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	ck_assert_int_eq(truncate(DST, 2 * MIB), 0);
	pid = migrate((char *)disk, DST);
	is_followed(pid);
	ends_by_word(pid);
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

/* streams */

START_TEST(a_stream_is_received_identically)
{
	const char *disk = new_loop(SIZE);
	pid_t load, sender, receiver;
	int fds[2];

	log_devices(disk, "");
	load = start_load(disk);
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	sender = start_program(null(), fds[1], ARGS((char *)disk, "-"));
	receiver = start_program(fds[0], null(), ARGS("--receive", DST));
	close(fds[0]);
	close(fds[1]);
	wait_for(has_said("is followed"));
	load_goes_on();
	stop_load(load);
	unmount();
	ck_assert_int_eq(kill(sender, SIGUSR1), 0);
	ck_assert_int_eq(finish(sender), GOOD);
	ck_assert_int_eq(finish(receiver), GOOD);
	must_have_said(DST " is a copy of what was sent");
	ck_assert(same(disk, DST, SIZE));
	ck_assert(is_clean(DST));
}
END_TEST

static uint64_t make_stream(const char *disk)
{
	int out = stream_to(STREAM);
	struct stat stat;
	pid_t pid;

	fill_disk(disk, 2 * MIB);
	log_devices(disk, "");
	pid = start_program(null(), out, ARGS((char *)disk, "-"));
	is_followed(pid);
	ends_by_word(pid);
	ck_assert_int_eq(fstat(out, &stat), 0);
	close(out);
	return stat.st_size;
}

START_TEST(a_truncated_stream_is_refused)
{
	const char *disk = new_loop(8 * MIB);
	uint64_t size = make_stream(disk);
	const uint64_t cuts[] = { size - 1, size - 24, size / 2, 40 };
	size_t i;

	ck_assert_int_eq(receive(STREAM), GOOD);
	ck_assert(same(disk, DST, 8 * MIB));
	for (i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
		ck_assert_int_eq(truncate(STREAM, cuts[i]), 0);
		ck_assert_int_eq(receive(STREAM), FAILED);
		must_have_said("the stream ends before its end mark: " DST
			       " is not a copy");
	}
}
END_TEST

START_TEST(a_broken_stream_is_refused)
{
	uint64_t size = make_stream(new_loop(8 * MIB));
	int fd = open(STREAM, O_RDWR | O_CLOEXEC);

	/* the number of frames in the end mark */
	ck_assert_int_eq(pwrite(fd, "\xff", 1, size - 4), 1);
	ck_assert_int_eq(receive(STREAM), FAILED);
	must_have_said("the stream is broken in frame");
	/* the magic */
	ck_assert_int_eq(pwrite(fd, "x", 1, 3), 1);
	ck_assert_int_eq(receive(STREAM), USAGE);
	must_have_said("standard input is no stream");
	close(fd);
}
END_TEST

START_TEST(a_stream_that_nobody_reads_is_an_error)
{
	const char *disk = new_loop(MIB);
	int fds[2];
	pid_t pid;

	log_devices(disk, "");
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	close(fds[0]);
	pid = start_program(null(), fds[1], ARGS((char *)disk, "-"));
	close(fds[1]);
	ck_assert_int_eq(finish(pid), FAILED);
	must_have_said("cannot write to the stream, which is not a copy");
}
END_TEST

START_TEST(a_sender_that_is_stopped_leaves_no_end_mark)
{
	const char *disk = new_loop(8 * MIB);
	int out = stream_to(STREAM);
	pid_t pid;

	log_devices(disk, "");
	pid = start_program(null(), out, ARGS((char *)disk, "-"));
	is_followed(pid);
	ck_assert_int_eq(kill(pid, SIGINT), 0);
	is_killed(pid, SIGINT);
	must_have_said("stopped: the stream is not a copy, start anew");
	ck_assert_int_eq(receive(STREAM), FAILED);
	close(out);
}
END_TEST

/* what is refused */

START_TEST(a_smaller_destination_is_refused_and_left_alone)
{
	const char *disk = new_loop(8 * MIB);
	const char *small = new_loop(8 * MIB - SECTOR);
	const char *twin = new_loop(8 * MIB - SECTOR);

	fill_disk(disk, 8 * MIB);
	fill_disk(small, 7 * MIB);
	fill_disk(twin, 7 * MIB);
	log_devices(disk, "");
	ends(USAGE, (char *)disk, (char *)small);
	must_have_said("has 8388096 bytes, and 8388608 are needed");
	ck_assert(same(small, twin, 8 * MIB - SECTOR));
}
END_TEST

START_TEST(a_destination_on_the_disk_of_src_is_refused)
{
	const char *disk = new_loop(SIZE);

	log_devices(disk, "");
	ends(USAGE, (char *)disk, (char *)disk);
	must_have_said("is on the disk of /dev/loop0");
	ends(USAGE, (char *)disk, (char *)new_dm(disk, 1, 1024));
	must_have_said("is on the disk of /dev/loop0");
}
END_TEST

START_TEST(a_file_on_the_disk_of_src_is_refused)
{
	const char *disk = new_loop(SIZE);
	char *loop;

	make_filesystem(disk);
	ck_assert_int_eq(try_mount(disk), 0);
	log_devices(disk, "");
	ends(USAGE, (char *)disk, MOUNTPOINT "/copy");
	must_have_said("is on the disk of /dev/loop0");
	ck_assert(!exists(MOUNTPOINT "/copy"));
	loop = (char *)new_loop_on(MOUNTPOINT "/image", SIZE);
	ends(USAGE, (char *)disk, loop);
	must_have_said("/dev/loop1 is on the disk of /dev/loop0");
}
END_TEST

START_TEST(a_mounted_destination_is_refused)
{
	const char *disk = new_loop(SIZE);
	const char *mounted = new_loop(SIZE);

	make_filesystem(mounted);
	ck_assert_int_eq(try_mount(mounted), 0);
	log_devices(disk, "");
	ends(USAGE, (char *)disk, (char *)mounted);
	must_have_said("cannot open /dev/loop1: Device or resource busy");
	ends(USAGE, "--freeze", MOUNTPOINT, (char *)disk, DST);
	must_have_said("--freeze: " MOUNTPOINT " is not on /dev/loop0");
}
END_TEST

START_TEST(to_freeze_another_part_of_the_disk_is_refused)
{
	const char *disk = new_loop(2 * SIZE);
	const char *partition = new_partition(disk, SIZE / SECTOR,
					      SIZE / SECTOR);
	const char *other = new_dm(disk, 1, SIZE / SECTOR);

	make_filesystem(other);
	ck_assert_int_eq(try_mount(other), 0);
	log_devices(disk, "");
	ends(USAGE, "-f", MOUNTPOINT, (char *)partition, DST);
	must_have_said("--freeze: " MOUNTPOINT " is not on /dev/loop0p1");
	good(migrate("-f", MOUNTPOINT, (char *)disk, DST));
}
END_TEST

START_TEST(what_is_not_logged_is_refused)
{
	const char *disk = new_loop(SIZE);

	ends(USAGE, (char *)disk, DST);
	must_have_said("is bufflink_blklog loaded, with devices=/dev/loop0?");
	log_devices(new_loop(SIZE), "");
	ends(USAGE, (char *)disk, DST);
	must_have_said("bufflink_blklog does not log /dev/loop0");
	change_medium("/dev/loop1", SIZE);
	ends(USAGE, "/dev/loop1", DST);
	must_have_said("bufflink_blklog does not log /dev/loop1");
	ck_assert(!exists(DST));
}
END_TEST

START_TEST(a_bad_command_line_is_status_2)
{
	ends(USAGE, "/dev/loop0");
	ends(USAGE, "--receive", "/dev/loop0", DST);
	ends(USAGE, "--granularity=5000", "/dev/loop0", DST);
	ends(USAGE, "--rounds=0", "/dev/loop0", DST);
	ends(USAGE, "--freeze=/none", "/dev/loop0", DST);
	ends(USAGE, "/dev/null", DST);
	ends(USAGE, "/dev/none", DST);
	ends(GOOD, "--help");
	ends(GOOD, "--version");
	ck_assert(!exists(DST));
}
END_TEST

/* what may come in its way */

START_TEST(however_it_ends_the_file_system_thaws)
{
	/* who is to thaw: the program's only child beside the shell itself */
	static char *kill_guardian =
		"--run=kill -9 $(grep -l ^PPid:.$PPID$ /proc/*/status |grep -v /$$/ |cut -d/ -f3)";
	static char *kill_it = "--run=kill -9 $PPID; exec sleep 1";
	const char *disk = new_loop(SIZE);
	pid_t load, pid;

	log_devices(disk, "");
	load = start_load(disk);
	pid = migrate("-f", MOUNTPOINT, kill_it, (char *)disk, DST);
	is_killed(pid, SIGKILL);
	load_goes_on();
	pid = migrate("-f", MOUNTPOINT, "--run=false", (char *)disk, DST);
	ck_assert_int_eq(finish(pid), FAILED);
	load_goes_on();
	good(migrate("-f", MOUNTPOINT, kill_guardian, (char *)disk, DST));
	load_goes_on();
	stop_load(load);
}
END_TEST

START_TEST(a_command_has_the_signals_of_any_other)
{
	const char *disk = new_loop(MIB);
	pid_t pid;

	log_devices(disk, "");
	pid = migrate("--run=sh -c 'kill -PIPE $$'; test $? = 141",
		      (char *)disk, DST);
	is_followed(pid);
	ends_by_word(pid);
}
END_TEST

START_TEST(stopped_it_says_that_the_copy_is_none)
{
	const char *disk = new_loop(SIZE);
	pid_t pid;

	pid = follow(disk);
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	is_killed(pid, SIGTERM);
	must_have_said("stopped: " DST " is not a copy, start anew");
}
END_TEST

START_TEST(without_the_log_it_fails)
{
	const char *disk = new_loop(SIZE);
	pid_t pid;

	pid = follow(disk);
	ck_assert_int_eq(unload("bufflink_blklog"), 0);
	ck_assert_int_eq(finish(pid), FAILED);
	must_have_said("the log has ended, so " DST " is not a copy");
}
END_TEST

static void is_refused(const char *disk)
{
	pid_t pid = start_program(null(), null(),
				  ARGS((char *)disk, "/tmp/other"));

	ck_assert_int_eq(finish(pid), USAGE);
	must_have_said(": cannot open /dev/bufflink0: ");
	must_have_said(": another program reads it, and there can be");
	ck_assert(!exists("/tmp/other"));
}

START_TEST(it_is_the_only_reader_of_the_log)
{
	const char *disk = new_loop(SIZE);
	pid_t pid;

	pid = follow(disk);
	is_refused(disk);
	ck_assert_int_eq(open("/dev/bufflink0", O_RDONLY), -1);
	ck_assert_int_eq(errno, EBUSY);
	ends_by_word(pid);
	pid = migrate((char *)disk, DST);
	is_followed(pid);
	ends_by_word(pid);
}
END_TEST

START_TEST(it_does_not_share_the_log_with_another_program)
{
	const char *disk = new_loop(SIZE);
	pid_t pid;
	int log;

	log_devices(disk, "");
	log = open_buffer(LOG, O_RDONLY);
	is_refused(disk);
	close(log);
	pid = migrate((char *)disk, DST);
	is_followed(pid);
	ends_by_word(pid);
}
END_TEST

static void setup(void)
{
	disk_setup();
	unlink(DST);
	unlink(SAID);
	unlink(STREAM);
}

static void teardown(void)
{
	disk_teardown();
	unlink(DST);
	unlink(STREAM);
}

static TCase *new_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 3 * PATIENCE_S);
	suite_add_tcase(suite, tcase);
	return tcase;
}

static void add_tests(TCase *tcase, const TTest **tests)
{
	while (*tests)
		tcase_add_test(tcase, *tests++);
}

#define tests(...)	((const TTest *[]) { __VA_ARGS__, NULL })

int main(int argc, char **argv)
{
	Suite *suite = suite_create("migrate");
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
	add_tests(load, tests(after_a_loss_all_is_copied_again_and_said,
			      killed_halfway_and_started_anew_it_copies_identically));
	add_tests(new_case(suite, "changes"),
		  tests(all_changes_of_requests_arrive,
			all_changes_of_bios_arrive,
			all_changes_of_a_partition_arrive,
			all_changes_arrive_on_a_device,
			what_is_zero_becomes_a_hole,
			an_end_counts_for_its_beginning,
			what_has_ended_is_over,
			an_id_may_begin_anew,
			an_end_without_its_beginning_makes_all_dirty,
			a_beginning_without_its_end_is_copied_in_the_last_round,
			what_a_failed_write_may_have_changed_is_copied,
			records_of_another_version_are_refused,
			what_was_written_when_its_record_was_lost_arrives,
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
			a_write_to_what_is_frozen_is_status_3,
			a_loss_while_it_is_frozen_is_status_3));
	add_tests(new_case(suite, "streams"),
		  tests(a_stream_is_received_identically,
			a_truncated_stream_is_refused,
			a_broken_stream_is_refused,
			a_stream_that_nobody_reads_is_an_error,
			a_sender_that_is_stopped_leaves_no_end_mark));
	add_tests(new_case(suite, "refusals"),
		  tests(a_smaller_destination_is_refused_and_left_alone,
			a_destination_on_the_disk_of_src_is_refused,
			a_file_on_the_disk_of_src_is_refused,
			a_mounted_destination_is_refused,
			to_freeze_another_part_of_the_disk_is_refused,
			what_is_not_logged_is_refused,
			a_bad_command_line_is_status_2));
	add_tests(new_case(suite, "troubles"),
		  tests(however_it_ends_the_file_system_thaws,
			a_command_has_the_signals_of_any_other,
			stopped_it_says_that_the_copy_is_none,
			without_the_log_it_fails,
			it_is_the_only_reader_of_the_log,
			it_does_not_share_the_log_with_another_program));
	return run_suite(suite);
}
