#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

load helper

@test "runs are listed, newest first" {
	for label in one two three; do
		tdcost run null "${SMALL[@]}" --label $label >/dev/null || [ $? = 5 ]
	done
	run --separate-stderr tdcost runs
	[ "$status" = 0 ]
	[ -z "$stderr" ]
	[ "${#lines[@]}" = 4 ]
	[[ ${lines[1]} == *three* && ${lines[2]} == *two* && ${lines[3]} == *one* ]]
	tdcost runs --json >runs.json
	jq -e '[.[].label] == ["three", "two", "one"]' runs.json
	jq -e 'all(.[]; .state == "done" and .rounds == 2 and .invocations == 2 and .samples == 10 and
		.benchmarks == "null" and .lane == "host" and .clock == "ns" and
		.ended_ms >= .started_ms and (.run | length) == 36)' runs.json
	jq -e '[.[].run] | unique | length == 3' runs.json
}

@test "a database without a run says so" {
	tdcost run null "${SMALL[@]}" >/dev/null || [ $? = 5 ]
	tdcost db rm @last
	run --separate-stderr tdcost runs
	assert_refused 0 "no run"
	run --separate-stderr tdcost runs --json
	[ "$status" = 0 ]
	[ "$(jq length <<<"$output")" = 0 ]
	run --separate-stderr tdcost show
	assert_refused 2 "run"
}

@test "a database that is not there is not made" {
	for command in runs show plot "db check" "db rm @last"; do
		# shellcheck disable=SC2086  # words on purpose
		run --separate-stderr tdcost $command --db absent.db
		assert_refused 1 "absent.db" "tdcost run"
		[ -z "$(ls -A)" ]
	done
}
