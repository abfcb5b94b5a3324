#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Lane count: two boots, whose runs are merged into one database.

bats_require_minimum_version 1.5.0
load lane.bash

setup_file() {
	boot_lane count first
	boot_lane count second
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
}

@test "every check in the VM holds, in both boots" {
	all_ok first
	all_ok second
}

@test "the kernel log tells of no trouble" {
	quiet_kernel first
	quiet_kernel second
}

@test "two boots are two" {
	[ -n "$(fact first boot)" ]
	[ "$(fact first boot)" != "$(fact second boot)" ]
}

@test "the databases are sound, and hold a run of this kernel each" {
	for name in first second; do
		"$TDCOST" db check --db $name.db
		"$TDCOST" runs --json --db $name.db >list
		jq -e --arg kernel "$KERNEL." 'length == 3 and all(.[]; .state == "done" and .lane == "count" and
			.clock == "instructions" and .host == "tdcost-count" and (.kernel | startswith($kernel)))' list
	done
}

# medians LABEL NAME: the cells of a run and their instructions for each page.
medians() {
	"$TDCOST" show "label=$1" --db "$2.db" --json |
		jq -r '.cells[] | select(.summary) | "\(.factors.mode) quirk=\(.factors.quirk) \(.summary.median)"'
}

# Counts, not times: what differs between boots is what interrupted the benchmark.
@test "two boots of one kernel count the same, within 1 %" {
	for label in user kernel; do
		paste -d' ' <(medians $label first) <(medians $label second) >pairs
		[ -s pairs ]
		awk -v kernel="$KERNEL" '{
			spread = ($6 > $3 ? $6 - $3 : $3 - $6) / $3 * 100
			printf "# Linux %s, reset, mode=%s %s: %.2f and %.2f instructions for each page, spread %.3f %%\n",
				kernel, $1, $2, $3, $6, spread
			if ($1 != $4 || $2 != $5 || !($3 > 0) || spread > 1)
				bad = 1
		} END { exit bad }' pairs >&3
	done
	[ "$(wc -l <pairs)" = 1 ]
}

@test "one environment, two boots: their runs can be compared" {
	"$TDCOST" db merge second.db --db first.db
	"$TDCOST" runs --json --db first.db >list
	jq -e 'length == 6' list
	[ "$(sqlite3 first.db 'SELECT COUNT(*) FROM environment')" = 1 ]
	[ "$(sqlite3 first.db 'SELECT COUNT(*) FROM boot')" = 2 ]
	[ "$(sqlite3 first.db 'SELECT COUNT(*) FROM host')" = 1 ]
}
