/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Threads that work in rounds. Between two rounds each is parked; the test
 * releases those that it wants in the next, and waits until they are parked
 * again.
 */
#ifndef _CREW_H
#define _CREW_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

enum group { NOISE, WAITERS, GROUPS };

struct worker {
	enum group group;
	void (*prepare)(struct worker *worker);	/* once; or NULL */
	void (*work)(struct worker *worker);	/* of one round */
	int cpu;			/* the only one to run on, or -1 */
	pid_t tid;
	bool released;
	pthread_cond_t release;
	pthread_t thread;
};

void worker_start(struct worker *worker);	/* it is prepared, and parked */
void worker_release(struct worker *worker);
/* until no more than so many of the group work; false when it takes too long */
bool crew_rests(enum group group, unsigned int working);
unsigned int crew_working(enum group group);
/* for a test that failed: where each is, and the clocks, timers and CPUs */
void crew_show(void);
/* real-time priorities, each its own and drawn anew; below the caller's */
void crew_draw_priorities(unsigned int *seed);

#endif /* _CREW_H */
