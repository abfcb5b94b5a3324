# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154  # variables are shared by the pieces of scripts/vm
# What comes back over the second serial line: a line with size and checksum, a tar.gz of so many
# bytes, a last line. Nothing of it is used unless all of it is right.

# What became of the database so far.
merge=before
declare -A merge_said=(
	[before]="nothing was merged, the database is as it was"
	[within]="all of the samples were merged, or none; merging them again adds none twice"
	[behind]="the samples are merged"
)

# parcel_open: unpacks into $work/in; else false, and $damage says what is wrong.
parcel_open() {
	local header size sum rest
	damage="nothing came back"
	[ -s "$work/parcel" ] || return 1
	damage="what came back does not begin as it should"
	header=$(head -c 200 "$work/parcel" | head -n 1 | tr -d '\0')
	[[ $header =~ ^tdcost-vm\ 1\ ([0-9]{1,12})\ ([0-9a-f]{64})$ ]] || return 1
	size=${BASH_REMATCH[1]} sum=${BASH_REMATCH[2]}
	rest=$(($(stat -c %s "$work/parcel") - ${#header} - 1))
	damage="only $rest of $((size + 4)) bytes came back"
	[ "$rest" -ge $((size + 4)) ] || return 1
	damage="what came back is damaged (checksum)"
	tail -c +$((${#header} + 2)) "$work/parcel" | head -c "$size" >"$work/in.tar.gz"
	[ "$(sha256sum <"$work/in.tar.gz")" = "$sum  -" ] || return 1
	[ "$(tail -c "$((rest - size))" "$work/parcel" | tr -d '\0')" = end ] || return 1
	mkdir "$work/in"
	tar -xzmf "$work/in.tar.gz" -C "$work/in" || return 1
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
