#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Lane smoke, in a VM in which a package, an LLC, a core and a CPU are four things, and memory is of
# two nodes.
# shellcheck source=tests/lanes/in-vm.sh
. in-vm.sh

tdcost doctor >said
check "doctor names the machine" fits "2 packages, 4 LLCs.*8 cores, 16 CPUs, 2 NUMA nodes" said
all_run "reset, memory near and far" 4 reset -p insn=memset -p region=256K -p backing=4k -p node=local,remote
all_run "reset in the kernel, memory near and far" 2 reset -p mode=kernel -p quirk=off -p region=1M -p node=local,remote
all_run "wbinvd, in every scope" 12 wbinvd -p scope=one,package,llc,core,all,turn -p op=wbinvd,none -p dirty=0
all_run "wbinvd, made dirty elsewhere" 2 wbinvd -p scope=one,package -p op=wbinvd -p dirty=10 -p by=remote
all_run "wbinvd, with a victim" 4 wbinvd -p scope=all -p op=wbinvd -p dirty=0 -p victim=core,llc,package,remote -p set=256K
all_run "stop" 7 stop -p dirty=0
end
