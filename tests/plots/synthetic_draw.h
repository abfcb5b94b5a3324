/* SPDX-License-Identifier: GPL-2.0-or-later */
/* synthetic_draw.h: the invented numbers, benchmark by benchmark. */
#ifndef TDC_TESTS_PLOTS_SYNTHETIC_DRAW_H
#define TDC_TESTS_PLOTS_SYNTHETIC_DRAW_H

#include <stdbool.h>

#include "results/store/store.h"

#define SYNTHETIC_CPUS	   64
#define SYNTHETIC_PACKAGES 2
#define SYNTHETIC_HZ	   2e9
#define SYNTHETIC_PARTS	   400 /* that one sample yields at most */
#define SYNTHETIC_FACTORS  8

struct synthetic_factor {
	const char *name, *usual; /* levels, with commas */
	bool paired;
};

/* One sample under way. */
struct synthetic_draw {
	uint64_t state; /* of the generator: the same numbers each time */
	double place;	/* what this process and this moment do to every time */
	const char *factor[SYNTHETIC_FACTORS], *level[SYNTHETIC_FACTORS];
	unsigned n_factors;
	uint32_t seq;
	double ns; /* the sample's time: to be set */
	uint64_t work;
	struct store_part part[SYNTHETIC_PARTS];
	unsigned n_parts;
};

struct synthetic_bench {
	const char *name;
	const struct synthetic_factor *factors; /* ends with a NULL name */
	const struct store_metric *metrics;	/* ends with a NULL name */
	void (*draw)(struct synthetic_draw *d);
};

extern const struct synthetic_bench synthetic_benches[]; /* ends with a NULL name */

/* Standard normal, or nearly: the sum of twelve uniform numbers. */
double synthetic_noise(struct synthetic_draw *d);

#endif
