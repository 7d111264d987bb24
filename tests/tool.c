// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tool.h"

#define OUTPUT_MAX	(1 << 22)

int memory_file(const char *text)
{
	int fd = memfd_create("tool", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, text, strlen(text), 0), strlen(text));
	return fd;
}

static int exec_tool(void *arg)
{
	struct tool *tool = arg;

	if (dup2(tool->in, 0) < 0 || dup2(tool->out, 1) < 0 ||
	    dup2(tool->err, 2) < 0)
		return 126;
	if (isatty(0) && (setsid() < 0 || ioctl(0, TIOCSCTTY, 0)))
		return 126;
	if (tool->held && ptrace(PTRACE_TRACEME, 0, 0, 0))
		return 126;
	execv(tool->path, tool->argv);
	return 127;
}

void run_tool(struct tool *tool)
{
	tool->pid = start(exec_tool, tool);
}

struct tool start_tool(const char *path, int in, int out, char **argv)
{
	struct tool tool = {
		.path = path, .argv = argv, .in = in, .out = out,
		.err = memory_file(""),
	};

	run_tool(&tool);
	return tool;
}

struct tool start_held(const char *path, char **argv)
{
	struct tool tool = {
		.path = path, .argv = argv, .in = memory_file(""),
		.out = memory_file(""), .err = memory_file(""), .held = true,
	};

	run_tool(&tool);
	return tool;
}

static void stopped(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSTOPPED(status), "it has ended before the call");
}

static bool is_path(pid_t pid, __u64 address, const char *path)
{
	const size_t size = strlen(path) + 1;
	char memory[32], text[64];
	ssize_t got;
	int fd;

	snprintf(memory, sizeof(memory), "/proc/%d/mem", pid);
	fd = open(memory, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	got = pread(fd, text, size, address);
	close(fd);
	return got == (ssize_t)size && !strcmp(text, path);
}

/* Whether it is about to call that with a path, or with NULL, to ppoll(). */
static bool is_about_to(pid_t pid, int call, const char *path)
{
	struct __ptrace_syscall_info info;

	ck_assert_int_gt(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info),
				&info), 0);
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return false;
	if (path)
		return info.entry.nr == (__u64)call &&
		       is_path(pid, info.entry.args[1], path);
#ifdef SYS_ppoll_time64
	if (info.entry.nr == SYS_ppoll_time64)
		return true;
#endif
	return info.entry.nr == SYS_ppoll;
}

void hold_before(const struct tool *tool, int call, const char *path)
{
	stopped(tool->pid);	/* by its start */
	ck_assert_int_eq(ptrace(PTRACE_SETOPTIONS, tool->pid, 0,
				PTRACE_O_TRACESYSGOOD), 0);
	do {
		ck_assert_int_eq(ptrace(PTRACE_SYSCALL, tool->pid, 0, 0), 0);
		stopped(tool->pid);
	} while (!is_about_to(tool->pid, call, path));
}

void hold(const struct tool *tool)
{
	hold_before(tool, 0, NULL);
}

void let_run(const struct tool *tool)
{
	ck_assert_int_eq(ptrace(PTRACE_DETACH, tool->pid, 0, 0), 0);
}

const char *text_of(int fd)
{
	static char texts[2][OUTPUT_MAX];
	static int turn;
	char *text = texts[turn++ % 2];
	ssize_t got = pread(fd, text, OUTPUT_MAX, 0);

	ck_assert_int_ge(got, 0);
	ck_assert_int_lt(got, OUTPUT_MAX);
	text[got] = '\0';
	return text;
}

bool has_written(int fd, const char *text)
{
	return strstr(text_of(fd), text);
}

const char *contents(const char *path)
{
	static char text[1 << 23];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	ck_assert_int_ge(got, 0);
	text[got] = '\0';
	close(fd);
	return text;
}

unsigned int lines_of(const char *text)
{
	unsigned int lines = 0;

	for (; (text = strchr(text, '\n')); text++)
		lines++;
	return lines;
}

struct tool start_shell(int in, int out, const char *script)
{
	return start_tool("/bin/busybox", in, out,
			  (char *[]){ "sh", "-c", (char *)script, NULL });
}

void interrupt(const struct tool *tool)
{
	kill(tool->pid, SIGINT);
	is_killed(tool->pid, SIGINT);
}

const char *output(struct tool tool, int status)
{
	int really = finish(tool.pid);

	ck_assert_msg(really == status, "status %d: %s", really,
		      text_of(tool.err));
	return text_of(tool.out);
}

void has(const char *text, const char *part)
{
	/* Check ends a test with a longer message without a word. */
	ck_assert_msg(strstr(text, part), "no '%s' in: %.2000s", part, text);
}

void misuse(struct tool tool, const char *reason)
{
	ck_assert_int_eq(finish(tool.pid), USAGE);
	ck_assert_msg(has_written(tool.err, reason), "%s", text_of(tool.err));
}

void finds_a_reader(struct tool tool, int number)
{
	char refusal[256];

	snprintf(refusal, sizeof(refusal),
		 "%s: cannot open /dev/bufflink%d: another program reads it, and there can be only one reader: end that program first\n",
		 tool.argv[0], number);
	ck_assert_int_eq(finish(tool.pid), FAILED);
	ck_assert_str_eq(text_of(tool.err), refusal);
	ck_assert_str_eq(text_of(tool.out), "");
}

void mount_small_disk(const char *folder)
{
	mkdir(folder, 0700);
	ck_assert_int_eq(mount("tmpfs", folder, "tmpfs", 0, "size=64k"), 0);
}

void enlarge_small_disk(const char *folder)
{
	ck_assert_int_eq(mount("tmpfs", folder, "tmpfs", MS_REMOUNT, "size=8m"),
			 0);
}
