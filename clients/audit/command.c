// SPDX-License-Identifier: GPL-2.0-only
/* A command and all its children, in a cgroup of their own. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "audit.h"
#include "sysfs.h"

static const char * const mounts[] = {
	"/sys/fs/cgroup", "/sys/fs/cgroup/unified",
};

static char folder[PATH_MAX];
static bool has_cgroup;
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

void remove_cgroup(void)
{
	if (has_cgroup && rmdir(folder))
		warn("cannot remove the cgroup %s", folder);
	has_cgroup = false;
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
	has_cgroup = true;
	atexit(remove_cgroup);
}

void keep_output(void)
{
	if (output < 0)
		output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

static const char *in_cgroup(const char *name)
{
	static char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* Only the calls that come from there on are logged. */
static void enter_cgroup(void)
{
	if (output >= 0)
		dup2(output, STDOUT_FILENO);
	if (!write_file(in_cgroup("cgroup.procs"), "0")) {
		warn("cannot enter the cgroup %s", folder);
		_exit(EXIT_FAILURE);
	}
}

const char *start_in_cgroup(char **argv)
{
	make_cgroup();
	start_command(argv, enter_cgroup);
	return id_of(folder);
}

static bool is_populated(int events)
{
	char text[256] = "";

	return pread(events, text, sizeof(text) - 1, 0) > 0 &&
	       !strstr(text, "populated 0");
}

void wait_for_cgroup(void)
{
	struct pollfd events = {
		.fd = open(in_cgroup("cgroup.events"), O_RDONLY | O_CLOEXEC),
		.events = POLLPRI,
	};

	/* the program may have removed it, as it is about to end */
	if (events.fd < 0 && errno != ENOENT)
		err(EXIT_FAILURE, "cannot wait for the cgroup %s", folder);
	while (is_populated(events.fd))
		poll(&events, 1, 1000);
	close(events.fd);
}
