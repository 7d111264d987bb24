// SPDX-License-Identifier: GPL-2.0-only
/* bufflink_resize(), and the file size in sysfs */
#define _GNU_SOURCE
#include "device.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#define LARGE	(2 << 20)	/* the kernel's list of its pages is small */
#define ABSURD	((size_t)-1 / 4 * 3)	/* more than any machine has */

/* Bytes of memory that the module has for its rings */
static __u64 ring_memory(void)
{
	FILE *file = fopen("/proc/vmallocinfo", "r");
	unsigned long long part, total = 0;
	char line[512];

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file))
		if (strstr(line, "[bufflink]") &&
		    sscanf(line, "%*s %llu", &part) == 1)
			total += part - PAGE;	/* but for its guard */
	fclose(file);
	return total;
}

static int resize_by_text(const char *text)
{
	return sysfs_write(NUMBER, "size", text);
}

/* By one of the two ways: i is that of a test's loop */
static int resize_somehow(int i, __u64 size)
{
	char text[32];

	if (!i)
		return resize(0, size);
	snprintf(text, sizeof(text), "%llu\n", size);
	return resize_by_text(text);
}

static void good_resize(__u64 size)
{
	ck_assert_int_eq(resize(0, size), 0);
}

/* Exactly so many bytes are taken, and all of them are this one. */
static void check_takes(int fd, char byte, size_t size)
{
	char *data = malloc(size);
	size_t i;

	ck_assert_ptr_nonnull(data);
	read_all(fd, data, size);
	for (i = 0; i < size; i++)
		must(data[i] == byte);
	free(data);
}

/* Exactly so much room is there: all but the last record are small. */
static void check_room(__u64 room)
{
	__u64 part;

	for (; room; room -= part) {
		part = room < 64 ? room : 64;
		fill(0, part);
	}
	lose(1);
}

START_TEST(a_new_size_is_rounded_up_to_whole_pages)
{
	int fd = new_buffer(5 * PAGE);

	ck_assert_int_eq(resize_somehow(_i, 1), 0);
	check_counts(fd, PAGE, 0, 0);
	ck_assert_int_eq(resize_somehow(_i, PAGE), 0);
	check_counts(fd, PAGE, 0, 0);
	ck_assert_int_eq(resize_somehow(_i, PAGE + 1), 0);
	check_counts(fd, 2 * PAGE, 0, 0);
	ck_assert_int_eq(resize_somehow(_i, 7 * PAGE - 1), 0);
	check_counts(fd, 7 * PAGE, 0, 0);
	check_room(7 * PAGE);
}
END_TEST

START_TEST(a_new_size_that_is_bad_is_einval)
{
	static const size_t sizes[] = { 0, -1, -PAGE + 1, -PAGE + 2 };
	int fd = new_buffer(2 * PAGE);
	__u64 memory = ring_memory();
	unsigned int i;

	append_text("text");
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		ck_assert_int_eq(resize_somehow(_i, sizes[i]), -EINVAL);
	check_counts(fd, 2 * PAGE, 4, 4);
	ck_assert_uint_eq(ring_memory(), memory);
}
END_TEST

START_TEST(a_text_that_is_no_size_is_einval)
{
	static const char *const texts[] = {
		"x", "4096x", " ", "\n", "-1", "-4096", "4096 8192", "4k",
		"4096.0", "1e6", "0", "0\n", "18446744073709551616",
		"340282366920938463463374607431768211456",
	};
	int fd = new_buffer(2 * PAGE);
	unsigned int i;

	append_text("text");
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		ck_assert_msg(resize_by_text(texts[i]) == -EINVAL, "'%s'",
			      texts[i]);
	check_counts(fd, 2 * PAGE, 4, 4);
}
END_TEST

START_TEST(resize_of_client_memory_is_einval)
{
	struct producer_create made = create(0, PRODUCER_KMALLOC + _i,
					     2 * PAGE, -1);
	int fd = open_buffer(made.number, O_RDWR | O_NONBLOCK);

	append_text("text");
	ck_assert_int_eq(resize(0, PAGE), -EINVAL);
	ck_assert_int_eq(resize_by_text("16384"), -EINVAL);
	check_counts(fd, 2 * PAGE, 4, 4);
	check_reads(fd, "text");
}
END_TEST

static int write_size_as_nobody(void *unused)
{
	(void)unused;
	become_nobody();
	ck_assert_uint_eq(sysfs_value(NUMBER, "size"), 2 * PAGE);
	ck_assert_int_eq(result_of(open("/sys/class/misc/bufflink0/size",
					O_WRONLY)), -EACCES);
	return 0;
}

START_TEST(only_root_may_write_size)
{
	create_buffer(0, 2 * PAGE);
	ck_assert_int_eq(finish(start(write_size_as_nobody, NULL)), 0);
}
END_TEST

START_TEST(resize_without_memory_is_enomem_and_nothing_changes)
{
	int fd = new_buffer(2 * PAGE);
	__u64 memory = ring_memory();

	ck_assert_int_eq(set_watermark(fd, PAGE), 0);
	fill(0, 2 * PAGE);
	ck_assert_int_eq(resize_somehow(_i, ABSURD), -ENOMEM);
	check_counts(fd, 2 * PAGE, 2 * PAGE, 2 * PAGE);
	ck_assert_uint_eq(watermark(fd), PAGE);
	ck_assert_uint_eq(ring_memory(), memory);
	lose(1);
	check_takes(fd, 'x', 2 * PAGE);
	check_room(2 * PAGE);
	drain(fd);
	ck_assert_int_eq(resize_somehow(_i, PAGE), 0);
}
END_TEST

START_TEST(resize_is_ebusy_until_the_last_byte_from_before_is_read)
{
	int fd = new_buffer(PAGE);
	__u64 memory;

	append_text("old");
	good_resize(2 * PAGE);
	append_text("new");
	memory = ring_memory();
	ck_assert_int_eq(resize_somehow(_i, 3 * PAGE), -EBUSY);
	check_takes(fd, 'o', 1);
	ck_assert_int_eq(resize_somehow(_i, 3 * PAGE), -EBUSY);
	check_takes(fd, 'l', 1);
	ck_assert_int_eq(resize_somehow(_i, 3 * PAGE), -EBUSY);
	check_counts(fd, 2 * PAGE, 4, 6);
	ck_assert_uint_eq(ring_memory(), memory);
	check_takes(fd, 'd', 1);
	ck_assert_int_eq(resize_somehow(_i, 3 * PAGE), 0);
	check_counts(fd, 3 * PAGE, 3, 6);
	ck_assert_int_eq(resize_somehow(_i, PAGE), -EBUSY);
	check_reads(fd, "new");
	ck_assert_int_eq(resize_somehow(_i, PAGE), 0);
}
END_TEST

static void *resize_once(void *size)
{
	return (void *)(long)resize(0, *(size_t *)size);
}

START_TEST(one_of_two_resizes_at_once_is_ebusy)
{
	size_t other = 3 * PAGE;
	pthread_t thread;
	void *result;
	int fd, i;

	for (i = 0; i < 50; i++) {
		fd = new_buffer(PAGE);
		append_text("old");
		pthread_create(&thread, NULL, resize_once, &other);
		if (resize(0, 2 * PAGE)) {
			pthread_join(thread, &result);
			ck_assert_int_eq((long)result, 0);
			check_counts(fd, 3 * PAGE, 3, 3);
		} else {
			pthread_join(thread, &result);
			ck_assert_int_eq((long)result, -EBUSY);
			check_counts(fd, 2 * PAGE, 3, 3);
		}
		check_reads(fd, "old");
		ck_assert_uint_eq(ring_memory(), stats(fd).size);
		close(fd);
		destroy_buffer();
	}
}
END_TEST

/* From so many pages to so many */
static const struct { int from, to; } changes[] = {
	{ 1, 2 }, { 2, 1 }, { 1, 1 }, { 3, 7 }, { 7, 3 }, { 16, 1 },
	{ 1, 16 }, { 5, 4 },
};

#define CHANGES	((int)(sizeof(changes) / sizeof(*changes)))

/* Records until there is no room. Those that are stored are numbered. */
static void append_until_full(struct producer_run *records, size_t size)
{
	records->count = 1;
	records->size_min = size;
	records->size_max = size;
	do {
		run(records);
	} while (!records->last);
	ck_assert_int_eq(records->last, -ENOSPC);
}

static void take_records(int fd, struct stream *stream, size_t size)
{
	static char data[16 * PAGE];
	ssize_t got;

	while (size) {
		got = read(fd, data, size < sizeof(data) ? size : sizeof(data));
		ck_assert_int_gt(got, 0);
		stream_feed(stream, data, got);
		size -= got;
	}
}

/*
 * The old memory is full, and its bytes wrap. Then the new memory is
 * filled. All is read in pieces of one size.
 */
static void change_size(int fd, struct producer_run *records, int from, int to,
			size_t piece)
{
	struct stream *stream = stream_new();
	__u64 bytes, before;

	ck_assert_int_eq(resize(0, from * PAGE), 0);
	memset(stream->sequence, 0, sizeof(stream->sequence));
	records->sequence = 0;
	before = stats(fd).bytes;

	append_until_full(records, 1000);
	take_records(fd, stream, 2500);
	append_until_full(records, 300);
	append_until_full(records, 9);
	good_resize(to * PAGE);
	append_until_full(records, 700);
	append_until_full(records, 11);
	bytes = stats(fd).bytes;
	ck_assert_uint_gt(stats(fd).used, (from + to) * PAGE - 20);
	while (readable(fd) > (int)piece)
		take_records(fd, stream, piece);
	take_records(fd, stream, readable(fd));
	stream_end(stream);
	ck_assert_uint_eq(stream->records, records->sequence);
	ck_assert_uint_eq(stream->bytes, bytes - before);
	check_counts(fd, to * PAGE, 0, bytes);
	free(stream);
}

START_TEST(every_byte_is_read_in_order_first_the_old_then_the_new)
{
	static const size_t pieces[] = { 1 << 20, PAGE, 1001, 64, 7 };
	struct producer_run records = { .id = 3 };
	int fd = new_buffer(changes[_i].to * PAGE);
	unsigned int i;

	for (i = 0; i < sizeof(pieces) / sizeof(*pieces); i++)
		change_size(fd, &records, changes[_i].from, changes[_i].to,
			    pieces[i]);
	ck_assert_uint_eq(ring_memory(), changes[_i].to * PAGE);
}
END_TEST

/* Old bytes take no room in the new memory, and their going makes none. */
START_TEST(the_new_size_is_all_room_while_old_bytes_wait)
{
	size_t from = changes[_i].from * PAGE, to = changes[_i].to * PAGE;
	int fd = new_buffer(from);

	fill(0, from);
	lose(1);
	good_resize(to);
	check_counts(fd, to, from, from);
	check_room(to);
	check_counts(fd, to, from + to, from + to);
	ck_assert_uint_eq(stats(fd).highwater, from + to);
	check_takes(fd, 'x', 1);
	lose(1);
	check_takes(fd, 'x', from - 1);
	check_counts(fd, to, to, from + to);
	lose(1);
	check_takes(fd, 'x', 100);
	check_room(100);
	drain(fd);
	check_counts(fd, to, 0, from + to + 100);
	check_room(to);
}
END_TEST

START_TEST(a_resize_of_an_empty_buffer_gives_all_room)
{
	size_t from = changes[_i].from * PAGE, to = changes[_i].to * PAGE;
	int fd = new_buffer(from);

	fill(0, 1000);
	drain(fd);
	good_resize(to);
	ck_assert_uint_eq(ring_memory(), to);
	check_counts(fd, to, 0, 1000);
	check_room(to);
	check_takes(fd, 'x', to);
}
END_TEST

/* Producers may append much without a look at the room. */
START_TEST(after_a_shrink_no_record_overruns_the_smaller_memory)
{
	int fd = new_buffer(8 * PAGE);

	fill(0, 8 * PAGE);
	drain(fd);
	fill(0, 64);
	good_resize(PAGE);
	check_room(PAGE);
	check_counts(fd, PAGE, PAGE + 64, 9 * PAGE + 64);
	check_takes(fd, 'x', PAGE + 64);
}
END_TEST

START_TEST(a_record_as_large_as_the_new_size_fits_at_once)
{
	static char record[4 * PAGE];
	int fd = new_buffer(2 * PAGE);

	memset(record, 'y', sizeof(record));
	fill(0, 2 * PAGE);
	ck_assert_int_eq(append(0, record, 4 * PAGE), -EMSGSIZE);
	good_resize(4 * PAGE);
	ck_assert_int_eq(append(0, record, 4 * PAGE + 1), -EMSGSIZE);
	ck_assert_int_eq(append(0, record, 4 * PAGE), 0);
	check_takes(fd, 'x', 2 * PAGE);
	good_resize(PAGE);
	ck_assert_int_eq(append(0, record, PAGE + 1), -EMSGSIZE);
	ck_assert_int_eq(result_of(write(fd, record, PAGE + 1)), -EMSGSIZE);
	ck_assert_int_eq(append(0, record, PAGE), 0);
	check_takes(fd, 'y', 5 * PAGE);
	ck_assert_uint_eq(stats(fd).lost_records, 3);
	ck_assert_uint_eq(stats(fd).lost_bytes, 9 * PAGE + 2);
}
END_TEST

START_TEST(losses_have_their_places_across_a_resize)
{
	int fd = new_buffer(PAGE);

	fill(0, PAGE);
	lose(1);			/* at PAGE */
	good_resize(2 * PAGE);
	append_text("after");
	check_loss(fd, 1, 1, PAGE, PAGE);
	lose(2 * PAGE);			/* at PAGE + 5 */
	fill(0, 2 * PAGE - 5);
	lose(1);			/* at 3 * PAGE */
	check_loss(fd, 2, 2 * PAGE + 1, PAGE + 5, 3 * PAGE);
	check_takes(fd, 'x', PAGE);
	check_takes(fd, 'a', 1);
	read_all(fd, (char [4]) {}, 4);
	good_resize(PAGE);
	ck_assert_int_eq(append_record(0, PAGE + 1), -EMSGSIZE);
	fill(0, PAGE);
	lose(1);			/* at 4 * PAGE */
	drain(fd);
	check_loss(fd, 2, PAGE + 2, 3 * PAGE, 4 * PAGE);
}
END_TEST

START_TEST(memory_is_freed_with_its_last_byte)
{
	int fd = new_buffer(LARGE);

	append_text("old");
	good_resize(2 * PAGE);
	append_text("new");
	ck_assert_uint_eq(ring_memory(), LARGE + 2 * PAGE);
	check_takes(fd, 'o', 1);
	check_takes(fd, 'l', 1);
	ck_assert_uint_eq(ring_memory(), LARGE + 2 * PAGE);
	check_takes(fd, 'd', 1);
	ck_assert_uint_eq(ring_memory(), 2 * PAGE);
	check_reads(fd, "new");
}
END_TEST

START_TEST(destroy_frees_memory_that_was_not_read)
{
	int fd = new_buffer(LARGE);

	append_text("old");
	good_resize(LARGE / 2);
	append_text("new");
	ck_assert_uint_eq(ring_memory(), LARGE + LARGE / 2);
	destroy_buffer();
	close(fd);
	ck_assert_uint_eq(ring_memory(), 0);
}
END_TEST

START_TEST(after_destroy_comes_all_and_then_the_end)
{
	int fd = new_buffer(2 * PAGE);

	fill(0, 2 * PAGE);
	good_resize(PAGE);
	append_text("new");
	destroy_buffer();
	ck_assert_int_eq(readable(fd), 2 * PAGE + 3);
	check_takes(fd, 'x', 2 * PAGE);
	ck_assert_uint_eq(ring_memory(), PAGE);
	check_reads(fd, "new");
	check_reads(fd, "");
	close(fd);
	ck_assert_uint_eq(ring_memory(), 0);
}
END_TEST

START_TEST(resize_cuts_the_watermark_to_the_new_size)
{
	int fd = new_buffer(4 * PAGE);

	ck_assert_int_eq(set_watermark(fd, 3 * PAGE), 0);
	good_resize(8 * PAGE);
	ck_assert_uint_eq(watermark(fd), 3 * PAGE);
	good_resize(3 * PAGE);
	ck_assert_uint_eq(watermark(fd), 3 * PAGE);
	good_resize(2 * PAGE);
	ck_assert_uint_eq(watermark(fd), 2 * PAGE);
	ck_assert_uint_eq(sysfs_value(NUMBER, "watermark"), 2 * PAGE);
	good_resize(8 * PAGE);
	ck_assert_uint_eq(watermark(fd), 2 * PAGE);
	ck_assert_int_eq(set_watermark(fd, 8 * PAGE), 0);
	ck_assert_int_eq(set_watermark(fd, 8 * PAGE + 1), -EINVAL);
}
END_TEST

/* A write that sleeps, as the buffer is full */
static void start_sleeping_write(struct call *writer, int fd, const void *data,
				 size_t size)
{
	set_blocking(fd);
	call_start(writer, SYS_write, fd, (long)data, size);
	call_wait_asleep(writer);
}

START_TEST(a_blocked_writer_wakes_when_a_resize_makes_room)
{
	size_t from = changes[_i].from * PAGE, to = changes[_i].to * PAGE;
	int fd = new_buffer(from);
	struct call writer;

	fill(0, from);
	start_sleeping_write(&writer, fd, "text", 4);
	good_resize(to);
	ck_assert_int_eq(call_finish(&writer), 4);
	check_takes(fd, 'x', from);
	check_reads(fd, "text");
}
END_TEST

START_TEST(a_blocked_writer_whose_record_is_too_large_now_is_told)
{
	int fd = new_buffer(4 * PAGE);
	static char record[PAGE + 1];
	struct call writer;

	fill(0, 4 * PAGE);
	start_sleeping_write(&writer, fd, record, sizeof(record));
	good_resize(PAGE);
	ck_assert_int_eq(call_finish(&writer), -EMSGSIZE);
	check_counts(fd, PAGE, 4 * PAGE, 4 * PAGE);
	ck_assert_uint_eq(stats(fd).lost_records, 0);
}
END_TEST

START_TEST(a_poller_for_room_wakes_when_a_resize_makes_some)
{
	size_t from = changes[_i].from * PAGE, to = changes[_i].to * PAGE;
	struct pollfd pfd = { .fd = new_buffer(from), .events = POLLOUT };
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct call call;

	fill(0, from);
	ck_assert_int_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, pfd.fd, &event), 0);
	ck_assert_int_eq(epoll_wait(epoll, &event, 1, 0), 0);
	call_start(&call, SYS_ppoll, (long)&pfd, 1);
	call_wait_asleep(&call);
	good_resize(to);
	ck_assert_int_eq(call_finish(&call), 1);
	ck_assert_int_eq(pfd.revents, POLLOUT);
	ck_assert_int_eq(epoll_wait(epoll, &event, 1, PATIENCE_MS), 1);
	ck_assert_int_eq(event.events, EPOLLOUT);
}
END_TEST

START_TEST(a_reader_stuck_in_a_fault_holds_up_nobody)
{
	struct stuck_reader stuck;
	int number = create_buffer(0, 2 * PAGE);
	int fd = open_buffer(number, O_RDWR | O_NONBLOCK);

	append_text("abcdef");
	stuck_reader_start(&stuck, open_buffer(number, O_RDONLY), 4 + _i);
	good_resize(PAGE);
	check_counts(fd, PAGE, 6, 6);
	check_room(PAGE);
	check_counts(fd, PAGE, PAGE + 6, PAGE + 6);
	ck_assert_int_eq(resize(0, 3 * PAGE), -EBUSY);
	ck_assert_uint_eq(ring_memory(), 3 * PAGE);
	slow_page_fill(&stuck.slow);
	ck_assert_int_eq(call_finish(&stuck.call), 4 + _i);
	ck_assert_mem_eq(stuck.slow.page, "abcdef", 4 + _i);
	ck_assert_uint_eq(ring_memory(), _i == 2 ? PAGE : 3 * PAGE);
	read_all(fd, (char [2]) {}, 2 - _i);
	ck_assert_uint_eq(ring_memory(), PAGE);
	check_takes(fd, 'x', PAGE);
	ck_assert_int_eq(resize(0, 3 * PAGE), 0);
}
END_TEST

START_TEST(a_read_that_fails_takes_nothing_across_a_resize)
{
	struct stuck_reader stuck;
	int fd = new_buffer(2 * PAGE);

	append_text("old");
	stuck_reader_start(&stuck, fd, 3);
	good_resize(PAGE);
	append_text("new");
	slow_page_remove(&stuck.slow);
	ck_assert_int_eq(call_finish(&stuck.call), -EFAULT);
	check_counts(fd, PAGE, 6, 6);
	check_reads(fd, "oldnew");
	ck_assert_uint_eq(ring_memory(), PAGE);
}
END_TEST

START_TEST(destroy_goes_on_with_a_reader_stuck_in_old_memory)
{
	struct stuck_reader stuck;
	int fd = new_buffer(2 * PAGE);

	append_text("abc");
	stuck_reader_start(&stuck, fd, PAGE);
	good_resize(PAGE);
	append_text("def");
	destroy_buffer();
	slow_page_fill(&stuck.slow);
	ck_assert_int_eq(call_finish(&stuck.call), 3);
	ck_assert_mem_eq(stuck.slow.page, "abc", 3);
	check_reads(fd, "def");
	check_reads(fd, "");
	close(fd);
	ck_assert_uint_eq(ring_memory(), 0);
}
END_TEST

/* Each record is the whole room, and each refusal is without the lock. */
START_TEST(after_a_refusal_a_record_that_fits_the_new_size_is_stored)
{
	static char record[16 * PAGE];
	int fd = new_buffer(PAGE);
	int pages;

	for (pages = 2; pages <= 16; pages++) {
		fill(0, stats(fd).size);
		lose(1);
		good_resize(pages * PAGE);
		ck_assert_int_eq(append(0, record, pages * PAGE), 0);
		lose(1);
		drain(fd);
	}
}
END_TEST

struct appender {
	unsigned int cpu;
	size_t size;
	_Atomic int round;	/* that it appends in */
	_Atomic int done;
};

static void *append_each_round(void *arg)
{
	struct appender *appender = arg;
	int round;

	pin(appender->cpu);
	for (round = 1; round; round++) {
		while (appender->round < round)
			if (appender->round < 0)
				return NULL;
		ck_assert_int_eq(append_record(0, appender->size), 0);
		appender->done = round;
	}
	return NULL;
}

/*
 * Another CPU appends at the same time as the resize. Its record fits before and
 * after. But the old bytes in the new size would leave no room, as would the new
 * bytes in the old size.
 */
START_TEST(a_record_that_fits_is_not_refused_during_a_resize)
{
	static const struct { size_t from, to, before, after; } cases[] = {
		{ 16 * PAGE, PAGE, PAGE, 0 },
		{ PAGE, 16 * PAGE, 0, PAGE },
	};
	struct appender appender = { .cpu = cpus() - 1, .size = PAGE };
	__u64 end = now_ms() + 25 * MOMENT_MS * slowness();
	int fd = new_buffer(cases[_i].from);
	pthread_t thread;
	int round;

	pin(0);
	pthread_create(&thread, NULL, append_each_round, &appender);
	for (round = 1; round <= 1000 && now_ms() < end; round++) {
		fill(0, cases[_i].before);
		appender.round = round;
		good_resize(cases[_i].to);
		fill(0, cases[_i].after);
		wait_for(appender.done == round);
		drain(fd);
		good_resize(cases[_i].from);
	}
	appender.round = -1;
	pthread_join(thread, NULL);
	ck_assert_uint_eq(stats(fd).lost_records, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("resize");

	add_loop_case(suite, "arguments", 2,
		      a_new_size_is_rounded_up_to_whole_pages,
		      a_new_size_that_is_bad_is_einval,
		      resize_without_memory_is_enomem_and_nothing_changes,
		      resize_is_ebusy_until_the_last_byte_from_before_is_read);
	add_loop_case(suite, "client", PRODUCER_STATIC,
		      resize_of_client_memory_is_einval);
	add_case(suite, "refusals",
		 a_text_that_is_no_size_is_einval,
		 only_root_may_write_size,
		 one_of_two_resizes_at_once_is_ebusy);
	add_loop_case(suite, "sizes", CHANGES,
		      every_byte_is_read_in_order_first_the_old_then_the_new,
		      the_new_size_is_all_room_while_old_bytes_wait,
		      a_resize_of_an_empty_buffer_gives_all_room,
		      a_blocked_writer_wakes_when_a_resize_makes_room,
		      a_poller_for_room_wakes_when_a_resize_makes_some);
	add_case(suite, "records",
		 after_a_shrink_no_record_overruns_the_smaller_memory,
		 a_record_as_large_as_the_new_size_fits_at_once,
		 losses_have_their_places_across_a_resize,
		 after_a_refusal_a_record_that_fits_the_new_size_is_stored);
	add_case(suite, "memory",
		 memory_is_freed_with_its_last_byte,
		 destroy_frees_memory_that_was_not_read,
		 after_destroy_comes_all_and_then_the_end);
	add_case(suite, "wakeups",
		 resize_cuts_the_watermark_to_the_new_size,
		 a_blocked_writer_whose_record_is_too_large_now_is_told);
	add_loop_case(suite, "stuck", 3,
		      a_reader_stuck_in_a_fault_holds_up_nobody);
	add_case(suite, "faults",
		 a_read_that_fails_takes_nothing_across_a_resize,
		 destroy_goes_on_with_a_reader_stuck_in_old_memory);
	add_loop_case(suite, "races", 2,
		      a_record_that_fits_is_not_refused_during_a_resize);
	return run_suite(suite);
}
