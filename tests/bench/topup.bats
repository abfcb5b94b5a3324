#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2054,SC2154  # levels have commas; bats sets status, output and stderr
# topup from the command line: where its pages come from, and how what cannot be had is said.

load ../harness/cli/helper

# Without the module, or without the right to use it where it is loaded.
without_module() {
	if [ -e /dev/tdcost ]; then
		unprivileged "$TDCOST" "$@"
	else
		"$TDCOST" "$@"
	fi
}

# refused REASON ARGUMENT...
refused() {
	local reason=$1
	shift
	run "$TDCOST" check topup -p variant=direct "$@"
	echo "$status $output"
	[ "$status" = 4 ]
	[[ $output == *"$reason"* ]]
}

@test "in user space pages come from a pool, and nobody has to say so" {
	tdcost check topup -p variant=kvm_array,direct -p ops=64 --json >check.json
	jq -e '.cells | length == 2 and all(.[]; .result == "ok" and .factors.mode == "user" and
		.factors.source == "pool" and .factors.zero == "off")' check.json
}

@test "a pool and mmap() are compared in one process" {
	run --separate-stderr tdcost run topup -p variant=direct -p source=pool,mmap -p ops=64 "${SMALL[@]}"
	assert_measured
	tdcost show --json >show.json
	jq -e '[.cells[] | {(.factors.source): .kind}] | add == {"pool": "measured", "mmap": "analogue"}' show.json
}

@test "a source of the kernel is refused in user space, and one of user space in the kernel" {
	refused "source=gfp_kernel is of mode=kernel: take pool or mmap" -p source=gfp_kernel
	refused "source=mmap is of mode=user: take gfp_kernel" -p mode=kernel -p source=mmap
	refused "zero=on is of mode=kernel" -p zero=on
}

@test "without the module mode=kernel says what to do, and the rest runs" {
	run without_module check topup -p mode=kernel -p variant=direct
	[ "$status" = 4 ]
	[[ $output == *"/dev/tdcost"* ]]
	run --separate-stderr without_module check topup -p mode=user,kernel -p variant=direct --json
	[ "$status" = 0 ]
	jq -e '[.cells[].result] | sort == ["ok", "skipped"]' <<<"$output"
}
