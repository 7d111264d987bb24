# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Sourced by tests/vm/built-in.sh in the guest, where this client is built in.
# Kernel: bufflink_klog.size=64M
stream=/tmp/stream

# A message may come after the one look and before the other.
is_the_log() {
	dmesg -r >/tmp/log
	bufflink cat --no-wait bufflink_klog >>$stream || return
	sed 's/^[0-9][0-9,]*;//' $stream >/tmp/text
	cmp /tmp/text /tmp/log
}

has_the_log() {
	: >$stream
	wait_for is_the_log && return
	diff /tmp/text /tmp/log
	return 1
}

# LENGTH,NUMBER,LOST,LOST;<N>[TIME] TEXT
begins_with_the_boot() {
	head -n 1 $stream
	head -n 1 $stream | grep -q '^[0-9]*,0,0,0;<5>\[    0\.0*\] Linux version'
}

misses_none() {
	sed -n 's/^[0-9]*,\([0-9,]*\);.*/\1/p' $stream | awk -F, '
		$1 != NR - 1 || $2 || $3 { print "line " NR ": " $0; bad = 1 }
		END { exit bad || NR < 50 }'
}

has_size() {
	size=$(cat "$(sysfs_of bufflink_klog)/size")
	echo "$size bytes"
	[ "$size" = $((64 << 20)) ] &&
		[ "$(cat /sys/module/bufflink_klog/parameters/size)" = "$size" ]
}

prints_it() {
	bufflink-klog --no-wait | tee -a /tmp/printed | grep -q 'after the boot$'
}

takes_what_comes() {
	echo '<13>after the boot' >/dev/kmsg
	wait_for prints_it
}

it klog_has_a_buffer_of_its_name has_buffer bufflink_klog
it klog_has_the_whole_log_line_by_line has_the_log
it klog_begins_with_the_first_message_of_the_boot begins_with_the_boot
it klog_misses_no_number misses_none
it klog_has_the_size_of_the_command_line has_size
it klog_takes_what_comes_later takes_what_comes
