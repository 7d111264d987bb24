// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink_sysaudit - append every system call's entry and exit to a buffer
 *
 * The records are in bufflink_sysaudit.h. An exit is filtered by itself: after
 * a setuid() by the new user. Filters may change at any time: a record is made
 * by a look at each, which sees it as it was before or as it is after.
 *
 * Who reads the buffer says so, and its calls are left out: reading would make
 * something to read, for ever. Its process is known by its struct pid, which we
 * hold: no later process with the same number can hide behind it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/compat.h>
#include <linux/cred.h>
#include <linux/hash.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/pid.h>
#include <linux/preempt.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/siphash.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/uidgid.h>
#include <linux/unistd.h>

#include <asm/syscall.h>

#include "bufflink.h"
#include "bufflink_sysaudit.h"

#define CALLS		1024	/* numbers that a filter can have */
#define ANYBODY		((uint)-1)	/* nobody's uid */
#define TOLD_BITS	10

static ulong buffer_size = SZ_4M;
module_param(buffer_size, ulong, 0400);
MODULE_PARM_DESC(buffer_size, "bytes of the ring of each CPU");

static uint uid = ANYBODY;
module_param(uid, uint, 0600);
MODULE_PARM_DESC(uid, "only calls of this real user (4294967295: of any)");

static int pid;
module_param(pid, int, 0600);
MODULE_PARM_DESC(pid, "only calls of this process (0: of any)");

#define ALL_CALLS	{ [0 ... BITS_TO_LONGS(CALLS) - 1] = ~0UL }
static DECLARE_BITMAP(native_calls, CALLS) = ALL_CALLS;
static DECLARE_BITMAP(compat_calls, CALLS) = ALL_CALLS;

/* A call asks for one bit only: words may change one by one. */
static int set_calls(const char *text, const struct kernel_param *param)
{
	DECLARE_BITMAP(new, CALLS);
	unsigned long *calls = param->arg;
	int err = bitmap_parselist(text, new, CALLS);
	int i;

	for (i = 0; !err && i < BITS_TO_LONGS(CALLS); i++)
		WRITE_ONCE(calls[i], new[i]);
	return err;
}

static int get_calls(char *text, const struct kernel_param *param)
{
	return scnprintf(text, PAGE_SIZE, "%*pbl\n", CALLS, param->arg);
}

static const struct kernel_param_ops calls_ops = {
	.set = set_calls,
	.get = get_calls,
};

module_param_cb(calls, &calls_ops, native_calls, 0600);
MODULE_PARM_DESC(calls, "only calls of these numbers, as 0,2-4 (or all)");
module_param_cb(compat_calls, &calls_ops, compat_calls, 0600);
MODULE_PARM_DESC(compat_calls, "the same for 32-bit calls of a 64-bit kernel");

static struct bufflink *bl;
static struct pid *reader;
static struct pid *reader_group;

/* What each thread was last known by: hashes, each thread's in one place. */
static atomic64_t told[1 << TOLD_BITS];
static siphash_key_t told_key;

static void set_pid(struct pid **where, struct pid *who)
{
	struct pid *before = *where;

	WRITE_ONCE(*where, who);
	tracepoint_synchronize_unregister();	/* nobody compares any more */
	put_pid(before);
}

/* Files of parameters can be written until after the module's exit. */
static void forget_buffer(void)
{
	bufflink_destroy(bl);
	kernel_param_lock(THIS_MODULE);
	bl = NULL;
	put_pid(reader);
	put_pid(reader_group);
	kernel_param_unlock(THIS_MODULE);
}

static int set_reader(const char *text, const struct kernel_param *param)
{
	bool process = sysfs_streq(text, "process");
	bool group = sysfs_streq(text, "group");
	int i;

	/* At load the writer is insmod, which reads nothing; or it is over. */
	if (!bl || (!process && !group && !sysfs_streq(text, "none")))
		return -EINVAL;
	set_pid(&reader, process ? get_pid(task_tgid(current)) : NULL);
	set_pid(&reader_group,
		group ? get_task_pid(current, PIDTYPE_PGID) : NULL);

	/* The new one knows no names yet. */
	for (i = 0; i < ARRAY_SIZE(told); i++)
		atomic64_set(&told[i], 0);
	return 0;
}

static const struct kernel_param_ops reader_ops = { .set = set_reader };

module_param_cb(reader, &reader_ops, NULL, 0200);
MODULE_PARM_DESC(reader, "leave out the writer's \"process\", process \"group\", or \"none\"");

static DEFINE_PER_CPU(u32, sequence);
static struct tracepoint *enter_point, *exit_point;

/* A number beyond the filter, as x32 has, shall be no way around it. */
static bool is_wanted_number(long number)
{
	if (number < 0)		/* what is left of it after rt_sigreturn() */
		return test_bit(__NR_rt_sigreturn, native_calls);
	return number >= CALLS ||
	       test_bit(number, in_compat_syscall() ? compat_calls :
						      native_calls);
}

static bool is_wanted(long number)
{
	uint only_uid = READ_ONCE(uid);
	int only_pid = READ_ONCE(pid);

	return is_wanted_number(number) &&
	       (!only_pid || only_pid == task_tgid_nr(current)) &&
	       (only_uid == ANYBODY ||
		only_uid == from_kuid(&init_user_ns, current_uid())) &&
	       READ_ONCE(reader) != task_tgid(current) &&
	       READ_ONCE(reader_group) != task_pgrp(current);
}

/*
 * Makes the record and appends it. On one CPU without a break, so that its
 * sequence is that of the stream; and from 6.13 on our caller is preemptible.
 */
static int log_record(struct sysaudit_head *head, u8 type, u16 length,
		      long number)
{
	int err;

	head->length = length;
	head->version = SYSAUDIT_VERSION;
	head->type = type;
	head->pid = task_tgid_nr(current);
	head->tid = task_pid_nr(current);
	head->uid = from_kuid(&init_user_ns, current_uid());
	head->arch = syscall_get_arch(current);
	head->number = number;

	preempt_disable_notrace();
	head->cpu = smp_processor_id();
	head->sequence = this_cpu_inc_return(sequence) - 1;
	head->time = ktime_get_real_ns();
	err = bufflink_append(bl, head, length);
	preempt_enable_notrace();
	return err;
}

/*
 * Only the thread itself writes its hashes: what it finds there it wrote last.
 * Another thread's in the same place only makes it tell again.
 */
static void log_entry(void *unused, struct pt_regs *regs, long number)
{
	u16 length = offsetof(struct sysaudit_entry, comm);
	struct sysaudit_entry entry;
	unsigned long args[6];
	atomic64_t *place;
	u64 hash;
	int i;

	if (!is_wanted(number))
		return;
	syscall_get_arguments(current, regs, args);
	for (i = 0; i < ARRAY_SIZE(args); i++)
		entry.args[i] = args[i];

	/* Half of a name that others just change is told again when whole. */
	data_race(memcpy(entry.comm, current->comm, sizeof(entry.comm)));
	place = &told[hash_32(task_pid_nr(current), TOLD_BITS)];
	hash = siphash(entry.comm, sizeof(entry.comm), &told_key);
	hash = siphash_2u64(hash, task_pid_nr(current), &told_key);
	if (atomic64_read(place) != hash)
		length = sizeof(entry);
	if (!log_record(&entry.head, SYSAUDIT_ENTRY, length, number))
		atomic64_set(place, hash);
}

static void log_exit(void *unused, struct pt_regs *regs, long result)
{
	struct sysaudit_exit exit = { .result = result };
	long number = syscall_get_nr(current, regs);

	if (is_wanted(number))
		log_record(&exit.head, SYSAUDIT_EXIT, sizeof(exit), number);
}

static void find_points(struct tracepoint *point, void *unused)
{
	if (!strcmp(point->name, "sys_enter"))
		enter_point = point;
	else if (!strcmp(point->name, "sys_exit"))
		exit_point = point;
}

static int __init bufflink_sysaudit_init(void)
{
	int err;

	for_each_kernel_tracepoint(find_points, NULL);
	if (!enter_point || !exit_point) {
		pr_err("this kernel has no tracepoints of system calls\n");
		return -EOPNOTSUPP;
	}
	get_random_bytes(&told_key, sizeof(told_key));
	err = bufflink_create_named(&bl, NULL, buffer_size, BUFFLINK_PERCPU);
	if (err)
		return err;

	/* In this order, or an exit might be missed that comes at once. */
	err = tracepoint_probe_register(exit_point, log_exit, NULL);
	if (err)
		goto destroy;
	err = tracepoint_probe_register(enter_point, log_entry, NULL);
	if (err)
		goto unregister;
	pr_info("appending to /dev/bufflink%d\n", bufflink_number(bl));
	return 0;

unregister:
	tracepoint_probe_unregister(exit_point, log_exit, NULL);
	tracepoint_synchronize_unregister();
destroy:
	forget_buffer();
	return err;
}

static void __exit bufflink_sysaudit_exit(void)
{
	tracepoint_probe_unregister(enter_point, log_entry, NULL);
	tracepoint_probe_unregister(exit_point, log_exit, NULL);
	tracepoint_synchronize_unregister();
	forget_buffer();
}

module_init(bufflink_sysaudit_init);
module_exit(bufflink_sysaudit_exit);

MODULE_DESCRIPTION("Append every system call's entry and exit to a buffer");
MODULE_LICENSE("GPL");
