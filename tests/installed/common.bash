# SPDX-License-Identifier: GPL-2.0-only
# Sourced by the suites that run in the root.
outside="hello bufflink_test lines"	# modules built outside the tree
tree=/mnt/bufflink
packages="bufflink-dkms bufflink-clients-dkms bufflink-tools libbufflink1
	libbufflink-dev"

# What the folders of clients/ have: twin is one that was just put there.
modules_of_clients() {
	sed -n 's/^obj-.*= *//p' $tree/clients/*/Kbuild | tr ' ' '\n' |
		sed 's/\.o$//; $a bufflink_twin'
}

programs_of_clients() {
	ls $tree/clients/*/bufflink-*.c | sed 's,.*/,,; s/\.c$//; $a bufflink-twin'
}

pages_of_clients() {
	ls $tree/clients/*/*.[1-8] | sed 's,.*/,,; $a bufflink-twin.1'
}

# of_clients ENDING: the names of such files in the folders of this tree
of_clients() {
	find $tree/clients -name "*.$1" -printf '%f\n' | sort
}

# As twin is klog under another name, it has what klog has.
with_twin() {
	sed 'p; s/klog/twin/; t; d'
}

# Prints all files, but for what Debian's tools keep for themselves, and DKMS's
# key, by which other modules may be signed, too. Takes conditions for find.
files() {
	find / \( -path /mnt -o -path /proc -o -path /sys -o -path /dev -o \
		-path /tmp -o -path /var/tmp -o -path /var/log -o \
		-path /var/cache -o -path /var/lib/apt -o \
		-path /var/lib/dpkg -o -path "/var/lib/dkms/mok.*" \) \
		-prune -o "$@" -print | sort
}

no_lines() {
	! grep .
}

release() {
	basename /lib/modules/"$1".*
}

# build_client NAME RELEASE: by the commands of Documentation/install.md; modprobe
# loads bufflink before it.
build_client() {
	local kbuild=(-C "/lib/modules/$2/build" M="/mnt/$1"
		CONFIG_DEBUG_INFO_BTF_MODULES=)

	make "${kbuild[@]}" clean
	make "${kbuild[@]}" modules modules_install
	depmod "$2"
	modprobe --set-version "$2" --show-depends "$1" | head -n 1 |
		grep '/bufflink.ko'
}

# And the folder, if it is in none other's.
remove_client() {
	find /lib/modules \( -name "$1.ko*" -o -type d -empty \) -delete
}
