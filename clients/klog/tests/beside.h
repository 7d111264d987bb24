/* SPDX-License-Identifier: GPL-2.0-only */
/* The program and dmesg(1) of util-linux, beside each other. */
#ifndef _BESIDE_H
#define _BESIDE_H

#include "messages.h"

void add_tests_beside_dmesg(TCase *tcase);

#endif /* _BESIDE_H */
