// SPDX-License-Identifier: GPL-2.0-or-later
/* ecdf: the distribution of all samples, a curve per cell. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "plots/curves.h"
#include "plots/feeds.h"
#include "plots/steps.h"

#define LOG_SPAN 3 /* a longer tail would squeeze all the rest on a linear axis */

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int load(struct curves *c)
{
	for (; c->n < c->f->n; c->n++) {
		const struct feed_row *r = &c->f->rows[c->n];
		double *x, scale = c->f->sections[r->section].scale;
		long n = dataset_values(r->run->ds, r->cell->row->arm_group, r->cell->row->arm, &x);

		if (n < 0)
			return (int)n;
		for (long i = 0; i < n; i++)
			x[i] /= scale;
		if (n)
			qsort(x, (size_t)n, sizeof(double), compare_doubles);
		c->curve[c->n] = (struct curve){ .row = r,
						 .rows = 1,
						 .x = x,
						 .n = (size_t)n,
						 .owned = true,
						 .middle = r->cell->sum.p50 };
	}
	return 0;
}

static void find_axes(const struct curves *c, struct panel *p)
{
	const struct feed_section *s = &c->f->sections[c->curve[p->first].row->section];
	double lo = INFINITY, hi = -INFINITY;

	for (size_t i = p->first; i < p->first + p->n; i++) {
		const struct curve *curve = &c->curve[i];

		if (!curve->n)
			continue;
		lo = fmin(lo, curve->x[0]);
		hi = fmax(hi, curve->x[curve->n - 1]);
	}
	axis_around(&p->x, lo, hi, LOG_SPAN);
	p->y = (struct axis){ .hi = 1 };
	snprintf(p->x_name, sizeof(p->x_name), "%s%s%s%s", c->f->n_sections > 1 ? s->benchmark : "",
		 c->f->n_sections > 1 ? ": " : "", s->unit, p->x.log ? ", log scale" : "");
	snprintf(p->y_name, sizeof(p->y_name), "share of samples");
}

static void write_picture(FILE *data, struct curves *c)
{
	char benchmarks[120], title[200];

	curves_divide(c, true);
	for (size_t i = 0; i < c->panels; i++)
		find_axes(c, &c->panel[i]);
	snprintf(title, sizeof(title), "%s: distribution of all samples",
		 feed_drawn(c->f, benchmarks, sizeof(benchmarks)));
	feed_caption(data, c->f, title,
		     "share of the samples at or below x; legends are in order of the medians");
	curves_write(data, c);
	for (size_t i = 0; i < c->n; i++)
		steps_write(data, c->curve[i].x, c->curve[i].n);
}

int ecdf_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why)
{
	struct curves c = { 0 };
	struct feed f;
	int ret = feed_start(&f, runs, n, why);

	if (!ret && feed_add_cells(&f, false))
		ret = reason_set(why, -ENOMEM, "out of memory");
	if (!ret)
		ret = feed_arrange(&f, "quirk", why);
	if (ret)
		goto out;
	ret = curves_start(&c, &f, 0);
	if (!ret)
		ret = load(&c);
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
