/* SPDX-License-Identifier: GPL-2.0-only */
/* Helpers that all suites share. One that cannot do its work fails the test. */
#ifndef _COMMON_H
#define _COMMON_H

#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "bufflink.h"
#include "producer.h"

#define PAGE		4096
#define NOBODY		65534
#define PERCPU		0x1	/* BUFFLINK_PERCPU; only the kernel has the name */
#define PATIENCE_S	20	/* for events that must come, on a busy machine */
#define PATIENCE_MS	(PATIENCE_S * 1000 * slowness())
#define MOMENT_MS	200	/* for events that must not come */

/*
 * Fixtures: producer_setup() is to be the checked fixture of every case: it
 * opens the producer and begins with no buffer at all.
 */
extern int producer;
void producer_setup(void);
void producer_teardown(void);
void set_probes(void);	/* needed by PRODUCER_SCHED_SWITCH to _NESTED */
/* from a probe on function, in slot 0; "" ends it, and returns its results */
struct producer_probe append_from_probe(const char *function);
void producer_unload(void);	/* and its buffers; teardown loads it */
int run_suite(Suite *suite);	/* the exit status for main() */

/* Buffers. create_*() give the number, or the negative errno. */
struct producer_create create(unsigned int slot, enum producer_memory memory,
			      __u64 size, int minor);
/* bufflink_create_named() of so many bytes of the name; 0 for NULL */
struct producer_create create_named(unsigned int slot, const char *name,
				    size_t name_size, __u64 size,
				    unsigned int flags);
int create_buffer(unsigned int slot, __u64 size);	/* fails the test */
int create_percpu(unsigned int slot, __u64 size);	/* likewise */
int name_buffer(unsigned int slot, const char *name);	/* likewise; a page */
int resize(unsigned int slot, __u64 size);	/* 0 or a negative errno */
int destroy(unsigned int slot);			/* the same */
int open_buffer(int number, int flags);		/* flags of open(2) */
int new_buffer(__u64 size);	/* slot 0, opened O_RDWR | O_NONBLOCK */
void set_blocking(int fd);
bool exists(const char *path, ...) __attribute__((format(printf, 1, 2)));

/* Appends, from process context unless a run says otherwise. */
int append(unsigned int slot, const void *data, size_t size);
int append_record(unsigned int slot, size_t size);	/* of noise */
void fill(unsigned int slot, __u64 size);	/* size bytes of 'x' */
void run(struct producer_run *run);
__u64 offered(const struct producer_result *result);
__u64 refused(const struct producer_result *result);
void add_result(struct producer_result *total,
		const struct producer_result *more);

/* Values of the device and of sysfs */
struct bufflink_stats stats(int fd);
struct bufflink_loss loss(int fd);
__u64 watermark(int fd);
int set_watermark(int fd, __u64 bytes);	/* 0 or a negative errno */
int readable(int fd);			/* FIONREAD */
void sysfs_read(int number, const char *name, char *text, size_t size);
__u64 sysfs_value(int number, const char *name);
int sysfs_write(int number, const char *name, const char *text);
int buffer_of(const char *owner);	/* of a buffer that is there */

/* Files that are there already. */
int try_write(const char *path, const char *text);	/* or a negative errno */
void write_to(const char *path, const char *text);

/* Programs write what they like to the log, and nothing to the console. */
void log_quietly(void);
void log_as_before(void);
int open_log(int whence);	/* to read it, from there */

/* poll(2) for events: those that came, 0 if none did in time */
int poll_for(int fd, short events, int timeout_ms);
/* read(2) of exactly size bytes, waiting for them; fails the test otherwise */
void read_all(int fd, void *data, size_t size);
void drain(int fd);

/*
 * Children: start() forks, work(arg) gives the exit status. A test that ends
 * early takes its children along.
 */
pid_t start(int (*work)(void *arg), void *arg);
int finish(pid_t pid);		/* exit status; fails the test when late */
bool finished(pid_t pid, int timeout_ms);	/* and not yet reaped */
void is_killed(pid_t pid, int number);	/* by this signal */
bool is_asleep(pid_t tid, long *number);	/* in the kernel, in this call */
void wait_asleep(pid_t tid);	/* until it sleeps in the kernel */
void *shared(size_t size);	/* memory that children share */
void pin(unsigned int cpu);
unsigned int cpus(void);
unsigned int possible_cpus(void);
unsigned int slowness(void);	/* of this kernel; 1 for a stock one */
bool is_real_time(void);	/* it has PREEMPT_RT */
bool has_tracepoints(void);	/* as a kernel of our own may not */
void become_nobody(void);
void pause_ms(unsigned int ms);
__u64 clock_now(clockid_t clock);	/* in ns */
__u64 now_ms(void);
__u64 available(void);		/* bytes of memory */

/* As ck_assert(), which writes to a file each time, also when all is well */
#define must(condition)							\
	do {								\
		if (!(condition))					\
			ck_abort_msg("not so: %s", #condition);		\
	} while (0)

/*
 * A time to wait. The clock of an emulated machine was seen to be wrong by many
 * seconds for a moment: the time is over only after some looks at it.
 */
struct patience {
	__u64 end;
	unsigned int looks;	/* at least so many more */
};

struct patience patience_of(unsigned int ms);
bool lasts(struct patience *patience);	/* false when it is over; pauses */

/* Wait for a condition; the test fails when it takes too long. */
#define wait_for(condition)						\
	do {								\
		struct patience _patience = patience_of(PATIENCE_MS);	\
									\
		while (!(condition) && lasts(&_patience))		\
			;						\
		ck_assert_msg(condition, "waited in vain for " #condition); \
	} while (0)

/* Modules, by name, from the directory of the program: 0 or negative errno */
int open_module(const char *name);	/* its file */
int load(const char *name, const char *parameters);
int unload(const char *name);
void unload_if_there(const char *name);
void parameter_write(const char *module, const char *name, const char *text);
int parameter_try(const char *module, const char *name, const char *text);
/* valid until the next */
const char *parameter_read(const char *module, const char *name);
/* to the end of file, for start(): 0, or 1 if it cannot */
int read_to_the_end(void *fd);

/*
 * Guests of QEMU without KVM were seen to die when code was patched that another
 * CPU ran. Nothing is patched for a probe at a tracepoint that has two others.
 */
bool keep_traced(const char * const events[]);	/* "block/block_rq_complete" */
void stop_tracing(void);	/* if they were kept */

/*
 * A stream of producer_record()s: feed it the bytes read, in order and in
 * pieces of any size. Fails the test at the first byte that is not right.
 */
struct stream {
	__u32 sequence[PRODUCER_IDS];	/* of the next record */
	__u64 records;
	__u64 bytes;
	size_t have;
	__u8 partial[PRODUCER_RECORD_MAX];
};

struct stream *stream_new(void);
void stream_feed(struct stream *stream, const void *data, size_t size);
/* as the producer makes them; after stream_new() */
void make_record(void *record, __u32 id, __u32 sequence, size_t size);
void stream_end(const struct stream *stream);	/* no half record is left */

#endif /* _COMMON_H */
