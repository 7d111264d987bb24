#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# On an installed system, for guest.bats: the program reads the events of a module.
modprobe bufflink_evlog_example interval=10
timeout 60 bufflink-evlog -q type=io_error |
	grep -m 1 'cannot read sector 32 of example'
rmmod bufflink_evlog_example bufflink_evlog
