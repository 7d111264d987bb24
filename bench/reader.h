/* SPDX-License-Identifier: GPL-2.0-only */
/* Buffers of all peers, as a program has them: opened, read and closed */
#ifndef _BUFFLINK_BENCH_READER_H
#define _BUFFLINK_BENCH_READER_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench.h"

#define CPUS_MAX	16

struct buffer;

/**
 * struct peer - bufflink, or an alternative
 * @name: as it is printed
 * @id: its name in the module
 * @id_waking: ... where a reader sleeps, if that differs
 * @stamp: bytes before each record that a reader sees
 * @overhead: how many times a record of 64 bytes it may take in the buffer
 * @max: largest record (bytes), 0: BENCH_RECORD_MAX
 * @floor: a part of the work only, with nothing to read
 * @refuses: when full, which it can be
 * @made: has buffers that are created and destroyed
 * @open: gets the reader's side ready before the buffer exists
 * @attach: ... and after that
 * @read: counts the records that are there, waits for them if it may
 */
struct peer {
	const char *name;
	enum bench_peer id;
	enum bench_peer id_waking;
	unsigned int stamp;
	unsigned int overhead;
	size_t max;
	bool floor;
	bool refuses;
	bool made;
	void (*open)(struct buffer *b, struct bench_create *arg);
	void (*attach)(struct buffer *b);
	bool (*read)(struct buffer *b);
};

extern const struct peer peers[];
extern const size_t n_peers;

struct buffer {
	const struct peer *peer;
	int file;		/* of BENCH_DEVICE */
	size_t size;
	size_t record;		/* bytes of each */
	bool waits;
	unsigned int number;
	uint64_t create_ns;	/* time that it took to create it */

	int fds[CPUS_MAX];	/* the files to read */
	unsigned int n_fds;
	char *maps[CPUS_MAX];		/* of relay, of each file */
	size_t walked[CPUS_MAX];	/* sub-buffers */
	int epoll;
	unsigned long *consumed;	/* mapped: of a BPF ring buffer */
	unsigned long *produced;
	char *data;
	uint64_t next_line;		/* of /dev/kmsg */

	/* The records that came since the caller cleared it */
	uint64_t records;
	uint64_t lost;		/* where only the reader can tell */
	bool ended;		/* by a record of BENCH_FILL_LAST */
};

/* Both end the program; die() prints errno. */
__attribute__((noreturn, format(printf, 1, 2)))
void die(const char *format, ...);
__attribute__((noreturn, format(printf, 1, 2)))
void fail(const char *format, ...);

int bench_file(void);
void buffer_open(struct buffer *b, const struct peer *peer, size_t size,
		 bool waits);
void buffer_close(struct buffer *b);
uint64_t buffer_destroy(struct buffer *b);	/* ns, before it is closed */
void buffer_drain(struct buffer *b);

#endif /* _BUFFLINK_BENCH_READER_H */
