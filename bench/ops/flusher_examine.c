// SPDX-License-Identifier: GPL-2.0-or-later
/* Does it flush? flusher.h's answer. */
#include <stdio.h>

#include "bench/ops/examine.h"
#include "bench/ops/flusher.h"
#include "bench/ops/lines.h"

/* On the measuring CPU alone. */
struct one_flush {
	struct flusher *f;
	const struct cpu_info *cpu;
	unsigned op;
	struct scope self;
};

static int flush_once(void *arg, char *base, size_t bytes, uint64_t *ticks)
{
	struct one_flush *o = arg;
	struct flusher *f = o->f;
	int ret;

	if (o->op == FLUSHER_SWEEP) {
		lines_evict(o->cpu, base, bytes);
		return 0;
	}
	ret = kmod_flush(&f->k, (enum tdcost_op)o->op, TDCOST_ONE, &o->self.mask, f->result, &f->n,
			 NULL, NULL);
	/* The instruction alone, as long as it took there. */
	if (!ret)
		*ticks = f->result[0].end - f->result[0].start;
	return ret;
}

/*
 * A hypervisor that lets WBINVD through is as good as none; one that does not, or an emulator that
 * has no cache, makes the figure a lie. Without a hypervisor what cannot be decided is noise.
 */
static enum trust_flag flag_for(const struct machine *m, unsigned op, bool nothing)
{
	if (op == FLUSHER_SWEEP)
		return nothing ? FLAG_VERIFY : FLAG_BUSY;
	return nothing || cpu_has(&m->cpu, CPU_HYPERVISOR) ? FLAG_NO_FLUSH : FLAG_BUSY;
}

static void judge(struct bench_ctx *ctx, const struct flusher_arm *arms, unsigned op,
		  const char *name, const struct flush_found *found)
{
	bool nothing = found->verdict == FLUSH_NOTHING;
	char detail[400];

	if (found->verdict == FLUSH_REAL)
		return;
	snprintf(detail, sizeof(detail), "%s %s: %s", name,
		 nothing ? "does nothing" : "was not seen to flush", found->text);
	for (unsigned i = 0; i < ctx->n_arms; i++)
		if (arms[i].op == op)
			ctx->flag(ctx, flag_for(ctx->machine, op, nothing), (int)i, detail);
}

static int examine_op(struct flusher *f, struct bench_ctx *ctx, unsigned op, const char *name,
		      const struct tick_clock *clock, struct flush_found *found, struct reason *why)
{
	struct one_flush o = { .f = f, .cpu = &ctx->machine->cpu, .op = op };
	const struct examined e = {
		.name = name,
		.keeps = op == TDCOST_WBNOINVD,
		.flush = flush_once,
		.ctx = &o,
	};
	int ret = scope_pick(&o.self, ctx->machine->topo, TDCOST_ONE, ctx->cpu, -1);

	if (ret)
		return reason_set(why, ret, "out of memory");
	ret = examine_flush(ctx, &e, clock, found, why);
	scope_free(&o.self);
	return ret;
}

int flusher_examine(struct flusher *f, struct bench_ctx *ctx, const struct flusher_arm *arms,
		    const struct tick_clock *clock, const struct level_info *names,
		    struct reason *why)
{
	bool seen[FLUSHER_OP_MAX] = { [TDCOST_NOTHING] = true };
	struct flush_found found;
	int ret = 0;

	/* In an emulator there is no cache, and nothing to be seen. */
	if (lane_clock(ctx->machine->lane) != CLOCK_UNIT_NS)
		return 0;
	for (unsigned i = 0; i < ctx->n_arms && !ret; i++) {
		unsigned op = arms[i].op;

		if (seen[op])
			continue;
		seen[op] = true;
		ret = examine_op(f, ctx, op, names[op].name, clock, &found, why);
		if (!ret)
			judge(ctx, arms, op, names[op].name, &found);
	}
	return ret;
}
