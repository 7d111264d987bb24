/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The events of bufflink_trace, each once, as X-macros. A file that includes this
 * one says before what it makes of an entry: the struct of a record, the function
 * that fills it in, or its description in a trace.
 *
 *	EVENT(name, group, tracepoint, arguments, fields)
 *		what the kernel has a tracepoint for
 *	STATE(name, fields)
 *		what bufflink-trace itself writes of how things are at the start
 *
 * Fields are in the order of the record, one behind the other. In the record's
 * structure, as in the description of a trace, their names begin with "_".
 *
 *	NUMBER(type, name, value)	a decimal number; the type is one of s32, u32,
 *					s64, u64
 *	HEX(name, value)		u64, printed in hexadecimal
 *	COMM(name, value)		a thread's name, TRACE_COMM bytes, zero padded
 *	CALL_ARGS(name, regs)		six u64: what a system call was given
 *	STRING(name, value)		text up to a zero byte, the last field
 *	ID(number)			no field: the record is an event of this number
 *					instead, but with the same fields
 *
 * Names of events and fields are those of LTTng 2.13, which Trace Compass knows.
 * Its priorities are 100 less than the kernel's.
 */

/* In programs, these names of fields are macros. */
#ifndef __KERNEL__
#pragma push_macro("errno")
#pragma push_macro("sa_handler")
#undef errno
#undef sa_handler
#endif

EVENT(sched_switch, sched, sched_switch,
	ARGS(bool preempt, struct task_struct *prev, struct task_struct *next,
	     unsigned int prev_state),
	COMM(prev_comm, prev->comm);
	NUMBER(s32, prev_tid, prev->pid);
	NUMBER(s32, prev_prio, prev->prio - MAX_RT_PRIO);
	NUMBER(s64, prev_state, state_of(prev, preempt, prev_state));
	COMM(next_comm, next->comm);
	NUMBER(s32, next_tid, next->pid);
	NUMBER(s32, next_prio, next->prio - MAX_RT_PRIO))

EVENT(sched_wakeup, sched, sched_wakeup,
	ARGS(struct task_struct *task),
	COMM(comm, task->comm);
	NUMBER(s32, tid, task->pid);
	NUMBER(s32, prio, task->prio - MAX_RT_PRIO);
	NUMBER(s32, target_cpu, task_cpu(task)))

EVENT(sched_wakeup_new, sched, sched_wakeup_new,
	ARGS(struct task_struct *task),
	COMM(comm, task->comm);
	NUMBER(s32, tid, task->pid);
	NUMBER(s32, prio, task->prio - MAX_RT_PRIO);
	NUMBER(s32, target_cpu, task_cpu(task)))

EVENT(sched_migrate_task, sched, sched_migrate_task,
	ARGS(struct task_struct *task, int dest_cpu),
	COMM(comm, task->comm);
	NUMBER(s32, tid, task->pid);
	NUMBER(s32, prio, task->prio - MAX_RT_PRIO);
	NUMBER(s32, orig_cpu, task_cpu(task));
	NUMBER(s32, dest_cpu, dest_cpu))

EVENT(sched_process_fork, sched, sched_process_fork,
	ARGS(struct task_struct *parent, struct task_struct *child),
	COMM(parent_comm, parent->comm);
	NUMBER(s32, parent_tid, parent->pid);
	NUMBER(s32, parent_pid, parent->tgid);
	COMM(child_comm, child->comm);
	NUMBER(s32, child_tid, child->pid);
	NUMBER(s32, child_pid, child->tgid))

EVENT(sched_process_exec, sched, sched_process_exec,
	ARGS(struct task_struct *task, pid_t old_pid,
	     struct linux_binprm *program),
	NUMBER(s32, tid, task->pid);
	NUMBER(s32, old_tid, old_pid);
	STRING(filename, program->filename))

EVENT(sched_process_exit, sched, sched_process_exit,
	ARGS(PROCESS_EXIT_ARGS),
	COMM(comm, task->comm);
	NUMBER(s32, tid, task->pid);
	NUMBER(s32, prio, task->prio - MAX_RT_PRIO))

EVENT(sched_process_free, sched, sched_process_free,
	ARGS(struct task_struct *task),
	COMM(comm, task->comm);
	NUMBER(s32, tid, task->pid);
	NUMBER(s32, prio, task->prio - MAX_RT_PRIO))

EVENT(irq_handler_entry, irq, irq_handler_entry,
	ARGS(int irq, struct irqaction *action),
	NUMBER(s32, irq, irq);
	STRING(name, action->name))

EVENT(irq_handler_exit, irq, irq_handler_exit,
	ARGS(int irq, struct irqaction *action, int ret),
	NUMBER(s32, irq, irq);
	NUMBER(s32, ret, ret))

EVENT(irq_softirq_raise, irq, softirq_raise,
	ARGS(unsigned int number),
	NUMBER(u32, vec, number))

EVENT(irq_softirq_entry, irq, softirq_entry,
	ARGS(unsigned int number),
	NUMBER(u32, vec, number))

EVENT(irq_softirq_exit, irq, softirq_exit,
	ARGS(unsigned int number),
	NUMBER(u32, vec, number))

/* A record has the call in its number, see TRACE_CALL(). */
EVENT(syscall_entry, syscall, sys_enter,
	ARGS(struct pt_regs *regs, long number),
	ID(TRACE_CALL(in_compat_syscall(), false, number));
	NUMBER(s32, id, number);
	CALL_ARGS(args, regs))

EVENT(syscall_exit, syscall, sys_exit,
	ARGS(struct pt_regs *regs, long ret),
	ID(TRACE_CALL(in_compat_syscall(), true, syscall_get_nr(current, regs)));
	NUMBER(s32, id, syscall_get_nr(current, regs));
	NUMBER(s64, ret, ret))

EVENT(signal_generate, signal, signal_generate,
	ARGS(int sig, struct kernel_siginfo *info, struct task_struct *task,
	     int group, int result),
	NUMBER(s32, sig, sig);
	NUMBER(s32, errno, has_info(info) ? info->si_errno : 0);
	NUMBER(s32, code, has_info(info) ? info->si_code :
	       info == SEND_SIG_PRIV ? SI_KERNEL : SI_USER);
	COMM(comm, task->comm);
	NUMBER(s32, pid, task->pid);
	NUMBER(s32, group, group);
	NUMBER(s32, result, result))

EVENT(signal_deliver, signal, signal_deliver,
	ARGS(int sig, struct kernel_siginfo *info, struct k_sigaction *action),
	NUMBER(s32, sig, sig);
	NUMBER(s32, errno, has_info(info) ? info->si_errno : 0);
	NUMBER(s32, code, has_info(info) ? info->si_code :
	       info == SEND_SIG_PRIV ? SI_KERNEL : SI_USER);
	HEX(sa_handler, (unsigned long)action->sa.sa_handler);
	HEX(sa_flags, action->sa.sa_flags))

EVENT(timer_expire_entry, timer, timer_expire_entry,
	ARGS(struct timer_list *timer, unsigned long baseclk),
	HEX(timer, (unsigned long)timer);
	NUMBER(u64, now, jiffies);
	HEX(function, (unsigned long)timer->function);
	NUMBER(u64, baseclk, baseclk))

EVENT(timer_expire_exit, timer, timer_expire_exit,
	ARGS(struct timer_list *timer),
	HEX(timer, (unsigned long)timer))

EVENT(timer_hrtimer_expire_entry, timer, hrtimer_expire_entry,
	ARGS(struct hrtimer *timer, HRTIMER_NOW),
	HEX(hrtimer, (unsigned long)timer);
	NUMBER(s64, now, HRTIMER_NOW_VALUE);
	HEX(function, (unsigned long)ACCESS_PRIVATE(timer, function)))

EVENT(timer_hrtimer_expire_exit, timer, hrtimer_expire_exit,
	ARGS(struct hrtimer *timer),
	HEX(hrtimer, (unsigned long)timer))

EVENT(power_cpu_idle, power, cpu_idle,
	ARGS(unsigned int state, unsigned int cpu),
	NUMBER(u32, state, state);
	NUMBER(u32, cpu_id, cpu))

EVENT(power_cpu_frequency, power, cpu_frequency,
	ARGS(unsigned int frequency, unsigned int cpu),
	NUMBER(u32, state, frequency);
	NUMBER(u32, cpu_id, cpu))

EVENT(x86_exceptions_page_fault_user, fault, page_fault_user,
	ARGS(unsigned long address, struct pt_regs *regs, unsigned long code),
	HEX(address, address);
	HEX(ip, instruction_pointer(regs));
	HEX(error_code, code))

EVENT(x86_exceptions_page_fault_kernel, fault, page_fault_kernel,
	ARGS(unsigned long address, struct pt_regs *regs, unsigned long code),
	HEX(address, address);
	HEX(ip, instruction_pointer(regs));
	HEX(error_code, code))

EVENT(block_rq_issue, block, block_rq_issue,
	ARGS(struct request *request),
	NUMBER(u32, dev, disk_of(request));
	NUMBER(u64, sector, sector_of(request));
	NUMBER(u32, nr_sector, sectors_of(request));
	NUMBER(u32, bytes, bytes_of(request));
	NUMBER(s32, tid, current->pid);
	NUMBER(u32, rwbs, kind_of(request));
	COMM(comm, current->comm))

EVENT(block_rq_complete, block, block_rq_complete,
	ARGS(struct request *request, blk_status_t status, unsigned int bytes),
	NUMBER(u32, dev, disk_of(request));
	NUMBER(u64, sector, position_of(request));
	NUMBER(u32, nr_sector, bytes >> 9);
	NUMBER(s32, error, error_of(status));
	NUMBER(u32, rwbs, kind_of(request)))

EVENT(net_dev_queue, net, net_dev_queue,
	ARGS(struct sk_buff *skb),
	HEX(skbaddr, (unsigned long)skb);
	NUMBER(u32, len, skb->len);
	STRING(name, skb->dev->name))

EVENT(net_if_receive_skb, net, netif_receive_skb,
	ARGS(struct sk_buff *skb),
	HEX(skbaddr, (unsigned long)skb);
	NUMBER(u32, len, skb->len);
	STRING(name, skb->dev->name))

STATE(bufflink_mark,
	NUMBER(s32, tid, current->pid);
	STRING(msg, text))

STATE(lttng_statedump_start,
	NUMBER(s32, tid, 0))

STATE(lttng_statedump_process_state,
	NUMBER(s32, tid, 0);
	NUMBER(s32, vtid, 0);
	NUMBER(s32, pid, 0);
	NUMBER(s32, vpid, 0);
	NUMBER(s32, ppid, 0);
	COMM(name, 0);
	NUMBER(s32, type, 0);
	NUMBER(s32, mode, 0);
	NUMBER(s32, submode, 0);
	NUMBER(s32, status, 0);
	NUMBER(u32, cpu, 0))

STATE(lttng_statedump_interrupt,
	NUMBER(u32, irq, 0);
	COMM(name, 0);
	STRING(action, 0))

STATE(lttng_statedump_end,
	NUMBER(s32, tid, 0))

#ifndef __KERNEL__
#pragma pop_macro("sa_handler")
#pragma pop_macro("errno")
#endif
