// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink_blklog - log which sectors of block devices change
 *
 * One buffer for each device chosen, with the name of its disk; bufflink_blklog.h
 * has the record. A change is logged when it is complete, before anybody is told
 * so. A program that copied the sectors earlier, perhaps with the change still on
 * its way, learns of it.
 *
 * A request knows all about itself when it completes. A bio that goes without
 * requests, to dm, may have been advanced or cut; its data's vector then tells
 * where it began. Without data (discard, write zeroes) it is too late to know:
 * so that is logged when it begins, and its end refers to it.
 *
 * By then, sectors are those of the whole disk, whatever partition was meant.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/ctype.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <trace/events/block.h>

#include "bufflink.h"
#include "../bufflink_size.h"
#include "bufflink_blklog.h"

#define MAX_DISKS	16

static ulong buffer_size = SZ_4M;
bufflink_size_param(buffer_size, 0400);
MODULE_PARM_DESC(buffer_size, "bytes of each buffer");

/* Its name may come to mean another disk, or the disk another medium. */
struct log {
	u64 diskseq;
	struct bufflink *bl;
	char name[];		/* as it was given */
};

static DEFINE_MUTEX(lock);	/* held while the list of disks changes */
static struct log __rcu *logs[MAX_DISKS];
static bool running;
static u64 secret;		/* keeps addresses of bios to ourselves */

static struct log *log_at(int place)
{
	return rcu_dereference_protected(logs[place], lockdep_is_held(&lock));
}

/* Under rcu_read_lock() */
static struct bufflink *log_of(const struct gendisk *disk)
{
	const struct log *log;
	int i;

	for (i = 0; i < MAX_DISKS; i++) {
		log = rcu_dereference(logs[i]);
		if (log && log->diskseq == disk->diskseq)
			return log->bl;
	}
	return NULL;
}

/* 0 if it is none. */
static u8 change_of(enum req_op op)
{
	switch (op) {
	case REQ_OP_WRITE:
	case REQ_OP_ZONE_APPEND:
		return BLKLOG_WRITE;
	case REQ_OP_DISCARD:
	case REQ_OP_SECURE_ERASE:
		return BLKLOG_DISCARD;
	case REQ_OP_WRITE_ZEROES:
		return BLKLOG_WRITE_ZEROES;
	default:
		return op_is_write(op) ? BLKLOG_UNKNOWN : 0;
	}
}

static void append(struct gendisk *disk, enum req_op op,
		   struct blklog_record record)
{
	struct bufflink *bl;

	record.version = BLKLOG_VERSION;
	record.change = change_of(op);
	if (record.change == BLKLOG_UNKNOWN) {
		record.sector = 0;
		record.sectors = get_capacity(disk);
	}
	if (!record.sectors && !record.id)
		return;
	rcu_read_lock();
	bl = log_of(disk);
	if (bl)
		bufflink_append(bl, &record, sizeof(record));
	rcu_read_unlock();
}

static void request_completed(void *unused, struct request *request,
			      blk_status_t status, unsigned int bytes)
{
	struct gendisk *disk = request->q->disk;
	enum req_op op = req_op(request);
	struct blklog_record record = {
		.sector = blk_rq_pos(request),
		.sectors = DIV_ROUND_UP(bytes, SECTOR_SIZE),
		.error = blk_status_to_errno(status),
	};
	struct bio *bio;

	if (!disk || !change_of(op))
		return;
	if (op == REQ_OP_DISCARD) {
		/* The ranges of merged discards need not be neighbours. */
		__rq_for_each_bio(bio, request) {
			record.sector = bio->bi_iter.bi_sector;
			record.sectors = bio_sectors(bio);
			append(disk, op, record);
		}
	} else {
		append(disk, op, record);
	}
}

static u64 id_of(const struct bio *bio)
{
	switch (change_of(bio_op(bio))) {
	case 0:
	case BLKLOG_WRITE:	/* its vector tells all at its end */
		return 0;
	default:
		return (uintptr_t)bio ^ secret;
	}
}

static void bio_begun(void *unused, struct bio *bio)
{
	struct gendisk *disk = bio->bi_bdev->bd_disk;
	const struct blklog_record record = {
		.sector = bio->bi_iter.bi_sector,
		.sectors = bio_sectors(bio),
		.id = id_of(bio),
		.flags = BLKLOG_BEGUN,
	};

	if (record.id && !queue_is_mq(disk->queue))
		append(disk, bio_op(bio), record);
}

/*
 * To where the vector begins. A part of another bio shares that one's vector:
 * then this is too much, and never too little.
 */
static sector_t sectors_behind(const struct bio *bio)
{
	u64 bytes = bio->bi_iter.bi_bvec_done;
	unsigned int i;

	for (i = 0; i < bio->bi_iter.bi_idx; i++)
		bytes += bio->bi_io_vec[i].bv_len;
	return min_t(u64, bytes >> SECTOR_SHIFT, bio->bi_iter.bi_sector);
}

/* Those that became requests do not come here, but for some that failed. */
static void bio_completed(void *unused, struct request_queue *queue,
			  struct bio *bio)
{
	struct blklog_record record = {
		.id = id_of(bio),
		.error = blk_status_to_errno(bio->bi_status),
	};
	sector_t behind;

	if (!queue->disk || !change_of(bio_op(bio)))
		return;
	behind = sectors_behind(bio);
	record.sector = bio->bi_iter.bi_sector - behind;
	record.sectors = bio_sectors(bio) + behind;
	append(queue->disk, bio_op(bio), record);
}

static struct {
	const char *name;
	void *probe;
	struct tracepoint *tracepoint;
} probes[] = {
	{ "block_rq_complete", request_completed },
	{ "block_bio_queue", bio_begun },
	{ "block_bio_complete", bio_completed },
};

/* Not all of them are exported, so all are found by name. */
static void find_tracepoint(struct tracepoint *tracepoint, void *unused)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		if (!strcmp(tracepoint->name, probes[i].name))
			probes[i].tracepoint = tracepoint;
	}
}

static void unregister_probes(size_t count)
{
	while (count--)
		tracepoint_probe_unregister(probes[count].tracepoint,
					    probes[count].probe, NULL);
	tracepoint_synchronize_unregister();
}

static int register_probes(void)
{
	int err;
	size_t i;

	/* the compiler is to see if a kernel changes what they are called with */
	check_trace_callback_type_block_rq_complete(request_completed);
	check_trace_callback_type_block_bio_queue(bio_begun);
	check_trace_callback_type_block_bio_complete(bio_completed);

	for_each_kernel_tracepoint(find_tracepoint, NULL);
	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		err = -EOPNOTSUPP;
		if (probes[i].tracepoint)
			err = tracepoint_probe_register(probes[i].tracepoint,
							probes[i].probe, NULL);
		if (err) {
			pr_err("cannot probe %s: %pe\n", probes[i].name,
			       ERR_PTR(err));
			unregister_probes(i);
			return err;
		}
	}
	return 0;
}

/*
 * Drivers other than dm may send the bio itself on to another disk (md, bcache,
 * NVMe with several paths): where it ends, nobody knows whose it was. Memory may
 * be written without a bio: by DAX, and as a page of brd or zram until 6.2.
 */
static const struct {
	const char *prefix;
	const char *why;
} refusals[] = {
	{ "md",
	  "md hands writes on to its members: log these (see /proc/mdstat)" },
	{ "nvme",
	  "it hands writes on to its paths: log these (see nvme list-subsys)" },
	{ "ram",
	  "brd may change without a request: log a device of dm on it" },
	{ "zram",
	  "zram may change without a request: log a device of dm on it" },
	{ "",
	  "its driver may hand writes on to other disks: log these" },
};

/* NULL if the log has all that changes */
static const char *why_not(struct gendisk *disk)
{
	size_t i = 0;

	if (blk_queue_dax(disk->queue))
		return "it can be mapped (DAX), which no log sees: log a device of dm on it";
	if (queue_is_mq(disk->queue) ||
	    str_has_prefix(disk->disk_name, "dm-"))
		return NULL;
	while (!strstarts(disk->disk_name, refusals[i].prefix))
		i++;
	return refusals[i].why;
}

/* A disk's name may have characters that a buffer's may not, as in cciss!c0d0. */
static void name_buffer(const struct gendisk *disk,
			char name[BUFFLINK_NAME_MAX + 1])
{
	char *c;

	strscpy(name, disk->disk_name, BUFFLINK_NAME_MAX + 1);
	for (c = name; *c; c++)
		if (!isascii(*c) || !(isalnum(*c) || strchr("._+-", *c)))
			*c = '_';
}

/* Calls with the disk that a path or a name in /dev means, or its partition. */
static int with_disk(const char *name,
		     int (*call)(struct gendisk *disk, const char *name))
{
	char *path = kasprintf(GFP_KERNEL, "%s%s", *name == '/' ? "" : "/dev/",
			       name);
	struct file *file;
	int err = -ENOTBLK;

	if (!path)
		return -ENOMEM;
	file = filp_open(path, O_RDONLY | O_NONBLOCK, 0);
	kfree(path);
	/* for ENOENT, insmod would complain of an unknown symbol */
	if (IS_ERR(file))
		return PTR_ERR(file) == -ENOENT ? -ENODEV : PTR_ERR(file);
	if (S_ISBLK(file_inode(file)->i_mode))
		err = call(I_BDEV(file->f_mapping->host)->bd_disk, name);
	filp_close(file, NULL);
	return err;
}

static int find_log(u64 diskseq)
{
	const struct log *log;
	int i;

	for (i = 0; i < MAX_DISKS; i++) {
		log = log_at(i);
		if (log && log->diskseq == diskseq)
			return i;
	}
	return -ENODEV;
}

static int find_place(void)
{
	int i;

	for (i = 0; i < MAX_DISKS; i++) {
		if (!log_at(i))
			return i;
	}
	pr_err("no more than %d disks can be logged\n", MAX_DISKS);
	return -ENOSPC;
}

static int add_disk_log(struct gendisk *disk, const char *name)
{
	const char *why = why_not(disk);
	char buffer[BUFFLINK_NAME_MAX + 1];
	size_t size = strlen(name) + 1;
	struct log *log;
	int place, err;

	if (why) {
		pr_err("cannot log %s: %s\n", name, why);
		return -EOPNOTSUPP;
	}
	if (find_log(disk->diskseq) >= 0)
		return -EBUSY;
	place = find_place();
	if (place < 0)
		return place;
	log = kzalloc(struct_size(log, name, size), GFP_KERNEL);
	if (!log)
		return -ENOMEM;
	memcpy(log->name, name, size);
	log->diskseq = disk->diskseq;
	name_buffer(disk, buffer);
	err = bufflink_create_named(&log->bl, buffer, buffer_size, 0);
	if (err) {
		kfree(log);
		return err;
	}
	pr_info("logging %s to /dev/bufflink%d\n", name,
		bufflink_number(log->bl));
	rcu_assign_pointer(logs[place], log);
	return 0;
}

static int add_log(const char *name)
{
	int err = with_disk(name, add_disk_log);

	if (err)
		pr_err("cannot log %s: %pe\n", name, ERR_PTR(err));
	return err;
}

static void remove_log(int place)
{
	struct log *log = log_at(place);

	if (!log)
		return;
	RCU_INIT_POINTER(logs[place], NULL);
	synchronize_rcu();
	bufflink_destroy(log->bl);
	kfree(log);
}

static int remove_disk_log(struct gendisk *disk, const char *name)
{
	const int place = find_log(disk->diskseq);

	if (place < 0)
		return place;
	remove_log(place);
	return 0;
}

/* By the name that was given, as the disk may be gone, or by any other. */
static int remove_named_log(const char *name)
{
	const struct log *log;
	int i;

	for (i = 0; i < MAX_DISKS; i++) {
		log = log_at(i);
		if (log && !strcmp(log->name, name)) {
			remove_log(i);
			return 0;
		}
	}
	return with_disk(name, remove_disk_log);
}

static void remove_all(void)
{
	int i;

	for (i = 0; i < MAX_DISKS; i++)
		remove_log(i);
}

/* parameters */

static int change_logs(const char *text, int (*change)(const char *name))
{
	char *copy = kstrdup(text, GFP_KERNEL);
	int err = -EAGAIN;	/* not loaded yet, or not any more */

	if (!copy)
		return -ENOMEM;
	mutex_lock(&lock);
	if (running)
		err = change(strim(copy));
	mutex_unlock(&lock);
	kfree(copy);
	return err;
}

static int add_set(const char *text, const struct kernel_param *unused)
{
	return change_logs(text, add_log);
}

static int remove_set(const char *text, const struct kernel_param *unused)
{
	return change_logs(text, remove_named_log);
}

static int list_logs(char *page,
		     int (*print)(char *page, int at, const struct log *log))
{
	const struct log *log;
	int i, at = 0;

	mutex_lock(&lock);
	for (i = 0; i < MAX_DISKS; i++) {
		log = log_at(i);
		if (log && at)
			at += sysfs_emit_at(page, at, ",");
		if (log)
			at += print(page, at, log);
	}
	mutex_unlock(&lock);
	return at + sysfs_emit_at(page, at, "\n");
}

static int print_name(char *page, int at, const struct log *log)
{
	return sysfs_emit_at(page, at, "%s", log->name);
}

static int print_number(char *page, int at, const struct log *log)
{
	return sysfs_emit_at(page, at, "%d", bufflink_number(log->bl));
}

static int print_diskseq(char *page, int at, const struct log *log)
{
	return sysfs_emit_at(page, at, "%llu", log->diskseq);
}

static int devices_get(char *page, const struct kernel_param *unused)
{
	return list_logs(page, print_name);
}

static int buffers_get(char *page, const struct kernel_param *unused)
{
	return list_logs(page, print_number);
}

static int diskseqs_get(char *page, const struct kernel_param *unused)
{
	return list_logs(page, print_diskseq);
}

static char *wanted;		/* when it is loaded */

static int devices_set(const char *text, const struct kernel_param *unused)
{
	kfree(wanted);
	wanted = kstrdup(text, GFP_KERNEL);
	return wanted ? 0 : -ENOMEM;
}

static int ignore(const char *text, const struct kernel_param *unused)
{
	return 0;
}

static const struct kernel_param_ops devices_ops = {
	.set = devices_set,
	.get = devices_get,
};

static const struct kernel_param_ops buffers_ops = {
	.set = ignore,
	.get = buffers_get,
};

static const struct kernel_param_ops diskseqs_ops = {
	.set = ignore,
	.get = diskseqs_get,
};

static const struct kernel_param_ops add_ops = { .set = add_set };

static const struct kernel_param_ops remove_ops = { .set = remove_set };

device_param_cb(devices, &devices_ops, NULL, 0400);
MODULE_PARM_DESC(devices, "what to log: names in /dev, or paths");
device_param_cb(buffers, &buffers_ops, NULL, 0400);
MODULE_PARM_DESC(buffers, "to read: the N of /dev/bufflinkN of each of devices");
device_param_cb(diskseqs, &diskseqs_ops, NULL, 0400);
MODULE_PARM_DESC(diskseqs, "to read: the diskseq in sysfs of each of devices");
device_param_cb(add, &add_ops, NULL, 0200);
MODULE_PARM_DESC(add, "to write when it is loaded: one more device to log");
device_param_cb(remove, &remove_ops, NULL, 0200);
MODULE_PARM_DESC(remove, "to write when it is loaded: a device not to log any more");

static int add_wanted(void)
{
	char *rest = wanted, *name;
	int err = 0;

	while (!err && (name = strsep(&rest, ",")))
		err = add_log(name);
	return err;
}

static int __init blklog_init(void)
{
	int err;

	secret = get_random_u64();
	mutex_lock(&lock);
	err = add_wanted();
	kfree(wanted);
	if (!err)
		err = register_probes();
	running = !err;
	if (err)
		remove_all();
	mutex_unlock(&lock);
	return err;
}

static void __exit blklog_exit(void)
{
	mutex_lock(&lock);
	running = false;
	unregister_probes(ARRAY_SIZE(probes));
	remove_all();
	mutex_unlock(&lock);
}

module_init(blklog_init);
module_exit(blklog_exit);

MODULE_DESCRIPTION("Log which sectors of block devices change");
MODULE_LICENSE("GPL");
