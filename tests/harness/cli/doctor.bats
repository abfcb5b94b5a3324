#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

load helper

@test "doctor says what it found and exits 5 when anything is fatal" {
	run --separate-stderr tdcost doctor
	[ -z "$stderr" ]
	[[ $output == *"nothing was changed"* ]]
	if [[ $output == *$'\n'"FATAL "* ]]; then
		[ "$status" = 5 ]
	else
		[ "$status" = 0 ]
	fi
	[[ $output == *"X86_BUG_TDX_PW_MCE"* ]]
}

@test "doctor --json holds the same" {
	run --separate-stderr tdcost doctor --json
	[ "$status" = 0 ] || [ "$status" = 5 ]
	[ -z "$stderr" ]
	if jq -e 'any(.findings[]; .level == "FATAL")' <<<"$output"; then
		[ "$status" = 5 ]
	else
		[ "$status" = 0 ]
	fi
	jq -e 'all(.findings[]; (.what | length) > 0 and (.level | IN("FATAL", "remark", "note")))' \
		<<<"$output"
	jq -e '(.environment_hash | length) == 32 and (.features.movdir64b | type) == "boolean" and
		(.environment | has("cpu_affected") and has("kernel_flag"))' <<<"$output"
}

@test "the environment has the same name each time" {
	a=$(tdcost doctor --json | jq -r .environment_hash) || true
	b=$(tdcost doctor --json | jq -r .environment_hash) || true
	[ -n "$a" ]
	[ "$a" = "$b" ]
}

@test "doctor changes nothing and makes no database" {
	tdcost doctor >/dev/null || [ $? = 5 ]
	[ -z "$(ls -A)" ]
}

@test "doctor takes no argument" {
	run --separate-stderr tdcost doctor now
	assert_refused 2 "'now'"
}

# 20 runs of six processes, which take a few seconds.
CALIBRATE=(doctor --calibrate null --rounds 6 --blocks 5 --budget 300ms)

calibrations() {
	sqlite3 tdcost.db "SELECT count(*) FROM calibration" 2>/dev/null
}

@test "doctor_calibrate_stores_floor_with_its_design" {
	run --separate-stderr tdcost "${CALIBRATE[@]}" --apart 0 --json
	echo "$output $stderr"
	forget_busy
	[ "$status" = 0 ]
	[[ $stderr == "tdcost doctor: about "*": 20 runs of 6 rounds in one; the second half begins "* ]]
	jq -e 'length == 2 and all(.[]; .rounds == 6 and .blocks == 5 and .floor >= 0 and .lo <= .hi and
			.called_different <= .comparisons) and
		(.[0] | .design == "paired" and .comparisons == 20 and .distance_ms == 0) and
		(.[1] | .design == "one after the other" and .comparisons == 10 and .distance_ms > 0)' <<<"$output"
	[ "$(sqlite3 tdcost.db "SELECT group_concat(rounds || ' ' || blocks || ' ' || (distance IS NULL)) FROM
		(SELECT * FROM calibration ORDER BY design DESC)")" = "6 5 1,6 5 0" ]
	[ "$(rounds_of_last tdcost.db)" = 120 ]
	tdcost db check
}

@test "compare_of_calibrated_design_uses_floor" {
	tdcost "${CALIBRATE[@]}" --apart 0 >/dev/null
	tdcost run null -p extra=none,20000 --rounds 6 --blocks 5 >/dev/null || [ $? = 5 ]
	sqlite3 tdcost.db 'DELETE FROM flag WHERE fatal'
	run --separate-stderr tdcost compare --by extra --json
	echo "$output"
	jq -e '.rows[0] | .noise_floor_match == "applies" and .noise_floor >= 0 and .noise_floor_calibrated ==
		{design: "paired", rounds: 6, blocks: 5, distance_ms: 0}' <<<"$output"
	# Fewer rounds than were calibrated are noisier.
	sqlite3 tdcost.db 'UPDATE calibration SET rounds = 7'
	run --separate-stderr tdcost compare --by extra
	[[ $output == *"calibrated with 7 rounds of 5 blocks, this comparison has 6 of 5; calibrate with "* ]]
	# The command that is printed calibrates what is lacking.
	command=$(grep -o 'tdcost doctor --calibrate [^`]*' <<<"$output")
	echo "$command"
	[[ $command == "tdcost doctor --calibrate null --rounds 6 --blocks 5 --budget "* ]]
	sqlite3 tdcost.db 'DELETE FROM calibration'
	# shellcheck disable=SC2086
	$command --apart 0 >/dev/null
	run --separate-stderr tdcost compare --by extra --json "$(sqlite3 tdcost.db "SELECT substr(uuid, 1, 8)
		FROM run WHERE label IS NULL")"
	jq -e '.rows[0].noise_floor_match == "applies"' <<<"$output"
}

@test "doctor_calibrate_interrupted_in_pause_goes_on" {
	"$TDCOST" "${CALIBRATE[@]}" --apart 1h >out 2>err &
	pid=$!
	wait_until has_rounds tdcost.db 60
	kill -INT $pid
	wait $pid && status=0 || status=$?
	cat err
	[ "$status" = 1 ]
	[[ $(<err) == *"interrupted: 60 of 120 rounds are kept"*"run --resume "* ]]
	[ "$(calibrations)" = 0 ]
	run --separate-stderr tdcost run --resume @last
	echo "$output $stderr"
	[ "$status" = 0 ]
	[[ $output == *"one after the other"* ]]
	[ "$(calibrations)" = 2 ]
}

@test "doctor_calibrate_bad_use_is_refused" {
	for option in "--rounds 6" "--blocks 5" "--budget 1s" "--apart 0" "-p ops=1"; do
		# shellcheck disable=SC2086
		run --separate-stderr tdcost doctor $option
		assert_refused 2 "--calibrate"
	done
	run --separate-stderr tdcost doctor --calibrate null --rounds 5
	assert_refused 2 "--rounds 5" "6 or more"
	run --separate-stderr tdcost doctor --calibrate null --apart soon
	assert_refused 2 "--apart 'soon'"
	run --separate-stderr tdcost doctor --calibrate null -p twin=a
	assert_refused 2 "twin=a"
	[ ! -e tdcost.db ]
}
