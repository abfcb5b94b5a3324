// SPDX-License-Identifier: GPL-2.0-or-later
/* summary.c: S5, S6 and S12: what a dataset says of one arm and of a pair. */
#include "results/analysis/dataset_rows.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Room that summarising an arm needs, in one piece that begins at @values. */
struct workspace {
	double *values;	 /* of all invocations */
	double *scratch; /* of one invocation */
	double *medians, *spreads;
};

static int workspace_alloc(struct workspace *w, const struct extent *e)
{
	size_t doubles = e->samples + e->longest + 2 * e->invocations;

	w->values = malloc(doubles * sizeof(double));
	if (!w->values)
		return -ENOMEM;
	w->scratch = w->values + e->samples;
	w->medians = w->scratch + e->longest;
	w->spreads = w->medians + e->invocations;
	return 0;
}

static const double quartiles[3] = { 0.25, 0.5, 0.75 };

/* Uniform in [-1/2, 1/2), the same in every run: Steele, Lea & Flood (2014), splitmix64. */
static double dither(uint64_t i)
{
	uint64_t z = (i + 1) * 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53 - 0.5;
}

/*
 * The values of @v relative to their median, to @out. A value means anything within a step of the
 * clock; left on its raster, values from several invocations divided by their own medians make
 * combs that look like modes and steps that look like autocorrelation. A median that is not
 * positive has no relative values. Return: how many there are.
 */
static size_t relative_values(const struct view *v, double step, uint64_t seed, double *scratch,
			      double *out)
{
	double median;

	for (size_t i = 0; i < v->n; i++)
		out[i] = v->value[i] + step * dither(seed + i);
	memcpy(scratch, out, v->n * sizeof(*scratch));
	median = stat_median_inplace(scratch, v->n);
	if (median <= 0.0)
		return 0;
	for (size_t i = 0; i < v->n; i++)
		out[i] /= median;
	return v->n;
}

/*
 * Fill the workspace from all invocations, one after the other. Return: how many values, relative
 * to their medians, are in w->values.
 */
static size_t walk_invocations(const struct dataset *ds, unsigned group, unsigned arm,
			       struct workspace *w, struct arm_summary *out)
{
	const struct group *g = &ds->group[group];
	size_t n = 0, relative = 0, spreads = 0;

	for (size_t i = 0; i < g->n; i++) {
		struct view v = dataset_view(&g->inv[i], arm);
		double q[3];

		if (!v.n)
			continue;
		memcpy(w->scratch, v.value, v.n * sizeof(*w->scratch));
		stat_quantiles_inplace(w->scratch, v.n, quartiles, 3, q);
		w->medians[n++] = q[1];
		if (q[1] > 0.0)
			w->spreads[spreads++] = (q[2] - q[0]) / q[1];
		out->outliers += stat_outliers(v.value, v.n, NULL);
		relative += relative_values(&v, (double)ds->step * g->inv[i].tick[arm], relative,
					    w->scratch, w->values + relative);
	}
	out->within = stat_median_inplace(w->spreads, spreads);
	return relative;
}

/* S12. Reorders @x. */
static void tails(double *x, size_t n, struct arm_summary *out)
{
	static const double at[6] = { 0.0, 0.5, 0.9, 0.99, 0.999, 1.0 };
	double q[6];

	stat_quantiles_inplace(x, n, at, 6, q);
	out->min = q[0];
	out->p50 = q[1];
	out->p90 = q[2];
	out->p99 = q[3];
	out->p999 = q[4];
	out->max = q[5];
}

/* S5: the level of a cell, from its invocations' medians in order. Reorders @medians. */
static int level_of(double *medians, size_t n, double conf, struct arm_summary *out)
{
	double q[3];
	int ret;

	ret = stat_series(medians, n, &out->rounds);
	if (ret)
		return ret;
	out->interval = (struct interval){ NAN, NAN, conf };
	if (n > 1)
		ret = stat_median_interval(medians, n, conf, &out->interval);
	stat_quantiles_inplace(medians, n, quartiles, 3, q);
	out->level = q[1];
	out->between = q[1] > 0.0 ? (q[2] - q[0]) / q[1] : NAN;
	return ret;
}

int dataset_arm(const struct dataset *ds, unsigned group, unsigned arm, double conf,
		struct arm_summary *out)
{
	struct extent e = dataset_extent(ds, group, arm);
	struct workspace w;
	size_t relative;
	double *all = NULL;
	int ret;

	*out = (struct arm_summary){ .invocations = e.invocations, .samples = e.samples };
	if (!e.samples)
		return -ENOENT;
	ret = workspace_alloc(&w, &e);
	if (ret)
		return ret;

	relative = walk_invocations(ds, group, arm, &w, out);
	out->blocks.drift_p = 1.0;
	if (relative)
		ret = stat_series(w.values, relative, &out->blocks);
	if (!ret)
		ret = level_of(w.medians, e.invocations, conf, out);
	if (!ret && dataset_values(ds, group, arm, &all) < 0)
		ret = -ENOMEM;
	if (!ret)
		tails(all, e.samples, out);
	free(all);
	free(w.values);
	return ret;
}

/* The next block of a view from @at on: its end, and the median of its samples (usually one). */
static size_t next_block(const struct view *v, size_t at, double *value)
{
	size_t end = at + 1;

	while (end < v->n && v->block[end] == v->block[at])
		end++;
	*value = end - at == 1 ? v->value[at] : stat_median(v->value + at, end - at);
	return end;
}

/*
 * One invocation's pairs: differences, and log ratios as long as all values are positive. Only
 * blocks that hold both arms count: an interrupted block would pair different moments.
 */
static size_t pair_blocks(const struct view *a, const struct view *b, double *diff, double *ratio,
			  bool *positive)
{
	size_t i = 0, j = 0, n = 0;

	while (i < a->n && j < b->n) {
		double va, vb;

		if (a->block[i] < b->block[j]) {
			i++;
			continue;
		}
		if (a->block[i] > b->block[j]) {
			j++;
			continue;
		}
		i = next_block(a, i, &va);
		j = next_block(b, j, &vb);
		*positive = *positive && va > 0.0 && vb > 0.0;
		ratio[n] = *positive ? log(vb / va) : NAN;
		diff[n++] = vb - va;
	}
	return n;
}

static int effect_of(const double *x, size_t n, double conf, struct effect *out)
{
	if (n > 1)
		return stat_t_effect(x, n, conf, out);
	*out = (struct effect){
		.value = x[0], .lo = NAN, .hi = NAN, .level = conf, .sd = NAN, .p = NAN, .n = n
	};
	return 0;
}

int dataset_pair(const struct dataset *ds, unsigned group, unsigned a, unsigned b, double conf,
		 struct pair_summary *out)
{
	struct extent ea = dataset_extent(ds, group, a);
	double *diffs, *ratios, *diff, *ratio, *room;
	size_t n = 0;
	int ret;

	*out = (struct pair_summary){ .ratio_valid = true };
	if (!ea.samples)
		return -ENOENT;
	room = malloc(2 * (ea.invocations + ea.longest) * sizeof(*room));
	if (!room)
		return -ENOMEM;
	diffs = room;
	ratios = diffs + ea.invocations;
	diff = ratios + ea.invocations;
	ratio = diff + ea.longest;

	for (size_t i = 0; i < ds->group[group].n; i++) {
		struct view va = dataset_view(&ds->group[group].inv[i], a);
		struct view vb = dataset_view(&ds->group[group].inv[i], b);
		size_t blocks = pair_blocks(&va, &vb, diff, ratio, &out->ratio_valid);

		if (!blocks)
			continue;
		out->blocks += blocks;
		diffs[n] = stat_median_inplace(diff, blocks);
		ratios[n++] = out->ratio_valid ? stat_median_inplace(ratio, blocks) : NAN;
	}
	ret = n ? effect_of(diffs, n, conf, &out->diff) : -ENOENT;
	if (!ret)
		ret = effect_of(ratios, n, conf, &out->ratio);
	free(room);
	return ret;
}
