// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * calls: the distribution of topup's calls, of pages that one allocated and of what it took, a curve
 * per cell. Of each sample one call is known as such, drawn at random: that many calls are drawn.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "plots/curves.h"
#include "plots/feeds.h"
#include "plots/steps.h"
#include "plots/unit.h"

#define LOG_SPAN 3 /* as in ecdf */

/* Metrics of topup. */
static const struct {
	const char *metric, *title, *unit; /* NULL: the section's */
} told[] = {
	{ "pages", "what a topup call allocates", "pages" },
	{ "topup", "what a topup call takes", NULL },
	{ "get", "what a get takes", NULL },
};
#define TOLD (sizeof(told) / sizeof(told[0]))

static int add_metric(struct feed *f, size_t run, const char *metric)
{
	const struct report *r = f->runs[run];

	for (size_t i = 0; i < r->n_values; i++) {
		const struct report_value *v = &r->values[i];

		if (strcmp(v->cell->row->benchmark, "topup") || strcmp(v->name, metric) ||
		    strcmp(v->subject, "drawn") || !v->sorted)
			continue;
		if (!feed_add_value(f, run, v))
			return -ENOMEM;
	}
	return 0;
}

static int add_rows(struct feed *f, struct reason *why)
{
	for (size_t t = 0; t < TOLD; t++)
		for (size_t i = 0; i < f->n_runs; i++)
			if (add_metric(f, i, told[t].metric))
				return reason_set(why, -ENOMEM, "out of memory");
	if (f->n)
		return 0;
	return reason_set(why, -ENODATA, "no cell holds topup calls; try `tdcost run topup`");
}

static const char *number(const struct feed_row *r, double v, char *buf, size_t n)
{
	if (!strcmp(r->of->metric->quantity, "duration"))
		return unit_number(v, r->run->data.run.clock, buf, n);
	snprintf(buf, n, "%.0f", v);
	return buf;
}

/* S23: NaN where it has no interval. */
static double p99_of(const struct report_value *v)
{
	return v->tails[TAIL_P99].value;
}

static void load(struct curves *c)
{
	for (; c->n < c->f->n; c->n++) {
		struct curve *curve = &c->curve[c->n];
		const struct feed_row *r = &c->f->rows[c->n];
		char p50[16], p99[16], max[16];

		*curve = (struct curve){ .row = r, .rows = 1, .middle = r->of->p50 };
		curve->x = r->of->sorted;
		curve->n = r->of->n;
		snprintf(curve->figures, sizeof(curve->figures), "%7zu %7s %7s %7s", r->of->n,
			 number(r, r->of->p50, p50, sizeof(p50)),
			 isnan(p99_of(r->of)) ? "-" : number(r, p99_of(r->of), p99, sizeof(p99)),
			 number(r, r->of->max, max, sizeof(max)));
	}
	c->figures = "      n     p50     p99     max";
}

static size_t find_told(const char *metric)
{
	size_t t = 0;

	while (t + 1 < TOLD && strcmp(told[t].metric, metric))
		t++;
	return t;
}

static void find_axes(const struct curves *c, struct panel *p)
{
	const struct feed_section *s = &c->f->sections[c->curve[p->first].row->section];
	size_t t = find_told(s->metric);
	double lo = INFINITY, hi = -INFINITY;

	for (size_t i = p->first; i < p->first + p->n; i++) {
		lo = fmin(lo, c->curve[i].x[0]);
		hi = fmax(hi, c->curve[i].x[c->curve[i].n - 1]);
	}
	axis_around(&p->x, lo, hi, LOG_SPAN);
	p->y = (struct axis){ .hi = 1 };
	snprintf(p->x_name, sizeof(p->x_name), "topup: %s, %s%s", told[t].title,
		 told[t].unit ? told[t].unit : s->word, p->x.log ? ", log scale" : "");
	snprintf(p->y_name, sizeof(p->y_name), "share of calls");
}

static void write_picture(FILE *data, struct curves *c)
{
	load(c);
	curves_divide(c, true);
	for (size_t i = 0; i < c->panels; i++)
		find_axes(c, &c->panel[i]);
	feed_caption(data, c->f, "topup: distribution of single calls",
		     "share of the calls at or below x; of each sample one call, drawn at random");
	curves_write(data, c);
	for (size_t i = 0; i < c->n; i++)
		steps_write(data, c->curve[i].x, c->curve[i].n);
}

int calls_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why)
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
