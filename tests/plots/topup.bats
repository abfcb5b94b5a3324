#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# threads, calls and idle, of a run that was measured.

load ../harness/cli/helper

setup() {
	enter
}

measure() {
	tdcost run topup -p variant=kvm_array,tdx_prealloc,direct "$@" --budget 2s >/dev/null || [ $? = 5 ]
}

@test "a curve for each variant, of time, waiting and holding" {
	[ "$(nproc)" -ge 2 ]
	measure -p threads=1,2
	run --separate-stderr tdcost plot --plot threads --format dumb
	[ "$status" = 0 ]
	[[ ${lines[0]} == *"topup: contention"* ]]
	[ "$(grep -c "topup: threads at work at once" <<<"$output")" = 3 ]
	[ "$(grep -c "tdx_prealloc" <<<"$output")" = 3 ]
	grep -q "up: wait, [num]*s per lock round" <<<"$output"
	grep -q "up: hold, [num]*s per lock round" <<<"$output"
}

@test "one count of threads makes no curve: the hint makes one" {
	measure
	run --separate-stderr tdcost plot --plot threads --format dumb
	[ "$status" = 1 ]
	# shellcheck disable=SC2154 # set by run --separate-stderr
	[[ $stderr == *"several counts of threads; try \`tdcost run topup -p threads=1,2,all\`"* ]]
}

# What a mean hides: most calls of the array allocate nothing, and some fill it up; a list takes what it gave.
@test "the array's calls are bursts, and the list's are not" {
	measure
	run --separate-stderr tdcost plot --plot calls --format dumb
	[ "$status" = 0 ]
	grep -q "topup: what a topup call allocates, pages" <<<"$output"
	grep -Eq "topup: what a topup call takes, [num]*s" <<<"$output"
	# n, p50, p99, max; the array is filled to 40 when it holds less than 5 or 10.
	grep -Eq "kvm_array +[0-9]+ +0 +[0-9-]+ +3[0-9]" <<<"$output"
	grep -Eq "tdx_prealloc +[0-9]+ +3 +[0-9-]+ +[35]" <<<"$output"
}

# Beside the constants of the kernel's: 15 pages of a list, none where nothing is held.
@test "idle pages are those of the variants" {
	measure
	run --separate-stderr tdcost plot --plot idle --format dumb
	[ "$status" = 0 ]
	grep -q "held idle by a vCPU and its VM behind a topup, at most" <<<"$output"
	grep -Eq "tdx_prealloc .*15\.0" <<<"$output"
	grep -Eq "direct .* 0\.0" <<<"$output"
}
