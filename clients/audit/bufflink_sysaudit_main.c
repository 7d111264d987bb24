// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink_sysaudit - append every system call's entry and exit to a buffer
 *
 * The records are in bufflink_sysaudit.h. An exit is filtered by itself: after
 * a setuid() by the new user. Filters may change at any time: a record is made
 * by a look at each, which sees it as it was before or as it is after.
 *
 * A process that reads the buffer says so, and its calls are left out: reading
 * would make something to read, for ever. It is known by its struct pid, which we
 * hold: no later process with the same number can hide behind it.
 *
 * The memory that arguments point to is copied at the entry, without page faults:
 * there is no sleeping here. If it was not there then, it is copied at the exit,
 * as the call itself has brought it in.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/audit.h>
#include <linux/compat.h>
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs_struct.h>
#include <linux/hash.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/uaccess.h>
#include <linux/uidgid.h>
#include <linux/version.h>

#include <asm/syscall.h>

#include "bufflink.h"
#include "../bufflink_size.h"
#include "bufflink_sysaudit_filter.h"

#define CHUNK		256	/* bytes to look for the end of a text in */
#define ADDRESS_MAX	128	/* bytes of a struct sockaddr */
#define PLACE_BITS	12

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
/* later: "fold fs_struct->{lock,seq} into a seqlock" */
#define lock_folders(fs)	spin_lock(&(fs)->lock)
#define unlock_folders(fs)	spin_unlock(&(fs)->lock)
#else
#define lock_folders(fs)	read_seqlock_excl(&(fs)->seq)
#define unlock_folders(fs)	read_sequnlock_excl(&(fs)->seq)
#endif

static ulong buffer_size = SZ_4M;
bufflink_size_param(buffer_size, 0400);
MODULE_PARM_DESC(buffer_size, "bytes of the ring of each CPU");

static struct bufflink *bl;
static DEFINE_PER_CPU(struct sysaudit_record *, scratch);
static DEFINE_PER_CPU(u32, sequence);
static struct tracepoint *enter_point, *exit_point;

/* items */

/* Room is kept for one more item, which says that others did not fit. */
static size_t room(const struct sysaudit_record *record)
{
	size_t used = record->head.length + sizeof(struct sysaudit_item);

	return used < SYSAUDIT_MAX ? SYSAUDIT_MAX - used : 0;
}

/* NULL if one has said already that others did not fit. */
static struct sysaudit_item *add_item(struct sysaudit_record *record, int arg,
				      int flags)
{
	struct sysaudit_item *item = (void *)record + record->head.length;

	if (record->head.length + sizeof(*item) > SYSAUDIT_MAX)
		return NULL;
	item->size = 0;
	item->arg = arg;
	item->flags = flags;
	record->head.length += sizeof(*item);
	return item;
}

static int copy_user(void *to, unsigned long from, size_t size)
{
	return copy_from_user_nofault(to, (const void __user *)from, size);
}

/* Up to the zero byte, or the end of the room or of the memory. */
static void copy_into(struct sysaudit_item *item, unsigned long from,
		      size_t most)
{
	char *to = (char *)(item + 1);
	size_t part, got;

	while (item->size < most) {
		part = min3(most - item->size, (size_t)CHUNK,
			    PAGE_SIZE - offset_in_page(from));
		if (copy_user(to + item->size, from, part)) {
			item->flags |= SYSAUDIT_UNREADABLE;
			return;
		}
		got = strnlen(to + item->size, part);
		item->size += got;
		if (got < part)
			return;
		from += part;
	}
	item->flags |= SYSAUDIT_CUT;
}

static struct sysaudit_item *copy_text(struct sysaudit_record *record, int arg,
				       int flags, unsigned long from)
{
	struct sysaudit_item *item;

	if (room(record) < sizeof(*item)) {
		add_item(record, arg, flags | SYSAUDIT_CUT);
		return NULL;
	}
	item = add_item(record, arg, flags);
	copy_into(item, from, min_t(size_t, SYSAUDIT_TEXT_MAX, room(record)));
	record->head.length += item->size;
	return item;
}

static int copy_pointer(unsigned long *pointer, unsigned long vector, int i)
{
	u32 half;
	int err;

	if (!in_compat_syscall())
		return copy_user(pointer, vector + i * sizeof(*pointer),
				 sizeof(*pointer));
	err = copy_user(&half, vector + i * sizeof(half), sizeof(half));
	*pointer = half;
	return err;
}

static void copy_vector(struct sysaudit_record *record, int arg,
			unsigned long vector)
{
	unsigned long pointer;
	int i, err;

	for (i = 0; !(err = copy_pointer(&pointer, vector, i)) && pointer; i++)
		if (!copy_text(record, arg, SYSAUDIT_ELEMENT, pointer))
			return;
	if (err)
		add_item(record, arg, SYSAUDIT_ELEMENT | SYSAUDIT_UNREADABLE);
}

static void copy_address(struct sysaudit_record *record, int arg,
			 unsigned long from, int size)
{
	struct sysaudit_item *item;

	if (size <= 0 || room(record) < sizeof(*item) + ADDRESS_MAX)
		return;
	item = add_item(record, arg, SYSAUDIT_ADDRESS);
	if (size > ADDRESS_MAX)
		item->flags |= SYSAUDIT_CUT;
	size = min(size, ADDRESS_MAX);
	if (copy_user(item + 1, from, size)) {
		item->flags |= SYSAUDIT_UNREADABLE;
		return;
	}
	item->size = size;
	record->head.length += size;
}

/* d_path() writes to the end of its memory. */
static void copy_path(struct sysaudit_record *record, int arg,
		      const struct path *path)
{
	struct sysaudit_item *item = add_item(record, arg, SYSAUDIT_FILE);
	char *to, *at;

	if (!item)
		return;
	to = (char *)(item + 1);
	at = d_path(path, to, min_t(size_t, SYSAUDIT_TEXT_MAX, room(record)));
	if (IS_ERR(at)) {
		item->flags |= SYSAUDIT_CUT;
		return;
	}
	item->size = strlen(at);
	memmove(to, at, item->size);
	record->head.length += item->size;
}

static void copy_file(struct sysaudit_record *record, int arg, int fd)
{
	struct file *file = fget_raw(fd);

	if (!file)
		return;
	copy_path(record, arg, &file->f_path);
	fput(file);
}

/* With the lock: path_put() may sleep. */
static void copy_folder(struct sysaudit_record *record, int arg)
{
	struct fs_struct *fs = current->fs;

	lock_folders(fs);
	copy_path(record, arg, &fs->pwd);
	unlock_folders(fs);
}

static void copy_files(struct sysaudit_record *record, unsigned int code)
{
	int i, fd;

	for (i = 0; i < SYSAUDIT_ARGS; i++) {
		fd = record->args[i];
		if (!(code & SYSAUDIT_COPY_FILE(i)))
			continue;
		if (fd == AT_FDCWD)
			copy_folder(record, i);
		else
			copy_file(record, i, fd);
	}
	if (code & SYSAUDIT_COPY_FOLDER)
		copy_folder(record, SYSAUDIT_FOLDER);
}

static bool has_all(const struct sysaudit_record *record)
{
	const void *end = (void *)record + record->head.length;
	const struct sysaudit_item *item = (const void *)(record + 1);

	for (; (void *)item < end; item = (void *)(item + 1) + item->size)
		if (item->flags & SYSAUDIT_UNREADABLE)
			return false;
	return true;
}

static int vector_of(unsigned int code)
{
	return (code >> 6 & 7) - 1;
}

static int address_of(unsigned int code)
{
	return (code >> 9 & 7) - 1;
}

static void copy_items(struct sysaudit_record *record, unsigned int code)
{
	const __u64 *args = record->args;
	int i;

	/* Before a vector, which may leave no room. */
	copy_files(record, code);
	for (i = 0; i < SYSAUDIT_ARGS; i++)
		if (code & SYSAUDIT_COPY_TEXT(i) && args[i])
			copy_text(record, i, 0, args[i]);
	i = vector_of(code);
	if (i >= 0 && i < SYSAUDIT_ARGS && args[i])
		copy_vector(record, i, args[i]);
	i = address_of(code);
	if (i >= 0 && i + 1 < SYSAUDIT_ARGS && args[i])
		copy_address(record, i, args[i], args[i + 1]);
}

/*
 * After execve(), the caller's memory is gone. The new program has the vector,
 * and behind its environment the path.
 */
static void copy_new_program(struct sysaudit_record *record, unsigned int code)
{
	unsigned long at = READ_ONCE(current->mm->arg_start);
	unsigned long end = READ_ONCE(current->mm->arg_end);
	struct sysaudit_item *item;
	int i;

	record->head.flags |= SYSAUDIT_NEW_PROGRAM;
	memset(record->args, 0, sizeof(record->args));
	copy_files(record, code & SYSAUDIT_COPY_FOLDER);
	for (i = 0; i < SYSAUDIT_ARGS; i++)
		if (code & SYSAUDIT_COPY_TEXT(i))
			copy_text(record, i, 0,
				  READ_ONCE(current->mm->env_end));
	for (; at < end; at += item->size + 1) {
		item = copy_text(record, vector_of(code), SYSAUDIT_ELEMENT, at);
		if (!item || item->flags)
			break;
	}
}

/* records */

/* Of a thread's last record: its call's entry, and all that it needs. */
static atomic64_t places[1 << PLACE_BITS];

enum seen { NOTHING, ENTRY, WHOLE_ENTRY };

static atomic64_t *place_of_thread(void)
{
	return &places[hash_32(task_pid_nr(current), PLACE_BITS)];
}

/*
 * Of no thread that has the number, or the place in memory, later; and after
 * execve() a thread has the number and the start of its process's first.
 */
static u64 key_of_thread(enum seen seen)
{
	return (current->start_boottime ^ (unsigned long)current >> 6) << 24 ^
	       (u64)task_pid_nr(current) << 2 ^ seen;
}

/* Another thread's key in the same place only makes exits longer. */
static enum seen take_seen(void)
{
	atomic64_t *place = place_of_thread();
	u64 differs = atomic64_read(place) ^ key_of_thread(NOTHING);

	if (!differs || differs > WHOLE_ENTRY)
		return NOTHING;
	atomic64_set(place, 0);
	return differs;
}

static void begin_record(struct sysaudit_record *record, u8 type, long number)
{
	struct sysaudit_head *head = &record->head;

	head->length = sizeof(*record);
	head->version = SYSAUDIT_VERSION;
	head->type = type;
	head->flags = 0;
	head->pid = task_tgid_nr(current);
	head->tid = task_pid_nr(current);
	head->ppid = task_ppid_nr(current);
	head->uid = from_kuid(&init_user_ns, current_uid());
	head->euid = from_kuid(&init_user_ns, current_euid());
	head->gid = from_kgid(&init_user_ns, current_gid());
	head->auid = from_kuid(&init_user_ns, audit_get_loginuid(current));
	head->arch = syscall_get_arch(current);
	head->number = number;
	head->cgroup = sysaudit_cgroup();
	/* Others may be changing it; the record then has both. */
	data_race(memcpy(head->comm, current->comm, sizeof(head->comm)));
	head->comm[sizeof(head->comm) - 1] = '\0';
	record->result = 0;
}

static void get_arguments(struct sysaudit_record *record, struct pt_regs *regs)
{
	unsigned long args[SYSAUDIT_ARGS];
	int i;

	syscall_get_arguments(current, regs, args);
	for (i = 0; i < SYSAUDIT_ARGS; i++)
		record->args[i] = args[i];
}

/* On one CPU without a break, so that its sequence is that of the stream. */
static int append(struct sysaudit_record *record)
{
	record->head.cpu = smp_processor_id();
	record->head.sequence = this_cpu_inc_return(sequence) - 1;
	record->head.time = ktime_get_real_ns();
	return bufflink_append(bl, record, record->head.length);
}

/* From 6.13 on, our caller is preemptible. */
static void log_entry(void *unused, struct pt_regs *regs, long number)
{
	struct sysaudit_record *record;
	enum seen seen = NOTHING;

	if (!sysaudit_is_wanted(number))
		return;
	preempt_disable_notrace();
	record = this_cpu_read(scratch);
	begin_record(record, SYSAUDIT_ENTRY, number);
	get_arguments(record, regs);
	copy_items(record, sysaudit_copies_of(number));
	if (sysaudit_has_wanted_path(record) && !append(record))
		seen = has_all(record) ? WHOLE_ENTRY : ENTRY;
	atomic64_set(place_of_thread(), key_of_thread(seen));
	preempt_enable_notrace();
}

/* The registers are as they were: there is no result. A signal comes. */
static bool is_refused(const struct sysaudit_record *record)
{
	/* seccomp has this thread send it, just now, and unblocks it */
	bool waits = data_race(sigismember(&current->pending.signal, SIGSYS) &&
			       !sigismember(&current->blocked, SIGSYS));

	return waits &&
	       (record->result == record->head.number ||
		record->result == (__s64)record->args[0]);
}

static void complete_exit(struct sysaudit_record *record, struct pt_regs *regs,
			  unsigned int code, enum seen seen)
{
	get_arguments(record, regs);
	if (seen == NOTHING)
		record->head.flags = SYSAUDIT_ALONE;
	else	/* the call may have changed them, and the entry has them */
		code &= ~SYSAUDIT_COPY_FILES;
	if (seen == NOTHING && is_refused(record))
		record->head.flags |= SYSAUDIT_REFUSED;
	if (vector_of(code) >= 0 && !record->result)
		copy_new_program(record, code);
	else
		copy_items(record, code);
}

static bool is_file_result(const struct sysaudit_record *record,
			   unsigned int code)
{
	return code & SYSAUDIT_COPY_FILE(SYSAUDIT_RESULT) &&
	       !(record->head.flags & SYSAUDIT_REFUSED) &&
	       record->result >= 0 && record->result <= INT_MAX;
}

static void log_exit(void *unused, struct pt_regs *regs, long result)
{
	long number = syscall_get_nr(current, regs);
	enum seen seen = take_seen();
	struct sysaudit_record *record;
	unsigned int code;

	if (!sysaudit_is_wanted(number))
		return;
	code = sysaudit_copies_of(number);
	preempt_disable_notrace();
	record = this_cpu_read(scratch);
	begin_record(record, SYSAUDIT_EXIT, number);
	record->result = result;
	if (seen != WHOLE_ENTRY) {
		complete_exit(record, regs, code, seen);
	} else if (is_file_result(record, code)) {
		get_arguments(record, regs);
		record->head.flags = SYSAUDIT_RESULT_ITEM;
	} else {
		record->head.length = offsetof(struct sysaudit_record, args);
	}
	if (is_file_result(record, code))
		copy_file(record, SYSAUDIT_RESULT, result);
	if (seen != NOTHING || sysaudit_has_wanted_path(record))
		append(record);
	preempt_enable_notrace();
}

static void find_points(struct tracepoint *point, void *unused)
{
	if (!strcmp(point->name, "sys_enter"))
		enter_point = point;
	else if (!strcmp(point->name, "sys_exit"))
		exit_point = point;
}

static void free_scratch(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		kfree(per_cpu(scratch, cpu));
}

/*
 * Not per-CPU memory itself: that may be of vmalloc(), and what copies from user
 * space looks that up under a lock.
 */
static int alloc_scratch(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		per_cpu(scratch, cpu) = kmalloc_node(SYSAUDIT_MAX, GFP_KERNEL,
						     cpu_to_node(cpu));
		if (!per_cpu(scratch, cpu)) {
			free_scratch();
			return -ENOMEM;
		}
	}
	return 0;
}

static int __init bufflink_sysaudit_init(void)
{
	int err;

	for_each_kernel_tracepoint(find_points, NULL);
	if (!enter_point || !exit_point) {
		pr_err("this kernel has no tracepoints of system calls\n");
		return -EOPNOTSUPP;
	}
	err = alloc_scratch();
	if (err)
		return err;
	WRITE_ONCE(sysaudit_has_buffer, true);
	err = bufflink_create_named(&bl, NULL, buffer_size, BUFFLINK_PERCPU);
	if (err)
		goto free;

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
	bufflink_destroy(bl);
free:
	free_scratch();
	return err;
}

static void __exit bufflink_sysaudit_exit(void)
{
	tracepoint_probe_unregister(enter_point, log_entry, NULL);
	tracepoint_probe_unregister(exit_point, log_exit, NULL);
	tracepoint_synchronize_unregister();
	bufflink_destroy(bl);
	free_scratch();
}

module_init(bufflink_sysaudit_init);
module_exit(bufflink_sysaudit_exit);

MODULE_DESCRIPTION("Append every system call's entry and exit to a buffer");
MODULE_LICENSE("GPL");
