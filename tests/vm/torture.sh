#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the guest: lets stress-ng and trinity loose on a small buffer, $seconds
# each, while it is appended to from process, softirq and hardirq. They must
# have done their work, and afterwards the buffer must still do its own.
# Packages: stress-ng trinity
# Needs: /usr/bin/stress-ng /usr/bin/trinity
. ./steps.sh
PATH=$PATH:/usr/bin
seconds=${seconds:-60}
seed=${seed:-1}
slow=${slow:-1}
size=4096 record_size=64
device=/dev/bufflink0
sysfs=/sys/devices/virtual/misc/bufflink0
victims=/tmp/victims
log=/tmp/log

report() {
	echo "$*" >&3
	echo "$*"
}

# verdict STATUS SENTENCE
verdict() {
	number=$((number + 1))
	good=ok
	[ "$1" = 0 ] || good="not ok" rc=1
	report "$good $number - $torturer: $2"
}

value() {
	cat "$sysfs/$1"
}

# Nodes of the buffer under other names, and nothing else to play with.
make_victims() {
	rm -rf $victims
	mkdir $victims
	for name in bufflink0 zero random urandom; do
		cp -a $device $victims/$name
	done
	chmod 666 $victims/*
}

as_nobody() {
	su -s /bin/sh nobody -c "exec $*"
}

# For stress-ng, /dev and /sys hold nothing but the buffer: so its stressors of
# /dev/zero and /dev/urandom, which have a path of their own, are after it, too.
aim_at_buffer() {
	mknod -m 666 $victims/null c 1 3
	mkdir -p /tmp/sysfs/bufflink0
	mount --bind $sysfs /tmp/sysfs/bufflink0
	mount --rbind /tmp/sysfs /sys
	mount --bind $victims /dev
}

aim_no_more() {
	umount -l /dev /sys/bufflink0 /sys /tmp/sysfs/bufflink0
	rm $victims/null
}

# bad-ioctl runs for nobody but nobody, and only where a hang is allowed.
run_stress_ng() {
	run="timeout -s KILL $((seconds + 60 * slow))"
	run="$run stress-ng --seed $seed --timeout $seconds --metrics-brief"
	aim_at_buffer
	as_nobody "$run" --pathological --bad-ioctl 1 >>$log 2>&1 &
	$run --dev 1 --dev-file $device --sysfs 1 --splice 1 --urandom 1 \
		--dup 1 >>$log 2>&1
	status=$?
	wait $! || status=$?
	aim_no_more
	grep -E 'fail:|metrc:.*[0-9]$' $log | sed 's/^/# /' >&3
	return $status
}

# All stressors, each with bogus operations done.
stress_ng_worked() {
	awk '$2 == "metrc:" && $5 > 0 { ran[$4] }
	     END { exit !("dev" in ran && "sysfs" in ran && "splice" in ran &&
			  "urandom" in ran && "dup" in ran &&
			  "bad-ioctl" in ran) }' $log
}

calls="read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2
ioctl poll ppoll select epoll_ctl epoll_wait epoll_pwait mmap splice tee
vmsplice sendfile copy_file_range fcntl flock dup lseek newfstat ftruncate
fallocate fsync open openat close"

# In 64-bit and in 32-bit calls. SIGINT makes it print its counts.
run_trinity() {
	# shellcheck disable=SC2046,SC2086 # lists of words
	as_nobody timeout -s INT -k $((60 * slow)) "$seconds" \
		trinity -s "$seed" -l off -C 8 -V $victims \
		$(printf -- '--enable-fds=%s ' pseudo pipes epoll) \
		$(printf -- '-c %s ' $calls) >$log 2>&1
	status=$?
	tail -n 1 $log | sed 's/^/# /' >&3
	return $status
}

nobody_runs() {
	! pidof stress-ng trinity >/dev/null
}

nobody_is_left() {
	# shellcheck disable=SC2046 # a list of words
	nobody_runs || kill -9 $(pidof stress-ng trinity)
	wait_for nobody_runs
}

# Nobody reads: when records are lost and none is stored, nothing moves.
is_full() {
	bytes=$(value bytes)
	lost=$(value lost_records)
	usleep 100000
	[ "$(value bytes)" = "$bytes" ] && [ "$(value lost_records)" -gt "$lost" ]
}

# Calls of both kinds, and writes to the buffer: of other sizes than ours.
trinity_worked() {
	grep -q '^\[main\] Ran [0-9]* syscalls' $log &&
		grep -Eq '\[32BIT\] .* = [0-9]+$' $log &&
		wait_for is_full &&
		[ $(($(value records) * record_size)) != "$(value bytes)" ]
}

was_full_and_read() {
	[ "$(value lost_records)" -gt 0 ] && [ "$(value bytes)" -gt $size ]
}

bytes_read() {
	wait_for is_full && echo $(($(value bytes) - $(value used)))
}

came_through() {
	grep -aq 'known record$' /tmp/stream &&
		[ "$(wc -c </tmp/stream)" -gt $((4 * size)) ]
}

# Prints the lines that are not whole, or come too late.
bad_lines() {
	awk '!/^(process|softirq|hardirq) cpu[0-9]+ [0-9.]+ [0-9]+ *$/ ||
	     ($1 in last && $4 <= last[$1])
	     { last[$1] = $4 }'
}

# The bytes that the torturers left come first, then lines of producers, and ours.
reads_as_ever() {
	before=$(bytes_read) || return
	bufflink cat 0 >/tmp/stream &
	echo "known record" | timeout $((20 * slow)) bufflink write 0 || return
	wait_for came_through
	kill $!
	wait $!
	after=$(bytes_read) || return
	tail -c +$((size + 1)) /tmp/stream | sed '1d;$d' >/tmp/lines
	[ $((after - before)) = "$(wc -c </tmp/stream)" ] &&
		[ "$(grep -ac 'known record$' /tmp/stream)" = 1 ] &&
		grep -q hardirq /tmp/lines &&
		! grep -vx "known record" /tmp/lines | bad_lines | grep .
}

unload() {
	rmmod bufflink_test && rmmod bufflink
}

begin() {
	torturer=$1 number=0 rc=0
	report "# $torturer: begins"
	report "# $torturer: $seconds seconds, seed $seed"
	insmod /t/bufflink.ko
	insmod /t/bufflink_test.ko buffer_size=$size \
		record_size=$record_size rate=300
	make_victims
	: >$log
}

end() {
	was_full_and_read
	verdict $? "has seen the buffer full, and read from it"
	reads_as_ever
	verdict $? "leaves a buffer whose reads are as ever"
	unload
	verdict $? "leaves modules that can be unloaded"
	report "1..$number"
	report "# $torturer: ends $rc"
	[ $rc = 0 ] || worst=1
}

mkdir -p /etc
echo 'nobody:x:65534:65534::/:/bin/sh' >/etc/passwd
chmod 1777 /tmp
cd /tmp || exit
worst=0
sh /t/leaks.sh before

begin stress-ng
run_stress_ng
verdict $? "comes to its end"
nobody_is_left
verdict $? "leaves nobody behind"
stress_ng_worked
verdict $? "has done its work"
end

begin trinity
run_trinity
verdict $? "comes to its end"
nobody_is_left
verdict $? "leaves nobody behind"
trinity_worked
verdict $? "has done its work"
end

sh /t/leaks.sh after || worst=1
[ $worst = 0 ]
