// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink_blklog - log which sectors of block devices change
 *
 * One buffer for each device chosen; bufflink_blklog.h has the record. A change
 * is logged when it is complete, before anybody is told so: who copied the
 * sectors earlier, perhaps with the change still on its way, learns of it.
 *
 * A request knows all about itself when it completes. A bio that goes without
 * requests, to brd or dm, may have been advanced by its driver; its data's
 * vector then tells where it began. Without data (discard, write zeroes) it is
 * too late to know: so that is logged when it begins, and its end refers to it.
 *
 * By then, sectors are those of the whole disk, whatever partition was meant.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

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

static ulong buffer_size = SZ_4M;
module_param(buffer_size, ulong, 0400);
MODULE_PARM_DESC(buffer_size, "bytes of each buffer");

static dev_t disks[MAX_DISKS];
static struct bufflink *bls[MAX_DISKS];
static u64 secret;		/* keeps addresses of bios to ourselves */

static dev_t number_of(const struct gendisk *disk)
{
	return disk ? MKDEV(disk->major, disk->first_minor) : 0;
}

static struct bufflink *log_of(const struct gendisk *disk)
{
	int i;

	for (i = 0; i < count; i++) {
		if (disks[i] == number_of(disk))
			return bls[i];
	}
	return NULL;
}

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
	case REQ_OP_ZONE_RESET:
	case REQ_OP_ZONE_RESET_ALL:
		return BLKLOG_ZONE_RESET;
	case REQ_OP_DRV_OUT:
		return BLKLOG_UNKNOWN;
	default:
		return 0;
	}
}

static void append(struct bufflink *bl, struct gendisk *disk, enum req_op op,
		   struct blklog_record record)
{
	record.version = BLKLOG_VERSION;
	record.change = change_of(op);

	/* These do not say where they end, or not even where they begin. */
	if (op == REQ_OP_ZONE_RESET) {
		record.sectors = disk->queue->limits.chunk_sectors;
	} else if (op == REQ_OP_ZONE_RESET_ALL || op == REQ_OP_DRV_OUT) {
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

static void log_bio(struct bufflink *bl, struct gendisk *disk, struct bio *bio)
{
	sector_t behind = sectors_behind(bio);
	const struct blklog_record record = {
		.sector = bio->bi_iter.bi_sector - behind,
		.sectors = bio_sectors(bio) + behind,
		.id = id_of(bio),
		.error = blk_status_to_errno(bio->bi_status),
	};

	append(bl, disk, bio_op(bio), record);
}

/* Those that became requests do not come here, but for some that failed. */
static void bio_completed(void *unused, struct request_queue *queue,
			  struct bio *bio)
{
	struct bufflink *bl = log_of(queue->disk);

	if (bl && change_of(bio_op(bio)))
		log_bio(bl, queue->disk, bio);
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
	int err = -ENOENT;
	size_t i;

	for_each_kernel_tracepoint(find_tracepoint, NULL);
	for (i = 0; i < ARRAY_SIZE(probes); i++) {
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
 * Other drivers send the bio itself on to other disks (md, bcache, NVMe with
 * several paths): where it ends, nobody knows whose it was.
 */
static bool ends_where_it_began(struct gendisk *disk)
{
	static const char * const drivers[] = { "dm-", "pmem", "ram", "zram" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(drivers); i++) {
		if (str_has_prefix(disk->disk_name, drivers[i]))
			return true;
	}
	return queue_is_mq(disk->queue);
}

static int disk_of(const struct file *file, dev_t *dev)
{
	struct gendisk *disk;

	if (!S_ISBLK(file_inode(file)->i_mode))
		return -ENOTBLK;
	disk = I_BDEV(file->f_mapping->host)->bd_disk;
	if (!ends_where_it_began(disk))
		return -EOPNOTSUPP;
	if (log_of(disk))
		return -EEXIST;
	*dev = number_of(disk);
	return 0;
}

/* Of a path, or a name in /dev; a partition stands for its disk. */
static int find_disk(const char *name, dev_t *dev)
{
	char *path = kasprintf(GFP_KERNEL, "%s%s", *name == '/' ? "" : "/dev/",
			       name);
	struct file *file;
	int err;

	if (!path)
		return -ENOMEM;
	file = filp_open(path, O_RDONLY | O_NONBLOCK, 0);
	kfree(path);
	if (IS_ERR(file))
		return PTR_ERR(file);
	err = disk_of(file, dev);
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
	int err = 0;
	int i;

	secret = get_random_u64();
	for (i = 0; i < count; i++) {
		err = find_disk(devices[i], &disks[i]);
		if (!err)
			err = bufflink_create(&bls[i], NULL, buffer_size, -1);
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
