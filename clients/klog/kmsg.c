// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "message.h"

static char record[8192 + 1];	/* the kernel's own limit */

static bool read_record(int kmsg)
{
	ssize_t got;

	do
		got = read(kmsg, record, sizeof(record) - 1);
	while (got < 0 && (errno == EPIPE || errno == EINTR));
	record[got > 0 ? got : 0] = '\0';
	return got > 0;
}

static int open_kmsg(void)
{
	return open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

bool has_callers(void)
{
	int kmsg = open_kmsg();
	bool has = false;
	char *text;

	if (kmsg >= 0 && read_record(kmsg)) {
		text = strchr(record, ';');
		if (text)
			*text = '\0';
		has = strstr(record, ",caller=");
	}
	*record = '\0';
	close(kmsg);
	return has;
}

const char *dictionary(unsigned long long sequence)
{
	static int kmsg = -2;
	static unsigned long long number;
	const char *end;

	if (kmsg == -2)
		kmsg = open_kmsg();
	while (kmsg >= 0 && (!*record || number < sequence)) {
		if (!read_record(kmsg))
			return "";
		sscanf(record, "%*u,%llu,", &number);
	}
	end = strchr(record, '\n');
	return end && number == sequence ? end + 1 : "";
}
