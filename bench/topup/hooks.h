/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hooks.h: the tables of the variants, for work.c alone. They are constants that the compiler sees,
 * so that a call through one of them becomes a direct call; struct topup_vm holds the address of
 * the same table, which it cannot see through.
 */
#ifndef TDC_BENCH_TOPUP_HOOKS_H
#define TDC_BENCH_TOPUP_HOOKS_H

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

#define TOPUP_DECLARE(name)                                                               \
	int topup_##name##_fault_topup(struct topup_vcpu *v);                             \
	struct topup_page *topup_##name##_fault_get_sept(struct topup_vcpu *v);           \
	int topup_##name##_fault_get_pair(struct topup_vcpu *v, struct topup_pair *pair); \
	void topup_##name##_split_begin(struct topup_vcpu *v);                            \
	void topup_##name##_split_end(struct topup_vcpu *v);                              \
	bool topup_##name##_split_need(struct topup_vcpu *v, unsigned int splits);        \
	int topup_##name##_split_topup(struct topup_vcpu *v, unsigned int splits);        \
	int topup_##name##_split_get(struct topup_vcpu *v, const struct topup_need *need, \
				     struct topup_hand *hand);

TOPUP_DECLARE(kvm_array)
TOPUP_DECLARE(tdx_prealloc)
TOPUP_DECLARE(pamt_cache)
TOPUP_DECLARE(split_cache)
TOPUP_DECLARE(split_batch)
TOPUP_DECLARE(per_vcpu_or_vm)
TOPUP_DECLARE(direct)
#undef TOPUP_DECLARE

/* list.c: S-EPT pages by alloc_page(), as tdp_mmu_alloc_sp_for_split() does. */
int topup_spare_topup(struct topup_vcpu *v, unsigned int splits);
struct topup_page *topup_spare_get(struct topup_vcpu *v);

/* How large an array must be to hold @pages at once. Never less than KVM's. */
static inline int topup_capacity(unsigned int pages)
{
	return pages < KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE ? KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE
							 : (int)pages;
}

#endif
