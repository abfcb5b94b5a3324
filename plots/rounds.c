// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rounds: each invocation's median, relative to its cell's, in order of the rounds. A strip per
 * cell; a slope or a step that several share is the machine's, not the cell's.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "plots/feed.h"
#include "plots/feeds.h"

#define MAX_SCALE 0.5 /* half a strip; what is further out is drawn at the edge and marked */

struct strip {
	double *median;
	long n;
};

static double deviation(const struct feed_row *r, double median)
{
	return r->value > 0 ? median / r->value - 1 : 0;
}

/* The samples are in units of the clock; a row's value is in what its section is drawn in. */
static int load(const struct feed *f, struct strip *strips, double *scale)
{
	double most = 0;

	for (size_t i = 0; i < f->n; i++) {
		const struct feed_row *r = &f->rows[i];
		struct strip *s = &strips[i];

		s->n = dataset_medians(r->run->ds, r->cell->row->arm_group, r->cell->row->arm,
				       &s->median);
		if (s->n < 0)
			return (int)s->n;
		for (long k = 0; k < s->n; k++) {
			s->median[k] /= f->sections[r->section].scale;
			most = fmax(most, fabs(deviation(r, s->median[k])));
		}
	}
	/* Counts agree exactly, and then any scale will do. */
	*scale = most > 0 ? fmin(feed_nice_ceiling(fmax(most, 1e-6)), MAX_SCALE) : 0.01;
	return 0;
}

/* y: where the strip's middle is; one blank row before each panel holds its name. */
static size_t next_y(const struct feed *f, size_t i, size_t y)
{
	if (i && f->rows[i].panel == f->rows[i - 1].panel)
		return y + 1;
	return y + 1 + (*f->panels[f->rows[i].panel] ? 1 : 0);
}

static void write_texts(FILE *out, const struct feed *f, const struct strip *strips)
{
	size_t y = 1;

	fputs("1\t2\t", out);
	feed_text(out, f->sections[0].head);
	fputc('\t', out);
	feed_text(out, "spread");
	fputc('\n', out);
	for (size_t i = 0; i < f->n; i++) {
		double lo = INFINITY, hi = -INFINITY;
		char spread[48];

		y = next_y(f, i, y);
		if (*f->panels[f->rows[i].panel] &&
		    (!i || f->rows[i].panel != f->rows[i - 1].panel)) {
			fprintf(out, "%zu\t1\t", y - 1);
			feed_text(out, f->panels[f->rows[i].panel]);
			fputs("\t\"\"\n", out);
		}
		for (long k = 0; k < strips[i].n; k++) {
			lo = fmin(lo, deviation(&f->rows[i], strips[i].median[k]));
			hi = fmax(hi, deviation(&f->rows[i], strips[i].median[k]));
		}
		snprintf(spread, sizeof(spread), "%+.1f %+.1f %%", 100 * lo, 100 * hi);
		fprintf(out, "%zu\t0\t", y);
		feed_text(out, f->rows[i].label);
		fputc('\t', out);
		feed_text(out, spread);
		fputc('\n', out);
	}
	fputs("\n\n", out);
}

/* A block per strip: gnuplot draws a line through each and none between two. */
static void write_strips(FILE *out, const struct feed *f, const struct strip *strips, double scale)
{
	size_t y = 1;

	for (size_t i = 0; i < f->n; i++) {
		y = next_y(f, i, y);
		for (long k = 0; k < strips[i].n; k++) {
			double d = deviation(&f->rows[i], strips[i].median[k]);
			double drawn = fmax(-1, fmin(1, d / scale));

			/* Up is dearer; rows count downwards. */
			fprintf(out, "%ld\t%.6g\t%zu\t%.6g\t%d\n", k + 1, (double)y - 0.42 * drawn,
				y, d, fabs(d) > scale);
		}
		fputc('\n', out);
	}
}

static int write_all(FILE *out, const struct feed *f, const struct strip *strips, double scale)
{
	size_t y = 1;
	long most = 1;

	for (size_t i = 0; i < f->n; i++) {
		y = next_y(f, i, y);
		most = strips[i].n > most ? strips[i].n : most;
	}
	fprintf(out, "%zu\t%ld\t%zu\t%.6g\n\n\n", y, most, f->width, 100 * scale);
	write_texts(out, f, strips);
	write_strips(out, f, strips, scale);
	return 0;
}

static int write_picture(FILE *data, const struct feed *f, struct reason *why)
{
	struct strip *strips = calloc(f->n, sizeof(*strips));
	char benchmarks[120], title[200], note[240], step[24];
	double scale = 1;
	int ret = strips ? load(f, strips, &scale) : -ENOMEM;

	if (ret) {
		reason_set(why, ret, "out of memory");
		goto out;
	}
	snprintf(title, sizeof(title), "%s: each invocation's median, round by round",
		 feed_drawn(f, benchmarks, sizeof(benchmarks)));
	snprintf(step, sizeof(step), "%.3g", 100 * scale);
	snprintf(note, sizeof(note),
		 "deviation from the cell's median; a strip's height is +-%s %%, up is %s; "
		 "a cross lies beyond its strip",
		 step, f->runs[0]->data.run.clock == CLOCK_UNIT_NS ? "slower" : "more");
	feed_caption(data, f, title, note);
	write_all(data, f, strips, scale);
	ret = feed_done(data, why);
out:
	for (size_t i = 0; strips && i < f->n; i++)
		free(strips[i].median);
	free(strips);
	return ret;
}

int rounds_feed(FILE *data, const struct report *const *runs, size_t n, struct reason *why)
{
	struct feed f;
	int ret = feed_start(&f, runs, n, why);

	if (!ret && feed_add_cells(&f, true))
		ret = reason_set(why, -ENOMEM, "out of memory");
	if (!ret)
		ret = feed_arrange(&f, NULL, why);
	if (!ret)
		ret = write_picture(data, &f, why);
	feed_end(&f);
	return ret;
}
