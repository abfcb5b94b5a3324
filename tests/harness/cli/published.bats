#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# No figure that this machine makes is tested: only that what is printed follows from what was stored.

load helper

HEAD=id,use,quantity,setup,vcpus,guest_gib,before_s,after_s,value,unit,source

setup_file() {
	export ONCE=$BATS_FILE_TMPDIR/once.db
	"$MAKE_REPLAY" "$ONCE" replay "4 KiB page"
	# The same, told of whole teardowns.
	export WHOLE=$BATS_FILE_TMPDIR/whole.db
	"$MAKE_REPLAY" "$WHOLE" replay teardown
	"$TDCOST" run null --rounds 2 --blocks 5 --label other --db "$ONCE" >/dev/null || [ $? = 5 ]
}

setup() {
	enter
	export TDCOST_DB=$ONCE
}

# A file of published rows, made up: each argument a row.
made_up() { # ROW...
	mkdir -p data
	printf '%s\n' "$HEAD" "$@" >data/published.csv
	export TDCOST_PUBLISHED_DIR=data
}

@test "the rows are listed, each with its source" {
	unset TDCOST_DB
	run --separate-stderr tdcost published
	[ "$status" = 0 ]
	[[ ${lines[0]} == *"nothing of it was measured"* ]]
	[[ $output == *"terminate-18: 4 vCPUs, 18 GiB, 72 s before, 24 s after"* ]]
	[[ $output == *"terminate-107: 32 vCPUs, 107 GiB, 517 s before, 134 s after"* ]]
	[ "$(grep -c '^  source: ..*' <<<"$output")" = "$(tdcost published --json | jq '.rows | length')" ]
	# Looking things up makes no database.
	[ ! -e tdcost.db ]
}

@test "the list as JSON: null where there is nothing" {
	tdcost published --json >list
	jq -e '.label == "published" and all(.rows[]; .source != "" and .quantity != "")' list
	jq -e '.rows[] | select(.row == "terminate-18") |
		.vcpus == 4 and .before_s == 72 and .value == null and .use == "fit"' list
	jq -e '.rows[] | select(.row == "skip-clear") | .value == 40 and .before_s == null' list
}

@test "the fit prints constants, residuals, and what it does not say" {
	run --separate-stderr tdcost published --fit
	[ "$status" = 0 ]
	[[ ${lines[0]} == *modelled*"nothing of it was measured" ]]
	[[ $output == *"1 degree of freedom"* ]]
	[[ $output == *"explained, not validated"* ]]
	[[ $output == *"hardware of the rows is not stated"* ]]
	[[ $output == *'"GB" is taken as GiB'* ]]
	[[ $output == *hypothesis* ]]
	# Nothing else calls anything validated.
	[ "$(grep -ic valid <<<"$output")" = 1 ]
}

@test "one set of constants explains both fitted rows, before and after" {
	tdcost published --fit --json >fit
	jq -e '.label == "modelled" and .degrees_of_freedom == 1 and .determined == 3' fit
	jq -e '[.figures[] | select(.is | startswith("fitted"))] |
		length == 4 and all(.residual_percent | fabs < 15)' fit
	# The figures follow from the constants that are printed.
	jq -e '(.constants | map({(.constant): .value}) | add) as $c | all(.figures[];
		(.guest_gib * 262144 * 1e-6 * ($c.reclaim +
			if .figure == "before" then $c.dynamic + .vcpus * $c.kick else 0 end))
		as $s | ($s / .modelled_s - 1 | fabs) < 1e-9
		and ((.modelled_s - .published_s) - .residual_s | fabs) < 1e-6)' fit
	jq -e '.hypothesis | .label == "hypothesis"' fit
}

@test "a row that was not fitted is called a prediction, and a bad one is said" {
	tdcost published --fit --json >fit
	jq -e '[.figures[] | select(.row == "terminate-400")] |
		length == 2 and all(.is == "prediction of a row left out")' fit
	jq -e '.figures[] | select(.row == "terminate-400" and .figure == "before") |
		.residual_percent < -15' fit
	jq -e 'any(.notes[]; startswith("terminate-400, before: the prediction is"))' fit
	# And the other way round: whatever is left out is predicted.
	tdcost published --fit --rows terminate-18,terminate-400 --json >fit
	jq -e '[.figures[] | select(.is | startswith("fitted")) | .row] | unique ==
		["terminate-18", "terminate-400"]' fit
	jq -e '[.figures[] | select(.row == "terminate-107") | .is] | unique ==
		["prediction of a row left out"]' fit
}

@test "one row leaves constants open and predicts what it can" {
	tdcost published --fit --rows terminate-18 --json >fit
	jq -e '[.constants[] | select(.value == null) | .constant] == ["dynamic", "kick"]' fit
	jq -e '.determined == 2 and .degrees_of_freedom == 0 and .leave_one_out == []' fit
	jq -e '.figures[] | select(.row == "terminate-107" and .figure == "before") |
		.modelled_s == null and .bounds_s[0] < 517 and .bounds_s[1] > 517' fit
	run --separate-stderr tdcost published --fit --rows terminate-18
	[[ $output == *"not determined"* ]]
	# Of two, each is left out once: after is predicted, before has bounds.
	tdcost published --fit --json | jq -e '.leave_one_out | length == 4 and
		all(.[]; (.figure == "after") == (.modelled_s != null))'
}

@test "made-up rows give back the constants that they were made of" {
	# 1 GiB: reclaim 4, dynamic 10, kick 0.5 us per leaf, at 2 and 20 vCPUs.
	made_up a,fit,q,s,2,1,3.93216,1.048576,,,src b,fit,q,s,20,1,6.291456,1.048576,,,src \
		c,predict,q,s,8,2,9.437184,2.097152,,,src
	tdcost published --fit --json >fit
	jq -e '[.constants[].value] | (.[0] - 4 | fabs) < 1e-9 and (.[1] - 10 | fabs) < 1e-9 and
		(.[2] - 0.5 | fabs) < 1e-9' fit
	jq -e 'all(.figures[]; (.residual_percent | fabs) < 1e-6)' fit
	jq -e '.hypothesis == null' fit
}

# By hand: 2^28 leaves of 4 us, and of 4 + 10 + 0.5 for each of 2 or 20 vCPUs.
@test "what a TiB would take is extrapolated, and called so" {
	made_up a,fit,q,s,2,1,3.93216,1.048576,,,src b,fit,q,s,20,1,6.291456,1.048576,,,src
	tdcost published --fit >fit
	grep -q "a TD of 1 TiB, extrapolated from TDs of 1 to 1 GiB: before 4027 s with 2 vCPUs and 6442 s with 20, after 1074 s" fit
}

@test "a constant below 0 is no cost, and is said" {
	made_up a,fit,q,s,2,1,6,1,,,src b,fit,q,s,20,1,4,1,,,src
	run --separate-stderr tdcost published --fit
	[ "$status" = 0 ]
	[[ $output == *"kick is below 0"* ]]
}

@test "broken data are refused by file and line" {
	made_up a,fit,q,s,2,1,6,1,,,src b,fit,q,s,20,1,4,,,,src
	run --separate-stderr tdcost published
	assert_refused 1 "data/published.csv:3: b: before_s and after_s go together"
	made_up 'a,,"q,s,,,,,7,ms,src'
	run --separate-stderr tdcost published --fit --json
	assert_refused 1 "data/published.csv:2: field 3: its quote is not closed"
	TDCOST_PUBLISHED_DIR=nowhere run --separate-stderr tdcost published
	assert_refused 1 TDCOST_PUBLISHED_DIR nowhere
	made_up a,,q,s,,,,,7,ms,src
	run --separate-stderr tdcost published --fit
	assert_refused 2 "no published row"
}

@test "what makes no sense is refused" {
	run --separate-stderr tdcost published terminate-18
	assert_refused 2 "'terminate-18'" --against
	run --separate-stderr tdcost published --rows terminate-18
	assert_refused 2 "--rows goes with --fit"
	run --separate-stderr tdcost published --against @last
	assert_refused 2 "--against goes with --fit"
	run --separate-stderr tdcost published --fit --rows terminate-19
	assert_refused 2 "'terminate-19'" "'terminate-18'"
	run --separate-stderr tdcost published --fit --rows skip-clear
	assert_refused 2 "'skip-clear' is no published row of a teardown"
	run --separate-stderr tdcost published --fit --rows ,
	assert_refused 2 "''"
	run --separate-stderr tdcost published --fit --against zzzz
	assert_refused 2 zzzz
	run --separate-stderr tdcost published --fit --against @last --db none.db
	assert_refused 1 none.db
}

@test "against a replay: cells as the published TDs were, and no others" {
	run --separate-stderr tdcost published --fit --against label=replay
	[ "$status" = 0 ]
	[[ $output == *"SYNTHETIC: Made-up CPU"* ]]
	[[ $output == *"hardware is not stated and is not this machine"* ]]
	[[ $output == *"no cost of a SEAMCALL"* ]]
	[[ $output == *"phase reset takes 400 ns per leaf here (measured)"* ]]
	[[ $output == *"phase kick takes 10.0 ns per leaf and vCPU here (4 vCPUs, 0 of them in guest mode)"* ]]
	tdcost published --fit --against label=replay --json >fit
	jq -e '[.against.cells[].factors | "\(.path) \(.quirk) \(.reset) \(.vcpus)"] == ["dynamic on erratum 4",
		"dynamic on erratum 1", "teardown on erratum 4", "teardown off always 4"]' fit
	jq -e 'all(.against.cells[]; .label == "modelled" and .n == 2)' fit
	jq -e '[.against.cells[].here_is] == ["analogue", "analogue", "measured", "measured"]' fit
	# Both delays of the one fit, for one run: dynamic has four SEAMCALLs a leaf, teardown one.
	jq -e '(.against.cells | map({key: .factors.path, value: .seam_delay_ns}) | reverse | from_entries) as $d |
		any(.against.notes[]; test("-p seam=\($d.dynamic | round) -p seam_reclaim=\($d.teardown | round)` replays"))' fit
	# One vCPU is fewer than any row had; after the change they do not count.
	jq -e '[.against.cells[].extrapolated] == [false, true, false, false]' fit
}

@test "against a replay: wall time and phases here, the fit there, and what is between them" {
	for db in "$ONCE" "$WHOLE"; do
		tdcost published --fit --against label=replay --json --db "$db" >fit
		jq -e 'all(.against.cells[]; (.wall_ns - 1000 | fabs) < 1e-6 and (.explained_ns - 800 | fabs) < 1e-6)' fit
		jq -e 'all(.against.cells[]; .phases | map({(.phase): .here_ns}) | add ==
			{away: 45, flush: 300, free: 60, kick: 40, reset: 400, timing: 5, unexplained: 150})' fit
		jq -e 'all(.against.cells[]; [.phases[] | select(.explains | not) | .phase] ==
			["away", "timing", "unexplained"])' fit
		jq -e '(.constants | map({(.constant): .value}) | add) as $c | all(.against.cells[];
			((($c.reclaim + if .factors.path == "dynamic"
				then $c.dynamic + (.factors.vcpus | tonumber) * $c.kick else 0 end) * 1000) as $f |
				(.fitted_ns / $f - 1 | fabs) < 1e-9)
			and (.fitted_ns - 800 - .remains_ns | fabs) < 1e-6
			and (.seamcalls == if .factors.path == "dynamic" then 4 else 1 end)
			and (.remains_ns / .seamcalls - .seam_delay_ns | fabs) < 1e-6)' fit
	done
}

@test "a replay without phases is its wall time; one that takes longer than the fit leaves no delay" {
	cp "$ONCE" less.db
	sqlite3 less.db "DELETE FROM part"
	tdcost published --fit --against label=replay --json --db less.db >fit
	jq -e 'all(.against.cells[]; .phases == [] and .explained_ns == .wall_ns)' fit
	made_up a,fit,q,s,2,1,0.4,0.1,,,src b,fit,q,s,20,1,0.5,0.1,,,src
	tdcost published --fit --against label=replay --json >fit
	jq -e 'all(.against.cells[] | select(.factors.path == "teardown"); .remains_ns < 0 and .seam_delay_ns == null)' fit
	jq -e 'any(.against.notes[]; test("no delay follows"))' fit
}

@test "against something else is refused" {
	run --separate-stderr tdcost published --fit --against label=other
	assert_refused 2 "holds no cell of teardown" "tdcost run teardown"
	cp "$ONCE" counted.db
	sqlite3 counted.db "UPDATE boot SET clock = 'instructions'"
	run --separate-stderr tdcost published --fit --against label=replay --db counted.db
	assert_refused 2 "counts instructions"
}

@test "an untrustworthy replay ends in status 5 and is marked" {
	cp "$ONCE" bad.db
	sqlite3 bad.db "INSERT INTO flag (run, code, fatal, detail)
		SELECT id, 'verify', 1, 'made up' FROM run WHERE label = 'replay'"
	run --separate-stderr tdcost published --fit --against label=replay --db bad.db
	[ "$status" = 5 ]
	[[ $output == *UNTRUSTWORTHY* ]]
}
