#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154,SC2054  # each test is a subshell of its own; levels have commas
# compare: what it compares, what it refuses, what it exits with and in which forms it tells.

load helper

# Label ROUNDS WHAT...: a small run into the file that all tests look at.
measured() {
	local label=$1 rounds=$2
	shift 2
	"$TDCOST" run "$@" --label "$label" --rounds "$rounds" --blocks 5 >/dev/null || [ $? = 5 ]
}

setup_file() {
	export TDCOST_DB=$BATS_FILE_TMPDIR/compared.db
	measured clear 2 reset -p region=256K,512K -p backing=4k -p twin=a,b
	measured boot 6 null -p twin=a,b
	measured boot 6 null -p twin=a,b
	measured left 6 null -p twin=a,b
	measured right 7 null -p twin=a,b
	measured alone 1 null -p twin=a,b
	measured other 6 null -p ops=20000
	measured mixed 6 null reset -p region=256K -p backing=4k -p twin=a,b
	# Three times as much: no noise hides it, nor whether it is more than 20 % and less than 900 %.
	measured slow 6 null -p ops=10000 -p extra=none,20000
	# This machine may have its faults, and other work; whether that is printed is another test.
	sqlite3 "$TDCOST_DB" "DELETE FROM flag WHERE fatal OR code = 'busy'; UPDATE invocation SET varying = '{}'"
}

setup() {
	enter
	cp "$BATS_FILE_TMPDIR/compared.db" tdcost.db
}

sql() {
	sqlite3 tdcost.db "$1"
}

id_of() { # LABEL
	sql "SELECT substr(uuid, 1, 8) FROM run WHERE label = '$1'"
}

# ---- arms of one run ----

@test "levels of a paired factor are compared with the first one" {
	compared label=clear --by quirk
	jq -e '.paired and .by == "quirk" and .n_counts == "invocations" and (.a | length) == 1 and
		(.b | length) == 0 and (.one_after_the_other | not)' compared.json
	# Two regions, two twins.
	jq -e '(.rows | length) == 4 and all(.rows[]; .level_a == "on" and .level_b == "off" and
		.factors_a.quirk == "on" and .factors_b.quirk == "off" and
		(.factors_a | del(.quirk)) == (.factors_b | del(.quirk)) and .difference.n == 2)' compared.json
	# The early return costs next to nothing: a difference, not a ratio.
	jq -e 'all(.rows[]; .decided_by == "difference")' compared.json
	compared label=clear --by twin
	jq -e '(.rows | length) == 4 and all(.rows[]; .decided_by == "ratio" and .level_b == "b")' compared.json
}

@test "two levels may be named, in either order" {
	compared --by extra=none,20000
	jq -e '(.rows | length) == 1 and .rows[0].level_a == "none" and .rows[0].level_b == "20000"' compared.json
	there=$(jq '.rows[0].log_ratio.value' compared.json)
	compared --by extra=20000,none
	jq -e '.rows[0].level_a == "20000" and .rows[0].level_b == "none"' compared.json
	jq -e --argjson there "$there" '.rows[0].log_ratio.value + $there | fabs < 1e-9' compared.json
}

@test "a run that is not named is the latest" {
	compared --by extra
	jq -e --arg id "$(id_of slow)" '.a[0].run | startswith($id)' compared.json
}

@test "a change of known size is found" {
	compared --by extra
	jq -e '.rows[0].verdict == "slower" and .rows[0].difference.value > 0 and .rows[0].more_needed == 0 and
		.rows[0].log_ratio.p != null and .rows[0].log_ratio.lo > 0' compared.json
	run --separate-stderr tdcost compare --by extra
	[[ $output == "extra=20000 against extra=none"* && $output == *"null, ns per multiplication"* ]]
	[[ $output == *" slower"* ]]
}

@test "a factor is judged by the form that its own benchmark declares" {
	compared label=mixed --by quirk
	jq -e 'all(.rows[]; .benchmark == "reset" and .decided_by == "difference")' compared.json
}

@test "figures of several benchmarks bear their own units" {
	compared label=mixed --by twin
	jq -e 'all(.rows[]; .unit == (if .benchmark == "null" then "ns per multiplication"
		else "ns per 4 KiB page" end)) and (.rows | length) == 3' compared.json
	for format in table markdown commit; do
		run --separate-stderr tdcost compare label=mixed --by twin --format $format
		echo "$output"
		[[ $output == *"ns per multiplication"* ]]
		[[ $output == *"ns per 4 KiB page"* ]]
	done
}

@test "an unknown factor is met with the nearest" {
	run --separate-stderr tdcost compare --by extar
	assert_refused 2 "'extar'" "did you mean 'extra'"
	# Paired, but it does not vary here.
	run --separate-stderr tdcost compare label=left --by extra
	assert_refused 2 "'extra'" "did you mean 'twin'"
	# It varies, but it is not paired.
	run --separate-stderr tdcost compare label=clear --by region
	assert_refused 2 "'region'"
	run --separate-stderr tdcost compare label=other --by extra
	assert_refused 2 "no paired factor varies"
	run --separate-stderr tdcost compare --by extra=none,7
	assert_refused 2 extra
	run --separate-stderr tdcost compare --by extra=none
	assert_refused 2 "FACTOR=LEVEL,LEVEL"
}

# ---- runs ----

@test "two runs are compared cell by cell" {
	compared label=left label=right
	jq -e '(.paired | not) and .by == null and .n_counts == "invocations" and .one_after_the_other and
		(.rows | length) == 2 and (.only_a | length) == 0 and (.only_b | length) == 0 and
		all(.rows[]; .a.n == 6 and .b.n == 7 and .factors_a == .factors_b and .a.samples == 30 and
			.b.samples == 35 and .decided_by == "ratio")' compared.json
	run --separate-stderr tdcost compare label=left label=right
	[[ $output == *"6, 7"* ]]
	[[ $output == *"measured before the other"* ]]
	[[ $output == *"$(id_of left)"* && $output == *"$(id_of right)"* ]]
}

@test "what only one side has is listed" {
	run --separate-stderr tdcost compare label=mixed label=left
	[ "$status" = 0 ]
	[ "$(grep -c '^only in .*reset' <<<"$output")" = 4 ]
	compared label=mixed label=left
	jq -e '(.rows | length) == 2 and (.only_a | length) == 4 and all(.only_a[]; .benchmark == "reset")' \
		compared.json
	run --separate-stderr tdcost compare label=clear label=left
	assert_refused 2 "no cell in common"
}

# each_its_boot FILE: gives each run of it a boot of its own.
each_its_boot() {
	sqlite3 "$1" "
		INSERT INTO boot SELECT (SELECT max(id) FROM boot) + r.id, b.boot_id || '-' || r.id, host, environment,
			lane, clock, tick_hz, resolution, overhead FROM run r JOIN boot b ON b.id = r.boot;
		UPDATE invocation SET boot = (SELECT max(b.id) FROM boot b JOIN run r ON b.boot_id LIKE '%-' || r.id
			WHERE r.id = invocation.run);
		UPDATE run SET boot = (SELECT max(b.id) FROM boot b WHERE b.boot_id LIKE '%-' || run.id)"
}

@test "several runs on a side count as their distinct boots" {
	# Both runs are of one boot, however many there are.
	compared label=boot label=left
	jq -e '.n_counts == "boots" and (.a | length) == 2 and (.b | length) == 1 and
		all(.rows[]; .a.n == 1 and .b.n == 1 and .verdict == "inconclusive" and .more_needed == 2 and
			.one_boot_a_side)' compared.json
	run --separate-stderr tdcost compare label=boot label=left
	[[ $output == *"2 more boots needed"* && $output == *"remark: each side is a single boot"* ]]
	each_its_boot tdcost.db
	compared label=boot label=left
	jq -e '.n_counts == "boots" and all(.rows[]; .a.n == 2 and .b.n == 1 and .verdict == "inconclusive" and
		.more_needed == 2 and .log_ratio.p == null and (.one_boot_a_side | not))' compared.json
	# One run of one boot a side: the processes have an interval, and there is no verdict.
	compared label=left label=right
	jq -e '.n_counts == "invocations" and all(.rows[]; .one_boot_a_side and .verdict == "inconclusive" and
		.more_needed == 2 and .log_ratio.lo != null)' compared.json
	run --separate-stderr tdcost compare label=boot --by twin
	assert_refused 2 "'label=boot' means 2"
}

@test "one process a side says nothing, and how many are lacking is said" {
	run --separate-stderr tdcost compare label=alone --by twin
	[ "$status" = 0 ]
	grep -Eq ' 1 +- inconclusive, 5 more rounds needed$' <<<"$output"
	run --separate-stderr tdcost compare label=alone label=left
	[ "$status" = 0 ]
	[ "$(grep -Ec ' 1, 6 +- inconclusive, 5 more rounds needed$' <<<"$output")" = 2 ]
	for what in "label=alone --by twin" "label=alone label=left"; do
		# shellcheck disable=SC2086
		compared $what
		jq -e 'all(.rows[]; .verdict == "inconclusive" and .more_needed == 5 and .difference.p == null and
			.log_ratio.p == null and .difference.lo == null and .judged.lo == null)' compared.json
	done
	# Nor is it a regression, however it looks.
	run --separate-stderr tdcost compare label=alone label=left --gate 0
	[ "$status" = 0 ]
}

@test "a run that was interrupted is used as far as it goes, and that is said" {
	sql "UPDATE run SET state = 'interrupted' WHERE label = 'left'"
	sql "DELETE FROM sample WHERE invocation IN (SELECT i.id FROM invocation i JOIN run r ON r.id = i.run
		WHERE r.label = 'left' AND i.round >= 4);
		DELETE FROM invocation WHERE round >= 4 AND run = (SELECT id FROM run WHERE label = 'left')"
	run --separate-stderr tdcost compare label=left label=right
	[ "$status" = 0 ]
	[[ $output == *"run $(id_of left) is interrupted; its 4 finished rounds are used"* ]]
	[[ $output != *"$(id_of right) is "* ]]
	compared label=left label=right
	jq -e '.a[0].state == "interrupted" and .b[0].state == "done" and
		all(.rows[]; .a.n == 4 and .more_needed >= 2)' compared.json
}

@test "what means nothing, or too much, is refused" {
	for what in "" left right "@last" "label=left"; do
		# shellcheck disable=SC2086
		run --separate-stderr tdcost compare $what
		assert_refused 2 "two runs"
	done
	run --separate-stderr tdcost compare label=left label=right label=slow
	assert_refused 2 "two runs"
	run --separate-stderr tdcost compare label=left label=right --by twin
	assert_refused 2 "--by looks into one run"
	run --separate-stderr tdcost compare label=left label=nothing
	assert_refused 2 nothing
	run --separate-stderr tdcost compare nothing label=left
	assert_refused 2 nothing
	run --separate-stderr tdcost compare nothing --by twin
	assert_refused 2 nothing
	# The beginning of all of them at once.
	sql "UPDATE run SET uuid = 'abcd' || substr(uuid, 5)"
	run --separate-stderr tdcost compare abcd @last
	assert_refused 2 abcd
	run --separate-stderr tdcost compare @last @last --db none.db
	assert_refused 1 none.db
	[ ! -e none.db ]
}

# ---- what may be compared ----

# The run LABEL as of another boot, with SET changed of it and PATH of its environment to VALUE.
elsewhere() { # LABEL SET [PATH VALUE]...
	local label=$1 set=$2 facts=facts
	shift 2
	while [ $# -gt 0 ]; do
		facts="json_set($facts, '\$.$1', '$2')"
		shift 2
	done
	sql "INSERT INTO environment (hash, facts) SELECT 'made up', $facts FROM environment LIMIT 1;
		INSERT INTO boot (boot_id, host, environment, lane, clock, tick_hz, resolution, overhead)
		SELECT 'made up', host, 'made up', lane, clock, tick_hz, resolution, overhead FROM boot LIMIT 1;
		UPDATE boot SET $set WHERE boot_id = 'made up';
		UPDATE run SET boot = (SELECT max(id) FROM boot) WHERE label = '$label';
		UPDATE invocation SET boot = (SELECT max(id) FROM boot)
		WHERE run = (SELECT id FROM run WHERE label = '$label')"
}

@test "another lane is refused, whatever --across says" {
	elsewhere right "lane = 'vm'"
	run --separate-stderr tdcost compare label=left label=right
	assert_refused 6 "lane host" "lane vm"
	run --separate-stderr tdcost compare label=left label=right --across lane,host,kernel
	assert_refused 6 "lane host" "lane vm"
}

@test "another clock is refused, whatever --across says" {
	elsewhere right "clock = 'instructions'"
	run --separate-stderr tdcost compare label=left label=right
	assert_refused 6 instructions "never compared"
	run --separate-stderr tdcost compare label=left label=right --across clock
	assert_refused 6 instructions
}

@test "another version of a benchmark is refused" {
	sql "INSERT INTO metric SELECT benchmark, 99, ord, name, quantity, per, bytes_per FROM metric
		WHERE benchmark = 'null';
		INSERT INTO cell SELECT substr(hash, 2) || 'x', benchmark, 99, factors FROM cell;
		UPDATE run_cell SET cell = substr(cell, 2) || 'x'
		WHERE run = (SELECT id FROM run WHERE label = 'right')"
	run --separate-stderr tdcost compare label=left label=right
	assert_refused 6 null "version" 99
}

@test "another environment is refused unless its keys are named" {
	elsewhere right "lane = 'host'" governor sleepy kernel 9.99.9
	run --separate-stderr tdcost compare label=left label=right
	assert_refused 6 governor sleepy kernel 9.99.9 "; if that is the question, add --across governor,kernel"
	run --separate-stderr tdcost compare label=left label=right --across kernel
	assert_refused 6 governor "add --across governor"
	[[ $stderr != *9.99.9* ]]
	compared label=left label=right --across kernel,governor
	jq -e '.b[0].kernel == "9.99.9" and (.rows | length) == 2' compared.json
	compared label=left label=right --across kernel --across governor
	# Inside one run nothing can differ.
	compared label=right --by twin
	# In a commit block both kernels are named, and the command allows the same.
	run --separate-stderr tdcost compare label=left label=right --across kernel,governor -f commit
	[[ $output == *"against Linux 9.99.9"* ]]
	grep -q -- '--across kernel' <<<"$output"
	grep -q -- '--across governor' <<<"$output"
}

@test "a group of keys has one name" {
	elsewhere right "lane = 'host'" mitigation_mds "made up" kernel_build "#2"
	run --separate-stderr tdcost compare label=left label=right
	assert_refused 6 mitigation_mds kernel_build
	run --separate-stderr tdcost compare label=left label=right --across mitigations
	assert_refused 6 kernel_build
	compared label=left label=right --across kernel
}

# ---- exit status ----

make_fatal() { # LABEL
	sql "INSERT INTO flag (run, code, fatal, detail)
		SELECT id, 'clock-step', 1, 'made up' FROM run WHERE label = '$1'"
}

@test "a fatal flag on either side makes it untrustworthy" {
	make_fatal right
	for what in "label=left label=right" "label=right label=left" "label=right --by twin"; do
		for format in table markdown commit; do
			# shellcheck disable=SC2086
			run --separate-stderr tdcost compare $what --format $format
			echo "$output"
			[ "$status" = 5 ]
			[[ $output == *UNTRUSTWORTHY* || $output == *untrustworthy* ]]
		done
		# shellcheck disable=SC2086
		run --separate-stderr tdcost compare $what --json
		[ "$status" = 5 ]
		jq -e 'all(.rows[]; .untrustworthy and .verdict == "untrustworthy")' <<<"$output"
	done
	run --separate-stderr tdcost compare label=right --by twin
	[[ $output == *"UNTRUSTWORTHY: run $(id_of right)"*"made up"* ]]
	# It says nothing of the others.
	compared label=boot label=left
}

@test "a gate tells an established slowdown by exit status 3" {
	for gate in 3% 3 0 0.5% 20; do
		run --separate-stderr tdcost compare --by extra --gate $gate
		[ "$status" = 3 ]
		[[ $output == *slower* ]]
	done
	run --separate-stderr tdcost compare --by extra --gate 3 --json
	[ "$status" = 3 ]
	jq -e '.gate == 0.03' <<<"$output"
	run --separate-stderr tdcost compare --by extra --gate 3 -f commit
	[ "$status" = 3 ]
}

@test "a gate passes what is below it, and what got faster" {
	compared --by extra --gate 900%
	compared --by extra=20000,none --gate 0
	# Without a gate a slowdown is news, not a failure.
	compared --by extra
	jq -e '.gate == null and .rows[0].verdict == "slower"' compared.json
}

@test "a gate does not judge what is untrustworthy" {
	make_fatal slow
	run --separate-stderr tdcost compare --by extra --gate 3%
	[ "$status" = 5 ]
}

@test "the smallest effect of interest decides what is equivalent" {
	compared --by extra --sesoi 900%
	jq -e '.smallest_effect == 9 and .rows[0].verdict == "equivalent"' compared.json
	run --separate-stderr tdcost compare --by extra --sesoi 900
	[[ $output == *"Smallest effect of interest: 900 %"* ]]
	compared --by extra
	jq -e '.smallest_effect == 0.01' compared.json
}

@test "percentages are percentages" {
	for option in --gate --sesoi; do
		for value in x "" -1 3x 3%% 1e9 nan; do
			run --separate-stderr tdcost compare --by extra $option="$value"
			assert_refused 2 "$option" "percent"
		done
	done
	run --separate-stderr tdcost compare --by extra --format comit
	assert_refused 2 "did you mean 'commit'"
}

@test "many comparisons are judged together" {
	compared label=mixed --by twin
	# Of three rows one has arms that do nothing, which is no question: 95 % where both of the others are
	# selected, 97.5 % where one is or none.
	jq -e '.adjusted_level as $l | ([0.95, 0.975] | any(. - $l | fabs < 1e-9)) and
		([.rows[] | select(.factors_a.quirk != "off")] | length == 2 and all(.[]; .judged.level == $l)) and
		all(.rows[]; .log_ratio.level == 0.95)' compared.json
	run --separate-stderr tdcost compare label=mixed --by twin
	jq -e '.adjusted_level == 0.95' compared.json || [[ $output == *"adjusted for 2 comparisons"* ]]
	compared --by extra
	jq -e '.adjusted_level == 0.95' compared.json
}

# ---- forms ----

@test "markdown is a table of equal rows" {
	run --separate-stderr tdcost compare label=mixed --by twin -f markdown
	[ "$status" = 0 ]
	rows=$(grep '^|' <<<"$output")
	echo "$rows"
	[ "$(awk -F'|' '{ print NF }' <<<"$rows" | sort -u)" = 11 ]
	grep -q '^|---|' <<<"$rows"
	[ "$(grep -c 'twin=a .*twin=b .*verdict |$' <<<"$rows")" -ge 1 ]
	[ "$(grep -c ' measured \| analogue ' <<<"$rows")" = 3 ]
}

@test "JSON is one value, and what the table says" {
	run --separate-stderr tdcost compare label=left label=right --format json
	[ "$(jq -s length <<<"$output")" = 1 ]
	compared label=left label=right
	[ "$(jq -S . <<<"$output")" = "$(jq -S . compared.json)" ]
	jq -e 'all(.rows[]; .a.lo <= .a.level and .a.level <= .a.hi and .difference.lo <= .difference.value and
		.difference.value <= .difference.hi and .judged.lo <= .judged.hi and
		(.verdict | IN("faster", "slower", "equivalent", "inconclusive")))' compared.json
	verdicts=$(jq -r '.rows[].verdict' compared.json)
	run --separate-stderr tdcost compare label=left label=right
	for verdict in $verdicts; do
		grep -q " $verdict" <<<"$output"
	done
}

# No line is wider, in columns, not bytes.
assert_narrow() {
	local line
	while IFS= read -r line; do
		[ "${#line}" -le 72 ] || { echo "${#line} columns: $line"; return 1; }
		[[ $line != *[[:blank:]] ]] || { echo "ends in a blank: '$line'"; return 1; }
	done <<<"$1"
}

@test "a commit block is at most 72 columns wide" {
	for what in "label=clear --by quirk" "label=clear --by twin" "label=mixed --by twin" "--by extra" \
		"label=left label=right" "label=boot label=left" "label=alone label=left"; do
		# shellcheck disable=SC2086
		run --separate-stderr tdcost compare $what -f commit
		echo "$output"
		[ "$status" = 0 ]
		assert_narrow "$output"
		[[ $output == *"Reproduce:"* ]]
		[[ $output == *"tdcost compare "*" --format commit" ]]
	done
}

@test "also with long names" {
	long=$(printf 'x%.0s' {1..50})
	sql "UPDATE host SET cpu = 'Example(R) Processor(TM) Platinum Plus 8592Q+ with $long @ 9.99GHz'"
	sql "UPDATE environment SET facts = json_set(facts, '\$.kernel', '6.18.0-$long')"
	sql "UPDATE run SET label = 'a label of many words, that goes on and on and on to the end'
		WHERE label = 'left'"
	sql "UPDATE run SET argv = json_insert(argv, '\$[#]', '--label', '\$[#]', '$long and more of it'),
		label = '$long' WHERE label = 'right'"
	for what in "@last --by extra" "$(sql "SELECT group_concat(substr(uuid, 1, 8), ' ') FROM run
		WHERE label LIKE 'a label of%' OR label LIKE 'xxx%'")"; do
		# shellcheck disable=SC2086
		run --separate-stderr tdcost compare $what -f commit
		echo "$output"
		[ "$status" = 0 ]
		assert_narrow "$output"
	done
	[[ $output == *"$long"* ]]
}

@test "a commit block says on what it rests" {
	run --separate-stderr tdcost compare label=clear --by quirk -f commit
	flat=$(tr -s '\n ' '  ' <<<"$output")
	cpu=$(sql 'SELECT cpu FROM host')
	[[ $flat == "$cpu, family "*"Linux $(uname -r), lane host, erratum mode on and off,"* ]]
	[[ $flat == *"reset, ns per 4 KiB page: quirk=on, quirk=off, change [95 % interval], n processes:"* ]]
	[[ $flat == *"n=2 inconclusive, "*" more rounds needed"* ]]
	[[ $flat == *"Nothing got slower."* ]]
	[[ $flat == *"Smallest effect of interest 1%"* ]]
	# The command of the run with the seed that it drew, then that of the comparison, by id.
	joined=$(sed -e ':a' -e '/\\$/N; s/ *\\\n */ /; ta' <<<"$output")
	echo "$joined"
	seed=$(sql "SELECT printf('%llu', seed) FROM run WHERE label = 'clear'")
	grep -q "^ *tdcost run reset -p region=256K,512K .*--label clear .*--seed $seed\$" <<<"$joined"
	grep -q "^ *tdcost compare $(id_of clear) --by quirk --format commit\$" <<<"$joined"
}

@test "comparing changes nothing" {
	before=$(sum tdcost.db)
	compared --by extra
	compared label=left label=right
	[ "$(sum tdcost.db)" = "$before" ]
}

@test "a comparison that cannot be written is an error" {
	for format in table markdown commit json; do
		run --separate-stderr bash -c "'$TDCOST' compare --by extra -f $format >/dev/full"
		[ "$status" = 1 ]
	done
}

# ---- tails ----

# LABEL BLOCKS: as measured(), with as many samples in each of six processes.
with_blocks() {
	tdcost run null -p twin=a,b --label "$1" --rounds 6 --blocks "$2" --budget 1m >/dev/null || [ $? = 5 ]
	sql 'DELETE FROM flag WHERE fatal'
}

@test "compare_tails_of_arms_and_of_runs_has_rows_for_p90_and_p99" {
	with_blocks long 40
	compared label=long --by twin --tails
	jq -e '.paired and [.rows[].label | split(" ")[-1]] == ["p90", "p99"] and
		all(.rows[]; .log_ratio.n == 6 and .judged.lo <= .log_ratio.value)' compared.json
	with_blocks longer 40
	compared label=long label=longer --tails
	jq -e '(.rows | length) == 4 and (.paired | not) and
		([.rows[].label | select(endswith(" p99"))] | length) == 2' compared.json
}

@test "compare_tails_too_few_samples_says_how_many_are_needed" {
	run tdcost compare label=left --by twin --tails
	[ "$status" = 2 ]
	[[ $output == *"p90 needs 2 processes with 10 samples of each arm, p99 with 40, and a process has 5"* ]]
	with_blocks some 12
	run tdcost compare label=some --by twin --tails
	[ "$status" = 0 ]
	[[ $output == *" p90 "* && $output != *" p99 "* ]]
	[[ $output == *"p99: not compared for 1 cell; a process needs 40 samples of each arm and has 12 at most"* ]]
}

@test "compare_tails_with_boots_commit_or_shutdown_is_refused" {
	for with in "label=boot label=left" "label=left --by twin --format commit" "label=left --shutdown"; do
		# shellcheck disable=SC2086  # several words
		run tdcost compare --tails $with
		[ "$status" = 2 ]
		[[ $output == *--tails* ]]
	done
}
