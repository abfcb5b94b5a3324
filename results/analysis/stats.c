// SPDX-License-Identifier: GPL-2.0-or-later
#include "results/analysis/stats.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

/*
 * GSL's default handler aborts the process. Here a result that makes no sense is NaN, and the
 * caller is told by the return value.
 */
static void quiet_gsl(void)
{
	gsl_set_error_handler_off();
}

static void gsl_ready(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, quiet_gsl);
}

static bool conf_valid(double conf)
{
	return conf > 0.0 && conf < 1.0;
}

static double *copy_of(const double *x, size_t n)
{
	double *copy = malloc(n * sizeof(*copy));

	if (copy)
		memcpy(copy, x, n * sizeof(*copy));
	return copy;
}

/*
 * One quantile of @x, with everything from the returned index on being no smaller than it: the
 * next, higher quantile needs to look only there.
 */
static size_t select_quantile(double *x, size_t from, size_t n, double q, double *out)
{
	double at = q * (double)(n - 1);
	size_t k = (size_t)at;
	double above;

	*out = gsl_stats_select(x + from, 1, n - from, k - from);
	if (at <= (double)k || k + 1 >= n)
		return k;
	above = x[k + 1];
	for (size_t i = k + 2; i < n; i++)
		if (x[i] < above)
			above = x[i];
	*out += (at - (double)k) * (above - *out);
	return k;
}

void stat_quantiles_inplace(double *x, size_t n, const double *q, size_t nq, double *out)
{
	size_t from = 0;

	for (size_t i = 0; i < nq; i++) {
		if (n)
			from = select_quantile(x, from, n, q[i], &out[i]);
		else
			out[i] = NAN;
	}
}

double stat_median_inplace(double *x, size_t n)
{
	const double half = 0.5;
	double median;

	stat_quantiles_inplace(x, n, &half, 1, &median);
	return median;
}

double stat_median(const double *x, size_t n)
{
	double *copy = n ? copy_of(x, n) : NULL;
	double median = copy ? stat_median_inplace(copy, n) : NAN;

	free(copy);
	return median;
}

double stat_quantile_sorted(const double *sorted, size_t n, double q)
{
	/* GSL interpolates at (n - 1) q, which is Hyndman & Fan's type 7. */
	return n ? gsl_stats_quantile_from_sorted_data(sorted, 1, n, q) : NAN;
}

/* Probability that the median lies between the k-th smallest and the k-th largest of n values. */
static double order_level(size_t k, size_t n)
{
	double level = 1.0 - 2.0 * gsl_cdf_binomial_P((unsigned)k - 1, 0.5, (unsigned)n);

	return level > 0.0 ? level : 0.0;
}

/* The largest k whose interval still reaches @conf, or 1 where not even the extremes do. */
static size_t order_rank(size_t n, double conf)
{
	size_t lo = 1, hi = n / 2;

	while (lo < hi) {
		size_t mid = lo + (hi - lo + 1) / 2;

		if (order_level(mid, n) >= conf)
			lo = mid;
		else
			hi = mid - 1;
	}
	return lo;
}

/*
 * How far to go from the k-th order statistic to the next one inwards. Hettmansperger & Sheather
 * (1986), Statistics & Probability Letters 4(2), 75-79: not the linear share of the missing level
 * but a curve that is exact for the double exponential and near for the normal.
 */
static double order_lambda(size_t k, size_t n, double conf)
{
	double outer = order_level(k, n), inner = order_level(k + 1, n);
	double rank = (double)k, size = (double)n, share;

	if (outer <= conf || 2 * k >= n)
		return 0.0;
	share = (outer - conf) / (outer - inner);
	return (size - rank) * share / (rank + (size - 2.0 * rank) * share);
}

/* @n >= 2 values in ascending order. @out->level is what the interval has: @conf, or less. */
static void order_interval(const double *sorted, size_t n, double conf, struct interval *out)
{
	size_t k = order_rank(n, conf);
	double lambda = order_lambda(k, n, conf);

	out->lo = sorted[k - 1];
	out->hi = sorted[n - k];
	if (lambda > 0.0) {
		out->lo += lambda * (sorted[k] - out->lo);
		out->hi += lambda * (sorted[n - k - 1] - out->hi);
	}
	out->level = order_level(k, n) < conf ? order_level(k, n) : conf;
}

static double *sorted_copy(const double *x, size_t n)
{
	double *sorted = copy_of(x, n);

	gsl_ready();
	if (sorted)
		gsl_sort(sorted, 1, n);
	return sorted;
}

int stat_median_interval(const double *x, size_t n, double conf, struct interval *out)
{
	double *sorted;

	if (n < 2 || n > INT32_MAX || !conf_valid(conf))
		return -EINVAL;
	sorted = sorted_copy(x, n);
	if (!sorted)
		return -ENOMEM;
	order_interval(sorted, n, conf, out);
	free(sorted);
	return 0;
}

/* The same at any level: beyond the extremes, in proportion to Student's t. */
static void order_interval_at(const double *sorted, size_t n, double median, double conf,
			      struct interval *out)
{
	double further;

	order_interval(sorted, n, conf, out);
	if (out->level >= conf)
		return;
	further = stat_t_quantile(conf, (double)(n - 1)) /
		  stat_t_quantile(out->level, (double)(n - 1));
	out->lo = median - (median - out->lo) * further;
	out->hi = median + (out->hi - median) * further;
	out->level = conf;
}

/* Smaller than this a p is 0. */
#define LEAST_P 1e-10

/* The i-th smallest value, or of the values with their signs changed. */
static double mirrored(const double *sorted, size_t n, bool mirror, size_t i)
{
	return mirror ? -sorted[n - 1 - i] : sorted[i];
}

/*
 * 1 less the level at which the nearer end of the interval is 0: order_lambda() solved for the level
 * where 0 lies between two order statistics, and order_interval_at() where it lies beyond all.
 */
static double order_p(const double *sorted, size_t n, double median)
{
	bool mirror = median < 0.0;
	double size = (double)n, rank, outer, lambda, share, first, p;
	size_t k = 0;

	if (isnan(median))
		return NAN;
	while (k < n && mirrored(sorted, n, mirror, k) <= 0.0)
		k++;
	if (2 * k >= n)
		return 1.0;
	first = mirrored(sorted, n, mirror, 0);
	if (!k && fabs(median) <= first)
		return 0.0;
	if (!k) {
		double t = stat_t_quantile(order_level(1, n), size - 1.0);

		p = 2.0 * gsl_cdf_tdist_Q(t * fabs(median) / (fabs(median) - first), size - 1.0);
		return p < LEAST_P ? 0.0 : p;
	}
	rank = (double)k;
	outer = mirrored(sorted, n, mirror, k - 1);
	lambda = -outer / (mirrored(sorted, n, mirror, k) - outer);
	share = lambda * rank / (size - rank - lambda * (size - 2.0 * rank));
	return 1.0 - order_level(k, n) + share * (order_level(k, n) - order_level(k + 1, n));
}

int stat_median_effect(const double *x, size_t n, double conf, struct effect *out)
{
	double *sorted;
	struct interval i;

	if (n < 2 || n > INT32_MAX || !conf_valid(conf))
		return -EINVAL;
	sorted = sorted_copy(x, n);
	if (!sorted)
		return -ENOMEM;
	*out = (struct effect){ .level = conf, .df = (double)(n - 1), .n = n };
	out->value = stat_quantile_sorted(sorted, n, 0.5);
	/* GSL sorts a NaN anywhere. */
	for (size_t k = 0; k < n; k++)
		if (isnan(x[k]))
			out->value = NAN;
	order_interval_at(sorted, n, out->value, conf, &i);
	out->lo = isnan(out->value) ? NAN : i.lo;
	out->hi = isnan(out->value) ? NAN : i.hi;
	out->sd = (out->hi - out->lo) / 2.0 / stat_t_quantile(conf, out->df) * sqrt((double)n);
	out->p = order_p(sorted, n, out->value);
	free(sorted);
	return 0;
}

/* Interval and p from one t distribution, so that they can never disagree. */
static void finish_effect(struct effect *e, double se, double conf)
{
	double reach;

	gsl_ready();
	reach = se != 0.0 ? se * gsl_cdf_tdist_Pinv(0.5 + conf / 2.0, e->df) : 0.0;
	e->lo = e->value - reach;
	e->hi = e->value + reach;
	e->level = conf;
	if (isnan(e->value) || isnan(se))
		e->p = NAN;
	else if (se > 0.0)
		e->p = 2.0 * gsl_cdf_tdist_Q(fabs(e->value) / se, e->df);
	else
		e->p = e->value == 0.0 ? 1.0 : 0.0;
}

void stat_effect_relevel(struct effect *e, double conf)
{
	double reach = e->hi - e->value, was = stat_t_quantile(e->level, e->df);

	reach *= stat_t_quantile(conf, e->df) / was;
	e->lo = e->value - reach;
	e->hi = e->value + reach;
	e->level = conf;
}

double stat_t_quantile(double conf, double df)
{
	gsl_ready();
	return gsl_cdf_tdist_Pinv(0.5 + conf / 2.0, df);
}

int stat_t_effect(const double *x, size_t n, double conf, struct effect *out)
{
	if (n < 2 || !conf_valid(conf))
		return -EINVAL;
	out->n = n;
	out->value = gsl_stats_mean(x, 1, n);
	out->sd = gsl_stats_sd_m(x, 1, n, out->value);
	out->df = (double)(n - 1);
	finish_effect(out, out->sd / sqrt((double)n), conf);
	return 0;
}

int stat_welch_effect(const double *a, size_t na, const double *b, size_t nb, double conf,
		      struct effect *out)
{
	double mean_a, mean_b, va, vb, v;

	if (na < 2 || nb < 2 || !conf_valid(conf))
		return -EINVAL;
	mean_a = gsl_stats_mean(a, 1, na);
	mean_b = gsl_stats_mean(b, 1, nb);
	/* squared standard errors of the two means */
	va = gsl_stats_variance_m(a, 1, na, mean_a) / (double)na;
	vb = gsl_stats_variance_m(b, 1, nb, mean_b) / (double)nb;
	v = va + vb;

	out->n = na < nb ? na : nb;
	out->value = mean_b - mean_a;
	out->sd = sqrt(v * (double)out->n);
	/* Welch (1947) and Satterthwaite (1946); the pooled one where nothing varies */
	out->df = v > 0.0 ? v * v / (va * va / (double)(na - 1) + vb * vb / (double)(nb - 1))
			  : (double)(na + nb - 2);
	finish_effect(out, sqrt(v), conf);
	return 0;
}

double stat_stopping_width(const double *x, size_t n, double level)
{
	double *sorted = n < 2 || !conf_valid(level) ? NULL : sorted_copy(x, n);
	struct interval i;
	double sd, width;

	if (!sorted)
		return INFINITY;
	order_interval_at(sorted, n, stat_quantile_sorted(sorted, n, 0.5), level, &i);
	/* 1.349: of normal values the quartiles are that many standard deviations apart */
	sd = (stat_quantile_sorted(sorted, n, 0.75) - stat_quantile_sorted(sorted, n, 0.25)) /
	     1.349;
	free(sorted);
	width = 1.25 * stat_t_quantile(level, (double)(n - 1)) * sd / sqrt((double)n);
	width = fmax((i.hi - i.lo) / 2.0, width);
	return isnan(width) ? INFINITY : width;
}

unsigned stat_stopping_rounds(unsigned n)
{
	return n + (n + 1) / 2;
}

static bool inside(const struct effect *e, double sesoi)
{
	/* counted instructions can agree exactly, which is equivalence at any smallest effect */
	return (e->lo > -sesoi && e->hi < sesoi) || (e->lo == 0.0 && e->hi == 0.0);
}

struct verdict_out stat_verdict(const struct effect *e, double sesoi, size_t min_n, bool fatal)
{
	struct verdict_out out = { VERDICT_INCONCLUSIVE, 0 };

	if (e->n < min_n)
		out.needed = min_n - e->n;
	if (fatal)
		out.verdict = VERDICT_UNTRUSTWORTHY;
	else if (out.needed || isnan(e->lo) || isnan(e->hi))
		out.verdict = VERDICT_INCONCLUSIVE;
	else if (inside(e, sesoi))
		out.verdict = VERDICT_EQUIVALENT;
	else if (e->hi < 0.0)
		out.verdict = VERDICT_FASTER;
	else if (e->lo > 0.0)
		out.verdict = VERDICT_SLOWER;
	return out;
}

const char *verdict_name(enum verdict v, bool is_time)
{
	static const char *const names[VERDICT_MAX][2] = {
		[VERDICT_FASTER] = { "fewer", "faster" },
		[VERDICT_SLOWER] = { "more", "slower" },
		[VERDICT_EQUIVALENT] = { "equivalent", "equivalent" },
		[VERDICT_INCONCLUSIVE] = { "inconclusive", "inconclusive" },
		[VERDICT_UNTRUSTWORTHY] = { "untrustworthy", "untrustworthy" },
	};

	return (unsigned)v < VERDICT_MAX ? names[v][is_time] : "?";
}

int stat_clopper_pearson(size_t k, size_t n, double conf, struct interval *out)
{
	double tail = (1.0 - conf) / 2.0;

	if (!n || k > n || !conf_valid(conf))
		return -EINVAL;
	gsl_ready();
	out->lo = k ? gsl_cdf_beta_Pinv(tail, (double)k, (double)(n - k + 1)) : 0.0;
	out->hi = k < n ? gsl_cdf_beta_Qinv(tail, (double)(k + 1), (double)(n - k)) : 1.0;
	out->level = conf;
	return 0;
}

double stat_fcr_level(double conf, size_t selected, size_t m)
{
	if (!m || selected >= m)
		return conf;
	/* with none selected there is no interval to make: answer for the first one */
	return 1.0 - (1.0 - conf) * (double)(selected ? selected : 1) / (double)m;
}

/* @x itself where a logarithm is not possible. Return: NULL when out of memory. */
static double *logs_of(const double *x, size_t n)
{
	double *logs = copy_of(x, n);
	bool positive = true;

	for (size_t i = 0; i < n && positive; i++)
		positive = x[i] > 0.0;
	for (size_t i = 0; logs && positive && i < n; i++)
		logs[i] = log(x[i]);
	return logs;
}

size_t stat_outliers(const double *x, size_t n, bool *is_outlier)
{
	static const double quartiles[2] = { 0.25, 0.75 };
	double *logs, *scratch, q[2] = { 0 }, reach;
	size_t count = 0;

	if (!n)
		return 0;
	logs = logs_of(x, n);
	scratch = logs ? copy_of(logs, n) : NULL;
	if (scratch)
		stat_quantiles_inplace(scratch, n, quartiles, 2, q);
	reach = scratch ? 3.0 * (q[1] - q[0]) : 0.0;
	for (size_t i = 0; i < n; i++) {
		bool far = scratch && (logs[i] < q[0] - reach || logs[i] > q[1] + reach);

		if (is_outlier)
			is_outlier[i] = far;
		count += far;
	}
	free(scratch);
	free(logs);
	return count;
}
