#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the guest: system calls that the auditor logs, shown step by step. Fails
# where a step does not show what it should.
set -eu
exec >&3 2>&3
. ./steps.sh
sysfs=/sys/class/misc/bufflink0

has_lost() {
	[ "$(cat $sysfs/lost_records)" -gt 0 ]
}

mount -t tracefs tracefs /sys/kernel/tracing
mount -t cgroup2 cgroup2 /sys/fs/cgroup

step "Linux $(uname -r): load bufflink and the auditor, with a filter that" \
	"lets nothing pass"
show insmod bufflink.ko
show insmod bufflink_sysaudit.ko calls=,

step "a shell is audited: which files it opens, what it runs"
echo "  # bufflink-audit --calls=open,openat,execve,exit_group &"
bufflink-audit --calls=open,openat,execve,exit_group >/tmp/calls &
reader=$!
wait_for grep -q 59 /sys/module/bufflink_sysaudit/parameters/calls
show sh -c 'cat /proc/sys/kernel/ostype; head -n 1 /none/such || :'
wait_for grep -q 'ENOENT' /tmp/calls
kill $reader
wait $reader || [ $? = 143 ] || fail "the tool came to a bad end"
sed 's/^/  /' /tmp/calls
grep -q 'openat(AT_FDCWD, "/none/such", O_RDONLY' /tmp/calls ||
	fail "no path was logged"

step "a command with all its children, and nothing else"
echo "  # bufflink-audit --calls=%process -T -- sh -c 'cat /proc/uptime; true'"
bufflink-audit --calls=%process -T -- sh -c 'cat /proc/uptime; true' >/tmp/calls
sed 's/^/  /' /tmp/calls
grep -q 'execve("/.*, \["cat", "/proc/uptime"\]' /tmp/calls ||
	fail "no cat was run"

step "the same as JSON"
echo "  # bufflink-audit --calls=getuid --json -- id -u"
bufflink-audit --calls=getuid --json -- id -u >/tmp/json
sed 's/^/  /' /tmp/json
grep -q '"call":"getuid"' /tmp/json || fail "no getuid() was logged"

step "a buffer that is too small: what is lost is known"
rmmod bufflink_sysaudit
show insmod bufflink_sysaudit.ko buffer_size=4096
wait_for has_lost
status=0
echo "  # bufflink-audit --no-wait"
bufflink-audit --no-wait >/tmp/calls 2>/tmp/loss || status=$?
sed 's/^/  /' /tmp/loss
[ $status = 3 ] || fail "it did not say that records were lost"
rmmod bufflink_sysaudit
rmmod bufflink

step "power off"
