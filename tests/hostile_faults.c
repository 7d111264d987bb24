// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each allocation and each copy from or to user memory that a call makes is
 * failed in turn. A call fails as documented or does its work; either way it
 * leaves nothing behind, loses and repeats no byte, and works at the next try.
 *
 * For a kernel with failslab, fail_page_alloc and fail_usercopy.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "device.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define NEVER			1000000
#define ERRNOS			(EHWPOISON + 1)
#define RECORD			1024	/* bytes */
#define BIG_RECORD		(12 * RECORD)	/* several pages */
#define OWN_SIZE		(16 * RECORD)
#define OWN_PERCPU		-1	/* beside enum producer_memory */
#define CLIENT_SIZE		(10 * RECORD)	/* not in whole pages */
#define PIECES			12	/* more than the kernel's stack takes */
#define POLLED			40	/* likewise */
#define DISTANT			5120	/* a number that costs allocations */

/* A call that is made to fail. */
struct victim {
	const char *name;
	void (*prepare)(void);		/* before each try */
	long (*attempt)(void);		/* the result, or a negative errno */
	void (*check)(long result);	/* that all is as it must be */
	long success;			/* result; of a short call it is less */
	int errors[3];			/* that it may fail with */
};

/* The kinds of allocations that fail. The kernel fails copies of any kind. */
struct kind {
	bool objects;		/* of slabs */
	bool pages;
	bool for_good;		/* all that follow the first, too */
};

struct tally {
	unsigned int points;
	unsigned int made_short;
	unsigned int without_effect;
	unsigned int errors[ERRNOS];
};

static int nth_file;
static int task_file;

static int open_file(const char *path)
{
	int file = open(path, O_RDWR | O_CLOEXEC);

	ck_assert_msg(file >= 0, "%s: %m: can this kernel inject faults?", path);
	return file;
}

static int open_knob(const char *facility, const char *knob)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", facility, knob);
	return open_file(path);
}

/* Without dprintf() and Check's notes, whose system calls are points, too. */
static ssize_t put_number(int file, unsigned int number)
{
	char text[16];

	return write(file, text, snprintf(text, sizeof(text), "%u", number));
}

static void write_number(int file, unsigned int number)
{
	ck_assert_int_gt(put_number(file, number), 0);
}

static void set_knob(const char *facility, const char *knob, unsigned int value)
{
	int file = open_knob(facility, knob);

	write_number(file, value);
	close(file);
}

static unsigned int knob(const char *facility, const char *knob)
{
	int file = open_knob(facility, knob);
	char text[16] = "";

	ck_assert_int_gt(read(file, text, sizeof(text) - 1), 0);
	close(file);
	return atoi(text);
}

/* How many points of this thread are left before the one that is armed */
static unsigned int points_left(void)
{
	char text[16] = "";
	ssize_t got = pread(nth_file, text, sizeof(text) - 1, 0);

	/* Both calls copy: the one that fails was the next point. */
	if (write(nth_file, "0", 1) < 0 || got < 0)
		return 1;
	return atoi(text);
}

/* A page fault of this program must not take a fault meant for a call. */
static void set_up_faults(void)
{
	set_knob("failslab", "ignore-gfp-wait", 0);
	set_knob("failslab", "verbose", 0);
	set_knob("fail_page_alloc", "ignore-gfp-wait", 0);
	set_knob("fail_page_alloc", "ignore-gfp-highmem", 0);
	set_knob("fail_page_alloc", "task-filter", 1);
	set_knob("fail_page_alloc", "probability", 100);
	set_knob("fail_page_alloc", "verbose", 0);
	set_knob("fail_usercopy", "verbose", 0);
	nth_file = open_file("/proc/self/fail-nth");
	task_file = open_file("/proc/self/make-it-fail");
	ck_assert_int_eq(mlockall(MCL_CURRENT | MCL_FUTURE), 0);
}

/* No cache is marked for failslab, no page has such an order. */
static void choose(const struct kind *kind)
{
	set_knob("failslab", "cache-filter", !kind->objects);
	set_knob("fail_page_alloc", "min-order", kind->pages ? 0 : 99);
}

static void arm(const struct kind *kind, unsigned int nth)
{
	if (!kind->for_good) {
		put_number(nth_file, nth);
		return;
	}
	set_knob("fail_page_alloc", "space", nth - 1);
	set_knob("fail_page_alloc", "times", NEVER);
	put_number(task_file, 1);
}

/* Whether the fault that was armed has happened. */
static bool disarm(const struct kind *kind)
{
	if (!kind->for_good)
		return !points_left();
	write_number(task_file, 0);
	return knob("fail_page_alloc", "times") < NEVER;
}

static bool may_fail_with(const struct victim *victim, int error)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(victim->errors); i++)
		if (error && victim->errors[i] == error)
			return true;
	return false;
}

static void count(struct tally *tally, const struct victim *victim, long result)
{
	tally->points++;
	if (result < 0) {
		ck_assert_msg(may_fail_with(victim, -result),
			      "%s: point %u: %ld", victim->name, tally->points,
			      result);
		tally->errors[-result]++;
	} else if (result < victim->success) {
		tally->made_short++;
	} else {
		tally->without_effect++;
	}
}

/* Returns how many points there were. */
static unsigned int fail_kind(const struct victim *victim, struct kind kind,
			      struct tally *tally)
{
	unsigned int nth = 1;
	unsigned int calm = 0;	/* tries in which nothing failed */
	bool happened;
	long result;

	choose(&kind);
	while (calm < 2) {
		if (victim->prepare)
			victim->prepare();
		arm(&kind, nth);
		result = victim->attempt();
		happened = disarm(&kind);
		if (happened) {
			calm = 0;
			nth++;
			count(tally, victim, result);
		} else {
			calm++;
			ck_assert_int_eq(result, victim->success);
		}
		victim->check(result);
	}
	return nth - 1;
}

/* Each error that is possible must have come. */
static void check_tally(const struct victim *victim, const struct tally *tally)
{
	size_t i;

	ck_assert_uint_gt(tally->points, 0);
	for (i = 0; i < ARRAY_SIZE(victim->errors); i++)
		if (victim->errors[i])
			ck_assert_uint_gt(tally->errors[victim->errors[i]], 0);
}

static void report(const struct tally *tally)
{
	int error;

	printf(" %u without effect, %u short", tally->without_effect,
	       tally->made_short);
	for (error = 0; error < ERRNOS; error++)
		if (tally->errors[error])
			printf(", %u %s", tally->errors[error],
			       strerrorname_np(error));
	printf("\n");
	fflush(stdout);
}

/*
 * When a slab takes a new page, all pages behind it have another place: more
 * than one pass, so that each has its turn.
 */
static struct tally fail_each(const struct victim *victim)
{
	struct tally tally = {};
	unsigned int copies, objects, pages, pass;

	set_up_faults();
	copies = fail_kind(victim, (struct kind) {}, &tally);
	objects = fail_kind(victim, (struct kind) { .objects = true }, &tally);
	for (pass = 0; pass < 2; pass++)
		pages = fail_kind(victim, (struct kind) { .pages = true },
				  &tally);
	printf("%s: %u copies, %u objects, %u pages:", victim->name, copies,
	       objects - copies, pages - copies);
	report(&tally);
	check_tally(victim, &tally);
	return tally;
}

static void run_out_of_pages(const struct victim *victim)
{
	struct kind kind = { .pages = true, .for_good = true };
	struct tally tally = {};
	unsigned int pages;

	set_up_faults();
	pages = fail_kind(victim, kind, &tally);
	printf("%s: no more than %u pages:", victim->name, pages);
	report(&tally);
	check_tally(victim, &tally);
}

static void check_gone(int number)
{
	ck_assert(!exists("/dev/bufflink%d", number));
	ck_assert(!exists("/sys/class/misc/bufflink%d", number));
}

static void check_works(int number)
{
	int fd = open_buffer(number, O_RDWR | O_NONBLOCK);

	append_text("works");
	check_reads(fd, "works");
	ck_assert_uint_eq(sysfs_value(number, "records"), 1);
	close(fd);
}

/* The arguments of create, and its results */
static struct producer_create wanted;
static struct producer_create made;
static long asked;		/* result of the ioctl that asks */
static unsigned int refused_by_bufflink;

static int wanted_number(void)
{
	return wanted.minor < 0 ? 0 : wanted.minor;
}

static long attempt_create(void)
{
	made = wanted;
	asked = result_of(ioctl(producer, PRODUCER_CREATE, &made));
	return asked ? asked : made.result;
}

static void check_create(long result)
{
	if (!asked && result) {
		ck_assert_int_eq(result, -ENOMEM);
		ck_assert(made.null);
		refused_by_bufflink++;
	}
	if (result) {
		destroy_buffer();	/* the producer may have had the fault */
		check_gone(wanted_number());
		ck_assert_int_eq(attempt_create(), 0);
	}
	ck_assert_int_eq(made.number, wanted_number());
	check_works(made.number);
	destroy_buffer();
	check_gone(made.number);
}

static const struct {
	const char *name;
	struct producer_create wanted;
} creates[] = {
	{ "create, own memory", {
		.memory = PRODUCER_OWN, .minor = -1 } },
	{ "create, own memory, number 5120", {
		.memory = PRODUCER_OWN, .minor = DISTANT } },
	{ "create, client memory", {
		.memory = PRODUCER_KMALLOC, .size = 100, .minor = -1 } },
	{ "create_named", {
		.memory = PRODUCER_OWN, .minor = -1, .named = true,
		.name_size = 5, .name = "name" } },
	{ "create_named, per-CPU", {
		.memory = PRODUCER_OWN, .minor = -1, .named = true,
		.flags = PERCPU } },
};

START_TEST(create_fails_with_nothing_left_behind)
{
	const struct victim victim = {
		creates[_i].name, NULL, attempt_create, check_create, 0,
		{ ENOMEM, EFAULT },
	};

	wanted = creates[_i].wanted;
	fail_each(&victim);
	ck_assert_uint_gt(refused_by_bufflink, 0);
}
END_TEST

START_TEST(create_fails_when_memory_runs_out)
{
	const struct victim victim = {
		creates[_i].name, NULL, attempt_create, check_create, 0,
		{ ENOMEM },
	};

	wanted = creates[_i].wanted;
	run_out_of_pages(&victim);
	ck_assert_uint_gt(refused_by_bufflink, 0);
}
END_TEST

static void prepare_destroy(void)
{
	create_buffer(0, 0);
}

static long attempt_destroy(void)
{
	return destroy(0);
}

static void check_destroy(long result)
{
	ck_assert_int_eq(result, 0);
	check_gone(NUMBER);
}

START_TEST(destroy_never_fails)
{
	static const struct victim victim = {
		.name = "destroy",
		.prepare = prepare_destroy,
		.attempt = attempt_destroy,
		.check = check_destroy,
	};

	fail_each(&victim);
}
END_TEST

/* The buffer that the calls are tried on, and the stream that it must have. */
static int fd;
static size_t stocked;		/* bytes that a try finds in it */
static struct stream *stream;
static struct producer_run records = {
	.size_min = RECORD, .size_max = RECORD,
};

static char taken[2 * OWN_SIZE];

static void take_all(void)
{
	size_t size = readable(fd);

	read_all(fd, taken, size);
	stream_feed(stream, taken, size);
}

static void append_records(size_t size)
{
	records.count = size / RECORD;
	run(&records);
	ck_assert_uint_eq(records.result.bytes, size);
}

/* All records come from one CPU, so one ring of a per-CPU buffer holds them. */
static struct producer_create create_stream(int memory, size_t size)
{
	if (memory != OWN_PERCPU)
		return create(0, memory, size, -1);
	pin(0);
	return create_named(0, NULL, 0, 2 * size, PERCPU);
}

/* A full ring then wraps in the middle, the next one too. */
static void open_stream(int memory, size_t size)
{
	struct producer_create answer = create_stream(memory, size);

	ck_assert_int_eq(answer.result, 0);
	fd = open_buffer(answer.number, O_RDWR | O_NONBLOCK);
	stream = stream_new();
	append_records(size / RECORD / 2 * RECORD);
	take_all();
}

static void open_own(void)
{
	open_stream(PRODUCER_OWN, OWN_SIZE);
	stocked = 2 * RECORD;
}

static void open_percpu(void)
{
	open_stream(OWN_PERCPU, OWN_SIZE);
	stocked = 2 * RECORD;
}

static void stock(void)
{
	append_records(stocked - readable(fd));
}

/* No call has lost or repeated a byte. */
static void check_stream(void)
{
	struct bufflink_stats now = stats(fd);

	ck_assert_uint_eq(now.bytes_read, stream->bytes + stream->have);
	ck_assert_uint_eq(now.used, readable(fd));
	take_all();
	stream_end(stream);
	ck_assert_uint_eq(stream->bytes, now.bytes);
	ck_assert_uint_eq(stream->records, now.records);
}

static long attempt_read(void)
{
	return result_of(read(fd, taken, sizeof(taken)));
}

static const struct iovec *pieces_of(char *data, size_t size)
{
	static struct iovec pieces[PIECES];
	size_t i;

	for (i = 0; i < PIECES; i++) {
		pieces[i].iov_base = data + size * i / PIECES;
		pieces[i].iov_len = size * (i + 1) / PIECES - size * i / PIECES;
	}
	return pieces;
}

static long attempt_readv(void)
{
	return result_of(readv(fd, pieces_of(taken, stocked), PIECES));
}

static int through[2];

static void prepare_splice(void)
{
	if (!through[0])
		ck_assert_int_eq(pipe(through), 0);
	stock();
}

/* A pipe that gets no page is just full, to kernels before 6.5. */
static long attempt_splice(void)
{
	long result = result_of(splice(fd, NULL, through[1], NULL, stocked, 0));

	return result == -EAGAIN ? -ENOMEM : result;
}

static void check_read(long result)
{
	if (result > 0)
		stream_feed(stream, taken, result);
	check_stream();
}

static void check_splice(long result)
{
	if (result > 0)
		read_all(through[0], taken, result);
	check_read(result);
}

static const struct {
	int memory;		/* enum producer_memory, or OWN_PERCPU */
	size_t size;
	struct victim victim;
} readers[] = {
	{ PRODUCER_OWN, OWN_SIZE, { "read, own memory", stock, attempt_read,
		check_read, OWN_SIZE, { EFAULT } } },
	{ OWN_PERCPU, OWN_SIZE, { "read, per-CPU", stock, attempt_read,
		check_read, OWN_SIZE, { EFAULT } } },
	{ PRODUCER_KMALLOC, CLIENT_SIZE, { "read, client memory", stock,
		attempt_read, check_read, CLIENT_SIZE, { EFAULT } } },
	{ PRODUCER_OWN, OWN_SIZE, { "readv, own memory", stock, attempt_readv,
		check_read, OWN_SIZE, { EFAULT, ENOMEM } } },
	{ OWN_PERCPU, OWN_SIZE, { "readv, per-CPU", stock, attempt_readv,
		check_read, OWN_SIZE, { EFAULT, ENOMEM } } },
	{ PRODUCER_KMALLOC, CLIENT_SIZE, { "readv, client memory", stock,
		attempt_readv, check_read, CLIENT_SIZE, { EFAULT, ENOMEM } } },
	{ PRODUCER_OWN, OWN_SIZE, { "splice, own memory", prepare_splice,
		attempt_splice, check_splice, OWN_SIZE, { ENOMEM } } },
	{ PRODUCER_KMALLOC, CLIENT_SIZE, { "splice, client memory",
		prepare_splice, attempt_splice, check_splice, CLIENT_SIZE,
		{ ENOMEM } } },
};

START_TEST(a_fault_consumes_only_the_bytes_that_were_copied)
{
	struct tally tally;

	open_stream(readers[_i].memory, readers[_i].size);
	stocked = readers[_i].size;
	tally = fail_each(&readers[_i].victim);
	ck_assert_uint_gt(tally.made_short, 0);
}
END_TEST

static char record[BIG_RECORD];
static size_t record_size;

static void prepare_write(void)
{
	stock();
	make_record(record, 0, records.sequence, record_size);
}

static long attempt_write(void)
{
	return result_of(write(fd, record, record_size));
}

static long attempt_writev(void)
{
	return result_of(writev(fd, pieces_of(record, record_size), PIECES));
}

/* The stream shows it if half a record, or a refused one, got in. */
static void check_write(long result)
{
	if (result > 0)
		records.sequence++;
	check_stream();
	ck_assert_uint_eq(stats(fd).records, records.sequence);
	ck_assert_uint_eq(stats(fd).lost_records, 0);
}

static const struct victim writers[] = {
	{ "write, small", prepare_write, attempt_write, check_write, RECORD,
		{ ENOMEM, EFAULT } },
	{ "write, several pages", prepare_write, attempt_write, check_write,
		BIG_RECORD, { EFAULT } },
	{ "writev", prepare_write, attempt_writev, check_write, RECORD,
		{ ENOMEM, EFAULT } },
};

START_TEST(a_write_that_fails_leaves_no_trace)
{
	open_own();
	record_size = writers[_i].success;
	fail_each(&writers[_i]);
}
END_TEST

START_TEST(a_write_fails_when_memory_runs_out)
{
	static const struct victim victim = {
		"write, several pages", prepare_write, attempt_write,
		check_write, BIG_RECORD, { ENOMEM },
	};

	open_own();
	record_size = BIG_RECORD;
	run_out_of_pages(&victim);
}
END_TEST

static struct bufflink_loss told;

static void prepare_loss(void)
{
	stock();
	lose(RECORD);
	memset(&told, 0, sizeof(told));
}

static long attempt_getloss(void)
{
	return result_of(ioctl(fd, BUFFLINK_GETLOSS, &told));
}

static void check_getloss(long result)
{
	__u64 here = stats(fd).bytes;

	if (result) {
		ck_assert(poll_for(fd, POLLPRI, 0) & POLLPRI);
		ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), 1);
		told = loss(fd);
	}
	ck_assert_uint_eq(told.records, 1);
	ck_assert_uint_eq(told.bytes, RECORD);
	ck_assert_uint_eq(told.first, here);
	ck_assert_uint_eq(told.last, here);
	ck_assert_uint_eq(loss(fd).records, 0);
	check_stream();
}

START_TEST(a_fault_loses_no_loss_report)
{
	static const struct victim victim = {
		"GETLOSS", prepare_loss, attempt_getloss, check_getloss, 0,
		{ EFAULT },
	};

	open_own();
	stocked = OWN_SIZE;
	fail_each(&victim);
}
END_TEST

static long attempt_open(void)
{
	long other = result_of(open("/dev/bufflink0", O_RDWR));

	if (other < 0)
		return other;
	close(other);
	return 0;
}

static void check_call(long result)
{
	(void)result;
	check_stream();
}

static long attempt_stats(void)
{
	struct bufflink_stats stats;

	return result_of(ioctl(fd, BUFFLINK_STATS, &stats));
}

static struct pollfd polled[POLLED];

/* Many wait at once, for as long as nothing is there. */
static void prepare_poll(void)
{
	size_t i;

	for (i = 0; i < POLLED; i++)
		polled[i] = (struct pollfd) { .fd = fd, .events = POLLIN };
}

static long attempt_poll(void)
{
	return result_of(poll(polled, POLLED, 1));
}

static void check_poll(long result)
{
	(void)result;
	append_records(RECORD);
	ck_assert_int_eq(poll(polled, POLLED, 0), POLLED);
	check_stream();
}

static long attempt_epoll(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	long result, epoll;

	epoll = result_of(epoll_create1(0));
	if (epoll < 0)
		return epoll;
	result = result_of(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	if (!result)
		result = result_of(epoll_wait(epoll, &event, 1, 0));
	close(epoll);
	return result;
}

static void set_async(long flag)
{
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK | flag), 0);
}

static void prepare_async(void)
{
	handle_signal(SIGIO, SA_RESTART);
	ck_assert_int_eq(fcntl(fd, F_SETOWN, getpid()), 0);
	set_async(0);
}

static long attempt_async(void)
{
	return result_of(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK | O_ASYNC));
}

static void check_async(long result)
{
	int before = signals(SIGIO);

	ck_assert_int_eq(!!(fcntl(fd, F_GETFL) & O_ASYNC), !result);
	set_async(O_ASYNC);
	append_records(RECORD);
	wait_for(signals(SIGIO) > before);
	set_async(0);
	check_stream();
}

/* A copy of one number (FIONREAD, watermark) is no point: see check_ioctl. */
static const struct victim calls[] = {
	{ "open", stock, attempt_open, check_call, 0, { ENOMEM, EFAULT } },
	{ "STATS", stock, attempt_stats, check_call, 0, { EFAULT } },
	{ "poll", prepare_poll, attempt_poll, check_poll, 0,
		{ ENOMEM, EFAULT } },
	{ "epoll", stock, attempt_epoll, check_call, 1, { ENOMEM, EFAULT } },
	{ "F_SETFL O_ASYNC", prepare_async, attempt_async, check_async, 0,
		{ ENOMEM } },
};

START_TEST(a_call_that_fails_works_at_the_next_try)
{
	open_own();
	fail_each(&calls[_i]);
}
END_TEST

static const char * const sysfs_files[] = {
	"size", "used", "highwater", "records", "bytes", "lost_records",
	"lost_bytes", "overflow", "watermark", "owner", "name", "wakeups",
};

static char sysfs_path[96];
static char sysfs_expected[64];

static void prepare_sysfs(void)
{
	memset(taken, 0, sizeof(taken));
}

static long attempt_sysfs_read(void)
{
	long result;
	long file = result_of(open(sysfs_path, O_RDONLY));

	if (file < 0)
		return file;
	result = result_of(read(file, taken, sizeof(taken)));
	close(file);
	return result;
}

static void check_sysfs_read(long result)
{
	if (result >= 0)
		ck_assert_str_eq(taken, sysfs_expected);
}

static void name_sysfs_file(const char *name)
{
	snprintf(sysfs_path, sizeof(sysfs_path),
		 "/sys/class/misc/bufflink%d/%s", NUMBER, name);
}

START_TEST(a_sysfs_file_reads_right_or_not_at_all)
{
	struct victim victim = {
		sysfs_path, prepare_sysfs, attempt_sysfs_read,
		check_sysfs_read, 0, { ENOMEM, EFAULT },
	};

	open_own();
	stock();
	name_sysfs_file(sysfs_files[_i]);
	prepare_sysfs();
	victim.success = attempt_sysfs_read();
	strcpy(sysfs_expected, taken);
	fail_each(&victim);
}
END_TEST

static const char *sysfs_text;

static long attempt_sysfs_write(void)
{
	long result;
	long file = result_of(open(sysfs_path, O_WRONLY));

	if (file < 0)
		return file;
	result = result_of(write(file, sysfs_text, strlen(sysfs_text)));
	close(file);
	return result;
}

static void prepare_watermark(void)
{
	ck_assert_int_eq(set_watermark(fd, 1), 0);
}

static void check_watermark(long result)
{
	ck_assert_uint_eq(watermark(fd), result > 0 ? 2 : 1);
}

START_TEST(a_watermark_that_is_refused_is_not_set)
{
	static const struct victim victim = {
		"watermark, write", prepare_watermark, attempt_sysfs_write,
		check_watermark, 1, { ENOMEM, EFAULT },
	};

	open_own();
	name_sysfs_file("watermark");
	sysfs_text = "2";
	fail_each(&victim);
}
END_TEST

static void check_overflow(long result)
{
	ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), result < 0);
	ck_assert_uint_eq(loss(fd).records, 1);
}

START_TEST(an_overflow_flag_that_is_not_cleared_stays)
{
	static const struct victim victim = {
		"overflow, write", prepare_loss, attempt_sysfs_write,
		check_overflow, 1, { ENOMEM, EFAULT },
	};

	open_own();
	stocked = OWN_SIZE;
	name_sysfs_file("overflow");
	sysfs_text = "0";
	fail_each(&victim);
}
END_TEST

static __u64 size_before;

static void prepare_resize(void)
{
	stock();
	size_before = stats(fd).size;
	sysfs_text = size_before == 65536 ? "32768" : "65536";
}

static void check_resize(long result)
{
	ck_assert_uint_eq(stats(fd).size,
			  result < 0 ? size_before : (__u64)atoi(sysfs_text));
	check_stream();
}

START_TEST(a_resize_that_fails_changes_nothing)
{
	static const struct victim victim = {
		"size, write", prepare_resize, attempt_sysfs_write,
		check_resize, 5, { ENOMEM, EFAULT },
	};
	static const struct victim without_pages = {
		"size, write", prepare_resize, attempt_sysfs_write,
		check_resize, 5, { ENOMEM },
	};

	if (_i / 2)
		open_percpu();
	else
		open_own();
	name_sysfs_file("size");
	if (_i % 2)
		run_out_of_pages(&without_pages);
	else
		fail_each(&victim);
}
END_TEST

static unsigned int points_of_appends(unsigned int n)
{
	struct producer_run appends = {
		.count = n, .size_min = RECORD / 2, .size_max = RECORD / 2,
	};
	unsigned int points;
	int result;

	put_number(nth_file, NEVER);
	result = ioctl(producer, PRODUCER_RUN, &appends);
	points = NEVER - points_left();
	ck_assert_int_eq(result, 0);
	return points;
}

/* Neither those that are stored nor those that are refused */
START_TEST(append_neither_allocates_nor_touches_user_memory)
{
	unsigned int one, many;

	open_own();
	set_up_faults();
	choose(&(struct kind) { .objects = true, .pages = true });
	one = points_of_appends(1);
	many = points_of_appends(1000);
	printf("append: %u points with 1 record, %u with 1000\n", one, many);
	ck_assert_uint_gt(one, 0);
	ck_assert_uint_lt(many, one + 100);
	ck_assert_uint_gt(stats(fd).lost_records, 0);
}
END_TEST

/* The example brings two buffers and a thread with it. */
static const struct {
	const char *name;
	const char *parameters;
} modules[] = {
	{ "bufflink_test", "buffers=2 buffer_size=4096" },
	{ "bufflink", "" },
};

static const char *module_name;
static const char *module_parameters;
static int module_file;

static long attempt_insmod(void)
{
	return result_of(syscall(SYS_finit_module, module_file,
				 module_parameters, 0));
}

static void check_insmod(long result)
{
	if (!result)
		ck_assert_int_eq(unload(module_name), 0);
	ck_assert(!exists("/sys/module/%s", module_name));
	check_gone(0);
	check_gone(1);
}

START_TEST(a_module_is_loaded_or_not)
{
	struct victim victim = {
		"", NULL, attempt_insmod, check_insmod, 0,
		{ ENOMEM, EFAULT },
	};
	char name[32];

	module_name = modules[_i].name;
	module_parameters = modules[_i].parameters;
	snprintf(name, sizeof(name), "insmod %s", module_name);
	victim.name = name;
	module_file = open_module(module_name);
	producer_unload();
	if (!strcmp(module_name, "bufflink"))
		ck_assert_int_eq(unload("bufflink"), 0);
	fail_each(&victim);
	if (!strcmp(module_name, "bufflink"))
		ck_assert_int_eq(load("bufflink", ""), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("faults");

	add_loop_case(suite, "create", ARRAY_SIZE(creates),
		      create_fails_with_nothing_left_behind);
	add_loop_case(suite, "pages", 2,
		      create_fails_when_memory_runs_out);
	add_loop_case(suite, "read", ARRAY_SIZE(readers),
		      a_fault_consumes_only_the_bytes_that_were_copied);
	add_loop_case(suite, "write", ARRAY_SIZE(writers),
		      a_write_that_fails_leaves_no_trace);
	add_loop_case(suite, "calls", ARRAY_SIZE(calls),
		      a_call_that_fails_works_at_the_next_try);
	add_loop_case(suite, "sysfs", ARRAY_SIZE(sysfs_files),
		      a_sysfs_file_reads_right_or_not_at_all);
	add_case(suite, "others", destroy_never_fails,
		 a_write_fails_when_memory_runs_out,
		 a_fault_loses_no_loss_report,
		 a_watermark_that_is_refused_is_not_set,
		 an_overflow_flag_that_is_not_cleared_stays,
		 append_neither_allocates_nor_touches_user_memory);
	add_loop_case(suite, "resize", 4,
		      a_resize_that_fails_changes_nothing);
	add_loop_case(suite, "modules", ARRAY_SIZE(modules),
		      a_module_is_loaded_or_not);
	return run_suite(suite);
}
