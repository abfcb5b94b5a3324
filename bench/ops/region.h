/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * region.h: the memory that a benchmark works through, call by call: how large, of which pages,
 * in which order.
 */
#ifndef TDC_BENCH_OPS_REGION_H
#define TDC_BENCH_OPS_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/machine/mem.h"
#include "harness/measure/bench.h"

/* Levels of the factors "backing" (an enum mem_backing each, and auto) and "order". */
enum { REGION_SEQUENTIAL, REGION_SHUFFLED };
extern const struct level_info region_backing_levels[], region_order_levels[];

/* Bytes of the LLC of the first CPU, 0 where it is not known. */
uint64_t region_llc_bytes(const struct machine *m);

/**
 * region_resolve() - a size that goes by the LLC
 * @large: the smallest power of two over twice the LLC, so that no line of one sample is in the
 *	cache for the next; otherwise the largest up to a quarter of it, which leaves room for all
 *	else that lives there
 *
 * Return: 0 with @level set, -ENOTSUP where the LLC's size is not known.
 */
int region_resolve(const struct machine *m, bool large, struct level *level, struct reason *why);

/* Huge pages where the kernel grants them for @bytes, otherwise base pages. */
enum mem_backing region_backing(const struct machine *m, uint64_t bytes);

/**
 * region_calls_supported() - can @region be worked through in calls of @page bytes?
 * @cached: its lines are to be in the cache before
 * @extra: calls on top, as many as the region takes at most
 *
 * Return: 0, -ENOTSUP with the reason.
 */
int region_calls_supported(const struct machine *m, const struct level *region,
			   const struct level *page, bool cached, uint64_t extra,
			   struct reason *why);

/**
 * region_supported() - as mem_supported(), with the errno that supported() of a benchmark returns
 *
 * A region that is no multiple of the page, or a hugetlb pool that is empty, is a cell that is not
 * there (-ENOTSUP); too little memory ends the run (-ENOMEM).
 */
int region_supported(const struct machine *m, enum mem_backing backing, uint64_t bytes,
		     struct reason *why);

/**
 * region_alloc() - get it, on the node of @cpu, where pages lie drawn anew from its seed
 *
 * What was drawn and granted goes to @ctx->facts; a short grant is flagged. Free with mem_free().
 */
int region_alloc(struct mem *mem, struct bench_ctx *ctx, unsigned cpu, enum mem_backing backing,
		 size_t bytes, struct reason *why);

/* The order of @n calls: ascending, or at random from @seed. NULL without memory; free() it. */
uint32_t *region_order(size_t n, bool shuffled, uint64_t seed);

#endif
