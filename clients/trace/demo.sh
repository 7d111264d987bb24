#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the guest: events of the kernel, which bufflink-trace records and babeltrace2
# reads, shown step by step. Fails where a step does not show what it should.
# Packages: babeltrace2
# Needs: /usr/bin/babeltrace2
# Needs: /usr/lib/x86_64-linux-gnu/babeltrace2/plugins/babeltrace-plugin-ctf.so
# Needs: /usr/lib/x86_64-linux-gnu/babeltrace2/plugins/babeltrace-plugin-text.so
# Needs: /usr/lib/x86_64-linux-gnu/babeltrace2/plugins/babeltrace-plugin-utils.so
set -eu
exec >&3 2>&3
. ./steps.sh

# The longest times between a wakeup and the switch to what was woken
latencies() {
	awk '
	{ time = substr($1, 2, length($1) - 2) }
	$3 ~ /^sched_wakeup/ && match($0, / tid = [0-9]+/) {
		woken[substr($0, RSTART + 7, RLENGTH - 7)] = time
	}
	$3 == "sched_switch:" && match($0, /next_tid = [0-9]+/) {
		tid = substr($0, RSTART + 11, RLENGTH - 11)
		match($0, /next_comm = "[^"]*"/)
		if (tid in woken)
			printf "%8.3f ms  %s, thread %d\n",
				1000 * (time - woken[tid]),
				substr($0, RSTART + 12, RLENGTH - 12), tid
		delete woken[tid]
	}' "$1" | sort -rn | head -n 5
}

step "Linux $(uname -r): load bufflink and the tracer, and list its events"
show insmod bufflink.ko
show insmod bufflink_trace.ko
show bufflink-trace list

step "record a command, and all that the machine does meanwhile"
show bufflink-trace record -o /tmp/run -- sh -c 'cat /proc/uptime; sleep 0.2'
show bufflink-trace status
show ls -l /tmp/run

step "read the trace with babeltrace2, without a warning"
echo "  # babeltrace2 --clock-seconds /tmp/run"
/usr/bin/babeltrace2 --clock-seconds /tmp/run >/tmp/events 2>/tmp/warnings ||
	fail "babeltrace2: $(cat /tmp/warnings)"
[ ! -s /tmp/warnings ] || fail "babeltrace2: $(cat /tmp/warnings)"
grep -A 12 'syscall_entry_execve' /tmp/events | cut -c 1-120 | sed 's/^/  /'
events=$(grep -vc ' lttng_statedump' /tmp/events)
bufflink-trace status | grep -q "^records: $events, and 0 lost" ||
	fail "there are $events events in the trace"
echo "  $events events: as many as the module has appended"

step "the most frequent events"
sed 's/^[^ ]* [^ ]* \([^:]*\):.*/\1/' /tmp/events | sort | uniq -c |
	sort -rn | head -n 8 | sed 's/^/  /'

step "the longest waits for a CPU"
latencies /tmp/events | sed 's/^/  /'

step "a buffer that is too small: the trace says how much is missing, and where"
status=0
show bufflink-trace record -o /tmp/lossy -b 4096 -- \
	sh -c 'seq 200 | while read -r _; do true </proc/uptime; done' ||
	status=$?
[ $status = 3 ] || fail "it did not say that events were lost"
/usr/bin/babeltrace2 /tmp/lossy 2>&1 >/dev/null | grep discarded | head -n 3 |
	cut -c 1-110 | sed 's/^/  /'
rmmod bufflink_trace
rmmod bufflink

step "power off"
