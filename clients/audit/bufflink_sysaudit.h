/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What bufflink_sysaudit appends: one record for each system call's entry and
 * one for its exit, in the byte order of the machine.
 */
#ifndef _BUFFLINK_SYSAUDIT_H
#define _BUFFLINK_SYSAUDIT_H

#include <linux/types.h>

#define SYSAUDIT_VERSION	1
#define SYSAUDIT_COMM		16

enum sysaudit_type {
	SYSAUDIT_ENTRY = 1,
	SYSAUDIT_EXIT = 2,
};

/**
 * struct sysaudit_head - how every record begins
 * @length: of the whole record; later versions may only make it longer (bytes)
 * @version: SYSAUDIT_VERSION
 * @type: one of enum sysaudit_type
 * @cpu: which CPU made this record
 * @time: wall-clock time (ns since 1970)
 * @sequence: how many records this CPU made before, lost ones included: a gap
 *	is a loss
 * @pid: process, in the initial namespace
 * @tid: thread, likewise
 * @uid: real user, likewise
 * @arch: whose call it is, AUDIT_ARCH_* of linux/audit.h
 * @number: of the call, for @arch; -1 at the exit of a return from a signal
 */
struct sysaudit_head {
	__u16 length;
	__u8 version;
	__u8 type;
	__u32 cpu;
	__u64 time;
	__u32 sequence;
	__u32 pid;
	__u32 tid;
	__u32 uid;
	__u32 arch;
	__s32 number;
};

/**
 * struct sysaudit_entry - a system call begins
 * @head: the type is SYSAUDIT_ENTRY
 * @args: all six, however many the call has
 * @comm: name of the thread, zero padded; only there, and in @head.length, if
 *	it is news: another than in the thread's record before
 */
struct sysaudit_entry {
	struct sysaudit_head head;
	__u64 args[6];
	char comm[SYSAUDIT_COMM];
};

/**
 * struct sysaudit_exit - a system call ends
 * @head: the type is SYSAUDIT_EXIT
 * @result: what it returns; a negative errno for an error
 */
struct sysaudit_exit {
	struct sysaudit_head head;
	__s64 result;
};

#endif /* _BUFFLINK_SYSAUDIT_H */
