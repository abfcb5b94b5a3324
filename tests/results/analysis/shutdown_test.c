// SPDX-License-Identifier: GPL-2.0-or-later
/* The arms of a shutdown, from reports made in memory: what is set against what, and what is refused. */
#include "tests/results/analysis/close_to.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results/analysis/shutdown.h"

#define MAX_CELLS 8
#define ROUNDS	  8
#define MIB	  (1ul << 20)

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static void begin_run(struct report *r)
{
	struct store_run_data *d = &r->data;

	*r = (struct report){ 0 };
	snprintf(d->run.uuid, sizeof(d->run.uuid), "0a0a0a0a");
	d->run.lane = LANE_HOST;
	d->run.clock = CLOCK_UNIT_NS;
	d->cells = must(calloc(MAX_CELLS, sizeof(*d->cells)));
	d->metrics = must(calloc(2, sizeof(*d->metrics)));
	d->n_metrics = 2;
	d->metrics[0] =
		(struct store_metric_row){ "teardown", "time", "duration", "4 KiB page", 1, 0 };
	d->metrics[1] = (struct store_metric_row){ "vm", "time", "duration", "VM", 1, 0 };
	r->cells = must(calloc(MAX_CELLS, sizeof(*r->cells)));
	r->ds = must(dataset_new());
}

static struct report_cell *add_cell(struct report *r, bool replay, const char *quirk)
{
	struct store_cell_row *row = &r->data.cells[r->n_cells];
	struct report_cell *c = &r->cells[r->n_cells++];

	r->data.n_cells++;
	snprintf(row->benchmark, sizeof(row->benchmark), replay ? "teardown" : "vm");
	row->version = 1;
	row->arm_group = !replay;
	for (struct report_cell *at = r->cells; at < c; at++)
		row->arm += at->row->arm_group == row->arm_group;
	row->kind = replay ? KIND_ANALOGUE : KIND_MEASURED;
	*c = (struct report_cell){ .row = row, .metric = &r->data.metrics[!replay], .nodes = 1 };
	c->factors =
		must(replay ? json_pack("{s:s, s:s, s:s, s:s, s:s}", "quirk", quirk, "size", "1M",
					"backing", "4k", "leaf", "4K", "path", "dynamic")
			    : json_pack("{s:s, s:s, s:s, s:s, s:s}", "quirk", quirk, "size", "1M",
					"mem", "anon", "type", "plain", "exit", "ordered"));
	return c;
}

/* Each arm's time per unit of work, a little more in each round, in one process per benchmark. */
static void end_run(struct report *r, const unsigned *ns)
{
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned group = 0; group < 2; group++) {
			struct sample s[MAX_CELLS];
			size_t n = 0;

			for (size_t i = 0; i < r->n_cells; i++) {
				const struct store_cell_row *row = r->cells[i].row;

				if (row->arm_group != group)
					continue;
				s[n] = (struct sample){ .seq = (uint32_t)n,
							.arm = row->arm,
							.ticks = ns[i] + round * ns[i] / 1000,
							.work = 1 };
				n++;
			}
			if (n)
				assert_int_equal(dataset_add(r->ds, group, round, s, n, 0, 1), 0);
		}
	for (size_t i = 0; i < r->n_cells; i++) {
		struct report_cell *c = &r->cells[i];

		c->has_data =
			!dataset_arm(r->ds, c->row->arm_group, c->row->arm, REPORT_CONF, &c->sum);
	}
}

enum { ON, OFF, VM_ON, PLAIN };
static const unsigned usual[] = { 4000, 3000, 600000, 300000 };

static void whole_case(struct report *r)
{
	begin_run(r);
	add_cell(r, true, "on");
	add_cell(r, true, "off");
	add_cell(r, false, "on");
	add_cell(r, false, "none");
}

static int make(struct report *r, struct shutdown *s, struct comparison *c, struct reason *why)
{
	const struct report *runs[] = { r };

	*why = (struct reason){ "" };
	return shutdown_make(runs, 1, 0.01, s, c, why);
}

static void refused(struct report *r, int err, const char *word)
{
	struct comparison c;
	struct shutdown s;
	struct reason why;

	end_run(r, usual);
	assert_int_equal(make(r, &s, &c, &why), err);
	if (!strstr(why.text, word))
		fail_msg("'%s' lacks '%s'", why.text, word);
	assert_null(s.arms);
	assert_null(c.rows);
	report_free(r);
}

static void set(struct report_cell *c, const char *factor, const char *level)
{
	json_object_set_new(c->factors, factor, json_string(level));
}

static void test_rows(void **state)
{
	const struct comparison_row *saved;
	struct comparison c;
	struct shutdown s;
	struct reason why;
	struct report r;

	(void)state;
	whole_case(&r);
	end_run(&r, usual);
	assert_int_equal(make(&r, &s, &c, &why), 0);
	assert_int_equal(s.n_arms, 4);
	assert_int_equal(shutdown_next(&s, 0), 4);
	/* off against on; on, off and the VM's on against the plain VM. */
	assert_int_equal(c.n_rows, 4);
	assert_true(s.arms[ON].against_on < 0 && s.arms[PLAIN].against_plain < 0);
	saved = &c.rows[s.arms[OFF].against_on];
	assert_int_equal(saved->pairing, PAIRED_BLOCKS);
	assert_int_equal(saved->diff.n, ROUNDS);
	/* The mean of rounds 0 to 7 is 1.0035 times the first; 256 pages of 4 KiB. */
	assert_close(saved->diff.value, -1000 * 1.0035 * 256, 1e-6);
	assert_close(saved->ratio.value, log(0.75), 1e-12);
	assert_int_equal(saved->verdict.verdict, VERDICT_FASTER);
	assert_int_equal(saved->kind, KIND_ANALOGUE);
	assert_close(s.arms[ON].side.level, 4000 * 1.0035 * 256, 1e-6);
	assert_close(s.arms[PLAIN].side.level, 300000 * 1.0035, 1e-6);
	assert_int_equal(c.rows[s.arms[ON].against_plain].pairing, PAIRED_ROUNDS);
	assert_close(c.rows[s.arms[ON].against_plain].diff.value, (4000 * 256 - 300000) * 1.0035,
		     1e-3);
	assert_int_equal(c.rows[s.arms[VM_ON].against_plain].pairing, PAIRED_BLOCKS);
	assert_int_equal(c.rows[s.arms[VM_ON].against_plain].kind, KIND_MEASURED);
	comparison_free(&c);
	shutdown_free(&s);
	report_free(&r);
}

/* Without SEAMCALLs a replay is a lower bound: that it is shorter than a VM's end decides nothing. */
static void test_lower_bound(void **state)
{
	static const unsigned shorter[] = { 400, 300, 600000, 300000 };
	static const struct {
		const char *seam;
		enum verdict verdict;
	} cases[] = { { "0", VERDICT_INCONCLUSIVE }, { "1000", VERDICT_FASTER } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct comparison c;
		struct shutdown s;
		struct reason why;
		struct report r;

		whole_case(&r);
		set(&r.cells[ON], "seam", cases[i].seam);
		set(&r.cells[OFF], "seam", cases[i].seam);
		end_run(&r, shorter);
		assert_int_equal(make(&r, &s, &c, &why), 0);
		assert_int_equal(c.rows[s.arms[ON].against_plain].verdict.verdict,
				 cases[i].verdict);
		assert_int_equal(c.rows[s.arms[OFF].against_on].verdict.verdict, VERDICT_FASTER);
		assert_int_equal(c.rows[s.arms[VM_ON].against_plain].verdict.verdict,
				 VERDICT_SLOWER);
		comparison_free(&c);
		shutdown_free(&s);
		report_free(&r);
	}
}

/* The other way in which teardown may tell its time. */
static void test_per_teardown(void **state)
{
	struct comparison c;
	struct shutdown s;
	struct reason why;
	struct report r;

	(void)state;
	whole_case(&r);
	snprintf(r.data.metrics[0].per, sizeof(r.data.metrics[0].per), "teardown");
	end_run(&r, usual);
	assert_int_equal(make(&r, &s, &c, &why), 0);
	assert_close(s.arms[ON].units, 1, 0);
	comparison_free(&c);
	shutdown_free(&s);
	report_free(&r);
	whole_case(&r);
	snprintf(r.data.metrics[0].per, sizeof(r.data.metrics[0].per), "moon");
	refused(&r, -EINVAL, "per moon");
}

static void test_other_memory(void **state)
{
	struct report r;

	(void)state;
	whole_case(&r);
	set(&r.cells[PLAIN], "size", "2M");
	refused(&r, -EINVAL, "differ in size: 1M of the replay");
	whole_case(&r);
	set(&r.cells[VM_ON], "mem", "hugetlb");
	set(&r.cells[PLAIN], "mem", "hugetlb");
	refused(&r, -EINVAL, "differ in backing: base pages of the replay");
	whole_case(&r);
	set(&r.cells[ON], "leaf", "2M");
	set(&r.cells[OFF], "leaf", "2M");
	refused(&r, -EINVAL, "differ in page size: 2M of the replay");
	whole_case(&r);
	r.cells[PLAIN].nodes = r.cells[VM_ON].nodes = 2;
	refused(&r, -EINVAL, "differ in NUMA node: 0 of the replay");
	/* Some of the time is not all of it. */
	whole_case(&r);
	r.cells[ON].nodes = r.cells[OFF].nodes = 3;
	refused(&r, -EINVAL, "differ in NUMA node: 0,1 of the replay");
	/* Also of an arm that is not the plain VM. */
	whole_case(&r);
	set(&r.cells[VM_ON], "size", "2M");
	refused(&r, -EINVAL, "differ in size: 2M of the VM");
	whole_case(&r);
	set(&r.cells[ON], "backing", "clay");
	refused(&r, -EINVAL, "does not say what its memory was");
}

static void test_missing(void **state)
{
	static const char *const words[] = { [ON] = "no replay with quirk=on",
					     [OFF] = "no replay with quirk=off",
					     [PLAIN] = "no plain VM" };
	struct report r;

	(void)state;
	for (unsigned gone = ON; gone <= PLAIN; gone++) {
		if (!words[gone])
			continue;
		whole_case(&r);
		snprintf(r.data.cells[gone].benchmark, 32, "null");
		refused(&r, -ENOENT, words[gone]);
	}
	whole_case(&r);
	set(&r.cells[ON], "leave_out", "kick");
	refused(&r, -ENOENT, "no replay with quirk=on");
	/* Both modes, but not of the same shutdown. */
	whole_case(&r);
	set(&r.cells[OFF], "path", "teardown");
	refused(&r, -ENOENT, "has no arm with quirk=off in its processes");
}

static void test_texts(void **state)
{
	const struct shutdown_memory m = { 64 * MIB, "base pages", 4096, 5 };
	char buf[320];

	(void)state;
	assert_string_equal(shutdown_memory_text(&m, buf, sizeof(buf)),
			    "64M in base pages, page size 4K, node 0,2");
	assert_string_equal(shutdown_nodes_text(0, buf, sizeof(buf)), "unknown");
	assert_string_equal(shutdown_nodes_text(1ull << 63, buf, sizeof(buf)), "63+");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),	     cmocka_unit_test(test_lower_bound),
		cmocka_unit_test(test_per_teardown), cmocka_unit_test(test_other_memory),
		cmocka_unit_test(test_missing),	     cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
