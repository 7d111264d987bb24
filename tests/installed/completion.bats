# SPDX-License-Identifier: GPL-2.0-only
# In the VM: the words that bash offers when the tab key is pressed.
. ./common.bash

setup_file() {
	modprobe bufflink_test buffers=2
}

teardown_file() {
	rmmod bufflink_test
}

setup() {
	. /usr/share/bash-completion/completions/bufflink
	cd "$BATS_TEST_TMPDIR"
	numbers=$(find /sys/class/misc/ -name 'bufflink[0-9]*' |
		sed 's/.*bufflink//' | sort | xargs)
}

# after WORD...: the words that bash offers for the last one
after() {
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	compopt() { nospace=$*; }
	nospace=
	_bufflink "$1" "${!#}"
	offered=${COMPREPLY[*]}
}

offered_lines() {
	printf '%s\n' "${COMPREPLY[@]}" | sort
}

# The commands of a program, as its manual page has them
commands_of() {
	zcat -f "$(man -w "$1")" | sed -n '/^.Sh SYNOPSIS/,/^.Sh DESCRIPTION/{
		/^.Nm/{ n; s/^.Cm \([a-z]*\)$/\1/p; }; }' | sort -u
}

@test "bash has a function for bufflink, and files where that knows nothing" {
	[ "$(complete -p bufflink)" = \
		"complete -o default -F _bufflink bufflink" ]
}

@test "first come the commands" {
	after bufflink ""
	[ "$offered" = "list stat cat watermark resize write help" ]
	after bufflink w
	[ "$offered" = "watermark write" ]
	after bufflink --
	[ "$offered" = "--help --version" ]
	after bufflink-trace ""
	[ "$offered" = "record list status help" ]
}

@test "each command that a program has is offered, and no other" {
	for program in bufflink $(programs_of_clients); do
		commands_of $program >commands
		[ -s commands ] || continue
		after $program ""
		offered_lines | diff commands -
	done
}

@test "help is offered each command that has one, and no other" {
	commands_of bufflink | grep -vx help >commands
	after bufflink help ""
	offered_lines | diff commands -
}

@test "each option of each program and command is offered, and no other" {
	for program in bufflink $(programs_of_clients); do
		for command in "" $(commands_of $program | grep -vx help); do
			$program $command --help |
				grep -o -- ' --[a-z][a-z-]*' | tr -d ' ' |
				sort -u >options
			after $program $command -
			COMPREPLY=("${COMPREPLY[@]%=}")
			offered_lines | diff options -
		done
	done
}

@test "each buffer is offered by number and by owner where one is asked for" {
	[ "$numbers" ]
	for number in $numbers; do
		echo "$number"
		echo "bufflink_test/$(cat "/sys/class/misc/bufflink$number/name")"
	done | sort >buffers
	for command in stat cat watermark resize write; do
		after bufflink $command --help ""
		offered_lines | diff buffers -
	done
	after bufflink-klog --help ""
	offered_lines | diff buffers -
	for words in "bufflink list" "bufflink-audit" "bufflink-trace record"; do
		after $words ""
		[ "$offered" = "" ]
	done
}

@test "an option that needs a value is not followed by a space" {
	after bufflink cat --wat
	[ "$offered $nospace" = "--watermark= -o nospace" ]
	after bufflink cat --ma
	[ "$offered $nospace" = "--mark " ]
	after bufflink-trace record --ev
	[ "$offered $nospace" = "--events= -o nospace" ]
}
