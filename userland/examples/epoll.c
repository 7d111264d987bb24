// SPDX-License-Identifier: GPL-2.0-only
/*
 * A reader with epoll: the stream to standard output, losses to standard error.
 * To build it:
 *
 *	make epoll
 */
#include <bufflink/bufflink.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void report_loss(int fd)
{
	struct bufflink_loss loss;

	if (ioctl(fd, BUFFLINK_GETLOSS, &loss))
		err(1, "GETLOSS");
	if (loss.records)
		warnx("lost %llu records at bytes %llu to %llu",
		      loss.records, loss.first, loss.last);
}

/* Returns 0 at the end of file, and else what read() does. */
static ssize_t copy(int fd)
{
	char data[65536];
	ssize_t size = read(fd, data, sizeof(data));

	/* EAGAIN: only a loss woke us, or another reader was faster. */
	if (size < 0 && errno != EAGAIN)
		err(1, "read");
	if (size > 0 && (fwrite(data, size, 1, stdout) < 1 || fflush(stdout)))
		err(1, "standard output");
	return size;
}

int main(int argc, char **argv)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLPRI };
	int fd, epoll = epoll_create1(EPOLL_CLOEXEC);

	if (argc != 2)
		errx(2, "usage: epoll /dev/bufflinkN");
	fd = open(argv[1], O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		err(1, "%s", argv[1]);
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		err(1, "epoll");
	do {
		if (epoll_wait(epoll, &event, 1, -1) < 0 && errno != EINTR)
			err(1, "epoll");
		if (event.events & EPOLLPRI)
			report_loss(fd);
	} while (copy(fd));
	report_loss(fd);
	return 0;
}
