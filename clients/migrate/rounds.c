// SPDX-License-Identifier: GPL-2.0-only
/*
 * The disk is divided into chunks, and a chunk is dirty when it may differ from
 * its copy: at first all of them, later those that bufflink_blklog names. A
 * chunk is marked clean before it is read. As what changes is logged when it
 * has changed, a chunk that was read too early becomes dirty again.
 */
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "destination.h"
#include "freeze.h"
#include "progress.h"
#include "rounds.h"
#include "run.h"
#include "stream.h"
#include "watch.h"

#define MAX_LOSSES	3	/* then the last round may be all of it */
#define MAX_PASSES	20	/* of the last round, for what is discarded in it */
#define MAX_STALLS	3	/* rounds that leave as much as they began with */
#define MAX_FREEZES	4	/* in which too much was left */

struct plan plan = {
	.little = 4 << 20,
	.max_rounds = 20,
	.max_pause = 5,
};

static bool at_rest;		/* as far as we can tell */
static double seen_rate;	/* of the last round that copied enough to tell */
static double seen_least;	/* seconds of the last round that did not */

/* chunks */

static void wait_for_bandwidth(void)
{
	double due, left;

	if (!plan.bandwidth || at_rest)
		return;
	due = progress.began + (double)progress.copied / plan.bandwidth;
	while ((left = due - now()) > 0) {
		left = left < 0.1 ? left : 0.1;
		usleep(left * 1e6);
		progress.slept += left;
		follow_logs();
	}
}

static void remember_sums(struct copy *copy, const char *data, __u64 offset,
			  size_t size)
{
	__u64 *sums = copy->map.sums;
	size_t part;

	for (; sums && size; data += part, offset += part, size -= part) {
		part = size < sum_unit() ? size : sum_unit();
		sums[offset / sum_unit()] = sum_of(data, part);
	}
}

/* Zeroes and other bytes, each in as few pieces as can be */
static void put_block(struct copy *copy, const char *data, __u64 offset,
		      size_t size)
{
	const size_t step = sum_unit() < size ? sum_unit() : size;
	size_t begin, end, part;
	bool zero;

	for (begin = 0; begin < size; begin = end) {
		part = size - begin < step ? size - begin : step;
		zero = is_zero(data + begin, part);
		for (end = begin + part; end < size; end += part) {
			part = size - end < step ? size - end : step;
			if (is_zero(data + end, part) != zero)
				break;
		}
		if (zero)
			put_zeroes(&copy->dst, offset + begin, end - begin);
		else
			put_data(&copy->dst, data + begin, end - begin,
				 offset + begin);
	}
}

static void copy_chunks(struct copy *copy, __u64 first, __u64 count)
{
	static char *data;
	const __u64 size_of_all = copy->src.size;
	__u64 offset = first * granularity;
	__u64 end = offset + count * granularity;
	size_t part;

	if (!data)
		data = new_block();
	end = end < size_of_all ? end : size_of_all;
	for (; offset < end; offset += part) {
		part = end - offset < BLOCK ? end - offset : BLOCK;
		read_source(copy, data, offset, part);
		remember_sums(copy, data, offset, part);
		put_block(copy, data, offset, part);
		progress.copied += part;
		progress.total += part;
	}
}

/* From the beginning to the end of SRC, what is dirty when it comes by */
static void copy_dirty(struct copy *copy)
{
	__u64 first = 0, count;

	for (;;) {
		follow_logs();
		count = take_dirty(&copy->map, &first);
		if (!count)
			break;
		copy_chunks(copy, first, count);
		first += count;
		report_progress();
		wait_for_bandwidth();
	}
}

/* rounds */

static void copy_all(void)
{
	struct copy *copy;

	for_each_copy(copy) {
		copy_dirty(copy);
		sync_destination(&copy->dst);
	}
}

static void check_sources(void)
{
	const struct copy *copy;

	for_each_copy(copy)
		check_source(copy);
}

static void copy_round(void)
{
	begin_round();
	copy_all();
	if (progress.copied >= BLOCK || !seen_rate)
		seen_rate = progress.copied / seconds_of_round();
	else
		seen_least = seconds_of_round();
	check_sources();
}

static double expected_seconds(void)
{
	return seen_least + (seen_rate > 0 ? all_left() / seen_rate : 0);
}

static void does_not_fit(void)
{
	const struct copy *copy;

	for_each_copy(copy)
		warnx("%s is not a copy", copy->dst.path);
	errx(EXIT_BOUND,
	     "too much is written: %s are left, for which SRC would be frozen for about %.1f s, and --max-pause is %.1f",
	     in_bytes(all_left()).text, expected_seconds(), plan.max_pause);
}

/* The other half is for the freeze, for --run, and for our error. */
static bool fits(void)
{
	return !mount_count || expected_seconds() <= plan.max_pause / 2;
}

/* Dirty pages are written now, so that the last round has them. */
static bool fits_with_cache(void)
{
	if (!fits())
		return false;
	sync();
	follow_logs();
	return fits();
}

/* Until little is left, or the writers are as fast as we are. */
static void copy_rounds(void)
{
	unsigned int losses, stalls = 0;
	bool hope, is_last;
	__u64 before;

	for (;;) {
		before = all_left();
		losses = count_losses();
		copy_round();
		report_round();
		hope = all_left() <= before / 10 * 9 ||
		       (count_losses() > losses &&
			count_losses() < MAX_LOSSES);
		stalls = hope ? 0 : stalls + 1;
		is_last = progress.round >= plan.max_rounds ||
			  stalls >= MAX_STALLS;
		if (all_left() > plan.little && hope && !is_last && !word)
			continue;
		if (fits_with_cache())
			break;
		if (is_last)
			does_not_fit();
	}
}

/* the operator */

static void ask_for_word(bool terminal)
{
	const struct copy *copy;

	for_each_copy(copy)
		fprintf(stderr,
			"%s is followed: when nothing writes to it any more, %s kill -USR1 %d\n",
			copy->src.path,
			terminal ? "press Enter, or" : "say", getpid());
}

/* In the background, the terminal is another program's. */
static bool has_terminal(void)
{
	return isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

/* A line that was typed before the question is no answer. */
static bool is_entered(int wait_ms)
{
	struct pollfd key = { .fd = STDIN_FILENO, .events = POLLIN };
	static bool is_asked, is_gone;
	const bool terminal = !is_gone && has_terminal();
	char line[256];
	ssize_t got;

	if (terminal && !is_asked) {
		tcflush(STDIN_FILENO, TCIFLUSH);
		ask_for_word(true);
	}
	is_asked = terminal;
	if (poll(&key, terminal, wait_ms) <= 0)
		return false;
	got = read(STDIN_FILENO, line, sizeof(line));
	is_gone = got <= 0 && key.revents & (POLLHUP | POLLERR | POLLNVAL);
	return got > 0 && line[got - 1] == '\n';
}

static void await_word(void)
{
	bool busy;

	if (!has_terminal())
		ask_for_word(false);
	while (!word) {
		follow_logs();
		busy = all_left() > plan.little;
		if (busy)
			copy_round();
		if (is_entered(busy ? 0 : 200))
			word = true;
	}
	sync();
}

/* the last round */

/*
 * With SRC at rest; false if more is left than there is time for. Chunks that are
 * discarded behind us take another pass.
 */
static bool last_round(double deadline)
{
	const unsigned int losses = count_losses();
	struct copy *copy;
	int passes = 0;
	bool again;

	for_each_copy(copy)
		flush_nodes(copy->src.disk);
	follow_logs();
	if (mount_count && ((count_losses() > losses &&
			     count_losses() < MAX_LOSSES) ||
			    expected_seconds() > (deadline - now()) * 0.8))
		return false;
	at_rest = true;
	for_each_copy(copy)
		begin_rest(copy);
	begin_round();
	do {
		copy_all();
		check_logs();
		follow_logs();
		again = all_left();
		for_each_copy(copy)
			again &= stayed_at_rest(copy);
	} while (again && ++passes < MAX_PASSES);
	return true;
}

static bool was_written_to(void)
{
	const struct copy *copy;
	bool written = false;

	for_each_copy(copy) {
		if (!copy->map.left && stayed_at_rest(copy))
			continue;
		written = true;
		thaw();
		warnx("%s was written to during the last round, or may have been: %s is not a copy",
		      copy->src.path, copy->dst.path);
	}
	return written;
}

static void freeze_all(double deadline)
{
	const char *path;
	int error;

	set_deadline(deadline);
	error = freeze(deadline, &path);
	if (error)
		errx(EXIT_FAILURE, "cannot freeze %s: %s: there is no copy",
		     path, strerror(error));
}

/* When it returns, every SRC is at rest, and every DST has what it has. */
static double come_to_rest(void)
{
	double pause, deadline;
	int freezes = 0;

	for (;;) {
		copy_rounds();
		if (!mount_count)
			await_word();
		pause = now();
		deadline = pause + plan.max_pause;
		if (mount_count)
			freeze_all(deadline);
		if (last_round(deadline))
			return pause;
		thaw();
		set_deadline(0);
		if (++freezes == MAX_FREEZES)
			does_not_fit();
	}
}

/* Other devices and programs may have come to write to SRC or DST. */
static void check_others(void)
{
	const struct copy *copy;

	for_each_copy(copy) {
		check_alone(&copy->src, EXIT_FAILURE);
		if (!copy->dst.stream)
			check_kept(&copy->dst, copy->src.size);
	}
}

static void end_streams(void)
{
	struct copy *copy;

	for_each_copy(copy) {
		if (copy->dst.stream)
			end_stream(&copy->dst, copy->src.size);
	}
}

static bool verify(struct copy *copy)
{
	struct destination *dst = &copy->dst;
	const __u64 units = (copy->src.size + sum_unit() - 1) / sum_unit();
	__u64 differences;

	if (dst->stream)
		return verify_stream(dst, copy->map.sums, units,
				     copy->src.size);
	differences = count_differences(dst, copy->map.sums, 0, units,
					copy->src.size);
	report_verified(dst, differences);
	return !differences;
}

static int end_copies(int status)
{
	struct copy *copy;

	for_each_copy(copy) {
		if (plan.verify && !verify(copy))
			status = EXIT_DIFFERS;
	}
	for_each_copy(copy) {
		if (copy->dst.stream && !close_stream(&copy->dst) && !status) {
			warnx("%s has failed in the end", copy->dst.path);
			status = EXIT_FAR;
		}
	}
	return status;
}

int migrate(void)
{
	double pause, ran;

	pause = come_to_rest();
	/* if this program was stopped, the guardians have thawed all */
	check_deadline();
	if (was_written_to())
		return EXIT_WRITTEN;
	check_sources();
	check_others();
	end_streams();
	ran = run(plan.command);
	set_deadline(0);
	settle();
	thaw();
	pause = now() - pause;
	report_round();
	report_copies(pause, ran);
	return end_copies(ran < 0 ? EXIT_RUN : EXIT_SUCCESS);
}
