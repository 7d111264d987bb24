// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink-trace: what babeltrace2 reads of its traces, beside what ftrace saw of
 * the same events.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tracer.h"

#define TOOL		"/t/bufflink-trace"
#define FOLDER		"/tmp/trace"
#define TWIN		"/sys/kernel/tracing/instances/twin"
#define ROUNDS		50
#define LINES		20000

#define tool(...)							\
	start_tool(TOOL, memory_file(""), memory_file(""),		\
		   (char *[]){ "bufflink-trace", ##__VA_ARGS__, NULL })

static void remove_folder(void)
{
	pid_t pid = start_tool("/bin/busybox", memory_file(""), memory_file(""),
			       (char *[]){ "rm", "-rf", FOLDER, NULL }).pid;

	ck_assert_int_eq(finish(pid), 0);
}

static struct tool recorder(char *events)
{
	struct tool tool = tool("record", "-o", FOLDER, "-e", events);

	wait_for(exists(FOLDER "/metadata") && value_of("events")[0] != '\n');
	return tool;
}

static void interrupt(const struct tool *tool)
{
	kill(tool->pid, SIGINT);
	is_killed(tool->pid, SIGINT);
}

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	ck_assert_msg(fd >= 0, "%s: %m", path);
	ck_assert_msg(write(fd, text, strlen(text)) == (ssize_t)strlen(text),
		      "%s: %m", path);
	close(fd);
}

/* What babeltrace2 prints of a trace, without one word of warning. */
static int read_trace(char *path)
{
	struct tool reader = start_tool("/usr/bin/babeltrace2", memory_file(""),
					memory_file(""),
			(char *[]){ "babeltrace2", "--clock-seconds", path, NULL });

	ck_assert_msg(finish(reader.pid) == 0, "%s", text_of(reader.err));
	ck_assert_str_eq(text_of(reader.err), "");
	return reader.out;
}

/* Lines that have a text, or all if it is NULL, but for those of the state. */
static unsigned int count_lines(const char *text, const char *part)
{
	const char *end, *found;
	unsigned int lines = 0;

	for (; (end = strchr(text, '\n')); text = end + 1) {
		found = memmem(text, end - text, part ?: "", strlen(part ?: ""));
		lines += found && !memmem(text, end - text, "lttng_state",
					  strlen("lttng_state"));
	}
	return lines;
}

/* The program's last line: "/tmp/trace: 12 events, 0.1 MiB, 0 lost" */
static unsigned int recorded(const struct tool *tool, unsigned int *lost)
{
	const char *line = strstr(text_of(tool->err), FOLDER ": ");
	unsigned int count;

	ck_assert_msg(line && sscanf(line, FOLDER ": %u events, %*f MiB, %u lost",
				     &count, lost) == 2,
		      "%s", text_of(tool->err));
	return count;
}

/* a workload that ends where it began: two processes that wake each other */

static int ends_to[2][2];

static void play(int own)
{
	char byte = 'x';
	int i;

	prctl(PR_SET_NAME, own ? "pong" : "ping");
	pin(own);
	for (i = 0; i < ROUNDS; i++) {
		if (own)
			must(read(ends_to[1][0], &byte, 1) == 1);
		syscall(CALL, 1000000 + i);
		must(write(ends_to[!own][1], &byte, 1) == 1);
		if (!own)
			must(read(ends_to[0][0], &byte, 1) == 1);
	}
}

static int play_ping(void *unused)
{
	(void)unused;
	play(0);
	return 0;
}

static int play_pong(void *unused)
{
	(void)unused;
	play(1);
	return 0;
}

static void play_both(void)
{
	pid_t ping, pong;

	ck_assert_int_eq(pipe(ends_to[0]), 0);
	ck_assert_int_eq(pipe(ends_to[1]), 0);
	ping = start(play_ping, NULL);
	pong = start(play_pong, NULL);
	ck_assert_int_eq(finish(ping), 0);
	ck_assert_int_eq(finish(pong), 0);
}

/* ftrace, which sees the same events in an instance of its own */

static const char * const twin_events[] = {
	"sched/sched_switch", "sched/sched_wakeup", "raw_syscalls/sys_enter",
};

static void switch_twin(const char *value)
{
	char path[128];
	size_t i;

	for (i = 0; i < sizeof(twin_events) / sizeof(*twin_events); i++) {
		snprintf(path, sizeof(path), TWIN "/events/%s/enable",
			 twin_events[i]);
		write_to(path, value);
	}
}

static void start_twin(void)
{
	ck_assert(!mkdir(TWIN, 0700) || errno == EEXIST);
	write_to(TWIN "/buffer_size_kb", "4096");
	write_to(TWIN "/events/raw_syscalls/sys_enter/filter", "id == 121");
	switch_twin("1");
}

static char *stop_twin(void)
{
	char *text = malloc(1 << 23);
	size_t have = 0;
	ssize_t got;
	int fd;

	switch_twin("0");
	fd = open(TWIN "/trace", O_RDONLY | O_CLOEXEC);
	while ((got = read(fd, text + have, (1 << 23) - 1 - have)) > 0)
		have += got;
	text[have] = '\0';
	close(fd);
	ck_assert_int_eq(rmdir(TWIN), 0);
	return text;
}

/* An event in the same words, from both tracers. */
struct event {
	int cpu;
	char words[200];
};

struct events {
	int count;
	struct event list[LINES];
};

static const char *value_in(const char *text, const char *key)
{
	const char *found = strstr(text, key);

	ck_assert_msg(found, "no %s in %s", key, text);
	return found + strlen(key);
}

static const char *state_letter(int state)
{
	static const struct {
		int state;
		const char *letter;
	} states[] = {
		{ 0, "R" }, { 1, "S" }, { 2, "D" }, { 4, "T" }, { 8, "t" },
		{ 16, "X" }, { 32, "Z" }, { 64, "P" }, { 128, "I" },
		{ 256, "R+" },
	};
	size_t i;

	for (i = 0; i < sizeof(states) / sizeof(*states); i++)
		if (states[i].state == state)
			return states[i].letter;
	return "?";
}

static bool concerns_us(const char *words)
{
	return strstr(words, "ping") || strstr(words, "pong") ||
	       !strncmp(words, "call", 4);
}

#define OUR_SWITCH							\
	"prev_comm = \"%31[^\"]\", prev_tid = %d, prev_prio = %d, "	\
	"prev_state = %d, next_comm = \"%31[^\"]\", next_tid = %d, "	\
	"next_prio = %d"
#define OUR_WAKEUP							\
	"comm = \"%31[^\"]\", tid = %d, prio = %d, target_cpu = %d"
#define THEIR_SWITCH							\
	"prev_comm=%31s prev_pid=%d prev_prio=%d prev_state=%7s ==> "	\
	"next_comm=%31s next_pid=%d next_prio=%d"
#define THEIR_WAKEUP	"comm=%31s pid=%d prio=%d target_cpu=%d"

/* As babeltrace2 has it. */
static bool read_ours(const char *line, struct event *event)
{
	int tids[2], prios[2], state, cpu, found;
	char comms[2][32];
	unsigned int arg;

	event->cpu = atoi(value_in(line, "cpu_id = "));
	if (strstr(line, " sched_switch: ")) {
		found = sscanf(value_in(line, "}, { "), OUR_SWITCH, comms[0],
			       &tids[0], &prios[0], &state, comms[1], &tids[1],
			       &prios[1]);
		ck_assert_int_eq(found, 7);
		snprintf(event->words, sizeof(event->words),
			 "switch %s %d %d %s %s %d %d", comms[0], tids[0],
			 prios[0] + 100, state_letter(state), comms[1], tids[1],
			 prios[1] + 100);
	} else if (strstr(line, " sched_wakeup: ")) {
		found = sscanf(value_in(line, "}, { "), OUR_WAKEUP, comms[0],
			       &tids[0], &prios[0], &cpu);
		ck_assert_int_eq(found, 4);
		snprintf(event->words, sizeof(event->words), "wakeup %s %d %d %d",
			 comms[0], tids[0], prios[0] + 100, cpu);
	} else if (strstr(line, " syscall_entry_getpgid: ")) {
		ck_assert_int_eq(sscanf(value_in(line, "args = [ [0] = "), "0x%x",
					&arg), 1);
		snprintf(event->words, sizeof(event->words), "call %u", arg);
	} else {
		return false;
	}
	return concerns_us(event->words);
}

static bool read_theirs(const char *line, struct event *event)
{
	int tids[2], prios[2], cpu, found;
	char comms[2][32], state[8];
	unsigned int arg;

	if (*line == '#' || !strchr(line, '['))
		return false;
	event->cpu = atoi(value_in(line, "["));
	if (strstr(line, " sched_switch: ")) {
		found = sscanf(value_in(line, " sched_switch: "), THEIR_SWITCH,
			       comms[0], &tids[0], &prios[0], state, comms[1],
			       &tids[1], &prios[1]);
		ck_assert_int_eq(found, 7);
		snprintf(event->words, sizeof(event->words),
			 "switch %s %d %d %s %s %d %d", comms[0], tids[0],
			 prios[0], state, comms[1], tids[1], prios[1]);
	} else if (strstr(line, " sched_wakeup: ")) {
		found = sscanf(value_in(line, " sched_wakeup: "), THEIR_WAKEUP,
			       comms[0], &tids[0], &prios[0], &cpu);
		ck_assert_int_eq(found, 4);
		snprintf(event->words, sizeof(event->words), "wakeup %s %d %d %d",
			 comms[0], tids[0], prios[0], cpu);
	} else if (strstr(line, " sys_enter: ")) {
		ck_assert_int_eq(sscanf(value_in(line, " sys_enter: "),
					"NR 121 (%x", &arg), 1);
		snprintf(event->words, sizeof(event->words), "call %u", arg);
	} else {
		return false;
	}
	return concerns_us(event->words);
}

static struct events *events_of(const char *text,
				bool (*read_line)(const char *line,
						  struct event *event))
{
	struct events *events = calloc(1, sizeof(*events));
	char *copy = strdup(text), *rest = copy, *line;

	while ((line = strsep(&rest, "\n"))) {
		ck_assert_int_lt(events->count, LINES);
		if (strlen(line) > 20 &&
		    read_line(line, &events->list[events->count]))
			events->count++;
	}
	free(copy);
	return events;
}

static const struct event *next_on(const struct events *events, int cpu, int *at)
{
	while (*at < events->count && events->list[*at].cpu != cpu)
		++*at;
	return *at < events->count ? &events->list[(*at)++] : NULL;
}

static void are_the_same(const struct events *ours, const struct events *theirs)
{
	const struct event *one, *other;
	int cpu, i, j;

	ck_assert_int_gt(ours->count, 6 * ROUNDS);
	for (cpu = 0; cpu < (int)cpus(); cpu++) {
		i = 0;
		j = 0;
		do {
			one = next_on(ours, cpu, &i);
			other = next_on(theirs, cpu, &j);
			ck_assert_str_eq(one ? one->words : "the end",
					 other ? other->words : "the end");
		} while (one);
	}
}

START_TEST(values_and_counts_are_those_of_ftrace)
{
	struct events *ours, *theirs;
	struct tool tool;
	char *seen;
	int out;

	tracer_in("");
	if (!exists("/sys/kernel/tracing/events/raw_syscalls"))
		return;
	start_twin();
	tool = recorder("sched_switch,sched_wakeup,syscall_entry");
	play_both();
	interrupt(&tool);
	seen = stop_twin();
	out = read_trace(FOLDER);
	ours = events_of(text_of(out), read_ours);
	theirs = events_of(seen, read_theirs);
	are_the_same(ours, theirs);
	free(ours);
	free(theirs);
	free(seen);
}
END_TEST

/* The order of the lines tells of causes before what they cause. */
static void is_causal(const char *text)
{
	static char woken[1 << 16], forked[1 << 16], began[1 << 16];
	char *copy = strdup(text), *rest = copy, *line;
	int tid, next, state, last[64], cpu, i;

	for (i = 0; i < 64; i++)
		last[i] = -1;
	memset(woken, 1, sizeof(woken));
	memset(forked, 0, sizeof(forked));
	memset(began, 0, sizeof(began));
	while ((line = strsep(&rest, "\n"))) {
		if (strstr(line, " sched_process_fork: ")) {
			tid = atoi(value_in(line, "child_tid = ")) & 0xffff;
			must(!began[tid]);
			forked[tid] = 1;
		}
		if (strstr(line, " sched_wakeup: ") ||
		    strstr(line, " sched_wakeup_new: ")) {
			tid = atoi(value_in(line, " tid = ")) & 0xffff;
			woken[tid] = 1;
			began[tid] = 1;
		}
		if (!strstr(line, " sched_switch: "))
			continue;
		cpu = atoi(value_in(line, "cpu_id = "));
		tid = atoi(value_in(line, "prev_tid = "));
		next = atoi(value_in(line, "next_tid = "));
		state = atoi(value_in(line, "prev_state = "));
		must(last[cpu] == -1 || last[cpu] == tid);
		last[cpu] = next;
		if (strstr(line, "prev_comm = \"p"))
			woken[tid & 0xffff] = !state || state == 256;
		began[next & 0xffff] = 1;
		must(woken[next & 0xffff]);
	}
	free(copy);
}

START_TEST(a_trace_is_read_without_a_warning_complete_and_in_causal_order)
{
	unsigned int lost, events;
	struct tool tool;
	const char *text;
	int out;

	tracer_in("");
	tool = recorder("sched,syscall,signal");
	play_both();
	ck_assert_int_eq(set_value("mark", "that was it"), 0);
	interrupt(&tool);
	out = read_trace(FOLDER);
	text = text_of(out);
	events = recorded(&tool, &lost);
	ck_assert_uint_eq(lost, 0);
	ck_assert_uint_eq(count_lines(text, NULL), events);
	ck_assert_uint_eq(all_hits(), events);
	ck_assert_uint_eq(count_lines(text, " syscall_entry_getpgid: "), 2 * ROUNDS);
	ck_assert_uint_eq(count_lines(text, " syscall_exit_getpgid: "), 2 * ROUNDS);
	ck_assert_uint_eq(count_lines(text, "{ id = 121, ret = -3 }"), 2 * ROUNDS);
	ck_assert_uint_eq(count_lines(text, "msg = \"that was it\" }"), 1);
	ck_assert_ptr_nonnull(strstr(text, " lttng_statedump_process_state: "));
	ck_assert_ptr_nonnull(strstr(text, "{ tid = 1, vtid = 1, pid = 1, "));
	is_causal(text);
}
END_TEST

/* The losses that babeltrace2 tells of: "WARNING: Tracer discarded 7 events". */
static unsigned int discarded(const char *text)
{
	static const char says[] = "racer discarded ";
	unsigned int sum = 0;

	while ((text = strstr(text, says))) {
		text += strlen(says);
		sum += atoi(text);
	}
	return sum;
}

START_TEST(losses_are_exact_and_in_the_trace)
{
	unsigned int lost, events;
	struct tool tool, reader;

	tracer_in("");
	tool = tool("record", "-o", FOLDER, "-b", "4096", "-e", "syscall_entry");
	wait_for(value_of("events")[0] != '\n');
	call_often(2000);
	kill(tool.pid, SIGTERM);
	is_killed(tool.pid, SIGTERM);
	events = recorded(&tool, &lost);
	ck_assert_uint_gt(lost, 1000);
	ck_assert_uint_eq(events + lost, all_hits());
	reader = start_tool("/usr/bin/babeltrace2", memory_file(""),
			    memory_file(""),
			    (char *[]){ "babeltrace2", FOLDER, NULL });
	ck_assert_int_eq(finish(reader.pid), 0);
	ck_assert_uint_eq(count_lines(text_of(reader.out), NULL), events);
	ck_assert_uint_eq(discarded(text_of(reader.err)), lost);
}
END_TEST

START_TEST(a_command_is_recorded_and_its_status_is_that_of_the_program)
{
	struct stat folder;
	struct tool tool;
	int out;

	tracer_in("");
	tool = tool("record", "-o", FOLDER, "-e", "sched_process_exec", "--",
		    "/bin/busybox", "sh", "-c", "exit 5");
	ck_assert_int_eq(finish(tool.pid), 5);
	ck_assert_str_eq(value_of("events"), "\n");
	ck_assert(!stat(FOLDER, &folder) && (folder.st_mode & 07777) == 0700);
	out = read_trace(FOLDER);
	ck_assert(has_written(out, "filename = \"/bin/busybox\" }"));
	remove_folder();
	tool = tool("record", "-o", FOLDER, "-e", "sched_process_exec", "--",
		    "/no/such");
	ck_assert_int_eq(finish(tool.pid), 127);
	remove_folder();
	tool = tool("record", "-o", FOLDER, "-e", "sched_process_exec", "-t",
		    "0.1");
	ck_assert_int_eq(finish(tool.pid), GOOD);
}
END_TEST

static int call_as_somebody(void *unused)
{
	(void)unused;
	prctl(PR_SET_NAME, "a\n\"[9]\377 b");
	pause_ms(1);
	call_often(10);
	return 0;
}

START_TEST(a_name_of_any_bytes_forges_nothing)
{
	unsigned int lost;
	struct tool tool;
	int out;

	tracer_in("");
	tool = recorder("sched_switch,syscall_entry");
	ck_assert_int_eq(finish(start(call_as_somebody, NULL)), 0);
	interrupt(&tool);
	out = read_trace(FOLDER);
	ck_assert_uint_eq(count_lines(text_of(out), NULL), recorded(&tool, &lost));
	ck_assert(has_written(out, "\"a\\n\\\"[9]"));
}
END_TEST

START_TEST(what_is_written_opens_when_the_program_is_killed)
{
	struct tool tool;
	int i, out;

	tracer_in("");
	for (i = 0; i < 2; i++) {
		remove_folder();
		tool = recorder("syscall_entry");
		do
			call_often(1000);
		while (!exists(FOLDER "/cpu0") && !exists(FOLDER "/cpu1"));
		call_often(i * 700);
		kill(tool.pid, SIGKILL);
		is_killed(tool.pid, SIGKILL);
		/* Somebody else has seen it, and switches them off. */
		wait_for(value_of("events")[0] == '\n');
		out = read_trace(FOLDER);
		ck_assert(has_written(out, "lttng_statedump"));
	}
}
END_TEST

static bool exists_after_calls(const char *path)
{
	call_often(1000);
	return exists("%s", path);
}

START_TEST(a_trace_is_rotated_into_traces_that_open_by_themselves)
{
	unsigned int lost, events = 0;
	struct tool tool;
	char path[64];
	int i;

	tracer_in("");
	tool = tool("record", "-o", FOLDER, "-e", "syscall", "-r", "64k");
	for (i = 1; i < 3; i++) {
		snprintf(path, sizeof(path), FOLDER "/%d/metadata", i);
		wait_for(exists_after_calls(path));
	}
	interrupt(&tool);
	for (i = 1; snprintf(path, sizeof(path), FOLDER "/%d", i) &&
	     exists("%s", path); i++)
		events += count_lines(text_of(read_trace(path)), NULL);
	ck_assert_uint_eq(events, recorded(&tool, &lost));
}
END_TEST

START_TEST(what_is_wrong_is_said_before_anything_is_recorded)
{
	struct tool tool = tool("record", "-o", FOLDER);

	ck_assert_int_eq(finish(tool.pid), FAILED);
	ck_assert_str_eq(text_of(tool.err),
			 "bufflink-trace: there is no buffer of " TRACER ": load this module\n");
	tracer_in("");
	tool = tool("record", "-o", FOLDER, "-e", "nonsense");
	ck_assert_int_eq(finish(tool.pid), USAGE);
	ck_assert(has_written(tool.err, "'nonsense' has a word that is no event and no group"));
	ck_assert(!exists(FOLDER));
	tool = tool("record", "-o", "/no/such/folder", "-e", "sched");
	ck_assert_int_eq(finish(tool.pid), FAILED);
	ck_assert(has_written(tool.err,
			      "cannot make the folder /no/such/folder for the trace: No such"));
	ck_assert_str_eq(value_of("events"), "\n");
	tool = tool("play");
	ck_assert_int_eq(finish(tool.pid), USAGE);
}
END_TEST

START_TEST(list_and_status_tell_what_is_on_and_what_came)
{
	struct tool tool;

	tracer_in("events=syscall_entry");
	call_often(3);
	tool = tool("list");
	ck_assert_int_eq(finish(tool.pid), GOOD);
	ck_assert(has_written(tool.out, "syscall  syscall_entry                    on\n"));
	ck_assert(has_written(tool.out, "syscall  syscall_exit                     off\n"));
	tool = tool("status");
	ck_assert_int_eq(finish(tool.pid), GOOD);
	ck_assert(has_written(tool.out, "on: syscall_entry\n"));
	ck_assert(has_written(tool.out, "\nsyscall_entry "));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trace program");

	if (!can_trace())
		return run_suite(suite);
	add_trace_case(suite, "program",
		       values_and_counts_are_those_of_ftrace,
		       a_trace_is_read_without_a_warning_complete_and_in_causal_order,
		       losses_are_exact_and_in_the_trace,
		       a_command_is_recorded_and_its_status_is_that_of_the_program,
		       a_name_of_any_bytes_forges_nothing,
		       what_is_written_opens_when_the_program_is_killed,
		       a_trace_is_rotated_into_traces_that_open_by_themselves,
		       what_is_wrong_is_said_before_anything_is_recorded,
		       list_and_status_tell_what_is_on_and_what_came);
	return run_suite(suite);
}
