# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The files of the tree: what git tracks or would, else (a tarball has no .git) all but builds.

tree_files() { # PATTERN...
	if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
		git ls-files --cached --others --exclude-standard -- "$@" | while read -r file; do
			# Deleted, and not yet committed.
			[ -f "$file" ] && printf '%s\n' "$file"
		done
		return 0
	fi
	local names=() pattern
	for pattern in "$@"; do
		names+=(-o -name "$pattern")
	done
	[ $# -gt 0 ] && names=('(' "${names[@]:1}" ')')
	find . -type d \( -name 'build*' -o -name .git -o -path ./results/local \) -prune -o \
		-type f "${names[@]}" -print | sed 's,^\./,,'
}
