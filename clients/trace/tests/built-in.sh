# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Sourced by tests/vm/built-in.sh in the guest, where this client is built in.
# Kernel: bufflink_trace.events=sched_process_exit
takes_events() {
	cat /sys/module/bufflink_trace/parameters/events
	cat /sys/module/bufflink_trace/parameters/hits
	grep -qx sched_process_exit /sys/module/bufflink_trace/parameters/events &&
		grep -q '^sched_process_exit [1-9]' \
			/sys/module/bufflink_trace/parameters/hits
}

it trace_has_a_buffer_of_its_name has_buffer bufflink_trace
it trace_takes_events_of_the_command_line takes_events
