// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/held.h"

#include <math.h>
#include <stdio.h>

#include "harness/core/units.h"

#define TRIES  3
#define ENOUGH 0.75

double held_check(struct bench_ctx *ctx, int arm, const struct held *h)
{
	char detail[192], held[32], asked[32];
	double share = NAN;

	/* An emulator has no cache, and bringing lines takes it long. */
	if (!h->lines.n || lane_clock(ctx->machine->lane) != CLOCK_UNIT_NS)
		return NAN;
	/* fmax() leaves out a NAN. */
	for (unsigned i = 0; i < TRIES && !(share >= ENOUGH); i++) {
		h->bring(h->state);
		share = fmax(share, probe_held(&h->lines, &ctx->machine->cpu));
	}
	if (isnan(share) || share >= ENOUGH)
		return share;
	size_format((uint64_t)(share * (double)h->bytes) >> 20 << 20, held, sizeof(held));
	size_format(h->bytes, asked, sizeof(asked));
	snprintf(detail, sizeof(detail),
		 "%s: %.0f %% of %s were still cached when a sample began; about %s are held here, "
		 "so take less",
		 h->asked, 100 * share, asked, held);
	ctx->flag(ctx, FLAG_NOT_HELD, arm, detail);
	return share;
}
