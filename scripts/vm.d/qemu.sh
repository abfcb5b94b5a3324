# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared by the pieces of scripts/vm
# QEMU: the kernel is loaded directly; console and parcel are files behind two serial ports.

qemu_prepare() {
	:
}

# qemu_nodes: sets the array nodes to a NUMA node for each package. Its first one takes what is left
# of the memory.
qemu_nodes() {
	local node share=$((memory / packages)) size
	nodes=()
	[ "$numa" = yes ] || return 0
	for ((node = 0; node < packages; node++)); do
		size=$((node ? share : memory - share * (packages - 1)))
		nodes+=(-object "memory-backend-ram,id=node$node,size=${size}M"
			-numa "node,nodeid=$node,memdev=node$node" -numa "cpu,node-id=$node,socket-id=$node")
	done
}

qemu_start() {
	local nodes
	qemu_nodes
	# shellcheck disable=SC2086  # words
	vm_start qemu-system-x86_64 ${lane_accel[$lane]} \
		-machine pc -cpu "${lane_cpu[$lane]}${cpu_flags:+,$cpu_flags}" \
		-smp "$cpus,sockets=$packages,dies=$dies,cores=$((cpus / packages / dies / threads)),threads=$threads" \
		-m "$memory" "${nodes[@]}" \
		-nodefaults -no-user-config -display none -no-reboot \
		-kernel "$kernel_image" -initrd "$work/initrd" -append "$(lane_arguments)" \
		-chardev "file,id=console,path=$work/console" -serial chardev:console \
		-chardev "file,id=parcel,path=$work/parcel" -serial chardev:parcel
}

qemu_complaint() {
	grep -v 'warning: ' "$work/emulator.log" | head -1 | sed 's/^qemu-system-x86_64: //'
}
