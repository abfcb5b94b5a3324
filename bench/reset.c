// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reset: clear reclaimed pages, as tdx_quirk_reset_paddr() of Linux 6.18 does.
 *
 * With the erratum X86_BUG_TDX_PW_MCE (quirk=on) every 64 bytes of a page are stored anew by
 * MOVDIR64B, then comes one MFENCE; without it (quirk=off) the function returns at once. The
 * pages are ordinary memory: what KeyIDs, TD bits and integrity metadata add is not in the figure.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bench/list.h"
#include "bench/ops/lines.h"
#include "bench/ops/reset_ops.h"
#include "harness/core/units.h"
#include "harness/machine/mem.h"
#include "harness/measure/design.h"

#define PAGE   4096ul
#define POISON 0xa5 /* what undone work leaves behind in verify() */

enum {
	F_QUIRK,
	F_INSN,
	F_PAGE,
	F_FENCE,
	F_BARRIER,
	F_REGION,
	F_BACKING,
	F_ORDER,
	F_BEFORE,
	F_SOURCE,
	F_EXTRA,
	F_MAX
};

enum { QUIRK_ON, QUIRK_OFF };
enum { FENCE_CALL, FENCE_SAMPLE };
enum { BARRIER_MFENCE, BARRIER_SFENCE };
enum { REGION_SMALL, REGION_LARGE };
enum { ORDER_SEQUENTIAL, ORDER_SHUFFLED };
enum { BEFORE_EVICTED, BEFORE_DIRTY, BEFORE_CLEAN };
enum { SOURCE_ZERO, SOURCE_PATTERN };

static const struct level_info quirk_levels[] = {
	[QUIRK_ON] = { "on", "the erratum is there: run the reset loop", false },
	[QUIRK_OFF] = { "off", "it is not: take the early return", false },
	{ "auto", "as this CPU has it: family 6, model 0x8F or 0xCF", true },
	{ NULL, NULL, false },
};

/* Indexes of the instructions are those of reset_ops[]. */
static const struct level_info insn_levels[] = {
	{ "movdir64b", "64-byte direct store, the kernel's instruction", false },
	{ "clzero", "AMD's line zeroing (analogue)", false },
	{ "ntstore512", "non-temporal stores, AVX-512 (analogue)", false },
	{ "ntstore256", "non-temporal stores, AVX (analogue)", false },
	{ "rep_stosb", "REP STOSB (analogue)", false },
	{ "memset", "the C library's memset() (analogue)", false },
	{ "auto", "the first of them that this CPU has", true },
	{ NULL, NULL, false },
};

static const struct level_info fence_levels[] = {
	[FENCE_CALL] = { "call", "behind each reset call, as in the kernel", false },
	[FENCE_SAMPLE] = { "sample", "once, behind the whole region", false },
	{ NULL, NULL, false },
};

static const struct level_info barrier_levels[] = {
	[BARRIER_MFENCE] = { "mfence", "the kernel's mb()", false },
	[BARRIER_SFENCE] = { "sfence", "what weakly ordered stores need at least", false },
	{ NULL, NULL, false },
};

static const struct level_info region_levels[] = {
	[REGION_SMALL] = { "small", "a quarter of the LLC or less: the lines could stay cached",
			   true },
	[REGION_LARGE] = { "large", "over twice the LLC: every line goes to memory", true },
	{ NULL, NULL, false },
};

static const struct level_info backing_levels[] = {
	[MEM_4K] = { "4k", "base pages", false },
	[MEM_THP] = { "thp", "transparent huge pages, near the kernel's direct map", false },
	[MEM_HUGETLB_2M] = { "hugetlb-2m", "the hugetlb pool of 2 MiB", false },
	[MEM_HUGETLB_1G] = { "hugetlb-1g", "the hugetlb pool of 1 GiB", false },
	{ "auto", "thp where the kernel grants it, otherwise 4k", true },
	{ NULL, NULL, false },
};

static const struct level_info order_levels[] = {
	[ORDER_SEQUENTIAL] = { "sequential", "ascending addresses", false },
	[ORDER_SHUFFLED] = { "shuffled", "at random: a real TD's pages are scattered", false },
	{ NULL, NULL, false },
};

static const struct level_info before_levels[] = {
	[BEFORE_EVICTED] = { "evicted", "flushed, as the kernel leaves them", false },
	[BEFORE_DIRTY] = { "dirty", "cached and modified with random data", false },
	[BEFORE_CLEAN] = { "clean", "cached and unmodified", false },
	{ NULL, NULL, false },
};

static const struct level_info source_levels[] = {
	[SOURCE_ZERO] = { "zero", "zeros, as the kernel's ZERO_PAGE(0)", false },
	[SOURCE_PATTERN] = { "pattern", "64 random bytes; byte-wise instructions repeat the first",
			     false },
	{ NULL, NULL, false },
};

static const struct level_info extra_levels[] = {
	{ "none", "nothing more", false },
	{ NULL, NULL, false },
};

static const struct factor_info reset_factors[] = {
	/* The off arm costs about a nanosecond: what a mode saves is a difference. */
	[F_QUIRK] = { "quirk", "the erratum mode", FACTOR_WORD, quirk_levels, "on,off", true,
		      EFFECT_DIFFERENCE },
	[F_INSN] = { "insn", "what stores the 64 bytes", FACTOR_WORD, insn_levels, "auto", true,
		     EFFECT_RATIO },
	[F_PAGE] = { "page", "bytes per reset call", FACTOR_SIZE, NULL, "4K", true, EFFECT_RATIO },
	[F_FENCE] = { "fence", "where the barrier stands", FACTOR_WORD, fence_levels, "call", true,
		      EFFECT_RATIO },
	[F_BARRIER] = { "barrier", "which one it is", FACTOR_WORD, barrier_levels, "mfence", true,
			EFFECT_RATIO },
	[F_REGION] = { "region", "bytes in a sample", FACTOR_SIZE, region_levels, "small,large",
		       false, EFFECT_RATIO },
	[F_BACKING] = { "backing", "pages behind the region", FACTOR_WORD, backing_levels, "auto",
			false, EFFECT_RATIO },
	[F_ORDER] = { "order", "order of the calls", FACTOR_WORD, order_levels, "sequential", true,
		      EFFECT_RATIO },
	[F_BEFORE] = { "before", "state of the lines before", FACTOR_WORD, before_levels, "evicted",
		       true, EFFECT_RATIO },
	[F_SOURCE] = { "source", "the bytes stored", FACTOR_WORD, source_levels, "zero", true,
		       EFFECT_RATIO },
	[F_EXTRA] = { "extra",
		      "reset calls on top that are not counted as work: an injected change",
		      FACTOR_COUNT, extra_levels, "none", true, EFFECT_RATIO },
	[F_MAX] = { .name = NULL },
};

static const struct metric_info reset_metrics[] = {
	{ "time", "duration", "4 KiB page", PAGE },
	{ NULL, NULL, NULL, 0 },
};

struct reset_arm {
	const struct reset_op *op;
	reset_fn *reset;
	enum reset_barrier last; /* behind the sample */
	bool quirk;
	size_t page, calls, extra;
	const uint32_t *order; /* of the calls; shared between arms */
	unsigned before;
	const char *src;
};

struct reset_state {
	const struct machine *machine;
	unsigned cpu;
	struct mem mem;
	unsigned n_arms;
	char *random;	      /* a page of it, for dirty lines */
	char *zero, *pattern; /* 64 bytes each, on a page of their own like ZERO_PAGE(0) */
	struct reset_arm arms[];
};

static uint64_t llc_bytes(const struct machine *m)
{
	unsigned cpu = 0;

	topo_pick(m->topo, TOPO_ONE, &cpu, 1);
	return topo_llc_bytes(m->topo, cpu);
}

static uint64_t power_of_two_up_to(uint64_t v)
{
	uint64_t p = 1;

	while (p <= v / 2)
		p *= 2;
	return p;
}

/*
 * A quarter of the LLC leaves room for everything else that lives there, so "under half" also
 * holds on a busy machine; the first power of two over twice the LLC leaves no line of one sample
 * in the cache for the next.
 */
static int resolve_region(const struct machine *m, struct level *level, struct reason *why)
{
	uint64_t llc = llc_bytes(m);

	if (!llc)
		return reason_set(why, -ENOTSUP,
				  "the size of the LLC is not known; name one: -p region=128M");
	if (!strcmp(level->text, region_levels[REGION_SMALL].name))
		level->number = power_of_two_up_to(llc / 4);
	else
		level->number = 2 * power_of_two_up_to(2 * llc);
	size_format(level->number, level->text, LEVEL_TEXT);
	return 0;
}

static int set_word(struct level *level, const struct level_info *levels, unsigned i)
{
	level->number = i;
	snprintf(level->text, LEVEL_TEXT, "%s", levels[i].name);
	return 0;
}

static bool has_op(const struct machine *m, unsigned i)
{
	return reset_ops[i].needs < 0 || cpu_has(&m->cpu, (enum cpu_feature)reset_ops[i].needs);
}

static int reset_resolve(const struct machine *m, const struct cell *cell, unsigned factor,
			 struct level *level, struct reason *why)
{
	unsigned i = 0;

	switch (factor) {
	case F_QUIRK:
		return set_word(level, quirk_levels, m->cpu.cpu_affected ? QUIRK_ON : QUIRK_OFF);
	case F_INSN:
		while (!has_op(m, i))
			i++;
		return set_word(level, insn_levels, i);
	case F_REGION:
		return resolve_region(m, level, why);
	case F_BACKING:
		if (mem_supported(m->root, MEM_THP, cell->levels[F_REGION].number, NULL) == 0)
			return set_word(level, backing_levels, MEM_THP);
		return set_word(level, backing_levels, MEM_4K);
	}
	return reason_set(why, -ENOTSUP, "%s cannot be chosen here", level->text);
}

static int backing_supported(const struct machine *m, const struct cell *cell, struct reason *why)
{
	enum mem_backing backing = (enum mem_backing)cell->levels[F_BACKING].number;
	int ret = mem_supported(m->root, backing, cell->levels[F_REGION].number, why);

	/*
	 * A region that is no multiple of the page, or an empty hugetlb pool, is a cell that is
	 * not there; too little memory ends the run.
	 */
	if (ret == -EINVAL || (ret && (backing == MEM_HUGETLB_2M || backing == MEM_HUGETLB_1G)))
		return -ENOTSUP;
	return ret;
}

static int reset_supported(const struct machine *m, const struct cell *cell, struct reason *why)
{
	uint64_t page = cell->levels[F_PAGE].number, region = cell->levels[F_REGION].number;
	const struct reset_op *op = &reset_ops[cell->levels[F_INSN].number];
	uint64_t llc = llc_bytes(m);

	if (!has_op(m, (unsigned)cell->levels[F_INSN].number))
		return reason_set(why, -ENOTSUP, "this CPU has no %s",
				  cpu_feature_name((enum cpu_feature)op->needs));
	if (op->zero_only && cell->levels[F_SOURCE].number == SOURCE_PATTERN)
		return reason_set(why, -ENOTSUP, "%s stores zeros only", op->name);
	if (page % PAGE)
		return reason_set(why, -ENOTSUP, "page=%s is not a multiple of 4K",
				  cell->levels[F_PAGE].text);
	if (region % page)
		return reason_set(why, -ENOTSUP, "region=%s is not a multiple of page=%s",
				  cell->levels[F_REGION].text, cell->levels[F_PAGE].text);
	if (cell->levels[F_BEFORE].number != BEFORE_EVICTED && llc && region > llc / 2)
		return reason_set(
			why, -ENOTSUP,
			"lines of %s do not all stay in an LLC of %llu MiB; take half or less",
			cell->levels[F_REGION].text, (unsigned long long)(llc >> 20));
	if (cell->levels[F_EXTRA].number > region / page)
		return reason_set(why, -ENOTSUP, "extra=%s is more than the region's %llu calls",
				  cell->levels[F_EXTRA].text, (unsigned long long)(region / page));
	return backing_supported(m, cell, why);
}

static enum kind reset_kind(const struct machine *m, const struct cell *cell, struct reason *why)
{
	const struct reset_op *op = &reset_ops[cell->levels[F_INSN].number];

	(void)m;
	/* The early return executes none of the instructions: it is itself in either case. */
	if (cell->levels[F_QUIRK].number == QUIRK_OFF || !op->analogue)
		return KIND_MEASURED;
	reason_set(why, 0, "%s stands in for MOVDIR64B", op->name);
	return KIND_ANALOGUE;
}

static int place(void *ctx, void *addr, size_t bytes, struct reason *why)
{
	struct reset_state *s = ctx;

	return topo_bind_memory(s->machine->topo, s->cpu, addr, bytes, why);
}

/* The order of an arm's calls, shared with an arm before it that has the same. */
static const uint32_t *order_for(struct reset_state *s, const struct bench_ctx *ctx, unsigned arm)
{
	size_t calls = s->arms[arm].calls;
	uint32_t *order;

	for (unsigned i = 0; i < arm; i++)
		if (s->arms[i].calls == calls &&
		    ctx->arms[i].levels[F_ORDER].number == ctx->arms[arm].levels[F_ORDER].number)
			return s->arms[i].order;
	order = malloc(calls * sizeof(*order));
	if (!order)
		return NULL;
	for (size_t i = 0; i < calls; i++)
		order[i] = (uint32_t)i;
	if (ctx->arms[arm].levels[F_ORDER].number == ORDER_SHUFFLED)
		shuffle_u32(order, calls, seed_derive(ctx->seed, calls, 0, 4));
	return order;
}

static int arm_setup(struct reset_state *s, const struct bench_ctx *ctx, unsigned arm)
{
	const struct level *l = ctx->arms[arm].levels;
	struct reset_arm *a = &s->arms[arm];
	enum reset_barrier barrier = l[F_BARRIER].number == BARRIER_SFENCE ? RESET_SFENCE
									   : RESET_MFENCE;
	bool each = l[F_FENCE].number == FENCE_CALL;

	a->op = &reset_ops[l[F_INSN].number];
	a->quirk = l[F_QUIRK].number == QUIRK_ON;
	a->reset = a->op->reset[each ? barrier : RESET_NO_BARRIER];
	/* Nothing was stored without the quirk, so nothing is fenced: the kernel has returned. */
	a->last = each || !a->quirk ? RESET_NO_BARRIER : barrier;
	a->page = l[F_PAGE].number;
	a->calls = s->mem.bytes / a->page;
	a->extra = l[F_EXTRA].number;
	a->before = (unsigned)l[F_BEFORE].number;
	a->src = l[F_SOURCE].number == SOURCE_ZERO ? s->zero : s->pattern;
	a->order = order_for(s, ctx, arm);
	return a->order ? 0 : -ENOMEM;
}

static void reset_teardown(void *state)
{
	struct reset_state *s = state;

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
	free(s->pattern);
	free(s);
}

static int buffers_setup(struct reset_state *s)
{
	s->random = aligned_alloc(PAGE, PAGE);
	s->zero = aligned_alloc(PAGE, PAGE);
	s->pattern = aligned_alloc(PAGE, PAGE);
	if (!s->random || !s->zero || !s->pattern)
		return -ENOMEM;
	memset(s->zero, 0, PAGE);
	for (size_t at = 0; at < PAGE; at += 256)
		if (getrandom(s->random + at, 256, 0) != 256)
			return -EIO;
	memcpy(s->pattern, s->random, PAGE);
	/* Loops that store bytes repeat the first one: it must be neither zero nor the poison. */
	s->pattern[0] = 0x5a;
	return 0;
}

static int region_setup(struct reset_state *s, struct bench_ctx *ctx, struct reason *why)
{
	const struct level *l = ctx->arms[0].levels;
	enum mem_backing backing = (enum mem_backing)l[F_BACKING].number;
	size_t offset = 0;
	char detail[128];
	int ret;

	/* S4: where the pages lie is drawn anew; huge pages leave only their own boundaries. */
	if (backing == MEM_4K)
		offset = (seed_derive(ctx->seed, 0, 0, 5) % 512) * PAGE;
	ret = mem_alloc(&s->mem, backing, l[F_REGION].number, offset, place, s, why);
	if (ret)
		return ret;
	json_object_set_new(ctx->facts, "offset", json_integer((json_int_t)offset));
	json_object_set_new(ctx->facts, "granted", json_integer((json_int_t)s->mem.granted));
	if (s->mem.granted < s->mem.bytes) {
		snprintf(detail, sizeof(detail), "%zu of %zu MiB as %s", s->mem.granted >> 20,
			 s->mem.bytes >> 20, mem_backing_name(backing));
		ctx->flag(ctx, FLAG_HUGE_PAGES, -1, detail);
	}
	return 0;
}

static int reset_setup(struct bench_ctx *ctx, void **state, struct reason *why)
{
	struct reset_state *s = calloc(1, sizeof(*s) + ctx->n_arms * sizeof(s->arms[0]));
	int ret;

	if (!s)
		return reason_set(why, -ENOMEM, "out of memory");
	s->machine = ctx->machine;
	s->cpu = ctx->cpu;
	ret = buffers_setup(s);
	if (ret)
		reason_set(why, ret, "reset: no memory or no random bytes: %s", strerror(-ret));
	if (!ret)
		ret = region_setup(s, ctx, why);
	for (unsigned i = 0; i < ctx->n_arms && !ret; i++) {
		ret = arm_setup(s, ctx, i);
		s->n_arms = i + 1;
	}
	if (ret) {
		reset_teardown(s);
		return ret;
	}
	*state = s;
	return 0;
}

static void set_quirk(const struct reset_arm *a)
{
	reset_bug_bits = a->quirk ? RESET_BUG_TDX_PW_MCE : 0;
}

static void reset_prepare(void *state, unsigned arm)
{
	struct reset_state *s = state;
	const struct reset_arm *a = &s->arms[arm];

	set_quirk(a);
	/* The early return touches no line of the region, whatever its state. */
	if (!a->quirk)
		return;
	switch (a->before) {
	case BEFORE_EVICTED:
		lines_evict(&s->machine->cpu, s->mem.base, s->mem.bytes);
		break;
	case BEFORE_DIRTY:
		lines_dirty(s->mem.base, s->mem.bytes, s->random);
		break;
	case BEFORE_CLEAN:
		lines_clean(&s->machine->cpu, s->mem.base, s->mem.bytes);
		break;
	}
}

static uint64_t reset_sample(void *state, unsigned arm, unsigned reps)
{
	struct reset_state *s = state;
	const struct reset_arm *a = &s->arms[arm];
	char *base = s->mem.base;

	for (unsigned r = 0; r < reps; r++)
		for (size_t i = 0; i < a->calls; i++)
			a->reset(base + a->order[i] * a->page, a->page, a->src);
	for (size_t i = 0; i < a->extra; i++)
		a->reset(base + a->order[i] * a->page, a->page, a->src);
	reset_barrier(a->last);
	return s->mem.bytes / PAGE * reps;
}

/* Repeating a reset would find the lines in another state than prepare() left them in. */
static bool reset_repeatable(void *state, unsigned arm)
{
	const struct reset_state *s = state;

	return !s->arms[arm].quirk;
}

/* What a page must hold when @a ran over poisoned memory. */
static void expected_page(const struct reset_arm *a, char *page)
{
	for (size_t at = 0; at < PAGE; at += LINE) {
		if (!a->quirk)
			memset(page + at, POISON, LINE);
		else if (a->op->byte_wise)
			memset(page + at, a->src[0], LINE);
		else
			memcpy(page + at, a->src, LINE);
	}
}

static int reset_verify(void *state, unsigned arm, struct reason *why)
{
	struct reset_state *s = state;
	const struct reset_arm *a = &s->arms[arm];
	char expected[PAGE];

	memset(s->mem.base, POISON, s->mem.bytes);
	set_quirk(a);
	reset_sample(state, arm, 1);
	expected_page(a, expected);
	for (size_t at = 0; at < s->mem.bytes; at += PAGE) {
		if (!memcmp(s->mem.base + at, expected, PAGE))
			continue;
		return reason_set(why, -EFAULT, "%s: the page at offset %zu %s", a->op->name, at,
				  a->quirk ? "was not reset" : "was changed though quirk=off");
	}
	return mem_guard_check(&s->mem, why);
}

static int reset_finish(void *state, struct reason *why)
{
	const struct reset_state *s = state;

	return mem_guard_check(&s->mem, why);
}

const struct bench_info reset_bench = {
	.name = "reset",
	.summary = "clear reclaimed pages, with the erratum and without it",
	.version = 1,
	.factors = reset_factors,
	.metrics = reset_metrics,
	.resolve = reset_resolve,
	.supported = reset_supported,
	.kind = reset_kind,
	.setup = reset_setup,
	.prepare = reset_prepare,
	.sample = reset_sample,
	.repeatable = reset_repeatable,
	.verify = reset_verify,
	.finish = reset_finish,
	.teardown = reset_teardown,
};
