/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * remarks.h: what a reader must know of the rows of a comparison, and of the cells of a run, besides
 * their figures: single boots, dependence between processes, outlying processes.
 */
#ifndef TDC_CLI_REMARKS_H
#define TDC_CLI_REMARKS_H

#include "results/analysis/comparison.h"

/* A line each, without a full stop. */
struct remarks {
	char line[8][320];
	size_t n;
};

/* "Verdicts are adjusted for 12 comparisons: intervals at 99.58 %."; "" where there is one. */
char *adjusted_text(const struct comparison *c, char *buf, size_t n);

/* Of rows: single boots, outlying processes, effects that depend on each other, levels that do. */
void comparison_remarks(const struct comparison *c, struct remarks *out);

/* The same without what is said of the levels. */
void effects_remarks(const struct comparison *c, struct remarks *out);

/* Of a run's cells: processes that depend on each other, drift, two modes. */
void report_remarks(const struct report *r, struct remarks *out);

#endif
