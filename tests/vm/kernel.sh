#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: kernel.sh 6.1|6.12
# Unpacks Debian's stock cloud kernel and its headers into the cache, once:
# CACHE/KERNEL/vmlinuz and CACHE/KERNEL/build. Nothing gets installed.
set -eu
. "$(dirname "$0")/common.sh"

kernel=${1-}
case $kernel in
6.1)	metapackage=linux-image-cloud-amd64 ;;
6.12)	metapackage=linux-image-6.12-cloud-amd64 ;;
*)	die "no recipe for kernel '$kernel', only for 6.1 and 6.12" ;;
esac

depends() {
	apt-cache depends "$1" 2>/dev/null | sed -n 's/^ *Depends: //p'
}

download_kernel() {
	image=$(depends "$metapackage" | grep "^linux-image-$kernel\.") || return
	headers=linux-headers-${image#linux-image-}
	parts=$(depends "$headers" | grep -E '^linux-(headers|kbuild)-') || return
	# shellcheck disable=SC2086 # a list of words
	download "$image" "$headers" $parts
}

unpack_kernel() {
	say "downloading Debian's stock kernel $kernel and its headers"
	fetch download_kernel || die "no $metapackage to be had: is this Debian 12" \
		"with its security updates among the apt sources?"
	say "unpacking $image into $cache"
	for deb in linux-headers-*.deb linux-kbuild-*.deb; do
		dpkg-deb -x "$deb" .
	done
	dpkg-deb --fsys-tarfile linux-image-*.deb |
		tar -x --wildcards --strip-components=2 './boot/vmlinuz-*'
	mv vmlinuz-* vmlinuz
	ln -s "usr/src/$headers" build
	sed -i 's,/usr/src/,../,' build/Makefile
	version=$(basename linux-image-*.deb _amd64.deb)
	rm ./*.deb
}

cached "$kernel" unpack_kernel
