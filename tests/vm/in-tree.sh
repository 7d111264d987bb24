#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: in-tree.sh
# Tests make in-tree with the newest kernel: the files that it puts there are as the
# kernel wants them, once or twice; and the kernel with all of them built in has each
# message of its boot in a buffer. The kernel stays in the cache until these files
# change.
set -eu
. "$(dirname "$0")/common.sh"

kernel=newest-in-tree
passed=0 failed=0

# it SENTENCE COMMAND...: the command prints the errors
it() {
	sentence=$1
	shift
	if "$@" >"$work/said" 2>&1; then
		passed=$((passed + 1))
		echo "ok - in-tree:$sentence"
	else
		failed=$((failed + 1))
		echo "not ok - in-tree:$sentence"
		head -n 30 "$work/said" | sed 's/^/# /'
	fi
}

# put_into NAME [PATCHES]: a folder of $work
put_into() {
	"$top/packaging/in-tree.sh" "$work/$1" ${2+"$work/$2"}
}

is_same() {
	diff -r --no-dereference "$work/$1" "$work/$2"
}

fresh() {
	rm -rf "${work:?}/$1"
	cp -r "$sources" "$work/$1"
}

puts_all() {
	fresh once
	put_into once patches || return
	for file in drivers/char/bufflink/bufflink.c include/linux/bufflink.h \
		    include/uapi/linux/bufflink.h \
		    include/linux/bufflink_evlog.h \
		    include/uapi/linux/bufflink_evlog.h \
		    include/uapi/linux/bufflink_klog.h; do
		[ -s "$work/once/$file" ] || return
		case $file in
		include/*)	grep -x "F:	$file" "$work/once/MAINTAINERS" ||
					return ;;
		esac
	done
	for client in "$top"/clients/*/Kbuild; do
		name=$(basename "${client%/Kbuild}")
		ls "$work/once/drivers/char/bufflink/$name"/bufflink_*.c &&
			[ -s "$work/once/Documentation/misc-devices/bufflink/$name.rst" ] ||
			return
	done
}

twice_is_once() {
	cp -r "$work/once" "$work/twice"
	put_into twice && is_same once twice
}

replaces_older() {
	old=$work/twice/drivers/char/bufflink
	mkdir "$old/gone"
	touch "$old/gone/gone.c" "$old/gone/Makefile" "$old/kept.o"
	echo old | tee -a "$old/bufflink.c" >>"$old/klog/Kconfig"
	touch "$work/twice/include/linux/bufflink_gone.h"
	sed -i 's/^BUFFLINK$/BUFFLINK OF OLD\nF:\tinclude\/linux\/bufflink_gone.h/' \
		"$work/twice/MAINTAINERS"
	put_into twice && rm "$old/kept.o" && rmdir "$old/gone" &&
		is_same once twice
}

patches_give_the_same() {
	fresh patched
	ls "$work"/patches/0000-cover-letter.patch || return
	for patch in "$work"/patches/000[1-9]*.patch; do
		patch -s -p1 -d "$work/patched" <"$patch" || return
	done
	is_same once patched
}

patches_are_the_same_later() {
	put_into once later || return
	for patch in "$work"/patches/*.patch; do
		later=$work/later/${patch##*/}
		sed '/^From \|^Date: /d' "$patch" >"$work/first"
		sed '/^From \|^Date: /d' "$later" | diff "$work/first" - || return
	done
}

# It ignores the same as style.sh, in tables of X-macros, too.
checkpatch_is_silent() {
	general=MACRO_ARG_REUSE,CONSTANT_COMPARISON
	table=PARENTHESIS_ALIGNMENT,SUSPECT_COMMA_SEMICOLON,COMPLEX_MACRO
	table=$table,TRAILING_SEMICOLON,PREFER_DEFINED_ATTRIBUTE_MACRO
	table=$table,MACRO_ARG_UNUSED
	rc=0
	for patch in "$work"/patches/*.patch; do
		ignored=$general
		! grep -q X-macros "$patch" || ignored=$general,$table
		"$sources/scripts/checkpatch.pl" --no-tree --strict --quiet \
			--ignore "$ignored" "$patch" || rc=1
	done
	return $rc
}

kernel_doc_is_silent() {
	cd "$work/once"
	find drivers/char/bufflink include -name '*bufflink*.[ch]' -exec \
		./scripts/kernel-doc -Werror -none {} + >"$work/doc" 2>&1
	status=$?
	cd - >/dev/null
	cat "$work/doc"
	[ $status = 0 ] && [ ! -s "$work/doc" ]
}

each_client_has_tests() {
	for client in "$top"/clients/*/Kbuild; do
		[ -e "${client%/Kbuild}/tests/built-in.sh" ] || {
			echo "no tests/built-in.sh beside $client"
			return 1
		}
	done
}

nothing_warns() {
	! grep -E 'warning:|error:' "$cache/$kernel/warnings"
}

# refuses FILE SED-SCRIPT WORD: it says so, and nothing changes
refuses() {
	fresh bad
	sed -i "$2" "$work/bad/$1"
	rm -rf "$work/before"
	cp -r "$work/bad" "$work/before"
	! put_into bad none >"$work/refusal" 2>&1 || return
	cat "$work/refusal"
	grep -q "$3" "$work/refusal" && is_same before bad &&
		[ ! -e "$work/none" ]
}

needs_places() {
	refuses MAINTAINERS '/^[BC]/d' MAINTAINERS &&
		refuses drivers/char/Makefile '/misc\.o/d' drivers/char/Makefile &&
		refuses drivers/char/Kconfig '/^endmenu/d' drivers/char/Kconfig &&
		refuses Documentation/misc-devices/index.rst '/^   /d' index.rst
}

needs_a_kernel() {
	refuses Makefile '/^VERSION/d' VERSION &&
		refuses Makefile 's/^VERSION.*/VERSION = 5/' "needs 6.1" ||
		return
	mkdir "$work/empty"
	! put_into empty 2>"$work/refusal" &&
		grep -q "not a kernel's sources" "$work/refusal" &&
		rmdir "$work/empty"
}

needs_options() {
	fresh bad
	fresh before
	copy_tree "$work/tree"
	rm "$work/tree/clients/klog/Kconfig"
	! "$work/tree/packaging/in-tree.sh" "$work/bad" 2>"$work/refusal" &&
		grep -q "clients/klog has no Kconfig" "$work/refusal" &&
		is_same before bad
}

"$here/setup.sh" kernel
"$here/kernel.sh" $kernel
sources=$cache/$kernel/sources
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

it puts_all_that_is_there puts_all
it to_do_it_twice_is_to_do_it_once twice_is_once
it files_that_were_put_there_before_are_replaced replaces_older
it the_patches_give_the_same patches_give_the_same
it the_patches_are_the_same_when_it_is_there_already patches_are_the_same_later
it checkpatch_is_silent checkpatch_is_silent
it kernel_doc_is_silent kernel_doc_is_silent
it the_compiler_does_not_warn nothing_warns
it each_client_has_tests_for_being_built_in each_client_has_tests
it without_a_place_nothing_changes needs_places
it other_folders_and_old_kernels_are_refused needs_a_kernel
it a_client_without_an_option_is_refused needs_options

rc=0
APPEND=$(declared Kernel "$top"/clients/*/tests/built-in.sh | xargs)
export APPEND
"$here/run.sh" built-in $kernel 2 || rc=1
echo "$passed $failed" >>"$build/scores"
sum_scores || rc=1
[ $rc = 0 ]
