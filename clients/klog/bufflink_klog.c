// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink_klog - all that the kernel logs, in a bufflink buffer
 *
 * A console gets only what console_loglevel lets through, and after the slower
 * consoles: under a flood, that is too late. So this module reads the log itself,
 * as a dump after a crash does, which works in any context. It is called while a
 * message is written, with any lock held, and takes the messages before that one.
 * When interrupts are on again on that CPU, the message is in the log, and an
 * irq_work takes it. Nothing is left to a thread that may come too late.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitops.h>
#include <linux/irq_work.h>
#include <linux/kmsg_dump.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/sizes.h>
#include <linux/uio.h>

#include "bufflink.h"
#include "../bufflink_printk.h"
#include "../bufflink_size.h"
#include "bufflink_klog.h"

#define KLOG_BATCH	64	/* messages taken with interrupts off */

static ulong size = SZ_1M;
bufflink_size_param(size, 0400);
MODULE_PARM_DESC(size, "bytes in the buffer (0: bufflink's default)");

static struct bufflink *bl;

/*
 * The CPU that reads the log holds bit 0. It guards the rest. Not a spinlock: a
 * message that comes in the middle must find it taken, and where there is one CPU a
 * spinlock never is.
 */
static unsigned long klog_busy;
static struct kmsg_dump_iter klog_iter;	/* skips cleared messages, in silence */
static u64 klog_next;		/* number of the message that should come next */
static u64 klog_lost_by_log;	/* messages, since the last that was stored */
static u64 klog_lost_by_buffer;
static char klog_message[BUFFLINK_KLOG_MESSAGE_MAX];

static bool klog_append_next(void)
{
	char header[BUFFLINK_KLOG_HEADER_MAX];
	struct kvec record[2] = { { header }, { klog_message } };
	size_t length;
	u64 seq;

	if (!kmsg_dump_get_line(&klog_iter, true, klog_message,
				sizeof(klog_message), &length))
		return false;
	seq = klog_iter.cur_seq - 1;
	if (klog_next)	/* those that were gone before are not lost */
		klog_lost_by_log += seq - klog_next;
	klog_next = seq + 1;
	record[0].iov_len = scnprintf(header, sizeof(header),
				      BUFFLINK_KLOG_HEADER,
				      (unsigned int)length, seq,
				      klog_lost_by_log, klog_lost_by_buffer);
	record[1].iov_len = length;
	if (bufflink_appendv(bl, record, ARRAY_SIZE(record))) {
		klog_lost_by_buffer++;
	} else {
		klog_lost_by_log = 0;
		klog_lost_by_buffer = 0;
	}
	return true;
}

/* Says whether there may be more. */
static bool klog_append_batch(void)
{
	int i;

	for (i = 0; i < KLOG_BATCH; i++)
		if (!klog_append_next())
			return false;
	return true;
}

/* Waits for its turn. So printk() is never faster than this can take. */
static void klog_work_run(struct irq_work *work)
{
	bool more;

	while (test_and_set_bit_lock(0, &klog_busy))
		cpu_relax();
	more = klog_append_batch();
	clear_bit_unlock(0, &klog_busy);
	if (more)
		bufflink_printk_queue(work);
}

/* Each CPU has one: another's might run before this one's message is in. */
static DEFINE_PER_CPU(struct irq_work, klog_work);

/*
 * Interrupts are off until the message is in the log. In an NMI, the buffer would
 * refuse messages while a reader is in it: there, they stay in the log.
 */
static void klog_message_comes(void)
{
	if (!in_nmi() && !test_and_set_bit_lock(0, &klog_busy)) {
		klog_append_batch();
		clear_bit_unlock(0, &klog_busy);
	}
	bufflink_printk_queue(this_cpu_ptr(&klog_work));
}

static void klog_end(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		irq_work_sync(per_cpu_ptr(&klog_work, cpu));
	bufflink_destroy(bl);
}

static int __init klog_init(void)
{
	int cpu, err;

	/* Not at compile time: a module's per-CPU data is not relocated. */
	for_each_possible_cpu(cpu)
		per_cpu(klog_work, cpu) = IRQ_WORK_INIT_HARD(klog_work_run);
	err = bufflink_create(&bl, NULL, size, -1);
	if (err) {
		pr_err("cannot create a buffer: %pe\n", ERR_PTR(err));
		return err;
	}
	err = bufflink_printk_start(klog_message_comes);
	if (err) {
		pr_err("cannot probe printk(): %pe\n", ERR_PTR(err));
		klog_end();	/* one of two probes may have run */
		return err;
	}
	/* Before this message comes all that the log holds. */
	pr_info("logging to /dev/bufflink%d\n", bufflink_number(bl));
	return 0;
}

static void __exit klog_exit(void)
{
	bufflink_printk_stop();
	klog_end();
}

module_init(klog_init);
module_exit(klog_exit);

MODULE_DESCRIPTION("All that the kernel logs, in a bufflink buffer");
MODULE_LICENSE("GPL");
