// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trace.h"

static int guard_pipe[2];
static pid_t guard;
static int gate[2];
static pid_t child;
static int child_status;
static volatile sig_atomic_t ended;

/*
 * If this program is killed, nobody else would switch the events off. Until they
 * are, this process keeps the buffer open, and no other can begin to record.
 */
static void watch(void)
{
	sigset_t all;
	char byte;

	/* Those of a terminal come to both. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	close(guard_pipe[1]);
	if (read(guard_pipe[0], &byte, 1) != 1)
		set_parameter("events", "");
	_exit(EXIT_SUCCESS);
}

void start_guard(void)
{
	if (pipe2(guard_pipe, O_CLOEXEC))
		err(EXIT_FAILURE, "cannot make a pipe");
	guard = fork();
	if (guard < 0)
		err(EXIT_FAILURE, "cannot start a process");
	if (!guard)
		watch();
	close(guard_pipe[0]);
}

void dismiss_guard(void)
{
	if (!guard)
		return;
	if (write(guard_pipe[1], "", 1) != 1)
		warn("cannot end a process of this program");
	waitpid(guard, NULL, 0);
	guard = 0;
}

static void child_ended(int number)
{
	const int saved = errno;

	if (waitpid(child, &child_status, WNOHANG) == child) {
		ended = true;
		stop(number);
	}
	errno = saved;
}

static void run(char **argv)
{
	char byte;

	signal(SIGCHLD, SIG_DFL);
	close(gate[1]);
	if (read(gate[0], &byte, 1) != 1)
		_exit(EXIT_FAILURE);
	exec_command(argv);
}

void start_command(char **argv)
{
	const struct sigaction action = {
		.sa_handler = child_ended, .sa_flags = SA_RESTART,
	};

	if (pipe2(gate, O_CLOEXEC))
		err(EXIT_FAILURE, "cannot make a pipe");
	child = fork();
	if (child < 0)
		err(EXIT_FAILURE, "cannot start %s", *argv);
	if (!child)
		run(argv);
	close(gate[0]);
	sigaction(SIGCHLD, &action, NULL);
}

void let_command_go(void)
{
	if (write(gate[1], "", 1) != 1)
		err(EXIT_FAILURE, "cannot start the command");
	close(gate[1]);
}

bool command_ended(int *status)
{
	if (!ended) {
		if (child)
			warnx("the command runs on, as process %d", child);
		return false;
	}
	*status = command_status(child_status);
	return true;
}
