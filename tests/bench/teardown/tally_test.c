// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/teardown/tally.h"

/* A leaf whose flush took @ticks and whose reset took as long. */
static void leaf(struct td_tally *t, uint64_t ticks, bool waits)
{
	td_tally_begin(t);
	t->one[TD_P_FLUSH] = t->one[TD_P_RESET] = ticks;
	t->last = t->start + 2 * ticks;
	td_tally_end(t, waits);
}

/* A leaf that kicked for @kick ticks and flushed for @flush. */
static void kicked(struct td_tally *t, uint64_t kick, uint64_t flush, bool waits)
{
	td_tally_begin(t);
	t->one[TD_P_KICK] = kick;
	t->one[TD_P_FLUSH] = flush;
	t->last = t->start + kick + flush;
	td_tally_end(t, waits);
}

static void leaves_add_up(void **state)
{
	struct td_tally t = { 0 };

	(void)state;
	leaf(&t, 100, false);
	leaf(&t, 300, false);
	assert_int_equal(t.leaves, 2);
	assert_int_equal(t.ticks[TD_P_FLUSH], 400);
	assert_int_equal(t.ticks[TD_P_RESET], 400);
	assert_int_equal(t.count[TD_P_FLUSH], 2);
	assert_int_equal(t.ticks[TD_P_KICK], 0);
	/* Two phases and the beginning. */
	assert_int_equal(t.marks, 6);
}

static void an_interrupted_leaf_stands_for_no_other(void **state)
{
	struct td_tally t = { 0 };

	(void)state;
	leaf(&t, 100, false);
	leaf(&t, TD_INTERRUPTED * 100, false);
	assert_int_equal(t.leaves, 2);
	leaf(&t, TD_INTERRUPTED * 100 + 1, false);
	assert_int_equal(t.leaves, 2);
	assert_int_equal(t.interrupted, 1);
	assert_int_equal(t.ticks[TD_P_FLUSH], (TD_INTERRUPTED + 1) * 100);
	/* Its marks took their time all the same. */
	assert_int_equal(t.marks, 9);
	/* Nothing of it is left for the next one. */
	leaf(&t, 100, false);
	assert_int_equal(t.ticks[TD_P_FLUSH], (TD_INTERRUPTED + 2) * 100);
}

static void the_tail_of_a_kick_is_kept(void **state)
{
	struct td_tally t = { 0 };

	(void)state;
	kicked(&t, 100, 100, true);
	kicked(&t, 1000000, 100, true);
	assert_int_equal(t.leaves, 2);
	assert_int_equal(t.ticks[TD_P_KICK], 1000100);
	assert_int_equal(t.ticks[TD_P_FLUSH], 200);
	/* Where nobody is in guest mode a kick waits for nothing. */
	kicked(&t, 1000000, 100, false);
	assert_int_equal(t.interrupted, 1);
}

/* But not that of what follows it: this CPU was taken away there. */
static void what_interrupts_a_leaf_behind_its_kick_does_not_count(void **state)
{
	struct td_tally t = { 0 };

	(void)state;
	kicked(&t, 5000, 100, true);
	kicked(&t, 5000, TD_INTERRUPTED * 100, true);
	assert_int_equal(t.leaves, 2);
	kicked(&t, 100, TD_INTERRUPTED * 100 + 1, true);
	assert_int_equal(t.leaves, 2);
	assert_int_equal(t.interrupted, 1);
	assert_int_equal(t.ticks[TD_P_KICK], 10000);
	assert_int_equal(t.ticks[TD_P_FLUSH], (TD_INTERRUPTED + 1) * 100);
}

/* A mark gives all of the time since the one before it. */
static void marks_leave_no_gap(void **state)
{
	struct td_tally t = { 0 };
	uint64_t sum = 0;

	(void)state;
	td_tally_begin(&t);
	td_tally_mark_open(&t, TD_P_KICK);
	td_tally_mark(&t, TD_P_FLUSH);
	td_tally_mark(&t, TD_P_RESET);
	sum = t.one[TD_P_KICK] + t.one[TD_P_FLUSH] + t.one[TD_P_RESET];
	assert_true(t.last > t.start);
	assert_int_equal(sum, t.last - t.start);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_add_up),
		cmocka_unit_test(an_interrupted_leaf_stands_for_no_other),
		cmocka_unit_test(the_tail_of_a_kick_is_kept),
		cmocka_unit_test(what_interrupts_a_leaf_behind_its_kick_does_not_count),
		cmocka_unit_test(marks_leave_no_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
