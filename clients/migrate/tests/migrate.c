// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "migrate.h"

#define SAID		"/tmp/said"

char * const hanging[HANGING] = {
	"--run=echo >" MOUNTPOINT "/new",
	"--run=sleep 99",
	"--run=trap '' TERM INT HUP; sleep 99",
	"--run=setsid sleep 99 & wait",
};

/* the program */

pid_t start_program(int in, int out, char **argv)
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

int null(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

pid_t start_anew(char **argv)
{
	unlink(SAID);
	return start_program(null(), null(), argv);
}

const char *said(void)
{
	return contents(SAID);
}

bool has_said(const char *text)
{
	return strstr(said(), text);
}

void must_have_said(const char *text)
{
	ck_assert_msg(has_said(text), "not \"%s\", but: %s", text, said());
}

void good(pid_t pid)
{
	int status;

	/* several seconds of work, on a busy machine */
	ck_assert_msg(finished(pid, 3 * PATIENCE_MS), "it goes on: %s", said());
	status = finish(pid);
	ck_assert_msg(status == GOOD, "status %d: %s", status, said());
	must_have_said(" is a copy of ");
}

void ends_by_word(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGUSR1), 0);
	good(pid);
}

void is_followed(pid_t pid)
{
	wait_for(has_said("is followed") || finished(pid, 0));
	must_have_said("is followed");
}

void make_copy(const char *src, const char *dst)
{
	pid_t pid = migrate((char *)src, (char *)dst);

	is_followed(pid);
	ends_by_word(pid);
}

pid_t follow(const char *disk)
{
	pid_t pid;

	log_devices(disk, "");
	pid = migrate((char *)disk, DST);
	is_followed(pid);
	return pid;
}

int stream_to(const char *path)
{
	return open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

uint64_t make_stream(const char *disk)
{
	int out = stream_to(STREAM);
	struct stat stat;
	pid_t pid;

	pid = start_program(null(), out, ARGS((char *)disk, "-"));
	is_followed(pid);
	ends_by_word(pid);
	ck_assert_int_eq(fstat(out, &stat), 0);
	close(out);
	return stat.st_size;
}

bool took_all(int pipe)
{
	static char waste[65536];

	while (read(pipe, waste, sizeof(waste)) > 0)
		;
	return true;
}

int receive(const char *path)
{
	int in = open(path, O_RDONLY | O_CLOEXEC);

	unlink(SAID);
	return finish(start_program(in, null(), ARGS("--receive", DST)));
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

pid_t start_files(void)
{
	pid_t pid;

	steps = shared(sizeof(*steps));
	pid = start(use_files, steps);
	wait_for(*steps > 50);
	return pid;
}

pid_t start_load(const char *disk)
{
	make_filesystem(disk);
	ck_assert_int_eq(try_mount(disk), 0);
	return start_files();
}

void stop_load(pid_t pid)
{
	kill(pid, SIGKILL);
	is_killed(pid, SIGKILL);
}

void load_goes_on(void)
{
	uint64_t before = *steps;

	wait_for(*steps > before + 1);
}

/* disks */

void fill_disk(const char *disk, uint64_t size)
{
	int fd = open_direct(disk, O_RDWR);
	uint64_t offset;

	for (offset = 0; offset < size; offset += MIB)
		write_blocks(fd, offset, MIB, 1 + offset / MIB);
	close(fd);
}

const char *new_logged(uint64_t size)
{
	const char *disk = new_loop(size);

	fill_disk(disk, size / 2);
	log_devices(disk, "");
	return disk;
}

uint64_t blocks_of(const char *path)
{
	struct stat stat;

	return lstat(path, &stat) ? 0 : stat.st_blocks;
}

uint64_t lost(void)
{
	return sysfs_value(LOG, "lost_records");
}

/* cases */

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

TCase *new_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 6 * PATIENCE_S);
	suite_add_tcase(suite, tcase);
	return tcase;
}

void add_to(TCase *tcase, const TTest **tests)
{
	while (*tests)
		tcase_add_test(tcase, *tests++);
}
