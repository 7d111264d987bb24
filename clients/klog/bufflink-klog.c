// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink-klog - print what the module bufflink_klog has of the kernel's log
 */
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <unistd.h>

#include "bufflink.h"
#include "bufflink_klog.h"
#include "reader.h"

#define VERSION		"1.0"
#define DIGITS		"0123456789"
#define PREFIX_MAX	64	/* <191>[1234567890.123456][ T1234567] */

/* besides EXIT_SUCCESS and EXIT_FAILURE, which is 1 */
#define EXIT_USAGE	2
#define EXIT_LOSS	3

static const char help[] =
"Usage: bufflink-klog [OPTION]... [N|DEVICE]\n"
"Print the kernel's log, of which the module bufflink_klog keeps all messages\n"
"in a buffer of bufflink, and wait for more. Messages are taken out of the\n"
"buffer, and no other program can read it meanwhile. Report on standard error\n"
"where some are missing.\n"
"N is short for /dev/bufflinkN; if none is given, it is the module's own.\n"
"\n"
"  -f, --no-wait  stop when the buffer is empty instead of waiting\n"
"  -j, --json     print a line of JSON for each message\n"
"  -x, --decode   say facility and level of each message in words\n"
"  -h, --help     print this and exit\n"
"  -V, --version  print the version and exit\n"
"\n"
"Exit status: 0 good, 1 failed, 2 bad command line, 3 messages were lost.\n";

static const struct option options[] = {
	{ "no-wait", no_argument, NULL, 'f' },
	{ "json", no_argument, NULL, 'j' },
	{ "decode", no_argument, NULL, 'x' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ }
};

static const char * const facilities[] = {
	"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news",
	"uucp", "cron", "authpriv", "ftp",
};

static const char * const levels[] = {
	"emerg", "alert", "crit", "err", "warn", "notice", "info", "debug",
};

/* What is read and not printed yet begins with a message, or is to. */
static char data[4 * BUFFLINK_KLOG_MESSAGE_MAX + 1];
static size_t have;

static const char *device;
static int fd;
static bool json, decode;
static bool lost;

/* the buffer */

static const char *device_argument(const char *name)
{
	static char path[64];

	if (!name)
		name = device_of(BUFFLINK_KLOG_OWNER);
	if (!name)
		errx(EXIT_FAILURE,
		     "there is no buffer of the kernel's log: load the module "
		     BUFFLINK_KLOG_OWNER);
	if (!*name || name[strspn(name, DIGITS)])
		return name;
	snprintf(path, sizeof(path), "/dev/bufflink%s", name);
	return path;
}

/* text */

/* How many bytes at text are one character of UTF-8; 0 if they are none. */
static size_t utf8_length(const char *text, size_t size)
{
	const unsigned char *byte = (const unsigned char *)text;
	size_t length, i;
	unsigned int code;

	if (*byte < 0x80)
		return 1;
	length = *byte < 0xe0 ? 2 : *byte < 0xf0 ? 3 : 4;
	if (*byte < 0xc2 || *byte > 0xf4 || length > size)
		return 0;
	code = *byte & (0x7f >> length);
	for (i = 1; i < length; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (byte[i] & 0x3f);
	}
	if ((length == 3 && code < 0x800) || (length == 4 && code < 0x10000) ||
	    (code >= 0xd800 && code < 0xe000) || code > 0x10ffff)
		return 0;
	return length;
}

static bool is_control(const char *text)
{
	return (unsigned char)*text < ' ' || *text == 0x7f ||
	       ((unsigned char)*text == 0xc2 && (unsigned char)text[1] < 0xa0);
}

/* Prints what a terminal may be shown; the rest in hexadecimal. */
static void print_plain(const char *text, size_t size)
{
	size_t length, i;

	for (; size; text += length, size -= length) {
		length = utf8_length(text, size);
		if (length && (!is_control(text) || *text == '\t')) {
			fwrite(text, 1, length, stdout);
			continue;
		}
		length = length ?: 1;
		for (i = 0; i < length; i++)
			printf("\\x%02x", (unsigned char)text[i]);
	}
}

static void print_json_string(const char *text, size_t size)
{
	size_t length;

	putchar('"');
	for (; size; text += length, size -= length) {
		length = utf8_length(text, size);
		if (!length) {
			fputs("\\ufffd", stdout);
			length = 1;
		} else if (length == 1 && is_control(text)) {
			printf("\\u%04x", *text);
		} else {
			if (*text == '"' || *text == '\\')
				putchar('\\');
			fwrite(text, 1, length, stdout);
		}
	}
	putchar('"');
}

/* messages */

/* The start of a text, as a string: sscanf() looks for the end of all of it */
static void copy_start(char *start, size_t max, const char *text, size_t size)
{
	size = size < max - 1 ? size : max - 1;
	memcpy(start, text, size);
	start[size] = '\0';
}

/* One message; text has size bytes, and each line in it begins with prefix. */
struct message {
	unsigned long long sequence;
	unsigned int priority;
	const char *prefix;	/* <N>, time, caller and blank */
	int prefix_size;
	int priority_size;	/* of that, <N> */
	const char *text;
	size_t size;
};

/* Time and caller are there if the kernel gives them, [T1] or [C0] the latter */
static void parse_prefix(struct message *message)
{
	char start[PREFIX_MAX + 1];
	int priority = 0, time = 0, caller = 0;

	copy_start(start, sizeof(start), message->text, message->size);
	sscanf(start, "<%u>%n", &message->priority, &priority);
	sscanf(start + priority, "[%*u.%*6u]%n", &time);
	time += priority;
	if (time > priority && start[time] == '[')
		sscanf(start + time, "[ %*1[TC]%*u]%n", &caller);
	caller += time;

	message->prefix = message->text;
	message->priority_size = priority;
	message->prefix_size = caller + (caller > priority &&
					 start[caller] == ' ');
}

/* Takes the next line from what is left of the message. */
static size_t next_line(struct message *message, const char **line)
{
	const char *end = memchr(message->text, '\n', message->size);
	size_t size = end ? (size_t)(end - message->text) : message->size;
	size_t prefix = message->prefix_size;

	if (size < prefix || memcmp(message->text, message->prefix, prefix))
		prefix = 0;
	*line = message->text + prefix;
	message->text += size + !!end;
	message->size -= size + !!end;
	return size - prefix;
}

static void print_message(struct message *message)
{
	unsigned int facility = message->priority >> 3;
	const char *line;
	size_t size;

	while (message->size) {
		size = next_line(message, &line);
		if (decode && facility < sizeof(facilities) / sizeof(char *))
			printf("%-6s:%-6s: ", facilities[facility],
			       levels[message->priority & 7]);
		else if (decode)
			printf("%-6u:%-6s: ", facility,
			       levels[message->priority & 7]);
		fwrite(message->prefix + message->priority_size, 1,
		       message->prefix_size - message->priority_size, stdout);
		print_plain(line, size);
		putchar('\n');
	}
}

/*
 * The lines of the dictionary of a message, which only /dev/kmsg has, and only
 * for as long as the message is in the log; or nothing.
 */
static const char *dictionary(unsigned long long sequence)
{
	static int kmsg = -2;
	static char record[8192 + 1];	/* the kernel's own limit */
	static unsigned long long number;
	const char *end;
	ssize_t got;

	if (kmsg == -2)
		kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	while (kmsg >= 0 && (!*record || number < sequence)) {
		got = read(kmsg, record, sizeof(record) - 1);
		if (got < 0 && errno == EPIPE)
			continue;	/* some have left the log */
		if (got <= 0)
			return "";
		record[got] = '\0';
		sscanf(record, "%*u,%llu,", &number);
	}
	end = strchr(record, '\n');
	return end && number == sequence ? end + 1 : "";
}

static void print_dictionary(const char *line)
{
	const char *value, *end, *c;

	for (; *line == ' '; line = end + 1) {
		value = strchr(line, '=');
		end = strchr(line, '\n');
		if (!end || !value || value > end)
			return;
		fputs(",\"", stdout);
		for (c = line + 1; c < value; c++)
			putchar(tolower(*c));
		fputs("\":", stdout);
		print_json_string(value + 1, end - value - 1);
	}
}

static void print_json(struct message *message)
{
	static char text[BUFFLINK_KLOG_MESSAGE_MAX];
	unsigned int seconds, microseconds;
	char prefix[PREFIX_MAX + 1];
	char caller[16] = "";
	const char *line;
	size_t length = 0;
	size_t size;

	printf("{\"seq\":%llu,\"facility\":%u,\"level\":%u", message->sequence,
	       message->priority >> 3, message->priority & 7);
	copy_start(prefix, sizeof(prefix), message->prefix,
		   message->prefix_size);
	if (sscanf(prefix, "<%*u>[%u.%6u][ %15[TC" DIGITS "]", &seconds,
		   &microseconds, caller) >= 2) {
		printf(",\"time\":%u.%06u", seconds, microseconds);
		if (*caller)
			printf(",\"caller\":\"%s\"", caller);
	}
	while (message->size) {
		if (length)
			text[length++] = '\n';
		size = next_line(message, &line);
		memcpy(text + length, line, size);
		length += size;
	}
	fputs(",\"text\":", stdout);
	print_json_string(text, length);
	print_dictionary(dictionary(message->sequence));
	fputs("}\n", stdout);
}

static void report_gap(unsigned long long sequence, unsigned long long by_log,
		       unsigned long long by_buffer)
{
	if (!by_log && !by_buffer)
		return;
	lost = true;
	fflush(stdout);
	warnx("%llu message%s lost before %llu: %llu by the kernel's log, %llu by %s",
	      by_log + by_buffer, by_log + by_buffer == 1 ? "" : "s", sequence,
	      by_log, by_buffer, device);
	if (json)
		printf("{\"before\":%llu,\"lost_by_log\":%llu,\"lost_by_buffer\":%llu}\n",
		       sequence, by_log, by_buffer);
}

/*
 * Prints the message that the size bytes begin with; says how many bytes are
 * done with. That is 0 if they do not have all of it, and if they begin in
 * the middle of one, the rest of that line.
 */
static size_t print_next(const char *text, size_t size)
{
	char start[BUFFLINK_KLOG_HEADER_MAX + 1];
	unsigned long long by_log, by_buffer;
	struct message message = { };
	bool is_whole = false;
	unsigned int length;
	const char *newline;
	int header = 0;

	copy_start(start, sizeof(start), text, size);
	sscanf(start, BUFFLINK_KLOG_HEADER "%n", &length, &message.sequence,
	       &by_log, &by_buffer, &header);
	if (header && length && length <= BUFFLINK_KLOG_MESSAGE_MAX) {
		if (size - header < length)
			return 0;
		/* Not so where the length has lost its first digits. */
		is_whole = text[header + length - 1] == '\n';
	}
	if (!is_whole) {
		newline = memchr(text, '\n', size);
		if (newline)
			return newline + 1 - text;
		return size < BUFFLINK_KLOG_MESSAGE_MAX ? 0 : size;
	}
	message.text = text + header;
	message.size = length;
	parse_prefix(&message);
	report_gap(message.sequence, by_log, by_buffer);
	if (json)
		print_json(&message);
	else
		print_message(&message);
	return header + length;
}

static void print_messages(void)
{
	size_t done = 0, more;

	data[have] = '\0';
	while ((more = print_next(data + done, have - done)))
		done += more;
	have -= done;
	memmove(data, data + done, have);
}

/* the stream */

/* With nothing left to read, says if the next message will not be the next. */
static void look_for_loss(__u64 position)
{
	struct bufflink_loss loss;

	if (ioctl(fd, BUFFLINK_GETLOSS, &loss))
		err(EXIT_FAILURE, "%s: cannot learn what was lost", device);
	if (!loss.records)
		return;
	lost = true;
	if (loss.last == position)
		warnx("messages were lost by %s; how many is known when the next one comes",
		      device);
}

/* Reads up to size bytes, and says how many; -1 if there are none now. */
static ssize_t read_more(size_t size)
{
	ssize_t got = read(fd, data + have, size);

	if (got < 0 && errno != EAGAIN)
		err(EXIT_FAILURE, "cannot read %s", device);
	if (got > 0) {
		have += got;
		print_messages();
	}
	return got;
}

static void follow(__u64 position, bool wait)
{
	ssize_t got = 1;

	while (got && !stopped) {
		got = read_more(sizeof(data) - 1 - have);
		if (got > 0) {
			position += got;
			continue;
		}
		flush();
		look_for_loss(position);
		if (got < 0 && !wait)
			break;
		if (got < 0)
			wait_for_data(fd, true);
	}
	/* Leave no half message to who reads next. */
	while (have && read_more(1) > 0)
		;
}

int main(int argc, char **argv)
{
	struct bufflink_stats stats;
	bool wait = true;
	int option;

	argv[0] = program_invocation_short_name;	/* for getopt */
	while ((option = getopt_long(argc, argv, "fjxhV", options,
				     NULL)) != -1) {
		switch (option) {
		case 'f':
			wait = false;
			break;
		case 'j':
			json = true;
			break;
		case 'x':
			decode = true;
			break;
		case 'h':
			fputs(help, stdout);
			finish(EXIT_SUCCESS);
			break;
		case 'V':
			puts("bufflink-klog " VERSION);
			finish(EXIT_SUCCESS);
			break;
		default:
			return EXIT_USAGE;	/* getopt has said why */
		}
	}
	if (argc - optind > 1)
		errx(EXIT_USAGE, "%s: unexpected argument", argv[optind + 1]);
	if (json && decode)
		errx(EXIT_USAGE, "--json and --decode do not go together");

	device = device_argument(argv[optind]);
	fd = open_alone(device);
	if (ioctl(fd, BUFFLINK_STATS, &stats))
		errx(EXIT_FAILURE, "%s is not a buffer of bufflink", device);

	catch_signals();
	follow(stats.bytes_read, wait);
	flush();
	if (stopped)
		raise(stopped);
	finish(lost ? EXIT_LOSS : EXIT_SUCCESS);
}
