#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: run.sh [FOLDER]
# Runs all benchmarks, one after the other, and prints their results in tables.
# Leaves results.csv, tables.md and append.svg in FOLDER (build/bench).
set -eu
. "$(dirname "$0")/../tests/vm/common.sh"

vm=$top/tests/vm
folder=${1:-$build/bench}
results=$folder/results.csv
commit=$(git -C "$top" describe --always --dirty)

# fact QUANTITY VALUE
fact() {
	printf 'host,about,,,,,%s,"%s"\n' "$1" "$2" >>"$results"
}

describe() {
	fact date "$(date -u +%F)"
	fact machine "$(sed -n 's/^model name.*: //p' /proc/cpuinfo |
		head -n 1), $(nproc) cores, shared"
	fact compiler "$(gcc-12 --version | head -n 1)"
	fact kernel "$(readlink "$cache/6.1")"
	fact "User-Mode Linux" "$(readlink "$cache/6.1-um")"
	fact emulator "$(qemu-system-x86_64 --version | head -n 1)"
}

# run_of PLACE TEST: from now on; its table says so
run_of() {
	printf '%s,about,%s,,,,run,"%s, bufflink at %s"\n' "$1" "$2" \
		"$(date -u '+%F %R UTC')" "$commit" >>"$results"
}

# boot PLACE KERNEL CPUS MODES: results, each with the place they are from
boot() {
	place=$1 kernel=$2 cpus=$3 modes=$4
	for mode in $(echo "$modes" | tr , ' '); do
		run_of "$place" "$mode"
	done
	"$vm/boot.sh" "$kernel" "$cpus" bench.sh "$modes" >"$folder/log" ||
		{ cat "$folder/log"; die "no results of $modes"; }
	sed -n "s/^== /== /p" "$folder/log" >&2
	sed -n "s/^csv,/$place,/p" "$folder/log" >>"$results"
}

# middle CONDITION: of the records that lock+memcpy stored in a second
middle() {
	awk -F, -v condition="$1" '
		$1 == "smp2" && $2 == "contend" && $3 == "lock+memcpy" &&
		$5 == condition { print $8 }' "$results" | sort -g |
		awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}

# The control of several producers: do two with a lock of their own store twice as
# much as one? If not, the guest did not have its CPUs for itself.
is_valid() {
	awk "BEGIN { exit $(middle "2 on own") < 1.8 * $(middle 1) }"
}

# Again, if others took its time: three times at most
contend2() {
	for try in 1 2 3; do
		sed -i '/^smp2,contend,/d; /^smp2,about,contend,/d' "$results"
		boot smp2 6.1 2 contend
		! is_valid || return 0
		say "run $try of several producers is invalid: others used the CPUs"
	done
}

# Of the objects that are built for the same kernel; and of Debian's bufflink.ko.
object_sizes() {
	run_of um object
	size "$build/6.1-um/bufflink.ko" "$build/6.1/bufflink.ko" >"$folder/log"
	awk '$1 == "text" { next }
	     { name = NF == 4 ? $4 : "bufflink.ko" }
	     $6 ~ "/6.1/" { name = name " (Debian)" }
	     {
		printf "um,object,%s,,,,text,%d\n", name, $1
		printf "um,object,%s,,,,data,%d\n", name, $2
		printf "um,object,%s,,,,bss,%d\n", name, $3
	     }' "$folder/log" "$cache/6.1-um/sizes" >>"$results"
}

"$vm/setup.sh" bench
mkdir -p "$build" "$folder"
lock_build
: >"$build/scores"
for kernel in 6.1 6.1-um 6.1-um-real; do
	"$vm/kernel.sh" $kernel
	"$vm/build.sh" $kernel bench
done
echo place,test,peer,size,condition,round,quantity,value >"$results"
describe
ICOUNT=y boot icount 6.1 1 count,refused,drain
boot real 6.1-um-real 1 time,machine
boot um 6.1-um 1 time
boot smp2 6.1 2 stream,full,footprint
contend2
boot smp4 6.1 4 contend
object_sizes
"$top/bench/report.py" "$results" "$folder" >"$folder/tables.md"
(cd "$folder" && gnuplot "$top/bench/plot.gp" >append.svg)
(cd "$folder" && rm log instructions.dat time-real.dat time-um.dat)
cat "$folder/tables.md"
say "tables.md, results.csv and append.svg are in $folder"
