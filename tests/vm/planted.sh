#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: planted.sh [FILE...]
# Plants the bugs of tests/planted, one at a time, in a copy of the tree. Each is a
# sed script for bufflink.c. The suite that it names must fail, with the report
# that it names. All have one copy, so that only bufflink.c is built each time.
set -eu
. "$(dirname "$0")/common.sh"

"$here/setup.sh" planted
passed=0 failed=0

header() {
	sed -n "s/^# $1: //p" "$bug"
}

# The checker's report, if it found the bug.
report() {
	cat "$copy"/build/logs/*/console "$copy"/build/logs/*/results |
		grep -aE -m 1 "$(header Found-by)"
}

cd "$top"
[ $# -gt 0 ] || set -- tests/planted/*.sed
copy=$build/planted/tree
mkdir -p "$build/planted"
copy_tree "$copy"
git -C "$copy" init -q
for bug; do
	name=$(basename "$bug" .sed)
	log=$build/planted/$name.log
	kernel=$(header Kernel)
	suite=$(header Suite)
	say "planting $name: $(sed -n '1s/^# //p' "$bug")"
	rm -rf "$copy/build/logs"
	sed -f "$bug" bufflink.c >"$copy/bufflink.c"
	! cmp -s bufflink.c "$copy/bufflink.c" || die "$bug changes nothing"
	windows=$(header Windows)
	# as make check-hostile PART=windows has them
	if (unset BUILD; WINDOWS=$windows \
	    APPEND="${windows:+preempt=full seconds=4}" \
	    "$copy/tests/vm/run.sh" check "$kernel" 2 "$suite") \
	    >"$log" 2>&1; then
		found="nothing: $suite passed on $kernel"
	else
		found=$(report) || found=
	fi
	case $found in
	"" | nothing*)
		say "$name was NOT found: ${found:-see $log}"
		failed=$((failed + 1)) ;;
	*)	say "$name was found: $found"
		passed=$((passed + 1)) ;;
	esac
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
