// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/results/analysis/close_to.h"

#include <errno.h>
#include <float.h>
#include <gsl/gsl_errno.h>
#include <string.h>

#include "results/analysis/model.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The rows of KVM_TDX_TERMINATE_VM's RFC, as numbers to calculate with. */
static const struct model_row small = { 4, 18, { 72, 24 } }, large = { 32, 107, { 517, 134 } };

static struct model_row made(double vcpus, double gib, double reclaim, double dynamic, double kick)
{
	double pages = gib * 262144;

	return (struct model_row){ vcpus,
				   gib,
				   { [MODEL_AFTER] = pages * reclaim * 1e-6,
				     [MODEL_BEFORE] =
					     pages * (reclaim + dynamic + vcpus * kick) * 1e-6 } };
}

static void test_known_constants(void **state)
{
	static const double counts[] = { 1, 8, 64, 248 };
	struct model_row rows[COUNT(counts)];
	struct reason why;
	struct model m;

	(void)state;
	for (size_t i = 0; i < COUNT(counts); i++)
		rows[i] = made(counts[i], 3 + 100.0 * (double)i, 4.5, 10, 0.125);
	for (size_t n = 2; n <= COUNT(counts); n++) {
		assert_int_equal(model_fit(rows, n, &m, &why), 0);
		assert_close(m.us[MODEL_RECLAIM], 4.5, 1e-9);
		assert_close(m.us[MODEL_DYNAMIC], 10, 1e-9);
		assert_close(m.us[MODEL_KICK], 0.125, 1e-9);
		assert_int_equal(m.rank, 3);
		assert_int_equal(m.freedom, 2 * n - 3);
		assert_close(m.rms, 0, 1e-9);
		assert_close(m.vcpus_lo, 1, 0);
		assert_close(m.vcpus_hi, counts[n - 1], 0);
	}
	assert_close(model_us(&m, 16, MODEL_BEFORE), 16.5, 1e-9);
	assert_close(model_us(&m, 16, MODEL_AFTER), 4.5, 1e-9);
	assert_close(model_seconds(&m, 16, 2, MODEL_BEFORE), 16.5e-6 * 524288, 1e-9);
}

/*
 * By hand: with two rows, dynamic and kick meet both figures of before whatever reclaim is, so
 * reclaim is the weighted mean of the two figures of after, (1/a + 1/b) / (1/a^2 + 1/b^2).
 */
static void test_published_rows(void **state)
{
	const struct model_row rows[] = { small, large };
	double a = 24 / (18 * .262144), b = 134 / (107 * .262144);
	double reclaim = (1 / a + 1 / b) / (1 / (a * a) + 1 / (b * b));
	double d4 = 72 / (18 * .262144) - reclaim, d32 = 517 / (107 * .262144) - reclaim;
	struct reason why;
	struct model m;

	(void)state;
	assert_int_equal(model_fit(rows, 2, &m, &why), 0);
	assert_close(m.us[MODEL_RECLAIM], reclaim, 1e-9);
	assert_close(m.us[MODEL_KICK], (d32 - d4) / 28, 1e-9);
	assert_close(m.us[MODEL_DYNAMIC], d4 - 4 * (d32 - d4) / 28, 1e-9);
	assert_int_equal(m.freedom, 1);
	assert_close(model_seconds(&m, 4, 18, MODEL_BEFORE), 72, 1e-9);
	assert_close(model_seconds(&m, 32, 107, MODEL_BEFORE), 517, 1e-9);
	assert_close(m.rms, hypot(reclaim / a - 1, reclaim / b - 1), 1e-9);
	/* Before is met whatever it is; after shares what is left of the three constants. */
	assert_close(m.leverage[2 * 0 + MODEL_BEFORE], 1, 1e-9);
	assert_close(m.leverage[2 * 1 + MODEL_BEFORE], 1, 1e-9);
	assert_close(m.leverage[2 * 0 + MODEL_AFTER] + m.leverage[2 * 1 + MODEL_AFTER], 1, 1e-9);
	assert_true(m.leverage[2 * 0 + MODEL_AFTER] < 0.6);
}

/* The relative residual counts: a row a hundred times as large pulls no harder. */
static void test_relative(void **state)
{
	struct model_row rows[] = { made(1, 1, 2, 1, 1), made(9, 1, 4, 1, 1) }, far[2];
	struct reason why;
	struct model m, n;

	(void)state;
	memcpy(far, rows, sizeof(far));
	far[1].gib *= 100;
	far[1].seconds[MODEL_BEFORE] *= 100;
	far[1].seconds[MODEL_AFTER] *= 100;
	assert_int_equal(model_fit(rows, 2, &m, &why), 0);
	assert_int_equal(model_fit(far, 2, &n, &why), 0);
	for (unsigned i = 0; i < MODEL_CONSTANTS; i++)
		assert_close(n.us[i], m.us[i], 1e-9);
}

static void test_one_row(void **state)
{
	double lo, hi, sum = 72 / (18 * .262144), after = 24 / (18 * .262144);
	struct reason why;
	struct model m;

	(void)state;
	assert_int_equal(model_fit(&small, 1, &m, &why), 0);
	assert_int_equal(m.rank, 2);
	assert_int_equal(m.freedom, 0);
	assert_true(isnan(m.rms));
	assert_close(m.us[MODEL_RECLAIM], after, 1e-9);
	assert_true(isnan(m.us[MODEL_DYNAMIC]));
	assert_true(isnan(m.us[MODEL_KICK]));
	/* What it does determine: after for any TD, before for one of as many vCPUs. */
	assert_close(model_seconds(&m, 32, 107, MODEL_AFTER), 24 * 107 / 18., 1e-9);
	assert_close(model_seconds(&m, 4, 36, MODEL_BEFORE), 144, 1e-9);
	assert_true(isnan(model_seconds(&m, 32, 107, MODEL_BEFORE)));
	assert_int_equal(model_bounds(&m, 32, &lo, &hi), 0);
	assert_close(lo, sum, 1e-9);
	assert_close(hi, after + 8 * (sum - after), 1e-9);
	assert_int_equal(model_bounds(&m, 1, &lo, &hi), 0);
	assert_close(lo, after + (sum - after) / 4, 1e-9);
	assert_close(hi, sum, 1e-9);
}

static void test_equal_vcpus(void **state)
{
	const struct model_row rows[] = { made(8, 10, 4, 10, 1), made(8, 90, 4, 10, 1) };
	struct reason why;
	struct model m;
	double lo, hi;

	(void)state;
	assert_int_equal(model_fit(rows, 2, &m, &why), 0);
	assert_int_equal(m.rank, 2);
	assert_int_equal(m.freedom, 2);
	assert_true(isnan(m.us[MODEL_KICK]));
	assert_close(model_us(&m, 8, MODEL_BEFORE), 22, 1e-9);
	assert_close(m.rms, 0, 1e-9);
	assert_int_equal(model_bounds(&m, 16, &lo, &hi), 0);
	assert_close(lo, 22, 1e-9);
	assert_close(hi, 40, 1e-9);
}

static void test_no_bounds(void **state)
{
	const struct model_row two[] = { small, large }, backwards = { 4, 18, { 24, 72 } };
	struct reason why;
	struct model m;
	double lo, hi;

	(void)state;
	assert_int_equal(model_fit(two, 2, &m, &why), 0);
	assert_int_equal(model_bounds(&m, 8, &lo, &hi), -EDOM);
	assert_int_equal(model_fit(&backwards, 1, &m, &why), 0);
	assert_int_equal(model_bounds(&m, 8, &lo, &hi), -EDOM);
	assert_int_equal(model_fit(two, 1, &m, &why), 0);
	assert_int_equal(model_bounds(&m, NAN, &lo, &hi), -EDOM);
	assert_int_equal(model_bounds(&m, 0, &lo, &hi), -EDOM);
}

/* Nothing is cut off at 0: a constant that is no cost shows that the model does not fit. */
static void test_below_zero(void **state)
{
	const struct model_row rows[] = { made(4, 10, 5, 20, -0.25), made(32, 10, 5, 20, -0.25) };
	struct reason why;
	struct model m;

	(void)state;
	assert_int_equal(model_fit(rows, 2, &m, &why), 0);
	assert_close(m.us[MODEL_KICK], -0.25, 1e-9);
}

static void test_broken_rows(void **state)
{
	static const double bad[] = { 0, -1, NAN, INFINITY };
	static struct model_row many[MODEL_ROWS + 1];
	struct reason why;
	struct model m;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		for (unsigned field = 0; field < 4; field++) {
			struct model_row rows[] = { small, large };
			double *fields[] = { &rows[1].vcpus, &rows[1].gib, &rows[1].seconds[0],
					     &rows[1].seconds[1] };

			*fields[field] = bad[i];
			assert_int_equal(model_fit(rows, 2, &m, &why), -EINVAL);
			assert_non_null(strstr(why.text, "row 2"));
		}
	assert_int_equal(model_fit(&small, 0, &m, &why), -EINVAL);
	for (size_t i = 0; i < COUNT(many); i++)
		many[i] = small;
	assert_int_equal(model_fit(many, COUNT(many), &m, &why), -EINVAL);
	assert_int_equal(model_fit(many, MODEL_ROWS, &m, &why), 0);
}

/* Numbers that a double holds and whose squares it does not: an answer or an error, never a NaN. */
static void test_far_apart(void **state)
{
	static const double extreme[] = { DBL_MIN, 1e-300, 1e300, DBL_MAX };
	struct reason why;
	struct model m;

	(void)state;
	for (size_t i = 0; i < COUNT(extreme); i++)
		for (unsigned field = 0; field < 4; field++) {
			struct model_row rows[] = { small, large };
			double *fields[] = { &rows[1].vcpus, &rows[1].gib, &rows[1].seconds[0],
					     &rows[1].seconds[1] };
			int ret;

			*fields[field] = extreme[i];
			ret = model_fit(rows, 2, &m, &why);
			assert_true(ret == 0 || ret == -ERANGE);
			if (!ret)
				assert_true(isfinite(m.us[MODEL_RECLAIM]));
			else
				assert_true(strlen(why.text) > 0);
		}
}

static void test_words(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MODEL_CONSTANTS; i++) {
		assert_non_null(model_constants[i].name);
		assert_non_null(strstr(model_constants[i].unit, "us per leaf"));
		assert_non_null(model_constants[i].meaning);
	}
	assert_string_equal(model_path_names[MODEL_BEFORE], "before");
	assert_string_equal(model_path_names[MODEL_AFTER], "after");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_constants), cmocka_unit_test(test_published_rows),
		cmocka_unit_test(test_relative),	cmocka_unit_test(test_one_row),
		cmocka_unit_test(test_equal_vcpus),	cmocka_unit_test(test_no_bounds),
		cmocka_unit_test(test_below_zero),	cmocka_unit_test(test_broken_rows),
		cmocka_unit_test(test_far_apart),	cmocka_unit_test(test_words),
	};

	/* As the program does. */
	gsl_set_error_handler_off();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
