// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The benchmark teardown in mode=kernel, with tests/bench/kmod/fake_teardown.c in the place of the
 * module: what it asks of it, what it tells of the answer, and what it does not believe.
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
#include "bench/ops/teardown_kernel.h"
#include "harness/measure/design.h"
#include "tests/bench/kmod/fake_client.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define SETTINGS      8
#define MAX_SERIES    64
#define TICKS	      1e9 /* what the sampler's clock is said to have shown */

static struct machine machine;
static struct plan plan;
static struct bench_ctx ctx;
static void *bench_state;

/* ---- the sampler's part ---- */

static char series[MAX_SERIES][64]; /* "METRIC SUBJECT" */
static int n_series;

struct bench_values {
	double value[MAX_SERIES];
	unsigned given[MAX_SERIES];
};

void bench_value(struct bench_values *out, int number, double value)
{
	if (number < 0)
		return;
	assert_true(number < n_series);
	out->value[number] = value;
	out->given[number]++;
}

double bench_sample_ticks(const struct bench_values *out)
{
	(void)out;
	return TICKS;
}

static int name_series(struct bench_ctx *of, unsigned metric, const char *subject)
{
	char name[64];

	(void)of;
	snprintf(name, sizeof(name), "%s %s", teardown_bench.metrics[metric].name, subject);
	for (int i = 0; i < n_series; i++)
		if (!strcmp(series[i], name))
			return i;
	assert_true(n_series < MAX_SERIES);
	strcpy(series[n_series], name);
	return n_series++;
}

static void raise_flag(struct bench_ctx *of, enum trust_flag flag, int arm, const char *detail)
{
	(void)of;
	/* The fake takes no time and tells one. */
	if (flag == FLAG_UNEXPLAINED)
		return;
	fail_msg("flag %d of arm %d: %s", (int)flag, arm, detail);
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

static int clean_slate(void **state)
{
	(void)state;
	fake_reset(machine.topo);
	return 0;
}

#define OPEN(...)                                                       \
	open_bench((const char *const[]){ "mode=kernel", __VA_ARGS__ }, \
		   ARRAY_SIZE(((const char *const[]){ "mode=kernel", __VA_ARGS__ })))

static void open_bench(const char *const *settings, size_t n)
{
	struct reason why = { "" };

	if (plan_add(&plan, &machine, &teardown_bench, settings, n, &why))
		fail_msg("%s", why.text);
	assert_int_equal(plan.n_groups, 1);
	ctx = (struct bench_ctx){
		.machine = &machine,
		.arms = plan.groups[0].arms,
		.n_arms = plan.groups[0].n_arms,
		.seed = 11,
		.facts = json_object(),
		.flag = raise_flag,
		.series = name_series,
	};
	n_series = 0;
	topo_pick(machine.topo, TOPO_ONE, &ctx.cpu, 1);
	if (teardown_bench.setup(&ctx, &bench_state, &why))
		fail_msg("%s", why.text);
}

static int close_bench(void **state)
{
	(void)state;
	if (bench_state)
		teardown_bench.teardown(bench_state);
	bench_state = NULL;
	json_decref(ctx.facts);
	ctx.facts = NULL;
	plan_free(&plan);
	assert_int_equal(fake.opened, 0);
	return 0;
}

static bool is(unsigned arm, const char *factor, const char *text)
{
	return !strcmp(ctx.arms[arm].levels[bench_find_factor(&teardown_bench, factor)].text, text);
}

static void assert_arm(bool ok, unsigned arm, const char *what)
{
	char text[512];

	if (!ok)
		fail_msg("%s: %s", cell_text(&ctx.arms[arm], UINT32_MAX, text, sizeof(text)), what);
}

static double sample(unsigned arm, struct bench_values *out)
{
	uint64_t pages;

	memset(out, 0, sizeof(*out));
	teardown_bench.prepare(bench_state, arm);
	pages = teardown_bench.sample(bench_state, arm, 1);
	teardown_bench.values(bench_state, arm, out);
	return (double)pages;
}

static double value(const struct bench_values *out, const char *name)
{
	for (int i = 0; i < n_series; i++)
		if (!strcmp(series[i], name))
			return out->given[i] ? out->value[i] : -1;
	return -1;
}

/* ---- doing the work ---- */

static void assert_sum(unsigned arm, const struct bench_values *out)
{
	double sum = 0;

	for (int i = 0; i < n_series; i++)
		if (!strncmp(series[i], "phase ", 6)) {
			assert_arm(out->given[i] <= 1, arm, series[i]);
			sum += out->value[i];
		}
	assert_arm(sum > TICKS - 1 && sum < TICKS + 1, arm, "the sum");
}

static void every_arm_does_its_work(void **state)
{
	static const struct {
		const char *leaf, *backing;
	} sizes[] = { { "leaf=4K", "backing=4k" }, { "leaf=4K,2M", "backing=thp" } };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		OPEN("path=dynamic,teardown", "quirk=on,off", "reset=always,erratum,leaf_fence",
		     "leave_out=none,kick,flush,reset,free", "order=sequential,shuffled",
		     sizes[i].leaf, sizes[i].backing, "size=4M");
		for (unsigned arm = 0; arm < ctx.n_arms; arm++) {
			struct reason why = { "" };
			struct bench_values out;

			assert_arm(!teardown_bench.verify(bench_state, arm, &why), arm, why.text);
			assert_arm(sample(arm, &out) == 1, arm, "work");
			assert_sum(arm, &out);
			assert_arm((value(&out, "phase free") >= 0) ==
					   !is(arm, "leave_out", "free"),
				   arm, "phase free");
		}
		assert_int_equal(teardown_bench.finish(bench_state, NULL), 0);
		close_bench(NULL);
	}
}

static void the_reset_alone_is_that_of_benchmark_reset(void **state)
{
	struct bench_values out;
	struct reason why = { "" };

	(void)state;
	OPEN("path=dynamic", "quirk=on", "leave_out=all_but_reset", "size=2M");
	assert_int_equal(plan.cells[0].kind, KIND_MEASURED);
	if (teardown_bench.verify(bench_state, 0, &why))
		fail_msg("%s", why.text);
	sample(0, &out);
	assert_int_equal(fake.teardowns, 0);
	assert_true(value(&out, "phase reset") > 0);
}

static void what_is_asked_is_what_was_set(void **state)
{
	const struct tdcost_teardown *t = &fake.teardown;

	(void)state;
	OPEN("path=teardown", "quirk=off", "dpamt=lock", "skip_cache_wb=on", "seam=500",
	     "seam_reclaim=900", "vcpus=7", "marks=5", "size=2M");
	teardown_bench.prepare(bench_state, 0);
	assert_int_equal(t->path, TDCOST_PATH_TEARDOWN);
	assert_int_equal(t->flags, TDCOST_TEARDOWN_SKIP_CACHE_WB);
	assert_int_equal(t->dpamt, TDCOST_DPAMT_LOCK);
	for (unsigned i = 0; i < TD_SEAMS; i++)
		assert_int_equal(t->seam_ns[i], i == TD_SEAM_RECLAIM ? 900 : 500);
	assert_int_equal(t->vcpus, 7);
	assert_int_equal(t->every, 5);
	assert_int_equal(t->mask_words, 0);
	assert_true(t->pamt_loops > 0 && t->pamt_loops <= 10000);
	assert_int_equal(t->op,
			 cpu_has(&machine.cpu, CPU_WBNOINVD) ? TDCOST_WBNOINVD : TDCOST_WBINVD);
	teardown_bench.sample(bench_state, 0, 1);
}

static void each_kick_reaches_a_vcpu_in_guest_mode(void **state)
{
	struct bench_values out;
	struct reason why = { "" };

	(void)state;
	if (topo_cpus(machine.topo) < 2)
		fail_msg("one CPU: nobody can be in guest mode");
	OPEN("path=dynamic", "in_guest=0,1", "quirk=off", "size=1M");
	for (unsigned arm = 0; arm < ctx.n_arms; arm++) {
		bool guest = is(arm, "in_guest", "1");

		if (teardown_bench.verify(bench_state, arm, &why))
			fail_msg("%s", why.text);
		sample(arm, &out);
		assert_true(value(&out, "steps IPI") == (guest ? 256 : -1));
		assert_true((value(&out, "phase wait") >= 0) == guest);
		assert_sum(arm, &out);
	}
}

/* ---- work that is not done ---- */

static void what_is_not_true_is_found(void **state)
{
	static const struct {
		enum fake_teardown_fault fault;
		const char *quirk, *want;
		int err;
	} cases[] = {
		{ FAKE_TEARDOWN_BYTE, "quirk=on", "offset 1044480 was not reset", -EFAULT },
		{ FAKE_TEARDOWN_BYTE, "quirk=off", "was changed though nothing resets it",
		  -EFAULT },
		{ FAKE_TEARDOWN_STEP, "quirk=on", "MEM.PAGE.REMOVE was done 257 times, not 256",
		  -EFAULT },
		{ FAKE_TEARDOWN_KEPT, "quirk=on", "the pages were not freed", -EFAULT },
		{ FAKE_TEARDOWN_BUSY, "quirk=on", "has not answered an earlier call", -EBUSY },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reason why = { "" };

		fake_reset(machine.topo);
		OPEN("path=dynamic", cases[i].quirk, "size=1M");
		assert_int_equal(teardown_bench.verify(bench_state, 0, &why), 0);
		fake.teardown_fault = cases[i].fault;
		assert_int_equal(teardown_bench.verify(bench_state, 0, &why), cases[i].err);
		if (!strstr(why.text, cases[i].want))
			fail_msg("'%s' is not '%s'", why.text, cases[i].want);
		close_bench(NULL);
	}
}

/* A sample cannot fail: it is told at the end. */
static void a_call_that_fails_is_told_at_the_end(void **state)
{
	struct bench_values out;
	struct reason why = { "" };

	(void)state;
	OPEN("path=dynamic", "quirk=off", "size=1M");
	fake.teardown_fault = FAKE_TEARDOWN_BUSY;
	sample(0, &out);
	fake.teardown_fault = FAKE_TEARDOWN_FINE;
	sample(0, &out);
	assert_int_equal(teardown_bench.finish(bench_state, &why), -EBUSY);
	assert_non_null(strstr(why.text, "earlier call"));
}

/* ---- which cells there are ---- */

static void what_the_module_does_not_do_is_skipped(void **state)
{
	static const struct {
		const char *settings[SETTINGS];
		const char *reason;
		unsigned without; /* features */
	} cases[] = {
		{ { "threads=2" }, "threads=2 is of mode=user", 0 },
		{ { "insn=memset" }, "insn=memset is of mode=user", 0 },
		{ { "seam=20001" }, "seam=20001: in mode=kernel 20000 ns at most", 0 },
		{ { "leaf=2M", "backing=4k" }, "leaf=2M needs pages of 2 MiB", 0 },
		{ { "leaf=4K", "backing=thp", "size=1M" }, "not a multiple of the pages'", 0 },
		{ { "quirk=on", "leave_out=all_but_reset", "order=shuffled" },
		  "the module resets in sequence",
		  0 },
		{ { "size=2G" }, "the module gives 1024 MiB at most", 0 },
		{ { "quirk=on" }, "the module finds none of", TDCOST_HAS_MOVDIR64B },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *settings[SETTINGS + 1] = { "mode=kernel" };
		struct reason why = { "" };
		size_t n = 0;

		fake_reset(machine.topo);
		fake.features &= ~cases[i].without;
		for (; n < SETTINGS && cases[i].settings[n]; n++)
			settings[n + 1] = cases[i].settings[n];
		if (plan_add(&plan, &machine, &teardown_bench, settings, n + 1, &why))
			fail_msg("%s", why.text);
		assert_true(plan.n_cells > 0);
		for (size_t c = 0; c < plan.n_cells; c++) {
			assert_int_equal(plan.cells[c].state, CELL_SKIPPED);
			if (!strstr(plan.cells[c].reason.text, cases[i].reason))
				fail_msg("'%s' is not '%s'", plan.cells[c].reason.text,
					 cases[i].reason);
		}
		plan_free(&plan);
	}
	fake_reset(machine.topo);
	fake.missing = "tdcost.ko is not loaded";
	assert_int_equal(plan_add(&plan, &machine, &teardown_bench,
				  (const char *const[]){ "mode=kernel" }, 1, NULL),
			 0);
	assert_string_equal(plan.cells[0].reason.text, fake.missing);
	plan_free(&plan);
}

static void what_stands_in_is_named(void **state)
{
	static const struct {
		const char *setting, *part, *none;
		enum kind kind;
	} cases[] = {
		{ "seam=0", " stands in for TDH.PHYMEM.CACHE.WB", "madvise", KIND_ANALOGUE },
		{ "seam=0", "__free_pages() for the freeing of guest_memfd", "membarrier",
		  KIND_ANALOGUE },
		{ "skip_cache_wb=on", "no SEAMCALL is executed", "CACHE.WB", KIND_ANALOGUE },
		{ "leave_out=free", "no SEAMCALL is executed", "guest_memfd", KIND_ANALOGUE },
		{ "seam=500", "a delay of 500 ns is in its place", "madvise", KIND_MODELLED },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *settings[] = { "mode=kernel", "path=dynamic", "quirk=on",
					   cases[i].setting };

		assert_int_equal(plan_add(&plan, &machine, &teardown_bench, settings, 4, NULL), 0);
		assert_int_equal(plan.n_cells, 1);
		assert_int_equal(plan.cells[0].state, CELL_PLANNED);
		assert_int_equal(plan.cells[0].kind, cases[i].kind);
		assert_non_null(strstr(plan.cells[0].reason.text, cases[i].part));
		assert_null(strstr(plan.cells[0].reason.text, cases[i].none));
		plan_free(&plan);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, clean_slate, close_bench)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(every_arm_does_its_work),
		TEST(the_reset_alone_is_that_of_benchmark_reset),
		TEST(what_is_asked_is_what_was_set),
		TEST(each_kick_reaches_a_vcpu_in_guest_mode),
		TEST(what_is_not_true_is_found),
		TEST(a_call_that_fails_is_told_at_the_end),
		TEST(what_the_module_does_not_do_is_skipped),
		TEST(what_stands_in_is_named),
	};

	return cmocka_run_group_tests(tests, open_machine, close_machine);
}
