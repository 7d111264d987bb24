/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of bufflink-trace */
#ifndef _TRACE_H
#define _TRACE_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bufflink_trace.h"
#include "command.h"
#include "program.h"
#include "sysfs.h"

#define MODULE		"bufflink_trace"
#define UUID_SIZE	16

/* parameter.c: those of the module */

/* If it cannot be read, the program ends. */
void get_parameter(const char *name, char value[PARAMETER_MAX + 1]);
/* False, with errno, if the module does not take it. */
bool set_parameter(const char *name, const char *value);
/* How many events came while they were on, since the module was loaded. */
uint64_t count_hits(void);
void choose_events(const char *list);
void no_events(void);
void check_version(void);
unsigned int possible_cpus(void);

/* guard.c: the end of the events if this program is killed */

void start_guard(void);		/* while the buffer is open */
void dismiss_guard(void);	/* all is switched off */

/* metadata.c: the description of a trace */

struct metadata {
	unsigned char uuid[UUID_SIZE];
	bool has[TRACE_CALLS_END];	/* events by their numbers */
};

/* Of a new trace: with all events of the table, and no system call yet. */
void begin_metadata(struct metadata *metadata);
void write_metadata(FILE *file, const struct metadata *metadata);

/* folder.c: a trace, which is a folder with a stream for each CPU */

struct totals {
	uint64_t events;		/* of the module */
	uint64_t discarded;
	uint64_t bytes;			/* of all files but the metadata */
};

extern struct totals totals;

void open_trace(const char *path);
void add_event(const struct trace_head *head);
/* Of the state at the start; it gets its head here. */
void add_state(struct trace_head *head, size_t size, uint16_t id);
/* So many were lost on this CPU, between its last event and this time. */
void add_discarded(unsigned int cpu, uint64_t records, uint64_t time);
uint64_t time_of(const struct trace_head *head);
void flush_trace(void);
void close_trace(void);

/* state.c: the state when a trace begins */

void dump_state(void);

/* the commands; each gives the exit status */

extern const char record_help[], list_help[], status_help[];
int record(int argc, char **argv);
int list(int argc, char **argv);
int status(int argc, char **argv);

#endif /* _TRACE_H */
