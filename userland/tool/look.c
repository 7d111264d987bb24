// SPDX-License-Identifier: GPL-2.0-only
/* The values of buffers, exactly and for programs */
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "tool.h"

#define UNKNOWN		-1.0	/* no rate is negative */

struct look take_look(const char *buffer)
{
	struct look look = { .time = clock_now(CLOCK_MONOTONIC) / 1e9 };

	if (!buffer) {
		look.count = bufflink_list(&look.buffers);
		if (look.count < 0)
			errx(EXIT_FAILURE, "%s", bufflink_error());
		return look;
	}
	look.buffers = calloc(1, sizeof(*look.buffers));
	if (!look.buffers)
		err(EXIT_FAILURE, "no memory for a look at %s", buffer);
	look.count = !bufflink_find(buffer, look.buffers, 0);
	return look;
}

static const struct bufflink_info *find(const struct look *look, __u64 identity)
{
	int i;

	for (i = 0; i < look->count; i++) {
		if (look->buffers[i].identity == identity)
			return &look->buffers[i];
	}
	return NULL;
}

double per_second(const struct look *now, const struct look *before,
		  const struct bufflink_info *buffer,
		  enum bufflink_value value)
{
	const struct bufflink_info *then = find(before, buffer->identity);

	if (!then)
		return UNKNOWN;
	return (buffer->values[value] - then->values[value]) /
	       (now->time - before->time);
}

double wakeups_per_record(const struct bufflink_info *buffer)
{
	if (!buffer->values[BUFFLINK_RECORDS])
		return UNKNOWN;
	return (double)buffer->values[BUFFLINK_WAKEUPS] /
	       buffer->values[BUFFLINK_RECORDS];
}

/* As JSON, or without an object as a word NAME=VALUE */

static void tell_text(struct json_object *object, const char *name,
		      const char *text)
{
	if (object) {
		add_string(object, name, text);
		return;
	}
	printf(" %s=", name);
	print_plain(text, strlen(text));
}

static void tell_number(struct json_object *object, const char *name,
			__u64 number)
{
	if (object)
		add_number(object, name, number);
	else
		printf(" %s=%llu", name, number);
}

static void tell_decimal(struct json_object *object, const char *name,
			 int decimals, double value)
{
	if (object && value < 0)
		json_object_object_add(object, name, NULL);
	else if (object)
		add_decimal(object, name, "%.*f", decimals, value);
	else if (value < 0)
		printf(" %s=-", name);
	else
		printf(" %s=%.*f", name, decimals, value);
}

static void tell_buffer(struct json_object *object,
			const struct bufflink_info *buffer)
{
	int i;

	if (object)
		add_number(object, "number", buffer->number);
	else
		printf("number=%d", buffer->number);
	tell_text(object, "device", buffer->device);
	tell_text(object, "owner", buffer->owner);
	tell_text(object, "name", buffer->name);
	for (i = 0; i < BUFFLINK_VALUES; i++)
		tell_number(object, bufflink_value_name(i), buffer->values[i]);
}

static void tell_rates(struct json_object *object, const struct look *now,
		       const struct look *before,
		       const struct bufflink_info *buffer)
{
	static const enum bufflink_value growing[] = {
		BUFFLINK_RECORDS, BUFFLINK_BYTES, BUFFLINK_LOST_RECORDS,
		BUFFLINK_LOST_BYTES, BUFFLINK_WAKEUPS
	};
	char name[64];
	size_t i;

	for (i = 0; i < sizeof(growing) / sizeof(*growing); i++) {
		snprintf(name, sizeof(name), "%s_per_second",
			 bufflink_value_name(growing[i]));
		tell_decimal(object, name, 3,
			     per_second(now, before, buffer, growing[i]));
	}
	tell_decimal(object, "wakeups_per_record", 6,
		     wakeups_per_record(buffer));
	tell_decimal(object, "time", 3, clock_now(CLOCK_REALTIME) / 1e9);
}

void print_exactly(bool json, const struct look *look,
		   const struct look *before)
{
	struct json_object *array = json ? json_object_new_array() : NULL;
	struct json_object *object;
	int i;

	for (i = 0; i < look->count; i++) {
		object = json ? json_object_new_object() : NULL;
		tell_buffer(object, &look->buffers[i]);
		if (before)
			tell_rates(object, look, before, &look->buffers[i]);
		if (json)
			add_item(array, object);
		else
			putchar('\n');
	}
	if (json)
		print_json(array);
}

/* for node_exporter and the like */

static const struct {
	enum bufflink_value value;
	const char *name;
	const char *type;
	const char *unit;
	const char *help;
} metrics[] = {
	{ BUFFLINK_SIZE, "bufflink_size_bytes", "gauge", "bytes",
	  "How many bytes the buffer holds." },
	{ BUFFLINK_USED, "bufflink_used_bytes", "gauge", "bytes",
	  "How many bytes wait to be read." },
	{ BUFFLINK_HIGHWATER, "bufflink_highwater_bytes", "gauge", "bytes",
	  "The most bytes that ever waited." },
	{ BUFFLINK_WATERMARK, "bufflink_watermark_bytes", "gauge", "bytes",
	  "How many waiting bytes wake a reader at once." },
	{ BUFFLINK_RECORDS, "bufflink_records", "counter", NULL,
	  "Records that were appended." },
	{ BUFFLINK_BYTES, "bufflink_bytes", "counter", "bytes",
	  "Bytes that were appended." },
	{ BUFFLINK_LOST_RECORDS, "bufflink_lost_records", "counter", NULL,
	  "Records that were lost." },
	{ BUFFLINK_LOST_BYTES, "bufflink_lost_bytes", "counter", "bytes",
	  "Bytes of the records that were lost." },
	{ BUFFLINK_OVERFLOW, "bufflink_overflow", "gauge", NULL,
	  "1 while a loss was not reported to a reader." },
	{ BUFFLINK_WAKEUPS, "bufflink_wakeups", "counter", NULL,
	  "How often readers were woken." },
};

static void print_label(const char *name, const char *text)
{
	printf(",%s=\"", name);
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", stdout);
		else if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else
			putchar(*text);
	}
	putchar('"');
}

void print_openmetrics(const struct look *look)
{
	const struct bufflink_info *buffer;
	const char *suffix;
	size_t i;
	int n;

	for (i = 0; i < sizeof(metrics) / sizeof(*metrics); i++) {
		suffix = *metrics[i].type == 'c' ? "_total" : "";
		printf("# TYPE %s %s\n", metrics[i].name, metrics[i].type);
		if (metrics[i].unit)
			printf("# UNIT %s %s\n", metrics[i].name,
			       metrics[i].unit);
		printf("# HELP %s %s\n", metrics[i].name, metrics[i].help);
		for (n = 0; n < look->count; n++) {
			buffer = &look->buffers[n];
			printf("%s%s{number=\"%d\"", metrics[i].name, suffix,
			       buffer->number);
			print_label("owner", buffer->owner);
			print_label("name", buffer->name);
			printf("} %llu\n", buffer->values[metrics[i].value]);
		}
	}
	puts("# EOF");
}

/* for people */

struct cell owner_and_name(const struct bufflink_info *buffer)
{
	struct cell cell;

	snprintf(cell.text, sizeof(cell.text), "%s%s%s", buffer->owner,
		 *buffer->name ? "/" : "", buffer->name);
	return cell;
}
