// SPDX-License-Identifier: GPL-2.0-only
/* open, and read in all its forms: the device as a reader sees it */
#define _GNU_SOURCE
#include "device.h"

#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#define ALPHABET "abcdefghijklmnopqrstuvwxyz"

static char got[PAGE];

/* Read at most so much, without waiting: the result as a string in got */
static long read_up_to(int fd, size_t size)
{
	memset(got, 0, sizeof(got));
	return result_of(read(fd, got, size));
}

static long read_nowait(int fd, size_t size)
{
	struct iovec piece = { got, size };

	memset(got, 0, sizeof(got));
	return result_of(preadv2(fd, &piece, 1, -1, RWF_NOWAIT));
}

/* Bring the next byte appended to this place in the memory. */
static void move_to(int fd, size_t offset)
{
	fill(0, offset);
	drain(fd);
}

static int new_blocking_buffer(uint64_t size)
{
	int fd = new_buffer(size);

	set_blocking(fd);
	return fd;
}

START_TEST(node_is_a_misc_device_of_mode_0600_owned_by_root)
{
	struct stat st;

	ck_assert_int_eq(fstat(new_buffer(PAGE), &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFCHR | 0600);
	ck_assert_uint_eq(major(st.st_rdev), 10);
	ck_assert_uint_eq(st.st_uid, 0);
	ck_assert_uint_eq(st.st_gid, 0);
}
END_TEST

START_TEST(open_takes_any_mode)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };
	int number = create_buffer(0, PAGE);
	unsigned int i;

	for (i = 0; i < 3; i++) {
		close(open_buffer(number, modes[i]));
		close(open_buffer(number, modes[i] | O_NONBLOCK));
	}
}
END_TEST

START_TEST(seeking_is_espipe)
{
	static const int whences[] = { SEEK_SET, SEEK_CUR, SEEK_END };
	int fd = new_buffer(PAGE);
	unsigned int i;

	append_text("text");
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(result_of(lseek(fd, 0, whences[i])), -ESPIPE);
	check_reads(fd, "text");
}
END_TEST

START_TEST(there_is_no_pread_and_no_pwrite)
{
	int fd = new_buffer(PAGE);
	struct iovec piece = { got, 1 };

	append_text("text");
	ck_assert_int_eq(result_of(pread(fd, got, 1, 0)), -ESPIPE);
	ck_assert_int_eq(result_of(preadv(fd, &piece, 1, 0)), -ESPIPE);
	ck_assert_int_eq(result_of(pwrite(fd, got, 1, 0)), -ESPIPE);
	check_reads(fd, "text");
}
END_TEST

START_TEST(read_waits_until_there_is_at_least_one_byte)
{
	int fd = new_blocking_buffer(PAGE);
	struct call reader;

	call_start(&reader, SYS_read, fd, (long)got, sizeof(got));
	call_wait_asleep(&reader);
	append_text("x");
	ck_assert_int_eq(call_finish(&reader), 1);
	ck_assert_str_eq(got, "x");
}
END_TEST

START_TEST(read_returns_the_bytes_that_are_there_up_to_its_size)
{
	int fd = new_blocking_buffer(PAGE);

	append_text("abc");
	append_text("defgh");
	ck_assert_int_eq(read_up_to(fd, 4), 4);
	ck_assert_str_eq(got, "abcd");
	ck_assert_int_eq(read_up_to(fd, 100), 4);
	ck_assert_str_eq(got, "efgh");
	ck_assert_int_eq(readable(fd), 0);
}
END_TEST

START_TEST(read_continues_where_the_memory_wraps)
{
	int fd = new_client_buffer(10);
	size_t offset, first;

	move_to(fd, 10);
	for (offset = 0; offset < 10; offset++) {
		for (first = 1; first < 8; first++) {
			ck_assert_int_eq(append(0, "ABCDEFGH", first), 0);
			append_text(&"ABCDEFGH"[first]);
			check_reads(fd, "ABCDEFGH");
			move_to(fd, 2);
		}
		move_to(fd, 1);
	}
	destroy_buffer();	/* it checks the bytes next to the memory */
}
END_TEST

START_TEST(a_full_buffer_is_read_whole)
{
	int fd = new_client_buffer(26);
	size_t offset;

	for (offset = 0; offset < 26; offset++) {
		append_text(ALPHABET);
		check_reads(fd, ALPHABET);
		move_to(fd, 1);
	}
}
END_TEST

/* Larger than a copy out of client memory at a time */
START_TEST(one_read_may_take_many_pages)
{
	int fd = new_client_buffer(3 * PAGE + 1);
	static char wanted[3 * PAGE + 1], all[3 * PAGE + 1];
	unsigned int i;

	for (i = 0; i < sizeof(wanted); i++)
		wanted[i] = i % 251;
	for (i = 0; i < 5; i++) {
		ck_assert_int_eq(append(0, wanted, sizeof(wanted)), 0);
		ck_assert_int_eq(result_of(read(fd, all, sizeof(all))),
				 sizeof(all));
		ck_assert_mem_eq(all, wanted, sizeof(all));
		move_to(fd, 1000);
	}
}
END_TEST

START_TEST(readv_fills_its_pieces_in_order)
{
	char first[3], second[4], third[5];
	struct iovec pieces[] = { { first, 3 }, { second, 4 }, { third, 5 } };
	int fd = new_client_buffer(10);

	move_to(fd, 5);
	append_text("abcdefghij");
	ck_assert_int_eq(result_of(readv(fd, pieces, 3)), 10);
	ck_assert_mem_eq(first, "abc", 3);
	ck_assert_mem_eq(second, "defg", 4);
	ck_assert_mem_eq(third, "hij", 3);
}
END_TEST

START_TEST(readv_waits_until_there_is_at_least_one_byte)
{
	struct iovec pieces[] = { { got, 1 }, { got + 1, 9 } };
	int fd = new_blocking_buffer(PAGE);
	struct call reader;

	call_start(&reader, SYS_readv, fd, (long)pieces, 2);
	call_wait_asleep(&reader);
	append_text("xyz");
	ck_assert_int_eq(call_finish(&reader), 3);
	ck_assert_str_eq(got, "xyz");
}
END_TEST

static void ring_start(struct io_uring *ring)
{
	ck_assert_int_eq(io_uring_queue_init(4, ring, 0), 0);
}

static void ring_read(struct io_uring *ring, int fd, int flags)
{
	struct io_uring_sqe *entry = io_uring_get_sqe(ring);

	io_uring_prep_read(entry, fd, got, sizeof(got), -1);
	entry->rw_flags = flags;
	ck_assert_int_eq(io_uring_submit(ring), 1);
}

static long ring_result(struct io_uring *ring)
{
	struct __kernel_timespec patience = { PATIENCE_MS / 1000, 0 };
	struct io_uring_cqe *done;
	long result;

	ck_assert_int_eq(io_uring_wait_cqe_timeout(ring, &done, &patience), 0);
	result = done->res;
	io_uring_cqe_seen(ring, done);
	return result;
}

static bool ring_waits(struct io_uring *ring)
{
	struct io_uring_cqe *done;

	return io_uring_peek_cqe(ring, &done) == -EAGAIN;
}

START_TEST(io_uring_reads_the_bytes_that_are_there)
{
	int fd = new_blocking_buffer(PAGE);
	struct io_uring ring;

	append_text("text");
	ring_start(&ring);
	ring_read(&ring, fd, 0);
	ck_assert_int_eq(ring_result(&ring), 4);
	ck_assert_str_eq(got, "text");
}
END_TEST

START_TEST(io_uring_waits_until_there_is_at_least_one_byte)
{
	int fd = new_blocking_buffer(PAGE);
	struct io_uring ring;

	ring_start(&ring);
	ring_read(&ring, fd, 0);
	ck_assert(ring_waits(&ring));
	append_text("late");
	ck_assert_int_eq(ring_result(&ring), 4);
	ck_assert_str_eq(got, "late");
}
END_TEST

/* With O_NONBLOCK io_uring itself waits, as it can poll the device. */
START_TEST(io_uring_is_eagain_with_rwf_nowait)
{
	int fd = new_blocking_buffer(PAGE);
	struct io_uring ring;

	ring_start(&ring);
	ring_read(&ring, fd, RWF_NOWAIT);
	ck_assert_int_eq(ring_result(&ring), -EAGAIN);
}
END_TEST

START_TEST(io_uring_waits_for_data_also_while_a_loss_is_not_reported)
{
	int fd = new_buffer(PAGE);
	struct io_uring ring;

	ck_assert_int_eq(append_record(0, PAGE + 1), -EMSGSIZE);
	ring_start(&ring);
	ring_read(&ring, fd, 0);
	pause_ms(MOMENT_MS);
	ck_assert(ring_waits(&ring));
	ck_assert_uint_eq(loss(fd).records, 1);
	ck_assert_int_eq(append_record(0, PAGE + 1), -EMSGSIZE);
	pause_ms(MOMENT_MS);
	ck_assert(ring_waits(&ring));
	append_text("late");
	ck_assert_int_eq(ring_result(&ring), 4);
	ck_assert_str_eq(got, "late");
}
END_TEST

START_TEST(io_uring_polls_for_a_loss_beside_data)
{
	int fd = new_buffer(PAGE);
	struct io_uring ring;

	ring_start(&ring);
	io_uring_prep_poll_add(io_uring_get_sqe(&ring), fd, POLLIN | POLLPRI);
	ck_assert_int_eq(io_uring_submit(&ring), 1);
	ck_assert(ring_waits(&ring));
	ck_assert_int_eq(append_record(0, PAGE + 1), -EMSGSIZE);
	ck_assert_int_eq(ring_result(&ring), POLLPRI);
	io_uring_prep_poll_add(io_uring_get_sqe(&ring), fd, POLLIN | POLLPRI);
	ck_assert_int_eq(io_uring_submit(&ring), 1);
	ck_assert_int_eq(ring_result(&ring), POLLPRI);
}
END_TEST

START_TEST(io_uring_ends_after_destroy)
{
	int fd = new_blocking_buffer(PAGE);
	struct io_uring ring;

	ring_start(&ring);
	ring_read(&ring, fd, 0);
	ck_assert(ring_waits(&ring));
	destroy_buffer();
	ck_assert_int_eq(ring_result(&ring), 0);
}
END_TEST

START_TEST(splice_moves_bytes_to_a_pipe)
{
	int fd = new_client_buffer(30);
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	move_to(fd, 20);
	append_text(ALPHABET);
	ck_assert_int_eq(result_of(splice(fd, NULL, ends[1], NULL, 10, 0)), 10);
	ck_assert_int_eq(readable(fd), 16);
	ck_assert_int_eq(result_of(splice(fd, NULL, ends[1], NULL, PAGE, 0)),
			 16);
	check_reads(ends[0], ALPHABET);
	ck_assert_int_eq(result_of(splice(fd, NULL, ends[1], NULL, PAGE, 0)),
			 -EAGAIN);
}
END_TEST

START_TEST(splice_waits_until_there_is_at_least_one_byte)
{
	int fd = new_blocking_buffer(PAGE);
	struct call reader;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	call_start(&reader, SYS_splice, fd, 0, ends[1], 0, PAGE, 0);
	call_wait_asleep(&reader);
	append_text("late");
	ck_assert_int_eq(call_finish(&reader), 4);
	check_reads(ends[0], "late");
}
END_TEST

START_TEST(splice_ends_after_destroy)
{
	int fd = new_blocking_buffer(PAGE);
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	append_text("rest");
	destroy_buffer();
	ck_assert_int_eq(result_of(splice(fd, NULL, ends[1], NULL, PAGE, 0)), 4);
	check_reads(ends[0], "rest");
	ck_assert_int_eq(result_of(splice(fd, NULL, ends[1], NULL, PAGE, 0)), 0);
}
END_TEST

START_TEST(an_empty_buffer_is_eagain_with_o_nonblock)
{
	int fd = new_buffer(PAGE);

	ck_assert_int_eq(read_up_to(fd, 1), -EAGAIN);
	append_text("x");
	ck_assert_int_eq(read_up_to(fd, 1), 1);
	ck_assert_int_eq(read_up_to(fd, 1), -EAGAIN);
}
END_TEST

START_TEST(an_empty_buffer_is_eagain_with_rwf_nowait)
{
	int fd = new_blocking_buffer(PAGE);

	ck_assert_int_eq(read_nowait(fd, 1), -EAGAIN);
	append_text("xy");
	ck_assert_int_eq(read_nowait(fd, 9), 2);
	ck_assert_str_eq(got, "xy");
	ck_assert_int_eq(read_nowait(fd, 1), -EAGAIN);
}
END_TEST

START_TEST(a_read_beside_one_that_is_stuck_is_eagain_without_waiting)
{
	int number = create_buffer(0, PAGE);
	int fd = open_buffer(number, O_RDONLY);
	int other = open_buffer(number, O_RDONLY | O_NONBLOCK);
	struct stuck_reader stuck;

	append_text("abcdef");
	stuck_reader_start(&stuck, fd, 2);
	ck_assert_int_eq(read_up_to(other, 2), -EAGAIN);
	ck_assert_int_eq(read_nowait(fd, 2), -EAGAIN);
	slow_page_fill(&stuck.slow);
	ck_assert_int_eq(call_finish(&stuck.call), 2);
	ck_assert_mem_eq(stuck.slow.page, "ab", 2);
	ck_assert_int_eq(read_nowait(fd, 9), 4);
	ck_assert_str_eq(got, "cdef");
}
END_TEST

/* It was told that nothing waits, and by edge it is not told again. */
START_TEST(an_edge_triggered_epoll_reports_bytes_that_another_reader_left)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int number = create_buffer(0, PAGE);
	int fd = open_buffer(number, O_RDONLY);
	int other = open_buffer(number, O_RDONLY | O_NONBLOCK);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct stuck_reader stuck;

	ck_assert_int_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, other, &event), 0);
	append_text("abcdef");
	ck_assert_int_eq(epoll_wait(epoll, &event, 1, PATIENCE_MS), 1);
	stuck_reader_start(&stuck, fd, 2);
	ck_assert_int_eq(read_up_to(other, 2), -EAGAIN);
	ck_assert_int_eq(epoll_wait(epoll, &event, 1, 0), 0);
	slow_page_fill(&stuck.slow);
	ck_assert_int_eq(call_finish(&stuck.call), 2);
	ck_assert_int_eq(epoll_wait(epoll, &event, 1, PATIENCE_MS), 1);
	ck_assert_int_eq(read_up_to(other, 9), 4);
}
END_TEST

START_TEST(a_reader_waits_while_another_holds_the_read_lock)
{
	int fd = new_blocking_buffer(PAGE);
	struct stuck_reader stuck;
	struct call second;

	append_text("abcdef");
	stuck_reader_start(&stuck, fd, 2);
	call_start(&second, SYS_read, fd, (long)got, 9);
	call_wait_asleep(&second);
	slow_page_fill(&stuck.slow);
	ck_assert_int_eq(call_finish(&stuck.call), 2);
	ck_assert_int_eq(call_finish(&second), 4);
	ck_assert_str_eq(got, "cdef");
}
END_TEST

START_TEST(waiting_for_the_read_lock_can_be_interrupted)
{
	int fd = new_blocking_buffer(PAGE);
	struct stuck_reader stuck;
	struct call second;

	handle_signal(SIGUSR1, 0);
	append_text("abcdef");
	stuck_reader_start(&stuck, fd, 2);
	call_start(&second, SYS_read, fd, (long)got, 9);
	call_wait_asleep(&second);
	call_signal(&second, SIGUSR1);
	ck_assert_int_eq(call_finish(&second), -EINTR);
	slow_page_fill(&stuck.slow);
	ck_assert_int_eq(call_finish(&stuck.call), 2);
	check_reads(fd, "cdef");
}
END_TEST

START_TEST(appends_go_on_while_a_reader_is_stuck_in_a_fault)
{
	int fd = new_buffer(PAGE);
	struct stuck_reader stuck;

	append_text("abc");
	stuck_reader_start(&stuck, fd, 3);
	append_text("def");
	ck_assert_uint_eq(stats(fd).bytes, 6);
	slow_page_fill(&stuck.slow);
	ck_assert_int_eq(call_finish(&stuck.call), 3);
	check_reads(fd, "def");
}
END_TEST

START_TEST(an_interrupted_read_is_eintr_and_takes_nothing)
{
	int fd = new_blocking_buffer(PAGE);
	struct call reader;

	handle_signal(SIGUSR1, 0);
	call_start(&reader, SYS_read, fd, (long)got, sizeof(got));
	call_wait_asleep(&reader);
	call_signal(&reader, SIGUSR1);
	ck_assert_int_eq(call_finish(&reader), -EINTR);
	append_text("text");
	check_reads(fd, "text");
}
END_TEST

START_TEST(an_interrupted_read_goes_on_with_sa_restart)
{
	int fd = new_blocking_buffer(PAGE);
	struct call reader;

	handle_signal(SIGUSR1, SA_RESTART);
	call_start(&reader, SYS_read, fd, (long)got, sizeof(got));
	call_wait_asleep(&reader);
	call_signal(&reader, SIGUSR1);
	wait_for(signals(SIGUSR1) == 1);
	call_wait_asleep(&reader);
	append_text("text");
	ck_assert_int_eq(call_finish(&reader), 4);
	ck_assert_str_eq(got, "text");
}
END_TEST

START_TEST(zero_bytes_asked_is_zero)
{
	int fd = new_buffer(PAGE);
	struct iovec nothing[] = { { got, 0 }, { got, 0 } };

	ck_assert_int_eq(read_up_to(fd, 0), 0);
	set_blocking(fd);
	ck_assert_int_eq(read_up_to(fd, 0), 0);
	ck_assert_int_eq(result_of(readv(fd, nothing, 2)), 0);
	append_text("text");
	ck_assert_int_eq(read_up_to(fd, 0), 0);
	check_reads(fd, "text");
	destroy_buffer();
	ck_assert_int_eq(read_up_to(fd, 0), 0);
}
END_TEST

START_TEST(after_destroy_a_reader_gets_the_rest_and_then_zero)
{
	int fd = new_blocking_buffer(PAGE);

	move_to(fd, PAGE - 5);
	append_text("left over");
	destroy_buffer();
	ck_assert_int_eq(read_up_to(fd, 4), 4);
	ck_assert_str_eq(got, "left");
	ck_assert_int_eq(read_up_to(fd, 100), 5);
	ck_assert_str_eq(got, " over");
	ck_assert_int_eq(read_up_to(fd, 100), 0);
	ck_assert_int_eq(read_up_to(fd, 100), 0);
}
END_TEST

START_TEST(after_destroy_an_empty_buffer_reads_as_zero_without_waiting)
{
	int fd = new_buffer(PAGE);

	append_text("rest");
	destroy_buffer();
	ck_assert_int_eq(read_up_to(fd, 100), 4);
	ck_assert_int_eq(read_up_to(fd, 100), 0);
	ck_assert_int_eq(read_nowait(fd, 100), 0);
}
END_TEST

START_TEST(after_destroy_client_memory_is_at_its_end_at_once)
{
	int fd = new_client_buffer(100);

	append_text("gone");
	destroy_buffer();
	ck_assert_int_eq(read_up_to(fd, 100), 0);
	set_blocking(fd);
	ck_assert_int_eq(read_up_to(fd, 100), 0);
}
END_TEST

START_TEST(destroy_ends_a_sleeping_read)
{
	int fd = new_blocking_buffer(PAGE);
	struct call readers[3];
	unsigned int i;

	for (i = 0; i < 3; i++) {
		call_start(&readers[i], SYS_read, fd, (long)got, sizeof(got));
		call_wait_asleep(&readers[i]);
	}
	destroy_buffer();
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(call_finish(&readers[i]), 0);
}
END_TEST

START_TEST(a_fault_in_all_of_the_memory_is_efault_and_takes_nothing)
{
	int fd = new_client_buffer(10);
	void *bad = hole();

	move_to(fd, 5);
	append_text("abcdefgh");
	ck_assert_int_eq(result_of(read(fd, bad, 8)), -EFAULT);
	ck_assert_int_eq(readable(fd), 8);
	ck_assert_uint_eq(stats(fd).bytes_read, 5);
	check_reads(fd, "abcdefgh");
}
END_TEST

/*
 * Room for so many bytes before the hole, and 26 waiting whose memory wraps
 * after so many: every byte comes once, also those that the fault cut off.
 */
static void check_fault_after(int fd, unsigned int room)
{
	char *end = page_before_a_hole();
	char rest[sizeof(ALPHABET)] = "";
	long first = result_of(read(fd, end - room, 26));

	ck_assert(first >= 1 && first <= (long)room);
	ck_assert_int_eq(readable(fd), 26 - first);
	ck_assert_int_eq(result_of(read(fd, rest, 26)), 26 - first);
	ck_assert_mem_eq(end - room, ALPHABET, first);
	ck_assert_str_eq(rest, &ALPHABET[first]);
}

START_TEST(a_fault_takes_only_the_bytes_that_were_copied)
{
	int fd = new_buffer(PAGE);
	unsigned int room;

	for (room = 1; room < 26; room++) {
		append_text(ALPHABET);
		check_fault_after(fd, room);
	}
}
END_TEST

START_TEST(a_fault_near_the_wrap_takes_only_the_bytes_that_were_copied)
{
	int fd = new_client_buffer(30);
	unsigned int room;

	for (room = 1; room < 26; room++) {
		append_text(ALPHABET);
		check_fault_after(fd, room);
		move_to(fd, 1);
	}
}
END_TEST

START_TEST(a_bad_second_piece_takes_only_the_first)
{
	int fd = new_client_buffer(10);
	struct iovec pieces[] = { { got, 3 }, { hole(), 7 } };

	move_to(fd, 8);
	append_text("abcdefgh");
	ck_assert_int_eq(result_of(readv(fd, pieces, 2)), 3);
	ck_assert_mem_eq(got, "abc", 3);
	check_reads(fd, "defgh");
}
END_TEST

START_TEST(memory_taken_away_in_the_middle_of_a_read_takes_nothing)
{
	int fd = new_buffer(PAGE);
	struct stuck_reader stuck;

	append_text("abcdef");
	stuck_reader_start(&stuck, fd, 6);
	slow_page_remove(&stuck.slow);
	ck_assert_int_eq(call_finish(&stuck.call), -EFAULT);
	check_reads(fd, "abcdef");
}
END_TEST

START_TEST(loss_never_makes_read_fail)
{
	int fd = new_client_buffer(8);
	unsigned int i;

	for (i = 0; i < 20; i++) {
		append_text("abcdef");
		lose(3);
		lose(4);
		append_text("gh");
		lose(1);
		ck_assert_int_eq(read_up_to(fd, 5), 5);
		ck_assert_str_eq(got, "abcde");
		check_reads(fd, "fgh");
		ck_assert_int_eq(read_up_to(fd, 5), -EAGAIN);
	}
	ck_assert_uint_eq(stats(fd).lost_records, 60);
}
END_TEST

#define READERS	4
#define VALUES	8000

static int seen[VALUES];

/* Count the values that come until the end; the descriptor is in *arg. */
static void *count_values(void *arg)
{
	uint32_t values[7];
	ssize_t size;
	ssize_t i;

	while ((size = read(*(int *)arg, values, sizeof(values))) > 0) {
		if (size % sizeof(*values))
			return "a value in pieces";
		for (i = 0; i < size / (ssize_t)sizeof(*values); i++)
			__atomic_add_fetch(&seen[values[i] % VALUES], 1,
					   __ATOMIC_RELAXED);
	}
	return size ? "read failed" : NULL;
}

static void append_values(void)
{
	uint32_t values[10];
	uint32_t next = 0;
	unsigned int i;

	while (next < VALUES) {
		for (i = 0; i < 10; i++)
			values[i] = next++;
		ck_assert_int_eq(append(0, values, sizeof(values)), 0);
	}
}

static void check_seen_once(void)
{
	unsigned int i;

	for (i = 0; i < VALUES; i++)
		ck_assert_msg(seen[i] == 1, "value %u came %d times", i,
			      seen[i]);
}

START_TEST(several_readers_share_the_stream_each_byte_goes_to_one)
{
	int number = create_buffer(0, VALUES * sizeof(uint32_t));
	pthread_t readers[READERS];
	int fds[READERS];
	void *complaint;
	unsigned int i;

	for (i = 0; i < READERS; i++) {
		fds[i] = i % 2 ? dup(fds[0]) : open_buffer(number, O_RDONLY);
		pthread_create(&readers[i], NULL, count_values, &fds[i]);
	}
	append_values();
	destroy_buffer();
	for (i = 0; i < READERS; i++) {
		pthread_join(readers[i], &complaint);
		ck_assert_msg(!complaint, "%s", (char *)complaint);
	}
	check_seen_once();
}
END_TEST

START_TEST(an_append_for_each_of_several_sleeping_readers_wakes_them_all)
{
	int fd = new_blocking_buffer(PAGE);
	struct call readers[READERS];
	char byte[READERS];
	unsigned int i;

	for (i = 0; i < READERS; i++) {
		call_start(&readers[i], SYS_read, fd, (long)&byte[i], 1);
		call_wait_asleep(&readers[i]);
	}
	append(0, "1234", READERS);
	for (i = 0; i < READERS; i++)
		ck_assert_int_eq(call_finish(&readers[i]), 1);
	ck_assert_int_eq(byte[0] + byte[1] + byte[2] + byte[3],
			 '1' + '2' + '3' + '4');
}
END_TEST

/* O_EXCL */

static const int reading[] = {
	O_RDONLY, O_RDWR, O_RDONLY | O_EXCL, O_RDWR | O_EXCL,
};

static const int not_reading[] = {
	O_WRONLY, O_WRONLY | O_EXCL, O_ACCMODE, O_ACCMODE | O_EXCL,
};

#define MODES		4
#define EXCLUSIVES	2	/* the last of reading[] */

static long try_open(int flags)
{
	return result_of(open("/dev/bufflink0",
			      flags | O_NONBLOCK | O_CLOEXEC));
}

static void check_opens(const int *modes, unsigned int count, long error)
{
	unsigned int i;
	long fd;

	for (i = 0; i < count; i++) {
		fd = try_open(modes[i]);
		ck_assert_msg(error ? fd == error : fd >= 0, "mode %#x: %ld",
			      modes[i], fd);
		if (fd >= 0)
			close(fd);
	}
}

static int new_exclusive_buffer(int mode)
{
	create_buffer(0, PAGE);
	return open_buffer(NUMBER, mode | O_EXCL | O_NONBLOCK);
}

START_TEST(an_exclusive_reader_keeps_others_from_reading)
{
	int fd = new_exclusive_buffer(reading[_i]);

	check_opens(reading, MODES, -EBUSY);
	check_opens(not_reading, MODES, 0);
	append_text("all of it");
	check_reads(fd, "all of it");
	check_opens(reading, MODES, -EBUSY);
	close(fd);
	check_opens(reading, MODES, 0);
}
END_TEST

START_TEST(a_reader_keeps_others_from_being_exclusive)
{
	int fds[2];

	create_buffer(0, PAGE);
	fds[0] = open_buffer(NUMBER, reading[_i]);
	fds[1] = open_buffer(NUMBER, O_RDONLY);
	check_opens(reading + MODES - EXCLUSIVES, EXCLUSIVES, -EBUSY);
	close(fds[0]);
	check_opens(reading + MODES - EXCLUSIVES, EXCLUSIVES, -EBUSY);
	check_opens(reading, MODES - EXCLUSIVES, 0);
	close(fds[1]);
	check_opens(reading, MODES, 0);
}
END_TEST

/* O_EXCL or not, in both orders */
START_TEST(files_not_open_for_reading_are_no_readers)
{
	long fds[MODES], after;
	unsigned int i;
	int fd;

	create_buffer(0, PAGE);
	for (i = 0; i < MODES; i++) {
		fds[i] = try_open(not_reading[i]);
		ck_assert_int_ge(fds[i], 0);
	}
	fd = open_buffer(NUMBER, reading[_i] | O_EXCL);
	for (i = 0; i < MODES; i++)
		close(fds[i]);
	check_opens(reading, MODES, -EBUSY);
	after = try_open(O_WRONLY | O_EXCL);
	close(fd);
	check_opens(reading, MODES, 0);
	close(after);
	check_opens(reading, MODES, 0);
}
END_TEST

static int get_loss(int fd)
{
	struct bufflink_loss report;

	return result_of(ioctl(fd, BUFFLINK_GETLOSS, &report));
}

START_TEST(beside_an_exclusive_reader_others_write_and_call_ioctls)
{
	int fd = new_exclusive_buffer(reading[_i]);
	int other = try_open(O_WRONLY);
	int none = try_open(O_ACCMODE);

	ck_assert_int_eq(result_of(write(other, "text", 4)), 4);
	ck_assert_int_eq(result_of(read(other, got, 1)), -EBADF);
	ck_assert_int_eq(result_of(read(none, got, 1)), -EBADF);
	ck_assert_int_eq(readable(other), 4);
	ck_assert_uint_eq(stats(none).used, 4);
	ck_assert_int_eq(append_record(0, PAGE + 1), -EMSGSIZE);
	ck_assert_int_eq(poll_for(other, POLLPRI, 0), POLLPRI);
	ck_assert_int_eq(get_loss(other), -EBUSY);
	ck_assert_int_eq(get_loss(none), -EBUSY);
	ck_assert_uint_eq(loss(fd).records, 1);
	ck_assert_int_eq(append_record(0, PAGE + 1), -EMSGSIZE);
	ck_assert_int_eq(set_watermark(none, 7), 0);
	ck_assert_uint_eq(watermark(fd), 7);
	check_reads(fd, "text");
	close(fd);
	ck_assert_int_eq(get_loss(other), 0);
}
END_TEST

static int sleep_for_ever(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return 0;
}

START_TEST(a_reader_is_exclusive_until_its_last_descriptor_is_closed)
{
	int fd = new_exclusive_buffer(reading[_i]);
	int copy = dup(fd);
	pid_t child;

	close(fd);
	check_opens(reading, MODES, -EBUSY);
	child = start(sleep_for_ever, NULL);
	close(copy);
	check_opens(reading, MODES, -EBUSY);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert(finished(child, PATIENCE_MS));
	check_opens(reading, MODES, 0);
}
END_TEST

/* A refused open does not count, and holds no memory and no module. */
START_TEST(a_refused_open_leaves_nothing_behind)
{
	int fd = new_exclusive_buffer(reading[_i]);
	unsigned int i;

	for (i = 0; i < 100; i++)
		check_opens(reading, MODES, -EBUSY);
	close(fd);
	check_opens(reading, MODES, 0);
	fd = open_buffer(NUMBER, reading[_i]);
	for (i = 0; i < 100; i++)
		check_opens(reading + MODES - EXCLUSIVES, EXCLUSIVES, -EBUSY);
	close(fd);
	/* by the kernel, after bufflink has agreed */
	ck_assert_int_eq(try_open(O_DIRECT | O_EXCL), -EINVAL);
	ck_assert_int_eq(try_open(O_DIRECT), -EINVAL);
	check_opens(reading, MODES, 0);

	producer_unload();
	ck_assert_int_eq(unload("bufflink"), 0);
	ck_assert_int_eq(load("bufflink", ""), 0);
	producer_setup();
}
END_TEST

START_TEST(destroy_ends_an_exclusive_reader)
{
	int fd = new_exclusive_buffer(reading[_i]);
	struct call reader;
	int anew;

	set_blocking(fd);
	call_start(&reader, SYS_read, fd, (long)got, sizeof(got));
	call_wait_asleep(&reader);
	destroy_buffer();
	ck_assert_int_eq(call_finish(&reader), 0);

	/* It is none of the next buffer's readers. */
	anew = new_exclusive_buffer(reading[_i]);
	append_text("anew");
	check_reads(anew, "anew");
	close(fd);
	check_opens(reading, MODES, -EBUSY);
	close(anew);
	check_opens(reading, MODES, 0);
}
END_TEST

#define RIVALS		4
#define RIVALRY_MS	1000
#define RIVAL_OPENS	16

/* How many have it open now, each by itself, and how often that came to be. */
struct rivalry {
	__u64 end;
	int owners;
	unsigned int opens;
};

static bool rivals_go_on(struct rivalry *rivalry)
{
	return now_ms() < rivalry->end ||
	       __atomic_load_n(&rivalry->opens, __ATOMIC_SEQ_CST) < RIVAL_OPENS;
}

static int open_often(void *arg)
{
	struct rivalry *rivalry = arg;
	unsigned int i;
	long fd;

	for (i = 0; rivals_go_on(rivalry); i++) {
		fd = try_open(O_RDONLY | O_EXCL);
		if (fd == -EBUSY)
			continue;
		if (fd < 0 || __atomic_add_fetch(&rivalry->owners, 1,
						 __ATOMIC_SEQ_CST) != 1)
			return 1;
		__atomic_add_fetch(&rivalry->opens, 1, __ATOMIC_SEQ_CST);
		if (i % 8 == 0)
			sched_yield();
		__atomic_sub_fetch(&rivalry->owners, 1, __ATOMIC_SEQ_CST);
		close(fd);
	}
	return 0;
}

START_TEST(there_is_never_more_than_one_exclusive_reader)
{
	struct rivalry *rivalry = shared(sizeof(*rivalry));
	pid_t rivals[RIVALS];
	unsigned int i;

	create_buffer(0, PAGE);
	rivalry->end = now_ms() + RIVALRY_MS;
	for (i = 0; i < RIVALS; i++)
		rivals[i] = start(open_often, rivalry);
	for (i = 0; i < RIVALS; i++)
		ck_assert_int_eq(finish(rivals[i]), 0);
	ck_assert_uint_ge(rivalry->opens, RIVAL_OPENS);
	check_opens(reading, MODES, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("read");

	add_case(suite, "open",
		 node_is_a_misc_device_of_mode_0600_owned_by_root,
		 open_takes_any_mode,
		 seeking_is_espipe,
		 there_is_no_pread_and_no_pwrite);
	add_case(suite, "read",
		 read_waits_until_there_is_at_least_one_byte,
		 read_returns_the_bytes_that_are_there_up_to_its_size,
		 read_continues_where_the_memory_wraps,
		 a_full_buffer_is_read_whole,
		 one_read_may_take_many_pages,
		 readv_fills_its_pieces_in_order,
		 readv_waits_until_there_is_at_least_one_byte,
		 zero_bytes_asked_is_zero,
		 loss_never_makes_read_fail);
	add_case(suite, "io_uring",
		 io_uring_reads_the_bytes_that_are_there,
		 io_uring_waits_until_there_is_at_least_one_byte,
		 io_uring_is_eagain_with_rwf_nowait,
		 io_uring_waits_for_data_also_while_a_loss_is_not_reported,
		 io_uring_polls_for_a_loss_beside_data,
		 io_uring_ends_after_destroy);
	add_case(suite, "splice",
		 splice_moves_bytes_to_a_pipe,
		 splice_waits_until_there_is_at_least_one_byte,
		 splice_ends_after_destroy);
	add_case(suite, "eagain and eintr",
		 an_empty_buffer_is_eagain_with_o_nonblock,
		 an_empty_buffer_is_eagain_with_rwf_nowait,
		 a_read_beside_one_that_is_stuck_is_eagain_without_waiting,
		 an_edge_triggered_epoll_reports_bytes_that_another_reader_left,
		 a_reader_waits_while_another_holds_the_read_lock,
		 waiting_for_the_read_lock_can_be_interrupted,
		 appends_go_on_while_a_reader_is_stuck_in_a_fault,
		 an_interrupted_read_is_eintr_and_takes_nothing,
		 an_interrupted_read_goes_on_with_sa_restart);
	add_case(suite, "destroy",
		 after_destroy_a_reader_gets_the_rest_and_then_zero,
		 after_destroy_an_empty_buffer_reads_as_zero_without_waiting,
		 after_destroy_client_memory_is_at_its_end_at_once,
		 destroy_ends_a_sleeping_read);
	add_case(suite, "fault",
		 a_fault_in_all_of_the_memory_is_efault_and_takes_nothing,
		 a_fault_takes_only_the_bytes_that_were_copied,
		 a_fault_near_the_wrap_takes_only_the_bytes_that_were_copied,
		 a_bad_second_piece_takes_only_the_first,
		 memory_taken_away_in_the_middle_of_a_read_takes_nothing);
	add_loop_case(suite, "exclusive", MODES - EXCLUSIVES,
		      an_exclusive_reader_keeps_others_from_reading,
		      a_reader_keeps_others_from_being_exclusive,
		      files_not_open_for_reading_are_no_readers,
		      beside_an_exclusive_reader_others_write_and_call_ioctls,
		      a_reader_is_exclusive_until_its_last_descriptor_is_closed,
		      a_refused_open_leaves_nothing_behind,
		      destroy_ends_an_exclusive_reader);
	add_case(suite, "exclusive rivals",
		 there_is_never_more_than_one_exclusive_reader);
	add_case(suite, "several readers",
		 several_readers_share_the_stream_each_byte_goes_to_one,
		 an_append_for_each_of_several_sleeping_readers_wakes_them_all);
	return run_suite(suite);
}
