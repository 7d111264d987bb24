// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "waiters.h"

#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>

#include "common.h"

#define READ_MAX	16	/* bytes of one read: they are short */

struct waiter {
	struct worker worker;
	const struct waiter_kind *kind;
	int fd;
	int epoll;
	unsigned int seed;
	struct io_uring ring;
	atomic_bool acting;
};

static const char * const needs[] = { "data", "room", "a loss" };
static struct waiter waiters[WAITERS_MAX];
static const struct channel *channel;
static atomic_bool may_act;
static atomic_bool may_end;	/* the buffer is destroyed, or will be */

/* The act of a waiter that was told of something */

/*
 * A read may fail because another reader is about to take the bytes. That may be
 * a task of a lower priority that this one has preempted: let it run.
 */
static void read_some(struct waiter *waiter)
{
	char data[READ_MAX];
	ssize_t got = read(waiter->fd, data, 1 + rand_r(&waiter->seed) %
						 READ_MAX);

	must(got > 0 || errno == EAGAIN);
	if (got < 0)
		usleep(10);
}

static void write_some(struct waiter *waiter)
{
	static const char data[WRITE_SIZE];
	ssize_t done = write(waiter->fd, data, sizeof(data));

	must(done == sizeof(data) || errno == EAGAIN);
}

static void report_loss(struct waiter *waiter)
{
	struct bufflink_loss report;

	must(!ioctl(waiter->fd, BUFFLINK_GETLOSS, &report));
}

/* How it waits */

static void wait_read(struct waiter *waiter)
{
	char byte;

	must(read(waiter->fd, &byte, 1) == 1 || may_end);
}

static void wait_write(struct waiter *waiter)
{
	static const char data[WRITE_SIZE];

	must(write(waiter->fd, data, sizeof(data)) == sizeof(data) || may_end);
}

static void wait_poll(struct waiter *waiter)
{
	struct pollfd pfd = { waiter->fd, waiter->kind->events, 0 };

	must(poll(&pfd, 1, -1) == 1);
	must(pfd.revents & waiter->kind->events || may_end);
}

static void wait_select(struct waiter *waiter)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(waiter->fd, &set);
	must(select(waiter->fd + 1, &set, NULL, NULL, NULL) == 1);
}

static void prepare_epoll(struct waiter *waiter)
{
	struct epoll_event event = { .events = waiter->kind->events };

	waiter->epoll = epoll_create1(EPOLL_CLOEXEC);
	must(waiter->epoll >= 0);
	must(!epoll_ctl(waiter->epoll, EPOLL_CTL_ADD, waiter->fd, &event));
}

static void wait_epoll(struct waiter *waiter)
{
	struct epoll_event event;

	must(epoll_wait(waiter->epoll, &event, 1, -1) == 1);
	must(event.events & waiter->kind->events || may_end);
}

static void prepare_signal(struct waiter *waiter)
{
	struct f_owner_ex owner = { F_OWNER_TID, waiter->worker.tid };

	must(!fcntl(waiter->fd, F_SETOWN_EX, &owner));
	must(!fcntl(waiter->fd, F_SETFL, O_NONBLOCK | O_ASYNC));
}

/* The thread that started this one has blocked it. */
static void wait_signal(struct waiter *waiter)
{
	sigset_t set;

	(void)waiter;
	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	must(sigwaitinfo(&set, NULL) == SIGIO);
}

static void prepare_ring(struct waiter *waiter)
{
	must(!io_uring_queue_init(1, &waiter->ring, 0));
}

static int ring_wait(struct waiter *waiter)
{
	struct io_uring_cqe *done;
	int result;

	must(io_uring_submit(&waiter->ring) == 1);
	do {
		result = io_uring_wait_cqe(&waiter->ring, &done);
	} while (result == -EINTR);
	must(!result);
	result = done->res;
	io_uring_cqe_seen(&waiter->ring, done);
	return result;
}

static void wait_ring_poll(struct waiter *waiter)
{
	struct io_uring_sqe *entry = io_uring_get_sqe(&waiter->ring);

	io_uring_prep_poll_add(entry, waiter->fd, waiter->kind->events);
	must(ring_wait(waiter) & waiter->kind->events || may_end);
}

static void wait_ring_read(struct waiter *waiter)
{
	struct io_uring_sqe *entry = io_uring_get_sqe(&waiter->ring);
	char byte;

	io_uring_prep_read(entry, waiter->fd, &byte, 1, -1);
	must(ring_wait(waiter) == 1 || may_end);
}

const struct waiter_kind waiter_kinds[WAITER_KINDS] = {
	{
		.name = "read", .need = DATA,
		.flags = O_RDONLY, .wait = wait_read,
	}, {
		.name = "poll", .need = DATA,
		.flags = O_RDONLY | O_NONBLOCK, .events = POLLIN,
		.wait = wait_poll, .act = read_some,
	}, {
		.name = "select", .need = DATA,
		.flags = O_RDONLY | O_NONBLOCK,
		.wait = wait_select, .act = read_some,
	}, {
		.name = "epoll", .need = DATA,
		.flags = O_RDONLY | O_NONBLOCK, .events = EPOLLIN,
		.prepare = prepare_epoll, .wait = wait_epoll, .act = read_some,
	}, {
		.name = "EPOLLET", .need = DATA,
		.flags = O_RDONLY | O_NONBLOCK, .events = EPOLLIN | EPOLLET,
		.prepare = prepare_epoll, .wait = wait_epoll, .act = read_some,
	}, {
		.name = "EPOLLEXCLUSIVE", .need = DATA,
		.exclusive = true, .flags = O_RDONLY | O_NONBLOCK,
		.events = EPOLLIN | EPOLLEXCLUSIVE,
		.prepare = prepare_epoll, .wait = wait_epoll, .act = read_some,
	}, {
		.name = "SIGIO", .need = DATA,
		.flags = O_RDONLY | O_NONBLOCK,
		.prepare = prepare_signal, .wait = wait_signal,
		.act = read_some,
	}, {
		.name = "io_uring poll", .need = DATA,
		.flags = O_RDONLY | O_NONBLOCK, .events = POLLIN,
		.prepare = prepare_ring, .wait = wait_ring_poll,
		.act = read_some,
	}, {
		.name = "io_uring read", .need = DATA,
		.flags = O_RDONLY,
		.prepare = prepare_ring, .wait = wait_ring_read,
	}, {
		.name = "write", .need = ROOM,
		.flags = O_WRONLY, .wait = wait_write,
	}, {
		.name = "POLLOUT", .need = ROOM,
		.flags = O_WRONLY | O_NONBLOCK, .events = POLLOUT,
		.wait = wait_poll, .act = write_some,
	}, {
		.name = "POLLPRI", .need = LOSS,
		.flags = O_RDONLY | O_NONBLOCK, .events = POLLPRI,
		.wait = wait_poll, .act = report_loss,
	}, {
		.name = "EPOLLPRI | EPOLLET", .need = LOSS,
		.flags = O_RDONLY | O_NONBLOCK, .events = EPOLLPRI | EPOLLET,
		.prepare = prepare_epoll, .wait = wait_epoll,
		.act = report_loss,
	}, {
		.name = "SIGIO for loss", .need = LOSS,
		.flags = O_RDONLY | O_NONBLOCK,
		.prepare = prepare_signal, .wait = wait_signal,
		.act = report_loss,
	},
};

/* False from waiters_stop() on, which waits for those that are in here. */
static bool act(struct waiter *waiter)
{
	bool may;

	waiter->acting = true;
	may = may_act;
	if (may && waiter->kind->act)
		waiter->kind->act(waiter);
	waiter->acting = false;
	return may;
}

/* The first act is about the event that it was told of before it was parked. */
static void work(struct worker *worker)
{
	struct waiter *waiter = (struct waiter *)worker;

	while (act(waiter))
		waiter->kind->wait(waiter);
}

static void prepare(struct worker *worker)
{
	struct waiter *waiter = (struct waiter *)worker;

	waiter->kind->prepare(waiter);
}

static void block_sigio(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
}

void waiters_start(const struct waiter_kind *kind,
		   const struct channel *waited_for, int cpu)
{
	int i;

	channel = waited_for;
	block_sigio();
	for (i = 0; i < WAITERS_MAX; i++) {
		waiters[i] = (struct waiter) {
			.worker = {
				.group = WAITERS, .cpu = cpu, .work = work,
				.prepare = kind->prepare ? prepare : NULL,
			},
			.kind = kind, .seed = i,
			.fd = open(channel->path, kind->flags | O_CLOEXEC),
		};
		ck_assert_msg(waiters[i].fd >= 0, "%s: %m",
			      channel->path);
		worker_start(&waiters[i].worker);
	}
}

void waiters_release(unsigned int count, unsigned int *seed)
{
	unsigned int first = rand_r(seed) % WAITERS_MAX;
	unsigned int i;

	may_act = true;
	for (i = 0; i < count; i++)
		worker_release(&waiters[(first + i) % WAITERS_MAX].worker);
}

/* Those that wait for an edge may leave some, and on a FIFO those of a signal. */
static bool takes_all_data(const struct waiter_kind *kind)
{
	return !(kind->events & EPOLLET) &&
	       !(channel->fifo && kind->wait == wait_signal);
}

static bool all_is_taken(const struct waiter_kind *kind)
{
	switch (kind->need) {
	case DATA:
		return !takes_all_data(kind) || !channel_used(channel);
	case ROOM:
		return !poll_for(channel->fd, POLLOUT, 0);
	default:
		return !poll_for(channel->fd, POLLPRI, 0);
	}
}

void waiters_take_all(unsigned int round)
{
	const struct waiter_kind *kind = waiters->kind;
	struct patience patience = patience_of(PATIENCE_MS);

	while (!all_is_taken(kind)) {
		if (lasts(&patience))
			continue;
		crew_show();
		ck_abort_msg("round %u: %u of %s sleep, and leave %s; %zu bytes wait",
			     round, crew_working(WAITERS), kind->name,
			     needs[kind->need], channel_used(channel));
	}
}

static void wait_for_act(struct waiter *waiter)
{
	struct patience patience = patience_of(PATIENCE_MS);

	while (waiter->acting && lasts(&patience))
		;
	if (!waiter->acting)
		return;
	crew_show();
	ck_abort_msg("%s, thread %d: its act did not end, %s",
		     waiter->kind->name, waiter->worker.tid,
		     waiter->acting ? "nor since" : "but has now");
}

void waiters_stop(void)
{
	int i;

	may_act = false;
	for (i = 0; i < WAITERS_MAX; i++)
		wait_for_act(&waiters[i]);
}

static void check_rests(unsigned int round, unsigned int working)
{
	const struct waiter_kind *kind = waiters->kind;
	unsigned int asleep;
	size_t used;

	if (crew_rests(WAITERS, working))
		return;
	asleep = crew_working(WAITERS);
	used = channel_used(channel);
	crew_show();
	ck_abort_msg("round %u: %u of %s sleep, %u may; there is %s; %zu bytes wait",
		     round, asleep, kind->name, working, needs[kind->need],
		     used);
}

/* An event for each: one that was told, and is busy, must not keep the next. */
static void tell_one_by_one(unsigned int round, unsigned int count)
{
	while (count--) {
		ck_assert(channel_put(channel, 1));
		check_rests(round, count);
	}
}

void waiters_tell(unsigned int count, unsigned int round)
{
	switch (waiters->kind->need) {
	case DATA:
		if (waiters->kind->exclusive)
			tell_one_by_one(round, count);
		else	/* a byte for each read */
			ck_assert(channel_put(channel, count));
		break;
	case ROOM:
		channel_empty(channel);
		break;
	case LOSS:
		ck_assert(!channel_put(channel, 1));
	}
	check_rests(round, 0);
}

void waiters_end(void (*destroy)(void))
{
	int i;

	may_end = true;
	destroy();
	if (!crew_rests(WAITERS, 0)) {
		crew_show();
		ck_abort_msg("%u of %s sleep after the end",
			     crew_working(WAITERS), waiters->kind->name);
	}
	for (i = 0; i < WAITERS_MAX; i++)
		ck_assert_int_eq(close(waiters[i].fd), 0);
}
