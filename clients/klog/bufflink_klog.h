/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * A record of bufflink_klog, for each message of the kernel's log, is text:
 *
 *	55,310,0,0;<6>[    1.204507] random: crng init done
 *
 * After the header comes the message as syslog(2) gives it, so many bytes as
 * the header says first. The last of them is a newline. Each line in it begins
 * with <N>, facility * 8 + level, and, unless printk.time=0, with the time in
 * seconds since boot. So a line that begins with a digit begins a message.
 */
#ifndef _BUFFLINK_KLOG_H
#define _BUFFLINK_KLOG_H

#define BUFFLINK_KLOG_OWNER	"bufflink_klog"

/*
 * The length of the message (unsigned int, bytes), its number in the log, and
 * how many are missing before it: those that had left the log before they could
 * be taken, and those that the buffer had no room for (unsigned long long).
 */
#define BUFFLINK_KLOG_HEADER	"%u,%llu,%llu,%llu;"
#define BUFFLINK_KLOG_HEADER_MAX	80	/* bytes */
#define BUFFLINK_KLOG_MESSAGE_MAX	65536	/* bytes */

#endif /* _BUFFLINK_KLOG_H */
