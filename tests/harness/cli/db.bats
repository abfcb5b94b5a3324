#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

load helper

setup_file() {
	export ONCE=$BATS_FILE_TMPDIR/once.db
	for label in one two two; do
		"$TDCOST" run null --rounds 2 --blocks 50 --label $label --db "$ONCE" >/dev/null ||
			[ $? = 5 ]
	done
}

setup() {
	enter
	cp "$ONCE" tdcost.db
}

count() {
	tdcost runs --json | jq length
}

@test "a sound file is called sound" {
	run --separate-stderr tdcost db check
	[ "$status" = 0 ]
	[[ $output == *"tdcost.db is sound"* ]]
	tdcost db check --json | jq -e '.sound == true and .found == [] and .file == "tdcost.db"'
}

@test "a file with a hole in it is not" {
	size=$(stat -c %s tdcost.db)
	dd if=/dev/urandom of=tdcost.db bs=1 seek=$((size / 2)) count=4096 conv=notrunc status=none
	run --separate-stderr tdcost db check
	[ "$status" = 1 ]
	# shellcheck disable=SC2154
	[ -n "$output$stderr" ]
	run --separate-stderr tdcost db check --json
	[ "$status" = 1 ]
}

@test "samples that are gone are missed" {
	sqlite3 tdcost.db 'DELETE FROM sample WHERE invocation = 1 AND seq = 3'
	run --separate-stderr tdcost db check
	[ "$status" = 1 ]
	[ -n "$output" ]
	run --separate-stderr tdcost db check --json
	[ "$status" = 1 ]
	jq -e '.sound == false and (.found | length) > 0' <<<"$output"
}

@test "rm removes what it is told and nothing else" {
	[ "$(count)" = 3 ]
	id=$(tdcost runs --json | jq -r '.[2].run')
	run --separate-stderr tdcost db rm "${id:0:13}"
	[ "$status" = 0 ]
	[[ $output == "removed $id" ]]
	[ "$(count)" = 2 ]
	tdcost db rm label=two --json | jq -e '.removed | length == 2'
	[ "$(count)" = 0 ]
	tdcost db check
	for table in run run_cell invocation sample flag; do
		[ "$(sqlite3 tdcost.db "SELECT count(*) FROM $table")" = 0 ]
	done
}

@test "rm of what is not there removes nothing" {
	before=$(count)
	run --separate-stderr tdcost db rm zzzz
	assert_refused 2 "zzzz"
	run --separate-stderr tdcost db rm @last zzzz
	assert_refused 2 "zzzz"
	[ "$(count)" = "$before" ]
	run --separate-stderr tdcost db rm
	assert_refused 2 "db rm"
	[ "$(count)" = "$before" ]
}

@test "@last twice is one run" {
	tdcost db rm @last @last
	[ "$(count)" = 2 ]
}

@test "an unknown verb is refused with the nearest" {
	run --separate-stderr tdcost db chek
	assert_refused 2 "chek" "check"
	run --separate-stderr tdcost db
	assert_refused 2 "check" "rm"
	run --separate-stderr tdcost db check twice
	assert_refused 2 "twice"
}
