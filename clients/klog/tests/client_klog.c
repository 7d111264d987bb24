// SPDX-License-Identifier: GPL-2.0-only
/* The client of the kernel's log: the messages it takes, and those it loses. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include "beside.h"
#include "messages.h"

#define FLOODERS	8

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

/* The message that next_kmsg() has just read */
static void has_as_well(struct log *log)
{
	do {
		wait_next(log);
	} while (message.sequence < kmsg.sequence);
	ck_assert_uint_eq(message.sequence, kmsg.sequence);
	ck_assert_uint_eq(message.priority, kmsg.priority);
	ck_assert_str_eq(message.text, kmsg.text);
}

START_TEST(it_begins_with_the_messages_that_the_log_already_holds)
{
	struct log log;
	char time[32];

	write_kmsg("<13>this was before, \x1b and \xff\n");
	log = load_klog(LARGE);
	open_kmsg(SEEK_SET);
	ck_assert(next_kmsg());
	do {
		has_as_well(&log);
		sprintf(time, "[%5llu.%06llu]", kmsg.time / 1000000,
			kmsg.time % 1000000);
		ck_assert_str_eq(message.time, time);
	} while (next_kmsg());
	ck_assert_int_eq(errno, EAGAIN);
	is_complete(&log);
}
END_TEST

START_TEST(it_has_every_level_also_those_that_the_console_suppresses)
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

START_TEST(a_message_without_a_newline_comes_with_the_next_one)
{
	struct log log = load_klog(LARGE);

	print(PRODUCER_PROCESS, "\0014open\n");
	print(PRODUCER_PROCESS, "\0014the first");
	print(PRODUCER_HARDIRQ, "\0014the second");
	wait_for_text(&log, "the first");
	print(PRODUCER_PROCESS, "\0014the third");
	wait_for_text(&log, "the second");
}
END_TEST

static const char * const endings[] = {
	"\0016whole\n", "\0015open", "\001c, continued", "\001c, ended\n",
	"no level\n", "\0014", "\n", "\0013two\nlines\n", "\0012a gap\n\nand more",
	"\001c\n", "\0016[    1.000000] not a time\n", "\001c<3>no level\n",
};

#define ENDINGS	(sizeof(endings) / sizeof(*endings))

static int print_endings(void *arg)
{
	const unsigned int id = (uintptr_t)arg;
	size_t i;

	pin(id % cpus());
	for (i = 0; i < 10 * ENDINGS; i++)
		print(flood_contexts[id], endings[i * (2 * id + 1) % ENDINGS]);
	return 0;
}

START_TEST(messages_that_are_open_or_continued_are_those_of_the_log)
{
	struct log log = load_klog(LARGE);
	pid_t pids[CONTEXTS];
	size_t i;

	open_kmsg(SEEK_END);
	for (i = 0; i < CONTEXTS; i++)
		pids[i] = start(print_endings, (void *)i);
	for (i = 0; i < CONTEXTS; i++)
		ck_assert_int_eq(finish(pids[i]), 0);
	write_kmsg("<13>all were printed\n");
	do {
		ck_assert(next_kmsg());
		has_as_well(&log);
	} while (strcmp(kmsg.text, "all were printed"));
	is_complete(&log);
}
END_TEST

START_TEST(nothing_of_a_flood_without_newlines_is_lost)
{
	static const char text[] = "\0016no end";
	struct producer_run open = {
		.call = PRODUCER_PRINTK, .count = FLOOD,
		.data = (uintptr_t)text,
		.size_min = sizeof(text) - 1, .size_max = sizeof(text) - 1,
	};
	struct log log = load_klog(LARGE);
	unsigned int seen = 0;

	open_kmsg(SEEK_END);
	run(&open);
	kmsg_has_lost();
	write_kmsg("<13>the end of it\n");
	do {
		wait_next(&log);
		seen += !strcmp(message.text, text + 2);
	} while (strcmp(message.text, "the end of it"));
	ck_assert_uint_eq(seen, FLOOD);
	is_complete(&log);
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

START_TEST(a_small_buffer_lost_exactly_the_missing_messages)
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

/* One large enough for all of it comes while the flood does. */
START_TEST(a_buffer_made_larger_under_a_flood_loses_nothing)
{
	struct producer_run floods[2] = {
		{ .context = PRODUCER_HARDIRQ, .gap_us = 500, .burst = 5,
		  .count = 2 * FLOOD },
		{ .context = PRODUCER_PROCESS, .gap_us = 100, .cpu = 1,
		  .count = FLOOD },
	};
	struct log log = load_klog("size=524288");
	const __u64 used = 16 * 1024;
	pid_t pids[2];
	int i;

	while (next(&log))
		;
	for (i = 0; i < 2; i++) {
		floods[i].call = PRODUCER_PRINTK;
		floods[i].id = i;
		floods[i].size_min = 1;
		floods[i].size_max = 1;
		pids[i] = start(flood_context, &floods[i]);
	}
	wait_for(stats(log.fd).used > used);
	ck_assert_int_eq(sysfs_write(log.number, "size", "16777216\n"), 0);
	ck_assert(!finished(pids[0], 0));
	for (i = 0; i < 2; i++)
		ck_assert_int_eq(finish(pids[i]), 0);
	ck_assert_uint_gt(stats(log.fd).used, 524288);
	check_flood(&log);
	is_complete(&log);
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
		stop_tracing();
	}
}
END_TEST

static const struct {
	const char *parameter;
	unsigned long long size;
} sizes[] = {
	{ "size=65536", 65536 }, { "size=0x20000", 131072 },
	{ "size=64k", 65536 }, { "size=128K", 131072 }, { "size=2m", 2 << 20 },
	{ "size=3M", 3 << 20 },
};

START_TEST(the_size_may_have_a_unit)
{
	const struct log log = load_klog(sizes[_i].parameter);

	ck_assert_uint_eq(sysfs_value(log.number, "size"), sizes[_i].size);
}
END_TEST

START_TEST(a_size_that_is_no_number_is_refused)
{
	static const char * const wrong[] = {
		"size=", "size=M", "size=1T", "size=1kk", "size=1Mx", "size=-1k",
	};
	static const char * const too_large[] = {
		"size=99999999999999999999", "size=17179869184G",
		"size=18446744073709551615k",
	};
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		ck_assert_int_eq(load(KLOG, wrong[i]), -EINVAL);
	for (i = 0; i < sizeof(too_large) / sizeof(*too_large); i++)
		ck_assert_int_eq(load(KLOG, too_large[i]), -ERANGE);
}
END_TEST

START_TEST(without_memory_it_leaves_nothing_behind)
{
	ck_assert_int_eq(load(KLOG, "size=1024G"), -ENOMEM);
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

START_TEST(json_has_the_dictionary)
{
	const char *line;

	load_for_program(LARGE);
	/* The kernel says that this is wrong, as a message of the device. */
	ck_assert_int_lt(try_write("/sys/class/mem/null/uevent", "wrong"), 0);
	line = line_with(output(program("--json", "--no-wait"), GOOD),
			 "synthetic uevent");
	has(line, ",\"subsystem\":\"mem\",\"device\":\"c1:3\"}");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("klog");
	TCase *tcase = tcase_create("module");

	tcase_add_checked_fixture(tcase, klog_setup, klog_teardown);
	tcase_set_timeout(tcase, 3 * PATIENCE_S);
	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, json_has_the_dictionary);
	add_tests_beside_dmesg(tcase);
	tcase_add_test(tcase, it_begins_with_the_messages_that_the_log_already_holds);
	tcase_add_test(tcase,
		       it_has_every_level_also_those_that_the_console_suppresses);
	tcase_add_test(tcase, a_message_comes_at_once_from_any_context);
	tcase_add_test(tcase, a_message_of_several_lines_is_one);
	tcase_add_test(tcase,
		       a_message_that_is_continued_comes_when_it_is_whole);
	tcase_add_test(tcase,
		       a_message_without_a_newline_comes_with_the_next_one);
	tcase_add_test(tcase,
		       messages_that_are_open_or_continued_are_those_of_the_log);
	tcase_add_test(tcase, nothing_of_a_flood_without_newlines_is_lost);
	tcase_add_test(tcase, nothing_of_a_flood_from_all_contexts_is_lost);
	tcase_add_test(tcase, nothing_of_a_burst_with_interrupts_off_is_lost);
	tcase_add_test(tcase, a_small_buffer_lost_exactly_the_missing_messages);
	tcase_add_test(tcase,
		       a_buffer_made_larger_under_a_flood_loses_nothing);
	tcase_add_loop_test(tcase, it_is_unloaded_at_any_moment, 0, 8);
	tcase_add_loop_test(tcase, the_size_may_have_a_unit, 0,
			    sizeof(sizes) / sizeof(*sizes));
	tcase_add_test(tcase, a_size_that_is_no_number_is_refused);
	tcase_add_test(tcase, without_memory_it_leaves_nothing_behind);
	tcase_add_test(tcase, only_root_gets_at_it);
	return run_suite(suite);
}
