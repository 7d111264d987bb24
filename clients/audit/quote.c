// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "audit.h"

void print_quoted(FILE *file, const char *text, size_t size, const char *other)
{
	static const char special[] = "\"\\\f\n\r\t\v", letters[] = "\"\\fnrtv";
	const char *found;
	bool digit;
	size_t i;

	for (i = 0; i < size; i++) {
		found = text[i] ? strchr(special, text[i]) : NULL;
		digit = i + 1 < size && text[i + 1] >= '0' && text[i + 1] <= '9';
		if (found)
			fprintf(file, "\\%c", letters[found - special]);
		else if (text[i] >= ' ' && text[i] < 0x7f &&
			 !strchr(other, text[i]))
			putc(text[i], file);
		else
			fprintf(file, digit ? "\\%03o" : "\\%o",
				(unsigned char)text[i]);
	}
}

static void print_digits(FILE *file, __u64 value, unsigned int base)
{
	static const char digits[] = "0123456789abcdef";
	char text[24];
	size_t at = sizeof(text);

	do
		text[--at] = digits[value % base];
	while (value /= base);
	fwrite(text + at, 1, sizeof(text) - at, file);
}

void print_decimal(FILE *file, __s64 value)
{
	if (value < 0)
		putc('-', file);
	print_digits(file, value < 0 ? -(__u64)value : (__u64)value, 10);
}

void print_hex(FILE *file, __u64 value)
{
	if (value)
		fputs("0x", file);
	print_digits(file, value, 16);
}
