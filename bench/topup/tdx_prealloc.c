// SPDX-License-Identifier: GPL-2.0-or-later
/* One list for S-EPT pages and PAMT pages: what the next operation can need, and no more. */
#include "bench/topup/hooks.h"

/* What a split takes in all. */
#define SPLIT_PAGES (TDX_SPLIT_SEPT_PAGES + TDX_SPLIT_PAMT_PAGES)

int topup_tdx_prealloc_topup(struct topup_ctx *ctx, struct topup_list *l, unsigned int min)
{
	struct topup_page *page;
	int r = 0;

	topup_trace(ctx->trace, TOPUP_BEGIN, "prealloc", (int)min);
	while (l->cnt < min) {
		page = topup_alloc(ctx, TOPUP_SLEEP);
		if (!page) {
			r = -ENOMEM;
			break;
		}
		topup_list_put(ctx, l, page);
	}
	topup_trace(ctx->trace, TOPUP_END, "prealloc", r ? r : (int)l->cnt);
	return r;
}

struct topup_page *topup_tdx_prealloc_get(struct topup_ctx *ctx, struct topup_list *l)
{
	struct topup_page *page = topup_list_get(ctx, l);

	if (page)
		return page;
	topup_trace(ctx->trace, TOPUP_FALLBACK, "prealloc", 0);
	return topup_alloc(ctx, TOPUP_LAST);
}

int topup_tdx_prealloc_fault_topup(struct topup_vcpu *v)
{
	return topup_tdx_prealloc_topup(&v->ctx, &v->prealloc, TDX_PREALLOC_FAULT_PAGES);
}

struct topup_page *topup_tdx_prealloc_fault_get_sept(struct topup_vcpu *v)
{
	return topup_tdx_prealloc_get(&v->ctx, &v->prealloc);
}

int topup_tdx_prealloc_fault_get_pair(struct topup_vcpu *v, struct topup_pair *pair)
{
	return topup_pamt_cache_get(&v->ctx, &v->prealloc, pair);
}

bool topup_tdx_prealloc_split_need(struct topup_vcpu *v, unsigned int splits)
{
	return v->prealloc.cnt < SPLIT_PAGES * splits;
}

int topup_tdx_prealloc_split_topup(struct topup_vcpu *v, unsigned int splits)
{
	return topup_tdx_prealloc_topup(&v->ctx, &v->prealloc, SPLIT_PAGES * splits);
}

int topup_tdx_prealloc_split_get(struct topup_vcpu *v, const struct topup_need *need,
				 struct topup_hand *hand)
{
	return topup_split_consume(v, need, hand, topup_tdx_prealloc_fault_get_sept,
				   topup_tdx_prealloc_fault_get_pair);
}
