// SPDX-License-Identifier: GPL-2.0-only
/* The loop that reads a buffer, and prints its records. */
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "private.h"

#define PIECE_MAX	(64 * 1024 + 256)	/* bytes of a record of clients/ */

static bool cannot_reopen;	/* the output */
static const char *device;

/* Bytes that are not read from the buffer now are there for the next reader. */
static void nobody_reads(void)
{
	following = false;
	flush();
	raise(SIGPIPE);
	errno = EPIPE;
	err(EXIT_FAILURE, "cannot write to %s", output_name());
}

/* The end when the library could not do its work */
static void has_failed(int err)
{
	if (err != -ECANCELED)
		errx(EXIT_FAILURE, "%s", bufflink_error());
	if (!stopped && !cannot_reopen)
		nobody_reads();
}

/*
 * Between two records, so that each file has whole ones. If it fails, the byte
 * stays in the pipe and stops the reading: what was read goes to the old file.
 */
static void reopen_output(void)
{
	if (cannot_reopen || open_output_again())
		return;
	cannot_reopen = true;
	warn("cannot write to %s", output_name());
}

/* Whether what was interrupted is to be done again. */
static bool try_again(const struct follow *follow, int err)
{
	if (err == -ECANCELED && follow->woken && follow->woken())
		return true;
	return err == -EINTR ||
	       (err == -ECANCELED && hung_up && !cannot_reopen);
}

void follow_option(struct follow *follow, int option, const char *text,
		   const char *name, const char *help)
{
	switch (option) {
	case 'f':
		follow->wait = false;
		break;
	case 'o':
		output_option(text);
		break;
	case 'r':
		follow->flags |= BUFFLINK_REOPEN;
		break;
	case 'W':
		follow->timeout_ms = timeout_argument(text);
		break;
	default:
		standard_option(option, name, help);
	}
}

void follow_operand(struct follow *follow, int argc, char **argv)
{
	no_more_than(1, argc, argv);
	follow->buffer = argv[optind];
}

void has_not_found(const char *module, int err)
{
	if (err == -ENOENT)
		errx(EXIT_FAILURE, "there is no buffer of %s: load this module",
		     module);
	errx(EXIT_FAILURE, "%s", bufflink_error());
}

/* A buffer that cannot be opened may be there all the same. */
static void look_for(const char *module)
{
	struct bufflink_info info;
	const int err = bufflink_find(module, &info, 0);

	if (err)
		has_not_found(module, err);
}

struct bufflink_reader *open_reader(const struct follow *follow)
{
	struct bufflink_reader *reader;
	int err;

	if (follow->is_silent)
		watched_output = -1;
	else
		must_print();
	reader = bufflink_new(follow->buffer ?: follow->module, follow->flags);
	if (!reader)
		errx(EXIT_FAILURE, "%s", bufflink_error());
	bufflink_watch(reader, watched_output, 0);
	bufflink_watch(reader, signal_pipe[0], POLLIN);
	do {
		reopen_output();
		err = bufflink_open(reader, follow->timeout_ms);
	} while (try_again(follow, err));
	if (err == -ENOENT && !follow->buffer)
		look_for(follow->module);
	if (err) {
		has_failed(err);
		raise(stopped);
		exit(EXIT_FAILURE);
	}
	device = bufflink_device(reader);
	return reader;
}

/* False if there is nothing now, or it is to stop. */
static bool next(const struct follow *follow, struct bufflink_reader *reader,
		 struct bufflink_event *event, __u64 most, bool wait)
{
	int err;

	do {
		reopen_output();
		err = bufflink_next(reader, event, most < SIZE_MAX ? most :
				    SIZE_MAX, wait ? -1 : 0);
	} while (try_again(follow, err));
	if (err && err != -EAGAIN)
		has_failed(err);
	return !err;
}

/* The bytes that do not make a record yet. */
static struct {
	char data[2 * PIECE_MAX];
	size_t size;
} rest;

void no_record(const char *module)
{
	errx(EXIT_FAILURE,
	     "%s has no record of %s: name the buffer of that module, or load it anew",
	     device, module);
}

static size_t print_pieces(const struct follow *follow, const char *data,
			   size_t size)
{
	size_t done = 0, more;

	while (done < size &&
	       (more = follow->print(data + done, size - done)))
		done += more;
	return done;
}

/* First what began before, with as much as it takes, and then all at its place. */
static void print_data(const struct follow *follow, const char *data,
		       size_t size)
{
	size_t part, done;

	while (rest.size && size) {
		part = sizeof(rest.data) - rest.size;
		part = part < size ? part : size;
		memcpy(rest.data + rest.size, data, part);
		done = follow->print(rest.data, rest.size + part);
		if (!done && part < size)
			no_record(follow->module);
		if (!done) {
			rest.size += part;
			return;
		}
		if (done < rest.size) {
			/* It was the tail of something that is not known. */
			rest.size -= done;
			memmove(rest.data, rest.data + done, rest.size);
			continue;
		}
		data += done - rest.size;
		size -= done - rest.size;
		rest.size = 0;
	}
	done = print_pieces(follow, data, size);
	if (size - done > sizeof(rest.data))
		no_record(follow->module);
	memcpy(rest.data, data + done, size - done);
	rest.size = size - done;
}

static void print_event(const struct follow *follow,
			const struct bufflink_event *event)
{
	reopen_output();
	switch (event->type) {
	case BUFFLINK_DATA:
		print_data(follow, event->data, event->size);
		break;
	case BUFFLINK_LOSS:
		follow->print_loss(&event->loss);
		break;
	case BUFFLINK_REOPENED:
		rest.size = 0;
		flush();
		if (follow->buffer)
			warnx("the buffer %s is there again", follow->buffer);
		else if (follow->module)
			warnx("the module %s was loaded again", follow->module);
		if (follow->reopened)
			follow->reopened();
		break;
	}
	flush();
}

/* Leaves no half record to the next reader, and tells of a loss further on. */
static bool print_rest(const struct follow *follow,
		       struct bufflink_reader *reader)
{
	struct bufflink_event event;
	struct bufflink_loss loss;
	int err;

	bufflink_unwatch(reader, watched_output);
	bufflink_unwatch(reader, signal_pipe[0]);
	while (rest.size && next(follow, reader, &event, 1, false) &&
	       event.type != BUFFLINK_END)
		print_event(follow, &event);
	err = bufflink_pending_loss(reader, &loss);
	if (err < 0)
		errx(EXIT_FAILURE, "%s", bufflink_error());
	if (err)
		follow->print_loss(&loss);
	flush();
	return err;
}

static void caught_up(const struct follow *follow, __u64 position)
{
	if (follow->caught_up)
		follow->caught_up(position);
}

bool follow(const struct follow *follow, struct bufflink_reader *reader)
{
	struct bufflink_event event = { };
	__u64 left = follow->limit, position = 0;
	bool lost = false;

	following = true;
	/* Bytes that were read are given before a stop is told. */
	while (left) {
		if (!next(follow, reader, &event, left, false)) {
			caught_up(follow, position);
			if (stopped || cannot_reopen || !follow->wait)
				break;
			if (rest.size)	/* records are whole in the buffer */
				no_record(follow->module);
			if (!next(follow, reader, &event, left, true))
				break;
		}
		lost |= event.type == BUFFLINK_LOSS;
		left -= event.size;
		position = event.position + event.size;
		print_event(follow, &event);
		if (event.type == BUFFLINK_END &&
		    !(follow->flags & BUFFLINK_REOPEN))
			break;
	}
	lost |= print_rest(follow, reader);
	if (rest.size)
		no_record(follow->module);
	caught_up(follow, position);
	following = false;
	if (cannot_reopen)
		exit(EXIT_FAILURE);
	return lost;
}

struct bufflink_info find_buffer(const char *buffer, int timeout_ms)
{
	struct bufflink_info info;

	if (bufflink_find(buffer, &info, timeout_ms))
		errx(EXIT_FAILURE, "%s", bufflink_error());
	return info;
}

struct bufflink_stats get_stats(int fd, const char *device)
{
	struct bufflink_stats stats;

	if (ioctl(fd, BUFFLINK_STATS, &stats))
		err(EXIT_FAILURE, "cannot read the counts of %s", device);
	return stats;
}

const char *loss_text(const struct bufflink_loss *loss)
{
	static char text[256];
	char last[48] = "";

	if (loss->last != loss->first)
		snprintf(last, sizeof(last), " and byte %llu", loss->last);
	snprintf(text, sizeof(text), "lost %llu record%s (%llu bytes) %s byte %llu%s",
		 loss->records, loss->records == 1 ? "" : "s", loss->bytes,
		 *last ? "between" : "at", loss->first, last);
	return text;
}
