#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031  # each test is a subshell of its own
# phases, size and vcpus, of runs that were measured.

load ../harness/cli/helper

setup_file() {
	export TDCOST_DB=$BATS_FILE_TMPDIR/shutdown.db
	"$TDCOST" run teardown --label sizes -p size=2M,4M,8M -p quirk=on,off --budget 3s >/dev/null ||
		[ $? = 5 ]
	"$TDCOST" run teardown --label kicks -p size=2M -p vcpus=1,16,64 -p path=dynamic \
		--budget 3s >/dev/null || [ $? = 5 ]
	# Nobody measured it: a machine without KVM draws it too.
	local arms=() mib group=0 replay=path=dynamic,backing=4k,leaf=4K,vcpus=2
	for mib in 64 256 1024; do
		arms+=("teardown:$group:0:$((mib * 500000)):quirk=on,$replay,size=${mib}M"
			"teardown:$group:0:$((mib * 300000)):quirk=off,$replay,size=${mib}M"
			"vm:$((group + 1)):0:$((mib * 100000)):quirk=none,type=plain,mem=anon,size=${mib}M,exit=ordered,vcpus=1")
		group=$((group + 2))
	done
	PER=teardown "$MAKE_ARMS" "$TDCOST_DB" both "${arms[@]}"
}

setup() {
	enter
	export TDCOST_DB=$BATS_FILE_TMPDIR/shutdown.db
}

plot() { # PLOT RUN
	run --separate-stderr tdcost plot "$2" --plot "$1" --format dumb
	[ "$status" = 0 ]
}

@test "phases are parts of a bar, and one of them is what is not explained" {
	plot phases label=sizes
	[[ ${lines[0]} == *"teardown: time by phase"* ]]
	grep -Eq "= flush|\+ flush|- flush|% flush" <<<"$output"
	grep -q " reset" <<<"$output"
	grep -q " unexplained" <<<"$output"
	[ "$(grep -c "^ dynamic  on" <<<"$output")" = 3 ]
}

# The sign before a phase's name below the bars.
sign_of() { # PHASE
	grep -o "[^ ] $1\( \|$\)" <<<"$output" | head -n 1 | cut -c 1
}

@test "a phase looks the same in every picture" {
	local run=teardown-only
	tdcost run teardown --label "$run" -p size=2M -p path=teardown -p quirk=on,off --budget 1s >/dev/null || [ $? = 5 ]
	plot phases label=sizes
	local reset flush unexplained
	reset=$(sign_of reset)
	flush=$(sign_of flush)
	unexplained=$(sign_of unexplained)
	[ "$reset$unexplained" = "=^" ]
	[ "$flush" = "+" ]
	# Fewer phases stand before it there.
	plot phases "label=$run"
	[ "$(sign_of reset)" = "$reset" ]
	[ "$(sign_of unexplained)" = "$unexplained" ]
	[ "$(sign_of flush)" = "" ]
}

@test "shutdown time against size, what quirk=off saves, and what others published apart" {
	plot size label=sizes
	grep -q "up: saving by quirk=off, [num]*s per teardown" <<<"$output"
	grep -q "up: saving by quirk=off, %" <<<"$output"
	grep -q "PUBLISHED by others, measured nowhere here" <<<"$output"
	grep -q "teardown: memory, MiB" <<<"$output"
	[ "$(grep -c "HKID released first" <<<"$output")" = 1 ]
}

@test "both modes and the plain VM stand in one picture, on the same axes" {
	plot size label=both
	grep -q "up: ms per shutdown" <<<"$output"
	# One panel: the axis stands once, and each arm is named under it.
	[ "$(grep -c "up: .* per shutdown" <<<"$output")" = 1 ]
	[ "$(grep -c "shutdown: memory, " <<<"$output")" = 1 ]
	grep -q "replay  *on" <<<"$output"
	grep -q "replay  *off" <<<"$output"
	grep -q "plain VM  *none" <<<"$output"
	grep -q "PUBLISHED by others, measured nowhere here" <<<"$output"
}

@test "cost per page against vCPUs" {
	plot vcpus label=kicks
	grep -q "up: page, [num]*s per 4 KiB page" <<<"$output"
}

@test "published figures that cannot be read fail the picture that shows them" {
	mkdir none
	TDCOST_PUBLISHED_DIR=$PWD/none run --separate-stderr tdcost plot label=sizes --plot size \
		--format dumb
	[ "$status" = 1 ]
	# shellcheck disable=SC2154 # set by run --separate-stderr
	[[ $stderr == *"published.csv"* ]]
}

@test "one size makes no curve: the hint makes one" {
	run --separate-stderr tdcost plot label=kicks --plot size --format dumb
	[ "$status" = 1 ]
	[[ $stderr == *"tdcost run teardown -p size=64M,256M,1G"* ]]
}
