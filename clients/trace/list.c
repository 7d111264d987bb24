// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

const char list_help[] =
"Usage: bufflink-trace list\n"
"Print all events, a line for each: its group, its name, and whether it is 'on',\n"
"'off', or 'missing', as this kernel does not have it.\n"
"\n"
"  -h, --help     print this and exit\n"
"  -V, --version  print the version and exit\n"
"\n"
"Exit status: 0 good, 1 failed, 2 bad command line.\n";

const char status_help[] =
"Usage: bufflink-trace status\n"
"Print which events are on, how often each came while it was on, and what the\n"
"buffer has and has lost, since the module was loaded.\n"
"\n"
"  -h, --help     print this and exit\n"
"  -V, --version  print the version and exit\n"
"\n"
"Exit status: 0 good, 1 failed, 2 bad command line.\n";

static const struct {
	const char *group, *name;
} events[] = {
#define EVENT(name, group, tracepoint, arguments, fields) { #group, #name },
#define STATE(name, fields)
#include "bufflink_trace_events.h"
#undef EVENT
#undef STATE
};

static void take_options(int argc, char **argv, const char *help)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ }
	};
	int option;

	while ((option = getopt_long(argc, argv, "hV", options, NULL)) != -1)
		standard_option(option, "bufflink-trace", help);
	no_more_than(0, argc, argv);
}

/* Whether a list, which is separated by commas and newlines, has the word. */
static bool has_word(const char *list, const char *word)
{
	const size_t length = strlen(word);

	for (; *list; list += strcspn(list, ",\n"), list += !!*list)
		if (!strncmp(list, word, length) &&
		    strchr(",\n", list[length]))
			return true;
	return false;
}

int list(int argc, char **argv)
{
	char on[PARAMETER_MAX + 1], missing[PARAMETER_MAX + 1];
	size_t i;

	take_options(argc, argv, list_help);
	get_parameter("events", on);
	get_parameter("missing", missing);
	for (i = 0; i < sizeof(events) / sizeof(*events); i++)
		printf("%-8s %-32s %s\n", events[i].group, events[i].name,
		       has_word(on, events[i].name) ? "on" :
		       has_word(missing, events[i].name) ? "missing" : "off");
	return EXIT_SUCCESS;
}

int status(int argc, char **argv)
{
	struct bufflink_info info;
	char text[PARAMETER_MAX + 1];
	int err;

	take_options(argc, argv, status_help);
	err = bufflink_find(MODULE, &info, 0);
	if (err)
		has_not_found(MODULE, err);
	get_parameter("events", text);
	printf("buffer: %s, %llu bytes, of which %llu are used\n", info.device,
	       info.values[BUFFLINK_SIZE], info.values[BUFFLINK_USED]);
	printf("records: %llu, and %llu lost\n", info.values[BUFFLINK_RECORDS],
	       info.values[BUFFLINK_LOST_RECORDS]);
	printf("on: %s", *text == '\n' ? "none\n" : text);
	get_parameter("hits", text);
	fputs(text, stdout);
	return EXIT_SUCCESS;
}
