// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each event as a line. Its text comes last and a string has quotes, so neither can
 * look like another part of the line.
 */
#define _GNU_SOURCE
#include "event.h"

#include <ctype.h>
#include <string.h>

#include "text.h"

/* A name, in which all that could end it is in hexadecimal. */
static void print_name(const char *name, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++) {
		if (isascii(name[i]) &&
		    (isalnum(name[i]) || strchr("_.:@+-", name[i])) && name[i])
			putchar(name[i]);
		else
			printf("\\x%02x", (unsigned char)name[i]);
	}
}

static void print_field(const struct event *event, enum field field)
{
	print_name(event->fields[field].data, event->fields[field].size);
}

/* U+202A to U+202E, and U+2066 to U+2069, change the direction of text. */
static bool is_direction(const char *text, size_t size)
{
	const unsigned char *byte = (const unsigned char *)text;

	return size >= 3 && *byte == 0xe2 &&
	       ((byte[1] == 0x80 && byte[2] >= 0xaa && byte[2] <= 0xae) ||
		(byte[1] == 0x81 && byte[2] >= 0xa6 && byte[2] <= 0xa9));
}

void fprint_line(FILE *file, const char *text, size_t size)
{
	size_t length;

	for (; size; text += length, size -= length) {
		length = 0;
		while (length < size &&
		       !is_direction(text + length, size - length))
			length++;
		fprint_plain(file, text, length);
		if (length == size)
			break;
		fprintf(file, "\\xe2\\x%02x\\x%02x",
			(unsigned char)text[length + 1],
			(unsigned char)text[length + 2]);
		length += 3;
	}
}

static void print_quoted(const char *text, size_t size)
{
	size_t length;

	putchar('"');
	for (; size; text += length, size -= length) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		length = 1;
		while (length < size && text[length] != '"' &&
		       text[length] != '\\')
			length++;
		fprint_line(stdout, text, length);
	}
	putchar('"');
}

static void print_attr(const struct value *attr)
{
	size_t size;
	const char *text = value_text(attr, &size);

	print_name(attr->name, attr->name_size);
	putchar('=');
	if (attr->kind == EVLOG_KIND_STRING)
		print_quoted(text, size);
	else
		printf("%.*s", (int)size, text);
}

static void print_attrs(const struct event *event)
{
	size_t i;

	for (i = 0; i < event->n; i++) {
		printf(i ? " " : " {");
		print_attr(&event->attrs[i]);
	}
	if (event->n)
		putchar('}');
	else if (event->fields[TEXT].size && *event->fields[TEXT].data == '{')
		printf(" {}");	/* or the text would look like attributes */
}

void print_line(const struct event *event)
{
	const struct value *fields = event->fields;

	printf("%s ", time_text(event));
	print_field(event, SEVERITY);
	putchar(' ');
	print_field(event, FACILITY);
	putchar('/');
	print_field(event, TYPE);
	printf(" (");
	print_field(event, MODULE);
	printf(", cpu %llu, pid %llu, uid %llu, ", fields[CPU].number,
	       fields[PID].number, fields[UID].number);
	print_field(event, CONTEXT);
	printf("%s)", event->is_cut ? ", cut" : "");
	print_attrs(event);
	if (fields[TEXT].size) {
		putchar(' ');
		fprint_line(stdout, fields[TEXT].data, fields[TEXT].size);
	}
	putchar('\n');
}
