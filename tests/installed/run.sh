#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: run.sh [SUITE...]
# What a new user does: add a client and run its suites; on a bare Debian 12,
# install the packages, upgrade the kernel, build a module that uses bufflink,
# boot both kernels, use it, remove it all; and the same by make install. With
# SUITEs: boots what the last whole run has left in build/installed, for these
# bats files only. KERNELS limits it.
set -eu
. "$(dirname "$0")/../vm/common.sh"

vm=$top/tests/vm
build=$build/installed
export BUILD="$build"
root=$build/root
disk=$build/disk		# is /mnt in the root, and in the VM
kernels=${KERNELS:-6.1 6.12}

# What is there before bufflink comes, what its tests need, and what comes
# later: that is only downloaded.
before="systemd-sysv udev kmod dbus openssl man-db bash-completion
	linux-image-cloud-amd64 linux-headers-cloud-amd64"
tests="bats gcc jq kcat libc6-dev liburing-dev make procps python3-minimal
	rsyslog"
later="dkms linux-image-6.12-cloud-amd64 linux-headers-6.12-cloud-amd64
	$(packages_of_programs)"

recipes="to-journal to-rsyslog to-kafka bufflink.conf bufflink-kafka@.service
	enable"
install="apt-get -q -y --no-install-recommends install"
key=$(echo "2 $before $tests $later" | sha256sum | cut -c 1-12)

in_root() {
	as_root "$here/chroot.sh" "$root" "$disk" "$@"
}

remove_root() {
	as_root rm -rf --one-file-system "$root"
}

list_sources() {
	# shellcheck disable=SC2016 # apt's variables, not ours
	apt-get indextargets --format \
		'deb $(REPO_URI) $(CODENAME) $(COMPONENT)' \
		'Created-By: Packages' 'Origin: Debian' |
		grep ' bookworm' >sources.list
}

# This machine's way to the mirror is the root's, too.
copy_apt() {
	apt-config dump | grep -E '^Acquire::(https?|Check|Retries)' >apt.conf ||
		:
	as_root cp sources.list "$root/etc/apt/"
	as_root cp apt.conf "$root/etc/apt/apt.conf.d/machine"
	as_root cp -L /etc/resolv.conf "$root/etc/"
	authorities=/etc/ssl/certs/ca-certificates.crt
	[ ! -e $authorities ] ||
		as_root install -D -m 644 $authorities "$root$authorities"
	rm sources.list apt.conf
}

# What a command prints matters only if it fails.
quietly() {
	"$@" >"$build/logs/quiet" 2>&1 || {
		cat "$build/logs/quiet"
		die "failed: $*"
	}
}

make_root() {
	say "making a bare Debian 12 with Linux 6.1 (a minute)"
	fetch list_sources || die "none of the apt sources is Debian 12's own"
	remove_root
	mkdir -p "$disk"
	quietly as_root debootstrap --variant=minbase bookworm "$root" \
		"$(awk '/ bookworm / { print $2; exit }' sources.list)"
	copy_apt
	# nothing is to be started in the root
	printf '#!/bin/sh\nexit 101\n' |
		as_root install -m 755 /dev/stdin "$root/usr/sbin/policy-rc.d"
	quietly in_root apt-get update
	# shellcheck disable=SC2086 # lists of words
	{
		quietly in_root $install $before $tests
		quietly in_root apt-get clean
		quietly in_root $install --download-only $later
	}
	version=debian-$(cat "$root/etc/debian_version")-$key
	as_root tar -cC "$root" . >root.tar
	remove_root
}

unpack_root() {
	remove_root
	mkdir -p "$root"
	as_root tar -xC "$root" <"$cache/installed-$key/root.tar"
}

# Everything that is not Debian's: the packages, this tree, and what the
# documentation has for users to copy.
fill_disk() {
	as_root rm -rf "$disk"
	mkdir -p "$disk/hello" "$disk/bufflink_test" "$disk/recipes"
	copy_tree "$disk/bufflink"
	cp "$here"/bats.sh "$here"/*.bats "$here"/*.bash "$disk"
	cp "$build"/deb/*.deb "$disk"
	block README.md hello.c >"$disk/hello/hello.c"
	block Documentation/install.md Kbuild-installed >"$disk/hello/Kbuild"
	for name in $recipes; do
		block Documentation/recipes.md "$name" >"$disk/recipes/$name"
	done
	block README.md commands >"$disk/commands"
	block Documentation/install.md clients >>"$disk/commands"
	cp "$top/test_module/bufflink_test.c" "$disk/bufflink_test"
	sed s/hello/bufflink_test/ "$disk/hello/Kbuild" \
		>"$disk/bufflink_test/Kbuild"
	cp -r "$here/lines" "$disk"
}

# suite NAME: a bats file, run in the root.
suite() {
	log=$build/logs/$1
	say "$1, in the root on the disk"
	in_root timeout 600 env suite="$1" sh -c 'exec sh /mnt/bats.sh 3>&1' \
		>"$log" 2>&1 || :
	awk -f "$vm/tap.awk" "$log" >"$log.reasons"
	passed=$(grep -c '^ok ' "$log") || :
	failed=$(grep -c '^not ok ' "$log") || :
	if [ "$passed" = 0 ] || [ -s "$log.reasons" ]; then
		cat "$log"
		[ "$failed" -gt 0 ] || failed=1
	fi
	echo "$passed $failed" >>"$build/scores"
}

# What has been installed, as a disk; and what boots it.
make_system() {
	say "making a disk of the root"
	in_root apt-get clean
	rm -f "$build/system"
	truncate -s 4G "$build/system"
	as_root /sbin/mke2fs -q -F -t ext4 -E lazy_itable_init=1 \
		-d "$root" "$build/system"
	for kernel in $kernels; do
		mkdir -p "$build/$kernel-installed"
		for file in vmlinuz initrd.img; do
			as_root cat "$root/boot/$file-$kernel".* \
				>"$build/$kernel-installed/$file"
		done
	done
}

# boot SUITES: bats files, run in the VM, with each kernel.
boot() {
	for kernel in $kernels; do
		scores=$(wc -l <"$build/scores")
		SECONDS_PER_BOOT=1200 \
			"$vm/boot.sh" "$kernel-installed" 2 bats.sh "$1" || :
		count_missing $((scores + 1))
	done
}

# The new client's own suites. make check may run meanwhile, without them.
check_twin() {
	BUILD=$build/twin "$build/tree/tests/vm/run.sh" check 6.1 2 \
		'client_twin*' || echo "0 1" >>"$build/scores"
	cat "$build/twin/scores" >>"$build/scores" || :
}

whole_path() {
	say "adding a client, twin, and building the packages"
	copy_tree "$build/tree"
	git -C "$build/tree" init -q
	"$top/tests/add-twin.sh" "$build/tree"
	check_twin
	quietly make -C "$build/tree" deb
	cached "installed-$key" make_root
	unpack_root
	fill_disk
	suite packages
	make_system
	boot guest,completion,readers,recipes
	suite removal
	unpack_root
	fill_disk
	suite source
	remove_root
}

"$vm/setup.sh" installed
mkdir -p "$build/logs"
lock_build
: >"$build/scores"
if [ $# = 0 ]; then
	whole_path
else
	fill_disk
	boot "$(echo "$*" | tr ' ' ,)"
fi
sum_scores
