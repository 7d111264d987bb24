// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <blkid/blkid.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/btrfs.h>
#include <linux/dm-ioctl.h>
#include <linux/loop.h>
#include <linux/magic.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <xxhash.h>

#include "program.h"
#include "topology.h"

/* sysfs */

static void sysfs_path(char path[PATH_MAX], dev_t device, const char *name)
{
	snprintf(path, PATH_MAX, "/sys/dev/block/%u:%u/%s", major(device),
		 minor(device), name);
}

/* A line from a file of sysfs; false if there is none. */
static bool sysfs_line(dev_t device, const char *name, char *line, int size)
{
	char path[PATH_MAX];

	sysfs_path(path, device, name);
	return read_line(AT_FDCWD, path, line, size);
}

__u64 sysfs_number(dev_t device, const char *name)
{
	char line[32];

	return sysfs_line(device, name, line, sizeof(line)) ?
	       strtoull(line, NULL, 10) : 0;
}

static dev_t sysfs_device(dev_t device, const char *name)
{
	unsigned int major, minor;
	char line[32];

	if (!sysfs_line(device, name, line, sizeof(line)) ||
	    sscanf(line, "%u:%u", &major, &minor) != 2)
		return 0;
	return makedev(major, minor);
}

/* Calls for each device in a folder of sysfs that has a file of this name. */
static void each_device(dev_t device, const char *folder, const char *has,
			void (*call)(dev_t other, void *arg), void *arg)
{
	const struct dirent *entry;
	char path[PATH_MAX];
	dev_t other;
	DIR *dir;

	sysfs_path(path, device, folder);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (*entry->d_name == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s/%s/%s",
			 major(device), minor(device), folder, entry->d_name,
			 has);
		if (access(path, F_OK))
			continue;
		snprintf(path, sizeof(path), "%s/%s/dev", folder,
			 entry->d_name);
		other = sysfs_device(device, path);
		if (other)
			call(other, arg);
	}
	if (dir)
		closedir(dir);
}

dev_t whole_disk(dev_t device)
{
	dev_t disk;

	/* libblkid also has partitions of dm, which are disks of their own */
	if (!sysfs_number(device, "partition") ||
	    blkid_devno_to_wholedisk(device, NULL, 0, &disk))
		return device;
	return disk;
}

static int open_node(dev_t device)
{
	char *path = blkid_devno_to_devname(device);
	int fd = -1;

	if (path)
		fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	free(path);
	return fd;
}

/* what lies below */

static bool same(struct node node, struct node other)
{
	return node.device == other.device && node.inode == other.inode;
}

static void descend(struct stack *stack, struct node node, int fd);

static bool has_below(const struct stack *stack, struct node node)
{
	size_t i;

	for (i = 0; i < stack->count; i++) {
		if (same(stack->edges[i].below, node))
			return true;
	}
	return false;
}

/* fd is of the node if that is a file, or -1. */
static void add_below(struct stack *stack, struct node above, struct node below,
		      int fd)
{
	const bool known = has_below(stack, below);

	stack->edges = reallocarray(stack->edges, stack->count + 1,
				    sizeof(*stack->edges));
	if (!stack->edges)
		err(EXIT_FAILURE, "cannot remember what is part of what");
	stack->edges[stack->count++] = (struct edge){ above, below };
	if (!known)
		descend(stack, below, fd);
}

static void add_device(struct stack *stack, struct node above, dev_t device)
{
	add_below(stack, above, (struct node){ .device = device }, -1);
}

/* Of the file system of a file; 0 if that is not known. */
static long type_of(int fd)
{
	struct statfs filesystem;

	return fd < 0 || fstatfs(fd, &filesystem) ? 0 : filesystem.f_type;
}

/* btrfs has devices, and a number for each subvolume that is none of them. */
static void below_btrfs(struct stack *stack, struct node file, int fd)
{
	struct btrfs_ioctl_fs_info_args info = { };
	struct stat stat_of_device;
	__u64 id, found = 0;

	if (ioctl(fd, BTRFS_IOC_FS_INFO, &info))
		info.num_devices = 1;	/* at least */
	for (id = 1; id <= info.max_id; id++) {
		struct btrfs_ioctl_dev_info_args device = { .devid = id };

		if (ioctl(fd, BTRFS_IOC_DEV_INFO, &device) ||
		    stat((char *)device.path, &stat_of_device) ||
		    !S_ISBLK(stat_of_device.st_mode))
			continue;
		add_device(stack, file, stat_of_device.st_rdev);
		found++;
	}
	stack->unknown |= found < info.num_devices;
}

static void below_folder(struct stack *stack, struct node file,
			 const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat stat;

	if (fd < 0 || fstat(fd, &stat) ||
	    type_of(fd) == OVERLAYFS_SUPER_MAGIC)
		stack->unknown = true;
	else if (type_of(fd) == BTRFS_SUPER_MAGIC)
		below_btrfs(stack, file, fd);
	else
		add_device(stack, file, stat.st_dev);
	close(fd);
}

/* False if the mount has no such option. */
static bool below_folders(struct stack *stack, struct node file,
			  const struct mntent *mount, const char *option)
{
	const char *found = hasmntopt(mount, option);
	char *paths, *rest, *path;

	if (!found)
		return false;
	found += strlen(option) + 1;
	paths = strndup(found, strcspn(found, ","));
	rest = paths;
	stack->unknown |= !paths;
	while ((path = strsep(&rest, ":"))) {
		if (*path)
			below_folder(stack, file, path);
	}
	free(paths);
	return true;
}

static void below_overlay(struct stack *stack, struct node *file)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	const struct mntent *mount;
	bool found = false;
	struct stat stat_of;

	file->overlay = true;
	while (mounts && !found && (mount = getmntent(mounts))) {
		if (strcmp(mount->mnt_type, "overlay") ||
		    stat(mount->mnt_dir, &stat_of) ||
		    stat_of.st_dev != file->device)
			continue;
		below_folders(stack, *file, mount, "upperdir");
		found = below_folders(stack, *file, mount, "lowerdir");
	}
	if (mounts)
		endmntent(mounts);
	stack->unknown |= !found;
}

static void below_file(struct stack *stack, struct node file, int fd)
{
	const long type = type_of(fd);

	if (type == BTRFS_SUPER_MAGIC)
		below_btrfs(stack, file, fd);
	else if (type == OVERLAYFS_SUPER_MAGIC)
		below_overlay(stack, &file);
	else if (type || major(file.device))
		add_device(stack, file, file.device);
	else
		stack->unknown = true;
}

static bool loop_status(dev_t device, struct loop_info64 *info)
{
	int fd = open_node(device);
	bool good = fd >= 0 && !ioctl(fd, LOOP_GET_STATUS64, info);

	close(fd);
	return good;
}

/* The path may lead elsewhere by now; then the numbers have to do. */
static int open_backing(const char *path, struct node file)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat stat;

	if (fd >= 0 && !fstat(fd, &stat) && stat.st_dev == file.device &&
	    stat.st_ino == file.inode)
		return fd;
	close(fd);
	return -1;
}

static void below_loop(struct stack *stack, dev_t device)
{
	const struct node loop = { .device = device };
	struct loop_info64 info;
	struct node file;
	char path[PATH_MAX];
	int fd;

	if (!sysfs_line(device, "loop/backing_file", path, sizeof(path)))
		return;
	if (!loop_status(device, &info)) {
		stack->unknown = true;
		return;
	}
	if (info.lo_rdevice) {
		add_device(stack, loop, info.lo_rdevice);
		return;
	}
	file = (struct node){ .device = info.lo_device,
			      .inode = info.lo_inode };
	fd = open_backing(path, file);
	stack->locked |= fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) &&
			 errno == EWOULDBLOCK;
	add_below(stack, loop, file, fd);
	close(fd);
}

struct descent {
	struct stack *stack;
	struct node above;
};

static void add_slave(dev_t device, void *arg)
{
	const struct descent *descent = arg;

	add_device(descent->stack, descent->above, device);
}

static void descend(struct stack *stack, struct node node, int fd)
{
	struct descent descent = { .stack = stack, .above = node };
	dev_t disk;

	if (node.inode) {
		below_file(stack, node, fd);
		return;
	}
	disk = whole_disk(node.device);
	if (disk != node.device)
		add_device(stack, node, disk);
	each_device(node.device, "slaves", "dev", add_slave, &descent);
	below_loop(stack, node.device);
}

struct stack stack_of_device(dev_t device)
{
	struct stack stack = { .top.device = device };

	descend(&stack, stack.top, -1);
	return stack;
}

struct stack stack_of_file(int fd)
{
	struct stack stack = { };
	struct stat stat;

	if (fstat(fd, &stat))
		err(EXIT_FAILURE, "cannot look at a file that is open");
	if (S_ISBLK(stat.st_mode))
		return stack_of_device(stat.st_rdev);
	if (!S_ISREG(stat.st_mode) && !S_ISDIR(stat.st_mode))
		return stack;
	stack.top.device = stat.st_dev;
	stack.top.inode = stat.st_ino;
	descend(&stack, stack.top, fd);
	return stack;
}

void check_known(const struct stack *stack, const char *path)
{
	if (stack->unknown)
		errx(EXIT_USAGE, "cannot learn all that %s lies on: a node or folder is missing",
		     path);
	if (stack->locked)
		errx(EXIT_USAGE,
		     "%s lies on a file that another program has locked: is it writing to it?",
		     path);
}

bool stands_on(const struct stack *stack, dev_t base)
{
	const struct node node = { .device = base };

	return base && (same(stack->top, node) || has_below(stack, node));
}

/* whether two share anything */

#define LVM_GROUP	36	/* LVM- and the number of the volume group */

static bool is_lvm(dev_t device, char *uuid, int size)
{
	return sysfs_line(device, "dm/uuid", uuid, size) &&
	       !strncmp(uuid, "LVM-", 4);
}

/* LVM gives no two volumes the same place. */
static bool same_group(dev_t device, dev_t other)
{
	char uuids[2][160];

	return is_lvm(device, uuids[0], sizeof(*uuids)) &&
	       is_lvm(other, uuids[1], sizeof(*uuids)) &&
	       !strncmp(uuids[0], uuids[1], LVM_GROUP);
}

/* The table of a dm device, until the next call; NULL if it has none. */
static struct dm_ioctl *read_table(dev_t device)
{
	static struct {
		struct dm_ioctl head;
		char data[1 << 20];
	} table;
	int control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	bool good;

	memset(&table.head, 0, sizeof(table.head));
	table.head.version[0] = DM_VERSION_MAJOR;
	table.head.data_size = sizeof(table);
	table.head.data_start = sizeof(table.head);
	table.head.flags = DM_STATUS_TABLE_FLAG | DM_SECURE_DATA_FLAG;
	table.head.dev = device;
	good = control >= 0 && !ioctl(control, DM_TABLE_STATUS, &table) &&
	       !(table.head.flags & DM_BUFFER_FULL_FLAG);
	close(control);
	return good ? &table.head : NULL;
}

#define MAX_RANGES	256

struct range {
	__u64 first;
	__u64 end;
};

static int range_of_loop(dev_t device, struct range *range)
{
	struct loop_info64 info;
	char path[PATH_MAX];

	if (!sysfs_line(device, "loop/backing_file", path, sizeof(path)) ||
	    !loop_status(device, &info))
		return -1;
	range->first = info.lo_offset / SECTOR;
	range->end = (info.lo_offset + SECTOR - 1) / SECTOR +
		     sysfs_number(device, "size");
	return 1;
}

/* Where the one device of such a target begins; false if it is another target. */
static bool begins(const struct dm_target_spec *spec, unsigned int *major,
		   unsigned int *minor, unsigned long long *first)
{
	const char *format = NULL;

	if (!strcmp(spec->target_type, "linear"))
		format = "%u:%u %llu";
	else if (!strcmp(spec->target_type, "crypt"))
		format = "%*s %*s %*u %u:%u %llu";
	return format && sscanf((const char *)(spec + 1), format, major, minor,
				first) == 3;
}

/* The part that a device of dm or loop has of those below; -1 if not known */
static int ranges_on(dev_t device, dev_t below, struct range ranges[MAX_RANGES])
{
	const struct dm_ioctl *table = read_table(device);
	const struct dm_target_spec *spec;
	unsigned int major, minor, i, at;
	unsigned long long first;
	int count = 0;

	if (!table)
		return range_of_loop(device, ranges);
	at = table->data_start;
	for (i = 0; i < table->target_count; i++) {
		spec = (const void *)((const char *)table + at);
		at = table->data_start + spec->next;
		if (!strcmp(spec->target_type, "zero") ||
		    !strcmp(spec->target_type, "error"))
			continue;
		if (!begins(spec, &major, &minor, &first) ||
		    count == MAX_RANGES)
			return -1;
		if (makedev(major, minor) != below)
			continue;
		ranges[count].first = first;
		ranges[count++].end = first + spec->length;
	}
	return count;
}

enum sharing { NO, YES, UNKNOWN };

static enum sharing share_ranges(dev_t device, dev_t other, dev_t below)
{
	static struct range ranges[2][MAX_RANGES];
	const int count = ranges_on(device, below, ranges[0]);
	const int count2 = ranges_on(other, below, ranges[1]);
	int i, j;

	for (i = 0; i < count; i++) {
		for (j = 0; j < count2; j++) {
			if (ranges[0][i].first < ranges[1][j].end &&
			    ranges[1][j].first < ranges[0][i].end)
				return YES;
		}
	}
	return count < 0 || count2 < 0 ? UNKNOWN : NO;
}

/* Two that lie on the same: files, partitions, volumes. */
static bool disjoint(struct node node, struct node other, struct node below)
{
	if (node.inode && other.inode)
		return node.overlay == other.overlay;
	if (node.inode || other.inode)
		return false;
	return (sysfs_number(node.device, "partition") &&
		sysfs_number(other.device, "partition")) ||
	       same_group(node.device, other.device) ||
	       share_ranges(node.device, other.device, below.device) == NO;
}

bool overlap(const struct stack *stack, const struct stack *other)
{
	const struct edge *edge, *edge2;

	if (!stack->top.device || !other->top.device)
		return false;
	if (same(stack->top, other->top) || has_below(stack, other->top) ||
	    has_below(other, stack->top))
		return true;
	for (edge = stack->edges; edge < stack->edges + stack->count; edge++) {
		for (edge2 = other->edges; edge2 < other->edges + other->count;
		     edge2++) {
			if (same(edge->below, edge2->below) &&
			    !same(edge->above, edge2->above) &&
			    !disjoint(edge->above, edge2->above, edge->below))
				return true;
		}
	}
	return false;
}

dev_t loop_on(const struct stack *stack, dev_t through)
{
	DIR *dir = opendir("/sys/dev/block");
	const struct dirent *entry;
	unsigned int major, minor;
	char path[PATH_MAX];
	struct stack loop;
	dev_t found = 0;

	while (dir && !found && (entry = readdir(dir))) {
		if (sscanf(entry->d_name, "%u:%u", &major, &minor) != 2)
			continue;
		sysfs_path(path, makedev(major, minor), "loop/backing_file");
		if (access(path, F_OK))
			continue;
		loop = stack_of_device(makedev(major, minor));
		if (!stands_on(stack, loop.top.device) &&
		    !stands_on(&loop, through) && overlap(&loop, stack))
			found = loop.top.device;
		free(loop.edges);
	}
	if (dir)
		closedir(dir);
	return found;
}

struct search {
	const struct stack *stack;
	const struct edge *edge;	/* of it */
	dev_t through;
	dev_t found;
};

static void look_beside(dev_t device, void *arg)
{
	struct search *search = arg;
	const struct edge *edge = search->edge;
	struct stack other;

	if (edge->above.inode || stands_on(search->stack, device) ||
	    share_ranges(edge->above.device, device,
			 edge->below.device) != YES)
		return;
	other = stack_of_device(device);
	if (!stands_on(&other, search->through))
		search->found = device;
	free(other.edges);
}

dev_t device_beside(const struct stack *stack, dev_t through)
{
	struct search search = { .stack = stack, .through = through };
	size_t i;

	search.found = loop_on(stack, through);
	for (i = 0; i < stack->count && !search.found; i++) {
		search.edge = &stack->edges[i];
		each_device(search.edge->below.device, "holders", "dev",
			    look_beside, &search);
	}
	return search.found;
}

/* whether it is still the same */

static bool hash_table(XXH3_state_t *state, dev_t device)
{
	const struct dm_ioctl *table = read_table(device);

	if (table)
		XXH3_64bits_update(state, (char *)table + table->data_start,
				   table->data_size - table->data_start);
	return table;
}

/*
 * LVM changes the tables of what lies below a volume and keeps what is in it, as
 * when it extends a pool.
 */
static bool hash_device(XXH3_state_t *state, dev_t device, bool is_top)
{
	__u64 numbers[] = {
		device, sysfs_number(device, "diskseq"),
		sysfs_number(device, "start"), 0, 0, 0, 0,
	};
	struct loop_info64 info;
	char line[PATH_MAX];

	if (sysfs_line(device, "loop/backing_file", line, sizeof(line)) &&
	    loop_status(device, &info)) {
		numbers[3] = info.lo_device;
		numbers[4] = info.lo_inode;
		numbers[5] = info.lo_offset;
		numbers[6] = info.lo_rdevice;
	}
	XXH3_64bits_update(state, numbers, sizeof(numbers));
	return !sysfs_line(device, "dm/uuid", line, sizeof(line)) ||
	       (!is_top && !strncmp(line, "LVM-", 4)) ||
	       hash_table(state, device);
}

__u64 identity_of(const struct stack *stack)
{
	XXH3_state_t *state = XXH3_createState();
	__u64 identity;
	bool known;
	size_t i;

	if (!state || XXH3_64bits_reset(state))
		err(EXIT_FAILURE, "cannot make a checksum");
	known = hash_device(state, stack->top.device, true);
	for (i = 0; i < stack->count; i++) {
		if (!stack->edges[i].below.inode)
			known &= hash_device(state,
					     stack->edges[i].below.device,
					     false);
	}
	identity = XXH3_64bits_digest(state);
	XXH3_freeState(state);
	return known ? identity : 0;
}

/* what is dirty in the page cache */

static void flush_node(dev_t device, void *unused)
{
	int fd = open_node(device);

	(void)unused;
	if (fd >= 0)
		fsync(fd);
	close(fd);
	each_device(device, "holders", "dev", flush_node, NULL);
}

void flush_nodes(dev_t disk)
{
	flush_node(disk, NULL);
	each_device(disk, ".", "partition", flush_node, NULL);
}
