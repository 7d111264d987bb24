#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: prompt.sh
# Uses make shell as people do: by a pipe, and by the keys of a terminal.
set -eu
. "$(dirname "$0")/common.sh"

mkdir -p "$build/logs"
said=$build/logs/prompt
# the guest echoes the question; only a shell there has the answer
# shellcheck disable=SC2016
question='echo answer: $((6 * 7))'

# wait_for_line REGEX: for a minute
wait_for_line() {
	tries=600
	until grep -aq "$1" "$said"; do
		[ $((tries -= 1)) -gt 0 ] || die "the guest never said: $1"
		sleep 0.1
	done
}

type_keys() {
	wait_for_line "To leave"
	echo "$question"
	wait_for_line "^answer: 42"
	printf '\001x'		# Ctrl-A x
}

say "commands by a pipe: make shell answers, and ends with the pipe"
printf '%s\n' "bufflink list" "$question" |
	make -s -C "$top" shell >"$said" 2>&1 ||
	die "make shell failed, see $said"
wait_for_line "bufflink_test/0 .* 64 KiB "
wait_for_line "^answer: 42"

say "keys of a terminal: make shell answers, and ends by Ctrl-A x"
: >"$said"
type_keys | timeout 300 script -qfec "make -s -C $top shell" "$said" \
	>/dev/null || die "make shell failed, see $said"
wait_for_line "^answer: 42"
