// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/measure/design.h"

#include <errno.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/core/nearest.h"
#include "harness/core/units.h"

#define MAX_LEVELS 64 /* that one -p may name */

/* The levels asked for of one factor. */
struct level_list {
	struct level level[MAX_LEVELS];
	unsigned n;
};

uint64_t seed_derive(uint64_t seed, uint64_t round, uint64_t group, uint64_t purpose)
{
	const uint64_t in[] = { round, group, purpose };
	uint64_t z = seed;

	for (unsigned i = 0; i < 3; i++) {
		z += 0x9e3779b97f4a7c15u + in[i];
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
		z ^= z >> 31;
	}
	return z;
}

void shuffle_u32(uint32_t *v, size_t n, uint64_t seed)
{
	gsl_rng *rng;

	/* gsl_ran_shuffle() counts down from n - 1. */
	if (n < 2)
		return;
	rng = gsl_rng_alloc(gsl_rng_mt19937);
	if (!rng)
		return;
	gsl_rng_set(rng, (unsigned long)seed);
	gsl_ran_shuffle(rng, v, n, sizeof(*v));
	gsl_rng_free(rng);
}

static size_t level_names(const struct factor_info *f, const char **names, size_t max)
{
	size_t n = 0;

	while (f->levels && f->levels[n].name && n < max) {
		names[n] = f->levels[n].name;
		n++;
	}
	return n;
}

static int refuse_level(const struct bench_info *b, const struct factor_info *f, const char *text,
			struct reason *why)
{
	const char *names[MAX_LEVELS];
	size_t n = level_names(f, names, MAX_LEVELS);
	char all[256] = "";

	for (size_t i = 0; i < n; i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? ", " : "",
			 names[i]);
	if (f->type == FACTOR_WORD)
		return reason_set(why, -EINVAL, "%s: %s has no level '%s'; did you mean '%s'? (%s)",
				  b->name, f->name, text, nearest_name(text, names, n), all);
	return reason_set(why, -EINVAL, "%s: '%s' is no %s for %s; write %s%s%s", b->name, text,
			  f->type == FACTOR_SIZE ? "size" : "count", f->name,
			  f->type == FACTOR_SIZE ? "64K, 128M or 1G" : "a number from 1",
			  n ? ", or one of " : "", all);
}

int level_parse(const struct bench_info *b, unsigned factor, const char *text, struct level *level,
		struct reason *why)
{
	const struct factor_info *f = bench_factor(b, factor);

	if (strlen(text) >= LEVEL_TEXT)
		return refuse_level(b, f, text, why);
	for (unsigned i = 0; f->levels && f->levels[i].name; i++) {
		if (strcmp(f->levels[i].name, text))
			continue;
		strcpy(level->text, text);
		level->number = i;
		return 0;
	}
	if (f->type == FACTOR_WORD)
		return refuse_level(b, f, text, why);
	if ((f->type == FACTOR_SIZE ? size_parse : count_parse)(text, &level->number) ||
	    !level->number)
		return refuse_level(b, f, text, why);
	if (f->type == FACTOR_SIZE)
		size_format(level->number, level->text, LEVEL_TEXT);
	else
		snprintf(level->text, LEVEL_TEXT, "%llu", (unsigned long long)level->number);
	return 0;
}

static const struct level_info *symbolic(const struct factor_info *f, const struct level *level)
{
	for (unsigned i = 0; f->levels && f->levels[i].name; i++)
		if (f->levels[i].symbolic && !strcmp(f->levels[i].name, level->text))
			return &f->levels[i];
	return NULL;
}

static int parse_list(const struct bench_info *b, unsigned factor, const char *text,
		      struct level_list *list, struct reason *why)
{
	char copy[512], *save = NULL;

	list->n = 0;
	if (*text == ',' || strstr(text, ",,") || (*text && text[strlen(text) - 1] == ','))
		return reason_set(why, -EINVAL, "%s: an empty level in %s=%s; take the comma out",
				  b->name, bench_factor(b, factor)->name, text);
	if (strlen(text) >= sizeof(copy))
		return reason_set(why, -EINVAL, "%s: the list of levels of %s is too long", b->name,
				  bench_factor(b, factor)->name);
	strcpy(copy, text);
	for (char *at = strtok_r(copy, ",", &save); at; at = strtok_r(NULL, ",", &save)) {
		int ret;

		if (list->n == MAX_LEVELS)
			return reason_set(why, -E2BIG, "%s: more than %d levels of %s", b->name,
					  MAX_LEVELS, bench_factor(b, factor)->name);
		ret = level_parse(b, factor, at, &list->level[list->n], why);
		if (ret)
			return ret;
		list->n++;
	}
	if (!list->n)
		return reason_set(why, -EINVAL,
				  "%s: no level behind '%s='; write one or more, "
				  "separated by commas",
				  b->name, bench_factor(b, factor)->name);
	return 0;
}

static int unknown_factor(const struct bench_info *b, const char *name, struct reason *why)
{
	const char *names[BENCH_MAX_FACTORS];
	unsigned n = bench_factors(b);

	for (unsigned i = 0; i < n; i++)
		names[i] = bench_factor(b, i)->name;
	return reason_set(
		why, -EINVAL,
		"%s has no factor '%s'; did you mean '%s'? `tdcost list %s` shows them all",
		b->name, name, nearest_name(name, names, n), b->name);
}

static int parse_setting(const struct bench_info *b, const char *setting, struct level_list *lists,
			 struct reason *why)
{
	const char *eq = strchr(setting, '=');
	char name[64];
	int factor;

	if (!eq || eq == setting || (size_t)(eq - setting) >= sizeof(name))
		return reason_set(why, -EINVAL, "'%s' is no setting; write FACTOR=LEVEL[,LEVEL]",
				  setting);
	memcpy(name, setting, (size_t)(eq - setting));
	name[eq - setting] = '\0';
	factor = bench_find_factor(b, name);
	if (factor < 0)
		return unknown_factor(b, name, why);
	return parse_list(b, (unsigned)factor, eq + 1, &lists[factor], why);
}

static bool same_levels(const struct cell *a, const struct cell *b, bool unpaired_only)
{
	unsigned n = bench_factors(a->bench);

	if (a->bench != b->bench)
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (unpaired_only && bench_factor(a->bench, i)->paired)
			continue;
		if (strcmp(a->levels[i].text, b->levels[i].text))
			return false;
	}
	return true;
}

/*
 * Resolve and judge a combination. Return: 0 (state says what became of it) or refusal. Permission
 * comes last: nobody should be asked for it who then hears that it cannot run anyway.
 */
static int judge(const struct plan *plan, const struct machine *m, struct planned_cell *p,
		 struct reason *why)
{
	const struct bench_info *b = p->cell.bench;
	unsigned n = bench_factors(b);
	int ret;

	p->state = CELL_SKIPPED;
	for (unsigned i = 0; i < n; i++) {
		struct level *level = &p->cell.levels[i];

		if (!symbolic(bench_factor(b, i), level))
			continue;
		ret = b->resolve(m, &p->cell, i, level, &p->reason);
		if (ret)
			return ret == -ENOTSUP ? 0 : reason_set(why, ret, "%s", p->reason.text);
	}
	ret = b->supported(m, &p->cell, &p->reason);
	if (ret)
		return ret == -ENOTSUP ? 0
				       : reason_set(why, ret, "%s: %s", b->name, p->reason.text);
	if (b->disruptive && !plan->allow_disruptive) {
		reason_set(&p->reason, 0, "it %s; run with --allow-disruptive", b->disruptive);
		return 0;
	}
	p->state = CELL_PLANNED;
	p->kind = b->kind(m, &p->cell, &p->reason);
	return 0;
}

static struct arm_group *group_for(struct plan *plan, const struct cell *cell)
{
	struct arm_group *g;

	for (unsigned i = 0; i < plan->n_groups; i++)
		if (same_levels(&plan->groups[i].arms[0], cell, true))
			return &plan->groups[i];
	g = realloc(plan->groups, (plan->n_groups + 1) * sizeof(*g));
	if (!g)
		return NULL;
	plan->groups = g;
	g += plan->n_groups++;
	*g = (struct arm_group){ .bench = cell->bench };
	return g;
}

static int add_arm(struct plan *plan, struct planned_cell *p)
{
	struct arm_group *g = group_for(plan, &p->cell);
	struct cell *arms = g ? realloc(g->arms, (g->n_arms + 1) * sizeof(*arms)) : NULL;

	if (!arms)
		return -ENOMEM;
	g->arms = arms;
	p->group = (unsigned)(g - plan->groups);
	p->arm = g->n_arms;
	arms[g->n_arms++] = p->cell;
	return 0;
}

static int add_cell(struct plan *plan, const struct machine *m, struct planned_cell *p,
		    struct reason *why)
{
	struct planned_cell *cells;
	int ret;

	for (unsigned i = 0; i < bench_factors(p->cell.bench); i++)
		strcpy(p->cell.asked[i], p->cell.levels[i].text);
	ret = judge(plan, m, p, why);
	if (ret)
		return ret;
	for (size_t i = 0; i < plan->n_cells; i++)
		if (plan->cells[i].state == p->state &&
		    same_levels(&plan->cells[i].cell, &p->cell, false))
			return 0;
	if (plan->n_cells == PLAN_MAX_CELLS)
		return reason_set(why, -E2BIG, "more than %d combinations; name fewer levels",
				  PLAN_MAX_CELLS);
	/* Doubled at each power of two: a cell is large, and there may be thousands. */
	if (!(plan->n_cells & (plan->n_cells - 1))) {
		cells = realloc(plan->cells,
				(plan->n_cells ? 2 * plan->n_cells : 1) * sizeof(*cells));
		if (!cells)
			return reason_set(why, -ENOMEM, "out of memory");
		plan->cells = cells;
	}
	if (p->state == CELL_PLANNED && add_arm(plan, p))
		return reason_set(why, -ENOMEM, "out of memory");
	plan->cells[plan->n_cells++] = *p;
	return 0;
}

int plan_add(struct plan *plan, const struct machine *m, const struct bench_info *bench,
	     const char *const *settings, size_t n, struct reason *why)
{
	struct level_list *lists = calloc(BENCH_MAX_FACTORS, sizeof(*lists));
	unsigned factors = bench_factors(bench), at[BENCH_MAX_FACTORS] = { 0 }, i = 0;
	int ret = 0;

	if (!lists)
		return reason_set(why, -ENOMEM, "out of memory");
	for (i = 0; i < factors && !ret; i++)
		ret = parse_list(bench, i, bench_factor(bench, i)->usual, &lists[i], why);
	for (size_t s = 0; s < n && !ret; s++)
		ret = parse_setting(bench, settings[s], lists, why);
	/* An odometer over the levels, the last factor turning fastest. */
	while (!ret) {
		struct planned_cell p = { .cell.bench = bench };

		for (i = 0; i < factors; i++)
			p.cell.levels[i] = lists[i].level[at[i]];
		ret = add_cell(plan, m, &p, why);
		for (i = factors; i-- > 0;) {
			if (++at[i] < lists[i].n)
				break;
			at[i] = 0;
		}
		if (i == UINT32_MAX)
			break;
	}
	free(lists);
	return ret;
}

void plan_free(struct plan *plan)
{
	for (unsigned i = 0; i < plan->n_groups; i++)
		free(plan->groups[i].arms);
	free(plan->groups);
	free(plan->cells);
	*plan = (struct plan){ 0 };
}

void plan_order(const struct plan *plan, uint64_t seed, unsigned round, unsigned *order)
{
	for (unsigned i = 0; i < plan->n_groups; i++)
		order[i] = i;
	shuffle_u32(order, plan->n_groups, seed_derive(seed, round, 0, 1));
}

int cells_differ_in(const struct cell *a, const struct cell *b)
{
	unsigned n = bench_factors(a->bench);
	int found = -1;

	for (unsigned i = 0; i < n; i++) {
		if (!strcmp(a->levels[i].text, b->levels[i].text))
			continue;
		if (found >= 0)
			return -1;
		found = (int)i;
	}
	return found;
}

json_t *cell_json(const struct cell *cell)
{
	json_t *j = json_object();
	unsigned n = bench_factors(cell->bench);

	for (unsigned i = 0; i < n; i++)
		json_object_set_new(j, bench_factor(cell->bench, i)->name,
				    json_string(cell->levels[i].text));
	return j;
}

json_t *cell_asked_json(const struct cell *cell)
{
	json_t *j = json_object();
	unsigned n = bench_factors(cell->bench);

	for (unsigned i = 0; i < n; i++)
		json_object_set_new(j, bench_factor(cell->bench, i)->name,
				    json_string(cell->asked[i]));
	return j;
}

int cell_from_json(const struct bench_info *bench, const json_t *j, struct cell *cell,
		   struct reason *why)
{
	unsigned n = bench_factors(bench);

	*cell = (struct cell){ .bench = bench };
	for (unsigned i = 0; i < n; i++) {
		const char *name = bench_factor(bench, i)->name;
		const char *text = json_string_value(json_object_get(j, name));
		int ret;

		if (!text)
			return reason_set(why, -EINVAL, "%s: the job names no level of %s",
					  bench->name, name);
		ret = level_parse(bench, i, text, &cell->levels[i], why);
		if (ret)
			return ret;
		strcpy(cell->asked[i], cell->levels[i].text);
	}
	return 0;
}

char *cell_text(const struct cell *cell, uint32_t mask, char *buf, size_t n)
{
	unsigned factors = bench_factors(cell->bench);

	buf[0] = '\0';
	for (unsigned i = 0; i < factors; i++)
		if (mask & 1u << i)
			snprintf(buf + strlen(buf), n - strlen(buf), "%s%s=%s", *buf ? " " : "",
				 bench_factor(cell->bench, i)->name, cell->levels[i].text);
	return buf;
}

uint32_t plan_varying(const struct plan *plan, const struct bench_info *bench)
{
	const struct cell *first = NULL;
	uint32_t mask = 0;

	for (size_t c = 0; c < plan->n_cells; c++) {
		const struct cell *cell = &plan->cells[c].cell;

		if (cell->bench != bench || plan->cells[c].state != CELL_PLANNED)
			continue;
		if (!first)
			first = cell;
		for (unsigned i = 0; i < bench_factors(bench); i++)
			if (strcmp(first->levels[i].text, cell->levels[i].text))
				mask |= 1u << i;
	}
	return mask;
}
