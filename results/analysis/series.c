// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * series.c: S16, what a series of values looks like in its order: autocorrelation, drift, two
 * modes. Each answer is a remark for the reader; none changes an interval or a verdict.
 */
#include "results/analysis/stats.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>

#define SMALLEST    8	 /* values below which nothing is claimed */
#define DRIFT_RUNS  200	 /* runs of consecutive values, whose medians are searched for drift */
#define MODE_SAMPLE 2000 /* evenly spaced values that are searched for two modes */
#define CLAIM_P	    0.01 /* of autocorrelation and of drift */
#define CLAIM_SIZE  0.01 /* smallest drift, and distance of modes, as a share of the level */

#define IQR_OF_UNIT_NORMAL 1.3489795003921634

/* Box & Jenkins' estimate, whose covariance divides by n. */
static double lag1(const double *x, size_t n)
{
	double mean = 0.0, var = 0.0, cov = 0.0;

	for (size_t i = 0; i < n; i++)
		mean += (x[i] - mean) / (double)(i + 1);
	for (size_t i = 0; i < n; i++) {
		var += (x[i] - mean) * (x[i] - mean);
		if (i)
			cov += (x[i] - mean) * (x[i - 1] - mean);
	}
	return var > 0.0 ? cov / var : 0.0;
}

/*
 * Under independence the estimate is nearly normal around -1/n with variance (n-2)^2/(n^2(n-1)):
 * Moran (1948), Biometrika 35, 255-260; at small n the usual bound around 0 is far off its level
 * (Huitema & McKean (1991), Psychological Bulletin 110, 291-304).
 */
static bool lag1_beyond(double r, size_t n)
{
	double size = (double)n;
	double sd = (size - 2.0) / (size * sqrt(size - 1.0));

	return fabs(r + 1.0 / size) > sd * gsl_cdf_ugaussian_Qinv(CLAIM_P / 2.0);
}

/* The values themselves, or medians of runs: all pairs of a long series would take minutes. */
static size_t shorten(const double *x, size_t n, double *out, double *scratch)
{
	if (n <= 2 * DRIFT_RUNS) {
		memcpy(out, x, n * sizeof(*out));
		return n;
	}
	for (size_t r = 0; r < DRIFT_RUNS; r++) {
		size_t from = n * r / DRIFT_RUNS, len = n * (r + 1) / DRIFT_RUNS - from;

		memcpy(scratch, x + from, len * sizeof(*scratch));
		out[r] = stat_median_inplace(scratch, len);
	}
	return DRIFT_RUNS;
}

/* Kendall's variance of S with groups of equal values taken into account. @x is sorted here. */
static double kendall_variance(double *x, size_t n)
{
	double size = (double)n, var = size * (size - 1.0) * (2.0 * size + 5.0);

	gsl_sort(x, 1, n);
	for (size_t i = 0, j; i < n; i = j) {
		double t;

		for (j = i + 1; j < n && x[j] == x[i]; j++)
			;
		t = (double)(j - i);
		var -= t * (t - 1.0) * (2.0 * t + 5.0);
	}
	return var / 18.0;
}

/*
 * Slope: Theil (1950) and Sen (1968), the median over all pairs. Test: Mann (1945) and Kendall
 * (Rank Correlation Methods, 1975), normal approximation with the correction for continuity.
 * Both stand single outliers, which timings always have. @x is reordered; @slopes holds n(n-1)/2.
 */
static void drift_of(double *x, size_t n, double *slopes, double *slope, double *p)
{
	size_t pairs = 0;
	double var;
	long s = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t j = i + 1; j < n; j++) {
			slopes[pairs++] = (x[j] - x[i]) / (double)(j - i);
			s += (x[j] > x[i]) - (x[j] < x[i]);
		}
	}
	*slope = stat_median_inplace(slopes, pairs);
	var = kendall_variance(x, n);
	*p = 1.0;
	if (s && var > 0.0)
		*p = fmin(1.0, 2.0 * gsl_cdf_ugaussian_Q((double)(labs(s) - 1) / sqrt(var)));
}

static int find_drift(const double *x, size_t n, struct series *out)
{
	size_t room = n < 2 * DRIFT_RUNS ? n : 2 * DRIFT_RUNS, m;
	double *y = malloc((n + room) * sizeof(*y));
	double *slopes = malloc(room * (room - 1) / 2 * sizeof(*slopes));
	double slope, level;
	int ret = -ENOMEM;

	if (!y || !slopes)
		goto out;
	m = shorten(x, n, y, y + room);
	drift_of(y, m, slopes, &slope, &out->drift_p);
	level = fabs(stat_median_inplace(y, m));
	out->drift = level > 0.0 ? slope * (double)m / level : 0.0;
	out->drifting = out->drift_p < CLAIM_P && fabs(out->drift) > CLAIM_SIZE;
	ret = 0;
out:
	free(slopes);
	free(y);
	return ret;
}

/* One way to cut sorted values in two: [0, at) and [at, n). */
struct cut {
	size_t at;
	double low, high; /* medians of the sides */
	double d;	  /* distance between them in units of the spread inside */
};

static double side_variance(const double *x, size_t n)
{
	double iqr = stat_quantile_sorted(x, n, 0.75) - stat_quantile_sorted(x, n, 0.25);

	return iqr * iqr / (IQR_OF_UNIT_NORMAL * IQR_OF_UNIT_NORMAL);
}

/*
 * Ashman, Bird & Zepf (1994), AJ 108, 2348: D = sqrt(2) |m1 - m2| / sqrt(s1^2 + s2^2), here with
 * medians and quartiles so that a few interrupts cannot hide a mode. @grain is the clock's step:
 * equal ticks hide a spread of about that much.
 */
static void judge_cut(const double *x, size_t n, double grain, struct cut *c)
{
	double var = side_variance(x, c->at) + side_variance(x + c->at, n - c->at);

	c->low = stat_quantile_sorted(x, c->at, 0.5);
	c->high = stat_quantile_sorted(x + c->at, n - c->at, 0.5);
	c->d = M_SQRT2 * (c->high - c->low) / sqrt(var + 2.0 * grain * grain / 12.0);
}

/* Smallest step between different values, apart from what rounding makes. */
static double grain_of(const double *x, size_t n)
{
	double grain = x[n - 1] - x[0], noise = 1e-9 * fmax(fabs(x[0]), fabs(x[n - 1]));

	for (size_t i = 1; i < n; i++) {
		double step = x[i] - x[i - 1];

		if (step > noise && step < grain)
			grain = step;
	}
	return grain;
}

/* Values of sorted @x below @v. */
static size_t below(const double *x, size_t n, double v)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (x[mid] < v)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static size_t around(const double *x, size_t n, double centre, double reach)
{
	return below(x, n, centre + reach) - below(x, n, centre - reach);
}

/* Between two modes is a valley: of three equal windows the middle one holds less than half. */
static bool has_valley(const double *x, size_t n, const struct cut *c)
{
	double reach = (c->high - c->low) / 6.0;
	size_t middle = around(x, n, (c->low + c->high) / 2.0, reach);

	return 2 * middle < around(x, n, c->low, reach) &&
	       2 * middle < around(x, n, c->high, reach);
}
static size_t smallest_side(size_t n)
{
	size_t tenth = (n + 9) / 10;

	return tenth > 3 ? tenth : 3;
}

/*
 * The best cut by D, then moved to the middle between its medians: D is flat around a good cut,
 * and the share of a mode should not depend on where on that plateau noise put the maximum.
 */
static bool best_cut(const double *x, size_t n, struct cut *best)
{
	size_t side = smallest_side(n);
	double grain = grain_of(x, n);

	best->d = 0.0;
	for (size_t at = side; at + side <= n; at++) {
		struct cut c = { .at = at };

		if (x[at - 1] == x[at])
			continue;
		judge_cut(x, n, grain, &c);
		if (c.d > best->d)
			*best = c;
	}
	if (best->d == 0.0)
		return false;
	best->at = below(x, n, (best->low + best->high) / 2.0);
	if (best->at < side || n - best->at < side)
		return false;
	judge_cut(x, n, grain, best);
	return true;
}

/*
 * How large D must be. Of one mode cut in two D is large already (2.3 for the normal, 2.7 for the
 * uniform, 3.3 for the exponential tail), and choosing the best cut of few values makes it larger
 * by chance, so Ashman's D > 2 says nothing here. This curve was fitted to the 98 to 99 % points
 * of D on ten unimodal kinds of noise at n = 8 to 1000; tests/results/analysis/simulate_series.c
 * prints the rate of false alarms it leaves.
 */
static double critical_d(size_t n)
{
	return 3.5 + 90.0 / (double)n;
}

static int find_modes(const double *x, size_t n, struct series *out)
{
	double *sorted = malloc(MODE_SAMPLE * sizeof(*sorted)), level;
	struct cut best;
	size_t m = n;

	if (!sorted)
		return -ENOMEM;
	if (m > MODE_SAMPLE)
		m = MODE_SAMPLE;
	for (size_t i = 0; i < m; i++)
		sorted[i] = x[n * i / m];
	gsl_sort(sorted, 1, m);
	level = fabs(stat_quantile_sorted(sorted, m, 0.5));
	if (best_cut(sorted, m, &best) && best.d > critical_d(m) && has_valley(sorted, m, &best) &&
	    level > 0.0 && best.high - best.low > CLAIM_SIZE * level) {
		out->two_modes = true;
		out->modes[0] = best.low;
		out->modes[1] = best.high;
		out->share = (double)(m - best.at) / (double)m;
	}
	free(sorted);
	return 0;
}

int stat_series(const double *x, size_t n, struct series *out)
{
	int ret;

	if (!n)
		return -EINVAL;
	*out = (struct series){ .drift_p = 1.0 };
	if (n < SMALLEST)
		return 0;
	out->lag1 = lag1(x, n);
	out->autocorrelated = lag1_beyond(out->lag1, n);
	ret = find_drift(x, n, out);
	return ret ? ret : find_modes(x, n, out);
}
