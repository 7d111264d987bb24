#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# On an installed system, for guest.bats: the program records the events of a command.
modprobe bufflink_trace
bufflink-trace record -e sched -- true
grep -al /true trace/cpu*
rmmod bufflink_trace
