#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Lane count: two boots, whose runs are merged into one database.

bats_require_minimum_version 1.5.0
load lane.bash

setup_file() {
	boot_lane count first
	no_apt
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
		jq -e --arg kernel "$KERNEL." 'length == 1 and .[0].state == "done" and .[0].host == "tdcost-count" and
			(.[0].kernel | startswith($kernel))' list
	done
}

@test "one environment, two boots: their runs can be compared" {
	"$TDCOST" db merge second.db --db first.db
	"$TDCOST" runs --json --db first.db >list
	jq -e 'length == 2' list
	[ "$(sqlite3 first.db 'SELECT COUNT(*) FROM environment')" = 1 ]
	[ "$(sqlite3 first.db 'SELECT COUNT(*) FROM boot')" = 2 ]
	[ "$(sqlite3 first.db 'SELECT COUNT(*) FROM host')" = 1 ]
}
