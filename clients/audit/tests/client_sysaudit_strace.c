// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink-audit and strace look at the same programs at the same time, and
 * same_calls.py compares what they say. PROGRAMS=all has all of these programs.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "auditor.h"

#define THREADS		4
#define LIMIT_MS	(120 * 1000 * slowness())
#define CGROUP		"/sys/fs/cgroup/both"
#define NO_FILES	"bufflink-audit: -y: a PREEMPT_RT kernel does not tell the files of descriptors\n"
#define TESTS		"/t/clients/audit/tests/"
#define COMPARE		"/usr/bin/python3 " TESTS "same_calls.py /tmp/audited /tmp/straced"

/* of programs.sh; the first ones always run */
static const char * const programs[] = {
	"threads", "compat", "chroot", "python", "git", "apt",
};

#define FEW		3
#define ALL		((int)(sizeof(programs) / sizeof(*programs)))

/* the program with threads */

static void connect_to(int family, const void *address, size_t size)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	connect(fd, address, size);
	close(fd);
}

static void *work(void *index)
{
	const struct sockaddr_un local = { AF_LOCAL, "/none/such \"socket\"" };
	struct sockaddr_in inet = {
		AF_INET, htons(1000 + (long)index),
		{ htonl(INADDR_LOOPBACK) }, { }
	};
	char path[64];
	int i;

	for (i = 0; i < 10; i++) {
		snprintf(path, sizeof(path), "/none/%ld\n\303\266\377/%d",
			 (long)index, i);
		open(path, O_RDONLY | O_CLOEXEC);
		mkdir(path, 0700);
	}
	connect_to(AF_LOCAL, &local, sizeof(local));
	connect_to(AF_INET, &inet, sizeof(inet));
	syscall(SYS_getppid);
	return index;
}

static int make_threads(void)
{
	pthread_t threads[THREADS];
	long i;

	for (i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)i))
			return EXIT_FAILURE;
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return EXIT_SUCCESS;
}

/* the comparison */

static struct tool shell(const char *text)
{
	struct tool tool = start_shell(memory_file(""), memory_file(""), text);

	ck_assert_msg(finished(tool.pid, LIMIT_MS), "too slow: %s", text);
	return tool;
}

static struct tool succeeds(const char *text)
{
	struct tool tool = shell(text);

	ck_assert_msg(!finish(tool.pid), "%s: %s%s", text, text_of(tool.out),
		      text_of(tool.err));
	return tool;
}

static void run_under_both(const char *program)
{
	struct tool reader, strace;
	int fd;

	succeeds("rm -f /tmp/audited /tmp/straced.*; mkdir -p " CGROUP);
	succeeds("sh " TESTS "programs.sh prepare");
	fd = auditor_in_for_tool("buffer_size=67108864");
	reader = start_tool("/t/bufflink-audit", memory_file(""),
			    memory_file(""), (char *[]){
		"bufflink-audit", "-y", "-C", CGROUP, "-o", "/tmp/audited", NULL
	});
	wait_for(strcmp(value_of("cgroup"), "0\n"));
	strace = start_tool("/usr/bin/strace", memory_file(""),
			    memory_file(""), (char *[]){
		"strace", "-ff", "-y", "-s", "512", "-o", "/tmp/straced",
		"/bin/busybox", "sh", TESTS "programs.sh", (char *)program, NULL
	});
	ck_assert(finished(strace.pid, LIMIT_MS));
	ck_assert_msg(!finish(strace.pid), "%s", text_of(strace.err));
	wait_for(!stats(fd).used);
	interrupt(&reader);
	ck_assert_str_eq(text_of(reader.err), is_real_time() ? NO_FILES : "");
}

static const char *comparison(void)
{
	return is_real_time() ? COMPARE " --no-files" : COMPARE;
}

/* The report goes to the results of the boot. */
static void compare(const char *program, __u64 begin)
{
	struct tool tool = succeeds(comparison());

	printf("# %s, %llu ms: %s", program,
	       (unsigned long long)(now_ms() - begin), text_of(tool.out));
}

START_TEST(both_print_the_same_calls_in_the_same_order)
{
	__u64 begin = now_ms();

	run_under_both(programs[_i]);
	compare(programs[_i], begin);
}
END_TEST

START_TEST(a_difference_is_found)
{
	static const char * const found[] = {
		"audited: openat(AT_FDCWD", ", \"/none/9\\n",
		"straced: mkdir(\"/none/1", "audited: getppid() = 0\n",
		"audited: connect(", "\n0 of 6 threads were seen to begin\n",
		"audited: close(3</other>) = 0\n",
	};
	const size_t count = sizeof(found) / sizeof(*found) - is_real_time();
	__u64 begin = now_ms();
	struct tool tool;
	size_t i;

	run_under_both(programs[0]);
	compare(programs[0], begin);
	succeeds("sh " TESTS "programs.sh change");
	tool = shell(comparison());
	ck_assert_int_eq(finish(tool.pid), 1);
	for (i = 0; i < count; i++)
		ck_assert_msg(has_written(tool.out, found[i]), "not found: %s",
			      found[i]);
}
END_TEST

static int count(void)
{
	const char *which = getenv("PROGRAMS");

	return which && !strcmp(which, "all") ? ALL : FEW;
}

int main(int argc, char **argv)
{
	Suite *suite = suite_create("sysaudit strace");
	TCase *tcase = tcase_create("strace");

	if (argc == 2 && !strcmp(argv[1], "threads"))
		return make_threads();
	if (!can_audit() || !is_described() || !has_cgroups())
		return run_suite(suite);
	tcase_add_checked_fixture(tcase, auditor_out, auditor_out);
	tcase_set_timeout(tcase, 4 * LIMIT_MS / 1000);
	tcase_add_test(tcase, a_difference_is_found);
	tcase_add_loop_test(tcase,
			    both_print_the_same_calls_in_the_same_order,
			    1, count());
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
