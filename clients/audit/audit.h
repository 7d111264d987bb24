/* SPDX-License-Identifier: GPL-2.0-only */
/* The files of bufflink-audit share this. */
#ifndef _AUDIT_H
#define _AUDIT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bufflink_sysaudit.h"
#include "command.h"
#include "program.h"

#define MODULE		"bufflink_sysaudit"
#define CALLS		1024		/* numbers that a filter can have */
#define X32_BIT		0x40000000

/* calls.c: what the kernel and libseccomp say of a call */

enum abi { NATIVE, COMPAT, ABIS };	/* as the module's filters have them */

/* The kind of an argument */
enum kind {
	HEX, POINTER, INT, LONG, UNSIGNED, MODE, DESCRIPTOR, TEXT, VECTOR,
	ADDRESS,
};

struct call_info {
	char name[48];
	int args;		/* how many; -1 if that is not known */
	enum kind kinds[SYSAUDIT_ARGS];
};

const struct call_info *call_info(uint32_t arch, int number);
bool is_native(uint32_t arch);
/* The arguments that the module is to copy; from malloc(). */
char *list_copies(enum abi abi);
/* Lists of numbers; they may be empty. A wrong one ends the program. */
struct call_lists { char *numbers[ABIS]; bool has[ABIS][CALLS]; };
void calls_argument(struct call_lists *lists, char *names);

/* quote.c: text of others, as strace prints it */

/* Each byte of other is escaped, too. */
void print_quoted(FILE *file, const char *text, size_t size, const char *other);
/* printf() takes most of a line's time */
void print_decimal(FILE *file, __s64 value);
void print_unsigned(FILE *file, __u64 value);
void print_octal(FILE *file, __u64 value);	/* as 0644, and 000 */
void print_hex(FILE *file, __u64 value);
void print_hex_digits(FILE *file, __u64 value);	/* without "0x" */
/* of nanoseconds, with so many decimal places */
void print_seconds(FILE *file, __u64 time, unsigned int places);

/* values.c: what arguments mean, by libauparse and libc */

/* A call as far as it is known: of its entry, of its exit, or of both. */
struct call {
	const struct sysaudit_head *head;	/* that begins it */
	const __u64 *args;			/* or NULL */
	const char *items;
	const char *end;			/* of the items */
	const char *files;			/* items as at the entry */
	const char *files_end;
};

extern bool descriptor_paths, folder_paths;	/* have the module copy them */

/* False when there is none left. */
bool next_item(const char **at, const char *end, struct sysaudit_item *item,
	       const char **data);
/* False if the module has not copied it, or it is not to be printed. */
bool find_folder(const struct call *call, struct sysaudit_item *item,
		 const char **data);
bool find_file(const struct call *call, int arg, struct sysaudit_item *item,
	       const char **data);
bool find_result_file(const struct sysaudit_record *exit,
		      struct sysaudit_item *item, const char **data);
/* No element of a vector, but that there are more. */
bool is_rest(const struct sysaudit_item *item);
void print_arguments(FILE *file, const struct call *call);
void print_value(FILE *file, const struct call *call, int arg);
/* as " = -1 ENOENT (No such file or directory)" */
void print_result(FILE *file, const struct sysaudit_record *exit);
bool is_error(const struct sysaudit_record *exit);

/* threads.c: the entry that a thread's exit belongs to */

/* Keeps a copy of the entry, which is valid until the thread's next one. */
const struct sysaudit_record *keep_entry(const struct sysaudit_record *entry);
/* The entry of this exit, once; NULL if there was none. */
const struct sysaudit_record *take_entry(const struct sysaudit_record *exit);
/* Frees the copy. */
void forget_entry(const struct sysaudit_record *entry);
/* Whether the exit of this will never come. */
bool is_last(const struct sysaudit_record *entry);
/* The exit of a new thread from the call that made it. */
bool is_birth(const struct sysaudit_record *exit);
bool has_args(const struct sysaudit_record *record);
struct call call_of(const struct sysaudit_record *entry,
		    const struct sysaudit_record *exit);

/* the formats; an entry, or an exit with its entry or NULL */

struct format {
	void (*entry)(const struct sysaudit_record *entry);
	void (*exit)(const struct sysaudit_record *exit,
		     const struct sysaudit_record *entry);
	void (*loss)(const struct bufflink_loss *loss);	/* or NULL */
	void (*pause)(void);	/* the last entry may be kept no longer; or NULL */
	void (*end)(void);	/* or NULL */
};

extern const struct format lines_format, json_format, log_format, counts_format;
extern bool print_times, print_relative, print_durations;	/* of lines */

/* filters.c: those of the module, and the same for what is buffered */

struct filters {
	bool has_calls;
	struct call_lists calls;
	const char *pid, *uid, *cgroup, *prefix;	/* NULL: as they were */
	const char *reader;
};

/* bufflink-audit.c: the module was unloaded, and its buffer ends */
bool has_ended(void);
void set_filters(const struct filters *filters);
bool passes(const struct filters *filters, const struct sysaudit_record *record,
	    const struct sysaudit_record *entry);

/* command.c: a command in a cgroup of its own */

/* Before the standard output becomes that of -o FILE. */
void keep_output(void);
const char *cgroup_argument(const char *path);	/* its id */
const char *start_in_cgroup(char **argv);	/* the id of its cgroup */
void wait_for_cgroup(void);			/* until all in it have ended */
/* When the program ends; says so if some are left in it. */
void remove_cgroup(void);

#endif /* _AUDIT_H */
