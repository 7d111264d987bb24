#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Builds the Debian packages, from a copy of the tree, into build/deb. The
# packages that are needed to build the programs are added to debian/control there.
set -eu
. "$(dirname "$0")/../tests/vm/common.sh"

"$top/tests/vm/setup.sh" deb
rm -rf "$build/deb"
copy_tree "$build/deb/bufflink"
cd "$build/deb/bufflink"
packages_of_programs | tr ' ' '\n' | sort -u | sed 's/.*/ &,/' >needed
sed -i '/^Build-Depends:/r needed' debian/control
rm needed
DEB_BUILD_OPTIONS=noautodbgsym dpkg-buildpackage -us -uc -b
lintian --fail-on error,warning --show-overrides ../*.changes
say "the packages are in $build/deb:"
ls "$build"/deb/*.deb
