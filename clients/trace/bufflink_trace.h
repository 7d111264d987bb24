/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The records of bufflink_trace: one for each event, in the byte order of
 * the machine. Behind the first 8 bytes, a record is an event of a trace as it is
 * in a file. X-macros make them of the table of events.
 */
#ifndef _BUFFLINK_TRACE_H
#define _BUFFLINK_TRACE_H

#include <linux/types.h>

#define TRACE_VERSION		1	/* the parameter version has it, too */
#define TRACE_COMM		16	/* bytes of a thread's name */
#define TRACE_TEXT		256	/* bytes of a text, with its end */
#define TRACE_ARGS		6
#define TRACE_RECORD_MAX	512	/* bytes */

/* Numbers of events: LOST, those of the table, and those of system calls. */
enum trace_id {
	TRACE_LOST,
#define EVENT(name, group, tracepoint, arguments, fields)	TRACE_##name,
#define STATE(name, fields)					TRACE_##name,
#include "bufflink_trace_events.h"
#undef EVENT
#undef STATE
	TRACE_EVENTS
};

/*
 * Each system call has an event for its entry and one for its exit; those of
 * 32-bit programs on a 64-bit kernel have their own. The last of each kind is for
 * numbers that no call has.
 */
#define TRACE_CALLS		512
#define TRACE_CALL(compat, exit, number)				\
	(TRACE_CALLS * (1 + 2 * !!(compat) + !!(exit)) +		\
	 ((unsigned long)(number) < TRACE_CALLS ? (unsigned long)(number) : \
						 TRACE_CALLS - 1))
#define TRACE_CALLS_END		(5 * TRACE_CALLS)

/**
 * struct trace_head - how every record begins
 * @length: of the whole record (bytes)
 * @cpu: which CPU made it
 * @time_high: the upper half of its time
 * @id: which event it is, one of enum trace_id or a TRACE_CALL()
 * @time_low: the lower half of its time: of the monotonic clock (ns), and never less
 *	than that of the CPU's record before
 */
struct trace_head {
	__u16 length;
	__u16 cpu;
	__u32 time_high;
	__u16 id;
	__u32 time_low;
} __attribute__((packed));

#define TRACE_SKIP	offsetof(struct trace_head, id)	/* is in no file */

/**
 * struct trace_lost - before the event of the same CPU that is behind a loss
 * @head: it has the time of that event
 * @records: how many events of this CPU there was no room for (count)
 *
 * It is appended together with that event.
 */
struct trace_lost {
	struct trace_head head;
	__u64 records;
} __attribute__((packed));

#define NUMBER(type, name, value)	__##type _##name
#define HEX(name, value)		__u64 _##name
#define COMM(name, value)		char _##name[TRACE_COMM]
#define CALL_ARGS(name, regs)		__u64 _##name[TRACE_ARGS]
#define STRING(name, value)		char _##name[TRACE_TEXT]
#define ID(number)
#define STATE(name, fields)						\
struct trace_##name {							\
	struct trace_head head;						\
	fields;								\
} __attribute__((packed));
#define EVENT(name, group, tracepoint, arguments, fields)		\
	STATE(name, fields)
#include "bufflink_trace_events.h"
#undef EVENT
#undef STATE
#undef ID
#undef STRING
#undef CALL_ARGS
#undef COMM
#undef HEX
#undef NUMBER

#endif /* _BUFFLINK_TRACE_H */
