// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "bench/ops/topup_kernel.h"

static unsigned int pages(struct topup_need need)
{
	return need.sept + need.pairs * TDX_DPAMT_ENTRY_PAGE_CNT;
}

unsigned int topup_kernel_used(const struct topup_setting *set, unsigned int unit)
{
	const struct topup_need *need = topup_schedule_splits((uint64_t)unit * set->range);
	unsigned int sum = 0;

	/* A get may find that another thread has given the entry its pages. */
	if (set->kind == TOPUP_REFCOUNT)
		return 0;
	if (set->kind == TOPUP_FAULT)
		return pages(topup_schedule_fault(set->load, unit));
	for (unsigned int i = 0; i < set->range; i++)
		sum += pages(need[i]);
	return sum;
}

/*
 * The rules, written down once more: two stores, filled to @full when they hold less than @min.
 * kvm_mmu_topup_memory_cache() fills its array, the lists of the TDX patches stop at what is needed.
 */
struct rule {
	unsigned int sept_min, sept_full, pamt_min, pamt_full;
	bool one; /* the first store serves both */
};

#define ARRAY KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE
#define LIST_BESIDE_ARRAY                                                                     \
	{                                                                                     \
		PT64_ROOT_MAX_LEVEL, ARRAY, TDX_PAMT_FAULT_PAGES, TDX_PAMT_FAULT_PAGES, false \
	}
static const struct rule rules[TOPUP_VARIANTS] = {
	[TOPUP_KVM_ARRAY] = { PT64_ROOT_MAX_LEVEL, ARRAY, TDX_PAMT_FAULT_PAGES, ARRAY, false },
	[TOPUP_TDX_PREALLOC] = { TDX_PREALLOC_FAULT_PAGES, TDX_PREALLOC_FAULT_PAGES, 0, 0, true },
	[TOPUP_PAMT_CACHE] = LIST_BESIDE_ARRAY,
	[TOPUP_SPLIT_CACHE] = LIST_BESIDE_ARRAY,
	[TOPUP_SPLIT_BATCH] = LIST_BESIDE_ARRAY,
	[TOPUP_PER_VCPU_OR_VM] = LIST_BESIDE_ARRAY,
	[TOPUP_DIRECT] = { 0, 0, 0, 0, false },
};

static unsigned int fill(unsigned int *have, unsigned int min, unsigned int full)
{
	unsigned int n = *have < min ? full - *have : 0;

	*have += n;
	return n;
}

static int check_faults(const struct topup_setting *set, const struct tdcost_topup *t,
			const struct tdcost_sample *topups, struct reason *why)
{
	const struct rule *r = &rules[set->variant];
	unsigned int sept = 0, pamt = 0;

	for (unsigned int i = 0; i < t->n_topups; i++) {
		struct topup_need need = topup_schedule_fault(set->load, i);
		unsigned int filled = fill(&sept, r->sept_min, r->sept_full) +
				      fill(&pamt, r->pamt_min, r->pamt_full);

		if (topups[i].pages != filled)
			return reason_set(
				why, -EFAULT,
				"topup %u of %s allocated %u pages, by the kernel's rules %u", i,
				topup_variants[set->variant].name, topups[i].pages, filled);
		if (set->variant == TOPUP_DIRECT)
			continue;
		sept -= need.sept;
		*(r->one ? &sept : &pamt) -= need.pairs * TDX_DPAMT_ENTRY_PAGE_CNT;
	}
	return 0;
}

/* As many faults as see each store filled again, by the calling thread alone. */
static int verify_faults(struct topup_kernel *k, const struct topup_setting *set,
			 struct reason *why)
{
	enum { FAULTS = 2 * ARRAY };
	struct tdcost_sample topups[FAULTS] = { 0 }, uses[FAULTS] = { 0 };
	struct tdcost_topup t = topup_kernel_call(set);
	int ret;

	t.flags |= TDCOST_TOPUP_TIMES;
	t.units = t.n_topups = t.n_uses = FAULTS;
	t.topups = (uintptr_t)topups;
	t.uses = (uintptr_t)uses;
	ret = kmod_topup(&k->vm[0], &t, why);
	if (ret)
		return ret;
	if (t.n_topups != FAULTS || t.n_uses != FAULTS || t.allocs != t.frees)
		return reason_set(why, -EFAULT,
				  "%d faults: %u topups and %u uses, %llu pages allocated and %llu "
				  "freed",
				  FAULTS, t.n_topups, t.n_uses, (unsigned long long)t.allocs,
				  (unsigned long long)t.frees);
	for (unsigned int i = 0; i < FAULTS; i++)
		if (uses[i].pages != topup_kernel_used(set, i))
			return reason_set(why, -EFAULT,
					  "fault %u used %u pages, the schedule's are %u", i,
					  uses[i].pages, topup_kernel_used(set, i));
	return check_faults(set, &t, topups, why);
}

/*
 * Of one split by a VM, split=repeat: its S-EPT page and 4 PAMT pages, and what is topped up for it.
 * With split=whole the topup comes first, so that the mmu_lock is taken once and never dropped; by a
 * vCPU the VM's list, and its lock, are not asked for.
 */
static const struct split_rule {
	unsigned int allocs, retries, mmu, split, vm; /* rounds of three locks */
} split_rules[TOPUP_VARIANTS] = {
	[TOPUP_KVM_ARRAY] = { ARRAY + ARRAY, 1, 2, 0, 0 },
	[TOPUP_TDX_PREALLOC] = { 5, 1, 2, 0, 0 },
	[TOPUP_PAMT_CACHE] = { ARRAY + TDX_SPLIT_PAMT_PAGES, 1, 2, 0, 0 },
	/* A round for each page that enters, or one for all, and one for each pair that leaves. */
	[TOPUP_SPLIT_CACHE] = { 5, 1, 2, TDX_SPLIT_PAMT_PAGES + TDX_SPLIT_PAIRS, 0 },
	[TOPUP_SPLIT_BATCH] = { 5, 1, 2, 1 + TDX_SPLIT_PAIRS, 0 },
	[TOPUP_PER_VCPU_OR_VM] = { 5, 1, 2, 0, 1 },
	[TOPUP_DIRECT] = { 5, 0, 1, 0, 0 },
};

static int verify_split(struct topup_kernel *k, const struct topup_setting *set, struct reason *why)
{
	struct split_rule rule = split_rules[set->variant], *r = &rule;
	struct tdcost_topup t = topup_kernel_call(set);
	int ret;

	if (set->mode == TOPUP_WHOLE) {
		rule.retries = 0;
		rule.mmu = 1;
	}
	if (set->by_vcpu)
		rule.vm = 0;
	t.meters = TDCOST_METER_ALL;
	t.splits = t.units = 1;
	ret = kmod_topup(&k->vm[0], &t, why);
	if (ret)
		return ret;
	if (t.allocs == r->allocs && t.frees == r->allocs && t.retries == r->retries &&
	    t.lock[TDCOST_LOCK_MMU].rounds == r->mmu &&
	    t.lock[TDCOST_LOCK_SPLIT].rounds == r->split && t.lock[TDCOST_LOCK_VM].rounds == r->vm)
		return 0;
	return reason_set(
		why, -EFAULT,
		"a split by %s allocated %llu pages, freed %llu, dropped the lock %llu times and "
		"took "
		"locks %llu, %llu and %llu times; by the kernel's rules %u, %u, %u and %u, %u, %u",
		topup_variants[set->variant].name, (unsigned long long)t.allocs,
		(unsigned long long)t.frees, (unsigned long long)t.retries,
		(unsigned long long)t.lock[TDCOST_LOCK_MMU].rounds,
		(unsigned long long)t.lock[TDCOST_LOCK_SPLIT].rounds,
		(unsigned long long)t.lock[TDCOST_LOCK_VM].rounds, r->allocs, r->allocs, r->retries,
		r->mmu, r->split, r->vm);
}

/*
 * Some gets, each in a region of its own or all in one, and their puts: the lock is taken by the
 * first and the last reference to a region, or by all; who takes it in a get has taken a pair.
 */
static int verify_refcounts(struct topup_kernel *k, const struct topup_setting *set,
			    struct reason *why)
{
	enum { GETS = 64 };
	bool each = set->locked || set->load != TOPUP_BURST;
	unsigned int slow = each ? GETS : 1, allocs = slow * TDX_DPAMT_ENTRY_PAGE_CNT;
	struct tdcost_topup t = topup_kernel_call(set);
	int ret;

	/* The list is filled before each get: what the last one takes is not replaced. */
	if (set->variant == TOPUP_PAMT_CACHE)
		allocs += TDX_PAMT_FAULT_PAGES - (each ? TDX_DPAMT_ENTRY_PAGE_CNT : 0);
	t.meters = TDCOST_METER_ALL;
	t.units = GETS;
	ret = kmod_topup(&k->vm[0], &t, why);
	if (ret)
		return ret;
	if (t.allocs == allocs && t.frees == allocs &&
	    t.lock[TDCOST_LOCK_PAMT].rounds == 2ull * slow)
		return 0;
	return reason_set(why, -EFAULT,
			  "%d gets and puts by %s allocated %llu pages, freed %llu, took the lock "
			  "%llu times; by the kernel's rules %u, %u, %u",
			  GETS, topup_variants[set->variant].name, (unsigned long long)t.allocs,
			  (unsigned long long)t.frees,
			  (unsigned long long)t.lock[TDCOST_LOCK_PAMT].rounds, allocs, allocs,
			  2 * slow);
}

int topup_kernel_verify(struct topup_kernel *k, const struct topup_setting *set, struct reason *why)
{
	if (set->kind == TOPUP_SPLIT)
		return verify_split(k, set, why);
	return set->kind == TOPUP_FAULT ? verify_faults(k, set, why)
					: verify_refcounts(k, set, why);
}
