// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

#define PIECE_MAX	(64 * 1024 + 256)	/* bytes of a record of clients/ */

atomic_int stopped;

static int signal_pipe[2] = { -1, -1 };	/* has a byte when there was a signal */
static atomic_bool hung_up;		/* the output is to be opened again */
static bool cannot_reopen;
static const char *output;		/* file that was asked for, or NULL */
static int watched_output = STDOUT_FILENO;	/* -1: none is needed */
static struct {
	char *data;
	size_t size;
} held;					/* for that file, and not written yet */
static int write_errno;			/* it could not be written for this */
static bool given_up;			/* writing to it */
static unsigned long long lost_lines;	/* since then */
static bool following;			/* more may be lost */

/* how it begins, writes and ends */

/*
 * What is opened the wrong way round fails when it is used, as a closed one does,
 * and the number is taken.
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

static void wait_for_descriptor(int fd, short events)
{
	struct pollfd pollfd = { .fd = fd, .events = events };

	poll(&pollfd, 1, -1);
}

/* Says how many bytes it has written: if not all, errno says why. */
static size_t write_now(int fd, const char *data, size_t size)
{
	ssize_t written;
	size_t done = 0;

	while (done < size) {
		written = write(fd, data + done, size - done);
		if (written < 0 && errno != EINTR)
			break;
		if (written > 0)
			done += written;
	}
	return done;
}

size_t write_most(int fd, const void *data, size_t size)
{
	size_t done = write_now(fd, data, size);

	while (done < size && errno == EAGAIN) {
		wait_for_descriptor(fd, POLLOUT);
		done += write_now(fd, (const char *)data + done, size - done);
	}
	return done;
}

ssize_t read_some(int fd, void *data, size_t size)
{
	ssize_t got;

	while ((got = read(fd, data, size)) < 0) {
		if (errno == EAGAIN)
			wait_for_descriptor(fd, POLLIN);
		else if (errno != EINTR)
			break;
	}
	return got;
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

/* If it fails, the hangup stays, and its byte stays in the pipe. */
static bool open_output_again(void)
{
	bool is_open = true;
	char byte;

	while (hung_up && is_open) {
		hung_up = false;
		is_open = open_output();
		if (!is_open && !atomic_exchange(&hung_up, true))
			break;
		/* The handler may run in another thread. */
		wait_for_descriptor(signal_pipe[0], POLLIN);
		if (read(signal_pipe[0], &byte, 1) != 1)
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
	size_t done = write_now(STDOUT_FILENO, held.data, size);
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
		warn("cannot write to %s", output ? output : "standard output");
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

void stop(int number)
{
	const int saved = errno;

	stopped = number;
	if (write(signal_pipe[1], "", 1) < 0)
		_exit(EXIT_FAILURE);
	errno = saved;
}

/* One byte for all hangups until it is read: the pipe never fills up. */
static void hang_up(int number)
{
	const int saved = errno;

	(void)number;
	if (!atomic_exchange(&hung_up, true) &&
	    write(signal_pipe[1], "", 1) < 0)
		_exit(EXIT_FAILURE);
	errno = saved;
}

static void catch_signal(int number)
{
	/* The second one kills, should standard output be stuck. */
	const struct sigaction action = {
		.sa_handler = stop,
		.sa_flags = SA_RESETHAND | SA_RESTART,
	};
	struct sigaction before;

	sigaction(number, NULL, &before);
	if (before.sa_handler != SIG_IGN)
		sigaction(number, &action, NULL);
}

static void open_signal_pipe(void)
{
	if (signal_pipe[0] < 0 && pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK))
		err(EXIT_FAILURE, "cannot wait for signals");
}

void catch_signals(void)
{
	open_signal_pipe();
	catch_signal(SIGINT);
	catch_signal(SIGTERM);
}

/* A hangup may come as soon as the file is there. */
void output_option(const char *path)
{
	const struct sigaction hangup = {
		.sa_handler = hang_up, .sa_flags = SA_RESTART,
	};

	if (!output)
		atexit(tell_lost_lines);
	output = path;
	open_signal_pipe();
	sigaction(SIGHUP, &hangup, NULL);
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

/* arguments */

void standard_option(int option, const char *name, const char *help)
{
	if (option == 'h')
		fputs(help, stdout);
	else if (option == 'V')
		printf("%s " VERSION "\n", name);
	else
		exit(EXIT_USAGE);	/* getopt has said why */
	finish(EXIT_SUCCESS);
}

void no_more_than(int operands, int argc, char **argv)
{
	int first = optind + operands;

	if (argc > first)
		errx(EXIT_USAGE, "%s: unexpected argument", argv[first]);
}

/* The number that a text begins with, and its end; false if there is none. */
static bool parse_digits(const char *text, __u64 *number, char **end)
{
	errno = 0;
	*number = strtoull(text, end, 10);
	return *text && strchr(DIGITS, *text) && !errno;
}

__u64 number_argument(const char *option, const char *text, __u64 min,
		      __u64 max)
{
	__u64 number;
	char *end;

	if (!parse_digits(text, &number, &end) || *end || number < min ||
	    number > max)
		errx(EXIT_USAGE, "%s: '%s' is not a number, %llu to %llu",
		     option, text, min, max);
	return number;
}

/* A number, perhaps with k, M or G behind it; false if it is something else. */
static bool parse_bytes(const char *text, __u64 *bytes)
{
	static const char units[] = "kMG";
	const char *unit;
	char *end;
	int shift = 0;

	if (!parse_digits(text, bytes, &end))
		return false;
	if (*end) {
		unit = strchr(units, *end++);
		if (!unit || *end)
			return false;
		shift = 10 * (unit - units + 1);
	}
	if (*bytes > ULLONG_MAX >> shift)
		return false;
	*bytes <<= shift;
	return true;
}

__u64 bytes_argument(const char *option, const char *text, __u64 min)
{
	__u64 bytes;

	if (!parse_bytes(text, &bytes) || bytes < min)
		errx(EXIT_USAGE, "%s: '%s' is not a number of bytes, %llu or more",
		     option, text, min);
	return bytes;
}

int word_argument(const char *option, const char *text,
		  const char *const *words)
{
	char list[256] = "";
	int i;

	for (i = 0; words[i]; i++) {
		if (!strcmp(text, words[i]))
			return i;
		if (i)
			strcat(list, words[i + 1] ? ", " : " and ");
		strcat(list, words[i]);
	}
	errx(EXIT_USAGE, "%s: '%s' is not one of %s", option, text, list);
}

double seconds_argument(const char *option, const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (text[strspn(text, DIGITS ".")] || *end || seconds < 0.1 ||
	    seconds > 1e6)
		errx(EXIT_USAGE, "%s: '%s' is not a number of seconds, 0.1 to 1000000",
		     option, text);
	return seconds;
}

int timeout_argument(const char *text)
{
	return text ? seconds_argument("--wait", text) * 1000 : -1;
}

/* the buffer */

/* What is not read from the buffer now is there for the next reader. */
static void nobody_reads(void)
{
	following = false;
	flush();
	raise(SIGPIPE);
	errno = EPIPE;
	err(EXIT_FAILURE, "cannot write to %s",
	    output ? output : "standard output");
}

/* What is left when the library has not done what was asked. */
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
	warn("cannot write to %s", output);
}

/* Whether what was interrupted is to be done again. */
static bool try_again(int err)
{
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
	if (argv[optind]) {
		follow->buffer = argv[optind];
		follow->module = NULL;
	}
}

void has_not_found(const char *module, int err)
{
	if (err == -ENOENT)
		errx(EXIT_FAILURE, "there is no buffer of %s: load this module",
		     module);
	errx(EXIT_FAILURE, "%s", bufflink_error());
}

/* A buffer that cannot be opened may be there all the same. */
static void look_for(const char *buffer, const char *module)
{
	struct bufflink_info info;
	const int err = bufflink_find(buffer, &info, 0);

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
	reader = bufflink_new(follow->buffer, follow->flags);
	if (!reader)
		errx(EXIT_FAILURE, "%s", bufflink_error());
	bufflink_watch(reader, watched_output, 0);
	bufflink_watch(reader, signal_pipe[0], POLLIN);
	do {
		reopen_output();
		err = bufflink_open(reader, follow->timeout_ms);
	} while (try_again(err));
	if (err == -ENOENT && follow->module)
		look_for(follow->buffer, follow->module);
	if (err) {
		has_failed(err);
		raise(stopped);
		exit(EXIT_FAILURE);
	}
	return reader;
}

/* False if there is nothing now, or it is to stop. */
static bool next(struct bufflink_reader *reader, struct bufflink_event *event,
		 __u64 most, bool wait)
{
	int err;

	do {
		reopen_output();
		err = bufflink_next(reader, event, most < SIZE_MAX ? most :
				    SIZE_MAX, wait ? -1 : 0);
	} while (try_again(err));
	if (err && err != -EAGAIN)
		has_failed(err);
	return !err;
}

/* The bytes that do not make a record yet. */
static struct {
	char data[2 * PIECE_MAX];
	size_t size;
} rest;

/* Its client is not the one that the program knows. */
static void no_record(void)
{
	errx(EXIT_FAILURE,
	     "the buffer has no record that %s can print: name the buffer of its module, or load that anew",
	     program_invocation_short_name);
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
			no_record();
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
		no_record();
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
	while (rest.size && next(reader, &event, 1, false) &&
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
	/* What was read is given before a stop is told. */
	while (left) {
		if (!next(reader, &event, left, false)) {
			caught_up(follow, position);
			if (stopped || cannot_reopen || !follow->wait)
				break;
			if (rest.size)	/* records are whole in the buffer */
				no_record();
			if (!next(reader, &event, left, true))
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
		no_record();
	caught_up(follow, position);
	following = false;
	if (cannot_reopen)
		exit(EXIT_FAILURE);
	return lost;
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

static void forget_handlers(void)
{
	struct sigaction action;
	int number;

	for (number = 1; number < NSIG; number++) {
		if (!sigaction(number, NULL, &action) &&
		    action.sa_handler != SIG_IGN)
			signal(number, SIG_DFL);
	}
}

pid_t fork_child(void)
{
	sigset_t all, before;
	pid_t child;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	child = fork();
	if (!child)
		forget_handlers();
	sigprocmask(SIG_SETMASK, &before, NULL);
	return child;
}

void exec_command(char **argv)
{
	execvp(*argv, argv);
	warn("cannot run %s", *argv);
	_exit(errno == ENOENT ? 127 : 126);
}

int command_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}
