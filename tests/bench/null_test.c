// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/list.h"
#include "harness/measure/design.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static struct plan plan;
static void *state_of_arms;

static int add(const char *ops, const char *extra, struct reason *why)
{
	const char *settings[] = { ops, extra };

	return plan_add(&plan, NULL, &null_bench, settings, 2, why);
}

static void open_bench(const char *ops, const char *extra)
{
	struct bench_ctx ctx = { .seed = 99 };
	struct reason why = { "" };

	assert_int_equal(add(ops, extra, &why), 0);
	assert_int_equal(plan.n_groups, 1);
	ctx.arms = plan.groups[0].arms;
	ctx.n_arms = plan.groups[0].n_arms;
	assert_int_equal(null_bench.setup(&ctx, &state_of_arms, &why), 0);
}

static int close_bench(void **state)
{
	(void)state;
	if (state_of_arms)
		null_bench.teardown(state_of_arms);
	state_of_arms = NULL;
	plan_free(&plan);
	return 0;
}

static void work_is_what_was_asked_for(void **state)
{
	static const uint64_t ops[] = { 1, 2, 7, 8, 9, 1000 };

	(void)state;
	open_bench("ops=1,2,7,8,9,1000", "extra=none");
	assert_int_equal(plan.groups[0].n_arms, ARRAY_SIZE(ops));
	for (unsigned arm = 0; arm < ARRAY_SIZE(ops); arm++) {
		null_bench.prepare(state_of_arms, arm);
		assert_int_equal(null_bench.sample(state_of_arms, arm, 1), ops[arm]);
		assert_int_equal(null_bench.sample(state_of_arms, arm, 5), 5 * ops[arm]);
	}
}

static void work_that_is_injected_is_done_and_not_counted(void **state)
{
	struct reason why = { "" };

	(void)state;
	open_bench("ops=100", "extra=none,1,50");
	assert_int_equal(plan.groups[0].n_arms, 3);
	for (unsigned arm = 0; arm < 3; arm++) {
		assert_int_equal(null_bench.sample(state_of_arms, arm, 1), 100);
		/* verify() counts what is done. */
		assert_int_equal(null_bench.verify(state_of_arms, arm, &why), 0);
	}
}

static void every_length_is_verified(void **state)
{
	struct reason why = { "" };

	(void)state;
	/* The chain goes eight at a time, with a rest. */
	open_bench("ops=1,2,3,4,5,6,7,8,9,10,15,16,17,24,10000", "extra=none,1,7");
	for (unsigned arm = 0; arm < plan.groups[0].n_arms; arm++)
		assert_int_equal(null_bench.verify(state_of_arms, arm, &why), 0);
}

static void more_than_a_second_is_skipped(void **state)
{
	static const struct {
		const char *ops, *extra;
		bool runs;
	} cases[] = {
		{ "ops=300000000", "extra=none", true },
		{ "ops=300000001", "extra=none", false },
		{ "ops=300000000", "extra=1", false },
		/* Their sum is beyond 64 bits. */
		{ "ops=18446744073709551615", "extra=1", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reason why = { "" };

		assert_int_equal(add(cases[i].ops, cases[i].extra, &why), 0);
		if (plan.cells[0].state != (cases[i].runs ? CELL_PLANNED : CELL_SKIPPED))
			fail_msg("%s %s", cases[i].ops, cases[i].extra);
		if (!cases[i].runs)
			assert_non_null(strstr(plan.cells[0].reason.text, "take fewer"));
		plan_free(&plan);
	}
}

static void it_is_measured_and_may_be_short(void **state)
{
	struct reason why = { "" };

	(void)state;
	assert_int_equal(add("ops=1", "extra=none", &why), 0);
	assert_int_equal(plan.cells[0].kind, KIND_MEASURED);
	assert_string_equal(plan.cells[0].reason.text, "");
	assert_true(null_bench.short_samples);
}

#define TEST(f) cmocka_unit_test_teardown(f, close_bench)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(work_is_what_was_asked_for),
		TEST(work_that_is_injected_is_done_and_not_counted),
		TEST(every_length_is_verified),
		TEST(more_than_a_second_is_skipped),
		TEST(it_is_measured_and_may_be_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
