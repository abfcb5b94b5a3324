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
# Each cell poisons its pages, resets them and looks at every byte.
tdcost check reset -p insn=movdir64b -p mode=user,kernel -p quirk=on,off -p region=2M -p page=4K,2M \
	-p before=evicted,dirty >table 2>&1
status=$?
cat table >&2
check "MOVDIR64B clears every byte, in user space and in the kernel" [ $status = 0 ]
check "in all 16 cells" [ "$(grep -c ' ok ' table)" = 16 ]
# The same of a teardown's pages, and that each step was done as often as it should.
tdcost check teardown -p mode=user -p insn=movdir64b -p leaf=4K,2M -p size=2M >table 2>&1
status=$?
cat table >&2
check "a teardown's resets do too, in user space" [ $status = 0 ]
check "in all 8 cells" [ "$(grep -c ' ok ' table)" = 8 ]
tdcost check teardown -p mode=kernel -p leaf=4K,2M -p backing=thp -p size=2M >table 2>&1
status=$?
cat table >&2
check "and in the kernel" [ $status = 0 ]
check "in all 8 cells there" [ "$(grep -c ' ok ' table)" = 8 ]
tdcost run reset -p insn=movdir64b -p quirk=auto -p region=256K --rounds 2 --blocks 5 --budget 2s --json >said
status=$?
check "reset is counted, and the erratum's mode follows the CPU" [ $status = 0 ]
check "quirk=auto is on" fits '"quirk": "on"' said
check "it is measured, not an analogue" fits '"kind": "measured"' said
# The whole teardown, in which each page that the erratum asks for is cleared.
tdcost check teardown -p insn=movdir64b -p quirk=on,off -p path=dynamic,teardown -p leaf=4K -p size=256K >table 2>&1
status=$?
cat table >&2
check "a teardown is replayed with MOVDIR64B" [ $status = 0 ]
check "with the erratum and without, on both paths" [ "$(grep -c ' ok ' table)" = 4 ]
echo "boot: $(cat /proc/sys/kernel/random/boot_id)"
end
