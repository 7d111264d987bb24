#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: check.sh
# Has Spin look at every state of bufflink.pml, resize.pml, rings.pml and wakeups.pml,
# which must be in order, and then at each mistake that can be put into them, which must
# be found.
#
# bufflink.pml stands for B1 (NO_RELEASE), B2 (NO_TAIL_RELEASE, TAIL_FIRST), B4
# (QUIET_COPY), B5 (LATE_DESTROYED, LATE_CLEAR, COPYING_FIRST), B6 (EARLY_LOOK,
# RECORDS_FIRST), B7 (NO_LOCK_WAKE, LATE_JOIN), the wakeup at the end (NO_END_WAKE), a
# wakeup passed on (KEEP_WAKEUP), read_lock, bounce_lock and trylock. resize.pml
# stands for B7 (EARLY_LOOK, EARLY_TRYLOCK), B8 (DATA_FIRST, SIZE_FIRST, TURN_FIRST,
# CAPACITY_FIRST, CAPACITY_LAST, TAIL_FIRST), room granted before (KEEP_CREDIT),
# where a read must stop (NO_LIMIT), and one resize at a time (TWO_AT_ONCE).
# rings.pml, the per-CPU buffer, stands for
#   the order (B9)		EARLY_HEADS, NO_LIMIT, NO_MERGE
#   B3, ring by ring		SKIP_RING, FIRST_RING, EARLY_ARMED
#   the page			NO_PAGE_WAKEUP, QUIET_PAGE
#   another reader (B7)		NO_CONTENDED, EARLY_CONTENDED, ONE_TRY
#   a loss and its record	KEEP_PENDING, LOSE_CARRIED, NO_FOLD
#   a loss behind all (B6, B7)	TAKE_ALL, FORGET_PENDING, LATE_CLEAR, FLAG_FIRST,
#				QUIET_PENDING, EARLY_USED, NO_CATCH_UP, NO_FINISH,
#				NO_SECOND_LOOK, EARLY_LOOK
#   a resize			NO_TURN, NO_TURN_LOOK
# wakeups.pml stands for
#   look, arm, look again	TWO_LOOKS, TWO_LOOKS_POLL, NO_RECHECK (B3)
#   one wakeup a sleep		KEEP_ARMED
#   watermark and tick		NO_LAZY, LATE_LAZY, QUIET_WATERMARK
#   SIGIO			ARM_IF_EMPTY, TICK_UNLOCKED, REFUSED_WAKES
#   another reader (B7)		NO_CONTENDED, ONE_TRY
#   loss			BLIND_GETLOSS, QUIET_FAULT, NO_LOSS_LOOK, FLAG_FIRST (B6)
#   queues (B4)			LATE_JOIN, EARLY_LOOK
#   room			FORGET_REFUSED
#   exclusive waiters		NO_REARM, LATE_REARM, and STRANGERS on data_wait
#   a CPU that goes off		PARKED, QUEUE_WHEN_OFFLINE, STARTING_IS_OFFLINE,
#				NO_CPU_DEAD, NO_CPU_OFFLINE, ALWAYS_TICK
#   the end			NO_WAKE
set -eu
. "$(dirname "$0")/../vm/common.sh"

megabytes=2000

pass() {
	echo "ok: $*"
}

fail() {
	echo "NOT ok: $* ($PWD, $model, $options)"
}

# verify SEARCH OPTION...: of $model; writes the verifier's output to ./out.
# To compile it with -O2 would take longer than to run it.
verify() {
	search=$1
	shift
	options=$*
	work=$(mktemp -d "$build/model/XXXXXX")
	cd "$work"
	spin -a "$@" "$here/$model.pml" >out
	case $search in
	states)	gcc -w -DSAFETY -DMEMLIM=$megabytes -o pan pan.c
		./pan -m20000 >out ;;
	cycles)	gcc -w -DNP -DMEMLIM=$megabytes -o pan pan.c
		./pan -m20000 -l >out ;;
	esac
}

# holds SEARCH NAME OPTION...
holds() {
	search=$1 name=$2
	shift 2
	verify "$search" "$@"
	states=$(awk '/states, stored/ { print $1 }' out)
	seconds=$(awk '/elapsed time/ { print $4 }' out)
	name="$name: $states states, $seconds s"
	if grep -q 'errors: 0' out &&
	   ! grep -Eq 'not completed|depth too small|out of memory' out; then
		pass "$name"
	else
		fail "$name: $(grep -Em 1 '^pan:1|reached|^error' out)"
	fi
}

# finds MISTAKE WORDS OPTION...: in the WORDS of the verifier
finds() {
	finds_by states "$@"
}

finds_by() {
	search=$1 mistake=$2 words=$3
	shift 3
	verify "$search" "-D$mistake" "$@"
	if grep '^pan:1' out | grep -qF "$words"; then
		pass "$mistake is found: $(sed -n 's/^pan:1: //p' out)"
	else
		fail "$mistake is not found"
	fi
}

wrong_byte="ring[tail_ptr]==read"
stuck="invalid end state"
asleep="asleep"			# while something waits
silent="reported==losses"	# a loss of which nobody was told

# One thread with many records, two of them, two readers, an NMI
# shellcheck disable=SC2086 # several options in one variable
ring() {
	model=bufflink
	one="-DTHREADS=1 -DNMIS=0 -DAPPENDS=5 -DREADERS=1 -DSIZE=3"
	two="-DTHREADS=2 -DNMIS=0 -DAPPENDS=2 -DREADERS=1 -DSIZE=2"
	readers="-DTHREADS=1 -DNMIS=0 -DAPPENDS=4 -DREADERS=2 -DSIZE=3"
	few="-DTHREADS=1 -DNMIS=0 -DAPPENDS=3 -DREADERS=2 -DSIZE=3"
	stuck_reader="$few -DSTUCK=1"
	three="-DTHREADS=1 -DNMIS=0 -DAPPENDS=1 -DREADERS=3 -DSIZE=2"
	nmi="-DTHREADS=1 -DNMIS=1 -DAPPENDS=2 -DREADERS=1 -DSIZE=2"
	both="-DTHREADS=1 -DNMIS=1 -DAPPENDS=1 -DREADERS=2 -DSIZE=3"
	own="-DBOUNCE=0"
	client="-DBOUNCE=1"

	holds states "one thread, own memory" $one $own
	holds states "one thread, client memory" $one $client
	holds states "two threads" $two $own
	holds states "two readers" $readers $own
	holds states "two readers, client memory" $readers $client
	holds states "three readers" $three $own
	holds states "an NMI" $nmi $own
	holds states "an NMI, two readers" $both $own
	holds cycles "no append goes on for ever" $few $client
	holds states "a reader behind one that is stuck" $stuck_reader $own
	holds states "the same, client memory" $stuck_reader $client

	finds NO_RELEASE "$wrong_byte" $one $own
	finds NO_TAIL_RELEASE "$wrong_byte" $two $own
	finds NO_READ_LOCK "$wrong_byte" $readers $own
	finds LATE_DESTROYED "handed==head" $one $own
	finds LATE_CLEAR "handed==head" $readers $own
	finds COPYING_FIRST "handed==head" $readers $own
	holds states "no wakeup at the end, nobody stuck" -DNO_END_WAKE $few $own
	finds NO_LOCK_WAKE asleep -DNO_END_WAKE $few $own
	finds LATE_JOIN asleep $few $own
	finds NO_END_WAKE asleep $stuck_reader $own
	finds QUIET_COPY asleep $stuck_reader $own
	finds KEEP_WAKEUP asleep $three $own
	finds NO_BOUNCE "returned" $one $client
	finds NMI_WAITS "$stuck" $nmi $own
	finds EARLY_LOOK "offered" $nmi $own
	finds TAIL_FIRST "refused" $two $own
	finds RECORDS_FIRST "offered_bytes" $nmi $own
}

# shellcheck disable=SC2086 # several options in one variable
resize() {
	model=resize
	one="-DTHREADS=1 -DREADERS=1 -DAPPENDS=3 -DRESIZES=1"
	two="-DTHREADS=2 -DREADERS=1 -DAPPENDS=1 -DRESIZES=1"
	readers="-DTHREADS=1 -DREADERS=2 -DAPPENDS=2 -DRESIZES=1"
	twice="-DTHREADS=1 -DREADERS=1 -DAPPENDS=2 -DRESIZES=2"
	grow="-DFIRST=2 -DSECOND=3 -DTHIRD=1"
	shrink="-DFIRST=3 -DSECOND=2 -DTHIRD=1"
	far="-DFIRST=3 -DSECOND=1 -DTHIRD=2"
	wrong="i))]==read)"

	for sizes in "$grow" "$shrink" "$far"; do
		holds states "a resize, $sizes" $one $sizes
		holds states "two threads and a resize, $sizes" $two $sizes
		holds states "two readers and a resize, $sizes" $readers $sizes
		holds states "two resizes, $sizes" $twice $sizes
	done

	finds EARLY_LOOK "data==read_data" $one $far
	finds EARLY_TRYLOCK "data==read_data" $one $far
	finds DATA_FIRST "$wrong" $one $far
	finds SIZE_FIRST roomy $one $shrink
	finds TURN_FIRST "$wrong" $one $far
	finds CAPACITY_FIRST roomy $two $grow
	finds CAPACITY_LAST roomy $one $shrink
	finds TAIL_FIRST roomy $one $grow
	finds KEEP_CREDIT "$wrong" $one $far
	finds NO_LIMIT "$wrong" $one $far
	finds TWO_AT_ONCE freed $twice $far
}

# shellcheck disable=SC2086 # several options in one variable
rings() {
	model=rings
	order="-DREADERS=1 -DSLEEP=0"
	sleep="-DREADERS=1 -DOTHERS=1"
	edge="$order -DAPPENDS=1 -DEDGES=1"
	page="-DREADERS=1 -DOTHERS=0 -DAPPENDS=1 -DEDGES=1 -DFAULTS=1"
	signal="-DSIGNALS=1 -DAPPENDS=1 -DFAULTS=1"
	full="$order -DSIZE=1 -DOTHERS=1 -DLOSS_EDGES=1"
	alone="$order -DSIZE=1 -DOTHERS=0 -DLOSS_EDGES=1 -DAPPENDS=3"
	miss="$order -DOTHERS=0 -DLOSS_EDGES=1 -DMISSES=1"
	both="$order -DAPPENDS=1 -DRESIZES=2"
	one="$order -DRESIZES=1"
	early=before"<="taken

	holds states "two rings" $order -DAPPENDS=3 -DOTHERS=2
	holds states "two rings, two readers" \
		-DREADERS=2 -DWANT=1 -DSLEEP=0 -DOTHERS=1
	holds states "two rings, a reader sleeps" $sleep
	holds states "two rings, an edge" $edge
	holds states "a ring, an edge, a fault" $page
	holds states "two rings, SIGIO, a fault" $signal
	holds states "two rings, a loss by edge" $full
	holds states "two rings, a loss by level" $order -DSIZE=1 -DOTHERS=1 \
		-DLOSS_LEVELS=1
	holds states "a ring, losses" $alone
	holds states "a ring, a loss, a reader sleeps" \
		-DREADERS=1 -DSIZE=1 -DOTHERS=0 -DLOSS_EDGES=1
	holds states "a ring, an NMI" $miss
	holds states "two rings, both resized" $both
	holds states "two rings, one resized" $one -DOTHERS=1
	holds states "a ring, resized, a loss" $one -DOTHERS=0 -DSIZE=1 -DLOSS_EDGES=1
	holds cycles "two rings, no loss goes on for ever" $full -DAPPENDS=1

	finds EARLY_HEADS $early $order
	finds NO_LIMIT $early $order
	finds NO_MERGE $early $order
	finds SKIP_RING asleep $sleep
	finds FIRST_RING asleep $sleep
	finds EARLY_ARMED asleep $sleep
	finds NO_CONTENDED asleep $edge
	finds ONE_TRY asleep $edge
	finds EARLY_CONTENDED asleep $edge
	finds NO_PAGE_WAKEUP asleep $page
	finds QUIET_PAGE asleep $page
	finds NO_PAGE_WAKEUP asleep $signal
	finds KEEP_PENDING over $alone
	finds LOSE_CARRIED losses== $alone
	finds TAKE_ALL over $full
	finds FORGET_PENDING "$silent" $full
	finds LATE_CLEAR "$silent" $full
	finds QUIET_PENDING "$silent" $full
	finds EARLY_USED "$silent" $full
	finds NO_CATCH_UP "$silent" $full
	finds NO_SECOND_LOOK "$silent" $full
	finds EARLY_LOOK "$silent" $full
	finds_by cycles NO_FINISH "non-progress cycle" $full
	finds FLAG_FIRST "$silent" $miss
	finds NO_FOLD missed_at $miss
	finds NO_TURN "record==" $both
	finds NO_TURN_LOOK "data[0]!=read_data" $both
}

# shellcheck disable=SC2086 # several options in one variable
data() {
	model=wakeups
	tick="-DWATERMARK=2"
	readers="-DREADERS=2"
	poller="-DREADERS=1 -DPOLLERS=1"
	lower="-DREADERS=1 $tick -DTICK=0 -DLOWER=1"
	signal="-DREADERS=1 -DSIGNALS=1"
	storm="$signal -DCONTENTION=1"
	refused="-DREADERS=1 -DEDGES=1 -DCONTENTION=1"

	holds states "two readers" $readers
	holds states "two readers and a tick" $readers $tick
	holds states "a reader and a poller" $poller
	holds states "two readers and a poller" $readers -DPOLLERS=1 -DAPPENDS=1
	holds states "a reader, a poller and a tick" $poller $tick
	holds states "the watermark is lowered" $lower
	holds states "a reader and SIGIO" $signal
	holds states "a reader, SIGIO and a tick" $signal $tick
	holds states "a reader and an edge" $refused
	holds states "a reader and SIGIO, and read_lock" $storm
	holds cycles "no poll goes on for ever" -DEDGES=1 -DPOLLERS=1
	holds cycles "no signal goes on for ever" $signal $tick -DAPPENDS=1
	holds cycles "nor while another reads" $storm -DAPPENDS=1

	finds TWO_LOOKS "$asleep" $readers
	finds NO_RECHECK "$asleep" $readers
	finds KEEP_ARMED sleeps $readers
	finds NO_WAKE "$stuck" $readers
	finds TWO_LOOKS_POLL "$asleep" $poller
	finds NO_LAZY "$asleep" $poller $tick
	finds LATE_LAZY "$asleep" $poller $tick
	finds QUIET_WATERMARK "$asleep" $lower
	finds ARM_IF_EMPTY "$asleep" $signal
	finds TICK_UNLOCKED "$asleep" $signal $tick
	finds_by cycles REFUSED_WAKES "non-progress cycle" $storm -DAPPENDS=1
	finds NO_CONTENDED untold $refused
	finds ONE_TRY untold $refused
}

# shellcheck disable=SC2086 # several options in one variable
others() {
	model=wakeups
	loss="-DMISSES=1 -DSIZE=1"
	edge="$loss -DLOSS_EDGES=1"
	level="$loss -DLOSS_LEVELS=1"
	fault="$loss -DLOSS_EDGES=2 -DFAULTS=1"
	room="-DWRITERS=2 -DREADERS=1 -DCLIENTS=0 -DSIZE=2"
	exclusive="-DEXCLUSIVE=2"
	off="-DHOTPLUG=1 -DAPPENDS=1"
	reader="$off -DCLIENTS=2 -DREADERS=1"
	lazy="$reader -DWATERMARK=3"

	holds states "two clients, a loss by edge" $edge -DCLIENTS=2
	holds states "a loss by edge and by level" $edge -DLOSS_LEVELS=1
	holds states "a loss by SIGIO" $loss -DSIGNALS=1
	holds states "GETLOSS fails once of two" $fault
	holds cycles "no loss goes on for ever" $edge -DLOSS_LEVELS=1
	holds states "two writers" $room
	holds cycles "no writer goes on for ever" $room -DAPPENDS=1
	holds states "two exclusive waiters" $exclusive
	holds states "two exclusive waiters and a reader" \
		$exclusive -DREADERS=1 -DAPPENDS=1
	holds states "a CPU goes off" $reader
	holds states "a CPU goes off, and a tick" $lazy
	holds states "a CPU goes off, SIGIO" $off -DCLIENTS=2 -DSIGNALS=1
	holds states "a CPU goes off, a loss" $off $edge -DCLIENTS=2
	holds states "a CPU goes off, exclusive waiters" $off $exclusive

	early="-DEARLY=1 -DAPPENDS=1"
	for waiters in "-DREADERS=1 -DPOLLERS=1" "-DEDGES=1 -DSIGNALS=1" \
		       "$exclusive" "$room" "$edge -DLOSS_LEVELS=1"; do
		holds states "destroyed early, $waiters" $early $waiters
	done

	finds BLIND_GETLOSS "$silent" $edge
	finds BLIND_GETLOSS "$silent" $loss -DSIGNALS=1
	finds NO_LOSS_LOOK "$silent" $loss -DSIGNALS=1
	finds QUIET_FAULT "$silent" $fault
	finds FLAG_FIRST "$silent" $edge
	finds LATE_JOIN "$silent" $level
	finds LATE_JOIN room_asleep $room
	finds EARLY_LOOK room_asleep $room
	finds_by cycles FORGET_REFUSED "non-progress cycle" $room -DAPPENDS=1
	finds NO_REARM untold $exclusive
	finds LATE_REARM untold $exclusive
	finds STRANGERS=1 untold $exclusive -DAPPENDS=1
	finds PARKED "$stuck" $reader
	finds QUEUE_WHEN_OFFLINE "$stuck" $reader
	finds STARTING_IS_OFFLINE "$asleep" $reader
	finds NO_CPU_DEAD "$asleep" $reader
	finds NO_CPU_OFFLINE "$stuck" $lazy
	finds ALWAYS_TICK "$stuck" $lazy
}

"$top/tests/vm/setup.sh" model
rm -rf "$build/model"
mkdir -p "$build/model"
cd "$build/model"
{ others; rings; } >second &
second=$!
{ ring; resize; data; } >first &
first=$!
wait $first || echo "NOT: the first list ended early" >>first
wait $second || echo "NOT: the second list ended early" >>second
cat first second
echo "$(cat first second | grep -c '^ok') passed," \
	"$(cat first second | grep -c '^NOT') failed"
! grep -q '^NOT' first second
