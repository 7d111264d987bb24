#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: chroot.sh ROOT DISK COMMAND...
# Runs a command in a root, with DISK as its /mnt. Its mounts and processes end
# with it, however it ends; and it can load nothing into this machine's kernel.
set -eu
if [ "$1" != inside ]; then
	exec unshare --mount --pid --fork --kill-child -- "$0" inside "$@"
fi
root=$2 disk=$3
shift 3
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t devpts devpts "$root/dev/pts"
mount --bind "$disk" "$root/mnt"
exec setpriv --bounding-set -sys_module chroot "$root" env -i \
	HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	http_proxy="${http_proxy-}" https_proxy="${https_proxy-}" "$@"
