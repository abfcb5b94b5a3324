#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# "direct" and "indirect" are what the figures are named after, and it is the compiler that makes
# them so: what calls through an address, and what does not.

bats_require_minimum_version 1.5.0

setup_file() {
	"$OBJDUMP" -d --no-show-raw-insn "$BENCH_LIB" >"$BATS_FILE_TMPDIR/bench"
}

# The disassembly of one function and of the parts that the compiler has moved out of it.
body() { # FUNCTION
	awk -v f="<$1" '/^[0-9a-f]+ <.*>:$/ { on = $2 == f ">:" || index($2, f ".") == 1 } on' \
		"$BATS_FILE_TMPDIR/bench" >"$BATS_TEST_TMPDIR/body"
	[ -s "$BATS_TEST_TMPDIR/body" ] || { echo "no $1"; false; }
}

calls_by_address() {
	grep -Eq '(call|jmp)q?[[:space:]]+\*' "$BATS_TEST_TMPDIR/body"
}

@test "each variant's own work calls its hooks directly" {
	for variant in kvm_array tdx_prealloc pamt_cache split_cache split_batch per_vcpu_or_vm direct; do
		for work in topup fault faults take split; do
			body "${variant}_direct_$work"
			! calls_by_address || { echo "${variant}_direct_$work calls by address"; false; }
		done
	done
}

@test "the work of the table calls them by address" {
	for work in topup fault faults take split; do
		body "any_indirect_$work"
		calls_by_address || { echo "any_indirect_$work does not"; false; }
	done
}
