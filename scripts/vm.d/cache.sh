# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034  # variables are shared by the pieces of scripts/vm
# The cache outside the tree. Whatever lies under its own name there is whole: everything is made
# in $cache/tmp, under a lock, and moved into place when it is complete.

cache_open() { # sets $cache
	local home=${HOME:-}
	[ -n "$home" ] || home=$(getent passwd "$(id -u)" | cut -d: -f6)
	cache=${TDCOST_CACHE:-${XDG_CACHE_HOME:-${home:+$home/.cache}}}
	[ -n "$cache" ] || fail 1 "no place for downloads: set TDCOST_CACHE to a folder"
	[ -n "${TDCOST_CACHE:-}" ] || cache=$cache/tdcost
	mkdir -p "$cache/lock" "$cache/tmp" 2>/dev/null || true
	[ -w "$cache/lock" ] || fail 1 "$cache cannot be written: set TDCOST_CACHE to a folder that can"
	cache=$(cd "$cache" && pwd)
	# Makefiles split names at these.
	[[ $cache != *[[:space:]:]* ]] ||
		fail 1 "$cache: kernel modules cannot be built below a name with a blank or a colon; set TDCOST_CACHE"
}

declare -A cache_locks=()

# cache_lock NAME: held until cache_unlock NAME or the end of the process.
cache_lock() {
	local fd=${cache_locks[$1]:-}
	[ -n "$fd" ] || exec {fd}>"$cache/lock/$1"
	flock -n "$fd" || {
		stage "waiting for another scripts/vm that makes $1"
		flock "$fd"
		stage_end
	}
	cache_locks[$1]=$fd
}

cache_unlock() {
	flock -u "${cache_locks[$1]}"
}

# cache_new NAME: an empty folder to make NAME in; what a killed run left there goes first. The
# caller holds the lock NAME. Sets $made.
cache_new() {
	made=$cache/tmp/$1
	rm -rf "$made"
	mkdir -p "$made"
}

# cache_done NAME PLACE: what cache_new gave is complete, and now lies at $cache/PLACE.
cache_done() {
	mkdir -p "$(dirname "$cache/$2")"
	rm -rf "${cache:?}/$2"
	mv -T "$cache/tmp/$1" "$cache/$2"
}
