#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the guest: runs the modes of the program bench that $suite lists, and
# reports what it prints. $peer and $size may limit it to one of them.
set -eu
insmod bufflink.ko
insmod bufflink_bench.ko
for mode in $(echo "${suite:?}" | tr , ' '); do
	# shellcheck disable=SC2154 # from the kernel's command line
	bench ${peer:+--peer "$peer"} ${size:+--size "$size"} "$mode" \
		>/tmp/results
	sed 's/^/csv,/' /tmp/results >&3
done
rmmod bufflink_bench
rmmod bufflink
