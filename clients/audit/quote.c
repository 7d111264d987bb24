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
