# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Sourced by tests/vm/built-in.sh in the guest, where this client is built in.
# Kernel: bufflink_evlog.printk=1
has_event() {
	bufflink-evlog --no-wait >>/tmp/events
	grep "$1" /tmp/events
}

has_events() {
	: >>/tmp/events
	wait_for has_event 'disk/added .*disk example is read every 1000 ms' &&
		wait_for has_event 'disk/io_error .*cannot read sector'
}

# Before it starts, there is no buffer.
takes_events_once_it_runs() {
	wait_for has_event 'initcalls/late .*of late' &&
		! has_event initcalls/fs &&
		dmesg | grep 'event in fs: -ENODEV'
}

makes_events_of_messages() {
	echo '<14>a message for evlog' >/dev/kmsg
	wait_for has_event 'user/.*a message for evlog'
}

it evlog_has_a_buffer_of_its_name has_buffer bufflink_evlog
it evlog_has_the_events_of_what_is_built_in has_events
it evlog_takes_events_of_kernel_code_elsewhere takes_events_once_it_runs
it evlog_makes_events_of_messages_as_the_command_line_says \
	makes_events_of_messages
