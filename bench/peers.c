// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink_bench - bufflink beside its alternatives: their buffers
 *
 * For Linux 6.1, whose ring_buffer_unlock_commit() and ring_buffer_read_page()
 * have other arguments than later ones.
 */

#include <linux/bpf.h>
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/irq_work.h>
#include <linux/kfifo.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/relay.h>
#include <linux/ring_buffer.h>
#include <linux/spinlock.h>
#include <linux/static_call.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>

#include <net/netlink.h>
#include <net/net_namespace.h>

#include "bufflink.h"
#include "peers.h"

static struct dentry *bench_debugfs;
static struct sock *bench_netlink;

/* Each peer's append is inlined in a loop of its own, as a client has it. */
#define APPEND_LOOP(name)						\
static __flatten u64 name##_appends(struct bench *b, const void *data,	\
				    size_t size, u64 n)			\
{									\
	u64 refused = 0;						\
	u64 i;								\
									\
	for (i = 0; i < n; i++)						\
		refused += !!name##_append(b, data, size);		\
	return refused;							\
}

static __always_inline int loop_append(struct bench *b, const void *data,
				       size_t size)
{
	barrier();
	return 0;
}

APPEND_LOOP(loop)

static int ring_create(struct bench *b, struct bench_create *arg)
{
	b->ring = vzalloc(b->size);
	return b->ring ? 0 : -ENOMEM;
}

static void ring_destroy(struct bench *b)
{
	vfree(b->ring);
}

static __always_inline int memcpy_append(struct bench *b, const void *data,
					 size_t size)
{
	size_t put = b->put;

	if (put + size > b->size)
		put = 0;
	memcpy(b->ring + put, data, size);
	b->put = put + size;
	return 0;
}

APPEND_LOOP(memcpy)

static __always_inline int lock_append(struct bench *b, const void *data,
				       size_t size)
{
	unsigned long irqs;

	raw_spin_lock_irqsave(&b->lock, irqs);
	raw_spin_unlock_irqrestore(&b->lock, irqs);
	return 0;
}

APPEND_LOOP(lock)

static __always_inline int lock_memcpy_append(struct bench *b, const void *data,
					      size_t size)
{
	unsigned long irqs;

	raw_spin_lock_irqsave(&b->lock, irqs);
	memcpy_append(b, data, size);
	raw_spin_unlock_irqrestore(&b->lock, irqs);
	return 0;
}

APPEND_LOOP(lock_memcpy)

static int bl_create(struct bench *b, struct bench_create *arg)
{
	int err = bufflink_create(&b->bl, NULL, b->size, -1);

	if (!err)
		arg->number = bufflink_number(b->bl);
	return err;
}

static int bl_percpu_create(struct bench *b, struct bench_create *arg)
{
	int err = bufflink_create_named(&b->bl, NULL, b->size, BUFFLINK_PERCPU);

	if (!err)
		arg->number = bufflink_number(b->bl);
	return err;
}

static void bl_destroy(struct bench *b)
{
	bufflink_destroy(b->bl);
}

static __always_inline int bl_append(struct bench *b, const void *data,
				     size_t size)
{
	return bufflink_append(b->bl, data, size);
}

APPEND_LOOP(bl)

static int relay_subbuf_start(struct rchan_buf *buf, void *subbuf,
			      void *prev_subbuf, size_t prev_padding)
{
	struct bench *b = buf->chan->private_data;

	if (!relay_buf_full(buf))
		return 1;
	atomic_long_inc(&b->refused);
	return 0;
}

static struct dentry *relay_create_file(const char *name, struct dentry *parent,
					umode_t mode, struct rchan_buf *buf,
					int *is_global)
{
	struct bench *b = buf->chan->private_data;

	*is_global = b->relay_global;
	/* Others than these would not be mapped. */
	return debugfs_create_file_unsafe(name, mode, parent, buf,
					  &relay_file_operations);
}

static int relay_remove_file(struct dentry *dentry)
{
	debugfs_remove(dentry);
	return 0;
}

static const struct rchan_callbacks relay_callbacks = {
	.subbuf_start = relay_subbuf_start,
	.create_buf_file = relay_create_file,
	.remove_buf_file = relay_remove_file,
};

static int relay_create(struct bench *b, struct bench_create *arg)
{
	char name[32];

	snprintf(name, sizeof(name), BENCH_RELAY_FILES, arg->number);
	b->relay = relay_open(name, bench_debugfs, b->size / BENCH_SUBBUFS,
			      BENCH_SUBBUFS, &relay_callbacks, b);
	return b->relay ? 0 : -ENOMEM;
}

static int relay_lock_create(struct bench *b, struct bench_create *arg)
{
	b->relay_global = true;
	return relay_create(b, arg);
}

static void relay_destroy(struct bench *b)
{
	relay_close(b->relay);
}

int relay_consume(struct bench *b, void __user *user)
{
	struct bench_relay arg;
	struct rchan_buf *buf;

	if (!b->peer || b->peer->destroy != relay_destroy)
		return -EINVAL;
	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	if (arg.cpu >= nr_cpu_ids || !cpu_online(arg.cpu))
		return -EINVAL;
	buf = *per_cpu_ptr(b->relay->buf, arg.cpu);
	relay_subbufs_consumed(b->relay, arg.cpu, arg.consumed);
	arg.ready = READ_ONCE(buf->subbufs_produced) - buf->subbufs_consumed;
	smp_rmb();	/* relay has a full barrier between these two */
	arg.padding = buf->padding[buf->subbufs_consumed % BENCH_SUBBUFS];
	return copy_to_user(user, &arg, sizeof(arg)) ? -EFAULT : 0;
}

/* Without a record, so that none is refused. */
static void relay_switch(struct bench *b)
{
	long refused = atomic_long_read(&b->refused);

	relay_flush(b->relay);
	atomic_long_set(&b->refused, refused);
}

static __always_inline int relay_append(struct bench *b, const void *data,
					size_t size)
{
	relay_write(b->relay, data, size);
	return 0;
}

APPEND_LOOP(relay)

static __always_inline int relay_lock_append(struct bench *b, const void *data,
					     size_t size)
{
	unsigned long irqs;

	raw_spin_lock_irqsave(&b->lock, irqs);
	relay_write(b->relay, data, size);
	raw_spin_unlock_irqrestore(&b->lock, irqs);
	return 0;
}

APPEND_LOOP(relay_lock)

/* As relay_write() does it, of both as one record. */
static __always_inline int relay_clock_append(struct bench *b, const void *data,
					      size_t size)
{
	unsigned long irqs;
	u64 *record;

	local_irq_save(irqs);
	record = relay_reserve(b->relay, sizeof(*record) + size);
	if (record) {
		*record = ktime_get_raw_fast_ns();
		memcpy(record + 1, data, size);
	}
	local_irq_restore(irqs);
	return 0;
}

APPEND_LOOP(relay_clock)

static int fifo_create(struct bench *b, struct bench_create *arg)
{
	int err = ring_create(b, arg);

	if (err)
		return err;
	err = kfifo_init(&b->fifo, b->ring, b->size);
	if (err)
		ring_destroy(b);
	return err;
}

static bool fifo_empty(struct bench *b)
{
	return kfifo_is_empty(&b->fifo);
}

static ssize_t fifo_read(struct bench *b, char __user *to, size_t size)
{
	unsigned int copied;
	int err = kfifo_to_user(&b->fifo, to, size, &copied);

	return err ? err : copied;
}

static __always_inline int fifo_append(struct bench *b, const void *data,
				       size_t size)
{
	return kfifo_in_spinlocked(&b->fifo, data, size, &b->fifo_lock) != size;
}

APPEND_LOOP(fifo)

static __always_inline int fifo_waking_append(struct bench *b, const void *data,
					      size_t size)
{
	int err = fifo_append(b, data, size);

	if (wq_has_sleeper(&b->wait))
		wake_up_interruptible(&b->wait);
	return err;
}

APPEND_LOOP(fifo_waking)

/* A BPF program calls this directly, once the kernel has compiled it. */
static u64 bpf_output_missing(u64 map, u64 data, u64 size, u64 flags)
{
	return -EOPNOTSUPP;
}

DEFINE_STATIC_CALL(bpf_output, bpf_output_missing);

static int bpf_create(struct bench *b, struct bench_create *arg)
{
	struct bpf_map *map = bpf_map_get(arg->handle);

	if (IS_ERR(map))
		return PTR_ERR(map);
	if (map->map_type != BPF_MAP_TYPE_RINGBUF || !arg->function) {
		bpf_map_put(map);
		return -EINVAL;
	}
	b->map = map;
	static_call_update(bpf_output,
			   (u64 (*)(u64, u64, u64, u64))arg->function);
	return 0;
}

static void bpf_destroy(struct bench *b)
{
	bpf_map_put(b->map);
}

static __always_inline int bpf_append(struct bench *b, const void *data,
				      size_t size)
{
	return static_call(bpf_output)((u64)b->map, (u64)data, size, 0);
}

APPEND_LOOP(bpf)

static int trace_create(struct bench *b, struct bench_create *arg)
{
	b->trace = ring_buffer_alloc(b->size, 0);
	if (!b->trace)
		return -ENOMEM;
	b->trace_page = ring_buffer_alloc_read_page(b->trace, 0);
	if (IS_ERR(b->trace_page)) {
		ring_buffer_free(b->trace);
		return -ENOMEM;
	}
	return 0;
}

static void trace_destroy(struct bench *b)
{
	ring_buffer_free_read_page(b->trace, 0, b->trace_page);
	ring_buffer_free(b->trace);
}

static bool trace_empty(struct bench *b)
{
	return ring_buffer_empty(b->trace);
}

/* Whole pages, as from trace_pipe_raw. */
static ssize_t trace_read(struct bench *b, char __user *to, size_t size)
{
	size_t done = 0;
	int cpu;

	for_each_online_cpu(cpu) {
		while (size - done >= PAGE_SIZE &&
		       ring_buffer_read_page(b->trace, &b->trace_page,
					     PAGE_SIZE, cpu, 0) >= 0) {
			if (copy_to_user(to + done, b->trace_page, PAGE_SIZE))
				return -EFAULT;
			done += PAGE_SIZE;
		}
	}
	return done;
}

static __always_inline int trace_append(struct bench *b, const void *data,
					size_t size)
{
	struct ring_buffer_event *event;

	event = ring_buffer_lock_reserve(b->trace, size);
	if (!event)
		return -ENOSPC;
	memcpy(ring_buffer_event_data(event), data, size);
	return ring_buffer_unlock_commit(b->trace, event);
}

APPEND_LOOP(trace)

static __always_inline int trace_waking_append(struct bench *b,
					       const void *data, size_t size)
{
	int err = trace_append(b, data, size);

	if (wq_has_sleeper(&b->wait))
		irq_work_queue(&b->wake);
	return err;
}

APPEND_LOOP(trace_waking)

static int unicast_create(struct bench *b, struct bench_create *arg)
{
	b->port = arg->handle;
	return 0;
}

static __always_inline int unicast_append(struct bench *b, const void *data,
					  size_t size)
{
	struct sk_buff *skb = nlmsg_new(size, GFP_ATOMIC);
	struct nlmsghdr *header;

	if (!skb)
		return -ENOMEM;
	header = nlmsg_put(skb, 0, 0, NLMSG_MIN_TYPE, size, 0);
	memcpy(nlmsg_data(header), data, size);
	return nlmsg_unicast(bench_netlink, skb, b->port);
}

APPEND_LOOP(unicast)

static __always_inline int printk_append(struct bench *b, const void *data,
					 size_t size)
{
	_printk(KERN_DEBUG "%.*s\n", (int)size, (const char *)data);
	return 0;
}

APPEND_LOOP(printk)

const struct peer peers[BENCH_PEERS] = {
	[BENCH_LOOP] = {
		.append = loop_appends,
	},
	[BENCH_MEMCPY] = {
		.create = ring_create,
		.destroy = ring_destroy,
		.append = memcpy_appends,
	},
	[BENCH_LOCK] = {
		.append = lock_appends,
	},
	[BENCH_LOCK_MEMCPY] = {
		.create = ring_create,
		.destroy = ring_destroy,
		.append = lock_memcpy_appends,
	},
	[BENCH_BUFFLINK] = {
		.create = bl_create,
		.destroy = bl_destroy,
		.append = bl_appends,
	},
	[BENCH_BUFFLINK_PERCPU] = {
		.create = bl_percpu_create,
		.destroy = bl_destroy,
		.append = bl_appends,
	},
	[BENCH_RELAY] = {
		.create = relay_create,
		.destroy = relay_destroy,
		.append = relay_appends,
		.flush = relay_switch,
	},
	[BENCH_RELAY_LOCK] = {
		.create = relay_lock_create,
		.destroy = relay_destroy,
		.append = relay_lock_appends,
		.flush = relay_switch,
	},
	[BENCH_RELAY_CLOCK] = {
		.create = relay_create,
		.destroy = relay_destroy,
		.append = relay_clock_appends,
		.flush = relay_switch,
	},
	[BENCH_KFIFO] = {
		.create = fifo_create,
		.destroy = ring_destroy,
		.append = fifo_appends,
		.empty = fifo_empty,
		.read = fifo_read,
	},
	[BENCH_KFIFO_WAKING] = {
		.create = fifo_create,
		.destroy = ring_destroy,
		.append = fifo_waking_appends,
		.empty = fifo_empty,
		.read = fifo_read,
	},
	[BENCH_BPF] = {
		.create = bpf_create,
		.destroy = bpf_destroy,
		.append = bpf_appends,
	},
	[BENCH_TRACE] = {
		.create = trace_create,
		.destroy = trace_destroy,
		.append = trace_appends,
		.empty = trace_empty,
		.read = trace_read,
	},
	[BENCH_TRACE_WAKING] = {
		.create = trace_create,
		.destroy = trace_destroy,
		.append = trace_waking_appends,
		.empty = trace_empty,
		.read = trace_read,
	},
	[BENCH_NETLINK_UNICAST] = {
		.create = unicast_create,
		.append = unicast_appends,
	},
	[BENCH_PRINTK] = {
		.append = printk_appends,
	},
};

int peers_init(void)
{
	bench_netlink = netlink_kernel_create(&init_net, BENCH_NETLINK, NULL);
	if (!bench_netlink)
		return -ENOMEM;
	bench_debugfs = debugfs_create_dir(BENCH_DEVICE, NULL);
	return 0;
}

void peers_exit(void)
{
	debugfs_remove(bench_debugfs);
	netlink_kernel_release(bench_netlink);
}
