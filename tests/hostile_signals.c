// SPDX-License-Identifier: GPL-2.0-only
/* Signals at every wait, where the suites of read and write do not look */
#define _GNU_SOURCE
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "device.h"

/* The loop variable of a test: which wait it is */
enum wait {
	IN_READ, IN_FAULT,
	IN_WRITE, IN_READ_LOCK,
	IN_READ_OF_CLIENT, IN_READV, IN_SPLICE,
	IN_PPOLL, IN_EPOLL, IN_IO_URING, WAITS,
	FIRST_TO_RESTART = IN_WRITE, LAST_TO_RESTART = IN_SPLICE,
	FIRST_TO_END = IN_READ_OF_CLIENT, LAST_TO_END = IN_IO_URING,
};

static const long numbers[WAITS] = {
	[IN_READ] = SYS_read,
	[IN_FAULT] = SYS_read,
	[IN_WRITE] = SYS_write,
	[IN_READ_LOCK] = SYS_read,
	[IN_READ_OF_CLIENT] = SYS_read,
	[IN_READV] = SYS_readv,
	[IN_SPLICE] = SYS_splice,
	[IN_PPOLL] = SYS_ppoll,
	[IN_EPOLL] = SYS_epoll_pwait,
	[IN_IO_URING] = SYS_io_uring_enter,
};

/* A call that waits, and all that it needs */
struct waiting {
	enum wait where;
	int fd;
	struct call call;
	char data[8];
	struct iovec pieces[2];
	int pipe[2];
	struct pollfd pollfd;
	struct epoll_event event;
	struct io_uring ring;
};

/* It holds the read lock until its page is there. */
static struct slow_page slow;
static struct call holder;

static void hold_read_lock(int fd)
{
	slow = slow_page();
	call_start(&holder, SYS_read, fd, (long)slow.page, 2);
	slow_page_wait_touched(&slow);
}

static void release_read_lock(void)
{
	slow_page_fill(&slow);
	ck_assert_int_eq(call_finish(&holder), 2);
	ck_assert_mem_eq(slow.page, "ab", 2);
}

/* A buffer on which a call of this kind waits; its size is 64 or more. */
static int make_buffer(enum wait where)
{
	int fd = where == IN_READ_OF_CLIENT ? new_client_buffer(64) :
					      new_buffer(PAGE);

	if (where == IN_WRITE)
		fill(0, PAGE);
	if (where == IN_FAULT || where == IN_READ_LOCK)
		append_text("abcdef");
	if (where == IN_READ_LOCK)
		hold_read_lock(fd);
	return fd;
}

/* Bring about the event that the call waits for. */
static void end_wait(const struct waiting *wait)
{
	char full[PAGE];

	if (wait->where == IN_WRITE)
		read_all(wait->fd, full, PAGE);
	else if (wait->where == IN_READ_LOCK)
		release_read_lock();
	else
		append_text("text");
}

static void prepare_ring(struct waiting *wait)
{
	struct io_uring_sqe *entry;

	ck_assert_int_eq(io_uring_queue_init(1, &wait->ring, 0), 0);
	entry = io_uring_get_sqe(&wait->ring);
	io_uring_prep_read(entry, wait->fd, wait->data, sizeof(wait->data), -1);
	ck_assert_int_eq(io_uring_submit(&wait->ring), 1);
}

static int new_epoll(int fd)
{
	struct epoll_event event = { .events = POLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	ck_assert_int_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
	return epoll;
}

#define set_args(wait, ...)						\
	memcpy((wait)->call.args, (long[6]) { __VA_ARGS__ }, sizeof(long[6]))

static void prepare(struct waiting *wait, enum wait where, int fd)
{
	*wait = (struct waiting) { .where = where, .fd = fd };
	wait->call.number = numbers[where];
	set_blocking(fd);
	switch (where) {
	case IN_WRITE:
		set_args(wait, fd, (long)"text", 4);
		break;
	case IN_READV:
		wait->pieces[0] = (struct iovec) { wait->data, 1 };
		wait->pieces[1] = (struct iovec) { wait->data + 1, 7 };
		set_args(wait, fd, (long)wait->pieces, 2);
		break;
	case IN_SPLICE:
		ck_assert_int_eq(pipe(wait->pipe), 0);
		set_args(wait, fd, 0, wait->pipe[1], 0, 8, 0);
		break;
	case IN_PPOLL:
		wait->pollfd = (struct pollfd) { fd, POLLIN, 0 };
		set_args(wait, (long)&wait->pollfd, 1, 0);
		break;
	case IN_EPOLL:
		set_args(wait, new_epoll(fd), (long)&wait->event, 1, -1);
		break;
	case IN_IO_URING:
		prepare_ring(wait);
		set_args(wait, wait->ring.ring_fd, 0, 1,
			 IORING_ENTER_GETEVENTS);
		break;
	case IN_FAULT:
		set_args(wait, fd, (long)slow_page().page, 8);
		break;
	default:
		set_args(wait, fd, (long)wait->data, 8);
	}
}

static void start_asleep(struct waiting *wait)
{
	long args[6];

	memcpy(args, wait->call.args, sizeof(args));
	call_start_args(&wait->call, wait->call.number, args);
	call_wait_asleep(&wait->call);
}

static void check_ring(struct waiting *wait)
{
	struct io_uring_cqe *done;

	ck_assert_int_eq(io_uring_peek_cqe(&wait->ring, &done), 0);
	ck_assert_int_eq(done->res, 4);
	ck_assert_str_eq(wait->data, "text");
}

/* The call did its work, and the buffer is empty then. */
static void check_done(struct waiting *wait)
{
	long result = call_finish(&wait->call);

	switch (wait->where) {
	case IN_READ_LOCK:
		ck_assert_int_eq(result, 4);
		ck_assert_str_eq(wait->data, "cdef");
		break;
	case IN_SPLICE:
		ck_assert_int_eq(result, 4);
		check_reads(wait->pipe[0], "text");
		break;
	case IN_IO_URING:
		ck_assert_int_eq(result, 0);
		check_ring(wait);
		break;
	case IN_PPOLL:
	case IN_EPOLL:
		ck_assert_int_eq(result, 1);
		ck_assert_int_eq(wait->where == IN_EPOLL ?
				 (short)wait->event.events :
				 wait->pollfd.revents, POLLIN);
		check_reads(wait->fd, "text");
		break;
	case IN_WRITE:
		ck_assert_int_eq(result, 4);
		check_reads(wait->fd, "text");
		break;
	default:
		ck_assert_int_eq(result, 4);
		ck_assert_str_eq(wait->data, "text");
	}
	ck_assert_int_eq(readable(wait->fd), 0);
}

START_TEST(interrupted_it_is_eintr_and_moves_nothing)
{
	struct waiting wait;

	handle_signal(SIGUSR1, 0);
	prepare(&wait, _i, make_buffer(_i));
	start_asleep(&wait);
	call_signal(&wait.call, SIGUSR1);
	ck_assert_int_eq(call_finish(&wait.call), -EINTR);

	ck_assert_int_eq(signals(SIGUSR1), 1);
	ck_assert_str_eq(wait.data, "");
	start_asleep(&wait);
	end_wait(&wait);
	check_done(&wait);
	ck_assert_uint_eq(stats(wait.fd).bytes, 4);
}
END_TEST

START_TEST(with_sa_restart_it_goes_on_and_moves_all_once)
{
	struct waiting wait;

	handle_signal(SIGUSR1, SA_RESTART);
	prepare(&wait, _i, make_buffer(_i));
	start_asleep(&wait);
	call_signal(&wait.call, SIGUSR1);
	wait_for(signals(SIGUSR1) == 1);
	call_wait_asleep(&wait.call);
	end_wait(&wait);
	check_done(&wait);
}
END_TEST

/* It makes room if the call waits for room, and no data. */
START_TEST(a_resize_leaves_it_waiting)
{
	struct waiting wait;
	int err = _i == IN_READ_OF_CLIENT ? -EINVAL : 0;

	prepare(&wait, _i, make_buffer(_i));
	start_asleep(&wait);
	ck_assert_int_eq(resize(0, 2 * PAGE), err);
	if (_i != IN_WRITE)
		call_wait_asleep(&wait.call);
	end_wait(&wait);
	check_done(&wait);
}
END_TEST

static int wait_as_child(void *arg)
{
	struct waiting wait;
	long *args = wait.call.args;

	prepare(&wait, *(enum wait *)arg, open_buffer(NUMBER, O_RDWR));
	syscall(wait.call.number, args[0], args[1], args[2], args[3], args[4],
		args[5]);
	return 0;
}

static bool is_in_call(pid_t pid, long number)
{
	char path[32];
	long found = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	if (fscanf(file, "%ld", &found) != 1)
		found = -1;	/* it is running */
	fclose(file);
	return found == number;
}

static void kill_child(pid_t pid)
{
	int status;

	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_msg(finished(pid, PATIENCE_MS), "it cannot be killed");
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* The killed call has moved nothing, and the buffer works. */
static void check_works(int fd, enum wait where)
{
	if (where == IN_READ_LOCK) {
		release_read_lock();
		check_reads(fd, "cdef");
	} else if (where == IN_FAULT) {
		check_reads(fd, "abcdef");
	} else if (where == IN_WRITE) {
		drain(fd);
	}
	ck_assert_int_eq(readable(fd), 0);
	append_text("text");
	check_reads(fd, "text");
}

/* Nobody has the device open any more, and nothing is left of it. */
static void check_gone(void)
{
	destroy_buffer();
	ck_assert_int_eq(create_buffer(0, PAGE), NUMBER);
	producer_unload();
	wait_for(!exists("/sys/module/bufflink") || !unload("bufflink"));
	ck_assert_int_eq(load("bufflink", ""), 0);
}

START_TEST(killed_it_ends_and_leaves_nothing_behind)
{
	enum wait where = _i;
	int fd = make_buffer(where);
	pid_t pid = start(wait_as_child, &where);

	wait_for(is_in_call(pid, numbers[where]));
	wait_asleep(pid);
	kill_child(pid);
	check_works(fd, where);
	close(fd);
	check_gone();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("signals");
	TCase *tcase = tcase_create("signals");

	tcase_add_checked_fixture(tcase, producer_setup, producer_teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, interrupted_it_is_eintr_and_moves_nothing,
			    FIRST_TO_END, LAST_TO_END + 1);
	tcase_add_loop_test(tcase, with_sa_restart_it_goes_on_and_moves_all_once,
			    FIRST_TO_RESTART, LAST_TO_RESTART + 1);
	tcase_add_loop_test(tcase, a_resize_leaves_it_waiting,
			    FIRST_TO_RESTART, LAST_TO_END + 1);
	tcase_add_loop_test(tcase, killed_it_ends_and_leaves_nothing_behind,
			    0, WAITS);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
