// SPDX-License-Identifier: GPL-2.0-only
/* A buffer with a ring for each CPU: one stream, one order, exact loss */
#define _GNU_SOURCE
#include "device.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define HEADER		24	/* a record takes at most so much more */
#define QUARTER		(PAGE / 4 - HEADER)	/* four fill a page, exactly */
#define ABSURD		((size_t)-1 / 4 * 3)	/* more than any machine has */
#define ROUNDS		50

/* Slot 0, opened O_RDWR | O_NONBLOCK; size is that of each ring. */
static int new_percpu(__u64 size)
{
	return open_buffer(create_percpu(0, size), O_RDWR | O_NONBLOCK);
}

static int append_on(unsigned int cpu, const void *data, size_t size)
{
	pin(cpu);
	return append(0, data, size);
}

static void append_text_on(unsigned int cpu, const char *text)
{
	ck_assert_int_eq(append_on(cpu, text, strlen(text)), 0);
}

/* Records of one size, on one CPU, all of this byte */
static void append_many_on(unsigned int cpu, unsigned int count, char byte,
			   size_t size)
{
	char data[PAGE];

	memset(data, byte, size);
	while (count--)
		ck_assert_int_eq(append_on(cpu, data, size), 0);
}

/* A record that is larger than any ring is lost wherever it comes. */
static void lose_on(unsigned int cpu, size_t size)
{
	ck_assert_int_eq(append_on(cpu, NULL, size), -EMSGSIZE);
}

static void refuse_on(unsigned int cpu, size_t size)
{
	ck_assert_int_eq(append_on(cpu, NULL, size), -ENOSPC);
}

/* The device and sysfs have the same values, and the laws hold. */
static void check_stats(int fd, __u64 size, __u64 used, __u64 records,
			__u64 bytes)
{
	struct bufflink_stats now = stats(fd);

	check_counts(fd, size, used, bytes);
	ck_assert_uint_eq(now.records, records);
	ck_assert_uint_eq(sysfs_value(NUMBER, "records"), records);
	ck_assert_uint_eq(sysfs_value(NUMBER, "bytes"), bytes);
	ck_assert_uint_eq(sysfs_value(NUMBER, "highwater"), now.highwater);
}

static void check_lost(int fd, __u64 records, __u64 bytes)
{
	struct bufflink_stats now = stats(fd);

	ck_assert_uint_eq(now.lost_records, records);
	ck_assert_uint_eq(now.lost_bytes, bytes);
	ck_assert_uint_eq(sysfs_value(NUMBER, "lost_records"), records);
	ck_assert_uint_eq(sysfs_value(NUMBER, "lost_bytes"), bytes);
}

static void check_no_loss(int fd)
{
	ck_assert_int_eq(poll_for(fd, POLLPRI, 0), 0);
	check_loss(fd, 0, 0, 0, 0);
}

/* Exactly so many bytes are taken, and all of them are this one. */
static void check_takes(int fd, char byte, size_t size)
{
	char data[16 * PAGE];
	size_t i;

	ck_assert_uint_le(size, sizeof(data));
	read_all(fd, data, size);
	for (i = 0; i < size; i++)
		must(data[i] == byte);
}

static void check_again(int fd)
{
	char byte;

	ck_assert_int_eq(result_of(read(fd, &byte, 1)), -EAGAIN);
}

/* Size of the buffer */

START_TEST(each_possible_cpu_has_a_ring_of_the_size_that_was_asked_for)
{
	static const struct { __u64 asked, given; } sizes[] = {
		{ 1, PAGE }, { PAGE, PAGE }, { PAGE + 1, 2 * PAGE },
		{ 5 * PAGE, 5 * PAGE }, { 1 << 20, 1 << 20 },
	};
	int fd = new_percpu(sizes[_i].asked);

	check_stats(fd, possible_cpus() * sizes[_i].given, 0, 0, 0);
	check_again(fd);
}
END_TEST

START_TEST(size_0_gives_each_ring_the_default_size)
{
	int fd = new_percpu(0);

	check_stats(fd, possible_cpus() * 65536ull, 0, 0, 0);
	close(fd);
	destroy_buffer();
	parameter_write("bufflink", "default_size", "12000");
	fd = new_percpu(0);
	parameter_write("bufflink", "default_size", "65536");
	check_stats(fd, possible_cpus() * 12288ull, 0, 0, 0);
}
END_TEST

START_TEST(a_bad_size_is_refused_and_nothing_is_left)
{
	struct producer_create made;

	made = create_named(0, "name", 5, -1, PERCPU);
	ck_assert_int_eq(made.result, -EINVAL);
	ck_assert(made.null);
	made = create_named(0, "name", 5, ABSURD, PERCPU);
	ck_assert_int_eq(made.result, -ENOMEM);
	ck_assert(made.null);
	made = create_named(0, "name", 5, (size_t)-1 / 2 - PAGE, PERCPU);
	ck_assert_int_eq(made.result, -ENOMEM);
	ck_assert(!exists("/sys/class/misc/bufflink0"));
	made = create_named(0, "name", 5, PAGE, PERCPU);
	ck_assert_int_eq(made.result, 0);
	ck_assert_int_eq(made.number, 0);
}
END_TEST

START_TEST(a_percpu_buffer_has_a_name_and_an_owner_too)
{
	struct producer_create made = create_named(0, "audit", 6, 0, PERCPU);
	char text[64];

	ck_assert_int_eq(made.result, 0);
	sysfs_read(made.number, "name", text, sizeof(text));
	ck_assert_str_eq(text, "audit");
	sysfs_read(made.number, "owner", text, sizeof(text));
	ck_assert_str_eq(text, "producer");
}
END_TEST

/* Reading */

static const size_t pieces[] = { 1 << 16, 1, 7, 24, 1000, PAGE, PAGE + 1 };

#define PIECES	((int)(sizeof(pieces) / sizeof(*pieces)))

static void feed(int fd, struct stream *stream, size_t piece)
{
	static char data[1 << 16];
	ssize_t got;

	while ((got = read(fd, data, piece)) > 0)
		stream_feed(stream, data, got);
	ck_assert_int_eq(errno, EAGAIN);
}

/* One after the other, on one CPU after the other; sizes are drawn */
static void append_in_turns(struct producer_run *records, unsigned int count)
{
	records->count = 1;
	while (count--) {
		pin(records->seed++ % cpus());
		run(records);
		ck_assert_int_eq(records->last, 0);
	}
}

START_TEST(records_of_all_cpus_come_in_the_order_of_their_appends)
{
	struct producer_run records = { .size_min = 1, .size_max = 1500 };
	struct stream *stream = stream_new();
	int fd = new_percpu(4 * PAGE);
	int i;

	for (i = 0; i < ROUNDS; i++) {
		append_in_turns(&records, 1 + i % 9);
		feed(fd, stream, pieces[_i]);
	}
	stream_end(stream);
	ck_assert_uint_eq(stream->records, records.sequence);
	check_stats(fd, stats(fd).size, 0, stream->records, stream->bytes);
}
END_TEST

/* A record that was read in part is read on while more is appended. */
START_TEST(order_is_kept_when_reads_end_anywhere)
{
	struct producer_run records = { .size_min = 1, .size_max = 300 };
	struct stream *stream = stream_new();
	int fd = new_percpu(16 * PAGE);
	unsigned int seed = 1;
	char data[700];
	ssize_t got;
	int i;

	for (i = 0; i < 10 * ROUNDS; i++) {
		append_in_turns(&records, rand_r(&seed) % 5);
		got = read(fd, data, 1 + rand_r(&seed) % sizeof(data));
		if (got > 0)
			stream_feed(stream, data, got);
		else
			ck_assert_int_eq(errno, EAGAIN);
	}
	feed(fd, stream, sizeof(data));
	stream_end(stream);
	ck_assert_uint_eq(stream->records, records.sequence);
}
END_TEST

START_TEST(one_read_gets_all_that_was_appended_before_it_began)
{
	struct producer_run records = { .size_min = 1, .size_max = 900 };
	int fd = new_percpu(16 * PAGE);
	static char data[1 << 18];
	int bytes;
	int i;

	for (i = 0; i < 10; i++) {
		append_in_turns(&records, 40);
		ck_assert_int_eq(read(fd, data, 10), 10);
		append_in_turns(&records, 3);
		bytes = readable(fd);
		ck_assert_int_eq(read(fd, data, sizeof(data)), bytes);
		check_again(fd);
	}
}
END_TEST

START_TEST(a_record_that_is_read_in_parts_stays_whole)
{
	int fd = new_percpu(PAGE);
	char byte[2] = "";
	const char *next;

	append_text_on(0, "abcdef");
	append_text_on(1, "ghi");
	ck_assert_int_eq(read(fd, byte, 1), 1);
	ck_assert_str_eq(byte, "a");
	append_text_on(0, "jkl");
	append_text_on(1, "m");
	for (next = "bcdefghijklm"; *next; next++) {
		ck_assert_int_eq(readable(fd), strlen(next));
		ck_assert_int_eq(poll_for(fd, POLLIN, 0), POLLIN);
		ck_assert_int_eq(read(fd, byte, 1), 1);
		ck_assert_int_eq(*byte, *next);
	}
	check_again(fd);
}
END_TEST

START_TEST(counts_are_of_the_bytes_of_the_records)
{
	__u64 size = possible_cpus() * 1ull * PAGE;
	int fd = new_percpu(PAGE);
	unsigned int cpu;

	for (cpu = 0; cpu < cpus(); cpu++)
		append_text_on(cpu, "0123456789");
	check_stats(fd, size, cpu * 10, cpu, cpu * 10);
	check_reads(fd, cpu == 2 ? "01234567890123456789" :
				   "0123456789012345678901234567890123456789");
	check_stats(fd, size, 0, cpu, cpu * 10);
}
END_TEST

/* arm64 copies several bytes at once, and a fault in the last ones fails all. */
#ifdef __aarch64__
#define COPIES_ALL	false
#else
#define COPIES_ALL	true
#endif

/* A read into so much room before a hole, and then reads that fill this room */
static void check_read_to_a_hole(int fd, char *hole, size_t room,
				 const char *text)
{
	size_t waits = strlen(text);
	ssize_t got = read(fd, hole - room, 100);

	if (COPIES_ALL)
		ck_assert_int_eq(got, room);
	ck_assert(got >= 1 && got <= (ssize_t)room);
	ck_assert_int_eq(readable(fd), waits - got);
	read_all(fd, hole - room + got, room - got);
	ck_assert_mem_eq(hole - room, text, room);
	ck_assert_int_eq(readable(fd), waits - room);
}

START_TEST(a_fault_takes_only_the_bytes_that_were_copied)
{
	char *end = page_before_a_hole();
	int fd = new_percpu(PAGE);
	int i;

	for (i = 0; i < 20; i++) {
		append_text_on(0, "first");
		append_text_on(1, "second");
		ck_assert_int_eq(result_of(read(fd, hole(), 100)), -EFAULT);
		ck_assert_int_eq(readable(fd), 11);
		ck_assert_int_eq(poll_for(fd, POLLIN, 0), POLLIN);
		check_read_to_a_hole(fd, end, 3, "firstsecond");
		append_text_on(1, "third");
		ck_assert_int_eq(result_of(read(fd, hole(), 1)), -EFAULT);
		check_read_to_a_hole(fd, end, 4, "stsecondthird");
		check_stats(fd, stats(fd).size, 9, 3 * i + 3, 16 * i + 16);
		check_takes(fd, 'c', 1);
		check_reads(fd, "ondthird");
		check_again(fd);
	}
}
END_TEST

/* The page holds more bytes than the first read asks for. */
START_TEST(a_fault_in_a_long_read_loses_nothing)
{
	struct producer_run records = { .size_min = 1, .size_max = 3000 };
	struct stream *stream = stream_new();
	char *end = page_before_a_hole();
	int fd = new_percpu(16 * PAGE);
	unsigned int seed = 1;
	ssize_t got;
	int i, size;

	for (i = 0; i < ROUNDS; i++) {
		append_in_turns(&records, 10);
		while (readable(fd)) {
			size = rand_r(&seed) % PAGE;
			got = read(fd, end - size, 3 * PAGE);
			if (got > 0)
				stream_feed(stream, end - size, got);
			else
				ck_assert_int_eq(size, 0);
		}
	}
	stream_end(stream);
	ck_assert_uint_eq(stream->records, records.sequence);
	check_again(fd);
}
END_TEST

START_TEST(after_destroy_a_reader_gets_the_rest_and_then_end_of_file)
{
	struct producer_run records = { .size_min = 1, .size_max = 900 };
	struct stream *stream = stream_new();
	int fd = new_percpu(8 * PAGE);
	char data[1000];
	ssize_t got;

	append_in_turns(&records, 30);
	ck_assert_int_eq(read(fd, data, 100), 100);
	stream_feed(stream, data, 100);
	append_in_turns(&records, 5);
	destroy_buffer();
	ck_assert_int_eq(poll_for(fd, POLLIN, 0), POLLIN | POLLHUP);
	while ((got = read(fd, data, sizeof(data))) > 0)
		stream_feed(stream, data, got);
	ck_assert_int_eq(got, 0);
	stream_end(stream);
	ck_assert_uint_eq(stream->records, 35);
	ck_assert_int_eq(result_of(write(fd, "x", 1)), -EPIPE);
}
END_TEST

/* Room */

START_TEST(a_record_takes_at_most_24_bytes_more_than_it_has)
{
	static const size_t sizes[] = {
		1, 3, 8, 17, 40, 100, QUARTER, PAGE - HEADER,
	};
	size_t size = sizes[_i];
	int fd = new_percpu(PAGE);
	unsigned int round, count, cpu;
	char data[PAGE];

	memset(data, 'x', size);
	for (round = 0; round < 5; round++) {
		cpu = round % 2;
		for (count = 0; !append_on(cpu, data, size); count++)
			ck_assert_uint_lt(count, PAGE);
		ck_assert_uint_ge(count, PAGE / (size + HEADER));
		ck_assert_uint_le(count, PAGE / size);
		refuse_on(cpu, size);
		check_takes(fd, 'x', count * size);
		check_again(fd);
		/* the next round begins at another place in the ring */
		append_many_on(cpu, 1, 'x', 1 + round);
		check_takes(fd, 'x', 1 + round);
	}
}
END_TEST

START_TEST(a_record_larger_than_a_ring_is_emsgsize)
{
	int fd = new_percpu(PAGE);

	lose_on(0, PAGE + 1);
	lose_on(1, 2 * PAGE);
	lose_on(1, 1 << 20);
	check_lost(fd, 3, 3 * PAGE + 1 + (1 << 20));
	check_again(fd);
}
END_TEST

START_TEST(a_full_ring_loses_its_records_even_if_others_have_room)
{
	int fd = new_percpu(PAGE);

	append_many_on(0, 4, 'x', QUARTER);
	refuse_on(0, 1);
	append_many_on(1, 4, 'x', QUARTER);
	refuse_on(1, QUARTER);
	refuse_on(0, 1);
	check_lost(fd, 3, QUARTER + 2);
	check_takes(fd, 'x', 4 * QUARTER);
	append_many_on(0, 4, 'x', QUARTER);
	refuse_on(1, 1);
	check_takes(fd, 'x', 8 * QUARTER);
	check_again(fd);
}
END_TEST

START_TEST(highwater_is_the_share_of_the_fullest_ring)
{
	int fd = new_percpu(PAGE);
	__u64 rings = possible_cpus();

	append_many_on(1, 1, 'x', QUARTER);
	ck_assert_uint_ge(stats(fd).highwater, rings * QUARTER);
	ck_assert_uint_le(stats(fd).highwater, rings * PAGE / 4);
	append_many_on(0, 3, 'x', QUARTER);
	ck_assert_uint_ge(stats(fd).highwater, rings * 3 * QUARTER);
	ck_assert_uint_le(stats(fd).highwater, rings * PAGE / 4 * 3);
	append_many_on(1, 1, 'x', QUARTER);
	ck_assert_uint_le(stats(fd).highwater, rings * PAGE / 4 * 3);
	append_many_on(0, 1, 'x', QUARTER);
	drain(fd);
	append_many_on(1, 1, 'x', 1);
	ck_assert_uint_ge(stats(fd).highwater, rings * 4 * QUARTER);
	ck_assert_uint_le(stats(fd).highwater, rings * PAGE);
}
END_TEST

/* write() and poll() */

START_TEST(a_program_writes_to_the_ring_of_its_cpu)
{
	static char data[2 * PAGE];
	int fd = new_percpu(PAGE);

	memset(data, 'w', sizeof(data));
	pin(1);
	ck_assert_int_eq(write(fd, "hello", 5), 5);
	append_text_on(0, ", ");
	pin(1);
	ck_assert_int_eq(write(fd, "world", 5), 5);
	check_reads(fd, "hello, world");
	ck_assert_int_eq(write(fd, data, PAGE - HEADER), PAGE - HEADER);
	ck_assert_int_eq(result_of(write(fd, data, 1)), -EAGAIN);
	ck_assert_int_eq(result_of(write(fd, data, PAGE + 1)), -EMSGSIZE);
	ck_assert_int_eq(poll_for(fd, POLLOUT, 0), 0);
	pin(0);
	ck_assert_int_eq(poll_for(fd, POLLOUT, 0), POLLOUT);
	ck_assert_int_eq(write(fd, data, PAGE - HEADER), PAGE - HEADER);
	ck_assert_int_eq(poll_for(fd, POLLOUT, 0), 0);
	check_takes(fd, 'w', 2 * (PAGE - HEADER));
	check_again(fd);
	check_lost(fd, 0, 0);
	check_no_loss(fd);
}
END_TEST

START_TEST(a_writer_without_room_waits_for_its_ring)
{
	int fd = new_percpu(PAGE);
	int blocking = open_buffer(NUMBER, O_WRONLY);
	struct call call;

	append_many_on(1, 4, 'x', QUARTER);
	call_start(&call, SYS_write, blocking, (long)"y", 1);
	call_wait_asleep(&call);
	check_takes(fd, 'x', 4 * QUARTER);
	ck_assert_int_eq(call_finish(&call), 1);
	check_reads(fd, "y");
	check_lost(fd, 0, 0);
}
END_TEST

/* A read takes records out of their rings before it copies them. */
START_TEST(a_writer_has_the_room_that_a_slow_reader_has_made)
{
	int fd = new_percpu(PAGE);
	int blocking = open_buffer(NUMBER, O_RDWR);
	struct stuck_reader stuck;
	struct call writer;

	append_many_on(1, 4, 'x', QUARTER);
	call_start(&writer, SYS_write, blocking, (long)"y", 1);
	call_wait_asleep(&writer);
	stuck_reader_start(&stuck, blocking, 4 * QUARTER);
	ck_assert_int_eq(call_finish(&writer), 1);
	slow_page_remove(&stuck.slow);
	ck_assert_int_eq(call_finish(&stuck.call), -EFAULT);
	check_takes(fd, 'x', 4 * QUARTER);
	check_reads(fd, "y");
}
END_TEST

START_TEST(an_edge_triggered_epoll_reports_bytes_that_a_fault_left)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int fd = new_percpu(PAGE);
	int blocking = open_buffer(NUMBER, O_RDONLY);
	int reader = open_buffer(NUMBER, O_RDONLY | O_NONBLOCK);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct stuck_reader stuck;
	char byte;

	ck_assert_int_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, reader, &event), 0);
	append_text_on(0, "abc");
	ck_assert_int_eq(epoll_wait(epoll, &event, 1, PATIENCE_MS), 1);
	stuck_reader_start(&stuck, blocking, 3);
	ck_assert_int_eq(result_of(read(reader, &byte, 1)), -EAGAIN);
	ck_assert_int_eq(epoll_wait(epoll, &event, 1, 0), 0);
	slow_page_remove(&stuck.slow);
	ck_assert_int_eq(call_finish(&stuck.call), -EFAULT);
	ck_assert_int_eq(epoll_wait(epoll, &event, 1, PATIENCE_MS), 1);
	check_reads(fd, "abc");
}
END_TEST

START_TEST(a_reader_stuck_in_a_fault_does_not_hold_up_a_resize)
{
	int fd = new_percpu(PAGE);
	int blocking = open_buffer(NUMBER, O_RDONLY);
	struct stuck_reader stuck;

	append_text_on(0, "abc");
	stuck_reader_start(&stuck, blocking, 3);
	ck_assert_int_eq(resize(0, 2 * PAGE), 0);
	ck_assert_int_eq(resize(0, PAGE), -EBUSY);
	slow_page_fill(&stuck.slow);
	ck_assert_int_eq(call_finish(&stuck.call), 3);
	ck_assert_mem_eq(stuck.slow.page, "abc", 3);
	ck_assert_int_eq(resize(0, PAGE), 0);
	ck_assert_uint_eq(stats(fd).size, PAGE * possible_cpus());
}
END_TEST

START_TEST(poll_reports_data_and_room_of_each_cpu)
{
	int fd = new_percpu(2 * PAGE);
	unsigned int cpu;

	for (cpu = 0; cpu < cpus(); cpu++) {
		pin(cpu);
		ck_assert_int_eq(poll_for(fd, POLLIN | POLLPRI | POLLOUT, 0),
				 POLLOUT);
		append_text_on(cpu, "x");
		ck_assert_int_eq(poll_for(fd, POLLIN | POLLPRI | POLLOUT, 0),
				 POLLIN | POLLOUT);
		check_reads(fd, "x");
	}
}
END_TEST

/* Wakeups */

START_TEST(a_record_of_any_cpu_wakes_a_read)
{
	int fd = open_buffer(create_percpu(0, PAGE), O_RDWR);
	struct call call;
	unsigned int i;
	char byte;

	for (i = 0; i < 10 * cpus(); i++) {
		call_start(&call, SYS_read, fd, (long)&byte, 1);
		call_wait_asleep(&call);
		append_text_on(i % cpus(), "x");
		ck_assert_int_eq(call_finish(&call), 1);
	}
}
END_TEST

START_TEST(a_record_of_any_cpu_wakes_a_poll)
{
	struct pollfd pfd = { .fd = new_percpu(PAGE), .events = POLLIN };
	struct call call;
	unsigned int i;

	for (i = 0; i < 10 * cpus(); i++) {
		call_start(&call, SYS_ppoll, (long)&pfd, 1);
		call_wait_asleep(&call);
		append_text_on(i % cpus(), "x");
		ck_assert_int_eq(call_finish(&call), 1);
		check_reads(pfd.fd, "x");
	}
}
END_TEST

START_TEST(a_record_of_any_context_wakes)
{
	int fd = open_buffer(create_percpu(0, PAGE), O_RDWR);
	struct producer_run records = {
		.context = _i, .count = 1, .size_min = 1, .size_max = 1,
	};
	struct call call;
	char byte;
	int i;

	set_probes();
	for (i = 0; i < 20; i++) {
		call_start(&call, SYS_read, fd, (long)&byte, 1);
		call_wait_asleep(&call);
		records.cpu = i % 2;
		pin(i % 2);
		run(&records);
		ck_assert_int_eq(call_finish(&call), 1);
	}
}
END_TEST

/*
 * So many bytes, on each of the first so many CPUs, wake a read; says how many
 * interrupts that took.
 */
static long interrupts_of(size_t size, unsigned int count)
{
	int fd = open_buffer(NUMBER, O_RDWR);
	char data[2 * PAGE];
	struct call call;
	unsigned int cpu;
	long before;
	int i;

	memset(data, 'x', size);
	before = all_irq_work_interrupts();
	for (i = 0; i < ROUNDS; i++) {
		call_start(&call, SYS_read, fd, (long)data, 1);
		call_wait_asleep(&call);
		for (cpu = 0; cpu < count; cpu++)
			ck_assert_int_eq(append_on(cpu, data, size), 0);
		ck_assert_int_eq(call_finish(&call), 1);
		drain(fd);
	}
	return all_irq_work_interrupts() - before;
}

START_TEST(the_watermark_on_one_cpu_wakes_at_once)
{
	int fd = new_percpu(2 * PAGE);

	ck_assert_int_eq(set_watermark(fd, 1000), 0);
	ck_assert_int_ge(interrupts_of(1000, 1), ROUNDS);
}
END_TEST

/* A tick that comes in between may wake as well. */
START_TEST(the_watermark_on_all_cpus_together_wakes_at_once)
{
	int fd = new_percpu(2 * PAGE);

	if (cpus() < possible_cpus())
		return;
	ck_assert_int_eq(set_watermark(fd, cpus() * 1000), 0);
	ck_assert_int_ge(interrupts_of(1000, cpus()), ROUNDS / 2);
}
END_TEST

START_TEST(less_than_the_share_of_a_ring_wakes_by_the_next_tick)
{
	int fd = new_percpu(2 * PAGE);
	__u64 begin = now_ms();

	ck_assert_int_eq(set_watermark(fd, possible_cpus() * 1000), 0);
	ck_assert_int_lt(interrupts_of(1000 - HEADER - 1, 1), ROUNDS / 2);
	/* a tick is 10 ms at most; the rest is for a busy machine */
	ck_assert_uint_lt(now_ms() - begin, ROUNDS * 100 * slowness());
}
END_TEST

START_TEST(the_watermark_is_at_most_the_size_of_all_rings)
{
	__u64 size = possible_cpus() * 2ull * PAGE;
	int fd = new_percpu(2 * PAGE);

	ck_assert_uint_eq(watermark(fd), 1);
	ck_assert_int_eq(set_watermark(fd, 0), -EINVAL);
	ck_assert_int_eq(set_watermark(fd, size + 1), -EINVAL);
	ck_assert_uint_eq(watermark(fd), 1);
	ck_assert_int_eq(set_watermark(fd, size), 0);
	ck_assert_uint_eq(watermark(fd), size);
	append_text_on(1, "little");
	ck_assert_int_eq(poll_for(fd, POLLIN, 0), POLLIN);
	check_reads(fd, "little");
}
END_TEST

/* Loss */

START_TEST(a_loss_is_counted_at_once_and_reported_where_it_is)
{
	int fd = new_percpu(PAGE);

	append_many_on(0, 4, 'x', QUARTER);
	check_lost(fd, 0, 0);
	ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), 0);
	refuse_on(0, 500);
	refuse_on(0, 501);
	lose_on(0, PAGE + 1);
	check_lost(fd, 3, PAGE + 1002);
	ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), 1);
	check_no_loss(fd);
	check_takes(fd, 'x', QUARTER);
	append_many_on(0, 1, 'y', 10);
	check_takes(fd, 'x', 3 * QUARTER - 1);
	check_no_loss(fd);
	ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), 1);
	check_takes(fd, 'x', 1);
	check_takes(fd, 'y', 1);
	ck_assert_int_eq(poll_for(fd, POLLPRI, 0), POLLPRI);
	check_loss(fd, 3, PAGE + 1002, 4 * QUARTER, 4 * QUARTER);
	ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), 0);
	check_no_loss(fd);
	check_takes(fd, 'y', 9);
	check_no_loss(fd);
	check_lost(fd, 3, PAGE + 1002);
}
END_TEST

START_TEST(a_loss_after_the_last_record_is_reported_when_all_is_read)
{
	int fd = new_percpu(PAGE);
	unsigned int cpu = _i;

	append_many_on(cpu, 4, 'x', QUARTER);
	refuse_on(cpu, 1);
	append_many_on(!cpu, 1, 'x', 100);
	check_takes(fd, 'x', 4 * QUARTER + 99);
	check_takes(fd, 'x', 1);
	ck_assert_int_eq(poll_for(fd, POLLPRI, 0), POLLPRI);
	ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), 1);
	ck_assert_uint_eq(loss(fd).records, 1);
	check_no_loss(fd);
	ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), 0);
}
END_TEST

START_TEST(a_loss_in_an_empty_buffer_is_reported_at_once)
{
	int fd = new_percpu(PAGE);
	unsigned int cpu, round;
	__u64 read = 0;

	for (round = 0; round < 3; round++) {
		for (cpu = 0; cpu < cpus(); cpu++) {
			lose_on(cpu, PAGE + 1);
			ck_assert_int_eq(poll_for(fd, POLLPRI, 0), POLLPRI);
			check_loss(fd, 1, PAGE + 1, read, read);
			check_no_loss(fd);
			append_text_on(cpu, "text");
			check_reads(fd, "text");
			read += 4;
			check_no_loss(fd);
		}
	}
	ck_assert_uint_eq(stats(fd).lost_records, 3 * cpus());
}
END_TEST

START_TEST(losses_of_two_cpus_have_a_place_each)
{
	int fd = new_percpu(PAGE);

	append_many_on(0, 1, 'x', 100);
	lose_on(0, PAGE + 1);
	append_many_on(0, 1, 'x', 100);
	append_many_on(1, 1, 'x', 100);
	lose_on(1, PAGE + 2);
	lose_on(1, PAGE + 3);
	append_many_on(1, 1, 'x', 100);
	check_takes(fd, 'x', 50);
	check_no_loss(fd);
	check_takes(fd, 'x', 350);
	check_loss(fd, 3, 3 * PAGE + 6, 100, 300);

	append_many_on(1, 1, 'x', 100);
	lose_on(1, PAGE + 1);
	append_many_on(1, 1, 'x', 100);
	append_many_on(0, 1, 'x', 100);
	lose_on(0, PAGE + 2);
	append_many_on(0, 1, 'x', 100);
	check_takes(fd, 'x', 101);
	check_loss(fd, 1, PAGE + 1, 500, 500);
	check_takes(fd, 'x', 100);
	check_no_loss(fd);
	check_takes(fd, 'x', 199);
	check_loss(fd, 1, PAGE + 2, 700, 700);
	check_no_loss(fd);
}
END_TEST

START_TEST(overflow_stays_until_the_last_loss_is_reported)
{
	int fd = new_percpu(PAGE);

	append_many_on(1, 1, 'x', 100);
	lose_on(1, PAGE + 1);
	append_many_on(1, 1, 'x', 100);
	append_many_on(0, 4, 'x', QUARTER);
	refuse_on(0, 1);
	check_takes(fd, 'x', 101);
	check_loss(fd, 1, PAGE + 1, 100, 100);
	ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), 1);
	check_loss(fd, 0, 0, 0, 0);
	ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), 1);
	check_takes(fd, 'x', 99 + 4 * QUARTER);
	ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), 1);
	check_loss(fd, 1, 1, 200 + 4 * QUARTER, 200 + 4 * QUARTER);
	ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), 0);
}
END_TEST

START_TEST(overflow_that_was_cleared_stays_clear_until_the_next_loss)
{
	int fd = new_percpu(PAGE);

	append_many_on(0, 4, 'x', QUARTER);
	refuse_on(0, 1);
	ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), 1);
	ck_assert_int_eq(sysfs_write(NUMBER, "overflow", "0"), 0);
	ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), 0);
	check_loss(fd, 0, 0, 0, 0);
	ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), 0);
	lose_on(1, PAGE + 1);
	ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), 1);
	drain(fd);
	ck_assert_uint_eq(loss(fd).records, 2);
	ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), 0);
}
END_TEST

START_TEST(a_report_that_cannot_be_copied_is_not_lost)
{
	int fd = new_percpu(PAGE);

	lose_on(0, PAGE + 1);
	ck_assert_int_eq(result_of(ioctl(fd, BUFFLINK_GETLOSS, hole())),
			 -EFAULT);
	ck_assert_int_eq(poll_for(fd, POLLPRI, 0), POLLPRI);
	ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), 1);
	append_text_on(0, "x");
	check_reads(fd, "x");
	lose_on(1, PAGE + 1);
	check_loss(fd, 2, 2 * PAGE + 2, 0, 1);
	check_no_loss(fd);
	ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), 0);
}
END_TEST

START_TEST(a_loss_is_reported_after_destroy_too)
{
	int fd = new_percpu(PAGE);
	char byte;

	append_many_on(1, 4, 'x', QUARTER);
	refuse_on(1, 1);
	destroy_buffer();
	check_takes(fd, 'x', 4 * QUARTER);
	ck_assert_int_eq(read(fd, &byte, 1), 0);
	check_loss(fd, 1, 1, 4 * QUARTER, 4 * QUARTER);
}
END_TEST

/* Sleepers are told of a loss: by poll, by an epoll edge, by SIGIO */
enum sleeper { IN_POLL, AT_AN_EDGE, WITH_SIGIO, SLEEPERS };

struct watcher {
	struct call call;
	struct pollfd pollfd;
	struct epoll_event event;
	enum sleeper sleeper;
};

static void watch_for_loss(struct watcher *watcher, enum sleeper sleeper,
			   int fd)
{
	struct epoll_event event = { .events = EPOLLPRI | EPOLLET };
	int epoll;

	*watcher = (struct watcher) { .sleeper = sleeper };
	switch (sleeper) {
	case IN_POLL:
		watcher->pollfd = (struct pollfd) { fd, POLLPRI, 0 };
		call_start(&watcher->call, SYS_ppoll, (long)&watcher->pollfd,
			   1);
		call_wait_asleep(&watcher->call);
		break;
	case AT_AN_EDGE:
		epoll = epoll_create1(EPOLL_CLOEXEC);
		ck_assert_int_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event),
				 0);
		call_start(&watcher->call, SYS_epoll_pwait, epoll,
			   (long)&watcher->event, 1, -1);
		call_wait_asleep(&watcher->call);
		break;
	default:
		handle_signal(SIGUSR1, 0);
		ck_assert_int_eq(fcntl(fd, F_SETOWN, getpid()), 0);
		ck_assert_int_eq(fcntl(fd, F_SETSIG, SIGUSR1), 0);
		ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC), 0);
	}
}

static void check_woken(struct watcher *watcher)
{
	if (watcher->sleeper == WITH_SIGIO)
		wait_for(signals(SIGUSR1));
	else
		ck_assert_int_eq(call_finish(&watcher->call), 1);
}

START_TEST(a_sleeper_is_told_of_a_loss_in_an_empty_buffer)
{
	int fd = new_percpu(PAGE);
	struct watcher watcher;

	watch_for_loss(&watcher, _i / 2, fd);
	lose_on(_i % 2, PAGE + 1);
	check_woken(&watcher);
	check_loss(fd, 1, PAGE + 1, 0, 0);
}
END_TEST

/* The reader has no O_ASYNC: a signal for data would not tell of the loss. */
START_TEST(a_sleeper_is_told_of_the_last_loss_when_all_is_read)
{
	int fd = new_percpu(PAGE);
	int other = open_buffer(NUMBER, O_RDONLY | O_NONBLOCK);
	struct watcher watcher;

	append_many_on(_i % 2, 4, 'x', QUARTER);
	append_many_on(!(_i % 2), 1, 'x', 10);
	refuse_on(_i % 2, 1);
	watch_for_loss(&watcher, _i / 2, fd);
	check_takes(other, 'x', 4 * QUARTER + 10);
	check_woken(&watcher);
	ck_assert_int_eq(poll_for(fd, POLLPRI, 0), POLLPRI);
	check_loss(fd, 1, 1, 4 * QUARTER + 10, 4 * QUARTER + 10);
}
END_TEST

START_TEST(a_sleeper_is_told_of_a_loss_between_two_records)
{
	int fd = new_percpu(PAGE);
	int other = open_buffer(NUMBER, O_RDONLY | O_NONBLOCK);
	struct watcher watcher;

	append_many_on(_i % 2, 1, 'x', 10);
	lose_on(_i % 2, PAGE + 1);
	append_many_on(_i % 2, 2, 'x', 10);
	watch_for_loss(&watcher, _i / 2, fd);
	check_takes(other, 'x', 11);
	check_woken(&watcher);
	check_loss(fd, 1, PAGE + 1, 10, 10);
}
END_TEST

/* A probe appends once more, inside each append, which holds the lock. */
START_TEST(a_loss_nested_in_an_append_is_reported_once)
{
	int fd = new_percpu(PAGE);
	struct producer_probe probe;
	struct bufflink_loss report;
	unsigned int cpu, round;

	append_from_probe("bufflink:bufflink_store_slow");
	for (round = 0; round < 5; round++) {
		for (cpu = 0; cpu < cpus(); cpu++)
			append_many_on(cpu, 4, 'x', QUARTER);
		drain(fd);
	}
	probe = append_from_probe("");
	ck_assert_uint_eq(probe.stored, 0);
	ck_assert_uint_gt(probe.lost, cpus());
	check_lost(fd, probe.lost, probe.lost);
	ck_assert_int_eq(poll_for(fd, POLLPRI, 0), POLLPRI);
	report = loss(fd);
	ck_assert_uint_eq(report.records, probe.lost);
	ck_assert_uint_eq(report.bytes, probe.lost);
	check_no_loss(fd);
	ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), 0);
}
END_TEST

static volatile bool stop;

/* Takes the lock of each ring, again and again. */
static void *look_at_stats(void *fd)
{
	pin(1);
	while (!stop)
		stats(*(int *)fd);
	return NULL;
}

START_TEST(a_loss_for_want_of_the_lock_is_reported_once)
{
	struct producer_run records = {
		.context = _i, .cpu = 0, .count = 100,
		.size_min = 10, .size_max = 10,
	};
	int fd = new_percpu(16 * PAGE);
	struct producer_result all = { };
	struct bufflink_loss report;
	__u64 reported = 0;
	pthread_t looker;
	int i;

	set_probes();
	ck_assert_int_eq(pthread_create(&looker, NULL, look_at_stats, &fd), 0);
	pin(_i == PRODUCER_NMI ? 1 : 0);
	/* Only some contexts must not wait: these go on until one was lost. */
	for (i = 0; i < 5 || (_i >= PRODUCER_WAITING && !refused(&all) &&
			      i < 100); i++) {
		run(&records);
		add_result(&all, &records.result);
		add_result(&all, &records.nested);
		drain(fd);
		report = loss(fd);
		reported += report.records;
		ck_assert_uint_eq(report.bytes, 10 * report.records);
	}
	stop = true;
	pthread_join(looker, NULL);
	ck_assert_uint_eq(all.nospc, 0);
	check_lost(fd, refused(&all), all.lost_bytes);
	ck_assert_uint_eq(reported, refused(&all));
	check_no_loss(fd);
	ck_assert_uint_eq(stats(fd).records, all.stored);
	ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), 0);
}
END_TEST

/* Resize */

START_TEST(resize_takes_the_size_of_each_ring)
{
	__u64 rings = possible_cpus();
	int fd = new_percpu(2 * PAGE);

	ck_assert_int_eq(resize(0, 3 * PAGE), 0);
	check_stats(fd, rings * 3 * PAGE, 0, 0, 0);
	ck_assert_int_eq(resize(0, 1), 0);
	check_stats(fd, rings * PAGE, 0, 0, 0);
	append_many_on(0, 4, 'x', QUARTER);
	refuse_on(0, 1);
	append_many_on(1, 4, 'x', QUARTER);
	ck_assert_int_eq(resize(0, 2 * PAGE), 0);
	/* A 32-bit kernel needs less than HEADER, so a little room may be left. */
	append_many_on(0, 8, 'x', QUARTER);
	refuse_on(0, HEADER);
	append_many_on(1, 8, 'x', QUARTER);
	refuse_on(1, HEADER);
	check_stats(fd, rings * 2 * PAGE, 24 * QUARTER, 24, 24 * QUARTER);
	check_takes(fd, 'x', 24 * QUARTER);
	check_stats(fd, rings * 2 * PAGE, 0, 24, 24 * QUARTER);
	ck_assert_int_eq(resize(0, 0), -EINVAL);
	ck_assert_int_eq(resize(0, -1), -EINVAL);
	ck_assert_int_eq(resize(0, ABSURD), -ENOMEM);
	check_stats(fd, rings * 2 * PAGE, 0, 24, 24 * QUARTER);
}
END_TEST

START_TEST(size_in_sysfs_is_written_for_all_rings_together)
{
	static const struct { int written, pages; } sizes[] = {
		{ 3 * PAGE, 3 }, { 3 * PAGE - 1, 3 }, { 2 * PAGE + 1, 3 },
		{ PAGE, 1 },
	};
	__u64 rings = possible_cpus();
	int fd = new_percpu(2 * PAGE);
	char text[32];
	unsigned int i;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		sprintf(text, "%llu", rings * sizes[i].written);
		ck_assert_int_eq(sysfs_write(NUMBER, "size", text), 0);
		check_stats(fd, rings * sizes[i].pages * PAGE, 0, 0, 0);
	}
	sprintf(text, "%llu", rings * 2 * PAGE - 1);
	ck_assert_int_eq(sysfs_write(NUMBER, "size", text), 0);
	check_stats(fd, rings * 2 * PAGE, 0, 0, 0);
	ck_assert_int_eq(sysfs_write(NUMBER, "size", "1"), 0);
	check_stats(fd, rings * PAGE, 0, 0, 0);
	ck_assert_int_eq(sysfs_write(NUMBER, "size", "0"), -EINVAL);
	check_stats(fd, rings * PAGE, 0, 0, 0);
}
END_TEST

START_TEST(resize_is_ebusy_until_the_last_byte_from_before_is_read)
{
	int fd = new_percpu(PAGE);

	append_text_on(1, "ab");
	append_text_on(0, "c");
	ck_assert_int_eq(resize(0, 2 * PAGE), 0);
	append_text_on(1, "de");
	append_text_on(0, "f");
	check_takes(fd, 'a', 1);
	ck_assert_int_eq(resize(0, PAGE), -EBUSY);
	check_takes(fd, 'b', 1);
	ck_assert_int_eq(resize(0, PAGE), -EBUSY);
	check_takes(fd, 'c', 1);
	ck_assert_int_eq(resize(0, PAGE), 0);
	ck_assert_int_eq(resize(0, PAGE), -EBUSY);
	append_text_on(1, "g");
	check_reads(fd, "defg");
	ck_assert_int_eq(resize(0, PAGE), 0);
	check_again(fd);
}
END_TEST

START_TEST(order_is_kept_over_a_resize)
{
	static const int sizes[] = { 16, 32, 8, 16, 24, 64, 12 };
	struct producer_run records = { .size_min = 1, .size_max = 900 };
	struct stream *stream = stream_new();
	int fd = new_percpu(8 * PAGE);
	char data[100];
	unsigned int i;

	for (i = 0; i < 3 * sizeof(sizes) / sizeof(*sizes); i++) {
		append_in_turns(&records, 20);
		ck_assert_int_eq(read(fd, data, sizeof(data)), sizeof(data));
		stream_feed(stream, data, sizeof(data));
		ck_assert_int_eq(resize(0, sizes[i % 7] * PAGE), 0);
		append_in_turns(&records, 20);
		feed(fd, stream, pieces[_i]);
	}
	stream_end(stream);
	ck_assert_uint_eq(stream->records, records.sequence);
	check_stats(fd, stats(fd).size, 0, stream->records, stream->bytes);
}
END_TEST

START_TEST(a_loss_keeps_its_place_over_a_resize)
{
	int fd = new_percpu(PAGE);

	append_many_on(0, 4, 'x', QUARTER);
	append_many_on(1, 1, 'x', 10);
	refuse_on(0, 1);
	ck_assert_int_eq(resize(0, 2 * PAGE), 0);
	check_lost(fd, 1, 1);
	check_no_loss(fd);
	append_many_on(0, 1, 'x', 10);
	check_takes(fd, 'x', 4 * QUARTER + 10);
	check_takes(fd, 'x', 1);
	check_loss(fd, 1, 1, 4 * QUARTER + 10, 4 * QUARTER + 10);
	check_takes(fd, 'x', 9);
	check_no_loss(fd);
}
END_TEST

START_TEST(resize_cuts_the_watermark_to_the_size_of_all_rings)
{
	__u64 rings = possible_cpus();
	int fd = new_percpu(4 * PAGE);

	ck_assert_int_eq(set_watermark(fd, rings * 3 * PAGE), 0);
	ck_assert_int_eq(resize(0, 3 * PAGE), 0);
	ck_assert_uint_eq(watermark(fd), rings * 3 * PAGE);
	ck_assert_int_eq(resize(0, 2 * PAGE), 0);
	ck_assert_uint_eq(watermark(fd), rings * 2 * PAGE);
	ck_assert_int_eq(resize(0, 4 * PAGE), 0);
	ck_assert_uint_eq(watermark(fd), rings * 2 * PAGE);
}
END_TEST

/*
 * Order
 *
 * Producers of all contexts on all CPUs at once. Each record has a token from
 * before its append. The token from after it is in a table of the producer. The
 * reader keeps the largest token from before of all that it has read. A record
 * whose append had returned at that time comes too late.
 *
 * Each producer stays on its CPU, so its records are in one ring. Their numbers
 * show which records are missing, and between which two places in the stream.
 */
#define ORDER_CPUS	4
#define ORDER_GOAL	100000	/* records read, if records= says no other */
#define ORDER_SECONDS	240
#define ORDER_SIZE	1000	/* of the largest record */
#define READ_SIZE	(1 << 16)

struct order_load {
	struct producer_run run;
	struct producer_result total;
	struct producer_result nested;
	unsigned int cpu;	/* the caller's */
	pthread_t thread;
};

/* Records that are missing between two of one producer */
struct gap {
	__u64 begin;		/* where the last before it ends */
	__u64 end;		/* where the next after it begins */
	__u64 records;
};

struct list {
	struct gap *gaps;
	size_t count;
};

/* The records of one producer in the stream so far */
struct track {
	__u32 next;		/* number of the next record */
	__u64 end;		/* of the last one */
};

static struct order_load order_loads[PRODUCER_IDS];
static unsigned int order_count;
static int order_device;
static __u64 order_limit;	/* of bytes that wait, for no loss; or 0 */
static __u8 order_noise[PRODUCER_NOISE_SIZE];

static const volatile __u32 (*ends)[PRODUCER_ENDS];
static struct track tracks[PRODUCER_IDS];
static __u32 latest;		/* token from before an append that was read */
static __u64 order_position, order_records, order_bytes_lost;
static struct list gaps, reports;

static void add_gap(struct list *list, __u64 begin, __u64 end, __u64 records)
{
	if (!(list->count & (list->count - 1))) {
		list->gaps = realloc(list->gaps, (2 * list->count + 1) *
						 sizeof(*list->gaps));
		ck_assert_ptr_nonnull(list->gaps);
	}
	list->gaps[list->count++] = (struct gap) { begin, end, records };
}

static __u32 get_32(const __u8 *bytes)
{
	return bytes[0] | bytes[1] << 8 | bytes[2] << 16 |
	       (__u32)bytes[3] << 24;
}

static void check_order(__u32 id, __u32 sequence, __u32 begin)
{
	__u32 end = ends[id][sequence % PRODUCER_ENDS];

	/* 0: has not returned yet */
	if (end && end < latest)
		ck_abort_msg("record %u of %u returned at %u, before %u began",
			     sequence, id, end, latest);
	if (begin > latest)
		latest = begin;
}

static void check_stamped(const __u8 *record, size_t size)
{
	__u32 id = record[0] >> 3;
	__u32 sequence = get_32(record + 4);
	struct track *track = &tracks[id];
	const __u8 *payload = producer_payload(order_noise, id, sequence);

	if (sequence < track->next ||
	    memcmp(record + PRODUCER_STAMPED_MIN, payload + 4,
		   size - PRODUCER_STAMPED_MIN))
		ck_abort_msg("byte %llu: not record %u or a later one of producer %u",
			     order_position, track->next, id);
	check_order(id, sequence, get_32(record + PRODUCER_HEADER));
	if (sequence > track->next)
		add_gap(&gaps, track->end, order_position,
			sequence - track->next);
	order_position += size;
	order_records++;
	track->next = sequence + 1;
	track->end = order_position;
}

/* Checks whole records, and keeps the rest for the next read. */
static size_t check_records(__u8 *data, size_t size)
{
	size_t done = 0;
	size_t length;

	while (size - done >= PRODUCER_STAMPED_MIN) {
		must(!(data[done] & 7));
		length = get_32(data + done) >> 8;
		must(length >= PRODUCER_STAMPED_MIN && length <= ORDER_SIZE);
		if (length > size - done)
			break;
		check_stamped(data + done, length);
		done += length;
	}
	memmove(data, data + done, size - done);
	return size - done;
}

/* The reader is at @now, and was at @before when it asked the last time. */
static void order_take_loss(__u64 before, __u64 now)
{
	struct bufflink_loss report = loss(order_device);

	if (!report.records)
		return;
	if (report.first < before || report.first > report.last ||
	    report.last > now)
		ck_abort_msg("a loss at %llu to %llu is reported between %llu and %llu",
			     report.first, report.last, before, now);
	add_gap(&reports, report.first, report.last, report.records);
	order_bytes_lost += report.bytes;
}

static size_t draw_read(unsigned int *seed)
{
	size_t size = 1 + rand_r(seed) % (2 << rand_r(seed) % 16);

	return size < READ_SIZE ? size : READ_SIZE;
}

/* Until so many records are read, or with none until nothing is left */
static void read_records(__u64 goal)
{
	static __u8 data[READ_SIZE + ORDER_SIZE];
	static unsigned int seed = 1;
	static __u64 before;
	static size_t have;
	ssize_t got;

	while (!goal || order_records < goal) {
		got = read(order_device, data + have, draw_read(&seed));
		if (got > 0)
			have = check_records(data, have + got);
		else
			ck_assert_int_eq(errno, EAGAIN);
		order_take_loss(before, order_position + have);
		before = order_position + have;
		if (got < 0 && !goal)
			break;
		if (got < 0)
			ck_assert_int_ne(poll_for(order_device, POLLIN,
						  PATIENCE_MS), 0);
	}
	if (!goal)
		ck_assert_uint_eq(have, 0);
}

static void *order_produce(void *arg)
{
	struct order_load *load = arg;

	pin(load->cpu);
	setpriority(PRIO_PROCESS, gettid(), 5);	/* or the reader gets no CPU */
	while (!stop) {
		if (order_limit && stats(order_device).used > order_limit) {
			pause_ms(1);
			continue;
		}
		run(&load->run);
		add_result(&load->total, &load->run.result);
		add_result(&load->nested, &load->run.nested);
		load->run.seed++;
		if (load->run.result.nospc)
			poll_for(order_device, POLLOUT, 10);
	}
	return NULL;
}

static unsigned int start_order_load(enum producer_context context,
				     unsigned int cpu, unsigned int id)
{
	struct order_load *load = &order_loads[order_count++];
	bool timer = context == PRODUCER_SOFTIRQ || context == PRODUCER_HARDIRQ;

	*load = (struct order_load) {
		.cpu = context == PRODUCER_NMI ? !cpu : cpu,
		.run = {
			.context = context, .id = id, .seed = id, .cpu = cpu,
			.call = context % 2 ? PRODUCER_APPENDV :
					      PRODUCER_APPEND,
			.pieces = 1 + id % 8, .count = 20, .stamped = true,
			.gap_us = timer ? 200 : 0, .burst = timer ? 10 : 1,
			.size_min = PRODUCER_STAMPED_MIN,
			.size_max = ORDER_SIZE,
		},
	};
	ck_assert_int_eq(pthread_create(&load->thread, NULL, order_produce,
					load), 0);
	return context == PRODUCER_NESTED || context == PRODUCER_WAITING ? 2 :
									   1;
}

/* Those that wait for a lock have two ids; there are enough for 4 CPUs. */
static void start_order_loads(void)
{
	unsigned int count = cpus() < ORDER_CPUS ? cpus() : ORDER_CPUS;
	unsigned int id = 0;
	unsigned int cpu;
	int context;

	for (cpu = 0; cpu < count; cpu++)
		for (context = 0; context < PRODUCER_CONTEXTS; context++)
			if (context != PRODUCER_NESTED || cpu == 0)
				id += start_order_load(context, cpu, id);
	ck_assert_uint_le(id, PRODUCER_IDS);
}

/* Records missing at the end; the numbers say the same as the results. */
static void end_track(__u32 id, __u32 next, const struct producer_result *result)
{
	struct track *track = &tracks[id];

	ck_assert_uint_le(track->next, next);
	ck_assert_uint_eq(next, offered(result));
	if (next > track->next)
		add_gap(&gaps, track->end, -1, next - track->next);
}

static struct producer_result end_order_loads(void)
{
	struct producer_result all = { };
	struct order_load *load;

	stop = true;
	for (load = order_loads; load < order_loads + order_count; load++)
		ck_assert_int_eq(pthread_join(load->thread, NULL), 0);
	read_records(0);
	for (load = order_loads; load < order_loads + order_count; load++) {
		end_track(load->run.id, load->run.sequence, &load->total);
		if (load->run.context == PRODUCER_NESTED ||
		    load->run.context == PRODUCER_WAITING)
			end_track(load->run.id + 1, load->run.nested_sequence,
				  &load->nested);
		add_result(&all, &load->total);
		add_result(&all, &load->nested);
	}
	return all;
}

static __u64 sum_of(const struct list *list)
{
	__u64 sum = 0;
	size_t i;

	for (i = 0; i < list->count; i++)
		sum += list->gaps[i].records;
	return sum;
}

static int compare_begins(const void *a, const void *b)
{
	const struct gap *one = a, *other = b;

	return one->begin < other->begin ? -1 : one->begin > other->begin;
}

static int compare_ends(const void *a, const void *b)
{
	const struct gap *one = a, *other = b;

	return one->end < other->end ? -1 : one->end > other->end;
}

/*
 * A loss lies between the record before the gap and the one after it. So at each
 * place, at least the records in gaps that ended before are reported so far, and
 * at most those in gaps that have begun.
 */
static void check_positions(void)
{
	__u64 reported = 0, ended = 0, begun = 0;
	struct gap *report;
	size_t i;

	qsort(gaps.gaps, gaps.count, sizeof(*gaps.gaps), compare_ends);
	for (i = 0, report = reports.gaps;
	     report < reports.gaps + reports.count; report++) {
		for (; i < gaps.count && gaps.gaps[i].end < report->begin; i++)
			ended += gaps.gaps[i].records;
		if (reported < ended)
			ck_abort_msg("before byte %llu %llu records are missing, %llu are reported",
				     report->begin, ended, reported);
		reported += report->records;
	}
	qsort(gaps.gaps, gaps.count, sizeof(*gaps.gaps), compare_begins);
	reported = 0;
	for (i = 0, report = reports.gaps;
	     report < reports.gaps + reports.count; report++) {
		for (; i < gaps.count && gaps.gaps[i].begin <= report->end; i++)
			begun += gaps.gaps[i].records;
		reported += report->records;
		if (reported > begun)
			ck_abort_msg("up to byte %llu %llu records are missing, %llu are reported",
				     report->end, begun, reported);
	}
}

static void check_order_laws(const struct producer_result *all)
{
	struct bufflink_stats now = stats(order_device);

	ck_assert_uint_eq(now.records, all->stored);
	ck_assert_uint_eq(now.bytes, all->bytes);
	ck_assert_uint_eq(now.bytes_read, all->bytes);
	ck_assert_uint_eq(now.used, 0);
	ck_assert_uint_eq(now.lost_records, refused(all));
	ck_assert_uint_eq(now.lost_bytes, all->lost_bytes);
	ck_assert_uint_eq(order_records, all->stored);
	ck_assert_uint_eq(order_position, all->bytes);
	ck_assert_uint_eq(sum_of(&gaps), refused(all));
	ck_assert_uint_eq(sum_of(&reports), refused(all));
	ck_assert_uint_eq(order_bytes_lost, all->lost_bytes);
	ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), 0);
	check_no_loss(order_device);
}

/* A variable of the kernel's command line: APPEND=records=1000000 */
static __u64 order_goal(void)
{
	const char *text = getenv("records");

	return text ? strtoull(text, NULL, 10) : ORDER_GOAL / slowness();
}

static struct producer_result check_all_orders(__u64 size, __u64 limit,
					       void *(*meanwhile)(void *))
{
	struct producer_result all;
	__u64 begin = now_ms();
	pthread_t thread;

	set_probes();
	producer_noise(order_noise);
	ends = mmap(NULL, PRODUCER_IDS * sizeof(*ends), PROT_READ, MAP_SHARED,
		    producer, 0);
	must((void *)ends != MAP_FAILED);
	order_device = new_percpu(size);
	order_limit = limit;
	start_order_loads();
	if (meanwhile)
		ck_assert_int_eq(pthread_create(&thread, NULL, meanwhile,
						NULL), 0);
	read_records(order_goal());
	all = end_order_loads();
	if (meanwhile)
		pthread_join(thread, NULL);
	check_order_laws(&all);
	check_positions();
	printf("# %llu records, %llu lost for room, %llu for the lock, %llu s\n",
	       all.stored, all.nospc, all.busy, (now_ms() - begin) / 1000);
	return all;
}

/* Little waits, so that a read often looks at all rings anew. */
START_TEST(no_record_comes_before_one_that_had_returned_when_it_began)
{
	struct producer_result all = check_all_orders(4 << 20, 4 << 10, NULL);

	ck_assert_uint_eq(all.nospc, 0);
}
END_TEST

START_TEST(with_losses_the_order_is_the_same_and_each_loss_has_its_place)
{
	struct producer_result all = check_all_orders((1 + 3 * _i) * PAGE, 0,
						      NULL);

	ck_assert_uint_gt(all.nospc, 0);
}
END_TEST

static unsigned int resizes;

static void *resize_at_random(void *unused)
{
	static unsigned int seed = 1;
	int err;

	(void)unused;
	while (!stop) {
		err = resize(0, 1 + rand_r(&seed) % (16 * PAGE));
		if (err)
			ck_assert_int_eq(err, -EBUSY);
		else
			resizes++;
		pause_ms(rand_r(&seed) % 3);
	}
	return NULL;
}

START_TEST(during_resizes_the_order_is_the_same_and_each_loss_has_its_place)
{
	check_all_orders(4 * PAGE, 0, resize_at_random);
	printf("# %u resizes\n", resizes);
	ck_assert_uint_gt(resizes, 10);
}
END_TEST

static void add_order_case(Suite *suite, const char *name, const TTest *test,
			   int loops)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, producer_setup, producer_teardown);
	tcase_set_timeout(tcase, ORDER_SECONDS);
	tcase_add_loop_test(tcase, test, 0, loops);
	suite_add_tcase(suite, tcase);
}

int main(void)
{
	Suite *suite = suite_create("percpu");

	add_loop_case(suite, "sizes", 5,
		      each_possible_cpu_has_a_ring_of_the_size_that_was_asked_for);
	add_case(suite, "create", size_0_gives_each_ring_the_default_size,
		 a_bad_size_is_refused_and_nothing_is_left,
		 a_percpu_buffer_has_a_name_and_an_owner_too);
	add_loop_case(suite, "pieces", PIECES,
		      records_of_all_cpus_come_in_the_order_of_their_appends,
		      order_is_kept_over_a_resize);
	add_case(suite, "read", order_is_kept_when_reads_end_anywhere,
		 one_read_gets_all_that_was_appended_before_it_began,
		 a_record_that_is_read_in_parts_stays_whole,
		 counts_are_of_the_bytes_of_the_records,
		 a_fault_takes_only_the_bytes_that_were_copied,
		 a_fault_in_a_long_read_loses_nothing,
		 after_destroy_a_reader_gets_the_rest_and_then_end_of_file);
	add_loop_case(suite, "room", 8,
		      a_record_takes_at_most_24_bytes_more_than_it_has);
	add_case(suite, "refuse", a_record_larger_than_a_ring_is_emsgsize,
		 a_full_ring_loses_its_records_even_if_others_have_room,
		 highwater_is_the_share_of_the_fullest_ring);
	add_case(suite, "write and poll", a_program_writes_to_the_ring_of_its_cpu,
		 a_writer_without_room_waits_for_its_ring,
		 a_writer_has_the_room_that_a_slow_reader_has_made,
		 an_edge_triggered_epoll_reports_bytes_that_a_fault_left,
		 a_reader_stuck_in_a_fault_does_not_hold_up_a_resize,
		 poll_reports_data_and_room_of_each_cpu);
	add_case(suite, "wakeups", a_record_of_any_cpu_wakes_a_read,
		 a_record_of_any_cpu_wakes_a_poll,
		 the_watermark_on_one_cpu_wakes_at_once,
		 the_watermark_on_all_cpus_together_wakes_at_once,
		 less_than_the_share_of_a_ring_wakes_by_the_next_tick,
		 the_watermark_is_at_most_the_size_of_all_rings);
	add_loop_case(suite, "contexts", PRODUCER_CONTEXTS,
		      a_record_of_any_context_wakes,
		      a_loss_for_want_of_the_lock_is_reported_once);
	add_case(suite, "loss",
		 a_loss_is_counted_at_once_and_reported_where_it_is,
		 a_loss_in_an_empty_buffer_is_reported_at_once,
		 losses_of_two_cpus_have_a_place_each,
		 overflow_stays_until_the_last_loss_is_reported,
		 overflow_that_was_cleared_stays_clear_until_the_next_loss,
		 a_report_that_cannot_be_copied_is_not_lost,
		 a_loss_is_reported_after_destroy_too,
		 a_loss_nested_in_an_append_is_reported_once);
	add_loop_case(suite, "last loss", 2,
		      a_loss_after_the_last_record_is_reported_when_all_is_read);
	add_loop_case(suite, "sleepers", 2 * SLEEPERS,
		      a_sleeper_is_told_of_a_loss_in_an_empty_buffer,
		      a_sleeper_is_told_of_the_last_loss_when_all_is_read,
		      a_sleeper_is_told_of_a_loss_between_two_records);
	add_case(suite, "resize", resize_takes_the_size_of_each_ring,
		 size_in_sysfs_is_written_for_all_rings_together,
		 resize_is_ebusy_until_the_last_byte_from_before_is_read,
		 a_loss_keeps_its_place_over_a_resize,
		 resize_cuts_the_watermark_to_the_size_of_all_rings);
	add_order_case(suite, "order",
		       no_record_comes_before_one_that_had_returned_when_it_began,
		       1);
	add_order_case(suite, "order and loss",
		       with_losses_the_order_is_the_same_and_each_loss_has_its_place,
		       2);
	add_order_case(suite, "order and resize",
		       during_resizes_the_order_is_the_same_and_each_loss_has_its_place,
		       1);
	return run_suite(suite);
}
