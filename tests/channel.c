// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "channel.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "device.h"

#define BUFFER		"/dev/bufflink0"
#define FIFO		"/tmp/fifo"
#define TAKE_MAX	(16 * PAGE)

struct channel channel_buffer(size_t size)
{
	return (struct channel) {
		.path = BUFFER, .fd = new_buffer(size), .size = size,
	};
}

struct channel channel_percpu(size_t size)
{
	return (struct channel) {
		.path = BUFFER, .size = size,
		.fd = open_buffer(create_percpu(0, size), O_RDWR | O_NONBLOCK),
	};
}

struct channel channel_fifo(size_t size)
{
	struct channel channel = { .path = FIFO, .fifo = true, .size = size };

	unlink(FIFO);
	ck_assert_int_eq(mkfifo(FIFO, 0600), 0);
	channel.fd = open(FIFO, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(channel.fd, 0);
	ck_assert_int_eq(fcntl(channel.fd, F_SETPIPE_SZ, size), size);
	return channel;
}

static const char data[PUT_MAX];

static bool channel_write(const struct channel *channel, size_t bytes)
{
	ssize_t done = write(channel->fd, data, bytes);

	must(done == (ssize_t)bytes || errno == EAGAIN);
	return done > 0;
}

bool channel_put(const struct channel *channel, size_t bytes)
{
	return channel->fifo ? channel_write(channel, bytes) :
			       !append(0, data, bytes);
}

void channel_fill(const struct channel *channel)
{
	size_t bytes;

	for (bytes = PUT_MAX; bytes; bytes /= 2)
		while (channel_write(channel, bytes))
			;
}

bool channel_take(const struct channel *channel, size_t bytes)
{
	char data[TAKE_MAX];
	ssize_t got;

	if (bytes > sizeof(data))
		bytes = sizeof(data);
	got = read(channel->fd, data, bytes);
	must(got > 0 || errno == EAGAIN);
	return got > 0;
}

void channel_empty(const struct channel *channel)
{
	while (channel_take(channel, TAKE_MAX))
		;
}

size_t channel_used(const struct channel *channel)
{
	int bytes;

	must(!ioctl(channel->fd, FIONREAD, &bytes));
	return bytes;
}

void channel_take_report(const struct channel *channel)
{
	struct bufflink_loss report;

	must(!ioctl(channel->fd, BUFFLINK_GETLOSS, &report));
}
