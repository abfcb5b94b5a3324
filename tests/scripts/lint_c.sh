#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# cppcheck over everything that is built: what it calls an error or a portability problem fails. Its
# opinions on style are not asked for; two that it gives all the same are wrong here: the tables end
# with a NULL name, which is looked at first, and clock.c never asks for no sample at all.
set -euo pipefail

"$CPPCHECK" --quiet --std=c11 --language=c --enable=portability --inline-suppr \
	--error-exitcode=1 -j 2 -D_GNU_SOURCE -I . \
	--suppress=missingIncludeSystem --suppress=arrayIndexThenCheck \
	--suppress=uninitvar:harness/measure/clock.c \
	harness bench results plots
