// SPDX-License-Identifier: GPL-2.0-only
/*
 * What there is when a trace begins: threads, by /proc, and interrupts, by
 * /sys/kernel/irq. As LTTng has them, whose numbers these are.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trace.h"

#define INTERRUPTS	"/sys/kernel/irq"
#define KTHREAD_FLAG	0x00200000	/* in /proc/PID/stat */

enum { USER_THREAD, KERNEL_THREAD };
enum { UNKNOWN_MODE = 5, UNKNOWN_SUBMODE = 1 };
enum { UNNAMED, WAIT_FORK, WAIT_CPU, EXITS, ZOMBIE, WAITS, RUNS, DEAD };

#define add_record(record, size, name)					\
	add_state(&(record)->head, size, TRACE_##name)

/* What is in a small file, as far as it goes; false if it is gone. */
static bool read_text(const char *path, char *text, size_t size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[got > 0 ? got : 0] = '\0';
	return got > 0;
}

static int status_of(char state)
{
	switch (state) {
	case 'R':
		return WAIT_CPU;
	case 'S':
	case 'D':
	case 'I':
		return WAITS;
	case 'Z':
		return ZOMBIE;
	case 'X':
		return DEAD;
	default:
		return UNNAMED;
	}
}

/* In the thread's own namespace: the last number of such a line. */
static int last_number(const char *status, const char *name)
{
	const char *line = strstr(status, name);
	int number = 0;

	if (!line)
		return 0;
	line += strlen(name);
	while (*line && *line != '\n') {
		number = strtol(line, (char **)&line, 10);
		while (*line == ' ' || *line == '\t')
			line++;
	}
	return number;
}

/* A name may have any characters, but it ends at the last parenthesis. */
static void dump_thread(int pid, int tid)
{
	struct trace_lttng_statedump_process_state record = {
		.pid = pid, .tid = tid, .mode = UNKNOWN_MODE,
		.submode = UNKNOWN_SUBMODE,
	};
	char path[64], text[4096], *name, *end;
	unsigned int flags, cpu;
	char state;
	int ppid;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	if (!read_text(path, text, sizeof(text)))
		return;
	name = strchr(text, '(');
	end = strrchr(text, ')');
	if (!name || !end ||
	    sscanf(end + 1, " %c %d %*s %*s %*s %*s %u", &state, &ppid, &flags) != 3 ||
	    sscanf(end + 1, " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %u",
		   &cpu) != 1)
		return;
	record.ppid = ppid;
	record.type = flags & KTHREAD_FLAG ? KERNEL_THREAD : USER_THREAD;
	record.status = status_of(state);
	record.cpu = cpu;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", pid, tid);
	if (!read_text(path, text, sizeof(text)))
		return;
	record.vpid = last_number(text, "\nNStgid:");
	record.vtid = last_number(text, "\nNSpid:");
	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", pid, tid);
	if (!read_text(path, text, sizeof(text)))
		return;
	/* The newline that the kernel adds is no part of it. */
	snprintf(record.name, sizeof(record.name), "%.*s",
		 (int)strlen(text) - 1, text);
	add_record(&record, sizeof(record), lttng_statedump_process_state);
}

/* The numbers that a folder has as names, one by one, to a function. */
static void for_each_number(const char *path, int argument,
			    void (*function)(int argument, int number))
{
	DIR *folder = opendir(path);
	struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		if (isdigit((unsigned char)*entry->d_name))
			function(argument, atoi(entry->d_name));
	if (folder)
		closedir(folder);
}

static void dump_process(int unused, int pid)
{
	char path[64];

	(void)unused;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	for_each_number(path, pid, dump_thread);
}

static void dump_action(struct trace_lttng_statedump_interrupt *record,
			const char *action)
{
	size_t length;

	snprintf(record->action, sizeof(record->action), "%s", action);
	length = strlen(record->action);
	add_record(record, sizeof(*record) - TRACE_TEXT + length + 1,
		   lttng_statedump_interrupt);
}

static void dump_interrupt(int unused, int number)
{
	struct trace_lttng_statedump_interrupt record = { .irq = number };
	char path[64], text[1024], *rest = text, *action;

	(void)unused;
	snprintf(path, sizeof(path), INTERRUPTS "/%d/chip_name", number);
	if (read_text(path, text, sizeof(text)))
		snprintf(record.name, sizeof(record.name), "%.*s",
			 (int)strcspn(text, "\n"), text);
	snprintf(path, sizeof(path), INTERRUPTS "/%d/actions", number);
	if (!read_text(path, text, sizeof(text)))
		return;
	while ((action = strsep(&rest, ",\n")))
		if (*action)
			dump_action(&record, action);
}

void dump_state(void)
{
	struct trace_lttng_statedump_start start = { };
	struct trace_lttng_statedump_end end = { };

	add_record(&start, sizeof(start), lttng_statedump_start);
	for_each_number("/proc", 0, dump_process);
	for_each_number(INTERRUPTS, 0, dump_interrupt);
	add_record(&end, sizeof(end), lttng_statedump_end);
}
