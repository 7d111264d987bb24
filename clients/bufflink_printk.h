/* SPDX-License-Identifier: GPL-2.0-only */
/* A module is called for each message of printk(), while it is written. */
#ifndef _BUFFLINK_PRINTK_H
#define _BUFFLINK_PRINTK_H

#include <linux/cpumask.h>
#include <linux/irq_work.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/smp.h>
#include <linux/version.h>
#include <trace/events/printk.h>

static void (*bufflink_message_comes)(void);

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
/*
 * Before 6.3 the tracepoint warns when it is hit in an NMI, and modules have it
 * since 6.5. Kprobes miss only the messages that other kprobes print. There are two
 * ways to end the writing: a message without a newline at its end stays open, until
 * the next one begins.
 */
static int bufflink_printk_probe(struct kprobe *probe, struct pt_regs *regs)
{
	bufflink_message_comes();
	return 0;
}

static struct kprobe bufflink_printk_final = {
	.symbol_name = "prb_final_commit",
	.pre_handler = bufflink_printk_probe,
};

static struct kprobe bufflink_printk_open = {
	.symbol_name = "prb_commit",
	.pre_handler = bufflink_printk_probe,
};

static struct kprobe *bufflink_printk_probes[] = {
	&bufflink_printk_final, &bufflink_printk_open,
};

static int bufflink_printk_register(void)
{
	return register_kprobes(bufflink_printk_probes,
				ARRAY_SIZE(bufflink_printk_probes));
}

/* When it returns, no call runs, and none will come. */
static void bufflink_printk_stop(void)
{
	unregister_kprobes(bufflink_printk_probes,
			   ARRAY_SIZE(bufflink_printk_probes));
}
#else
static void bufflink_printk_probe(void *unused, const char *text, size_t length)
{
	bufflink_message_comes();
}

static int bufflink_printk_register(void)
{
	return register_trace_console(bufflink_printk_probe, NULL);
}

static void bufflink_printk_stop(void)
{
	unregister_trace_console(bufflink_printk_probe, NULL);
	tracepoint_synchronize_unregister();
}
#endif

/* Any context may be that of message_comes(), with interrupts off. */
static int bufflink_printk_start(void (*message_comes)(void))
{
	bufflink_message_comes = message_comes;
	return bufflink_printk_register();
}

/*
 * Queues it on this CPU, with interrupts off. A CPU that went offline would run it
 * when it is online again, and irq_work_sync() would wait for that. So its messages
 * come with the next one of another CPU.
 */
static void bufflink_printk_queue(struct irq_work *work)
{
	const unsigned int cpu = smp_processor_id();

	if (cpu_online(cpu) || !cpu_dying(cpu))
		irq_work_queue(work);
}

#endif /* _BUFFLINK_PRINTK_H */
