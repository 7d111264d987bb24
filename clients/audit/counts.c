// SPDX-License-Identifier: GPL-2.0-only
/* A table of how often each call was made, and how long it took. */
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <stdlib.h>
#include <string.h>

#include "audit.h"

#define COUNTS		(ABIS * (CALLS + 1))	/* the last: all other numbers */

static struct count {
	uint32_t arch;
	int number;
	__u64 calls, errors, time;
} counts[COUNTS];

static struct count *count_of(const struct sysaudit_head *head)
{
	bool known = head->number >= 0 && head->number < CALLS;
	int number = known ? head->number : CALLS;
	struct count *count;

	count = &counts[!is_native(head->arch) * (CALLS + 1) + number];
	count->arch = head->arch;
	count->number = number;
	return count;
}

static void count_entry(const struct sysaudit_record *entry)
{
	if (is_last(entry))
		count_of(&entry->head)->calls++;
}

static void count_exit(const struct sysaudit_record *exit,
		       const struct sysaudit_record *entry)
{
	struct count *count = count_of(entry ? &entry->head : &exit->head);

	if (is_birth(exit))
		return;
	count->calls++;
	count->errors += is_error(exit);
	if (entry && exit->head.time > entry->head.time)
		count->time += exit->head.time - entry->head.time;
}

static int compare(const void *a, const void *b)
{
	const struct count *one = a, *other = b;

	if (one->time != other->time)
		return one->time < other->time ? 1 : -1;
	if (one->calls != other->calls)
		return one->calls < other->calls ? 1 : -1;
	return 0;
}

static void print_line(const struct count *count, __u64 all, const char *name)
{
	printf("%6.2f %11.6f %11llu %9llu %9llu %s\n",
	       all ? 100.0 * count->time / all : 0.0, count->time / 1e9,
	       count->calls ? count->time / 1000 / count->calls : 0,
	       count->calls, count->errors, name);
}

static void print_table(void)
{
	struct count total = { };
	char name[64];
	size_t i;

	for (i = 0; i < COUNTS; i++) {
		total.calls += counts[i].calls;
		total.errors += counts[i].errors;
		total.time += counts[i].time;
	}
	qsort(counts, COUNTS, sizeof(*counts), compare);
	puts("% time     seconds  usecs/call     calls    errors syscall");
	for (i = 0; i < COUNTS && counts[i].calls; i++) {
		snprintf(name, sizeof(name), "%s%s",
			 is_native(counts[i].arch) ? "" : "[compat] ",
			 counts[i].number == CALLS ? "other numbers" :
			 call_info(counts[i].arch, counts[i].number)->name);
		print_line(&counts[i], total.time, name);
	}
	print_line(&total, total.time, "total");
}

const struct format counts_format = {
	.entry = count_entry, .exit = count_exit, .end = print_table,
};
