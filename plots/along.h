/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * along.h: values against the levels of a factor that is a number, a curve for each combination of
 * the other factors' levels. dirty, threads, size and vcpus are drawn so (along.gp).
 */
#ifndef TDC_PLOTS_ALONG_H
#define TDC_PLOTS_ALONG_H

#include "plots/feed.h"

#define ALONG_POINTS \
	"point: median over invocations; bar: its 95 % interval; curves stand side by side"

/* Points that no run holds: a panel of their own, below the others, on axes of their own. */
struct along_apart {
	char name[192]; /* of the panel: what they are, and whose */
	const char *x_name, *y_name;
	struct feed_row *rows; /* label, x, value; the rows of a curve have one label; freed */
	size_t n;
};

struct along {
	const char *factor;
	const char *x_name;
	bool bytes; /* levels are sizes: the axis is in MiB or GiB */
	bool log;   /* the axis: levels are above 0 */
	const char *title, *note;
	const char *none;	   /* what is said where nothing can be drawn, with a command */
	const char *const *inside; /* feed.inside: factors that tell the curves of a panel apart */
	const char *instead; /* a metric that is drawn in place of the time where there is one */
	bool together;	     /* feed.together */
	const char *const *also; /* metrics with panels of their own, up to a NULL; NULL */
	/* Fills @out, which is zero. Return: 0 or -errno. NULL: there are none. */
	int (*apart)(struct along_apart *out, struct reason *why);
	const struct along_pair *pair; /* what one level of a paired factor saves; NULL */
};

/* Panels of their own for what level @b takes less than level @a: in the clock's unit, in percent. */
struct along_pair {
	const char *factor, *a, *b;
	const char *difference, *percent; /* what these panels are called */
};

/* A feed function but for its first argument. */
int along_feed(const struct along *a, FILE *data, const struct report *const *runs, size_t n,
	       struct reason *why);

#endif
