// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/results/analysis/close_to.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "results/analysis/stats.h"

/* Gosset's sleep data, as in R's "sleep": extra hours of sleep under two drugs. */
static const double drug1[10] = { 0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0 };
static const double drug2[10] = { 1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4 };

static void test_median(void **state)
{
	const double odd[] = { 9, 1, 5 }, even[] = { 4, 1, 9, 2 }, ties[] = { 2, 2, 2, 2, 7, 2 };
	double copy[4];

	(void)state;
	assert_close(stat_median(odd, 3), 5, 0);
	assert_close(stat_median(even, 4), 3, 0);
	assert_close(stat_median(ties, 6), 2, 0);
	assert_close(stat_median(odd, 1), 9, 0);
	assert_true(isnan(stat_median(odd, 0)));
	memcpy(copy, even, sizeof(copy));
	assert_close(stat_median_inplace(copy, 4), 3, 0);
	assert_close(even[0], 4, 0);
}

/* Quickselect against sorting, on numbers with ties: two ways to the same quantile. */
static void test_quantiles_agree(void **state)
{
	const double q[] = { 0.0, 0.1, 0.25, 0.5, 0.5, 0.75, 0.9, 0.999, 1.0 };
	double x[500], sorted[500], got[9];

	(void)state;
	for (size_t n = 1; n <= 500; n += 1 + n / 7) {
		for (size_t i = 0; i < n; i++) {
			x[i] = (double)(i * 7919 % 101);
			sorted[i] = x[i];
		}
		for (size_t i = 1; i < n; i++)
			for (size_t j = i; j && sorted[j - 1] > sorted[j]; j--) {
				double t = sorted[j];

				sorted[j] = sorted[j - 1];
				sorted[j - 1] = t;
			}
		stat_quantiles_inplace(x, n, q, 9, got);
		for (size_t i = 0; i < 9; i++)
			assert_close(got[i], stat_quantile_sorted(sorted, n, q[i]), 1e-12);
	}
}

/* Type 7 by hand: at (n - 1) q. R: quantile(1:10, c(0.25, 0.9)) is 3.25 and 9.1. */
static void test_quantile_type7(void **state)
{
	const double x[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };

	(void)state;
	assert_close(stat_quantile_sorted(x, 10, 0.25), 3.25, 1e-12);
	assert_close(stat_quantile_sorted(x, 10, 0.9), 9.1, 1e-12);
	assert_close(stat_quantile_sorted(x, 10, 1.0), 10, 0);
	assert_true(isnan(stat_quantile_sorted(x, 0, 0.5)));
}

/*
 * Squares, so that an interpolation in the wrong place shows. Computed by an independent
 * implementation of Hettmansperger & Sheather's formula in exact rational arithmetic.
 */
static void test_median_interval(void **state)
{
	static const struct {
		size_t n;
		double conf, lo, hi, level;
	} golden[] = {
		{ 2, 0.95, 1, 4, 0.5 },
		{ 5, 0.95, 1, 25, 0.9375 },
		{ 5, 0.50, 5.363636363636, 14.090909090909, 0.50 },
		{ 6, 0.95, 2.071428571429, 32.071428571429, 0.95 },
		{ 6, 0.99, 1, 36, 0.96875 },
		{ 7, 0.95, 3.2, 39.466666666667, 0.95 },
		{ 10, 0.95, 7.288288288288, 69.819819819820, 0.95 },
		{ 10, 0.99, 3.589385474860, 83.600558659218, 0.99 },
		{ 20, 0.95, 39.058044806517, 218.178207739308, 0.95 },
		{ 20, 0.50, 80.836736647310, 144.240093165720, 0.50 },
		{ 25, 0.95, 67.368050494258, 317.065778394175, 0.95 },
	};
	double x[25];

	(void)state;
	for (size_t g = 0; g < sizeof(golden) / sizeof(golden[0]); g++) {
		struct interval out;

		for (size_t i = 0; i < golden[g].n; i++)
			x[i] = (double)((golden[g].n - i) * (golden[g].n - i));
		assert_int_equal(stat_median_interval(x, golden[g].n, golden[g].conf, &out), 0);
		assert_close(out.lo, golden[g].lo, 1e-9);
		assert_close(out.hi, golden[g].hi, 1e-9);
		assert_close(out.level, golden[g].level, 1e-12);
	}
}

/*
 * At a level that order statistics have exactly nothing is interpolated. Levels from the usual
 * table of intervals of a median, which gives them to 0.1 %, in 2^-n exactly.
 */
static void test_median_interval_exact(void **state)
{
	static const struct {
		size_t n, k;
		double level, table;
	} rows[] = {
		{ 9, 2, 492.0 / 512, 0.961 },
		{ 10, 3, 912.0 / 1024, 0.891 },
		{ 12, 3, 3938.0 / 4096, 0.961 },
		{ 15, 4, 31616.0 / 32768, 0.965 },
	};
	double x[15];

	(void)state;
	for (size_t i = 0; i < 15; i++)
		x[i] = (double)(i + 1);
	for (size_t r = 0; r < 4; r++) {
		struct interval out;

		assert_close(rows[r].level, rows[r].table, 0.0005);
		assert_int_equal(stat_median_interval(x, rows[r].n, rows[r].level, &out), 0);
		assert_close(out.lo, (double)rows[r].k, 1e-9);
		assert_close(out.hi, (double)(rows[r].n + 1 - rows[r].k), 1e-9);
	}
	assert_int_equal(stat_median_interval(x, 1, 0.95, &(struct interval){ 0 }), -EINVAL);
	assert_int_equal(stat_median_interval(x, 9, 1.0, &(struct interval){ 0 }), -EINVAL);
}

/* t.test(..., paired = TRUE) in R's documentation of "sleep". */
static void test_t_effect(void **state)
{
	double x[10];
	struct effect e;

	(void)state;
	for (size_t i = 0; i < 10; i++)
		x[i] = drug1[i] - drug2[i];
	assert_int_equal(stat_t_effect(x, 10, 0.95, &e), 0);
	assert_close(e.value, -1.58, 1e-12);
	assert_close(e.lo, -2.4598858, 5e-8);
	assert_close(e.hi, -0.7001142, 5e-8);
	assert_close(e.p, 0.002833, 5e-7);
	assert_close(e.df, 9, 0);
	assert_close(e.value / (e.sd / sqrt(10)), -4.0621, 5e-5);
	assert_int_equal(e.n, 10);
	assert_int_equal(stat_t_effect(x, 1, 0.95, &e), -EINVAL);
}

/* Computed apart, in Python, with p by bisection over the levels. */
static void stat_median_effect_agrees_with_bisection(void **state)
{
	static const struct {
		double x[10];
		size_t n;
		double conf, value, lo, hi, p;
	} rows[] = {
		{ { 3, 1, -2, 5, 4, 2, 6, 1.5 },
		  8,
		  0.95,
		  2.5,
		  0.806930693,
		  5.06435644,
		  0.02170139 },
		{ { 3, 1, -2, 5, 4, 2, 6, 1.5 },
		  8,
		  0.999,
		  2.5,
		  -4.10471686,
		  7.63700201,
		  0.02170139 },
		/* All on one side: beyond the extremes, by Student's t. */
		{ { -3, -1, -2.5, -5, -4, -2 },
		  6,
		  0.95,
		  -2.75,
		  -4.64285714,
		  -1.35714286,
		  0.005516748 },
		{ { -3, -1, -2.5, -5, -4, -2 },
		  6,
		  0.999,
		  -2.75,
		  -7.9581813,
		  1.30080767,
		  0.005516748 },
		{ { 1, -1, 2, -2, 3, -3, 4 }, 7, 0.95, 1, -2.26666667, 3.26666667, 0.6875 },
		{ { .5, .7, .6, .9, -.1, .8, .65, .75, .55, .85 },
		  10,
		  0.95,
		  0.675,
		  0.532882883,
		  0.817117117,
		  0.002377717 },
		{ { .5, .7, .6, .9, -.1, .8, .65, .75, .55, .85 },
		  10,
		  0.999,
		  0.675,
		  -0.184081475,
		  0.924410751,
		  0.002377717 },
		/* Half lie on either side: no level excludes 0. */
		{ { -1, 1, -2, 2, 3, -3 }, 6, 0.95, 0, -2.64285714, 2.64285714, 1 },
		{ { 2, 2, 2 }, 3, 0.95, 2, 2, 2, 0 },
		{ { 0, 0, 0 }, 3, 0.95, 0, 0, 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double mirrored[10];
		struct effect e;

		assert_int_equal(stat_median_effect(rows[i].x, rows[i].n, rows[i].conf, &e), 0);
		assert_close(e.value, rows[i].value, 1e-9);
		assert_close(e.lo, rows[i].lo, 1e-6);
		assert_close(e.hi, rows[i].hi, 1e-6);
		assert_close(e.p, rows[i].p, 1e-6);
		assert_close(e.level, rows[i].conf, 0);
		assert_int_equal(e.n, rows[i].n);
		for (size_t k = 0; k < rows[i].n; k++)
			mirrored[k] = -rows[i].x[k];
		assert_int_equal(stat_median_effect(mirrored, rows[i].n, rows[i].conf, &e), 0);
		assert_close(e.lo, -rows[i].hi, 1e-6);
		assert_close(e.p, rows[i].p, 1e-6);
	}
}

static void stat_median_effect_bad_input_refused(void **state)
{
	const double x[] = { 1, NAN, 3, 4, 5, 6 };
	struct effect e;

	(void)state;
	assert_int_equal(stat_median_effect(x, 1, 0.95, &e), -EINVAL);
	assert_int_equal(stat_median_effect(x, 6, 1, &e), -EINVAL);
	assert_int_equal(stat_median_effect(x, 6, 0.95, &e), 0);
	assert_true(isnan(e.value) && isnan(e.lo) && isnan(e.hi) && isnan(e.p));
}

/* Published table of Student's t, two-sided 5 %: the half width in standard errors. */
static void test_t_table(void **state)
{
	static const struct {
		size_t n;
		double t;
	} table[] = { { 2, 12.706 }, { 3, 4.303 }, { 6, 2.571 }, { 10, 2.262 }, { 20, 2.093 } };
	double x[20];

	(void)state;
	for (size_t i = 0; i < 20; i++)
		x[i] = (double)(i * i);
	for (size_t r = 0; r < sizeof(table) / sizeof(table[0]); r++) {
		struct effect e;

		assert_int_equal(stat_t_effect(x, table[r].n, 0.95, &e), 0);
		assert_close((e.hi - e.value) * sqrt((double)table[r].n) / e.sd, table[r].t, 5e-4);
	}
}

/* The interval excludes 0 exactly when p is below 1 - level: they are one distribution. */
static void test_p_is_the_interval(void **state)
{
	struct effect e, at_p;

	(void)state;
	assert_int_equal(stat_welch_effect(drug2, 10, drug1, 10, 0.95, &e), 0);
	assert_int_equal(stat_welch_effect(drug2, 10, drug1, 10, 1.0 - e.p, &at_p), 0);
	assert_close(at_p.hi, 0, 1e-9);
}

static void test_no_spread(void **state)
{
	const double same[] = { 0.1, 0.1, 0.1 }, zero[] = { 0, 0, 0 }, nan[] = { 0.1, NAN, 0.1 };
	struct effect e;

	(void)state;
	assert_int_equal(stat_t_effect(same, 3, 0.95, &e), 0);
	assert_true(e.lo == 0.1 && e.hi == 0.1 && e.p == 0.0);
	assert_int_equal(stat_t_effect(zero, 3, 0.95, &e), 0);
	assert_true(e.lo == 0.0 && e.hi == 0.0 && e.p == 1.0);
	assert_int_equal(stat_t_effect(nan, 3, 0.95, &e), 0);
	assert_true(isnan(e.lo) && isnan(e.hi) && isnan(e.p));
	assert_int_equal(stat_welch_effect(same, 3, zero, 3, 0.95, &e), 0);
	assert_true(e.value == -0.1 && e.lo == -0.1 && e.p == 0.0 && e.df == 4.0);
}

/* t.test(extra ~ group, data = sleep) in R's documentation; df to more digits from R. */
static void test_welch(void **state)
{
	struct effect e;

	(void)state;
	assert_int_equal(stat_welch_effect(drug2, 10, drug1, 10, 0.95, &e), 0);
	assert_close(e.value, -1.58, 1e-12);
	assert_close(e.lo, -3.3654832, 5e-8);
	assert_close(e.hi, 0.2054832, 5e-8);
	assert_close(e.df, 17.7764735, 5e-8);
	assert_close(e.p, 0.07939, 5e-6);
	assert_close(e.value / (e.sd / sqrt((double)e.n)), -1.8608, 5e-5);
	assert_int_equal(stat_welch_effect(drug2, 1, drug1, 10, 0.95, &e), -EINVAL);
	assert_int_equal(stat_welch_effect(drug2, 4, drug1, 10, 0.95, &e), 0);
	assert_int_equal(e.n, 4);
}

static void test_verdict(void **state)
{
	static const struct {
		double lo, hi, sesoi;
		size_t n;
		bool fatal;
		enum verdict want;
		size_t needed;
	} rows[] = {
		{ -0.05, -0.02, 0.01, 10, false, VERDICT_FASTER, 0 },
		{ 0.02, 0.05, 0.01, 10, false, VERDICT_SLOWER, 0 },
		{ -0.005, 0.005, 0.01, 10, false, VERDICT_EQUIVALENT, 0 },
		{ 0.001, 0.005, 0.01, 10, false, VERDICT_EQUIVALENT, 0 },
		{ 0.001, 0.05, 0.01, 10, false, VERDICT_SLOWER, 0 },
		{ -0.05, -0.001, 0.01, 10, false, VERDICT_FASTER, 0 },
		{ -0.02, 0.005, 0.01, 10, false, VERDICT_INCONCLUSIVE, 0 },
		{ -0.01, 0.005, 0.01, 10, false, VERDICT_INCONCLUSIVE, 0 },
		{ -0.005, 0.01, 0.01, 10, false, VERDICT_INCONCLUSIVE, 0 },
		{ -0.05, -0.02, 0.01, 4, false, VERDICT_INCONCLUSIVE, 2 },
		{ -0.05, -0.02, 0.01, 6, false, VERDICT_FASTER, 0 },
		{ -0.05, -0.02, 0.01, 10, true, VERDICT_UNTRUSTWORTHY, 0 },
		{ -0.05, -0.02, 0.01, 4, true, VERDICT_UNTRUSTWORTHY, 2 },
		{ NAN, NAN, 0.01, 10, false, VERDICT_INCONCLUSIVE, 0 },
		{ 0.0, 0.0, 0.0, 10, false, VERDICT_EQUIVALENT, 0 },
		{ 0.0, 0.02, 0.01, 10, false, VERDICT_INCONCLUSIVE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct effect e = { .lo = rows[i].lo, .hi = rows[i].hi, .n = rows[i].n };
		struct verdict_out v;

		v = stat_verdict(&e, rows[i].sesoi, STAT_MIN_INVOCATIONS, rows[i].fatal);
		assert_int_equal(v.verdict, rows[i].want);
		assert_int_equal(v.needed, rows[i].needed);
	}
}

static void test_verdict_names(void **state)
{
	(void)state;
	assert_string_equal(verdict_name(VERDICT_FASTER, true), "faster");
	assert_string_equal(verdict_name(VERDICT_FASTER, false), "fewer");
	assert_string_equal(verdict_name(VERDICT_SLOWER, true), "slower");
	assert_string_equal(verdict_name(VERDICT_SLOWER, false), "more");
	for (unsigned v = 0; v < VERDICT_MAX; v++)
		assert_non_null(verdict_name((enum verdict)v, true));
	assert_string_equal(verdict_name(VERDICT_MAX, true), "?");
}

/*
 * 0 of 10 and 0 of 30: closed form 1 - 0.025^(1/n). 5 of 10: the published interval. 682 of 925:
 * the example in R's documentation of binom.test (Conover's tall and dwarf plants).
 */
static void test_clopper_pearson(void **state)
{
	static const struct {
		size_t k, n;
		double lo, hi, tolerance;
	} rows[] = {
		{ 0, 10, 0, 0.308497, 5e-7 },
		{ 10, 10, 0.691503, 1, 5e-7 },
		{ 5, 10, 0.187086, 0.812914, 5e-7 },
		{ 0, 30, 0, 0.115703, 5e-7 },
		{ 682, 925, 0.7076683, 0.7654066, 5e-8 },
	};
	struct interval out;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(stat_clopper_pearson(rows[i].k, rows[i].n, 0.95, &out), 0);
		assert_close(out.lo, rows[i].lo, rows[i].tolerance);
		assert_close(out.hi, rows[i].hi, rows[i].tolerance);
	}
	assert_int_equal(stat_clopper_pearson(0, 0, 0.95, &out), -EINVAL);
	assert_int_equal(stat_clopper_pearson(3, 2, 0.95, &out), -EINVAL);
}

/* Benjamini & Yekutieli (2005), definition 1: 1 - R q / m. */
static void test_fcr(void **state)
{
	(void)state;
	assert_close(stat_fcr_level(0.95, 10, 10), 0.95, 1e-15);
	assert_close(stat_fcr_level(0.95, 1, 20), 0.9975, 1e-15);
	assert_close(stat_fcr_level(0.95, 5, 20), 0.9875, 1e-15);
	assert_close(stat_fcr_level(0.95, 0, 20), 0.9975, 1e-15);
	assert_close(stat_fcr_level(0.95, 0, 0), 0.95, 0);
}

static void test_outliers(void **state)
{
	/* quartiles of the logs are log 2 and log 8: the fences are 2/64 and 8*64 */
	const double x[] = { 1, 2, 4, 8, 16, 511, 513, 0.04, 0.02, 4, 4, 4, 2, 2, 8, 8, 4 };
	const double shifted[] = { -1, 0, 1, 0, 1, 0, 1, 0, 50 };
	bool is[17];

	(void)state;
	assert_int_equal(stat_outliers(x, 17, is), 2);
	assert_true(is[6] && is[8] && !is[5] && !is[7]);
	assert_int_equal(stat_outliers(x, 17, NULL), 2);
	assert_int_equal(stat_outliers(shifted, 9, is), 1);
	assert_true(is[8]);
	assert_int_equal(stat_outliers(x, 0, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_median),
		cmocka_unit_test(stat_median_effect_agrees_with_bisection),
		cmocka_unit_test(stat_median_effect_bad_input_refused),
		cmocka_unit_test(test_quantiles_agree),
		cmocka_unit_test(test_quantile_type7),
		cmocka_unit_test(test_median_interval),
		cmocka_unit_test(test_median_interval_exact),
		cmocka_unit_test(test_t_effect),
		cmocka_unit_test(test_t_table),
		cmocka_unit_test(test_p_is_the_interval),
		cmocka_unit_test(test_no_spread),
		cmocka_unit_test(test_welch),
		cmocka_unit_test(test_verdict),
		cmocka_unit_test(test_verdict_names),
		cmocka_unit_test(test_clopper_pearson),
		cmocka_unit_test(test_fcr),
		cmocka_unit_test(test_outliers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
