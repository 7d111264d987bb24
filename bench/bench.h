/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The interface of bufflink_bench.ko, for the program bench
 *
 * Each open file of /dev/bufflink_bench is either one buffer of one peer, by
 * BENCH_CREATE, or one run of producers that append to such buffers, by
 * BENCH_START. Reading it gives the bytes of a kfifo, or pages of a trace buffer.
 */
#ifndef _BUFFLINK_BENCH_H
#define _BUFFLINK_BENCH_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define BENCH_DEVICE		"bufflink_bench"
#define BENCH_SUBBUFS		8		/* of a relay ring */
#define BENCH_RELAY_FILES	"relay%u-"	/* below debugfs, by number */
#define BENCH_NETLINK		31		/* the protocol */
#define BENCH_RECORD_MAX	4096		/* bytes */
#define BENCH_BATCHES_MAX	31
#define BENCH_PRODUCERS_MAX	4

/* The bytes that fill records, and the last one of a run */
#define BENCH_FILL		'x'
#define BENCH_FILL_LAST		'E'

enum bench_peer {
	BENCH_LOOP,		/* nothing but the loop that all others have */
	BENCH_MEMCPY,
	BENCH_LOCK,
	BENCH_LOCK_MEMCPY,
	BENCH_BUFFLINK,
	BENCH_BUFFLINK_PERCPU,
	BENCH_RELAY,
	BENCH_RELAY_LOCK,
	BENCH_RELAY_CLOCK,	/* the time before each record */
	BENCH_KFIFO,
	BENCH_KFIFO_WAKING,	/* a sleeping reader, after each append */
	BENCH_BPF,
	BENCH_TRACE,
	BENCH_TRACE_WAKING,
	BENCH_NETLINK_UNICAST,
	BENCH_PRINTK,
	BENCH_PEERS
};

/**
 * struct bench_create - make a buffer
 * @peer: one of enum bench_peer
 * @number: for relay: to tell its files from others; for bufflink: set to the
 *	N of /dev/bufflinkN
 * @size: capacity, of each CPU's ring if there are such (bytes)
 * @function: for bpf: where the kernel has bpf_ringbuf_output()
 * @handle: for bpf: the map's file descriptor; for netlink: the reader's port
 * @reserved: unused
 * @ns: set to the time that it took
 */
struct bench_create {
	__u32 peer;
	__u32 number;
	__u64 size;
	__u64 function;
	__u32 handle;
	__u32 reserved;
	__u64 ns;
};

/**
 * struct bench_append - append in batches, each with preemption off
 * @size: of each record (bytes)
 * @batches: how many
 * @appends: of each batch
 * @reserved: unused
 * @refused: set to how many records were not stored
 * @ns: set to the time of each batch
 */
struct bench_append {
	__u32 size;
	__u32 batches;
	__u32 appends;
	__u32 reserved;
	__u64 refused;
	__u64 ns[BENCH_BATCHES_MAX];
};

/**
 * struct bench_start - set producers going, all at once
 * @producers: how many, each a thread on a CPU of its own
 * @cpu: of the first, the others have the next
 * @buffers: file descriptors, of the buffer of each producer
 * @size: of each record (bytes)
 * @mark_last: append one more record, filled with BENCH_FILL_LAST, and try
 *	until it is stored
 * @appends: of each producer
 * @period_ns: between appends, which are timed one by one; 0: at full speed
 * @limit_ns: stop after so long; 0: do not
 */
struct bench_start {
	__u32 producers;
	__u32 cpu;
	__s32 buffers[BENCH_PRODUCERS_MAX];
	__u32 size;
	__u32 mark_last;
	__u64 appends;
	__u64 period_ns;
	__u64 limit_ns;
};

/**
 * struct bench_finish - the results of a run, once all producers are done
 * @offered: appends, of all producers
 * @refused: those that were not stored, as far as appends tell
 * @began: when the first producer did, by CLOCK_MONOTONIC (ns)
 * @wall_ns: from then to the last one's end
 * @append_ns: time in append, with the interrupts it meets; at full speed the
 *	processor time of the threads
 */
struct bench_finish {
	__u64 offered;
	__u64 refused;
	__u64 began;
	__u64 wall_ns;
	__u64 append_ns;
};

/**
 * struct bench_relay - the state of a relay file, for a program that maps it
 * @cpu: the CPU that has the ring
 * @consumed: how many more sub-buffers were read
 * @ready: set to how many there are to read
 * @padding: set to the unused end of the first of them (bytes)
 */
struct bench_relay {
	__u32 cpu;
	__u32 consumed;
	__u32 ready;
	__u32 padding;
};

#define BENCH_CREATE	_IOWR('B', 0xc0, struct bench_create)
#define BENCH_DESTROY	_IOR('B', 0xc1, __u64)	/* the time that it took, ns */
#define BENCH_APPEND	_IOWR('B', 0xc2, struct bench_append)
#define BENCH_START	_IOW('B', 0xc3, struct bench_start)
#define BENCH_FINISH	_IOR('B', 0xc4, struct bench_finish)
#define BENCH_CONSUME	_IOWR('B', 0xc5, struct bench_relay)

#endif /* _BUFFLINK_BENCH_H */
