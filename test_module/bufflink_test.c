// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink_test - an example of a module that appends to bufflink buffers
 *
 * Three producers append lines of text, each from its own context: a kernel
 * thread (process), a timer (softirq) and an hrtimer (hardirq). Each line says
 * the context, the CPU, the time and the producer's sequence number, which
 * also counts the lines that the buffer refused: a gap in it is a loss.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/version.h>

#include "bufflink.h"

#define MAX_BUFFERS	64
#define MIN_RECORD	64	/* the longest text fits */
#define MAX_RECORD	512	/* it is built on the stack */
#define MAX_RATE	10000	/* or a slow CPU does nothing else */

static uint rate = 10;
module_param(rate, uint, 0444);
MODULE_PARM_DESC(rate, "records a second, from each context to each buffer");

static uint record_size = MIN_RECORD;
module_param(record_size, uint, 0444);
MODULE_PARM_DESC(record_size, "bytes in a record, its newline included");

static uint buffers = 1;
module_param(buffers, uint, 0444);
MODULE_PARM_DESC(buffers, "how many buffers to create");

static ulong buffer_size;
module_param(buffer_size, ulong, 0444);
MODULE_PARM_DESC(buffer_size, "bytes in a ring (0: bufflink's default)");

static bool percpu;
module_param(percpu, bool, 0444);
MODULE_PARM_DESC(percpu, "a ring for each CPU in each buffer");

static bool process = true;
module_param(process, bool, 0444);
MODULE_PARM_DESC(process, "append from process context");

static bool softirq = true;
module_param(softirq, bool, 0444);
MODULE_PARM_DESC(softirq, "append from softirq context");

static bool hardirq = true;
module_param(hardirq, bool, 0444);
MODULE_PARM_DESC(hardirq, "append from hardirq context");

struct producer {
	ktime_t due;		/* when to append the next record */
	unsigned long sequence;	/* the next record's number */
};

static struct bufflink *bls[MAX_BUFFERS];
static struct task_struct *process_thread;
static struct hrtimer hardirq_timer;

static const char *this_context(void)
{
	if (in_hardirq())
		return "hardirq";
	return in_serving_softirq() ? "softirq" : "process";
}

static void append_record(struct producer *producer)
{
	u32 us;
	u64 seconds = div_u64_rem(ktime_to_us(ktime_get()), USEC_PER_SEC, &us);
	char record[MAX_RECORD];
	int length, i;

	length = scnprintf(record, record_size, "%s cpu%d %llu.%06u %lu",
			   this_context(), raw_smp_processor_id(), seconds, us,
			   producer->sequence++);
	memset(record + length, ' ', record_size - length);
	record[record_size - 1] = '\n';

	/* The result is of no use here: the buffer counts refused records. */
	for (i = 0; i < buffers; i++)
		bufflink_append(bls[i], record, record_size);
}

/* Returns how long to wait for the next record (jiffies, at least one). */
static unsigned long append_due(struct producer *producer)
{
	ktime_t now = ktime_get();

	/* At first, and instead of making up for a long pause: begin anew. */
	if (ktime_ms_delta(now, producer->due) > 100)
		producer->due = now;

	/* Several are due at once when the rate is higher than the tick's. */
	while (producer->due <= now) {
		append_record(producer);
		producer->due = ktime_add_ns(producer->due,
					     NSEC_PER_SEC / rate);
	}
	return nsecs_to_jiffies(ktime_sub(producer->due, now)) + 1;
}

static int thread_append(void *unused)
{
	static struct producer producer;
	unsigned long wait;

	while (!kthread_should_stop()) {
		wait = append_due(&producer);
		/* This order, or the wakeup of kthread_stop() may be lost. */
		set_current_state(TASK_INTERRUPTIBLE);
		if (!kthread_should_stop())
			schedule_timeout(wait);
		__set_current_state(TASK_RUNNING);
	}
	return 0;
}

static void timer_append(struct timer_list *timer)
{
	static struct producer producer;

	mod_timer(timer, jiffies + append_due(&producer));
}

static DEFINE_TIMER(softirq_timer, timer_append);

static enum hrtimer_restart hrtimer_append(struct hrtimer *hrtimer)
{
	static struct producer producer;
	unsigned long wait = append_due(&producer);

	hrtimer_forward_now(hrtimer, ns_to_ktime(jiffies_to_nsecs(wait)));
	return HRTIMER_RESTART;
}

static void setup_hrtimer(void)
{
	/* HARD: an hrtimer of any other mode is a softirq on PREEMPT_RT. */
	const enum hrtimer_mode mode = HRTIMER_MODE_REL_HARD;

	/* hrtimer_setup() came with 6.13, hrtimer_init() went with 6.15. */
#if KERNEL_VERSION(6, 13, 0) > LINUX_VERSION_CODE
	hrtimer_init(&hardirq_timer, CLOCK_MONOTONIC, mode);
	hardirq_timer.function = hrtimer_append;
#else
	hrtimer_setup(&hardirq_timer, hrtimer_append, CLOCK_MONOTONIC, mode);
#endif
}

static bool within(const char *name, uint value, uint min, uint max)
{
	if (value >= min && value <= max)
		return true;
	pr_err("%s=%u: must be from %u to %u\n", name, value, min, max);
	return false;
}

static bool parameters_are_good(void)
{
	if (!process && !softirq && !hardirq) {
		pr_err("no context is left: set process, softirq or hardirq\n");
		return false;
	}
	return within("rate", rate, 1, MAX_RATE) &&
	       within("record_size", record_size, MIN_RECORD, MAX_RECORD) &&
	       within("buffers", buffers, 1, MAX_BUFFERS);
}

static void destroy_buffers(void)
{
	int i;

	for (i = buffers - 1; i >= 0; i--)
		bufflink_destroy(bls[i]);	/* NULL is fine */
}

/* A buffer is known by its name, as its number may change. */
static int create_buffer(int i)
{
	char name[BUFFLINK_NAME_MAX + 1];
	int err;

	snprintf(name, sizeof(name), "%d", i);
	err = bufflink_create_named(&bls[i], name, buffer_size,
				    percpu ? BUFFLINK_PERCPU : 0);
	if (err)
		pr_err("cannot create a buffer: %pe\n", ERR_PTR(err));
	else
		pr_info("appending to /dev/bufflink%d\n",
			bufflink_number(bls[i]));
	return err;
}

static int __init bufflink_test_init(void)
{
	int err, i;

	if (!parameters_are_good())
		return -EINVAL;

	for (i = 0; i < buffers; i++) {
		err = create_buffer(i);
		if (err)
			goto destroy;
	}
	if (process) {
		process_thread = kthread_run(thread_append, NULL,
					     KBUILD_MODNAME);
		if (IS_ERR(process_thread)) {
			err = PTR_ERR(process_thread);
			goto destroy;
		}
	}
	setup_hrtimer();
	if (hardirq)
		hrtimer_start(&hardirq_timer, 0, HRTIMER_MODE_REL_HARD);
	if (softirq)
		mod_timer(&softirq_timer, jiffies + 1);
	return 0;

destroy:
	destroy_buffers();
	return err;
}

static void __exit bufflink_test_exit(void)
{
	/* Nobody may append any more when the buffers are destroyed. */
	timer_delete_sync(&softirq_timer);
	hrtimer_cancel(&hardirq_timer);
	if (process_thread)
		kthread_stop(process_thread);
	destroy_buffers();
}

module_init(bufflink_test_init);
module_exit(bufflink_test_exit);

MODULE_DESCRIPTION("Example of a bufflink client");
MODULE_LICENSE("GPL");
