/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _RUN_H
#define _RUN_H

/* The seconds that the command took, or NULL; less than 0 if it failed. */
double run(const char *command);

#endif /* _RUN_H */
