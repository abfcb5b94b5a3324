#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	mkdir -p tree/{bench,harness/{core,machine,measure,run,cli},results/{store,analysis,published},plots,tests}
}

flow() {
	run "$TOP/scripts/check-flow" "$BATS_TEST_TMPDIR/tree"
}

# A file of FOLDER that includes WHAT, alone in the tree.
only() { # FOLDER WHAT
	find tree -type f -delete
	printf '// a file\n#include <stdio.h>\n\t#  include "%s"\n' "$2" >"tree/$1/made_up.c"
	flow
}

@test "the tree flows in its direction" {
	run "$TOP/scripts/check-flow" "$TOP"
	[ "$status" = 0 ]
	[ -z "$output" ]
	run "$TOP/scripts/check-flow"
	[ "$status" = 0 ]
}

@test "an empty tree does" {
	flow
	[ "$status" = 0 ]
}

@test "includes against the flow are found, by file and line" {
	while read -r folder what; do
		only "$folder" "$what"
		echo "$folder -> $what: $output"
		[ "$status" = 1 ]
		[ "${#lines[@]}" = 1 ]
		[[ $output == "$folder/made_up.c:3: $folder must not include $what"* ]]
	done <<-'END'
		harness/core harness/machine/cpu.h
		harness/core results/store/store.h
		harness/machine harness/measure/bench.h
		harness/measure bench/list.h
		harness/measure harness/run/run.h
		bench harness/run/run.h
		bench results/store/store.h
		harness/run bench/list.h
		harness/run results/store/store.h
		harness/run results/analysis/stats.h
		harness/run harness/cli/cli.h
		results/store bench/list.h
		results/store harness/measure/bench.h
		results/store results/analysis/stats.h
		results/analysis harness/measure/bench.h
		results/analysis plots/plots.h
		results/analysis results/published/published.h
		results/published results/store/store.h
		plots harness/run/run.h
		plots bench/list.h
	END
}

@test "includes with the flow are not" {
	while read -r folder what; do
		only "$folder" "$what"
		echo "$folder -> $what: $output"
		[ "$status" = 0 ]
	done <<-'END'
		harness/core harness/core/words.h
		harness/machine harness/core/reason.h
		harness/measure harness/machine/cpu.h
		bench harness/measure/bench.h
		harness/run harness/measure/sampler.h
		results/store harness/core/sample.h
		results/analysis results/store/store.h
		plots results/analysis/report.h
		results/published harness/core/reason.h
		harness/cli plots/plots.h
		harness/cli bench/list.h
		tests harness/cli/cli.h
	END
}

@test "a file that is not named from the top is found" {
	only bench list.h
	[ "$status" = 1 ]
	[[ $output == "bench/made_up.c:3: name \"list.h\" from the top"* ]]
}

@test "headers are looked at too, and every offence is told" {
	printf '#include "plots/plots.h"\n' >tree/harness/core/a.h
	printf '#include "bench/list.h"\n#include "harness/cli/cli.h"\n' >tree/results/store/b.c
	flow
	[ "$status" = 1 ]
	[ "${#lines[@]}" = 3 ]
}
