/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flush_ops.h: the loops that flush the lines of a page, one for each instruction and cadence of
 * fences.
 *
 * Out of a TD: invalidate_cache_lines() of the TDX module, what TDH.PHYMEM.PAGE.WBINVD does to one
 * page: 64 CLFLUSHOPT, then MFENCE. Into a TD: tdx_clflush_page() of Linux 6.18, which is
 * clflush_cache_range() (arch/x86/mm/pat/set_memory.c): MFENCE, the same lines, MFENCE.
 */
#ifndef TDC_BENCH_OPS_FLUSH_OPS_H
#define TDC_BENCH_OPS_FLUSH_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/machine/cpu.h"

enum flush_fence {
	FLUSH_NO_FENCE, /* the caller fences once per sample */
	FLUSH_MFENCE,	/* behind the lines, as the module does */
	FLUSH_SFENCE,
	FLUSH_MFENCES, /* before and behind the lines, as clflush_cache_range() does */
	FLUSH_SFENCES,
	FLUSH_FENCE_MAX
};

/**
 * flush_fn - flush the lines of one range
 * @base: 64-byte aligned, @bytes a multiple of 64
 *
 * Returns at once when flush_features0 says that the TDX module needs no flush.
 */
typedef void flush_fn(const char *base, size_t bytes);

struct flush_op {
	const char *name;
	const char *summary;
	enum cpu_feature needs;
	bool keeps;    /* may leave the line in the cache, written back */
	bool analogue; /* stands in for CLFLUSHOPT */
	flush_fn *flush[FLUSH_FENCE_MAX];
};

/* In the order in which `auto` tries them; ends with a NULL name. */
extern const struct flush_op flush_ops[];

/* The first that @cpu has, else the last of the table: what is flushed by where nothing else is asked. */
const struct flush_op *flush_op_auto(const struct cpu_info *cpu);

/* The table's function; a call, so that a test can put another one in its place. */
flush_fn *flush_op_fn(const struct flush_op *op, enum flush_fence fence);

/*
 * TDX_FEATURES0 of the TDX module (global metadata), and its bit that says whether a page's lines
 * must be flushed when the page changes its KeyID. Linux 6.18 flushes whatever it says; "x86/virt/
 * tdx: Do not perform cache flushes unless CLFLUSH_BEFORE_ALLOC is set" (posted 2025-08-07, not
 * merged) looks at it. Not const and not static, so that no compiler folds the test away.
 */
#define FLUSH_CLFLUSH_BEFORE_ALLOC (1ull << 23)
extern uint64_t flush_features0;

/* The fence alone: behind a whole sample. */
void flush_fence(enum flush_fence fence);

#endif
