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

static unsigned long long number, time_of_record;

/* Whether the log still has the message, which then is the record. */
static bool find_record(unsigned long long sequence)
{
	static int kmsg = -2;

	if (kmsg == -2)
		kmsg = open_kmsg();
	while (kmsg >= 0 && (!*record || number < sequence)) {
		if (!read_record(kmsg))
			return false;
		sscanf(record, "%*u,%llu,%llu,", &number, &time_of_record);
	}
	return *record && number == sequence;
}

bool time_in_log(unsigned long long sequence, unsigned long long *time)
{
	const bool is_there = find_record(sequence);

	*time = time_of_record;
	return is_there;
}

const char *dictionary(unsigned long long sequence)
{
	const char *end;

	if (!find_record(sequence))
		return "";
	end = strchr(record, '\n');
	return end ? end + 1 : "";
}
