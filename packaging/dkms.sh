#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: dkms.sh install VERSION | uninstall
# The part of make install, dkms-install and uninstall that is DKMS's. Whatever
# the packages have installed is left to them.
set -eu

for package in bufflink-dkms bufflink-tools; do
	if dpkg-query -W -f '${db:Status-Status}\n' $package 2>/dev/null |
	    grep -qx installed; then
		echo >&2 "The package $package is installed: remove it first."
		exit 1
	fi
done

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

uninstall_everywhere() {
	command -v dkms >/dev/null || return 0
	for version in $(dkms status bufflink |
			 sed 's,^bufflink/\([^:,]*\).*,\1,' | sort -u); do
		dkms remove "bufflink/$version" --all
	done
}

case $1 in
install)	install_everywhere "$2" ;;
uninstall)	uninstall_everywhere ;;
esac
