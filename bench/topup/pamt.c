// SPDX-License-Identifier: GPL-2.0-or-later
/* Dynamic PAMT: reference counts, with and without the path that takes no lock. */
#include "bench/topup/hooks.h"
#include "bench/topup/pamt.h"

int topup_pamt_init(struct topup_pamt *p, unsigned int regions)
{
	memset(p, 0, sizeof(*p));
	spin_lock_init(&p->own_lock);
	p->lock = &p->own_lock;
	p->refcount = topup_lines_alloc(regions * sizeof(*p->refcount));
	p->entry = topup_lines_alloc(regions * sizeof(*p->entry));
	if (!p->refcount || !p->entry) {
		topup_array_free(p->refcount);
		topup_array_free(p->entry);
		memset(p, 0, sizeof(*p));
		return -ENOMEM;
	}
	p->regions = regions;
	return 0;
}

static void free_pair(struct topup_ctx *ctx, const struct topup_pair *pair)
{
	for (unsigned int i = 0; i < TDX_DPAMT_ENTRY_PAGE_CNT; i++)
		topup_free(ctx, pair->page[i]);
}

void topup_pamt_destroy(struct topup_pamt *p, struct topup_ctx *ctx)
{
	for (unsigned int i = 0; i < p->regions; i++)
		if (atomic_read(&p->refcount[i]))
			free_pair(ctx, &p->entry[i]);
	topup_array_free(p->refcount);
	topup_array_free(p->entry);
	memset(p, 0, sizeof(*p));
}

static int alloc_pair(struct topup_ctx *ctx, struct topup_list *cache, struct topup_pair *pair)
{
	unsigned int i;

	if (cache)
		return topup_pamt_cache_get(ctx, cache, pair);
	for (i = 0; i < TDX_DPAMT_ENTRY_PAGE_CNT; i++) {
		pair->page[i] = topup_alloc(ctx, TOPUP_SLEEP);
		if (!pair->page[i])
			goto out;
	}
	return 0;
out:
	while (i--)
		topup_free(ctx, pair->page[i]);
	return -ENOMEM;
}

/* Takes a pair first: under the lock there is no sleeping. */
static int get_slow(struct topup_pamt *p, struct topup_ctx *ctx, unsigned int region,
		    struct topup_list *cache)
{
	struct topup_pair pair;
	bool used = false;
	int r = alloc_pair(ctx, cache, &pair);

	if (r)
		return r;
	topup_source_seen(ctx->source);
	topup_spin_lock(ctx, p->lock, TOPUP_LOCK_PAMT);
	if (!atomic_inc_not_zero(&p->refcount[region])) {
		topup_trace(ctx->trace, TOPUP_ADD, "", 0);
		topup_spin(p->add_loops);
		p->entry[region] = pair;
		atomic_set(&p->refcount[region], 1);
		used = true;
	}
	topup_spin_unlock(ctx, p->lock, TOPUP_LOCK_PAMT);
	if (!used)
		free_pair(ctx, &pair);
	return 0;
}

/* With the lock held and the count at 0; gives the lock up. */
static void remove_entry(struct topup_pamt *p, struct topup_ctx *ctx, unsigned int region)
{
	struct topup_pair pair = p->entry[region];

	topup_trace(ctx->trace, TOPUP_REMOVE, "", 0);
	topup_spin(p->add_loops);
	topup_spin_unlock(ctx, p->lock, TOPUP_LOCK_PAMT);
	free_pair(ctx, &pair);
}

int topup_pamt_get(struct topup_pamt *p, struct topup_ctx *ctx, unsigned int region,
		   struct topup_list *cache)
{
	if (atomic_inc_not_zero(&p->refcount[region]))
		return 0;
	return get_slow(p, ctx, region, cache);
}

/* atomic_dec_and_lock(), with a lock that is metered. */
static bool dec_and_lock(struct topup_pamt *p, struct topup_ctx *ctx, unsigned int region)
{
	if (atomic_add_unless(&p->refcount[region], -1, 1))
		return false;
	topup_spin_lock(ctx, p->lock, TOPUP_LOCK_PAMT);
	if (atomic_dec_and_test(&p->refcount[region]))
		return true;
	topup_spin_unlock(ctx, p->lock, TOPUP_LOCK_PAMT);
	return false;
}

void topup_pamt_put(struct topup_pamt *p, struct topup_ctx *ctx, unsigned int region)
{
	if (dec_and_lock(p, ctx, region))
		remove_entry(p, ctx, region);
}

int topup_pamt_get_locked(struct topup_pamt *p, struct topup_ctx *ctx, unsigned int region,
			  struct topup_list *cache)
{
	return get_slow(p, ctx, region, cache);
}

void topup_pamt_put_locked(struct topup_pamt *p, struct topup_ctx *ctx, unsigned int region)
{
	topup_spin_lock(ctx, p->lock, TOPUP_LOCK_PAMT);
	if (atomic_dec_and_test(&p->refcount[region]))
		remove_entry(p, ctx, region);
	else
		topup_spin_unlock(ctx, p->lock, TOPUP_LOCK_PAMT);
}
