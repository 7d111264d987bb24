// SPDX-License-Identifier: GPL-2.0-only
/*
 * A client of bufflink that tests control: producer.h
 *
 * Buffers belong to the module, not to the program that made them: they last
 * until they are destroyed or the module goes.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/iopoll.h>
#include <linux/kprobes.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/prandom.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/tracepoint.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/version.h>
#include <linux/vmalloc.h>

#include "bufflink.h"
#include "clients/evlog/bufflink_evlog.h"
#include "producer.h"

/* 6.12 moved it from asm to linux. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#include <asm/unaligned.h>
#else
#include <linux/unaligned.h>
#endif

#ifdef CONFIG_X86
#include <asm/apic.h>
#include <asm/nmi.h>
#endif

/* 6.5 put the APIC's methods behind static calls, 6.13 has hrtimer_setup() */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define __apic_send_IPI_mask	apic->send_IPI_mask
#endif
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static void hrtimer_setup(struct hrtimer *timer,
			  enum hrtimer_restart (*function)(struct hrtimer *),
			  clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

#define GUARD_SIZE	64
#define GUARD_BYTE	0xa5
#define POISON_BYTE	0xdb	/* in client memory that bufflink let go of */
#define PIECES_MAX	8

struct slot {
	struct bufflink *bl;
	enum producer_memory memory;
	u8 *client;	/* between two guards; NULL if bufflink's own */
	size_t size;
};

/* An event for bufflink_evlog */
struct event {
	__printf(7, 8)
	int (*write)(const char *module, const char *facility, const char *type,
		     enum evlog_severity severity,
		     const struct evlog_attr *attrs, size_t n,
		     const char *format, ...);
	u8 severity;
	const char *facility;
	const char *type;
	const char *text;
	struct evlog_attr attrs[PRODUCER_ATTRS_MAX];
	size_t n;
};

/* One producer of records, as its reader sees it. */
struct source {
	struct bufflink *bl;
	struct rnd_state random;
	u8 *bytes;	/* of the record; the caller's if given */
	bool given;
	bool stamped;
	u32 call;
	u32 pieces;
	u32 id;
	u32 sequence;
	u64 size_min;
	u64 size_max;
	int last;
	struct producer_result result;
	struct event event;
};

struct run {
	struct source outer;
	struct source inner;
	u64 left;
	u32 context;
	unsigned int cpu;
	u32 burst;
	u32 gap_us;
	struct hrtimer timer;
	struct completion done;
};

static DEFINE_MUTEX(slots_lock);
static struct slot slots[PRODUCER_SLOTS];
static u8 static_memory[PRODUCER_STATIC_SIZE + 2 * GUARD_SIZE];
static u8 *noise;
static atomic_t token;
static u32 (*ends)[PRODUCER_ENDS];	/* of each id: tokens after the appends */
static struct tracepoint *sched_switch;	/* once it is probed */

static u8 *get_memory(enum producer_memory memory, size_t size)
{
	switch (memory) {
	case PRODUCER_KMALLOC:
		return kmalloc(size, GFP_KERNEL);
	case PRODUCER_VMALLOC:
		return vmalloc(size);
	case PRODUCER_PAGES:
		return alloc_pages_exact(size, GFP_KERNEL);
	case PRODUCER_STATIC:
		return size <= sizeof(static_memory) ? static_memory : NULL;
	default:
		return NULL;
	}
}

static void put_memory(enum producer_memory memory, u8 *start, size_t size)
{
	if (memory == PRODUCER_PAGES)
		free_pages_exact(start, size);
	else if (memory != PRODUCER_STATIC)
		kvfree(start);
}

/* A buffer of any size, in next to no memory: its bytes are of no use. */
static u8 *map_aliased(size_t size)
{
	size_t n = size / PAGE_SIZE;
	struct page **pages = kvmalloc_array(n, sizeof(*pages), GFP_KERNEL);
	struct page *page = alloc_page(GFP_KERNEL);
	u8 *start = NULL;

	/* vmap() maps no more pages than there are */
	if (pages && page)
		start = vm_map_ram(memset_p((void **)pages, page, n), n,
				   NUMA_NO_NODE);
	if (page && !start)
		__free_page(page);
	kvfree(pages);
	return start;
}

static void unmap_aliased(u8 *start, size_t size)
{
	struct page *page = vmalloc_to_page(start);

	vm_unmap_ram(start, size / PAGE_SIZE);
	__free_page(page);
}

static int get_client_memory(struct slot *slot)
{
	size_t size = slot->size + 2 * GUARD_SIZE;
	u8 *start;

	if (slot->memory == PRODUCER_ALIASED) {
		slot->client = map_aliased(slot->size);
		return slot->client ? 0 : -ENOMEM;
	}
	start = get_memory(slot->memory, size);
	if (!start)
		return -ENOMEM;
	memset(start, GUARD_BYTE, size);
	slot->client = start + GUARD_SIZE;
	return 0;
}

static bool is_damaged(const u8 *guard)
{
	return memchr_inv(guard, GUARD_BYTE, GUARD_SIZE);
}

static int put_client_memory(struct slot *slot)
{
	size_t size = slot->size + 2 * GUARD_SIZE;
	u8 *start = slot->client - GUARD_SIZE;
	bool damaged;

	if (slot->memory == PRODUCER_ALIASED) {
		unmap_aliased(slot->client, slot->size);
		slot->client = NULL;
		return 0;
	}
	damaged = is_damaged(start) || is_damaged(slot->client + slot->size);
	memset(start, POISON_BYTE, size);
	put_memory(slot->memory, start, size);
	slot->client = NULL;
	return damaged ? -EILSEQ : 0;
}

static int destroy_slot(struct slot *slot)
{
	bufflink_destroy(slot->bl);
	slot->bl = NULL;
	return slot->client ? put_client_memory(slot) : 0;
}

static int destroy_slots(void)
{
	unsigned int i;
	int err = 0;

	mutex_lock(&slots_lock);
	for (i = 0; i < PRODUCER_SLOTS; i++)
		if (slots[i].bl && destroy_slot(&slots[i]))
			err = -EILSEQ;
	mutex_unlock(&slots_lock);
	return err;
}

/* The name is at the end of its page, and is overwritten afterwards. */
static int create_named(struct slot *slot, struct producer_create *request)
{
	size_t size = request->name_size;
	char *page = vmalloc(PAGE_SIZE);
	char *name = page + PAGE_SIZE - size;

	if (!page)
		return -ENOMEM;
	memcpy(name, request->name, size);
	request->result = bufflink_create_named(&slot->bl, size ? name : NULL,
						slot->size, request->flags);
	memset(name, POISON_BYTE, size);
	vfree(page);
	return 0;
}

static int create_slot(struct slot *slot, struct producer_create *request)
{
	int err = 0;

	if (slot->bl)
		return -EEXIST;
	slot->memory = request->memory;
	slot->size = min_t(u64, request->size, SIZE_MAX);
	if (slot->memory != PRODUCER_OWN) {
		err = get_client_memory(slot);
		if (err)
			return err;
	}
	slot->bl = (void *)slot;	/* to see that it is set */
	if (request->named)
		err = create_named(slot, request);
	else
		request->result = bufflink_create(&slot->bl, slot->client,
						  slot->size, request->minor);
	if (err) {
		slot->bl = NULL;
		return err;
	}
	request->null = !slot->bl;
	request->number = -1;
	if (!request->result) {
		request->number = bufflink_number(slot->bl);
		return 0;
	}
	slot->bl = NULL;
	return slot->client ? put_client_memory(slot) : 0;
}

static bool is_sane_create(const struct producer_create *request)
{
	size_t size = request->name_size;

	if (request->slot >= PRODUCER_SLOTS ||
	    request->memory > PRODUCER_ALIASED)
		return false;
	if (!request->named)
		return true;
	if (request->memory != PRODUCER_OWN || size > PRODUCER_NAME_MAX)
		return false;
	return !size || size > BUFFLINK_NAME_MAX || !request->name[size - 1];
}

static long create(void __user *user)
{
	struct producer_create request;
	int err;

	if (copy_from_user(&request, user, sizeof(request)))
		return -EFAULT;
	if (!is_sane_create(&request))
		return -EINVAL;
	mutex_lock(&slots_lock);
	err = create_slot(&slots[request.slot], &request);
	mutex_unlock(&slots_lock);
	if (!err && copy_to_user(user, &request, sizeof(request)))
		err = -EFAULT;
	return err;
}

static long destroy(u32 __user *user)
{
	u32 number;
	int err;

	if (get_user(number, user))
		return -EFAULT;
	if (number >= PRODUCER_SLOTS)
		return -EINVAL;
	mutex_lock(&slots_lock);
	err = destroy_slot(&slots[number]);
	mutex_unlock(&slots_lock);
	return err;
}

static long resize(struct producer_resize __user *user)
{
	struct producer_resize request;

	if (copy_from_user(&request, user, sizeof(request)))
		return -EFAULT;
	if (request.slot >= PRODUCER_SLOTS || !slots[request.slot].bl)
		return -EINVAL;
	request.result = bufflink_resize(slots[request.slot].bl,
					 min_t(u64, request.size, SIZE_MAX));
	return copy_to_user(user, &request, sizeof(request)) ? -EFAULT : 0;
}

static u32 draw(struct source *source, u32 below)
{
	return prandom_u32_state(&source->random) % below;
}

/* Three quarters of the sizes are below the square root of the largest. */
static size_t draw_size(struct source *source)
{
	u32 bits = fls64(source->size_max);

	if (source->size_min == source->size_max)
		return source->size_max;
	bits = min(draw(source, bits), draw(source, bits));
	return clamp_t(u64, draw(source, 2U << bits), source->size_min,
		       source->size_max);
}

static int append_pieces(struct source *source, size_t size)
{
	struct kvec vec[PIECES_MAX];
	size_t n = source->pieces;
	size_t start = 0;
	size_t end;
	size_t i;

	for (i = 0; i < n; i++, start = end) {
		end = size > PRODUCER_RECORD_MAX ? size : size * (i + 1) / n;
		vec[i].iov_base = source->bytes + start;
		vec[i].iov_len = end - start;
		if (size > PRODUCER_RECORD_MAX)
			end = 0;
	}
	return bufflink_appendv(source->bl, vec, n);
}

static int print(struct source *source, size_t size)
{
	if (source->given)
		_printk("%.*s", (int)size, source->bytes);
	else
		pr_info("flood %u %u\n", source->id, source->sequence);
	return 0;
}

static int write_event(struct source *source)
{
	const struct event *event = &source->event;
	const struct evlog_attr attrs[] = {
		EVLOG_U64("id", source->id),
		EVLOG_U64("sequence", source->sequence),
	};

	if (source->given)
		return event->write(KBUILD_MODNAME, event->facility,
				    event->type, event->severity, event->attrs,
				    event->n, "%s", event->text);
	return event->write(KBUILD_MODNAME, "producer", "flood", EVLOG_INFO,
			    attrs, ARRAY_SIZE(attrs), "%u %u", source->id,
			    source->sequence);
}

static int append_bytes(struct source *source, size_t size)
{
	switch (source->call) {
	case PRODUCER_APPENDV:
		return append_pieces(source, size);
	case PRODUCER_PRINTF:
		return bufflink_printf(source->bl, "%.*s", (int)size,
				       source->bytes);
	case PRODUCER_PRINTK:
		return print(source, size);
	case PRODUCER_EVLOG:
		return write_event(source);
	default:
		return bufflink_append(source->bl, source->bytes, size);
	}
}

static void count(struct source *source, size_t size)
{
	struct producer_result *result = &source->result;

	if (!source->last) {
		result->stored++;
		result->bytes += size;
		source->sequence++;
		return;
	}
	source->sequence += source->stamped;
	result->lost_bytes += size;
	switch (source->last) {
	case -ENOSPC:
		result->nospc++;
		break;
	case -EMSGSIZE:
		result->msgsize++;
		break;
	case -EBUSY:
		result->busy++;
		break;
	default:
		result->other++;
	}
}

/* Both looks at the counter are full barriers. */
static void append_stamped(struct source *source, size_t size)
{
	u32 *end = &ends[source->id][source->sequence % PRODUCER_ENDS];

	WRITE_ONCE(*end, 0);
	put_unaligned_le32(atomic_inc_return(&token),
			   source->bytes + PRODUCER_HEADER);
	source->last = append_bytes(source, size);
	WRITE_ONCE(*end, atomic_inc_return(&token));
}

static void append(struct source *source)
{
	size_t size = draw_size(source);

	if (!source->given && size && size <= PRODUCER_RECORD_MAX)
		producer_record(source->bytes, noise, source->id,
				source->sequence, size);
	if (source->stamped)
		append_stamped(source, size);
	else
		source->last = append_bytes(source, size);
	if (size)
		count(source, size);
}

static bool append_next(struct run *run)
{
	if (!run->left)
		return false;
	append(&run->outer);
	WRITE_ONCE(run->left, run->left - 1);
	return true;
}

/*
 * To put a jump in the place of a probe's breakpoint, the kernel waits until every
 * task has given way by itself, and lets no CPU go off until then. To be preempted
 * is not to give way: nor is cond_resched(), on a preemptible kernel.
 */
static void give_way(const struct run *run)
{
	udelay(run->gap_us);
	cond_resched_tasks_rcu_qs();
}

static int run_process(struct run *run)
{
	while (append_next(run) && !fatal_signal_pending(current))
		give_way(run);
	return 0;
}

static ktime_t gap_of(const struct run *run)
{
	return ns_to_ktime(run->gap_us * NSEC_PER_USEC);
}

/* Returns whether there was anything to append. */
static bool append_burst(struct run *run)
{
	bool any = false;
	u32 i;

	for (i = 0; i < run->burst; i++)
		any |= append_next(run);
	return any;
}

static enum hrtimer_restart timer_expired(struct hrtimer *timer)
{
	struct run *run = container_of(timer, struct run, timer);

	append_burst(run);
	if (!run->left) {
		complete(&run->done);
		return HRTIMER_NORESTART;
	}
	hrtimer_forward_now(timer, gap_of(run));
	return HRTIMER_RESTART;
}

static int run_timer(struct run *run, enum hrtimer_mode mode)
{
	init_completion(&run->done);
	hrtimer_setup(&run->timer, timer_expired, CLOCK_MONOTONIC, mode);
	hrtimer_start(&run->timer, gap_of(run), mode);
	wait_for_completion_killable(&run->done);
	hrtimer_cancel(&run->timer);
	return 0;
}

#ifdef CONFIG_X86
static DEFINE_PER_CPU(struct run *, nmi_run);

static int nmi_arrived(unsigned int type, struct pt_regs *regs)
{
	struct run *run = this_cpu_read(nmi_run);

	return run && append_burst(run) ? NMI_HANDLED : NMI_DONE;
}

static int producer_nmi_start(void)
{
	return register_nmi_handler(NMI_LOCAL, nmi_arrived, 0, PRODUCER_NAME);
}

static void producer_nmi_stop(void)
{
	unregister_nmi_handler(NMI_LOCAL, PRODUCER_NAME);
}

/* NMIs coalesce, so each is waited for before the next is sent. */
static int run_nmi(struct run *run)
{
	struct run **where = per_cpu_ptr(&nmi_run, run->cpu);
	int err = 0;
	u64 before;
	u64 left;

	if (cmpxchg(where, NULL, run))
		return -EBUSY;
	while (run->left && !err && !fatal_signal_pending(current)) {
		before = run->left;
		__apic_send_IPI_mask(cpumask_of(run->cpu), NMI_VECTOR);
		err = read_poll_timeout(READ_ONCE, left, left < before, 100,
					10 * USEC_PER_SEC, false, run->left);
	}
	xchg(where, NULL);
	return err;
}
#else
static int producer_nmi_start(void)
{
	return 0;
}

static void producer_nmi_stop(void)
{
}

static int run_nmi(struct run *run)
{
	return -EOPNOTSUPP;
}
#endif

static DEFINE_PER_CPU(struct run *, switching_run);

static void task_switched(void *data, bool preempt, struct task_struct *prev,
			  struct task_struct *next, unsigned int prev_state)
{
	struct run *run = this_cpu_read(switching_run);

	if (run)
		append_next(run);
}

static int run_sched_switch(struct run *run)
{
	struct run **where = raw_cpu_ptr(&switching_run);

	if (!sched_switch)
		return -ENXIO;
	if (cmpxchg(where, NULL, run))
		return -EBUSY;
	while (READ_ONCE(run->left) && !fatal_signal_pending(current))
		usleep_range(50, 100);
	xchg(where, NULL);
	synchronize_rcu();	/* the probe may have it still */
	return 0;
}

static DEFINE_PER_CPU(struct run *, nesting_run);

static void append_nested(enum producer_context context)
{
	struct run *run = this_cpu_read(nesting_run);

	if (run && run->context == context) {
		this_cpu_write(nesting_run, NULL);
		append(&run->inner);
	}
}

static int slowpath_entered(struct kretprobe_instance *instance,
			    struct pt_regs *regs)
{
	append_nested(PRODUCER_WAITING);
	return 0;
}

static int slowpath_left(struct kretprobe_instance *instance,
			 struct pt_regs *regs)
{
	append_nested(PRODUCER_NESTED);
	return 0;
}

/* Where an append waits for the lock: on x86, arm64, s390x */
static const char * const slowpaths[] = {
	"native_queued_spin_lock_slowpath",
	"queued_spin_lock_slowpath",
	"arch_spin_lock_wait",
};

/* The entry and the return of a function can be probed without an NMI. */
static struct kretprobe slowpath_probe = {
	.entry_handler = slowpath_entered,
	.handler = slowpath_left,
};

/* Interrupts are off so that the probe sees no lock but that of the append. */
static bool append_around(struct run *run)
{
	unsigned long irqs;
	bool more;

	local_irq_save(irqs);
	this_cpu_write(nesting_run, run);
	more = append_next(run);
	this_cpu_write(nesting_run, NULL);
	local_irq_restore(irqs);
	return more;
}

static int run_nested(struct run *run)
{
	while (append_around(run) && !fatal_signal_pending(current))
		give_way(run);
	return 0;
}

static void find_sched_switch(struct tracepoint *tracepoint, void *found)
{
	if (!strcmp(tracepoint->name, "sched_switch"))
		*(struct tracepoint **)found = tracepoint;
}

static int probe_slowpath(void)
{
	int err = -ENOENT;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(slowpaths) && err == -ENOENT; i++) {
		slowpath_probe.kp.symbol_name = slowpaths[i];
		err = register_kretprobe(&slowpath_probe);
	}
	return err;
}

/* Probes stay: QEMU may run old code after they change it under load. */
static int set_probes(void)
{
	int err;

	if (sched_switch)
		return 0;
	err = probe_slowpath();
	if (err)
		return err;
	for_each_kernel_tracepoint(find_sched_switch, &sched_switch);
	err = sched_switch ? tracepoint_probe_register(sched_switch,
						       task_switched, NULL)
			   : -ENOENT;
	if (err) {
		unregister_kretprobe(&slowpath_probe);
		sched_switch = NULL;
	}
	return err;
}

static void remove_probes(void)
{
	if (!sched_switch)
		return;
	tracepoint_probe_unregister(sched_switch, task_switched, NULL);
	tracepoint_synchronize_unregister();
	unregister_kretprobe(&slowpath_probe);
}

static struct bufflink *probed_buffer;
static atomic_t probe_stored, probe_lost;

static int append_from_probe(struct kprobe *probe, struct pt_regs *regs)
{
	if (bufflink_append(probed_buffer, "p", 1))
		atomic_inc(&probe_lost);
	else
		atomic_inc(&probe_stored);
	return 0;
}

static struct kprobe append_probe;

static void remove_append_probe(void)
{
	if (append_probe.symbol_name)
		unregister_kprobe(&append_probe);
	append_probe = (struct kprobe) {};
}

static int set_append_probe(const struct producer_probe *request)
{
	static char symbol[64];
	int err;

	if (append_probe.symbol_name || request->slot >= PRODUCER_SLOTS ||
	    !slots[request->slot].bl)
		return -EINVAL;
	strscpy(symbol, request->function, sizeof(symbol));
	probed_buffer = slots[request->slot].bl;
	atomic_set(&probe_stored, 0);
	atomic_set(&probe_lost, 0);
	append_probe.symbol_name = symbol;
	append_probe.pre_handler = append_from_probe;
	err = register_kprobe(&append_probe);
	if (err)
		append_probe = (struct kprobe) {};
	return err;
}

static long probe_append(struct producer_probe __user *user)
{
	struct producer_probe request;
	int err = 0;

	if (copy_from_user(&request, user, sizeof(request)))
		return -EFAULT;
	mutex_lock(&slots_lock);
	if (*request.function)
		err = set_append_probe(&request);
	else
		remove_append_probe();
	mutex_unlock(&slots_lock);
	request.stored = atomic_read(&probe_stored);
	request.lost = atomic_read(&probe_lost);
	if (!err && copy_to_user(user, &request, sizeof(request)))
		err = -EFAULT;
	return err;
}

static int run_in_context(struct run *run)
{
	switch (run->context) {
	case PRODUCER_PROCESS:
		return run_process(run);
	case PRODUCER_SOFTIRQ:
		return run_timer(run, HRTIMER_MODE_REL_PINNED_SOFT);
	case PRODUCER_HARDIRQ:
		return run_timer(run, HRTIMER_MODE_REL_PINNED_HARD);
	case PRODUCER_NMI:
		return run_nmi(run);
	case PRODUCER_SCHED_SWITCH:
		return run_sched_switch(run);
	case PRODUCER_NESTED:
	case PRODUCER_WAITING:
		return run_nested(run);
	default:
		return -EINVAL;
	}
}

static int get_source(struct source *source,
		      const struct producer_run *request, bool inner)
{
	size_t size = min_t(u64, request->size_max, PRODUCER_RECORD_MAX);

	source->bl = slots[request->slot].bl;
	prandom_seed_state(&source->random, request->seed + inner);
	source->given = request->data;
	source->stamped = request->stamped;
	source->call = request->call;
	source->pieces = request->pieces;
	source->id = request->id + inner;
	source->sequence = inner ? request->nested_sequence : request->sequence;
	source->size_min = min_t(u64, request->size_min, SIZE_MAX);
	source->size_max = min_t(u64, request->size_max, SIZE_MAX);
	source->bytes = kvmalloc(size, GFP_KERNEL);
	if (!source->bytes)
		return -ENOMEM;
	if (source->given &&
	    copy_from_user(source->bytes, u64_to_user_ptr(request->data), size))
		return -EFAULT;
	return 0;
}

static const u8 *next_string(const u8 **at)
{
	const u8 *string = *at;

	*at += strlen(string) + 1;
	return string;
}

static const u8 *take_attr(struct evlog_attr *attr, const u8 *at)
{
	attr->kind = *at++;
	attr->name = next_string(&at);
	attr->size = get_unaligned_le16(at);
	at += 2;
	if (attr->kind > EVLOG_KIND_U64)
		attr->data = at;
	else
		attr->u64 = get_unaligned((u64 *)at);
	return at + attr->size;
}

/* The test gives it whole. */
static int take_event(struct source *source)
{
	struct event *event = &source->event;
	const u8 *at = source->bytes;

	event->write = symbol_get(__evlog_write);
	if (!event->write)
		return -ENOENT;
	if (!source->given)
		return 0;
	event->severity = *at++;
	event->facility = next_string(&at);
	event->type = next_string(&at);
	event->text = next_string(&at);
	while (at < source->bytes + source->size_max &&
	       event->n < PRODUCER_ATTRS_MAX)
		at = take_attr(&event->attrs[event->n++], at);
	return 0;
}

static int run_request(struct run *run, struct producer_run *request)
{
	int err;

	run->left = request->count;
	run->context = request->context;
	run->cpu = request->cpu;
	run->burst = max(request->burst, 1U);
	run->gap_us = request->gap_us;
	err = get_source(&run->outer, request, false);
	if (!err)
		err = get_source(&run->inner, request, true);
	if (!err && request->call == PRODUCER_EVLOG)
		err = take_event(&run->outer);
	if (!err)
		err = run_in_context(run);
	if (run->outer.event.write)
		symbol_put(__evlog_write);
	kvfree(run->outer.bytes);
	kvfree(run->inner.bytes);
	request->sequence = run->outer.sequence;
	request->nested_sequence = run->inner.sequence;
	request->result = run->outer.result;
	request->nested = run->inner.result;
	request->last = run->outer.last;
	return err;
}

static bool is_sane(const struct producer_run *request)
{
	return request->slot < PRODUCER_SLOTS &&
	       (slots[request->slot].bl || request->call == PRODUCER_EVLOG) &&
	       request->pieces <= PIECES_MAX &&
	       request->id < PRODUCER_IDS - 1 &&
	       request->size_min <= request->size_max &&
	       (!request->stamped ||
		(request->size_min >= PRODUCER_STAMPED_MIN &&
		 request->size_max <= PRODUCER_RECORD_MAX && !request->data)) &&
	       request->cpu < nr_cpu_ids && cpu_online(request->cpu);
}

static long run_user(struct producer_run __user *user)
{
	struct producer_run request;
	struct run *run;
	int err;

	if (copy_from_user(&request, user, sizeof(request)))
		return -EFAULT;
	if (!is_sane(&request))
		return -EINVAL;
	run = kzalloc(sizeof(*run), GFP_KERNEL);
	if (!run)
		return -ENOMEM;
	err = run_request(run, &request);
	kfree(run);
	if (!err && copy_to_user(user, &request, sizeof(request)))
		err = -EFAULT;
	return err;
}

static long producer_ioctl(struct file *file, unsigned int cmd,
			   unsigned long arg)
{
	void __user *user = (void __user *)arg;
	int err;

	switch (cmd) {
	case PRODUCER_CREATE:
		return create(user);
	case PRODUCER_DESTROY:
		return destroy(user);
	case PRODUCER_RESIZE:
		return resize(user);
	case PRODUCER_RUN:
		return run_user(user);
	case PRODUCER_PROBE:
		return probe_append(user);
	case PRODUCER_RESET:
		mutex_lock(&slots_lock);
		remove_append_probe();
		mutex_unlock(&slots_lock);
		return destroy_slots();
	case PRODUCER_SET_PROBES:
		mutex_lock(&slots_lock);
		err = set_probes();
		mutex_unlock(&slots_lock);
		return err;
	default:
		return -ENOTTY;
	}
}

static int producer_mmap(struct file *file, struct vm_area_struct *vma)
{
	return remap_vmalloc_range(vma, ends, 0);
}

static const struct file_operations producer_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = producer_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = producer_mmap,
};

static struct miscdevice producer_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = PRODUCER_NAME,
	.mode = 0600,
	.fops = &producer_fops,
};

static int __init producer_init(void)
{
	int err = -ENOMEM;

	noise = vmalloc(PRODUCER_NOISE_SIZE);
	ends = vmalloc_user(PRODUCER_IDS * sizeof(*ends));
	if (!noise || !ends)
		goto free;
	producer_noise(noise);
	err = producer_nmi_start();
	if (err)
		goto free;
	err = misc_register(&producer_misc);
	if (err)
		goto stop;
	return 0;

stop:
	producer_nmi_stop();
free:
	vfree(ends);
	vfree(noise);
	return err;
}

static void __exit producer_exit(void)
{
	misc_deregister(&producer_misc);
	remove_append_probe();
	destroy_slots();
	remove_probes();
	producer_nmi_stop();
	vfree(ends);
	vfree(noise);
}

module_init(producer_init);
module_exit(producer_exit);

MODULE_AUTHOR("The bufflink developers");
MODULE_DESCRIPTION("Client of bufflink for its tests");
MODULE_LICENSE("GPL");
