// SPDX-License-Identifier: GPL-2.0-only
/*
 * A client of bufflink that appends as many numbered lines of 64 bytes as are
 * written to its parameter append. Its buffer has a name if the parameter name
 * is set.
 */
#include <linux/module.h>
#include <linux/moduleparam.h>

#include "bufflink.h"

static uint size = 4096;
module_param(size, uint, 0);
MODULE_PARM_DESC(size, "bytes of the buffer");

static char *name;
module_param(name, charp, 0);
MODULE_PARM_DESC(name, "of the buffer (none unless set)");

static struct bufflink *bl;

static int append(const char *text, const struct kernel_param *parameter)
{
	static uint number;
	uint count;
	int err = kstrtouint(text, 0, &count);

	for (; !err && count; count--)
		bufflink_printf(bl, "line %58u\n", ++number);
	return err;
}

static const struct kernel_param_ops append_ops = { .set = append };

module_param_cb(append, &append_ops, NULL, 0200);
MODULE_PARM_DESC(append, "so many lines");

static int __init lines_init(void)
{
	return bufflink_create_named(&bl, name, size, 0);
}

static void __exit lines_exit(void)
{
	bufflink_destroy(bl);
}

module_init(lines_init);
module_exit(lines_exit);
MODULE_DESCRIPTION("Lines that are known beforehand");
MODULE_LICENSE("GPL");
