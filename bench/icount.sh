#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: icount.sh
# Counts the instructions of an append of 64 bytes, and fails if they are more
# than bench/instructions says. It is the same number each time.
set -eu
. "$(dirname "$0")/../tests/vm/common.sh"

vm=$top/tests/vm
limit=$(cat "$top/bench/instructions")

"$vm/setup.sh" demo
"$vm/kernel.sh" 6.1
mkdir -p "$build"
lock_build
"$vm/build.sh" 6.1 bench
ICOUNT=y APPEND="peer=bufflink size=64" \
	"$vm/boot.sh" 6.1 1 bench.sh count >"$build/icount" ||
	{ cat "$build/icount"; exit 1; }
count=$(sed -n 's/^csv,count,bufflink,64,.*,instructions,//p' "$build/icount")

say "an append of 64 bytes takes ${count:-an unknown number of} instructions," \
	"at most $limit are wanted (bench/instructions)"
awk -v count="$count" -v limit="$limit" 'BEGIN {
	if (count && count < limit)
		print "they are fewer: write that into bench/instructions"
	exit !(count && count <= limit) }'
