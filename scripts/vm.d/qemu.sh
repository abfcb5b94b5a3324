# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared by the pieces of scripts/vm
# QEMU: the kernel is loaded directly; console and parcel are files behind two serial ports.

qemu_prepare() {
	:
}

qemu_start() {
	# shellcheck disable=SC2086  # words
	vm_start qemu-system-x86_64 ${lane_accel[$lane]} \
		-machine pc -cpu "${lane_cpu[$lane]}${cpu_flags:+,$cpu_flags}" \
		-smp "$cpus,sockets=$packages,cores=$((cpus / packages)),threads=1" -m "$memory" \
		-nodefaults -no-user-config -display none -no-reboot \
		-kernel "$kernel_image" -initrd "$work/initrd" -append "$(lane_arguments)" \
		-chardev "file,id=console,path=$work/console" -serial chardev:console \
		-chardev "file,id=parcel,path=$work/parcel" -serial chardev:parcel
}

qemu_complaint() {
	grep -v 'warning: ' "$work/emulator.log" | head -1 | sed 's/^qemu-system-x86_64: //'
}
