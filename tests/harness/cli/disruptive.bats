#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2054,SC2154  # levels have commas; bats sets the variables
# What it takes before CPUs go offline. That they do, and come back, is tested in a virtual machine:
# here nothing goes anywhere.

load helper

online() {
	cat /sys/devices/system/cpu/online
}

setup() {
	enter
	before=$(online)
}

teardown() {
	[ "$(online)" = "$before" ]
	[ ! -e /run/tdcost.offline ]
}

# Could it run, if it were allowed to?
possible() {
	tdcost list offline --json | jq -e .runs_here >/dev/null
}

@test "without permission nothing goes offline, and it is said how to give it" {
	for command in run check; do
		run --separate-stderr tdcost "$command" offline -p flush=none
		[ "$status" = 4 ]
		[[ $stderr == *"nothing of this can run here"* ]]
		possible || continue
		[[ $output$stderr == *"it takes CPUs offline and brings them back; run with --allow-disruptive"* ]]
	done
	[ ! -e tdcost.db ]
}

@test "others run beside it" {
	run --separate-stderr tdcost run null offline --json "${SMALL[@]}"
	assert_measured
	jq -e 'all(.cells[] | select(.benchmark == "offline"); .state == "skipped" and .reason != null)' <<<"$output"
	jq -e 'any(.cells[] | select(.benchmark == "null"); .state == "planned")' <<<"$output"
	jq -e '.plan.allow_disruptive == false' <<<"$output"
}

@test "--dry-run shows what would be disrupted, and does not do it" {
	run --separate-stderr tdcost run offline --allow-disruptive --dry-run
	if ! possible; then
		[ "$status" = 4 ]
		return
	fi
	[ "$status" = 0 ]
	[[ $output == *"group 0: offline, "*"; it takes CPUs offline and brings them back"* ]]
	# The CPU that measures is the first one, which stays.
	run --separate-stderr tdcost run offline --allow-disruptive --dry-run --json
	jq -e '.groups[0].disruptive == "takes CPUs offline and brings them back" and
		([.rounds[][].cpu] | unique | length) == 1' <<<"$output"
	tdcost run null --dry-run --json | jq -e '.groups[0].disruptive == null'
}

@test "nobody but root is asked" {
	reachable
	run --separate-stderr unprivileged "$TDCOST" run offline -p flush=none -p action=offline
	[ "$status" = 4 ]
	[[ $stderr != *"--allow-disruptive"* ]]
}

@test "the boot CPU has no number" {
	run --separate-stderr tdcost run offline -p cpu=0 --allow-disruptive
	assert_refused 2 "'0' is no count for cpu"
}

@test "the permission is no option of a resumed run" {
	run --separate-stderr tdcost run --resume @last --allow-disruptive
	assert_refused 2 "--resume takes all from the run"
}
