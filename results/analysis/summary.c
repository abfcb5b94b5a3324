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

/* Reorders @x. Other quantiles have intervals: see tails.h. */
static void extremes(double *x, size_t n, struct arm_summary *out)
{
	static const double at[3] = { 0.0, 0.5, 1.0 };
	double q[3];

	stat_quantiles_inplace(x, n, at, 3, q);
	out->min = q[0];
	out->p50 = q[1];
	out->max = q[2];
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
		extremes(all, e.samples, out);
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

/* The pairs of one invocation. */
struct pairs {
	double *diff, *ratio, *base; /* b - a, log(b / a), a */
	size_t n;
	bool positive; /* so far: a logarithm of all of them exists */
};

/* Only blocks that hold both arms count: an interrupted block would pair different moments. */
static void pair_blocks(const struct view *a, const struct view *b, struct pairs *p)
{
	size_t i = 0, j = 0;

	p->n = 0;
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
		p->positive = p->positive && va > 0.0 && vb > 0.0;
		p->base[p->n] = va;
		p->ratio[p->n] = p->positive ? log(vb / va) : NAN;
		p->diff[p->n++] = vb - va;
	}
}

static int effects_alloc(struct pair_effects *e, size_t n)
{
	*e = (struct pair_effects){ .ratio_valid = true };
	e->diff = calloc(n, sizeof(*e->diff));
	e->share = calloc(n, sizeof(*e->share));
	e->ratio = calloc(n, sizeof(*e->ratio));
	e->round = calloc(n, sizeof(*e->round));
	if (e->diff && e->share && e->ratio && e->round)
		return 0;
	pair_effects_free(e);
	return -ENOMEM;
}

void pair_effects_free(struct pair_effects *e)
{
	free(e->diff);
	free(e->share);
	free(e->ratio);
	free(e->round);
	*e = (struct pair_effects){ 0 };
}

int dataset_pair_effects(const struct dataset *ds, unsigned group, unsigned a, unsigned b,
			 struct pair_effects *out)
{
	struct extent ea = dataset_extent(ds, group, a);
	struct pairs p = { .positive = true };

	*out = (struct pair_effects){ 0 };
	if (!ea.samples)
		return -ENOENT;
	p.diff = malloc(3 * ea.longest * sizeof(*p.diff));
	if (!p.diff || effects_alloc(out, ea.invocations)) {
		free(p.diff);
		return -ENOMEM;
	}
	p.ratio = p.diff + ea.longest;
	p.base = p.ratio + ea.longest;
	for (size_t i = 0; i < ds->group[group].n; i++) {
		const struct invocation *inv = &ds->group[group].inv[i];
		struct view va = dataset_view(inv, a), vb = dataset_view(inv, b);

		pair_blocks(&va, &vb, &p);
		if (!p.n)
			continue;
		out->blocks += p.n;
		out->round[out->n] = inv->round;
		out->diff[out->n] = stat_median_inplace(p.diff, p.n);
		out->share[out->n] = out->diff[out->n] / fabs(stat_median_inplace(p.base, p.n));
		out->ratio[out->n++] = p.positive ? stat_median_inplace(p.ratio, p.n) : NAN;
	}
	out->ratio_valid = p.positive;
	free(p.diff);
	if (out->n)
		return 0;
	pair_effects_free(out);
	return -ENOENT;
}

/* The median of @arm's processes in the round of process @at; moves @at past it. */
static int round_value(const struct group *g, const struct dataset_side *arm, size_t *at,
		       double *value)
{
	unsigned round = g->inv[*at].round;
	double *medians = calloc(g->n, sizeof(*medians));
	size_t n = 0;

	if (!medians)
		return -ENOMEM;
	for (; *at < g->n && g->inv[*at].round == round; ++*at) {
		struct view v = dataset_view(&g->inv[*at], arm->arm);

		if (v.n)
			medians[n++] = stat_median(v.value, v.n);
	}
	*value = arm->units * stat_median(medians, n);
	free(medians);
	return 0;
}

static void add_round(struct pair_effects *e, unsigned round, double a, double b)
{
	if (isnan(a) || isnan(b))
		return;
	e->ratio_valid = e->ratio_valid && a > 0.0 && b > 0.0;
	e->round[e->n] = round;
	e->diff[e->n] = b - a;
	e->share[e->n] = (b - a) / fabs(a);
	e->ratio[e->n++] = e->ratio_valid ? log(b / a) : NAN;
	e->blocks++;
}

int dataset_round_effects(const struct dataset *ds, const struct dataset_side *a,
			  const struct dataset_side *b, struct pair_effects *out)
{
	const struct group *ga, *gb;
	size_t i = 0, k = 0;
	int ret;

	*out = (struct pair_effects){ 0 };
	if (!dataset_extent(ds, a->group, a->arm).samples ||
	    !dataset_extent(ds, b->group, b->arm).samples)
		return -ENOENT;
	ga = &ds->group[a->group];
	gb = &ds->group[b->group];
	ret = effects_alloc(out, ga->n);
	while (!ret && i < ga->n && k < gb->n) {
		unsigned round = ga->inv[i].round, other = gb->inv[k].round;
		double va = NAN, vb = NAN;

		if (round <= other)
			ret = round_value(ga, a, &i, &va);
		if (!ret && other <= round)
			ret = round_value(gb, b, &k, &vb);
		if (!ret)
			add_round(out, round, va, vb);
	}
	if (!ret && !out->n)
		ret = -ENOENT;
	if (ret)
		pair_effects_free(out);
	return ret;
}

int effect_of_processes(const double *x, size_t n, double conf, struct effect *out)
{
	if (n > 1)
		return stat_median_effect(x, n, conf, out);
	*out = (struct effect){ .value = n ? x[0] : NAN,
				.lo = NAN,
				.hi = NAN,
				.level = conf,
				.sd = NAN,
				.df = NAN,
				.p = NAN,
				.n = n };
	return 0;
}

int dataset_pair(const struct dataset *ds, unsigned group, unsigned a, unsigned b, double conf,
		 struct pair_summary *out)
{
	struct pair_effects e;
	int ret = dataset_pair_effects(ds, group, a, b, &e);

	*out = (struct pair_summary){ 0 };
	if (ret)
		return ret;
	out->blocks = e.blocks;
	out->ratio_valid = e.ratio_valid;
	ret = effect_of_processes(e.diff, e.n, conf, &out->diff);
	if (!ret)
		ret = effect_of_processes(e.share, e.n, conf, &out->share);
	if (!ret)
		ret = effect_of_processes(e.ratio, e.n, conf, &out->ratio);
	pair_effects_free(&e);
	return ret;
}
