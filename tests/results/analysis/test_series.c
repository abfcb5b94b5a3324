// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/results/analysis/close_to.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#include "results/analysis/stats.h"

/*
 * Lag 1, S and its variance with ties, and the median slope, computed by an independent
 * implementation over all pairs in exact rational arithmetic; p from Python's NormalDist.
 */
static void test_golden(void **state)
{
	static const struct {
		size_t n;
		double x[12], lag1, drift, p;
		bool drifting;
	} rows[] = {
		{ 10,
		  { 10, 22, 21, 30, 32, 30, 30, 45, 43, 51 },
		  0.498270301964,
		  1.266666666667,
		  0.002736574329,
		  true },
		{ 12,
		  { 5, 5, 5, 7, 7, 9, 5, 7, 9, 9, 11, 5 },
		  0.166666666667,
		  0.685714285714,
		  0.049333830275,
		  false },
		{ 12,
		  { 100, 98, 101, 97, 99, 103, 96, 102, 100, 98, 97, 99 },
		  -0.487136465325,
		  -0.016835016835,
		  0.627969541644,
		  false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct series s;

		assert_int_equal(stat_series(rows[i].x, rows[i].n, &s), 0);
		assert_close(s.lag1, rows[i].lag1, 1e-9);
		assert_close(s.drift, rows[i].drift, 1e-9);
		assert_close(s.drift_p, rows[i].p, 1e-9);
		assert_int_equal(s.drifting, rows[i].drifting);
		assert_false(s.two_modes);
	}
}

/* R: acf(1:10) gives 0.7 at lag 1. An alternating series has -(n - 1)/n, a constant none. */
static void test_lag1(void **state)
{
	double x[100];
	struct series s;

	(void)state;
	for (size_t i = 0; i < 10; i++)
		x[i] = (double)(i + 1);
	assert_int_equal(stat_series(x, 10, &s), 0);
	assert_close(s.lag1, 0.7, 1e-12);
	/* 5/8 for 1..8: beyond -1/8 + 2.576 * 6/(8 sqrt 7) = 0.605, not beyond the 0.730 around 0 */
	assert_int_equal(stat_series(x, 8, &s), 0);
	assert_close(s.lag1, 0.625, 1e-12);
	assert_true(s.autocorrelated);
	for (size_t i = 0; i < 100; i++)
		x[i] = i % 2 ? 101 : 99;
	assert_int_equal(stat_series(x, 100, &s), 0);
	assert_close(s.lag1, -0.99, 1e-12);
	assert_true(s.autocorrelated);
	for (size_t i = 0; i < 100; i++)
		x[i] = 7;
	assert_int_equal(stat_series(x, 100, &s), 0);
	assert_true(s.lag1 == 0.0 && !s.autocorrelated && !s.drifting && !s.two_modes);
	assert_true(s.drift == 0.0 && s.drift_p == 1.0);
}

/* A long series is judged by medians of runs: same slope, spikes and all. */
static void test_long_drift(void **state)
{
	const size_t n = 100000;
	double *x = malloc(n * sizeof(*x));
	struct series s;

	(void)state;
	assert_non_null(x);
	for (size_t i = 0; i < n; i++)
		x[i] = 100 + 5.0 * (double)i / (double)n + (double)(i * 7919 % 101) / 50.0 +
		       (i % 97 ? 0 : 1000);
	assert_int_equal(stat_series(x, n, &s), 0);
	assert_true(s.drifting);
	assert_close(s.drift, 5.0 / 103.5, 0.001);
	/* a tenth of it is significant but too small to be worth a remark */
	for (size_t i = 0; i < n; i++)
		x[i] = 100 + 0.5 * (double)i / (double)n + (double)(i * 7919 % 101) / 50.0;
	assert_int_equal(stat_series(x, n, &s), 0);
	assert_true(s.drift_p < 0.01 && !s.drifting);
	free(x);
}

static void test_too_few(void **state)
{
	const double x[8] = { 1, 2, 3, 4, 50, 60, 70, 80 };
	struct series s;

	(void)state;
	assert_int_equal(stat_series(x, 0, &s), -EINVAL);
	assert_int_equal(stat_series(x, 7, &s), 0);
	assert_true(s.lag1 == 0.0 && s.drift == 0.0 && s.drift_p == 1.0);
	assert_false(s.autocorrelated || s.drifting || s.two_modes);
	assert_int_equal(stat_series(x, 8, &s), 0);
	assert_true(s.drifting);
}

/* Exactly @share of @n values in the upper mode, 10 standard deviations away, and 1 % spikes. */
static void two_modes(gsl_rng *rng, double *x, size_t n, double share)
{
	size_t upper = (size_t)ceil(share * (double)n);

	for (size_t i = 0; i < n; i++)
		x[i] = 100 + gsl_ran_gaussian(rng, 1) + (i < upper ? 10 : 0);
	gsl_ran_shuffle(rng, x, n, sizeof(*x));
	if (n >= 200)
		for (size_t i = 0; i < n / 100; i++)
			x[i * 100] = 100 + gsl_ran_exponential(rng, 1000);
}

static void test_modes(void **state)
{
	static const double shares[] = { 0.12, 0.3, 0.5, 0.7, 0.88 };
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	double x[5000];

	(void)state;
	for (size_t n = 100; n <= 5000; n *= 7) {
		for (size_t i = 0; i < 5; i++) {
			struct series s;

			two_modes(rng, x, n, shares[i]);
			assert_int_equal(stat_series(x, n, &s), 0);
			assert_true(s.two_modes);
			assert_close(s.modes[0], 100, 1);
			assert_close(s.modes[1], 110, 1);
			assert_close(s.share, shares[i], 0.03);
		}
	}
	gsl_rng_free(rng);
}

/* What looks like two modes and is none: neighbouring ticks, a small minority, a tiny distance. */
static void test_not_modes(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	double ticks[300], few[300], near[300];
	struct series s;

	(void)state;
	for (size_t i = 0; i < 300; i++) {
		ticks[i] = 40 + (double)gsl_rng_uniform_int(rng, 2);
		few[i] = 100 + gsl_ran_gaussian(rng, 1) + (i % 15 ? 0 : 50);
		near[i] = 100 + gsl_ran_gaussian(rng, 0.01) + (i % 2 ? 0 : 0.5);
	}
	assert_int_equal(stat_series(ticks, 300, &s), 0);
	assert_false(s.two_modes);
	assert_int_equal(stat_series(few, 300, &s), 0);
	assert_false(s.two_modes);
	assert_int_equal(stat_series(near, 300, &s), 0);
	assert_false(s.two_modes);
	gsl_rng_free(rng);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),	   cmocka_unit_test(test_lag1),
		cmocka_unit_test(test_long_drift), cmocka_unit_test(test_too_few),
		cmocka_unit_test(test_modes),	   cmocka_unit_test(test_not_modes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
