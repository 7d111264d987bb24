#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: check.sh
# Has Spin look at every state of bufflink.pml, which must be in order, and then
# at each mistake that can be put into it, which must be found.
set -eu
. "$(dirname "$0")/../vm/common.sh"

megabytes=2000

# One thread with many records, two of them, who sleeps, and what an NMI meets.
one="-DTHREADS=1 -DNMIS=0 -DAPPENDS=5 -DPOLLERS=0 -DSIZE=3 -DWATERMARK=1"
two="-DTHREADS=2 -DNMIS=0 -DAPPENDS=2 -DPOLLERS=0 -DSIZE=2 -DWATERMARK=1"
wake="-DTHREADS=2 -DNMIS=0 -DAPPENDS=1 -DPOLLERS=1 -DSIZE=3"
nmi="-DTHREADS=1 -DNMIS=1 -DAPPENDS=2 -DPOLLERS=0 -DSIZE=2 -DWATERMARK=1"
ends="-DTHREADS=1 -DNMIS=0 -DAPPENDS=2 -DPOLLERS=1 -DSIZE=3 -DWATERMARK=2"
own="-DBOUNCE=0"
client="-DBOUNCE=1"

pass() {
	echo "ok: $*"
}

fail() {
	echo "NOT ok: $* ($PWD, $options)"
}

# verify SEARCH OPTION...: writes what the verifier says to ./out
verify() {
	search=$1
	shift
	options=$*
	work=$(mktemp -d "$build/model/XXXXXX")
	cd "$work"
	spin -a "$@" "$here/bufflink.pml" >out
	case $search in
	states)	gcc -O2 -w -DSAFETY -DMEMLIM=$megabytes -o pan pan.c
		./pan -m10000 >out ;;
	cycles)	gcc -O2 -w -DNP -DMEMLIM=$megabytes -o pan pan.c
		./pan -m10000 -l >out ;;
	esac
}

# holds SEARCH WHAT OPTION...
holds() {
	search=$1 what=$2
	shift 2
	verify "$search" "$@"
	states=$(awk '/states, stored/ { print $1 }' out)
	seconds=$(awk '/elapsed time/ { print $4 }' out)
	what="$what: $states states, $seconds s"
	if grep -q 'errors: 0' out &&
	   ! grep -Eq 'not completed|depth too small|out of memory' out; then
		pass "$what"
	else
		fail "$what: $(grep -Em 1 '^pan:1|reached|^error' out)"
	fi
}

# finds MISTAKE WORDS OPTION...: in the WORDS of the verifier
finds() {
	mistake=$1 words=$2
	shift 2
	verify states "-D$mistake" "$@"
	if grep '^pan:1' out | grep -qF "$words"; then
		pass "$mistake is found: $(sed -n 's/^pan:1: //p' out)"
	else
		fail "$mistake is not found"
	fi
}

# Two halves that take as long as each other
# shellcheck disable=SC2086 # several options in one variable
first_half() {
	holds states "one thread, own memory" $one $own
	holds states "one thread, client memory" $one $client
	holds states "two threads" $two $own
	holds states "wakeups, watermark 1" $wake -DWATERMARK=1 $own
	holds states "wakeups, watermark 2" $wake -DWATERMARK=2 $own
}

# shellcheck disable=SC2086 # several options in one variable
second_half() {
	holds states "wakeups, client memory" $wake -DWATERMARK=1 $client
	holds states "an NMI" $nmi $own
	holds cycles "nothing goes on for ever" $ends $own

	wake="$wake -DWATERMARK=3"
	wrong_byte="ring[get]==position"
	lost_wakeup="asleep"
	stuck="invalid end state"
	finds NO_RELEASE "$wrong_byte" $wake $own
	finds NO_TAIL_RELEASE "$wrong_byte" $two $own
	finds NO_RECHECK "$lost_wakeup" $wake $own
	finds KEEP_SLEEPER "violated sleeps" $wake $own
	finds NO_LAZY "$lost_wakeup" $wake $own
	finds LATE_LAZY "$lost_wakeup" $wake $own
	finds LATE_DEAD "position==head" $wake $own
	finds NO_WAKE "$stuck" $wake $own
	finds NO_BOUNCE "destroyed" $wake $client
	finds NMI_WAITS "$stuck" $nmi $own
	finds EARLY_LOOK "offered" $nmi $own
	finds TAIL_FIRST "refused" $two $own
	finds RECORDS_FIRST "offered_bytes" $nmi $own
}

"$top/tests/vm/setup.sh" model
rm -rf "$build/model"
mkdir -p "$build/model"
cd "$build/model"
rc=0
first_half >first &
first=$!
second_half >second &
wait $! || rc=1
wait $first || rc=1
cat first second
echo "$(cat first second | grep -c '^ok') passed," \
	"$(cat first second | grep -c '^NOT') failed"
[ $rc = 0 ] && ! grep -q '^NOT' first second
