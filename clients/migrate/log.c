// SPDX-License-Identifier: GPL-2.0-only
/* The changes that bufflink_blklog tells of */
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "copy.h"
#include "progress.h"
#include "sysfs.h"

#define MODULE		"bufflink_blklog"
#define PARAMETERS	"/sys/module/" MODULE "/parameters/"

bool discards_are_harmless;

static struct log logs[MAX_COPIES];
static int log_count;

#define for_each_log(log)	for (log = logs; log < logs + log_count; log++)

/* Its place in the lists of all that is logged, or -1 */
static int find_place(const struct source *src)
{
	char diskseqs[PARAMETER_MAX + 1], *rest = diskseqs, *word;
	int place;

	read_parameter(MODULE, "diskseqs", diskseqs);
	for (place = 0; (word = strsep(&rest, ",\n")); place++) {
		if (*word && strtoull(word, NULL, 10) == src->diskseq)
			return place;
	}
	return -1;
}

/* The number of its buffer; false if there is none. */
static bool find_log(const struct source *src, char number[16])
{
	char buffers[PARAMETER_MAX + 1], *rest = buffers, *word = NULL;
	int place = find_place(src);

	read_parameter(MODULE, "buffers", buffers);
	for (; place >= 0; place--)
		word = strsep(&rest, ",\n");
	snprintf(number, 16, "%s", word ?: "");
	return *number;
}

static void is_not_logged(const struct source *src)
{
	if (access(PARAMETERS "diskseqs", F_OK))
		errx(EXIT_USAGE,
		     "bufflink_blklog is not loaded: load it with devices=%s",
		     src->path);
	if (access(PARAMETERS "diskseqs", R_OK))
		err(EXIT_USAGE,
		    "cannot read in " PARAMETERS "diskseqs whether %s is logged",
		    src->path);
	errx(EXIT_USAGE, "bufflink_blklog does not log %s: write its name to "
	     PARAMETERS "add", src->path);
}

static struct bufflink_stats log_stats(const struct log *log)
{
	return get_stats(bufflink_fd(log->reader),
			 bufflink_device(log->reader));
}

static void open_new_log(struct log *log, const struct source *src)
{
	struct bufflink_stats stats;
	char number[16], again[16];
	int err;

	if (!find_log(src, number))
		is_not_logged(src);
	log->reader = bufflink_new(number, BUFFLINK_EXCLUSIVE);
	if (!log->reader)
		errx(EXIT_FAILURE, "%s", bufflink_error());
	err = bufflink_open(log->reader, 0);
	if (err)
		errx(err == -EBUSY ? EXIT_USAGE : EXIT_FAILURE,
		     "the log of %s: %s", src->path, bufflink_error());
	/* between reading the two lists, disks may have come and gone */
	if (!find_log(src, again) || strcmp(number, again))
		errx(EXIT_FAILURE, "what is logged has just changed: try again");
	stats = log_stats(log);
	log->diskseq = src->diskseq;
	log->have = stats.bytes_read % sizeof(log->record);
	log->is_cut = log->have;
	log->lost = stats.lost_records;
}

void open_log(struct copy *copy)
{
	for_each_log(copy->log) {
		if (copy->log->diskseq == copy->src.diskseq)
			return;
	}
	open_new_log(copy->log, &copy->src);
	log_count++;
}

static size_t find_begun(const struct log *log, __u64 id)
{
	size_t i = 0;

	while (i < log->begun_count && log->begun[i].id != id)
		i++;
	return i;
}

/* Chunks that these sectors of the whole disk touch; false if none is SRC's. */
static bool mark_sectors(struct copy *copy, __u64 sector, __u64 sectors)
{
	const struct source *src = &copy->src;
	const __u64 src_end = src->start + src->size;
	__u64 first = sector * SECTOR;
	__u64 end = first + sectors * SECTOR;

	if (first < src->start)
		first = src->start;
	if (end > src_end)
		end = src_end;
	if (first >= end)
		return false;
	mark(&copy->map, (first - src->start) / granularity,
	     (end - 1 - src->start) / granularity + 1);
	return true;
}

/*
 * A file system may discard what it has freed at any time, also frozen: ext4, for
 * one, does so in a thread of its own, and a freeze does not wait for that. It
 * has to be copied, but is no write.
 */
static void mark_change(const struct log *log,
			const struct blklog_record *record)
{
	const bool harmless = discards_are_harmless &&
			      record->change == BLKLOG_DISCARD;
	struct copy *copy;

	for_each_copy(copy) {
		if (copy->log == log &&
		    mark_sectors(copy, record->sector, record->sectors) &&
		    !harmless)
			copy->changes++;
	}
}

static void mark_everything(const struct log *log)
{
	struct copy *copy;

	for_each_copy(copy) {
		if (copy->log == log)
			mark_all(&copy->map);
	}
}

static void remember_begun(struct log *log, const struct blklog_record *record)
{
	size_t i = find_begun(log, record->id);

	/* One that never ended here has ended: its id was free again. */
	if (i < log->begun_count)
		mark_change(log, &log->begun[i]);
	else if (log->begun_count % 64 == 0)
		log->begun = reallocarray(log->begun, log->begun_count + 64,
					  sizeof(*log->begun));
	if (!log->begun)
		err(EXIT_FAILURE, "cannot remember what has begun");
	log->begun_count += i == log->begun_count;
	log->begun[i] = *record;
}

/* One was lost, or began before us: what else it was is not known. */
static void take_unknown_end(struct log *log)
{
	struct copy *copy;

	mark_everything(log);
	for_each_copy(copy) {
		if (copy->log == log)
			copy->changes++;
	}
}

static void take_record(struct log *log, const struct blklog_record *record)
{
	size_t i;

	if (record->version != BLKLOG_VERSION)
		errx(EXIT_FAILURE, "bufflink_blklog's records have version %u, not %u",
		     record->version, BLKLOG_VERSION);
	if (record->flags & BLKLOG_BEGUN) {
		remember_begun(log, record);
		return;
	}
	mark_change(log, record);
	if (!record->id)
		return;
	i = find_begun(log, record->id);
	if (i < log->begun_count) {
		mark_change(log, &log->begun[i]);
		log->begun[i] = log->begun[--log->begun_count];
	} else {
		take_unknown_end(log);
	}
}

static void take_bytes(struct log *log, const char *data, size_t size)
{
	size_t part;

	for (; size; data += part, size -= part) {
		part = sizeof(log->record) - log->have;
		part = part < size ? part : size;
		memcpy((char *)&log->record + log->have, data, part);
		log->have += part;
		if (log->have < sizeof(log->record))
			return;
		if (!log->is_cut)
			take_record(log, &log->record);
		log->is_cut = false;
		log->have = 0;
	}
}

static void has_ended(const struct log *log)
{
	const struct copy *copy = copies;

	while (copy->log != log)
		copy++;
	errx(EXIT_FAILURE, "the log has ended, so %s is not a copy",
	     copy->dst.path);
}

static void take_records(struct log *log)
{
	struct bufflink_event event;
	int err;

	while ((err = bufflink_next(log->reader, &event, SIZE_MAX,
				    0)) != -EAGAIN) {
		if (err == -EINTR)
			continue;
		if (err)
			errx(EXIT_FAILURE, "%s", bufflink_error());
		if (event.type == BUFFLINK_END)
			has_ended(log);
		if (event.type == BUFFLINK_DATA)
			take_bytes(log, event.data, event.size);
	}
}

static void follow_log(struct log *log)
{
	struct bufflink_stats stats;
	__u64 lost;

	take_records(log);
	stats = log_stats(log);
	lost = stats.lost_records - log->lost;
	if (!lost)
		return;
	log->lost = stats.lost_records;
	log->losses++;
	mark_everything(log);
	clear_bar();
	fprintf(stderr, "%s lost %llu records: what changed is not known, so all is dirty\n",
		bufflink_device(log->reader), lost);
}

/*
 * One that is being removed has no more records, and no end yet. Its records
 * can be read when it is removed.
 */
void check_logs(void)
{
	const struct copy *copy;

	for_each_copy(copy) {
		if (find_place(&copy->src) < 0)
			has_ended(copy->log);
	}
}

void follow_logs(void)
{
	struct log *log;

	for_each_log(log)
		follow_log(log);
}

unsigned int count_losses(void)
{
	const struct log *log;
	unsigned int losses = 0;

	for_each_log(log)
		losses += log->losses;
	return losses;
}

/* With what has begun and was not seen to end: nothing writes any more. */
void begin_rest(struct copy *copy)
{
	const struct log *log = copy->log;
	size_t i;

	for (i = 0; i < log->begun_count; i++)
		mark_sectors(copy, log->begun[i].sector,
			     log->begun[i].sectors);
	copy->at_rest.changes = copy->changes;
	copy->at_rest.losses = log->losses;
}

bool stayed_at_rest(const struct copy *copy)
{
	return copy->changes == copy->at_rest.changes &&
	       copy->log->losses == copy->at_rest.losses;
}
