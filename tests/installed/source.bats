# SPDX-License-Identifier: GPL-2.0-only
# In a bare root: what a user does who has the source and wants no packages.
. ./common.bash
before=/var/tmp/files-before
release=$(release 6.1)

in_tree() {
	make -C /mnt/bufflink KDIR="/lib/modules/$release/build" "$@"
}

# What is there now and was not before, but for folders: of those, /usr/local
# gets some that others use, too.
added() {
	files ! -type d | comm -13 $before -
}

# What there is of each way to install, below PREFIX.
common() {
	sed "s,^,$1/," <<-END
		bin/bufflink
		include/bufflink/Kbuild
		include/bufflink/bufflink.h
		include/bufflink/libbufflink.h
		lib/libbufflink.a
		lib/libbufflink.so
		lib/libbufflink.so.1
		lib/modules-load.d/bufflink.conf
		lib/pkgconfig/bufflink.pc
		lib/sysusers.d/bufflink.conf
		lib/udev/rules.d/60-bufflink.rules
		share/bash-completion/completions/bufflink
		share/man/man1/bufflink.1
		share/man/man3/libbufflink.3
		share/man/man4/bufflink.4
		share/man/man9/bufflink_append.9
		share/man/man9/bufflink_appendv.9
		share/man/man9/bufflink_create.9
		share/man/man9/bufflink_create_named.9
		share/man/man9/bufflink_destroy.9
		share/man/man9/bufflink_number.9
		share/man/man9/bufflink_printf.9
		share/man/man9/bufflink_resize.9
	END
}

# The module itself, in FOLDER: and what others are built with.
module() {
	echo "$1/bufflink.ko"
	echo "$1/bufflink.symvers"
}

# What there is of the clients, below PREFIX, and in FOLDER.
clients_of_ours() {
	sed "s,^,$1/," <<-END
		bin/bufflink-audit
		bin/bufflink-klog
		sbin/bufflink-migrate
		share/bash-completion/completions/bufflink-audit
		share/bash-completion/completions/bufflink-klog
		share/bash-completion/completions/bufflink-migrate
		share/man/man1/bufflink-audit.1
		share/man/man1/bufflink-klog.1
		share/man/man8/bufflink-migrate.8
	END
	of_clients service | sed "s,^,$1/lib/systemd/system/,"
	of_clients logrotate | sed 's,^,/etc/logrotate.d/,; s/\.logrotate$//'
	printf "$2/bufflink/%s.ko\n" audit/bufflink_sysaudit \
		klog/bufflink_klog migrate/bufflink_blklog
}

# clients_find FILE: it is the bufflink that is loaded before each of them
clients_find() {
	for client in klog sysaudit blklog; do
		modprobe --set-version "$release" --show-depends \
			bufflink_$client | head -n 1 | grep "/$1"
	done
	bufflink-klog --version
	bufflink-audit --version
	bufflink-migrate --version
}

setup_file() {
	apt-get -q -y --no-install-recommends install dkms gcc libc6-dev \
		libblkid-dev libjson-c-dev libseccomp-dev libxxhash-dev make
	in_tree clients
	files ! -type d >$before
}

@test "make install with DESTDIR and prefix touches nothing outside DESTDIR" {
	touch /var/tmp/now
	in_tree install DESTDIR=/tmp/x prefix=/usr
	added | no_lines
	files -newer /var/tmp/now ! -type d | no_lines
	find /tmp/x ! -type d | sort | diff - <({
		common /tmp/x/usr
		module "/tmp/x/lib/modules/$release/updates"
	} | sort)
}

@test "make uninstall with DESTDIR takes all of that away" {
	in_tree uninstall DESTDIR=/tmp/x prefix=/usr
	find /tmp/x ! -type d -o -name '*bufflink*' | no_lines
}

@test "where nothing could be told apart, nothing is done" {
	mkdir -p /tmp/x/a
	touch /tmp/x/a/kept
	run in_tree uninstall DESTDIR="/tmp/x/a b"
	[ "$status" != 0 ]
	run in_tree uninstall prefix="/tmp/x/a b"
	[ "$status" != 0 ]
	[ -e /tmp/x/a/kept ]
}

@test "a DESTDIR may be where make is run from" {
	in_tree install DESTDIR=build/x
	cd /mnt/bufflink/build/x
	[ -e "lib/modules/$release/updates/bufflink.ko" ]
	[ -e usr/local/bin/bufflink ]
}

@test "make install puts everything in its place" {
	in_tree install
	added | diff - <({
		common /usr/local
		module "/usr/lib/modules/$release/updates"
	} | sort)
	[ "$(modinfo -k "$release" -n bufflink)" = \
		"/lib/modules/$release/updates/bufflink.ko" ]
	bufflink --version
	man -w 9 bufflink_append
	getent group bufflink
}

@test "a module outside the tree is built with what make install left" {
	sed -i s,/usr/include,/usr/local/include, /mnt/hello/Kbuild
	build_client hello "$release"
	remove_client hello
}

@test "make install-clients puts everything in its place" {
	in_tree install-clients
	added | diff - <({
		common /usr/local
		clients_of_ours /usr/local "/usr/lib/modules/$release/updates"
		module "/usr/lib/modules/$release/updates"
	} | sort)
	clients_find updates/bufflink.ko
}

# hide FILE...: for one command, until show
hide() {
	hidden=("$@")
	for file in "$@"; do
		mv "$file" "$file.hidden"
	done
}

show() {
	for file in "${hidden[@]}"; do
		mv "$file.hidden" "$file"
	done
	hidden=()
}

teardown() {
	show
}

nothing_is_left() {
	added | no_lines
	files -name '*bufflink*' | no_lines
	grep bufflink "/lib/modules/$release"/modules.* | no_lines
}

# Which of the files on standard input, and of the folders on the way to them,
# others cannot read or enter.
unreadable() {
	while read -r path; do
		for ((; ${#path}; )); do
			echo "$path"
			path=${path%/*}
		done
	done | sort -u | xargs sh -c 'find "$@" -maxdepth 0 ! -type l \
		\( ! -perm -o+r -o -type d ! -perm -o+x \)' sh
}

@test "make uninstall takes all of that away" {
	of_clients service | xargs -r systemctl enable
	in_tree uninstall
	nothing_is_left
}

@test "make install without kmod says so, and touches nothing" {
	hide /sbin/modinfo /sbin/depmod
	run in_tree install
	[ "$status" != 0 ]
	[[ $output == *"there is no modinfo (Debian: kmod)"* ]]
	[[ $output == *"there is no depmod (Debian: kmod)"* ]]
	show
	nothing_is_left
}

@test "make dkms-install without dkms says so, and takes nothing away" {
	in_tree install
	hide /usr/sbin/dkms
	run in_tree dkms-install
	[ "$status" != 0 ]
	[[ $output == *"there is no dkms (Debian: dkms)"* ]]
	[ -e "/lib/modules/$release/updates/bufflink.ko" ]
}

@test "make clients without a header names it and its package, and fails" {
	hide /usr/include/seccomp.h
	run in_tree clients
	[ "$status" != 0 ]
	[[ $output == *"there is no seccomp.h (Debian: libseccomp-dev)"* ]]
}

@test "with umask 077, others can read and enter all that is installed" {
	umask 077
	in_tree clean
	in_tree install
	in_tree install-clients
	added | unreadable | no_lines
	ls -d "/lib/modules/$release"/modules.* | unreadable | no_lines
	in_tree uninstall
	nothing_is_left
}

@test "make uninstall takes clients away, too, that were installed alone" {
	in_tree install-clients
	in_tree uninstall
	nothing_is_left
}

@test "clients stay until no bufflink is left that they could be loaded with" {
	in_tree install
	in_tree install-clients
	in_tree dkms-install
	clients_find updates/dkms/bufflink.ko
	other=/lib/modules/6.0.0-other
	mkdir -p $other/updates/bufflink/klog
	touch $other/updates/bufflink/klog/bufflink_klog.ko
	in_tree install
	clients_find updates/bufflink.ko
	[ ! -e $other/updates ]
	rm -r $other
	in_tree uninstall
	nothing_is_left
}

@test "make dkms-install has DKMS build it, and puts everything in its place" {
	in_tree dkms-install
	dkms status bufflink/1.0 -k "$release" | grep ': installed$'
	added | grep -v '^/usr/src/bufflink-1.0/\|^/var/lib/dkms/' |
		diff - <({
			common /usr/local
			echo "/usr/lib/modules/$release/updates/dkms/bufflink.ko"
		} | sort)
	build_client hello "$release"
	remove_client hello
}

@test "a later version takes the place of an earlier one" {
	sed -i 's/VERSION("1.0")/VERSION("1.1")/' /mnt/bufflink/bufflink.c
	sed -i 's/VERSION="1.0"/VERSION="1.1"/' /mnt/bufflink/dkms.conf
	in_tree dkms-install
	dkms status | grep -v 'bufflink/1.1, .*: installed$' | no_lines
	[ "$(modinfo -k "$release" -F version bufflink)" = 1.1 ]
	[ ! -e /usr/src/bufflink-1.0 ]
}

@test "make uninstall takes all of that away, too, and nobody else's" {
	touch "/lib/modules/$release/updates/bufflink.mine"
	in_tree uninstall
	dkms status | no_lines
	rm "/lib/modules/$release/updates/bufflink.mine"
	nothing_is_left
}

@test "with packages present, make uninstall takes away its own, and no other" {
	in_tree install
	in_tree install-clients
	apt-get -q -y install --no-install-recommends /mnt/bufflink-*.deb
	in_tree uninstall
	added | grep "^/usr/local/\|/updates/bufflink" | no_lines
	dpkg --verify $packages | no_lines
	for module in bufflink $(modules_of_clients); do
		modprobe --set-version "$release" --show-depends $module |
			tail -n 1 | grep "/updates/dkms/$module.ko"
	done
}

@test "with packages present, make does not install beside them" {
	for goal in install dkms-install install-clients; do
		run in_tree $goal
		[ "$status" != 0 ]
		[[ $output == *"The package bufflink-dkms is installed"* ]]
	done
}

@test "once the packages are gone, nothing is left" {
	apt-get -q -y purge 'bufflink*'
	nothing_is_left
}
