// SPDX-License-Identifier: GPL-2.0-or-later
#include "results/analysis/report_values.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A growing list of values. */
struct values {
	double *v;
	size_t n, room;
};

/* Under way: one arm's values of one subject, and those of all subjects of its metric. */
struct collecting {
	struct report *r;
	struct store_part_row of;
	struct values subject, all;
	size_t first;	   /* row of the metric's first subject */
	unsigned subjects; /* of this metric so far */
};

bool report_is_occurrence(const struct report_value *v)
{
	return v->metric && !strcmp(v->metric->quantity, "occurrence");
}

static int push(struct values *to, const double *v, size_t n)
{
	if (to->n + n > to->room) {
		size_t room = (to->n + n) * 2 + 1024;
		double *grown = realloc(to->v, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		to->v = grown;
		to->room = room;
	}
	memcpy(to->v + to->n, v, n * sizeof(*v));
	to->n += n;
	return 0;
}

static const struct report_cell *cell_at(const struct report *r, unsigned group, unsigned arm)
{
	for (size_t i = 0; i < r->n_cells; i++)
		if (r->cells[i].row->state == CELL_PLANNED && r->cells[i].row->arm_group == group &&
		    r->cells[i].row->arm == arm)
			return &r->cells[i];
	return NULL;
}

static const struct store_metric_row *
metric_named(const struct report *r, const struct store_cell_row *row, const char *name)
{
	for (size_t i = 0; i < r->data.n_metrics; i++) {
		const struct store_metric_row *m = &r->data.metrics[i];

		if (m->version == row->version && !strcmp(m->benchmark, row->benchmark) &&
		    !strcmp(m->name, name))
			return m;
	}
	return NULL;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void summarise(const struct values *of, struct report_value *out)
{
	out->n = of->n;
	out->min = of->v[0];
	out->p50 = stat_quantile_sorted(of->v, of->n, 0.5);
	out->p90 = stat_quantile_sorted(of->v, of->n, 0.9);
	out->p99 = stat_quantile_sorted(of->v, of->n, 0.99);
	out->p999 = stat_quantile_sorted(of->v, of->n, 0.999);
	out->max = of->v[of->n - 1];
	for (size_t i = 0; i < of->n; i++)
		out->total += of->v[i];
}

/* A row for sorted values, at place @at. Parts of an arm that the plan does not hold have none. */
static int add_row(struct collecting *c, const struct values *of, const char *subject, size_t at)
{
	struct report *r = c->r;
	const struct report_cell *cell = cell_at(r, c->of.arm_group, c->of.arm);
	struct report_value *v;

	if (!of->n || !cell)
		return 0;
	v = realloc(r->values, (r->n_values + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	r->values = v;
	v += at;
	memmove(v + 1, v, (r->n_values++ - at) * sizeof(*v));
	*v = (struct report_value){ .cell = cell };
	v->metric = metric_named(r, cell->row, c->of.metric);
	snprintf(v->name, sizeof(v->name), "%s", c->of.metric);
	snprintf(v->subject, sizeof(v->subject), "%s", subject);
	summarise(of, v);
	return 0;
}

static int end_subject(struct collecting *c)
{
	int ret = add_row(c, &c->subject, c->of.subject, c->r->n_values);

	if (!ret && c->subject.n)
		ret = push(&c->all, c->subject.v, c->subject.n);
	c->subjects += c->subject.n > 0;
	c->subject.n = 0;
	return ret;
}

/* CPUs are alike, so their values are also told together; phases and events are not. */
static int end_metric(struct collecting *c)
{
	const struct report *r = c->r;
	const struct store_metric_row *m;
	int ret = end_subject(c);

	m = r->n_values > c->first ? r->values[c->first].metric : NULL;
	if (!ret && m && c->subjects > 1 && !strcmp(m->per, "CPU")) {
		qsort(c->all.v, c->all.n, sizeof(*c->all.v), ascending);
		ret = add_row(c, &c->all, "", c->first);
	}
	c->first = r->n_values;
	c->subjects = 0;
	c->all.n = 0;
	return ret;
}

static int take_part(void *ctx, const struct store_part_row *part)
{
	struct collecting *c = ctx;
	int ret = 0;

	if (!c->subject.n)
		;
	else if (part->arm_group != c->of.arm_group || part->arm != c->of.arm ||
		 strcmp(part->metric, c->of.metric))
		ret = end_metric(c);
	else if (strcmp(part->subject, c->of.subject))
		ret = end_subject(c);
	c->of = *part;
	return ret ? ret : push(&c->subject, &part->value, 1);
}

int report_load_values(struct store *store, const char *uuid, struct report *r, struct reason *why)
{
	struct collecting c = { .r = r };
	int ret = store_each_part(store, uuid, take_part, &c, why);

	if (!ret)
		ret = end_metric(&c);
	free(c.subject.v);
	free(c.all.v);
	return ret == -ENOMEM ? reason_set(why, ret, "out of memory") : ret;
}
