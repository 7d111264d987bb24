# SPDX-License-Identifier: GPL-2.0-only
# Sourced by the suites that read the buffer of the module lines: lines/lines.c.
# shellcheck source=tests/installed/wait_for.sh
. /mnt/bufflink/tests/installed/wait_for.sh
by_owner=/dev/bufflink/by-owner

append() {
	echo "$1" >/sys/module/lines/parameters/append
}

# lines RANGE...: those of these numbers, as in "lines 1-64 82"
lines() {
	for range; do
		seq -f %.0f "${range%-*}" "${range#*-}" |
			xargs printf 'line %58u\n'
	done
}
