/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cache.h: the caches themselves, each in a file of its own.
 *
 * topup	makes sure that at least `min` pages are there. May sleep; no spinlock is held.
 *		Return: 0; -ENOMEM, then the pages that it did get stay in the cache.
 * get		takes one, the one put last (LIFO). Return: NULL when there is none.
 * drain	frees all; no one else uses the cache.
 *
 * Each takes the context of the calling thread. A cache is zeroed memory plus its init function.
 */
#ifndef TDC_BENCH_TOPUP_CACHE_H
#define TDC_BENCH_TOPUP_CACHE_H

#include "bench/topup/limits.h"
#include "bench/topup/lock.h"

/*
 * struct kvm_mmu_memory_cache of virt/kvm/kvm_main.c: an array that is filled whole when it holds
 * less than is needed. Nobody locks it: it is a vCPU's. It keeps pages, where the kernel keeps
 * their addresses.
 *
 * Invariant: nobjs <= capacity; objects[0..nobjs) are pages, objects is NULL while capacity is 0.
 */
struct topup_kvm_array {
	int nobjs, capacity;
	void **objects;
};

/**
 * topup_kvm_array_topup() - when there are less than @min, fill to @capacity
 * @capacity: KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE, or the caller's own; always the same
 *
 * Return: 0, also when it could not be filled but holds @min; -ENOMEM; -EIO where @capacity is not
 * that of the first topup, or less than @min.
 */
int topup_kvm_array_topup(struct topup_ctx *ctx, struct topup_kvm_array *c, int capacity, int min);

/* When empty, an atomic allocation, where the kernel also warns. NULL when that fails. */
struct topup_page *topup_kvm_array_get(struct topup_ctx *ctx, struct topup_kvm_array *c);
void topup_kvm_array_drain(struct topup_ctx *ctx, struct topup_kvm_array *c);

/*
 * A list through the pages. struct tdx_prealloc (Dynamic PAMT v4) and struct tdx_pamt_cache (v6)
 * are this, and so is what the per-VM caches guard.
 *
 * Invariant: cnt is the number of pages in the list.
 */
struct topup_list {
	struct list_head page_list;
	unsigned int cnt;
};

static inline void topup_list_init(struct topup_list *l)
{
	INIT_LIST_HEAD(&l->page_list);
	l->cnt = 0;
}

static inline void topup_list_put(struct topup_ctx *ctx, struct topup_list *l,
				  struct topup_page *page)
{
	topup_trace(ctx->trace, TOPUP_PUT, "", 0);
	list_add(&page->lru, &l->page_list);
	/* Read by who holds no lock: needs_topup() of a split cache. */
	WRITE_ONCE(l->cnt, l->cnt + 1);
}

static inline struct topup_page *topup_list_get(struct topup_ctx *ctx, struct topup_list *l)
{
	struct topup_page *page = list_first_entry_or_null(&l->page_list, struct topup_page, lru);

	if (page) {
		topup_trace(ctx->trace, TOPUP_GET, "", 0);
		list_del(&page->lru);
		WRITE_ONCE(l->cnt, l->cnt - 1);
	}
	return page;
}

void topup_list_drain(struct topup_ctx *ctx, struct topup_list *l);

/* tdx_prealloc.c: exactly @min pages. Get: an atomic allocation when empty, with a warning. */
int topup_tdx_prealloc_topup(struct topup_ctx *ctx, struct topup_list *l, unsigned int min);
struct topup_page *topup_tdx_prealloc_get(struct topup_ctx *ctx, struct topup_list *l);

/* A Dynamic PAMT entry. */
struct topup_pair {
	struct topup_page *page[TDX_DPAMT_ENTRY_PAGE_CNT];
};

/* pamt_cache.c: exactly @entries pairs of pages. Get: a pair; -ENOMEM, and nothing is taken. */
int topup_pamt_cache_topup(struct topup_ctx *ctx, struct topup_list *l, unsigned int entries);
int topup_pamt_cache_get(struct topup_ctx *ctx, struct topup_list *l, struct topup_pair *pair);

/*
 * split_cache.c: prealloc_split_cache of TDX huge pages v3, one per VM. @lock guards the list
 * against who enqueues and dequeues; the need is seen without it.
 */
struct topup_split_cache {
	struct topup_list list;
	spinlock_t lock;
};

void topup_split_cache_init(struct topup_split_cache *c);

/*
 * Without the lock: exact while the caller holds the mmu_lock for writing, as every split here does.
 * Who only reads it (no path does that yet) has a hint, and must look again with the lock held.
 */
bool topup_split_cache_need(const struct topup_split_cache *c, unsigned int min);

/* A lock round for each page; allocates outside of it, so others can make it go beyond @min. */
int topup_split_cache_topup(struct topup_ctx *ctx, struct topup_split_cache *c, unsigned int min);

/* split_batch.c: the same, all pages in one lock round. On failure what was got is put all the same. */
int topup_split_batch_topup(struct topup_ctx *ctx, struct topup_split_cache *c, unsigned int min);

/* The caller holds the lock: it stays held while the pair is used. -ENOMEM: nothing is taken. */
int topup_split_cache_get(struct topup_ctx *ctx, struct topup_split_cache *c,
			  struct topup_pair *pair);
void topup_split_cache_drain(struct topup_ctx *ctx, struct topup_split_cache *c);

#endif
