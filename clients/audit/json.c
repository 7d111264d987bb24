// SPDX-License-Identifier: GPL-2.0-only
/* Each record as a line of JSON. */
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "text.h"

static void add_hex(struct json_object *object, const char *name, __u64 value)
{
	char text[32];

	snprintf(text, sizeof(text), "%#llx", value);
	add_string(object, name, text);
}

static void add_raw_args(struct json_object *object, const __u64 *values)
{
	struct json_object *args = json_object_new_array();
	char text[32];
	int i;

	for (i = 0; i < SYSAUDIT_ARGS; i++) {
		snprintf(text, sizeof(text), "%#llx", values[i]);
		add_item(args, json_object_new_string(text));
	}
	json_object_object_add(object, "args", args);
}

/* The text of its line. The stream is kept: making one takes long. */
static void add_meaning(struct json_object *object, const struct call *call,
			int arg)
{
	static FILE *memory;
	static size_t size;
	static char *text;

	if (!memory)
		memory = open_memstream(&text, &size);
	if (!memory)
		err(EXIT_FAILURE, "no memory for JSON");
	rewind(memory);
	print_value(memory, call, arg);
	if (fflush(memory) || ferror(memory))
		err(EXIT_FAILURE, "no memory for JSON");
	add_text(object, "text", text, ftell(memory));
}

static void add_element(struct json_object *list,
			const struct sysaudit_item *item, const char *data)
{
	struct json_object *object = json_object_new_object(), *text;

	add_text(object, "text", data, item->size);
	text = json_object_object_get(object, "text");
	add_item(list, json_object_get(text));
	json_object_put(object);
}

/* False if there is none. */
static bool add_items(struct json_object *object, const struct call *call,
		      int arg)
{
	struct json_object *list = NULL;
	const char *at = call->items, *data;
	struct sysaudit_item item;
	bool found = false;

	while (next_item(&at, call->end, &item, &data)) {
		if (item.arg != arg || item.flags & SYSAUDIT_FILE)
			continue;
		found = true;
		if (item.flags & SYSAUDIT_CUT)
			add_flag(object, "cut");
		if (item.flags & SYSAUDIT_UNREADABLE)
			add_flag(object, "unreadable");
		if (item.flags & SYSAUDIT_ELEMENT) {
			list = list ?: json_object_new_array();
			if (item.size || !(item.flags & (SYSAUDIT_CUT |
							 SYSAUDIT_UNREADABLE)))
				add_element(list, &item, data);
		} else if (item.flags & SYSAUDIT_ADDRESS) {
			add_meaning(object, call, arg);
		} else {
			add_text(object, "text", data, item.size);
		}
	}
	if (list)
		json_object_object_add(object, "list", list);
	return found;
}

/* One that is too long is not there at all. */
static void add_path(struct json_object *object, const char *name,
		     const struct sysaudit_item *item, const char *data)
{
	if (item->flags & SYSAUDIT_CUT)
		add_flag(object, "file_cut");
	else
		add_text(object, name, data, item->size);
}

static void add_file(struct json_object *object, const struct call *call,
		     int arg)
{
	struct sysaudit_item item;
	const char *data;

	if (find_file(call, arg, &item, &data))
		add_path(object, "file", &item, data);
}

static void add_values(struct json_object *object, const struct call *call)
{
	const struct call_info *info = call_info(call->head->arch,
						 call->head->number);
	struct json_object *values = json_object_new_array(), *value;
	int i;

	for (i = 0; i < info->args; i++) {
		value = json_object_new_object();
		if (!add_items(value, call, i))
			add_meaning(value, call, i);
		add_file(value, call, i);
		add_item(values, value);
	}
	json_object_object_add(object, "values", values);
}

static struct json_object *new_object(const struct sysaudit_head *head)
{
	struct json_object *object = json_object_new_object();

	add_string(object, "type", head->type == SYSAUDIT_EXIT ? "exit" :
								 "entry");
	add_seconds(object, "time", head->time);
	add_number(object, "cpu", head->cpu);
	add_number(object, "sequence", head->sequence);
	add_number(object, "pid", head->pid);
	add_number(object, "tid", head->tid);
	add_number(object, "ppid", head->ppid);
	add_number(object, "uid", head->uid);
	add_number(object, "euid", head->euid);
	add_number(object, "gid", head->gid);
	if (head->auid != (__u32)-1)
		add_number(object, "auid", head->auid);
	if (is_safe_number(false, head->cgroup))
		add_number(object, "cgroup", head->cgroup);
	else
		add_hex(object, "cgroup", head->cgroup);
	add_text(object, "comm", head->comm,
		 strnlen(head->comm, SYSAUDIT_COMM));
	add_hex(object, "arch", head->arch);
	json_object_object_add(object, "number",
			       json_object_new_int(head->number));
	add_string(object, "call", call_info(head->arch, head->number)->name);
	return object;
}

static void print_entry(const struct sysaudit_record *entry)
{
	struct json_object *object = new_object(&entry->head);
	struct call call = call_of(entry, NULL);

	add_raw_args(object, entry->args);
	add_values(object, &call);
	print_json(object);
}

static void print_exit(const struct sysaudit_record *exit,
		       const struct sysaudit_record *entry)
{
	struct json_object *object = new_object(&exit->head);
	struct call call = call_of(entry, exit);
	struct sysaudit_item item;
	const char *data;

	if (exit->head.flags & SYSAUDIT_REFUSED)
		add_flag(object, "refused");
	else if (is_safe_number(true, exit->result))
		json_object_object_add(object, "result",
				       json_object_new_int64(exit->result));
	else
		add_hex(object, "result", exit->result);
	if (find_result_file(exit, &item, &data))
		add_path(object, "result_file", &item, data);
	if (is_birth(exit))
		add_flag(object, "begins");
	if (has_args(exit)) {
		if (call.args)
			add_raw_args(object, call.args);
		add_values(object, &call);
	}
	print_json(object);
}

static void print_loss(const struct bufflink_loss *loss)
{
	struct json_object *object = json_object_new_object();

	add_string(object, "type", "loss");
	add_loss(object, "records", "bytes", loss);
	print_json(object);
}

const struct format json_format = {
	.entry = print_entry, .exit = print_exit, .loss = print_loss,
};
