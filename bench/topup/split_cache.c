// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The per-VM cache of splits, a round of its lock for each page. Faults are served as in
 * pamt_cache. The spinlock is held while the demotion takes its time.
 */
#include "bench/topup/hooks.h"

void topup_split_cache_init(struct topup_split_cache *c)
{
	topup_list_init(&c->list);
	spin_lock_init(&c->lock);
}

bool topup_split_cache_need(const struct topup_split_cache *c, unsigned int min)
{
	return READ_ONCE(c->list.cnt) < min;
}

int topup_split_cache_topup(struct topup_ctx *ctx, struct topup_split_cache *c, unsigned int min)
{
	struct topup_page *page;
	int r = 0;

	topup_trace(ctx->trace, TOPUP_BEGIN, "split", (int)min);
	while (topup_split_cache_need(c, min)) {
		page = topup_alloc(ctx, TOPUP_SLEEP);
		if (!page) {
			r = -ENOMEM;
			break;
		}
		topup_spin_lock(ctx, &c->lock, TOPUP_LOCK_SPLIT);
		topup_list_put(ctx, &c->list, page);
		topup_spin_unlock(ctx, &c->lock, TOPUP_LOCK_SPLIT);
	}
	topup_trace(ctx->trace, TOPUP_END, "split", r ? r : (int)READ_ONCE(c->list.cnt));
	return r;
}

int topup_split_cache_get(struct topup_ctx *ctx, struct topup_split_cache *c,
			  struct topup_pair *pair)
{
	return topup_pamt_cache_get(ctx, &c->list, pair);
}

void topup_split_cache_drain(struct topup_ctx *ctx, struct topup_split_cache *c)
{
	topup_list_drain(ctx, &c->list);
}

bool topup_split_cache_split_need(struct topup_vcpu *v, unsigned int splits)
{
	return v->spare.cnt < TDX_SPLIT_SEPT_PAGES * splits ||
	       topup_split_cache_need(&v->vm->split, TDX_SPLIT_PAMT_PAGES * splits);
}

int topup_split_cache_split_topup(struct topup_vcpu *v, unsigned int splits)
{
	int r = topup_spare_topup(v, splits);

	if (r)
		return r;
	return topup_split_cache_topup(&v->ctx, &v->vm->split, TDX_SPLIT_PAMT_PAGES * splits);
}

/* A pair for another region: in a lock round of its own. The last: held across the demotion. */
static int use_pair(struct topup_vcpu *v, struct topup_hand *hand, bool last)
{
	struct topup_split_cache *c = &v->vm->split;
	struct topup_pair pair;
	int r;

	topup_spin_lock(&v->ctx, &c->lock, TOPUP_LOCK_SPLIT);
	r = topup_split_cache_get(&v->ctx, c, &pair);
	if (!r) {
		topup_trace(v->ctx.trace, last ? TOPUP_DEMOTE : TOPUP_ADD, "", 0);
		if (last)
			topup_spin(v->vm->demote_loops);
	}
	topup_spin_unlock(&v->ctx, &c->lock, TOPUP_LOCK_SPLIT);
	if (!r)
		topup_hand_pair(hand, &pair);
	return r;
}

int topup_split_cache_split_get(struct topup_vcpu *v, const struct topup_need *need,
				struct topup_hand *hand)
{
	struct topup_page *page;
	unsigned int i;
	int r;

	for (i = 0; i < need->sept; i++) {
		page = topup_spare_get(v);
		if (!page)
			return -ENOMEM;
		topup_hand_sept(hand, page);
	}
	for (i = 1; i <= need->pairs; i++) {
		r = use_pair(v, hand, i == need->pairs);
		if (r)
			return r;
	}
	return 0;
}
