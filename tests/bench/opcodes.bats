#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The instructions that figures are named after are in the built program, whatever this CPU can run.

bats_require_minimum_version 1.5.0
load loops.bash

setup_file() {
	"$OBJDUMP" -dr --no-show-raw-insn "$BENCH_LIB" >"$BATS_FILE_TMPDIR/bench"
	"$OBJDUMP" -d --no-show-raw-insn "$MEASURE_LIB" >"$BATS_FILE_TMPDIR/measure"
	"$OBJDUMP" -d "$BENCH_LIB" >"$BATS_FILE_TMPDIR/bytes"
}

# The disassembly of one function, compiler's suffixes and outlined parts aside.
body() { # FILE FUNCTION
	awk -v f="<$2>:" '/^[0-9a-f]+ <.*>:$/ { on = $2 == f } on' "$BATS_FILE_TMPDIR/$1"
}

@test "movdir64b is encoded as 66 0f 38 f8" {
	for op in movdir64b movdir64b_x4; do
		for barrier in no_barrier mfence sfence; do
			body bytes "reset_${op}_$barrier" | grep -Eq '[[:space:]]66 0f 38 f8 '
		done
	done
}

@test "an iteration has one store, and four with unroll=4" {
	for barrier in no_barrier mfence sfence; do
		while read -r op insn want; do
			found=$(body bench "reset_${op}_$barrier" | in_loops "$insn")
			[ "$found" = "$want" ] ||
				{ echo "reset_${op}_$barrier has $found $insn per iteration, not $want"; false; }
		done <<-'END'
			movdir64b movdir64b 1
			movdir64b_x4 movdir64b 4
			clzero clzero 1
			clzero_x4 clzero 4
		END
	done
}

@test "each reset stores with the instruction that it is named after" {
	while read -r op insn; do
		for barrier in no_barrier mfence sfence; do
			body bench "reset_${op}_$barrier" >"$BATS_TEST_TMPDIR/body"
			[ -s "$BATS_TEST_TMPDIR/body" ] || { echo "no reset_${op}_$barrier"; false; }
			grep -Eq "$insn" "$BATS_TEST_TMPDIR/body" ||
				{ echo "no $insn in reset_${op}_$barrier"; false; }
		done
	done <<-'END'
		movdir64b [[:space:]]movdir64b[[:space:]]
		movdir64b_x4 [[:space:]]movdir64b[[:space:]]
		clzero [[:space:]]clzero
		clzero_x4 [[:space:]]clzero
		ntstore512 vmovnt(dq|ps)[[:space:]]+%zmm
		ntstore256 vmovnt(dq|ps)[[:space:]]+%ymm
		rep_stosb rep[[:space:]]+stos
		memset R_X86_64_[A-Z0-9]+[[:space:]]+(__asan_|__tsan_)?memset
	END
}

@test "each reset has the barrier that it is named after and no other" {
	for op in movdir64b movdir64b_x4 clzero clzero_x4 ntstore512 ntstore256 rep_stosb memset; do
		for barrier in no_barrier mfence sfence; do
			# Without optimisation it is a call of a function by that name.
			found=$(body bench "reset_${op}_$barrier" | grep -Eo '[[:space:]<][mls]fence' | tr -d '[:space:]<' | sort -u)
			[ "$found" = "${barrier#no_barrier}" ] ||
				{ echo "reset_${op}_$barrier holds '$found'"; false; }
		done
	done
}

@test "each reset tests the bug bit in memory before anything else" {
	for op in movdir64b movdir64b_x4 clzero clzero_x4 ntstore512 ntstore256 rep_stosb memset; do
		# Above the first store of any kind stands a conditional jump.
		body bench "reset_${op}_mfence" | awk '
			$2 ~ /^j(e|ne|ae|b|a|be|s|ns)$/ { jump = 1 }
			$2 ~ /^(movdir64b|clzero|vmovntdq|vmovntps|rep|repz)$/ || $3 ~ /^(__[at]san_)?memset/ {
				found = 1
				exit
			}
			END { exit !(found && jump) }' || { echo "reset_${op}_mfence"; false; }
	done
}

@test "the clock is read behind lfence, and stopped before it" {
	awk '{ print $2 }' "$BATS_FILE_TMPDIR/measure" >"$BATS_TEST_TMPDIR/all"
	grep -q '^rdtsc$' "$BATS_TEST_TMPDIR/all"
	grep -q '^rdtscp$' "$BATS_TEST_TMPDIR/all"
	awk '/^rdtsc$/ && before != "lfence" { bad = 1 }
		before == "rdtscp" && !/^lfence$/ { bad = 1 }
		{ before = $0 } END { exit bad }' "$BATS_TEST_TMPDIR/all"
}

@test "the work is called between start and stop" {
	# Inlined; without optimisation they are calls.
	body measure timed_sample | awk '
		/rdtsc($|[[:space:]])|<tick_start>/ { start++; work = 0; next }
		/rdtscp|<tick_stop>/ { stop++; good = work; next }
		$2 ~ /^call/ { work++ }
		END { exit !(start == 1 && stop == 1 && good) }'
}

@test "nothing outside the ops needs more than the baseline of x86-64" {
	awk '/^[0-9a-f]+ <.*>:$/ { f = $2 } /%[yz]mm|[[:space:]]v[a-z0-9]+[[:space:]]/ { print f }' \
		"$BATS_FILE_TMPDIR/bench" "$BATS_FILE_TMPDIR/measure" | sort -u |
		grep -Ev '<reset_ntstore(256|512)_' >"$BATS_TEST_TMPDIR/others" || true
	cat "$BATS_TEST_TMPDIR/others"
	[ ! -s "$BATS_TEST_TMPDIR/others" ]
}
