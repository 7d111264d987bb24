// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink_evlog - structured events of kernel modules, in a bufflink buffer
 *
 * An event is put together in memory of its CPU, and appended as one record. The
 * buffer is not per-CPU: events are rare, so one lock does not hold them up, and a
 * CPU that is in trouble has all of the buffer's room for its events.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cred.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/pid.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "bufflink.h"
#include "../bufflink_size.h"
#include "bufflink_evlog.h"
#include "bufflink_evlog_printk.h"

#define CONTEXTS	4	/* that interrupt each other: see evlog_context */
#define SMALL_MAX	256	/* bytes of an event in a context beyond these */
#define RECORD_ALIGNED	__aligned(__alignof__(struct evlog_record))

static ulong size = SZ_1M;
bufflink_size_param(size, 0400);
MODULE_PARM_DESC(size, "bytes in the buffer (0: bufflink's default)");

static bool printk;
module_param(printk, bool, 0444);
MODULE_PARM_DESC(printk, "take messages of printk() as events, too");

static struct bufflink *bl;

/* Memory of a CPU. Each context that interrupts another one has its own part. */
struct memory {
	unsigned int used;
	char records[CONTEXTS][EVLOG_RECORD_MAX] RECORD_ALIGNED;
};

static struct memory __percpu *memory;

/* A record while it is put together. */
struct writer {
	struct evlog_record *record;
	char *at;
	char *end;
};

static size_t room(const struct writer *writer)
{
	return writer->end - writer->at;
}

static void add(struct writer *writer, const void *data, size_t size)
{
	memcpy(writer->at, data, size);
	writer->at += size;
}

/* How many bytes are kept of a string. */
static size_t length_of(struct writer *writer, const char *string, size_t max)
{
	size_t length = string ? strnlen(string, max + 1) : 0;

	if (length > max)
		writer->record->flags |= EVLOG_CUT;
	return min(length, max);
}

static u8 add_name(struct writer *writer, const char *name)
{
	u8 length = length_of(writer, name, EVLOG_NAME_MAX);

	add(writer, name, length);
	return length;
}

__printf(2, 0)
static u16 add_text(struct writer *writer, const char *format, va_list values)
{
	size_t max = min_t(size_t, room(writer), EVLOG_TEXT_MAX + 1);
	size_t length = 0;

	if (format)
		length = vsnprintf(writer->at, max, format, values);
	if (length >= max) {
		writer->record->flags |= EVLOG_CUT;
		length = max - 1;
	}
	writer->at += length;
	return length;
}

/* How many bytes a value has, or as many of them as there is room for. */
static size_t value_size(struct writer *writer, const struct evlog_attr *attr,
			 size_t max)
{
	if (attr->kind == EVLOG_KIND_STRING)
		return length_of(writer, attr->data, max);
	if (attr->kind == EVLOG_KIND_BYTES && attr->data) {
		if (attr->size > max)
			writer->record->flags |= EVLOG_CUT;
		return min(attr->size, max);
	}
	return 0;
}

static void add_attr(struct writer *writer, const struct evlog_attr *attr)
{
	bool is_number = attr->kind == EVLOG_KIND_S64 ||
			 attr->kind == EVLOG_KIND_U64;
	struct evlog_value value = { .kind = attr->kind };
	size_t least;

	value.name_size = length_of(writer, attr->name, EVLOG_NAME_MAX);
	value.size = is_number ? sizeof(attr->u64) : 0;
	least = sizeof(value) + value.name_size + value.size;
	if (room(writer) < least || attr->kind > EVLOG_KIND_BYTES ||
	    writer->record->attrs == EVLOG_ATTRS_MAX) {
		writer->record->flags |= EVLOG_CUT;
		return;
	}
	if (!is_number)
		value.size = value_size(writer, attr, room(writer) - least);
	add(writer, &value, sizeof(value));
	add(writer, attr->name, value.name_size);
	add(writer, is_number ? &attr->u64 : attr->data, value.size);
	writer->record->attrs++;
}

static enum evlog_context this_context(void)
{
	if (in_nmi())
		return EVLOG_NMI;
	if (in_hardirq())
		return EVLOG_HARDIRQ;
	return in_serving_softirq() ? EVLOG_SOFTIRQ : EVLOG_PROCESS;
}

static void set_origin(struct evlog_record *record)
{
	record->context = this_context();
	record->cpu = smp_processor_id();
	record->pid = task_tgid_nr(current);
	record->uid = from_kuid(&init_user_ns, current_uid());
}

static struct writer begin(char *bytes, size_t size)
{
	struct evlog_record *record = (struct evlog_record *)bytes;

	*record = (struct evlog_record) {
		.version = EVLOG_VERSION,
		.time = ktime_get_real_fast_ns(),
	};
	return (struct writer) {
		.record = record, .at = bytes + sizeof(*record),
		.end = bytes + size,
	};
}

/* All parts of an event but its text, which is formatted. */
struct parts {
	const char *module;
	const char *facility;
	const char *type;
	enum evlog_severity severity;
	const struct evlog_attr *attrs;
	size_t n;
	bool is_message;	/* of printk() */
};

__printf(3, 0)
static void fill_record(struct writer *writer, const struct parts *parts,
			const char *format, va_list values)
{
	struct evlog_record *record = writer->record;
	size_t i;

	record->severity = min_t(unsigned int, parts->severity, EVLOG_DEBUG);
	if (parts->is_message)
		record->context = EVLOG_PRINTK;
	else
		set_origin(record);
	record->module_size = add_name(writer, parts->module);
	record->facility_size = add_name(writer, parts->facility);
	record->type_size = add_name(writer, parts->type);
	record->text_size = add_text(writer, format, values);
	for (i = 0; i < parts->n; i++)
		add_attr(writer, &parts->attrs[i]);
	record->length = writer->at - (char *)record;
}

__printf(2, 0)
static int write_event(const struct parts *parts, const char *format,
		       va_list values)
{
	char small[SMALL_MAX] RECORD_ALIGNED;
	struct writer writer;
	unsigned int i;
	int err;

	preempt_disable();
	/* An interrupt that comes now restores it. */
	i = this_cpu_inc_return(memory->used) - 1;
	if (i < CONTEXTS)
		writer = begin(this_cpu_ptr(memory)->records[i],
			       EVLOG_RECORD_MAX);
	else
		writer = begin(small, SMALL_MAX);
	fill_record(&writer, parts, format, values);
	err = bufflink_append(bl, writer.record, writer.record->length);
	this_cpu_dec(memory->used);
	preempt_enable();
	return err;
}

/**
 * __evlog_write() - write an event
 * @module: name of the calling module; evlog_write() passes it
 * @facility: its subject, as "disk"
 * @type: its kind, as "io_error"
 * @severity: how bad that is
 * @attrs: named attributes, or NULL
 * @n: how many attributes (count)
 * @format: text for people, as of printk(), and its values; or NULL
 *
 * Called as evlog_write(facility, type, severity, format, ...), or with
 * attributes as evlog_write_attrs(facility, type, severity, attrs, n, format, ...).
 *
 * Time, CPU, process, user and context are added. Of a name that is longer than
 * EVLOG_NAME_MAX, and of a text that is longer than EVLOG_TEXT_MAX, the rest is
 * cut. So is a value that makes the record longer than EVLOG_RECORD_MAX, and
 * further attributes are left out. The record says so.
 *
 * Context: Any context, with any lock held. In NMI, the values of @format may
 *	only be such as printk() may be given there.
 * Return: 0, or a negative errno if the event is not in the buffer: -ENOSPC if
 *	that is full, -EBUSY if its lock could not be had in NMI. The buffer counts
 *	these. -ENODEV if this is built into the kernel and not initialized yet.
 */
int __evlog_write(const char *module, const char *facility, const char *type,
		  enum evlog_severity severity, const struct evlog_attr *attrs,
		  size_t n, const char *format, ...)
{
	const struct parts parts = {
		.module = module, .facility = facility, .type = type,
		.severity = severity, .attrs = attrs, .n = n,
	};
	va_list values;
	int err;

	if (!bl)
		return -ENODEV;
	va_start(values, format);
	err = write_event(&parts, format, values);
	va_end(values);
	return err;
}
EXPORT_SYMBOL_GPL(__evlog_write);

int evlog_write_message(const char *facility, enum evlog_severity severity,
			const struct evlog_attr *attrs, size_t n,
			const char *format, ...)
{
	const struct parts parts = {
		.module = "printk", .facility = facility, .type = "message",
		.severity = severity, .attrs = attrs, .n = n,
		.is_message = true,
	};
	va_list values;
	int err;

	va_start(values, format);
	err = write_event(&parts, format, values);
	va_end(values);
	return err;
}

static int __init evlog_init(void)
{
	int err;

	BUILD_BUG_ON(sizeof(struct evlog_record) + 3 * EVLOG_NAME_MAX >=
		     SMALL_MAX);
	memory = alloc_percpu(struct memory);
	if (!memory)
		return -ENOMEM;
	err = bufflink_create(&bl, NULL, size, -1);
	if (err) {
		pr_err("cannot create a buffer: %pe\n", ERR_PTR(err));
		goto free;
	}
	if (printk)
		err = evlog_printk_start();
	if (err) {
		pr_err("cannot probe printk(), which printk=1 needs: %pe\n",
		       ERR_PTR(err));
		goto destroy;
	}
	pr_info("events go to /dev/bufflink%d\n", bufflink_number(bl));
	return 0;

destroy:
	bufflink_destroy(bl);
	bl = NULL;
free:
	free_percpu(memory);
	return err;
}

/* Modules that write events hold this one. */
static void __exit evlog_exit(void)
{
	if (printk)
		evlog_printk_stop();
	bufflink_destroy(bl);
	free_percpu(memory);
}

module_init(evlog_init);
module_exit(evlog_exit);

MODULE_DESCRIPTION("Structured events of kernel modules, in a bufflink buffer");
MODULE_LICENSE("GPL");
