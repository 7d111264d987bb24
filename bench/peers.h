/* SPDX-License-Identifier: GPL-2.0-only */
/* Inside bufflink_bench.ko: buffers of all peers, and their producers */
#ifndef _BUFFLINK_BENCH_PEERS_H
#define _BUFFLINK_BENCH_PEERS_H

#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/kfifo.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "bench.h"

struct bench;

/* @append returns how many of @n records were not stored, if it is told. */
struct peer {
	int (*create)(struct bench *b, struct bench_create *arg);
	void (*destroy)(struct bench *b);
	u64 (*append)(struct bench *b, const void *data, size_t size, u64 n);
	void (*flush)(struct bench *b);
	bool (*empty)(struct bench *b);
	ssize_t (*read)(struct bench *b, char __user *to, size_t size);
};

/* One open file: a buffer if @peer is set, a run if @run is. */
struct bench {
	const struct peer *peer;
	size_t size;
	u8 *ring;
	struct bufflink *bl;
	struct rchan *relay;
	bool relay_global;
	struct bpf_map *map;
	struct trace_buffer *trace;
	void *trace_page;
	u32 port;
	struct mutex mutex;	/* held by ioctl and read */
	struct bench_run *run;
	wait_queue_head_t wait;
	struct irq_work wake;

	/* Written by each append. */
	raw_spinlock_t lock ____cacheline_aligned;
	spinlock_t fifo_lock;	/* for kfifo_in_spinlocked() */
	struct kfifo fifo;
	size_t put;
	atomic_long_t refused;	/* those of which append is not told */
};

extern const struct peer peers[BENCH_PEERS];
extern const struct file_operations bench_fops;
extern u8 bench_record[BENCH_RECORD_MAX];

int peers_init(void);
void peers_exit(void);
int relay_consume(struct bench *b, void __user *user);

void records_init(void);
u64 bench_append(struct bench *b, const struct peer *peer, const void *data,
		 size_t size, u64 n);

int run_start(struct bench *b, void __user *user);
int run_finish(struct bench *b, void __user *user);
void run_free(struct bench_run *run);

#endif /* _BUFFLINK_BENCH_PEERS_H */
