/* SPDX-License-Identifier: GPL-2.0-only */
/* Events, for the suites of evlog: written by the producer, and read. */
#ifndef _EVENTS_H
#define _EVENTS_H

#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include "bufflink_evlog.h"
#include "device.h"
#include "tool.h"

#define EVLOG		EVLOG_OWNER
#define EXAMPLE		"bufflink_evlog_example"
#define LARGE		"size=4194304"

/* Fixtures, for every case. */
void evlog_setup(void);
void evlog_teardown(void);

/* The number of its device. */
int load_evlog(const char *parameters);

/* An event that the producer is to write. */
struct draft {
	char bytes[1 << 16];
	size_t size;
};

struct draft draft(enum evlog_severity severity, const char *facility,
		   const char *type, const char *text);
/* A string has its zero among the size bytes. */
void add_attr(struct draft *draft, unsigned int kind, const char *name,
	      const void *data, size_t size);
void add_s64(struct draft *draft, const char *name, __s64 number);
void add_u64(struct draft *draft, const char *name, __u64 number);
void add_string(struct draft *draft, const char *name, const char *string);
/* The answer of the module. */
int write_draft(enum producer_context context, const struct draft *draft);
void write_plain(enum evlog_severity severity, const char *facility,
		 const char *type, const char *text);

/* Noise, and as which it was given. */
#define FUZZED		300	/* events of it */

struct given {
	unsigned int kind;
	char name[200];
	char data[3000];
	size_t size;
};

struct noise {
	char facility[200];
	char type[200];
	char text[2000];
	struct given attrs[16];
	unsigned int n;
};

struct draft draft_of_noise(struct noise *noise);

/* An event as it was read. */
struct attr {
	unsigned int kind;
	char name[EVLOG_NAME_MAX + 1];
	size_t size;
	char data[EVLOG_RECORD_MAX + 1];	/* with a zero at its end */
};

struct event {
	struct evlog_record head;
	char module[EVLOG_NAME_MAX + 1];
	char facility[EVLOG_NAME_MAX + 1];
	char type[EVLOG_NAME_MAX + 1];
	char text[EVLOG_TEXT_MAX + 1];
	struct attr attrs[EVLOG_ATTRS_MAX];
};

extern struct event event;	/* the last one */

bool next_event(int fd);	/* false if there is none now */
__u64 number_of(const struct attr *attr);

/* The program. */
#define program_to(out, ...)						\
	start_tool("/t/bufflink-evlog", memory_file(""), out,		\
		   (char *[]){ "bufflink-evlog", ##__VA_ARGS__, NULL })
#define program(...)	program_to(memory_file(""), ##__VA_ARGS__)
/* Its output, when it has ended with this status. */
const char *output(struct tool program, int status);

#endif /* _EVENTS_H */
