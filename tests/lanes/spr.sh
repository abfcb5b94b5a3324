#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Lane spr, in the VM: a Sapphire Rapids, with the erratum and with MOVDIR64B.
# shellcheck source=tests/lanes/in-vm.sh
. in-vm.sh

check "the lane is on the command line" fits "tdcost.lane=spr" /proc/cmdline
check "the seed is not" [ "$(grep -c seed /proc/cmdline)" = 0 ]
check "family 6" fits "^cpu family.*: 6$" /proc/cpuinfo
check "model 143" fits "^model[^ ]*: 143$" /proc/cpuinfo
tdcost doctor >said
check "doctor finds the erratum in CPUID" \
	fits "^erratum X86_BUG_TDX_PW_MCE: the CPU is of a model that has it$" said
check "doctor finds MOVDIR64B" fits "^has:.* movdir64b " said
tdcost run null -p ops=1000 --rounds 2 --budget 2s >said
status=$?
check "null runs" [ $status = 0 -o $status = 5 ]
echo "boot: $(cat /proc/sys/kernel/random/boot_id)"
end
