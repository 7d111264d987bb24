// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink_bench - bufflink beside its alternatives: the device
 */

#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/ktime.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "peers.h"

static int buffer_create(struct bench *b, void __user *user)
{
	struct bench_create arg;
	const struct peer *peer;
	int err = 0;

	if (b->peer || b->run)
		return -EBUSY;
	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	if (arg.peer >= BENCH_PEERS || !arg.size || arg.size > INT_MAX)
		return -EINVAL;
	peer = &peers[arg.peer];
	b->size = arg.size;
	arg.ns = ktime_get_raw_ns();
	if (peer->create)
		err = peer->create(b, &arg);
	arg.ns = ktime_get_raw_ns() - arg.ns;
	if (err)
		return err;
	b->peer = peer;
	return copy_to_user(user, &arg, sizeof(arg)) ? -EFAULT : 0;
}

static u64 buffer_destroy(struct bench *b)
{
	u64 ns = ktime_get_raw_ns();

	if (b->peer && b->peer->destroy)
		b->peer->destroy(b);
	b->peer = NULL;
	return ktime_get_raw_ns() - ns;
}

static int buffer_append(struct bench *b, void __user *user)
{
	struct bench_append arg;
	int i;

	if (!b->peer)
		return -EINVAL;
	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	if (arg.size > BENCH_RECORD_MAX || arg.batches > BENCH_BATCHES_MAX)
		return -EINVAL;
	arg.refused = 0;
	for (i = 0; i < arg.batches; i++) {
		u64 began;

		preempt_disable();
		began = ktime_get_raw_ns();
		arg.refused += bench_append(b, b->peer, bench_record, arg.size,
					    arg.appends);
		arg.ns[i] = ktime_get_raw_ns() - began;
		preempt_enable();
		cond_resched();
	}
	return copy_to_user(user, &arg, sizeof(arg)) ? -EFAULT : 0;
}

static long bench_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct bench *b = file->private_data;
	void __user *user = (void __user *)arg;
	long ret;

	if (mutex_lock_interruptible(&b->mutex))
		return -EINTR;
	switch (cmd) {
	case BENCH_CREATE:
		ret = buffer_create(b, user);
		break;
	case BENCH_DESTROY:
		/* Producers have the file, too. */
		ret = file_count(file) > 1 ? -EBUSY :
		      put_user(buffer_destroy(b), (u64 __user *)user);
		break;
	case BENCH_APPEND:
		ret = buffer_append(b, user);
		break;
	case BENCH_START:
		ret = run_start(b, user);
		break;
	case BENCH_FINISH:
		ret = run_finish(b, user);
		break;
	case BENCH_CONSUME:
		ret = relay_consume(b, user);
		break;
	default:
		ret = -ENOTTY;
	}
	mutex_unlock(&b->mutex);
	return ret;
}

static ssize_t bench_read(struct file *file, char __user *to, size_t size,
			  loff_t *pos)
{
	struct bench *b = file->private_data;
	const struct peer *peer = b->peer;
	bool wait = !(file->f_flags & O_NONBLOCK);
	ssize_t done;

	if (!peer || !peer->read)
		return -EINVAL;
	do {
		if (wait && wait_event_interruptible(b->wait, !peer->empty(b)))
			return -ERESTARTSYS;
		if (mutex_lock_interruptible(&b->mutex))
			return -ERESTARTSYS;
		done = peer->read(b, to, size);
		mutex_unlock(&b->mutex);
	} while (!done && wait);
	return done ? done : -EAGAIN;
}

static void bench_wake(struct irq_work *work)
{
	wake_up_interruptible(&container_of(work, struct bench, wake)->wait);
}

static int bench_open(struct inode *inode, struct file *file)
{
	struct bench *b = kzalloc(sizeof(*b), GFP_KERNEL);

	if (!b)
		return -ENOMEM;
	mutex_init(&b->mutex);
	init_waitqueue_head(&b->wait);
	init_irq_work(&b->wake, bench_wake);
	raw_spin_lock_init(&b->lock);
	spin_lock_init(&b->fifo_lock);
	file->private_data = b;
	return 0;
}

static int bench_release(struct inode *inode, struct file *file)
{
	struct bench *b = file->private_data;

	if (b->run)
		run_free(b->run);
	irq_work_sync(&b->wake);
	buffer_destroy(b);
	kfree(b);
	return 0;
}

const struct file_operations bench_fops = {
	.owner = THIS_MODULE,
	.open = bench_open,
	.read = bench_read,
	.unlocked_ioctl = bench_ioctl,
	.release = bench_release,
};

static struct miscdevice bench_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = BENCH_DEVICE,
	.mode = 0600,
	.fops = &bench_fops,
};

static int __init bench_init(void)
{
	int err = peers_init();

	if (err)
		return err;
	records_init();
	err = misc_register(&bench_misc);
	if (err)
		peers_exit();
	return err;
}

static void __exit bench_exit(void)
{
	misc_deregister(&bench_misc);
	peers_exit();
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_AUTHOR("The bufflink developers");
MODULE_DESCRIPTION("bufflink beside its alternatives");
MODULE_LICENSE("GPL");
