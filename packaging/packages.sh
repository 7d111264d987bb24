#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: packages.sh [FILE...]
# Fails, and says so, if a package of bufflink's is installed; with FILEs, only if
# it is a package that has one of them.
if [ $# = 0 ]; then
	packages=$(dpkg-query -f '${source:Package}:${db:Status-Status}:${Package}\n' \
		-W 'bufflink*' 'libbufflink*' 2>/dev/null |
		sed -n 's/^bufflink:installed://p')
else
	packages=$(dpkg-query -S "$@" 2>/dev/null | sed 's/[:,].*//' | sort -u)
fi
for package in $packages; do
	echo >&2 "The package $package is installed: remove it first."
done
[ -z "$packages" ]
