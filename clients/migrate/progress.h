/* SPDX-License-Identifier: GPL-2.0-only */
/* How far it is: for people, with a bar on a terminal, or as lines of JSON */
#ifndef _PROGRESS_H
#define _PROGRESS_H

#include "copy.h"
#include "text.h"

struct progress {
	unsigned int round;
	__u64 copied;		/* in this round (bytes) */
	__u64 total;		/* in all rounds (bytes) */
	__u64 to_copy;		/* in this round, as it began (bytes) */
	double began;		/* this round (seconds) */
	double slept;		/* in this round, for --bwlimit (seconds) */
};

extern struct progress progress;
extern bool as_json;

void start_progress(void);
double seconds_of_round(void);
void begin_round(void);
void report_progress(void);	/* now and then */
void report_round(void);
void clear_bar(void);
void report_copies(double pause, double ran);
void report_received(const struct destination *dst, __u64 size);
void report_verified(const struct destination *dst, __u64 differences);

#endif /* _PROGRESS_H */
