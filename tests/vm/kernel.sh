#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: kernel.sh KERNEL
# Puts a kernel into the cache, once: CACHE/KERNEL/vmlinuz; CACHE/KERNEL/build,
# which modules are built against; and CACHE/KERNEL/modules, its modules for disks.
# Nothing gets installed.
#   6.1 6.12                Debian's stock cloud kernels
#   6.1-rt 6.12-rt          Debian's stock real-time kernels
#   6.1-arm64 6.1-i386 6.1-s390x
#                           Debian's stock kernels for other machines
#   6.1-kasan 6.12-kcsan 6.12-rt-debug newest
#                           built from Debian's sources and tests/kernels/
#   newest-in-tree          newest, with bufflink and its clients built in; its
#                           folder has no build, but sources, those that
#                           in-tree.sh needs of the kernel as it was
#   6.1-um 6.1-um-real      likewise, User-Mode Linux: one CPU at native speed,
#                           and with the price of locks put back; their folder
#                           has the sizes that the benchmark compares
set -eu
. "$(dirname "$0")/common.sh"

kernel=${1-}
. "$here/machine.sh"
fragments=$top/tests/kernels
modules="loop|brd|zram|zsmalloc|lz4_compress|lz4hc_compress|md-mod|raid1"
modules="$modules|dm-mod|dm-delay|dm-flakey|dm-crypt|xts|aesni-intel|cryptd"
modules="$modules|crypto_simd|gf128mul|dm-thin-pool|dm-persistent-data|dm-bio-prison"
modules="$modules|dm-bufio|libcrc32c|crc32c_generic|ext4|jbd2|mbcache|crc16"
modules="$modules|xfs|btrfs|xor|raid6_pq|zstd_compress|blake2b_generic"
modules="$modules|xxhash_generic|overlay"

depends() {
	apt-cache depends "$1" 2>/dev/null | sed -n 's/^ *Depends: //p'
}

download_stock() {
	image=$(depends "$metapackage" | grep '^linux-image-[0-9]') || return
	headers=linux-headers-${image#linux-image-}
	parts=$(depends "$headers" | grep -E '^linux-(headers|kbuild)-') || return
	# shellcheck disable=SC2086 # a list of words
	download "$image" "$headers" $parts
}

unpack_stock() {
	say "downloading Debian's stock kernel $kernel and its headers"
	fetch download_stock || die "no $metapackage to be had: is this Debian 12" \
		"with its security updates among the apt sources?"
	say "unpacking $image into $cache"
	for deb in linux-headers-*.deb linux-kbuild-*.deb; do
		dpkg-deb -x "$deb" .
	done
	mkdir modules
	dpkg-deb --fsys-tarfile linux-image-*.deb >image.tar
	tar -tf image.tar | grep -E "/(vmlinuz-.*|($modules)\.ko(\.xz)?)$" >wanted
	tar -xf image.tar --transform 's,.*/,modules/,' -T wanted
	mv modules/vmlinuz-* vmlinuz
	find modules -name '*.xz' -exec xz -d {} +
	rm image.tar wanted
	ln -s "usr/src/$headers" build
	sed -i 's,/usr/src/,../,' build/Makefile
	version=$(basename linux-image-*.deb _amd64.deb)-$key
	rm ./*.deb
}

# Unpacked anew when the key changes. The key must change with the list of files.
stock() {
	metapackage=$1 key=4
	cached "$kernel-$key" unpack_stock
	ln -sfn "$(readlink "$cache/$kernel-$key")" "$cache/$kernel"
}

download_source() {
	package=$(apt-cache depends "$source" 2>/dev/null |
		sed -n 's/^ *Depends: \(linux-source-[0-9]\)/\1/p')
	download "${package:-$source}"
}

# The last fragment to name a symbol has it. Each wanted symbol must be in the
# result: Kconfig drops in silence those that it cannot set.
configure() {
	# shellcheck disable=SC2086 # a list of words
	awk -F= '/^CONFIG_/ { value[$1] = $2 }
		 END { for (name in value) print name "=" value[name] }' \
		$configs >wanted
	make -C build KCONFIG_ALLCONFIG="$PWD/wanted" allnoconfig >/dev/null
	while IFS= read -r line; do
		case $line in
		*=n)	! grep -q "^${line%n}" build/.config ;;
		*)	grep -qxF "$line" build/.config ;;
		esac || die "$kernel cannot have $line"
	done <wanted
}

# Sources and objects of the kernel itself, of which modules need none.
remove_needless() {
	mv "build/$binary" vmlinuz
	cp build/vmlinux.symvers build/Module.symvers
	for folder in build/*/; do
		case $folder in
		build/arch/ | build/include/ | build/scripts/ | build/tools/) ;;
		*)	rm -rf "$folder" ;;
		esac
	done
	find build/arch -mindepth 1 -maxdepth 1 -type d ! -name x86 ! -name um \
		-exec rm -rf {} +
	find build -maxdepth 1 -name 'vmlinux*' -delete
	find build/arch \( -name '*.[coSa]' -o -name '.*.cmd' \) -delete
}

# Text, data and bss in bytes, and the name of the object.
write_sizes() {
	(cd build && size kernel/relay.o lib/kfifo.o kernel/bpf/ringbuf.o) |
		awk 'NR > 1 { print $1, $2, $3, $6 }' >sizes
}

# Debian's newest kernel is in another suite. In this folder, APT gets a state
# of its own for that, and the system's learns nothing of it.
use_suite() {
	mkdir -p apt/lists/partial
	fetch list_suite "$1" || die "none of the apt sources is Debian 12's own"
	cat >apt/conf <<-END
		Dir::Etc::SourceList "$PWD/apt/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		Dir::State::Lists "$PWD/apt/lists";
		Dir::Cache "$PWD/apt";
		APT::Sandbox::User "root";
	END
	export APT_CONFIG="$PWD/apt/conf"
	apt-get -q update
}

list_suite() {
	# shellcheck disable=SC2016 # its variable, not ours
	apt-get indextargets --format 'deb $(REPO_URI) '"$1 main" \
		'Created-By: Packages' 'Codename: bookworm' 'Origin: Debian' |
		head -n 1 >apt/sources.list
	[ -s apt/sources.list ]
}

# The files that are put into a kernel, without documentation
list_in_tree() {
	cd "$top"
	git ls-files -co --exclude-standard bufflink.c bufflink.h Kbuild \
		packaging/in-tree.sh packaging/in-tree/Kconfig 'clients/*.h' \
		'clients/*Kbuild' 'clients/*Kconfig' 'clients/*bufflink_*.c' \
		tests/vm/initcalls.c
}

put_in_tree() {
	mkdir sources
	(cd build && cp -r --parents MAINTAINERS Makefile include/linux/slab.h \
		drivers/char/Kconfig drivers/char/Makefile scripts \
		Documentation/misc-devices/index.rst tools/docs \
		tools/lib/python ../sources)
	"$top/packaging/in-tree.sh" build
	cp "$here/initcalls.c" build/kernel/bufflink_initcalls.c
	echo "obj-y += bufflink_initcalls.o" >>build/kernel/Makefile
}

# Of the folder in the kernel alone, with all warnings that are off elsewhere.
look_for_warnings() {
	make -C build W=1 drivers/char/bufflink/ >warnings 2>&1 ||
		die "cannot compile bufflink in the kernel: $(cat warnings)"
}

build_kernel() {
	"$here/setup.sh" kernel
	say "downloading Debian's kernel source, $source"
	[ -z "$suite" ] || use_suite "$suite"
	fetch download_source || die "no $source to be had"
	version=$(basename linux-source-*.deb _all.deb)-${kernel#*-}-$key
	mkdir build
	dpkg-deb --fsys-tarfile linux-source-*.deb |
		tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
		xz -dc | tar -x --strip-components=1 -C build
	rm -rf ./*.deb apt
	for patch in $patches; do
		patch -s -d build -p1 <"$patch"
	done
	binary=arch/x86/boot/bzImage
	if [ "$machine" = um ]; then
		# not overriding: its Makefile asks itself for ARCH=x86, too
		echo "ARCH = um" >build/.kernelvariables
		binary=linux
	fi
	[ -z "$in_tree" ] || put_in_tree
	configure
	say "building $version (some minutes)"
	make -C build -j"$(nproc)" "${binary##*/}" modules_prepare \
		>build.log 2>&1 ||
		die "no kernel: $(grep -m 5 -i -A 5 'error' build.log)"
	[ "$machine" != um ] || write_sizes
	if [ "$in_tree" ]; then
		look_for_warnings
		mv "build/$binary" vmlinuz
		rm -rf build
	else
		remove_needless
	fi
}

# from_source PACKAGE SUITE FRAGMENT...: built anew when a fragment changes, a
# FRAGMENT being a .config, a .patch or both. SUITE is empty if it is the
# system's own.
from_source() {
	source=$1 suite=$2 configs='' patches='' in_tree=''
	shift 2
	[ "${kernel%-in-tree}" = "$kernel" ] || in_tree=$(list_in_tree)
	for fragment; do
		file=$fragments/$fragment
		[ ! -e "$file.config" ] || configs="$configs $file.config"
		[ ! -e "$file.patch" ] || patches="$patches $file.patch"
	done
	# shellcheck disable=SC2086 # lists of words
	key=$(cd "$top" && cat $configs $patches $in_tree |
		sha256sum | cut -c 1-12)
	cached "$kernel-$key" build_kernel
	ln -sfn "$(readlink "$cache/$kernel-$key")" "$cache/$kernel"
}

case $kernel in
6.1)		stock linux-image-cloud-amd64 ;;
6.12)		stock linux-image-6.12-cloud-amd64 ;;
6.1-rt)		stock linux-image-rt-amd64 ;;
6.12-rt)	stock linux-image-6.12-rt-amd64 ;;
6.1-kasan)	from_source linux-source-6.1 "" base locks kasan ;;
6.12-kcsan)	from_source linux-source-6.12 "" base kcsan ;;
6.12-rt-debug)	from_source linux-source-6.12 "" base locks rt ;;
newest)		from_source linux-source sid base ;;
newest-in-tree)	from_source linux-source sid base in-tree ;;
6.1-um)		from_source linux-source-6.1 "" um ;;
6.1-um-real)	from_source linux-source-6.1 "" um um-real ;;
*-arm64 | *-i386 | *-s390x)
		"$here/foreign.sh" "$kernel" ;;
*)		die "no recipe for kernel '$kernel', see the top of this script" ;;
esac
