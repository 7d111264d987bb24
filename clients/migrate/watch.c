// SPDX-License-Identifier: GPL-2.0-only
/*
 * The thread that copies may hang: in a write to a pipe that nobody reads, or in
 * the fsync() of a disk that has stalled. So another one waits for signals and for
 * the deadline of a freeze. It thaws, and then ends the program.
 */
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "copy.h"
#include "freeze.h"
#include "watch.h"

static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1 };

atomic_bool word;
atomic_int run_group;

/* Its holder may change what follows, or end the program and keep it. */
static pthread_mutex_t ending = PTHREAD_MUTEX_INITIALIZER;
static double deadline;		/* 0: none */
static bool is_settled;

static int timer = -1, signals = -1;
static sigset_t caught, before;

void say(const char *format, ...)
{
	struct pollfd pollfd = { .fd = STDERR_FILENO, .events = POLLOUT };
	char text[512];
	va_list values;
	int size;

	va_start(values, format);
	size = vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	if (size >= (int)sizeof(text))
		size = sizeof(text) - 1;
	if (poll(&pollfd, 1, 0) > 0 && write(STDERR_FILENO, text, size) < 0)
		return;
}

static void end_run(void)
{
	const int group = run_group;

	if (group)
		kill(-group, SIGKILL);
}

/*
 * A refusal leaves nothing behind, and frozen file systems thaw. False if
 * something has not thawed yet.
 */
static bool clean_up(void)
{
	const struct copy *copy;
	bool thawed;

	end_run();
	thawed = release();
	for_each_copy(copy) {
		/* not one that another program has found and locked */
		if (copy->dst.made && !flock(copy->dst.fd, LOCK_EX | LOCK_NB))
			unlink(copy->dst.path);
	}
	return thawed;
}

static void end(void)
{
	pthread_mutex_lock(&ending);
	clean_up();
}

void clean_up_at_exit(void)
{
	atexit(end);
}

static void end_by_signal(int number)
{
	const struct copy *copy;
	sigset_t set;

	clean_up();
	for_each_copy(copy) {
		if (copy->dst.path && !is_settled)
			say("%s: stopped: %s %s\n",
			    program_invocation_short_name, copy->dst.path,
			    copy->dst.touched ? "is not a copy, start anew" :
						"was not touched");
	}
	signal(number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, number);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	raise(number);
	_exit(EXIT_FAILURE);
}

static void end_by_deadline(void)
{
	const bool running = run_group;
	const char *thawed = clean_up() ? ", and all is thawed" : "";
	const struct copy *copy;

	for_each_copy(copy)
		say("%s: --max-pause was reached%s: %s %s%s\n",
		    program_invocation_short_name,
		    running ? " while --run was running" : "",
		    copy->dst.path ?: "DST",
		    copy->dst.touched ? "is not a copy" : "was not touched",
		    thawed);
	_exit(EXIT_BOUND);
}

/* And before the deadline: if it has come, this ends the program. */
static void lock_ending(void)
{
	pthread_mutex_lock(&ending);
	if (deadline && now() >= deadline)
		end_by_deadline();
}

void check_deadline(void)
{
	lock_ending();
	pthread_mutex_unlock(&ending);
}

pid_t fork_before_deadline(void)
{
	pid_t pid;

	lock_ending();
	pid = fork();
	if (!pid)
		setpgid(0, 0);
	if (pid > 0) {
		setpgid(pid, pid);
		run_group = pid;
	}
	pthread_mutex_unlock(&ending);
	return pid;
}

void set_deadline(double time)
{
	const struct itimerspec spec = { .it_value = timespec_of(time) };

	lock_ending();
	deadline = time;
	timerfd_settime(timer, TFD_TIMER_ABSTIME, &spec, NULL);
	pthread_mutex_unlock(&ending);
}

void settle(void)
{
	pthread_mutex_lock(&ending);
	is_settled = true;
	pthread_mutex_unlock(&ending);
}

void restore_signals(void)
{
	static const int ignored[] = { SIGPIPE, SIGTTIN, SIGTTOU, SIGXFSZ };
	size_t i;

	for (i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static void take_signal(void)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGUSR1) {
		word = true;
		return;
	}
	pthread_mutex_lock(&ending);
	end_by_signal(info.ssi_signo);
}

static void *wait_for_all(void *unused)
{
	struct pollfd pollfds[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = timer, .events = POLLIN },
	};
	__u64 times;

	(void)unused;
	for (;;) {
		if (poll(pollfds, 2, -1) < 0)
			continue;
		if (pollfds[0].revents)
			take_signal();
		if (pollfds[1].revents &&
		    read(timer, &times, sizeof(times)) > 0)
			check_deadline();
	}
	return NULL;
}

void watch(void)
{
	struct sigaction action;
	pthread_t thread;
	size_t i;

	sigemptyset(&caught);
	for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		sigaction(numbers[i], NULL, &action);
		if (action.sa_handler != SIG_IGN || numbers[i] == SIGUSR1)
			sigaddset(&caught, numbers[i]);
	}
	/* an error says it, too */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	/* if it was ignored, no child would leave a status */
	signal(SIGCHLD, SIG_DFL);
	pthread_sigmask(SIG_BLOCK, &caught, &before);
	signals = signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK);
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (signals < 0 || timer < 0 ||
	    pthread_create(&thread, NULL, wait_for_all, NULL))
		err(EXIT_FAILURE, "cannot wait for signals");
}
