#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: build.sh KERNEL demo|demo-NAME|check|torture|bench [SUITE]
# Builds the modules for a kernel of the cache, and the tool, from copies in
# build/KERNEL: the tree stays clean, and kernels do not share objects. For check
# also the suites, or those of SUITE, for all kernels of a machine; for bench the
# benchmark. With COVERAGE=y, bufflink.ko counts which of its lines run; with
# WINDOWS=y, each step that others see may be late, see tests/windows.h.
set -eu
. "$(dirname "$0")/common.sh"

kernel=$1
out=$build/$kernel
. "$here/machine.sh"

# By content, not by time: a file that went back to an older one counts too.
copy_changed() {
	for file; do
		cmp -s "$top/$file" "$out/$file" && continue
		mkdir -p "$(dirname "$out/$file")"
		cp "$top/$file" "$out/$file"
	done
}

# forget_removed FOLDER...: removes copies of files that the tree no longer has, as
# make takes all that it finds
forget_removed() {
	(cd "$out" && find "$@" -mindepth 1 \
		\( -name '*.[ch]' ! -name '*.mod.c' -o -type d \) 2>/dev/null) |
	while read -r file; do
		[ -e "$top/$file" ] ||
			rm -rf "${out:?}/${file%.?}" "${out:?}/${file%.?}".*
	done
}

# After the last #include: bufflink.c calls the functions that are redefined there.
open_windows() {
	copy_changed tests/windows.h
	awk 'FNR == NR { if (/^#include/) last = FNR; next }
	     { print }
	     FNR == last { print "#include \"tests/windows.h\"" }' \
		"$top/bufflink.c" "$top/bufflink.c" >"$out/bufflink.c"
}

# 6.12's headers know pahole and vmlinux only to add BTF, which nobody needs
make_modules() {
	make -C "$cache/$kernel/build" --no-print-directory M="$1" W=1 \
		KBUILD_EXTRA_SYMBOLS="${2-}" CONFIG_DEBUG_INFO_BTF_MODULES= \
		${3+"$3"} modules
}

# matching PATTERN,...: the names of such suites. The subshell is for set -f.
matching() (
	sources=$(find "$top/tests" "$top/clients" -name '*_*.c')
	set -f
	for source in $sources; do
		name=${source##*/}
		name=${name%.c}
		for pattern in $(echo "$1" | tr , ' '); do
			# shellcheck disable=SC2254 # a pattern
			case $name in
			$pattern)	echo "$name" ;;
			esac
		done
	done
)

# Files that were built for a kernel of that name, but of another configuration
version=$(readlink "$cache/$kernel")
[ "$(cat "$out/version" 2>/dev/null)" = "$version" ] || rm -rf "$out"

say "building for Linux $kernel"
mkdir -p "$out/test_module" "$out/tests"
forget_removed userland clients
echo "$version" >"$out/version"
copy_changed bufflink.c bufflink.h Kbuild \
	test_module/bufflink_test.c test_module/Kbuild \
	tests/producer.c tests/producer.h tests/Kbuild
[ -z "${WINDOWS-}" ] || open_windows
# shellcheck disable=SC2046 # our files have plain names
copy_changed $(cd "$top" && find userland clients -name '*.[ch]' \
	! -name '*.mod.c' -o -name Kbuild -o -name Makefile -o -name needs \
	-o -name '*.mk')
case $kernel in
*-in-tree)	;; # they are in the kernel
*)	make_modules "$out" "" GCOV_PROFILE="${COVERAGE-}"
	make_modules "$out/test_module" "$out/Module.symvers"
	make_modules "$out/clients" "$out/Module.symvers" ;;
esac
make -C "$out/userland" --no-print-directory CC="$cc" \
	LDFLAGS=-static bufflink
# The programs and the tests of clients/ are for x86-64 alone.
no_clients="CLIENTS="
if [ "$machine" = x86_64 ]; then
	no_clients=
	make -C "$out/clients" --no-print-directory CC="$cc" LDFLAGS=-static
fi
if [ "$2" = check ]; then
	make_modules "$out/tests" "$out/Module.symvers"
	mkdir -p "$suites"
	for suite in "$suites"/*_*; do
		name=${suite##*/}.c
		[ -e "$(find "$top/tests" "$top/clients" -name "$name")" ] ||
			rm -f "$suite"
	done
	wanted=$(matching "${3:-*}")
	[ "$wanted" ] || die "there is no suite $3"
	# shellcheck disable=SC2086,SC2116 # nothing, or an argument
	make -C "$top/tests" --no-print-directory OUT="$suites" CC="$cc" \
		SUITE="$(echo $wanted)" $no_clients
	mkdir -p "$out/readme"
	case $wanted in
	*check_readme*)	"$here/readme.sh" "$kernel" ;;
	esac
fi
if [ "$2" = bench ]; then
	mkdir -p "$out/bench"
	# shellcheck disable=SC2046 # our files have plain names
	copy_changed $(cd "$top" &&
		echo bench/*.[ch] bench/Kbuild bench/Makefile)
	make_modules "$out/bench" "$out/Module.symvers"
	make -C "$out/bench" --no-print-directory CC="$cc" LDFLAGS=-static
fi
