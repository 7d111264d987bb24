/* SPDX-License-Identifier: GPL-2.0-only */
/* A stream to the far end, and its answers */
#ifndef _STREAM_H
#define _STREAM_H

#include "copy.h"

/* To standard output, or to a command, which is started. */
void open_stream(struct destination *dst, const char *command);
/* With an answer, also waits until the far end is ready. */
void begin_stream(struct destination *dst, const struct source *src,
		  bool verify);
void send_data(struct destination *dst, const void *data, size_t size,
	       __u64 offset);
void send_zeroes(struct destination *dst, __u64 offset, __u64 size);
/* Of no use where nobody answers. */
void ask_to_sync(struct destination *dst);
/* Returns when the far end has written and synced all; at once without answers. */
void end_stream(struct destination *dst, __u64 size);
/* Whether the far end found no difference */
bool verify_stream(struct destination *dst, __u64 *sums, __u64 count,
		   __u64 size);
/* Whether the command has ended well */
bool close_stream(struct destination *dst);

int receive(const char *path);

#endif /* _STREAM_H */
