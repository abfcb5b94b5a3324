#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2054,SC2154  # tests are subshells; levels have commas; bats sets status and output
# vm from the command line, on this machine's KVM.

load ../../harness/cli/helper

POOL=/sys/kernel/mm/hugepages/hugepages-2048kB

# Whatever a failed test leaves.
teardown() {
	local pid
	[ -z "${mark:-}" ] || marked_pids "$mark" | while read -r pid; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	[ -z "${group:-}" ] || rmdir "$group" || true
	[ -z "${pool:-}" ] || echo "$pool" >"$POOL/nr_hugepages"
}

# Add PAGES to the pool of huge pages; fails where that may not be done.
raise_pool() { # PAGES
	pool=$(<"$POOL/nr_hugepages")
	echo $((pool + $1)) >"$POOL/nr_hugepages"
	[ "$(<"$POOL/nr_hugepages")" -ge $((pool + $1)) ]
}

# A memory cgroup for one run, of either version, so that nobody else's memory is looked at. Where none
# may be made it is the whole machine's.
enter_cgroup() {
	local top file
	group=
	for top in /sys/fs/cgroup/memory /sys/fs/cgroup; do
		mkdir "$top/tdcost-$$-$1" 2>/dev/null || continue
		group=$top/tdcost-$$-$1
		for file in memory.usage_in_bytes memory.current; do
			[ ! -e "$group/$file" ] || { usage=$group/$file && return; }
		done
		rmdir "$group"
		group=
	done
}

used_mib() {
	if [ -n "$group" ]; then
		echo $(($(<"$usage") >> 20))
	else
		sed -n 's/^MemAvailable: *\([0-9]*\).*/\1/p' /proc/meminfo | { read -r kib && echo $((-kib >> 10)); }
	fi
}

# Within 48 MiB of BEFORE: what a test takes is ten times as much.
memory_is_back() { # BEFORE
	[ "$(used_mib)" -le $(($1 + 48)) ]
}

memory_is_taken() { # BEFORE
	! memory_is_back "$1"
}

@test "each end yields its life and its phases, which add up" {
	run --separate-stderr tdcost run vm -p mem=anon,guest_memfd -p exit=ordered,sigkill -p size=8M "${SMALL[@]}"
	assert_measured
	tdcost show --json >show.json
	jq -e '.cells | length == 4 and all(.[]; .state == "planned" and .kind == "measured" and .summary.samples > 0)' \
		show.json
	jq -e '[.values[] | select(.metric == "phase").subject] | unique ==
		["guest_memfd", "kill", "memory", "memslot", "reset", "unexplained", "vcpus", "vm"]' show.json
	jq -e '[.values[] | select(.metric == "life").subject] | unique == ["create", "populate"]' show.json
	# One empty process behind each sample that ends with a kill, and behind no other.
	jq -e '. as $all | all(.cells[]; .cell as $cell |
		([$all.values[] | select(.cell == $cell and .metric == "empty-kill").n] | add) ==
			(if .factors.exit == "sigkill" then .summary.samples else null end))' show.json
	# What is left unexplained is the marks' own: a trifle of the sample, and never less than nothing but
	# for what reading the clock is taken to cost. The others are the sample's time without it.
	jq -e '. as $all | all(.cells[]; .cell as $cell | .summary as $time |
		[$all.values[] | select(.cell == $cell and .metric == "phase")] as $phases |
		($phases | map(select(.subject == "unexplained"))[0]) as $rest |
		($phases | map(select(.subject != "unexplained").total) | add) as $sum |
		$rest.n == $time.samples and $rest.p50 < $time.p50 * 0.05 and $rest.min > $time.min * -0.01 and
		$sum / $rest.n > $time.min * 0.5 and $sum / $rest.n <= $time.max * 1.01)' show.json
	tdcost db check
}

@test "the erratum mode is a pair, and its saving a difference and a ratio" {
	run --separate-stderr tdcost run vm -p quirk=on,off,none -p size=8M "${SMALL[@]}"
	assert_measured
	[[ $output == *"what quirk=off saves"* ]]
	tdcost show --json >show.json
	jq -e 'all(.cells[]; if .factors.quirk == "none" then .kind == "measured" and .reason == null else
		.kind == "analogue" and (.reason | contains("through its own mapping")) end)' show.json
	run --separate-stderr tdcost compare @last --by quirk
	[[ $output == *"-> off"* ]]
	[[ $output == *"-> none"* ]]
	tdcost compare @last --by quirk --format commit | grep -q 'erratum mode on and off'
}

@test "a co-runner and the use of the memory again are values" {
	[ "$(nproc)" -ge 2 ] || set -- off
	run --separate-stderr tdcost run vm -p size=64M -p victim="${1:-on}" -p realloc=on "${SMALL[@]}"
	assert_measured
	tdcost show --json >show.json
	jq -e 'any(.values[]; .metric == "realloc" and .n > 0)' show.json
	[ "$(nproc)" -lt 2 ] || jq -e 'any(.values[]; .metric == "victim-gap")' show.json
}

@test "a co-runner on the CPU on which the VM ends waits for its turn" {
	run --separate-stderr tdcost run vm -p size=64M -p victim=same -p exit=ordered,sigkill "${SMALL[@]}"
	assert_measured
	tdcost show --json >show.json
	# Nobody is elsewhere: the co-runner's CPU is the one that is measured on.
	sqlite3 tdcost.db "SELECT DISTINCT json_extract(setup, '$.victim') = cpu FROM invocation" | tee same
	[ "$(cat same)" = 1 ]
	# What it does not get done is a percentage, and its longest wait is a part of the time that it is watched.
	jq -e '[.values[] | select(.metric == "victim-slowdown-percent")] | length > 0 and
		all(.[]; .quantity == "percent" and .max <= 100)' show.json
	jq -e '[.values[] | select(.metric == "victim-gap")] | length > 0 and all(.[]; .p50 > 0)' show.json
}

@test "every kind of VM is checked, or skipped with its reason" {
	tdcost check vm -p type=plain,sw_protected,tdx -p mem=anon,thp,hugetlb,guest_memfd -p vcpus=1,8 -p size=4M \
		-p populate=guest,prefault,host --json >check.json
	jq -e 'all(.cells[]; .result == "ok" or (.result == "skipped" and (.why | length) > 0))' check.json
	jq -e 'any(.cells[]; .factors.mem == "anon" and .factors.type == "plain" and .result == "ok")' check.json
}

@test "what cannot be is refused in one line that says what to do" {
	run --separate-stderr tdcost run vm -p size=64T
	echo "$status $stderr"
	[ "$status" = 4 ]
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == *"64T of 4k pages do not fit: "*" would"* ]]
	run --separate-stderr tdcost run vm -p size=3M
	[ "$status" = 4 ]
	[[ $stderr == *"size=3M is not a multiple of 2M"* ]]
	run --separate-stderr tdcost run vm -p vcpus=9
	[ "$status" = 4 ]
	[[ $stderr == *"vcpus=9: 1 to 8"* ]]
	run --separate-stderr tdcost run vm -p mem=hugetlb -p size=1T
	[ "$status" = 4 ]
	[[ $stderr == *"hugetlb-2m pool has "*" free: echo "*"nr_hugepages"* ]]
	run --separate-stderr tdcost run vm -p terminate=on
	[ "$status" = 4 ]
	[[ $stderr == *"terminate=on goes with type=tdx"* ]]
	run --separate-stderr tdcost run vm -p type=plain -p populate=everybody
	assert_refused 2 "populate" "everybody"
	[ ! -e tdcost.db ]
}

@test "who may not use /dev/kvm is told how to" {
	chmod a+rwx .
	reachable
	if unprivileged test -w /dev/kvm; then
		return # anybody may, here
	fi
	run --separate-stderr unprivileged "$TDCOST" run vm
	echo "$status $stderr"
	[ "$status" = 4 ]
	[[ $stderr == *"no permission for /dev/kvm: "*"kvm"* ]]
}

# Twice, so that it is met while it creates, populates or destroys. TAKEN: the condition to wait for.
assert_leaves_nothing() { # TAKEN SETTING...
	local i before taken=$1
	shift
	for i in 1 2; do
		mark=vm-$$-$RANDOM-$i
		enter_cgroup "$RANDOM-$i"
		before=$(used_mib)
		# shellcheck disable=SC2016  # for the other shell
		TDCOST_MARK=$mark setsid bash -c '[ -z "$0" ] || echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" \
			"$TDCOST" run vm "$@" --rounds 100 --budget 120s --db killed.db >out 2>err &
		run_pid=$!
		wait_until has_child "$mark"
		wait_until "$taken" "$before"
		sleep "0.$(printf %03d $((RANDOM % 900)))"
		kill -KILL "$run_pid"
		wait "$run_pid" || true
		wait_until none_marked "$mark"
		wait_until memory_is_back "$before"
		[ -z "$group" ] || wait_until rmdir "$group"
		group=
	done
}

# Of either version: the limit's file and the word for it.
limit_of_group() {
	limit=$group/memory.max
	[ -e "$limit" ] || limit=$group/memory.limit_in_bytes
}

@test "what a memory cgroup does not leave is refused with its name" {
	enter_cgroup limit
	[ -n "$group" ] || skip "no memory cgroup may be made here"
	limit_of_group
	echo 200M >"$limit"
	# shellcheck disable=SC2016  # for the other shell
	run --separate-stderr bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" \
		"$TDCOST" run vm -p size=512M -p exit=sigkill "${SMALL[@]}"
	echo "$status $stderr"
	[ "$status" = 4 ]
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == *"512M of 4k pages do not fit: "*"M would "*"${limit##*/} of the cgroup $group "* ]]
	[ ! -e tdcost.db ]
	wait_until rmdir "$group"
	group=
}

# The limit comes down while the VMs are made, which no look ahead can know.
@test "a VM that the OOM killer takes is no sample" {
	enter_cgroup oom
	[ -n "$group" ] || skip "no memory cgroup may be made here"
	limit_of_group
	mark=vm-$$-$RANDOM
	# shellcheck disable=SC2016  # for the other shell
	TDCOST_MARK=$mark bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" \
		"$TDCOST" run vm -p size=512M -p exit=sigkill --rounds 1 --blocks 1000 --budget 100s >out 2>err &
	run_pid=$!
	wait_until has_child "$mark"
	wait_until holder_is_there
	until echo 200M >"$limit"; do
		kill -0 "$run_pid"
		sleep 0.01
	done 2>/dev/null
	status=0
	wait "$run_pid" || status=$?
	cat out err
	[ "$status" = 1 ]
	[[ $(<err) == *"vm size=512M: "*"OOM killer in dmesg, take a smaller size"* ]]
	tdcost show --json >show.json
	jq -e 'all(.cells[]; (.summary.samples // 0) == 0)' show.json
	wait_until rmdir "$group"
	group=
}

# The run, the process that samples, and the VM's own.
holder_is_there() {
	[ "$(marked_pids "$mark" | wc -l)" -ge 3 ]
}

has_child() { # MARK
	[ "$(marked_pids "$1" | wc -l)" -ge 2 ]
}

@test "a run that is killed leaves no process and no memory of its VM" {
	assert_leaves_nothing memory_is_taken -p size=512M -p exit=ordered
	assert_leaves_nothing memory_is_taken -p size=512M -p exit=sigkill
	assert_leaves_nothing memory_is_taken -p size=512M -p mem=thp
	"$TDCOST" list vm | grep -q 'no guest_memfd\|KVM_CAP_GUEST_MEMFD' ||
		assert_leaves_nothing memory_is_taken -p size=512M -p mem=guest_memfd
}

pool_is_free() { # PAGES
	[ "$(<"$POOL/free_hugepages")" -eq "$1" ]
}

@test "nor huge pages of the pool" {
	# Only root may raise it; elsewhere the pool that there is has to do.
	raise_pool 16 || [ "$(<"$POOL/free_hugepages")" -ge 16 ]
	free=$(<"$POOL/free_hugepages")
	assert_leaves_nothing true -p size=32M -p mem=hugetlb -p exit=sigkill
	assert_leaves_nothing true -p size=32M -p mem=hugetlb -p exit=ordered
	wait_until pool_is_free "$free"
	run --separate-stderr tdcost run vm -p size=32M -p mem=hugetlb "${SMALL[@]}"
	assert_measured
	pool_is_free "$free"
}
