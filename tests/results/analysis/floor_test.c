// SPDX-License-Identifier: GPL-2.0-or-later
/* Noise floors of made-up effects: how large they are, to which rows they apply, what they withhold. */
#include "tests/results/analysis/close_to.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results/analysis/comparison.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MINUTE	 60000

/* ---- the floor ---- */

static void floor_of_effects_is_t_times_rms(void **state)
{
	/* Root mean square 0.01 each; t(0.975) of 2, 4 and 10 degrees of freedom by mpmath. */
	static const double two[] = { 0.01, -0.01 };
	static const double four[] = { 0.02, 0, 0, 0 };
	static const double ten[] = { 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, -0.01 };

	(void)state;
	assert_close(floor_of_effects(two, 2), expm1(0.01 * 4.30265272975), 1e-10);
	assert_close(floor_of_effects(four, 4), expm1(0.01 * 2.77644510520), 1e-10);
	assert_close(floor_of_effects(ten, 10), expm1(0.01 * 2.22813885198), 1e-10);
}

static void floor_of_effects_without_noise_is_0(void **state)
{
	static const double none[3];

	(void)state;
	assert_close(floor_of_effects(none, 3), 0, 0);
	assert_true(isnan(floor_of_effects(none, 0)));
}

/* ---- to what it applies ---- */

#define PAIRED(r, b)	    FLOOR_PAIRED, r, b, 0
#define SEQUENTIAL(r, b, d) FLOOR_SEQUENTIAL, r, b, d

static const struct match {
	struct floor_design calibrated, design;
	enum floor_match match;
} matches[] = {
	{ { PAIRED(10, 40) }, { PAIRED(10, 40) }, FLOOR_APPLIES },
	/* More data is less noisy. */
	{ { PAIRED(10, 40) }, { PAIRED(20, 400) }, FLOOR_APPLIES },
	{ { PAIRED(10, 40) }, { PAIRED(9, 400) }, FLOOR_OF_MORE_DATA },
	{ { PAIRED(10, 40) }, { PAIRED(20, 31) }, FLOOR_OF_MORE_DATA },
	/* Slices of time do not hold the same number of blocks twice. */
	{ { PAIRED(10, 40) }, { PAIRED(10, 32) }, FLOOR_APPLIES },
	{ { PAIRED(10, 40) }, { SEQUENTIAL(10, 40, MINUTE) }, FLOOR_NOT_CALIBRATED },
	{ { SEQUENTIAL(10, 40, MINUTE) }, { PAIRED(10, 40) }, FLOOR_NOT_CALIBRATED },
	{ { 0 }, { PAIRED(10, 40) }, FLOOR_NOT_CALIBRATED },
	{ { PAIRED(10, 40) }, { 0 }, FLOOR_NOT_CALIBRATABLE },
	{ { 0 }, { 0 }, FLOOR_NOT_CALIBRATABLE },
	/* Before schema 4. */
	{ { PAIRED(0, 0) }, { PAIRED(10, 40) }, FLOOR_DESIGN_UNKNOWN },
	{ { SEQUENTIAL(10, 40, MINUTE) }, { SEQUENTIAL(10, 40, MINUTE) }, FLOOR_APPLIES },
	{ { SEQUENTIAL(10, 40, MINUTE) }, { SEQUENTIAL(10, 40, 1) }, FLOOR_APPLIES },
	{ { SEQUENTIAL(10, 40, MINUTE) }, { SEQUENTIAL(10, 40, 2 * MINUTE) }, FLOOR_APPLIES },
	{ { SEQUENTIAL(10, 40, MINUTE) },
	  { SEQUENTIAL(10, 40, 2 * MINUTE + 1) },
	  FLOOR_OF_NEARER_RUNS },
	{ { SEQUENTIAL(10, 40, MINUTE) }, { SEQUENTIAL(5, 40, MINUTE) }, FLOOR_OF_MORE_DATA },
};

static void floor_match_by_design_decides(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(matches); i++)
		if (floor_match(&matches[i].calibrated, &matches[i].design) != matches[i].match)
			fail_msg("case %zu", i);
}

/* ---- rows ---- */

/* Two runs of one cell; what a test changes of them it changes itself. */
struct runs {
	struct report r[2];
	struct report_cell cell[2];
	struct store_cell_row row;
	struct comparison_row rows[1];
	struct comparison c;
};

#define ROUNDS 10
#define BLOCKS 40

static void measure(struct report *r)
{
	struct sample s[BLOCKS];

	r->ds = dataset_new();
	assert_non_null(r->ds);
	for (unsigned i = 0; i < BLOCKS; i++)
		s[i] = (struct sample){ .seq = i, .block = (int32_t)i, .ticks = 100, .work = 1 };
	for (unsigned round = 0; round < ROUNDS; round++)
		assert_int_equal(dataset_add(r->ds, 0, round, s, BLOCKS, 0, 1), 0);
}

/* An effect as a log ratio, and half the width of its interval. */
static void judge(struct comparison_row *row, double effect, double half, enum verdict v)
{
	row->judged = (struct interval){ effect - half, effect + half, 0.95 };
	row->verdict = (struct verdict_out){ .verdict = v };
	row->withheld = WITHHELD_NOT;
}

static int begin(void **state)
{
	struct runs *t = calloc(1, sizeof(*t));

	if (!t)
		return -1;
	for (int i = 0; i < 2; i++) {
		t->r[i].data.run.started = 1 + i * MINUTE;
		t->r[i].data.run.lane = LANE_HOST;
		strcpy(t->r[i].data.host_id, "host-1");
		measure(&t->r[i]);
		t->cell[i].row = &t->row;
	}
	t->rows[0] = (struct comparison_row){
		.a = { .report = &t->r[0], .cell = &t->cell[0], .n = ROUNDS },
		.b = { .report = &t->r[1], .cell = &t->cell[1], .n = ROUNDS },
		.ratio_valid = true,
		.floor = NAN,
	};
	t->c = (struct comparison){
		.rows = t->rows, .n_rows = 1, .sequential = true, .sesoi = 0.01, .min_n = 6
	};
	judge(t->rows, 0.0964, 0.04, VERDICT_SLOWER);
	*state = t;
	return 0;
}

static int end(void **state)
{
	struct runs *t = *state;

	dataset_free(t->r[0].ds);
	dataset_free(t->r[1].ds);
	free(t);
	return 0;
}

static struct store_calibration_row calibrated(const char *design, double floor, unsigned rounds,
					       unsigned blocks, int64_t distance_ms)
{
	struct store_calibration_row k = { .lane = LANE_HOST,
					   .floor = floor,
					   .rounds = rounds,
					   .blocks = blocks,
					   .distance_ms = distance_ms };

	snprintf(k.design, sizeof(k.design), "%s", design);
	return k;
}

static void floor_set_takes_newest_that_applies(void **state)
{
	const struct store_calibration_row k[] = {
		calibrated(FLOOR_PAIRED, 0.01, 10, 40, 0),
		calibrated(FLOOR_SEQUENTIAL, 0.02, 20, 40, MINUTE),
		calibrated(FLOOR_SEQUENTIAL, 0.03, 10, 40, MINUTE),
		calibrated(FLOOR_SEQUENTIAL, 0.04, 10, 40, MINUTE),
	};
	struct runs *t = *state;

	floor_set(&t->c, t->rows, k, COUNT(k));
	assert_close(t->rows[0].floor, 0.03, 0);
	assert_int_equal(t->rows[0].floor_of.match, FLOOR_APPLIES);
	assert_int_equal(t->rows[0].floor_of.calibrated.rounds, 10);
	assert_string_equal(t->rows[0].floor_of.design.name, FLOOR_SEQUENTIAL);
	assert_int_equal(t->rows[0].floor_of.design.rounds, ROUNDS);
	assert_int_equal(t->rows[0].floor_of.design.blocks, BLOCKS);
	assert_int_equal(t->rows[0].floor_of.design.distance_ms, MINUTE);
}

static void floor_set_without_match_says_why_of_newest(void **state)
{
	const struct store_calibration_row k[] = {
		calibrated(FLOOR_PAIRED, 0.01, 10, 40, 0),
		calibrated(FLOOR_SEQUENTIAL, 0.02, 20, 40, MINUTE),
		calibrated(FLOOR_SEQUENTIAL, 0.03, 0, 0, 0),
	};
	struct runs *t = *state;

	floor_set(&t->c, t->rows, k, COUNT(k));
	assert_true(isnan(t->rows[0].floor));
	assert_int_equal(t->rows[0].floor_of.match, FLOOR_OF_MORE_DATA);
	assert_int_equal(t->rows[0].floor_of.calibrated.rounds, 20);
	floor_set(&t->c, t->rows, k + 2, 1);
	assert_int_equal(t->rows[0].floor_of.match, FLOOR_DESIGN_UNKNOWN);
	floor_set(&t->c, t->rows, k, 1);
	assert_int_equal(t->rows[0].floor_of.match, FLOOR_NOT_CALIBRATED);
	assert_null(t->rows[0].floor_of.calibrated.name);
}

static void floor_set_of_another_lane_or_host_has_none(void **state)
{
	struct store_calibration_row k = calibrated(FLOOR_SEQUENTIAL, 0.03, 10, 40, MINUTE);
	struct runs *t = *state;

	k.lane = LANE_VM;
	floor_set(&t->c, t->rows, &k, 1);
	assert_int_equal(t->rows[0].floor_of.match, FLOOR_NOT_CALIBRATED);
	k.lane = LANE_HOST;
	strcpy(t->r[1].data.host_id, "host-2");
	floor_set(&t->c, t->rows, &k, 1);
	assert_int_equal(t->rows[0].floor_of.match, FLOOR_NOT_CALIBRATABLE);
	assert_true(isnan(t->rows[0].floor));
}

static void floor_set_of_boots_has_none(void **state)
{
	const struct store_calibration_row k = calibrated(FLOOR_SEQUENTIAL, 0.03, 3, 3, MINUTE);
	struct runs *t = *state;

	t->c.boots = true;
	floor_set(&t->c, t->rows, &k, 1);
	assert_int_equal(t->rows[0].floor_of.match, FLOOR_NOT_CALIBRATABLE);
}

static void floor_set_of_pair_takes_paired_floor(void **state)
{
	const struct store_calibration_row k = calibrated(FLOOR_PAIRED, 0.03, 6, 30, 0);
	struct runs *t = *state;

	t->rows[0].pairing = PAIRED_BLOCKS;
	t->rows[0].diff.n = 6;
	floor_set(&t->c, t->rows, &k, 1);
	assert_close(t->rows[0].floor, 0.03, 0);
	assert_int_equal(t->rows[0].floor_of.design.rounds, 6);
}

/* ---- what it withholds ---- */

/* Effects as log ratios, the floor as a share (NaN: none applies), at a smallest effect of 1 %. */
static const struct {
	double floor, effect, half;
	enum verdict was, is;
	enum row_withheld withheld;
} verdicts[] = {
	/* As measured: the same binary, 10 minutes apart. */
	{ 0.1731, 0.0920, 0.036, VERDICT_SLOWER, VERDICT_INCONCLUSIVE, WITHHELD_IN_FLOOR },
	{ NAN, 0.0920, 0.036, VERDICT_SLOWER, VERDICT_INCONCLUSIVE, WITHHELD_NO_FLOOR },
	{ 0.05, 0.0920, 0.036, VERDICT_SLOWER, VERDICT_SLOWER, WITHHELD_NOT },
	{ 0.05, -0.0920, 0.036, VERDICT_FASTER, VERDICT_FASTER, WITHHELD_NOT },
	{ 0.10, -0.0920, 0.036, VERDICT_FASTER, VERDICT_INCONCLUSIVE, WITHHELD_IN_FLOOR },
	/* Exactly the floor is not beyond it. */
	{ 0, 0, 0.036, VERDICT_SLOWER, VERDICT_INCONCLUSIVE, WITHHELD_IN_FLOOR },
	{ NAN, 0.001, 0.002, VERDICT_EQUIVALENT, VERDICT_INCONCLUSIVE, WITHHELD_NO_FLOOR },
	{ 0.02, 0.001, 0.002, VERDICT_EQUIVALENT, VERDICT_INCONCLUSIVE, WITHHELD_IN_FLOOR },
	{ 0.009, 0.001, 0.002, VERDICT_EQUIVALENT, VERDICT_INCONCLUSIVE, WITHHELD_IN_FLOOR },
	/* Effect and floor together lie inside the smallest effect. */
	{ 0.008, 0.001, 0.002, VERDICT_EQUIVALENT, VERDICT_EQUIVALENT, WITHHELD_NOT },
	/* An effect of drift is not resolved by more rounds. */
	{ 0.05, 0.01, 0.03, VERDICT_INCONCLUSIVE, VERDICT_INCONCLUSIVE, WITHHELD_IN_FLOOR },
	{ 0.005, 0.01, 0.03, VERDICT_INCONCLUSIVE, VERDICT_INCONCLUSIVE, WITHHELD_NOT },
	{ NAN, 0.09, 0.03, VERDICT_UNTRUSTWORTHY, VERDICT_UNTRUSTWORTHY, WITHHELD_NOT },
};

static void floor_withhold_of_sequential_row_needs_floor(void **state)
{
	struct runs *t = *state;
	struct comparison_row *row = t->rows;

	for (size_t i = 0; i < COUNT(verdicts); i++) {
		judge(row, verdicts[i].effect, verdicts[i].half, verdicts[i].was);
		row->floor = verdicts[i].floor;
		row->new_run = 7;
		floor_withhold(&t->c);
		if (row->verdict.verdict != verdicts[i].is || row->withheld != verdicts[i].withheld)
			fail_msg("case %zu", i);
		assert_int_equal(row->new_run, row->withheld ? 0 : 7);
	}
}

/* A share of A's level is compared with the floor as a share, not with its logarithm. */
static void floor_withhold_of_difference_takes_share(void **state)
{
	struct runs *t = *state;
	struct comparison_row *row = t->rows;

	row->floor = 0.5;
	judge(row, 0.45, 0.01, VERDICT_SLOWER);
	floor_withhold(&t->c);
	assert_int_equal(row->verdict.verdict, VERDICT_SLOWER);
	row->form = EFFECT_DIFFERENCE;
	floor_withhold(&t->c);
	assert_int_equal(row->verdict.verdict, VERDICT_INCONCLUSIVE);
}

static void floor_withhold_of_other_rows_changes_nothing(void **state)
{
	struct runs *t = *state;
	struct comparison_row *row = t->rows;

	t->c.sequential = false;
	floor_withhold(&t->c);
	assert_int_equal(row->verdict.verdict, VERDICT_SLOWER);
	t->c.sequential = true;
	row->pairing = PAIRED_BLOCKS;
	floor_withhold(&t->c);
	assert_int_equal(row->verdict.verdict, VERDICT_SLOWER);
	row->pairing = PAIRED_NOT;
	row->b.report = row->a.report; /* apart, but of one run */
	floor_withhold(&t->c);
	assert_int_equal(row->verdict.verdict, VERDICT_SLOWER);
	row->b.report = &t->r[1];
	row->verdict = (struct verdict_out){ VERDICT_INCONCLUSIVE, 4 };
	floor_withhold(&t->c);
	assert_int_equal(row->withheld, WITHHELD_NOT);
	assert_int_equal(row->verdict.needed, 4);
}

/* ---- the gate ---- */

static const struct {
	double floor, effect, half;
	bool sequential;
	double threshold; /* of a gate of 1 % */
	enum gate_result result;
} gates[] = {
	{ NAN, 0.03, 0.01, false, 0.01, GATE_BEYOND },
	{ 0.005, 0.03, 0.01, false, 0.01, GATE_BEYOND },
	{ 0.05, 0.03, 0.01, false, 0.05, GATE_WITHIN },
	{ 0.025, 0.03, 0.01, false, 0.025, GATE_UNDECIDED },
	{ 0.1731, 0.0920, 0.036, true, 0.1731, GATE_WITHIN },
	{ 0.02, 0.0920, 0.036, true, 0.02, GATE_BEYOND },
	{ NAN, 0.0920, 0.036, true, 0.01, GATE_UNDECIDED },
	{ NAN, 0, 0, true, 0.01, GATE_UNDECIDED },
	{ NAN, 0, 0, false, 0.01, GATE_WITHIN },
	{ NAN, -0.5, 0.1, false, 0.01, GATE_WITHIN },
	{ NAN, NAN, NAN, false, 0.01, GATE_UNDECIDED },
};

static void floor_gate_fires_beyond_larger_of_gate_and_floor(void **state)
{
	struct runs *t = *state;
	struct comparison_row *row = t->rows;

	for (size_t i = 0; i < COUNT(gates); i++) {
		judge(row, gates[i].effect, gates[i].half, VERDICT_SLOWER);
		row->floor = gates[i].floor;
		t->c.sequential = gates[i].sequential;
		if (floor_gate(&t->c, row, 0.01) != gates[i].result)
			fail_msg("case %zu", i);
		assert_close(floor_threshold(row, 0.01), gates[i].threshold, 0);
	}
}

static void floor_gate_of_unfit_row_is_undecided(void **state)
{
	struct runs *t = *state;
	struct comparison_row *row = t->rows;

	t->c.sequential = false;
	assert_int_equal(floor_gate(&t->c, row, 0.01), GATE_BEYOND);
	row->verdict.needed = 1;
	assert_int_equal(floor_gate(&t->c, row, 0.01), GATE_UNDECIDED);
	row->verdict.needed = 0;
	row->fatal = true;
	assert_int_equal(floor_gate(&t->c, row, 0.01), GATE_UNDECIDED);
}

/* ---- blocks ---- */

static void dataset_blocks_is_median_of_invocations(void **state)
{
	static const unsigned blocks[] = { 3, 9, 4 };
	struct dataset *ds = dataset_new();

	(void)state;
	assert_non_null(ds);
	assert_int_equal(dataset_blocks(ds, 0, 0), 0);
	for (unsigned round = 0; round < COUNT(blocks); round++) {
		struct sample s[2 * 9];
		unsigned n = 2 * blocks[round];

		/* Two samples of the arm in a block are one block. */
		for (unsigned i = 0; i < n; i++)
			s[i] = (struct sample){
				.seq = i, .arm = 1, .block = (int32_t)(i / 2), .ticks = 9, .work = 1
			};
		assert_int_equal(dataset_add(ds, 2, round, s, n, 0, 1), 0);
	}
	assert_int_equal(dataset_blocks(ds, 2, 1), 4);
	assert_int_equal(dataset_blocks(ds, 2, 0), 0);
	assert_int_equal(dataset_blocks(ds, 3, 1), 0);
	dataset_free(ds);
}

int main(void)
{
#define ROW_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(floor_of_effects_is_t_times_rms),
		cmocka_unit_test(floor_of_effects_without_noise_is_0),
		cmocka_unit_test(floor_match_by_design_decides),
		ROW_TEST(floor_set_takes_newest_that_applies),
		ROW_TEST(floor_set_without_match_says_why_of_newest),
		ROW_TEST(floor_set_of_another_lane_or_host_has_none),
		ROW_TEST(floor_set_of_boots_has_none),
		ROW_TEST(floor_set_of_pair_takes_paired_floor),
		ROW_TEST(floor_withhold_of_sequential_row_needs_floor),
		ROW_TEST(floor_withhold_of_difference_takes_share),
		ROW_TEST(floor_withhold_of_other_rows_changes_nothing),
		ROW_TEST(floor_gate_fires_beyond_larger_of_gate_and_floor),
		ROW_TEST(floor_gate_of_unfit_row_is_undecided),
		cmocka_unit_test(dataset_blocks_is_median_of_invocations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
