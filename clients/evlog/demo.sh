#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the guest: events of an example module, printed, filtered, and with a command
# for some. Fails where a step does not show this.
set -eu
exec >&3 2>&3
. ./steps.sh

records() {
	cat /sys/class/misc/bufflink0/records
}

has_records() {
	[ "$(records)" -ge "$1" ]
}

step "Linux $(uname -r) with $(nproc) CPUs: load bufflink_evlog, and an example" \
	"that plays a disk"
show insmod bufflink.ko
show insmod bufflink_evlog.ko printk=1
show insmod bufflink_evlog_example.ko interval=50
wait_for has_records 20

step "each event is a line: its names, its origin, its attributes, its text"
echo "  # bufflink-evlog --no-wait"
bufflink-evlog --no-wait >/tmp/events
head -n 8 /tmp/events | sed 's/^/  /'
grep -q 'info disk/read .*{device="example" sector=8}$' /tmp/events ||
	fail "there is no event of a read"

step "a query takes the errors beyond sector 100, and a command runs for each"
# shellcheck disable=SC2016 # expanded for each event
command='echo "mail root: sector $EVLOG_ATTR_SECTOR of $EVLOG_ATTR_DEVICE"'
query='severity<=err and attr.sector>100'
echo "  # bufflink-evlog -q '$query' -n '$command'"
timeout 20 bufflink-evlog -q "$query" -n "$command" >/tmp/events 2>/tmp/errors &
reader=$!
wait_for grep -q 'mail root: sector [1-9].* of example' /tmp/events
kill $reader
wait $reader || [ $? = 143 ] || fail "the program came to a bad end"
sed 's/^/  /' /tmp/events
! grep -v '^mail root\| err disk/io_error ' /tmp/events ||
	fail "the query let something else pass"

step "a message of printk() is an event, and an event is JSON"
echo '<30>a daemon says "good"' >/dev/kmsg
echo "  # bufflink-evlog --no-wait --json -q 'type=message'"
bufflink-evlog --no-wait --json -q 'type=message' >/tmp/events
sed 's/^/  /' /tmp/events
grep -q '"facility":"daemon".*"text":"a daemon says \\"good\\""' /tmp/events ||
	fail "the message did not come"
show rmmod bufflink_evlog_example

step "power off"
