#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: icount.sh
# Counts instructions, and fails if they are more than bench/instructions says: it
# has lines of test, peer, condition and limit. Records have 64 bytes. The counts
# are the same each time.
set -eu
. "$(dirname "$0")/../tests/vm/common.sh"

vm=$top/tests/vm
possible=128

# measure MODES PEER [PARAMETER]
measure() {
	ICOUNT=y APPEND="peer=$2 size=64 ${3-}" \
		"$vm/boot.sh" 6.1 1 bench.sh "$1" >"$build/icount" ||
		{ cat "$build/icount"; exit 1; }
	sed -n 's/^csv,//p' "$build/icount"
}

"$vm/setup.sh" demo
"$vm/kernel.sh" 6.1
mkdir -p "$build"
lock_build
"$vm/build.sh" 6.1 bench
{
	measure count,refused,drain bufflink
	measure count,refused,drain bufflink-percpu
	measure drain bufflink-percpu "possible_cpus=$possible" |
		sed -n 's/one by one/idle CPUs/p'
} >"$build/counts"

# With many CPUs a read costs more: the difference is the cost of the idle ones.
awk -F, -v possible=$possible '
FNR == NR { if ($0 !~ /^#/) limits[$1 "," $2 "," $3] = $4; next }
{
	count = int($7 + 0.5)
	if ($4 == "one by one")
		one = count
	if ($4 == "idle CPUs")
		count = int((count - one) / (possible - 1) + 0.5)
	limit = limits[$1 "," $2 "," $4]
	printf "== %s %s %s: %d instructions, at most %d are wanted\n", $2, $1,
	       $4, count, limit
	if (count <= 0 || count > limit)
		wrong = 1
	else if (count * 20 < limit * 19)
		fewer = 1
}
END {
	if (fewer)
		print "Some are fewer: write that into bench/instructions."
	exit wrong || NR < 10
}' "$top/bench/instructions" "$build/counts"
