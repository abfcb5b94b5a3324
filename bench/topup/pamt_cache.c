// SPDX-License-Identifier: GPL-2.0-or-later
/* A list of PAMT pages beside KVM's own array, which keeps the S-EPT pages. */
#include "bench/topup/hooks.h"

int topup_pamt_cache_topup(struct topup_ctx *ctx, struct topup_list *l, unsigned int entries)
{
	unsigned int min = entries * TDX_DPAMT_ENTRY_PAGE_CNT;
	struct topup_page *page;
	int r = 0;

	topup_trace(ctx->trace, TOPUP_BEGIN, "pamt", (int)min);
	while (l->cnt < min) {
		page = topup_alloc(ctx, TOPUP_SLEEP);
		if (!page) {
			r = -ENOMEM;
			break;
		}
		topup_list_put(ctx, l, page);
	}
	topup_trace(ctx->trace, TOPUP_END, "pamt", r ? r : (int)l->cnt);
	return r;
}

int topup_pamt_cache_get(struct topup_ctx *ctx, struct topup_list *l, struct topup_pair *pair)
{
	unsigned int i;

	for (i = 0; i < TDX_DPAMT_ENTRY_PAGE_CNT; i++) {
		pair->page[i] = topup_list_get(ctx, l);
		if (!pair->page[i])
			goto out;
	}
	return 0;
out:
	while (i--)
		topup_list_put(ctx, l, pair->page[i]);
	return -ENOMEM;
}

int topup_pamt_cache_fault_topup(struct topup_vcpu *v)
{
	int r = topup_sept_topup(v, PT64_ROOT_MAX_LEVEL);

	if (r)
		return r;
	return topup_pamt_cache_topup(&v->ctx, &v->pamt, PT64_ROOT_MAX_LEVEL);
}

struct topup_page *topup_pamt_cache_fault_get_sept(struct topup_vcpu *v)
{
	return topup_kvm_array_get(&v->ctx, &v->sept);
}

int topup_pamt_cache_fault_get_pair(struct topup_vcpu *v, struct topup_pair *pair)
{
	return topup_pamt_cache_get(&v->ctx, &v->pamt, pair);
}

bool topup_pamt_cache_split_need(struct topup_vcpu *v, unsigned int splits)
{
	return v->sept.nobjs < (int)(TDX_SPLIT_SEPT_PAGES * splits) ||
	       v->pamt.cnt < TDX_SPLIT_PAMT_PAGES * splits;
}

int topup_pamt_cache_split_topup(struct topup_vcpu *v, unsigned int splits)
{
	int r = topup_sept_topup(v, (int)(TDX_SPLIT_SEPT_PAGES * splits));

	if (r)
		return r;
	return topup_pamt_cache_topup(&v->ctx, &v->pamt, TDX_SPLIT_PAIRS * splits);
}

int topup_pamt_cache_split_get(struct topup_vcpu *v, const struct topup_need *need,
			       struct topup_hand *hand)
{
	return topup_split_consume(v, need, hand, topup_pamt_cache_fault_get_sept,
				   topup_pamt_cache_fault_get_pair);
}
