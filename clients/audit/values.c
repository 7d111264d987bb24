// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <auparse.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "audit.h"

#define MEANINGS	4096	/* that are remembered */

bool descriptor_paths, folder_paths;

/* libauparse */

static auparse_state_t *parser;

/* The library's words for a field of this record. Not valid for long. */
static const char *interpretation(const char *record, const char *field)
{
	if (parser)
		auparse_new_buffer(parser, record, strlen(record));
	else
		parser = auparse_init(AUSOURCE_BUFFER, record);
	if (!parser)
		errx(EXIT_FAILURE, "no memory for libauparse");
	if (auparse_next_event(parser) < 1 || auparse_first_record(parser) < 1 ||
	    !auparse_find_field(parser, field))
		return NULL;
	return auparse_interpret_field(parser);
}

/* Numbers that mean something else by the arguments before them. */
struct meaning {
	uint32_t arch;
	int number;
	int arg;
	__u64 values[3];
	char *text;		/* NULL: the library knows none */
};

static bool has_meaning(enum kind kind)
{
	return kind == INT || kind == LONG || kind == UNSIGNED || kind == HEX;
}

static struct meaning *place_of(const struct meaning *meaning)
{
	static struct meaning meanings[MEANINGS];
	__u64 hash = meaning->number * 31 + meaning->arg;
	int i;

	for (i = 0; i < 3; i++)
		hash = (hash ^ meaning->values[i]) * 0x9e3779b97f4a7c15;
	return &meanings[hash >> 52];
}

static char *ask_meaning(const struct meaning *meaning, const __u64 *args)
{
	char record[512], field[] = { 'a', '0' + meaning->arg, '\0' };
	const char *text;

	snprintf(record, sizeof(record),
		 "type=SYSCALL msg=audit(1.000:1): arch=%x syscall=%d success=yes exit=0 a0=%llx a1=%llx a2=%llx a3=%llx items=0 ppid=1 pid=1\n",
		 meaning->arch, meaning->number, args[0], args[1], args[2],
		 args[3]);
	text = interpretation(record, field);
	if (!text || !strncmp(text, "0x", 2) || !strncmp(text, "unknown", 7) ||
	    !text[strspn(text, DIGITS)])
		return NULL;
	return strdup(text);
}

/* The library has the first four arguments, and not of what it cannot know. */
static const char *meaning_of(const struct call *call,
			      const struct call_info *info, int arg)
{
	struct meaning meaning = {
		.arch = call->head->arch, .number = call->head->number,
		.arg = arg,
	}, *place;
	int i;

	for (i = 0; i < 2 && i < arg; i++)
		if (has_meaning(info->kinds[i]))
			meaning.values[i] = call->args[i];
	meaning.values[2] = call->args[arg];
	place = place_of(&meaning);
	if (place->arch == meaning.arch && place->number == meaning.number &&
	    place->arg == arg && !memcmp(place->values, meaning.values,
					 sizeof(meaning.values)))
		return place->text;
	free(place->text);
	meaning.text = ask_meaning(&meaning, call->args);
	*place = meaning;
	return place->text;
}

/* The library does not mark where the path ends: it could forge more. */
static void print_local(FILE *file, const char *path, size_t size)
{
	bool abstract = size && !*path;

	fprintf(file, "{ saddr_fam=local path=%s\"", abstract ? "@" : "");
	if (abstract)
		print_quoted(file, path + 1, size - 1, "");
	else
		print_quoted(file, path, strnlen(path, size), "");
	fputs("\" }", file);
}

/* Some families have bytes of the caller's: none shall be taken for the end. */
static void print_braced(FILE *file, const char *text)
{
	size_t size = strlen(text);
	bool braced = size >= 2 && *text == '{' && text[size - 1] == '}';

	if (braced)
		putc('{', file);
	print_quoted(file, text + braced, size - 2 * braced, "{}");
	if (braced)
		putc('}', file);
}

static void print_address(FILE *file, const char *data, size_t size)
{
	sa_family_t family;
	char record[512], *at;
	const char *text;
	size_t i;

	if (size < sizeof(family)) {
		putc('?', file);
		return;
	}
	memcpy(&family, data, sizeof(family));
	if (family == AF_LOCAL) {
		print_local(file, data + sizeof(family), size - sizeof(family));
		return;
	}
	at = record + sprintf(record,
			      "type=SOCKADDR msg=audit(1.000:1): saddr=");
	for (i = 0; i < size && at < record + sizeof(record) - 4; i++)
		at += sprintf(at, "%02X", (unsigned char)data[i]);
	strcpy(at, "\n");
	text = interpretation(record, "saddr");
	print_braced(file, text ?: "?");
}

/* items */

bool next_item(const char **at, const char *end, struct sysaudit_item *item,
	       const char **data)
{
	if (end - *at < (ptrdiff_t)sizeof(*item))
		return false;
	memcpy(item, *at, sizeof(*item));
	*data = *at + sizeof(*item);
	if (end - *data < item->size)
		return false;
	*at = *data + item->size;
	return true;
}

static void print_text(FILE *file, const struct sysaudit_item *item,
		       const char *data)
{
	if (item->flags & SYSAUDIT_UNREADABLE && !item->size) {
		putc('?', file);
		return;
	}
	putc('"', file);
	print_quoted(file, data, item->size, "");
	fputs(item->flags & (SYSAUDIT_CUT | SYSAUDIT_UNREADABLE) ? "\"..." :
								   "\"", file);
}

bool is_rest(const struct sysaudit_item *item)
{
	return item->flags & SYSAUDIT_ELEMENT && item->flags & SYSAUDIT_CUT &&
	       !item->size;
}

static void print_item(FILE *file, const struct sysaudit_item *item,
		       const char *data)
{
	if (is_rest(item))
		fputs("...", file);
	else if (item->flags & SYSAUDIT_ADDRESS && item->size)
		print_address(file, data, item->size);
	else
		print_text(file, item, data);
}

/* False if there are none of this argument, or nothing of it was readable. */
static bool print_items(FILE *file, const struct call *call, int arg)
{
	struct sysaudit_item item;
	const char *at = call->items, *data;
	bool vector = false;

	while (next_item(&at, call->end, &item, &data)) {
		if (item.arg != arg || item.flags & SYSAUDIT_FILE)
			continue;
		if (!(item.flags & SYSAUDIT_ELEMENT)) {
			if (item.flags & SYSAUDIT_UNREADABLE && !item.size)
				return false;
			print_item(file, &item, data);
			return true;
		}
		fputs(vector ? ", " : "[", file);
		vector = true;
		print_item(file, &item, data);
	}
	if (vector)
		putc(']', file);
	return vector;
}

/* files */

static bool find_item(const char *at, const char *end, int arg,
		      struct sysaudit_item *item, const char **data)
{
	while (next_item(&at, end, item, data))
		if (item->flags & SYSAUDIT_FILE && item->arg == arg)
			return true;
	return false;
}

bool find_folder(const struct call *call, struct sysaudit_item *item,
		 const char **data)
{
	return find_item(call->files, call->files_end, SYSAUDIT_FOLDER, item,
			 data);
}

bool find_file(const struct call *call, int arg, struct sysaudit_item *item,
	       const char **data)
{
	return descriptor_paths &&
	       find_item(call->files, call->files_end, arg, item, data);
}

/* Of fcntl() the module has copied a file for any other result, too. */
static bool is_descriptor(const struct sysaudit_record *exit)
{
	const char *name = call_info(exit->head.arch, exit->head.number)->name;

	return strncmp(name, "fcntl", 5) || exit->args[1] == F_DUPFD ||
	       exit->args[1] == F_DUPFD_CLOEXEC;
}

bool find_result_file(const struct sysaudit_record *exit,
		      struct sysaudit_item *item, const char **data)
{
	const char *end = (const char *)exit + exit->head.length;

	return descriptor_paths && exit->head.length >= sizeof(*exit) &&
	       find_item((const char *)(exit + 1), end, SYSAUDIT_RESULT, item,
			 data) && is_descriptor(exit);
}

static void print_path(FILE *file, const struct sysaudit_item *item,
		       const char *data)
{
	putc('<', file);
	print_quoted(file, data, item->size, "<>");
	fputs(item->flags & SYSAUDIT_CUT ? "...>" : ">", file);
}

static void print_descriptor(FILE *file, const struct call *call, int arg)
{
	struct sysaudit_item item;
	const char *data;
	int fd = call->args[arg];

	if (fd == AT_FDCWD)
		fputs("AT_FDCWD", file);
	else
		print_decimal(file, fd);
	if (find_file(call, arg, &item, &data))
		print_path(file, &item, data);
}

/* numbers */

static void print_number(FILE *file, enum kind kind, __u64 value)
{
	switch (kind) {
	case INT:
		print_decimal(file, (int)value);
		break;
	case LONG:
		print_decimal(file, value);
		break;
	case UNSIGNED:
		print_unsigned(file, value);
		break;
	case MODE:
		print_octal(file, value & 0xffff);
		break;
	case HEX:
		print_hex(file, value);
		break;
	default:
		if (value)
			print_hex(file, value);
		else
			fputs("NULL", file);
	}
}

/* libauparse leaves them out. */
static void print_socket_flags(FILE *file, const struct call_info *info,
			       int arg, __u64 value)
{
	if (arg != 1 || strncmp(info->name, "socket", 6))
		return;
	if (value & SOCK_CLOEXEC)
		fputs("|SOCK_CLOEXEC", file);
	if (value & SOCK_NONBLOCK)
		fputs("|SOCK_NONBLOCK", file);
}

void print_value(FILE *file, const struct call *call, int arg)
{
	const struct call_info *info = call_info(call->head->arch,
						 call->head->number);
	enum kind kind = info->kinds[arg];
	const char *meaning = NULL;

	if (print_items(file, call, arg))
		return;
	if (!call->args) {
		putc('?', file);
		return;
	}
	if (kind == DESCRIPTOR) {
		print_descriptor(file, call, arg);
		return;
	}
	if (arg < 4 && has_meaning(kind))
		meaning = meaning_of(call, info, arg);
	if (meaning) {
		print_quoted(file, meaning, strlen(meaning), "");
		print_socket_flags(file, info, arg, call->args[arg]);
		return;
	}
	print_number(file, kind, call->args[arg]);
}

void print_arguments(FILE *file, const struct call *call)
{
	const struct call_info *info = call_info(call->head->arch,
						 call->head->number);
	int i;

	for (i = 0; i < info->args; i++) {
		if (i)
			fputs(", ", file);
		print_value(file, call, i);
	}
	for (i = 0; info->args < 0 && i < SYSAUDIT_ARGS; i++) {
		if (i)
			fputs(", ", file);
		if (call->args)
			print_hex(file, call->args[i]);
		else
			putc('?', file);
	}
}

/* results */

/* The kernel's own: a signal came, and the call may be made again. */
static const char *restart_name(int error)
{
	static const char * const names[] = {
		"ERESTARTSYS", "ERESTARTNOINTR", "ERESTARTNOHAND", NULL,
		"ERESTART_RESTARTBLOCK",
	};
	const unsigned int first = 512;

	return error - first < sizeof(names) / sizeof(*names) ?
	       names[error - first] : NULL;
}

bool is_error(const struct sysaudit_record *exit)
{
	return exit->result < 0 && exit->result > -4096;
}

static void print_error(FILE *file, int error)
{
	fputs_unlocked("-1 ", file);
	fputs_unlocked(strerrorname_np(error), file);
	fputs_unlocked(" (", file);
	fputs_unlocked(strerrordesc_np(error), file);
	putc_unlocked(')', file);
}

void print_result(FILE *file, const struct sysaudit_record *exit)
{
	__s64 result = exit->result;
	int error = is_error(exit) ? -result : 0;
	struct sysaudit_item item;
	const char *data;

	fputs_unlocked(" = ", file);
	if (exit->head.flags & SYSAUDIT_REFUSED)
		putc('?', file);
	else if (restart_name(error))
		fprintf(file, "? %s", restart_name(error));
	else if (error && strerrorname_np(error))
		print_error(file, error);
	else if (error || (result >= 0 && result < 1 << 30))
		print_decimal(file, result);
	else
		print_hex(file, result);	/* an address */
	if (find_result_file(exit, &item, &data))
		print_path(file, &item, data);
}
