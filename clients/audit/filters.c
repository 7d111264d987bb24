// SPDX-License-Identifier: GPL-2.0-only
/* The module's filters, and the same for what was buffered before them. */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "sysfs.h"

static void set_parameter(const char *name, const char *value)
{
	if (write_parameter(MODULE, name, value))
		return;
	if (errno == ESRCH)
		errx(EXIT_FAILURE, "--pid: there is no process %s", value);
	/* If the module was unloaded meanwhile, the next one gets all filters. */
	if (!has_ended())
		err(EXIT_FAILURE,
		    "cannot write '%s' to /sys/module/" MODULE "/parameters/%s",
		    value, name);
}

static void set_copies(void)
{
	char *copies = list_copies(NATIVE), *compat;

	if (!*copies)
		warnx("no tracefs at /sys/kernel/tracing: arguments are numbers");
	if (*copies && !write_parameter(MODULE, "copies", copies) &&
	    errno == EOPNOTSUPP) {
		if (descriptor_paths)
			warnx("-y: a PREEMPT_RT kernel does not tell the files of descriptors");
		descriptor_paths = false;
		folder_paths = false;
		free(copies);
		copies = list_copies(NATIVE);
	}
	compat = list_copies(COMPAT);
	if (*copies) {
		set_parameter("copies", copies);
		set_parameter("compat_copies", compat);
	}
	free(copies);
	free(compat);
}

/* One of others that stays in force must not surprise. */
static void report(const char *name, const char *unset, const char *own)
{
	char value[PARAMETER_MAX + 1];

	if (own || read_parameter(MODULE, name, value) < 0)
		return;
	value[strcspn(value, "\n")] = '\0';
	if (strcmp(value, unset))
		warnx("the module has the filter %s=%s, which others have set",
		      name, value);
}

static void set_filter(const char *name, const char *value, const char *unset)
{
	report(name, unset, value);
	if (value)
		set_parameter(name, value);
}

/* In this order: what the reader sets ends with it. */
void set_filters(const struct filters *filters)
{
	set_parameter("reader", filters->reader);
	set_copies();
	set_filter("calls", filters->has_calls ?
		   filters->calls.numbers[NATIVE] : NULL, "0-1023");
	set_filter("compat_calls", filters->has_calls ?
		   filters->calls.numbers[COMPAT] : NULL, "0-1023");
	set_filter("pid", filters->pid, "0");
	set_filter("uid", filters->uid, "4294967295");
	set_filter("cgroup", filters->cgroup, "0");
	set_filter("prefix", filters->prefix, "");
}

/* what is buffered */

static bool is(const char *wanted, const char *any, __u64 value)
{
	return !wanted || !strcmp(wanted, any) ||
	       strtoull(wanted, NULL, 10) == value;
}

static bool has_path(const char *prefix, const struct sysaudit_record *record)
{
	struct call call = call_of(NULL, record);
	struct sysaudit_item item;
	const char *data;

	while (next_item(&call.items, call.end, &item, &data))
		if (!(item.flags & SYSAUDIT_NO_TEXT) &&
		    item.size >= strlen(prefix) &&
		    !memcmp(data, prefix, strlen(prefix)))
			return true;
	return false;
}

bool passes(const struct filters *filters, const struct sysaudit_record *record,
	    const struct sysaudit_record *entry)
{
	const struct sysaudit_head *head = &record->head;
	int number = head->number;

	if (filters->has_calls && number >= 0 && number < CALLS &&
	    !filters->calls.has[is_native(head->arch) ? NATIVE : COMPAT][number])
		return false;
	return is(filters->pid, "0", head->pid) &&
	       is(filters->uid, "4294967295", head->uid) &&
	       is(filters->cgroup, "0", head->cgroup) &&
	       (!filters->prefix || !*filters->prefix || entry ||
		has_path(filters->prefix, record));
}
