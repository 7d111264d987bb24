// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages of printk() as events
 *
 * A probe is called while a message is written, and cannot see its level yet. So
 * an irq_work of that CPU reads it from the kernel's log, as soon as interrupts
 * are on again. Then CPU and process are no longer known.
 */
#include <linux/irq_work.h>
#include <linux/kernel.h>
#include <linux/kmsg_dump.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "../bufflink_printk.h"
#include "bufflink_evlog_printk.h"

#define MESSAGES_MAX	64	/* read with interrupts off */
#define MESSAGE_MAX	65536	/* bytes, with the prefix of each line */

static const char *const facilities[] = {
	"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news",
	"uucp", "cron", "authpriv", "ftp", "12", "13", "14", "15", "local0",
	"local1", "local2", "local3", "local4", "local5", "local6", "local7",
};

/* Guards the rest. */
static DEFINE_RAW_SPINLOCK(reading);
static struct kmsg_dump_iter iter;
static u64 next_number;		/* of the message that should come next */
static u64 lost;		/* messages, which no event tells of yet */
static char message[MESSAGE_MAX];

/* The message of which the number is one less than the iterator's. */
static bool next_message(void)
{
	size_t length;

	if (!kmsg_dump_get_line(&iter, true, message, sizeof(message) - 1,
				&length))
		return false;
	message[length] = '\0';
	return true;
}

/* The text behind <N>, or an empty string. */
static char *behind_priority(char *line, unsigned int *priority)
{
	char *end = strchrnul(line, '>');

	if (sscanf(line, "<%u>", priority) != 1)
		*priority = EVLOG_WARN;
	return *end ? end + 1 : end;
}

/*
 * The time is "[    1.234567]", unless printk.time=0. With some kernels "[    T1]"
 * is behind it.
 */
static char *behind_time(char *text)
{
	unsigned int seconds, microseconds, number;
	int point = 0, time = 0, caller = 0;
	char kind[2];
	char *end = text;

	if (sscanf(text, "[%u.%n%6u]%n", &seconds, &point, &microseconds,
		   &time) == 2 && time == point + 7)
		end += time;
	if (IS_ENABLED(CONFIG_PRINTK_CALLER) &&
	    sscanf(end, "[ %1[CT]%u]%n", kind, &number, &caller) == 2)
		end += caller;
	return end > text && *end == ' ' ? end + 1 : text;
}

/* Returns whether it is in the buffer. */
static bool write_line(char *line)
{
	unsigned int priority, facility;
	char *text = behind_time(behind_priority(line, &priority));

	facility = min_t(unsigned int, priority >> 3,
			 ARRAY_SIZE(facilities) - 1);
	return !evlog_write_message(facilities[facility], priority & 7, NULL, 0,
				    "%s", text);
}

/* If the buffer is full, it is told behind the next event that has room. */
static void write_loss(void)
{
	const struct evlog_attr attr = EVLOG_U64("messages", lost);

	if (!evlog_write_message("kern", EVLOG_WARN, &attr, 1,
				 "%llu messages had left the kernel's log",
				 lost))
		lost = 0;
}

static void write_message(void)
{
	const u64 number = iter.cur_seq - 1;
	char *rest = message, *line;
	bool has_room = false;

	if (number > next_number) {
		lost += number - next_number;
		write_loss();
	}
	next_number = number + 1;
	while ((line = strsep(&rest, "\n")) && (rest || *line))
		has_room = write_line(line);
	if (lost && has_room)
		write_loss();
}

static void read_messages(struct irq_work *work)
{
	unsigned long flags;
	int i;

	raw_spin_lock_irqsave(&reading, flags);
	for (i = 0; i < MESSAGES_MAX && next_message(); i++)
		write_message();
	raw_spin_unlock_irqrestore(&reading, flags);
	if (i == MESSAGES_MAX)
		bufflink_printk_queue(work);
}

/* Each CPU has one: another's might run before this one's message is in. */
static DEFINE_PER_CPU(struct irq_work, read_work);

static void message_comes(void)
{
	bufflink_printk_queue(this_cpu_ptr(&read_work));
}

static void skip_old_messages(void)
{
	kmsg_dump_rewind(&iter);
	while (next_message())
		next_number = iter.cur_seq;
}

static void wait_for_work(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		irq_work_sync(per_cpu_ptr(&read_work, cpu));
}

int evlog_printk_start(void)
{
	int cpu, err;

	for_each_possible_cpu(cpu)
		per_cpu(read_work, cpu) = IRQ_WORK_INIT_HARD(read_messages);
	skip_old_messages();
	err = bufflink_printk_start(message_comes);
	if (err)	/* one of two probes may have run */
		wait_for_work();
	return err;
}

void evlog_printk_stop(void)
{
	bufflink_printk_stop();
	wait_for_work();
}
