/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * told.h: some of a benchmark's further metrics, each with a section of its own and a row per cell.
 * victim and idle are drawn so (forest.gp).
 */
#ifndef TDC_PLOTS_TOLD_H
#define TDC_PLOTS_TOLD_H

#include "plots/feed.h"

struct told {
	const char *metric, *title;
	const char *unit; /* NULL: what the metric says */
};

struct told_plot {
	const struct told *told; /* up to a NULL metric */
	const char *title, *note;
	const char *none; /* what is said where nothing can be drawn, with a command */
	const char *const *inside, *const *always; /* of struct feed */
};

/* A feed function but for its first argument. */
int told_feed(const struct told_plot *plot, FILE *data, const struct report *const *runs, size_t n,
	      struct reason *why);

#endif
