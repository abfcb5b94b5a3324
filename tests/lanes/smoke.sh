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
for cpu in 0 3; do
	tdcost run null -p ops=1000 --rounds 2 --budget 2s --cpu $cpu >said
	status=$?
	check "null runs on CPU $cpu" [ $status = 0 -o $status = 5 ]
done
online=/sys/devices/system/cpu/cpu3/online
echo 0 >$online
check "a CPU goes offline" [ "$(nproc)" = 3 ]
echo 1 >$online
check "and comes back" [ "$(nproc)" = 4 ]
end
