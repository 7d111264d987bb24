#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: check-paths.sh [NAME PATH WAY-OUT]...
# The kernel's build system hands paths to make and to shells without quotes.
# Fails if a path has a character that does not survive this, and says so.
rc=0
while [ $# -ge 3 ]; do
	for path in "$2" "$(realpath -m -- "$2")"; do
		bad=$(printf %s "$path" | tr -cd '[:space:]:%#$&();\\*?,|<>`"'"'")
		[ "$bad" ] || continue
		case $bad in
		[[:space:]]*)	bad="a blank" ;;
		*)		bad="the character ${bad%"${bad#?}"}" ;;
		esac
		cat >&2 <<-END
			Cannot build: the path of $1 has $bad:
			  $path
			The kernel's build system cannot work with such a path: $3.
		END
		rc=1
		break
	done
	shift 3
done
exit $rc
