// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>

#include "internal.h"

static __thread char text[PATH_MAX + 256];

int bl_fail(int err, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	return err;
}

/* The last failure in this thread, its object, its reason, and the way out */
const char *bufflink_error(void)
{
	return text;
}
