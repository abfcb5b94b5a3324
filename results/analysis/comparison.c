// SPDX-License-Identifier: GPL-2.0-or-later
#include "results/analysis/comparison.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONF REPORT_CONF
/* Beyond it the answer is "no number of rounds will do". */
#define MORE_MAX 100000

/* A cell's values at the level that varies: medians of its invocations, or of its runs. */
struct values {
	double *v;
	size_t n;
};

static size_t cell_count(const struct report *r)
{
	size_t n = 0;

	while (n < r->n_cells && r->cells[n].row->state == CELL_PLANNED)
		n++;
	return n;
}

static const struct report_cell *find_cell(const struct report *r, const char *hash)
{
	for (size_t i = 0; i < r->n_cells; i++)
		if (r->cells[i].row->state == CELL_PLANNED && r->cells[i].has_data &&
		    !strcmp(r->cells[i].row->hash, hash))
			return &r->cells[i];
	return NULL;
}

static int invocation_values(const struct report *r, const struct report_cell *c,
			     struct values *out)
{
	long n = dataset_medians(r->ds, c->row->arm_group, c->row->arm, &out->v);

	out->n = n > 0 ? (size_t)n : 0;
	return n < 0 ? (int)n : 0;
}

static int run_values(const struct report *const *runs, size_t n, const char *hash,
		      struct values *out)
{
	out->n = 0;
	out->v = calloc(n, sizeof(*out->v));
	if (!out->v)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct report_cell *c = find_cell(runs[i], hash);

		if (c)
			out->v[out->n++] = c->sum.level;
	}
	return 0;
}

/* Logarithms of all values, or NULL where one has none. */
static double *logs(const struct values *x)
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

static void fill_side(struct comparison_side *s, const struct report *r,
		      const struct report_cell *c, const struct values *x)
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

	if (row->form != EFFECT_DIFFERENCE && row->ratio_valid)
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

static void judge(struct comparison *c)
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

static struct comparison_row *new_row(struct comparison *c)
{
	struct comparison_row *rows = realloc(c->rows, (c->n_rows + 1) * sizeof(*rows));

	if (!rows)
		return NULL;
	c->rows = rows;
	rows += c->n_rows++;
	*rows = (struct comparison_row){ .floor = NAN };
	return rows;
}

static int add_pair(struct comparison *c, const struct report *r, const struct report_pair *p,
		    const struct report_pairing *pairing, enum effect_form form)
{
	struct comparison_row *row = new_row(c);
	struct values a = { 0 }, b = { 0 };
	int ret = row ? invocation_values(r, p->a, &a) : -ENOMEM;

	if (!ret)
		ret = invocation_values(r, p->b, &b);
	if (!ret) {
		fill_side(&row->a, r, p->a, &a);
		fill_side(&row->b, r, p->b, &b);
		row->a.samples = p->a->sum.samples;
		row->b.samples = p->b->sum.samples;
		row->form = form;
		row->paired = true;
		row->diff = p->sum.diff;
		row->ratio = p->sum.ratio;
		row->ratio_valid = p->sum.ratio_valid;
		row->kind = p->kind;
		row->fatal = p->fatal;
		row->level_a = pairing->a;
		row->level_b = pairing->b;
		snprintf(row->label, sizeof(row->label), "%s",
			 *p->label ? p->label : p->a->row->benchmark);
	}
	free(a.v);
	free(b.v);
	return ret;
}

int comparison_by(const struct report *r, const struct report_pairing *pairings, size_t n,
		  enum effect_form (*form)(const char *benchmark, const char *factor), double sesoi,
		  struct comparison *out, struct reason *why)
{
	int ret = 0;

	*out = (struct comparison){ .paired = true, .sesoi = sesoi, .min_n = STAT_MIN_INVOCATIONS };
	for (size_t k = 0; k < n && !ret; k++) {
		struct report_pair *pairs;
		long found =
			report_pairs(r, pairings[k].factor, pairings[k].a, pairings[k].b, &pairs);

		if (found < 0)
			ret = (int)found;
		for (long i = 0; i < found && !ret; i++)
			ret = add_pair(out, r, &pairs[i], &pairings[k],
				       form(pairs[i].a->row->benchmark, pairings[k].factor));
		free(pairs);
	}
	if (!ret && !out->n_rows)
		ret = reason_set(why, -ENOENT, "run %.8s holds no two arms that differ in %s alone",
				 r->data.run.uuid, n ? pairings[0].factor : "that factor");
	else if (ret)
		reason_set(why, ret, "out of memory");
	if (ret) {
		comparison_free(out);
		return ret;
	}
	judge(out);
	return 0;
}

static int side_values(const struct report *const *runs, size_t n, const struct report_cell *c,
		       bool boots, struct values *out)
{
	return boots ? run_values(runs, n, c->row->hash, out) : invocation_values(runs[0], c, out);
}

static size_t side_samples(const struct report *const *runs, size_t n, const char *hash,
			   bool *fatal)
{
	size_t samples = 0;

	for (size_t i = 0; i < n; i++) {
		const struct report_cell *c = find_cell(runs[i], hash);

		samples += c ? c->sum.samples : 0;
		*fatal |= c && c->fatal;
	}
	return samples;
}

static int fill_effects(struct comparison_row *row, const struct values *a, const struct values *b)
{
	double *la = logs(a), *lb = logs(b);

	welch(a->v, a->n, b->v, b->n, &row->diff);
	row->ratio_valid = la && lb;
	if (row->ratio_valid)
		welch(la, a->n, lb, b->n, &row->ratio);
	free(la);
	free(lb);
	return 0;
}

static int add_match(struct comparison *c, const struct report *const *a, size_t na,
		     const struct report *const *b, size_t nb, const struct report *ra,
		     const struct report_cell *ca, const struct report *rb,
		     const struct report_cell *cb)
{
	struct comparison_row *row = new_row(c);
	struct values x = { 0 }, y = { 0 };
	int ret = row ? side_values(a, na, ca, c->boots, &x) : -ENOMEM;

	if (!ret)
		ret = side_values(b, nb, cb, c->boots, &y);
	if (!ret) {
		fill_side(&row->a, ra, ca, &x);
		fill_side(&row->b, rb, cb, &y);
		row->a.samples = side_samples(a, na, ca->row->hash, &row->fatal);
		row->b.samples = side_samples(b, nb, cb->row->hash, &row->fatal);
		row->form = EFFECT_RATIO;
		row->kind = kind_weakest(ca->row->kind, cb->row->kind);
		snprintf(row->label, sizeof(row->label), "%s", ca->label);
		ret = fill_effects(row, &x, &y);
	}
	free(x.v);
	free(y.v);
	return ret;
}

/* The first of @runs that holds the cell, or NULL. */
static const struct report *holder(const struct report *const *runs, size_t n, const char *hash)
{
	for (size_t i = 0; i < n; i++)
		if (find_cell(runs[i], hash))
			return runs[i];
	return NULL;
}

static int add_only(const struct report_cell ***list, size_t *n, const struct report_cell *c)
{
	const struct report_cell **grown = realloc(*list, (*n + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	*list = grown;
	grown[(*n)++] = c;
	return 0;
}

/* Walk the cells of one side: rows where the other side has them too, else the list of those. */
static int walk(struct comparison *c, const struct report *const *a, size_t na,
		const struct report *const *b, size_t nb, bool match)
{
	for (size_t i = 0; i < na; i++) {
		for (size_t k = 0; k < cell_count(a[i]); k++) {
			const struct report_cell *cell = &a[i]->cells[k];
			const struct report *other = holder(b, nb, cell->row->hash);
			int ret = 0;

			/* Taken already, in an earlier run or as a twin of itself. */
			if (!cell->has_data || holder(a, i, cell->row->hash) ||
			    find_cell(a[i], cell->row->hash) != cell)
				continue;
			if (match && other)
				ret = add_match(c, a, na, b, nb, a[i], cell, other,
						find_cell(other, cell->row->hash));
			else if (match)
				ret = add_only(&c->only_a, &c->n_only_a, cell);
			else if (!other)
				ret = add_only(&c->only_b, &c->n_only_b, cell);
			if (ret)
				return ret;
		}
	}
	return 0;
}

/* Did all of one side end before any of the other began? */
static bool one_after_the_other(const struct report *const *a, size_t na,
				const struct report *const *b, size_t nb)
{
	int64_t first_a = INT64_MAX, last_a = 0, first_b = INT64_MAX, last_b = 0;

	for (size_t i = 0; i < na; i++) {
		const struct store_run_row *r = &a[i]->data.run;

		first_a = r->started < first_a ? r->started : first_a;
		last_a = r->started > last_a ? r->started : last_a;
	}
	for (size_t i = 0; i < nb; i++) {
		const struct store_run_row *r = &b[i]->data.run;

		first_b = r->started < first_b ? r->started : first_b;
		last_b = r->started > last_b ? r->started : last_b;
	}
	return last_a < first_b || last_b < first_a;
}

int comparison_runs(const struct report *const *a, size_t na, const struct report *const *b,
		    size_t nb, double sesoi, struct comparison *out, struct reason *why)
{
	int ret;

	*out = (struct comparison){ .sesoi = sesoi, .boots = na > 1 || nb > 1 };
	out->min_n = out->boots ? STAT_MIN_BOOTS : STAT_MIN_INVOCATIONS;
	out->sequential = one_after_the_other(a, na, b, nb);
	ret = walk(out, a, na, b, nb, true);
	if (!ret)
		ret = walk(out, b, nb, a, na, false);
	if (ret)
		reason_set(why, ret, "out of memory");
	else if (!out->n_rows)
		ret = reason_set(
			why, -ENOENT,
			"the two sides have no cell in common (%zu on one, %zu on the other)",
			out->n_only_a, out->n_only_b);
	if (ret) {
		comparison_free(out);
		return ret;
	}
	judge(out);
	return 0;
}

size_t comparison_next(const struct comparison *c, size_t i)
{
	const char *benchmark = c->rows[i].a.cell->row->benchmark;

	while (i < c->n_rows && !strcmp(c->rows[i].a.cell->row->benchmark, benchmark))
		i++;
	return i;
}

void comparison_free(struct comparison *c)
{
	free(c->rows);
	free(c->only_a);
	free(c->only_b);
	*c = (struct comparison){ 0 };
}
