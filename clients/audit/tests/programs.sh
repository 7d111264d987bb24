#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# usage: programs.sh prepare | change | NAME
# In the guest: what bufflink-audit and strace both look at, from where this shell
# enters the cgroup; what the programs need; and changes that must be found.
set -eu
export HOME=/tmp EMAIL=a@b GIT_AUTHOR_NAME=a GIT_COMMITTER_NAME=a
root=/tmp/root

prepare() {
	rm -rf /tmp/git
	mkdir -p $root/bin /etc/apt/sources.list.d /etc/apt/apt.conf.d \
		/usr/share/git-core/templates /usr/lib/python3.11/lib-dynload \
		/var/lib/dpkg \
		/var/lib/apt/lists/partial /var/cache/apt/archives/partial
	cp /bin/busybox $root/bin
	touch /etc/apt/sources.list /var/lib/dpkg/status
}

# Of the calls of threads: no thread begins, one has no mkdir(), one has another
# path, all have another result of getppid() and another address.
change() {
	sed -i -e '/(begins)/d' -e '/mkdir("\/none\/1/d' \
		-e 's,"/none/0\\n,"/none/9\\n,' \
		-e '/> getppid(/s/= [0-9]*/= 0/' \
		-e 's,> close(\([0-9]*\)<.*>),> close(3</other>),' \
		-e 's,path="/none/,path="/none,' /tmp/audited
}

case $1 in
prepare | change)
	"$1"
	exit ;;
esac
echo 0 >/sys/fs/cgroup/both/cgroup.procs
case $1 in
threads)
	/t/client_sysaudit_strace threads ;;
compat)
	/lib32/ld-linux.so.2 /lib32/libc.so.6 ;;
chroot)
	unshare -m -u -i -n -p -f chroot $root /bin/busybox sh -c '
		/bin/busybox cat /f /none || /bin/busybox id -u' ;;
python)
	/usr/bin/python3 -c 'import json; print(json.dumps({"a": [1]}))' ;;
git)
	/usr/bin/git init -q /tmp/git
	cd /tmp/git
	echo x >f
	/usr/bin/git add f
	/usr/bin/git commit -qm x ;;
apt)
	/usr/bin/apt-get -o APT::Sandbox::User=root update ;;
esac
