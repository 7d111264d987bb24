# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Sourced by tests/vm/built-in.sh in the guest, where this client is built in.
has_logged() {
	[ "$(cat "$(sysfs_of bufflink_blklog/loop0)/used")" -gt 0 ]
}

logs_a_disk() {
	truncate -s 1M disk && losetup /dev/loop0 disk || return
	echo loop0 >/sys/module/bufflink_blklog/parameters/add || return
	[ -d "$(sysfs_of bufflink_blklog/loop0)" ] || return
	echo text | dd of=/dev/loop0 conv=fsync || return
	wait_for has_logged
}

it blklog_takes_a_disk_when_there_is_one logs_a_disk
