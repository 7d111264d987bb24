/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * libbufflink - find buffers of bufflink, and read them: see libbufflink(3)
 *
 * A function that fails returns a negative errno; bufflink_error() tells more.
 */
#ifndef _LIBBUFFLINK_H
#define _LIBBUFFLINK_H

#include <stddef.h>

#include "bufflink.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The values of a buffer in sysfs; bufflink_value_name() has the names. */
enum bufflink_value {
	BUFFLINK_SIZE, BUFFLINK_USED, BUFFLINK_HIGHWATER, BUFFLINK_WATERMARK,
	BUFFLINK_RECORDS, BUFFLINK_BYTES, BUFFLINK_LOST_RECORDS,
	BUFFLINK_LOST_BYTES, BUFFLINK_OVERFLOW, BUFFLINK_WAKEUPS,
	BUFFLINK_VALUES
};

struct bufflink_info {
	int number;		/* the N of /dev/bufflinkN */
	char device[32];	/* /dev/bufflinkN */
	char owner[64];		/* the kernel module that made it */
	char name[64];		/* empty if it has none */
	__u64 identity;		/* of no other buffer that has the number later */
	__u64 values[16];	/* by enum bufflink_value */
};

struct bufflink_reader;

enum bufflink_event_type {
	BUFFLINK_DATA = 1,	/* bytes were read */
	BUFFLINK_LOSS,		/* records are missing here */
	BUFFLINK_END,		/* the buffer is gone, and all of it was read */
	BUFFLINK_REOPENED,	/* it is there again, and its stream begins */
};

/**
 * struct bufflink_event - what comes next in the stream
 * @type: one of enum bufflink_event_type
 * @position: where that is (bytes since the buffer was made)
 * @data: of BUFFLINK_DATA, until the next call with the same reader
 * @size: of @data (bytes)
 * @loss: of BUFFLINK_LOSS
 */
struct bufflink_event {
	int type;
	__u64 position;
	const char *data;
	size_t size;
	struct bufflink_loss loss;
};

/* flags of a reader */
#define BUFFLINK_EXCLUSIVE	0x1	/* the only reader */
#define BUFFLINK_REOPEN		0x2	/* goes on when the buffer comes again */

const char *bufflink_error(void);

const char *bufflink_value_name(enum bufflink_value value);
int bufflink_list(struct bufflink_info **list);
int bufflink_find(const char *buffer, struct bufflink_info *info,
		  int timeout_ms);
int bufflink_open_device(const char *buffer, int flags, char *path, size_t size,
			 int timeout_ms);

struct bufflink_reader *bufflink_new(const char *buffer, unsigned int flags);
int bufflink_watch(struct bufflink_reader *reader, int fd, short events);
void bufflink_unwatch(struct bufflink_reader *reader, int fd);
int bufflink_open(struct bufflink_reader *reader, int timeout_ms);
int bufflink_next(struct bufflink_reader *reader, struct bufflink_event *event,
		  size_t most, int timeout_ms);
int bufflink_pending_loss(struct bufflink_reader *reader,
			  struct bufflink_loss *loss);
int bufflink_fd(const struct bufflink_reader *reader);
const char *bufflink_device(const struct bufflink_reader *reader);
void bufflink_free(struct bufflink_reader *reader);

#ifdef __cplusplus
}
#endif

#endif /* _LIBBUFFLINK_H */
