#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: build.sh KERNEL demo|demo-NAME|check|torture|bench
# Builds the modules for a kernel of the cache, and the tool, from copies in
# build/KERNEL: the tree stays clean, and kernels do not share objects. For check
# also the suites, for all kernels of a machine; for bench the benchmark. With
# COVERAGE=y, bufflink.ko counts which of its lines run; with WINDOWS=y, each
# step that others see may be late, see tests/windows.h.
set -eu
. "$(dirname "$0")/common.sh"

kernel=$1
out=$build/$kernel
. "$here/machine.sh"

# By content, not by time: a file that went back to an older one counts too.
copy_changed() {
	for file; do
		cmp -s "$top/$file" "$out/$file" ||
			cp "$top/$file" "$out/$file"
	done
}

# After the last #include: what is redefined there is what bufflink.c calls.
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

# What was built for a kernel of that name, but of another configuration
version=$(readlink "$cache/$kernel")
[ "$(cat "$out/version" 2>/dev/null)" = "$version" ] || rm -rf "$out"

say "building for Linux $kernel"
mkdir -p "$out/test_module" "$out/tests" "$out/userland" "$out/clients"
echo "$version" >"$out/version"
copy_changed bufflink.c bufflink.h Kbuild \
	test_module/bufflink_test.c test_module/Kbuild \
	tests/producer.c tests/producer.h tests/Kbuild \
	userland/Makefile
[ -z "${WINDOWS-}" ] || open_windows
# shellcheck disable=SC2046 # our files have plain names
copy_changed $(cd "$top" && echo userland/*.[ch] clients/*)
make_modules "$out" "" GCOV_PROFILE="${COVERAGE-}"
make_modules "$out/test_module" "$out/Module.symvers"
make_modules "$out/clients" "$out/Module.symvers"
make -C "$out/userland" --no-print-directory CC="$cc" \
	LDFLAGS=-static
if [ "$2" = check ]; then
	make_modules "$out/tests" "$out/Module.symvers"
	mkdir -p "$suites"
	# What is in clients/ is tested on x86-64 alone.
	[ "$machine" = x86_64 ] && clients='client_*.c' || clients=
	make -C "$top/tests" --no-print-directory OUT="$suites" CC="$cc" \
		CLIENTS="$clients"
	"$here/readme.sh" "$kernel"
fi
if [ "$2" = bench ]; then
	mkdir -p "$out/bench"
	# shellcheck disable=SC2046 # our files have plain names
	copy_changed $(cd "$top" &&
		echo bench/*.[ch] bench/Kbuild bench/Makefile)
	make_modules "$out/bench" "$out/Module.symvers"
	make -C "$out/bench" --no-print-directory CC="$cc" LDFLAGS=-static
fi
