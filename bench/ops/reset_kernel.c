// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/ops/reset_kernel.h"

#include <errno.h>
#include <string.h>

#define PAGE 4096ul

/* The order of @page in the page allocator, -1 where it has none. */
static int order_of(uint64_t page)
{
	for (int order = 0; order < 32; order++)
		if (page == PAGE << order)
			return order;
	return -1;
}

int reset_kernel_supported(const struct machine *m, uint64_t page, uint64_t bytes, bool quirk,
			   struct reason *why)
{
	struct kmod k = { .fd = -1 };
	int ret = kmod_supported(m, quirk ? TDCOST_HAS_MOVDIR64B : 0, why);

	if (ret)
		return ret;
	if (order_of(page) < 0)
		return reason_set(why, -ENOTSUP,
				  "the kernel has no pages of %llu KiB; take a power of two",
				  (unsigned long long)(page >> 10));
	ret = kmod_open(&k, m->root, why);
	if (!ret && (unsigned)order_of(page) > k.info.max_order)
		ret = reason_set(why, -ENOTSUP, "this kernel's largest pages are %llu KiB",
				 (unsigned long long)(PAGE << k.info.max_order >> 10));
	else if (!ret && bytes > k.info.max_bytes)
		ret = reason_set(why, -ENOTSUP, "the module gives %llu MiB at most",
				 (unsigned long long)(k.info.max_bytes >> 20));
	kmod_close(&k);
	return ret;
}

int reset_kernel_open(struct reset_kernel *r, const struct machine *m, uint64_t page,
		      uint64_t bytes, int node, struct reason *why)
{
	int ret;

	*r = (struct reset_kernel){ .k = { .fd = -1 }, .bytes = bytes };
	ret = kmod_open(&r->k, m->root, why);
	return ret ? ret
		   : kmod_pages_alloc(&r->k, (unsigned)order_of(page), bytes / page, node, why);
}

void reset_kernel_close(struct reset_kernel *r)
{
	kmod_close(&r->k);
}

/* The first failure is told; what follows it may be its consequence. */
static void keep(struct reset_kernel *r, int err, const struct reason *why)
{
	if (!err || r->err)
		return;
	r->err = err;
	r->why = *why;
}

void reset_kernel_fill(struct reset_kernel *r, uint64_t pattern, enum tdcost_before before)
{
	struct reason why = { "" };

	keep(r, kmod_pages_fill(&r->k, pattern, before, &why), &why);
}

uint64_t reset_kernel_run(struct reset_kernel *r, uint64_t page, uint32_t flags, uint64_t rounds)
{
	struct reason why = { "" };
	struct tdcost_reset call = {
		.flags = flags,
		.call_order = (uint32_t)order_of(page),
		.rounds = rounds,
	};

	keep(r, kmod_pages_reset(&r->k, &call, &why), &why);
	return call.end - call.start;
}

int reset_kernel_check(struct reset_kernel *r, uint64_t pattern, struct reason *why)
{
	struct tdcost_check check = { .pattern = pattern };
	int ret = reset_kernel_finish(r, why);

	if (!ret)
		ret = kmod_pages_check(&r->k, &check, why);
	if (!ret && check.wrong)
		ret = reason_set(why, -EFAULT,
				 "%llu of %llu bytes are wrong, the first at offset %llu",
				 (unsigned long long)check.wrong, (unsigned long long)r->bytes,
				 (unsigned long long)check.first);
	return ret;
}

int reset_kernel_finish(const struct reset_kernel *r, struct reason *why)
{
	return r->err ? reason_set(why, r->err, "%s", r->why.text) : 0;
}
