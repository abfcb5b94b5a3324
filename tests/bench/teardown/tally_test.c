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

/* A leaf whose kick takes 20 ticks, of which its flush of 300 hides all but 8. */
static void overlapped(struct td_tally *t, uint64_t flush)
{
	td_tally_begin(t);
	td_tally_split(t, false);
	td_tally_split(t, true);
	t->one[TD_P_FLUSH] = flush + (t->alone ? 0 : 8);
	t->last = t->start + t->one[TD_P_FLUSH];
	td_tally_end(t, false);
}

static void a_kick_is_what_its_flush_does_not_hide(void **state)
{
	struct td_tally t = { 0 };

	(void)state;
	for (unsigned i = 0; i < 7; i++)
		overlapped(&t, 300);
	td_tally_close(&t);
	assert_int_equal(t.leaves, 7);
	assert_int_equal(t.ticks[TD_P_FLUSH], 7 * 300);
	assert_int_equal(t.ticks[TD_P_KICK], 7 * 8);
	/* No mark stands between the two, so none is in the kick's time. */
	assert_int_equal(t.count[TD_P_FLUSH], 7);
	assert_int_equal(t.count[TD_P_KICK], 0);
	/* A beginning, another before or behind the kick, and a flush each. */
	assert_int_equal(t.marks, 3 * 7);
}

/* Both kinds of leaves, an interrupted one among them or not. */
static void an_interrupted_flush_is_of_neither_kind(void **state)
{
	struct td_tally t = { 0 };

	(void)state;
	overlapped(&t, 300);
	overlapped(&t, 300);
	overlapped(&t, TD_INTERRUPTED * 308 + 1);
	overlapped(&t, 300);
	overlapped(&t, 300);
	td_tally_close(&t);
	assert_int_equal(t.interrupted, 1);
	assert_int_equal(t.with_kick.leaves + t.without.leaves, 4);
	assert_int_equal(t.ticks[TD_P_FLUSH], 4 * 300);
	assert_int_equal(t.ticks[TD_P_KICK], 4 * 8);
}

static void a_flush_keeps_what_cannot_be_told_from_it(void **state)
{
	struct td_tally one = { 0 }, noise = { 0 };

	(void)state;
	overlapped(&one, 300);
	td_tally_close(&one);
	assert_int_equal(one.ticks[TD_P_FLUSH], 308);
	assert_int_equal(one.ticks[TD_P_KICK], 0);
	overlapped(&noise, 300);
	overlapped(&noise, 320);
	td_tally_close(&noise);
	assert_int_equal(noise.ticks[TD_P_FLUSH], 308 + 320);
	assert_int_equal(noise.ticks[TD_P_KICK], 0);
}

/* A TiB in leaves of 4 KiB, each marked: products of sums and counts do not fit 64 bits. */
static void many_leaves_do_not_overflow(void **state)
{
	const uint64_t half = 1ull << 27;
	struct td_tally t = { .with_kick = { half, half * 5008 + 1 },
			      .without = { half, half * 5000 } };

	(void)state;
	td_tally_close(&t);
	assert_int_equal(t.ticks[TD_P_FLUSH], 2 * half * 5000);
	assert_int_equal(t.ticks[TD_P_KICK], 2 * half * 8 + 2);
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
		cmocka_unit_test(a_kick_is_what_its_flush_does_not_hide),
		cmocka_unit_test(an_interrupted_flush_is_of_neither_kind),
		cmocka_unit_test(a_flush_keeps_what_cannot_be_told_from_it),
		cmocka_unit_test(many_leaves_do_not_overflow),
		cmocka_unit_test(marks_leave_no_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
