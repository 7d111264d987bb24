// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "operations.h"

struct board *board;
int watch = -1;

unsigned int below(unsigned int *state, unsigned int end)
{
	return rand_r(state) % end;
}

/* The example's records are text: context cpu time sequence */
static void parse(const char *record, __u32 *source, __u32 *sequence)
{
	static const char *const contexts[] = { "process", "softirq",
						"hardirq" };
	char context[8];

	must(record[RECORD - 1] == '\n');
	must(sscanf(record, "%7s %*s %*s %u", context, sequence) == 2);
	for (*source = 0; strcmp(context, contexts[*source]);)
		must(++*source < CONTEXTS);
}

/* The last record of client memory may be cut off by its end. */
static void check_bytes(const char *record, size_t size, __u32 *source,
			__u32 *sequence)
{
	char expected[RECORD];

	*source = (__u8)record[0] >> 3;
	memcpy(sequence, record + 4, sizeof(*sequence));
	make_record(expected, *source, *sequence, RECORD);
	must(!memcmp(record, expected, size));
}

static void see(struct worker *worker, const char *record, size_t size)
{
	__u32 source, sequence;

	if (size < PRODUCER_HEADER)
		return;
	if (board->example)
		parse(record, &source, &sequence);
	else
		check_bytes(record, size, &source, &sequence);
	must(source < SOURCES && sequence < RECORDS);
	must(sequence >= worker->next[source]);
	worker->next[source] = sequence + 1;
	if (atomic_exchange(&board->seen[source][sequence], 1))
		ck_abort_msg("record %u of source %u came twice", sequence,
			     source);
}

/* Check the records that were read, and mark them off. */
static void take(struct worker *worker, const char *data, size_t size)
{
	size_t part;

	board->taken += size;
	if (size % RECORD)
		must(board->client && board->phase >= DYING);
	for (; size; data += part, size -= part) {
		part = size < RECORD ? size : RECORD;
		see(worker, data, part);
	}
}

/* The outcome of a call; @late is its result when it is too late */
static enum tally outcome(struct worker *worker, long result, long late)
{
	if (result == late)
		return TOO_LATE;
	if (result == -EAGAIN && worker->nonblock)
		return WOULD_WAIT;
	if (result == -EINTR && !worker->restarts)
		return INTERRUPTED;
	if (result < 0)
		ck_abort_msg("%s: %s", worker->call, strerror(-result));
	return WORKED;
}

/* As outcome(), of a read: there is an end of file, but no empty read. */
static enum tally outcome_of_read(struct worker *worker, char *data,
				  long result)
{
	enum tally how = outcome(worker, result, 0);

	if (how == WORKED)
		take(worker, data, result);
	worker->ended |= how == TOO_LATE;
	return how;
}

/* Some calls never restart, even with SA_RESTART: poll and its like, io_uring */
static bool is_interrupted(struct worker *worker, long result)
{
	return result == -EINTR && (worker->async || board->plan.storm);
}

static enum tally outcome_of_poll(struct worker *worker, long result,
				  unsigned int events)
{
	if (is_interrupted(worker, result))
		return INTERRUPTED;
	if (result < 0)
		ck_abort_msg("%s: %s", worker->call, strerror(-result));
	if (!result)
		return WOULD_WAIT;
	return events & POLLHUP ? TOO_LATE : WORKED;
}

/* The node is gone, or the buffer behind it: both are told as the former. */
static long gone(long result)
{
	return result == -ENODEV || result == -ENXIO ? -ENOENT : result;
}

static __u32 source_of(const struct worker *worker)
{
	return CONTEXTS + worker->index;
}

/* Whole records, a page at most, small ones most often */
static size_t draw_size(struct worker *worker)
{
	unsigned int records = 2 << below(&worker->seed, 6);

	return RECORD * (1 + below(&worker->seed, records));
}

static unsigned int draw_events(struct worker *worker)
{
	static const unsigned int events[] = {
		POLLIN, POLLIN | POLLRDNORM, POLLOUT, POLLPRI, POLLIN | POLLOUT,
	};

	return events[below(&worker->seed, 5)];
}

static enum tally do_open(struct worker *worker)
{
	struct epoll_event event = {};
	long result;

	worker->nonblock = below(&worker->seed, 2);
	worker->writes = below(&worker->seed, 4);
	worker->async = false;
	worker->ended = false;
	result = gone(result_of(open(NODE, O_CLOEXEC |
				     (worker->writes ? O_RDWR : O_RDONLY) |
				     (worker->nonblock ? O_NONBLOCK : 0))));
	if (result == -ENOENT)
		return TOO_LATE;
	worker->fd = result;
	must(!epoll_ctl(worker->epoll, EPOLL_CTL_ADD, worker->fd, &event));
	return outcome(worker, result, -ENOENT);
}

static enum tally do_close(struct worker *worker)
{
	must(!close(worker->fd));
	worker->fd = -1;
	return WORKED;
}

static enum tally do_read(struct worker *worker)
{
	char data[PAGE];
	long got = result_of(read(worker->fd, data, draw_size(worker)));

	return outcome_of_read(worker, data, got);
}

static enum tally do_readv(struct worker *worker)
{
	char data[PAGE];
	size_t size = draw_size(worker);
	size_t first = below(&worker->seed, size);
	struct iovec pieces[] = {
		{ data, first }, { data + first, size - first },
	};
	long got = result_of(readv(worker->fd, pieces, 2));

	return outcome_of_read(worker, data, got);
}

static enum tally do_splice(struct worker *worker)
{
	char data[PAGE];
	long got = result_of(splice(worker->fd, NULL, worker->pipe[1], NULL,
				    draw_size(worker), 0));

	if (got > 0)
		must(read(worker->pipe[0], data, PAGE) == got);
	return outcome_of_read(worker, data, got);
}

/*
 * When a read has found nothing for 128 times, io_uring wants a thread for it,
 * which it cannot have while a signal is pending: that is -ECANCELED.
 */
static long ring_wait(struct worker *worker)
{
	struct io_uring_cqe *done;
	long result;

	must(io_uring_submit(&worker->ring) == 1);
	do {
		result = io_uring_wait_cqe(&worker->ring, &done);
	} while (result == -EINTR);
	must(!result);
	result = done->res == -ECANCELED ? -EINTR : done->res;
	io_uring_cqe_seen(&worker->ring, done);
	return result;
}

static enum tally do_ring_read(struct worker *worker)
{
	char data[PAGE];
	struct io_uring_sqe *entry = io_uring_get_sqe(&worker->ring);
	long got;

	io_uring_prep_read(entry, worker->fd, data, draw_size(worker), -1);
	got = ring_wait(worker);
	if (is_interrupted(worker, got))
		return INTERRUPTED;
	return outcome_of_read(worker, data, got);
}

static enum tally do_ring_poll(struct worker *worker)
{
	struct io_uring_sqe *entry = io_uring_get_sqe(&worker->ring);
	long events;

	io_uring_prep_poll_add(entry, worker->fd, draw_events(worker));
	events = ring_wait(worker);
	return outcome_of_poll(worker, events, events);
}

static enum tally do_write(struct worker *worker)
{
	__u32 source = source_of(worker);
	__u32 sequence = board->stored[source];
	char record[RECORD];
	enum tally how;

	make_record(record, source, sequence, RECORD);
	how = outcome(worker, result_of(write(worker->fd, record, RECORD)),
		      -EPIPE);
	if (how == WORKED)
		board->stored[source] = sequence + 1;
	return how;
}

static int draw_timeout(struct worker *worker)
{
	return worker->nonblock ? (int)below(&worker->seed, 3) : -1;
}

static enum tally do_poll(struct worker *worker)
{
	struct pollfd pfd = { worker->fd, draw_events(worker), 0 };
	long result = result_of(poll(&pfd, 1, draw_timeout(worker)));

	return outcome_of_poll(worker, result, pfd.revents);
}

static enum tally do_epoll(struct worker *worker)
{
	struct epoll_event event = { .events = draw_events(worker) };
	long result;

	if (below(&worker->seed, 2))
		event.events |= EPOLLET;
	must(!epoll_ctl(worker->epoll, EPOLL_CTL_MOD, worker->fd, &event));
	result = result_of(epoll_wait(worker->epoll, &event, 1,
				      draw_timeout(worker)));
	return outcome_of_poll(worker, result, event.events);
}

static enum tally do_readable(struct worker *worker)
{
	int bytes;

	must(!ioctl(worker->fd, FIONREAD, &bytes));
	must(bytes % RECORD == 0 || board->client);
	return WORKED;
}

static enum tally do_getloss(struct worker *worker)
{
	struct bufflink_loss report;

	must(!ioctl(worker->fd, BUFFLINK_GETLOSS, &report));
	must(report.first <= report.last);
	must(report.bytes == report.records * RECORD);
	return WORKED;
}

static enum tally do_stats(struct worker *worker)
{
	struct bufflink_stats now;

	must(!ioctl(worker->fd, BUFFLINK_STATS, &now));
	must(now.bytes == now.bytes_read + now.used);
	must(now.bytes == now.records * RECORD);
	must(now.used <= now.highwater);
	return WORKED;
}

static enum tally do_getwatermark(struct worker *worker)
{
	__u64 bytes;

	must(!ioctl(worker->fd, BUFFLINK_GETWATERMARK, &bytes));
	must(bytes >= 1 && bytes <= WATERMARK_MAX);
	return WORKED;
}

static enum tally do_setwatermark(struct worker *worker)
{
	__u64 bytes = 1 + below(&worker->seed, WATERMARK_MAX);

	must(!ioctl(worker->fd, BUFFLINK_SETWATERMARK, &bytes));
	return WORKED;
}

static enum tally do_async(struct worker *worker)
{
	int flags = worker->nonblock ? O_NONBLOCK : 0;

	worker->async = !worker->async;
	if (worker->async)
		flags |= O_ASYNC;
	must(!fcntl(worker->fd, F_SETOWN, getpid()));
	must(!fcntl(worker->fd, F_SETFL, flags));
	return WORKED;
}

static enum tally do_sysfs_read(struct worker *worker)
{
	static const char *const paths[] = {
		SYSFS "/used", SYSFS "/overflow", SYSFS "/watermark",
		SYSFS "/owner", SYSFS "/lost_bytes",
	};
	int fd = open(paths[below(&worker->seed, 5)], O_RDONLY);
	long result = result_of(fd);
	char text[64];

	if (fd >= 0) {
		result = result_of(read(fd, text, sizeof(text)));
		close(fd);
	}
	return outcome(worker, gone(result), -ENOENT);
}

static enum tally do_sysfs_write(struct worker *worker)
{
	bool overflow = below(&worker->seed, 2);
	int fd = open(overflow ? SYSFS "/overflow" : SYSFS "/watermark",
		      O_WRONLY);
	long result = result_of(fd);

	if (fd >= 0) {
		result = result_of(write(fd, overflow ? "0" : "64",
					 overflow ? 1 : 2));
		close(fd);
	}
	return outcome(worker, gone(result), -ENOENT);
}

/* It must wait until the memory before an earlier one is read. */
static enum tally do_resize(struct worker *worker)
{
	unsigned int size = 1 + below(&worker->seed, 4 * PAGE);
	int fd = open(SYSFS "/size", O_WRONLY);
	long result = result_of(fd);
	char text[16];

	if (fd >= 0) {
		snprintf(text, sizeof(text), "%u", size);
		result = result_of(write(fd, text, strlen(text)));
		close(fd);
	}
	if (result == -EBUSY)
		return WOULD_WAIT;
	if (result == -EINVAL && board->client)
		return WORKED;
	return outcome(worker, gone(result), -ENOENT);
}

const struct operation_kind operations[OPERATIONS] = {
	[OPEN] = { "open", do_open, ENDS },
	[READ] = { "read", do_read, NEEDS_FILE | READS | SLEEPS },
	[READV] = { "readv", do_readv, NEEDS_FILE | READS | SLEEPS },
	[SPLICE] = { "splice", do_splice, NEEDS_FILE | READS | SLEEPS },
	[RING_READ] = { "io_uring read", do_ring_read, NEEDS_FILE | READS },
	[RING_POLL] = { "io_uring poll", do_ring_poll, NEEDS_FILE | ENDS },
	[WRITE] = { "write", do_write, NEEDS_FILE | WRITES | ENDS | SLEEPS },
	[POLL] = { "poll", do_poll, NEEDS_FILE | ENDS | SLEEPS },
	[EPOLL] = { "epoll", do_epoll, NEEDS_FILE | ENDS | SLEEPS },
	[READABLE] = { "FIONREAD", do_readable, NEEDS_FILE },
	[GETLOSS] = { "GETLOSS", do_getloss, NEEDS_FILE },
	[STATS] = { "STATS", do_stats, NEEDS_FILE },
	[GETWATERMARK] = { "GETWATERMARK", do_getwatermark, NEEDS_FILE },
	[SETWATERMARK] = { "SETWATERMARK", do_setwatermark, NEEDS_FILE },
	[ASYNC] = { "O_ASYNC", do_async, NEEDS_FILE },
	[SYSFS_READ] = { "sysfs read", do_sysfs_read, ENDS },
	[SYSFS_WRITE] = { "sysfs write", do_sysfs_write, ENDS },
	[RESIZE] = { "resize", do_resize, ENDS },
	[CLOSE] = { "close", do_close, NEEDS_FILE },
};

static bool is_possible(const struct worker *worker, enum operation what)
{
	unsigned int flags = operations[what].flags;

	if (flags & READS && board->full && board->phase != DEAD)
		return false;
	if (flags & WRITES && (board->example || !worker->writes ||
			       board->stored[source_of(worker)] >= RECORDS))
		return false;
	return what == OPEN ? worker->fd < 0 :
			      worker->fd >= 0 || !(flags & NEEDS_FILE);
}

/* No end may come before destroy, and nothing else after it. */
static void check_outcome(enum operation what, enum tally how,
			  enum phase before, enum phase after)
{
	bool reads = operations[what].flags & READS;
	bool ends = operations[what].flags & ENDS;

	if (how == TOO_LATE && before != CREATING && after == LIVE)
		ck_abort_msg("%s: too late, but the buffer lives",
			     operations[what].name);
	if (how != TOO_LATE && before == DEAD && how != INTERRUPTED &&
	    (ends || (reads && board->client && how == WORKED)))
		ck_abort_msg("%s: the buffer is dead, but it does not say so",
			     operations[what].name);
}

/* A signal, at some moment of the call that comes, or soon after it */
static void arm_signal(struct worker *worker)
{
	suseconds_t us = 1 + below(&worker->seed, 3000) * slowness();
	struct itimerval timer = { .it_value.tv_usec = us };

	must(!setitimer(ITIMER_REAL, &timer, NULL));
}

static enum tally perform(struct worker *worker, enum operation what)
{
	atomic_ulong *tallies = board->tallies[what];
	enum phase before = board->phase;
	enum phase after;
	enum tally how;

	worker->call = operations[what].name;
	if (board->plan.storm)
		arm_signal(worker);
	board->doing[worker->index] = what;
	how = operations[what].call(worker);
	after = board->phase;
	board->doing[worker->index] = NOTHING;
	check_outcome(what, how, before, after);
	tallies[how]++;
	tallies[before == DEAD ? MET_DEAD :
		after >= DYING ? MET_DYING : MET_LIVE]++;
	return how;
}

/* A file is kept for a while, so that there is something to race. */
static void perform_any(struct worker *worker)
{
	enum operation what;

	do {
		what = below(&worker->seed, OPERATIONS);
	} while (!is_possible(worker, what) ||
		 (what == CLOSE && below(&worker->seed, 4)));
	if (perform(worker, what) != WORKED && board->phase != DEAD)
		pause_ms(1);
}

/* Each program that has the buffer open reads it to its end. */
static void end_round(struct worker *worker)
{
	if (worker->fd >= 0) {
		while (!worker->ended)
			perform(worker, READ);
		perform(worker, CLOSE);
	}
	board->through[CONTEXTS + worker->index] = worker->round;
}

bool wait_round(__u32 *round)
{
	while (board->round == *round && !board->over)
		pause_ms(1);
	*round = board->round;
	return !board->over;
}

static void play_round(struct worker *worker)
{
	unsigned int afterlife = below(&worker->seed, 8);

	memset(worker->next, 0, sizeof(worker->next));
	while (board->phase != DEAD)
		perform_any(worker);
	while (afterlife--)
		perform_any(worker);
	end_round(worker);
}

void become_child(unsigned int cpu)
{
	close(producer);
	if (watch >= 0)
		close(watch);
	pin(cpu % cpus());
}

int work(void *arg)
{
	struct worker *worker = arg;

	become_child(worker->index);
	board->ready[worker->index] = true;
	signal(SIGPIPE, SIG_IGN);
	handle_signal(SIGIO, SA_RESTART);
	worker->restarts = !board->plan.storm || worker->index % 4 < 2;
	worker->epoll = epoll_create1(EPOLL_CLOEXEC);
	ck_assert_int_eq(pipe(worker->pipe), 0);
	ck_assert_int_eq(io_uring_queue_init(4, &worker->ring, 0), 0);
	handle_signal(SIGALRM, worker->restarts ? SA_RESTART : 0);
	while (wait_round(&worker->round))
		play_round(worker);
	return 0;
}
