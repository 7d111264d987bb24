// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench - bufflink beside its alternatives: the measurements
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glob.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "../bufflink.h"
#include "reader.h"

#define SIZES_MAX	16
#define PEERS_MAX	16
#define ROUNDS_MAX	1000
#define NS_PER_S	1000000000ULL
#define PATIENCE	120	/* seconds for one measurement */

static const char usage[] =
"usage: bench MODE [--peer NAME,...] [--size BYTES,...] [--rounds N]\n"
"\n"
"Measures bufflink and its alternatives; needs bufflink.ko, bufflink_bench.ko\n"
"and debugfs in /sys/kernel/debug, and root. MODE is one of\n"
"  count      instructions per append, if a nanosecond is one (QEMU -icount)\n"
"  refused    the same where the buffer is full and each record is refused\n"
"  drain      the same of reading a record, many at once and one by one\n"
"  time       nanoseconds per append\n"
"  machine    nanoseconds of the instructions of locks, without the kernel\n"
"  stream     end to end, to a reading program\n"
"  contend    one producer, and one on each CPU: on one buffer, on one each\n"
"  full       the same, on one buffer that is full\n"
"  footprint  time to create and destroy, and memory beyond the ring\n"
"\n"
"Prints lines of test,peer,size,condition,round,quantity,value.\n"
"  --peer     only these, of\n"
"             %s\n"
"  --size     of records, powers of two: 8,32,64,128,256,1024,4096 for count,\n"
"             refused and time, else 64\n"
"  --rounds   how often: 15 for time and machine, 9 for contend and full,\n"
"             5 for stream and footprint, else 1\n"
"\n"
"Exit status: 0 all measured, 1 something failed, 2 wrong usage.\n";

static struct {
	const struct peer *peers[PEERS_MAX];
	size_t n_peers;
	size_t sizes[SIZES_MAX];
	size_t n_sizes;
	unsigned int rounds;
} options;

static const char *test;

static bool is_bufflink(const struct peer *peer)
{
	return peer->id == BENCH_BUFFLINK || peer->id == BENCH_BUFFLINK_PERCPU;
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void row(const char *peer, size_t size, const char *condition,
		unsigned int round, const char *quantity, double value)
{
	printf("%s,%s,%zu,%s,%u,%s,%.10g\n", test, peer, size, condition,
	       round, quantity, value);
	fflush(stdout);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t median(uint64_t *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare);
	return values[n / 2];
}

static void be_on_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("cannot stay on CPU %d", cpu);
}

/* Each peer and size in turn, forwards in one round, backwards in the next. */
static void for_all(void (*measure)(const struct peer *peer, size_t size,
				    unsigned int round))
{
	size_t n = options.n_peers * options.n_sizes;

	for (unsigned int round = 1; round <= options.rounds; round++) {
		for (size_t i = 0; i < n; i++) {
			size_t at = round % 2 ? i : n - 1 - i;
			const struct peer *peer =
				options.peers[at % options.n_peers];
			size_t size = options.sizes[at / options.n_peers];

			if (peer->max && size > peer->max)
				continue;
			alarm(PATIENCE);
			measure(peer, size, round);
		}
	}
	alarm(0);
}

static void give_up(int signal)
{
	static const char text[] = "bench: a measurement does not end\n";

	(void)signal;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(3);
	_exit(1);
}

/* Room for as many records as others have in a ring of @size bytes. */
static size_t room(const struct peer *peer, size_t size)
{
	return size * (peer->overhead ? peer->overhead : 1);
}

static struct bench_append append(struct buffer *b, size_t size,
				  unsigned int batches, unsigned int appends)
{
	struct bench_append arg = {
		.size = size,
		.batches = batches,
		.appends = appends,
	};

	b->record = size;
	if (ioctl(b->file, BENCH_APPEND, &arg))
		die("%s: cannot append", b->peer->name);
	return arg;
}

/* One batch; returns the time that it took. */
static uint64_t append_all(struct buffer *b, size_t size, unsigned int appends)
{
	struct bench_append done = append(b, size, 1, appends);

	if (done.refused)
		fail("%s: %" PRIu64 " records of %zu bytes were refused",
		     b->peer->name, (uint64_t)done.refused, size);
	return done.ns[0];
}

/*
 * count and refused: a batch of 100 appends, less one of none. Of 31 the
 * median, so that neither interrupts nor the end of the ring matter.
 */
#define BATCHES		31
#define BATCH		100
#define COUNT_RING	(32 << 20)	/* rarely ends in a batch */
#define DRAIN_RING	(256 << 10)
#define FULL_RING	(64 << 10)

static double instructions(struct buffer *b, size_t size, uint64_t *ns)
{
	struct bench_append none = append(b, size, BATCHES, 0);

	return (median(ns, BATCHES) - median((uint64_t *)none.ns, BATCHES) +
		BATCH / 2) / BATCH;
}

static void append_and_drain(struct buffer *b, size_t size, uint64_t *ns)
{
	for (int i = 0; i < BATCHES; i++) {
		ns[i] = append_all(b, size, BATCH);
		buffer_drain(b);
	}
}

static void count(const struct peer *peer, size_t size, unsigned int round)
{
	uint64_t ns[BATCHES];
	struct buffer b;

	buffer_open(&b, peer, room(peer, COUNT_RING), false);
	append_and_drain(&b, size, ns);		/* warms all up */
	append_and_drain(&b, size, ns);
	row(peer->name, size, "", round, "instructions",
	    instructions(&b, size, ns));
	buffer_close(&b);
}

static void refused(const struct peer *peer, size_t size, unsigned int round)
{
	struct bench_append done;
	struct buffer b;

	if (!peer->refuses)
		return;
	buffer_open(&b, peer, FULL_RING, false);
	while (!append(&b, size, 1, BATCH).refused)
		;
	done = append(&b, size, BATCHES, BATCH);
	if (done.refused != BATCHES * BATCH)
		fail("%s: a full buffer stored records", peer->name);
	row(peer->name, size, "full", round, "instructions",
	    instructions(&b, size, (uint64_t *)done.ns));
	buffer_close(&b);
}

/* drain: the cost of read(), of a batch at once and of one record each time */
static double read_cost(struct buffer *b, size_t size, unsigned int records)
{
	static char space[BATCH * BENCH_RECORD_MAX];
	uint64_t ns[BATCHES];

	for (int i = 0; i < BATCHES; i++) {
		append_all(b, size, records);
		ns[i] = clock_ns(CLOCK_MONOTONIC);
		if (read(b->fds[0], space, sizeof(space)) !=
		    (ssize_t)(records * size))
			die("%s: cannot read", b->peer->name);
		ns[i] = clock_ns(CLOCK_MONOTONIC) - ns[i];
	}
	return (double)median(ns, BATCHES) / records;
}

static void drain(const struct peer *peer, size_t size, unsigned int round)
{
	struct buffer b;

	if (!is_bufflink(peer))
		return;
	buffer_open(&b, peer, DRAIN_RING, false);
	read_cost(&b, size, BATCH);		/* warms up */
	row(peer->name, size, "100 at once", round, "instructions",
	    read_cost(&b, size, BATCH));
	row(peer->name, size, "one by one", round, "instructions",
	    read_cost(&b, size, 1));
	buffer_close(&b);
}

/*
 * time: of many batches the mean of the middle half, as a clock may count in
 * steps of 256 ns, and other work may come between. Not more appends than this
 * in a batch, or the peers that allocate would get cold memory.
 */
#define TIME_RING	(1 << 20)
#define TIME_APPENDS	1000
#define TIME_BATCHES	40
#define WARM_SIZE	512

static double middle_mean(uint64_t *values, size_t n)
{
	uint64_t sum = 0;

	qsort(values, n, sizeof(*values), compare);
	for (size_t i = n / 4; i < n - n / 4; i++)
		sum += values[i];
	return (double)sum / (n - n / 4 * 2);
}

/* All around the ring: some kernels map its pages only when they are used. */
static void warm_up(struct buffer *b)
{
	for (size_t i = 0; i < TIME_RING; i += TIME_APPENDS * WARM_SIZE) {
		append_all(b, WARM_SIZE, TIME_APPENDS);
		buffer_drain(b);
	}
}

static void time_round(const struct peer *peer, size_t size, unsigned int round)
{
	size_t fit = TIME_RING / 2 / (size + 16);
	unsigned int appends = fit < TIME_APPENDS ? fit : TIME_APPENDS;
	uint64_t ns[TIME_BATCHES];
	struct buffer b;

	buffer_open(&b, peer, room(peer, TIME_RING), false);
	warm_up(&b);
	for (int i = 0; i < TIME_BATCHES; i++) {
		ns[i] = append_all(&b, size, appends);
		buffer_drain(&b);
	}
	row(peer->name, size, "", round, "ns",
	    middle_mean(ns, TIME_BATCHES) / appends);
	buffer_close(&b);
}

#define MACHINE_LOOPS	10
#define MACHINE_TIMES	20000

/* The shortest of several loops around some assembly. */
#define SHORTEST(...)							\
({									\
	uint64_t best = UINT64_MAX;					\
									\
	for (int i = 0; i < MACHINE_LOOPS; i++) {			\
		uint64_t began = clock_ns(CLOCK_MONOTONIC);		\
		uint64_t ns;						\
									\
		for (int j = 0; j < MACHINE_TIMES; j++)			\
			asm volatile(__VA_ARGS__);			\
		ns = clock_ns(CLOCK_MONOTONIC) - began;			\
		best = ns < best ? ns : best;				\
	}								\
	(double)best / MACHINE_TIMES;					\
})

/* machine: the instructions of a lock, where a kernel does not leave them out */
static void machine(const struct peer *peer, size_t size, unsigned int round)
{
	unsigned int word = 0, zero = 0;
	unsigned long flags;
	double none, cmpxchg, pushf;

	(void)peer;
	(void)size;
	none = SHORTEST("" : : : "memory");
	cmpxchg = SHORTEST("lock cmpxchg %2, %1" : "+a"(zero), "+m"(word) :
			   "r"(0) : "memory", "cc");
	pushf = SHORTEST("pushf; pop %0; push %0; popf" : "=r"(flags) : :
			 "memory", "cc");
	row("lock cmpxchg", 0, "", round, "ns", cmpxchg - none);
	row("pushf+popf", 0, "", round, "ns", pushf - none);
}

static int start(struct bench_start how, struct buffer *const buffers[])
{
	int file = bench_file();

	for (unsigned int i = 0; i < how.producers; i++)
		how.buffers[i] = buffers[i]->file;
	if (ioctl(file, BENCH_START, &how))
		die("cannot start %u producers from CPU %u on",
		    how.producers, how.cpu);
	return file;
}

static struct bench_finish finish(int file)
{
	struct bench_finish result;

	if (ioctl(file, BENCH_FINISH, &result))
		die("producers do not finish");
	close(file);
	return result;
}

static struct bufflink_stats bufflink_stats(const struct buffer *b)
{
	struct bufflink_stats stats;

	if (ioctl(b->fds[0], BUFFLINK_STATS, &stats))
		die("cannot read the statistics of a bufflink");
	return stats;
}

/* stream: one producer, and this program reads its records. */
#define STREAM_RING	(256 << 10)
#define STREAM_NS	NS_PER_S

/* Each record is read or lost, and all counts agree. */
static void check_stream(const struct buffer *b, const char *condition,
			 const struct bench_finish *result, uint64_t lost)
{
	if (b->records + lost != result->offered)
		fail("%s, %s: of %" PRIu64 " records %" PRIu64
		     " were read and %" PRIu64 " lost", b->peer->name, condition,
		     (uint64_t)result->offered, b->records, lost);
	if (b->peer->refuses && lost != result->refused)
		die("%s, %s: %" PRIu64 " records were lost, and %" PRIu64
		    " refused", b->peer->name, condition, lost,
		    (uint64_t)result->refused);
}

static void stream_rows(const struct buffer *b, const char *condition,
			unsigned int round, const struct bench_finish *result,
			double reader_ns, double switches)
{
	const char *name = b->peer->name;
	double seconds = (clock_ns(CLOCK_MONOTONIC) - result->began) / 1e9;
	uint64_t lost = b->peer->refuses ? result->refused : b->lost;
	uint64_t offered = result->offered;

	if (is_bufflink(b->peer))
		lost = bufflink_stats(b).lost_records;
	check_stream(b, condition, result, lost);
	row(name, b->record, condition, round, "records_per_s",
	    b->records / seconds);
	row(name, b->record, condition, round, "bytes_per_s",
	    b->records * b->record / seconds);
	row(name, b->record, condition, round, "producer_ns",
	    (double)result->append_ns / offered);
	row(name, b->record, condition, round, "reader_ns",
	    reader_ns / b->records);
	row(name, b->record, condition, round, "lost", lost);
	row(name, b->record, condition, round, "wakeups",
	    switches / b->records);
	if (is_bufflink(b->peer))
		row(name, b->record, condition, round, "wakeups_counted",
		    (double)bufflink_stats(b).wakeups / b->records);
}

static void stream_once(const struct peer *peer, size_t size,
			unsigned int round, unsigned int rate, bool quarter)
{
	struct bench_start how = {
		.producers = 1,
		.cpu = sysconf(_SC_NPROCESSORS_ONLN) - 1,
		.size = size,
		.mark_last = 1,
		.appends = rate ? rate : UINT64_MAX,
		.period_ns = rate ? NS_PER_S / rate : 0,
		.limit_ns = STREAM_NS,
	};
	__u64 watermark = quarter ? STREAM_RING / 4 : 1;
	struct bench_finish result;
	struct rusage before, after;
	struct buffer b, *buffers = &b;
	char condition[64] = "flat out";
	uint64_t reader_ns;
	int file;

	alarm(PATIENCE);
	buffer_open(&b, peer, STREAM_RING, true);
	b.record = size;
	if (rate)
		snprintf(condition, sizeof(condition), "%u/s", rate);
	if (is_bufflink(peer)) {
		if (ioctl(b.fds[0], BUFFLINK_SETWATERMARK, &watermark))
			die("cannot set a watermark");
		snprintf(condition + strlen(condition), 32, " watermark %llu",
			 (unsigned long long)watermark);
	}
	file = start(how, &buffers);
	getrusage(RUSAGE_THREAD, &before);
	reader_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	while (!b.ended)
		peer->read(&b);
	reader_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - reader_ns;
	getrusage(RUSAGE_THREAD, &after);
	result = finish(file);
	stream_rows(&b, condition, round, &result, reader_ns,
		    after.ru_nvcsw - before.ru_nvcsw);
	buffer_close(&b);
}

static void stream(const struct peer *peer, size_t size, unsigned int round)
{
	static const unsigned int rates[] = { 0, 1000, 10000, 100000 };

	if (peer->floor)
		return;
	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		stream_once(peer, size, round, rates[i], false);
		if (is_bufflink(peer))
			stream_once(peer, size, round, rates[i], true);
	}
}

/* contend and full: producers on CPUs of their own, and nobody reads. */
#define CONTEND_RING	(64 << 20)	/* of all of them */
#define CONTEND_APPENDS	800000
#define DEAR_APPENDS	8000	/* of those that take long */

static unsigned int appends_of(const struct peer *peer, unsigned int producers)
{
	return (peer->id == BENCH_NETLINK_UNICAST || peer->id == BENCH_PRINTK ?
		DEAR_APPENDS : CONTEND_APPENDS) / producers;
}

static unsigned int producers_max(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	return cpus < BENCH_PRODUCERS_MAX ? cpus : BENCH_PRODUCERS_MAX;
}

static struct bench_finish produce(struct buffer *const buffers[],
				   unsigned int producers, size_t size)
{
	struct bench_start how = {
		.producers = producers,
		.size = size,
		.appends = appends_of(buffers[0]->peer, producers),
	};

	buffers[0]->record = size;
	return finish(start(how, buffers));
}

static void drain_all(struct buffer *own, unsigned int n, size_t size,
		      const struct bench_finish *result)
{
	uint64_t records = 0;

	for (unsigned int i = 0; i < n; i++) {
		own[i].record = size;
		own[i].records = 0;
		buffer_drain(&own[i]);
		records += own[i].records;
	}
	if (result->refused ||
	    (own->peer->refuses && records != result->offered))
		fail("%s: of %" PRIu64 " records %" PRIu64 " were read, %" PRIu64
		     " refused", own->peer->name, (uint64_t)result->offered,
		     records, (uint64_t)result->refused);
}

static void contend_once(const struct peer *peer, size_t size,
			 unsigned int round, unsigned int producers, bool each)
{
	struct buffer own[BENCH_PRODUCERS_MAX];
	struct buffer *buffers[BENCH_PRODUCERS_MAX];
	unsigned int n = each ? producers : 1;
	struct bench_finish result;
	char condition[32];

	alarm(PATIENCE);
	for (unsigned int i = 0; i < producers; i++) {
		if (i < n)
			buffer_open(&own[i], peer,
				    room(peer, CONTEND_RING / n), false);
		buffers[i] = &own[each ? i : 0];
	}
	for (int i = 0; i < 2; i++) {	/* the first is to warm up */
		result = produce(buffers, producers, size);
		drain_all(own, n, size, &result);
	}
	snprintf(condition, sizeof(condition), "%u%s", producers,
		 producers == 1 ? "" : each ? " on own" : " on one");
	row(peer->name, size, condition, round, "records_per_s",
	    result.offered * 1e9 / result.wall_ns);
	for (unsigned int i = 0; i < n; i++)
		buffer_close(&own[i]);
}

static void contend(const struct peer *peer, size_t size, unsigned int round)
{
	unsigned int cpus = producers_max();

	if (peer->floor && peer->id != BENCH_LOCK_MEMCPY)
		return;
	contend_once(peer, size, round, 1, false);
	contend_once(peer, size, round, cpus, false);
	contend_once(peer, size, round, cpus, true);
}

/* Each record that was offered is stored or lost, nothing else. */
static void check_law(struct buffer *b, uint64_t offered)
{
	struct bufflink_stats stats = bufflink_stats(b);

	if (stats.records + stats.lost_records != offered)
		fail("bufflink: offered %" PRIu64 " records, stored %llu, lost %llu",
		     offered, (unsigned long long)stats.records,
		     (unsigned long long)stats.lost_records);
}

static void full_once(const struct peer *peer, size_t size, unsigned int round,
		      unsigned int producers)
{
	struct buffer b, *buffers[BENCH_PRODUCERS_MAX] = { &b, &b, &b, &b };
	struct bench_finish filled, result;
	char condition[32];

	alarm(PATIENCE);
	buffer_open(&b, peer, FULL_RING, false);
	filled = produce(buffers, producers, size);
	result = produce(buffers, producers, size);
	if (result.refused != result.offered)
		fail("%s: a full buffer stored records", peer->name);
	if (is_bufflink(peer))
		check_law(&b, filled.offered + result.offered);
	snprintf(condition, sizeof(condition), "%u on one", producers);
	row(peer->name, size, condition, round,
	    "refused_per_s", result.offered * 1e9 / result.wall_ns);
	buffer_close(&b);
}

static void full(const struct peer *peer, size_t size, unsigned int round)
{
	unsigned int cpus = producers_max();

	if (!peer->refuses)
		return;
	full_once(peer, size, round, 1);
	full_once(peer, size, round, cpus);
}

/*
 * footprint: the memory that the kernel has less after many buffers of a page
 * were created, without that page. Where each CPU has a ring, they all count.
 */
#define MANY		100
#define SMALL_RING	4096

/* Slabs keep freed memory for the next allocation: give it back now. */
static void shrink_slabs(void)
{
	glob_t found;

	if (glob("/sys/kernel/slab/*/shrink", 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		int fd = open(found.gl_pathv[i], O_WRONLY);

		if (write(fd, "1", 1) != 1)
			die("%s: cannot write", found.gl_pathv[i]);
		close(fd);
	}
	globfree(&found);
}

/* With those on the lists of the CPUs, and with the CPUs' books closed. */
static int64_t count_free_pages(void)
{
	int fd = open("/proc/sys/vm/stat_refresh", O_WRONLY);
	FILE *file = fopen("/proc/zoneinfo", "r");
	int64_t n, pages = 0;
	char line[256];

	if (!file || write(fd, "1", 1) != 1)
		die("cannot count free pages: is /proc mounted?");
	close(fd);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " nr_free_pages %" SCNd64, &n) == 1 ||
		    sscanf(line, " count: %" SCNd64, &n) == 1)
			pages += n;
	}
	fclose(file);
	return pages;
}

/* Some are freed later than they are destroyed: waits until all is quiet. */
static int64_t free_pages(void)
{
	int64_t before, pages = 0;
	int quiet = 0;

	do {
		before = pages;
		shrink_slabs();
		usleep(20000);
		pages = count_free_pages();
		quiet = llabs(pages - before) < 8 ? quiet + 1 : 0;
	} while (quiet < 3);	/* or the alarm goes off */
	return pages;
}

static void footprint(const struct peer *peer, size_t size, unsigned int round)
{
	static struct buffer buffers[MANY];
	uint64_t create[MANY], destroy[MANY];
	int64_t pages;

	if (!peer->made)
		return;
	pages = free_pages();
	for (int i = 0; i < MANY; i++) {
		buffer_open(&buffers[i], peer, SMALL_RING, false);
		create[i] = buffers[i].create_ns;
	}
	pages -= free_pages();
	for (int i = 0; i < MANY; i++) {
		destroy[i] = buffer_destroy(&buffers[i]);
		close(buffers[i].file);
	}
	(void)size;
	row(peer->name, SMALL_RING, "", round, "create_us",
	    median(create, MANY) / 1e3);
	row(peer->name, SMALL_RING, "", round, "destroy_us",
	    median(destroy, MANY) / 1e3);
	row(peer->name, SMALL_RING, "", round, "bytes_beyond_ring",
	    (double)pages * sysconf(_SC_PAGESIZE) / MANY - SMALL_RING);
}

#define ALL_SIZES	"8,32,64,128,256,1024,4096"

static const struct mode {
	const char *name;
	void (*measure)(const struct peer *peer, size_t size,
			unsigned int round);
	unsigned int rounds;
	const char *sizes;
	bool once;		/* in a round, not for each peer and size */
} modes[] = {
	{ "count", count, 1, ALL_SIZES, false },
	{ "refused", refused, 1, ALL_SIZES, false },
	{ "drain", drain, 1, "64", false },
	{ "time", time_round, 15, ALL_SIZES, false },
	{ "machine", machine, 15, "64", true },
	{ "stream", stream, 5, "64", false },
	{ "contend", contend, 9, "64", false },
	{ "full", full, 9, "64", false },
	{ "footprint", footprint, 5, "64", false },
};

static void use(FILE *to)
{
	char names[256] = "";

	for (size_t i = 0; i < n_peers; i++) {
		strcat(names, i ? "," : "");
		strcat(names, peers[i].name);
	}
	fprintf(to, usage, names);
	exit(to == stderr ? 2 : 0);
}

__attribute__((noreturn))
static void wrong(const char *problem, const char *value)
{
	fprintf(stderr, "bench: %s: %s; see bench --help\n", value, problem);
	exit(2);
}

static void add_peer(const char *name)
{
	for (size_t i = 0; i < n_peers; i++) {
		if (!strcmp(name, peers[i].name)) {
			if (options.n_peers == PEERS_MAX)
				wrong("too many peers", name);
			options.peers[options.n_peers++] = &peers[i];
			return;
		}
	}
	wrong("no such peer", name);
}

static unsigned long number(const char *text, unsigned long max)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end || !value || value > max)
		wrong("not a number that fits here", text);
	return value;
}

static void add_size(const char *text)
{
	size_t size = number(text, BENCH_RECORD_MAX);

	if (size < 8 || size & (size - 1))	/* rings end between records */
		wrong("not a power of two from 8 on", text);
	if (options.n_sizes == SIZES_MAX)
		wrong("too many sizes", text);
	options.sizes[options.n_sizes++] = size;
}

static void each_word(char *words, void (*add)(const char *word))
{
	for (char *word = strtok(words, ","); word; word = strtok(NULL, ","))
		add(word);
}

static const struct mode *mode_named(const char *name)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		if (!strcmp(name, modes[i].name))
			return &modes[i];
	}
	wrong("no such mode", name);
}

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "peer", required_argument, NULL, 'p' },
		{ "size", required_argument, NULL, 's' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	const struct mode *mode;
	int option;

	while ((option = getopt_long(argc, argv, "h", names, NULL)) != -1) {
		switch (option) {
		case 'p':
			each_word(optarg, add_peer);
			break;
		case 's':
			each_word(optarg, add_size);
			break;
		case 'r':
			options.rounds = number(optarg, ROUNDS_MAX);
			break;
		case 'h':
			use(stdout);
			break;
		default:
			use(stderr);
		}
	}
	if (optind != argc - 1)
		use(stderr);
	mode = mode_named(argv[optind]);
	if (!options.n_peers) {
		for (size_t i = 0; i < n_peers; i++)
			options.peers[options.n_peers++] = &peers[i];
	}
	if (!options.n_sizes)
		each_word(strdup(mode->sizes), add_size);
	if (mode->once) {
		options.n_peers = 1;
		options.n_sizes = 1;
	}
	if (!options.rounds)
		options.rounds = mode->rounds;

	test = mode->name;
	signal(SIGALRM, give_up);
	be_on_cpu(0);
	for_all(mode->measure);
	return 0;
}
