// SPDX-License-Identifier: GPL-2.0-only
/* Events for the systemd journal, with a field for each attribute. */
#define _GNU_SOURCE
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "event.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "program.h"

#define SOCKET		"/run/systemd/journal/socket"
#define SEND_S		2	/* that the journal may take for an event */
#define FIELDS_MAX	(FIELDS + EVLOG_ATTRS_MAX + 5)

/* A field takes no more than its name, an equals sign, and its value. */
static char memory[FIELDS_MAX * (VARIABLE_MAX + 1) + 4 * EVLOG_RECORD_MAX];
static struct iovec fields[FIELDS_MAX];
static size_t used;
static int count;

static void add(const char *name, const char *data, size_t size)
{
	char *field = memory + used;
	const size_t length = strlen(name);

	memcpy(field, name, length);
	field[length] = '=';
	memcpy(field + length + 1, data, size);
	fields[count].iov_base = field;
	fields[count].iov_len = length + 1 + size;
	used += fields[count++].iov_len;
}

static void add_string(const char *name, const char *text)
{
	add(name, text, strlen(text));
}

static void add_value(const char *prefix, const struct value *value)
{
	char name[VARIABLE_MAX + 1];
	size_t size;
	const char *text = value_text(value, &size);

	variable_name(name, prefix, value);
	add(name, text, size);
}

static void interrupt(int number)
{
	(void)number;
}

/*
 * A journal that hangs would keep the library in a call for ever. The alarm comes
 * again, in case the first one is early.
 */
static int send_in_time(void)
{
	const struct sigaction action = { .sa_handler = interrupt };
	const struct timeval time = { .tv_sec = SEND_S };
	const struct itimerval alarm = {
		.it_interval = time, .it_value = time,
	}, none = { };
	int err;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &alarm, NULL);
	err = sd_journal_sendv(fields, count);
	setitimer(ITIMER_REAL, &none, NULL);
	return err == -EINTR ? -ETIMEDOUT : err;
}

/* The library says that all is well if there is no journal at all. */
static int try_to_send(void)
{
	int err;

	if (access(SOCKET, F_OK))	/* nor if one comes just behind that */
		return -errno;
	err = send_in_time();
	return !err && access(SOCKET, F_OK) ? -errno : err;
}

/* The journal may be started anew: events in the buffer wait there. */
static void send_fields(void)
{
	int err = try_to_send();

	if (err)
		warnx("cannot send an event to the journal: %s; trying again",
		      strerror(-err));
	while (err && stay(0.5))
		err = try_to_send();
	if (err)
		errx(EXIT_FAILURE,
		     "events that were read are lost: the journal did not take them: %s",
		     strerror(-err));
}

static void begin_fields(const char *severity)
{
	used = 0;
	count = 0;
	add_string("SYSLOG_IDENTIFIER", "bufflink-evlog");
	add_string("PRIORITY", severity);
}

void send_to_journal(const struct event *event)
{
	const struct value *message = &event->fields[TEXT];
	char severity[16];
	size_t i;

	/* An entry without a message is no help to people. */
	if (!message->size)
		message = &event->fields[TYPE];
	snprintf(severity, sizeof(severity), "%u", event->severity);
	begin_fields(severity);
	add("MESSAGE", message->data, message->size);
	add_string("TIME", time_text(event));
	if (event->is_cut)
		add_string("CUT", "1");
	for (i = 0; i < FIELDS; i++)
		if (i != TEXT)
			add_value("", &event->fields[i]);
	for (i = 0; i < event->n; i++)
		add_value("ATTR_", &event->attrs[i]);
	send_fields();
}

void send_loss_to_journal(const struct bufflink_loss *loss)
{
	begin_fields("4");
	add_string("MESSAGE", loss_text(loss));
	send_fields();
}
