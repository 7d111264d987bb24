/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages of the kernel's log, for the suites of klog: printed, taken, compared. */
#ifndef _MESSAGES_H
#define _MESSAGES_H

#include "bufflink_klog.h"
#include "device.h"
#include "tool.h"

#define KLOG		BUFFLINK_KLOG_OWNER
#define LARGE		"size=16777216"
#define FLOOD		6000	/* more than Debian's log holds */

extern char log_data[1 << 25];	/* the test has read this and not parsed */

struct log {
	int fd;
	int number;		/* of its device */
	size_t start;
	size_t end;
	unsigned long long sequence;	/* of the last message */
	unsigned long long by_log;	/* messages that it lost */
	unsigned long long refused;	/* ... and that the buffer lost */
	bool has_begun;
};

struct message {
	unsigned long long sequence;
	unsigned long long by_log;	/* lost before it */
	unsigned long long by_buffer;
	unsigned int priority;
	char time[32];		/* with its brackets; empty if there is none */
	char text[BUFFLINK_KLOG_MESSAGE_MAX];
};

extern struct message message;	/* the last one */

/* Fixtures, for every case. */
void klog_setup(void);
void klog_teardown(void);

/* The kernel's side. */
#define write_kmsg(text)	write_to("/dev/kmsg", text)
void print(enum producer_context context, const char *text);
struct log load_klog(const char *parameters);
/* The program is to be the only reader: meanwhile this is to ask, not to read. */
void stop_reading(struct log *log);
void read_again(struct log *log);
struct log load_for_program(const char *parameters);

/* The stream. */
bool next(struct log *log);	/* message, in order; false if there is none now */
void wait_next(struct log *log);
void wait_for_text(struct log *log, const char *text);
void is_complete(const struct log *log);

/* /dev/kmsg, to compare with. */
struct kmsg {
	int fd;
	unsigned long long sequence;
	unsigned long long time;	/* microseconds */
	unsigned int priority;
	char text[8192 + 1];		/* as it was printed */
	char record[8192 + 1];
};

extern struct kmsg kmsg;

void open_kmsg(int whence);
bool next_kmsg(void);		/* false if there is none now */
void kmsg_has_lost(void);

/* The program. */
#define program_to(out, ...)						\
	start_tool("/t/bufflink-klog", memory_file(""), out,		\
		   (char *[]){ "bufflink-klog", ##__VA_ARGS__, NULL })
#define program(...)	program_to(memory_file(""), ##__VA_ARGS__)
/* the line that has this text, from its start; fails if there is none */
const char *line_with(const char *text, const char *part);

#endif /* _MESSAGES_H */
