// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <string.h>

#include "audit.h"

/* How many bytes, from the first on, are printed as they are */
static size_t simple_length(const char *text, size_t size, const char *other)
{
	size_t i;

	for (i = 0; i < size; i++)
		if (text[i] < ' ' || text[i] >= 0x7f || text[i] == '"' ||
		    text[i] == '\\' || (*other && strchr(other, text[i])))
			break;
	return i;
}

static void print_escape(FILE *file, const char *text, size_t size)
{
	static const char special[] = "\"\\\f\n\r\t\v", letters[] = "\"\\fnrtv";
	const char *found = *text ? strchr(special, *text) : NULL;
	bool digit = size > 1 && text[1] >= '0' && text[1] <= '9';

	if (found)
		fprintf(file, "\\%c", letters[found - special]);
	else
		fprintf(file, digit ? "\\%03o" : "\\%o", (unsigned char)*text);
}

void print_quoted(FILE *file, const char *text, size_t size, const char *other)
{
	size_t length;

	for (; size; text += length, size -= length) {
		length = simple_length(text, size, other);
		if (length) {
			fwrite_unlocked(text, 1, length, file);
			continue;
		}
		print_escape(file, text, size);
		length = 1;
	}
}

/*
 * After the prefix, and with zeros in front if there are fewer than width digits.
 * All at once: most of a line's time goes by the calls that write it.
 */
static void print_digits(FILE *file, const char *prefix, __u64 value,
			 unsigned int base, unsigned int width)
{
	static const char digits[] = "0123456789abcdef";
	size_t size = strlen(prefix);
	char text[24];
	const size_t end = sizeof(text);
	size_t at = end;

	do
		text[--at] = digits[value % base];
	while ((value /= base) || end - at < width);
	at -= size;
	memcpy(text + at, prefix, size);
	fwrite_unlocked(text + at, 1, end - at, file);
}

void print_decimal(FILE *file, __s64 value)
{
	print_digits(file, value < 0 ? "-" : "",
		     value < 0 ? -(__u64)value : (__u64)value, 10, 0);
}

void print_unsigned(FILE *file, __u64 value)
{
	print_digits(file, "", value, 10, 0);
}

void print_octal(FILE *file, __u64 value)
{
	print_digits(file, "0", value, 8, 2);
}

void print_hex(FILE *file, __u64 value)
{
	print_digits(file, value ? "0x" : "", value, 16, 0);
}

void print_hex_digits(FILE *file, __u64 value)
{
	print_digits(file, "", value, 16, 0);
}

void print_seconds(FILE *file, __u64 time, unsigned int places)
{
	__u64 part = time % 1000000000;
	unsigned int i;

	for (i = places; i < 9; i++)
		part /= 10;
	print_digits(file, "", time / 1000000000, 10, 0);
	print_digits(file, ".", part, 10, places);
}
