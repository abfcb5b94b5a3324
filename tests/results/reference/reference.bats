#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The databases in results/reference: sound, readable, as their README quotes them, and without what
# belongs to the machine that they were measured on.
# shellcheck disable=SC2016,SC2154  # backticks of the README; what run sets
bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	reference=$TOP/results/reference
}

tdcost() { "$TDCOST" "$@"; }

@test "reference_databases_are_sound" {
	for db in "$reference"/*.db; do
		tdcost db check --db "$db" | grep "is sound"
	done
}

@test "reference_runs_show_what_their_readme_quotes" {
	checked=0
	# | `RUN` | DATABASE | ... and | RUN: text that `show` prints |
	while IFS='|' read -r _ run db _ quote _; do
		run=${run//[\` ]/} db=${db//[\` ]/} quote=${quote# } quote=${quote% }
		tdcost show "$run" --db "$reference/$db" >shown || [ $? = 5 ]
		tr -s ' ' <shown | grep -F -e "$quote"
		checked=$((checked + 1))
	done < <(grep -E '^\| `[0-9a-f]{8}` \| `[a-z0-9-]+\.db` \|' "$reference/README.md")
	[ "$checked" -ge 8 ]
}

@test "reference_databases_hold_no_host_name_and_no_command_line" {
	for db in "$reference"/*.db; do
		[[ $(sqlite3 "$db" "SELECT name FROM host") =~ ^emr-guest(-[0-9])?$ ]]
		run ! grep -aE '--init|/tmp/|root=|console=' "$db"
	done
}

@test "damaged_reference_is_one_line_that_says_what_to_do" {
	for damage in cut overwritten text; do
		cp "$reference/emerald-rapids.db" bad.db
		chmod u+w bad.db
		case $damage in
		cut) truncate -s 500000 bad.db ;;
		overwritten) dd if=/dev/zero of=bad.db bs=4096 seek=20 count=60 conv=notrunc status=none ;;
		text) echo "not a database" >bad.db ;;
		esac
		for command in "show e363d721" "compare e363d721 --by quirk" "db check" "runs"; do
			# shellcheck disable=SC2086  # words
			run -1 --separate-stderr tdcost $command --db bad.db
			[ "${#stderr_lines[@]}" = 1 ]
			[[ $stderr == *"bad.db: the file is damaged: restore it from a copy"* ]] ||
				[[ $damage$stderr == text*"bad.db: not a database: name another file with --db"* ]]
		done
	done
}
