#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031  # each test is a subshell of its own
# compare --verify: which commit blocks of a text follow from an archive, and what is in none.

load helper

setup_file() {
	local label
	export TDCOST_DB=$BATS_FILE_TMPDIR/measured.db
	"$TDCOST" run reset -p region=256K,512K -p backing=4k -p twin=a,b --label clear --rounds 2 --blocks 5 >/dev/null || [ $? = 5 ]
	for label in left right other; do
		"$TDCOST" run null -p ops=10000 -p extra=none,20000 --label $label --rounds 2 --blocks 5 >/dev/null || [ $? = 5 ]
	done
	# This machine may have its faults; whether they are printed is another test.
	sqlite3 "$TDCOST_DB" "DELETE FROM flag WHERE fatal OR code = 'busy'; UPDATE invocation SET varying = '{}'"
	"$TDCOST" db export --evidence "$BATS_FILE_TMPDIR/archive.db" label=left label=right label=clear >/dev/null
	"$TDCOST" db export --evidence "$BATS_FILE_TMPDIR/other.db" label=other >/dev/null
	"$TDCOST" compare label=clear --by quirk --format commit >"$BATS_FILE_TMPDIR/block"
	"$TDCOST" compare label=left --by extra=none,20000 --sesoi 2 --format commit >"$BATS_FILE_TMPDIR/second"
	"$TDCOST" compare label=left label=right --across kernel,governor --format commit \
		>"$BATS_FILE_TMPDIR/third"
}

# Each test has an archive, three blocks and a message with two of them.
setup() {
	enter
	cp "$BATS_FILE_TMPDIR"/{archive.db,block,second,third} .
	{
		printf 'x86/tdx: Do a thing\n\nIt saves 12 of 30 seconds:\n\n'
		cat block
		printf '\nAnd with the other one:\n\n'
		cat second
		printf '\nSigned-off-by: Somebody <somebody@example.org>\n'
	} >message
	cat message
}

verified() { # STATUS TEXT [OPTION]...
	local want=$1
	shift
	run --separate-stderr tdcost compare --verify archive.db "$@"
	echo "status $status (want $want): $output $stderr"
	[ "$status" = "$want" ]
}

# The file changed does not follow.
assert_false() {
	verified 1 changed
	[ -z "$stderr" ]
	[[ $output == *" not follow from the samples"* ]]
}

# What is printed of a difference holds WORDS.
samples_say() { # WORDS
	grep '^    the samples say: ' <<<"$output" | grep -qF -- "$1"
}

text_says() { # WORDS
	grep '^    the text says:   ' <<<"$output" | grep -qF -- "$1"
}

words_of() { # LINE
	sed -E 's/^ +//; s/ +/ /g; s/ *\\$//' <<<"$1"
}

# The text of FILE as often as it has digits, another one changed each time.
each_digit_changed() { # FILE
	awk '{ text = text $0 "\n" } END { for (i = 1; i <= length(text); i++) { digit = substr(text, i, 1)
		if (digit ~ /[0-9]/) print substr(text, 1, i - 1) (digit + 1) % 10 substr(text, i + 1) } }' "$1"
}

# ---- what follows ----

@test "a true block follows from its archive" {
	for file in block second third; do
		verified 0 $file
		[[ ${lines[0]} == "block 1, lines 1 to "*": all "*" lines follow from the samples" ]]
		[ "${lines[1]}" = "1 block checked: it follows from the samples" ]
		[ "${lines[2]}" = "no figure is outside of the blocks" ]
		[ "${#lines[@]}" = 3 ]
	done
}

@test "also indented, inside other text and from standard input" {
	{
		printf 'x86/tdx: Do a thing\n\nIt is fast:\n\n'
		sed 's/^/        /' block
		printf '\nSigned-off-by: Somebody <somebody@example.org>\n'
	} >indented
	verified 0 indented
	run --separate-stderr bash -c "'$TDCOST' compare --verify archive.db - <indented"
	[ "$status" = 0 ]
	# Mail turns line ends.
	sed 's/$/\r/' block >mail
	verified 0 mail
}

@test "verify_two_blocks_both_are_checked" {
	verified 0 message
	[[ ${lines[0]} == "block 1, lines 5 to "*": all "*" lines follow from the samples" ]]
	[[ ${lines[1]} == "block 2, lines "*": all "*" lines follow from the samples" ]]
	[ "${lines[2]}" = "2 blocks checked: all follow from the samples" ]
}

@test "verify_one_block_false_exit_1_names_it" {
	{ cat block; sed 's/ n=2\>/ n=20/' second; } >changed
	assert_false
	[[ $output == "block 1, "*": all "*"block 2, "*": 1 of "*" lines does not follow from the samples"* ]]
	[[ $output == *"2 blocks checked: 1 does not follow from the samples"* ]]
	samples_say " n=2"
	text_says " n=20"
	{ sed 's/ n=2\>/ n=20/' block; cat second; } >changed
	assert_false
	[[ $output == "block 1, "*" not follow "*"block 2, "*": all "* ]]
}

@test "verify_same_block_many_times_each_is_checked" {
	{ cat block block; sed 's/ n=2\>/ n=3/' block; cat block; } >changed
	assert_false
	[[ $output == *"block 3, "*" not follow "*"block 4, "*": all "*"4 blocks checked: 1 does not follow"* ]]
}

@test "verify_quoted_text_follows" {
	for mark in '> ' '> > ' '>> ' '  > ' '>	'; do
		sed "s/^/$mark/" message >quoted
		verified 0 quoted
		[[ $output == *"2 blocks checked: all follow"* ]]
	done
	# Mail programs leave no blank at the end of a line, and wrap a quoted line into one that is not quoted.
	sed -e 's/^/> /; s/ $//' message | fold -s -w 50 >quoted
	grep -v '^>' quoted
	verified 0 quoted
}

@test "verify_rewrapped_text_follows" {
	for width in 45 60 100 100000; do
		awk 'BEGIN { RS = ""; ORS = "\n\n" } { $1 = $1 } 1' message | fold -s -w $width >wrapped
		verified 0 wrapped
		[[ $output == *"2 blocks checked: all follow"* ]]
		sed 's/^/> /' wrapped >quoted
		verified 0 quoted
	done
	# In one line, and with each word on a line of its own.
	tr -s ' \n' ' ' <message >wrapped
	verified 0 wrapped
	tr -s ' \n' '\n' <message >wrapped
	verified 0 wrapped
}

@test "verify_unfolded_command_follows" {
	sed -e ':a' -e '/\\$/N; s/ *\\\n */ /; ta' message >unfolded
	run ! grep '\\$' unfolded
	verified 0 unfolded
}

@test "verify_label_with_blanks_follows" {
	cp "$BATS_FILE_TMPDIR/measured.db" archive.db
	sqlite3 archive.db "UPDATE run SET label = 'two words' WHERE label IN ('left', 'right')"
	tdcost compare "label=two words" label=other --across kernel,governor --format commit --db archive.db >labelled
	cat labelled
	verified 0 labelled
	fold -s -w 45 labelled | sed 's/^/> /' >quoted
	verified 0 quoted
	sed 's/label=two\\ words/label=two\\ swords/' labelled >changed
	verified 1 changed
}

@test "verify_command_in_prose_is_not_a_block" {
	{
		printf 'Made by\n\n    tdcost compare label=clear --by quirk --format commit\n'
		printf '\nand checked by tdcost compare --verify archive.db, then tdcost compare\n\n'
		cat message
	} >prose
	verified 0 prose
	[[ $output == *"2 blocks checked: all follow"* ]]
}

# ---- what does not ----

@test "a figure that was changed does not follow, and is named" {
	# Each digit of the first figure, one at a time.
	first=$(grep -oE ' [0-9]+\.[0-9]+ ' block | head -1 | tr -d ' ')
	[ -n "$first" ]
	for ((place = 0; place < ${#first}; place++)); do
		digit=${first:place:1}
		[[ $digit == [0-9] ]] || continue
		wrong=${first:0:place}$(((digit + 1) % 10))${first:place+1}
		sed "0,/ $first /s// $wrong /" block >changed
		assert_false
		samples_say " $first "
		text_says " $wrong "
	done
	sed 's/ n=2\>/ n=20/' block >changed
	assert_false
	text_says "n=20"
	sed 's/quirk=off/quirk=fast/' block >changed
	assert_false
	text_says "quirk=fast"
	sed 's/^Nothing got slower/Everything got faster/' block >changed
	assert_false
	samples_say "Nothing got slower"
	text_says "Everything got faster"
}

# One text with all of them: each block of it is made again and compared for itself.
@test "verify_each_digit_changed_none_follows" {
	for file in block second; do
		each_digit_changed $file >changed
		digits=$(tr -dc 0-9 <$file | wc -c)
		[ "$digits" -gt 80 ]
		run --separate-stderr tdcost compare --verify archive.db changed --json
		[ "$status" = 1 ]
		jq -e --argjson n "$digits" '(.blocks | length) == $n and all(.blocks[]; .follows | not) and
			all(.blocks[]; (.made | not) or (.lines_wrong > 0 and .words_wrong > 0 and
				all(.differences[]; .samples != .text)))' <<<"$output"
		# A digit of the command names another run or comparison.
		jq -e '([.blocks[] | select(.made | not)] | length) <= 20' <<<"$output"
		# That it is not the crowd which makes them false.
		cat $file >>changed
		run --separate-stderr tdcost compare --verify archive.db changed --json
		jq -e '.blocks[-1].follows and ([.blocks[] | select(.follows)] | length) == 1' <<<"$output"
	done
}

@test "no line of a block may be left out" {
	total=$(wc -l <block)
	for ((row = 1; row <= total; row++)); do
		line=$(words_of "$(sed -n "${row}p" block)")
		# Without its command nothing says what the block compares.
		[[ -n $line && $line != "tdcost compare"* ]] || continue
		sed "${row}d" block >changed
		assert_false
		samples_say "${line%% *}"
	done
}

@test "a figure that was put in does not follow" {
	added="  999.9 1.000 -998.9 ns [-999.0, -998.0] n=2 faster"
	awk -v line="$added" '{ print } !done && / n=2/ { print line; done = 1 }' block >changed
	assert_false
	text_says " 999.9 1.000 -998.9 ns"
	# The author's own words are for the text between blocks.
	sed 's/^Reproduce:/Which is 7 times as fast.\n&/' block >changed
	assert_false
	text_says " Which is 7 times as fast. Reproduce:"
	# A line that is quoted inside of a block which is not.
	sed '0,/ n=2/{/ n=2/s/^ */> /}' block >changed
	run ! cmp block changed
	assert_false
	text_says " > "
}

@test "figures that changed places do not follow" {
	# The first two cells, whose figures are below them.
	first=$(grep -n '^ *region=' block | sed -n 1p | cut -d: -f1)
	second=$(grep -n '^ *region=' block | sed -n 2p | cut -d: -f1)
	awk -v a="$first" -v b="$second" '{ line[NR] = $0 } END { for (i = 1; i <= NR; i++)
		print line[i == a ? b : i == b ? a : i] }' block >changed
	run ! cmp block changed
	assert_false
}

@test "samples that were changed are noticed" {
	sqlite3 archive.db "UPDATE sample SET ticks = ticks * 2"
	cp block changed
	assert_false
}

@test "verify_archive_lacks_the_run_exit_1_names_it" {
	cp "$BATS_FILE_TMPDIR/other.db" archive.db
	verified 1 message
	id=$(grep -o 'tdcost compare [0-9a-f]*' block | cut -d' ' -f3)
	[[ $stderr == *"'$id'"* ]]
	[[ $output == *"block 1, "*" cannot be made again from archive.db"*"2 blocks checked: 2 do not follow"* ]]
	# One of them is there.
	"$TDCOST" db merge "$BATS_FILE_TMPDIR/archive.db" --db archive.db >/dev/null
	verified 0 message
}

# ---- what is in no block ----

@test "verify_figures_outside_of_blocks_are_listed" {
	verified 0 message
	[[ $output == *"not checked: 2 lines with figures outside of the blocks:"* ]]
	grep -qx '  line 1: x86/tdx: Do a thing' <<<"$output"
	grep -qx '  line 3: It saves 12 of 30 seconds:' <<<"$output"
	{ cat block; for ((i = 1; i <= 9; i++)); do echo "It takes $i ms."; echo "It is fast."; done; } >many
	verified 0 many
	[[ $output == *"not checked: 9 lines with figures outside of the blocks, the first:"* ]]
	[ "$(grep -c '^  line .* ms\.$' <<<"$output")" = 5 ]
	# A block that lost its end is no block any more.
	{ sed '/^Reproduce:/,$d' second; cat block; } >half
	verified 0 half
	[[ $output == *"1 block checked"*"not checked: "*" lines with figures"* ]]
}

@test "verify_control_characters_are_not_printed" {
	{ printf 'It takes \033[31m5 ms \377.\n'; cat block; } >changed
	verified 0 changed
	[[ $output != *$'\033'* && $output == *"?[31m5"* ]]
	verified 0 changed --json
	jq -e '.unchecked.lines == 1' <<<"$output"
}

@test "verify_json_holds_blocks_and_unchecked" {
	verified 0 message --json
	[ "$(jq -s length <<<"$output")" = 1 ]
	jq -e '.follows and (.blocks | length) == 2 and .unchecked.lines == 2 and .unchecked.first[1].line == 3 and
		all(.blocks[]; .made and .follows and .lines > 5 and .words > 50 and .lines_wrong == 0 and
			.words_wrong == 0 and .differences == [])' <<<"$output"
	sed 's/ n=2\>/ n=20/' second >changed
	verified 1 changed --format json
	jq -e '(.follows | not) and (.blocks[0] | .made and (.follows | not) and .lines_wrong == 1 and
		(.differences | length) == 1 and (.differences[0] | (.samples | contains(" n=2")) and
			(.text | contains(" n=20"))))' <<<"$output"
}

# ---- what cannot be verified ----

refused() { # STATUS TEXT PART...
	local want=$1 text=$2
	shift 2
	run --separate-stderr tdcost compare --verify archive.db "$text"
	assert_refused "$want" "$@"
}

@test "what cannot be verified is said" {
	run --separate-stderr tdcost compare --verify archive.db
	assert_refused 2 "--verify"
	run --separate-stderr tdcost compare --verify archive.db block block
	assert_refused 2 "--verify"
	run --separate-stderr tdcost compare --verify archive.db block --by quirk
	assert_refused 2 "--verify"
	run --separate-stderr tdcost compare --verify archive.db block --format markdown
	assert_refused 2 "--verify"
	refused 1 no-such-text no-such-text
	refused 1 . "cannot read ."
	run --separate-stderr tdcost compare --verify no-such.db block
	assert_refused 1 no-such.db
	[ ! -e no-such.db ]
	run --separate-stderr tdcost compare --verify block block
	assert_refused 1 block
}

@test "verify_text_without_a_block_exit_2" {
	: >empty
	refused 2 empty "no commit block" "tdcost compare"
	echo "It takes 5 ms, says tdcost compare." >prose
	refused 2 prose "no commit block" "tdcost compare"
	head -c 1000000 /dev/zero >zeros
	refused 2 zeros "no commit block"
	truncate -s 17M zeros
	refused 2 zeros "16 MiB"
}

@test "verify_block_that_is_cut_off_exit_2" {
	grep -v 'tdcost compare' block >headless
	refused 2 headless "line $(grep -n '^Reproduce:' block | cut -d: -f1)" "paste the whole block" "tdcost compare"
	# Another one follows.
	cat block >>headless
	refused 2 headless "paste the whole block"
	for words in 'tdcost compare' 'tdcost compare [^ ]*' 'tdcost compare [^ ]* --by' 'tdcost compare .* --format'; do
		sed "s/\($words\).*/\1/" block >short
		refused 2 short "line $(grep -n 'tdcost compare' block | cut -d: -f1)" "paste the whole block"
		echo "and 5 more words of the author" >>short
		verified 2 short
	done
}

# It compares by the archive alone: what the block cannot have is no reason to guess.
@test "verify_block_with_an_unknown_option_exit_2" {
	sed 's/--format commit/--gate 3/' block >changed
	refused 2 changed "'--gate'"
	sed 's/--by quirk/--invented 3 &/' block >changed
	refused 2 changed "'--invented'" "version"
	sed 's/--by quirk/--invented=3 &/' block >changed
	refused 2 changed "'--invented'" "version"
	# One that is known, but not as a block has it.
	sed 's/--by quirk/--by=quirk/' block >changed
	assert_false
	samples_say " --by quirk "
	text_says " --by=quirk "
	sed 's/--sesoi 2%/--sesoi much/' second >changed
	refused 2 changed "'--sesoi'"
}

@test "verify_damaged_archive_exit_1_says_what_to_do" {
	# Every page that is not the first, one at a time.
	pages=$(($(stat -c %s archive.db) / 4096))
	cp archive.db whole.db
	for ((page = 1; page < pages; page++)); do
		cp whole.db archive.db
		dd if=/dev/zero of=archive.db bs=4096 seek=$page count=1 conv=notrunc status=none
		refused 1 block "archive.db" "damaged" "copy"
	done
	head -c 20000 whole.db >archive.db
	refused 1 block "archive.db" "damaged"
	: >archive.db
	refused 1 block "archive.db"
}
