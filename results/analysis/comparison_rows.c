// SPDX-License-Identifier: GPL-2.0-or-later
/* What a row is made of, and what is made of all of them: sides, effects, the adjusted verdict. */
#include "results/analysis/comparison_rows.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CONF REPORT_CONF
/* Beyond it the answer is "no number of rounds will do". */
#define MORE_MAX 100000

int comparison_values(const struct report *r, const struct report_cell *c,
		      struct comparison_values *out)
{
	long n = dataset_medians(r->ds, c->row->arm_group, c->row->arm, &out->v);

	out->n = n > 0 ? (size_t)n : 0;
	return n < 0 ? (int)n : 0;
}

/* Logarithms of all values, or NULL where one has none. */
static double *logs(const struct comparison_values *x)
{
	double *out = calloc(x->n ? x->n : 1, sizeof(*out));

	for (size_t i = 0; out && i < x->n; i++) {
		if (!(x->v[i] > 0)) {
			free(out);
			return NULL;
		}
		out[i] = log(x->v[i]);
	}
	return out;
}

static void welch(const double *a, size_t na, const double *b, size_t nb, struct effect *e)
{
	double ma = 0, mb = 0;

	if (na >= 2 && nb >= 2 && !stat_welch_effect(a, na, b, nb, CONF, e))
		return;
	for (size_t i = 0; i < na; i++)
		ma += a[i] / (double)na;
	for (size_t i = 0; i < nb; i++)
		mb += b[i] / (double)nb;
	ma = mb - ma;
	effect_of_processes(&ma, 1, CONF, e);
	e->n = na < nb ? na : nb;
}

void comparison_fill_side(struct comparison_side *s, const struct report *r,
			  const struct report_cell *c, const struct comparison_values *x)
{
	*s = (struct comparison_side){ .report = r,
				       .cell = c,
				       .n = x->n,
				       .level = stat_median(x->v, x->n),
				       .load = load_share(r, c),
				       .interval = { NAN, NAN, CONF } };
	if (x->n >= 2)
		stat_median_interval(x->v, x->n, CONF, &s->interval);
}

#define POWER 0.8 /* of the advice on a new run */

size_t effect_new_run(const struct effect *share, double sesoi, size_t min_n)
{
	double v = fabs(share->value), power = 2 * POWER - 1, half = v, need;

	if (!(share->n >= 2 && share->sd > 0))
		return share->n < min_n ? min_n : 0;
	/* Equivalence has two sides to miss: each may be missed in half of what the power leaves. */
	if (v < sesoi / 2) {
		half = sesoi - v;
		power = POWER;
	}
	if (!(half > 0) || !isfinite(share->sd))
		return 0;
	need = (stat_t_quantile(share->level, share->df) + stat_t_quantile(power, share->df)) *
	       share->sd / half;
	need = ceil(need * need);
	if (need < (double)min_n)
		need = (double)min_n;
	return need > MORE_MAX ? MORE_MAX : (size_t)need;
}

bool comparison_by_difference(const struct comparison_row *row)
{
	return effect_is_difference(row->form) || !row->ratio_valid;
}

/* The effect that decides, as a share of A's level or a log ratio, with an interval at @level. */
static struct effect deciding(const struct comparison_row *row, double level)
{
	struct effect e = comparison_by_difference(row) ? row->share : row->ratio;

	if (row->n_effects)
		effect_of_processes(row->effects, row->n_effects, level, &e);
	else
		stat_effect_relevel(&e, level);
	return e;
}

static int compare_p(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/*
 * S9: how many effects the procedure of Benjamini & Hochberg (1995) selects at 1 - CONF; every
 * interval is then made at the level that Benjamini & Yekutieli (2005) give to that many, also
 * those of the cells that were not selected, so that "equivalent" is a claim of the same strength.
 * Only rows that get a verdict count, and what an arm saves that does nothing is no discovery: with
 * such rows among them the level of all others would be laxer.
 */
static struct comparison_family adjust(const struct comparison *c, bool trivial)
{
	struct comparison_family out = { .level = CONF };
	double *p = calloc(c->n_rows ? c->n_rows : 1, sizeof(*p));
	size_t m = 0, selected = 0;

	for (size_t i = 0; p && i < c->n_rows; i++) {
		const struct comparison_row *row = &c->rows[i];
		struct effect e = deciding(row, CONF);

		if (row->trivial == trivial && !row->fatal && e.n >= c->min_n && isfinite(e.p))
			p[m++] = e.p;
	}
	if (p && m >= 2) {
		qsort(p, m, sizeof(*p), compare_p);
		for (size_t i = 0; i < m; i++)
			if (p[i] <= (1 - CONF) * (double)(i + 1) / (double)m)
				selected = i + 1;
		out.adjusted = m;
		out.level = stat_fcr_level(CONF, selected ? selected : 1, m);
	}
	free(p);
	return out;
}

/* Tukey's outer fences, as for samples; effects have both signs, so not on logs. */
static void find_outliers(struct comparison_row *row)
{
	static const double at[3] = { 0.25, 0.5, 0.75 };
	double *sorted, q[3], farthest = 0;

	if (row->n_effects < STAT_MIN_INVOCATIONS)
		return;
	sorted = malloc(row->n_effects * sizeof(*sorted));
	if (!sorted)
		return;
	memcpy(sorted, row->effects, row->n_effects * sizeof(*sorted));
	stat_quantiles_inplace(sorted, row->n_effects, at, 3, q);
	free(sorted);
	for (size_t i = 0; i < row->n_effects; i++) {
		double v = row->effects[i], off = fabs(v - q[1]);

		if (v >= q[0] - 3 * (q[2] - q[0]) && v <= q[2] + 3 * (q[2] - q[0]))
			continue;
		row->outliers.n++;
		if (off <= farthest)
			continue;
		farthest = off;
		row->outliers.value = v;
		row->outliers.round = row->rounds[i];
	}
}

static void judge(struct comparison *c, struct comparison_row *row)
{
	struct effect e = deciding(row, row->trivial ? c->trivial.level : c->family.level);
	double sesoi = log1p(c->sesoi);

	/* Rows of several comparisons are judged again, together. */
	row->withheld = WITHHELD_NOT;
	row->new_run = 0;
	row->judged = (struct interval){ e.lo, e.hi, e.level };
	row->verdict = stat_verdict(&e, sesoi, c->min_n, row->fatal);
	if (row->lone_boots && row->verdict.verdict != VERDICT_UNTRUSTWORTHY) {
		row->verdict.verdict = VERDICT_INCONCLUSIVE;
		row->verdict.needed = STAT_MIN_BOOTS - 1;
	}
	if (row->verdict.verdict == VERDICT_INCONCLUSIVE && !row->lone_boots)
		row->new_run = effect_new_run(&e, sesoi, c->min_n);
	row->outliers = (struct comparison_outliers){ 0 };
	find_outliers(row);
	if (row->n_effects)
		stat_series(row->effects, row->n_effects, &row->series);
}

void comparison_judge(struct comparison *c)
{
	c->family = adjust(c, false);
	c->trivial = adjust(c, true);
	for (size_t i = 0; i < c->n_rows; i++)
		judge(c, &c->rows[i]);
}

void comparison_free_row(struct comparison_row *row)
{
	free(row->effects);
	free(row->rounds);
}

struct comparison_row *comparison_new_row(struct comparison *c)
{
	struct comparison_row *rows = realloc(c->rows, (c->n_rows + 1) * sizeof(*rows));

	if (!rows)
		return NULL;
	c->rows = rows;
	rows += c->n_rows++;
	*rows = (struct comparison_row){ .floor = NAN };
	return rows;
}

struct effect effect_scaled(const struct effect *e, double by)
{
	struct effect out = *e;

	out.value *= by;
	out.lo *= by;
	out.hi *= by;
	out.sd *= by;
	return out;
}

int comparison_fill_paired(struct comparison_row *row, struct pair_effects *e, double units)
{
	double **deciding;
	int ret;

	row->ratio_valid = e->ratio_valid;
	ret = effect_of_processes(e->diff, e->n, CONF, &row->diff);
	if (!ret)
		ret = effect_of_processes(e->share, e->n, CONF, &row->share);
	if (!ret)
		ret = effect_of_processes(e->ratio, e->n, CONF, &row->ratio);
	row->diff = effect_scaled(&row->diff, units);
	deciding = comparison_by_difference(row) ? &e->share : &e->ratio;
	row->effects = *deciding;
	row->rounds = e->round;
	row->n_effects = e->n;
	*deciding = NULL;
	e->round = NULL;
	pair_effects_free(e);
	return ret;
}

void comparison_fill_apart(struct comparison_row *row, const struct comparison_values *a,
			   const struct comparison_values *b)
{
	double *la = logs(a), *lb = logs(b), mean = 0;

	for (size_t i = 0; i < a->n; i++)
		mean += a->v[i] / (double)a->n;
	welch(a->v, a->n, b->v, b->n, &row->diff);
	/* A difference of means, so a share of the mean. */
	row->share = effect_scaled(&row->diff, 1 / fabs(mean));
	row->ratio_valid = la && lb;
	if (row->ratio_valid)
		welch(la, a->n, lb, b->n, &row->ratio);
	free(la);
	free(lb);
}
