// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/examine.h"

#include <errno.h>
#include <stdio.h>

#include "bench/ops/region.h"
#include "harness/machine/mem.h"
#include "harness/measure/design.h"

/* Half of a private L2 is held whatever else is in the LLC. Where the L2 is not known: */
#define USUAL_L2 (1ul << 20)
/*
 * Where more dirty lines must show in the time of a flush, more of the LLC; a guest may be shown more of
 * one than it has, so the size grows only as long as dirty lines are seen to be held.
 */
#define MOST   (32ul << 20)
#define FACTOR 4

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

static size_t first_bytes(const struct bench_ctx *ctx)
{
	uint64_t l2 = cpu_l2_bytes(&ctx->machine->cpu);
	size_t bytes = FLUSH_LEAST, half = (l2 ? l2 : USUAL_L2) / 2;

	while (bytes * 2 <= half && bytes < MOST)
		bytes *= 2;
	return bytes;
}

/* Of the next look, after one that cannot tell. 0: there is none. @step: the direction so far, 0: none. */
static size_t next_bytes(const struct bench_ctx *ctx, const struct flush_found *found, size_t bytes,
			 int *step)
{
	uint64_t quarter = topo_llc_bytes(ctx->machine->topo, ctx->cpu) / 4;

	if (!found->next || (*step && *step != found->next))
		return 0;
	*step = found->next;
	if (*step > 0)
		return bytes * FACTOR <= quarter && bytes * FACTOR <= MOST ? bytes * FACTOR : 0;
	return bytes / FACTOR >= FLUSH_LEAST ? bytes / FACTOR : 0;
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
		.seed = seed_derive(ctx->seed, e->mem.bytes, 0, 12),
		.keeps = e->of->keeps,
	};
	int ret = flush_detect(&job, NULL, found, why);

	if (!ret || !e->late)
		return ret;
	*found = (struct flush_found){ .verdict = FLUSH_CANNOT_TELL };
	snprintf(found->text, sizeof(found->text),
		 "it was not clear within %.0f s; measure when nothing else runs",
		 (double)EXAMINE_LIMIT_NS / 1e9);
	return 0;
}

/* On @bytes of memory. */
static int look(struct bench_ctx *ctx, struct examining *e, size_t bytes,
		const struct tick_clock *clock, struct flush_found *found, struct reason *why)
{
	enum mem_backing backing = region_backing(ctx->machine, bytes);
	int ret = mem_alloc(&e->mem, backing, bytes, 0, place, ctx, why);

	if (ret)
		return ret;
	ret = measure(ctx, e, clock, found, why);
	mem_free(&e->mem);
	return ret;
}

int examine_flush(struct bench_ctx *ctx, const struct examined *e, const struct tick_clock *clock,
		  struct flush_found *found, struct reason *why)
{
	uint64_t limit = (uint64_t)((double)EXAMINE_LIMIT_NS * clock->hz / 1e9);
	struct examining x = { .of = e, .deadline = tick_start() + limit };
	size_t bytes = first_bytes(ctx);
	int ret = 0, step = 0;

	while (bytes && !ret) {
		ret = look(ctx, &x, bytes, clock, found, why);
		if (ret || x.late || found->verdict != FLUSH_CANNOT_TELL)
			break;
		bytes = next_bytes(ctx, found, bytes, &step);
	}
	if (!ret)
		keep_fact(ctx, e->name, found);
	return ret;
}
