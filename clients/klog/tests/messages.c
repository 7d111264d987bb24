// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>

#include "messages.h"

#define PREFIX_MAX	40

char log_data[1 << 25];
struct message message;
struct kmsg kmsg;

/* the kernel's side */

/* Nothing of a flood goes to the console, which is slow. */
void klog_setup(void)
{
	producer_setup();
	unload_if_there(KLOG);
	create_buffer(0, PAGE);		/* the producer wants to have one */
	log_quietly();
	parameter_write("printk", "time", "Y\n");
}

void klog_teardown(void)
{
	parameter_write("printk", "time", "Y\n");
	log_as_before();
	unload_if_there(KLOG);
	producer_teardown();
}

struct log load_klog(const char *parameters)
{
	struct log log = { };

	ck_assert_int_eq(load(KLOG, parameters), 0);
	log.number = buffer_of(KLOG);
	log.fd = open_buffer(log.number, O_RDONLY | O_NONBLOCK);
	return log;
}

void stop_reading(struct log *log)
{
	close(log->fd);
	log->fd = open_buffer(log->number, O_WRONLY);
}

void read_again(struct log *log)
{
	close(log->fd);
	log->fd = open_buffer(log->number, O_RDONLY | O_NONBLOCK);
}

struct log load_for_program(const char *parameters)
{
	struct log log = load_klog(parameters);

	stop_reading(&log);
	return log;
}

void print(enum producer_context context, const char *text)
{
	struct producer_run one = {
		.call = PRODUCER_PRINTK, .context = context, .count = 1,
		.data = (uintptr_t)text,
		.size_min = strlen(text), .size_max = strlen(text),
	};

	run(&one);
}

/* the stream */

/* Without its prefixes, which are the same on each line. */
static void take_text(const char *text, size_t size)
{
	const char *line = text, *end = text + size;
	char start[PREFIX_MAX + 1] = "";
	size_t length = 0;
	int prefix = 0;
	int time = 0;

	/* sscanf() would look for the end of all that was read */
	memcpy(start, text, size < PREFIX_MAX ? size : PREFIX_MAX);
	ck_assert_int_eq(sscanf(start, "<%u>%n", &message.priority, &prefix),
			 1);
	sscanf(start + prefix, "[%*[ 0-9.]]%n", &time);
	memcpy(message.time, start + prefix, time);
	message.time[time] = '\0';
	if (time)
		prefix += time + 1;
	while (line < end) {
		ck_assert_int_eq(memcmp(line, text, prefix), 0);
		for (line += prefix; *line != '\n'; line++)
			message.text[length++] = *line;
		message.text[length++] = *line++;
	}
	message.text[length - 1] = '\0';
}

static bool parse(struct log *log)
{
	const char *data = log_data + log->start;
	size_t size = log->end - log->start;
	char start[BUFFLINK_KLOG_HEADER_MAX + 1] = "";
	unsigned int length;
	int header = 0;

	memcpy(start, data, size < BUFFLINK_KLOG_HEADER_MAX ? size :
			    BUFFLINK_KLOG_HEADER_MAX);
	if (!memchr(start, ';', sizeof(start)))
		return false;
	ck_assert_int_eq(sscanf(start, BUFFLINK_KLOG_HEADER "%n", &length,
				&message.sequence, &message.by_log,
				&message.by_buffer, &header), 4);
	if (size < header + length)
		return false;
	take_text(data + header, length);
	log->start += header + length;
	return true;
}

bool next(struct log *log)
{
	ssize_t got;

	while (!parse(log)) {
		if (log->start == log->end) {
			log->start = 0;
			log->end = 0;
		}
		got = read(log->fd, log_data + log->end,
			   sizeof(log_data) - log->end);
		if (got <= 0)
			return false;
		log->end += got;
	}
	if (log->has_begun)
		ck_assert_uint_eq(message.sequence, log->sequence + 1 +
				  message.by_log + message.by_buffer);
	log->by_log += message.by_log;
	log->refused += message.by_buffer;
	log->has_begun = true;
	log->sequence = message.sequence;
	return true;
}

void wait_next(struct log *log)
{
	struct patience patience = patience_of(PATIENCE_MS);

	while (!next(log))
		ck_assert_msg(lasts(&patience), "no message after %llu",
			      log->sequence);
}

void wait_for_text(struct log *log, const char *text)
{
	do {
		wait_next(log);
	} while (strcmp(message.text, text));
}

void is_complete(const struct log *log)
{
	ck_assert_uint_eq(log->by_log, 0);
	ck_assert_uint_eq(log->refused, 0);
	ck_assert_uint_eq(sysfs_value(log->number, "lost_records"), 0);
}

/* /dev/kmsg, to compare with */

void open_kmsg(int whence)
{
	kmsg.fd = open_log(whence);
}

bool next_kmsg(void)
{
	ssize_t got = read(kmsg.fd, kmsg.record, sizeof(kmsg.record) - 1);
	char *out = kmsg.text;
	unsigned int byte;
	const char *in;

	if (got < 0)
		return false;
	kmsg.record[got] = '\0';
	ck_assert_int_eq(sscanf(kmsg.record, "%u,%llu,%llu,", &kmsg.priority,
				&kmsg.sequence, &kmsg.time), 3);
	for (in = strchr(kmsg.record, ';') + 1; *in != '\n'; out++) {
		if (sscanf(in, "\\x%2x", &byte) == 1)
			in += 4;
		else
			byte = *in++;
		*out = byte;
	}
	*out = '\0';
	return true;
}

void kmsg_has_lost(void)
{
	char record[8192];

	ck_assert_int_eq(read(kmsg.fd, record, sizeof(record)), -1);
	ck_assert_int_eq(errno, EPIPE);
	close(kmsg.fd);
}

/* the program */

const char *line_with(const char *text, const char *part)
{
	static char line[8192];
	const char *start = strstr(text, part);

	ck_assert_msg(start, "no '%s'", part);
	while (start > text && start[-1] != '\n')
		start--;
	ck_assert(sscanf(start, "%8191[^\n]", line) == 1);
	return line;
}
