// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "child.h"
#include "trace.h"

static int guard_pipe[2];
static pid_t guard;

/*
 * If this program is killed, nobody else would switch the events off. Until they
 * are, this process keeps the buffer open, and no other can begin to record.
 */
static void watch(void)
{
	char byte;

	close(guard_pipe[1]);
	if (read(guard_pipe[0], &byte, 1) != 1)
		set_parameter("events", "");
	_exit(EXIT_SUCCESS);
}

void start_guard(void)
{
	sigset_t all, before;

	/* Those of a terminal come to both, perhaps as soon as it has begun. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	if (pipe2(guard_pipe, O_CLOEXEC))
		err(EXIT_FAILURE, "cannot make a pipe");
	guard = fork();
	if (guard < 0)
		err(EXIT_FAILURE, "cannot start a process");
	if (!guard)
		watch();
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(guard_pipe[0]);
}

void dismiss_guard(void)
{
	if (!guard)
		return;
	if (write(guard_pipe[1], "", 1) != 1)
		warn("cannot end a process of this program");
	wait_for_child(guard);
	guard = 0;
}
