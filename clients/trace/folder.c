// SPDX-License-Identifier: GPL-2.0-only
/*
 * A trace in a folder: a stream for each CPU, as the packets that Trace Compass
 * takes the CPU from have that of one CPU only.
 *
 * A packet is a page at a page's place of its file. The kernel writes a page as a
 * whole, also if it kills us meanwhile: what is in the file are whole packets. One
 * that has room left is written early, and again in the same place when it is
 * full. The metadata describe an event before a packet with one is written.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace.h"

#define MAGIC		0xc1fc1fc1
#define PACKET		4096	/* bytes */
#define PACKETS		16	/* that are written at once */
#define CPUS		65536	/* that a record can name */

struct packet {
	uint32_t magic;
	unsigned char uuid[UUID_SIZE];
	uint32_t stream_id;
	uint64_t stream_instance_id;
	uint64_t timestamp_begin;
	uint64_t timestamp_end;
	uint64_t content_size;		/* in bits, as is the next */
	uint64_t packet_size;
	uint64_t packet_seq_num;
	uint64_t events_discarded;	/* in the stream, up to its end */
	uint32_t cpu_id;
} __attribute__((packed));

struct stream {
	char name[32];
	int fd;
	unsigned int cpu;
	unsigned int instance;
	off_t offset;		/* of the first packet that is in memory */
	unsigned int full;	/* packets in memory that are complete */
	size_t used;		/* of the packet behind them; 0 if it is not begun */
	bool changed;		/* since it was written */
	uint64_t begin;		/* of that packet */
	uint64_t last;		/* time of the last event */
	uint64_t sequence;
	uint64_t discarded;
	char packets[PACKETS][PACKET];
};

struct totals totals;

static char folder[PATH_MAX];
static int folder_fd = -1;
static struct metadata metadata;
static bool metadata_changed;
static struct stream *streams[CPUS];	/* NULL until its CPU has an event */
static struct stream *state_stream;

uint64_t time_of(const struct trace_head *head)
{
	return (uint64_t)head->time_high << 32 | head->time_low;
}

/* Takes the place of the file before as a whole. */
static void save_metadata(void)
{
	const int fd = openat(folder_fd, ".metadata",
			      O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (file)
		write_metadata(file, &metadata);
	if (!file || ferror(file) | fclose(file) ||
	    renameat(folder_fd, ".metadata", folder_fd, "metadata"))
		err(EXIT_FAILURE, "cannot write %s/metadata", folder);
	metadata_changed = false;
}

void open_trace(const char *path)
{
	snprintf(folder, sizeof(folder), "%s", path);
	if (mkdir(path, 0700))
		err(EXIT_FAILURE, "cannot make the folder %s for the trace", path);
	folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder_fd < 0)
		err(EXIT_FAILURE, "cannot open the folder %s", path);
	begin_metadata(&metadata);
	save_metadata();
}

/* Whole packets are kept, if there was room for some. */
static void fail_to_write(struct stream *stream, off_t end)
{
	const int saved = errno;

	if (ftruncate(stream->fd, end - end % PACKET))
		warn("%s/%s ends with half a packet", folder, stream->name);
	errno = saved;
	err(EXIT_FAILURE, "cannot write all of the trace to %s/%s", folder,
	    stream->name);
}

static void write_packets(struct stream *stream, unsigned int count)
{
	const size_t size = count * PACKET;
	size_t done;

	if (metadata_changed)
		save_metadata();
	done = write_at(stream->fd, stream->packets[0], size, stream->offset);
	if (done < size)
		fail_to_write(stream, stream->offset + done);
}

static void drop_full(struct stream *stream)
{
	stream->offset += stream->full * PACKET;
	totals.bytes += stream->full * PACKET;
	if (stream->used)
		memmove(stream->packets[0], stream->packets[stream->full], PACKET);
	stream->full = 0;
}

/* As the packet is now; it may grow. */
static void head_packet(struct stream *stream)
{
	const struct packet head = {
		.magic = MAGIC, .stream_instance_id = stream->instance,
		.timestamp_begin = stream->begin, .timestamp_end = stream->last,
		.content_size = 8 * stream->used, .packet_size = 8 * PACKET,
		.packet_seq_num = stream->sequence,
		.events_discarded = stream->discarded, .cpu_id = stream->cpu,
	};
	char *packet = stream->packets[stream->full];

	memcpy(packet, &head, sizeof(head));
	memcpy(packet + offsetof(struct packet, uuid), metadata.uuid, UUID_SIZE);
	memset(packet + stream->used, 0, PACKET - stream->used);
}

static void begin_packet(struct stream *stream, uint64_t time)
{
	stream->begin = time;
	stream->last = time;
	stream->used = sizeof(struct packet);
	stream->changed = true;
}

static void end_packet(struct stream *stream)
{
	head_packet(stream);
	stream->sequence++;
	stream->used = 0;
	if (++stream->full < PACKETS)
		return;
	write_packets(stream, stream->full);
	drop_full(stream);
	stream->changed = false;
}

static void flush_stream(struct stream *stream)
{
	if (!stream || !stream->changed)
		return;
	if (stream->used)
		head_packet(stream);
	write_packets(stream, stream->full + !!stream->used);
	drop_full(stream);
	stream->changed = false;
}

static struct stream *new_stream(unsigned int cpu, unsigned int instance,
				 const char *name)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		err(EXIT_FAILURE, "no memory for a stream");
	snprintf(stream->name, sizeof(stream->name), "%s%u", name, cpu);
	stream->cpu = cpu;
	stream->instance = instance;
	stream->fd = openat(folder_fd, stream->name,
			    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (stream->fd < 0)
		err(EXIT_FAILURE, "cannot make %s/%s", folder, stream->name);
	return stream;
}

static struct stream *stream_of(unsigned int cpu)
{
	if (!streams[cpu])
		streams[cpu] = new_stream(cpu, cpu, "cpu");
	return streams[cpu];
}

/* An event has half of its time: its reader knows the rest. */
static void make_room(struct stream *stream, size_t size, uint64_t time)
{
	if (stream->used && (stream->used + size > PACKET ||
			     time - stream->last > UINT32_MAX))
		end_packet(stream);
	if (!stream->used)
		begin_packet(stream, time);
}

static void add(struct stream *stream, const struct trace_head *head)
{
	const uint64_t time = time_of(head);
	const size_t size = head->length - TRACE_SKIP;

	make_room(stream, size, time);
	memcpy(stream->packets[stream->full] + stream->used,
	       (const char *)head + TRACE_SKIP, size);
	stream->used += size;
	stream->last = time;
	stream->changed = true;
	if (!metadata.has[head->id]) {
		metadata.has[head->id] = true;
		metadata_changed = true;
	}
}

void add_event(const struct trace_head *head)
{
	add(stream_of(head->cpu), head);
	totals.events++;
}

void add_state(struct trace_head *head, size_t size, uint16_t id)
{
	const uint64_t time = clock_now(CLOCK_MONOTONIC);

	if (!state_stream)
		state_stream = new_stream(0, CPUS, "state");
	head->length = size;
	head->id = id;
	head->time_high = time >> 32;
	head->time_low = time;
	add(state_stream, head);
}

/*
 * Readers see the difference to the packet before, so there is always one, and take
 * the loss for one between the ends of both.
 */
void add_discarded(unsigned int cpu, uint64_t records, uint64_t time)
{
	struct stream *stream = stream_of(cpu);

	make_room(stream, 0, time);
	if (!stream->sequence) {
		end_packet(stream);
		begin_packet(stream, time);
	}
	stream->last = time;
	stream->discarded += records;
	stream->changed = true;
	totals.discarded += records;
}

void flush_trace(void)
{
	int cpu;

	for (cpu = 0; cpu < CPUS; cpu++)
		flush_stream(streams[cpu]);
	flush_stream(state_stream);
}

static void close_stream(struct stream **stream)
{
	if (!*stream)
		return;
	if ((*stream)->used)
		end_packet(*stream);
	flush_stream(*stream);
	if (close((*stream)->fd))
		err(EXIT_FAILURE, "cannot write to %s/%s", folder,
		    (*stream)->name);
	free(*stream);
	*stream = NULL;
}

void close_trace(void)
{
	int cpu;

	for (cpu = 0; cpu < CPUS; cpu++)
		close_stream(&streams[cpu]);
	close_stream(&state_stream);
	close(folder_fd);
}
