// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

static void forget_handlers(void)
{
	struct sigaction action;
	int number;

	for (number = 1; number < NSIG; number++) {
		if (!sigaction(number, NULL, &action) &&
		    action.sa_handler != SIG_IGN)
			signal(number, SIG_DFL);
	}
}

pid_t fork_child(void)
{
	sigset_t all, before;
	pid_t child;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	child = fork();
	if (!child)
		forget_handlers();
	sigprocmask(SIG_SETMASK, &before, NULL);
	return child;
}

void no_input(void)
{
	const int fd = open("/dev/null", O_RDONLY);

	if (fd < 0 || dup2(fd, STDIN_FILENO) < 0)
		_exit(127);
	close(fd);
}

static void __attribute__((noreturn)) exec(const char *file, char **argv)
{
	execvp(file, argv);
	warn("cannot run %s", file);
	_exit(errno == ENOENT ? 127 : 126);
}

void exec_command(char **argv)
{
	exec(*argv, argv);
}

void exec_shell(const char *command)
{
	exec("/bin/sh", (char *[]){ "sh", "-c", (char *)command, NULL });
}

int wait_for_child(pid_t child)
{
	int status = -1;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

int command_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}
