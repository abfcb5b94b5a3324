#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2030,SC2031,SC2154  # programs in quotes; a test is a subshell; $stderr
# Fetching, with the real apt against a small archive made here: kernels that are a few bytes.

bats_require_minimum_version 1.5.0
load fake.bash

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	export PATH=$PWD/bin:$PATH TDCOST_CACHE=$PWD/cache APT_CONFIG=$PWD/apt.conf
	unset HOME XDG_CACHE_HOME
	mkdir bin archive
	cat >apt.conf <<-END
		Dir::Etc::sourcelist "$PWD/sources.list";
		Dir::Etc::sourceparts "/dev/null";
	END
	echo "deb [trusted=yes] copy:$PWD/archive ./" >sources.list
	kernel 6.1.0-9-cloud-amd64
	kernel 6.1.0-10-cloud-amd64
	package linux-image-6.1.0-11-cloud-amd64 # its headers are not there yet
	kernel 6.12.3+deb12-cloud-amd64
	kernel 6.12.3+deb12-amd64
	archive
}

kernel() { # RELEASE
	package "linux-image-$1" "" "boot/vmlinuz-$1" "boot/config-$1" "lib/modules/$1/kernel/a"
	package "linux-headers-$1" "linux-headers-${1%%-cloud*}-common (= 1), linux-kbuild-x, gcc-12 | gcc" \
		"usr/src/linux-headers-$1/Makefile" "usr/src/linux-headers-$1/Module.symvers"
	package "linux-headers-${1%%-cloud*}-common" "" "usr/src/linux-headers-${1%%-cloud*}-common/Makefile"
	package linux-kbuild-x "" usr/lib/linux-kbuild-x/scripts/file
}

package() { # NAME [DEPENDS [FILE...]]: each file holds its own name
	local name=$1 needs=${2:-} file
	rm -rf package
	mkdir -p package/DEBIAN
	for file in "${@:3}"; do
		mkdir -p "package/$(dirname "$file")"
		echo "include /$file" >"package/$file"
	done
	printf '%s\n' "Package: $name" "Version: 1" "Architecture: amd64" "Maintainer: nobody" \
		${needs:+"Depends: $needs"} "Description: a test" >package/DEBIAN/control
	dpkg-deb --build --root-owner-group package archive >/dev/null
}

archive() { # the list of packages, as apt reads it
	local file
	for file in archive/*.deb; do
		dpkg-deb --field "$file"
		echo "Filename: ./${file##*/}"
		echo "Size: $(stat -c %s "$file")"
		echo "SHA256: $(sha256sum "$file" | cut -d ' ' -f 1)"
		echo
	done >archive/Packages
}

fetch() {
	run --separate-stderr "$vm" "$@"
	echo "$stderr"
}

# Whoever asks apt for anything from here on fails.
no_apt() {
	local name
	for name in apt-get apt-cache apt-config dpkg-deb; do
		fake "$name" <<<'echo "$0 was called" >&2; exit 100'
	done
}

# Nothing lies in the cache under its own name that is not whole.
nothing_half() {
	local dir
	for dir in cache/kernel/[0-9]*; do
		[ -e "$dir" ] || continue
		[ -e "$dir/boot/vmlinuz-${dir##*/}" ] && [ -e "$dir/usr/src/linux-headers-${dir##*/}/Makefile" ]
	done
}

@test "a series is its newest kernel that has headers; nothing is printed" {
	fetch --fetch 6.1
	[ "$status" = 0 ]
	[ -z "$output" ]
	[ -d cache/kernel/6.1.0-10-cloud-amd64 ]
	[ "$(ls cache/kernel)" = $'6.1.0-10-cloud-amd64\nseries' ]
	[ -z "$(ls cache/tmp)" ]
}

@test "a second run downloads nothing, and says nothing" {
	fetch --fetch 6.12
	[ "$status" = 0 ]
	[[ $stderr == *"fetching Linux 6.12.3+deb12-cloud-amd64"* ]]
	no_apt
	fetch --fetch 6.12
	[ "$status" = 0 ]
	[ -z "$stderr$output" ]
	fetch --headers 6.12
	[ "$status" = 0 ]
	[ -z "$stderr" ]
	[ "$output" = "$PWD/cache/kernel/6.12.3+deb12-cloud-amd64/usr/src/linux-headers-6.12.3+deb12-cloud-amd64" ]
	fetch --fetch 6.12.3+deb12-cloud-amd64
	[ "$status" = 0 ]
}

@test "a release is that release" {
	fetch --headers 6.12.3+deb12-amd64
	[ "$status" = 0 ]
	[[ $output == */linux-headers-6.12.3+deb12-amd64 ]]
	[ ! -e cache/kernel/series/6.12 ]
}

@test "headers find each other from wherever the cache lies" {
	fetch --headers 6.1
	grep -qxF 'include $(dir $(lastword $(MAKEFILE_LIST)))../linux-headers-6.1.0-10-cloud-amd64/Makefile' "$output/Makefile"
	mv cache moved
	TDCOST_CACHE=$PWD/moved
	no_apt
	fetch --headers 6.1
	[ "$status" = 0 ]
	[ -e "$output/Makefile" ]
}

@test "what was fetched stays the same until --update" {
	fetch --fetch 6.1
	package linux-headers-6.1.0-11-cloud-amd64
	kernel 6.1.0-11-cloud-amd64
	archive
	fetch --headers 6.1
	[[ $output == */linux-headers-6.1.0-10-cloud-amd64 ]]
	fetch --update --headers 6.1
	[ "$status" = 0 ]
	[[ $output == */linux-headers-6.1.0-11-cloud-amd64 ]]
	no_apt
	fetch --headers 6.1
	[[ $output == */linux-headers-6.1.0-11-cloud-amd64 ]]
}

@test "a kernel that apt does not know" {
	fetch --fetch 5.10
	[ "$status" = 4 ]
	[[ ${stderr_lines[-1]} == "scripts/vm: apt knows no kernel 5.10 with headers; of series it knows: 6.1 6.12" ]]
	fetch --fetch 6.1.0-99-cloud-amd64
	[ "$status" = 4 ]
	fetch --fetch "6.1; true"
	[ "$status" = 2 ]
	[ "${#stderr_lines[@]}" = 1 ]
	nothing_half
}

@test "a damaged download is not taken, and the next run mends it" {
	cp archive/linux-headers-6.1.0-10-cloud-amd64_1_amd64.deb good
	printf x | dd of=archive/linux-headers-6.1.0-10-cloud-amd64_1_amd64.deb bs=1 seek=100 conv=notrunc status=none
	fetch --fetch 6.1
	[ "$status" = 1 ]
	[[ ${stderr_lines[-1]} == "scripts/vm: apt cannot download what is needed: E: "* ]]
	nothing_half
	[ ! -e cache/kernel ]
	cp good archive/linux-headers-6.1.0-10-cloud-amd64_1_amd64.deb
	fetch --fetch 6.1
	[ "$status" = 0 ]
	nothing_half
}

@test "a fetch that is killed leaves nothing half, and the next run mends it" {
	fake dpkg-deb <<-'END'
		case $2 in *linux-image*) kill -KILL $PPID ;; esac
		exec /usr/bin/dpkg-deb "$@"
	END
	fetch --fetch 6.1
	[ "$status" = 137 ]
	nothing_half
	[ ! -e cache/kernel/6.1.0-10-cloud-amd64 ]
	rm bin/dpkg-deb
	fetch --fetch 6.1
	[ "$status" = 0 ]
	[ -z "$(ls cache/tmp)" ]
}

@test "two at the same time fetch once" {
	fake apt-get <<-'END'
		case $1 in download) echo "$$" >>"$TDCOST_CACHE/../downloads" && sleep 1 ;; esac
		exec /usr/bin/apt-get "$@"
	END
	"$vm" --headers 6.1 >first 2>first.log &
	"$vm" --headers 6.1 >second 2>second.log &
	wait %1
	wait %2
	cat first.log second.log
	cmp first second
	[ "$(wc -l <downloads)" = 1 ]
	grep -q "waiting for another scripts/vm" first.log second.log
}

@test "two at the same time, of two kernels: none finds apt's settings half written" {
	fake apt-get <<-'END'
		here=$TDCOST_CACHE/..
		grep -q '^Dir::State "' "$APT_CONFIG" || echo "$*" >>"$here/half"
		if [ "$1" = update ]; then
			: >"$here/updating"
			sleep 1
			grep -q '^Dir::State "' "$APT_CONFIG" || echo "$*" >>"$here/half"
		fi
		exec /usr/bin/apt-get "$@"
	END
	fake apt-config <<-'END'
		[ ! -e "$TDCOST_CACHE/../updating" ] || sleep 2
		exec /usr/bin/apt-config "$@"
	END
	"$vm" --fetch 6.1 2>first.log &
	first=$!
	for ((i = 0; i < 200; i++)); do
		[ -e updating ] && break
		sleep 0.1
	done
	"$vm" --fetch 6.12 2>second.log &
	wait $first
	wait $!
	cat first.log second.log
	[ ! -e half ]
	[ -d cache/kernel/6.1.0-10-cloud-amd64 ]
	[ -d cache/kernel/6.12.3+deb12-cloud-amd64 ]
}

@test "the cache is \$TDCOST_CACHE, else below \$XDG_CACHE_HOME, else below the home" {
	export XDG_CACHE_HOME=$PWD/xdg
	unset TDCOST_CACHE
	fetch --headers 6.1
	[[ $output == "$PWD/xdg/tdcost/kernel/"* ]]
	export HOME=$PWD/home XDG_CACHE_HOME=
	mkdir home
	fetch --headers 6.1
	[[ $output == "$PWD/home/.cache/tdcost/kernel/"* ]]
	TDCOST_CACHE="with blank"
	export TDCOST_CACHE
	fetch --headers 6.1
	[ "$status" = 1 ]
	[[ ${stderr_lines[0]} == *"with blank: kernel modules cannot be built below"*"set TDCOST_CACHE" ]]
	TDCOST_CACHE=/proc/none
	fetch --headers 6.1
	[ "$status" = 1 ]
	[[ $stderr == "scripts/vm: /proc/none cannot be written: set TDCOST_CACHE"* ]]
}
