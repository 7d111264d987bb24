// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stream: a header, then frames, of which those of data are followed by it.
 * All numbers are little-endian. Without its frame FRAME_END, which has the size
 * as offset and the number of frames before it as length, it is nothing. Each
 * frame has a checksum that depends on the stream and on its place in it.
 *
 * An answer is a line of text with the number of the stream. Other lines come from
 * what is between here and the far end, and mean nothing.
 */
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <endian.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <unistd.h>
#include <xxhash.h>

#include "child.h"
#include "destination.h"
#include "progress.h"
#include "stream.h"
#include "watch.h"

#define MAGIC		"bufflink-migrate"
#define VERSION_NUMBER	3

/* flags of the header */
#define WANTS_ANSWERS	1
#define WANTS_VERIFY	2

#define FRAME_DATA	0x61746164	/* "data" */
#define FRAME_ZERO	0x6f72657a	/* "zero" */
#define FRAME_SYNC	0x636e7973	/* "sync" */
#define FRAME_END	0x21646e65	/* "end!" */
#define FRAME_SUMS	0x736d7573	/* "sums" */
#define FRAME_DONE	0x656e6f64	/* "done" */

struct header {
	char magic[16];
	__u64 version;
	__u64 size;
	__u64 unit;		/* bytes of each checksum of FRAME_SUMS */
	__u64 flags;
	__u64 nonce;
	__u64 boot;		/* of the machine of SRC, or 0 */
	__u64 device;		/* there: SRC */
	__u64 sum;		/* of all before it */
};

struct frame {
	__u64 kind;
	__u64 offset;
	__u64 length;
	__u64 data_sum;		/* of what follows */
	__u64 sum;		/* of all before it */
};

static __u64 sum_of_frame(const struct destination *dst,
			  const struct frame *frame)
{
	return htole64(XXH3_64bits_withSeed(frame,
					    offsetof(struct frame, sum),
					    dst->nonce + dst->frames));
}

static struct frame make_frame(const struct destination *dst, __u64 kind,
			       __u64 offset, __u64 length, __u64 data_sum)
{
	struct frame frame = {
		.kind = htole64(kind),
		.offset = htole64(offset),
		.length = htole64(length),
		.data_sum = htole64(data_sum),
	};

	frame.sum = sum_of_frame(dst, &frame);
	return frame;
}

/* the sender */

static void cannot_send(const struct destination *dst)
{
	if (dst->command && errno == EPIPE)
		errx(EXIT_FAR, "the far end has failed: %s is not a copy",
		     dst->path);
	err(dst->command ? EXIT_FAR : EXIT_FAILURE,
	    "cannot write to %s, which is not a copy", dst->path);
}

static void send_all(const struct destination *dst, const void *data,
		     size_t size)
{
	if (write_most(dst->fd, data, size) != size)
		cannot_send(dst);
}

static void send_frame(struct destination *dst, __u64 kind, __u64 offset,
		       __u64 length, const void *data, size_t size)
{
	const struct frame frame = make_frame(dst, kind, offset, length,
					      sum_of(data, size));

	send_all(dst, &frame, sizeof(frame));
	send_all(dst, data, size);
	dst->frames++;
}

void send_data(struct destination *dst, const void *data, size_t size,
	       __u64 offset)
{
	send_frame(dst, FRAME_DATA, offset, size, data, size);
}

void send_zeroes(struct destination *dst, __u64 offset, __u64 size)
{
	send_frame(dst, FRAME_ZERO, offset, size, "", 0);
}

static void run_far_end(struct destination *dst)
{
	int stream[2], answers[2];

	if (pipe2(stream, O_CLOEXEC) || pipe2(answers, O_CLOEXEC))
		err(EXIT_FAILURE, "cannot make a pipe");
	dst->pid = fork();
	if (dst->pid < 0)
		err(EXIT_FAILURE, "cannot fork");
	if (!dst->pid) {
		restore_signals();
		if (dup2(stream[0], STDIN_FILENO) < 0 ||
		    dup2(answers[1], STDOUT_FILENO) < 0)
			_exit(127);
		exec_shell(dst->command);
	}
	close(stream[0]);
	close(answers[1]);
	dst->fd = stream[1];
	dst->answers = answers[0];
	fcntl(dst->fd, F_SETPIPE_SZ, BLOCK);
}

void open_stream(struct destination *dst, const char *command)
{
	dst->path = "the stream";
	dst->stream = true;
	dst->fd = STDOUT_FILENO;
	dst->answers = -1;
	dst->command = command;
	if (command) {
		if (asprintf((char **)&dst->path, "the far end (%s)",
			     command) < 0)
			errx(EXIT_FAILURE, "no memory for a command");
		run_far_end(dst);
	} else if (isatty(dst->fd)) {
		errx(EXIT_USAGE, "a stream is nothing for a terminal");
	} else {
		dst->stack = stack_of_file(dst->fd);
	}
}

static void no_answer(const struct destination *dst)
{
	errx(EXIT_FAR, "the far end has ended, or fails to answer: %s is not a copy",
	     dst->path);
}

/*
 * Nothing to write: a filter before a far end that has ended learns of that when
 * it writes, and the answers do not end before the filter does. If this fails,
 * the far end may have ended well, and the answers tell.
 */
static void send_nothing(struct destination *dst)
{
	const struct frame frame = make_frame(dst, FRAME_ZERO, 0, 0,
					      sum_of("", 0));
	struct pollfd pollfd = { .fd = dst->fd, .events = POLLOUT };

	if (poll(&pollfd, 1, 0) > 0 &&
	    write(dst->fd, &frame, sizeof(frame)) == sizeof(frame))
		dst->frames++;
}

#define SEND_AFTER	10	/* times 100 ms */
#define TELL_AFTER	50

/* A line; the log is read meanwhile. */
static void read_answer(struct destination *dst, char *line, size_t size)
{
	struct pollfd pollfd = { .fd = dst->answers, .events = POLLIN };
	size_t have = 0;
	int waits = 0;
	ssize_t got;
	char byte;

	for (;;) {
		if (poll(&pollfd, 1, 100) <= 0) {
			follow_logs();
			if (++waits % SEND_AFTER == 0)
				send_nothing(dst);
			if (waits == TELL_AFTER)
				warnx("waiting for %s: does it run bufflink-migrate --receive?",
				      dst->path);
			continue;
		}
		got = read(dst->answers, &byte, 1);
		if (!got || (got < 0 && errno != EINTR))
			no_answer(dst);
		if (got > 0 && byte == '\n')
			break;
		if (got > 0 && have < size - 1)
			line[have++] = byte;
	}
	line[have] = '\0';
}

/* The number in an answer of this kind; any other answer is an error. */
static __u64 await_answer(struct destination *dst, const char *kind)
{
	unsigned long long nonce, number;
	char line[256], found[32];

	do
		read_answer(dst, line, sizeof(line));
	while (strncmp(line, MAGIC ": ", strlen(MAGIC ": ")));
	if (sscanf(line, MAGIC ": %llx %31s %llu", &nonce, found,
		   &number) != 3 || nonce != dst->nonce || strcmp(found, kind))
		no_answer(dst);
	return number;
}

/* The same as long as this machine runs, and of no other; 0 if it has none. */
static __u64 boot_number(void)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	char text[36];
	const bool good = read(fd, text, sizeof(text)) == sizeof(text);

	close(fd);
	return good ? sum_of(text, sizeof(text)) : 0;
}

void begin_stream(struct destination *dst, const struct source *src, bool verify)
{
	struct header header = {
		.magic = MAGIC,
		.version = htole64(VERSION_NUMBER),
		.size = htole64(src->size),
		.unit = htole64(sum_unit()),
		.flags = htole64((dst->command ? WANTS_ANSWERS : 0) |
				 (verify ? WANTS_VERIFY : 0)),
		.boot = htole64(boot_number()),
		.device = htole64(src->device),
	};

	dst->touched = true;
	if (getrandom(&dst->nonce, sizeof(dst->nonce), 0) < 0)
		err(EXIT_FAILURE, "cannot number the stream");
	header.nonce = htole64(dst->nonce);
	header.sum = htole64(sum_of(&header, offsetof(struct header, sum)));
	send_all(dst, &header, sizeof(header));
	if (dst->command)
		await_answer(dst, "ready");
}

/* Of a pipe or a socket there is nothing to sync; of a file there is. */
static void sync_stream(const struct destination *dst)
{
	if (fsync(dst->fd) && errno != EINVAL && errno != EROFS)
		cannot_send(dst);
}

void ask_to_sync(struct destination *dst)
{
	if (!dst->command) {
		sync_stream(dst);
		return;
	}
	send_frame(dst, FRAME_SYNC, 0, 0, "", 0);
	await_answer(dst, "synced");
}

void end_stream(struct destination *dst, __u64 size)
{
	const __u64 frames = dst->frames;

	send_frame(dst, FRAME_END, size, frames, "", 0);
	if (!dst->command)
		sync_stream(dst);
	else if (await_answer(dst, "copy") != frames)
		no_answer(dst);
}

bool verify_stream(struct destination *dst, __u64 *sums, __u64 count,
		   __u64 size)
{
	const __u64 most = BLOCK / sizeof(*sums);
	__u64 first, part, i, offset, end;

	for (i = 0; i < count; i++)
		sums[i] = htole64(sums[i]);
	for (first = 0; first < count; first += part) {
		part = count - first < most ? count - first : most;
		offset = first * sum_unit();
		end = offset + part * sum_unit();
		end = end < size ? end : size;
		send_frame(dst, FRAME_SUMS, offset, end - offset, sums + first,
			   part * sizeof(*sums));
	}
	send_frame(dst, FRAME_DONE, 0, 0, "", 0);
	return !dst->command || !await_answer(dst, "differs");
}

/* Until the command ends: a full pipe would keep it from that. */
static void discard_answers(const struct destination *dst)
{
	struct pollfd pollfds[] = {
		{ .fd = pidfd_open(dst->pid, 0), .events = POLLIN },
		{ .fd = dst->answers, .events = POLLIN },
	};
	char discarded[4096];

	while (pollfds[0].fd >= 0 && !pollfds[0].revents) {
		if (poll(pollfds, 2, -1) > 0 && pollfds[1].revents &&
		    read(dst->answers, discarded, sizeof(discarded)) <= 0)
			pollfds[1].fd = -1;
	}
	close(pollfds[0].fd);
}

bool close_stream(struct destination *dst)
{
	if (!dst->command)
		return true;
	close(dst->fd);
	discard_answers(dst);
	return !wait_for_child(dst->pid);
}

/* the far end */

static bool answers;

static void answer(const struct destination *dst, const char *kind,
		   __u64 number)
{
	char line[128];
	const size_t size = snprintf(line, sizeof(line),
				     MAGIC ": %016llx %s %llu\n", dst->nonce,
				     kind, number);

	if (answers && write_most(STDOUT_FILENO, line, size) != size)
		err(EXIT_FAILURE, "cannot answer that %s is %s", dst->path,
		    kind);
}

static void receive_all(const struct destination *dst, void *data, size_t size)
{
	char *next = data;
	ssize_t got;

	for (; size; next += got, size -= got) {
		got = read_some(STDIN_FILENO, next, size);
		if (got < 0)
			err(EXIT_FAILURE, "cannot read the stream, so %s is not a copy",
			    dst->path);
		if (!got)
			errx(EXIT_FAILURE, "the stream ends before its end mark: %s %s",
			     dst->path, dst->touched ? "is not a copy" :
						       "was not touched");
	}
}

static void is_broken(const struct destination *dst)
{
	errx(EXIT_FAILURE, "the stream is broken in frame %llu: %s is not a copy",
	     dst->frames + 1, dst->path);
}

static size_t size_of_data(const struct frame *frame)
{
	switch (frame->kind) {
	case FRAME_DATA:
		return frame->length;
	case FRAME_SUMS:
		return (frame->length + sum_unit() - 1) / sum_unit() *
		       sizeof(__u64);
	default:
		return 0;
	}
}

/* Nothing of it is used before its checksums were found to be right. */
static struct frame receive_frame(struct destination *dst, char *data,
				  __u64 size)
{
	struct frame frame;

	receive_all(dst, &frame, sizeof(frame));
	if (frame.sum != sum_of_frame(dst, &frame))
		is_broken(dst);
	frame.kind = le64toh(frame.kind);
	frame.offset = le64toh(frame.offset);
	frame.length = le64toh(frame.length);
	if (frame.offset > size ||
	    (frame.kind != FRAME_END && frame.length > size - frame.offset) ||
	    size_of_data(&frame) > BLOCK)
		is_broken(dst);
	receive_all(dst, data, size_of_data(&frame));
	if (le64toh(frame.data_sum) != sum_of(data, size_of_data(&frame)))
		is_broken(dst);
	return frame;
}

static void receive_copy(struct destination *dst, char *data, __u64 size)
{
	struct frame frame;

	for (;; dst->frames++) {
		frame = receive_frame(dst, data, size);
		switch (frame.kind) {
		case FRAME_DATA:
			put_data(dst, data, frame.length, frame.offset);
			break;
		case FRAME_ZERO:
			put_zeroes(dst, frame.offset, frame.length);
			break;
		case FRAME_SYNC:
			sync_destination(dst);
			answer(dst, "synced", dst->frames);
			break;
		case FRAME_END:
			if (frame.offset != size ||
			    frame.length != dst->frames)
				is_broken(dst);
			return;
		default:
			is_broken(dst);
		}
	}
}

static __u64 receive_sums(struct destination *dst, char *data, __u64 size)
{
	__u64 *sums = (__u64 *)data, differences = 0, count, i;
	struct frame frame;

	for (;; dst->frames++) {
		frame = receive_frame(dst, data, size);
		if (frame.kind == FRAME_ZERO && !frame.length)
			continue;
		if (frame.kind == FRAME_DONE)
			return differences;
		if (frame.kind != FRAME_SUMS || frame.offset % sum_unit())
			is_broken(dst);
		count = size_of_data(&frame) / sizeof(*sums);
		for (i = 0; i < count; i++)
			sums[i] = le64toh(sums[i]);
		differences += count_differences(dst, sums,
						 frame.offset / sum_unit(),
						 count, size);
	}
}

static struct header receive_header(const struct destination *dst)
{
	struct header header;

	receive_all(dst, &header, sizeof(header));
	if (memcmp(header.magic, MAGIC, sizeof(header.magic)) ||
	    le64toh(header.version) != VERSION_NUMBER)
		errx(EXIT_USAGE, "standard input is no stream of this version of bufflink-migrate");
	if (le64toh(header.sum) !=
	    sum_of(&header, offsetof(struct header, sum)) || !header.size ||
	    !header.unit ||
	    le64toh(header.unit) > BLOCK)
		errx(EXIT_USAGE, "the stream is broken in its header: %s was not touched",
		     dst->path);
	return header;
}

/*
 * A stream that nobody answers may have been kept, to be written back later to
 * where it came from.
 */
static void check_apart(const struct destination *dst,
			const struct header *header)
{
	const dev_t device = le64toh(header->device);
	const __u64 boot = le64toh(header->boot);
	struct stack stack;

	if (!answers || !boot || boot != boot_number())
		return;
	stack = stack_of_device(device);
	if (stands_on(&dst->stack, whole_disk(device)) ||
	    overlap(&dst->stack, &stack))
		errx(EXIT_USAGE,
		     "%s and the SRC of the stream overlap: they are made of the same device or file",
		     dst->path);
}

int receive(const char *path)
{
	struct destination *dst = &copies[0].dst;
	__u64 size, flags, differences = 0;
	struct header header;
	char *data;

	if (!strcmp(path, "-"))
		errx(EXIT_USAGE, "--receive writes to a device or a file");
	if (isatty(STDIN_FILENO))
		errx(EXIT_USAGE, "a terminal sends no stream");
	dst->path = path;
	copy_count = 1;
	clean_up_at_exit();
	watch();
	header = receive_header(dst);
	size = le64toh(header.size);
	flags = le64toh(header.flags);
	granularity = le64toh(header.unit);
	dst->nonce = le64toh(header.nonce);
	answers = flags & WANTS_ANSWERS;
	if (answers)
		must_print();
	data = new_block();
	open_destination(dst, path);
	claim_destination(dst);
	check_apart(dst, &header);
	check_room(dst, size);
	sync();		/* or dirty pages of other nodes would come over it */
	make_room(dst, size);
	answer(dst, "ready", size);

	receive_copy(dst, data, size);
	sync_destination(dst);
	check_kept(dst, size);
	settle();
	answer(dst, "copy", dst->frames++);
	report_received(dst, size);
	if (flags & WANTS_VERIFY) {
		differences = receive_sums(dst, data, size);
		answer(dst, "differs", differences);
		report_verified(dst, differences);
	}
	return differences ? EXIT_DIFFERS : EXIT_SUCCESS;
}
