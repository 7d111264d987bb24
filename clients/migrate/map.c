// SPDX-License-Identifier: GPL-2.0-only
/* Which chunks of SRC may differ from DST */
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <limits.h>

#include "copy.h"

#define WORD_BITS	(sizeof(long) * CHAR_BIT)

__u64 granularity = 1 << 16;

__u64 sum_unit(void)
{
	return granularity < BLOCK ? granularity : BLOCK;
}

static unsigned long bit(__u64 chunk)
{
	return 1ul << chunk % WORD_BITS;
}

static bool is_dirty(const struct map *map, __u64 chunk)
{
	return map->words[chunk / WORD_BITS] & bit(chunk);
}

void make_map(struct map *map, __u64 size, bool sums)
{
	map->count = (size + granularity - 1) / granularity;
	map->words = calloc(map->count / WORD_BITS + 1, sizeof(*map->words));
	if (sums)
		map->sums = calloc(size / sum_unit() + 1, sizeof(*map->sums));
	if (!map->words || (sums && !map->sums))
		err(EXIT_FAILURE, "cannot remember %llu chunks", map->count);
	mark_all(map);
}

void mark(struct map *map, __u64 first, __u64 end)
{
	for (; first < end && map->left < map->count; first++) {
		map->left += !is_dirty(map, first);
		map->words[first / WORD_BITS] |= bit(first);
	}
}

void mark_all(struct map *map)
{
	mark(map, 0, map->count);
}

__u64 take_dirty(struct map *map, __u64 *first)
{
	const __u64 most = granularity < BLOCK ? BLOCK / granularity : 1;
	__u64 count = 0;

	while (*first < map->count && !is_dirty(map, *first)) {
		if (*first % WORD_BITS == 0 && !map->words[*first / WORD_BITS])
			*first += WORD_BITS;
		else
			++*first;
	}
	while (count < most && *first + count < map->count &&
	       is_dirty(map, *first + count)) {
		map->words[(*first + count) / WORD_BITS] &= ~bit(*first + count);
		count++;
	}
	map->left -= count;
	return count;
}

__u64 bytes_left(const struct copy *copy)
{
	const __u64 bytes = copy->map.left * granularity;

	return bytes < copy->src.size ? bytes : copy->src.size;
}

__u64 all_left(void)
{
	const struct copy *copy;
	__u64 bytes = 0;

	for_each_copy(copy)
		bytes += bytes_left(copy);
	return bytes;
}
