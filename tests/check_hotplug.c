// SPDX-License-Identifier: GPL-2.0-only
/*
 * A CPU goes off while producers append on it. Its last appends, down to those
 * from the switch to its idle task, must not be forgotten with it: each kind of
 * waiter is told; and the buffer, and both modules, can go while the CPU is off.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "device.h"
#include "waiters.h"

#define SIZE		(4 * PAGE)
#define RING		PAGE
#define CYCLES_MS	1000	/* of one kind of waiter */
#define CYCLES		3	/* at least */
#define CONTEXTS	3
#define READERS		3

/* A child that runs on the CPU that goes off */
struct load {
	enum producer_context context;
	unsigned int gap_us;
	pid_t pid;
};

static struct load loads[CONTEXTS] = {
	{ .context = PRODUCER_PROCESS, .gap_us = 150 },
	{ .context = PRODUCER_HARDIRQ, .gap_us = 100 },
	{ .context = PRODUCER_SCHED_SWITCH },
};

static struct channel channel;
static unsigned int seed = 1;

/* The CPU that goes off: the last; 0 if there is only one, which stays. */
static unsigned int victim(void)
{
	return sysconf(_SC_NPROCESSORS_CONF) - 1;
}

static int try_switch(char on)
{
	char path[64];
	int result;
	int fd;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online",
		 victim());
	fd = open(path, O_WRONLY | O_CLOEXEC);
	must(fd >= 0);
	result = result_of(write(fd, &on, 1));
	close(fd);
	return result;
}

static void switch_cpu(char on)
{
	int result = try_switch(on);

	ck_assert_msg(result == 1, "CPU %u, '%c': %s", victim(), on,
		      strerror(-result));
}

/* A test that has failed may have left it off, and that may hang the next. */
static void all_on(void)
{
	if (victim())
		try_switch('1');
}

static int produce(void *arg)
{
	struct load *load = arg;
	struct producer_run records = {
		.context = load->context, .gap_us = load->gap_us,
		.count = 1ull << 60, .size_min = 1, .size_max = 1,
	};

	pin(victim());
	return ioctl(producer, PRODUCER_RUN, &records) ? 1 : 0;
}

/* A reader wakes the waiters for room. */
static int consume(void *arg)
{
	unsigned int *state = arg;

	pin(victim());
	for (;;) {
		channel_take(&channel, 1 + rand_r(state) % 2048);
		usleep(50);
	}
	return 0;
}

static __u64 moved(void)
{
	struct bufflink_stats now = stats(channel.fd);

	return now.records + now.lost_records + now.bytes_read;
}

static void start_load(enum need need)
{
	__u64 before = moved();
	unsigned int chosen = 1 + rand_r(&seed) % ((1 << CONTEXTS) - 1);
	int i;

	for (i = 0; i < CONTEXTS; i++) {
		loads[i].pid = 0;
		if (need == ROOM && !i)
			loads[i].pid = start(consume, &seed);
		else if (need != ROOM && chosen & 1 << i)
			loads[i].pid = start(produce, &loads[i]);
	}
	wait_for(moved() > before + 20);
}

static void end_load(void)
{
	int i;

	for (i = 0; i < CONTEXTS; i++) {
		if (!loads[i].pid)
			continue;
		ck_assert_int_eq(kill(loads[i].pid, SIGKILL), 0);
		ck_assert_msg(finished(loads[i].pid, PATIENCE_MS),
			      "the load of context %u does not end",
			      loads[i].context);
		ck_assert_int_eq(waitpid(loads[i].pid, NULL, 0), loads[i].pid);
	}
}

/* In half of the rounds the tick wakes. */
static void draw_watermark(void)
{
	ck_assert_int_eq(set_watermark(channel.fd,
				       rand_r(&seed) % 2 ? SIZE : 1), 0);
}

static void go_off(void)
{
	pause_ms(rand_r(&seed) % 10);
	switch_cpu('0');
	end_load();
}

static void wait_until_off(const struct waiter_kind *kind, unsigned int count,
			   unsigned int round)
{
	if (kind->need != DATA)
		channel_fill(&channel);
	draw_watermark();
	waiters_release(count, &seed);
	start_load(kind->need);
	go_off();
	waiters_take_all(round);
	waiters_stop();
}

static void cycle(const struct waiter_kind *kind, unsigned int round)
{
	unsigned int count = 1 + rand_r(&seed) % WAITERS_MAX;

	wait_until_off(kind, count, round);
	waiters_tell(count, round);
	switch_cpu('1');
}

static int destroy_it(void *unused)
{
	(void)unused;
	return destroy(0) ? 1 : 0;
}

/* By a child, as it may hang: the test must come to its end. */
static void check_destroy_returns(void)
{
	pid_t pid = start(destroy_it, NULL);

	ck_assert_msg(finished(pid, PATIENCE_MS),
		      "destroy does not return while a CPU is off");
	ck_assert_int_eq(finish(pid), 0);
}

static void check_modules_unload(void)
{
	producer_unload();
	ck_assert_int_eq(unload("bufflink"), 0);
	ck_assert_int_eq(load("bufflink", ""), 0);
}

START_TEST(every_waiter_is_told_when_a_CPU_goes_offline_and_at_the_end)
{
	const struct waiter_kind *kind = &waiter_kinds[_i];
	unsigned int round;
	__u64 end;

	if (!victim())
		return;
	set_probes();
	channel = channel_buffer(SIZE);
	if (kind->need == LOSS)
		channel_fill(&channel);
	loss(channel.fd);
	waiters_start(kind, &channel, -1);
	end = now_ms() + CYCLES_MS;
	for (round = 0; round < CYCLES || now_ms() < end; round++)
		cycle(kind, round);

	wait_until_off(kind, WAITERS_MAX, round);
	waiters_end(check_destroy_returns);
	close(channel.fd);
	check_modules_unload();
	switch_cpu('1');
}
END_TEST

static int poll_to_the_end(void *fd)
{
	char data[PAGE];
	ssize_t got;

	do {
		poll_for(*(int *)fd, POLLIN, -1);
		got = read(*(int *)fd, data, sizeof(data));
	} while (got > 0 || (got < 0 && errno == EAGAIN));
	return got < 0;
}

/* The last of them to end closes the buffer last. */
static void check_readers_end(const pid_t *readers)
{
	int i;

	for (i = 0; i < READERS; i++) {
		ck_assert_msg(finished(readers[i], PATIENCE_MS),
			      "reader %d of a destroyed buffer does not end while a CPU is off",
			      i);
		ck_assert_int_eq(finish(readers[i]), 0);
	}
}

/* The idle task of a CPU that is offline calls this, with interrupts off. */
#define LAST_CALL	"cpuhp_report_idle_dead"

static void read_the_last_append(int fd)
{
	struct pollfd pollfd = { fd, POLLPRI, 0 };
	struct call reader, watcher;
	char byte = 0;

	call_start(&watcher, SYS_ppoll, (long)&pollfd, 1);
	call_wait_asleep(&watcher);
	call_start(&reader, SYS_read, fd, (long)&byte, 1);
	call_wait_asleep(&reader);
	switch_cpu('0');
	ck_assert_int_eq(call_finish(&reader), 1);
	ck_assert_int_eq(byte, 'p');

	fill(0, SIZE);
	switch_cpu('1');
	switch_cpu('0');
	ck_assert_int_eq(call_finish(&watcher), 1);
	ck_assert_uint_eq(loss(fd).records, 1);
	switch_cpu('1');
	drain(fd);
}

/* It is offline already, so no irq_work would run there. */
START_TEST(an_append_of_a_CPU_that_is_offline_wakes)
{
	unsigned int round;
	int fd;

	if (!victim())
		return;
	fd = open_buffer(create_buffer(0, SIZE), O_RDONLY);
	append_from_probe(LAST_CALL);
	for (round = 0; round < CYCLES; round++)
		read_the_last_append(fd);
	ck_assert_uint_eq(append_from_probe("").lost, CYCLES);
}
END_TEST

/* A ring has room for one such record and its header, but not for two. */
static int write_there(void *fd)
{
	static const char data[RING / 2];

	pin(victim());
	while (write(*(int *)fd, data, sizeof(data)) == sizeof(data))
		;
	return 1;
}

/* It sleeps as its ring is full. The ring of the CPU that it comes to is not. */
START_TEST(a_writer_to_a_per_CPU_buffer_goes_on_when_its_CPU_goes_offline)
{
	__u64 before;
	pid_t writer;
	int fd;

	if (!victim())
		return;
	fd = open_buffer(create_percpu(0, RING), O_WRONLY);
	writer = start(write_there, &fd);
	wait_for(stats(fd).records);
	wait_asleep(writer);
	before = stats(fd).records;
	switch_cpu('0');
	wait_for(stats(fd).records > before);
	switch_cpu('1');
}
END_TEST

/* Some of them block, some poll. */
static pid_t start_reader(bool polls)
{
	int fd = open_buffer(NUMBER, O_RDONLY | (polls ? O_NONBLOCK : 0));
	pid_t pid = start(polls ? poll_to_the_end : read_to_the_end, &fd);

	close(fd);
	return pid;
}

static void destroy_while_off(void)
{
	pid_t readers[READERS];
	int i;

	channel = channel_buffer(SIZE);
	for (i = 0; i < READERS; i++)
		readers[i] = start_reader(i % 2);
	draw_watermark();
	start_load(DATA);
	go_off();
	close(channel.fd);
	check_destroy_returns();
	check_readers_end(readers);
}

START_TEST(a_buffer_is_destroyed_while_a_CPU_is_offline)
{
	unsigned int round;
	__u64 end = now_ms() + CYCLES_MS;

	if (!victim())
		return;
	set_probes();
	for (round = 0; round < CYCLES || now_ms() < end; round++) {
		destroy_while_off();
		switch_cpu('1');
	}
}
END_TEST

START_TEST(the_modules_are_unloaded_while_a_CPU_is_offline)
{
	if (!victim())
		return;
	set_probes();
	destroy_while_off();
	check_modules_unload();
	switch_cpu('1');
}
END_TEST

static TCase *add(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, all_on, all_on);
	tcase_add_checked_fixture(tcase, producer_setup, producer_teardown);
	tcase_set_timeout(tcase, 3 * PATIENCE_S);
	suite_add_tcase(suite, tcase);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("hotplug");
	TCase *tcase;
	int result;

	tcase_add_loop_test(add(suite, "waiters"),
			    every_waiter_is_told_when_a_CPU_goes_offline_and_at_the_end,
			    0, WAITER_KINDS);
	tcase = add(suite, "offline");
	tcase_add_test(tcase, an_append_of_a_CPU_that_is_offline_wakes);
	tcase_add_test(tcase,
		       a_writer_to_a_per_CPU_buffer_goes_on_when_its_CPU_goes_offline);
	tcase = add(suite, "the end");
	tcase_add_test(tcase, a_buffer_is_destroyed_while_a_CPU_is_offline);
	tcase_add_test(tcase, the_modules_are_unloaded_while_a_CPU_is_offline);
	result = run_suite(suite);
	all_on();
	return result;
}
