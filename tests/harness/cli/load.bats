#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154  # each test is a subshell of its own; run sets stderr
# Other work on the machine: run warns of it, and what was off the CPU gets no verdict and says so.

load helper

REPLAY=path=dynamic,size=1M,backing=4k,leaf=4K,vcpus=2,leave_out=none
VM=type=plain,mem=anon,size=1M,exit=ordered,vcpus=2
BUSY=0.12,0.73,0.4,0.4,0.4,0.4,0.4,0.4
FORMATS=(table markdown commit json)

replay() { # LABEL [NS-ON [NS-OFF]]
	"$MAKE_ARMS" tdcost.db "$1" "teardown:0:0:${2:-4000}:quirk=on,$REPLAY" "teardown:0:0:${3:-3000}:quirk=off,$REPLAY"
}

id_of() { # LABEL
	sqlite3 tdcost.db "SELECT substr(uuid, 1, 8) FROM run WHERE label = '$1'"
}

compared() { # ARG...
	run --separate-stderr tdcost compare "$@"
	echo "$output"
	[ "$status" = 0 ]
	[ -z "$stderr" ]
	flat=$(tr -s '\n ' '  ' <<<"$output")
}

@test "compare_busy_run_withholds_its_verdict_in_every_format" {
	AWAY=$BUSY replay busy
	for format in "${FORMATS[@]}"; do
		compared --by quirk --format "$format"
		# The mean over processes.
		[[ $flat == *"off the CPU for 41 % of the time"* ]]
		[[ $flat == *"run $(id_of busy): off the CPU for 12 to 73 % of the time in 8 of 8 processes"* ]]
		[[ $flat == *inconclusive* || $flat == *Inconclusive* ]]
		[[ $flat != *faster* && $flat != *equivalent* && $flat != *"more round"* ]]
	done
	jq -e '.rows[0] | .verdict == "inconclusive" and .withheld == "off the CPU for 41 % of the time" and
		(.a.off_cpu - 0.40625 | fabs) < 1e-6 and .more_needed == 0' <<<"$output"
	run --separate-stderr tdcost show
	[[ $output == *"inconclusive: off the CPU for 41 % of the time"* ]]
}

@test "compare_quiet_run_is_decided_without_a_word" {
	replay quiet
	for format in "${FORMATS[@]}"; do
		compared --by quirk --format "$format"
		[[ $flat != *"off the CPU for"* && $flat != *"the hypervisor took"* ]]
		[[ $flat == *faster* || $flat == *Faster* ]]
	done
	jq -e '.rows[0] | .withheld == null and .a.off_cpu == 0 and .b.off_cpu == 0' <<<"$output"
	jq -e '.remarks == []' <<<"$output"
}

@test "compare_share_below_the_limit_is_remarked_and_decided" {
	AWAY=0.04 replay little
	compared --by quirk
	[[ $output == *"remark: run $(id_of little): off the CPU for 4 % of the time in 8 of 8 processes"* ]]
	[[ $output == *" faster"* ]]
	# The limit is of the mean: one process of eight does not reach it.
	AWAY=0.3,0,0,0,0,0,0,0 replay one
	compared --by quirk
	[[ $output == *"off the CPU for 30 % of the time in 1 of 8 processes"* && $output == *" faster"* ]]
}

@test "commit_block_of_a_busy_run_claims_nothing_and_follows_from_its_archive" {
	AWAY=0.3 replay busy
	compared --by quirk --format commit
	[[ $flat != *"Nothing got slower"* ]]
	[[ $flat == *"Inconclusive: 1 of 1 (all)."* ]]
	awk 'length > 72 { exit 1 }' <<<"$output"
	tdcost compare --by quirk --format commit >block
	tdcost db export --evidence evidence.db
	run --separate-stderr tdcost compare --verify evidence.db block
	[ "$status" = 0 ]
	sed 's/for 30 %/for 3 %/' block >other
	run --separate-stderr tdcost compare --verify evidence.db other
	[ "$status" = 1 ]
	replay quiet
	compared --by quirk --format commit
	[[ $flat == *"Nothing got slower"* ]]
}

@test "compare_two_runs_either_side_busy_withholds_and_passes_the_gate" {
	replay quiet 3000 2000
	AWAY=0.5 replay busy 4000 3000
	for sides in "label=quiet label=busy" "label=busy label=quiet"; do
		# shellcheck disable=SC2086  # words
		compared $sides --gate 1% --json
		jq -e 'all(.rows[]; .verdict == "inconclusive" and .withheld == "off the CPU for 50 % of the time")' <<<"$output"
		jq -e '.remarks | length == 1 and (.[0] | endswith("in 8 of 8 processes"))' <<<"$output"
	done
	# Of several runs on a side one is enough.
	replay side 3000 2000
	AWAY=0.5 replay side 3000 2000
	replay side 3000 2000
	compared label=side label=quiet --json
	jq -e 'all(.rows[]; .withheld == "off the CPU for 50 % of the time")' <<<"$output"
}

@test "compare_steal_is_counted_by_time_and_remarked" {
	STEAL=2 replay some
	compared --by quirk
	[[ $output == *"remark: run $(id_of some): the hypervisor took 2.0 % of the time, 16 ticks of 10 ms, in 8 of 8 processes"* ]]
	[[ $output == *" faster"* ]]
	STEAL=30 replay much
	for format in "${FORMATS[@]}"; do
		compared --by quirk --format "$format"
		[[ $flat == *"the hypervisor took 30.0 % of the time, 240 ticks of 10 ms, in 8 of 8 processes"* ]]
		[[ $flat == *"off the CPU for 30 % of the time"* && $flat != *faster* ]]
	done
	# Older files do not say in how long they were lost: a remark, and no more.
	sqlite3 tdcost.db "UPDATE invocation SET varying = json_remove(varying, '\$.wall_ns')"
	compared --by quirk
	[[ $output == *"the hypervisor took 240 ticks of 10 ms, in 8 of 8 processes"* && $output == *" faster"* ]]
}

@test "compare_untrustworthy_run_stays_untrustworthy" {
	AWAY=0.5 replay busy
	sqlite3 tdcost.db "INSERT INTO flag (run, code, fatal, detail) SELECT id, 'clock-step', 1, 'made up' FROM run"
	run --separate-stderr tdcost compare --by quirk --json
	[ "$status" = 5 ]
	jq -e '.rows[0] | .verdict == "untrustworthy" and .withheld == null' <<<"$output"
}

@test "shutdown_busy_run_withholds_its_verdicts_in_every_format" {
	AWAY=$BUSY "$MAKE_ARMS" tdcost.db busy "teardown:0:0:4000:quirk=on,$REPLAY" "teardown:0:0:3000:quirk=off,$REPLAY" \
		"vm:1:0:600000:quirk=on,$VM" "vm:1:0:400000:quirk=off,$VM" "vm:1:0:300000:quirk=none,$VM"
	for format in "${FORMATS[@]}"; do
		compared --shutdown --format "$format"
		[[ $flat == *"inconclusive"*"off the CPU for 41 % of the time"* ]]
		# A VM sleeps while its end is waited for: its processes are not among the busy ones.
		[[ $flat == *"run $(id_of busy): off the CPU for 12 to 73 % of the time in 8 of 16 processes"* ]]
	done
	jq -e '[.cases[0].arms[] | select(.name | startswith("replay")) | .against_on, .against_plain | values] |
		length == 3 and all(.[]; .verdict == "inconclusive" and .withheld)' <<<"$output"
	jq -e '[.cases[0].arms[] | select(.name | startswith("VM")) | .against_on, .against_plain | values] |
		length == 3 and all(.[]; .verdict != "inconclusive" and .withheld == null)' <<<"$output"
	compared --shutdown --format commit
	awk 'length > 72 { exit 1 }' <<<"$output"
}

@test "plot_busy_run_says_so_below_its_title" {
	AWAY=$BUSY STEAL=1 replay busy
	replay quiet
	for plot in cost ecdf saving rounds; do
		run --separate-stderr tdcost plot label=busy --plot "$plot" --format dumb
		echo "$output"
		[ "$status" = 0 ]
		flat=$(head -n 12 <<<"$output" | tr -s '\n ' '  ')
		[[ $flat == *"run $(id_of busy): off the CPU for 12 to 73 % of the time in 8 of 8 processes"* ]]
		[[ $flat == *"run $(id_of busy): the hypervisor took 1.0 % of the time"* ]]
		run --separate-stderr tdcost plot label=quiet --plot "$plot" --format dumb
		[ "$status" = 0 ]
		[[ $output != *"off the CPU"* && $output != *hypervisor* ]]
	done
	tdcost plot label=busy --plot saving --format svg --output pictures
	grep -q "off the CPU for 12 to 73 % of the time" pictures/*.svg
}

# ---- run ----

# A CPU that this process may use.
a_cpu() {
	taskset -cp $$ | sed 's/.*: *//; s/[,-].*//'
}

@test "run_on_a_busy_cpu_warns_in_one_line_before_it_measures" {
	cpu=$(a_cpu)
	taskset -c "$cpu" bash -c 'while :; do :; done' 3>&- &
	spinner=$!
	run --separate-stderr tdcost run null --cpu "$cpu" "${SMALL[@]}"
	run_status=$status run_stderr=$stderr
	run --separate-stderr tdcost run null --cpu "$cpu" "${SMALL[@]}" --dry-run
	kill "$spinner"
	echo "$run_stderr"
	[ "$run_status" = 0 ] || [ "$run_status" = 5 ]
	[[ $run_stderr =~ ^"tdcost run: the machine is busy: CPU $cpu was "[0-9]+" % in use in the last 0.2 s; stop other work, or expect inconclusive verdicts"$ ]]
	[ "$status" = 0 ]
	[ -z "$stderr" ]
}
