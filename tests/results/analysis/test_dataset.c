// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/results/analysis/close_to.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#include "results/analysis/dataset.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct sample at(uint32_t arm, int32_t block, uint64_t ticks)
{
	return (struct sample){ .arm = arm, .block = block, .ticks = ticks, .work = 1 };
}

static int setup(void **state)
{
	*state = dataset_new();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	dataset_free(*state);
	return 0;
}

/* (ticks - overhead) * unit / work; warm-up left out; arms apart; order kept. */
static void test_values(void **state)
{
	const struct sample s[] = {
		{ .arm = 1, .block = -1, .ticks = 9999, .work = 1 },
		{ .arm = 1, .block = 0, .ticks = 110, .work = 4 },
		{ .arm = 0, .block = 0, .ticks = 30, .work = 2 },
		{ .arm = 0, .block = 1, .ticks = 50, .work = 2 },
		{ .arm = 1, .block = 1, .ticks = 90, .work = 4 },
	};
	struct dataset *ds = *state;
	double *v;

	assert_int_equal(dataset_add(ds, 2, 0, s, COUNT(s), 10, 0.5), 0);
	assert_int_equal(dataset_groups(ds), 3);
	assert_int_equal(dataset_arms(ds, 2), 2);
	assert_int_equal(dataset_arms(ds, 0), 0);
	assert_int_equal(dataset_arms(ds, 7), 0);
	assert_int_equal(dataset_values(ds, 2, 0, &v), 2);
	assert_true(v[0] == 5.0 && v[1] == 10.0);
	free(v);
	assert_int_equal(dataset_values(ds, 2, 1, &v), 2);
	assert_true(v[0] == 12.5 && v[1] == 10.0);
	free(v);
	assert_int_equal(dataset_values(ds, 2, 2, &v), 0);
	assert_null(v);
	assert_int_equal(dataset_medians(ds, 9, 0, &v), 0);
	assert_null(v);
}

/* Values that do not come from a clock: several of one arm and block are kept, in order. */
static void add_values_several_in_a_block_are_kept(void **state)
{
	const struct dataset_value in[] = {
		{ .arm = 1, .block = 0, .value = -3 },
		{ .arm = 0, .block = 0, .value = 2.5 },
		{ .arm = 1, .block = 0, .value = 7 },
		{ .arm = 1, .block = 2, .value = 5 },
	};
	const struct dataset_value warm = { .block = -1 }, strange = { .arm = DATASET_MAX_ARMS };
	struct pair_summary pair;
	struct dataset *ds = *state;
	double *v;

	assert_int_equal(dataset_add_values(ds, 0, 0, in, COUNT(in)), 0);
	assert_int_equal(dataset_values(ds, 0, 1, &v), 3);
	assert_true(v[0] == -3 && v[1] == 7 && v[2] == 5);
	free(v);
	/* Block 0 alone holds both arms: the median of -3 and 7, less 2.5. */
	assert_int_equal(dataset_pair(ds, 0, 0, 1, 0.95, &pair), 0);
	assert_int_equal(pair.blocks, 1);
	assert_true(pair.diff.value == 2 - 2.5);
	assert_int_equal(dataset_add_values(ds, 0, 0, &warm, 1), -EINVAL);
	assert_int_equal(dataset_add_values(ds, 0, 0, &strange, 1), -EINVAL);
	assert_int_equal(dataset_add_values(ds, DATASET_MAX_GROUPS, 0, in, 1), -EINVAL);
	assert_int_equal(dataset_add_values(ds, 0, 0, NULL, 0), 0);
}

/* Only the group that is named changes its place, also to where there was none. */
static void exchange_group_the_others_stay(void **state)
{
	const struct dataset_value one = { .value = 1 }, two = { .value = 2 };
	struct dataset *a = *state, *b = dataset_new();
	double *v;

	assert_non_null(b);
	assert_int_equal(dataset_add_values(a, 0, 0, &one, 1), 0);
	assert_int_equal(dataset_add_values(a, 3, 0, &one, 1), 0);
	assert_int_equal(dataset_add_values(b, 0, 0, &two, 1), 0);
	assert_int_equal(dataset_exchange(a, b, 3), 0);
	assert_int_equal(dataset_values(a, 0, 0, &v), 1);
	assert_true(*v == 1);
	free(v);
	assert_int_equal(dataset_arms(a, 3), 0);
	assert_int_equal(dataset_arms(b, 3), 1);
	assert_int_equal(dataset_exchange(a, b, 0), 0);
	assert_int_equal(dataset_values(a, 0, 0, &v), 1);
	assert_true(*v == 2);
	free(v);
	assert_int_equal(dataset_exchange(a, b, DATASET_MAX_GROUPS), -EINVAL);
	dataset_free(b);
}

static void test_refused(void **state)
{
	struct sample idle = at(0, 0, 5), warm = at(0, -1, 5), strange = at(DATASET_MAX_ARMS, 0, 5);
	const struct sample backwards[] = { at(0, 3, 5), at(1, 2, 5), at(0, 2, 5) };
	struct arm_summary out;
	struct dataset *ds = *state;

	idle.work = 0;
	assert_int_equal(dataset_add(ds, 0, 0, &idle, 1, 0, 1), -EINVAL);
	assert_int_equal(dataset_add(ds, 0, 0, &strange, 1, 0, 1), -EINVAL);
	assert_int_equal(dataset_add(ds, DATASET_MAX_GROUPS, 0, &warm, 1, 0, 1), -EINVAL);
	assert_int_equal(dataset_add(ds, 0, 0, backwards, 3, 0, 1), -EINVAL);
	/* nothing is asked of a warm-up sample, and nothing comes of it */
	warm.work = 0;
	assert_int_equal(dataset_add(ds, 0, 0, &warm, 1, 0, 1), 0);
	assert_int_equal(dataset_arms(ds, 0), 0);
	assert_int_equal(dataset_arm(ds, 0, 0, 0.95, &out), -ENOENT);
	assert_int_equal(dataset_arm(ds, 5, 0, 0.95, &out), -ENOENT);
}

/* Rounds come in any order (a database merges them); medians and series go by round. */
static void test_rounds(void **state)
{
	static const unsigned rounds[] = { 4, 1, 3, 0, 2, 5, 1 };
	struct dataset *ds = *state;
	double *m;

	for (size_t i = 0; i < COUNT(rounds); i++) {
		struct sample s = at(0, 0, 100 + rounds[i]);

		assert_int_equal(dataset_add(ds, 0, rounds[i], &s, 1, 0, 1), 0);
	}
	assert_int_equal(dataset_medians(ds, 0, 0, &m), 7);
	for (size_t i = 1; i < 7; i++)
		assert_true(m[i - 1] <= m[i]);
	assert_true(m[0] == 100 && m[6] == 105);
	free(m);
}

/* Three invocations with known medians 20, 30, 40 and quartiles +- 5; one far outlier. */
static void add_three(struct dataset *ds)
{
	for (unsigned inv = 0; inv < 3; inv++) {
		struct sample s[5];

		for (int i = 0; i < 5; i++)
			s[i] = at(0, i, (uint64_t)(10 + 5 * i + 10 * (int)inv));
		if (inv == 2)
			s[4].ticks = 100000;
		assert_int_equal(dataset_add(ds, 0, inv, s, 5, 0, 1), 0);
	}
}

static void test_arm(void **state)
{
	struct dataset *ds = *state;
	struct arm_summary out;

	add_three(ds);
	assert_int_equal(dataset_arm(ds, 0, 0, 0.95, &out), 0);
	assert_int_equal(out.invocations, 3);
	assert_int_equal(out.samples, 15);
	assert_close(out.level, 30, 0);
	/* below 6 invocations the extremes, and the level that they have: 1 - 2/2^3 */
	assert_close(out.interval.lo, 20, 0);
	assert_close(out.interval.hi, 40, 0);
	assert_close(out.interval.level, 0.75, 1e-12);
	assert_close(out.within, 10.0 / 30, 1e-12);
	assert_close(out.between, 10.0 / 30, 1e-12);
	assert_int_equal(out.outliers, 1);
	assert_close(out.min, 10, 0);
	assert_close(out.p50, 30, 0);
	assert_close(out.max, 100000, 0);
}

static void test_one_invocation(void **state)
{
	const struct sample s[] = { at(0, 0, 10), at(1, 0, 20), at(0, 1, 12), at(1, 1, 24) };
	struct dataset *ds = *state;
	struct arm_summary arm;
	struct pair_summary pair;

	assert_int_equal(dataset_add(ds, 0, 0, s, 4, 0, 1), 0);
	assert_int_equal(dataset_arm(ds, 0, 1, 0.95, &arm), 0);
	assert_close(arm.level, 22, 0);
	assert_true(isnan(arm.interval.lo) && isnan(arm.interval.hi));
	assert_int_equal(dataset_pair(ds, 0, 0, 1, 0.95, &pair), 0);
	assert_int_equal(pair.ratio.n, 1);
	assert_close(pair.ratio.value, log(2), 1e-12);
	assert_close(pair.diff.value, 11, 0);
	assert_true(isnan(pair.ratio.lo) && isnan(pair.diff.p));
	assert_int_equal(dataset_pair(ds, 0, 0, 2, 0.95, &pair), -ENOENT);
	assert_int_equal(dataset_pair(ds, 3, 0, 1, 0.95, &pair), -ENOENT);
}

/*
 * Blocks that lack an arm pair nothing; two samples of an arm in one block give their median; an
 * invocation without a common block does not count. By hand: invocation 0 pairs blocks 1 (10, 20)
 * and 3 (12, mean of 30 and 42 = 36): differences 10 and 24; invocation 1 pairs block 0 (10, 40).
 */
static void test_pair_gaps(void **state)
{
	const struct sample first[] = { at(0, 0, 999), at(0, 1, 10), at(1, 1, 20), at(1, 2, 7),
					at(1, 3, 30),  at(0, 3, 12), at(1, 3, 42), at(0, 4, 1) };
	const struct sample second[] = { at(1, 0, 40), at(0, 0, 10), at(2, 0, 3) };
	const struct sample third[] = { at(0, 0, 10), at(1, 1, 40) };
	struct dataset *ds = *state;
	struct pair_summary out;

	assert_int_equal(dataset_add(ds, 0, 0, first, COUNT(first), 0, 1), 0);
	assert_int_equal(dataset_add(ds, 0, 1, second, COUNT(second), 0, 1), 0);
	assert_int_equal(dataset_add(ds, 0, 2, third, COUNT(third), 0, 1), 0);
	assert_int_equal(dataset_pair(ds, 0, 0, 1, 0.95, &out), 0);
	assert_int_equal(out.blocks, 3);
	assert_int_equal(out.diff.n, 2);
	assert_close(out.diff.value, (17.0 + 30.0) / 2, 1e-12);
	assert_close(out.ratio.value, ((log(2) + log(3)) / 2 + log(4)) / 2, 1e-12);
	assert_true(out.ratio_valid);
	assert_int_equal(dataset_pair(ds, 0, 1, 0, 0.95, &out), 0);
	assert_close(out.diff.value, -23.5, 1e-12);
}

/* Overhead that eats a sample leaves a difference and no ratio. */
static void test_pair_without_ratio(void **state)
{
	struct dataset *ds = *state;
	struct pair_summary out;
	struct arm_summary arm;

	for (unsigned inv = 0; inv < 3; inv++) {
		const struct sample s[] = { at(0, 0, 40), at(1, 0, 90 + inv) };

		assert_int_equal(dataset_add(ds, 0, inv, s, 2, inv == 1 ? 40 : 30, 1), 0);
	}
	assert_int_equal(dataset_pair(ds, 0, 0, 1, 0.95, &out), 0);
	assert_false(out.ratio_valid);
	assert_true(isnan(out.ratio.value) && isnan(out.ratio.lo) && isnan(out.ratio.p));
	assert_close(out.diff.value, 51, 1e-12);
	assert_int_equal(dataset_arm(ds, 0, 0, 0.95, &arm), 0);
	assert_close(arm.min, 0, 0);
	assert_close(arm.level, 10, 0);
}

/* Spread inside processes must not narrow the interval between them (S2). */
static void test_nesting(void **state)
{
	struct arm_summary few, many;
	struct dataset *ds = *state;

	for (unsigned inv = 0; inv < 8; inv++) {
		struct sample s[200];

		for (int i = 0; i < 200; i++)
			s[i] = at(0, i, 1000 + 10 * inv + (unsigned)(i % 3));
		assert_int_equal(dataset_add(ds, 0, inv, s, 3, 0, 1), 0);
		assert_int_equal(dataset_add(ds, 1, inv, s, 198, 0, 1), 0);
	}
	assert_int_equal(dataset_arm(ds, 0, 0, 0.95, &few), 0);
	assert_int_equal(dataset_arm(ds, 1, 0, 0.95, &many), 0);
	assert_close(few.interval.lo, many.interval.lo, 1e-12);
	assert_close(few.interval.hi, many.interval.hi, 1e-12);
	assert_true(many.rounds.drifting);
	assert_false(many.blocks.drifting);
	assert_false(many.blocks.two_modes);
}

/*
 * A clock whose step is two standard deviations of the samples. Divided by each invocation's
 * median the raster itself shows two modes in half of such runs and autocorrelation in a fifth.
 */
static void test_coarse_clock(void **state)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
	unsigned modes = 0, lag = 0;

	(void)state;
	for (unsigned run = 0; run < 40; run++) {
		struct dataset *ds = dataset_new();
		struct arm_summary out;
		struct sample s[20];

		assert_non_null(ds);
		for (unsigned inv = 0; inv < 10; inv++) {
			double level = 100 * exp(gsl_ran_gaussian(rng, 0.02));

			for (int i = 0; i < 20; i++)
				s[i] = at(0, i,
					  4 * (uint64_t)round(level + gsl_ran_gaussian(rng, 0.5)));
			assert_int_equal(dataset_add(ds, 0, inv, s, 20, 0, 1), 0);
		}
		assert_int_equal(dataset_arm(ds, 0, 0, 0.95, &out), 0);
		modes += out.blocks.two_modes;
		lag += out.blocks.autocorrelated;
		dataset_free(ds);
	}
	gsl_rng_free(rng);
	assert_true(modes <= 1 && lag <= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_values, setup, teardown),
		cmocka_unit_test_setup_teardown(add_values_several_in_a_block_are_kept, setup,
						teardown),
		cmocka_unit_test_setup_teardown(exchange_group_the_others_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_arm, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_invocation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pair_gaps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pair_without_ratio, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nesting, setup, teardown),
		cmocka_unit_test(test_coarse_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
