#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Lane smoke, in the VM: what many CPUs do, and no figure.
# shellcheck source=tests/lanes/in-vm.sh
. in-vm.sh

check "four CPUs" [ "$(nproc)" = 4 ]
check "in two packages" [ "$(cat /sys/devices/system/cpu/cpu*/topology/physical_package_id | sort -u | wc -l)" = 2 ]
check "the lane is on the command line" fits "tdcost.lane=smoke" /proc/cmdline
check "slub_debug is on" fits "slub_debug=FZPU" /proc/cmdline
check "the command has a memory cgroup of its own" fits "^0::/command$" /proc/self/cgroup
check "debugfs, securityfs and cgroup2 are mounted" \
	[ "$(grep -cE ' (debugfs|securityfs|cgroup2) ' /proc/mounts)" = 3 ]
tdcost doctor >said
check "doctor names the machine" fits "2 packages, 2 LLCs" said
check "run refuses, for there is no clock" exits 4 tdcost run null
check "nothing was stored" [ ! -e "$TDCOST_DB" ]

for cpu in 0 3; do
	all_run "null on CPU $cpu" 1 null --cpu $cpu
done
all_run "reset, on one CPU to four" 12 reset -p insn=memset -p region=256K -p backing=4k \
	-p threads=1,2,4 -p before=evicted,dirty
all_run "reset in the kernel, early return" 2 reset -p mode=kernel -p quirk=off -p region=4M -p page=4K,4M
check "reset in the kernel without MOVDIR64B is skipped" \
	exits 4 tdcost check reset -p mode=kernel -p quirk=on -p region=4M
all_run "wbinvd, in every scope" 24 wbinvd -p scope=one,package,llc,core,all,turn -p op=wbinvd,none \
	-p dirty=0,100
all_run "wbinvd, made dirty by all" 3 wbinvd -p scope=one,package,all -p op=wbinvd -p dirty=50 -p by=all
all_run "wbinvd, made dirty by another package" 1 wbinvd -p scope=one -p op=wbinvd -p dirty=50 -p by=remote
all_run "wbinvd, with a victim" 2 wbinvd -p scope=one -p op=wbinvd -p dirty=0 -p victim=llc,remote -p set=256K
all_run "stop, by every policy" 42 stop -p flagged=0,50,100 -p redirty=0,10 -p dirty=10
tdcost list stop --json >said
check "stop was by the module" fits '"runs_here": true' said
all_run "flag, here and in the kernel" 4 flag -p mode=user,kernel -p store=off,on
all_run "flush" 4 flush -p path=out,in -p region=256K -p before=dirty -p backing=4k
variants=kvm_array,tdx_prealloc,pamt_cache,split_cache,split_batch,per_vcpu_or_vm,direct
all_run "topup, faults" 28 topup -p variant=$variants -p indirect=off,on -p threads=1,4 -p ops=256
all_run "topup, splits" 28 topup -p work=split -p variant=$variants -p split=repeat,whole -p threads=1,4 -p ops=64
all_run "topup, references" 16 topup -p work=pamt -p variant=pamt_cache,direct -p pamt=fast,lock \
	-p load=steady,burst -p threads=1,4
all_run "topup, pages by mmap" 4 topup -p source=mmap -p ops=64
all_run "teardown, threads" 24 teardown -p insn=memset -p leaf=4K,2M -p threads=1,2,4 -p vcpus=8 -p size=8M
all_run "teardown, vCPUs in the guest" 6 teardown -p insn=memset -p path=dynamic -p in_guest=0,1,3 -p size=2M
all_run "teardown, Dynamic PAMT" 24 teardown -p insn=memset -p dpamt=off,fast,lock -p threads=1,4 -p size=4M
check "who is in the guest and who tears down need a CPU each" \
	refused "in_guest=4 and threads=1 need a CPU each, and there are 4" teardown -p path=dynamic -p in_guest=4 -p insn=memset
check "a teardown without MOVDIR64B is refused" refused "this CPU has no movdir64b" teardown -p insn=movdir64b
check "KVM is there" [ -c /dev/kvm ]
all_run "vm, vCPUs" 24 vm -p mem=anon,thp,hugetlb -p vcpus=1,2,4,8 -p exit=ordered,sigkill -p size=16M
all_run "vm, the erratum mode" 6 vm -p quirk=on,off,none -p insn=memset -p vcpus=1,4 -p size=4M
all_run "vm, a co-runner, and the memory used again" 2 vm -p victim=on -p realloc=off,on -p size=4M
all_run "vm, a co-runner on the CPU on which it ends" 2 vm -p victim=same -p exit=ordered,sigkill -p size=4M
check "a guest_memfd is refused" refused "this kernel has no guest_memfd: Linux 6.8 or newer" vm -p mem=guest_memfd
case $(uname -r) in
6.1.*)
	check "so is KVM_PRE_FAULT_MEMORY" refused "this KVM has no KVM_PRE_FAULT_MEMORY" vm -p populate=prefault
	;;
*)
	# Each looks whether its pages are its own: the call alone maps anonymous memory to the zero page.
	all_run "vm, KVM_PRE_FAULT_MEMORY" 6 vm -p populate=prefault -p mem=anon,thp,hugetlb -p vcpus=1,4 -p size=4M
	;;
esac
check "without the pool's pages hugetlb is refused" refused "hugetlb-2m pool has" vm -p mem=hugetlb -p size=64M
check "and after all ends it is whole" fits "^HugePages_Free: *16$" /proc/meminfo
sources=gfp_kernel,gfp_kernel_account,gfp_atomic
all_run "topup in the kernel, faults" 84 topup -p mode=kernel -p variant=$variants -p source=$sources -p zero=off,on \
	-p threads=1,4 -p ops=64
all_run "topup in the kernel, splits" 28 topup -p mode=kernel -p work=split -p variant=$variants -p split=repeat,whole \
	-p threads=1,4 -p ops=64
all_run "topup in the kernel, references" 16 topup -p mode=kernel -p work=pamt -p variant=pamt_cache,direct \
	-p pamt=fast,lock -p load=steady,burst -p threads=1,4 -p ops=64
all_run "teardown in the kernel, both paths" 24 teardown -p mode=kernel -p quirk=off -p dpamt=off,fast,lock \
	-p order=sequential,shuffled -p leave_out=none,free -p size=4M
all_run "teardown in the kernel, huge pages" 4 teardown -p mode=kernel -p quirk=off -p leaf=4K,2M -p backing=thp -p size=4M
all_run "teardown in the kernel, kicks that reach somebody" 3 teardown -p mode=kernel -p quirk=off -p path=dynamic \
	-p in_guest=0,1,3 -p size=1M
check "teardown in the kernel without MOVDIR64B is skipped" \
	exits 4 tdcost check teardown -p mode=kernel -p quirk=on -p size=4M
all_run "offline" 3 offline --allow-disruptive -p action=offline,online,cycle -p dirty=0 -p flush=none
all_run "offline, with two flushes before" 2 offline --allow-disruptive -p action=offline,cycle -p dirty=100 -p flush=twice
check "every CPU is online again" [ "$(cat /sys/devices/system/cpu/online)" = 0-3 ]

# A run that is interrupted while its CPU is away brings it back.
tdcost check offline --allow-disruptive -p action=offline -p dirty=0 -p flush=none --blocks 1000 >&2 &
pid=$!
tries=0
until [ "$(cat /sys/devices/system/cpu/online)" != 0-3 ] || [ $tries = 2000 ]; do
	tries=$((tries + 1))
done
check "it was away" [ $tries -lt 2000 ]
kill -INT $pid
wait $pid
check "after Ctrl-C it is back" [ "$(cat /sys/devices/system/cpu/online)" = 0-3 ]

check "the module leaves" rmmod tdcost
check "without it the reason is told" exits 4 tdcost check wbinvd -p op=wbinvd
check "and stop plays with threads" exits 0 tdcost check stop
end
