// SPDX-License-Identifier: GPL-2.0
/*
 * Pages of the kernel's direct map, and what is in them before and after a reset.
 *
 * A set belongs to one open file. Its memory is charged to the caller's control group, and an
 * allocation gives up rather than have the kernel kill somebody.
 */
#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/topology.h>

#include <asm/cacheflush.h>

#include "bench/kmod/module.h"

#define LINE 64

/* MAX_ORDER changed its meaning, this one never did. */
unsigned int tdcost_pages_max_order(void)
{
	return ilog2(MAX_ORDER_NR_PAGES);
}

/* Bytes, of all open files together. */
static atomic64_t held = ATOMIC64_INIT(0);

/* A quarter of the machine at most: it is to go on running. */
u64 tdcost_pages_max_bytes(void)
{
	u64 quarter = (u64)totalram_pages() << PAGE_SHIFT >> 2;

	return min_t(u64, MAX_PAGES_BYTES, quarter);
}

/*
 * Those pages alone, for a teardown times it: what is ready to work on them goes later, and so does
 * the array that they stood in, two MiB of it for a GiB.
 */
void tdcost_pages_put(struct tdcost_file *file)
{
	u64 i;

	for (i = 0; i < file->n; i++) {
		__free_pages(file->pages[i], file->order);
		cond_resched();
	}
	file->n = 0;
	atomic64_sub(file->held, &held);
	file->held = 0;
}

void tdcost_pages_release(struct tdcost_file *file)
{
	tdcost_teardown_drop(file);
	tdcost_pages_put(file);
	kvfree(file->pages);
	file->pages = NULL;
}

static int check_pages(const struct tdcost_pages *p)
{
	if (p->order > tdcost_pages_max_order())
		return -EINVAL;
	if (!p->n || p->n > tdcost_pages_max_bytes() >> (PAGE_SHIFT + p->order))
		return -EINVAL;
	if (p->node < -1 || p->node >= MAX_NUMNODES)
		return -EINVAL;
	if (p->node >= 0 && !node_state(p->node, N_MEMORY))
		return -EINVAL;
	return 0;
}

/* Return: did the others leave so much? */
static bool hold(struct tdcost_file *file, u64 bytes)
{
	if (atomic64_add_return(bytes, &held) > tdcost_pages_max_bytes()) {
		atomic64_sub(bytes, &held);
		return false;
	}
	file->held = bytes;
	return true;
}

static int alloc_all(struct tdcost_file *file, const struct tdcost_pages *p, int node)
{
	/* On that node or not at all: a page from elsewhere would falsify the figure. */
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_THISNODE | __GFP_NORETRY | __GFP_NOWARN;

	if (!hold(file, p->n << (PAGE_SHIFT + p->order)))
		return -ENOMEM;
	file->pages = kvcalloc(p->n, sizeof(*file->pages), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!file->pages)
		return -ENOMEM;
	file->order = p->order;
	for (file->n = 0; file->n < p->n; file->n++) {
		if (fatal_signal_pending(current))
			return -EINTR;
		file->pages[file->n] = alloc_pages_node(node, gfp, p->order);
		if (!file->pages[file->n])
			return -ENOMEM;
		cond_resched();
	}
	return 0;
}

int tdcost_pages_alloc(struct tdcost_file *file, void __user *arg)
{
	struct tdcost_pages p;
	int ret;

	if (copy_from_user(&p, arg, sizeof(p)))
		return -EFAULT;
	ret = check_pages(&p);
	if (ret)
		return ret;
	if (mutex_lock_killable(&file->lock))
		return -EINTR;
	ret = -EEXIST;
	if (!file->n) {
		tdcost_pages_release(file);
		ret = alloc_all(file, &p, p.node < 0 ? numa_mem_id() : p.node);
		if (ret)
			tdcost_pages_release(file);
	}
	mutex_unlock(&file->lock);
	return ret;
}

int tdcost_pages_free(struct tdcost_file *file, void __user *arg)
{
	if (mutex_lock_killable(&file->lock))
		return -EINTR;
	tdcost_pages_release(file);
	mutex_unlock(&file->lock);
	return 0;
}

static void load_lines(const char *base, unsigned long bytes)
{
	unsigned long at;

	for (at = 0; at < bytes; at += LINE)
		(void)READ_ONCE(*(const u64 *)(base + at));
}

/* In steps of a page, each through the cache; then the state that the reset is to find. */
static void fill_page(char *base, unsigned long bytes, const struct tdcost_fill *f)
{
	unsigned long at;

	for (at = 0; at < bytes; at += PAGE_SIZE)
		memset64((u64 *)(base + at), f->pattern, PAGE_SIZE / sizeof(u64));
	if (f->before == TDCOST_DIRTY)
		return;
	clflush_cache_range(base, bytes);
	if (f->before == TDCOST_CLEAN)
		load_lines(base, bytes);
}

int tdcost_pages_fill(struct tdcost_file *file, void __user *arg)
{
	struct tdcost_fill f;
	int ret = 0;
	u64 i;

	if (copy_from_user(&f, arg, sizeof(f)))
		return -EFAULT;
	if (f.reserved || f.before >= TDCOST_BEFORE_MAX)
		return -EINVAL;
	if (mutex_lock_killable(&file->lock))
		return -EINTR;
	if (!file->n)
		ret = -ENODATA;
	for (i = 0; i < file->n && !ret; i++) {
		fill_page(page_address(file->pages[i]), PAGE_SIZE << file->order, &f);
		cond_resched();
		if (fatal_signal_pending(current))
			ret = -EINTR;
	}
	mutex_unlock(&file->lock);
	return ret;
}

/* Add to @c the bytes of one page that differ; @offset is that of the page in the set. */
static void check_page(const char *base, unsigned long bytes, u64 offset, struct tdcost_check *c)
{
	unsigned long at;

	for (at = 0; at < bytes; at += sizeof(u64)) {
		u64 differs = *(const u64 *)(base + at) ^ c->pattern;

		for (; differs; differs &= ~(0xffull << (__ffs64(differs) & ~7u))) {
			if (!c->wrong++)
				c->first = offset + at + __ffs64(differs) / 8;
		}
	}
}

int tdcost_pages_check(struct tdcost_file *file, void __user *arg)
{
	struct tdcost_check c;
	int ret = 0;
	u64 i;

	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	c.wrong = 0;
	c.first = 0;
	if (mutex_lock_killable(&file->lock))
		return -EINTR;
	if (!file->n)
		ret = -ENODATA;
	for (i = 0; i < file->n && !ret; i++) {
		unsigned long bytes = PAGE_SIZE << file->order;

		check_page(page_address(file->pages[i]), bytes, i * bytes, &c);
		cond_resched();
		if (fatal_signal_pending(current))
			ret = -EINTR;
	}
	mutex_unlock(&file->lock);
	if (!ret && copy_to_user(arg, &c, sizeof(c)))
		ret = -EFAULT;
	return ret;
}
