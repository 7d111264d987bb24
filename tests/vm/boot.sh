#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: boot.sh KERNEL CPUS SCRIPT [SUITE]
# Boots a kernel of the cache with what build.sh made, runs SCRIPT in it (a file of
# this folder, or a path from the top of the tree), and judges: all went well only
# if every witness says so. Shows what the guest
# reports, and keeps everything in build/logs. SECONDS_PER_BOOT limits it,
# APPEND is for the kernel's command line, where NAME=VALUE is a variable of
# SCRIPT's. With ICOUNT=y an instruction takes the guest a nanosecond, exactly.
# shell.sh talks to the user on the console, for as long as the user likes. With
# GDB_PORT, the guest waits for a debugger on that port before it runs anything.
set -eu
. "$(dirname "$0")/common.sh"

kernel=$1 cpus=$2 script=$3 suite=${4-}
case $script in
*/*)	file=$top/$script ;;
*)	file=$here/$script ;;
esac
. "$here/machine.sh"
name=$(printf %s "${suite:-${script%.sh}}" | tr / _ |
	tr -dc a-z_, | cut -c 1-100)
log=$build/logs/$name-$kernel-${cpus}cpu${ICOUNT:+-icount}
nonce=$(od -An -N8 -tx8 /dev/urandom | tr -d ' ')
die_early="panic=-1 oops=panic softlockup_panic=1"
die_early="$die_early sysctl.kernel.panic_on_rcu_stall=1"

# The needs of kernels of ours: not to test a timer that comes late on a machine
# with much else to do; where they look closely, more time. Printing from a hard
# interrupt, as a kernel does that is late, is against lockdep's own rules: so
# they print errors only, and init has the rest.
options=
case $kernel in
*-kasan)	slow=10 options="kasan_multi_shot panic_on_warn=1 quiet loglevel=4" ;;
*-kcsan)	slow=10 ;;
*-rt-debug)	slow=4 options="panic_on_warn=1 quiet loglevel=4" ;;
esac
options="$options no_timer_check"
# QEMU may run code that another CPU has patched since, and the guest dies of an
# int3 (seen with 7.2). Clients patch much: probes at tracepoints. So where they
# run, all CPUs take turns on one thread, unless they have to run at the same time
# for a data race to be seen. Elsewhere, nothing is patched for a probe at a
# tracepoint that has two others, and an event makes it two: its own and the one
# that learns names.
accel=tcg
case $kernel:$script$suite in
*-kcsan:*)	;;
*client*)	accel=tcg,thread=single ;;
esac
[ "$script" != suites.sh ] || options="$options trace_event=sched:sched_switch"
limit=${SECONDS_PER_BOOT:-$((1500 * (slow > 1 ? 3 : 1)))}
options="$options $(declared Kernel "$file" | xargs)"
[ "$script" != shell.sh ] || limit=0
debugger=
if [ "${GDB_PORT-}" ]; then
	debugger="-S -gdb tcp:127.0.0.1:$GDB_PORT"
	options="$options nokaslr"
fi
harmless_taint=$((4096 | 8192))	# out of tree, not signed
splat='BUG:|WARNING:|Oops|Kernel panic|UBSAN:|KASAN:|KCSAN:|ODEBUG:'
splat="$splat|possible (circular|recursive|irq)|inconsistent lock"
splat="$splat|suspicious RCU|detected stall|soft lockup|blocked for more"
splat="$splat|general protection|list_(add|del) corruption"
splat="$splat|refcount_t:|Redzone|Poison overwritten|unreferenced object"
splat="$splat|bad unlock balance|Invalid wait context|held lock freed"
case $suite in
hostile_faults)	;; # a kernel may show where an allocation failed
*)		splat="$splat|Call Trace" ;;
esac

# With the libraries it needs, if it is a program.
copy_system() {
	for file in "$1" $(libraries "$1" 2>/dev/null); do
		mkdir -p "$root${file%/*}"
		cp -rL "$sysroot$file" "$root${file%/*}"
	done
}

compile() {
	# shellcheck disable=SC2086 # a list of words
	$cc -O2 -static -o "$root/t/$(basename "$1" .c)" "$1"
}

# provide WORD: one of those that a script or a client has after "Needs: ". A path
# is the system's; top/ is this tree, from which files go to the same folder below
# /t; out/ and suites/ have the files that were built for this kernel, and for all
# kernels of this machine; a .c file is compiled, and is beside the script; clients
# is all that those need, which are there on x86-64 alone.
provide() {
	# shellcheck disable=SC2086 # patterns
	case $1 in
	/*)		copy_system "$1" ;;
	top/*)		(cd "$top" && cp -r --parents ${1#*/} "$root/t") ;;
	out/*)		cp -r "$build/$kernel"/${1#*/} "$root/t" ;;
	suites/*)	cp -r "$suites"/${1#*/} "$root/t" ;;
	*.c)		compile "${file%/*}/$1" ;;
	clients)	[ "$machine" != x86_64 ] ||
				provide_needs "$top"/clients/*/needs ;;
	*)		die "$script needs $1: what is this?" ;;
	esac
}

provide_needs() {
	declared Needs "$@" | tr ' ' '\n' | while read -r need; do
		provide "$need"
	done
}

make_initramfs() {
	root=$log/root
	mkdir -p "$root/bin" "$root/dev" "$root/etc" "$root/proc" \
		"$root/sys" "$root/tmp" "$root/t"
	cp "$sysroot/bin/busybox" "$root/bin"
	cp "$here/init" "$root/init"
	[ -z "$machine_modules" ] || cp "$machine_modules" "$root/t"
	cp "$here"/*.sh "$root/t"
	find "$build/$kernel" -name '*.ko' -exec cp -t "$root/t" {} +
	find "$build/$kernel/userland" "$build/$kernel/clients" -type f \
		-perm -u+x -exec cp -t "$root/t" {} +
	[ "$end_reached" = 0 ] || compile "$here/qemu_exit.c"
	if [ -d "$cache/$kernel/modules" ]; then
		cp "$cache/$kernel"/modules/*.ko "$root/t"
	fi
	provide_needs "$file"
	case $machine:$script:$suite in
	*:clients/*)	mkdir -p "$root/t/${script%/*}"
			cp "$file" "$root/t/$script"
			client=${script#clients/}
			provide_needs "$top/clients/${client%%/*}/needs" ;;
	x86_64:*client_*)
			provide clients
			provide_needs "$top"/clients/*/tests/needs ;;
	esac
	(cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null) |
		gzip -1 >"$log/initramfs"
	rm -rf "$root"
}

take_place() {
	for place in $(seq "${AT_ONCE:-2}"); do
		exec 8>"$cache/vm$place.lock"
		! flock -n 8 || return 0
	done
	return 1
}

# At most AT_ONCE virtual machines run at a time, of all runs that use this cache:
# the one that waits longest is the next, or the longest boot might come last.
# Descriptor 8 keeps the place for as long as this one runs.
wait_for_turn() {
	mkdir -p "$cache"
	exec 7>"$cache/vm.queue"
	flock 7
	until take_place; do
		sleep 1
	done
	exec 7>&-
}

# The additions to an installed system are a disk of their own, mounted at /mnt by
# the only service that is not the system's.
use_disk() {
	run="mount /dev/vdb /mnt && env $variables sh /mnt/guest.sh"
	system="root=/dev/vda rw systemd.run=\"/bin/sh -c '$run'\""
}

# The first serial port is the console; the results are on standard output. If the
# user has that, and descriptor 4, for the console, they are on descriptor 3.
run_qemu() {
	console_port="-monitor none -serial file:$log/console"
	results_port=stdio
	if [ "$script" = shell.sh ]; then
		console_port="-serial chardev:console -mon console -chardev stdio"
		console_port="$console_port,id=console,mux=on,signal=off"
		console_port="$console_port,logfile=$log/console"
		results_port=file,path=/dev/fd/3
	fi
	# shellcheck disable=SC2086 # lists of words
	timeout --foreground -k 5 "$limit" $qemu \
		-display none -no-reboot -nic none \
		-accel $accel -m 2048 \
		-smp "$cpus,sockets=$cpus,cores=1,threads=1" \
		-kernel "$vmlinuz" -initrd "${initrd:-$log/initramfs}" $disks \
		-append "$parameters $system" $debugger $console_port \
		-chardev "$results_port,id=results" $ports \
		<&4 2>"$log/vm" 9>&- &
	echo $! >"$log/pid"
	wait $!
}

# The same of a kernel that is a program of this machine's.
run_um() {
	# shellcheck disable=SC2086 # a list of words
	timeout --foreground -k 5 "$limit" "$cache/$kernel/vmlinuz" mem=1G \
		initrd="$log/initramfs" uml_dir="$log" \
		con=null con0=null,fd:2 ssl=null ssl0=null,fd:3 $parameters \
		</dev/null 3>&1 >"$log/vm" 2>"$log/console" 9>&- &
	echo $! >"$log/pid"
	wait $!
}

# The bytes of a pipe go to the console, once somebody there reads it.
feed() {
	until grep -q '^READY' "$log/results"; do
		sleep 0.1
	done
	cat
	echo exit
}

# The user has the console. Descriptor 4 is a terminal, or the end of a pipe. At a
# terminal, the user may also end QEMU itself, which is its status 0.
talk() {
	feeder='' good=0
	echo 0 >"$log/status"
	: >"$log/results"
	exec 4<&0 5>&1
	if [ ! -t 0 ]; then
		good=$end_reached
		mkfifo "$log/input"
		feed <&4 >"$log/input" 9>&- &
		feeder=$!
		exec 4<"$log/input"
	fi
	{ $run 3>&1 >&5 || echo $? >"$log/status"; } |
		sed -u 's/\r$//' >"$log/results"
	[ ! "$feeder" ] || kill "$feeder" 2>/dev/null || :
	case $(cat "$log/status") in
	"$good" | "$end_reached")
		say "the VM has ended; what was on its console is in $log/console" ;;
	*)	die "the VM ended before 'exit', see $log/console: $(cat "$log/vm")" ;;
	esac
}

# Ends a VM whose guest has not said in time that it is ready.
watch_start() {
	sleep $((limit / 4 < 300 ? limit / 4 : 300))
	if ! grep -q '^READY' "$log/results"; then
		touch "$log/hung"
		kill "$(cat "$log/pid")"
	fi
}

# While a kernel boots, it changes its own code, and QEMU without KVM may go round
# in the old code for ever, or trap where the change is half done. No test has
# begun by then, so nothing is hidden if such a guest is booted again.
patching_failed() {
	[ -e "$log/hung" ] || {
		! grep -q '^READY' "$log/results" &&
			grep -aq 'int3: 0000' "$log/console"
	}
}

boot() {
	exec 4</dev/null
	for attempt in 1 2 3; do
		rm -f "$log/hung"
		echo 0 >"$log/status"
		watch_start >/dev/null 2>&1 8>&- 9>&- &
		watcher=$!
		{ $run || echo $? >"$log/status"; } |
			sed -u 's/\r$//' | tee "$log/results" | show
		kill "$watcher" 2>/dev/null || :
		patching_failed || return 0
		cp "$log/console" "$log/console.$attempt"
		say "Linux $kernel ended before a test began: see $log/console.$attempt"
	done
}

show() {
	grep -aEv --line-buffered \
		'^(ok |1\.\.|READY|VERDICT|GCDA|# .* (begins|ends))' || :
}

# KCSAN reports the kernel's own races, too, between two lines of "=". A race is
# ours if a function of ours is among the first three of either stack, and it is
# not about the clock that SRCU reads while it changes, and means to.
races_of_ours() {
	awk -v RS='=====+' '
		{ frames = ours = 0 }
		/BUG: KCSAN/ {
			n = split($0, lines, "\n")
			for (i = 1; i <= n; i++) {
				if (lines[i] ~ / (by task|by interrupt)/)
					frames = 4
				if (frames-- > 0 &&
				    lines[i] ~ /\[bufflink|\[producer/)
					ours = 1
			}
			if (/data-race in ktime_get_mono_fast_ns/)
				ours = 0
			if (!ours)	# another report may be in there
				gsub(/BUG: KCSAN/, "")
		}
		{ print }' "$log/console"
}

reports_of_ours() {
	case $kernel in
	*-kcsan)	races_of_ours ;;
	*)		cat "$log/console" ;;
	esac
}

# Prints what is wrong, nothing if all is well.
judge() {
	case $(cat "$log/status") in
	"$end_reached")	;;
	124 | 137)	echo "no end within $limit seconds; the console's last lines:"
			tail -n 15 "$log/console" ;;
	*)		echo "the VM ended too early: $(cat "$log/vm")" ;;
	esac

	# shellcheck disable=SC2046 # words
	set -- $(tail -n 1 "$log/results")
	if [ "${1-} ${2-} $#" = "VERDICT $nonce 6" ]; then
		[ "$3" = 0 ] || echo "$script failed"
		[ $(($4 & ~harmless_taint)) = 0 ] || echo "tainted kernel: $4"
		case $kernel$5 in
		*-kasan1 | *-rt-debug1)	;;
		*-kasan* | *-rt-debug*)	echo "lockdep gave up: $5" ;;
		esac
		case $kernel in
		*-kasan) grep -q no_memory_is_leaked "$log/results" ||
				echo "nobody asked for leaks" ;;
		esac
		[ "$6" = "$cpus" ] || echo "only $6 CPUs came up"
	else
		echo "no verdict from the guest"
	fi

	reports_of_ours | grep -aE -m 1 -A 30 "$splat" || :
	awk -f "$here/tap.awk" "$log/results"
}

[ "$script" = shell.sh ] || wait_for_turn
began=$(date +%s)
rm -rf "$log"
mkdir -p "$log"
say "booting Linux $kernel with $cpus CPUs for $script $suite"
variables="results=$results slow=$slow script=$script suite=$suite nonce=$nonce"
if [ "$script" = shell.sh ]; then
	[ "$machine" != um ] || die "User-Mode Linux has no shell here"
	[ ! -t 0 ] || variables="$variables screen=$(stty size | tr ' ' x)"
fi
if [ "$debugger" ]; then
	variables="$variables symbols=$build/$kernel"
	say "the guest waits for a debugger; in another terminal:"
	echo "gdb -ex 'target remote 127.0.0.1:$GDB_PORT'"
fi
parameters="console=$console $machine_options $die_early $options $variables
	${APPEND-}"
system=
case $kernel in
*-installed)	use_disk ;;
*)		make_initramfs ;;
esac
case $machine in
um)	run=run_um ;;
*)	run=run_qemu ;;
esac
trap 'kill "$(cat "$log/pid")"; exit 130' INT TERM
if [ "$script" = shell.sh ]; then
	talk
	exit
fi
boot

judge >"$log/reasons"
passed=$(grep -ac '^ok ' "$log/results") || :
failed=$(grep -ac '^not ok ' "$log/results") || :
if [ -s "$log/reasons" ]; then
	verdict=FAILED
	[ "$failed" -gt 0 ] || failed=1
	say "what is wrong:"
	cat "$log/reasons"
else
	verdict=good
fi
echo "$passed $failed" >>"$build/scores"
say "Linux $kernel with $cpus CPUs: $verdict after $(($(date +%s) - began)) s," \
	"log in $log"
[ $verdict = good ]
