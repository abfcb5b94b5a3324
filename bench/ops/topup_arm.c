// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/topup_arm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- how much it holds ---- */

unsigned int topup_arm_in_hand(const struct topup_setting *set)
{
	struct topup_need most = { TDX_SPLIT_SEPT_PAGES, TDX_SPLIT_PAIRS };

	if (set->kind == TOPUP_FAULT && set->load == TOPUP_COLD)
		most = topup_schedule_fault(TOPUP_COLD, 0);
	return set->threads * set->ops * (most.sept + most.pairs * TDX_DPAMT_ENTRY_PAGE_CNT);
}

/*
 * Two arrays, and a range's pages twice: threads that see the need of a VM's cache at the same time
 * all see to it.
 */
unsigned int topup_arm_in_caches(const struct topup_setting *set)
{
	unsigned int split = TDX_SPLIT_SEPT_PAGES + TDX_SPLIT_PAMT_PAGES;

	return set->threads * 2 * (KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE + set->range * split);
}

/* ---- the work ---- */

static int none_faults(struct topup_vcpu *v, const struct topup_need *need, unsigned int n,
		       struct topup_hand *hand)
{
	(void)v;
	(void)hand;
	/* The schedule is gone through all the same. */
	for (unsigned int i = 0; i < n; i++)
		(void)READ_ONCE(need[i].sept);
	return 0;
}

static int none_split(struct topup_vcpu *v, unsigned int n, enum topup_range_mode mode,
		      const struct topup_need *need, struct topup_hand *hand)
{
	(void)mode;
	return none_faults(v, need, n, hand);
}

static void free_seen(struct topup_thread *t)
{
	topup_source_seen(&t->source);
	topup_hand_free(&t->vcpu.ctx, &t->hand);
}

static void fault_share(void *arg, unsigned member)
{
	struct topup_arm *arm = arg;
	struct topup_thread *t = &arm->thread[member];

	if (!topup_metered(&t->vcpu.ctx, TOPUP_METER_CALLS)) {
		t->err = arm->work.faults(&t->vcpu, arm->need, arm->calls, &t->hand);
		return;
	}
	for (unsigned int i = 0; i < arm->calls && !t->err; i++) {
		t->err = arm->work.fault(&t->vcpu, &arm->need[i], &t->hand);
		free_seen(t);
	}
}

static void split_share(void *arg, unsigned member)
{
	struct topup_arm *arm = arg;
	struct topup_thread *t = &arm->thread[member];

	for (unsigned int i = 0; i < arm->calls && !t->err; i++) {
		t->err = arm->work.split(&t->vcpu, arm->set.range, arm->set.mode,
					 &arm->need[i * arm->set.range], &t->hand);
		if (topup_metered(&t->vcpu.ctx, TOPUP_METER_CALLS))
			free_seen(t);
	}
}

static unsigned int region_of(const struct topup_arm *arm, const struct topup_thread *t,
			      unsigned int i)
{
	return t->first_region + (arm->set.load == TOPUP_BURST ? i / SPTE_ENT_PER_PAGE : i);
}

/* Of a VM, with those that keep the next one's counts off its lines. */
static unsigned int regions(const struct topup_setting *set)
{
	unsigned int used = set->load == TOPUP_BURST
				    ? (set->ops + SPTE_ENT_PER_PAGE - 1) / SPTE_ENT_PER_PAGE
				    : set->ops;

	return (used + TOPUP_PAMT_APART - 1) / TOPUP_PAMT_APART * TOPUP_PAMT_APART;
}

static int get_topup(struct topup_ctx *ctx, struct topup_list *cache)
{
	struct topup_watch w = { 0 };
	int r;

	topup_call_begin(ctx, &w);
	r = topup_pamt_cache_topup(ctx, cache, PT64_ROOT_MAX_LEVEL);
	topup_call_end(ctx, &w);
	topup_idle_seen(ctx, cache->cnt);
	return r;
}

static int get_one(struct topup_arm *arm, struct topup_ctx *ctx, unsigned int region,
		   struct topup_list *cache)
{
	struct topup_watch w = { 0 };
	int r;

	topup_get_begin(ctx, &w);
	r = (arm->set.locked ? topup_pamt_get_locked : topup_pamt_get)(&arm->pamt, ctx, region,
								       cache);
	topup_get_end(ctx, &w, 1);
	return r;
}

static int get_all(struct topup_arm *arm, struct topup_thread *t, unsigned int *got)
{
	bool cached = arm->set.variant == TOPUP_PAMT_CACHE;
	struct topup_list *cache = cached ? &t->vcpu.pamt : NULL;
	int r = 0;

	for (*got = 0; *got < arm->calls && !r; *got += !r) {
		if (cached)
			r = get_topup(&t->vcpu.ctx, cache);
		if (!r)
			r = get_one(arm, &t->vcpu.ctx, region_of(arm, t, *got), cache);
	}
	return r;
}

static void refcount_share(void *arg, unsigned member)
{
	struct topup_arm *arm = arg;
	struct topup_thread *t = &arm->thread[member];
	unsigned int got;

	t->err = get_all(arm, t, &got);
	topup_source_seen(&t->source);
	while (got--)
		(arm->set.locked ? topup_pamt_put_locked : topup_pamt_put)(&arm->pamt, &t->vcpu.ctx,
									   region_of(arm, t, got));
}

static void release_share(void *arg, unsigned member)
{
	struct topup_thread *t = &((struct topup_arm *)arg)->thread[member];

	topup_hand_free(&t->vcpu.ctx, &t->hand);
}

static team_fn *const shares[TOPUP_KINDS] = {
	[TOPUP_FAULT] = fault_share,
	[TOPUP_SPLIT] = split_share,
	[TOPUP_REFCOUNT] = refcount_share,
};

void topup_arm_ready(struct topup_arm *arm, struct team *team, unsigned int meters)
{
	for (unsigned int i = 0; i < arm->set.threads; i++) {
		struct topup_thread *t = &arm->thread[i];
		struct topup_meter empty = { .what = meters,
					     .sample = t->meter.sample,
					     .room = t->meter.room,
					     .get = t->meter.get,
					     .get_room = t->meter.get_room };

		t->err = 0;
		t->meter = empty;
		t->vcpu.ctx.meter = meters ? &t->meter : NULL;
		t->live_before = topup_source_live(&t->source);
		t->source.peak = t->live_before;
	}
	team_ready(team, arm->set.threads, shares[arm->set.kind], arm);
}

void topup_arm_release(struct topup_arm *arm, struct team *team)
{
	team_ready(team, arm->set.threads, release_share, arm);
	team_go(team);
}

/* ---- its life ---- */

static int schedule_open(struct topup_arm *arm)
{
	const struct topup_setting *set = &arm->set;

	arm->calls = set->kind == TOPUP_SPLIT ? set->ops / set->range : set->ops;
	arm->need = calloc(set->ops, sizeof(*arm->need));
	if (!arm->need)
		return -ENOMEM;
	for (unsigned int i = 0; i < set->ops; i++)
		arm->need[i] = set->kind == TOPUP_FAULT ? topup_schedule_fault(set->load, i)
							: *topup_schedule_splits(i);
	return 0;
}

static int vms_open(struct topup_arm *arm)
{
	const struct topup_setting *set = &arm->set;
	unsigned int n = set->vm_each ? set->threads : 1;
	/* The loop alone needs no VM; any will do. */
	enum topup_variant variant = set->variant == TOPUP_NONE ? TOPUP_DIRECT : set->variant;

	arm->vm = aligned_alloc(TOPUP_APART, n * sizeof(*arm->vm));
	if (!arm->vm)
		return -ENOMEM;
	for (; arm->n_vms < n; arm->n_vms++) {
		struct topup_vm *vm = &arm->vm[arm->n_vms].vm;

		topup_vm_init(vm, variant);
		vm->demote_loops = set->hold_loops;
		vm->has_vcpu = set->by_vcpu;
		if (set->kind == TOPUP_SPLIT && set->mode == TOPUP_WHOLE)
			vm->ahead = set->range;
	}
	return 0;
}

static int threads_open(struct topup_arm *arm, struct topup_pool *pool)
{
	const struct topup_setting *set = &arm->set;

	arm->thread = aligned_alloc(TOPUP_APART, set->threads * sizeof(*arm->thread));
	if (!arm->thread)
		return -ENOMEM;
	memset(arm->thread, 0, set->threads * sizeof(*arm->thread));
	for (unsigned int i = 0; i < set->threads; i++) {
		struct topup_thread *t = &arm->thread[i];

		topup_source_open(&t->source, set->from == TOPUP_POOL ? pool : NULL);
		topup_vcpu_init(&t->vcpu, &arm->vm[i % arm->n_vms].vm, &t->source, NULL);
		topup_hand_init(&t->hand);
		t->first_region = i % arm->n_vms * regions(set);
	}
	for (unsigned int i = 0; i < set->threads; i++) {
		struct topup_thread *t = &arm->thread[i];

		t->meter.sample = calloc(set->ops, sizeof(*t->meter.sample));
		t->meter.get = calloc(set->ops, sizeof(*t->meter.get));
		if (!t->meter.sample || !t->meter.get)
			return -ENOMEM;
		t->meter.room = set->ops;
		t->meter.get_room = set->ops;
	}
	return 0;
}

int topup_arm_open(struct topup_arm *arm, const struct topup_setting *set, struct topup_pool *pool)
{
	static const struct topup_work none = { .faults = none_faults, .split = none_split };
	int ret;

	*arm = (struct topup_arm){ .set = *set };
	arm->work = set->variant == TOPUP_NONE ? none
					       : topup_variants[set->variant].work[set->indirect];
	ret = schedule_open(arm);
	if (!ret)
		ret = vms_open(arm);
	if (!ret)
		ret = threads_open(arm, pool);
	if (!ret && set->kind == TOPUP_REFCOUNT)
		ret = topup_pamt_init(&arm->pamt, arm->n_vms * regions(set));
	if (!ret)
		arm->pamt.add_loops = set->hold_loops;
	return ret;
}

static void empty_caches(struct topup_arm *arm)
{
	for (unsigned int i = 0; i < arm->set.threads; i++) {
		struct topup_vcpu *v = &arm->thread[i].vcpu;

		topup_hand_free(&v->ctx, &arm->thread[i].hand);
		topup_vcpu_drain(v);
		topup_vm_drain(v->vm, v);
	}
}

void topup_arm_close(struct topup_arm *arm)
{
	if (arm->thread) {
		empty_caches(arm);
		topup_pamt_destroy(&arm->pamt, &arm->thread[0].vcpu.ctx);
		for (unsigned int i = 0; i < arm->set.threads; i++) {
			topup_source_close(&arm->thread[i].source);
			free(arm->thread[i].meter.sample);
			free(arm->thread[i].meter.get);
		}
	}
	for (unsigned int i = 0; i < arm->n_vms; i++)
		topup_vm_destroy(&arm->vm[i].vm);
	free(arm->thread);
	free(arm->vm);
	free(arm->need);
	memset(arm, 0, sizeof(*arm));
}

/* ---- is it true? ---- */

unsigned int topup_arm_idle(const struct topup_arm *arm, unsigned int vm)
{
	unsigned int n = topup_vm_idle(&arm->vm[vm].vm);

	for (unsigned int i = vm; i < arm->set.threads; i += arm->n_vms)
		n += topup_vcpu_idle(&arm->thread[i].vcpu);
	return n;
}

struct topup_pass topup_arm_seen(const struct topup_arm *arm, struct topup_seen *seen)
{
	for (unsigned int i = 0; i < arm->set.threads; i++) {
		const struct topup_thread *t = &arm->thread[i];

		seen[i] = (struct topup_seen){ .meter = &t->meter,
					       .peak = t->source.peak - t->live_before };
	}
	return (struct topup_pass){ .threads = arm->set.threads,
				    .n_vms = arm->n_vms,
				    .ops = arm->set.ops,
				    .idle = topup_arm_idle(arm, 0),
				    .empty = topup_meter_empty(),
				    .seen = seen };
}

/* What a thread's hand holds after a pass: the schedule's, whoever serves it. */
static struct topup_need expected(const struct topup_arm *arm)
{
	struct topup_need sum = { 0, 0 };

	if (arm->set.variant == TOPUP_NONE || arm->set.kind == TOPUP_REFCOUNT)
		return sum;
	for (unsigned int i = 0; i < arm->set.ops; i++) {
		sum.sept += arm->need[i].sept;
		sum.pairs += arm->need[i].pairs;
	}
	return sum;
}

static int check_live(const struct topup_arm *arm, int64_t held, struct reason *why)
{
	int64_t live = 0;

	for (unsigned int i = 0; i < arm->set.threads; i++)
		live += topup_source_live(&arm->thread[i].source);
	if (live == held)
		return 0;
	return reason_set(why, -EFAULT, "%lld pages are allocated and %lld are held",
			  (long long)live, (long long)held);
}

int topup_arm_check(const struct topup_arm *arm, struct reason *why)
{
	struct topup_need sum = expected(arm);
	int64_t held = 0;

	for (unsigned int i = 0; i < arm->set.threads; i++) {
		const struct topup_thread *t = &arm->thread[i];

		if (t->err)
			return reason_set(why, -EFAULT, "thread %u stopped: %s", i,
					  strerror(-t->err));
		if (t->hand.sept != sum.sept ||
		    t->hand.pamt != sum.pairs * TDX_DPAMT_ENTRY_PAGE_CNT)
			return reason_set(why, -EFAULT,
					  "thread %u has %u S-EPT and %u PAMT pages, the schedule "
					  "asks for %u and %u",
					  i, t->hand.sept, t->hand.pamt, sum.sept,
					  sum.pairs * TDX_DPAMT_ENTRY_PAGE_CNT);
		held += t->hand.sept + t->hand.pamt;
	}
	for (unsigned int i = 0; i < arm->n_vms; i++)
		held += topup_arm_idle(arm, i);
	for (unsigned int i = 0; i < arm->pamt.regions; i++)
		if (atomic_read(&arm->pamt.refcount[i]))
			return reason_set(why, -EFAULT, "region %u is still referred to", i);
	return check_live(arm, held, why);
}

int topup_arm_drain(struct topup_arm *arm, struct reason *why)
{
	empty_caches(arm);
	return check_live(arm, 0, why);
}
