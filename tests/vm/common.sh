# SPDX-License-Identifier: GPL-2.0-only
# Sourced by the scripts beside it: where things are, and how they speak.
# shellcheck shell=sh disable=SC2034,SC2154

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here" && until [ -e bufflink.h ]; do cd ..; done && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bufflink
build=${BUILD:-$top/build}

# make's own flags are for the caller's targets, not for those made in here
unset MAKEFLAGS MFLAGS MAKELEVEL

"$top/packaging/check-paths.sh" \
	"the build folder (BUILD)" "$build" "set BUILD to another folder" \
	"the kernels (XDG_CACHE_HOME)" "$cache" \
	"set XDG_CACHE_HOME to another folder" || exit

say() {
	printf '== %s\n' "$*"
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "this needs root, and there is no sudo: $*"
	fi
}

# count_missing BOOTS: a boot that left no score has failed.
count_missing() {
	while [ "$(wc -l <"$build/scores")" -lt "$1" ]; do
		echo "0 1" >>"$build/scores"
	done
}

# Of the scores, a line with passed and failed for each boot. Fails if any did.
sum_scores() {
	awk '{ passed += $1; failed += $2 }
	     END { print passed + 0 " passed, " failed + 0 " failed"
		   exit failed > 0 }' "$build/scores"
}

# One run at a time in a build folder, which is there.
lock_build() {
	exec 9>"$build/lock"
	flock -n 9 || { say "waiting for another run in $build"; flock 9; }
}

# script_of TARGET: the script that runs in the guest, from the top of the tree
script_of() {
	case $1 in
	check)	echo tests/vm/suites.sh ;;
	demo-*)	echo "clients/${1#demo-}/demo.sh" ;;
	*/*)	echo "$1" ;;
	*)	echo "tests/vm/$1.sh" ;;
	esac
}

# declared KEY FILE...: the words after "KEY: " or "# KEY: " at the beginning of
# a line, for the needs of scripts and clients. A file may be missing.
declared() {
	key=$1
	shift
	cat "$@" 2>/dev/null | sed -n "s/^\(# \)\{0,1\}$key: //p"
}

# The Debian packages that the programs need to be built.
packages_of_programs() {
	declared Packages "$top/userland/needs" "$top"/clients/*/needs
}

# block FILE NAME: the lines of FILE after a fence that reads "```LANGUAGE NAME"
block() {
	awk -v name="$2" '
		/^```/ { inside = !inside; wanted = inside && $2 == name; next }
		wanted { print; found = 1 }
		END { exit !found }' "$top/$1" ||
		die "no block $2 in $1 any more"
}

# Twice if need be: the package lists may be missing, or too old.
fetch() {
	"$@" && return
	say "not to be had by the package lists as they are: updating them"
	mkdir -p "$cache"
	(
		flock 9		# apt would not wait for another one
		as_root apt-get -q update
	) 9>"$cache/apt.lock"
	"$@"
}

# copy_tree FOLDER: the files of the tree, as they are now, and nothing else.
copy_tree() {
	rm -rf "$1"
	mkdir -p "$1"
	git -C "$top" ls-files -co --exclude-standard -z |
		tar -C "$top" --null -cT - | tar -xC "$1"
}

# without_pahole FOLDER: from now on there is none that works, but for its version,
# which Linux 6.1's build system asks it for.
without_pahole() {
	mkdir -p "$1"
	cat >"$1/pahole" <<-'END'
		#!/bin/sh
		[ "$1" = --version ] && echo v1.24 && exit
		echo >&2 "pahole: not found"
		exit 127
	END
	chmod +x "$1/pahole"
	PATH=$1:$PATH
}

download() {
	apt-get -o APT::Sandbox::User=root download "$@"
}

# cached NAME COMMAND: COMMAND fills the current folder and sets $version, once
# and for all; a name is a link to a version, and no half entry is ever seen.
cached() {
	[ ! -e "$cache/$1" ] || return 0
	mkdir -p "$cache"
	(
		flock 9
		[ ! -e "$cache/$1" ] || exit 0
		rm -rf "$cache/$1.unpacking"
		mkdir "$cache/$1.unpacking"
		cd "$cache/$1.unpacking" || exit
		"$2"
		rm -rf "${cache:?}/$version"
		mv "$cache/$1.unpacking" "$cache/$version"
		ln -sfn "$version" "$cache/$1"
	) 9>"$cache/$1.lock"
}
