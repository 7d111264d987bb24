#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the guest, with ICOUNT=y and one CPU, where a ns is an instruction: how many
# more a system call and a thread switch take when bufflink_trace, ftrace or perf
# have their event, and how many bytes an event has in a file.
# Packages: linux-perf
# Needs: events.c /usr/bin/perf
# shellcheck disable=SC3040 # busybox
set -eu -o pipefail
. ./steps.sh
PATH=$PATH:/usr/bin
times=20000
tracing=/sys/kernel/tracing

# cost NAME KIND [COMMAND...]
cost() {
	name=$1 kind=$2
	shift 2
	"$@" events "$kind" 2000 >/dev/null 2>&1
	"$@" events "$kind" $times >/tmp/ns 2>/tmp/errors
	echo "$kind, $name: $(head -n 1 /tmp/ns)" >&3
}

mount -t tracefs tracefs $tracing
mount -t tmpfs tmpfs /tmp
insmod bufflink.ko
echo 65536 >$tracing/buffer_size_kb

# traced KIND EVENT_OF_OURS EVENT_OF_FTRACE
traced() {
	cost nobody "$1"
	echo "$2" >/sys/module/bufflink_trace/parameters/events
	cost bufflink_trace "$1"
	echo >/sys/module/bufflink_trace/parameters/events
	cat /sys/class/misc/bufflink0/lost_records >&3
	echo 1 >"$tracing/events/$3/enable"
	cost ftrace "$1"
	echo 0 >"$tracing/events/$3/enable"
	echo 0 >$tracing/trace
}

for kind in call switch; do
	insmod bufflink_trace.ko buffer_size=67108864
	case $kind in
	call)	traced call syscall_entry raw_syscalls/sys_enter ;;
	*)	traced switch sched_switch sched/sched_switch ;;
	esac
	rmmod bufflink_trace
done

insmod bufflink_trace.ko
bufflink-trace record -o /tmp/ours -e sched_switch -- events switch $times \
	>/dev/null 2>/tmp/sum
echo "bufflink-trace: $(tail -n 1 /tmp/sum)," \
	"$(cat /tmp/ours/* | wc -c) bytes" >&3
perf record -q -a -e sched:sched_switch -o /tmp/perf.data -- \
	events switch $times >/dev/null 2>&1 || echo "perf record failed" >&3
echo "perf: $(perf script -i /tmp/perf.data 2>/dev/null | grep -c sched_switch)" \
	"events, $(wc -c </tmp/perf.data) bytes" >&3
rmmod bufflink_trace
