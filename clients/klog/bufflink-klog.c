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
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bufflink_klog.h"
#include "program.h"
#include "text.h"

#define PREFIX_MAX	64	/* <191>[1234567890.123456][ T1234567] */

static const char help[] =
"Usage: bufflink-klog [OPTION]... [BUFFER]\n"
"Print the kernel's log, of which the module bufflink_klog keeps all messages\n"
"in a buffer of bufflink, and wait for more. Messages are taken out of the\n"
"buffer, and no other program can read it meanwhile. Report on standard error\n"
"where some are missing.\n"
"BUFFER is N, short for /dev/bufflinkN, the path of a device, OWNER or\n"
"OWNER/NAME; if none is given, it is the module's own.\n"
"\n"
"  -f, --no-wait         stop when the buffer is empty instead of waiting\n"
"  -j, --json            print a line of JSON for each message\n"
"  -r, --reopen          when the module is unloaded, wait until it is loaded\n"
"                        again, say so, and go on\n"
"  -W, --wait[=SECONDS]  if the module is not loaded yet, wait for it\n"
"  -x, --decode          say facility and level of each message in words\n"
"  -h, --help            print this and exit\n"
"  -V, --version         print the version and exit\n"
"\n"
"Exit status: 0 good, 1 failed, 2 bad command line, 3 messages were lost.\n";

static const struct option options[] = {
	{ "no-wait", no_argument, NULL, 'f' },
	{ "json", no_argument, NULL, 'j' },
	{ "reopen", no_argument, NULL, 'r' },
	{ "wait", optional_argument, NULL, 'W' },
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

static const char *device;
static bool json, decode;
static bool lost;	/* messages */
static __u64 last_loss;	/* where in the stream; 0 if the next message tells */

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

static void add_dictionary(struct json_object *object, const char *line)
{
	const char *value, *end;
	char name[64], *c;

	for (; *line == ' '; line = end + 1) {
		value = strchr(line, '=');
		end = strchr(line, '\n');
		if (!end || !value || value > end)
			return;
		copy_start(name, sizeof(name), line + 1, value - line - 1);
		for (c = name; *c; c++)
			*c = tolower(*c);
		add_text(object, name, value + 1, end - value - 1);
	}
}

static void add_prefix(struct json_object *object,
		       const struct message *message)
{
	unsigned int seconds, microseconds;
	char prefix[PREFIX_MAX + 1];
	char caller[16] = "";

	copy_start(prefix, sizeof(prefix), message->prefix,
		   message->prefix_size);
	if (sscanf(prefix, "<%*u>[%u.%6u][ %15[TC" DIGITS "]", &seconds,
		   &microseconds, caller) < 2)
		return;
	add_decimal(object, "time", "%u.%06u", seconds, microseconds);
	if (*caller)
		add_string(object, "caller", caller);
}

static void print_as_json(struct message *message)
{
	static char text[BUFFLINK_KLOG_MESSAGE_MAX];
	struct json_object *object = json_object_new_object();
	const char *line;
	size_t length = 0;
	size_t size;

	add_number(object, "seq", message->sequence);
	add_number(object, "facility", message->priority >> 3);
	add_number(object, "level", message->priority & 7);
	add_prefix(object, message);
	while (message->size) {
		if (length)
			text[length++] = '\n';
		size = next_line(message, &line);
		memcpy(text + length, line, size);
		length += size;
	}
	add_text(object, "text", text, length);
	add_dictionary(object, dictionary(message->sequence));
	print_json(object);
}

static void report_gap(unsigned long long sequence, unsigned long long by_log,
		       unsigned long long by_buffer)
{
	struct json_object *object;

	if (!by_log && !by_buffer)
		return;
	lost = true;
	flush();
	warnx("%llu message%s lost before %llu: %llu by the kernel's log, %llu by %s",
	      by_log + by_buffer, by_log + by_buffer == 1 ? "" : "s", sequence,
	      by_log, by_buffer, device);
	if (!json)
		return;
	object = json_object_new_object();
	add_number(object, "before", sequence);
	add_number(object, "lost_by_log", by_log);
	add_number(object, "lost_by_buffer", by_buffer);
	print_json(object);
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
		print_as_json(&message);
	else
		print_message(&message);
	return header + length;
}

/* The next message says how many, if there is a next one. */
static void note_loss(const struct bufflink_loss *loss)
{
	lost = true;
	last_loss = loss->last;
}

static void tell_loss(__u64 position)
{
	if (last_loss && last_loss == position)
		warnx("messages were lost by %s; how many is known when the next one comes",
		      device);
	last_loss = 0;
}

static void reopened(void)
{
	warnx("%s: the module was loaded again", device);
}

int main(int argc, char **argv)
{
	struct follow job = {
		.buffer = BUFFLINK_KLOG_OWNER, .module = BUFFLINK_KLOG_OWNER,
		.flags = BUFFLINK_EXCLUSIVE, .wait = true, .limit = ULLONG_MAX,
		.print = print_next, .print_loss = note_loss,
		.caught_up = tell_loss, .reopened = reopened,
	};
	struct bufflink_reader *reader;
	int option;

	begin(argv);
	while ((option = getopt_long(argc, argv, "fjrW::xhV", options,
				     NULL)) != -1) {
		switch (option) {
		case 'j':
			json = true;
			break;
		case 'x':
			decode = true;
			break;
		default:
			follow_option(&job, option, optarg, "bufflink-klog", help);
		}
	}
	no_more_than(1, argc, argv);
	if (json && decode)
		errx(EXIT_USAGE, "--json and --decode do not go together");
	if (argv[optind]) {
		job.buffer = argv[optind];
		job.module = NULL;
	}

	catch_signals();
	reader = open_reader(&job);
	device = bufflink_device(reader);
	lost |= follow(&job, reader);
	bufflink_free(reader);
	if (stopped)
		raise(stopped);
	finish(lost ? EXIT_LOSS : EXIT_SUCCESS);
}
