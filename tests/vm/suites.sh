#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the guest: runs the suites one by one, or the one of $suite. TAP goes to
# the results as the tests end, and their output to the console.
# Needs: /usr/bin/make top/Makefile top/packaging out/readme/. suites/*_*
# shellcheck disable=SC2154,SC3020 # of the command line; busybox
report() {
	echo "$*" >&3
	echo "$*"
}

run() {
	began=$(date +%s)
	insmod /t/bufflink.ko && insmod /t/producer.ko || return
	CK_TAP_LOG_FILE_NAME=/dev/$results "/t/$1" >/tmp/output 2>&1 3>&-
	status=$?
	cat /tmp/output
	grep '^# ' /tmp/output >&3
	report "# $1: $(grep '^[0-9]*%: Checks:' /tmp/output)," \
		"$(($(date +%s) - began)) s"
	rmmod producer && rmmod bufflink && return $status
}

rc=0
export CK_TIMEOUT_MULTIPLIER="${slow:-1}"
sh /t/leaks.sh before
for program in $(echo "${suite:-check_*}" | tr , ' '); do
	report "# $program: begins"
	run "$program"
	status=$?
	report "# $program: ends $status"
	[ $status = 0 ] || rc=1
done
sh /t/leaks.sh after || rc=1

# where the kernel counted the lines that ran, see coverage.sh
counts=$(find /sys/kernel/debug/gcov -name bufflink.gcda 2>/dev/null)
if [ "$counts" ]; then
	echo "GCDA $(base64 "$counts" | tr -d '\n')" >&3
fi
exit $rc
