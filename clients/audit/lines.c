// SPDX-License-Identifier: GPL-2.0-only
/* Calls as lines of text, in strace's form. */
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <string.h>

#include "audit.h"

bool print_times, print_relative, print_durations;

static const struct sysaudit_record *held;	/* to be printed with its exit */
static __u32 open_tid;		/* whose line waits for its result, or 0 */

static void print_thread(const struct sysaudit_head *head)
{
	static __u64 last;

	if (print_times) {
		print_seconds(stdout, head->time, 9);
		putchar(' ');
	}
	if (print_relative) {
		print_seconds(stdout, last && head->time > last ?
			      head->time - last : 0, 9);
		putchar(' ');
		last = head->time;
	}
	print_decimal(stdout, head->tid);
	putchar('<');
	/* Any user can give a thread any name, also one that a terminal obeys. */
	print_quoted(stdout, head->comm, strnlen(head->comm, SYSAUDIT_COMM),
		     "<>");
	fputs(is_native(head->arch) ? "> " : "> [compat] ", stdout);
}

static void print_call(const struct sysaudit_record *entry,
		       const struct sysaudit_record *exit)
{
	struct call call = call_of(entry, exit);

	fputs(call_info(call.head->arch, call.head->number)->name, stdout);
	putchar('(');
	print_arguments(stdout, &call);
	putchar(')');
}

/* Without its result, which comes later. */
static void print_held(void)
{
	if (!held)
		return;
	print_thread(&held->head);
	print_call(held, NULL);
	open_tid = held->head.tid;
	held = NULL;
}

static void end_line(void)
{
	print_held();
	if (open_tid)
		puts(" <unfinished ...>");
	open_tid = 0;
}

static void print_entry(const struct sysaudit_record *entry)
{
	end_line();
	held = entry;
	if (is_last(entry)) {
		print_held();
		puts(" = ?");
		open_tid = 0;
	}
}

static void end_call(const struct sysaudit_record *exit,
		     const struct sysaudit_record *entry)
{
	print_result(stdout, exit);
	if (is_birth(exit))
		fputs(" (begins)", stdout);
	if (print_durations && entry) {
		fputs(" <", stdout);
		print_seconds(stdout, exit->head.time - entry->head.time, 9);
		putchar('>');
	}
	putchar('\n');
	open_tid = 0;
}

static void print_resumed(const struct sysaudit_head *head, const char *end)
{
	fputs("<... ", stdout);
	fputs(call_info(head->arch, head->number)->name, stdout);
	fputs(" resumed>", stdout);
	fputs(end, stdout);
}

static void print_exit(const struct sysaudit_record *exit,
		       const struct sysaudit_record *entry)
{
	if (held && held == entry) {
		held = NULL;
		print_thread(&entry->head);
		print_call(entry, exit);
	} else if (!entry || open_tid != exit->head.tid || has_args(exit)) {
		end_line();
		print_thread(&exit->head);
		if (entry || !has_args(exit))
			print_resumed(entry ? &entry->head : &exit->head,
				      has_args(exit) ? " " : ")");
		if (has_args(exit))
			print_call(entry, exit);
	}
	end_call(exit, entry);
}

const struct format lines_format = {
	.entry = print_entry, .exit = print_exit, .pause = print_held,
	.end = end_line,
};
