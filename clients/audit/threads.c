// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"

#define TIDS		(1 << 22)	/* the kernel has no more */

/* by thread; mostly untouched */
static struct sysaudit_record *entries[TIDS];

const struct sysaudit_record *keep_entry(const struct sysaudit_record *entry)
{
	struct sysaudit_record **kept = &entries[entry->head.tid % TIDS];

	free(*kept);
	*kept = malloc(entry->head.length);
	if (!*kept)
		err(EXIT_FAILURE, "no memory for a thread's call");
	return memcpy(*kept, entry, entry->head.length);
}

/* Its number is that of the program it has become, or -1 after a signal. */
static bool belongs_to(const struct sysaudit_record *exit,
		       const struct sysaudit_record *entry)
{
	return !(exit->head.flags & SYSAUDIT_ALONE) &&
	       exit->head.tid == entry->head.tid &&
	       entry->head.type == SYSAUDIT_ENTRY &&
	       (exit->head.number == entry->head.number ||
		exit->head.number < 0);
}

const struct sysaudit_record *take_entry(const struct sysaudit_record *exit)
{
	struct sysaudit_record *kept = entries[exit->head.tid % TIDS];

	if (!kept || !belongs_to(exit, kept))
		return NULL;
	kept->head.type = 0;
	return kept;
}

/* A thread may end without a further call: its last one must not stay. */
void forget_entry(const struct sysaudit_record *entry)
{
	struct sysaudit_record **kept;

	if (!entry)
		return;
	kept = &entries[entry->head.tid % TIDS];
	free(*kept);
	*kept = NULL;
}

bool is_last(const struct sysaudit_record *entry)
{
	const char *name = call_info(entry->head.arch, entry->head.number)->name;

	return !strcmp(name, "exit") || !strcmp(name, "exit_group");
}

bool is_birth(const struct sysaudit_record *exit)
{
	const char *name = call_info(exit->head.arch, exit->head.number)->name;

	return has_args(exit) && !exit->result &&
	       (!strncmp(name, "clone", 5) || !strcmp(name, "fork") ||
		!strcmp(name, "vfork"));
}

bool has_args(const struct sysaudit_record *record)
{
	return record->head.length >= sizeof(*record) &&
	       !(record->head.flags & SYSAUDIT_RESULT_ITEM);
}

/* An exit has what was not readable at the entry, but not after execve(). */
struct call call_of(const struct sysaudit_record *entry,
		    const struct sysaudit_record *exit)
{
	const struct sysaudit_record *from = exit && has_args(exit) ? exit :
								      entry;
	struct call call = {
		.head = entry ? &entry->head : &exit->head,
	};

	if (entry)
		call.args = entry->args;
	else if (from && !(exit->head.flags & SYSAUDIT_NEW_PROGRAM))
		call.args = from->args;
	if (from) {
		call.items = (const char *)(from + 1);
		call.end = (const char *)from + from->head.length;
		from = entry ?: from;
		call.files = (const char *)(from + 1);
		call.files_end = (const char *)from + from->head.length;
	}
	return call;
}
