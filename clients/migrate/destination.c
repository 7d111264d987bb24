// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <xxhash.h>

#include "destination.h"
#include "stream.h"

/* how it is opened */

static struct stat stat_of(const struct destination *dst)
{
	struct stat stat;

	if (fstat(dst->fd, &stat))
		err(EXIT_USAGE, "cannot look at %s", dst->path);
	return stat;
}

/*
 * Others that write to the file, and devices of loop, which claim nothing, would
 * change it, too.
 */
void claim_destination(const struct destination *dst)
{
	const dev_t loop = loop_on(&dst->stack, 0);

	if (S_ISREG(stat_of(dst).st_mode) &&
	    flock(dst->fd, LOCK_EX | LOCK_NB))
		err(EXIT_USAGE, "cannot lock %s, is another program writing to it?",
		    dst->path);
	if (!stat_of(dst).st_nlink)
		errx(EXIT_USAGE, "%s was removed by another program", dst->path);
	if (loop)
		errx(EXIT_USAGE, "%s is in use: /dev/loop%u shares bytes with it",
		     dst->path, minor(loop));
}

/* A typing error in /dev is not to become a file in memory. */
static bool is_in_dev(const struct stat *file)
{
	struct stat dev, root;

	return !stat("/dev", &dev) && !stat("/", &root) &&
	       dev.st_dev != root.st_dev && file->st_dev == dev.st_dev;
}

void open_destination(struct destination *dst, const char *path)
{
	const bool in_dev = !strncmp(path, "/dev/", 5);
	struct stat stat;

	dst->path = path;
	/* exclusive: a device must not be mounted */
	dst->fd = open(path, O_RDWR | O_EXCL | O_CLOEXEC | O_NONBLOCK);
	if (dst->fd < 0 && errno == ENOENT && !in_dev) {
		dst->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
			       0600);
		dst->made = dst->fd >= 0;
	}
	if (dst->fd < 0)
		err(EXIT_USAGE, "cannot open %s", path);
	stat = stat_of(dst);
	if (!S_ISBLK(stat.st_mode) && !S_ISREG(stat.st_mode))
		errx(EXIT_USAGE, "%s is neither a device nor a file", path);
	if (S_ISREG(stat.st_mode) && is_in_dev(&stat))
		errx(EXIT_USAGE, "%s is a file in /dev, and not a device", path);
	dst->stack = stack_of_file(dst->fd);
	check_known(&dst->stack, path);
	if (S_ISBLK(stat.st_mode)) {
		dst->identity = identity_of(&dst->stack);
		if (!dst->identity)
			errx(EXIT_USAGE,
			     "cannot read a table of dm of %s, which could change unseen",
			     path);
	}
	dst->punches = true;
	dst->direct = !fcntl(dst->fd, F_SETFL, O_DIRECT);
}

static __u64 size_of(const struct destination *dst, const struct stat *stat)
{
	__u64 size = stat->st_size;

	if (S_ISBLK(stat->st_mode) && ioctl(dst->fd, BLKGETSIZE64, &size))
		err(EXIT_USAGE, "cannot learn the size of %s", dst->path);
	return size;
}

void check_room(const struct destination *dst, __u64 size)
{
	const struct stat stat = stat_of(dst);
	const __u64 room = size_of(dst, &stat);

	/* this fails, for one, if the kernel swaps to it */
	if (S_ISREG(stat.st_mode) && ftruncate(dst->fd, stat.st_size))
		err(EXIT_USAGE, "cannot change the size of %s", dst->path);
	/* a file system, and a user, may have a limit for the size of a file */
	signal(SIGXFSZ, SIG_IGN);
	if (S_ISREG(stat.st_mode) && size > room &&
	    (ftruncate(dst->fd, size) || ftruncate(dst->fd, stat.st_size)))
		err(EXIT_USAGE, "cannot give %s the size of %llu bytes",
		    dst->path, size);
	if (S_ISBLK(stat.st_mode) && room < size)
		errx(EXIT_USAGE, "%s has %llu bytes, and %llu are needed",
		     dst->path, room, size);
}

void make_room(struct destination *dst, __u64 size)
{
	dst->made = false;
	dst->touched = true;
	if (!S_ISREG(stat_of(dst).st_mode))
		return;
	if (ftruncate(dst->fd, 0) || ftruncate(dst->fd, size))
		err(EXIT_FAILURE, "cannot give %s its size", dst->path);
	dst->empty = true;
}

static bool is_replaced(const struct destination *dst,
			const struct stat *opened)
{
	struct stat named;

	if (S_ISBLK(opened->st_mode))
		return identity_of(&dst->stack) != dst->identity;
	return stat(dst->path, &named) || named.st_dev != opened->st_dev ||
	       named.st_ino != opened->st_ino;
}

void check_kept(const struct destination *dst, __u64 size)
{
	const struct stat stat = stat_of(dst);
	const __u64 now = size_of(dst, &stat);
	const dev_t loop = loop_on(&dst->stack, 0);

	if (is_replaced(dst, &stat))
		errx(EXIT_FAILURE, "%s was removed, or is another now: there is no copy",
		     dst->path);
	if (now < size || (S_ISREG(stat.st_mode) && now > size))
		errx(EXIT_FAILURE, "%s has another size now, and is not a copy",
		     dst->path);
	if (loop)
		errx(EXIT_FAILURE,
		     "/dev/loop%u has come to share bytes with %s, which is not a copy",
		     minor(loop), dst->path);
}

/* how it is written */

/* Where a disk has larger sectors than SRC, its last part is not aligned. */
static void write_data(struct destination *dst, const void *data, size_t size,
		       __u64 offset)
{
	const __u64 end = offset + size;
	size_t done = write_at(dst->fd, data, size, offset);

	if (done < size && errno == EINVAL && dst->direct) {
		fcntl(dst->fd, F_SETFL, 0);
		done += write_at(dst->fd, (const char *)data + done,
				 size - done, offset + done);
		fcntl(dst->fd, F_SETFL, O_DIRECT);
	}
	if (done < size)
		err(EXIT_FAILURE, "cannot write to %s, which is not a copy",
		    dst->path);
	if (!dst->direct)	/* so that fsync() has little to do */
		sync_file_range(dst->fd, offset, size, SYNC_FILE_RANGE_WRITE);
	if (dst->reached < end)
		dst->reached = end;
}

static void write_zeroes(struct destination *dst, __u64 offset, __u64 size)
{
	static const char zeroes[BLOCK] __attribute__((aligned(4096)));
	size_t part;

	if (dst->empty && offset >= dst->reached)
		return;
	if (dst->punches &&
	    !fallocate(dst->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		       offset, size))
		return;
	dst->punches = false;
	for (; size; size -= part, offset += part) {
		part = size < BLOCK ? size : BLOCK;
		write_data(dst, zeroes, part, offset);
	}
}

static void flush_zeroes(struct destination *dst)
{
	const __u64 size = dst->zeroes.size;

	dst->zeroes.size = 0;
	if (size && dst->stream)
		send_zeroes(dst, dst->zeroes.offset, size);
	else if (size)
		write_zeroes(dst, dst->zeroes.offset, size);
}

void put_data(struct destination *dst, const void *data, size_t size,
	      __u64 offset)
{
	/* or they would be written later, over this */
	if (offset < dst->zeroes.offset + dst->zeroes.size &&
	    dst->zeroes.offset < offset + size)
		flush_zeroes(dst);
	if (dst->stream)
		send_data(dst, data, size, offset);
	else
		write_data(dst, data, size, offset);
}

void put_zeroes(struct destination *dst, __u64 offset, __u64 size)
{
	if (dst->zeroes.size &&
	    dst->zeroes.offset + dst->zeroes.size != offset)
		flush_zeroes(dst);
	if (!dst->zeroes.size)
		dst->zeroes.offset = offset;
	dst->zeroes.size += size;
}

void sync_destination(struct destination *dst)
{
	flush_zeroes(dst);
	if (dst->stream)
		ask_to_sync(dst);
	else if (fsync(dst->fd))
		err(EXIT_FAILURE, "cannot write to %s, which is not a copy",
		    dst->path);
}

/* how it is compared */

bool is_zero(const char *data, size_t size)
{
	return !*data && !memcmp(data, data + 1, size - 1);
}

char *new_block(void)
{
	void *data;

	if (posix_memalign(&data, 1 << 16, BLOCK))
		errx(EXIT_FAILURE, "no memory for what is copied");
	return data;
}

__u64 sum_of(const void *data, size_t size)
{
	return XXH3_64bits(data, size);
}

/* To the end: a page that is only in part in the range would stay. */
static size_t read_from_disk(struct destination *dst, char *data, size_t size,
			     __u64 offset)
{
	if (!dst->direct)
		posix_fadvise(dst->fd, offset, 0, POSIX_FADV_DONTNEED);
	return read_at(dst->fd, data, size, offset);
}

static void read_back(struct destination *dst, char *data, size_t size, __u64 offset)
{
	size_t done = read_from_disk(dst, data, size, offset);

	if (done < size && errno == EINVAL && dst->direct) {
		dst->direct = false;
		fcntl(dst->fd, F_SETFL, 0);
		done += read_from_disk(dst, data + done, size - done,
				    offset + done);
	}
	if (done == size)
		return;
	errno = errno ?: ENODATA;
	err(EXIT_FAILURE, "cannot read %s at byte %llu to verify it",
	    dst->path, offset + done);
}

static __u64 compare_block(struct destination *dst, const char *data,
			   size_t size, __u64 offset, const __u64 *sums)
{
	__u64 differences = 0;
	size_t at, part;

	for (at = 0; at < size; at += part, sums++) {
		part = size - at < sum_unit() ? size - at : sum_unit();
		if (sum_of(data + at, part) == *sums)
			continue;
		if (!differences++)
			warnx("%s differs from what was sent at byte %llu",
			      dst->path, offset + at);
	}
	return differences;
}

__u64 count_differences(struct destination *dst, const __u64 *sums,
			__u64 first, __u64 count, __u64 size)
{
	__u64 offset = first * sum_unit(), end = (first + count) * sum_unit();
	__u64 differences = 0;
	static char *data;
	size_t part;

	if (!data)
		data = new_block();
	end = end < size ? end : size;
	for (; offset < end; offset += part) {
		part = end - offset < BLOCK ? end - offset : BLOCK;
		read_back(dst, data, part, offset);
		differences += compare_block(dst, data, part, offset,
					     sums + offset / sum_unit() - first);
	}
	return differences;
}
