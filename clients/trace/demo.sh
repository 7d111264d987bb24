#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the guest: events of the kernel that bufflink-trace records, shown step by
# step by babeltrace2. Fails where a step does not show what it should.
# Packages: babeltrace2
# Needs: /usr/bin/babeltrace2 /usr/lib/x86_64-linux-gnu/babeltrace2/plugins/babeltrace-plugin-ctf.so
# Needs: /usr/lib/x86_64-linux-gnu/babeltrace2/plugins/babeltrace-plugin-text.so
# Needs: /usr/lib/x86_64-linux-gnu/babeltrace2/plugins/babeltrace-plugin-utils.so
set -eu
exec >&3 2>&3
. ./steps.sh

step "Linux $(uname -r): load bufflink and the tracer"
show insmod bufflink.ko
show insmod bufflink_trace.ko
show bufflink-trace list

step "record what a command does"
show bufflink-trace record -o /tmp/run -- sh -c 'cat /proc/uptime; true'
show bufflink-trace status
show ls -l /tmp/run
babeltrace2 /tmp/run >/tmp/events 2>/tmp/errors || { cat /tmp/errors; fail "babeltrace2 cannot read it"; }
wc -l /tmp/events
cat /tmp/errors
head -n 3 /tmp/events
grep sched /tmp/events | head -n 20
grep syscall /tmp/events | head -n 30
awk '{print $4}' /tmp/events | sort | uniq -c
rmmod bufflink_trace
rmmod bufflink

step "power off"
