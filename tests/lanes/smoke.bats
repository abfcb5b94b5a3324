#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Lane smoke: four CPUs in two packages.

bats_require_minimum_version 1.5.0
load lane.bash

setup_file() {
	boot_lane smoke smoke --load kvm-amd --append "slub_debug=FZPU hugepages=16"
}

@test "every check on a machine whose scopes differ, with two NUMA nodes" {
	SCRIPT=wide boot_lane smoke wide --cpus 16 --packages 2 --dies 2 --threads 2 --numa --append slub_debug=FZPU
	all_ok wide
	quiet_kernel wide
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

@test "every check in the VM holds" {
	all_ok smoke
}

@test "the kernel log tells of no trouble" {
	quiet_kernel smoke
	grep -q "Linux version ${KERNEL//./\\.}\." smoke.dmesg
}

@test "no database comes back" {
	[ ! -e smoke.db ]
}
