#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: foreign.sh 6.1-arm64|6.1-i386|6.1-s390x
# Unpacks Debian's stock kernel for another machine into the cache, once:
# CACHE/KERNEL/vmlinuz and CACHE/KERNEL/build as of any kernel, and the machine's
# programs and libraries in CACHE/KERNEL/sysroot. Nothing gets installed.
set -eu
. "$(dirname "$0")/common.sh"

kernel=${1-}
case $kernel in
6.1-arm64)	metapackage=linux-image-cloud-arm64 ;;
6.1-i386)	metapackage=linux-image-686 ;;
6.1-s390x)	metapackage=linux-image-s390x ;;
*)		die "no recipe for a kernel '$kernel' of another machine" ;;
esac
. "$here/machine.sh"

# The first three are for the guest, the others to build for it.
packages="busybox-static make libc6 libc6-dev linux-libc-dev libgcc-12-dev"
packages="$packages check libsubunit-dev liburing-dev"
packages="$packages $(declared Packages "$top/userland/needs")"
# files are unpacked anew when this changes
key=$(echo "$packages" | sha256sum | cut -c 1-12)

# apt for that machine, from this one's own sources; with no trace in its state
foreign() {
	command=$1
	shift
	"$command" -q -o APT::Architecture="$machine" \
		-o APT::Architectures="$machine" -o APT::Sandbox::User=root \
		-o Dir::State::Lists="$lists" -o Dir::Cache="$lists" \
		-o Dir::State::status=/dev/null "$@"
}

depends() {
	foreign apt-cache depends "$1" | sed -n 's/^ *Depends: //p'
}

# The headers' tools run here, so linux-kbuild is this machine's own.
download_kernel() {
	image=$(depends "$metapackage" | grep '^linux-image-6\.1\.') || return
	headers=linux-headers-${image#linux-image-}
	common=$(depends "$headers" | grep '^linux-headers-') || return
	foreign apt-get download "$image" "$headers" "$common" || return
	download linux-kbuild-6.1
}

unpack_sysroot() {
	mkdir sysroot
	cd sysroot
	# shellcheck disable=SC2086 # a list of words
	foreign apt-get download $packages
	for deb in *.deb; do
		dpkg-deb -x "$deb" .
	done
	rm ./*.deb
	cd ..
}

unpack_foreign() {
	lists=$PWD/lists
	mkdir -p "$lists/partial" "$lists/archives/partial"
	say "downloading Debian's package lists, kernel and libraries of $machine"
	foreign apt-get update || say "without the lists that are not to be had"
	fetch download_kernel || die "no $metapackage of Linux 6.1 to be had"
	say "unpacking $image into $cache"
	for deb in linux-headers-*.deb linux-kbuild-*.deb; do
		dpkg-deb -x "$deb" .
	done
	dpkg-deb --fsys-tarfile linux-image-*.deb |
		tar -x --wildcards --transform 's,.*/,,' \
			'./boot/vmlinuz-*' '*/virtio_console.ko'
	mv vmlinuz-* vmlinuz
	ln -s "usr/src/$headers" build
	sed -i 's,/usr/src/,../,' build/Makefile
	echo "override CROSS_COMPILE = $cross" >>build/.kernelvariables
	unpack_sysroot
	version=$(basename linux-image-*.deb .deb)-$key
	rm -r ./*.deb "$lists"
}

"$here/setup.sh" "$machine"
cached "$kernel-$key" unpack_foreign
ln -sfn "$(readlink "$cache/$kernel-$key")" "$cache/$kernel"
