// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/examine.h"

#include <errno.h>
#include <stdio.h>

#include "bench/ops/region.h"
#include "harness/machine/mem.h"
#include "harness/measure/design.h"

#define LEAST (1ul << 20)
/* A quarter of the LLC, so that dirty lines stay in it; more than this only takes longer. */
#define MOST (32ul << 20)

struct examining {
	const struct examined *of;
	struct mem mem;
	uint64_t deadline;
	bool late;
};

static int flush(void *arg, uint64_t *ticks)
{
	struct examining *e = arg;

	if (tick_start() > e->deadline) {
		e->late = true;
		return -ETIME;
	}
	return e->of->flush(e->of->ctx, e->mem.base, e->mem.bytes, ticks);
}

static size_t region_bytes(const struct bench_ctx *ctx)
{
	uint64_t quarter = topo_llc_bytes(ctx->machine->topo, ctx->cpu) / 4;
	size_t bytes = LEAST;

	while (bytes * 2 <= quarter && bytes < MOST)
		bytes *= 2;
	return bytes;
}

static int place(void *of, void *addr, size_t bytes, struct reason *why)
{
	const struct bench_ctx *ctx = of;

	return topo_bind_memory(ctx->machine->topo, ctx->cpu, addr, bytes, why);
}

static void keep_fact(struct bench_ctx *ctx, const char *name, const struct flush_found *found)
{
	json_t *all = json_object_get(ctx->facts, "examined");

	if (!all) {
		all = json_object();
		json_object_set_new(ctx->facts, "examined", all);
	}
	json_object_set_new(all, name,
			    json_pack("{s:s, s:s}", "verdict", flush_verdict_name(found->verdict),
				      "found", found->text));
}

static int measure(struct bench_ctx *ctx, struct examining *e, const struct tick_clock *clock,
		   struct flush_found *found, struct reason *why)
{
	const struct flush_job job = {
		.base = e->mem.base,
		.bytes = e->mem.bytes,
		.flush = flush,
		.ctx = e,
		.cpu = &ctx->machine->cpu,
		.clock = clock,
		.seed = seed_derive(ctx->seed, 0, 0, 12),
		.keeps = e->of->keeps,
	};
	int ret = flush_detect(&job, NULL, found, why);

	if (!ret || !e->late)
		return ret;
	*found = (struct flush_found){ .verdict = FLUSH_UNCLEAR };
	snprintf(found->text, sizeof(found->text), "it was not clear within %.0f s",
		 (double)EXAMINE_LIMIT_NS / 1e9);
	return 0;
}

int examine_flush(struct bench_ctx *ctx, const struct examined *e, const struct tick_clock *clock,
		  struct flush_found *found, struct reason *why)
{
	size_t bytes = region_bytes(ctx);
	enum mem_backing backing = region_backing(ctx->machine, bytes);
	struct examining x = { .of = e };
	int ret = mem_alloc(&x.mem, backing, bytes, 0, place, ctx, why);

	if (ret)
		return ret;
	x.deadline = tick_start() + (uint64_t)((double)EXAMINE_LIMIT_NS * clock->hz / 1e9);
	ret = measure(ctx, &x, clock, found, why);
	mem_free(&x.mem);
	if (!ret)
		keep_fact(ctx, e->name, found);
	return ret;
}
