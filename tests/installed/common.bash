# SPDX-License-Identifier: GPL-2.0-only
# Sourced by the suites that run in the root.
tree=/mnt/bufflink
packages=$(sed -n 's/^Package: //p' $tree/debian/control)

# The modules that are built outside the tree
outside() {
	find /mnt -path $tree -prune -o -name Kbuild -printf '%P\n' |
		sed 's,/.*,,' | sort
}

# The manual pages of the tool and the library
pages() {
	find $tree/userland -name '*.[1-9]' ! -name '*.so.*' -printf '%f\n' |
		sort
}

# Each has a page of its own name.
functions() {
	sed -n 's/^EXPORT_SYMBOL_GPL(_*\(.*\));/\1/p' $tree/bufflink.c | sort
}

# of_clients PATTERN: the names of such files in the folders of this tree
of_clients() {
	find $tree/clients -name "$1" -printf '%f\n' | sort
}

modules_of_clients() {
	sed -n 's/^obj-.*= *//p' $tree/clients/*/Kbuild | tr ' ' '\n' |
		sed 's/\.o$//'
}

programs_of_clients() {
	of_clients 'bufflink-*.c' | sed 's/\.c$//'
}

# Prints all files, but for those that Debian's tools keep for themselves, and
# DKMS's key, by which other modules may be signed, too. Takes conditions for find.
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
