// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <err.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wctype.h>

#include "text.h"

const char *const levels[LEVELS + 1] = {
	"emerg", "alert", "crit", "err", "warn", "notice", "info", "debug",
	NULL
};

/* How many bytes at text are one character of UTF-8; 0 if they are none. */
static size_t utf8_length(const char *text, size_t size, wint_t *number)
{
	const unsigned char *byte = (const unsigned char *)text;
	size_t length, i;
	unsigned int code;

	*number = *byte;
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
	*number = code;
	return length;
}

static bool is_control(wint_t code)
{
	return code < ' ' || (code >= 0x7f && code < 0xa0);
}

/* By the locale that has all characters: the output depends on no other one. */
static bool is_printable(wint_t code)
{
	static locale_t locale;
	static bool has_asked;

	if (code < 0x7f)
		return code >= ' ';
	if (!has_asked)
		locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
	has_asked = true;
	return locale ? iswprint_l(code, locale) : !is_control(code);
}

static void print_escaped(FILE *file, const char *text, size_t size,
			  bool controls)
{
	size_t length, i;
	wint_t code;

	for (; size; text += length, size -= length) {
		length = utf8_length(text, size, &code);
		if (length &&
		    (!controls || is_printable(code) || *text == '\t')) {
			fwrite(text, 1, length, file);
			continue;
		}
		length = length ?: 1;
		for (i = 0; i < length; i++)
			fprintf(file, "\\x%02x", (unsigned char)text[i]);
	}
}

void fprint_plain(FILE *file, const char *text, size_t size)
{
	print_escaped(file, text, size, true);
}

void print_plain(const char *text, size_t size)
{
	fprint_plain(stdout, text, size);
}

const char *iso_time(__u64 time, char separator)
{
	const time_t seconds = time / 1000000;
	static char text[64];
	char date[32], zone[8];
	struct tm tm;

	if (!localtime_r(&seconds, &tm))
		err(EXIT_FAILURE, "cannot print the time %llu", time);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	strftime(zone, sizeof(zone), "%z", &tm);
	snprintf(text, sizeof(text), "%s%c%06u%.3s:%s", date, separator,
		 (unsigned int)(time % 1000000), zone, zone + 3);
	return text;
}

bool is_plain(const char *text, size_t size)
{
	size_t length;
	wint_t code;

	for (; size; text += length, size -= length) {
		length = utf8_length(text, size, &code);
		if (!length ||
		    (is_control(code) && *text != '\t' && *text != '\n'))
			return false;
	}
	return true;
}

static void add(struct json_object *object, const char *name,
		struct json_object *value)
{
	if (!value || json_object_object_add(object, name, value))
		errx(EXIT_FAILURE, "no memory for JSON");
}

void add_item(struct json_object *array, struct json_object *item)
{
	if (!item || json_object_array_add(array, item))
		errx(EXIT_FAILURE, "no memory for JSON");
}

static bool is_utf8(const char *text, size_t size)
{
	size_t length = 1;
	wint_t code;

	for (; size && length; text += length, size -= length)
		length = utf8_length(text, size, &code);
	return length;
}

static void add_escaped(struct json_object *object, const char *name,
			const char *text, size_t size)
{
	size_t escaped_size;
	char *escaped;
	FILE *memory = open_memstream(&escaped, &escaped_size);

	if (!memory)
		err(EXIT_FAILURE, "no memory for JSON");
	print_escaped(memory, text, size, false);
	if (fclose(memory))
		err(EXIT_FAILURE, "no memory for JSON");
	add(object, name, json_object_new_string_len(escaped, escaped_size));
	free(escaped);
}

void add_text(struct json_object *object, const char *name, const char *text,
	      size_t size)
{
	if (is_utf8(text, size))
		add(object, name, json_object_new_string_len(text, size));
	else
		add_escaped(object, name, text, size);
}

void add_bytes(struct json_object *object, const char *name, const char *bytes,
	       size_t size)
{
	struct json_object *array = json_object_new_array();
	size_t i;

	add(object, name, array);
	for (i = 0; i < size; i++)
		add_item(array, json_object_new_int((unsigned char)bytes[i]));
}

void add_string(struct json_object *object, const char *name, const char *text)
{
	add_text(object, name, text, strlen(text));
}

void add_number(struct json_object *object, const char *name, __u64 number)
{
	add(object, name, json_object_new_uint64(number));
}

void add_flag(struct json_object *object, const char *name)
{
	add(object, name, json_object_new_boolean(true));
}

bool is_safe_number(bool is_signed, __u64 number)
{
	if (is_signed && (__s64)number < 0)
		number = -number;
	return number < 1ULL << 53;
}

void add_loss(struct json_object *object, const char *records,
	      const char *bytes, const struct bufflink_loss *loss)
{
	add_number(object, records, loss->records);
	add_number(object, bytes, loss->bytes);
	add_number(object, "first", loss->first);
	add_number(object, "last", loss->last);
}

void add_digits(struct json_object *object, const char *name, bool quoted,
		const char *format, ...)
{
	char text[64];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	add(object, name, quoted ? json_object_new_string(text) :
		json_object_new_double_s(strtod(text, NULL), text));
}

void add_seconds(struct json_object *object, const char *name, __u64 time)
{
	add_decimal(object, name, "%llu.%09llu", time / 1000000000,
		    time % 1000000000);
}

/* A terminal obeys DEL and C1, too. They can only be within strings. */
static void put_json(FILE *file, const char *line)
{
	const unsigned char *at = (const unsigned char *)line;

	if (!strpbrk(line, "\x7f\xc2")) {
		fprintf(file, "%s\n", line);
		return;
	}
	for (; *at; at++)
		if (*at == 0x7f)
			fputs("\\u007f", file);
		else if (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0)
			fprintf(file, "\\u%04x", *++at);
		else
			putc(*at, file);
	putc('\n', file);
}

void fprint_json(FILE *file, struct json_object *object)
{
	const char *line = json_object_to_json_string_ext(object,
			JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	if (!line)
		errx(EXIT_FAILURE, "no memory for JSON");
	put_json(file, line);
	json_object_put(object);
}

void print_json(struct json_object *object)
{
	fprint_json(stdout, object);
}

/* columns */

static struct cell amount(double value, unsigned int base,
			  const char *const *units)
{
	struct cell cell = { "-" };
	int decimals, power;

	if (value < 0)
		return cell;
	for (power = 0; value >= base - 0.5 && units[power + 1]; power++)
		value /= base;
	decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
	if (value == (unsigned int)value)
		decimals = 0;
	snprintf(cell.text, sizeof(cell.text), "%.*f%s", decimals, value,
		 units[power]);
	return cell;
}

struct cell in_thousands(double value)
{
	static const char *const units[] = {
		"", " k", " M", " G", " T", " P", " E", NULL
	};

	return amount(value, 1000, units);
}

struct cell in_bytes(double value)
{
	static const char *const units[] = {
		" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB", NULL
	};

	return amount(value, 1024, units);
}
