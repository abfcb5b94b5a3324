#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154  # bats sets $stderr
# Lane spr: Bochs, two boots at the same time.

bats_require_minimum_version 1.5.0
load lane.bash

setup_file() {
	boot_lane spr first &
	boot_lane spr second &
	wait
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

# Bochs draws its random numbers from the second that it was started in.
@test "two boots of one second are two" {
	[ -n "$(fact first boot)" ]
	[ "$(fact first boot)" != "$(fact second boot)" ]
}

@test "the databases are sound, and their runs are two" {
	"$TDCOST" db check --db first.db
	"$TDCOST" db merge second.db --db first.db
	"$TDCOST" runs --json --db first.db >list
	jq -e 'length == 4 and all(.[]; .state == "done" and .host == "tdcost-spr")' list
	[ "$(sqlite3 first.db 'SELECT COUNT(*) FROM environment')" = 1 ]
	[ "$(sqlite3 first.db 'SELECT COUNT(*) FROM boot')" = 2 ]
}

@test "with the CPUID bit off MOVDIR64B is skipped with its reason" {
	no_apt
	run --separate-stderr "$TOP/scripts/vm" --lane spr --kernel "$KERNEL" --cpu-flags -movdir64b \
		--timeout "${LANE_VM_SECONDS:-2400}" --build "${TDCOST%/harness/cli/tdcost}" -- \
		tdcost check reset -p insn=movdir64b -p mode=user,kernel -p quirk=on -p region=256K
	echo "$output" "$stderr"
	[ "$status" = 4 ]
	[ "$(grep -c 'skipped.*this cpu has no movdir64b' <<<"${output,,}")" = 2 ]
}
