#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Program and manual say the same: every command and every long option of --help stands in
# docs/tdcost.1, every option in the manual exists, and so do the benchmarks, factors, presets and
# exit statuses.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
manual=docs/tdcost.1
# As it is read: roff writes a minus as \-.
sed 's/\\-/-/g; s/\\f[BIRP]//g; s/\\[&:]//g' "$manual" >"$work/manual"
bad=0

complain() {
	echo "$manual: $*"
	bad=1
}

named() { # WORD: as a word of its own
	grep -Eq -- "(^|[^[:alnum:]-])$1([^[:alnum:]-]|\$)" "$work/manual"
}

"$TDCOST" --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }' >"$work/commands"
[ "$(wc -l <"$work/commands")" -ge 7 ]
: >"$work/options"
while read -r command; do
	named "$command" || complain "command '$command' is missing"
	"$TDCOST" "$command" --help >"$work/help"
	grep -Eo -- '(^|[ ,])--[a-z][a-z-]*' "$work/help" | tr -d ' ,' | sort -u >"$work/of"
	[ -s "$work/of" ]
	cat "$work/of" >>"$work/options"
	while read -r option; do
		named "$option" || complain "option $option of '$command' is missing"
	done <"$work/of"
done <"$work/commands"
echo --version >>"$work/options"

grep -Eo -- '(^|[^[:alnum:]-])--[a-z][a-z-]*' "$work/manual" | grep -Eo -- '--.*' | sort -u |
	while read -r option; do
		grep -qx -- "$option" "$work/options" || echo "$option"
	done >"$work/unknown"
while read -r option; do
	complain "there is no option $option"
done <"$work/unknown"

"$TDCOST" list --json >"$work/list"
for word in $(jq -r '.benchmarks[] | .benchmark, .factors[].factor' "$work/list") \
	$(jq -r '.presets[].preset' "$work/list"); do
	named "$word" || complain "'$word' is missing"
done
for status in 0 1 2 3 4 5 6; do
	grep -Eq "^\.(B|IP|TP|It)?.*\b$status\b|^$status\b" "$work/manual" || complain "exit status $status is missing"
done
exit $bad
