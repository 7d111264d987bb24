// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../basics.h"
#include "internal.h"

#define SYSFS		"/sys/class/misc"
#define DEV		"/dev/"
#define PREFIX		"bufflink"
#define SEE_LIST	"see 'bufflink list' for those that do"

static const char * const value_names[BUFFLINK_VALUES] = {
	"size", "used", "highwater", "watermark", "records", "bytes",
	"lost_records", "lost_bytes", "overflow", "wakeups"
};

const char *bufflink_value_name(enum bufflink_value value)
{
	return value < BUFFLINK_VALUES ? value_names[value] : NULL;
}

/* The N of bufflinkN; NULL if it is something else. */
static const char *number_in(const char *name)
{
	const char *number = name + strlen(PREFIX);

	if (strncmp(name, PREFIX, strlen(PREFIX)) || !*number ||
	    number[strspn(number, DIGITS)])
		return NULL;
	return number;
}

static int is_buffer(const struct dirent *entry)
{
	return !!number_in(entry->d_name);
}

/* Through one open folder: never of two buffers that had the number in turn. */
static bool read_info(const char *name, struct bufflink_info *info)
{
	char text[64];
	struct stat stat;
	bool good;
	int folder, i;

	snprintf(text, sizeof(text), SYSFS "/%.31s", name);
	folder = open(text, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return false;
	memset(info, 0, sizeof(*info));
	info->number = atoi(number_in(name));
	snprintf(info->device, sizeof(info->device), "/dev/%.26s", name);
	good = !fstat(folder, &stat) &&
	       read_line(folder, "owner", info->owner, sizeof(info->owner)) &&
	       read_line(folder, "name", info->name, sizeof(info->name));
	if (good)
		info->identity = stat.st_ino;
	for (i = 0; good && i < BUFFLINK_VALUES; i++) {
		good = read_line(folder, value_names[i], text, sizeof(text));
		info->values[i] = strtoull(text, NULL, 10);
	}
	close(folder);
	return good;
}

/* All buffers, in the order of their numbers: gives their count, and memory. */
int bufflink_list(struct bufflink_info **list)
{
	struct dirent **entries;
	int count, found = 0, i;

	*list = NULL;
	if (access("/sys/module/bufflink", F_OK))
		return bl_fail(-ENODEV,
			       "the module bufflink is not loaded: load it with 'modprobe bufflink'");
	count = scandir(SYSFS, &entries, is_buffer, versionsort);
	if (count < 0)
		return bl_fail(-errno, "cannot read " SYSFS ": %m");
	*list = calloc(count + 1, sizeof(**list));
	for (i = 0; i < count; i++) {
		if (*list && read_info(entries[i]->d_name, &(*list)[found]))
			found++;
		free(entries[i]);
	}
	free(entries);
	if (!*list)
		return bl_fail(-ENOMEM, "no memory for a list of %d buffers",
			       count);
	return found;
}

/*
 * Of OWNER/NAME, that buffer. Of OWNER, the one with the lowest number that has
 * no name, or if each has one, that with the lowest number.
 */
static int find_owner(const char *buffer, struct bufflink_info *info)
{
	const char *name = strchr(buffer, '/');
	const size_t length = name ? (size_t)(name - buffer) : strlen(buffer);
	struct bufflink_info *list, *best = NULL;
	int count, i;

	count = bufflink_list(&list);
	/* Its words are kept: without bufflink, nobody has a buffer. */
	if (count < 0)
		return count == -ENODEV ? -ENOENT : count;
	for (i = 0; i < count; i++) {
		if (strlen(list[i].owner) != length ||
		    strncmp(list[i].owner, buffer, length) ||
		    (name && strcmp(list[i].name, name + 1)))
			continue;
		if (!best || (*best->name && !*list[i].name))
			best = &list[i];
	}
	if (best)
		*info = *best;
	free(list);
	if (best)
		return 0;
	return bl_fail(-ENOENT, "no buffer of %s exists: " SEE_LIST, buffer);
}

static bool is_path(const char *buffer)
{
	return *buffer == '/' || !strncmp(buffer, "./", 2) ||
	       !strncmp(buffer, "../", 3);
}

/* The path of a buffer, and its values if it was found by its owner. */
static int locate(const char *buffer, char path[PATH_MAX],
		  struct bufflink_info *info)
{
	int err;

	info->identity = 0;
	if (!*buffer)
		return bl_fail(-EINVAL,
			       "no buffer given: name one, as N, DEVICE, OWNER or OWNER/NAME");
	if (is_path(buffer)) {
		snprintf(path, PATH_MAX, "%s", buffer);
		return 0;
	}
	if (!buffer[strspn(buffer, DIGITS)]) {
		snprintf(path, PATH_MAX, "/dev/" PREFIX "%s", buffer);
		return 0;
	}
	err = find_owner(buffer, info);
	if (!err)
		snprintf(path, PATH_MAX, "%s", info->device);
	return err;
}

/* The folder of a device in sysfs, whatever the path of its node is. */
static bool find_in_sysfs(const char *path, char name[PATH_MAX])
{
	char link[64], target[PATH_MAX];
	struct stat node;

	if (stat(path, &node) || !S_ISCHR(node.st_mode))
		return false;
	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u",
		 major(node.st_rdev), minor(node.st_rdev));
	if (!realpath(link, target) || !number_in(basename(target)))
		return false;
	strcpy(name, basename(target));
	return true;
}

static int fail_missing(const char *path)
{
	const char *name = path + strlen(DEV);
	char folder[64];

	if (!strncmp(path, DEV, strlen(DEV)) && number_in(name)) {
		snprintf(folder, sizeof(folder), SYSFS "/%.31s", name);
		if (!access(folder, F_OK))
			return bl_fail(-ENOENT,
				       "there is a buffer %s, but no %s: mount a devtmpfs on /dev",
				       name, path);
	}
	return bl_fail(-ENOENT, "%s does not exist: " SEE_LIST, path);
}

static int fail_other(const char *path)
{
	return bl_fail(-ENOTTY, "%s is not a buffer of bufflink", path);
}

int bl_find(const char *buffer, struct bufflink_info *info)
{
	char path[PATH_MAX], name[PATH_MAX];
	int err = locate(buffer, path, info);

	if (err || info->identity)
		return err;
	if (find_in_sysfs(path, name) && read_info(name, info))
		return 0;
	/* Of a buffer that goes, the node goes first. */
	return access(path, F_OK) ? fail_missing(path) : fail_other(path);
}

/* Without the name service, which static programs do not have. */
static bool group_name(gid_t gid, char *name, size_t size)
{
	FILE *file = fopen("/etc/group", "re");
	struct group *group = NULL;

	while (file && (group = fgetgrent(file)) && group->gr_gid != gid)
		;
	if (group)
		snprintf(name, size, "%s", group->gr_name);
	if (file)
		fclose(file);
	return group;
}

static int fail_denied(const char *path)
{
	char group[64];
	struct stat node;

	if (stat(path, &node))
		return bl_fail(-EACCES,
			       "cannot open %s: you may not enter a folder of this path",
			       path);
	if (node.st_mode & 0040 && node.st_gid &&
	    group_name(node.st_gid, group, sizeof(group)))
		return bl_fail(-EACCES,
			       "cannot open %s: permission denied: root may, and the group %s to read",
			       path, group);
	return bl_fail(-EACCES,
			       "cannot open %s: permission denied: only root may",
		       path);
}

static int open_path(const char *path, int flags)
{
	struct bufflink_stats stats;
	int fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0 && errno == EACCES)
		return fail_denied(path);
	if (fd < 0 && errno == ENOENT)
		return fail_missing(path);
	/* It has just gone, or its node is one that nobody takes away. */
	if (fd < 0 && (errno == ENODEV || errno == ENXIO))
		return bl_fail(-ENODEV, "%s belongs to no buffer: " SEE_LIST,
			       path);
	if (fd < 0 && errno == EBUSY && flags & O_EXCL)
		return bl_fail(-EBUSY,
			       "cannot open %s: another program reads it, and there can be only one reader: end that program first",
			       path);
	if (fd < 0 && errno == EBUSY)
		return bl_fail(-EBUSY,
			       "cannot open %s: another program reads it as the only reader: end that program first",
			       path);
	if (fd < 0)
		return bl_fail(-errno, "cannot open %s: %m", path);
	if (ioctl(fd, BUFFLINK_STATS, &stats)) {
		close(fd);
		return fail_other(path);
	}
	/* Nothing is waited for before it is known what this is. */
	if (!(flags & O_NONBLOCK))
		fcntl(fd, F_SETFL, flags & ~O_EXCL);
	return fd;
}

/* The number may have gone to another buffer since it was looked for. */
static bool has_number(const struct bufflink_info *info)
{
	char path[64];
	struct stat folder;

	snprintf(path, sizeof(path), SYSFS "/" PREFIX "%d", info->number);
	return !stat(path, &folder) && folder.st_ino == info->identity;
}

int bl_open(const char *buffer, int flags, char path[PATH_MAX])
{
	struct bufflink_info info;
	int fd = locate(buffer, path, &info);

	if (!fd)
		fd = open_path(path, flags);
	if (fd >= 0 && info.identity && !has_number(&info)) {
		close(fd);
		return bl_fail(-ENODEV, "the buffer of %s has just gone",
			       buffer);
	}
	return fd;
}
