# SPDX-License-Identifier: GPL-2.0-only
# In the root, which is a bare Debian 12 at first: the steps of a user, in order.

. ./common.bash

# has_module KERNEL [MODULE]: as modprobe will find it, signed by DKMS's key
has_module() {
	local module=${2-bufflink}

	modprobe --set-version "$1" --show-depends "$module" |
		grep "^insmod /lib/modules/$1/updates/dkms/$module.ko"
}

# has_clients KERNEL: and bufflink is loaded before each
has_clients() {
	for module in $(modules_of_clients); do
		has_module "$1" "$module"
		modprobe --set-version "$1" --show-depends "$module" |
			grep "/updates/dkms/bufflink.ko"
	done
}

signer() {
	modinfo -k "$1" -F signer bufflink
}

@test "apt installs the packages with all that they need" {
	files -true >/var/tmp/files-before
	for package in $packages; do
		ls /mnt/"$package"_*.deb
	done | xargs apt-get -q -y install --no-install-recommends
}

@test "DKMS has built the module for Linux 6.1" {
	dkms status
	has_module "$(release 6.1)"
}

@test "DKMS has built the modules of all clients for Linux 6.1" {
	has_clients "$(release 6.1)"
}

@test "the tool is on the path, and the programs of all clients" {
	bufflink --version
	for program in $(programs_of_clients); do
		$program --version
	done
}

@test "the manual pages are found, and shown without a warning" {
	for page in $(pages) $(functions | sed 's/$/.9/') \
		    $(of_clients '*.[1-9]'); do
		name=${page%.*} section=${page#*.}
		file=$(man -w "$section" "$name")
		man --warnings=w -l "$file" >/var/tmp/page 2>/var/tmp/warnings
		cat /var/tmp/warnings
		[ -s /var/tmp/page ]
		[ ! -s /var/tmp/warnings ]
	done
}

@test "the completion of each program is where bash looks for it" {
	for program in bufflink $(programs_of_clients); do
		run bash -c '. /usr/share/bash-completion/bash_completion
			_completion_loader "$0"; complete -p "$0"' "$program"
		[[ $output == *" -F _bufflink $program" ]]
	done
}

@test "the group is made" {
	getent group bufflink
}

@test "files of clients for logrotate are configuration of the package" {
	for name in $(of_clients '*.logrotate'); do
		dpkg-query -W -f '${Conffiles}\n' bufflink-tools |
			grep -F " /etc/logrotate.d/${name%.*} "
	done
}

@test "a kernel upgrade builds the module for the new kernel, too" {
	apt-get -q -y install --no-install-recommends \
		linux-image-6.12-cloud-amd64 linux-headers-6.12-cloud-amd64
	for kernel in 6.12 6.1; do
		has_module "$(release $kernel)"
		has_clients "$(release $kernel)"
	done
}

@test "a client that cannot be built does not keep bufflink from being built" {
	kernel=$(release 6.12)
	source=$(echo /usr/src/bufflink-clients-*/clients/klog/bufflink_klog.c)
	for name in bufflink-clients bufflink; do
		dkms remove "$name/$(dkms status $name | sed 's,.*/,,; s/,.*//; q')" \
			-k "$kernel"
	done
	run has_module "$kernel"
	[ "$status" != 0 ]
	echo "#error" >>"$source"
	run dkms autoinstall -k "$kernel"
	has_module "$kernel"
	run has_module "$kernel" bufflink_klog
	[ "$status" != 0 ]

	sed -i '$d' "$source"
	dkms autoinstall -k "$kernel"
	has_clients "$kernel"
}

@test "DKMS has signed the modules with its own key" {
	for kernel in 6.1 6.12; do
		[ "$(signer "$(release $kernel)")" = "DKMS module signing key" ]
	done
}

@test "modules outside the tree are built and find bufflink" {
	for client in $(outside); do
		build_client "$client" "$(release 6.1)"
		build_client "$client" "$(release 6.12)"
	done
}
