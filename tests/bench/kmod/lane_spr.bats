#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The module on an emulated Sapphire Rapids: MOVDIR64B is executed, and every byte is looked at.

bats_require_minimum_version 1.5.0

@test "resets of kernel pages by MOVDIR64B" {
	load lane.bash
	lane --lane spr --add "$SMOKE" -- kmod_smoke /lib/tdcost/tdcost.ko
	[ "$status" = 0 ]
	[[ $output == *"MOVDIR64B is executed"* ]]
	[[ $output == *"features 0xf"* ]]
	[[ $output == *"kmod_smoke: 0 failed"* ]]
	log_clean
}
