// SPDX-License-Identifier: GPL-2.0-only
/* Standard output, or the file that takes its place. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "private.h"

int watched_output = STDOUT_FILENO;
bool following;

static const char *output;		/* file that was asked for, or NULL */
static struct {
	char *data;
	size_t size;
} held;					/* for that file, and not written yet */
static int write_errno;			/* it could not be written for this */
static bool given_up;			/* writing to it */
static unsigned long long lost_lines;	/* since then */

const char *output_name(void)
{
	return output ? output : "standard output";
}

/* A pipe that nobody reads fails here: nothing waits where a signal must end it. */
static bool open_output(void)
{
	const int fd = open(output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC |
				    O_NOCTTY | O_NONBLOCK, 0600);

	if (fd < 0)
		return false;
	dup2(fd, STDOUT_FILENO);
	close(fd);
	return true;
}

/* Its byte stays in the pipe, too, if it fails. */
bool open_output_again(void)
{
	bool is_open = true;
	char byte;

	while (hung_up && is_open) {
		hung_up = false;
		is_open = open_output();
		if (!is_open && !atomic_exchange(&hung_up, true))
			break;
		/* The handler may run in another thread. */
		if (read_some(signal_pipe[0], &byte, 1) != 1)
			err(EXIT_FAILURE, "cannot take a hangup");
	}
	return is_open;
}

/* Takes half a line back out of a file that has no room for the rest of it. */
static size_t take_back(size_t done)
{
	const char *newline = memrchr(held.data, '\n', done);
	const size_t whole = newline ? newline + 1 - held.data : 0;
	const off_t end = lseek(STDOUT_FILENO, 0, SEEK_CUR);
	struct stat file;

	/* Another program may have written behind it. */
	if (fstat(STDOUT_FILENO, &file) || file.st_size != end ||
	    ftruncate(STDOUT_FILENO, end - (done - whole)))
		return done;
	return whole;
}

/* The first so many bytes; says how many of them are left. */
static size_t write_held(size_t size)
{
	size_t done = write_at(STDOUT_FILENO, held.data, size, HERE);
	int why = errno;

	if (done < size && why != EAGAIN)
		done = take_back(done);
	held.size -= done;
	memmove(held.data, held.data + done, held.size);
	errno = why;
	return size - done;
}

static void lose_held(size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		lost_lines += held.data[i] == '\n';
	held.size -= size;
	memmove(held.data, held.data + size, held.size);
}

/* The end of a command is no reason to lose its lines. */
static bool must_stop(void)
{
	return stopped && stopped != SIGCHLD;
}

/* False if that has no sense any more. A signal may come before it waits. */
static bool wait_to_write(void)
{
	struct pollfd pollfds[2] = {
		{ .fd = STDOUT_FILENO },
		{ .fd = signal_pipe[0], .events = POLLIN },
	};
	/* The byte of another signal, or of the one that it waits for, is there. */
	const bool has_byte = hung_up || stopped;

	if (write_errno == EPIPE || must_stop())
		return false;
	if (write_errno == EAGAIN)
		pollfds[0].events = POLLOUT;
	poll(pollfds, has_byte ? 1 : 2, 1000);
	return !must_stop() && !(pollfds[0].revents & (POLLERR | POLLHUP));
}

/*
 * Whole lines alone. While there is no room for them, nothing more is read: the
 * buffer has room, and counts those that it has no room for.
 */
static void write_lines(void)
{
	const char *newline = memrchr(held.data, '\n', held.size);
	size_t left = newline ? newline + 1 - held.data : 0;
	bool waits = false;

	while (!given_up && (left = write_held(left))) {
		write_errno = errno;
		if (!waits && write_errno != EAGAIN && write_errno != EPIPE) {
			warn("cannot write to %s, and tries again each second",
			     output);
			waits = true;
		}
		if (!hung_up || !open_output_again())
			given_up = !wait_to_write();
	}
	if (given_up)
		lose_held(left);
	else if (waits)
		warnx("can write to %s again", output);
}

static bool hold(const char *data, size_t size)
{
	char *more = realloc(held.data, held.size + size);

	if (!more)
		return false;
	memcpy(more + held.size, data, size);
	held.data = more;
	held.size += size;
	return true;
}

static ssize_t write_out(void *unused, const char *data, size_t size)
{
	(void)unused;
	if (!output)
		return write_most(STDOUT_FILENO, data, size) == size ? size : 0;
	if (!hold(data, size))
		return 0;
	write_lines();
	return size;
}

static ssize_t read_in(void *unused, char *data, size_t size)
{
	(void)unused;
	return read_some(STDIN_FILENO, data, size);
}

/*
 * A descriptor that is opened the wrong way round fails when it is used, as a
 * closed one does, and the number is taken.
 */
static void fill_descriptors(void)
{
	int fd;

	for (fd = 0; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd ? O_RDONLY : O_WRONLY) != fd)
			_exit(EXIT_FAILURE);
	}
}

void begin(char **argv)
{
	const cookie_io_functions_t functions = {
		.read = read_in, .write = write_out,
	};

	fill_descriptors();
	argv[0] = program_invocation_short_name;	/* for getopt */
	stdin = fopencookie(NULL, "r", functions);
	stdout = fopencookie(NULL, "w", functions);
	if (!stdin || !stdout)
		err(EXIT_FAILURE, "cannot open standard input and output");
}

void must_print(void)
{
	const int flags = fcntl(STDOUT_FILENO, F_GETFL);

	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		errx(EXIT_FAILURE,
		     "cannot write to standard output: it is closed, or open for reading only");
}

void flush(void)
{
	if (fflush(stdout) || ferror(stdout)) {
		warn("cannot write to %s", output_name());
		if (following)
			warnx("records that had left the buffer are lost");
		exit(EXIT_FAILURE);
	}
	if (lost_lines && !following)
		exit(EXIT_FAILURE);
}

/* However the program ends, but for a signal. */
static void tell_lost_lines(void)
{
	fflush(stdout);
	if (lost_lines)
		warnx("cannot write to %s: %s: lost %llu line%s", output,
		      strerror(write_errno), lost_lines,
		      lost_lines == 1 ? "" : "s");
}

void finish(int status)
{
	flush();
	exit(status);
}

void end_reading(int status, bool lost)
{
	flush();
	if (stopped)
		raise(stopped);
	finish(lost && !status ? EXIT_LOSS : status);
}

/* A hangup may come as soon as the file is there. */
void output_option(const char *path)
{
	if (!output)
		atexit(tell_lost_lines);
	output = path;
	catch_hangups();
	if (!open_output())
		err(EXIT_FAILURE, "cannot write to %s", output);
}

bool stay(double seconds)
{
	struct pollfd pollfds[2] = {
		{ .fd = signal_pipe[0], .events = POLLIN },
		{ .fd = watched_output },
	};
	const struct timespec time = timespec_of(seconds);

	/* Its byte stays in the pipe until the file is open again. */
	if (hung_up && !stopped)
		pollfds[0].fd = -1;

	if (ppoll(pollfds, 2, &time, NULL) < 0 && errno != EINTR)
		err(EXIT_FAILURE, "cannot poll");
	return !stopped && !(pollfds[1].revents & (POLLERR | POLLHUP));
}
