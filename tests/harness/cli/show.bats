#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

load helper

# Three runs that all tests look at: null, then reset in two groups, then one with a label.
setup_file() {
	export TDCOST_DB=$BATS_FILE_TMPDIR/shown.db
	"$TDCOST" run null --rounds 2 --blocks 5 >/dev/null || [ $? = 5 ]
	"$TDCOST" run reset -p region=1M,2M -p backing=4k -p insn=memset,rep_stosb --rounds 3 --blocks 4 \
		>/dev/null || [ $? = 5 ]
	"$TDCOST" run null -p twin=a,b --rounds 6 --blocks 5 --label third >/dev/null || [ $? = 5 ]
}

setup() {
	enter
	export TDCOST_DB=$BATS_FILE_TMPDIR/shown.db
}

uuid() { # INDEX, 0 the newest
	tdcost runs --json | jq -r ".[$1].run"
}

shown() { # SELECTOR...
	tdcost show --json "$@" >shown.json || [ $? = 5 ]
	jq -r .run shown.json
}

@test "a run is named by @last, its place, its id, its beginning or its label" {
	[ "$(shown)" = "$(uuid 0)" ]
	[ "$(shown @last)" = "$(uuid 0)" ]
	[ "$(shown @last~1)" = "$(uuid 1)" ]
	[ "$(shown @last~2)" = "$(uuid 2)" ]
	[ "$(shown "$(uuid 1)")" = "$(uuid 1)" ]
	id=$(uuid 2)
	[ "$(shown "${id:0:12}")" = "$id" ]
	[ "$(shown label=third)" = "$(uuid 0)" ]
	[ "$(jq -r .label shown.json)" = third ]
}

@test "what names no run, or more than one, is refused" {
	run --separate-stderr tdcost show zzzz
	assert_refused 2 "'zzzz'"
	run --separate-stderr tdcost show label=fourth
	assert_refused 2 "fourth"
	run --separate-stderr tdcost show @last~3
	assert_refused 2 "@last~3"
	run --separate-stderr tdcost show @last @last~1
	assert_refused 2 "one run"
	"$TDCOST" run null --rounds 1 --blocks 5 --budget 100ms --label twice --db two.db >/dev/null || [ $? = 5 ]
	"$TDCOST" run null --rounds 1 --blocks 5 --budget 100ms --label twice --db two.db >/dev/null || [ $? = 5 ]
	run --separate-stderr tdcost show label=twice --db two.db
	assert_refused 2 "2 runs"
}

@test "samples are rounds times blocks of each arm" {
	shown @last~1
	jq -e '.rounds == 3 and (.cells | length) == 8 and
		all(.cells[]; .summary.n == 3 and .summary.samples == 3 * 4)' shown.json
	[ "$(tdcost runs --json | jq '.[1].samples')" = $((3 * 4 * 8)) ]
	shown label=third
	jq -e '(.cells | length) == 2 and all(.cells[]; .summary.samples == 6 * 5)' shown.json
}

@test "a stand-in is labelled analogue, what is itself measured" {
	shown @last~1
	jq -e 'all(.cells[]; .kind == (if .factors.quirk == "off" or .factors.insn == "movdir64b"
		then "measured" else "analogue" end))' shown.json
	jq -e 'all(.cells[] | select(.kind == "analogue"); .reason | contains("MOVDIR64B"))' shown.json
	# The weaker label of the two is that of what is saved.
	jq -e '[.pairs[] | select(.factor == "quirk")] | length == 4 and all(.[]; .kind == "analogue")' \
		shown.json
	shown label=third
	jq -e 'all(.cells[]; .kind == "measured") and all(.pairs[]; .kind == "measured")' shown.json
	tdcost show @last~1 >text || [ $? = 5 ]
	grep -q 'quirk=on.* analogue ' text
	grep -q 'quirk=off.* measured ' text
}

@test "numbers agree with each other" {
	shown @last~1
	jq -e 'all(.cells[].summary; .min <= .p50 and .p50 <= .max and
		.lo <= .median and .median <= .hi and .median > 0)' shown.json
	jq -e '.clock == "ns" and .lane == "host" and .tick_hz > 0 and .resolution_ticks > 0 and
		.overhead_ticks >= 0 and all(.cells[]; .unit | startswith("ns per "))' shown.json
}

@test "below six rounds there is no verdict, and how many are lacking is said" {
	shown @last~1
	jq -e '(.pairs | length) > 0 and
		all(.pairs[]; .verdict == "inconclusive" and .more_needed >= 3)' shown.json
	tdcost show @last~1 >text || [ $? = 5 ]
	grep -q '[0-9] more rounds needed' text
	# At six there may be one.
	shown label=third
	jq -e '(.pairs | length) == 1 and .pairs[0].difference.n == 6 and .pairs[0].difference.p != null' \
		shown.json
}

@test "the head names the run, its seed and the machine" {
	run --separate-stderr tdcost show label=third
	[ -z "$stderr" ]
	[[ ${lines[0]} == "run $(uuid 0 | cut -c1-8) \"third\", done, 6 rounds, seed "* ]]
	[[ ${lines[1]} == *"Linux $(uname -r)"* ]]
	[[ ${lines[1]} == *"lane host"* ]]
}

@test "--tails adds percentiles" {
	run --separate-stderr tdcost show --tails
	[[ $output == *p99.9* ]]
	[[ $output == *"within %"* ]]
	run --separate-stderr tdcost show
	[[ $output != *p99.9* ]]
}

@test "show_percentiles_have_intervals_or_are_not_printed" {
	# 18 processes x 20 samples: p90 and p99 may have an interval, p99.9 cannot.
	tdcost run null --rounds 18 --blocks 20 --budget 1m --label long >/dev/null || [ $? = 5 ]
	shown label=long
	jq -e 'all(.cells[].summary; .p999 == null and .p999_lo == null and
		([.p90, .p90_lo, .p90_hi] | all(. == null) or
			(.[1] <= .[0] and .[0] <= .[2])) and .p90_hi <= .max)' shown.json
	tdcost show label=long --tails >text || [ $? = 5 ]
	grep -q 'p99.9.*max of n' text
	# 5 samples in each of 6 processes: not even a p99.
	shown label=third
	jq -e 'all(.cells[].summary; has("p99") and .p99 == null and .p99_hi == null)' shown.json
}

@test "a fatal flag makes the run untrustworthy" {
	cp "$TDCOST_DB" fatal.db
	sqlite3 fatal.db "INSERT INTO flag (run, code, fatal, detail)
		SELECT max(id), 'clock-step', 1, 'made up' FROM run"
	run --separate-stderr tdcost show --db fatal.db
	[ "$status" = 5 ]
	[[ $output == *UNTRUSTWORTHY*"made up"* ]]
	run --separate-stderr tdcost show --db fatal.db --json
	[ "$status" = 5 ]
	jq -e 'any(.flags[]; .fatal and .flag == "clock-step")' <<<"$output"
}

@test "showing changes nothing" {
	cp "$TDCOST_DB" same.db
	before=$(sum same.db)
	tdcost show --db same.db >/dev/null || [ $? = 5 ]
	tdcost runs --db same.db >/dev/null
	[ "$(sum same.db)" = "$before" ]
}

@test "a table that cannot be written is an error" {
	run --separate-stderr bash -c "'$TDCOST' show >/dev/full"
	assert_refused 1 "standard output"
	run --separate-stderr bash -c "'$TDCOST' show --json >/dev/full"
	[ "$status" = 1 ]
}

@test "events that were counted are shown per cell, with n" {
	tdcost run reset -p region=1M -p backing=4k -p quirk=on --events page-faults --rounds 2 --blocks 5 \
		--db events.db >out || [ $? = 5 ]
	grep -q 'event per sample, counts over all n' out
	grep -q 'PAGE_FAULTS' out
	tdcost show --db events.db --json | jq -e '.values | length == 1 and .[0].n == 10 and .[0].max >= .[0].p50 and .[0].metric == "event"'
}

@test "times of each CPU are shown together, and one by one with the tails" {
	[ "$(nproc)" -ge 2 ]
	tdcost run reset -p region=1M -p backing=4k -p quirk=on -p threads=1,2 --rounds 2 --blocks 5 \
		--db cpus.db >out || [ $? = 5 ]
	# In what unit depends on how busy the machine is.
	grep -Eq 'reset: cpu_time per CPU, [num]s over all n' out
	tdcost show --db cpus.db --tails >tails || [ $? = 5 ]
	[ "$(grep -c 'threads=2  *cpu [0-9]' out)" = 0 ]
	[ "$(grep -c 'threads=2  *cpu [0-9]' tails)" = 2 ]
	tdcost show --db cpus.db --json >values.json || [ $? = 5 ]
	jq -e '[.values[] | select(.metric == "cpu_time")] | length == 3 and
		(.[0] | .subject == null and .n == 20 and .unit == "ns") and
		all(.[1:][]; .n == 10 and .min <= .p50 and .p50 <= .max)' values.json
	# The view gives what show gives: durations in the unit of the clock.
	sqlite3 cpus.db "SELECT max(value) FROM parts WHERE metric = 'cpu_time' AND NOT warm_up
		AND unit = 'ns'" >view
	jq -e --slurpfile v view '[.values[] | select(.subject == null) | .max][0] as $m |
		($m - $v[0] | fabs) <= $m * 1e-6' values.json
}

@test "show_earlier_runs_of_the_host_give_a_range" {
	for i in 1 2 3 4; do
		tdcost run null -p ops=10000 --rounds 2 --blocks 5 --label "run$i" --db earlier.db >/dev/null || [ $? = 5 ]
	done
	sqlite3 earlier.db "DELETE FROM flag WHERE fatal"
	tdcost show label=run1 --db earlier.db --json | jq -e 'all(.cells[]; .earlier == null)'
	[[ $(tdcost show label=run1 --db earlier.db) != *"earlier runs"* ]]
	# Of two from the lowest to the highest; from three on what they predict.
	tdcost show label=run3 --db earlier.db --json >three.json
	jq -e '.cells[0].earlier | .runs == 2 and .lo <= .hi and (.predicted | not)' three.json
	jq -e --argjson one "$(tdcost show label=run1 --db earlier.db --json | jq '.cells[0].summary.median')" \
		'.cells[0].earlier | .lo <= $one + 1e-6 and .hi >= $one - 1e-6' three.json
	tdcost show label=run4 --db earlier.db --json | jq -e '.cells[0].earlier | .runs == 3 and .predicted and .lo < .hi'
	[[ $(tdcost show label=run4 --db earlier.db) == *"earlier runs: the range they predict on this host"*"(3)"* ]]
	# What is untrustworthy predicts nothing.
	sqlite3 earlier.db "INSERT INTO flag (run, code, fatal) SELECT id, 'clock-step', 1 FROM run WHERE label = 'run2'"
	tdcost show label=run4 --db earlier.db --json | jq -e '.cells[0].earlier.runs == 2'
}
