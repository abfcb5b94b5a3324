// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/precision.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONF  REPORT_CONF
#define POWER 0.8

int precision_add(struct precision *p, const struct run_invocation *inv, size_t n)
{
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++)
		ret = dataset_add(p->ds, inv[i].group, inv[i].round, inv[i].result.samples,
				  inv[i].result.n_samples, inv[i].result.overhead,
				  1e9 / p->clock->hz);
	return ret;
}

/* An effect's half width and standard deviation as shares of A's level. */
struct width {
	double half, sd;
	size_t n;
};

static bool width_of(const struct pair_effects *e, enum effect_form form, double level,
		     struct width *w)
{
	const double *x = effect_is_difference(form) || !e->ratio_valid ? e->share : e->ratio;
	struct effect median;

	if (e->n < 2 || stat_median_effect(x, e->n, level, &median))
		return false;
	*w = (struct width){ stat_stopping_width(x, e->n, level), median.sd, e->n };
	return true;
}

static bool pair_width(const struct dataset *ds, unsigned group, unsigned a, unsigned b,
		       enum effect_form form, double level, struct width *w)
{
	struct pair_effects e;
	bool known;

	if (dataset_pair_effects(ds, group, a, b, &e))
		return false;
	known = width_of(&e, form, level, w);
	pair_effects_free(&e);
	return known;
}

/* A pair of arms that show and compare judge. */
struct judged_pair {
	const struct arm_group *g;
	unsigned group, a, b;
	int factor;
	bool trivial;
};

static bool does_nothing(const struct cell *cell)
{
	struct store_cell_row row = { .version = cell->bench->version };
	struct report_cell c = { .row = &row, .factors = cell_json(cell) };
	bool nothing;

	snprintf(row.benchmark, sizeof(row.benchmark), "%s", cell->bench->name);
	nothing = report_returns_early(&c);
	json_decref(c.factors);
	return nothing;
}

static bool at_base(const struct judged_pair *p, unsigned arm)
{
	return !strcmp(p->g->arms[arm].levels[p->factor].text,
		       p->g->arms[0].levels[p->factor].text);
}

/* The next pair after *@p, whose group is set at first and a and b 0. Return: is there one? */
static bool next_pair(const struct plan *plan, struct judged_pair *p)
{
	for (; p->group < plan->n_groups; p->group++, p->a = p->b = 0) {
		p->g = &plan->groups[p->group];
		for (; p->a < p->g->n_arms; p->a++, p->b = 0)
			while (++p->b < p->g->n_arms) {
				bool a, b;

				p->factor = cells_differ_in(&p->g->arms[p->a], &p->g->arms[p->b]);
				if (p->a == p->b || p->factor < 0 || !at_base(p, p->a) ||
				    at_base(p, p->b))
					continue;
				a = does_nothing(&p->g->arms[p->a]);
				b = does_nothing(&p->g->arms[p->b]);
				p->trivial = a || b;
				if (!(a && b))
					return true;
			}
	}
	return false;
}

/* The level of a verdict where no other is selected: what a family of so many comes to at most. */
static double level_of(const struct plan *plan, bool trivial)
{
	struct judged_pair p = { 0 };
	size_t n = 0;

	while (next_pair(plan, &p))
		n += p.trivial == trivial;
	return stat_fcr_level(CONF, 1, n);
}

static void name_pair(const struct arm_group *g, unsigned arm, int factor, const char *level,
		      char *buf, size_t n)
{
	char text[128] = "";
	uint32_t mask = 0;

	for (unsigned i = 0; i < bench_factors(g->bench); i++)
		for (unsigned k = 1; k < g->n_arms; k++)
			if (strcmp(g->arms[0].levels[i].text, g->arms[k].levels[i].text))
				mask |= 1u << i;
	if (factor >= 0)
		mask &= ~(1u << factor);
	cell_text(&g->arms[arm], mask, text, sizeof(text));
	if (factor >= 0)
		snprintf(buf, n, "%s %s=%s%s%s", g->bench->name,
			 bench_factor(g->bench, (unsigned)factor)->name, level, *text ? ", " : "",
			 text);
	else
		snprintf(buf, n, "%s %s", g->bench->name, text);
}

static void keep_widest(struct precision *p, double half, const struct arm_group *g, unsigned arm,
			int factor, const char *level)
{
	if (!(half > p->widest))
		return;
	p->widest = half;
	name_pair(g, arm, factor, level, p->where, sizeof(p->where));
}

/* Groups without a pair: the level itself is what the run is about. */
static void look_at_levels(struct precision *p, unsigned group)
{
	const struct arm_group *g = &p->plan->groups[group];

	for (unsigned a = 0; a < g->n_arms; a++) {
		struct arm_summary s;

		if (!dataset_arm(p->ds, group, a, CONF, &s) && s.level > 0)
			keep_widest(p, (s.interval.hi - s.interval.lo) / 2 / s.level, g, a, -1,
				    NULL);
	}
}

static bool has_pair(const struct plan *plan, unsigned group)
{
	struct judged_pair p = { .group = group };

	return next_pair(plan, &p) && p.group == group;
}

static void look(struct precision *p)
{
	const double levels[2] = { level_of(p->plan, false), level_of(p->plan, true) };
	struct judged_pair pair = { 0 };

	p->widest = 0;
	while (next_pair(p->plan, &pair)) {
		const struct arm_group *g = pair.g;
		enum effect_form form = bench_factor(g->bench, (unsigned)pair.factor)->effect;
		struct width w;

		if (pair_width(p->ds, pair.group, pair.a, pair.b, form, levels[pair.trivial], &w))
			keep_widest(p, w.half, g, pair.a, pair.factor,
				    g->arms[pair.b].levels[pair.factor].text);
	}
	for (unsigned g = 0; g < p->plan->n_groups; g++)
		if (!has_pair(p->plan, g))
			look_at_levels(p, g);
}

bool precision_reached(void *ctx, unsigned rounds_done)
{
	struct precision *p = ctx;

	if (rounds_done < 2)
		return false;
	look(p);
	if (!p->until && rounds_done >= STAT_MIN_INVOCATIONS && p->widest <= p->target)
		p->until = stat_stopping_rounds(rounds_done);
	return p->until && rounds_done >= p->until;
}

static const struct report_cell *find_cell(const struct report *r, const struct cell *cell)
{
	json_t *j = cell_json(cell);
	char *factors = json_canonical(j), hash[HASH_TEXT] = "";
	const struct report_cell *found = NULL;

	if (factors)
		hash_cell(cell->bench->name, cell->bench->version, factors, hash);
	for (size_t i = 0; i < r->n_cells && !found; i++)
		if (r->cells[i].has_data && !strcmp(r->cells[i].row->hash, hash))
			found = &r->cells[i];
	free(factors);
	json_decref(j);
	return found;
}

/* Two-sided test at 1 - @level: (t(1 - alpha / 2) + t(power)) standard errors (Cohen 1988, 2.4). */
static double detectable(const struct width *w, unsigned rounds, double level)
{
	double df = rounds > 2 ? rounds - 1 : 1;

	return (stat_t_quantile(level, df) + stat_t_quantile(2 * POWER - 1, df)) * w->sd /
	       sqrt(rounds);
}

size_t precision_detectable(const struct plan *plan, const struct report *r, unsigned rounds,
			    double *share, char *where, size_t where_size)
{
	const double levels[2] = { level_of(plan, false), level_of(plan, true) };
	struct judged_pair p = { 0 };
	size_t known = 0;

	*share = 0;
	while (next_pair(plan, &p)) {
		const struct report_cell *x = find_cell(r, &p.g->arms[p.a]);
		const struct report_cell *y = find_cell(r, &p.g->arms[p.b]);
		double level = levels[p.trivial];
		struct width w;

		if (!x || !y || x->row->arm_group != y->row->arm_group ||
		    !pair_width(r->ds, x->row->arm_group, x->row->arm, y->row->arm,
				bench_factor(p.g->bench, (unsigned)p.factor)->effect, level, &w) ||
		    w.n < 3)
			continue;
		known++;
		if (detectable(&w, rounds, level) <= *share)
			continue;
		*share = detectable(&w, rounds, level);
		name_pair(p.g, p.a, p.factor, p.g->arms[p.b].levels[p.factor].text, where,
			  where_size);
	}
	return known;
}
