/* SPDX-License-Identifier: GPL-2.0-only */
/* Text of others, for terminals and as JSON. */
#ifndef _TEXT_H
#define _TEXT_H

#include <json-c/json.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "bufflink.h"

/*
 * In printed text, a byte that is no character of UTF-8 becomes \xHH. For a
 * terminal, so does each byte of a character that cannot be printed, but the tab.
 */
void print_plain(const char *text, size_t size);
void fprint_plain(FILE *file, const char *text, size_t size);

/* 2026-11-27T15:40:00,123456+01:00, with that separator; microseconds since 1970 */
const char *iso_time(__u64 time, char separator);

#define LEVELS		8

/* The names of levels, as syslog(3) numbers them, and NULL */
extern const char *const levels[LEVELS + 1];

/* It is UTF-8, with no control character but tabs and newlines. */
bool is_plain(const char *text, size_t size);

void add_text(struct json_object *object, const char *name, const char *text,
	      size_t size);
/* As a list of numbers. */
void add_bytes(struct json_object *object, const char *name, const char *bytes,
	       size_t size);
void add_string(struct json_object *object, const char *name, const char *text);
void add_number(struct json_object *object, const char *name, __u64 number);
/* The name alone tells that it is so. */
void add_flag(struct json_object *object, const char *name);
/* Its members, two of which have these names. */
void add_loss(struct json_object *object, const char *records,
	      const char *bytes, const struct bufflink_loss *loss);
/* Programs that read JSON may keep no more than 53 bits of a number. */
bool is_safe_number(bool is_signed, __u64 number);
/* Digits, all of which are kept: a number, or a string. */
__attribute__((format(printf, 4, 5)))
void add_digits(struct json_object *object, const char *name, bool quoted,
		const char *format, ...);
#define add_decimal(object, name, ...) \
	add_digits(object, name, false, __VA_ARGS__)
#define add_quoted(object, name, ...) \
	add_digits(object, name, true, __VA_ARGS__)
/* of nanoseconds */
void add_seconds(struct json_object *object, const char *name, __u64 time);
/* To an array; ends the program if there was no memory for it. */
void add_item(struct json_object *array, struct json_object *item);
/* On a line, and gives it back. */
void print_json(struct json_object *object);
void fprint_json(FILE *file, struct json_object *object);

/* Text of a column. */
struct cell {
	char text[160];
};

/* Three digits at most, unless an exact value has more: 1.23 M, 61.2 KiB */
struct cell in_thousands(double value);
struct cell in_bytes(double value);

#endif /* _TEXT_H */
