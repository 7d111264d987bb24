#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the guest, whose kernel has bufflink and its clients built in: what they have
# taken from the first message on, and whose the buffers are. in-tree.sh has the
# parameters on the kernel's command line.
PATH=$PATH:/t
modules=/sys/module
number=0 rc=0
stream=/tmp/stream
cd /tmp || exit

report() {
	echo "$*" >&3
	echo "$*"
}

# it SENTENCE COMMAND...
it() {
	number=$((number + 1))
	sentence=$1
	shift
	if "$@" >/tmp/said 2>&1; then
		report "ok $number - built-in:$sentence"
	else
		report "not ok $number - built-in:$sentence"
		sed 's/^/# /' /tmp/said | head -n 20 >&3
		rc=1
	fi
}

wait_for() {
	tries=50
	until "$@"; do
		[ $((tries -= 1)) -gt 0 ] || return 1
		usleep 100000
	done
}

# sysfs_of OWNER[/NAME]
sysfs_of() {
	for folder in /sys/class/misc/bufflink*; do
		name=$(cat "$folder/name")
		[ "$(cat "$folder/owner")${name:+/$name}" != "$1" ] ||
			echo "$folder"
	done
}

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
		[ "$(cat $modules/bufflink_klog/parameters/size)" = "$size" ]
}

takes_what_comes() {
	echo '<13>after the boot' >/dev/kmsg
	wait_for prints_it
}

prints_it() {
	bufflink-klog --no-wait | tee -a /tmp/printed | grep -q 'after the boot$'
}

have_their_names() {
	bufflink list
	for client in klog sysaudit trace evlog; do
		[ "$(sysfs_of bufflink_$client)" ] || return
		[ -d $modules/bufflink_$client ] || return
	done
}

has_logged() {
	[ "$(cat "$(sysfs_of bufflink_blklog/loop0)/used")" -gt 0 ]
}

logs_a_disk() {
	truncate -s 1M disk && losetup /dev/loop0 disk || return
	echo loop0 >$modules/bufflink_blklog/parameters/add || return
	[ -d "$(sysfs_of bufflink_blklog/loop0)" ] || return
	echo text | dd of=/dev/loop0 conv=fsync || return
	wait_for has_logged
}

takes_events() {
	cat $modules/bufflink_trace/parameters/events
	cat $modules/bufflink_trace/parameters/hits
	grep -qx sched_process_exit $modules/bufflink_trace/parameters/events &&
		grep -q '^sched_process_exit [1-9]' \
			$modules/bufflink_trace/parameters/hits
}

takes_filters() {
	cat $modules/bufflink_sysaudit/parameters/*
	[ "$(cat $modules/bufflink_sysaudit/parameters/prefix)" = /no/such ] &&
		[ "$(cat $modules/bufflink_sysaudit/parameters/calls)" = 2,257 ]
}

has_event() {
	bufflink-evlog --no-wait >>/tmp/events
	grep "$1" /tmp/events
}

has_events() {
	: >>/tmp/events
	wait_for has_event 'disk/added .*disk example is read every 1000 ms' &&
		wait_for has_event 'disk/io_error .*cannot read sector'
}

makes_events_of_messages() {
	echo '<14>a message for evlog' >/dev/kmsg
	wait_for has_event 'user/.*a message for evlog'
}

creates_with() {
	bufflink cat --no-wait "bufflink_initcalls/$1" >/tmp/level
	[ "$(cat /tmp/level)" = "$1" ]
}

refuses_core() {
	grep 'bufflink_initcalls: core:' /tmp/log
	grep -q 'bufflink_initcalls: core: -ENODEV$' /tmp/log
}

report "# built-in: begins"
it klog_has_the_whole_log_line_by_line has_the_log
it klog_begins_with_the_first_message_of_the_boot begins_with_the_boot
it klog_misses_no_number misses_none
it klog_has_the_size_of_the_command_line has_size
it klog_takes_what_comes_later takes_what_comes
it buffers_have_the_names_of_their_clients have_their_names
it blklog_takes_a_disk_when_there_is_one logs_a_disk
it trace_takes_events_of_the_command_line takes_events
it sysaudit_takes_filters_of_the_command_line takes_filters
it evlog_has_the_events_of_what_is_built_in has_events
it evlog_makes_events_of_messages_as_the_command_line_says \
	makes_events_of_messages
it an_early_initcall_is_refused refuses_core
it an_initcall_of_file_systems_creates_a_buffer creates_with fs
it an_initcall_that_is_linked_before_all_drivers_creates_a_buffer \
	creates_with device
report "1..$number"
report "# built-in: ends $rc"
[ $rc = 0 ]
