// SPDX-License-Identifier: GPL-2.0-only
/* Calls as auditd writes them to its log, for ausearch(8) and aureport(8). */
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <string.h>

#include "audit.h"

static __u64 serial;

static void add_number(const char *name, __s64 value)
{
	fputs_unlocked(name, stdout);
	print_decimal(stdout, value);
}

static void begin_record(const char *type, const struct sysaudit_head *head)
{
	fputs_unlocked("type=", stdout);
	fputs_unlocked(type, stdout);
	fputs_unlocked(" msg=audit(", stdout);
	print_seconds(stdout, head->time, 3);
	add_number(":", serial);
	fputs_unlocked("):", stdout);
}

static void print_bytes(const char *data, size_t size)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t i;

	for (i = 0; i < size; i++) {
		putchar_unlocked(digits[(unsigned char)data[i] >> 4]);
		putchar_unlocked(digits[data[i] & 0xf]);
	}
}

/* In hexadecimal if a reader could take it for something else. */
static void print_field(const char *name, const char *data, size_t size)
{
	size_t i;

	putchar_unlocked(' ');
	fputs_unlocked(name, stdout);
	putchar_unlocked('=');
	for (i = 0; i < size; i++)
		if (data[i] <= ' ' || data[i] >= 0x7f || data[i] == '"') {
			print_bytes(data, size);
			return;
		}
	putchar_unlocked('"');
	fwrite_unlocked(data, 1, size, stdout);
	putchar_unlocked('"');
}

static bool is_element(const struct sysaudit_item *item)
{
	return item->flags & SYSAUDIT_ELEMENT && !is_rest(item);
}

static void print_elements(const struct call *call)
{
	const char *at = call->items, *data;
	struct sysaudit_item item;
	char name[16];
	int count = 0;

	while (next_item(&at, call->end, &item, &data))
		count += is_element(&item);
	if (!count)
		return;
	begin_record("EXECVE", call->head);
	printf(" argc=%d", count);
	at = call->items;
	count = 0;
	while (next_item(&at, call->end, &item, &data)) {
		if (!is_element(&item))
			continue;
		snprintf(name, sizeof(name), "a%d", count++);
		print_field(name, data, item.size);
	}
	putchar('\n');
}

static void print_addresses(const struct call *call)
{
	const char *at = call->items, *data;
	struct sysaudit_item item;

	while (next_item(&at, call->end, &item, &data)) {
		if (!(item.flags & SYSAUDIT_ADDRESS) || !item.size)
			continue;
		begin_record("SOCKADDR", call->head);
		fputs(" saddr=", stdout);
		print_bytes(data, item.size);
		putchar('\n');
	}
}

static void print_folder(const struct call *call)
{
	struct sysaudit_item item;
	const char *data;

	if (!find_folder(call, &item, &data) || !item.size)
		return;
	begin_record("CWD", call->head);
	print_field("cwd", data, item.size);
	putchar('\n');
}

static bool is_path(const struct sysaudit_item *item)
{
	return !(item->flags & SYSAUDIT_NO_TEXT) && item->size;
}

static int count_paths(const struct call *call)
{
	const char *at = call->items, *data;
	struct sysaudit_item item;
	int count = 0;

	while (next_item(&at, call->end, &item, &data))
		count += is_path(&item);
	return count;
}

static void print_paths(const struct call *call)
{
	const char *at = call->items, *data;
	struct sysaudit_item item;
	int count = 0;

	while (next_item(&at, call->end, &item, &data)) {
		if (!is_path(&item))
			continue;
		begin_record("PATH", call->head);
		printf(" item=%d", count++);
		print_field("name", data, item.size);
		puts(" nametype=UNKNOWN");
	}
}

static void print_args(const __u64 *args)
{
	static const char * const names[] = { " a0=", " a1=", " a2=", " a3=" };
	int i;

	for (i = 0; i < 4; i++) {
		fputs_unlocked(names[i], stdout);
		print_hex_digits(stdout, args ? args[i] : 0);
	}
}

/* Fields that the module does not know are left out. */
static void print_event(const struct sysaudit_record *entry,
			const struct sysaudit_record *exit)
{
	struct call call = call_of(entry, exit);
	const struct sysaudit_head *head = call.head;

	serial++;
	begin_record("SYSCALL", head);
	fputs_unlocked(" arch=", stdout);
	print_hex_digits(stdout, head->arch);
	add_number(" syscall=", head->number);
	if (exit && !(exit->head.flags & SYSAUDIT_REFUSED))
		add_number(is_error(exit) ? " success=no exit=" :
					    " success=yes exit=", exit->result);
	print_args(call.args);
	add_number(" items=", count_paths(&call));
	add_number(" ppid=", head->ppid);
	add_number(" pid=", head->pid);
	add_number(" auid=", head->auid);
	add_number(" uid=", head->uid);
	add_number(" gid=", head->gid);
	add_number(" euid=", head->euid);
	print_field("comm", head->comm, strnlen(head->comm, SYSAUDIT_COMM));
	/* aureport passes over an event without it */
	puts(" exe=(null) key=(null)");
	print_elements(&call);
	print_addresses(&call);
	print_folder(&call);
	print_paths(&call);
	begin_record("EOE", head);
	putchar_unlocked('\n');
}

static void print_entry(const struct sysaudit_record *entry)
{
	if (is_last(entry))
		print_event(entry, NULL);
}

/* An exit alone is an event only if it has arguments. */
static void print_exit(const struct sysaudit_record *exit,
		       const struct sysaudit_record *entry)
{
	if (entry || has_args(exit))
		print_event(entry, exit);
}

const struct format log_format = { .entry = print_entry, .exit = print_exit };
