// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink - bytes from a kernel module to a program, through a ring buffer
 *
 * After the patch of the same name that Malcolm Beattie announced in 1999.
 */

/**
 * DOC: bufflink
 *
 * A buffer is a ring of bytes with a device, /dev/bufflinkN. Kernel code, the
 * client, appends records at its head from any context; programs read bytes at
 * its tail, as from a FIFO. What does not fit is dropped and counted: stored
 * bytes are never overwritten before they are read. ::
 *
 *   0            tail                     head             size
 *   +-------------+------------------------+----------------+
 *   |    free     |  waiting to be read    |      free      |
 *   +-------------+------------------------+----------------+
 *                get                      put
 *
 * @head and @tail are positions in the stream: they count bytes since creation
 * and run on freely, so head - tail bytes are waiting whatever the size. @put
 * and @get are the same places in the memory: no division, also where the size
 * is not a power of two.
 *
 * @lock, a raw spinlock, orders the producers and guards all that they write.
 * @read_lock, a mutex, orders the readers and guards @tail and @get. Neither
 * side takes the other's lock to move bytes. Where both look:
 *
 *  B1: @head is released after bytes were copied in, and acquired before they
 *      are copied out.
 *  B2: @tail is released after bytes were copied out, and acquired before
 *      others take their place. What one producer learned of @tail stays in
 *      @credit; @lock hands the order on to the next.
 *  B3: who is about to sleep sets BL_SLEEPER under @lock, then looks at @head
 *      again. An append looks at the flag after it took @lock: one of the two
 *      sees the other.
 *  B4: who waits for room, or for a loss, joins the queue and then looks for
 *      it; who makes it then looks at the queue; with full barriers between.
 *  B5: @dead is released when the last byte is in, and acquired before @head:
 *      whoever saw it knows that no more bytes come.
 *  B6: who is refused without the lock counts that, then looks whether
 *      BL_MISSED is set already; who folds clears it, then takes the counts.
 *
 * The short way in: @credit is how many bytes fit at @put in one piece without
 * raising @highwater, by the last look at @tail. As @tail only moves on, it is
 * never too large, and one comparison asks three things: is there room, does
 * the record wrap, is this a new maximum. Only a record that fails it looks at
 * @tail, and grants new credit.
 *
 * Loss has its place in the stream, and is counted under @lock. But producers
 * need not queue up to hear that a buffer is full: they count that in @refused,
 * records and bytes in one word. And where waiting could be for ever, in an NMI
 * or nested in another append on this CPU (by a probe on something that append
 * calls), an append only tries to get the lock, and if it fails counts that in
 * missed_*. Whoever takes @lock next brings both into the books, before @head
 * moves.
 *
 * Wakeups: an append may run under any lock, so it takes no wait queue's. It
 * leaves that to irq_work, and only while BL_SLEEPER is set; clearing the flag
 * buys the one wakeup of that sleep. With less than @watermark waiting the flag
 * stays, and a lazy irq_work looks at it again at the next tick.
 *
 * Lifetime: the client holds one reference, each open file another. Destroying
 * takes the device away, so that nobody opens it any more; marks the buffer
 * dead, so that nobody appends; and waits for who copies from the client's
 * memory. That is never a copy to user memory, which may take as long as a
 * program likes: it ends in a page of ours, @bounce. Nothing calls the client.
 *
 * A client::
 *
 *	err = bufflink_create(&bl, NULL, 0, -1);
 *	...
 *	bufflink_append(bl, &event, sizeof(event));	// interrupts are fine
 *	...
 *	free_irq(irq, dev);				// stop who appends
 *	bufflink_destroy(bl);
 *
 * A reader::
 *
 *	fd = open("/dev/bufflink0", O_RDONLY);
 *	while ((n = read(fd, buf, sizeof(buf))) > 0)
 *		consume(buf, n);
 *	if (!ioctl(fd, BUFFLINK_GETLOSS, &loss) && loss.records)
 *		complain(&loss);
 */

#include <linux/fs.h>
#include <linux/hardirq.h>
#include <linux/idr.h>
#include <linux/irq_work.h>
#include <linux/kprobes.h>
#include <linux/kref.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/percpu.h>
#include <linux/poll.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/timekeeping.h>
#include <linux/uio.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>

#include <asm/ioctls.h>

#include "bufflink.h"

/* 6.5 took generic_file_splice_read() away from devices (3eccc0c886b1). */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define bufflink_splice_read	copy_splice_read
#else
#define bufflink_splice_read	generic_file_splice_read
#endif

#define BUFFLINK_TEXT_MAX	512	/* bytes of one bufflink_printf() */

static unsigned long default_size = SZ_64K;
module_param(default_size, ulong, 0644);
MODULE_PARM_DESC(default_size, "bytes of a buffer created with size 0");

static DEFINE_IDA(bufflink_numbers);

/* All that have a device, each owner's in the order of their instances. */
static LIST_HEAD(bufflink_list);
static DEFINE_MUTEX(bufflink_list_lock);

/* How many appends (or other holders of a lock) are nested on this CPU. */
static DEFINE_PER_CPU(unsigned int, bufflink_depth);

/* Bits of struct bufflink.flags, which anyone changes at any time. */
#define BL_SLEEPER	BIT(0)	/* somebody sleeps or polls: wake them */
#define BL_LAZY		BIT(1)	/* the lazy irq_work is on its way */
#define BL_LOST		BIT(2)	/* there is a loss to report */
#define BL_MISSED	BIT(3)	/* ... some of it in refused or missed_* */
#define BL_OVERFLOW	BIT(4)	/* the flag of 1999 */

/* In struct bufflink.refused bytes are below this, and above it records. */
#define BL_RECORD	(1L << (BITS_PER_LONG / 4 * 3))
#define BL_REFUSED_MAX	(1UL << (BITS_PER_LONG / 2))	/* bytes of one */

struct bufflink {
	/*
	 * Written by producers, under lock; head is read by anyone, credit by
	 * producers. All that the short way in touches is in one cache line,
	 * the lock first.
	 */
	raw_spinlock_t lock;
	atomic_t flags;		/* BL_* */
	size_t credit;		/* bytes that may take the short way in */
	u8 *put;		/* head's place; the end is like data */
	u64 bytes;		/* head, but 64 bits wide everywhere */
	u64 records;
	unsigned long head;	/* B1 */
	size_t highwater;	/* most bytes that ever waited */
	size_t watermark;	/* bytes; set by programs, without lock */
	bool dead;		/* B5 */
	u64 lost_records;
	u64 lost_bytes;
	struct bufflink_loss loss;	/* not reported yet */
	atomic_long_t refused;		/* not in lost_* and loss yet */
	atomic_long_t missed_records;	/* neither */
	atomic_long_t missed_bytes;
	u64 wakeups;
	atomic64_t last_report;		/* wall-clock seconds; no lock */

	/* Written by readers, under read_lock; tail is read by anyone. */
	struct mutex read_lock ____cacheline_aligned_in_smp;
	u8 *get;		/* tail's place; never the end */
	unsigned long tail;	/* B2 */
	struct mutex bounce_lock;	/* held while bounce is filled */

	/* Sleepers, and the ways to wake them. */
	wait_queue_head_t data_wait ____cacheline_aligned_in_smp;
	wait_queue_head_t room_wait;
	struct fasync_struct *fasync;
	struct irq_work wake_now;
	struct irq_work wake_lazy;

	/* Constant from creation on. */
	u8 *data ____cacheline_aligned_in_smp;
	size_t size;		/* bytes */
	void *bounce;		/* a page, only if data is the client's */
	int number;
	char name[sizeof("bufflink") + 10];
	char owner[MODULE_NAME_LEN];
	unsigned int instance;	/* among the owner's, from 0 */
	struct list_head list;	/* under bufflink_list_lock */
	struct miscdevice misc;
	struct kref ref;
};

/*
 * Bytes waiting. Reading tail first makes this too large where it cannot be
 * exact, never negative; it is exact to whoever keeps head or tail in place.
 */
static nokprobe_inline size_t bufflink_used(const struct bufflink *bl)
{
	unsigned long tail = smp_load_acquire(&bl->tail);	/* B2 */
	unsigned long head = smp_load_acquire(&bl->head);	/* B1 */

	return min_t(size_t, head - tail, bl->size);
}

static nokprobe_inline size_t bufflink_room(const struct bufflink *bl)
{
	return bl->size - bufflink_used(bl);
}

/* Bytes from a place in the memory to its end. */
static nokprobe_inline size_t bufflink_to_end(const struct bufflink *bl,
					      const u8 *place)
{
	return bl->data + bl->size - place;
}

/* Whether somebody is to be woken; true once for each sleep. */
static nokprobe_inline bool bufflink_take_sleeper(struct bufflink *bl)
{
	return (atomic_read(&bl->flags) & BL_SLEEPER) &&
	       (atomic_fetch_andnot(BL_SLEEPER, &bl->flags) & BL_SLEEPER);
}

/* Wakes who sleeps, now or by the next tick, if there is data to wake for. */
static noinline __kprobes void bufflink_notify(struct bufflink *bl)
{
	size_t used = bufflink_used(bl);

	if (!used || !(atomic_read(&bl->flags) & BL_SLEEPER))
		return;
	if (used < READ_ONCE(bl->watermark)) {
		if (!(atomic_fetch_or(BL_LAZY, &bl->flags) & BL_LAZY))
			irq_work_queue(&bl->wake_lazy);
	} else if (bufflink_take_sleeper(bl)) {
		irq_work_queue(&bl->wake_now);
	}
}

/* The first loss since the last report wakes who polls for it. */
static noinline __kprobes void bufflink_alert(struct bufflink *bl, int flags)
{
	int before;

	if ((atomic_read(&bl->flags) & flags) == flags)
		return;
	before = atomic_fetch_or(flags, &bl->flags);
	if (!(before & (BL_LOST | BL_MISSED)) &&
	    (waitqueue_active(&bl->data_wait) ||	/* B4 */
	     READ_ONCE(bl->fasync)))
		irq_work_queue(&bl->wake_now);
}

/* Counts a loss at this place in the stream. Caller holds lock. */
static noinline __kprobes void bufflink_lose(struct bufflink *bl, u64 records,
					     u64 bytes)
{
	struct bufflink_loss *loss = &bl->loss;

	if (!loss->records)
		loss->first = bl->bytes;
	loss->last = bl->bytes;
	loss->records += records;
	loss->bytes += bytes;
	bl->lost_records += records;
	bl->lost_bytes += bytes;
	bufflink_alert(bl, BL_LOST | BL_OVERFLOW);
}

/* Counts a loss of someone who may not wait for the lock. */
static noinline __kprobes void bufflink_miss(struct bufflink *bl, size_t size)
{
	atomic_long_add(size, &bl->missed_bytes);
	atomic_long_inc_return(&bl->missed_records);	/* B6; after the bytes */
	bufflink_alert(bl, BL_MISSED);
}

/* Brings what was counted without the lock into the books; call with it. */
static noinline __kprobes void bufflink_fold(struct bufflink *bl)
{
	unsigned long refused, records, bytes;

	if (!(atomic_read(&bl->flags) & BL_MISSED))
		return;
	/* At no moment without a flag, or one loss would wake twice. */
	if (atomic_long_read(&bl->refused) ||
	    atomic_long_read(&bl->missed_records))
		bufflink_alert(bl, BL_LOST | BL_OVERFLOW);

	atomic_fetch_andnot(BL_MISSED, &bl->flags);	/* B6 */
	refused = atomic_long_xchg(&bl->refused, 0);
	if (refused)
		bufflink_lose(bl, refused / BL_RECORD, refused % BL_RECORD);
	records = atomic_long_xchg(&bl->missed_records, 0);
	if (records) {
		bytes = atomic_long_xchg(&bl->missed_bytes, 0);
		bufflink_lose(bl, records, bytes);
	}
}

static nokprobe_inline unsigned long bufflink_enter(void)
{
	unsigned long irqs;

	local_irq_save(irqs);
	__this_cpu_inc(bufflink_depth);
	return irqs;
}

static nokprobe_inline void bufflink_leave(unsigned long irqs)
{
	__this_cpu_dec(bufflink_depth);
	local_irq_restore(irqs);
}

/* Counts a loss, if a look without the lock finds no room. */
static noinline __kprobes bool bufflink_refuse(struct bufflink *bl, size_t size)
{
	/* In this order, used is exact or too small, then perhaps negative. */
	unsigned long head = smp_load_acquire(&bl->head);
	unsigned long used = head - READ_ONCE(bl->tail);

	if (used > bl->size || size > bl->size || size <= bl->size - used)
		return false;
	/* Before the word overflows, somebody must take the lock, and fold. */
	if (size > BL_REFUSED_MAX || atomic_long_read(&bl->refused) < 0)
		return false;
	atomic_long_add_return(BL_RECORD + size, &bl->refused);	/* B6 */
	bufflink_alert(bl, BL_MISSED);
	return true;
}

/* For everyone but the appends of clients, which may not wait everywhere. */
static unsigned long bufflink_lock(struct bufflink *bl)
	__acquires(&bl->lock)
{
	unsigned long irqs = bufflink_enter();

	raw_spin_lock(&bl->lock);
	bufflink_fold(bl);
	return irqs;
}

static void bufflink_unlock(struct bufflink *bl, unsigned long irqs)
	__releases(&bl->lock)
{
	raw_spin_unlock(&bl->lock);
	bufflink_leave(irqs);
}

/* One piece of a record at the head, in two parts where the ring wraps. */
static nokprobe_inline void bufflink_put(struct bufflink *bl, const void *data,
					 size_t size)
{
	size_t part = min(size, bufflink_to_end(bl, bl->put));

	memcpy(bl->put, data, part);
	memcpy(bl->data, data + part, size - part);
	if (part < size)
		bl->put -= bl->size;
	bl->put += size;
}

/*
 * The long way in: looks at tail, wraps, and grants new credit. The record is
 * what @src points to, or if @n is not 0, the @n pieces that are listed there.
 */
static noinline __kprobes int bufflink_store(struct bufflink *bl,
					     const void *src, size_t n,
					     size_t size)
{
	size_t used = bufflink_used(bl);
	const struct kvec *vec = src;
	size_t i;

	if (size > bl->size)
		return -EMSGSIZE;
	if (size > bl->size - used)
		return -ENOSPC;
	for (i = 0; i < n; i++)
		bufflink_put(bl, vec[i].iov_base, vec[i].iov_len);
	if (!n)
		bufflink_put(bl, src, size);
	used += size;
	bl->highwater = max(bl->highwater, used);
	bl->credit = min(bl->highwater - used, bufflink_to_end(bl, bl->put));
	return 0;
}

/* With one CPU a trylock cannot fail: there the depth tells. */
static nokprobe_inline bool bufflink_trylock(struct bufflink *bl)
{
	return (IS_ENABLED(CONFIG_SMP) ||
		likely(__this_cpu_read(bufflink_depth) == 1)) &&
	       raw_spin_trylock(&bl->lock);
}

static nokprobe_inline void bufflink_advance(struct bufflink *bl, size_t size)
{
	bl->records++;
	bl->bytes += size;
	smp_store_release(&bl->head, (unsigned long)bl->bytes);	/* B1 */
}

static noinline __kprobes void bufflink_advance_and_tell(struct bufflink *bl,
							 size_t size)
{
	bufflink_fold(bl);
	bufflink_advance(bl, size);
	bufflink_notify(bl);
}

/* The record that was stored becomes part of the stream. Caller holds lock. */
static nokprobe_inline void bufflink_publish(struct bufflink *bl, size_t size)
{
	if (unlikely(atomic_read(&bl->flags) & (BL_SLEEPER | BL_MISSED)))  /* B3 */
		bufflink_advance_and_tell(bl, size);
	else
		bufflink_advance(bl, size);
}

/*
 * One record of a client, with @src and @n as for bufflink_store(). Inline also
 * where there are no kprobes: append is to be one function, and n constant.
 */
static __always_inline int bufflink_record(struct bufflink *bl, const void *src,
					   size_t n, size_t size)
{
	unsigned long irqs;
	int err = 0;

	if (unlikely(!size))
		return 0;
	irqs = bufflink_enter();
	/* An old credit only costs a closer look. */
	if (unlikely(size > data_race(bl->credit)) &&
	    bufflink_refuse(bl, size)) {
		bufflink_leave(irqs);
		return -ENOSPC;
	}
	if (unlikely(!bufflink_trylock(bl))) {
		/* Waiting could be for ever. */
		if (in_nmi() || __this_cpu_read(bufflink_depth) > 1) {
			bufflink_miss(bl, size);
			err = -EBUSY;
			goto leave;
		}
		raw_spin_lock(&bl->lock);
	}
	if (n || unlikely(size > bl->credit)) {
		err = bufflink_store(bl, src, n, size);
	} else {
		memcpy(bl->put, src, size);
		bl->put += size;
		bl->credit -= size;
	}
	if (likely(!err)) {
		bufflink_publish(bl, size);
	} else {
		bufflink_fold(bl);
		bufflink_lose(bl, 1, size);
	}
	raw_spin_unlock(&bl->lock);
leave:
	bufflink_leave(irqs);
	return err;
}

/**
 * bufflink_append() - append one record
 * @bl: the buffer
 * @data: the record
 * @size: its size in bytes; nothing is stored if this is 0
 *
 * The record is stored whole or not at all. Records of all producers appear in
 * one order, that in which the calls took the buffer's lock. Neither sleeps
 * nor allocates; interrupts are off for as long as the copy takes.
 *
 * Context: Any: process, softirq, hardirq and NMI, with any lock held.
 * Return: 0 if stored; otherwise the record is lost and counted as such:
 *
 * * -ENOSPC - there is no room for it now
 * * -EMSGSIZE - it is larger than the buffer
 * * -EBUSY - in an NMI, or nested in another append on this CPU, and the lock
 *   could not be had
 */
int bufflink_append(struct bufflink *bl, const void *data, size_t size)
{
	return bufflink_record(bl, data, 0, size);
}
EXPORT_SYMBOL_GPL(bufflink_append);
NOKPROBE_SYMBOL(bufflink_append);

/**
 * bufflink_appendv() - append one record that is in several pieces
 * @bl: the buffer
 * @vec: the pieces, in kernel memory
 * @n: how many they are
 *
 * As bufflink_append() of all pieces joined: a header and a payload, say.
 *
 * Context: Any.
 * Return: As bufflink_append().
 */
int bufflink_appendv(struct bufflink *bl, const struct kvec *vec, size_t n)
{
	size_t size = 0;
	size_t i;

	for (i = 0; i < n; i++)
		size = size_add(size, vec[i].iov_len);
	return bufflink_record(bl, vec, n, size);
}
EXPORT_SYMBOL_GPL(bufflink_appendv);
NOKPROBE_SYMBOL(bufflink_appendv);

/**
 * bufflink_printf() - append one record of text
 * @bl: the buffer
 * @fmt: format, as of printk()
 *
 * The text is cut at 512 bytes. Its terminating zero is not appended.
 *
 * Context: Any but NMI.
 * Return: As bufflink_append().
 */
int bufflink_printf(struct bufflink *bl, const char *fmt, ...)
{
	char text[BUFFLINK_TEXT_MAX + 1];
	va_list args;
	int size;

	va_start(args, fmt);
	size = vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return bufflink_append(bl, text, size);
}
EXPORT_SYMBOL_GPL(bufflink_printf);

/**
 * bufflink_number() - which device it is
 * @bl: the buffer
 *
 * Context: Any.
 * Return: The N of /dev/bufflinkN.
 */
int bufflink_number(const struct bufflink *bl)
{
	return bl->number;
}
EXPORT_SYMBOL_GPL(bufflink_number);

/* Without a key, so that all kinds of pollers look for themselves. */
static void bufflink_wake(struct bufflink *bl)
{
	unsigned long irqs;

	if (!wq_has_sleeper(&bl->data_wait) && !READ_ONCE(bl->fasync))
		return;
	irqs = bufflink_lock(bl);
	bl->wakeups++;
	bufflink_unlock(bl, irqs);
	wake_up_interruptible(&bl->data_wait);
	kill_fasync(&bl->fasync, SIGIO, POLL_IN);
}

static void bufflink_wake_now(struct irq_work *work)
{
	bufflink_wake(container_of(work, struct bufflink, wake_now));
}

static void bufflink_wake_lazy(struct irq_work *work)
{
	struct bufflink *bl = container_of(work, struct bufflink, wake_lazy);

	atomic_fetch_andnot(BL_LAZY, &bl->flags);
	if (bufflink_used(bl) && bufflink_take_sleeper(bl))
		bufflink_wake(bl);
}

static int bufflink_open(struct inode *inode, struct file *file)
{
	struct bufflink *bl = container_of(file->private_data,
					   struct bufflink, misc);

	kref_get(&bl->ref);
	file->private_data = bl;
	file->f_mode |= FMODE_NOWAIT;
	return stream_open(inode, file);
}

static bool bufflink_nowait(const struct kiocb *iocb)
{
	return iocb->ki_flags & IOCB_NOWAIT ||
	       iocb->ki_filp->f_flags & O_NONBLOCK;
}

/* Bytes that a read would find: the client takes its memory with it. */
static size_t bufflink_readable(const struct bufflink *bl)
{
	return bl->bounce && READ_ONCE(bl->dead) ? 0 : bufflink_used(bl);
}

/* Has the next append wake who is about to sleep. */
static void bufflink_arm(struct bufflink *bl)
{
	unsigned long irqs = bufflink_lock(bl);		/* B3 */

	atomic_or(BL_SLEEPER, &bl->flags);
	bufflink_unlock(bl, irqs);
}

/*
 * Notifies where no append does, with the lock held: who has taken the flag
 * must not be preempted before the irq_work is queued.
 */
static void bufflink_poke(struct bufflink *bl)
{
	unsigned long irqs = bufflink_lock(bl);

	bufflink_notify(bl);
	bufflink_unlock(bl, irqs);
}

/* Whether a read need wait no more. If it must, it will be woken. */
static bool bufflink_ready(struct bufflink *bl)
{
	if (!bufflink_used(bl) && !READ_ONCE(bl->dead))
		bufflink_arm(bl);
	return bufflink_used(bl) || READ_ONCE(bl->dead);
}

/*
 * Where the next bytes are, at most @n of them in one piece. Client memory is
 * copied first: destroy waits for this, and must not wait for a program.
 */
static const void *bufflink_next_piece(struct bufflink *bl, size_t *n)
{
	*n = min(*n, bufflink_to_end(bl, bl->get));
	if (!bl->bounce)
		return bl->get;

	*n = min_t(size_t, *n, PAGE_SIZE);
	mutex_lock(&bl->bounce_lock);
	if (READ_ONCE(bl->dead))
		*n = 0;
	else
		memcpy(bl->bounce, bl->get, *n);
	mutex_unlock(&bl->bounce_lock);
	return bl->bounce;
}

/* Only what was really copied leaves the ring. Caller holds read_lock. */
static ssize_t bufflink_drain(struct bufflink *bl, struct iov_iter *to)
{
	size_t want = min(bufflink_readable(bl), iov_iter_count(to));
	ssize_t err = 0;
	size_t done = 0;

	while (done < want && !err) {
		size_t n = want - done;
		const void *data = bufflink_next_piece(bl, &n);
		size_t copied = copy_to_iter(data, n, to);

		if (!n)
			break;
		if (copied < n)
			err = -EFAULT;
		done += copied;
		bl->get += copied;
		if (!bufflink_to_end(bl, bl->get))
			bl->get = bl->data;
	}
	smp_store_release(&bl->tail, bl->tail + done);	/* B2 */
	return done ? done : err;
}

static ssize_t bufflink_try_read(struct bufflink *bl, struct iov_iter *to,
				 bool nowait)
{
	ssize_t done;

	if (nowait && !mutex_trylock(&bl->read_lock))
		return -EAGAIN;
	if (!nowait && mutex_lock_interruptible(&bl->read_lock))
		return -ERESTARTSYS;
	done = bufflink_drain(bl, to);
	mutex_unlock(&bl->read_lock);

	if (done > 0 && wq_has_sleeper(&bl->room_wait))		/* B4 */
		wake_up_interruptible(&bl->room_wait);
	return done;
}

static ssize_t bufflink_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct bufflink *bl = iocb->ki_filp->private_data;
	bool nowait = bufflink_nowait(iocb);
	ssize_t ret = 0;
	bool dead;

	if (!iov_iter_count(to))
		return 0;
	do {
		dead = smp_load_acquire(&bl->dead);	/* B5 */
		ret = bufflink_try_read(bl, to, nowait);
		if (ret || dead)
			break;
		if (nowait)
			ret = -EAGAIN;
		else
			ret = wait_event_interruptible(bl->data_wait,
						       bufflink_ready(bl));
	} while (!ret);

	if (READ_ONCE(bl->fasync) && !bufflink_used(bl)) {
		bufflink_arm(bl);
		bufflink_poke(bl);
	}
	return ret;
}

/* Appends what a program wrote, or says why not: that is no loss. */
static int bufflink_try_write(struct bufflink *bl, const void *data,
			      size_t size)
{
	unsigned long irqs = bufflink_lock(bl);
	int err = bl->dead ? -EPIPE : bufflink_store(bl, data, 0, size);

	if (!err)
		bufflink_publish(bl, size);
	bufflink_unlock(bl, irqs);
	return err;
}

static int bufflink_wait_write(struct bufflink *bl, const void *data,
			       size_t size, bool nowait)
{
	int err;

	while ((err = bufflink_try_write(bl, data, size)) == -ENOSPC) {
		if (nowait)
			return -EAGAIN;
		err = wait_event_interruptible(bl->room_wait,	/* B4 */
					       bufflink_room(bl) >= size ||
					       READ_ONCE(bl->dead));
		if (err)
			break;
	}
	return err;
}

static ssize_t bufflink_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct bufflink *bl = iocb->ki_filp->private_data;
	size_t size = iov_iter_count(from);
	int err = -EFAULT;
	void *data;

	if (!size)
		return 0;
	if (READ_ONCE(bl->dead))
		return -EPIPE;
	if (size > bl->size)
		return -EMSGSIZE;
	data = kvmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!data)
		return -ENOMEM;
	if (copy_from_iter_full(data, size, from))
		err = bufflink_wait_write(bl, data, size,
					  bufflink_nowait(iocb));
	kvfree(data);
	return err ? err : size;
}

static __poll_t bufflink_events(const struct bufflink *bl)
{
	__poll_t events = 0;

	if (smp_load_acquire(&bl->dead))	/* B5 */
		events |= EPOLLIN | EPOLLRDNORM | EPOLLHUP;
	else if (bufflink_room(bl) >= min_t(size_t, bl->size, PIPE_BUF))
		events |= EPOLLOUT | EPOLLWRNORM;
	if (bufflink_used(bl))
		events |= EPOLLIN | EPOLLRDNORM;
	if (atomic_read(&bl->flags) & (BL_LOST | BL_MISSED))
		events |= EPOLLPRI;
	return events;
}

static __poll_t bufflink_poll(struct file *file, poll_table *pt)
{
	struct bufflink *bl = file->private_data;
	__poll_t wanted = poll_requested_events(pt);

	poll_wait(file, &bl->data_wait, pt);
	if (file->f_mode & FMODE_WRITE)
		poll_wait(file, &bl->room_wait, pt);
	smp_mb();	/* B4 */

	/* Who wants edges wants that of the next append, whatever is there. */
	if (wanted & (EPOLLIN | EPOLLRDNORM) &&
	    (wanted & EPOLLET || !bufflink_used(bl)) &&
	    waitqueue_active(&bl->data_wait))	/* or nobody will sleep */
		bufflink_arm(bl);
	return bufflink_events(bl);
}

static int bufflink_fasync(int fd, struct file *file, int on)
{
	struct bufflink *bl = file->private_data;
	int ret = fasync_helper(fd, file, on, &bl->fasync);

	if (ret > 0 && on)
		bufflink_arm(bl);
	return ret;
}

static void bufflink_snapshot(struct bufflink *bl, struct bufflink_stats *stats)
{
	unsigned long irqs = bufflink_lock(bl);
	size_t used = bufflink_used(bl);

	*stats = (struct bufflink_stats) {
		.size = bl->size,
		.used = used,
		.highwater = bl->highwater,
		.records = bl->records,
		.bytes = bl->bytes,
		.bytes_read = bl->bytes - used,
		.lost_records = bl->lost_records,
		.lost_bytes = bl->lost_bytes,
		.wakeups = bl->wakeups,
	};
	bufflink_unlock(bl, irqs);
}

static int bufflink_set_watermark(struct bufflink *bl, u64 watermark)
{
	if (!watermark || watermark > bl->size)
		return -EINVAL;
	WRITE_ONCE(bl->watermark, watermark);
	bufflink_poke(bl);
	return 0;
}

static long bufflink_get_loss(struct bufflink *bl, void __user *to)
{
	unsigned long irqs = bufflink_lock(bl);
	struct bufflink_loss loss = bl->loss;
	int flags = atomic_fetch_andnot(BL_LOST | BL_OVERFLOW, &bl->flags);

	bl->loss = (struct bufflink_loss) {};
	bufflink_unlock(bl, irqs);
	if (!copy_to_user(to, &loss, sizeof(loss))) {
		if (loss.records)
			atomic64_set(&bl->last_report,
				     ktime_get_real_seconds());
		return 0;
	}
	if (!loss.records)
		return -EFAULT;

	/* What could not be reported comes before what was lost since. */
	irqs = bufflink_lock(bl);
	loss.records += bl->loss.records;
	loss.bytes += bl->loss.bytes;
	if (bl->loss.records)
		loss.last = bl->loss.last;
	bl->loss = loss;
	bufflink_alert(bl, flags & (BL_LOST | BL_OVERFLOW));
	bufflink_unlock(bl, irqs);
	return -EFAULT;
}

static long bufflink_ioctl(struct file *file, unsigned int cmd,
			   unsigned long arg)
{
	struct bufflink *bl = file->private_data;
	void __user *user = (void __user *)arg;
	struct bufflink_stats stats;
	u64 value;

	switch (cmd) {
	case FIONREAD:
		value = min_t(size_t, bufflink_readable(bl), INT_MAX);
		return put_user((int)value, (int __user *)user);
	case BUFFLINK_GETLOSS:
		return bufflink_get_loss(bl, user);
	case BUFFLINK_STATS:
		bufflink_snapshot(bl, &stats);
		return copy_to_user(user, &stats, sizeof(stats)) ? -EFAULT : 0;
	case BUFFLINK_GETWATERMARK:
		value = READ_ONCE(bl->watermark);
		return put_user(value, (u64 __user *)user);
	case BUFFLINK_SETWATERMARK:
		if (get_user(value, (u64 __user *)user))
			return -EFAULT;
		return bufflink_set_watermark(bl, value);
	default:
		return -ENOTTY;
	}
}

/* After the last reference. A wakeup may still be on its way. */
static void bufflink_free(struct kref *ref)
{
	struct bufflink *bl = container_of(ref, struct bufflink, ref);

	irq_work_sync(&bl->wake_lazy);	/* which may queue the other */
	irq_work_sync(&bl->wake_now);
	if (bl->bounce)
		free_page((unsigned long)bl->bounce);
	else
		vfree(bl->data);
	kfree(bl);
}

static int bufflink_release(struct inode *inode, struct file *file)
{
	struct bufflink *bl = file->private_data;

	kref_put(&bl->ref, bufflink_free);
	return 0;
}

static const struct file_operations bufflink_fops = {
	.owner = THIS_MODULE,
	.open = bufflink_open,
	.read_iter = bufflink_read_iter,
	.splice_read = bufflink_splice_read,
	.write_iter = bufflink_write_iter,
	.poll = bufflink_poll,
	.fasync = bufflink_fasync,
	.unlocked_ioctl = bufflink_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = bufflink_release,
};

static struct bufflink *bufflink_of(struct device *dev)
{
	return container_of(dev_get_drvdata(dev), struct bufflink, misc);
}

#define BUFFLINK_STAT(name)						\
static ssize_t name##_show(struct device *dev,				\
			   struct device_attribute *attr, char *buf)	\
{									\
	struct bufflink_stats stats;					\
									\
	bufflink_snapshot(bufflink_of(dev), &stats);			\
	return sysfs_emit(buf, "%llu\n", stats.name);			\
}									\
static DEVICE_ATTR_RO(name)

BUFFLINK_STAT(size);
BUFFLINK_STAT(used);
BUFFLINK_STAT(highwater);
BUFFLINK_STAT(records);
BUFFLINK_STAT(bytes);
BUFFLINK_STAT(lost_records);
BUFFLINK_STAT(lost_bytes);
BUFFLINK_STAT(wakeups);

static ssize_t overflow_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	int flags = atomic_read(&bufflink_of(dev)->flags);

	return sysfs_emit(buf, "%d\n", !!(flags & (BL_OVERFLOW | BL_MISSED)));
}

static ssize_t overflow_store(struct device *dev, struct device_attribute *attr,
			      const char *buf, size_t count)
{
	struct bufflink *bl = bufflink_of(dev);
	unsigned long irqs;

	if (!sysfs_streq(buf, "0"))
		return -EINVAL;
	irqs = bufflink_lock(bl);
	atomic_andnot(BL_OVERFLOW, &bl->flags);
	bufflink_unlock(bl, irqs);
	return count;
}
static DEVICE_ATTR_RW(overflow);

static ssize_t last_report_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	s64 seconds = atomic64_read(&bufflink_of(dev)->last_report);

	return sysfs_emit(buf, "%lld\n", seconds);
}
static DEVICE_ATTR_RO(last_report);

static ssize_t watermark_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	return sysfs_emit(buf, "%zu\n", READ_ONCE(bufflink_of(dev)->watermark));
}

static ssize_t watermark_store(struct device *dev,
			       struct device_attribute *attr,
			       const char *buf, size_t count)
{
	u64 watermark;
	int err;

	if (kstrtou64(buf, 0, &watermark))
		return -EINVAL;
	err = bufflink_set_watermark(bufflink_of(dev), watermark);
	return err ? err : count;
}
static DEVICE_ATTR_RW(watermark);

static ssize_t owner_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%s\n", bufflink_of(dev)->owner);
}
static DEVICE_ATTR_RO(owner);

static ssize_t instance_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	return sysfs_emit(buf, "%u\n", bufflink_of(dev)->instance);
}
static DEVICE_ATTR_RO(instance);

static struct attribute *bufflink_attrs[] = {
	&dev_attr_size.attr,
	&dev_attr_used.attr,
	&dev_attr_highwater.attr,
	&dev_attr_records.attr,
	&dev_attr_bytes.attr,
	&dev_attr_lost_records.attr,
	&dev_attr_lost_bytes.attr,
	&dev_attr_wakeups.attr,
	&dev_attr_overflow.attr,
	&dev_attr_last_report.attr,
	&dev_attr_watermark.attr,
	&dev_attr_owner.attr,
	&dev_attr_instance.attr,
	NULL
};
ATTRIBUTE_GROUPS(bufflink);

/* Own memory is zeroed; a size that is not to be had is refused in silence. */
static int bufflink_get_memory(struct bufflink *bl, void *buf, size_t size)
{
	if (buf) {
		bl->data = buf;
		bl->size = size;
		bl->bounce = (void *)__get_free_page(GFP_KERNEL);
		return bl->bounce ? 0 : -ENOMEM;
	}
	bl->size = PAGE_ALIGN(size ? size : READ_ONCE(default_size));
	if (!bl->size)
		return -EINVAL;
	bl->data = __vmalloc(bl->size, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN |
					__GFP_RETRY_MAYFAIL);
	return bl->data ? 0 : -ENOMEM;
}

static struct bufflink *bufflink_alloc(void *buf, size_t size)
{
	struct bufflink *bl = kzalloc(sizeof(*bl), GFP_KERNEL);
	int err;

	if (!bl)
		return ERR_PTR(-ENOMEM);
	err = bufflink_get_memory(bl, buf, size);
	if (err) {
		kfree(bl);
		return ERR_PTR(err);
	}
	bl->put = bl->data;
	bl->get = bl->data;
	bl->watermark = 1;
	kref_init(&bl->ref);
	raw_spin_lock_init(&bl->lock);
	mutex_init(&bl->read_lock);
	mutex_init(&bl->bounce_lock);
	init_waitqueue_head(&bl->data_wait);
	init_waitqueue_head(&bl->room_wait);
	init_irq_work(&bl->wake_now, bufflink_wake_now);
	bl->wake_lazy = IRQ_WORK_INIT_LAZY(bufflink_wake_lazy);
	return bl;
}

/* Gives it the lowest instance that no other buffer of its owner has. */
static void bufflink_enlist(struct bufflink *bl)
{
	struct list_head *place = &bufflink_list;
	struct bufflink *other;

	mutex_lock(&bufflink_list_lock);
	list_for_each_entry(other, &bufflink_list, list) {
		if (strcmp(other->owner, bl->owner))
			continue;
		if (other->instance > bl->instance) {
			place = &other->list;
			break;
		}
		bl->instance++;
	}
	list_add_tail(&bl->list, place);
	mutex_unlock(&bufflink_list_lock);
}

static void bufflink_delist(struct bufflink *bl)
{
	mutex_lock(&bufflink_list_lock);
	list_del(&bl->list);
	mutex_unlock(&bufflink_list_lock);
}

/**
 * __bufflink_create() - create a buffer and its device
 * @blp: where the buffer is put; NULL is put there on error
 * @buf: the client's memory (kmalloc, vmalloc, whole pages or static), which
 *	stays valid until bufflink_destroy() returns; or NULL to allocate some
 * @size: of @buf in bytes, all of which is used; or of what is allocated,
 *	rounded up to whole pages, where 0 means the parameter default_size
 * @minor: the N of /dev/bufflinkN, or -1 for the lowest free one
 * @owner: whose it is, for people to see; bufflink_create() passes THIS_MODULE
 *
 * Use it as bufflink_create(blp, buf, size, minor). The minor number of the
 * device itself is always dynamic.
 *
 * Context: Process context. May sleep. Not from open() of a misc device.
 * Return: 0, or with nothing left behind:
 *
 * * -EINVAL - @minor is less than -1, @buf has size 0, or @size is too large
 *   to be rounded up
 * * -EBUSY - @minor is taken, or the kernel has no misc device left
 * * -ENOMEM - not enough memory
 */
int __bufflink_create(struct bufflink **blp, void *buf, size_t size, int minor,
		      struct module *owner)
{
	struct bufflink *bl;
	int err;

	*blp = NULL;
	if (minor < -1 || (buf && !size))
		return -EINVAL;
	bl = bufflink_alloc(buf, size);
	if (IS_ERR(bl))
		return PTR_ERR(bl);

	err = ida_alloc_range(&bufflink_numbers, max(minor, 0),
			      minor < 0 ? INT_MAX : minor, GFP_KERNEL);
	if (err == -ENOSPC)
		err = -EBUSY;
	if (err < 0)
		goto free;
	bl->number = err;
	snprintf(bl->name, sizeof(bl->name), "bufflink%d", bl->number);
	strscpy(bl->owner, module_name(owner), sizeof(bl->owner));
	bufflink_enlist(bl);

	bl->misc.minor = MISC_DYNAMIC_MINOR;
	bl->misc.name = bl->name;
	bl->misc.mode = 0600;
	bl->misc.fops = &bufflink_fops;
	bl->misc.groups = bufflink_groups;
	err = misc_register(&bl->misc);
	if (err == -EEXIST)	/* 6.1 may run out at the minor of psaux */
		err = -EBUSY;
	if (err)
		goto delist;
	*blp = bl;
	return 0;

delist:
	bufflink_delist(bl);
	ida_free(&bufflink_numbers, bl->number);
free:
	kref_put(&bl->ref, bufflink_free);
	return err;
}
EXPORT_SYMBOL_GPL(__bufflink_create);

/**
 * bufflink_destroy() - take the device away and let go of the buffer
 * @bl: the buffer, or NULL
 *
 * Stop all producers first, and wait for them. When this returns, the node and
 * the number are free, who slept on the buffer was woken, and nothing reads
 * the client's memory. Readers that have the device open get what is left, if
 * the memory was allocated here, and then end of file; the last one to close
 * it frees the rest.
 *
 * Context: Process context. May sleep. Not from open() of a misc device, nor
 *	from a sysfs file of the buffer.
 */
void bufflink_destroy(struct bufflink *bl)
{
	unsigned long irqs;

	if (!bl)
		return;
	misc_deregister(&bl->misc);
	bufflink_delist(bl);
	ida_free(&bufflink_numbers, bl->number);

	irqs = bufflink_lock(bl);
	smp_store_release(&bl->dead, true);	/* B5 */
	bufflink_unlock(bl, irqs);

	/* Whoever copies out of client memory now is the last to do so. */
	mutex_lock(&bl->bounce_lock);
	mutex_unlock(&bl->bounce_lock);

	wake_up_all(&bl->data_wait);
	wake_up_all(&bl->room_wait);
	kill_fasync(&bl->fasync, SIGIO, POLL_HUP);
	kref_put(&bl->ref, bufflink_free);
}
EXPORT_SYMBOL_GPL(bufflink_destroy);

MODULE_AUTHOR("The bufflink developers");
MODULE_DESCRIPTION("Bytes from a kernel module to a program");
MODULE_LICENSE("GPL");
MODULE_VERSION("1.0");
