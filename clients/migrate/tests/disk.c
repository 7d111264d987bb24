// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <linux/blkpg.h>
#include <linux/dm-ioctl.h>
#include <linux/loop.h>

#include "disk.h"

/* linux/fs.h does not go together with sys/mount.h */
#define FITHAW		_IOWR('X', 120, int)

#define MAX_LOOPS	8
#define MAX_DMS		6
#define IMAGE		"/tmp/loop%d.img"

static int shell(const char *format, const char *argument)
{
	char line[256];

	snprintf(line, sizeof(line), format, argument);
	return system(line);
}

void load_drivers(const char *names)
{
	shell("for driver in %s; do insmod /t/$driver.ko; done 2>/dev/null",
	      names);
}

/* Nothing of Check is to be called outside a test. */
bool have_disks(void)
{
	load_drivers("loop dm-mod brd crc16 crc32c_generic mbcache jbd2 ext4");
	return exists("/sbin/mke2fs") && exists("/dev/loop-control") &&
	       exists("/dev/mapper/control") && exists("/dev/ram0");
}

START_TEST(this_kernel_has_no_disks_to_test_with)
{
}
END_TEST

void add_no_disks(TCase *tcase)
{
	tcase_add_test(tcase, this_kernel_has_no_disks_to_test_with);
}

/* partitions */

static void change_partition(const char *disk, int op, uint64_t sector,
			     uint64_t sectors)
{
	struct blkpg_partition partition = {
		.start = sector * SECTOR,
		.length = sectors * SECTOR,
		.pno = 1,
	};
	struct blkpg_ioctl_arg arg = { .op = op, .data = &partition };
	int fd = open(disk, O_RDWR | O_CLOEXEC);
	int failed = ioctl(fd, BLKPG, &arg);

	ck_assert_msg(!failed || op == BLKPG_DEL_PARTITION, "%s: %m", disk);
	close(fd);
}

const char *new_partition(const char *disk, uint64_t sector, uint64_t sectors)
{
	static char path[32];

	change_partition(disk, BLKPG_ADD_PARTITION, sector, sectors);
	snprintf(path, sizeof(path), "%sp1", disk);
	wait_for(!access(path, F_OK));
	return path;
}

/* loop */

static int free_loop(void)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int number = ioctl(control, LOOP_CTL_GET_FREE);

	ck_assert_msg(number >= 0 && number < MAX_LOOPS, "no loop: %m");
	close(control);
	return number;
}

static void attach(const char *path, const char *image, uint64_t size)
{
	struct loop_config config = { .block_size = SECTOR };
	int fd = open(path, O_RDWR | O_CLOEXEC);

	config.fd = open(image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_msg(!ftruncate(config.fd, size), "%s: %m", image);
	ck_assert_msg(!ioctl(fd, LOOP_CONFIGURE, &config), "%s: %m", path);
	close(config.fd);
	close(fd);
}

const char *new_loop_on(const char *image, uint64_t size)
{
	static char paths[MAX_LOOPS][24];
	int number = free_loop();

	snprintf(paths[number], sizeof(*paths), "/dev/loop%d", number);
	attach(paths[number], image, size);
	return paths[number];
}

const char *new_loop(uint64_t size)
{
	char image[32];

	snprintf(image, sizeof(image), IMAGE, free_loop());
	return new_loop_on(image, size);
}

static int detach(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	int failed = ioctl(fd, LOOP_CLR_FD, 0);

	close(fd);
	return failed;
}

void change_medium(const char *loop, uint64_t size)
{
	char image[32];

	ck_assert_msg(!detach(loop), "%s: %m", loop);
	snprintf(image, sizeof(image), IMAGE, atoi(loop + strlen("/dev/loop")));
	attach(loop, image, size);
}

void resize_loop(const char *loop, uint64_t size)
{
	int fd = open(loop, O_RDWR | O_CLOEXEC);
	char image[32];

	snprintf(image, sizeof(image), IMAGE, atoi(loop + strlen("/dev/loop")));
	ck_assert_msg(!truncate(image, size), "%s: %m", image);
	ck_assert_msg(!ioctl(fd, LOOP_SET_CAPACITY, 0), "%s: %m", loop);
	close(fd);
}

static void drop_loop(int number)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/loop%d", number);
	if (access(path, F_OK))
		return;
	change_partition(path, BLKPG_DEL_PARTITION, 0, 0);
	detach(path);
	snprintf(path, sizeof(path), IMAGE, number);
	unlink(path);
}

/* dm */

#define TARGET_SIZE	(sizeof(struct dm_target_spec) + 128)

struct dm_table {
	struct dm_ioctl head;
	char data[4096];
};

static char dms[MAX_DMS][16];	/* their paths */

static void new_table(struct dm_table *table, int number)
{
	memset(table, 0, sizeof(*table));
	table->head.version[0] = 4;
	table->head.data_size = sizeof(*table);
	table->head.data_start = sizeof(table->head);
	snprintf(table->head.name, sizeof(table->head.name), "test%d", number);
}

static int dm(unsigned long call, struct dm_table *table)
{
	int control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	int result = ioctl(control, call, table) ? -errno : 0;

	close(control);
	return result;
}

static void add_target(struct dm_table *table, uint64_t sectors,
		       const char *type, const char *arguments)
{
	char *place = table->data + table->head.target_count * TARGET_SIZE;
	struct dm_target_spec *spec = (struct dm_target_spec *)place;

	spec->sector_start = table->head.target_count * sectors;
	spec->length = sectors;
	spec->next = TARGET_SIZE;
	snprintf(spec->target_type, sizeof(spec->target_type), "%s", type);
	snprintf(place + sizeof(*spec), TARGET_SIZE - sizeof(*spec), "%s",
		 arguments);
	table->head.target_count++;
}

static void suspend(int number, unsigned int flags)
{
	static struct dm_table table;

	new_table(&table, number);
	table.head.flags = flags;
	ck_assert_int_eq(dm(DM_DEV_SUSPEND, &table), 0);
}

static void load_table(int number, struct dm_table *targets)
{
	static struct dm_table table;

	new_table(&table, number);
	memcpy(targets->head.name, table.head.name, sizeof(table.head.name));
	ck_assert_int_eq(dm(DM_TABLE_LOAD, targets), 0);
}

static const char *create_dm(struct dm_table *targets)
{
	static struct dm_table table;
	int number = 0;

	do {
		ck_assert_int_lt(number, MAX_DMS);
		new_table(&table, number);
	} while (dm(DM_DEV_CREATE, &table) == -EBUSY && ++number);
	snprintf(dms[number], sizeof(*dms), "/dev/dm-%u",
		 (unsigned int)(table.head.dev & 0xff));
	load_table(number, targets);
	suspend(number, 0);	/* resumes */
	wait_for(!access(dms[number], F_OK));
	return dms[number];
}

const char *new_dm(const char *disk, unsigned int count, uint64_t sectors)
{
	static struct dm_table table;
	char arguments[64];
	unsigned int i;

	new_table(&table, 0);
	for (i = 0; i < count; i++) {
		snprintf(arguments, sizeof(arguments), "%s %llu", disk,
			 (unsigned long long)(i * sectors));
		add_target(&table, sectors, "linear", arguments);
	}
	return create_dm(&table);
}

const char *new_target(uint64_t sectors, const char *type,
		       const char *arguments)
{
	static struct dm_table table;

	new_table(&table, 0);
	add_target(&table, sectors, type, arguments);
	return create_dm(&table);
}

const char *new_error_dm(uint64_t sectors)
{
	return new_target(sectors, "error", "");
}

static int dm_number(const char *path)
{
	int number = 0;

	while (strcmp(dms[number], path))
		ck_assert_int_lt(++number, MAX_DMS);
	return number;
}

void change_target(const char *path, uint64_t sectors, const char *type,
		   const char *arguments)
{
	static struct dm_table table;

	new_table(&table, 0);
	add_target(&table, sectors, type, arguments);
	load_table(dm_number(path), &table);
	suspend_dm(path);
	resume_dm(path);
}

void suspend_dm(const char *path)
{
	suspend(dm_number(path), DM_SUSPEND_FLAG | DM_SKIP_LOCKFS_FLAG |
				 DM_NOFLUSH_FLAG);
}

void resume_dm(const char *path)
{
	suspend(dm_number(path), 0);
}

void message_dm(const char *path, const char *text)
{
	static struct dm_table table;
	struct dm_target_msg *message = (struct dm_target_msg *)table.data;

	new_table(&table, dm_number(path));
	snprintf(message->message, sizeof(table.data) - sizeof(*message), "%s",
		 text);
	ck_assert_int_eq(dm(DM_TARGET_MSG, &table), 0);
}

/* Outside a test, too. */
bool have_target(const char *type)
{
	static struct dm_table table;

	new_table(&table, 0);
	snprintf(table.head.name, sizeof(table.head.name), "%s", type);
	return !dm(DM_GET_TARGET_VERSION, &table);
}

/* other disks */

const char *ram_disk(void)
{
	int fd = open("/dev/ram0", O_RDWR | O_CLOEXEC);

	ck_assert_msg(fd >= 0, "/dev/ram0: %m");
	close(fd);
	return "/dev/ram0";
}

/* all of them */

/* It may be stopped, with requests that wait. */
static void drop_dm(int number)
{
	static struct dm_table table;

	new_table(&table, number);
	dm(DM_DEV_SUSPEND, &table);
	new_table(&table, number);
	dm(DM_DEV_REMOVE, &table);
}

void disk_setup(void)
{
	int i;

	for (i = MAX_LOOPS - 1; i > 0; i--)
		drop_loop(i);	/* of these some are in files of the first */
	unmount();
	unload("bufflink_blklog");
	for (i = MAX_DMS - 1; i >= 0; i--)
		drop_dm(i);
	for (i = 0; i < MAX_LOOPS; i++)
		drop_loop(i);
	mkdir(MOUNTPOINT, 0700);
}

void disk_teardown(void)
{
	disk_setup();
	ck_assert(!exists("/sys/module/bufflink_blklog"));
}

void log_devices(const char *devices, const char *more)
{
	char parameters[128];

	snprintf(parameters, sizeof(parameters), "devices=%s %s", devices,
		 more);
	ck_assert_int_eq(load("bufflink_blklog", parameters), 0);
}

void make_filesystem(const char *disk)
{
	ck_assert_int_eq(shell("/sbin/mke2fs -q -F -t ext4 %s >&2", disk), 0);
}

int try_mount(const char *disk)
{
	return mount(disk, MOUNTPOINT, "ext4", 0, "discard") ? -errno : 0;
}

void unmount(void)
{
	int fd = open(MOUNTPOINT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ioctl(fd, FITHAW, 0);	/* a test may have failed */
	close(fd);
	umount2(MOUNTPOINT, MNT_DETACH);
}

int is_clean(const char *disk)
{
	return !shell("/sbin/e2fsck -fn %s >/tmp/e2fsck 2>&1", disk) ||
	       shell("cat /tmp/e2fsck >&2; false %s", disk) == 0;
}

int open_direct(const char *path, int flags)
{
	int fd = open(path, flags | O_DIRECT | O_CLOEXEC);

	ck_assert_msg(fd >= 0, "%s: %m", path);
	return fd;
}

void write_blocks(int fd, uint64_t offset, size_t size, unsigned char value)
{
	void *data;

	ck_assert_int_eq(posix_memalign(&data, PAGE, size), 0);
	memset(data, value, size);
	ck_assert_int_eq(pwrite(fd, data, size, offset), size);
	free(data);
}

/* The page cache of a mounted disk may not be what is on it. */
static int open_uncached(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);

	/* tmpfs of 6.1 has no O_DIRECT, and needs none */
	return fd < 0 ? open(path, O_RDONLY | O_CLOEXEC) : fd;
}

static bool is_zero(const char *data, size_t size)
{
	return !*data && !memcmp(data, data + 1, size - 1);
}

static bool agree(const char *data, const char *other, size_t size,
		  const bool *may_be_zero)
{
	size_t at;

	if (!memcmp(data, other, size))
		return true;
	if (!may_be_zero || size % FS_BLOCK)
		return false;
	for (at = 0; at < size; at += FS_BLOCK) {
		if (memcmp(data + at, other + at, FS_BLOCK) &&
		    !(may_be_zero[at / FS_BLOCK] &&
		      is_zero(data + at, FS_BLOCK)))
			return false;
	}
	return true;
}

bool same_but(const char *path, const char *other, uint64_t size,
	      const bool *may_be_zero)
{
	int fds[2] = { open_uncached(path), open_uncached(other) };
	static char data[2][MIB] __attribute__((aligned(PAGE)));
	uint64_t done = 0;
	bool equal = true;
	ssize_t got;

	while (equal && done < size) {
		got = pread(fds[0], data[0], MIB, done);
		equal = got > 0 && pread(fds[1], data[1], MIB, done) == got &&
			agree(data[0], data[1], got, may_be_zero ?
			      may_be_zero + done / FS_BLOCK : NULL);
		done += equal ? got : 0;
	}
	if (!equal)
		fprintf(stderr, "# %s and %s differ after byte %llu\n", path,
			other, (unsigned long long)done);
	close(fds[0]);
	close(fds[1]);
	return equal;
}

bool same(const char *path, const char *other, uint64_t size)
{
	return same_but(path, other, size, NULL);
}
