// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "journal.h"

#define MAX_WRITERS	4
#define BLOCKS		96	/* of a writer's file */

struct block {
	uint64_t begun;
	uint64_t returned;
	uint64_t acknowledged;
};

struct journal {
	struct block blocks[MAX_WRITERS][BLOCKS];
	uint64_t sequence[MAX_WRITERS];
	uint64_t last_ms;	/* when a write ended, also with an error */
	uint64_t longest_ms;
};

/* A block of a file */
struct content {
	uint64_t writer;
	uint64_t block;
	uint64_t sequence;
	uint64_t sum;
	uint64_t noise[PAGE / 8 - 4];
};

static struct journal *journal;
static pid_t pids[MAX_WRITERS];
static unsigned int writer_count;

static uint64_t sum_of(const struct content *content)
{
	uint64_t sum = content->writer * 31 + content->block * 37 +
		       content->sequence;
	size_t i;

	for (i = 0; i < sizeof(content->noise) / 8; i++)
		sum = (sum ^ content->noise[i]) * 0x100000001b3;
	return sum;
}

static void fill_content(struct content *content, unsigned int writer,
			 unsigned int block, uint64_t sequence)
{
	uint64_t noise = sequence * 0x9e3779b97f4a7c15 + writer;
	size_t i;

	content->writer = writer;
	content->block = block;
	content->sequence = sequence;
	for (i = 0; i < sizeof(content->noise) / 8; i++)
		content->noise[i] = noise += noise << 7 ^ noise >> 9;
	content->sum = sum_of(content);
}

static void path_of(char path[64], unsigned int writer)
{
	snprintf(path, 64, MOUNTPOINT "/journal%u", writer);
}

static void measure_pause(void)
{
	const uint64_t now = now_ms(), last = journal->last_ms;

	/* another writer may have been later, and here before */
	if (last && now > last && now - last > journal->longest_ms)
		journal->longest_ms = now - last;
	journal->last_ms = now;
}

static void acknowledge(unsigned int writer)
{
	unsigned int i;

	for (i = 0; i < BLOCKS; i++)
		journal->blocks[writer][i].acknowledged =
			journal->blocks[writer][i].returned;
}

/* Some writes are synchronous, some past the page cache, some neither. */
static int write_and_sync(void *arg)
{
	static struct content content __attribute__((aligned(PAGE)));
	const struct iovec data = { &content, sizeof(content) };
	const unsigned int writer = (uintptr_t)arg;
	unsigned int seed = writer + getpid();
	uint64_t sequence;
	int cached, direct, number;
	struct block *block;
	char path[64];

	path_of(path, writer);
	cached = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	direct = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	for (;;) {
		sequence = ++journal->sequence[writer];
		number = rand_r(&seed) % BLOCKS;
		block = &journal->blocks[writer][number];
		fill_content(&content, writer, number, sequence);
		block->begun = sequence;
		if (pwritev2(rand_r(&seed) % 8 ? cached : direct, &data, 1,
			     number * PAGE, rand_r(&seed) % 8 ? 0 :
			     RWF_DSYNC) == PAGE)
			block->returned = sequence;
		measure_pause();
		if (sequence % 8 == 0 && !fsync(cached))
			acknowledge(writer);
		pause_ms(2);
	}
	return 0;
}

static struct journal *map_journal(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct journal *map;

	ck_assert_int_eq(ftruncate(fd, sizeof(*map)), 0);
	map = mmap(NULL, sizeof(*map), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   0);
	ck_assert_ptr_ne(map, MAP_FAILED);
	close(fd);
	return map;
}

void start_journal(unsigned int writers)
{
	unlink(JOURNAL);
	journal = map_journal(JOURNAL);
	for (writer_count = 0; writer_count < writers; writer_count++)
		pids[writer_count] = start(write_and_sync,
					   (void *)(uintptr_t)writer_count);
	wait_for(journal->sequence[0] > 20);
	journal->longest_ms = 0;
}

void stop_journal(void)
{
	while (writer_count--) {
		kill(pids[writer_count], SIGKILL);
		is_killed(pids[writer_count], SIGKILL);
	}
}

bool goes_on_within(unsigned int ms)
{
	const uint64_t end = now_ms() + ms;
	const uint64_t before = journal->sequence[0];

	while (journal->sequence[0] < before + 2 && now_ms() < end)
		pause_ms(1);
	return journal->sequence[0] >= before + 2;
}

bool rests(void)
{
	return now_ms() > journal->last_ms + MOMENT_MS;
}

uint64_t longest_pause(void)
{
	return journal->longest_ms;
}

bool keep_journal(const char *path)
{
	static char data[sizeof(struct journal)];
	int from = open(JOURNAL, O_RDONLY | O_CLOEXEC);
	int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool done = read(from, data, sizeof(data)) == sizeof(data) &&
		    write(to, data, sizeof(data)) == sizeof(data);

	close(from);
	close(to);
	return done;
}

static void has_write(const struct block *block, int fd, unsigned int writer,
		      unsigned int number)
{
	static struct content content;
	ssize_t got = pread(fd, &content, PAGE, number * PAGE);

	if (got != PAGE)
		memset(&content, 0, sizeof(content));
	ck_assert_msg(content.sequence >= block->acknowledged,
		      "block %u of file %u has write %llu, not %llu, which was acknowledged",
		      number, writer, (unsigned long long)content.sequence,
		      (unsigned long long)block->acknowledged);
	/* a freeze writes back all that came before it */
	ck_assert_uint_ge(content.sequence, block->returned);
	ck_assert_uint_le(content.sequence, block->begun);
	if (content.sequence) {
		ck_assert_uint_eq(content.writer, writer);
		ck_assert_uint_eq(content.block, number);
		ck_assert_uint_eq(content.sum, sum_of(&content));
	}
}

void has_all_writes(const char *path)
{
	const struct journal *kept = map_journal(path);
	unsigned int writer, number, count = 0;
	char file[64];
	int fd;

	for (writer = 0; writer < MAX_WRITERS; writer++) {
		if (!kept->sequence[writer])
			continue;
		path_of(file, writer);
		fd = open(file, O_RDONLY | O_CLOEXEC);
		for (number = 0; number < BLOCKS; number++) {
			has_write(&kept->blocks[writer][number], fd, writer,
				  number);
			count += !!kept->blocks[writer][number].acknowledged;
		}
		close(fd);
	}
	ck_assert_uint_gt(count, 0);
}
