/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake.h: what every made-up benchmark of these tests has in common. */
#ifndef TDC_TESTS_RUN_FAKE_H
#define TDC_TESTS_RUN_FAKE_H

#include "harness/measure/bench.h"

static inline int fake_supported(const struct machine *m, const struct cell *cell,
				 struct reason *why)
{
	(void)m;
	(void)cell;
	(void)why;
	return 0;
}

static inline enum kind fake_kind(const struct machine *m, const struct cell *cell,
				  struct reason *why)
{
	(void)m;
	(void)cell;
	(void)why;
	return KIND_MEASURED;
}

static inline int fake_setup(struct bench_ctx *ctx, void **state, struct reason *why)
{
	(void)why;
	json_object_set_new(ctx->facts, "seed", json_integer((json_int_t)ctx->seed));
	*state = NULL;
	return 0;
}

static inline void fake_prepare(void *state, unsigned arm)
{
	(void)state;
	(void)arm;
}

static inline uint64_t fake_sample(void *state, unsigned arm, unsigned reps)
{
	(void)state;
	return (arm + 1ull) * reps;
}

static inline void fake_teardown(void *state)
{
	(void)state;
}

#define FAKE(called)                                                                   \
	.name = (called), .summary = "made up", .version = 1, .factors = fake_factors, \
	.metrics = fake_metrics, .short_samples = true, .supported = fake_supported,   \
	.kind = fake_kind, .prepare = fake_prepare, .teardown = fake_teardown

static const struct level_info fake_levels[] = {
	{ "x", "x", false },
	{ "y", "y", false },
	{ NULL, NULL, false },
};

/* By name, so that a field more in bench.h changes nothing here. */
#define FACTOR(called, of_type, of_levels, usually, is_paired)                                    \
	{                                                                                         \
		.name = (called), .summary = "made up", .type = (of_type), .levels = (of_levels), \
		.usual = (usually), .paired = (is_paired),                                        \
	}

static const struct factor_info fake_factors[] = {
	FACTOR("n", FACTOR_COUNT, NULL, "1", false),
	FACTOR("arm", FACTOR_WORD, fake_levels, "x,y", true),
	{ .name = NULL },
};

static const struct metric_info fake_metrics[] = {
	{ "time", "duration", "thing", 0 },
	{ NULL, NULL, NULL, 0 },
};

#endif
