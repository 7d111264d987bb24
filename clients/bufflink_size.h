/* SPDX-License-Identifier: GPL-2.0-only */
/* A parameter that is a number of bytes: 4096, 0x1000, 64k, 64M or 1G. */
#ifndef _BUFFLINK_SIZE_H
#define _BUFFLINK_SIZE_H

#include <linux/bits.h>
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/string.h>

/* Not memparse(): it takes too large a number for another one. */
static int bufflink_set_size(const char *text, const struct kernel_param *param)
{
	const size_t length = strcspn(text, "kKmMgG");
	char number[24];	/* a longer one is too large */
	unsigned int shift = 0;
	unsigned long size;
	int err;

	switch (tolower(text[length])) {
	case 'g':
		shift += 10;
		fallthrough;
	case 'm':
		shift += 10;
		fallthrough;
	case 'k':
		shift += 10;
		if (!sysfs_streq(text + length + 1, ""))
			return -EINVAL;
	}
	if (length >= sizeof(number))
		return -ERANGE;
	memcpy(number, text, length);
	number[length] = '\0';
	err = kstrtoul(number, 0, &size);
	if (err)
		return err;
	if (size > ULONG_MAX >> shift)
		return -ERANGE;
	*(unsigned long *)param->arg = size << shift;
	return 0;
}

static const struct kernel_param_ops bufflink_size_ops = {
	.set = bufflink_set_size,
	.get = param_get_ulong,
};

#define bufflink_size_param(name, perm)					\
	module_param_cb(name, &bufflink_size_ops, &(name), perm)

#endif /* _BUFFLINK_SIZE_H */
