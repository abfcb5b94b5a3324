/* SPDX-License-Identifier: GPL-2.0-or-later */
/* misses.h: for tests of what proves a flush: does a miss show on this machine, as busy as it is? */
#ifndef TDC_TESTS_MISSES_H
#define TDC_TESTS_MISSES_H

#include <math.h>
#include <stdbool.h>

#include "bench/ops/flush_detect.h"

/* Noise can hide that nothing is flushed, so look more than once; it cannot make it up. */
#define LOOKS 20

/* Not in an emulator, and seldom when others take the CPU. False too where there is no memory to look. */
static inline bool misses_show(const struct cpu_info *cpu, const char *base, size_t bytes)
{
	struct flush_reads reads = { 0, 0, 0 };
	struct flush_probe p;
	bool show = false;

	if (flush_probe_init(&p, base, bytes, 1))
		return false;
	for (unsigned i = 0; i < LOOKS && !show; i++) {
		flush_reads_reference(&p, cpu, &reads);
		show = !isnan(flush_share_left(&reads));
	}
	flush_probe_free(&p);
	return show;
}

#endif
