// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink - list and watch the buffers of bufflink, read them and write to them
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
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "bufflink.h"

#define VERSION		"1.0"
#define SYSFS		"/sys/class/misc"
#define DIGITS		"0123456789"
#define UNKNOWN		-1.0	/* no rate is negative */

/* besides EXIT_SUCCESS and EXIT_FAILURE, which is 1 */
#define EXIT_USAGE	2
#define EXIT_LOSS	3

#define COMMANDS	"list, stat, cat, watermark, resize or write"

static const char main_help[] =
"Usage: bufflink list [OPTION]...\n"
"       bufflink stat [OPTION]... [[SECONDS] N|DEVICE]\n"
"       bufflink cat [OPTION]... N|DEVICE\n"
"       bufflink watermark [OPTION]... N|DEVICE [BYTES]\n"
"       bufflink resize [OPTION]... N|DEVICE BYTES\n"
"       bufflink write [OPTION]... N|DEVICE\n"
"List and watch the buffers of bufflink, read them and write to them.\n"
"N is short for /dev/bufflinkN.\n"
"\n"
"  -h, --help     print this, or the help of a command, and exit\n"
"  -V, --version  print the version and exit\n"
"\n"
"Exit status: 0 good, 1 failed, 2 bad command line, 3 records were lost (cat).\n";

static const char list_help[] =
"Usage: bufflink list [OPTION]...\n"
"Print a table of the buffers: number, owner (the kernel module that made it)\n"
"and name, size and used bytes, records that were appended, that were lost.\n"
"\n"
"  -j, --json  print all that is known instead, as an array of JSON objects\n"
"  -h, --help  print this and exit\n";

static const char stat_help[] =
"Usage: bufflink stat [OPTION]... [[SECONDS] N|DEVICE]\n"
"Show how full buffers are and were at most, what was appended, and how much of\n"
"it a second, how often readers were woken, and what was lost: of all buffers or\n"
"of one. On a terminal that is a picture, elsewhere a line of exact values for\n"
"each buffer. It takes a second, as rates need two looks.\n"
"\n"
"  -w, --watch[=SECONDS]  go on looking, every second or as often as is said,\n"
"                         until Ctrl-C, or until the one buffer is gone\n"
"  -j, --json             print an array of JSON objects, one line a look\n"
"  -h, --help             print this and exit\n"
"\n"
"SECONDS may have a fraction. They are written -w2 or --watch=2, or before N:\n"
"'-w 2 0' looks at buffer 0 every 2 seconds. A number alone is always N.\n";

static const char cat_help[] =
"Usage: bufflink cat [OPTION]... N|DEVICE\n"
"Copy a buffer to standard output until its end of file, which comes when the\n"
"kernel module destroys it. Report lost records on standard error.\n"
"\n"
"  -f, --no-wait          stop when the buffer is empty instead of waiting\n"
"  -m, --mark             report lost records in the output, as a line at the\n"
"                         place where they are missing\n"
"  -n, --bytes=BYTES      stop after so many bytes; the rest stays unread\n"
"  -w, --watermark=BYTES  set how many bytes wake a reader at once (fewer wake\n"
"                         it at the next timer tick); stays with the buffer\n"
"  -h, --help             print this and exit\n"
"\n"
"Exit status: 0 good, 1 failed, 2 bad command line, 3 records were lost.\n";

static const char watermark_help[] =
"Usage: bufflink watermark [OPTION]... N|DEVICE [BYTES]\n"
"Print a buffer's watermark, or set it: so many waiting bytes wake a reader at\n"
"once, fewer wake it at the next timer tick.\n"
"\n"
"  -h, --help  print this and exit\n";

static const char resize_help[] =
"Usage: bufflink resize [OPTION]... N|DEVICE BYTES\n"
"Give a buffer a new size, rounded up to whole pages, while it is in use. Nothing\n"
"is lost: bytes that wait are read first, however small the new size is.\n"
"\n"
"  -h, --help  print this and exit\n";

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

static void no_more_than(int operands, int argc, char **argv)
{
	if (argc - optind > operands)
		errx(EXIT_USAGE, "%s: unexpected argument",
		     argv[optind + operands]);
}

static const char *device_argument(const char *name)
{
	static char device[64];

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
	if (fd < 0 && errno == EACCES)
		errx(EXIT_FAILURE,
		     "you may not open %s: root may, and the group bufflink to read",
		     device);
	if (fd < 0 && errno == EBUSY)
		errx(EXIT_FAILURE,
		     "cannot open %s: another program reads it as the only reader: end that program first",
		     device);
	if (fd < 0)
		err(EXIT_FAILURE, "cannot open %s", device);
	if (ioctl(fd, BUFFLINK_STATS, stats))
		errx(EXIT_FAILURE, "%s is not a buffer of bufflink", device);
	return fd;
}

static void set_watermark(int fd, const char *device, const char *option,
			  __u64 bytes, __u64 size)
{
	if (bytes > size)
		errx(EXIT_USAGE, "%s: %llu is more than the %llu bytes of %s",
		     option, bytes, size, device);
	if (ioctl(fd, BUFFLINK_SETWATERMARK, &bytes))
		err(EXIT_FAILURE, "%s: cannot set the watermark", device);
}

static atomic_int stopped;	/* by this signal */

static void stop(int number)
{
	stopped = number;
}

/* SIGINT and SIGTERM end a command when all that was read is written. */
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

/*
 * Waits for events on a descriptor, or that nobody reads standard output any
 * more. As ppoll(), but negative also if a signal came before.
 */
static int poll_or_stop(struct pollfd pollfds[2], const struct timespec *time)
{
	sigset_t caught, before;
	int ready = -1;

	pollfds[1] = (struct pollfd) { .fd = STDOUT_FILENO };

	/* Only ppoll() lets them in: none can come between look and sleep. */
	sigemptyset(&caught);
	sigaddset(&caught, SIGINT);
	sigaddset(&caught, SIGTERM);
	sigprocmask(SIG_BLOCK, &caught, &before);
	if (!stopped) {
		ready = ppoll(pollfds, 2, time, &before);
		if (ready < 0 && errno != EINTR)
			err(EXIT_FAILURE, "cannot poll");
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return ready;
}

/* What sysfs says of buffers */

enum value {
	SIZE, USED, HIGHWATER, WATERMARK, RECORDS, BYTES, LOST_RECORDS,
	LOST_BYTES, OVERFLOW, WAKEUPS, VALUES
};

static const char *const value_names[VALUES] = {
	"size", "used", "highwater", "watermark", "records", "bytes",
	"lost_records", "lost_bytes", "overflow", "wakeups"
};

struct buffer {
	char device[32];	/* its name in /dev and in sysfs */
	char owner[64];
	char name[64];		/* empty if it has none */
	__u64 values[VALUES];
	ino_t identity;		/* of no other that had the number before */
	double time;
};

struct look {
	struct buffer *buffers;
	int count;
};

static double seconds_now(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static int is_buffer(const struct dirent *entry)
{
	const char *name = entry->d_name;
	const size_t prefix = strlen("bufflink");

	return !strncmp(name, "bufflink", prefix) && name[prefix] &&
	       !name[prefix + strspn(name + prefix, DIGITS)];
}

static const char *number_of(const struct buffer *buffer)
{
	return buffer->device + strlen("bufflink");
}

/* A line, which may be empty, without its newline; false if the buffer is gone. */
static bool read_text(int folder, const char *name, char text[64])
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return false;
	got = read(fd, text, 63);
	close(fd);
	text[got > 0 ? got : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return got > 0;
}

/* Through one open folder: never of two buffers that had the number in turn. */
static bool read_buffer(const char *device, struct buffer *buffer)
{
	char text[64];
	struct stat stat;
	bool good;
	int folder, i;

	snprintf(text, sizeof(text), SYSFS "/%.31s", device);
	folder = open(text, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return false;
	snprintf(buffer->device, sizeof(buffer->device), "%.31s", device);
	buffer->time = seconds_now(CLOCK_MONOTONIC);
	good = !fstat(folder, &stat) &&
	       read_text(folder, "owner", buffer->owner) &&
	       read_text(folder, "name", buffer->name);
	if (good)
		buffer->identity = stat.st_ino;
	for (i = 0; good && i < VALUES; i++) {
		good = read_text(folder, value_names[i], text);
		buffer->values[i] = strtoull(text, NULL, 10);
	}
	close(folder);
	return good;
}

/* All buffers in the order of their numbers, or only the one of this name. */
static struct look take_look(const char *only)
{
	struct look look = { };
	struct dirent **entries;
	int count, i;

	count = scandir(SYSFS, &entries, is_buffer, versionsort);
	if (count < 0)
		err(EXIT_FAILURE, "cannot read " SYSFS);
	look.buffers = calloc(count + 1, sizeof(*look.buffers));
	if (!look.buffers)
		err(EXIT_FAILURE, "cannot look at %d buffers", count);
	for (i = 0; i < count; i++) {
		if ((!only || !strcmp(only, entries[i]->d_name)) &&
		    read_buffer(entries[i]->d_name, &look.buffers[look.count]))
			look.count++;
		free(entries[i]);
	}
	free(entries);
	return look;
}

/* Exact values for programs: a member of a JSON object, or a word NAME=VALUE */

__attribute__((format(printf, 3, 4)))
static void print_value(bool json, const char *name, const char *format, ...)
{
	va_list value;

	printf(json ? ", \"%s\": " : " %s=", name);
	va_start(value, format);
	vprintf(format, value);
	va_end(value);
}

static void print_text(bool json, const char *name, const char *text)
{
	const char *quote = json ? "\"" : "";

	print_value(json, name, "%s", quote);
	for (; *text; text++) {
		if (json && (*text == '"' || *text == '\\' ||
			     (unsigned char)*text < ' '))
			printf("\\u%04x", *text);
		else
			putchar(*text);
	}
	fputs(quote, stdout);
}

static void print_ratio(bool json, const char *name, int decimals, double ratio)
{
	if (ratio < 0)
		print_value(json, name, "%s", json ? "null" : "-");
	else
		print_value(json, name, "%.*f", decimals, ratio);
}

static void print_buffer(bool json, const struct buffer *buffer)
{
	char device[64];
	int i;

	printf(json ? "{\"number\": %s" : "number=%s", number_of(buffer));
	snprintf(device, sizeof(device), "/dev/%s", buffer->device);
	print_text(json, "device", device);
	print_text(json, "owner", buffer->owner);
	print_text(json, "name", buffer->name);
	for (i = 0; i < VALUES; i++)
		print_value(json, value_names[i], "%llu", buffer->values[i]);
}

/* How fast a value grows; UNKNOWN if the buffer is new. */
static double per_second(const struct buffer *now, const struct buffer *before,
			 enum value value)
{
	if (!before)
		return UNKNOWN;
	return (now->values[value] - before->values[value]) /
	       (now->time - before->time);
}

static double wakeups_per_record(const struct buffer *buffer)
{
	if (!buffer->values[RECORDS])
		return UNKNOWN;
	return (double)buffer->values[WAKEUPS] / buffer->values[RECORDS];
}

static const struct buffer *find(const struct look *look, ino_t identity)
{
	int i;

	for (i = 0; i < look->count; i++) {
		if (look->buffers[i].identity == identity)
			return &look->buffers[i];
	}
	return NULL;
}

static void print_rates(bool json, const struct buffer *now,
			const struct look *before)
{
	static const enum value growing[] = {
		RECORDS, BYTES, LOST_RECORDS, LOST_BYTES, WAKEUPS
	};
	const struct buffer *then = find(before, now->identity);
	char name[64];
	size_t i;

	for (i = 0; i < sizeof(growing) / sizeof(*growing); i++) {
		snprintf(name, sizeof(name), "%s_per_second",
			 value_names[growing[i]]);
		print_ratio(json, name, 3, per_second(now, then, growing[i]));
	}
	print_ratio(json, "wakeups_per_record", 6, wakeups_per_record(now));
	print_value(json, "time", "%.3f", seconds_now(CLOCK_REALTIME));
}

/* With rates if there was a look before. */
static void print_exactly(bool json, const struct look *look,
			  const struct look *before)
{
	int i;

	if (json)
		putchar('[');
	for (i = 0; i < look->count; i++) {
		if (json && i)
			fputs(", ", stdout);
		print_buffer(json, &look->buffers[i]);
		if (before)
			print_rates(json, &look->buffers[i], before);
		fputs(json ? "}" : "\n", stdout);
	}
	if (json)
		puts("]");
}

/* Text of a column. */
struct cell {
	char text[128];
};

/* Of a buffer without a name, the owner alone. */
static struct cell owner_and_name(const struct buffer *buffer)
{
	struct cell cell;

	snprintf(cell.text, sizeof(cell.text), "%s%s%s", buffer->owner,
		 *buffer->name ? "/" : "", buffer->name);
	return cell;
}

/* list */

static void print_table(const struct look *look)
{
	const struct buffer *buffer;
	int i;

	printf("NUMBER  %-24s %10s %10s %12s %10s\n", "OWNER/NAME", "SIZE",
	       "USED", "RECORDS", "LOST");
	for (i = 0; i < look->count; i++) {
		buffer = &look->buffers[i];
		printf("%6s  %-24s %10llu %10llu %12llu %10llu\n",
		       number_of(buffer), owner_and_name(buffer).text,
		       buffer->values[SIZE], buffer->values[USED],
		       buffer->values[RECORDS],
		       buffer->values[LOST_RECORDS]);
	}
}

static void need_module(void)
{
	if (access("/sys/module/bufflink", F_OK))
		errx(EXIT_FAILURE, "the module bufflink is not loaded");
}

static int list(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	bool json = false;
	struct look look;
	int option;

	while ((option = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		if (option == 'j')
			json = true;
		else
			standard_option(option, list_help);
	}
	no_more_than(0, argc, argv);

	need_module();
	look = take_look(NULL);
	if (json)
		print_exactly(true, &look, NULL);
	else
		print_table(&look);
	free(look.buffers);
	return EXIT_SUCCESS;
}

/* stat */

#define BAR	20	/* characters between its brackets */

struct view {
	const char *device;	/* the only one to show, or NULL */
	const char *only;	/* its name in sysfs */
	double interval;	/* seconds */
	bool watch;
	bool json;
	bool picture;		/* for people */
};

/* Three digits at most, unless an exact value has more. */
static struct cell amount(double value, unsigned int base,
			  const char *const *units)
{
	struct cell cell = { "-" };
	int decimals, power;

	if (value < 0)
		return cell;
	for (power = 0; value >= base - 0.5; power++)
		value /= base;
	decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
	if (value == (unsigned int)value)
		decimals = 0;
	snprintf(cell.text, sizeof(cell.text), "%.*f%s", decimals, value,
		 units[power]);
	return cell;
}

static struct cell records(double value)
{
	static const char *const units[] = {
		"", " k", " M", " G", " T", " P", " E"
	};

	return amount(value, 1000, units);
}

static struct cell bytes(double value)
{
	static const char *const units[] = {
		" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"
	};

	return amount(value, 1024, units);
}

/* [######....|.........]: what waits, and where the highwater was */
static struct cell bar(const __u64 *values)
{
	__u64 used = values[USED] * BAR / values[SIZE];
	__u64 highwater = values[HIGHWATER] * BAR / values[SIZE];
	struct cell bar = { "[" };

	/* Both may be more than the size after a resize. */
	if (values[USED] && !used)
		used = 1;
	if (used > BAR)
		used = BAR;
	if (highwater >= BAR)
		highwater = BAR - 1;
	memset(bar.text + 1, '.', BAR);
	memset(bar.text + 1, '#', used);
	if (values[HIGHWATER] && highwater >= used)
		bar.text[1 + highwater] = '|';
	bar.text[1 + BAR] = ']';
	return bar;
}

/* Whether a reader knows of all that was lost. */
static const char *reported(const __u64 *values)
{
	if (values[OVERFLOW])
		return "no";
	return values[LOST_RECORDS] ? "yes" : "-";
}

static void draw_buffer(const struct buffer *now, const struct buffer *then)
{
	const __u64 *values = now->values;
	double wakeups = wakeups_per_record(now);
	char text[16] = "-";

	if (wakeups >= 0)
		snprintf(text, sizeof(text), "%.4f", wakeups);
	printf("%3s %-19.19s %8s %9s %8s %9s %8s %8s\n", number_of(now),
	       owner_and_name(now).text, bytes(values[SIZE]).text,
	       bytes(values[HIGHWATER]).text, records(values[RECORDS]).text,
	       records(per_second(now, then, RECORDS)).text,
	       bytes(values[BYTES]).text,
	       bytes(per_second(now, then, BYTES)).text);
	printf("    %s %3llu%% %15s %8s %10s %11s\n", bar(values).text,
	       values[USED] * 100 / values[SIZE], text,
	       records(values[LOST_RECORDS]).text,
	       bytes(values[LOST_BYTES]).text, reported(values));
}

/* How many buffers the terminal has room for, besides five other lines. */
static int room(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row)
		size.ws_row = 24;
	return size.ws_row < 7 ? 1 : (size.ws_row - 5) / 2;
}

static void draw_table(const struct look *now, const struct look *before,
		       int count)
{
	const struct buffer *buffer;
	int i;

	puts("  N OWNER/NAME              SIZE HIGHWATER  RECORDS RECORDS/S    BYTES  BYTES/S\n"
	     "    FILL                         WAKEUPS/RECORD     LOST BYTES LOST    REPORTED");
	for (i = 0; i < count; i++) {
		buffer = &now->buffers[i];
		draw_buffer(buffer, find(before, buffer->identity));
	}
}

/* Over the last picture, with lines cut at the edge of the terminal. */
static void draw_again(const struct view *view, const struct look *now,
		       const struct look *before)
{
	int count = room();
	time_t seconds = time(NULL);
	char clock[16];

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime(&seconds));
	printf("\033[H\033[J\033[?7lbufflink stat at %s, every %g s, Ctrl-C ends it\n",
	       clock, view->interval);
	draw_table(now, before, count < now->count ? count : now->count);
	if (count < now->count)
		printf("    and %d more\n", now->count - count);
	fputs("\033[?7h", stdout);
}

static void show(const struct view *view, const struct look *now,
		 const struct look *before)
{
	if (!view->picture)
		print_exactly(view->json, now, before);
	else if (view->watch)
		draw_again(view, now, before);
	else
		draw_table(now, before, now->count);

	if (!fflush(stdout))
		return;
	if (view->watch && (stopped || errno == EPIPE))
		exit(EXIT_SUCCESS);
	err(EXIT_FAILURE, "cannot write to standard output");
}

/* Until the next look is due; false if there is to be none. */
static bool stay(double interval)
{
	struct pollfd pollfds[2] = { { .fd = -1 } };
	struct timespec time;

	time.tv_sec = interval;
	time.tv_nsec = (interval - time.tv_sec) * 1e9;
	poll_or_stop(pollfds, &time);
	return !stopped && !(pollfds[1].revents & POLLERR);
}

static int look_on(const struct view *view)
{
	struct look before = { }, now = take_look(view->only);
	int status = EXIT_SUCCESS;

	if (view->only && !now.count)
		errx(EXIT_FAILURE, "%s is not a buffer: see 'bufflink list' for those that are%s",
		     view->device,
		     view->watch ? " (seconds alone are -wSECONDS)" : "");
	if (view->watch && view->picture)
		show(view, &now, &before);
	while (stay(view->interval)) {
		free(before.buffers);
		before = now;
		now = take_look(view->only);
		if (view->only && !now.count) {
			warnx("%s is gone", view->device);
			status = view->watch ? EXIT_SUCCESS : EXIT_FAILURE;
			break;
		}
		show(view, &now, &before);
		if (!view->watch)
			break;
	}
	free(before.buffers);
	free(now.buffers);
	return status;
}

static double seconds_argument(const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (text[strspn(text, DIGITS ".")] || *end || seconds < 0.1 ||
	    seconds > 1e6)
		errx(EXIT_USAGE, "--watch: '%s' is not a number of seconds, 0.1 to 1000000",
		     text);
	return seconds;
}

/* The name in sysfs of a device, or of what a link leads to. */
static const char *name_in_sysfs(const char *device)
{
	const char *path = realpath(device, NULL);

	return path && !strncmp(path, "/dev/", 5) ? basename(path) : "";
}

static int stat_buffers(int argc, char **argv)
{
	static const struct option options[] = {
		{ "watch", optional_argument, NULL, 'w' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct view view = { };
	int option;

	while ((option = getopt_long(argc, argv, "w::jh", options,
				     NULL)) != -1) {
		if (option == 'w') {
			view.watch = true;
			view.interval = optarg ? seconds_argument(optarg) : 0;
		} else if (option == 'j') {
			view.json = true;
		} else {
			standard_option(option, stat_help);
		}
	}
	if (view.watch && !view.interval && argc - optind > 1)
		view.interval = seconds_argument(argv[optind++]);
	no_more_than(1, argc, argv);
	if (optind < argc) {
		view.device = device_argument(argv[optind]);
		view.only = name_in_sysfs(view.device);
	}
	if (!view.interval)
		view.interval = 1;
	view.picture = !view.json && isatty(STDOUT_FILENO);
	need_module();
	if (view.picture)
		setvbuf(stdout, NULL, _IOFBF, BUFSIZ);
	if (view.watch) {
		catch_signal(SIGINT);
		catch_signal(SIGTERM);
		signal(SIGPIPE, SIG_IGN);
	}
	return look_on(&view);
}

/* cat */

struct copy {
	int fd;
	const char *device;
	bool wait;
	bool mark;
	struct bufflink_loss loss;	/* not reported by us yet */
	bool lost;
};

/* What is not read from the buffer now is there for the next reader. */
static void nobody_reads(void)
{
	raise(SIGPIPE);
	errno = EPIPE;
	err(EXIT_FAILURE, "cannot write to standard output");
}

/* The events of a buffer; 0 if there are none or a signal stopped us. */
static short poll_buffer(int fd, bool wait)
{
	const struct timespec no_time = { };
	struct pollfd pollfds[2] = {
		{ .fd = fd, .events = POLLIN | POLLPRI },
	};
	int ready;

	do
		ready = poll_or_stop(pollfds, wait ? NULL : &no_time);
	while (ready < 0 && !stopped);
	if (ready > 0 && pollfds[1].revents & POLLERR)
		nobody_reads();
	return ready > 0 ? pollfds[0].revents : 0;
}

/* Whether a loss waits for its report. */
static bool find_loss(struct copy *copy)
{
	if (!copy->loss.records &&
	    ioctl(copy->fd, BUFFLINK_GETLOSS, &copy->loss))
		err(EXIT_FAILURE, "%s: cannot learn what was lost",
		    copy->device);
	return copy->loss.records;
}

/* The report of the loss that was taken, which is then done with. */
static const char *report(struct copy *copy)
{
	static char line[PATH_MAX + 256];
	struct bufflink_loss *loss = &copy->loss;
	char last[48] = "";

	if (loss->last != loss->first)
		snprintf(last, sizeof(last), " and byte %llu", loss->last);
	snprintf(line, sizeof(line),
		 "bufflink: %s: lost %llu record%s (%llu bytes) %s byte %llu%s\n",
		 copy->device, loss->records, loss->records == 1 ? "" : "s",
		 loss->bytes, *last ? "between" : "at", loss->first, last);
	loss->records = 0;
	copy->lost = true;
	return line;
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

/* How far a loss is from the last so many bytes that were read. */
static __u64 find_place(const struct copy *copy, size_t size)
{
	struct bufflink_stats stats;
	__u64 position;

	if (ioctl(copy->fd, BUFFLINK_STATS, &stats))
		err(EXIT_FAILURE, "%s: cannot learn where a loss is",
		    copy->device);
	position = stats.bytes_read - size;
	return copy->loss.first > position ? copy->loss.first - position : 0;
}

/*
 * Writes what was read, with reports in their places. The kernel books a loss
 * before it appends what comes after: to ask after a read is to learn of all
 * losses amid what was read. One that is further on waits for a later read.
 */
static void write_marked(struct copy *copy, const char *data, size_t size)
{
	const char *line;
	__u64 place;

	while (find_loss(copy)) {
		place = find_place(copy, size);
		if (place > size)
			break;
		write_out(data, place);
		data += place;
		size -= place;
		line = report(copy);
		write_out(line, strlen(line));
	}
	write_out(data, size);
}

static void copy(struct copy *copy, __u64 limit)
{
	static char data[256 * 1024];
	const char *line;
	short events;
	size_t size;
	ssize_t got;

	while (limit) {
		events = poll_buffer(copy->fd, copy->wait);
		if (!events)
			break;
		if (events & POLLPRI && !copy->mark && find_loss(copy))
			fputs(report(copy), stderr);
		size = limit < sizeof(data) ? limit : sizeof(data);
		got = read(copy->fd, data, size);
		if (!got)
			break;
		if (got < 0 && errno != EAGAIN)
			err(EXIT_FAILURE, "cannot read %s", copy->device);
		/* There was only a loss, or another reader was faster. */
		if (got < 0)
			got = 0;
		if (copy->mark)
			write_marked(copy, data, got);
		else
			write_out(data, got);
		limit -= got;
	}
	if (!find_loss(copy))
		return;
	line = report(copy);
	if (copy->mark)
		write_out(line, strlen(line));	/* it says where */
	else
		fputs(line, stderr);
}

static int cat(int argc, char **argv)
{
	static const struct option options[] = {
		{ "no-wait", no_argument, NULL, 'f' },
		{ "mark", no_argument, NULL, 'm' },
		{ "bytes", required_argument, NULL, 'n' },
		{ "watermark", required_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	__u64 limit = ULLONG_MAX, watermark = 0;
	struct copy job = { .wait = true };
	struct bufflink_stats stats;
	int option;

	while ((option = getopt_long(argc, argv, "fmn:w:h", options,
				     NULL)) != -1) {
		if (option == 'f')
			job.wait = false;
		else if (option == 'm')
			job.mark = true;
		else if (option == 'n')
			limit = bytes_argument("--bytes", optarg, 0);
		else if (option == 'w')
			watermark = bytes_argument("--watermark", optarg, 1);
		else
			standard_option(option, cat_help);
	}
	no_more_than(1, argc, argv);
	job.device = device_argument(argv[optind]);
	job.fd = open_buffer(job.device, O_RDONLY | O_NONBLOCK, &stats);
	if (watermark)
		set_watermark(job.fd, job.device, "--watermark", watermark,
			      stats.size);

	catch_signal(SIGINT);
	catch_signal(SIGTERM);
	copy(&job, limit);
	if (stopped)
		raise(stopped);
	return job.lost ? EXIT_LOSS : EXIT_SUCCESS;
}

/* watermark */

static struct buffer find_device(const char *device)
{
	struct buffer buffer;

	if (!read_buffer(name_in_sysfs(device), &buffer))
		errx(EXIT_FAILURE, "%s is not a buffer: see 'bufflink list' for those that are",
		     device);
	return buffer;
}

/* O_WRONLY, which root may: another program may be the only reader. */
static int open_to_set(const char *device, struct bufflink_stats *stats)
{
	bool writable = !access(device, W_OK);

	return open_buffer(device, writable ? O_WRONLY : O_RDONLY, stats);
}

/* N|DEVICE [BYTES], after --help at most; BYTES is NULL if it is not there. */
static const char *device_and_bytes(int argc, char **argv, const char *help,
				    const char **bytes)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const char *device;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1)
		standard_option(option, help);
	no_more_than(2, argc, argv);
	device = device_argument(argv[optind]);
	*bytes = argv[optind + 1];
	return device;
}

static int watermark(int argc, char **argv)
{
	const char *text, *device = device_and_bytes(argc, argv, watermark_help,
						     &text);
	struct bufflink_stats stats;
	__u64 bytes;
	int fd;

	if (!text) {
		printf("%llu\n", find_device(device).values[WATERMARK]);
		return EXIT_SUCCESS;
	}
	bytes = bytes_argument("watermark", text, 1);
	fd = open_to_set(device, &stats);
	set_watermark(fd, device, "watermark", bytes, stats.size);
	return EXIT_SUCCESS;
}

/* resize */

static const char *why_no_resize(int error)
{
	switch (error) {
	case EACCES:
		return "only root may: try again as root";
	case EBUSY:
		return "bytes from before an earlier resize still wait: read them first";
	case EINVAL:
		return "its memory belongs to its kernel module, or this is no size";
	case ENOMEM:
		return "there is not enough memory: choose a smaller size";
	default:
		return strerror(error);
	}
}

static int resize(int argc, char **argv)
{
	const char *text, *device = device_and_bytes(argc, argv, resize_help,
						     &text);
	char path[64];
	__u64 bytes;
	int fd;

	if (!text)
		errx(EXIT_USAGE, "no size given: say how many bytes");
	bytes = bytes_argument("resize", text, 1);

	snprintf(path, sizeof(path), SYSFS "/%s/size",
		 find_device(device).device);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || dprintf(fd, "%llu", bytes) < 0)
		errx(EXIT_FAILURE, "cannot resize %s to %llu bytes: %s", device,
		     bytes, why_no_resize(errno));
	return EXIT_SUCCESS;
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
	no_more_than(1, argc, argv);
	device = device_argument(argv[optind]);
	fd = open_buffer(device, O_WRONLY, &stats);
	if (size > stats.size)
		errx(EXIT_USAGE, "--size: %llu is more than the %llu bytes of %s",
		     size, stats.size, device);
	if (size > BUFFLINK_WRITE_MAX)
		errx(EXIT_USAGE,
		     "--size: %llu is more than %d bytes, the most that a program can append as one record",
		     size, BUFFLINK_WRITE_MAX);

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
	{ "bufflink stat", stat_buffers },
	{ "bufflink cat", cat },
	{ "bufflink watermark", watermark },
	{ "bufflink resize", resize },
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
		errx(EXIT_USAGE, "no command given: use " COMMANDS);

	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(name, commands[i].name + prefix))
			continue;
		argc -= optind;
		argv += optind;
		argv[0] = commands[i].name;
		optind = 0;	/* begin anew */
		finish(commands[i].run(argc, argv));
	}
	errx(EXIT_USAGE, "'%s' is no command: use " COMMANDS, name);
}
