// SPDX-License-Identifier: GPL-2.0-only
/* The command that runs before the thaw */
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "copy.h"
#include "run.h"
#include "watch.h"

/* Its words are no part of a stream. A program that is killed leaves none behind. */
static void execute(const char *command)
{
	const int in = open("/dev/null", O_RDONLY);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	restore_signals();
	/* a terminal would stop it, in the background, when it asks something */
	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	if (in < 0 || dup2(in, STDIN_FILENO) < 0 ||
	    dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		_exit(127);
	close(in);
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(127);
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
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		run_group = 0;
	}
	if (!status)
		return now() - began;
	warnx("--run: '%s' failed", command);
	return -1;
}
