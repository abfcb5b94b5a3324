#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every script, by its first line or its name, is clean.
set -euo pipefail
. tests/scripts/files.sh

list=()
while read -r file; do
	case $file in
	*.sh | *.bash | *.bats) list+=("$file") ;;
	*) [[ $(head -c 64 "$file" | head -1 | tr -d '\0') =~ ^#!.*(sh|bats) ]] && list+=("$file") ;;
	esac
done < <(tree_files "*")
[[ " ${list[*]} " == *" .ci/run "* && " ${list[*]} " == *" scripts/run "* ]]
"$SHELLCHECK" --external-sources --source-path=SCRIPTDIR --source-path=. "${list[@]}"
echo "${#list[@]} scripts"
