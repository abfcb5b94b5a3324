# SPDX-License-Identifier: GPL-2.0-or-later
# bats sets status, output and stderr.
# shellcheck disable=SC2030,SC2031,SC2154
# Executed instructions as the level of lane count, and `compare --metric`. Nothing is measured: the runs
# are made up, so that the clock and what was executed move in opposite directions.

load helper

# From 6.1 to 6.12 the clock halves, and what the thread executed rises by 28 %.
two_kernels() {
	RELEASE=6.1 "$MAKE_COUNTS" tdcost.db old \
		quirk=none/4000000/ran.thread=90000/phase.memslot=2000000/phase.vm=1900000/retries.calls=3/late.calls=0 \
		quirk=off/3000000/ran.thread=100000/phase.memslot=1000000/phase.vm=1900000/phase.reset=5000
	RELEASE=6.12 "$MAKE_COUNTS" tdcost.db new \
		quirk=none/2000000/ran.thread=115000/phase.memslot=500000/phase.vm=1400000/retries.calls=4/late.calls=0 \
		quirk=off/3000000/ran.thread=100000/phase.memslot=1000000/phase.vm=1900000/phase.reset=5000
}

# `compare --json` of both kernels, or of the arms of one, to compared.json.
KERNELS=(label=old label=new --across kernel)

# ---- the level of lane count ----

@test "compare_lane_count_verdict_follows_what_was_executed" {
	two_kernels
	compared "${KERNELS[@]}"
	jq -e '.clock == "instructions" and (.rows | length) == 2 and
		all(.rows[]; .unit == "instructions executed per VM")' compared.json
	jq -e '.rows[0] | .verdict == "more" and (.log_ratio.value | exp - 1 | . > 0.27 and . < 0.29) and
		(.a.level | . > 89000 and . < 91000) and (.b.level | . > 114000 and . < 116000) and
		(.a.waited | . > 0.977 and . < 0.978) and (.b.waited | . > 0.942 and . < 0.943)' compared.json
	jq -e '.rows[1] | .verdict == "equivalent" and .a.waited == .b.waited' compared.json
	run --separate-stderr tdcost compare "${KERNELS[@]}" --gate 5%
	[ "$status" = 3 ]
	[[ $output == *"vm, instructions executed per VM"* && $output == *waited* && $output == *"98 %, 94 % more"* ]]
	run --separate-stderr tdcost compare "${KERNELS[@]}" --format markdown
	[[ $output == *"| 98 %, 94 % | more |"* ]]
}

@test "compare_lane_count_arms_of_one_run_are_paired_by_what_was_executed" {
	two_kernels
	compared label=old --by quirk
	jq -e '.rows[0] | .difference.n == 8 and .verdict == "more" and
		(.difference.value | . > 9900 and . < 10100) and .unit == "instructions executed per VM"' compared.json
}

@test "compare_commit_names_the_wait_and_verify_follows" {
	two_kernels
	tdcost compare "${KERNELS[@]}" --format commit >block
	cat block
	tr -s ' \n' ' ' <block >words
	grep -q "vm, instructions executed per VM" words
	grep -q "n=8 more, waited 98 %, 94 %" words
	tdcost db export label=old label=new --evidence=archive.db
	run --separate-stderr tdcost compare --verify archive.db block
	echo "$output$stderr"
	[ "$status" = 0 ]
	sed -i 's/94 %/93 %/' block
	run --separate-stderr tdcost compare --verify archive.db block
	[ "$status" = 1 ]
	[[ $output == *"93 %"* ]]
}

@test "show_lane_count_levels_are_what_was_executed" {
	two_kernels
	run --separate-stderr tdcost show label=old
	echo "$output"
	[[ $output == *"vm, instructions executed per VM"* ]]
	grep -Eq '^quirk=none +measured +90045 .* 98 %$' <<<"$output"
	tdcost show label=old --json >shown.json
	jq -e '.cells[0] | (.summary.median | . > 89000 and . < 91000) and (.clock.median | . > 3990000 and . < 4010000) and
		.waited > 0.97 and .unit == "instructions executed per VM"' shown.json
}

@test "show_lane_host_levels_stay_times" {
	LANE=host "$MAKE_COUNTS" tdcost.db timed quirk=none/4000000/ran.thread=90000
	tdcost show --json >shown.json
	jq -e '.cells[0] | (.summary.median | . > 3990000) and .clock == null and .waited == null and
		.unit == "ns per VM"' shown.json
	run --separate-stderr tdcost show
	[[ $output != *waited* && $output != *executed* ]]
}

@test "show_several_units_of_work_executed_is_per_unit" {
	WORK=10 "$MAKE_COUNTS" tdcost.db work quirk=none/4000000/ran.thread=90000
	tdcost show --json >shown.json
	jq -e '.cells[0] | (.summary.median | . > 8900 and . < 9100) and (.clock.median | . > 399000 and . < 401000)' \
		shown.json
}

# Who is killed cannot say what it executed: then both arms are compared by the clock.
@test "compare_arm_without_ran_group_stays_with_the_clock" {
	"$MAKE_COUNTS" tdcost.db mixed exit=ordered/4000000/ran.thread=90000 exit=sigkill/2000000
	compared --by exit
	jq -e '.rows[0] | .verdict == "fewer" and .unit == "instructions per VM" and .a.waited == null' compared.json
	# Another run of one of the arms alone counts what was executed: two quantities.
	RELEASE=6.12 "$MAKE_COUNTS" tdcost.db single exit=ordered/3000000/ran.thread=95000
	run --separate-stderr tdcost compare label=mixed label=single --across kernel
	assert_refused 2 "what the thread executed" "the clock" "--metric ran"
	compared label=mixed label=single --across kernel --metric ran
	jq -e '(.rows | length) == 1 and .rows[0].verdict == "more"' compared.json
	compared label=mixed label=single --across kernel --metric time
	jq -e '(.rows | length) == 1 and .rows[0].verdict == "fewer"' compared.json
}

@test "plot_lane_count_cells_are_executed_and_phases_divide_the_clock" {
	two_kernels
	run --separate-stderr tdcost plot label=old --plot cost -f dumb
	echo "$output"
	[[ $output == *"cost in instructions executed per VM"* && $output == *" 90045"* ]]
	run --separate-stderr tdcost plot label=old --plot phases -f dumb
	echo "$output"
	[[ $output == *"time [instructions per VM]"* && $output == *" 4002000 "* ]]
}

# ---- compare --metric ----

@test "compare_metric_phase_has_a_row_for_each_phase" {
	two_kernels
	compared "${KERNELS[@]}" --metric phase
	jq -e '.metric == "phase" and [.rows[].label] == ["quirk=none phase memslot", "quirk=none phase vm",
		"quirk=off phase memslot", "quirk=off phase vm", "quirk=off phase reset"] and
		all(.rows[]; .unit == "instructions per sample" and .a.n == 8 and .b.n == 8 and .a.samples == 24) and
		[.rows[].verdict] == ["fewer", "fewer", "equivalent", "equivalent", "equivalent"]' compared.json
	# Judged together.
	jq -e '.adjusted_level == 0.98' compared.json
	compared "${KERNELS[@]}" --metric phase:memslot
	jq -e '[.rows[].label] == ["quirk=none phase memslot", "quirk=off phase memslot"]' compared.json
}

@test "compare_metric_of_one_subject_is_named_without_it" {
	two_kernels
	compared "${KERNELS[@]}" --metric ran
	jq -e '[.rows[].label] == ["quirk=none ran", "quirk=off ran"] and .rows[0].verdict == "more" and
		.rows[0].unit == "instructions per sample"' compared.json
	compared "${KERNELS[@]}" --metric time
	jq -e '.rows[0] | .verdict == "fewer" and .unit == "instructions per VM" and (.a.level > 3990000)' compared.json
	compared "${KERNELS[@]}" --metric retries
	jq -e '(.rows | length) == 1 and .rows[0].unit == "count per sample" and .rows[0].verdict == "more"' compared.json
}

@test "compare_metric_of_cpus_is_over_all_of_them_unless_one_is_named" {
	LANE=host RELEASE=6.1 "$MAKE_COUNTS" tdcost.db old "quirk=none/4000/cpu_time.cpu 0=100/cpu_time.cpu 1=300"
	LANE=host RELEASE=6.12 "$MAKE_COUNTS" tdcost.db new "quirk=none/4000/cpu_time.cpu 0=100/cpu_time.cpu 1=500"
	compared "${KERNELS[@]}" --metric cpu_time
	jq -e '(.rows | length) == 1 and (.rows[0] | .label == "quirk=none cpu_time" and .unit == "ns per CPU" and
		(.a.level | . > 195 and . < 205) and (.b.level | . > 295 and . < 305) and .verdict == "slower")' compared.json
	compared "${KERNELS[@]}" --metric "cpu_time:cpu 0"
	jq -e '.rows[0] | .label == "quirk=none cpu_time cpu 0" and .verdict == "equivalent"' compared.json
}

@test "compare_metric_by_arms_of_one_run_are_pairs" {
	two_kernels
	compared label=old --by quirk --metric phase
	jq -e '.paired and .by == "quirk" and [.rows[].label] == ["vm phase memslot", "vm phase vm"] and
		.rows[0].verdict == "fewer" and .rows[0].difference.n == 8 and
		.rows[1].verdict == "equivalent"' compared.json
	# The spread between processes and blocks is in both arms: pairs do not have it.
	jq -e '.rows[0].log_ratio | .hi - .lo < 1e-9' compared.json
	run --separate-stderr tdcost compare label=old --by quirk --metric phase
	[[ $output == *"only on one side: phase reset in quirk=off"* ]]
	run --separate-stderr tdcost compare label=old --by quirk --metric phase:reset
	assert_refused 2 "phase:reset" "both sides"
}

@test "compare_metric_two_metrics_gate_and_boots" {
	two_kernels
	BOOT=two RELEASE=6.12 "$MAKE_COUNTS" tdcost.db new quirk=none/2000000/ran.thread=116000
	compared "${KERNELS[@]}" --metric ran
	jq -e '.n_counts == "boots" and .rows[0].b.n == 2' compared.json
	run --separate-stderr tdcost compare "${KERNELS[@]}"
	[[ $output == *"98 %, 94 %"* ]]
}

@test "compare_metric_unknown_is_met_with_those_that_the_runs_hold" {
	two_kernels
	run --separate-stderr tdcost compare "${KERNELS[@]}" --metric phas
	assert_refused 2 "metric 'phas'" "time, phase, ran, retries" "did you mean 'phase'"
	[[ $stderr != *late* ]]
	run --separate-stderr tdcost compare "${KERNELS[@]}" --metric phase:menslot
	assert_refused 2 "'menslot'" "memslot, vm, reset" "did you mean 'memslot'"
	run --separate-stderr tdcost compare "${KERNELS[@]}" --metric late
	assert_refused 2 "metric 'late'"
	run --separate-stderr tdcost compare "${KERNELS[@]}" --metric time:nothing
	assert_refused 2 "time 'nothing'"
	run --separate-stderr tdcost compare "${KERNELS[@]}" --metric ""
	assert_refused 2 "metric ''"
}

@test "compare_metric_with_shutdown_or_verify_is_refused" {
	two_kernels
	run --separate-stderr tdcost compare label=old --shutdown --metric phase
	assert_refused 2 "--shutdown" "--metric"
	run --separate-stderr tdcost compare --verify tdcost.db text --metric phase
	assert_refused 2 "--verify"
}

@test "compare_metric_commit_block_reproduces_and_follows" {
	LANE=host RELEASE=6.1 "$MAKE_COUNTS" tdcost.db old "quirk=none/4000/cpu_time.cpu 0=100/cpu_time.cpu 1=300"
	LANE=host RELEASE=6.12 "$MAKE_COUNTS" tdcost.db new "quirk=none/4000/cpu_time.cpu 0=100/cpu_time.cpu 1=500"
	tdcost db export label=old label=new --evidence=archive.db
	for metric in cpu_time "cpu_time:cpu 1"; do
		tdcost compare "${KERNELS[@]}" --metric "$metric" --format commit >block
		cat block
		run --separate-stderr tdcost compare --verify archive.db block
		echo "$output$stderr"
		[ "$status" = 0 ]
		# As a shell takes it.
		sed -n '/^  tdcost compare/,$p' block | sed 's/^  tdcost/tdcost/' >again
		# shellcheck disable=SC1091
		diff <(. ./again) block
	done
	sed -i 's/500/501/' block
	run --separate-stderr tdcost compare --verify archive.db block
	[ "$status" = 1 ]
}
