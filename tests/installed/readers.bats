# SPDX-License-Identifier: GPL-2.0-only
# In the VM: the programs of userland/examples, each copied to a folder of its
# own and built with the command that is written in it.
load lines

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	cp /mnt/bufflink/userland/examples/* .
	sed -n 's/^ \*\t\(make .*\)/\1/p' ./*.c >commands
	[ "$(wc -l <commands)" = "$(ls ./*.c | wc -l)" ]
	sh -eux commands
}

setup() {
	cd "$BATS_FILE_TMPDIR"
	modprobe lines size=4096	# 64 lines
	udevadm settle -t 60
	: >out
}

teardown() {
	rmmod lines || :
}

start() {
	"$@" $by_owner/lines/0 >out 2>err 3>&- &
	reader=$!
}

# prints RANGE...: all these lines have come, and no others
prints() {
	lines "$@" | cmp -s - out
}

# The buffer goes, and then the reader, well.
ends() {
	rmmod lines
	wait $reader
	prints "$@"
}

prints_each_line() {
	start "$@"
	append 3
	wait_for prints 1-3
	append 2
	wait_for prints 1-5
	ends 1-5
	[ ! -s err ]
}

tells_a_loss() {
	append 81
	start "$@"
	wait_for prints 1-64
	wait_for grep 'lost 17 records at bytes 4096 to 4096$' err
	append 1
	ends 1-64 82
	[ "$(wc -l <err)" = 1 ]
}

reports_a_loss_while_it_is_away() {
	start "$@"
	append 1
	wait_for prints 1
	kill -STOP $reader
	wait_for grep -q '^State:.*stopped' /proc/$reader/status
	append 65
	kill -CONT $reader
	wait_for prints 1-65
	append 1
	ends 1-65 67
	grep 'lost 1 records at bytes 4160 to 4160$' err
}

@test "epoll.c prints each line, up to the end of file" {
	prints_each_line ./epoll
}

@test "epoll.c tells of a loss, and where it is" {
	tells_a_loss ./epoll
}

@test "epoll.c reports a loss while it is away" {
	reports_a_loss_while_it_is_away ./epoll
}

@test "uring.c prints each line, up to the end of file" {
	prints_each_line ./uring
}

@test "uring.c tells of a loss, and where it is" {
	tells_a_loss ./uring
}

@test "uring.c reports a loss while it is away" {
	reports_a_loss_while_it_is_away ./uring
}

@test "selector.py prints each line, up to the end of file" {
	prints_each_line python3 selector.py
}

@test "selector.py tells of a loss, and where it is" {
	tells_a_loss python3 selector.py
}

@test "selector.py reports a loss while it is away" {
	reports_a_loss_while_it_is_away python3 selector.py
}
