// SPDX-License-Identifier: GPL-2.0-or-later
/* As split_cache, but that all pages of a topup enter the cache in one round of its lock. */
#include "bench/topup/hooks.h"

static int gather(struct topup_ctx *ctx, struct topup_list *batch, unsigned int n)
{
	struct topup_page *page;

	while (batch->cnt < n) {
		page = topup_alloc(ctx, TOPUP_SLEEP);
		if (!page)
			return -ENOMEM;
		topup_list_put(ctx, batch, page);
	}
	return 0;
}

int topup_split_batch_topup(struct topup_ctx *ctx, struct topup_split_cache *c, unsigned int min)
{
	unsigned int cnt = READ_ONCE(c->list.cnt);
	struct topup_list batch;
	int r = 0;

	topup_list_init(&batch);
	topup_trace(ctx->trace, TOPUP_BEGIN, "split", (int)min);
	if (cnt < min)
		r = gather(ctx, &batch, min - cnt);
	if (batch.cnt) {
		topup_spin_lock(ctx, &c->lock, TOPUP_LOCK_SPLIT);
		list_splice_init(&batch.page_list, &c->list.page_list);
		WRITE_ONCE(c->list.cnt, c->list.cnt + batch.cnt);
		topup_spin_unlock(ctx, &c->lock, TOPUP_LOCK_SPLIT);
	}
	topup_trace(ctx->trace, TOPUP_END, "split", r ? r : (int)READ_ONCE(c->list.cnt));
	return r;
}

int topup_split_batch_split_topup(struct topup_vcpu *v, unsigned int splits)
{
	int r = topup_spare_topup(v, splits);

	if (r)
		return r;
	return topup_split_batch_topup(&v->ctx, &v->vm->split, TDX_SPLIT_PAMT_PAGES * splits);
}
