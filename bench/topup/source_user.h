/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source_user.h: pages in user space.
 *
 * pool: page descriptors without pages behind them, allocated beforehand. What is left in the
 * figure is the data structures and the locks of the caches. Each thread holds some of its own and
 * gets and gives them in batches, as the page allocator's per-CPU lists do, so that the pool's lock
 * stays out of the figure.
 *
 * mmap: mmap() of one page, written to, and munmap(). An analogue: a real allocation with a real
 * zeroing, but the work of another function.
 */
#ifndef TDC_BENCH_TOPUP_SOURCE_USER_H
#define TDC_BENCH_TOPUP_SOURCE_USER_H

#include "bench/topup/source.h"

#define TOPUP_POOL_BATCH 64

struct topup_pool {
	struct topup_page *page; /* all of them: page - pool->page numbers it */
	unsigned int n;
	spinlock_t lock;
	struct list_head free;
	unsigned int n_free;
};

/* @n pages, and as many as each of @threads sources may keep. Return: 0, -ENOMEM. */
int topup_pool_open(struct topup_pool *pool, unsigned int n, unsigned int threads);
void topup_pool_close(struct topup_pool *pool);

/* @pool: NULL for mmap. Everything at 0. */
void topup_source_open(struct topup_source *s, struct topup_pool *pool);

/* Give back to the pool what the source kept for its thread. It must not be used afterwards. */
void topup_source_close(struct topup_source *s);

#endif
