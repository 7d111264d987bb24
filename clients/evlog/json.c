// SPDX-License-Identifier: GPL-2.0-only
/* Each event as a line of JSON. */
#define _GNU_SOURCE
#include "event.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static bool is_safe(const struct value *value)
{
	const bool is_signed = value->kind == EVLOG_KIND_S64;

	return (is_signed || value->kind == EVLOG_KIND_U64) &&
	       is_safe_number(is_signed, value->number);
}

static void add_value(struct json_object *object, const char *name,
		      const struct value *value)
{
	size_t size;
	const char *text = value_text(value, &size);

	if (is_safe(value))
		add_decimal(object, name, "%.*s", (int)size, text);
	else
		add_text(object, name, text, size);
}

/*
 * A second attribute of a name would take the place of the first. So those are in
 * a list, and each has its own object.
 */
static void add_attrs(struct json_object *object, const struct event *event)
{
	struct json_object *list = json_object_new_array(), *attr;
	size_t i;

	for (i = 0; i < event->n; i++) {
		attr = json_object_new_object();
		add_text(attr, "name", event->attrs[i].name,
			 event->attrs[i].name_size);
		add_value(attr, "value", &event->attrs[i]);
		add_item(list, attr);
	}
	json_object_object_add(object, "attributes", list);
}

void print_event_as_json(const struct event *event)
{
	struct json_object *object = json_object_new_object();
	int i;

	add_seconds(object, "time", event->time);
	for (i = 0; i < FIELDS; i++)
		add_value(object, field_names[i], &event->fields[i]);
	if (event->is_cut)
		add_flag(object, "cut");
	add_attrs(object, event);
	print_json(object);
}

void print_loss_as_json(const struct bufflink_loss *loss)
{
	struct json_object *object = json_object_new_object();

	add_loss(object, "lost_records", "lost_bytes", loss);
	print_json(object);
}
