# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The module as it is installed for DKMS: what is missing there would be missed by users only.

sources_install() { # PREFIX: sets $sources
	cmake --install "$BUILD" --component module --prefix "$1" >/dev/null
	sources=$(echo "$1"/src/tdcost-*)
	[ -f "$sources/dkms.conf" ]
}
