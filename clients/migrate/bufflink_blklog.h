/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The records of bufflink_blklog: all of one size, in the byte order of the
 * machine.
 */
#ifndef _BUFFLINK_BLKLOG_H
#define _BUFFLINK_BLKLOG_H

#include <linux/types.h>

#define BLKLOG_VERSION	1

/* The change of the sectors; a program does well to expect others. */
enum blklog_change {
	BLKLOG_WRITE = 1,
	BLKLOG_DISCARD,		/* also a secure one */
	BLKLOG_WRITE_ZEROES,
	BLKLOG_UNKNOWN,		/* all else: resets of zones, commands of a driver */
};

/*
 * The id is that of the record which says that the same bio has begun. It is
 * unique among those that are under way, and 0 where there is no such record.
 */
#define BLKLOG_BEGUN	1	/* flag: only begun, nothing has changed yet */

/**
 * struct blklog_record - sectors of a disk that may have changed
 * @sector: the first (512 bytes each, from the beginning of the whole disk)
 * @sectors: how many
 * @id: connects the end of a bio with its beginning, or 0
 * @version: BLKLOG_VERSION
 * @change: an enum blklog_change
 * @flags: BLKLOG_BEGUN or 0
 * @error: 0, or the errno of a request that failed and may have changed them
 */
struct blklog_record {
	__u64 sector;
	__u64 sectors;
	__u64 id;
	__u16 version;
	__u8 change;
	__u8 flags;
	__s32 error;
};

#endif /* _BUFFLINK_BLKLOG_H */
