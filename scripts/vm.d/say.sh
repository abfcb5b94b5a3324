# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034  # variables are shared by the pieces of scripts/vm
# What scripts/vm says on standard error, and its exits.

# fail STATUS TEXT: the one line that every error is.
fail() {
	stage_end
	echo "scripts/vm: $2" >&2
	exit "$1"
}

note() {
	stage_end
	echo "scripts/vm: $1" >&2
}

# stage TEXT: what takes its time now. On a terminal the line is written over by stage_tick and the
# next stage; elsewhere it is one line of a log.
stage() {
	stage_end
	stage_text=$1 stage_began=$SECONDS stage_more='' stage_logged=-10
	if [ -t 2 ]; then
		printf '%s' "$stage_text" >&2
	else
		printf 'scripts/vm: %s\n' "$stage_text" >&2
	fi
}

stage_tick() {
	[ -z "${stage_text:-}" ] || ! [ -t 2 ] ||
		printf '\r\033[K%s, %d s' "$stage_text$stage_more" $((SECONDS - stage_began)) >&2
}

# stage_progress TEXT: how far it is. In a log it is a line, not sooner than 10 s after the last.
stage_progress() {
	[ "$1" != "$stage_more" ] || return 0
	if [ -t 2 ]; then
		stage_more=$1
	elif [ $((SECONDS - stage_logged)) -ge 10 ]; then
		stage_more=$1 stage_logged=$SECONDS
		printf 'scripts/vm: %s\n' "$stage_text$1" >&2
	fi
}

stage_end() {
	[ -z "${stage_text:-}" ] || ! [ -t 2 ] || printf '\r\033[K' >&2
	stage_text=
}

# stage_wait PID: the exit status of a child, with the seconds ticking meanwhile. Whoever ends this
# script ends the child too.
stage_wait() {
	child=$1
	if [ -t 2 ]; then
		while kill -0 "$1" 2>/dev/null; do
			stage_tick
			sleep 0.2
		done
	fi
	wait "$1" || { child= && return 1; }
	child=
}
