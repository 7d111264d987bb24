#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: clients-dkms.sh VERSION
# Prints the dkms.conf of the modules of clients/, which DKMS builds in a tree of
# their own: bufflink.h, and the files that make install-client-source has put
# beside it.
set -eu
cd "$(dirname "$0")/.."
cat <<END
PACKAGE_NAME="bufflink-clients"
PACKAGE_VERSION="$1"
BUILD_DEPENDS[0]="bufflink"
END
cat <<'END'
# 6.12's headers know pahole and vmlinux only to add BTF, which nobody needs
MAKE[0]="make -C $kernel_source_dir M=$dkms_tree/$PACKAGE_NAME/$PACKAGE_VERSION/build/clients KBUILD_EXTRA_SYMBOLS=$dkms_tree/bufflink/kernel-$kernelver-$arch/bufflink.symvers CONFIG_DEBUG_INFO_BTF_MODULES= modules"
CLEAN="true"
AUTOINSTALL="yes"
END
awk '/^obj-/ {
	sub(/.*=/, "")
	folder = FILENAME
	sub(/.Kbuild$/, "", folder)
	for (i = 1; i <= NF; i++) {
		sub(/\.o$/, "", $i)
		printf "BUILT_MODULE_NAME[%d]=\"%s\"\n", n, $i
		printf "BUILT_MODULE_LOCATION[%d]=\"%s\"\n", n, folder
		printf "DEST_MODULE_LOCATION[%d]=\"/updates\"\n", n++
	}
}' clients/*/Kbuild
