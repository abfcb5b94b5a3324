// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ecdf: the distribution of all samples, a curve per cell. A panel holds at most eight curves,
 * what can be told apart in grey; more cells of one region get further panels.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plots/feed.h"
#include "plots/feeds.h"

#define PANEL_CURVES 8
#define MAX_PANELS   40	  /* a picture's height has a limit: cairo's 32767 pixels */
#define LOG_SPAN     3	  /* a longer tail would squeeze all the rest on a linear axis */
#define STEPS	     1000 /* of a curve: more than a picture has pixels */
#define TAIL	     40	  /* ranks kept beside them, ever nearer to both ends */

struct curve {
	const struct feed_row *row;
	double *x; /* sorted */
	long n;
};

struct panel {
	size_t first, n; /* curves */
	double lo, hi;
	bool log;
	size_t part, parts; /* of the cells that share a region */
};

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int compare_longs(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return x < y ? -1 : x > y;
}

/* The legend then reads as the curves stand, from left to right. */
static int compare_curves(const void *a, const void *b)
{
	const struct curve *x = a, *y = b;
	double p = x->row->cell->sum.p50, q = y->row->cell->sum.p50;

	return p < q ? -1 : p > q;
}

static int load(const struct feed *f, struct curve *curves)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct feed_row *r = &f->rows[i];

		curves[i].row = r;
		curves[i].n = dataset_values(r->run->ds, r->cell->row->arm_group, r->cell->row->arm,
					     &curves[i].x);
		if (curves[i].n < 0)
			return (int)curves[i].n;
		if (curves[i].n)
			qsort(curves[i].x, (size_t)curves[i].n, sizeof(double), compare_doubles);
	}
	return 0;
}

/* The cells of a region in panels of nearly equal size: 9 are 5 and 4, not 8 and 1. */
static size_t divide(const struct feed *f, struct panel *panels)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n;) {
		size_t cells = 0, parts, at = i;

		while (i + cells < f->n && f->rows[i + cells].panel == f->rows[i].panel)
			cells++;
		parts = (cells + PANEL_CURVES - 1) / PANEL_CURVES;
		for (size_t p = 0; p < parts; p++) {
			size_t take = cells / parts + (p < cells % parts);

			panels[n] = (struct panel){
				.first = at,
				.n = take,
				.part = p + 1,
				.parts = parts,
			};
			n++;
			at += take;
		}
		i += cells;
	}
	return n;
}

/* Logarithmic where the samples span much; a value at or below 0 forbids it. */
static void find_range(struct panel *p, const struct curve *curves)
{
	double room;

	p->lo = INFINITY;
	p->hi = -INFINITY;
	for (size_t i = p->first; i < p->first + p->n; i++) {
		if (!curves[i].n)
			continue;
		p->lo = fmin(p->lo, curves[i].x[0]);
		p->hi = fmax(p->hi, curves[i].x[curves[i].n - 1]);
	}
	if (!(p->hi > p->lo)) {
		p->lo = isfinite(p->lo) ? p->lo - 0.5 : 0;
		p->hi = p->lo + 1;
		return;
	}
	p->log = p->lo > 0 && p->hi > LOG_SPAN * p->lo;
	room = p->log ? pow(p->hi / p->lo, 0.03) : 0.03 * (p->hi - p->lo);
	p->lo = p->log ? p->lo / room : p->lo - room;
	p->hi = p->log ? p->hi * room : p->hi + room;
}

/* Ranks to draw: all of a short curve, else evenly spaced ones and the tails' up to the last. */
static size_t choose_ranks(long n, long *rank)
{
	size_t m = 0, kept = 0;

	if (n <= STEPS) {
		for (long i = 0; i < n; i++)
			rank[m++] = i;
		return m;
	}
	for (long i = 0; i <= STEPS; i++)
		rank[m++] = (long)((double)(n - 1) * (double)i / STEPS);
	for (long d = 1; d < n / STEPS && m + 2 <= STEPS + TAIL; d *= 2) {
		rank[m++] = d;
		rank[m++] = n - 1 - d;
	}
	qsort(rank, m, sizeof(*rank), compare_longs);
	for (size_t i = 0; i < m; i++)
		if (!kept || rank[i] != rank[kept - 1])
			rank[kept++] = rank[i];
	return kept;
}

/* Both corners of each step, so that a line through the points is the step function. */
static void write_curve(FILE *out, const struct curve *c)
{
	long rank[STEPS + TAIL + 2];
	size_t m = choose_ranks(c->n, rank);
	double before = 0;

	for (size_t i = 0; i < m; i++) {
		double after = (double)(rank[i] + 1) / (double)c->n;

		fprintf(out, "%.9g\t%.9g\n%.9g\t%.9g\n", c->x[rank[i]], before, c->x[rank[i]],
			after);
		before = after;
	}
	fputs("\n\n", out);
}

static void write_panels(FILE *out, const struct feed *f, const struct panel *panels, size_t n,
			 const struct curve *curves)
{
	for (size_t i = 0; i < n; i++) {
		const struct feed_row *row = curves[panels[i].first].row;
		const char *name = f->panels[row->panel];
		char head[300], part[64] = "", axis[200];

		if (panels[i].parts > 1)
			snprintf(part, sizeof(part), "%spart %zu of %zu", *name ? ", " : "",
				 panels[i].part, panels[i].parts);
		snprintf(head, sizeof(head), "%s%s", name, part);
		snprintf(axis, sizeof(axis), "%s%s%s%s",
			 f->n_sections > 1 ? f->sections[row->section].benchmark : "",
			 f->n_sections > 1 ? ": " : "", f->sections[row->section].unit,
			 panels[i].log ? ", log scale" : "");
		fprintf(out, "%zu\t%zu\t%zu\t%.9g\t%.9g\t%d\t%zu\t", i, panels[i].first,
			panels[i].n, panels[i].lo, panels[i].hi, panels[i].log, f->width);
		feed_text(out, head);
		fputc('\t', out);
		feed_text(out, axis);
		fputc('\t', out);
		feed_text(out, f->sections[row->section].head);
		fputc('\n', out);
	}
	fputs("\n\n", out);
}

static void write_legend(FILE *out, const struct panel *panels, size_t n,
			 const struct curve *curves)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < panels[i].n; k++) {
			fprintf(out, "%zu\t%zu\t", i, k + 1);
			feed_text(out, curves[panels[i].first + k].row->label);
			fputc('\n', out);
		}
	}
	fputs("\n\n", out);
}

static void write_picture(FILE *data, struct feed *f, struct curve *curves, struct panel *panels)
{
	size_t n = divide(f, panels);
	char benchmarks[120], title[200];

	if (n > MAX_PANELS) {
		n = MAX_PANELS;
		f->left_out += f->n - (panels[n - 1].first + panels[n - 1].n);
	}
	for (size_t i = 0; i < n; i++) {
		qsort(&curves[panels[i].first], panels[i].n, sizeof(*curves), compare_curves);
		find_range(&panels[i], curves);
	}
	snprintf(title, sizeof(title), "%s: distribution of all samples",
		 feed_drawn(f, benchmarks, sizeof(benchmarks)));
	feed_caption(data, f, title,
		     "share of the samples at or below x; legends are in order of the medians");
	write_panels(data, f, panels, n, curves);
	write_legend(data, panels, n, curves);
	for (size_t i = 0; i < f->n; i++)
		write_curve(data, &curves[i]);
}

int ecdf_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why)
{
	struct curve *curves = NULL;
	struct panel *panels = NULL;
	struct feed f;
	int ret = feed_start(&f, runs, n, why);

	if (!ret && feed_add_cells(&f, false))
		ret = reason_set(why, -ENOMEM, "out of memory");
	if (!ret)
		ret = feed_arrange(&f, "quirk", why);
	if (ret)
		goto out;
	curves = calloc(f.n, sizeof(*curves));
	panels = calloc(f.n, sizeof(*panels));
	ret = curves && panels ? load(&f, curves) : -ENOMEM;
	if (ret) {
		reason_set(why, ret, "out of memory");
		goto out;
	}
	write_picture(data, &f, curves, panels);
	ret = feed_done(data, why);
out:
	for (size_t i = 0; curves && i < f.n; i++)
		free(curves[i].x);
	free(curves);
	free(panels);
	feed_end(&f);
	return ret;
}
