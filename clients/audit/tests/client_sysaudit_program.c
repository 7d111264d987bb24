// SPDX-License-Identifier: GPL-2.0-only
/* bufflink-audit: what it prints, whose calls it leaves out, how it ends. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "auditor.h"

#define PIPE_SIZE	65536
#define TOOL		"/t/bufflink-audit"

#define tool_to(out, ...)						\
	start_tool(TOOL, memory_file(""), out,				\
		   (char *[]){ "bufflink-audit", ##__VA_ARGS__, NULL })
#define tool(...)	tool_to(memory_file(""), ##__VA_ARGS__)

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
	interrupt(&reader);
}
END_TEST

START_TEST(a_process_group_is_not_given_its_own_calls_if_it_asks)
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

START_TEST(the_program_prints_a_line_for_each_call)
{
	struct child child = child_of(known_calls);
	bool described = is_described();
	char expected[512], pid[32];
	struct tool reader;

	snprintf(pid, sizeof(pid), "pid=%d", child.pid);
	auditor_in_for_tool(pid);
	let_go(&child);
	memmove(pid, pid + strlen("pid="), sizeof(pid) - strlen("pid="));
	reader = tool("--no-wait");
	ck_assert_int_eq(finish(reader.pid), 0);
	snprintf(expected, sizeof(expected), "%s<client_sysaudit> read(%s",
		 pid, described ? "" : "0x");
	ck_assert_int_eq(strncmp(text_of(reader.out), expected,
				 strlen(expected)), 0);
	snprintf(expected, sizeof(expected),
		 "\n%s<client_sysaudit> close(%s = -1 EBADF (Bad file descriptor)\n%s<client_sysaudit> getppid(",
		 pid, described ? "1000)" : "", pid);
	ck_assert(!described || has_written(reader.out, expected));
	snprintf(expected, sizeof(expected),
		 "\n%s<client_sysaudit> mmap(0x1, 0x2, 0x3, 0x4, 0x5, 0x6) = -1 EINVAL (Invalid argument)\n",
		 pid);
	ck_assert(described || has_written(reader.out, expected));
	snprintf(expected, sizeof(expected), ") = %d\n%s<client_sysaudit> exit_group(",
		 getpid(), pid);
	ck_assert(has_written(reader.out, expected));
	ck_assert_str_eq(strstr(text_of(reader.out), ") = ?"), ") = ?\n");
	snprintf(expected, sizeof(expected),
		 "bufflink-audit: the module has the filter pid=%s, which others have set\n",
		 pid);
	ck_assert(has_written(reader.err, expected));
}
END_TEST

START_TEST(the_tool_sets_filters_by_name_and_reports_losses_with_status_3)
{
	static const char report[] = "bufflink-audit: lost 1";
	struct tool reader;
	int i;

	auditor_in_for_tool("buffer_size=4096 calls=110");
	for (i = 0; i < 100; i++)
		syscall(SYS_getppid);
	reader = tool("-a", "--no-wait", "-j", "-e", "lseek,close", "-u", "any");
	ck_assert_int_eq(finish(reader.pid), 3);
	ck_assert(has_written(reader.err, report));
	ck_assert(has_written(reader.out, "{\"type\":\"loss\",\"records\":1"));
	ck_assert(has_written(reader.out, "\"number\":110,\"call\":\"getppid\",\"args\":[\"0x"));
	ck_assert_str_eq(value_of("calls"), "110\n");

	reader = tool("-e", "lseek,,close");
	ck_assert_int_eq(finish(reader.pid), 2);
	reader = tool("-e", "lseek,nonsense");
	ck_assert_int_eq(finish(reader.pid), 2);
	ck_assert_str_eq(text_of(reader.err),
			 "bufflink-audit: --calls: 'nonsense' is no call; one that is too new for libseccomp can be given as its number\n");
}
END_TEST

/* Again and again, as the first signal may come before the call. */
static void calls_and_is_interrupted(void)
{
	const struct itimerval soon = {
		.it_value.tv_usec = 20000, .it_interval.tv_usec = 20000,
	};

	signal(SIGALRM, handler);
	prctl(PR_SET_NAME, "a\n\033[m\377");
	setitimer(ITIMER_REAL, &soon, NULL);
	syscall(SYS_pause);
}

START_TEST(the_tool_prints_no_name_that_a_terminal_obeys)
{
	struct child child = child_of(calls_and_is_interrupted);
	unsigned long long seconds, nanoseconds;
	__u64 before = clock_now(CLOCK_REALTIME);
	struct tool reader;
	char line[128];

	auditor_in_for_tool("calls=34");
	let_go(&child);
	reader = tool("--no-wait", "--time");
	ck_assert_int_eq(finish(reader.pid), 0);
	ck_assert_int_eq(sscanf(text_of(reader.out), "%llu.%9llu %127[^\n]",
				&seconds, &nanoseconds, line), 3);
	ck_assert_uint_ge(seconds * 1000000000 + nanoseconds, before);
	ck_assert_uint_le(seconds * 1000000000 + nanoseconds, clock_now(CLOCK_REALTIME));
	ck_assert_ptr_nonnull(strstr(line, "<a\\n\\33[m\\377> pause("));
	ck_assert_ptr_nonnull(strstr(line, ") = ? ERESTARTNOHAND"));
}
END_TEST

static void connects(void)
{
	static const struct { sa_family_t family; char data[20]; } addresses[] = {
		{ AF_LOCAL, "/a }, 3) = 0\n\"" }, { AF_LOCAL, "\0/b }, 3" },
		{ AF_X25, "1 }, 3) = 0" }, { AF_AX25, "{ }, 3" },
	};
	size_t i;

	for (i = 0; i < sizeof(addresses) / sizeof(*addresses); i++)
		syscall(SYS_connect, -1, &addresses[i], 20);
}

START_TEST(an_address_cannot_forge_the_text_after_it)
{
	struct child child = child_of(connects);
	struct tool reader;

	auditor_in_for_tool("calls=42");
	if (!is_described())
		return;
	finish(tool("-f").pid);		/* it says what is to be copied */
	let_go(&child);
	reader = tool("-f");
	ck_assert_int_eq(finish(reader.pid), GOOD);
	ck_assert(has_written(reader.out,
			      "path=\"/a }, 3) = 0\\n\\\"\" }, 20) = -1 EBADF"));
	ck_assert(has_written(reader.out, "path=@\"/b }, 3\\0"));
	ck_assert(has_written(reader.out, "=1 \\175, 3) = 0 }, 20) = -1"));
	ck_assert(has_written(reader.out, "=\\173 \\175, 3"));
}
END_TEST

static void makes_no_call(void)
{
	syscall(-109);
	syscall(5000);
}

START_TEST(a_number_of_no_call_is_printed_as_a_number)
{
	struct child child = child_of(makes_no_call);
	struct tool reader;

	auditor_in_for_tool("calls=15");
	let_go(&child);
	reader = tool("-f");
	ck_assert_int_eq(finish(reader.pid), GOOD);
	ck_assert(has_written(reader.out, "> syscall_-109("));
	ck_assert(has_written(reader.out, "> syscall_5000("));
	child = child_of(makes_no_call);
	let_go(&child);
	reader = tool("-f", "-c");
	ck_assert_int_eq(finish(reader.pid), GOOD);
	ck_assert(has_written(reader.out, " 2         2 other numbers\n"));
}
END_TEST

/* A record of a thread that is not there. An exit has no items. */
static void write_record(int fd, int type, int number, const char *text,
			 size_t size, int flags)
{
	struct {
		struct sysaudit_record record;
		struct sysaudit_item items[2];
		char text[8];
	} __attribute__((packed)) all = {
		.record.head = {
			.length = sizeof(all.record) + sizeof(all.items) + size,
			.version = SYSAUDIT_VERSION, .type = type,
			.tid = 4194303, .pid = 4194303, .arch = NATIVE_ARCH,
			.number = number, .comm = "nobody",
		},
		.items = { { .arg = 1, .flags = flags | SYSAUDIT_CUT },
			   { .size = size, .arg = 1, .flags = flags } },
	};

	memcpy(all.text, text, size);
	if (type == SYSAUDIT_EXIT)
		all.record.head.length = offsetof(struct sysaudit_record, args);
	ck_assert_int_eq(write(fd, &all, all.record.head.length),
			 all.record.head.length);
}

START_TEST(a_call_is_printed_once_if_its_exit_is_lost)
{
	int fd = auditor_in_for_tool("calls=,");
	struct tool reader;

	write_record(fd, SYSAUDIT_ENTRY, SYS_openat, "path", 4, 0);
	write_record(fd, SYSAUDIT_ENTRY, SYS_getppid, "", 0, 0);
	reader = tool("-f", "-e", "all");
	ck_assert_int_eq(finish(reader.pid), GOOD);
	ck_assert_int_eq(strncmp(text_of(reader.out), "4194303<nobody> openat(",
				 strlen("4194303<nobody> openat(")), 0);
	ck_assert(has_written(reader.out,
			      " <unfinished ...>\n4194303<nobody> getppid("));
	ck_assert_ptr_null(strstr(strstr(text_of(reader.out), "getppid(") + 1,
				  "getppid("));
}
END_TEST

START_TEST(the_log_has_no_argument_for_those_that_were_cut)
{
	int fd = auditor_in_for_tool("calls=,");
	struct tool reader;

	write_record(fd, SYSAUDIT_ENTRY, SYS_execve, "sh", 2, SYSAUDIT_ELEMENT);
	write_record(fd, SYSAUDIT_EXIT, SYS_execve, "", 0, 0);
	reader = tool("-f", "-e", "all", "--format=audit");
	ck_assert_int_eq(finish(reader.pid), GOOD);
	ck_assert(has_written(reader.out, "argc=1 a0=\"sh\"\n"));
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

/* It reads on until it is killed, and filters meanwhile. */
static void filters_are(struct tool reader, const char *calls,
			const char *compat)
{
	wait_for(!strcmp(value_of("calls"), calls));
	wait_for(!strcmp(value_of("compat_calls"), compat));
	interrupt(&reader);
}

START_TEST(the_tool_knows_both_ways_to_make_a_32_bit_call)
{
	auditor_in_for_tool("buffer_size=4096 pid=1 calls=1");
	filters_are(tool("-e", "socket"), "41\n", "102,359\n");
	filters_are(tool("-e", "all"), "0-1023\n", "0-1023\n");
	filters_are(tool("-e", "462,39"), "39,462\n", "462\n");
	filters_are(tool("-e", "%network"),
		    "41-55,288,299,307\n", "102,337,345,359-373\n");
	ck_assert_str_eq(value_of("calls"), "1\n");
}
END_TEST

START_TEST(the_tool_warns_of_a_call_that_only_32_bit_programs_have)
{
	struct tool reader;

	auditor_in_for_tool("pid=1");
	reader = tool("-f", "-e", "send");
	ck_assert_int_eq(finish(reader.pid), GOOD);
	ck_assert(has_written(reader.err,
			      "only 32-bit programs have the call 'send'\n"));
}
END_TEST

START_TEST(the_tool_refuses_a_process_that_is_not_there)
{
	struct tool reader;

	auditor_in_for_tool("");
	reader = tool("-f", "-p", "4194303");
	ck_assert_int_eq(finish(reader.pid), FAILED);
	ck_assert(has_written(reader.err,
			      "bufflink-audit: --pid: there is no process 4194303\n"));
}
END_TEST

START_TEST(the_tool_refuses_numbers_that_are_none_or_too_large)
{
	misuse(tool("-p", "99999999999999999999"),
	       ": --pid: '99999999999999999999' is not a number, 1 to 2147483647\n");
	misuse(tool("-p", "4294967296"), "--pid: '4294967296' is not");
	misuse(tool("-p", "0"), "--pid: '0' is not a number, 1 to 2147483647\n");
	misuse(tool("-p", ""), "--pid: '' is not");
	misuse(tool("-u", "99999999999999999999"),
	       ": --uid: '99999999999999999999' is not a number, 0 to 4294967294\n");
	misuse(tool("-u", "4294967295"), "--uid: '4294967295' is not");
	misuse(tool("-u", "-1"), "--uid: '-1' is not");
	misuse(tool("-e", "1024"), ": --calls: '1024' is not a number, 0 to 1023\n");
	misuse(tool("-e", "18446744073709551626"), "--calls: '18446744073709551626' is not");
}
END_TEST

/* A zero in front makes it octal for the kernel. */
START_TEST(a_number_with_zeros_in_front_is_decimal)
{
	struct tool reader;

	auditor_in_for_tool("");
	reader = tool("-u", "010");
	wait_for(!strcmp(value_of("uid"), "10\n"));
	interrupt(&reader);
}
END_TEST

START_TEST(filters_also_hold_for_records_of_before)
{
	struct tool reader;

	auditor_in_for_tool("calls=102,110");
	syscall(SYS_getuid);
	syscall(SYS_getppid);
	reader = tool("-f", "-e", "getppid");
	ck_assert_int_eq(finish(reader.pid), GOOD);
	ck_assert(has_written(reader.out, "getppid("));
	ck_assert(!has_written(reader.out, "getuid("));
}
END_TEST

#define shell(text, ...) tool(__VA_ARGS__, "--", "/bin/busybox", "sh", "-c", text)

START_TEST(a_command_is_followed_with_all_its_children_and_its_status_is_given)
{
	struct tool reader;

	auditor_in_for_tool("");
	if (!has_cgroups() || !is_described())
		return;
	reader = shell("/bin/busybox cat '/no \\such'; (exit 5)", "-T");
	ck_assert_int_eq(finish(reader.pid), 5);
	ck_assert(has_written(reader.out,
			      "> execve(\"/bin/busybox\", [\"/bin/busybox\", \"sh\", \"-c\", "));
	ck_assert(has_written(reader.out,
			      "openat(AT_FDCWD, \"/no \\\\such\", O_RDONLY, 000) = -1 ENOENT ("));
	ck_assert(has_written(reader.out, "(No such file or directory) <0."));
	ck_assert(!has_written(reader.out, "<client_sysaudit>"));
	ck_assert(!exists("/sys/fs/cgroup/bufflink-audit-%d", reader.pid));
}
END_TEST

START_TEST(a_command_ends_the_tool_whatever_signals_are_ignored)
{
	char text[] = "trap '' TERM CHLD; exec " TOOL
		      " -e getuid -- /bin/busybox sh -c 'exit 5'";
	struct tool reader;

	auditor_in_for_tool("");
	if (!has_cgroups())
		return;
	reader = start_shell(memory_file(""), memory_file(""), text);
	ck_assert_int_eq(finish(reader.pid), 5);
	ck_assert(!exists("/sys/fs/cgroup/bufflink-audit-%d", reader.pid));
	reader = shell("exit 5", "-p", "4194303");
	ck_assert_int_eq(finish(reader.pid), FAILED);
	ck_assert(!exists("/sys/fs/cgroup/bufflink-audit-%d", reader.pid));
}
END_TEST

START_TEST(a_command_begins_after_two_dashes_that_are_no_argument)
{
	struct tool reader = tool("-o", "--", "true");

	ck_assert_int_eq(finish(reader.pid), USAGE);
	ck_assert_str_eq(text_of(reader.err),
			 "bufflink-audit: -o: no argument given: -- begins a command\n");
	ck_assert(!exists("--"));
	reader = tool("-f", "true");
	ck_assert_int_eq(finish(reader.pid), USAGE);
	ck_assert_str_eq(text_of(reader.err),
			 "bufflink-audit: true: unexpected argument; a command comes after --\n");
}
END_TEST

START_TEST(a_command_that_runs_on_is_told_once_and_with_its_cgroup)
{
	static const char says[] = "the command runs on, as process ";
	struct tool reader;
	const char *told;
	char busy[128];

	auditor_in_for_tool("");
	if (!has_cgroups())
		return;
	reader = shell("echo runs; exec /bin/busybox sleep 1000", "-e", "getuid");
	wait_for(has_written(reader.out, "runs\n"));
	interrupt(&reader);
	told = strstr(text_of(reader.err), says);
	ck_assert_msg(told, "%s", text_of(reader.err));
	ck_assert_ptr_null(strstr(told + 1, says));
	snprintf(busy, sizeof(busy),
		 "the cgroup /sys/fs/cgroup/bufflink-audit-%d: Device or resource busy\n",
		 reader.pid);
	ck_assert(has_written(reader.err, busy));
	ck_assert_int_eq(kill(atoi(told + strlen(says)), SIGKILL), 0);
}
END_TEST

/* When they are printed, the program and its descriptors are gone. */
START_TEST(each_descriptor_is_printed_with_its_file_if_that_is_asked_for)
{
	char text[] = "cd /tmp; echo x >a; exec 3<a; mv a '<b>'; cat <&3; exec 4<none";
	struct tool reader;

	auditor_in_for_tool("");
	if (!has_cgroups() || !is_described())
		return;
	reader = shell(text, "-y", "--all-buffered");
	ck_assert_int_ne(finish(reader.pid), 0);
	if (is_real_time()) {
		ck_assert(has_written(reader.err, "-y: a PREEMPT_RT kernel does not"));
		ck_assert(has_written(reader.out, "openat(AT_FDCWD, "));
		return;
	}
	ck_assert(has_written(reader.out, "openat(AT_FDCWD</tmp>, \"a\", O_RDONLY"));
	ck_assert(has_written(reader.out, " = 3</tmp/a>\n"));
	ck_assert(has_written(reader.out, "(3</tmp/\\74b\\76>"));
	ck_assert(has_written(reader.out, ", \"none\", O_RDONLY"));
	ck_assert(has_written(reader.out, "-1 ENOENT (No such file or directory)\n"));
	reader = shell(text, "-y", "--json");
	ck_assert_int_ne(finish(reader.pid), 0);
	ck_assert(has_written(reader.out,
			      "{\"text\":\"AT_FDCWD</tmp>\",\"file\":\"/tmp\"},{\"text\":\"a\"}"));
	ck_assert(has_written(reader.out, "\"result\":3,\"result_file\":\"/tmp/a\""));
}
END_TEST

START_TEST(json_has_texts_as_they_are_and_flags_in_words)
{
	struct tool reader;

	auditor_in_for_tool("");
	if (!has_cgroups() || !is_described())
		return;
	reader = shell("/bin/busybox cat '/n\303\266 \377'", "--json");
	ck_assert_int_eq(finish(reader.pid), 1);
	ck_assert(has_written(reader.out,
			      "[{\"text\":\"AT_FDCWD\"},{\"text\":\"/n\303\266 \\\\xff\"},"));
	ck_assert(has_written(reader.out, "{\"text\":\"O_RDONLY\"},"));
	ck_assert(has_written(reader.out,
			      "{\"list\":[\"/bin/busybox\",\"cat\",\"/n\303\266 \\\\xff\"]}"));
}
END_TEST

/* The output of a program of auditd's package for the log */
static struct tool asks(char *program, char *option, char *value)
{
	struct tool tool = start_tool(program, memory_file(""), memory_file(""),
				      (char *[]){ program, option, value, "-i",
					"-if", "/tmp/audit.log", NULL });

	finish(tool.pid);
	return tool;
}

START_TEST(ausearch_and_aureport_read_the_audit_format)
{
	struct tool tool;

	auditor_in_for_tool("");
	if (!has_cgroups() || !is_described())
		return;
	unlink("/tmp/audit.log");
	mkdir("/tmp/a b", 0700);
	tool = shell("cd '/tmp/a b'; /bin/busybox cat '/none\n type=SYSCALL'",
		     "--format=audit", "-o", "/tmp/audit.log");
	ck_assert_int_eq(finish(tool.pid), 1);
	tool = asks("/usr/sbin/ausearch", "-sc", "openat");
	ck_assert(has_written(tool.out, "exit=ENOENT(No such file or directory) a0=AT_FDCWD"));
	ck_assert(has_written(tool.out, "name=/none\\012 type=SYSCALL"));
	ck_assert(is_real_time() || has_written(tool.out, " cwd=/tmp/a b"));
	tool = asks("/usr/sbin/ausearch", "-m", "EXECVE");
	ck_assert(has_written(tool.out, "a0=/bin/busybox a1=cat"));
	tool = asks("/usr/sbin/aureport", "--failed", "-f");
	ck_assert(has_written(tool.out, "/none\\012 type=SYSCALL openat no"));
}
END_TEST

START_TEST(a_table_counts_calls_and_errors)
{
	struct tool reader;

	auditor_in_for_tool("calls=3,110");
	syscall(SYS_close, -1);
	syscall(SYS_getppid);
	syscall(SYS_getppid);
	reader = tool("-f", "-c");
	ck_assert_int_eq(finish(reader.pid), GOOD);
	ck_assert(has_written(reader.out, " 1 close\n"));
	ck_assert(has_written(reader.out, "         2         0 getppid\n"));
}
END_TEST

START_TEST(a_file_that_was_moved_away_is_opened_anew_on_sighup)
{
	struct tool reader;

	unlink("/tmp/calls");
	auditor_in_for_tool("calls=102,110");
	reader = tool("-o", "/tmp/calls");
	syscall(SYS_getuid);
	wait_for(strstr(contents("/tmp/calls"), "getuid("));
	ck_assert_int_eq(rename("/tmp/calls", "/tmp/calls.1"), 0);
	kill(reader.pid, SIGHUP);
	syscall(SYS_getppid);
	wait_for(strstr(contents("/tmp/calls"), "getppid("));
	ck_assert_ptr_null(strstr(contents("/tmp/calls"), "getuid("));
	ck_assert_ptr_null(strstr(contents("/tmp/calls.1"), "getppid("));
	interrupt(&reader);
}
END_TEST

START_TEST(a_module_that_is_loaded_again_has_no_calls_without_the_filters)
{
	struct tool reader;

	close(auditor_in_for_tool("calls=102,110"));
	reader = tool("--reopen", "-e", "getppid");
	wait_for(!strcmp(value_of("calls"), "110\n"));
	kill(reader.pid, SIGSTOP);
	ck_assert_int_eq(unload(AUDITOR), 0);
	auditor_in_for_tool("calls=102,110");
	syscall(SYS_getuid);
	syscall(SYS_getppid);
	kill(reader.pid, SIGCONT);
	wait_for(has_written(reader.out, "getppid("));
	ck_assert(!has_written(reader.out, "getuid("));
	interrupt(&reader);
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

	int fd = auditor_in_for_tool("calls=110 buffer_size=196608");

	stuck = stuck_tool(ends);
	ck_assert_uint_eq(stats(fd).lost_records, 0);
	pin(0);
	call_getppid(2000);	/* more than there is room for on one CPU */
	kill(stuck.pid, SIGTERM);
	ck_assert(!finished(stuck.pid, MOMENT_MS));
	while ((got = read(ends[0], data + size, sizeof(data) - size - 1)) > 0)
		size += got;
	is_killed(stuck.pid, SIGTERM);
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

START_TEST(the_tool_is_the_only_reader)
{
	struct tool first;

	auditor_in_for_tool("calls=110");	/* so few that none is lost */
	syscall(SYS_getppid);
	first = tool();
	wait_for(has_written(first.out, "<client_sysaudit>"));
	finds_a_reader(tool(), 0);
	finds_a_reader(tool("--no-wait", "--pid", "1"), 0);
	ck_assert_str_eq(value_of("pid"), "0\n");
	ck_assert_int_eq(open("/dev/bufflink0", O_RDONLY), -1);
	ck_assert_int_eq(errno, EBUSY);
	interrupt(&first);
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
	finds_a_reader(tool(), 0);
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

int main(void)
{
	Suite *suite = suite_create("sysaudit program");

	if (!can_audit())
		return run_suite(suite);
	add_audit_case(suite, "tool",
		       the_reader_is_not_given_its_own_calls,
		       a_process_group_is_not_given_its_own_calls_if_it_asks,
		       the_program_prints_a_line_for_each_call,
		       the_tool_sets_filters_by_name_and_reports_losses_with_status_3,
		       the_tool_prints_no_name_that_a_terminal_obeys,
		       an_address_cannot_forge_the_text_after_it,
		       a_number_of_no_call_is_printed_as_a_number,
		       a_call_is_printed_once_if_its_exit_is_lost,
		       the_log_has_no_argument_for_those_that_were_cut,
		       the_tool_knows_both_ways_to_make_a_32_bit_call,
		       the_tool_warns_of_a_call_that_only_32_bit_programs_have,
		       the_tool_refuses_a_process_that_is_not_there,
		       the_tool_refuses_numbers_that_are_none_or_too_large,
		       a_number_with_zeros_in_front_is_decimal,
		       filters_also_hold_for_records_of_before,
		       a_command_is_followed_with_all_its_children_and_its_status_is_given,
		       a_command_ends_the_tool_whatever_signals_are_ignored,
		       a_command_begins_after_two_dashes_that_are_no_argument,
		       a_command_that_runs_on_is_told_once_and_with_its_cgroup,
		       each_descriptor_is_printed_with_its_file_if_that_is_asked_for,
		       json_has_texts_as_they_are_and_flags_in_words,
		       ausearch_and_aureport_read_the_audit_format,
		       a_table_counts_calls_and_errors,
		       a_file_that_was_moved_away_is_opened_anew_on_sighup,
		       a_module_that_is_loaded_again_has_no_calls_without_the_filters,
		       a_signal_ends_the_tool_when_all_that_it_knows_is_printed,
		       the_tool_says_where_calls_of_others_come_between,
		       the_tool_fails_if_it_cannot_print,
		       the_tool_is_the_only_reader,
		       the_tool_does_not_share_with_another_program,
		       the_tool_says_when_there_is_nothing_to_read);
	return run_suite(suite);
}
