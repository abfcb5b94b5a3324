// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/dirtier.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/ops/awake.h"
#include "bench/ops/held.h"
#include "bench/ops/lines.h"
#include "bench/ops/pieces.h"
#include "bench/ops/region.h"
#include "harness/machine/mem.h"
#include "harness/measure/design.h"

#define PAGE 4096ul
#define HUGE (2ul << 20)

struct dirtier_arm {
	struct pieces dirty, sweep;
	unsigned percent;  /* of the LLC, that is made dirty */
	unsigned *sweeper; /* members, in the order of their CPUs in dirtier_add_sweep() */
	unsigned sweepers; /* members that the team must have for it; 0: no sweep */
};

struct dirtier {
	const struct topo *topo;
	const struct cpu_info *cpu_info;
	unsigned n_arms, n_caches;
	unsigned *cpu;	  /* by member */
	unsigned *member; /* by CPU number */
	unsigned n;	  /* members there could be: the machine's CPUs */
	bool *takes;	  /* by member, while an arm is added */
	struct mem *mem;  /* by LLC; base NULL where no arm makes anything dirty */
	char *random;	  /* a page */
	struct team *team;
	int awake;
	const struct pieces *last;   /* what was made dirty and not evicted since */
	const struct pieces *pieces; /* what the team works on now */
	struct dirtier_arm arms[];
};

void dirtier_close(struct dirtier *d)
{
	if (!d)
		return;
	team_close(d->team);
	awake_release(d->awake);
	for (unsigned i = 0; i < d->n_arms; i++) {
		pieces_free(&d->arms[i].dirty);
		pieces_free(&d->arms[i].sweep);
		free(d->arms[i].sweeper);
	}
	for (unsigned i = 0; d->mem && i < d->n_caches; i++)
		if (d->mem[i].base)
			mem_free(&d->mem[i]);
	free(d->mem);
	free(d->random);
	free(d->takes);
	free(d->member);
	free(d->cpu);
	free(d);
}

/* Random bytes: some memory systems store zeros faster than anything else. */
static void fill_random(struct dirtier *d, uint64_t seed)
{
	uint64_t *words = (uint64_t *)(void *)d->random;

	for (size_t i = 0; i < PAGE / sizeof(*words); i++)
		words[i] = seed_derive(seed, i, 0, 10);
}

static int dirtier_alloc(struct dirtier *d, const struct bench_ctx *ctx, int last)
{
	unsigned n = topo_cpus(d->topo);

	d->n_caches = topo_llcs(d->topo);
	d->cpu = calloc(n, sizeof(*d->cpu));
	d->member = calloc(SCOPE_MAX_CPUS, sizeof(*d->member));
	d->takes = calloc(n, sizeof(*d->takes));
	d->mem = calloc(d->n_caches, sizeof(*d->mem));
	d->random = aligned_alloc(PAGE, PAGE);
	if (!d->cpu || !d->member || !d->takes || !d->mem || !d->random)
		return -ENOMEM;
	fill_random(d, ctx->seed);
	d->n = scope_order(d->topo, ctx->cpu, last, d->cpu);
	for (unsigned m = 0; m < d->n; m++)
		d->member[d->cpu[m]] = m;
	return d->n ? 0 : -ENOMEM;
}

int dirtier_open(struct dirtier **dirtier, const struct bench_ctx *ctx, int last,
		 struct reason *why)
{
	struct dirtier *d = calloc(1, sizeof(*d) + ctx->n_arms * sizeof(d->arms[0]));

	*dirtier = NULL;
	if (!d)
		return reason_set(why, -ENOMEM, "out of memory");
	d->awake = -1;
	d->topo = ctx->machine->topo;
	d->cpu_info = &ctx->machine->cpu;
	d->n_arms = ctx->n_arms;
	if (dirtier_alloc(d, ctx, last)) {
		dirtier_close(d);
		return reason_set(why, -ENOMEM, "out of memory");
	}
	*dirtier = d;
	return 0;
}

/* ---- the arms ---- */

static struct pieces_team take_part(struct dirtier *d, const unsigned *cpus, unsigned n)
{
	for (unsigned m = 0; m < d->n; m++)
		d->takes[m] = false;
	for (unsigned i = 0; i < n; i++)
		d->takes[d->member[cpus[i]]] = true;
	return (struct pieces_team){ d->cpu, d->n };
}

int dirtier_add(struct dirtier *d, unsigned arm, const unsigned *cpus, unsigned n, unsigned percent,
		struct reason *why)
{
	struct pieces_team team = take_part(d, cpus, n);

	d->arms[arm].percent = percent;
	if (pieces_dirty(&d->arms[arm].dirty, d->topo, &team, d->takes, percent))
		return reason_set(why, -ENOMEM, "out of memory");
	return 0;
}

int dirtier_add_sweep(struct dirtier *d, unsigned arm, const unsigned *cpus, unsigned n,
		      struct reason *why)
{
	struct pieces_team team = take_part(d, cpus, n);
	struct dirtier_arm *a = &d->arms[arm];

	a->sweeper = calloc(n, sizeof(*a->sweeper));
	if (!a->sweeper || pieces_sweep(&a->sweep, &a->dirty, &team, d->takes))
		return reason_set(why, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < n; i++) {
		a->sweeper[i] = d->member[cpus[i]];
		if (a->sweeper[i] >= a->sweepers)
			a->sweepers = a->sweeper[i] + 1;
	}
	return 0;
}

size_t dirtier_bytes(const struct dirtier *d, unsigned arm)
{
	return pieces_bytes(&d->arms[arm].dirty);
}

/* ---- memory and threads ---- */

struct placing {
	const struct topo *topo;
	unsigned cpu;
};

static int place(void *of, void *addr, size_t bytes, struct reason *why)
{
	const struct placing *p = of;

	return topo_bind_memory(p->topo, p->cpu, addr, bytes, why);
}

static size_t extent_of_all(const struct dirtier *d, unsigned cache)
{
	size_t most = 0;

	for (unsigned i = 0; i < d->n_arms; i++) {
		size_t extent = pieces_extent(&d->arms[i].dirty, cache);

		most = extent > most ? extent : most;
	}
	return (most + HUGE - 1) / HUGE * HUGE;
}

static unsigned first_cpu_of(const struct dirtier *d, unsigned cache)
{
	unsigned m = 0;

	while (m < d->n - 1 && (unsigned)topo_llc_of(d->topo, d->cpu[m]) != cache)
		m++;
	return d->cpu[m];
}

/* A region for each LLC in which something is made dirty, on the node of its CPUs. */
static int memory_alloc(struct dirtier *d, struct bench_ctx *ctx, struct reason *why)
{
	size_t bytes = 0, granted = 0;

	for (unsigned i = 0; i < d->n_caches; i++) {
		struct placing placing = { d->topo, first_cpu_of(d, i) };
		size_t extent = extent_of_all(d, i);
		enum mem_backing backing = region_backing(ctx->machine, extent);
		int ret;

		if (!extent)
			continue;
		ret = mem_alloc(&d->mem[i], backing, extent, 0, place, &placing, why);
		if (ret) {
			d->mem[i].base = NULL;
			return ret;
		}
		bytes += extent;
		granted += backing == MEM_THP ? d->mem[i].granted : 0;
	}
	json_object_set_new(ctx->facts, "region", json_integer((json_int_t)bytes));
	json_object_set_new(ctx->facts, "huge", json_integer((json_int_t)granted));
	return 0;
}

static unsigned members_of_all(const struct dirtier *d)
{
	unsigned most = 1;

	for (unsigned i = 0; i < d->n_arms; i++) {
		unsigned dirty = pieces_members(&d->arms[i].dirty);
		unsigned sweep = d->arms[i].sweepers;

		most = dirty > most ? dirty : most;
		most = sweep > most ? sweep : most;
	}
	return most;
}

/* ---- the work ---- */

static void dirty_share(void *of, unsigned member)
{
	const struct dirtier *d = of;
	size_t n;
	const struct piece *p = pieces_of(d->pieces, member, &n);

	for (size_t i = 0; i < n; i++)
		lines_dirty(d->mem[p[i].cache].base + p[i].offset, p[i].bytes, d->random);
}

static void evict_share(void *of, unsigned member)
{
	const struct dirtier *d = of;
	size_t n;
	const struct piece *p = pieces_of(d->pieces, member, &n);

	for (size_t i = 0; i < n; i++)
		lines_evict(d->cpu_info, d->mem[p[i].cache].base + p[i].offset, p[i].bytes);
}

static void work_on(struct dirtier *d, const struct pieces *pieces, team_fn *fn)
{
	if (!pieces || !pieces->n)
		return;
	d->pieces = pieces;
	team_ready(d->team, pieces_members(pieces), fn, d);
	team_go(d->team);
}

void dirtier_dirty(struct dirtier *d, unsigned arm)
{
	/* By those who made it dirty, in whose caches it is. */
	work_on(d, d->last, evict_share);
	d->last = &d->arms[arm].dirty;
	work_on(d, d->last, dirty_share);
}

void dirtier_again(struct dirtier *d, unsigned arm)
{
	const struct pieces *again = &d->arms[arm].dirty;

	work_on(d, again, dirty_share);
	/* The shares of the same CPUs begin where their LLC's region does: the larger holds the other. */
	if (pieces_bytes(again) > pieces_bytes(d->last))
		d->last = again;
}

struct bringing {
	struct dirtier *d;
	unsigned arm;
};

static void bring(void *arg)
{
	const struct bringing *b = arg;

	dirtier_dirty(b->d, b->arm);
}

/* The caller is the first member. A member's pieces are all of its own LLC. */
static void check_held(struct dirtier *d, struct bench_ctx *ctx, unsigned arm)
{
	struct bringing bringing = { d, arm };
	struct held h = { .bring = bring, .state = &bringing };
	char asked[32];
	size_t n;
	const struct piece *p = pieces_of(&d->arms[arm].dirty, 0, &n);

	if (!n)
		return;
	snprintf(asked, sizeof(asked), "dirty=%u", d->arms[arm].percent);
	h.asked = asked;
	h.bytes = p->bytes;
	probe_init(&h.lines, d->mem[p->cache].base);
	probe_add(&h.lines, p->offset, p->bytes, PROBE_LINES, arm);
	held_check(ctx, (int)arm, &h);
}

int dirtier_ready(struct dirtier *d, struct bench_ctx *ctx, struct reason *why)
{
	int ret = memory_alloc(d, ctx, why);

	/* Those who made lines dirty sleep until they are flushed. */
	for (unsigned i = 0; i < d->n_arms && d->awake < 0 && !ret; i++)
		if (dirtier_bytes(d, i))
			d->awake = awake_hold(ctx->machine->root, ctx->facts);
	if (!ret)
		ret = team_open(&d->team, d->topo, d->cpu, members_of_all(d), why);
	for (unsigned i = 0; i < ctx->n_arms && !ret; i++)
		check_held(d, ctx, i);
	/* As if nothing had been made dirty yet. */
	work_on(d, d->last, evict_share);
	d->last = NULL;
	return ret;
}

void dirtier_sweep_ready(struct dirtier *d, unsigned arm)
{
	d->pieces = &d->arms[arm].sweep;
	team_ready(d->team, d->arms[arm].sweepers, evict_share, d);
}

void dirtier_sweep(struct dirtier *d)
{
	team_go(d->team);
}

const struct team_time *dirtier_sweep_time(const struct dirtier *d, unsigned arm, unsigned i)
{
	return team_time(d->team, d->arms[arm].sweeper[i]);
}
