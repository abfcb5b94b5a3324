// SPDX-License-Identifier: GPL-2.0-or-later
#include "results/analysis/metric.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/core/nearest.h"
#include "results/analysis/comparison_rows.h"
#include "results/analysis/dataset_rows.h"
#include "results/analysis/load.h"

#define MAX_NAMES 128

/* ---- a dataset of a metric's values ---- */

struct gathering {
	struct dataset *ds;
	bool per_work; /* each value is of a whole sample, as its ticks are */
	struct store_part_row of;
	struct dataset_value *v; /* of one process */
	size_t n, room;
};

static int end_process(struct gathering *g)
{
	int ret = dataset_add_values(g->ds, g->of.arm_group, g->of.round, g->v, g->n);

	g->n = 0;
	return ret;
}

static int take_part(void *ctx, const struct store_part_row *part)
{
	struct gathering *g = ctx;
	double by = g->per_work && part->work ? (double)part->work : 1;
	int ret = 0;

	if (g->n && part->invocation != g->of.invocation)
		ret = end_process(g);
	if (ret)
		return ret;
	if (g->n == g->room) {
		size_t room = g->room * 2 + 256;
		struct dataset_value *grown = realloc(g->v, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		g->v = grown;
		g->room = room;
	}
	g->of = *part;
	g->v[g->n++] = (struct dataset_value){ part->arm, part->block, part->value / by, 1 / by };
	return 0;
}

/* Of those samples that yielded it. */
static int gather(struct store *store, const char *uuid, const char *metric, const char *subject,
		  bool per_work, struct dataset **out, struct reason *why)
{
	struct gathering g = { .ds = dataset_new(), .per_work = per_work };
	int ret = g.ds ? store_each_part_of(store, uuid, metric, subject, take_part, &g, why)
		       : -ENOMEM;

	if (!ret)
		ret = end_process(&g);
	free(g.v);
	if (ret) {
		dataset_free(g.ds);
		return reason_set(why, ret, "cannot read %s of run %.8s: %s", metric, uuid,
				  strerror(-ret));
	}
	*out = g.ds;
	return 0;
}

/* ---- what was executed ---- */

/* Did each sample of the group yield one value? */
static bool is_whole(const struct dataset *samples, const struct dataset *values, unsigned group)
{
	unsigned arms = dataset_arms(samples, group);

	for (unsigned a = 0; a < arms; a++)
		if (dataset_extent(samples, group, a).samples !=
		    dataset_extent(values, group, a).samples)
			return false;
	return arms > 0;
}

static void mark_executed(struct report *r, unsigned group)
{
	for (size_t i = 0; i < r->n_cells; i++)
		if (r->cells[i].row->state == CELL_PLANNED && r->cells[i].row->arm_group == group)
			r->cells[i].executed = true;
}

int metric_count_executed(struct store *store, struct report *r, struct reason *why)
{
	struct dataset *ran;
	int ret;

	if (r->data.run.clock != CLOCK_UNIT_INSN)
		return 0;
	ret = gather(store, r->data.run.uuid, METRIC_RAN, NULL, true, &ran, why);
	if (ret)
		return ret;
	for (unsigned g = 0; g < dataset_groups(r->ds) && !ret; g++) {
		if (!is_whole(r->ds, ran, g))
			continue;
		ret = dataset_exchange(r->ds, ran, g);
		mark_executed(r, g);
	}
	r->clock = ran;
	return ret ? reason_set(why, ret, "out of memory") : 0;
}

static int same_level(const struct report *x, const struct report *y, struct reason *why)
{
	for (size_t i = 0; i < x->n_cells; i++)
		for (size_t k = 0; k < y->n_cells; k++) {
			const struct report_cell *a = &x->cells[i], *b = &y->cells[k];

			if (!a->has_data || !b->has_data || strcmp(a->row->hash, b->row->hash) ||
			    a->executed == b->executed)
				continue;
			return reason_set(why, -EINVAL,
					  "%s: run %.8s counts what the thread executed, run %.8s "
					  "the clock; compare one of them: --metric " METRIC_RAN
					  " or --metric time",
					  a->row->benchmark, (a->executed ? x : y)->data.run.uuid,
					  (a->executed ? y : x)->data.run.uuid);
		}
	return 0;
}

int metric_same_level(const struct report *const *runs, size_t n, struct reason *why)
{
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++)
		for (size_t k = i + 1; k < n && !ret; k++)
			ret = same_level(runs[i], runs[k], why);
	return ret;
}

/* ---- a metric as the level ---- */

/* What the program counts in an event is known by its name alone. */
static const struct store_metric_row event = { .name = "event",
					       .quantity = "count",
					       .per = "sample" };

/* Of @cell's benchmark: the first is what the ticks measure; @name NULL: that one. */
static const struct store_metric_row *metric_of(const struct report *r,
						const struct store_cell_row *row, const char *name)
{
	for (size_t i = 0; i < r->data.n_metrics; i++) {
		const struct store_metric_row *m = &r->data.metrics[i];

		if (m->version == row->version && !strcmp(m->benchmark, row->benchmark) &&
		    (!name || !strcmp(m->name, name)))
			return m;
	}
	return name ? &event : NULL;
}

static bool is_clock(const struct report *r, const char *metric)
{
	for (size_t i = 0; i < r->n_cells; i++) {
		const struct store_metric_row *m = metric_of(r, r->cells[i].row, NULL);

		if (m && !strcmp(m->name, metric))
			return true;
	}
	return false;
}

int metric_select(struct store *store, struct report *r, const char *metric, const char *subject,
		  struct reason *why)
{
	struct dataset *ds = NULL;
	int ret;

	if (is_clock(r, metric))
		ret = report_load_samples(store, r, &ds, why);
	else
		ret = gather(store, r->data.run.uuid, metric, subject, false, &ds, why);
	if (ret)
		return ret;
	dataset_free(r->ds);
	r->ds = ds;
	for (size_t i = 0; i < r->n_cells && !ret; i++) {
		struct report_cell *c = &r->cells[i];

		if (c->row->state != CELL_PLANNED)
			continue;
		c->executed = false;
		c->gb_s = 0;
		c->metric = metric_of(r, c->row, metric);
		ret = dataset_arm(r->ds, c->row->arm_group, c->row->arm, REPORT_CONF, &c->sum);
		c->has_data = !ret;
		ret = ret == -ENOENT ? 0 : ret;
	}
	return ret == -ENOMEM ? reason_set(why, ret, "out of memory") : ret;
}

/* ---- names ---- */

struct names {
	const char *name[MAX_NAMES];
	size_t n;
};

static void add_name(struct names *to, const char *name)
{
	for (size_t i = 0; i < to->n; i++)
		if (!strcmp(to->name[i], name))
			return;
	if (to->n < MAX_NAMES)
		to->name[to->n++] = name;
}

/* A share of samples in which something went wrong has no level. */
static void known_metrics(const struct report *runs, size_t n, struct names *out)
{
	*out = (struct names){ 0 };
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < runs[i].n_cells; k++) {
			const struct store_metric_row *m =
				metric_of(&runs[i], runs[i].cells[k].row, NULL);

			if (m)
				add_name(out, m->name);
		}
		for (size_t k = 0; k < runs[i].n_values; k++)
			if (!report_is_occurrence(&runs[i].values[k]))
				add_name(out, runs[i].values[k].name);
	}
}

/* In the order in which the samples yielded them; "" where CPUs are taken together. */
static void known_subjects(const struct report *runs, size_t n, const char *metric, bool together,
			   struct names *out)
{
	*out = (struct names){ 0 };
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < runs[i].n_values; k++) {
			const struct report_value *v = &runs[i].values[k];

			if (strcmp(v->name, metric) || report_is_occurrence(v))
				continue;
			if (together && v->metric && !strcmp(v->metric->per, "CPU"))
				add_name(out, "");
			else if (*v->subject)
				add_name(out, v->subject);
		}
}

static int unknown(const char *what, const char *name, const struct names *known,
		   struct reason *why)
{
	char list[200] = "";

	for (size_t i = 0; i < known->n; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i ? ", " : "",
			 known->name[i]);
	if (!known->n)
		return reason_set(why, -EINVAL, "%s '%s': the runs hold none", what, name);
	return reason_set(why, -EINVAL, "%s '%s': the runs hold %s; did you mean '%s'?", what, name,
			  list, nearest_name(name, known->name, known->n));
}

static bool is_known(const struct names *known, const char *name)
{
	for (size_t i = 0; i < known->n; i++)
		if (!strcmp(known->name[i], name))
			return true;
	return false;
}

/* What one comparison after the other is made of. */
struct asked {
	char metric[32];
	struct names subjects; /* none: the samples' clock */
	bool named;	       /* labels name the subject */
};

static int parse(const struct report *runs, size_t n, const char *name, struct asked *ask,
		 struct reason *why)
{
	const char *subject = strchr(name, ':');
	struct names known;

	*ask = (struct asked){ 0 };
	snprintf(ask->metric, sizeof(ask->metric), "%.*s",
		 subject ? (int)(subject - name) : (int)strlen(name), name);
	known_metrics(runs, n, &known);
	if (!is_known(&known, ask->metric))
		return unknown("metric", ask->metric, &known, why);
	known_subjects(runs, n, ask->metric, !subject, &ask->subjects);
	ask->named = subject || ask->subjects.n > 1;
	if (!subject)
		return 0;
	for (size_t i = 0; i < ask->subjects.n; i++)
		if (!strcmp(ask->subjects.name[i], subject + 1)) {
			ask->subjects.name[0] = ask->subjects.name[i];
			ask->subjects.n = 1;
			return 0;
		}
	return unknown(ask->metric, subject + 1, &ask->subjects, why);
}

/* ---- rows of several subjects ---- */

static bool same_benchmark(const struct comparison_row *a, const struct comparison_row *b)
{
	return !strcmp(a->a.cell->row->benchmark, b->a.cell->row->benchmark);
}

/* After the rows of its cells, else after those of its benchmark, which have to be together. */
static size_t place_of(const struct comparison *c, const struct comparison_row *row)
{
	size_t cells = 0, benchmark = 0;

	for (size_t i = 0; i < c->n_rows; i++) {
		const struct comparison_row *at = &c->rows[i];

		if (at->a.cell == row->a.cell && at->b.cell == row->b.cell)
			cells = i + 1;
		if (same_benchmark(at, row))
			benchmark = i + 1;
	}
	return cells ? cells : benchmark ? benchmark : c->n_rows;
}

static int take_rows(struct comparison *to, struct comparison *from, const struct asked *ask,
		     const char *subject)
{
	for (size_t i = 0; i < from->n_rows; i++) {
		size_t at = place_of(to, &from->rows[i]), used;
		struct comparison_row *row;

		if (!comparison_new_row(to))
			return -ENOMEM;
		row = &to->rows[at];
		memmove(row + 1, row, (to->n_rows - 1 - at) * sizeof(*row));
		*row = from->rows[i];
		/* What it owned is owned by @to's row now. */
		from->rows[i].effects = NULL;
		from->rows[i].rounds = NULL;
		used = strlen(row->label);
		snprintf(row->label + used, sizeof(row->label) - used, " %s%s%s", ask->metric,
			 ask->named && *subject ? " " : "", ask->named ? subject : "");
	}
	return 0;
}

static bool has_cell(const struct comparison *c, const char *hash)
{
	for (size_t i = 0; i < c->n_rows; i++)
		if (!strcmp(c->rows[i].a.cell->row->hash, hash))
			return true;
	return false;
}

/* A cell that lacks one subject has rows of others: only one without any is on one side only. */
static size_t keep_without_rows(const struct comparison *c, const struct report_cell **list,
				size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		bool known = has_cell(c, list[i]->row->hash);

		for (size_t k = 0; k < kept; k++)
			known |= list[k] == list[i];
		if (!known)
			list[kept++] = list[i];
	}
	return kept;
}

static int take_only(const struct report_cell ***to, size_t *n, const struct report_cell **from,
		     size_t more)
{
	const struct report_cell **grown = realloc(*to, (*n + more + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	*to = grown;
	for (size_t i = 0; i < more; i++)
		grown[(*n)++] = from[i];
	return 0;
}

static int take_comparison(struct comparison *to, struct comparison *from, const struct asked *ask,
			   const char *subject)
{
	int ret;

	if (!to->n_rows) {
		const struct report_cell **a = to->only_a, **b = to->only_b;
		size_t n_a = to->n_only_a, n_b = to->n_only_b;

		*to = *from;
		to->rows = NULL;
		to->n_rows = 0;
		to->only_a = a;
		to->only_b = b;
		to->n_only_a = n_a;
		to->n_only_b = n_b;
	}
	ret = take_rows(to, from, ask, subject);
	if (!ret)
		ret = take_only(&to->only_a, &to->n_only_a, from->only_a, from->n_only_a);
	if (!ret)
		ret = take_only(&to->only_b, &to->n_only_b, from->only_b, from->n_only_b);
	return ret;
}

static int select_all(struct store *store, struct report *runs, size_t n, const struct asked *ask,
		      const char *subject, struct reason *why)
{
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++)
		ret = metric_select(store, &runs[i], ask->metric, *subject ? subject : NULL, why);
	return ret;
}

int metric_compare(struct store *store, struct report *runs, size_t n, const char *name,
		   int (*compare)(void *ctx, struct comparison *out, struct reason *why), void *ctx,
		   struct comparison *out, struct reason *why)
{
	struct asked ask;
	int ret = parse(runs, n, name, &ask, why), none = 0;

	*out = (struct comparison){ 0 };
	if (!ret && !ask.subjects.n)
		ask.subjects.name[ask.subjects.n++] = "";
	for (size_t i = 0; i < ask.subjects.n && !ret; i++) {
		const char *subject = ask.subjects.name[i];
		struct comparison one;

		ret = select_all(store, runs, n, &ask, subject, why);
		if (ret)
			break;
		ret = compare(ctx, &one, why);
		if (ret == -ENOENT) {
			none = ret;
			ret = 0;
			continue;
		}
		if (!ret) {
			ret = take_comparison(out, &one, &ask, subject);
			comparison_free(&one);
		}
	}
	if (!ret && !out->n_rows)
		ret = reason_set(why, none,
				 "metric '%s': no cell that is compared has it on both sides",
				 name);
	if (ret == -ENOMEM)
		reason_set(why, ret, "out of memory");
	if (ret) {
		comparison_free(out);
		return ret;
	}
	out->n_only_a = keep_without_rows(out, out->only_a, out->n_only_a);
	out->n_only_b = keep_without_rows(out, out->only_b, out->n_only_b);
	comparison_judge(out);
	load_withhold(out);
	return 0;
}

static bool yields(const struct comparison_side *s, const char *metric, const char *subject)
{
	for (size_t i = 0; i < s->report->n_values; i++) {
		const struct report_value *v = &s->report->values[i];

		if (v->cell == s->cell && !strcmp(v->name, metric) && !strcmp(v->subject, subject))
			return true;
	}
	return false;
}

size_t metric_lacks(const struct comparison *c, const char *name, struct metric_lack *out,
		    size_t max)
{
	size_t metric = strcspn(name, ":"), n = 0;
	const char *subject = name[metric] ? name + metric + 1 : NULL;

	for (size_t i = 0; i < 2 * c->n_rows; i++) {
		const struct comparison_row *row = &c->rows[i / 2];
		const struct comparison_side *has = i % 2 ? &row->b : &row->a;
		const struct comparison_side *lacks = i % 2 ? &row->a : &row->b;

		for (size_t k = 0; k < has->report->n_values && n < max; k++) {
			const struct report_value *v = &has->report->values[k];
			bool known = v->cell != has->cell || strlen(v->name) != metric ||
				     strncmp(v->name, name, metric) || !*v->subject ||
				     (subject && strcmp(v->subject, subject));

			known = known || yields(lacks, v->name, v->subject);
			for (size_t l = 0; l < n; l++)
				known |= out[l].value == v;
			if (!known)
				out[n++] = (struct metric_lack){ v, i % 2 == 0 };
		}
	}
	return n;
}
