/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages of printk() as events. */
#ifndef _BUFFLINK_EVLOG_PRINTK_H
#define _BUFFLINK_EVLOG_PRINTK_H

#include "bufflink_evlog.h"

/* From now on each message is an event. */
int evlog_printk_start(void);
void evlog_printk_stop(void);

/* An event that has the context EVLOG_PRINTK, and not the one that runs now. */
__printf(5, 6)
int evlog_write_message(const char *facility, enum evlog_severity severity,
			const struct evlog_attr *attrs, size_t n,
			const char *format, ...);

#endif /* _BUFFLINK_EVLOG_PRINTK_H */
