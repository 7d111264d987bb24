/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages, as they are in the buffer, and all that can be known of them. */
#ifndef _MESSAGE_H
#define _MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "text.h"

struct message {
	unsigned long long sequence;
	unsigned int facility;
	unsigned int level;
	bool has_time;
	unsigned long long time;	/* since boot (microseconds) */
	char caller[16];	/* T1 or C0; empty if the kernel does not tell */
	const char *text;	/* lines with a newline between them */
	size_t size;
};

/* message.c */

/*
 * Learns which prefix a line has now: a text may look the same. The log knows
 * better, for as long as it has the message.
 */
void look_at_kernel(void);
/* Of the lines that are in the buffer. The text is good until the next call. */
void read_lines(struct message *message, const char *lines, size_t size);
/* The line that begins where line points to, which moves on; NULL at the end. */
const char *next_line(const struct message *message, const char **line,
		      size_t *size);

/* kmsg.c: only /dev/kmsg knows these */

bool has_callers(void);
/* Its time, in microseconds; false if the message has left the log. */
bool time_in_log(unsigned long long sequence, unsigned long long *time);
/*
 * The lines of the dictionary of a message, for as long as the message is in the
 * log; or nothing.
 */
const char *dictionary(unsigned long long sequence);

/* clock.c: microseconds of the wall clock, as it is now */

unsigned long long wall_clock(const struct message *message);
unsigned long long time_argument(const char *option, const char *text);

/* choose.c */

/* NULL if dmesg(1) has none for it. */
const char *facility_name(unsigned int facility);
/* True if it was one of --level, --facility, --since and --until. */
bool choice_option(int option, const char *text);
bool is_chosen(const struct message *message);

/* format.c: the way of dmesg(1) */

/* True if it was an option for that. */
bool format_option(int option, const char *text);
/* When all options are known. */
void settle_format(void);
extern bool decode;		/* of JSON, too */
void print_lines(const struct message *message);

/* json.c */

void json_option(const char *form);
extern bool json;
void print_message_as_json(const struct message *message);
void print_loss_as_json(const char *text, unsigned long long before,
			unsigned long long by_log,
			unsigned long long by_buffer);

/* letters of options that have none */
enum {
	NO_WAIT = 256, REOPEN, WAIT, COLOR, SINCE, UNTIL, TIME_FORMAT,
};

#endif /* _MESSAGE_H */
