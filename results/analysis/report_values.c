// SPDX-License-Identifier: GPL-2.0-or-later
#include "results/analysis/report_values.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A value, and the process and the sample of it that yielded it. */
struct drawn {
	double value;
	int64_t invocation;
	uint32_t sample;
	int32_t block;
};

/* A growing list of values. */
struct values {
	struct drawn *v;
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

const struct report_value *report_value_of(const struct report *r, const struct report_cell *cell,
					   const char *metric)
{
	for (size_t i = 0; i < r->n_values; i++)
		if (r->values[i].cell == cell && !strcmp(r->values[i].name, metric))
			return &r->values[i];
	return NULL;
}

static int push(struct values *to, const struct drawn *v, size_t n)
{
	if (to->n + n > to->room) {
		size_t room = (to->n + n) * 2 + 1024;
		struct drawn *grown = realloc(to->v, room * sizeof(*grown));

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

static int by_sample(const void *a, const void *b)
{
	const struct drawn *x = a, *y = b;

	if (x->invocation != y->invocation)
		return x->invocation < y->invocation ? -1 : 1;
	return x->sample < y->sample ? -1 : x->sample > y->sample;
}

/* The end of the values of the process that yielded @of->v[from]. */
static size_t process_end(const struct values *of, size_t from)
{
	size_t end = from + 1;

	while (end < of->n && of->v[end].invocation == of->v[from].invocation)
		end++;
	return end;
}

static double median_of(const struct values *of, size_t from, size_t end, double *scratch)
{
	for (size_t i = from; i < end; i++)
		scratch[i - from] = of->v[i].value;
	return stat_median_inplace(scratch, end - from);
}

/*
 * The invocations' medians to @medians, how many values each has to @counts. @scratch has room for
 * all values of one.
 */
static size_t medians_of(const struct values *of, double *scratch, double *medians, size_t *counts)
{
	size_t n = 0;

	for (size_t i = 0, end; i < of->n; i = end) {
		end = process_end(of, i);
		counts[n] = end - i;
		medians[n++] = median_of(of, i, end, scratch);
	}
	return n;
}

static int blocks_of(const struct values *of, double *scratch, struct report_value *out)
{
	struct report_block *kept;

	out->blocks = malloc(of->n * sizeof(*out->blocks));
	if (!out->blocks)
		return -ENOMEM;
	for (size_t i = 0, end; i < of->n; i = end) {
		const struct drawn *first = &of->v[i];

		for (end = i + 1; end < of->n && of->v[end].invocation == first->invocation &&
				  of->v[end].block == first->block;)
			end++;
		out->blocks[out->n_blocks++] =
			(struct report_block){ first->invocation, first->block,
					       median_of(of, i, end, scratch) };
	}
	kept = realloc(out->blocks, out->n_blocks * sizeof(*kept));
	out->blocks = kept ? kept : out->blocks;
	return 0;
}

/* S5, as dataset_arm() does it for the samples' time. */
static int level_of(const struct values *of, double *scratch, size_t *counts,
		    struct report_value *out)
{
	double *medians = malloc(of->n * sizeof(*medians));
	int ret = medians ? blocks_of(of, scratch, out) : -ENOMEM;

	if (!ret) {
		out->invocations = medians_of(of, scratch, medians, counts);
		out->level = stat_median(medians, out->invocations);
		out->interval = (struct interval){ NAN, NAN, REPORT_CONF };
	}
	if (!ret && out->invocations > 1)
		ret = stat_median_interval(medians, out->invocations, REPORT_CONF, &out->interval);
	free(medians);
	return ret;
}

/*
 * S23: the CPUs of one sample share what made them late, so samples are counted, and processes. @of is
 * in the order of by_sample().
 */
static void count_samples(const struct values *of, struct report_value *out)
{
	int64_t hit_process = 0;

	for (size_t i = 0, end; i < of->n; i = end) {
		bool hit = false;

		for (end = i; end < of->n && !by_sample(&of->v[i], &of->v[end]); end++)
			hit |= of->v[end].value > 0;
		out->samples++;
		if (!hit)
			continue;
		out->hit_processes += !out->hits || of->v[i].invocation != hit_process;
		hit_process = of->v[i].invocation;
		out->hits++;
	}
}

/* The values of @of, which is sorted by process, to @v; ascending in the end. */
static int distribution_of(const struct values *of, const size_t *counts, double *v,
			   struct report_value *out)
{
	int ret;

	for (size_t i = 0; i < of->n; i++) {
		v[i] = of->v[i].value;
		out->total += v[i];
	}
	ret = tails_pooled(v, counts, out->invocations, out->tails);
	qsort(v, of->n, sizeof(*v), ascending);
	out->n = of->n;
	out->min = v[0];
	out->p50 = stat_quantile_sorted(v, of->n, 0.5);
	out->max = v[of->n - 1];
	return ret;
}

static int summarise(struct values *of, struct report_value *out)
{
	double *v = malloc(of->n * sizeof(*v));
	size_t *counts = malloc(of->n * sizeof(*counts));
	int ret = v && counts ? 0 : -ENOMEM;

	if (!ret) {
		qsort(of->v, of->n, sizeof(*of->v), by_sample);
		ret = level_of(of, v, counts, out);
	}
	if (!ret) {
		count_samples(of, out);
		ret = distribution_of(of, counts, v, out);
	}
	free(counts);
	if (ret)
		free(v);
	else
		out->sorted = v;
	return ret;
}

/* A row at place @at. Parts of an arm that the plan does not hold have none. */
static int add_row(struct collecting *c, struct values *of, const char *subject, size_t at)
{
	struct report *r = c->r;
	const struct report_cell *cell = cell_at(r, c->of.arm_group, c->of.arm);
	struct report_value *v, row = { .cell = cell };
	int ret;

	if (!of->n || !cell)
		return 0;
	v = realloc(r->values, (r->n_values + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	r->values = v;
	row.metric = metric_named(r, cell->row, c->of.metric);
	snprintf(row.name, sizeof(row.name), "%s", c->of.metric);
	snprintf(row.subject, sizeof(row.subject), "%s", subject);
	ret = summarise(of, &row);
	if (ret) {
		free(row.blocks);
		return ret;
	}
	memmove(&v[at + 1], &v[at], (r->n_values++ - at) * sizeof(*v));
	v[at] = row;
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
static int add_all(struct collecting *c)
{
	struct report *r = c->r;
	const struct store_metric_row *m = r->n_values > c->first ? r->values[c->first].metric
								  : NULL;
	int ret;

	if (!m || !c->subjects || strcmp(m->per, "CPU"))
		return 0;
	ret = add_row(c, &c->all, "", c->first);
	/* Every value is kept once. */
	for (size_t i = c->first + 1; !ret && i < r->n_values; i++) {
		free(r->values[i].sorted);
		r->values[i].sorted = NULL;
	}
	return ret;
}

static int end_metric(struct collecting *c)
{
	int ret = end_subject(c);

	if (!ret)
		ret = add_all(c);
	c->first = c->r->n_values;
	c->subjects = 0;
	c->all.n = 0;
	return ret;
}

static int take_part(void *ctx, const struct store_part_row *part)
{
	const struct drawn drawn = { part->value, part->invocation, part->sample, part->block };
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
	return ret ? ret : push(&c->subject, &drawn, 1);
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
