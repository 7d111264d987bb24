# SPDX-License-Identifier: GPL-2.0-only
# In the root, after packages.bats: the steps of a user that removes it.
. ./common.bash

@test "make neither installs over the packages nor uninstalls them" {
	for goal in install dkms-install uninstall; do
		run make -C /mnt/bufflink $goal prefix=/usr
		[ "$status" != 0 ]
		[[ $output == *"The package bufflink-dkms is installed"* ]]
	done
	dpkg --verify $packages | no_lines
}

@test "apt purges the packages" {
	for client in $(outside); do
		remove_client "$client"
	done
	mkdir /var/log/bufflink
	touch /var/log/bufflink/klog.log
	apt-get -q -y purge $packages
	[ ! -e /var/log/bufflink ]
}

@test "nothing of the name is left in files, in DKMS and in depmod's lists" {
	files -name '*bufflink*' | no_lines
	dkms status | no_lines
	grep bufflink /lib/modules/*/modules.* | no_lines
}

@test "the group is left: its number is never to be another group's" {
	getent group bufflink
}

@test "all files are as before, when DKMS and the new kernel are gone, too" {
	apt-get -q -y purge 'linux-image-6.12*' 'linux-headers-6.12*'
	apt-get -q -y -o APT::AutoRemove::RecommendsImportant=false \
		-o APT::AutoRemove::SuggestsImportant=false autoremove --purge
	files ! -path /var/lib/dkms | diff /var/tmp/files-before -
}
