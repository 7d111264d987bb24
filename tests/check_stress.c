// SPDX-License-Identifier: GPL-2.0-only
/*
 * All at once: producers in all contexts on two CPUs, programs that write,
 * several readers, resizes; every record is checked, and both conservation laws.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "device.h"

#define READERS		3
#define PRODUCERS	(2 * PRODUCER_CONTEXTS)
#define WRITER_ID	(2 * PRODUCERS)
#define SIZE		20011	/* of the buffer: no power of two, prime */
#define SMALL		1000	/* of most records, so that many fit */
#define GOAL		150000	/* records read, if no variable says more */
#define RESIZED_GOAL	60000	/* the same while the size changes */
#define SHARED_GOAL	60000
#define SHARED_SIZE	48	/* of each of these */
#define SHARED_MAX	(1 << 20)	/* of one producer */
#define SECONDS		240

struct load {
	struct producer_run run;
	struct producer_result total;
	size_t size_max;
	unsigned int cpu;	/* the caller's */
	pthread_t thread;
};

struct reader {
	int fd;
	unsigned int seed;
	pthread_t thread;
};

static struct load loads[PRODUCERS];
static struct reader readers[READERS];
static struct producer_result written;
static struct stream *stream;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static volatile bool stop;
static int device;

/* Small ones most often */
static size_t draw_size(unsigned int *seed, size_t max)
{
	size_t size = 1 + rand_r(seed) % (2 << rand_r(seed) % 15);

	return size < max ? size : max;
}

/* Runs of small records, and now and then one of all sizes */
static size_t draw_size_max(const struct load *load)
{
	if (load->size_max > SMALL && load->run.seed % 8)
		return SMALL;
	return load->size_max;
}

static void *produce(void *arg)
{
	struct load *load = arg;

	pin(load->cpu);
	setpriority(PRIO_PROCESS, gettid(), 5);	/* or the reader gets no CPU */
	while (!stop) {
		load->run.size_max = draw_size_max(load);
		run(&load->run);
		add_result(&load->total, &load->run.result);
		add_result(&load->total, &load->run.nested);
		load->run.seed++;
		if (load->run.result.nospc)
			poll_for(device, POLLOUT, 10);
	}
	return NULL;
}

/* Records of a program take part, but are never lost. */
static void *write_records(void *arg)
{
	static char record[SIZE];
	__u32 sequence = 0;
	unsigned int seed = 1;
	size_t size;

	(void)arg;
	while (!stop) {
		size = draw_size(&seed, SMALL);
		make_record(record, WRITER_ID, sequence++, size);
		ck_assert_int_eq(result_of(write(device, record, size)), size);
		written.stored++;
		written.bytes += size;
	}
	return NULL;
}

static void start_thread(pthread_t *thread, void *(*work)(void *arg), void *arg)
{
	ck_assert_int_eq(pthread_create(thread, NULL, work, arg), 0);
}

static void end_thread(pthread_t thread)
{
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

static void start_load(int i, enum producer_context context, unsigned int cpu,
		       size_t size_min, size_t size_max)
{
	struct load *load = &loads[i];
	bool timer = context == PRODUCER_SOFTIRQ || context == PRODUCER_HARDIRQ;

	load->cpu = cpu;
	load->size_max = size_max;
	load->run = (struct producer_run) {
		.context = context, .id = 2 * i, .seed = i,
		.call = context % 2 ? PRODUCER_APPENDV : PRODUCER_APPEND,
		.pieces = 1 + i % 8, .count = 50,
		.gap_us = timer ? 300 : 0, .burst = timer ? 25 : 1,
		.size_min = size_min,
	};
	if (context == PRODUCER_NMI) {
		load->run.cpu = cpu;
		load->cpu = !cpu;
	}
	start_thread(&load->thread, produce, load);
}

static void start_readers(void *(*work)(void *arg), int number)
{
	int i;

	for (i = 0; i < READERS; i++) {
		readers[i].fd = open_buffer(number, O_RDONLY |
						    (i ? O_NONBLOCK : 0));
		readers[i].seed = i;
		start_thread(&readers[i].thread, work, &readers[i]);
	}
}

/* As read(2), and when there is nothing, waits until there is. */
static ssize_t read_some(struct reader *reader, void *data, size_t size)
{
	ssize_t got = read(reader->fd, data, size);

	if (got < 0) {
		ck_assert_int_eq(errno, EAGAIN);
		ck_assert_int_ne(poll_for(reader->fd, POLLIN, -1), 0);
	}
	return got;
}

/* A reader also checks before the next one reads: that keeps the order. */
static void *read_in_turns(void *arg)
{
	static __thread char data[SIZE];
	struct reader *reader = arg;
	size_t size;
	ssize_t got;

	do {
		pthread_mutex_lock(&turn);
		size = draw_size(&reader->seed, SIZE);
		if (rand_r(&reader->seed) % 2)
			size += rand_r(&reader->seed) % (SIZE - size + 1);
		got = read_some(reader, data, size);
		if (got > 0)
			stream_feed(stream, data, got);
		pthread_mutex_unlock(&turn);
	} while (got);
	return NULL;
}

static void wait_all_read(void)
{
	wait_for(!readable(device));
}

/* Bytes = read + waiting; offered = stored + lost. Nothing is left to read. */
static void check_laws(__u64 reported)
{
	struct producer_result all = written;
	struct bufflink_stats now = stats(device);
	int i;

	for (i = 0; i < PRODUCERS; i++)
		add_result(&all, &loads[i].total);
	ck_assert_uint_eq(now.records, all.stored);
	ck_assert_uint_eq(now.bytes, all.bytes);
	ck_assert_uint_eq(now.bytes_read, all.bytes);
	ck_assert_uint_eq(now.used, 0);
	ck_assert_uint_eq(now.lost_records, refused(&all));
	ck_assert_uint_eq(now.lost_bytes, all.lost_bytes);
	ck_assert_uint_eq(reported, refused(&all));
}

/* Reports of loss come in the order of the stream. */
static __u64 take_loss(void)
{
	static __u64 last;
	struct bufflink_loss report = loss(device);

	if (report.records) {
		ck_assert_uint_le(last, report.first);
		ck_assert_uint_le(report.first, report.last);
		ck_assert_uint_le(report.last, stats(device).bytes);
		last = report.last;
	}
	return report.records;
}

static void end_readers(void)
{
	int i;

	ck_assert_int_eq(destroy(0), 0);
	for (i = 0; i < READERS; i++)
		end_thread(readers[i].thread);
}

/* All records of all producers and a writer, until so many are read */
static void check_stream(int number, __u64 goal, void (*meanwhile)(void))
{
	pthread_t writer;
	__u64 reported = 0;
	int i;

	set_probes();
	stream = stream_new();
	device = open_buffer(number, O_RDWR);
	start_readers(read_in_turns, number);
	for (i = 0; i < PRODUCERS; i++)
		start_load(i, i / 2, i % 2, 1, SIZE);
	start_thread(&writer, write_records, NULL);

	while (*(volatile __u64 *)&stream->records < goal / slowness()) {
		reported += take_loss();
		meanwhile();
	}
	stop = true;
	for (i = 0; i < PRODUCERS; i++)
		end_thread(loads[i].thread);
	end_thread(writer);
	wait_all_read();
	reported += take_loss();
	check_laws(reported);
	end_readers();
	stream_end(stream);
	ck_assert_uint_eq(stream->records, stats(device).records);
	ck_assert_uint_eq(stream->bytes, stats(device).bytes);
}

static void pause_a_while(void)
{
	pause_ms(10);
}

START_TEST(every_record_of_all_producers_is_right)
{
	struct producer_create made = create(0, PRODUCER_VMALLOC, SIZE, -1);
	const char *text = getenv("records");	/* APPEND=records=1000000 */

	check_stream(made.number, text ? strtoull(text, NULL, 10) * slowness() :
		     GOAL, pause_a_while);
}
END_TEST

static unsigned int resizes;

/* One that is too early changes nothing. */
static void resize_at_random(void)
{
	static unsigned int seed = 1;
	size_t size = 1 + rand_r(&seed) % (rand_r(&seed) % 2 ? SIZE : PAGE);
	int err = resize(0, size);

	if (err)
		ck_assert_int_eq(err, -EBUSY);
	else
		resizes++;
	pause_ms(rand_r(&seed) % 3);
}

START_TEST(every_record_is_right_while_the_size_changes)
{
	check_stream(create_buffer(0, SIZE), RESIZED_GOAL, resize_at_random);
	ck_assert_uint_gt(resizes, 100 / slowness());
}
END_TEST

/* Which records were read, of each producer; by whom does not matter */
static bool seen[PRODUCERS][SHARED_MAX];
static __u64 total_seen;

static void see(const __u8 *record)
{
	__u32 id = record[0] >> 3;
	__u32 sequence = record[4] | record[5] << 8 | record[6] << 16 |
			 (__u32)record[7] << 24;
	__u8 expected[SHARED_SIZE];

	ck_assert_uint_lt(sequence, SHARED_MAX);
	make_record(expected, id, sequence, SHARED_SIZE);
	ck_assert_mem_eq(record, expected, SHARED_SIZE);
	ck_assert(!__atomic_exchange_n(&seen[id / 2][sequence], true,
				       __ATOMIC_RELAXED));
	__atomic_fetch_add(&total_seen, 1, __ATOMIC_RELAXED);
}

/* All records have one size here, so a read never ends within one. */
static void *read_at_once(void *arg)
{
	static __thread __u8 data[64 * SHARED_SIZE];
	struct reader *reader = arg;
	size_t records;
	ssize_t got;
	ssize_t i;

	do {
		records = 1 + rand_r(&reader->seed) % 64;
		got = read_some(reader, data, records * SHARED_SIZE);
		for (i = 0; i < got; i += SHARED_SIZE)
			see(data + i);
	} while (got);
	return NULL;
}

START_TEST(every_record_goes_to_exactly_one_reader)
{
	int number = create_buffer(0, 2 * PAGE);
	int i;

	stream = stream_new();
	device = open_buffer(number, O_RDWR);
	start_readers(read_at_once, number);
	for (i = 0; i < 4; i++)
		start_load(i, i / 2 * PRODUCER_HARDIRQ, i % 2, SHARED_SIZE,
			   SHARED_SIZE);
	while (__atomic_load_n(&total_seen, __ATOMIC_RELAXED) <
	       SHARED_GOAL / slowness())
		pause_ms(10);
	stop = true;
	for (i = 0; i < 4; i++)
		end_thread(loads[i].thread);
	wait_all_read();
	check_laws(take_loss());
	end_readers();
	ck_assert_uint_eq(total_seen, stats(device).records);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stress");
	TCase *tcase = tcase_create("stress");

	tcase_add_checked_fixture(tcase, producer_setup, producer_teardown);
	tcase_set_timeout(tcase, SECONDS);
	tcase_add_test(tcase, every_record_goes_to_exactly_one_reader);
	tcase_add_test(tcase, every_record_of_all_producers_is_right);
	tcase_add_test(tcase, every_record_is_right_while_the_size_changes);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
