// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/btrfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include "stacks.h"

const char * const filesystem_names[FILESYSTEMS] = { "ext4", "xfs", "btrfs" };
const char * const stack_names[STACKS] = {
	"disk", "partition", "linear", "crypt", "thin"
};

/* btrfs takes no less */
const uint64_t filesystem_sizes[FILESYSTEMS] = {
	16 * MIB, 16 * MIB, 48 * MIB
};

static const char * const makers[FILESYSTEMS] = {
	"/sbin/mke2fs -q -F -t ext4 %s >&2",
	"/sbin/mkfs.xfs --unsupported -q -f -K %s >/dev/null",
	"/sbin/mkfs.btrfs -q -f -K -m single -d single %s >/dev/null 2>&1",
};

static const char * const checkers[FILESYSTEMS] = {
	"/sbin/e2fsck -fn %s",
	"/sbin/xfs_repair -n -o force_geometry %s",
	"/bin/btrfs check %s",
};

/* discards of what is frozen are the subject of other tests */
static const char * const options[FILESYSTEMS] = {
	"", "nouuid,nodiscard", "nodiscard"
};

bool have_filesystem(enum filesystem type)
{
	char line[64], name[32];
	bool found = false;
	FILE *file;

	if (type == XFS) {
		load_drivers("libcrc32c xfs");
	} else if (type == BTRFS) {
		load_drivers("libcrc32c zstd_compress xor raid6_pq");
		load_drivers("blake2b_generic xxhash_generic btrfs");
	}
	file = fopen("/proc/filesystems", "re");
	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, " %31s", name) == 1 &&
			!strcmp(name, filesystem_names[type]);
	if (file)
		fclose(file);
	return found;
}

bool have_stack(enum stack stack)
{
	switch (stack) {
	case CRYPT:
		load_drivers("cryptd crypto_simd gf128mul aesni-intel xts dm-crypt");
		return have_target("crypt");
	case THIN:
		load_drivers("libcrc32c dm-bufio dm-bio-prison");
		load_drivers("dm-persistent-data dm-thin-pool");
		return have_target("thin");
	default:
		return true;
	}
}

static const char *new_crypt(uint64_t size)
{
	char arguments[128];

	snprintf(arguments, sizeof(arguments),
		 "aes-xts-plain64 %064x 0 %s 0",
		 1, new_loop(size));
	return new_target(size / SECTOR, "crypt", arguments);
}

static const char *new_thin(uint64_t size)
{
	char arguments[128];
	const char *meta = new_loop(2 * MIB), *pool;

	snprintf(arguments, sizeof(arguments), "%s %s 128 0", meta,
		 new_loop(size + MIB));
	pool = new_target((size + MIB) / SECTOR, "thin-pool", arguments);
	message_dm(pool, "create_thin 0");
	snprintf(arguments, sizeof(arguments), "%s 0", pool);
	return new_target(size / SECTOR, "thin", arguments);
}

const char *new_stack(enum stack stack, uint64_t size)
{
	switch (stack) {
	case PARTITION:
		return new_partition(new_loop(size + 2 * MIB),
				     MIB / SECTOR, size / SECTOR);
	case LINEAR:
		return new_dm(new_loop(size), 2, size / SECTOR / 2);
	case CRYPT:
		return new_crypt(size);
	case THIN:
		return new_thin(size);
	default:
		return new_loop(size);
	}
}

void make(enum filesystem type, const char *disk)
{
	char command[128];

	snprintf(command, sizeof(command), makers[type], disk);
	ck_assert_int_eq(system(command), 0);
}

void mount_it(enum filesystem type, const char *disk)
{
	ck_assert_msg(!mount(disk, MOUNTPOINT, filesystem_names[type], 0,
			     options[type]), "cannot mount %s: %m", disk);
}

void let_xfs_give_up(const char *disk)
{
	char path[128];

	snprintf(path, sizeof(path),
		 "/sys/fs/xfs/%s/error/metadata/EIO/max_retries",
		 strrchr(disk, '/') + 1);
	write_to(path, "0");
}

/* btrfs remembers what it saw, and takes a copy for the same file system. */
static void forget(void)
{
	struct btrfs_ioctl_vol_args all = { };
	int control = open("/dev/btrfs-control", O_RDWR | O_CLOEXEC);

	if (control < 0)
		return;
	ck_assert_msg(!ioctl(control, BTRFS_IOC_FORGET_DEV, &all),
		      "btrfs does not forget: %m");
	close(control);
}

void unmount_it(void)
{
	wait_for(!umount(MOUNTPOINT) || errno == EINVAL);
	forget();
}

/* A log that was frozen is of no use to xfs_repair before it is replayed. */
bool is_sound(enum filesystem type, const char *disk)
{
	char command[128];

	if (type == XFS) {
		mount_it(type, disk);
		unmount_it();
	}
	snprintf(command, sizeof(command), checkers[type], disk);
	strcat(command, " >/tmp/fsck 2>&1 || ! cat /tmp/fsck >&2");
	return !system(command);
}
