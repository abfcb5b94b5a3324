// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/core/units.h"
#include "plots/along.h"
#include "plots/curves.h"

/* Where most curves would lie in the lowest fifth of a linear axis, it is no axis for them. */
#define LOW	 0.2
#define LOG_SPAN 1
#define MIB	 1048576.0
#define GIB	 1073741824.0
#define APART	 0.007 /* of the axis: curves stand side by side, so that intervals are seen */

/* Return: has the cell data at a level that is a number? */
static bool level_of(const struct along *a, const struct report_cell *c, double *x)
{
	const char *level = report_level(c, a->factor);
	uint64_t number;

	if (!c->has_data || size_parse(level, &number))
		return false;
	*x = (double)number;
	return true;
}

/* Does the run hold the benchmark at two levels at least? One makes no curve. */
static bool varies(const struct along *a, const struct report *r, const char *benchmark)
{
	double first = NAN, x;

	for (size_t i = 0; i < r->n_cells; i++) {
		const struct report_cell *c = &r->cells[i];

		if (strcmp(c->row->benchmark, benchmark) || !level_of(a, c, &x))
			continue;
		if (isnan(first))
			first = x;
		else if (x != first)
			return true;
	}
	return false;
}

static int add_row(struct feed *f, size_t run, const struct report_cell *cell,
		   const struct report_value *value, double x)
{
	struct feed_row *row = value ? feed_add_value(f, run, value) : feed_add(f, run, cell);

	if (!row)
		return -ENOMEM;
	row->x = x;
	return 0;
}

static int add_cell(const struct along *a, struct feed *f, size_t run,
		    const struct report_cell *cell, double x)
{
	const struct report *r = f->runs[run];
	int ret =
		add_row(f, run, cell, a->instead ? report_value_of(r, cell, a->instead) : NULL, x);

	for (const char *const *m = a->also; m && *m && !ret; m++) {
		const struct report_value *value = report_value_of(r, cell, *m);

		if (value)
			ret = add_row(f, run, cell, value, x);
	}
	return ret;
}

static struct feed_row *add_saved(struct feed *f, size_t run, const struct report_pair *pair,
				  double x)
{
	struct feed_row *row = feed_add(f, run, pair->a);

	if (!row)
		return NULL;
	row->x = x;
	row->kind = pair->kind;
	row->fatal = pair->fatal || f->runs[run]->fatal;
	row->samples = pair->sum.blocks;
	return row;
}

/* A pair is b against a, so what is saved is its negative. */
static int add_pair(const struct along *a, struct feed *f, size_t run,
		    const struct report_pair *pair, double x)
{
	const struct effect *e = &pair->sum.diff, *log_ratio = &pair->sum.ratio;
	struct feed_row *row = add_saved(f, run, pair, x);

	if (!row)
		return -ENOMEM;
	row->called = a->pair->difference;
	row->value = -e->value;
	row->lo = -e->hi;
	row->hi = -e->lo;
	row->n = e->n;
	if (!pair->sum.ratio_valid)
		return 0;
	row = add_saved(f, run, pair, x);
	if (!row)
		return -ENOMEM;
	row->called = a->pair->percent;
	row->percent = true;
	row->value = -100 * expm1(log_ratio->value);
	row->lo = -100 * expm1(log_ratio->hi);
	row->hi = -100 * expm1(log_ratio->lo);
	row->n = log_ratio->n;
	return 0;
}

static int add_pairs(const struct along *a, struct feed *f, size_t run)
{
	const struct report *r = f->runs[run];
	struct report_pair *pairs;
	long n = report_pairs(r, a->pair->factor, a->pair->a, a->pair->b, &pairs);
	int ret = 0;
	double x;

	if (n < 0)
		return (int)n;
	for (long i = 0; i < n && !ret; i++)
		if (level_of(a, pairs[i].a, &x) && varies(a, r, pairs[i].a->row->benchmark))
			ret = add_pair(a, f, run, &pairs[i], x);
	free(pairs);
	return ret;
}

static int add_rows(const struct along *a, struct feed *f, struct reason *why)
{
	for (size_t i = 0; i < f->n_runs; i++) {
		const struct report *r = f->runs[i];

		for (size_t k = 0; k < r->n_cells; k++) {
			double x;

			if (!level_of(a, &r->cells[k], &x) ||
			    !varies(a, r, r->cells[k].row->benchmark))
				continue;
			if (add_cell(a, f, i, &r->cells[k], x))
				return reason_set(why, -ENOMEM, "out of memory");
		}
		if (a->pair && add_pairs(a, f, i))
			return reason_set(why, -ENOMEM, "out of memory");
	}
	return f->n ? 0 : reason_set(why, -ENODATA, "%s", a->none);
}

/* In GiB where the largest has one. Return: the unit's name, "" where levels are no sizes. */
static const char *choose_unit(const struct along *a, struct feed *f)
{
	double most = 0, unit;

	if (!a->bytes)
		return "";
	for (size_t i = 0; i < f->n; i++)
		most = fmax(most, f->rows[i].x);
	unit = most < GIB ? MIB : GIB;
	for (size_t i = 0; i < f->n; i++)
		f->rows[i].x /= unit;
	return most < GIB ? ", MiB" : ", GiB";
}

/* Rows of a curve stand together: what is an axis is sorted last. */
static bool same_curve(const struct feed_row *a, const struct feed_row *b)
{
	return a->panel == b->panel && a->run_no == b->run_no &&
	       !memcmp(a->rank, b->rank, sizeof(a->rank));
}

/* It is called by its worst row, which says what is wrong with it. */
static const struct feed_row *worst(const struct feed_row *row, size_t n)
{
	const struct feed_row *worst = row;

	for (size_t i = 1; i < n; i++)
		if (row[i].fatal > worst->fatal ||
		    (row[i].fatal == worst->fatal && row[i].kind > worst->kind))
			worst = &row[i];
	return worst;
}

static void find_curves(struct curves *c, const struct feed_row **first)
{
	const struct feed *f = c->f;

	for (size_t i = 0, end; i < f->n; i = end) {
		for (end = i + 1; end < f->n && same_curve(&f->rows[i], &f->rows[end]);)
			end++;
		first[c->n] = &f->rows[i];
		c->curve[c->n++] =
			(struct curve){ .row = worst(&f->rows[i], end - i), .rows = end - i };
	}
}

/* Behind all panels of the runs, with a section of which nothing is told but its axes. */
static void add_apart(struct curves *c, const struct feed_row **first, struct along_apart *apart)
{
	struct feed *f = c->f;

	snprintf(f->panels[f->n_panels], sizeof(f->panels[0]), "%s", apart->name);
	for (size_t i = 0, end; i < apart->n; i = end) {
		struct feed_row *row = &apart->rows[i];

		for (end = i; end < apart->n && !strcmp(apart->rows[end].label, row->label);
		     end++) {
			apart->rows[end].panel = f->n_panels;
			apart->rows[end].section = f->n_sections;
		}
		if (feed_width(row->label) > f->width)
			f->width = feed_width(row->label);
		first[c->n] = row;
		c->curve[c->n++] = (struct curve){ .row = row, .rows = end - i };
	}
}

static bool is_apart(const struct curves *c, const struct panel *p)
{
	return c->curve[p->first].row->panel == c->f->n_panels;
}

static void find_axes_apart(const struct along_apart *apart, struct panel *p)
{
	double lo[2] = { INFINITY, INFINITY }, hi[2] = { -INFINITY, -INFINITY };

	for (size_t i = 0; i < apart->n; i++) {
		lo[0] = fmin(lo[0], apart->rows[i].x);
		hi[0] = fmax(hi[0], apart->rows[i].x);
		lo[1] = fmin(lo[1], apart->rows[i].value);
		hi[1] = fmax(hi[1], apart->rows[i].value);
	}
	axis_around(&p->x, lo[0], hi[0], LOG_SPAN);
	axis_around(&p->y, lo[1], hi[1], LOG_SPAN);
	snprintf(p->x_name, sizeof(p->x_name), "%s", apart->x_name);
	snprintf(p->y_name, sizeof(p->y_name), "%s, log scale", apart->y_name);
}

static double top_of(const struct feed_row *row, size_t n)
{
	double top = 0;

	for (size_t i = 0; i < n; i++)
		top = fmax(top, fmax(row[i].value, isfinite(row[i].hi) ? row[i].hi : 0));
	return top;
}

/* One for all panels of a section: they are to be compared. */
static void find_y(const struct feed *f, const struct feed_section *s, const struct curves *c,
		   const struct feed_row *const *first, struct axis *y)
{
	const struct feed_row *rows = &f->rows[s->first];
	double top = top_of(rows, s->n), least = INFINITY;
	size_t curves = 0, low = 0;

	for (size_t i = 0; i < c->n; i++) {
		if (c->curve[i].row->section != rows->section)
			continue;
		curves++;
		low += top_of(first[i], c->curve[i].rows) < LOW * top;
	}
	for (size_t i = 0; i < s->n; i++)
		least = fmin(least, isfinite(rows[i].lo) ? rows[i].lo : rows[i].value);
	*y = (struct axis){ .lo = least < 0 ? least - 0.06 * (top - least) : 0,
			    .hi = top > 0 ? 1.06 * top : 1 };
	if (2 * low > curves && least > 0)
		axis_around(y, least, top, LOG_SPAN);
}

static void find_x(const struct along *a, const struct feed *f, const struct feed_section *s,
		   struct axis *x)
{
	double lo = INFINITY, hi = -INFINITY;

	for (size_t i = s->first; i < s->first + s->n; i++) {
		lo = fmin(lo, f->rows[i].x);
		hi = fmax(hi, f->rows[i].x);
	}
	/* What was cut for want of room may leave one share. */
	if (!(hi > lo))
		hi = lo + 1;
	*x = (struct axis){ .lo = lo - 0.08 * (hi - lo), .hi = hi + 0.08 * (hi - lo) };
	if (a->log)
		*x = (struct axis){ .lo = lo * pow(hi / lo, -0.08),
				    .hi = hi * pow(hi / lo, 0.08),
				    .log = true };
}

static void find_axes(const struct along *a, const struct curves *c,
		      const struct feed_row *const *first, const char *unit, struct panel *p)
{
	const struct feed *f = c->f;
	const struct feed_section *s = &f->sections[c->curve[p->first].row->section];

	find_x(a, f, s, &p->x);
	find_y(f, s, c, first, &p->y);
	snprintf(p->x_name, sizeof(p->x_name), "%s%s%s%s", f->n_sections > 1 ? s->benchmark : "",
		 f->n_sections > 1 ? ": " : "", a->x_name, unit);
	snprintf(p->y_name, sizeof(p->y_name), "%s%s%s%s", s->metric, *s->metric ? ", " : "",
		 s->unit, p->y.log ? ", log scale" : "");
}

/* @off: as a share of the axis. */
static double beside(const struct axis *x, double level, double off)
{
	return x->log ? level * pow(x->hi / x->lo, off) : level + off * (x->hi - x->lo);
}

/* Place beside the level, level, value, interval, untrustworthy. */
static void write_curve(FILE *out, const struct panel *p, size_t place, const struct feed_row *row,
			size_t n, bool joined)
{
	double off = ((double)place - (double)(p->n - 1) / 2) * APART;

	for (size_t i = 0; i < n; i++) {
		bool interval = isfinite(row[i].lo) && isfinite(row[i].hi);

		feed_number(out, beside(&p->x, row[i].x, off));
		feed_number(out, row[i].x);
		feed_number(out, row[i].value);
		feed_number(out, interval ? row[i].lo : row[i].value);
		feed_number(out, interval ? row[i].hi : row[i].value);
		/* An empty line ends a line through points. */
		fprintf(out, "%d\n%s", row[i].fatal, joined ? "" : "\n");
	}
	fputs(joined ? "\n\n" : "\n", out);
}

static void write_picture(const struct along *a, FILE *data, struct curves *c,
			  const struct feed_row **first, struct along_apart *apart)
{
	const char *unit = choose_unit(a, c->f);
	char benchmarks[120], title[200];

	find_curves(c, first);
	add_apart(c, first, apart);
	curves_divide(c, false);
	for (size_t i = 0; i < c->panels; i++)
		if (is_apart(c, &c->panel[i]))
			find_axes_apart(apart, &c->panel[i]);
		else
			find_axes(a, c, first, unit, &c->panel[i]);
	snprintf(title, sizeof(title), "%s: %s", feed_drawn(c->f, benchmarks, sizeof(benchmarks)),
		 a->title);
	feed_caption(data, c->f, title, a->note);
	curves_write(data, c);
	for (size_t i = 0; i < c->panels; i++)
		for (size_t k = 0; k < c->panel[i].n; k++)
			write_curve(data, &c->panel[i], k, first[c->panel[i].first + k],
				    c->curve[c->panel[i].first + k].rows,
				    !is_apart(c, &c->panel[i]));
}

int along_feed(const struct along *a, FILE *data, const struct report *const *runs, size_t n,
	       struct reason *why)
{
	const struct feed_row **first = NULL;
	struct along_apart apart = { .n = 0 };
	struct curves c = { 0 };
	struct feed f;
	int ret = feed_start(&f, runs, n, why);

	f.along = a->factor;
	f.inside = a->inside;
	f.together = a->together;
	f.digits = 3;
	if (!ret)
		ret = add_rows(a, &f, why);
	if (!ret)
		ret = feed_arrange(&f, NULL, why);
	if (!ret && a->apart)
		ret = a->apart(&apart, why);
	if (ret)
		goto out;
	first = calloc(f.n + apart.n, sizeof(const struct feed_row *));
	ret = first ? curves_start(&c, &f, apart.n) : -ENOMEM;
	if (ret) {
		reason_set(why, ret, "out of memory");
		goto out;
	}
	write_picture(a, data, &c, first, &apart);
	ret = feed_done(data, why);
out:
	free(first);
	free(apart.rows);
	curves_end(&c);
	feed_end(&f);
	return ret;
}
