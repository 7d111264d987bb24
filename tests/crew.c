// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "crew.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common.h"

#define CREW_MAX	16
#define PRIORITY_MIN	2	/* a real-time kernel has threads of 1 */
#define PRIORITY_TOP	90
#define CPUS_SHOWN	8

/* Tries to run on a CPU. */
struct visitor {
	unsigned int cpu;
	atomic_bool came;
	pthread_t thread;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t parked = PTHREAD_COND_INITIALIZER;
static struct worker *crew[CREW_MAX];
static unsigned int crew_size;
static unsigned int working[GROUPS];

static void park(struct worker *worker)
{
	pthread_mutex_lock(&lock);
	worker->released = false;
	working[worker->group]--;
	pthread_cond_signal(&parked);
	while (!worker->released)
		pthread_cond_wait(&worker->release, &lock);
	pthread_mutex_unlock(&lock);
}

static void *run_worker(void *arg)
{
	struct worker *worker = arg;

	worker->tid = gettid();
	if (worker->cpu >= 0)
		pin(worker->cpu);
	if (worker->prepare)
		worker->prepare(worker);
	for (;;) {
		park(worker);
		worker->work(worker);
	}
	return NULL;
}

void worker_start(struct worker *worker)
{
	unsigned int before = crew_working(worker->group);

	ck_assert_uint_lt(crew_size, CREW_MAX);
	crew[crew_size++] = worker;
	pthread_cond_init(&worker->release, NULL);
	pthread_mutex_lock(&lock);
	working[worker->group]++;
	pthread_mutex_unlock(&lock);
	ck_assert_int_eq(pthread_create(&worker->thread, NULL, run_worker,
					worker), 0);
	ck_assert(crew_rests(worker->group, before));
}

void worker_release(struct worker *worker)
{
	pthread_mutex_lock(&lock);
	worker->released = true;
	working[worker->group]++;
	pthread_cond_signal(&worker->release);
	pthread_mutex_unlock(&lock);
}

static void show_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[512];

	if (!file) {
		printf("\n%s: %m\n", path);
		return;
	}
	printf("\n%s:\n", path);
	while (fgets(line, sizeof(line), file))
		fputs(line, stdout);
	fclose(file);
}

static void show_worker(const struct worker *worker)
{
	static const char * const files[] = {
		"stat", "schedstat", "syscall", "wchan", "stack",
	};
	char path[64];
	size_t i;

	printf("\n%s, %s\n", worker->group == NOISE ? "noise" : "waiter",
	       worker->released ? "released" : "parked");
	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "/proc/self/task/%d/%s",
			 worker->tid, files[i]);
		show_file(path);
	}
}

/* The RTC of a guest has the host's time; the guest counts its own. */
static void show_clocks(void)
{
	struct timespec now;

	show_file("/sys/class/rtc/rtc0/since_epoch");
	clock_gettime(CLOCK_REALTIME, &now);
	printf("here it is %lld.%03ld\n", (long long)now.tv_sec,
	       now.tv_nsec / 1000000);
	show_file("/proc/uptime");
}

static void *run_there(void *arg)
{
	struct visitor *visitor = arg;

	pin(visitor->cpu);
	visitor->came = true;
	return NULL;
}

/*
 * Whether each CPU of a guest is run by its host. One that had only lost its
 * timer runs again when something is put on it.
 */
static void show_cpus(void)
{
	static struct visitor visitors[CPUS_SHOWN];
	unsigned int count = cpus() < CPUS_SHOWN ? cpus() : CPUS_SHOWN;
	unsigned int i;

	for (i = 0; i < count; i++) {
		visitors[i].cpu = i;
		must(!pthread_create(&visitors[i].thread, NULL, run_there,
				     &visitors[i]));
	}
	pause_ms(1000);
	for (i = 0; i < count; i++)
		printf("CPU %u %s\n", i,
		       visitors[i].came ? "runs" : "does not run");
}

void crew_show(void)
{
	unsigned int i;

	show_clocks();
	for (i = 0; i < crew_size; i++)
		show_worker(crew[i]);
	show_file("/proc/interrupts");
	show_file("/proc/timer_list");
	fflush(stdout);
	show_cpus();
	fflush(stdout);
}

bool crew_rests(enum group group, unsigned int wanted)
{
	struct timespec end;
	int late = 0;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += PATIENCE_MS / 1000;
	pthread_mutex_lock(&lock);
	while (working[group] > wanted && !late)
		late = pthread_cond_timedwait(&parked, &lock, &end);
	pthread_mutex_unlock(&lock);
	return !late;
}

unsigned int crew_working(enum group group)
{
	unsigned int count;

	pthread_mutex_lock(&lock);
	count = working[group];
	pthread_mutex_unlock(&lock);
	return count;
}

static void set_priority(pid_t tid, int priority)
{
	struct sched_param param = { .sched_priority = priority };

	ck_assert_msg(!sched_setscheduler(tid, SCHED_FIFO, &param),
		      "priority %d: %m", priority);
}

void crew_draw_priorities(unsigned int *seed)
{
	struct worker *other;
	unsigned int i, j;

	set_priority(0, PRIORITY_TOP);
	for (i = 0; i < crew_size; i++) {
		j = rand_r(seed) % (i + 1);
		other = crew[j];
		crew[j] = crew[i];
		crew[i] = other;
	}
	for (i = 0; i < crew_size; i++)
		set_priority(crew[i]->tid, PRIORITY_MIN + i);
}
