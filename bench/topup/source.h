/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source.h: where pages come from. One source per thread: what it counts is the thread's alone, so
 * that counting adds no contention of its own.
 */
#ifndef TDC_BENCH_TOPUP_SOURCE_H
#define TDC_BENCH_TOPUP_SOURCE_H

#include "bench/topup/port.h"

/*
 * Zeroed memory, with the backing filled in: in user space by topup_source_open(), in the kernel by
 * its masks.
 *
 * An allocation counts one thing and a free another: what is told of a source is made of these
 * when it is asked for, since here it would be part of every page's cost.
 */
struct topup_source {
	struct topup_backing backing;
	uint64_t tries;	     /* allocations asked for, arrays included */
	uint64_t fail_at;    /* the try that fails, counted from 1; 0: none */
	uint64_t fail_every; /* and then each so many behind it; 0: no other */
	uint64_t frees;
	uint64_t failures; /* tries that failed, or were chosen to */
	uint64_t arrays;   /* tries that did not, but were no pages */
	int64_t peak;	   /* the most that topup_source_seen() found */
	char apart_next[TOPUP_APART];
};

/* Pages that were had from it. */
static inline uint64_t topup_source_allocs(const struct topup_source *s)
{
	return s->tries - s->failures - s->arrays;
}

/*
 * Those that it was not given back. A page that another thread allocated is freed into the source
 * of the thread that frees it, so this can be below 0 in one source; the sum over all is what the
 * caches and the hands hold.
 */
static inline int64_t topup_source_live(const struct topup_source *s)
{
	return (int64_t)(topup_source_allocs(s) - s->frees);
}

/* Called where there may be more than ever: behind what allocated, before what frees. */
static inline void topup_source_seen(struct topup_source *s)
{
	int64_t live = topup_source_live(s);

	if (live > s->peak)
		s->peak = live;
}

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
	if (!page)
		s->failures++;
	return page;
}

/* @page: of any source of the same kind, whichever cache it went through. */
static inline void topup_source_free(struct topup_source *s, struct topup_page *page)
{
	s->frees++;
	topup_page_free(&s->backing, page);
}

#endif
