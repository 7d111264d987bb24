/* SPDX-License-Identifier: GPL-2.0-only */
/* File systems, and the kinds of devices that they may lie on. */
#ifndef _STACKS_H
#define _STACKS_H

#include "disk.h"

enum filesystem { EXT4, XFS, BTRFS, FILESYSTEMS };
enum stack { DISK, PARTITION, LINEAR, CRYPT, THIN, STACKS };

extern const char * const filesystem_names[FILESYSTEMS];
extern const uint64_t filesystem_sizes[FILESYSTEMS];	/* small */
extern const char * const stack_names[STACKS];

/* Of this kernel, which also loads what there is; not only in a test */
bool have_filesystem(enum filesystem type);
bool have_stack(enum stack stack);

const char *new_stack(enum stack stack, uint64_t size);	/* a path in /dev */

void make(enum filesystem type, const char *disk);
void mount_it(enum filesystem type, const char *disk);
void unmount_it(void);		/* and nothing remains in memory */
/* It tries for ever to write its metadata, and a freeze waits for that. */
void let_xfs_give_up(const char *disk);
bool is_sound(enum filesystem type, const char *disk);	/* says its fsck */

#endif /* _STACKS_H */
