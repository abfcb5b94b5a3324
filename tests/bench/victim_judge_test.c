// SPDX-License-Identifier: GPL-2.0-or-later
/* What a flush did to its victim, from step times that are known. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bench/ops/victim.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define LAP	      64
#define PACE	      100
#define BEFORE	      (3 * LAP)
#define AFTER	      (4 * LAP)
#define MAX	      4096

static uint64_t end[MAX];
static struct victim_steps steps;
static uint64_t now;

static void begin(void)
{
	now = 1000000;
	steps = (struct victim_steps){ end, 0, LAP, false };
}

static void go(size_t n, uint64_t pace)
{
	for (size_t i = 0; i < n; i++) {
		now += pace;
		end[steps.n++] = now;
	}
}

/* A run: its pace, then a flush that takes @flush ticks, and its pace again. */
struct run {
	uint64_t stall; /* the one step that the flush stops */
	size_t slow;	/* steps behind it that are slow */
	uint64_t slow_pace;
	double gap, slowdown, warm_up, lost;
};

static void a_stall_and_the_steps_behind_it_are_told_apart(void **state)
{
	static const struct run runs[] = {
		/* Nothing happens: 10 steps in 1000 ticks. */
		{ 0, 0, 0, PACE, 0, 0, 0 },
		/* It stands still all the time, and is warm. */
		{ 1000, 0, 0, 1000, 90, 0, 900 },
		/* Cold for a lap: twice as slow, 64 steps of 100 ticks lost besides. */
		{ 1000, LAP, 2 * PACE, 1000, 90, LAP * 2 * PACE, 900 + LAP * PACE },
		/* 9 % slower is warm enough. */
		{ 1000, LAP, PACE * 109 / 100, 1000, 90, 0, 900 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		const struct run *r = &runs[i];
		struct victim_found f;
		uint64_t from;

		begin();
		go(BEFORE, PACE);
		from = now;
		go(r->stall ? 1 : 10, r->stall ? r->stall : PACE);
		assert_int_equal(now, from + 1000);
		go(r->slow, r->slow_pace);
		go(AFTER, PACE);
		assert_int_equal(victim_judge(&steps, from, from + 1000, &f), 0);
		assert_float_equal(f.step, PACE, 1e-9);
		assert_float_equal(f.gap, r->gap, 1e-9);
		assert_float_equal(f.slowdown, r->slowdown, 1e-6);
		assert_true(f.back);
		/* The window that spans the change decides, so a step or two either way. */
		assert_float_equal(f.warm_up, r->warm_up, 2.0 * PACE * LAP / 8);
		assert_float_equal(f.lost, r->lost, 2.0 * PACE * LAP / 8);
	}
}

static void a_flush_inside_a_step_takes_its_share_of_it(void **state)
{
	struct victim_found f;
	uint64_t from;

	(void)state;
	begin();
	go(BEFORE, PACE);
	from = now;
	go(1, 10 * PACE); /* a step ten times as long as others */
	go(AFTER, PACE);
	/* The flush is in the middle of it: a tenth of the pace. */
	assert_int_equal(victim_judge(&steps, from + 400, from + 600, &f), 0);
	assert_float_equal(f.gap, 10 * PACE, 1e-9);
	assert_float_equal(f.slowdown, 90, 1e-6);
	assert_float_equal(f.warm_up, 0, 1e-9);
	/* And one that is over before it began stops nobody. */
	assert_int_equal(victim_judge(&steps, from + 500, from + 500, &f), 0);
	assert_float_equal(f.slowdown, 0, 1e-9);
}

static void only_steps_that_overlap_the_flush_are_its_gap(void **state)
{
	struct victim_found f;
	uint64_t from;

	(void)state;
	begin();
	go(BEFORE, PACE);
	end[steps.n - 10] += 50; /* an interrupt before */
	go(5, PACE);
	from = now;
	go(4, PACE);
	go(1, 3 * PACE);
	go(8, PACE);
	go(1, 5000); /* and one long behind */
	go(AFTER, PACE);
	assert_int_equal(victim_judge(&steps, from, from + 7 * PACE, &f), 0);
	assert_float_equal(f.gap, 3 * PACE, 1e-9);
	assert_float_equal(f.step, PACE, 1e-9);
	assert_float_equal(f.slowdown, 100.0 * 2 / 7, 1e-6);
}

static void a_noisy_pace_is_its_median(void **state)
{
	struct victim_found f;

	(void)state;
	begin();
	for (unsigned i = 0; i < BEFORE; i++)
		go(1, i % 40 == 39 ? 100 * PACE : PACE); /* a timer */
	go(AFTER, PACE);
	assert_int_equal(victim_judge(&steps, end[BEFORE - 1], end[BEFORE + 2], &f), 0);
	assert_float_equal(f.step, PACE, 1e-9);
}

static void who_stays_cold_is_not_warm(void **state)
{
	struct victim_found f;

	(void)state;
	begin();
	go(BEFORE, PACE);
	go(AFTER, 2 * PACE);
	assert_int_equal(victim_judge(&steps, end[BEFORE - 1], end[BEFORE + 1], &f), 0);
	assert_false(f.back);
	assert_float_equal(f.warm_up, 0, 1e-9);
	assert_float_equal(f.slowdown, 50, 1e-6);
}

static void too_few_steps_say_nothing(void **state)
{
	struct victim_found f;

	(void)state;
	begin();
	assert_int_equal(victim_judge(&steps, now, now + 10, &f), -ENODATA);
	go(2 * LAP, PACE);
	go(AFTER, PACE);
	/* Two laps need a step before them. */
	assert_int_equal(victim_judge(&steps, end[2 * LAP - 1], end[2 * LAP], &f), -ENODATA);
	assert_int_equal(victim_judge(&steps, end[2 * LAP], end[2 * LAP + 1], &f), 0);
	/* No step behind the flush; and one that ends before it begins. */
	assert_int_equal(victim_judge(&steps, end[3 * LAP], now, &f), -ENODATA);
	assert_int_equal(victim_judge(&steps, end[3 * LAP], end[3 * LAP] - 1, &f), -ENODATA);
}

static void the_smallest_laps_are_judged_too(void **state)
{
	struct victim_found f;

	(void)state;
	for (size_t lap = 1; lap < 40; lap++) {
		begin();
		steps.lap = lap;
		go(3 * lap + 1, PACE);
		go(1, 7 * PACE);
		go(4 * lap + 4, PACE);
		assert_int_equal(victim_judge(&steps, end[3 * lap], end[3 * lap + 1], &f), 0);
		assert_float_equal(f.step, PACE, 1e-9);
		assert_float_equal(f.gap, 7 * PACE, 1e-9);
		assert_true(f.back);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stall_and_the_steps_behind_it_are_told_apart),
		cmocka_unit_test(a_flush_inside_a_step_takes_its_share_of_it),
		cmocka_unit_test(only_steps_that_overlap_the_flush_are_its_gap),
		cmocka_unit_test(a_noisy_pace_is_its_median),
		cmocka_unit_test(who_stays_cold_is_not_warm),
		cmocka_unit_test(too_few_steps_say_nothing),
		cmocka_unit_test(the_smallest_laps_are_judged_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
