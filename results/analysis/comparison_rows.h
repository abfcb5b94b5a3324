/* SPDX-License-Identifier: GPL-2.0-or-later */
/* comparison_rows.h: how the rows of a comparison are made: for comparison.c and shutdown.c. */
#ifndef TDC_ANALYSIS_COMPARISON_ROWS_H
#define TDC_ANALYSIS_COMPARISON_ROWS_H

#include "results/analysis/comparison.h"

/* A cell's values at the level that varies: medians of its invocations, or of its runs. */
struct comparison_values {
	double *v;
	size_t n;
};

/* The medians of a cell's invocations. The caller frees @out->v. Return: 0, -ENOMEM. */
int comparison_values(const struct report *r, const struct report_cell *c,
		      struct comparison_values *out);

/* The effect in other units: @by times as many. */
struct effect effect_scaled(const struct effect *e, double by);

/* What a row owns. */
void comparison_free_row(struct comparison_row *row);

/* An empty row at the end, or NULL. The rows may move. */
struct comparison_row *comparison_new_row(struct comparison *c);

void comparison_fill_side(struct comparison_side *s, const struct report *r,
			  const struct report_cell *c, const struct comparison_values *x);

/*
 * The effects of paired sides. @e is emptied: what decides is kept in the row, so set row->form first.
 * @units: to multiply differences by. Return: 0, -ENOMEM.
 */
int comparison_fill_paired(struct comparison_row *row, struct pair_effects *e, double units);

/* The effects of sides that share no process: Welch's. */
void comparison_fill_apart(struct comparison_row *row, const struct comparison_values *a,
			   const struct comparison_values *b);

/* Was one side measured before the other: do they share less than half of the shorter one's time? */
bool comparison_sequential(const struct report *const *a, size_t na, const struct report *const *b,
			   size_t nb);

/* Is there one boot a side, where the boot is what varies: two boots, or several runs of one? */
bool comparison_lone_boots(const struct report *const *a, size_t na, const struct report *const *b,
			   size_t nb);

/* When all rows are there: the adjusted level, and every verdict. */
void comparison_judge(struct comparison *c);

#endif
