// SPDX-License-Identifier: GPL-2.0-or-later
#include "plots/forest.h"

#include <math.h>
#include <string.h>

#define KEY_WIDE 44 /* what a line of parts' names takes: an axis in a terminal */

enum line {
	LINE_CELL,  /* a point with its interval */
	LINE_PANEL, /* the name of a panel */
	LINE_HEAD,  /* the names of the columns */
	LINE_BOUND, /* the name of a bound, beside the bound */
};

/* How the numbers of a section are printed, so that they stand under each other. */
struct digits {
	int width, decimals;
	bool rate; /* there is a column of GB/s */
};

/* The row with the highest store rate among those of the same run and panel; NULL for one alone. */
static const struct feed_row *fastest(const struct feed *f, size_t panel, size_t run_no)
{
	const struct feed_row *best = NULL;
	size_t others = 0;

	for (size_t i = 0; i < f->n; i++) {
		const struct feed_row *r = &f->rows[i];

		if (r->panel != panel || r->run_no != run_no || r->fatal || !(r->cell->gb_s > 0))
			continue;
		others++;
		if (!best || r->cell->gb_s > best->cell->gb_s)
			best = r;
	}
	return others > 1 ? best : NULL;
}

/* What a page would cost at the fastest rate: bytes / (GB/s) is ns. */
static double bound_of(const struct feed *f, const struct forest *style, size_t panel, size_t run)
{
	const struct feed_row *r = style->bound ? fastest(f, panel, run) : NULL;

	if (!r || !r->cell->metric)
		return NAN;
	return (double)r->cell->metric->bytes_per / r->cell->gb_s / f->sections[r->section].scale;
}

static double beyond(double v, double so_far, bool up)
{
	if (!isfinite(v))
		return so_far;
	return up ? fmax(v, so_far) : fmin(v, so_far);
}

static double parts_sum(const struct feed *f, const struct feed_row *r,
			const struct forest_parts *parts)
{
	double sum = 0;

	for (size_t i = 0; parts && i < parts->n; i++)
		sum += parts->of(parts, r, i) / f->sections[r->section].scale;
	return sum;
}

/* 0 is always on the axis: lengths may then be compared by eye. */
static void axis_range(const struct feed *f, const struct feed_section *s,
		       const struct forest *style, double *lo, double *hi)
{
	double room;

	*lo = *hi = 0;
	for (size_t i = s->first; i < s->first + s->n; i++) {
		const struct feed_row *r = &f->rows[i];

		/* Medians of parts need not add up to that of the whole. */
		*hi = fmax(*hi, parts_sum(f, r, style->parts));
		*hi = beyond(r->value, beyond(r->hi, *hi, true), true);
		*lo = beyond(r->value, beyond(r->lo, *lo, false), false);
	}
	if (*hi <= *lo)
		*hi = *lo + 1;
	room = 0.05 * (*hi - *lo);
	*hi += *hi > 0 ? room : 0;
	*lo -= *lo < 0 ? room : 0;
}

/* Three significant digits of the smallest value. */
static void find_digits(const struct feed *f, const struct feed_section *s,
			const struct forest *style, struct digits *d)
{
	double least = INFINITY, most = 0, neg = 0;

	*d = (struct digits){ 0 };
	for (size_t i = s->first; i < s->first + s->n; i++) {
		const struct feed_row *r = &f->rows[i];

		if (r->value != 0)
			least = fmin(least, fabs(r->value));
		most = beyond(r->hi, fmax(most, fabs(r->value)), true);
		neg = beyond(r->lo, fmin(neg, r->value), false);
		d->rate |= style->rate && r->cell->gb_s > 0;
	}
	if (isfinite(least) && least < 100)
		d->decimals = least < 1 ? 3 : least < 10 ? 2 : 1;
	else if (most < 1000)
		d->decimals = 1;
	if (most >= 1000 && d->decimals > 2)
		d->decimals = 2;
	most = fmax(most, -neg);
	d->width = (most >= 1 ? (int)log10(most) : 0) + 1 + (d->decimals ? d->decimals + 1 : 0) +
		   (neg < 0);
}

static void line_start(FILE *out, size_t section, size_t y, enum line type)
{
	fprintf(out, "%zu\t%zu\t%d\t", section, y, type);
}

static void line_texts(FILE *out, const char *left, const char *brief, const char *full)
{
	feed_text(out, left);
	fputc('\t', out);
	feed_text(out, brief);
	fputc('\t', out);
	feed_text(out, full);
	fprintf(out, "\t%zu", feed_width(left));
}

static void no_numbers(FILE *out, double bound)
{
	fputs("NaN\tNaN\tNaN\t", out);
	feed_number(out, bound);
	fputs("0\t", out);
}

/* The interval of the first part, and where each part ends: the columns behind the texts. */
static void part_ends(FILE *out, const struct feed *f, const struct feed_row *r,
		      const struct forest_parts *parts)
{
	double end = 0, scale = f->sections[r->section].scale;
	struct interval first = parts->first(r);
	bool interval = isfinite(first.lo) && isfinite(first.hi);

	if (interval)
		fprintf(out, "\t%.9g\t%.9g", first.lo / scale, first.hi / scale);
	else
		fputs("\tNaN\tNaN", out);
	for (size_t i = 0; i < parts->n; i++) {
		end += parts->of(parts, r, i) / scale;
		fprintf(out, "\t%.9g", end);
	}
}

static void cell_figures(const struct feed_row *r, const struct forest *style,
			 const struct digits *d, char *brief, char *full)
{
	char rate[32] = "";

	snprintf(brief, FOREST_FIGURES, "%*.*f", d->width, d->decimals, r->value);
	if (d->rate)
		snprintf(rate, sizeof(rate), " %6.1f", r->cell->gb_s);
	if (isfinite(r->lo) && isfinite(r->hi))
		snprintf(full, FOREST_FIGURES, "%*.*f [%*.*f, %*.*f]%s", d->width, d->decimals,
			 r->value, d->width, d->decimals, r->lo, d->width, d->decimals, r->hi,
			 rate);
	else
		snprintf(full, FOREST_FIGURES, "%*.*f %-*s%s", d->width, d->decimals, r->value,
			 2 * d->width + 4, style->no_value, rate);
}

static void cell_line(FILE *out, const struct feed *f, const struct feed_row *r, size_t y,
		      const struct forest *style, const struct digits *d)
{
	bool interval = isfinite(r->lo) && isfinite(r->hi);
	char brief[FOREST_FIGURES], full[FOREST_FIGURES];

	line_start(out, r->section, y, LINE_CELL);
	feed_number(out, r->value);
	feed_number(out, interval ? r->lo : r->value);
	feed_number(out, interval ? r->hi : r->value);
	feed_number(out, bound_of(f, style, r->panel, r->run_no));
	fprintf(out, "%d\t", r->fatal);
	if (style->parts)
		style->parts->figures(r, brief, full);
	else
		cell_figures(r, style, d, brief, full);
	line_texts(out, r->label, brief, full);
	if (style->parts)
		part_ends(out, f, r, style->parts);
	fputc('\n', out);
}

static void head_line(FILE *out, const struct feed *f, size_t section, size_t y,
		      const struct forest *style, const struct digits *d)
{
	const char *unit = f->sections[section].word;
	char brief[FOREST_FIGURES], full[FOREST_FIGURES];

	/* "instructions" is wider than most counts; the axis says it anyway. */
	if (strlen(unit) > (size_t)d->width)
		unit = "";
	line_start(out, section, y, LINE_HEAD);
	no_numbers(out, NAN);
	snprintf(brief, sizeof(brief), "%s", unit);
	snprintf(full, sizeof(full), "%*s %-*s%s", d->width, unit, 2 * d->width + 4,
		 d->width < 6 ? "[95 %]" : "[95 % interval]", d->rate ? "   GB/s" : "");
	if (style->parts)
		style->parts->heads(brief, full);
	line_texts(out, f->sections[section].head, brief, full);
	fputc('\n', out);
}

static void bound_line(FILE *out, const struct feed_row *best, size_t y, double bound)
{
	char text[400], squeezed[200];
	size_t at = 0;

	for (const char *p = best->label; *p && at < sizeof(squeezed) - 1; p++)
		if (*p != ' ' || p[1] != ' ')
			squeezed[at++] = *p;
	squeezed[at] = '\0';
	snprintf(text, sizeof(text), "fastest stores %.1f GB/s: %s", best->cell->gb_s, squeezed);
	line_start(out, best->section, y, LINE_BOUND);
	no_numbers(out, bound);
	line_texts(out, text, "", "");
	fputc('\n', out);
}

/* The lines above a panel's cells. Return: how many rows of the picture they take. */
static size_t panel_lines(FILE *out, const struct feed *f, const struct forest *style,
			  const struct feed_row *first, size_t y)
{
	size_t taken = 0;

	for (size_t run = 0; run < f->n_runs && style->bound; run++) {
		const struct feed_row *best = fastest(f, first->panel, run);

		if (best)
			bound_line(out, best, y + taken++, bound_of(f, style, first->panel, run));
	}
	if (*f->panels[first->panel]) {
		line_start(out, first->section, y, LINE_PANEL);
		no_numbers(out, NAN);
		line_texts(out, f->panels[first->panel], "", "");
		fputc('\n', out);
		taken += !taken;
	}
	return taken;
}

/* Return: the rows that the section takes. With @out NULL nothing is written. */
static size_t section_lines(FILE *out, const struct feed *f, size_t section,
			    const struct forest *style)
{
	const struct feed_section *s = &f->sections[section];
	struct digits d;
	size_t y = 1;

	find_digits(f, s, style, &d);
	head_line(out, f, section, y++, style, &d);
	for (size_t i = s->first; i < s->first + s->n; i++) {
		const struct feed_row *r = &f->rows[i];

		if (i == s->first || r->panel != r[-1].panel) {
			y += i != s->first;
			y += panel_lines(out, f, style, r, y);
		}
		cell_line(out, f, r, y++, style, &d);
	}
	return y - 1;
}

/* A pass into nothing counts the rows, so that no second rule for them exists. */
static size_t count_rows(const struct feed *f, size_t section, const struct forest *style)
{
	FILE *nowhere = fopen("/dev/null", "w");
	size_t n;

	if (!nowhere)
		return 0;
	n = section_lines(nowhere, f, section, style);
	fclose(nowhere);
	return n;
}

/* Widths of what is printed beside the axis in a terminal, and in a picture. */
static void figure_widths(const struct forest *style, const struct digits *d, size_t *brief,
			  size_t *full)
{
	*brief = (size_t)d->width;
	*full = (size_t)(3 * d->width + 5 + (d->rate ? 7 : 0));
	if (style->parts) {
		char heads[2][FOREST_FIGURES];

		style->parts->heads(heads[0], heads[1]);
		*brief = strlen(heads[0]);
		*full = strlen(heads[1]);
	}
}

/* Part, place of its name among the names, name, line of names, look. */
static void write_key(FILE *out, const struct forest_parts *parts)
{
	size_t at = 0, line = 0;

	fputs("\n\n", out);
	for (size_t i = 0; i < parts->n; i++) {
		if (at && at + feed_width(parts->name[i]) > KEY_WIDE) {
			at = 0;
			line++;
		}
		fprintf(out, "%zu\t%zu\t", i + 1, at);
		feed_text(out, parts->name[i]);
		fprintf(out, "\t%zu\t%u\n", line,
			parts->look ? parts->look(parts, i) : (unsigned)i + 1);
		at += feed_width(parts->name[i]) + 4;
	}
}

int forest_write(FILE *out, const struct feed *f, const struct forest *style)
{
	for (size_t s = 0; s < f->n_sections; s++) {
		size_t brief, full;
		struct digits d;
		char axis[200];
		double lo, hi;

		axis_range(f, &f->sections[s], style, &lo, &hi);
		find_digits(f, &f->sections[s], style, &d);
		feed_axis(f, &f->sections[s], style->what, axis, sizeof(axis));
		figure_widths(style, &d, &brief, &full);
		fprintf(out, "%zu\t%.9g\t%.9g\t%zu\t%zu\t%zu\t", count_rows(f, s, style), lo, hi,
			f->width, brief, full);
		feed_text(out, axis);
		fputc('\n', out);
	}
	fputs("\n\n", out);
	for (size_t s = 0; s < f->n_sections; s++)
		section_lines(out, f, s, style);
	if (style->parts)
		write_key(out, style->parts);
	return 0;
}
