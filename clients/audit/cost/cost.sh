#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the guest: what a traced getppid() costs, by who traces it, as ratios of
# medians to one that nobody traces. Takes turns, as the host has other work;
# but auditd comes last: what it does to each task stays on until reboot.
# Packages: strace linux-perf auditd
# Needs: getppid.c /usr/bin/strace /usr/bin/perf /etc/audit
# Needs: /usr/sbin/auditd /usr/sbin/auditctl
# shellcheck disable=SC3040,SC3044,SC2030,SC2031 # busybox
set -eu -o pipefail
. ./steps.sh
PATH=$PATH:/usr/bin:/usr/sbin
rounds=${rounds:-31}
costs=/tmp/costs

# cost NAME CALLS [COMMAND...]: one round, on CPU 0
cost() {
	name=$1 calls=$2
	shift 2
	taskset 1 "$@" getppid "$calls" >/tmp/ns 2>/tmp/errors ||
		{ sed "s/^/# $name: /" /tmp/errors >&3; return 0; }
	echo "$name $(cat /tmp/ns)" >>$costs
}

# with_audit NUMBERS NAME COMMAND...: these calls audited, read by this on CPU 1
with_audit() {
	numbers=$1 name=$2
	shift 2
	insmod bufflink_sysaudit.ko calls="$numbers" buffer_size=16777216
	taskset 2 "$@" >/dev/null 2>/tmp/errors &
	cost "$name" 20000
	lost=$(cat /sys/class/misc/bufflink0/lost_records)
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
	auditctl -a always,exit -F arch=b64 -S getppid
	for _ in $(seq "$rounds"); do
		cost auditd 2000
		wait_for auditd_is_idle
	done
	auditctl -s | grep '^lost ' | sed 's/^/# auditd: /' >&3
}

mount -t tracefs tracefs /sys/kernel/tracing
ifconfig lo up || :
insmod bufflink.ko
for _ in $(seq "$rounds"); do
	cost nobody 20000
	with_audit , "bufflink_sysaudit, filtered out" bufflink cat 0
	with_audit 110 "bufflink_sysaudit, read by bufflink cat" bufflink cat 0
	with_audit 110 "bufflink_sysaudit, read by bufflink-audit" bufflink-audit
	cost "strace" 300 strace -f -o /dev/null
	cost "perf trace" 3000 perf trace -o /dev/null
done
(with_auditd) >/dev/null || echo "# auditd does not run here" >&3
rmmod bufflink

# NAME NS...: median of each, over that of the first
sort -t ' ' $costs | awk '
	{ ns = $NF; sub(/ [0-9.]+$/, ""); all[$0] = all[$0] " " ns; n[$0]++ }
	END {
		for (name in all) {
			split(all[name], v, " ")
			for (i = 2; i <= n[name]; i++)
				for (j = i; j > 1 && v[j] + 0 < v[j - 1] + 0; j--) {
					t = v[j]; v[j] = v[j - 1]; v[j - 1] = t
				}
			median[name] = v[int((n[name] + 1) / 2)]
			low[name] = v[1]; high[name] = v[n[name]]
		}
		for (name in median)
			printf "# %-45s %9.0f ns %8.2f  (%.0f to %.0f, %d rounds)\n",
				name, median[name],
				median[name] / median["nobody"], low[name],
				high[name], n[name]
	}' | sort >&3
