#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2054  # each test is a subshell of its own; levels have commas
# compare --shutdown: the arms that make the case, what is refused, and in which forms it is told.

load helper

REPLAY="path=dynamic,size=1M,backing=4k,leaf=4K,vcpus=2,leave_out=none"
VM="type=plain,mem=anon,size=1M,exit=ordered,vcpus=2"

# LABEL NODE-OF-VM NS-ON NS-OFF REPLAY VM: the replay in group 0 on node 0, the VM in group 1.
made() {
	local label=$1 node=$2 on=$3 off=$4 replay=$5 vm=$6
	"$MAKE_ARMS" tdcost.db "$label" "teardown:0:0:$on:quirk=on,$replay" "teardown:0:0:$off:quirk=off,$replay" \
		"vm:1:$node:600000:quirk=on,$vm" "vm:1:$node:400000:quirk=off,$vm" "vm:1:$node:300000:quirk=none,$vm"
}

case_of() { # LABEL [VM [NODE [REPLAY]]]
	made "$1" "${3:-0}" 4000 3000 "${4:-$REPLAY}" "${2:-$VM}"
}

only_replay() { # LABEL [REPLAY]
	"$MAKE_ARMS" tdcost.db "$1" "teardown:0:0:4000:quirk=on,${2:-$REPLAY}" \
		"teardown:0:0:3000:quirk=off,${2:-$REPLAY}"
}

only_vm() { # LABEL [VM]
	"$MAKE_ARMS" tdcost.db "$1" "vm:0:0:300000:quirk=none,${2:-$VM}"
}

told() { # ARG...
	run --separate-stderr tdcost compare --shutdown "$@"
	echo "$output"
	[ "$status" = 0 ]
	[ -z "$stderr" ]
}

@test "each arm is told per shutdown, against quirk=on and against the plain VM" {
	case_of one
	told --json
	echo "$output" >told.json
	# 256 pages of 4 KiB.
	jq -e '(.cases | length) == 1 and (.cases[0] | .size == 1048576 and .page == 4096 and .nodes == "0" and
		.backing == "base pages" and (.arms | length) == 5)' told.json
	jq -e '[.cases[0].arms[].time] | [., [1024000, 768000, 600000, 400000, 300000]] | transpose |
		all(.[]; (.[0] / .[1] - 1 | fabs) < 0.01)' told.json
	jq -e '[.cases[0].arms[] | .units] == [256, 256, 1, 1, 1]' told.json
	jq -e '.cases[0].arms | .[0].against_on == null and .[4].against_plain == null and .[4].plain and
		(.[1].against_on | .paired and .verdict == "faster" and .unit == "ns per shutdown" and
			(.log_ratio.value - (0.75 | log) | fabs) < 0.01 and
			(.difference.value + 256000 | fabs) < 6000 and .kind == "analogue") and
		(.[0].against_plain | .pairing == "rounds" and .verdict == "slower" and .kind == "analogue") and
		(.[3].against_plain | .pairing == "blocks" and .kind == "measured" and .verdict == "slower" and
			(.difference.value - 100000 | fabs) < 3000)' told.json
	# All of one run, so nothing is apart.
	jq -e 'all(.remarks[]; startswith("apart:") | not) and any(.remarks[]; contains("per 4 KiB page"))' told.json
}

@test "a percentage of a replay whose SEAMCALLs take no time is called a bound" {
	case_of none "$VM" 0 "$REPLAY,seam=0"
	told
	[[ $output == *"SEAMCALLs take no time in the replay (seam=0)"*"at most that"* ]]
	case_of some "$VM" 0 "$REPLAY,seam=200"
	told
	[[ $output != *"at most that"* ]]
}

@test "the table names arms, kinds, both forms and what is not paired" {
	case_of one
	told
	[[ $output == *"1M in base pages, page size 4K, node 0"* && $output == *"ms per shutdown"* ]]
	grep -Eq '^replay path=dynamic +on +analogue +1\.0' <<<"$output"
	grep -Eq '^plain VM exit=ordered +none +measured +0\.(29|30)' <<<"$output"
	grep -Eq '^replay path=dynamic quirk=off +quirk=on +analogue +-0\.25.* 8 +<0\.0001 by block +faster$' <<<"$output"
	grep -Eq '^replay path=dynamic quirk=on +plain VM exit=ordered .* by round +slower$' <<<"$output"
	told --format markdown
	grep -q '^| arm | against | kind | change, ms | 95 % interval | change, % |' <<<"$output"
	awk -F'|' '/^\| (arm|replay|VM|plain)/ { print NF }' <<<"$output" | sort -u >widths
	[ "$(wc -l <widths)" = 2 ]
}

@test "a commit block fits, and --verify finds out what does not follow" {
	case_of one
	run --separate-stderr tdcost compare --shutdown --format commit
	[ "$status" = 0 ]
	echo "$output" | tee block
	awk 'length > 72 { exit 1 }' block
	for part in "Made-up CPU" "Shutdown of 1M in base pages, page size 4K, node 0" "analogue" "n=8" paired "by round" \
		"faster in 2 of 2" "nothing was run --seed" "--shutdown --format commit"; do
		grep -q -- "$part" block || { echo "lacks '$part'"; return 1; }
	done
	tdcost db export --evidence evidence.db
	run --separate-stderr tdcost compare --verify evidence.db block
	[ "$status" = 0 ]
	[[ $output == "block 1, "*": all "*" lines follow from the samples"* ]]
	sed 's/faster in 2/faster in 1/' block >other
	run --separate-stderr tdcost compare --verify evidence.db other
	[ "$status" = 1 ]
	[[ $output == *"not follow from the samples"* ]]
}

@test "a commit block is no longer than it need be" {
	case_of one
	run --separate-stderr tdcost compare --shutdown --format commit
	echo "$output"
	# Platform and kinds, a line or two for each of 5 arms and 6 changes, the verdicts, remarks, commands.
	[ "${#lines[@]}" -le 30 ]
	# At the arm, not again at its changes.
	[ "$(grep -c "n=8" <<<"$output")" = 5 ]
	grep -q "^    vs on: -0.25[0-9]* \[-0.2[0-9]*, -0.2[0-9]*\], -25.0% \[-25.0, -25.0\], faster$" <<<"$output"
}

@test "the command for a missing plain VM names its backing" {
	only_replay thp "${REPLAY/backing=4k,leaf=4K/backing=thp,leaf=2M}"
	run --separate-stderr tdcost compare --shutdown
	assert_refused 2 "no plain VM" "tdcost run vm -p quirk=on,off,none -p mem=thp -p size=1M"
	only_vm plain "${VM/mem=anon/mem=thp}"
	run --separate-stderr tdcost compare --shutdown
	assert_refused 2 "tdcost run teardown -p quirk=on,off -p backing=thp -p leaf=2M -p size=1M"
}

@test "replay and VM may be of two runs" {
	only_replay replay
	only_vm plain
	told label=replay label=plain --json
	jq -e '(.cases[0].arms | length) == 3 and all(.cases[0].arms[]; .against_plain == null or
		(.against_plain.paired | not))' <<<"$output"
	run --separate-stderr tdcost compare label=replay label=plain --shutdown --format commit
	[ "$status" = 0 ]
	[[ $output == *"--shutdown --format commit"* ]]
	run --separate-stderr tdcost compare label=replay label=replay --shutdown
	assert_refused 6 "is on both sides"
}

@test "sizes are told apart, each with its own plain VM" {
	"$MAKE_ARMS" tdcost.db two "teardown:0:0:4000:quirk=on,$REPLAY" "teardown:0:0:3000:quirk=off,$REPLAY" \
		"teardown:1:0:5000:quirk=on,${REPLAY/1M/2M}" "teardown:1:0:4000:quirk=off,${REPLAY/1M/2M}" \
		"vm:2:0:300000:quirk=none,$VM" "vm:3:0:500000:quirk=none,${VM/1M/2M}"
	told --json
	jq -e '[.cases[] | [.size, (.arms | length)]] == [[1048576, 3], [2097152, 3]] and
		(.cases[1].arms[0].against_plain.a.level | . > 490000 and . < 510000) and
		.cases[1].arms[0].units == 512' <<<"$output"
}

@test "another size, backing, page size or node is refused, with what to do" {
	case_of size "${VM/1M/2M}"
	run --separate-stderr tdcost compare --shutdown
	assert_refused 2 "differ in size" "1M of the replay" "2M of the plain VM" "-p size="
	case_of backing "${VM/anon/guest_memfd}"
	run --separate-stderr tdcost compare --shutdown
	assert_refused 2 "differ in backing" "base pages of the replay" "a guest_memfd of the plain VM" "mem=anon"
	case_of page "${VM/anon/thp}" 0 "${REPLAY/4k/thp}"
	run --separate-stderr tdcost compare --shutdown
	assert_refused 2 "differ in page size" "4K of the replay" "2M of the plain VM" "leaf=2M"
	case_of node "$VM" 1
	run --separate-stderr tdcost compare --shutdown
	assert_refused 2 "differ in NUMA node" "0 of the replay" "1 of the plain VM" "--cpu"
	case_of unknown "$VM" -1
	run --separate-stderr tdcost compare --shutdown
	assert_refused 2 "differ in NUMA node" "unknown of the plain VM"
}

@test "memory of which nobody knows the node is refused, unless there is one" {
	unknown() {
		"$MAKE_ARMS" tdcost.db "$1" "teardown:0:-1:4000:quirk=on,$REPLAY" "teardown:0:-1:3000:quirk=off,$REPLAY" \
			"vm:1:-1:300000:quirk=none,$VM"
	}
	unknown unsaid
	run --separate-stderr tdcost compare --shutdown
	assert_refused 2 "on which NUMA node the replay" "--cpu N"
	NUMA=2 unknown two
	run --separate-stderr tdcost compare --shutdown
	assert_refused 2 "on which NUMA node the replay" "may have several"
	NUMA=1 unknown one
	told
	[[ $output == *"node unknown"* ]]
}

@test "an arm that is missing is named with the command that measures it" {
	only_replay replay
	run --separate-stderr tdcost compare --shutdown
	assert_refused 2 "no plain VM" "tdcost run vm -p quirk=on,off,none -p size=1M" "--preset shutdown"
	only_vm plain
	run --separate-stderr tdcost compare --shutdown
	assert_refused 2 "no replay with quirk=on" "tdcost run teardown -p quirk=on,off -p size=1M"
	"$MAKE_ARMS" tdcost.db half "teardown:0:0:4000:quirk=on,$REPLAY" "vm:1:0:300000:quirk=none,$VM"
	run --separate-stderr tdcost compare --shutdown
	assert_refused 2 "no replay with quirk=off"
	# A replay without a step is none; a VM that could not be is said to be.
	only_replay ablation "${REPLAY/leave_out=none/leave_out=kick}"
	run --separate-stderr tdcost compare --shutdown
	assert_refused 2 "no replay with quirk=on"
	"$MAKE_ARMS" tdcost.db skipped "teardown:0:0:4000:quirk=on,$REPLAY" "teardown:0:0:3000:quirk=off,$REPLAY" \
		"vm:1:0:0:quirk=none,$VM"
	run --separate-stderr tdcost compare --shutdown
	assert_refused 2 "no plain VM" "skipped: it cannot be here"
}

# A TD's mode is its kernel's, so a run has one; a guest_memfd has no replay.
TD="type=tdx,mem=guest_memfd,size=1M,exit=ordered,vcpus=2,populate=prefault,terminate=off"

td_and_plain() { # LABEL QUIRK NS
	"$MAKE_ARMS" tdcost.db "$1" "vm:0:0:$3:quirk=$2,$TD" "vm:0:0:300000:quirk=none,${TD/type=tdx/type=plain}"
}

@test "a TD is an arm beside the plain VM of its backing, without a replay" {
	td_and_plain erratum on 900000
	told --json
	echo "$output" >told.json
	jq -e '(.cases | length) == 1 and .cases[0].backing == "a guest_memfd" and (.cases[0].arms | length) == 2' told.json
	jq -e '.cases[0].arms[0] | (.name | startswith("TD exit=ordered")) and .quirk == "on" and .against_on == null and
		(.against_plain | .paired and .verdict == "slower" and (.difference.value - 600000 | fabs) < 9000)' told.json
	jq -e 'any(.remarks[]; contains("only quirk=on of the TD"))' told.json
	told --format commit
	[[ $output == *"TD exit=ordered, quirk=on: "* ]]
}

@test "TDs of two runs are a pair of modes, apart, each with its plain VM" {
	# (make_arms gives all runs one boot)
	td_and_plain erratum on 900000
	td_and_plain none off 600000
	told label=erratum label=none --json
	echo "$output" >told.json
	jq -e '(.cases | length) == 1 and ([.cases[0].arms[] | .quirk] | sort) == ["none", "none", "off", "on"]' told.json
	jq -e '[.cases[0].arms[] | select(.name | startswith("TD"))] as $td | ($td | length) == 2 and
		all($td[]; .against_plain.verdict == "slower" and .against_plain.paired) and
		([$td[] | select(.quirk == "off")][0].against_on | (.paired | not) and .verdict == "faster" and
			(.log_ratio.value - (2 / 3 | log) | fabs) < 0.01)' told.json
	jq -e 'all(.remarks[]; contains("of the TD") | not)' told.json
	told label=erratum label=none --format commit
	[[ $output == *"Without the clear (quirk=off against on): faster in 1 of 1."* ]]
}

@test "TDs of two kernels are compared where that is the question" {
	RELEASE=6.17.0-invented td_and_plain always on 900000
	RELEASE=6.18.0-invented td_and_plain skips off 600000
	run --separate-stderr tdcost compare label=always label=skips --shutdown
	assert_refused 6 "kernel (6.17.0-invented -> 6.18.0-invented)" "--across"
	told label=always label=skips --across kernel --json
	jq -e '[.cases[0].arms[] | select(.against_on)] | length == 1 and (.[0].against_on |
		.verdict == "inconclusive" and .one_boot_a_side and .more_needed == 2)' <<<"$output"
	told label=always label=skips --across kernel --format commit
	[[ $output == *"Linux 6.17.0-invented"*"against Linux"*"6.18.0-invented"* && $output == *"inconclusive in 1 of 1"* ]]
	# Their difference is in it: what boots differ by is not known.
	[[ $output == *"each side is a single boot"* ]]
}

@test "a TD goes with a replay in one run, and a plain VM for each" {
	"$MAKE_ARMS" tdcost.db both "teardown:0:0:4000:quirk=on,$REPLAY" "teardown:0:0:3000:quirk=off,$REPLAY" \
		"vm:1:0:300000:quirk=none,$VM" "vm:2:0:900000:quirk=on,$TD" \
		"vm:2:0:310000:quirk=none,${TD/type=tdx/type=plain}"
	told --json
	jq -e '[.cases[] | [.backing, (.arms | length)]] == [["base pages", 3], ["a guest_memfd", 2]]' <<<"$output"
	# Without one of them.
	"$MAKE_ARMS" tdcost.db lacks "teardown:0:0:4000:quirk=on,$REPLAY" "teardown:0:0:3000:quirk=off,$REPLAY" \
		"vm:1:0:300000:quirk=none,$VM" "vm:2:0:900000:quirk=on,$TD"
	run --separate-stderr tdcost compare --shutdown
	assert_refused 2 "differ in backing" "a guest_memfd of the TD" "base pages of the plain VM"
	"$MAKE_ARMS" tdcost.db alone "vm:2:0:900000:quirk=on,$TD"
	run --separate-stderr tdcost compare --shutdown
	assert_refused 2 "no plain VM" "tdcost run vm -p quirk=on,off,none -p mem=guest_memfd -p size=1M"
	td_and_plain silent none 900000
	run --separate-stderr tdcost compare --shutdown
	assert_refused 2 "does not say whether its kernel cleared" "quirk=auto"
}

@test "lanes are never mixed, and what does not go with it is refused" {
	only_replay replay
	LANE=vm only_vm elsewhere
	run --separate-stderr tdcost compare label=replay label=elsewhere --shutdown
	assert_refused 6 "lanes are never mixed"
	case_of one
	run --separate-stderr tdcost compare --shutdown --by quirk
	assert_refused 2 "--by"
	run --separate-stderr tdcost compare --shutdown --gate 3%
	assert_refused 2 "--gate"
	run --separate-stderr tdcost compare @last @last~1 @last~2 --shutdown
	assert_refused 2 "one run or two"
	run --separate-stderr tdcost compare --verify evidence.db block --shutdown
	assert_refused 2
}

@test "--by quirk tells percent and difference of both benchmarks" {
	case_of one
	run --separate-stderr tdcost compare --by quirk=on,off
	echo "$output"
	[ "$status" = 0 ]
	# A replay's percentage is of too small a whole: its difference decides.
	grep -Eq '^teardown +analogue .* -(99|100)[0-9.]* ns; -2[45]\.[0-9]+ % ' <<<"$output"
	grep -Eq '^vm .* -3[23]\.[0-9]+ %; -(199|20[01])[0-9.]* us ' <<<"$output"
	grep -q '^vm, us per VM$' <<<"$output"
	run --separate-stderr tdcost compare --by quirk=on,off --json
	jq -e '[.rows[] | .benchmark] == ["teardown", "vm"] and [.rows[] | .decided_by] == ["difference", "ratio"] and all(.rows[];
		.difference.value < 0 and .log_ratio.value < 0 and .verdict == "faster")' <<<"$output"
	run --separate-stderr tdcost compare --by quirk=on,off --format commit
	awk 'length > 72 { exit 1 }' <<<"$output"
	[[ $output == *"faster;"* && $output == *"vm, us per VM:"* ]]
}

@test "long times are told in a unit that can be read" {
	"$MAKE_ARMS" tdcost.db long "vm:1:0:12000000000:quirk=on,$VM" "vm:1:0:10000000000:quirk=off,$VM"
	run --separate-stderr tdcost compare --by quirk=on,off
	echo "$output"
	[[ $output == *"vm, ms per VM"* && $output != *e+* ]]
	grep -Eq '^vm .* (119|120)[0-9]{2} .* (99[0-9]{2}|100[0-9]{2}) .*; -(19[89]|20[0-9])[0-9] ms ' <<<"$output"
	run --separate-stderr tdcost compare --by quirk=on,off --format markdown
	[[ $output == *"vm, ms per VM"* && $output != *e+* ]]
	run --separate-stderr tdcost compare --by quirk=on,off --format commit
	[[ $output == *"vm, ms per VM:"* && $output != *e+* ]]
}

@test "the preset measures all arms, of one size" {
	run --separate-stderr tdcost run --preset shutdown --dry-run --json -p size=4M
	echo "$output $stderr"
	[ "$status" = 0 ]
	run --separate-stderr tdcost run --preset shutdown -p size=4M --rounds 1 --blocks 5 --budget 2s
	assert_measured
	if [ ! -w /dev/kvm ] || tdcost show --json 2>/dev/null | jq -e 'any(.cells[]; .benchmark == "vm" and .state == "skipped")'; then
		run --separate-stderr tdcost compare --shutdown
		assert_refused 2 "no plain VM"
		return
	fi
	run --separate-stderr tdcost compare --shutdown --json
	jq -e '(.cases | length) == 1 and .cases[0].size == 4194304 and (.cases[0].arms | length) == 7' <<<"$output"
	# Each saving by phase: of what is reset, and what is left of it.
	jq -e '[.cases[0].arms[] | select(.against_on)] | length == 3 and all(.[]; .phases_against_on |
		(map(.phase) | contains(["reset", "unexplained"])) and
		(map(select(.phase == "reset"))[0] | .on > .off))' <<<"$output"
	run --separate-stderr tdcost compare --shutdown
	grep -Eq "^by phase, ms per sample: medians over processes" <<<"$output"
	grep -Eq "^replay path=dynamic +reset +[0-9.]+ +[0-9.]+ +-[0-9.]+ " <<<"$output"
}
