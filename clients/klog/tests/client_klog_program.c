// SPDX-License-Identifier: GPL-2.0-only
/* bufflink-klog: its output, and its reports of missing messages. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "messages.h"

#define PIPE_SIZE	65536

static int run_messages(void *messages)
{
	run(messages);
	return 0;
}

static void fails(struct tool program, int status, const char *message)
{
	int really = finish(program.pid);
	const char *text = text_of(program.err);

	ck_assert_msg(!strncmp(text, message, strlen(message)), "%s", text);
	ck_assert_int_eq(really, status);
	ck_assert_str_eq(text_of(program.out), "");
}

START_TEST(json_is_valid)
{
	const char *string = "\"([^\"\\[:cntrl:]]|\\\\[\"\\\\bfnrt]|\\\\u[0-9a-f]{4})*\"";
	const char *number = "[0-9]+(\\.[0-9]+)?";
	const char *expected =
		"\"msg\":\"a\\\"b\\\\c\\u001b\\n \xc3\xa9 \\\\xc3 \\\\xed\\\\xa0\\\\x80\"}";
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
	write_kmsg("<134>local0 has none\n");
	snprintf(number, sizeof(number), "%d", log.number);

	text = output(program("-x", "--no-wait", number), GOOD);
	line = line_with(text, "] one ");
	ck_assert_int_eq(strncmp(line, "kern  :err   : [", 16), 0);
	ck_assert_ptr_nonnull(strstr(line, "] one \\x1b[31m \xc3\xa9 \\xff \\xc2\\x9b"));
	ck_assert_str_eq(line_with(text, "   two"),
			 "                              two");
	line = line_with(text, "a daemon speaks");
	ck_assert_int_eq(strncmp(line, "daemon:info  : [", 16), 0);
	ck_assert_int_eq(*line_with(text, "number 12"), '[');
	ck_assert_int_eq(*line_with(text, "local0"), '[');
}
END_TEST

START_TEST(without_printk_time_there_is_none)
{
	const char *text;

	load_for_program(LARGE);
	parameter_write("printk", "time", "N\n");
	output(program("--no-wait"), GOOD);
	write_kmsg("<13>at no time\n");
	text = output(program("--no-wait"), GOOD);
	ck_assert_str_eq(text, "at no time\n");
	write_kmsg("<13>nor now\n");
	text = output(program("-J", "--no-wait"), GOOD);
	ck_assert_ptr_nonnull(strstr(text,
				     ",\"pri\":13,\"msg\":\"nor now\"}\n"));
}
END_TEST

START_TEST(no_difference_is_added_to_an_iso_time)
{
	struct tool tool;

	load_for_program(LARGE);
	tool = program("--no-wait", "-d", "--time-format=iso");
	/* as the first message would have it */
	ck_assert_ptr_null(strstr(output(tool, GOOD), "<    0.000000>"));
	ck_assert_str_eq(text_of(tool.err),
			 "bufflink-klog: --show-delta is ignored with --time-format=iso\n");
}
END_TEST

/* Without an end, with one, and with something behind it. */
static const char *const foreign[] = { "hello", "hello\n", "<1>a\nb\n" };

#define FOREIGN		(sizeof(foreign) / sizeof(*foreign))

START_TEST(a_buffer_of_another_module_is_told_from_its_own)
{
	struct tool tool;

	ck_assert_int_eq(append(0, foreign[_i], strlen(foreign[_i])), 0);
	tool = program("0", "--no-wait");
	ck_assert_str_eq(output(tool, FAILED), "");
	ck_assert_msg(has_written(tool.err, "name the buffer of "), "%s",
		      text_of(tool.err));
}
END_TEST

START_TEST(it_waits_for_no_more_from_a_buffer_of_another_module)
{
	static const char why[] =
		": /dev/bufflink0 has no record of bufflink_klog: name the buffer of";
	struct tool tool = program("0");

	wait_asleep(tool.pid);
	ck_assert_int_eq(append(0, "<1>a\nb\n", 7), 0);
	output(tool, FAILED);
	ck_assert(has_written(tool.err, why));
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
	while (next(&log))	/* the rest begins with a whole message */
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
	full = program_to(open("/dev/full", O_WRONLY), "--no-wait");
	ck_assert_int_eq(finish(full.pid), FAILED);
	ck_assert(has_written(full.err,
			      "bufflink-klog: cannot write to standard output"));
}
END_TEST

#define LOG		"/tmp/klog.log"

START_TEST(a_hangup_has_it_open_its_file_again)
{
	struct tool logging;
	struct stat stat;

	unlink(LOG);
	unlink(LOG ".1");
	logging = program("--wait", "--reopen", "-o", LOG);
	wait_for(!lstat(LOG, &stat));
	ck_assert_uint_eq(stat.st_mode & 0777, 0600);
	wait_asleep(logging.pid);
	kill(logging.pid, SIGHUP);	/* while there is no buffer */
	ck_assert_int_eq(load(KLOG, LARGE), 0);
	write_kmsg("<13>in the first file\n");
	wait_for(strstr(contents(LOG), "in the first file\n"));

	ck_assert_int_eq(rename(LOG, LOG ".1"), 0);
	write_kmsg("<13>in the first still\n");
	wait_for(strstr(contents(LOG ".1"), "in the first still\n"));
	kill(logging.pid, SIGHUP);
	wait_for(!lstat(LOG, &stat));
	write_kmsg("<13>in the second\n");
	wait_for(strstr(contents(LOG), "in the second\n"));

	ck_assert_int_eq(unload(KLOG), 0);
	ck_assert_int_eq(load(KLOG, LARGE), 0);
	write_kmsg("<13>after a reload\n");
	wait_for(strstr(contents(LOG), "after a reload\n"));
	/* the module has read all of the log again */
	ck_assert_ptr_null(strstr(strstr(contents(LOG), "in the second\n") + 1,
				  "in the second\n"));
	ck_assert_ptr_null(strstr(contents(LOG ".1"), "in the second\n"));
	kill(logging.pid, SIGTERM);
	is_killed(logging.pid, SIGTERM);
	ck_assert_str_eq(text_of(logging.out), "");
}
END_TEST

/* While the module reads all of the log, the buffer refuses many. */
static void write_until_read(const char *text)
{
	struct patience patience = patience_of(PATIENCE_MS);

	do {
		must(lasts(&patience));
		write_kmsg(text);
	} while (!strstr(contents(LOG), strchr(text, '>') + 1));
}

/* Each message is there, or counted where it is missing. */
static void is_exact(const char *line)
{
	unsigned long long next = 0, sequence, by_log, by_buffer;

	for (; *line; line = strchr(line, '\n') + 1) {
		if (sscanf(line, "{\"seq\":%llu", &sequence) == 1) {
			ck_assert(!next || sequence == next);
			next = sequence + 1;
			continue;
		}
		ck_assert_int_eq(sscanf(line,
					"{\"before\":%llu,\"lost_by_log\":%llu,\"lost_by_buffer\":%llu}",
					&sequence, &by_log, &by_buffer), 3);
		ck_assert(!next || next + by_log + by_buffer == sequence);
		next = sequence;
	}
}

/* The buffer keeps the oldest: it refuses many that were there before. */
START_TEST(a_reload_counts_each_lost_message_once)
{
	unsigned long long before, by_log, by_buffer;
	struct tool logging;
	const char *report;

	unlink(LOG);
	ck_assert_int_eq(load(KLOG, "size=4096"), 0);
	logging = program("--reopen", "-J", "-o", LOG);
	write_until_read("<13>before the reload");
	kill(logging.pid, SIGSTOP);
	ck_assert_int_eq(unload(KLOG), 0);
	ck_assert_int_eq(load(KLOG, "size=4096"), 0);
	wait_for(sysfs_value(1, "lost_records"));	/* 0 is the producer */
	kill(logging.pid, SIGCONT);
	write_until_read("<13>after the reload");
	kill(logging.pid, SIGTERM);
	is_killed(logging.pid, SIGTERM);
	report = strstr(text_of(logging.err), "was loaded again\n");
	ck_assert_ptr_nonnull(report);
	report = strstr(report, "lost before");
	ck_assert_ptr_nonnull(report);
	ck_assert_int_eq(sscanf(report,
				"lost before %llu: %llu by the kernel's log, %llu by",
				&before, &by_log, &by_buffer), 3);
	ck_assert_uint_le(by_log, before);
	ck_assert_uint_le(by_buffer, before);
	ck_assert_uint_le(by_log + by_buffer, before);
	is_exact(contents(LOG));
}
END_TEST

START_TEST(a_hangup_as_soon_as_its_file_is_there_does_not_end_it)
{
	struct tool logging = start_held("/t/bufflink-klog",
		(char *[]){ "bufflink-klog", "--wait", "-o", LOG, NULL });

	unlink(LOG);
	hold_before(&logging, SYS_openat, LOG);
	kill(logging.pid, SIGHUP);
	let_run(&logging);
	ck_assert_int_eq(load(KLOG, LARGE), 0);
	write_kmsg("<13>it goes on\n");
	wait_for(strstr(contents(LOG), "it goes on\n"));
	kill(logging.pid, SIGTERM);
	is_killed(logging.pid, SIGTERM);
}
END_TEST

/* Each message is once in one of the files, which have whole lines. */
START_TEST(nothing_is_lost_or_cut_while_its_file_changes)
{
	struct producer_run messages = {
		.call = PRODUCER_PRINTK, .count = FLOOD, .gap_us = 20,
		.size_min = 1, .size_max = 1,
	};
	unsigned int files = 0, next = 0, number, i;
	struct tool logging;
	const char *text;
	char path[64];
	struct stat stat;
	pid_t flood;

	unlink(LOG);
	load_for_program(LARGE);
	output(program("--no-wait"), GOOD);
	logging = program("-o", LOG, "-t");
	flood = start(run_messages, &messages);
	do {
		wait_for(!lstat(LOG, &stat));
		snprintf(path, sizeof(path), LOG ".%u", files++);
		ck_assert_int_eq(rename(LOG, path), 0);
		kill(logging.pid, SIGHUP);
	} while (!finished(flood, 1) && files < 1000);
	ck_assert_int_eq(finish(flood), 0);
	wait_for(!lstat(LOG, &stat));	/* or it may come into the last one */
	write_kmsg("<13>the end of the flood\n");
	wait_for(strstr(contents(LOG), "the end of the flood\n"));
	ck_assert_int_eq(unload(KLOG), 0);
	ck_assert_int_eq(finish(logging.pid), GOOD);

	snprintf(path, sizeof(path), LOG ".%u", files);
	ck_assert_int_eq(rename(LOG, path), 0);
	for (i = 0; i <= files; i++) {
		snprintf(path, sizeof(path), LOG ".%u", i);
		text = contents(path);
		for (; *text; text = strchr(text, '\n') + 1) {
			ck_assert_ptr_nonnull(strchr(text, '\n'));
			if (sscanf(text, "flood 0 %u\n", &number) == 1)
				ck_assert_uint_eq(number, next++);
		}
		unlink(path);
	}
	ck_assert_uint_eq(next, FLOOD);
	ck_assert_uint_gt(files, 1);
}
END_TEST

START_TEST(it_fails_if_it_cannot_open_its_file_again)
{
	struct tool logging;

	ck_assert_int_eq(mkdir("/tmp/logs", 0700), 0);
	load_for_program(LARGE);
	logging = program("-o", "/tmp/logs/log");
	write_kmsg("<13>the first\n");
	wait_for(strstr(contents("/tmp/logs/log"), "the first\n"));
	ck_assert_int_eq(rename("/tmp/logs", "/tmp/logs.1"), 0);
	kill(logging.pid, SIGHUP);
	ck_assert_int_eq(finish(logging.pid), FAILED);
	ck_assert_str_eq(text_of(logging.err),
			 "bufflink-klog: cannot write to /tmp/logs/log: No such file or directory\n");
	unlink("/tmp/logs.1/log");
	rmdir("/tmp/logs.1");
	write_kmsg("<13>the second\n");
	line_with(output(program("--no-wait"), GOOD), "] the second");
	fails(program("-o", "/tmp/no/log"), FAILED,
	      "bufflink-klog: cannot write to /tmp/no/log: No such file");
}
END_TEST

START_TEST(it_is_the_only_reader)
{
	struct log log = load_for_program(LARGE);
	struct tool first;
	char path[32];

	first = program();
	write_kmsg("<13>the first\n");
	wait_for(has_written(first.out, "] the first\n"));
	finds_a_reader(program(), log.number);
	finds_a_reader(program("--no-wait", "-J"), log.number);
	snprintf(path, sizeof(path), "/dev/bufflink%d", log.number);
	ck_assert_int_eq(open(path, O_RDONLY), -1);
	ck_assert_int_eq(errno, EBUSY);
	kill(first.pid, SIGKILL);
	ck_assert(finished(first.pid, PATIENCE_MS));
	output(program("--no-wait"), GOOD);
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
	finds_a_reader(program(), log.number);
	kill(cat.pid, SIGKILL);
	ck_assert(finished(cat.pid, PATIENCE_MS));
	write_kmsg("<13>for the program\n");
	ck_assert_ptr_nonnull(strstr(output(program("--no-wait"), GOOD),
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
	text = output(program("--no-wait"), GOOD);
	ck_assert_int_eq(*text, '[');
	ck_assert_str_eq(strchr(text, ']'), "] whole\n");
}
END_TEST

START_TEST(it_is_good_that_another_reader_has_begun_the_last_message)
{
	struct log log = load_klog(LARGE);
	struct tool tool;
	char start[4];

	while (next(&log))
		;
	write_kmsg("<13>cut\n");
	read_all(log.fd, start, sizeof(start));
	stop_reading(&log);
	tool = program("--no-wait");
	ck_assert_str_eq(output(tool, GOOD), "");
	ck_assert(has_written(tool.err,
			      " begins in the middle of a record, which is left out\n"));
}
END_TEST

/* In an NMI the module leaves messages in the log, which holds fewer than these. */
START_TEST(it_tells_losses_of_the_log_from_losses_of_the_buffer)
{
	struct producer_run burst = {
		.call = PRODUCER_PRINTK, .context = PRODUCER_NMI,
		.count = FLOOD, .burst = FLOOD, .size_min = 1, .size_max = 1,
	};
	struct log log = load_klog(LARGE);
	unsigned long long before, by_log;
	struct tool reader;
	const char *text;

	while (next(&log))
		;
	before = log.sequence;
	run(&burst);
	write_kmsg("<13>the end\n");

	stop_reading(&log);
	reader = program("--json", "--no-wait");
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
	fails(program("-z"), USAGE, "bufflink-klog: invalid option");
	fails(program("-l", "err,loud"), USAGE,
	      "bufflink-klog: --level: there is no 'loud'");
	fails(program("-f", "24"), USAGE,
	      "bufflink-klog: --facility: there is no '24'");
	fails(program("-f", ""), USAGE,
	      "bufflink-klog: --facility: there is no ''");
	fails(program("--since=soon"), USAGE,
	      "bufflink-klog: --since: 'soon' is not a time: give");
	fails(program("--until=1960-01-01"), USAGE,
	      "bufflink-klog: --until: '1960-01-01' is before 1970");
	fails(program("--json=xml"), USAGE,
	      "bufflink-klog: --json: 'xml' is not one of dmesg and journal");
	fails(program("--color=red"), USAGE,
	      "bufflink-klog: --color: 'red' is not one of");
	fails(program("--time-format=long"), USAGE,
	      "bufflink-klog: --time-format: 'long' is not one of");
	fails(program(), FAILED,
	      "bufflink-klog: there is no buffer of bufflink_klog: load this module");
	fails(program("77"), FAILED, "bufflink-klog: /dev/bufflink77 does not exist");
	fails(program("/dev/null"), FAILED,
	      "bufflink-klog: /dev/null is not a buffer");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("klog program");
	TCase *tcase = tcase_create("program");

	setenv("LC_ALL", "C", 1);
	tcase_add_checked_fixture(tcase, klog_setup, klog_teardown);
	tcase_set_timeout(tcase, 3 * PATIENCE_S);
	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, json_is_valid);
	tcase_add_test(tcase, the_program_prints_as_dmesg_does);
	tcase_add_test(tcase, without_printk_time_there_is_none);
	tcase_add_test(tcase, no_difference_is_added_to_an_iso_time);
	tcase_add_loop_test(tcase,
			    a_buffer_of_another_module_is_told_from_its_own, 0,
			    FOREIGN);
	tcase_add_test(tcase,
		       it_waits_for_no_more_from_a_buffer_of_another_module);
	tcase_add_test(tcase, it_waits_for_more_until_a_signal_or_the_end);
	tcase_add_test(tcase, the_program_says_where_messages_are_missing);
	tcase_add_test(tcase,
		       a_signal_ends_it_when_all_that_it_has_read_is_printed);
	tcase_add_test(tcase, it_fails_if_it_cannot_print);
	tcase_add_test(tcase, a_hangup_has_it_open_its_file_again);
	tcase_add_test(tcase, a_reload_counts_each_lost_message_once);
	tcase_add_test(tcase,
		       a_hangup_as_soon_as_its_file_is_there_does_not_end_it);
	tcase_add_test(tcase, nothing_is_lost_or_cut_while_its_file_changes);
	tcase_add_test(tcase, it_fails_if_it_cannot_open_its_file_again);
	tcase_add_test(tcase, it_is_the_only_reader);
	tcase_add_test(tcase, it_does_not_share_with_another_program);
	tcase_add_loop_test(tcase, it_finds_the_start_of_a_message, 0, 3);
	tcase_add_test(tcase,
		       it_is_good_that_another_reader_has_begun_the_last_message);
	tcase_add_test(tcase, a_wrong_command_line_is_refused);
	/* last, as it leaves no older message in the log */
	tcase_add_test(tcase,
		       it_tells_losses_of_the_log_from_losses_of_the_buffer);
	return run_suite(suite);
}

