#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: make.sh
# Plain make, as README.md and Documentation/install.md have it: without pahole,
# for headers with BTF, and in folders in which the kernel's build system cannot
# build. Prints only errors.
set -eu
. "$(dirname "$0")/common.sh"

headers=$cache/6.12/build
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
export KCFLAGS=-Werror
rc=0

without_pahole "$home/bin"

# complain PROBLEM: with the output of make
complain() {
	cat "$home/said"
	echo "$1"
	rc=1
}

builds() {
	make -s -C "$home/tree" KDIR="$headers" "$@" >"$home/said" 2>&1 ||
		complain "make $*: failed"
}

# says FOLDER TEXT MAKE-ARGUMENT...: it fails, and this is all that it says.
says() {
	folder=$1 text=$2
	shift 2
	if timeout 60 make -s -C "$folder" "$@" >"$home/said" 2>&1; then
		complain "make $* in $folder: should have failed"
		return
	fi
	# make itself adds which target it was
	case $(grep -v '^make: ' "$home/said") in
	"Cannot build: the path of $text"*" cannot work with such a path: "*) ;;
	*)	complain "make $* in $folder: should have said '$text'" ;;
	esac
	[ "$(wc -l <"$home/said")" -le 4 ] ||
		complain "make $* in $folder: should have said no more"
}

copy_tree "$home/tree"
grep -q '^CONFIG_DEBUG_INFO_BTF_MODULES=y' "$headers/include/config/auto.conf" ||
	die "the headers of 6.12 have no BTF any more: which have?"
builds
builds clients
builds install-clients DESTDIR="$home/destination"
builds clean

for name in "a folder" a:folder; do
	mv "$home/tree" "$home/$name"
	bad="a blank"
	[ "$name" = "a folder" ] || bad="the character :"
	for goal in all modules clients install install-clients clean; do
		says "$home/$name" "the sources has $bad:" KDIR="$headers" \
			DESTDIR="$home/destination" $goal
	done
	for goal in check demo demo-klog bench bench-icount style \
		    check-hostile check-installed check-model deb; do
		says "$home/$name" "the build folder (BUILD) has $bad:" \
			XDG_CACHE_HOME="${cache%/*}" $goal
	done
	make -s -C "$home/$name" help >"$home/said" 2>&1 ||
		complain "make help in $name: failed"
	mv "$home/$name" "$home/tree"
	ln -sfn "$headers" "$home/$name"
	says "$home/tree" "the kernel headers has $bad:" KDIR="$home/$name"
	rm "$home/$name"
done
export BUILD="$home/build in" XDG_CACHE_HOME="${cache%/*}"
says "$home/tree" "the build folder (BUILD) has a blank:" check
export BUILD="$home/build" XDG_CACHE_HOME="$home/a cache"
says "$home/tree" "the kernels (XDG_CACHE_HOME) has a blank:" check
exit $rc
