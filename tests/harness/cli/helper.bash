# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# bats sets status, output and stderr; the test files use what is set here; levels have commas.
# shellcheck disable=SC2034,SC2054,SC2154
# What the tests of the command line share. Each test runs in an empty folder of its own.

bats_require_minimum_version 1.5.0

# Small: two rounds of five blocks. A budget that is named ends the rounds where they take longer than
# it, on a machine that is busy and under a sanitizer, too: no test that counts them may come near it.
SMALL=(--rounds 2 --blocks 5 --budget 20s)
# Two groups of two arms.
PAGES=(reset -p region=1M,2M -p backing=4k -p insn=auto)

setup() {
	enter
}

enter() {
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || return 1
	unset TDCOST_DB
	export LC_ALL=C.UTF-8
}

tdcost() {
	"$TDCOST" "$@"
}

# Measured: 0, or 5 where this machine makes figures untrustworthy and the run says so.
assert_measured() { # [DB]
	[ "$status" = 0 ] && return
	echo "status $status: $output ${stderr:-}"
	[ "$status" = 5 ]
	tdcost show --json --db "${1:-tdcost.db}" 2>/dev/null | jq -e 'any(.flags[]; .fatal)' >/dev/null
}

# FILE without the line that says that this machine is busy: that may be so at any time.
but_busy() { # FILE
	grep -v '^tdcost [a-z]*: the machine is busy: CPU ' "$1" || true
}

# Takes it off stderr.
forget_busy() {
	stderr=$(but_busy /dev/stdin <<<"$stderr")
	stderr_lines=()
	[ -z "$stderr" ] || mapfile -t stderr_lines <<<"$stderr"
}

# compared.json is what compare prints of ARGUMENT...
compared() {
	run --separate-stderr tdcost compare --json "$@"
	echo "$output" >compared.json
	cat compared.json
	[ "$status" = 0 ]
	[ -z "$stderr" ]
}

# Nothing on standard error, but for that.
assert_silent() {
	forget_busy
	[ -z "$stderr" ] || { echo "stderr '$stderr'"; return 1; }
}

# `run --separate-stderr` ended with STATUS, one line on standard error that holds every PART, and
# nothing on standard output.
assert_refused() { # STATUS PART...
	local part want=$1
	shift
	forget_busy
	echo "status $status (want $want), stdout '$output', stderr '$stderr'"
	[ "$status" = "$want" ]
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == tdcost* ]]
	for part in "$@"; do
		[[ $stderr == *"$part"* ]] || { echo "lacks '$part'"; return 1; }
	done
}

# As somebody who may not write everywhere: permissions do not bind root.
unprivileged() {
	if [ "$(id -u)" != 0 ]; then
		"$@"
		return
	fi
	setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"
}

# A copy of the program that anybody may reach, in a folder that anybody may enter.
reachable() {
	chmod a+rx "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR" \
		"$BATS_RUN_TMPDIR"/* 2>/dev/null || true
	cp "$TDCOST" "$BATS_TEST_TMPDIR/reachable"
	chmod a+rx "$BATS_TEST_TMPDIR/reachable"
	TDCOST=$BATS_TEST_TMPDIR/reachable
}

sum() {
	sha256sum "$1" | cut -d' ' -f1
}

# Every round of every run in DB is whole: as many invocations and samples as the plan has.
assert_whole_rounds() { # DB INVOCATIONS-PER-ROUND SAMPLES-PER-ROUND
	tdcost runs --json --db "$1" >whole.json
	cat whole.json
	jq -e --argjson i "$2" --argjson s "$3" \
		'all(.[]; .invocations == .rounds * $i and .samples == .rounds * $s)' whole.json
}

# Wait until CONDITION holds, for a minute at most.
wait_until() { # CONDITION...
	local i
	for ((i = 0; i < 1200; i++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.05
	done
	echo "never came true: $*"
	return 1
}

rounds_of_last() { # DB
	tdcost runs --json --db "$1" 2>/dev/null | jq '.[0].rounds // 0'
}

has_rounds() { # DB N
	[ "$(rounds_of_last "$1")" -ge "$2" ]
}

# Processes that were started with MARK in their environment; a zombie has none any more.
marked_pids() { # MARK
	grep -lsz -- "^TDCOST_MARK=$1\$" /proc/[0-9]*/environ | tr -dc '0-9\n'
}

none_marked() { # MARK
	[ -z "$(marked_pids "$1")" ]
}
