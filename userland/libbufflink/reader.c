// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../basics.h"
#include "internal.h"

#define READ_MAX	(256 * 1024)	/* bytes of one read() */
#define WATCHED_MAX	4
#define LOOK_MS		100		/* between looks, if it must look */
#define UDEV_S		5		/* it gives a new node to its group */

struct bufflink_reader {
	char *buffer;		/* as it was named */
	char path[PATH_MAX];	/* as it was found */
	unsigned int flags;
	int open_flags;		/* of open(2) */
	struct bufflink_info *info;	/* to be filled in, and not to be opened */
	int fd;			/* -1 if it is not open */
	int changes;		/* inotify, while it is waited for; or -1 */
	struct pollfd watched[WATCHED_MAX];
	int watched_count;

	__u64 position;		/* of the next byte to be given */
	size_t start;		/* of what was read and not given, in data */
	size_t left;
	struct bufflink_loss loss;	/* not given yet */
	bool look;		/* there may be another loss */
	bool overdue;		/* its place was reached, by somebody else */
	bool ended;		/* all was read */
	bool is_new;		/* opened again, and not told yet */
	bool was_open;
	char data[READ_MAX];
};

static long long now_ms(void)
{
	return clock_now(CLOCK_MONOTONIC) / 1000000;
}

static long long end_of(int timeout_ms)
{
	return timeout_ms < 0 ? LLONG_MAX : now_ms() + timeout_ms;
}

struct bufflink_reader *bufflink_new(const char *buffer, unsigned int flags)
{
	struct bufflink_reader *reader = calloc(1, sizeof(*reader));
	char *copy = strdup(buffer);

	if (!reader || !copy) {
		free(reader);
		free(copy);
		bl_fail(-ENOMEM, "no memory to read %s", buffer);
		return NULL;
	}
	reader->buffer = copy;
	reader->flags = flags;
	reader->open_flags = O_RDONLY | O_NONBLOCK;
	if (flags & BUFFLINK_EXCLUSIVE)
		reader->open_flags |= O_EXCL;
	reader->fd = -1;
	reader->changes = -1;
	return reader;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void bufflink_free(struct bufflink_reader *reader)
{
	if (!reader)
		return;
	close_fd(&reader->fd);
	close_fd(&reader->changes);
	free(reader->buffer);
	free(reader);
}

int bufflink_watch(struct bufflink_reader *reader, int fd, short events)
{
	if (reader->watched_count == WATCHED_MAX)
		return bl_fail(-ENOSPC, "no more than %d descriptors are watched",
			       WATCHED_MAX);
	reader->watched[reader->watched_count++] = (struct pollfd) {
		.fd = fd, .events = events,
	};
	return 0;
}

void bufflink_unwatch(struct bufflink_reader *reader, int fd)
{
	int i, kept = 0;

	for (i = 0; i < reader->watched_count; i++) {
		if (reader->watched[i].fd != fd)
			reader->watched[kept++] = reader->watched[i];
	}
	reader->watched_count = kept;
}

int bufflink_fd(const struct bufflink_reader *reader)
{
	return reader->fd >= 0 ? reader->fd : reader->changes;
}

const char *bufflink_device(const struct bufflink_reader *reader)
{
	return *reader->path ? reader->path : reader->buffer;
}

/* 0 if there is something, -EAGAIN if not in time, -EINTR, -ECANCELED */
static int wait_on(struct bufflink_reader *reader, int fd, short events,
		   long long end)
{
	struct pollfd pollfds[1 + WATCHED_MAX] = {
		{ .fd = fd, .events = events },
	};
	struct timespec time = { };
	long long left;
	int ready, i;

	if (end != LLONG_MAX) {
		left = end - now_ms();
		if (left > 0)
			time = timespec_of(left / 1000.0);
	}
	for (i = 0; i < reader->watched_count; i++)
		pollfds[1 + i] = reader->watched[i];
	ready = ppoll(pollfds, 1 + reader->watched_count,
		      end == LLONG_MAX ? NULL : &time, NULL);
	if (ready < 0)
		return bl_fail(-errno, "cannot wait for %s: %m",
			       bufflink_device(reader));
	for (i = 0; i < reader->watched_count; i++) {
		if (pollfds[1 + i].revents)
			return bl_fail(-ECANCELED, "a descriptor that is watched is ready");
	}
	return ready ? 0 : bl_fail(-EAGAIN, "%s has nothing more for now",
				   bufflink_device(reader));
}

static bool is_there(const char *path)
{
	struct stat node;

	return !lstat(path, &node);
}

/* One that is not there has a parent that is watched; a link to it has not. */
static void watch_folder(struct bufflink_reader *reader, const char *folder)
{
	const unsigned int events = IN_CREATE | IN_ATTRIB | IN_MOVED_TO;

	if (inotify_add_watch(reader->changes, folder, events) < 0 &&
	    (errno != ENOENT || is_there(folder)))
		close_fd(&reader->changes);
}

/*
 * Before a buffer is looked for: it cannot come unseen between look and wait.
 * Of the folders of a path, each is watched before the one in it is looked for.
 */
static void watch_place(struct bufflink_reader *reader)
{
	char folder[PATH_MAX], *end = folder, discarded[4096];

	if (reader->changes < 0)
		reader->changes = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	while (read(reader->changes, discarded, sizeof(discarded)) > 0)
		;
	/* also of a path, which may be that of a link */
	watch_folder(reader, "/dev");
	if (*reader->buffer != '/' && *reader->buffer != '.')
		return;
	watch_folder(reader, *reader->buffer == '/' ? "/" : ".");
	snprintf(folder, sizeof(folder), "%s", reader->buffer);
	while ((end = strchr(end + 1, '/'))) {
		*end = '\0';
		watch_folder(reader, folder);
		*end = '/';
	}
}

static void begin(struct bufflink_reader *reader, int fd)
{
	struct bufflink_stats stats = { };

	ioctl(fd, BUFFLINK_STATS, &stats);
	close_fd(&reader->changes);
	reader->fd = fd;
	reader->position = stats.bytes_read;
	reader->is_new = reader->was_open;
	reader->was_open = true;
	reader->ended = false;
	reader->look = true;
}

static int try_open(struct bufflink_reader *reader)
{
	int fd;

	if (reader->info)
		return bl_find(reader->buffer, reader->info);
	fd = bl_open(reader->buffer, reader->open_flags, reader->path);
	if (fd < 0)
		return fd;
	begin(reader, fd);
	return 0;
}

/* A node that was just made: udev is about to give it to its group. */
static bool is_new_node(const char *path)
{
	struct stat node;

	return !stat(path, &node) && llabs(time(NULL) - node.st_ctime) < UDEV_S;
}

static bool may_come(const struct bufflink_reader *reader, int err)
{
	return err == -ENOENT || err == -ENODEV ||
	       (err == -EACCES && is_new_node(reader->path));
}

/* Where a node or a link is there already, no more need happen to it. */
static bool must_look(const struct bufflink_reader *reader, int err)
{
	return err != -ENOENT || reader->changes < 0 ||
	       is_there(reader->buffer);
}

static int open_until(struct bufflink_reader *reader, long long end)
{
	long long soon;
	int err;

	for (;;) {
		watch_place(reader);
		err = try_open(reader);
		if (!may_come(reader, err))
			return err;
		if (end != LLONG_MAX && now_ms() >= end)
			return err;
		soon = end;
		if (must_look(reader, err))
			soon = now_ms() + LOOK_MS;
		if (soon > end)
			soon = end;
		err = wait_on(reader, reader->changes, POLLIN, soon);
		if (err && err != -EAGAIN)
			return err;
	}
}

int bufflink_open(struct bufflink_reader *reader, int timeout_ms)
{
	int err = reader->fd >= 0 ? 0 : open_until(reader, end_of(timeout_ms));

	reader->is_new = false;
	if (!(reader->flags & BUFFLINK_REOPEN))
		close_fd(&reader->changes);
	return err;
}

/* The values of a buffer, without opening it */
int bufflink_find(const char *buffer, struct bufflink_info *info,
		  int timeout_ms)
{
	struct bufflink_reader *reader = bufflink_new(buffer, 0);
	int err;

	if (!reader)
		return -ENOMEM;
	reader->info = info;
	err = open_until(reader, end_of(timeout_ms));
	bufflink_free(reader);
	return err;
}

/* To write, or for its ioctls; flags are those of open(2). Tells the path, too. */
int bufflink_open_device(const char *buffer, int flags, char *path, size_t size,
			 int timeout_ms)
{
	struct bufflink_reader *reader = bufflink_new(buffer, 0);
	int fd;

	if (!reader)
		return -ENOMEM;
	reader->open_flags = flags;
	fd = open_until(reader, end_of(timeout_ms));
	if (!fd) {
		fd = reader->fd;
		reader->fd = -1;
		if (path)
			snprintf(path, size, "%s", reader->path);
	}
	bufflink_free(reader);
	return fd;
}

/* Knows of a loss that was not given yet, if there is one. */
static int look_for_loss(struct bufflink_reader *reader)
{
	struct bufflink_stats stats;

	if (!reader->look || reader->loss.records || reader->fd < 0)
		return 0;
	reader->look = false;
	if (ioctl(reader->fd, BUFFLINK_GETLOSS, &reader->loss))
		return bl_fail(-errno, "%s: cannot learn what was lost: %m",
			       reader->path);
	/* Other readers have moved us on. */
	if (reader->loss.records && !(reader->flags & BUFFLINK_EXCLUSIVE)) {
		if (ioctl(reader->fd, BUFFLINK_STATS, &stats))
			return bl_fail(-errno, "%s: cannot learn where a loss is: %m",
				       reader->path);
		reader->position = stats.bytes_read - reader->left;
	}
	return 0;
}

static void give_loss(struct bufflink_reader *reader,
		      struct bufflink_event *event)
{
	event->type = BUFFLINK_LOSS;
	event->loss = reader->loss;
	reader->loss.records = 0;
	reader->look = true;
	reader->overdue = false;
}

static void give_data(struct bufflink_reader *reader,
		      struct bufflink_event *event, size_t size)
{
	event->type = BUFFLINK_DATA;
	event->data = reader->data + reader->start;
	event->size = size;
	reader->start += size;
	reader->left -= size;
	reader->position += size;
}

static void give_end(struct bufflink_reader *reader,
		     struct bufflink_event *event)
{
	event->type = BUFFLINK_END;
	if (reader->flags & BUFFLINK_REOPEN) {
		close_fd(&reader->fd);
		watch_place(reader);
		reader->ended = false;
	}
}

/*
 * Gives the next event of the bytes that were read. The kernel counts a loss before
 * it appends the bytes that come after it. So a question after a read tells of all
 * losses within its bytes. A loss that is further on waits for a later read.
 */
static bool give(struct bufflink_reader *reader, struct bufflink_event *event,
		 size_t most)
{
	__u64 place = reader->left;

	memset(event, 0, sizeof(*event));
	event->position = reader->position;
	if (reader->is_new) {
		reader->is_new = false;
		event->type = BUFFLINK_REOPENED;
		return true;
	}
	if (reader->loss.records) {
		place = reader->loss.first > reader->position ?
			reader->loss.first - reader->position : 0;
		if (!place || reader->overdue ||
		    (reader->ended && !reader->left)) {
			give_loss(reader, event);
			return true;
		}
	}
	if (place > reader->left)
		place = reader->left;
	if (place)
		give_data(reader, event, place < most ? place : most);
	else if (reader->ended)
		give_end(reader, event);
	else
		return false;
	return true;
}

static int read_more(struct bufflink_reader *reader, size_t most, long long end)
{
	/* The bytes before a loss are there, or another reader has them. */
	const bool is_known = reader->loss.records;
	ssize_t got;
	int err;

	err = wait_on(reader, reader->fd, POLLIN | POLLPRI, is_known ? 0 : end);
	if (err && !(is_known && err == -EAGAIN))
		return err;
	got = read(reader->fd, reader->data, most < READ_MAX ? most : READ_MAX);
	if (got < 0 && errno != EAGAIN)
		return bl_fail(-errno, "cannot read %s: %m", reader->path);
	/* There was only a loss, or another reader was faster. */
	if (got < 0) {
		reader->overdue = reader->loss.records;
		got = 0;
	} else if (!got) {
		reader->ended = true;
	}
	reader->start = 0;
	reader->left = got;
	reader->look = true;
	return 0;
}

int bufflink_next(struct bufflink_reader *reader, struct bufflink_event *event,
		  size_t most, int timeout_ms)
{
	const long long end = end_of(timeout_ms);
	int err = 0;

	if (!most)
		return bl_fail(-EINVAL, "at least one byte is to be asked for");
	for (;;) {
		if (!err)
			err = look_for_loss(reader);
		if (err)
			return err;
		if (give(reader, event, most))
			return 0;
		if (reader->fd >= 0)
			err = read_more(reader, most, end);
		else
			err = open_until(reader, end);
		if (reader->fd < 0 && may_come(reader, err))
			err = -EAGAIN;
	}
}

int bufflink_pending_loss(struct bufflink_reader *reader,
			  struct bufflink_loss *loss)
{
	int err;

	reader->look = true;
	err = look_for_loss(reader);
	if (err)
		return err;
	*loss = reader->loss;
	reader->loss.records = 0;
	return !!loss->records;
}
