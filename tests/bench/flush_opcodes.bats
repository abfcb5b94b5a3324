#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The flushes that figures are named after are in the built program, whatever this CPU can run.

bats_require_minimum_version 1.5.0

setup_file() {
	"$OBJDUMP" -d --no-show-raw-insn "$BENCH_LIB" >"$BATS_FILE_TMPDIR/bench"
}

body() { # FUNCTION
	awk -v f="<$1>:" '/^[0-9a-f]+ <.*>:$/ { on = $2 == f } on' "$BATS_FILE_TMPDIR/bench"
}

# "fence lines fence": the order in which they stand, each run of flushes as one; without
# optimisation they are calls of functions by such names.
order() { # FUNCTION
	body "$1" | grep -Eo '[[:space:]<](mfence|sfence|clflushopt|clflush|clwb|lines_[a-z]+)\b' |
		sed -E 's/[[:space:]<]//; s/lines_//' | uniq | tr '\n' ' '
}

@test "each flush has the instruction and the fences that it is named after, in order" {
	for insn in clflushopt clflush clwb; do
		while read -r cadence expected; do
			found=$(order "flush_${insn}_$cadence")
			[ "$found" = "${expected/LINES/$insn} " ] ||
				{ echo "flush_${insn}_$cadence: '$found'"; false; }
		done <<-'END'
			no_fence LINES
			mfence LINES mfence
			sfence LINES sfence
			mfences mfence LINES mfence
			sfences sfence LINES sfence
		END
	done
}

@test "each flush looks at the module's bit before anything else" {
	for insn in clflushopt clflush clwb; do
		for cadence in no_fence mfence sfence mfences sfences; do
			body "flush_${insn}_$cadence" | awk '
				$2 ~ /^j(e|ne|ae|b|a|be|s|ns)$/ { jump = 1 }
				/[[:space:]<](mfence|sfence|clflushopt|clflush|clwb|lines_[a-z]+)/ {
					found = 1
					exit
				}
				END { exit !(found && jump) }' || { echo "flush_${insn}_$cadence"; false; }
		done
	done
}
