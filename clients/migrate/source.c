// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <blkid/blkid.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copy.h"

static __u64 ask(const struct source *src, unsigned long call)
{
	__u64 answer;

	if (ioctl(src->fd, call, &answer))
		err(EXIT_FAILURE, "cannot learn what %s is", src->path);
	return answer;
}

void open_source(struct source *src, const char *path)
{
	struct stat status;

	src->path = path;
	/* before it is opened: others may wait there, or refuse O_DIRECT */
	if (!stat(path, &status) && !S_ISBLK(status.st_mode))
		errx(EXIT_USAGE, "%s is not a block device", path);
	src->fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (src->fd < 0 || fstat(src->fd, &status))
		err(EXIT_USAGE, "cannot open %s", path);
	src->size = ask(src, BLKGETSIZE64);
	if (!src->size)
		errx(EXIT_USAGE, "%s is empty: it has no medium, or no size",
		     path);
	src->diskseq = ask(src, BLKGETDISKSEQ);
	src->device = status.st_rdev;
	src->disk = whole_disk(status.st_rdev);
	src->start = sysfs_number(status.st_rdev, "start") * SECTOR;
	src->stack = stack_of_device(status.st_rdev);
	src->identity = identity_of(&src->stack);
	if (!src->identity)
		errx(EXIT_USAGE, "cannot read a table of dm of %s, which could change unseen",
		     path);
}

/* Its writes would change SRC and not be in the log. */
void check_alone(const struct source *src, int status)
{
	const dev_t beside = device_beside(&src->stack, src->disk);

	if (beside)
		errx(status,
		     "%s shares bytes with %s, whose writes are not in the log: remove it, and start anew",
		     src->path, blkid_devno_to_devname(beside) ?: "another");
}

/* Bytes added to it are not in the copy; another medium is not in the log. */
void check_source(const struct copy *copy)
{
	const struct source *src = &copy->src;

	if (ask(src, BLKGETSIZE64) != src->size ||
	    ask(src, BLKGETDISKSEQ) != src->diskseq)
		errx(EXIT_FAILURE, "%s has another size or medium now: %s is not a copy",
		     src->path, copy->dst.path);
	if (identity_of(&src->stack) != src->identity)
		errx(EXIT_FAILURE,
		     "%s is made of other parts now, or its table has changed: %s is not a copy",
		     src->path, copy->dst.path);
}

void read_source(const struct copy *copy, char *data, __u64 offset,
		 size_t size)
{
	const size_t done = read_at(copy->src.fd, data, size, offset);

	if (done == size)
		return;
	if (errno)
		err(EXIT_FAILURE, "cannot read %s at byte %llu: %s is not a copy",
		    copy->src.path, offset + done, copy->dst.path);
	errx(EXIT_FAILURE, "%s has become smaller: %s is not a copy",
	     copy->src.path, copy->dst.path);
}
