/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * phase.h: a sample's time by phase. Marks follow each other: each gives the time since the mark
 * before it to one phase. What the sampler timed and no mark did is the phase `unexplained`, so
 * that all phases together are the sample's time.
 */
#ifndef TDC_MEASURE_PHASE_H
#define TDC_MEASURE_PHASE_H

#include "harness/measure/bench.h"
#include "harness/measure/clock.h"

#define PHASES_MAX	  16
#define PHASE_UNEXPLAINED "unexplained"

struct phases {
	unsigned n;
	int series[PHASES_MAX + 1]; /* the last is of what is unexplained */
	double ticks[PHASES_MAX];   /* of the sample so far */
	uint64_t last;
};

/**
 * phases_open() - make the series of @n phases, and of what they leave unexplained
 * @metric: of the benchmark: { "phase", "duration", "sample", 0 }
 * @names: one word each; they need not live on. NULL: a phase that this arm has not, for which
 *	no value is told
 *
 * For setup(). Return: 0, -ENOMEM; -EINVAL for more than PHASES_MAX.
 */
int phases_open(struct phases *p, struct bench_ctx *ctx, unsigned metric, const char *const *names,
		unsigned n);

/* The sample begins; and after a pause that is to remain unexplained. */
static inline void phases_begin(struct phases *p)
{
	p->last = tick_start();
}

/* What was done since the last mark was phase @phase's. */
static inline void phases_mark(struct phases *p, unsigned phase)
{
	uint32_t cpu;
	uint64_t now = tick_stop(&cpu);

	p->ticks[phase] += (double)(now - p->last);
	p->last = now;
}

/* Forget the sample before. For prepare(). */
void phases_clear(struct phases *p);

/* For values(): each phase, and what is left of the sample's own time. */
void phases_values(const struct phases *p, struct bench_values *out);

#endif
