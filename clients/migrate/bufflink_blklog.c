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
#include <linux/random.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <trace/events/block.h>

#include "bufflink.h"
#include "bufflink_blklog.h"

#define MAX_DISKS	16

static char *devices[MAX_DISKS];
static int count;
module_param_array(devices, charp, &count, 0400);
MODULE_PARM_DESC(devices, "what to log: names in /dev, or paths");

static int buffers[MAX_DISKS];
static int buffer_count;
module_param_array(buffers, int, &buffer_count, 0400);
MODULE_PARM_DESC(buffers, "to read: the N of /dev/bufflinkN of each of devices");

/* Names and numbers may come to mean another disk, or the disk another medium. */
static unsigned long long diskseqs[MAX_DISKS];
static int diskseq_count;
module_param_array(diskseqs, ullong, &diskseq_count, 0400);
MODULE_PARM_DESC(diskseqs, "to read: the diskseq in sysfs of each of devices");

static ulong buffer_size = SZ_4M;
module_param(buffer_size, ulong, 0400);
MODULE_PARM_DESC(buffer_size, "bytes of each buffer");

static struct bufflink *bls[MAX_DISKS];
static u64 secret;		/* keeps addresses of bios to ourselves */

static struct bufflink *log_of(const struct gendisk *disk)
{
	int i;

	for (i = 0; disk && i < count; i++) {
		if (diskseqs[i] == disk->diskseq)
			return bls[i];
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

static void append(struct bufflink *bl, struct gendisk *disk, enum req_op op,
		   struct blklog_record record)
{
	record.version = BLKLOG_VERSION;
	record.change = change_of(op);
	if (record.change == BLKLOG_UNKNOWN) {
		record.sector = 0;
		record.sectors = get_capacity(disk);
	}
	if (record.sectors || record.id)
		bufflink_append(bl, &record, sizeof(record));
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
	struct bufflink *bl = log_of(disk);
	struct bio *bio;

	if (!bl || !change_of(op))
		return;
	if (op == REQ_OP_DISCARD) {
		/* The ranges of merged discards need not be neighbours. */
		__rq_for_each_bio(bio, request) {
			record.sector = bio->bi_iter.bi_sector;
			record.sectors = bio_sectors(bio);
			append(bl, disk, op, record);
		}
	} else {
		append(bl, disk, op, record);
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
	struct bufflink *bl = log_of(disk);

	if (bl && record.id && !queue_is_mq(disk->queue))
		append(bl, disk, bio_op(bio), record);
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
	struct bufflink *bl = log_of(queue->disk);
	struct blklog_record record = {
		.id = id_of(bio),
		.error = blk_status_to_errno(bio->bi_status),
	};
	sector_t behind;

	if (!bl || !change_of(bio_op(bio)))
		return;
	behind = sectors_behind(bio);
	record.sector = bio->bi_iter.bi_sector - behind;
	record.sectors = bio_sectors(bio) + behind;
	append(bl, queue->disk, bio_op(bio), record);
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
		err = -ENOENT;
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
static bool is_told(struct gendisk *disk)
{
	return (queue_is_mq(disk->queue) ||
		str_has_prefix(disk->disk_name, "dm-")) &&
	       !blk_queue_dax(disk->queue);
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

/*
 * Of a path, or a name in /dev; a partition stands for its disk. Gives the number
 * that tells the disk from others, and a name for its buffer.
 */
static int find_disk(const char *name, unsigned long long *diskseq,
		     char buffer[BUFFLINK_NAME_MAX + 1])
{
	char *path = kasprintf(GFP_KERNEL, "%s%s", *name == '/' ? "" : "/dev/",
			       name);
	struct gendisk *disk;
	struct file *file;
	int err = 0;

	if (!path)
		return -ENOMEM;
	file = filp_open(path, O_RDONLY | O_NONBLOCK, 0);
	kfree(path);
	if (IS_ERR(file))
		return PTR_ERR(file);
	disk = S_ISBLK(file_inode(file)->i_mode) ?
	       I_BDEV(file->f_mapping->host)->bd_disk : NULL;
	if (!disk) {
		err = -ENOTBLK;
	} else if (!is_told(disk)) {
		err = -EOPNOTSUPP;
	} else if (log_of(disk)) {
		err = -EBUSY;
	} else {
		*diskseq = disk->diskseq;
		name_buffer(disk, buffer);
	}
	filp_close(file, NULL);
	return err;
}

static void destroy_buffers(void)
{
	int i;

	for (i = 0; i < count; i++)
		bufflink_destroy(bls[i]);	/* NULL is fine */
}

static int __init blklog_init(void)
{
	char name[BUFFLINK_NAME_MAX + 1];
	int err = 0;
	int i;

	secret = get_random_u64();
	for (i = 0; i < count; i++) {
		err = find_disk(devices[i], &diskseqs[i], name);
		if (!err)
			err = bufflink_create_named(&bls[i], name, buffer_size,
						    0);
		if (err) {
			pr_err("cannot log %s: %pe\n", devices[i],
			       ERR_PTR(err));
			goto destroy;
		}
		buffers[i] = bufflink_number(bls[i]);
		pr_info("logging %s to /dev/bufflink%d\n", devices[i],
			buffers[i]);
	}
	buffer_count = count;
	diskseq_count = count;
	err = register_probes();
	if (err)
		goto destroy;
	return 0;

destroy:
	destroy_buffers();
	return err;
}

static void __exit blklog_exit(void)
{
	unregister_probes(ARRAY_SIZE(probes));
	destroy_buffers();
}

module_init(blklog_init);
module_exit(blklog_exit);

MODULE_DESCRIPTION("Log which sectors of block devices change");
MODULE_LICENSE("GPL");
