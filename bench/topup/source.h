/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source.h: where pages come from. One source per thread: what it counts is the thread's alone, so
 * that counting adds no contention of its own.
 */
#ifndef TDC_BENCH_TOPUP_SOURCE_H
#define TDC_BENCH_TOPUP_SOURCE_H

#include "bench/topup/port.h"

/*
 * Invariant, when no call is under way: live == allocs - frees; a page that another thread
 * allocated is freed into the source of the thread that frees it, so live can be below 0 in one
 * source, and is what the caches hold in the sum over all.
 */
struct topup_counts {
	uint64_t allocs, frees, failures;
	int64_t live, peak;
};

/*
 * Zeroed memory, with the backing filled in: in user space by topup_source_open(), in the kernel by
 * the two masks.
 */
struct topup_source {
	struct topup_backing backing;
	struct topup_counts count;
	uint64_t tries;	     /* allocations asked for, arrays included */
	uint64_t fail_at;    /* the try that fails, counted from 1; 0: none */
	uint64_t fail_every; /* and then each so many behind it; 0: no other */
	char apart_next[TOPUP_APART];
};

/* Is this try to succeed? Every allocation asks once, also that of an array. */
static inline bool topup_source_try(struct topup_source *s)
{
	if (++s->tries != s->fail_at)
		return true;
	s->fail_at += s->fail_every;
	return false;
}

/**
 * topup_source_alloc() - one page
 *
 * Return: the page, its lru unlinked and its content undefined unless the source zeroes; NULL when
 * there is none, or when this try was chosen to fail.
 */
static inline struct topup_page *topup_source_alloc(struct topup_source *s, enum topup_gfp gfp)
{
	struct topup_page *page = NULL;

	if (topup_source_try(s))
		page = topup_page_alloc(&s->backing, gfp);
	if (!page) {
		s->count.failures++;
		return NULL;
	}
	s->count.allocs++;
	if (++s->count.live > s->count.peak)
		s->count.peak = s->count.live;
	return page;
}

/* @page: of any source of the same kind, whichever cache it went through. */
static inline void topup_source_free(struct topup_source *s, struct topup_page *page)
{
	s->count.frees++;
	s->count.live--;
	topup_page_free(&s->backing, page);
}

#endif
