#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# On an installed system, for guest.bats: the program reads the records of the module.
modprobe bufflink_klog
bufflink-klog --no-wait | grep 'Linux version'
rmmod bufflink_klog
