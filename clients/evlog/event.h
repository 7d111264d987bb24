/* SPDX-License-Identifier: GPL-2.0-only */
/* Events, as they are in the buffer, and the ways to pass them on. */
#ifndef _EVENT_H
#define _EVENT_H

#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "bufflink.h"
#include "bufflink_evlog.h"
#include "libbufflink/libbufflink.h"

/* A number, a string or bytes, with a name. */
struct value {
	const char *name;
	size_t name_size;
	enum evlog_kind kind;
	__u64 number;		/* of EVLOG_KIND_S64: the same bits */
	const char *data;	/* of the others */
	size_t size;
};

/* Each event has these. */
enum field {
	SEVERITY, FACILITY, TYPE, MODULE, CPU, PID, UID, CONTEXT, TEXT, FIELDS
};

extern const char *const field_names[FIELDS + 1];
extern const char *const context_names[];	/* and NULL */

struct event {
	__u64 time;		/* wall clock (ns since 1970) */
	bool is_cut;
	unsigned int severity;	/* also a string among the fields */
	struct value fields[FIELDS];
	struct value attrs[EVLOG_ATTRS_MAX];
	size_t n;
};

/* event.c */

/*
 * Reads the event that the size bytes begin with; says how many bytes it has, or 0
 * if they are not all there. It is good for as long as these bytes are, and until
 * the next call.
 */
size_t read_event(struct event *event, const char *data, size_t size);
/* A value as text: digits, the string itself, or bytes in hexadecimal. */
const char *value_text(const struct value *value, size_t *size);
const char *time_text(const struct event *event);
/*
 * The name of a variable: the prefix, and the value's name in capital letters, with
 * an underscore for all that is neither letter nor digit. So an event can choose no
 * other name than one with that prefix.
 */
#define VARIABLE_MAX	64
void variable_name(char variable[VARIABLE_MAX + 1], const char *prefix,
		   const struct value *value);

/* line.c and json.c */
/* As fprint_plain(); nor does it change the direction of the rest of a line. */
void fprint_line(FILE *file, const char *text, size_t size);
void print_line(const struct event *event);
void print_event_as_json(const struct event *event);
void print_loss_as_json(const struct bufflink_loss *loss);

/* query.c */
void query_option(const char *text);	/* an event must pass all of them */
bool passes(const struct event *event);

/* notify.c: a command for each event */
void notify_option(const char *command);
void notify(const struct event *event);
/* Has the reader woken up when a command ends; then take_ends() says so. */
void watch_commands(struct bufflink_reader *reader);
void tell_failures(void);
/* The same, if a command has ended since the last time. */
bool take_ends(void);
/* Waits for those that still run; true if all went well. */
bool end_notify(void);

/* journal.c */
void send_to_journal(const struct event *event);
void send_loss_to_journal(const struct bufflink_loss *loss);

#endif /* _EVENT_H */
