#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: dkms.sh install VERSION | uninstall | restore KERNEL
# The part of make install, dkms-install and uninstall that is DKMS's. Files that
# the packages have installed are left to them.
set -eu

install_everywhere() {
	dkms add "bufflink/$1"
	built=0 failed=0
	for build in /lib/modules/*/build; do
		[ -e "$build/Makefile" ] || continue
		kernel=${build%/build}
		if dkms install "bufflink/$1" -k "${kernel##*/}"; then
			built=$((built + 1))
		else
			failed=$((failed + 1))
		fi
	done
	echo "DKMS has built bufflink for $built kernels, and will for others" \
		"when they come with their headers."
	[ $failed = 0 ]
}

is_packaged() {
	dpkg-query -S "/usr/src/bufflink-$1" >/dev/null 2>&1
}

# versions NAME [-k KERNEL]: those that DKMS has of this name
versions() {
	dkms status "$@" | sed -n "s,^$1/\([^:,]*\).*,\1,p" | sort -u
}

uninstall_everywhere() {
	! command -v dkms >/dev/null ||
		for version in $(versions bufflink); do
			is_packaged "$version" ||
				dkms remove "bufflink/$version" --all
		done
	for source in /usr/src/bufflink-[0-9]*; do
		is_packaged "${source#*-}" || rm -rf "$source"
	done
}

# DKMS has put nothing where it found a module of the same name.
restore() {
	command -v dkms >/dev/null || return 0
	for name in bufflink bufflink-clients; do
		for version in $(versions $name -k "$1"); do
			dkms uninstall "$name/$version" -k "$1" || :
			dkms install "$name/$version" -k "$1"
		done
	done
}

case $1 in
restore)	restore "$2" ;;
install)	install_everywhere "$2" ;;
uninstall)	uninstall_everywhere ;;
esac
