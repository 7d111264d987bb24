#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: setup.sh demo|demo-NAME|shell|check|torture|planted|bench|kernel|MACHINE|
#	model|style|deb|installed|SCRIPT
# Installs the Debian packages that the target needs and this machine lacks. Other
# packages than those here are declared by the script for the guest, and by clients.
set -eu
. "$(dirname "$0")/common.sh"

# libelf1 is for objtool, which comes unpacked, without its dependencies
modules="gcc gcc-12 libc6-dev libelf1 xz-utils $(packages_of_programs)"
vm="qemu-system-x86 busybox-static"
suites="check libsubunit-dev liburing-dev
	$(declared Packages "$top"/clients/*/tests/needs)"
report="gnuplot-nox python3"
arm64="gcc-aarch64-linux-gnu qemu-system-arm"
s390x="gcc-s390x-linux-gnu qemu-system-misc"
kernel="gcc gcc-12 libc6-dev flex bison bc xz-utils libelf-dev libssl-dev"
kernel="$kernel patch"
model="spin gcc libc6-dev"
style="sparse perl xz-utils shellcheck codespell mandoc bsdextrautils
	dpkg-dev"
deb="dpkg-dev gcc libc6-dev debhelper dh-dkms lintian $(packages_of_programs)"

case ${1-} in
shell)	packages="$modules $vm" ;;
check)	packages="$modules $vm $suites" ;;
planted)	packages="$modules $vm $suites" ;;
bench)	packages="$modules $vm $report" ;;
kernel)	packages="$kernel" ;;
arm64)	packages="$arm64" ;;
i386)	packages="" ;;
s390x)	packages="$s390x" ;;
model)	packages="$model" ;;
style)	packages="$modules $suites $style" ;;
deb)	packages="$deb" ;;
installed)	packages="$deb $modules $vm $suites git debootstrap" ;;
*)	script=$top/$(script_of "${1-}")
	[ -e "$script" ] || die "unknown target '${1-}', see the top of this script"
	packages="$modules $vm $(declared Packages "$script")" ;;
esac

is_installed() {
	dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null |
		grep -q '^installed$'
}

missing=
for package in $packages; do
	is_installed "$package" || missing="$missing $package"
done
[ "$missing" ] || exit 0

say "installing packages for '$1':$missing"
as_root sh -c "apt-get -q update &&
	DEBIAN_FRONTEND=noninteractive \\
	apt-get -q -y --no-install-recommends install$missing"
