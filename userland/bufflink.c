// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink - list the buffers of bufflink, read them and write to them
 */
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "bufflink.h"

#define VERSION		"1.0"
#define SYSFS		"/sys/class/misc"
#define DIGITS		"0123456789"

/* besides EXIT_SUCCESS and EXIT_FAILURE, which is 1 */
#define EXIT_USAGE	2
#define EXIT_LOSS	3

static const char main_help[] =
"Usage: bufflink list\n"
"       bufflink cat [OPTION]... N|DEVICE\n"
"       bufflink write [OPTION]... N|DEVICE\n"
"List the buffers of bufflink, read them and write to them.\n"
"N is short for /dev/bufflinkN.\n"
"\n"
"  -h, --help     print this, or the help of a command, and exit\n"
"  -V, --version  print the version and exit\n"
"\n"
"Exit status: 0 good, 1 failed, 2 bad command line, 3 records were lost (cat).\n";

static const char list_help[] =
"Usage: bufflink list\n"
"Print a table of the buffers: number, owner (the kernel module that made it),\n"
"size and used bytes, records that were appended, records that were lost.\n"
"\n"
"  -h, --help  print this and exit\n";

static const char cat_help[] =
"Usage: bufflink cat [OPTION]... N|DEVICE\n"
"Copy a buffer to standard output until its end of file, which comes when the\n"
"kernel module destroys it. Report lost records on standard error.\n"
"\n"
"  -f, --no-wait          stop when the buffer is empty instead of waiting\n"
"  -n, --bytes=BYTES      stop after so many bytes; the rest stays unread\n"
"  -w, --watermark=BYTES  set how many bytes wake a reader at once (fewer wake\n"
"                         it at the next timer tick); stays with the buffer\n"
"  -h, --help             print this and exit\n"
"\n"
"Exit status: 0 good, 1 failed, 2 bad command line, 3 records were lost.\n";

static const char write_help[] =
"Usage: bufflink write [OPTION]... N|DEVICE\n"
"Append standard input to a buffer, each line (with its newline) as one record.\n"
"Wait for room where there is none.\n"
"\n"
"  -s, --size=BYTES  make records of so many bytes instead of lines; the last\n"
"                    one may be shorter\n"
"  -h, --help        print this and exit\n";

static void finish(int status)
{
	if (fflush(stdout))
		err(EXIT_FAILURE, "cannot write to standard output");
	exit(status);
}

static void standard_option(int option, const char *help)
{
	if (option != 'h')
		exit(EXIT_USAGE);	/* getopt has said why */
	fputs(help, stdout);
	finish(EXIT_SUCCESS);
}

static __u64 bytes_argument(const char *option, const char *text, __u64 min)
{
	__u64 bytes;

	errno = 0;
	bytes = strtoull(text, NULL, 10);
	if (!*text || text[strspn(text, DIGITS)] || errno || bytes < min)
		errx(EXIT_USAGE, "%s: '%s' is not a number of bytes, %llu or more",
		     option, text, min);
	return bytes;
}

static const char *device_argument(int argc, char **argv)
{
	static char device[64];
	const char *name = argv[optind];

	if (argc - optind > 1)
		errx(EXIT_USAGE, "%s: unexpected argument", argv[optind + 1]);
	if (!name || !*name)
		errx(EXIT_USAGE, "no buffer given: name one, as N or as DEVICE");
	if (name[strspn(name, DIGITS)])
		return name;
	snprintf(device, sizeof(device), "/dev/bufflink%s", name);
	return device;
}

static int open_buffer(const char *device, int flags,
		       struct bufflink_stats *stats)
{
	int fd = open(device, flags);

	if (fd < 0 && errno == ENOENT)
		errx(EXIT_FAILURE,
		     "%s does not exist: see 'bufflink list' for those that do",
		     device);
	if (fd < 0)
		err(EXIT_FAILURE, "cannot open %s", device);
	if (ioctl(fd, BUFFLINK_STATS, stats))
		errx(EXIT_FAILURE, "%s is not a buffer of bufflink", device);
	return fd;
}

/* list */

static int is_buffer(const struct dirent *entry)
{
	const char *name = entry->d_name;
	const size_t prefix = strlen("bufflink");

	return !strncmp(name, "bufflink", prefix) && name[prefix] &&
	       !name[prefix + strspn(name + prefix, DIGITS)];
}

/* A value of sysfs, without its newline; false if the buffer is gone. */
static bool read_value(const char *buffer, const char *name, char value[64])
{
	char path[512];
	FILE *file;
	bool good;

	snprintf(path, sizeof(path), SYSFS "/%s/%s", buffer, name);
	file = fopen(path, "re");
	if (!file)
		return false;
	good = fgets(value, 64, file);
	if (good)
		value[strcspn(value, "\n")] = '\0';
	fclose(file);
	return good;
}

static void print_buffer(const char *buffer)
{
	char owner[64], size[64], used[64], records[64], lost[64];

	if (read_value(buffer, "owner", owner) &&
	    read_value(buffer, "size", size) &&
	    read_value(buffer, "used", used) &&
	    read_value(buffer, "records", records) &&
	    read_value(buffer, "lost_records", lost))
		printf("%6s  %-16s %10s %10s %12s %10s\n",
		       buffer + strlen("bufflink"), owner, size, used, records,
		       lost);
}

static int list(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct dirent **entries;
	int option, count, i;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1)
		standard_option(option, list_help);
	if (optind < argc)
		errx(EXIT_USAGE, "%s: unexpected argument", argv[optind]);

	if (access("/sys/module/bufflink", F_OK))
		errx(EXIT_FAILURE, "the module bufflink is not loaded");
	count = scandir(SYSFS, &entries, is_buffer, versionsort);
	if (count < 0)
		err(EXIT_FAILURE, "cannot read " SYSFS);

	printf("NUMBER  %-16s %10s %10s %12s %10s\n", "OWNER", "SIZE", "USED",
	       "RECORDS", "LOST");
	for (i = 0; i < count; i++)
		print_buffer(entries[i]->d_name);
	return EXIT_SUCCESS;
}

/* cat */

static atomic_int stopped;	/* by this signal */

static void stop(int number)
{
	stopped = number;
}

/* SIGINT and SIGTERM end a copy when all that was read is written. */
static void catch_signal(int number)
{
	/* The second one kills, should standard output be stuck. */
	const struct sigaction action = {
		.sa_handler = stop,
		.sa_flags = SA_RESETHAND,
	};
	struct sigaction before;

	sigaction(number, NULL, &before);
	if (before.sa_handler != SIG_IGN)
		sigaction(number, &action, NULL);
}

/* The events of a buffer; 0 if there are none or a signal stopped us. */
static short poll_buffer(int fd, bool wait)
{
	const struct timespec no_time = { };
	struct pollfd pollfd = { .fd = fd, .events = POLLIN | POLLPRI };
	sigset_t caught, before;
	int ready = 0;

	/* Only ppoll() lets them in: none can come between look and sleep. */
	sigemptyset(&caught);
	sigaddset(&caught, SIGINT);
	sigaddset(&caught, SIGTERM);
	sigprocmask(SIG_BLOCK, &caught, &before);
	while (!stopped) {
		ready = ppoll(&pollfd, 1, wait ? NULL : &no_time, &before);
		if (ready >= 0)
			break;
		if (errno != EINTR)
			err(EXIT_FAILURE, "cannot poll");
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return ready > 0 ? pollfd.revents : 0;
}

static bool report_loss(int fd, const char *device)
{
	struct bufflink_loss loss;
	char last[48] = "";

	if (ioctl(fd, BUFFLINK_GETLOSS, &loss))
		err(EXIT_FAILURE, "%s: cannot learn what was lost", device);
	if (!loss.records)
		return false;

	if (loss.last != loss.first)
		snprintf(last, sizeof(last), " and byte %llu", loss.last);
	warnx("%s: lost %llu record%s (%llu bytes) %s byte %llu%s", device,
	      loss.records, loss.records == 1 ? "" : "s", loss.bytes,
	      *last ? "between" : "at", loss.first, last);
	return true;
}

static void write_out(const char *data, size_t size)
{
	ssize_t written;

	while (size) {
		written = write(STDOUT_FILENO, data, size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			err(EXIT_FAILURE, "cannot write to standard output");
		data += written;
		size -= written;
	}
}

/* Copies up to limit bytes; says whether records were lost. */
static bool copy(int fd, const char *device, __u64 limit, bool wait)
{
	static char data[256 * 1024];
	bool lost = false;
	short events;
	size_t size;
	ssize_t got;

	while (limit) {
		events = poll_buffer(fd, wait);
		if (!events)
			break;
		if (events & POLLPRI)
			lost |= report_loss(fd, device);
		size = limit < sizeof(data) ? limit : sizeof(data);
		got = read(fd, data, size);
		if (!got)
			break;
		/* There was only a loss, or another reader was faster. */
		if (got < 0 && errno == EAGAIN)
			continue;
		if (got < 0)
			err(EXIT_FAILURE, "cannot read %s", device);
		write_out(data, got);
		limit -= got;
	}
	return report_loss(fd, device) || lost;
}

static int cat(int argc, char **argv)
{
	static const struct option options[] = {
		{ "no-wait", no_argument, NULL, 'f' },
		{ "bytes", required_argument, NULL, 'n' },
		{ "watermark", required_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	__u64 limit = ULLONG_MAX, watermark = 0;
	struct bufflink_stats stats;
	bool lost, wait = true;
	const char *device;
	int option, fd;

	while ((option = getopt_long(argc, argv, "fn:w:h", options,
				     NULL)) != -1) {
		if (option == 'f')
			wait = false;
		else if (option == 'n')
			limit = bytes_argument("--bytes", optarg, 0);
		else if (option == 'w')
			watermark = bytes_argument("--watermark", optarg, 1);
		else
			standard_option(option, cat_help);
	}
	device = device_argument(argc, argv);
	fd = open_buffer(device, O_RDONLY | O_NONBLOCK, &stats);
	if (watermark > stats.size)
		errx(EXIT_USAGE, "--watermark: %llu is more than the %llu bytes of %s",
		     watermark, stats.size, device);
	if (watermark && ioctl(fd, BUFFLINK_SETWATERMARK, &watermark))
		err(EXIT_FAILURE, "%s: cannot set the watermark", device);

	catch_signal(SIGINT);
	catch_signal(SIGTERM);
	lost = copy(fd, device, limit, wait);
	if (stopped)
		raise(stopped);
	return lost ? EXIT_LOSS : EXIT_SUCCESS;
}

/* write */

/* The next record of standard input, size bytes or a line; 0 at its end. */
static size_t next_record(char **record, size_t *capacity, size_t size)
{
	ssize_t got;

	if (size)
		got = fread(*record, 1, size, stdin);
	else
		got = getline(record, capacity, stdin);
	if (ferror(stdin))
		err(EXIT_FAILURE, "cannot read standard input");
	return got > 0 ? got : 0;
}

static int write_records(int argc, char **argv)
{
	static const struct option options[] = {
		{ "size", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct bufflink_stats stats;
	size_t got, capacity;
	const char *device;
	__u64 size = 0;
	char *record;
	int option, fd;

	while ((option = getopt_long(argc, argv, "s:h", options, NULL)) != -1) {
		if (option == 's')
			size = bytes_argument("--size", optarg, 1);
		else
			standard_option(option, write_help);
	}
	device = device_argument(argc, argv);
	fd = open_buffer(device, O_WRONLY, &stats);
	if (size > stats.size)
		errx(EXIT_USAGE, "--size: %llu is more than the %llu bytes of %s",
		     size, stats.size, device);

	capacity = size;
	record = size ? malloc(size) : NULL;
	if (size && !record)
		err(EXIT_FAILURE, "--size");
	while ((got = next_record(&record, &capacity, size))) {
		if (write(fd, record, got) < 0)
			err(EXIT_FAILURE, "cannot append %zu bytes to %s", got,
			    device);
	}
	free(record);
	return EXIT_SUCCESS;
}

static const struct {
	char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "bufflink list", list },
	{ "bufflink cat", cat },
	{ "bufflink write", write_records },
};

int main(int argc, char **argv)
{
	static const size_t prefix = sizeof("bufflink ") - 1;
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ }
	};
	const char *name;
	int option;
	size_t i;

	argv[0] = program_invocation_short_name;	/* for getopt */
	while ((option = getopt_long(argc, argv, "+hV", options, NULL)) != -1) {
		if (option != 'V')
			standard_option(option, main_help);
		puts("bufflink " VERSION);
		finish(EXIT_SUCCESS);
	}
	name = argv[optind];
	if (!name)
		errx(EXIT_USAGE, "no command given: use list, cat or write");

	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(name, commands[i].name + prefix))
			continue;
		argc -= optind;
		argv += optind;
		argv[0] = commands[i].name;
		optind = 0;	/* begin anew */
		finish(commands[i].run(argc, argv));
	}
	errx(EXIT_USAGE, "'%s' is no command: use list, cat or write", name);
}
