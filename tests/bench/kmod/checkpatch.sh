#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The module's files are clean under the kernel's own scripts/checkpatch.pl, --strict. Debian has it
# in linux-source only, 150 MB, of which a megabyte is kept in the cache.
# BIT_MACRO is not asked for: user space, which shares tdcost.h, has no BIT().
set -euo pipefail

cache=${TDCOST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tdcost}/checkpatch
if ! [ -f "$cache/scripts/checkpatch.pl" ]; then
	package=$(apt-cache pkgnames linux-source- | grep -E '^linux-source-[0-9.]+$' | sort -V | tail -1)
	mkdir -p "$cache"
	work=$(mktemp -d "$cache/tmp.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	echo "fetching $package"
	(cd "$work" && apt-get download "$package")
	dpkg-deb --fsys-tarfile "$work/$package"_*.deb | tar -xO --wildcards './usr/src/*.tar.xz' |
		tar -xJ -C "$work" --strip-components=1 --wildcards '*/scripts/checkpatch.pl' \
			'*/scripts/spelling.txt' '*/scripts/const_structs.checkpatch'
	rm -rf "$cache/scripts"
	mv "$work/scripts" "$cache/scripts"
fi

cd bench/kmod
mapfile -t files < <(make -pn -f Kbuild 2>/dev/null | sed -n 's/^tdcost-y := //p' | tr ' ' '\n' |
	sed '/^topup_/d; /^td_/d; s/\.o$/.c/')
[ ${#files[@]} -gt 5 ]
perl "$cache/scripts/checkpatch.pl" --no-tree --strict --show-types --ignore BIT_MACRO --no-summary \
	--quiet -f "${files[@]}" module.h topup.h teardown.h tdcost.h Kbuild Makefile
echo "${#files[@]} files and their headers"
