// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cpus: the times of all CPUs of all samples, a curve per cell, and how near they come to the second
 * after which native_stop_other_cpus() of Linux takes a CPU for hung.
 *
 * What is drawn is the first time per CPU that a benchmark declares.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plots/curves.h"
#include "plots/feeds.h"
#include "plots/steps.h"
#include "plots/unit.h"

/* arch/x86/kernel/smp.c: USEC_PER_SEC polls with udelay(1) between them. */
#define BUDGET_NS 1e9
#define ROOM	  1.6 /* beyond both ends of the axis */
#define LEAST_UP  1.3 /* 90 % is on the axis also where there are too few values for it */

/* Times that the second is spent on, and what they are. Others are drawn without it. */
static const struct {
	const char *benchmark, *metric, *meaning;
} spent[] = {
	{ "stop", "tail", "from the request until its bit is clear" },
	{ "wbinvd", "tail", "from the first request to the end of its flush" },
};
#define SPENT (sizeof(spent) / sizeof(spent[0]))

/* Index into spent[]; SPENT for none. */
static size_t find_spent(const struct feed_row *row)
{
	size_t i = 0;

	while (i < SPENT && (strcmp(spent[i].benchmark, row->cell->row->benchmark) ||
			     strcmp(spent[i].metric, row->of->name)))
		i++;
	return row->run->data.run.clock == CLOCK_UNIT_NS ? i : SPENT;
}

static const struct report_value *first_cpu_time(const struct report *r,
						 const struct report_cell *cell)
{
	for (size_t i = 0; i < r->data.n_metrics; i++) {
		const struct store_metric_row *m = &r->data.metrics[i];
		const struct report_value *v = report_value_of(r, cell, m->name);

		if (v && v->metric == m && !strcmp(m->per, "CPU") &&
		    !strcmp(m->quantity, "duration"))
			return v;
	}
	return NULL;
}

static int add_rows(struct feed *f, struct reason *why)
{
	for (size_t i = 0; i < f->n_runs; i++) {
		for (size_t k = 0; k < f->runs[i]->n_cells; k++) {
			const struct report_value *v =
				first_cpu_time(f->runs[i], &f->runs[i]->cells[k]);

			if (v && v->sorted && !feed_add_value(f, i, v))
				return reason_set(why, -ENOMEM, "out of memory");
		}
	}
	if (f->n)
		return 0;
	return reason_set(why, -ENODATA,
			  "no cell holds times of single CPUs; `tdcost run wbinvd` and `tdcost run "
			  "stop` yield them");
}

/* S23: a percentile without an interval is not known. */
static void make_figures(struct curve *c)
{
	enum clock_unit clock = c->row->run->data.run.clock;
	const struct report_value *v = c->row->of;
	double p999_of = v->tails[TAIL_P999].value;
	char p50[32], p999[32], max[32], above[32] = "";
	size_t late = 0;

	for (size_t i = v->n; i-- > 0 && v->sorted[i] > BUDGET_NS;)
		late++;
	if (find_spent(c->row) < SPENT)
		snprintf(above, sizeof(above), "%9zu", late);
	snprintf(c->figures, sizeof(c->figures), "%7zu %7s %7s %7s %s", v->n,
		 unit_number(v->p50, clock, p50, sizeof(p50)),
		 isnan(p999_of) ? "-" : unit_number(p999_of, clock, p999, sizeof(p999)),
		 unit_number(v->max, clock, max, sizeof(max)), above);
}

/* Return: is any of it held against the second? */
static bool load(struct curves *c)
{
	bool budget = false;

	for (; c->n < c->f->n; c->n++) {
		struct curve *curve = &c->curve[c->n];
		const struct feed_row *r = &c->f->rows[c->n];

		*curve = (struct curve){ .row = r, .rows = 1, .middle = r->of->p50 };
		curve->x = r->of->sorted;
		curve->n = r->of->n;
		make_figures(curve);
		budget |= find_spent(r) < SPENT;
	}
	c->figures = budget ? "      n     p50   p99.9     max above 1 s"
			    : "      n     p50   p99.9     max";
	return budget;
}

static void name_axes(struct panel *p, const struct feed_row *row)
{
	size_t spent_on = find_spent(row);

	snprintf(p->x_name, sizeof(p->x_name), "%s: %s per CPU%s%s, log scale",
		 row->cell->row->benchmark, row->of->name, spent_on < SPENT ? ", " : "",
		 spent_on < SPENT ? spent[spent_on].meaning : "");
	if (!p->x.time)
		snprintf(p->x_name, sizeof(p->x_name), "%s: %s in %s per CPU, log scale",
			 row->cell->row->benchmark, row->of->name,
			 clock_unit_name(row->run->data.run.clock));
	snprintf(p->y_name, sizeof(p->y_name), "share of values");
}

/* Up to where the longest curve says something: its last value is 1 in n. */
static void find_axes(const struct curves *c, struct panel *p)
{
	const struct feed_row *row = c->curve[p->first].row;
	double lo = INFINITY, hi = 0, most = 1;

	p->mark = find_spent(row) < SPENT ? BUDGET_NS : 0;
	for (size_t i = p->first; i < p->first + p->n; i++) {
		const struct curve *curve = &c->curve[i];

		lo = fmin(lo, curve->x[0]);
		hi = fmax(hi, curve->x[curve->n - 1]);
		most = fmax(most, (double)curve->n);
	}
	lo = fmax(lo, 1);
	p->x = (struct axis){ .lo = lo / ROOM,
			      .hi = fmax(p->mark, fmax(hi, lo)) * ROOM,
			      .log = true,
			      .time = row->run->data.run.clock == CLOCK_UNIT_NS };
	p->y = (struct axis){ .hi = fmax(LEAST_UP, log10(most) + 0.3) };
	name_axes(p, row);
}

static void write_picture(FILE *data, struct curves *c)
{
	static const char note[] =
		"share of the values at or below x, on a scale that opens towards the tail; "
		"points: "
		"50, 90, 99 % and so on; values of one sample resemble each other";
	char benchmarks[120], title[200], text[400];
	bool budget = load(c);

	curves_divide(c, true);
	for (size_t i = 0; i < c->panels; i++)
		find_axes(c, &c->panel[i]);
	snprintf(title, sizeof(title), "%s: distribution of the times of single CPUs",
		 feed_drawn(c->f, benchmarks, sizeof(benchmarks)));
	snprintf(text, sizeof(text), "%s%s", note,
		 budget ? "; line at 1 s: what native_stop_other_cpus() of Linux waits" : "");
	feed_caption(data, c->f, title, text);
	curves_write(data, c);
	for (size_t i = 0; i < c->n; i++)
		steps_write(data, c->curve[i].x, c->curve[i].n);
}

int cpus_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why)
{
	struct curves c = { 0 };
	struct feed f;
	int ret = feed_start(&f, runs, n, why);

	if (!ret)
		ret = add_rows(&f, why);
	if (!ret)
		ret = feed_arrange(&f, NULL, why);
	if (ret)
		goto out;
	ret = curves_start(&c, &f, 0);
	if (ret) {
		reason_set(why, ret, "out of memory");
		goto out;
	}
	write_picture(data, &c);
	ret = feed_done(data, why);
out:
	curves_end(&c);
	feed_end(&f);
	return ret;
}
