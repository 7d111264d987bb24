// SPDX-License-Identifier: GPL-2.0-only
/* A command and all its children, in a cgroup of their own. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/magic.h>

#include "audit.h"

static const char * const mounts[] = {
	"/sys/fs/cgroup", "/sys/fs/cgroup/unified",
};

static char folder[PATH_MAX];
static pid_t child;
static int gate[2];
static int status;
static atomic_bool ended;
static int output = -1;		/* of the command, if not that of this program */

static const char *cgroup_mount(void)
{
	struct statfs fs;
	size_t i;

	for (i = 0; i < sizeof(mounts) / sizeof(*mounts); i++)
		if (!statfs(mounts[i], &fs) &&
		    fs.f_type == CGROUP2_SUPER_MAGIC)
			return mounts[i];
	errx(EXIT_FAILURE, "there are no cgroups of version 2: mount -t cgroup2 cgroup2 %s",
	     *mounts);
}

static const char *id_of(const char *path)
{
	struct stat stat;
	struct statfs fs;
	char *id;

	if (lstat(path, &stat) || statfs(path, &fs))
		err(EXIT_FAILURE, "cannot find the cgroup %s", path);
	if (fs.f_type != CGROUP2_SUPER_MAGIC || !S_ISDIR(stat.st_mode))
		errx(EXIT_FAILURE, "%s is no cgroup of version 2", path);
	if (asprintf(&id, "%llu", (unsigned long long)stat.st_ino) < 0)
		err(EXIT_FAILURE, "cannot find the cgroup %s", path);
	return id;
}

const char *cgroup_argument(const char *path)
{
	char whole[PATH_MAX];

	if (!strcmp(path, "any"))
		return "0";
	if (!access(path, F_OK))
		return id_of(path);
	/* as systemd-cgls and /proc/PID/cgroup name them */
	snprintf(whole, sizeof(whole), "%s/%s", cgroup_mount(), path);
	return id_of(whole);
}

static void remove_cgroup(void)
{
	if (rmdir(folder) && errno != ENOENT)
		warn("cannot remove the cgroup %s", folder);
}

/* The limits that this program is under hold for the command, too. */
static void make_cgroup(void)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX], own[PATH_MAX] = "";
	int size;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "0::", 3))
			strcpy(own, line + 3);
	if (file)
		fclose(file);
	own[strcspn(own, "\n")] = '\0';
	size = snprintf(folder, sizeof(folder), "%s%s/bufflink-audit-%d",
			cgroup_mount(), strcmp(own, "/") ? own : "", getpid());
	if (size >= (int)sizeof(folder) || mkdir(folder, 0755))
		err(EXIT_FAILURE, "cannot make the cgroup %s", folder);
	atexit(remove_cgroup);
}

static int open_in_cgroup(const char *name, int flags)
{
	char path[PATH_MAX + 32];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		err(EXIT_FAILURE, "cannot open %s", path);
	return fd;
}

void keep_output(void)
{
	if (output < 0)
		output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

/* Waits outside of the cgroup: only what comes from there on is logged. */
static void run(char **argv)
{
	const int procs = open_in_cgroup("cgroup.procs", O_WRONLY);
	char byte;

	if (output >= 0)
		dup2(output, STDOUT_FILENO);
	close(gate[1]);
	if (read(gate[0], &byte, 1) != 1)
		_exit(EXIT_FAILURE);
	if (write(procs, "0", 1) != 1)
		err(EXIT_FAILURE, "cannot enter the cgroup %s", folder);
	exec_command(argv);
}

static bool is_populated(int events)
{
	char text[256] = "";

	return pread(events, text, sizeof(text) - 1, 0) > 0 &&
	       !strstr(text, "populated 0");
}

/* The program reads on meanwhile, and stops when all have ended. */
static void *wait_for_all(void *unused)
{
	struct pollfd events = {
		.fd = open_in_cgroup("cgroup.events", O_RDONLY),
		.events = POLLPRI,
	};

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	while (is_populated(events.fd))
		poll(&events, 1, 1000);
	close(events.fd);
	ended = true;
	stop(SIGTERM);
	return unused;
}

const char *start_command(char **argv)
{
	make_cgroup();
	if (pipe2(gate, O_CLOEXEC))
		err(EXIT_FAILURE, "cannot make a pipe");
	/* if it was ignored, the command would leave no status */
	signal(SIGCHLD, SIG_DFL);
	child = fork();
	if (child < 0)
		err(EXIT_FAILURE, "cannot start %s", *argv);
	if (!child)
		run(argv);
	close(gate[0]);
	return id_of(folder);
}

void let_command_go(void)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, wait_for_all, NULL);
	if (errno || write(gate[1], "", 1) != 1)
		err(EXIT_FAILURE, "cannot start the command");
	close(gate[1]);
}

bool command_ended(int *exit_status)
{
	if (!ended) {
		if (child)
			warnx("the command runs on, in the cgroup %s", folder);
		return false;
	}
	*exit_status = command_status(status);
	return true;
}
