// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/measure/timed.h"

/*
 * Not inlined and aligned: every caller, the calibration included, runs the same bytes at the same
 * alignment.
 */
__attribute__((noinline, aligned(64))) struct timed
timed_sample(uint64_t (*sample)(void *, unsigned, unsigned), void *state, unsigned arm,
	     unsigned reps)
{
	struct timed t;
	uint64_t start = tick_start();

	t.work = sample(state, arm, reps);
	t.ticks = tick_stop(&t.cpu) - start;
	return t;
}
