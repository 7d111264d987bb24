#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: remove-modules.sh all|bufflink|orphans [DESTDIR]
# Removes the files that make install and install-clients have put among the modules
# of any kernel: all of them, bufflink alone, or clients without a bufflink, as these
# cannot be loaded. A module of a package that was in their way comes to its place.
set -eu
umask 022

remove() {
	for file; do
		[ -e "$file" ] || continue
		rm -r "$file"
		removed=y
	done
}

for updates in "${2-}"/lib/modules/*/updates; do
	[ -d "$updates" ] || continue
	kernel=${updates%/updates} removed=
	case $1 in
	all | bufflink)
		remove "$updates"/bufflink.ko* "$updates/bufflink.symvers" ;;
	esac
	case $1$(find "$kernel" -name 'bufflink.ko*') in
	all* | orphans)
		remove "$updates/bufflink" ;;
	esac
	[ "$removed" ] || continue
	rmdir --ignore-fail-on-non-empty "$updates"
	[ -z "${2-}" ] || continue
	! command -v depmod >/dev/null || depmod -a "${kernel##*/}"
	"$(dirname "$0")/dkms.sh" restore "${kernel##*/}"
done
