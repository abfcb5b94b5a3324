#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2154  # programs in quotes; bats sets $stderr
# VMs that die leave the database of the host as it was; those that a time limit ends have sent finished rounds.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	build=${TDCOST%/harness/cli/tdcost}
	"$TDCOST" run null -p ops=1000 --rounds 1 --budget 1s --db tdcost.db >/dev/null || [ $? = 5 ]
	cp tdcost.db before
}

# runs_vm OPTION... -- COMMAND
runs_vm() {
	run --separate-stderr "$TOP/scripts/vm" --lane count --kernel 6.12 --no-module --build "$build" \
		--timeout "${LANE_VM_SECONDS:-2400}" --db tdcost.db --dmesg log "$@"
	echo "$stderr"
}

# dies OPTION... -- COMMAND: and leaves everything here as it was.
dies() {
	runs_vm "$@"
	[ "$status" = 1 ]
	[ -z "$output" ]
	cmp tdcost.db before
	[ ! -e log ]
	[ ! -e tdcost.db-wal ]
}

measure='tdcost run null -p ops=1000 --rounds 1 --budget 1s; test -s $TDCOST_DB || exit 9;'

@test "power off in the middle of the command" {
	dies -- sh -c "$measure poweroff -f"
	[[ $stderr == *"the VM ended while it was running the command: "*"; what a VM that failed had measured is not merged"*"The console's last lines:"*"reboot: Power down"* ]]
}

@test "a kernel that crashes: its last words are shown" {
	dies -- sh -c "$measure echo c >/proc/sysrq-trigger"
	[[ $stderr == *"(Kernel panic - not syncing: sysrq triggered crash)"* ]]
	[[ $stderr == *"RIP: 0033:"* ]]
}

@test "a parcel that is cut off" {
	sent='grep -q "^1:.* tx:[0-9]\{6,\}" /proc/tty/driver/serial'
	dies -- sh -c "$measure (until $sent; do sleep 0.01; done; echo b >/proc/sysrq-trigger) &
		head -c 1000000 /dev/urandom"
	[[ $stderr == *"the VM ended while it was sending: only "*" bytes came back"* ]]
}

# Where instructions are the clock, sleeping takes no time at all: the command computes. How far it comes depends on
# the machine.
@test "vm_time_limit_of_a_command_that_hangs_keeps_its_finished_round" {
	runs_vm --timeout 120 -- sh -c "$measure while :; do :; done"
	[ "$status" = 1 ]
	[ ! -e log ]
	"$TDCOST" db check --db tdcost.db
	"$TDCOST" runs --db tdcost.db --json >list
	if [[ $stderr == *"was ended: 1 finished round merged into tdcost.db"* ]]; then
		jq -e 'length == 2 and ([.[] | select(.lane == "count" and .rounds == 1)] | length == 1)' list
	else
		[[ $stderr == *"the VM was still "*" after 120 s (--timeout) and was ended: no round was finished"* ]]
		cmp tdcost.db before
	fi
}
