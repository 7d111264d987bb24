// SPDX-License-Identifier: GPL-2.0-only
/* A file in place of standard output, opened anew when it was moved away. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit.h"

static const char *output;
static int original = -1;		/* standard output */
static volatile sig_atomic_t asked;

static void ask(int number)
{
	(void)number;
	asked = true;
}

static void open_output(void)
{
	int fd = open(output, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW |
		      O_CLOEXEC, 0600);

	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
		err(EXIT_FAILURE, "cannot open %s", output);
	close(fd);
}

void write_to(const char *path)
{
	const struct sigaction action = {
		.sa_handler = ask, .sa_flags = SA_RESTART,
	};

	output = path;
	if (original < 0)
		original = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	open_output();
	sigaction(SIGHUP, &action, NULL);
}

void restore_output(void)
{
	if (original >= 0)
		dup2(original, STDOUT_FILENO);
}

/* Between two lines, so that none is in both files. */
void reopen_if_asked(void)
{
	if (!asked)
		return;
	asked = false;
	flush();
	open_output();
}
