// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * simulate_series.c: S16 and S17. How often stat_series() sees autocorrelation, drift and two
 * modes where there are none, and how often it sees two modes where there are.
 */
#include "tests/results/analysis/close_to.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#include "results/analysis/stats.h"

#ifndef SIMULATE_LESS
#define SIMULATE_LESS 1
#endif

#define SERIES	(2000 / SIMULATE_LESS)
#define LONGEST 1000

static double normal(gsl_rng *rng)
{
	return 100 + gsl_ran_gaussian_ziggurat(rng, 5);
}

static double lognormal(gsl_rng *rng)
{
	return 100 * gsl_ran_lognormal(rng, 0, 0.5);
}

static double exponential(gsl_rng *rng)
{
	return 100 + gsl_ran_exponential(rng, 20);
}

static double uniform(gsl_rng *rng)
{
	return gsl_ran_flat(rng, 90, 110);
}

static double heavy(gsl_rng *rng)
{
	return 100 + 5 * gsl_ran_tdist(rng, 2);
}

/* A steady value with interrupts in 5 % of the samples. */
static double interrupts(gsl_rng *rng)
{
	return normal(rng) + (gsl_rng_uniform(rng) < 0.05 ? gsl_ran_exponential(rng, 500) : 0);
}

/* A clock whose step is half a standard deviation, one, and two of what it measures. */
static double fine_clock(gsl_rng *rng)
{
	return round(100 + gsl_ran_gaussian_ziggurat(rng, 2));
}

static double clock_step(gsl_rng *rng)
{
	return floor(100.37 + gsl_ran_gaussian_ziggurat(rng, 1));
}

static double coarse_clock(gsl_rng *rng)
{
	return floor(100.37 + gsl_ran_gaussian_ziggurat(rng, 0.5));
}

/* Few distinct values with a tail, as a null benchmark on a TSC that counts in twos. */
static double empty_loop(gsl_rng *rng)
{
	return 40 + 2 * floor(gsl_ran_exponential(rng, 1.5));
}

static const struct {
	const char *name;
	double (*draw)(gsl_rng *rng);
} noises[] = {
	{ "normal", normal },		{ "lognormal 0.5", lognormal },
	{ "exponential", exponential }, { "uniform", uniform },
	{ "Student t, 2 df", heavy },	{ "5 % interrupts", interrupts },
	{ "clock 0.5 sd", fine_clock }, { "clock 1 sd", clock_step },
	{ "clock 2 sd", coarse_clock }, { "empty loop", empty_loop },
};
#define NOISES (sizeof(noises) / sizeof(noises[0]))

static double slack(double share)
{
	return SIMULATE_LESS == 1 ? 0.0 : 3.5 * sqrt(share * (1 - share) / SERIES);
}

static void test_false_alarms(void **state)
{
	static const size_t sizes[] = { 8, 10, 20, 50, 200, 1000 };
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	unsigned missed = 0;
	double x[LONGEST];

	(void)state;
	printf("False alarms, %% of up to %d series of independent values from one mode\n", SERIES);
	printf("%-16s %5s %8s %8s %8s\n", "noise", "n", "modes", "drift", "lag 1");
	for (size_t k = 0; k < NOISES; k++) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			size_t modes = 0, drift = 0, lag = 0, n = sizes[i];
			double total = n > 100 ? SERIES / 5.0 : SERIES;

			gsl_rng_set(rng, 3000 + 10 * k + i);
			for (size_t j = 0; j < (size_t)total; j++) {
				struct series s;

				for (size_t t = 0; t < n; t++)
					x[t] = noises[k].draw(rng);
				assert_int_equal(stat_series(x, n, &s), 0);
				modes += s.two_modes;
				drift += s.drifting;
				lag += s.autocorrelated;
			}
			printf("%-16s %5zu %8.2f %8.2f %8.2f\n", noises[k].name, n,
			       100 * (double)modes / total, 100 * (double)drift / total,
			       100 * (double)lag / total);
			missed += (double)modes / total > 0.02 + slack(0.02);
			missed += (double)drift / total > 0.02 + slack(0.02);
			missed += (double)lag / total > 0.03 + slack(0.03);
		}
	}
	gsl_rng_free(rng);
	assert_int_equal(missed, 0);
}

/* Exactly @upper of @n values in a second mode @away standard deviations above the first. */
static double found(gsl_rng *rng, size_t n, size_t upper, double away)
{
	double x[LONGEST];
	size_t hits = 0, total = SERIES / 5;

	for (size_t j = 0; j < total; j++) {
		struct series s;

		for (size_t i = 0; i < n; i++)
			x[i] = 100 + gsl_ran_gaussian_ziggurat(rng, 1) + (i < upper ? away : 0);
		gsl_ran_shuffle(rng, x, n, sizeof(*x));
		assert_int_equal(stat_series(x, n, &s), 0);
		hits += s.two_modes;
	}
	return (double)hits / (double)total;
}

static void test_power(void **state)
{
	static const struct {
		size_t n;
		double away;
	} rows[] = { { 20, 15 }, { 30, 12 }, { 50, 10 }, { 200, 8 }, { 1000, 6 } };
	static const unsigned tenths[] = { 1, 2, 3, 5, 7, 8, 9 };
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	unsigned missed = 0;

	(void)state;
	printf("Two modes found, %% of %d series, by share of the upper mode\n", SERIES / 5);
	printf("%5s %5s %6s %6s %6s %6s %6s %6s %6s\n", "n", "away", "10%", "20%", "30%", "50%",
	       "70%", "80%", "90%");
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		printf("%5zu %5.0f", rows[r].n, rows[r].away);
		for (size_t i = 0; i < sizeof(tenths) / sizeof(tenths[0]); i++) {
			size_t upper = rows[r].n * tenths[i] / 10;
			double share = found(rng, rows[r].n, upper, rows[r].away);

			printf(" %6.1f", 100 * share);
			/* fewer than 3 values are never called a mode */
			if (upper >= 3 && rows[r].n - upper >= 3)
				missed += share < 0.9 - slack(0.1);
		}
		printf("\n");
	}
	gsl_rng_free(rng);
	assert_int_equal(missed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_false_alarms),
		cmocka_unit_test(test_power),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
