/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Events of kernel modules: their records in the buffer of bufflink_evlog, which
 * have the byte order of the machine, and the calls that write them.
 */
#ifndef _BUFFLINK_EVLOG_H
#define _BUFFLINK_EVLOG_H

#include <linux/types.h>

#define EVLOG_OWNER		"bufflink_evlog"
#define EVLOG_VERSION		1
#define EVLOG_RECORD_MAX	2048	/* bytes of a record */
#define EVLOG_NAME_MAX		63	/* bytes of a name */
#define EVLOG_TEXT_MAX		1024	/* bytes of a text */
#define EVLOG_ATTRS_MAX		64	/* attributes of an event */

/* As those of syslog(3) and printk(). */
enum evlog_severity {
	EVLOG_EMERG,
	EVLOG_ALERT,
	EVLOG_CRIT,
	EVLOG_ERR,
	EVLOG_WARN,
	EVLOG_NOTICE,
	EVLOG_INFO,
	EVLOG_DEBUG,
};

/* where an event was written */
enum evlog_context {
	EVLOG_PROCESS,
	EVLOG_SOFTIRQ,
	EVLOG_HARDIRQ,
	EVLOG_NMI,
	EVLOG_PRINTK,	/* a message of printk(): CPU, process and user are 0 */
};

/* the kind of an attribute's value */
enum evlog_kind {
	EVLOG_KIND_S64,		/* __s64 */
	EVLOG_KIND_U64,		/* __u64 */
	EVLOG_KIND_STRING,	/* without a zero at its end */
	EVLOG_KIND_BYTES,
};

#define EVLOG_CUT	0x1	/* flag: a part that was too long was cut or left out */

/**
 * struct evlog_record - how every record begins
 * @length: of the whole record (bytes)
 * @version: EVLOG_VERSION
 * @flags: EVLOG_CUT or 0
 * @severity: one of enum evlog_severity
 * @context: one of enum evlog_context
 * @attrs: how many attributes there are (count)
 * @module_size: of the name of the module that wrote it (bytes)
 * @time: wall-clock time (ns since 1970)
 * @cpu: CPU on which it was written
 * @pid: process that ran there, or was interrupted; in the initial namespace
 * @uid: real user of that process, likewise
 * @facility_size: of the facility's name (bytes)
 * @type_size: of the type's name (bytes)
 * @text_size: of the text (bytes)
 *
 * The names of module, facility and type, the text, and the attributes follow
 * without gaps. None has a zero at its end.
 */
struct evlog_record {
	__u16 length;
	__u8 version;
	__u8 flags;
	__u8 severity;
	__u8 context;
	__u8 attrs;
	__u8 module_size;
	__u64 time;
	__u32 cpu;
	__u32 pid;
	__u32 uid;
	__u8 facility_size;
	__u8 type_size;
	__u16 text_size;
};

/**
 * struct evlog_value - how an attribute in a record begins
 * @kind: one of enum evlog_kind
 * @name_size: of its name, which follows (bytes)
 * @size: of its value, which follows the name (bytes); 8 of a number
 */
struct evlog_value {
	__u8 kind;
	__u8 name_size;
	__u16 size;
};

#ifdef __KERNEL__

#include <linux/compiler_attributes.h>

/**
 * struct evlog_attr - a named attribute of an event that is to be written
 * @name: its name; at most EVLOG_NAME_MAX bytes of it are kept
 * @kind: which of the values it has
 * @s64: the value of EVLOG_KIND_S64
 * @u64: the value of EVLOG_KIND_U64
 * @data: the string, or the bytes; NULL for none
 * @size: how many bytes; a string ends at its zero
 *
 * EVLOG_S64() and the macros behind it make one.
 */
struct evlog_attr {
	const char *name;
	enum evlog_kind kind;
	union {
		__s64 s64;
		__u64 u64;
		const void *data;
	};
	size_t size;
};

#define EVLOG_S64(_name, value)						\
	((struct evlog_attr) {						\
		.name = (_name), .kind = EVLOG_KIND_S64, .s64 = (value) })
#define EVLOG_U64(_name, value)						\
	((struct evlog_attr) {						\
		.name = (_name), .kind = EVLOG_KIND_U64, .u64 = (value) })
#define EVLOG_STRING(_name, value)					\
	((struct evlog_attr) {						\
		.name = (_name), .kind = EVLOG_KIND_STRING, .data = (value) })
#define EVLOG_BYTES(_name, value, bytes)				\
	((struct evlog_attr) {						\
		.name = (_name), .kind = EVLOG_KIND_BYTES,		\
		.data = (value), .size = (bytes) })

__printf(7, 8)
int __evlog_write(const char *module, const char *facility, const char *type,
		  enum evlog_severity severity, const struct evlog_attr *attrs,
		  size_t n, const char *format, ...);

/*
 * Documented at __evlog_write(). They have the name of the calling module. The
 * format comes last, with its values.
 */
#define evlog_write(facility, type, severity, ...)			\
	__evlog_write(KBUILD_MODNAME, facility, type, severity, NULL, 0, \
		      __VA_ARGS__)
#define evlog_write_attrs(facility, type, severity, attrs, n, ...)	\
	__evlog_write(KBUILD_MODNAME, facility, type, severity, attrs, n, \
		      __VA_ARGS__)

#endif /* __KERNEL__ */
#endif /* _BUFFLINK_EVLOG_H */
