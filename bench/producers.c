// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink_bench - bufflink beside its peers: the producers
 */

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "peers.h"

#define CHUNK	256	/* appends between two looks at the clock */

u8 bench_record[BENCH_RECORD_MAX];
static u8 bench_record_last[BENCH_RECORD_MAX];

struct producer {
	struct bench_run *run;
	struct file *file;	/* of the buffer, NULL if there is none */
	struct task_struct *task;
	u64 offered;
	u64 refused;
	u64 began;
	u64 ended;
	u64 append_ns;
};

struct bench_run {
	struct bench_start how;
	atomic_t late;		/* producers that have not come yet */
	atomic_t busy;		/* ... that have not finished yet */
	struct completion done;	/* by the last to finish */
	struct producer producers[BENCH_PRODUCERS_MAX];
};

void records_init(void)
{
	memset(bench_record, BENCH_FILL, sizeof(bench_record));
	memset(bench_record_last, BENCH_FILL_LAST, sizeof(bench_record_last));
}

u64 bench_append(struct bench *b, const struct peer *peer, const void *data,
		 size_t size, u64 n)
{
	return peer->append(b, data, size, n) +
	       atomic_long_xchg(&b->refused, 0);
}

static struct bench *producer_buffer(struct producer *p)
{
	return p->file->private_data;
}

static bool producer_goes_on(struct producer *p)
{
	const struct bench_start *how = &p->run->how;

	cond_resched();
	return p->offered < how->appends && !kthread_should_stop() &&
	       !(how->limit_ns && ktime_get_ns() - p->began >= how->limit_ns);
}

static void producer_rush(struct producer *p)
{
	const struct bench_start *how = &p->run->how;
	struct bench *b = producer_buffer(p);

	while (producer_goes_on(p)) {
		u64 n = min_t(u64, how->appends - p->offered, CHUNK);

		p->refused += bench_append(b, b->peer, bench_record,
					   how->size, n);
		p->offered += n;
	}
}

static u64 producer_timed(struct producer *p, const struct peer *peer,
			  u64 *refused)
{
	u64 began = ktime_get_ns();

	*refused += bench_append(producer_buffer(p), peer, bench_record,
				 p->run->how.size, 1);
	return ktime_get_ns() - began;
}

/* A late producer stays late: no burst makes up for it. */
static void producer_pace(struct producer *p)
{
	const struct peer *peer = producer_buffer(p)->peer;
	u64 period = p->run->how.period_ns;
	u64 next = ktime_get_ns();
	u64 none = 0;

	while (producer_goes_on(p)) {
		u64 now = ktime_get_ns();

		if (now < next)
			continue;
		next += period;
		if (next < now)
			next = now + period;
		p->append_ns += producer_timed(p, peer, &p->refused);
		p->append_ns -= producer_timed(p, &peers[BENCH_LOOP], &none);
		p->offered++;
	}
}

static void producer_mark_last(struct producer *p)
{
	struct bench *b = producer_buffer(p);
	bool refused;

	do {
		refused = bench_append(b, b->peer, bench_record_last,
				       p->run->how.size, 1);
		p->offered++;
		p->refused += refused;
		if (refused)
			usleep_range(100, 200);
	} while (refused && !kthread_should_stop());
	if (b->peer->flush)
		b->peer->flush(b);
}

/* Sleeping brings the scheduler's books up to date. */
static u64 producer_runtime(void)
{
	schedule_timeout_uninterruptible(1);
	return current->se.sum_exec_runtime;
}

static int producer_thread(void *data)
{
	struct producer *p = data;
	struct bench_run *run = p->run;
	u64 runtime = producer_runtime();

	atomic_dec(&run->late);
	while (atomic_read(&run->late) && !kthread_should_stop())
		cond_resched();	/* some work waits for all CPUs, too */
	p->began = ktime_get_ns();
	if (run->how.period_ns)
		producer_pace(p);
	else
		producer_rush(p);
	p->ended = ktime_get_ns();
	if (run->how.mark_last)
		producer_mark_last(p);
	runtime = producer_runtime() - runtime;
	if (!run->how.period_ns)
		p->append_ns = runtime;
	if (atomic_dec_and_test(&run->busy))
		complete_all(&run->done);

	set_current_state(TASK_INTERRUPTIBLE);
	while (!kthread_should_stop()) {
		schedule();
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

void run_free(struct bench_run *run)
{
	int i;

	for (i = 0; i < BENCH_PRODUCERS_MAX; i++) {
		struct producer *p = &run->producers[i];

		if (p->task)
			kthread_stop(p->task);
		if (p->file)
			fput(p->file);
	}
	kfree(run);
}

static int producer_create(struct producer *p, int buffer, unsigned int cpu)
{
	struct task_struct *task;
	struct bench *b;

	p->file = fget(buffer);
	if (!p->file)
		return -EBADF;
	if (p->file->f_op != &bench_fops)
		return -EINVAL;
	b = p->file->private_data;
	if (!b->peer || cpu >= nr_cpu_ids || !cpu_online(cpu))
		return -EINVAL;
	task = kthread_create(producer_thread, p, "bench/%u", cpu);
	if (IS_ERR(task))
		return PTR_ERR(task);
	kthread_bind(task, cpu);
	p->task = task;
	return 0;
}

int run_start(struct bench *b, void __user *user)
{
	struct bench_start *how;
	struct bench_run *run;
	int err = -EFAULT;
	int i;

	if (b->peer || b->run)
		return -EBUSY;
	run = kzalloc(sizeof(*run), GFP_KERNEL);
	if (!run)
		return -ENOMEM;
	how = &run->how;
	if (copy_from_user(how, user, sizeof(*how)))
		goto free;
	err = -EINVAL;
	if (!how->producers || how->producers > BENCH_PRODUCERS_MAX ||
	    how->size > BENCH_RECORD_MAX)
		goto free;

	init_completion(&run->done);
	atomic_set(&run->late, how->producers);
	atomic_set(&run->busy, how->producers);
	for (i = 0; i < how->producers; i++) {
		run->producers[i].run = run;
		err = producer_create(&run->producers[i], how->buffers[i],
				      how->cpu + i);
		if (err)
			goto free;
	}
	for (i = 0; i < how->producers; i++)
		wake_up_process(run->producers[i].task);
	b->run = run;
	return 0;

free:
	run_free(run);
	return err;
}

int run_finish(struct bench *b, void __user *user)
{
	struct bench_finish result = { .began = U64_MAX };
	struct bench_run *run = b->run;
	u64 ended = 0;
	int i;

	if (!run)
		return -EINVAL;
	if (wait_for_completion_interruptible(&run->done))
		return -EINTR;
	for (i = 0; i < run->how.producers; i++) {
		struct producer *p = &run->producers[i];

		result.began = min(result.began, p->began);
		ended = max(ended, p->ended);
		result.offered += p->offered;
		result.refused += p->refused;
		result.append_ns += p->append_ns;
	}
	result.wall_ns = ended - result.began;
	b->run = NULL;
	run_free(run);
	return copy_to_user(user, &result, sizeof(result)) ? -EFAULT : 0;
}
