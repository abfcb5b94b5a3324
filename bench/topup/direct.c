// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * No cache: what the caches exist to avoid. The mmu_lock spins, so that its holder may not sleep:
 * every page is asked for atomically, and any may be refused.
 */
#include "bench/topup/hooks.h"

int topup_direct_fault_topup(struct topup_vcpu *v)
{
	(void)v;
	return 0;
}

struct topup_page *topup_direct_fault_get_sept(struct topup_vcpu *v)
{
	return topup_alloc(&v->ctx, TOPUP_ATOMIC);
}

int topup_direct_fault_get_pair(struct topup_vcpu *v, struct topup_pair *pair)
{
	unsigned int i;

	for (i = 0; i < TDX_DPAMT_ENTRY_PAGE_CNT; i++) {
		pair->page[i] = topup_alloc(&v->ctx, TOPUP_ATOMIC);
		if (!pair->page[i])
			goto out;
	}
	return 0;
out:
	while (i--)
		topup_free(&v->ctx, pair->page[i]);
	return -ENOMEM;
}

bool topup_direct_split_need(struct topup_vcpu *v, unsigned int splits)
{
	(void)v;
	(void)splits;
	return false;
}

int topup_direct_split_topup(struct topup_vcpu *v, unsigned int splits)
{
	(void)v;
	(void)splits;
	return 0;
}

int topup_direct_split_get(struct topup_vcpu *v, const struct topup_need *need,
			   struct topup_hand *hand)
{
	return topup_split_consume(v, need, hand, topup_direct_fault_get_sept,
				   topup_direct_fault_get_pair);
}
