// SPDX-License-Identifier: GPL-2.0
/*
 * The references of Dynamic PAMT, got and put, with what bench/topup does for both worlds. A fault
 * or a split gets one for each page that it gives to the TDX module; it is put when that is freed.
 *
 * Callers of one open file share the counts, and all share the lock. Each has put what it got when
 * its call ends, however it ends, so the last one of a file finds none.
 */
#include <linux/cache.h>
#include <linux/spinlock.h>

#include "bench/kmod/topup.h"

/* As in the kernel, where TDs contend for it that share no region. */
static __cacheline_aligned_in_smp DEFINE_SPINLOCK(pamt_lock);

int tdcost_pamt_init(struct topup_pamt *pamt, unsigned int regions)
{
	int ret = topup_pamt_init(pamt, regions);

	pamt->lock = &pamt_lock;
	return ret;
}

int tdcost_pamt_open(struct topup_pamt *pamt, const struct tdcost_topup *t)
{
	int ret;

	if (!is_pamt(t))
		return 0;
	ret = tdcost_pamt_init(pamt, t->flags & TDCOST_TOPUP_BURST ? 1 : MAX_GETS);
	pamt->add_loops = t->demote_loops;
	return ret;
}

static unsigned int region(const struct tdcost_run *run, unsigned int i)
{
	return run->t.flags & TDCOST_TOPUP_BURST ? 0 : i;
}

static struct topup_list *cache(struct tdcost_run *run)
{
	return run->t.variant == TDCOST_PAMT_CACHE ? &run->vcpu.pamt : NULL;
}

static int top_up(struct tdcost_run *run)
{
	struct topup_list *list = cache(run);
	struct topup_watch w = { 0 };
	int ret;

	if (!list)
		return 0;
	topup_call_begin(&run->vcpu.ctx, &w);
	ret = topup_pamt_cache_topup(&run->vcpu.ctx, list, PT64_ROOT_MAX_LEVEL);
	topup_call_end(&run->vcpu.ctx, &w);
	topup_idle_seen(&run->vcpu.ctx, list->cnt);
	return ret;
}

static int get(struct tdcost_run *run)
{
	struct topup_ctx *ctx = &run->vcpu.ctx;
	unsigned int i = region(run, run->gets);
	struct topup_watch w = { 0 };
	int ret;

	topup_get_begin(ctx, &w);
	if (run->t.work == TDCOST_PAMT_LOCK)
		ret = topup_pamt_get_locked(run->pamt, ctx, i, cache(run));
	else
		ret = topup_pamt_get(run->pamt, ctx, i, cache(run));
	topup_get_end(ctx, &w, 1);
	return ret;
}

/* Pages that are neither free nor in the cache: a get gives a pair to an entry, or none. */
static s64 with_entries(const struct tdcost_run *run)
{
	return topup_source_live(&run->source) - run->vcpu.pamt.cnt;
}

static int timed_get(struct tdcost_run *run)
{
	u64 allocs = topup_source_allocs(&run->source);
	s64 before;
	u64 start, end;
	int ret;

	start = tdcost_tick_start();
	ret = top_up(run);
	end = tdcost_tick_stop();
	tdcost_add_topup(run, end - start, topup_source_allocs(&run->source) - allocs);
	if (ret)
		return ret;
	before = with_entries(run);
	start = tdcost_tick_start();
	ret = get(run);
	end = tdcost_tick_stop();
	tdcost_add_use(run, end - start, with_entries(run) - before);
	return ret;
}

static int plain_get(struct tdcost_run *run)
{
	int ret = top_up(run);

	return ret ? ret : get(run);
}

/* The topup of a unit, and its get. */
int tdcost_pamt_get(struct tdcost_run *run)
{
	int ret = run->t.flags & TDCOST_TOPUP_TIMES ? timed_get(run) : plain_get(run);

	if (!ret)
		__set_bit(run->gets, run->got);
	run->gets++;
	return ret;
}

static void put(struct tdcost_run *run, unsigned int i)
{
	if (run->t.work == TDCOST_PAMT_LOCK)
		topup_pamt_put_locked(run->pamt, &run->vcpu.ctx, i);
	else
		topup_pamt_put(run->pamt, &run->vcpu.ctx, i);
}

/* All that this call got since the last time, the last one first. */
void tdcost_pamt_put(struct tdcost_run *run)
{
	u64 start = tdcost_tick_start();
	unsigned int i = run->gets;

	while (i--)
		if (__test_and_clear_bit(i, run->got))
			put(run, region(run, i));
	run->gets = 0;
	if (run->t.flags & TDCOST_TOPUP_TIMES)
		run->t.put_ticks += tdcost_tick_stop() - start;
}
