// SPDX-License-Identifier: GPL-2.0-only
/* The auditor: what arguments point to, and filters that have an owner. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "auditor.h"

#define COPIES		"copies=21:1,42:400,59:81,82:3,257:2 "
#define CGROUPS		"/sys/fs/cgroup"

static struct audit *copying(const char *parameters)
{
	struct audit *audit;
	char text[256];

	snprintf(text, sizeof(text), COPIES "%s", parameters);
	audit = audit_of(auditor_in(text));
	drain(audit->fd);
	return audit;
}

static void access_path(const char *path)
{
	syscall(SYS_access, path, F_OK);
}

static const struct sysaudit_record *copied(struct audit *audit,
					    const char *path)
{
	access_path(path);
	return entry_of(audit, SYS_access);
}

/* So much before memory that is not there. */
static char *before_a_hole(size_t size)
{
	char *pages = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	ck_assert_ptr_ne(pages, MAP_FAILED);
	ck_assert_int_eq(munmap(pages + 3 * PAGE, PAGE), 0);
	return pages + 3 * PAGE - size;
}

START_TEST(each_path_of_a_call_is_copied)
{
	struct audit *audit = copying("calls=21,82,257");
	struct sysaudit_item item;
	const struct sysaudit_record *entry;

	entry = copied(audit, "/some/path");
	is_text(entry, 0, 0, "/some/path", 0);
	ck_assert_ptr_null(item_of(entry, 1, &item));
	exit_of(audit, SYS_access, -ENOENT);
	syscall(SYS_rename, "/from", "/to \xff\n\"");
	entry = entry_of(audit, SYS_rename);
	is_text(entry, 0, 0, "/from", 0);
	is_text(entry, 1, 1, "/to \xff\n\"", 0);
	exit_of(audit, SYS_rename, -ENOENT);
	entry = copied(audit, "");
	is_text(entry, 0, 0, "", 0);
	exit_of(audit, SYS_access, -ENOENT);
	entry = copied(audit, NULL);
	ck_assert_ptr_null(item_of(entry, 0, &item));
	exit_of(audit, SYS_access, -EFAULT);
}
END_TEST

START_TEST(a_path_is_copied_up_to_4096_bytes_over_pages_and_to_their_end)
{
	static const size_t sizes[] = {
		1, 255, 256, 257, 4095, 4096, 4097, 8000
	};
	struct audit *audit = copying("calls=21");
	char *page, expected[8001];
	size_t i, n;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		n = sizes[i];
		page = before_a_hole(n + 1);
		memset(page, 'a', n);
		page[n] = '\0';
		memset(expected, 'a', n);
		expected[n < 4096 ? n : 4096] = '\0';
		is_text(copied(audit, page), 0, 0, expected,
			n < 4096 ? 0 : SYSAUDIT_CUT);
		exit_of(audit, SYS_access, n < 4096 ? n < 256 ? -ENOENT :
			-ENAMETOOLONG : -ENAMETOOLONG);
	}
}
END_TEST

START_TEST(a_path_without_an_end_or_without_memory_is_marked)
{
	struct audit *audit = copying("calls=21");
	char *page = before_a_hole(10), text[11] = "bbbbbbbbbb";
	const struct sysaudit_record *exit;

	memset(page, 'b', 10);
	is_text(copied(audit, page), 0, 0, text, SYSAUDIT_UNREADABLE);
	exit = next(audit);		/* which has tried again */
	ck_assert_int_eq(exit->result, -EFAULT);
	is_text(exit, 0, 0, text, SYSAUDIT_UNREADABLE);
	is_text(copied(audit, (char *)-4096l), 0, 0, "",
		SYSAUDIT_UNREADABLE);
	exit_of(audit, SYS_access, -EFAULT);
	is_text(copied(audit, (char *)8), 0, 0, "", SYSAUDIT_UNREADABLE);
	exit_of(audit, SYS_access, -EFAULT);
}
END_TEST

START_TEST(a_path_that_the_call_itself_brings_into_memory_is_in_its_exit)
{
	struct audit *audit = copying("calls=21");
	int fd = open("/tmp/text", O_RDWR | O_CREAT | O_TRUNC, 0600);
	const struct sysaudit_record *exit;
	char *page;

	ck_assert_int_eq(write(fd, "/in a file", 11), 11);
	page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	is_text(copied(audit, page), 0, 0, "", SYSAUDIT_UNREADABLE);
	exit = next(audit);
	ck_assert_uint_eq(exit->head.type, SYSAUDIT_EXIT);
	ck_assert_uint_eq(exit->head.flags, 0);
	is_text(exit, 0, 0, "/in a file", 0);
	unlink("/tmp/text");
}
END_TEST

static void executes_much(void)
{
	char many[8] = "many", *argv[9000] = { many };
	int i;

	must(!chdir("/tmp"));
	for (i = 1; i < 8999; i++)
		argv[i] = many;
	execv("/none", argv);
}

static void executes(void)
{
	char texts[4][8] = { "sh", "-c", "exit 7", "" };
	char *argv[5] = { texts[0], texts[1], texts[2], texts[3] };

	execv("/none", argv);
	execv("/bin/busybox", argv);
}

/* At the entry, or at the exit if it was not in memory before. */
static const struct sysaudit_record *vector_of(struct audit *audit)
{
	const struct sysaudit_record *record = entry_of(audit, SYS_execve);
	struct sysaudit_item item;
	int i;

	for (i = 0; item_of(record, i, &item); i++)
		if (item.flags & SYSAUDIT_UNREADABLE)
			return next(audit);
	return record;
}

START_TEST(the_arguments_of_a_program_are_copied)
{
	struct child child = child_of(executes);
	struct audit *audit = copying("calls=0,59");
	const struct sysaudit_record *record;
	struct sysaudit_item item;
	static const char * const paths[] = { "/none", "/bin/busybox" };
	int i;

	set("pid", child.pid);
	drain(audit->fd);
	let_go(&child);
	exit_of(audit, SYS_read, 1);
	for (i = 0; i < 2; i++) {
		record = vector_of(audit);
		is_text(record, 0, 0, paths[i], 0);
		is_text(record, 1, 1, "sh", SYSAUDIT_ELEMENT);
		is_text(record, 2, 1, "-c", SYSAUDIT_ELEMENT);
		is_text(record, 3, 1, "exit 7", SYSAUDIT_ELEMENT);
		is_text(record, 4, 1, "", SYSAUDIT_ELEMENT);
		ck_assert_ptr_null(item_of(record, 5, &item));
		if (record->head.type == SYSAUDIT_ENTRY)
			exit_of(audit, SYS_execve, i ? 0 : -ENOENT);
	}
}
END_TEST

START_TEST(arguments_beyond_the_room_of_a_record_are_cut_and_marked)
{
	struct child child = child_of(executes_much);
	struct audit *audit = copying("calls=0,59");
	const struct sysaudit_record *record;
	struct sysaudit_item item;
	int i;

	if (!is_real_time())
		parameter_write(AUDITOR, "copies", "59:80081");
	set("pid", child.pid);
	drain(audit->fd);
	let_go(&child);
	exit_of(audit, SYS_read, 1);
	record = vector_of(audit);
	if (!is_real_time())
		is_text(record, 0, SYSAUDIT_FOLDER, "/tmp", SYSAUDIT_FILE);
	is_text(record, 1000, 1, "many", SYSAUDIT_ELEMENT);
	for (i = 1000; item_of(record, i + 1, &item); i++)
		must(item.size == 4 || item.flags & SYSAUDIT_CUT);
	item_of(record, i, &item);
	ck_assert_uint_eq(item.flags, SYSAUDIT_ELEMENT | SYSAUDIT_CUT);
}
END_TEST

START_TEST(addresses_are_copied_with_the_size_that_the_call_has)
{
	static const int sizes[] = { 16, 2, 0, -1, 128, 129, 1 << 30 };
	struct audit *audit = copying("calls=42");
	char address[256] = { AF_INET, 0, 0, 80, 127, 0, 0, 1 };
	const struct sysaudit_record *entry;
	struct sysaudit_item item;
	const char *data;
	const int error = exists("/proc/net") ? EBADF : ENOSYS;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		syscall(SYS_connect, -1, address, sizes[i]);
		entry = entry_of(audit, SYS_connect);
		data = item_of(entry, 0, &item);
		if (sizes[i] <= 0) {
			ck_assert_ptr_null(data);
		} else {
			ck_assert_uint_eq(item.arg, 1);
			ck_assert_int_eq((int)item.size, sizes[i] < 128 ? sizes[i] :
								      128);
			ck_assert_uint_eq(item.flags, SYSAUDIT_ADDRESS |
					  (sizes[i] > 128 ? SYSAUDIT_CUT : 0));
			ck_assert_mem_eq(data, address, item.size);
		}
		exit_of(audit, SYS_connect, -error);
	}
}
END_TEST

static void copy(struct audit *audit, const char *copies)
{
	parameter_write(AUDITOR, "copies", copies);
	drain(audit->fd);
}

static int open_in_folder(const char *path, int flags)
{
	return syscall(SYS_openat, AT_FDCWD, path, flags, 0600);
}

/* That it is there when a record is printed shows nothing: it was renamed. */
START_TEST(a_descriptor_comes_with_the_path_that_its_file_had_then)
{
	struct audit *audit = copying("calls=3,257");
	const struct sysaudit_record *record;
	struct sysaudit_item item;
	int fd;

	if (is_real_time())
		return;
	mkdir("/tmp/y", 0700);
	ck_assert_int_eq(chdir("/tmp/y"), 0);
	copy(audit, "3:1000,257:41002");
	fd = open_in_folder("f", O_CREAT | O_RDWR);
	ck_assert_int_ge(fd, 0);
	rename("f", "<g>");
	syscall(SYS_close, dup(fd));
	unlink("<g>");
	syscall(SYS_close, fd);
	syscall(SYS_close, fd);
	open_in_folder("/none", O_RDONLY);

	record = entry_of(audit, SYS_openat);
	is_text(record, 0, 0, "/tmp/y", SYSAUDIT_FILE);
	is_text(record, 1, 1, "f", 0);
	exit_of(audit, SYS_openat, fd);
	ck_assert_uint_eq(audit->record.head.flags, SYSAUDIT_RESULT_ITEM);
	is_text(&audit->record, 0, SYSAUDIT_RESULT, "/tmp/y/f",
		SYSAUDIT_FILE);
	ck_assert_ptr_null(item_of(&audit->record, 1, &item));
	is_text(entry_of(audit, SYS_close), 0, 0, "/tmp/y/<g>",
		SYSAUDIT_FILE);
	exit_of(audit, SYS_close, 0);
	is_text(entry_of(audit, SYS_close), 0, 0, "/tmp/y/<g> (deleted)",
		SYSAUDIT_FILE);
	exit_of(audit, SYS_close, 0);
	record = entry_of(audit, SYS_close);
	ck_assert_ptr_null(item_of(record, 0, &item));
	exit_of(audit, SYS_close, -EBADF);
	is_text(entry_of(audit, SYS_openat), 1, 1, "/none", 0);
	exit_of(audit, SYS_openat, -ENOENT);
	ck_assert_uint_lt(audit->record.head.length,
			  sizeof(struct sysaudit_record));
}
END_TEST

START_TEST(the_folder_that_paths_begin_in_is_copied)
{
	struct audit *audit = copying("calls=21");
	const struct sysaudit_record *entry;

	if (is_real_time())
		return;
	copy(audit, "21:80001");
	mkdir("/tmp/folder", 0700);
	ck_assert_int_eq(chdir("/tmp/folder"), 0);
	entry = copied(audit, "x");
	is_text(entry, 0, SYSAUDIT_FOLDER, "/tmp/folder", SYSAUDIT_FILE);
	is_text(entry, 1, 0, "x", 0);
	exit_of(audit, SYS_access, -ENOENT);
	rmdir("/tmp/folder");
	is_text(copied(audit, "x"), 0, SYSAUDIT_FOLDER,
		"/tmp/folder (deleted)", SYSAUDIT_FILE);
}
END_TEST

/* At the exit, the folder would be that to which the call has changed. */
START_TEST(the_folder_is_that_in_which_the_call_began)
{
	struct audit *audit = copying("calls=80");
	int fd = open("/tmp/text", O_RDWR | O_CREAT | O_TRUNC, 0600);
	const struct sysaudit_record *exit;
	struct sysaudit_item item;
	char *page;

	if (is_real_time())
		return;
	mkdir("/tmp/folder", 0700);
	ck_assert_int_eq(chdir("/tmp"), 0);
	ck_assert_int_eq(write(fd, "folder", 7), 7);
	page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	copy(audit, "80:80001");
	syscall(SYS_chdir, page);
	is_text(entry_of(audit, SYS_chdir), 0, SYSAUDIT_FOLDER, "/tmp",
		SYSAUDIT_FILE);
	exit = next(audit);
	ck_assert_int_eq(exit->result, 0);
	is_text(exit, 0, 0, "folder", 0);
	ck_assert_ptr_null(item_of(exit, 1, &item));
	unlink("/tmp/text");
}
END_TEST

/* Deeper than a path can be. */
START_TEST(a_path_of_a_file_that_is_too_long_is_marked_as_cut)
{
	struct audit *audit = copying("calls=3");
	char name[256];
	int fd, i;

	if (is_real_time())
		return;
	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(chdir("/tmp"), 0);
	for (i = 0; i < 20; i++) {
		mkdir(name, 0700);
		ck_assert_int_eq(chdir(name), 0);
	}
	fd = open(".", O_RDONLY | O_DIRECTORY);
	copy(audit, "3:1000");
	syscall(SYS_close, fd);
	is_text(entry_of(audit, SYS_close), 0, 0, "",
		SYSAUDIT_FILE | SYSAUDIT_CUT);
	exit_of(audit, SYS_close, 0);
}
END_TEST

static int write_error(int fd, const char *text)
{
	return write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 :
	       errno;
}

START_TEST(a_kernel_that_cannot_tell_the_files_refuses_to_copy_them)
{
	int fd;

	auditor_in("");
	fd = open("/sys/module/" AUDITOR "/parameters/copies", O_WRONLY);
	ck_assert_int_ge(fd, 0);
	if (is_real_time())
		ck_assert_int_eq(write_error(fd, "3:1000"), EOPNOTSUPP);
	else
		ck_assert_int_eq(write_error(fd, "3:1000"), 0);
	ck_assert_int_eq(write_error(fd, "3:100000"), EINVAL);
	ck_assert_int_eq(write_error(fd, "3:1"), 0);
	close(fd);
}
END_TEST

START_TEST(a_record_has_no_more_than_its_memory_with_any_copies)
{
	/* the last one with each argument as a descriptor, too */
	static const char * const copies[] = { "21:3f", "21:19f", "21:bf19f" };
	struct audit *audit = copying("calls=21");
	char *page = before_a_hole(2 * PAGE), *vector[2] = { page, NULL };
	struct sysaudit_item item;
	size_t i;

	memset(page, 'a', 2 * PAGE);
	for (i = 0; i < sizeof(copies) / sizeof(*copies) - is_real_time(); i++) {
		parameter_write(AUDITOR, "copies", copies[i]);
		syscall(SYS_access, page, page, page, page, page,
			i ? (void *)vector : page);
		ck_assert_ptr_null(item_of(entry_of(audit, SYS_access), INT_MAX,
					   &item));
		exit_of(audit, SYS_access, -EINVAL);
	}
}
END_TEST

/* anything */

static unsigned long anything(unsigned int *seed, char *page)
{
	static const unsigned long odd[] = {
		0, 1, -1ul, -4096ul, 0x7ffffffff000, 0x8000000000000000
	};

	switch (rand_r(seed) % 4) {
	case 0:
		return odd[rand_r(seed) % 6];
	case 1:
		return (unsigned long)rand_r(seed) << 32 | rand_r(seed);
	default:
		return (unsigned long)page + 3 * PAGE - rand_r(seed) % 5000;
	}
}

/* No call that they could harm the machine by. */
static int calls_with_anything(void *arg)
{
	static const int numbers[] = {
		SYS_access, SYS_connect, SYS_execve, SYS_rename,
	};
	unsigned int seed = (uintptr_t)arg;
	char *page = before_a_hole(3 * PAGE);
	unsigned long pointers[4], args[3];
	int i, n;

	for (i = 0; i < 3 * PAGE; i++)
		page[i] = rand_r(&seed) % 100 ? rand_r(&seed) % 256 : 0;
	for (i = 0; i < 3000; i++) {
		for (n = 0; n < 3; n++)
			args[n] = anything(&seed, page);
		for (n = 0; n < 4; n++)
			pointers[n] = anything(&seed, page);
		if (rand_r(&seed) % 2)
			args[1] = (unsigned long)pointers;
		n = numbers[rand_r(&seed) % 4];
		memcpy(page + rand_r(&seed) % PAGE, &args, sizeof(args));
		if (n == SYS_connect)
			args[0] = -1;
		syscall(n, args[0], args[1], args[2]);
	}
	return 0;
}

START_TEST(nothing_that_a_program_passes_makes_a_broken_record)
{
	struct audit *audit = copying("calls=21,42,59,82 buffer_size=1048576");
	struct sysaudit_item item;
	pid_t pids[2];
	__u64 seed = now_ms();
	int i;

	printf("# seed %llu\n", (unsigned long long)seed);
	for (i = 0; i < 2; i++)
		pids[i] = start(calls_with_anything,
				(void *)(uintptr_t)(seed + i));
	for (i = 0; i < 2; i++) {
		while (!finished(pids[i], 1))
			while (next(audit))
				must(!item_of(&audit->record, INT_MAX, &item));
		ck_assert_int_eq(finish(pids[i]), 0);
	}
	while (next(audit))
		;
	ck_assert_uint_eq(audit->records + loss(audit->fd).records,
			  2 * 2 * 3000);
}
END_TEST

/* filters */

static int reads_and_filters(void *unused)
{
	(void)unused;
	parameter_write(AUDITOR, "reader", "process");
	ck_assert_str_eq(value_of("calls"), "21,110\n");
	parameter_write(AUDITOR, "calls", "110");
	parameter_write(AUDITOR, "pid", "1");
	parameter_write(AUDITOR, "prefix", "/a");
	parameter_write(AUDITOR, "uid", "7");
	ck_assert_str_eq(value_of("calls"), "110\n");
	ck_assert_str_eq(value_of("pid"), "1\n");
	ck_assert_str_eq(value_of("prefix"), "/a\n");
	ck_assert_str_eq(value_of("uid"), "7\n");
	pause();
	return 1;
}

START_TEST(filters_that_a_reader_sets_end_with_it_however_it_ends)
{
	struct audit *audit = copying("calls=21,110");
	pid_t reader = start(reads_and_filters, NULL);
	siginfo_t info;

	wait_asleep(reader);
	syscall(SYS_getppid);
	ck_assert_ptr_null(next(audit));
	ck_assert_str_eq(value_of("uid"), "7\n");
	kill(reader, SIGKILL);
	/* nobody has waited for it */
	ck_assert_int_eq(waitid(P_PID, reader, &info, WEXITED | WNOWAIT), 0);
	ck_assert_str_eq(value_of("calls"), "21,110\n");
	ck_assert_str_eq(value_of("pid"), "0\n");
	ck_assert_str_eq(value_of("uid"), "4294967295\n");
	ck_assert_str_eq(value_of("prefix"), "\n");
	syscall(SYS_getppid);
	entry_of(audit, SYS_getppid);
}
END_TEST

static int reads_as_a_group(void *unused)
{
	(void)unused;
	parameter_write(AUDITOR, "reader", "group");
	return 0;
}

START_TEST(a_process_group_is_left_out_no_longer_than_its_reader_is_there)
{
	struct audit *audit = copying("calls=110");

	ck_assert_int_eq(finish(start(reads_as_a_group, NULL)), 0);
	syscall(SYS_getppid);
	entry_of(audit, SYS_getppid);
}
END_TEST

static void *waits(void *tid)
{
	*(pid_t *)tid = gettid();
	pause();
	return NULL;
}

START_TEST(a_thread_that_is_no_process_is_no_filter)
{
	volatile pid_t tid = 0;
	pthread_t thread;
	char text[16];
	int fd;

	ck_assert_int_eq(pthread_create(&thread, NULL, waits, (void *)&tid), 0);
	wait_for(tid);
	auditor_in("");
	fd = open("/sys/module/" AUDITOR "/parameters/pid", O_WRONLY);
	snprintf(text, sizeof(text), "%d", tid);
	ck_assert_int_lt(write(fd, text, strlen(text)), 0);
	ck_assert_int_eq(errno, ESRCH);
}
END_TEST

START_TEST(a_process_that_is_not_there_is_no_filter)
{
	pid_t gone = fork();
	char text[16];
	int fd;

	if (!gone)
		_exit(0);
	ck_assert_int_eq(waitpid(gone, NULL, 0), gone);
	auditor_in("");
	fd = open("/sys/module/" AUDITOR "/parameters/pid", O_WRONLY);
	snprintf(text, sizeof(text), "%d", gone);
	ck_assert_int_lt(write(fd, text, strlen(text)), 0);
	ck_assert_int_eq(errno, ESRCH);
	ck_assert_str_eq(value_of("pid"), "0\n");
}
END_TEST

START_TEST(a_prefix_lets_only_calls_pass_that_have_such_a_path)
{
	struct audit *audit = copying("calls=21,82,110 prefix=/etc/");

	access_path("/usr/x");
	access_path("/etc");
	access_path(NULL);
	syscall(SYS_getppid);
	syscall(SYS_rename, "/x", "/etc/y");
	entry_of(audit, SYS_rename);
	exit_of(audit, SYS_rename, -ENOENT);
	access_path("/etc/none");
	entry_of(audit, SYS_access);
	exit_of(audit, SYS_access, -ENOENT);
	ck_assert_ptr_null(next(audit));
}
END_TEST

static void call_in(const char *cgroup)
{
	char path[128], id[32];
	pid_t child = fork();
	int fd;

	if (!child) {
		snprintf(path, sizeof(path), CGROUPS "/%s/cgroup.procs", cgroup);
		fd = open(path, O_WRONLY);
		snprintf(id, sizeof(id), "%d", getpid());
		if (write(fd, id, strlen(id)) < 0)
			_exit(1);
		syscall(SYS_getppid);
		_exit(0);
	}
	ck_assert_int_eq(finish(child), 0);
}

START_TEST(a_cgroup_is_filtered_with_those_below_it_and_told)
{
	struct audit *audit = copying("calls=110");
	struct stat stat_a, stat_b;
	char text[32];

	if (!has_cgroups())
		return;
	mkdir(CGROUPS "/a", 0755);
	mkdir(CGROUPS "/a/b", 0755);
	mkdir(CGROUPS "/c", 0755);
	ck_assert_int_eq(stat(CGROUPS "/a", &stat_a), 0);
	ck_assert_int_eq(stat(CGROUPS "/a/b", &stat_b), 0);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)stat_a.st_ino);
	parameter_write(AUDITOR, "cgroup", text);
	call_in("c");
	call_in("a");
	ck_assert_uint_eq(entry_of(audit, SYS_getppid)->head.cgroup,
			  stat_a.st_ino);
	exit_of(audit, SYS_getppid, getpid());
	call_in("a/b");
	ck_assert_uint_eq(entry_of(audit, SYS_getppid)->head.cgroup,
			  stat_b.st_ino);
	exit_of(audit, SYS_getppid, getpid());
	syscall(SYS_getppid);
	ck_assert_ptr_null(next(audit));
	rmdir(CGROUPS "/a/b");
	rmdir(CGROUPS "/a");
	rmdir(CGROUPS "/c");
	call_in("");
	ck_assert_ptr_null(next(audit));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sysaudit items");

	if (!can_audit())
		return run_suite(suite);
	add_audit_case(suite, "items",
		       each_path_of_a_call_is_copied,
		       a_path_is_copied_up_to_4096_bytes_over_pages_and_to_their_end,
		       a_path_without_an_end_or_without_memory_is_marked,
		       a_path_that_the_call_itself_brings_into_memory_is_in_its_exit,
		       the_arguments_of_a_program_are_copied,
		       arguments_beyond_the_room_of_a_record_are_cut_and_marked,
		       addresses_are_copied_with_the_size_that_the_call_has,
		       a_descriptor_comes_with_the_path_that_its_file_had_then,
		       the_folder_that_paths_begin_in_is_copied,
		       the_folder_is_that_in_which_the_call_began,
		       a_path_of_a_file_that_is_too_long_is_marked_as_cut,
		       a_kernel_that_cannot_tell_the_files_refuses_to_copy_them,
		       a_record_has_no_more_than_its_memory_with_any_copies,
		       nothing_that_a_program_passes_makes_a_broken_record);
	add_audit_case(suite, "filters",
		       filters_that_a_reader_sets_end_with_it_however_it_ends,
		       a_process_group_is_left_out_no_longer_than_its_reader_is_there,
		       a_process_that_is_not_there_is_no_filter,
		       a_thread_that_is_no_process_is_no_filter,
		       a_prefix_lets_only_calls_pass_that_have_such_a_path,
		       a_cgroup_is_filtered_with_those_below_it_and_told);
	return run_suite(suite);
}
