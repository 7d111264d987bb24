// SPDX-License-Identifier: GPL-2.0-only
/* bufflink-trace: what babeltrace2 reads of its traces, and what becomes of them. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tracer.h"

#define ROUNDS		50
#define FLAT_OUT	120000	/* calls of each CPU: more than its buffer has room for */
#define THREADS		1100
#define SMALL		"/tmp/small"	/* a disk that is soon full */

/* where a packet has these; what is behind its head are events */
enum { CONTENT_SIZE = 48, DISCARDED = 72, PACKET_HEAD = 84 };

static void remove_folder(void)
{
	pid_t pid = start_tool("/bin/busybox", memory_file(""), memory_file(""),
			       (char *[]){ "rm", "-rf", FOLDER, NULL }).pid;

	ck_assert_int_eq(finish(pid), 0);
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

/* The program's last line: "/tmp/trace: 12 events, 12 KiB, 0 lost" */
static unsigned int recorded(const struct tool *tool, unsigned int *lost)
{
	const char *line = strstr(text_of(tool->err), FOLDER ": ");
	unsigned int count;

	ck_assert_msg(line && sscanf(line, FOLDER ": %u events, %*f %*[KMG]iB, %u lost",
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

/* The latest time that babeltrace2 says there were losses before. */
static double end_of_losses(const char *text)
{
	double time, latest = 0;

	while ((text = strstr(text, "] and ["))) {
		text += strlen("] and [");
		time = atof(text);
		latest = time > latest ? time : latest;
	}
	return latest;
}

static bool calls_fill_a_packet(const char *path)
{
	struct stat file;

	call_often(100);
	return !stat(path, &file) && file.st_size > PAGE;
}

START_TEST(losses_behind_the_last_event_are_told_there)
{
	struct tool tool, reader;
	struct timespec time;

	tracer_in("");
	tool = tool("record", "-o", FOLDER, "-b", "4096", "-e", "syscall_entry");
	wait_for(value_of("events")[0] != '\n' && exists(FOLDER "/metadata"));
	pin(0);
	wait_for(calls_fill_a_packet(FOLDER "/cpu0"));
	kill(tool.pid, SIGSTOP);
	call_often(500);
	pause_ms(10);
	clock_gettime(CLOCK_REALTIME, &time);
	call_often(10);
	ck_assert_int_eq(set_value("events", "\n"), 0);
	kill(tool.pid, SIGCONT);
	interrupt(&tool);
	reader = start_tool("/usr/bin/babeltrace2", memory_file(""),
			    memory_file(""), (char *[]){ "babeltrace2",
			    "--clock-seconds", FOLDER, NULL });
	ck_assert_int_eq(finish(reader.pid), 0);
	ck_assert_double_gt(end_of_losses(text_of(reader.err)),
			    time.tv_sec + time.tv_nsec / 1e9);
}
END_TEST

/* Events of a fixed size in a stream, and what its last packet says is missing */
static __u64 count_stream(const char *path, __u64 *lost)
{
	const size_t event = sizeof(struct trace_syscall_entry) - TRACE_SKIP;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char packet[PAGE];
	__u64 bits, missing = 0, events = 0;

	while (fd >= 0 && read(fd, packet, sizeof(packet)) == sizeof(packet)) {
		memcpy(&bits, packet + CONTENT_SIZE, sizeof(bits));
		memcpy(&missing, packet + DISCARDED, sizeof(missing));
		must((bits / 8 - PACKET_HEAD) % event == 0);
		events += (bits / 8 - PACKET_HEAD) / event;
	}
	close(fd);
	*lost += missing;
	return events;
}

static int call_flat_out(void *cpu)
{
	pin((long)cpu);
	call_often(FLAT_OUT);
	return 0;
}

START_TEST(all_cpus_flat_out_lose_nothing_that_is_not_told)
{
	__u64 events = 0, lost = 0;
	struct tool tool;
	char path[64];
	pid_t pids[64];
	long cpu;

	tracer_in("");
	tool = tool("record", "-o", FOLDER, "-b", "8M", "-e", "syscall_entry");
	wait_for(value_of("events")[0] != '\n' && exists(FOLDER "/metadata"));
	for (cpu = 0; cpu < cpus(); cpu++)
		pids[cpu] = start(call_flat_out, (void *)cpu);
	for (cpu = 0; cpu < cpus(); cpu++)
		ck_assert_int_eq(finish(pids[cpu]), 0);
	interrupt(&tool);
	for (cpu = 0; cpu < cpus(); cpu++) {
		snprintf(path, sizeof(path), FOLDER "/cpu%ld", cpu);
		events += count_stream(path, &lost);
	}
	ck_assert_uint_ge(all_hits(), cpus() * FLAT_OUT);
	ck_assert_uint_eq(events + lost, all_hits());
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

/* It goes to the command; the trace does not need it. */
START_TEST(a_trace_is_whole_wherever_standard_output_goes)
{
	char closed[] = "exec " TOOL " record -o " FOLDER
			" -e sched_process_exec -t 0.1 >&-";
	struct tool tool;
	int ends[2];

	tracer_in("");
	tool = start_shell(memory_file(""), memory_file(""), closed);
	ck_assert_msg(finish(tool.pid) == GOOD, "%s", text_of(tool.err));
	remove_folder();
	signal(SIGPIPE, SIG_DFL);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	tool = tool_to(ends[1], "record", "-o", FOLDER, "-e",
		       "sched_process_exec", "--", "/bin/busybox", "sh", "-c",
		       "exit 5");
	ck_assert_msg(finish(tool.pid) == 5, "%s", text_of(tool.err));
	close(ends[1]);
	ck_assert(has_written(read_trace(FOLDER),
			      "filename = \"/bin/busybox\" }"));
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

START_TEST(a_trace_opens_when_the_program_is_killed)
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

static bool stream_has(const char *text)
{
	char path[64], data[PAGE];
	bool found = false;
	unsigned int cpu;
	int fd;

	for (cpu = 0; cpu < cpus() && !found; cpu++) {
		snprintf(path, sizeof(path), FOLDER "/cpu%u", cpu);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		found = fd >= 0 && read(fd, data, sizeof(data)) > 0 &&
			memmem(data, sizeof(data), text, strlen(text));
		close(fd);
	}
	return found;
}

START_TEST(an_event_is_written_also_if_no_other_comes)
{
	struct tool tool;

	tracer_in("");
	tool = recorder("sched_process_exec");
	ck_assert_int_eq(system("/bin/busybox true"), 0);
	wait_for(stream_has("/bin/busybox"));
	interrupt(&tool);
}
END_TEST

static int run_in_group(void *tool)
{
	setpgid(0, 0);
	run_tool(tool);
	return finish(((struct tool *)tool)->pid);
}

START_TEST(events_are_switched_off_when_a_key_of_the_terminal_kills_the_program)
{
	struct tool tool = {
		.path = TOOL, .in = memory_file(""), .out = memory_file(""),
		.err = memory_file(""),
		.argv = (char *[]){ "bufflink-trace", "record", "-o", FOLDER,
				    "-e", "sched_process_exec", NULL },
	};
	pid_t group;

	tracer_in("");
	group = start(run_in_group, &tool);
	wait_for(value_of("events")[0] != '\n');
	ck_assert_int_eq(kill(-group, SIGQUIT), 0);
	is_killed(group, SIGQUIT);
	wait_for(value_of("events")[0] == '\n');
}
END_TEST

START_TEST(a_full_disk_is_told_and_the_trace_on_it_opens)
{
	struct tool tool;
	int out;

	ck_assert(!mkdir(SMALL, 0700));
	ck_assert(!mount("small", SMALL, "tmpfs", 0, "size=128k"));
	tracer_in("");
	tool = tool("record", "-o", SMALL "/trace", "-e", "syscall");
	wait_for(value_of("events")[0] != '\n');
	call_often(5000);
	ck_assert_int_eq(finish(tool.pid), FAILED);
	ck_assert(has_written(tool.err, "cannot write all of the trace to " SMALL
			      "/trace/cpu"));
	ck_assert(has_written(tool.err, ": No space left on device\n"));
	ck_assert_str_eq(value_of("events"), "\n");
	out = read_trace(SMALL "/trace");
	ck_assert(has_written(out, " syscall_entry_getpgid: "));
	ck_assert(!umount(SMALL));
	rmdir(SMALL);
}
END_TEST

START_TEST(a_module_that_is_unloaded_is_told_and_all_until_then_opens)
{
	struct tool tool;
	int out;

	tracer_in("");
	tool = recorder("syscall");
	call_often(1000);
	ck_assert_int_eq(unload(TRACER), 0);
	ck_assert_int_eq(finish(tool.pid), FAILED);
	ck_assert(has_written(tool.err, "was unloaded; what was read until then is in "
			      FOLDER "\n"));
	out = read_trace(FOLDER);
	ck_assert_uint_ge(count_lines(text_of(out), " syscall_exit_getpgid: "), 1000);
}
END_TEST

/* To dump the state is a lot of calls: these would fill one trace after the other. */
static bool exists_after_marks(const char *path)
{
	char text[TRACE_TEXT];
	int i;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (i = 0; i < 50; i++)
		set_value("mark", text);
	return exists("%s", path);
}

START_TEST(a_trace_is_rotated_into_traces_that_open_by_themselves)
{
	unsigned int lost, events = 0;
	struct tool tool;
	char path[64];
	int i;

	tracer_in("");
	tool = tool("record", "-o", FOLDER, "-e", "sched_process_exec",
		    "-r", "64k");
	for (i = 1; i < 3; i++) {
		snprintf(path, sizeof(path), FOLDER "/%d/metadata", i);
		wait_for(exists_after_marks(path));
	}
	interrupt(&tool);
	for (i = 1; snprintf(path, sizeof(path), FOLDER "/%d", i) &&
	     exists("%s", path); i++)
		events += count_lines(text_of(read_trace(path)), NULL);
	ck_assert_uint_eq(events, recorded(&tool, &lost));
}
END_TEST

static void *wait_for_ever(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return NULL;
}

static int start_threads(void *unused)
{
	pthread_t thread;
	int i;

	(void)unused;
	for (i = 0; i < THREADS; i++)
		must(!pthread_create(&thread, NULL, wait_for_ever, NULL));
	raise(SIGSTOP);
	return 0;
}

/* Their state alone has more than 64 KiB. */
START_TEST(the_state_at_the_start_fills_no_trace)
{
	pid_t threads = start(start_threads, NULL);
	struct tool tool;
	int status;

	ck_assert_int_eq(waitpid(threads, &status, WUNTRACED), threads);
	tracer_in("");
	tool = tool("record", "-o", FOLDER, "-e", "sched_process_exec", "-r", "64k");
	wait_for(exists(FOLDER "/1/state0"));
	ck_assert_int_eq(system("/bin/busybox true"), 0);
	pause_ms(MOMENT_MS);
	interrupt(&tool);
	kill(threads, SIGKILL);
	is_killed(threads, SIGKILL);
	ck_assert(!exists(FOLDER "/2"));
}
END_TEST

START_TEST(a_mistake_is_told_before_anything_is_recorded)
{
	struct tool tool = tool("record", "-o", FOLDER);

	ck_assert_int_eq(finish(tool.pid), FAILED);
	ck_assert_str_eq(text_of(tool.err),
			 "bufflink-trace: there is no buffer of " TRACER ": load this module\n");
	tracer_in("");
	misuse(tool("record", "-o", FOLDER, "-e", "nonsense"),
	       "'nonsense' has a word that is no event and no group");
	ck_assert(!exists(FOLDER));
	misuse(tool("record", "-b", "18446744073709551616"),
	       "--buffer: '18446744073709551616' is not a number of bytes, ");
	misuse(tool("record", "-b", "17179869183G"),
	       "--buffer: 18446744072635809792 bytes for each of ");
	tool = tool("record", "-b", "1048576G");
	ck_assert_int_eq(finish(tool.pid), FAILED);
	ck_assert(has_written(tool.err, "cannot resize /dev/bufflink0 to "));
	misuse(tool("record", "-r", "99999999999999999999"),
	       "--rotate: '99999999999999999999' is not a number of bytes, ");
	misuse(tool("record", "-r", "1000001s"),
	       "--rotate: '1000001' is not a number of seconds, ");
	misuse(tool("record", "-t", "99999999999999999999"),
	       "--time: '99999999999999999999' is not a number of seconds, ");
	tool = tool("record", "-o", "/no/such/folder", "-e", "sched");
	ck_assert_int_eq(finish(tool.pid), FAILED);
	ck_assert(has_written(tool.err,
			      "cannot make the folder /no/such/folder for the trace: No such"));
	ck_assert_str_eq(value_of("events"), "\n");
	misuse(tool("record", "-o", "--", "true"),
	       ": -o: no argument given: -- begins a command\n");
	ck_assert(!exists("--"));
	misuse(tool("play"),
	       ": 'play' is no command: use record, list or status\n");
}
END_TEST

static void prints(struct tool tool, const char *beginning)
{
	ck_assert_int_eq(finish(tool.pid), GOOD);
	ck_assert_str_eq(text_of(tool.err), "");
	ck_assert_int_eq(strncmp(text_of(tool.out), beginning,
				 strlen(beginning)), 0);
}

START_TEST(each_command_has_help)
{
	struct tool tool;

	prints(tool("help"), "Usage: bufflink-trace COMMAND ");
	prints(tool("help", "record"), "Usage: bufflink-trace record ");
	prints(tool("help", "list"), "Usage: bufflink-trace list\n");
	prints(tool("status", "--help"), "Usage: bufflink-trace status\n");
	prints(tool("record", "-V"), "bufflink-trace ");
	tool = tool("help", "play");
	ck_assert_int_eq(finish(tool.pid), USAGE);
}
END_TEST

/* It has no descriptor left to look with. */
START_TEST(status_does_not_say_that_a_module_is_missing_if_it_cannot_know)
{
	char script[] = "ulimit -n 3; exec " TOOL " status";
	struct tool tool;

	tracer_in("");
	tool = start_shell(memory_file(""), memory_file(""), script);
	ck_assert_int_eq(finish(tool.pid), FAILED);
	ck_assert_str_eq(text_of(tool.err),
			 "bufflink-trace: cannot read /sys/class/misc: Too many open files\n");
}
END_TEST

START_TEST(list_and_status_tell_of_active_events_and_of_those_that_came)
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

	if (!has_tracepoints())
		return run_suite(suite);
	add_trace_case(suite, "program",
		       a_trace_is_read_without_a_warning_complete_and_in_causal_order,
		       losses_are_exact_and_in_the_trace,
		       losses_behind_the_last_event_are_told_there,
		       all_cpus_flat_out_lose_nothing_that_is_not_told,
		       a_command_is_recorded_and_its_status_is_that_of_the_program,
		       a_trace_is_whole_wherever_standard_output_goes,
		       a_name_of_any_bytes_forges_nothing,
		       a_trace_opens_when_the_program_is_killed,
		       an_event_is_written_also_if_no_other_comes,
		       events_are_switched_off_when_a_key_of_the_terminal_kills_the_program,
		       a_full_disk_is_told_and_the_trace_on_it_opens,
		       a_module_that_is_unloaded_is_told_and_all_until_then_opens,
		       a_trace_is_rotated_into_traces_that_open_by_themselves,
		       the_state_at_the_start_fills_no_trace,
		       a_mistake_is_told_before_anything_is_recorded,
		       each_command_has_help,
		       status_does_not_say_that_a_module_is_missing_if_it_cannot_know,
		       list_and_status_tell_of_active_events_and_of_those_that_came);
	return run_suite(suite);
}
