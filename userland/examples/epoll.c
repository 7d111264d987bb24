// SPDX-License-Identifier: GPL-2.0-only
/*
 * A reader with epoll and libbufflink: the stream to standard output, losses to
 * standard error. To build it:
 *
 *	make epoll LDLIBS=-lbufflink
 */
#include <bufflink/libbufflink.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>

static void print(const struct bufflink_event *event)
{
	if (event->type == BUFFLINK_LOSS)
		warnx("lost %llu records at bytes %llu to %llu",
		      event->loss.records, event->loss.first, event->loss.last);
	if (event->type == BUFFLINK_DATA &&
	    (fwrite(event->data, event->size, 1, stdout) < 1 || fflush(stdout)))
		err(1, "standard output");
}

/* Prints what is there without waiting for more; returns 0 at the end. */
static int print_all(struct bufflink_reader *reader)
{
	struct bufflink_event event;
	int err;

	while (!(err = bufflink_next(reader, &event, 65536, 0))) {
		if (event.type == BUFFLINK_END)
			return 0;
		print(&event);
	}
	if (err != -EAGAIN && err != -EINTR)
		errx(1, "%s", bufflink_error());
	return 1;
}

int main(int argc, char **argv)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLPRI };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct bufflink_reader *reader;

	if (argc != 2)
		errx(2, "usage: epoll BUFFER");
	reader = bufflink_new(argv[1], 0);
	if (!reader || bufflink_open(reader, 0))
		errx(1, "%s", bufflink_error());
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, bufflink_fd(reader), &event))
		err(1, "epoll");
	while (print_all(reader)) {
		if (epoll_wait(epoll, &event, 1, -1) < 0 && errno != EINTR)
			err(1, "epoll");
	}
	bufflink_free(reader);
	return 0;
}
