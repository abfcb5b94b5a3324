// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * simulate_tails.c: S17, S20 and S23 of quantiles. Runs are invented with a known truth and put
 * through the calls that `compare --tails` and `show --tails` make. The tables on standard output
 * are quoted in docs/tdcost-statistics.7.
 */
#include "tests/results/analysis/close_to.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <gsl/gsl_sort.h>

#include "results/analysis/comparison_tails.h"

#ifndef SIMULATE_LESS
#define SIMULATE_LESS 1
#endif

#define EXPERIMENTS (2000 / SIMULATE_LESS)
#define PROCESSES   10
#define BLOCKS	    40
#define P99_CHANGE  0.3

static double slack(double share)
{
	return 3.5 * sqrt(share * (1 - share) / EXPERIMENTS);
}

/*
 * Noise on the log scale: what processes differ by and both arms share, what an arm of a process
 * has alone, and samples. @share of B's samples take longer by a factor that makes B's p99 30 % larger.
 */
struct change {
	const char *name;
	double common, own, within, share;
	double interrupts; /* of the samples of both arms, which take 20 % (exponential) longer */
	double found, verdict; /* at least: the share of experiments with p < 0.05, and called */
};

static const struct change changes[] = {
	{ "5 % of B longer", 0.05, 0.01, 0.02, 0.05, 0, 0.9, 0.9 },
	{ "3 % of B longer", 0.05, 0.01, 0.02, 0.03, 0, 0.9, 0.9 },
	{ "2 % of B longer", 0.05, 0.01, 0.02, 0.02, 0, 0.75, 0.6 },
	{ "5 %, wide", 0.05, 0.02, 0.05, 0.05, 0, 0.9, 0.9 },
	{ "3 %, wide", 0.05, 0.02, 0.05, 0.03, 0, 0.9, 0.8 },
	{ "2 %, wide", 0.05, 0.02, 0.05, 0.02, 0, 0.7, 0.5 },
	{ "5 %, interrupts", 0.05, 0.01, 0.02, 0.05, 0.01, 0.8, 0.7 },
	{ "3 %, interrupts", 0.05, 0.01, 0.02, 0.03, 0.01, 0.6, 0.5 },
	{ "2 %, interrupts", 0.05, 0.01, 0.02, 0.02, 0.01, 0.4, 0.25 },
};

static double sample(gsl_rng *rng, const struct change *k, double level, double longer)
{
	double v = level + gsl_ran_gaussian_ziggurat(rng, k->within);

	if (k->interrupts > 0 && gsl_rng_uniform(rng) < k->interrupts)
		v += gsl_ran_exponential(rng, 0.2);
	if (longer > 0 && gsl_rng_uniform(rng) < k->share)
		v += longer;
	return v;
}

#define POPULATION 400000

/* The p99 of @x where @longer is added to those that @is_long. */
static double p99_with(const double *x, const bool *is_long, double longer)
{
	static double y[POPULATION];
	double q;

	for (size_t i = 0; i < POPULATION; i++)
		y[i] = x[i] + (is_long[i] ? longer : 0);
	stat_quantiles_inplace(y, POPULATION, &tail_kinds[TAIL_P99].at, 1, &q);
	return q;
}

/* By how much (log) the share is longer, so that the p99 is P99_CHANGE larger: by halving. */
static double longer_for(const struct change *k)
{
	static double x[POPULATION];
	static bool is_long[POPULATION];
	double lo = 0, hi = 3, want;
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);

	gsl_rng_set(rng, 17);
	for (size_t i = 0; i < POPULATION; i++) {
		x[i] = sample(rng, k, 0, 0);
		is_long[i] = gsl_rng_uniform(rng) < k->share;
	}
	gsl_rng_free(rng);
	want = p99_with(x, is_long, 0) + log1p(P99_CHANGE);
	for (unsigned i = 0; i < 24; i++) {
		double middle = (lo + hi) / 2;

		*(p99_with(x, is_long, middle) < want ? &lo : &hi) = middle;
	}
	return hi;
}

static void invent(gsl_rng *rng, const struct change *k, double longer, struct dataset *ds,
		   unsigned round)
{
	double common = gsl_ran_gaussian_ziggurat(rng, k->common), level[2];
	struct sample s[2 * BLOCKS];

	for (unsigned a = 0; a < 2; a++)
		level[a] = common + gsl_ran_gaussian_ziggurat(rng, k->own);
	for (uint32_t i = 0; i < 2 * BLOCKS; i++) {
		double v = sample(rng, k, level[i % 2], i % 2 ? longer : 0);

		s[i] = (struct sample){
			.seq = i, .arm = i % 2, .block = (int32_t)(i / 2), .work = 1
		};
		s[i].ticks = (uint64_t)(1e7 * exp(v));
	}
	assert_int_equal(dataset_add(ds, 0, round, s, 2 * BLOCKS, 0, 1), 0);
}

/* What `compare --by` makes of a run with two arms, then of another run's arm B against A. */
struct world {
	struct store_cell_row rows[2];
	struct report_cell cells[2];
};

static struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	for (unsigned a = 0; a < 2; a++) {
		w->rows[a].arm = a;
		w->cells[a].row = &w->rows[a];
	}
	return w;
}

/* By p < 0.05, and by the verdict, which is adjusted for two comparisons. */
struct answer {
	bool p[TAILS_COMPARED], verdict[TAILS_COMPARED];
	bool median; /* p < 0.05 */
};

/* @other: B is the arm of another run. */
static struct answer ask(const struct world *w, struct dataset *ds, struct dataset *other)
{
	struct report a = { .ds = ds }, b = { .ds = other ? other : ds };
	struct comparison c = { .paired = !other, .sesoi = 0.01, .min_n = STAT_MIN_INVOCATIONS };
	struct tails_lack lack[TAILS_COMPARED];
	struct pair_summary pair;
	struct answer answer = { 0 };

	assert_int_equal(dataset_pair(ds, 0, 0, 1, 0.95, &pair), 0);
	answer.median = pair.ratio.p < 0.05;
	c.rows = calloc(1, sizeof(*c.rows));
	c.n_rows = 1;
	assert_non_null(c.rows);
	c.rows[0] = (struct comparison_row){ .a = { .report = &a, .cell = &w->cells[0] },
					     .b = { .report = &b, .cell = &w->cells[1] },
					     .pairing = other ? PAIRED_NOT : PAIRED_BLOCKS };
	assert_int_equal(comparison_tails(&c, lack), 0);
	assert_int_equal(c.n_rows, TAILS_COMPARED);
	for (unsigned i = 0; i < TAILS_COMPARED; i++) {
		enum verdict v = c.rows[i].verdict.verdict;

		answer.p[i] = c.rows[i].ratio.p < 0.05;
		answer.verdict[i] = v == VERDICT_SLOWER || v == VERDICT_FASTER;
	}
	comparison_free(&c);
	return answer;
}

struct shares {
	double median, p[TAILS_COMPARED], verdict[TAILS_COMPARED];
};

static struct shares simulate(gsl_rng *rng, const struct change *k, double longer, bool runs)
{
	struct world *w = world_new();
	struct shares s = { 0 };

	for (size_t i = 0; i < EXPERIMENTS; i++) {
		struct dataset *ds = dataset_new(), *other = runs ? dataset_new() : NULL;
		struct answer answer;

		for (unsigned round = 0; round < PROCESSES; round++) {
			invent(rng, k, longer, ds, round);
			if (other)
				invent(rng, k, longer, other, round);
		}
		answer = ask(w, ds, other);
		s.median += answer.median / (double)EXPERIMENTS;
		for (unsigned j = 0; j < TAILS_COMPARED; j++) {
			s.p[j] += answer.p[j] / (double)EXPERIMENTS;
			s.verdict[j] += answer.verdict[j] / (double)EXPERIMENTS;
		}
		dataset_free(ds);
		dataset_free(other);
	}
	free(w);
	return s;
}

static void print_shares(const char *name, const char *arms, const struct shares *s)
{
	printf("%-16s %-9s %6.1f %6.1f %6.1f %7.1f %6.1f\n", name, arms, 100 * s->median,
	       100 * s->p[TAIL_P90], 100 * s->p[TAIL_P99], 100 * s->verdict[TAIL_P90],
	       100 * s->verdict[TAIL_P99]);
}

static unsigned false_alarms(const struct shares *s)
{
	unsigned missed = 0;

	for (unsigned j = 0; j < TAILS_COMPARED; j++)
		missed += s->p[j] > 0.06 + slack(0.06) || s->verdict[j] > 0.05 + slack(0.05);
	return missed;
}

static void p99_changed_is_found(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	unsigned missed = 0;

	(void)state;
	printf("p99 %.0f %% larger in B, median unchanged; %d blocks, %d processes; called "
	       "different, %% of %d\n",
	       100 * P99_CHANGE, BLOCKS, PROCESSES, EXPERIMENTS);
	printf("%-26s %20s %14s\n", "", "by p < 0.05", "by verdict");
	printf("%-16s %-9s %6s %6s %6s %7s %6s\n", "longer in B", "arms", "median", "p90", "p99",
	       "p90", "p99");
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		double longer = longer_for(&changes[i]);
		struct shares changed, same, apart;

		gsl_rng_set(rng, 4000 + i);
		changed = simulate(rng, &changes[i], longer, false);
		same = simulate(rng, &changes[i], 0, false);
		apart = simulate(rng, &changes[i], 0, true);
		print_shares(changes[i].name, "changed", &changed);
		print_shares(changes[i].name, "identical", &same);
		print_shares(changes[i].name, "two runs", &apart);
		missed += changed.p[TAIL_P99] < changes[i].found - slack(changes[i].found);
		missed += changed.verdict[TAIL_P99] <
			  changes[i].verdict - slack(changes[i].verdict);
		missed += false_alarms(&same) + false_alarms(&apart);
	}
	gsl_rng_free(rng);
	assert_int_equal(missed, 0);
}

/*
 * Quantiles of the samples of all processes. On the log scale: processes differ by @between; samples
 * by 2 %; of those of a process, a share takes longer (exponential, 30 %), which is @longer, or in a
 * third of them 3 times as many and none in the others.
 */
struct spread {
	const char *name;
	double between, longer;
	bool bursts;
};

static const struct spread spreads[] = {
	{ "independent", 0, 0.02, false },
	{ "clustered 2 %", 0.02, 0.02, false },
	{ "clustered 5 %", 0.05, 0.02, false },
	{ "bursts", 0.02, 0.02, true },
};

static void invent_process(gsl_rng *rng, const struct spread *k, double *x, size_t n)
{
	double level = gsl_ran_gaussian_ziggurat(rng, k->between), longer = k->longer;

	if (k->bursts)
		longer = gsl_rng_uniform(rng) < 0.3 ? longer / 0.3 : 0;
	for (size_t i = 0; i < n; i++) {
		x[i] = level + gsl_ran_gaussian_ziggurat(rng, 0.02);
		if (gsl_rng_uniform(rng) < longer)
			x[i] += gsl_ran_exponential(rng, 0.3);
		x[i] = exp(x[i]);
	}
}

#define WRONG 0.07
#define TRUTH (2000000 / SIMULATE_LESS)
#define MOST  (20 * 400)

static void true_quantiles(gsl_rng *rng, const struct spread *k, double truth[TAILS])
{
	double *x = malloc(TRUTH * sizeof(*x)), at[TAILS];

	assert_non_null(x);
	for (unsigned q = 0; q < TAILS; q++)
		at[q] = tail_kinds[q].at;
	for (size_t i = 0; i < TRUTH; i++)
		invent_process(rng, k, &x[i], 1);
	stat_quantiles_inplace(x, TRUTH, at, TAILS, truth);
	free(x);
}

struct cover {
	unsigned shown[TAILS], holds[TAILS];
};

static struct cover cover(gsl_rng *rng, const struct spread *k, size_t processes, size_t samples,
			  const double truth[TAILS])
{
	struct cover c = { 0 };
	double x[MOST];
	size_t n[20];

	for (unsigned i = 0; i < EXPERIMENTS; i++) {
		struct tail tails[TAILS];

		for (size_t p = 0; p < processes; p++) {
			n[p] = samples;
			invent_process(rng, k, x + p * samples, samples);
		}
		assert_int_equal(tails_pooled(x, n, processes, tails), 0);
		for (unsigned q = 0; q < TAILS; q++) {
			c.shown[q] += !isnan(tails[q].value);
			c.holds[q] += tails[q].interval.lo <= truth[q] &&
				      truth[q] <= tails[q].interval.hi;
		}
	}
	return c;
}

/*
 * What is promised is that a table shows a quantile whose interval does not hold in 5 % of the runs.
 * Of those shown it may be more: where few runs look even enough for an interval, luck chose them.
 */
static unsigned print_cover(const struct spread *k, size_t processes, size_t samples,
			    const struct cover *c)
{
	unsigned missed = 0;

	printf("%-14s %3zu %7zu", k->name, processes, samples);
	for (unsigned q = 0; q < TAILS; q++) {
		double wrong = (double)(c->shown[q] - c->holds[q]) / EXPERIMENTS;

		missed += wrong > WRONG + slack(WRONG);
		printf(" %7.1f", 100.0 * c->shown[q] / EXPERIMENTS);
		if (c->shown[q])
			printf(" %5.1f", 100.0 * c->holds[q] / c->shown[q]);
		else
			printf("     -");
	}
	printf("\n");
	return missed;
}

static void interval_of_a_quantile_holds_it(void **state)
{
	static const size_t processes[] = { 6, 10, 20 }, samples[] = { 40, 400 };
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	unsigned missed = 0;

	(void)state;
	printf("Quantiles over all samples: shown, %% of %d; of those, their interval holds, %%\n",
	       EXPERIMENTS);
	printf("%-14s %3s %7s %13s %13s %13s\n", "samples", "n", "each", "p90", "p99", "p99.9");
	for (size_t k = 0; k < sizeof(spreads) / sizeof(spreads[0]); k++) {
		double truth[TAILS];

		gsl_rng_set(rng, 5000 + k);
		true_quantiles(rng, &spreads[k], truth);
		for (unsigned i = 0; i < 6; i++) {
			struct cover c =
				cover(rng, &spreads[k], processes[i / 2], samples[i % 2], truth);

			missed += print_cover(&spreads[k], processes[i / 2], samples[i % 2], &c);
		}
	}
	gsl_rng_free(rng);
	assert_int_equal(missed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p99_changed_is_found),
		cmocka_unit_test(interval_of_a_quantile_holds_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
