#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the guest: a flood of messages that the kernel's log cannot hold, taken
# whole by bufflink_klog. Fails where a step does not show this.
set -eu
exec >&3 2>&3
. ./steps.sh
messages=20000

# Two at a time, as fast as they can.
flood() {
	for writer in a b; do
		seq $((messages / 2)) | while read -r n; do
			echo "<14>flood $writer $n"
		done >/dev/kmsg &
	done
	wait
}

step "Linux $(uname -r) with $(nproc) CPUs: take the kernel's log into a" \
	"buffer of 8 MiB"
echo 1 >/proc/sys/kernel/printk		# the console would be slow
echo on >/proc/sys/kernel/printk_devkmsg
insmod bufflink.ko
show insmod bufflink_klog.ko size=8M
show bufflink list

step "it begins with the messages that the log already holds"
echo "  # bufflink-klog --no-wait | head -n 3"
bufflink-klog --no-wait >/tmp/boot
head -n 3 /tmp/boot | cut -c 1-74 | sed 's/^/  /'
grep -q 'Linux version' /tmp/boot || fail "the first messages are missing"

step "flood the log with $messages messages, more than it can hold"
flood
printf '  # dmesg | grep -c flood\n  %s\n' "$(dmesg | grep -c flood)"
echo "  # bufflink-klog --no-wait | grep -c flood"
bufflink-klog --no-wait >/tmp/flood || fail "messages were lost"
taken=$(grep -c flood /tmp/flood)
echo "  $taken"
[ "$taken" = $messages ] || fail "not all messages are there"

step "the same with a buffer that is too small: it says how many are missing"
rmmod bufflink_klog
show insmod bufflink_klog.ko size=65536
flood
echo "  # bufflink-klog --no-wait >messages"
bufflink-klog --no-wait >/tmp/messages 2>/tmp/report &&
	fail "it did not say that messages were lost"
sed 's/^/  /' /tmp/report
echo '<3>all is "well"' >/dev/kmsg
echo "  # bufflink-klog --no-wait --json"
bufflink-klog --no-wait --json >/tmp/messages 2>/tmp/report || :
sed 's/^/  /' /tmp/report /tmp/messages
grep -q ': 0 by the kernel.s log, [1-9]' /tmp/report ||
	fail "it did not say how many were lost"
grep -q '"pri":11,.*"msg":"all is \\"well\\""}$' /tmp/messages ||
	fail "this is not the message"
show rmmod bufflink_klog

step "power off"
