// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs do everything at once to a buffer that is destroyed under them, by
 * its client or with it, while signals arrive and kill. For so many minutes
 * (environment: minutes), at random (environment: seed).
 *
 * A round is the life of one buffer: the workers open it, use it, and come to
 * its end; the test destroys it, and looks whether all is right. Records are
 * numbered, so each worker can mark off what it has read: none may come twice
 * and in the end none may be missing, whoever has read it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <liburing.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "device.h"

#define WORKERS		8
#define CONTEXTS	3	/* process, softirq, hardirq */
#define RECORD		64	/* bytes of each */
#define RECORDS		8192	/* at most, of each source */
#define WATERMARK_MAX	192	/* less than the size of any buffer */
#define NODE		"/dev/bufflink0"
#define SYSFS		"/sys/class/misc/bufflink0"

/* A source of records is a context or, after these, a worker that writes. */
#define SOURCES		(CONTEXTS + WORKERS)

enum phase { CREATING, LIVE, DYING, DEAD };

/* How a call ended, and in which phases it ran */
enum tally {
	WORKED, TOO_LATE, WOULD_WAIT, INTERRUPTED,
	MET_LIVE, MET_DYING, MET_DEAD, KILLED, TALLIES
};

enum operation {
	OPEN, READ, READV, SPLICE, RING_READ, RING_POLL, WRITE, POLL, EPOLL,
	READABLE, GETLOSS, STATS, GETWATERMARK, SETWATERMARK, ASYNC,
	SYSFS_READ, SYSFS_WRITE, RESIZE, CLOSE, OPERATIONS,
	NOTHING = OPERATIONS
};

/* What one round is to be like */
struct plan {
	unsigned int life_ms;	/* at most, before it is destroyed */
	unsigned int kills;	/* of workers, by SIGKILL */
	bool storm;		/* of signals, one during each call */
	bool (*wants)(enum operation what, enum tally met);
};

/* What all processes share */
struct board {
	/* of this round */
	_Atomic __u32 round;
	_Atomic enum phase phase;
	atomic_bool over;	/* there are no more rounds */
	atomic_bool appending;
	bool example;		/* bufflink_test's buffer, not producer's */
	bool client;		/* in the client's memory */
	bool full;		/* nobody reads before it is destroyed */
	struct plan plan;
	_Atomic __u64 taken;	/* bytes */
	_Atomic __u64 lost;
	_Atomic __u32 stored[SOURCES];
	_Atomic __u8 seen[SOURCES][RECORDS];

	/* of each process */
	_Atomic __u32 through[CONTEXTS + WORKERS];	/* with that round */
	_Atomic enum operation doing[WORKERS];
	atomic_bool ready[WORKERS];	/* has closed what it inherited */

	/* of the whole test */
	atomic_ulong tallies[OPERATIONS][TALLIES];
};

struct worker {
	unsigned int index;
	unsigned int seed;
	__u32 round;
	const char *call;	/* its name */
	int fd;			/* -1: not open */
	bool nonblock;
	bool writes;
	bool async;
	bool restarts;		/* its signals have SA_RESTART */
	bool ended;		/* it saw the end of file */
	__u32 next[SOURCES];	/* no record before these may come */
	int pipe[2];
	int epoll;
	struct io_uring ring;
};

static struct board *board;
static struct worker workers[WORKERS];
static pid_t worker_pids[WORKERS];
static pid_t context_pids[CONTEXTS];
static unsigned int seed;
static int watch = -1;		/* the test's own look at the buffer */
static bool has_io_uring;

static unsigned int below(unsigned int *state, unsigned int end)
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

/* Check what was read, and mark it off. */
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

/* What a call gave, and what it gives when it is too late */
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

/* What never restarts, whatever SA_RESTART says: poll and its like, io_uring */
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

/* The node is gone, or what is behind it: both are told as the former. */
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

#define NEEDS_FILE	1
#define READS		2	/* may take bytes */
#define WRITES		4
#define ENDS		8	/* works no more after destroy */
#define NEEDS_IO_URING	16
#define SLEEPS		32	/* until there is data, or room */

static const struct {
	const char *name;
	enum tally (*call)(struct worker *worker);
	unsigned int flags;
} operations[OPERATIONS] = {
	[OPEN] = { "open", do_open, ENDS },
	[READ] = { "read", do_read, NEEDS_FILE | READS | SLEEPS },
	[READV] = { "readv", do_readv, NEEDS_FILE | READS | SLEEPS },
	[SPLICE] = { "splice", do_splice, NEEDS_FILE | READS | SLEEPS },
	[RING_READ] = { "io_uring read", do_ring_read,
			NEEDS_FILE | READS | NEEDS_IO_URING },
	[RING_POLL] = { "io_uring poll", do_ring_poll,
			NEEDS_FILE | ENDS | NEEDS_IO_URING },
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

	if (flags & NEEDS_IO_URING && !has_io_uring)
		return false;
	if (flags & READS && board->full && board->phase != DEAD)
		return false;
	if (flags & WRITES && (board->example || !worker->writes ||
			       board->stored[source_of(worker)] >= RECORDS))
		return false;
	return what == OPEN ? worker->fd < 0 :
			      worker->fd >= 0 || !(flags & NEEDS_FILE);
}

/* What may come when: no end before destroy, and nothing but that after it */
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

/* Whoever has the buffer open reads it to its end. */
static void end_round(struct worker *worker)
{
	if (worker->fd >= 0) {
		while (!worker->ended)
			perform(worker, READ);
		perform(worker, CLOSE);
	}
	board->through[CONTEXTS + worker->index] = worker->round;
}

static bool wait_round(__u32 *round)
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

/* Only what this process opens itself may keep a module in use. */
static void become_child(unsigned int cpu)
{
	close(producer);
	if (watch >= 0)
		close(watch);
	pin(cpu % cpus());
}

static int work(void *arg)
{
	struct worker *worker = arg;

	become_child(worker->index);
	board->ready[worker->index] = true;
	signal(SIGPIPE, SIG_IGN);
	handle_signal(SIGIO, SA_RESTART);
	worker->restarts = !board->plan.storm || worker->index % 4 < 2;
	worker->epoll = epoll_create1(EPOLL_CLOEXEC);
	ck_assert_int_eq(pipe(worker->pipe), 0);
	if (has_io_uring)
		ck_assert_int_eq(io_uring_queue_init(4, &worker->ring, 0), 0);
	handle_signal(SIGALRM, worker->restarts ? SA_RESTART : 0);
	while (wait_round(&worker->round))
		play_round(worker);
	return 0;
}

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

/* What a killed writer was writing may be there or not: skip that record. */
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
		_exit(EXIT_FAILURE);	/* it has told what is wrong */
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
	__u64 end = now_ms() + PATIENCE_MS;

	while (board->through[i] != board->round) {
		pause_ms(1);
		if (has_ended(pid))
			_exit(EXIT_FAILURE);	/* it has told what is wrong */
		if (now_ms() > end)
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
		ck_assert_int_eq(load("bufflink_test",
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
		while (do_read(&tester) != TOO_LATE)
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
		if (operations[*what].flags & NEEDS_IO_URING && !has_io_uring)
			continue;
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

/* A test says nothing about what did not happen in it. */
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
	has_io_uring = result_of(syscall(SYS_io_uring_setup, 1, NULL)) ==
		       -EFAULT;
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

START_TEST(who_is_killed_at_any_moment_leaves_nothing_behind)
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
	tcase_add_test(tcase,
		       who_is_killed_at_any_moment_leaves_nothing_behind);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
