// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

#include "bufflink_klog.h"
#include "message.h"
#include "sysfs.h"

#define PREFIX_MAX	64	/* <191>[1234567890.123456][ T1234567] */

static bool puts_time, puts_caller;

void look_at_kernel(void)
{
	static bool has_looked;
	char setting[PARAMETER_MAX + 1];

	read_parameter("printk", "time", setting);
	puts_time = *setting != 'N';
	if (!has_looked)
		puts_caller = has_callers();
	has_looked = true;
}

/* Whether it is the time of the message, and no text that looks like one. */
static bool is_its_time(const struct message *message, unsigned long long time)
{
	unsigned long long in_log;

	if (time_in_log(message->sequence, &in_log))
		return time == in_log;
	return puts_time;
}

/* Gives the length of the prefix that the kernel has put before each line. */
static size_t read_prefix(struct message *message, const char *lines,
			  size_t size)
{
	int priority_size = 0, time_size = 0, caller_size = 0, prefix;
	unsigned int priority = 0, seconds, microseconds;
	char start[PREFIX_MAX + 1];

	/* as a string: sscanf() looks for the end of all of it */
	size = size < PREFIX_MAX ? size : PREFIX_MAX;
	memcpy(start, lines, size);
	start[size] = '\0';

	sscanf(start, "<%u>%n", &priority, &priority_size);
	message->facility = priority >> 3;
	message->level = priority & 7;
	prefix = priority_size;
	sscanf(start + prefix, "[%u.%6u]%n", &seconds, &microseconds,
	       &time_size);
	if (time_size) {
		message->time = seconds * 1000000ULL + microseconds;
		message->has_time = is_its_time(message, message->time);
	}
	if (message->has_time)
		prefix += time_size;
	if (puts_caller && sscanf(start + prefix, "[ %15[TC0-9]]%n",
				  message->caller, &caller_size) == 1 &&
	    caller_size)
		prefix += caller_size;
	else
		*message->caller = '\0';
	return prefix + (prefix > priority_size && start[prefix] == ' ');
}

void read_lines(struct message *message, const char *lines, size_t size)
{
	static char text[BUFFLINK_KLOG_MESSAGE_MAX];
	const size_t prefix = read_prefix(message, lines, size);
	const char *line = lines, *const end = lines + size;
	const char *newline;
	size_t length = 0;

	for (; line < end; line = newline + 1) {
		newline = memchr(line, '\n', end - line);
		if (!newline)
			newline = end;
		if (length || line > lines)
			text[length++] = '\n';
		if ((size_t)(newline - line) >= prefix &&
		    !memcmp(line, lines, prefix))
			line += prefix;
		memcpy(text + length, line, newline - line);
		length += newline - line;
	}
	message->text = text;
	message->size = length;
}

const char *next_line(const struct message *message, const char **line,
		      size_t *size)
{
	const char *const end = message->text + message->size;
	const char *const start = *line;
	const char *newline;

	if (!start)
		return NULL;
	newline = memchr(start, '\n', end - start);
	*size = (newline ? newline : end) - start;
	*line = newline ? newline + 1 : NULL;
	return start;
}
