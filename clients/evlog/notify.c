// SPDX-License-Identifier: GPL-2.0-only
/*
 * A command for each event, which it finds in its environment. Nothing of an event
 * is ever part of a command line.
 */
#define _GNU_SOURCE
#include "event.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "program.h"

#define PREFIX		"EVLOG_"
#define CHILDREN_MAX	8	/* at a time */
#define PATIENCE	(5 * 1000000000LL)	/* with them (ns) */

static const char *command;
static bool has_failed;
static unsigned long long not_run;	/* commands, as it is to end */

/* Changed by the handler of SIGCHLD. */
static atomic_int running;
static atomic_int failures, last_status;
static int ended[2] = { -1, -1 };	/* has a byte when a command has */

static void reap(int number)
{
	const int saved = errno;
	int status;

	(void)number;
	while (waitpid(-1, &status, WNOHANG) > 0) {
		running--;
		if (status) {
			failures++;
			last_status = status;
		}
		/* A pipe that is full says the same. */
		if (write(ended[1], "", 1) < 0 && errno != EAGAIN)
			_exit(EXIT_FAILURE);
	}
	errno = saved;
}

void notify_option(const char *text)
{
	const struct sigaction action = {
		.sa_handler = reap, .sa_flags = SA_RESTART | SA_NOCLDSTOP,
	};
	sigset_t children;

	command = text;
	if (ended[0] < 0 && pipe2(ended, O_CLOEXEC | O_NONBLOCK))
		err(EXIT_FAILURE, "cannot wait for commands");
	sigaction(SIGCHLD, &action, NULL);
	/* The program may have been started with this blocked. */
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	sigprocmask(SIG_UNBLOCK, &children, NULL);
}

void watch_commands(struct bufflink_reader *reader)
{
	if (command)
		bufflink_watch(reader, ended[0], POLLIN);
}

/* Those that this program was started with are of another event. */
static void forget_variables(void)
{
	char **from, **to = environ;

	for (from = environ; *from; from++)
		if (strncmp(*from, PREFIX, strlen(PREFIX)))
			*to++ = *from;
	*to = NULL;
}

/* As it is printed: without zeroes, and without bytes that a terminal might obey. */
static void set_variable(const char *prefix, const struct value *value)
{
	char name[VARIABLE_MAX + 1], *plain;
	size_t size, plain_size;
	const char *text = value_text(value, &size);
	FILE *memory = open_memstream(&plain, &plain_size);

	variable_name(name, prefix, value);
	if (!memory)
		err(EXIT_FAILURE, "cannot set %s", name);
	fprint_line(memory, text, size);
	if (fclose(memory) || setenv(name, plain, false))
		err(EXIT_FAILURE, "cannot set %s", name);
	free(plain);
}

static void run(const struct event *event)
{
	size_t i;

	forget_variables();
	setenv(PREFIX "TIME", time_text(event), true);
	if (event->is_cut)
		setenv(PREFIX "CUT", "1", true);
	for (i = 0; i < FIELDS; i++)
		set_variable(PREFIX, &event->fields[i]);
	for (i = 0; i < event->n; i++)
		set_variable(PREFIX "ATTR_", &event->attrs[i]);
	no_input();
	exec_shell(command);
}

/* Further events wait in the buffer meanwhile. */
static bool wait_for_place(void)
{
	const long long end = clock_now(CLOCK_MONOTONIC) + PATIENCE;
	bool has_warned = false;

	while (running >= CHILDREN_MAX) {
		if (!stay(0.1))
			return false;
		if (!has_warned && clock_now(CLOCK_MONOTONIC) > end) {
			warnx("%d commands still run; events wait in the buffer",
			      CHILDREN_MAX);
			has_warned = true;
		}
	}
	return true;
}

/* There may be too many processes, or too little memory, for a while. */
static pid_t start_child(void)
{
	pid_t child = fork_child();

	if (child < 0)
		warn("cannot run the command, and tries again; events wait in the buffer");
	while (child < 0 && stay(0.5))
		child = fork_child();
	return child;
}

void notify(const struct event *event)
{
	pid_t child;

	if (!command)
		return;
	flush();
	if (!wait_for_place()) {
		not_run++;
		return;
	}
	running++;
	child = start_child();
	if (!child)
		run(event);
	if (child < 0) {
		running--;
		not_run++;
	}
}

void tell_failures(void)
{
	const int n = atomic_exchange(&failures, 0);

	if (!n)
		return;
	has_failed = true;
	warnx("the command failed for %d event%s, the last time with status %d",
	      n, n == 1 ? "" : "s", command_status(last_status));
}

bool take_ends(void)
{
	char bytes[64];

	if (read(ended[0], bytes, sizeof(bytes)) <= 0)
		return false;
	tell_failures();
	return true;
}

bool end_notify(void)
{
	while (running && stay(0.1))
		;
	if (running)
		warnx("commands that still run: %d", running);
	if (not_run)
		warnx("the command was not run for %llu event%s, as the program was to end",
		      not_run, not_run == 1 ? "" : "s");
	tell_failures();
	return !has_failed && !not_run && !running;
}
