// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/mman.h>

#include "bench/topup/source_user.h"

#define PAGE_BYTES 4096

int topup_pool_open(struct topup_pool *pool, unsigned int n, unsigned int threads)
{
	memset(pool, 0, sizeof(*pool));
	spin_lock_init(&pool->lock);
	INIT_LIST_HEAD(&pool->free);
	n += threads * 2 * TOPUP_POOL_BATCH;
	pool->page = aligned_alloc(_Alignof(struct topup_page), n * sizeof(*pool->page));
	if (!pool->page)
		return -ENOMEM;
	memset(pool->page, 0, n * sizeof(*pool->page));
	pool->n = n;
	while (n--)
		list_add(&pool->page[n].lru, &pool->free);
	pool->n_free = pool->n;
	return 0;
}

void topup_pool_close(struct topup_pool *pool)
{
	free(pool->page);
	pool->page = NULL;
}

void topup_source_open(struct topup_source *s, struct topup_pool *pool)
{
	memset(s, 0, sizeof(*s));
	s->backing.pool = pool;
	INIT_LIST_HEAD(&s->backing.local);
}

static void move_one(struct list_head *from, struct list_head *to)
{
	struct list_head *entry = from->next;

	list_del(entry);
	list_add(entry, to);
}

static void fetch(struct topup_backing *b)
{
	struct topup_pool *pool = b->pool;

	spin_lock(&pool->lock);
	while (pool->n_free && b->n_local < TOPUP_POOL_BATCH) {
		move_one(&pool->free, &b->local);
		pool->n_free--;
		b->n_local++;
	}
	spin_unlock(&pool->lock);
}

static void give(struct topup_backing *b, unsigned int keep)
{
	struct topup_pool *pool = b->pool;

	spin_lock(&pool->lock);
	while (b->n_local > keep) {
		move_one(&b->local, &pool->free);
		pool->n_free++;
		b->n_local--;
	}
	spin_unlock(&pool->lock);
}

void topup_source_close(struct topup_source *s)
{
	if (s->backing.pool)
		give(&s->backing, 0);
}

static struct topup_page *map(void)
{
	void *at = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

struct topup_page *topup_page_alloc(struct topup_backing *b, enum topup_gfp gfp)
{
	struct topup_page *page;

	(void)gfp;
	if (!b->pool)
		return map();
	if (!b->n_local)
		fetch(b);
	page = list_first_entry_or_null(&b->local, struct topup_page, lru);
	if (!page)
		return NULL;
	list_del(&page->lru);
	b->n_local--;
	return page;
}

void topup_page_free(struct topup_backing *b, struct topup_page *page)
{
	if (!b->pool) {
		munmap(page, PAGE_BYTES);
		return;
	}
	list_add(&page->lru, &b->local);
	if (++b->n_local >= 2 * TOPUP_POOL_BATCH)
		give(b, TOPUP_POOL_BATCH);
}
