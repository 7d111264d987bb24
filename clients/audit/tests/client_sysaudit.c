// SPDX-License-Identifier: GPL-2.0-only
/* The auditor of system calls: its records, filters and losses, its tool. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "bufflink_sysaudit.h"
#include "tool.h"

#define AUDITOR		"bufflink_sysaudit"
#define STREAM_MAX	(32 << 20)
#define NOBODY		65534
#define PIPE_SIZE	65536
#define BEYOND		1024	/* a number that filters do not have */

#if defined(__x86_64__)
#define NATIVE_ARCH	AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define NATIVE_ARCH	AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define NATIVE_ARCH	AUDIT_ARCH_AARCH64
#elif defined(__s390x__)
#define NATIVE_ARCH	AUDIT_ARCH_S390X
#endif

/* A kernel of our own may have none; this is what switches them on. */
static bool kernel_has_tracepoints(void)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	char line[256];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, " syscall_regfunc\n");
	if (file)
		fclose(file);
	return found;
}

static void auditor_out(void)
{
	int err = unload(AUDITOR);

	ck_assert(!err || err == -ENOENT);
}

/* Gives the buffer, opened; its number is 0, as there is no other. */
static int auditor_in(const char *parameters)
{
	ck_assert_int_eq(load(AUDITOR, parameters), 0);
	return open_buffer(0, O_RDONLY | O_NONBLOCK);
}

/* The same for the tool, which is to be the only reader: to ask, not to read. */
static int auditor_in_for_tool(const char *parameters)
{
	ck_assert_int_eq(load(AUDITOR, parameters), 0);
	return open_buffer(0, O_WRONLY);
}

static void set(const char *name, unsigned int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	parameter_write(AUDITOR, name, text);
}

/* The stream, record by record: read whole, into as much as the buffer has. */
struct audit {
	int fd;
	size_t have;
	size_t done;
	__u64 records;
	char data[STREAM_MAX];
};

static struct audit *audit_of(int fd)
{
	struct audit *audit = malloc(sizeof(*audit));

	ck_assert_ptr_nonnull(audit);
	audit->fd = fd;
	audit->have = 0;
	audit->done = 0;
	audit->records = 0;
	return audit;
}

/* The next record that is there, or NULL. */
static const struct sysaudit_entry *next(struct audit *audit)
{
	const struct sysaudit_head *head;
	ssize_t got;

	if (audit->done == audit->have) {
		got = read(audit->fd, audit->data, sizeof(audit->data));
		ck_assert(got >= 0 || errno == EAGAIN);
		audit->have = got > 0 ? got : 0;
		audit->done = 0;
		if (got <= 0)
			return NULL;
	}
	head = (void *)(audit->data + audit->done);
	ck_assert_uint_eq(head->version, SYSAUDIT_VERSION);
	if (head->type == SYSAUDIT_EXIT)
		ck_assert_uint_eq(head->length, sizeof(struct sysaudit_exit));
	else if (head->length != sizeof(struct sysaudit_entry))
		ck_assert_uint_eq(head->length,
				  offsetof(struct sysaudit_entry, comm));
	audit->done += head->length;
	ck_assert_uint_le(audit->done, audit->have);
	audit->records++;
	return (const void *)head;
}

static bool has_comm(const struct sysaudit_entry *entry)
{
	return entry->head.length == sizeof(*entry);
}

static __s64 result_of(const struct sysaudit_entry *record)
{
	return ((const struct sysaudit_exit *)record)->result;
}

static const struct sysaudit_entry *entry_of(struct audit *audit, int number)
{
	const struct sysaudit_entry *entry = next(audit);

	ck_assert_ptr_nonnull(entry);
	ck_assert_uint_eq(entry->head.type, SYSAUDIT_ENTRY);
	ck_assert_int_eq(entry->head.number, number);
	return entry;
}

static void exit_of(struct audit *audit, int number, __s64 result)
{
	const struct sysaudit_entry *exit = next(audit);

	ck_assert_ptr_nonnull(exit);
	ck_assert_uint_eq(exit->head.type, SYSAUDIT_EXIT);
	ck_assert_int_eq(exit->head.number, number);
	ck_assert_int_eq(result_of(exit), result);
}

/*
 * A child that is let go when the auditor knows its pid. What it is doing then
 * is reading the gate; the end of that is the first record.
 */
struct child {
	int gate[2];
	void (*work)(void);
	pid_t pid;
};

static int wait_and_work(void *arg)
{
	struct child *child = arg;
	char byte;

	if (syscall(SYS_read, child->gate[0], &byte, 1) != 1)
		return 1;
	child->work();
	syscall(SYS_exit_group, 7);
	return 1;
}

static struct child child_of(void (*work)(void))
{
	struct child child = { .work = work };

	ck_assert_int_eq(pipe(child.gate), 0);
	child.pid = start(wait_and_work, &child);
	wait_asleep(child.pid);
	return child;
}

static void let_go(struct child *child)
{
	ck_assert_int_eq(write(child->gate[1], "x", 1), 1);
	ck_assert_int_eq(finish(child->pid), 7);
	close(child->gate[0]);
	close(child->gate[1]);
}

/* Filters for it, lets it work, and gives what it did after the gate. */
static struct audit *audited(int fd, struct child *child)
{
	struct audit *audit = audit_of(fd);

	set("pid", child->pid);
	drain(fd);
	let_go(child);
	exit_of(audit, SYS_read, 1);
	return audit;
}

static __u64 wall_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/* records */

static void known_calls(void)
{
	syscall(SYS_getppid);
	syscall(SYS_lseek, -1, 0x123456789abcL, 3);
	syscall(SYS_mmap, 1, 2, 3, 4, 5, 6);
	syscall(SYS_close, 1000);
	syscall(SYS_getppid);
}

START_TEST(the_calls_of_a_known_program_come_out_complete_and_in_order)
{
	static const int numbers[] = {
		SYS_getppid, SYS_lseek, SYS_mmap, SYS_close, SYS_getppid,
	};
	const __s64 results[] = {
		getpid(), -EBADF, -EINVAL, -EBADF, getpid(),
	};
	struct child child = child_of(known_calls);
	struct audit *audit = audited(auditor_in(""), &child);
	const struct sysaudit_entry *entry;
	__u64 i, n;

	for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		entry = entry_of(audit, numbers[i]);
		if (numbers[i] == SYS_lseek) {
			ck_assert_uint_eq((__u32)entry->args[0], -1u);
			ck_assert_uint_eq(entry->args[1], 0x123456789abc);
			ck_assert_uint_eq(entry->args[2], 3);
		}
		for (n = 0; n < 6 && numbers[i] == SYS_mmap; n++)
			ck_assert_uint_eq(entry->args[n], n + 1);
		exit_of(audit, numbers[i], results[i]);
	}
	entry = entry_of(audit, SYS_exit_group);
	ck_assert_uint_eq(entry->args[0], 7);
	ck_assert_ptr_null(next(audit));	/* nobody comes back from it */
	ck_assert_uint_eq(loss(audit->fd).records, 0);
}
END_TEST

static void *thread_calls(void *unused)
{
	syscall(SYS_getppid);
	return unused;
}

static void calls_in_a_thread(void)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, thread_calls, NULL), 0);
	pthread_join(thread, NULL);
}

START_TEST(a_thread_is_told_from_its_process_and_filtered_with_it)
{
	struct child child = child_of(calls_in_a_thread);
	struct audit *audit = audited(auditor_in("calls=0,110"), &child);
	const struct sysaudit_head *head = &entry_of(audit, SYS_getppid)->head;

	ck_assert_uint_eq(head->pid, child.pid);
	ck_assert_uint_ne(head->tid, child.pid);
}
END_TEST

static void calls_as_nobody(void)
{
	pin(1);
	ck_assert_int_eq(setresuid(NOBODY, 0, 0), 0);
	syscall(SYS_getppid);
}

START_TEST(a_record_tells_who_called_and_where_and_when)
{
	struct child child = child_of(calls_as_nobody);
	__u64 before = wall_clock();
	struct audit *audit = audited(auditor_in("calls=0,110"), &child);
	const struct sysaudit_head *head = &entry_of(audit, SYS_getppid)->head;
	__u32 sequence = head->sequence;

	ck_assert_uint_eq(head->cpu, 1);
	ck_assert_uint_eq(head->pid, child.pid);
	ck_assert_uint_eq(head->tid, child.pid);
	ck_assert_uint_eq(head->uid, NOBODY);
	ck_assert_uint_eq(head->arch, NATIVE_ARCH);
	ck_assert_uint_ge(head->time, before);
	before = head->time;

	head = &next(audit)->head;
	ck_assert_uint_eq(head->type, SYSAUDIT_EXIT);
	ck_assert_uint_eq(head->cpu, 1);
	ck_assert_uint_eq(head->tid, child.pid);
	ck_assert_uint_eq(head->uid, NOBODY);
	ck_assert_uint_eq(head->arch, NATIVE_ARCH);
	ck_assert_uint_eq(head->sequence, sequence + 1);
	ck_assert_uint_ge(head->time, before);
	ck_assert_uint_le(head->time, wall_clock());
}
END_TEST

/* All of the field is the kernel's, and none of what its stack had before. */
static void is_named(const struct sysaudit_entry *entry, const char *name)
{
	char padded[SYSAUDIT_COMM] = "";

	memcpy(padded, name, strlen(name));
	ck_assert(has_comm(entry));
	ck_assert_str_eq(entry->comm, name);
	ck_assert_mem_eq(entry->comm, padded, sizeof(padded));
}

static void renames(void)
{
	syscall(SYS_getppid);
	syscall(SYS_getppid);
	prctl(PR_SET_NAME, "another");
	syscall(SYS_getppid);
	syscall(SYS_getppid);
	prctl(PR_SET_NAME, "yet another one");
	prctl(PR_SET_NAME, "another");	/* 15 bytes and a zero */
	syscall(SYS_getppid);
}

START_TEST(comm_comes_first_and_whenever_it_changes)
{
	static const char * const comms[] = {
		"client_sysaudit", NULL, NULL, "another", NULL, NULL,
		"yet another one", "another", NULL,
	};
	struct child child = child_of(renames);
	struct audit *audit = audited(auditor_in(""), &child);
	const struct sysaudit_entry *record;
	size_t i = 0;

	while ((record = next(audit))) {
		if (record->head.type != SYSAUDIT_ENTRY)
			continue;
		ck_assert_uint_lt(i, sizeof(comms) / sizeof(*comms));
		ck_assert_int_eq(has_comm(record), !!comms[i]);
		if (comms[i])
			is_named(record, comms[i]);
		i++;
	}
	ck_assert_uint_eq(i, sizeof(comms) / sizeof(*comms));
}
END_TEST

static void executes(void)
{
	syscall(SYS_getppid);
	execl("/bin/busybox", "sh", "-c", "exit 7", NULL);
}

START_TEST(a_program_has_its_own_name_from_its_first_call_on)
{
	struct child child = child_of(executes);
	struct audit *audit = audited(auditor_in(""), &child);
	const struct sysaudit_entry *record;

	ck_assert_str_eq(entry_of(audit, SYS_getppid)->comm, "client_sysaudit");
	exit_of(audit, SYS_getppid, getpid());
	ck_assert(!has_comm(entry_of(audit, SYS_execve)));
	exit_of(audit, SYS_execve, 0);
	record = next(audit);
	is_named(record, "busybox");
	while ((record = next(audit)))
		ck_assert(record->head.type != SYSAUDIT_ENTRY ||
			  !has_comm(record));
}
END_TEST

static void handler(int number)
{
	(void)number;
	syscall(SYS_getppid);
}

static void is_signalled(void)
{
	signal(SIGUSR1, handler);
	syscall(SYS_kill, getpid(), SIGUSR1);
}

START_TEST(a_signal_handler_is_between_the_call_and_its_return)
{
	struct child child = child_of(is_signalled);
	struct audit *audit = audited(auditor_in("calls=0,15,62,110"), &child);

	entry_of(audit, SYS_kill);
	exit_of(audit, SYS_kill, 0);
	entry_of(audit, SYS_getppid);
	exit_of(audit, SYS_getppid, getpid());
	entry_of(audit, SYS_rt_sigreturn);
	exit_of(audit, -1, 0);
	ck_assert_ptr_null(next(audit));
}
END_TEST

#ifdef __x86_64__
#define COMPAT_GETPPID	64

static void calls_in_32_bits(void)
{
	long number = COMPAT_GETPPID;

	asm volatile("int $0x80" : "+a" (number) : : "memory");
}

START_TEST(a_32_bit_call_is_marked_by_its_arch_and_has_a_filter_of_its_own)
{
	struct child child = child_of(calls_in_32_bits);
	int fd = auditor_in("");
	struct audit *audit = audited(fd, &child);
	const struct sysaudit_entry *entry = entry_of(audit, COMPAT_GETPPID);

	ck_assert_uint_eq(entry->head.arch, AUDIT_ARCH_I386);
	exit_of(audit, COMPAT_GETPPID, getpid());
	entry_of(audit, SYS_exit_group);

	parameter_write(AUDITOR, "compat_calls", "\n");
	child = child_of(calls_in_32_bits);
	audit = audited(fd, &child);
	entry_of(audit, SYS_exit_group);
	ck_assert_ptr_null(next(audit));
}
END_TEST
#endif

/* losses */

#define CALLS	100000ul

static int hammer(void *arg)
{
	unsigned int cpu = (uintptr_t)arg;
	unsigned long i;

	pin(cpu);
	for (i = 0; i < CALLS; i++)
		syscall(SYS_getppid);
	return 0;
}

static struct audit *hammered(int fd)
{
	struct audit *audit = audit_of(fd);
	pid_t pids[2];
	int i;

	for (i = 0; i < 2; i++)
		pids[i] = start(hammer, (void *)(uintptr_t)i);
	for (i = 0; i < 2; i++) {
		while (!finished(pids[i], 10))
			while (next(audit))
				;
		ck_assert_int_eq(finish(pids[i]), 0);
	}
	while (next(audit))
		;
	return audit;
}

START_TEST(records_and_losses_are_the_calls_made_from_two_cpus_exactly)
{
	struct audit *audit = hammered(auditor_in("calls=110 buffer_size=65536"));
	struct bufflink_stats end = stats(audit->fd);

	ck_assert_uint_gt(end.lost_records, 0);
	ck_assert_uint_gt(audit->records, 0);
	ck_assert_uint_eq(audit->records, end.records);
	ck_assert_uint_eq(audit->records + loss(audit->fd).records,
			  2 * 2 * CALLS);
}
END_TEST

START_TEST(a_large_buffer_loses_none_of_them)
{
	struct audit *audit = hammered(auditor_in("calls=110 buffer_size=33554432"));

	ck_assert_uint_eq(loss(audit->fd).records, 0);
	ck_assert_uint_eq(audit->records, 2 * 2 * CALLS);
}
END_TEST

START_TEST(a_gap_in_the_sequence_of_a_cpu_is_a_loss)
{
	int fd = auditor_in("calls=110 buffer_size=4096");
	struct audit *audit = audit_of(fd);
	const struct sysaudit_entry *record;
	__u32 sequence = 0;
	__u64 kept = 0;
	int i;

	pin(0);
	for (i = 0; i < 100; i++)
		syscall(SYS_getppid);
	while ((record = next(audit))) {
		if (kept++)
			ck_assert_uint_eq(record->head.sequence, ++sequence);
		else
			sequence = record->head.sequence;
	}
	ck_assert_uint_eq(kept + loss(fd).records, 200);
	syscall(SYS_getppid);
	ck_assert_uint_eq(next(audit)->head.sequence, sequence + 201 - kept);
}
END_TEST

START_TEST(a_name_is_told_again_if_the_record_with_it_was_lost)
{
	int fd = auditor_in("calls=110 buffer_size=4096");
	struct audit *audit = audit_of(fd);
	const struct sysaudit_entry *entry;
	int i;

	for (i = 0; i < 100; i++)
		syscall(SYS_getppid);
	prctl(PR_SET_NAME, "lost");
	syscall(SYS_getppid);
	while (next(audit))
		;
	syscall(SYS_getppid);
	entry = entry_of(audit, SYS_getppid);
	is_named(entry, "lost");
	exit_of(audit, SYS_getppid, getppid());
	syscall(SYS_getppid);
	ck_assert(!has_comm(entry_of(audit, SYS_getppid)));
}
END_TEST

/* filters */

static void calls_twice(void)
{
	syscall(SYS_getppid);
	ck_assert_int_eq(setresuid(NOBODY, 0, 0), 0);
	syscall(SYS_getppid);
}

START_TEST(filters_by_call_number_can_be_set_and_changed)
{
	struct child child = child_of(known_calls);
	int fd = auditor_in("calls=0,3");
	struct audit *audit = audited(fd, &child);

	entry_of(audit, SYS_close);
	exit_of(audit, SYS_close, -EBADF);
	ck_assert_ptr_null(next(audit));

	child = child_of(known_calls);
	parameter_write(AUDITOR, "calls", "0,8-9");
	audit = audited(fd, &child);
	entry_of(audit, SYS_lseek);
	exit_of(audit, SYS_lseek, -EBADF);
	entry_of(audit, SYS_mmap);
	exit_of(audit, SYS_mmap, -EINVAL);
	ck_assert_ptr_null(next(audit));

	child = child_of(known_calls);
	set("pid", 0);
	parameter_write(AUDITOR, "calls", "\n");
	drain(fd);
	let_go(&child);
	ck_assert_ptr_null(next(audit));
}
END_TEST

START_TEST(filters_by_user_and_process_can_be_set_and_changed)
{
	struct child other = child_of(calls_twice);
	struct child child = child_of(calls_twice);
	int fd = auditor_in("uid=65534 calls=110");
	struct audit *audit = audit_of(fd);
	const struct sysaudit_entry *record;

	let_go(&child);
	record = entry_of(audit, SYS_getppid);
	ck_assert_uint_eq(record->head.pid, child.pid);
	ck_assert_uint_eq(record->head.uid, NOBODY);
	exit_of(audit, SYS_getppid, getpid());
	ck_assert_ptr_null(next(audit));

	child = child_of(calls_twice);
	set("uid", -1u);
	set("pid", child.pid);
	let_go(&other);
	let_go(&child);
	while ((record = next(audit)))
		ck_assert_uint_eq(record->head.pid, child.pid);
	ck_assert_uint_eq(audit->records, 2 + 4);
}
END_TEST

static void calls_beyond(void)
{
	syscall(BEYOND);
}

START_TEST(a_number_beyond_the_filters_passes_them)
{
	struct child child = child_of(calls_beyond);
	int fd = auditor_in("calls=0");
	struct audit *audit = audited(fd, &child);

	entry_of(audit, BEYOND);
	exit_of(audit, BEYOND, -ENOSYS);
	ck_assert_ptr_null(next(audit));
}
END_TEST

START_TEST(a_bad_filter_is_einval_and_changes_nothing)
{
	char text[64] = "";
	int fd;

	ck_assert_int_eq(load(AUDITOR, "calls=some"), -EINVAL);
	ck_assert_int_eq(load(AUDITOR, "uid=root"), -EINVAL);
	ck_assert_int_eq(load(AUDITOR, "reader=process"), -EINVAL);
	auditor_in("calls=1-3,7");
	fd = open("/sys/module/" AUDITOR "/parameters/calls", O_RDWR);
	ck_assert_int_lt(write(fd, "4-", 2), 0);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_gt(pread(fd, text, sizeof(text) - 1, 0), 0);
	ck_assert_str_eq(text, "1-3,7\n");
	fd = open("/sys/module/" AUDITOR "/parameters/reader", O_WRONLY);
	ck_assert_int_lt(write(fd, "me", 2), 0);
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(without_memory_it_leaves_nothing_behind)
{
	ck_assert_int_eq(load(AUDITOR, "buffer_size=1099511627776"), -ENOMEM);
	ck_assert(!exists("/dev/bufflink0"));
	ck_assert_int_eq(unload(AUDITOR), -ENOENT);
}
END_TEST

/* the tool, and who reads */

#define TOOL		"/t/bufflink-audit"

#define tool_to(out, ...)						\
	start_tool(TOOL, memory_file(""), out,				\
		   (char *[]){ "bufflink-audit", ##__VA_ARGS__, NULL })
#define tool(...)	tool_to(memory_file(""), ##__VA_ARGS__)

static void interrupt(struct tool *tool, int status)
{
	kill(tool->pid, SIGINT);
	ck_assert_int_eq(finish(tool->pid), status);
}

static int call_as_reader(void *unused)
{
	(void)unused;
	parameter_write(AUDITOR, "reader", "process");
	syscall(SYS_getppid);
	return 0;
}

/* A process of this number, which nobody has. */
static void call_as(pid_t pid)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&pid, .set_tid_size = 1,
	};
	pid_t child = syscall(SYS_clone3, &args, sizeof(args));

	if (!child) {
		syscall(SYS_getppid);
		_exit(0);
	}
	ck_assert_msg(child == pid, "%m");
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}

START_TEST(a_reader_is_left_out_by_itself_and_not_by_its_number)
{
	int fd = auditor_in("calls=110");
	struct audit *audit = audit_of(fd);
	pid_t reader = start(call_as_reader, NULL);

	ck_assert_int_eq(finish(reader), 0);
	ck_assert_ptr_null(next(audit));
	call_as(reader);
	ck_assert_int_eq(entry_of(audit, SYS_getppid)->head.pid, reader);
	exit_of(audit, SYS_getppid, getpid());
	ck_assert_ptr_null(next(audit));
}
END_TEST

START_TEST(who_is_a_reader_no_more_is_logged_and_names_are_told_anew)
{
	struct audit *audit = audit_of(auditor_in("calls=110"));
	pid_t parent = getppid();
	int i;

	drain(audit->fd);
	for (i = 0; i < 2; i++) {
		parameter_write(AUDITOR, "reader", i ? "group" : "process");
		syscall(SYS_getppid);
		parameter_write(AUDITOR, "reader", "none");
		syscall(SYS_getppid);
		is_named(entry_of(audit, SYS_getppid), "client_sysaudit");
		exit_of(audit, SYS_getppid, parent);
		ck_assert_ptr_null(next(audit));
	}
}
END_TEST

/* The records that come while the machine has nothing to do but wait. */
static __u64 records_of_a_moment(int fd)
{
	__u64 before = stats(fd).records;

	pause_ms(2 * MOMENT_MS);
	return stats(fd).records - before;
}

/* This suite waits with calls of its own: an ioctl and a sleep each time. */
static void does_not_loop(int fd)
{
	wait_for(records_of_a_moment(fd) < 30);
	ck_assert_uint_lt(records_of_a_moment(fd), 30);
	ck_assert_uint_gt(records_of_a_moment(fd), 0);
}

START_TEST(the_reader_is_not_given_its_own_calls)
{
	int fd = auditor_in_for_tool("");
	struct tool reader = tool("--json");

	wait_for(has_written(reader.out, "\"comm\":\"client_sysaudit\""));
	does_not_loop(fd);
	ck_assert(!has_written(reader.out, "\"call\":\"ppoll\""));
	interrupt(&reader, 0);
}
END_TEST

START_TEST(nor_is_its_process_group_those_of_each_other_if_it_asks)
{
	int fd = auditor_in_for_tool("");
	struct tool pipeline = start_tool("/bin/busybox", memory_file(""),
					  memory_file(""), (char *[]){
		"setsid", "sh", "-c", TOOL " -g | cat", NULL
	});

	wait_for(has_written(pipeline.out, "<client_sysaudit>"));
	does_not_loop(fd);
	kill(-pipeline.pid, SIGKILL);
	ck_assert(finished(pipeline.pid, PATIENCE_MS));
}
END_TEST

START_TEST(the_tool_prints_calls_as_strace_does)
{
	struct child child = child_of(known_calls);
	char expected[512], pid[32];
	struct tool reader;

	snprintf(pid, sizeof(pid), "pid=%d", child.pid);
	auditor_in_for_tool(pid);
	let_go(&child);
	memmove(pid, pid + strlen("pid="), sizeof(pid) - strlen("pid="));
	reader = tool("--no-wait", "--pid", pid);
	ck_assert_int_eq(finish(reader.pid), 0);
	snprintf(expected, sizeof(expected),
		 "%s<?> <... read resumed>) = 1\n"
		 "%s<client_sysaudit> getppid(", pid, pid);
	ck_assert_int_eq(strncmp(text_of(reader.out), expected,
				 strlen(expected)), 0);
	snprintf(expected, sizeof(expected),
		 "\n%s<client_sysaudit> mmap(0x1, 0x2, 0x3, 0x4, 0x5, 0x6) = -1 EINVAL (Invalid argument)\n"
		 "%s<client_sysaudit> close(0x3e8, ", pid, pid);
	ck_assert(has_written(reader.out, expected));
	snprintf(expected, sizeof(expected), ") = %d\n%s<client_sysaudit> exit_group(0x7, ",
		 getpid(), pid);
	ck_assert(has_written(reader.out, expected));
	ck_assert_str_eq(strstr(text_of(reader.out), ") = ?"), ") = ?\n");
	ck_assert_str_eq(text_of(reader.err), "");
}
END_TEST

static void calls_are(const char *parameter, const char *expected)
{
	char path[128], text[64] = "";
	int fd;

	snprintf(path, sizeof(path), "/sys/module/" AUDITOR "/parameters/%s",
		 parameter);
	fd = open(path, O_RDONLY);
	ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
	ck_assert_str_eq(text, expected);
	close(fd);
}

START_TEST(the_tool_sets_filters_by_name_and_reports_losses_with_status_3)
{
	static const char report[] = "bufflink-audit: lost 1";
	struct tool reader;
	int i;

	auditor_in_for_tool("buffer_size=4096 calls=110");
	for (i = 0; i < 100; i++)
		syscall(SYS_getppid);
	reader = tool("--no-wait", "-j", "-c", "lseek,close", "-u", "any");
	ck_assert_int_eq(finish(reader.pid), 3);
	ck_assert_int_eq(strncmp(text_of(reader.err), report, strlen(report)),
			 0);
	ck_assert(has_written(reader.out, "{\"type\":\"loss\",\"records\":1"));
	ck_assert(has_written(reader.out, "\"number\":110,\"call\":\"getppid\",\"args\":[\"0x"));
	calls_are("calls", "3,8\n");

	reader = tool("-c", "lseek,,close");
	ck_assert_int_eq(finish(reader.pid), 2);
	reader = tool("-c", "lseek,nonsense");
	ck_assert_int_eq(finish(reader.pid), 2);
	ck_assert_str_eq(text_of(reader.err),
			 "bufflink-audit: --calls: 'nonsense' is no call\n");
}
END_TEST

static void calls_and_is_interrupted(void)
{
	const struct itimerval soon = { .it_value.tv_usec = 20000 };

	signal(SIGALRM, handler);
	prctl(PR_SET_NAME, "a\n\033[m\377");
	setitimer(ITIMER_REAL, &soon, NULL);
	syscall(SYS_pause);
}

START_TEST(the_tool_prints_no_name_that_a_terminal_obeys)
{
	struct child child = child_of(calls_and_is_interrupted);
	unsigned long long seconds, nanoseconds;
	__u64 before = wall_clock();
	struct tool reader;
	char line[128];

	auditor_in_for_tool("calls=34");
	let_go(&child);
	reader = tool("--no-wait", "--time");
	ck_assert_int_eq(finish(reader.pid), 0);
	ck_assert_int_eq(sscanf(text_of(reader.out), "%llu.%9llu %127[^\n]",
				&seconds, &nanoseconds, line), 3);
	ck_assert_uint_ge(seconds * 1000000000 + nanoseconds, before);
	ck_assert_uint_le(seconds * 1000000000 + nanoseconds, wall_clock());
	ck_assert_ptr_nonnull(strstr(line, "<a\\x0a\\x1b[m\\xff> pause("));
	ck_assert_ptr_nonnull(strstr(line, ") = ? ERESTARTNOHAND"));
}
END_TEST

static int pause_once(void *unused)
{
	(void)unused;
	signal(SIGUSR1, handler);
	syscall(SYS_pause);
	return 0;
}

START_TEST(the_tool_says_where_calls_of_others_come_between)
{
	char expected[128];
	struct tool reader;
	pid_t child;

	auditor_in_for_tool("calls=34,110");
	child = start(pause_once, NULL);
	wait_asleep(child);
	syscall(SYS_getppid);
	reader = tool("--no-wait");
	ck_assert_int_eq(finish(reader.pid), GOOD);
	snprintf(expected, sizeof(expected),
		 ") <unfinished ...>\n%d<client_sysaudit> getppid(", getpid());
	ck_assert(has_written(reader.out, expected));

	kill(child, SIGUSR1);
	ck_assert_int_eq(finish(child), 0);
	child = start(pause_once, NULL);
	wait_asleep(child);
	reader = tool("--no-wait");
	ck_assert_int_eq(finish(reader.pid), GOOD);
	ck_assert(has_written(reader.out,
			      "<... pause resumed>) = ? ERESTARTNOHAND\n"));
	snprintf(expected, sizeof(expected), "%s", text_of(reader.out) +
		 strlen(text_of(reader.out)) - strlen(") <unfinished ...>\n"));
	ck_assert_str_eq(expected, ") <unfinished ...>\n");
	kill(child, SIGUSR1);
	ck_assert_int_eq(finish(child), 0);
}
END_TEST

START_TEST(the_tool_knows_both_ways_to_make_a_32_bit_call)
{
	struct tool reader;

	auditor_in_for_tool("buffer_size=4096 pid=1");
	reader = tool("-f", "-c", "socket");
	ck_assert_int_eq(finish(reader.pid), 0);
	calls_are("calls", "41\n");
	calls_are("compat_calls", "102,359\n");
	reader = tool("-f", "-c", "all");
	ck_assert_int_eq(finish(reader.pid), 0);
	calls_are("calls", "0-1023\n");
	calls_are("compat_calls", "0-1023\n");
}
END_TEST

static void call_getppid(int calls)
{
	while (calls--)
		syscall(SYS_getppid);
}

/* It has more to print than its pipe holds. */
static struct tool stuck_tool(int ends[2])
{
	struct tool stuck;

	call_getppid(450);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	stuck = tool_to(ends[1], "--json");
	close(ends[1]);
	wait_for(readable(ends[0]) == PIPE_SIZE);
	return stuck;
}

START_TEST(a_signal_ends_the_tool_when_all_that_it_knows_is_printed)
{
	static char data[1 << 20];
	struct tool stuck, rest;
	size_t size = 0;
	ssize_t got;
	int ends[2];

	int fd = auditor_in_for_tool("calls=110 buffer_size=98304");

	stuck = stuck_tool(ends);
	ck_assert_uint_eq(stats(fd).lost_records, 0);
	pin(0);
	call_getppid(2000);	/* more than there is room for on one CPU */
	kill(stuck.pid, SIGTERM);
	ck_assert(!finished(stuck.pid, MOMENT_MS));
	while ((got = read(ends[0], data + size, sizeof(data) - size - 1)) > 0)
		size += got;
	ck_assert_int_eq(finish(stuck.pid), GOOD);
	ck_assert_int_eq(data[size - 1], '\n');

	/* The loss is behind what was read: it is for the next reader. */
	ck_assert_ptr_null(strstr(data, "{\"type\":\"loss\","));
	rest = tool("--no-wait", "--json");
	ck_assert_int_eq(finish(rest.pid), LOSS);
	ck_assert(has_written(rest.out, "{\"type\":\"loss\","));

	stuck = stuck_tool(ends);
	wait_for(!kill(stuck.pid, SIGINT) && finished(stuck.pid, MOMENT_MS));
}
END_TEST

START_TEST(the_tool_fails_if_it_cannot_print)
{
	struct tool full;

	auditor_in_for_tool("");
	full = tool_to(open("/dev/full", O_WRONLY), "--no-wait");
	ck_assert_int_eq(finish(full.pid), FAILED);
	ck_assert(has_written(full.err,
			      "bufflink-audit: cannot write to standard output"));
}
END_TEST

#define REFUSAL								\
	"bufflink-audit: cannot open /dev/bufflink0: another program reads it, and there can be only one reader: end that program first\n"

static void is_refused(struct tool tool)
{
	ck_assert_int_eq(finish(tool.pid), FAILED);
	ck_assert_str_eq(text_of(tool.err), REFUSAL);
	ck_assert_str_eq(text_of(tool.out), "");
}

START_TEST(the_tool_is_the_only_reader)
{
	struct tool first;

	auditor_in_for_tool("");
	first = tool();
	wait_for(has_written(first.out, "<client_sysaudit>"));
	is_refused(tool());
	is_refused(tool("--no-wait", "--pid", "1"));
	calls_are("pid", "0\n");
	ck_assert_int_eq(open("/dev/bufflink0", O_RDONLY), -1);
	ck_assert_int_eq(errno, EBUSY);
	interrupt(&first, GOOD);
	ck_assert_int_eq(finish(tool("--no-wait").pid), GOOD);
}
END_TEST

START_TEST(the_tool_does_not_share_with_another_program)
{
	int fd = auditor_in_for_tool("calls=110");
	struct tool cat;

	syscall(SYS_getppid);
	cat = start_tool("/bin/busybox", memory_file(""), memory_file(""),
			 (char *[]){ "cat", "/dev/bufflink0", NULL });
	wait_for(stats(fd).bytes_read);
	is_refused(tool());
	kill(cat.pid, SIGKILL);
	ck_assert(finished(cat.pid, PATIENCE_MS));
	ck_assert_int_eq(finish(tool("--no-wait").pid), GOOD);
}
END_TEST

START_TEST(the_tool_says_when_there_is_nothing_to_read)
{
	struct tool reader = tool();

	ck_assert_int_eq(finish(reader.pid), 1);
	ck_assert_str_eq(text_of(reader.err),
			 "bufflink-audit: there is no buffer of " AUDITOR ": load this module\n");
}
END_TEST

/* safety */

static int try_as_nobody(void *unused)
{
	static const char * const files[] = {
		"/dev/bufflink0",
		"/sys/module/" AUDITOR "/parameters/calls",
		"/sys/module/" AUDITOR "/parameters/compat_calls",
		"/sys/module/" AUDITOR "/parameters/uid",
		"/sys/module/" AUDITOR "/parameters/pid",
		"/sys/module/" AUDITOR "/parameters/reader",
		"/sys/module/" AUDITOR "/parameters/buffer_size",
	};
	size_t i;

	(void)unused;
	if (setresuid(NOBODY, NOBODY, NOBODY))
		return 1;
	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		if (open(files[i], O_RDONLY) >= 0 || errno != EACCES)
			return 2;
		if (open(files[i], O_WRONLY) >= 0 || errno != EACCES)
			return 3;
	}
	return 0;
}

START_TEST(nobody_but_root_can_read_it_or_change_its_filters)
{
	auditor_in("");
	ck_assert_int_eq(finish(start(try_as_nobody, NULL)), 0);
}
END_TEST

static int hammer_for_ever(void *arg)
{
	while (!hammer(arg))
		;
	return 1;
}

static const char * const tracepoints[] = {
	"raw_syscalls/sys_enter", "raw_syscalls/sys_exit", NULL
};

START_TEST(it_is_unloaded_under_load_with_a_reader)
{
	pid_t load[2], reader;
	int i, fd;

	ck_assert(keep_traced(tracepoints));
	for (i = 0; i < 2; i++)
		load[i] = start(hammer_for_ever, (void *)(uintptr_t)i);
	for (i = 0; i < 10; i++) {
		fd = auditor_in("buffer_size=65536");
		reader = start(read_to_the_end, &fd);
		wait_for(stats(fd).bytes_read > 1 << 17);
		ck_assert_int_eq(unload(AUDITOR), 0);
		ck_assert_int_eq(finish(reader), 0);
		close(fd);
	}
	for (i = 0; i < 2; i++) {
		kill(load[i], SIGKILL);
		ck_assert_int_eq(waitpid(load[i], NULL, 0), load[i]);
	}
	stop_tracing(tracepoints);
}
END_TEST

static void add_audit_tests(Suite *suite, const char *name,
			    const TTest **tests)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, auditor_out, auditor_out);
	tcase_set_timeout(tcase, 60);
	while (*tests)
		tcase_add_test(tcase, *tests++);
	suite_add_tcase(suite, tcase);
}

#define add_audit_case(suite, name, ...) \
	add_audit_tests(suite, name, (const TTest *[]){ __VA_ARGS__, NULL })

int main(void)
{
	Suite *suite = suite_create("sysaudit");

	/* the filters here have numbers of x86-64 */
	if (!kernel_has_tracepoints() || NATIVE_ARCH != AUDIT_ARCH_X86_64)
		return run_suite(suite);
	add_audit_case(suite, "records",
		       the_calls_of_a_known_program_come_out_complete_and_in_order,
		       a_record_tells_who_called_and_where_and_when,
		       a_thread_is_told_from_its_process_and_filtered_with_it,
		       comm_comes_first_and_whenever_it_changes,
		       a_program_has_its_own_name_from_its_first_call_on,
		       a_signal_handler_is_between_the_call_and_its_return);
#ifdef __x86_64__
	add_audit_case(suite, "32 bits",
		       a_32_bit_call_is_marked_by_its_arch_and_has_a_filter_of_its_own);
#endif
	add_audit_case(suite, "losses",
		       records_and_losses_are_the_calls_made_from_two_cpus_exactly,
		       a_large_buffer_loses_none_of_them,
		       a_gap_in_the_sequence_of_a_cpu_is_a_loss,
		       a_name_is_told_again_if_the_record_with_it_was_lost);
	add_audit_case(suite, "filters",
		       filters_by_call_number_can_be_set_and_changed,
		       filters_by_user_and_process_can_be_set_and_changed,
		       a_number_beyond_the_filters_passes_them,
		       a_bad_filter_is_einval_and_changes_nothing,
		       without_memory_it_leaves_nothing_behind);
	add_audit_case(suite, "tool",
		       the_reader_is_not_given_its_own_calls,
		       a_reader_is_left_out_by_itself_and_not_by_its_number,
		       who_is_a_reader_no_more_is_logged_and_names_are_told_anew,
		       nor_is_its_process_group_those_of_each_other_if_it_asks,
		       the_tool_prints_calls_as_strace_does,
		       the_tool_sets_filters_by_name_and_reports_losses_with_status_3,
		       the_tool_prints_no_name_that_a_terminal_obeys,
		       the_tool_knows_both_ways_to_make_a_32_bit_call,
		       a_signal_ends_the_tool_when_all_that_it_knows_is_printed,
		       the_tool_says_where_calls_of_others_come_between,
		       the_tool_fails_if_it_cannot_print,
		       the_tool_is_the_only_reader,
		       the_tool_does_not_share_with_another_program,
		       the_tool_says_when_there_is_nothing_to_read);
	add_audit_case(suite, "safety",
		       nobody_but_root_can_read_it_or_change_its_filters,
		       it_is_unloaded_under_load_with_a_reader);
	return run_suite(suite);
}
