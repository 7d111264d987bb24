// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink-klog - print the kernel's log, which bufflink_klog keeps
 */
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <err.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "bufflink_klog.h"
#include "message.h"
#include "program.h"

static const char help[] =
"Usage: bufflink-klog [OPTION]... [BUFFER]\n"
"Print the kernel's log, of which the module bufflink_klog keeps all messages\n"
"in a buffer of bufflink, and wait for more. Messages are taken out of the\n"
"buffer, and no other program can read it meanwhile. Report on standard error\n"
"where some are missing. Letters mean the same as for dmesg(1).\n"
"BUFFER is N, short for /dev/bufflinkN, the path of a device, OWNER or\n"
"OWNER/NAME; if none is given, it is the module's own.\n"
"\n"
"How to read:\n"
"      --no-wait         stop when the buffer is empty instead of waiting\n"
"      --reopen          when the module is unloaded, wait until it is loaded\n"
"                        again, say so, and go on\n"
"      --wait[=SECONDS]  if the module is not loaded yet, wait for it\n"
"  -w, --follow          wait for more, as without --no-wait\n"
"\n"
"Messages to print (the rest is taken out of the buffer, too):\n"
"  -f, --facility=LIST   of these facilities: kern,user,daemon or numbers\n"
"  -k, --kernel          of the kernel itself: of the facility kern\n"
"  -l, --level=LIST      of these levels: emerg,alert,crit,err,warn,notice,info,\n"
"                        debug or numbers\n"
"      --since=TIME      after this time: YYYY-MM-DD, HH:MM[:SS], both of them,\n"
"                        or @SECONDS since 1970\n"
"      --until=TIME      before this time\n"
"  -u, --userspace       of programs: of all facilities but kern\n"
"\n"
"How to print:\n"
"  -d, --show-delta      add the time since the message before\n"
"  -e, --reltime         print times as minutes of the clock and differences\n"
"  -H, --human           the same\n"
"  -J, --json[=FORM]     print a line of JSON for each message, with the names\n"
"                        of dmesg(1) or, if FORM is journal, of the journal\n"
"  -L, --color[=WHEN]    in colors: auto (on a terminal, which is the default),\n"
"                        always or never\n"
"  -o, --output=FILE     append to this file; SIGHUP opens it again\n"
"  -p, --force-prefix    begin each line of a message with its time\n"
"  -r, --raw             print level and facility as <NUMBER>\n"
"  -T, --ctime           print times of the wall clock\n"
"  -t, --notime          print no times\n"
"      --time-format=FORMAT  raw, ctime, delta, reltime, iso or notime\n"
"  -x, --decode          say facility and level of each message in words\n"
"  -h, --help            print this and exit\n"
"  -V, --version         print the version and exit\n"
"\n"
"Exit status: 0 good, 1 failed, 2 bad command line, 3 messages were lost.\n";

static const struct option options[] = {
	{ "color", optional_argument, NULL, 'L' },
	{ "ctime", no_argument, NULL, 'T' },
	{ "decode", no_argument, NULL, 'x' },
	{ "facility", required_argument, NULL, 'f' },
	{ "follow", no_argument, NULL, 'w' },
	{ "force-prefix", no_argument, NULL, 'p' },
	{ "help", no_argument, NULL, 'h' },
	{ "human", no_argument, NULL, 'H' },
	{ "json", optional_argument, NULL, 'J' },
	{ "kernel", no_argument, NULL, 'k' },
	{ "level", required_argument, NULL, 'l' },
	{ "no-wait", no_argument, NULL, NO_WAIT },
	{ "notime", no_argument, NULL, 't' },
	{ "output", required_argument, NULL, 'o' },
	{ "raw", no_argument, NULL, 'r' },
	{ "reltime", no_argument, NULL, 'e' },
	{ "reopen", no_argument, NULL, REOPEN },
	{ "show-delta", no_argument, NULL, 'd' },
	{ "since", required_argument, NULL, SINCE },
	{ "time-format", required_argument, NULL, TIME_FORMAT },
	{ "until", required_argument, NULL, UNTIL },
	{ "userspace", no_argument, NULL, 'u' },
	{ "version", no_argument, NULL, 'V' },
	{ "wait", optional_argument, NULL, WAIT },
	{ }
};

static const char *device;
static bool lost;	/* messages */
static __u64 last_loss;	/* where in the stream; 0 if the next message tells */

static void report_gap(unsigned long long sequence, unsigned long long by_log,
		       unsigned long long by_buffer)
{
	char text[256];

	if (!by_log && !by_buffer)
		return;
	lost = true;
	flush();
	snprintf(text, sizeof(text),
		 "%llu message%s lost before %llu: %llu by the kernel's log, %llu by %s",
		 by_log + by_buffer, by_log + by_buffer == 1 ? "" : "s",
		 sequence, by_log, by_buffer, device);
	warnx("%s", text);
	if (json)
		print_loss_as_json(text, sequence, by_log, by_buffer);
}

/* The start of a text, as a string: sscanf() looks for the end of all of it */
static void copy_start(char *start, size_t max, const char *text, size_t size)
{
	size = size < max - 1 ? size : max - 1;
	memcpy(start, text, size);
	start[size] = '\0';
}

static void print_message(const struct message *message)
{
	if (!is_chosen(message))
		return;
	if (json)
		print_message_as_json(message);
	else
		print_lines(message);
}

/* The log numbers its messages from the boot on. */
static unsigned long long next_sequence;	/* after the last that was read */
static bool is_reloaded;	/* since then, and began with all in the log */

/*
 * Messages that came while there was no module, and had left the log, are lost,
 * too. Those that the buffer refused may have been read before the reload.
 */
static void take_message(const struct message *message,
			 unsigned long long by_log, unsigned long long by_buffer)
{
	const unsigned long long missing = message->sequence - next_sequence;

	if (is_reloaded && message->sequence < next_sequence)
		return;
	if (is_reloaded && next_sequence) {
		by_buffer = by_buffer < missing ? by_buffer : missing;
		by_log = missing - by_buffer;
	}
	is_reloaded = false;
	next_sequence = message->sequence + 1;
	report_gap(message->sequence, by_log, by_buffer);
	print_message(message);
}

static bool has_begun;		/* with a whole message */
static bool has_skipped;	/* the rest of one, which came before it */

/*
 * Skips a line of a message whose start another reader has taken, or says that it
 * is not all there.
 */
static size_t skip_line(const char *text, size_t size)
{
	const char *newline = memchr(text, '\n', size);

	if (!newline && size < BUFFLINK_KLOG_MESSAGE_MAX)
		return 0;
	/* Lines but the first of a message have its prefix. */
	if (!newline || has_begun || (has_skipped && *text != '<'))
		no_record(BUFFLINK_KLOG_OWNER);
	if (!has_skipped)
		warnx("%s begins in the middle of a record, which is left out",
		      device);
	has_skipped = true;
	return newline + 1 - text;
}

/*
 * Prints the message that the size bytes begin with; says how many bytes are
 * done with, which is 0 if they do not have all of it.
 */
static size_t print_next(const char *text, size_t size)
{
	char start[BUFFLINK_KLOG_HEADER_MAX + 1];
	unsigned long long by_log, by_buffer;
	struct message message = { };
	bool is_whole = false;
	unsigned int length;
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
	if (!is_whole)
		return skip_line(text, size);
	has_begun = true;
	read_lines(&message, text + header, length);
	take_message(&message, by_log, by_buffer);
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
	look_at_kernel();
}

/* Then a buffer that has no whole message had one that another reader began. */
static bool is_of_module;

static void look_at_owner(void)
{
	struct bufflink_info info;

	is_of_module = !bufflink_find(device, &info, 0) &&
		       !strcmp(info.owner, BUFFLINK_KLOG_OWNER);
}

static void reopened(void)
{
	look_at_owner();
	is_reloaded = true;
	has_begun = false;
	has_skipped = false;
}

/* All programs have some options, which have other letters in the others. */
static void take_option(struct follow *job, int option)
{
	if (format_option(option, optarg) || choice_option(option, optarg))
		return;
	switch (option) {
	case 'J':
		json_option(optarg);
		return;
	case 'w':
		job->wait = true;
		return;
	case NO_WAIT:
		option = 'f';
		break;
	case REOPEN:
		option = 'r';
		break;
	case WAIT:
		option = 'W';
		break;
	}
	follow_option(job, option, optarg, "bufflink-klog", help);
}

int main(int argc, char **argv)
{
	struct follow job = {
		.module = BUFFLINK_KLOG_OWNER,
		.flags = BUFFLINK_EXCLUSIVE, .wait = true, .limit = ULLONG_MAX,
		.print = print_next, .print_loss = note_loss,
		.caught_up = tell_loss, .reopened = reopened,
	};
	struct bufflink_reader *reader;
	int option;

	begin(argv);
	while ((option = getopt_long(argc, argv, "def:HJkL::l:o:prTtuwxhV",
				     options, NULL)) != -1)
		take_option(&job, option);
	follow_operand(&job, argc, argv);
	settle_format();

	catch_signals();
	look_at_kernel();
	reader = open_reader(&job);
	device = bufflink_device(reader);
	look_at_owner();
	lost |= follow(&job, reader);
	if (has_skipped && !has_begun && !stopped && !is_of_module)
		no_record(BUFFLINK_KLOG_OWNER);
	bufflink_free(reader);
	end_reading(EXIT_SUCCESS, lost);
}
