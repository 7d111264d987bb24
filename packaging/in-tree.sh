#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: in-tree.sh LINUX [PATCHES]
# Puts bufflink and the modules of clients/ into a kernel's sources, in the folder
# LINUX, in place of the files that it has put there before. With PATCHES, also
# writes its additions to the kernel into this folder, as patches with a cover
# letter. If it fails before it says that it has come so far, it has changed
# nothing.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
texts=$top/packaging/in-tree
linux=${1-} patches=${2-}
code=drivers/char/bufflink
pages=Documentation/misc-devices/bufflink

die() {
	echo >&2 "in-tree.sh: $*"
	exit 1
}

# number NAME: of the kernel's version
number() {
	sed -n "s/^$1 = \([0-9]*\)$/\1/p" "$linux/Makefile" | head -n 1
}

look_at_kernel() {
	[ "$linux" ] || die "say where a kernel's sources are: make in-tree LINUX=DIR"
	for file in Makefile MAINTAINERS scripts/unifdef.c drivers/char/Kconfig \
		    drivers/char/Makefile include/linux/slab.h \
		    Documentation/misc-devices/index.rst; do
		[ -f "$linux/$file" ] ||
			die "$linux has no $file: it is not a kernel's sources." \
			    "Headers of a kernel are not enough."
	done
	linux=$(cd "$linux" && pwd)
	version=$(number VERSION) patchlevel=$(number PATCHLEVEL)
	[ "$version" ] || die "$linux/Makefile has no VERSION"
	[ "$patchlevel" ] || die "$linux/Makefile has no PATCHLEVEL"
	version_code=$((version * 65536 + patchlevel * 256))
	[ $version_code -ge $((6 * 65536 + 256)) ] ||
		die "$linux is Linux $version.$patchlevel: bufflink needs 6.1 or later"
	cc -O1 -o "$work/unifdef" "$linux/scripts/unifdef.c" ||
		die "cannot build $linux/scripts/unifdef.c"
}

look_at_patches() {
	[ "$patches" ] || return 0
	command -v git >/dev/null || die "there is no git, which writes patches"
	! ls "$patches"/*.patch >/dev/null 2>&1 ||
		die "$patches has patches already: remove them, or name another folder"
	maintainer=$(entry_begins | sed -n 's/^M:\t//p')
	name=$(git -C "$top" config user.name) || name=${maintainer% <*}
	mail=$(git -C "$top" config user.email) ||
		mail=$(echo "$maintainer" | sed 's/.*<//; s/>//')
}

# the series

our_git() {
	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null git -C "$tree" \
		-c user.name="$name" -c user.email="$mail" "$@"
}

# commit, with the message on standard input
commit() {
	[ "$patches" ] || return 0
	our_git add -A
	our_git commit -q -s -F -
}

begin_series() {
	[ "$patches" ] || return 0
	our_git init -q -b bufflink
	our_git config branch.bufflink.description "$(cat "$texts/cover-letter")"
	echo "the kernel" | commit
	our_git tag kernel
}

write_series() {
	[ "$patches" ] || return 0
	mkdir -p "$patches"
	(cd "$patches" && pwd) >"$work/patches"
	our_git format-patch -q --cover-letter --no-signature \
		--cover-from-description=subject \
		-o "$(cat "$work/patches")" kernel
}

# additions to files of the kernel's

# edit FILE COMMAND...: by a filter that fails if it does not find the place
edit() {
	file=$1
	shift
	"$@" <"$tree/$file" >"$work/edited" ||
		die "$linux/$file is not as expected: there is no place for bufflink"
	cp "$work/edited" "$tree/$file"
}

take_out_paragraph() {
	awk -v start="$1" '
		index($0, start) == 1 { out = 1 }
		!out
		/^$/ { out = 0 }'
}

# Behind misc.o: an object that is linked later starts later, on the same level.
add_to_makefile() {
	awk '{ print }
	     /^obj-y.*[ \t]misc\.o$/ && !found++ {
		print "obj-$(CONFIG_BUFFLINK)\t\t+= bufflink/"
	     }
	     END { exit !found }'
}

add_to_kconfig() {
	awk '{ line[NR] = $0 }
	     /^endmenu$/ { last = NR }
	     END {
		for (i = 1; i <= NR; i++) {
			if (i == last)
				print "source \"drivers/char/bufflink/Kconfig\"\n"
			print line[i]
		}
		exit !last
	     }'
}

add_to_index() {
	awk '/^   [a-z]/ && $1 > "bufflink" && !found++ {
		print "   bufflink/index"
	     }
	     { print }
	     END { exit !found }'
}

# Entries have titles in capitals, in the order of the alphabet.
add_to_maintainers() {
	awk -v entry="$work/entry" '
		list && empty && /^[BC]/ && $0 > "BUFFLINK" && !found++ {
			while ((getline line <entry) > 0)
				print line
			print ""
		}
		/^Maintainers List$/ { list = 1 }
		{ print; empty = /^$/ }
		END { exit !found }'
}

# The first entry of ours, up to its files
entry_begins() {
	sed -n '/^BUFFLINK$/,/^$/{ /^F:/!{ /./p; }; }' "$top/MAINTAINERS"
}

# maintain PATTERN...: more files of ours
maintain() {
	printf 'F:\t%s\n' "$@" >>"$work/files"
	{
		entry_begins
		LC_ALL=C sort "$work/files"
	} >"$work/entry"
	edit MAINTAINERS take_out_paragraph BUFFLINK
	edit MAINTAINERS add_to_maintainers
}

take_kernel_files() {
	for file in MAINTAINERS drivers/char/Kconfig drivers/char/Makefile \
		    Documentation/misc-devices/index.rst; do
		put "$file" <"$linux/$file"
	done
	edit MAINTAINERS take_out_paragraph BUFFLINK
	edit drivers/char/Kconfig take_out_paragraph \
		'source "drivers/char/bufflink/'
	edit drivers/char/Makefile sed '/(CONFIG_BUFFLINK)/d'
	edit Documentation/misc-devices/index.rst sed '/^   bufflink\/index$/d'
}

# files of ours

# put FILE, with its text on standard input
put() {
	mkdir -p "$(dirname "$tree/$1")"
	cat >"$tree/$1"
}

# Only the code that this kernel needs, without gates for others
for_this_kernel() {
	awk -v version_code="$version_code" '
	/^#(el)?if.*LINUX_VERSION_CODE/ {
		gsub(/LINUX_VERSION_CODE/, version_code)
		while (match($0, /KERNEL_VERSION\([0-9, ]*\)/)) {
			split(substr($0, RSTART + 15, RLENGTH - 16), part, /, */)
			$0 = substr($0, 1, RSTART - 1) \
				part[1] * 65536 + part[2] * 256 + part[3] \
				substr($0, RSTART + RLENGTH)
		}
	}
	!/^#include <linux\/version.h>$/' "$1" >"$work/numbers"
	status=0
	"$work/unifdef" -t -k <"$work/numbers" || status=$?
	[ $status -le 1 ] || die "unifdef cannot read $1"
}

# Headers that programs include, too. Those of the trace are two halves of one.
is_public() {
	grep -q 'WITH Linux-syscall-note' "$1" &&
		grep -q '^#ifndef _.*_H$' "$1" && ! grep -q '^#include "' "$1"
}

# A script for sed: they are no longer beside the sources
find_public_headers() {
	for header in "$top/bufflink.h" "$top"/clients/*/bufflink_*.h; do
		! is_public "$header" ||
			echo "s,^#include \"${header##*/}\"\$,#include <linux/${header##*/}>,"
	done >"$work/includes"
}

# From 7.0 on, checkpatch wants kzalloc_obj().
put_source() {
	for_this_kernel "$1" >"$work/source"
	sed -f "$work/includes" "$work/source" |
		if grep -q 'define kzalloc_obj(' "$linux/include/linux/slab.h"; then
			sed 's/\(k[mz]alloc\)(sizeof(\(\*[a-z]*\)), GFP_KERNEL)/\1_obj(\2)/'
		else
			cat
		fi | put "$2"
}

kernel_half='/^#ifdef __KERNEL__$/,/^#endif \/\* __KERNEL__ \*\/$/'

# put_header FILE: a half for programs, and one for the kernel, if it has that
put_header() {
	name=${1##*/}
	guard=$(echo "_$name" | tr 'a-z.' 'A-Z_')
	sed "$kernel_half d; s/$guard/_UAPI_LINUX$guard/" "$1" |
		put "include/uapi/linux/$name"
	maintain "include/uapi/linux/$name"
	grep -q '__KERNEL__' "$1" || return 0
	{
		cat <<-TEXT
			/* SPDX-License-Identifier: GPL-2.0-only */
			#ifndef _LINUX$guard
			#define _LINUX$guard

			#include <uapi/linux/$name>
		TEXT
		sed -n "$kernel_half{ /__KERNEL__/!p; }" "$1"
		echo "#endif /* _LINUX$guard */"
	} | put "include/linux/$name"
	maintain "include/linux/$name"
}

# Each object has an option of its own name.
options_of() {
	sed -n 's/^obj-[^ ]* *[:+]*=//p' "$1" | tr ' ' '\n' |
		sed -n 's/\.o$//p' | tr '[:lower:]' '[:upper:]'
}

makefile() {
	awk '/^obj-/ {
		sub(/^[^ ]* *[:+]?= */, "")
		for (i = 1; i <= NF; i++) {
			name = toupper($i)
			sub(/\.O$/, "", name)
			print "obj-$(CONFIG_" name ")\t+= " $i
		}
		next
	     }
	     { print }' "$1"
}

put_bufflink() {
	put_source "$top/bufflink.c" $code/bufflink.c
	for header in "$top"/clients/*.h; do
		put_source "$header" "$code/${header##*/}"
	done
	put_header "$top/bufflink.h"
	makefile "$top/Kbuild" | put $code/Makefile
	put $code/Kconfig <"$texts/Kconfig"
	edit drivers/char/Makefile add_to_makefile
	edit drivers/char/Kconfig add_to_kconfig
	maintain "$code/*"
	commit <"$texts/bufflink-message"
}

put_documentation() {
	for file in "$top"/Documentation/ABI/testing/*; do
		sed "s/^\(KernelVersion:[ \t]*\).*/\1$version.$patchlevel/" "$file" |
			put "Documentation/ABI/testing/${file##*/}"
	done
	sed "s,kernel-doc:: bufflink\.c,kernel-doc:: $code/bufflink.c,
	     s,kernel-doc:: bufflink\.h,kernel-doc:: include/uapi/linux/bufflink.h," \
		"$top/Documentation/bufflink.rst" | put $pages/bufflink.rst
	put $pages/clients.rst <"$top/Documentation/clients.rst"
	put $pages/index.rst <"$texts/index.rst"
	edit Documentation/misc-devices/index.rst add_to_index
	maintain "Documentation/ABI/testing/*bufflink" $pages/
	commit <"$texts/documentation-message"
}

# client_message MODULE KCONFIG
client_message() {
	printf 'char: bufflink: add %s\n\n' "$1"
	awk '/^\thelp$/ { inside = 1; next }
	     inside && /^[^\t]/ { exit }
	     inside { sub(/^\t  /, ""); print }' "$2" |
		sed '/^The module is called/,$d'
}

# put_client NAME
put_client() {
	from=$top/clients/$1
	to=$code/$1
	[ -e "$from/Kconfig" ] || die "clients/$1 has no Kconfig"
	for option in $(options_of "$from/Kbuild"); do
		grep -qx "config $option" "$from/Kconfig" ||
			die "clients/$1/Kconfig has no option $option"
	done
	for file in "$from"/bufflink_*.[ch]; do
		case $file in
		*.mod.c)	continue ;;
		esac
		if is_public "$file"; then
			put_header "$file"
		else
			put_source "$file" "$to/${file##*/}"
		fi
	done
	makefile "$from/Kbuild" | put "$to/Makefile"
	for_this_kernel "$from/Kconfig" | put "$to/Kconfig"
	put "$pages/$1.rst" <"$from/README.rst"
	edit $code/Makefile sed "/^\$/i\\
obj-\$(CONFIG_BUFFLINK)	+= $1/"
	edit $code/Kconfig sed "/^endif\$/i\\
source \"$to/Kconfig\"\\

"
	maintain "$to/"
	client_message "$(options_of "$from/Kbuild" | head -n 1 |
		tr '[:upper:]' '[:lower:]')" "$from/Kconfig" | commit
}

# Headers that were put there before, as MAINTAINERS has them
old_headers() {
	sed -n '/^BUFFLINK/,/^$/s/^F:[[:blank:]]*\(include\/.*\)/\1/p' \
		"$linux/MAINTAINERS"
}

# A file that is the same is not touched: make would compile it again.
copy_into_kernel() {
	old_headers >"$work/old"
	(cd "$tree" && find . -name .git -prune -o -type f -print) |
	while IFS= read -r file; do
		cmp -s "$tree/$file" "$linux/$file" ||
			install -D -m 644 "$tree/$file" "$linux/$file"
	done
	for folder in $code $pages; do
		(cd "$linux" && find "$folder" -name '*.[ch]' ! -name '*.mod.c' \
			-o -name Kconfig -o -name Makefile -o -name '*.rst')
	done | cat - "$work/old" | while IFS= read -r file; do
		[ -e "$tree/$file" ] || rm -f "$linux/$file"
	done
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
mkdir "$tree"
look_at_kernel
look_at_patches
find_public_headers
take_kernel_files
begin_series
put_bufflink
put_documentation
for kbuild in "$top"/clients/*/Kbuild; do
	client=${kbuild%/Kbuild}
	put_client "${client##*/}"
done
echo "Putting bufflink into Linux $version.$patchlevel, in $linux"
copy_into_kernel
write_series
