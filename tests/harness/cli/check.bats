#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2054,SC2094,SC2154  # levels have commas; the program reads nothing from there

load helper

@test "every benchmark is checked, and nothing is stored" {
	run --separate-stderr tdcost check
	[ "$status" = 0 ]
	[[ $output == *reset*quirk=on*ok* ]]
	[[ $output == *null*ok* ]]
	[[ $output != *failed* ]]
	[ ! -e tdcost.db ]
}

@test "--json tells cells, results and samples" {
	tdcost check null -p ops=100,200 --blocks 4 --json >check.json
	jq -e '.cells | length == 2 and all(.[]; .result == "ok" and .samples >= 4 and
		.benchmark == "null" and .why == "")' check.json
	jq -e '[.cells[].factors.ops] == ["100", "200"]' check.json
}

@test "what cannot run here is skipped with its reason" {
	run --separate-stderr tdcost check reset -p region=3K -p backing=4k
	[ "$status" = 4 ]
	[[ $output == *skipped* ]]
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == *"nothing of this can run here"* ]]
}

@test "what cannot run beside what can is no failure" {
	tdcost check reset -p region=3K,1M -p backing=4k --json >check.json
	jq -e '[.cells[].result] | sort == ["ok", "ok", "skipped", "skipped"]' check.json
}

two_marked() {
	[ "$(marked_pids "$mark" | wc -l)" -ge 2 ]
}

@test "an interrupted check says how much was not run" {
	mark=check-$$-$RANDOM
	TDCOST_MARK=$mark "$TDCOST" check null -p ops=200000000 -p twin=a,b --blocks 1000 >out 2>err &
	pid=$!
	# It listens before its invocation is there.
	wait_until two_marked
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	[ "$status" = 1 ]
	grep -q 'interrupted: 2 of 2 cells were not run' err
	[ ! -e tdcost.db ]
}

@test "wrong words are refused in one line" {
	while IFS='|' read -r args part; do
		# shellcheck disable=SC2086  # split on purpose
		run --separate-stderr tdcost check $args
		assert_refused 2 "$part"
	done <<-'END'
		nul|did you mean 'null'
		null -p opps=1|opps
		null --preset quick|not both
		null --rounds 3|--rounds
		null --blocks 0|--blocks '0'
		null --cpu 4000|--cpu 4000
	END
}
