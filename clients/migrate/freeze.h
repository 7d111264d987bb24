/* SPDX-License-Identifier: GPL-2.0-only */
/* File systems that are frozen, and thaw whatever becomes of this program. */
#ifndef _FREEZE_H
#define _FREEZE_H

#include <stdbool.h>

extern int mount_count;

/* Before any other call here */
void remember_arguments(int argc, char **argv);
void freeze_argument(const char *path);
/* Finds them, and refuses what is not on a SRC. */
void open_mounts(void);
/* Says what is mounted from a SRC and will not be frozen. */
void name_others(void);
/* Refuses what is written to the file systems that will be frozen. */
void check_not_frozen(int fd, const char *path);
/* Before the first thread */
void start_guardians(void);
/* Freezes all for a moment, to see that it works. */
void try_freeze(double longest);
/*
 * Freezes all until thaw(), and no longer than to this time, which is to be the
 * deadline. Gives an errno, and then nothing is frozen.
 */
int freeze(double deadline, const char **path);
void thaw(void);
/*
 * For good: once, from any thread. When it returns true, nothing is frozen. If
 * not, it has named the file systems that the kernel still freezes or thaws, and
 * does not wait for them.
 */
bool release(void);

#endif /* _FREEZE_H */
