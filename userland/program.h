/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts that all programs share: how they begin, read, print and end */
#ifndef _PROGRAM_H
#define _PROGRAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "basics.h"
#include "libbufflink/libbufflink.h"

/* besides EXIT_SUCCESS and EXIT_FAILURE, which is 1 */
#define EXIT_USAGE	2
#define EXIT_LOSS	3

/* descriptor.c */

#define HERE		-1	/* where the file is, no offset */

/*
 * Say how many bytes are done: if not all, errno says why, or is 0 at the end of
 * the file that is read.
 */
size_t write_at(int fd, const void *data, size_t size, off_t offset);
size_t read_at(int fd, void *data, size_t size, off_t offset);
/* The same, but it waits where it would block. */
size_t write_most(int fd, const void *data, size_t size);
/* As read(2), but it waits until there is something. */
ssize_t read_some(int fd, void *data, size_t size);

/* signals.c */

extern atomic_int stopped;	/* by this signal */

/* SIGINT and SIGTERM end it when all that was read is printed. */
void catch_signals(void);
/* As this signal does; a thread may call it. */
void stop(int number);

/* output.c */

/*
 * Comes first. Gives each standard descriptor that is closed something that no
 * other file can take the place of, and stdin and stdout ways to read and write
 * that also wait for descriptors which do not block.
 */
void begin(char **argv);
/* Before anything is taken from a buffer: what is taken must be printed. */
void must_print(void);
/* Until this time is over; false if it is to end, or nobody reads its output. */
bool stay(double seconds);
void flush(void);
void finish(int status) __attribute__((noreturn));
/* Of a program that reads: as the signal that stopped it, or with this status. */
void end_reading(int status, bool lost) __attribute__((noreturn));
/*
 * Output goes to the end of this file instead, in whole lines. SIGHUP has follow()
 * open it again, between two records, as the file may have got another name. While
 * the file cannot be written, nothing is read, until a signal ends the program.
 */
void output_option(const char *path);

/* arguments.c: what is wrong with them ends the program */

void standard_option(int option, const char *name, const char *help);
void no_more_than(int operands, int argc, char **argv);
/* False if it is anything but digits. */
bool parse_number(const char *text, int base, __u64 *number);
__u64 number_argument(const char *option, const char *text, __u64 min,
		      __u64 max);
__u64 bytes_argument(const char *option, const char *text, __u64 min);
/* Which of these words it is, the last of which is NULL; or -1 */
int find_word(const char *word, const char *const *words);
int word_argument(const char *option, const char *text,
		  const char *const *words);
double seconds_argument(const char *option, const char *text);
/* of --wait, in milliseconds; -1, which is for ever, if text is NULL */
int timeout_argument(const char *text);

/* follow.c: how a buffer is to be read */

struct follow {
	const char *buffer;	/* NULL: that of the module */
	const char *module;	/* whose records the program knows; or NULL */
	unsigned int flags;	/* of bufflink_new() */
	int timeout_ms;		/* for it to appear; -1: for ever */
	bool wait;		/* for more */
	bool is_silent;		/* prints nothing to standard output */
	__u64 limit;		/* bytes to read */

	/*
	 * Prints a piece; says how many bytes of it are done with. If that is 0,
	 * it has to be longer.
	 */
	size_t (*print)(const char *data, size_t size);
	/* Prints that records are missing here. */
	void (*print_loss)(const struct bufflink_loss *loss);
	/* Nothing is left to read up to this position; may be NULL. */
	void (*caught_up)(__u64 position);
	/*
	 * A descriptor that the program watches may be ready, also while it waits.
	 * Says whether it was, and then it no longer is; may be NULL.
	 */
	bool (*woken)(void);
	/* Its client was loaded again, and that was told; may be NULL. */
	void (*reopened)(void);
};

/*
 * --no-wait, --output, --reopen and --wait, by their letters f, o, r and W. All
 * else ends it.
 */
void follow_option(struct follow *follow, int option, const char *text,
		   const char *name, const char *help);
/* An operand names the buffer to read in place of the module's. */
void follow_operand(struct follow *follow, int argc, char **argv);
struct bufflink_reader *open_reader(const struct follow *follow);
/* They end the program if that fails. */
struct bufflink_info find_buffer(const char *buffer, int timeout_ms);
struct bufflink_stats get_stats(int fd, const char *device);
/* Ends as the buffer has something else than records of this module. */
void no_record(const char *module) __attribute__((noreturn));
/* Ends with the reason why bufflink_find() failed for the buffer of this module. */
void has_not_found(const char *module, int err) __attribute__((noreturn));
/* Returns when it ends; whether anything was lost. */
bool follow(const struct follow *follow, struct bufflink_reader *reader);

/* "lost 2 records (96 bytes) between byte 0 and byte 48" */
const char *loss_text(const struct bufflink_loss *loss);

#endif /* _PROGRAM_H */
