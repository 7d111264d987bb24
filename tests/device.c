// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "device.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

static volatile sig_atomic_t signals_seen[NSIG];

void add_tests(Suite *suite, const char *name, int loops, const TTest **tests)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, producer_setup, producer_teardown);
	tcase_set_timeout(tcase, 3 * PATIENCE_S / 2);
	while (*tests)
		tcase_add_loop_test(tcase, *tests++, 0, loops);
	suite_add_tcase(suite, tcase);
}

TCase *add_tests_of(Suite *suite, const char *name, void (*out)(void),
		    const TTest **tests)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, out, out);
	tcase_set_timeout(tcase, 3 * PATIENCE_S);
	while (*tests)
		tcase_add_test(tcase, *tests++);
	suite_add_tcase(suite, tcase);
	return tcase;
}

long result_of(long result)
{
	return result < 0 ? -errno : result;
}

static void *call_run(void *arg)
{
	struct call *call = arg;
	long *args = call->args;

	__atomic_store_n(&call->tid, gettid(), __ATOMIC_RELEASE);
	call->result = result_of(syscall(call->number, args[0], args[1],
					 args[2], args[3], args[4], args[5]));
	return NULL;
}

void call_start_args(struct call *call, long number, const long *args)
{
	call->number = number;
	call->tid = 0;
	memcpy(call->args, args, sizeof(call->args));
	ck_assert_int_eq(pthread_create(&call->thread, NULL, call_run, call),
			 0);
}

static bool call_sleeps(struct call *call)
{
	long number;

	return __atomic_load_n(&call->tid, __ATOMIC_ACQUIRE) &&
	       is_asleep(call->tid, &number) && number == call->number;
}

void call_wait_asleep(struct call *call)
{
	wait_for(call_sleeps(call));
}

void call_signal(struct call *call, int sig)
{
	ck_assert_int_eq(pthread_kill(call->thread, sig), 0);
}

long call_finish(struct call *call)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += PATIENCE_MS / 1000;
	ck_assert_msg(!pthread_timedjoin_np(call->thread, NULL, &end),
		      "system call %ld does not return", call->number);
	return call->result;
}

static void count_signal(int sig)
{
	signals_seen[sig]++;
}

void handle_signal(int sig, int flags)
{
	struct sigaction action = {
		.sa_handler = count_signal,
		.sa_flags = flags,
	};

	ck_assert_int_eq(sigaction(sig, &action, NULL), 0);
}

int signals(int sig)
{
	return signals_seen[sig];
}

/* s390x counts them with the few other calls of one CPU to another, or itself */
static const char *irq_work_counts(char *line, size_t size)
{
	FILE *file = fopen("/proc/interrupts", "r");

	ck_assert_ptr_nonnull(file);
	do {
		ck_assert_ptr_nonnull(fgets(line, size, file));
	} while (!strstr(line, "IRQ work interrupts") &&
		 !strstr(line, "External Call"));
	fclose(file);
	return strchr(line, ':') + 1;
}

long irq_work_interrupts(void)
{
	char line[1024];

	return strtol(irq_work_counts(line, sizeof(line)), NULL, 10);
}

long all_irq_work_interrupts(void)
{
	char line[1024], *end;
	const char *text = irq_work_counts(line, sizeof(line));
	long count, sum = 0;

	while (count = strtol(text, &end, 10), end != text) {
		sum += count;
		text = end;
	}
	return sum;
}

static char *map_pages(unsigned int pages)
{
	char *map = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(map, MAP_FAILED);
	return map;
}

char *page_before_a_hole(void)
{
	char *map = map_pages(2);

	ck_assert_int_eq(mprotect(map + PAGE, PAGE, PROT_NONE), 0);
	return map + PAGE;
}

char *hole(void)
{
	char *map = map_pages(1);

	ck_assert_int_eq(mprotect(map, PAGE, PROT_NONE), 0);
	return map;
}

struct slow_page slow_page(void)
{
	struct slow_page slow = {
		.page = map_pages(1),
		.uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK),
	};
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { .start = (uintptr_t)slow.page, .len = PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	ck_assert_int_ge(slow.uffd, 0);
	ck_assert_int_eq(ioctl(slow.uffd, UFFDIO_API, &api), 0);
	ck_assert_int_eq(ioctl(slow.uffd, UFFDIO_REGISTER, &range), 0);
	return slow;
}

void slow_page_wait_touched(struct slow_page *slow)
{
	struct uffd_msg message;

	ck_assert_int_eq(poll_for(slow->uffd, POLLIN, PATIENCE_MS), POLLIN);
	ck_assert_int_eq(read(slow->uffd, &message, sizeof(message)),
			 sizeof(message));
	ck_assert_int_eq(message.event, UFFD_EVENT_PAGEFAULT);
}

void slow_page_fill(struct slow_page *slow)
{
	struct uffdio_zeropage zero = {
		.range = { .start = (uintptr_t)slow->page, .len = PAGE },
	};

	ck_assert_int_eq(ioctl(slow->uffd, UFFDIO_ZEROPAGE, &zero), 0);
}

void slow_page_remove(struct slow_page *slow)
{
	struct uffdio_range range = {
		.start = (uintptr_t)slow->page, .len = PAGE,
	};

	ck_assert_int_eq(munmap(slow->page, PAGE), 0);
	ck_assert_int_eq(ioctl(slow->uffd, UFFDIO_WAKE, &range), 0);
}

void stuck_reader_start(struct stuck_reader *stuck, int fd, size_t size)
{
	stuck->slow = slow_page();
	call_start(&stuck->call, SYS_read, fd, (long)stuck->slow.page, size);
	slow_page_wait_touched(&stuck->slow);
}

int new_client_buffer(uint64_t size)
{
	struct producer_create made = create(0, PRODUCER_KMALLOC, size, -1);

	ck_assert_int_eq(made.result, 0);
	return open_buffer(made.number, O_RDWR | O_NONBLOCK);
}

void destroy_buffer(void)
{
	ck_assert_int_eq(destroy(0), 0);
}

void append_text(const char *text)
{
	ck_assert_int_eq(append(0, text, strlen(text)), 0);
}

void lose(size_t size)
{
	ck_assert_int_eq(append_record(0, size), -ENOSPC);
}

void check_counts(int fd, __u64 size, __u64 used, __u64 bytes)
{
	struct bufflink_stats now = stats(fd);

	ck_assert_uint_eq(now.size, size);
	ck_assert_uint_eq(now.used, used);
	ck_assert_uint_eq(now.bytes, bytes);
	ck_assert_uint_eq(now.bytes_read, bytes - used);
	ck_assert_int_eq(readable(fd), used);
	ck_assert_uint_eq(sysfs_value(NUMBER, "size"), size);
	ck_assert_uint_eq(sysfs_value(NUMBER, "used"), used);
}

void check_loss_is(const struct bufflink_loss *report, __u64 records,
		   __u64 bytes, __u64 first, __u64 last)
{
	ck_assert_uint_eq(report->records, records);
	ck_assert_uint_eq(report->bytes, bytes);
	ck_assert_uint_eq(report->first, first);
	ck_assert_uint_eq(report->last, last);
}

void check_loss(int fd, __u64 records, __u64 bytes, __u64 first, __u64 last)
{
	struct bufflink_loss report = loss(fd);

	check_loss_is(&report, records, bytes, first, last);
}

void check_reads(int fd, const char *text)
{
	char got[PAGE] = "";

	ck_assert_uint_lt(strlen(text), sizeof(got));
	ck_assert_int_eq(result_of(read(fd, got, sizeof(got) - 1)),
			 strlen(text));
	ck_assert_str_eq(got, text);
}
