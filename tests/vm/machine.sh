# SPDX-License-Identifier: GPL-2.0-only
# Sourced by the scripts beside it: the values that differ from machine to machine,
# for the machine of $kernel. Programs are made with $cc, linked with the libraries
# below $sysroot, and kept in $suites. $qemu is the command and its machine (no such
# thing for User-Mode Linux). Its first serial port, for the log, is the guest's
# $console; $ports adds that for the results, the guest's $results, once
# $machine_modules are loaded. It boots $vmlinuz with $initrd, which is empty if
# boot.sh is to make one, and $disks. $machine_options are for the kernel's command
# line. $end_reached is the status when the guest has ended well. All may take
# $slow times as long. With ICOUNT=y an instruction takes the guest exactly a
# nanosecond, when it has one CPU; and the time that it would idle is skipped.
# shellcheck shell=sh disable=SC2034,SC2154

machine=x86_64
vmlinuz=$cache/$kernel/vmlinuz
initrd=
disks=
sysroot=
suites=$build/suites
slow=1
case $kernel in
*-arm64 | *-i386 | *-s390x)
	machine=${kernel##*-}
	sysroot=$cache/$kernel/sysroot
	suites=$build/suites-$machine
	slow=4 ;;
*-installed)
	vmlinuz=$build/$kernel/vmlinuz
	initrd=$build/$kernel/initrd.img
	disk="format=raw,if=virtio,snapshot=on"
	disks="-drive $disk,file=$build/system"
	disks="$disks -drive $disk,file=$build/disk.image" ;;
*-um | *-um-real)
	machine=um ;;
esac
cross=
console=ttyS0
results=ttyS1
machine_options=
machine_modules=
end_reached=0			# by powering off

# The number of the mouse is among the dynamic ones of misc in 6.1. check_create
# takes all of them, and gets a splat for that one.
no_mouse=initcall_blacklist=mousedev_init

case $machine in
x86_64 | i386)
	# QEMU copies "rep movsb" byte by byte, and each look at HPET is an exit.
	# An NMI right after a cmpxchg16b had part of a pointer in its flags.
	qemu="qemu-system-x86_64 -cpu max,-erms,-cx16"
	[ -z "${ICOUNT-}" ] ||
		qemu="qemu-system-x86_64 -cpu qemu64 -icount shift=0,sleep=off"
	machine_options="tsc=reliable clocksource=tsc"
	ports="-serial chardev:results"
	ports="$ports -device isa-debug-exit,iobase=0xf4,iosize=4"
	end_reached=85 ;;	# by qemu_exit 42
arm64)
	cross=aarch64-linux-gnu-
	qemu="qemu-system-aarch64 -machine virt -cpu cortex-a57"
	ports="-device pci-serial,chardev=results"
	console=ttyAMA0
	results=ttyS0 ;;
s390x)
	cross=s390x-linux-gnu-
	qemu="qemu-system-s390x -machine s390-ccw-virtio -cpu max"
	ports="-device virtio-serial-ccw -device virtconsole,chardev=results"
	machine_modules=$cache/$kernel/virtio_console.ko
	machine_options=$no_mouse
	console=ttysclp0
	results=hvc0 ;;
um)
	console=tty0
	results=ttyS0 ;;
esac

cc=${cross}gcc${sysroot:+ --sysroot=$sysroot}
if [ "$machine" = i386 ]; then
	cc="$cc -m32 -B$sysroot/usr/lib/gcc/i686-linux-gnu/12"
	machine_options="$machine_options $no_mouse"
fi

# Another machine's dynamic linker cannot list here the needs of its programs.
libraries() {
	if [ "$sysroot" ]; then
		(cd "$sysroot" && find . -name 'ld*.so.[0-9]' \
			-o -name libc.so.6 -o -name libdl.so.2) |
			sed 's/^\.//'
	else
		ldd "$1" | grep -o '/[^ ]*'
	fi
}
