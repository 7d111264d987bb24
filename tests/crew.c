// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "crew.h"

#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "common.h"

#define CREW_MAX	16
#define PRIORITY_MIN	2	/* a real-time kernel has threads of 1 */
#define PRIORITY_TOP	90

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
