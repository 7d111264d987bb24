// SPDX-License-Identifier: GPL-2.0-only
/*
 * A client that is built into a kernel, in the folder kernel/, which is linked
 * before all drivers: when it may create buffers, and write events.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bufflink.h>
#include <linux/bufflink_evlog.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/printk.h>

static void __init create(const char *level)
{
	struct bufflink *bl;
	int err = bufflink_create_named(&bl, level, 0, 0);

	pr_info("%s: %pe\n", level, ERR_PTR(err));
	if (!err)
		bufflink_printf(bl, "%s\n", level);
}

static int __init create_in_core(void)
{
	create("core");
	return 0;
}
core_initcall(create_in_core);

static int __init create_in_fs(void)
{
	create("fs");
	return 0;
}
fs_initcall(create_in_fs);

static int __init create_in_device(void)
{
	create("device");
	return 0;
}
device_initcall(create_in_device);

static void __init write_event(const char *level)
{
	int err = evlog_write("initcalls", level, EVLOG_INFO, "of %s", level);

	pr_info("event in %s: %pe\n", level, ERR_PTR(err));
}

static int __init write_in_fs(void)
{
	write_event("fs");
	return 0;
}
fs_initcall(write_in_fs);

static int __init write_in_late(void)
{
	write_event("late");
	return 0;
}
late_initcall(write_in_late);
