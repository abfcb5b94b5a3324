/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stats.h: the statistics, as pure functions: numbers in, numbers out, no I/O, no allocation that
 * outlives a call. The rules (S1 to S23) are shared/statistics.md's, restated in
 * docs/tdcost-statistics.7.
 */
#ifndef TDC_ANALYSIS_STATS_H
#define TDC_ANALYSIS_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct interval {
	double lo, hi;
	double level; /* nominal confidence that the interval really has, such as 0.95 */
};

/* Median of @n >= 1 values; the mean of the middle two for even @n. Does not change @x. NaN for 0. */
double stat_median(const double *x, size_t n);

/* The same, reordering @x (quickselect): for large arrays. */
double stat_median_inplace(double *x, size_t n);

/**
 * stat_quantiles_inplace() - several quantiles by quickselect, reordering @x
 * @q: @nq of them in [0, 1], ascending, by Hyndman & Fan's type 7
 * @out: @nq values; NaN for @n == 0
 */
void stat_quantiles_inplace(double *x, size_t n, const double *q, size_t nq, double *out);

/* Quantile @q in [0, 1] by Hyndman & Fan's type 7. @sorted ascending, @n >= 1. */
double stat_quantile_sorted(const double *sorted, size_t n, double q);

/**
 * stat_median_interval() - distribution-free interval of a median
 *
 * Order statistics with the interpolation of Hettmansperger & Sheather (1986), which brings the
 * coverage near the nominal one at small @n. Below the @n at which even the extremes reach
 * @conf (6 for 95 %), the extremes are returned and @out->level is what they have.
 * Return: 0, -EINVAL for @n < 2 or a @conf outside (0, 1), -ENOMEM.
 */
int stat_median_interval(const double *x, size_t n, double conf, struct interval *out);

/* An effect: a location with its interval, from values at the level that varies. */
struct effect {
	double value;  /* the median, or the mean where the function says so */
	double lo, hi; /* interval at @level */
	double level;
	double sd; /* standard error of @value times sqrt(n): of a mean, the values' deviation */
	double df;
	double p; /* two-sided against 0, from the same distribution as the interval */
	size_t n; /* values; for Welch the smaller side */
};

/**
 * stat_median_effect() - S6, S20, paired: median over processes and its order-statistic interval
 * @x: one value per process (median over blocks of the log ratio or of the difference)
 *
 * The interval is stat_median_interval()'s.  At levels that even the extremes of @n values do not
 * reach, each end is moved out from the median in proportion to Student's t; the coverage of that is
 * simulated (tests/results/analysis/simulate_coverage.c).  p is 1 less the highest level at which the
 * interval excludes 0, so the two never disagree; below 1e-10 it is 0.
 * Return: 0, -EINVAL for @n < 2 or a @conf outside (0, 1), -ENOMEM.
 */
int stat_median_effect(const double *x, size_t n, double conf, struct effect *out);

/**
 * stat_stopping_width() - S22: half the width of stat_median_effect()'s interval, for a stopping rule
 *
 * The larger of the interval's own and of what the quartiles give for normal values, whose median has
 * 1.25 times the standard error of their mean: an interval that is narrow by chance does not stop a run
 * alone, and a few far values do not keep it from stopping. INFINITY where there is none.
 */
double stat_stopping_width(const double *x, size_t n, double level);

/* How many values to take in all, where the width was reached with @n: half as many again. */
unsigned stat_stopping_rounds(unsigned n);

/**
 * stat_t_effect() - mean and Student's t interval
 *
 * Covers the mean in far fewer than 95 % where the values are skewed; see stat_median_effect().
 * Return: 0, -EINVAL for @n < 2. All values equal gives a zero-width interval, p 0 or 1.
 */
int stat_t_effect(const double *x, size_t n, double conf, struct effect *out);

/* S6, not paired: Welch's t on two sets of log medians; value is mean(b) - mean(a). */
int stat_welch_effect(const double *a, size_t na, const double *b, size_t nb, double conf,
		      struct effect *out);

/* The same effect of means with its interval at another confidence. NaN stays NaN. */
void stat_effect_relevel(struct effect *e, double conf);

/* Two-sided quantile of Student's t: 2.262 for 0.95 and 9 degrees of freedom. */
double stat_t_quantile(double conf, double df);

enum verdict {
	VERDICT_FASTER, /* or fewer: the interval lies below 0 and not inside the smallest effect */
	VERDICT_SLOWER,
	VERDICT_EQUIVALENT,   /* the interval lies inside the smallest effect of interest */
	VERDICT_INCONCLUSIVE, /* it straddles; or n is too small, see @needed */
	VERDICT_UNTRUSTWORTHY,
	VERDICT_MAX
};

#define STAT_MIN_INVOCATIONS 6
#define STAT_MIN_BOOTS	     3

struct verdict_out {
	enum verdict verdict;
	size_t needed; /* more values at the top level before any verdict; 0 when there are enough */
};

/**
 * stat_verdict() - S6 and S7
 * @e: effect of B against A as a log ratio (negative: B takes less)
 * @sesoi: smallest effect of interest as a log ratio, such as log(1.01)
 * @min_n: STAT_MIN_INVOCATIONS or STAT_MIN_BOOTS
 * @fatal: a fatal flag applies to either side
 *
 * Equivalent when the interval lies inside (-sesoi, sesoi), also when it excludes 0; otherwise
 * faster or slower when it excludes 0; otherwise inconclusive. An interval that is exactly 0 to 0
 * (counts agree) is equivalent at any @sesoi. Untrustworthy comes before all others.
 */
struct verdict_out stat_verdict(const struct effect *e, double sesoi, size_t min_n, bool fatal);

/* "faster", "slower", ... ; for counts "fewer" and "more". */
const char *verdict_name(enum verdict v, bool is_time);

/* Exact binomial interval (Clopper & Pearson 1934) of @k events in @n. */
int stat_clopper_pearson(size_t k, size_t n, double conf, struct interval *out);

/**
 * stat_fcr_level() - S9: Benjamini & Yekutieli (2005): with @selected of @m intervals reported,
 * each is made at level 1 - (1 - @conf) * selected / m
 */
double stat_fcr_level(double conf, size_t selected, size_t m);

/* S16: what a series of per-block or per-invocation values looks like, in its order. */
struct series {
	double lag1;	     /* autocorrelation at lag 1 */
	bool autocorrelated; /* lag1 beyond its 1 % bound under independence */
	double drift;	     /* Theil-Sen slope times length, relative to the median */
	double drift_p;	     /* Mann-Kendall, two-sided, with the variance corrected for ties */
	bool drifting;	     /* drift_p < 0.01 and |drift| > 1 % */
	bool two_modes;
	double modes[2]; /* their medians when two_modes, low first */
	double share;	 /* of the values in the upper mode */
};

/**
 * stat_series() - look for autocorrelation, drift and two modes
 *
 * Drift: of more than 400 values the medians of 200 runs of consecutive ones are used. Two modes:
 * a cut (of at most 2,000 evenly spaced values) at which both sides hold at least 10 % (and 3) of
 * the values, lie more than 1 % of the level apart, far against the spread inside, and have a
 * valley between them (series.c says how far, and the source). @n < 8: nothing is claimed, all
 * is 0 and the p 1.
 * Return: 0, -EINVAL for @n == 0, -ENOMEM.
 */
int stat_series(const double *x, size_t n, struct series *out);

/*
 * Outliers by Tukey's outer fences (3 IQR), on logs where all values are positive: marked, never
 * dropped. @is_outlier: @n flags to set, or NULL. Return: how many.
 */
size_t stat_outliers(const double *x, size_t n, bool *is_outlier);

#endif
