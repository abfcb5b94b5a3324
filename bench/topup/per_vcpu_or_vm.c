// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One cache for faults and splits: the vCPU's where there is a vCPU, else the VM's. The VM's is
 * guarded by a mutex, taken outside of the mmu_lock for the whole of a split, so that a topup may
 * sleep under it. Faults are served as in pamt_cache.
 */
#include "bench/topup/hooks.h"

static struct topup_list *cache_of(struct topup_vcpu *v)
{
	return v->vm->has_vcpu ? &v->pamt : &v->vm->pamt;
}

static int get_pair(struct topup_vcpu *v, struct topup_pair *pair)
{
	return topup_pamt_cache_get(&v->ctx, cache_of(v), pair);
}

bool topup_per_vcpu_or_vm_split_need(struct topup_vcpu *v, unsigned int splits)
{
	return v->spare.cnt < TDX_SPLIT_SEPT_PAGES * splits ||
	       cache_of(v)->cnt < TDX_SPLIT_PAMT_PAGES * splits;
}

int topup_per_vcpu_or_vm_split_topup(struct topup_vcpu *v, unsigned int splits)
{
	int r = topup_spare_topup(v, splits);

	if (r)
		return r;
	return topup_pamt_cache_topup(&v->ctx, cache_of(v), TDX_SPLIT_PAIRS * splits);
}

int topup_per_vcpu_or_vm_split_get(struct topup_vcpu *v, const struct topup_need *need,
				   struct topup_hand *hand)
{
	return topup_split_consume(v, need, hand, topup_spare_get, get_pair);
}
