# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154  # bats sets them
# Runs a test program beside the module in a VM, and reads the kernel's log afterwards.

# lane VM-OPTION... -- COMMAND...: sets $status and $output, and $log to the kernel's log. The
# database is none of the user's.
lane() {
	log=$BATS_TEST_TMPDIR/dmesg
	run "$VM" --kernel "$KERNEL" --build "$BUILD" --timeout "${LANE_VM_SECONDS:-2400}" --dmesg "$log" --db "$BATS_TEST_TMPDIR/lane.db" "$@"
	echo "$output"
	[ -s "$log" ]
}

# What the kernel says when something is wrong. Out-of-tree and unsigned is what the module is; what
# is said before it is loaded is not about it.
log_clean() {
	sed '1,/tdcost: loading out-of-tree module/d' "$log" | grep -nE \
		'WARNING|BUG|Oops|Call Trace|RIP:|general protection|unable to handle|stall|lockup|hung task|page allocation failure|refcount_t|Redzone|Poison|Object already free|slab error|Padding overwritten|sysfs: cannot create' &&
		{ echo "the kernel's log is not clean"; return 1; }
	grep -q 'tdcost: loading out-of-tree module' "$log"
}
