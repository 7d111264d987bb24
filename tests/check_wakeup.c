// SPDX-License-Identifier: GPL-2.0-only
/* The waiters that an append wakes, the time of it, and its cost */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <sys/syscall.h>

#include "device.h"

#define ROUNDS		100
#define WATERMARK	100

/* A child that reads to the end of file; it says how much it is, modulo 128. */
static int read_to_end(void *fd)
{
	static char data[PAGE];
	ssize_t got;
	int total = 0;

	while ((got = read(*(int *)fd, data, sizeof(data))) > 0)
		total += got;
	return got ? 255 : total % 128;
}

/* The buffer of slot 0, with a child that reads from it */
struct watched {
	int fd;
	pid_t reader;
};

static struct watched watched_buffer(__u64 watermark)
{
	struct watched watched = {
		.fd = open_buffer(create_buffer(0, 0), O_RDONLY),
	};

	ck_assert_int_eq(set_watermark(watched.fd, watermark), 0);
	watched.reader = start(read_to_end, &watched.fd);
	pin(0);
	return watched;
}

static void end_watched(struct watched *watched, __u64 bytes)
{
	ck_assert_int_eq(destroy(0), 0);
	ck_assert_int_eq(finish(watched->reader), bytes % 128);
}

static bool all_read(int fd)
{
	return !readable(fd);
}

/* Appends once for each sleep of the reader. */
static void append_to_sleeper(struct watched *watched, size_t size)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		wait_asleep(watched->reader);
		ck_assert_int_eq(append_record(0, size), 0);
		wait_for(all_read(watched->fd));
	}
}

START_TEST(an_append_wakes_nobody_if_nobody_sleeps)
{
	int fd = new_buffer(0);
	int i;

	for (i = 0; i < 10; i++) {
		ck_assert_int_eq(append_record(0, 100), 0);
		ck_assert_int_eq(poll_for(fd, POLLIN, PATIENCE_MS), POLLIN);
		if (i % 2)
			drain(fd);
	}
	ck_assert_uint_eq(stats(fd).wakeups, 0);
}
END_TEST

START_TEST(an_append_wakes_nobody_after_a_wait_has_ended)
{
	int fd = new_buffer(0);

	pin(0);
	ck_assert_int_eq(poll_for(fd, POLLIN, 10), 0);
	ck_assert_int_eq(append_record(0, 100), 0);
	ck_assert_uint_eq(stats(fd).wakeups, 0);
}
END_TEST

START_TEST(each_sleep_costs_one_wakeup)
{
	struct watched watched = watched_buffer(1);

	append_to_sleeper(&watched, 1);
	ck_assert_uint_eq(stats(watched.fd).wakeups, ROUNDS);
	end_watched(&watched, ROUNDS);
}
END_TEST

static void append_burst(enum producer_context context)
{
	struct producer_run burst = {
		.context = context, .count = 500, .burst = 500,
		.size_min = 10, .size_max = 10,
	};

	pin(0);
	run(&burst);
	ck_assert_uint_eq(burst.result.stored, 500);
}

START_TEST(one_read_costs_at_most_one_wakeup)
{
	int fd = open_buffer(create_buffer(0, 0), O_RDONLY);
	struct call call;
	char byte;

	call_start(&call, SYS_read, fd, (long)&byte, 1);
	call_wait_asleep(&call);
	append_burst(_i);
	ck_assert_int_eq(call_finish(&call), 1);
	ck_assert_uint_eq(stats(fd).wakeups, 1);
}
END_TEST

START_TEST(one_poll_costs_at_most_one_wakeup)
{
	struct pollfd pfd = { .fd = new_buffer(0), .events = POLLIN };
	struct call call;

	call_start(&call, SYS_ppoll, (long)&pfd, 1);
	call_wait_asleep(&call);
	append_burst(_i);
	ck_assert_int_eq(call_finish(&call), 1);
	ck_assert_uint_eq(stats(pfd.fd).wakeups, 1);
}
END_TEST

START_TEST(an_append_wakes_all_sleeping_readers)
{
	int fd = open_buffer(create_buffer(0, 0), O_RDONLY);
	struct call calls[3];
	char bytes[3];
	int i;

	for (i = 0; i < 3; i++)
		call_start(&calls[i], SYS_read, fd, (long)&bytes[i], 1);
	for (i = 0; i < 3; i++)
		call_wait_asleep(&calls[i]);
	append_text("abc");
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(call_finish(&calls[i]), 1);
	ck_assert_uint_le(stats(fd).wakeups, 3);
}
END_TEST

START_TEST(append_of_any_context_wakes)
{
	struct producer_run records = {
		.context = _i, .count = 1, .size_min = 1, .size_max = 1,
	};
	struct watched watched = watched_buffer(1);
	int i;

	set_probes();
	for (i = 0; i < 20; i++) {
		wait_asleep(watched.reader);
		run(&records);
		wait_for(all_read(watched.fd));
	}
	ck_assert_uint_ge(stats(watched.fd).wakeups, 20);
	end_watched(&watched, 20);
}
END_TEST

/* A wakeup needs the run-queue lock, which such an append has already. */
START_TEST(append_under_the_run_queue_lock_wakes)
{
	struct producer_run records = {
		.context = PRODUCER_SCHED_SWITCH, .count = 2000,
		.size_min = 1, .size_max = 1,
	};
	struct watched watched = watched_buffer(1 + 9 * _i);

	set_probes();
	run(&records);
	wait_for(all_read(watched.fd));
	ck_assert_uint_gt(stats(watched.fd).wakeups, 10);
	end_watched(&watched, 2000);
}
END_TEST

START_TEST(less_than_the_watermark_wakes_by_the_next_tick)
{
	struct watched watched = watched_buffer(WATERMARK);
	__u64 begin = now_ms();

	append_to_sleeper(&watched, WATERMARK - 1);
	/* a tick is 10 ms at most; the rest is for a busy machine */
	ck_assert_uint_lt(now_ms() - begin, ROUNDS * 100 * slowness());
	ck_assert_uint_eq(stats(watched.fd).wakeups, ROUNDS);
	end_watched(&watched, ROUNDS * (WATERMARK - 1));
}
END_TEST

START_TEST(less_than_the_watermark_costs_no_interrupt)
{
	struct watched watched = watched_buffer(WATERMARK);
	long before = irq_work_interrupts();

	append_to_sleeper(&watched, WATERMARK - 1);
	ck_assert_int_lt(irq_work_interrupts() - before, ROUNDS / 2);
	end_watched(&watched, ROUNDS * (WATERMARK - 1));
}
END_TEST

START_TEST(as_much_as_the_watermark_wakes_at_once)
{
	struct watched watched = watched_buffer(WATERMARK);
	long before = irq_work_interrupts();

	append_to_sleeper(&watched, WATERMARK);
	ck_assert_int_ge(irq_work_interrupts() - before, ROUNDS);
	end_watched(&watched, ROUNDS * WATERMARK);
}
END_TEST

/*
 * A tick can wake before the call does, and on a slow machine often does: a test
 * goes on until enough rounds had an interrupt. A real-time kernel has a thread
 * for all irq_work, and does not hurry it when lazy work is before.
 */
static bool had_interrupts(long before, int rounds)
{
	if (is_real_time())
		return rounds >= ROUNDS;
	return irq_work_interrupts() - before >= ROUNDS / 2;
}

START_TEST(lowering_the_watermark_wakes_at_once)
{
	struct watched watched = watched_buffer(WATERMARK);
	long before = irq_work_interrupts();
	int i;

	for (i = 0; !had_interrupts(before, i); i++) {
		ck_assert_int_lt(i, 10 * ROUNDS);
		ck_assert_int_eq(set_watermark(watched.fd, WATERMARK), 0);
		wait_asleep(watched.reader);
		ck_assert_int_eq(append_record(0, 10), 0);
		ck_assert_int_eq(set_watermark(watched.fd, 10), 0);
		wait_for(all_read(watched.fd));
	}
	end_watched(&watched, i * 10);
}
END_TEST

/* Small records, more often than ticks: one wakeup a tick is enough. */
START_TEST(a_slow_trickle_wakes_once_a_tick)
{
	struct producer_run trickle = {
		.count = 2000, .gap_us = 200, .size_min = 1, .size_max = 1,
	};
	struct watched watched = watched_buffer(64 * 1024);
	struct timespec tick;
	__u64 begin = now_ms();
	__u64 ticks;

	ck_assert_int_eq(clock_getres(CLOCK_MONOTONIC_COARSE, &tick), 0);
	run(&trickle);
	wait_for(all_read(watched.fd));
	ticks = (now_ms() - begin) * 1000000 / tick.tv_nsec;
	ck_assert_uint_le(stats(watched.fd).wakeups, ticks + 10);
	end_watched(&watched, 2000);
}
END_TEST

START_TEST(a_resize_that_cuts_the_watermark_wakes_at_once)
{
	struct watched watched = watched_buffer(1);
	long before = irq_work_interrupts();
	int i;

	for (i = 0; !had_interrupts(before, i); i++) {
		ck_assert_int_lt(i, 10 * ROUNDS);
		ck_assert_int_eq(resize(0, 4 * PAGE), 0);
		ck_assert_int_eq(set_watermark(watched.fd, 4 * PAGE), 0);
		wait_asleep(watched.reader);
		ck_assert_int_eq(append_record(0, PAGE), 0);
		ck_assert_int_eq(resize(0, PAGE), 0);
		wait_for(all_read(watched.fd));
	}
	end_watched(&watched, i * PAGE);
}
END_TEST

START_TEST(a_poll_finds_data_below_the_watermark)
{
	int fd = new_buffer(0);

	ck_assert_int_eq(set_watermark(fd, 1000), 0);
	append_text("little");
	ck_assert_int_eq(poll_for(fd, POLLIN, 0), POLLIN);
	check_reads(fd, "little");
}
END_TEST

START_TEST(a_loss_costs_one_wakeup)
{
	int fd = new_client_buffer(64);
	struct pollfd wait = { .fd = fd, .events = POLLPRI };
	struct call call;

	pin(0);
	fill(0, 64);
	call_start(&call, SYS_ppoll, (long)&wait, 1);
	call_wait_asleep(&call);
	lose(64);
	ck_assert_int_eq(call_finish(&call), 1);
	pause_ms(MOMENT_MS);
	ck_assert_uint_eq(stats(fd).wakeups, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wakeup");

	add_case(suite, "sleep", an_append_wakes_nobody_if_nobody_sleeps,
		 an_append_wakes_nobody_after_a_wait_has_ended,
		 each_sleep_costs_one_wakeup, an_append_wakes_all_sleeping_readers);
	add_loop_case(suite, "burst", PRODUCER_HARDIRQ + 1,
		      one_read_costs_at_most_one_wakeup,
		      one_poll_costs_at_most_one_wakeup);
	add_loop_case(suite, "contexts", PRODUCER_CONTEXTS,
		      append_of_any_context_wakes);
	add_loop_case(suite, "run queue", 2,
		      append_under_the_run_queue_lock_wakes);
	add_case(suite, "watermark",
		 less_than_the_watermark_wakes_by_the_next_tick,
		 less_than_the_watermark_costs_no_interrupt,
		 as_much_as_the_watermark_wakes_at_once,
		 lowering_the_watermark_wakes_at_once,
		 a_resize_that_cuts_the_watermark_wakes_at_once,
		 a_slow_trickle_wakes_once_a_tick,
		 a_poll_finds_data_below_the_watermark);
	add_case(suite, "loss", a_loss_costs_one_wakeup);
	return run_suite(suite);
}
