#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the guest: what a traced getppid() and openat() cost, by tracer, as
# ratios of medians to those that nobody traces, and how many records a second the
# auditor reads. They take turns, as the host has other work; but auditd comes
# last: what it does to each task stays on until reboot. Calls that nobody traces
# are measured at the begin and at the end of each round: it fails if they differ
# by 5 %, as the host then had too much other work. With ICOUNT=y and one CPU a ns
# is an instruction, whatever else the host does.
# Packages: strace linux-perf auditd
# Needs: calls.c /usr/bin/strace /usr/bin/perf /etc/audit
# Needs: /usr/sbin/auditd /usr/sbin/auditctl
# shellcheck disable=SC3040,SC3044,SC2030,SC2031 # busybox
set -eu -o pipefail
. ./steps.sh
PATH=$PATH:/usr/bin:/usr/sbin
rounds=${rounds:-9}
costs=/tmp/costs
sysfs=/sys/class/misc/bufflink0
cpus=$(nproc)
second=$((cpus > 1 ? 2 : 1))	# the CPU of the program that reads, as a mask

# cost NAME CALLS [COMMAND...]: one round of each call, on CPU 0
cost() {
	name=$1 number=$2
	shift 2
	for call in getppid openat; do
		taskset 1 "$@" calls $call "$number" >/tmp/ns 2>/tmp/errors ||
			{ sed "s/^/# $name: /" /tmp/errors >&3; return 0; }
		echo "$call $name $(cat /tmp/ns)" >>$costs
	done
}

audit_in() {
	insmod bufflink_sysaudit.ko buffer_size=16777216 "$@"
}

# with_audit NUMBERS NAME COMMAND...: these calls audited, read by this on CPU 1
with_audit() {
	numbers=$1 name=$2
	shift 2
	audit_in calls="$numbers"
	# it says which arguments are paths
	bufflink-audit --no-wait >/dev/null
	taskset $second "$@" >/dev/null 2>/tmp/errors &
	cost "$name" 4000
	lost=$(cat $sysfs/lost_records)
	[ "$lost" = 0 ] || echo "# $name: lost $lost records" >&3
	rmmod bufflink_sysaudit
	wait $! || :
}

auditd_runs() {
	auditctl -s | grep -q '^pid [1-9]'
}

auditd_is_idle() {
	auditctl -s | grep -q '^backlog [0-9]$'
}

# Its log goes to memory. Between rounds it may catch up, and not be late.
with_auditd() {
	mkdir -p /var/log/audit /run
	ln -sfn /run /var/run
	echo root:x:0:0::/:/bin/sh >/etc/passwd
	printf '%s\n' root:x:0: adm:x:4: >/etc/group
	auditd -n &
	wait_for auditd_runs
	auditctl -b 8192
	auditctl -e 1
	auditctl -a always,exit -F arch=b64 -S getppid -S openat
	for _ in $(seq "$rounds"); do
		cost auditd 1000
		wait_for auditd_is_idle
	done
	auditctl -s | grep '^lost ' | sed 's/^/# auditd: /' >&3
}

# flat_out CALL FOR...: on both CPUs; prints the calls of each
flat_out() {
	taskset 1 calls "$@" &
	taskset $second calls "$@"
	wait $!
}

uptime_now() {
	cut -d ' ' -f 1 /proc/uptime
}

# time_of FORMAT: of reading what there is
time_of() {
	begin=$(uptime_now)
	bufflink-audit --no-wait --format="$1" -o /dev/null
	echo "$begin $(uptime_now)"
}

# The full buffers are then read as fast as can be, without the time that the
# reader takes to begin.
rate() {
	call=$1 format=$2 number=$(($3 * cpus / 2))
	audit_in calls=110,257
	begin=$(time_of "$format")
	flat_out "$call" "$number" >/dev/null
	records=$(cat $sysfs/records)
	[ "$(cat $sysfs/lost_records)" = 0 ] || echo "# $call: losses" >&3
	echo "$records $begin $(time_of "$format")" |
		awk -v what="$call, as $format" '{
			printf "# read: %-18s %8.0f records a second, " \
				"begun in %.2f s\n", what,
				$1 / ($5 - $4 - ($3 - $2)), $3 - $2 }' >&3
	rmmod bufflink_sysaudit
}

# As long as a second, with a reader that has no CPU of its own.
a_second() {
	audit_in calls=110
	bufflink-audit -o /dev/null &
	wait_for grep -q 110 /sys/module/bufflink_sysaudit/parameters/calls
	made=$(flat_out getppid for 1 | awk '{ n += $1 } END { print n }')
	echo "# a second of two CPUs: $made calls, $(cat $sysfs/records) records" \
		"stored, $(cat $sysfs/lost_records) lost, highwater $(cat $sysfs/highwater) of" \
		"$(cat $sysfs/size)" >&3
	rmmod bufflink_sysaudit
	wait $! || :
}

mount -t tracefs tracefs /sys/kernel/tracing
ifconfig lo up || :
insmod bufflink.ko
for _ in $(seq "$rounds"); do
	cost nobody 4000
	with_audit , "bufflink_sysaudit, idle filter" bufflink cat 0
	with_audit 110,257 "bufflink_sysaudit, nobody reads" true
	with_audit 110,257 "bufflink_sysaudit, bufflink-audit" bufflink-audit
	cost "strace" 300 strace -f -o /dev/null
	cost "perf trace" 2000 perf trace -o /dev/null
	cost "nobody, again" 4000
done
for format in text json audit; do
	rate getppid "$format" 50000
	rate openat "$format" 40000
done
[ "$cpus" = 1 ] || a_second
(with_auditd) >/dev/null || echo "# auditd does not run here" >&3
rmmod bufflink

# CALL NAME NS...: median of each, over that of nobody
sort -t ' ' $costs | awk '
	{
		call = $1; ns = $NF
		sub(/^[a-z]* /, ""); sub(/ [0-9.]+$/, "")
		key = call "|" $0
		all[key] = all[key] " " ns; n[key]++
		names[$0]
	}
	function median(key,  v, i, j, t) {
		split(all[key], v, " ")
		for (i = 2; i <= n[key]; i++)
			for (j = i; j > 1 && v[j] + 0 < v[j - 1] + 0; j--) {
				t = v[j]; v[j] = v[j - 1]; v[j - 1] = t
			}
		low[key] = v[1]; high[key] = v[n[key]]
		return v[int((n[key] + 1) / 2)]
	}
	function column(call, name,  key) {
		key = call "|" name
		m[key] = median(key)
		return sprintf("%9.0f ns %7.2f (%.0f to %.0f, %d)", m[key],
			m[key] / median(call "|nobody"), low[key],
			high[key], n[key])
	}
	function check(call,  again) {
		again = m[call "|nobody, again"] / m[call "|nobody"]
		if (again > 0.95 && again < 1.05)
			return
		print "# NOT VALID: nobody, again:", call, again
		bad = 1
	}
	END {
		for (name in names)
			printf "# %-34s getppid %-42s openat %s\n", name,
				column("getppid", name), column("openat", name)
		check("getppid"); check("openat")
		exit bad
	}' >/tmp/table || bad=y
sort /tmp/table >&3
[ ! "${bad-}" ]
