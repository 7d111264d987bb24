// SPDX-License-Identifier: GPL-2.0-only
/* bufflink_destroy(), and clients that go while they are being read */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "device.h"

#define READERS		3
#define RACES		(100 / slowness())
#define LARGE		(4ull << 20)
#define ROUNDS		50	/* of a step that may leak a buffer */

/* Tests run with bufflink's own memory and with the client's. */
static const enum producer_memory memories[] = {
	PRODUCER_OWN, PRODUCER_KMALLOC, PRODUCER_VMALLOC, PRODUCER_PAGES,
	PRODUCER_STATIC,
};
#define MEMORIES	5
#define KINDS		(MEMORIES + 1)	/* the last is a per-CPU buffer */

static int make(int which)
{
	struct producer_create made;

	if (which == MEMORIES)
		return open_buffer(create_percpu(0, PAGE), O_RDWR);
	made = create(0, memories[which], PAGE, -1);
	ck_assert_int_eq(made.result, 0);
	return open_buffer(made.number, O_RDWR);
}

static void check_end_of_file(int fd)
{
	char byte;

	ck_assert_int_eq(poll_for(fd, POLLIN | POLLOUT, PATIENCE_MS),
			 POLLIN | POLLHUP);
	ck_assert_int_eq(result_of(read(fd, &byte, 1)), 0);
	ck_assert_int_eq(result_of(write(fd, &byte, 1)), -EPIPE);
}

/* The rest in own memory can be read. Of client memory nothing can. */
static void check_rest(int fd, int which, const char *text)
{
	char got[PAGE] = "";
	ssize_t size = read(fd, got, sizeof(got) - 1);

	if (memories[which] != PRODUCER_OWN)
		text = "";
	ck_assert_str_eq(got, text);
	ck_assert_int_eq(size, strlen(got));
	check_end_of_file(fd);
}

START_TEST(destroy_of_NULL_is_fine)
{
	ck_assert_int_eq(destroy(0), 0);
}
END_TEST

START_TEST(node_and_number_are_free_when_destroy_returns)
{
	int number = create_buffer(0, 0);

	ck_assert_int_eq(destroy(0), 0);
	ck_assert(!exists("/dev/bufflink%d", number));
	ck_assert(!exists("/sys/class/misc/bufflink%d", number));
	ck_assert_int_eq(create(0, PRODUCER_OWN, 0, number).number, number);
}
END_TEST

START_TEST(number_is_free_while_the_old_buffer_is_read)
{
	int old = new_buffer(0);
	int new;

	append_text("old");
	ck_assert_int_eq(destroy(0), 0);
	new = new_buffer(0);
	append_text("new");
	check_reads(old, "old");
	check_end_of_file(old);
	check_reads(new, "new");
}
END_TEST

/* Several that wait when the buffer is destroyed */
static void check_readers_are_woken(int fd)
{
	struct call calls[READERS];
	char bytes[READERS];
	int i;

	for (i = 0; i < READERS; i++)
		call_start(&calls[i], SYS_read, fd, (long)&bytes[i], 1);
	for (i = 0; i < READERS; i++)
		call_wait_asleep(&calls[i]);
	ck_assert_int_eq(destroy(0), 0);
	for (i = 0; i < READERS; i++)
		ck_assert_int_eq(call_finish(&calls[i]), 0);
}

START_TEST(blocked_readers_are_woken)
{
	check_readers_are_woken(make(_i));
}
END_TEST

START_TEST(readers_behind_one_that_is_stuck_in_a_fault_are_woken)
{
	int fd = make(_i);
	int nonblocking = open_buffer(NUMBER, O_RDONLY | O_NONBLOCK);
	struct stuck_reader stuck;
	char byte;

	append_text("abc");
	stuck_reader_start(&stuck, fd, PAGE);
	check_readers_are_woken(fd);
	ck_assert_int_eq(result_of(read(nonblocking, &byte, 1)), 0);
	slow_page_fill(&stuck.slow);
	ck_assert_int_eq(call_finish(&stuck.call), 3);
	ck_assert_mem_eq(stuck.slow.page, "abc", 3);
	check_end_of_file(fd);
}
END_TEST

START_TEST(bytes_that_a_stuck_reader_leaves_are_read_before_end_of_file)
{
	int fd = make(_i ? MEMORIES : 0);
	struct stuck_reader stuck;
	struct call second;
	char got[9] = "";

	append_text("abcdef");
	stuck_reader_start(&stuck, fd, 2);
	call_start(&second, SYS_read, fd, (long)got, sizeof(got));
	call_wait_asleep(&second);
	ck_assert_int_eq(destroy(0), 0);
	pause_ms(MOMENT_MS);
	slow_page_fill(&stuck.slow);
	ck_assert_int_eq(call_finish(&stuck.call), 2);
	ck_assert_int_eq(call_finish(&second), 4);
	ck_assert_str_eq(got, "cdef");
	check_end_of_file(fd);
}
END_TEST

START_TEST(bytes_that_a_fault_leaves_after_destroy_are_read)
{
	int fd = make(_i ? MEMORIES : 0);
	struct stuck_reader stuck;

	append_text("abc");
	stuck_reader_start(&stuck, fd, PAGE);
	ck_assert_int_eq(destroy(0), 0);
	slow_page_remove(&stuck.slow);
	ck_assert_int_eq(call_finish(&stuck.call), -EFAULT);
	check_reads(fd, "abc");
	check_end_of_file(fd);
}
END_TEST

START_TEST(blocked_writers_are_woken)
{
	int fd = make(_i);
	struct call call;

	fill(0, PAGE);
	call_start(&call, SYS_write, fd, (long)"x", 1);
	call_wait_asleep(&call);
	ck_assert_int_eq(destroy(0), 0);
	ck_assert_int_eq(call_finish(&call), -EPIPE);
}
END_TEST

static void check_poller_is_woken(int fd, short events, short expected)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	struct call call;

	call_start(&call, SYS_ppoll, (long)&pfd, 1);
	call_wait_asleep(&call);
	ck_assert_int_eq(destroy(0), 0);
	ck_assert_int_eq(call_finish(&call), 1);
	ck_assert_int_eq(pfd.revents, expected);
}

START_TEST(pollers_for_data_are_woken)
{
	check_poller_is_woken(make(_i), POLLIN | POLLRDNORM,
			      POLLIN | POLLRDNORM | POLLHUP);
}
END_TEST

START_TEST(pollers_for_room_are_woken)
{
	int fd = make(_i);

	fill(0, PAGE);
	check_poller_is_woken(fd, POLLOUT, POLLHUP);
}
END_TEST

START_TEST(pollers_for_loss_are_woken)
{
	check_poller_is_woken(make(_i), POLLPRI, POLLHUP);
}
END_TEST

START_TEST(bytes_that_are_left_are_read_before_end_of_file)
{
	int fd = make(_i);

	append_text("the rest");
	ck_assert_int_eq(destroy(0), 0);
	check_rest(fd, _i, "the rest");
}
END_TEST

START_TEST(bytes_that_are_left_are_read_after_the_client_is_gone)
{
	int fd = make(_i);

	append_text("the rest");
	producer_unload();
	check_rest(fd, _i, "the rest");
}
END_TEST

START_TEST(client_is_unloaded_with_readers_blocked)
{
	int fd = make(_i);
	struct call call;
	char byte;

	call_start(&call, SYS_read, fd, (long)&byte, 1);
	call_wait_asleep(&call);
	producer_unload();
	ck_assert_int_eq(call_finish(&call), 0);
	check_end_of_file(fd);
}
END_TEST

START_TEST(client_is_unloaded_with_readers_polling)
{
	struct pollfd pfd = { .fd = make(_i), .events = POLLIN };
	struct call call;

	call_start(&call, SYS_ppoll, (long)&pfd, 1);
	call_wait_asleep(&call);
	producer_unload();
	ck_assert_int_eq(call_finish(&call), 1);
	check_end_of_file(pfd.fd);
}
END_TEST

/* The reader's memory may take as long as it likes; the client does not. */
START_TEST(client_is_unloaded_in_the_middle_of_a_copy)
{
	int fd = make(_i);
	struct slow_page slow = slow_page();
	struct call call;

	append_text("copied");
	call_start(&call, SYS_read, fd, (long)slow.page, PAGE);
	slow_page_wait_touched(&slow);
	producer_unload();
	slow_page_fill(&slow);
	ck_assert_int_eq(call_finish(&call), 6);
	ck_assert_mem_eq(slow.page, "copied", 6);
	check_end_of_file(fd);
}
END_TEST

START_TEST(client_memory_is_not_read_after_destroy)
{
	static char got[2 * PAGE];
	int fd = new_client_buffer(2 * PAGE);
	struct slow_page slow = slow_page();
	struct call call;
	char *begin = slow.page + PAGE - 100;
	long size;

	fill(0, 2 * PAGE);
	memset(got, 'x', sizeof(got));
	set_blocking(fd);
	call_start(&call, SYS_read, fd, (long)begin, 100);
	slow_page_wait_touched(&slow);
	destroy_buffer();
	slow_page_fill(&slow);
	size = call_finish(&call);
	ck_assert_int_ge(size, 0);
	ck_assert_mem_eq(begin, got, size);
	check_end_of_file(fd);
}
END_TEST

START_TEST(bufflink_stays_while_a_device_is_open)
{
	int fd = make(0);

	producer_unload();
	ck_assert_int_eq(unload("bufflink"), -EWOULDBLOCK);
	close(fd);
	ck_assert_int_eq(unload("bufflink"), 0);
	ck_assert_int_eq(load("bufflink", ""), 0);
}
END_TEST

START_TEST(bufflink_stays_while_it_has_clients)
{
	ck_assert_int_eq(unload("bufflink"), -EWOULDBLOCK);
}
END_TEST

START_TEST(the_last_close_frees_the_memory)
{
	__u64 before = available();
	int i, fd;

	for (i = 0; i < ROUNDS; i++) {
		fd = new_buffer(LARGE);
		append_text("the rest");
		ck_assert_int_eq(destroy(0), 0);
		check_reads(fd, "the rest");
		close(fd);
	}
	ck_assert_uint_gt(available(), before - ROUNDS / 2 * LARGE);
}
END_TEST

static void *count_to_end(void *fd)
{
	char bytes[7];
	ssize_t got;
	long total = 0;

	while ((got = read(*(int *)fd, bytes, sizeof(bytes))) > 0)
		total += got;
	ck_assert_int_eq(got, 0);
	return (void *)total;
}

/* Readers get each byte once, and then end of file, in any state. */
START_TEST(end_of_file_comes_after_the_last_byte)
{
	pthread_t readers[READERS];
	unsigned int i, j;
	int fd;
	void *count;
	long total;

	for (i = 0; i < RACES; i++) {
		total = 0;
		fd = open_buffer(create_buffer(0, 0), O_RDONLY);
		for (j = 0; j < READERS; j++)
			ck_assert_int_eq(pthread_create(&readers[j], NULL,
							count_to_end, &fd), 0);
		for (j = 0; j < 10; j++)
			ck_assert_int_eq(append_record(0, 20), 0);
		ck_assert_int_eq(destroy(0), 0);
		for (j = 0; j < READERS; j++) {
			ck_assert_int_eq(pthread_join(readers[j], &count), 0);
			total += (long)count;
		}
		ck_assert_int_eq(total, 200);
		close(fd);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("destroy");

	add_case(suite, "names", destroy_of_NULL_is_fine,
		 node_and_number_are_free_when_destroy_returns,
		 number_is_free_while_the_old_buffer_is_read,
		 the_last_close_frees_the_memory);
	add_loop_case(suite, "sleepers", MEMORIES, blocked_readers_are_woken,
		      blocked_writers_are_woken, pollers_for_data_are_woken,
		      pollers_for_room_are_woken, pollers_for_loss_are_woken);
	add_loop_case(suite, "stuck", KINDS,
		      readers_behind_one_that_is_stuck_in_a_fault_are_woken);
	add_loop_case(suite, "left", 2,
		      bytes_that_a_stuck_reader_leaves_are_read_before_end_of_file,
		      bytes_that_a_fault_leaves_after_destroy_are_read);
	add_loop_case(suite, "rest", MEMORIES,
		      bytes_that_are_left_are_read_before_end_of_file,
		      bytes_that_are_left_are_read_after_the_client_is_gone);
	add_case(suite, "end", client_memory_is_not_read_after_destroy,
		 end_of_file_comes_after_the_last_byte);
	add_loop_case(suite, "unload", MEMORIES,
		      client_is_unloaded_with_readers_blocked,
		      client_is_unloaded_with_readers_polling,
		      client_is_unloaded_in_the_middle_of_a_copy);
	add_case(suite, "modules", bufflink_stays_while_a_device_is_open,
		 bufflink_stays_while_it_has_clients);
	return run_suite(suite);
}
