#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Whatever is typed or found: one line that names the culprit, nothing measured, nothing harmed.

load helper

# Lines of "status | arguments | part | part": each is refused, and leaves nothing behind.
refuse_each() {
	local want args first second
	while IFS='|' read -r want args first second; do
		[ -n "$want" ] || continue
		# shellcheck disable=SC2086  # words on purpose
		run --separate-stderr tdcost $args
		assert_refused "$want" "$first" "${second:-$first}" || { echo "of: $args"; return 1; }
		[ -z "$(ls -A)" ] || { echo "$args left $(ls -A)"; return 1; }
	done
}

@test "unknown names are refused with the nearest" {
	refuse_each <<-'END'
		2|rnu|'rnu'|'run'
		2|show-all|'show-all'|tdcost --help
		2|run nul|'nul'|'null'
		2|run reest|'reest'|'reset'
		2|run null rest|'rest'|'reset'
		2|run reset -p qirk=on|'qirk'|'quirk'
		2|run reset -p bakcing=4k|'bakcing'|'backing'
		2|run reset -p quirk=onn|'onn'|'on'
		2|run reset -p insn=movdir|'movdir'|'movdir64b'
		2|run reset -p backing=8k|'8k'|'4k'
		2|run null -p insn=memset|'insn'|null
		2|run null reset -p nothing=1|'nothing'|has no factor
		2|run --preset quik|'quik'|'quick'
		2|run null --events pagefaults|pagefaults
		2|list rset|'rset'|'reset'
		2|db chk|'db chk'|'db check'
	END
}

@test "senseless values are refused with what to write" {
	refuse_each <<-'END'
		2|run reset -p quirk|'quirk'|FACTOR=LEVEL
		2|run reset -p =on|'=on'|FACTOR=LEVEL
		2|run reset -p quirk=|quirk=
		2|run reset -p region=big|'big'|64K
		2|run reset -p region=0|'0'|64K
		2|run reset -p region=-1M|'-1M'|64K
		2|run reset -p region=99999999999999999999|64K
		2|run null -p ops=0|'0'|number from 1
		2|run null -p ops=1.5|'1.5'
		2|run null --rounds 0|--rounds '0'|from 1
		2|run null --rounds many|'many'
		2|run null --rounds -1|-1
		2|run null --rounds 100001|100000
		2|run null --blocks 0|--blocks
		2|run null --budget soon|'soon'|60s
		2|run null --budget 1ms|'1ms'|100ms
		2|run null --budget -5s|-5s
		2|run null --seed x|--seed 'x'
		2|run null --seed 18446744073709551616|--seed
		2|run null --cpu 4095|4095
		2|run null --cpu x|'x'
		2|run null --preset quick|not both
	END
}

@test "unknown options are one line that says where to look" {
	for command in run list doctor show runs plot db; do
		run --separate-stderr tdcost $command --no-such-option
		assert_refused 2 "--no-such-option" "tdcost $command --help"
		run --separate-stderr tdcost $command --db
		assert_refused 2 "--db"
	done
	run --separate-stderr tdcost --no-such-option
	assert_refused 2 "--no-such-option"
}

@test "without a command there is usage, on standard error" {
	run --separate-stderr tdcost
	[ "$status" = 2 ]
	[ -z "$output" ]
	[[ $stderr == "Usage: tdcost"* ]]
}

@test "every command has --help" {
	run --separate-stderr tdcost --help
	[ "$status" = 0 ]
	[ -z "$stderr" ]
	[[ $output == "Usage: tdcost"* ]]
	commands=$(awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }' <<<"$output")
	[ "$(wc -w <<<"$commands")" -ge 7 ]
	for command in $commands; do
		run --separate-stderr tdcost "$command" --help
		[ "$status" = 0 ]
		[ -z "$stderr" ]
		[[ ${lines[0]} == "Usage: tdcost $command"* ]]
		[ "$(grep -c '^Usage:' <<<"$output")" = 1 ]
		run --separate-stderr tdcost "$command" -h
		[ "$status" = 0 ]
	done
	run --separate-stderr tdcost --version
	[ "$status" = 0 ]
	[[ $output =~ ^tdcost\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	[ -z "$(ls -A)" ]
}

@test "a region that does not fit is refused before anything is measured" {
	for region in 1024T 8000T; do
		run --separate-stderr tdcost run reset -p region=$region -p backing=4k --db fresh.db
		assert_refused 4 "do not fit" " would"
		[ ! -e fresh.db ]
	done
	# How much would fit is a size that does.
	fits=$(grep -o '[0-9]*[KMGT]* would' <<<"$stderr" | cut -d' ' -f1)
	run --separate-stderr tdcost run reset -p "region=$fits" -p backing=4k --dry-run
	# A little may have been taken by others since.
	[ "$status" = 0 ] || [[ $stderr == *"would"* ]]
	# Beside one that fits it ends the run all the same.
	run --separate-stderr tdcost run reset -p region=1M,8000T -p backing=4k
	assert_refused 4 "do not fit"
	[ -z "$(ls -A)" ]
}

# ---- databases that are none ----

# Every command refuses FILE, and leaves it as it was.
refuse_file() { # FILE PART...
	local file=$1 before command
	shift
	before=$(sum "$file")
	for command in "run null --rounds 1 --blocks 5" runs show "db check" "db rm @last" plot; do
		# shellcheck disable=SC2086  # words on purpose
		run --separate-stderr tdcost $command --db "$file"
		assert_refused 1 "$file" "$@" || { echo "of: $command"; return 1; }
		[ "$(sum "$file")" = "$before" ]
	done
	# Nothing beside it either.
	[ "$(ls -A)" = "$file" ]
}

@test "a text file is no database" {
	seq 10000 >text.db
	refuse_file text.db "not a database"
}

@test "random bytes are no database" {
	head -c 100000 /dev/urandom >random.db
	refuse_file random.db "not a database"
	rm random.db
	# With the right beginning, too.
	{ printf 'SQLite format 3\0'; head -c 100000 /dev/urandom; } >begins.db
	refuse_file begins.db
}

@test "another program's database is left alone" {
	sqlite3 other.db "CREATE TABLE run (id INTEGER); INSERT INTO run VALUES (1)"
	refuse_file other.db "not one of tdcost"
	rm other.db
	sqlite3 firefox.db "PRAGMA application_id = 12345; PRAGMA user_version = 1; CREATE TABLE x (y)"
	refuse_file firefox.db "not one of tdcost"
}

@test "a database of a newer tdcost is left alone" {
	tdcost run null "${SMALL[@]}" --db newer.db >/dev/null || [ $? = 5 ]
	sqlite3 newer.db "PRAGMA journal_mode = DELETE; PRAGMA user_version = 1000" >/dev/null
	rm -f newer.db-wal newer.db-shm
	refuse_file newer.db "newer" "1000"
}

@test "a file cut in half is refused or called unsound" {
	tdcost run null --rounds 3 --blocks 200 --db half.db >/dev/null || [ $? = 5 ]
	sqlite3 half.db "PRAGMA journal_mode = DELETE" >/dev/null
	rm -f half.db-wal half.db-shm
	truncate -s $(($(stat -c %s half.db) / 2)) half.db
	run --separate-stderr tdcost db check --db half.db
	[ "$status" = 1 ]
	run --separate-stderr tdcost show --db half.db
	[ "$status" = 1 ]
	# shellcheck disable=SC2154
	[ "${#stderr_lines[@]}" = 1 ]
}

@test "a directory is no database" {
	mkdir folder.db
	for command in "run null --rounds 1 --blocks 5" runs show "db check" plot; do
		# shellcheck disable=SC2086  # words on purpose
		run --separate-stderr tdcost $command --db folder.db
		assert_refused 1 "folder.db" "a directory"
	done
	[ -z "$(ls -A folder.db)" ]
	run --separate-stderr tdcost run null --rounds 1 --blocks 5 --db no/such/folder.db
	assert_refused 1 "no/such/folder.db"
}

# ---- places that cannot be written ----

@test "a read-only file is read and not written" {
	reachable
	chmod a+rx "$PWD"
	tdcost run null "${SMALL[@]}" --db kept.db >/dev/null || [ $? = 5 ]
	sqlite3 kept.db "PRAGMA journal_mode = DELETE" >/dev/null
	rm -f kept.db-wal kept.db-shm
	chmod 444 kept.db
	chmod 555 "$PWD"
	before=$(sum kept.db)
	run --separate-stderr unprivileged "$TDCOST" run null --rounds 1 --blocks 5 --db kept.db
	assert_refused 1 "kept.db"
	run --separate-stderr unprivileged "$TDCOST" db rm @last --db kept.db
	assert_refused 1 "kept.db"
	# Reading needs no permission to write, neither of the file nor of its folder.
	run --separate-stderr unprivileged "$TDCOST" show --db kept.db
	[ "$status" = 0 ] || [ "$status" = 5 ]
	[ -z "$stderr" ]
	[ "$(unprivileged "$TDCOST" runs --json --db kept.db | jq length)" = 1 ]
	[ "$(sum kept.db)" = "$before" ]
	[ "$(ls -A)" = kept.db ]
	chmod 755 "$PWD"
}

@test "a read-only folder holds no new database" {
	reachable
	chmod 555 "$PWD"
	run --separate-stderr unprivileged "$TDCOST" run null --rounds 1 --blocks 5
	assert_refused 1 "tdcost.db"
	chmod 755 "$PWD"
	[ -z "$(ls -A)" ]
}

@test "a file that may not be read is refused" {
	reachable
	tdcost run null "${SMALL[@]}" --db secret.db >/dev/null || [ $? = 5 ]
	chmod 000 secret.db
	chmod 755 "$PWD"
	before=$(sum secret.db || true)
	run --separate-stderr unprivileged "$TDCOST" runs --db secret.db
	assert_refused 1 "secret.db"
	chmod 644 secret.db
	tdcost db check --db secret.db
	[ -z "$before" ] || [ "$(sum secret.db)" = "$before" ]
}

# Mounts, in a namespace of its own: as root, or as root of that namespace.
with_mounts() {
	if [ "$(id -u)" = 0 ]; then
		unshare -m -- "$@"
	else
		unshare -rm -- "$@"
	fi
}

@test "a full disk ends the run and keeps the finished rounds" {
	if ! with_mounts true 2>/dev/null; then
		echo "# no permission to mount a small disk here" >&3
		return
	fi
	mkdir disk
	# So long a budget that no block is left out, whatever takes the CPU away: it is the disk that ends it.
	cat >on_disk <<-'END'
		set -eu
		mount -t tmpfs -o size=600k none disk
		ended=0
		"$TDCOST" run null --rounds 10000 --blocks 1000 -p ops=100 --budget 100h --db disk/full.db \
			>out 2>err || ended=$?
		echo $ended >ended
		mount -o remount,size=16m disk
		"$TDCOST" db check --db disk/full.db >check 2>&1
		"$TDCOST" runs --json --db disk/full.db >runs
	END
	TDCOST=$TDCOST with_mounts bash on_disk
	cat out err ended check runs
	[ "$(cat ended)" = 1 ]
	[ ! -s out ]
	[ "$(but_busy err | wc -l)" = 1 ]
	# It says how many rounds there are, and so many there are.
	kept=$(grep -o '[0-9]* of 10000 rounds are kept' err | cut -d' ' -f1)
	[ "$kept" -gt 0 ]
	jq -e --argjson n "$kept" '.[0] | .rounds == $n and .invocations == $n and .samples == $n * 1000 and
		(.state == "failed" or .state == "open")' runs
}

@test "a disk that is full from the start is refused" {
	if ! with_mounts true 2>/dev/null; then
		echo "# no permission to mount a small disk here" >&3
		return
	fi
	mkdir disk
	cat >on_disk <<-'END'
		set -eu
		mount -t tmpfs -o size=16k none disk
		head -c 16384 /dev/zero >disk/full || true
		ended=0
		"$TDCOST" run null --rounds 1 --blocks 5 --db disk/full.db >out 2>err || ended=$?
		echo $ended >ended
	END
	TDCOST=$TDCOST with_mounts bash on_disk
	cat out err ended
	[ "$(cat ended)" = 1 ]
	[ ! -s out ]
	[ "$(but_busy err | wc -l)" = 1 ]
	grep -q full.db err
}
