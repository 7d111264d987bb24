// SPDX-License-Identifier: GPL-2.0-only
/*
 * A command for each event, which it finds in its environment. Nothing of an event
 * is ever part of a command line.
 */
#define _GNU_SOURCE
#include "event.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "program.h"
#include "text.h"

#define PREFIX		"EVLOG_"
#define CHILDREN_MAX	8	/* at a time */

static const char *command;
static bool has_failed;

/* Changed by the handler of SIGCHLD. */
static atomic_int running;
static atomic_int failures, last_status;

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
	}
	errno = saved;
}

void notify_option(const char *text)
{
	const struct sigaction action = {
		.sa_handler = reap, .sa_flags = SA_RESTART | SA_NOCLDSTOP,
	};

	command = text;
	sigaction(SIGCHLD, &action, NULL);
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
	fprint_plain(memory, text, size);
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
	while (running >= CHILDREN_MAX)
		if (!stay(0.1))
			return false;
	return true;
}

void notify(const struct event *event)
{
	pid_t child;

	if (!command)
		return;
	flush();
	if (!wait_for_place()) {
		warnx("the command was not run for an event: it was to end");
		has_failed = true;
		return;
	}
	running++;
	child = fork_child();
	if (child < 0)
		err(EXIT_FAILURE, "cannot run the command");
	if (!child)
		run(event);
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

bool end_notify(void)
{
	while (running && stay(0.1))
		;
	if (running)
		warnx("commands that still run: %d", running);
	tell_failures();
	return !has_failed;
}
