/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs that wait for a buffer, or for a FIFO, in each of the ways there
 * are: they wait, act on the event, and wait again.
 */
#ifndef _WAITERS_H
#define _WAITERS_H

#include "channel.h"
#include "crew.h"

#define WAITERS_MAX	3	/* of one kind at once */
#define WRITE_SIZE	1000	/* bytes of each that waits for room */

enum need { DATA, ROOM, LOSS };

struct waiter;

struct waiter_kind {
	const char *name;
	enum need need;
	int flags;		/* of open(2) */
	unsigned int events;	/* that it waits for */
	bool exclusive;		/* each event is for one of them */
	void (*prepare)(struct waiter *waiter);
	void (*wait)(struct waiter *waiter);
	void (*act)(struct waiter *waiter);	/* NULL if the wait does it */
};

/* First those that wait for data, then for room, then for a loss */
extern const struct waiter_kind waiter_kinds[];
#define DATA_KINDS	9
#define FIFO_KINDS	11	/* a FIFO has such waiters, too */
#define WAITER_KINDS	14

/*
 * start() makes WAITERS_MAX threads, parked, each with an open file of its own.
 * Those that release() picks wait and act until stop(). From then on nobody
 * acts: each waits until it is told of something, and is parked. When nothing
 * else happens any more, the test fails
 * - in take_all(), if they leave something that they wait for;
 * - in tell(), which gives so many of them an event, if one sleeps on;
 * - in end(), which calls destroy(), if one sleeps on. Their files are closed then.
 */
void waiters_start(const struct waiter_kind *kind,
		   const struct channel *channel, int cpu);
void waiters_release(unsigned int count, unsigned int *seed);
void waiters_take_all(unsigned int round);
void waiters_stop(void);
void waiters_tell(unsigned int count, unsigned int round);
void waiters_end(void (*destroy)(void));

#endif /* _WAITERS_H */
