// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * simulate_stopping.c: S8 and S22: how often the interval of a run that --precision stopped holds the
 * truth, how often identical arms are decided then, what following the advice on a new run does, and how far
 * intervals hold at the levels of verdicts.
 * The tables on standard output are quoted in docs/tdcost-statistics.7.
 */
#include "tests/results/analysis/close_to.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#include "results/analysis/comparison.h"

#ifndef SIMULATE_LESS
#define SIMULATE_LESS 1
#endif

#define EXPERIMENTS (2000 / SIMULATE_LESS)
#define DRAWS	    (10000 / SIMULATE_LESS) /* at each level */
#define TRUTH	    200001
#define MOST	    4000
#define SESOI	    0.01

struct noise {
	const char *name;
	double (*draw)(gsl_rng *rng);
	double median;
};

static double normal(gsl_rng *rng)
{
	return gsl_ran_gaussian_ziggurat(rng, 1.0);
}

/* Each of standard deviation 1 or so. */
static double skewed(gsl_rng *rng)
{
	return (exp(normal(rng)) - 1.0) / 2.16;
}

static double modes(gsl_rng *rng)
{
	return (gsl_rng_uniform(rng) < 0.3 ? 2.0 : 0.0) + 0.3 * normal(rng);
}

static double heavy(gsl_rng *rng)
{
	return gsl_ran_tdist(rng, 3.0) / 1.73;
}

static struct noise noises[] = {
	{ "normal", normal, 0 },
	{ "skewed", skewed, 0 },
	{ "two modes", modes, 0 },
	{ "heavy tails", heavy, 0 },
};

static void find_medians(gsl_rng *rng)
{
	double *x = malloc(TRUTH * sizeof(*x));

	assert_non_null(x);
	for (size_t k = 0; k < sizeof(noises) / sizeof(noises[0]); k++) {
		for (size_t i = 0; i < TRUTH; i++)
			x[i] = noises[k].draw(rng);
		noises[k].median = stat_median_inplace(x, TRUTH);
	}
	free(x);
}

/* One effect of identical arms, with standard deviation @sd. */
static double effect(gsl_rng *rng, const struct noise *k, double sd)
{
	return sd * (k->draw(rng) - k->median);
}

/* As precision_reached() does it. Return: how many rounds were taken. */
static size_t stop(gsl_rng *rng, const struct noise *k, double sd, double target, double *x)
{
	size_t n = 0, until;

	while (n < STAT_MIN_INVOCATIONS)
		x[n++] = effect(rng, k, sd);
	while (n < MOST / 2 && stat_stopping_width(x, n, 0.95) > target)
		x[n++] = effect(rng, k, sd);
	until = stat_stopping_rounds((unsigned)n);
	while (n < until)
		x[n++] = effect(rng, k, sd);
	return n;
}

static enum verdict judge(const double *x, size_t n, struct effect *e)
{
	assert_int_equal(stat_median_effect(x, n, 0.95, e), 0);
	return stat_verdict(e, log1p(SESOI), STAT_MIN_INVOCATIONS, false).verdict;
}

static bool called(enum verdict v)
{
	return v == VERDICT_FASTER || v == VERDICT_SLOWER;
}

static double percent(size_t n, size_t of)
{
	return of ? 100.0 * (double)n / (double)of : 0;
}

/* Fewer experiments are allowed what chance does to them. */
static double slack(void)
{
	return SIMULATE_LESS == 1 ? 0 : 100 * 3.5 * sqrt(0.05 * 0.95 / EXPERIMENTS);
}

/* To half the smallest effect, so that what is equivalent is seen to be. */
static void stopped_interval_holds_the_truth(void **state)
{
	static const double sds[] = { 0.01, 0.015, 0.02 };
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	double *x = malloc(MOST * sizeof(*x));
	unsigned missed = 0;

	(void)state;
	assert_non_null(x);
	find_medians(rng);
	printf("Identical arms, stopped at +-0.5 %%, %d experiments each, in percent\n",
	       EXPERIMENTS);
	printf("%-12s %6s %7s %9s %12s %10s\n", "noise", "sd", "rounds", "coverage", "equivalent",
	       "different");
	for (size_t k = 0; k < sizeof(noises) / sizeof(noises[0]); k++)
		for (size_t i = 0; i < sizeof(sds) / sizeof(sds[0]); i++) {
			size_t holds = 0, equivalent = 0, different = 0, rounds = 0;

			for (size_t j = 0; j < EXPERIMENTS; j++) {
				size_t n = stop(rng, &noises[k], sds[i], SESOI / 2, x);
				struct effect e;
				enum verdict v = judge(x, n, &e);

				rounds += n;
				holds += e.lo <= 0 && e.hi >= 0;
				equivalent += v == VERDICT_EQUIVALENT;
				different += called(v);
			}
			printf("%-12s %5.1f%% %7.1f %9.1f %12.1f %10.1f\n", noises[k].name,
			       sds[i] * 100, (double)rounds / EXPERIMENTS,
			       percent(holds, EXPERIMENTS), percent(equivalent, EXPERIMENTS),
			       percent(different, EXPERIMENTS));
			missed += percent(holds, EXPERIMENTS) < 92 - slack() ||
				  percent(equivalent, EXPERIMENTS) < 80 ||
				  percent(different, EXPERIMENTS) > 5 + slack();
		}
	free(x);
	gsl_rng_free(rng);
	assert_int_equal(missed, 0);
}

/* Ten rounds; where they leave it open, a new run as advised, once. */
static void advised_run_of_identical_arms_seldom_differs(void **state)
{
	static const double sds[] = { 0.015, 0.03, 0.05 };
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	double *x = malloc(MOST * sizeof(*x));
	unsigned missed = 0;

	(void)state;
	assert_non_null(x);
	find_medians(rng);
	printf("Identical arms, 10 rounds, then a new run of the advised size, in percent\n");
	printf("%-12s %6s %9s %11s %10s %10s %9s\n", "noise", "sd", "advised", "different in",
	       "decided", "different", "in total");
	for (size_t k = 0; k < sizeof(noises) / sizeof(noises[0]); k++)
		for (size_t i = 0; i < sizeof(sds) / sizeof(sds[0]); i++) {
			size_t first = 0, advised = 0, decided = 0, different = 0;

			for (size_t j = 0; j < EXPERIMENTS; j++) {
				struct effect e;
				enum verdict v;
				size_t n;

				for (n = 0; n < 10; n++)
					x[n] = effect(rng, &noises[k], sds[i]);
				v = judge(x, n, &e);
				first += called(v);
				if (v != VERDICT_INCONCLUSIVE)
					continue;
				advised++;
				n = effect_new_run(&e, log1p(SESOI), STAT_MIN_INVOCATIONS);
				n = n < MOST ? n : MOST;
				for (size_t m = 0; m < n; m++)
					x[m] = effect(rng, &noises[k], sds[i]);
				v = judge(x, n, &e);
				decided += v != VERDICT_INCONCLUSIVE;
				different += called(v);
			}
			printf("%-12s %5.1f%% %9.1f %11.1f %10.1f %10.1f %9.1f\n", noises[k].name,
			       sds[i] * 100, percent(advised, EXPERIMENTS),
			       percent(first, EXPERIMENTS), percent(decided, advised),
			       percent(different, advised),
			       percent(first + different, EXPERIMENTS));
			missed += percent(different, advised) > 6 + slack();
		}
	free(x);
	gsl_rng_free(rng);
	assert_int_equal(missed, 0);
}

/* S9: verdicts are given at levels that the extremes of few values do not reach. */
static void adjusted_level_holds(void **state)
{
	static const double levels[] = { 0.95, 0.99, 0.995, 0.998 };
	static const size_t sizes[] = { 6, 7, 10, 20 };
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	unsigned missed = 0;

	(void)state;
	find_medians(rng);
	printf("Coverage of the median's interval by its level, in percent\n");
	printf("%-12s %4s %8s %8s %8s %8s\n", "noise", "n", "95", "99", "99.5", "99.8");
	for (size_t k = 0; k < sizeof(noises) / sizeof(noises[0]); k++)
		for (size_t i = 0; i < 4; i++) {
			size_t holds[4] = { 0 };
			double x[20];

			for (size_t j = 0; j < DRAWS; j++) {
				for (size_t m = 0; m < sizes[i]; m++)
					x[m] = effect(rng, &noises[k], 1);
				for (size_t l = 0; l < 4; l++) {
					struct effect e;

					assert_int_equal(
						stat_median_effect(x, sizes[i], levels[l], &e), 0);
					holds[l] += e.lo <= 0 && e.hi >= 0;
				}
			}
			printf("%-12s %4zu", noises[k].name, sizes[i]);
			for (size_t l = 0; l < 4; l++) {
				double share = percent(holds[l], DRAWS), level = levels[l];
				double chance = 350 * sqrt(level * (1 - level) / DRAWS);

				printf(" %8.2f", share);
				missed += share < 100 * level - 0.6 - chance;
			}
			putchar('\n');
		}
	gsl_rng_free(rng);
	assert_int_equal(missed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adjusted_level_holds),
		cmocka_unit_test(stopped_interval_holds_the_truth),
		cmocka_unit_test(advised_run_of_identical_arms_seldom_differs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
