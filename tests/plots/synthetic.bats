#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What was made up says so, on whatever way it comes to a reader.

load ../harness/cli/helper

setup_file() {
	export MADE=$BATS_FILE_TMPDIR/made-up.db
	"$MAKE_SYNTHETIC" "$MADE" stop a 6 3
	"$MAKE_SYNTHETIC" "$MADE" stop b 6 3
	"$MAKE_SYNTHETIC" "$MADE" wbinvd c 6 3 "scope=one,all op=wbinvd dirty=0,100"
}

setup() {
	enter
	export TDCOST_DB=$MADE
}

@test "show and compare have the word in their head lines" {
	run --separate-stderr tdcost show label=a
	[ "$status" = 0 ]
	[[ ${lines[1]} == "SYNTHETIC: Invented CPU"* ]]
	run --separate-stderr tdcost compare label=a label=b
	[[ ${lines[1]} == "SYNTHETIC: Invented CPU"* ]]
	tdcost compare label=a label=b --json | jq -e '.machine | startswith("SYNTHETIC: ")'
	tdcost compare label=a --by policy=percpu,none --format commit | grep -q SYNTHETIC
}

@test "the file is sound" {
	run --separate-stderr tdcost db check
	[ "$status" = 0 ]
}

@test "every picture has it in its title and in its name" {
	run --separate-stderr tdcost plot label=a label=c
	[ "$status" = 0 ]
	[ "${#lines[@]}" = 6 ]
	for file in "${lines[@]}"; do
		[[ $file == plots/synthetic-*.svg ]]
		grep -o '>SYNTHETIC: [a-z]*' "$file" | sed 1q | grep -q 'stop\|wbinvd'
	done
}

@test "and in a terminal, as the first word" {
	for plot in cost ecdf rounds dirty policy cpus; do
		run --separate-stderr tdcost plot label=a label=c --plot "$plot" --format dumb
		[ "$status" = 0 ]
		[[ $output == " SYNTHETIC: "* ]]
	done
}

@test "a plot for which there is nothing says which there are" {
	run --separate-stderr tdcost plot label=a --plot victim
	assert_refused 1 "no cell holds a victim" "tdcost run wbinvd -p victim=llc" \
		"these runs hold data for: cost, ecdf, rounds, policy, cpus"
	run --separate-stderr tdcost plot label=c --plot policy
	assert_refused 1 "no cell holds a stop" "these runs hold data for: cost, ecdf, rounds, dirty, cpus"
}

@test "a measured run is not compared with a made-up one" {
	tdcost run null --rounds 1 --blocks 5 --budget 200ms --db mixed.db || [ $? = 5 ]
	"$MAKE_SYNTHETIC" mixed.db stop a 1 1
	run --separate-stderr tdcost compare @last @last~1 --db mixed.db --across synthetic
	assert_refused 6 "is synthetic and run" "was measured"
}

# Nobody shall take a picture, or a number, of it for one of a machine.
@test "nothing that was made up is in the tree's results and documentation" {
	run grep -rlaE '"synthetic" *: *true|Invented CPU' "$TOP/results" "$TOP/docs" "$TOP/README.md"
	echo "$output"
	[ -z "$output" ]
}
