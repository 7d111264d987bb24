/* SPDX-License-Identifier: GPL-2.0-only */
/* Which block devices and files are part of which, by sysfs and libblkid. */
#ifndef _TOPOLOGY_H
#define _TOPOLOGY_H

#include <linux/types.h>
#include <stdbool.h>
#include <sys/types.h>

#define SECTOR		512

/* A block device, or a file on the file system of a device. */
struct node {
	dev_t device;
	ino_t inode;		/* 0: of no file */
	bool overlay;		/* the same file has another number below */
};

/* All that a device or a file lies on, directly or not. */
struct stack {
	struct node top;
	struct edge {
		struct node above;
		struct node below;
	} *edges;
	size_t count;
	bool unknown;		/* there is more below, which is not known */
	bool locked;		/* a file below, by another migration */
};

struct stack stack_of_device(dev_t device);
/* Of a device or a file that is open; of all else it is empty. */
struct stack stack_of_file(int fd);
bool stands_on(const struct stack *stack, dev_t base);
/* False only if what is written to one of them cannot change the other. */
bool overlap(const struct stack *stack, const struct stack *other);
/* Refuses a stack of which a part cannot be looked at. */
void check_known(const struct stack *stack, const char *path);
/*
 * Another number if another disk, medium, file or table is in it now; 0 if a table
 * cannot be read.
 */
__u64 identity_of(const struct stack *stack);
/*
 * A device of loop that shares something with this, and is not below it, nor
 * stands on the other one; or 0.
 */
dev_t loop_on(const struct stack *stack, dev_t through);
/* The same of loop and of dm; a share of dm is one that its table tells. */
dev_t device_beside(const struct stack *stack, dev_t through);

dev_t whole_disk(dev_t device);
/* A number from a file of sysfs; 0 if there is none. */
__u64 sysfs_number(dev_t device, const char *name);
/* Writes pages to the disk that are dirty under any node that leads to it. */
void flush_nodes(dev_t disk);

#endif /* _TOPOLOGY_H */
