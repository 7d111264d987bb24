// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "command.h"
#include "program.h"

static pid_t child;
static int gate[2];
static int child_status;
static void (*wait_for_others)(void);
static atomic_bool ended;
static bool is_let_go;

int option_before_command(int argc, char **argv, const char *letters,
			  const struct option *options)
{
	const int option = getopt_long(argc, argv, letters, options, NULL);
	const bool is_behind = !strcmp(argv[optind - 1], "--");

	if (option != -1 && optarg && is_behind)
		errx(EXIT_USAGE, "%s: no argument given: -- begins a command",
		     argv[optind - 2]);
	if (option == -1 && argv[optind] && !is_behind)
		errx(EXIT_USAGE, "%s: unexpected argument; a command comes after --",
		     argv[optind]);
	return option;
}

static void run(char **argv, void (*enter)(void))
{
	char byte;

	close(gate[1]);
	if (read(gate[0], &byte, 1) != 1)
		_exit(EXIT_FAILURE);
	if (enter)
		enter();
	exec_command(argv);
}

void start_command(char **argv, void (*enter)(void))
{
	if (pipe2(gate, O_CLOEXEC))
		err(EXIT_FAILURE, "cannot make a pipe");
	/* if it was ignored, the command would leave no status */
	signal(SIGCHLD, SIG_DFL);
	child = fork_child();
	if (child < 0)
		err(EXIT_FAILURE, "cannot start %s", *argv);
	if (!child)
		run(argv, enter);
}

static void *wait_for_end(void *unused)
{
	child_status = wait_for_child(child);
	if (wait_for_others)
		wait_for_others();
	ended = true;
	if (!stopped)
		stop(SIGCHLD);
	return unused;
}

void let_command_go(void (*linger)(void))
{
	pthread_t thread;

	wait_for_others = linger;
	is_let_go = !stopped;
	errno = pthread_create(&thread, NULL, wait_for_end, NULL);
	if (errno || (is_let_go && write(gate[1], "", 1) != 1))
		err(EXIT_FAILURE, "cannot start the command");
	/* Only now, as a signal may have killed the child. */
	close(gate[0]);
	close(gate[1]);
}

bool command_ended(int *status)
{
	static int answer = -1;

	if (answer < 0)
		answer = ended && is_let_go;
	if (answer)
		*status = command_status(child_status);
	return answer;
}

void end_with_command(bool lost)
{
	int status = EXIT_SUCCESS;

	if (command_ended(&status))
		stopped = 0;
	else if (child && is_let_go && !ended)
		warnx("the command runs on, as process %d", child);
	end_reading(status, lost);
}
