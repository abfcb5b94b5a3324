#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The module on $KERNEL, with several CPUs, under the slab allocator's own checks.

bats_require_minimum_version 1.5.0

setup() {
	load lane.bash
}

smoke() { # VM-OPTION... -- COMMAND...
	lane --lane smoke --append slub_debug=FZPU "$@"
}

@test "it does what its header says, on four CPUs in two packages" {
	smoke --cpus 4 --packages 2 --add "$SMOKE" -- kmod_smoke /lib/tdcost/tdcost.ko
	[ "$status" = 0 ]
	[[ $output == *"kmod_smoke: 0 failed"* ]]
	[[ $output != *SKIPPED* ]]
	# What stays behind was looked for.
	[[ $output == *"objects: "*" after 100 cycles"*"pages: "*"objects of nobody: "* ]]
	log_clean
}

@test "scopes are told apart where packages, LLCs, cores and CPUs are" {
	smoke --cpus 16 --packages 2 --dies 2 --threads 2 --add "$SMOKE" -- kmod_smoke /lib/tdcost/tdcost.ko 'each_masked_cpu_*'
	[ "$status" = 0 ]
	[[ $output == *"packages 2, LLCs 4, cores 8, CPUs 16"* ]]
	[[ $output == *"each_masked_cpu_flushes_once_and_no_other_does"* ]]
	[[ $output == *"kmod_smoke: 0 failed"* ]]
	log_clean
}

@test "100,000 garbage calls end with an errno" {
	smoke --cpus 4 --packages 2 --add "$FUZZ" -- kmod_fuzz
	[ "$status" = 0 ]
	[[ $output == *"kmod_fuzz: 100000 calls, seed "* ]]
	[[ $output == *"every call ended as it may"* ]]
	[[ $output == *"100000 ioctls"* ]]
	log_clean
}

@test "without RDTSCP it is not loaded, and says why in one line" {
	local log
	smoke --cpus 1 --packages 1 --cpu-flags -rdtscp -- sh -c '! test -e /dev/tdcost'
	[ "$status" = 0 ]
	[ "$(grep -c 'tdcost: not loaded: this CPU has no RDTSCP' "$log")" -ge 1 ]
	[ "$(grep 'tdcost: not loaded' "$log" | sed 's/^\[[^]]*\] //' | sort -u | wc -l)" = 1 ]
	log_clean
}
