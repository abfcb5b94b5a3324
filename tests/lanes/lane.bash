# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016  # programs in quotes
# A lane's test boots once for all its @tests: the script of the same name, or $SCRIPT, runs in the VM, and says
# "ok WHAT" or "not ok WHAT" of each thing that it looked at.

# boot_lane LANE NAME OPTION...: leaves NAME.{status,stdout,stderr,dmesg,db}.
boot_lane() {
	local lane=$1 name=$2 script=${SCRIPT:-$1}.sh status=0
	shift 2
	cd "$BATS_FILE_TMPDIR" || return 1
	"$TOP/scripts/vm" --lane "$lane" --kernel "$KERNEL" --build "${TDCOST%/harness/cli/tdcost}" \
		--timeout "${LANE_VM_SECONDS:-2400}" --db "$name.db" --dmesg "$name.dmesg" --add "$TOP/tests/lanes/in-vm.sh" \
		--add "$TOP/tests/lanes/$script" "$@" -- "$script" \
		>"$name.stdout" 2>"$name.stderr" || status=$?
	echo $status >"$name.status"
}

# no_apt: from here on, whoever asks apt for anything fails.
no_apt() {
	local name
	mkdir -p "$BATS_FILE_TMPDIR/bin"
	for name in apt-get apt-cache apt-config dpkg-deb; do
		printf '#!/bin/sh\necho "$0 was called" >&2\nexit 100\n' >"$BATS_FILE_TMPDIR/bin/$name"
		chmod +x "$BATS_FILE_TMPDIR/bin/$name"
	done
	PATH=$BATS_FILE_TMPDIR/bin:$PATH
}

# all_ok NAME: every check in the VM held, and there were as many as its plan says.
all_ok() {
	cat "$1.stdout" "$1.stderr"
	[ "$(cat "$1.status")" = 0 ]
	! grep '^not ok' "$1.stdout"
	[ "$(grep -c '^ok ' "$1.stdout")" = "$(sed -n 's/^checks: //p' "$1.stdout")" ]
}

# quiet_kernel NAME: the log tells of no trouble.
quiet_kernel() {
	[ -s "$1.dmesg" ]
	! grep -E 'BUG:|WARNING:|Oops|Call Trace|general protection|rcu.*stall|slab.*(corrupt|Redzone|Poison)' "$1.dmesg"
}

# fact NAME KEY: a line "KEY: VALUE" that the script printed.
fact() {
	sed -n "s/^$2: //p" "$1.stdout"
}
