// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * topup with mode=kernel, on a module that is played: which cells there are, what is asked of the
 * module, which values are told, and that a module that errs is found out.
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
#include "bench/ops/topup_kernel.h"
#include "harness/measure/design.h"
#include "tests/bench/kmod/fake_client.h"
#include "tests/harness/machine/tree.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define SETTINGS      8
#define MAX_SERIES    64
#define CGROUP	      "/proc/self/cgroup"
#define CHILD	      "/sys/fs/cgroup/child/"

static struct machine machine;
static const char *live_root;
static struct tree tree;

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
	return seen.n++;
}

static double value(const char *name)
{
	for (int i = 0; i < seen.n; i++)
		if (!strcmp(seen.name[i], name))
			return seen.given[i] ? seen.value[i] : -1;
	fail_msg("no series %s", name);
	return -1;
}

/* In a memory cgroup of its own, unless a test says otherwise. */
static int open_machine(void **state)
{
	struct reason why = { "" };

	(void)state;
	if (machine_open(&machine, &why))
		return -1;
	fake_reset(machine.topo);
	live_root = machine.root;
	tree_make(&tree);
	machine.root = tree.root;
	tree_write(&tree, CGROUP, "0::/child\n");
	tree_write(&tree, CHILD "memory.current", "4096\n");
	return 0;
}

static int close_machine(void **state)
{
	(void)state;
	machine.root = live_root;
	tree_remove(&tree);
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

static void make_plan(struct plan *plan, const char *const *settings)
{
	struct reason why = { "" };

	*plan = (struct plan){ 0 };
	if (plan_add(plan, &machine, &topup_bench, settings, count(settings), &why))
		fail_msg("%s", why.text);
}

static struct bench_ctx make_ctx(const struct arm_group *g)
{
	memset(&seen, 0, sizeof(seen));
	return (struct bench_ctx){ .machine = &machine,
				   .arms = g->arms,
				   .n_arms = g->n_arms,
				   .seed = 1,
				   .facts = json_object(),
				   .series = new_series };
}

static void assert_skipped(const char *const *settings, const char *culprit)
{
	struct plan plan;

	make_plan(&plan, settings);
	assert_true(plan.n_cells > 0);
	for (size_t c = 0; c < plan.n_cells; c++) {
		assert_int_equal(plan.cells[c].state, CELL_SKIPPED);
		if (!strstr(plan.cells[c].reason.text, culprit))
			fail_msg("lacks '%s': %s", culprit, plan.cells[c].reason.text);
	}
	plan_free(&plan);
}

static void what_cannot_run_is_skipped_with_a_reason(void **state)
{
	static const struct {
		const char *settings[SETTINGS];
		const char *culprit;
	} cases[] = {
		{ { "source=gfp_kernel", NULL }, "source=gfp_kernel is of mode=kernel" },
		{ { "mode=user", "source=gfp_atomic", NULL }, "take pool or mmap" },
		{ { "zero=on", NULL }, "zero=on is of mode=kernel" },
		{ { "mode=kernel", "source=pool", NULL }, "source=pool is of mode=user: take gfp" },
		{ { "mode=kernel", "source=mmap", NULL }, "gfp_kernel_account or gfp_atomic" },
		{ { "mode=kernel", "variant=none", NULL }, "variant=none is of mode=user" },
		{ { "mode=kernel", "work=pamt", "variant=kvm_array", NULL },
		  "pamt_cache or direct" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_skipped(cases[i].settings, cases[i].culprit);
	fake.missing = "there is no module today";
	assert_skipped((const char *const[]){ "mode=kernel", NULL }, "no module today");
}

/* An uncharged page of GFP_KERNEL_ACCOUNT costs what one of GFP_KERNEL does: it is not shown. */
static void what_nobody_is_charged_for_is_skipped(void **state)
{
	static const char *const accounted[] = { "mode=kernel", NULL };
	static const char *const plain[] = { "mode=kernel", "source=gfp_kernel", NULL };
	struct plan plan;

	(void)state;
	tree_write(&tree, CGROUP, "0::/\n");
	assert_skipped(accounted, "root memory cgroup");
	make_plan(&plan, plain);
	assert_int_equal(plan.n_groups, 1);
	plan_free(&plan);
}

/* The kernel tells the most that was charged, and it is nothing. */
static void a_charge_that_is_not_seen_stops_it(void **state)
{
	static const char *const settings[] = { "mode=kernel", "variant=direct", NULL };
	struct reason why = { "" };
	struct bench_ctx ctx;
	struct plan plan;
	void *s;

	(void)state;
	tree_write(&tree, CHILD "memory.peak", "4096\n");
	make_plan(&plan, settings);
	ctx = make_ctx(&plan.groups[0]);
	assert_int_equal(topup_bench.setup(&ctx, &s, &why), -EFAULT);
	if (!strstr(why.text, "2560 KiB were allocated"))
		fail_msg("%s", why.text);
	assert_int_equal(fake.opened, 0);
	json_decref(ctx.facts);
	plan_free(&plan);
}

/* The kernel's own locks and pages do not make a constant a measurement. */
static void a_hold_is_modelled(void **state)
{
	static const char *const settings[] = { "mode=kernel", "work=split", "hold=2000", NULL };
	struct reason why = { "" };
	struct plan plan;

	(void)state;
	make_plan(&plan, settings);
	assert_int_equal(topup_bench.kind(&machine, plan.groups[0].arms, &why), KIND_MODELLED);
	assert_non_null(strstr(why.text, "2000 ns"));
	plan_free(&plan);
}

static void too_long_a_hold_is_refused(void **state)
{
	static const char *const settings[] = { "mode=kernel", "work=split", "hold=1000000", NULL };
	struct reason why = { "" };
	struct bench_ctx ctx;
	struct plan plan;
	void *s;

	(void)state;
	make_plan(&plan, settings);
	ctx = make_ctx(&plan.groups[0]);
	assert_int_equal(topup_bench.setup(&ctx, &s, &why), -ENOTSUP);
	assert_non_null(strstr(why.text, "hold=1000000"));
	json_decref(ctx.facts);
	plan_free(&plan);
}

/* ---- whole groups ---- */

#define ALL_VARIANTS                                                         \
	"variant=kvm_array,tdx_prealloc,pamt_cache,split_cache,split_batch," \
	"per_vcpu_or_vm,direct"

static const char *const groups[][SETTINGS] = {
	{ "mode=kernel", ALL_VARIANTS, "load=steady,burst,cold", "indirect=off,on", "ops=300",
	  NULL },
	{ "mode=kernel", "source=gfp_kernel,gfp_kernel_account,gfp_atomic", "zero=off,on", "ops=64",
	  NULL },
	{ "mode=kernel", ALL_VARIANTS, "threads=all", "vms=one,each", "ops=64", NULL },
	{ "mode=kernel", "work=split", ALL_VARIANTS, "split=repeat,whole", "range=1,16", "ops=64",
	  NULL },
	{ "mode=kernel", "work=split", "variant=per_vcpu_or_vm", "by=vcpu,vm", "threads=all",
	  "ops=64", NULL },
	{ "mode=kernel", "work=pamt", "variant=pamt_cache,direct", "pamt=fast,lock",
	  "load=steady,burst", "vms=one,each", "threads=all", "ops=600" },
};

static void work_through(const struct arm_group *g)
{
	struct bench_ctx ctx = make_ctx(g);
	struct reason why = { "" };
	void *s;

	if (topup_bench.setup(&ctx, &s, &why))
		fail_msg("%s", why.text);
	for (unsigned arm = 0; arm < ctx.n_arms; arm++) {
		if (topup_bench.verify(s, arm, &why))
			fail_msg("arm %u: %s", arm, why.text);
		topup_bench.prepare(s, arm);
		assert_true(topup_bench.sample(s, arm, 1) > 0);
		/* The timed pass has no meters. */
		assert_int_equal(fake.topup.flags & TDCOST_TOPUP_TIMES, 0);
		assert_int_equal(fake.topup.meters, 0);
		memset(seen.given, 0, sizeof(seen.given));
		topup_bench.values(s, arm, NULL);
		assert_true(value("kernel_time loop") > 0);
		for (int i = 0; i < seen.n; i++)
			assert_in_range(seen.given[i], 0, 1);
	}
	if (topup_bench.finish(s, &why))
		fail_msg("%s", why.text);
	topup_bench.teardown(s);
	assert_int_equal(fake.opened, 0);
	json_decref(ctx.facts);
}

static void every_arm_does_its_work(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		struct reason why = { "" };
		struct plan plan;

		make_plan(&plan, groups[i]);
		assert_int_equal(plan.n_groups, 1);
		assert_int_equal(topup_bench.kind(&machine, plan.groups[0].arms, &why),
				 strcmp(groups[i][1], "work=pamt") ? KIND_MEASURED : KIND_ANALOGUE);
		work_through(&plan.groups[0]);
		plan_free(&plan);
	}
}

/* ---- what is asked, and what is told ---- */

/* A sample of the only arm, and its values. */
static void sample_of(const char *const *settings, struct tdcost_topup *call)
{
	struct reason why = { "" };
	struct bench_ctx ctx;
	struct plan plan;
	void *s;

	make_plan(&plan, settings);
	ctx = make_ctx(&plan.groups[0]);
	assert_int_equal(ctx.n_arms, 1);
	if (topup_bench.setup(&ctx, &s, &why))
		fail_msg("%s", why.text);
	fake.topup_files = 0;
	topup_bench.prepare(s, 0);
	topup_bench.sample(s, 0, 1);
	*call = fake.topup;
	topup_bench.values(s, 0, NULL);
	topup_bench.teardown(s);
	json_decref(ctx.facts);
	plan_free(&plan);
}

static void the_module_is_asked_for_what_the_cell_says(void **state)
{
	static const struct {
		const char *settings[SETTINGS];
		struct tdcost_topup call;
	} cases[] = {
		{ { "mode=kernel", "variant=kvm_array", NULL },
		  { .variant = TDCOST_KVM_ARRAY,
		    .source = TDCOST_GFP_KERNEL_ACCOUNT,
		    .work = TDCOST_FAULT_STEADY,
		    .flags = TDCOST_TOPUP_NO_VCPU,
		    .units = 1024 } },
		{ { "mode=kernel", "variant=direct", "source=gfp_atomic", "zero=on", "indirect=on",
		    "load=cold", "ops=7", NULL },
		  { .variant = TDCOST_DIRECT,
		    .source = TDCOST_GFP_ATOMIC,
		    .work = TDCOST_FAULT_COLD,
		    .flags = TDCOST_TOPUP_NO_VCPU | TDCOST_TOPUP_ZERO | TDCOST_TOPUP_INDIRECT,
		    .units = 7 } },
		{ { "mode=kernel", "work=split", "variant=per_vcpu_or_vm", "source=gfp_kernel",
		    "split=whole", "range=8", "ops=64", "by=vcpu" },
		  { .variant = TDCOST_PER_VCPU_OR_VM,
		    .source = TDCOST_GFP_KERNEL,
		    .work = TDCOST_SPLIT_WHOLE,
		    .splits = 8,
		    .units = 8 } },
		{ { "mode=kernel", "work=pamt", "variant=direct", "zero=on", NULL },
		  { .variant = TDCOST_DIRECT,
		    .source = TDCOST_GFP_KERNEL_ACCOUNT,
		    .work = TDCOST_PAMT_FAST,
		    .flags = TDCOST_TOPUP_ZERO,
		    .units = 1024 } },
		{ { "mode=kernel", "work=pamt", "variant=pamt_cache", "pamt=lock", "load=burst",
		    "ops=9", NULL },
		  { .variant = TDCOST_PAMT_CACHE,
		    .source = TDCOST_GFP_KERNEL_ACCOUNT,
		    .work = TDCOST_PAMT_LOCK,
		    .flags = TDCOST_TOPUP_BURST,
		    .units = 9 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tdcost_topup call;

		sample_of(cases[i].settings, &call);
		assert_memory_equal(&call, &cases[i].call, sizeof(call));
	}
}

/* And that is what is expected of it, however long the ranges are. */
static void a_range_of_any_length_uses_the_same_pages(void **state)
{
	static const unsigned ranges[] = { 1, 16, 512 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		const struct topup_setting set = { .kind = TOPUP_SPLIT, .range = ranges[i] };
		unsigned pages = 0;

		for (unsigned unit = 0; unit < 1024 / ranges[i]; unit++)
			pages += topup_kernel_used(&set, unit);
		assert_int_equal(pages, 1024 * 3 + 2 * 2);
	}
}

static void a_vm_is_an_open_file(void **state)
{
	unsigned cpus = topo_cpus(machine.topo) < 4 ? topo_cpus(machine.topo) : 4;
	struct tdcost_topup call;
	char threads[32];

	(void)state;
	snprintf(threads, sizeof(threads), "threads=%u", cpus);
	sample_of((const char *const[]){ "mode=kernel", "variant=direct", threads, "ops=8", NULL },
		  &call);
	assert_int_equal(fake.topup_files, 1);
	/* They begin together. */
	assert_int_equal(call.vcpus, cpus > 1 ? cpus : 0);
	sample_of((const char *const[]){ "mode=kernel", "variant=direct", threads, "ops=8",
					 "vms=each", NULL },
		  &call);
	assert_int_equal(fake.topup_files, (1u << cpus) - 1);
	assert_int_equal(call.vcpus, 0);
}

static void values_are_what_the_module_told(void **state)
{
	static const struct {
		const char *settings[SETTINGS];
		const char *name;
		double value;
	} cases[] = {
		/* Each pass begins with empty caches: 40 and 40, then 36 when there are 4 left. */
		{ { "mode=kernel", "variant=kvm_array", "ops=64" }, "pages max", 80 },
		{ { "mode=kernel", "variant=kvm_array", "ops=64" }, "pages p50", 0 },
		{ { "mode=kernel", "variant=tdx_prealloc", "ops=64" }, "pages p50", 3 },
		{ { "mode=kernel", "variant=tdx_prealloc", "ops=64" }, "pages max", 15 },
		{ { "mode=kernel", "variant=tdx_prealloc", "ops=64" }, "idle end", 12 },
		{ { "mode=kernel", "variant=pamt_cache", "ops=64" }, "idle peak", 50 },
		{ { "mode=kernel", "variant=direct", "ops=64" }, "rounds mmu", 1 },
		{ { "mode=kernel", "variant=direct", "ops=64" }, "peak pages", 5 },
		{ { "mode=kernel", "work=split", "variant=direct", "ops=64" },
		  "retries splits",
		  0 },
		{ { "mode=kernel", "work=split", "variant=split_cache", "ops=64", "range=1" },
		  "retries splits",
		  1 },
		{ { "mode=kernel", "work=split", "variant=split_cache", "ops=64", "split=whole" },
		  "rounds mmu",
		  1. / 16 },
		{ { "mode=kernel", "work=pamt", "variant=direct", "ops=64" }, "rounds pamt", 2 },
		{ { "mode=kernel", "work=pamt", "variant=direct", "ops=64", "load=burst" },
		  "rounds pamt",
		  2. / 64 },
		{ { "mode=kernel", "work=pamt", "variant=pamt_cache", "ops=64", "load=burst",
		    "pamt=lock" },
		  "rounds pamt",
		  2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tdcost_topup call;
		double v;

		sample_of(cases[i].settings, &call);
		v = value(cases[i].name);
		if (v < cases[i].value - 1e-9 || v > cases[i].value + 1e-9)
			fail_msg("%zu, %s: %g, not %g", i, cases[i].name, v, cases[i].value);
	}
}

/* ---- a module that errs ---- */

static const char *const fault_arm[] = { "mode=kernel", "variant=kvm_array", "ops=200", NULL };
static const char *const split_arm[] = { "mode=kernel", "work=split", "variant=split_cache",
					 "ops=64", NULL };

static const char *const pamt_arm[] = { "mode=kernel", "work=pamt", "variant=pamt_cache", "ops=64",
					NULL };
static const char *const none_arm[] = { "mode=kernel", "variant=direct", "ops=200", NULL };

static const struct {
	enum fake_topup_fault fault;
	const char *const *settings;
	int err;
	const char *culprit;
} wrong[] = {
	{ FAKE_TOPUP_NO_MEMORY, none_arm, -ENOMEM, "no page was left" },
	{ FAKE_TOPUP_NO_MEMORY, split_arm, -ENOMEM, "no page was left" },
	{ FAKE_TOPUP_BUSY, fault_arm, -EBUSY, "under way" },
	{ FAKE_TOPUP_LEAK, fault_arm, -EFAULT, "freed" },
	{ FAKE_TOPUP_LEAK, split_arm, -EFAULT, "freed 4" },
	{ FAKE_TOPUP_SAMPLE, fault_arm, -EFAULT, "by the kernel's rules" },
	{ FAKE_TOPUP_ROUNDS, split_arm, -EFAULT, "by the kernel's rules" },
	{ FAKE_TOPUP_ROUNDS, pamt_arm, -EFAULT, "took the lock 129 times" },
	{ FAKE_TOPUP_LEAK, pamt_arm, -EFAULT, "freed 135" },
	{ FAKE_TOPUP_FEW, split_arm, -EFAULT, "allocated 1 pages" },
	{ FAKE_TOPUP_FEW, fault_arm, -EFAULT, "the schedule asks for" },
	{ FAKE_TOPUP_SHORT, fault_arm, -EFAULT, "did 199 of 200" },
	{ FAKE_TOPUP_BACKWARDS, split_arm, -EFAULT, "in 0 ticks" },
};

static void verify_finds_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct reason why = { "" };
		struct bench_ctx ctx;
		struct plan plan;
		void *s;

		make_plan(&plan, wrong[i].settings);
		ctx = make_ctx(&plan.groups[0]);
		assert_int_equal(topup_bench.setup(&ctx, &s, &why), 0);
		fake.topup_fault = wrong[i].fault;
		assert_int_equal(topup_bench.verify(s, 0, &why), wrong[i].err);
		if (!strstr(why.text, wrong[i].culprit))
			fail_msg("lacks '%s': %s", wrong[i].culprit, why.text);
		fake.topup_fault = FAKE_TOPUP_FINE;
		topup_bench.teardown(s);
		json_decref(ctx.facts);
		plan_free(&plan);
	}
}

/* What goes wrong in a sample is told at the end, and no value is told of it. */
static void finish_tells_what_went_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct reason why = { "" };
		struct bench_ctx ctx;
		struct plan plan;
		void *s;

		if (wrong[i].fault == FAKE_TOPUP_SAMPLE || wrong[i].fault == FAKE_TOPUP_ROUNDS)
			continue; /* only a known schedule shows them */
		make_plan(&plan, wrong[i].settings);
		ctx = make_ctx(&plan.groups[0]);
		assert_int_equal(topup_bench.setup(&ctx, &s, &why), 0);
		topup_bench.prepare(s, 0);
		fake.topup_fault = wrong[i].fault;
		topup_bench.sample(s, 0, 1);
		fake.topup_fault = FAKE_TOPUP_FINE;
		topup_bench.values(s, 0, NULL);
		assert_true(value("peak pages") < 0);
		assert_int_equal(topup_bench.finish(s, &why), -EFAULT);
		assert_string_not_equal(why.text, "");
		topup_bench.teardown(s);
		json_decref(ctx.facts);
		plan_free(&plan);
	}
}

/* An array that could not be filled, but holds enough, is no error of the kernel's. */
static void an_allocation_that_failed_is_told(void **state)
{
	struct topup_setting set = { .variant = TOPUP_KVM_ARRAY, .threads = 1, .ops = 1 };
	struct topup_call call = { .t = { .units = 1, .done = 1, .start = 1, .end = 2 } };
	struct topup_kernel k = { .call = &call, .n_calls = 1, .at = &set };
	struct reason why = { "" };

	(void)state;
	call.t.allocs = call.t.frees = 80;
	assert_int_equal(topup_kernel_check(&k, &why), 0);
	call.t.failures = 1;
	assert_int_equal(topup_kernel_check(&k, &why), -ENOMEM);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_machine, close_machine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_cannot_run_is_skipped_with_a_reason),
		TEST(what_nobody_is_charged_for_is_skipped),
		TEST(a_charge_that_is_not_seen_stops_it),
		TEST(a_hold_is_modelled),
		TEST(too_long_a_hold_is_refused),
		TEST(every_arm_does_its_work),
		TEST(the_module_is_asked_for_what_the_cell_says),
		TEST(a_range_of_any_length_uses_the_same_pages),
		TEST(a_vm_is_an_open_file),
		TEST(values_are_what_the_module_told),
		TEST(verify_finds_what_is_wrong),
		TEST(an_allocation_that_failed_is_told),
		TEST(finish_tells_what_went_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
