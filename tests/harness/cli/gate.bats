#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The gate of `compare`, and the noise floor that bounds it. Figures and floors are made up: eight
# processes of two blocks that spread by 1 %.

load helper

sql() {
	sqlite3 tdcost.db "$1"
}

# A run of one cell, that began MINUTE minutes after the first.
invented() { # LABEL MINUTE NS
	"$MAKE_ARMS" tdcost.db "$1" "vm:0:0:$3:quirk=none,size=64M"
	sql "UPDATE run SET started = 1 + 60000 * $2 WHERE label = '$1'"
}

# The runs of LABEL are of boot BOOT on HOST.
move() { # LABEL BOOT HOST
	sql "INSERT OR IGNORE INTO host SELECT '$3', name, cpu, family, model, stepping, packages, llcs, cpus,
			memory FROM host LIMIT 1;
		INSERT INTO boot (boot_id, host, environment, lane, clock, tick_hz, resolution, overhead)
			SELECT '$2', '$3', environment, lane, clock, tick_hz, resolution, overhead FROM boot
			WHERE boot_id = 'never';
		UPDATE run SET boot = (SELECT id FROM boot WHERE boot_id = '$2') WHERE label = '$1';
		UPDATE invocation SET boot = (SELECT id FROM boot WHERE boot_id = '$2') WHERE run =
			(SELECT id FROM run WHERE label = '$1')"
}

setup() {
	enter
	invented before 0 1000000
	invented after 10 1100000
}

# DESIGN FLOOR ROUNDS BLOCKS DISTANCE: of the cell of all runs here.
calibrate() {
	sql "INSERT INTO calibration (boot, cell, design, taken, pairs, false_positives, floor, rounds, blocks,
		distance) SELECT b.id, c.hash, '$1', (SELECT count(*) FROM calibration), 20, 1, $2, $3, $4, $5
		FROM boot b, cell c"
}

compared() { # STATUS OPTION...
	local want=$1
	shift
	run --separate-stderr tdcost compare label=before label=after "$@"
	echo "status $status (want $want): $output $stderr"
	[ "$status" = "$want" ]
	[ -z "$stderr" ]
}

@test "compare_sequential_without_floor_is_inconclusive" {
	compared 0 --gate 1%
	[[ $output == *"inconclusive: no noise floor"* ]]
	[[ $output == *"measured before the other"* ]]
	[[ $output == *"nothing was calibrated; interleave the runs, or calibrate with "*"--rounds 8 --blocks 2"* ]]
	[[ $output == *"gate of 1 %: 0 of 1 rows beyond it, 0 within, 1 undecided"* ]]
	compared 0 --gate 1% --json
	jq -e '.gate_result == "undecided" and (.rows[0] | .verdict == "inconclusive" and .more_needed == 0 and
		.withheld == "no noise floor" and .noise_floor == null and .gate == "undecided" and
		.design == {design: "one after the other", rounds: 8, blocks: 2, distance_ms: 600000})' <<<"$output"
}

@test "compare_sequential_inside_floor_is_inconclusive" {
	calibrate 'one after the other' 0.17 8 2 600000
	compared 0 --gate 1%
	[[ $output == *"inconclusive: inside the noise floor"* ]]
	[[ $output == *"17.00 % (calibrated with 8 rounds of 2 blocks, 10.0 min apart)"* ]]
	[[ $output == *"the gate of 1 % is below that floor"* ]]
	[[ $output == *"gate of 1 %: 0 of 1 rows beyond it, 1 within, 0 undecided"* ]]
}

@test "compare_sequential_beyond_floor_fails_gate" {
	calibrate 'one after the other' 0.03 8 2 600000
	for format in table markdown; do
		compared 3 --gate 1% --format $format
		[[ $output == *slower* ]]
		grep -qE '^gate FAILED: .*: \+10\.00 % \[.*\], threshold 3 %, noise floor 3 %$' <<<"$output"
	done
	compared 3 --gate 1% --json
	jq -e '.gate == 0.01 and .gate_result == "beyond" and (.rows[0] | .verdict == "slower" and
		.withheld == null and .gate == "beyond" and .gate_threshold == 0.03 and .noise_floor == 0.03)' \
		<<<"$output"
	compared 3 --gate 5%
	[[ $output == *"threshold 5 %, noise floor 3 %"* ]]
	compared 0 --gate 20%
}

@test "compare_commit_gate_lines_follow_block_and_fit" {
	calibrate 'one after the other' 0.03 8 2 600000
	compared 3 --gate 1% --format commit
	[[ ${output##*--format commit} == *"gate FAILED: "*"threshold"* ]]
	while IFS= read -r line; do
		[ "${#line}" -le 72 ]
	done <<<"$output"
	sql "DELETE FROM calibration"
	compared 0 --format commit
	[[ $output == *"no noise floor"* && $output != *"Nothing got slower"* ]]
}

@test "compare_floor_of_other_design_is_not_used" {
	calibrate 'one after the other' 0.03 20 2 600000
	compared 0 --gate 1%
	[[ $output == *"calibrated with 20 rounds of 2 blocks, this comparison has 8 of 2; calibrate with"* ]]
	sql "UPDATE calibration SET rounds = 8, blocks = 10"
	compared 0 --gate 1%
	[[ $output == *"calibrated with 8 rounds of 10 blocks, this comparison has 8 of 2; calibrate with"* ]]
	sql "UPDATE calibration SET blocks = 2, distance = 200000"
	compared 0 --gate 1%
	[[ $output == *"calibrated with runs 3.33 min apart, these are 10.0 min apart; calibrate with "*"--apart 301s"* ]]
	sql "UPDATE calibration SET rounds = NULL, blocks = NULL"
	compared 0 --gate 1%
	[[ $output == *"(schema 3 or older); calibrate with"* ]]
	sql "DELETE FROM calibration"
	calibrate paired 0.03 8 2 NULL
	compared 0 --gate 1%
	[[ $output == *"nothing was calibrated"* ]]
}

@test "compare_floor_of_one_host_is_not_used_for_two" {
	calibrate 'one after the other' 0.03 8 2 600000
	compared 3 --gate 1%
	# Two hosts are two boots, of which one each decides nothing.
	move after second elsewhere
	compared 0 --gate 1% --across host
	[[ $output == *"2 more boots needed"* && $output != *"noise floor of"* ]]
}

# Three boots a side, from MINUTE for each.
boots() { # MINUTE-OF-A... MINUTE-OF-B...
	local i minutes=("$@")
	rm tdcost.db
	for i in 0 1 2 3 4 5; do
		invented "boot-$i" "${minutes[i]}" $((i < 3 ? 1000000 : 1100000))
		move "boot-$i" "boot-$i" nowhere
	done
	sql "UPDATE run SET label = iif(label < 'boot-3', 'before', 'after')"
}

@test "compare_interleaved_boots_need_no_floor" {
	boots 0 30 40 10 20 50
	compared 3 --gate 1%
	[[ $output != *"before the other"* && $output != *"no noise floor"* ]]
}

@test "compare_sequential_boots_are_inconclusive" {
	boots 0 10 20 30 40 50
	compared 0 --gate 1%
	[[ $output == *"inconclusive: no noise floor"*"none is known for boots"* ]]
}

@test "compare_counts_are_never_sequential" {
	sql "UPDATE boot SET clock = 'instructions', lane = 'count'"
	compared 3 --gate 1%
	[[ $output != *"before the other"* && $output != *"no noise floor"* ]]
	compared 3 --gate 1% --json
	jq -e '.one_after_the_other | not' <<<"$output"
}

@test "compare_gate_inconclusive_fail_exits_7" {
	compared 0 --gate 1% --gate-inconclusive pass
	compared 7 --gate 1% --gate-inconclusive fail
	grep -qE '^gate undecided: .*, threshold 1 %, noise floor not known$' <<<"$output"
	# What is shown to be within it passes.
	calibrate 'one after the other' 0.17 8 2 600000
	compared 0 --gate 1% --gate-inconclusive fail
	# 3 and 5 come before 7.
	sql "UPDATE calibration SET floor = 0.03"
	compared 3 --gate 1% --gate-inconclusive fail
	sql "INSERT INTO flag (run, code, fatal) SELECT id, 'clock-step', 1 FROM run"
	compared 5 --gate 1% --gate-inconclusive fail
}

@test "compare_gate_inconclusive_bad_use_is_refused" {
	run --separate-stderr tdcost compare label=before label=after --gate-inconclusive fail
	assert_refused 2 "--gate PERCENT"
	run --separate-stderr tdcost compare label=before label=after --gate 1 --gate-inconclusive maybe
	assert_refused 2 "--gate-inconclusive" "pass or fail"
}

@test "compare_shutdown_of_two_runs_needs_floor" {
	"$MAKE_ARMS" tdcost.db on "vm:0:0:2000000:quirk=on,type=tdx,size=64M,mem=guest_memfd" \
		"vm:0:0:1000000:quirk=none,type=plain,size=64M,mem=guest_memfd"
	"$MAKE_ARMS" tdcost.db off "vm:0:0:1500000:quirk=off,type=tdx,size=64M,mem=guest_memfd" \
		"vm:0:0:1000000:quirk=none,type=plain,size=64M,mem=guest_memfd"
	sql "UPDATE run SET started = 600001 WHERE label = 'off'"
	run --separate-stderr tdcost compare label=on label=off --shutdown --json
	echo "$output"
	jq -e '[.cases[].arms[].against_on | select(. != null)] | length == 1 and
		(.[0].verdict == "inconclusive" and .[0].withheld == "no noise floor")' <<<"$output"
	# Arms of one run stay decided.
	jq -e '[.cases[].arms[].against_plain | select(. != null and .withheld == null)] | length >= 1 and
		all(.[]; .verdict == "slower")' <<<"$output"
	run --separate-stderr tdcost compare label=on label=off --shutdown --format commit
	[[ $(tr -s '\n ' ' ' <<<"$output") == *"Inconclusive because no noise floor is known: 1 of "* ]]
}
