// SPDX-License-Identifier: GPL-2.0-only
/* poll, select, epoll and SIGIO: the events that they report, and wakeups */
#define _GNU_SOURCE
#include "device.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define DATA	(POLLIN | POLLRDNORM)
#define ROOM	(POLLOUT | POLLWRNORM)
#define ALL	(DATA | ROOM | POLLPRI)

/* The loop variable of a test that goes each way */
enum way { BY_POLL, BY_EPOLL, BY_SELECT, WAYS };

/* One wait by poll, epoll or select: for long, or only to have a look */
struct wait {
	struct call call;
	enum way way;
	int fd;
	struct pollfd pollfd;
	struct epoll_event event;
	fd_set sets[3];
	struct timespec zero;
};

static int new_epoll(int fd, unsigned int events)
{
	struct epoll_event event = { .events = events };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	ck_assert_int_ge(epoll, 0);
	ck_assert_int_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
	return epoll;
}

static long select_set(struct wait *wait, unsigned int i, bool wanted)
{
	FD_ZERO(&wait->sets[i]);
	if (wanted)
		FD_SET(wait->fd, &wait->sets[i]);
	return (long)&wait->sets[i];
}

static void wait_start(struct wait *wait, enum way way, int fd, int events,
		       bool look)
{
	*wait = (struct wait) { .way = way, .fd = fd };
	switch (way) {
	case BY_POLL:
		wait->pollfd = (struct pollfd) { fd, events, 0 };
		call_start(&wait->call, SYS_ppoll, (long)&wait->pollfd, 1,
			   look ? (long)&wait->zero : 0);
		break;
	case BY_EPOLL:
		call_start(&wait->call, SYS_epoll_pwait, new_epoll(fd, events),
			   (long)&wait->event, 1, look ? 0 : -1);
		break;
	default:
		call_start(&wait->call, SYS_pselect6, fd + 1,
			   select_set(wait, 0, events & DATA),
			   select_set(wait, 1, events & ROOM),
			   select_set(wait, 2, events & POLLPRI),
			   look ? (long)&wait->zero : 0);
	}
}

/* The events that came, in the terms of poll */
static int wait_finish(struct wait *wait)
{
	fd_set *sets = wait->sets;

	ck_assert_int_ge(call_finish(&wait->call), 0);
	if (wait->way == BY_POLL)
		return wait->pollfd.revents;
	if (wait->way == BY_EPOLL)
		return wait->event.events;
	return (FD_ISSET(wait->fd, &sets[0]) ? POLLIN : 0) |
	       (FD_ISSET(wait->fd, &sets[1]) ? POLLOUT : 0) |
	       (FD_ISSET(wait->fd, &sets[2]) ? POLLPRI : 0);
}

static void start_asleep(struct wait *wait, enum way way, int fd, int events)
{
	wait_start(wait, way, fd, events, false);
	call_wait_asleep(&wait->call);
}

/* select knows three kinds of event only */
static int as_seen(enum way way, int events)
{
	return way == BY_SELECT ? events & (POLLIN | POLLOUT | POLLPRI) :
				  events;
}

static void check_says(enum way way, int fd, int events)
{
	struct wait wait;

	wait_start(&wait, way, fd, ALL, true);
	ck_assert_int_eq(wait_finish(&wait), as_seen(way, events));
}

static void check_woken(struct wait *wait, int events)
{
	ck_assert_int_eq(wait_finish(wait), as_seen(wait->way, events));
}

START_TEST(an_empty_buffer_polls_as_out_and_wrnorm)
{
	check_says(_i, new_buffer(PAGE), ROOM);
}
END_TEST

START_TEST(a_buffer_with_data_polls_as_in_and_rdnorm)
{
	int fd = new_buffer(2 * PAGE);

	append_text("abc");
	check_says(_i, fd, DATA | ROOM);
	check_reads(fd, "abc");
	check_says(_i, fd, ROOM);
}
END_TEST

/* A FIFO does the same. */
START_TEST(in_is_for_files_that_can_read_and_out_for_those_that_can_write)
{
	int number = create_buffer(0, 2 * PAGE);
	int reader = open_buffer(number, O_RDONLY);
	int writer = open_buffer(number, O_WRONLY);

	check_says(_i, reader, 0);
	check_says(_i, writer, ROOM);
	append_text("abc");
	check_says(_i, reader, DATA);
	check_says(_i, writer, ROOM);
}
END_TEST

START_TEST(out_needs_room_for_pipe_buf)
{
	int fd = new_buffer(2 * PIPE_BUF);

	fill(0, PIPE_BUF);
	check_says(_i, fd, DATA | ROOM);
	fill(0, 1);
	check_says(_i, fd, DATA);
	fill(0, PIPE_BUF - 1);
	check_says(_i, fd, DATA);
	drain(fd);
	check_says(_i, fd, ROOM);
}
END_TEST

START_TEST(out_of_a_small_buffer_needs_all_of_it)
{
	int fd = new_client_buffer(64);

	check_says(_i, fd, ROOM);
	fill(0, 1);
	check_says(_i, fd, DATA);
	fill(0, 63);
	check_says(_i, fd, DATA);
	drain(fd);
	check_says(_i, fd, ROOM);
}
END_TEST

static char bytes[16 * PIPE_BUF];

/* A write that finds no room, by a file that does not wait for it */
static void refuse(int fd, size_t size)
{
	ck_assert_int_eq(result_of(write(fd, bytes, size)), -EAGAIN);
}

static void take(int fd, size_t size)
{
	ck_assert_int_eq(result_of(read(fd, bytes, size)), size);
}

START_TEST(out_after_a_refused_write_needs_its_room)
{
	int fd = new_buffer(4 * PIPE_BUF);
	int other = open_buffer(NUMBER, O_RDWR | O_NONBLOCK);

	fill(0, 2 * PIPE_BUF);
	check_says(_i, fd, DATA | ROOM);
	refuse(fd, 3 * PIPE_BUF);
	check_says(_i, fd, DATA);
	check_says(_i, other, DATA | ROOM);
	take(other, PIPE_BUF - 1);
	check_says(_i, fd, DATA);
	take(other, 1);
	check_says(_i, fd, DATA | ROOM);
	ck_assert_int_eq(write(fd, bytes, 3 * PIPE_BUF), 3 * PIPE_BUF);
	check_says(_i, fd, DATA);
	take(fd, PIPE_BUF);
	check_says(_i, fd, DATA | ROOM);
}
END_TEST

START_TEST(out_after_a_refused_small_write_needs_room_for_pipe_buf)
{
	int fd = new_buffer(4 * PIPE_BUF);

	fill(0, 4 * PIPE_BUF - 10);
	refuse(fd, 11);
	take(fd, 1);
	check_says(_i, fd, DATA);
	take(fd, PIPE_BUF - 12);
	check_says(_i, fd, DATA);
	take(fd, 1);
	check_says(_i, fd, DATA | ROOM);
}
END_TEST

START_TEST(out_after_a_write_is_as_if_none_had_been_refused)
{
	int fd = new_buffer(4 * PIPE_BUF);

	fill(0, 2 * PIPE_BUF);
	refuse(fd, 3 * PIPE_BUF);
	ck_assert_int_eq(write(fd, bytes, 1), 1);
	check_says(_i, fd, DATA | ROOM);
}
END_TEST

START_TEST(out_after_a_write_that_failed_is_still_for_the_refused_one)
{
	int fd = new_buffer(4 * PIPE_BUF);

	fill(0, 2 * PIPE_BUF);
	refuse(fd, 3 * PIPE_BUF);
	ck_assert_int_eq(result_of(write(fd, hole(), 1)), -EFAULT);
	ck_assert_int_eq(result_of(write(fd, bytes, 4 * PIPE_BUF + 1)),
			 -EMSGSIZE);
	check_says(_i, fd, DATA);
}
END_TEST

START_TEST(out_is_for_the_last_of_several_refused_writes)
{
	int fd = new_buffer(4 * PIPE_BUF);

	fill(0, 2 * PIPE_BUF);
	refuse(fd, 4 * PIPE_BUF);
	refuse(fd, 2 * PIPE_BUF + 1);
	check_says(_i, fd, DATA);
	take(fd, 1);
	check_says(_i, fd, DATA | ROOM);
	refuse(fd, 4 * PIPE_BUF);
	take(fd, 2 * PIPE_BUF - 2);
	check_says(_i, fd, DATA);
	take(fd, 1);
	check_says(_i, fd, ROOM);
}
END_TEST

/* By RWF_NOWAIT, and of the largest size in a buffer that is larger */
START_TEST(out_after_a_refused_write_without_o_nonblock_needs_its_room)
{
	struct iovec piece = { bytes, BUFFLINK_WRITE_MAX };
	int fd = new_buffer(2 * BUFFLINK_WRITE_MAX);

	ck_assert_uint_ge(sizeof(bytes), BUFFLINK_WRITE_MAX);
	set_blocking(fd);
	fill(0, BUFFLINK_WRITE_MAX + 1);
	ck_assert_int_eq(result_of(pwritev2(fd, &piece, 1, -1, RWF_NOWAIT)),
			 -EAGAIN);
	check_says(_i, fd, DATA);
	take(fd, 1);
	check_says(_i, fd, DATA | ROOM);
}
END_TEST

START_TEST(out_is_the_same_for_all_descriptors_of_the_file)
{
	int fd = new_buffer(4 * PIPE_BUF);
	int copy = dup(fd);

	fill(0, 2 * PIPE_BUF);
	refuse(copy, 3 * PIPE_BUF);
	check_says(_i, fd, DATA);
	close(copy);
	check_says(_i, fd, DATA);
}
END_TEST

START_TEST(pri_while_an_unreported_loss_is_pending)
{
	int fd = new_client_buffer(64);

	fill(0, 64);
	lose(1);
	check_says(_i, fd, DATA | POLLPRI);
	drain(fd);
	check_says(_i, fd, ROOM | POLLPRI);
	ck_assert_uint_eq(loss(fd).records, 1);
	check_says(_i, fd, ROOM);
	fill(0, 64);
	lose(1);
	check_says(_i, fd, DATA | POLLPRI);
}
END_TEST

START_TEST(pri_stays_when_the_overflow_flag_is_cleared)
{
	int fd = new_client_buffer(64);

	fill(0, 64);
	lose(1);
	ck_assert_int_eq(sysfs_write(NUMBER, "overflow", "0"), 0);
	check_says(_i, fd, DATA | POLLPRI);
}
END_TEST

START_TEST(after_destroy_it_polls_as_in_rdnorm_and_hup)
{
	int fd = new_buffer(PAGE);

	destroy_buffer();
	check_says(_i, fd, DATA | POLLHUP);
}
END_TEST

START_TEST(after_destroy_it_polls_as_hup_before_and_after_the_last_read)
{
	int fd = new_buffer(PAGE);

	append_text("abc");
	destroy_buffer();
	check_says(_i, fd, DATA | POLLHUP);
	check_reads(fd, "abc");
	check_says(_i, fd, DATA | POLLHUP);
}
END_TEST

START_TEST(after_destroy_client_memory_polls_as_in_rdnorm_and_hup)
{
	int fd = new_client_buffer(64);

	fill(0, 64);
	destroy_buffer();
	check_says(_i, fd, DATA | POLLHUP);
}
END_TEST

START_TEST(an_append_wakes_a_waiter_for_data)
{
	int fd = new_buffer(PAGE);
	struct wait wait;

	start_asleep(&wait, _i, fd, DATA);
	append_text("x");
	check_woken(&wait, DATA);
}
END_TEST

START_TEST(a_write_wakes_a_waiter_for_data)
{
	int fd = new_buffer(PAGE);
	struct wait wait;

	start_asleep(&wait, _i, fd, DATA);
	ck_assert_int_eq(write(fd, "x", 1), 1);
	check_woken(&wait, DATA);
}
END_TEST

START_TEST(an_append_wakes_all_waiters_for_data)
{
	int fd = new_buffer(PAGE);
	struct wait waits[WAYS + 1];
	unsigned int i;

	for (i = 0; i < WAYS + 1; i++)
		start_asleep(&waits[i], i % WAYS, fd, DATA);
	append_text("x");
	for (i = 0; i < WAYS + 1; i++)
		check_woken(&waits[i], DATA);
}
END_TEST

START_TEST(each_wait_is_woken_again_and_again)
{
	int fd = new_buffer(PAGE);
	struct wait wait;
	unsigned int i;

	for (i = 0; i < 10; i++) {
		start_asleep(&wait, _i, fd, DATA);
		append_text("x");
		check_woken(&wait, DATA);
		check_reads(fd, "x");
	}
}
END_TEST

START_TEST(destroy_wakes_a_waiter_for_data)
{
	int fd = new_buffer(PAGE);
	struct wait wait;

	start_asleep(&wait, _i, fd, DATA);
	destroy_buffer();
	check_woken(&wait, DATA | POLLHUP);
}
END_TEST

START_TEST(a_loss_wakes_a_waiter_for_pri)
{
	int fd = new_client_buffer(64);
	struct wait wait;

	fill(0, 64);
	start_asleep(&wait, _i, fd, POLLPRI);
	lose(1);
	check_woken(&wait, POLLPRI);
}
END_TEST

START_TEST(a_loss_wakes_a_waiter_for_pri_even_if_nothing_is_stored)
{
	int fd = new_client_buffer(64);
	struct wait wait;

	start_asleep(&wait, _i, fd, POLLPRI);
	ck_assert_int_eq(append_record(0, 65), -EMSGSIZE);
	check_woken(&wait, POLLPRI);
}
END_TEST

START_TEST(a_loss_wakes_a_writer_that_polls_for_pri)
{
	int fd = open_buffer(create_buffer(0, PAGE), O_WRONLY);
	struct wait wait;

	start_asleep(&wait, _i, fd, POLLPRI);
	ck_assert_int_eq(append_record(0, PAGE + 1), -EMSGSIZE);
	check_woken(&wait, POLLPRI);
}
END_TEST

START_TEST(room_wakes_a_waiter_for_room)
{
	int fd = new_client_buffer(64);
	char half[32];
	struct wait wait;

	fill(0, 64);
	start_asleep(&wait, _i, fd, ROOM);
	ck_assert_int_eq(read(fd, half, sizeof(half)), sizeof(half));
	call_wait_asleep(&wait.call);
	ck_assert_int_eq(read(fd, half, sizeof(half)), sizeof(half));
	check_woken(&wait, ROOM);
}
END_TEST

START_TEST(room_for_a_refused_write_wakes_its_writer)
{
	int fd = new_buffer(4 * PIPE_BUF);
	int other = open_buffer(NUMBER, O_RDWR | O_NONBLOCK);
	struct wait wait, wait_of_other;

	fill(0, 4 * PIPE_BUF);
	refuse(fd, 3 * PIPE_BUF);
	start_asleep(&wait, _i, fd, ROOM);
	start_asleep(&wait_of_other, _i, other, ROOM);
	take(fd, PIPE_BUF);
	check_woken(&wait_of_other, ROOM);
	call_wait_asleep(&wait.call);
	take(fd, 2 * PIPE_BUF - 1);
	call_wait_asleep(&wait.call);
	take(fd, 1);
	check_woken(&wait, ROOM);
}
END_TEST

/* Programs that share the file: one polls, the other gives up, and writes less. */
START_TEST(a_smaller_write_to_the_file_wakes_a_poll_for_the_room_of_a_refused_one)
{
	int fd = new_buffer(4 * PIPE_BUF);
	int copy = dup(fd);
	struct wait wait;

	fill(0, 2 * PIPE_BUF);
	refuse(fd, 3 * PIPE_BUF);
	start_asleep(&wait, _i, fd, ROOM);
	ck_assert_int_eq(write(copy, bytes, 1), 1);
	check_woken(&wait, ROOM);
}
END_TEST

START_TEST(destroy_wakes_a_writer_after_a_refused_write)
{
	int fd = new_buffer(4 * PIPE_BUF);
	struct wait wait;

	fill(0, 2 * PIPE_BUF);
	refuse(fd, 3 * PIPE_BUF);
	start_asleep(&wait, _i, fd, ROOM);
	destroy_buffer();
	check_woken(&wait, POLLHUP);
}
END_TEST

/* Not by select: a hang-up is none of its events for writing or loss. */
START_TEST(destroy_wakes_waiters_for_room_or_loss_only)
{
	int fd = new_client_buffer(64);
	struct wait room, loss;

	fill(0, 64);
	start_asleep(&room, _i, fd, ROOM);
	start_asleep(&loss, _i, fd, POLLPRI);
	destroy_buffer();
	check_woken(&room, POLLHUP);
	check_woken(&loss, POLLHUP);
}
END_TEST

/* The events of one epoll_wait(); 0 if nothing is new within the time */
static int epoll_says(int epoll, int timeout_ms)
{
	struct epoll_event event;
	int count = epoll_wait(epoll, &event, 1, timeout_ms);

	ck_assert_int_ge(count, 0);
	return count ? (int)event.events : 0;
}

START_TEST(epoll_by_level_reports_data_until_it_is_read)
{
	int fd = new_buffer(PAGE);
	int epoll = new_epoll(fd, DATA);
	unsigned int i;

	append_text("x");
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(epoll_says(epoll, PATIENCE_MS), DATA);
	check_reads(fd, "x");
	ck_assert_int_eq(epoll_says(epoll, 0), 0);
	append_text("y");
	ck_assert_int_eq(epoll_says(epoll, PATIENCE_MS), DATA);
}
END_TEST

START_TEST(epoll_by_edge_reports_data_once)
{
	int fd = new_buffer(PAGE);
	int epoll = new_epoll(fd, DATA | EPOLLET);

	append_text("x");
	ck_assert_int_eq(epoll_says(epoll, PATIENCE_MS), DATA);
	ck_assert_int_eq(epoll_says(epoll, MOMENT_MS), 0);
}
END_TEST

START_TEST(epoll_by_edge_reports_data_that_was_there_before)
{
	int fd = new_buffer(PAGE);

	append_text("x");
	ck_assert_int_eq(epoll_says(new_epoll(fd, DATA | EPOLLET), 0), DATA);
}
END_TEST

START_TEST(epoll_by_edge_reports_each_append_to_an_empty_buffer)
{
	int fd = new_buffer(PAGE);
	int epoll = new_epoll(fd, DATA | EPOLLET);
	unsigned int i;

	for (i = 0; i < 20; i++) {
		append_text("x");
		ck_assert_int_eq(epoll_says(epoll, PATIENCE_MS), DATA);
		check_reads(fd, "x");
	}
}
END_TEST

START_TEST(epoll_by_edge_reports_each_append_also_if_nothing_was_read)
{
	int fd = new_buffer(PAGE);
	int epoll = new_epoll(fd, DATA | EPOLLET);
	unsigned int i;

	for (i = 0; i < 20; i++) {
		append_text("x");
		ck_assert_int_eq(epoll_says(epoll, PATIENCE_MS), DATA);
	}
	ck_assert_int_eq(readable(fd), 20);
}
END_TEST

START_TEST(epoll_by_edge_wakes_a_sleeper_also_if_nothing_was_read)
{
	int fd = new_buffer(PAGE);
	int epoll = new_epoll(fd, DATA | EPOLLET);
	struct epoll_event event;
	struct call sleeper;
	unsigned int i;

	append_text("x");
	ck_assert_int_eq(epoll_says(epoll, PATIENCE_MS), DATA);
	for (i = 0; i < 10; i++) {
		call_start(&sleeper, SYS_epoll_pwait, epoll, (long)&event, 1,
			   -1);
		call_wait_asleep(&sleeper);
		append_text("y");
		ck_assert_int_eq(call_finish(&sleeper), 1);
		ck_assert_int_eq(event.events, DATA);
	}
}
END_TEST

START_TEST(epoll_by_edge_reports_loss_room_and_destroy)
{
	int fd = new_client_buffer(64);
	int epoll = new_epoll(fd, ROOM | POLLPRI | EPOLLET);

	ck_assert_int_eq(epoll_says(epoll, 0), ROOM);
	fill(0, 64);
	lose(1);
	ck_assert_int_eq(epoll_says(epoll, PATIENCE_MS), POLLPRI);
	ck_assert_uint_eq(loss(fd).records, 1);
	drain(fd);
	ck_assert_int_eq(epoll_says(epoll, PATIENCE_MS), ROOM);
	destroy_buffer();
	ck_assert_int_eq(epoll_says(epoll, PATIENCE_MS), POLLHUP);
}
END_TEST

START_TEST(epoll_by_level_reports_room_when_a_refused_write_fits)
{
	int fd = new_buffer(4 * PIPE_BUF);
	int epoll = new_epoll(fd, ROOM);
	unsigned int i;

	fill(0, 2 * PIPE_BUF);
	ck_assert_int_eq(epoll_says(epoll, 0), ROOM);
	refuse(fd, 3 * PIPE_BUF);
	ck_assert_int_eq(epoll_says(epoll, 0), 0);
	take(fd, PIPE_BUF - 1);
	ck_assert_int_eq(epoll_says(epoll, MOMENT_MS), 0);
	take(fd, 1);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(epoll_says(epoll, PATIENCE_MS), ROOM);
}
END_TEST

START_TEST(epoll_by_edge_reports_room_when_a_refused_write_fits)
{
	int fd = new_buffer(4 * PIPE_BUF);
	int epoll = new_epoll(fd, ROOM | EPOLLET);
	unsigned int i;

	ck_assert_int_eq(epoll_says(epoll, 0), ROOM);
	for (i = 0; i < 10; i++) {
		fill(0, 2 * PIPE_BUF);
		refuse(fd, 3 * PIPE_BUF);
		take(fd, PIPE_BUF - 1);
		ck_assert_int_eq(epoll_says(epoll, i ? 0 : MOMENT_MS), 0);
		take(fd, 1);
		ck_assert_int_eq(epoll_says(epoll, PATIENCE_MS), ROOM);
		ck_assert_int_eq(write(fd, bytes, 3 * PIPE_BUF),
				 3 * PIPE_BUF);
		drain(fd);
		ck_assert_int_eq(epoll_says(epoll, PATIENCE_MS), ROOM);
	}
}
END_TEST

/* A writer that polls whenever it is refused sleeps until it has room. */
START_TEST(a_writer_that_polls_does_not_spin)
{
	int fd = new_buffer(4 * PIPE_BUF);
	unsigned int i;

	fill(0, 2 * PIPE_BUF);
	for (i = 0; i < PIPE_BUF; i += 64) {
		refuse(fd, 3 * PIPE_BUF);
		ck_assert_int_eq(poll_for(fd, POLLOUT, 0), 0);
		take(fd, 64);
	}
	ck_assert_int_eq(poll_for(fd, POLLOUT, 0), POLLOUT);
	ck_assert_int_eq(write(fd, bytes, 3 * PIPE_BUF), 3 * PIPE_BUF);
}
END_TEST

/* An epoll of its own that is woken exclusively, with a thread that waits */
static void start_exclusive(struct wait *wait, int fd, unsigned int events)
{
	start_asleep(wait, BY_EPOLL, fd, events | EPOLLEXCLUSIVE);
}

START_TEST(exclusive_waiters_for_room_or_the_end_leave_data_to_others)
{
	int fd = new_client_buffer(64);
	int writer = open_buffer(NUMBER, O_WRONLY);
	struct wait room, end, data, blind;

	fill(0, 64);
	start_exclusive(&room, fd, EPOLLOUT);
	start_exclusive(&end, fd, 0);
	start_exclusive(&blind, writer, EPOLLIN);
	drain(fd);
	check_woken(&room, EPOLLOUT);
	fill(0, 1);
	start_exclusive(&room, fd, EPOLLOUT);
	drain(fd);
	check_woken(&room, EPOLLOUT);
	fill(0, 63);
	drain(fd);

	start_exclusive(&data, fd, EPOLLIN);
	/* If it were awake, the wakeup would go on to the next. */
	call_wait_asleep(&blind.call);
	append_text("x");
	check_woken(&data, EPOLLIN);
	destroy_buffer();
	check_woken(&end, EPOLLHUP);
	check_woken(&blind, EPOLLIN | EPOLLHUP);
}
END_TEST

/* Room for one of them only: it is not known which of them needs it. */
START_TEST(room_that_is_too_little_for_one_wakes_another)
{
	int fd = new_buffer(4 * PAGE);
	int large = open_buffer(NUMBER, O_RDWR | O_NONBLOCK);
	static char page[3 * PAGE];
	struct wait waits[2];

	fill(0, 4 * PAGE);
	ck_assert_int_eq(result_of(write(large, page, 3 * PAGE)), -EAGAIN);
	start_exclusive(&waits[0], large, EPOLLOUT);
	start_exclusive(&waits[1], fd, EPOLLOUT);
	ck_assert_int_eq(read(fd, page, PAGE), PAGE);
	check_woken(&waits[1], EPOLLOUT);
	drain(fd);
	check_woken(&waits[0], EPOLLOUT);
}
END_TEST

START_TEST(one_exclusive_waiter_costs_no_wakeup_while_it_is_busy)
{
	int fd = new_buffer(PAGE);
	struct wait wait;
	int i;

	start_exclusive(&wait, fd, EPOLLIN);
	for (i = 0; i < 20; i++) {
		append_text("x");
		pause_ms(1);
	}
	check_woken(&wait, EPOLLIN);
	ck_assert_uint_eq(stats(fd).wakeups, 1);
}
END_TEST

/* Have fd send this signal to us, or stop it. */
static void send_signal(int fd, int sig)
{
	handle_signal(sig, 0);
	ck_assert_int_eq(fcntl(fd, F_SETOWN, getpid()), 0);
	ck_assert_int_eq(fcntl(fd, F_SETSIG, sig == SIGIO ? 0 : sig), 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC), 0);
}

static void send_no_signal(int fd)
{
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
}

START_TEST(an_append_sends_sigio)
{
	int fd = new_buffer(PAGE);
	int i;

	send_signal(fd, SIGIO);
	for (i = 0; i < 10; i++) {
		ck_assert_int_eq(signals(SIGIO), i);
		append_text("x");
		wait_for(signals(SIGIO) > i);
		check_reads(fd, "x");
	}
}
END_TEST

START_TEST(destroy_sends_sigio)
{
	int fd = new_buffer(PAGE);

	send_signal(fd, SIGIO);
	destroy_buffer();
	wait_for(signals(SIGIO));
}
END_TEST

START_TEST(only_open_files_with_o_async_send_sigio)
{
	int number = create_buffer(0, PAGE);
	int stopped = open_buffer(number, O_RDONLY);
	int closed = open_buffer(number, O_RDONLY);
	int other = open_buffer(number, O_RDONLY);

	send_signal(stopped, SIGUSR1);
	send_signal(closed, SIGUSR2);
	send_signal(other, SIGIO);
	send_no_signal(stopped);
	close(closed);
	append_text("x");
	wait_for(signals(SIGIO));
	ck_assert_int_eq(signals(SIGUSR1), 0);
	ck_assert_int_eq(signals(SIGUSR2), 0);
}
END_TEST

static void wait_for_signal_of_loss(void)
{
	struct timespec patience = { .tv_sec = PATIENCE_MS / 1000 };
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	do {
		ck_assert_msg(sigtimedwait(&set, &info, &patience) == SIGRTMIN,
			      "no signal of a loss: %m");
	} while (info.si_code != POLL_PRI);
}

/* Signals of real time are queued, and have their reason in si_code. */
static int full_buffer_with_signals(void)
{
	int fd = new_client_buffer(64);
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	fill(0, 64);
	send_signal(fd, SIGRTMIN);
	return fd;
}

START_TEST(the_first_loss_after_each_report_sends_sigio)
{
	int fd = full_buffer_with_signals();
	unsigned int i;

	for (i = 0; i < 10; i++) {
		lose(1);
		wait_for_signal_of_loss();
		lose(1);
		ck_assert_uint_eq(loss(fd).records, 2);
	}
}
END_TEST

START_TEST(a_loss_before_o_async_is_set_sends_sigio_then)
{
	int fd = full_buffer_with_signals();

	send_no_signal(fd);
	lose(1);
	send_signal(fd, SIGRTMIN);
	wait_for_signal_of_loss();
	ck_assert_uint_eq(loss(fd).records, 1);
	lose(1);
	wait_for_signal_of_loss();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("poll");

	add_loop_case(suite, "events", WAYS,
		      an_empty_buffer_polls_as_out_and_wrnorm,
		      a_buffer_with_data_polls_as_in_and_rdnorm,
		      in_is_for_files_that_can_read_and_out_for_those_that_can_write,
		      out_needs_room_for_pipe_buf,
		      out_of_a_small_buffer_needs_all_of_it,
		      out_after_a_refused_write_needs_its_room,
		      out_after_a_refused_small_write_needs_room_for_pipe_buf,
		      out_after_a_write_is_as_if_none_had_been_refused,
		      out_after_a_write_that_failed_is_still_for_the_refused_one,
		      out_is_for_the_last_of_several_refused_writes,
		      out_after_a_refused_write_without_o_nonblock_needs_its_room,
		      out_is_the_same_for_all_descriptors_of_the_file,
		      pri_while_an_unreported_loss_is_pending,
		      pri_stays_when_the_overflow_flag_is_cleared,
		      after_destroy_it_polls_as_in_rdnorm_and_hup,
		      after_destroy_it_polls_as_hup_before_and_after_the_last_read,
		      after_destroy_client_memory_polls_as_in_rdnorm_and_hup);
	add_loop_case(suite, "wakes", WAYS,
		      an_append_wakes_a_waiter_for_data,
		      a_write_wakes_a_waiter_for_data,
		      each_wait_is_woken_again_and_again,
		      destroy_wakes_a_waiter_for_data,
		      a_loss_wakes_a_waiter_for_pri,
		      a_loss_wakes_a_waiter_for_pri_even_if_nothing_is_stored,
		      a_loss_wakes_a_writer_that_polls_for_pri,
		      room_wakes_a_waiter_for_room,
		      room_for_a_refused_write_wakes_its_writer,
		      a_smaller_write_to_the_file_wakes_a_poll_for_the_room_of_a_refused_one);
	add_loop_case(suite, "wakes by hang-up", BY_SELECT,
		      destroy_wakes_waiters_for_room_or_loss_only,
		      destroy_wakes_a_writer_after_a_refused_write);
	add_case(suite, "wakes all",
		 an_append_wakes_all_waiters_for_data);
	add_case(suite, "epoll",
		 epoll_by_level_reports_data_until_it_is_read,
		 epoll_by_edge_reports_data_once,
		 epoll_by_edge_reports_data_that_was_there_before,
		 epoll_by_edge_reports_each_append_to_an_empty_buffer,
		 epoll_by_edge_reports_each_append_also_if_nothing_was_read,
		 epoll_by_edge_wakes_a_sleeper_also_if_nothing_was_read,
		 epoll_by_edge_reports_loss_room_and_destroy,
		 epoll_by_level_reports_room_when_a_refused_write_fits,
		 epoll_by_edge_reports_room_when_a_refused_write_fits,
		 a_writer_that_polls_does_not_spin);
	add_case(suite, "exclusive",
		 exclusive_waiters_for_room_or_the_end_leave_data_to_others,
		 room_that_is_too_little_for_one_wakes_another,
		 one_exclusive_waiter_costs_no_wakeup_while_it_is_busy);
	add_case(suite, "SIGIO",
		 an_append_sends_sigio,
		 destroy_sends_sigio,
		 the_first_loss_after_each_report_sends_sigio,
		 a_loss_before_o_async_is_set_sends_sigio_then,
		 only_open_files_with_o_async_send_sigio);
	return run_suite(suite);
}
