/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of hostile_races: the operations on a buffer, the workers
 * that draw one after the other, and the board that all processes share.
 */
#ifndef _OPERATIONS_H
#define _OPERATIONS_H

#include <liburing.h>
#include <stdatomic.h>

#include "device.h"

#define WORKERS		8
#define CONTEXTS	3	/* process, softirq, hardirq */
#define RECORD		64	/* bytes of each */
#define RECORDS		8192	/* at most, of each source */
#define WATERMARK_MAX	192	/* less than the size of any buffer */
#define NODE		"/dev/bufflink0"
#define SYSFS		"/sys/class/misc/bufflink0"

/* A source of records is a context or, after these, a worker that writes. */
#define SOURCES		(CONTEXTS + WORKERS)

enum phase { CREATING, LIVE, DYING, DEAD };

/* How a call ended, and in which phases it ran */
enum tally {
	WORKED, TOO_LATE, WOULD_WAIT, INTERRUPTED,
	MET_LIVE, MET_DYING, MET_DEAD, KILLED, TALLIES
};

enum operation {
	OPEN, READ, READV, SPLICE, RING_READ, RING_POLL, WRITE, POLL, EPOLL,
	READABLE, GETLOSS, STATS, GETWATERMARK, SETWATERMARK, ASYNC,
	SYSFS_READ, SYSFS_WRITE, RESIZE, CLOSE, OPERATIONS,
	NOTHING = OPERATIONS
};

/* The kind of one round */
struct plan {
	unsigned int life_ms;	/* at most, before it is destroyed */
	unsigned int kills;	/* of workers, by SIGKILL */
	bool storm;		/* of signals, one during each call */
	bool (*wants)(enum operation what, enum tally met);
};

/* The state that all processes share */
struct board {
	/* of this round */
	_Atomic __u32 round;
	_Atomic enum phase phase;
	atomic_bool over;	/* there are no more rounds */
	atomic_bool appending;
	bool example;		/* bufflink_test's buffer, not producer's */
	bool client;		/* in the client's memory */
	bool full;		/* nobody reads before it is destroyed */
	struct plan plan;
	_Atomic __u64 taken;	/* bytes */
	_Atomic __u64 lost;
	_Atomic __u32 stored[SOURCES];
	_Atomic __u8 seen[SOURCES][RECORDS];

	/* of each process */
	_Atomic __u32 through[CONTEXTS + WORKERS];	/* with that round */
	_Atomic enum operation doing[WORKERS];
	atomic_bool ready[WORKERS];	/* has closed the files it inherited */

	/* of the whole test */
	atomic_ulong tallies[OPERATIONS][TALLIES];
};

struct worker {
	unsigned int index;
	unsigned int seed;
	__u32 round;
	const char *call;	/* its name */
	int fd;			/* -1: not open */
	bool nonblock;
	bool writes;
	bool async;
	bool restarts;		/* its signals have SA_RESTART */
	bool ended;		/* it saw the end of file */
	__u32 next[SOURCES];	/* no record before these may come */
	int pipe[2];
	int epoll;
	struct io_uring ring;
};

#define NEEDS_FILE	1
#define READS		2	/* may take bytes */
#define WRITES		4
#define ENDS		8	/* works no more after destroy */
#define SLEEPS		16	/* until there is data, or room */

struct operation_kind {
	const char *name;
	enum tally (*call)(struct worker *worker);
	unsigned int flags;
};

extern const struct operation_kind operations[OPERATIONS];
extern struct board *board;
extern int watch;		/* the test's own look at the buffer, or -1 */

unsigned int below(unsigned int *state, unsigned int end);	/* at random */
/* Only files that this process opens itself may keep a module in use. */
void become_child(unsigned int cpu);
bool wait_round(__u32 *round);	/* false if there are no more */
int work(void *arg);		/* a worker's, for start() */

#endif /* _OPERATIONS_H */
