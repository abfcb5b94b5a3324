#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The module builds for $KERNEL from what is installed, without a warning, and holds the
# instructions that its figures are named after.

bats_require_minimum_version 1.5.0
load ../loops.bash

setup_file() {
	load sources.bash
	sources=
	HEADERS=$("$VM" --headers "$KERNEL")
	sources_install "$BATS_FILE_TMPDIR"
	export HEADERS sources
	find "$sources" -type f | sort >"$BATS_FILE_TMPDIR/before"
	make -C "$sources/bench/kmod" KDIR="$HEADERS" W=1 >"$BATS_FILE_TMPDIR/log" 2>&1 || true
	ko=$sources/bench/kmod/tdcost.ko
	"$OBJDUMP" -dr "$ko" >"$BATS_FILE_TMPDIR/bytes" || true
	"$OBJDUMP" -d --no-show-raw-insn "$ko" >"$BATS_FILE_TMPDIR/plain" || true
	export ko
}

# The disassembly of one function.
body() { # FUNCTION
	awk -v f="<$1>:" '/^[0-9a-f]+ <.*>:$/ { on = $2 == f } on' "$BATS_FILE_TMPDIR/bytes" \
		>"$BATS_TEST_TMPDIR/body"
	[ -s "$BATS_TEST_TMPDIR/body" ] || { echo "there is no $1"; false; }
}

plain() { # FUNCTION
	awk -v f="<$1>:" '/^[0-9a-f]+ <.*>:$/ { on = $2 == f } on' "$BATS_FILE_TMPDIR/plain"
}

holds() { # EXTENDED-REGEX
	grep -Eq "$1" "$BATS_TEST_TMPDIR/body" || { echo "no $1"; false; }
}

lacks() { # EXTENDED-REGEX
	! grep -E "$1" "$BATS_TEST_TMPDIR/body"
}

@test "it builds without a warning" {
	cat "$BATS_FILE_TMPDIR/log"
	[ -f "$ko" ]
	run ! grep -iE 'warning|undefined|section mismatch' "$BATS_FILE_TMPDIR/log"
}

@test "it says what it is" {
	[ "$(modinfo -F license "$ko")" = GPL ]
	[ "$(modinfo -F version "$ko")" = "$VERSION" ]
	[ -n "$(modinfo -F description "$ko")" ]
	[ -n "$(modinfo -F author "$ko")" ]
	[[ $(modinfo -F parm "$ko") == timeout_ms:* ]]
	[[ $(modinfo -F vermagic "$ko") == "$KERNEL".* ]]
}

@test "the headers were asked for the id of the last-level cache" {
	found=$(grep -ohE 'DTDCOST_(PER_CPU|GET)_LLC_ID' "$sources"/bench/kmod/.topology.o.cmd | sort -u)
	[ "$(wc -l <<<"$found")" = 1 ]
	[ -n "$found" ]
}

@test "a reset stores by 66 0f 38 f8, behind a test of the bug bit" {
	while read -r reset stores; do
		body "$reset"
		holds '[[:space:]]66 0f 38 f8 '
		found=$(plain "$reset" | in_loops movdir64b)
		[ "$found" = "$stores" ] ||
			{ echo "$reset has $found movdir64b per iteration, not $stores"; false; }
		awk '/[[:space:]]j(e|ne|b|ae)[[:space:]]/ { jump = 1 }
			/[[:space:]]66 0f 38 f8 / { exit !jump }' "$BATS_TEST_TMPDIR/body"
	done <<-'END'
		tdcost_reset_fenced 1
		reset_unfenced 1
		reset_fenced_4 4
		reset_unfenced_4 4
	END
	for reset in tdcost_reset_fenced reset_fenced_4; do
		body $reset
		# After the loop.
		awk '/[[:space:]]66 0f 38 f8 / { stored = 1 } /mfence/ && stored { found = 1 }
			END { exit !found }' "$BATS_TEST_TMPDIR/body"
	done
	for reset in reset_unfenced reset_unfenced_4; do
		body $reset
		lacks '[mls]fence'
	done
}

@test "a flush is WBINVD or WBNOINVD, between two reads of the TSC" {
	for flush in flush_cpu stop_cpu; do
		body $flush
		holds '[[:space:]]f3 0f 09[[:space:]]'
		holds '[0-9a-f]:[[:space:]]+0f 09[[:space:]]'
		awk '/[[:space:]]rdtsc[[:space:]]*$/ { start = NR } /0f 09[[:space:]]/ { op = NR }
			/rdtscp/ { stop = NR } END { exit !(start && op && stop) }' \
			"$BATS_TEST_TMPDIR/body"
		# Nothing is called between them.
		awk '/[[:space:]]rdtsc[[:space:]]*$/ { on = 1 } /rdtscp/ { on = 0 }
			on && /[[:space:]]call[[:space:]]/ { bad = 1 } END { exit bad }' \
			"$BATS_TEST_TMPDIR/body"
	done
}

@test "a teardown's page is flushed line by line, with one fence behind" {
	body tdcost_flush_lines
	# CLFLUSH with room for the prefix, which the kernel patches in where there is CLFLUSHOPT.
	holds '[[:space:]](3e|2e) 0f ae '
	awk '/[[:space:]](3e|2e) 0f ae / { flushed = 1 } /mfence/ && flushed { n++ }
		END { exit n != 1 }' "$BATS_TEST_TMPDIR/body"
	# The replay calls its operations by name: there is no thunk in the figure.
	body td_leaves
	lacks '__x86_indirect_thunk'
	holds 'call.*tdcost_flush_lines|R_X86_64_PLT32.*tdcost_flush_lines'
	holds 'R_X86_64_PLT32.*tdcost_reset_fenced'
	holds 'R_X86_64_PLT32.*smp_call_function_many'
}

# As in user space, where calls.bats looks: an indirect call is a thunk, which the kernel patches.
@test "topups call their hooks directly, and through the table by address" {
	for work in topup fault faults take split; do
		for variant in kvm_array tdx_prealloc pamt_cache split_cache split_batch per_vcpu_or_vm direct; do
			body "${variant}_direct_$work"
			lacks '__x86_indirect_thunk|(call|jmp)q?[[:space:]]+[*]'
		done
		body "any_indirect_$work"
		holds '__x86_indirect_thunk|(call|jmp)q?[[:space:]]+[*]'
	done
	body any_indirect_topup
	# And a page comes from the allocator by name.
	body topup_tdx_prealloc_topup
	lacks '__x86_indirect_thunk'
	holds 'R_X86_64_PLT32.*alloc_pages'
}

@test "the flag is one byte of this CPU's own, and of the bare loop none" {
	body rounds_store
	holds 'movb[[:space:]]+[$]0x1,%gs:'
	body rounds_bare
	lacks 'movb'
	body rounds_remote
	holds 'movb[[:space:]]+[$]0x1,[(]'
}

@test "clean leaves the sources" {
	cp -a "$sources" "$BATS_TEST_TMPDIR/sources"
	make -C "$BATS_TEST_TMPDIR/sources/bench/kmod" KDIR="$HEADERS" clean
	(cd "$BATS_TEST_TMPDIR/sources" && find . -type f | sort) >"$BATS_TEST_TMPDIR/after"
	sed "s,^$sources,.," "$BATS_FILE_TMPDIR/before" | sort | diff - "$BATS_TEST_TMPDIR/after"
}

@test "DKMS builds it" {
	release=$(basename "$HEADERS")
	release=${release#linux-headers-}
	mkdir -p "$BATS_TEST_TMPDIR"/{src,tree}
	cp -a "$sources" "$BATS_TEST_TMPDIR/src"
	make -C "$BATS_TEST_TMPDIR/src/tdcost-$VERSION/bench/kmod" KDIR="$HEADERS" clean
	dkms build --dkmstree "$BATS_TEST_TMPDIR/tree" --sourcetree "$BATS_TEST_TMPDIR/src" \
		-m tdcost -v "$VERSION" -k "$release" --kernelsourcedir "$HEADERS"
	[ -f "$BATS_TEST_TMPDIR/tree/tdcost/$VERSION/$release/x86_64/module/tdcost.ko" ]
}
