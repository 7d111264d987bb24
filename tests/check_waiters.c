// SPDX-License-Identifier: GPL-2.0-only
/*
 * No waiter sleeps while its event is there: data, room or a loss. Each kind of
 * waiter, several at once, while others take the event away at any moment. The
 * same test on a FIFO shows that a FIFO does so.
 *
 * In each round waiters wait and act again and again, among noise: producers
 * append, thieves take away. Then these come to their end, and nothing happens
 * any more by itself. The waiters must take all that is left. Then they are told
 * once more, and each must return from its wait. The environment gives the time
 * (seconds) and the beginning of the random numbers (seed).
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "device.h"
#include "waiters.h"

#define SIZE		(16 * PAGE)	/* of the buffer, and of the FIFO */
#define SMALL_SIZE	(4 * PAGE)	/* if it is to be full; a page of each write */
#define WAITING_MS	1000	/* of one kind of waiter */
#define PRODUCERS	2
#define THIEVES		2
#define MAKERS		(PRODUCERS + THIEVES)	/* of noise */

/* Makes noise: a producer in this context, or a thief. */
struct maker {
	struct worker worker;
	bool produces;
	unsigned int haste;	/* it pauses once in so many times */
	unsigned int times;	/* in this round */
	enum producer_context context;
	unsigned int seed;
};

static const struct waiter_kind *kind;
static struct channel channel;
static struct maker makers[MAKERS];
static unsigned int seed;

static unsigned int below(unsigned int *state, unsigned int end)
{
	return rand_r(state) % end;
}

/* The bytes after the noise must fit. */
static bool has_enough(void)
{
	return kind->need == DATA &&
	       channel_used(&channel) > channel.size / 2;
}

static void append_some(struct maker *maker)
{
	size_t bytes = 1 + below(&maker->seed,
				 kind->need == ROOM ? WRITE_SIZE : 16);
	struct producer_run records = {
		.context = maker->context, .seed = maker->seed,
		.count = 1 + below(&maker->seed, 32),
		.size_min = 1, .size_max = bytes,
	};

	if (has_enough())
		return;
	if (maker->context == PRODUCER_HARDIRQ || !below(&maker->seed, 3))
		records.gap_us = 10 + below(&maker->seed, 30);
	if (channel.fifo)
		channel_put(&channel, bytes);
	else
		must(!ioctl(producer, PRODUCER_RUN, &records));
}

/* Takes the report away, or lets records in between those that are lost. */
static void disturb_losses(struct maker *maker)
{
	if (below(&maker->seed, 2)) {
		channel_take_report(&channel);
	} else {
		channel_take(&channel, 1 + below(&maker->seed, 64));
		channel_fill(&channel);
	}
}

/* Little or much of it */
static void steal(struct maker *maker)
{
	size_t most = below(&maker->seed, 2) ? 64 : channel.size;

	if (kind->need == LOSS)
		disturb_losses(maker);
	else
		channel_take(&channel, 1 + below(&maker->seed, most));
}

/*
 * So many times, not for so long: on a busy machine, it may take long before a
 * maker runs at all. In the pauses others do, whatever their priority.
 */
static void make_noise(struct worker *worker)
{
	struct maker *maker = (struct maker *)worker;

	while (maker->times--) {
		if (maker->produces)
			append_some(maker);
		else
			steal(maker);
		if (!below(&maker->seed, maker->haste))
			usleep(below(&maker->seed, 100));
	}
}

static void start_makers(int cpu)
{
	int i;

	for (i = 0; i < MAKERS; i++) {
		makers[i] = (struct maker) {
			.worker = {
				.group = NOISE, .work = make_noise, .cpu = cpu,
			},
			.produces = i < PRODUCERS, .seed = seed + i,
			.haste = cpu < 0 ? 16 : 2,
			.context = i ? PRODUCER_HARDIRQ : PRODUCER_PROCESS,
		};
		if (cpu < 0 && i < PRODUCERS)
			makers[i].worker.cpu = i % cpus();
		worker_start(&makers[i].worker);
	}
}

/* Refusals take little time, and a waiter is to hear of several in a round. */
static void release(struct maker *maker)
{
	unsigned int most = 6 * maker->haste;

	if (maker->produces)
		most = kind->need == LOSS ? 24 : 4;
	maker->times = 1 + below(&seed, most);
	worker_release(&maker->worker);
}

/* A thief makes data hard to see, but a report of a loss sets all right. */
static unsigned int draw_thieves(void)
{
	bool few = kind->need == LOSS;

	if (below(&seed, 4) ? few : !few)
		return 0;
	return 1 + below(&seed, THIEVES);
}

static void release_makers(void)
{
	unsigned int producers = 1 + below(&seed, PRODUCERS);
	unsigned int thieves = draw_thieves();
	unsigned int first = below(&seed, PRODUCERS);
	unsigned int i;

	for (i = 0; i < producers; i++)
		release(&makers[(first + i) % PRODUCERS]);
	for (i = 0; i < thieves; i++)
		release(&makers[PRODUCERS + i]);
}

/* There is room for a record, or for none, as the waiters need it. */
static void set_up(void)
{
	if (kind->need != DATA)
		channel_fill(&channel);
	else if (has_enough() || below(&seed, 2))
		channel_empty(&channel);
}

/* Sometimes the rest goes away, so that the waiters do sleep. */
static void leave(void)
{
	if (below(&seed, 3))
		return;
	if (kind->need == DATA)
		channel_empty(&channel);
	else if (kind->need == ROOM)
		channel_fill(&channel);
	else
		channel_take_report(&channel);
}

static void wait_for_silence(unsigned int round)
{
	unsigned int working;

	if (crew_rests(NOISE, 0))
		return;
	working = crew_working(NOISE);
	crew_show();
	ck_abort_msg("round %u: %u go on with noise", round, working);
}

static void play(unsigned int round)
{
	/* often only one, which no other covers */
	unsigned int count = 1 + below(&seed, 2) * below(&seed, WAITERS_MAX);

	set_up();
	waiters_release(count, &seed);
	release_makers();
	wait_for_silence(round);
	if (kind->need == LOSS)
		channel_fill(&channel);
	/* In the other half, they stop at any moment. */
	if (below(&seed, 2))
		waiters_take_all(round);
	leave();
	waiters_stop();
	waiters_tell(count, round);
}

static unsigned int variable(const char *name, unsigned int otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 10) : otherwise;
}

static unsigned int duration_ms(unsigned int otherwise)
{
	unsigned int seconds = variable("seconds", 0);

	return seconds ? 1000 * seconds : otherwise;
}

static void make_channel(struct channel (*make)(size_t size))
{
	channel = make(kind->need == DATA ? SIZE : SMALL_SIZE);
	if (kind->need != LOSS)
		return;
	channel_fill(&channel);
	channel_take_report(&channel);
}

/* With priorities all share one CPU, and each is preempted by those above. */
static void check_all_are_woken(int which, struct channel (*make)(size_t size),
				bool priorities, unsigned int ms)
{
	int cpu = priorities ? 0 : -1;
	unsigned int round;
	__u64 end;

	kind = &waiter_kinds[which];
	seed = variable("seed", 1);
	make_channel(make);
	if (priorities)
		pin(0);
	waiters_start(kind, &channel, cpu);
	start_makers(cpu);
	end = now_ms() + duration_ms(ms);
	for (round = 0; now_ms() < end; round++) {
		if (priorities)
			crew_draw_priorities(&seed);
		play(round);
	}
	printf("%s%s%s: %u rounds\n", channel.fifo ? "FIFO, " : "",
	       priorities ? "priorities, " : "", kind->name, round);
	fflush(stdout);
}

START_TEST(no_waiter_sleeps_while_its_event_is_there)
{
	check_all_are_woken(_i, channel_buffer, false, WAITING_MS);
}
END_TEST

START_TEST(no_waiter_sleeps_so_that_a_higher_priority_preempts)
{
	check_all_are_woken(_i, channel_buffer, true, WAITING_MS / 2);
}
END_TEST

START_TEST(no_waiter_of_a_per_CPU_buffer_sleeps_while_there_is_data)
{
	check_all_are_woken(_i, channel_percpu, false, WAITING_MS / 4);
}
END_TEST

START_TEST(no_waiter_of_a_FIFO_sleeps_while_its_event_is_there)
{
	check_all_are_woken(_i, channel_fifo, false, WAITING_MS / 4);
}
END_TEST

START_TEST(no_waiter_of_a_FIFO_sleeps_so_that_a_higher_priority_preempts)
{
	check_all_are_woken(_i, channel_fifo, true, WAITING_MS / 4);
}
END_TEST

static void add(Suite *suite, const char *name, const TTest *test, int kinds)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, producer_setup, producer_teardown);
	tcase_set_timeout(tcase, 3 * PATIENCE_S / 2 +
				 duration_ms(WAITING_MS) / 1000);
	tcase_add_loop_test(tcase, test, 0, kinds);
	suite_add_tcase(suite, tcase);
}

int main(void)
{
	Suite *suite = suite_create("waiters");

	add(suite, "buffer",
	    no_waiter_sleeps_while_its_event_is_there, WAITER_KINDS);
	add(suite, "buffer, priorities",
	    no_waiter_sleeps_so_that_a_higher_priority_preempts, WAITER_KINDS);
	add(suite, "per-CPU buffer",
	    no_waiter_of_a_per_CPU_buffer_sleeps_while_there_is_data,
	    DATA_KINDS);
	add(suite, "FIFO",
	    no_waiter_of_a_FIFO_sleeps_while_its_event_is_there,
	    FIFO_KINDS);
	add(suite, "FIFO, priorities",
	    no_waiter_of_a_FIFO_sleeps_so_that_a_higher_priority_preempts,
	    FIFO_KINDS);
	return run_suite(suite);
}
