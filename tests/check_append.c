// SPDX-License-Identifier: GPL-2.0-only
/* bufflink_append() and its siblings: records that are stored, and losses */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "device.h"

#define TEXT_MAX	512	/* of bufflink_printf() */
#define NEARLY_ALL	(SIZE_MAX - 1)	/* of the kernel, too */

/* Both laws: bytes = read + waiting, offered = stored + lost */
static void check_laws(int fd, __u64 records, __u64 bytes, __u64 lost_records,
		       __u64 lost_bytes)
{
	struct bufflink_stats now = stats(fd);

	ck_assert_uint_eq(now.records, records);
	ck_assert_uint_eq(now.bytes, bytes);
	ck_assert_uint_eq(now.bytes, now.bytes_read + now.used);
	ck_assert_uint_eq(now.lost_records, lost_records);
	ck_assert_uint_eq(now.lost_bytes, lost_bytes);
}

static void check_no_loss(int fd)
{
	check_loss(fd, 0, 0, 0, 0);
}

/* The buffer has the records of the producers, whole, and nothing else. */
static void check_stream(int fd, __u64 records)
{
	struct stream *stream = stream_new();
	size_t size = readable(fd);
	char *data = malloc(size);

	read_all(fd, data, size);
	stream_feed(stream, data, size);
	stream_end(stream);
	ck_assert_uint_eq(stream->records, records);
	free(data);
	free(stream);
}

/* One call of append, appendv or printf in the given context */
static struct producer_run one(enum producer_context context,
			       enum producer_call call, const char *text)
{
	struct producer_run one = {
		.context = context, .call = call, .pieces = 1, .count = 1,
		.data = (uintptr_t)text,
		.size_min = strlen(text), .size_max = strlen(text),
	};

	run(&one);
	return one;
}

START_TEST(append_works_in_every_context)
{
	struct producer_run records = {
		.context = _i, .count = 200, .size_min = 1, .size_max = 300,
		.seed = _i, .gap_us = 50, .burst = 3,
	};
	int fd = new_buffer(128 * 1024);

	set_probes();
	pin(0);
	run(&records);
	ck_assert_uint_eq(records.result.stored, 200);
	ck_assert_uint_eq(refused(&records.result), 0);
	check_laws(fd, 200, records.result.bytes, 0, 0);
	check_stream(fd, 200);
}
END_TEST

#define RIVAL_RECORDS	100
#define RIVAL_RECORD	(1 << 15)
#define RIVAL_BUFFER	(1 << 22)	/* room for all of them */

/* Keeps the lock busy with large records, and reads them if it has a file. */
struct rival {
	struct producer_run records;
	struct producer_result total;
	int fd;
	bool stop;
};

static const struct producer_run large_records = {
	.count = RIVAL_RECORDS,
	.size_min = RIVAL_RECORD, .size_max = RIVAL_RECORD,
};

static int append_until_told(void *arg)
{
	static char data[RIVAL_RECORDS * RIVAL_RECORD];
	struct rival *rival = arg;

	pin(1);
	while (!*(volatile bool *)&rival->stop) {
		run(&rival->records);
		add_result(&rival->total, &rival->records.result);
		if (rival->fd)
			read_all(rival->fd, data, sizeof(data));
	}
	return 0;
}

/* Reads until the end of file, so that there is room. */
static int read_to_end(void *fd)
{
	static char data[1 << 16];
	ssize_t got;

	while ((got = read(*(int *)fd, data, sizeof(data))) > 0)
		;
	return got;
}

/*
 * Runs @records on CPU 0 while CPU 1 keeps the lock busy with large ones, until
 * the lock could not be had 20 times (or was, in nested appends).
 */
static struct producer_result contend(struct producer_run *records)
{
	struct rival *rival = shared(sizeof(*rival));
	int fd = open_buffer(create_buffer(0, 1 << 20), O_RDONLY);
	struct producer_result nested = {}, all = {};
	pid_t reader, other;

	set_probes();
	reader = start(read_to_end, &fd);
	rival->records = large_records;
	other = start(append_until_told, rival);
	pin(0);
	while (offered(&nested) + all.busy < 20) {
		run(records);
		add_result(&all, &records->result);
		add_result(&nested, &records->nested);
	}
	rival->stop = true;
	ck_assert_int_eq(finish(other), 0);
	add_result(&all, &nested);
	add_result(&all, &rival->total);
	if (records->size_max == NEARLY_ALL)
		all.lost_bytes = UINT64_MAX;
	check_laws(fd, all.stored, all.bytes, refused(&all), all.lost_bytes);
	destroy_buffer();
	ck_assert_int_eq(finish(reader), 0);
	return nested;
}

static struct producer_result contend_nested(enum producer_context context)
{
	struct producer_run records = {
		.context = context, .count = 2000, .gap_us = 20,
		.size_min = 64, .size_max = 64,
	};

	return contend(&records);
}

/*
 * -EBUSY nested inside an append on the same CPU, when the lock is taken; but
 * for that there must be room
 */
START_TEST(append_nested_in_one_that_has_the_lock_is_EBUSY)
{
	struct producer_result nested = contend_nested(PRODUCER_NESTED);

	ck_assert_uint_gt(nested.busy, 0);
	ck_assert_uint_eq(nested.busy + nested.nospc, offered(&nested));
}
END_TEST

START_TEST(append_nested_in_one_that_waits_for_the_lock_does_not_wait)
{
	struct producer_result nested = contend_nested(PRODUCER_WAITING);

	ck_assert_uint_gt(nested.busy, 0);
}
END_TEST

/* NMIs on the CPU that has the lock, and on one that has not */
START_TEST(append_in_NMI_that_cannot_have_the_lock_is_EBUSY)
{
	struct producer_run records = {
		.context = PRODUCER_NMI, .cpu = _i, .count = 100,
		.size_min = 64, .size_max = 64,
	};

	contend(&records);
}
END_TEST

/*
 * That there is no room need not be heard under the lock, however busy. (With
 * 32 bits, not by records so large.)
 */
START_TEST(append_that_finds_no_room_does_not_wait_for_the_lock)
{
	struct rival *rival = shared(sizeof(*rival));
	struct producer_run records = {
		.context = PRODUCER_WAITING, .count = 2000, .gap_us = 20,
		.size_min = RIVAL_BUFFER, .size_max = RIVAL_BUFFER,
	};
	int fd = new_buffer(RIVAL_BUFFER);
	pid_t other;

	set_probes();
	append_text("so it is never empty");
	rival->fd = fd;
	rival->records = large_records;
	other = start(append_until_told, rival);
	pin(0);
	do {
		run(&records);
		ck_assert_uint_eq(records.result.nospc, records.count);
		ck_assert_uint_eq(offered(&records.nested), 0);
	} while (rival->total.stored < 20 * RIVAL_RECORDS);
	rival->stop = true;
	ck_assert_int_eq(finish(other), 0);
}
END_TEST

START_TEST(append_is_all_or_nothing)
{
	int fd = new_client_buffer(10);
	struct producer_run vector;

	append_text("123456");
	ck_assert_int_eq(append(0, "abcde", 5), -ENOSPC);
	vector = one(PRODUCER_PROCESS, PRODUCER_APPENDV, "abcdef");
	ck_assert_int_eq(vector.last, -ENOSPC);
	ck_assert_int_eq(readable(fd), 6);
	append_text("7890");
	check_reads(fd, "1234567890");
	ck_assert_int_eq(readable(fd), 0);
}
END_TEST

START_TEST(record_larger_than_the_buffer_is_EMSGSIZE)
{
	int fd = new_client_buffer(10);

	ck_assert_int_eq(append(0, "12345678901", 11), -EMSGSIZE);
	append_text("1234567890");
	ck_assert_int_eq(append(0, "12345678901", 11), -EMSGSIZE);
	ck_assert_int_eq(append(0, "1", 1), -ENOSPC);
	check_laws(fd, 1, 10, 3, 23);
	check_reads(fd, "1234567890");
}
END_TEST

/* also where the sum of all pieces has no bits left */
START_TEST(sizes_that_no_memory_has_are_EMSGSIZE)
{
	static const __u64 sizes[] = {
		PRODUCER_RECORD_MAX + 1, 1ull << 31, 1ull << 32,
		(1ull << 32) + 1, 1ull << 62, 1ull << 63, ~0ull,
	};
	struct producer_run records = {
		.call = _i < 7 ? PRODUCER_APPEND : PRODUCER_APPENDV,
		.pieces = 8, .count = 1,
		.size_min = sizes[_i % 7], .size_max = sizes[_i % 7],
	};
	int fd = new_buffer(0);

	append_text("kept");
	run(&records);
	ck_assert_int_eq(records.last, -EMSGSIZE);
	ck_assert_uint_eq(stats(fd).lost_records, 1);
	check_reads(fd, "kept");
}
END_TEST

/* Sizes near SIZE_MAX, where with 64 bits two are more than there can be. */
START_TEST(lost_bytes_stop_at_the_largest_number)
{
	struct producer_run records = {
		.call = _i % 2 ? PRODUCER_APPENDV : PRODUCER_APPEND,
		.context = _i / 2 ? PRODUCER_NMI : PRODUCER_PROCESS,
		.pieces = 1, .count = 1,
		.size_min = NEARLY_ALL, .size_max = NEARLY_ALL,
	};
	__u64 two = sizeof(long) == 8 ? UINT64_MAX : 2ull * NEARLY_ALL;
	int fd = new_client_buffer(10);
	struct bufflink_loss report;

	run(&records);
	ck_assert_int_eq(records.last, -EMSGSIZE);
	check_laws(fd, 0, 0, 1, NEARLY_ALL);
	run(&records);
	check_laws(fd, 0, 0, 2, two);
	ck_assert_uint_eq(sysfs_value(NUMBER, "lost_bytes"), two);

	fill(0, 10);
	lose(7);
	report = loss(fd);
	two = sizeof(long) == 8 ? UINT64_MAX : two + 7;
	ck_assert_uint_eq(report.records, 3);
	ck_assert_uint_eq(report.bytes, two);
	check_laws(fd, 1, 10, 3, two);

	/* The next report counts from 0. Counts that only grow do not fall. */
	lose(7);
	check_loss(fd, 1, 7, 10, 10);
	two = sizeof(long) == 8 ? UINT64_MAX : two + 7;
	check_laws(fd, 1, 10, 4, two);
}
END_TEST

/* The pieces alone may be more than there can be: so is their sum. */
START_TEST(lost_bytes_of_appendv_stop_at_the_largest_number)
{
	struct producer_run records = {
		.call = PRODUCER_APPENDV, .pieces = 8, .count = 3,
		.size_min = NEARLY_ALL, .size_max = NEARLY_ALL,
	};
	__u64 bytes = sizeof(long) == 8 ? UINT64_MAX : 3ull * SIZE_MAX;
	int fd = new_client_buffer(10);

	run(&records);
	ck_assert_int_eq(records.last, -EMSGSIZE);
	check_laws(fd, 0, 0, 3, bytes);
	check_loss(fd, 3, bytes, 0, 0);
}
END_TEST

/* ... and where the lock could not be had. */
START_TEST(lost_bytes_in_NMI_stop_at_the_largest_number)
{
	struct producer_run records = {
		.context = PRODUCER_NMI, .cpu = 1, .count = 100,
		.size_min = NEARLY_ALL, .size_max = NEARLY_ALL,
	};

	contend(&records);
}
END_TEST

/* A report that could not be copied joins the next one. */
START_TEST(a_report_that_could_not_be_copied_stops_at_the_largest_number)
{
	struct producer_run records = {
		.count = 1, .size_min = NEARLY_ALL, .size_max = NEARLY_ALL,
	};
	__u64 bytes = sizeof(long) == 8 ? UINT64_MAX : 2ull * NEARLY_ALL;
	int fd = new_client_buffer(10);
	struct slow_page slow = slow_page();
	struct call report;

	run(&records);
	call_start(&report, SYS_ioctl, fd, BUFFLINK_GETLOSS, (long)slow.page);
	slow_page_wait_touched(&slow);
	run(&records);
	slow_page_remove(&slow);
	ck_assert_int_eq(call_finish(&report), -EFAULT);
	check_loss(fd, 2, bytes, 0, 0);
}
END_TEST

START_TEST(append_of_size_0_stores_nothing_and_returns_0)
{
	int fd = new_client_buffer(1);

	ck_assert_int_eq(append(0, "", 0), 0);
	ck_assert_int_eq(one(0, PRODUCER_APPENDV, "").last, 0);
	ck_assert_int_eq(one(0, PRODUCER_PRINTF, "").last, 0);
	fill(0, 1);
	ck_assert_int_eq(append(0, "", 0), 0);
	check_laws(fd, 1, 1, 0, 0);
}
END_TEST

/* One record of producer 0, by append and appendv in turn, is read back. */
static void check_next_record(int fd, struct stream *stream, size_t size)
{
	__u32 sequence = stream->sequence[0];
	struct producer_run record = {
		.call = sequence % 2 ? PRODUCER_APPENDV : PRODUCER_APPEND,
		.pieces = 1 + sequence % 8, .count = 1, .sequence = sequence,
		.size_min = size, .size_max = size,
	};
	char data[64];

	run(&record);
	ck_assert_int_eq(record.last, 0);
	read_all(fd, data, size);
	stream_feed(stream, data, size);
	stream_end(stream);
}

/* Every size at every offset, of a ring of odd or even size that was full */
START_TEST(records_are_whole_wherever_they_wrap)
{
	size_t ring = 8 + _i;
	int fd = new_client_buffer(ring);
	struct stream *stream = stream_new();
	size_t size;
	size_t i;

	fill(0, ring);
	drain(fd);
	for (size = 1; size <= ring; size++)
		for (i = 0; i <= 2 * ring; i++)
			check_next_record(fd, stream, size);
}
END_TEST

START_TEST(appendv_makes_one_record)
{
	struct producer_run records = {
		.call = PRODUCER_APPENDV, .pieces = 1 + _i, .count = 1,
		.data = (uintptr_t)"header, payload", .size_min = 15,
		.size_max = 15,
	};
	int fd = new_buffer(0);

	run(&records);
	ck_assert_int_eq(records.last, 0);
	check_laws(fd, 1, 15, 0, 0);
	check_reads(fd, "header, payload");
}
END_TEST

/* Some of the pieces are empty. */
START_TEST(appendv_takes_empty_pieces)
{
	struct producer_run records = {
		.call = PRODUCER_APPENDV, .pieces = 8, .count = 1,
		.data = (uintptr_t)"abc", .size_min = 3, .size_max = 3,
	};
	int fd = new_buffer(0);

	run(&records);
	check_laws(fd, 1, 3, 0, 0);
	check_reads(fd, "abc");
}
END_TEST

START_TEST(appendv_of_no_pieces_stores_nothing)
{
	struct producer_run records = {
		.call = PRODUCER_APPENDV, .pieces = 0, .count = 1,
		.data = (uintptr_t)"abc", .size_min = 3, .size_max = 3,
	};
	int fd = new_buffer(0);

	run(&records);
	ck_assert_int_eq(records.last, 0);
	check_laws(fd, 0, 0, 0, 0);
}
END_TEST

START_TEST(printf_formats_one_record)
{
	enum producer_context context = _i;
	int fd = new_buffer(0);

	ck_assert_int_eq(one(context, PRODUCER_PRINTF, "text\n").last, 0);
	check_laws(fd, 1, 5, 0, 0);
	check_reads(fd, "text\n");
}
END_TEST

START_TEST(printf_is_cut_at_512_bytes)
{
	static const size_t lengths[] = { 511, 512, 513, 1000 };
	size_t length = lengths[_i];
	size_t expected = length < TEXT_MAX ? length : TEXT_MAX;
	char text[1001] = "";
	int fd = new_buffer(0);

	memset(text, 'x', length - 1);
	text[length - 1] = 'y';
	ck_assert_int_eq(one(0, PRODUCER_PRINTF, text).last, 0);
	text[expected] = '\0';
	check_laws(fd, 1, expected, 0, 0);
	check_reads(fd, text);
}
END_TEST

START_TEST(printf_stores_all_or_nothing)
{
	int fd = new_client_buffer(10);

	append_text("1234567");
	ck_assert_int_eq(one(0, PRODUCER_PRINTF, "abcd").last, -ENOSPC);
	ck_assert_int_eq(one(0, PRODUCER_PRINTF, "12345678901").last,
			 -EMSGSIZE);
	check_laws(fd, 1, 7, 2, 15);
	check_reads(fd, "1234567");
}
END_TEST

/* Position = bytes appended since creation, read or not. */
START_TEST(loss_has_the_place_of_the_first_and_the_last)
{
	int fd = new_client_buffer(10);

	check_no_loss(fd);
	append_text("12345678");
	lose(3);
	lose(4);
	append_text("9");
	check_reads(fd, "123456789");
	append_text("abcdefghij");
	lose(1);
	check_loss(fd, 3, 8, 8, 19);
	check_no_loss(fd);
	lose(2);
	check_loss(fd, 1, 2, 19, 19);
	check_laws(fd, 3, 19, 4, 10);
}
END_TEST

#define END_OF_LONG	(1ull << 32)	/* where it has 32 bits */
#define BULK		16

/* A record that ends beyond the last value of head and tail, and the next ones */
START_TEST(positions_go_past_4_GiB)
{
	static const char record[PRODUCER_RECORD_MAX];
	struct producer_run bulk = {
		.count = BULK, .data = (uintptr_t)record,
		.size_min = sizeof(record), .size_max = sizeof(record),
	};
	struct producer_run records = {
		.count = 20, .size_min = 100, .size_max = 100,
	};
	__u64 end = END_OF_LONG - 50 + 20 * 100;
	int fd = new_buffer(BULK * sizeof(record));
	unsigned int i;

	for (i = 1; i < END_OF_LONG / (BULK * sizeof(record)); i++) {
		run(&bulk);
		drain(fd);
	}
	fill(0, BULK * sizeof(record) - 50);
	drain(fd);
	run(&records);
	ck_assert_uint_eq(stats(fd).bytes, end);
	ck_assert_uint_eq(stats(fd).used, 20 * 100);
	check_stream(fd, 20);
	ck_assert_uint_eq(stats(fd).bytes_read, end);
	ck_assert_int_eq(append_record(0, BULK * sizeof(record) + 1),
			 -EMSGSIZE);
	check_loss(fd, 1, BULK * sizeof(record) + 1, end, end);
}
END_TEST

/* Also where nobody looks at it meanwhile: more than any word can hold */
START_TEST(lost_bytes_are_counted_past_4_GiB)
{
	unsigned int size = _i ? PRODUCER_RECORD_MAX : RIVAL_RECORD;
	struct producer_run records = {
		.count = (5ULL << 30) / size, .size_min = size, .size_max = size,
	};
	int fd = new_buffer(size);

	append_text("x");
	run(&records);
	check_laws(fd, 1, 1, records.count, 5ULL << 30);
}
END_TEST

/* Of every kind: the loss of one context is as good as that of another. */
START_TEST(loss_is_counted_in_every_context)
{
	struct producer_run records = {
		.context = _i, .count = 50, .size_min = 20, .size_max = 20,
		.gap_us = 50,
	};
	int fd = new_client_buffer(30);

	set_probes();
	pin(0);
	append_text("12345678901");
	run(&records);
	ck_assert_uint_eq(records.result.nospc, 50);
	check_laws(fd, 1, 11, 50, 1000);
	check_loss(fd, 50, 1000, 11, 11);
	check_reads(fd, "12345678901");
}
END_TEST

static int append_many(void *arg)
{
	struct producer_run *records = arg;

	pin(records->context == PRODUCER_NMI ? !records->cpu : records->cpu);
	run(records);
	return 0;
}

#define CROWD	(3 + PRODUCER_NMIS)

/* In one total order, whole, never interleaved; NMIs come in between. */
START_TEST(records_of_all_cpus_and_contexts_are_in_one_order)
{
	struct producer_run *runs = shared(CROWD * sizeof(*runs));
	struct stream *stream = stream_new();
	int fd = new_client_buffer(200 * 1000 + 1);
	static char data[1 << 16];
	__u64 stored = 0, bytes = 0, lost = 0, lost_bytes = 0;
	pid_t children[CROWD];
	ssize_t got;
	int i;

	for (i = 0; i < CROWD; i++) {
		runs[i] = (struct producer_run) {
			.context = i < 2 ? PRODUCER_PROCESS :
				   i < 3 ? PRODUCER_HARDIRQ : PRODUCER_NMI,
			.id = 2 * i, .cpu = i % 2, .gap_us = i < 2 ? 0 : 100,
			.count = i < 2 ? 20000 : 1000,
			.size_min = 1, .size_max = 2000, .seed = i,
		};
		children[i] = start(append_many, &runs[i]);
	}
	for (i = 0; i < CROWD; ) {
		if (finished(children[i], 0))
			i++;
		while ((got = read(fd, data, sizeof(data))) > 0)
			stream_feed(stream, data, got);
	}
	stream_end(stream);
	for (i = 0; i < CROWD; i++) {
		ck_assert_int_eq(finish(children[i]), 0);
		ck_assert_uint_eq(offered(&runs[i].result), runs[i].count);
		stored += runs[i].result.stored;
		bytes += runs[i].result.bytes;
		lost += refused(&runs[i].result);
		lost_bytes += runs[i].result.lost_bytes;
	}
	ck_assert_uint_eq(stream->records, stored);
	check_laws(fd, stored, bytes, lost, lost_bytes);
	ck_assert_int_eq(destroy(0), 0);
}
END_TEST

/*
 * An append to a plain buffer calls these, and inline functions. A probe that hits
 * within the handler of another is left out: bufflink_count_missed() is called there
 * only.
 */
static const char * const called[] = {
	"bufflink:bufflink_append_slow",
	"bufflink:bufflink_append_locked",
	"bufflink:bufflink_store_or_lose",
	"bufflink:bufflink_store_slow",
	"bufflink:bufflink_commit_slow",
	"bufflink:bufflink_fold",
	"bufflink:bufflink_queue_data_wakeup",
	"bufflink:bufflink_count_lost",
	"bufflink:bufflink_set_loss_flags",
	"bufflink:bufflink_queue_loss_wakeup",
};

#define CALLED	(sizeof(called) / sizeof(*called))

/* A waiter, a wrap, a full buffer, a record too large: all calls are made. */
static void append_in_all_ways(int fd, int epoll, struct producer_result *all)
{
	struct producer_run records = {
		.count = 30, .size_min = 10, .size_max = 10,
	};
	struct producer_run large = {
		.count = 1, .size_min = 101, .size_max = 101,
	};
	struct epoll_event event;

	drain(fd);
	loss(fd);
	ck_assert_int_ge(epoll_wait(epoll, &event, 1, 0), 0);
	run(&records);
	run(&large);
	add_result(all, &records.result);
	add_result(all, &large.result);
}

START_TEST(an_append_by_a_probe_inside_an_append_is_counted)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLPRI | EPOLLET };
	int fd = new_client_buffer(100);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct producer_result all = { };
	struct producer_probe probe;
	int i;

	pin(0);
	ck_assert_int_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
	append_from_probe(called[_i]);
	for (i = 0; i < 20; i++)
		append_in_all_ways(fd, epoll, &all);
	probe = append_from_probe("");
	ck_assert_uint_gt(probe.stored + probe.lost, 0);
	check_laws(fd, all.stored + probe.stored, all.bytes + probe.stored,
		   refused(&all) + probe.lost, all.lost_bytes + probe.lost);
}
END_TEST

START_TEST(append_itself_cannot_be_probed)
{
	static const char * const names[] = {
		"bufflink:bufflink_append", "bufflink:bufflink_appendv",
	};
	struct producer_probe probe = { };

	new_client_buffer(100);
	strcpy(probe.function, names[_i]);
	ck_assert_int_eq(result_of(ioctl(producer, PRODUCER_PROBE, &probe)),
			 -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("append");

	add_loop_case(suite, "contexts", PRODUCER_CONTEXTS,
		      append_works_in_every_context,
		      loss_is_counted_in_every_context);
	add_case(suite, "nested",
		 append_nested_in_one_that_has_the_lock_is_EBUSY,
		 append_nested_in_one_that_waits_for_the_lock_does_not_wait);
	add_loop_case(suite, "probes", CALLED,
		      an_append_by_a_probe_inside_an_append_is_counted);
	add_loop_case(suite, "no probes", 2, append_itself_cannot_be_probed);
	add_loop_case(suite, "full", sizeof(long) == 8,
		      append_that_finds_no_room_does_not_wait_for_the_lock);
	add_loop_case(suite, "NMI", 2 * PRODUCER_NMIS,
		      append_in_NMI_that_cannot_have_the_lock_is_EBUSY);
	add_case(suite, "append", append_is_all_or_nothing,
		 record_larger_than_the_buffer_is_EMSGSIZE,
		 append_of_size_0_stores_nothing_and_returns_0,
		 loss_has_the_place_of_the_first_and_the_last,
		 records_of_all_cpus_and_contexts_are_in_one_order);
	add_loop_case(suite, "long", sizeof(long) == 4,
		      positions_go_past_4_GiB);
	add_loop_case(suite, "long loss", 2, lost_bytes_are_counted_past_4_GiB);
	add_loop_case(suite, "absurd", 14, sizes_that_no_memory_has_are_EMSGSIZE);
	add_loop_case(suite, "sums", 2 + 2 * PRODUCER_NMIS,
		      lost_bytes_stop_at_the_largest_number);
	add_case(suite, "sums of pieces",
		 lost_bytes_of_appendv_stop_at_the_largest_number,
		 a_report_that_could_not_be_copied_stops_at_the_largest_number);
	add_loop_case(suite, "sums of NMIs",
		      PRODUCER_NMIS && sizeof(long) == 8,
		      lost_bytes_in_NMI_stop_at_the_largest_number);
	add_loop_case(suite, "wrap", slowness() > 1 ? 4 : 12,
		      records_are_whole_wherever_they_wrap);
	add_loop_case(suite, "appendv", 8, appendv_makes_one_record);
	add_case(suite, "pieces", appendv_takes_empty_pieces,
		 appendv_of_no_pieces_stores_nothing);
	add_loop_case(suite, "printf", PRODUCER_HARDIRQ + 1,
		      printf_formats_one_record);
	add_loop_case(suite, "printf cut", 4, printf_is_cut_at_512_bytes);
	add_case(suite, "printf whole", printf_stores_all_or_nothing);
	return run_suite(suite);
}
