/* SPDX-License-Identifier: GPL-2.0-only */
/* The thread that ends the program, whatever the other one waits for. */
#ifndef _WATCH_H
#define _WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

extern atomic_bool word;	/* of the operator: SRC is at rest */
extern atomic_int run_group;	/* of --run's processes while it runs, or 0 */

/* Nothing is to wait for a terminal or a pipe that takes no more. */
__attribute__((format(printf, 1, 2)))
void say(const char *format, ...);
/* Thaws, and removes a DST that was made and not used. */
void clean_up_at_exit(void);
void watch(void);
/* While frozen, the program ends at this time; 0: not any more. */
void set_deadline(double time);
void check_deadline(void);
/* A child in a process group of its own, run_group, that never begins after it. */
pid_t fork_before_deadline(void);
/* A claim from now on was checked: a stop does not deny it. */
void settle(void);
/* In a child: as any other program has them. */
void restore_signals(void);

#endif /* _WATCH_H */
