#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: run.sh demo|demo-NAME|shell|check|torture KERNELS CPUS [SUITE]
# All of it, from the packages to the verdict, on each kernel with each number
# of virtual CPUs: run.sh check "6.1 6.12" "2 4". Without a SUITE, those of clients/
# and of the tool have a boot of their own, and only the last kernel boots with all
# numbers of CPUs, the others with the first.
set -eu
. "$(dirname "$0")/common.sh"

target=$1 kernels=$2 cpus=$3 suite=${4-}

# A line for each, with the arguments of boot.sh.
list_boots() {
	for kernel in $kernels; do
		for n in $cpus; do
			echo "$kernel $n $script${suite:+ $suite}"
		done
	done
}

# The same for all suites. The longest come first: the last ones then end at nearly
# the same time.
list_boots_of_all_suites() {
	for kernel in $kernels; do
		echo "$kernel ${cpus%% *} $script client_*,check_t*"
	done
	for kernel in $kernels; do
		for n in $cpus; do
			case $n:$kernel in
			${cpus%% *}:* | *:${kernels##* })
				echo "$kernel $n $script check_[!t]*" ;;
			esac
		done
	done
}

# Several would print at the same time. So each is shown when it ends.
boot_several() {
	say "booting $(wc -l <"$build/boots") virtual machines," \
		"${AT_ONCE:-2} at a time; each is shown when it ends"
	# shellcheck disable=SC2016 # expanded by the shell that xargs starts
	xargs -P "${AT_ONCE:-2}" -L 1 sh -c '
		status=0
		output=$("$0/boot.sh" "$@" 2>&1) || status=1
		printf "%s\n" "$output" | flock "$0" cat
		exit $status' "$here"
}

"$here/setup.sh" "$target"
mkdir -p "$build"
lock_build
: >"$build/scores"

script=$(script_of "$target")
script=${script#tests/vm/}
for kernel in $kernels; do
	"$here/kernel.sh" "$kernel"
	"$here/build.sh" "$kernel" "$target" "$suite"
done
if [ "$target$suite" = check ] && [ "$cpus" ]; then
	list_boots_of_all_suites
else
	list_boots
fi >"$build/boots"
[ -s "$build/boots" ] || die "nothing is to be run: no kernel or no CPUs given"

rc=0
if [ "$(wc -l <"$build/boots")" = 1 ]; then
	read -r kernel n script suite <"$build/boots"
	"$here/boot.sh" "$kernel" "$n" "$script" "$suite" || rc=1
else
	boot_several <"$build/boots" || rc=1
fi

case $target in
demo* | shell)	;;
*)	count_missing "$(wc -l <"$build/boots")"
	sum_scores || rc=1 ;;
esac
exit $rc
