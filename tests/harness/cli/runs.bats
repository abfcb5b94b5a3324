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

# The runs of FILE are of another host, ID and NAME.
of_host() { # FILE ID NAME
	sqlite3 "$1" "PRAGMA foreign_keys = ON;
		INSERT INTO host SELECT '$2', '$3', cpu, family, model, stepping, packages, llcs, cpus, memory FROM host;
		UPDATE boot SET host = '$2'; DELETE FROM host WHERE id <> '$2'"
}

@test "runs_of_several_hosts_name_the_host" {
	for file in tdcost one two; do
		tdcost run null "${SMALL[@]}" --db $file.db >/dev/null || [ $? = 5 ]
	done
	run --separate-stderr tdcost runs
	[[ ${lines[0]} != *host* && ${lines[1]} != *"$(uname -n)" ]]
	of_host one.db 1111 other
	tdcost db merge one.db >/dev/null
	run --separate-stderr tdcost runs
	echo "$output"
	[[ ${lines[0]} == *" host" && ${lines[1]} == *" other" && ${lines[2]} == *" $(uname -n)" ]]
	# Two hosts of one name are named by their ids.
	of_host two.db 2222 other
	tdcost db merge two.db >/dev/null
	run --separate-stderr tdcost runs
	echo "$output"
	[[ ${lines[1]} == *" 2222" && ${lines[2]} == *" 1111" && ${lines[3]} == *" $(uname -n)" ]]
	[ "$(tdcost runs --json | jq -c '[.[].host_id] | .[:2]')" = '["2222","1111"]' ]
	run --separate-stderr tdcost show host=1111
	[ "$status" = 0 ] || [ "$status" = 5 ]
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
