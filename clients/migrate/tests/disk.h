/* SPDX-License-Identifier: GPL-2.0-only */
/* Disks of memory for the suites of bufflink_blklog. */
#ifndef _DISK_H
#define _DISK_H

#include "common.h"

#define SECTOR		512
#define MIB		(1 << 20)
#define MOUNTPOINT	"/tmp/mnt"

/*
 * Fixtures: disk_setup() is to be the checked fixture of every case. It begins
 * with no disk, nothing mounted and without bufflink_blklog.
 */
bool have_disks(void);		/* of this kernel; loads their drivers */
void load_drivers(const char *names);	/* with spaces between them */
bool have_target(const char *type);	/* of dm */
void add_no_disks(TCase *tcase);	/* a test that says there are none */
void disk_setup(void);
void disk_teardown(void);

/* Each gives a path in /dev that stays valid until the test ends. */
const char *new_loop(uint64_t size);	/* of requests; discards, zeroes */
const char *new_loop_on(const char *image, uint64_t size);
const char *ram_disk(void);	/* of bios, and of pages without one */
/* of bios; count stretches of the disk below, each of so many sectors */
const char *new_dm(const char *disk, unsigned int count, uint64_t sectors);
const char *new_target(uint64_t sectors, const char *type,
		       const char *arguments);
const char *new_error_dm(uint64_t sectors);	/* every request fails */
const char *new_partition(const char *disk, uint64_t sector, uint64_t sectors);

/* A dm device that may be in use: another table, requests wait, a message */
void change_target(const char *path, uint64_t sectors, const char *type,
		   const char *arguments);
void suspend_dm(const char *path);
void resume_dm(const char *path);
void message_dm(const char *path, const char *text);

void change_medium(const char *loop, uint64_t size);	/* same name and number */
void resize_loop(const char *loop, uint64_t size);

void log_devices(const char *devices, const char *more);	/* insmod */
void make_filesystem(const char *disk);		/* ext4 */
int try_mount(const char *disk);	/* to discard; 0 or a negative errno */
void unmount(void);
int is_clean(const char *disk);			/* for fsck */

int open_direct(const char *path, int flags);
void write_blocks(int fd, uint64_t offset, size_t size, unsigned char value);
/* Both also outside a test. The blocks named may be zero in path instead. */
#define FS_BLOCK	1024	/* of ext4 where it is small */
bool same(const char *path, const char *other, uint64_t size);
bool same_but(const char *path, const char *other, uint64_t size,
	      const bool *may_be_zero);

#endif /* _DISK_H */
