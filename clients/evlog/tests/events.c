// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "events.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

struct event event;

static void modules_out(void)
{
	unload_if_there(EXAMPLE);
	unload_if_there(EVLOG);
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
	ck_assert_int_eq(load(EVLOG, parameters), 0);
	return buffer_of(EVLOG);
}

/* writing */

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

/* noise */

/* A string of any bytes but zero, mostly short. */
static void noise_string(char *string, size_t max)
{
	size_t size = random() % (random() % 4 ? 8 : max), i;

	for (i = 0; i < size; i++)
		string[i] = random() % 255 + 1;
	string[size] = '\0';
}

static void add_noise(struct draft *draft, struct given *given)
{
	size_t i;

	given->kind = random() % 4;
	noise_string(given->name, sizeof(given->name));
	given->size = 8;
	for (i = 0; i < 8; i++)
		given->data[i] = random();
	if (given->kind == EVLOG_KIND_STRING) {
		noise_string(given->data, sizeof(given->data));
		given->size = strlen(given->data);
	} else if (given->kind == EVLOG_KIND_BYTES) {
		given->size = random() % (random() % 8 ? 40 : 3000);
		for (i = 0; i < given->size; i++)
			given->data[i] = random();
	}
	add_attr(draft, given->kind, given->name, given->data,
		 given->size + (given->kind == EVLOG_KIND_STRING));
}

struct draft draft_of_noise(struct noise *noise)
{
	struct draft draft_of;
	unsigned int i;

	noise_string(noise->facility, sizeof(noise->facility));
	noise_string(noise->type, sizeof(noise->type));
	noise_string(noise->text, sizeof(noise->text));
	draft_of = draft(random() % 8, noise->facility, noise->type,
			 noise->text);
	noise->n = random() % 16;
	for (i = 0; i < noise->n; i++)
		add_noise(&draft_of, &noise->attrs[i]);
	return draft_of;
}

/* reading */

static char data[1 << 23];	/* that was read, of one buffer */
static size_t at, end;

/* Whether the next record has so many bytes by now. */
static bool is_there(int fd, size_t size)
{
	ssize_t got;

	if (at == end) {
		at = 0;
		end = 0;
	}
	while (end - at < size) {
		got = read(fd, data + end, sizeof(data) - end);
		if (got <= 0)
			return false;
		end += got;
	}
	return true;
}

static size_t left;	/* of the record (bytes) */

static void take(void *to, size_t size)
{
	must(size <= left);
	memcpy(to, data + at, size);
	at += size;
	left -= size;
}

static void take_string(char *string, size_t size, size_t max)
{
	must(size <= max);
	take(string, size);
	string[size] = '\0';
	must(strlen(string) == size);
}

static void take_attr(struct attr *attr)
{
	struct evlog_value value;

	take(&value, sizeof(value));
	attr->kind = value.kind;
	attr->size = value.size;
	take_string(attr->name, value.name_size, EVLOG_NAME_MAX);
	take(attr->data, value.size);
	attr->data[value.size] = '\0';
}

bool next_event(int fd)
{
	struct evlog_record *head = &event.head;
	int i;

	left = sizeof(*head);
	if (!is_there(fd, left))
		return false;
	take(head, left);
	must(head->version == EVLOG_VERSION);
	must(head->length >= sizeof(*head));
	must(head->length <= EVLOG_RECORD_MAX);
	must(head->attrs <= EVLOG_ATTRS_MAX);
	left = head->length - sizeof(*head);
	must(is_there(fd, left));
	take_string(event.module, head->module_size, EVLOG_NAME_MAX);
	take_string(event.facility, head->facility_size, EVLOG_NAME_MAX);
	take_string(event.type, head->type_size, EVLOG_NAME_MAX);
	take_string(event.text, head->text_size, EVLOG_TEXT_MAX);
	for (i = 0; i < head->attrs; i++)
		take_attr(&event.attrs[i]);
	must(!left);
	return true;
}

__u64 number_of(const struct attr *attr)
{
	__u64 number;

	must(attr->size == sizeof(number));
	memcpy(&number, attr->data, sizeof(number));
	return number;
}

