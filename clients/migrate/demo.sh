#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the guest: disks are copied while they are written to, shown step by step.
# Fails where a step does not show what it should.
set -eu
exec >&3 2>&3
. ./steps.sh

# Writes all the time: files, each beside its checksum.
use_disk() {
	n=0
	while n=$((n + 1)); do
		file=/mnt/$((n % 12))
		dd if=/dev/urandom of=$file bs=64k count=8 2>/dev/null
		md5sum $file >$file.md5
		sync $file
		echo $n >/tmp/written
	done
}

has_written() {
	[ "$(cat /tmp/written 2>/dev/null || echo 0)" -gt "$1" ]
}

has_logged() {
	[ "$(cat /sys/class/misc/bufflink0/records)" -gt 0 ]
}

step "Linux $(uname -r) with $(nproc) CPUs: a disk with ext4, and a program" \
	"that writes to it all the time"
insmod loop.ko
mkdir /mnt
dd if=/dev/zero of=/tmp/disk bs=1M seek=32 count=0 2>/dev/null
losetup /dev/loop0 /tmp/disk
/sbin/mke2fs -q -t ext4 /dev/loop0
mount -t ext4 /dev/loop0 /mnt
use_disk &
writer=$!
wait_for has_written 20
show df -h /mnt

step "log what is written to it: records of sectors, for any program"
show insmod bufflink.ko
show insmod bufflink_blklog.ko devices=loop0
wait_for has_logged
show bufflink list

# of the disk itself: ext4 may have changed its superblock in memory
cat >compare <<-'END'
	[ "$(dd if=/dev/loop0 iflag=direct bs=1M 2>/dev/null | md5sum)" = \
	  "$(md5sum <"$1")" ]
END

step "copy it, and compare while it is frozen"
show bufflink-migrate --freeze=/mnt --max-pause=60 \
	--run='sh compare /tmp/copy' /dev/loop0 /tmp/copy ||
	fail "it was to be copied, and identical"
has=$(cat /tmp/written)
wait_for has_written "$has"
echo "  and the writer goes on"
echo "  # e2fsck -fn /tmp/copy"
/sbin/e2fsck -fn /tmp/copy >/tmp/e2fsck 2>&1 || fail "the copy was to be clean"
tail -n 1 /tmp/e2fsck | sed 's/^/  /'

step "to another machine: through a pipe here, through ssh elsewhere; it says" \
	"when it has a copy, and until then it is frozen, or for a minute at most"
show bufflink-migrate --freeze=auto --max-pause=60 --run='sh compare /tmp/far' \
	--via='bufflink-migrate --receive /tmp/far' /dev/loop0 ||
	fail "what was received was to be identical"

step "to have it as it is in the end, stop what writes, and say so"
: >/tmp/sent
bufflink-migrate --verify /dev/loop0 /tmp/end 2>/tmp/sent &
sender=$!
wait_for grep -q 'is followed' /tmp/sent
has=$(cat /tmp/written)
wait_for has_written $((has + 5))
kill $writer
wait_for umount /mnt 2>/dev/null
kill -USR1 $sender
wait $sender || fail "the disk was to be copied"
sed 's/^/  /' /tmp/sent
show cmp /dev/loop0 /tmp/end || fail "what was copied was to be identical"

step "a disk is never copied over what it is made of"
if bufflink-migrate /dev/loop0 /tmp/disk 2>/tmp/refused; then
	fail "the disk's own file was to be refused"
fi
sed 's/^/  /' /tmp/refused

step "a stream that breaks off is never taken for a copy"
echo "  # bufflink-migrate /dev/loop0 - | head -c 3000000 |" \
	"bufflink-migrate --receive /tmp/half"
if bufflink-migrate /dev/loop0 - 2>/dev/null | head -c 3000000 |
	bufflink-migrate --receive /tmp/half 2>/tmp/half.err; then
	fail "half a stream was to be refused"
fi
sed 's/^/  /' /tmp/half.err

step "unload"
losetup -d /dev/loop0
show rmmod bufflink_blklog
show rmmod bufflink
