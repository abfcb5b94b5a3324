/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * comparison.h: two sets of runs, or two arms of one run, as evidence: levels, effect, interval, n
 * at the level that varies, p and verdict for each pair of matching cells (S3, S6, S7, S9).
 */
#ifndef TDC_ANALYSIS_COMPARISON_H
#define TDC_ANALYSIS_COMPARISON_H

#include <stdbool.h>
#include <stddef.h>

#include "results/analysis/floor.h"
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
	double load; /* load_share(); of several runs the largest */
};

/* How the two sides of a row were set against each other. */
enum pairing {
	PAIRED_NOT,    /* they share no process: Welch's t */
	PAIRED_BLOCKS, /* in the same blocks of the same processes */
	PAIRED_ROUNDS, /* in processes of the same rounds of one run */
};

/* Values that lie beyond Tukey's outer fences: each may carry a mean by itself. */
struct comparison_outliers {
	size_t n;
	double value; /* the farthest one, in the form that decides */
	unsigned round;
};

struct comparison_row {
	struct comparison_side a, b;
	enum effect_form form; /* which effect the verdict is about */
	enum pairing pairing;
	struct effect diff;  /* b - a, at 95 %: of paired sides the median, else the means' */
	struct effect share; /* diff as a share of a, in each process where they are paired */
	struct effect ratio; /* log(b / a), at 95 %; meaningless unless ratio_valid */
	bool ratio_valid;
	double *effects;  /* paired: what decides, of each process in order; owned */
	unsigned *rounds; /* of those processes; owned */
	size_t n_effects;
	struct series series; /* S21: of the effects in their order */
	struct comparison_outliers outliers;
	bool lone_boots; /* each side has a single boot, so nothing is known of how boots vary (S18) */
	bool trivial; /* an arm does nothing, so its saving is certain: judged in a family of its own */
	struct interval judged; /* the deciding effect as a share of A (log ratio), adjusted (S9) */
	struct verdict_out verdict;
	size_t new_run; /* values of a new run that would decide with 80 % power; 0: decided */
	enum kind kind;
	bool fatal;
	double floor;		       /* noise floor as a share, NaN where none applies */
	struct row_floor floor_of;     /* set by floor_set() */
	enum row_withheld withheld;    /* set by load_withhold() and floor_withhold() */
	const char *level_a, *level_b; /* of the factor compared; NULL between runs; borrowed */
	size_t asked;		       /* comparison_by(): which pairing it belongs to */
	char label[192];
};

/* Verdicts that were adjusted together (S9). */
struct comparison_family {
	double level;	 /* of the adjusted intervals */
	size_t adjusted; /* how many comparisons they were adjusted for; 0: one or none */
};

struct comparison {
	struct comparison_row *rows;
	size_t n_rows;
	const struct report_cell **only_a, **only_b; /* planned cells without a partner */
	size_t n_only_a, n_only_b;
	bool paired;	 /* arms of one run */
	bool boots;	 /* n counts distinct boots, not invocations */
	bool sequential; /* one side was measured before the other: drift is in the figure */
	double sesoi;	 /* smallest effect of interest, as a share */
	struct comparison_family family, trivial;
	size_t min_n; /* below it there is no verdict */
};

/* Does the difference decide (form, or no ratio exists), or the log ratio? */
bool comparison_by_difference(const struct comparison_row *row);

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
 * One run a side: Welch's t on the invocations' log medians. Several on either side: n counts
 * distinct boots (S18), each with the median of its runs. Return: 0; -ENOENT where no cell is on both
 * sides; -ENOMEM.
 */
int comparison_runs(const struct report *const *a, size_t na, const struct report *const *b,
		    size_t nb, double sesoi, struct comparison *out, struct reason *why);

/**
 * comparison_allowed() - may these runs be compared?
 * @across: names of environment keys that may differ, or groups of them ("kernel")
 *
 * Return: 0; -ENOMEM; -EINVAL with @why: a run on both sides; different clocks, lanes, quantities
 * or benchmark versions; hosts or environments that differ in a key that was not named. @why then
 * lists the keys and ends in the option that allows them.
 */
int comparison_allowed(const struct report *const *a, size_t na, const struct report *const *b,
		       size_t nb, const char *const *across, size_t n_across, struct reason *why);

/* The first row after @i of another benchmark than row @i's; rows of one stand together. */
size_t comparison_next(const struct comparison *c, size_t i);

void comparison_free(struct comparison *c);

/**
 * effect_new_run() - how many values of a new run would decide with 80 % power (S22)
 * @share: the effect as a share, with sd, df and the level of the verdict
 *
 * Planned for the effect as it looks now, or for equivalence where it looks smaller than half of
 * @sesoi. The run is to be a new one: adding values until it is decided would find an effect in
 * nearly anything. Return: 0 where nothing can be said; 100,000 at most.
 */
size_t effect_new_run(const struct effect *share, double sesoi, size_t min_n);

#endif
