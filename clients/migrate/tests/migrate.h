/* SPDX-License-Identifier: GPL-2.0-only */
/* bufflink-migrate, for its suites: started, what it says, and how it ends. */
#ifndef _MIGRATE_H
#define _MIGRATE_H

#include "bufflink_blklog.h"
#include "disk.h"
#include "tool.h"

#define PROGRAM		"/t/bufflink-migrate"
#define DST		"/tmp/dst"
#define STREAM		"/tmp/stream"
#define SIZE		(16 * MIB)
#define LOG		0	/* the only buffer */

/* exit statuses */
enum { WRITTEN = LOSS, BOUND, RUN_FAILED, FAR_FAILED, DIFFERS };

/* Commands that do not end while MOUNTPOINT is frozen, or at all. */
#define HANGING		4
extern char * const hanging[HANGING];

TCase *new_case(Suite *suite, const char *name);
void add_to(TCase *tcase, const TTest **tests);
#define tests(...)	((const TTest *[]) { __VA_ARGS__, NULL })

#define ARGS(...)	((char *[]){ PROGRAM, ##__VA_ARGS__, NULL })

pid_t start_program(int in, int out, char **argv);
pid_t start_anew(char **argv);	/* and what was said before is forgotten */
int null(void);			/* /dev/null, opened */
#define migrate(...)	start_anew(ARGS(__VA_ARGS__))
#define ends(status, ...) \
	ck_assert_int_eq(finish(migrate(__VA_ARGS__)), status)

const char *said(void);
bool has_said(const char *text);
void must_have_said(const char *text);
void good(pid_t pid);		/* it ends so */
void ends_by_word(pid_t pid);	/* SRC comes to rest, and is copied */
void is_followed(pid_t pid);
void make_copy(const char *src, const char *dst);	/* all of these steps */
/* Copies SRC to DST, and waits for the operator's word. */
pid_t follow(const char *disk);
int stream_to(const char *path);
uint64_t make_stream(const char *disk);	/* STREAM, of so many bytes */
int receive(const char *path);	/* the exit status */
bool took_all(int pipe);	/* that is in it now: true */

/* A load on what is mounted, or on a file system that is made for it. */
pid_t start_files(void);
pid_t start_load(const char *disk);
void stop_load(pid_t pid);
void load_goes_on(void);

void fill_disk(const char *disk, uint64_t size);
const char *new_logged(uint64_t size);	/* the first half is full */
uint64_t blocks_of(const char *path);
uint64_t lost(void);

#endif /* _MIGRATE_H */
