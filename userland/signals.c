// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "private.h"

atomic_int stopped;
atomic_bool hung_up;
int signal_pipe[2] = { -1, -1 };

void stop(int number)
{
	const int saved = errno;

	stopped = number;
	if (write(signal_pipe[1], "", 1) < 0)
		_exit(EXIT_FAILURE);
	errno = saved;
}

/* One byte for all hangups until it is read: the pipe never fills up. */
static void hang_up(int number)
{
	const int saved = errno;

	(void)number;
	if (!atomic_exchange(&hung_up, true) &&
	    write(signal_pipe[1], "", 1) < 0)
		_exit(EXIT_FAILURE);
	errno = saved;
}

static void catch_signal(int number)
{
	/* The second one kills, should standard output be stuck. */
	const struct sigaction action = {
		.sa_handler = stop,
		.sa_flags = SA_RESETHAND | SA_RESTART,
	};
	struct sigaction before;

	sigaction(number, NULL, &before);
	if (before.sa_handler != SIG_IGN)
		sigaction(number, &action, NULL);
}

void open_signal_pipe(void)
{
	if (signal_pipe[0] < 0 && pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK))
		err(EXIT_FAILURE, "cannot wait for signals");
}

void catch_signals(void)
{
	open_signal_pipe();
	catch_signal(SIGINT);
	catch_signal(SIGTERM);
}

void catch_hangups(void)
{
	const struct sigaction action = {
		.sa_handler = hang_up, .sa_flags = SA_RESTART,
	};

	open_signal_pipe();
	sigaction(SIGHUP, &action, NULL);
}
