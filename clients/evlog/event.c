// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "event.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"
#include "text.h"

const char *const field_names[FIELDS + 1] = {
	[SEVERITY] = "severity", [FACILITY] = "facility", [TYPE] = "type",
	[MODULE] = "module", [CPU] = "cpu", [PID] = "pid", [UID] = "uid",
	[CONTEXT] = "context", [TEXT] = "text",
};

const char *const context_names[] = {
	[EVLOG_PROCESS] = "process", [EVLOG_SOFTIRQ] = "softirq",
	[EVLOG_HARDIRQ] = "hardirq", [EVLOG_NMI] = "nmi",
	[EVLOG_PRINTK] = "printk", NULL
};

/* Bytes of a record that were not read yet. */
struct rest {
	const char *at;
	const char *end;
};

static const char *take(struct rest *rest, size_t size)
{
	const char *bytes = rest->at;

	if ((size_t)(rest->end - rest->at) < size)
		no_record(EVLOG_OWNER);
	rest->at += size;
	return bytes;
}

static void set_string(struct event *event, enum field field,
		       const char *data, size_t size)
{
	struct value *value = &event->fields[field];

	value->kind = EVLOG_KIND_STRING;
	value->data = data;
	value->size = size;
}

static void set_number(struct event *event, enum field field, __u64 number)
{
	struct value *value = &event->fields[field];

	value->kind = EVLOG_KIND_U64;
	value->number = number;
}

static void read_attr(struct value *attr, struct rest *rest)
{
	struct evlog_value head;

	memcpy(&head, take(rest, sizeof(head)), sizeof(head));
	attr->kind = head.kind;
	attr->name_size = head.name_size;
	attr->name = take(rest, head.name_size);
	attr->size = head.size;
	attr->data = take(rest, head.size);
	if (head.kind > EVLOG_KIND_BYTES)
		no_record(EVLOG_OWNER);
	if (head.kind > EVLOG_KIND_U64)
		return;
	if (head.size != sizeof(attr->number))
		no_record(EVLOG_OWNER);
	memcpy(&attr->number, attr->data, head.size);
}

static void read_fields(struct event *event, const struct evlog_record *record,
			struct rest *rest)
{
	const char *severity = levels[record->severity];
	const char *context = context_names[record->context];
	int i;

	for (i = 0; i < FIELDS; i++) {
		event->fields[i].name = field_names[i];
		event->fields[i].name_size = strlen(field_names[i]);
	}
	set_string(event, SEVERITY, severity, strlen(severity));
	set_string(event, CONTEXT, context, strlen(context));
	set_number(event, CPU, record->cpu);
	set_number(event, PID, record->pid);
	set_number(event, UID, record->uid);
	set_string(event, MODULE, take(rest, record->module_size),
		   record->module_size);
	set_string(event, FACILITY, take(rest, record->facility_size),
		   record->facility_size);
	set_string(event, TYPE, take(rest, record->type_size),
		   record->type_size);
	set_string(event, TEXT, take(rest, record->text_size),
		   record->text_size);
}

size_t read_event(struct event *event, const char *data, size_t size)
{
	struct evlog_record record;
	struct rest rest;
	int i;

	if (size < sizeof(record))
		return 0;
	memcpy(&record, data, sizeof(record));
	if (record.version != EVLOG_VERSION ||
	    record.length < sizeof(record) ||
	    record.length > EVLOG_RECORD_MAX ||
	    record.severity > EVLOG_DEBUG || record.context > EVLOG_PRINTK ||
	    record.attrs > EVLOG_ATTRS_MAX)
		no_record(EVLOG_OWNER);
	if (size < record.length)
		return 0;
	rest.at = data + sizeof(record);
	rest.end = data + record.length;
	event->time = record.time;
	event->is_cut = record.flags & EVLOG_CUT;
	event->severity = record.severity;
	event->n = record.attrs;
	read_fields(event, &record, &rest);
	for (i = 0; i < record.attrs; i++)
		read_attr(&event->attrs[i], &rest);
	if (rest.at != rest.end)
		no_record(EVLOG_OWNER);
	return record.length;
}

const char *value_text(const struct value *value, size_t *size)
{
	static char text[2 * EVLOG_RECORD_MAX + 1];
	size_t i;

	switch (value->kind) {
	case EVLOG_KIND_S64:
		*size = sprintf(text, "%lld", (long long)value->number);
		break;
	case EVLOG_KIND_U64:
		*size = sprintf(text, "%llu", (unsigned long long)value->number);
		break;
	case EVLOG_KIND_BYTES:
		for (i = 0; i < value->size; i++)
			sprintf(text + 2 * i, "%02x",
				(unsigned char)value->data[i]);
		*size = 2 * value->size;
		break;
	default:
		*size = value->size;
		return value->data;
	}
	return text;
}

const char *time_text(const struct event *event)
{
	return iso_time(event->time / 1000, '.');
}

void variable_name(char variable[VARIABLE_MAX + 1], const char *prefix,
		   const struct value *value)
{
	size_t length = strlen(prefix), i;

	strcpy(variable, prefix);
	for (i = 0; i < value->name_size && length < VARIABLE_MAX; i++) {
		const char c = value->name[i];

		variable[length++] = isascii(c) && isalnum(c) ? toupper(c) :
								'_';
	}
	variable[length] = '\0';
}
