#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every file that can hold a comment names its licence within its first lines.
set -euo pipefail
. tests/scripts/files.sh

bad=0
while read -r file; do
	case $file in
	# Formats without comments, data, and the licence itself.
	*.json | LICENSE* | COPYING* | .gitignore | .editorconfig | .clang-format | *.db | *.png | *.svg | \
		*.csv | *.md | tests/fixtures/*) continue ;;
	esac
	head -5 "$file" | grep -q 'SPDX-License-Identifier: GPL-2\.0\(-or-later\)\?' && continue
	echo "$file: no SPDX-License-Identifier in its first five lines"
	bad=1
done < <(tree_files "*")
exit $bad
