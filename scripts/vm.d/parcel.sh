# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared by the pieces of scripts/vm
# What comes back over the second serial line: parcels, each a line with kind, size and checksum, a
# tar.gz of so many bytes, a last line. Of a parcel nothing is used unless all of it is right. A round
# of `tdcost run` sends the database as it is then; the last one has all that the command left.

# What became of the database so far.
merge=before
declare -A merge_said=(
	[before]="nothing was merged, the database is as it was"
	[within]="all of the samples were merged, or none; merging them again adds none twice"
	[behind]="the samples are merged"
)

# parcel_part AT BYTES: of what came back.
parcel_part() {
	dd if="$work/parcel" bs=64K iflag=skip_bytes,count_bytes skip="$1" count="$2" status=none
}

# parcel_next: takes the parcel at byte $at: sets $kind, leaves $work/in.tar.gz, and moves $at on; else
# false, and $damage says what is wrong.
parcel_next() {
	local header size sum rest
	damage="what came back does not begin as it should"
	header=$(parcel_part "$at" 200 | head -n 1 | tr -d '\0')
	[[ $header =~ ^tdcost-vm\ (1|round)\ ([0-9]{1,12})\ ([0-9a-f]{64})$ ]] || return 1
	kind=${BASH_REMATCH[1]} size=${BASH_REMATCH[2]} sum=${BASH_REMATCH[3]}
	at=$((at + ${#header} + 1))
	rest=$(($(stat -c %s "$work/parcel") - at))
	damage="only $rest of $((size + 4)) bytes came back"
	[ "$rest" -ge $((size + 4)) ] || return 1
	damage="what came back is damaged (checksum)"
	parcel_part "$at" "$size" >"$work/next.tar.gz"
	[ "$(sha256sum <"$work/next.tar.gz")" = "$sum  -" ] || return 1
	at=$((at + size))
	[ "$(parcel_part "$at" 4 | tr -d '\0')" = end ] || return 1
	at=$((at + 4))
	mv "$work/next.tar.gz" "$work/in.tar.gz"
}

# parcel_open: unpacks the last parcel into $work/in; else false, and $damage says what is wrong. Sets
# $rounds to the number of those of rounds; the newest whole one of them is $work/in.tar.gz then.
parcel_open() {
	local at=0 kind=''
	rounds=0
	damage="nothing came back"
	[ -s "$work/parcel" ] || return 1
	while parcel_next; do
		if [ "$kind" = 1 ]; then
			[ "$at" = "$(stat -c %s "$work/parcel")" ] || return 1
			parcel_unpack
			return
		fi
		rounds=$((rounds + 1))
		damage="its result did not come back"
		[ "$at" -lt "$(stat -c %s "$work/parcel")" ] || return 1
	done
	return 1
}

parcel_unpack() {
	mkdir "$work/in"
	tar -xzmf "$work/in.tar.gz" -C "$work/in"
}

# rounds_merge: the VM was ended at its time limit; its finished rounds are kept. Sets $kept to what
# became of them.
rounds_merge() {
	kept="no round was finished, and nothing was merged"
	[ "${lane_figures[$lane]}" = yes ] || kept="lane $lane keeps no figure"
	[ "$rounds" -gt 0 ] && [ "${lane_figures[$lane]}" = yes ] || return 0
	parcel_unpack
	[ -e "$work/in/tdcost.db" ] || return 0
	kept="its $rounds finished round$([ "$rounds" = 1 ] || echo s) could not be merged"
	parcel_merge
	kept="$rounds finished round$([ "$rounds" = 1 ] || echo s) merged into $db"
}

# parcel_deliver: prints, writes and merges; the exit status is the command's.
parcel_deliver() {
	local i name place status=1
	[ -s "$work/in/status" ] && status=$(cat "$work/in/status")
	cat "$work/in/stdout" 2>/dev/null || true
	cat "$work/in/stderr" >&2 2>/dev/null || true
	while read -r line; do
		note "$line"
	done <"$work/in/notes"
	[ -z "$dmesg" ] || cp "$work/in/dmesg" "$dmesg"
	for i in "${!wanted[@]}"; do
		name=${wanted[i]%%=*} place=${wanted[i]#*=}
		if [ -e "$work/in/wanted.$i" ]; then
			cp "$work/in/wanted.$i" "$place"
		else
			note "--get: there was no file $name in the VM"
			[ "$status" != 0 ] || status=1
		fi
	done
	parcel_merge
	return "$status"
}

parcel_merge() {
	local in=$work/in/tdcost.db kept
	[ -e "$in" ] && [ "${lane_figures[$lane]}" = yes ] || return 0
	if "$tdcost" db check --db "$in" >"$work/merge.log" 2>&1; then
		merge=within
		if "$tdcost" db merge "$in" --db "$db" >"$work/merge.log" 2>&1; then
			merge=behind
			return
		fi
	fi
	kept=$(mktemp "${TMPDIR:-/tmp}/tdcost-vm.XXXXXX.db")
	cp "$in" "$kept"
	[ ! -e "$in-wal" ] || cp "$in-wal" "$kept-wal"
	fail 1 "the VM's database is kept as $kept, for it was not merged into $db: $(tail -1 "$work/merge.log")"
}
