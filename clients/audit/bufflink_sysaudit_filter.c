// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which calls bufflink_sysaudit logs, and of which it copies what arguments
 * point to: the module's parameters.
 *
 * Filters are there twice: those that last, and those of the reader, which end
 * with its process. Others write to both while there is a reader.
 */
#include <linux/bitmap.h>
#include <linux/cgroup.h>
#include <linux/compat.h>
#include <linux/cred.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/uidgid.h>
#include <linux/unistd.h>

#include "bufflink_sysaudit_filter.h"

#define CALLS		1024	/* numbers that a filter can have */
#define ANYBODY		((uint)-1)	/* nobody's uid */

enum { LASTING, READERS, BOTH };

#define ALL_CALLS	{ [0 ... BITS_TO_LONGS(CALLS) - 1] = ~0UL }

static struct filter {
	unsigned long calls[2][BITS_TO_LONGS(CALLS)];	/* native, compat */
	uint uid;
	struct pid *pid;
	struct cgroup *cgroup;
	const char *prefix;
} filters[BOTH] = {
	[LASTING] = { .calls = { ALL_CALLS, ALL_CALLS }, .uid = ANYBODY },
};

static u32 copies[2][CALLS];
bool sysaudit_has_buffer;
static struct pid *reader;
static struct pid *reader_group;

/* It need not say that it ends, and nobody may wait for it then. */
static bool is_alive(struct pid *process)
{
	struct task_struct *task = pid_task(process, PIDTYPE_TGID);

	return task && atomic_read(&task->signal->live);
}

static struct filter *filter_in_force(void)
{
	return &filters[is_alive(READ_ONCE(reader)) ? READERS : LASTING];
}

static bool is_left_out(const struct filter *filter)
{
	return filter == &filters[READERS] &&
	       (READ_ONCE(reader) == task_tgid(current) ||
		READ_ONCE(reader_group) == task_pgrp(current));
}

/* The first of those that the writer of a parameter sets. */
static struct filter *first_to_set(void)
{
	return &filters[reader && reader == task_tgid(current) ? READERS :
								 LASTING];
}

#define for_each_to_set(filter)						\
	for (filter = first_to_set(); filter < &filters[BOTH]; filter++)

/* No record is being made by a look at a filter as it was before. */
static void wait_for_calls(void)
{
	tracepoint_synchronize_unregister();
}

/* calls */

/* A call asks for one bit only: words may change one by one. */
static int set_calls(const char *text, const struct kernel_param *param)
{
	size_t compat = (size_t)param->arg;
	DECLARE_BITMAP(new, CALLS);
	int err = bitmap_parselist(text, new, CALLS);
	struct filter *filter;
	int i;

	if (err)
		return err;
	for_each_to_set(filter)
		for (i = 0; i < BITS_TO_LONGS(CALLS); i++)
			WRITE_ONCE(filter->calls[compat][i], new[i]);
	wait_for_calls();
	return 0;
}

static int get_calls(char *text, const struct kernel_param *param)
{
	size_t compat = (size_t)param->arg;
	int size;

	rcu_read_lock();
	size = scnprintf(text, PAGE_SIZE, "%*pbl\n", CALLS,
			 filter_in_force()->calls[compat]);
	rcu_read_unlock();
	return size;
}

static const struct kernel_param_ops calls_ops = {
	.set = set_calls,
	.get = get_calls,
};

device_param_cb(calls, &calls_ops, (void *)0, 0600);
MODULE_PARM_DESC(calls, "only calls of these numbers, as 0,2-4 (or all)");
device_param_cb(compat_calls, &calls_ops, (void *)1, 0600);
MODULE_PARM_DESC(compat_calls, "the same for 32-bit calls of a 64-bit kernel");

/* users */

static int set_uid(const char *text, const struct kernel_param *param)
{
	struct filter *filter;
	uint uid;
	int err = kstrtouint(text, 0, &uid);

	if (err)
		return err;
	for_each_to_set(filter)
		WRITE_ONCE(filter->uid, uid);
	wait_for_calls();
	return 0;
}

static int get_uid_filter(char *text, const struct kernel_param *param)
{
	int size;

	rcu_read_lock();
	size = scnprintf(text, PAGE_SIZE, "%u\n", filter_in_force()->uid);
	rcu_read_unlock();
	return size;
}

static const struct kernel_param_ops uid_ops = {
	.set = set_uid,
	.get = get_uid_filter,
};

device_param_cb(uid, &uid_ops, NULL, 0600);
MODULE_PARM_DESC(uid, "only calls of this real user (4294967295: of any)");

/* processes */

static void replace_pid(struct pid **where, struct pid *who)
{
	struct pid *before = *where;

	WRITE_ONCE(*where, who);
	wait_for_calls();
	put_pid(before);
}

/* A struct pid may be that of a thread, or of a group without its leader. */
static struct pid *get_process(int number)
{
	struct pid *pid = find_get_pid(number);
	bool found;

	rcu_read_lock();
	found = is_alive(pid);
	rcu_read_unlock();
	if (found)
		return pid;
	put_pid(pid);
	return NULL;
}

static int set_pid(const char *text, const struct kernel_param *param)
{
	struct filter *filter;
	struct pid *pid = NULL;
	int number;
	int err = kstrtoint(text, 0, &number);

	if (!err && number) {
		pid = get_process(number);
		err = pid ? 0 : -ESRCH;
	}
	if (err)
		return err;
	for_each_to_set(filter)
		replace_pid(&filter->pid, get_pid(pid));
	put_pid(pid);
	return 0;
}

static int get_pid_filter(char *text, const struct kernel_param *param)
{
	int size;

	rcu_read_lock();
	size = scnprintf(text, PAGE_SIZE, "%d\n",
			 pid_vnr(READ_ONCE(filter_in_force()->pid)));
	rcu_read_unlock();
	return size;
}

static void forget_pids(void *unused)
{
	put_pid(filters[LASTING].pid);
	put_pid(filters[READERS].pid);
	put_pid(reader);
	put_pid(reader_group);
}

static const struct kernel_param_ops pid_ops = {
	.set = set_pid,
	.get = get_pid_filter,
	.free = forget_pids,
};

device_param_cb(pid, &pid_ops, NULL, 0600);
MODULE_PARM_DESC(pid, "only calls of this process (0: of any)");

/* cgroups of version 2, with those below them */

#if defined(CONFIG_CGROUPS) && defined(CONFIG_64BIT)
static void replace_cgroup(struct cgroup **where, struct cgroup *cgroup)
{
	struct cgroup *before = *where;

	WRITE_ONCE(*where, cgroup);
	wait_for_calls();
	if (before)
		cgroup_put(before);
}

static struct cgroup *get_cgroup(struct cgroup *cgroup)
{
	if (cgroup)
		cgroup_get(cgroup);
	return cgroup;
}

static int set_cgroup(const char *text, const struct kernel_param *param)
{
	struct cgroup *cgroup = NULL;
	struct filter *filter;
	u64 id;
	int err = kstrtoull(text, 0, &id);

	if (err)
		return err;
	if (id) {
		cgroup = cgroup_get_from_id(id);
		if (IS_ERR(cgroup))
			return PTR_ERR(cgroup);
	}
	for_each_to_set(filter)
		replace_cgroup(&filter->cgroup, get_cgroup(cgroup));
	if (cgroup)
		cgroup_put(cgroup);
	return 0;
}

static int get_cgroup_filter(char *text, const struct kernel_param *param)
{
	struct cgroup *cgroup;
	int size;

	rcu_read_lock();
	cgroup = READ_ONCE(filter_in_force()->cgroup);
	size = scnprintf(text, PAGE_SIZE, "%llu\n",
			 cgroup ? cgroup_id(cgroup) : 0);
	rcu_read_unlock();
	return size;
}

static void forget_cgroups(void *unused)
{
	replace_cgroup(&filters[LASTING].cgroup, NULL);
	replace_cgroup(&filters[READERS].cgroup, NULL);
}

static const struct kernel_param_ops cgroup_ops = {
	.set = set_cgroup,
	.get = get_cgroup_filter,
	.free = forget_cgroups,
};

device_param_cb(cgroup, &cgroup_ops, NULL, 0600);
MODULE_PARM_DESC(cgroup, "only calls in the cgroup with this id (0: in any)");

static bool is_in_cgroup(struct cgroup *cgroup)
{
	return !cgroup || cgroup_is_descendant(task_dfl_cgroup(current), cgroup);
}

u64 sysaudit_cgroup(void)
{
	u64 id;

	rcu_read_lock();
	id = cgroup_id(task_dfl_cgroup(current));
	rcu_read_unlock();
	return id;
}
#else
static void replace_cgroup(struct cgroup **where, struct cgroup *cgroup) { }
static struct cgroup *get_cgroup(struct cgroup *cgroup) { return NULL; }
static bool is_in_cgroup(struct cgroup *cgroup) { return true; }
u64 sysaudit_cgroup(void) { return 0; }
#endif

/* paths */

static void replace_prefix(const char **where, const char *prefix)
{
	const char *before = *where;

	WRITE_ONCE(*where, prefix);
	wait_for_calls();
	kfree(before);
}

static int set_prefix(const char *text, const struct kernel_param *param)
{
	size_t size = strcspn(text, "\n");
	struct filter *filter;
	const char *prefix;

	if (size >= PATH_MAX)
		return -ENAMETOOLONG;
	for_each_to_set(filter) {
		prefix = size ? kstrndup(text, size, GFP_KERNEL) : NULL;
		if (size && !prefix)
			return -ENOMEM;
		replace_prefix(&filter->prefix, prefix);
	}
	return 0;
}

static int get_prefix(char *text, const struct kernel_param *param)
{
	const char *prefix;
	int size;

	rcu_read_lock();
	prefix = READ_ONCE(filter_in_force()->prefix);
	size = scnprintf(text, PAGE_SIZE, "%s\n", prefix ?: "");
	rcu_read_unlock();
	return size;
}

static void forget_prefixes(void *unused)
{
	kfree(filters[LASTING].prefix);
	kfree(filters[READERS].prefix);
}

static const struct kernel_param_ops prefix_ops = {
	.set = set_prefix,
	.get = get_prefix,
	.free = forget_prefixes,
};

device_param_cb(prefix, &prefix_ops, NULL, 0600);
MODULE_PARM_DESC(prefix, "only calls with a path that begins with this");

/* the reader */

/* The reader's filters begin as those that last. */
static int begin_filters(void)
{
	struct filter *from = &filters[LASTING], *to = &filters[READERS];
	const char *prefix = NULL;

	if (from->prefix) {
		prefix = kstrdup(from->prefix, GFP_KERNEL);
		if (!prefix)
			return -ENOMEM;
	}
	memcpy(to->calls, from->calls, sizeof(to->calls));
	to->uid = from->uid;
	replace_pid(&to->pid, get_pid(from->pid));
	replace_cgroup(&to->cgroup, get_cgroup(from->cgroup));
	replace_prefix(&to->prefix, prefix);
	return 0;
}

static int set_reader(const char *text, const struct kernel_param *param)
{
	bool process = sysfs_streq(text, "process");
	bool group = sysfs_streq(text, "group");
	int err;

	/* Before there is a buffer the writer is insmod, which reads nothing. */
	if (!(process || group || sysfs_streq(text, "none")) ||
	    !READ_ONCE(sysaudit_has_buffer))
		return -EINVAL;
	replace_pid(&reader, NULL);
	err = begin_filters();
	if (err)
		return err;
	replace_pid(&reader_group,
		    group ? get_task_pid(current, PIDTYPE_PGID) : NULL);
	if (process || group)
		replace_pid(&reader, get_pid(task_tgid(current)));
	return 0;
}

static const struct kernel_param_ops reader_ops = { .set = set_reader };

device_param_cb(reader, &reader_ops, NULL, 0200);
MODULE_PARM_DESC(reader, "leave out the writer's \"process\", process \"group\", or \"none\"");

/* what is copied */

static int parse_copies(char *list, u32 *codes)
{
	unsigned int number, code;
	char *one;
	int end;

	while ((one = strsep(&list, ","))) {
		end = 0;
		if (!*one)
			continue;
		if (sscanf(one, "%u:%x%n", &number, &code, &end) < 2 ||
		    one[end] || number >= CALLS || code > SYSAUDIT_COPY_ALL)
			return -EINVAL;
		/* d_path() may sleep there, and a tracepoint may not */
		if (IS_ENABLED(CONFIG_PREEMPT_RT) &&
		    code >= SYSAUDIT_COPY_FILE(0))
			return -EOPNOTSUPP;
		codes[number] = code;
	}
	return 0;
}

static int set_copies(const char *text, const struct kernel_param *param)
{
	u32 *codes = kcalloc(CALLS, sizeof(*codes), GFP_KERNEL);
	char *list = kstrndup(text, strcspn(text, "\n"), GFP_KERNEL);
	u32 *to = copies[(size_t)param->arg];
	int err = -ENOMEM;
	int i;

	if (codes && list)
		err = parse_copies(list, codes);
	for (i = 0; !err && i < CALLS; i++)
		WRITE_ONCE(to[i], codes[i]);
	kfree(list);
	kfree(codes);
	return err;
}

static const struct kernel_param_ops copies_ops = { .set = set_copies };

device_param_cb(copies, &copies_ops, (void *)0, 0200);
MODULE_PARM_DESC(copies, "arguments to copy, see bufflink_sysaudit.h");
device_param_cb(compat_copies, &copies_ops, (void *)1, 0200);
MODULE_PARM_DESC(compat_copies, "the same for 32-bit calls of a 64-bit kernel");

unsigned int sysaudit_copies_of(long number)
{
	return number >= 0 && number < CALLS ?
	       READ_ONCE(copies[in_compat_syscall()][number]) : 0;
}

/* A number beyond the filter, as x32 has, shall be no way around it. */
static bool is_wanted_number(const struct filter *filter, long number)
{
	if (number < 0)		/* what is left of it after rt_sigreturn() */
		return test_bit(__NR_rt_sigreturn, filter->calls[0]);
	return number >= CALLS ||
	       test_bit(number, filter->calls[in_compat_syscall()]);
}

bool sysaudit_is_wanted(long number)
{
	const struct filter *filter;
	struct pid *only;
	uint uid;
	bool wanted;

	rcu_read_lock();
	filter = filter_in_force();
	uid = READ_ONCE(filter->uid);
	only = READ_ONCE(filter->pid);
	wanted = is_wanted_number(filter, number) &&
		 (!only || only == task_tgid(current)) &&
		 (uid == ANYBODY ||
		  uid == from_kuid(&init_user_ns, current_uid())) &&
		 is_in_cgroup(READ_ONCE(filter->cgroup)) && !is_left_out(filter);
	rcu_read_unlock();
	return wanted;
}

bool sysaudit_has_wanted_path(const struct sysaudit_record *record)
{
	const char *prefix, *at = (const char *)(record + 1);
	const char *end = (const char *)record + record->head.length;
	const struct sysaudit_item *item;
	bool wanted;
	size_t size;

	rcu_read_lock();
	prefix = READ_ONCE(filter_in_force()->prefix);
	wanted = !prefix;
	size = prefix ? strlen(prefix) : 0;
	for (; !wanted && at < end; at += sizeof(*item) + item->size) {
		item = (const void *)at;
		wanted = !(item->flags & SYSAUDIT_NO_TEXT) &&
			 item->size >= size &&
			 !memcmp(item + 1, prefix, size);
	}
	rcu_read_unlock();
	return wanted;
}
