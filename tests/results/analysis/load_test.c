// SPDX-License-Identifier: GPL-2.0-or-later
/* How much of their time made-up processes were off the CPU, and which verdicts that withholds. */
#include "tests/results/analysis/close_to.h"

#include <stdio.h>
#include <string.h>

#include "results/analysis/comparison.h"

#define EXACT 1e-12

static void add(struct loads *l, unsigned group, const char *varying, bool off_cpu)
{
	const struct store_invocation_row inv = { .arm_group = group,
						  .varying = varying,
						  .off_cpu = off_cpu };

	assert_int_equal(loads_add(l, &inv), 0);
}

static void loads_summary_busy_processes_by_group(void **state)
{
	struct loads l = { 0 };
	struct load s;

	(void)state;
	add(&l, 0, "{\"away_share\":0.5}", true);
	add(&l, 1, "{\"away_share\":0.9}", true);
	add(&l, 0, "{\"away_share\":0.1}", true);
	add(&l, 0, "{\"away_share\":0.015}", false);
	s = loads_summary(&l, 0);
	assert_int_equal(s.processes, 3);
	assert_int_equal(s.busy, 2);
	assert_close(s.least, 0.1, EXACT);
	assert_close(s.mean, 0.2, EXACT);
	assert_close(s.most, 0.5, EXACT);
	s = loads_summary(&l, -1);
	assert_int_equal(s.processes, 4);
	assert_int_equal(s.busy, 3);
	assert_close(s.most, 0.9, EXACT);
	assert_int_equal(loads_summary(&l, 2).processes, 0);
	assert_close(loads_summary(&l, 2).mean, 0, 0);
	loads_free(&l);
}

static void loads_summary_sleeping_process_is_not_busy(void **state)
{
	struct loads l = { 0 };
	struct load s;

	(void)state;
	/* The sampler raised no flag: its benchmark sleeps. */
	add(&l, 0, "{\"away_share\":0.8}", false);
	s = loads_summary(&l, 0);
	assert_int_equal(s.processes, 1);
	assert_int_equal(s.busy, 0);
	assert_close(s.most, 0, 0);
	loads_free(&l);
}

static void loads_summary_steal_is_a_share_of_all_wall_time(void **state)
{
	struct loads l = { 0 };
	struct load s;

	(void)state;
	add(&l, 0, "{\"steal_ticks\":3,\"wall_ns\":400000000}", false);
	add(&l, 0, "{\"steal_ticks\":0,\"wall_ns\":600000000}", false);
	s = loads_summary(&l, 0);
	assert_int_equal(s.robbed, 1);
	assert_int_equal(s.steal_ticks, 3);
	assert_close(s.stolen, 0.03, EXACT);
	/* One that lost ticks in nobody knows how long makes the share unknown. */
	add(&l, 0, "{\"steal_ticks\":1}", false);
	s = loads_summary(&l, 0);
	assert_int_equal(s.robbed, 2);
	assert_true(isnan(s.stolen));
	loads_free(&l);
}

static void loads_add_text_that_is_not_json_is_no_load(void **state)
{
	static const char *const texts[] = {
		NULL, "", "{", "[]", "{\"away_share\":\"x\"}", "null"
	};
	struct loads l = { 0 };
	struct load s;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		add(&l, 0, texts[i], true);
	add(&l, 0, "{\"steal_ticks\":-5,\"wall_ns\":-1}", false);
	s = loads_summary(&l, 0);
	assert_int_equal(s.processes, 7);
	assert_int_equal(s.busy, 0);
	assert_int_equal(s.steal_ticks, 0);
	assert_close(s.stolen, 0, 0);
	loads_free(&l);
}

/* The load share of a cell whose two processes have @away each and lost @ticks each in a second. */
static double share_of(double away, unsigned ticks)
{
	struct store_cell_row row = { .arm_group = 3 };
	struct report_cell cell = { .row = &row };
	struct report r = { 0 };
	char varying[128];
	double share;

	snprintf(varying, sizeof(varying),
		 "{\"away_share\":%.3f,\"steal_ticks\":%u,\"wall_ns\":1000000000}", away, ticks);
	add(&r.loads, 3, varying, away > 0.02);
	add(&r.loads, 3, varying, away > 0.02);
	add(&r.loads, 0, "{\"away_share\":0.99}", true);
	share = load_share(&r, &cell);
	loads_free(&r.loads);
	return share;
}

static void load_share_is_the_larger_of_both(void **state)
{
	(void)state;
	assert_close(share_of(0.3, 0), 0.3, EXACT);
	assert_close(share_of(0, 20), 0.2, EXACT);
	/* Where the kernel knows of stolen time it is in both, so they are not added. */
	assert_close(share_of(0.3, 20), 0.3, EXACT);
	assert_close(share_of(0.1, 20), 0.2, EXACT);
	assert_close(share_of(0, 0), 0, 0);
}

static struct comparison_row withheld(enum verdict v, double a, double b)
{
	struct comparison_row row = {
		.a.load = a, .b.load = b, .verdict.verdict = v, .new_run = 7
	};
	struct comparison c = { .rows = &row, .n_rows = 1 };

	load_withhold(&c);
	return row;
}

static void load_withhold_above_the_limit_on_either_side(void **state)
{
	static const enum verdict judged[] = { VERDICT_FASTER, VERDICT_SLOWER, VERDICT_EQUIVALENT,
					       VERDICT_INCONCLUSIVE };

	(void)state;
	for (size_t i = 0; i < sizeof(judged) / sizeof(judged[0]); i++)
		for (unsigned side = 0; side < 2; side++) {
			struct comparison_row row = withheld(judged[i],
							     side ? 0 : LOAD_MOST + 0.001,
							     side ? LOAD_MOST + 0.001 : 0);

			assert_int_equal(row.verdict.verdict, VERDICT_INCONCLUSIVE);
			assert_int_equal(row.withheld, WITHHELD_LOAD);
			assert_int_equal(row.new_run, 0);
		}
}

static void load_withhold_at_the_limit_or_unknown_keeps_the_verdict(void **state)
{
	static const double loads[] = { 0, LOAD_MOST, NAN };

	(void)state;
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		struct comparison_row row = withheld(VERDICT_SLOWER, loads[i], loads[i]);

		assert_int_equal(row.verdict.verdict, VERDICT_SLOWER);
		assert_int_equal(row.withheld, WITHHELD_NOT);
		assert_int_equal(row.new_run, 7);
	}
}

static void load_withhold_untrustworthy_stays(void **state)
{
	struct comparison_row row = withheld(VERDICT_UNTRUSTWORTHY, 0.9, 0.9);

	(void)state;
	assert_int_equal(row.verdict.verdict, VERDICT_UNTRUSTWORTHY);
	assert_int_equal(row.withheld, WITHHELD_NOT);
}

static void load_remarks_busy_and_robbed_run_has_a_line_of_each(void **state)
{
	char out[LOAD_REMARKS][160];
	struct report r = { 0 };

	(void)state;
	snprintf(r.data.run.uuid, sizeof(r.data.run.uuid), "1a2b3c4d-0000");
	assert_int_equal(load_remarks(&r, out), 0);
	add(&r.loads, 0, "{\"away_share\":0.123}", true);
	add(&r.loads, 0, "{\"away_share\":0.001}", false);
	assert_int_equal(load_remarks(&r, out), 1);
	assert_string_equal(out[0],
			    "run 1a2b3c4d: off the CPU for 12 % of the time in 1 of 2 processes");
	add(&r.loads, 1, "{\"away_share\":0.731,\"steal_ticks\":12}", true);
	assert_int_equal(load_remarks(&r, out), 2);
	assert_string_equal(
		out[0], "run 1a2b3c4d: off the CPU for 12 to 73 % of the time in 2 of 3 processes");
	assert_string_equal(
		out[1], "run 1a2b3c4d: the hypervisor took 12 ticks of 10 ms, in 1 of 3 processes");
	loads_free(&r.loads);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loads_summary_busy_processes_by_group),
		cmocka_unit_test(loads_summary_sleeping_process_is_not_busy),
		cmocka_unit_test(loads_summary_steal_is_a_share_of_all_wall_time),
		cmocka_unit_test(loads_add_text_that_is_not_json_is_no_load),
		cmocka_unit_test(load_share_is_the_larger_of_both),
		cmocka_unit_test(load_withhold_above_the_limit_on_either_side),
		cmocka_unit_test(load_withhold_at_the_limit_or_unknown_keeps_the_verdict),
		cmocka_unit_test(load_withhold_untrustworthy_stays),
		cmocka_unit_test(load_remarks_busy_and_robbed_run_has_a_line_of_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
