// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "events.h"

#include <fcntl.h>
#include <stdio.h>

struct event event;

static void modules_out(void)
{
	static const char *const modules[] = { EXAMPLE, EVLOG };
	int i, err;

	for (i = 0; i < 2; i++) {
		err = unload(modules[i]);
		ck_assert(!err || err == -ENOENT);
	}
}

void evlog_setup(void)
{
	producer_setup();
	modules_out();
}

void evlog_teardown(void)
{
	modules_out();
	producer_teardown();
}

int load_evlog(const char *parameters)
{
	char owner[64] = "";
	int number = -1;

	ck_assert_int_eq(load(EVLOG, parameters), 0);
	while (strcmp(owner, EVLOG))
		sysfs_read(++number, "owner", owner, sizeof(owner));
	return number;
}

/* what is written */

static void put(struct draft *draft, const void *bytes, size_t size)
{
	ck_assert_uint_le(draft->size + size, sizeof(draft->bytes));
	memcpy(draft->bytes + draft->size, bytes, size);
	draft->size += size;
}

struct draft draft(enum evlog_severity severity, const char *facility,
		   const char *type, const char *text)
{
	struct draft draft = { };
	char byte = severity;

	put(&draft, &byte, 1);
	put(&draft, facility, strlen(facility) + 1);
	put(&draft, type, strlen(type) + 1);
	put(&draft, text, strlen(text) + 1);
	return draft;
}

void add_attr(struct draft *draft, unsigned int kind, const char *name,
	      const void *data, size_t size)
{
	const unsigned char byte = kind, bytes[2] = { size, size >> 8 };

	put(draft, &byte, 1);
	put(draft, name, strlen(name) + 1);
	put(draft, bytes, 2);
	put(draft, data, size);
}

void add_s64(struct draft *draft, const char *name, __s64 number)
{
	add_attr(draft, EVLOG_KIND_S64, name, &number, sizeof(number));
}

void add_u64(struct draft *draft, const char *name, __u64 number)
{
	add_attr(draft, EVLOG_KIND_U64, name, &number, sizeof(number));
}

void add_string(struct draft *draft, const char *name, const char *string)
{
	add_attr(draft, EVLOG_KIND_STRING, name, string, strlen(string) + 1);
}

int write_draft(enum producer_context context, const struct draft *draft)
{
	struct producer_run one = {
		.call = PRODUCER_EVLOG, .context = context, .count = 1,
		.data = (uintptr_t)draft->bytes,
		.size_min = draft->size, .size_max = draft->size,
	};

	run(&one);
	return one.last;
}

void write_plain(enum evlog_severity severity, const char *facility,
		 const char *type, const char *text)
{
	const struct draft plain = draft(severity, facility, type, text);

	ck_assert_int_eq(write_draft(PRODUCER_PROCESS, &plain), 0);
}

/* what is read */

static size_t left;	/* of the record (bytes) */

static void take(int fd, void *data, size_t size)
{
	ck_assert_uint_le(size, left);
	left -= size;
	if (size)
		read_all(fd, data, size);
}

static void take_string(int fd, char *string, size_t size, size_t max)
{
	ck_assert_uint_le(size, max);
	take(fd, string, size);
	string[size] = '\0';
	ck_assert_uint_eq(strlen(string), size);
}

static void take_attr(int fd, struct attr *attr)
{
	struct evlog_value value;

	take(fd, &value, sizeof(value));
	attr->kind = value.kind;
	attr->size = value.size;
	take_string(fd, attr->name, value.name_size, EVLOG_NAME_MAX);
	take(fd, attr->data, value.size);
	attr->data[value.size] = '\0';
}

bool next_event(int fd)
{
	struct evlog_record *head = &event.head;
	int i;

	if (!readable(fd))
		return false;
	read_all(fd, head, sizeof(*head));
	ck_assert_uint_eq(head->version, EVLOG_VERSION);
	ck_assert_uint_le(head->length, EVLOG_RECORD_MAX);
	ck_assert_uint_ge(head->length, sizeof(*head));
	ck_assert_uint_le(head->attrs, EVLOG_ATTRS_MAX);
	left = head->length - sizeof(*head);
	take_string(fd, event.module, head->module_size, EVLOG_NAME_MAX);
	take_string(fd, event.facility, head->facility_size, EVLOG_NAME_MAX);
	take_string(fd, event.type, head->type_size, EVLOG_NAME_MAX);
	take_string(fd, event.text, head->text_size, EVLOG_TEXT_MAX);
	for (i = 0; i < head->attrs; i++)
		take_attr(fd, &event.attrs[i]);
	ck_assert_uint_eq(left, 0);
	return true;
}

__u64 number_of(const struct attr *attr)
{
	__u64 number;

	ck_assert_uint_eq(attr->size, sizeof(number));
	memcpy(&number, attr->data, sizeof(number));
	return number;
}

const char *output(struct tool program, int status)
{
	int really = finish(program.pid);

	ck_assert_msg(really == status, "status %d: %s", really,
		      text_of(program.err));
	return text_of(program.out);
}
