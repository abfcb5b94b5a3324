#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2054,SC2154  # levels have commas; bats sets status, output and stderr
# stop on this machine: by the module where it is loaded, otherwise threads play it and nothing is run.

load ../harness/cli/helper

POLICIES=sme_supported,sme_active,percpu,early_reboot,early_virt,early_syscore,none

two_cpus() {
	[ "$(nproc)" -ge 2 ]
}

@test "check plays every policy and finds each as it should be" {
	two_cpus || { run tdcost check stop; [ "$status" = 4 ]; return; }
	tdcost check stop -p flagged=0,50,100 -p redirty=0,5 -p dirty=10 --json >check.json
	jq -e --arg all "$POLICIES" '[.cells[].factors.policy] | unique == ($all | split(",") | sort)' check.json
	jq -e '.cells | length == 42 and all(.[]; .result == "ok" and .samples > 0)' check.json
	[ ! -e tdcost.db ]
}

@test "each policy spends its flushes where it says" {
	two_cpus || { run tdcost check stop; [ "$status" = 4 ]; return; }
	tdcost check stop -p dirty=0 --json >check.json
	# Metrics of one policy, in alphabetical order.
	metrics() {
		jq -r --arg p "$1" '[.cells[] | select(.factors.policy == $p).values[].metric] | unique | join(" ")' \
			check.json
	}
	[ "$(metrics sme_supported)" = "cpu_late cpu_late_nmi cpus_late cpus_late_nmi empty flush late late_nmi polls tail total" ]
	[ "$(metrics sme_active)" = "cpu_late cpu_late_nmi cpus_late cpus_late_nmi empty flush late late_nmi own polls tail total" ]
	[ "$(metrics percpu)" = "cpu_late cpu_late_nmi cpus_late cpus_late_nmi empty flush late late_nmi own polls tail total" ]
	for early in early_reboot early_virt early_syscore; do
		[ "$(metrics $early)" = "cpu_late cpu_late_nmi cpus_late cpus_late_nmi early early_flush empty late late_nmi polls tail total" ]
	done
	[ "$(metrics none)" = "cpu_late cpu_late_nmi cpus_late cpus_late_nmi empty late late_nmi polls tail total" ]
	jq -e 'all(.cells[].values[] | select(.metric == "polls"); .max <= 1000000)' check.json
}

@test "run says why it cannot, and what can be done without the module" {
	[ ! -e /dev/tdcost ] || { tdcost list stop; return; }
	run --separate-stderr tdcost run stop
	[ "$status" = 4 ]
	two_cpus || return 0
	[[ $stderr == *"/dev/tdcost"* ]]
	[[ $stderr == *"tdcost check stop"* ]]
}

@test "flag is measured in user space without the module" {
	run --separate-stderr tdcost run flag -p mode=user --rounds 2 --blocks 5 --budget 200ms
	assert_measured
	run tdcost show
	[[ $output == *"store=on"*analogue* ]]
}
