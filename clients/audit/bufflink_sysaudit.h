/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The records of bufflink_sysaudit: one for each system call's entry and
 * one for its exit, in the byte order of the machine.
 */
#ifndef _BUFFLINK_SYSAUDIT_H
#define _BUFFLINK_SYSAUDIT_H

#include <linux/types.h>

#define SYSAUDIT_VERSION	3
#define SYSAUDIT_COMM		16
#define SYSAUDIT_ARGS		6
#define SYSAUDIT_TEXT_MAX	4096	/* bytes of a path, with its end */
#define SYSAUDIT_MAX		15360	/* bytes of a record */

enum sysaudit_type {
	SYSAUDIT_ENTRY = 1,
	SYSAUDIT_EXIT = 2,
};

/* flags of an exit */
#define SYSAUDIT_ALONE		0x1	/* there is no entry of it in the buffer */
/* seccomp answers by a signal: the call was not made, and has no result */
#define SYSAUDIT_REFUSED	0x2
/* a new program runs: there are items, but its registers are its own */
#define SYSAUDIT_NEW_PROGRAM	0x4
/* there are items of its result only: the entry has those of its arguments */
#define SYSAUDIT_RESULT_ITEM	0x8

/**
 * struct sysaudit_head - how every record begins
 * @length: of the whole record; later versions may only make it longer (bytes)
 * @version: SYSAUDIT_VERSION
 * @type: one of enum sysaudit_type
 * @cpu: which CPU made this record
 * @flags: SYSAUDIT_ALONE to SYSAUDIT_RESULT_ITEM
 * @time: wall-clock time (ns since 1970)
 * @sequence: how many records this CPU made before, lost ones included: a gap
 *	is a loss
 * @pid: process, in the initial namespace
 * @tid: thread, likewise
 * @ppid: parent of the process, likewise
 * @uid: real user, likewise
 * @euid: effective user, likewise
 * @gid: real group, likewise
 * @auid: user who logged in, likewise; 4294967295 for none
 * @arch: whose call it is, AUDIT_ARCH_* of linux/audit.h
 * @number: of the call, for @arch; -1 at the exit of a return from a signal
 * @cgroup: id of the thread's cgroup in the hierarchy of version 2; or 0
 * @comm: name of the thread, zero padded
 */
struct sysaudit_head {
	__u16 length;
	__u8 version;
	__u8 type;
	__u16 cpu;
	__u16 flags;
	__u64 time;
	__u32 sequence;
	__u32 pid;
	__u32 tid;
	__u32 ppid;
	__u32 uid;
	__u32 euid;
	__u32 gid;
	__u32 auid;
	__u32 arch;
	__s32 number;
	__u64 cgroup;
	char comm[SYSAUDIT_COMM];
};

/**
 * struct sysaudit_record - a system call begins or ends
 * @head: what it is; @head.length says how much of the rest there is
 * @result: what the call returned, a negative errno for an error; 0 at an entry
 * @args: all six, however many the call has. An exit has them, and items, only
 *	if it is alone, if memory of an item was not readable at the entry, or if
 *	its result is a descriptor. If there is an entry, that has the files
 *
 * Items follow, one struct sysaudit_item after the other.
 */
struct sysaudit_record {
	struct sysaudit_head head;
	__s64 result;
	__u64 args[SYSAUDIT_ARGS];
};

#define SYSAUDIT_CUT		0x1	/* there is more than was copied */
#define SYSAUDIT_UNREADABLE	0x2	/* the memory behind it is not there now */
#define SYSAUDIT_ELEMENT	0x4	/* of a vector of texts */
#define SYSAUDIT_ADDRESS	0x8	/* a struct sockaddr */
/* the path of an open file as the kernel has it, as in /proc/PID/fd */
#define SYSAUDIT_FILE		0x10
/* an item without any of these is a text that an argument points to */
#define SYSAUDIT_NO_TEXT	(SYSAUDIT_ELEMENT | SYSAUDIT_ADDRESS | \
				 SYSAUDIT_FILE)

/* instead of an argument, in an item with SYSAUDIT_FILE */
#define SYSAUDIT_RESULT		6	/* the file is that of the result */
#define SYSAUDIT_FOLDER		7	/* paths begin in this folder */

/**
 * struct sysaudit_item - what is in the caller's memory, or a path; not aligned
 * @size: bytes that follow; a text has no zero byte
 * @arg: which argument points to it, or SYSAUDIT_RESULT or SYSAUDIT_FOLDER
 * @flags: SYSAUDIT_CUT to SYSAUDIT_FILE
 */
struct sysaudit_item {
	__u16 size;
	__u8 arg;
	__u8 flags;
};

/*
 * The parameters copies and compat_copies have "NUMBER:CODE" for each call with
 * items, separated by commas. The hexadecimal code is of these.
 */
#define SYSAUDIT_COPY_TEXT(arg)		(1 << (arg))
#define SYSAUDIT_COPY_VECTOR(arg)	(((arg) + 1) << 6)
/* the argument after it has its size */
#define SYSAUDIT_COPY_ADDRESS(arg)	(((arg) + 1) << 9)
/* a descriptor, also SYSAUDIT_RESULT; of AT_FDCWD it is the folder */
#define SYSAUDIT_COPY_FILE(arg)		(1 << (12 + (arg)))
#define SYSAUDIT_COPY_FOLDER		SYSAUDIT_COPY_FILE(SYSAUDIT_FOLDER)
#define SYSAUDIT_COPY_FILES		0xff000
#define SYSAUDIT_COPY_ALL		0xfffff

#endif /* _BUFFLINK_SYSAUDIT_H */
