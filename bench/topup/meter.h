/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * meter.h: the meters of topup calls and of gets. Those of locks are in lock.h.
 *
 * Each reads the clock at both ends of what it is named after. What that shows where there is
 * nothing between is in the ticks, and topup_meter_empty() says how much it is.
 */
#ifndef TDC_BENCH_TOPUP_METER_H
#define TDC_BENCH_TOPUP_METER_H

#include "bench/topup/lock.h"

struct topup_watch {
	uint64_t start, allocs;
};

static __always_inline void topup_call_begin(struct topup_ctx *ctx, struct topup_watch *w)
{
	if (!topup_metered(ctx, TOPUP_METER_CALLS))
		return;
	w->allocs = topup_source_allocs(ctx->source);
	w->start = topup_ticks();
}

static __always_inline void topup_call_end(struct topup_ctx *ctx, const struct topup_watch *w)
{
	struct topup_meter *m = ctx->meter;
	struct topup_sample *s;
	uint64_t end;

	if (!topup_metered(ctx, TOPUP_METER_CALLS))
		return;
	end = topup_ticks();
	if (m->topups < m->room) {
		s = &m->sample[m->topups];
		s->ticks = end - w->start;
		s->pages = (uint32_t)(topup_source_allocs(ctx->source) - w->allocs);
	}
	m->topups++;
}

/* Behind a topup. Not where locks are metered: it would be in the hold of one that is held. */
static __always_inline void topup_idle_seen(struct topup_ctx *ctx, uint64_t idle)
{
	if (topup_metered(ctx, TOPUP_METER_CALLS) && idle > ctx->meter->idle_peak)
		ctx->meter->idle_peak = idle;
}

static __always_inline void topup_get_begin(struct topup_ctx *ctx, struct topup_watch *w)
{
	if (topup_metered(ctx, TOPUP_METER_GETS))
		w->start = topup_ticks();
}

/* @gets: pages, or references, that were got one behind the other. None is no sample. */
static __always_inline void topup_get_end(struct topup_ctx *ctx, const struct topup_watch *w,
					  unsigned int gets)
{
	struct topup_meter *m = ctx->meter;
	struct topup_sample *s;
	uint64_t end;

	if (!topup_metered(ctx, TOPUP_METER_GETS))
		return;
	end = topup_ticks();
	if (!gets)
		return;
	if (m->gets < m->get_room) {
		s = &m->get[m->gets];
		s->ticks = end - w->start;
		s->pages = gets;
	}
	m->gets++;
}

/* The least that two reads with nothing between them show. */
static inline uint64_t topup_meter_empty(void)
{
	uint64_t least = ~0ull, start, ticks;
	unsigned int i;

	for (i = 0; i < 64; i++) {
		start = topup_ticks();
		ticks = topup_ticks() - start;
		if (ticks < least)
			least = ticks;
	}
	return least;
}

#endif
