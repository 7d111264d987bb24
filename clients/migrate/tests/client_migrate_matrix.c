// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink-migrate copies every file system from every stack to every kind of
 * destination, under a load that keeps a journal. MATRIX=all runs all of them,
 * and MATRIX=xfs all of xfs, not only enough to have each of them once.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

#include "journal.h"
#include "migrate.h"
#include "stacks.h"

#define KEPT		"/tmp/journal.then"	/* of when it was frozen */
#define VIA		"--via=" PROGRAM " --receive " DST
#define PAUSE		"--max-pause=60"	/* the comparison is within it */

enum destination { DEVICE, FILE_OF_IT, FAR_END, DESTINATIONS };

static const char * const destination_names[DESTINATIONS] = {
	"device", "file", "via"
};

struct combination {
	enum filesystem filesystem;
	enum stack stack;
	enum destination destination;
};

static struct combination all[FILESYSTEMS * STACKS * DESTINATIONS];
static int count;

static pid_t start_migration(const struct combination *one, const char *disk,
			     const char *copy)
{
	char *freeze = one->stack % 2 ? "--freeze=auto" :
					"--freeze=" MOUNTPOINT;
	char compare[128];

	snprintf(compare, sizeof(compare),
		 "--run=/t/client_migrate_matrix compare %s %s %llu", disk, copy,
		 (unsigned long long)filesystem_sizes[one->filesystem]);
	if (one->destination == FAR_END)
		return migrate(PAUSE, freeze, compare, VIA, (char *)disk);
	return migrate(PAUSE, freeze, compare, (char *)disk, (char *)copy);
}

static void show(const struct combination *one)
{
	printf("# %s on %s to %s%s", filesystem_names[one->filesystem],
	       stack_names[one->stack], destination_names[one->destination],
	       strstr(said(), " is a copy of"));
}

static void check_copy(const struct combination *one, const char *copy)
{
	const enum filesystem type = one->filesystem;

	if (one->destination != DEVICE)
		copy = new_loop_on(copy, filesystem_sizes[type]);
	ck_assert(is_sound(type, copy));
	mount_it(type, copy);
	has_all_writes(KEPT);
	unmount_it();
}

START_TEST(the_copy_is_identical_and_sound_and_has_all_acknowledged_writes)
{
	const struct combination *one = &all[_i];
	const uint64_t size = filesystem_sizes[one->filesystem];
	const char *disk = new_stack(one->stack, size);
	const char *copy = one->destination == DEVICE ? new_loop(size) : DST;
	pid_t files;

	make(one->filesystem, disk);
	mount_it(one->filesystem, disk);
	log_devices(disk, "");
	start_journal(2);
	files = start_files();
	good(start_migration(one, disk, copy));
	show(one);
	ck_assert(goes_on_within(PATIENCE_MS));
	stop_load(files);
	stop_journal();
	unmount_it();
	check_copy(one, copy);
}
END_TEST

/* While it is frozen */
static int compare(const char *disk, const char *copy, const char *size)
{
	return !(keep_journal(KEPT) && same(disk, copy, strtoull(size, NULL, 0)));
}

static void add_combination(int filesystem, int stack, int destination)
{
	if (have_filesystem(filesystem) && have_stack(stack))
		all[count++] = (struct combination) {
			filesystem, stack, destination
		};
}

static bool is_chosen(const char *which, int filesystem)
{
	return !strcmp(which, "all") ||
	       !strcmp(which, filesystem_names[filesystem]);
}

static void choose(void)
{
	const char *which = getenv("MATRIX");
	int i;

	for (i = 0; which && i < FILESYSTEMS * STACKS * DESTINATIONS; i++)
		if (is_chosen(which, i % FILESYSTEMS))
			add_combination(i % FILESYSTEMS,
					i / FILESYSTEMS % STACKS,
					i / FILESYSTEMS / STACKS);
	for (i = 0; !which && i < STACKS; i++)
		add_combination(i % FILESYSTEMS, i, (i + i / 3) % DESTINATIONS);
}

int main(int argc, char **argv)
{
	Suite *suite = suite_create("migrate matrix");
	TCase *matrix = new_case(suite, "matrix");

	if (argc == 5 && !strcmp(argv[1], "compare"))
		return compare(argv[2], argv[3], argv[4]);
	if (!have_disks()) {
		add_no_disks(matrix);
		return run_suite(suite);
	}
	choose();
	tcase_add_loop_test(matrix,
			    the_copy_is_identical_and_sound_and_has_all_acknowledged_writes,
			    0, count);
	return run_suite(suite);
}
