/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forest.h: a row per cell, its name on the left, its value with an interval along the axis, the
 * figures on the right. cost and saving are drawn so (forest.gp).
 */
#ifndef TDC_PLOTS_FOREST_H
#define TDC_PLOTS_FOREST_H

#include "plots/feed.h"

struct forest {
	const char *what;     /* "cost": with the unit behind it the axis' name */
	const char *no_value; /* of rows without an interval: "n = 1" */
	bool bound;	      /* draw the fastest stores of each run and panel */
	bool rate;	      /* print GB/s where there is one */
};

/* Blocks 1 (a line per section) and 2 (a line per row). Return: 0 or -errno. */
int forest_write(FILE *out, const struct feed *f, const struct forest *style);

#endif
