// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink - bytes from a kernel module to a program, through a ring buffer
 *
 * After the patch of the same name that Malcolm Beattie announced in 1999.
 */

/**
 * DOC: bufflink
 *
 * Data structure
 * --------------
 *
 * A buffer is a ring of bytes with a device, /dev/bufflinkN. Kernel code, the
 * client, appends records at the head, from any context. Programs, the readers,
 * take bytes from the tail, as from a FIFO. A program may also append a record,
 * by write(). A record of the client that does not fit is dropped and counted;
 * bytes that wait are never overwritten. ::
 *
 *   data        tail_ptr                 head_ptr      data + size
 *   +-------------+------------------------+----------------+
 *   |    free     |  waiting to be read    |      free      |
 *   +-------------+------------------------+----------------+
 *
 * @head and @tail are the same two places as positions in the stream. They
 * count bytes since creation and never go back, so head - tail bytes wait. The
 * addresses are kept as well, so that no division is needed where the size is not
 * a power of two.
 *
 * A buffer has one ring, @ring. With BUFFLINK_PERCPU it has a ring for each
 * possible CPU, @cpu_rings. @rings lists those that records go to. The positions
 * of such a ring count headers, too: @position is the place in the stream.
 *
 * Locks
 * -----
 *
 * Each ring has @lock, a raw spinlock. It orders the producers and guards all that
 * they write. The buffer has one @read_lock, a mutex. It orders the readers and
 * guards @tail and @tail_ptr. To move bytes, neither side takes the lock of the
 * other. @lock of @ring also guards the report of losses, the watermark and
 * @destroyed. @read_lock is taken before @lock of @ring, and that before @lock of
 * a ring of @cpu_rings.
 *
 * Append
 * ------
 *
 * @credit is the number of bytes that may be appended at @head_ptr in one piece
 * without a new maximum, @highwater. A record of at most @credit bytes is copied
 * at once: one comparison answers whether there is room, whether the record
 * wraps, and whether there is a new maximum. A larger record, or one in pieces,
 * goes to bufflink_store_slow(), which looks at @tail and grants new credit. As
 * @tail only grows, an old credit may be too small, but never too large. A resize
 * takes all credit away.
 *
 * An append must not wait for @lock in an NMI, or if it is nested: if it has
 * interrupted code of this file, on the same CPU, that had interrupts off. That
 * code may hold the lock. So the append only tries to take it. If that fails, the
 * record is lost. An append is nested, for example, if it comes from a probe on
 * a function that an append calls. Such a probe is therefore harmless.
 *
 * Many CPUs
 * ---------
 *
 * An append to a per-CPU buffer takes the lock of its CPU's ring. Another CPU
 * hardly ever holds it. Before the record it stores a header with a stamp, which
 * it takes while it holds the lock: a time, or a count where the clock is too
 * coarse when the buffer is created. If one append returned before another was
 * called, its stamp is lower.
 *
 * A reader merges the rings in passes. A pass takes a stamp, and then looks at
 * @head of each ring, as @limit. A pass contains the records up to its stamp, in
 * the order of their stamps. The others are left to the next pass. A record may be
 * missing in the pass, although its stamp is low enough, if its append was still
 * at work when the pass began. That append had not returned, so its record need
 * not come before any record of the pass.
 *
 * @pass lists the rings by the stamps of their next records. The reader takes
 * records of the first ring up to the stamp of the second, and then brings the
 * first to its new place. As a copy to a program has a cost of its own, records
 * are gathered in @page.
 *
 * Loss
 * ----
 *
 * A loss has a place in the stream, so it is counted under @lock. Two kinds of
 * loss are first counted without it:
 *
 * - refused: the buffer is full. Producers need not queue up to learn that. (Not
 *   in a per-CPU buffer, where they do not queue.)
 * - missed: the record must not wait for the lock.
 *
 * Before @head moves again, these counts are folded: they are added to the report,
 * which BUFFLINK_GETLOSS returns.
 *
 * In a per-CPU buffer only a reader knows the place. So a loss is first pending in
 * its ring, until the header of the next record carries it, or until a pass has
 * ended and the ring is drained. Then the reader adds it to the report.
 *
 * Resize
 * ------
 *
 * bufflink_resize() gives the producers new memory, @data, at once. The readers
 * stay in @read_data, the old memory, until @tail comes to @turn, which is @head
 * at the time of the resize. Then bufflink_turn() moves them on, and the old
 * memory is freed. While @data and @read_data differ, room is counted from @turn,
 * as nothing in the new memory is read yet. So producers and readers do not wait
 * for each other, even if a program keeps @read_lock for as long as it likes. Only
 * the next resize may have to wait.
 *
 * Wakeups
 * -------
 *
 * An append may run under any lock, so it must not take that of a wait queue.
 * It queues an irq_work that wakes, and only while a waiter has asked for that:
 *
 *   A waiter looks, arms, and looks again. It reports only what the last look
 *   saw. Code that clears a flag also looks at the state behind it: under the
 *   lock under which that state changes, or with a full barrier between the two.
 *
 * - read(), and poll() for data, arm by BL_ARMED. The next append clears it and
 *   queues an irq_work. So a sleep costs one irq_work. If fewer than @watermark
 *   bytes wait, BL_ARMED stays, and the next timer tick wakes for any byte.
 * - A program with O_ASYNC is told by SIGIO and does not look again. So each
 *   read arms for it. If bytes are left, the read queues the wakeup at once.
 * - io_uring polls by edge, for data or room, and then tries again. A wakeup has no
 *   key, so that it looks for itself.
 * - A nonblocking reader gets -EAGAIN while another one holds @read_lock, even
 *   if bytes wait. The other one arms for it in the same way.
 * - A wakeup wakes only one of several exclusive waiters (EPOLLEXCLUSIVE). Before
 *   that, it arms for the others, so that the next append wakes another.
 * - A loss wakes if neither BL_LOST nor BL_UNFOLDED was set before, so poll()
 *   for a loss need not arm. BUFFLINK_GETLOSS folds, and then clears BL_LOST. A
 *   loss between these two steps finds BL_LOST set, and does not wake. It leaves
 *   BL_UNFOLDED set: BUFFLINK_GETLOSS sees that and wakes.
 * - In a per-CPU buffer, a loss sets BL_PENDING, and wakes if its ring is drained.
 *   Otherwise a reader will come to it, and wakes when it sets BL_LOST.
 * - write(), and poll() for room, join @room_wait and then look at @tail. A
 *   read moves @tail and then looks at the queue. poll() also looks at
 *   @wanted_room, so a write that lowers it looks at the queue, too.
 * - read() behind another one joins @lock_wait and then tries to take @read_lock.
 *   The other one releases it and then looks at the queue. It wakes one reader. If
 *   that one does not take the lock, it wakes the next. The end is a reason to go
 *   on, too: once the buffer is destroyed, a reader about to copy wakes them all.
 *
 * An irq_work must not be left behind on a CPU that goes offline. It would stay
 * pending, so that no other CPU could queue it, and the last close would wait
 * for it. Each buffer has two:
 *
 * - @irq_now wakes at once. On PREEMPT_RT, the irq_work thread of the CPU would
 *   run it, and that thread is parked before the last appends. So there @irq_now
 *   runs in hard interrupt context. As the lock of a wait queue sleeps, it
 *   passes the wakeup on to a thread of this module, bufflink_worker.
 * - @irq_tick, the lazy one, wakes at the tick. On PREEMPT_RT the irq_work
 *   thread of the CPU runs it. So it is queued only while the CPU is active, and
 *   bufflink_cpu_offline() waits for it before that thread is parked.
 *
 * An append on a CPU that is offline already, for example from the switch to
 * its idle task, queues no irq_work. bufflink_cpu_dead() wakes in its place.
 *
 * Barriers
 * --------
 *
 * B1, bytes: an append copies bytes in and then releases @head, in
 * bufflink_advance(); a reader acquires @head, in bufflink_used() or
 * bufflink_begin_pass(), and then copies out. Without it, a reader gets bytes that
 * are not there yet.
 *
 * B2, room: a reader copies bytes out and then releases @tail, in
 * bufflink_advance_tail(); bufflink_store_slow() acquires @tail, in
 * bufflink_room(), and then copies in. Without it, bytes are overwritten before
 * they are read. With @credit, @lock passes on to other producers how far @tail
 * was seen to be. bufflink_refuse_if_full() acquires @head and then looks at @tail.
 * Without it, a record is refused for which there is room.
 *
 * B3, data: bufflink_arm() sets BL_ARMED under @lock of each ring, and its caller
 * then looks at @head; bufflink_commit() and bufflink_append_percpu() look at
 * BL_ARMED under @lock. If the append came first, the waiter sees its bytes. If
 * not, the append sees the flag. Without it, a waiter sleeps while bytes wait.
 *
 * B4, queues: bufflink_poll() and wait_event_interruptible() join a wait queue
 * and then look at @tail and @wanted_room, or at the flags of a loss.
 * bufflink_copy_out(), bufflink_merge(), bufflink_set_wanted_room(),
 * bufflink_set_loss_flags(), bufflink_set_pending() and bufflink_get_loss() change
 * these and then look at the queue. In the same way, bufflink_lock_read() joins
 * @lock_wait and then looks at @destroyed and @copying, and bufflink_fasync()
 * joins @fasync and then looks at the flags of a loss. There is a full barrier on
 * each side. Without it, neither sees the other.
 *
 * B5, the end: bufflink_destroy() releases @destroyed after the last append;
 * bufflink_at_end() and bufflink_events() acquire it and then look at @head.
 * bufflink_copy_out() clears @copying and then releases @tail, or @page_used;
 * bufflink_at_end() acquires these and then looks at @copying. Without it, a reader
 * gets end of file while bytes wait.
 *
 * B6, loss: bufflink_refuse_if_full() and bufflink_count_missed() count, and
 * then look whether BL_UNFOLDED is set; bufflink_fold() clears BL_UNFOLDED, and
 * then takes the counts. In a per-CPU buffer, bufflink_report_pending() does so
 * with BL_PENDING. There is a full barrier on each side. Without it, a count stays
 * behind with no flag that tells of it.
 *
 * B7, contention: bufflink_trylock_read() sets BL_CONTENDED and then tries to
 * take @read_lock; bufflink_unlock_read() releases it and then looks at the
 * flag. There is a full barrier on each side. Without it, the refused reader
 * sleeps while bytes wait that the other one has left. Three more pairs are alike:
 *
 * - bufflink_lock_read() joins @lock_wait and then tries to take @read_lock;
 *   bufflink_unlock_read() releases it and then looks at the queue.
 * - bufflink_resize() changes @data and then tries to take @read_lock;
 *   bufflink_unlock_read() releases it and then looks at @data. Without it, memory
 *   that is drained stays.
 * - bufflink_set_pending() sets BL_PENDING and then looks whether the ring is
 *   drained; bufflink_unlock_read() comes after bufflink_advance_tail() and, with
 *   the barrier between them, looks at BL_PENDING. Without it, a loss stays pending.
 *
 * B8, resize: bufflink_replace_memory() writes @turn, then releases @data, then
 * releases @size. bufflink_is_turning() acquires @data, and its callers then look
 * at @turn. Without it, a reader turns too early, or never.
 * bufflink_refuse_if_full() acquires @size and then looks at @data. Without it, a
 * record is refused that fits into the new memory. bufflink_turn() releases
 * @read_data after @tail has come to @turn; bufflink_is_turning() acquires it,
 * and its callers then look at @tail. Without it, bytes of the old memory are
 * taken for bytes of the new.
 *
 * B9, order: bufflink_stamp() takes a stamp after it has the lock, and so after
 * all that its caller has seen; bufflink_begin_pass() takes the stamp of the pass,
 * and then looks at @head of each ring. There is a full barrier on each side.
 * Without it, a pass has a record, but not one of another ring that had returned
 * before.
 *
 * Lifetime
 * --------
 *
 * The client holds one reference to the buffer, each open file another.
 * bufflink_destroy() takes the device away, so that no file is opened any more,
 * and marks the buffer destroyed, so that no program appends any more. Then it
 * waits for a reader that copies out of the client's memory. Such bytes are
 * first copied to @page, under @bounce_lock, so it waits for a memcpy(). It never
 * waits for a copy to user memory, which may take as long as the program likes.
 * Nothing calls into the client.
 *
 * Example of a client
 * -------------------
 *
 * ::
 *
 *	err = bufflink_create(&bl, NULL, 0, -1);
 *	...
 *	bufflink_append(bl, &event, sizeof(event));	// interrupts are fine
 *	...
 *	free_irq(irq, dev);				// no more appends
 *	bufflink_destroy(bl);
 *
 * Example of a reader
 * -------------------
 *
 * ::
 *
 *	fd = open("/dev/bufflink0", O_RDONLY);
 *	while ((n = read(fd, buf, sizeof(buf))) > 0)
 *		consume(buf, n);
 *	if (!ioctl(fd, BUFFLINK_GETLOSS, &loss) && loss.records)
 *		complain(&loss);
 */

#include <linux/atomic.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/ctype.h>
#include <linux/fs.h>
#include <linux/hardirq.h>
#include <linux/irq_work.h>
#include <linux/kprobes.h>
#include <linux/kref.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/limits.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/percpu.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
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
#include <linux/xarray.h>

#include <asm/ioctls.h>

#include "bufflink.h"

/* 6.5 took generic_file_splice_read() away from devices (3eccc0c886b1). */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define bufflink_splice_read	copy_splice_read
#else
#define bufflink_splice_read	generic_file_splice_read
#endif

#define BUFFLINK_TEXT_MAX	512	/* bytes of one bufflink_printf() */

#define BL_POLL_IN	(EPOLLIN | EPOLLRDNORM)
#define BL_POLL_OUT	(EPOLLOUT | EPOLLWRNORM)

static unsigned long default_size = SZ_64K;
module_param(default_size, ulong, 0644);
MODULE_PARM_DESC(default_size, "bytes of a buffer created with size 0");

/* The buffers, by number. While the mutex is held, none is removed. */
static DEFINE_XARRAY_ALLOC(bufflink_buffers);
static DEFINE_MUTEX(bufflink_buffers_lock);

static struct kthread_worker *bufflink_worker;	/* only on PREEMPT_RT */
static enum cpuhp_state bufflink_offline_state;
static enum cpuhp_state bufflink_dead_state;

/* How many appends, and other users of a ring's lock, are nested on this CPU */
static DEFINE_PER_CPU(unsigned int, bufflink_depth);

/* Bits of struct bufflink.flags. BL_ARMED changes with the lock of a ring held. */
#define BL_ARMED	BIT(0)	/* the next append wakes */
#define BL_LAZY		BIT(1)	/* irq_tick is queued */
#define BL_LOST		BIT(2)	/* the report has a loss */
#define BL_UNFOLDED	BIT(3)	/* plain: a loss is not in the report yet */
#define BL_OVERFLOW	BIT(4)	/* the overflow flag in sysfs */
#define BL_SIGNAL	BIT(5)	/* a loss has not sent its SIGIO yet */
#define BL_CONTENDED	BIT(6)	/* a nonblocking reader found read_lock taken */
#define BL_PENDING	BIT(7)	/* per-CPU: a loss is not in the report yet */

/* In a per-CPU buffer, each record has this before it. It may wrap. */
struct bufflink_header {
	unsigned long stamp;	/* tells which of two records is later */
	u32 size;		/* bytes of the record */
	u32 lost_records;	/* lost in this ring before the record */
	u64 lost_bytes;
} __packed;

struct bufflink_ring {
	/*
	 * Written under lock, mostly by producers. @head and @credit are read
	 * without it. One cache line has all that an append by credit writes.
	 */
	raw_spinlock_t lock;
	size_t credit;		/* bytes that may be copied to head_ptr at once */
	u8 *head_ptr;		/* may be the end of data */
	u64 bytes;		/* head, in 64 bits everywhere */
	u64 records;
	unsigned long head;	/* B1 */
	size_t highwater;	/* most bytes that ever waited */
	u64 lost_records;
	u64 lost_bytes;
	u64 pending_records;	/* per-CPU: lost since the last record */
	u64 pending_bytes;

	/* Losses that bufflink_fold() adds to the above; changed without lock. */
	atomic_long_t refused;		/* records and bytes, see BL_REFUSED */
	atomic_long_t missed_records;
	atomic_long_t missed_bytes;

	/*
	 * Written under read_lock. @tail and @read_data are read without it.
	 * @read_data changes under both locks, so either lock keeps it unchanged.
	 */
	u8 *tail_ptr ____cacheline_aligned_in_smp; /* never the end of read_data */
	unsigned long tail;	/* B2 */
	u8 *read_data;		/* data, or the one before a resize */
	size_t read_size;	/* bytes of it */
	struct bufflink_header next;	/* the record at tail */
	size_t rest;		/* bytes of it, if a part was taken already */
	unsigned long limit;	/* head when the pass began */
	struct list_head pass_node;

	/* bufflink_resize() writes these, the first three under lock. */
	u8 *data ____cacheline_aligned_in_smp;
	size_t size;		/* bytes */
	unsigned long turn;	/* head when data changed */
	u8 *spare;		/* data to be; under resize_lock */

	struct list_head node;	/* constant after creation */
};

struct bufflink {
	/*
	 * In a per-CPU buffer no record goes here: @credit is always 0, @tail is
	 * that of the stream, and @size that of all rings, under lock. The ring is
	 * the first member, so that an append need not add its offset.
	 */
	struct bufflink_ring ring;

	/* Read by each append, and seldom written */
	atomic_t flags;		/* BL_* */
	bool destroyed;		/* under lock of ring; B5 */
	bool has_clock;		/* stamps are times */
	unsigned int header_size;	/* bytes; 0 if there are no cpu_rings */
	unsigned int ring_count;
	size_t watermark;	/* bytes; under lock of ring */
	size_t ring_watermark;	/* a ring's share of it, headers included */
	struct bufflink_ring __percpu *cpu_rings; /* NULL if it is plain */
	struct list_head rings;	/* where records go */

	/* Under lock of ring. */
	struct bufflink_loss loss;	/* the next report */
	u64 reported;		/* records of the reports so far */
	u64 wakeups;

	atomic_long_t counter ____cacheline_aligned_in_smp; /* the last stamp */

	/* Under read_lock. */
	struct mutex read_lock ____cacheline_aligned_in_smp;
	void *page;		/* bytes of rings, or of client memory, to copy out */
	size_t page_start;	/* where in @page they begin */
	size_t page_used;	/* bytes of them; read without read_lock */
	size_t copying;		/* being copied out; read without read_lock */
	u64 position;		/* bytes read since creation */
	unsigned long pass_stamp;	/* the pass has records up to this */
	struct list_head pass;	/* rings, by the stamp of their next record */

	/* Waiters, and the ways to wake them; each has a lock of its own. */
	wait_queue_head_t data_wait ____cacheline_aligned_in_smp; /* or loss */
	wait_queue_head_t room_wait;
	wait_queue_head_t lock_wait;	/* for read_lock, or the end */
	struct fasync_struct *fasync;
	struct irq_work irq_now;
	struct irq_work irq_tick;
	struct kthread_work work_now;	/* for irq_now on PREEMPT_RT */

	struct mutex bounce_lock;	/* held while client memory is read */
	struct mutex resize_lock;	/* held by the one resize at a time */
	atomic_t turning;	/* rings that a resize has yet to turn */
	unsigned int tick_cpu;	/* where BL_LAZY was set, and irq_tick queued */
	atomic_t readers;	/* files open for reading; -1: one, exclusively */
	struct kref ref;	/* the client, and each open file */

	/* Constant after creation. */
	bool is_client_memory;
	u32 number;
	char device_name[sizeof("bufflink") + 10];
	char owner[MODULE_NAME_LEN];
	char name[BUFFLINK_NAME_MAX + 1];	/* empty for none */
	struct miscdevice misc;
};

struct bufflink_file {
	struct bufflink *bl;
	size_t wanted_room;	/* bytes of a write that got -EAGAIN, or 0 */
};

/*
 * Bytes that wait in a ring. The result is exact if the caller holds lock and
 * read_lock. With read_lock alone, there are at least so many. Else it may be too
 * large.
 */
static __always_inline size_t bufflink_used(const struct bufflink_ring *ring)
{
	unsigned long tail = smp_load_acquire(&ring->tail);	/* B2 */

	return smp_load_acquire(&ring->head) - tail;		/* B1 */
}

/* Whether the readers are still in the memory from before a resize */
static __always_inline bool
bufflink_is_turning(const struct bufflink_ring *ring)
{
	u8 *data = smp_load_acquire(&ring->data);		/* B8 */

	return smp_load_acquire(&ring->read_data) != data;	/* B8 */
}

/*
 * Bytes that may be appended. Bytes that wait in the memory from before a resize
 * take no room. If the caller holds lock, there is at least so much. Without, it
 * is a guess; a read or a resize that makes room then wakes room_wait.
 */
static __always_inline size_t bufflink_room(const struct bufflink_ring *ring)
{
	size_t size = READ_ONCE(ring->size);
	unsigned long start = bufflink_is_turning(ring) ?
			      READ_ONCE(ring->turn) :
			      smp_load_acquire(&ring->tail);	/* B2 */
	size_t used = smp_load_acquire(&ring->head) - start;

	return used < size ? size - used : 0;
}

/* Bytes of a ring that may be read. Destroy takes the client's memory away. */
static size_t bufflink_readable(const struct bufflink *bl,
				const struct bufflink_ring *ring)
{
	return bl->is_client_memory && READ_ONCE(bl->destroyed) ? 0 :
	       bufflink_used(ring);
}

static bool bufflink_has_data(const struct bufflink *bl)
{
	const struct bufflink_ring *ring;

	list_for_each_entry(ring, &bl->rings, node)
		if (bufflink_readable(bl, ring))
			return true;
	return READ_ONCE(bl->page_used);
}

/* Bytes from the head to the end of the memory */
static __always_inline size_t bufflink_to_end(const struct bufflink_ring *ring)
{
	return ring->data + ring->size - ring->head_ptr;
}

/* The ring for the records of this CPU. The caller may be on another one soon. */
static struct bufflink_ring *bufflink_this_ring(struct bufflink *bl)
{
	return bl->cpu_rings ? raw_cpu_ptr(bl->cpu_rings) : &bl->ring;
}

/*
 * Whether this CPU went offline: an irq_work would not run before it is online
 * again. A CPU that comes up is not online either, but will run its irq_work.
 */
static __always_inline bool bufflink_cpu_went_offline(void)
{
	unsigned int cpu = raw_smp_processor_id();

	return !cpu_online(cpu) && cpu_dying(cpu);
}

/*
 * Returns whether irq_tick will look at the bytes that wait. It is queued only if
 * bufflink_cpu_offline() and bufflink_destroy() will wait for it, and not while
 * it still runs elsewhere: they wait for one CPU.
 */
static bool bufflink_queue_tick(struct bufflink *bl)
{
	unsigned int cpu = raw_smp_processor_id();

	if (!cpu_active(cpu) || READ_ONCE(bl->destroyed))
		return false;
	if (atomic_fetch_or(BL_LAZY, &bl->flags) & BL_LAZY)
		return true;
	if (irq_work_is_busy(&bl->irq_tick)) {
		atomic_andnot(BL_LAZY, &bl->flags);
		return false;
	}
	WRITE_ONCE(bl->tick_cpu, cpu);
	return irq_work_queue(&bl->irq_tick);
}

/* Clears BL_ARMED, and says whether it was set. */
static __always_inline bool bufflink_disarm(struct bufflink *bl)
{
	return (atomic_read(&bl->flags) & BL_ARMED) &&
	       (atomic_fetch_andnot(BL_ARMED, &bl->flags) & BL_ARMED);
}

/*
 * If a waiter has armed and bytes wait in the ring, queues the irq_work that
 * wakes. Called with its lock held, so that no read arms between the look and the
 * clearing, and nothing comes between the clearing and the irq_work.
 */
static noinline void bufflink_queue_data_wakeup(struct bufflink *bl,
						struct bufflink_ring *ring)
{
	size_t used = bufflink_readable(bl, ring);

	if (!used || !(atomic_read(&bl->flags) & BL_ARMED) ||
	    bufflink_cpu_went_offline())
		return;
	if (used < READ_ONCE(bl->ring_watermark) && bufflink_queue_tick(bl))
		return;
	if (bufflink_disarm(bl))
		irq_work_queue(&bl->irq_now);
}

/*
 * Loss accounting
 *
 * Every lost record is counted once in lost_records and lost_bytes, which only
 * grow, and once in a report. With lock held, bufflink_count_lost() does both, or
 * in a per-CPU buffer adds to pending_*, for a reader. Without lock, a record is
 * first counted in
 *
 *   refused	if the buffer was full when bufflink_refuse_if_full() looked, or
 *   missed_*	if the lock was taken and the caller must not wait,
 *
 * and BL_UNFOLDED is set, or BL_PENDING in a per-CPU buffer. bufflink_fold() then
 * counts them at the present head. An append that sees them folds before it moves
 * head. So a loss has its place before every append that began after it.
 *
 * refused has records and bytes in one word, so that both change in one step:
 * bytes below BL_REFUSED, records above: 16 bits of records above 48 bits of bytes
 * in a word of 64 bits. Neither can overflow. A record counts for at most
 * BL_REFUSED_MAX bytes; a larger one takes the lock. When the number of records
 * reaches half of its range, the word is negative, and the next record takes the
 * lock and folds. Meanwhile a few appends of each CPU may still add a record, as
 * they looked at the word before: one in an NMI, and those that it interrupted. A
 * kernel of 32 bits for more than BL_REFUSED_CPUS takes the lock each time.
 */
#define BL_REFUSED	(1L << (BITS_PER_LONG / 4 * 3))
#define BL_REFUSED_MAX	(1UL << (BITS_PER_LONG / 2))
#define BL_REFUSED_CPUS	(1L << (BITS_PER_LONG / 4 - 2))

static_assert(BL_REFUSED_MAX << (BITS_PER_LONG / 4) == BL_REFUSED);

static noinline void bufflink_queue_loss_wakeup(struct bufflink *bl)
{
	atomic_or(BL_SIGNAL, &bl->flags);
	/* B4: the atomic operation of the caller is the barrier. */
	if ((waitqueue_active(&bl->data_wait) ||
	     READ_ONCE(bl->fasync)) && !bufflink_cpu_went_offline())
		irq_work_queue(&bl->irq_now);
}

/* Queues a wakeup for the first loss after a report. */
static noinline void bufflink_set_loss_flags(struct bufflink *bl, int flags)
{
	if ((atomic_read(&bl->flags) & flags) == flags)
		return;
	if (!(atomic_fetch_or(flags, &bl->flags) & (BL_LOST | BL_UNFOLDED)))
		bufflink_queue_loss_wakeup(bl);
}

/*
 * Marks a loss that a reader will report. If the ring is drained, no reader need
 * come, so this queues a wakeup.
 */
static noinline void bufflink_set_pending(struct bufflink *bl,
					  struct bufflink_ring *ring)
{
	if (atomic_read(&bl->flags) & BL_PENDING)
		return;
	if (!(atomic_fetch_or(BL_PENDING, &bl->flags) & BL_PENDING) &&
	    !bufflink_used(ring))				/* B7 */
		bufflink_queue_loss_wakeup(bl);
}

/* Clients may offer sizes near SIZE_MAX. The sum stops at the largest value. */
static __always_inline u64 bufflink_add(u64 sum, u64 bytes)
{
	return check_add_overflow(sum, bytes, &sum) ? U64_MAX : sum;
}

/* Adds to the report. Called with the lock of bl->ring held. */
static void bufflink_report(struct bufflink *bl, u64 records, u64 bytes,
			    u64 position)
{
	struct bufflink_loss *loss = &bl->loss;

	if (!loss->records)
		loss->first = position;
	loss->last = position;
	loss->records += records;
	loss->bytes = bufflink_add(loss->bytes, bytes);
	bufflink_set_loss_flags(bl, BL_LOST);
}

/* Counts records that are lost at the present head. Called with lock held. */
static noinline void bufflink_count_lost(struct bufflink *bl,
					 struct bufflink_ring *ring,
					 u64 records, u64 bytes)
{
	ring->lost_records += records;
	ring->lost_bytes = bufflink_add(ring->lost_bytes, bytes);
	if (!(atomic_read(&bl->flags) & BL_OVERFLOW))
		atomic_or(BL_OVERFLOW, &bl->flags);
	if (!bl->cpu_rings) {
		bufflink_report(bl, records, bytes, ring->bytes);
		return;
	}
	ring->credit = 0;	/* the next record must carry it */
	ring->pending_records += records;
	ring->pending_bytes = bufflink_add(ring->pending_bytes, bytes);
}

/* Counts a record that must not wait for lock. */
static noinline void bufflink_count_missed(struct bufflink *bl,
					   struct bufflink_ring *ring,
					   size_t size)
{
	long bytes = atomic_long_read(&ring->missed_bytes);

	while (!atomic_long_try_cmpxchg(&ring->missed_bytes, &bytes,
					size_add(bytes, size)))
		;
	/* Records last: bufflink_fold() looks at them, and then takes both. */
	atomic_long_inc_return(&ring->missed_records);	/* B6 */
	if (bl->cpu_rings)
		bufflink_set_pending(bl, ring);
	else
		bufflink_set_loss_flags(bl, BL_UNFOLDED);
}

/*
 * Counts a record, and returns true, if a look without lock finds that there is no
 * room. If it returns false, the caller takes the lock to know.
 */
static __always_inline bool bufflink_refuse_if_full(struct bufflink *bl,
						    size_t size)
{
	struct bufflink_ring *ring = &bl->ring;
	/*
	 * head, then size, then tail: used is then exact or too small, so a
	 * record with room is never refused. If tail has passed this head, the
	 * difference wraps and is larger than any capacity.
	 */
	unsigned long head = smp_load_acquire(&ring->head);	/* B2 */
	size_t capacity = smp_load_acquire(&ring->size);	/* B8 */
	unsigned long used;

	if (bufflink_is_turning(ring))
		return false;
	used = head - READ_ONCE(ring->tail);
	if (used > capacity || size > capacity || size <= capacity - used)
		return false;
	if (CONFIG_NR_CPUS > BL_REFUSED_CPUS || size > BL_REFUSED_MAX ||
	    atomic_long_read(&ring->refused) < 0)
		return false;
	atomic_long_add_return(BL_REFUSED + size, &ring->refused); /* B6 */
	bufflink_set_loss_flags(bl, BL_UNFOLDED);
	return true;
}

/* Adds up the losses that were counted without lock. Called with lock held. */
static noinline void bufflink_fold(struct bufflink *bl,
				   struct bufflink_ring *ring)
{
	unsigned long refused, records, bytes;

	if (bl->cpu_rings ? !atomic_long_read(&ring->missed_records) :
			    !(atomic_read(&bl->flags) & BL_UNFOLDED))
		return;
	/* A loss meanwhile must find one of the flags set, or it wakes again. */
	if (!bl->cpu_rings && (atomic_long_read(&ring->refused) ||
			       atomic_long_read(&ring->missed_records)))
		bufflink_set_loss_flags(bl, BL_LOST);

	atomic_fetch_andnot(BL_UNFOLDED, &bl->flags);	/* B6 */
	refused = atomic_long_xchg(&ring->refused, 0);
	if (refused)
		bufflink_count_lost(bl, ring, refused / BL_REFUSED,
				    refused % BL_REFUSED);
	records = atomic_long_xchg(&ring->missed_records, 0);
	if (records) {
		bytes = atomic_long_xchg(&ring->missed_bytes, 0);
		bufflink_count_lost(bl, ring, records, bytes);
	}
}

static __always_inline unsigned long bufflink_enter(void)
{
	unsigned long irqs;

	local_irq_save(irqs);
	__this_cpu_inc(bufflink_depth);
	return irqs;
}

static __always_inline void bufflink_leave(unsigned long irqs)
{
	__this_cpu_dec(bufflink_depth);
	local_irq_restore(irqs);
}

/* Takes the lock, and folds. The client's appends use bufflink_lock_or_miss(). */
static unsigned long bufflink_lock_ring(struct bufflink *bl,
					struct bufflink_ring *ring)
	__acquires(&ring->lock)
{
	unsigned long irqs = bufflink_enter();

	raw_spin_lock(&ring->lock);
	bufflink_fold(bl, ring);
	return irqs;
}

static void bufflink_unlock_ring(struct bufflink_ring *ring, unsigned long irqs)
	__releases(&ring->lock)
{
	raw_spin_unlock(&ring->lock);
	bufflink_leave(irqs);
}

/* The lock of the members that all rings have in common */
static unsigned long bufflink_lock(struct bufflink *bl)
	__acquires(&bl->ring.lock)
{
	return bufflink_lock_ring(bl, &bl->ring);
}

static void bufflink_unlock(struct bufflink *bl, unsigned long irqs)
	__releases(&bl->ring.lock)
{
	bufflink_unlock_ring(&bl->ring, irqs);
}

/* Copies one piece of a record to the head, in two parts where the ring wraps. */
static __always_inline void bufflink_copy_in(struct bufflink_ring *ring,
					     const void *data, size_t size)
{
	size_t part = min(size, bufflink_to_end(ring));

	memcpy(ring->head_ptr, data, part);
	memcpy(ring->data, data + part, size - part);
	if (part < size)
		ring->head_ptr -= ring->size;
	ring->head_ptr += size;
}

static __always_inline int bufflink_check_room(const struct bufflink_ring *ring,
					       size_t room, size_t need)
{
	if (need > ring->size)
		return -EMSGSIZE;
	return need > room ? -ENOSPC : 0;
}

/*
 * Looks at tail, copies a record in if there is room, and grants new credit.
 * @src is the record, or if @n is not 0, a list of its @n pieces. A per-CPU
 * buffer has a @header before it.
 */
static noinline int bufflink_store_slow(struct bufflink_ring *ring,
					const struct bufflink_header *header,
					const void *src, size_t n, size_t size)
{
	size_t room = bufflink_room(ring);
	size_t header_size = header ? sizeof(*header) : 0;
	size_t need = size_add(size, header_size);
	int err = bufflink_check_room(ring, room, need);
	const struct kvec *vec = src;
	size_t used, i;

	if (err)
		return err;
	bufflink_copy_in(ring, header, header_size);
	for (i = 0; i < n; i++)
		bufflink_copy_in(ring, vec[i].iov_base, vec[i].iov_len);
	if (!n)
		bufflink_copy_in(ring, src, size);
	used = bufflink_used(ring) + need;
	ring->highwater = max(ring->highwater, used);
	ring->credit = min3(room - need, ring->highwater - used,
			    bufflink_to_end(ring));
	return 0;
}

/*
 * Without CONFIG_SMP a trylock always succeeds. The depth tells whether it may, but
 * not which lock is held.
 */
static __always_inline bool bufflink_trylock(struct bufflink_ring *ring)
{
	return (IS_ENABLED(CONFIG_SMP) ||
		likely(__this_cpu_read(bufflink_depth) == 1)) &&
	       raw_spin_trylock(&ring->lock);
}

/* Takes the lock, or counts the record and returns false if it must not wait. */
static __always_inline bool bufflink_lock_or_miss(struct bufflink *bl,
						  struct bufflink_ring *ring,
						  size_t size)
{
	if (likely(bufflink_trylock(ring)))
		return true;
	/* In an NMI the lock may be held by a CPU that waits for us. */
	if (in_nmi() || __this_cpu_read(bufflink_depth) > 1) {
		bufflink_count_missed(bl, ring, size);
		return false;
	}
	raw_spin_lock(&ring->lock);
	return true;
}

static __always_inline void bufflink_advance(struct bufflink_ring *ring,
					     size_t size)
{
	ring->records++;
	ring->bytes += size;
	smp_store_release(&ring->head, (unsigned long)ring->bytes);	/* B1 */
}

static noinline void bufflink_commit_slow(struct bufflink *bl,
					  struct bufflink_ring *ring,
					  size_t size)
{
	bufflink_fold(bl, ring);
	bufflink_advance(ring, size);
	bufflink_queue_data_wakeup(bl, ring);
}

/* Publishes a record that was copied in. Called with lock held. */
static __always_inline void bufflink_commit(struct bufflink *bl,
					    struct bufflink_ring *ring,
					    size_t size)
{
	if (unlikely(atomic_read(&bl->flags) & (BL_ARMED | BL_UNFOLDED)))	/* B3 */
		bufflink_commit_slow(bl, ring, size);
	else
		bufflink_advance(ring, size);
}

/* Called with lock held. CPUs wait for one another to count, but not for a clock. */
static __always_inline unsigned long bufflink_stamp(struct bufflink *bl)
{
	smp_mb__after_spinlock();	/* B9 */
	return likely(bl->has_clock) ? ktime_get_raw_fast_ns() :
				       atomic_long_inc_return(&bl->counter);
}

/* Stores a record with a header that has the loss before it. */
static int bufflink_store_percpu(struct bufflink *bl,
				 struct bufflink_ring *ring, const void *src,
				 size_t n, size_t size)
{
	struct bufflink_header header = { .size = size };
	int err = bufflink_check_room(ring, bufflink_room(ring),
				      size_add(size, sizeof(header)));

	if (err || size > U32_MAX)
		return err ?: -EMSGSIZE;
	/* Only a record that is stored has a stamp: a counter must not run away. */
	bufflink_fold(bl, ring);
	header.lost_records = min_t(u64, ring->pending_records, U32_MAX);
	header.lost_bytes = ring->pending_bytes;
	header.stamp = bufflink_stamp(bl);
	bufflink_store_slow(ring, &header, src, n, size);
	ring->pending_records -= header.lost_records;
	ring->pending_bytes = 0;
	if (ring->pending_records)
		ring->credit = 0;
	bufflink_advance(ring, size + sizeof(header));
	bufflink_queue_data_wakeup(bl, ring);
	return 0;
}

/* Stores a record without the help of credit, or returns an error. */
static int bufflink_store(struct bufflink *bl, struct bufflink_ring *ring,
			  const void *src, size_t n, size_t size)
{
	int err;

	if (bl->cpu_rings)
		return bufflink_store_percpu(bl, ring, src, n, size);
	err = bufflink_store_slow(ring, NULL, src, n, size);
	if (likely(!err))
		bufflink_commit(bl, ring, size);
	return err;
}

/* The same for a client. Called with lock held. */
static noinline int bufflink_store_or_lose(struct bufflink *bl,
					   struct bufflink_ring *ring,
					   const void *src, size_t n,
					   size_t size)
{
	int err = bufflink_store(bl, ring, src, n, size);

	if (unlikely(err)) {
		bufflink_fold(bl, ring);
		bufflink_count_lost(bl, ring, 1, size);
		if (bl->cpu_rings)
			bufflink_set_pending(bl, ring);
	}
	return err;
}

/* One record for the ring of this CPU. Interrupts are off. */
static noinline int bufflink_append_percpu(struct bufflink *bl, const void *src,
					   size_t n, size_t size)
{
	struct bufflink_ring *ring = raw_cpu_ptr(bl->cpu_rings);
	const size_t header_size = sizeof(struct bufflink_header);
	int err = 0;

	if (!bufflink_lock_or_miss(bl, ring, size))
		return -EBUSY;
	if (n || size > ring->credit || size + header_size > ring->credit ||
	    atomic_long_read(&ring->missed_records) ||
	    atomic_read(&bl->flags) & BL_ARMED) {		/* B3 */
		err = bufflink_store_or_lose(bl, ring, src, n, size);
	} else {
		*(struct bufflink_header *)ring->head_ptr =
			(struct bufflink_header) {
				.stamp = bufflink_stamp(bl),
				.size = size,
			};
		memcpy(ring->head_ptr + header_size, src, size);
		ring->head_ptr += size + header_size;
		ring->credit -= size + header_size;
		bufflink_advance(ring, size + header_size);
	}
	raw_spin_unlock(&ring->lock);
	return err;
}

static noinline int bufflink_append_locked(struct bufflink *bl, const void *src,
					   size_t n, size_t size)
{
	int err;

	if (!bufflink_lock_or_miss(bl, &bl->ring, size))
		return -EBUSY;
	err = bufflink_store_or_lose(bl, &bl->ring, src, n, size);
	raw_spin_unlock(&bl->ring.lock);
	return err;
}

/* One record that the credit is too small for. Interrupts are off. */
static noinline int bufflink_append_slow(struct bufflink *bl, const void *src,
					 size_t n, size_t size)
{
	if (bl->cpu_rings)	/* the credit of bl->ring is always 0 */
		return bufflink_append_percpu(bl, src, n, size);
	if (bufflink_refuse_if_full(bl, size))
		return -ENOSPC;
	return bufflink_append_locked(bl, src, n, size);
}

/* One record of a client; @src and @n are those of bufflink_store_slow(). */
static __always_inline int __bufflink_append(struct bufflink *bl,
					     const void *src, size_t n,
					     size_t size)
{
	struct bufflink_ring *ring = &bl->ring;
	unsigned long irqs;
	int err = 0;

	if (unlikely(!size))
		return 0;
	irqs = bufflink_enter();
	/* A stale credit is safe: with the lock it is compared again. */
	if (unlikely(size > data_race(ring->credit))) {
		err = bufflink_append_slow(bl, src, n, size);
		goto exit;
	}
	if (unlikely(!bufflink_lock_or_miss(bl, ring, size))) {
		err = -EBUSY;
		goto exit;
	}
	if (n || unlikely(size > ring->credit)) {
		err = bufflink_store_or_lose(bl, ring, src, n, size);
	} else {
		memcpy(ring->head_ptr, src, size);
		ring->head_ptr += size;
		ring->credit -= size;
		bufflink_commit(bl, ring, size);
	}
	raw_spin_unlock(&ring->lock);
exit:
	bufflink_leave(irqs);
	return err;
}

/**
 * bufflink_append() - append one record
 * @bl: the buffer
 * @data: the record
 * @size: its size in bytes; nothing is stored if this is 0
 *
 * The record is stored whole or not at all. The records of all producers are read
 * in one order. In it, a record comes before another if its call returned before
 * the other was called. This function neither sleeps nor allocates. Interrupts
 * are off while it copies @size bytes, and other producers of the ring wait for
 * the lock: keep records small.
 *
 * Context: Any: process, softirq, hardirq and NMI, with any lock held.
 * Return: 0 if the record was stored. Otherwise it is lost, and counted:
 *
 * * -ENOSPC - there is no room for it now
 * * -EMSGSIZE - it is larger than the ring; of a per-CPU buffer, with its header
 * * -EBUSY - the lock was taken, and the call was made in an NMI, or nested in
 *   another append, or in another call to bufflink that holds a lock, on this CPU.
 *   Without CONFIG_SMP, each nested call, to whatever buffer
 */
int bufflink_append(struct bufflink *bl, const void *data, size_t size)
{
	return __bufflink_append(bl, data, 0, size);
}
EXPORT_SYMBOL_GPL(bufflink_append);
NOKPROBE_SYMBOL(bufflink_append);

/**
 * bufflink_appendv() - append one record that is in several pieces
 * @bl: the buffer
 * @vec: the pieces, in kernel memory
 * @n: the number of pieces
 *
 * Like bufflink_append() of all pieces joined, for example a header and a
 * payload. Interrupts are off while it copies all of them.
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
	return __bufflink_append(bl, vec, n, size);
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
 * bufflink_number() - tell which device a buffer has
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

/* Makes the next append wake. The caller then checks for data. */
static void bufflink_arm(struct bufflink *bl)
{
	struct bufflink_ring *ring;
	unsigned long irqs;

	list_for_each_entry(ring, &bl->rings, node) {
		irqs = bufflink_lock_ring(bl, ring);
		atomic_or(BL_ARMED, &bl->flags);	/* B3 */
		bufflink_unlock_ring(ring, irqs);
	}
}

/* For a waiter that does not check again: bytes that wait now wake it. */
static void bufflink_arm_or_wake(struct bufflink *bl)
{
	struct bufflink_ring *ring;
	unsigned long irqs;

	list_for_each_entry(ring, &bl->rings, node) {
		irqs = bufflink_lock_ring(bl, ring);
		atomic_or(BL_ARMED, &bl->flags);
		bufflink_queue_data_wakeup(bl, ring);
		bufflink_unlock_ring(ring, irqs);
	}
	irqs = bufflink_lock(bl);
	if (READ_ONCE(bl->page_used) && bufflink_disarm(bl))
		irq_work_queue(&bl->irq_now);
	bufflink_unlock(bl, irqs);
}

/*
 * Exclusive waiters are at the end of a queue. If the last but one is exclusive,
 * there are two or more.
 */
static bool bufflink_has_two_exclusive(struct wait_queue_head *wq)
{
	struct wait_queue_entry *entry;
	bool exclusives = false;
	unsigned long irqs;

	spin_lock_irqsave(&wq->lock, irqs);
	if (!list_empty(&wq->head) && !list_is_singular(&wq->head)) {
		entry = list_last_entry(&wq->head, struct wait_queue_entry,
					entry);
		entry = list_prev_entry(entry, entry);
		exclusives = entry->flags & WQ_FLAG_EXCLUSIVE;
	}
	spin_unlock_irqrestore(&wq->lock, irqs);
	return exclusives;
}

/* Whether a loss is pending and no byte is left to read before it */
static bool bufflink_has_late_loss(const struct bufflink *bl)
{
	return atomic_read(&bl->flags) & BL_PENDING && !bufflink_has_data(bl);
}

/* Whether BUFFLINK_GETLOSS may return a loss. It may also find it gone already. */
static bool bufflink_has_loss(const struct bufflink *bl)
{
	return atomic_read(&bl->flags) & (BL_LOST | BL_UNFOLDED) ||
	       bufflink_has_late_loss(bl);
}

/*
 * Wakes without a key, so that all waiters look for themselves. io_uring would
 * report a key as it is, when another reader may have taken the bytes.
 */
static void bufflink_wake_readers(struct bufflink *bl)
{
	unsigned long irqs;

	if (!wq_has_sleeper(&bl->data_wait) && !READ_ONCE(bl->fasync))
		return;
	/* One exclusive waiter is woken now. The next append wakes another. */
	if (bufflink_has_two_exclusive(&bl->data_wait))
		bufflink_arm(bl);
	irqs = bufflink_lock(bl);
	bl->wakeups++;
	bufflink_unlock(bl, irqs);

	wake_up_interruptible(&bl->data_wait);
	if (bufflink_has_data(bl))
		kill_fasync(&bl->fasync, SIGIO, POLL_IN);
	if (atomic_fetch_andnot(BL_SIGNAL, &bl->flags) & BL_SIGNAL &&
	    bufflink_has_loss(bl))
		kill_fasync(&bl->fasync, SIGIO, POLL_PRI);
}

/* Wakes exclusive waiters, too: the first may need more room than there is. */
static void bufflink_wake_writers(struct bufflink *bl)
{
	if (wq_has_sleeper(&bl->room_wait))			/* B4 */
		wake_up_interruptible_all(&bl->room_wait);
}

static void bufflink_work_now(struct kthread_work *work)
{
	bufflink_wake_readers(container_of(work, struct bufflink, work_now));
}

static void bufflink_irq_now(struct irq_work *work)
{
	struct bufflink *bl = container_of(work, struct bufflink, irq_now);

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kthread_queue_work(bufflink_worker, &bl->work_now);
	else
		bufflink_wake_readers(bl);
}

static void bufflink_irq_tick(struct irq_work *work)
{
	struct bufflink *bl = container_of(work, struct bufflink, irq_tick);
	struct bufflink_ring *ring;
	unsigned long irqs;
	bool wake = false;

	atomic_fetch_andnot(BL_LAZY, &bl->flags);
	/* The lock keeps a read from arming between the look and the clearing. */
	list_for_each_entry(ring, &bl->rings, node) {
		irqs = bufflink_lock_ring(bl, ring);
		if (bufflink_readable(bl, ring))
			wake |= bufflink_disarm(bl);
		bufflink_unlock_ring(ring, irqs);
	}
	if (wake)
		bufflink_wake_readers(bl);
}

/*
 * Runs on a CPU that is not active any more, but still runs its irq_work. The
 * scheduler has waited for the appends that saw the CPU active, so irq_tick is
 * not queued here again.
 */
static int bufflink_cpu_offline(unsigned int cpu)
{
	struct bufflink *bl;
	unsigned long number;

	mutex_lock(&bufflink_buffers_lock);
	xa_for_each(&bufflink_buffers, number, bl)
		while (irq_work_is_busy(&bl->irq_tick) &&
		       READ_ONCE(bl->tick_cpu) == cpu)
			schedule_timeout_uninterruptible(1);
	mutex_unlock(&bufflink_buffers_lock);
	return 0;
}

/*
 * Runs on another CPU. Appends on the dead one may have woken nobody. A writer that
 * waits for room in its ring has another one now.
 */
static int bufflink_cpu_dead(unsigned int cpu)
{
	struct bufflink *bl;
	unsigned long number;

	mutex_lock(&bufflink_buffers_lock);
	xa_for_each(&bufflink_buffers, number, bl) {
		bufflink_wake_readers(bl);
		bufflink_wake_writers(bl);
	}
	mutex_unlock(&bufflink_buffers_lock);
	return 0;
}

static void bufflink_free_memory(struct bufflink *bl)
{
	struct bufflink_ring *ring;

	list_for_each_entry(ring, &bl->rings, node) {
		if (bufflink_is_turning(ring))
			vfree(ring->read_data);
		if (!bl->is_client_memory)
			vfree(ring->data);
	}
	free_page((unsigned long)bl->page);
	free_percpu(bl->cpu_rings);
	kfree(bl);
}

/*
 * A wakeup may still be on its way. irq_now can run on two CPUs at once, and
 * irq_work_sync() may miss one of them. It runs with interrupts off, so
 * synchronize_rcu() waits for both. On PREEMPT_RT, the irq_work thread still looks
 * at irq_tick after it has marked it as done. The thread has no RCU reader.
 */
static void bufflink_free(struct kref *ref)
{
	struct bufflink *bl = container_of(ref, struct bufflink, ref);

	irq_work_sync(&bl->irq_tick);
	irq_work_sync(&bl->irq_now);
	synchronize_rcu();
	if (IS_ENABLED(CONFIG_PREEMPT_RT) && bl->tick_cpu != nr_cpu_ids)
		synchronize_rcu_tasks();
	kthread_cancel_work_sync(&bl->work_now);
	bufflink_free_memory(bl);
}

static struct bufflink *file_to_bufflink(const struct file *file)
{
	const struct bufflink_file *bf = file->private_data;

	return bf->bl;
}

/* readers is -1 while the only reader is exclusive. */
static int bufflink_add_reader(struct bufflink *bl, bool exclusive)
{
	bool added = exclusive ? !atomic_cmpxchg(&bl->readers, 0, -1) :
				 atomic_inc_unless_negative(&bl->readers);

	return added ? 0 : -EBUSY;
}

static void bufflink_remove_reader(struct bufflink *bl)
{
	if (atomic_dec_if_positive(&bl->readers) < 0)
		atomic_set(&bl->readers, 0);
}

static int bufflink_open(struct inode *inode, struct file *file)
{
	struct bufflink *bl = container_of(file->private_data,
					   struct bufflink, misc);
	struct bufflink_file *bf;
	int err;

	bf = kzalloc(sizeof(*bf), GFP_KERNEL);
	if (!bf)
		return -ENOMEM;
	if (file->f_mode & FMODE_READ) {
		err = bufflink_add_reader(bl, file->f_flags & O_EXCL);
		if (err) {
			kfree(bf);
			return err;
		}
	}
	kref_get(&bl->ref);
	bf->bl = bl;
	file->private_data = bf;
	file->f_mode |= FMODE_NOWAIT;
	return stream_open(inode, file);
}

static bool bufflink_nowait(const struct kiocb *iocb)
{
	return iocb->ki_flags & IOCB_NOWAIT ||
	       iocb->ki_filp->f_flags & O_NONBLOCK;
}

static bool bufflink_ready(const struct bufflink *bl)
{
	return bufflink_has_data(bl) || READ_ONCE(bl->destroyed);
}

static bool bufflink_ready_or_arm(struct bufflink *bl)
{
	if (bufflink_ready(bl))
		return true;
	bufflink_arm(bl);
	return bufflink_ready(bl);
}

/* Whether everything that was appended before a resize has been read */
static bool bufflink_at_turn(const struct bufflink_ring *ring)
{
	return bufflink_is_turning(ring) &&
	       READ_ONCE(ring->tail) == READ_ONCE(ring->turn);
}

/* Moves the readers to the new memory if the old is drained. */
static void bufflink_turn(struct bufflink *bl, struct bufflink_ring *ring)
{
	u8 *drained = ring->read_data;
	unsigned long irqs;

	if (likely(!bufflink_at_turn(ring)))
		return;
	irqs = bufflink_lock_ring(bl, ring);
	ring->tail_ptr = ring->data;
	ring->read_size = ring->size;
	atomic_dec(&bl->turning);	/* before the next resize sets it */
	smp_store_release(&ring->read_data, ring->data);	/* B8 */
	bufflink_unlock_ring(ring, irqs);
	vfree(drained);
}

static void bufflink_turn_all(struct bufflink *bl)
{
	struct bufflink_ring *ring;

	if (atomic_read(&bl->turning))
		list_for_each_entry(ring, &bl->rings, node)
			bufflink_turn(bl, ring);
}

/* Bytes from the tail to the end of the memory */
static __always_inline size_t
bufflink_tail_to_end(const struct bufflink_ring *ring)
{
	return ring->read_data + ring->read_size - ring->tail_ptr;
}

static __always_inline void bufflink_advance_tail(struct bufflink_ring *ring,
						  size_t size)
{
	size_t to_end = bufflink_tail_to_end(ring);

	ring->tail_ptr += size;
	if (size >= to_end)
		ring->tail_ptr -= ring->read_size;
	smp_store_release(&ring->tail, ring->tail + size);	/* B2 */
}

/*
 * The next bytes to read, at most @n of them in one piece. The client's memory
 * is copied first: bufflink_destroy() waits for that, not for a program.
 */
static const void *bufflink_next_piece(struct bufflink *bl, size_t *n)
{
	struct bufflink_ring *ring = &bl->ring;

	bufflink_turn(bl, ring);
	*n = min(*n, bufflink_tail_to_end(ring));
	if (bufflink_is_turning(ring))
		*n = min_t(size_t, *n, READ_ONCE(ring->turn) - ring->tail);
	if (!bl->is_client_memory)
		return ring->tail_ptr;

	*n = min_t(size_t, *n, PAGE_SIZE);
	mutex_lock(&bl->bounce_lock);
	if (READ_ONCE(bl->destroyed))
		*n = 0;
	else
		memcpy(bl->page, ring->tail_ptr, *n);
	mutex_unlock(&bl->bounce_lock);
	return bl->page;
}

/* Stamps of 32 bits wrap. Those that wait are within half of their range. */
static __always_inline bool bufflink_is_later(unsigned long a, unsigned long b)
{
	return (long)(a - b) > 0;
}

/* Copies bytes at the tail of a ring, which may wrap. */
static __always_inline void bufflink_peek(const struct bufflink_ring *ring,
					  void *to, size_t size)
{
	size_t to_end = bufflink_tail_to_end(ring);

	if (likely(size <= to_end)) {
		memcpy(to, ring->tail_ptr, size);
	} else {
		memcpy(to, ring->tail_ptr, to_end);
		memcpy(to + to_end, ring->read_data, size - to_end);
	}
}

/* Brings a ring to its place in the pass. The search begins at the likely end. */
static void bufflink_queue_ring(struct bufflink *bl, struct bufflink_ring *ring)
{
	struct bufflink_ring *other;

	list_for_each_entry_reverse(other, &bl->pass, pass_node)
		if (!bufflink_is_later(other->next.stamp, ring->next.stamp))
			break;
	list_add(&ring->pass_node, &other->pass_node);
}

/* Looks at the next record of a ring, and says whether it is in the pass. */
static __always_inline bool bufflink_look(struct bufflink *bl,
					  struct bufflink_ring *ring)
{
	if (ring->tail == ring->limit)
		return false;
	bufflink_turn(bl, ring);
	bufflink_peek(ring, &ring->next, sizeof(ring->next));
	return !bufflink_is_later(ring->next.stamp, bl->pass_stamp);
}

/*
 * Not lower than the stamp of any append that has returned, and lower than the
 * stamp of any append to come
 */
static unsigned long bufflink_last_stamp(struct bufflink *bl)
{
	unsigned long stamp = bl->has_clock ? ktime_get_raw_fast_ns() - 1 :
					      atomic_long_read(&bl->counter);

	rmb();		/* the clock may be a register: smp_mb() does not order it */
	smp_mb();	/* B9 */
	return stamp;
}

static void bufflink_begin_pass(struct bufflink *bl)
{
	struct bufflink_ring *ring;

	bl->pass_stamp = bufflink_last_stamp(bl);
	list_for_each_entry(ring, &bl->rings, node) {
		ring->limit = smp_load_acquire(&ring->head);	/* B1 */
		if (bufflink_look(bl, ring))
			bufflink_queue_ring(bl, ring);
	}
}

/* The records are missing behind the bytes that were taken. */
static noinline void bufflink_report_at_tail(struct bufflink *bl, u64 records,
					     u64 bytes)
{
	unsigned long irqs = bufflink_lock(bl);

	bufflink_report(bl, records, bytes, bl->position + bl->page_used);
	bufflink_unlock(bl, irqs);
}

/* Takes the pending loss of a drained ring. Otherwise a record will carry it. */
static u64 bufflink_take_if_drained(struct bufflink *bl,
				    struct bufflink_ring *ring, u64 *bytes)
{
	unsigned long irqs = bufflink_lock_ring(bl, ring);
	u64 records = 0;

	if (ring->pending_records && bufflink_used(ring)) {
		atomic_or(BL_PENDING, &bl->flags);
	} else {
		records = ring->pending_records;
		*bytes = ring->pending_bytes;
		ring->pending_records = 0;
		ring->pending_bytes = 0;
	}
	bufflink_unlock_ring(ring, irqs);
	return records;
}

/* Called when all records of a pass have been taken */
static noinline void bufflink_report_pending(struct bufflink *bl)
{
	struct bufflink_ring *ring;
	u64 records, bytes;

	if (!(atomic_fetch_andnot(BL_PENDING, &bl->flags) & BL_PENDING)) /* B6 */
		return;
	list_for_each_entry(ring, &bl->rings, node) {
		records = bufflink_take_if_drained(bl, ring, &bytes);
		if (records)
			bufflink_report_at_tail(bl, records, bytes);
	}
}

/* Takes the next record from its ring. */
static void bufflink_take_header(struct bufflink *bl,
				 struct bufflink_ring *ring)
{
	bufflink_advance_tail(ring, sizeof(ring->next));
	ring->rest = ring->next.size;
	if (unlikely(ring->next.lost_records))
		bufflink_report_at_tail(bl, ring->next.lost_records,
					ring->next.lost_bytes);
}

/* The stamp up to which the first ring of the pass comes before all others */
static unsigned long bufflink_last_of_run(const struct bufflink *bl,
					  const struct bufflink_ring *first)
{
	return list_is_last(&first->pass_node, &bl->pass) ?
	       bl->pass_stamp : list_next_entry(first, pass_node)->next.stamp;
}

/* Brings the first ring of the pass to the place of its next record. */
static void bufflink_requeue_ring(struct bufflink *bl,
				  struct bufflink_ring *ring)
{
	if (!bufflink_look(bl, ring)) {
		list_del(&ring->pass_node);
		if (list_empty(&bl->pass))
			bufflink_report_pending(bl);
	} else if (bufflink_is_later(ring->next.stamp,
				     bufflink_last_of_run(bl, ring))) {
		list_del(&ring->pass_node);
		bufflink_queue_ring(bl, ring);
	}
}

/* Bytes at the tail that are in one piece, and in the pass */
static size_t bufflink_piece(const struct bufflink_ring *ring)
{
	size_t size = min_t(size_t, ring->limit - ring->tail,
			    bufflink_tail_to_end(ring));

	if (unlikely(bufflink_is_turning(ring)))
		size = min_t(size_t, size, READ_ONCE(ring->turn) - ring->tail);
	return size;
}

/*
 * Moves records of the first ring to the page, as long as they are earlier than
 * those of other rings, whole, and not after a loss. Most records are.
 */
static void bufflink_take_run(struct bufflink *bl, struct bufflink_ring *ring,
			      size_t max)
{
	unsigned long last = bufflink_last_of_run(bl, ring);
	size_t piece = bufflink_piece(ring);
	const u8 *from = ring->tail_ptr;
	u8 *to = bl->page + bl->page_used;
	size_t size;

	for (; piece >= sizeof(ring->next); piece -= size) {
		const struct bufflink_header *header = (void *)from;

		size = sizeof(*header) + header->size;
		if (size > piece || header->size > max || header->lost_records ||
		    bufflink_is_later(header->stamp, last))
			break;
		memcpy(to, header + 1, header->size);
		to += header->size;
		max -= header->size;
		from += size;
	}
	WRITE_ONCE(bl->page_used, to - (u8 *)bl->page);
	bufflink_advance_tail(ring, from - ring->tail_ptr);
}

/* Moves a part of one record to the page, at most @max bytes. */
static void bufflink_take_part(struct bufflink *bl, struct bufflink_ring *ring,
			       size_t max)
{
	size_t n;

	if (!ring->rest)
		bufflink_take_header(bl, ring);
	n = min(ring->rest, max);
	bufflink_peek(ring, bl->page + bl->page_used, n);
	WRITE_ONCE(bl->page_used, bl->page_used + n);
	ring->rest -= n;
	bufflink_advance_tail(ring, n);
}

/* Moves at most @max of the next bytes of the pass to the page. */
static void bufflink_take(struct bufflink *bl, size_t max)
{
	struct bufflink_ring *ring = list_first_entry(&bl->pass,
						      struct bufflink_ring,
						      pass_node);
	unsigned long tail = ring->tail;

	if (!ring->rest)
		bufflink_take_run(bl, ring, max);
	if (ring->tail == tail)
		bufflink_take_part(bl, ring, max);
	if (!ring->rest)
		bufflink_requeue_ring(bl, ring);
}

/*
 * The next bytes of a per-CPU buffer, at most @n of them, come to the page. Those
 * that a fault has left there come first. @may_begin says whether a pass may
 * begin.
 */
static const void *bufflink_merge(struct bufflink *bl, size_t *n,
				  bool *may_begin)
{
	size_t want = min_t(size_t, *n, PAGE_SIZE);

	if (!bl->page_used)
		bl->page_start = 0;
	while (!bl->page_start && bl->page_used < want) {
		if (!list_empty(&bl->pass)) {
			bufflink_take(bl, want - bl->page_used);
		} else if (*may_begin) {
			*may_begin = false;
			bufflink_begin_pass(bl);
		} else {
			break;
		}
	}
	/* Before a copy that may take long: a resize, or a writer, waits for this. */
	bufflink_turn_all(bl);
	bufflink_wake_writers(bl);
	*n = min(bl->page_used, want);
	return bl->page + bl->page_start;
}

static void bufflink_advance_page(struct bufflink *bl, size_t size)
{
	bl->page_start += size;
	bl->position += size;
	WRITE_ONCE(bl->ring.tail, (unsigned long)bl->position);
	smp_store_release(&bl->page_used, bl->page_used - size);	/* B5 */
}

/* Only bytes that were copied to the program are read. Called with read_lock held. */
static ssize_t bufflink_copy_out(struct bufflink *bl, struct iov_iter *to)
{
	size_t want = iov_iter_count(to);
	bool may_begin = true;
	ssize_t err = 0;
	size_t done = 0;

	if (!bl->cpu_rings)
		want = min(bufflink_readable(bl, &bl->ring), want);
	while (done < want && !err) {
		size_t n = want - done;
		const void *data;
		size_t copied;

		data = bl->cpu_rings ? bufflink_merge(bl, &n, &may_begin) :
				       bufflink_next_piece(bl, &n);
		if (!n)
			break;
		smp_store_mb(bl->copying, n);			/* B4 */
		if (waitqueue_active(&bl->lock_wait) &&
		    READ_ONCE(bl->destroyed))
			wake_up_interruptible_all(&bl->lock_wait);
		copied = copy_to_iter(data, n, to);
		WRITE_ONCE(bl->copying, 0);
		if (copied < n)
			err = -EFAULT;
		if (bl->cpu_rings) {
			bufflink_advance_page(bl, copied);
		} else {
			bufflink_advance_tail(&bl->ring, copied);
			bufflink_wake_writers(bl);
		}
		done += copied;
	}
	return done ? done : err;
}

static bool bufflink_any_at_turn(const struct bufflink *bl)
{
	const struct bufflink_ring *ring;

	if (likely(!atomic_read(&bl->turning)))
		return false;
	list_for_each_entry(ring, &bl->rings, node)
		if (bufflink_at_turn(ring))
			return true;
	return false;
}

/* Besides bytes, the holder of read_lock takes losses, and ends resizes. */
static void bufflink_finish_read(struct bufflink *bl)
{
	if (bufflink_has_late_loss(bl))
		bufflink_report_pending(bl);
	bufflink_turn_all(bl);
}

/*
 * It looks for late losses twice at most. A loss that finds its ring drained wakes
 * by itself, and the second look, after the barrier, sees the others. More looks
 * would go on as long as a flood of losses does.
 *
 * A reader that found the lock taken got -EAGAIN, and must hear of the rest. Others
 * must hear of bytes in the page: an append did not see them in its ring.
 */
static void bufflink_unlock_read(struct bufflink *bl)
{
	int looks = 2;
	size_t left;

	do {
		bufflink_finish_read(bl);
		left = bl->page_used;
		mutex_unlock(&bl->read_lock);
		smp_mb();	/* B7 */
	} while (unlikely(bufflink_any_at_turn(bl) ||
			  (bufflink_has_late_loss(bl) && --looks)) &&
		 mutex_trylock(&bl->read_lock));
	if (waitqueue_active(&bl->lock_wait))			/* B7 */
		wake_up_interruptible(&bl->lock_wait);
	if (left ||
	    ((atomic_read(&bl->flags) & BL_CONTENDED) &&
	     (atomic_fetch_andnot(BL_CONTENDED, &bl->flags) & BL_CONTENDED)))
		bufflink_arm_or_wake(bl);
}

/* Ends a read in place of a reader, unless one is at work: it will do so itself. */
static void bufflink_catch_up(struct bufflink *bl)
{
	smp_mb();	/* B7 */
	if (mutex_trylock(&bl->read_lock))
		bufflink_unlock_read(bl);
}

/*
 * Whether end of file is next. Bytes that another reader is copying out do not
 * count: a program may keep that reader, and read_lock with it, for ever. (If the
 * copy then faults, they are there for the next read.) Now that nothing is
 * appended, bytes only leave. So it looks at them before @copying.
 */
static bool bufflink_at_end(const struct bufflink *bl)
{
	const struct bufflink_ring *ring;
	size_t left = 0;

	if (!smp_load_acquire(&bl->destroyed))		/* B5 */
		return false;
	list_for_each_entry(ring, &bl->rings, node)
		left += bufflink_readable(bl, ring);
	left += smp_load_acquire(&bl->page_used);	/* B5 */
	return left <= READ_ONCE(bl->copying);
}

/* Returns 1 with read_lock held, 0 at end of file, or an error. */
static int bufflink_lock_read(struct bufflink *bl)
{
	bool locked;
	int err = wait_event_interruptible_exclusive(bl->lock_wait, /* B4, B7 */
				(locked = mutex_trylock(&bl->read_lock)) ||
				bufflink_at_end(bl));

	/* It may have got a wakeup that the next one needs. */
	if (!locked)
		wake_up_interruptible(&bl->lock_wait);
	return err ?: locked;
}

/* The same, but returns -EAGAIN while another reader is at work. */
static int bufflink_trylock_read(struct bufflink *bl)
{
	if (mutex_trylock(&bl->read_lock))
		return 1;
	atomic_fetch_or(BL_CONTENDED, &bl->flags);	/* B7 */
	if (mutex_trylock(&bl->read_lock))
		return 1;
	return bufflink_at_end(bl) ? 0 : -EAGAIN;
}

static ssize_t bufflink_try_read(struct bufflink *bl, struct iov_iter *to,
				 bool nowait)
{
	int locked = nowait ? bufflink_trylock_read(bl) :
			      bufflink_lock_read(bl);
	ssize_t done;

	if (locked <= 0)
		return locked;
	done = bufflink_copy_out(bl, to);
	bufflink_unlock_read(bl);
	return done;
}

static ssize_t bufflink_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct bufflink *bl = file_to_bufflink(iocb->ki_filp);
	bool nowait = bufflink_nowait(iocb);
	ssize_t ret;

	if (!iov_iter_count(to))
		return 0;
	do {
		ret = bufflink_try_read(bl, to, nowait);
		/* The holder of read_lock sees BL_CONTENDED, and arms: B7. */
		if (ret == -EAGAIN)
			return ret;
		if (ret || bufflink_at_end(bl))
			break;
		if (nowait)
			ret = -EAGAIN;
		else if (signal_pending(current))	/* others may take all */
			ret = -ERESTARTSYS;
		else
			ret = wait_event_interruptible(bl->data_wait,
						       bufflink_ready_or_arm(bl));
	} while (!ret);

	/* The next signal is for the bytes left now, or for the next append. */
	if (READ_ONCE(bl->fasync))
		bufflink_arm_or_wake(bl);
	return ret;
}

/* The largest record that a ring may take */
static size_t bufflink_capacity(const struct bufflink *bl,
				const struct bufflink_ring *ring)
{
	return READ_ONCE(ring->size) - bl->header_size;
}

static int bufflink_write_percpu(struct bufflink *bl, const void *data,
				 size_t size)
{
	struct bufflink_ring *ring = raw_cpu_ptr(bl->cpu_rings);
	int err;

	raw_spin_lock(&ring->lock);
	err = bufflink_store(bl, ring, data, 0, size);
	raw_spin_unlock(&ring->lock);
	return err;
}

/*
 * Appends the record of a program, or returns an error. That is no loss. While the
 * lock of bl->ring is held, the buffer is not destroyed.
 */
static int bufflink_try_write(struct bufflink *bl, const void *data,
			      size_t size)
{
	unsigned long irqs = bufflink_lock(bl);
	int err;

	if (bl->destroyed)
		err = -EPIPE;
	else if (bl->cpu_rings)
		err = bufflink_write_percpu(bl, data, size);
	else
		err = bufflink_store(bl, &bl->ring, data, 0, size);
	bufflink_unlock(bl, irqs);
	return err;
}

/* Whether a write that waits for room would get an answer now */
static bool bufflink_may_write(struct bufflink *bl, size_t size)
{
	struct bufflink_ring *ring = bufflink_this_ring(bl);

	return bufflink_room(ring) >= size + bl->header_size ||
	       size > bufflink_capacity(bl, ring) ||
	       READ_ONCE(bl->destroyed);
}

static int bufflink_write_record(struct bufflink *bl, const void *data,
				 size_t size, bool nowait)
{
	int err;

	while ((err = bufflink_try_write(bl, data, size)) == -ENOSPC) {
		if (nowait)
			return -EAGAIN;
		if (signal_pending(current))	/* others may take all room */
			return -ERESTARTSYS;
		err = wait_event_interruptible(bl->room_wait,	/* B4 */
					       bufflink_may_write(bl, size));
		if (err)
			break;
	}
	return err;
}

/* If the file has several users, some may poll for the room wanted before. */
static void bufflink_set_wanted_room(struct bufflink_file *bf, size_t size)
{
	if (size == READ_ONCE(bf->wanted_room))
		return;
	if (xchg(&bf->wanted_room, size) > size)
		bufflink_wake_writers(bf->bl);
}

static ssize_t bufflink_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct bufflink_file *bf = iocb->ki_filp->private_data;
	struct bufflink *bl = bf->bl;
	size_t size = iov_iter_count(from);
	int err = -EFAULT;
	void *data;

	if (!size)
		return 0;
	if (READ_ONCE(bl->destroyed))
		return -EPIPE;
	/* The copy runs with interrupts off. */
	if (size > bufflink_capacity(bl, bufflink_this_ring(bl)) ||
	    size > BUFFLINK_WRITE_MAX)
		return -EMSGSIZE;
	/* A large write must not invoke the OOM killer. */
	data = kvmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN |
			      __GFP_RETRY_MAYFAIL);
	if (!data)
		return -ENOMEM;
	if (copy_from_iter_full(data, size, from))
		err = bufflink_write_record(bl, data, size,
					    bufflink_nowait(iocb));
	kvfree(data);
	if (!err || err == -EAGAIN)
		bufflink_set_wanted_room(bf, err ? size : 0);
	return err ? err : size;
}

/* Whether there is the room for which poll() reports EPOLLOUT */
static bool bufflink_is_writable(const struct bufflink_file *bf)
{
	struct bufflink_ring *ring = bufflink_this_ring(bf->bl);
	size_t wanted = max_t(size_t, PIPE_BUF, READ_ONCE(bf->wanted_room));

	return bufflink_room(ring) >= min(READ_ONCE(ring->size),
					  wanted + bf->bl->header_size);
}

/*
 * Before io_uring tries a read or a write again, it polls for PRI, too, and takes
 * that for data. It asks for ERR without HUP. poll and epoll always add HUP,
 * select adds HUP to input and WRBAND to output.
 */
static bool bufflink_is_io_uring_retry(__poll_t wanted)
{
	return wanted & (BL_POLL_IN | BL_POLL_OUT) &&
	       (wanted & (EPOLLERR | EPOLLHUP | EPOLLWRBAND)) == EPOLLERR;
}

static __poll_t bufflink_events(struct file *file, __poll_t wanted)
{
	struct bufflink_file *bf = file->private_data;
	struct bufflink *bl = bf->bl;
	__poll_t events = 0;

	if (smp_load_acquire(&bl->destroyed))	/* B5 */
		events |= BL_POLL_IN | EPOLLHUP;
	else if (file->f_mode & FMODE_WRITE && bufflink_is_writable(bf))
		events |= BL_POLL_OUT;
	if (file->f_mode & FMODE_READ && bufflink_has_data(bl))
		events |= BL_POLL_IN;
	if (bufflink_has_loss(bl) && !bufflink_is_io_uring_retry(wanted))
		events |= EPOLLPRI;
	return events;
}

/*
 * An exclusive waiter joins data_wait only if it waits for data, or it would take
 * the wakeup of one that does. epoll has no exclusive waiters for a loss.
 */
static void bufflink_join_queues(struct file *file, poll_table *pt,
				 __poll_t wanted)
{
	struct bufflink *bl = file_to_bufflink(file);
	bool join_data = true;
	bool join_room = file->f_mode & FMODE_WRITE;

	if (wanted & EPOLLEXCLUSIVE) {
		join_data = wanted & BL_POLL_IN;
		join_room = !join_data || wanted & BL_POLL_OUT;
	}
	if (join_data)
		poll_wait(file, &bl->data_wait, pt);
	if (join_room)
		poll_wait(file, &bl->room_wait, pt);
}

static __poll_t bufflink_poll(struct file *file, poll_table *pt)
{
	struct bufflink *bl = file_to_bufflink(file);
	__poll_t wanted = poll_requested_events(pt);
	__poll_t events;

	/* A file that cannot read must not take the wakeup of one that can. */
	if (!(file->f_mode & FMODE_READ))
		wanted &= ~BL_POLL_IN;
	bufflink_join_queues(file, pt, wanted);
	smp_mb();	/* B4 */
	events = bufflink_events(file, wanted);

	/* Edge-triggered waiters arm even if bytes wait already. */
	if (wanted & BL_POLL_IN && (wanted & EPOLLET || !(events & EPOLLIN)) &&
	    waitqueue_active(&bl->data_wait)) {	/* or nobody will sleep */
		bufflink_arm(bl);
		events = bufflink_events(file, wanted);
	}
	return events;
}

static int bufflink_fasync(int fd, struct file *file, int on)
{
	struct bufflink *bl = file_to_bufflink(file);
	int ret = fasync_helper(fd, file, on, &bl->fasync);

	if (ret <= 0 || !on)
		return ret;
	bufflink_arm(bl);	/* only later appends send a signal */
	smp_mb();	/* B4 */
	/* Later losses send none before this one is reported. */
	if (bufflink_has_loss(bl))
		bufflink_queue_loss_wakeup(bl);
	return ret;
}

/*
 * Adds up ring by ring, and folds. @used may be too small by what was appended and
 * read meanwhile.
 */
static void bufflink_snapshot(struct bufflink *bl, struct bufflink_stats *stats)
{
	struct bufflink_ring *ring;
	unsigned long irqs, tail;

	*stats = (struct bufflink_stats) {};
	list_for_each_entry(ring, &bl->rings, node) {
		irqs = bufflink_lock_ring(bl, ring);
		stats->size += ring->size;
		stats->highwater = max_t(u64, stats->highwater,
					 ring->highwater);
		stats->records += ring->records;
		stats->bytes += ring->bytes - ring->records * bl->header_size;
		stats->lost_records += ring->lost_records;
		stats->lost_bytes = bufflink_add(stats->lost_bytes,
						 ring->lost_bytes);
		tail = READ_ONCE(bl->ring.tail);
		bufflink_unlock_ring(ring, irqs);
	}
	irqs = bufflink_lock(bl);
	stats->wakeups = bl->wakeups;
	bufflink_unlock(bl, irqs);
	stats->highwater *= bl->ring_count;
	stats->used = max((long)((unsigned long)stats->bytes - tail), 0L);
	stats->bytes_read = stats->bytes - stats->used;
}

/* If fewer than its share wait in each ring, fewer than @watermark wait. */
static void bufflink_change_watermark(struct bufflink *bl, size_t watermark)
{
	WRITE_ONCE(bl->watermark, watermark);
	WRITE_ONCE(bl->ring_watermark,
		   DIV_ROUND_UP(watermark, bl->ring_count));
}

static int bufflink_set_watermark(struct bufflink *bl, u64 watermark)
{
	unsigned long irqs = bufflink_lock(bl);
	int err = -EINVAL;

	if (watermark && watermark <= bl->ring.size) {
		bufflink_change_watermark(bl, watermark);
		err = 0;
	}
	bufflink_unlock(bl, irqs);
	if (!err)
		bufflink_arm_or_wake(bl);
	return err;
}

static bool bufflink_is_all_reported(struct bufflink *bl)
{
	struct bufflink_stats stats;
	unsigned long irqs;
	bool all;

	bufflink_snapshot(bl, &stats);
	irqs = bufflink_lock(bl);
	all = stats.lost_records <= bl->reported;
	bufflink_unlock(bl, irqs);
	return all;
}

/* The overflow flag stays until the last loss of a per-CPU buffer is reported. */
static void bufflink_clear_overflow(struct bufflink *bl)
{
	if (!bufflink_is_all_reported(bl))
		return;
	/* A loss since then may have found it set. */
	if (atomic_fetch_andnot(BL_OVERFLOW, &bl->flags) & BL_OVERFLOW &&
	    !bufflink_is_all_reported(bl))
		atomic_or(BL_OVERFLOW, &bl->flags);
}

static long bufflink_get_loss(struct bufflink *bl, void __user *to)
{
	struct bufflink_loss loss;
	unsigned long irqs;
	int flags;

	if (bufflink_has_late_loss(bl))
		bufflink_catch_up(bl);
	irqs = bufflink_lock(bl);
	flags = atomic_fetch_andnot(bl->cpu_rings ? BL_LOST :	/* B4 */
				    BL_LOST | BL_OVERFLOW, &bl->flags);
	loss = bl->loss;
	bl->loss = (struct bufflink_loss) {};
	bl->reported += loss.records;
	/* A loss since the fold may have found BL_LOST set, and not woken. */
	if (flags & BL_UNFOLDED)
		bufflink_queue_loss_wakeup(bl);
	bufflink_unlock(bl, irqs);
	if (bl->cpu_rings)
		bufflink_clear_overflow(bl);
	if (!copy_to_user(to, &loss, sizeof(loss)))
		return 0;
	if (!loss.records)
		return -EFAULT;

	/* Puts the report back, before the losses since then. */
	irqs = bufflink_lock(bl);
	bl->reported -= loss.records;
	loss.records += bl->loss.records;
	loss.bytes = bufflink_add(loss.bytes, bl->loss.bytes);
	if (bl->loss.records)
		loss.last = bl->loss.last;
	bl->loss = loss;
	bufflink_set_loss_flags(bl, flags & (BL_LOST | BL_OVERFLOW));
	bufflink_unlock(bl, irqs);
	return -EFAULT;
}

static long bufflink_ioctl(struct file *file, unsigned int cmd,
			   unsigned long arg)
{
	struct bufflink *bl = file_to_bufflink(file);
	void __user *user = (void __user *)arg;
	struct bufflink_stats stats;
	u64 value;

	switch (cmd) {
	case FIONREAD:
		bufflink_snapshot(bl, &stats);
		value = bufflink_has_data(bl) ?
			clamp_t(u64, stats.used, 1, INT_MAX) : 0;
		return put_user((int)value, (int __user *)user);
	case BUFFLINK_GETLOSS:
		/* An exclusive reader has the reports to itself. */
		if (!(file->f_mode & FMODE_READ) &&
		    atomic_read(&bl->readers) < 0)
			return -EBUSY;
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

static int bufflink_release(struct inode *inode, struct file *file)
{
	struct bufflink_file *bf = file->private_data;

	if (file->f_mode & FMODE_READ)
		bufflink_remove_reader(bf->bl);
	kref_put(&bf->bl->ref, bufflink_free);
	kfree(bf);
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

/* Zeroed. A failed allocation is not logged. */
static u8 *bufflink_alloc_memory(size_t size)
{
	return __vmalloc(size, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN |
			       __GFP_RETRY_MAYFAIL);
}

static void bufflink_free_spares(struct bufflink *bl)
{
	struct bufflink_ring *ring;

	list_for_each_entry(ring, &bl->rings, node) {
		vfree(ring->spare);
		ring->spare = NULL;
	}
}

static int bufflink_alloc_spares(struct bufflink *bl, size_t size)
{
	struct bufflink_ring *ring;

	list_for_each_entry(ring, &bl->rings, node) {
		ring->spare = bufflink_alloc_memory(size);
		if (!ring->spare) {
			bufflink_free_spares(bl);
			return -ENOMEM;
		}
	}
	return 0;
}

/* Appends go to the new memory from here on. */
static void bufflink_replace_memory(struct bufflink *bl,
				    struct bufflink_ring *ring, size_t size)
{
	unsigned long irqs = bufflink_lock_ring(bl, ring);

	ring->head_ptr = ring->spare;
	ring->credit = 0;
	WRITE_ONCE(ring->turn, ring->head);
	smp_store_release(&ring->data, ring->spare);	/* B8 */
	smp_store_release(&ring->size, size);		/* B8 */
	bufflink_unlock_ring(ring, irqs);
	ring->spare = NULL;
}

static void bufflink_cut_watermark(struct bufflink *bl, size_t size)
{
	unsigned long irqs = bufflink_lock(bl);
	bool cut = bl->watermark > size;

	WRITE_ONCE(bl->ring.size, size);
	if (cut)
		bufflink_change_watermark(bl, size);
	bufflink_unlock(bl, irqs);
	if (cut)
		bufflink_arm_or_wake(bl);
}

/* Ends an earlier resize if the old memory is drained, or waits for its reader. */
static int bufflink_end_resize(struct bufflink *bl)
{
	struct bufflink_ring *ring;

	list_for_each_entry(ring, &bl->rings, node) {
		while (bufflink_at_turn(ring)) {
			bufflink_catch_up(bl);
			if (!bufflink_at_turn(ring))
				break;
			/* A program may keep the reader for long. */
			if (READ_ONCE(bl->page_used))
				return -EBUSY;
			schedule_timeout_killable(1);
			if (fatal_signal_pending(current))
				return -EINTR;
		}
		if (bufflink_is_turning(ring))
			return -EBUSY;
	}
	return 0;
}

static int bufflink_resize_rings(struct bufflink *bl, size_t size)
{
	struct bufflink_ring *ring;
	int err;

	err = bufflink_end_resize(bl);
	if (err)
		return err;
	err = bufflink_alloc_spares(bl, size);
	if (err)
		return err;
	atomic_set(&bl->turning, bl->ring_count);
	list_for_each_entry(ring, &bl->rings, node)
		bufflink_replace_memory(bl, ring, size);
	bufflink_cut_watermark(bl, size * bl->ring_count);
	/* If no bytes wait, the rings turn now. */
	bufflink_catch_up(bl);
	wake_up_interruptible_all(&bl->room_wait);
	return 0;
}

/**
 * bufflink_resize() - change the size of a buffer that is in use
 * @bl: the buffer
 * @size: the new size in bytes, of each ring, rounded up to whole pages
 *
 * The buffer has the new size at once. Producers and readers go on, and nothing
 * is lost or reordered. Bytes that wait are read first, from the old memory. They
 * take no room in the new. The old memory is freed after its last byte was read.
 * A watermark that is larger than the buffer becomes its size.
 *
 * Context: Process context. May sleep.
 * Return: 0, or with nothing changed:
 *
 * * -EINVAL - @size is 0 or too large to be rounded up, or the memory is the
 *   client's
 * * -EBUSY - bytes from before an earlier resize still wait, another resize is
 *   under way, or a program keeps a reader of a per-CPU buffer
 * * -ENOMEM - not enough memory
 * * -EINTR - a signal kills the caller, while another reader ends the earlier
 *   resize
 */
int bufflink_resize(struct bufflink *bl, size_t size)
{
	int err;

	size = PAGE_ALIGN(size);
	if (!size || bl->is_client_memory)
		return -EINVAL;
	if (size > SIZE_MAX / bl->ring_count)
		return -ENOMEM;
	if (!mutex_trylock(&bl->resize_lock))
		return -EBUSY;
	err = bufflink_resize_rings(bl, size);
	mutex_unlock(&bl->resize_lock);
	return err;
}
EXPORT_SYMBOL_GPL(bufflink_resize);

static struct bufflink *to_bufflink(struct device *dev)
{
	return container_of(dev_get_drvdata(dev), struct bufflink, misc);
}

#define BUFFLINK_STAT(name)						\
static ssize_t name##_show(struct device *dev,				\
			   struct device_attribute *attr, char *buf)	\
{									\
	struct bufflink_stats stats;					\
									\
	bufflink_snapshot(to_bufflink(dev), &stats);			\
	return sysfs_emit(buf, "%llu\n", stats.name);			\
}									\
static DEVICE_ATTR_RO(name)

BUFFLINK_STAT(used);
BUFFLINK_STAT(highwater);
BUFFLINK_STAT(records);
BUFFLINK_STAT(bytes);
BUFFLINK_STAT(lost_records);
BUFFLINK_STAT(lost_bytes);
BUFFLINK_STAT(wakeups);

static ssize_t size_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%zu\n", READ_ONCE(to_bufflink(dev)->ring.size));
}

static ssize_t size_store(struct device *dev, struct device_attribute *attr,
			  const char *buf, size_t count)
{
	struct bufflink *bl = to_bufflink(dev);
	unsigned long size;
	int err;

	if (kstrtoul(buf, 0, &size))
		return -EINVAL;
	err = bufflink_resize(bl, DIV_ROUND_UP(size, bl->ring_count));
	return err ? err : count;
}
static DEVICE_ATTR_RW(size);

static ssize_t overflow_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	struct bufflink *bl = to_bufflink(dev);
	struct bufflink_stats stats;

	bufflink_snapshot(bl, &stats);	/* folds */
	return sysfs_emit(buf, "%d\n",
			  !!(atomic_read(&bl->flags) & BL_OVERFLOW));
}

static ssize_t overflow_store(struct device *dev, struct device_attribute *attr,
			      const char *buf, size_t count)
{
	struct bufflink *bl = to_bufflink(dev);
	struct bufflink_stats stats;

	if (!sysfs_streq(buf, "0"))
		return -EINVAL;
	bufflink_snapshot(bl, &stats);	/* folds */
	atomic_andnot(BL_OVERFLOW, &bl->flags);
	return count;
}
static DEVICE_ATTR_RW(overflow);

static ssize_t watermark_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	return sysfs_emit(buf, "%zu\n", READ_ONCE(to_bufflink(dev)->watermark));
}

static ssize_t watermark_store(struct device *dev,
			       struct device_attribute *attr,
			       const char *buf, size_t count)
{
	u64 watermark;
	int err;

	if (kstrtou64(buf, 0, &watermark))
		return -EINVAL;
	err = bufflink_set_watermark(to_bufflink(dev), watermark);
	return err ? err : count;
}
static DEVICE_ATTR_RW(watermark);

static ssize_t owner_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%s\n", to_bufflink(dev)->owner);
}
static DEVICE_ATTR_RO(owner);

static ssize_t name_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%s\n", to_bufflink(dev)->name);
}
static DEVICE_ATTR_RO(name);

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
	&dev_attr_watermark.attr,
	&dev_attr_owner.attr,
	&dev_attr_name.attr,
	NULL
};
ATTRIBUTE_GROUPS(bufflink);

static int bufflink_init_ring(struct bufflink *bl, struct bufflink_ring *ring,
			      u8 *data, size_t size)
{
	list_add_tail(&ring->node, &bl->rings);
	ring->data = data ?: bufflink_alloc_memory(size);
	ring->size = size;
	ring->head_ptr = ring->data;
	ring->tail_ptr = ring->data;
	ring->read_data = ring->data;
	ring->read_size = size;
	raw_spin_lock_init(&ring->lock);
	return ring->data ? 0 : -ENOMEM;
}

/*
 * Whether the clock has moved on by the time that another append can be called. It
 * must fit into a stamp, and count nanoseconds.
 */
static bool bufflink_has_strict_clock(void)
{
	return BITS_PER_LONG == 64 && ktime_get_resolution_ns() <= 1;
}

static int bufflink_init_cpu_rings(struct bufflink *bl, size_t size)
{
	unsigned int cpu;
	int err = 0;

	bl->cpu_rings = alloc_percpu(struct bufflink_ring);
	if (!bl->cpu_rings)
		return -ENOMEM;
	raw_spin_lock_init(&bl->ring.lock);
	bl->ring_count = num_possible_cpus();
	bl->header_size = sizeof(struct bufflink_header);
	bl->has_clock = bufflink_has_strict_clock();
	if (size > SIZE_MAX / bl->ring_count)
		return -ENOMEM;
	bl->ring.size = size * bl->ring_count;
	for_each_possible_cpu(cpu) {
		err = bufflink_init_ring(bl, per_cpu_ptr(bl->cpu_rings, cpu),
					 NULL, size);
		if (err)
			break;
	}
	return err;
}

static int bufflink_init_rings(struct bufflink *bl, void *buf, size_t size,
			       unsigned int flags)
{
	bl->is_client_memory = buf;
	if (buf || flags & BUFFLINK_PERCPU) {
		bl->page = (void *)__get_free_page(GFP_KERNEL);
		if (!bl->page)
			return -ENOMEM;
	}
	if (!buf) {
		size = PAGE_ALIGN(size ? size : READ_ONCE(default_size));
		if (!size)
			return -EINVAL;
	}
	if (flags & BUFFLINK_PERCPU)
		return bufflink_init_cpu_rings(bl, size);
	return bufflink_init_ring(bl, &bl->ring, buf, size);
}

static struct bufflink *bufflink_alloc(void *buf, size_t size,
				       unsigned int flags)
{
	struct bufflink *bl = kzalloc(sizeof(*bl), GFP_KERNEL);
	int err;

	if (!bl)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&bl->rings);
	INIT_LIST_HEAD(&bl->pass);
	bl->ring_count = 1;
	err = bufflink_init_rings(bl, buf, size, flags);
	if (err) {
		bufflink_free_memory(bl);
		return ERR_PTR(err);
	}
	bl->watermark = 1;
	bl->ring_watermark = 1;
	bl->tick_cpu = nr_cpu_ids;
	kref_init(&bl->ref);
	mutex_init(&bl->read_lock);
	mutex_init(&bl->bounce_lock);
	mutex_init(&bl->resize_lock);
	init_waitqueue_head(&bl->data_wait);
	init_waitqueue_head(&bl->room_wait);
	init_waitqueue_head(&bl->lock_wait);
	bl->irq_now = IS_ENABLED(CONFIG_PREEMPT_RT) ?
		      IRQ_WORK_INIT_HARD(bufflink_irq_now) :
		      IRQ_WORK_INIT(bufflink_irq_now);
	bl->irq_tick = IRQ_WORK_INIT_LAZY(bufflink_irq_tick);
	kthread_init_work(&bl->work_now, bufflink_work_now);
	return bl;
}

/* Letters and digits of ASCII: isalnum() takes those of Latin-1, too. */
static bool bufflink_is_name(const char *name)
{
	size_t n;

	if (*name == '.')
		return false;
	for (n = 0; name[n]; n++)
		if (n == BUFFLINK_NAME_MAX || !isascii(name[n]) ||
		    !(isalnum(name[n]) || strchr("._+-", name[n])))
			return false;
	return n;
}

static int bufflink_add_number(struct bufflink *bl, int minor)
{
	struct xa_limit limit = XA_LIMIT(minor, minor);
	int err;

	if (minor < 0)
		limit = XA_LIMIT(0, INT_MAX);
	err = xa_alloc(&bufflink_buffers, &bl->number, bl, limit, GFP_KERNEL);
	if (err)
		return err;
	snprintf(bl->device_name, sizeof(bl->device_name), "bufflink%u",
		 bl->number);
	return 0;
}

static void bufflink_remove_number(struct bufflink *bl)
{
	mutex_lock(&bufflink_buffers_lock);
	xa_erase(&bufflink_buffers, bl->number);
	mutex_unlock(&bufflink_buffers_lock);
}

static int bufflink_add_device(struct bufflink *bl)
{
	int err;

	bl->misc.minor = MISC_DYNAMIC_MINOR;
	bl->misc.name = bl->device_name;
	bl->misc.mode = 0600;
	bl->misc.fops = &bufflink_fops;
	bl->misc.groups = bufflink_groups;
	err = misc_register(&bl->misc);
	/* 6.1 may return -EEXIST if no dynamic minor is left. */
	return err == -EEXIST ? -EBUSY : err;
}

static int bufflink_register(struct bufflink **blp, void *buf, size_t size,
			     int minor, const char *name, unsigned int flags,
			     const char *owner)
{
	struct bufflink *bl;
	int err;

	if (!bufflink_offline_state)	/* built into the kernel, without us */
		return -ENODEV;
	bl = bufflink_alloc(buf, size, flags);
	if (IS_ERR(bl))
		return PTR_ERR(bl);
	strscpy(bl->name, name, sizeof(bl->name));
	strscpy(bl->owner, owner, sizeof(bl->owner));
	err = bufflink_add_number(bl, minor);
	if (err)
		goto free;
	err = bufflink_add_device(bl);
	if (err)
		goto remove_number;
	*blp = bl;
	return 0;

remove_number:
	bufflink_remove_number(bl);
free:
	kref_put(&bl->ref, bufflink_free);
	return err;
}

/**
 * __bufflink_create() - create a buffer and its device
 * @blp: where to return the buffer; NULL on error
 * @buf: the client's memory (kmalloc, vmalloc, whole pages or static), which
 *	stays valid until bufflink_destroy() returns; or NULL to allocate some
 * @size: the size of @buf in bytes, all of which is used; or of the memory to
 *	allocate, rounded up to whole pages, where 0 means default_size
 * @minor: the N of /dev/bufflinkN, or -1 for the lowest free one
 * @owner: the name of the client in sysfs; bufflink_create() passes
 *	KBUILD_MODNAME
 *
 * Call it as bufflink_create(blp, buf, size, minor). The minor number of the
 * device itself is always dynamic.
 *
 * Context: Process context. May sleep. Not from open() of a misc device.
 * Return: 0, or with nothing left behind:
 *
 * * -EINVAL - @minor is less than -1, @buf has size 0, or @size is too large
 *   to be rounded up
 * * -EBUSY - @minor is taken, or the kernel has no misc device left
 * * -ENOMEM - not enough memory
 * * -ENODEV - bufflink is built into the kernel, and has not started
 */
int __bufflink_create(struct bufflink **blp, void *buf, size_t size, int minor,
		      const char *owner)
{
	*blp = NULL;
	if (minor < -1 || (buf && !size))
		return -EINVAL;
	return bufflink_register(blp, buf, size, minor, "", 0, owner);
}
EXPORT_SYMBOL_GPL(__bufflink_create);

/**
 * __bufflink_create_named() - create a buffer that has a name
 * @blp: where to return the buffer; NULL on error
 * @name: for people and scripts: 1 to 31 letters and digits of ASCII and ._+-,
 *	of which a dot is not the first; or NULL for none
 * @size: as of bufflink_create() without memory of the client
 * @flags: 0, or BUFFLINK_PERCPU for a ring of @size bytes for each possible CPU
 * @owner: the name of the client in sysfs; bufflink_create_named() passes
 *	KBUILD_MODNAME
 *
 * Call it as bufflink_create_named(blp, name, size, flags). A client that has
 * several buffers names them, so that udev links each as
 * /dev/bufflink/by-owner/OWNER/NAME. Nothing prevents that two have one name.
 *
 * With BUFFLINK_PERCPU, CPUs that append at the same time do not wait for one
 * another. There is still one device with one stream, in one order. A record takes
 * up to 24 bytes more, and needs room in the ring of its CPU.
 * If the kernel leaves its clock for a coarser one after that, records that two
 * CPUs append within one step of the new clock may change places.
 *
 * Context: Process context. May sleep. Not from open() of a misc device.
 * Return: 0, or with nothing left behind:
 *
 * * -EINVAL - @name is no such name, @flags has an unknown bit, or @size is too
 *   large to be rounded up
 * * -EBUSY - the kernel has no misc device left
 * * -ENOMEM - not enough memory
 * * -ENODEV - bufflink is built into the kernel, and has not started
 */
int __bufflink_create_named(struct bufflink **blp, const char *name,
			    size_t size, unsigned int flags, const char *owner)
{
	*blp = NULL;
	if (flags & ~BUFFLINK_PERCPU || (name && !bufflink_is_name(name)))
		return -EINVAL;
	return bufflink_register(blp, NULL, size, -1, name ?: "", flags, owner);
}
EXPORT_SYMBOL_GPL(__bufflink_create_named);

/**
 * bufflink_destroy() - take the device away and drop the buffer
 * @bl: the buffer, or NULL
 *
 * Stop all producers first, and wait for them. When this returns, the node and
 * the number are free, all waiters are awake, and nothing reads the client's
 * memory. Readers that have the device open get the rest, if the memory was
 * allocated here, and then end of file. The last close frees the buffer. This
 * waits for a write to size in sysfs that is under way.
 *
 * Context: Process context. May sleep. Not from open() of a misc device, nor
 *	from a sysfs file of the buffer.
 */
void bufflink_destroy(struct bufflink *bl)
{
	struct bufflink_ring *ring;
	unsigned long irqs;

	if (!bl)
		return;
	misc_deregister(&bl->misc);

	irqs = bufflink_lock(bl);
	smp_store_release(&bl->destroyed, true);	/* B5 */
	bufflink_unlock(bl, irqs);
	/* After this, nothing queues irq_tick. */
	list_for_each_entry(ring, &bl->rings, node) {
		irqs = bufflink_lock_ring(bl, ring);
		bufflink_unlock_ring(ring, irqs);
	}
	irq_work_sync(&bl->irq_tick);
	bufflink_remove_number(bl);

	/* After this, no reader is in the client's memory. */
	mutex_lock(&bl->bounce_lock);
	mutex_unlock(&bl->bounce_lock);

	wake_up_all(&bl->data_wait);
	wake_up_all(&bl->room_wait);
	wake_up_all(&bl->lock_wait);
	kill_fasync(&bl->fasync, SIGIO, POLL_HUP);
	kref_put(&bl->ref, bufflink_free);
}
EXPORT_SYMBOL_GPL(bufflink_destroy);

/* The thread has the priority of the kernel's own threads for irq_work. */
static int __init bufflink_start_worker(void)
{
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		return 0;
	bufflink_worker = kthread_create_worker(0, "bufflink");
	if (IS_ERR(bufflink_worker))
		return PTR_ERR(bufflink_worker);
	sched_set_fifo_low(bufflink_worker->task);
	wake_up_process(bufflink_worker->task);	/* not started from 6.14 on */
	return 0;
}

static void bufflink_stop_worker(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kthread_destroy_worker(bufflink_worker);
}

static int __init bufflink_init(void)
{
	int ret = bufflink_start_worker();

	if (ret)
		return ret;
	ret = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "bufflink:dead",
					NULL, bufflink_cpu_dead);
	if (ret < 0)
		goto stop_worker;
	bufflink_dead_state = ret;
	ret = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "bufflink:offline",
					NULL, bufflink_cpu_offline);
	if (ret < 0)
		goto remove_state;
	bufflink_offline_state = ret;
	return 0;

remove_state:
	cpuhp_remove_state_nocalls(bufflink_dead_state);
stop_worker:
	bufflink_stop_worker();
	return ret;
}

/* Built in, it starts before the drivers, some of which may be clients. */
subsys_initcall(bufflink_init);

static void __exit bufflink_exit(void)
{
	cpuhp_remove_state_nocalls(bufflink_offline_state);
	cpuhp_remove_state_nocalls(bufflink_dead_state);
	bufflink_stop_worker();
	xa_destroy(&bufflink_buffers);	/* nodes of a create that failed */
}
module_exit(bufflink_exit);

MODULE_AUTHOR("The bufflink developers");
MODULE_DESCRIPTION("Bytes from a kernel module to a program");
MODULE_LICENSE("GPL");
MODULE_VERSION("1.0");
