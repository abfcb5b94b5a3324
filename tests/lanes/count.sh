#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Lane count, in the VM: one CPU whose clock is the instructions.
# shellcheck source=tests/lanes/in-vm.sh
. in-vm.sh

check "one CPU" [ "$(nproc)" = 1 ]
check "the lane is on the command line" fits "tdcost.lane=count" /proc/cmdline
check "the CPU is the pinned model" fits "^model name.*: AMD EPYC Processor$" /proc/cpuinfo
grep ^flags /proc/cpuinfo >flags
for flag in erms fsrm; do
	check "no $flag" [ "$(grep -cw $flag flags)" = 0 ]
done
check "svm, for KVM inside" fits " svm " flags
tdcost run null -p ops=1000 --rounds 4 --budget 1s --json >said
status=$?
check "null runs" [ $status = 0 -o $status = 5 ]
# Instructions of the kernel's early return, and of memset() in user space, from which it saves.
tdcost run reset -p insn=memset -p region=1M -p backing=4k --rounds 3 --blocks 20 --budget 3s --label user >said
status=$?
check "reset by memset runs" [ $status = 0 ]
tdcost run reset -p mode=kernel -p quirk=off -p region=1M --rounds 3 --blocks 20 --budget 3s --label kernel >said
status=$?
check "the early return in the module runs" [ $status = 0 ]
check "reset in the kernel without MOVDIR64B is skipped" \
	exits 4 tdcost run reset -p mode=kernel -p quirk=on -p region=1M
# The module's topups: not first, for a kernel has things to do in the seconds behind its boot.
check "this is no root cgroup, where nothing is charged" fits "^0::/command$" /proc/self/cgroup
check "topups are counted, by variant and GFP flag" kmod_topup
check "of pages that are zeroed, too" kmod_topup flags=2 source=gfp_kernel
# Ranges of 8: the array for S-EPT pages is filled behind each fifth. Behind every second, as with 16, a median would be
# of either kind.
for work in split_repeat split_whole; do
	check "$work is counted, by variant" kmod_topup work=$work splits=8 units=80 source=gfp_kernel
done
for work in pamt_fast pamt_lock; do
	for flags in 0 32; do # one region each, or all in one
		check "$work is counted, flags $flags" \
			kmod_topup work=$work flags=$flags source=gfp_kernel
	done
done
check "what the accounting flag costs is counted" kmod_topup account units=300
tdcost run topup -p mode=kernel -p source=gfp_kernel,gfp_kernel_account --rounds 3 --blocks 20 --budget 6s \
	--label topup >said
status=$?
check "topup in the module runs" [ $status = 0 ]
# A VM of this kernel's KVM, which TCG's SVM runs: the memory that there is for it, and what is skipped.
check "KVM is there" [ -c /dev/kvm ]
check "the hugetlb pool has 32 MiB" fits "^HugePages_Free: *16$" /proc/meminfo
tdcost run vm -p mem=anon,thp,hugetlb,guest_memfd -p size=16M --rounds 3 --blocks 20 --budget 6s --label vm >said
status=$?
cat said >&2
check "vm runs" [ $status = 0 ]
check "a guest_memfd is skipped with its reason" fits "^skipped: this kernel has no guest_memfd: Linux 6.8" said
check "so is a VM with private memory" refused "this KVM has no VM type sw_protected (KVM_CAP_VM_TYPES is 0x1)" \
	vm -p type=sw_protected -p mem=guest_memfd
check "and a TD" refused "no TDX: it takes a CPU with it" vm -p type=tdx -p mem=guest_memfd -p populate=prefault
tdcost run vm -p exit=sigkill -p mem=anon,thp,hugetlb -p size=16M --rounds 3 --blocks 20 --budget 6s --label killed >said
status=$?
cat said >&2
check "killing a process that holds a VM runs" [ $status = 0 ]
tdcost run teardown -p insn=memset -p backing=4k -p size=1M --rounds 3 --blocks 20 --budget 3s --label teardown >said
status=$?
check "the replay of a teardown runs" [ $status = 0 ]
tdcost run teardown -p mode=kernel -p quirk=off -p size=1M --rounds 3 --blocks 20 --budget 3s --label teardown-kernel >said
status=$?
cat said >&2
check "and in the kernel" [ $status = 0 ]
echo "boot: $(cat /proc/sys/kernel/random/boot_id)"
end
