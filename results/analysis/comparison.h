/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * comparison.h: two sets of runs, or two arms of one run, as evidence: levels, effect, interval, n
 * at the level that varies, p and verdict for each pair of matching cells (S3, S6, S7, S9).
 */
#ifndef TDC_ANALYSIS_COMPARISON_H
#define TDC_ANALYSIS_COMPARISON_H

#include <stdbool.h>
#include <stddef.h>

#include "results/analysis/report.h"
#include "results/analysis/stats.h"

/* One side of a row: a cell in one run, or the same cell in several. */
struct comparison_side {
	const struct report *report;	/* of the first run; borrowed */
	const struct report_cell *cell; /* of the first run; borrowed */
	double level;
	struct interval interval; /* NaN where n is 1 */
	size_t n;		  /* invocations, or boots where a side has several runs */
	size_t samples;
};

struct comparison_row {
	struct comparison_side a, b;
	enum effect_form form; /* which effect the verdict is about */
	bool paired;
	struct effect diff;  /* b - a, at 95 % */
	struct effect ratio; /* log(b / a), at 95 %; meaningless unless ratio_valid */
	bool ratio_valid;
	struct interval judged; /* the deciding effect as a share of A (log ratio), adjusted (S9) */
	struct verdict_out verdict;
	size_t more; /* values more at the level that varies that would probably decide; 0: decided */
	enum kind kind;
	bool fatal;
	double floor;		       /* noise floor as a share, NaN where it was not calibrated */
	const char *level_a, *level_b; /* of the factor compared; NULL between runs; borrowed */
	char label[192];
};

struct comparison {
	struct comparison_row *rows;
	size_t n_rows;
	const struct report_cell **only_a, **only_b; /* planned cells without a partner */
	size_t n_only_a, n_only_b;
	bool paired;	 /* arms of one run */
	bool boots;	 /* n counts boots, not invocations */
	bool sequential; /* one side was measured before the other: drift is in the figure */
	double sesoi;	 /* smallest effect of interest, as a share */
	double level;	 /* of the adjusted intervals */
	size_t adjusted; /* how many comparisons they were adjusted for */
	size_t min_n;	 /* below it there is no verdict */
};

/**
 * comparison_by() - levels of a paired factor against each other, in one run
 * @pairings: @n of them, judged together
 * @form: which effect decides, by benchmark and factor
 *
 * Return: 0; -ENOENT where no two arms differ in that factor alone; -ENOMEM. Free with
 * comparison_free().
 */
int comparison_by(const struct report *r, const struct report_pairing *pairings, size_t n,
		  enum effect_form (*form)(const char *benchmark, const char *factor), double sesoi,
		  struct comparison *out, struct reason *why);

/**
 * comparison_runs() - all cells of the runs @b against the same cells of the runs @a
 *
 * One run a side: Welch's t on the invocations' log medians. Several on either side: each run is a
 * boot, and n counts boots. Return: 0; -ENOENT where no cell is on both sides; -ENOMEM.
 */
int comparison_runs(const struct report *const *a, size_t na, const struct report *const *b,
		    size_t nb, double sesoi, struct comparison *out, struct reason *why);

/**
 * comparison_allowed() - may these runs be compared?
 * @across: names of environment keys that may differ, or groups of them ("kernel")
 *
 * Return: 0; -EINVAL with @why: different clocks, lanes, quantities or benchmark versions, or
 * environments that differ in a key that was not named (all of them are listed).
 */
int comparison_allowed(const struct report *const *a, size_t na, const struct report *const *b,
		       size_t nb, const char *const *across, size_t n_across, struct reason *why);

/* The first row after @i of another benchmark than row @i's; rows of one stand together. */
size_t comparison_next(const struct comparison *c, size_t i);

void comparison_free(struct comparison *c);

/**
 * effect_more() - how many values more would narrow the interval until it decides
 * @share: the effect as a share, with sd and df
 */
size_t effect_more(const struct effect *share, double sesoi, size_t min_n);

#endif
