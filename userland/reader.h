/* SPDX-License-Identifier: GPL-2.0-only */
/* What programs that print the stream of one of clients/ have in common. */
#ifndef _READER_H
#define _READER_H

#include <stdatomic.h>
#include <stdbool.h>

extern atomic_int stopped;	/* by this signal */

/* SIGINT and SIGTERM end it when all that was read is printed. */
void catch_signals(void);
/* For bytes, a loss, a signal; false if it only looked, or got a signal. */
bool wait_for_data(int fd, bool wait);
/* In /dev, of the first buffer that this module made; NULL if there is none. */
const char *device_of(const char *module);
/* For reading without waiting, as the only reader; ends the program if not. */
int open_alone(const char *device);
void flush(void);
void finish(int status);

#endif /* _READER_H */
