// SPDX-License-Identifier: GPL-2.0-or-later
/* What a row is made of, and what is made of all of them: sides, effects, the adjusted verdict. */
#include "results/analysis/comparison_rows.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

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

static void unknown_effect(struct effect *e, double value, size_t n)
{
	*e = (struct effect){ .value = value,
			      .lo = NAN,
			      .hi = NAN,
			      .level = CONF,
			      .sd = NAN,
			      .df = NAN,
			      .p = NAN,
			      .n = n };
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
	unknown_effect(e, mb - ma, na < nb ? na : nb);
}

void comparison_fill_side(struct comparison_side *s, const struct report *r,
			  const struct report_cell *c, const struct comparison_values *x)
{
	*s = (struct comparison_side){ .report = r,
				       .cell = c,
				       .n = x->n,
				       .level = stat_median(x->v, x->n),
				       .interval = { NAN, NAN, CONF } };
	if (x->n >= 2)
		stat_median_interval(x->v, x->n, CONF, &s->interval);
}

size_t effect_more(const struct effect *share, double sesoi, size_t min_n)
{
	double v = fabs(share->value), half, need;

	if (share->n < min_n && !(share->n >= 2 && share->sd > 0))
		return min_n - share->n;
	/* Decided when the interval leaves zero, or when it fits inside the smallest effect. */
	half = v > sesoi - v ? v : sesoi - v;
	if (!(half > 0) || !isfinite(share->sd))
		return 0;
	need = ceil(pow(stat_t_quantile(share->level, share->df) * share->sd / half, 2));
	if (need < (double)min_n)
		need = (double)min_n;
	if (need <= (double)share->n)
		return 1;
	return need - (double)share->n > MORE_MAX ? MORE_MAX : (size_t)need - share->n;
}

/* The effect that decides, as a share of A's level: a log ratio, or a difference over it. */
static struct effect deciding(const struct comparison_row *row)
{
	struct effect e = row->ratio;
	double level = fabs(row->a.level);

	if (!effect_is_difference(row->form) && row->ratio_valid)
		return e;
	e = row->diff;
	if (level > 0) {
		e.value /= level;
		e.lo /= level;
		e.hi /= level;
		e.sd /= level;
	}
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
 */
static double adjusted_level(struct comparison *c)
{
	double *p = calloc(c->n_rows ? c->n_rows : 1, sizeof(*p)), level;
	size_t m = 0, selected = 0;

	for (size_t i = 0; p && i < c->n_rows; i++) {
		struct effect e = deciding(&c->rows[i]);

		if (e.n >= c->min_n && isfinite(e.p))
			p[m++] = e.p;
	}
	if (!p || m < 2) {
		free(p);
		return CONF;
	}
	qsort(p, m, sizeof(*p), compare_p);
	for (size_t i = 0; i < m; i++)
		if (p[i] <= (1 - CONF) * (double)(i + 1) / (double)m)
			selected = i + 1;
	c->adjusted = m;
	level = stat_fcr_level(CONF, selected ? selected : 1, m);
	free(p);
	return level;
}

void comparison_judge(struct comparison *c)
{
	c->level = adjusted_level(c);
	for (size_t i = 0; i < c->n_rows; i++) {
		struct comparison_row *row = &c->rows[i];
		struct effect e = deciding(row);
		double sesoi = log1p(c->sesoi);

		stat_effect_relevel(&e, c->level);
		row->judged = (struct interval){ e.lo, e.hi, c->level };
		row->verdict = stat_verdict(&e, sesoi, c->min_n, row->fatal);
		if (row->verdict.verdict == VERDICT_INCONCLUSIVE)
			row->more = effect_more(&e, sesoi, c->min_n);
	}
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

void comparison_fill_apart(struct comparison_row *row, const struct comparison_values *a,
			   const struct comparison_values *b)
{
	double *la = logs(a), *lb = logs(b);

	welch(a->v, a->n, b->v, b->n, &row->diff);
	row->ratio_valid = la && lb;
	if (row->ratio_valid)
		welch(la, a->n, lb, b->n, &row->ratio);
	free(la);
	free(lb);
}
