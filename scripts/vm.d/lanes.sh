# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared by the pieces of scripts/vm
# The lanes: which emulator, which CPU, how many of them, how long at most.

# count: a named and versioned model, because `max` is whatever a QEMU can do and grows with it, and
# so would the instructions that a kernel chooses. EPYC-v1 has SVM, so that KVM runs inside, and
# neither ERMS nor FSRM: a REP string counts one per iteration, and page clearing would drown the
# code around it. Taken off is what TCG cannot do in QEMU 7.2; a later QEMU that learns it gives the
# same CPU, and one that lacks something else refuses (enforce).
# smoke: no figure is kept, so as much as TCG can do.
declare -A lane_emulator=([count]=qemu [smoke]=qemu [vm]=qemu [spr]=bochs)
# shellcheck disable=SC2054  # commas between the features
declare -A lane_cpu=(
	[count]=EPYC-v1,-erms,-fsrm,-rdseed,-sha-ni,-fxsr-opt,-misalignsse,-3dnowprefetch,-osvw,-topoext,-nrip-save,-xsavec,enforce
	[smoke]=max,+svm
	[vm]=host
	[spr]=sapphire_rapids
)
declare -A lane_accel=(
	# The virtual clock advances 1 ns an instruction, and does not wait for the host's.
	[count]="-accel tcg -icount shift=0,sleep=off"
	# One thread for all CPUs: with a thread each, kernels that patch their own code have died of it.
	[smoke]="-accel tcg,thread=single"
	[vm]="-accel kvm"
)
declare -A lane_cpus=([count]=1 [smoke]=4 [vm]=1 [spr]=1)
declare -A lane_packages=([count]=1 [smoke]=2 [vm]=1 [spr]=1)
declare -A lane_most_cpus=([count]=1 [smoke]=255 [vm]=255 [spr]=1)
declare -A lane_timeout=([count]=600 [smoke]=600 [vm]=600 [spr]=1200)
# Until the first byte on the console. Without a load it comes after 17 s in lane count, 9 s in smoke
# and 15 s in spr, from a kernel that is quiet; in vm after a second, of the kernel's decompressor.
declare -A lane_boot_timeout=([count]=300 [smoke]=300 [vm]=20 [spr]=300)
# count: on that model a kernel returns through thunks and calls through retpolines, instructions at
# every function that it does not execute on a processor with TDX.
# spr: SMM breaks with 5-level paging, XSETBV faults with AMX tiles; its TSC is no clock that
# the others could check.
# vm: a kernel that KVM does not boot is known by printing nothing; init takes the word out again.
declare -A lane_append=(
	[count]="mitigations=off"
	[spr]="no5lvl clearcpuid=amx_tile nokaslr tsc=reliable"
	[vm]="earlyprintk=serial,ttyS0,115200"
)
declare -A lane_figures=([count]=yes [smoke]=no [vm]=yes [spr]=yes)
declare -A lane_what=(
	[count]="QEMU's TCG, counting" [smoke]="QEMU's TCG" [vm]="QEMU with KVM" [spr]="Bochs"
)

# lane_check: fills what was not given, refuses what the lane cannot be given.
lane_check() {
	[ -n "${lane_emulator[$lane]:-}" ] || fail 2 "--lane '$lane': write count, smoke, vm or spr"
	cpus=${cpus:-${lane_cpus[$lane]}}
	[ "$cpus" -le "${lane_most_cpus[$lane]}" ] ||
		fail 2 "--cpus $cpus: lane $lane has ${lane_most_cpus[$lane]} at most"
	[ -n "$packages" ] || packages=$((cpus % lane_packages[$lane] ? 1 : lane_packages[$lane]))
	[ $((cpus % packages)) = 0 ] || fail 2 "--packages $packages: $cpus CPUs cannot be shared out evenly"
	[ $((cpus / packages % dies)) = 0 ] ||
		fail 2 "--dies $dies: the $((cpus / packages)) CPUs of a package cannot be shared out evenly"
	[ $((cpus / packages / dies % threads)) = 0 ] ||
		fail 2 "--threads $threads: the $((cpus / packages / dies)) CPUs of a die are no whole number of cores"
	[ "$numa" = no ] || [ "${lane_emulator[$lane]}" = qemu ] || fail 2 "--numa: lane $lane has one node"
	# QEMU tells of a die's cache by a leaf that Linux reads on Intel's CPUs alone.
	[ "$lane" != smoke ] || [ "$dies" = 1 ] || lane_cpu[smoke]=max,vendor=GenuineIntel
	timeout=${timeout:-${lane_timeout[$lane]}}
	boot_timeout=${boot_timeout:-${lane_boot_timeout[$lane]}}
	[ "$lane" != vm ] || lane_check_kvm
}

# lane_check_kernel: what is known not to boot is not waited for.
lane_check_kernel() {
	[[ $lane != spr || $kernel_release != 6.1.* ]] ||
		fail 4 "lane spr: Linux 6.1 does not get through its boot in Bochs 3.0; 6.12 does"
}

lane_check_kvm() {
	[ -e /dev/kvm ] || fail 4 "lane vm: there is no /dev/kvm here; lane count needs none"
	{ [ -r /dev/kvm ] && [ -w /dev/kvm ]; } ||
		fail 4 "lane vm: /dev/kvm may not be opened by $(id -un): add the user to its group ($(stat -c %G /dev/kvm))"
}

# Bochs draws its random numbers from the second it was started in: two VMs of one second would be
# one boot, and their runs one run. The kernel mixes its command line into the random pool first of
# all, so a seed goes there; init takes it out of what is seen, for it is no part of the set-up.
lane_seed() {
	[ "$lane" != spr ] || echo "tdcost.seed=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
}

lane_arguments() { # for the kernel
	echo "console=ttyS0 quiet panic=-1 tdcost.lane=$lane ${lane_append[$lane]:-} ${append[*]} $(lane_seed)"
}

# lane_identity: a VM under KVM is this machine, with its name and id; the others are the same
# machine wherever they run.
lane_identity() {
	local name=tdcost-$lane
	if [ "$lane" = vm ]; then
		name=$(uname -n)
		cat /etc/machine-id >"$root/etc/machine-id" 2>/dev/null || true
	fi
	echo "$name" >"$root/etc/hostname"
}
