/* SPDX-License-Identifier: GPL-2.0-only */
/* All rounds, to the end */
#ifndef _ROUNDS_H
#define _ROUNDS_H

#include <linux/types.h>
#include <stdbool.h>

struct plan {
	__u64 little;
	__u64 max_rounds;
	__u64 bandwidth;	/* bytes a second, but for the last round; or 0 */
	double max_pause;
	const char *command;
	bool verify;
};

extern struct plan plan;

int migrate(void);

#endif /* _ROUNDS_H */
