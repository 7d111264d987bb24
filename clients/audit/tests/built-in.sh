# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Sourced by tests/vm/built-in.sh in the guest, where this client is built in.
# Kernel: bufflink_sysaudit.calls=2,257 bufflink_sysaudit.prefix=/no/such
takes_filters() {
	cat /sys/module/bufflink_sysaudit/parameters/*
	[ "$(cat /sys/module/bufflink_sysaudit/parameters/prefix)" = /no/such ] &&
		[ "$(cat /sys/module/bufflink_sysaudit/parameters/calls)" = 2,257 ]
}

it sysaudit_has_a_buffer_of_its_name has_buffer bufflink_sysaudit
it sysaudit_takes_filters_of_the_command_line takes_filters
