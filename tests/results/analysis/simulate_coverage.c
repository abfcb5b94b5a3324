// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * simulate_coverage.c: S17. Runs are invented with a known truth and put through the same calls
 * that a report makes; how often the interval holds the truth is counted. The tables on standard
 * output are quoted in docs/tdcost-statistics.7.
 */
#include "tests/results/analysis/close_to.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#include "results/analysis/dataset.h"

#ifndef SIMULATE_LESS
#define SIMULATE_LESS 1
#endif

#define EXPERIMENTS (10000 / SIMULATE_LESS)
#define TRUTH	    (200000 / SIMULATE_LESS) /* invocations whose median is the true level */
#define BLOCKS	    15
#define EFFECT	    0.03 /* true log ratio */
#define MOST	    20

/* Noise on the log scale. Each part is normal or, with a skew, lognormal; its mean is 0. */
struct noise {
	const char *name;
	double skew;	    /* sigma of the lognormal; 0 for normal */
	double common;	    /* between invocations, shared by both arms */
	double own[2];	    /* between invocations, of each arm alone: what pairing cannot remove */
	double within;	    /* between samples */
	double step, share; /* a second mode: how much slower, how likely an invocation is in it */
	bool mode_apart;    /* each arm falls into a mode on its own */
	double drift;	    /* over the whole run */
	double apart[3]
		    [2]; /* band of Welch's coverage at n = 6, 10, 20; the others hold everywhere */
};

#define HOLDS              \
	{                  \
		0.94, 0.96 \
	}
#define HOLDS_EVERYWHERE            \
	{                           \
		HOLDS, HOLDS, HOLDS \
	}

static const double holds_band[2] = HOLDS;
/* The level of a run that drifts: the rounds spread evenly over it, which widens the interval only. */
static const double drifting_band[2] = { 0.99, 1.0 };

static const size_t sizes[3] = { 6, 10, 20 };

static const struct noise noises[] = {
	{ .name = "normal",
	  .common = 0.05,
	  .own = { 0.01, 0.01 },
	  .within = 0.02,
	  .apart = HOLDS_EVERYWHERE },
	{ .name = "skewed",
	  .skew = 0.5,
	  .common = 0.05,
	  .own = { 0.01, 0.01 },
	  .within = 0.02,
	  .apart = { { 0.94, 0.97 }, HOLDS, HOLDS } },
	{ .name = "two modes",
	  .common = 0.01,
	  .own = { 0.01, 0.01 },
	  .within = 0.02,
	  .step = 0.2,
	  .share = 0.3,
	  .apart = { { 0.94, 0.98 }, HOLDS, HOLDS } },
	{ .name = "drifting",
	  .common = 0.01,
	  .own = { 0.01, 0.01 },
	  .within = 0.02,
	  .drift = 0.1,
	  .apart = { { 0.99, 1.0 }, { 0.99, 1.0 }, { 0.99, 1.0 } } },
	{ .name = "very skewed",
	  .skew = 1.0,
	  .common = 0.05,
	  .own = { 0.01, 0.01 },
	  .within = 0.02,
	  .apart = { { 0.96, 0.99 }, { 0.96, 0.98 }, { 0.95, 0.97 } } },
	{ .name = "one arm skewed",
	  .skew = 1.0,
	  .common = 0.05,
	  .own = { 0.0, 0.02 },
	  .within = 0.01,
	  .apart = { { 0.96, 0.99 }, { 0.96, 0.98 }, { 0.95, 0.97 } } },
	{ .name = "modes apart",
	  .common = 0.01,
	  .own = { 0.005, 0.005 },
	  .within = 0.02,
	  .step = 0.2,
	  .share = 0.3,
	  .mode_apart = true,
	  .apart = { { 0.96, 0.98 }, { 0.94, 0.97 }, HOLDS } },
};
#define DRIFTING 3
#define NOISES	 (sizeof(noises) / sizeof(noises[0]))

static double draw(gsl_rng *rng, double skew, double sd)
{
	double z = gsl_ran_gaussian_ziggurat(rng, 1.0), var = skew * skew;

	if (skew == 0.0)
		return sd * z;
	/* a lognormal has mean exp(var/2) and variance exp(2 var) - exp(var) */
	return sd * (exp(skew * z) - exp(var / 2)) / sqrt(exp(2 * var) - exp(var));
}

static double mode(gsl_rng *rng, const struct noise *k)
{
	return k->share > 0.0 && gsl_rng_uniform(rng) < k->share ? k->step : 0.0;
}

/* One process: BLOCKS blocks of both arms in random order, at @when in [0, 1) of the run. */
static void invent(gsl_rng *rng, const struct noise *k, double when, double length, double effect,
		   struct sample *s)
{
	double common = draw(rng, k->skew, k->common) + (k->mode_apart ? 0.0 : mode(rng, k));
	double arm_level[2];

	for (int a = 0; a < 2; a++)
		arm_level[a] = common + a * effect + draw(rng, k->skew, k->own[a]) +
			       (k->mode_apart ? mode(rng, k) : 0.0);
	for (uint32_t i = 0; i < 2 * BLOCKS; i++) {
		uint32_t arm = i % 2 ? !s[i - 1].arm : (uint32_t)gsl_rng_uniform_int(rng, 2);
		double at = when + length * i / (2.0 * BLOCKS);
		double v = arm_level[arm] + k->drift * at + draw(rng, k->skew, k->within);

		s[i] = (struct sample){
			.seq = i, .arm = arm, .block = (int32_t)(i / 2), .work = 1
		};
		s[i].ticks = (uint64_t)(1e7 * exp(v));
	}
}

/* A run of @n rounds that begins at @start, in lengths of a run. */
static struct dataset *invent_run(gsl_rng *rng, const struct noise *k, size_t n, double start,
				  double effect)
{
	struct dataset *ds = dataset_new();
	struct sample s[2 * BLOCKS];

	assert_non_null(ds);
	for (size_t i = 0; i < n; i++) {
		invent(rng, k, start + (double)i / (double)n, 1.0 / (double)n, effect, s);
		assert_int_equal(dataset_add(ds, 0, (unsigned)i, s, 2 * BLOCKS, 0, 1), 0);
	}
	return ds;
}

/* What the intervals are to hold: medians over very many processes, at any time of the run. */
struct truth {
	double level, ratio, diff, share;
};

#define CHUNK 1000 /* processes at a time */

static void append(double *to, const double *from, size_t n, size_t at)
{
	memcpy(to + at, from, n * sizeof(*to));
}

static struct truth true_values(gsl_rng *rng, const struct noise *k)
{
	double *v[4], *medians;
	struct truth out;

	for (int i = 0; i < 4; i++) {
		v[i] = malloc(TRUTH * sizeof(**v));
		assert_non_null(v[i]);
	}
	for (size_t at = 0; at < TRUTH; at += CHUNK) {
		struct dataset *ds = dataset_new();
		struct sample s[2 * BLOCKS];
		struct pair_effects e;

		for (unsigned i = 0; i < CHUNK; i++) {
			invent(rng, k, gsl_rng_uniform(rng), 0.1, EFFECT, s);
			assert_int_equal(dataset_add(ds, 0, i, s, 2 * BLOCKS, 0, 1), 0);
		}
		assert_int_equal(dataset_pair_effects(ds, 0, 0, 1, &e), 0);
		assert_int_equal(dataset_medians(ds, 0, 0, &medians), CHUNK);
		append(v[0], medians, CHUNK, at);
		append(v[1], e.ratio, CHUNK, at);
		append(v[2], e.diff, CHUNK, at);
		append(v[3], e.share, CHUNK, at);
		free(medians);
		pair_effects_free(&e);
		dataset_free(ds);
	}
	out.level = stat_median(v[0], TRUTH);
	out.ratio = stat_median(v[1], TRUTH);
	out.diff = stat_median(v[2], TRUTH);
	out.share = stat_median(v[3], TRUTH);
	for (int i = 0; i < 4; i++)
		free(v[i]);
	return out;
}

static bool holds(double lo, double hi, double truth)
{
	return lo <= truth && truth <= hi;
}

/* Does the share keep to its band, which fewer experiments widen by what chance does to them? */
static bool within_band(double share, const double band[2])
{
	double slack = SIMULATE_LESS == 1 ? 0.0 : 3.5 * sqrt(0.05 * 0.95 / EXPERIMENTS);

	return share >= band[0] - slack && share <= band[1] + slack;
}

static void log_medians(const struct dataset *ds, uint32_t arm, size_t n, double *out)
{
	double *m;

	assert_int_equal(dataset_medians(ds, 0, arm, &m), (long)n);
	for (size_t i = 0; i < n; i++)
		out[i] = log(m[i]);
	free(m);
}

struct coverage {
	double level, ratio, diff, share, apart;
	double right, wrong; /* verdicts at a true effect of 3 % */
};

static bool covers(const struct effect *e, double truth)
{
	return holds(e->lo, e->hi, truth);
}

static void count_paired(const struct dataset *ds, size_t n, const struct truth *truth,
			 struct coverage *c)
{
	struct pair_summary pair;
	struct interval interval;
	struct verdict_out v;
	double *medians;

	assert_int_equal(dataset_pair(ds, 0, 0, 1, 0.95, &pair), 0);
	assert_int_equal(dataset_medians(ds, 0, 0, &medians), (long)n);
	assert_int_equal(stat_median_interval(medians, n, 0.95, &interval), 0);
	v = stat_verdict(&pair.ratio, log(1.01), STAT_MIN_INVOCATIONS, false);
	c->level += holds(interval.lo, interval.hi, truth->level);
	c->ratio += covers(&pair.ratio, truth->ratio);
	c->diff += covers(&pair.diff, truth->diff);
	c->share += covers(&pair.share, truth->share);
	c->right += v.verdict == VERDICT_SLOWER;
	c->wrong += v.verdict == VERDICT_FASTER;
	free(medians);
}

/* Arm 0 of one run against arm 1 of another. */
static void count_apart(const struct dataset *x, const struct dataset *y, size_t n,
			struct coverage *c)
{
	double a[MOST], b[MOST];
	struct effect w;

	log_medians(x, 0, n, a);
	log_medians(y, 1, n, b);
	assert_int_equal(stat_welch_effect(a, n, b, n, 0.95, &w), 0);
	c->apart += covers(&w, EFFECT);
}

static struct coverage simulate(gsl_rng *rng, const struct noise *k, size_t n,
				const struct truth *truth)
{
	struct coverage c = { 0 };
	double *const all[] = {
		&c.level, &c.ratio, &c.diff, &c.share, &c.apart, &c.right, &c.wrong
	};

	for (size_t i = 0; i < EXPERIMENTS; i++) {
		struct dataset *ds = invent_run(rng, k, n, 0.0, EFFECT);
		struct dataset *other = invent_run(rng, k, n, 0.0, EFFECT);

		count_paired(ds, n, truth, &c);
		count_apart(ds, other, n, &c);
		dataset_free(ds);
		dataset_free(other);
	}
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		*all[i] /= EXPERIMENTS;
	return c;
}

static bool fits(const struct coverage *c, const struct noise *k, size_t size)
{
	return within_band(c->level, k->drift > 0.0 ? drifting_band : holds_band) &&
	       within_band(c->ratio, holds_band) && within_band(c->diff, holds_band) &&
	       within_band(c->share, holds_band) && within_band(c->apart, k->apart[size]) &&
	       c->wrong <= 0.005;
}

static void test_coverage(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	unsigned missed = 0;

	(void)state;
	printf("Coverage of 95 %% intervals, %d experiments each, %d blocks; apart: Welch between "
	       "two runs; verdicts at +3 %%\n",
	       EXPERIMENTS, BLOCKS);
	printf("%-15s %4s %8s %8s %8s %8s %8s %8s %8s\n", "noise", "n", "level", "ratio", "diff",
	       "share", "apart", "slower", "faster");
	for (size_t k = 0; k < NOISES; k++) {
		struct truth truth;

		gsl_rng_set(rng, 1000 + k);
		truth = true_values(rng, &noises[k]);
		for (size_t i = 0; i < 3; i++) {
			struct coverage c = simulate(rng, &noises[k], sizes[i], &truth);
			bool good = fits(&c, &noises[k], i);

			printf("%-15s %4zu %8.2f %8.2f %8.2f %8.2f %8.2f %8.2f %8.2f%s\n",
			       noises[k].name, sizes[i], 100 * c.level, 100 * c.ratio, 100 * c.diff,
			       100 * c.share, 100 * c.apart, 100 * c.right, 100 * c.wrong,
			       good ? "" : "  <- outside its band");
			missed += !good;
		}
	}
	gsl_rng_free(rng);
	assert_int_equal(missed, 0);
}

struct alarms {
	double paired, verdict, welch;
};

/*
 * Identical arms: how often something is called different, paired and from two runs, the second of
 * which begins @apart lengths of a run after the first; 0 means interleaved.
 */
static struct alarms simulate_aa(gsl_rng *rng, const struct noise *k, size_t n, double apart)
{
	size_t paired = 0, verdict = 0, welch = 0;

	for (size_t i = 0; i < EXPERIMENTS; i++) {
		struct dataset *ds = invent_run(rng, k, n, 0.0, 0.0);
		struct dataset *other = invent_run(rng, k, n, apart, 0.0);
		double a[MOST], b[MOST];
		struct pair_summary pair;
		struct effect w;
		enum verdict v;

		assert_int_equal(dataset_pair(ds, 0, 0, 1, 0.95, &pair), 0);
		v = stat_verdict(&pair.ratio, log(1.01), STAT_MIN_INVOCATIONS, false).verdict;
		log_medians(ds, 0, n, a);
		log_medians(other, 0, n, b);
		assert_int_equal(stat_welch_effect(a, n, b, n, 0.95, &w), 0);
		paired += pair.ratio.p < 0.05;
		verdict += v == VERDICT_FASTER || v == VERDICT_SLOWER;
		welch += w.p < 0.05;
		dataset_free(ds);
		dataset_free(other);
	}
	return (struct alarms){ (double)paired / EXPERIMENTS, (double)verdict / EXPERIMENTS,
				(double)welch / EXPERIMENTS };
}

static void test_false_positives(void **state)
{
	static const double at_most[2] = { 0.0, 0.06 };
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	unsigned missed = 0;

	(void)state;
	printf("Identical arms called different, %% of %d: paired p < 0.05, verdict at 1 %%, "
	       "Welch\n",
	       EXPERIMENTS);
	printf("%-15s %4s %8s %8s %8s\n", "noise", "n", "paired", "verdict", "Welch");
	for (size_t k = 0; k < 4; k++) {
		for (size_t i = 0; i < 3; i++) {
			struct alarms a;

			gsl_rng_set(rng, 2000 + 3 * k + i);
			a = simulate_aa(rng, &noises[k], sizes[i], 0.0);
			printf("%-15s %4zu %8.2f %8.2f %8.2f\n", noises[k].name, sizes[i],
			       100 * a.paired, 100 * a.verdict, 100 * a.welch);
			missed += !within_band(a.paired, at_most) ||
				  !within_band(a.verdict, at_most) || a.verdict > a.paired ||
				  !within_band(a.welch, at_most);
		}
	}
	gsl_rng_free(rng);
	assert_int_equal(missed, 0);
}

/* S3: no interval sees that the second run came later. This is why the output has to say so. */
static void test_one_after_the_other(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	struct alarms a;

	(void)state;
	gsl_rng_set(rng, 3000);
	a = simulate_aa(rng, &noises[DRIFTING], 10, 1.0);
	printf("Drifting, n = 10, two identical runs one after the other: Welch %.2f\n",
	       100 * a.welch);
	gsl_rng_free(rng);
	assert_true(a.welch > 0.9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_coverage),
		cmocka_unit_test(test_false_positives),
		cmocka_unit_test(test_one_after_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
