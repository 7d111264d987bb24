#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# On an installed system, for guest.bats: the program reads the records of the module.
# shellcheck source=tests/installed/wait_for.sh
. "${0%/*}/../../../tests/installed/wait_for.sh"

modprobe bufflink_klog
bufflink-klog --no-wait | grep 'Linux version'
rmmod bufflink_klog

# The service keeps a log, and goes on in a new file when it is rotated.
log=/var/log/bufflink/klog.log
systemctl start bufflink-klog
echo '<13>before the rotation' >/dev/kmsg
wait_for grep 'before the rotation' $log
logrotate -f /etc/logrotate.d/bufflink-klog
wait_for test -e $log
echo '<13>after the rotation' >/dev/kmsg
wait_for grep 'after the rotation' $log
! grep 'before the rotation' $log || exit 1
grep 'before the rotation' $log.1
systemctl stop bufflink-klog
rmmod bufflink_klog
