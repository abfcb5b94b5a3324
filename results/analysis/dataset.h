/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dataset.h: the samples of one run in memory, in their nesting (sample in block in invocation),
 * and what S5 and S6 make of them. No I/O: samples come in through dataset_add().
 */
#ifndef TDC_ANALYSIS_DATASET_H
#define TDC_ANALYSIS_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/core/sample.h"
#include "results/analysis/stats.h"

/* More of either is a damaged input, refused before anything is sized by it. */
#define DATASET_MAX_GROUPS 65536
#define DATASET_MAX_ARMS   4096

struct dataset;

struct dataset *dataset_new(void); /* NULL when out of memory; free with dataset_free() */
void dataset_free(struct dataset *ds);

/**
 * dataset_add() - one invocation
 * @group, @round: its arm group and round
 * @samples: @n of them in seq order; warm-up samples (block < 0) are left out
 * @overhead: ticks to subtract from each sample
 * @unit_per_tick: ns (or instructions) per tick
 *
 * Each becomes the value (ticks - overhead) * unit_per_tick / work, in units per unit of work.
 * Nothing of @samples is kept. Return: 0, -ENOMEM, -EINVAL for work 0, for blocks of an arm that
 * run backwards, and for a group or arm above the limits.
 */
int dataset_add(struct dataset *ds, unsigned group, unsigned round, const struct sample *samples,
		size_t n, double overhead, double unit_per_tick);

unsigned dataset_groups(const struct dataset *ds);		 /* highest group + 1 */
unsigned dataset_arms(const struct dataset *ds, unsigned group); /* highest arm + 1 */

/* S5, S12, S16: one cell. */
struct arm_summary {
	size_t invocations; /* that hold at least one sample of this arm */
	size_t samples;
	double level;		  /* median over invocations of the invocation's median */
	struct interval interval; /* of @level, over invocations */
	/* Spread inside a process: median over invocations of (IQR / median); NaN if none is > 0. */
	double within;
	/* Spread between processes: IQR of the invocations' medians / @level; NaN if that is <= 0. */
	double between;
	double min, p50, p90, p99, p999, max; /* over all samples: the tails, not the level */
	size_t outliers; /* samples beyond Tukey's outer fences of their invocation */
	/* over all samples in order, each relative to its invocation's median where that is positive */
	struct series blocks;
	struct series rounds; /* over the invocations' medians in order of their rounds */
};

/**
 * dataset_arm() - summarise one arm
 *
 * Return: 0; -ENOENT when it has no sample. With one invocation the interval is NaN to NaN.
 */
int dataset_arm(const struct dataset *ds, unsigned group, unsigned arm, double conf,
		struct arm_summary *out);

/* S6, paired: arm @b against arm @a in the same blocks of the same processes. */
struct pair_summary {
	struct effect diff;  /* b - a, units per unit of work */
	struct effect ratio; /* log(b / a) */
	bool ratio_valid;    /* false where a value was not positive: a ratio means nothing */
	size_t blocks;	     /* pairs over all invocations */
};

/**
 * dataset_pair() - the paired effect of arm @b against arm @a
 *
 * Only blocks that hold both arms count; of several samples of an arm in one block the median is
 * taken; every invocation counts the same, however many blocks it holds. Where !ratio_valid all
 * of @out->ratio is NaN. Return: 0; -ENOENT when they share no block; -ENOMEM; with one invocation
 * n is 1 and intervals are NaN.
 */
int dataset_pair(const struct dataset *ds, unsigned group, unsigned a, unsigned b, double conf,
		 struct pair_summary *out);

/**
 * dataset_values() - all values of an arm, in order, for distributions
 * @out: a new array that the caller frees; NULL where there are none
 *
 * Return: how many, or -ENOMEM.
 */
long dataset_values(const struct dataset *ds, unsigned group, unsigned arm, double **out);

/* The invocations' medians of an arm in order of their rounds; as dataset_values(). */
long dataset_medians(const struct dataset *ds, unsigned group, unsigned arm, double **out);

#endif
