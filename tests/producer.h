/* SPDX-License-Identifier: GPL-2.0-only */
/* The requests of the tests to the producer module, by ioctls of its device. */
#ifndef _PRODUCER_H
#define _PRODUCER_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define PRODUCER_NAME		"blproducer"
#define PRODUCER_SLOTS		320	/* more than misc of 6.1 can give */
#define PRODUCER_STATIC_SIZE	8192
#define PRODUCER_RECORD_MAX	(1 << 20)
#define PRODUCER_IDS		32
#define PRODUCER_ENDS		8192
#define PRODUCER_NAME_MAX	64

/* kinds of memory of a buffer */
enum producer_memory {
	PRODUCER_OWN,		/* bufflink's: buf is NULL */
	PRODUCER_KMALLOC,
	PRODUCER_VMALLOC,
	PRODUCER_PAGES,
	PRODUCER_STATIC,	/* PRODUCER_STATIC_SIZE at most, one at a time */
	PRODUCER_ALIASED,	/* one page over and over: whole pages, unguarded */
};

/*
 * One call of bufflink_create(), or with @named of bufflink_create_named(). The
 * ioctl itself fails only if a field has no meaning; the answer of bufflink is
 * in @result.
 *
 * bufflink_create_named() gets @size, @flags and the first @name_size bytes of
 * @name, or NULL if @name_size is 0. A read beyond these bytes faults: so the last
 * is 0, or they are more than a name can have.
 */
struct producer_create {
	__u32 slot;
	__u32 memory;
	__u64 size;
	__s32 minor;
	__s32 result;		/* 0 or a negative errno */
	__s32 number;		/* N of /dev/bufflinkN, -1 after failure */
	__u32 null;		/* *blp was NULL on return */
	__u32 named;
	__u32 flags;
	__u64 name_size;	/* bytes */
	char name[PRODUCER_NAME_MAX];
};

enum producer_context {
	PRODUCER_PROCESS,
	PRODUCER_SOFTIRQ,
	PRODUCER_HARDIRQ,
	PRODUCER_SCHED_SWITCH,	/* under the run-queue lock */
	PRODUCER_WAITING,	/* within an append that waits for the lock */
	PRODUCER_NESTED,	/* within one that has waited and got it */
	PRODUCER_NMI,		/* last: not every machine can send them */
};

#if defined(__x86_64__) || defined(__i386__)
#define PRODUCER_NMIS		1
#else
#define PRODUCER_NMIS		0
#endif
#define PRODUCER_CONTEXTS	(PRODUCER_NMI + PRODUCER_NMIS)

enum producer_call {
	PRODUCER_APPEND,
	PRODUCER_APPENDV,
	PRODUCER_PRINTF,	/* "%.*s" of the caller's bytes */
	PRODUCER_PRINTK,	/* no append: the same to the kernel's log; */
				/* without bytes, "flood <id> <sequence>" */
	PRODUCER_EVLOG,		/* no append: an event of bufflink_evlog, which */
				/* is loaded; see PRODUCER_ATTRS_MAX */
};

/* How many appends ended in which way, and the bytes stored and refused. */
struct producer_result {
	__u64 stored;
	__u64 bytes;
	__u64 lost_bytes;
	__u64 nospc;
	__u64 msgsize;
	__u64 busy;
	__u64 other;
};

/*
 * Append @count records in one context and wait until that is done.
 *
 * The appends are made on the CPU the caller runs on (pin it), but for
 * PRODUCER_NMI on @cpu. Calls may run at the same time on any CPUs, each with
 * an @id of its own; for PRODUCER_NMI one call per @cpu. With PRODUCER_WAITING
 * and PRODUCER_NESTED @count outer appends are made; each that finds the lock
 * taken by another CPU has one inside it, of producer @id + 1, counted in
 * @nested.
 *
 * With @data the record is the caller's @size_max bytes. Without it records
 * are as producer_record() builds them, their sizes drawn between @size_min
 * and @size_max, small ones most often; only stored records are numbered, so
 * that a stream has no gaps where records are lost. A size above
 * PRODUCER_RECORD_MAX is claimed without any bytes behind it (of every piece
 * with PRODUCER_APPENDV).
 *
 * With @stamped, lost records are numbered, too, and each record has a token
 * after its header, in 4 bytes: the next of a counter that all producers share,
 * taken before the append. The next after the append is put into a table, which
 * mmap() of the device gives: [id][sequence % PRODUCER_ENDS]; 0 until then.
 */
struct producer_run {
	__u32 slot;
	__u32 context;
	__u32 call;
	__u32 pieces;		/* of PRODUCER_APPENDV; 8 at most */
	__u32 id;		/* below PRODUCER_IDS */
	__u32 cpu;
	__u32 gap_us;		/* between appends; of a timer, between bursts */
	__u32 burst;		/* appends of each timer or NMI; 0 is 1 */
	__u64 count;
	__u64 size_min;
	__u64 size_max;
	__u64 seed;
	__u64 data;		/* address of the caller's bytes, or 0 */
	__u32 sequence;		/* in: of the first record, out: of the next */
	__u32 nested_sequence;
	struct producer_result result;
	struct producer_result nested;
	__s32 last;		/* the result of the last append */
	__u32 stamped;
};

/*
 * The bytes of PRODUCER_EVLOG: the severity, and facility, type and text,
 * each with its zero; then attributes. Of these, each is its kind in a byte, its
 * name with a zero, its size in 2 bytes of little endian, and its value: a number of
 * 8 bytes, a string with its zero, or bytes. Without bytes, the event has the text
 * "<id> <sequence>", and both as attributes, too.
 */
#define PRODUCER_ATTRS_MAX	80

#define PRODUCER_CREATE		_IOWR('p', 0xb0, struct producer_create)
#define PRODUCER_RUN		_IOWR('p', 0xb1, struct producer_run)
/*
 * Destroy the buffer of a slot, or all of them; fails with EILSEQ if a byte
 * next to a client's memory was touched. An empty slot is NULL to bufflink.
 */
#define PRODUCER_DESTROY	_IOW('p', 0xb2, __u32)
#define PRODUCER_RESET		_IO('p', 0xb3)
/* needed by PRODUCER_SCHED_SWITCH to _NESTED; call it in a quiet moment */
#define PRODUCER_SET_PROBES	_IO('p', 0xb4)

/*
 * Put a kprobe on a function, "bufflink:NAME" or one of the kernel's, whose
 * handler appends one byte, 'p', to the buffer of a slot each time. Without a
 * name: take it away, and say how many of these appends were stored or lost.
 */
struct producer_probe {
	char function[64];
	__u32 slot;
	__u32 stored;
	__u32 lost;
	__u32 pad;
};

#define PRODUCER_PROBE		_IOWR('p', 0xb5, struct producer_probe)

/* bufflink_resize() of a slot; its answer is in @result. */
struct producer_resize {
	__u32 slot;
	__s32 result;
	__u64 size;
};

#define PRODUCER_RESIZE		_IOWR('p', 0xb6, struct producer_resize)

/*
 * Records describe themselves. The first byte has the producer's
 * id (5 bits) and, when below 8, the length. Longer records follow that with
 * length (3 bytes) and sequence (4 bytes), little endian. The rest is noise
 * from a place that depends on producer and sequence: the reader knows the value
 * of every byte.
 */
#define PRODUCER_HEADER		8
#define PRODUCER_STAMPED_MIN	12	/* the least size with a token */
#define PRODUCER_NOISE_SIZE	(PRODUCER_RECORD_MAX + (1 << 16))

static inline void producer_noise(__u8 *noise)
{
	__u32 state = 1;
	__u32 i;

	for (i = 0; i < PRODUCER_NOISE_SIZE; i++) {
		state = state * 1664525 + 1013904223;
		noise[i] = state >> 24;
	}
}

static inline const __u8 *producer_payload(const __u8 *noise, __u32 id,
					   __u32 sequence)
{
	return noise + ((sequence * 40503 + id * 997) & 0xffff);
}

static inline __u32 producer_header(__u8 *header, __u32 id, __u32 sequence,
				    __u32 size)
{
	__u32 i;

	if (size < PRODUCER_HEADER) {
		header[0] = id << 3 | size;
		return 1;
	}
	header[0] = id << 3;
	for (i = 0; i < 3; i++)
		header[1 + i] = size >> 8 * i;
	for (i = 0; i < 4; i++)
		header[4 + i] = sequence >> 8 * i;
	return PRODUCER_HEADER;
}

/* Build a record of @size bytes, which is at least 1. */
static inline void producer_record(__u8 *record, const __u8 *noise, __u32 id,
				   __u32 sequence, __u32 size)
{
	__u32 header = producer_header(record, id, sequence, size);

	memcpy(record + header, producer_payload(noise, id, sequence),
	       size - header);
}

#endif /* _PRODUCER_H */
