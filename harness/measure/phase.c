// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/measure/phase.h"

#include <errno.h>
#include <string.h>

int phases_open(struct phases *p, struct bench_ctx *ctx, unsigned metric, const char *const *names,
		unsigned n)
{
	memset(p, 0, sizeof(*p));
	if (n > PHASES_MAX)
		return -EINVAL;
	for (; p->n <= n; p->n++) {
		const char *name = p->n < n ? names[p->n] : PHASE_UNEXPLAINED;

		p->series[p->n] = name ? ctx->series(ctx, metric, name) : -1;
		if (name && p->series[p->n] < 0)
			return p->series[p->n];
	}
	p->n = n;
	return 0;
}

void phases_clear(struct phases *p)
{
	memset(p->ticks, 0, sizeof(p->ticks));
}

void phases_values(const struct phases *p, struct bench_values *out)
{
	double left = bench_sample_ticks(out);

	for (unsigned i = 0; i < p->n; i++) {
		if (p->series[i] >= 0)
			bench_value(out, p->series[i], p->ticks[i]);
		left -= p->ticks[i];
	}
	bench_value(out, p->series[p->n], left);
}
