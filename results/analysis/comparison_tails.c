// SPDX-License-Identifier: GPL-2.0-or-later
#include "results/analysis/comparison_tails.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "results/analysis/comparison_rows.h"
#include "results/analysis/load.h"

static int side_values(const struct comparison_side *s, enum tail_at at,
		       struct comparison_values *out)
{
	const struct store_cell_row *row = s->cell->row;
	long n = tails_processes(s->report->ds, row->arm_group, row->arm, at, &out->v);

	out->n = n > 0 ? (size_t)n : 0;
	return n < 0 ? (int)n : 0;
}

/* The effects of @to from those of the processes of one run. Return: 0, -ENOENT, -ENOMEM. */
static int fill_paired(struct comparison_row *to, enum tail_at at)
{
	const struct store_cell_row *a = to->a.cell->row, *b = to->b.cell->row;
	struct pair_summary pair;
	int ret =
		tails_pair(to->a.report->ds, a->arm_group, a->arm, b->arm, at, REPORT_CONF, &pair);

	if (ret)
		return ret;
	to->diff = pair.diff;
	to->ratio = pair.ratio;
	to->ratio_valid = pair.ratio_valid;
	return 0;
}

/* What a row says of its cells whatever is compared of them. */
static struct comparison_row row_like(const struct comparison_row *of, enum tail_at at)
{
	struct comparison_row row = {
		.a = of->a,
		.b = of->b,
		.form = EFFECT_RATIO,
		.pairing = of->pairing,
		.lone_boots = of->lone_boots,
		.trivial = of->trivial,
		.asked = of->asked,
		.kind = of->kind,
		.fatal = of->fatal,
		.floor = NAN,
		.floor_of = { .match = FLOOR_NOT_CALIBRATABLE },
		.level_a = of->level_a,
		.level_b = of->level_b,
	};

	snprintf(row.label, sizeof(row.label), "%.180s %s", of->label, tail_kinds[at].name);
	return row;
}

/* Return: 0, -ENOENT where a side has too few samples, -ENOMEM. */
static int make_row(const struct comparison_row *of, enum tail_at at, struct comparison_row *out)
{
	struct comparison_values a = { 0 }, b = { 0 };
	int ret = side_values(&of->a, at, &a);

	*out = row_like(of, at);
	if (!ret)
		ret = side_values(&of->b, at, &b);
	if (!ret && (a.n < 2 || b.n < 2))
		ret = -ENOENT;
	if (!ret && of->pairing)
		ret = fill_paired(out, at);
	if (!ret) {
		comparison_fill_side(&out->a, of->a.report, of->a.cell, &a);
		comparison_fill_side(&out->b, of->b.report, of->b.cell, &b);
		out->a.samples = of->a.samples;
		out->b.samples = of->b.samples;
		if (of->pairing)
			out->share = effect_scaled(&out->diff, 1 / fabs(out->a.level));
		else
			comparison_fill_apart(out, &a, &b);
	}
	free(a.v);
	free(b.v);
	return ret;
}

static size_t longest(const struct comparison_side *s)
{
	return tails_longest(s->report->ds, s->cell->row->arm_group, s->cell->row->arm);
}

static void note_lack(const struct comparison_row *of, struct tails_lack *lack)
{
	size_t a = longest(&of->a), b = longest(&of->b), less = a < b ? a : b;

	lack->rows++;
	if (less > lack->had)
		lack->had = less;
}

static int add_rows(struct comparison *c, const struct comparison_row *of,
		    struct tails_lack lack[TAILS_COMPARED])
{
	for (unsigned at = 0; at < TAILS_COMPARED; at++) {
		struct comparison_row tail, *row;
		int ret = make_row(of, (enum tail_at)at, &tail);

		if (ret == -ENOENT) {
			note_lack(of, &lack[at]);
			continue;
		}
		row = ret ? NULL : comparison_new_row(c);
		if (!row)
			return -ENOMEM;
		*row = tail;
	}
	return 0;
}

int comparison_tails(struct comparison *c, struct tails_lack lack[TAILS_COMPARED])
{
	struct comparison_row *medians = c->rows;
	size_t n = c->n_rows;
	int ret = 0;

	for (unsigned at = 0; at < TAILS_COMPARED; at++)
		lack[at] = (struct tails_lack){ 0 };
	if (c->boots)
		return -EINVAL;
	c->rows = NULL;
	c->n_rows = 0;
	for (size_t i = 0; i < n && !ret; i++)
		ret = add_rows(c, &medians[i], lack);
	for (size_t i = 0; i < n; i++)
		comparison_free_row(&medians[i]);
	free(medians);
	if (!ret)
		comparison_judge(c);
	if (!ret)
		load_withhold(c);
	return ret;
}
