/* SPDX-License-Identifier: GPL-2.0-only */
/* One SRC with its log, its DST, and what is dirty; and how all of it ends. */
#ifndef _COPY_H
#define _COPY_H

#include <err.h>
#include <errno.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stdlib.h>

#include "bufflink_blklog.h"
#include "program.h"
#include "topology.h"

#define BLOCK		(1 << 20)	/* most bytes that are read at once */
#define MAX_COPIES	16

/* besides EXIT_SUCCESS, EXIT_FAILURE and EXIT_USAGE */
#define EXIT_WRITTEN	3
#define EXIT_BOUND	4
#define EXIT_RUN	5
#define EXIT_FAR	6
#define EXIT_DIFFERS	7

struct source {
	const char *path;
	int fd;
	dev_t device;
	dev_t disk;		/* the whole one */
	__u64 diskseq;		/* of it and its medium, as of no other */
	__u64 start;		/* on it (bytes) */
	__u64 size;		/* (bytes) */
	struct stack stack;
	__u64 identity;
};

/* Of a disk; several SRC may be its partitions. */
struct log {
	__u64 diskseq;
	struct bufflink_reader *reader;
	struct blklog_record record;	/* as much of it as was read */
	size_t have;		/* bytes of that */
	bool is_cut;		/* an earlier reader had the beginning */
	__u64 lost;		/* records that we know of */
	unsigned int losses;	/* times that we learned of some */
	/* Changes that have begun, and do not say at their end which they were. */
	struct blklog_record *begun;
	size_t begun_count;
};

struct map {
	unsigned long *words;	/* a bit each: 1 if the chunk is dirty */
	__u64 count;
	__u64 left;		/* how many are dirty */
	__u64 *sums;		/* of what was sent last, or NULL */
};

struct destination {
	const char *path;
	int fd;
	bool stream;
	bool made;		/* by us, and not written to yet */
	bool touched;		/* what was in it may be gone */
	bool punches;		/* holes */
	bool empty;		/* it is zero where nothing was written */
	bool direct;		/* past the page cache */
	__u64 reached;		/* the end of what was written */
	struct stack stack;
	__u64 identity;		/* of a device */
	struct {		/* not written yet, so that it is in one piece */
		__u64 offset;
		__u64 size;
	} zeroes;
	/* of a stream */
	const char *command;	/* at its other end, or NULL */
	pid_t pid;
	int answers;		/* or -1 */
	__u64 frames;		/* so far */
	__u64 nonce;		/* of no other stream */
};

struct copy {
	struct source src;
	struct log *log;
	__u64 changes;		/* records about SRC so far, see mark_change() */
	struct {		/* when the last round began */
		__u64 changes;
		unsigned int losses;
	} at_rest;
	struct map map;
	struct destination dst;
};

extern struct copy copies[MAX_COPIES];
extern int copy_count;

#define for_each_copy(copy) \
	for (copy = copies; copy < copies + copy_count; copy++)

extern __u64 granularity;

double now(void);		/* seconds */

/* source.c */
void open_source(struct source *src, const char *path);
/* Ends the program so if another device writes to it, past its log. */
void check_alone(const struct source *src, int status);
/* Ends the program if it has another size, medium or table now. */
void check_source(const struct copy *copy);
void read_source(const struct copy *copy, char *data, __u64 offset,
		 size_t size);

/* log.c */
void open_log(struct copy *copy);
/* Marks what was written until now: all, if that is no longer known. */
void follow_logs(void);
/* Ends the program if what was written until now may not be in the log. */
void check_logs(void);
/* The times that it was not known */
unsigned int count_losses(void);
void begin_rest(struct copy *copy);
/* Whether nothing was written since, for all that we know */
bool stayed_at_rest(const struct copy *copy);
extern bool discards_are_harmless;

/* map.c */
/* A checksum is of so many bytes: no more than a block. */
__u64 sum_unit(void);
void make_map(struct map *map, __u64 size, bool sums);
void mark(struct map *map, __u64 first, __u64 end);
void mark_all(struct map *map);
/* Takes up to size bytes of what is dirty, from chunk *first on, as clean. */
__u64 take_dirty(struct map *map, __u64 *first);
__u64 bytes_left(const struct copy *copy);
__u64 all_left(void);

#endif /* _COPY_H */
