/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forest.h: a row per cell, its name on the left, its value with an interval along the axis, the
 * figures on the right. cost, saving, policy, phases, victim and idle are drawn so (forest.gp).
 */
#ifndef TDC_PLOTS_FOREST_H
#define TDC_PLOTS_FOREST_H

#include "plots/feed.h"

struct forest {
	const char *what;		  /* "cost": with the unit behind it the axis' name */
	const char *no_value;		  /* of rows without an interval: "n = 1" */
	bool bound;			  /* draw the fastest stores of each run and panel */
	bool rate;			  /* print GB/s where there is one */
	const struct forest_parts *parts; /* NULL: a value is one piece */
};

#define FOREST_FIGURES 240
#define FOREST_PARTS   12 /* that can be told apart */
#define FOREST_LOOKS   27 /* shades in forest.gp */

/* What a row's value is made of: a bar. */
struct forest_parts {
	size_t n; /* FOREST_PARTS at most */
	const char *const *name;
	/* Part @i in units of the clock, 0 where there is none. */
	double (*of)(const struct forest_parts *parts, const struct feed_row *row, size_t i);
	/* How part @i looks, from 1: one of the shades of forest.gp. NULL: as its number. */
	unsigned (*look)(const struct forest_parts *parts, size_t i);
	struct interval (*first)(const struct feed_row *row); /* of part 0, likewise */
	/* What is printed of a row: for a terminal, and with intervals for a picture; and above. */
	void (*figures)(const struct feed_row *row, char brief[FOREST_FIGURES],
			char full[FOREST_FIGURES]);
	void (*heads)(char brief[FOREST_FIGURES], char full[FOREST_FIGURES]);
};

/* Blocks 1 (a line per section), 2 (a line per row), 3 (a line per part). Return: 0 or -errno. */
int forest_write(FILE *out, const struct feed *f, const struct forest *style);

#endif
