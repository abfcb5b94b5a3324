#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

load helper

@test "doctor says what it found and exits 5 when anything is fatal" {
	run --separate-stderr tdcost doctor
	[ -z "$stderr" ]
	[[ $output == *"nothing was changed"* ]]
	if [[ $output == *$'\n'"FATAL "* ]]; then
		[ "$status" = 5 ]
	else
		[ "$status" = 0 ]
	fi
	[[ $output == *"X86_BUG_TDX_PW_MCE"* ]]
}

@test "doctor --json holds the same" {
	run --separate-stderr tdcost doctor --json
	[ "$status" = 0 ] || [ "$status" = 5 ]
	[ -z "$stderr" ]
	if jq -e 'any(.findings[]; .level == "FATAL")' <<<"$output"; then
		[ "$status" = 5 ]
	else
		[ "$status" = 0 ]
	fi
	jq -e 'all(.findings[]; (.what | length) > 0 and (.level | IN("FATAL", "remark", "note")))' \
		<<<"$output"
	jq -e '(.environment_hash | length) == 32 and (.features.movdir64b | type) == "boolean" and
		(.environment | has("cpu_affected") and has("kernel_flag"))' <<<"$output"
}

@test "the environment has the same name each time" {
	a=$(tdcost doctor --json | jq -r .environment_hash) || true
	b=$(tdcost doctor --json | jq -r .environment_hash) || true
	[ -n "$a" ]
	[ "$a" = "$b" ]
}

@test "doctor changes nothing and makes no database" {
	tdcost doctor >/dev/null || [ $? = 5 ]
	[ -z "$(ls -A)" ]
}

@test "doctor takes no argument" {
	run --separate-stderr tdcost doctor now
	assert_refused 2 "'now'"
}
