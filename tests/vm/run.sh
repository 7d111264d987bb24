#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: run.sh demo|demo-NAME|check|torture KERNELS CPUS [SUITE]
# All of it, from the packages to the verdict, on each kernel with each number
# of virtual CPUs: run.sh check "6.1 6.12" "2 4". Without a SUITE, those of clients/
# have a boot of their own, with the first of these numbers.
set -eu
. "$(dirname "$0")/common.sh"

target=$1 kernels=$2 cpus=$3 suite=${4-}
rc=0

"$here/setup.sh" "$target"
mkdir -p "$build"
lock_build
: >"$build/scores"

case $target in
check)	script=suites.sh ;;
*)	script=$target.sh ;;
esac
for kernel in $kernels; do
	"$here/kernel.sh" "$kernel"
	"$here/build.sh" "$kernel" "$target"
	for n in $cpus; do
		"$here/boot.sh" "$kernel" "$n" "$script" "$suite" || rc=1
	done
	if [ "$target$suite" = check ] && [ "$cpus" ]; then
		"$here/boot.sh" "$kernel" "${cpus%% *}" "$script" 'client_*' ||
			rc=1
	fi
done

[ -s "$build/scores" ] || die "nothing was run: no kernel or no CPUs given"
case $target in
demo*)	;;
*)	sum_scores || rc=1 ;;
esac
exit $rc
