// SPDX-License-Identifier: GPL-2.0-only
/* The auditor of system calls: its records, filters, losses and readers. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "auditor.h"

#define BEYOND		1024	/* a number that filters do not have */

/* records */

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
	const struct sysaudit_record *entry;
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

START_TEST(a_record_has_the_thread_the_CPU_and_the_time)
{
	struct child child = child_of(calls_as_nobody);
	__u64 before = clock_now(CLOCK_REALTIME);
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
	ck_assert_uint_le(head->time, clock_now(CLOCK_REALTIME));
}
END_TEST

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

START_TEST(every_record_has_the_name_that_its_thread_has_then)
{
	static const char * const comms[] = {
		"client_sysaudit", "client_sysaudit", "client_sysaudit",
		"another", "another", "another", "yet another one", "another",
		"another",
	};
	struct child child = child_of(renames);
	struct audit *audit = audited(auditor_in(""), &child);
	const struct sysaudit_record *record;
	size_t i = 0;

	while ((record = next(audit))) {
		if (record->head.type != SYSAUDIT_ENTRY)
			continue;
		ck_assert_uint_lt(i, sizeof(comms) / sizeof(*comms));
		is_named(record, comms[i++]);
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
	const struct sysaudit_record *record;

	is_named(entry_of(audit, SYS_getppid), "client_sysaudit");
	exit_of(audit, SYS_getppid, getpid());
	is_named(entry_of(audit, SYS_execve), "client_sysaudit");
	exit_of(audit, SYS_execve, 0);
	while ((record = next(audit)))
		ck_assert_str_ne(record->head.comm, "client_sysaudit");
}
END_TEST

static void *executes_after(void *first)
{
	pthread_join((pthread_t)first, NULL);
	executes();
	return NULL;
}

static void executes_in_a_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, executes_after, (void *)pthread_self());
	syscall(SYS_exit, 0);
}

START_TEST(a_program_is_logged_that_a_thread_runs_after_the_first_has_ended)
{
	struct child child = child_of(executes_in_a_thread);
	struct audit *audit = audited(auditor_in("calls=0,59,60 copies=59:81"),
				      &child);
	const struct sysaudit_record *exit;

	entry_of(audit, SYS_exit);
	ck_assert_int_ne(entry_of(audit, SYS_execve)->head.tid, child.pid);
	exit = next(audit);
	ck_assert_uint_eq(exit->head.type, SYSAUDIT_EXIT);
	ck_assert_uint_eq(exit->head.tid, child.pid);
	ck_assert_uint_eq(exit->head.flags,
			  SYSAUDIT_ALONE | SYSAUDIT_NEW_PROGRAM);
	is_text(exit, 0, 0, "/bin/busybox", 0);
}
END_TEST

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
	const struct sysaudit_record *entry = entry_of(audit, COMPAT_GETPPID);

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

/* calls that are not made */

/* From now on, this happens when the thread makes this call. */
static void refuse(int number, unsigned int action)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(1);
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

/* Its path is in memory: nothing brings it in for a call that is not made. */
static void is_denied(void)
{
	char path[] = "/denied";

	refuse(SYS_openat, SECCOMP_RET_ERRNO | EACCES);
	syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
}

static bool has_seccomp(void)
{
	return prctl(PR_GET_SECCOMP) >= 0;
}

START_TEST(a_call_that_seccomp_denies_has_its_number_and_arguments)
{
	struct child child = child_of(is_denied);
	struct audit *audit = audited(auditor_in("calls=0,257 copies=257:2"),
				      &child);
	const struct sysaudit_record *exit = next(audit);

	ck_assert_ptr_nonnull(exit);
	ck_assert_uint_eq(exit->head.type, SYSAUDIT_EXIT);
	ck_assert_int_eq(exit->head.number, SYS_openat);
	ck_assert_uint_eq(exit->head.flags, SYSAUDIT_ALONE);
	ck_assert_int_eq(exit->result, -EACCES);
	is_named(exit, "client_sysaudit");
	ck_assert_int_eq((int)exit->args[0], AT_FDCWD);
	is_text(exit, 0, 1, "/denied", 0);
	ck_assert_ptr_null(next(audit));
}
END_TEST

static int is_refused(void *action)
{
	refuse(SYS_getppid, (uintptr_t)action);
	syscall(SYS_getppid, 1, 2, 3);
	return 0;
}

/* The registers have the number of open(), and a descriptor has it, too. */
static int has_open_refused(void *unused)
{
	(void)unused;
	must(SYS_open == STDERR_FILENO);
	refuse(SYS_open, SECCOMP_RET_TRAP);
	syscall(SYS_open, "/denied", O_RDONLY);
	return 0;
}

START_TEST(a_call_that_seccomp_refuses_has_no_file_of_a_result)
{
	struct audit *audit = audit_of(auditor_in("calls=2"));
	const struct sysaudit_record *exit;
	struct sysaudit_item item;

	if (!is_real_time())
		parameter_write(AUDITOR, "copies", "2:40000");
	is_killed(start(has_open_refused, NULL), SIGSYS);
	exit = next(audit);
	ck_assert_ptr_nonnull(exit);
	ck_assert_uint_eq(exit->head.flags, SYSAUDIT_ALONE | SYSAUDIT_REFUSED);
	ck_assert_ptr_null(item_of(exit, 0, &item));
}
END_TEST

START_TEST(a_call_that_seccomp_kills_for_has_no_result)
{
	static const unsigned int actions[] = {
		SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD,
		SECCOMP_RET_TRAP,
	};
	struct audit *audit = audit_of(auditor_in("calls=110"));
	const struct sysaudit_record *exit;
	size_t i;

	for (i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
		is_killed(start(is_refused, (void *)(uintptr_t)actions[i]),
			  SIGSYS);
		exit = next(audit);
		ck_assert_ptr_nonnull(exit);
		ck_assert_uint_eq(exit->head.type, SYSAUDIT_EXIT);
		ck_assert_int_eq(exit->head.number, SYS_getppid);
		ck_assert_uint_eq(exit->head.flags,
				  SYSAUDIT_ALONE | SYSAUDIT_REFUSED);
		ck_assert_uint_eq(exit->args[2], 3);
		ck_assert_ptr_null(next(audit));
	}
}
END_TEST

static void forges_a_refusal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGSYS);
	syscall(SYS_dup2, 0, SYS_dup2);
}

START_TEST(a_call_that_was_made_has_its_result_whatever_signal_waits)
{
	struct child child = child_of(forges_a_refusal);
	struct audit *audit = audited(auditor_in("calls=0,33"), &child);
	const struct sysaudit_record *exit;

	entry_of(audit, SYS_dup2);
	exit = next(audit);
	ck_assert_int_eq(exit->result, SYS_dup2);
	ck_assert_uint_eq(exit->head.flags, 0);
}
END_TEST

static int reads_with_a_signal(void *gate)
{
	sigset_t set;
	char byte;

	dup2(*(int *)gate, 1);
	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGSYS);
	syscall(SYS_read, 1, &byte, 1);
	return 0;
}

START_TEST(a_call_without_an_entry_has_its_result_whatever_signal_waits)
{
	struct audit *audit = audit_of(auditor_in("calls=,"));
	const struct sysaudit_record *exit;
	int gate[2];
	pid_t child;

	ck_assert_int_eq(pipe(gate), 0);
	child = start(reads_with_a_signal, gate);
	wait_asleep(child);
	set("pid", child);
	parameter_write(AUDITOR, "calls", "0");
	ck_assert_int_eq(write(gate[1], "x", 1), 1);
	ck_assert_int_eq(finish(child), 0);
	exit = next(audit);
	ck_assert_ptr_nonnull(exit);
	ck_assert_int_eq(exit->result, 1);
	ck_assert_uint_eq(exit->args[0], 1);
	ck_assert_uint_eq(exit->head.flags, SYSAUDIT_ALONE);
}
END_TEST

static void forks(void)
{
	if (!fork())
		_exit(0);
	wait(NULL);
}

START_TEST(a_new_thread_begins_with_an_exit_that_has_no_entry)
{
	struct child child = child_of(forks);
	struct audit *audit;
	const struct sysaudit_record *record;
	int births = 0;

	audit = audit_of(auditor_in("calls=56"));
	let_go(&child);
	while ((record = next(audit))) {
		if (record->head.type != SYSAUDIT_EXIT || record->result)
			continue;
		ck_assert_uint_eq(record->head.ppid, child.pid);
		ck_assert_uint_eq(record->head.flags, SYSAUDIT_ALONE);
		births++;
	}
	ck_assert_int_eq(births, 1);
}
END_TEST

static void dies_under_a_name(void)
{
	prctl(PR_SET_NAME, "the dead");
	syscall(SYS_getppid);
}

START_TEST(a_number_of_a_thread_that_is_used_again_brings_no_name_along)
{
	struct child child = child_of(dies_under_a_name);
	int fd = auditor_in("calls=110");
	struct audit *audit = audit_of(fd);

	let_go(&child);
	is_named(entry_of(audit, SYS_getppid), "the dead");
	exit_of(audit, SYS_getppid, getpid());
	call_as(child.pid);
	is_named(entry_of(audit, SYS_getppid), "client_sysaudit");
	exit_of(audit, SYS_getppid, getpid());
}
END_TEST

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
	const struct sysaudit_record *record;
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
	const struct sysaudit_record *record;

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

/* readers */

static int call_as_reader(void *unused)
{
	(void)unused;
	parameter_write(AUDITOR, "reader", "process");
	syscall(SYS_getppid);
	return 0;
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

START_TEST(a_program_that_reads_no_more_is_logged)
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
		entry_of(audit, SYS_getppid);
		exit_of(audit, SYS_getppid, parent);
		ck_assert_ptr_null(next(audit));
	}
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
		"/sys/module/" AUDITOR "/parameters/copies",
		"/sys/module/" AUDITOR "/parameters/prefix",
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
	stop_tracing();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sysaudit");

	if (!can_audit())
		return run_suite(suite);
	add_audit_case(suite, "records",
		       the_calls_of_a_known_program_come_out_complete_and_in_order,
		       a_record_has_the_thread_the_CPU_and_the_time,
		       a_thread_is_told_from_its_process_and_filtered_with_it,
		       every_record_has_the_name_that_its_thread_has_then,
		       a_program_has_its_own_name_from_its_first_call_on,
		       a_program_is_logged_that_a_thread_runs_after_the_first_has_ended,
		       a_signal_handler_is_between_the_call_and_its_return);
#ifdef __x86_64__
	add_audit_case(suite, "32 bits",
		       a_32_bit_call_is_marked_by_its_arch_and_has_a_filter_of_its_own);
#endif
	add_audit_case(suite, "not made",
		       a_call_that_was_made_has_its_result_whatever_signal_waits,
		       a_call_without_an_entry_has_its_result_whatever_signal_waits,
		       a_new_thread_begins_with_an_exit_that_has_no_entry,
		       a_number_of_a_thread_that_is_used_again_brings_no_name_along);
	if (has_seccomp())
		add_audit_case(suite, "denied",
			       a_call_that_seccomp_denies_has_its_number_and_arguments,
			       a_call_that_seccomp_refuses_has_no_file_of_a_result,
			       a_call_that_seccomp_kills_for_has_no_result);
	add_audit_case(suite, "losses",
		       records_and_losses_are_the_calls_made_from_two_cpus_exactly,
		       a_large_buffer_loses_none_of_them,
		       a_gap_in_the_sequence_of_a_cpu_is_a_loss);
	add_audit_case(suite, "filters",
		       filters_by_call_number_can_be_set_and_changed,
		       filters_by_user_and_process_can_be_set_and_changed,
		       a_number_beyond_the_filters_passes_them,
		       a_bad_filter_is_einval_and_changes_nothing,
		       without_memory_it_leaves_nothing_behind);
	add_audit_case(suite, "readers",
		       a_reader_is_left_out_by_itself_and_not_by_its_number,
		       a_program_that_reads_no_more_is_logged);
	add_audit_case(suite, "safety",
		       nobody_but_root_can_read_it_or_change_its_filters,
		       it_is_unloaded_under_load_with_a_reader);
	return run_suite(suite);
}
