#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154  # bats sets stderr
# No command drops a value: an option that is given twice is refused, or takes both.

load helper

# Two values that the option accepts, by what --help calls them.
declare -gA VALUES=(
	[ARCHIVE]="x.db y.db" [DIR]="x y" [FILE]="x.db y.db" [N]="1 2" [PERCENT]="1% 2%" [RUN]="aaaa bbbb"
	[TEXT]="x y" [TIME]="5s 6s" ["FACTOR[=LEVEL,LEVEL]"]="twin quirk" ["ROW[,ROW]..."]="x y"
	["run NAME"]="quick full" ["check NAME"]="quick full" ["plot NAME"]="cost ecdf"
	["compare FORMAT"]="table commit" ["plot FORMAT"]="svg png" ["db FORMAT"]="jsonl csv" ["pass|fail"]="pass fail"
)
# As the manual says.
REPEATS=" run--param check--param doctor--param run--events compare--across compare--db "

# "COMMAND OPTION WHAT" of each option that takes a value.
options() {
	local command
	for command in $(tdcost --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }'); do
		tdcost "$command" --help | sed -nE "s/^ +(-., )?(--[a-z-]+)=([^ ]+) .*/$command \2 \3/p"
	done
}

@test "option_given_twice_refused_with_both_values" {
	options >all
	cat all
	[ "$(wc -l <all)" -ge 30 ]
	while read -r command option what; do
		[[ $REPEATS != *" $command$option "* ]] || continue
		values=${VALUES[$command $what]:-${VALUES[$what]:-x y}}
		one=${values% *}
		other=${values#* }
		for first in "$option=$one" "$option $one"; do
			# shellcheck disable=SC2086  # words on purpose
			run --separate-stderr tdcost "$command" $first "$option=$other"
			assert_refused 2 "$option: given twice, as '$one' and '$other'; give it once" ||
				{ echo "of: $command $option $what"; return 1; }
		done
		# Also where both are the same.
		run --separate-stderr tdcost "$command" "$option=$one" --json "$option=$one"
		assert_refused 2 "$option: given twice"
	done <all
	[ "$(ls -A)" = all ]
}

@test "option_in_short_and_long_form_is_one" {
	run --separate-stderr tdcost compare -f table --format commit @last @last~1
	assert_refused 2 "--format: given twice, as 'table' and 'commit'"
	run --separate-stderr tdcost plot -o x -o y
	assert_refused 2 "--output: given twice, as 'x' and 'y'"
}

@test "option_that_repeats_takes_all" {
	run --separate-stderr tdcost run null -p ops=10000 -p extra=none,500 -p twin=a,b --dry-run --json
	[ "$status" = 0 ]
	jq -e . <<<"$output" >/dev/null
	[[ $output == *twin* && $output == *extra* && $output == *ops* ]]
	# Refused for its name, not for being there twice: both are looked at.
	run --separate-stderr tdcost run null --events no-such-event --events cycles --dry-run
	[[ $stderr != *"given twice"* ]]
	run --separate-stderr tdcost run null --rounds 1 --blocks 5 --events cycles --events no-such-event
	[ "$status" != 0 ]
	[[ $stderr == *no-such-event* ]]
	for option in $REPEATS; do
		grep -q -- "^${option%%--*} --${option#*--} " <(options)
	done
}

@test "option_without_a_value_may_be_there_twice" {
	tdcost run null "${SMALL[@]}" >/dev/null || [ $? = 5 ]
	run --separate-stderr tdcost runs --json --json
	[ "$status" = 0 ]
	[ "$(jq length <<<"$output")" = 1 ]
}
