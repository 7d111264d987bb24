// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nobody sleeps while there is what it waits for: each kind of waiter, several
 * at once, while others take it away at any moment. The same on a FIFO shows
 * that this is what a FIFO does.
 *
 * In each round waiters wait and act again and again, among noise: producers
 * append, thieves take away. Then all of these stop, and nothing happens any
 * more by itself. Now what the waiters wait for comes once more, and each must
 * return from its wait. For so many seconds (environment: seconds), at random
 * (environment: seed).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "device.h"
#include "waiters.h"

#define PATH		"/dev/bufflink0"
#define FIFO		"/tmp/fifo"
#define SIZE		(16 * PAGE)	/* of the buffer, and of the FIFO */
#define SMALL_SIZE	(4 * PAGE)	/* if it is to be full; a page of each write */
#define WAITING_MS	2000	/* of one kind of waiter */
#define NOISE_US_MAX	3000	/* of one round */
#define PRODUCERS	2
#define THIEVES		2
#define MAKERS		(PRODUCERS + THIEVES)	/* of noise */

/* Makes noise: a producer in this context, or a thief. */
struct maker {
	struct worker worker;
	bool produces;
	enum producer_context context;
	unsigned int seed;
};

static const struct waiter_kind *kind;
static bool fifo;		/* and no buffer */
static int device = -1;		/* our own look at either */
static size_t size;		/* of either */
static struct maker makers[MAKERS];
static atomic_bool noisy;
static unsigned int seed;

static unsigned int below(unsigned int *state, unsigned int end)
{
	return rand_r(state) % end;
}

/* Nothing is stored if there is not enough room. */
static bool put(size_t bytes)
{
	static const char data[PAGE];
	ssize_t done;

	if (!fifo)
		return !append_record(0, bytes);
	done = write(device, data, bytes);
	must(done == (ssize_t)bytes || errno == EAGAIN);
	return done > 0;
}

static void fill_up(void)
{
	size_t bytes;

	for (bytes = PAGE; bytes; bytes /= 2)
		while (put(bytes))
			;
}

/* Unlike drain(), this never waits, so it asks for no wakeup. */
static bool take(size_t bytes)
{
	char data[SIZE];
	ssize_t got = read(device, data, bytes);

	must(got > 0 || errno == EAGAIN);
	return got > 0;
}

static void empty(void)
{
	while (take(SIZE))
		;
}

/* What comes after the noise must fit. */
static bool has_enough(void)
{
	int waiting;

	must(!ioctl(device, FIONREAD, &waiting));
	return kind->need == DATA && waiting > (int)size / 2;
}

static void append_some(struct maker *maker)
{
	size_t bytes = 1 + below(&maker->seed,
				 kind->need == ROOM ? WRITE_SIZE : 16);
	struct producer_run records = {
		.context = maker->context, .seed = maker->seed,
		.count = 1 + below(&maker->seed, 64),
		.size_min = 1, .size_max = bytes,
	};

	if (has_enough())
		return;
	if (maker->context == PRODUCER_HARDIRQ || !below(&maker->seed, 3))
		records.gap_us = 10 + below(&maker->seed, 30);
	if (fifo)
		put(bytes);
	else
		must(!ioctl(producer, PRODUCER_RUN, &records));
}

static void take_report(void)
{
	struct bufflink_loss report;

	must(!ioctl(device, BUFFLINK_GETLOSS, &report));
}

/* Little or much of what there is */
static void steal(struct maker *maker)
{
	if (kind->need == LOSS)
		take_report();
	else
		take(1 + below(&maker->seed,
			       below(&maker->seed, 2) ? 64 : size));
}

/* Others get the CPU, too, whatever their priority. */
static void make_noise(struct worker *worker)
{
	struct maker *maker = (struct maker *)worker;

	while (noisy) {
		if (maker->produces)
			append_some(maker);
		else
			steal(maker);
		if (!below(&maker->seed, 16))
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
			.context = i ? PRODUCER_HARDIRQ : PRODUCER_PROCESS,
		};
		if (cpu < 0 && i < PRODUCERS)
			makers[i].worker.cpu = i % cpus();
		worker_start(&makers[i].worker);
	}
}

/* Not always all of them: a thief, say, also hides what others do wrong. */
static void release_makers(void)
{
	int i;

	noisy = true;
	for (i = 0; i < MAKERS; i++)
		if (below(&seed, 4))
			worker_release(&makers[i].worker);
}

static void check_rests(unsigned int round, unsigned int working)
{
	static const char * const needs[] = { "data", "room", "a loss" };
	int waiting;

	if (crew_rests(WAITERS, working))
		return;
	ck_assert_int_eq(ioctl(device, FIONREAD, &waiting), 0);
	ck_abort_msg("round %u: %u waiters (%s) sleep, of which %u may: there is %s, and %d bytes wait",
		     round, crew_working(WAITERS), kind->name, working,
		     needs[kind->need], waiting);
}

/* One event for each: one that was told, and is busy, must not keep the next. */
static void tell_one_by_one(unsigned int round, unsigned int count)
{
	while (count--) {
		ck_assert(put(1));
		check_rests(round, count);
	}
}

static void tell(unsigned int round, unsigned int count)
{
	switch (kind->need) {
	case DATA:
		if (kind->exclusive)
			tell_one_by_one(round, count);
		else
			ck_assert(put(count));	/* a byte for each read */
		break;
	case ROOM:
		empty();
		break;
	case LOSS:
		ck_assert(!put(1));
	}
	check_rests(round, 0);
}

/* There is room for a record, or for none, as the waiters need it. */
static void set_up(void)
{
	if (kind->need != DATA)
		fill_up();
	else if (has_enough() || below(&seed, 2))
		empty();
}

/* Sometimes what is left goes away, so that the waiters do sleep. */
static void leave(void)
{
	if (below(&seed, 2))
		return;
	if (kind->need == DATA)
		empty();
	else if (kind->need == ROOM)
		fill_up();
	else
		take_report();
}

static void play(unsigned int round)
{
	unsigned int count = 1 + below(&seed, WAITERS_MAX);

	set_up();
	waiters_release(count, &seed);
	release_makers();
	usleep(below(&seed, NOISE_US_MAX));
	noisy = false;
	ck_assert(crew_rests(NOISE, 0));
	leave();
	waiters_stop();
	tell(round, count);
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

static void make_buffer(void)
{
	device = new_buffer(size);
	if (kind->need == LOSS)
		fill_up();
	take_report();
}

static void make_fifo(void)
{
	unlink(FIFO);
	ck_assert_int_eq(mkfifo(FIFO, 0600), 0);
	device = open(FIFO, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(device, 0);
	ck_assert_int_eq(fcntl(device, F_SETPIPE_SZ, size), size);
}

/* With priorities all share one CPU, and each is preempted by those above. */
static void check_all_are_woken(int which, bool on_fifo, bool priorities,
				unsigned int ms)
{
	int cpu = priorities ? 0 : -1;
	unsigned int round;
	__u64 end;

	kind = &waiter_kinds[which];
	fifo = on_fifo;
	if (!waiters_work(kind) || (fifo && !kind->fifo))
		return;
	seed = variable("seed", 1);
	size = kind->need == DATA ? SIZE : SMALL_SIZE;
	if (fifo)
		make_fifo();
	else
		make_buffer();
	if (priorities)
		pin(0);
	waiters_start(kind, fifo ? FIFO : PATH, cpu);
	start_makers(cpu);
	end = now_ms() + duration_ms(ms);
	for (round = 0; now_ms() < end; round++) {
		if (priorities)
			crew_draw_priorities(&seed);
		play(round);
	}
	ck_assert_uint_gt(round, 0);
}

START_TEST(no_waiter_sleeps_while_there_is_what_it_waits_for)
{
	check_all_are_woken(_i, false, false, WAITING_MS);
}
END_TEST

START_TEST(no_waiter_sleeps_so_that_a_higher_priority_preempts)
{
	check_all_are_woken(_i, false, true, WAITING_MS / 2);
}
END_TEST

START_TEST(no_waiter_of_a_FIFO_sleeps_while_there_is_what_it_waits_for)
{
	check_all_are_woken(_i, true, false, WAITING_MS / 4);
}
END_TEST

START_TEST(no_waiter_of_a_FIFO_sleeps_so_that_a_higher_priority_preempts)
{
	check_all_are_woken(_i, true, true, WAITING_MS / 4);
}
END_TEST

static void add(Suite *suite, const char *name, const TTest *test)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, producer_setup, producer_teardown);
	tcase_set_timeout(tcase, 3 * PATIENCE_S / 2 +
				 duration_ms(WAITING_MS) / 1000);
	tcase_add_loop_test(tcase, test, 0, WAITER_KINDS);
	suite_add_tcase(suite, tcase);
}

int main(void)
{
	Suite *suite = suite_create("waiters");

	add(suite, "buffer",
	    no_waiter_sleeps_while_there_is_what_it_waits_for);
	add(suite, "buffer, priorities",
	    no_waiter_sleeps_so_that_a_higher_priority_preempts);
	add(suite, "FIFO",
	    no_waiter_of_a_FIFO_sleeps_while_there_is_what_it_waits_for);
	add(suite, "FIFO, priorities",
	    no_waiter_of_a_FIFO_sleeps_so_that_a_higher_priority_preempts);
	return run_suite(suite);
}
