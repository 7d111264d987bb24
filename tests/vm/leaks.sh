#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: leaks.sh before|after
# In the guest, where there is kmemleak: called before the modules come, and after
# they are gone. The second call reports the memory that they left, as a suite does.
set -eu
kmemleak=/sys/kernel/debug/kmemleak
[ -e $kmemleak ] || exit 0
rc=0

report() {
	echo "$*" >&3
	echo "$*"
}

list_nodes() {
	ls -d /dev/bufflink* /dev/blproducer /sys/class/misc/bufflink* \
		/sys/module/bufflink* /sys/module/producer 2>/dev/null || :
}

# It keeps quiet about memory that is younger than 5 s, or has changed since the
# last scan. One scan may also miss a pointer that is in a register just then.
list_unreferenced() {
	sleep 6
	for _ in 1 2 3; do
		echo scan >$kmemleak
		echo scan >$kmemleak
		cat $kmemleak >/tmp/unreferenced
		[ -s /tmp/unreferenced ] || break
	done
	cat /tmp/unreferenced
}

# The result of a test that passes if its input is empty
nothing() {
	left=$(sed 's/^/# /')
	if [ "$left" ]; then
		report "not ok $*"
		report "$left"
		rc=1
	else
		report "ok $*"
	fi
}

case ${1-} in
before)	list_unreferenced >/tmp/found
	echo clear >$kmemleak ;;
after)	report "# leaks: begins"
	report 1..2
	list_nodes >/tmp/found
	nothing 1 - leaks:every_node_is_gone </tmp/found
	list_unreferenced >/tmp/found
	nothing 2 - leaks:no_memory_is_leaked </tmp/found
	report "# leaks: ends $rc"
	exit $rc ;;
*)	echo >&2 "usage: leaks.sh before|after"
	exit 1 ;;
esac
