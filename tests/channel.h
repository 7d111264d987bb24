/* SPDX-License-Identifier: GPL-2.0-only */
/* A buffer, or a FIFO, that waiters wait for. */
#ifndef _CHANNEL_H
#define _CHANNEL_H

#include <stdbool.h>
#include <stddef.h>

#define PUT_MAX		4096	/* bytes at once */

struct channel {
	const char *path;
	bool fifo;
	int fd;			/* the test's own look at it */
	size_t size;
};

struct channel channel_buffer(size_t size);	/* in slot 0 */
struct channel channel_percpu(size_t size);	/* the same, for each CPU */
struct channel channel_fifo(size_t size);
/* false if there is not enough room: then the bytes are lost */
bool channel_put(const struct channel *channel, size_t bytes);
void channel_fill(const struct channel *channel);	/* loses nothing */
/* None of these waits, so none asks for a wakeup. False if there is nothing */
bool channel_take(const struct channel *channel, size_t bytes);
void channel_empty(const struct channel *channel);
size_t channel_used(const struct channel *channel);
void channel_take_report(const struct channel *channel);

#endif /* _CHANNEL_H */
