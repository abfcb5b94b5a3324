/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * timed.h: the only place where a sample is timed. The clock's empty cost is measured through
 * this same function, so that what is subtracted is what was added.
 */
#ifndef TDC_MEASURE_TIMED_H
#define TDC_MEASURE_TIMED_H

#include <stdint.h>

#include "harness/measure/clock.h"

struct timed {
	uint64_t ticks;
	uint64_t work;
	uint32_t cpu;
};

struct timed timed_sample(uint64_t (*sample)(void *, unsigned, unsigned), void *state, unsigned arm,
			  unsigned reps);

#endif
