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

static bool pair_width(const struct dataset *ds, unsigned group, unsigned a, unsigned b,
		       enum effect_form form, struct width *w)
{
	struct arm_summary level;
	struct pair_summary s;
	const struct effect *e = &s.ratio;
	double by = 1;

	if (dataset_pair(ds, group, a, b, CONF, &s))
		return false;
	if (effect_is_difference(form) || !s.ratio_valid) {
		if (dataset_arm(ds, group, a, CONF, &level) || !(level.level > 0))
			return false;
		e = &s.diff;
		by = level.level;
	}
	*w = (struct width){ (e->hi - e->lo) / 2 / by, e->sd / by, e->n };
	return true;
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

static bool look_at_pairs(struct precision *p, unsigned group)
{
	const struct arm_group *g = &p->plan->groups[group];
	bool any = false;

	for (unsigned a = 0; a < g->n_arms; a++)
		for (unsigned b = a + 1; b < g->n_arms; b++) {
			int factor = cells_differ_in(&g->arms[a], &g->arms[b]);
			struct width w;

			if (factor < 0 ||
			    !pair_width(p->ds, group, a, b,
					bench_factor(g->bench, (unsigned)factor)->effect, &w))
				continue;
			any = true;
			keep_widest(p, w.half, g, a, factor, g->arms[b].levels[factor].text);
		}
	return any;
}

bool precision_reached(void *ctx, unsigned rounds_done)
{
	struct precision *p = ctx;

	if (rounds_done < 2)
		return false;
	p->widest = 0;
	for (unsigned g = 0; g < p->plan->n_groups; g++)
		if (!look_at_pairs(p, g))
			look_at_levels(p, g);
	return rounds_done >= STAT_MIN_INVOCATIONS && p->widest <= p->target;
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

/* Two-sided test at 1 - CONF: (t(1 - alpha / 2) + t(power)) standard errors (Cohen 1988, 2.4). */
static double detectable(const struct width *w, unsigned rounds)
{
	double df = rounds > 2 ? rounds - 1 : 1;

	return (stat_t_quantile(CONF, df) + stat_t_quantile(2 * POWER - 1, df)) * w->sd /
	       sqrt(rounds);
}

size_t precision_detectable(const struct plan *plan, const struct report *r, unsigned rounds,
			    double *share, char *where, size_t where_size)
{
	size_t known = 0;

	*share = 0;
	for (unsigned i = 0; i < plan->n_groups; i++) {
		const struct arm_group *g = &plan->groups[i];

		for (unsigned a = 0; a < g->n_arms; a++)
			for (unsigned b = a + 1; b < g->n_arms; b++) {
				int factor = cells_differ_in(&g->arms[a], &g->arms[b]);
				const struct report_cell *x, *y;
				struct width w;

				if (factor < 0)
					continue;
				x = find_cell(r, &g->arms[a]);
				y = find_cell(r, &g->arms[b]);
				if (!x || !y || x->row->arm_group != y->row->arm_group ||
				    !pair_width(r->ds, x->row->arm_group, x->row->arm, y->row->arm,
						bench_factor(g->bench, (unsigned)factor)->effect,
						&w) ||
				    w.n < 3)
					continue;
				known++;
				if (detectable(&w, rounds) <= *share)
					continue;
				*share = detectable(&w, rounds);
				name_pair(g, a, factor, g->arms[b].levels[factor].text, where,
					  where_size);
			}
	}
	return known;
}
