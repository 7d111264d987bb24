#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# On an installed system, for guest.bats: the program reads the events of a module.
# shellcheck source=tests/installed/wait_for.sh
. "${0%/*}/../../../tests/installed/wait_for.sh"

modprobe bufflink_evlog_example interval=10
timeout 60 bufflink-evlog -q type=io_error |
	grep -m 1 'cannot read sector 32 of example'
rmmod bufflink_evlog_example bufflink_evlog

# The service sends them to the journal, which finds them by their fields.
find_event() {
	journalctl -q FACILITY=disk TYPE=io_error SEVERITY=err "$@" |
		grep 'cannot read sector'
}

systemctl start bufflink-evlog
modprobe bufflink_evlog_example interval=10
wait_for find_event ATTR_DEVICE=example
! find_event ATTR_DEVICE=other || exit 1
systemctl stop bufflink-evlog
rmmod bufflink_evlog_example bufflink_evlog
