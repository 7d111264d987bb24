/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A load on a file system that keeps a journal of what it wrote: of each block,
 * the last write that began, that returned, and that fsync() acknowledged.
 */
#ifndef _JOURNAL_H
#define _JOURNAL_H

#include "disk.h"

#define JOURNAL		"/tmp/journal"

void start_journal(unsigned int writers);	/* on MOUNTPOINT */
void stop_journal(void);
bool goes_on_within(unsigned int ms);	/* writes end */
bool rests(void);		/* no write has ended for a moment */
uint64_t longest_pause(void);	/* between the ends of two writes (ms) */
bool keep_journal(const char *path);	/* as it is now; not only in a test */
/* The files at MOUNTPOINT now have each write of the journal that was kept. */
void has_all_writes(const char *path);

#endif /* _JOURNAL_H */
