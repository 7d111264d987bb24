#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the root or in the VM: runs the bats files of $suite one by one, and
# reports to descriptor 3.
# shellcheck disable=SC2154 # of the environment
export BATS_TEST_TIMEOUT=900	# seconds; a hang is one failed test
rc=0
cd "$(dirname "$0")" || exit
for file in $(echo "$suite" | tr , ' '); do
	echo "# $file: begins" >&3
	bats --tap "$file.bats" >&3 2>&1 3>&- </dev/null
	status=$?
	echo "# $file: ends $status" >&3
	[ $status = 0 ] || rc=1
done
exit $rc
