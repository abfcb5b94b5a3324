// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The benchmark topup on its caches: which cells there are, that every variant is given the same
 * work and loses no page, and which values of a pass are told. The caches have tests of their own.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bench/list.h"
#include "bench/ops/topup_series.h"
#include "harness/measure/design.h"

#define SETTINGS   8
#define MAX_SERIES 64
#define NO_SERIES  -2

static struct machine machine;

/* What the sampler would have kept of one sample. */
static struct {
	char name[MAX_SERIES][64]; /* "METRIC SUBJECT" */
	int n;
	double value[MAX_SERIES];
	unsigned given[MAX_SERIES];
} seen;

void __wrap_bench_value(struct bench_values *out, int series, double value);

void __wrap_bench_value(struct bench_values *out, int series, double value)
{
	(void)out;
	if (series < 0)
		return;
	seen.value[series] = value;
	seen.given[series]++;
}

static int new_series(struct bench_ctx *ctx, unsigned metric, const char *subject)
{
	(void)ctx;
	assert_in_range(metric, 1, TOPUP_M_MAX - 1);
	assert_true(seen.n < MAX_SERIES);
	snprintf(seen.name[seen.n], sizeof(seen.name[0]), "%s %s", topup_metrics[metric].name,
		 subject);
	for (int i = 0; i < seen.n; i++)
		assert_string_not_equal(seen.name[i], seen.name[seen.n]);
	return seen.n++;
}

/* The value of the sample just taken; -1 where there is none. */
static double value(const char *name)
{
	for (int i = 0; i < seen.n; i++)
		if (!strcmp(seen.name[i], name))
			return seen.given[i] ? seen.value[i] : -1;
	return NO_SERIES;
}

static int open_machine(void **state)
{
	struct reason why = { "" };

	(void)state;
	return machine_open(&machine, &why);
}

static int close_machine(void **state)
{
	(void)state;
	machine_close(&machine);
	return 0;
}

static size_t count(const char *const *settings)
{
	size_t n = 0;

	while (n < SETTINGS && settings[n])
		n++;
	return n;
}

static void descriptor_is_sound(void **state)
{
	struct reason why = { "" };
	size_t variants = 0;

	(void)state;
	if (bench_check(&topup_bench, &why))
		fail_msg("%s", why.text);
	/* Levels are the core's, in its order, and the loop alone. */
	while (topup_bench.factors[1].levels[variants].name)
		variants++;
	assert_int_equal(variants, TOPUP_VARIANTS + 1);
	for (unsigned i = 0; i < TOPUP_VARIANTS; i++)
		assert_string_equal(topup_bench.factors[1].levels[i].name, topup_variants[i].name);
	for (unsigned i = 0; i < TOPUP_LOADS; i++)
		assert_string_equal(topup_bench.factors[2].levels[i].name, topup_load_names[i]);
}

static const struct {
	const char *settings[SETTINGS];
	const char *culprit; /* in the reason */
} skipped[] = {
	{ { "split=whole", NULL }, "split=whole" },
	{ { "range=32", NULL }, "range=32" },
	{ { "hold=100", NULL }, "hold=100" },
	{ { "pamt=lock", NULL }, "pamt=lock" },
	{ { "by=vcpu", NULL }, "by=vcpu" },
	{ { "work=split", "load=burst", NULL }, "load=burst" },
	{ { "work=split", "by=vcpu", "variant=split_cache", NULL }, "by=vcpu" },
	{ { "work=split", "ops=100", NULL }, "range=16" },
	{ { "work=split", "range=1024", NULL }, "range=1024" },
	{ { "work=split", "hold=10000000", NULL }, "hold=10000000" },
	{ { "work=pamt", "variant=kvm_array", NULL }, "kvm_array" },
	{ { "work=pamt", "variant=none", NULL }, "none" },
	{ { "work=pamt", "variant=direct", "load=cold", NULL }, "load=cold" },
	{ { "work=pamt", "variant=direct", "indirect=on", NULL }, "indirect=on" },
	{ { "ops=100000", NULL }, "ops=100000" },
	{ { "threads=4000", NULL }, "threads=4000" },
	{ { "source=mmap", "ops=65536", NULL }, "ops=65536" },
};

static void what_cannot_run_is_skipped_with_a_reason(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(skipped) / sizeof(skipped[0]); i++) {
		struct reason why = { "" };
		struct plan plan = { 0 };

		if (plan_add(&plan, &machine, &topup_bench, skipped[i].settings,
			     count(skipped[i].settings), &why))
			fail_msg("%s", why.text);
		for (size_t c = 0; c < plan.n_cells; c++) {
			assert_int_equal(plan.cells[c].state, CELL_SKIPPED);
			if (!strstr(plan.cells[c].reason.text, skipped[i].culprit))
				fail_msg("%s: %s", skipped[i].culprit, plan.cells[c].reason.text);
		}
		plan_free(&plan);
	}
}

static const struct {
	const char *settings[SETTINGS];
	enum kind kind;
} kinds[] = {
	{ { "variant=kvm_array", NULL }, KIND_MEASURED },
	{ { "source=mmap", NULL }, KIND_ANALOGUE },
	{ { "work=split", "ops=64", NULL }, KIND_MEASURED },
	/* A constant is added: what else stands in is not said. */
	{ { "work=split", "hold=2000", "ops=64", NULL }, KIND_MODELLED },
	{ { "work=split", "hold=2000", "source=mmap", "ops=64", NULL }, KIND_MODELLED },
	{ { "work=pamt", "variant=direct", "hold=1", NULL }, KIND_MODELLED },
	/* No pair is reset before it is freed. */
	{ { "work=pamt", "variant=direct", NULL }, KIND_ANALOGUE },
};

static void a_figure_says_of_which_kind_it_is(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct reason why = { "" };
		struct plan plan = { 0 };

		assert_int_equal(plan_add(&plan, &machine, &topup_bench, kinds[i].settings,
					  count(kinds[i].settings), &why),
				 0);
		assert_int_equal(topup_bench.kind(&machine, plan.groups[0].arms, &why),
				 kinds[i].kind);
		assert_int_equal(*why.text != 0, kinds[i].kind != KIND_MEASURED);
		plan_free(&plan);
	}
}

/* ---- whole groups ---- */

#define ALL_VARIANTS                                                         \
	"variant=kvm_array,tdx_prealloc,pamt_cache,split_cache,split_batch," \
	"per_vcpu_or_vm,direct,none"

static const char *const groups[][SETTINGS] = {
	{ ALL_VARIANTS, "load=steady,burst", "indirect=off,on", "ops=600", NULL },
	{ ALL_VARIANTS, "load=cold", "threads=all", "vms=one,each", "ops=64", NULL },
	{ ALL_VARIANTS, "source=mmap", "ops=64", NULL },
	{ "work=split", ALL_VARIANTS, "split=repeat,whole", "range=1,16", "ops=64", NULL },
	{ "work=split", ALL_VARIANTS, "split=repeat,whole", "threads=all", "vms=one,each", "ops=64",
	  "hold=0,100", NULL },
	{ "work=split", "variant=per_vcpu_or_vm", "by=vcpu,vm", "threads=all", "ops=64", NULL },
	{ "work=split", "variant=kvm_array,split_cache", "source=mmap", "ops=64", NULL },
	{ "work=pamt", "variant=pamt_cache,direct", "pamt=fast,lock", "load=steady,burst",
	  "threads=1,all", "ops=600", NULL },
	{ "work=pamt", "variant=pamt_cache,direct", "pamt=fast,lock", "vms=each", "threads=all",
	  "ops=64", "hold=100", NULL },
};

static struct bench_ctx make_ctx(const struct arm_group *g)
{
	seen.n = 0;
	return (struct bench_ctx){ .machine = &machine,
				   .arms = g->arms,
				   .n_arms = g->n_arms,
				   .cpu = 0,
				   .seed = 1,
				   .facts = json_object(),
				   .series = new_series };
}

static void work_through(const struct arm_group *g)
{
	struct bench_ctx ctx = make_ctx(g);
	struct reason why = { "" };
	void *s;

	if (topup_bench.setup(&ctx, &s, &why))
		fail_msg("%s", why.text);
	for (unsigned round = 0; round < 3; round++)
		for (unsigned arm = 0; arm < ctx.n_arms; arm++) {
			if (topup_bench.verify(s, arm, &why))
				fail_msg("arm %u: %s", arm, why.text);
			topup_bench.prepare(s, arm);
			assert_true(topup_bench.sample(s, arm, 1) > 0);
			memset(seen.given, 0, sizeof(seen.given));
			topup_bench.values(s, arm, NULL);
			/* A sample has room for one value of each series. */
			for (int i = 0; i < seen.n; i++)
				assert_in_range(seen.given[i], 0, 1);
		}
	if (topup_bench.finish(s, &why))
		fail_msg("%s", why.text);
	topup_bench.teardown(s);
	json_decref(ctx.facts);
}

static void every_arm_does_its_work_and_loses_no_page(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		struct reason why = { "" };
		struct plan plan = { 0 };

		if (plan_add(&plan, &machine, &topup_bench, groups[i], count(groups[i]), &why))
			fail_msg("%s", why.text);
		assert_true(plan.n_groups > 0);
		for (size_t g = 0; g < plan.n_groups; g++)
			work_through(&plan.groups[g]);
		plan_free(&plan);
	}
}

/* ---- the values of one pass, by hand ---- */

/* One value of one arm, behind one timed pass from empty caches. */
static const struct {
	const char *settings[SETTINGS];
	const char *name;
	double value;
} values[] = {
	/* 64 faults take 64 S-EPT and 130 PAMT pages. The pass behind them goes on where they ended. */
	{ { "variant=tdx_prealloc", "ops=64", NULL }, "pages p50", 3 },
	{ { "variant=tdx_prealloc", "ops=64", NULL }, "idle peak", 15 },
	{ { "variant=tdx_prealloc", "ops=64", NULL }, "idle end", 12 },
	{ { "variant=pamt_cache", "ops=64", NULL }, "pages p50", 2 },
	{ { "variant=kvm_array", "ops=64", NULL }, "pages p50", 0 },
	{ { "variant=kvm_array", "ops=64", NULL }, "pages max", 36 },
	{ { "variant=direct", "ops=64", NULL }, "pages max", 0 },
	{ { "variant=direct", "ops=64", NULL }, "idle peak", 0 },
	/* Of the VM, not of the schedule: a fault's own, freed behind it, and what is held ready. */
	{ { "variant=direct", "ops=64", NULL }, "peak pages", 5 },
	{ { "variant=direct", "ops=1024", NULL }, "peak pages", 5 },
	{ { "variant=tdx_prealloc", "ops=64", NULL }, "peak pages", 15 },
	{ { "work=split", "variant=direct", "ops=64", "range=64", NULL },
	  "peak pages",
	  64 * 3 + 2 },
	{ { "variant=direct", "ops=64", NULL }, "rounds mmu", 1 },
	{ { "variant=none", "ops=64", NULL }, "rounds mmu", -1 },
	/* Of pages where none is allocated there is nothing to tell. */
	{ { "variant=direct", "ops=64", NULL }, "topup_page p50", -1 },
	{ { "variant=kvm_array", "ops=64", NULL }, "rounds pamt", NO_SERIES },
	/* Each split finds the cache short, but for pairs that the one before left. */
	{ { "work=split", "variant=tdx_prealloc", "ops=64", NULL }, "idle peak", 5 },
	{ { "work=split", "variant=direct", "ops=64", NULL }, "retries splits", 0 },
	{ { "work=split", "variant=direct", "ops=64", NULL }, "rounds mmu", 1. / 16 },
	{ { "work=split", "variant=direct", "ops=64", NULL }, "rounds split", 0 },
	{ { "work=split", "variant=per_vcpu_or_vm", "ops=64", NULL }, "rounds vm", 1. / 16 },
	{ { "work=split", "variant=per_vcpu_or_vm", "by=vcpu", "ops=64", NULL }, "rounds vm", 0 },
	{ { "work=split", "variant=split_cache", "ops=64", "split=whole", NULL },
	  "rounds mmu",
	  1. / 16 },
	{ { "work=split", "variant=tdx_prealloc", "ops=64", "split=whole", NULL },
	  "idle peak",
	  16 * 5 },
	/* An entry for each 512 pages, and the lock for its coming and going. */
	{ { "work=pamt", "variant=direct", "ops=1024", "load=burst", NULL },
	  "rounds pamt",
	  4. / 1024 },
	{ { "work=pamt", "variant=direct", "ops=1024", "load=burst", "pamt=lock", NULL },
	  "rounds pamt",
	  2 },
	{ { "work=pamt", "variant=direct", "ops=1024", "load=burst", NULL }, "peak pages", 4 },
	/* 10 pages are held; the first get takes 2, which are replaced before the next one. */
	{ { "work=pamt", "variant=pamt_cache", "ops=64", "load=burst", NULL }, "pages p50", 0 },
	{ { "work=pamt", "variant=pamt_cache", "ops=64", NULL }, "pages p50", 2 },
	{ { "work=pamt", "variant=direct", "ops=64", NULL }, "pages p50", -1 },
	{ { "work=pamt", "variant=pamt_cache", "ops=64", NULL }, "idle peak", 10 },
};

static double value_of(const struct arm_group *g, const char *name)
{
	struct bench_ctx ctx = make_ctx(g);
	struct reason why = { "" };
	double v;
	void *s;

	assert_int_equal(ctx.n_arms, 1);
	assert_int_equal(topup_bench.setup(&ctx, &s, &why), 0);
	topup_bench.prepare(s, 0);
	topup_bench.sample(s, 0, 1);
	memset(seen.given, 0, sizeof(seen.given));
	topup_bench.values(s, 0, NULL);
	v = value(name);
	topup_bench.teardown(s);
	json_decref(ctx.facts);
	return v;
}

static void values_of_a_pass_are_what_it_did(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct reason why = { "" };
		struct plan plan = { 0 };
		double v;

		assert_int_equal(plan_add(&plan, &machine, &topup_bench, values[i].settings,
					  count(values[i].settings), &why),
				 0);
		v = value_of(&plan.groups[0], values[i].name);
		if (v < values[i].value - 1e-9 || v > values[i].value + 1e-9)
			fail_msg("%u, %s: %g, not %g", i, values[i].name, v, values[i].value);
		plan_free(&plan);
	}
}

/* A clock read is longer than most of what is metered: nothing is metered inside another thing. */
static void no_pass_meters_one_thing_inside_another(void **state)
{
	static const unsigned nested[][2] = {
		{ TOPUP_METER_CALLS, TOPUP_METER_ALL & ~TOPUP_METER_CALLS },
		{ TOPUP_METER_GETS, TOPUP_METER_ALL & ~TOPUP_METER_GETS },
		{ TOPUP_METER_LOCK(TOPUP_LOCK_VM), TOPUP_METER_LOCK(TOPUP_LOCK_MMU) },
		{ TOPUP_METER_LOCK(TOPUP_LOCK_VM), TOPUP_METER_LOCK(TOPUP_LOCK_SPLIT) },
		{ TOPUP_METER_LOCK(TOPUP_LOCK_MMU), TOPUP_METER_LOCK(TOPUP_LOCK_SPLIT) },
	};

	(void)state;
	for (unsigned kind = 0; kind < TOPUP_KINDS; kind++)
		for (unsigned variant = 0; variant < TOPUP_VARIANTS; variant++) {
			struct topup_setting set = { .kind = kind, .variant = variant };
			unsigned meters, all = 0;

			for (unsigned i = 0; (meters = topup_series_pass(&set, i)); i++) {
				assert_int_equal(all & meters, 0);
				all |= meters;
				for (unsigned k = 0; k < sizeof(nested) / sizeof(nested[0]); k++)
					assert_false(meters & nested[k][0] &&
						     meters & nested[k][1]);
			}
			assert_true(all & TOPUP_METER_CALLS && all & TOPUP_METER_GETS);
			assert_int_equal(!!(all & TOPUP_METER_LOCK(TOPUP_LOCK_PAMT)),
					 kind == TOPUP_REFCOUNT);
			assert_int_equal(!!(all & TOPUP_METER_LOCK(TOPUP_LOCK_MMU)),
					 kind != TOPUP_REFCOUNT);
		}
}

static void quantiles_are_nearest_ranks(void **state)
{
	static const struct {
		size_t n;
		double share;
		size_t rank;
	} ranks[] = { { 1, 0.5, 0 },  { 1, 1, 0 },	 { 2, 0.5, 0 },	   { 3, 0.5, 1 },
		      { 10, 0.9, 8 }, { 100, 0.99, 98 }, { 50, 0.99, 49 }, { 7, 1, 6 } };

	(void)state;
	for (unsigned i = 0; i < sizeof(ranks) / sizeof(ranks[0]); i++)
		assert_int_equal(topup_rank(ranks[i].n, ranks[i].share), ranks[i].rank);
}

static unsigned pages_of_range(unsigned range)
{
	const struct topup_setting set = { .kind = TOPUP_SPLIT,
					   .variant = TOPUP_TDX_PREALLOC,
					   .threads = 1,
					   .ops = 1024,
					   .range = range };
	unsigned cpu = 0, used;
	struct reason why = { "" };
	struct topup_arm arm;
	struct team *team;

	topo_pick(machine.topo, TOPO_ONE, &cpu, 1);
	assert_int_equal(team_open(&team, machine.topo, &cpu, 1, &why), 0);
	assert_int_equal(topup_arm_open(&arm, &set, NULL), 0);
	topup_arm_ready(&arm, team, 0);
	team_go(team);
	assert_int_equal(topup_arm_check(&arm, &why), 0);
	used = arm.thread[0].hand.sept + arm.thread[0].hand.pamt;
	topup_arm_close(&arm);
	team_close(team);
	return used;
}

/* range is compared within a process: the work must not depend on it. */
static void a_range_of_any_length_is_the_same_work(void **state)
{
	static const unsigned ranges[] = { 1, 16, 512 };

	(void)state;
	/* An S-EPT page and a pair each, and for each 512th a pair more. */
	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		assert_int_equal(pages_of_range(ranges[i]), 1024 * 3 + 2 * 2);
}

/* Else VMs that share no region would contend for a line that holds the counts of several. */
static void no_two_vms_count_in_one_line(void **state)
{
	const struct topup_setting set = { .kind = TOPUP_REFCOUNT,
					   .variant = TOPUP_DIRECT,
					   .load = TOPUP_BURST,
					   .threads = 9,
					   .ops = 600,
					   .range = 16,
					   .vm_each = true };
	struct topup_arm arm;

	(void)state;
	assert_int_equal(topup_arm_open(&arm, &set, NULL), 0);
	assert_int_equal(arm.n_vms, set.threads);
	for (unsigned i = 0; i < set.threads; i++) {
		uintptr_t first = (uintptr_t)&arm.pamt.refcount[arm.thread[i].first_region];

		assert_int_equal(first % TOPUP_APART, 0);
		assert_int_equal((uintptr_t)&arm.thread[i] % TOPUP_APART, 0);
		assert_int_equal((uintptr_t)&arm.vm[i] % TOPUP_APART, 0);
		if (i)
			assert_true(arm.thread[i].first_region > arm.thread[i - 1].first_region);
	}
	topup_arm_close(&arm);
}

/* A page that is missing, or served to the wrong hand, must show. */
static void a_lost_page_is_found(void **state)
{
	struct topup_setting set = { .kind = TOPUP_FAULT, .threads = 1, .ops = 8, .range = 16 };
	struct reason why = { "" };
	struct team *team;
	struct topup_arm arm;
	unsigned cpu = 0;

	(void)state;
	topo_pick(machine.topo, TOPO_ONE, &cpu, 1);
	assert_int_equal(team_open(&team, machine.topo, &cpu, 1, &why), 0);
	assert_int_equal(topup_arm_open(&arm, &set, NULL), 0);
	topup_arm_ready(&arm, team, 0);
	team_go(team);
	assert_int_equal(topup_arm_check(&arm, &why), 0);
	arm.thread[0].hand.sept--;
	assert_int_equal(topup_arm_check(&arm, &why), -EFAULT);
	arm.thread[0].hand.sept++;
	arm.thread[0].source.tries++;
	assert_int_equal(topup_arm_check(&arm, &why), -EFAULT);
	assert_int_equal(topup_arm_drain(&arm, &why), -EFAULT);
	arm.thread[0].source.tries--;
	topup_arm_close(&arm);
	team_close(team);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptor_is_sound),
		cmocka_unit_test(what_cannot_run_is_skipped_with_a_reason),
		cmocka_unit_test(a_figure_says_of_which_kind_it_is),
		cmocka_unit_test(every_arm_does_its_work_and_loses_no_page),
		cmocka_unit_test(values_of_a_pass_are_what_it_did),
		cmocka_unit_test(no_pass_meters_one_thing_inside_another),
		cmocka_unit_test(quantiles_are_nearest_ranks),
		cmocka_unit_test(a_range_of_any_length_is_the_same_work),
		cmocka_unit_test(no_two_vms_count_in_one_line),
		cmocka_unit_test(a_lost_page_is_found),
	};

	return cmocka_run_group_tests(tests, open_machine, close_machine);
}
