#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031  # each test is a subshell of its own
# install-packages against made-up programs: nothing is installed by these tests.

bats_require_minimum_version 1.5.0

# $installed: names, one a line; $log: what apt-get was called with.
setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	mkdir bin
	export installed=$PWD/installed log=$PWD/log PATH=$PWD/bin:$PATH FAKE_ID=0
	: >installed
	: >log
	fake dpkg-query <<-'END'
		name=${!#}
		grep -qx -- "$name" "$installed" || { echo "no packages found matching $name" >&2; exit 1; }
		printf installed
	END
	fake apt-get <<-'END'
		echo "apt-get $* (id $FAKE_ID)" >>"$log"
		[ -z "${FAKE_APT_FAILS:-}" ] || { [ "$1" = update ] || ! grep -q update "$log" && [ "$1" != update ] && exit 100; }
		[ "$1" = install ] || exit 0
		for name; do
			case $name in install | -*) ;; *) echo "$name" >>"$installed" ;; esac
		done
		echo "chatter of apt"
	END
	fake id <<-'END'
		echo "$FAKE_ID"
	END
	fake sudo <<-'END'
		[ "$FAKE_SUDO" = yes ] || { echo "a password is required" >&2; exit 1; }
		[ "$1" = -n ] && shift
		FAKE_ID=0 exec "$@"
	END
	export FAKE_SUDO=yes
}

fake() { # NAME, its body on standard input
	{
		echo '#!/usr/bin/env bash'
		cat
	} >"bin/$1"
	chmod +x "bin/$1"
}

packages() {
	run --separate-stderr "$TOP/scripts/install-packages" "$@" </dev/null
}

installs() {
	grep -c '^apt-get install' "$log" || true
}

@test "it says what it installs, installs it, and does nothing the second time" {
	packages build
	[ "$status" = 0 ]
	# shellcheck disable=SC2154
	[[ $stderr == "Installing with apt: "*cmake*libsqlite3-dev* ]]
	[ -z "$output" ]
	[ "$(installs)" = 1 ]
	grep -q 'libhwloc-dev' installed
	: >log
	packages build
	[ "$status" = 0 ]
	[ -z "$output$stderr" ]
	[ ! -s log ]
}

@test "only what is missing is asked for" {
	packages build
	sed -i '/^libgsl-dev$/d; /^cmake$/d' installed
	: >log
	packages build
	[ "$status" = 0 ]
	grep -q '^apt-get install --yes --no-install-recommends cmake libgsl-dev (id 0)$' log
}

@test "sets add up" {
	packages build test
	[ "$status" = 0 ]
	for name in cmake libcmocka-dev bats shellcheck; do
		grep -qx $name installed
	done
}

@test "who is not root goes through sudo" {
	export FAKE_ID=1000
	packages build
	[ "$status" = 0 ]
	[ "$(installs)" = 1 ]
	grep -q '(id 0)$' log
}

@test "with neither it prints the line to type and exits 4" {
	export FAKE_ID=1000 FAKE_SUDO=no
	packages build
	[ "$status" = 4 ]
	[ -z "$output" ]
	[[ $stderr == *"apt-get install --yes --no-install-recommends "*cmake* ]]
	[ ! -s log ]
}

@test "nothing missing needs no root" {
	packages build
	: >log
	export FAKE_ID=1000 FAKE_SUDO=no
	packages build
	[ "$status" = 0 ]
	[ -z "$output$stderr" ]
	[ ! -s log ]
}

@test "lists that are old or absent are brought up to date, once" {
	export FAKE_APT_FAILS=yes
	packages build
	[ "$status" = 0 ]
	[ "$(grep -c '^apt-get update' log)" = 1 ]
	[ "$(installs)" = 2 ]
	[[ "$(tail -1 log)" == "apt-get install"* ]]
}

@test "an unknown set is refused" {
	packages all
	[ "$status" = 2 ]
	[[ $stderr == *"'all'"* ]]
	[ ! -s log ]
}

@test "every script has --help that changes nothing" {
	for script in run test; do
		run --separate-stderr "$TOP/scripts/$script" --help
		[ "$status" = 0 ]
		[[ $output == *"Usage: scripts/$script"* ]]
	done
	[ ! -s log ]
}
