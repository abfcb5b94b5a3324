// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/cli/remarks.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void __attribute__((format(printf, 2, 3))) add(struct remarks *out, const char *fmt, ...)
{
	va_list args;

	if (out->n == sizeof(out->line) / sizeof(out->line[0]))
		return;
	va_start(args, fmt);
	vsnprintf(out->line[out->n++], sizeof(out->line[0]), fmt, args);
	va_end(args);
}

char *adjusted_text(const struct comparison *c, char *buf, size_t n)
{
	const struct comparison_family *f = &c->family, *t = &c->trivial;

	buf[0] = '\0';
	if (f->adjusted && t->adjusted)
		snprintf(buf, n,
			 "Verdicts are adjusted for %zu comparisons: intervals at %.2f %%; those "
			 "with an arm that does nothing for %zu: %.2f %%.",
			 f->adjusted, f->level * 100, t->adjusted, t->level * 100);
	else if (f->adjusted || t->adjusted)
		snprintf(buf, n, "Verdicts are adjusted for %zu comparisons: intervals at %.2f %%.",
			 f->adjusted ? f->adjusted : t->adjusted,
			 (f->adjusted ? f->level : t->level) * 100);
	return buf;
}

/* Rows, or cells, of which something holds. */
struct found {
	size_t n;
	const char *first;
	double value;
};

static void find(struct found *f, bool holds, const char *label, double value)
{
	if (!holds)
		return;
	if (!f->n++) {
		f->first = label;
		f->value = value;
	}
}

static double percent_of(const struct comparison_row *row, double v)
{
	return (comparison_by_difference(row) ? v : expm1(v)) * 100;
}

static void remark_outliers(const struct comparison *c, struct remarks *out)
{
	const struct comparison_row *first = NULL;
	size_t rows = 0;

	for (size_t i = 0; i < c->n_rows; i++) {
		if (!c->rows[i].outliers.n)
			continue;
		first = first ? first : &c->rows[i];
		rows++;
	}
	if (rows)
		add(out,
		    "%zu of %zu processes of %.60s %s far from the others (round %u: %+.1f %%)%s; "
		    "the median hardly depends on %s",
		    first->outliers.n, first->n_effects, first->label,
		    first->outliers.n == 1 ? "is" : "are", first->outliers.round,
		    percent_of(first, first->outliers.value),
		    rows > 1 ? ", and so in other rows" : "",
		    first->outliers.n == 1 ? "it" : "them");
}

static void remark_effects(const struct comparison *c, struct remarks *out)
{
	struct found dependent = { 0 }, drifting = { 0 };

	for (size_t i = 0; i < c->n_rows; i++) {
		const struct comparison_row *row = &c->rows[i];

		find(&dependent, row->series.autocorrelated, row->label, row->series.lag1);
		find(&drifting, row->series.drifting, row->label, row->series.drift_p);
	}
	if (dependent.n)
		add(out,
		    "the changes of successive processes depend on each other in %zu of %zu rows "
		    "(lag 1 %+.2f in %.60s): the interval holds for the time of this run only",
		    dependent.n, c->n_rows, dependent.value, dependent.first);
	if (drifting.n)
		add(out,
		    "the change drifts over the rounds in %zu of %zu rows (p %.4f in %.60s): the "
		    "interval holds for the time of this run only",
		    drifting.n, c->n_rows, drifting.value, drifting.first);
}

/* S21: what the series of the processes' medians looks like, over @n cells. */
static void remark_levels(const struct report_cell *const *cells, size_t n, struct remarks *out)
{
	struct found dependent = { 0 }, drifting = { 0 }, modes = { 0 };

	for (size_t i = 0; i < n; i++) {
		const struct series *s = &cells[i]->sum.rounds;
		const char *label = *cells[i]->label ? cells[i]->label : cells[i]->row->benchmark;

		find(&dependent, s->autocorrelated, label, s->lag1);
		find(&drifting, s->drifting, label, s->drift * 100);
		find(&modes, s->two_modes, label, (s->modes[1] / s->modes[0] - 1) * 100);
	}
	if (dependent.n)
		add(out,
		    "successive processes depend on each other in %zu of %zu cells (lag 1 %+.2f in "
		    "%.60s): the interval of a level holds for the time of its run only",
		    dependent.n, n, dependent.value, dependent.first);
	if (drifting.n)
		add(out, "levels drift over the rounds in %zu of %zu cells (%+.1f %% in %.60s)",
		    drifting.n, n, drifting.value, drifting.first);
	if (modes.n)
		add(out,
		    "processes have two modes in %zu of %zu cells (%.1f %% apart in %.60s): a "
		    "level is the median of both",
		    modes.n, n, modes.value, modes.first);
}

void effects_remarks(const struct comparison *c, struct remarks *out)
{
	size_t lone = 0;

	out->n = 0;
	for (size_t i = 0; i < c->n_rows; i++)
		lone += c->rows[i].lone_boots;
	if (lone)
		add(out, "each side is a single boot, so the change includes how boots differ; a "
			 "verdict needs 3 boots a side: reboot and run again");
	remark_outliers(c, out);
	remark_effects(c, out);
}

void comparison_remarks(const struct comparison *c, struct remarks *out)
{
	const struct report_cell *cells[2 * 512];
	size_t n = 0;

	effects_remarks(c, out);
	for (size_t i = 0; i < c->n_rows; i++) {
		const struct report_cell *sides[] = { c->rows[i].a.cell, c->rows[i].b.cell };

		for (unsigned k = 0; k < 2; k++) {
			size_t at = 0;

			while (at < n && cells[at] != sides[k])
				at++;
			if (at == n && n < sizeof(cells) / sizeof(cells[0]))
				cells[n++] = sides[k];
		}
	}
	remark_levels(cells, n, out);
}

/* Levels outside the range that earlier runs predict. */
static void remark_earlier(const struct report_cell *const *cells, size_t n, struct remarks *out)
{
	struct found outside = { 0 };

	for (size_t i = 0; i < n; i++) {
		const struct report_earlier *e = &cells[i]->earlier;
		double level = cells[i]->sum.level;

		find(&outside, e->predicted && (level < e->lo || level > e->hi), cells[i]->label,
		     level);
	}
	if (outside.n)
		add(out,
		    "the level of %zu of %zu cells lies outside the range that earlier runs on "
		    "this host predict (first: %.60s)",
		    outside.n, n, outside.first);
}

void report_remarks(const struct report *r, struct remarks *out)
{
	const struct report_cell *cells[1024] = { NULL };
	size_t n = 0;

	out->n = 0;
	for (size_t i = 0; i < r->n_cells && n < sizeof(cells) / sizeof(cells[0]); i++)
		if (r->cells[i].has_data)
			cells[n++] = &r->cells[i];
	remark_levels(cells, n, out);
	remark_earlier(cells, n, out);
}
