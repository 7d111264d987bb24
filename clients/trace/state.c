// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state when a trace begins: threads, from /proc, and interrupts, from
 * /sys/kernel/irq. The numbers are those of LTTng.
 */
#define _GNU_SOURCE
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

#define PATH_SIZE	128
#define KTHREAD_FLAG	0x00200000	/* in /proc/PID/stat */

enum { USER_THREAD, KERNEL_THREAD };
enum { UNKNOWN_MODE = 5, UNKNOWN_SUBMODE = 1 };
enum { UNNAMED, WAIT_FORK, WAIT_CPU, EXITS, ZOMBIE, WAITS, RUNS, DEAD };

#define add_record(record, size, name)					\
	add_state(&(record)->head, size, TRACE_##name)

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

/* The word at this place, from 0 on, of words with blanks between them */
static const char *word_at(const char *text, int place)
{
	text += strspn(text, " ");
	while (place--) {
		text += strcspn(text, " ");
		text += strspn(text, " ");
	}
	return text;
}

/* A name may have any characters, but it ends at the last parenthesis. */
static bool read_stat(const char *folder,
		      struct trace_lttng_statedump_process_state *record)
{
	char path[PATH_SIZE], text[4096];
	const char *words;

	snprintf(path, sizeof(path), "%s/stat", folder);
	if (read_file(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return false;
	words = strrchr(text, ')');
	if (!words)
		return false;
	words++;
	record->_status = status_of(*word_at(words, 0));
	record->_ppid = atoi(word_at(words, 1));
	record->_type = strtoul(word_at(words, 6), NULL, 10) & KTHREAD_FLAG ?
			KERNEL_THREAD : USER_THREAD;
	record->_cpu = atoi(word_at(words, 36));
	return true;
}

static bool read_status(const char *folder,
			struct trace_lttng_statedump_process_state *record)
{
	char path[PATH_SIZE], text[4096];

	snprintf(path, sizeof(path), "%s/status", folder);
	if (read_file(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return false;
	/* A kernel without namespaces of processes has only the latter. */
	record->_vpid = last_number(text, "\nNStgid:") ?:
			last_number(text, "\nTgid:");
	record->_vtid = last_number(text, "\nNSpid:") ?:
			last_number(text, "\nPid:");
	return true;
}

/* The newline that the kernel adds is no part of the name. */
static bool read_name(const char *folder,
		      struct trace_lttng_statedump_process_state *record)
{
	char path[PATH_SIZE], text[64];

	snprintf(path, sizeof(path), "%s/comm", folder);
	if (read_file(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return false;
	snprintf(record->_name, sizeof(record->_name), "%.*s",
		 (int)strlen(text) - 1, text);
	return true;
}

/* A thread that has ended meanwhile is left out. */
static void dump_thread(const char *folder)
{
	struct trace_lttng_statedump_process_state record = {
		._mode = UNKNOWN_MODE, ._submode = UNKNOWN_SUBMODE,
	};
	int pid, tid;

	if (sscanf(folder, "/proc/%d/task/%d", &pid, &tid) != 2 ||
	    !read_stat(folder, &record) || !read_status(folder, &record) ||
	    !read_name(folder, &record))
		return;
	record._pid = pid;
	record._tid = tid;
	add_record(&record, sizeof(record), lttng_statedump_process_state);
}

static void dump_action(struct trace_lttng_statedump_interrupt *record,
			const char *action)
{
	size_t length;

	snprintf(record->_action, sizeof(record->_action), "%s", action);
	length = strlen(record->_action);
	add_record(record, sizeof(*record) - TRACE_TEXT + length + 1,
		   lttng_statedump_interrupt);
}

static void dump_interrupt(const char *folder)
{
	struct trace_lttng_statedump_interrupt record = { };
	char path[PATH_SIZE], text[1024], *rest = text, *action;

	record._irq = atoi(strrchr(folder, '/') + 1);
	snprintf(path, sizeof(path), "%s/chip_name", folder);
	read_line(AT_FDCWD, path, record._name, sizeof(record._name));
	snprintf(path, sizeof(path), "%s/actions", folder);
	if (read_file(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return;
	while ((action = strsep(&rest, ",\n")))
		if (*action)
			dump_action(&record, action);
}

void dump_state(void)
{
	struct trace_lttng_statedump_start start = { };
	struct trace_lttng_statedump_end end = { };
	glob_t threads = { }, interrupts = { };
	size_t i;

	add_record(&start, sizeof(start), lttng_statedump_start);
	glob("/proc/[0-9]*/task/[0-9]*", GLOB_NOSORT, NULL, &threads);
	for (i = 0; i < threads.gl_pathc; i++)
		dump_thread(threads.gl_pathv[i]);
	glob("/sys/kernel/irq/[0-9]*", GLOB_NOSORT, NULL, &interrupts);
	for (i = 0; i < interrupts.gl_pathc; i++)
		dump_interrupt(interrupts.gl_pathv[i]);
	globfree(&threads);
	globfree(&interrupts);
	add_record(&end, sizeof(end), lttng_statedump_end);
}
