/* SPDX-License-Identifier: GPL-2.0-only */
/* Helpers of the suites of the device: calls that sleep, memory that faults. */
#ifndef _DEVICE_H
#define _DEVICE_H

#include <pthread.h>

#include "common.h"

/*
 * One system call in a thread of its own, to be watched while it sleeps. The
 * test must outlive it: a call that never returns fails the test.
 */
struct call {
	long number;		/* SYS_* */
	long args[6];
	long result;		/* or a negative errno */
	pid_t tid;		/* 0 until the thread runs */
	pthread_t thread;
};

#define call_start(call, number, ...) \
	call_start_args(call, number, (long[6]) { __VA_ARGS__ })

void call_start_args(struct call *call, long number, const long *args);
void call_wait_asleep(struct call *call);	/* in the very call */
void call_signal(struct call *call, int sig);
long call_finish(struct call *call);		/* its result */

void handle_signal(int sig, int flags);	/* count it; sa_flags of sigaction */
int signals(int sig);			/* how many have come */
long irq_work_interrupts(void);		/* so far, on CPU 0 */
long all_irq_work_interrupts(void);	/* on all CPUs */

/*
 * A case of these tests, with the fixtures of all; each test has its time. The
 * compiler warns of a test that is in no case.
 */
#define add_loop_case(suite, name, loops, ...) \
	add_tests(suite, name, loops, (const TTest *[]) { __VA_ARGS__, NULL })
#define add_case(suite, name, ...) add_loop_case(suite, name, 1, __VA_ARGS__)

void add_tests(Suite *suite, const char *name, int loops, const TTest **tests);
/* The same without the producer: out() takes away the rest of a test. */
TCase *add_tests_of(Suite *suite, const char *name, void (*out)(void),
		    const TTest **tests);

/* -errno instead of -1 */
long result_of(long result);

char *page_before_a_hole(void);		/* its end: the next byte faults */
char *hole(void);			/* a page that always faults */

/* A page whose first touch waits until it is filled or taken away. */
struct slow_page {
	char *page;
	int uffd;
};

struct slow_page slow_page(void);
void slow_page_wait_touched(struct slow_page *slow);
void slow_page_fill(struct slow_page *slow);
void slow_page_remove(struct slow_page *slow);	/* the toucher faults */

/* A reader that holds the read lock until its page is there, or is no more */
struct stuck_reader {
	struct slow_page slow;
	struct call call;
};

void stuck_reader_start(struct stuck_reader *stuck, int fd, size_t size);

/* These tests have one buffer at a time, so it is the first. */
#define NUMBER	0

int new_client_buffer(uint64_t size);	/* as new_buffer(), of exactly size */
void destroy_buffer(void);		/* the buffer that new_*() made */
void append_text(const char *text);
void lose(size_t size);			/* a record that there is no room for */
void check_reads(int fd, const char *text);	/* exactly this is next */
/* The law of bytes holds, and these are the values. */
void check_counts(int fd, __u64 size, __u64 used, __u64 bytes);
/* The report, which is then a new one, says this. */
void check_loss(int fd, __u64 records, __u64 bytes, __u64 first, __u64 last);
void check_loss_is(const struct bufflink_loss *report, __u64 records,
		   __u64 bytes, __u64 first, __u64 last);

#endif /* _DEVICE_H */
