/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * bufflink - bytes from a kernel module to a program, through a ring buffer
 *
 * For programs that have /dev/bufflinkN open, and for kernel code that appends
 * to it.
 */
#ifndef _BUFFLINK_H
#define _BUFFLINK_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct bufflink_loss - records refused since the previous report
 * @records: how many records were refused (count)
 * @bytes: the room that they would have taken in the buffer (bytes)
 * @first: where in the stream the first is missing (bytes from its beginning)
 * @last: where in the stream the last is missing (bytes from its beginning)
 *
 * A position is the number of bytes appended since the buffer was created: a
 * reader that has read so many bytes stands at the gap. In a per-CPU buffer, that
 * is before the next record of the same CPU, or where all that had been appended
 * was read. All are zero while nothing is lost.
 */
struct bufflink_loss {
	__u64 records;
	__u64 bytes;
	__u64 first;
	__u64 last;
};

/**
 * struct bufflink_stats - one consistent look at a buffer; if it is per-CPU, at
 *	one ring after another
 * @size: capacity (bytes)
 * @used: appended and not read yet (bytes); more than @size, perhaps, after a
 *	resize
 * @highwater: the largest @used ever seen (bytes); of a per-CPU buffer that of its
 *	fullest ring, with headers, times the number of rings
 * @records: appended since creation (count)
 * @bytes: appended since creation (bytes)
 * @bytes_read: read since creation (bytes); always @bytes - @used
 * @lost_records: refused since creation, reported or not (count)
 * @lost_bytes: size of those (bytes)
 * @wakeups: times that sleeping or polling readers were woken (count)
 */
struct bufflink_stats {
	__u64 size;
	__u64 used;
	__u64 highwater;
	__u64 records;
	__u64 bytes;
	__u64 bytes_read;
	__u64 lost_records;
	__u64 lost_bytes;
	__u64 wakeups;
};

/* Besides these, FIONREAD gives the bytes that a read() would find (int). */
#define BUFFLINK_GETLOSS	_IOR('B', 0xb0, struct bufflink_loss)
#define BUFFLINK_STATS		_IOR('B', 0xb1, struct bufflink_stats)
#define BUFFLINK_GETWATERMARK	_IOR('B', 0xb2, __u64)	/* bytes */
#define BUFFLINK_SETWATERMARK	_IOW('B', 0xb3, __u64)	/* bytes */

#define BUFFLINK_WRITE_MAX	65536	/* bytes of one write() */

#ifdef __KERNEL__

#include <linux/compiler_attributes.h>

#define BUFFLINK_NAME_MAX	31	/* characters of a name */
#define BUFFLINK_PERCPU		0x1	/* flag: a ring for each possible CPU */

struct bufflink;
struct kvec;

int __bufflink_create(struct bufflink **blp, void *buf, size_t size, int minor,
		      const char *owner);
int __bufflink_create_named(struct bufflink **blp, const char *name,
			    size_t size, unsigned int flags, const char *owner);
int bufflink_resize(struct bufflink *bl, size_t size);
void bufflink_destroy(struct bufflink *bl);

/*
 * Documented at __bufflink_create() and __bufflink_create_named(). They have the
 * name of the calling module.
 */
#define bufflink_create(blp, buf, size, minor) \
	__bufflink_create(blp, buf, size, minor, KBUILD_MODNAME)
#define bufflink_create_named(blp, name, size, flags) \
	__bufflink_create_named(blp, name, size, flags, KBUILD_MODNAME)

int bufflink_number(const struct bufflink *bl);	/* the N of /dev/bufflinkN */

int bufflink_append(struct bufflink *bl, const void *data, size_t size);
int bufflink_appendv(struct bufflink *bl, const struct kvec *vec, size_t n);
__printf(2, 3)
int bufflink_printf(struct bufflink *bl, const char *fmt, ...);

#endif /* __KERNEL__ */
#endif /* _BUFFLINK_H */
