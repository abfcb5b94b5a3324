// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/held.h"

#include <math.h>
#include <stdio.h>

#include "harness/core/units.h"

#define TRIES  3
#define ENOUGH 0.75

/* The share of the lines that were cached right after they were brought, at best. */
static double share_held(const struct held *h, const struct cpu_info *cpu)
{
	uint32_t now[TRIES][PROBE_LINES], cached[PROBE_LINES], evicted[PROBE_LINES];
	struct probe_scale best = { .limit = NAN }, scale;
	double share = NAN;

	for (unsigned i = 0; i < TRIES; i++) {
		h->bring(h->state);
		probe_read(&h->lines, now[i]);
		probe_evict(&h->lines, cpu);
		probe_read(&h->lines, evicted);
		probe_load(&h->lines);
		probe_read(&h->lines, cached);
		scale = probe_scale(cached, evicted, h->lines.n);
		if (isnan(best.limit) || scale.limit < best.limit)
			best = scale;
	}
	/* fmax() leaves out a NAN. */
	for (unsigned i = 0; i < TRIES; i++)
		share = fmax(share, 1 - probe_gone(&best, now[i], h->lines.n));
	return share;
}

double held_check(struct bench_ctx *ctx, int arm, const struct held *h)
{
	char detail[192], held[32], asked[32];
	double share;

	/* An emulator has no cache, and bringing lines takes it long. */
	if (!h->lines.n || lane_clock(ctx->machine->lane) != CLOCK_UNIT_NS)
		return NAN;
	share = share_held(h, &ctx->machine->cpu);
	if (isnan(share) || share >= ENOUGH)
		return share;
	size_format((uint64_t)(share * (double)h->bytes) >> 12 << 12, held, sizeof(held));
	size_format(h->bytes, asked, sizeof(asked));
	snprintf(detail, sizeof(detail),
		 "%s: %.0f %% of %s were still cached when a sample began, about %s; take less",
		 h->asked, 100 * share, asked, held);
	ctx->flag(ctx, FLAG_NOT_HELD, arm, detail);
	return share;
}
