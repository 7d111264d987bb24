// SPDX-License-Identifier: GPL-2.0-only
/* The ioctls: their results and their errors */
#define _GNU_SOURCE
#include "device.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

START_TEST(fionread_is_the_bytes_that_a_read_finds)
{
	int fd = new_client_buffer(10);
	unsigned int i;
	char byte;

	ck_assert_int_eq(readable(fd), 0);
	for (i = 0; i < 10; i++) {
		fill(0, 10);
		ck_assert_int_eq(readable(fd), 10);
		ck_assert_int_eq(read(fd, &byte, 1), 1);
		ck_assert_int_eq(readable(fd), 9);
		drain(fd);
		fill(0, 1);
		ck_assert_int_eq(readable(fd), 1);
		drain(fd);
	}
}
END_TEST

/* There is no such buffer where addresses have 32 bits. */
START_TEST(fionread_says_no_more_than_fits_into_an_int)
{
	struct producer_run records = {
		.count = 1 + INT_MAX / PRODUCER_RECORD_MAX,
		.size_min = PRODUCER_RECORD_MAX,
		.size_max = PRODUCER_RECORD_MAX,
		.data = (uintptr_t)calloc(1, PRODUCER_RECORD_MAX),
	};
	struct producer_create made;
	int fd;

	if (sizeof(size_t) == sizeof(int))
		return;
	ck_assert(records.data);
	made = create(0, PRODUCER_ALIASED, INT_MAX + 1ull + PAGE, -1);
	ck_assert_int_eq(made.result, 0);
	fd = open_buffer(made.number, O_RDONLY);
	run(&records);
	ck_assert_uint_eq(records.result.stored, records.count);
	ck_assert_uint_eq(stats(fd).used, INT_MAX + 1ull);
	ck_assert_int_eq(readable(fd), INT_MAX);
}
END_TEST

START_TEST(fionread_after_destroy_counts_the_bytes_that_are_left)
{
	int fd = new_buffer(PAGE);

	append_text("left");
	destroy_buffer();
	ck_assert_int_eq(readable(fd), 4);
	check_reads(fd, "left");
	ck_assert_int_eq(readable(fd), 0);
}
END_TEST

START_TEST(fionread_after_destroy_of_client_memory_is_zero)
{
	int fd = new_client_buffer(10);

	fill(0, 10);
	destroy_buffer();
	ck_assert_int_eq(readable(fd), 0);
}
END_TEST

START_TEST(getloss_is_all_zero_while_nothing_is_lost)
{
	int fd = new_client_buffer(10);

	check_loss(fd, 0, 0, 0, 0);
	fill(0, 10);
	drain(fd);
	fill(0, 5);
	check_loss(fd, 0, 0, 0, 0);
}
END_TEST

START_TEST(getloss_returns_and_clears_the_loss_since_the_last_call)
{
	int fd = new_client_buffer(10);

	fill(0, 10);
	lose(3);
	check_loss(fd, 1, 3, 10, 10);
	check_loss(fd, 0, 0, 0, 0);
	lose(4);
	lose(5);
	check_loss(fd, 2, 9, 10, 10);
	check_loss(fd, 0, 0, 0, 0);
}
END_TEST

START_TEST(getloss_clears_the_report_of_every_reader)
{
	int fd = new_client_buffer(10);
	int other = open_buffer(NUMBER, O_RDONLY);

	fill(0, 10);
	lose(3);
	check_loss(other, 1, 3, 10, 10);
	check_loss(fd, 0, 0, 0, 0);
}
END_TEST

/* Refused by a producer that the reader never stops. */
static int lose_many(void *unused)
{
	struct producer_run records = {
		.count = 1 << 20, .size_min = 64, .size_max = 64,
	};

	(void)unused;
	run(&records);
	return records.result.nospc != records.count;
}

START_TEST(bytes_of_a_report_are_those_of_its_records)
{
	int fd = new_client_buffer(64);
	__u64 records = 0;
	pid_t producer_pid;

	fill(0, 64);
	producer_pid = start(lose_many, NULL);
	do {
		struct bufflink_loss report = loss(fd);

		ck_assert_uint_eq(report.bytes, 64 * report.records);
		records += report.records;
	} while (!finished(producer_pid, 0));
	ck_assert_int_eq(finish(producer_pid), 0);
	ck_assert_uint_eq(records + loss(fd).records, 1 << 20);
}
END_TEST

START_TEST(first_and_last_are_positions_in_the_stream)
{
	int fd = new_client_buffer(10);

	fill(0, 8);
	lose(3);		/* at 8 */
	fill(0, 2);
	lose(1);		/* at 10 */
	drain(fd);
	fill(0, 7);
	lose(4);		/* at 17 */
	fill(0, 3);
	drain(fd);
	check_loss(fd, 3, 8, 8, 17);
	fill(0, 10);
	lose(1);		/* at 30 */
	check_loss(fd, 1, 1, 30, 30);
}
END_TEST

START_TEST(a_loss_at_the_very_beginning_is_at_zero)
{
	int fd = new_client_buffer(10);

	ck_assert_int_eq(append_record(0, 11), -EMSGSIZE);
	check_loss(fd, 1, 11, 0, 0);
	fill(0, 10);
	lose(1);
	check_loss(fd, 1, 1, 10, 10);
}
END_TEST

START_TEST(a_reader_finds_the_gap_where_the_loss_says)
{
	int fd = new_client_buffer(10);
	struct bufflink_loss report;
	char before[11] = "";

	append_text("abcd");
	ck_assert_int_eq(append(0, "LOST LOST", 9), -ENOSPC);
	append_text("efgh");
	report = loss(fd);
	ck_assert_int_eq(read(fd, before, report.first), report.first);
	ck_assert_str_eq(before, "abcd");
	check_reads(fd, "efgh");
}
END_TEST

START_TEST(a_fault_of_getloss_loses_no_report)
{
	int fd = new_client_buffer(10);
	char *end = page_before_a_hole();
	int i;

	fill(0, 10);
	lose(3);
	ck_assert_int_eq(result_of(ioctl(fd, BUFFLINK_GETLOSS, hole())),
			 -EFAULT);
	for (i = 1; i < (int)sizeof(struct bufflink_loss); i++)
		ck_assert_int_eq(result_of(ioctl(fd, BUFFLINK_GETLOSS,
						 end - i)), -EFAULT);
	ck_assert_int_eq(poll_for(fd, POLLPRI, 0), POLLPRI);
	ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), 1);
	check_loss(fd, 1, 3, 10, 10);
	ck_assert_int_eq(poll_for(fd, POLLPRI, 0), 0);
}
END_TEST

START_TEST(a_fault_of_getloss_without_a_loss_reports_none)
{
	int fd = new_client_buffer(10);

	ck_assert_int_eq(result_of(ioctl(fd, BUFFLINK_GETLOSS, hole())),
			 -EFAULT);
	ck_assert_int_eq(poll_for(fd, POLLPRI, 0), 0);
	ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), 0);
	check_loss(fd, 0, 0, 0, 0);
}
END_TEST

/* Losses at 8 and, while GETLOSS copies that out, at 10 */
static void lose_during_getloss(int fd, struct slow_page *slow,
				struct call *call)
{
	*slow = slow_page();
	fill(0, 8);
	lose(3);
	call_start(call, SYS_ioctl, fd, BUFFLINK_GETLOSS, (long)slow->page);
	slow_page_wait_touched(slow);
	fill(0, 2);
	lose(4);
}

START_TEST(a_loss_while_getloss_copies_is_in_the_next_report)
{
	int fd = new_client_buffer(10);
	struct slow_page slow;
	struct call call;

	lose_during_getloss(fd, &slow, &call);
	slow_page_fill(&slow);
	ck_assert_int_eq(call_finish(&call), 0);
	check_loss_is((struct bufflink_loss *)slow.page, 1, 3, 8, 8);
	ck_assert_int_eq(poll_for(fd, POLLPRI, 0), POLLPRI);
	ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), 1);
	check_loss(fd, 1, 4, 10, 10);
}
END_TEST

START_TEST(a_loss_while_getloss_faults_joins_the_unreported_loss)
{
	int fd = new_client_buffer(10);
	struct slow_page slow;
	struct call call;

	lose_during_getloss(fd, &slow, &call);
	slow_page_remove(&slow);
	ck_assert_int_eq(call_finish(&call), -EFAULT);
	ck_assert_int_eq(poll_for(fd, POLLPRI, 0), POLLPRI);
	check_loss(fd, 2, 7, 8, 10);
}
END_TEST

START_TEST(a_loss_is_reported_after_destroy_too)
{
	int fd = new_buffer(PAGE);

	fill(0, PAGE);
	lose(7);
	destroy_buffer();
	check_loss(fd, 1, 7, PAGE, PAGE);
}
END_TEST

static void check_stats(int fd, const struct bufflink_stats *wanted)
{
	struct bufflink_stats now = stats(fd);

	ck_assert_uint_eq(now.size, wanted->size);
	ck_assert_uint_eq(now.used, wanted->used);
	ck_assert_uint_eq(now.highwater, wanted->highwater);
	ck_assert_uint_eq(now.records, wanted->records);
	ck_assert_uint_eq(now.bytes, wanted->bytes);
	ck_assert_uint_eq(now.bytes_read, wanted->bytes_read);
	ck_assert_uint_eq(now.lost_records, wanted->lost_records);
	ck_assert_uint_eq(now.lost_bytes, wanted->lost_bytes);
}

START_TEST(stats_count_everything_since_creation)
{
	int fd = new_client_buffer(10);
	struct bufflink_stats wanted = { .size = 10 };

	check_stats(fd, &wanted);
	append_text("abc");
	append_text("defgh");
	wanted = (struct bufflink_stats) {
		.size = 10, .used = 8, .highwater = 8, .records = 2, .bytes = 8,
	};
	check_stats(fd, &wanted);
	lose(3);
	ck_assert_int_eq(append_record(0, 20), -EMSGSIZE);
	wanted.lost_records = 2;
	wanted.lost_bytes = 23;
	check_stats(fd, &wanted);
	drain(fd);
	wanted.used = 0;
	wanted.bytes_read = 8;
	check_stats(fd, &wanted);
	append_text("abcde");
	loss(fd);
	wanted.records = 3;
	wanted.bytes = 13;
	wanted.used = 5;
	check_stats(fd, &wanted);
}
END_TEST

START_TEST(highwater_is_the_most_that_ever_waited)
{
	int fd = new_client_buffer(10);
	unsigned int most;
	unsigned int i;

	for (most = 1; most <= 10; most++) {
		for (i = 0; i < most; i++)
			fill(0, 1);
		ck_assert_uint_eq(stats(fd).highwater, most);
		drain(fd);
		fill(0, 1);
		drain(fd);
		ck_assert_uint_eq(stats(fd).highwater, most);
	}
}
END_TEST

START_TEST(wakeups_count_the_sleepers_that_were_woken)
{
	int fd = new_buffer(PAGE);
	struct call reader;
	char byte;

	fill(0, 5);
	drain(fd);
	ck_assert_uint_eq(stats(fd).wakeups, 0);
	set_blocking(fd);
	call_start(&reader, SYS_read, fd, (long)&byte, 1);
	call_wait_asleep(&reader);
	fill(0, 1);
	ck_assert_int_eq(call_finish(&reader), 1);
	fill(0, 5);
	ck_assert_uint_eq(stats(fd).wakeups, 1);
}
END_TEST

#define OFFERED	(200000 / slowness())

static int offer_records(void *arg)
{
	struct producer_run offer = {
		.context = PRODUCER_PROCESS,
		.count = OFFERED,
		.size_min = 1,
		.size_max = 300,
		.seed = 7,
	};
	int ready = *(int *)arg;

	pin(cpus() - 1);
	ck_assert_int_eq(write(ready, "", 1), 1);
	run(&offer);
	return offered(&offer.result) != OFFERED;
}

/* Two snapshots, one after the other; so much was read before the second. */
static void check_snapshot(const struct bufflink_stats *was,
			   const struct bufflink_stats *now,
			   uint64_t bytes_read)
{
	ck_assert_uint_eq(now->bytes, bytes_read + now->used);
	ck_assert_uint_eq(now->bytes_read, bytes_read);
	ck_assert_uint_le(now->used, now->highwater);
	ck_assert_uint_le(now->highwater, now->size);
	ck_assert_uint_le(now->records, now->bytes);
	ck_assert_uint_ge(now->records, was->records);
	ck_assert_uint_ge(now->bytes, was->bytes);
	ck_assert_uint_ge(now->lost_records, was->lost_records);
	ck_assert_uint_ge(now->lost_bytes, was->lost_bytes);
}

START_TEST(at_every_moment_bytes_appended_are_bytes_read_and_waiting)
{
	static char waste[1 << 16];
	int fd = new_buffer(sizeof(waste));
	struct bufflink_stats was = { 0 }, now;
	uint64_t bytes_read = 0;
	unsigned int i;
	int ready[2];
	ssize_t size;
	pid_t pid;

	pin(0);
	ck_assert_int_eq(pipe(ready), 0);
	pid = start(offer_records, &ready[1]);
	ck_assert_int_eq(read(ready[0], waste, 1), 1);
	do {
		for (i = 0; i < 200; i++) {
			now = stats(fd);
			check_snapshot(&was, &now, bytes_read);
			was = now;
			size = read(fd, waste, sizeof(waste));
			bytes_read += size > 0 ? size : 0;
		}
	} while (!finished(pid, 0));
	ck_assert_int_eq(finish(pid), 0);
	now = stats(fd);
	check_snapshot(&was, &now, bytes_read);
	ck_assert_uint_eq(now.records + now.lost_records, OFFERED);
}
END_TEST

START_TEST(watermark_is_1_until_it_is_set)
{
	int fd = new_client_buffer(10);

	ck_assert_uint_eq(watermark(fd), 1);
	ck_assert_int_eq(set_watermark(fd, 7), 0);
	ck_assert_uint_eq(watermark(fd), 7);
	ck_assert_int_eq(set_watermark(fd, 10), 0);
	ck_assert_uint_eq(watermark(fd), 10);
	ck_assert_int_eq(set_watermark(fd, 1), 0);
	ck_assert_uint_eq(watermark(fd), 1);
}
END_TEST

START_TEST(a_watermark_of_0_or_more_than_size_is_einval)
{
	int fd = new_client_buffer(10);

	ck_assert_int_eq(set_watermark(fd, 5), 0);
	ck_assert_int_eq(set_watermark(fd, 0), -EINVAL);
	ck_assert_int_eq(set_watermark(fd, 11), -EINVAL);
	ck_assert_int_eq(set_watermark(fd, 1ull << 32 | 5), -EINVAL);
	ck_assert_int_eq(set_watermark(fd, UINT64_MAX), -EINVAL);
	ck_assert_uint_eq(watermark(fd), 5);
}
END_TEST

START_TEST(the_watermark_is_about_wakeups_only)
{
	int fd = new_client_buffer(10);

	ck_assert_int_eq(set_watermark(fd, 10), 0);
	append_text("abc");
	ck_assert_int_eq(poll_for(fd, POLLIN, 0), POLLIN);
	set_blocking(fd);
	check_reads(fd, "abc");
}
END_TEST

/*
 * Have a reader sleep and append a byte: did that raise an interrupt? Without
 * one it is the tick that wakes.
 */
static bool wakes_by_interrupt(int fd)
{
	struct call reader;
	long before;
	char byte;

	call_start(&reader, SYS_read, fd, (long)&byte, 1);
	call_wait_asleep(&reader);
	before = irq_work_interrupts();
	fill(0, 1);
	ck_assert_int_eq(call_finish(&reader), 1);
	return irq_work_interrupts() > before;
}

/* Another's irq_work may come in between, so a few do not count. */
START_TEST(fewer_bytes_than_the_watermark_wake_at_the_next_tick)
{
	int fd = new_client_buffer(10);
	unsigned int at_once = 0;
	unsigned int i;

	pin(0);
	set_blocking(fd);
	ck_assert_int_eq(set_watermark(fd, 2), 0);
	for (i = 0; i < 40; i++)
		at_once += wakes_by_interrupt(fd);
	ck_assert_uint_lt(at_once, 20);
}
END_TEST

/* With real-time, behind a lazy irq_work that is on its way, one is late. */
START_TEST(as_many_bytes_as_the_watermark_wake_at_once)
{
	int fd = new_client_buffer(10);
	unsigned int at_once = 0;
	unsigned int i;

	pin(0);
	set_blocking(fd);
	for (i = 0; i < 40; i++)
		at_once += wakes_by_interrupt(fd);
	ck_assert_uint_gt(at_once, 20);
}
END_TEST

START_TEST(any_other_command_is_enotty)
{
	static const unsigned int commands[] = {
		0, _IO('B', 0xb0), _IO('B', 0xb4), _IOR('B', 0xb4, __u64),
		_IOW('B', 0xb0, struct bufflink_loss),
		_IOR('B', 0xb0, __u32), _IOR('C', 0xb0, struct bufflink_loss),
		0x5401 /* TCGETS */, 0x1260 /* BLKGETSIZE */,
	};
	int fd = new_buffer(PAGE);
	char answer[256];
	unsigned int i;

	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		ck_assert_int_eq(result_of(ioctl(fd, commands[i], answer)),
				 -ENOTTY);
}
END_TEST

START_TEST(a_bad_address_is_efault)
{
	static const unsigned int commands[] = {
		FIONREAD, BUFFLINK_GETLOSS, BUFFLINK_STATS,
		BUFFLINK_GETWATERMARK, BUFFLINK_SETWATERMARK,
	};
	int fd = new_buffer(PAGE);
	char *end = page_before_a_hole();
	unsigned int i;

	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		ck_assert_int_eq(result_of(ioctl(fd, commands[i], NULL)),
				 -EFAULT);
		ck_assert_int_eq(result_of(ioctl(fd, commands[i], hole())),
				 -EFAULT);
		ck_assert_int_eq(result_of(ioctl(fd, commands[i], end - 3)),
				 -EFAULT);
	}
	ck_assert_uint_eq(watermark(fd), 1);
}
END_TEST

#ifdef __x86_64__
/* An ioctl as a 32-bit program makes it: through the old system call gate */
static long ioctl32(int fd, unsigned int command, void *arg)
{
	long result;

	ck_assert_uint_le((uintptr_t)arg, UINT32_MAX);
	asm volatile("int $0x80"
		     : "=a" (result)
		     : "a" (54), "b" (fd), "c" (command), "d" (arg)
		     : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}

static void *low_page(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	ck_assert_ptr_ne(page, MAP_FAILED);
	return page;
}

START_TEST(ioctls_of_32_bit_programs_do_the_same)
{
	int fd = new_client_buffer(10);
	void *answer = low_page();
	struct bufflink_stats now;

	fill(0, 10);
	lose(3);
	ck_assert_int_eq(ioctl32(fd, FIONREAD, answer), 0);
	ck_assert_int_eq(*(int *)answer, 10);
	ck_assert_int_eq(ioctl32(fd, BUFFLINK_GETLOSS, answer), 0);
	check_loss_is(answer, 1, 3, 10, 10);
	ck_assert_int_eq(ioctl32(fd, BUFFLINK_STATS, answer), 0);
	now = stats(fd);
	ck_assert_mem_eq(answer, &now, sizeof(now));
	*(__u64 *)answer = 7;
	ck_assert_int_eq(ioctl32(fd, BUFFLINK_SETWATERMARK, answer), 0);
	ck_assert_uint_eq(watermark(fd), 7);
	*(__u64 *)answer = 1ull << 32 | 7;
	ck_assert_int_eq(ioctl32(fd, BUFFLINK_SETWATERMARK, answer), -EINVAL);
	ck_assert_int_eq(ioctl32(fd, BUFFLINK_GETWATERMARK, answer), 0);
	ck_assert_uint_eq(*(__u64 *)answer, 7);
	ck_assert_int_eq(ioctl32(fd, _IO('B', 0xb4), answer), -ENOTTY);
	ck_assert_int_eq(ioctl32(fd, BUFFLINK_STATS, NULL), -EFAULT);
}
END_TEST
#endif

START_TEST(structures_and_numbers_of_ioctls_are_the_same_everywhere)
{
	ck_assert_uint_eq(sizeof(struct bufflink_loss), 4 * 8);
	ck_assert_uint_eq(sizeof(struct bufflink_stats), 9 * 8);
	ck_assert_uint_eq(BUFFLINK_GETLOSS, 0x802042b0);
	ck_assert_uint_eq(BUFFLINK_STATS, 0x804842b1);
	ck_assert_uint_eq(BUFFLINK_GETWATERMARK, 0x800842b2);
	ck_assert_uint_eq(BUFFLINK_SETWATERMARK, 0x400842b3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ioctl");

	add_case(suite, "FIONREAD",
		 fionread_is_the_bytes_that_a_read_finds,
		 fionread_says_no_more_than_fits_into_an_int,
		 fionread_after_destroy_counts_the_bytes_that_are_left,
		 fionread_after_destroy_of_client_memory_is_zero);
	add_case(suite, "GETLOSS",
		 getloss_is_all_zero_while_nothing_is_lost,
		 getloss_returns_and_clears_the_loss_since_the_last_call,
		 getloss_clears_the_report_of_every_reader,
		 bytes_of_a_report_are_those_of_its_records,
		 first_and_last_are_positions_in_the_stream,
		 a_loss_at_the_very_beginning_is_at_zero,
		 a_reader_finds_the_gap_where_the_loss_says,
		 a_fault_of_getloss_loses_no_report,
		 a_fault_of_getloss_without_a_loss_reports_none,
		 a_loss_while_getloss_copies_is_in_the_next_report,
		 a_loss_while_getloss_faults_joins_the_unreported_loss,
		 a_loss_is_reported_after_destroy_too);
	add_case(suite, "STATS",
		 stats_count_everything_since_creation,
		 highwater_is_the_most_that_ever_waited,
		 wakeups_count_the_sleepers_that_were_woken,
		 at_every_moment_bytes_appended_are_bytes_read_and_waiting);
	add_case(suite, "watermark",
		 watermark_is_1_until_it_is_set,
		 a_watermark_of_0_or_more_than_size_is_einval,
		 the_watermark_is_about_wakeups_only,
		 fewer_bytes_than_the_watermark_wake_at_the_next_tick,
		 as_many_bytes_as_the_watermark_wake_at_once);
	add_case(suite, "any",
		 any_other_command_is_enotty,
		 a_bad_address_is_efault,
		 structures_and_numbers_of_ioctls_are_the_same_everywhere);
#ifdef __x86_64__
	add_case(suite, "32 bit", ioctls_of_32_bit_programs_do_the_same);
#endif
	return run_suite(suite);
}
