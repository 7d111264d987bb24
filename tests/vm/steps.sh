# SPDX-License-Identifier: GPL-2.0-only
# Sourced in the guest, by the demos and by what waits.
# shellcheck shell=sh

step() {
	printf '\n* %s\n' "$*"
}

fail() {
	printf 'FAILED: %s\n' "$*"
	exit 1
}

# show COMMAND...: as one would have typed it, and its output
show() {
	printf '  # %s\n' "$*"
	status=0
	"$@" >/tmp/shown 2>&1 || status=$?
	sed 's/^/  /' /tmp/shown
	return $status
}

wait_for() {
	tries=$((200 * ${slow:-1}))
	until "$@"; do
		[ $((tries -= 1)) -gt 0 ] || {
			echo >&2 "FAILED: waited in vain: $*"
			return 1
		}
		usleep 100000
	done
}
