// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The hooks of flush, called as the sampler does. Three functions are wrapped by the linker:
 * mem_alloc() tells where the region is, flush_op_fn() puts another flush in the place of the
 * table's, flush_fence() lets a test undo work behind the timed part.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/list.h"
#include "bench/ops/flush_detect.h"
#include "bench/ops/flush_ops.h"
#include "bench/ops/reset_ops.h"
#include "harness/machine/mem.h"
#include "harness/measure/design.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PAGE	      4096ul
#define REGION	      (256ul << 10)

/* ---- what a test does behind the benchmark's back ---- */

enum sabotage { NOTHING, FIRST_BYTE, LAST_BYTE, A_BYTE_BETWEEN, GUARD_BEFORE, GUARD_BEHIND };

static enum sabotage sabotage;
static struct mem *region;
static int alloc_error;
static size_t not_granted;
static flush_fn *instead; /* of the table's */
static enum flush_fence asked, fenced;

/* What was flushed, call by call. */
static struct {
	size_t at, bytes;
} flushed[4096];
static size_t n_flushed;

int __real_mem_alloc(struct mem *m, enum mem_backing backing, size_t bytes, size_t offset,
		     int (*place)(void *, void *, size_t, struct reason *), void *ctx,
		     struct reason *why);
int __wrap_mem_alloc(struct mem *m, enum mem_backing backing, size_t bytes, size_t offset,
		     int (*place)(void *, void *, size_t, struct reason *), void *ctx,
		     struct reason *why);
flush_fn *__real_flush_op_fn(const struct flush_op *op, enum flush_fence fence);
flush_fn *__wrap_flush_op_fn(const struct flush_op *op, enum flush_fence fence);
void __real_flush_fence(enum flush_fence fence);
void __wrap_flush_fence(enum flush_fence fence);

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

flush_fn *__wrap_flush_op_fn(const struct flush_op *op, enum flush_fence fence)
{
	asked = fence;
	return instead ? instead : __real_flush_op_fn(op, fence);
}

void __wrap_flush_fence(enum flush_fence fence)
{
	__real_flush_fence(fence);
	fenced = fence;
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
		region->base[region->bytes / 2 + 63] ^= 0x40;
		break;
	case GUARD_BEFORE:
		region->guard[0][PAGE - 1] ^= 1;
		break;
	case GUARD_BEHIND:
		region->guard[1][0] ^= 1;
		break;
	}
}

static void flush_nothing(const char *base, size_t bytes)
{
	(void)base;
	(void)bytes;
}

static void flush_every_second_line(const char *base, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += 128)
		__asm__ volatile("clflush %0" : : "m"(base[at]));
	__asm__ volatile("mfence" : : : "memory");
}

static void write_it_down(const char *base, size_t bytes)
{
	assert_true(n_flushed < ARRAY_SIZE(flushed));
	flushed[n_flushed].at = (size_t)(base - region->base);
	flushed[n_flushed++].bytes = bytes;
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
	alloc_error = 0;
	not_granted = 0;
	instead = NULL;
	n_flushed = 0;
	memset(flags, 0, sizeof(flags));
	return 0;
}

static void plan_with(const char *const *settings, size_t n)
{
	struct reason why = { "" };

	if (plan_add(&plan, &machine, &flush_bench, settings, n, &why))
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
	};
	topo_pick(machine.topo, TOPO_ONE, &ctx.cpu, 1);
	topo_bind_thread(machine.topo, ctx.cpu, NULL);
	return flush_bench.setup(&ctx, &bench_state, why);
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
		flush_bench.teardown(bench_state);
	bench_state = NULL;
	json_decref(ctx.facts);
	ctx.facts = NULL;
	plan_free(&plan);
	return 0;
}

static const char *level(unsigned arm, const char *factor)
{
	return ctx.arms[arm].levels[bench_find_factor(&flush_bench, factor)].text;
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

#define MOST                                                                                       \
	"flush=on,off", "insn=clflushopt,clflush,clwb", "page=4K,64K", "fence=call,sample",        \
		"barrier=mfence,sfence", "region=256K", "backing=4k", "order=sequential,shuffled", \
		"before=evicted,dirty,clean"
#define OUT "path=out", MOST
#define IN  "path=in", MOST, "store=none,movdir64b,clzero,rep_stosb"

/* ---- doing the work ---- */

static void every_arm_does_its_work(unsigned least)
{
	assert_true(ctx.n_arms >= least);
	for (unsigned arm = 0; arm < ctx.n_arms; arm++) {
		bool stores = !is(arm, "store", "none");
		bool nothing = is(arm, "flush", "off") && !stores;
		struct reason why = { "" };
		int ret = flush_bench.verify(bench_state, arm, &why);

		assert_arm(!ret, arm, why.text);
		flush_bench.prepare(bench_state, arm);
		assert_arm(flush_bench.sample(bench_state, arm, 1) == REGION / PAGE, arm, "work");
		assert_arm(flush_bench.repeatable(bench_state, arm) ==
				   (nothing || (!stores && is(arm, "before", "evicted"))),
			   arm, "repeatable");
	}
	assert_int_equal(flush_bench.finish(bench_state, NULL), 0);
}

static void every_arm_on_the_way_out_does_its_work(void **state)
{
	(void)state;
	OPEN(OUT);
	/* CLFLUSH is everywhere. */
	every_arm_does_its_work(2 * 1 * 2 * 2 * 2 * 2 * 3);
}

static void every_arm_on_the_way_in_does_its_work(void **state)
{
	(void)state;
	OPEN(IN);
	/* And so is REP STOSB. */
	every_arm_does_its_work(2 * 1 * 2 * 2 * 2 * 2 * 3 * 2);
}

static void a_sample_leaves_what_was_asked_for(void **state)
{
	static const char *const paths[] = { "path=out", "path=in" };

	(void)state;
	for (size_t p = 0; p < ARRAY_SIZE(paths); p++) {
		OPEN(paths[p], "flush=on,off", "region=256K", "backing=4k", "page=4K,64K",
		     "before=evicted,dirty,clean");
		for (unsigned arm = 0; arm < ctx.n_arms; arm++) {
			bool stores = !is(arm, "store", "none"), zero = true, same = true;

			memset(region->base, 0x77, region->bytes);
			flush_bench.prepare(bench_state, arm);
			/* Where nothing is touched nothing is brought into a state. */
			assert_arm(is(arm, "before", "dirty") && (is(arm, "flush", "on") || stores)
					   ? region->base[0] != 0x77 || region->base[1] != 0x77
					   : region->base[0] == 0x77,
				   arm, "prepared");
			flush_bench.sample(bench_state, arm, 1);
			for (size_t at = 0; at < region->bytes; at++) {
				zero &= !region->base[at];
				same &= region->base[at] == region->base[at % PAGE];
			}
			assert_arm(same && zero == stores, arm, "contents");
		}
		close_bench(NULL);
	}
}

/* Every page once, from a flush that writes down what it was asked for. */
static void the_whole_region_is_flushed_call_by_call(void **state)
{
	(void)state;
	instead = write_it_down;
	OPEN("path=in", "flush=on", "region=256K", "backing=4k", "page=4K,64K", "before=evicted",
	     "order=sequential,shuffled", "extra=none,3", "store=none,rep_stosb");
	assert_int_equal(ctx.n_arms, 16);
	for (unsigned arm = 0; arm < ctx.n_arms; arm++) {
		size_t bytes = is(arm, "page", "4K") ? PAGE : 16 * PAGE, calls = REGION / bytes;
		size_t extra = is(arm, "extra", "3") ? 3 : 0, seen = 0;
		bool ascending = true;

		n_flushed = 0;
		flush_bench.sample(bench_state, arm, 1);
		assert_arm(n_flushed == calls + extra, arm, "calls");
		for (size_t i = 0; i < n_flushed; i++) {
			assert_arm(flushed[i].bytes == bytes && flushed[i].at % bytes == 0, arm,
				   "range");
			if (i < calls)
				seen |= 1ul << (flushed[i].at / bytes);
			else
				assert_arm(flushed[i].at == flushed[i - calls].at, arm, "extra");
			ascending &= i == 0 || i >= calls || flushed[i].at > flushed[i - 1].at;
		}
		assert_arm(seen == (calls == 64 ? ~0ul : (1ul << calls) - 1), arm, "pages");
		assert_arm(ascending == is(arm, "order", "sequential"), arm, "order");
		assert_arm(flush_bench.sample(bench_state, arm, 5) == 5 * REGION / PAGE, arm,
			   "reps");
	}
}

static void fences_stand_where_the_path_has_them(void **state)
{
	static const struct {
		const char *settings[3];
		enum flush_fence in_call, behind;
	} cases[] = {
		{ { "path=out", "fence=call", "barrier=mfence" }, FLUSH_MFENCE, FLUSH_NO_FENCE },
		{ { "path=out", "fence=call", "barrier=sfence" }, FLUSH_SFENCE, FLUSH_NO_FENCE },
		{ { "path=out", "fence=sample", "barrier=mfence" }, FLUSH_NO_FENCE, FLUSH_MFENCE },
		{ { "path=in", "fence=call", "barrier=mfence" }, FLUSH_MFENCES, FLUSH_NO_FENCE },
		{ { "path=in", "fence=call", "barrier=sfence" }, FLUSH_SFENCES, FLUSH_NO_FENCE },
		{ { "path=in", "fence=sample", "barrier=sfence" }, FLUSH_NO_FENCE, FLUSH_SFENCES },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *const *s = cases[i].settings;

		OPEN(s[0], s[1], s[2], "region=256K", "backing=4k", "before=evicted", "flush=on");
		flush_bench.sample(bench_state, 0, 1);
		assert_int_equal(asked, cases[i].in_call);
		assert_int_equal(fenced, cases[i].behind);
		close_bench(NULL);
		/* Nothing was flushed: nothing is fenced. */
		OPEN(s[0], s[1], s[2], "region=256K", "backing=4k", "before=evicted", "flush=off");
		flush_bench.sample(bench_state, 0, 1);
		assert_int_equal(fenced, FLUSH_NO_FENCE);
		close_bench(NULL);
	}
}

static void prepare_says_what_the_module_needs(void **state)
{
	(void)state;
	OPEN("path=in", "flush=on,off", "region=256K", "backing=4k", "before=evicted");
	for (unsigned arm = 0; arm < ctx.n_arms; arm++) {
		/* As the other arm, or another benchmark, left it. */
		flush_features0 = ~flush_features0;
		reset_bug_bits = 0;
		flush_bench.prepare(bench_state, arm);
		assert_arm(flush_features0 ==
				   (is(arm, "flush", "on") ? FLUSH_CLFLUSH_BEFORE_ALLOC : 0),
			   arm, "bit");
		assert_arm(reset_bug_bits == RESET_BUG_TDX_PW_MCE, arm, "the stores are made");
	}
}

/* ---- work that is not done ---- */

/* Where it cannot be decided (emulators, a busy machine) a remark says so. */
static void assert_found_idle(unsigned arm)
{
	struct reason why = { "" };

	flags[FLAG_NOT_PROVED] = 0;
	if (flush_bench.verify(bench_state, arm, &why))
		assert_arm(strstr(why.text, "% of the lines are still cached"), arm, why.text);
	else
		assert_arm(flags[FLAG_NOT_PROVED] == 1, arm,
			   "a flush that does nothing passed as one that flushes");
}

static void a_flush_that_does_nothing_is_found(void **state)
{
	static const char *const regions[] = { "region=4K", "region=256K", "region=8M" };
	static const char *const paths[] = { "path=out", "path=in" };

	(void)state;
	instead = flush_nothing;
	for (size_t i = 0; i < ARRAY_SIZE(regions) * ARRAY_SIZE(paths); i++) {
		OPEN(paths[i % 2], regions[i / 2], "flush=on,off", "insn=clflushopt,clflush,clwb",
		     "backing=4k", "before=evicted", "fence=call,sample", "store=auto");
		for (unsigned arm = 0; arm < ctx.n_arms; arm++) {
			struct reason why = { "" };

			/* CLWB may keep its line, and so proves nothing. */
			if (is(arm, "flush", "on") && !is(arm, "insn", "clwb"))
				assert_found_idle(arm);
			else
				assert_arm(!flush_bench.verify(bench_state, arm, &why), arm,
					   why.text);
		}
		close_bench(NULL);
	}
}

static void a_flush_that_leaves_lines_out_is_found(void **state)
{
	(void)state;
	instead = flush_every_second_line;
	OPEN("path=out", "region=8M", "flush=on", "insn=clflush", "backing=4k", "before=evicted");
	assert_found_idle(0);
}

/* The flag is fatal, so that a machine's noise may not raise it: often, on small and large regions. */
static void a_flush_that_flushes_is_never_called_idle(void **state)
{
	static const char *const regions[] = { "region=4K", "region=64K", "region=1M",
					       "region=8M" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(regions); i++) {
		OPEN("path=out", regions[i], "flush=on", "insn=clflushopt,clflush", "backing=4k",
		     "before=evicted", "order=sequential,shuffled");
		for (unsigned n = 0; n < 40; n++) {
			unsigned arm = n % ctx.n_arms;
			struct reason why = { "" };

			assert_arm(!flush_bench.verify(bench_state, arm, &why), arm, why.text);
		}
		close_bench(NULL);
	}
}

static void sabotage_is_found(void **state)
{
	static const struct {
		enum sabotage sabotage;
		const char *out, *in;
	} cases[] = {
		{ FIRST_BYTE, "offset 0 has other contents", "offset 0 was not initialised" },
		{ LAST_BYTE, "offset 258048 has other contents",
		  "offset 258048 was not initialised" },
		{ A_BYTE_BETWEEN, "offset 131072 has other contents",
		  "offset 131072 was not initialised" },
		{ GUARD_BEFORE, "wrote before the start", "wrote before the start" },
		{ GUARD_BEHIND, "wrote past the end", "wrote past the end" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		OPEN("path=in", "flush=on,off", "insn=clflush,clwb", "region=256K", "backing=4k",
		     "store=none,memset", "before=dirty");
		for (unsigned arm = 0; arm < ctx.n_arms; arm++) {
			bool stores = is(arm, "store", "memset");
			struct reason why = { "" };

			sabotage = NOTHING;
			assert_arm(!flush_bench.verify(bench_state, arm, &why), arm, why.text);
			sabotage = cases[i].sabotage;
			if (sabotage >= GUARD_BEFORE) {
				/* Once: verify() runs more than one pass over the region. */
				flush_bench.sample(bench_state, arm, 1);
				sabotage = NOTHING;
			}
			assert_arm(flush_bench.verify(bench_state, arm, &why) == -EFAULT, arm,
				   "sabotage was not found");
			assert_arm(strstr(why.text, stores ? cases[i].in : cases[i].out), arm,
				   why.text);
			if (cases[i].sabotage >= GUARD_BEFORE) {
				/* Flipped twice it is as before. */
				sabotage = cases[i].sabotage;
				flush_bench.sample(bench_state, arm, 1);
			}
		}
		close_bench(NULL);
	}
}

static void a_touched_guard_is_found_at_the_end(void **state)
{
	struct reason why = { "" };

	(void)state;
	OPEN("path=out", "flush=on", "region=256K", "backing=4k", "before=evicted");
	flush_bench.sample(bench_state, 0, 1);
	assert_int_equal(flush_bench.finish(bench_state, &why), 0);
	sabotage = GUARD_BEHIND;
	flush_bench.sample(bench_state, 0, 1);
	assert_int_equal(flush_bench.finish(bench_state, &why), -EFAULT);
	assert_non_null(strstr(why.text, "wrote past the end"));
}

/* ---- setting up ---- */

static void huge_pages_that_were_not_granted_are_flagged(void **state)
{
	(void)state;
	not_granted = PAGE;
	OPEN("path=out", "region=256K", "backing=4k");
	assert_int_equal(flags[FLAG_HUGE_PAGES], 1);
	assert_int_equal(json_integer_value(json_object_get(ctx.facts, "granted")), REGION - PAGE);
}

static void memory_that_is_not_there_is_said_so(void **state)
{
	static const char *const settings[] = { "path=out", "region=256K", "backing=4k" };
	struct reason why = { "" };

	(void)state;
	plan_with(settings, 3);
	alloc_error = -ENOMEM;
	assert_int_equal(set_up(&why), -ENOMEM);
	assert_string_equal(why.text, "the memory is gone");
	assert_null(bench_state);
}

/* ---- what can run, and what is made of it ---- */

static void what_makes_no_sense_is_skipped(void **state)
{
	static const struct {
		const char *settings[5];
		const char *reason;
	} cases[] = {
		{ { "page=3K", "region=256K", "path=out" }, "page=3K is not a multiple of 4K" },
		{ { "page=12K", "region=256K", "path=out" },
		  "region=256K is not a multiple of page=12K" },
		{ { "extra=65", "region=256K", "path=out" },
		  "extra=65 is more than the region's 64 calls" },
		{ { "store=memset", "region=256K", "path=out" },
		  "path=out stores nothing; store=memset goes with path=in" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *settings[] = { cases[i].settings[0], cases[i].settings[1],
					   cases[i].settings[2], "backing=4k",
					   "flush=on",		 "before=evicted" };

		plan_with(settings, ARRAY_SIZE(settings));
		assert_int_equal(plan.n_cells, 1);
		assert_int_equal(plan.cells[0].state, CELL_SKIPPED);
		assert_string_equal(plan.cells[0].reason.text, cases[i].reason);
		plan_free(&plan);
	}
}

/* A CPU of our own: what it has decides, not what this machine has. */
static void machine_like(struct machine *m, uint32_t features, const char *synthetic)
{
	struct reason why = { "" };

	*m = (struct machine){ .root = "" };
	m->cpu.features = features;
	if (topo_open(&m->topo, synthetic, &why))
		fail_msg("%s", why.text);
}

#define HAS(f) (1u << CPU_##f)

static void levels_and_labels_follow_the_cpu(void **state)
{
	static const struct {
		uint32_t features;
		const char *path, *flush;
		const char *insn, *store;
		const char *stands_in; /* "": measured */
	} cases[] = {
		{ HAS(CLFLUSH) | HAS(CLFLUSHOPT) | HAS(MOVDIR64B), "path=in", "flush=on",
		  "clflushopt", "movdir64b", "" },
		{ HAS(CLFLUSH) | HAS(CLFLUSHOPT) | HAS(CLZERO), "path=in", "flush=on", "clflushopt",
		  "clzero", "clzero stands in for MOVDIR64B" },
		{ HAS(CLFLUSH) | HAS(CLZERO), "path=in", "flush=on", "clflush", "clzero",
		  "clflush stands in for CLFLUSHOPT, clzero for MOVDIR64B" },
		{ HAS(CLFLUSH) | HAS(CLZERO), "path=in", "flush=off", "clflush", "clzero",
		  "clzero stands in for MOVDIR64B" },
		{ HAS(CLFLUSH) | HAS(MOVDIR64B), "path=in", "flush=on", "clflush", "movdir64b",
		  "clflush stands in for CLFLUSHOPT" },
		{ HAS(CLFLUSH) | HAS(CLFLUSHOPT) | HAS(CLWB), "path=out", "flush=on", "clflushopt",
		  "none", "" },
		{ HAS(CLFLUSH), "path=out", "flush=on", "clflush", "none",
		  "clflush stands in for CLFLUSHOPT" },
		{ HAS(CLFLUSH), "path=out", "flush=off", "clflush", "none", "" },
		{ HAS(CLFLUSH), "path=in", "flush=on", "clflush", "rep_stosb",
		  "clflush stands in for CLFLUSHOPT, rep_stosb for MOVDIR64B" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *settings[] = { cases[i].path, cases[i].flush, "region=2M", "backing=4k",
					   "before=evicted" };
		struct reason why = { "" };
		struct machine m;

		machine_like(&m, cases[i].features, "pack:1 l3:1 core:2 pu:1");
		assert_int_equal(plan_add(&plan, &m, &flush_bench, settings, 5, &why), 0);
		assert_int_equal(plan.n_groups, 1);
		ctx.arms = plan.groups[0].arms;
		assert_string_equal(level(0, "insn"), cases[i].insn);
		assert_string_equal(level(0, "store"), cases[i].store);
		assert_string_equal(plan.cells[0].reason.text, cases[i].stands_in);
		assert_int_equal(plan.cells[0].kind,
				 *cases[i].stands_in ? KIND_ANALOGUE : KIND_MEASURED);
		plan_free(&plan);
		topo_close(m.topo);
	}
}

static void clwb_is_an_analogue(void **state)
{
	static const char *const settings[] = { "path=out",  "flush=on",   "insn=clwb",
						"region=2M", "backing=4k", "before=evicted" };
	struct machine m;

	(void)state;
	machine_like(&m, HAS(CLWB), "pack:1 l3:1 core:2 pu:1");
	assert_int_equal(plan_add(&plan, &m, &flush_bench, settings, 6, NULL), 0);
	assert_int_equal(plan.cells[0].kind, KIND_ANALOGUE);
	assert_string_equal(plan.cells[0].reason.text, "clwb stands in for CLFLUSHOPT");
	topo_close(m.topo);
}

static void an_instruction_that_is_not_there_is_skipped(void **state)
{
	static const struct {
		const char *setting, *reason;
	} cases[] = {
		{ "insn=clflushopt", "this CPU has no clflushopt" },
		{ "insn=clflush", "this CPU has no clflush" },
		{ "insn=clwb", "this CPU has no clwb" },
		{ "insn=auto", "this CPU has no instruction that flushes a line" },
	};
	struct machine m;

	(void)state;
	machine_like(&m, 0, "pack:1 l3:1 core:2 pu:1");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *settings[] = { "path=in",	"flush=on",   cases[i].setting,
					   "region=2M", "backing=4k", "before=evicted",
					   "store=none" };

		assert_int_equal(plan_add(&plan, &m, &flush_bench, settings, 7, NULL), 0);
		assert_int_equal(plan.cells[0].state, CELL_SKIPPED);
		assert_string_equal(plan.cells[0].reason.text, cases[i].reason);
		plan_free(&plan);
	}
	topo_close(m.topo);
}

static void a_store_that_is_not_there_is_skipped(void **state)
{
	static const char *const settings[] = { "path=in",	  "flush=on",
						"region=2M",	  "backing=4k",
						"before=evicted", "store=movdir64b,memset" };
	struct machine m;

	(void)state;
	machine_like(&m, HAS(CLFLUSH), "pack:1 l3:1 core:2 pu:1");
	assert_int_equal(plan_add(&plan, &m, &flush_bench, settings, 6, NULL), 0);
	assert_int_equal(plan.cells[0].state, CELL_SKIPPED);
	assert_string_equal(plan.cells[0].reason.text, "this CPU has no movdir64b");
	assert_int_equal(plan.cells[1].state, CELL_PLANNED);
	topo_close(m.topo);
}

/* Levels of the descriptor are indexes into the tables of the ops. */
static void levels_are_those_of_the_tables(void **state)
{
	const struct level_info *insn, *store;

	(void)state;
	insn = bench_factor(&flush_bench, (unsigned)bench_find_factor(&flush_bench, "insn"))
		       ->levels;
	store = bench_factor(&flush_bench, (unsigned)bench_find_factor(&flush_bench, "store"))
			->levels;
	for (size_t i = 0; flush_ops[i].name; i++)
		assert_string_equal(insn[i].name, flush_ops[i].name);
	for (size_t i = 0; reset_ops[i].name; i++) {
		assert_string_equal(store[i].name, reset_ops[i].name);
		assert_string_not_equal(store[i + 1].name, "auto");
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, clean_slate, close_bench)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(every_arm_on_the_way_out_does_its_work),
		TEST(every_arm_on_the_way_in_does_its_work),
		TEST(a_sample_leaves_what_was_asked_for),
		TEST(the_whole_region_is_flushed_call_by_call),
		TEST(fences_stand_where_the_path_has_them),
		TEST(prepare_says_what_the_module_needs),
		TEST(a_flush_that_does_nothing_is_found),
		TEST(a_flush_that_leaves_lines_out_is_found),
		TEST(a_flush_that_flushes_is_never_called_idle),
		TEST(sabotage_is_found),
		TEST(a_touched_guard_is_found_at_the_end),
		TEST(huge_pages_that_were_not_granted_are_flagged),
		TEST(memory_that_is_not_there_is_said_so),
		TEST(what_makes_no_sense_is_skipped),
		TEST(levels_and_labels_follow_the_cpu),
		TEST(clwb_is_an_analogue),
		TEST(an_instruction_that_is_not_there_is_skipped),
		TEST(a_store_that_is_not_there_is_skipped),
		TEST(levels_are_those_of_the_tables),
	};

	return cmocka_run_group_tests(tests, open_machine, close_machine);
}
