#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: style.sh
# Prints only errors, and fails if there are any.
set -eu
. "$(dirname "$0")/common.sh"

rc=0
copy=$build/style

# checkpatch is in no package but the kernel's source
unpack_checkpatch() {
	say "downloading Debian's kernel source, for its checkpatch.pl"
	fetch download linux-source-6.1 || die "no linux-source-6.1 to be had"
	say "unpacking checkpatch.pl into $cache"
	dpkg-deb --fsys-tarfile linux-source-*.deb |
		tar -xO ./usr/src/linux-source-6.1.tar.xz |
		tar -xJ --strip-components=2 \
			linux-source-6.1/scripts/checkpatch.pl \
			linux-source-6.1/scripts/const_structs.checkpatch \
			linux-source-6.1/scripts/spelling.txt
	version=$(basename linux-source-*.deb _all.deb)
	rm ./*.deb
}

# Only silence is a pass.
quietly() {
	if output=$("$@" 2>&1) && [ -z "$output" ]; then
		return
	fi
	printf '%s\n' "$output"
	say "not in order: $1"
	rc=1
}

ours() {
	git -C "$top" ls-files -co --exclude-standard -- "$@"
}

# Out of tree, one source serves several kernels. A macro that makes functions
# has its argument in their names and cannot be without it.
checkpatch_module() {
	gates=LINUX_VERSION_CODE,CONSTANT_COMPARISON
	"$cache/checkpatch/checkpatch.pl" --no-tree --strict --quiet \
		--ignore $gates,MACRO_ARG_REUSE -f "$@"
}

# X-macros, whose entries become structures, functions and texts, are no code.
checkpatch_table() {
	entries=PARENTHESIS_ALIGNMENT,SUSPECT_COMMA_SEMICOLON
	macros=COMPLEX_MACRO,TRAILING_SEMICOLON,PREFER_DEFINED_ATTRIBUTE_MACRO
	"$cache/checkpatch/checkpatch.pl" --no-tree --strict --quiet \
		--ignore $entries,$macros,MACRO_ARG_REUSE -f "$@"
}

# Programs have none of the kernel's own types and macros, and Check has names
# of its own style, END_TEST at the end of functions, and macros that checkpatch
# cannot look into.
checkpatch_program() {
	kernel_only=BIT_MACRO,EMBEDDED_FUNCTION_NAME,ENOSYS,PREFER_KERNEL_TYPES
	kernel_only=$kernel_only,PREFER_DEFINED_ATTRIBUTE_MACRO,VOLATILE
	kernel_only=$kernel_only,ARCH_DEFINES
	check=CAMELCASE,LINE_SPACING,MACRO_ARG_REUSE,NAKED_SSCANF
	printf '%s\n' Suite TCase TTest SRunner >check_types
	"$cache/checkpatch/checkpatch.pl" --no-tree --strict --quiet \
		--typedefsfile check_types --ignore $kernel_only,$check \
		-f "$@" 2>/dev/null	# it misses a kernel tree
}

kernel_doc() {
	"$cache/6.1/build/scripts/kernel-doc" -Werror -none "$@"
}

# The kernel-doc of each function for clients says where it may be called, and has
# its results.
kernel_doc_sections() {
	awk '
	/^\/\*\*$/ { name = ""; inside = 1 }
	inside && / - / && !name { name = $2; sub(/\(\)$/, "", name) }
	inside && /^ \* Context: / { context[name] = 1 }
	inside && /^ \* Return: / { returns[name] = 1 }
	/^ \*\/$/ { inside = 0 }
	/^void / { sub(/\(.*/, "", $2); returns[$2] = 1 }
	/^EXPORT_SYMBOL/ {
		gsub(/.*\(|\);/, "")
		if (!context[$0] || !returns[$0])
			print "no Context: or Return: for " $0
		found = 1
	}
	END { if (!found) print "no function is exported" }' bufflink.c
}

# Nothing in bufflink.ko prints, or calls the function tracer, and all that it
# exports is for GPL modules.
symbols() {
	nm -u bufflink.ko | grep -E 'printk|dump_stack|fentry|mcount' || :
	grep -Fv EXPORT_SYMBOL_GPL Module.symvers || :
	grep -Fq bufflink_append Module.symvers || echo "no bufflink_append"
}

# One version, wherever it is said.
versions() {
	version=$(sed -n 's/^MODULE_VERSION("\(.*\)");/\1/p' bufflink.c)
	grep -Fqx "PACKAGE_VERSION=\"$version\"" dkms.conf &&
		[ "$(dpkg-parsechangelog -S Version)" = "$version" ]
}

# A pattern that matches nothing names a file that was moved or removed.
maintainers() {
	sed -n 's/^F:\t//p' "$top/MAINTAINERS" | while IFS= read -r pattern; do
		[ "$(ours ":(glob)$pattern")" ] ||
			echo "MAINTAINERS: no file matches $pattern"
	done
}

# Each suite is in the list of promises and their tests.
suites_in_list() {
	for suite in $(ours ':(glob)tests/*_*.c' | sed 's,.*/,,; s/^check_//; s/\.c$//'); do
		grep -qw "$suite" tests/README.md ||
			echo "tests/README.md lacks $suite"
	done
}

# The README has all packages that the tool needs to be built.
build_packages() {
	block README.md commands | grep '^sudo apt-get install ' |
		tr ' ' '\n' >named
	for package in $(declared Packages userland/needs); do
		grep -Fqx "$package" named || echo "README.md lacks $package"
	done
}

# No sentence, and no name of a test, has a clause with "what" or "who" as its
# subject. A question ends in the line where it begins. The texts that are left out
# are still to be rewritten.
plain_english() {
	# shellcheck disable=SC2046 # our files have plain names
	grep -nE '(^|[^[:alpha:]])(What|Who) |START_TEST\((.*_)?wh(at|o)_' \
		$(ours ':!LICENSE' ':!tests/kernels') |
		grep -v '?$' || :
}

# A script that changes nothing plants a bug in lines that have changed since.
planted() {
	for bug in tests/planted/*.sed; do
		! sed -f "$bug" bufflink.c | cmp -s - bufflink.c ||
			echo "$bug changes nothing"
	done
}

# lacking PAGE: which of the words on standard input, a phrase a line, are not
# in the page.
lacking() {
	page=$(mandoc -T ascii -O width=200 "userland/$1" | col -bx |
		tr -s ' \n' ' ')
	while read -r phrase; do
		case $page in
		*"$phrase"*)	;;
		*)		echo "userland/$1 lacks: $phrase" ;;
		esac
	done
}

# The manual pages have each prototype, ioctl, field, file and error there is.
manual_pages() {
	mandoc -T lint -W warning userland/*.[1489] userland/libbufflink/*.3 \
		clients/*/*.[1489]
	sed '1,/ifdef __KERNEL__/d' bufflink.h | tr -s '\n\t' ' ' |
		grep -o '[a-z]* _*bufflink_[a-z_]*([^)]*);' |
		sed 's/ __/ /; s/, const char \*owner//' |
		lacking bufflink_append.9
	grep -o '^ \* \* -E[A-Z]*' bufflink.c | cut -c 6- |
		lacking bufflink_append.9
	{
		sed '/ifdef __KERNEL__/,$d' bufflink.h |
			grep -o 'BUFFLINK_[A-Z]\{2,\}\|__u64 [a-z_]*;'
		sed -n 's,.*/bufflink<N>/,,p' Documentation/ABI/testing/sysfs-*
		sed 's/ERESTARTSYS/EINTR/' Documentation/ABI/testing/dev-* |
			grep -o 'E[A-Z]\{4,\}'
	} | lacking bufflink.4
}

# options_of_help PROGRAM: a line for each, COMMAND LETTER NAME; "-" is none.
options_of_help() {
	commands=$(bash -c '. userland/bufflink.bash-completion
		"$0" --help | _bufflink_commands' "$1" | sed '/^help$/d')
	for command in "" $commands; do
		# shellcheck disable=SC2086 # none, or a word
		"$1" $command --help |
			sed -n "s/^  -\(.\), --\([a-z-]*\).*/${command:--} \1 \2/p
				s/^      --\([a-z-]*\).*/${command:--} - \1/p"
	done
}

# The same for a page, where a part about a command has its name as the title.
options_of_page() {
	awk -v program="$(basename "${1%.?}")" '
	/^\.Ss / { command = $2 == program ? $3 : "" }
	/^\.It Fl / {
		letter = "-"
		for (i = 3; i <= NF; i++) {
			if (length($i) == 1 && $(i - 1) == "Fl")
				letter = $i
			if ($i ~ /^-[a-z]/) {
				print (command ? command : "-"), letter, substr($i, 2)
				letter = "-"
			}
		}
	}' "$1"
}

# Options that a page has for no command may be those of several.
options() {
	for page in userland/bufflink.1 clients/*/bufflink-*.[18]; do
		options_of_help "${page%.?}" >in_help
		options_of_page "$page" >in_page
		awk -v page="$page" '
		FNR == NR { help[$0]; some["- " $2 " " $3]; next }
		{ of_page[$0] }
		!($0 in help) && !($0 in some) { print page ": not in --help: " $0 }
		END {
			for (option in help) {
				general = option
				sub(/^[^ ]*/, "-", general)
				if (!(option in of_page) && !(general in of_page))
					print page " lacks: " option
			}
		}' in_help in_page
	done
}

compile() {
	make -s -C "$cache/$1/build" M="$2" W=1 C=2 KCFLAGS=-Werror \
		KBUILD_EXTRA_SYMBOLS="${3-}" CONFIG_DEBUG_INFO_BTF_MODULES= \
		modules
}

compile_programs() {
	mkdir -p suites
	make -s -C tests OUT="$copy/suites" CFLAGS='-O2 -Werror'
	make -s -C userland CFLAGS='-O2 -Werror'
	make -s -C clients CFLAGS='-O2 -Werror'
	mkdir -p include/bufflink
	cp bufflink.h userland/libbufflink/libbufflink.h include/bufflink
	make -s -C userland/examples epoll uring \
		LDFLAGS="-L$copy/userland/libbufflink" \
		LDLIBS="-lbufflink -luring" \
		CFLAGS="-O2 -Wall -Wextra -Werror -I$copy/include"
	make -s -C bench CFLAGS='-O2 -Werror'
}

"$here/setup.sh" style
"$here/kernel.sh" 6.1
"$here/kernel.sh" 6.12
cached checkpatch unpack_checkpatch
copy_tree "$copy"
cd "$copy"

bench_module=$(ours 'bench/*.c' ':!bench/bench.c' ':!bench/reader.c')
# shellcheck disable=SC2046 # our files have plain names
tables=$(grep -l X-macros $(ours 'clients/*/bufflink_*.h'))
module="bufflink.c bufflink.h $(ours 'test_module/*.c' tests/producer.c)
	$(ours 'clients/*/bufflink_*.[ch]' 'clients/bufflink_*.h' |
		grep -Fvx "$tables")
	$bench_module bench/peers.h"
program=$(ours 'tests/*.[ch]' 'userland/*.[ch]' ':!tests/producer.c' \
	'clients/*.[ch]' ':!clients/*/bufflink_*' ':!clients/bufflink_*' \
	bench/bench.c bench/bench.h 'bench/reader.[ch]')
script="$(ours '*.sh' dkms.conf packaging/keep-symvers \
	userland/bufflink.bash-completion) .ci/run tests/vm/init"

# shellcheck disable=SC2046,SC2086 # our files have plain names
{
	quietly checkpatch_module $module
	quietly checkpatch_table $tables
	quietly checkpatch_program $program
	quietly kernel_doc $module $tables
	quietly shellcheck -x -P tests/vm:bench $script
	quietly codespell -L nd $(ours ':!LICENSE')
}
quietly kernel_doc_sections
quietly versions
quietly maintainers
quietly build_packages
quietly planted
quietly suites_in_list
quietly plain_english
quietly manual_pages
for kernel in 6.1 6.12; do
	quietly compile $kernel "$copy"
	quietly symbols
	quietly compile $kernel "$copy/test_module" "$copy/Module.symvers"
	quietly compile $kernel "$copy/clients" "$copy/Module.symvers"
	quietly compile $kernel "$copy/tests" "$copy/Module.symvers"
done
quietly compile 6.1 "$copy/bench" "$copy/Module.symvers"
quietly compile_programs
quietly options
quietly "$here/make.sh"
[ $rc = 0 ]
