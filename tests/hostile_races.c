// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs do everything at once to a buffer that is destroyed under them, by
 * its client or with it, while signals arrive and kill. For so many minutes
 * (environment: minutes), at random (environment: seed).
 *
 * A round is the life of one buffer: the workers open it, use it, and come to
 * its end; the test destroys it, and looks whether all is right. Records are
 * numbered, so each worker can mark off those that it has read: none may come
 * twice and in the end none may be missing. Their operations are in
 * operations.c; this is the referee.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "operations.h"

static struct worker workers[WORKERS];
static pid_t worker_pids[WORKERS];
static pid_t context_pids[CONTEXTS];
static unsigned int seed;

/* A client that appends in one context, not longer than the buffer lives */
static void append_records(__u32 context, unsigned int *state)
{
	struct producer_run records = {
		.context = context, .id = context, .burst = 4,
		.size_min = RECORD, .size_max = RECORD,
	};

	producer = open("/dev/" PRODUCER_NAME, O_RDWR | O_CLOEXEC);
	must(producer >= 0);
	while (board->appending && records.sequence < RECORDS - 30) {
		records.count = 1 + below(state, 30);
		records.gap_us = context ? 300 + below(state, 1500) : 0;
		must(!ioctl(producer, PRODUCER_RUN, &records));
		pause_ms(below(state, 3));
		board->lost += refused(&records.result);
		board->stored[context] = records.sequence;
	}
	close(producer);
}

static int append_in_context(void *arg)
{
	__u32 context = (uintptr_t)arg;
	unsigned int state = seed + context;
	__u32 round = 0;

	become_child(context);
	while (wait_round(&round)) {
		while (board->phase == CREATING)
			pause_ms(1);
		if (board->appending)
			append_records(context, &state);
		board->through[context] = round;
	}
	return 0;
}

static void start_worker(unsigned int i)
{
	workers[i] = (struct worker) {
		.index = i, .seed = rand_r(&seed), .fd = -1,
		.round = board->round ? board->round - 1 : 0,
	};
	board->ready[i] = false;
	worker_pids[i] = start(work, &workers[i]);
	wait_for(board->ready[i]);
}

/* The record that a killed writer was writing may be there or not: skip it. */
static void kill_any_worker(void)
{
	unsigned int i = below(&seed, WORKERS);
	enum operation what = board->doing[i];
	int status;

	kill(worker_pids[i], SIGKILL);
	ck_assert_msg(finished(worker_pids[i], PATIENCE_MS),
		      "worker %u cannot be killed", i);
	ck_assert_int_eq(waitpid(worker_pids[i], &status, 0), worker_pids[i]);
	if (!WIFSIGNALED(status))
		_exit(EXIT_FAILURE);	/* it has told its error */
	if (what != NOTHING)
		board->tallies[what][KILLED]++;
	board->stored[CONTEXTS + i]++;
	start_worker(i);
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {};

	waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT);
	return info.si_pid;
}

/* Where in the kernel it is; no lines if it runs */
static void print_stack(pid_t pid)
{
	char text[1024] = "";
	char path[32];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stack", pid);
	file = fopen(path, "r");
	if (!file)
		return;
	fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	printf("%s:\n%s", path, text);
	fflush(stdout);
}

static void complain_of_hang(pid_t pid, unsigned int i)
{
	enum operation what = NOTHING;

	if (i >= CONTEXTS)
		what = board->doing[i - CONTEXTS];
	print_stack(pid);
	ck_abort_msg("process %u hangs in %s", i,
		     what == NOTHING ? "itself" : operations[what].name);
}

static void wait_through(pid_t pid, unsigned int i)
{
	struct patience patience = patience_of(PATIENCE_MS);

	while (board->through[i] != board->round) {
		if (has_ended(pid))
			_exit(EXIT_FAILURE);	/* it has told its error */
		if (!lasts(&patience))
			complain_of_hang(pid, i);
	}
}

static void create_any(void)
{
	enum producer_memory memory = below(&seed, 2) ? PRODUCER_OWN :
				      below(&seed, PRODUCER_STATIC + 1);
	struct producer_create made;

	board->client = memory != PRODUCER_OWN && !board->example;
	if (board->example) {
		/* kills take long, and it counts to RECORDS at most */
		ck_assert_int_eq(load("bufflink_test", board->plan.kills ?
				      "rate=100 buffer_size=4096" :
				      "rate=1000 buffer_size=4096"), 0);
		return;
	}
	if (memory == PRODUCER_OWN && below(&seed, 4))
		made = create_named(0, NULL, 0, 500 + below(&seed, 7000),
				    PERCPU);
	else
		made = create(0, memory, 500 + below(&seed, 7000), -1);
	ck_assert_int_eq(made.result, 0);
	ck_assert_int_eq(made.number, NUMBER);
}

static void destroy_somehow(void)
{
	unsigned int how = below(&seed, 8);

	if (board->example)
		ck_assert_int_eq(unload("bufflink_test"), 0);
	else if (!how)
		producer_unload();
	else if (how < 3)
		ck_assert_int_eq(ioctl(producer, PRODUCER_RESET), 0);
	else
		ck_assert_int_eq(destroy(0), 0);
	ck_assert(!exists(NODE));
	ck_assert(!exists(SYSFS));
}

static int uses_of_bufflink(void)
{
	FILE *file = fopen("/sys/module/bufflink/refcnt", "r");
	int uses;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%d", &uses), 1);
	fclose(file);
	return uses;
}

/* Nobody has anything open now, so both modules can go. */
static void reload(void)
{
	if (producer < 0 && below(&seed, 2)) {
		wait_for(!uses_of_bufflink());
		ck_assert_int_eq(unload("bufflink"), 0);
		ck_assert_int_eq(load("bufflink", ""), 0);
	}
	if (producer < 0)
		producer_setup();
	wait_for(uses_of_bufflink() == 1);
}

/* All were read from the first on, up to the last unless the rest is gone. */
static void check_source(__u32 source, bool whole)
{
	__u32 stored = board->stored[source];
	__u32 seen = 0;
	__u32 i;

	while (seen < RECORDS && board->seen[source][seen])
		seen++;
	if (whole)
		ck_assert_uint_eq(seen, stored);
	ck_assert_uint_le(seen, stored);
	for (i = seen; i < RECORDS; i++)
		if (board->seen[source][i])
			ck_abort_msg("source %u: record %u came, %u did not",
				     source, i, seen);
}

static void check_laws(const struct bufflink_stats *now)
{
	__u64 stored = 0;
	__u32 i;

	ck_assert_uint_eq(now->bytes_read, board->taken);
	if (!board->client)
		ck_assert_uint_eq(now->used, 0);
	if (board->example)
		return;
	for (i = 0; i < SOURCES; i++)
		stored += board->stored[i];
	ck_assert_uint_eq(now->records, stored);
	ck_assert_uint_eq(now->lost_records, board->lost);
}

static void check_round(void)
{
	struct worker tester = {
		.fd = watch, .nonblock = true, .call = "the test's read",
	};
	bool watched = watch >= 0;
	__u32 i;

	if (watched) {
		while (operations[READ].call(&tester) != TOO_LATE)
			;
		if (!board->plan.kills) {
			struct bufflink_stats now = stats(watch);

			check_laws(&now);
		}
		close(watch);
		watch = -1;
	}
	if (board->example || board->plan.kills)
		return;
	for (i = 0; i < SOURCES; i++)
		check_source(i, watched && !board->client);
}

/* The processes wait for the next round meanwhile. */
static void begin_round(void)
{
	board->example = !below(&seed, 8);
	board->full = !below(&seed, 3);
	board->taken = 0;
	board->lost = 0;
	memset((void *)board->stored, 0, sizeof(board->stored));
	memset((void *)board->seen, 0, sizeof(board->seen));
	board->phase = CREATING;
	board->appending = !board->example;
	board->round++;
	create_any();
	board->phase = LIVE;
	/* without it the last close is that of a worker, or destroy's */
	if (below(&seed, 2))
		watch = open_buffer(NUMBER, O_RDONLY | O_NONBLOCK);
}

static void live(void)
{
	unsigned int kills = board->plan.kills;

	do {
		pause_ms(below(&seed, board->plan.life_ms));
		if (kills)
			kill_any_worker();
	} while (kills--);
}

static void end_buffer(void)
{
	unsigned int i;

	board->appending = false;
	for (i = 0; i < CONTEXTS; i++)
		wait_through(context_pids[i], i);
	board->phase = DYING;
	destroy_somehow();
	board->phase = DEAD;
	for (i = 0; i < WORKERS; i++)
		wait_through(worker_pids[i], CONTEXTS + i);
}

static const char *const names_of_tallies[TALLIES] = {
	"worked", "too late", "would wait", "interrupted",
	"live", "dying", "dead", "killed",
};

static void print_tallies(void)
{
	int i, j;

	printf("# %u buffers lived and died\n# %-14s", board->round, "");
	for (j = 0; j < TALLIES; j++)
		printf(" %11s", names_of_tallies[j]);
	for (i = 0; i < OPERATIONS; i++) {
		printf("\n# %-14s", operations[i].name);
		for (j = 0; j < TALLIES; j++)
			printf(" %11lu", board->tallies[i][j]);
	}
	putchar('\n');
	fflush(stdout);
}

static double minutes(void)
{
	const char *text = getenv("minutes");

	return text ? atof(text) : 2;
}

static void choose_seed(void)
{
	const char *text = getenv("seed");

	seed = text ? strtoul(text, NULL, 0) : now_ms() ^ getpid() << 16;
	printf("# seed=%u\n", seed);
	fflush(stdout);
}

static bool is_met(const struct plan *plan, enum operation *what,
		   enum tally *met)
{
	for (*what = 0; *what < OPERATIONS; (*what)++) {
		for (*met = 0; *met < TALLIES; (*met)++)
			if (plan->wants(*what, *met) &&
			    !board->tallies[*what][*met])
				return false;
	}
	return true;
}

static void play_rounds(const struct plan *plan, __u64 ms)
{
	__u64 end = now_ms() + ms;
	__u64 patience = end + PATIENCE_MS;
	enum operation what;
	enum tally met;

	do {
		begin_round();
		live();
		end_buffer();
		check_round();
		reload();
	} while (now_ms() < end ||
		 (!is_met(plan, &what, &met) && now_ms() < patience));
}

/* A test proves nothing about a case that it has not met. */
static void check_met(const struct plan *plan)
{
	enum operation what;
	enum tally met;

	if (!is_met(plan, &what, &met))
		ck_abort_msg("%s: never %s, it needs more minutes",
			     operations[what].name, names_of_tallies[met]);
}

static void play(struct plan plan, __u64 ms)
{
	uintptr_t i;

	choose_seed();
	stream_new();	/* for make_record() */
	board = shared(sizeof(*board));
	board->plan = plan;
	for (i = 0; i < CONTEXTS; i++)
		context_pids[i] = start(append_in_context, (void *)i);
	for (i = 0; i < WORKERS; i++)
		start_worker(i);
	play_rounds(&plan, ms);
	board->over = true;
	for (i = 0; i < CONTEXTS; i++)
		ck_assert_int_eq(finish(context_pids[i]), 0);
	for (i = 0; i < WORKERS; i++)
		ck_assert_int_eq(finish(worker_pids[i]), 0);
	print_tallies();
	check_met(&plan);
}

static bool wants_races(enum operation what, enum tally met)
{
	return met == WORKED ||
	       met == MET_LIVE || met == MET_DYING || met == MET_DEAD ||
	       (met == TOO_LATE && operations[what].flags & (ENDS | READS));
}

static bool wants_interrupts(enum operation what, enum tally met)
{
	return met == INTERRUPTED && operations[what].flags & SLEEPS;
}

static bool wants_kills(enum operation what, enum tally met)
{
	return met == KILLED && operations[what].flags & SLEEPS;
}

START_TEST(every_call_ends_well_whenever_its_buffer_is_destroyed)
{
	struct plan plan = { .life_ms = 12, .wants = wants_races };

	play(plan, minutes() * 60000);
}
END_TEST

START_TEST(signals_at_any_moment_cost_no_byte)
{
	struct plan plan = {
		.life_ms = 300, .storm = true, .wants = wants_interrupts,
	};

	play(plan, minutes() * 30000);
}
END_TEST

START_TEST(a_kill_at_any_moment_leaves_nothing_behind)
{
	struct plan plan = {
		.life_ms = 8, .kills = 10, .wants = wants_kills,
	};

	play(plan, minutes() * 30000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("races");
	TCase *tcase = tcase_create("races");

	tcase_add_checked_fixture(tcase, producer_setup, producer_teardown);
	tcase_set_timeout(tcase, 60 * minutes() + 3 * PATIENCE_S);
	tcase_add_test(tcase,
		       every_call_ends_well_whenever_its_buffer_is_destroyed);
	tcase_add_test(tcase, signals_at_any_moment_cost_no_byte);
	tcase_add_test(tcase, a_kill_at_any_moment_leaves_nothing_behind);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
