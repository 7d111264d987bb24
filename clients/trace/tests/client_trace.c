// SPDX-License-Identifier: GPL-2.0-only
/* The tracer: which events it appends, what their records are, what is lost. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tracer.h"

/* The counts of the buffer's records */
struct sum {
	__u64 records;
	__u64 lost;		/* told by records */
	__u64 calls;		/* entries of CALL */
	char mark[TRACE_TEXT];	/* the last one */
};

static __u64 time_of(const struct trace_head *head)
{
	return (__u64)head->time_high << 32 | head->time_low;
}

static void add_record(struct sum *sum, const char *data)
{
	static __u64 times[64];
	struct trace_bufflink_mark mark;
	struct trace_syscall_entry entry;
	struct trace_head head;
	struct trace_lost lost;

	memcpy(&head, data, sizeof(head));
	must(head.cpu < possible_cpus());
	must(time_of(&head) >= times[head.cpu]);
	times[head.cpu] = time_of(&head);
	if (head.id == TRACE_LOST) {
		memcpy(&lost, data, sizeof(lost));
		sum->lost += lost.records;
		return;
	}
	sum->records++;
	if (head.id == TRACE_CALL(0, 0, CALL)) {
		memcpy(&entry, data, sizeof(entry));
		must(entry._id == CALL);
		sum->calls++;
	}
	if (head.id == TRACE_bufflink_mark) {
		memset(&mark, 0, sizeof(mark));
		memcpy(&mark, data, head.length);
		strcpy(sum->mark, mark._msg);
	}
}

/* The bytes that the buffer has now: to read makes more, if calls are on. */
static struct sum read_stream(int fd)
{
	const size_t have = readable(fd);
	char *data = malloc(have);
	struct sum sum = { };
	size_t done = 0;
	__u16 length;

	read_all(fd, data, have);
	for (; done < have; done += length) {
		must(have - done >= sizeof(struct trace_head));
		memcpy(&length, data + done, sizeof(length));
		must(length >= sizeof(struct trace_head));
		must(length <= have - done);
		add_record(&sum, data + done);
	}
	free(data);
	return sum;
}

static __u64 pending_losses(void)
{
	unsigned long long records;
	const char *line = value_of("lost");
	__u64 sum = 0;

	for (; *line; line = strchr(line, '\n') + 1) {
		ck_assert_int_eq(sscanf(line, "%*u %llu", &records), 1);
		sum += records;
	}
	return sum;
}

static int tracer_opened(const char *parameters)
{
	tracer_in(parameters);
	return open_buffer(0, O_RDONLY | O_NONBLOCK);
}

START_TEST(no_event_is_on_until_it_is_switched_on_and_none_when_it_is_off_again)
{
	int fd = tracer_opened("");

	ck_assert_str_eq(value_of("events"), "\n");
	call_often(10);
	ck_assert_uint_eq(stats(fd).records, 0);
	ck_assert_int_eq(set_value("events", "syscall\n"), 0);
	call_often(10);
	ck_assert_int_eq(set_value("events", "\n"), 0);
	call_often(10);
	ck_assert_uint_eq(read_stream(fd).calls, 10);
	ck_assert_uint_eq(all_hits(), stats(fd).records);
}
END_TEST

START_TEST(events_are_chosen_by_group_and_by_name_and_left_out_by_a_minus)
{
	tracer_in("events=sched_switch,syscall,-syscall_exit");
	ck_assert_str_eq(value_of("events"), "sched_switch,syscall_entry\n");
	ck_assert_int_eq(set_value("events", "sched,-sched_switch"), 0);
	ck_assert_ptr_null(strstr(value_of("events"), "sched_switch"));
	ck_assert_ptr_nonnull(strstr(value_of("events"), "sched_process_fork"));
	ck_assert_ptr_null(strstr(value_of("events"), "syscall"));
}
END_TEST

START_TEST(a_word_that_is_no_event_changes_nothing)
{
	static const char * const wrong[] = {
		"nonsense", "sched_switch,nonsense", "-", "bufflink_mark", "sched,sched_",
	};
	size_t i;

	ck_assert_int_eq(load(TRACER, "events=nonsense"), -EINVAL);
	ck_assert_int_eq(load(TRACER, "hits=1"), -EPERM);
	ck_assert_int_eq(load(TRACER, "missing=1"), -EPERM);
	tracer_in("events=sched_switch");
	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		ck_assert_int_eq(set_value("events", wrong[i]), -EINVAL);
	ck_assert_str_eq(value_of("events"), "sched_switch\n");
}
END_TEST

/* Sums that must be the same, however they are counted. */
static void adds_up(int fd, const struct sum *sum)
{
	ck_assert_uint_eq(sum->records, stats(fd).records);
	ck_assert_uint_eq(sum->lost + pending_losses(), stats(fd).lost_records);
	ck_assert_uint_eq(sum->records + sum->lost + pending_losses(), all_hits());
}

START_TEST(stored_and_lost_events_are_together_all_that_came)
{
	int fd = tracer_opened("buffer_size=8192 events=sched_switch,syscall");
	struct sum sum, more;

	call_often(1000);
	sum = read_stream(fd);
	call_often(20);
	ck_assert_int_eq(set_value("lost", "0"), -EBUSY);
	ck_assert_int_eq(set_value("events", "\n"), 0);
	more = read_stream(fd);
	sum.records += more.records;
	sum.lost += more.lost;
	ck_assert_uint_gt(sum.lost, 500);
	adds_up(fd, &sum);
	ck_assert_int_eq(set_value("lost", "0"), 0);
	ck_assert_uint_eq(pending_losses(), 0);
}
END_TEST

START_TEST(a_mark_is_an_event_as_long_as_any_is_on)
{
	int fd = tracer_opened("");
	char text[400];

	ck_assert_int_eq(set_value("mark", "nobody listens\n"), -ENODATA);
	ck_assert_int_eq(set_value("events", "sched_process_exec"), 0);
	ck_assert_int_eq(set_value("mark", "here we are\n"), 0);
	ck_assert_str_eq(read_stream(fd).mark, "here we are");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(set_value("mark", text), 0);
	ck_assert_uint_eq(strlen(read_stream(fd).mark), TRACE_TEXT - 1);
}
END_TEST

static int call_for_ever(void *unused)
{
	(void)unused;
	pin(1);
	for (;;)
		call_often(1000);
	return 0;
}

START_TEST(events_are_switched_and_the_module_goes_under_load)
{
	pid_t child = start(call_for_ever, NULL);
	struct sum sum = { }, more;
	unsigned int i;
	int fd;

	fd = tracer_opened("buffer_size=65536");
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(set_value("events", i % 2 ? "sched_switch" :
					   "syscall,sched_wakeup"), 0);
		more = read_stream(fd);
		sum.records += more.records;
		sum.lost += more.lost;
	}
	ck_assert_int_eq(set_value("events", "\n"), 0);
	more = read_stream(fd);
	sum.records += more.records;
	sum.lost += more.lost;
	adds_up(fd, &sum);
	ck_assert_int_eq(set_value("events", "syscall"), 0);
	close(fd);
	ck_assert_int_eq(unload(TRACER), 0);
	kill(child, SIGKILL);
	is_killed(child, SIGKILL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trace");

	if (!has_tracepoints())
		return run_suite(suite);
	add_trace_case(suite, "events",
		       no_event_is_on_until_it_is_switched_on_and_none_when_it_is_off_again,
		       events_are_chosen_by_group_and_by_name_and_left_out_by_a_minus,
		       a_word_that_is_no_event_changes_nothing,
		       stored_and_lost_events_are_together_all_that_came,
		       a_mark_is_an_event_as_long_as_any_is_on,
		       events_are_switched_and_the_module_goes_under_load);
	return run_suite(suite);
}
