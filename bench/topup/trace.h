/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace.h: what a variant did, step by step, for tests.
 *
 * Recording is compiled in by TOPUP_TRACE, which only the tests' own build of this folder defines.
 * A test of a pointer at run time would cost a compare and a jump at every event: in lane `count`,
 * where a get is a dozen instructions, that would be the figure.
 */
#ifndef TDC_BENCH_TOPUP_TRACE_H
#define TDC_BENCH_TOPUP_TRACE_H

#include "bench/topup/port.h"

enum topup_event {
	TOPUP_BEGIN, /* of a topup; what: the cache */
	TOPUP_END,   /* n: pages in the cache, or the negative errno */
	TOPUP_ARRAY, /* kvmalloc_array() of n pointers */
	TOPUP_ALLOC, /* a page; what: may it "sleep" or is it "atomic" */
	TOPUP_FAIL,  /* a page that was not to be had */
	TOPUP_FREE,
	TOPUP_PUT,	/* a page into a cache */
	TOPUP_GET,	/* a page out of it */
	TOPUP_FALLBACK, /* the cache was empty: an atomic allocation, where the kernel warns */
	TOPUP_LOCK,	/* what: which */
	TOPUP_UNLOCK,
	TOPUP_CHECK,  /* of the need to top up; what: "short" or "enough" */
	TOPUP_ADD,    /* TDH.PHYMEM.PAMT.ADD */
	TOPUP_REMOVE, /* TDH.PHYMEM.PAMT.REMOVE */
	TOPUP_DEMOTE, /* TDH.MEM.PAGE.DEMOTE */
	TOPUP_EVENTS
};

struct topup_entry {
	enum topup_event event;
	const char *what; /* "" where there is nothing to say */
	int n;
};

struct topup_trace {
	struct topup_entry *entry;
	unsigned int n, room; /* n goes on behind room: what was lost can be told */
};

#ifdef TOPUP_TRACE
static inline void topup_trace(struct topup_trace *t, enum topup_event event, const char *what,
			       int n)
{
	if (!t)
		return;
	if (t->n < t->room)
		t->entry[t->n] = (struct topup_entry){ event, what, n };
	t->n++;
}
#else
static inline void topup_trace(struct topup_trace *t, enum topup_event event, const char *what,
			       int n)
{
	(void)t;
	(void)event;
	(void)what;
	(void)n;
}
#endif

#endif
