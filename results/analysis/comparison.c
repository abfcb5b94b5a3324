// SPDX-License-Identifier: GPL-2.0-or-later
#include "results/analysis/comparison_rows.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static bool same_boot(const struct report *a, const struct report *b)
{
	return !strcmp(a->data.host_id, b->data.host_id) &&
	       !strcmp(a->data.boot_id, b->data.boot_id);
}

/* Is @runs[i] the first of its boot? */
static bool first_of_boot(const struct report *const *runs, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (same_boot(runs[k], runs[i]))
			return false;
	return true;
}

static size_t count_boots(const struct report *const *runs, size_t n)
{
	size_t boots = 0;

	for (size_t i = 0; i < n; i++)
		boots += first_of_boot(runs, i);
	return boots;
}

bool comparison_lone_boots(const struct report *const *a, size_t na, const struct report *const *b,
			   size_t nb)
{
	return count_boots(a, na) == 1 && count_boots(b, nb) == 1 &&
	       (na > 1 || nb > 1 || !same_boot(a[0], b[0]));
}

/* S18: one value for each distinct boot, the median of its runs' levels. */
static int boot_values(const struct report *const *runs, size_t n, const char *hash,
		       struct comparison_values *out)
{
	double *levels = calloc(n, sizeof(*levels));

	out->n = 0;
	out->v = calloc(n, sizeof(*out->v));
	for (size_t i = 0; levels && out->v && i < n; i++) {
		size_t of_boot = 0;

		if (!first_of_boot(runs, i))
			continue;
		for (size_t k = i; k < n; k++) {
			const struct report_cell *c =
				same_boot(runs[i], runs[k]) ? find_cell(runs[k], hash) : NULL;

			if (c)
				levels[of_boot++] = c->sum.level;
		}
		if (of_boot)
			out->v[out->n++] = stat_median(levels, of_boot);
	}
	free(levels);
	return levels && out->v ? 0 : -ENOMEM;
}

static int add_pair(struct comparison *c, const struct report *r, const struct report_pair *p,
		    const struct report_pairing *pairing, size_t asked, enum effect_form form)
{
	struct comparison_row *row = comparison_new_row(c);
	struct comparison_values a = { 0 }, b = { 0 };
	struct pair_effects e;
	int ret = row ? comparison_values(r, p->a, &a) : -ENOMEM;

	if (!ret)
		ret = comparison_values(r, p->b, &b);
	if (!ret)
		ret = dataset_pair_effects(r->ds, p->a->row->arm_group, p->a->row->arm,
					   p->b->row->arm, &e);
	if (!ret) {
		comparison_fill_side(&row->a, r, p->a, &a);
		comparison_fill_side(&row->b, r, p->b, &b);
		row->a.samples = p->a->sum.samples;
		row->b.samples = p->b->sum.samples;
		row->form = form;
		row->pairing = PAIRED_BLOCKS;
		row->trivial = report_returns_early(p->a) || report_returns_early(p->b);
		row->kind = p->kind;
		row->fatal = p->fatal;
		row->level_a = pairing->a;
		row->level_b = pairing->b;
		row->asked = asked;
		snprintf(row->label, sizeof(row->label), "%s",
			 *p->label ? p->label : p->a->row->benchmark);
		ret = comparison_fill_paired(row, &e, 1);
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
			ret = add_pair(out, r, &pairs[i], &pairings[k], k,
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
	comparison_judge(out);
	load_withhold(out);
	return 0;
}

static int side_values(const struct report *const *runs, size_t n, const struct report_cell *c,
		       bool boots, struct comparison_values *out)
{
	return boots ? boot_values(runs, n, c->row->hash, out) : comparison_values(runs[0], c, out);
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

/* The largest over the runs of a side: one busy run is enough to move what they say together. */
static double side_load(const struct report *const *runs, size_t n, const char *hash)
{
	double most = 0;

	for (size_t i = 0; i < n; i++) {
		const struct report_cell *c = find_cell(runs[i], hash);

		if (c)
			most = fmax(most, load_share(runs[i], c));
	}
	return most;
}

static int add_match(struct comparison *c, const struct report *const *a, size_t na,
		     const struct report *const *b, size_t nb, const struct report *ra,
		     const struct report_cell *ca, const struct report *rb,
		     const struct report_cell *cb)
{
	struct comparison_row *row = comparison_new_row(c);
	struct comparison_values x = { 0 }, y = { 0 };
	int ret = row ? side_values(a, na, ca, c->boots, &x) : -ENOMEM;

	if (!ret)
		ret = side_values(b, nb, cb, c->boots, &y);
	if (!ret) {
		comparison_fill_side(&row->a, ra, ca, &x);
		comparison_fill_side(&row->b, rb, cb, &y);
		row->a.samples = side_samples(a, na, ca->row->hash, &row->fatal);
		row->b.samples = side_samples(b, nb, cb->row->hash, &row->fatal);
		row->a.load = side_load(a, na, ca->row->hash);
		row->b.load = side_load(b, nb, cb->row->hash);
		row->form = EFFECT_RATIO;
		row->lone_boots = comparison_lone_boots(a, na, b, nb);
		row->kind = kind_weakest(ca->row->kind, cb->row->kind);
		snprintf(row->label, sizeof(row->label), "%s", ca->label);
		comparison_fill_apart(row, &x, &y);
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

/* From when to when the runs of a side measured. */
struct span {
	int64_t from, to;
};

static struct span span_of(const struct report *const *runs, size_t n)
{
	struct span out = { INT64_MAX, 0 };

	for (size_t i = 0; i < n; i++) {
		const struct store_run_row *r = &runs[i]->data.run;
		int64_t end = r->ended > r->started ? r->ended : r->started;

		out.from = r->started < out.from ? r->started : out.from;
		out.to = end > out.to ? end : out.to;
	}
	return out;
}

/* Sides that took turns share most of the time of the shorter one. */
bool comparison_sequential(const struct report *const *a, size_t na, const struct report *const *b,
			   size_t nb)
{
	struct span x = span_of(a, na), y = span_of(b, nb);
	int64_t from = x.from > y.from ? x.from : y.from, to = x.to < y.to ? x.to : y.to;
	int64_t shorter = x.to - x.from < y.to - y.from ? x.to - x.from : y.to - y.from;

	/* Instruction counts do not drift. */
	if (a[0]->data.run.clock != CLOCK_UNIT_NS)
		return false;
	return to <= from || 2 * (to - from) < shorter;
}

int comparison_runs(const struct report *const *a, size_t na, const struct report *const *b,
		    size_t nb, double sesoi, struct comparison *out, struct reason *why)
{
	int ret;

	*out = (struct comparison){ .sesoi = sesoi, .boots = na > 1 || nb > 1 };
	out->min_n = out->boots ? STAT_MIN_BOOTS : STAT_MIN_INVOCATIONS;
	out->sequential = comparison_sequential(a, na, b, nb);
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
	comparison_judge(out);
	load_withhold(out);
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
	for (size_t i = 0; i < c->n_rows; i++)
		comparison_free_row(&c->rows[i]);
	free(c->rows);
	free(c->only_a);
	free(c->only_b);
	*c = (struct comparison){ 0 };
}
