/* SPDX-License-Identifier: GPL-2.0-only */
/* A device or a file that is to be a copy */
#ifndef _DESTINATION_H
#define _DESTINATION_H

#include "copy.h"

void open_destination(struct destination *dst, const char *path);
/* Refuses a file that others write to. */
void claim_destination(const struct destination *dst);
void check_room(const struct destination *dst, __u64 size);
/* Until then, nothing has been written to it. */
void make_room(struct destination *dst, __u64 size);
/* Refuses one that others may have changed since then. */
void check_kept(const struct destination *dst, __u64 size);

/* These also take a stream. */
void put_data(struct destination *dst, const void *data, size_t size,
	      __u64 offset);
/* May wait for more that follows, until sync_destination(). */
void put_zeroes(struct destination *dst, __u64 offset, __u64 size);
void sync_destination(struct destination *dst);

bool is_zero(const char *data, size_t size);
/* Aligned for O_DIRECT */
char *new_block(void);
/* How many pieces from the first on are not what these sums say, as read back */
__u64 count_differences(struct destination *dst, const __u64 *sums,
			__u64 first, __u64 count, __u64 size);
__u64 sum_of(const void *data, size_t size);

#endif /* _DESTINATION_H */
