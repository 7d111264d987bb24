// SPDX-License-Identifier: GPL-2.0-only
/* The module that takes events: the parts it keeps, and the losses it counts. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/klog.h>
#include <time.h>

#include "events.h"

#define EVENTS		2000	/* of a flood, from each context */
#define MESSAGES	6000	/* more than Debian's log holds */

static int open_evlog(const char *parameters)
{
	return open_buffer(load_evlog(parameters), O_RDONLY | O_NONBLOCK);
}

static const struct {
	enum producer_context producer;
	enum evlog_context evlog;
} contexts[] = {
	{ PRODUCER_PROCESS, EVLOG_PROCESS },
	{ PRODUCER_SOFTIRQ, EVLOG_SOFTIRQ },
	{ PRODUCER_HARDIRQ, EVLOG_HARDIRQ },
#if PRODUCER_NMIS
	{ PRODUCER_NMI, EVLOG_NMI },
#endif
};

#define CONTEXTS	(sizeof(contexts) / sizeof(*contexts))
#define FAST_CLOCK	10000000	/* how late that of the kernel may be (ns) */

START_TEST(an_event_tells_its_context_and_has_all_that_was_given)
{
	int fd = open_evlog(LARGE);
	struct draft given = draft(EVLOG_CRIT, "disk", "io_error", "sector 12");
	__u64 before = clock_now(CLOCK_REALTIME), after;

	add_s64(&given, "error", -5);
	add_u64(&given, "sector", 12);
	add_string(&given, "device", "sda");
	add_attr(&given, EVLOG_KIND_BYTES, "sense", "\0\xff", 2);
	pin(0);
	ck_assert_int_eq(write_draft(contexts[_i].producer, &given), 0);
	after = clock_now(CLOCK_REALTIME);

	ck_assert(next_event(fd));
	ck_assert_uint_eq(event.head.context, contexts[_i].evlog);
	ck_assert_uint_eq(event.head.cpu, 0);
	ck_assert_uint_eq(event.head.severity, EVLOG_CRIT);
	ck_assert_uint_eq(event.head.flags, 0);
	ck_assert_uint_ge(event.head.time, before - FAST_CLOCK);
	ck_assert_uint_le(event.head.time, after + FAST_CLOCK);
	ck_assert_str_eq(event.module, "producer");
	ck_assert_str_eq(event.facility, "disk");
	ck_assert_str_eq(event.type, "io_error");
	ck_assert_str_eq(event.text, "sector 12");
	ck_assert_uint_eq(event.head.attrs, 4);
	ck_assert_str_eq(event.attrs[0].name, "error");
	ck_assert_uint_eq(event.attrs[0].kind, EVLOG_KIND_S64);
	ck_assert_int_eq(number_of(&event.attrs[0]), -5);
	ck_assert_str_eq(event.attrs[1].name, "sector");
	ck_assert_uint_eq(event.attrs[1].kind, EVLOG_KIND_U64);
	ck_assert_uint_eq(number_of(&event.attrs[1]), 12);
	ck_assert_str_eq(event.attrs[2].name, "device");
	ck_assert_uint_eq(event.attrs[2].kind, EVLOG_KIND_STRING);
	ck_assert_str_eq(event.attrs[2].data, "sda");
	ck_assert_uint_eq(event.attrs[3].kind, EVLOG_KIND_BYTES);
	ck_assert_uint_eq(event.attrs[3].size, 2);
	ck_assert_mem_eq(event.attrs[3].data, "\0\xff", 2);
	ck_assert(!next_event(fd));
}
END_TEST

static int write_as_nobody(void *unused)
{
	(void)unused;
	become_nobody();
	write_plain(EVLOG_INFO, "a", "b", "c");
	return 0;
}

START_TEST(an_event_of_a_process_has_its_number_and_its_user)
{
	int fd = open_evlog(LARGE);
	pid_t pid;

	write_plain(EVLOG_INFO, "a", "b", "c");
	ck_assert(next_event(fd));
	ck_assert_uint_eq(event.head.pid, getpid());
	ck_assert_uint_eq(event.head.uid, 0);
	pid = start(write_as_nobody, NULL);
	ck_assert_int_eq(finish(pid), 0);
	ck_assert(next_event(fd));
	ck_assert_uint_eq(event.head.pid, pid);
	ck_assert_uint_eq(event.head.uid, NOBODY);
}
END_TEST

/* a flood */

static int flood_context(void *arg)
{
	struct producer_run *flood = arg;

	pin(flood->cpu);
	run(flood);
	return 0;
}

/* In all contexts at once, on all CPUs; the sum of the results. */
static struct producer_result flood(void)
{
	struct producer_run *floods = shared(CONTEXTS * sizeof(*floods));
	struct producer_result total = { };
	pid_t pids[CONTEXTS];
	size_t i;

	for (i = 0; i < CONTEXTS; i++) {
		floods[i] = (struct producer_run) {
			.call = PRODUCER_EVLOG, .context = contexts[i].producer,
			.id = i, .cpu = i % cpus(), .burst = 50,
			.count = contexts[i].producer == PRODUCER_NMI ?
				 EVENTS / 10 : EVENTS,
			.size_min = 1, .size_max = 1,
			.gap_us = contexts[i].producer == PRODUCER_PROCESS ?
				  0 : 200,
		};
		pids[i] = start(flood_context, &floods[i]);
	}
	for (i = 0; i < CONTEXTS; i++) {
		ck_assert_int_eq(finish(pids[i]), 0);
		ck_assert_uint_eq(offered(&floods[i].result), floods[i].count);
		add_result(&total, &floods[i].result);
	}
	return total;
}

/* A producer counts only those that are stored: none is missing or comes twice. */
static __u64 count_events(int fd)
{
	__u64 next[CONTEXTS] = { }, count = 0, id;
	char text[64];

	for (; next_event(fd); count++) {
		must(!strcmp(event.type, "flood"));
		must(event.head.attrs == 2);
		id = number_of(&event.attrs[0]);
		must(id < CONTEXTS);
		must(number_of(&event.attrs[1]) == next[id]);
		must(event.head.context == contexts[id].evlog);
		must(event.head.cpu == id % cpus());
		snprintf(text, sizeof(text), "%u %u", (unsigned int)id,
			 (unsigned int)next[id]++);
		must(!strcmp(event.text, text));
	}
	return count;
}

START_TEST(a_flood_from_all_contexts_is_kept_or_counted)
{
	int fd = open_evlog(_i ? "size=65536" : LARGE);
	struct producer_result total = flood();
	struct bufflink_stats after = stats(fd);

	ck_assert_uint_eq(total.nospc > 0, _i);
	ck_assert_uint_eq(after.records, total.stored);
	ck_assert_uint_eq(after.lost_records, refused(&total));
	ck_assert_uint_eq(loss(fd).records, refused(&total));
	ck_assert_uint_eq(count_events(fd), total.stored);
}
END_TEST

START_TEST(the_oldest_events_are_kept)
{
	int fd = open_evlog("size=4096");
	unsigned int stored = 0, i;
	struct draft given;
	char text[32];

	for (i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "number %03u", i);
		given = draft(EVLOG_INFO, "a", "b", text);
		if (!write_draft(PRODUCER_PROCESS, &given))
			ck_assert_uint_eq(stored++, i);
	}
	ck_assert_uint_gt(stored, 0);
	ck_assert_uint_eq(stats(fd).lost_records, 100 - stored);
	for (i = 0; i < stored; i++) {
		ck_assert(next_event(fd));
		snprintf(text, sizeof(text), "number %03u", i);
		ck_assert_str_eq(event.text, text);
	}
	ck_assert(!next_event(fd));
}
END_TEST

/* edges */

/* Of so many bytes; valid until the next but one. */
static const char *letters(size_t size)
{
	static char texts[2][8192];
	static int which;
	char *text = texts[which ^= 1];

	memset(text, 'x', size);
	text[size] = '\0';
	return text;
}

static void write_and_read(int fd, const struct draft *given)
{
	ck_assert_int_eq(write_draft(PRODUCER_PROCESS, given), 0);
	ck_assert(next_event(fd));
	ck_assert(!next_event(fd));
}

START_TEST(numbers_keep_all_their_bits)
{
	struct draft given = draft(EVLOG_INFO, "", "", "");
	int fd = open_evlog(LARGE);

	add_s64(&given, "", INT64_MIN);
	add_s64(&given, "", INT64_MAX);
	add_u64(&given, "", UINT64_MAX);
	add_string(&given, "", "");
	write_and_read(fd, &given);
	ck_assert_uint_eq(event.head.flags, 0);
	ck_assert_str_eq(event.facility, "");
	ck_assert_str_eq(event.text, "");
	ck_assert_int_eq(number_of(&event.attrs[0]), INT64_MIN);
	ck_assert_int_eq(number_of(&event.attrs[1]), INT64_MAX);
	ck_assert_uint_eq(number_of(&event.attrs[2]), UINT64_MAX);
	ck_assert_uint_eq(event.attrs[3].size, 0);
}
END_TEST

START_TEST(a_name_or_a_text_that_is_too_long_is_cut_and_the_event_says_so)
{
	int fd = open_evlog(LARGE);
	struct draft given;
	int more;

	for (more = 0; more < 2; more++) {
		given = draft(EVLOG_INFO, letters(EVLOG_NAME_MAX + more), "b",
			      letters(EVLOG_TEXT_MAX));
		write_and_read(fd, &given);
		ck_assert_uint_eq(event.head.flags, more ? EVLOG_CUT : 0);
		ck_assert_str_eq(event.facility, letters(EVLOG_NAME_MAX));
		ck_assert_str_eq(event.text, letters(EVLOG_TEXT_MAX));

		given = draft(EVLOG_INFO, "a", letters(EVLOG_NAME_MAX + more),
			      "");
		write_and_read(fd, &given);
		ck_assert_uint_eq(event.head.flags, more ? EVLOG_CUT : 0);
		ck_assert_str_eq(event.type, letters(EVLOG_NAME_MAX));

		given = draft(EVLOG_INFO, "a", "b",
			      letters(EVLOG_TEXT_MAX + more));
		add_u64(&given, "n", 1);
		write_and_read(fd, &given);
		ck_assert_uint_eq(event.head.flags, more ? EVLOG_CUT : 0);
		ck_assert_str_eq(event.text, letters(EVLOG_TEXT_MAX));
		ck_assert_uint_eq(number_of(&event.attrs[0]), 1);

		given = draft(EVLOG_INFO, "a", "b", "c");
		add_u64(&given, letters(EVLOG_NAME_MAX + more), 7);
		write_and_read(fd, &given);
		ck_assert_uint_eq(event.head.flags, more ? EVLOG_CUT : 0);
		ck_assert_str_eq(event.attrs[0].name, letters(EVLOG_NAME_MAX));
		ck_assert_uint_eq(number_of(&event.attrs[0]), 7);
	}
}
END_TEST

START_TEST(attributes_beyond_the_last_are_left_out_and_the_event_says_so)
{
	struct draft given = draft(EVLOG_INFO, "a", "b", "c");
	int fd = open_evlog(LARGE);
	int i;

	for (i = 0; i < EVLOG_ATTRS_MAX; i++)
		add_u64(&given, "n", i);
	write_and_read(fd, &given);
	ck_assert_uint_eq(event.head.flags, 0);
	ck_assert_uint_eq(event.head.attrs, EVLOG_ATTRS_MAX);

	add_u64(&given, "n", i);
	write_and_read(fd, &given);
	ck_assert_uint_eq(event.head.flags, EVLOG_CUT);
	ck_assert_uint_eq(event.head.attrs, EVLOG_ATTRS_MAX);
	for (i = 0; i < EVLOG_ATTRS_MAX; i++)
		ck_assert_uint_eq(number_of(&event.attrs[i]), i);
}
END_TEST

START_TEST(a_value_that_is_too_long_is_cut_and_the_event_says_so)
{
	const size_t room = EVLOG_RECORD_MAX - sizeof(struct evlog_record) -
		strlen("producerabc") - sizeof(struct evlog_value) - 1;
	int fd = open_evlog(LARGE);
	struct draft given;
	int kind, more;

	for (kind = EVLOG_KIND_STRING; kind <= EVLOG_KIND_BYTES; kind++) {
		for (more = 0; more < 2; more++) {
			given = draft(EVLOG_INFO, "a", "b", "c");
			add_attr(&given, kind, "v", letters(room + more),
				 room + more + (kind == EVLOG_KIND_STRING));
			write_and_read(fd, &given);
			ck_assert_uint_eq(event.head.length, EVLOG_RECORD_MAX);
			ck_assert_uint_eq(event.head.flags,
					  more ? EVLOG_CUT : 0);
			ck_assert_uint_eq(event.attrs[0].kind, kind);
			ck_assert_str_eq(event.attrs[0].data, letters(room));
		}
	}
	/* A number is whole, or is not there. */
	add_u64(&given, "n", 1);
	write_and_read(fd, &given);
	ck_assert_uint_eq(event.head.attrs, 1);
	ck_assert_uint_eq(event.head.flags, EVLOG_CUT);
}
END_TEST

START_TEST(a_wrong_severity_or_kind_does_no_harm)
{
	struct draft given = draft(200, "a", "b", "c");
	int fd = open_evlog(LARGE);

	add_attr(&given, 77, "odd", "12345678", 8);
	add_u64(&given, "n", 1);
	write_and_read(fd, &given);
	ck_assert_uint_eq(event.head.severity, EVLOG_DEBUG);
	ck_assert_uint_eq(event.head.flags, EVLOG_CUT);
	ck_assert_uint_eq(event.head.attrs, 1);
	ck_assert_str_eq(event.attrs[0].name, "n");
}
END_TEST

static bool begins_with(const char *whole, const char *part, size_t max)
{
	return !strncmp(whole, part, strlen(part)) &&
	       (strlen(part) == strlen(whole) || event.head.flags) &&
	       strlen(part) <= max;
}

static void is_of(const struct attr *attr, const struct given *given)
{
	ck_assert_uint_eq(attr->kind, given->kind);
	ck_assert(begins_with(given->name, attr->name, EVLOG_NAME_MAX));
	ck_assert(attr->size == given->size ||
		  (attr->size < given->size && event.head.flags &&
		   given->kind >= EVLOG_KIND_STRING));
	ck_assert_mem_eq(attr->data, given->data, attr->size);
}

START_TEST(a_fuzzed_event_is_whole_or_says_that_it_was_cut)
{
	int fd = open_evlog(LARGE);
	unsigned int cut = 0, i, j, k;
	static struct noise noise;
	const struct given *const attrs = noise.attrs;
	struct draft given;

	srandom(18);
	for (i = 0; i < FUZZED; i++) {
		given = draft_of_noise(&noise);
		write_and_read(fd, &given);
		ck_assert(begins_with(noise.facility, event.facility,
				      EVLOG_NAME_MAX));
		ck_assert(begins_with(noise.type, event.type,
				      EVLOG_NAME_MAX));
		ck_assert(begins_with(noise.text, event.text,
				      EVLOG_TEXT_MAX));
		ck_assert_uint_le(event.head.attrs, noise.n);
		ck_assert(event.head.flags || event.head.attrs == noise.n);
		/* Some may be left out, as there was no room. */
		for (j = 0, k = 0; j < event.head.attrs; j++, k++) {
			while (event.head.flags && k < noise.n &&
			       noise.n - k > event.head.attrs - j &&
			       (attrs[k].kind != event.attrs[j].kind ||
				memcmp(attrs[k].data, event.attrs[j].data,
				       event.attrs[j].size)))
				k++;
			is_of(&event.attrs[j], &attrs[k]);
		}
		cut += event.head.flags;
	}
	ck_assert_uint_gt(cut, FUZZED / 20);
	ck_assert_uint_lt(cut, FUZZED);
}
END_TEST

/* modules */

START_TEST(a_module_that_writes_events_holds_it)
{
	int fd = open_evlog(LARGE);

	ck_assert_int_eq(load(EXAMPLE, "interval=10"), 0);
	ck_assert_int_eq(unload(EVLOG), -EAGAIN);
	wait_for(stats(fd).records >= 8);
	ck_assert_int_eq(unload(EXAMPLE), 0);
	ck_assert(next_event(fd));
	ck_assert_str_eq(event.type, "added");
	ck_assert_str_eq(event.module, EXAMPLE);
	do {
		ck_assert(next_event(fd));
	} while (strcmp(event.type, "io_error"));
	ck_assert_uint_eq(event.head.context, EVLOG_SOFTIRQ);
	ck_assert_uint_eq(event.head.attrs, 4);
	ck_assert_str_eq(event.text, "cannot read sector 32 of example");
	while (next_event(fd))
		;
	ck_assert_str_eq(event.type, "removed");
	ck_assert_int_eq(unload(EVLOG), 0);
}
END_TEST

START_TEST(without_memory_it_leaves_nothing_behind)
{
	ck_assert_int_eq(load(EVLOG, "size=1152921504606846976"), -ENOMEM);
	ck_assert_int_eq(load(EVLOG, LARGE), 0);
}
END_TEST

/* messages of printk() */

static void messages_setup(void)
{
	evlog_setup();
	log_quietly();
}

static void messages_teardown(void)
{
	parameter_write("printk", "time", "Y\n");
	log_as_before();
	evlog_teardown();
}

/* It has come, or is among those that are there. Others print, too. */
static bool comes(int fd, const char *text)
{
	while (strcmp(event.text, text))
		if (!next_event(fd))
			return false;
	return true;
}

static void is_message(const char *facility, enum evlog_severity severity)
{
	ck_assert_str_eq(event.facility, facility);
	ck_assert_str_eq(event.type, "message");
	ck_assert_uint_eq(event.head.severity, severity);
	ck_assert_uint_eq(event.head.context, EVLOG_PRINTK);
	ck_assert_str_eq(event.module, "printk");
	ck_assert_uint_eq(event.head.flags, 0);
}

START_TEST(messages_of_printk_come_in_as_events_if_that_was_asked_for)
{
	int fd = open_evlog(LARGE " printk=1");

	write_to("/dev/kmsg", "<30>a daemon speaks\n");
	wait_for(comes(fd, "a daemon speaks"));
	is_message("daemon", EVLOG_INFO);
	write_to("/dev/kmsg", "<11>[not a time] but a text\n");
	wait_for(comes(fd, "[not a time] but a text"));
	is_message("user", EVLOG_ERR);
	ck_assert(!next_event(fd) || event.head.context == EVLOG_PRINTK);
}
END_TEST

START_TEST(a_time_is_left_out_and_text_is_not_also_when_printk_time_changes)
{
	int fd = open_evlog(LARGE " printk=1");

	parameter_write("printk", "time", "N\n");
	write_to("/dev/kmsg", "<13>[drm] without a time\n");
	wait_for(comes(fd, "[drm] without a time"));
	write_to("/dev/kmsg", "<13>[12.5] volts\n");
	wait_for(comes(fd, "[12.5] volts"));
	write_to("/dev/kmsg", "<13>[7.123456]x\n");
	wait_for(comes(fd, "[7.123456]x"));
	parameter_write("printk", "time", "Y\n");
	write_to("/dev/kmsg", "<13>[drm] with a time\n");
	wait_for(comes(fd, "[drm] with a time"));

	close(fd);
	parameter_write("printk", "time", "N\n");
	ck_assert_int_eq(unload(EVLOG), 0);
	fd = open_evlog(LARGE " printk=1");
	parameter_write("printk", "time", "Y\n");
	write_to("/dev/kmsg", "<13>since it was loaded\n");
	wait_for(comes(fd, "since it was loaded"));
}
END_TEST

START_TEST(a_message_comes_in_from_any_context_line_by_line)
{
	static const char text[] = "\0012first of two\nsecond of two\n";
	int fd = open_evlog(LARGE " printk=1");
	struct producer_run one = {
		.call = PRODUCER_PRINTK, .context = contexts[_i].producer,
		.count = 1, .data = (uintptr_t)text,
		.size_min = strlen(text), .size_max = strlen(text),
	};

	create_buffer(0, PAGE);	/* the producer wants to have one */
	run(&one);
	wait_for(comes(fd, "first of two"));
	is_message("kern", EVLOG_CRIT);
	wait_for(comes(fd, "second of two"));
	is_message("kern", EVLOG_CRIT);
}
END_TEST

static bool tells_of_a_loss(int fd)
{
	while (!strstr(event.text, " messages had left the kernel's log"))
		if (!next_event(fd))
			return false;
	return true;
}

START_TEST(a_loss_that_has_no_room_in_the_buffer_is_told_when_there_is_room)
{
	struct producer_run burst = {
		.call = PRODUCER_PRINTK, .context = PRODUCER_HARDIRQ,
		.count = MESSAGES, .burst = MESSAGES,
		.size_min = 1, .size_max = 1,
	};
	const struct draft small = draft(EVLOG_INFO, "", "", "");
	int fd = open_evlog("size=4096 printk=1");

	create_buffer(0, PAGE);	/* the producer wants to have one */
	while (!write_draft(PRODUCER_PROCESS, &small))
		;
	run(&burst);
	write_to("/dev/kmsg", "<13>no room yet\n");
	ck_assert(!tells_of_a_loss(fd));
	write_to("/dev/kmsg", "<13>room again\n");
	wait_for(comes(fd, "room again"));
	wait_for(tells_of_a_loss(fd));
	ck_assert_str_eq(event.attrs[0].name, "messages");
	ck_assert_uint_gt(number_of(&event.attrs[0]), 0);
}
END_TEST

START_TEST(without_being_asked_it_takes_no_message)
{
	int fd = open_evlog(LARGE);

	write_to("/dev/kmsg", "<30>a daemon speaks\n");
	pause_ms(MOMENT_MS);
	ck_assert(!next_event(fd));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("evlog");
	TCase *events = tcase_create("events");
	TCase *messages = tcase_create("messages");

	tcase_add_checked_fixture(events, evlog_setup, evlog_teardown);
	tcase_set_timeout(events, 3 * PATIENCE_S);
	suite_add_tcase(suite, events);
	tcase_add_loop_test(events,
			    an_event_tells_its_context_and_has_all_that_was_given,
			    0, CONTEXTS);
	tcase_add_test(events, an_event_of_a_process_has_its_number_and_its_user);
	tcase_add_loop_test(events, a_flood_from_all_contexts_is_kept_or_counted,
			    0, 2);
	tcase_add_test(events, the_oldest_events_are_kept);
	tcase_add_test(events, numbers_keep_all_their_bits);
	tcase_add_test(events,
		       a_name_or_a_text_that_is_too_long_is_cut_and_the_event_says_so);
	tcase_add_test(events,
		       attributes_beyond_the_last_are_left_out_and_the_event_says_so);
	tcase_add_test(events,
		       a_value_that_is_too_long_is_cut_and_the_event_says_so);
	tcase_add_test(events, a_wrong_severity_or_kind_does_no_harm);
	tcase_add_test(events, a_fuzzed_event_is_whole_or_says_that_it_was_cut);
	tcase_add_test(events, a_module_that_writes_events_holds_it);
	tcase_add_test(events, without_memory_it_leaves_nothing_behind);

	tcase_add_checked_fixture(messages, messages_setup, messages_teardown);
	tcase_set_timeout(messages, 3 * PATIENCE_S);
	suite_add_tcase(suite, messages);
	tcase_add_test(messages,
		       messages_of_printk_come_in_as_events_if_that_was_asked_for);
	tcase_add_test(messages,
		       a_time_is_left_out_and_text_is_not_also_when_printk_time_changes);
	tcase_add_loop_test(messages,
			    a_message_comes_in_from_any_context_line_by_line, 0,
			    CONTEXTS);
	tcase_add_test(messages,
		       a_loss_that_has_no_room_in_the_buffer_is_told_when_there_is_room);
	tcase_add_test(messages, without_being_asked_it_takes_no_message);
	return run_suite(suite);
}
