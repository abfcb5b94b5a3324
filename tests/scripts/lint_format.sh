#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every C file is as .clang-format would write it: `clang-format -i FILE` mends it.
set -euo pipefail
. tests/scripts/files.sh

mapfile -t list < <(tree_files '*.c' '*.h')
[ ${#list[@]} -gt 50 ]
"$CLANG_FORMAT" --dry-run --Werror --ferror-limit=1 "${list[@]}"
echo "${#list[@]} files"
