// SPDX-License-Identifier: GPL-2.0-only
/* The client of the kernel's log: what it takes, what it loses, its program. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "bufflink_klog.h"
#include "device.h"
#include "tool.h"

#define KLOG		BUFFLINK_KLOG_OWNER
#define LARGE		"size=16777216"
#define FLOOD		6000	/* more than Debian's log holds */
#define FLOODERS	8
#define PREFIX_MAX	40
#define PIPE_SIZE	65536
#define CONSOLE_LEVEL	8	/* of klogctl() */
#define CLEAR		5

static char log_data[1 << 25];	/* what the test has read and not parsed */

struct log {
	int fd;
	int number;		/* of its device */
	size_t start;
	size_t end;
	unsigned long long sequence;	/* of the last message */
	unsigned long long by_log;	/* messages that it lost */
	unsigned long long refused;	/* ... and that the buffer lost */
	bool has_begun;
};

struct message {
	unsigned long long sequence;
	unsigned long long by_log;	/* lost before it */
	unsigned long long by_buffer;
	unsigned int priority;
	char time[32];		/* with its brackets; empty if there is none */
	char text[BUFFLINK_KLOG_MESSAGE_MAX];
};

static struct message message;

/* the kernel's side */

static void setting(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);

	ck_assert_msg(fd >= 0, "%s: %m", path);
	ck_assert_int_gt(write(fd, value, strlen(value)), 0);
	close(fd);
}

static void klog_out(void)
{
	int err = unload(KLOG);

	ck_assert(!err || err == -ENOENT);
}

/* Nothing of a flood goes to the console, which is slow. */
static void klog_setup(void)
{
	producer_setup();
	klog_out();
	create_buffer(0, PAGE);		/* the producer wants to have one */
	ck_assert_int_eq(klogctl(CONSOLE_LEVEL, NULL, 1), 0);
	setting("/proc/sys/kernel/printk_devkmsg", "on\n");
	setting("/sys/module/printk/parameters/time", "Y\n");
}

static void klog_teardown(void)
{
	setting("/sys/module/printk/parameters/time", "Y\n");
	klogctl(CONSOLE_LEVEL, NULL, 7);
	klog_out();
	producer_teardown();
}

static struct log load_klog(const char *parameters)
{
	struct log log = { };
	char owner[64];

	ck_assert_int_eq(load(KLOG, parameters), 0);
	do {
		log.number++;		/* 0 is the producer's */
		sysfs_read(log.number, "owner", owner, sizeof(owner));
	} while (strcmp(owner, KLOG));
	log.fd = open_buffer(log.number, O_RDONLY | O_NONBLOCK);
	return log;
}

/* The program is to be the only reader: meanwhile this is to ask, not to read. */
static void stop_reading(struct log *log)
{
	close(log->fd);
	log->fd = open_buffer(log->number, O_WRONLY);
}

static void read_again(struct log *log)
{
	close(log->fd);
	log->fd = open_buffer(log->number, O_RDONLY | O_NONBLOCK);
}

static struct log load_for_program(const char *parameters)
{
	struct log log = load_klog(parameters);

	stop_reading(&log);
	return log;
}

static void write_kmsg(const char *text)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void print(enum producer_context context, const char *text)
{
	struct producer_run one = {
		.call = PRODUCER_PRINTK, .context = context, .count = 1,
		.data = (uintptr_t)text,
		.size_min = strlen(text), .size_max = strlen(text),
	};

	run(&one);
}

/* the stream */

/* Without its prefixes, which are the same on each line. */
static void take_text(const char *text, size_t size)
{
	const char *line = text, *end = text + size;
	char start[PREFIX_MAX + 1] = "";
	size_t length = 0;
	int prefix = 0;
	int time = 0;

	/* sscanf() would look for the end of all that was read */
	memcpy(start, text, size < PREFIX_MAX ? size : PREFIX_MAX);
	ck_assert_int_eq(sscanf(start, "<%u>%n", &message.priority, &prefix),
			 1);
	sscanf(start + prefix, "[%*[ 0-9.]]%n", &time);
	memcpy(message.time, start + prefix, time);
	message.time[time] = '\0';
	if (time)
		prefix += time + 1;
	while (line < end) {
		ck_assert_int_eq(memcmp(line, text, prefix), 0);
		for (line += prefix; *line != '\n'; line++)
			message.text[length++] = *line;
		message.text[length++] = *line++;
	}
	message.text[length - 1] = '\0';
}

static bool parse(struct log *log)
{
	const char *data = log_data + log->start;
	size_t size = log->end - log->start;
	char start[BUFFLINK_KLOG_HEADER_MAX + 1] = "";
	unsigned int length;
	int header = 0;

	memcpy(start, data, size < BUFFLINK_KLOG_HEADER_MAX ? size :
			    BUFFLINK_KLOG_HEADER_MAX);
	if (!memchr(start, ';', sizeof(start)))
		return false;
	ck_assert_int_eq(sscanf(start, BUFFLINK_KLOG_HEADER "%n", &length,
				&message.sequence, &message.by_log,
				&message.by_buffer, &header), 4);
	if (size < header + length)
		return false;
	take_text(data + header, length);
	log->start += header + length;
	return true;
}

/* The next message, in order; false if there is none now. */
static bool next(struct log *log)
{
	ssize_t got;

	while (!parse(log)) {
		if (log->start == log->end) {
			log->start = 0;
			log->end = 0;
		}
		got = read(log->fd, log_data + log->end,
			   sizeof(log_data) - log->end);
		if (got <= 0)
			return false;
		log->end += got;
	}
	if (log->has_begun)
		ck_assert_uint_eq(message.sequence, log->sequence + 1 +
				  message.by_log + message.by_buffer);
	log->by_log += message.by_log;
	log->refused += message.by_buffer;
	log->has_begun = true;
	log->sequence = message.sequence;
	return true;
}

static void wait_next(struct log *log)
{
	__u64 end = now_ms() + PATIENCE_MS;

	while (!next(log)) {
		ck_assert_msg(now_ms() < end, "no message after %llu",
			      log->sequence);
		poll_for(log->fd, POLLIN, 100);
	}
}

static void wait_for_text(struct log *log, const char *text)
{
	do {
		wait_next(log);
	} while (strcmp(message.text, text));
}

static void is_complete(const struct log *log)
{
	ck_assert_uint_eq(log->by_log, 0);
	ck_assert_uint_eq(log->refused, 0);
	ck_assert_uint_eq(sysfs_value(log->number, "lost_records"), 0);
}

/* /dev/kmsg, to compare with */

struct kmsg {
	int fd;
	unsigned long long sequence;
	unsigned long long time;	/* microseconds */
	unsigned int priority;
	char text[8192 + 1];		/* as it was printed */
	char record[8192 + 1];
};

static struct kmsg kmsg;

static void open_kmsg(int whence)
{
	kmsg.fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(kmsg.fd, 0);
	ck_assert_int_eq(lseek(kmsg.fd, 0, whence), 0);
}

/* false if there is none now */
static bool next_kmsg(void)
{
	ssize_t got = read(kmsg.fd, kmsg.record, sizeof(kmsg.record) - 1);
	char *out = kmsg.text;
	unsigned int byte;
	const char *in;

	if (got < 0)
		return false;
	kmsg.record[got] = '\0';
	ck_assert_int_eq(sscanf(kmsg.record, "%u,%llu,%llu,", &kmsg.priority,
				&kmsg.sequence, &kmsg.time), 3);
	for (in = strchr(kmsg.record, ';') + 1; *in != '\n'; out++) {
		if (sscanf(in, "\\x%2x", &byte) == 1)
			in += 4;
		else
			byte = *in++;
		*out = byte;
	}
	*out = '\0';
	return true;
}

static void kmsg_has_lost(void)
{
	char record[8192];

	ck_assert_int_eq(read(kmsg.fd, record, sizeof(record)), -1);
	ck_assert_int_eq(errno, EPIPE);
	close(kmsg.fd);
}

/* a flood */

static int flood_context(void *arg)
{
	struct producer_run *flood = arg;

	pin(flood->cpu);
	run(flood);
	return 0;
}

static int flood_from_program(void *unused)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	char text[64];
	int i;

	(void)unused;
	for (i = 0; i < FLOOD / 2; i++) {
		sprintf(text, "<14>flood %d %d\n", FLOODERS, i);
		if (write(fd, text, strlen(text)) < 0)
			return 1;
	}
	return 0;
}

static const enum producer_context flood_contexts[] = {
	PRODUCER_PROCESS, PRODUCER_SOFTIRQ, PRODUCER_HARDIRQ, PRODUCER_PROCESS,
#if PRODUCER_NMIS
	PRODUCER_NMI,
#endif
};

#define CONTEXTS	(sizeof(flood_contexts) / sizeof(*flood_contexts))

/* In all contexts at once, on all CPUs. NMIs are slow to send. */
static void flood(void)
{
	struct producer_run floods[CONTEXTS];
	pid_t pids[CONTEXTS + 1];
	size_t i;

	for (i = 0; i < CONTEXTS; i++) {
		floods[i] = (struct producer_run) {
			.call = PRODUCER_PRINTK, .context = flood_contexts[i],
			.cpu = i % cpus(), .id = i, .gap_us = 1, .burst = 100,
			.count = FLOOD / 2, .size_min = 1, .size_max = 1,
		};
		if (flood_contexts[i] == PRODUCER_NMI)
			floods[i].count = FLOOD / 100;
		pids[i] = start(flood_context, &floods[i]);
	}
	pids[i] = start(flood_from_program, NULL);
	for (i = 0; i <= CONTEXTS; i++)
		ck_assert_int_eq(finish(pids[i]), 0);
}

/* Each context's messages are in its order. */
static void check_flood(struct log *log)
{
	unsigned int after[FLOODERS + 1] = { };
	unsigned int id, sequence, seen = 0;

	write_kmsg("<13>the end\n");
	do {
		wait_next(log);
		if (sscanf(message.text, "flood %u %u", &id, &sequence) != 2)
			continue;
		ck_assert_uint_le(id, FLOODERS);
		ck_assert_uint_ge(sequence, after[id]);
		after[id] = sequence + 1;
		seen++;
	} while (strcmp(message.text, "the end"));
	ck_assert_uint_gt(seen, FLOOD);
}

/* the module */

START_TEST(it_begins_with_what_the_log_already_holds)
{
	struct log log;
	char time[32];

	write_kmsg("<13>this was before, \x1b and \xff\n");
	log = load_klog(LARGE);
	open_kmsg(SEEK_SET);
	ck_assert(next_kmsg());
	do {
		do {
			wait_next(&log);
		} while (message.sequence < kmsg.sequence);
		ck_assert_uint_eq(message.sequence, kmsg.sequence);
		ck_assert_uint_eq(message.priority, kmsg.priority);
		ck_assert_str_eq(message.text, kmsg.text);
		sprintf(time, "[%5llu.%06llu]", kmsg.time / 1000000,
			kmsg.time % 1000000);
		ck_assert_str_eq(message.time, time);
	} while (next_kmsg());
	ck_assert_int_eq(errno, EAGAIN);
	is_complete(&log);
}
END_TEST

START_TEST(it_has_every_level_also_what_the_console_suppresses)
{
	struct log log = load_klog(LARGE);
	char text[32];
	int level;

	for (level = 0; level < 8; level++) {
		sprintf(text, "\001%dlevel %d\n", level, level);
		print(PRODUCER_PROCESS, text);
		*strchr(text, '\n') = '\0';
		wait_for_text(&log, text + 2);
		ck_assert_uint_eq(message.priority, level);
	}
}
END_TEST

START_TEST(a_message_comes_at_once_from_any_context)
{
	struct log log = load_klog(LARGE);
	char text[32];
	size_t i;

	for (i = 0; i < CONTEXTS; i++) {
		sprintf(text, "context %zu\n", i);
		print(flood_contexts[i], text);
		*strchr(text, '\n') = '\0';
		wait_for_text(&log, text);
	}
}
END_TEST

START_TEST(a_message_of_several_lines_is_one)
{
	struct log log = load_klog(LARGE);

	print(PRODUCER_PROCESS, "\0015first\nsecond\n");
	wait_for_text(&log, "first\nsecond");
	ck_assert_uint_eq(message.priority, 5);
}
END_TEST

START_TEST(a_message_that_is_continued_comes_when_it_is_whole)
{
	struct log log = load_klog(LARGE);

	print(PRODUCER_PROCESS, "\0014one,");
	pause_ms(MOMENT_MS);
	while (next(&log))
		ck_assert_ptr_null(strstr(message.text, "one,"));
	print(PRODUCER_PROCESS, "\001c two\n");
	wait_for_text(&log, "one, two");
}
END_TEST

START_TEST(nothing_of_a_flood_from_all_contexts_is_lost)
{
	struct log log = load_klog(LARGE);

	open_kmsg(SEEK_END);
	flood();
	kmsg_has_lost();
	check_flood(&log);
	is_complete(&log);
}
END_TEST

START_TEST(nothing_of_a_burst_with_interrupts_off_is_lost)
{
	struct producer_run burst = {
		.call = PRODUCER_PRINTK, .context = PRODUCER_HARDIRQ,
		.count = FLOOD, .burst = FLOOD, .size_min = 1, .size_max = 1,
	};
	struct log log = load_klog(LARGE);
	unsigned int i, id, sequence;

	open_kmsg(SEEK_END);
	run(&burst);
	kmsg_has_lost();
	wait_for_text(&log, "flood 0 0");
	for (i = 1; i < FLOOD; i++) {
		wait_next(&log);
		if (sscanf(message.text, "flood %u %u", &id, &sequence) != 2)
			i--;	/* the kernel's: this has taken long */
		else
			ck_assert_uint_eq(sequence, i);
	}
	is_complete(&log);
}
END_TEST

START_TEST(a_small_buffer_lost_exactly_what_is_missing)
{
	struct log log = load_klog("size=65536");
	struct producer_run run_1 = {
		.call = PRODUCER_PRINTK, .count = FLOOD / 6,
		.size_min = 1, .size_max = 1,
	};
	struct bufflink_loss lost = { };
	int i, j;

	for (i = 0; i < 4; i++) {
		run(&run_1);
		for (j = 0; j < 300; j++)
			wait_next(&log);
	}
	flood();
	while (next(&log))
		;
	write_kmsg("<13>room again\n");
	wait_for_text(&log, "room again");

	lost = loss(log.fd);
	ck_assert_uint_gt(lost.records, FLOOD);
	ck_assert_uint_eq(log.refused, lost.records);
	ck_assert_uint_eq(log.by_log, 0);
	ck_assert_uint_eq(sysfs_value(log.number, "lost_records"),
			  lost.records);
}
END_TEST

static int flood_for_ever(void *arg)
{
	while (!flood_context(arg))
		;
	return 0;
}

static void start_floods(pid_t pids[2])
{
	static struct producer_run floods[2] = {
		{ .context = PRODUCER_HARDIRQ, .gap_us = 500, .burst = 10 },
		{ .context = PRODUCER_PROCESS, .gap_us = 20, .cpu = 1 },
	};
	int i;

	for (i = 0; i < 2; i++) {
		floods[i].call = PRODUCER_PRINTK;
		floods[i].id = i;
		floods[i].count = 1000;
		floods[i].size_min = 1;
		floods[i].size_max = 1;
		pids[i] = start(flood_for_ever, &floods[i]);
	}
}

static void stop_floods(pid_t pids[2])
{
	int i;

	for (i = 0; i < 2; i++) {
		ck_assert(!finished(pids[i], 0));
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
}

/* That always patches code, see keep_traced(). */
static bool has_kprobe(void)
{
	unsigned int major, minor;
	struct utsname name;

	ck_assert_int_eq(uname(&name), 0);
	ck_assert_int_eq(sscanf(name.release, "%u.%u", &major, &minor), 2);
	return major < 6 || (major == 6 && minor < 5);
}

static const char * const tracepoints[] = { "printk/console", NULL };

START_TEST(it_is_unloaded_at_any_moment)
{
	bool calm = has_kprobe() || !keep_traced(tracepoints);
	struct log log;
	pid_t pids[2];
	pid_t reader;

	if (!calm)
		start_floods(pids);
	log = load_klog(LARGE);
	if (calm)
		start_floods(pids);
	wait_next(&log);
	reader = start(read_to_the_end, &log.fd);
	pause_ms(_i);
	if (calm)
		stop_floods(pids);
	ck_assert_int_eq(unload(KLOG), 0);
	ck_assert_int_eq(finish(reader), 0);
	ck_assert_int_eq(readable(log.fd), 0);	/* nothing comes after it */
	if (!calm) {
		stop_floods(pids);
		stop_tracing(tracepoints);
	}
}
END_TEST

START_TEST(without_memory_it_leaves_nothing_behind)
{
	ck_assert_int_eq(load(KLOG, "size=1099511627776"), -ENOMEM);
	ck_assert(!exists("/dev/bufflink1"));
	ck_assert_int_eq(unload(KLOG), -ENOENT);
}
END_TEST

START_TEST(only_root_gets_at_it)
{
	struct log log = load_klog(LARGE);
	struct stat stat;

	ck_assert_int_eq(fstat(log.fd, &stat), 0);
	ck_assert_uint_eq(stat.st_mode & 0777, 0600);
	ck_assert_int_eq(lstat("/sys/module/" KLOG "/parameters/size", &stat),
			 0);
	ck_assert_uint_eq(stat.st_mode & 0777, 0400);
}
END_TEST

/* the program */

#define program_to(out, ...)						\
	start_tool("/t/bufflink-klog", memory_file(""), out,		\
		   (char *[]){ "bufflink-klog", ##__VA_ARGS__, NULL })
#define program(...)	program_to(memory_file(""), ##__VA_ARGS__)

/* What it has printed when it ended with this status. */
static const char *output(struct tool program, int status)
{
	int really = finish(program.pid);

	ck_assert_msg(really == status, "status %d: %s", really,
		      text_of(program.err));
	return text_of(program.out);
}

static void fails(struct tool program, int status, const char *message)
{
	int really = finish(program.pid);
	const char *text = text_of(program.err);

	ck_assert_msg(!strncmp(text, message, strlen(message)), "%s", text);
	ck_assert_int_eq(really, status);
	ck_assert_str_eq(text_of(program.out), "");
}

/* The line that has this text, from its start; fails if there is none. */
static const char *line_with(const char *text, const char *part)
{
	static char line[8192];
	const char *start = strstr(text, part);

	ck_assert_msg(start, "no '%s'", part);
	while (start > text && start[-1] != '\n')
		start--;
	ck_assert(sscanf(start, "%8191[^\n]", line) == 1);
	return line;
}

START_TEST(json_has_the_dictionary)
{
	char expected[256], subsystem[64], name[64];
	const char *line, *dictionary;

	load_for_program(LARGE);
	open_kmsg(SEEK_SET);
	do {
		if (!next_kmsg())
			return;		/* this kernel has no such device */
		dictionary = strstr(kmsg.record, "\n SUBSYSTEM=");
	} while (!dictionary ||
		 sscanf(dictionary, "\n SUBSYSTEM=%63s\n DEVICE=%63s",
			subsystem, name) != 2);

	snprintf(expected, sizeof(expected), "{\"seq\":%llu,", kmsg.sequence);
	line = line_with(output(program("--json", "-f"), GOOD), expected);
	snprintf(expected, sizeof(expected),
		 ",\"subsystem\":\"%s\",\"device\":\"%s\"}", subsystem, name);
	ck_assert_ptr_nonnull(strstr(line, expected));
}
END_TEST

START_TEST(json_is_valid)
{
	const char *string = "\"([^\"\\[:cntrl:]]|\\\\[\"\\\\bfnrt]|\\\\u[0-9a-f]{4})*\"";
	const char *number = "[0-9]+(\\.[0-9]+)?";
	const char *expected =
		"\"text\":\"a\\\"b\\\\c\\u001b\\n \xc3\xa9 \\\\xc3 \\\\xed\\\\xa0\\\\x80\"}";
	const char *line;
	char pattern[512], member[200];
	unsigned int lines = 0;
	regex_t regex;

	snprintf(member, sizeof(member), "\"[a-z_]+\":(%s|%s)", number,
		 string);
	snprintf(pattern, sizeof(pattern), "^\\{%s(,%s)*\\}$", member, member);
	ck_assert_int_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	load_for_program(LARGE);
	print(PRODUCER_PROCESS, "\0013a\"b\\c\033\n \xc3\xa9 \xc3 \xed\xa0\x80\n");

	line = output(program("--json", "--no-wait"), GOOD);
	ck_assert_ptr_nonnull(strstr(line_with(line, "a\\\"b"), expected));
	for (; *line; line = strchr(line, '\n') + 1, lines++) {
		char copy[8192];

		ck_assert_int_eq(sscanf(line, "%8191[^\n]", copy), 1);
		ck_assert_msg(!regexec(&regex, copy, 0, NULL, 0), "%s", copy);
	}
	ck_assert_uint_gt(lines, 50);
	regfree(&regex);
}
END_TEST

START_TEST(the_program_prints_as_dmesg_does)
{
	struct log log = load_for_program(LARGE);
	const char *text, *line;
	char number[16];

	print(PRODUCER_PROCESS, "\0013one \033[31m \xc3\xa9 \xff \xc2\x9b\ntwo\n");
	write_kmsg("<30>a daemon speaks\n");
	write_kmsg("<98>number 12 has no name\n");
	snprintf(number, sizeof(number), "%d", log.number);

	text = output(program("-x", "-f", number), GOOD);
	line = line_with(text, "one ");
	ck_assert_int_eq(strncmp(line, "kern  :err   : [", 16), 0);
	ck_assert_ptr_nonnull(strstr(line, "] one \\x1b[31m \xc3\xa9 \\xff \\xc2\\x9b"));
	line = line_with(text, "two");
	ck_assert_int_eq(strncmp(line, "kern  :err   : [", 16), 0);
	ck_assert_ptr_nonnull(strstr(line, "] two"));
	line = line_with(text, "a daemon speaks");
	ck_assert_int_eq(strncmp(line, "daemon:info  : [", 16), 0);
	line = line_with(text, "number 12");
	ck_assert_int_eq(strncmp(line, "12    :crit  : [", 16), 0);
}
END_TEST

START_TEST(without_printk_time_there_is_none)
{
	const char *text;

	load_for_program(LARGE);
	setting("/sys/module/printk/parameters/time", "N\n");
	output(program("-f"), GOOD);
	write_kmsg("<13>at no time\n");
	text = output(program("-f"), GOOD);
	ck_assert_str_eq(text, "at no time\n");
	write_kmsg("<13>nor now\n");
	text = output(program("-j", "-f"), GOOD);
	ck_assert_ptr_nonnull(strstr(text,
				     ",\"facility\":1,\"level\":5,\"text\":\"nor now\"}\n"));
}
END_TEST

START_TEST(it_waits_for_more_until_a_signal_or_the_end)
{
	struct tool waiting;
	int status;

	load_for_program(LARGE);
	waiting = program();
	write_kmsg("<13>the first\n");
	wait_for(has_written(waiting.out, "] the first\n"));
	wait_asleep(waiting.pid);
	write_kmsg("<13>the second\n");
	wait_for(has_written(waiting.out, "] the second\n"));
	kill(waiting.pid, SIGTERM);
	ck_assert(finished(waiting.pid, PATIENCE_MS));
	waitpid(waiting.pid, &status, 0);
	ck_assert(WIFSIGNALED(status));

	waiting = program();
	write_kmsg("<13>the third\n");
	wait_for(has_written(waiting.out, "] the third\n"));
	ck_assert(!has_written(waiting.out, "] the second\n"));
	ck_assert_int_eq(unload(KLOG), 0);
	output(waiting, GOOD);
}
END_TEST

/* It has more to print than its pipe holds. */
static struct tool stuck_program(int ends[2])
{
	struct tool stuck;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	stuck = program_to(ends[1]);
	close(ends[1]);
	wait_for(readable(ends[0]) == PIPE_SIZE);
	return stuck;
}

START_TEST(a_signal_ends_it_when_all_that_it_has_read_is_printed)
{
	struct producer_run messages = {
		.call = PRODUCER_PRINTK, .count = FLOOD,
		.size_min = 1, .size_max = 1,
	};
	struct log log = load_for_program(LARGE);
	struct tool stuck;
	ssize_t got, last;
	int ends[2];
	int status;

	run(&messages);		/* more than it reads at once */
	stuck = stuck_program(ends);
	kill(stuck.pid, SIGTERM);
	ck_assert(!finished(stuck.pid, MOMENT_MS));
	for (last = 0; (got = read(ends[0], log_data, PAGE)) > 0; last = got)
		;
	ck_assert_int_eq(log_data[last - 1], '\n');
	ck_assert_int_eq(waitpid(stuck.pid, &status, 0), stuck.pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	read_again(&log);
	while (next(&log))	/* what it left begins with a whole message */
		;
	stop_reading(&log);

	messages.count /= 2;
	run(&messages);
	stuck = stuck_program(ends);
	wait_for(!kill(stuck.pid, SIGINT) && finished(stuck.pid, MOMENT_MS));
}
END_TEST

START_TEST(it_fails_if_it_cannot_print)
{
	struct tool full;

	load_for_program(LARGE);
	full = program_to(open("/dev/full", O_WRONLY), "-f");
	ck_assert_int_eq(finish(full.pid), FAILED);
	ck_assert(has_written(full.err,
			      "bufflink-klog: cannot write to standard output"));
}
END_TEST

static void is_refused(struct tool tool, int number)
{
	char refusal[256];

	snprintf(refusal, sizeof(refusal),
		 "bufflink-klog: cannot open /dev/bufflink%d: another program reads it, and there can be only one reader: end that program first\n",
		 number);
	ck_assert_int_eq(finish(tool.pid), FAILED);
	ck_assert_str_eq(text_of(tool.err), refusal);
	ck_assert_str_eq(text_of(tool.out), "");
}

START_TEST(it_is_the_only_reader)
{
	struct log log = load_for_program(LARGE);
	struct tool first;
	char path[32];

	first = program();
	write_kmsg("<13>the first\n");
	wait_for(has_written(first.out, "] the first\n"));
	is_refused(program(), log.number);
	is_refused(program("-f", "-j"), log.number);
	snprintf(path, sizeof(path), "/dev/bufflink%d", log.number);
	ck_assert_int_eq(open(path, O_RDONLY), -1);
	ck_assert_int_eq(errno, EBUSY);
	kill(first.pid, SIGKILL);
	ck_assert(finished(first.pid, PATIENCE_MS));
	output(program("-f"), GOOD);
}
END_TEST

START_TEST(it_does_not_share_with_another_program)
{
	struct log log = load_for_program(LARGE);
	struct tool cat;
	char path[32];

	snprintf(path, sizeof(path), "/dev/bufflink%d", log.number);
	cat = start_tool("/bin/busybox", memory_file(""), memory_file(""),
			 (char *[]){ "cat", path, NULL });
	write_kmsg("<13>for cat\n");
	wait_for(has_written(cat.out, "] for cat\n"));
	is_refused(program(), log.number);
	kill(cat.pid, SIGKILL);
	ck_assert(finished(cat.pid, PATIENCE_MS));
	write_kmsg("<13>for the program\n");
	ck_assert_ptr_nonnull(strstr(output(program("-f"), GOOD),
				     "] for the program\n"));
}
END_TEST

/* The sum of the numbers that follow these words. */
static unsigned long long sum_after(const char *text, const char *words)
{
	unsigned long long sum = 0;

	while ((text = strstr(text, words))) {
		text += strlen(words);
		sum += strtoull(text, NULL, 10);
	}
	return sum;
}

/* More than one gap: a short one may still fit where a long one did not. */
START_TEST(the_program_says_where_messages_are_missing)
{
	struct producer_run messages = {
		.call = PRODUCER_PRINTK, .count = FLOOD / 3,
		.size_min = 1, .size_max = 1,
	};
	struct log log = load_for_program("size=65536");
	unsigned long long next, lost;
	struct tool waiting;
	const char *text;

	run(&messages);
	waiting = program("--json");
	wait_asleep(waiting.pid);
	wait_for(strstr(text_of(waiting.err),
			"messages were lost by /dev/bufflink"));
	write_kmsg("<13>room again\n");
	wait_for(strstr(text_of(waiting.out), "room again"));
	ck_assert_int_eq(unload(KLOG), 0);
	ck_assert_int_eq(finish(waiting.pid), LOSS);

	lost = stats(log.fd).lost_records;
	text = text_of(waiting.err);
	ck_assert_uint_eq(sum_after(text, "by the kernel's log, "), lost);
	text = strstr(text, " lost before ");
	ck_assert_int_eq(sscanf(text, " lost before %llu: 0 by", &next), 1);
	text = text_of(waiting.out);
	ck_assert_uint_eq(sum_after(text, ",\"lost_by_buffer\":"), lost);
	ck_assert_uint_eq(sum_after(text, ",\"lost_by_log\":"), 0);
	text = line_with(text, "lost_by_buffer");
	ck_assert_int_eq(sscanf(text, "{\"before\":%llu,", &lost), 1);
	ck_assert_uint_eq(lost, next);
}
END_TEST

static unsigned int messages_in(int out)
{
	const char *text = text_of(out);
	unsigned int count = 0;

	while ((text = strstr(text, "{\"seq\":"))) {
		count++;
		text++;
	}
	return count;
}

/* Its header, its prefix or its text may be cut. */
START_TEST(it_finds_the_start_of_a_message)
{
	struct log log = load_klog(LARGE);
	char start[20];
	const char *text;

	while (next(&log))
		;
	write_kmsg("<13>cut\n");
	write_kmsg("<13>whole\n");
	read_all(log.fd, start, 1 << 2 * _i);
	stop_reading(&log);
	text = output(program("-f"), GOOD);
	ck_assert_int_eq(*text, '[');
	ck_assert_str_eq(strchr(text, ']'), "] whole\n");
}
END_TEST

static int clear_for_ever(void *count)
{
	pin(1);
	while (!klogctl(CLEAR, NULL, 0))
		++*(volatile unsigned int *)count;
	return 1;
}

START_TEST(it_tells_what_the_log_has_lost_from_what_the_buffer_has)
{
	struct producer_run burst = {
		.call = PRODUCER_PRINTK, .context = PRODUCER_HARDIRQ,
		.count = FLOOD, .burst = FLOOD, .size_min = 1, .size_max = 1,
	};
	struct log log = load_klog(LARGE);
	unsigned int *clears = shared(sizeof(*clears));
	unsigned long long before, by_log;
	struct tool reader;
	const char *text;
	pid_t clearing;

	while (next(&log))
		;
	before = log.sequence;
	pin(0);
	clearing = start(clear_for_ever, clears);
	wait_for(*(volatile unsigned int *)clears);
	run(&burst);
	kill(clearing, SIGKILL);
	waitpid(clearing, NULL, 0);
	write_kmsg("<13>the end\n");

	stop_reading(&log);
	reader = program("--json", "-f");
	text = output(reader, LOSS);
	by_log = sum_after(text, ",\"lost_by_log\":");
	ck_assert_uint_gt(by_log, 0);
	ck_assert_uint_eq(sum_after(text, ",\"lost_by_buffer\":"), 0);
	ck_assert_ptr_nonnull(strstr(text_of(reader.err),
				     " by the kernel's log, 0 by /dev/"));
	text = line_with(text, "the end");
	ck_assert_uint_eq(sum_after(text, "{\"seq\":"),
			  before + by_log + messages_in(reader.out));
}
END_TEST

START_TEST(a_wrong_command_line_is_refused)
{
	ck_assert_int_eq(strncmp(output(program("--help"), GOOD),
				 "Usage: bufflink-klog [", 22), 0);
	ck_assert_int_eq(strncmp(output(program("-V"), GOOD),
				 "bufflink-klog 1", 15), 0);
	fails(program("0", "1"), USAGE,
	      "bufflink-klog: 1: unexpected argument");
	fails(program("-j", "-x"), USAGE, "bufflink-klog: --json and --decode");
	fails(program("-z"), USAGE, "bufflink-klog: invalid option");
	fails(program(), FAILED,
	      "bufflink-klog: there is no buffer of bufflink_klog: load this module");
	fails(program("77"), FAILED, "bufflink-klog: /dev/bufflink77 does not exist");
	fails(program("/dev/null"), FAILED,
	      "bufflink-klog: /dev/null is not a buffer");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("klog");
	TCase *cases[2] = { tcase_create("module"), tcase_create("program") };
	int i;

	setenv("LC_ALL", "C", 1);
	for (i = 0; i < 2; i++) {
		tcase_add_checked_fixture(cases[i], klog_setup, klog_teardown);
		tcase_set_timeout(cases[i], 3 * PATIENCE_S);
		suite_add_tcase(suite, cases[i]);
	}
	/* first, while the messages of the boot are in the log */
	tcase_add_test(cases[0], json_has_the_dictionary);
	tcase_add_test(cases[0], it_begins_with_what_the_log_already_holds);
	tcase_add_test(cases[0],
		       it_has_every_level_also_what_the_console_suppresses);
	tcase_add_test(cases[0], a_message_comes_at_once_from_any_context);
	tcase_add_test(cases[0], a_message_of_several_lines_is_one);
	tcase_add_test(cases[0],
		       a_message_that_is_continued_comes_when_it_is_whole);
	tcase_add_test(cases[0], nothing_of_a_flood_from_all_contexts_is_lost);
	tcase_add_test(cases[0],
		       nothing_of_a_burst_with_interrupts_off_is_lost);
	tcase_add_test(cases[0], a_small_buffer_lost_exactly_what_is_missing);
	tcase_add_loop_test(cases[0], it_is_unloaded_at_any_moment, 0, 8);
	tcase_add_test(cases[0], without_memory_it_leaves_nothing_behind);
	tcase_add_test(cases[0], only_root_gets_at_it);

	tcase_add_test(cases[1], json_is_valid);
	tcase_add_test(cases[1], the_program_prints_as_dmesg_does);
	tcase_add_test(cases[1], without_printk_time_there_is_none);
	tcase_add_test(cases[1], it_waits_for_more_until_a_signal_or_the_end);
	tcase_add_test(cases[1], the_program_says_where_messages_are_missing);
	tcase_add_test(cases[1],
		       a_signal_ends_it_when_all_that_it_has_read_is_printed);
	tcase_add_test(cases[1], it_fails_if_it_cannot_print);
	tcase_add_test(cases[1], it_is_the_only_reader);
	tcase_add_test(cases[1], it_does_not_share_with_another_program);
	tcase_add_loop_test(cases[1], it_finds_the_start_of_a_message, 0, 3);
	tcase_add_test(cases[1], a_wrong_command_line_is_refused);
	/* last, as it clears the log */
	tcase_add_test(cases[1],
		       it_tells_what_the_log_has_lost_from_what_the_buffer_has);
	return run_suite(suite);
}
