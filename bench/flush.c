// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * flush: flush the lines of pages, as is done when a page changes its KeyID.
 *
 * path=out is what TDH.PHYMEM.PAGE.WBINVD does to each page that is removed from a TD; path=in is
 * what KVM does before it hands a page over, followed by the stores that initialise the page. With
 * flush=off neither is done, as a module without TDX_FEATURES0.CLFLUSH_BEFORE_ALLOC allows. The
 * pages are ordinary memory: a KeyID's alias is another address, and not in the figure.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bench/list.h"
#include "bench/ops/flush_detect.h"
#include "bench/ops/flush_ops.h"
#include "bench/ops/held.h"
#include "bench/ops/lines.h"
#include "bench/ops/region.h"
#include "bench/ops/reset_ops.h"

#define PAGE 4096ul

enum {
	F_PATH,
	F_FLUSH,
	F_INSN,
	F_PAGE,
	F_FENCE,
	F_BARRIER,
	F_STORE,
	F_REGION,
	F_BACKING,
	F_ORDER,
	F_BEFORE,
	F_EXTRA,
	F_MAX
};

enum { PATH_OUT, PATH_IN };
enum { FLUSH_ON, FLUSH_OFF };
enum { FENCE_CALL, FENCE_SAMPLE };
enum { BARRIER_MFENCE, BARRIER_SFENCE };
enum { SIZE_SMALL, SIZE_LARGE };
enum { BEFORE_EVICTED, BEFORE_DIRTY, BEFORE_CLEAN };
enum { STORE_NONE = 6, STORE_AUTO };

static const struct level_info path_levels[] = {
	[PATH_OUT] = { "out", "out of a TD: TDH.PHYMEM.PAGE.WBINVD, lines and a fence", false },
	[PATH_IN] = { "in",
		      "into a TD: a fence, lines, a fence, as clflush_cache_range(); then the "
		      "stores",
		      false },
	{ NULL, NULL, false },
};

static const struct level_info flush_levels[] = {
	[FLUSH_ON] = { "on", "flush, as Linux does whatever the module says", false },
	[FLUSH_OFF] = { "off", "return at once: CLFLUSH_BEFORE_ALLOC is 0, and looked at", false },
	{ NULL, NULL, false },
};

/* Indexes of the instructions are those of flush_ops[]. */
static const struct level_info insn_levels[] = {
	{ "clflushopt", "drops the line, weakly ordered: the module's and the kernel's", false },
	{ "clflush", "drops the line, one after the other (analogue)", false },
	{ "clwb", "writes back and may keep the line (analogue)", false },
	{ "auto", "the first of them that this CPU has", true },
	{ NULL, NULL, false },
};

static const struct level_info fence_levels[] = {
	[FENCE_CALL] = { "call", "in each flush call, where the path has it", false },
	[FENCE_SAMPLE] = { "sample", "once, behind the whole region", false },
	{ NULL, NULL, false },
};

static const struct level_info barrier_levels[] = {
	[BARRIER_MFENCE] = { "mfence", "the module's, and the kernel's mb()", false },
	[BARRIER_SFENCE] = { "sfence", "what CLFLUSHOPT needs at least", false },
	{ NULL, NULL, false },
};

/* Indexes of the stores are those of reset_ops[]. */
static const struct level_info store_levels[] = {
	{ "movdir64b", "64-byte direct store, the module's instruction", false },
	{ "clzero", "AMD's line zeroing (analogue)", false },
	{ "ntstore512", "non-temporal stores, AVX-512 (analogue)", false },
	{ "ntstore256", "non-temporal stores, AVX (analogue)", false },
	{ "rep_stosb", "REP STOSB (analogue)", false },
	{ "memset", "the C library's memset() (analogue)", false },
	[STORE_NONE] = { "none", "nothing is stored: the flush alone", false },
	[STORE_AUTO] = { "auto", "none for path=out, the first that this CPU has for path=in",
			 true },
	{ NULL, NULL, false },
};

static const struct level_info size_levels[] = {
	[SIZE_SMALL] = { "small", "a quarter of the LLC or less: the lines could stay cached",
			 true },
	[SIZE_LARGE] = { "large", "over twice the LLC: no line is cached before", true },
	{ NULL, NULL, false },
};

static const struct level_info before_levels[] = {
	[BEFORE_EVICTED] = { "evicted", "not cached, as most of a large TD", false },
	[BEFORE_DIRTY] = { "dirty", "cached and modified, as a page that was just cleared", false },
	[BEFORE_CLEAN] = { "clean", "cached and unmodified", false },
	{ NULL, NULL, false },
};

static const struct level_info extra_levels[] = {
	{ "none", "nothing more", false },
	{ NULL, NULL, false },
};

static const struct factor_info flush_factors[] = {
	[F_PATH] = { "path", "which way the pages go", FACTOR_WORD, path_levels, "out,in", false,
		     EFFECT_RATIO },
	/* The off arm of path=out costs about a nanosecond: what is saved is a difference. */
	[F_FLUSH] = { "flush", "is there one?", FACTOR_WORD, flush_levels, "on,off", true,
		      EFFECT_DIFFERENCE },
	[F_INSN] = { "insn", "what flushes a line", FACTOR_WORD, insn_levels, "auto", true,
		     EFFECT_RATIO },
	[F_PAGE] = { "page", "bytes per flush call", FACTOR_SIZE, NULL, "4K", true, EFFECT_RATIO },
	[F_FENCE] = { "fence", "where the flush's barrier stands", FACTOR_WORD, fence_levels,
		      "call", true, EFFECT_RATIO },
	[F_BARRIER] = { "barrier", "which one it is", FACTOR_WORD, barrier_levels, "mfence", true,
			EFFECT_RATIO },
	[F_STORE] = { "store", "what initialises a page behind its flush", FACTOR_WORD,
		      store_levels, "auto", true, EFFECT_RATIO },
	[F_REGION] = { "region", "bytes in a sample", FACTOR_SIZE, size_levels, "small", false,
		       EFFECT_RATIO },
	[F_BACKING] = { "backing", "pages behind the region", FACTOR_WORD, region_backing_levels,
			"auto", false, EFFECT_RATIO },
	[F_ORDER] = { "order", "order of the calls", FACTOR_WORD, region_order_levels, "sequential",
		      true, EFFECT_RATIO },
	[F_BEFORE] = { "before", "state of the lines before", FACTOR_WORD, before_levels,
		       "evicted,dirty,clean", true, EFFECT_RATIO },
	[F_EXTRA] = { "extra", "calls on top that are not counted as work: an injected change",
		      FACTOR_COUNT, extra_levels, "none", true, EFFECT_RATIO },
	[F_MAX] = { .name = NULL },
};

static const struct metric_info flush_metrics[] = {
	{ "time", "duration", "4 KiB page", PAGE },
	{ NULL, NULL, NULL, 0 },
};

struct flush_arm {
	const struct flush_op *op;
	flush_fn *flush;
	reset_fn *store; /* NULL: none */
	enum flush_fence last;
	bool on;
	size_t page, calls, extra;
	const uint32_t *order; /* of the calls; shared between arms */
	unsigned before;
};

struct flush_state {
	struct bench_ctx *ctx;
	const struct cpu_info *cpu;
	uint64_t seed;
	struct mem mem;
	unsigned n_arms;
	char *random; /* a page of it, for dirty lines */
	char *zero;   /* what is stored, on a page of its own */
	struct flush_arm arms[];
};

/* ---- what can run ---- */

static int set_word(struct level *level, const struct level_info *levels, unsigned i)
{
	level->number = i;
	snprintf(level->text, LEVEL_TEXT, "%s", levels[i].name);
	return 0;
}

static bool has_store(const struct machine *m, unsigned i)
{
	return reset_ops[i].needs < 0 || cpu_has(&m->cpu, (enum cpu_feature)reset_ops[i].needs);
}

static int resolve_insn(const struct machine *m, struct level *level, struct reason *why)
{
	for (unsigned i = 0; flush_ops[i].name; i++)
		if (cpu_has(&m->cpu, flush_ops[i].needs))
			return set_word(level, insn_levels, i);
	return reason_set(why, -ENOTSUP, "this CPU has no instruction that flushes a line");
}

static int resolve_store(const struct machine *m, const struct cell *cell, struct level *level)
{
	unsigned i = 0;

	if (cell->levels[F_PATH].number == PATH_OUT)
		return set_word(level, store_levels, STORE_NONE);
	while (!has_store(m, i))
		i++;
	return set_word(level, store_levels, i);
}

static int flush_resolve(const struct machine *m, const struct cell *cell, unsigned factor,
			 struct level *level, struct reason *why)
{
	switch (factor) {
	case F_INSN:
		return resolve_insn(m, level, why);
	case F_STORE:
		return resolve_store(m, cell, level);
	case F_REGION:
		return region_resolve(m, level->number == SIZE_LARGE, level, why);
	case F_BACKING:
		return set_word(level, region_backing_levels,
				region_backing(m, cell->levels[F_REGION].number));
	}
	return reason_set(why, -ENOTSUP, "%s cannot be chosen here", level->text);
}

static int instructions_supported(const struct machine *m, const struct cell *cell,
				  struct reason *why)
{
	const struct flush_op *op = &flush_ops[cell->levels[F_INSN].number];
	unsigned store = (unsigned)cell->levels[F_STORE].number;

	if (!cpu_has(&m->cpu, op->needs))
		return reason_set(why, -ENOTSUP, "this CPU has no %s", cpu_feature_name(op->needs));
	if (store == STORE_NONE)
		return 0;
	if (!has_store(m, store))
		return reason_set(why, -ENOTSUP, "this CPU has no %s",
				  cpu_feature_name((enum cpu_feature)reset_ops[store].needs));
	if (cell->levels[F_PATH].number == PATH_OUT)
		return reason_set(why, -ENOTSUP,
				  "path=out stores nothing; store=%s goes with path=in",
				  reset_ops[store].name);
	return 0;
}

static int flush_supported(const struct machine *m, const struct cell *cell, struct reason *why)
{
	const struct level *l = cell->levels;
	int ret = instructions_supported(m, cell, why);

	if (!ret)
		ret = region_calls_supported(m, &l[F_REGION], &l[F_PAGE],
					     l[F_BEFORE].number != BEFORE_EVICTED,
					     l[F_EXTRA].number, why);
	return ret ? ret
		   : region_supported(m, (enum mem_backing)l[F_BACKING].number, l[F_REGION].number,
				      why);
}

static enum kind flush_kind(const struct machine *m, const struct cell *cell, struct reason *why)
{
	const struct flush_op *op = &flush_ops[cell->levels[F_INSN].number];
	unsigned store = (unsigned)cell->levels[F_STORE].number;
	/* The early return executes no flush: it is itself in any case. */
	bool line = cell->levels[F_FLUSH].number == FLUSH_ON && op->analogue;
	bool page = store != STORE_NONE && reset_ops[store].analogue;

	(void)m;
	if (line && page)
		reason_set(why, 0, "%s stands in for CLFLUSHOPT, %s for MOVDIR64B", op->name,
			   reset_ops[store].name);
	else if (line)
		reason_set(why, 0, "%s stands in for CLFLUSHOPT", op->name);
	else if (page)
		reason_set(why, 0, "%s stands in for MOVDIR64B", reset_ops[store].name);
	return line || page ? KIND_ANALOGUE : KIND_MEASURED;
}

/* ---- set-up ---- */

static const uint32_t *order_for(struct flush_state *s, const struct bench_ctx *ctx, unsigned arm)
{
	size_t calls = s->arms[arm].calls;

	for (unsigned i = 0; i < arm; i++)
		if (s->arms[i].calls == calls &&
		    ctx->arms[i].levels[F_ORDER].number == ctx->arms[arm].levels[F_ORDER].number)
			return s->arms[i].order;
	return region_order(calls, ctx->arms[arm].levels[F_ORDER].number == REGION_SHUFFLED,
			    ctx->seed);
}

/* The fences of each call, and the one that takes their place behind the sample. */
static void choose_fences(struct flush_arm *a, const struct level *l)
{
	static const enum flush_fence fences[][2] = {
		[PATH_OUT] = { [BARRIER_MFENCE] = FLUSH_MFENCE, [BARRIER_SFENCE] = FLUSH_SFENCE },
		[PATH_IN] = { [BARRIER_MFENCE] = FLUSH_MFENCES, [BARRIER_SFENCE] = FLUSH_SFENCES },
	};
	enum flush_fence fence = fences[l[F_PATH].number][l[F_BARRIER].number];
	bool each = l[F_FENCE].number == FENCE_CALL;

	a->flush = flush_op_fn(a->op, each ? fence : FLUSH_NO_FENCE);
	/* Nothing was flushed, so nothing is fenced. */
	a->last = each || !a->on ? FLUSH_NO_FENCE : fence;
}

static int arm_setup(struct flush_state *s, const struct bench_ctx *ctx, unsigned arm)
{
	const struct level *l = ctx->arms[arm].levels;
	struct flush_arm *a = &s->arms[arm];

	a->op = &flush_ops[l[F_INSN].number];
	a->on = l[F_FLUSH].number == FLUSH_ON;
	choose_fences(a, l);
	if (l[F_STORE].number != STORE_NONE)
		a->store = reset_ops[l[F_STORE].number].reset[RESET_MFENCE];
	a->page = l[F_PAGE].number;
	a->calls = s->mem.bytes / a->page;
	a->extra = l[F_EXTRA].number;
	a->before = (unsigned)l[F_BEFORE].number;
	a->order = order_for(s, ctx, arm);
	return a->order ? 0 : -ENOMEM;
}

static void flush_teardown(void *state)
{
	struct flush_state *s = state;

	for (unsigned i = 0; i < s->n_arms; i++) {
		bool shared = false;

		for (unsigned k = 0; k < i; k++)
			shared |= s->arms[k].order == s->arms[i].order;
		if (!shared)
			free((void *)s->arms[i].order);
	}
	mem_free(&s->mem);
	free(s->random);
	free(s->zero);
	free(s);
}

static int buffers_setup(struct flush_state *s)
{
	s->random = aligned_alloc(PAGE, PAGE);
	s->zero = aligned_alloc(PAGE, PAGE);
	if (!s->random || !s->zero)
		return -ENOMEM;
	memset(s->zero, 0, PAGE);
	for (size_t at = 0; at < PAGE; at += 256)
		if (getrandom(s->random + at, 256, 0) != 256)
			return -EIO;
	return 0;
}

static int flush_setup(struct bench_ctx *ctx, void **state, struct reason *why)
{
	struct flush_state *s = calloc(1, sizeof(*s) + ctx->n_arms * sizeof(s->arms[0]));
	const struct level *l = ctx->arms[0].levels;
	int ret;

	if (!s)
		return reason_set(why, -ENOMEM, "out of memory");
	s->ctx = ctx;
	s->cpu = &ctx->machine->cpu;
	s->seed = ctx->seed;
	ret = buffers_setup(s);
	if (ret)
		reason_set(why, ret, "flush: no memory or no random bytes: %s", strerror(-ret));
	if (!ret)
		ret = region_alloc(&s->mem, ctx, ctx->cpu, (enum mem_backing)l[F_BACKING].number,
				   l[F_REGION].number, why);
	for (unsigned i = 0; i < ctx->n_arms && !ret; i++) {
		ret = arm_setup(s, ctx, i);
		s->n_arms = i + 1;
	}
	if (ret) {
		flush_teardown(s);
		return ret;
	}
	*state = s;
	return 0;
}

/* ---- a sample ---- */

static void set_features(const struct flush_arm *a)
{
	flush_features0 = a->on ? FLUSH_CLFLUSH_BEFORE_ALLOC : 0;
	/* The module initialises pages on every CPU: the erratum plays no part in it. */
	reset_bug_bits = RESET_BUG_TDX_PW_MCE;
}

static bool touches_nothing(const struct flush_arm *a)
{
	return !a->on && !a->store;
}

static void flush_prepare(void *state, unsigned arm)
{
	struct flush_state *s = state;
	const struct flush_arm *a = &s->arms[arm];

	set_features(a);
	if (touches_nothing(a))
		return;
	switch (a->before) {
	case BEFORE_EVICTED:
		lines_evict(s->cpu, s->mem.base, s->mem.bytes);
		break;
	case BEFORE_DIRTY:
		lines_dirty(s->mem.base, s->mem.bytes, s->random);
		break;
	case BEFORE_CLEAN:
		lines_clean(s->cpu, s->mem.base, s->mem.bytes);
		break;
	}
}

static void flush_calls(const struct flush_arm *a, char *base, size_t n)
{
	for (size_t i = 0; i < n; i++)
		a->flush(base + a->order[i] * a->page, a->page);
}

/* The module stores page by page of 4 KiB, each with its fence, however much was flushed before. */
static void flush_and_store_calls(const struct flush_state *s, const struct flush_arm *a, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *at = s->mem.base + a->order[i] * a->page;

		a->flush(at, a->page);
		for (size_t done = 0; done < a->page; done += PAGE)
			a->store(at + done, PAGE, s->zero);
	}
}

static uint64_t flush_sample(void *state, unsigned arm, unsigned reps)
{
	struct flush_state *s = state;
	const struct flush_arm *a = &s->arms[arm];

	if (a->store) {
		for (unsigned r = 0; r < reps; r++)
			flush_and_store_calls(s, a, a->calls);
		flush_and_store_calls(s, a, a->extra);
	} else {
		for (unsigned r = 0; r < reps; r++)
			flush_calls(a, s->mem.base, a->calls);
		flush_calls(a, s->mem.base, a->extra);
	}
	flush_fence(a->last);
	return s->mem.bytes / PAGE * reps;
}

/* Lines that are not cached are not cached behind their flush either. */
static bool flush_repeatable(void *state, unsigned arm)
{
	const struct flush_state *s = state;
	const struct flush_arm *a = &s->arms[arm];

	return touches_nothing(a) || (a->before == BEFORE_EVICTED && !a->store);
}

/* ---- proof ---- */

/* Differs from line to line and page to page, so that nothing passes in another's place. */
static uint64_t expected_word(size_t i)
{
	return (i + 1) * 0x9e3779b97f4a7c15u;
}

static int verify_contents(struct flush_state *s, unsigned arm, struct reason *why)
{
	const struct flush_arm *a = &s->arms[arm];
	uint64_t *word = (uint64_t *)(void *)s->mem.base;
	size_t n = s->mem.bytes / sizeof(*word);

	for (size_t i = 0; i < n; i++)
		word[i] = expected_word(i);
	flush_sample(s, arm, 1);
	for (size_t i = 0; i < n; i++) {
		if (word[i] == (a->store ? 0 : expected_word(i)))
			continue;
		return reason_set(why, -EFAULT, "%s: the page at offset %zu %s", a->op->name,
				  i * sizeof(*word) / PAGE * PAGE,
				  a->store ? "was not initialised" : "has other contents");
	}
	return 0;
}

/* An arm and the state that it is of, for the hooks of a proof. */
struct arm_of {
	struct flush_state *s;
	unsigned arm;
};

static void flush_part(void *arg, size_t at, size_t bytes)
{
	const struct arm_of *of = arg;
	const struct flush_arm *a = &of->s->arms[of->arm];

	for (size_t done = 0; done < bytes; done += a->page)
		a->flush(of->s->mem.base + at + done, a->page);
	flush_fence(a->last);
}

static int verify_lines_left(struct flush_state *s, unsigned arm, struct reason *why)
{
	struct arm_of of = { s, arm };
	const struct flush_proof proof = {
		.base = s->mem.base,
		.bytes = s->mem.bytes,
		.unit = s->arms[arm].page,
		.flush = flush_part,
		.ctx = &of,
		.cpu = s->cpu,
		.seed = s->seed,
	};
	struct reason how = { "" };
	int ret = flush_check(s->ctx, (int)arm, &proof, &how);

	return ret ? reason_set(why, ret, "%s: %s", s->arms[arm].op->name, how.text) : 0;
}

static void bring_lines(void *arg)
{
	const struct arm_of *of = arg;

	flush_prepare(of->s, of->arm);
}

static void check_held(struct flush_state *s, unsigned arm)
{
	const struct flush_arm *a = &s->arms[arm];
	struct arm_of of = { s, arm };
	struct held h = {
		.asked = a->before == BEFORE_DIRTY ? "before=dirty" : "before=clean",
		.bytes = s->mem.bytes,
		.bring = bring_lines,
		.state = &of,
	};

	if (touches_nothing(a) || a->before == BEFORE_EVICTED)
		return;
	probe_init(&h.lines, s->mem.base);
	probe_add(&h.lines, 0, s->mem.bytes, PROBE_LINES, s->seed);
	held_check(s->ctx, (int)arm, &h);
}

static int flush_verify(void *state, unsigned arm, struct reason *why)
{
	struct flush_state *s = state;
	const struct flush_arm *a = &s->arms[arm];
	int ret;

	set_features(a);
	ret = verify_contents(s, arm, why);
	if (!ret && a->on && !a->op->keeps)
		ret = verify_lines_left(s, arm, why);
	if (!ret)
		check_held(s, arm);
	return ret ? ret : mem_guard_check(&s->mem, why);
}

static int flush_finish(void *state, struct reason *why)
{
	const struct flush_state *s = state;

	return mem_guard_check(&s->mem, why);
}

const struct bench_info flush_bench = {
	.name = "flush",
	.summary = "flush the lines of pages on their way out of a TD and into one",
	.version = 1,
	.factors = flush_factors,
	.metrics = flush_metrics,
	.resolve = flush_resolve,
	.supported = flush_supported,
	.kind = flush_kind,
	.setup = flush_setup,
	.prepare = flush_prepare,
	.sample = flush_sample,
	.repeatable = flush_repeatable,
	.verify = flush_verify,
	.finish = flush_finish,
	.teardown = flush_teardown,
};
