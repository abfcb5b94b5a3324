/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * curves.h: panels with curves and legends beside them. ecdf, cpus, dirty and threads are drawn so
 * (curves.gp). A panel holds at most eight curves, what can be told apart in grey; more of one
 * panel get further ones.
 */
#ifndef TDC_PLOTS_CURVES_H
#define TDC_PLOTS_CURVES_H

#include "plots/feed.h"

struct axis {
	double lo, hi;
	bool log;
	bool time; /* in ns, told in units that fit */
};

struct curve {
	const struct feed_row *row; /* what it is called; the first where it joins several */
	size_t rows;		    /* that it joins */
	double *x; /* values, ascending, in the section's unit; NULL: rows are points */
	size_t n;
	bool owned;	  /* curves_end() frees @x */
	double middle;	  /* legends are in this order */
	char figures[80]; /* behind its name in the legend, under curves.figures; may be "" */
};

struct panel {
	size_t first, n;    /* curves */
	size_t part, parts; /* of those that share a panel's name */
	struct axis x, y;
	double mark; /* a line across at this x; 0 for none */
	char x_name[200], y_name[200];
};

struct curves {
	struct feed *f;
	struct curve *curve; /* room for one a row */
	struct panel *panel;
	size_t n, panels;
	const char *figures; /* head of their column; "" for none */
};

/* After feed_arrange(): room for what is to be drawn, and @more curves. Return: 0, -ENOMEM. End with curves_end(). */
int curves_start(struct curves *c, struct feed *f, size_t more);
void curves_end(struct curves *c);

/* With all curves there: sort legends, make panels. What is beyond a picture's height is counted. */
void curves_divide(struct curves *c, bool sorted);

/* From values to an axis around them, logarithmic where they span much and are positive. */
void axis_around(struct axis *a, double lo, double hi, double log_span);

/* Blocks 1 (a line per panel) and 2 (a line per curve). Each curve's own block is to follow. */
void curves_write(FILE *out, const struct curves *c);

#endif
