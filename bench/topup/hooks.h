/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hooks.h: what the variants' files offer to the tables in work.c, and what they share. */
#ifndef TDC_BENCH_TOPUP_HOOKS_H
#define TDC_BENCH_TOPUP_HOOKS_H

#include "bench/topup/meter.h"
#include "bench/topup/variant.h"

static inline void topup_hand_sept(struct topup_hand *hand, struct topup_page *page)
{
	list_add(&page->lru, &hand->pages);
	hand->sept++;
}

static inline void topup_hand_pair(struct topup_hand *hand, const struct topup_pair *pair)
{
	for (unsigned int i = 0; i < TDX_DPAMT_ENTRY_PAGE_CNT; i++)
		list_add(&pair->page[i]->lru, &hand->pages);
	hand->pamt += TDX_DPAMT_ENTRY_PAGE_CNT;
}

/* What stands for a SEAMCALL: it takes its time with the locks that are held. */
static inline void topup_spin(unsigned int loops)
{
	while (loops--)
		cpu_relax();
}

/*
 * tdx_sept_split_private_spte(): pairs for other regions are added, with the last one the page is
 * demoted. The functions are constants wherever this is inlined.
 */
static __always_inline int
topup_split_consume(struct topup_vcpu *v, const struct topup_need *need, struct topup_hand *hand,
		    struct topup_page *(*get_sept)(struct topup_vcpu *v),
		    int (*get_pair)(struct topup_vcpu *v, struct topup_pair *pair))
{
	struct topup_pair pair;
	struct topup_page *page;
	unsigned int i;
	int r;

	for (i = 0; i < need->sept; i++) {
		page = get_sept(v);
		if (!page)
			return -ENOMEM;
		topup_hand_sept(hand, page);
	}
	for (i = 1; i <= need->pairs; i++) {
		r = get_pair(v, &pair);
		if (r)
			return r;
		topup_trace(v->ctx.trace, i < need->pairs ? TOPUP_ADD : TOPUP_DEMOTE, "", 0);
		if (i == need->pairs)
			topup_spin(v->vm->demote_loops);
		topup_hand_pair(hand, &pair);
	}
	return 0;
}

/* What takes its faults from another variant has no hooks for them. */
#define TOPUP_FAULT_HOOKS(name)                                                 \
	int topup_##name##_fault_topup(struct topup_vcpu *v);                   \
	struct topup_page *topup_##name##_fault_get_sept(struct topup_vcpu *v); \
	int topup_##name##_fault_get_pair(struct topup_vcpu *v, struct topup_pair *pair);

#define TOPUP_SPLIT_HOOKS(name)                                                           \
	bool topup_##name##_split_need(struct topup_vcpu *v, unsigned int splits);        \
	int topup_##name##_split_topup(struct topup_vcpu *v, unsigned int splits);        \
	int topup_##name##_split_get(struct topup_vcpu *v, const struct topup_need *need, \
				     struct topup_hand *hand);

TOPUP_FAULT_HOOKS(kvm_array)
TOPUP_FAULT_HOOKS(tdx_prealloc)
TOPUP_FAULT_HOOKS(pamt_cache)
TOPUP_FAULT_HOOKS(direct)
TOPUP_SPLIT_HOOKS(kvm_array)
TOPUP_SPLIT_HOOKS(tdx_prealloc)
TOPUP_SPLIT_HOOKS(pamt_cache)
TOPUP_SPLIT_HOOKS(split_cache)
TOPUP_SPLIT_HOOKS(per_vcpu_or_vm)
TOPUP_SPLIT_HOOKS(direct)
/* The rest of its splits is split_cache's. */
int topup_split_batch_split_topup(struct topup_vcpu *v, unsigned int splits);

/* list.c: S-EPT pages by alloc_page(), as tdp_mmu_alloc_sp_for_split() does. */
int topup_spare_topup(struct topup_vcpu *v, unsigned int splits);
struct topup_page *topup_spare_get(struct topup_vcpu *v);

/* How large an array must be to hold @pages at once. Never less than KVM's. */
static inline int topup_capacity(unsigned int pages)
{
	return pages < KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE ? KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE
							 : (int)pages;
}

/*
 * The array of S-EPT pages. As in KVM it is first seen whether there is anything to do: how large
 * an array is to be is not asked before each fault.
 */
static __always_inline int topup_sept_topup(struct topup_vcpu *v, int min)
{
	if (v->sept.nobjs >= min)
		return 0;
	return topup_kvm_array_topup(&v->ctx, &v->sept, topup_capacity(v->vm->ahead), min);
}

#endif
