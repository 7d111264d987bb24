#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: coverage.sh
# Runs all suites, with faults, on a bufflink.ko that counts which of its lines
# and branches ran. Each line must, or has its reason in tests/unreached. The
# report stays in build/coverage/bufflink.c.gcov.
set -eu
. "$(dirname "$0")/common.sh"

kernel=6.1-kasan
out=$build/coverage/$kernel
unreached=$top/tests/unreached

rm -rf "$build/coverage/logs"
BUILD=$build/coverage COVERAGE=y \
	"$here/run.sh" check $kernel 2 'check_*,hostile_faults'

sed -n 's/^GCDA //p' "$build/coverage/logs/"*/results | base64 -d \
	>"$out/bufflink.gcda"
cd "$build/coverage"
gcov-12 -b -o "$out" "$out/bufflink.gcda" >summary 2>&1
sed -n "/^File '.*\/bufflink.c'/,/^Calls/p" summary

# "    #####:  123:text": a line that never ran, by its text
awk -v FS='\t' '
	FILENAME == ARGV[1] { if (!/^#/ && NF > 1) reason[$1] = $NF; next }
	/^ *[#=]+\*?:/ {
		text = $0
		sub(/^[^:]*:[^:]*:[ \t]*/, "", text)
		if (text in reason) {
			print $0, "--", reason[text]
			allowed++
		} else {
			print "UNREACHED, and why?" $0
			missed++
		}
	}
	END {
		print allowed + 0, "lines unreached for a reason,",
		      missed + 0, "without one"
		exit missed > 0
	}' "$unreached" bufflink.c.gcov
