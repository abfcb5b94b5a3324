// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * null: work of known size, to test the ruler with. A chain of dependent multiplications: each
 * waits for the one before, so that N of them take N times the latency and nothing overlaps.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "bench/list.h"

enum { F_OPS, F_EXTRA, F_MAX };

struct null_arm {
	uint64_t ops, extra;
};

struct null_state {
	uint64_t chain;
	struct null_arm arms[];
};

static const struct level_info extra_levels[] = {
	{ "none", "nothing more", false },
	{ NULL, NULL, false },
};

static const struct factor_info null_factors[] = {
	[F_OPS] = {
		.name = "ops",
		.summary = "dependent multiplications in a sample",
		.type = FACTOR_COUNT,
		.usual = "10000",
		.paired = true,
	},
	[F_EXTRA] = {
		.name = "extra",
		.summary = "multiplications done on top and not counted as work: an injected change",
		.type = FACTOR_COUNT,
		.levels = extra_levels,
		.usual = "none",
		.paired = true,
	},
	[F_MAX] = { .name = NULL },
};

static const struct metric_info null_metrics[] = {
	{ "time", "duration", "multiplication", 0 },
	{ NULL, NULL, NULL, 0 },
};

static int null_supported(const struct machine *m, const struct cell *cell, struct reason *why)
{
	const uint64_t most = 300000000;
	uint64_t ops = cell->levels[F_OPS].number, extra = cell->levels[F_EXTRA].number;

	(void)m;
	/* A second of work at 1 GHz; beyond it no clock is being tested any more. */
	if (ops > most || extra > most - ops)
		return reason_set(why, -ENOTSUP,
				  "more than %llu multiplications take over a second; take fewer",
				  (unsigned long long)most);
	return 0;
}

static enum kind null_kind(const struct machine *m, const struct cell *cell, struct reason *why)
{
	(void)m;
	(void)cell;
	(void)why;
	return KIND_MEASURED;
}

static int null_setup(struct bench_ctx *ctx, void **state, struct reason *why)
{
	struct null_state *s = calloc(1, sizeof(*s) + ctx->n_arms * sizeof(s->arms[0]));

	if (!s)
		return reason_set(why, -ENOMEM, "out of memory");
	s->chain = ctx->seed | 1;
	for (unsigned i = 0; i < ctx->n_arms; i++) {
		s->arms[i].ops = ctx->arms[i].levels[F_OPS].number;
		s->arms[i].extra = ctx->arms[i].levels[F_EXTRA].number;
	}
	*state = s;
	return 0;
}

static void null_prepare(void *state, unsigned arm)
{
	(void)state;
	(void)arm;
}

/* In asm, so that no compiler shortens the chain; eight at a time, so that the loop is not timed. */
static uint64_t chain(uint64_t x, uint64_t n)
{
	const uint64_t k = 6364136223846793005u;

	for (; n >= 8; n -= 8)
		__asm__ volatile("imul %1, %0\n\timul %1, %0\n\timul %1, %0\n\timul %1, %0\n\t"
				 "imul %1, %0\n\timul %1, %0\n\timul %1, %0\n\timul %1, %0"
				 : "+r"(x)
				 : "r"(k)
				 : "cc");
	for (; n; n--)
		__asm__ volatile("imul %1, %0" : "+r"(x) : "r"(k) : "cc");
	return x;
}

static uint64_t null_sample(void *state, unsigned arm, unsigned reps)
{
	struct null_state *s = state;
	const struct null_arm *a = &s->arms[arm];

	for (unsigned i = 0; i < reps; i++)
		s->chain = chain(s->chain, a->ops + a->extra);
	return a->ops * reps;
}

static int null_verify(void *state, unsigned arm, struct reason *why)
{
	struct null_state *s = state;
	uint64_t was = s->chain, expect = was, work, done;
	uint64_t n = s->arms[arm].ops + s->arms[arm].extra;

	work = null_sample(state, arm, 1);
	done = s->chain;
	for (uint64_t i = 0; i < n; i++)
		expect *= 6364136223846793005u;
	if (done != expect || work != s->arms[arm].ops)
		return reason_set(why, -EFAULT, "the chain of %llu multiplications has another end",
				  (unsigned long long)n);
	return 0;
}

const struct bench_info null_bench = {
	.name = "null",
	.summary = "work of known size, to test the ruler itself",
	.version = 1,
	.factors = null_factors,
	.metrics = null_metrics,
	.short_samples = true,
	.supported = null_supported,
	.kind = null_kind,
	.setup = null_setup,
	.prepare = null_prepare,
	.sample = null_sample,
	.verify = null_verify,
	.teardown = free,
};
