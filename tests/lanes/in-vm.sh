#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Read by the scripts that run in a VM, whose shell is busybox.

checks=0
failed=0

# check WHAT COMMAND...
check() {
	what=$1
	shift
	checks=$((checks + 1))
	if "$@"; then
		echo "ok $what"
	else
		echo "not ok $what"
		failed=1
	fi
}

# exits STATUS COMMAND...: its output goes to standard error.
exits() {
	wanted=$1
	shift
	"$@" >&2
	[ $? = "$wanted" ]
}

# refused REASON ARGUMENT...: no cell of it runs here, and that is why.
refused() {
	reason=$1
	shift
	tdcost check "$@" >why 2>&1
	status=$?
	cat why >&2
	[ $status = 4 ] && grep -qF -- "$reason" why
}

# all_run WHAT N ARGUMENT...: check runs N cells, and skips none of them.
all_run() {
	of=$1
	cells=$2
	shift 2
	tdcost check "$@" >table 2>errors
	status=$?
	cat table errors >&2
	check "$of: check finds no fault" [ $status = 0 ]
	check "$of: all $cells cells ran" [ "$(grep -c ' ok ' table)" = "$cells" -a "$(grep -c ' skipped ' table)" = 0 ]
}

# fits PATTERN FILE
fits() {
	grep -q -- "$1" "$2"
}

# Tells how many checks there were, so that a script that ended early does not look like one that
# had less to do.
end() {
	echo "checks: $checks"
	exit $failed
}
