#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: readme.sh KERNEL
# Follows the README as the author of a module does, far from this tree: builds
# bufflink with plain make, then a module of the README's own lines with the
# README's own command. Then the examples of Documentation/bufflink.rst. The results
# go to build/KERNEL/readme, for check_readme; with the commands that the README has
# for a machine with a kernel of its own.
set -eu
. "$(dirname "$0")/common.sh"

kernel=$1
out=$build/$kernel/readme
. "$here/machine.sh"
rst=$top/Documentation/bufflink.rst

# shellcheck disable=SC2094 # the block is not the file that has its name
from_readme() {
	block README.md "$1" >"$1"
}

# The code-block of the rst whose option says ":name: NAME"
from_rst() {
	awk -v name="$1" '
		/^[^\t]/ { wanted = 0 }
		wanted && (sub(/^\t/, "") || /^$/)
		$1 == ":name:" { wanted = $2 == name }' "$rst" | non_empty "$1"
}

non_empty() {
	cat >"$1"
	[ -s "$1" ] || die "no block $1 in bufflink.rst any more"
}

say "building the modules of the README and of bufflink.rst for Linux $kernel"
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
copy_tree "$home/bufflink"
rm -rf "$out"
mkdir -p "$home/hello" "$home/exits" "$out"

without_pahole "$home/bin"
export HOME="$home" KDIR="$cache/$kernel/build" KCFLAGS=-Werror \
	MAKEFLAGS=--no-print-directory

make -s -C "$home/bufflink"

cd "$home/hello"
from_readme hello.c
from_readme Kbuild
from_readme build
sh -eux build

cd "$home/exits"
from_rst exits.h
from_rst exits.c
from_rst read_exits.c
sed 's/hello/exits/' ../hello/Kbuild >Kbuild
sh -eux ../hello/build
# shellcheck disable=SC2086 # a list of words
$cc -Wall -Wextra -Werror -static -I ../bufflink -o read_exits read_exits.c

cp ../hello/hello.ko exits.ko read_exits "$out"
mkdir "$out/blocks"
cd "$out/blocks"
from_readme commands
from_readme load
from_readme tool
