#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# On an installed system, for guest.bats: the program reads the records of the module.
modprobe bufflink_sysaudit
bufflink-audit --no-wait --calls=all | grep 'read('
rmmod bufflink_sysaudit
