// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink_trace - append events of the kernel to a buffer
 *
 * The records are in bufflink_trace.h, the events in bufflink_trace_events.h. An
 * event is stamped and appended with interrupts off: what a CPU appends is in the
 * order of its stamps. An event in NMI could break that order, and counts as lost.
 *
 * How many events of a CPU were lost is told by the next one that is not, in the
 * same append.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/binfmts.h>
#include <linux/blk-mq.h>
#include <linux/blktrace_api.h>
#include <linux/compat.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sched/rt.h>
#include <linux/sched/signal.h>
#include <linux/skbuff.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/tracepoint.h>
#include <linux/version.h>

#include <asm/syscall.h>

#include <trace/events/irq.h>
#include <trace/events/net.h>
#include <trace/events/power.h>
#include <trace/events/sched.h>
#include <trace/events/signal.h>
#include <trace/events/syscalls.h>
#include <trace/events/timer.h>

#include "bufflink.h"
#include "../bufflink_size.h"
#include "bufflink_trace.h"

/* The kernel's own types of what a tracepoint passes: all that changed is here. */

/* 6.16 passes whether a whole process ends. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#define PROCESS_EXIT_ARGS	struct task_struct *task, bool group_dead
#else
#define PROCESS_EXIT_ARGS	struct task_struct *task
#endif

/* 7.x passes the time itself. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
#define HRTIMER_NOW		ktime_t now
#define HRTIMER_NOW_VALUE	now
#else
#define HRTIMER_NOW		ktime_t *now
#define HRTIMER_NOW_VALUE	(*now)
#endif

/*
 * It was in the folder of x86 before others had these; some have none. Sparse has
 * no such way to look for it.
 */
#ifdef __CHECKER__
#elif __has_include("trace/events/exceptions.h")
#include <trace/events/exceptions.h>
#define HAS_PAGE_FAULTS
#elif __has_include("asm/trace/exceptions.h")
#include <asm/trace/exceptions.h>
#define HAS_PAGE_FAULTS
#endif
#ifndef HAS_PAGE_FAULTS
#define check_trace_callback_type_page_fault_user(probe)	((void)(probe))
#define check_trace_callback_type_page_fault_kernel(probe)	((void)(probe))
#endif

#ifdef CONFIG_BLOCK
#include <trace/events/block.h>
#else
#define check_trace_callback_type_block_rq_issue(probe)		((void)(probe))
#define check_trace_callback_type_block_rq_complete(probe)	((void)(probe))
#endif

static ulong buffer_size = SZ_4M;
bufflink_size_param(buffer_size, 0400);
MODULE_PARM_DESC(buffer_size, "bytes of the ring of each CPU");

static struct bufflink *bl;

struct cpu_state {
	u64 time;		/* of the last record */
	unsigned long lost;	/* and not told yet */
	unsigned long hits[TRACE_EVENTS];
};

static DEFINE_PER_CPU(struct cpu_state, cpu_state);

/* values of fields that need more than an expression */

static s64 state_of(struct task_struct *prev, bool preempt, unsigned int state)
{
	unsigned int index;

	if (preempt)
		return TASK_REPORT_MAX;
	index = __task_state_index(state, prev->exit_state);
	return index ? 1 << (index - 1) : 0;
}

static bool has_info(const struct kernel_siginfo *info)
{
	return info != SEND_SIG_NOINFO && info != SEND_SIG_PRIV;
}

#ifdef CONFIG_BLOCK
static u32 disk_of(struct request *request)
{
	return request->q->disk ? disk_devt(request->q->disk) : 0;
}

static u64 position_of(struct request *request)
{
	return blk_rq_pos(request);
}

static u64 sector_of(struct request *request)
{
	return blk_rq_trace_sector(request);
}

static u32 sectors_of(struct request *request)
{
	return blk_rq_trace_nr_sectors(request);
}

static u32 bytes_of(struct request *request)
{
	return blk_rq_bytes(request);
}

static int error_of(blk_status_t status)
{
	return blk_status_to_errno(status);
}

/* As LTTng has it. */
static u32 kind_of(struct request *request)
{
	const blk_opf_t flags = request->cmd_flags;
	const enum req_op op = req_op(request);
	u32 kind = 0;

	if (op == REQ_OP_WRITE)
		kind = BIT(0);
	else if (op == REQ_OP_DISCARD || op == REQ_OP_SECURE_ERASE)
		kind = BIT(1);
	else if (op == REQ_OP_READ)
		kind = BIT(2);
	kind |= flags & REQ_RAHEAD ? BIT(3) : 0;
	kind |= flags & REQ_SYNC ? BIT(5) : 0;
	kind |= flags & REQ_META ? BIT(6) : 0;
	kind |= op == REQ_OP_SECURE_ERASE ? BIT(7) : 0;
	kind |= op == REQ_OP_FLUSH ? BIT(8) : 0;
	kind |= flags & REQ_FUA ? BIT(9) : 0;
	kind |= flags & REQ_PREFLUSH ? BIT(10) : 0;
	return kind;
}
#else
#define disk_of(request)	0
#define position_of(request)	0
#define sector_of(request)	0
#define sectors_of(request)	0
#define bytes_of(request)	0
#define error_of(status)	0
#define kind_of(request)	0
#endif

static void copy_comm(char *to, const char *comm)
{
	/* Others may be changing it; the record then has both. */
	data_race(memcpy(to, comm, TRACE_COMM));
	to[TRACE_COMM - 1] = '\0';
}

static void copy_args(__u64 *to, struct pt_regs *regs)
{
	unsigned long args[TRACE_ARGS];
	int i;

	syscall_get_arguments(current, regs, args);
	for (i = 0; i < TRACE_ARGS; i++)
		to[i] = args[i];
}

/* Returns its bytes, with the zero at its end. */
static size_t copy_text(char *to, const char *text)
{
	ssize_t length = strscpy(to, text ?: "", TRACE_TEXT);

	return length < 0 ? TRACE_TEXT : length + 1;
}

/* records */

static void begin(struct trace_head *head, size_t size, u16 id)
{
	head->length = size;
	head->cpu = smp_processor_id();
	head->id = id;
}

static void stamp(struct trace_head *head, u64 time)
{
	head->time_high = upper_32_bits(time);
	head->time_low = lower_32_bits(time);
}

/* The clock may step back by some ns when its speed is adjusted. */
static u64 next_time(void)
{
	u64 time = max(ktime_get_mono_fast_ns(), __this_cpu_read(cpu_state.time));

	__this_cpu_write(cpu_state.time, time);
	return time;
}

/* The record of size bytes is behind the place for that of a loss. */
static noinline void append(struct trace_lost *lost, size_t size, int event,
			    u16 id)
{
	struct trace_head *head = (struct trace_head *)(lost + 1);
	unsigned long flags, missing;
	u64 time;
	int err;

	local_irq_save(flags);
	this_cpu_inc(cpu_state.hits[event]);
	if (in_nmi()) {
		this_cpu_inc(cpu_state.lost);
		goto restore;
	}
	time = next_time();
	begin(head, size, id);
	stamp(head, time);
	missing = this_cpu_read(cpu_state.lost);
	if (likely(!missing)) {
		err = bufflink_append(bl, head, size);
	} else {
		begin(&lost->head, sizeof(*lost), TRACE_LOST);
		stamp(&lost->head, time);
		lost->records = missing;
		err = bufflink_append(bl, lost, sizeof(*lost) + size);
		if (!err)
			this_cpu_sub(cpu_state.lost, missing);
	}
	if (err)
		this_cpu_inc(cpu_state.lost);
restore:
	local_irq_restore(flags);
}

/* A function for each event, which fills in its record. */
#define ARGS(...)			__VA_ARGS__
#define NUMBER(type, name, value)	(event->_##name = (value))
#define HEX(name, value)		(event->_##name = (value))
#define COMM(name, value)		copy_comm(event->_##name, value)
#define CALL_ARGS(name, regs)		copy_args(event->_##name, regs)
#define STRING(name, value)						\
	(size -= TRACE_TEXT - copy_text(event->_##name, value))
#define ID(number)			(id = (number))
#define STATE(name, fields)
#define EVENT(name, group, tracepoint, arguments, fields)		\
static void probe_##name(void *unused, arguments)			\
{									\
	struct {							\
		struct trace_lost lost;					\
		struct trace_##name event;				\
	} __packed record;						\
	struct trace_##name *event = &record.event;			\
	size_t size = sizeof(*event);					\
	u16 id = TRACE_##name;						\
									\
	fields;								\
	append(&record.lost, size, TRACE_##name, id);			\
	/* The compiler checks that the kernel passes what it takes. */	\
	check_trace_callback_type_##tracepoint(probe_##name);		\
}

#include "bufflink_trace_events.h"
#undef EVENT
#undef STATE

struct event {
	const char *name;
	const char *group;
	const char *tracepoint;		/* NULL if it has none */
	void *probe;
	struct tracepoint *point;	/* NULL if this kernel has none */
};

static struct event events[TRACE_EVENTS] = {
#define EVENT(name, group, tracepoint, arguments, fields)		\
	[TRACE_##name] = { #name, #group, #tracepoint, probe_##name },
#define STATE(name, fields)						\
	[TRACE_##name] = { #name, "" },
#include "bufflink_trace_events.h"
#undef EVENT
#undef STATE
};

#define for_each_event(event)						\
	for (event = events + 1; event < events + TRACE_EVENTS; event++)

/* switching events on and off */

static DEFINE_MUTEX(switching);
static DECLARE_BITMAP(wanted, TRACE_EVENTS);
static DECLARE_BITMAP(on, TRACE_EVENTS);
static bool ready;		/* between init and exit */

static void switch_off(int i)
{
	tracepoint_probe_unregister(events[i].point, events[i].probe, NULL);
	__clear_bit(i, on);
}

static int switch_on(int i)
{
	int err = tracepoint_probe_register(events[i].point, events[i].probe,
					    NULL);

	if (!err)
		__set_bit(i, on);
	return err;
}

/* When it returns, nothing is appended of what is off. */
static int set_on(const unsigned long *new)
{
	bool fewer = false;
	int i, err = 0;

	for (i = 0; i < TRACE_EVENTS; i++) {
		if (test_bit(i, on) && !test_bit(i, new)) {
			switch_off(i);
			fewer = true;
		}
	}
	if (fewer)
		tracepoint_synchronize_unregister();
	for (i = 0; i < TRACE_EVENTS && !err; i++)
		if (test_bit(i, new) && !test_bit(i, on))
			err = switch_on(i);
	return err;
}

static bool is_meant(const struct event *event, const char *word)
{
	return event->probe && (!strcmp(word, "all") ||
				!strcmp(word, event->group) ||
				!strcmp(word, event->name));
}

/* An event, a group or all, with a minus in front to leave it out again. */
static int take_word(unsigned long *new, const char *word)
{
	bool add = *word != '-', found = false;
	struct event *event;

	for_each_event(event) {
		if (!is_meant(event, word + !add))
			continue;
		/* When the module is loaded, points are not known yet. */
		if (ready && !event->point) {
			if (!strcmp(event->name, word))
				return -EOPNOTSUPP;
			found = true;
			continue;
		}
		__assign_bit(event - events, new, add);
		found = true;
	}
	return found ? 0 : -EINVAL;
}

static int set_events(const char *text, const struct kernel_param *param)
{
	char *copy = kstrdup(text, GFP_KERNEL), *rest = copy, *word;
	DECLARE_BITMAP(new, TRACE_EVENTS) = { };
	int err = copy ? 0 : -ENOMEM;

	mutex_lock(&switching);
	while (!err && (word = strsep(&rest, ",\n")))
		if (*word)
			err = take_word(new, word);
	if (!err) {
		bitmap_copy(wanted, new, TRACE_EVENTS);
		if (ready)
			err = set_on(new);
	}
	mutex_unlock(&switching);
	kfree(copy);
	return err;
}

/* A list of those that are on, or of those that this kernel lacks. */
static int list_events(char *text, bool missing)
{
	struct event *event;
	int size = 0;

	for_each_event(event)
		if (event->probe &&
		    (missing ? !event->point : test_bit(event - events, on)))
			size += scnprintf(text + size, PAGE_SIZE - size, "%s%s",
					  size ? "," : "", event->name);
	return size + scnprintf(text + size, PAGE_SIZE - size, "\n");
}

static int get_events(char *text, const struct kernel_param *param)
{
	int size;

	mutex_lock(&switching);
	size = list_events(text, false);
	mutex_unlock(&switching);
	return size;
}

static const struct kernel_param_ops events_ops = {
	.set = set_events,
	.get = get_events,
};

device_param_cb(events, &events_ops, NULL, 0600);
MODULE_PARM_DESC(events, "events and groups to append, as sched,-sched_switch");

/* The kernel calls it for a value that the module is loaded with. */
static int refuse(const char *text, const struct kernel_param *param)
{
	return -EPERM;
}

static int get_missing(char *text, const struct kernel_param *param)
{
	return list_events(text, true);
}

static const struct kernel_param_ops missing_ops = {
	.set = refuse,
	.get = get_missing,
};

device_param_cb(missing, &missing_ops, NULL, 0400);
MODULE_PARM_DESC(missing, "events that this kernel does not have");

/* counts */

static int get_hits(char *text, const struct kernel_param *param)
{
	unsigned long hits;
	int i, cpu, size = 0;

	for (i = 1; i < TRACE_EVENTS; i++) {
		hits = 0;
		for_each_possible_cpu(cpu)
			hits += READ_ONCE(per_cpu(cpu_state, cpu).hits[i]);
		if (hits)
			size += scnprintf(text + size, PAGE_SIZE - size,
					  "%s %lu\n", events[i].name, hits);
	}
	return size;
}

static const struct kernel_param_ops hits_ops = {
	.set = refuse,
	.get = get_hits,
};

device_param_cb(hits, &hits_ops, NULL, 0400);
MODULE_PARM_DESC(hits, "how often each event came while it was on");

/* The rest is told by the next event of the CPU, so it is exact with all off. */
static int get_lost(char *text, const struct kernel_param *param)
{
	unsigned long lost;
	int cpu, size = 0;

	for_each_possible_cpu(cpu) {
		lost = READ_ONCE(per_cpu(cpu_state, cpu).lost);
		if (lost)
			size += scnprintf(text + size, PAGE_SIZE - size,
					  "%d %lu\n", cpu, lost);
	}
	return size < PAGE_SIZE - 1 ? size : -EFBIG;
}

static int forget_lost(const char *text, const struct kernel_param *param)
{
	int cpu, err = 0;

	if (!sysfs_streq(text, "0"))
		return -EINVAL;
	mutex_lock(&switching);
	if (!bitmap_empty(on, TRACE_EVENTS))
		err = -EBUSY;
	for_each_possible_cpu(cpu)
		if (!err)
			per_cpu(cpu_state, cpu).lost = 0;
	mutex_unlock(&switching);
	return err;
}

static const struct kernel_param_ops lost_ops = {
	.set = forget_lost,
	.get = get_lost,
};

device_param_cb(lost, &lost_ops, NULL, 0600);
MODULE_PARM_DESC(lost, "CPUs and the events they lost since their last record");

/* marks of programs */

struct mark {
	struct trace_lost lost;
	struct trace_bufflink_mark event;
} __packed;

static int set_mark(const char *text, const struct kernel_param *param)
{
	struct mark *record = kmalloc(sizeof(*record), GFP_KERNEL);
	size_t size = sizeof(record->event);
	int err = 0;

	if (!record)
		return -ENOMEM;
	record->event._tid = current->pid;
	strscpy(record->event._msg, text, TRACE_TEXT);
	/* The newline of echo is no part of it. */
	strreplace(record->event._msg, '\n', '\0');
	size -= TRACE_TEXT - strlen(record->event._msg) - 1;
	mutex_lock(&switching);
	if (ready && !bitmap_empty(on, TRACE_EVENTS))
		append(&record->lost, size, TRACE_bufflink_mark,
		       TRACE_bufflink_mark);
	else
		err = -ENODATA;
	mutex_unlock(&switching);
	kfree(record);
	return err;
}

static const struct kernel_param_ops mark_ops = { .set = set_mark };

device_param_cb(mark, &mark_ops, NULL, 0200);
MODULE_PARM_DESC(mark, "a text to append to the events");

static int version = TRACE_VERSION;
module_param(version, int, 0444);
MODULE_PARM_DESC(version, "of the records, not to be set");

/* the module */

static void find_point(struct tracepoint *point, void *unused)
{
	struct event *event;

	for_each_event(event)
		if (event->tracepoint && !strcmp(point->name, event->tracepoint))
			event->point = point;
}

static void find_points(void)
{
	struct event *event;

	for_each_kernel_tracepoint(find_point, NULL);
	for_each_event(event) {
		if (!event->probe || event->point)
			continue;
		pr_info("this kernel has no %s\n", event->name);
		__clear_bit(event - events, wanted);
	}
}

static int __init bufflink_trace_init(void)
{
	int err;

	BUILD_BUG_ON(TRACE_EVENTS > TRACE_CALLS);
	if (version != TRACE_VERSION)
		return -EINVAL;
	find_points();
	err = bufflink_create_named(&bl, NULL, buffer_size, BUFFLINK_PERCPU);
	if (err)
		return err;
	mutex_lock(&switching);
	err = set_on(wanted);
	ready = !err;
	if (err)
		set_on((unsigned long [BITS_TO_LONGS(TRACE_EVENTS)]) { });
	mutex_unlock(&switching);
	if (err) {
		bufflink_destroy(bl);
		return err;
	}
	pr_info("appending to /dev/bufflink%d\n", bufflink_number(bl));
	return 0;
}

/* A parameter may be written until we are gone. */
static void __exit bufflink_trace_exit(void)
{
	mutex_lock(&switching);
	set_on((unsigned long [BITS_TO_LONGS(TRACE_EVENTS)]) { });
	ready = false;
	mutex_unlock(&switching);
	bufflink_destroy(bl);
}

module_init(bufflink_trace_init);
module_exit(bufflink_trace_exit);

MODULE_DESCRIPTION("Append events of the kernel to a buffer");
MODULE_LICENSE("GPL");
