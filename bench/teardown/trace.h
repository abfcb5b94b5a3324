/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace.h: the steps of a teardown one by one, for tests. Compiled in by TD_TRACE, which only the
 * tests' own build of this folder defines: see bench/topup/trace.h.
 */
#ifndef TDC_BENCH_TEARDOWN_TRACE_H
#define TDC_BENCH_TEARDOWN_TRACE_H

#include "bench/teardown/steps.h"

struct td_entry {
	enum td_step step;
	size_t offset, bytes; /* of memory; 0 where the step is not about any */
};

struct td_trace {
	struct td_entry *entry;
	unsigned int n, room; /* n goes on behind room */
};

#ifdef TD_TRACE
static inline void td_trace(struct td_trace *t, enum td_step step, size_t offset, size_t bytes)
{
	if (!t)
		return;
	if (t->n < t->room)
		t->entry[t->n] = (struct td_entry){ step, offset, bytes };
	t->n++;
}
#else
static inline void td_trace(struct td_trace *t, enum td_step step, size_t offset, size_t bytes)
{
	(void)t;
	(void)step;
	(void)offset;
	(void)bytes;
}
#endif

#endif
