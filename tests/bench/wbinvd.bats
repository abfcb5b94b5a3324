#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2054,SC2154  # levels have commas; bats sets status, output and stderr
# wbinvd from the command line: what is left of it without the module, and how that is said.

load ../harness/cli/helper

SWEEP=(wbinvd -p op=sweep -p dirty=1,2)

# Without the module, or without the right to use it where it is loaded.
without_module() {
	if [ -e /dev/tdcost ]; then
		unprivileged "$TDCOST" "$@"
	else
		"$TDCOST" "$@"
	fi
}

@test "without the module it is skipped, and the reason says what to do" {
	run --separate-stderr without_module run wbinvd --budget 100ms
	echo "$status $stderr"
	[ "$status" = 4 ]
	[ -z "$output" ]
	[[ $stderr == *"12 cells of wbinvd: "*/dev/tdcost* ]]
	[[ $stderr == *"nothing of this can run here"* ]]
	[ ! -e tdcost.db ]
}

@test "the rest of a run goes on without it" {
	run --separate-stderr "$TDCOST" run wbinvd -p op=sweep,wbinvd -p dirty=1 -p scope=one "${SMALL[@]}"
	assert_measured
	tdcost show --json | jq -e '[.cells[] | select(.factors.op == "sweep" and .state == "planned")] | length == 1'
}

@test "a sweep needs no module, is an analogue, and yields its values" {
	run --separate-stderr tdcost run "${SWEEP[@]}" -p scope=one,all "${SMALL[@]}"
	assert_measured
	tdcost show --json >show.json
	jq -e '.cells | length == 4 and all(.[]; .state == "planned" and .kind == "analogue" and .summary.samples > 0)' \
		show.json
	jq -e '[.values[].metric] | unique == ["flush", "instruction", "over-1s", "tail"]' show.json
	# The whole takes no longer than what was timed around it, and each CPU no longer than the whole.
	jq -e '[.values[] | select(.metric == "instruction").max] as $each |
		[.values[] | select(.metric == "flush").max] as $whole | ($each | max) <= ($whole | max)' show.json
	tdcost show | grep -q '^wbinvd: over-1s per request'
	tdcost db check
}

@test "what was examined is kept with each invocation" {
	run --separate-stderr tdcost run "${SWEEP[@]}" -p scope=one "${SMALL[@]}"
	assert_measured
	tdcost db export -o samples.jsonl
	# On a machine that others use a process may not see it clearly, but never the opposite.
	grep -o '"examined":{"sweep":{[^}]*"verdict":"[a-z ]*"' samples.jsonl >examined
	[ "$(wc -l <examined)" = "$(tdcost show --json | jq .rounds)" ]
	run ! grep -q 'does nothing' examined
}

@test "every scope of a sweep is checked, with and without a victim" {
	[ "$(nproc)" -ge 2 ] || { tdcost check "${SWEEP[@]}" -p scope=one; return; }
	tdcost check "${SWEEP[@]}" -p scope=one,package,llc,core,all,turn -p by=local,all -p victim=none,llc,core \
		-p set=auto,64K --json >check.json
	jq -e 'all(.cells[]; .result == "ok" or (.result == "skipped" and (.why | length) > 0))' check.json
	jq -e '[.cells[] | select(.factors.victim == "none" and .result == "ok").factors.scope] | unique ==
		["all", "core", "llc", "one", "package"]' check.json
	jq -e '.cells[] | select(.factors.scope == "turn").why == "op=sweep in turn is a sweep by one CPU; take scope=one"' \
		check.json
}

@test "levels that make no sense are refused in one line" {
	run --separate-stderr tdcost run wbinvd -p op=clflush
	assert_refused 2 "op" "clflush"
	run --separate-stderr tdcost run wbinvd -p dirty=many
	assert_refused 2 "dirty" "many"
	run --separate-stderr tdcost run wbinvd -p scope=socket
	assert_refused 2 "scope" "socket"
	run --separate-stderr tdcost run wbinvd -p op=sweep -p dirty=200
	[ "$status" = 4 ]
	[[ $stderr == *"dirty=200: 150 percent of the LLC at most"* ]]
}
