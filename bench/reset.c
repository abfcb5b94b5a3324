// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reset: clear reclaimed pages, as tdx_quirk_reset_paddr() of Linux 6.18 does.
 *
 * With the erratum X86_BUG_TDX_PW_MCE (quirk=on) every 64 bytes of a page are stored anew by
 * MOVDIR64B, then comes one MFENCE; without it (quirk=off) the function returns at once. The
 * pages are ordinary memory: what KeyIDs, TD bits and integrity metadata add is not in the figure.
 * In user mode several CPUs may share the work; in kernel mode tdcost.ko does it, in the direct map.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/list.h"
#include "bench/ops/region.h"
#include "bench/ops/reset_kernel.h"
#include "bench/ops/reset_user.h"

#define PAGE	 4096ul
#define POISONED 0xa5a5a5a5a5a5a5a5u /* what undone work leaves behind in verify() */

enum {
	F_QUIRK,
	F_MODE,
	F_INSN,
	F_UNROLL,
	F_PAGE,
	F_FENCE,
	F_BARRIER,
	F_REGION,
	F_BACKING,
	F_NODE,
	F_ORDER,
	F_BEFORE,
	F_SOURCE,
	F_THREADS,
	F_EXTRA,
	F_MAX
};

enum { QUIRK_ON, QUIRK_OFF };
enum { MODE_USER, MODE_KERNEL };
enum { BACKING_DIRECT = 4 }; /* behind the words of enum mem_backing */
enum { NODE_LOCAL, NODE_REMOTE };
enum { METRIC_TIME, METRIC_CPU, METRIC_KERNEL };
enum { FENCE_CALL, FENCE_SAMPLE };
enum { UNROLL_1, UNROLL_4 };
enum { BARRIER_MFENCE, BARRIER_SFENCE };
enum { REGION_SMALL, REGION_LARGE };
enum { SOURCE_ZERO, SOURCE_PATTERN };

static const struct level_info quirk_levels[] = {
	[QUIRK_ON] = { "on", "the erratum is there: run the reset loop", false },
	[QUIRK_OFF] = { "off", "it is not: take the early return", false },
	{ "auto", "as this CPU has it: family 6, model 0x8F or 0xCF", true },
	{ NULL, NULL, false },
};

static const struct level_info mode_levels[] = {
	[MODE_USER] = { "user", "a loop of this program", false },
	[MODE_KERNEL] = { "kernel", "the same loop in ring 0, by tdcost.ko", false },
	{ NULL, NULL, false },
};

static const struct level_info unroll_levels[] = {
	[UNROLL_1] = { "1", "one, as in the kernel; ntstore512 and ntstore256 always have four",
		       false },
	[UNROLL_4] = { "4", "four; movdir64b and clzero only", false },
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
	[BACKING_DIRECT] = { "direct", "pages of the kernel's direct map; mode=kernel only",
			     false },
	{ "auto", "direct for mode=kernel; thp where the kernel grants it, otherwise 4k", true },
	{ NULL, NULL, false },
};

static const struct level_info node_levels[] = {
	[NODE_LOCAL] = { "local", "memory of the NUMA node of the (first) CPU", false },
	[NODE_REMOTE] = { "remote", "memory of another node", false },
	{ NULL, NULL, false },
};

static const struct level_info threads_levels[] = {
	{ "all", "as many as there are CPUs", true },
	{ NULL, NULL, false },
};

static const struct level_info before_levels[] = {
	[RESET_EVICTED] = { "evicted", "not cached: flushed a while ago", false },
	[RESET_DIRTY] = { "dirty", "cached and modified with random data", false },
	[RESET_CLEAN] = { "clean", "cached and unmodified", false },
	[RESET_JUST_FLUSHED] = { "just_flushed",
				 "flushed before each call, as by PAGE.WBINVD, in the timed part: "
				 "the difference by quirk is the reset's",
				 false },
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
	[F_MODE] = { "mode", "where the loop runs", FACTOR_WORD, mode_levels, "user", false,
		     EFFECT_RATIO },
	[F_INSN] = { "insn", "what stores the 64 bytes", FACTOR_WORD, reset_insn_levels, "auto",
		     true, EFFECT_RATIO },
	[F_UNROLL] = { "unroll", "stores per iteration of the loop", FACTOR_WORD, unroll_levels,
		       "1", true, EFFECT_RATIO },
	[F_PAGE] = { "page", "bytes per reset call", FACTOR_SIZE, NULL, "4K", true, EFFECT_RATIO },
	[F_FENCE] = { "fence", "where the barrier stands", FACTOR_WORD, fence_levels, "call", true,
		      EFFECT_RATIO },
	[F_BARRIER] = { "barrier", "which one it is", FACTOR_WORD, barrier_levels, "mfence", true,
			EFFECT_RATIO },
	[F_REGION] = { "region", "bytes in a sample", FACTOR_SIZE, region_levels, "small,large",
		       false, EFFECT_RATIO },
	[F_BACKING] = { "backing", "pages behind the region", FACTOR_WORD, backing_levels, "auto",
			false, EFFECT_RATIO },
	[F_NODE] = { "node", "where the pages lie", FACTOR_WORD, node_levels, "local", false,
		     EFFECT_RATIO },
	[F_ORDER] = { "order", "order of the calls", FACTOR_WORD, region_order_levels, "sequential",
		      true, EFFECT_RATIO },
	[F_BEFORE] = { "before", "state of the lines before", FACTOR_WORD, before_levels, "evicted",
		       true, EFFECT_RATIO },
	[F_SOURCE] = { "source", "the bytes stored", FACTOR_WORD, source_levels, "zero", true,
		       EFFECT_RATIO },
	[F_THREADS] = { "threads", "CPUs that share the region, each a part of its own",
			FACTOR_COUNT, threads_levels, "1", true, EFFECT_RATIO },
	[F_EXTRA] = { "extra",
		      "reset calls on top that are not counted as work: an injected change",
		      FACTOR_COUNT, extra_levels, "none", true, EFFECT_RATIO },
	[F_MAX] = { .name = NULL },
};

static const struct metric_info reset_metrics[] = {
	[METRIC_TIME] = { "time", "duration", "4 KiB page", PAGE },
	[METRIC_CPU] = { "cpu_time", "duration", "CPU", 0 },
	[METRIC_KERNEL] = { "kernel_time", "duration", "sample", 0 },
	{ NULL, NULL, NULL, 0 },
};

static int set_word(struct level *level, const struct level_info *levels, unsigned i)
{
	level->number = i;
	snprintf(level->text, LEVEL_TEXT, "%s", levels[i].name);
	return 0;
}

static bool in_kernel(const struct cell *cell)
{
	return cell->levels[F_MODE].number == MODE_KERNEL;
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
		/* The module knows the kernel's instruction only. */
		while (!in_kernel(cell) && !has_op(m, i))
			i++;
		return set_word(level, reset_insn_levels, i);
	case F_REGION:
		return region_resolve(m, strcmp(level->text, region_levels[REGION_LARGE].name) == 0,
				      level, why);
	case F_BACKING:
		if (in_kernel(cell))
			return set_word(level, backing_levels, BACKING_DIRECT);
		return set_word(level, backing_levels,
				region_backing(m, cell->levels[F_REGION].number));
	case F_THREADS:
		level->number = topo_cpus(m->topo);
		snprintf(level->text, LEVEL_TEXT, "%u", topo_cpus(m->topo));
		return 0;
	}
	return reason_set(why, -ENOTSUP, "%s cannot be chosen here", level->text);
}

/* What the module's loop has not: it is the kernel's, and nothing else. */
static int kernel_supported(const struct machine *m, const struct cell *cell, struct reason *why)
{
	static const struct {
		unsigned factor;
		uint64_t number;
	} fixed[] = {
		{ F_INSN, 0 },	  { F_BARRIER, BARRIER_MFENCE },  { F_BACKING, BACKING_DIRECT },
		{ F_THREADS, 1 }, { F_ORDER, REGION_SEQUENTIAL }, { F_SOURCE, SOURCE_ZERO },
		{ F_EXTRA, 0 },
	};

	if (cell->levels[F_BEFORE].number == RESET_JUST_FLUSHED)
		return reason_set(why, -ENOTSUP,
				  "before=just_flushed is of mode=user; in the kernel: benchmark "
				  "teardown, path=dynamic");
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (cell->levels[fixed[i].factor].number != fixed[i].number)
			return reason_set(why, -ENOTSUP, "mode=kernel does not have %s=%s",
					  reset_factors[fixed[i].factor].name,
					  cell->levels[fixed[i].factor].text);
	return reset_kernel_supported(m, cell->levels[F_PAGE].number, cell->levels[F_REGION].number,
				      cell->levels[F_QUIRK].number == QUIRK_ON, why);
}

static int user_supported(const struct machine *m, const struct cell *cell, struct reason *why)
{
	const struct reset_op *op = &reset_ops[cell->levels[F_INSN].number];
	uint64_t calls = cell->levels[F_REGION].number / cell->levels[F_PAGE].number;
	uint64_t threads = cell->levels[F_THREADS].number;

	if (!has_op(m, (unsigned)cell->levels[F_INSN].number))
		return reason_set(why, -ENOTSUP, "this CPU has no %s",
				  cpu_feature_name((enum cpu_feature)op->needs));
	if (cell->levels[F_UNROLL].number == UNROLL_4 && !op->unrolled[RESET_NO_BARRIER])
		return reason_set(why, -ENOTSUP,
				  "unroll=4 is for movdir64b and clzero; %s has one loop only",
				  op->name);
	if (op->zero_only && cell->levels[F_SOURCE].number == SOURCE_PATTERN)
		return reason_set(why, -ENOTSUP, "%s stores zeros only", op->name);
	if (cell->levels[F_BEFORE].number == RESET_JUST_FLUSHED &&
	    !cpu_has(&m->cpu, CPU_CLFLUSHOPT) && !cpu_has(&m->cpu, CPU_CLFLUSH))
		return reason_set(why, -ENOTSUP, "this CPU has neither clflushopt nor clflush");
	if (cell->levels[F_BACKING].number == BACKING_DIRECT)
		return reason_set(why, -ENOTSUP, "backing=direct is of mode=kernel");
	if (!threads || threads > topo_cpus(m->topo))
		return reason_set(why, -ENOTSUP, "threads=%s: there are %u CPUs",
				  cell->levels[F_THREADS].text, topo_cpus(m->topo));
	if (threads > calls)
		return reason_set(why, -ENOTSUP, "threads=%s is more than the region's %llu calls",
				  cell->levels[F_THREADS].text, (unsigned long long)calls);
	return region_supported(m, (enum mem_backing)cell->levels[F_BACKING].number,
				cell->levels[F_REGION].number, why);
}

/* Of each CPU that may be drawn. */
static int remote_supported(const struct topo *topo, struct reason *why)
{
	int cpu = topo_never_remote(topo);

	if (topo_nodes(topo) < 2)
		return reason_set(why, -ENOTSUP, "this machine has one NUMA node");
	if (cpu >= 0)
		return reason_set(why, -ENOTSUP,
				  "node=remote: beside the node of CPU %d there is none with a CPU "
				  "that this process may use",
				  cpu);
	return 0;
}

static int reset_supported(const struct machine *m, const struct cell *cell, struct reason *why)
{
	int ret = region_calls_supported(m, &cell->levels[F_REGION], &cell->levels[F_PAGE],
					 cell->levels[F_BEFORE].number == RESET_DIRTY ||
						 cell->levels[F_BEFORE].number == RESET_CLEAN,
					 cell->levels[F_EXTRA].number, why);

	if (ret)
		return ret;
	if (cell->levels[F_NODE].number == NODE_REMOTE)
		ret = remote_supported(m->topo, why);
	if (ret)
		return ret;
	return in_kernel(cell) ? kernel_supported(m, cell, why) : user_supported(m, cell, why);
}

static enum kind reset_kind(const struct machine *m, const struct cell *cell, struct reason *why)
{
	const struct reset_op *op = &reset_ops[cell->levels[F_INSN].number];
	/* The early return executes none of the instructions: it is itself in either case. */
	bool store = cell->levels[F_QUIRK].number == QUIRK_ON && op->analogue;
	bool flush = cell->levels[F_BEFORE].number == RESET_JUST_FLUSHED &&
		     flush_op_auto(&m->cpu)->analogue;

	if (store || flush)
		reason_set(why, 0, "%s%s%s%s", store ? op->name : "",
			   store ? " stands in for MOVDIR64B" : "", store && flush ? ", " : "",
			   flush ? "clflush stands in for CLFLUSHOPT" : "");
	return store || flush ? KIND_ANALOGUE : KIND_MEASURED;
}

struct reset_state {
	const struct bench_ctx *ctx;
	bool in_kernel;
	struct reset_kernel kernel; /* for mode=kernel, otherwise */
	struct reset_user user;
	struct reset_call *calls; /* of each arm */
	int kernel_series;
	uint64_t kernel_ticks; /* of the sample under way */
};

static void fill_call(const struct level *l, struct reset_call *c)
{
	*c = (struct reset_call){
		.op = &reset_ops[l[F_INSN].number],
		.quirk = l[F_QUIRK].number == QUIRK_ON,
		.fence_once = l[F_FENCE].number == FENCE_SAMPLE,
		.unrolled = l[F_UNROLL].number == UNROLL_4,
		.barrier = l[F_BARRIER].number == BARRIER_SFENCE ? RESET_SFENCE : RESET_MFENCE,
		.page = l[F_PAGE].number,
		.shuffled = l[F_ORDER].number == REGION_SHUFFLED,
		.before = (enum reset_before)l[F_BEFORE].number,
		.zero = l[F_SOURCE].number == SOURCE_ZERO,
		.extra = l[F_EXTRA].number,
		.threads = (unsigned)l[F_THREADS].number,
	};
}

static void reset_teardown(void *state)
{
	struct reset_state *s = state;

	if (s->in_kernel)
		reset_kernel_close(&s->kernel);
	else
		reset_user_close(&s->user);
	free(s->calls);
	free(s);
}

/* The pages are shared by all arms: blocks of the largest call, so that each lies in one. */
static int open_kernel(struct reset_state *s, struct bench_ctx *ctx, uint64_t bytes, int cpu,
		       struct reason *why)
{
	uint64_t page = PAGE;

	for (unsigned i = 0; i < ctx->n_arms; i++)
		page = s->calls[i].page > page ? s->calls[i].page : page;
	s->kernel_series = ctx->series(ctx, METRIC_KERNEL, "loop");
	return reset_kernel_open(&s->kernel, ctx->machine, page, bytes,
				 topo_node_number(ctx->machine->topo, (unsigned)cpu), why);
}

/* The CPU by whose node the pages lie. One that was named with --cpu may have no remote one. */
static int memory_cpu(const struct bench_ctx *ctx, int *cpu, struct reason *why)
{
	*cpu = (int)ctx->cpu;
	if (ctx->arms[0].levels[F_NODE].number == NODE_REMOTE)
		*cpu = topo_remote_cpu(ctx->machine->topo, ctx->cpu);
	if (*cpu < 0)
		return reason_set(why, -ENOTSUP,
				  "node=remote: there is none for CPU %u; name another one with "
				  "--cpu",
				  ctx->cpu);
	return 0;
}

static int reset_setup(struct bench_ctx *ctx, void **state, struct reason *why)
{
	const struct level *l = ctx->arms[0].levels;
	struct reset_state *s = calloc(1, sizeof(*s));
	int cpu, ret;

	if (s)
		s->calls = calloc(ctx->n_arms, sizeof(*s->calls));
	if (!s || !s->calls) {
		free(s);
		return reason_set(why, -ENOMEM, "out of memory");
	}
	s->ctx = ctx;
	s->in_kernel = in_kernel(&ctx->arms[0]);
	for (unsigned i = 0; i < ctx->n_arms; i++)
		fill_call(ctx->arms[i].levels, &s->calls[i]);
	ret = memory_cpu(ctx, &cpu, why);
	if (ret)
		goto out;
	json_object_set_new(ctx->facts, "memory_node",
			    json_integer(topo_node_of(ctx->machine->topo, (unsigned)cpu)));
	if (s->in_kernel)
		ret = open_kernel(s, ctx, l[F_REGION].number, cpu, why);
	else
		ret = reset_user_open(&s->user, ctx, s->calls, METRIC_CPU,
				      &(struct reset_memory){
					      .backing = (enum mem_backing)l[F_BACKING].number,
					      .bytes = l[F_REGION].number,
					      .cpu = (unsigned)cpu,
				      },
				      why);
out:
	if (ret) {
		reset_teardown(s);
		return ret;
	}
	*state = s;
	return 0;
}

static enum tdcost_before kernel_before(enum reset_before before)
{
	static const enum tdcost_before as[] = {
		[RESET_EVICTED] = TDCOST_EVICTED,
		[RESET_DIRTY] = TDCOST_DIRTY,
		[RESET_CLEAN] = TDCOST_CLEAN,
	};

	return as[before];
}

static uint32_t kernel_flags(const struct reset_call *c)
{
	return (c->quirk ? TDCOST_RESET_QUIRK : 0) | (c->fence_once ? TDCOST_RESET_FENCE_ONCE : 0) |
	       (c->unrolled ? TDCOST_RESET_UNROLL_4 : 0);
}

static void reset_prepare(void *state, unsigned arm)
{
	struct reset_state *s = state;
	const struct reset_call *c = &s->calls[arm];

	if (!s->in_kernel)
		reset_user_prepare(&s->user, c);
	else if (c->quirk) /* The early return touches no line, whatever its state. */
		reset_kernel_fill(&s->kernel, POISONED, kernel_before(c->before));
}

static uint64_t reset_sample(void *state, unsigned arm, unsigned reps)
{
	struct reset_state *s = state;
	const struct reset_call *c = &s->calls[arm];

	if (!s->in_kernel)
		return reset_user_run(&s->user, c, reps);
	s->kernel_ticks = reset_kernel_run(&s->kernel, c->page, kernel_flags(c), reps);
	return s->kernel.bytes / PAGE * reps;
}

static void reset_values(void *state, unsigned arm, struct bench_values *out)
{
	struct reset_state *s = state;

	if (s->in_kernel)
		bench_value(out, s->kernel_series, (double)s->kernel_ticks);
	else
		reset_user_values(&s->user, &s->calls[arm], out);
}

/* Repeating a reset would find the lines in another state than prepare() left them in. */
static bool reset_repeatable(void *state, unsigned arm)
{
	const struct reset_state *s = state;

	return !s->calls[arm].quirk;
}

static int reset_verify(void *state, unsigned arm, struct reason *why)
{
	struct reset_state *s = state;
	const struct reset_call *c = &s->calls[arm];

	if (!s->in_kernel)
		return reset_user_verify(&s->user, c, arm, why);
	reset_kernel_fill(&s->kernel, POISONED, TDCOST_EVICTED);
	reset_kernel_run(&s->kernel, c->page, kernel_flags(c), 1);
	return reset_kernel_check(&s->kernel, c->quirk ? 0 : POISONED, why);
}

static int reset_finish(void *state, struct reason *why)
{
	const struct reset_state *s = state;

	return s->in_kernel ? reset_kernel_finish(&s->kernel, why)
			    : reset_user_finish(&s->user, why);
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
	.values = reset_values,
	.repeatable = reset_repeatable,
	.verify = reset_verify,
	.finish = reset_finish,
	.teardown = reset_teardown,
};
