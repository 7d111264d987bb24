#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the guest: runs the modes of the program bench that $suite lists, and
# reports its output. $peer and $size may limit it to one of them.
# Needs: out/bench/bench
# shellcheck disable=SC2154,SC3040 # of the command line; busybox
set -eu -o pipefail
insmod bufflink.ko
insmod bufflink_bench.ko
for mode in $(echo "$suite" | tr , ' '); do
	bench ${peer:+--peer "$peer"} ${size:+--size "$size"} "$mode" |
		awk '{ print "csv," $0; fflush() }' >&3
done
rmmod bufflink_bench
rmmod bufflink
