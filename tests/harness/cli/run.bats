#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2054,SC2094  # levels have commas; the program reads nothing from there

load helper

@test "null is measured, stored and printed" {
	run --separate-stderr tdcost run null "${SMALL[@]}"
	assert_measured
	assert_silent
	[ -s tdcost.db ]
	[[ $output == "run "*"done, 2 rounds"* ]]
	[[ $output == *"ns per multiplication"* ]]
	tdcost db check
}

@test "reset is measured, and what quirk=off saves is printed" {
	run --separate-stderr tdcost run reset -p region=2M -p backing=4k "${SMALL[@]}"
	assert_measured
	[[ $output == *"ns per 4 KiB page"* ]]
	[[ $output == *"quirk=on"* ]]
	[[ $output == *"what quirk=off saves"* ]]
}

@test "run_progress_is_a_line_for_each_process" {
	export TDCOST_PROGRESS=log
	run --separate-stderr tdcost run "${PAGES[@]}" "${SMALL[@]}"
	assert_measured
	cat log
	[ "$(wc -l <log)" = 4 ]
	grep -q "^tdcost: progress 1 4 round 1 of 2, reset region=" log
	[[ $(tail -1 log) == "tdcost: progress 4 4 round 2 of 2, reset region="* ]]
}

@test "run_progress_that_cannot_be_written_does_not_end_the_run" {
	TDCOST_PROGRESS=nowhere/log run --separate-stderr tdcost run null "${SMALL[@]}"
	assert_measured
	assert_silent
}

@test "run_after_round_sees_the_round_in_the_database" {
	export TDCOST_AFTER_ROUND="'$TDCOST' runs --json | jq '.[0].rounds' >>rounds"
	run --separate-stderr tdcost run null "${SMALL[@]}"
	assert_measured
	[ "$(cat rounds)" = $'1\n2' ]
}

@test "run_after_round_that_fails_is_reported_and_the_run_goes_on" {
	TDCOST_AFTER_ROUND=false run --separate-stderr tdcost run null "${SMALL[@]}"
	assert_measured
	[ "$(grep -cx "tdcost run: TDCOST_AFTER_ROUND: 'false' failed; the run goes on without it" <<<"$stderr")" = 2 ]
	[ "$(tdcost runs --json | jq '.[0].rounds')" = 2 ]
}

@test "--json is what show --json prints" {
	run --separate-stderr tdcost run null --json "${SMALL[@]}"
	assert_measured
	jq -S . <<<"$output" >run.json
	tdcost show --json | jq -S . >show.json || [ "$status" = 5 ]
	diff run.json show.json
}

@test "the file is --db, else TDCOST_DB, else tdcost.db" {
	tdcost run null "${SMALL[@]}" --db named.db || [ $? = 5 ]
	[ -s named.db ] && [ ! -e tdcost.db ]
	export TDCOST_DB=variable.db
	tdcost run null "${SMALL[@]}" || [ $? = 5 ]
	[ -s variable.db ] && [ ! -e tdcost.db ]
	tdcost run null "${SMALL[@]}" --db=named.db || [ $? = 5 ]
	[ "$(tdcost runs --db named.db --json | jq length)" = 2 ]
	[ "$(tdcost runs --json | jq length)" = 1 ]
	TDCOST_DB='' tdcost run null "${SMALL[@]}" || [ $? = 5 ]
	[ -s tdcost.db ]
}

@test "--dry-run measures nothing and makes no database" {
	run --separate-stderr tdcost run "${PAGES[@]}" --dry-run
	[ "$status" = 0 ]
	[ -z "$stderr" ]
	[ ! -e tdcost.db ]
	[ -z "$(ls -A)" ]
	[[ $output == *"group 0: reset, 2 arms"* ]]
	[[ $output == *"round 10:"* ]]
	run --separate-stderr tdcost run "${PAGES[@]}" -n --json --rounds 3
	[ "$status" = 0 ]
	[ -z "$(ls -A)" ]
	jq -e '(.groups | length) == 2 and (.rounds | length) == 3 and .seconds > 0 and
		all(.rounds[]; map(.group) | sort == [0, 1]) and all(.groups[]; .arms | length == 2)' \
		<<<"$output"
}

@test "the same seed is the same schedule, another one is another" {
	local many=(null reset -p region=64K,128K,256K,512K,1M -p backing=4k --dry-run --json)
	tdcost run "${many[@]}" --seed 7 >a
	tdcost run "${many[@]}" --seed 7 >b
	tdcost run "${many[@]}" --seed 8 >c
	tdcost run "${many[@]}" >d
	cmp a b
	[ "$(jq -c .rounds a)" != "$(jq -c .rounds c)" ]
	[ "$(jq .seed d)" != 7 ]
	[ "$(jq .seed a)" = 7 ]
}

# The groups of each round, in order, as they were done.
done_order() { # DB
	sqlite3 "$1" "SELECT group_concat(arm_group, ' ') FROM
		(SELECT round, arm_group FROM invocation ORDER BY round, position) GROUP BY round"
}

@test "a run follows the schedule that --dry-run prints, and --seed repeats it" {
	local what=(reset -p region=64K,128K,256K -p backing=4k --rounds 4 --blocks 8 --seed 12)
	tdcost run "${what[@]}" --dry-run --json | jq -r '.rounds[] | map(.group) | join(" ")' >dry
	tdcost run "${what[@]}" --db a.db || [ $? = 5 ]
	tdcost run "${what[@]}" --db b.db || [ $? = 5 ]
	done_order a.db >a
	done_order b.db >b
	diff dry a
	diff dry b
	# Also the order of the arms in each block.
	for db in a b; do
		sqlite3 $db.db "SELECT i.round, i.position, s.block, s.arm FROM sample s
			JOIN invocation i ON i.id = s.invocation WHERE s.block >= 0
			ORDER BY i.round, i.position, s.seq" >$db.arms
	done
	[ "$(wc -l <a.arms)" = $((4 * 3 * 8 * 2)) ]
	cmp a.arms b.arms
	[ "$(cut -d'|' -f4 a.arms | paste -sd ' ' | grep -o '0 1 1 0\|1 0 0 1' | wc -l)" -gt 0 ]
}

@test "--cpu pins, and every sample ends there" {
	cpu=$(tdcost run null --dry-run --json --rounds 1 | jq '.rounds[0][0].cpu')
	tdcost run null "${SMALL[@]}" --cpu "$cpu" || [ $? = 5 ]
	[ "$(sqlite3 tdcost.db 'SELECT DISTINCT cpu FROM invocation')" = "$cpu" ]
	[ "$(sqlite3 tdcost.db 'SELECT DISTINCT cpu FROM sample')" = "$cpu" ]
}

@test "--rounds and --blocks are the size of the run" {
	run --separate-stderr tdcost run "${PAGES[@]}" --rounds 3 --blocks 7 --json
	assert_measured
	jq -e '.rounds == 3 and all(.cells[]; .summary.n == 3 and .summary.samples == 21)' <<<"$output"
}

@test "a budget that is named ends the rounds" {
	run --separate-stderr tdcost run null --rounds 100000 --blocks 5 --budget 300ms --json
	assert_measured
	jq -e '.state == "done" and .rounds >= 1 and .rounds < 1000' <<<"$output"
}

@test "several benchmarks share a run, and a setting goes to those who know it" {
	run --separate-stderr tdcost run null reset -p ops=1000 -p region=256K -p backing=4k \
		-p twin=a,b "${SMALL[@]}" --json
	assert_measured
	jq -e '[.cells[].benchmark] | sort | unique == ["null", "reset"]' <<<"$output"
	jq -e 'all(.cells[] | select(.benchmark == "null"); .factors.ops == "1000")' <<<"$output"
	jq -e '[.cells[].factors.twin] | unique == ["a", "b"]' <<<"$output"
}

@test "preset_first_round_says_how_long_it_takes" {
	run --separate-stderr tdcost run --preset shutdown -p size=4M --blocks 1 --budget 20s --json
	assert_measured
	echo "$stderr"
	[[ $stderr == *"about "*" on this machine: a round takes "* ]]
	[ "$(grep -c 'on this machine' <<<"$stderr")" = 1 ]
	# The budget is a rule of the stored plan.
	jq -e '.plan.budget_ns == 20000000000 and .state == "done"' <<<"$output"
}

@test "preset_rounds_that_do_not_fit_are_named" {
	run --separate-stderr tdcost run --preset shutdown -p size=4M --blocks 1 --budget 100ms --json
	assert_measured
	echo "$stderr"
	[[ $stderr == *" of 10 fit into 100 ms, a verdict needs 6: take --budget "* || $stderr == *"more than all of 100 ms, and is the only one of 10, a verdict needs 6: take --budget "* ]]
	# A budget was named, so --rounds would not help.
	[[ $stderr != *"--rounds"* ]]
	jq -e '.rounds < 6 and .state == "done"' <<<"$output"
}

@test "preset_budget_holds_unless_rounds_are_named" {
	for preset in quick full shutdown; do
		seconds=$(tdcost list --json | jq -r --arg p $preset '.presets[] | select(.preset == $p).budget' |
			sed 's/m$/ * 60/; s/s$//')
		tdcost run --preset $preset --dry-run --json | jq -e ".seconds == ($seconds)"
		tdcost run --preset $preset --budget 5m --dry-run | grep "5.00 min, as no round is begun that would end later:"
		tdcost run --preset $preset --dry-run | grep "as no round is begun that would end later, but 6 rounds in any case:"
		named=$(tdcost run --preset $preset --rounds 3 --dry-run)
		[[ $named != *"no round is begun"* ]]
	done
}

@test "a preset takes settings on top" {
	run --separate-stderr tdcost run --preset quick -p region=256K -p backing=4k --rounds 1 \
		--blocks 5 --budget 100ms --json
	assert_measured
	jq -e 'all(.cells[]; .factors.region == "256K") and (.cells | length) > 4 and
		.plan.preset == "quick"' <<<"$output"
}

@test "what was asked is kept with what it became" {
	tdcost run reset -p insn=auto -p region=256K -p backing=4k "${SMALL[@]}" --label kept || [ $? = 5 ]
	[ "$(sqlite3 tdcost.db "SELECT DISTINCT json_extract(asked, '\$.insn') FROM run_cell")" = auto ]
	[ "$(sqlite3 tdcost.db "SELECT DISTINCT json_extract(factors, '\$.insn') FROM cell")" != auto ]
	tdcost show --json label=kept >kept.json || [ $? = 5 ]
	jq -e '.argv[0:3] == ["tdcost", "run", "reset"] and (.argv | index("--label"))' kept.json
	jq -e '.plan.rounds == 2 and .plan.max_blocks == 5' kept.json
}

@test "software events are counted in each sample" {
	run --separate-stderr tdcost run null --events page-faults,context-switches --rounds 1 \
		--blocks 4 --budget 1s --json
	assert_measured
	parts=$(sqlite3 tdcost.db 'SELECT count(*) FROM part')
	refused=$(jq '[.flags[] | select(.flag == "no-counters")] | length' <<<"$output")
	# Each of the two for each of four samples, or said to be refused.
	[ "$parts" = $(((2 - refused) * 4)) ]
}

@test "an instruction that this CPU lacks is skipped with its reason, beside one that it has" {
	lacking=$(tdcost list reset --json | jq -r '.factors[] | select(.factor == "insn").levels[] |
		select(.runs_here | not).level' | head -1)
	if [ -z "$lacking" ]; then
		echo "# this CPU has every instruction" >&3
		return
	fi
	run --separate-stderr tdcost run reset -p "insn=memset,$lacking" -p region=256K -p backing=4k \
		"${SMALL[@]}" --json
	assert_measured
	jq -e --arg i "$lacking" 'all(.cells[] | select(.factors.insn == $i);
		.state == "skipped" and (.reason | startswith("this CPU has no")) and .summary == null)' \
		<<<"$output"
	jq -e 'all(.cells[] | select(.factors.insn == "memset"); .state == "planned")' <<<"$output"
	# Alone there is nothing to measure.
	rm tdcost.db
	run --separate-stderr tdcost run reset -p "insn=$lacking"
	[ "$status" = 4 ]
	[ -z "$output" ]
	[[ $stderr == *"this CPU has no"* ]]
	[ ! -e tdcost.db ]
}

@test "movdir64b is refused by name where the CPU lacks it" {
	if tdcost list reset --json | jq -e '.factors[] | select(.factor == "insn").levels[] |
		select(.level == "movdir64b").runs_here' >/dev/null; then
		run --separate-stderr tdcost run reset -p insn=movdir64b -p region=256K -p backing=4k \
			"${SMALL[@]}" --json
		assert_measured
		jq -e 'all(.cells[]; .kind == "measured")' <<<"$output"
		return
	fi
	run --separate-stderr tdcost run reset -p insn=movdir64b
	[ "$status" = 4 ]
	[ -z "$output" ]
	[[ $stderr == *"this CPU has no movdir64b"* ]]
}

@test "progress is silent when standard error is no terminal" {
	tdcost run null --rounds 3 --blocks 5 >out 2>err || [ $? = 5 ]
	[ -z "$(but_busy err)" ]
}

@test "progress is a line on a terminal" {
	script -qec "'$TDCOST' run null --rounds 3 --blocks 5 >out" /dev/null >screen </dev/null || true
	cat -v screen
	grep -q $'\r' screen
	grep -q 'round 3 of 3, null' screen
	grep -q ' left: ' screen
	# Standard output is as it would be in a file.
	head -1 out | grep -q '^run '
	run ! grep -q $'\r' out
}

@test "two runs into one file at once are both whole" {
	tdcost run "${PAGES[@]}" --rounds 15 --blocks 5 --label one >one 2>one.err &
	first=$!
	tdcost run "${PAGES[@]}" --rounds 15 --blocks 5 --label two >two 2>two.err &
	second=$!
	wait $first || [ $? = 5 ]
	wait $second || [ $? = 5 ]
	cat one.err two.err
	tdcost db check
	assert_whole_rounds tdcost.db 2 20
	jq -e 'length == 2 and all(.[]; .rounds == 15 and .state == "done")' whole.json
}

@test "results that cannot be written are an error" {
	run --separate-stderr bash -c "'$TDCOST' run null --rounds 1 --blocks 5 --budget 100ms >/dev/full"
	[ "$status" = 1 ]
	[[ $stderr == *"standard output"* ]]
	# They are in the database all the same.
	has_rounds tdcost.db 1
}

@test "--help tells of every option and exits 0" {
	run --separate-stderr tdcost run --help
	[ "$status" = 0 ]
	[ -z "$stderr" ]
	[[ ${lines[0]} == "Usage: tdcost run"* ]]
	for option in --param --preset --budget --rounds --blocks --label --seed --cpu --events \
		--dry-run --db --json --help; do
		[[ $output == *"$option"* ]]
	done
}
