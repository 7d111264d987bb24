// SPDX-License-Identifier: GPL-2.0-only
/*
 * A reader with io_uring: the stream to standard output, losses to standard
 * error. One request waits for data, another for a loss. libbufflink finds the
 * buffer and opens it; its own reads are not those of io_uring. To build it:
 *
 *	make uring LDLIBS="-luring -lbufflink"
 */
#include <bufflink/libbufflink.h>
#include <err.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

enum request { DATA, LOSS };

static char data[65536];

static void report_loss(int fd)
{
	struct bufflink_loss loss;

	if (ioctl(fd, BUFFLINK_GETLOSS, &loss))
		err(1, "GETLOSS");
	if (loss.records)
		warnx("lost %llu records at bytes %llu to %llu",
		      loss.records, loss.first, loss.last);
}

static void request(struct io_uring *ring, int fd, enum request what)
{
	struct io_uring_sqe *entry = io_uring_get_sqe(ring);

	if (what == DATA)
		io_uring_prep_read(entry, fd, data, sizeof(data), -1);
	else
		io_uring_prep_poll_add(entry, fd, POLLPRI);
	io_uring_sqe_set_data64(entry, what);
	io_uring_submit(ring);
}

/* Returns which of the two was answered. */
static enum request wait_for_answer(struct io_uring *ring, size_t *size)
{
	struct io_uring_cqe *done;
	enum request what;
	int err;

	while ((err = io_uring_wait_cqe(ring, &done)) == -EINTR)
		;
	if (!err && done->res < 0)
		err = done->res;
	if (err)
		errx(1, "io_uring: %s", strerror(-err));
	*size = done->res;
	what = io_uring_cqe_get_data64(done);
	io_uring_cqe_seen(ring, done);
	return what;
}

int main(int argc, char **argv)
{
	struct io_uring ring;
	enum request what;
	size_t size;
	int fd;

	if (argc != 2)
		errx(2, "usage: uring BUFFER");
	fd = bufflink_open_device(argv[1], O_RDONLY, NULL, 0, 0);
	if (fd < 0)
		errx(1, "%s", bufflink_error());
	if (io_uring_queue_init(2, &ring, 0))
		errx(1, "there is no io_uring here");
	request(&ring, fd, LOSS);
	request(&ring, fd, DATA);
	do {
		what = wait_for_answer(&ring, &size);
		if (what == LOSS)
			report_loss(fd);
		else if (fwrite(data, 1, size, stdout) < size ||
			 fflush(stdout))
			err(1, "standard output");
		request(&ring, fd, what);
	} while (size);	/* of 0: the end of file */
	report_loss(fd);
	return 0;
}
