// SPDX-License-Identifier: GPL-2.0-only
/* The command that runs before the thaw */
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "child.h"
#include "copy.h"
#include "run.h"
#include "watch.h"

/* Its words are no part of a stream. A program that is killed leaves none behind. */
static void execute(const char *command)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	restore_signals();
	/* a terminal would stop it, in the background, when it asks something */
	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	no_input();
	if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		_exit(127);
	exec_shell(command);
}

double run(const char *command)
{
	const double began = now();
	int status = -1;
	pid_t pid;

	if (!command)
		return 0;
	pid = fork_before_deadline();
	if (!pid)
		execute(command);
	if (pid > 0) {
		status = wait_for_child(pid);
		run_group = 0;
	}
	if (!status)
		return now() - began;
	warnx("--run: '%s' failed", command);
	return -1;
}
