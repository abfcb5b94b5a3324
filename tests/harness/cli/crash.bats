#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031  # each test is a subshell of its own
# A run that is stopped or killed keeps its whole rounds and leaves no process behind.

load helper

# Two groups of two arms, five blocks: 2 invocations and 20 samples in a round, of 20 ms or so.
LONG=("${PAGES[@]}" --rounds 400 --blocks 5 --budget 120s)
PER_ROUND=(2 20)

setup() {
	enter
	# LeakSanitizer looks at a process with a helper, which signals to the group would end.
	export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
}

# Start a long run in a process group of its own, marked, and wait for two rounds of it.
start_long() { # DB
	mark=$BATS_TEST_NUMBER-$$-$RANDOM
	TDCOST_MARK=$mark setsid "$TDCOST" run "${LONG[@]}" --db "$1" >out 2>err &
	run_pid=$!
	wait_until has_rounds "$1" 2
}

# Whatever a failed test leaves.
teardown() {
	local pid
	[ -z "${mark:-}" ] || marked_pids "$mark" | while read -r pid; do
		kill -KILL "$pid" 2>/dev/null || true
	done
}

assert_ended() { # STATUS
	local got=0
	wait "$run_pid" || got=$?
	[ "$got" = "$1" ] || { echo "ended with $got"; return 1; }
}

assert_interrupted() { # DB
	local kept
	cat out err
	tdcost db check --db "$1"
	assert_whole_rounds "$1" "${PER_ROUND[@]}"
	jq -e '.[0] | .state == "interrupted" and .rounds >= 2 and .rounds < 400' whole.json
	kept=$(jq '.[0].rounds' whole.json)
	[ "$(but_busy err | wc -l)" = 1 ]
	grep -q "interrupted: $kept of 400 rounds are kept" err
	# What there is of it is shown all the same.
	grep -q '^run .*interrupted' out
	wait_until none_marked "$mark"
}

@test "Ctrl-C at the process keeps whole rounds" {
	start_long int.db
	kill -INT "$run_pid"
	assert_ended 1
	assert_interrupted int.db
}

@test "Ctrl-C at the whole group, as a terminal sends it, does the same" {
	start_long group.db
	kill -INT -- "-$run_pid"
	assert_ended 1
	assert_interrupted group.db
}

@test "so does SIGTERM" {
	start_long term.db
	kill -TERM "$run_pid"
	assert_ended 1
	assert_interrupted term.db
}

@test "so does a terminal that hangs up" {
	start_long hup.db
	kill -HUP "$run_pid"
	assert_ended 1
	assert_interrupted hup.db
}

@test "Ctrl-C twice is Ctrl-C" {
	start_long twice.db
	kill -INT "$run_pid"
	kill -INT "$run_pid" 2>/dev/null || true
	assert_ended 1
	assert_interrupted twice.db
}

more_rounds() { # N
	[ "$(tdcost runs --json --db killed.db | jq 'map(.rounds) | add // 0')" -gt "$1" ]
}

@test "a run that is killed leaves whole rounds and no process" {
	local i rounds=0 before
	for ((i = 0; i < 15; i++)); do
		mark=kill-$$-$RANDOM-$i
		TDCOST_MARK=$mark setsid "$TDCOST" run "${LONG[@]}" --db killed.db >out 2>err &
		run_pid=$!
		# From before there is a file to some rounds in, which a busy machine may take long for.
		((i % 3)) || wait_until more_rounds "$rounds"
		sleep "0.$(printf %03d $((RANDOM % 700)))"
		kill -KILL "$run_pid"
		assert_ended 137
		wait_until none_marked "$mark"
		[ -s killed.db ] || continue
		tdcost db check --db killed.db
		assert_whole_rounds killed.db "${PER_ROUND[@]}" >/dev/null
		# The runs of before are all there.
		before=$rounds
		rounds=$(jq 'map(.rounds) | add // 0' whole.json)
		[ "$rounds" -ge "$before" ]
	done
	[ "$rounds" -gt 0 ]
	# And the file goes on being used.
	tdcost run null "${SMALL[@]}" --db killed.db >/dev/null || [ $? = 5 ]
	jq -e 'all(.[]; .state == "open")' whole.json
	[ "$(tdcost runs --json --db killed.db | jq -r '.[0].state')" = "done" ]
}

@test "an invocation that is killed ends the run with a reason" {
	# Of seconds each: on a busy machine short ones have ended before they are found.
	LONG=("${PAGES[@]}" --rounds 400 --blocks 500 --budget 2h)
	PER_ROUND=(2 2000)
	start_long child.db
	for ((i = 0; i < 200; i++)); do
		while read -r pid; do
			tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q -- --invocation || continue
			kill -KILL "$pid" 2>/dev/null || true
		done < <(marked_pids "$mark")
		kill -0 "$run_pid" 2>/dev/null || break
		sleep 0.01
	done
	assert_ended 1
	cat err
	[ "$(but_busy err | wc -l)" = 1 ]
	grep -q 'signal 9' err
	tdcost db check --db child.db
	assert_whole_rounds child.db "${PER_ROUND[@]}"
	jq -e '.[0].state == "failed" and .[0].rounds >= 2' whole.json
	wait_until none_marked "$mark"
}

@test "one run that is killed does not disturb another in the same file" {
	start_long shared.db
	TDCOST_MARK=other "$TDCOST" run "${PAGES[@]}" --rounds 10 --blocks 5 --budget 60s --db shared.db \
		--label survivor >/dev/null 2>survivor.err &
	other=$!
	wait_until bash -c "'$TDCOST' runs --db shared.db | grep -q survivor"
	kill -KILL "$run_pid"
	assert_ended 137
	wait $other || [ $? = 5 ]
	[ -z "$(but_busy survivor.err)" ]
	tdcost db check --db shared.db
	assert_whole_rounds shared.db "${PER_ROUND[@]}"
	jq -e '.[] | select(.label == "survivor") | .state == "done" and .rounds == 10' whole.json
}
