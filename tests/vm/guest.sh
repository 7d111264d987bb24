#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the guest: runs $script, which is beside this, reports on the serial port
# $results, and ends the VM. The variables are of the kernel's command line.
# shellcheck disable=SC2154
until stty -F "/dev/$results" raw 2>/dev/null; do
	sleep 0.01
done
exec 3>"/dev/$results"
echo "READY" >&3

cd "$(dirname "$0")" || exit
env -u nonce sh "./$script"
rc=$?
taint=$(cat /proc/sys/kernel/tainted)
locks=$(awk '/debug_locks:/ { print $2 }' /proc/lockdep_stats 2>/dev/null)
# a quiet kernel's console had no warnings
! grep -qw quiet /proc/cmdline || dmesg
echo "VERDICT $nonce $rc $taint ${locks:-unknown} $(nproc)" >&3
exec 3>&-			# returns when all of it is sent
[ ! -e qemu_exit ] || ./qemu_exit 42
poweroff -f
