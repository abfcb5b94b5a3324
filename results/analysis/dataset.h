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

/* A value that is ready: no overhead in it, in units per unit of work. */
struct dataset_value {
	uint32_t arm;
	int32_t block; /* >= 0 */
	double value;
	double tick; /* what one tick of the clock is worth in it; 0: it does not come from one */
};

/**
 * dataset_add_values() - one invocation, of values that are not a sample's ticks
 * @values: @n of them in the order of their samples; several of one arm and block are fine
 *
 * Return: as dataset_add().
 */
int dataset_add_values(struct dataset *ds, unsigned group, unsigned round,
		       const struct dataset_value *values, size_t n);

/* Give each of @a and @b what the other has of @group. Return: 0, -EINVAL, -ENOMEM. */
int dataset_exchange(struct dataset *a, struct dataset *b, unsigned group);

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
	double min, p50, max; /* over all samples: not the level; other quantiles are in tails.h */
	size_t outliers;      /* samples beyond Tukey's outer fences of their invocation */
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

/*
 * S6, paired: arm @b against arm @a in the same blocks of the same processes, one value per process,
 * in order of the rounds: the median over its blocks.
 */
struct pair_effects {
	double *diff;	  /* b - a, units per unit of work */
	double *share;	  /* diff as a share of what a took in the same process */
	double *ratio;	  /* log(b / a); NaN unless ratio_valid */
	unsigned *round;  /* of each process */
	size_t n, blocks; /* processes, and pairs in all of them */
	bool ratio_valid; /* false where a value was not positive: a ratio means nothing */
};

/**
 * dataset_pair_effects() - what each process says of arm @b against arm @a
 *
 * Only blocks that hold both arms count; of several samples of an arm in one block the median is
 * taken. Free with pair_effects_free(), after a success only. Return: 0; -ENOENT when they share no
 * block; -ENOMEM.
 */
int dataset_pair_effects(const struct dataset *ds, unsigned group, unsigned a, unsigned b,
			 struct pair_effects *out);
void pair_effects_free(struct pair_effects *e);

/* An arm, and by what to multiply its values. */
struct dataset_side {
	unsigned group, arm;
	double units;
};

/**
 * dataset_round_effects() - the same of two arms that share no process, by round
 *
 * Processes of one round ran within moments of each other. The value of a round is the median of its
 * processes' medians. Return: 0; -ENOENT when they share no round; -ENOMEM.
 */
int dataset_round_effects(const struct dataset *ds, const struct dataset_side *a,
			  const struct dataset_side *b, struct pair_effects *out);

/* stat_median_effect(); with one value or none, n, that value, and NaN for the rest. */
int effect_of_processes(const double *x, size_t n, double conf, struct effect *out);

/* The same over processes: each counts the same, however many blocks it holds. */
struct pair_summary {
	struct effect diff, share, ratio;
	bool ratio_valid;
	size_t blocks;
};

/**
 * dataset_pair() - the paired effect of arm @b against arm @a
 *
 * Return: 0; -ENOENT when they share no block; -ENOMEM; with one invocation n is 1 and intervals are
 * NaN. Where !ratio_valid all of @out->ratio is NaN.
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

/* How many blocks an invocation holds of an arm: the median over invocations; 0 for no sample. */
unsigned dataset_blocks(const struct dataset *ds, unsigned group, unsigned arm);

/* The invocations' medians of an arm in order of their rounds; as dataset_values(). */
long dataset_medians(const struct dataset *ds, unsigned group, unsigned arm, double **out);

#endif
