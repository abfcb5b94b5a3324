/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sample.h: one timed sample, as the sampler makes it, the socket carries it and the store keeps
 * it. Raw: no overhead subtracted, no unit made.
 */
#ifndef TDC_CORE_SAMPLE_H
#define TDC_CORE_SAMPLE_H

#include <assert.h>
#include <stdint.h>

struct sample {
	uint32_t seq;	/* order within the invocation, from 0 */
	uint32_t arm;	/* which arm of the group, from 0 */
	int32_t block;	/* from 0; negative during warm-up */
	uint32_t cpu;	/* the CPU on which the sample ended (TSC_AUX) */
	uint64_t ticks; /* between the two clock reads, > 0 */
	uint64_t work;	/* units of the benchmark's metric that were done, > 0 */
};
static_assert(sizeof(struct sample) == 32, "samples cross the socket as they are");

#endif
