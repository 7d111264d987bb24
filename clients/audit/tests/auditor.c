// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <time.h>

#include "auditor.h"

void auditor_out(void)
{
	unload_if_there(AUDITOR);
}

int auditor_in(const char *parameters)
{
	ck_assert_int_eq(load(AUDITOR, parameters), 0);
	return open_buffer(0, O_RDONLY | O_NONBLOCK);
}

int auditor_in_for_tool(const char *parameters)
{
	ck_assert_int_eq(load(AUDITOR, parameters), 0);
	return open_buffer(0, O_WRONLY);
}

void set(const char *name, unsigned int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	parameter_write(AUDITOR, name, text);
}

const char *value_of(const char *name)
{
	return parameter_read(AUDITOR, name);
}

/* the stream */

struct audit *audit_of(int fd)
{
	struct audit *audit = malloc(sizeof(*audit));

	ck_assert_ptr_nonnull(audit);
	audit->fd = fd;
	audit->have = 0;
	audit->done = 0;
	audit->records = 0;
	return audit;
}

const struct sysaudit_record *next(struct audit *audit)
{
	struct sysaudit_head head;
	ssize_t got;

	if (audit->done == audit->have) {
		got = read(audit->fd, audit->data, sizeof(audit->data));
		ck_assert(got >= 0 || errno == EAGAIN);
		audit->have = got > 0 ? got : 0;
		audit->done = 0;
		if (got <= 0)
			return NULL;
	}
	memcpy(&head, audit->data + audit->done, sizeof(head));
	must(head.version == SYSAUDIT_VERSION);
	must(head.length <= SYSAUDIT_MAX);
	must(head.length >= sizeof(struct sysaudit_record) ||
	     (head.type == SYSAUDIT_EXIT &&
	      head.length == offsetof(struct sysaudit_record, args)));
	must(audit->done + head.length <= audit->have);
	memcpy(&audit->record, audit->data + audit->done, head.length);
	audit->done += head.length;
	audit->records++;
	return &audit->record;
}

const char *item_of(const struct sysaudit_record *record, int index,
		    struct sysaudit_item *item)
{
	const char *at = (const char *)(record + 1);
	const char *end = (const char *)record + record->head.length;

	while (at < end) {
		must(sizeof(*item) <= (size_t)(end - at));
		memcpy(item, at, sizeof(*item));
		at += sizeof(*item);
		must(item->size <= end - at);
		if (!index--)
			return at;
		at += item->size;
	}
	return NULL;
}

void is_text(const struct sysaudit_record *record, int index, int arg,
	     const char *text, int flags)
{
	struct sysaudit_item item;
	const char *data = item_of(record, index, &item);

	ck_assert_ptr_nonnull(data);
	ck_assert_uint_eq(item.arg, arg);
	ck_assert_uint_eq(item.flags, flags);
	ck_assert_uint_eq(item.size, strlen(text));
	ck_assert_mem_eq(data, text, item.size);
}

const struct sysaudit_record *entry_of(struct audit *audit, int number)
{
	const struct sysaudit_record *entry = next(audit);

	ck_assert_ptr_nonnull(entry);
	ck_assert_uint_eq(entry->head.type, SYSAUDIT_ENTRY);
	ck_assert_int_eq(entry->head.number, number);
	return entry;
}

void exit_of(struct audit *audit, int number, __s64 result)
{
	const struct sysaudit_record *exit = next(audit);

	ck_assert_ptr_nonnull(exit);
	ck_assert_uint_eq(exit->head.type, SYSAUDIT_EXIT);
	ck_assert_int_eq(exit->head.number, number);
	ck_assert_int_eq(exit->result, result);
}

/* children */

static int wait_and_work(void *arg)
{
	struct child *child = arg;
	char byte;

	if (syscall(SYS_read, child->gate[0], &byte, 1) != 1)
		return 1;
	child->work();
	syscall(SYS_exit_group, 7);
	return 1;
}

struct child child_of(void (*work)(void))
{
	struct child child = { .work = work };

	ck_assert_int_eq(pipe(child.gate), 0);
	child.pid = start(wait_and_work, &child);
	wait_asleep(child.pid);
	return child;
}

void let_go(struct child *child)
{
	ck_assert_int_eq(write(child->gate[1], "x", 1), 1);
	ck_assert_int_eq(finish(child->pid), 7);
	close(child->gate[0]);
	close(child->gate[1]);
}

struct audit *audited(int fd, struct child *child)
{
	struct audit *audit = audit_of(fd);

	set("pid", child->pid);
	drain(fd);
	let_go(child);
	exit_of(audit, SYS_read, 1);
	return audit;
}

void known_calls(void)
{
	syscall(SYS_getppid);
	syscall(SYS_lseek, -1, 0x123456789abcL, 3);
	syscall(SYS_mmap, 1, 2, 3, 4, 5, 6);
	syscall(SYS_close, 1000);
	syscall(SYS_getppid);
}

void handler(int number)
{
	(void)number;
	syscall(SYS_getppid);
}

void is_named(const struct sysaudit_record *record, const char *name)
{
	char padded[SYSAUDIT_COMM] = "";

	memcpy(padded, name, strlen(name));
	ck_assert_str_eq(record->head.comm, name);
	ck_assert_mem_eq(record->head.comm, padded, sizeof(padded));
}

bool is_described(void)
{
	return exists("/sys/kernel/debug/tracing/events/syscalls");
}

bool has_cgroups(void)
{
	return !mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL) ||
	       errno == EBUSY;
}

bool can_audit(void)
{
	return has_tracepoints() && NATIVE_ARCH == AUDIT_ARCH_X86_64;
}
