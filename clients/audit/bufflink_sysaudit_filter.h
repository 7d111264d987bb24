/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _BUFFLINK_SYSAUDIT_FILTER_H
#define _BUFFLINK_SYSAUDIT_FILTER_H

#include "bufflink_sysaudit.h"

/* True before a program can see the buffer. */
extern bool sysaudit_has_buffer;

/* Whether the current thread's call is to be logged. */
bool sysaudit_is_wanted(long number);
/* Also by this, which only its record tells. */
bool sysaudit_has_wanted_path(const struct sysaudit_record *record);
/* SYSAUDIT_COPY_* */
unsigned int sysaudit_copies_of(long number);
u64 sysaudit_cgroup(void);

#endif /* _BUFFLINK_SYSAUDIT_FILTER_H */
