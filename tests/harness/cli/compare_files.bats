#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154  # each test is a subshell of its own; bats sets stderr
# Which runs a comparison takes: of two files, of a kernel's series, of other hosts; never one twice.

load helper

setup_file() {
	local label
	cd "$BATS_FILE_TMPDIR" || return 1
	for label in one two three; do
		"$TDCOST" run null "${SMALL[@]}" -p twin=a,b --label "$label" --db made.db >/dev/null || [ $? = 5 ]
	done
	# Whether this machine has its faults is another test.
	sqlite3 made.db 'DELETE FROM flag WHERE fatal'
}

setup() {
	enter
	cp "$BATS_FILE_TMPDIR/made.db" tdcost.db
	cp tdcost.db a.db
	cp tdcost.db b.db
	tdcost db rm label=two label=three --db a.db
	tdcost db rm label=one label=three --db b.db
}

sql() { # DB SQL
	sqlite3 "$1" "PRAGMA foreign_keys = ON; $2"
}

id_of() { # LABEL
	sql tdcost.db "SELECT substr(uuid, 1, 8) FROM run WHERE label = '$1'"
}

# The runs of DB are of a kernel RELEASE.
of_kernel() { # DB RELEASE
	sql "$1" "UPDATE environment SET facts = json_set(facts, '\$.kernel', '$2')"
}

# The runs of DB are of another host, ID and NAME, of which the same is known.
of_host() { # DB ID NAME
	sql "$1" "INSERT INTO host SELECT '$2', '$3', cpu, family, model, stepping, packages, llcs, cpus, memory
		FROM host; UPDATE boot SET host = '$2'; DELETE FROM host WHERE id <> '$2'"
}

# ---- two files ----

@test "compare_two_files_last_of_each" {
	run --separate-stderr tdcost compare --db a.db --db b.db --json
	echo "$output $stderr"
	[ "$status" = 0 ]
	jq -e --arg a "$(id_of one)" --arg b "$(id_of two)" \
		'(.a | length) == 1 and (.b | length) == 1 and (.rows | length) == 2 and
		(.a[0].run | startswith($a)) and (.b[0].run | startswith($b))' <<<"$output"
	run --separate-stderr tdcost compare --db b.db --db a.db --json
	jq -e --arg b "$(id_of two)" '.a[0].run | startswith($b)' <<<"$output"
}

@test "compare_two_files_selectors_are_of_their_file" {
	for what in "@last label=three" "label=one label=three" "label=one" "@last @last"; do
		# shellcheck disable=SC2086  # words on purpose
		run --separate-stderr tdcost compare --db a.db $what --db tdcost.db --json
		echo "$output $stderr"
		[ "$status" = 0 ]
		jq -e --arg a "$(id_of one)" --arg b "$(id_of three)" \
			'(.a[0].run | startswith($a)) and (.b[0].run | startswith($b))' <<<"$output"
	done
	run --separate-stderr tdcost compare --db a.db --db b.db label=one label=one
	assert_refused 2 "'label=one'" b.db
	run --separate-stderr tdcost compare --db a.db --db b.db label=two label=two
	assert_refused 2 "'label=two'" a.db
}

@test "compare_two_files_other_forms" {
	for form in table markdown commit; do
		run --separate-stderr tdcost compare --db a.db --db b.db -f $form
		[ "$status" = 0 ]
		[[ $output == *"$(id_of one)"* && $output == *"$(id_of two)"* ]]
	done
	run --separate-stderr tdcost compare --db a.db --db b.db --by twin
	assert_refused 2 "--by" "one --db"
	run --separate-stderr tdcost compare --db a.db --db b.db @last @last @last
	assert_refused 2 "two runs"
	run --separate-stderr tdcost compare --db a.db --db b.db --verify a.db block
	assert_refused 2 "--verify"
	# What is missing is named, whichever it is, and not made.
	run --separate-stderr tdcost compare --db a.db --db none.db
	assert_refused 1 none.db
	run --separate-stderr tdcost compare --db none.db --db b.db
	assert_refused 1 none.db
	[ ! -e none.db ]
}

@test "compare_third_file_refused" {
	run --separate-stderr tdcost compare --db a.db --db b.db --db tdcost.db
	assert_refused 2 "--db: given three times" "'b.db' and 'tdcost.db'"
}

@test "compare_file_in_place_of_a_run_hints_db" {
	run --separate-stderr tdcost compare a.db b.db
	assert_refused 2 "--db a.db --db b.db"
	rm tdcost.db
	run --separate-stderr tdcost compare a.db b.db
	assert_refused 2 "--db a.db --db b.db"
	run --separate-stderr tdcost compare @last b.db
	assert_refused 2 "'b.db' is a file" "--db b.db"
	run --separate-stderr tdcost compare a.db --by twin
	assert_refused 2 "'a.db' is a file" "--db a.db"
	# What is not there is a selector.
	run --separate-stderr tdcost compare none.db b --db b.db
	assert_refused 2 "'none.db'"
	[[ $stderr != *"is a file"* ]]
}

# ---- which runs may be on the two sides ----

@test "compare_run_on_both_sides_refused" {
	for what in "@last @last" "label=three $(id_of three)" "label=one host=$(uname -n)" \
		"kernel=$(uname -r) label=two"; do
		# shellcheck disable=SC2086  # words on purpose
		run --separate-stderr tdcost compare $what
		assert_refused 6 "is on both sides"
	done
	[[ $stderr == *"run $(id_of two) is on both sides"* ]]
	run --separate-stderr tdcost compare --db tdcost.db --db a.db label=one
	assert_refused 6 "run $(id_of one) is on both sides"
	run --separate-stderr tdcost compare @last @last --shutdown
	assert_refused 6 "is on both sides"
}

@test "compare_other_host_refused_across_host_allowed" {
	of_host b.db 2222 other
	run --separate-stderr tdcost compare --db a.db --db b.db
	assert_refused 6 "1 key: host ($(sql a.db 'SELECT name FROM host') -> other)" \
		"; if that is the question, add --across host"
	run --separate-stderr tdcost compare --db a.db --db b.db --across kernel
	assert_refused 6 "add --across host"
	run --separate-stderr tdcost compare --db a.db --db b.db --across host
	[ "$status" = 0 ]
	# Within a side as well.
	tdcost db rm label=two
	tdcost db merge b.db >/dev/null
	run --separate-stderr tdcost compare --db tdcost.db --db tdcost.db "kernel=$(uname -r)" label=one
	assert_refused 6 "is on both sides"
	sql tdcost.db "UPDATE run SET label = 'pool' WHERE label <> 'one'"
	run --separate-stderr tdcost compare label=one label=pool
	assert_refused 6 "add --across host"
	run --separate-stderr tdcost compare label=pool label=one
	assert_refused 6 "add --across host"
	run --separate-stderr tdcost compare label=pool label=one --across host
	[ "$status" = 0 ]
}

@test "compare_refused_option_can_be_pasted" {
	of_host b.db 2222 other
	of_kernel b.db 9.99.9
	sql b.db "UPDATE environment SET facts = json_set(facts, '\$.governor', 'sleepy', '\$.kernel_build', '#9')"
	run --separate-stderr tdcost compare --db a.db --db b.db
	assert_refused 6 "add --across "
	option=${stderr##*; if that is the question, add }
	[ "$option" = "--across kernel,host,governor" ]
	# shellcheck disable=SC2086  # words on purpose
	run --separate-stderr tdcost compare --db a.db --db b.db $option
	[ "$status" = 0 ]
}

@test "compare_two_kernels_heading_names_both" {
	of_kernel b.db 9.99.9
	run --separate-stderr tdcost compare --db a.db --db b.db --across kernel
	echo "$output"
	[ "$status" = 0 ]
	[[ ${lines[1]} == *", Linux 9.99.9, lane host" ]]
	[[ ${lines[2]} == "against "*", Linux $(uname -r), lane host" ]]
	run --separate-stderr tdcost compare label=one label=two
	[[ $output != *$'\nagainst '* ]]
}

@test "compare_kernel_series_as_selector" {
	of_kernel a.db 6.1.117+deb12-cloud-amd64
	of_kernel b.db 6.12.43+deb13-cloud-amd64
	run --separate-stderr tdcost compare --db a.db --db b.db kernel=6.1 kernel=6.12 --across kernel --json
	[ "$status" = 0 ]
	jq -e '(.a | length) == 1 and (.b | length) == 1 and (.a[0].kernel | startswith("6.1.")) and
		(.b[0].kernel | startswith("6.12."))' <<<"$output"
	run --separate-stderr tdcost compare --db b.db --db a.db kernel=6.1 kernel=6.1 --across kernel
	assert_refused 2 "'kernel=6.1'" b.db 6.12.43
	run --separate-stderr tdcost compare --db b.db --db a.db kernel=6.12.4 kernel=6.1 --across kernel
	assert_refused 2 "'kernel=6.12.4'" 6.12.43
}
