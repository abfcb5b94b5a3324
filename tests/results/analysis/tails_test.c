// SPDX-License-Identifier: GPL-2.0-or-later
/* Quantiles with intervals, and what a quantile changes by: figures worked out by hand. */
#include "tests/results/analysis/close_to.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "results/analysis/comparison_tails.h"

#define PROCESSES 10
#define EACH	  40

/* 1 to 400, dealt out in turn: each process has the same share of every part. */
static void dealt_out(double *x, size_t *n)
{
	for (size_t p = 0; p < PROCESSES; p++) {
		n[p] = EACH;
		for (size_t i = 0; i < EACH; i++)
			x[p * EACH + i] = (double)(1 + i * PROCESSES + p);
	}
}

/*
 * p90 of 1 to 400: 360.1. Binomial error 0.015, t of 9 degrees of freedom 2.262157: the shares 0.866068
 * and 0.933932, so ranks 347 and 374.
 */
static void tails_pooled_independent_has_binomial_ranks(void **state)
{
	double x[PROCESSES * EACH];
	size_t n[PROCESSES];
	struct tail t[TAILS];

	(void)state;
	dealt_out(x, n);
	assert_int_equal(tails_pooled(x, n, PROCESSES, t), 0);
	assert_close(t[TAIL_P90].value, 360.1, 1e-9);
	assert_close(t[TAIL_P90].interval.lo, 347, 0);
	assert_close(t[TAIL_P90].interval.hi, 374, 0);
	assert_close(t[TAIL_P90].interval.level, 0.95, 0);
	/* 0.99 and 2.262157 times 0.0049749 is beyond 1. */
	assert_true(isnan(t[TAIL_P99].value) && isnan(t[TAIL_P99].interval.lo));
	assert_true(isnan(t[TAIL_P999].value));
}

/*
 * The 40 largest lie in two of ten processes, 20 in each, where 4 are expected in each process: the
 * squares are 2 * 16^2 + 8 * 4^2 = 640, the error sqrt(10 / 9 * 640) / 400 = 0.066667, and its reach
 * 0.150810 passes the largest sample. In four processes, 10 each: 4 * 36 + 6 * 16 = 240, 0.040825,
 * 0.092352: ranks 324 and 397.
 */
static void tails_pooled_clustered_is_wider_or_unknown(void **state)
{
	double x[PROCESSES * EACH];
	size_t n[PROCESSES];
	struct tail t[TAILS];

	(void)state;
	for (size_t holders = 2; holders <= 4; holders += 2) {
		size_t low = 1, high = 361, in_each = 40 / holders;

		for (size_t p = 0; p < PROCESSES; p++) {
			n[p] = EACH;
			for (size_t i = 0; i < EACH; i++)
				x[p * EACH + i] =
					(double)(p < holders && i < in_each ? high++ : low++);
		}
		assert_int_equal(tails_pooled(x, n, PROCESSES, t), 0);
		assert_int_equal(isnan(t[TAIL_P90].value), holders == 2);
	}
	assert_close(t[TAIL_P90].interval.lo, 324, 0);
	assert_close(t[TAIL_P90].interval.hi, 397, 0);
}

static void tails_pooled_too_few_is_unknown(void **state)
{
	double x[PROCESSES * EACH];
	size_t n[PROCESSES], one = PROCESSES * EACH, few[2] = { 14, 14 };
	struct tail t[TAILS];

	(void)state;
	dealt_out(x, n);
	/* One process has no spread between processes. */
	assert_int_equal(tails_pooled(x, &one, 1, t), 0);
	assert_true(isnan(t[TAIL_P90].value));
	/* 28 samples: 1 - 0.9^28 is below 95 %. */
	assert_int_equal(tails_pooled(x, few, 2, t), 0);
	assert_true(isnan(t[TAIL_P90].value));
	assert_int_equal(tails_pooled(x, n, 0, t), 0);
	assert_true(isnan(t[TAIL_P90].value));
	for (unsigned k = 0; k < TAILS; k++) {
		double n_of = (double)tail_kinds[k].pooled;

		assert_true(1 - pow(tail_kinds[k].at, n_of) >= 0.95);
		assert_true(1 - pow(tail_kinds[k].at, n_of - 1) < 0.95);
	}
}

/* Process p: arm 0 yields 100 p at each sample but that @long_ones of arm 1 take @longer times it. */
static struct dataset *two_arms(size_t blocks, size_t long_ones, double longer)
{
	struct dataset *ds = dataset_new();
	struct sample *s = calloc(2 * blocks, sizeof(*s));

	assert_true(ds && s);
	for (unsigned p = 1; p <= 8; p++) {
		for (uint32_t i = 0; i < 2 * blocks; i++) {
			double factor = i % 2 && i / 2 < long_ones ? longer + 0.01 * p : 1;

			s[i] = (struct sample){ .seq = i,
						.arm = i % 2,
						.block = (int32_t)(i / 2),
						.ticks = (uint64_t)(1000 * p * factor),
						.work = 1 };
		}
		assert_int_equal(dataset_add(ds, 0, p, s, 2 * blocks, 0, 0.1), 0);
	}
	free(s);
	return ds;
}

static void tails_pair_long_samples_shift_p99_alone(void **state)
{
	struct dataset *ds = two_arms(40, 2, 1.5);
	struct pair_summary pair;

	(void)state;
	assert_int_equal(tails_pair(ds, 0, 0, 1, TAIL_P90, 0.95, &pair), 0);
	assert_close(pair.ratio.value, 0, 1e-12);
	assert_int_equal(tails_pair(ds, 0, 0, 1, TAIL_P99, 0.95, &pair), 0);
	assert_int_equal(pair.ratio.n, 8);
	assert_true(pair.ratio_valid);
	/* The mean of log(1.51) to log(1.58). */
	assert_close(pair.ratio.value, 0.43488, 2e-4);
	assert_true(pair.ratio.lo > log(1.5) && pair.ratio.hi < log(1.6));
	dataset_free(ds);
}

static void tails_pair_too_few_samples_is_refused(void **state)
{
	struct pair_summary pair;
	struct dataset *ds = two_arms(39, 2, 1.5);

	(void)state;
	assert_int_equal(tails_pair(ds, 0, 0, 1, TAIL_P90, 0.95, &pair), 0);
	assert_int_equal(tails_pair(ds, 0, 0, 1, TAIL_P99, 0.95, &pair), -ENOENT);
	assert_int_equal(tails_pair(ds, 0, 0, 1, TAIL_P999, 0.95, &pair), -ENOENT);
	assert_int_equal(tails_pair(ds, 0, 0, 7, TAIL_P90, 0.95, &pair), -ENOENT);
	assert_int_equal(tails_longest(ds, 0, 1), 39);
	dataset_free(ds);
	ds = two_arms(9, 2, 1.5);
	assert_int_equal(tails_pair(ds, 0, 0, 1, TAIL_P90, 0.95, &pair), -ENOENT);
	dataset_free(ds);
}

/* A comparison of one row, whose sides are arms of @a and @b (the same: of one run). */
static void compare(struct dataset *a, struct dataset *b, struct tails_lack *lack,
		    struct comparison *c)
{
	static struct store_cell_row rows[2];
	static struct report_cell cells[2];
	static struct report reports[2];

	rows[1].arm = 1;
	for (unsigned i = 0; i < 2; i++) {
		cells[i] = (struct report_cell){ .row = &rows[i] };
		reports[i] = (struct report){ .ds = i ? b : a };
	}
	*c = (struct comparison){ .sesoi = 0.01,
				  .min_n = STAT_MIN_INVOCATIONS,
				  .paired = a == b,
				  .rows = calloc(1, sizeof(*c->rows)),
				  .n_rows = 1 };
	assert_non_null(c->rows);
	c->rows[0] = (struct comparison_row){ .a = { .report = &reports[0], .cell = &cells[0] },
					      .b = { .report = &reports[1], .cell = &cells[1] },
					      .pairing = a == b ? PAIRED_BLOCKS : PAIRED_NOT,
					      .label = "page=4K" };
	assert_int_equal(comparison_tails(c, lack), 0);
}

static void comparison_tails_paired_has_a_verdict_for_each(void **state)
{
	struct dataset *ds = two_arms(40, 2, 1.5);
	struct tails_lack lack[TAILS_COMPARED];
	struct comparison c;

	(void)state;
	compare(ds, ds, lack, &c);
	assert_int_equal(c.n_rows, 2);
	assert_string_equal(c.rows[0].label, "page=4K p90");
	assert_string_equal(c.rows[1].label, "page=4K p99");
	assert_int_equal(c.rows[0].verdict.verdict, VERDICT_EQUIVALENT);
	assert_int_equal(c.rows[1].verdict.verdict, VERDICT_SLOWER);
	/* The median of 100 to 800, and of that times 1.51 to 1.58. */
	assert_close(c.rows[1].a.level, 450, 1e-9);
	assert_close(c.rows[1].b.level, (400 * 1.54 + 500 * 1.55) / 2, 1e-6);
	assert_int_equal(lack[TAIL_P90].rows + lack[TAIL_P99].rows, 0);
	assert_int_equal(c.family.adjusted, 2);
	comparison_free(&c);
	dataset_free(ds);
}

/* Without the process in common, what processes differ by is in the interval. */
static void comparison_tails_two_runs_uses_welch(void **state)
{
	struct dataset *a = two_arms(40, 2, 1.5), *b = two_arms(40, 2, 1.5);
	struct tails_lack lack[TAILS_COMPARED];
	struct comparison c;

	(void)state;
	compare(a, b, lack, &c);
	assert_int_equal(c.n_rows, 2);
	assert_close(c.rows[1].ratio.value, 0.43488, 2e-4);
	assert_true(c.rows[1].ratio.lo < 0 && c.rows[1].ratio.df > 13.9);
	assert_int_equal(c.rows[1].verdict.verdict, VERDICT_INCONCLUSIVE);
	comparison_free(&c);
	dataset_free(a);
	dataset_free(b);
}

static void comparison_tails_too_few_says_how_many_it_had(void **state)
{
	struct dataset *ds = two_arms(39, 2, 1.5);
	struct tails_lack lack[TAILS_COMPARED];
	struct comparison c = { .boots = true };

	(void)state;
	assert_int_equal(comparison_tails(&c, lack), -EINVAL);
	compare(ds, ds, lack, &c);
	assert_int_equal(c.n_rows, 1);
	assert_int_equal(lack[TAIL_P90].rows, 0);
	assert_int_equal(lack[TAIL_P99].rows, 1);
	assert_int_equal(lack[TAIL_P99].had, 39);
	comparison_free(&c);
	dataset_free(ds);
}

static void tails_occurrence_counts_processes(void **state)
{
	struct interval in;

	(void)state;
	assert_int_equal(tails_occurrence(0, 10, &in), 0);
	assert_close(in.lo, 0, 0);
	assert_close(in.hi, 1 - pow(0.05, 0.1), 1e-9);
	/* Tables of Clopper and Pearson. */
	assert_int_equal(tails_occurrence(2, 10, &in), 0);
	assert_close(in.lo, 0.025211, 1e-6);
	assert_close(in.hi, 0.556095, 1e-6);
	assert_int_equal(tails_occurrence(10, 10, &in), 0);
	assert_close(in.hi, 1, 0);
	assert_int_equal(tails_occurrence(0, 0, &in), -EINVAL);
	assert_int_equal(tails_occurrence(3, 2, &in), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tails_pooled_independent_has_binomial_ranks),
		cmocka_unit_test(tails_pooled_clustered_is_wider_or_unknown),
		cmocka_unit_test(tails_pooled_too_few_is_unknown),
		cmocka_unit_test(tails_pair_long_samples_shift_p99_alone),
		cmocka_unit_test(tails_pair_too_few_samples_is_refused),
		cmocka_unit_test(comparison_tails_paired_has_a_verdict_for_each),
		cmocka_unit_test(comparison_tails_two_runs_uses_welch),
		cmocka_unit_test(comparison_tails_too_few_says_how_many_it_had),
		cmocka_unit_test(tails_occurrence_counts_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
