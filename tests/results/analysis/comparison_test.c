// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Comparisons of reports made in memory. Golden numbers were computed apart from the code: t and
 * Welch's t in Python with mpmath at 40 digits (t's distribution as an incomplete beta function,
 * inverted by root finding), intervals of medians from exact binomial sums by the formula in
 * Hettmansperger & Sheather (1986), Benjamini & Hochberg's selection by hand.
 */
#include "tests/results/analysis/close_to.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results/analysis/comparison.h"
#include "results/analysis/comparison_rows.h"

#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))
#define MAX_CELLS 12
#define GOLDEN	  1e-9 /* what is printed of mpmath's numbers */
#define SESOI	  0.01
#define BLOCKS	  3 /* in an invocation, around each value, so that their median is the value */

/* ---- runs in memory ---- */

/* Which effect decides, whatever is compared. */
static enum effect_form as_ratio(const char *benchmark, const char *factor)
{
	(void)benchmark;
	(void)factor;
	return EFFECT_RATIO;
}

static enum effect_form as_difference(const char *benchmark, const char *factor)
{
	(void)benchmark;
	(void)factor;
	return EFFECT_DIFFERENCE;
}

static enum effect_form as_both(const char *benchmark, const char *factor)
{
	(void)benchmark;
	(void)factor;
	return EFFECT_BOTH;
}

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static void begin_run(struct report *r, const char *uuid, int64_t started)
{
	struct store_run_data *d = &r->data;

	*r = (struct report){ 0 };
	snprintf(d->run.uuid, sizeof(d->run.uuid), "%s", uuid);
	d->run.started = started;
	d->run.state = RUN_DONE;
	d->run.lane = LANE_HOST;
	d->run.clock = CLOCK_UNIT_NS;
	d->identity = must(strdup("{\"kernel\": \"6.18\", \"governor\": \"performance\"}"));
	d->cells = must(calloc(MAX_CELLS, sizeof(*d->cells)));
	d->metrics = must(calloc(1, sizeof(*d->metrics)));
	d->n_metrics = 1;
	d->metrics[0] = (struct store_metric_row){ "reset", "time", "duration", "page", 1, 4096 };
	r->cells = must(calloc(MAX_CELLS, sizeof(*r->cells)));
	r->ds = must(dataset_new());
}

/* The next arm of @group, planned. @insn is paired, @region is not. Its hash is its label. */
static struct report_cell *add_cell(struct report *r, unsigned group, const char *insn,
				    const char *region)
{
	struct store_cell_row *row = &r->data.cells[r->n_cells];
	struct report_cell *c = &r->cells[r->n_cells];

	assert_true(r->n_cells < MAX_CELLS);
	for (size_t i = 0; i < r->n_cells; i++)
		row->arm += r->data.cells[i].arm_group == group;
	snprintf(row->benchmark, sizeof(row->benchmark), "reset");
	row->version = 1;
	row->arm_group = group;
	row->paired = must(strdup("[\"insn\"]"));
	*c = (struct report_cell){ .row = row, .metric = r->data.metrics };
	c->factors = must(json_pack("{s:s, s:s}", "insn", insn, "region", region));
	snprintf(c->label, sizeof(c->label), "insn=%s region=%s", insn, region);
	snprintf(row->hash, sizeof(row->hash), "%.39s", c->label);
	r->n_cells++;
	r->data.n_cells++;
	return c;
}

/* @n invocations of a group's one or two arms, each in three blocks around the value given. */
static void measure(struct report *r, unsigned group, size_t n, const int *a, const int *b)
{
	static const int around[BLOCKS] = { -7, 0, 9 };

	for (unsigned round = 0; round < n; round++) {
		struct sample s[2 * BLOCKS];
		unsigned at = 0;

		for (unsigned i = 0; i < 2 * BLOCKS; i++) {
			const int *arm = i % 2 ? b : a;

			if (!arm)
				continue;
			s[at] = (struct sample){ .seq = at,
						 .arm = i % 2,
						 .block = (int32_t)(i / 2),
						 .ticks = (uint64_t)(arm[round] + around[i / 2]),
						 .work = 1 };
			at++;
		}
		assert_int_equal(dataset_add(r->ds, group, round, s, at, 0, 1), 0);
	}
	if (n > r->rounds)
		r->rounds = (unsigned)n;
}

/* What report_load() does when all is read. */
static void end_run(struct report *r)
{
	for (size_t i = 0; i < r->n_cells; i++) {
		struct report_cell *c = &r->cells[i];

		c->has_data =
			!dataset_arm(r->ds, c->row->arm_group, c->row->arm, REPORT_CONF, &c->sum);
	}
	r->data.run.rounds = r->rounds;
}

/* A run of one group with two arms, insn=a and insn=b. */
static void two_arms(struct report *r, size_t n, const int *a, const int *b)
{
	begin_run(r, "0a0a0a0a", 1);
	add_cell(r, 0, "a", "1M");
	add_cell(r, 0, "b", "1M");
	measure(r, 0, n, a, b);
	end_run(r);
}

/* A run of one cell. */
static void one_cell(struct report *r, const char *uuid, int64_t started, const char *insn,
		     size_t n, const int *values)
{
	begin_run(r, uuid, started);
	add_cell(r, 0, insn, "1M");
	measure(r, 0, n, values, NULL);
	end_run(r);
}

static const int old[] = { 1000, 1010, 990, 1005, 995, 1020, 980, 1003 };
static const int new[] = { 1050, 1062, 1035, 1061, 1040, 1075, 1030, 1049 };
static const struct report_pairing insn = { "insn", "a", "b" };

/* ---- arms of one run ---- */

static void assert_effect(const struct effect *e, double value, double lo, double hi, double p)
{
	assert_close(e->value, value, GOLDEN);
	assert_close(e->lo, lo, GOLDEN);
	assert_close(e->hi, hi, GOLDEN);
	assert_close(e->p, p, 1e-6 * p + 1e-10);
	assert_close(e->level, 0.95, 0);
}

static void test_paired(void **state)
{
	struct reason why = { "" };
	struct comparison c;
	struct report r;

	(void)state;
	two_arms(&r, COUNT(old), old, new);
	assert_int_equal(comparison_by(&r, &insn, 1, as_ratio, SESOI, &c, &why), 0);
	assert_int_equal(c.n_rows, 1);
	assert_true(c.paired && !c.boots && !c.sequential);
	assert_int_equal(c.min_n, 6);
	assert_int_equal(c.n_only_a + c.n_only_b, 0);
	assert_close(c.family.level, 0.95, 0);
	/* S5: median over invocations, with Hettmansperger & Sheather's interval. */
	assert_close(c.rows[0].a.level, 1001.5, GOLDEN);
	assert_close(c.rows[0].a.interval.lo, 989.356435644, GOLDEN);
	assert_close(c.rows[0].a.interval.hi, 1010.64356436, 1e-8);
	assert_close(c.rows[0].b.level, 1049.5, GOLDEN);
	assert_close(c.rows[0].b.interval.lo, 1034.67821782, 1e-8);
	assert_close(c.rows[0].b.interval.hi, 1062.83663366, 1e-8);
	assert_close(c.rows[0].a.interval.level, 0.95, 0);
	/* n counts invocations, never samples. */
	assert_int_equal(c.rows[0].a.n, 8);
	assert_int_equal(c.rows[0].a.samples, 8 * BLOCKS);
	/* S20: the median over processes with the same interval; computed apart, in Python. */
	assert_effect(&c.rows[0].diff, 50, 45, 55.0643564356, 2.81921136e-9);
	assert_true(c.rows[0].ratio_valid);
	assert_effect(&c.rows[0].ratio, 0.0492758368642, 0.0444377002009, 0.0526278446294,
		      3.31079281e-9);
	/* One comparison is not adjusted; the ratio decides. */
	assert_close(c.rows[0].judged.lo, 0.0444377002009, GOLDEN);
	assert_close(c.rows[0].judged.hi, 0.0526278446294, GOLDEN);
	assert_int_equal(c.rows[0].verdict.verdict, VERDICT_SLOWER);
	assert_int_equal(c.rows[0].verdict.needed + c.rows[0].new_run, 0);
	assert_string_equal(c.rows[0].level_a, "a");
	assert_string_equal(c.rows[0].level_b, "b");
	assert_true(isnan(c.rows[0].floor));
	comparison_free(&c);
	report_free(&r);
}

/* The same numbers: a difference is judged as a share of what A took in the same process. */
static void test_difference_decides(void **state)
{
	const struct report_pairing back = { "insn", "b", "a" };
	struct reason why = { "" };
	struct comparison c;
	struct report r;

	(void)state;
	two_arms(&r, COUNT(old), old, new);
	assert_int_equal(comparison_by(&r, &insn, 1, as_difference, SESOI, &c, &why), 0);
	assert_close(c.rows[0].judged.lo, 0.0454398454921, GOLDEN);
	assert_close(c.rows[0].judged.hi, 0.0540373989111, GOLDEN);
	assert_int_equal(c.rows[0].verdict.verdict, VERDICT_SLOWER);
	comparison_free(&c);
	/* The other way round everything changes its sign, and the share is of what B took. */
	assert_int_equal(comparison_by(&r, &back, 1, as_difference, SESOI, &c, &why), 0);
	assert_close(c.rows[0].diff.value, -50, GOLDEN);
	assert_close(c.rows[0].judged.lo, -0.0512668939997, GOLDEN);
	assert_close(c.rows[0].judged.hi, -0.0434648084374, GOLDEN);
	assert_int_equal(c.rows[0].verdict.verdict, VERDICT_FASTER);
	comparison_free(&c);
	/* Both forms are shown: the ratio decides. */
	assert_int_equal(comparison_by(&r, &insn, 1, as_both, SESOI, &c, &why), 0);
	assert_close(c.rows[0].judged.lo, 0.0444377002009, GOLDEN);
	comparison_free(&c);
	report_free(&r);
}

/* Counts that agree exactly are equivalent, at any smallest effect; and so is little enough. */
static void test_equivalent(void **state)
{
	struct reason why = { "" };
	struct comparison c;
	struct report r;

	(void)state;
	two_arms(&r, COUNT(old), old, old);
	assert_int_equal(comparison_by(&r, &insn, 1, as_ratio, 0, &c, &why), 0);
	assert_int_equal(c.rows[0].verdict.verdict, VERDICT_EQUIVALENT);
	assert_close(c.rows[0].diff.p, 1, 0);
	comparison_free(&c);
	report_free(&r);
	/* 5 % is equivalent for whom 6 % is the least that matters. */
	two_arms(&r, COUNT(old), old, new);
	assert_int_equal(comparison_by(&r, &insn, 1, as_ratio, 0.06, &c, &why), 0);
	assert_int_equal(c.rows[0].verdict.verdict, VERDICT_EQUIVALENT);
	comparison_free(&c);
	report_free(&r);
}

/* S7: below six invocations no verdict, however clear it looks, and how many are lacking. */
static void test_few_invocations(void **state)
{
	struct reason why = { "" };

	(void)state;
	for (size_t n = 1; n <= 6; n++) {
		struct comparison c;
		struct report r;

		two_arms(&r, n, old, new);
		assert_int_equal(comparison_by(&r, &insn, 1, as_ratio, SESOI, &c, &why), 0);
		assert_int_equal(c.rows[0].diff.n, n);
		assert_int_equal(c.rows[0].verdict.needed, 6 - n);
		assert_int_equal(c.rows[0].verdict.verdict,
				 n < 6 ? VERDICT_INCONCLUSIVE : VERDICT_SLOWER);
		assert_int_equal(c.rows[0].new_run, n < 6 ? 6 : 0);
		/* One invocation has no spread between invocations, so no interval. */
		assert_true(isnan(c.rows[0].diff.lo) == (n == 1));
		assert_true(isnan(c.rows[0].a.interval.lo) == (n == 1));
		comparison_free(&c);
		report_free(&r);
	}
}

static void test_no_such_arms(void **state)
{
	const struct report_pairing none = { "insn", "a", "c" };
	struct reason why = { "" };
	struct comparison c;
	struct report r;

	(void)state;
	two_arms(&r, COUNT(old), old, new);
	assert_int_equal(comparison_by(&r, &none, 1, as_ratio, SESOI, &c, &why), -ENOENT);
	assert_non_null(strstr(why.text, "insn"));
	assert_non_null(strstr(why.text, "0a0a0a0a"));
	assert_null(c.rows);
	report_free(&r);
}

static void test_weakest_kind(void **state)
{
	struct reason why = { "" };
	struct comparison c;
	struct report r;

	(void)state;
	two_arms(&r, COUNT(old), old, new);
	r.data.cells[0].kind = KIND_ANALOGUE;
	assert_int_equal(comparison_by(&r, &insn, 1, as_ratio, SESOI, &c, &why), 0);
	assert_int_equal(c.rows[0].kind, KIND_ANALOGUE);
	comparison_free(&c);
	report_free(&r);
}

/* A fatal flag of either arm makes its row untrustworthy, also below six, and no other row. */
static void test_fatal_arm(void **state)
{
	for (size_t arm = 0; arm < 2; arm++) {
		struct reason why = { "" };
		struct comparison c;
		struct report r;

		(void)state;
		begin_run(&r, "0a0a0a0a", 1);
		for (unsigned g = 0; g < 2; g++) {
			add_cell(&r, g, "a", g ? "2M" : "1M");
			add_cell(&r, g, "b", g ? "2M" : "1M");
			measure(&r, g, g ? COUNT(old) : 2, old, new);
		}
		end_run(&r);
		r.cells[arm].fatal = true;
		assert_int_equal(comparison_by(&r, &insn, 1, as_ratio, SESOI, &c, &why), 0);
		assert_int_equal(c.n_rows, 2);
		assert_true(c.rows[0].fatal && !c.rows[1].fatal);
		assert_int_equal(c.rows[0].verdict.verdict, VERDICT_UNTRUSTWORTHY);
		assert_int_equal(c.rows[1].verdict.verdict, VERDICT_SLOWER);
		comparison_free(&c);
		report_free(&r);
	}
}

/* ---- S9 ---- */

/*
 * A run with a group for each of @means: A is 1000 throughout, B 1000 + mean - 10 and + 10 by
 * turns. p is 0.0003 for 30, 0.0019 for 20, 0.0162 for 12, and 1 for 2, where half lie below 0.
 */
static void many_groups(struct report *r, const int *means, size_t n, unsigned short_group)
{
	static const char *const regions[] = { "1M", "2M", "4M", "8M" };
	int a[6], b[6];

	begin_run(r, "0a0a0a0a", 1);
	for (unsigned g = 0; g < n; g++) {
		for (int i = 0; i < 6; i++) {
			a[i] = 1000;
			b[i] = 1000 + means[g] + (i % 2 ? 10 : -10);
		}
		add_cell(r, g, "a", regions[g]);
		add_cell(r, g, "b", regions[g]);
		measure(r, g, g == short_group ? 5 : 6, a, b);
	}
	end_run(r);
}

static double level_for(const int *means, size_t n, unsigned short_group, enum verdict *verdicts)
{
	struct reason why = { "" };
	struct comparison c;
	struct report r;
	double level;

	many_groups(&r, means, n, short_group);
	assert_int_equal(comparison_by(&r, &insn, 1, as_difference, SESOI, &c, &why), 0);
	assert_int_equal(c.n_rows, n);
	level = c.family.level;
	for (size_t i = 0; i < n; i++) {
		verdicts[i] = c.rows[i].verdict.verdict;
		assert_close(c.rows[i].judged.level, level, 0);
		/* What is printed as the 95 % interval stays one. */
		assert_close(c.rows[i].diff.level, 0.95, 0);
	}
	comparison_free(&c);
	report_free(&r);
	return level;
}

static void test_adjusted(void **state)
{
	const int two[] = { 30, 20, 2, 2 }, none[] = { 12, 2, 2, 2 };
	struct reason why = { "" };
	enum verdict v[4];
	struct comparison c;
	struct report r;

	(void)state;
	/*
	 * Sorted p: 0.0003 <= 0.0125, 0.0019 <= 0.025, 1 > 0.0375, 1 > 0.05: two are selected, so
	 * every interval is made at 1 - 0.05 * 2 / 4.
	 */
	assert_close(level_for(two, 4, 99, v), 0.975, 1e-12);
	assert_int_equal(v[0], VERDICT_SLOWER);
	assert_int_equal(v[1], VERDICT_SLOWER);
	assert_int_equal(v[2], VERDICT_INCONCLUSIVE);
	assert_int_equal(v[3], VERDICT_INCONCLUSIVE);
	/* Alone the first would be called slower: its own p is 0.0162, and 0.0162 > 0.0125. */
	assert_close(level_for(none, 4, 99, v), 0.9875, 1e-12);
	assert_int_equal(v[0], VERDICT_INCONCLUSIVE);

	many_groups(&r, none, 4, 99);
	assert_int_equal(comparison_by(&r, &insn, 1, as_difference, SESOI, &c, &why), 0);
	assert_close(c.rows[0].judged.lo, -0.839453306003e-3, GOLDEN);
	assert_close(c.rows[0].judged.hi, 24.839453306e-3, GOLDEN);
	assert_close(c.rows[0].diff.lo, 2, GOLDEN);
	assert_close(c.rows[0].diff.p, 0.016199036235, 1e-9);
	comparison_free(&c);
	report_free(&r);
}

static void test_adjusted_steps(void **state)
{
	const int both[] = { 12, 12 }, none[] = { 2, 2, 2 }, mixed[] = { 30, 2, 30 };
	const int alone[] = { 12 };
	enum verdict v[4];

	(void)state;
	/* Both are <= 0.025. */
	assert_close(level_for(both, 2, 99, v), 0.95, 1e-12);
	assert_int_equal(v[0], VERDICT_SLOWER);
	assert_int_equal(v[1], VERDICT_SLOWER);
	/* None is selected: as for one. */
	assert_close(level_for(none, 3, 99, v), 1 - 0.05 / 3, 1e-12);
	assert_close(level_for(mixed, 3, 99, v), 1 - 0.05 * 2 / 3, 1e-12);
	assert_close(level_for(alone, 1, 99, v), 0.95, 0);
	/* What has too few invocations for a verdict is no comparison yet: m is 2, not 3. */
	assert_close(level_for(mixed, 3, 0, v), 1 - 0.05 / 2, 1e-12);
	assert_int_equal(v[0], VERDICT_INCONCLUSIVE);
	assert_int_equal(v[2], VERDICT_SLOWER);
}

/* D11: huge effects of rows that get no verdict, or that are no question, loosen no other's level. */
static void comparison_judge_fatal_and_trivial_rows_left_out(void **state)
{
	const int means[] = { 30, 30, 12, 2 };
	struct reason why = { "" };
	struct comparison c;
	struct report r;

	(void)state;
	many_groups(&r, means, 4, 99);
	assert_int_equal(comparison_by(&r, &insn, 1, as_difference, SESOI, &c, &why), 0);
	/* 0.0003, 0.0003 and 0.0162 <= 0.0375: three of four. */
	assert_close(c.family.level, 1 - 0.05 * 3 / 4, 1e-12);
	c.rows[0].fatal = c.rows[1].fatal = true;
	comparison_judge(&c);
	assert_int_equal(c.family.adjusted, 2);
	assert_close(c.family.level, 1 - 0.05 / 2, 1e-12);
	c.rows[0].fatal = c.rows[1].fatal = false;
	c.rows[0].trivial = c.rows[1].trivial = true;
	comparison_judge(&c);
	assert_int_equal(c.family.adjusted, 2);
	assert_int_equal(c.trivial.adjusted, 2);
	assert_close(c.trivial.level, 0.95, 1e-12);
	assert_close(c.rows[0].judged.level, 0.95, 1e-12);
	assert_close(c.rows[3].judged.level, 0.975, 1e-12);
	comparison_free(&c);
	report_free(&r);
}

/* S11: one process of eight that carries a mean is named, and hardly moves the median. */
static void comparison_by_outlying_process_named(void **state)
{
	int far[COUNT(new)];
	struct reason why = { "" };
	struct comparison c;
	struct report r;

	(void)state;
	memcpy(far, new, sizeof(far));
	far[5] += 4000;
	two_arms(&r, COUNT(old), old, far);
	assert_int_equal(comparison_by(&r, &insn, 1, as_ratio, SESOI, &c, &why), 0);
	assert_int_equal(c.rows[0].outliers.n, 1);
	assert_int_equal(c.rows[0].outliers.round, 5);
	assert_close(c.rows[0].outliers.value, log(5075. / 1020), 0.01);
	assert_close(c.rows[0].diff.value, 50, 1);
	comparison_free(&c);
	report_free(&r);
}

/* ---- runs ---- */

static int compare_two(const struct report *a, const struct report *b, struct comparison *c)
{
	struct reason why = { "" };

	return comparison_runs(&a, 1, &b, 1, SESOI, c, &why);
}

/* Welch's t on the invocations' log medians; unequal n. */
static void test_two_runs(void **state)
{
	struct comparison c;
	struct report a, b;

	(void)state;
	one_cell(&a, "0a0a0a0a", 1, "a", 6, old);
	one_cell(&b, "0b0b0b0b", 2, "a", 7, new);
	assert_int_equal(compare_two(&a, &b, &c), 0);
	assert_int_equal(c.n_rows, 1);
	assert_true(!c.paired && !c.boots);
	assert_int_equal(c.min_n, 6);
	assert_int_equal(c.rows[0].a.n, 6);
	assert_int_equal(c.rows[0].b.n, 7);
	assert_int_equal(c.rows[0].diff.n, 6);
	assert_int_equal(c.rows[0].b.samples, 7 * BLOCKS);
	assert_close(c.rows[0].a.level, 1002.5, GOLDEN);
	assert_close(c.rows[0].b.level, 1050, GOLDEN);
	assert_effect(&c.rows[0].diff, 47.0952380952, 30.2359113307, 63.9545648598,
		      8.63509148777e-5);
	assert_effect(&c.rows[0].ratio, 0.0458143320951, 0.0295640201947, 0.0620646439954,
		      7.5557157035e-5);
	assert_close(c.rows[0].ratio.df, 10.5900175765, GOLDEN);
	assert_int_equal(c.rows[0].verdict.verdict, VERDICT_SLOWER);
	assert_null(c.rows[0].level_a);
	assert_ptr_equal(c.rows[0].a.report, &a);
	assert_ptr_equal(c.rows[0].b.report, &b);
	comparison_free(&c);
	assert_int_equal(compare_two(&b, &a, &c), 0);
	assert_close(c.rows[0].ratio.value, -0.0458143320951, GOLDEN);
	assert_int_equal(c.rows[0].verdict.verdict, VERDICT_FASTER);
	comparison_free(&c);
	report_free(&a);
	report_free(&b);
}

/* One invocation on one side: levels, but neither interval nor p; five are lacking. */
static void test_two_runs_few(void **state)
{
	struct comparison c;
	struct report a, b;

	(void)state;
	one_cell(&a, "0a0a0a0a", 1, "a", 1, old);
	one_cell(&b, "0b0b0b0b", 2, "a", 7, new);
	assert_int_equal(compare_two(&a, &b, &c), 0);
	assert_true(isnan(c.rows[0].diff.p) && isnan(c.rows[0].ratio.p));
	assert_true(isnan(c.rows[0].ratio.lo) && isnan(c.rows[0].judged.lo));
	assert_true(isnan(c.rows[0].a.interval.lo));
	assert_int_equal(c.rows[0].verdict.verdict, VERDICT_INCONCLUSIVE);
	assert_int_equal(c.rows[0].verdict.needed, 5);
	assert_int_equal(c.rows[0].new_run, 6);
	comparison_free(&c);
	report_free(&a);
	report_free(&b);
}

/* Several runs on a side: n counts their boots, by their levels; invocations do not count. */
static void test_boots(void **state)
{
	static const int level_a[] = { 1000, 1012, 991 }, level_b[] = { 1101, 1079, 1090 };
	const struct report *side_a[3], *side_b[3];
	struct reason why = { "" };
	struct report a[3], b[3];
	struct comparison c;

	(void)state;
	for (int i = 0; i < 3; i++) {
		const int x[] = { level_a[i] - 3, level_a[i], level_a[i] + 5 };
		const int y[] = { level_b[i] - 3, level_b[i], level_b[i] + 5 };

		/* A and B by turns. */
		one_cell(&a[i], "0a0a0a0a", 2 * i, "a", 3, x);
		one_cell(&b[i], "0b0b0b0b", 2 * i + 1, "a", 3, y);
		snprintf(a[i].data.boot_id, sizeof(a[i].data.boot_id), "a%d", i);
		snprintf(b[i].data.boot_id, sizeof(b[i].data.boot_id), "b%d", i);
		side_a[i] = &a[i];
		side_b[i] = &b[i];
	}
	assert_int_equal(comparison_runs(side_a, 3, side_b, 3, SESOI, &c, &why), 0);
	assert_true(c.boots && !c.paired && !c.sequential);
	assert_int_equal(c.min_n, 3);
	assert_int_equal(c.n_rows, 1);
	assert_int_equal(c.rows[0].a.n, 3);
	assert_close(c.rows[0].a.level, 1000, GOLDEN);
	assert_close(c.rows[0].b.level, 1090, GOLDEN);
	assert_int_equal(c.rows[0].a.samples, 3 * 3 * BLOCKS);
	assert_effect(&c.rows[0].ratio, 0.0851811380148, 0.0617995814618, 0.108562694568,
		      0.000540931360742);
	assert_effect(&c.rows[0].diff, 89, 64.5662153562, 113.433784644, 0.000541564832505);
	assert_int_equal(c.rows[0].verdict.verdict, VERDICT_SLOWER);
	comparison_free(&c);
	/* One boot against three: two are lacking, though it has three invocations. */
	assert_int_equal(comparison_runs(side_a, 1, side_b, 3, SESOI, &c, &why), 0);
	assert_true(c.boots);
	assert_int_equal(c.rows[0].a.n, 1);
	assert_int_equal(c.rows[0].verdict.needed, 2);
	assert_int_equal(c.rows[0].verdict.verdict, VERDICT_INCONCLUSIVE);
	comparison_free(&c);
	/* S18: two runs of one boot are one value, so there are two boots. */
	snprintf(b[2].data.boot_id, sizeof(b[2].data.boot_id), "b0");
	assert_int_equal(comparison_runs(side_a, 3, side_b, 3, SESOI, &c, &why), 0);
	assert_int_equal(c.rows[0].b.n, 2);
	assert_close(c.rows[0].b.level, ((1101 + 1090) / 2. + 1079) / 2, GOLDEN);
	assert_int_equal(c.rows[0].verdict.needed, 1);
	assert_false(c.rows[0].lone_boots);
	comparison_free(&c);
	/* The same boot number on another host is another boot. */
	snprintf(b[2].data.host_id, sizeof(b[2].data.host_id), "other");
	assert_int_equal(comparison_runs(side_a, 3, side_b, 3, SESOI, &c, &why), 0);
	assert_int_equal(c.rows[0].b.n, 3);
	comparison_free(&c);
	for (int i = 0; i < 3; i++) {
		report_free(&a[i]);
		report_free(&b[i]);
	}
}

/* S18: one boot a side says nothing of how boots differ, however many runs or processes there are. */
static void comparison_runs_single_boots_inconclusive(void **state)
{
	static const struct {
		const char *a[2], *b[2]; /* boots */
		size_t n;
		bool lone;
		size_t needed;
	} cases[] = {
		{ { "x" }, { "x" }, 1, false, 0 },
		{ { "x" }, { "y" }, 1, true, 2 },
		{ { "x", "x" }, { "y", "y" }, 2, true, 2 },
		{ { "x", "x" }, { "x", "x" }, 2, true, 2 },
		{ { "x", "y" }, { "x", "y" }, 2, false, 1 },
	};
	struct reason why = { "" };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct report *side_a[2], *side_b[2];
		struct report a[2], b[2];
		struct comparison c;

		for (size_t k = 0; k < cases[i].n; k++) {
			one_cell(&a[k], "0a0a0a0a", 1, "a", COUNT(old), old);
			one_cell(&b[k], "0b0b0b0b", 2, "a", COUNT(new), new);
			snprintf(a[k].data.boot_id, sizeof(a[k].data.boot_id), "%s", cases[i].a[k]);
			snprintf(b[k].data.boot_id, sizeof(b[k].data.boot_id), "%s", cases[i].b[k]);
			side_a[k] = &a[k];
			side_b[k] = &b[k];
		}
		assert_int_equal(
			comparison_runs(side_a, cases[i].n, side_b, cases[i].n, SESOI, &c, &why),
			0);
		assert_int_equal(c.rows[0].lone_boots, cases[i].lone);
		assert_int_equal(c.rows[0].verdict.needed, cases[i].needed);
		assert_int_equal(c.rows[0].verdict.verdict,
				 cases[i].needed ? VERDICT_INCONCLUSIVE : VERDICT_SLOWER);
		comparison_free(&c);
		for (size_t k = 0; k < cases[i].n; k++) {
			report_free(&a[k]);
			report_free(&b[k]);
		}
	}
}

static void test_one_side_only(void **state)
{
	struct report_cell *skipped;
	struct comparison c;
	struct report a, b;

	(void)state;
	begin_run(&a, "0a0a0a0a", 1);
	add_cell(&a, 0, "a", "1M");
	add_cell(&a, 0, "b", "1M");
	measure(&a, 0, 6, old, new);
	begin_run(&b, "0b0b0b0b", 2);
	add_cell(&b, 0, "c", "1M");
	add_cell(&b, 0, "b", "1M");
	/* Neither of these was measured: they are not "on one side". */
	add_cell(&b, 1, "d", "1M");
	skipped = add_cell(&b, 0, "e", "1M");
	measure(&b, 0, 6, old, new);
	end_run(&a);
	end_run(&b);
	b.data.cells[3].state = CELL_SKIPPED;
	assert_false(skipped->has_data);

	assert_int_equal(compare_two(&a, &b, &c), 0);
	assert_int_equal(c.n_rows, 1);
	assert_string_equal(c.rows[0].label, "insn=b region=1M");
	assert_int_equal(c.rows[0].verdict.verdict, VERDICT_INCONCLUSIVE);
	assert_int_equal(c.n_only_a, 1);
	assert_string_equal(c.only_a[0]->label, "insn=a region=1M");
	assert_int_equal(c.n_only_b, 1);
	assert_string_equal(c.only_b[0]->label, "insn=c region=1M");
	comparison_free(&c);
	report_free(&a);
	report_free(&b);
}

static void test_nothing_in_common(void **state)
{
	struct reason why = { "" };
	const struct report *pa, *pb;
	struct comparison c;
	struct report a, b;

	(void)state;
	one_cell(&a, "0a0a0a0a", 1, "a", 6, old);
	one_cell(&b, "0b0b0b0b", 2, "b", 6, new);
	pa = &a;
	pb = &b;
	assert_int_equal(comparison_runs(&pa, 1, &pb, 1, SESOI, &c, &why), -ENOENT);
	assert_non_null(strstr(why.text, "1 on one, 1 on the other"));
	assert_null(c.only_a);
	report_free(&a);
	report_free(&b);
}

/* One cell twice in a run is how a noise floor is found: it is one row, not two. */
static void test_cell_twice(void **state)
{
	struct comparison c;
	struct report a, b;

	(void)state;
	begin_run(&a, "0a0a0a0a", 1);
	add_cell(&a, 0, "a", "1M");
	add_cell(&a, 0, "a", "1M");
	measure(&a, 0, 6, old, new);
	end_run(&a);
	one_cell(&b, "0b0b0b0b", 2, "a", 6, old);
	assert_int_equal(compare_two(&a, &b, &c), 0);
	assert_int_equal(c.n_rows, 1);
	assert_int_equal(c.n_only_a + c.n_only_b, 0);
	assert_close(c.rows[0].ratio.value, 0, GOLDEN);
	comparison_free(&c);
	report_free(&a);
	report_free(&b);
}

static void test_fatal_runs(void **state)
{
	struct comparison c;
	struct report a, b;

	(void)state;
	one_cell(&a, "0a0a0a0a", 1, "a", 6, old);
	one_cell(&b, "0b0b0b0b", 2, "a", 6, new);
	b.cells[0].fatal = true;
	assert_int_equal(compare_two(&a, &b, &c), 0);
	assert_true(c.rows[0].fatal);
	assert_int_equal(c.rows[0].verdict.verdict, VERDICT_UNTRUSTWORTHY);
	comparison_free(&c);
	assert_int_equal(compare_two(&b, &a, &c), 0);
	assert_int_equal(c.rows[0].verdict.verdict, VERDICT_UNTRUSTWORTHY);
	comparison_free(&c);
	report_free(&a);
	report_free(&b);
}

static void test_sequential(void **state)
{
	static const struct {
		int64_t a[2], b[2];
		bool sequential;
	} cases[] = {
		{ { 1, 2 }, { 3, 4 }, true },  { { 3, 4 }, { 1, 2 }, true },
		{ { 1, 3 }, { 2, 4 }, false }, /* ABAB */
		{ { 1, 4 }, { 2, 3 }, false }, /* ABBA */
		{ { 4, 1 }, { 3, 2 }, false },
	};
	struct reason why = { "" };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct report *side_a[2], *side_b[2];
		struct report a[2], b[2];
		struct comparison c;

		for (int k = 0; k < 2; k++) {
			one_cell(&a[k], "0a0a0a0a", cases[i].a[k], "a", 1, old + k);
			one_cell(&b[k], "0b0b0b0b", cases[i].b[k], "a", 1, new + k);
			side_a[k] = &a[k];
			side_b[k] = &b[k];
		}
		assert_int_equal(comparison_runs(side_a, 2, side_b, 2, SESOI, &c, &why), 0);
		assert_int_equal(c.sequential, cases[i].sequential);
		comparison_free(&c);
		for (int k = 0; k < 2; k++) {
			report_free(&a[k]);
			report_free(&b[k]);
		}
	}
}

/* Single runs that take turns, round by round, overlap. */
static void comparison_runs_overlapping_not_sequential(void **state)
{
	static const struct {
		int64_t a[2], b[2]; /* start, end */
		bool sequential;
	} cases[] = {
		{ { 10, 20 }, { 20, 30 }, true },  { { 20, 30 }, { 10, 20 }, true },
		{ { 10, 20 }, { 12, 22 }, false }, { { 10, 20 }, { 19, 29 }, true },
		{ { 10, 40 }, { 20, 30 }, false }, { { 10, 0 }, { 20, 0 }, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct comparison c;
		struct report a, b;

		one_cell(&a, "0a0a0a0a", cases[i].a[0], "a", 6, old);
		one_cell(&b, "0b0b0b0b", cases[i].b[0], "a", 6, old);
		a.data.run.ended = cases[i].a[1];
		b.data.run.ended = cases[i].b[1];
		assert_int_equal(compare_two(&a, &b, &c), 0);
		assert_int_equal(c.sequential, cases[i].sequential);
		comparison_free(&c);
		report_free(&a);
		report_free(&b);
	}
}

/* ---- a new run ---- */

static void effect_new_run_cases_rounds(void **state)
{
	/*
	 * Quantiles of t from the tables. 9 degrees of freedom: 2.262157 for 95 %, 0.883404 for a
	 * power of 80 % on one side, 1.383029 on two; 2 degrees: 4.302653, 1.060660, 1.885618.
	 */
	const struct {
		double value, sd, df;
		size_t n, want;
	} cases[] = {
		/* (3.145561 * 0.05 / 0.02)^2 = 61.8 */
		{ 0.02, 0.05, 9, 10, 62 },
		{ -0.02, 0.05, 9, 10, 62 },
		/* Near 0 it is to fit inside 1 %: (3.645186 * 0.03 / 0.009)^2 = 147.6. */
		{ 0.001, 0.03, 9, 10, 148 },
		/* Too few for a verdict: the least, or what the spread says if that is more. */
		{ 0.02, NAN, 0, 1, 6 },
		{ 0.02, 0, 2, 3, 6 },
		{ 0.5, 0.01, 2, 3, 6 },
		/* (6.188271 * 0.05 / 0.01)^2 = 957.4 */
		{ 0, 0.05, 2, 3, 958 },
		/* No number of rounds will do. */
		{ 0.0001, 1e6, 9, 10, 100000 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct effect e = { .value = cases[i].value,
					  .sd = cases[i].sd,
					  .df = cases[i].df,
					  .level = 0.95,
					  .n = cases[i].n };

		if (effect_new_run(&e, SESOI, 6) != cases[i].want)
			fail_msg("case %zu: %zu, not %zu", i, effect_new_run(&e, SESOI, 6),
				 cases[i].want);
	}
}

/* ---- what may be compared ---- */

struct allowed {
	struct report a, b;
};

static int set_up_allowed(void **state)
{
	struct allowed *f = must(calloc(1, sizeof(*f)));

	one_cell(&f->a, "0a0a0a0a", 1, "a", 2, old);
	one_cell(&f->b, "0b0b0b0b", 2, "a", 2, new);
	*state = f;
	return 0;
}

static int tear_down_allowed(void **state)
{
	struct allowed *f = *state;

	report_free(&f->a);
	report_free(&f->b);
	free(f);
	return 0;
}

static int allowed(struct allowed *f, const char *across, struct reason *why)
{
	const struct report *a = &f->a, *b = &f->b;

	*why = (struct reason){ "" };
	return comparison_allowed(&a, 1, &b, 1, &across, across ? 1 : 0, why);
}

static void assert_refused(struct allowed *f, const char *word, const char *other)
{
	struct reason why;

	assert_int_equal(allowed(f, NULL, &why), -EINVAL);
	if (!strstr(why.text, word) || !strstr(why.text, other))
		fail_msg("'%s' lacks '%s' or '%s'", why.text, word, other);
	assert_non_null(strstr(why.text, "0a0a0a0a"));
	assert_non_null(strstr(why.text, "0b0b0b0b"));
}

static void set_environment(struct report *r, const char *json)
{
	free(r->data.identity);
	r->data.identity = must(strdup(json));
}

static void test_allowed(void **state)
{
	struct reason why;

	assert_int_equal(allowed(*state, NULL, &why), 0);
	assert_string_equal(why.text, "");
}

/* No word behind --across allows another clock, lane, version or quantity. */
static void test_never_allowed(void **state)
{
	struct allowed *f = *state;
	struct reason why;

	f->b.data.run.clock = CLOCK_UNIT_INSN;
	assert_refused(f, "ns", "instructions");
	assert_int_equal(allowed(f, "clock", &why), -EINVAL);
	f->b.data.run.clock = CLOCK_UNIT_NS;
	f->b.data.run.lane = LANE_VM;
	assert_refused(f, "lane host", "lane vm");
	assert_int_equal(allowed(f, "host", &why), -EINVAL);
	f->b.data.run.lane = LANE_HOST;
	f->b.data.cells[0].version = 2;
	assert_refused(f, "reset is version 1", "2 in");
	f->b.data.cells[0].version = 1;
	snprintf(f->b.data.metrics[0].quantity, sizeof(f->b.data.metrics[0].quantity), "count");
	assert_refused(f, "a duration per page", "a count per page");
	snprintf(f->b.data.metrics[0].quantity, sizeof(f->b.data.metrics[0].quantity), "duration");
	snprintf(f->b.data.metrics[0].per, sizeof(f->b.data.metrics[0].per), "call");
	assert_refused(f, "per page", "per call");
}

/* Another version of a benchmark that only one side has is no obstacle. */
static void test_other_benchmark(void **state)
{
	struct allowed *f = *state;
	struct reason why;

	f->b.data.cells[0].version = 2;
	snprintf(f->b.data.cells[0].benchmark, sizeof(f->b.data.cells[0].benchmark), "null");
	assert_int_equal(allowed(f, NULL, &why), 0);
}

static void test_environments(void **state)
{
	struct allowed *f = *state;
	struct reason why;

	set_environment(&f->b, "{\"kernel\": \"6.19\", \"governor\": \"powersave\"}");
	assert_refused(f, "governor (performance", "kernel (6.18");
	assert_refused(f, "2 keys", "--across");
	/* All that differ must be named; only those left are complained about. */
	assert_int_equal(allowed(f, "kernel", &why), -EINVAL);
	assert_non_null(strstr(why.text, "1 key: governor"));
	assert_null(strstr(why.text, "6.19"));
	assert_int_equal(allowed(f, "govern*", &why), -EINVAL);
	assert_int_equal(allowed(f, "*", &why), 0);
}

static void test_environment_keys(void **state)
{
	/* Keys of the groups, by their name, by the group's and by a prefix; and not by another. */
	static const struct {
		const char *key, *across;
		int want;
	} cases[] = {
		{ "governor", "governor", 0 },
		{ "governor", "kernel", -EINVAL },
		{ "governor", "gov", -EINVAL },
		{ "mitigation_mds", "kernel", 0 },
		{ "mitigation_mds", "mitigations", 0 },
		{ "mitigation_mds", "mitigation*", 0 },
		{ "command_line", "mitigations", 0 },
		{ "command_line", "kernel", -EINVAL },
		{ "cpuidle_max_cstate", "kernel", 0 },
		{ "sched_autogroup", "kernel", 0 },
		{ "thp_enabled", "kernel", 0 },
		{ "thp_2m_enabled", "kernel", 0 },
		{ "thp_defrag", "kernel", 0 },
		{ "khugepaged_defrag", "kernel", 0 },
		{ "clocksources", "kernel", 0 },
		{ "clocksource", "kernel", -EINVAL },
		{ "scaling_driver", "kernel", 0 },
		{ "scaling_max_khz", "kernel", -EINVAL },
		{ "turbo", "kernel", -EINVAL },
		{ "swap_mib", "kernel", -EINVAL },
		{ "hugepages_2m", "kernel", -EINVAL },
		{ "kvm_tdp_mmu", "kernel", 0 },
		{ "kvm_device", "kernel", -EINVAL },
		{ "tdx_host_platform", "kernel", 0 },
		{ "cpus_online", "kernel", -EINVAL },
		{ "microcode", "host", 0 },
		{ "microcode", "kernel", -EINVAL },
		{ "kernel_build", "kernel", 0 },
		{ "kernel_build", "kernel_build", 0 },
		{ "kernel_build", "host", -EINVAL },
		{ "cpu_brand", "host", 0 },
	};
	struct allowed *f = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		char json[2][96];
		struct reason why;

		for (int k = 0; k < 2; k++)
			snprintf(json[k], sizeof(json[k]), "{\"kernel\": \"6.18\", \"%s\": \"%d\"}",
				 cases[i].key, k);
		set_environment(&f->a, json[0]);
		set_environment(&f->b, json[1]);
		if (allowed(f, cases[i].across, &why) != cases[i].want)
			fail_msg("%s across %s: %s", cases[i].key, cases[i].across, why.text);
		assert_int_equal(allowed(f, NULL, &why), -EINVAL);
	}
}

/* A key that only one of them has is a difference too. */
static void test_missing_key(void **state)
{
	struct allowed *f = *state;
	struct reason why;

	set_environment(&f->b, "{\"kernel\": \"6.18\"}");
	assert_int_equal(allowed(f, NULL, &why), -EINVAL);
	assert_non_null(strstr(why.text, "governor"));
	set_environment(&f->b, "no JSON");
	assert_int_equal(allowed(f, NULL, &why), -EINVAL);
	assert_non_null(strstr(why.text, "holds no environment"));
}

/* Runs of one side must agree too: a side is one thing. */
static void test_within_a_side(void **state)
{
	struct allowed *f = *state;
	const struct report *side[] = { &f->a, &f->b }, *third;
	struct reason why = { "" };
	struct report c;

	one_cell(&c, "0c0c0c0c", 3, "a", 2, old);
	third = &c;
	assert_int_equal(comparison_allowed(side, 2, &third, 1, NULL, 0, &why), 0);
	f->b.data.run.lane = LANE_VM;
	assert_int_equal(comparison_allowed(side, 2, &third, 1, NULL, 0, &why), -EINVAL);
	assert_int_equal(comparison_allowed(&third, 1, side, 2, NULL, 0, &why), -EINVAL);
	report_free(&c);
}

/* A run is not a sample of two things. */
static void allowed_run_on_both_sides_refused(void **state)
{
	struct allowed *f = *state;
	const struct report *a[] = { &f->a, &f->b }, *b[] = { &f->b }, *same = &f->a;
	struct reason why = { "" };

	assert_int_equal(comparison_allowed(a, 2, b, 1, NULL, 0, &why), -EINVAL);
	assert_non_null(strstr(why.text, "run 0b0b0b0b is on both sides; "));
	assert_int_equal(comparison_allowed(&same, 1, &same, 1, NULL, 0, &why), -EINVAL);
	assert_non_null(strstr(why.text, "run 0a0a0a0a is on both sides; "));
}

/* Hosts are not boots, also where all that is known of them is equal. */
static void allowed_other_host_refused(void **state)
{
	struct allowed *f = *state;
	const struct report *a[] = { &f->a, &f->b }, *third;
	struct reason why = { "" };
	const char *host = "host";
	struct report c;

	one_cell(&c, "0c0c0c0c", 3, "a", 2, old);
	third = &c;
	snprintf(f->a.data.host_id, sizeof(f->a.data.host_id), "1111");
	snprintf(f->b.data.host_id, sizeof(f->b.data.host_id), "2222");
	snprintf(c.data.host_id, sizeof(c.data.host_id), "1111");
	assert_int_equal(allowed(f, NULL, &why), -EINVAL);
	assert_non_null(strstr(why.text, "1 key: host (1111 -> 2222); "));
	assert_non_null(strstr(why.text, ", add --across host"));
	snprintf(f->a.data.run.host, sizeof(f->a.data.run.host), "left");
	snprintf(f->b.data.run.host, sizeof(f->b.data.run.host), "right");
	assert_int_equal(allowed(f, "kernel", &why), -EINVAL);
	assert_non_null(strstr(why.text, "host (left -> right)"));
	assert_int_equal(allowed(f, "host", &why), 0);
	/* Within a side, too. */
	assert_int_equal(comparison_allowed(a, 2, &third, 1, NULL, 0, &why), -EINVAL);
	assert_int_equal(comparison_allowed(&third, 1, a, 2, NULL, 0, &why), -EINVAL);
	assert_int_equal(comparison_allowed(a, 2, &third, 1, &host, 1, &why), 0);
	report_free(&c);
}

/* What to paste: the fewest words. */
static void allowed_refusal_prints_the_option(void **state)
{
	static const struct {
		const char *a, *b, *option;
	} cases[] = {
		{ "{}", "{\"governor\": 1}", "governor" },
		{ "{}", "{\"kernel\": 1}", "kernel" },
		{ "{}", "{\"kernel_build\": 1}", "kernel_build" },
		{ "{}", "{\"kernel\": 1, \"kernel_build\": 1}", "kernel" },
		{ "{}", "{\"kernel\": 1, \"mitigation_mds\": 1}", "kernel" },
		{ "{}", "{\"mitigation_mds\": 1, \"mitigation_l1tf\": 1}", "mitigations" },
		{ "{}", "{\"kernel\": 1, \"kernel_build\": 1, \"governor\": 1}",
		  "kernel,governor" },
		{ "{}", "{\"mitigation_mds\": 1, \"governor\": 1}", "governor,mitigation_mds" },
		{ "{}", "{\"microcode\": 1, \"topology\": 1, \"kernel\": 1, \"kernel_build\": 1}",
		  "kernel,host" },
	};
	struct allowed *f = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		char want[96];
		struct reason why;

		set_environment(&f->a, cases[i].a);
		set_environment(&f->b, cases[i].b);
		snprintf(want, sizeof(want), "; if that is the question, add --across %s",
			 cases[i].option);
		assert_int_equal(allowed(f, NULL, &why), -EINVAL);
		if (strlen(why.text) < strlen(want) ||
		    strcmp(why.text + strlen(why.text) - strlen(want), want))
			fail_msg("'%s' does not end in '%s'", why.text, want);
	}
}

/* The option covers what every run differs in, not the first one alone. */
static void allowed_several_runs_one_option(void **state)
{
	struct allowed *f = *state;
	const struct report *a = &f->a, *b[2] = { &f->b };
	const char *across[] = { "governor", "ksm" };
	struct reason why = { "" };
	struct report c;

	one_cell(&c, "0c0c0c0c", 3, "a", 2, old);
	b[1] = &c;
	set_environment(&f->a, "{\"governor\": 1, \"ksm\": 1}");
	set_environment(&f->b, "{\"governor\": 2, \"ksm\": 1}");
	set_environment(&c, "{\"governor\": 3, \"ksm\": 2}");
	assert_int_equal(comparison_allowed(&a, 1, b, 2, NULL, 0, &why), -EINVAL);
	assert_non_null(strstr(why.text, "of 0a0a0a0a and 0b0b0b0b and 1 more differ in 2 keys: "
					 "governor (1 -> 2); ksm (1 -> 2); "));
	assert_non_null(strstr(why.text, "add --across governor,ksm"));
	assert_int_equal(comparison_allowed(&a, 1, b, 2, across, 2, &why), 0);
	report_free(&c);
}

/* Many keys with long values: the line keeps its end. */
static void allowed_many_keys_option_is_whole(void **state)
{
	struct allowed *f = *state;
	json_t *a = json_object(), *b = json_object();
	struct reason why;

	for (int i = 0; i < 90; i++) {
		char key[32];

		snprintf(key, sizeof(key), i < 30 ? "cpu_%d" : i < 60 ? "thp_%d" : "key_%d", i);
		json_object_set_new(a, key,
				    json_string("0123456789012345678901234567890123456789"));
		json_object_set_new(b, key,
				    json_string("9876543210987654321098765432109876543210"));
	}
	for (int pass = 0; pass < 2; pass++) {
		char *one = must(json_dumps(a, 0)), *other = must(json_dumps(b, 0));

		set_environment(&f->a, one);
		set_environment(&f->b, other);
		free(one);
		free(other);
		assert_int_equal(allowed(f, NULL, &why), -EINVAL);
		assert_non_null(
			strstr(why.text, pass ? "differ in 190 keys: " : "differ in 90 keys: "));
		assert_non_null(strstr(why.text, "; ...; if that is the question, add --across "));
		/* So many words that they do not fit. */
		assert_true(!!strstr(why.text, "add --across '*'") == pass);
		assert_true(!!strstr(why.text, ",key_89") == !pass);
		for (int i = 0; i < 100; i++) {
			char key[32];

			snprintf(key, sizeof(key), "other_key_%d", i);
			json_object_set_new(b, key, json_integer(i));
		}
	}
	json_decref(a);
	json_decref(b);
}

/* Of memory and command line a kernel changes a part: as much is its group's, more is not. */
static void allowed_kernel_part_of_a_key(void **state)
{
	static const struct {
		const char *a, *b;
		int want;
	} cases[] = {
		{ "{\"memory_mib\": 973}", "{\"memory_mib\": 968}", 0 },
		{ "{\"memory_mib\": 968}", "{\"memory_mib\": 973}", 0 },
		{ "{\"memory_mib\": 24105}", "{\"memory_mib\": 23500}", 0 },
		{ "{\"memory_mib\": 973}", "{\"memory_mib\": 2000}", -EINVAL },
		{ "{\"memory_mib\": 973}", "{\"memory_mib\": 900}", -EINVAL },
		{ "{\"memory_mib\": 973}", "{\"memory_mib\": null}", -EINVAL },
		{ "{\"command_line\": \"BOOT_IMAGE=/vmlinuz-6.1 root=/dev/vda1 quiet\"}",
		  "{\"command_line\": \"BOOT_IMAGE=/vmlinuz-6.12 root=/dev/vda1 quiet\"}", 0 },
		{ "{\"command_line\": \"root=/dev/vda1  quiet initrd=/initrd-6.1\"}",
		  "{\"command_line\": \"BOOT_IMAGE=/vmlinuz-6.12 root=/dev/vda1 quiet \"}", 0 },
		{ "{\"command_line\": \"BOOT_IMAGE=/vmlinuz-6.1 root=/dev/vda1\"}",
		  "{\"command_line\": \"BOOT_IMAGE=/vmlinuz-6.12 root=/dev/vda1 quiet\"}",
		  -EINVAL },
		{ "{\"command_line\": \"BOOT_IMAGE=/vmlinuz-6.1 quiet\"}",
		  "{\"command_line\": \"BOOT_IMAGE=/vmlinuz-6.12 quiet1\"}", -EINVAL },
		{ "{\"command_line\": \"quiet\"}", "{\"command_line\": null}", -EINVAL },
	};
	struct allowed *f = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct reason why;

		set_environment(&f->a, cases[i].a);
		set_environment(&f->b, cases[i].b);
		assert_int_equal(allowed(f, NULL, &why), -EINVAL);
		if (allowed(f, "kernel", &why) != cases[i].want)
			fail_msg("case %zu: '%s'", i, why.text);
	}
}

/* All in which the kernels of Debian 12 and 13 differ in the lanes. */
static void allowed_two_kernels_of_the_lanes(void **state)
{
	struct allowed *f = *state;
	struct reason why;

	set_environment(&f->a,
			"{\"cpuidle_max_cstate\": null, \"kernel\": \"6.1.0-57-cloud-amd64\","
			"\"kernel_build\": \"6.1.192-3\", \"memory_mib\": 973,"
			"\"mitigation_spec_rstack_overflow\": \"Vulnerable, no microcode\","
			"\"sched_autogroup\": 0, \"thp_2m_enabled\": null}");
	set_environment(&f->b,
			"{\"cpuidle_max_cstate\": 9, \"kernel\": \"6.12.117+deb12-cloud-amd64\","
			"\"kernel_build\": \"6.12.117-1\", \"memory_mib\": 968,"
			"\"mitigation_spec_rstack_overflow\": \"Vulnerable\","
			"\"sched_autogroup\": 1, \"thp_2m_enabled\": \"inherit\"}");
	assert_int_equal(allowed(f, "kernel", &why), 0);
	assert_int_equal(allowed(f, NULL, &why), -EINVAL);
	assert_non_null(strstr(why.text, "differ in 7 keys: "));
	assert_string_equal(why.text + strlen(why.text) - strlen("add --across kernel"),
			    "add --across kernel");
}

#define ALLOWED(f) cmocka_unit_test_setup_teardown(f, set_up_allowed, tear_down_allowed)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paired),
		cmocka_unit_test(test_difference_decides),
		cmocka_unit_test(test_equivalent),
		cmocka_unit_test(test_few_invocations),
		cmocka_unit_test(test_no_such_arms),
		cmocka_unit_test(test_weakest_kind),
		cmocka_unit_test(test_fatal_arm),
		cmocka_unit_test(test_adjusted),
		cmocka_unit_test(test_adjusted_steps),
		cmocka_unit_test(test_two_runs),
		cmocka_unit_test(test_two_runs_few),
		cmocka_unit_test(comparison_judge_fatal_and_trivial_rows_left_out),
		cmocka_unit_test(comparison_by_outlying_process_named),
		cmocka_unit_test(test_boots),
		cmocka_unit_test(comparison_runs_single_boots_inconclusive),
		cmocka_unit_test(test_one_side_only),
		cmocka_unit_test(test_nothing_in_common),
		cmocka_unit_test(test_cell_twice),
		cmocka_unit_test(test_fatal_runs),
		cmocka_unit_test(test_sequential),
		cmocka_unit_test(comparison_runs_overlapping_not_sequential),
		cmocka_unit_test(effect_new_run_cases_rounds),
		ALLOWED(test_allowed),
		ALLOWED(test_never_allowed),
		ALLOWED(test_other_benchmark),
		ALLOWED(test_environments),
		ALLOWED(test_environment_keys),
		ALLOWED(test_missing_key),
		ALLOWED(test_within_a_side),
		ALLOWED(allowed_run_on_both_sides_refused),
		ALLOWED(allowed_other_host_refused),
		ALLOWED(allowed_refusal_prints_the_option),
		ALLOWED(allowed_several_runs_one_option),
		ALLOWED(allowed_many_keys_option_is_whole),
		ALLOWED(allowed_kernel_part_of_a_key),
		ALLOWED(allowed_two_kernels_of_the_lanes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
