/* SPDX-License-Identifier: GPL-2.0-only */
/* The auditor, for its suites: loaded, its records one by one, and children. */
#ifndef _AUDITOR_H
#define _AUDITOR_H

#include <linux/audit.h>

#include "bufflink_sysaudit.h"
#include "device.h"
#include "tool.h"

#define AUDITOR		"bufflink_sysaudit"
#define NOBODY		65534
#define STREAM_MAX	(32 << 20)

#if defined(__x86_64__)
#define NATIVE_ARCH	AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define NATIVE_ARCH	AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define NATIVE_ARCH	AUDIT_ARCH_AARCH64
#elif defined(__s390x__)
#define NATIVE_ARCH	AUDIT_ARCH_S390X
#endif

/* the filters of the suites have numbers of x86-64 */
bool can_audit(void);
/* the kernel says which arguments its calls have */
bool is_described(void);
bool has_cgroups(void);		/* of version 2, which it mounts */
#define add_audit_case(suite, name, ...) \
	add_tests_of(suite, name, auditor_out,				\
		     (const TTest *[]){ __VA_ARGS__, NULL })

void auditor_out(void);	/* a fixture: unloads it */
/* Gives the buffer, opened; its number is 0, as there is no other. */
int auditor_in(const char *parameters);
/* The same for the tool, which is to be the only reader: to ask, not to read. */
int auditor_in_for_tool(const char *parameters);
void set(const char *name, unsigned int value);	/* a parameter */
/* The value of a parameter now; valid until the next call. */
const char *value_of(const char *name);

/* The stream, record by record: read whole, into as much as the buffer has. */
struct audit {
	int fd;
	size_t have;
	size_t done;
	__u64 records;
	union {		/* the last one; it may begin anywhere in the data */
		struct sysaudit_record record;
		char bytes[SYSAUDIT_MAX];
	};
	char data[STREAM_MAX];
};

struct audit *audit_of(int fd);
/* the next record that is there, or NULL */
const struct sysaudit_record *next(struct audit *audit);
/* All of the field is the kernel's, and none of what was there before. */
void is_named(const struct sysaudit_record *record, const char *name);
/* The item with this index, or NULL. */
const char *item_of(const struct sysaudit_record *record, int index,
		    struct sysaudit_item *item);
void is_text(const struct sysaudit_record *record, int index, int arg,
	     const char *text, int flags);
/* These are the next records. */
const struct sysaudit_record *entry_of(struct audit *audit, int number);
void exit_of(struct audit *audit, int number, __s64 result);

/*
 * A child that is let go when the auditor knows its pid. It reads the gate until
 * then; the end of that is the first record.
 */
struct child {
	int gate[2];
	void (*work)(void);
	pid_t pid;
};

struct child child_of(void (*work)(void));
void let_go(struct child *child);
/* Filters for it, lets it work, and gives what it did after the gate. */
struct audit *audited(int fd, struct child *child);
void known_calls(void);		/* what one may do */
void handler(int unused);	/* of a signal; it has a call of its own */

#endif /* _AUDITOR_H */
