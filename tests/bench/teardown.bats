#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2054,SC2154  # levels have commas; bats sets status, output and stderr
# teardown on the command line: its phases, and the comparisons that a maintainer makes of its runs.

load ../harness/cli/helper

@test "check does every step on both paths" {
	tdcost check teardown -p leaf=4K,2M -p reset=always,erratum,leaf_fence -p size=4M --json >check.json
	jq -e '.cells | length == 24 and all(.[]; .result == "ok" and .samples > 0)' check.json
	[ ! -e tdcost.db ]
}

@test "SEAMCALLs per GiB are those that were counted by hand" {
	tdcost check teardown -p leaf=4K,2M -p quirk=on -p size=64M -p leave_out=none,control --json >check.json
	# 64 MiB are a sixteenth of a GiB.
	calls() { # PATH LEAF LEAVE_OUT
		jq --arg p "$1" --arg l "$2" --arg out "$3" '[.cells[] |
			select(.factors.path == $p and .factors.leaf == $l and .factors.leave_out == $out) |
			.values[] | select(.metric == "steps" and
			(.subject | test("^(MEM|PHYMEM.PAGE)"))) | .max] | add' check.json
	}
	[ $(($(calls dynamic 4K control) * 16)) = 1048576 ]
	[ $(($(calls dynamic 2M control) * 16)) = 263680 ]
	[ $(($(calls teardown 4K control) * 16)) = 262144 ]
	[ $(($(calls teardown 2M control) * 16)) = 512 ]
	# And of each TD, with 4 vCPUs: 24 pages of theirs, 6 of TDCS, TDR and its flush; S-EPT 32 + 2, or 2.
	for path in dynamic teardown; do
		[ $(($(calls $path 4K none) - $(calls $path 4K control))) = $((24 + 6 + 2 + 34)) ]
		[ $(($(calls $path 2M none) - $(calls $path 2M control))) = $((24 + 6 + 2 + 2)) ]
	done
}

@test "phases are shown, and what they leave unexplained" {
	run --separate-stderr tdcost run teardown -p path=dynamic -p size=4M "${SMALL[@]}"
	assert_measured
	run tdcost show
	for phase in kick flush reset hkid control free timing unexplained; do
		[[ $output == *" $phase "* ]] || { echo "no $phase"; return 1; }
	done
	[[ $output == *"stands in for the freeing of guest_memfd"* ]]
}

@test "the erratum mode is compared in percent, also for a commit message" {
	run --separate-stderr tdcost run teardown -p size=4M --rounds 6 --blocks 5
	assert_measured
	run tdcost compare @last --by quirk
	[ "$status" = 0 ] || [ "$status" = 5 ]
	[[ $output == *"path=dynamic"*" %"* ]]
	[[ $output == *"SEAMCALLs take no time in the replay (seam=0), so what quirk=off saves in percent is at most that"* ]]
	run tdcost show
	[[ $output == *"they take no time in the replay, so what quirk=off saves in percent is at most that"* ]]
	tdcost compare @last --by quirk --json >by.json || [ $? = 5 ]
	jq -e '[.. | objects | select(has("decided_by"))] | length == 2 and
		all(.[]; .decided_by == "difference" and (.difference.value, .log_ratio.value | type) == "number")' by.json
	run tdcost compare @last --by quirk --format commit
	[ "$status" = 0 ] || [ "$status" = 5 ]
	[[ $output == *"erratum mode on and off"* ]]
	[[ $(tr -s '\n ' ' ' <<<"$output") == *"they take no time in the replay, so what quirk=off saves in percent is at most that"* ]]
	[[ $output == *" %"* ]]
}

@test "with a time for SEAMCALLs the percentage is no bound" {
	run --separate-stderr tdcost run teardown -p path=teardown -p seam=200 -p size=1M "${SMALL[@]}"
	assert_measured
	run tdcost compare @last --by quirk
	[ "$status" = 0 ] || [ "$status" = 5 ]
	[[ $output != *"at most that"* ]]
}

@test "a size that does not fit is refused with a hint" {
	run --separate-stderr tdcost run teardown -p size=8T
	assert_refused 4 "8T" "would"
}
