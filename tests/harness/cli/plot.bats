#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

load helper

setup_file() {
	export ONCE=$BATS_FILE_TMPDIR/once.db
	"$TDCOST" run reset -p region=256K -p backing=4k --rounds 6 --blocks 10 \
		--label drawn --db "$ONCE" >/dev/null || [ $? = 5 ]
}

setup() {
	enter
	export TDCOST_DB=$ONCE
}

@test "plot --list names the plots" {
	run --separate-stderr tdcost plot --list
	[ "$status" = 0 ]
	tdcost plot --list --json | jq -r '.[].plot' >plots
	[ "$(wc -l <plots)" -ge 4 ]
	while read -r plot; do
		[[ $output == *"$plot"* ]]
	done <plots
}

@test "every plot is drawn, and the names printed are files that are there" {
	run --separate-stderr tdcost plot
	[ "$status" = 0 ]
	[ "${#lines[@]}" -ge 4 ]
	for file in "${lines[@]}"; do
		[ -s "$file" ]
		[[ $file == plots/*.svg ]]
		head -c 200 "$file" | grep -q '<?xml\|<svg'
	done
	# And no others.
	[ "$(find plots -type f | wc -l)" = "${#lines[@]}" ]
}

@test "formats are what they are called" {
	tdcost plot --format png --output pictures --plot cost
	for file in pictures/*.png; do
		[ "$(head -c 4 "$file" | tail -c 3)" = PNG ]
	done
	tdcost plot --format pdf --output pictures --plot cost
	for file in pictures/*.pdf; do
		[ "$(head -c 4 "$file")" = %PDF ]
	done
	run --separate-stderr tdcost plot --format dumb --plot cost --output none
	[ "$status" = 0 ]
	[ -n "$output" ]
	[ ! -e none ]
}

@test "plot --json lists the files" {
	tdcost plot --json --output pictures >drawn.json
	jq -r '.drawn[]' drawn.json | while read -r file; do
		[ -s "$file" ]
	done
	[ "$(jq '.drawn | length' drawn.json)" -ge 4 ]
}

@test "one plot of a named run" {
	run --separate-stderr tdcost plot label=drawn --plot rounds
	[ "$status" = 0 ]
	[ "${#lines[@]}" = 1 ]
	[[ $output == *rounds* ]]
}

@test "what cannot be drawn is refused" {
	run --separate-stderr tdcost plot --plot cst
	assert_refused 2 "'cst'" "'cost'"
	run --separate-stderr tdcost plot --format gif
	assert_refused 2 "'gif'" svg png pdf dumb
	run --separate-stderr tdcost plot zzzz
	assert_refused 2 zzzz
	run --separate-stderr tdcost plot --json --format dumb
	assert_refused 2 "dumb"
	touch file
	run --separate-stderr tdcost plot --output file
	assert_refused 1
}

@test "a run that has nothing for a plot says so when it was asked for" {
	export TDCOST_DB=null.db
	tdcost run null --rounds 2 --blocks 5 >/dev/null || [ $? = 5 ]
	run --separate-stderr tdcost plot --plot saving
	assert_refused 1 "saving"
	# Not asked for, it is passed over.
	tdcost plot
}
