#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# On an installed system, for guest.bats: the program copies a mounted disk.
truncate -s 8M disk
loop=$(losetup -f --show disk)
mke2fs -q "$loop"
mkdir mounted
mount "$loop" mounted
modprobe bufflink_blklog devices="${loop#/dev/}"
echo text >mounted/file
bufflink-migrate --freeze=mounted "$loop" copy
umount mounted
rmmod bufflink_blklog
losetup -d "$loop"
debugfs -R 'cat file' copy 2>/dev/null | grep '^text$'
