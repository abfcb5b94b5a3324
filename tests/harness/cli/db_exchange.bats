#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# db merge, export and import: what they take, print and refuse.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	export TDCOST_DB=one.db
	unset POSIXLY_CORRECT
}

# A run of a few samples that needs no memory and no privilege. It may say that this machine makes its
# figures untrustworthy.
make_run() {
	"$TDCOST" run null --rounds 2 --blocks 4 --label "$1" --db "$2" >/dev/null 2>&1 || [ $? = 5 ]
}

rows() {
	sqlite3 -readonly "$1" "$2"
}

@test "what is exported and imported again is the same" {
	make_run "a 'label', \"quoted\"" one.db
	"$TDCOST" db export >one.jsonl
	run --separate-stderr "$TDCOST" db import one.jsonl --db two.db
	[ "$status" -eq 0 ]
	[[ "$output" == "one.jsonl: 1 new run, "* ]]
	[ -z "$stderr" ]
	"$TDCOST" db export --db two.db | cmp - one.jsonl
	"$TDCOST" db check --db two.db
	run "$TDCOST" db import - --json --db two.db <one.jsonl
	[ "$status" -eq 0 ]
	[ "$(jq -r '.files[0] | "\(.file) \(.runs) \(.same) \(.samples)"' <<<"$output")" = "- 0 1 0" ]
}

@test "every line of an export says type, schema, run and host" {
	make_run x one.db
	"$TDCOST" db export @last >one.jsonl
	jq -e 'has("type") and .schema == 4 and has("run") and has("host")' one.jsonl >/dev/null
	[ "$(jq -r .type one.jsonl | tail -1)" = end ]
}

@test "CSV has a header and a row a sample" {
	make_run x one.db
	"$TDCOST" db export --format csv >one.csv
	[ "$(head -1 one.csv | cut -d, -f1-5)" = schema,run,label,host,host_id ]
	[ "$(($(wc -l <one.csv) - 1))" -eq "$(rows one.db 'SELECT count(*) FROM sample')" ]
}

@test "merging takes what is not there, once" {
	make_run a one.db
	make_run b two.db
	run "$TDCOST" db merge two.db one.db
	[ "$status" -eq 0 ]
	[[ "${lines[0]}" == "two.db: 1 new run, 0 that went on, 0 already here; 2 rounds, "* ]]
	[[ "${lines[1]}" == "one.db: 0 new runs, 0 that went on, 2 already here; 0 rounds, 0 "* ]]
	[ "$(rows one.db 'SELECT count(*) FROM run')" -eq 2 ]
	run "$TDCOST" db merge --json two.db
	[ "$(jq '.files[0].same' <<<"$output")" -eq 1 ]
	"$TDCOST" db check
}

@test "merging into a file that is not there makes it" {
	make_run a one.db
	"$TDCOST" db merge one.db --db new.db
	[ "$(rows new.db 'SELECT count(*) FROM run')" -eq 1 ]
}

@test "an archive holds its runs alone, and names the command" {
	make_run a one.db
	make_run b one.db
	run --separate-stderr "$TDCOST" db export --evidence e.db label=a
	[ "$status" -eq 0 ]
	[[ "${lines[0]}" == "e.db holds 1 run with samples"* ]]
	[[ "${lines[1]}" == "  tdcost run null --rounds 2 --blocks 4 --label a "*"--seed "[0-9]* ]]
	[ "$(rows e.db 'SELECT group_concat(label) FROM run')" = a ]
	[ ! -e e.db-wal ]
	run --separate-stderr "$TDCOST" db export --evidence e.db label=b
	[ "$status" -eq 1 ]
	[[ "$stderr" == *"e.db: is there already: name a new file" ]]
	run "$TDCOST" db export --evidence f.db --json
	[ "$(jq -r .evidence <<<"$output")" = f.db ]
	[ "$(jq '.runs | length' <<<"$output")" -eq 1 ]
}

@test "an archive can be read in a read-only directory" {
	# Permissions do not bind root: as somebody whom they bind.
	load helper
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work"
	make_run a one.db
	mkdir ro
	"$TDCOST" db export --evidence ro/e.db
	reachable
	chmod 555 ro
	run ! unprivileged touch ro/x
	unprivileged "$TDCOST" db check --db ro/e.db
	chmod 755 ro
	[ "$(ls ro)" = e.db ]
}

@test "a line that is wrong is named, and nothing is imported" {
	make_run a one.db
	"$TDCOST" db export >one.jsonl
	sed '3s/{/{"surprise":1,/' one.jsonl >bad.jsonl
	run --separate-stderr "$TDCOST" db import bad.jsonl --db two.db
	[ "$status" -eq 1 ]
	[ "$stderr" = "tdcost db: bad.jsonl: line 3: boot has keys that do not belong to it; nothing was imported" ]
	head -n -1 one.jsonl >cut.jsonl
	run --separate-stderr "$TDCOST" db import cut.jsonl --db two.db
	[ "$status" -eq 1 ]
	[[ "$stderr" == "tdcost db: cut.jsonl: line $(wc -l <cut.jsonl): ends too early"* ]]
	run --separate-stderr "$TDCOST" db import /etc/hostname --db two.db
	[ "$status" -eq 1 ]
	[[ "$stderr" == *"line 1: "* ]]
	[ "$(rows two.db 'SELECT count(*) FROM run')" -eq 0 ]
}

to_full_disk() {
	"$TDCOST" db export >/dev/full
}

@test "a full disk is an error" {
	make_run a one.db
	run --separate-stderr to_full_disk
	[ "$status" -eq 1 ]
	[[ "$stderr" == *"No space left on device"* ]]
}

# arguments | status | words on standard error
@test "what is not meant so is refused in one line" {
	make_run a one.db
	echo text >text.txt
	while IFS='|' read -r arguments want words; do
		eval "run --separate-stderr \"\$TDCOST\" db $arguments"
		[ "$status" -eq "$want" ] || { echo "$arguments: $status"; return 1; }
		[[ "$stderr" == *"$words"* ]] || { echo "$arguments: $stderr"; return 1; }
		[[ "$stderr" != *$'\n'* ]]
		[ -z "$output" ]
	done <<-'END'
		merge|2|merge needs a file
		merge none.db|1|none.db: no such file
		merge text.txt|1|text.txt: not a database
		import|2|import needs one file
		import a b|2|import needs one file
		import none.jsonl|1|none.jsonl: No such file
		export --format xml|2|did you mean
		export --format csv --json|2|CSV is no JSON
		export --evidence e.db --output o|2|leave out --output
		export nothere|2|nothere
		export --output text.txt|1|text.txt: File exists
		export --output no/such|1|no/such: No such file
		check --format csv|2|check takes no --format
		rm --output x|2|rm takes no --output
		merge --evidence x y|2|merge takes no --evidence
		mrege x|2|did you mean 'db merge'
	END
}
