#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the guest, whose kernel has bufflink and its clients built in: when a buffer can
# be created, and the tests of each client. These name the words that in-tree.sh has
# to put on the kernel's command line.
# Needs: clients top/clients/*/tests/built-in.sh
. ./steps.sh
PATH=$PATH:/t
number=0 rc=0
cd /tmp || exit

report() {
	echo "$*" >&3
	echo "$*"
}

# it SENTENCE COMMAND...
it() {
	number=$((number + 1))
	sentence=$1
	shift
	if "$@" >/tmp/said 2>&1; then
		report "ok $number - built-in:$sentence"
	else
		report "not ok $number - built-in:$sentence"
		sed 's/^/# /' /tmp/said | head -n 20 >&3
		rc=1
	fi
}

# sysfs_of OWNER[/NAME]
sysfs_of() {
	for folder in /sys/class/misc/bufflink*; do
		name=$(cat "$folder/name")
		[ "$(cat "$folder/owner")${name:+/$name}" != "$1" ] ||
			echo "$folder"
	done
}

# has_buffer OWNER: of a client that is built in
has_buffer() {
	bufflink list
	[ "$(sysfs_of "$1")" ] && [ -d /sys/module/"$1" ]
}

creates_with() {
	bufflink cat --no-wait "bufflink_initcalls/$1" >/tmp/level
	[ "$(cat /tmp/level)" = "$1" ]
}

refuses_core() {
	dmesg | grep 'bufflink_initcalls: core:' | tee /tmp/core
	grep -q 'core: -ENODEV$' /tmp/core
}

report "# built-in: begins"
for client in /t/clients/*/tests/built-in.sh; do
	# shellcheck disable=SC1090 # one of many
	. "$client"
done
it an_early_initcall_is_refused refuses_core
it an_initcall_of_file_systems_creates_a_buffer creates_with fs
it an_initcall_that_is_linked_before_all_drivers_creates_a_buffer \
	creates_with device
report "1..$number"
report "# built-in: ends $rc"
[ $rc = 0 ]
