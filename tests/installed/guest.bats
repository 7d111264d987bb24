# SPDX-License-Identifier: GPL-2.0-only
# In the VM, which has booted the disk that the packages were installed on.
. ./common.bash
by_owner=/dev/bufflink/by-owner

setup_file() {
	cp /proc/modules "$BATS_FILE_TMPDIR/at-boot"
	useradd -G bufflink member
	useradd stranger
	modprobe hello
	modprobe bufflink_test buffers=2
	udevadm settle -t 60
}

as() {
	run timeout 60 runuser -u "$1" -- sh -c "$2"
}

# target LINK: its text, word for word
target() {
	readlink "$by_owner/$1"
}

@test "systemd has loaded the module at boot, before anyone asked" {
	systemctl is-active systemd-modules-load
	grep '^bufflink ' "$BATS_FILE_TMPDIR/at-boot"
}

@test "the udevd that runs is Debian's" {
	[ "/proc/$(pidof systemd-udevd)/exe" -ef /bin/udevadm ]
	dpkg -S /bin/udevadm | grep '^udev:'
	dpkg --verify udev | no_lines
}

@test "each device is for root, and for the group to read" {
	run stat -c '%N %U:%G %a %F' /dev/bufflink[0-9]*
	[ ${#lines[@]} = 3 ]
	for line in "${lines[@]}"; do
		[[ $line == *" root:bufflink 640 character special file" ]]
	done
}

@test "each device has a link by its owner and its name, or 0 without a name" {
	find $by_owner -type l -printf '%P\n' | sort |
		diff - <(printf '%s\n' bufflink_test/{0,1} hello/0)
	[ "$(cat /sys/class/misc/bufflink*/name)" = $'\n0\n1' ]
	for buffer in /sys/class/misc/bufflink*; do
		name=$(cat "$buffer/name")
		link=$(cat "$buffer/owner")/${name:-0}
		[ "$(target "$link")" = "../../../${buffer##*/}" ]
	done
}

@test "each character of a name is in the link as it is" {
	for name in a.B_c+d-e.0 ABCDEFGHIJKLMNOPQRSTUVWXYZ01234 \
		    abcdefghijklmnopqrstuvwxyz56789; do
		modprobe lines name=$name
		udevadm settle -t 60
		[ "$(ls $by_owner/lines)" = $name ]
		[ "$(target lines/$name)" = ../../../bufflink3 ]
		rmmod lines
		udevadm settle -t 60
		[ ! -e $by_owner/lines ]
	done
}

@test "a member of the group reads through the link" {
	as member "head -n 1 $by_owner/hello/0"
	[ "$output" = "hello from the kernel" ]
	as member "head -c 64 $by_owner/bufflink_test/1"
	[[ $output == *" cpu"* ]]
}

@test "a member of the group cannot write" {
	as member "echo line >$by_owner/hello/0"
	[ "$status" != 0 ]
	[[ $output == *"Permission denied" ]]
}

@test "a user outside the group can neither read nor write" {
	as stranger "cat $by_owner/hello/0"
	[ "$status" = 1 ]
	[[ $output == *"Permission denied" ]]
	as stranger "echo line >$by_owner/hello/0"
	[ "$status" != 0 ]
	[[ $output == *"Permission denied" ]]
}

@test "only root can read the logs of bufflink's own clients" {
	truncate -s 8M "$BATS_TEST_TMPDIR/disk"
	loop=$(losetup -f --show "$BATS_TEST_TMPDIR/disk")
	# an example has no buffer of its own
	for module in $(modules_of_clients | grep -v _example); do
		parameters=$(modinfo -p "$module" |
			sed -n "s,^devices:.*,devices=${loop#/dev/},p")
		modprobe "$module" $parameters
		udevadm settle -t 60
		ls $by_owner/"$module"/
		stat -Lc '%U:%G %a' $by_owner/"$module"/* | sort -u |
			diff - <(echo root:root 600)
		rmmod "$module"
		udevadm settle -t 60
	done
	losetup -d "$loop"
}

@test "the units of clients are good, and the package has started none" {
	for unit in $(of_clients '*.service'); do
		systemd-analyze verify "$unit" 2>&1 | no_lines
		[ "$(systemctl is-enabled "$unit")" = disabled ]
		[ "$(systemctl is-active "$unit")" = inactive ]
	done
}

@test "each client is loaded, and its program reads from its buffer" {
	for client in $tree/clients/*/Kbuild; do
		client=${client%/Kbuild}
		mkdir "$BATS_TEST_TMPDIR/${client##*/}"
		cd "$BATS_TEST_TMPDIR/${client##*/}"
		sh -eux "$client/tests/installed.sh"
	done
}

@test "root writes" {
	echo "line of root's" >$by_owner/hello/0
	[ "$(timeout 60 head -n 1 $by_owner/hello/0)" = "line of root's" ]
}

@test "the links go with the buffers, and come back with them" {
	rmmod bufflink_test
	udevadm settle -t 60
	[ "$(ls $by_owner)" = hello ]
	rmmod hello
	udevadm settle -t 60
	[ ! -e /dev/bufflink ]
	modprobe hello
	udevadm settle -t 60
	[ "$(target hello/0)" = ../../../bufflink0 ]
}

@test "the modules can be unloaded" {
	rmmod hello
	rmmod bufflink
}
