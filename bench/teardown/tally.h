/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tally.h: time by phase, of some leaves out of many. A mark costs some 10 ns and a leaf of 4 KiB
 * some hundred: five marks on each would be a tenth of it. So one leaf in so many, drawn anew each
 * time, is marked, and stands for all of them.
 *
 * A mark waits until what stands before it is done, and drains no store. It need not: a phase that
 * leaves weakly ordered stores or flushes behind ends in the MFENCE that the kernel or the TDX module
 * has there, so nothing of it moves into the next one. Behind such a phase a mark also holds back
 * what follows (LFENCE), which the MFENCE has held back already.
 *
 * Behind a kick there is no fence, and the flushes that follow begin while it is under way. One that
 * waits for other CPUs takes long, and its mark (td_tally_mark_open()) lets them begin. One that finds
 * nobody in guest mode is over in some 20 ns, most of which those flushes hide: a mark behind it would
 * tell three times what the teardown would be shorter by without it. So in every other marked leaf the
 * time of the flush begins before the kick, in the rest behind it (td_tally_split()), and what the kick
 * takes is what lies between their means.
 */
#ifndef TDC_BENCH_TEARDOWN_TALLY_H
#define TDC_BENCH_TEARDOWN_TALLY_H

#include "bench/teardown/steps.h"

/*
 * An interrupt that falls into a marked leaf would count as often as leaves are unmarked. A leaf that
 * took so many times as long as the shortest is no example: what it took is left unexplained.
 */
#define TD_INTERRUPTED 16

struct td_tally {
	uint64_t start, last;
	uint64_t one[TD_PHASES]; /* of the leaf under way */
	uint64_t shortest;	 /* leaf; 0: none yet */
	uint64_t leaves;	 /* that stand for others */
	uint64_t interrupted;	 /* marked leaves that do not */
	uint64_t marks;		 /* all of them, with those that begin a leaf */
	uint64_t ticks[TD_PHASES], count[TD_PHASES];
	bool splits, alone; /* of the leaf under way: td_tally_split() */
	/* Flushes that were timed with the kick before them, and those that were timed alone. */
	struct td_flushes {
		uint64_t leaves, ticks;
	} with_kick, without;
};

static __always_inline void td_tally_begin(struct td_tally *t)
{
	t->marks++;
	t->start = td_ticks();
	t->last = t->start;
}

static __always_inline void td_tally_mark(struct td_tally *t, enum td_phase phase)
{
	uint64_t now = td_ticks();

	t->one[phase] = now - t->last;
	t->last = now;
}

/* What follows may begin before it. */
static __always_inline void td_tally_mark_open(struct td_tally *t, enum td_phase phase)
{
	uint64_t now = td_ticks_open();

	t->one[phase] = now - t->last;
	t->last = now;
}

/* Before and behind a kick, which is to be told from the flush that follows it: from here on. */
static __always_inline void td_tally_split(struct td_tally *t, bool behind)
{
	t->splits = true;
	t->alone = (t->leaves + t->interrupted) & 1;
	if (t->alone != behind)
		return;
	t->marks++;
	t->last = td_ticks();
}

/* Behind the last mark. */
static inline void td_tally_keep(struct td_tally *t)
{
	for (unsigned int i = 0; i < TD_PHASES; i++) {
		t->ticks[i] += t->one[i];
		t->count[i] += t->one[i] > 0;
		t->marks += t->one[i] > 0;
		t->one[i] = 0;
	}
	t->leaves++;
}

static inline void td_tally_drop(struct td_tally *t)
{
	for (unsigned int i = 0; i < TD_PHASES; i++) {
		t->marks += t->one[i] > 0;
		t->one[i] = 0;
	}
	t->interrupted++;
}

static inline void td_tally_keep_flush(struct td_tally *t)
{
	struct td_flushes *of = t->alone ? &t->without : &t->with_kick;

	of->leaves++;
	of->ticks += t->one[TD_P_FLUSH];
}

/* What @of would be of @n leaves. */
static inline uint64_t td_flushes_of(const struct td_flushes *of, uint64_t n)
{
	return of->ticks / of->leaves * n + of->ticks % of->leaves * n / of->leaves;
}

/*
 * Behind all leaves: what of the flushes' time is the kicks'. Where there was one leaf of them, or
 * noise hides the kicks, the flushes keep it.
 */
static inline void td_tally_close(struct td_tally *t)
{
	uint64_t n = t->with_kick.leaves + t->without.leaves, flush, both;

	if (!t->with_kick.leaves || !t->without.leaves)
		return;
	flush = td_flushes_of(&t->without, n);
	both = td_flushes_of(&t->with_kick, n);
	if (both <= flush)
		return;
	t->ticks[TD_P_FLUSH] = flush;
	t->ticks[TD_P_KICK] = both - flush;
}

/*
 * Behind a leaf. With @waits its kick waited for another CPU to answer: a long kick is then no
 * interrupt of this CPU, but the tail of what is measured. The rest of the leaf waits for nobody.
 */
static inline void td_tally_end(struct td_tally *t, bool waits)
{
	uint64_t took = t->last - t->start - (waits ? t->one[TD_P_KICK] : 0);

	if (!t->shortest || took < t->shortest)
		t->shortest = took;
	if (took > TD_INTERRUPTED * t->shortest) {
		td_tally_drop(t);
	} else {
		if (t->splits)
			td_tally_keep_flush(t);
		td_tally_keep(t);
	}
	t->splits = false;
}

#endif
