#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the guest: a prompt on the console, with bufflink and its example loaded.
# Variables are of the kernel's command line, see boot.sh.
# Kernel: loglevel=4
# Needs: clients
# shellcheck disable=SC2154,SC2094
tty=/dev/$(awk '{ print $NF }' /sys/class/tty/console/active)
exec <"$tty" >"$tty" 2>&1
stty sane
case ${screen-} in
[1-9]*x[1-9]*)	stty rows "${screen%x*}" columns "${screen#*x}" ;;
esac
insmod bufflink.ko
insmod bufflink_test.ko

cat <<END

Linux $(uname -r): bufflink and its example, bufflink_test, are loaded.
Try: bufflink list; cat /dev/bufflink0; ls *.ko
To leave: exit, or the keys Ctrl-A x.
END
if [ "${symbols-}" ]; then
	cd /sys/module/bufflink/sections || exit
	echo "In gdb, for the symbols of bufflink:"
	echo "add-symbol-file $symbols/bufflink.ko $(cat .text)" \
		"$(for name in .data .bss; do
			[ ! -e $name ] || echo "-s $name $(cat $name)"
		done | xargs)"
	cd - >/dev/null || exit
fi
setsid -c sh -i
