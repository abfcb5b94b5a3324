#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

load helper

@test "list names every benchmark and preset" {
	run --separate-stderr tdcost list
	[ "$status" = 0 ]
	[ -z "$stderr" ]
	for word in null offline reset quick full; do
		[[ $output == *"$word"* ]]
	done
}

@test "list --json holds the same" {
	tdcost list --json | jq -e '([.benchmarks[].benchmark] | contains(["reset", "null"])) and
		([.presets[].preset] | sort) == ["full", "quick", "shutdown"] and
		all(.presets[]; .rounds >= 6 and (.budget | length) > 0) and
		all(.benchmarks[]; if .runs_here then .reason == null else (.reason | length) > 0 end)'
}

@test "list BENCHMARK shows every factor and level, twin among them" {
	tdcost list reset >text
	tdcost list reset --json >json
	jq -r '.factors[].factor' json >factors
	grep -qx twin factors
	while read -r factor; do
		grep -q "  $factor: " text
	done <factors
	jq -r '.factors[].levels[].level' json | while read -r level; do
		grep -q "^    $level " text || { echo "no $level"; false; }
	done
	jq -e '.metrics[0].quantity == "duration" and .metrics[0].bytes_per == 4096' json
}

@test "what cannot run here has a reason, what can has none" {
	tdcost list reset --json | jq -e 'all(.factors[].levels[];
		if .runs_here then .reason == null else (.reason | length) > 0 end)'
}

@test "what disrupts others says so, and how it is allowed" {
	run --separate-stderr tdcost list offline
	[ "$status" = 0 ]
	[[ $output == *"it takes CPUs offline and brings them back; \`run\` needs --allow-disruptive"* ]]
	tdcost list --json | jq -e '.benchmarks[] |
		if .benchmark == "offline" then .disruptive == "takes CPUs offline and brings them back"
		else .disruptive == null end' >/dev/null
}

@test "what list says runs here is what run plans" {
	tdcost list reset --json | jq -r '.factors[] | select(.factor == "insn").levels[] |
		"\(.level) \(.runs_here)"' | while read -r level runs; do
		ended=0
		tdcost run reset -p "insn=$level" --dry-run >/dev/null 2>&1 || ended=$?
		[ "$runs$ended" = true0 ] || [ "$runs$ended" = false4 ]
	done
}

@test "list makes no database" {
	tdcost list >/dev/null
	tdcost list reset >/dev/null
	[ -z "$(ls -A)" ]
}

@test "an unknown benchmark is refused with the nearest" {
	run --separate-stderr tdcost list rest
	assert_refused 2 "no benchmark 'rest'" "'reset'"
	run --separate-stderr tdcost list null reset
	assert_refused 2 "one benchmark"
}
