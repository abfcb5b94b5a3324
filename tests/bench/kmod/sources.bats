#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What of the module can be tested without a kernel to build it for.

bats_require_minimum_version 1.5.0

setup() {
	load sources.bash
	sources=
	sources_install "$BATS_TEST_TMPDIR"
}

@test "one version stands in all places" {
	[ "$(basename "$sources")" = "tdcost-$VERSION" ]
	grep -qx "TDCOST_VERSION := $VERSION" "$sources/bench/kmod/Kbuild"
	grep -q "tdcost/$VERSION" "$TOP/docs/tdcost-kmod.4"
	grep -qx "PACKAGE_VERSION=\"$VERSION\"" "$sources/dkms.conf"
}

@test "what is built is installed, and nothing else" {
	make -pn -f "$sources/bench/kmod/Kbuild" 2>/dev/null | sed -n 's/^tdcost-y := //p' | tr ' ' '\n' |
		sed 's/\.o$/.c/; s,^topup_,../topup/,; s,^td_,../teardown/,' | sort >"$BATS_TEST_TMPDIR/built"
	(cd "$sources/bench/kmod" && printf '%s\n' *.c ../topup/*.c ../teardown/*.c) | sort >"$BATS_TEST_TMPDIR/installed"
	[ -s "$BATS_TEST_TMPDIR/built" ]
	diff "$BATS_TEST_TMPDIR/built" "$BATS_TEST_TMPDIR/installed"
}

@test "dkms.conf names what DKMS needs" {
	kernel_source_dir=/headers
	# shellcheck disable=SC1091  # written by the suite
	. "$sources/dkms.conf"
	[ "$PACKAGE_NAME" = tdcost ]
	[ "${BUILT_MODULE_NAME[0]}" = tdcost ]
	[ -d "$sources/${BUILT_MODULE_LOCATION[0]}" ]
	[[ ${DEST_MODULE_LOCATION[0]} == /* ]]
	[ "$AUTOINSTALL" = yes ]
	[[ ${MAKE[0]} == *" KDIR=$kernel_source_dir"* && $CLEAN == *" clean" ]]
	# Both lines are for this folder.
	[[ " ${MAKE[0]} " == *" -C ${BUILT_MODULE_LOCATION[0]} "* ]]
	[[ " $CLEAN " == *" -C ${BUILT_MODULE_LOCATION[0]} "* ]]
}
