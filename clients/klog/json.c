// SPDX-License-Identifier: GPL-2.0-only
/* Messages as JSON, with the names of dmesg(1) or of the journal. */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "message.h"
#include "program.h"

bool json;

static bool for_journal;

void json_option(const char *form)
{
	static const char *const forms[] = { "dmesg", "journal", NULL };

	json = true;
	for_journal = form && word_argument("--json", form, forms);
}

/*
 * Takes a line like " DEVICE=+pci:0000:00:01.0"; false at the end. The name gets
 * small letters.
 */
static bool next_property(const char **line, char name[64], const char **value,
			  size_t *size)
{
	const char *end, *equals;
	size_t i;

	if (**line != ' ')
		return false;
	end = strchr(*line, '\n');
	equals = strchr(*line, '=');
	if (!end || !equals || equals > end || equals - *line > 64)
		return false;
	for (i = 0; *line + 1 + i < equals; i++)
		name[i] = tolower((*line)[1 + i]);
	name[i] = '\0';
	*value = equals + 1;
	*size = end - *value;
	*line = end + 1;
	return true;
}

static void add_dictionary(struct json_object *object,
			   const struct message *message)
{
	const char *line = dictionary(message->sequence), *value;
	char name[64];
	size_t size;

	while (next_property(&line, name, &value, &size)) {
		if (!for_journal)
			add_text(object, name, value, size);
		else if (!strcmp(name, "subsystem"))
			add_text(object, "_KERNEL_SUBSYSTEM", value, size);
		else if (!strcmp(name, "device"))
			add_text(object, "_KERNEL_DEVICE", value, size);
	}
}

static struct json_object *dmesg_object(const struct message *message)
{
	struct json_object *object = json_object_new_object();
	const char *name = facility_name(message->facility);

	add_number(object, "seq", message->sequence);
	if (decode && name) {
		add_string(object, "fac", name);
		add_string(object, "pri", levels[message->level]);
	} else {
		add_number(object, "pri",
			   message->facility << 3 | message->level);
	}
	if (message->has_time) {
		add_decimal(object, "time", "%llu.%06llu",
			    message->time / 1000000, message->time % 1000000);
		add_string(object, "realtime",
			   iso_time(wall_clock(message), '.'));
	}
	if (*message->caller)
		add_string(object, "caller", message->caller);
	add_text(object, "msg", message->text, message->size);
	return object;
}

/* The journal has only strings, and lists of bytes. */

static void add_message(struct json_object *object, const char *text,
			size_t size)
{
	if (is_plain(text, size))
		add_text(object, "MESSAGE", text, size);
	else
		add_bytes(object, "MESSAGE", text, size);
}

static struct json_object *journal_object(const struct message *message)
{
	struct json_object *object = json_object_new_object();

	if (message->has_time) {
		add_quoted(object, "__REALTIME_TIMESTAMP", "%llu",
			   wall_clock(message));
		add_quoted(object, "_SOURCE_MONOTONIC_TIMESTAMP", "%llu",
			   message->time);
	}
	add_string(object, "_TRANSPORT", "kernel");
	add_quoted(object, "PRIORITY", "%u", message->level);
	add_quoted(object, "SYSLOG_FACILITY", "%u", message->facility);
	if (!message->facility)
		add_string(object, "SYSLOG_IDENTIFIER", "kernel");
	add_message(object, message->text, message->size);
	return object;
}

void print_message_as_json(const struct message *message)
{
	struct json_object *object;

	object = for_journal ? journal_object(message) : dmesg_object(message);
	add_dictionary(object, message);
	print_json(object);
}

void print_loss_as_json(const char *text, unsigned long long before,
			unsigned long long by_log,
			unsigned long long by_buffer)
{
	struct json_object *object = json_object_new_object();

	if (for_journal) {
		add_quoted(object, "__REALTIME_TIMESTAMP", "%llu",
			   time(NULL) * 1000000ULL);
		add_string(object, "PRIORITY", "4");
		add_string(object, "SYSLOG_IDENTIFIER", "bufflink-klog");
		add_string(object, "MESSAGE", text);
	} else {
		add_number(object, "before", before);
		add_number(object, "lost_by_log", by_log);
		add_number(object, "lost_by_buffer", by_buffer);
	}
	print_json(object);
}
