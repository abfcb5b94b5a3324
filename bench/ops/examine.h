/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * examine.h: flush_detect() as a benchmark needs it: on a region of its own, which is gone behind
 * it, in bounded time, with what was found among the facts of the invocation.
 */
#ifndef TDC_BENCH_OPS_EXAMINE_H
#define TDC_BENCH_OPS_EXAMINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/ops/flush_detect.h"
#include "harness/measure/bench.h"

struct examined {
	const char *name; /* of the flush, "wbinvd": the fact's name */
	bool keeps;	  /* it may leave lines in the cache */
	/* Flush [@base, @base+@bytes), or all there is. @ticks as in struct flush_job. */
	int (*flush)(void *ctx, char *base, size_t bytes, uint64_t *ticks);
	void *ctx;
};

/**
 * examine_flush() - does it flush? On the CPU that the thread is pinned to
 *
 * No longer than EXAMINE_LIMIT_NS and one flush; what is not clear by then cannot be decided.
 * Return: 0, also where it flushes nothing; what the flush returned; -ENOMEM.
 */
#define EXAMINE_LIMIT_NS 3000000000ull
int examine_flush(struct bench_ctx *ctx, const struct examined *e, const struct tick_clock *clock,
		  struct flush_found *found, struct reason *why);

#endif
