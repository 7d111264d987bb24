#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: run.sh [SUITE...]
# Takes the steps of a new user: adds a client and runs its suites; on a bare Debian
# 12, installs the packages, upgrades the kernel, builds a module that uses bufflink,
# boots both kernels, uses it, removes it all; and the same by make install. With
# SUITEs: boots the disks that the last whole run has left in build/installed, for
# these bats files only. KERNELS limits it.
set -eu
. "$(dirname "$0")/../vm/common.sh"

vm=$top/tests/vm
build=$build/installed
export BUILD="$build"
root=$build/root
disk=$build/disk		# is /mnt in the root, and in the VM
kernels=${KERNELS:-6.1 6.12}

# The packages that are there before bufflink comes, those that its tests need, and
# those that come later: these are only downloaded.
before="systemd-sysv udev kmod dbus openssl man-db bash-completion
	linux-image-cloud-amd64 linux-headers-cloud-amd64"
tests="bats gcc jq kcat libc6-dev liburing-dev make procps python3-minimal
	rsyslog logrotate"
later="dkms linux-image-6.12-cloud-amd64 linux-headers-6.12-cloud-amd64
	$(packages_of_programs)"

install="apt-get -q -y --no-install-recommends install"
key=$(echo "4 $before $tests $later" | sha256sum | cut -c 1-12)

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

# The output of a command matters only if it fails.
quietly() {
	printed=$(mktemp "$build/logs/quiet.XXXXXX")
	"$@" >"$printed" 2>&1 || {
		cat "$printed"
		die "failed: $*"
	}
	rm "$printed"
}

scoring() {
	scores=$1
	shift
	: >"$scores"
	"$@"
}

# beside NAME COMMAND...: begins it. Its output and its score are kept for join.
beside() {
	part=$build/logs/$1
	shift
	scoring "$part.scores" "$@" >"$part.out" 2>&1 &
	echo $! >"$part.pid"
}

# join NAME: waits until it has ended.
join() {
	wait "$(cat "$build/logs/$1.pid")" ||
		echo "0 1" >>"$build/logs/$1.scores"
	cat "$build/logs/$1.out"
	cat "$build/logs/$1.scores" >>"$build/scores"
}

# Nothing has to outlast a crash, or be read in another language; and the initramfs
# is for this VM alone.
make_quick() {
	echo 'Acquire::GzipIndexes "true";' |
		as_root install -m 644 /dev/stdin \
			"$root/etc/apt/apt.conf.d/quick"
	printf '%s\n' force-unsafe-io 'path-exclude=/usr/share/locale/*' |
		as_root install -D -m 644 /dev/stdin \
			"$root/etc/dpkg/dpkg.cfg.d/quick"
	echo MODULES=list |
		as_root install -D -m 644 /dev/stdin \
			"$root/etc/initramfs-tools/conf.d/quick"
	printf '%s\n' virtio_pci virtio_blk ext4 crc32c_generic |
		as_root install -m 644 /dev/stdin "$root/etc/initramfs-tools/modules"
}

make_root() {
	say "making a bare Debian 12 with Linux 6.1 (a minute)"
	fetch list_sources || die "none of the apt sources is Debian 12's own"
	remove_root
	mkdir -p "$disk"
	quietly as_root env DPKG_FORCE=unsafe-io debootstrap --variant=minbase bookworm "$root" \
		"$(awk '/ bookworm / { print $2; exit }' sources.list)"
	copy_apt
	make_quick
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
	# the pages are found without its cache
	as_root rm "$root/var/lib/man-db/auto-update"
	version=debian-$(cat "$root/etc/debian_version")-$key
	as_root rm -f "$root"/var/cache/apt/*.bin
	as_root tar -cC "$root" . >root.tar
}

# The one that has just been made is as good.
unpack_root() {
	[ ! -e "$root" ] || return 0
	mkdir -p "$root"
	as_root tar -xC "$root" <"$cache/installed-$key/root.tar"
}

# Everything that is not Debian's: the packages, this tree with one client more, and
# the files that users copy from the documentation.
fill_disk() {
	as_root rm -rf "$disk"
	mkdir -p "$disk/hello" "$disk/bufflink_test" "$disk/recipes"
	copy_tree "$disk/bufflink"
	"$top/tests/add-twin.sh" "$disk/bufflink"
	cp "$here"/bats.sh "$here"/*.bats "$here"/*.bash "$disk"
	cp "$build"/deb/*.deb "$disk"
	block README.md hello.c >"$disk/hello/hello.c"
	block Documentation/install.md Kbuild-installed >"$disk/hello/Kbuild"
	sed -n 's/^```[a-z]* \(..*\)/\1/p' "$top/Documentation/recipes.md" |
	while read -r name; do
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
	in_root timeout 3600 env suite="$1" sh -c 'exec sh /mnt/bats.sh 3>&1' \
		>"$log" 2>&1 || :
	awk -f "$vm/tap.awk" "$log" >"$log.reasons"
	passed=$(grep -c '^ok ' "$log") || :
	failed=$(grep -c '^not ok ' "$log") || :
	if [ "$passed" = 0 ] || [ -s "$log.reasons" ]; then
		cat "$log"
		[ "$failed" -gt 0 ] || failed=1
	fi
	echo "$passed $failed" >>"$scores"
}

# A disk of the files that fill_disk() has made, and of those that start a suite
make_disk() {
	gcc -O2 -static -o "$disk/qemu_exit" "$vm/qemu_exit.c"
	cp "$vm/guest.sh" "$disk"
	rm -f "$build/disk.image"
	/sbin/mke2fs -q -t ext4 -d "$disk" "$build/disk.image" 256M >/dev/null
}

# A disk of all that has been installed, and the files that boot it
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

boot_kernel() {
	SECONDS_PER_BOOT=3600 \
		"$vm/boot.sh" "$1-installed" 2 bats.sh "$2" || :
}

# boot SUITES: bats files, run in the VM, with each kernel.
boot() {
	boots=$(wc -l <"$build/scores")
	for kernel in $kernels; do
		beside "boot-$kernel" boot_kernel "$kernel" "$1"
		boots=$((boots + 1))
	done
	for kernel in $kernels; do
		join "boot-$kernel"
	done
	count_missing "$boots"
}

# The new client's own suites. make check may run meanwhile, without them.
# That of its module alone takes long, and is that of klog.
check_twin() {
	BUILD=$build/twin "$build/tree/tests/vm/run.sh" check 6.1 2 \
		'client_twin_*' || echo "0 1" >>"$scores"
	cat "$build/twin/scores" >>"$scores" || :
}

# In a root and with a disk of its own
check_source() {
	root=$build/source-root
	disk=$build/source-disk
	remove_root
	unpack_root
	fill_disk
	suite source
	remove_root
}

check_packages() {
	unpack_root
	fill_disk
	suite packages
	make_disk
	make_system
	beside removal suite removal
	boot guest,completion,readers,recipes
	join removal
	remove_root
}

# Parts that need nothing of each other run beside each other.
whole_path() {
	remove_root
	say "adding a client, twin, and building the packages"
	copy_tree "$build/tree"
	git -C "$build/tree" init -q
	"$top/tests/add-twin.sh" "$build/tree"
	beside twin check_twin
	beside root cached "installed-$key" make_root
	quietly make -C "$build/tree" deb
	join root
	[ -e "$cache/installed-$key" ] || die "there is no root"
	beside source check_source
	check_packages
	join source
	join twin
}

"$vm/setup.sh" installed
mkdir -p "$build/logs"
lock_build
scores=$build/scores
: >"$scores"
trap wait EXIT
if [ $# = 0 ]; then
	whole_path
else
	fill_disk
	make_disk
	boot "$(echo "$*" | tr ' ' ,)"
fi
sum_scores
