// SPDX-License-Identifier: GPL-2.0-only
/* write: a process appends */
#define _GNU_SOURCE
#include "device.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define GROUPS	"/sys/fs/cgroup"
#define GROUP	GROUPS "/bufflink_write"

static long write_text(int fd, const char *text)
{
	return result_of(write(fd, text, strlen(text)));
}

static long write_nowait(int fd, const char *text)
{
	struct iovec piece = { (char *)text, strlen(text) };

	return result_of(pwritev2(fd, &piece, 1, -1, RWF_NOWAIT));
}

/* A write that sleeps, as there is no room for text */
static void start_sleeping_write(struct call *writer, int fd, const char *text)
{
	set_blocking(fd);
	call_start(writer, SYS_write, fd, (long)text, strlen(text));
	call_wait_asleep(writer);
}

static void check_nothing_lost(int fd)
{
	struct bufflink_loss report = loss(fd);
	struct bufflink_stats now = stats(fd);

	ck_assert_uint_eq(report.records, 0);
	ck_assert_uint_eq(report.bytes, 0);
	ck_assert_uint_eq(now.lost_records, 0);
	ck_assert_uint_eq(now.lost_bytes, 0);
	ck_assert_int_eq(poll_for(fd, POLLPRI, 0), 0);
}

START_TEST(write_is_one_append)
{
	int fd = new_buffer(PAGE);

	append_text("appended ");
	ck_assert_int_eq(write_text(fd, "written "), 8);
	append_text("appended");
	ck_assert_uint_eq(stats(fd).records, 3);
	ck_assert_uint_eq(stats(fd).bytes, 25);
	check_reads(fd, "appended written appended");
}
END_TEST

START_TEST(writev_is_one_append)
{
	struct iovec pieces[] = { { "abc", 3 }, { "", 0 }, { "defgh", 5 } };
	int fd = new_client_buffer(10);

	fill(0, 5);
	drain(fd);
	ck_assert_int_eq(result_of(writev(fd, pieces, 3)), 8);
	ck_assert_uint_eq(stats(fd).records, 2);
	check_reads(fd, "abcdefgh");
}
END_TEST

START_TEST(write_fills_the_buffer_to_the_last_byte)
{
	int fd = new_client_buffer(10);
	unsigned int i;

	for (i = 0; i < 10; i++) {
		ck_assert_int_eq(write_text(fd, "0123456789"), 10);
		ck_assert_int_eq(readable(fd), 10);
		check_reads(fd, "0123456789");
		fill(0, 1);
		drain(fd);
	}
}
END_TEST

START_TEST(zero_bytes_written_is_zero_and_no_record)
{
	int fd = new_client_buffer(10);

	ck_assert_int_eq(write_text(fd, ""), 0);
	fill(0, 10);
	ck_assert_int_eq(write_text(fd, ""), 0);
	ck_assert_uint_eq(stats(fd).records, 1);
	ck_assert_int_eq(readable(fd), 10);
}
END_TEST

START_TEST(write_without_room_is_eagain_with_o_nonblock)
{
	int fd = new_client_buffer(10);

	append_text("abcdef");
	ck_assert_int_eq(write_text(fd, "12345"), -EAGAIN);
	ck_assert_int_eq(write_text(fd, "1234"), 4);
	ck_assert_int_eq(write_text(fd, "1"), -EAGAIN);
	check_reads(fd, "abcdef1234");
	check_nothing_lost(fd);
}
END_TEST

START_TEST(write_without_room_is_eagain_with_rwf_nowait)
{
	int fd = new_client_buffer(10);

	set_blocking(fd);
	append_text("abcdef");
	ck_assert_int_eq(write_nowait(fd, "12345"), -EAGAIN);
	ck_assert_int_eq(write_nowait(fd, "1234"), 4);
	check_reads(fd, "abcdef1234");
	check_nothing_lost(fd);
}
END_TEST

START_TEST(write_waits_for_room)
{
	int fd = new_client_buffer(10);
	struct call writer;

	fill(0, 10);
	start_sleeping_write(&writer, fd, "text");
	check_reads(fd, "xxxxxxxxxx");
	ck_assert_int_eq(call_finish(&writer), 4);
	check_reads(fd, "text");
	check_nothing_lost(fd);
}
END_TEST

START_TEST(write_waits_until_there_is_room_for_the_whole)
{
	int fd = new_client_buffer(10);
	char byte[4] = "";
	struct call writer;
	unsigned int i;

	append_text("abcdefghij");
	start_sleeping_write(&writer, fd, "1234");
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(read(fd, &byte[i], 1), 1);
		call_wait_asleep(&writer);
		ck_assert_uint_eq(stats(fd).bytes, 10);
	}
	ck_assert_str_eq(byte, "abc");
	ck_assert_int_eq(read(fd, byte, 1), 1);
	ck_assert_int_eq(call_finish(&writer), 4);
	check_reads(fd, "efghij1234");
}
END_TEST

START_TEST(a_small_write_passes_one_that_waits)
{
	int fd = new_client_buffer(10);
	struct call writer;

	append_text("abcdefgh");
	start_sleeping_write(&writer, fd, "123456");
	ck_assert_int_eq(write_text(fd, "i"), 1);
	check_reads(fd, "abcdefghi");
	ck_assert_int_eq(call_finish(&writer), 6);
	check_reads(fd, "123456");
}
END_TEST

START_TEST(room_wakes_every_writer_that_waits)
{
	int fd = new_client_buffer(10);
	struct call writers[3];
	unsigned int i;

	fill(0, 10);
	for (i = 0; i < 3; i++)
		start_sleeping_write(&writers[i], fd, "abc");
	check_reads(fd, "xxxxxxxxxx");
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(call_finish(&writers[i]), 3);
	check_reads(fd, "abcabcabc");
}
END_TEST

/* The read is of two pieces, as the bytes wrap. Only the second is slow. */
START_TEST(a_writer_has_the_room_that_a_slow_reader_has_made)
{
	int fd = new_buffer(PAGE);
	int blocking = open_buffer(NUMBER, O_RDWR);
	struct slow_page slow = slow_page();
	char first[PAGE / 2];
	struct iovec pieces[] = {
		{ first, sizeof(first) }, { slow.page, sizeof(first) },
	};
	struct call reader, writer;

	fill(0, PAGE / 2);
	drain(fd);
	fill(0, PAGE);
	start_sleeping_write(&writer, blocking, "text");
	call_start(&reader, SYS_readv, blocking, (long)pieces, 2);
	slow_page_wait_touched(&slow);
	ck_assert_int_eq(call_finish(&writer), 4);
	slow_page_fill(&slow);
	ck_assert_int_eq(call_finish(&reader), PAGE);
	check_reads(fd, "text");
	check_nothing_lost(fd);
}
END_TEST

START_TEST(write_wakes_a_sleeping_reader)
{
	int number = create_buffer(0, PAGE);
	int fd = open_buffer(number, O_RDWR);
	char got[5] = "";
	struct call reader;

	call_start(&reader, SYS_read, fd, (long)got, 4);
	call_wait_asleep(&reader);
	ck_assert_int_eq(write_text(fd, "text"), 4);
	ck_assert_int_eq(call_finish(&reader), 4);
	ck_assert_str_eq(got, "text");
}
END_TEST

START_TEST(an_interrupted_write_is_eintr_and_stores_nothing)
{
	int fd = new_client_buffer(10);
	struct call writer;

	handle_signal(SIGUSR1, 0);
	append_text("abcdefghij");
	start_sleeping_write(&writer, fd, "text");
	call_signal(&writer, SIGUSR1);
	ck_assert_int_eq(call_finish(&writer), -EINTR);
	check_reads(fd, "abcdefghij");
	ck_assert_int_eq(readable(fd), 0);
	check_nothing_lost(fd);
}
END_TEST

START_TEST(a_write_larger_than_the_buffer_is_emsgsize)
{
	int fd = new_client_buffer(10);

	ck_assert_int_eq(write_text(fd, "0123456789a"), -EMSGSIZE);
	fill(0, 10);
	ck_assert_int_eq(write_text(fd, "0123456789a"), -EMSGSIZE);
	set_blocking(fd);
	ck_assert_int_eq(write_text(fd, "0123456789a"), -EMSGSIZE);
	check_reads(fd, "xxxxxxxxxx");
	check_nothing_lost(fd);
}
END_TEST

#define HUGE_WRITE	(1 << 26)	/* in the address space of 32 bits, too */

START_TEST(a_huge_write_is_emsgsize)
{
	int fd = new_buffer(PAGE);
	struct iovec pieces[2] = {
		{ hole(), HUGE_WRITE }, { hole(), HUGE_WRITE },
	};

	ck_assert_int_eq(result_of(write(fd, hole(), HUGE_WRITE)),
			 -EMSGSIZE);
	ck_assert_int_eq(result_of(writev(fd, pieces, 2)), -EMSGSIZE);
	check_nothing_lost(fd);
}
END_TEST

/* The most that is copied with interrupts off */
START_TEST(a_write_has_64_kib_at_most)
{
	static char data[BUFFLINK_WRITE_MAX + 1];
	struct iovec pieces[2] = {
		{ data, BUFFLINK_WRITE_MAX / 2 },
		{ data, BUFFLINK_WRITE_MAX / 2 },
	};
	int fd = new_buffer(4 * BUFFLINK_WRITE_MAX);

	ck_assert_int_eq(BUFFLINK_WRITE_MAX, 65536);
	ck_assert_int_eq(result_of(write(fd, data, 65536)), 65536);
	ck_assert_int_eq(result_of(writev(fd, pieces, 2)), 65536);
	ck_assert_int_eq(result_of(write(fd, data, 65537)), -EMSGSIZE);
	pieces[1].iov_len++;
	ck_assert_int_eq(result_of(writev(fd, pieces, 2)), -EMSGSIZE);
	set_blocking(fd);
	ck_assert_int_eq(result_of(write(fd, data, 65537)), -EMSGSIZE);
	ck_assert_int_eq(result_of(writev(fd, pieces, 2)), -EMSGSIZE);
	ck_assert_uint_eq(stats(fd).records, 2);
	ck_assert_int_eq(readable(fd), 2 * 65536);
	check_nothing_lost(fd);
}
END_TEST

/* Nobody looks at bytes that are too many: here there are none. */
START_TEST(a_write_that_is_too_large_is_emsgsize_and_not_a_fault)
{
	int fd = new_buffer(4 * BUFFLINK_WRITE_MAX);
	struct iovec pieces[2] = {
		{ hole(), BUFFLINK_WRITE_MAX }, { hole(), 1 },
	};

	ck_assert_int_eq(result_of(write(fd, hole(), 65537)), -EMSGSIZE);
	ck_assert_int_eq(result_of(writev(fd, pieces, 2)), -EMSGSIZE);
	ck_assert_int_eq(result_of(write(fd, hole(), 65536)), -EFAULT);
	ck_assert_int_eq(readable(fd), 0);
	check_nothing_lost(fd);
}
END_TEST

/* Of a client, a record may be as large as the buffer. */
START_TEST(an_append_may_have_more_than_64_kib)
{
	int fd = new_buffer(4 * BUFFLINK_WRITE_MAX);

	ck_assert_int_eq(append_record(0, BUFFLINK_WRITE_MAX + 1), 0);
	ck_assert_int_eq(readable(fd), BUFFLINK_WRITE_MAX + 1);
}
END_TEST

START_TEST(after_destroy_write_is_epipe)
{
	int fd = new_buffer(PAGE);

	destroy_buffer();
	ck_assert_int_eq(write_text(fd, "text"), -EPIPE);
	ck_assert_int_eq(write_nowait(fd, "text"), -EPIPE);
	set_blocking(fd);
	ck_assert_int_eq(write_text(fd, "text"), -EPIPE);
}
END_TEST

START_TEST(after_destroy_a_full_buffer_is_epipe_too)
{
	int fd = new_client_buffer(10);

	fill(0, 10);
	destroy_buffer();
	ck_assert_int_eq(write_text(fd, "text"), -EPIPE);
	set_blocking(fd);
	ck_assert_int_eq(write_text(fd, "text"), -EPIPE);
}
END_TEST

START_TEST(destroy_ends_a_write_that_waits_for_room)
{
	int fd = new_buffer(PAGE);
	struct call writers[3];
	unsigned int i;

	fill(0, PAGE);
	for (i = 0; i < 3; i++)
		start_sleeping_write(&writers[i], fd, "text");
	destroy_buffer();
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(call_finish(&writers[i]), -EPIPE);
	ck_assert_int_eq(readable(fd), PAGE);
}
END_TEST

START_TEST(a_fault_is_efault_and_stores_nothing)
{
	int fd = new_buffer(PAGE);
	char *end = page_before_a_hole();

	memset(end - PAGE, 'y', PAGE);
	ck_assert_int_eq(result_of(write(fd, hole(), 10)), -EFAULT);
	ck_assert_int_eq(result_of(write(fd, end - 10, 11)), -EFAULT);
	ck_assert_int_eq(result_of(write(fd, end - 2000, 2100)), -EFAULT);
	ck_assert_int_eq(readable(fd), 0);
	ck_assert_uint_eq(stats(fd).records, 0);
	ck_assert_int_eq(result_of(write(fd, end - 3, 3)), 3);
	check_reads(fd, "yyy");
	check_nothing_lost(fd);
}
END_TEST

static void group_write(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY);
	ssize_t size = strlen(text);

	ck_assert_int_eq(write(fd, text, size), size);
	close(fd);
}

/* In a group that may not have a page more. This must not touch a new one. */
static int write_without_memory(void *arg)
{
	static char data[BUFFLINK_WRITE_MAX];
	int fd = *(int *)arg;

	must(!mlockall(MCL_CURRENT));
	group_write(GROUP "/cgroup.procs", "0");
	if (result_of(write(fd, data, sizeof(data))) != -ENOMEM)
		return 1;
	return result_of(write(fd, data, 100)) != -ENOMEM;
}

START_TEST(a_write_without_memory_is_enomem_and_kills_no_program)
{
	int fd = new_buffer(BUFFLINK_WRITE_MAX);

	if (!exists("/proc/cgroups"))
		return;
	if (mount("cgroup2", GROUPS, "cgroup2", 0, NULL))
		ck_assert_int_eq(errno, EBUSY);
	group_write(GROUPS "/cgroup.subtree_control", "+memory");
	if (mkdir(GROUP, 0755))
		ck_assert_int_eq(errno, EEXIST);
	group_write(GROUP "/memory.max", "0");
	ck_assert_int_eq(finish(start(write_without_memory, &fd)), 0);
	ck_assert_int_eq(rmdir(GROUP), 0);
	ck_assert_uint_eq(stats(fd).records, 0);
	ck_assert_int_eq(write_text(fd, "text"), 4);
	check_reads(fd, "text");
	check_nothing_lost(fd);
}
END_TEST

START_TEST(a_bad_second_piece_is_efault_and_stores_nothing)
{
	int fd = new_buffer(PAGE);
	struct iovec pieces[] = { { "abc", 3 }, { hole(), 4 } };

	ck_assert_int_eq(result_of(writev(fd, pieces, 2)), -EFAULT);
	ck_assert_int_eq(readable(fd), 0);
	ck_assert_uint_eq(stats(fd).bytes, 0);
	check_nothing_lost(fd);
}
END_TEST

START_TEST(a_refused_write_is_no_loss)
{
	int fd = new_client_buffer(10);

	ck_assert_int_eq(write_text(fd, "0123456789a"), -EMSGSIZE);
	ck_assert_int_eq(result_of(write(fd, hole(), 5)), -EFAULT);
	fill(0, 10);
	ck_assert_int_eq(write_text(fd, "x"), -EAGAIN);
	check_nothing_lost(fd);
	ck_assert_uint_eq(sysfs_value(NUMBER, "lost_records"), 0);
	ck_assert_uint_eq(sysfs_value(NUMBER, "lost_bytes"), 0);
	ck_assert_uint_eq(sysfs_value(NUMBER, "overflow"), 0);
}
END_TEST

#define WRITERS	4
#define WRITES	300

static const char *const texts[WRITERS] = {
	"<first>", "<the second>", "<3>", "<and here is the fourth of them>",
};

struct writing {
	int number;
	const char *text;
};

static int write_often(void *arg)
{
	struct writing *writing = arg;
	int fd = open_buffer(writing->number, O_WRONLY);
	unsigned int i;

	for (i = 0; i < WRITES; i++)
		if (write_text(fd, writing->text) !=
		    (long)strlen(writing->text))
			return 1;
	return 0;
}

/* Which of the texts is at next: its number, or a failed test */
static unsigned int text_at(const char *next)
{
	unsigned int i;

	for (i = 0; i < WRITERS; i++)
		if (!strncmp(next, texts[i], strlen(texts[i])))
			return i;
	ck_abort_msg("not one of the texts: %.40s", next);
}

START_TEST(writes_of_several_processes_do_not_mix)
{
	int fd = new_client_buffer(100);
	unsigned int seen[WRITERS] = { 0 };
	pid_t pids[WRITERS];
	size_t total = 0;
	char *all, *next;
	unsigned int i;

	for (i = 0; i < WRITERS; i++) {
		struct writing writing = { NUMBER, texts[i] };

		pids[i] = start(write_often, &writing);
		total += WRITES * strlen(texts[i]);
	}
	all = calloc(1, total + 1);
	read_all(fd, all, total);
	for (next = all; *next; next += strlen(texts[i])) {
		i = text_at(next);
		seen[i]++;
	}
	for (i = 0; i < WRITERS; i++) {
		ck_assert_uint_eq(seen[i], WRITES);
		ck_assert_int_eq(finish(pids[i]), 0);
	}
	check_nothing_lost(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("write");

	/* The contract promises -EPIPE and is silent on the signal. */
	signal(SIGPIPE, SIG_IGN);
	add_case(suite, "append",
		 write_is_one_append,
		 writev_is_one_append,
		 write_fills_the_buffer_to_the_last_byte,
		 zero_bytes_written_is_zero_and_no_record,
		 write_wakes_a_sleeping_reader,
		 writes_of_several_processes_do_not_mix);
	add_case(suite, "room",
		 write_without_room_is_eagain_with_o_nonblock,
		 write_without_room_is_eagain_with_rwf_nowait,
		 write_waits_for_room,
		 write_waits_until_there_is_room_for_the_whole,
		 a_small_write_passes_one_that_waits,
		 room_wakes_every_writer_that_waits,
		 a_writer_has_the_room_that_a_slow_reader_has_made,
		 an_interrupted_write_is_eintr_and_stores_nothing);
	add_case(suite, "refused",
		 a_write_larger_than_the_buffer_is_emsgsize,
		 a_huge_write_is_emsgsize,
		 a_write_has_64_kib_at_most,
		 a_write_that_is_too_large_is_emsgsize_and_not_a_fault,
		 an_append_may_have_more_than_64_kib,
		 after_destroy_write_is_epipe,
		 after_destroy_a_full_buffer_is_epipe_too,
		 destroy_ends_a_write_that_waits_for_room,
		 a_fault_is_efault_and_stores_nothing,
		 a_bad_second_piece_is_efault_and_stores_nothing,
		 a_write_without_memory_is_enomem_and_kills_no_program,
		 a_refused_write_is_no_loss);
	return run_suite(suite);
}
