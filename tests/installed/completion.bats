# SPDX-License-Identifier: GPL-2.0-only
# In the VM: what bash offers when the tab key is pressed.

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

# after WORD...: what bash offers for the last one
after() {
	COMP_WORDS=(bufflink "$@") COMP_CWORD=$# COMPREPLY=()
	compopt() { nospace=$*; }
	nospace=
	_bufflink bufflink "${!#}"
	offered=${COMPREPLY[*]}
}

@test "bash has a function for bufflink, and files where that knows nothing" {
	[ "$(complete -p bufflink)" = \
		"complete -o default -F _bufflink bufflink" ]
}

@test "first come the commands" {
	after ""
	[ "$offered" = "list stat cat watermark resize write help" ]
	after w
	[ "$offered" = "watermark write" ]
	after --
	[ "$offered" = "--help --version" ]
}

@test "each command that the tool has is offered, and no other" {
	bufflink --help | sed -n 's/.*bufflink \([a-z]*\) \[OPTION.*/\1/p' |
		sort >commands
	after help ""
	printf '%s\n' "${COMPREPLY[@]}" | sort | diff commands -
}

@test "each option that a command has is offered, and no other" {
	for command in list stat cat watermark resize write; do
		bufflink "$command" --help |
			grep -o -- ' --[a-z-]*' | tr -d ' ' | sort -u >options
		after "$command" -
		printf '%s\n' "${COMPREPLY[@]%=}" | sort | diff options -
	done
}

@test "each buffer is offered by number and by owner, to all commands but list" {
	[ "$numbers" ]
	for number in $numbers; do
		echo "$number"
		echo "bufflink_test/$(cat "/sys/class/misc/bufflink$number/name")"
	done | sort >buffers
	for command in stat cat watermark resize write; do
		after "$command" --help ""
		printf '%s\n' "${COMPREPLY[@]}" | sort | diff buffers -
	done
	after list ""
	[ "$offered" = "" ]
}

@test "an option that needs a value is not followed by a space" {
	after cat --wat
	[ "$offered $nospace" = "--watermark= -o nospace" ]
	after cat --ma
	[ "$offered $nospace" = "--mark " ]
}
