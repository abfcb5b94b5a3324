// SPDX-License-Identifier: GPL-2.0
/*
 * Tdx_quirk_reset_paddr() of arch/x86/virt/vmx/tdx/tdx.c, over a set of pages.
 *
 * The same steps: return at once without the erratum, store the zero page 64 bytes at a time by
 * MOVDIR64B to the direct map, one full barrier. As there, nothing in the loop reschedules; the set
 * is at most 1 GiB, which bounds it.
 */
#include <linux/bitops.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include <asm/barrier.h>
#include <asm/cpufeature.h>

#include "bench/kmod/module.h"

/* movdir64b() of <asm/special_insns.h>, whose first parameter has changed its type. */
static __always_inline void store_64(void *dst, const void *src)
{
	struct line {
		char bytes[64];
	};

	asm volatile(".byte 0x66, 0x0f, 0x38, 0xf8, 0x02"
		     : "+m"(*(struct line *)dst)
		     : "m"(*(const struct line *)src), "a"(dst), "d"(src));
}

static __always_inline void reset_range(phys_addr_t base, unsigned long size)
{
	const void *zero_page = page_address(ZERO_PAGE(0));
	phys_addr_t phys, end = base + size;

	for (phys = base; phys < end; phys += 64)
		store_64(__va(phys), zero_page);
}

/* @size is a multiple of 4 KiB. */
static __always_inline void reset_range_4(phys_addr_t base, unsigned long size)
{
	const void *zero_page = page_address(ZERO_PAGE(0));
	phys_addr_t phys, end = base + size;

	for (phys = base; phys < end; phys += 4 * 64) {
		store_64(__va(phys), zero_page);
		store_64(__va(phys + 64), zero_page);
		store_64(__va(phys + 2 * 64), zero_page);
		store_64(__va(phys + 3 * 64), zero_page);
	}
}

/*
 * The kernel's function is called once per range, and tests a bit in memory: so do these. One of
 * them leaves the barrier to the caller.
 */
noinline void tdcost_reset_fenced(const unsigned long *bugs, phys_addr_t base, unsigned long size)
{
	if (!test_bit(BUG_TDX_PW_MCE, bugs))
		return;
	reset_range(base, size);
	/* As in the kernel: the stores are weakly ordered. */
	mb();
}

static noinline void reset_unfenced(const unsigned long *bugs, phys_addr_t base, unsigned long size)
{
	if (!test_bit(BUG_TDX_PW_MCE, bugs))
		return;
	reset_range(base, size);
}

static noinline void reset_fenced_4(const unsigned long *bugs, phys_addr_t base, unsigned long size)
{
	if (!test_bit(BUG_TDX_PW_MCE, bugs))
		return;
	reset_range_4(base, size);
	mb(); /* as tdcost_reset_fenced() */
}

static noinline void reset_unfenced_4(const unsigned long *bugs, phys_addr_t base,
				      unsigned long size)
{
	if (!test_bit(BUG_TDX_PW_MCE, bugs))
		return;
	reset_range_4(base, size);
}

/* Direct calls, as the kernel's is: an indirect one would cost a retpoline. */
static void reset_page(struct tdcost_file *file, u64 i, const struct tdcost_reset *r)
{
	unsigned long size = PAGE_SIZE << r->call_order;
	phys_addr_t phys = PFN_PHYS(page_to_pfn(file->pages[i]));
	phys_addr_t end = phys + (PAGE_SIZE << file->order);

	switch (r->flags & (TDCOST_RESET_FENCE_ONCE | TDCOST_RESET_UNROLL_4)) {
	case 0:
		for (; phys < end; phys += size)
			tdcost_reset_fenced(&file->bugs, phys, size);
		break;
	case TDCOST_RESET_FENCE_ONCE:
		for (; phys < end; phys += size)
			reset_unfenced(&file->bugs, phys, size);
		break;
	case TDCOST_RESET_UNROLL_4:
		for (; phys < end; phys += size)
			reset_fenced_4(&file->bugs, phys, size);
		break;
	case TDCOST_RESET_FENCE_ONCE | TDCOST_RESET_UNROLL_4:
		for (; phys < end; phys += size)
			reset_unfenced_4(&file->bugs, phys, size);
		break;
	}
}

/* A killed caller is looked for every 2 MiB, which is too seldom to be seen in the figure. */
static int reset_pages(struct tdcost_file *file, struct tdcost_reset *r)
{
	u64 between = max_t(u64, SZ_2M >> (PAGE_SHIFT + file->order), 1);
	u64 round, i, left = between;

	for (round = 0; round < r->rounds; round++) {
		for (i = 0; i < file->n; i++) {
			reset_page(file, i, r);
			if (--left)
				continue;
			left = between;
			if (fatal_signal_pending(current))
				return -EINTR;
		}
	}
	if (r->flags & TDCOST_RESET_FENCE_ONCE && r->flags & TDCOST_RESET_QUIRK)
		mb(); /* the one after all that was stored without */
	return 0;
}

/* With the lock held: the set cannot change. */
static int check_reset(const struct tdcost_file *file, const struct tdcost_reset *r)
{
	u64 calls;

	if (!file->n)
		return -ENODATA;
	if (r->call_order > file->order)
		return -EINVAL;
	calls = file->n << (file->order - r->call_order);
	return r->rounds <= MAX_RESET_CALLS / calls ? 0 : -EINVAL;
}

static int reset_locked(struct tdcost_file *file, struct tdcost_reset *r)
{
	bool quirk = r->flags & TDCOST_RESET_QUIRK;
	int ret = check_reset(file, r);

	if (ret)
		return ret;
	__assign_bit(BUG_TDX_PW_MCE, &file->bugs, quirk);
	r->calls = r->rounds * (file->n << (file->order - r->call_order));
	r->start = tdcost_tick_start();
	ret = reset_pages(file, r);
	r->end = tdcost_tick_stop();
	return ret;
}

int tdcost_pages_reset(struct tdcost_file *file, void __user *arg)
{
	struct tdcost_reset r;
	int ret;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	if (r.flags & ~(TDCOST_RESET_QUIRK | TDCOST_RESET_FENCE_ONCE | TDCOST_RESET_UNROLL_4) ||
	    !r.rounds)
		return -EINVAL;
	if (r.flags & TDCOST_RESET_QUIRK) {
		if (r.rounds > 1)
			return -EINVAL;
		if (!boot_cpu_has(X86_FEATURE_MOVDIR64B))
			return -EOPNOTSUPP;
	}
	if (mutex_lock_killable(&file->lock))
		return -EINTR;
	ret = reset_locked(file, &r);
	mutex_unlock(&file->lock);
	if (!ret && copy_to_user(arg, &r, sizeof(r)))
		ret = -EFAULT;
	return ret;
}
