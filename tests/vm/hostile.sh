#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: hostile.sh [PART...]
# Runs the named proofs, or all of them, and says at the end how each went:
#   model     the order of steps, all of them, by Spin
#   kasan     suites but those of programs: memory errors, undefined behaviour,
#             locks, leaks
#   kcsan     suites: data races
#   rt        suites on Debian's real-time kernels
#   rt-debug  suites on a real-time kernel that checks its locks
#   faults    every allocation and every copy of user memory fails in turn
#   races     destroy and unload against every call, and signals ($MINUTES)
#   torture   stress-ng and trinity ($SECONDS_EACH)
#   clients   the suites of clients/ on all of these kernels
#   windows   check_waiters and check_hotplug with a delay in each window of
#             bufflink.c, on stock, real-time and 32-bit kernels, with 1, 2, 4 CPUs
#   coverage  suites and faults: which lines of bufflink.c they reach
#   arm64 i386 s390x newest
#             suites on other machines, and on Debian's newest kernel
#   in-tree   bufflink and its clients built into Debian's newest kernel
#   planted   whether each of the checkers finds the bug that was made for it
set -eu
. "$(dirname "$0")/common.sh"

all="model kasan kcsan rt rt-debug faults races torture clients"
all="$all windows coverage arm64 i386 s390x newest in-tree planted"
client_kernels="6.1-kasan 6.12-kcsan 6.1-rt 6.12-rt 6.12-rt-debug newest"
window_kernels="6.1 6.12 6.1-rt 6.12-rt 6.1-i386"
# Suites of programs make no call that the others do not make.
of_the_kernel=$(cd "$top/tests" && echo check_*.c |
	sed 's/check_\(tool[a-z_]*\|readme\)\.c *//g; s/\.c//g' | tr ' ' ,)
logs=$build/hostile
minutes=${MINUTES:-5}
seconds_each=${SECONDS_EACH:-60}
seconds_of_a_kind=${SECONDS_OF_A_KIND:-2}

run_part() {
	case $1 in
	model)		"$top/tests/model/check.sh" ;;
	kasan)		"$here/run.sh" check 6.1-kasan 2 "$of_the_kernel" ;;
	kcsan)		"$here/run.sh" check 6.12-kcsan 2 'check_*' ;;
	rt)		"$here/run.sh" check "6.1-rt 6.12-rt" 2 'check_*' ;;
	rt-debug)	"$here/run.sh" check 6.12-rt-debug 2 'check_*' ;;
	faults)		"$here/run.sh" check 6.1-kasan 2 hostile_faults ;;
	races)		APPEND="minutes=$minutes" \
			SECONDS_PER_BOOT=$((120 * minutes + 1200)) \
			"$here/run.sh" check 6.1-kasan 2 \
				hostile_races,hostile_signals ;;
	torture)	APPEND="seconds=$seconds_each" \
			SECONDS_PER_BOOT=$((2 * seconds_each + 1200)) \
			"$here/run.sh" torture 6.1-kasan 2 ;;
	clients)	"$here/run.sh" check "$client_kernels" 2 'client_*' ;;
	windows)	BUILD=$build/windows WINDOWS=y \
			APPEND="preempt=full seconds=$seconds_of_a_kind" \
			SECONDS_PER_BOOT=$((100 * seconds_of_a_kind + 1200)) \
			"$here/run.sh" check "$window_kernels" "1 2 4" \
				check_waiters,check_hotplug ;;
	coverage)	"$here/coverage.sh" ;;
	arm64 | i386 | s390x)
			"$here/run.sh" check "6.1-$1" 2 'check_*' ;;
	newest)		"$here/run.sh" check newest "2 4" 'check_*' ;;
	in-tree)	"$here/in-tree.sh" ;;
	planted)	"$here/planted.sh" ;;
	*)		die "no part '$1': they are $all" ;;
	esac
}

# The part's last "N passed, N failed". One that failed has failed something.
count() {
	counts=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$logs/$1" |
		tail -n 1)
	counts=${counts:-0 passed, 0 failed}
	[ "$2" = good ] || counts=${counts%, 0 failed}
	case $counts in
	*failed)	echo "$counts" ;;
	*)		echo "$counts, 1 failed" ;;
	esac
}

rc=0
mkdir -p "$logs"
: >"$logs/summary"
# shellcheck disable=SC2086 # a list of words
[ $# -gt 0 ] || set -- $all
for part; do
	say "part $part"
	began=$(date +%s)
	echo FAILED >"$logs/status"
	if (run_part "$part") 2>&1; then
		echo good >"$logs/status"
	fi | tee "$logs/$part"
	status=$(cat "$logs/status")
	[ "$status" = good ] || rc=1
	printf '%-9s %-26s %-6s %4d s\n' "$part" \
		"$(count "$part" "$status")" "$status" \
		$(($(date +%s) - began)) >>"$logs/summary"
done
cat "$logs/summary"
awk '{ passed += $2; failed += $4 }
     END { print passed + 0 " passed, " failed + 0 " failed" }' "$logs/summary"
exit $rc
