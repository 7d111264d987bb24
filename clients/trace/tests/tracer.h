/* SPDX-License-Identifier: GPL-2.0-only */
/* The tracer, for its suites: loaded, its parameters, its records. */
#ifndef _TRACER_H
#define _TRACER_H

#include "bufflink_trace.h"
#include "device.h"
#include "tool.h"

#define TRACER		"bufflink_trace"

/* The kernel has the tracepoints of the suites. */
void add_trace_tests(Suite *suite, const char *name, const TTest **tests);
#define add_trace_case(suite, name, ...) \
	add_trace_tests(suite, name, (const TTest *[]){ __VA_ARGS__, NULL })

void tracer_in(const char *parameters);
void tracer_out(void);		/* and no trace is left */
/* The value of a parameter now; valid until the next call. */
const char *value_of(const char *name);
int set_value(const char *name, const char *value);	/* 0 or negative errno */
/* How often an event came while it was on. */
__u64 hits_of(const char *name);
__u64 all_hits(void);

/* The calls of the tests: of a number that nobody else uses. */
#define CALL		SYS_getpgid
void call_often(unsigned int times);

/* The program: it is tried with one trace at a time. */
#define TOOL		"/t/bufflink-trace"
#define FOLDER		"/tmp/trace"
#define tool_to(out, ...)						\
	start_tool(TOOL, memory_file(""), out,				\
		   (char *[]){ "bufflink-trace", ##__VA_ARGS__, NULL })
#define tool(...)	tool_to(memory_file(""), ##__VA_ARGS__)

struct tool recorder(char *events);		/* when these are on */
/* The output of babeltrace2 for a trace, without one word of warning */
int read_trace(char *path);
const char *value_in(const char *text, const char *key);

#endif /* _TRACER_H */
