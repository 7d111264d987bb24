# SPDX-License-Identifier: GPL-2.0-only
# In a bare root: the steps of a user of the source, without packages.
. ./common.bash
before=/var/tmp/files-before
release=$(release 6.1)

in_tree() {
	make -C /mnt/bufflink KDIR="/lib/modules/$release/build" "$@"
}

# The files that are new. Folders are left out, as /usr/local gets some that
# others use, too.
added() {
	files ! -type d | comm -13 $before -
}

# Where the pages on standard input are, below PREFIX
in_manual() {
	sed 's,.*\.\(.\)$,share/man/man\1/&,'
}

# The files that each way to install makes below PREFIX.
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
		$({ pages; functions | sed 's/$/.9/'; } | sort -u | in_manual)
	END
}

# The module itself, in FOLDER, and the files that others are built with.
module() {
	echo "$1/bufflink.ko"
	echo "$1/bufflink.symvers"
}

# The files of the clients, below PREFIX, and in FOLDER. Those programs that have a
# page in section 8 are for root.
clients_of_ours() {
	{
		of_clients 'bufflink-*.[18]' |
			sed 's,\(.*\)\.1$,bin/\1,; s,\(.*\)\.8$,sbin/\1,'
		of_clients 'bufflink-*.[18]' | in_manual
		programs_of_clients | sed 's,^,share/bash-completion/completions/,'
		of_clients '*.service' | sed 's,^,lib/systemd/system/,'
	} | sed "s,^,$1/,"
	of_clients '*.logrotate' | sed 's,^,/etc/logrotate.d/,; s/\.logrotate$//'
	for module in $(modules_of_clients); do
		kbuild=$(grep -lw "$module.o" $tree/clients/*/Kbuild)
		folder=${kbuild%/*}
		echo "$2/bufflink/${folder##*/}/$module.ko"
	done
}

# clients_find FILE: it is the bufflink that is loaded before each of them
clients_find() {
	for module in $(modules_of_clients); do
		modprobe --set-version "$release" --show-depends $module |
			head -n 1 | grep "/$1"
	done
	for program in $(programs_of_clients); do
		$program --version
	done
}

# By the commands of the README and of Documentation/install.md; but the headers
# are those of the kernel that is there.
install_needed() {
	sed -n 's/linux-headers-amd64/linux-headers-cloud-amd64/
		s/^sudo apt-get install/apt-get -q -y --no-install-recommends install/p' \
		/mnt/commands >/var/tmp/commands
	[ "$(wc -l </var/tmp/commands)" = 2 ]
	(cd $tree && sh -eux /var/tmp/commands)
}

setup_file() {
	install_needed
	apt-get -q -y --no-install-recommends install dkms
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

@test "a module outside the tree is built with the files of make install" {
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
	of_clients '*.service' | xargs -r systemctl enable
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

@test "make clients without headers names each and its packages, and fails" {
	local paths=() complaints=()
	for needs in $tree/clients/*/needs; do
		from=$(sed -n 's/^Packages: //p' "$needs")
		for header in $(sed -n 's/^Headers: //p' "$needs"); do
			paths+=("$(dpkg -L $from |
				grep "^/usr/include/\(.*-linux-gnu/\)\?$header$")")
			complaints+=("there is no $header (Debian: $from).")
		done
	done
	# two clients may need one header
	hide $(printf "%s\n" "${paths[@]}" | sort -u)
	run in_tree clients
	[ "$status" != 0 ]
	for complaint in "${complaints[@]}"; do
		[[ $output == *"$complaint"* ]]
	done
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
