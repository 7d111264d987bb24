# SPDX-License-Identifier: GPL-2.0-only
# In the root, which is a bare Debian 12 at first: what a user does, in order.

. ./common.bash

# has_module KERNEL: as modprobe will find it, signed by DKMS's key
has_module() {
	modprobe --set-version "$1" --show-depends bufflink |
		grep "^insmod /lib/modules/$1/updates/dkms/bufflink.ko"
}

signer() {
	modinfo -k "$1" -F signer bufflink
}

@test "apt installs the packages with all that they need" {
	files -true >/var/tmp/files-before
	apt-get -q -y install --no-install-recommends \
		/mnt/bufflink-dkms_*.deb /mnt/bufflink-tools_*.deb \
		/mnt/libbufflink1_*.deb /mnt/libbufflink-dev_*.deb
}

@test "DKMS has built the module for Linux 6.1" {
	dkms status
	has_module "$(release 6.1)"
}

@test "the tool is on the path" {
	bufflink --version
}

@test "the manual pages are found, and shown without a warning" {
	for page in bufflink.1 bufflink.4 libbufflink.3 bufflink_append.9 \
		    bufflink_create.9 bufflink_create_named.9; do
		name=${page%.*} section=${page#*.}
		file=$(man -w "$section" "$name")
		man --warnings=w -l "$file" >/var/tmp/page 2>/var/tmp/warnings
		cat /var/tmp/warnings
		[ -s /var/tmp/page ]
		[ ! -s /var/tmp/warnings ]
	done
}

@test "the completion is where bash looks for it" {
	run bash -c '. /usr/share/bash-completion/bash_completion
		_completion_loader bufflink; complete -p bufflink'
	[[ $output == *" bufflink" ]]
}

@test "the group is made" {
	getent group bufflink
}

@test "a kernel upgrade builds the module for the new kernel, too" {
	apt-get -q -y install --no-install-recommends \
		linux-image-6.12-cloud-amd64 linux-headers-6.12-cloud-amd64
	has_module "$(release 6.12)"
	has_module "$(release 6.1)"
}

@test "DKMS has signed the modules with its own key" {
	for kernel in 6.1 6.12; do
		[ "$(signer "$(release $kernel)")" = "DKMS module signing key" ]
	done
}

@test "modules outside the tree are built and find bufflink" {
	for client in $clients; do
		build_client "$client" "$(release 6.1)"
		build_client "$client" "$(release 6.12)"
	done
}
