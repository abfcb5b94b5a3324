#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC2154  # variables are shared with the pieces of scripts/vm
# uapi_test.c against headers that have all of it: linux-libc-dev, from the machine's own apt sources
# if it is new enough there, else from newer suites of the same archive. It is kept in the cache.
# Usage: newer_uapi.sh TOP CC [FLAG...]. What cannot be fetched is a failure, not a skip.
set -Eeuo pipefail
top=$1
shift
# The flags of guest_memfd are the youngest definition that is compared.
oldest=6.18
PATH=$PATH:/usr/sbin:/sbin

cache='' child=''
for piece in say cache apt; do
	# shellcheck source=/dev/null
	. "$top/scripts/vm.d/$piece.sh"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# candidate: the newest linux-libc-dev that the apt state in use knows, if it is new enough.
candidate() {
	apt_do apt-cache madison linux-libc-dev | cut -d '|' -f 2 | tr -d ' ' | sort -rV |
		while read -r version; do
			dpkg --compare-versions "$version" ge "$oldest" && echo "$version"
			break
		done
}

fetch() {
	local version suite
	cache_lock apt-host
	apt_state host </dev/null
	apt_update
	version=$(candidate)
	for suite in trixie-backports sid; do
		[ -z "$version" ] || break
		apt_state host </dev/null
		apt_suite "$suite" uapi_newer
		version=$(candidate)
	done
	[ -n "$version" ] || fail 1 "apt finds no linux-libc-dev of $oldest or later$apt_trouble"
	cache_new uapi
	apt_unpack "$made" "linux-libc-dev=$version"
	echo "$version" >"$made/version"
	cache_done uapi uapi
	cache_unlock apt-host
}

cache_open
cache_lock uapi
[ -d "$cache/uapi" ] || fetch
cache_unlock uapi
include=$cache/uapi/usr/include
arch=$include/x86_64-linux-gnu # the package holds other architectures' beside it
for file in "$include/linux/kvm.h" "$arch/asm/kvm.h"; do
	[ -f "$file" ] || fail 1 "there is no $file: remove $cache/uapi, and it is fetched again"
done

# Its own headers first, so that the C library's are the ones that follow.
"$@" -std=gnu17 -D_GNU_SOURCE -DUAPI_ALL -Wall -Wextra -Werror -isystem "$arch" -isystem "$include" \
	-I"$top" -o "$work/test" "$top/tests/bench/kvm/uapi_test.c" -lcmocka
echo "linux-libc-dev $(cat "$cache/uapi/version")"
"$work/test"
