// SPDX-License-Identifier: GPL-2.0-or-later
#include "plots/curves.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PANEL_CURVES 8
#define MAX_PANELS   40 /* a picture's height has a limit: cairo's 32767 pixels */

int curves_start(struct curves *c, struct feed *f, size_t more)
{
	*c = (struct curves){ .f = f, .figures = "" };
	c->curve = calloc(f->n + more, sizeof(*c->curve));
	c->panel = calloc(f->n + more, sizeof(*c->panel));
	return c->curve && c->panel ? 0 : -ENOMEM;
}

void curves_end(struct curves *c)
{
	for (size_t i = 0; c->curve && i < c->n; i++)
		if (c->curve[i].owned)
			free(c->curve[i].x);
	free(c->curve);
	free(c->panel);
	*c = (struct curves){ 0 };
}

static int compare_curves(const void *a, const void *b)
{
	const struct curve *x = a, *y = b;

	return x->middle < y->middle ? -1 : x->middle > y->middle;
}

/* Those of one name in panels of nearly equal size: 9 are 5 and 4, not 8 and 1. */
static void divide(struct curves *c, size_t first, size_t n)
{
	size_t parts = (n + PANEL_CURVES - 1) / PANEL_CURVES;

	for (size_t p = 0; p < parts; p++) {
		size_t take = n / parts + (p < n % parts);

		c->panel[c->panels++] = (struct panel){
			.first = first,
			.n = take,
			.part = p + 1,
			.parts = parts,
		};
		first += take;
	}
}

static void cut(struct curves *c)
{
	const struct panel *last;

	if (c->panels <= MAX_PANELS)
		return;
	c->panels = MAX_PANELS;
	last = &c->panel[MAX_PANELS - 1];
	for (size_t i = last->first + last->n; i < c->n; i++)
		c->f->left_out += c->curve[i].rows;
}

void curves_divide(struct curves *c, bool sorted)
{
	for (size_t i = 0, end; i < c->n; i = end) {
		for (end = i; end < c->n && c->curve[end].row->panel == c->curve[i].row->panel;)
			end++;
		divide(c, i, end - i);
	}
	cut(c);
	for (size_t i = 0; sorted && i < c->panels; i++)
		qsort(&c->curve[c->panel[i].first], c->panel[i].n, sizeof(*c->curve),
		      compare_curves);
}

void axis_around(struct axis *a, double lo, double hi, double log_span)
{
	double room;

	*a = (struct axis){ .lo = lo, .hi = hi };
	if (!(hi > lo)) {
		a->lo = isfinite(lo) ? lo - 0.5 : 0;
		a->hi = a->lo + 1;
		return;
	}
	a->log = lo > 0 && hi > log_span * lo;
	room = a->log ? pow(hi / lo, 0.03) : 0.03 * (hi - lo);
	a->lo = a->log ? lo / room : lo - room;
	a->hi = a->log ? hi * room : hi + room;
}

static size_t text_width(const struct curves *c)
{
	size_t figures = feed_width(c->figures);

	for (size_t i = 0; i < c->n; i++)
		if (feed_width(c->curve[i].figures) > figures)
			figures = feed_width(c->curve[i].figures);
	return c->f->width + (figures ? figures + 2 : 0);
}

/* A name, and its figures so that they stand under each other. */
static void write_text(FILE *out, const struct curves *c, const char *name, const char *figures)
{
	char text[400];

	snprintf(text, sizeof(text), "%s%*s%s", name,
		 *figures ? (int)(c->f->width - feed_width(name)) + 2 : 0, "", figures);
	feed_text(out, text);
}

static void write_axis(FILE *out, const struct axis *a)
{
	fprintf(out, "%.9g\t%.9g\t%d\t", a->lo, a->hi, a->log + a->time);
}

static void write_panel(FILE *out, const struct curves *c, size_t i)
{
	const struct panel *p = &c->panel[i];
	const struct feed_row *row = c->curve[p->first].row;
	const char *name = c->f->panels[row->panel];
	char head[300], part[64] = "";

	if (p->parts > 1)
		snprintf(part, sizeof(part), "%spart %zu of %zu", *name ? ", " : "", p->part,
			 p->parts);
	snprintf(head, sizeof(head), "%s%s", name, part);
	fprintf(out, "%zu\t%zu\t%zu\t", i, p->first, p->n);
	write_axis(out, &p->x);
	write_axis(out, &p->y);
	feed_number(out, p->mark);
	fprintf(out, "%zu\t", text_width(c));
	feed_text(out, head);
	fputc('\t', out);
	feed_text(out, p->x_name);
	fputc('\t', out);
	feed_text(out, p->y_name);
	fputc('\t', out);
	write_text(out, c, c->f->sections[row->section].head, c->figures);
	fputc('\n', out);
}

void curves_write(FILE *out, const struct curves *c)
{
	for (size_t i = 0; i < c->panels; i++)
		write_panel(out, c, i);
	fputs("\n\n", out);
	for (size_t i = 0; i < c->panels; i++) {
		const struct panel *p = &c->panel[i];

		for (size_t k = 0; k < p->n; k++) {
			const struct curve *curve = &c->curve[p->first + k];

			fprintf(out, "%zu\t%zu\t", i, k + 1);
			write_text(out, c, curve->row->label, curve->figures);
			fputc('\n', out);
		}
	}
	fputs("\n\n", out);
}
