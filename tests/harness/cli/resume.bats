#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2054,SC2154  # levels have commas; bats sets stderr_lines
# run --resume: an interrupted run goes on as if it had never stopped.

load helper

# Three groups of two arms, 20 ms or so an invocation.
WHAT=(reset -p region=64K,128K,256K -p backing=4k --rounds 12 --blocks 5 --budget 60s --seed 4711)
PER_ROUND=(3 30)

# Begin in DB with COMMAND and end with SIGNAL after ROUNDS are there. Fails where it ended by itself.
ended_early() { # DB SIGNAL ROUNDS COMMAND...
	local pid db=$1 signal=$2 least=$3
	shift 3
	"$TDCOST" "$@" --db "$db" >out 2>err &
	pid=$!
	wait_until has_rounds "$db" "$least" || signal=KILL least=
	kill "-$signal" $pid 2>/dev/null || true
	wait $pid || true
	[ -n "$least" ] || return 1
	rounds=$(rounds_of_last "$db")
	echo "$rounds rounds were finished"
	[ "$rounds" -lt 12 ]
}

# Begin in DB and end with SIGNAL after a few rounds. Where whoever watches it was kept from its CPU it
# may end first: begin anew.
interrupted() { # DB SIGNAL
	local tries
	for ((tries = 0; tries < 5; tries++)); do
		rm -f "$1" "$1"-*
		ended_early "$1" "$2" 2 run "${WHAT[@]}" && return
	done
	return 1
}

state_of() { # DB
	tdcost runs --json --db "$1" | jq -r '.[0].state'
}

# What was drawn: groups and CPUs of each round in order, and the arms of each block.
drawn() { # DB
	sqlite3 "$1" "SELECT i.round, i.position, i.arm_group, i.cpu, json_extract(i.setup, '\$.offset')
		FROM invocation i ORDER BY i.round, i.position"
	sqlite3 "$1" "SELECT i.round, i.position, s.block, s.arm FROM sample s
		JOIN invocation i ON i.id = s.invocation WHERE s.block >= 0
		ORDER BY i.round, i.position, s.seq"
}

resumed() { # DB
	run --separate-stderr tdcost run --resume @last --db "$1"
	echo "$output"
	assert_measured "$1"
	assert_silent
	[[ $output == *"done, 12 rounds, seed 4711"* ]]
}

@test "an interrupted run goes on to its end, on the schedule of one that was never stopped" {
	interrupted cut.db INT
	[ "$(state_of cut.db)" = interrupted ]
	uuid=$(sqlite3 cut.db 'SELECT uuid FROM run')
	resumed cut.db
	[ "$(state_of cut.db)" = "done" ]
	[ "$(sqlite3 cut.db 'SELECT uuid FROM run')" = "$uuid" ]
	tdcost db check --db cut.db
	assert_whole_rounds cut.db "${PER_ROUND[@]}"
	jq -e 'length == 1 and .[0].rounds == 12' whole.json
	"$TDCOST" run "${WHAT[@]}" --db whole.db >/dev/null || [ $? = 5 ]
	drawn cut.db >cut.txt
	drawn whole.db >whole.txt
	[ "$(wc -l <whole.txt)" = $((12 * 3 + 12 * 30)) ]
	diff whole.txt cut.txt
}

@test "so does one that was killed" {
	interrupted cut.db KILL
	[ "$(state_of cut.db)" = open ]
	resumed cut.db
	tdcost db check --db cut.db
	assert_whole_rounds cut.db "${PER_ROUND[@]}"
	[ "$(state_of cut.db)" = "done" ]
}

@test "finished rounds stay as they are" {
	local samples="SELECT i.round, i.position, s.seq, s.ticks FROM sample s JOIN invocation i
		ON i.id = s.invocation WHERE i.round < 2 ORDER BY 1, 2, 3"
	interrupted cut.db TERM
	sqlite3 cut.db "$samples" >before
	resumed cut.db
	sqlite3 cut.db "$samples" | cmp - before
}

@test "it may be interrupted again" {
	local tries again=
	for ((tries = 0; tries < 5; tries++)); do
		interrupted cut.db INT
		[ "$rounds" -lt 10 ] && ended_early cut.db INT $((rounds + 2)) run --resume @last && again=yes && break
	done
	cat err
	[ -n "$again" ]
	[ "$(state_of cut.db)" = interrupted ]
	grep -q "interrupted: $(rounds_of_last cut.db) of 12 rounds are kept" err
	resumed cut.db
	assert_whole_rounds cut.db "${PER_ROUND[@]}"
}

@test "--json is what show --json prints" {
	interrupted cut.db INT
	run --separate-stderr tdcost run --resume @last --db cut.db --json
	assert_measured cut.db
	jq -e '.rounds == 12 and .state == "done"' <<<"$output"
	jq -S . <<<"$output" >run.json
	tdcost show --json --db cut.db | jq -S . >show.json
	diff run.json show.json
}

# ---- what is refused: short runs, said to have been interrupted ----

# A run of two rounds of four, in cut.db.
made_short() {
	"$TDCOST" run null -p twin=a,b --rounds 4 --blocks 5 --label short --db cut.db >/dev/null ||
		[ $? = 5 ]
	sqlite3 cut.db "DELETE FROM sample WHERE invocation IN (SELECT id FROM invocation WHERE round >= 2);
		DELETE FROM flag WHERE invocation IN (SELECT id FROM invocation WHERE round >= 2);
		DELETE FROM invocation WHERE round >= 2;
		UPDATE run SET state = 'interrupted', ended = started"
}

# All that belongs to the run.
OWN="SELECT * FROM run; SELECT * FROM run_cell; SELECT * FROM invocation; SELECT * FROM sample;
	SELECT * FROM flag"

# Refused with WORDS, and the run is as it was.
assert_unchanged() { # STATUS WORDS...
	sqlite3 cut.db "$OWN" >before
	run --separate-stderr tdcost run --resume label=short --db cut.db
	assert_refused "$@"
	sqlite3 cut.db "$OWN" | diff before -
}

@test "a short run goes on, also by its label or id" {
	made_short
	cp cut.db copy.db
	run --separate-stderr tdcost run --resume label=short --db cut.db
	assert_measured cut.db
	[[ $output == *"done, 4 rounds"* ]]
	run --separate-stderr tdcost run --db copy.db \
		--resume "$(sqlite3 copy.db 'SELECT substr(uuid, 1, 8) FROM run')"
	assert_measured copy.db
	[[ $output == *"done, 4 rounds"* ]]
}

@test "a run that is done is refused" {
	made_short
	sqlite3 cut.db "UPDATE run SET state = 'done'"
	assert_unchanged 2 "is done"
}

@test "another environment is refused, with what differs" {
	made_short
	sqlite3 cut.db "UPDATE environment SET facts = json_set(facts, '\$.clocksource', 'sundial'), hash = 'made up';
		UPDATE boot SET environment = 'made up'"
	assert_unchanged 2 clocksource sundial
}

@test "another host is refused" {
	made_short
	sqlite3 cut.db "UPDATE host SET id = 'made up'; UPDATE boot SET host = 'made up'"
	assert_unchanged 2 host
}

@test "another boot of the same environment will do" {
	made_short
	sqlite3 cut.db "UPDATE boot SET boot_id = 'the one before'"
	run --separate-stderr tdcost run --resume @last --db cut.db
	assert_measured cut.db
	[[ $output == *"done, 4 rounds"* ]]
	[ "$(sqlite3 cut.db 'SELECT count(DISTINCT boot) FROM invocation')" = 2 ]
	tdcost db check --db cut.db
}

@test "another version of the tool is refused" {
	made_short
	sqlite3 cut.db "UPDATE run SET tool = '0.0.1'"
	assert_unchanged 2 0.0.1 "begin anew"
}

@test "another plan is refused" {
	made_short
	sqlite3 cut.db "UPDATE run SET plan = json_set(plan, '\$.settings', json('[\"twin=a\"]'))"
	assert_unchanged 2
}

@test "a plan that cannot be read is refused" {
	made_short
	for change in "json_remove(plan, '\$.rounds')" "json_set(plan, '\$.rounds', 'four')" "'[]'" \
		"json_set(plan, '\$.benchmarks', json('[]'))" \
		"json_set(plan, '\$.benchmarks', json('[\"no such\"]'))" \
		"json_set(plan, '\$.benchmarks', json('[]'), '\$.preset', 'no such')"; do
		echo "$change"
		cp cut.db kept.db
		sqlite3 cut.db "UPDATE run SET plan = $change"
		run --separate-stderr tdcost run --resume label=short --db cut.db
		echo "status $status: $stderr"
		[ "$status" = 1 ] || [ "$status" = 2 ]
		[ "${#stderr_lines[@]}" = 1 ]
		mv kept.db cut.db
	done
}

@test "no other option goes with it" {
	made_short
	for beside in null "-p twin=a" "--preset quick" "--rounds 9" "--blocks 9" "--seed 1" "--label x" \
		"--cpu 0" "--events page-faults" "--precision 1" "--budget 5s" --dry-run; do
		echo "$beside"
		# shellcheck disable=SC2086
		run --separate-stderr tdcost run --resume label=short --db cut.db $beside
		assert_refused 2 "--resume"
	done
	[ "$(state_of cut.db)" = interrupted ]
}

@test "what means no run, or several, is refused" {
	run --separate-stderr tdcost run --resume @last --db none.db
	assert_refused 1 none.db
	[ ! -e none.db ]
	made_short
	run --separate-stderr tdcost run --resume label=nothing --db cut.db
	assert_refused 2 nothing
	made_short
	run --separate-stderr tdcost run --resume label=short --db cut.db
	assert_refused 2 "means 2 runs"
}

@test "a stopping rule goes on too" {
	tdcost run null -p twin=a,b --blocks 5 --precision 100 --budget 60s --db cut.db >/dev/null || [ $? = 5 ]
	sqlite3 cut.db "DELETE FROM sample WHERE invocation IN (SELECT id FROM invocation WHERE round >= 3);
		DELETE FROM flag WHERE invocation IN (SELECT id FROM invocation WHERE round >= 3);
		DELETE FROM invocation WHERE round >= 3;
		UPDATE run SET state = 'interrupted'"
	run --separate-stderr tdcost run --resume @last --db cut.db --json
	echo "$stderr"
	assert_measured cut.db
	# The rounds of before count.
	jq -e '.rounds >= 6' <<<"$output"
	[[ $stderr == *"stopped after $(jq .rounds <<<"$output") rounds: every interval is within +-100 %"* ]]
}
