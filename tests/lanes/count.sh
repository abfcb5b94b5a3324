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
echo "boot: $(cat /proc/sys/kernel/random/boot_id)"
end
