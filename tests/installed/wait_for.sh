# SPDX-License-Identifier: GPL-2.0-only
# Sourced on an installed system.
# shellcheck shell=sh

# wait_for COMMAND...: until it succeeds, for a minute
wait_for() {
	looks=600
	until "$@"; do
		[ $((looks -= 1)) -gt 0 ] || {
			echo "waited in vain for: $*"
			return 1
		}
		sleep 0.1
	done
}
