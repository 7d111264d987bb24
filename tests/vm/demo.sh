#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the guest: the main job of bufflink, shown step by step. Fails where a
# step does not show the result that it must have.
set -eu
exec >&3 2>&3
. ./steps.sh
dev=/dev/bufflink0
sysfs=/sys/class/misc/bufflink0

value() {
	cat "$sysfs/$1"
}

# Prints the first lines of the buffer as they come, and keeps them.
read_lines() {
	timeout 20 cat $dev | for _ in $(seq "$1"); do
		IFS= read -r line
		echo "  ${line%%  *}"
		echo "$line" >>/tmp/lines
	done
}

# Of each context some lines, none missing: the sequence numbers count up.
check_lines() {
	awk -v want="$1" '
		NF != 4 || $1 !~ /^(process|softirq|hardirq)$/ { bad++ }
		$1 in last && $4 != last[$1] + 1 { bad++ }
		{ last[$1] = $4; contexts[$1] }
		END {
			for (context in contexts)
				n++
			exit bad || n != 3 || NR != want
		}' /tmp/lines
}

has_overflowed() {
	[ "$(value overflow)" = 1 ]
}

step "Linux $(uname -r) with $(nproc) CPUs: load bufflink and its example" \
	"of a client"
show insmod bufflink.ko
show insmod bufflink_test.ko rate=3
show ls -l $dev

step "read its lines: context, CPU, time (s), sequence number"
echo "  # cat $dev"
read_lines 24
check_lines 24 || fail "lines of three contexts, in order, were to come"

step "load the example with a buffer of 4096 bytes that nobody reads"
rmmod bufflink_test
show insmod bufflink_test.ko buffer_size=4096
wait_for has_overflowed
show cat $sysfs/overflow
show bufflink list
[ "$(value lost_records)" -gt 0 ] || fail "no record was lost"

step "learn where the gap is: the stream goes on, and the reader knows"
echo "  # bufflink cat --no-wait 0 | wc -c"
status=0
bufflink cat --no-wait 0 2>/tmp/loss >/tmp/stream || status=$?
sed 's/^/  /' /tmp/loss
echo "  $(wc -c </tmp/stream)"
[ $status = 3 ] || fail "it did not say that records were lost"
grep -q 'lost [1-9].* byte 4096$' /tmp/loss || fail "the gap is after 4096 bytes"
show cat $sysfs/overflow
[ "$(value overflow)" = 0 ] || fail "the flag was to go with the report"

step "unload the example under a reader: it gets the rest, then end of file"
: >/tmp/rest
timeout 20 cat $dev >/tmp/rest &
reader=$!
echo "  # cat $dev >rest &"
wait_for test -s /tmp/rest
show rmmod bufflink_test
wait $reader || fail "cat saw no end of file"
echo "  cat came to its end of file, after $(wc -c </tmp/rest) bytes"
[ ! -e $dev ] || fail "$dev is still there"
show rmmod bufflink

step "power off"
