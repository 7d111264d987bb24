// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink_evlog_example - an example of a module that writes events
 *
 * It plays a disk that is read, in a timer: each read is an event, and each fifth
 * fails. Its parameter interval says how often.
 */
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/timer.h>

#include "bufflink_evlog.h"

#define DISK		"example"
#define SECTORS		8	/* of a read */

static uint interval = 1000;
module_param(interval, uint, 0444);
MODULE_PARM_DESC(interval, "milliseconds between two reads (1 to 3600000)");

static u64 sector;

static void read_next(struct timer_list *timer)
{
	static const u8 sense[] = { 0x70, 0x00, 0x03 };
	const struct evlog_attr attrs[] = {
		EVLOG_STRING("device", DISK),
		EVLOG_U64("sector", sector),
		EVLOG_S64("error", -EIO),
		EVLOG_BYTES("sense", sense, sizeof(sense)),
	};

	/* The first two attributes are those of a read that is good. */
	if (sector / SECTORS % 5 < 4)
		evlog_write_attrs("disk", "read", EVLOG_INFO, attrs, 2, NULL);
	else
		evlog_write_attrs("disk", "io_error", EVLOG_ERR, attrs,
				  ARRAY_SIZE(attrs),
				  "cannot read sector %llu of %s", sector, DISK);
	sector += SECTORS;
	mod_timer(timer, jiffies + msecs_to_jiffies(interval));
}

static DEFINE_TIMER(timer, read_next);

static int __init example_init(void)
{
	if (interval < 1 || interval > 3600000)
		return -EINVAL;
	evlog_write("disk", "added", EVLOG_NOTICE, "disk %s is read every %u ms",
		    DISK, interval);
	mod_timer(&timer, jiffies + 1);
	return 0;
}

static void __exit example_exit(void)
{
	timer_delete_sync(&timer);
	evlog_write("disk", "removed", EVLOG_NOTICE, "disk %s is gone", DISK);
}

module_init(example_init);
module_exit(example_exit);

MODULE_DESCRIPTION("Example of a module that writes events to bufflink_evlog");
MODULE_LICENSE("GPL");
