// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader.h"

#define SYSFS	"/sys/class/misc/"

atomic_int stopped;

static void stop(int number)
{
	stopped = number;
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

void catch_signals(void)
{
	catch_signal(SIGINT);
	catch_signal(SIGTERM);
}

/* Only ppoll() lets signals in: none can come between look and sleep. */
bool wait_for_data(int fd, bool wait)
{
	const struct timespec no_time = { };
	struct pollfd pollfd = { .fd = fd, .events = POLLIN | POLLPRI };
	sigset_t caught, before;
	int ready = 0;

	sigemptyset(&caught);
	sigaddset(&caught, SIGINT);
	sigaddset(&caught, SIGTERM);
	sigprocmask(SIG_BLOCK, &caught, &before);
	if (!stopped)
		ready = ppoll(&pollfd, 1, wait ? NULL : &no_time, &before);
	if (ready < 0 && errno != EINTR)
		err(EXIT_FAILURE, "cannot poll");
	sigprocmask(SIG_SETMASK, &before, NULL);
	return ready > 0;
}

static bool is_of(const char *owner_path, const char *module)
{
	char owner[64] = "";
	FILE *file = fopen(owner_path, "re");

	if (!file)
		return false;
	if (!fgets(owner, sizeof(owner), file))
		*owner = '\0';
	fclose(file);
	owner[strcspn(owner, "\n")] = '\0';
	return !strcmp(owner, module);
}

const char *device_of(const char *module)
{
	static char path[64];
	const char *found = NULL;
	glob_t owners;
	size_t i;

	if (glob(SYSFS "bufflink*/owner", 0, NULL, &owners))
		return NULL;
	for (i = 0; i < owners.gl_pathc && !found; i++) {
		if (!is_of(owners.gl_pathv[i], module))
			continue;
		snprintf(path, sizeof(path), "/dev/%s",
			 owners.gl_pathv[i] + strlen(SYSFS));
		*strrchr(path, '/') = '\0';
		found = path;
	}
	globfree(&owners);
	return found;
}

int open_alone(const char *device)
{
	int fd = open(device, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 && errno == EBUSY)
		errx(EXIT_FAILURE,
		     "cannot open %s: another program reads it, and there can be only one reader: end that program first",
		     device);
	if (fd < 0)
		err(EXIT_FAILURE, "cannot open %s", device);
	return fd;
}

void flush(void)
{
	if (fflush(stdout) || ferror(stdout))
		err(EXIT_FAILURE, "cannot write to standard output");
}

void finish(int status)
{
	flush();
	exit(status);
}
