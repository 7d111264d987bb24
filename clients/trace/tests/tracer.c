// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "tracer.h"

/* Nothing is patched while these have other probes, see keep_traced(). */
static const char * const tracepoints[] = {
	"sched/sched_wakeup", "raw_syscalls/sys_enter", "raw_syscalls/sys_exit",
	NULL
};

static void begin_tracing(void)
{
	keep_traced(tracepoints);
}

void tracer_out(void)
{
	unload_if_there(TRACER);
	/* the traces of a test */
	ck_assert_int_eq(system("/bin/busybox rm -rf /tmp/trace"), 0);
}

void tracer_in(const char *parameters)
{
	ck_assert_int_eq(load(TRACER, parameters), 0);
}

const char *value_of(const char *name)
{
	return parameter_read(TRACER, name);
}

int set_value(const char *name, const char *value)
{
	return parameter_try(TRACER, name, value);
}

/* Of one event, or with NULL of all. */
static __u64 count_hits(const char *event)
{
	const char *line = value_of("hits");
	unsigned long long hits;
	char name[64];
	__u64 sum = 0;

	for (; line && *line; line = strchr(line, '\n') + 1)
		if (sscanf(line, "%63s %llu", name, &hits) == 2 &&
		    (!event || !strcmp(name, event)))
			sum += hits;
	return sum;
}

__u64 hits_of(const char *name)
{
	return count_hits(name);
}

__u64 all_hits(void)
{
	return count_hits(NULL);
}

void call_often(unsigned int times)
{
	unsigned int i;

	for (i = 0; i < times; i++)
		syscall(CALL, 1000000 + i);
}

struct tool recorder(char *events)
{
	struct tool tool = tool("record", "-o", FOLDER, "-e", events);

	wait_for(exists(FOLDER "/metadata") && value_of("events")[0] != '\n');
	return tool;
}

int read_trace(char *path)
{
	struct tool reader = start_tool("/usr/bin/babeltrace2", memory_file(""),
					memory_file(""),
			(char *[]){ "babeltrace2", "--clock-seconds", path, NULL });

	ck_assert_msg(finish(reader.pid) == 0, "%s", text_of(reader.err));
	ck_assert_str_eq(text_of(reader.err), "");
	return reader.out;
}

const char *value_in(const char *text, const char *key)
{
	const char *found = strstr(text, key);

	ck_assert_msg(found, "no %s in %s", key, text);
	return found + strlen(key);
}

void add_trace_tests(Suite *suite, const char *name, const TTest **tests)
{
	TCase *tcase = add_tests_of(suite, name, tracer_out, tests);

	tcase_add_unchecked_fixture(tcase, begin_tracing, stop_tracing);
}
