/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by signals.c, output.c and follow.c; no program needs it. */
#ifndef _PRIVATE_H
#define _PRIVATE_H

#include "program.h"

/* signals.c */
extern int signal_pipe[2];	/* has a byte when there was a signal */
extern atomic_bool hung_up;	/* the output is to be opened again */
void open_signal_pipe(void);
void catch_hangups(void);

/* output.c */
extern int watched_output;	/* -1: none is needed */
extern bool following;		/* more may be lost */
const char *output_name(void);
/* False, with errno, if the hangup stays. */
bool open_output_again(void);

#endif /* _PRIVATE_H */
