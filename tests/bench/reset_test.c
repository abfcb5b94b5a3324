// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The hooks of reset, called as the sampler does. mem_alloc(), reset_barrier() and flush_op_fn() are
 * wrapped by the linker: the first tells where the region is, the second lets a test undo work behind
 * the timed part, the third puts another flush in the place of the benchmark's.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench/list.h"
#include "bench/ops/flush_ops.h"
#include "bench/ops/reset_ops.h"
#include "harness/core/units.h"
#include "harness/machine/mem.h"
#include "harness/measure/design.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PAGE	      4096ul
#define REGION	      (256ul << 10)

/* ---- what a test does behind the benchmark's back ---- */

enum sabotage {
	NOTHING,
	FIRST_BYTE,
	LAST_BYTE,
	A_BYTE_BETWEEN,
	GUARD_BEFORE,
	GUARD_BEHIND,
};

static enum sabotage sabotage;
/* Who does it, where several threads pass by: each would undo the other's. */
static enum { ANYBODY, THE_FIRST, ANOTHER } saboteur;
static struct mem *region;
static int alloc_error;
static size_t not_granted;

int __real_mem_alloc(struct mem *m, enum mem_backing backing, size_t bytes, size_t offset,
		     int (*place)(void *, void *, size_t, struct reason *), void *ctx,
		     struct reason *why);
int __wrap_mem_alloc(struct mem *m, enum mem_backing backing, size_t bytes, size_t offset,
		     int (*place)(void *, void *, size_t, struct reason *), void *ctx,
		     struct reason *why);
flush_fn *__real_flush_op_fn(const struct flush_op *op, enum flush_fence fence);
flush_fn *__wrap_flush_op_fn(const struct flush_op *op, enum flush_fence fence);
void __real_reset_barrier(enum reset_barrier barrier);
void __wrap_reset_barrier(enum reset_barrier barrier);

int __wrap_mem_alloc(struct mem *m, enum mem_backing backing, size_t bytes, size_t offset,
		     int (*place)(void *, void *, size_t, struct reason *), void *ctx,
		     struct reason *why)
{
	int ret;

	if (alloc_error)
		return reason_set(why, alloc_error, "the memory is gone");
	ret = __real_mem_alloc(m, backing, bytes, offset, place, ctx, why);
	region = m;
	if (!ret)
		m->granted -= not_granted;
	return ret;
}

/* In the place of every flush; NULL: each is its own. */
static flush_fn *instead;

flush_fn *__wrap_flush_op_fn(const struct flush_op *op, enum flush_fence fence)
{
	assert_int_equal(fence, FLUSH_MFENCE);
	return instead ? instead : __real_flush_op_fn(op, fence);
}

void __wrap_reset_barrier(enum reset_barrier barrier)
{
	__real_reset_barrier(barrier);
	if (saboteur && (saboteur == THE_FIRST) != (gettid() == getpid()))
		return;
	switch (sabotage) {
	case NOTHING:
		break;
	case FIRST_BYTE:
		region->base[0] ^= 1;
		break;
	case LAST_BYTE:
		region->base[region->bytes - 1] ^= 1;
		break;
	case A_BYTE_BETWEEN:
		region->base[region->bytes / 2 + 63] ^= 0x80;
		break;
	case GUARD_BEFORE:
		region->guard[0][PAGE - 1] ^= 1;
		break;
	case GUARD_BEHIND:
		region->guard[1][0] ^= 1;
		break;
	}
}

/* ---- one process's worth ---- */

static struct machine machine;
static struct plan plan;
static struct bench_ctx ctx;
static void *bench_state;
static unsigned flags[FLAG_MAX];

static void raise_flag(struct bench_ctx *of, enum trust_flag flag, int arm, const char *detail)
{
	assert_ptr_equal(of, &ctx);
	/* What is seen of an arm's lines is of that arm; all else is of the machine. */
	if (flag == FLAG_NOT_PROVED || flag == FLAG_NOT_HELD)
		assert_in_range(arm, 0, ctx.n_arms - 1);
	else
		assert_int_equal(arm, -1);
	assert_true(*detail);
	flags[flag]++;
}

/* Subjects of metric 1, in the order in which they were named. */
static char series[64][32];
static int n_series;

static int name_series(struct bench_ctx *of, unsigned metric, const char *subject)
{
	assert_ptr_equal(of, &ctx);
	assert_int_equal(metric, 1);
	assert_true(n_series < 64);
	snprintf(series[n_series], sizeof(series[0]), "%s", subject);
	return n_series++;
}

/* The sampler's end of values(). */
struct bench_values {
	unsigned n;
	bool seen[64];
};

void bench_value(struct bench_values *out, int number, double value)
{
	assert_true(number >= 0 && number < n_series);
	assert_false(out->seen[number]);
	assert_true(value > 0);
	out->seen[number] = true;
	out->n++;
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
	sabotage = NOTHING;
	saboteur = ANYBODY;
	instead = NULL;
	alloc_error = 0;
	not_granted = 0;
	memset(flags, 0, sizeof(flags));
	return 0;
}

static void plan_with(const char *const *settings, size_t n)
{
	struct reason why = { "" };

	if (plan_add(&plan, &machine, &reset_bench, settings, n, &why))
		fail_msg("%s", why.text);
}

static int set_up(struct reason *why)
{
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
	return reset_bench.setup(&ctx, &bench_state, why);
}

#define OPEN(...)                                        \
	open_bench((const char *const[]){ __VA_ARGS__ }, \
		   ARRAY_SIZE(((const char *const[]){ __VA_ARGS__ })))

static void open_bench(const char *const *settings, size_t n)
{
	struct reason why = { "" };

	plan_with(settings, n);
	if (set_up(&why))
		fail_msg("%s", why.text);
}

static int close_bench(void **state)
{
	(void)state;
	if (bench_state)
		reset_bench.teardown(bench_state);
	bench_state = NULL;
	json_decref(ctx.facts);
	ctx.facts = NULL;
	plan_free(&plan);
	return 0;
}

static const char *level(unsigned arm, const char *factor)
{
	return ctx.arms[arm].levels[bench_find_factor(&reset_bench, factor)].text;
}

static bool is(unsigned arm, const char *factor, const char *text)
{
	return !strcmp(level(arm, factor), text);
}

static void assert_arm(bool ok, unsigned arm, const char *what)
{
	char text[256];

	if (!ok)
		fail_msg("%s: %s", cell_text(&ctx.arms[arm], UINT32_MAX, text, sizeof(text)), what);
}

#define EVERYTHING                                                                         \
	"quirk=on,off", "insn=movdir64b,clzero,ntstore512,ntstore256,rep_stosb,memset",    \
		"unroll=1,4", "page=4K,64K", "fence=call,sample", "barrier=mfence,sfence", \
		"region=256K", "backing=4k", "order=sequential,shuffled",                  \
		"before=evicted,dirty,clean,just_flushed", "source=zero,pattern"

/* ---- doing the work ---- */

static void every_arm_does_its_work(void **state)
{
	(void)state;
	OPEN(EVERYTHING);
	/* Two instructions are everywhere. */
	assert_true(ctx.n_arms >= 2 * 2 * 2 * 2 * 2 * 2 * 4 * 2);
	for (unsigned arm = 0; arm < ctx.n_arms; arm++) {
		struct reason why = { "" };
		int ret = reset_bench.verify(bench_state, arm, &why);

		assert_arm(!ret, arm, why.text);
		reset_bench.prepare(bench_state, arm);
		assert_arm(reset_bench.sample(bench_state, arm, 1) == REGION / PAGE, arm, "work");
		assert_arm(reset_bench.repeatable(bench_state, arm) == is(arm, "quirk", "off"), arm,
			   "repeatable");
	}
	assert_int_equal(reset_bench.finish(bench_state, NULL), 0);
}

static void a_sample_leaves_what_was_asked_for(void **state)
{
	(void)state;
	OPEN(EVERYTHING);
	for (unsigned arm = 0; arm < ctx.n_arms; arm++) {
		bool zero = is(arm, "source", "zero"), same = true;

		memset(region->base, 0x77, region->bytes);
		reset_bench.prepare(bench_state, arm);
		/* Without the erratum nothing is brought into a state, for nothing is touched. */
		assert_arm(is(arm, "quirk", "on") || region->base[0] == 0x77, arm, "prepared");
		reset_bench.sample(bench_state, arm, 1);
		for (size_t at = 1; at < region->bytes; at++)
			same &= region->base[at] == region->base[at % LINE];
		if (is(arm, "quirk", "off"))
			assert_arm(same && region->base[0] == 0x77, arm, "touched");
		else
			assert_arm(same && (region->base[0] == 0) == zero, arm, "not reset");
	}
}

/* Looks at each range that it is given and flushes none of it. */
static size_t looked_at, not_reset_yet;

static void look(const char *base, size_t bytes)
{
	looked_at++;
	not_reset_yet += *base == 0x77 && bytes == PAGE;
}

static void pages_are_flushed_before_their_reset_with_either_quirk(void **state)
{
	(void)state;
	instead = look;
	OPEN("quirk=on,off", "insn=memset", "page=4K,64K", "region=256K", "backing=4k",
	     "order=sequential,shuffled", "before=just_flushed,evicted", "extra=none,1");
	for (unsigned arm = 0; arm < ctx.n_arms; arm++) {
		size_t pages = is(arm, "before", "just_flushed") ? REGION / PAGE : 0;

		looked_at = not_reset_yet = 0;
		memset(region->base, 0x77, region->bytes);
		reset_bench.prepare(bench_state, arm);
		assert_arm(!looked_at, arm, "flushed before the sample");
		reset_bench.sample(bench_state, arm, 1);
		assert_arm(looked_at == pages && not_reset_yet == pages, arm, "flushed");
	}
}

static void a_flush_that_does_not_flush_is_found(void **state)
{
	(void)state;
	instead = look;
	OPEN("quirk=on,off", "insn=memset", "region=256K", "backing=4k", "before=just_flushed");
	for (unsigned arm = 0; arm < ctx.n_arms; arm++) {
		struct reason why = { "" };

		flags[FLAG_NOT_PROVED] = 0;
		if (reset_bench.verify(bench_state, arm, &why))
			assert_arm(strstr(why.text, "of the lines are still cached"), arm,
				   why.text);
		else
			assert_arm(flags[FLAG_NOT_PROVED] == 1, arm,
				   "a flush that does nothing passed as one that flushes");
	}
}

static void repeating_is_more_work(void **state)
{
	(void)state;
	OPEN("quirk=off", "region=256K", "backing=4k");
	assert_int_equal(reset_bench.sample(bench_state, 0, 1), REGION / PAGE);
	assert_int_equal(reset_bench.sample(bench_state, 0, 1000), 1000 * REGION / PAGE);
}

/* The kernel's flag turned off between the calls: the loop must look at it each time. */
static void the_erratum_is_asked_for_at_each_call(void **state)
{
	(void)state;
	OPEN("quirk=on", "insn=memset", "region=256K", "backing=4k");
	memset(region->base, 0x77, region->bytes);
	reset_bench.prepare(bench_state, 0);
	reset_bug_bits = 0;
	reset_bench.sample(bench_state, 0, 1);
	assert_int_equal(region->base[0], 0x77);
	/* And prepare() sets it again. */
	reset_bench.prepare(bench_state, 0);
	reset_bench.sample(bench_state, 0, 1);
	assert_int_equal(region->base[0], 0);
}

/* ---- work that is not done ---- */

static void sabotage_is_found(void **state)
{
	static const struct {
		enum sabotage sabotage;
		const char *on, *off;
	} cases[] = {
		{ FIRST_BYTE, "offset 0 was not reset", "was changed though quirk=off" },
		{ LAST_BYTE, "offset 258048 was not reset", "was changed though quirk=off" },
		{ A_BYTE_BETWEEN, "offset 131072 was not reset", "was changed though quirk=off" },
		{ GUARD_BEFORE, "wrote before the start", "wrote before the start" },
		{ GUARD_BEHIND, "wrote past the end", "wrote past the end" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		OPEN("quirk=on,off", "insn=rep_stosb,memset", "source=zero,pattern", "region=256K",
		     "backing=4k", "page=4K,64K");
		for (unsigned arm = 0; arm < ctx.n_arms; arm++) {
			const char *want = is(arm, "quirk", "on") ? cases[i].on : cases[i].off;
			struct reason why = { "" };

			sabotage = NOTHING;
			assert_arm(!reset_bench.verify(bench_state, arm, &why), arm, why.text);
			sabotage = cases[i].sabotage;
			assert_arm(reset_bench.verify(bench_state, arm, &why) == -EFAULT, arm,
				   "sabotage was not found");
			assert_arm(strstr(why.text, want), arm, why.text);
			/* Flipped twice it is as before. */
			reset_bench.sample(bench_state, arm, 1);
		}
		close_bench(NULL);
	}
}

/* Every byte, whoever resets it; and a time of each CPU that took part, of no other. */
static void cpus_share_the_work(void **state)
{
	unsigned cpus = topo_cpus(machine.topo), first;

	(void)state;
	if (cpus < 2)
		fail_msg("one CPU: nothing to share with");
	topo_pick(machine.topo, TOPO_ONE, &first, 1);
	OPEN("quirk=on,off", "insn=rep_stosb,memset,ntstore256", "order=sequential,shuffled",
	     "before=evicted,just_flushed,clean", "source=zero,pattern", "region=260K",
	     "backing=4k", "fence=call,sample", "threads=1,2", "extra=none,3");
	assert_int_equal(n_series, 2);
	for (int i = 0; i < n_series; i++)
		assert_int_equal(strncmp(series[i], "cpu ", 4), 0);
	assert_int_equal(atoi(series[0] + 4), first);
	assert_string_not_equal(series[0], series[1]);
	for (unsigned arm = 0; arm < ctx.n_arms; arm++) {
		struct bench_values values = { 0 };
		struct reason why = { "" };

		assert_arm(!reset_bench.verify(bench_state, arm, &why), arm, why.text);
		reset_bench.prepare(bench_state, arm);
		assert_int_equal(reset_bench.sample(bench_state, arm, 2), 2 * 65);
		reset_bench.values(bench_state, arm, &values);
		assert_int_equal(values.n, is(arm, "threads", "2") ? 2 : 0);
	}
	assert_int_equal(reset_bench.finish(bench_state, NULL), 0);
}

static void a_share_that_is_not_done_is_found(void **state)
{
	(void)state;
	OPEN("quirk=on", "insn=memset", "region=256K", "backing=4k", "threads=2");
	for (saboteur = THE_FIRST; saboteur <= ANOTHER; saboteur++) {
		struct reason why = { "" };

		/* In its own share, behind its own stores. */
		sabotage = saboteur == THE_FIRST ? FIRST_BYTE : LAST_BYTE;
		assert_int_equal(reset_bench.verify(bench_state, 0, &why), -EFAULT);
		assert_non_null(strstr(why.text, "was not reset"));
		sabotage = NOTHING;
		assert_int_equal(reset_bench.verify(bench_state, 0, &why), 0);
	}
}

static void a_touched_guard_is_found_at_the_end(void **state)
{
	static const enum sabotage cases[] = { GUARD_BEFORE, GUARD_BEHIND };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reason why = { "" };

		OPEN("quirk=on", "insn=memset", "region=256K", "backing=4k");
		sabotage = NOTHING;
		reset_bench.sample(bench_state, 0, 1);
		assert_int_equal(reset_bench.finish(bench_state, &why), 0);
		sabotage = cases[i];
		reset_bench.sample(bench_state, 0, 1);
		assert_int_equal(reset_bench.finish(bench_state, &why), -EFAULT);
		assert_non_null(strstr(why.text, "wrote "));
		close_bench(NULL);
	}
}

/* ---- setting up ---- */

static void setup_says_what_it_drew_and_what_it_was_granted(void **state)
{
	json_int_t first, offset;

	(void)state;
	OPEN("region=256K", "backing=4k");
	first = json_integer_value(json_object_get(ctx.facts, "offset"));
	assert_int_equal(first % PAGE, 0);
	assert_true(first < 2 << 20);
	assert_int_equal((uintptr_t)region->base % (2 << 20), first);
	assert_int_equal(json_integer_value(json_object_get(ctx.facts, "granted")), REGION);
	assert_int_equal(flags[FLAG_HUGE_PAGES], 0);
	/* S4: another seed, another place. */
	for (ctx.seed = 0; ctx.seed < 20; ctx.seed++) {
		struct reason why = { "" };

		reset_bench.teardown(bench_state);
		assert_int_equal(reset_bench.setup(&ctx, &bench_state, &why), 0);
		offset = json_integer_value(json_object_get(ctx.facts, "offset"));
		if (offset != first)
			break;
	}
	assert_int_not_equal(offset, first);
}

static void huge_pages_that_were_not_granted_are_flagged(void **state)
{
	(void)state;
	not_granted = PAGE;
	OPEN("region=256K", "backing=4k");
	assert_int_equal(flags[FLAG_HUGE_PAGES], 1);
}

static void memory_that_is_not_there_is_said_so(void **state)
{
	static const char *const settings[] = { "region=256K", "backing=4k" };
	struct reason why = { "" };

	(void)state;
	plan_with(settings, 2);
	alloc_error = -ENOMEM;
	assert_int_equal(set_up(&why), -ENOMEM);
	assert_string_equal(why.text, "the memory is gone");
	assert_null(bench_state);
}

static void a_shuffled_order_visits_every_page_once(void **state)
{
	(void)state;
	/* Pages that were not visited would still hold what was there before. */
	OPEN("quirk=on", "insn=memset", "region=4M", "backing=4k", "order=shuffled", "page=4K,16K");
	for (unsigned arm = 0; arm < ctx.n_arms; arm++) {
		memset(region->base, 0x77, region->bytes);
		reset_bench.prepare(bench_state, arm);
		reset_bench.sample(bench_state, arm, 1);
		for (size_t at = 0; at < region->bytes; at++)
			if (region->base[at])
				fail_msg("byte %zu", at);
	}
}

/* ---- what can run, and what is made of it ---- */

static void what_makes_no_sense_is_skipped(void **state)
{
	static const struct {
		const char *settings[4];
		const char *reason;
	} cases[] = {
		{ { "threads=9999", "region=256K", "backing=4k", "quirk=on" },
		  "threads=9999: there are" },
		{ { "threads=2", "region=4K", "backing=4k", "quirk=on" },
		  "threads=2 is more than the region's 1 calls" },
		{ { "backing=direct", "region=256K", "mode=user", "quirk=on" },
		  "backing=direct is of mode=kernel" },
		{ { "mode=kernel", "region=256K", "insn=memset", "quirk=on" },
		  "mode=kernel does not have insn=memset" },
		{ { "mode=kernel", "region=256K", "source=pattern", "quirk=on" },
		  "mode=kernel does not have source=pattern" },
		{ { "mode=kernel", "region=256K", "threads=2", "quirk=on" },
		  "mode=kernel does not have threads=2" },
		{ { "mode=kernel", "region=256K", "backing=thp", "quirk=on" },
		  "mode=kernel does not have backing=thp" },
		{ { "page=3K", "region=256K", "backing=4k", "quirk=on" },
		  "page=3K is not a multiple of 4K" },
		{ { "page=12K", "region=256K", "backing=4k", "quirk=on" },
		  "region=256K is not a multiple of page=12K" },
		{ { "page=2M", "region=1M", "backing=4k", "quirk=on" },
		  "region=1M is not a multiple of page=2M" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		plan_with(cases[i].settings, 4);
		assert_int_equal(plan.n_cells, 1);
		assert_int_equal(plan.cells[0].state, CELL_SKIPPED);
		if (strncmp(plan.cells[0].reason.text, cases[i].reason, strlen(cases[i].reason)))
			fail_msg("'%s' is not '%s'", plan.cells[0].reason.text, cases[i].reason);
		plan_free(&plan);
	}
}

static void a_region_that_does_not_fit_refuses_the_run(void **state)
{
	static const char *const settings[] = { "region=8192T", "backing=4k" };
	struct reason why = { "" };

	(void)state;
	assert_int_equal(plan_add(&plan, &machine, &reset_bench, settings, 2, &why), -ENOMEM);
	assert_non_null(strstr(why.text, "do not fit"));
	assert_non_null(strstr(why.text, "would"));
}

/* A CPU of our own: what it has decides, not what this machine has. */
static void machine_like(struct machine *m, uint32_t features, bool affected, const char *synthetic)
{
	struct reason why = { "" };

	*m = (struct machine){ .root = "" };
	m->cpu.features = features;
	m->cpu.cpu_affected = affected;
	if (topo_open(&m->topo, synthetic, &why))
		fail_msg("%s", why.text);
}

static void auto_follows_the_cpu(void **state)
{
	static const struct {
		uint32_t features;
		bool affected;
		const char *insn, *quirk;
		enum kind kind;
	} cases[] = {
		{ 0, false, "rep_stosb", "off", KIND_MEASURED },
		{ 0, true, "rep_stosb", "on", KIND_ANALOGUE },
		{ 1u << CPU_AVX2, true, "ntstore256", "on", KIND_ANALOGUE },
		{ 1u << CPU_AVX2 | 1u << CPU_AVX512F, true, "ntstore512", "on", KIND_ANALOGUE },
		{ 1u << CPU_CLZERO | 1u << CPU_AVX512F, true, "clzero", "on", KIND_ANALOGUE },
		{ 1u << CPU_MOVDIR64B | 1u << CPU_AVX512F, true, "movdir64b", "on", KIND_MEASURED },
	};
	static const char *const settings[] = { "quirk=auto", "insn=auto", "region=2M",
						"backing=4k" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reason why = { "" };
		struct machine m;

		machine_like(&m, cases[i].features, cases[i].affected, "pack:1 l3:1 core:2 pu:1");
		assert_int_equal(plan_add(&plan, &m, &reset_bench, settings, 4, &why), 0);
		assert_int_equal(plan.n_groups, 1);
		ctx.arms = plan.groups[0].arms;
		assert_string_equal(level(0, "insn"), cases[i].insn);
		assert_string_equal(level(0, "quirk"), cases[i].quirk);
		assert_int_equal(plan.cells[0].kind, cases[i].kind);
		if (cases[i].kind == KIND_ANALOGUE)
			assert_non_null(
				strstr(plan.cells[0].reason.text, "stands in for MOVDIR64B"));
		plan_free(&plan);
		topo_close(m.topo);
	}
}

/* Which instructions have a loop of four stores, as this CPU has them all; in the kernel, one. */
static void unroll_of_an_instruction_without_such_a_loop_is_skipped(void **state)
{
	static const char *const settings[] = {
		"quirk=on",   "insn=movdir64b,clzero,ntstore512,ntstore256,rep_stosb,memset",
		"region=2M",  "backing=4k",
		"unroll=1,4",
	};
	const uint32_t all = 1u << CPU_MOVDIR64B | 1u << CPU_CLZERO | 1u << CPU_AVX512F |
			     1u << CPU_AVX2;
	struct reason why = { "" };
	struct machine m;

	(void)state;
	machine_like(&m, all, true, "pack:1 l3:1 core:2 pu:1");
	assert_int_equal(plan_add(&plan, &m, &reset_bench, settings, 5, &why), 0);
	assert_int_equal(plan.n_cells, 12);
	for (size_t i = 0; i < plan.n_cells; i++) {
		bool loop_is_there = i % 2 == 0 || i / 2 < 2;

		assert_int_equal(plan.cells[i].state, loop_is_there ? CELL_PLANNED : CELL_SKIPPED);
		if (!loop_is_there)
			assert_non_null(strstr(plan.cells[i].reason.text,
					       "unroll=4 is for movdir64b and clzero; "));
	}
	topo_close(m.topo);
}

static void an_instruction_that_is_not_there_is_skipped(void **state)
{
	static const char *const settings[] = {
		"quirk=on",
		"insn=movdir64b,clzero,ntstore512,ntstore256,rep_stosb,memset",
		"region=2M",
		"backing=4k",
	};
	static const char *const reasons[] = { "this CPU has no movdir64b",
					       "this CPU has no clzero", "this CPU has no avx512f",
					       "this CPU has no avx2" };
	struct reason why = { "" };
	struct machine m;

	(void)state;
	machine_like(&m, 0, false, "pack:1 l3:1 core:2 pu:1");
	assert_int_equal(plan_add(&plan, &m, &reset_bench, settings, 4, &why), 0);
	assert_int_equal(plan.n_cells, 6);
	for (size_t i = 0; i < plan.n_cells; i++) {
		assert_int_equal(plan.cells[i].state, i < 4 ? CELL_SKIPPED : CELL_PLANNED);
		if (i < 4)
			assert_string_equal(plan.cells[i].reason.text, reasons[i]);
	}
	topo_close(m.topo);
}

static void clzero_stores_nothing_but_zeros(void **state)
{
	static const char *const settings[] = { "quirk=on", "insn=clzero", "source=zero,pattern",
						"region=2M", "backing=4k" };
	struct reason why = { "" };
	struct machine m;

	(void)state;
	machine_like(&m, 1u << CPU_CLZERO, false, "pack:1 l3:1 core:2 pu:1");
	assert_int_equal(plan_add(&plan, &m, &reset_bench, settings, 5, &why), 0);
	assert_int_equal(plan.cells[0].state, CELL_PLANNED);
	assert_int_equal(plan.cells[1].state, CELL_SKIPPED);
	assert_string_equal(plan.cells[1].reason.text, "clzero stores zeros only");
	topo_close(m.topo);
}

static void regions_follow_the_llc(void **state)
{
	static const struct {
		const char *machine;
		uint64_t llc;
		const char *small, *large;
	} cases[] = {
		{ "pack:1 l3:1(size=8388608) core:2 pu:1", 8 << 20, "2M", "32M" },
		{ "pack:1 l3:1(size=33554432) core:2 pu:1", 32 << 20, "8M", "128M" },
		{ "pack:1 l3:1(size=31457280) core:2 pu:1", 30 << 20, "4M", "64M" },
		{ "pack:2 l3:2(size=12582912) core:2 pu:1", 12 << 20, "2M", "32M" },
	};
	static const char *const settings[] = { "quirk=on", "insn=memset", "region=small,large",
						"backing=4k" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reason why = { "" };
		struct machine m;
		uint64_t bytes = 0;

		machine_like(&m, 0, false, cases[i].machine);
		if (plan_add(&plan, &m, &reset_bench, settings, 4, &why))
			fail_msg("%s", why.text);
		assert_int_equal(plan.n_groups, 2);
		ctx.arms = plan.groups[0].arms;
		assert_string_equal(level(0, "region"), cases[i].small);
		size_parse(level(0, "region"), &bytes);
		assert_true(bytes <= cases[i].llc / 4);
		ctx.arms = plan.groups[1].arms;
		assert_string_equal(level(0, "region"), cases[i].large);
		size_parse(level(0, "region"), &bytes);
		assert_true(bytes > 2 * cases[i].llc);
		plan_free(&plan);
		topo_close(m.topo);
	}
}

static void cached_lines_need_room_in_the_cache(void **state)
{
	static const char *const settings[] = { "quirk=on", "insn=memset", "region=4M,16M",
						"backing=4k", "before=dirty,clean,evicted" };
	struct reason why = { "" };
	struct machine m;

	(void)state;
	machine_like(&m, 0, false, "pack:1 l3:1(size=8388608) core:2 pu:1");
	assert_int_equal(plan_add(&plan, &m, &reset_bench, settings, 5, &why), 0);
	assert_int_equal(plan.n_cells, 6);
	for (size_t i = 0; i < plan.n_cells; i++) {
		ctx.arms = &plan.cells[i].cell;
		assert_int_equal(plan.cells[i].state == CELL_SKIPPED,
				 is(0, "region", "16M") && !is(0, "before", "evicted"));
		if (plan.cells[i].state == CELL_SKIPPED)
			assert_non_null(strstr(plan.cells[i].reason.text, "an LLC of 8 MiB"));
	}
	topo_close(m.topo);
}

/* More than one node does not say that a CPU has a remote one: memory may be by no CPU of ours. */
static void remote_memory_is_by_another_cpu(void **state)
{
	static const struct {
		const char *machine, *complaint; /* NULL: there is one */
	} cases[] = {
		{ "pack:1 numa:1 l3:1 core:2 pu:1", "one NUMA node" },
		{ "pack:1 [numa] [numa] l3:1 core:4 pu:1",
		  "beside the node of CPU 0 there is none" },
		{ "pack:2 [numa] [numa] l3:1 core:2 pu:1", NULL },
		{ "pack:2 numa:1 l3:1 core:2 pu:1", NULL },
	};
	static const char *const settings[] = { "quirk=on",   "insn=memset", "region=2M",
						"backing=4k", "node=remote", "mode=user" };
	static const char *const kernel[] = { "quirk=off", "region=2M", "node=remote",
					      "mode=kernel" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reason why = { "" };
		struct machine m;

		machine_like(&m, 0, false, cases[i].machine);
		for (unsigned in_kernel = 0; in_kernel < 2; in_kernel++) {
			assert_int_equal(plan_add(&plan, &m, &reset_bench,
						  in_kernel ? kernel : settings, in_kernel ? 4 : 6,
						  &why),
					 0);
			if (cases[i].complaint)
				assert_non_null(
					strstr(plan.cells[0].reason.text, cases[i].complaint));
			else if (!in_kernel)
				assert_int_equal(plan.cells[0].state, CELL_PLANNED);
			plan_free(&plan);
		}
		topo_close(m.topo);
	}
}

/* What a plan asked is asked again of the CPU that is measured on: --cpu names any. */
static void without_a_remote_node_nothing_is_set_up(void **state)
{
	struct reason why = { "" };
	struct machine m = machine;

	(void)state;
	if (topo_open(&m.topo, "pack:2 numa:1 l3:1 core:2 pu:1", &why))
		fail_msg("%s", why.text);
	assert_int_equal(plan_add(&plan, &m, &reset_bench,
				  (const char *const[]){ "quirk=on", "insn=memset", "region=256K",
							 "backing=4k", "node=remote" },
				  5, &why),
			 0);
	topo_close(m.topo);
	m = machine;
	if (topo_open(&machine.topo, "pack:1 [numa] [numa] l3:1 core:4 pu:1", &why))
		fail_msg("%s", why.text);
	assert_int_equal(set_up(&why), -ENOTSUP);
	assert_non_null(strstr(why.text, "there is none for CPU 0"));
	assert_null(bench_state);
	topo_close(machine.topo);
	machine = m;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, clean_slate, close_bench)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(every_arm_does_its_work),
		TEST(a_sample_leaves_what_was_asked_for),
		TEST(pages_are_flushed_before_their_reset_with_either_quirk),
		TEST(a_flush_that_does_not_flush_is_found),
		TEST(repeating_is_more_work),
		TEST(the_erratum_is_asked_for_at_each_call),
		TEST(sabotage_is_found),
		TEST(cpus_share_the_work),
		TEST(a_share_that_is_not_done_is_found),
		TEST(a_touched_guard_is_found_at_the_end),
		TEST(setup_says_what_it_drew_and_what_it_was_granted),
		TEST(huge_pages_that_were_not_granted_are_flagged),
		TEST(memory_that_is_not_there_is_said_so),
		TEST(a_shuffled_order_visits_every_page_once),
		TEST(what_makes_no_sense_is_skipped),
		TEST(a_region_that_does_not_fit_refuses_the_run),
		TEST(auto_follows_the_cpu),
		TEST(unroll_of_an_instruction_without_such_a_loop_is_skipped),
		TEST(an_instruction_that_is_not_there_is_skipped),
		TEST(clzero_stores_nothing_but_zeros),
		TEST(regions_follow_the_llc),
		TEST(cached_lines_need_room_in_the_cache),
		TEST(remote_memory_is_by_another_cpu),
		TEST(without_a_remote_node_nothing_is_set_up),
	};

	return cmocka_run_group_tests(tests, open_machine, close_machine);
}
