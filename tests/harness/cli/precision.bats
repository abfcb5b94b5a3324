#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2054,SC2154  # levels have commas; bats sets stderr_lines
# run --precision: a stopping rule declared before the run; and what --dry-run says could be found.

load helper

RESET=(reset -p region=256K -p backing=4k --blocks 5)

@test "a width that is reached ends the run before its budget" {
	# So wide that six rounds, the least for a verdict, have it.
	run --separate-stderr tdcost run null -p twin=a,b --blocks 5 --precision 100% --budget 60s --json
	assert_measured
	jq -e '.state == "done" and .rounds >= 6 and .rounds < 1000' <<<"$output"
	forget_busy
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == *"stopped after $(jq .rounds <<<"$output") rounds: every interval is within +-100 %"* ]]
	jq -e '.plan.precision == 1' <<<"$output"
	tdcost db check
}

@test "a width that is not reached leaves the end to the budget, and that is said" {
	run --separate-stderr tdcost run "${RESET[@]}" --precision 0.001 --budget 4s --json
	assert_measured
	# One round has no width: so slow nothing is that half of the budget is one.
	jq -e '.state == "done" and .rounds >= 2' <<<"$output"
	echo "$stderr"
	forget_busy
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == *"by the budget"* && $stderr == *"+-0.001 %"* ]]
	# Which interval was the widest.
	[[ $stderr == *"(reset"* ]]
}

@test "--rounds bounds it too, and then it was not the budget" {
	run --separate-stderr tdcost run "${RESET[@]}" --precision 0.001 --rounds 7 --budget 60s --json
	assert_measured
	jq -e '.rounds == 7' <<<"$output"
	echo "$stderr"
	forget_busy
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == *"stopped after 7 rounds"* ]]
	[[ $stderr != *"by the budget"* ]]
}

@test "without a pair the levels are what must be precise" {
	run --separate-stderr tdcost run null --blocks 5 --precision 100 --budget 60s --json
	assert_measured
	jq -e '.rounds >= 6' <<<"$output"
	[[ $stderr == *"every interval is within"* ]]
}

@test "one round has no width" {
	run --separate-stderr tdcost run "${RESET[@]}" --precision 1 --rounds 1 --budget 5s --json
	assert_measured
	jq -e '.rounds == 1' <<<"$output"
	[[ $stderr != *inf* && $stderr != *nan* ]]
}

@test "without --precision nothing is said of it" {
	run --separate-stderr tdcost run null "${SMALL[@]}" --json
	assert_measured
	assert_silent
	jq -e '.plan.precision == 0' <<<"$output"
}

@test "a width is a percentage" {
	for value in x "" 0 -1 1001 1% 1%% nan; do
		run --separate-stderr tdcost run null --precision "$value" "${SMALL[@]}" --dry-run
		if [ "$value" = 1% ]; then
			[ "$status" = 0 ]
			continue
		fi
		assert_refused 2 --precision percent
	done
	[ ! -e tdcost.db ]
}

# ---- what could be found ----

detectable() { # ARGUMENT...
	tdcost run "$@" --dry-run --json | jq -c .detectable
}

@test "--dry-run says what could be found, where an earlier run knows the cells" {
	[ "$(detectable "${RESET[@]}")" = null ]
	[ ! -e tdcost.db ]
	tdcost run "${RESET[@]}" --rounds 4 >/dev/null || [ $? = 5 ]
	before=$(sum tdcost.db)
	id=$(tdcost runs --json | jq -r '.[0].run[0:8]')
	run --separate-stderr tdcost run "${RESET[@]}" --dry-run
	[ "$status" = 0 ]
	[ -z "$stderr" ]
	[[ $output == *"judging by run $id, a change of "*" % or more would be found with 80 % power (reset"* ]]
	found=$(detectable "${RESET[@]}")
	jq -e --arg id "$id" '.run == $id and .share > 0 and (.where | startswith("reset quirk=off"))' <<<"$found"
	# More rounds find less.
	more=$(detectable "${RESET[@]}" --rounds 40)
	jq -e --argjson few "$(detectable "${RESET[@]}" --rounds 10)" '.share < $few.share' <<<"$more"
	# Other cells are not known.
	[ "$(detectable reset -p region=512K -p backing=4k)" = null ]
	run --separate-stderr tdcost run null --dry-run
	[[ $output != *"judging by"* ]]
	[ "$(sum tdcost.db)" = "$before" ]
}

@test "two rounds are too few to judge by" {
	tdcost run "${RESET[@]}" --rounds 2 >/dev/null || [ $? = 5 ]
	[ "$(detectable "${RESET[@]}")" = null ]
}

@test "it is judged by the newest run that knows the cells" {
	tdcost run "${RESET[@]}" --rounds 3 --label first >/dev/null || [ $? = 5 ]
	tdcost run "${RESET[@]}" --rounds 3 --label second >/dev/null || [ $? = 5 ]
	tdcost run null "${SMALL[@]}" >/dev/null || [ $? = 5 ]
	second=$(sqlite3 tdcost.db "SELECT substr(uuid, 1, 8) FROM run WHERE label = 'second'")
	[ "$(detectable "${RESET[@]}" | jq -r .run)" = "$second" ]
}

@test "--dry-run says that a stopping rule decides how many rounds there are" {
	run --separate-stderr tdcost run null --precision 1 --dry-run
	[ "$status" = 0 ]
	[[ $output == *"the stopping rule or the budget ends it"* ]]
	[[ $output == *"as no round is begun that would end later"* ]]
}
