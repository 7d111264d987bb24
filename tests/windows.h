/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A delay at each window, for a build of bufflink.c with WINDOWS=y: build.sh
 * includes this after its other headers. The state that one step has seen may
 * have changed before the next. So each step that others see, or that sees the
 * steps of others, may be late: most often it is not, sometimes by up to 50 us.
 * Where the kernel may be preempted, another task runs first, if there is one.
 */
#ifndef _WINDOWS_H
#define _WINDOWS_H

#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#define WINDOWS_ONE_IN		8	/* steps is late */
#define WINDOWS_US_MAX		50

static u32 windows_state;

/* Any context. Another change at the same time makes it no worse. */
static __always_inline void bufflink_window(void)
{
	u32 state = *(volatile u32 *)&windows_state * 1664525 + 1013904223;

	*(volatile u32 *)&windows_state = state;
	if ((state >> 16) % WINDOWS_ONE_IN)
		return;
	udelay((state >> 24) % WINDOWS_US_MAX);
#ifdef CONFIG_PREEMPTION
	preempt_schedule();	/* returns at once where it is not allowed */
#endif
}

/* step(...), late. A macro's own name within it is that of the function. */
#define bufflink_late(step)	({ bufflink_window(); step; })

#undef READ_ONCE
#define READ_ONCE(x) \
	bufflink_late(({ compiletime_assert_rwonce_type(x); __READ_ONCE(x); }))
#undef WRITE_ONCE
#define WRITE_ONCE(x, value) \
	bufflink_late(({ compiletime_assert_rwonce_type(x); \
			 __WRITE_ONCE(x, value); }))
/* virt_...() is as smp_...() was. */
#undef smp_load_acquire
#define smp_load_acquire(p)	bufflink_late(virt_load_acquire(p)) /* as was */
#undef smp_store_release
#define smp_store_release(p, v)				/* as was */ \
	bufflink_late(({ virt_store_release(p, v); }))
#undef smp_mb
#define smp_mb()		bufflink_late(({ virt_mb(); }))	/* as was */
#undef smp_store_mb
#define smp_store_mb(x, v)				/* as was */ \
	bufflink_late(({ virt_store_mb(x, v); }))
#undef xchg
#define xchg(p, v)		bufflink_late(arch_xchg(p, v))

#define atomic_read(v)			bufflink_late(atomic_read(v))
#define atomic_set(v, i)		bufflink_late(atomic_set(v, i))
#define atomic_or(i, v)			bufflink_late(atomic_or(i, v))
#define atomic_andnot(i, v)		bufflink_late(atomic_andnot(i, v))
#define atomic_fetch_or(i, v)		bufflink_late(atomic_fetch_or(i, v))
#define atomic_fetch_andnot(i, v)	bufflink_late(atomic_fetch_andnot(i, v))
#define atomic_inc_unless_negative(v) \
	bufflink_late(atomic_inc_unless_negative(v))
#define atomic_cmpxchg(v, old, new)	bufflink_late(atomic_cmpxchg(v, old, new))
#define atomic_xchg(v, new)		bufflink_late(atomic_xchg(v, new))
#define atomic_long_read(v)		bufflink_late(atomic_long_read(v))
#define atomic_long_add(i, v)		bufflink_late(atomic_long_add(i, v))
#define atomic_long_xchg(v, new)	bufflink_late(atomic_long_xchg(v, new))
#define atomic_long_try_cmpxchg(v, old, new) \
	bufflink_late(atomic_long_try_cmpxchg(v, old, new))
#define atomic_long_add_return(i, v) \
	bufflink_late(atomic_long_add_return(i, v))
#define atomic_long_inc_return(v)	bufflink_late(atomic_long_inc_return(v))

/* no order but that of its caller */
#define waitqueue_active(q)		bufflink_late(waitqueue_active(q))
#define wq_has_sleeper(q)		bufflink_late(wq_has_sleeper(q))
#define irq_work_queue(work)		bufflink_late(irq_work_queue(work))
#define irq_work_is_busy(work)		bufflink_late(irq_work_is_busy(work))
#define kthread_queue_work(w, work)	bufflink_late(kthread_queue_work(w, work))
#define wake_up_process(task)		bufflink_late(wake_up_process(task))
#undef wake_up_interruptible
#define wake_up_interruptible(q) \
	bufflink_late(__wake_up(q, TASK_INTERRUPTIBLE, 1, NULL))
#define kill_fasync(f, sig, band)	bufflink_late(kill_fasync(f, sig, band))
#define fasync_helper(fd, file, on, f) \
	bufflink_late(fasync_helper(fd, file, on, f))
#define poll_wait(file, q, pt)		bufflink_late(poll_wait(file, q, pt))
#undef wake_up_all
#define wake_up_all(q)	bufflink_late(__wake_up(q, TASK_NORMAL, 0, NULL))
#undef wake_up_interruptible_all
#define wake_up_interruptible_all(q) \
	bufflink_late(__wake_up(q, TASK_INTERRUPTIBLE, 0, NULL))
#define mutex_trylock(lock)		bufflink_late(mutex_trylock(lock))
#define mutex_unlock(lock)		bufflink_late(mutex_unlock(lock))

#undef raw_spin_lock
#define raw_spin_lock(lock)		bufflink_late(_raw_spin_lock(lock))
#undef raw_spin_trylock
#define raw_spin_trylock(lock) \
	bufflink_late(__cond_lock(lock, _raw_spin_trylock(lock)))
#undef raw_spin_unlock
#define raw_spin_unlock(lock)		bufflink_late(_raw_spin_unlock(lock))

#endif /* _WINDOWS_H */
