/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port_kernel.h: the kernel's half of port.h. */
#ifndef TDC_BENCH_TOPUP_PORT_KERNEL_H
#define TDC_BENCH_TOPUP_PORT_KERNEL_H

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/types.h>

#include <asm/msr.h>

#define topup_page page

/* Called directly, as the kernel does: a table of functions would put a thunk before every page. */
struct topup_backing {
	/* By enum topup_gfp; with __GFP_ZERO and __GFP_ACCOUNT where wanted. */
	gfp_t gfp[TOPUP_GFPS];
};

static __always_inline struct page *topup_page_alloc(struct topup_backing *b, enum topup_gfp gfp)
{
	return alloc_page(b->gfp[gfp]);
}

static __always_inline void topup_page_free(struct topup_backing *b, struct page *page)
{
	__free_page(page);
}

struct topup_mutex {
	struct mutex lock;
};

static inline void topup_mutex_init(struct topup_mutex *m)
{
	mutex_init(&m->lock);
}

static inline void topup_mutex_destroy(struct topup_mutex *m)
{
	mutex_destroy(&m->lock);
}

static inline void topup_mutex_lock(struct topup_mutex *m)
{
	mutex_lock(&m->lock);
}

static inline void topup_mutex_unlock(struct topup_mutex *m)
{
	mutex_unlock(&m->lock);
}

static inline uint64_t topup_ticks(void)
{
	return rdtsc_ordered();
}

static inline void **topup_array_alloc(unsigned int n)
{
	return kvmalloc_array(n, sizeof(void *), GFP_KERNEL_ACCOUNT);
}

/* kmalloc() aligns a power of two to itself, and takes what lies between two from the larger. */
static inline void *topup_lines_alloc(size_t bytes)
{
	return kvzalloc(roundup_pow_of_two(max_t(size_t, bytes, TOPUP_APART)), GFP_KERNEL_ACCOUNT);
}

static inline void topup_array_free(void *array)
{
	kvfree(array);
}

#endif
