// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wbinvd with a module that is not there: whole invocations by the sampler, on this machine's CPUs.
 * mem_alloc() and mem_free() are wrapped by the linker, so that the fake's flush knows what to flush.
 */
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
#include "bench/ops/lines.h"
#include "bench/ops/scope.h"
#include "bench/ops/victim.h"
#include "harness/machine/mem.h"
#include "harness/measure/design.h"
#include "harness/measure/sampler.h"
#include "tests/bench/kmod/fake_client.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MAX_REGIONS   64
#define BLOCKS	      2

/* ---- the memory that is there to be flushed ---- */

static struct mem *regions[MAX_REGIONS];

int __real_mem_alloc(struct mem *m, enum mem_backing backing, size_t bytes, size_t offset,
		     int (*place)(void *, void *, size_t, struct reason *), void *ctx,
		     struct reason *why);
int __wrap_mem_alloc(struct mem *m, enum mem_backing backing, size_t bytes, size_t offset,
		     int (*place)(void *, void *, size_t, struct reason *), void *ctx,
		     struct reason *why);
void __real_mem_free(struct mem *m);
void __wrap_mem_free(struct mem *m);

int __wrap_mem_alloc(struct mem *m, enum mem_backing backing, size_t bytes, size_t offset,
		     int (*place)(void *, void *, size_t, struct reason *), void *ctx,
		     struct reason *why)
{
	int ret = __real_mem_alloc(m, backing, bytes, offset, place, ctx, why);

	for (unsigned i = 0; !ret && i < MAX_REGIONS; i++)
		if (!regions[i]) {
			regions[i] = m;
			break;
		}
	return ret;
}

void __wrap_mem_free(struct mem *m)
{
	for (unsigned i = 0; i < MAX_REGIONS; i++)
		if (regions[i] == m)
			regions[i] = NULL;
	__real_mem_free(m);
}

static struct machine machine;

/* WBINVD's place is taken by CLFLUSHOPT on all there is. */
static void sweep_regions(void *ctx, enum tdcost_op op, unsigned cpu)
{
	(void)ctx;
	(void)op;
	(void)cpu;
	for (unsigned i = 0; i < MAX_REGIONS; i++)
		if (regions[i])
			lines_evict(&machine.cpu, regions[i]->base, regions[i]->bytes);
}

/* Every second line of all there is: neither a flush nor nothing. */
static void sweep_half(void *ctx, enum tdcost_op op, unsigned cpu)
{
	(void)ctx;
	(void)op;
	(void)cpu;
	for (unsigned i = 0; i < MAX_REGIONS; i++)
		for (size_t at = 0; regions[i] && at < regions[i]->bytes; at += 128)
			lines_evict(&machine.cpu, regions[i]->base + at, 64);
}

/* ---- a victim that does not get its CPU ---- */

static unsigned starve; /* every how many'th sample; 0: none */
static unsigned judged;
static bool never_warm;
static size_t room; /* of its record; 0: what it is given */
static size_t given;

int __real_victim_room(struct victim *v, size_t steps, struct reason *why);
int __wrap_victim_room(struct victim *v, size_t steps, struct reason *why);

int __wrap_victim_room(struct victim *v, size_t steps, struct reason *why)
{
	given = steps;
	return __real_victim_room(v, room ? room : steps, why);
}

int __real_victim_judge(const struct victim_steps *s, uint64_t from, uint64_t to,
			struct victim_found *f);
int __wrap_victim_judge(const struct victim_steps *s, uint64_t from, uint64_t to,
			struct victim_found *f);

int __wrap_victim_judge(const struct victim_steps *s, uint64_t from, uint64_t to,
			struct victim_found *f)
{
	if (starve && judged++ % starve == 0)
		return -ENODATA;
	if (never_warm) {
		*f = (struct victim_found){ .step = 1, .gap = 2, .slowdown = 3 };
		return 0;
	}
	return __real_victim_judge(s, from, to, f);
}

/* ---- one invocation ---- */

static struct plan plan;
static struct sampler_result result;
static struct tick_clock tick_clock;
static unsigned cpu;

static int open_machine(void **state)
{
	struct reason why = { "" };

	(void)state;
	if (machine_open(&machine, &why))
		return -1;
	topo_equals(machine.topo, &cpu, 1);
	return clock_calibrate(&tick_clock, &machine.cpu, 20, &why);
}

static int close_machine(void **state)
{
	(void)state;
	machine_close(&machine);
	return 0;
}

/* What flushes is examined by the tests that are about it: in an emulator nothing is. */
static int set_up(void **state)
{
	(void)state;
	fake_reset(machine.topo);
	fake.self = cpu;
	machine.lane = LANE_SMOKE;
	machine.check = true;
	starve = judged = 0;
	never_warm = false;
	room = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	sampler_result_free(&result);
	plan_free(&plan);
	assert_int_equal(fake.opened, 0);
	for (unsigned i = 0; i < MAX_REGIONS; i++)
		assert_null(regions[i]);
	return 0;
}

#define PLAN(...) make_plan((const char *const[]){ __VA_ARGS__, NULL })

static void make_plan(const char *const *settings)
{
	struct reason why = { "" };
	size_t n = 0;

	while (settings[n])
		n++;
	if (plan_add(&plan, &machine, &wbinvd_bench, settings, n, &why))
		fail_msg("%s", why.text);
}

static int run(struct reason *why)
{
	static const volatile sig_atomic_t stop;
	struct sampler_job job = {
		.bench = &wbinvd_bench,
		.cpu = cpu,
		.seed = 4711,
		.min_blocks = BLOCKS,
		.max_blocks = BLOCKS,
		.clock = tick_clock,
	};

	assert_int_equal(plan.n_groups, 1);
	job.arms = plan.groups[0].arms;
	job.n_arms = plan.groups[0].n_arms;
	return sampler_run(&machine, &job, &result, &stop, why);
}

static void run_well(void)
{
	struct reason why = { "" };

	if (run(&why))
		fail_msg("%s", why.text);
}

/* Flags of @flag that concern @arm; -1: any. The detail of the last one to @detail. */
static unsigned flags(enum trust_flag flag, int arm, const char **detail)
{
	unsigned n = 0;

	for (size_t i = 0; i < result.n_flags; i++) {
		const struct sampler_flag *f = &result.flags[i];

		if (f->flag != flag || (arm >= 0 && f->arm >= 0 && f->arm != arm))
			continue;
		n++;
		if (detail)
			*detail = f->detail;
	}
	return n;
}

static void expect_no_verify_flag(void)
{
	const char *detail = "";

	if (flags(FLAG_VERIFY, -1, &detail))
		fail_msg("%s", detail);
}

static const struct cell *cell_of(const struct sample *s)
{
	return &plan.groups[0].arms[s->arm];
}

static const char *level(const struct cell *c, const char *factor)
{
	return c->levels[bench_find_factor(&wbinvd_bench, factor)].text;
}

/* How many values sample @seq has of @metric, and whether one of them is of @subject. */
static unsigned values(size_t seq, const char *metric, const char *subject, double *value)
{
	unsigned n = 0;

	for (size_t i = 0; i < result.n_parts; i++) {
		const struct sampler_part *p = &result.parts[i];
		const struct sampler_series *of = &result.series[p->series];

		if (p->seq != seq || strcmp(of->metric, metric) ||
		    (subject && strcmp(of->subject, subject)))
			continue;
		n++;
		if (value)
			*value = p->value;
	}
	return n;
}

/* ---- what can run ---- */

static void the_words_are_those_of_the_module(void **state)
{
	const struct factor_info *f = wbinvd_bench.factors;
	struct reason why = { "" };
	unsigned n = 0;

	(void)state;
	if (bench_check(&wbinvd_bench, &why))
		fail_msg("%s", why.text);
	for (; kmod_modes[n]; n++)
		assert_string_equal(f[0].levels[n].name, kmod_modes[n]);
	assert_int_equal(n, TDCOST_MODE_MAX);
	assert_null(f[0].levels[n].name);
	for (n = 0; n < TDCOST_NOTHING; n++)
		assert_string_equal(f[1].levels[n].name, kmod_ops[n]);
}

#define MACHINES 4
static const char *const machines[MACHINES] = {
	"pack:1 l3:1(size=33554432) core:4 pu:1", "pack:2 l3:1(size=33554432) core:4 pu:2",
	"pack:2 l3:2(size=33554432) core:2 pu:1", "pack:1 core:2 pu:1", /* no cache is told of */
};

static void cells_that_make_no_sense_are_skipped_with_a_reason(void **state)
{
	static const struct {
		unsigned machine;
		const char *settings[6];
		const char *reason; /* NULL: it runs */
	} cases[] = {
		{ 0, { "scope=one" }, NULL },
		{ 0, { "scope=turn", "dirty=150" }, NULL },
		{ 0, { "dirty=151" }, "150 percent of the LLC at most" },
		{ 3, { "dirty=0" }, NULL },
		{ 3, { "dirty=1" }, "size of the LLC is not known" },
		{ 0, { "by=remote", "scope=one" }, "each of the 1 LLCs has a CPU that flushes" },
		{ 1, { "by=remote", "scope=one" }, NULL },
		{ 1, { "by=remote", "scope=package" }, "each of the 2 LLCs" },
		{ 2, { "by=remote", "scope=package" }, NULL },
		{ 2, { "by=remote", "scope=llc" }, "each of the 4 LLCs" },
		{ 2, { "by=remote", "scope=all", "dirty=0" }, NULL },
		{ 0, { "op=sweep", "scope=all" }, NULL },
		{ 0, { "op=sweep", "dirty=0" }, "with dirty=0 that is nothing" },
		{ 0, { "op=sweep", "scope=turn" }, "take scope=one" },
		{ 0, { "victim=llc" }, NULL },
		{ 0, { "victim=core" }, "no other hyperthread" },
		{ 1, { "victim=core" }, NULL },
		{ 0, { "victim=remote" }, "no other package" },
		{ 1, { "victim=remote" }, NULL },
		{ 1, { "victim=package" }, "no other LLC in its package" },
		{ 2, { "victim=package" }, NULL },
		{ 0, { "victim=none", "set=1M" }, "set=1M goes with a victim" },
		{ 0, { "victim=llc", "set=none" }, "needs a multiple of 64K" },
		{ 0, { "victim=llc", "set=100K" }, "needs a multiple of 64K" },
		{ 0, { "victim=llc", "set=64M" }, "never warm in an LLC of 32 MiB" },
		{ 0, { "victim=llc", "set=64K" }, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *settings[8] = { "scope=one", "op=wbinvd", "dirty=100" };
		struct machine m = machine;
		struct reason why = { "" };
		size_t n = 3;

		assert_int_equal(topo_open(&m.topo, machines[cases[i].machine], &why), 0);
		/* A setting replaces the usual one of its factor. */
		for (unsigned k = 0; cases[i].settings[k]; k++) {
			size_t at = 0;

			while (at < n && strncmp(settings[at], cases[i].settings[k],
						 strcspn(cases[i].settings[k], "=") + 1))
				at++;
			settings[at] = cases[i].settings[k];
			n += at == n;
		}
		if (plan_add(&plan, &m, &wbinvd_bench, settings, n, &why))
			fail_msg("case %zu: %s", i, why.text);
		assert_int_equal(plan.n_cells, 1);
		if (plan.cells[0].state != (cases[i].reason ? CELL_SKIPPED : CELL_PLANNED))
			fail_msg("case %zu: %s", i, plan.cells[0].reason.text);
		if (cases[i].reason && !strstr(plan.cells[0].reason.text, cases[i].reason))
			fail_msg("case %zu: %s", i, plan.cells[0].reason.text);
		plan_free(&plan);
		topo_close(m.topo);
	}
}

static void without_a_module_only_the_sweep_is_left(void **state)
{
	(void)state;
	fake.missing = "no module here: load it";
	PLAN("scope=one", "op=wbinvd,wbnoinvd,none,sweep", "dirty=10");
	assert_int_equal(plan.n_cells, 4);
	for (unsigned i = 0; i < 4; i++) {
		bool sweep = !strcmp(level(&plan.cells[i].cell, "op"), "sweep");

		assert_int_equal(plan.cells[i].state, sweep ? CELL_PLANNED : CELL_SKIPPED);
		if (!sweep)
			assert_string_equal(plan.cells[i].reason.text, fake.missing);
		assert_int_equal(plan.cells[i].kind, sweep ? KIND_ANALOGUE : KIND_MEASURED);
	}
	run_well();
	assert_int_equal(fake.calls, 0);
	expect_no_verify_flag();
}

static void without_wbnoinvd_it_would_run_as_wbinvd(void **state)
{
	(void)state;
	fake.features &= ~TDCOST_HAS_WBNOINVD;
	PLAN("scope=one", "op=wbinvd,wbnoinvd");
	for (size_t i = 0; i < plan.n_cells; i++)
		assert_int_equal(plan.cells[i].state,
				 strcmp(level(&plan.cells[i].cell, "op"), "wbnoinvd")
					 ? CELL_PLANNED
					 : CELL_SKIPPED);
}

static void in_an_emulator_only_check_may_run_it(void **state)
{
	static const enum lane lanes[] = { LANE_COUNT, LANE_SPR, LANE_SMOKE };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lanes); i++) {
		machine.lane = lanes[i];
		machine.check = false;
		PLAN("scope=one", "op=wbinvd,none,sweep");
		assert_int_equal(plan.n_groups, 0);
		assert_non_null(strstr(plan.cells[0].reason.text, "emulator"));
		assert_non_null(strstr(plan.cells[0].reason.text, lane_name(lanes[i])));
		plan_free(&plan);
		machine.check = true;
		PLAN("scope=one", "op=wbinvd,none");
		assert_int_equal(plan.n_groups, 1);
		plan_free(&plan);
	}
	machine.lane = LANE_VM;
	machine.check = false;
	PLAN("scope=one", "op=wbinvd,none");
	assert_int_equal(plan.n_groups, 1);
}

static void a_working_set_goes_by_the_caches(void **state)
{
	static const struct {
		const char *asked, *victim;
		uint64_t l2;
		unsigned machine;
		const char *set; /* NULL: skipped */
	} cases[] = {
		{ "auto", "none", 1 << 20, 0, "none" }, { "l2", "none", 1 << 20, 0, "none" },
		{ "auto", "llc", 1 << 20, 0, "4M" },	{ "llc", "llc", 1 << 20, 0, "4M" },
		{ "l2", "llc", 1 << 20, 0, "512K" },	{ "llc", "llc", 4 << 20, 0, "8M" },
		{ "l2", "llc", 1 << 16, 0, "64K" },	{ "l2", "llc", 0, 0, NULL },
		{ "llc", "llc", 0, 0, "8M" },		{ "llc", "llc", 1 << 20, 3, "4M" },
		{ "auto", "llc", 0, 3, NULL },		{ "1M", "llc", 0, 3, "1M" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct machine m = machine;
		const char *settings[] = { "scope=one", "op=none", "dirty=0", NULL, NULL };
		char set[32], victim[32];
		struct reason why = { "" };

		assert_int_equal(topo_open(&m.topo, machines[cases[i].machine], &why), 0);
		m.cpu.n_caches = 2;
		m.cpu.caches[0] = (struct cpu_cache){ .level = 2, .type = 'i', .bytes = 12345 };
		m.cpu.caches[1] =
			(struct cpu_cache){ .level = 2, .type = 'u', .bytes = cases[i].l2 };
		snprintf(set, sizeof(set), "set=%s", cases[i].asked);
		snprintf(victim, sizeof(victim), "victim=%s", cases[i].victim);
		settings[3] = set;
		settings[4] = victim;
		assert_int_equal(plan_add(&plan, &m, &wbinvd_bench, settings, 5, &why), 0);
		assert_int_equal(plan.cells[0].state, cases[i].set ? CELL_PLANNED : CELL_SKIPPED);
		if (cases[i].set)
			assert_string_equal(level(&plan.cells[0].cell, "set"), cases[i].set);
		plan_free(&plan);
		topo_close(m.topo);
	}
}

/* ---- what a sample yields ---- */

/* How many CPUs @scope asks here. */
static unsigned asked_by(const char *scope)
{
	enum tdcost_mode mode = TDCOST_ONE;
	struct scope s;
	unsigned n;

	while (strcmp(kmod_modes[mode], scope))
		mode++;
	assert_int_equal(scope_pick(&s, machine.topo, mode, cpu, -1), 0);
	n = s.n;
	scope_free(&s);
	return n;
}

static void every_cpu_that_flushed_has_its_values(void **state)
{
	char self[32];
	double value;

	(void)state;
	fake.flush_ticks = 12345;
	PLAN("scope=one,package,llc,core,all,turn", "op=wbinvd,wbnoinvd,none", "dirty=0,1");
	run_well();
	expect_no_verify_flag();
	snprintf(self, sizeof(self), "cpu %u", cpu);
	assert_true(result.n_samples >= BLOCKS * plan.groups[0].n_arms);
	for (size_t i = 0; i < result.n_samples; i++) {
		unsigned n = asked_by(level(cell_of(&result.samples[i]), "scope"));

		assert_int_equal(result.samples[i].work, 1);
		assert_int_equal(values(i, "instruction", NULL, NULL), n);
		assert_int_equal(values(i, "instruction", self, &value), 1);
		assert_float_equal(value, 12345, 1e-9);
		assert_int_equal(values(i, "tail", NULL, NULL), n);
		assert_int_equal(values(i, "tail", self, &value), 1);
		assert_true(value >= 12345);
		/* The CPU that asks needs no interrupt. */
		assert_int_equal(values(i, "interrupt", NULL, NULL), n - 1);
		assert_int_equal(values(i, "interrupt", self, NULL), 0);
		assert_int_equal(values(i, "flush", "request", &value), 1);
		assert_true(value > 0 && value <= (double)result.samples[i].ticks);
		assert_int_equal(values(i, "over-1s", "request", &value), 1);
		assert_float_equal(value, 0, 1e-9);
		assert_int_equal(values(i, "victim-gap", NULL, NULL), 0);
	}
}

static void a_second_is_late(void **state)
{
	double value;

	(void)state;
	fake.flush_ticks = (uint64_t)(1.5 * tick_clock.hz);
	PLAN("scope=all", "op=wbinvd", "dirty=0");
	run_well();
	for (size_t i = 0; i < result.n_samples; i++) {
		assert_int_equal(values(i, "over-1s", "request", &value), 1);
		assert_float_equal(value, 1, 1e-9);
	}
}

static void a_sweep_has_values_too(void **state)
{
	(void)state;
	PLAN("scope=one,all", "op=sweep,wbinvd", "dirty=1");
	run_well();
	expect_no_verify_flag();
	for (size_t i = 0; i < result.n_samples; i++) {
		const struct cell *cell = cell_of(&result.samples[i]);
		unsigned n = asked_by(level(cell, "scope"));
		bool sweep = !strcmp(level(cell, "op"), "sweep");

		assert_int_equal(values(i, "instruction", NULL, NULL), n);
		/* Nobody asks those who sweep by an interrupt. */
		assert_int_equal(values(i, "interrupt", NULL, NULL), sweep ? 0 : n - 1);
		assert_int_equal(values(i, "flush", NULL, NULL), 1);
	}
}

static void the_victim_does_not_flush_and_is_watched(void **state)
{
	static const char *const metrics[] = { "victim-gap", "victim-slowdown-percent",
					       "victim-still-cold" };
	struct reason why = { "" };
	int victim = victim_cpu(machine.topo, VICTIM_LLC, cpu);
	const char *detail = "";
	size_t missed = 0;

	(void)state;
	if (victim_supported(machine.topo, VICTIM_LLC, &why)) {
		print_message("%s\n", why.text);
		return;
	}
	PLAN("scope=one,all", "op=wbinvd,none,sweep", "dirty=1", "victim=llc", "set=64K");
	run_well();
	assert_int_equal(fake.counters[victim], 0);
	assert_true(fake.counters[cpu] > 0);
	assert_int_equal(json_integer_value(json_object_get(result.setup, "victim")), victim);
	/* A neighbour that took its CPU for long leaves no values, and is told. */
	for (size_t i = 0; i < result.n_samples; i++) {
		unsigned n = values(i, metrics[0], "victim", NULL);
		char subject[32];

		for (size_t k = 1; k < ARRAY_SIZE(metrics); k++)
			assert_int_equal(values(i, metrics[k], "victim", NULL), n);
		missed += !n;
		snprintf(subject, sizeof(subject), "cpu %d", victim);
		assert_int_equal(values(i, "instruction", subject, NULL), 0);
	}
	expect_no_verify_flag();
	assert_true(missed < result.n_samples);
	if (missed)
		assert_true(flags(FLAG_BUSY, -1, &detail));
}

static void a_victim_without_a_cpu_is_told(void **state)
{
	struct reason why = { "" };
	const char *detail = "";

	(void)state;
	if (victim_supported(machine.topo, VICTIM_LLC, &why)) {
		print_message("%s\n", why.text);
		return;
	}
	PLAN("scope=one", "op=none", "dirty=0", "victim=llc", "set=64K");
	/* Now and then it is a remark, always a fault. */
	starve = 2;
	run_well();
	assert_int_equal(flags(FLAG_VERIFY, -1, NULL), 0);
	assert_true(flags(FLAG_BUSY, -1, &detail) >= 1);
	sampler_result_free(&result);
	starve = 1;
	run_well();
	assert_int_equal(flags(FLAG_VERIFY, -1, &detail), 1);
	assert_non_null(strstr(detail, "did not run in any of"));
}

/* A flush that outlasts the record leaves no values, and neither a fault nor a cold victim. */
static void a_victim_whose_record_is_full_is_told(void **state)
{
	struct reason why = { "" };
	const char *detail = "";

	(void)state;
	if (victim_supported(machine.topo, VICTIM_LLC, &why)) {
		print_message("%s\n", why.text);
		return;
	}
	PLAN("scope=one", "op=none", "dirty=0", "victim=llc", "set=64K");
	room = 20; /* less than the laps before the flush */
	for (unsigned cold = 0; cold < 2; cold++) {
		never_warm = cold;
		run_well();
		assert_int_equal(flags(FLAG_VERIFY, -1, NULL), 0);
		assert_int_equal(flags(FLAG_RECORD_FULL, -1, &detail), 1);
		assert_non_null(strstr(detail, "lasted longer than the"));
		for (size_t i = 0; i < result.n_samples; i++) {
			assert_int_equal(values(i, "victim-gap", NULL, NULL), cold);
			assert_int_equal(values(i, "victim-still-cold", NULL, NULL), 0);
			assert_int_equal(values(i, "victim-warm-up", NULL, NULL), 0);
		}
		if (!cold)
			sampler_result_free(&result);
	}
}

/* More CPUs that flush take longer, and more is kept. */
static void what_is_kept_of_a_victim_follows_the_scope(void **state)
{
	struct reason why = { "" };
	size_t kept[2];

	(void)state;
	if (victim_supported(machine.topo, VICTIM_LLC, &why)) {
		print_message("%s\n", why.text);
		return;
	}
	for (unsigned turn = 0; turn < 2; turn++) {
		PLAN(turn ? "scope=turn" : "scope=one", "op=none", "dirty=0", "victim=llc",
		     "set=64K");
		run_well();
		kept[turn] = given;
		assert_int_equal(json_integer_value(json_object_get(result.setup, "victim_room")),
				 given);
		assert_true(given > 1 << 20);
		sampler_result_free(&result);
		plan_free(&plan);
	}
	assert_true(kept[1] >= kept[0]);
	assert_int_equal(kept[1] - kept[0], (topo_cpus(machine.topo) - 2) * (kept[0] - (1 << 20)));
}

/* ---- what goes wrong ---- */

static void a_flush_that_is_not_as_it_should_be_is_named(void **state)
{
	static const struct {
		enum fake_fault fault;
		bool needs_two; /* CPUs */
		const char *detail;
	} cases[] = {
		{ FAKE_FINE, false, NULL },
		{ FAKE_WRONG_CPU, true, "was" },
		{ FAKE_ELSEWHERE, true, "flushed" },
		{ FAKE_BEYOND, true, "flushed 1 times instead of 0" },
		{ FAKE_TWICE, false, "flushed 2 times instead of 1" },
		{ FAKE_NOT, false, "answered without executing" },
		{ FAKE_SILENT, false, "did not answer" },
		{ FAKE_BACKWARDS, false, "began before it was asked" },
		{ FAKE_BROKEN, false, "has not answered an earlier call" },
	};
	unsigned all[2] = { cpu, cpu };

	(void)state;
	topo_pick(machine.topo, TOPO_ALL, all, 2);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *detail = "";

		if (cases[i].needs_two && topo_cpus(machine.topo) < 2)
			continue;
		set_up(NULL);
		fake.fault = cases[i].fault;
		fake.fault_cpu = cpu;
		if (cases[i].fault == FAKE_BEYOND)
			fake.fault_cpu = all[0] == cpu ? all[1] : all[0];
		PLAN("scope=one", "op=wbinvd", "dirty=0");
		run_well();
		assert_int_equal(!!flags(FLAG_VERIFY, 0, &detail), !!cases[i].detail);
		if (cases[i].detail && !strstr(detail, cases[i].detail))
			fail_msg("case %zu: %s", i, detail);
		tear_down(NULL);
	}
}

static void a_module_that_went_away_fails_the_invocation(void **state)
{
	struct reason why = { "" };

	(void)state;
	PLAN("scope=one", "op=wbinvd", "dirty=1");
	fake.missing = "it was unloaded";
	assert_int_equal(run(&why), -ENOTSUP);
	assert_string_equal(why.text, fake.missing);
}

/* ---- does it flush? ---- */

static const char *examined(const char *op, const char *what)
{
	const json_t *all = json_object_get(result.setup, "examined");

	return json_string_value(json_object_get(json_object_get(all, op), what));
}

/* An emulator or a sanitizer hides what a miss costs: then nothing can be told, and is not. */
static bool is_blind(const char *op)
{
	return strstr(examined(op, "found"), "do not distinguish");
}

/* On a machine that others use a verdict may take another try; a wrong one never passes. */
static void examine_until_clear(const char *op, const char *setting)
{
	for (unsigned i = 0; i < 3; i++) {
		sampler_result_free(&result);
		plan_free(&plan);
		PLAN("scope=one", setting, "dirty=0,10");
		run_well();
		if (is_blind(op) || strcmp(examined(op, "verdict"), "cannot tell"))
			return;
		assert_true(flags(FLAG_NO_FLUSH, -1, NULL) || flags(FLAG_BUSY, -1, NULL));
	}
}

static void what_flushes_is_real(void **state)
{
	static const char *const ops[][2] = { { "wbinvd", "op=wbinvd,none" },
					      { "wbnoinvd", "op=wbnoinvd,none" },
					      { "sweep", "op=sweep" } };

	(void)state;
	machine.lane = LANE_HOST;
	fake.flush = sweep_regions;
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		examine_until_clear(ops[i][0], ops[i][1]);
		expect_no_verify_flag();
		if (!strcmp(examined(ops[i][0], "verdict"), "does nothing"))
			fail_msg("%s: %s", ops[i][0], examined(ops[i][0], "found"));
		if (!strcmp(examined(ops[i][0], "verdict"), "real"))
			assert_int_equal(flags(FLAG_NO_FLUSH, -1, NULL), 0);
	}
}

static void what_does_nothing_is_told_of_the_arms_that_do_it(void **state)
{
	const char *detail = "";
	bool guest = cpu_has(&machine.cpu, CPU_HYPERVISOR), open;

	(void)state;
	machine.lane = LANE_HOST;
	examine_until_clear("wbinvd", "op=wbinvd,none");
	open = strcmp(examined("wbinvd", "verdict"), "does nothing");
	if (open)
		assert_string_equal(examined("wbinvd", "verdict"), "cannot tell");
	for (unsigned arm = 0; arm < plan.groups[0].n_arms; arm++) {
		bool none = !strcmp(level(&plan.groups[0].arms[arm], "op"), "none");

		/* Where it cannot be decided a guest is not believed, and bare metal is. */
		if (open && !guest)
			assert_int_equal(flags(FLAG_BUSY, (int)arm, &detail), !none);
		else
			assert_int_equal(flags(FLAG_NO_FLUSH, (int)arm, &detail), !none);
	}
	assert_non_null(
		strstr(detail, open ? "wbinvd was not seen to flush" : "wbinvd does nothing"));
	assert_true(trust_flag_info(FLAG_NO_FLUSH)->fatal);
	assert_null(json_object_get(json_object_get(result.setup, "examined"), "none"));
}

static void a_guest_that_cannot_be_seen_through_is_not_believed(void **state)
{
	uint32_t features = machine.cpu.features;

	(void)state;
	machine.lane = LANE_HOST;
	for (unsigned guest = 0; guest < 2; guest++) {
		machine.cpu.features = guest ? features | 1u << CPU_HYPERVISOR
					     : features & ~(1u << CPU_HYPERVISOR);
		fake.flush = sweep_half;
		PLAN("scope=one", "op=wbinvd", "dirty=0");
		run_well();
		assert_string_equal(examined("wbinvd", "verdict"), "cannot tell");
		assert_int_equal(flags(FLAG_NO_FLUSH, -1, NULL), guest);
		assert_true(guest || flags(FLAG_BUSY, -1, NULL));
		sampler_result_free(&result);
		plan_free(&plan);
	}
	machine.cpu.features = features;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(the_words_are_those_of_the_module),
		TEST(cells_that_make_no_sense_are_skipped_with_a_reason),
		TEST(without_a_module_only_the_sweep_is_left),
		TEST(without_wbnoinvd_it_would_run_as_wbinvd),
		TEST(in_an_emulator_only_check_may_run_it),
		TEST(a_working_set_goes_by_the_caches),
		TEST(every_cpu_that_flushed_has_its_values),
		TEST(a_second_is_late),
		TEST(a_sweep_has_values_too),
		TEST(the_victim_does_not_flush_and_is_watched),
		TEST(a_victim_without_a_cpu_is_told),
		TEST(a_victim_whose_record_is_full_is_told),
		TEST(what_is_kept_of_a_victim_follows_the_scope),
		TEST(a_flush_that_is_not_as_it_should_be_is_named),
		TEST(a_module_that_went_away_fails_the_invocation),
		TEST(what_flushes_is_real),
		TEST(what_does_nothing_is_told_of_the_arms_that_do_it),
		TEST(a_guest_that_cannot_be_seen_through_is_not_believed),
	};

	return cmocka_run_group_tests(tests, open_machine, close_machine);
}
