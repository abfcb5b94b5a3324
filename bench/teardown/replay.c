// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/teardown/replay.h"

/* What a delay of so many ticks takes beyond them is found from so many of them, so many times. */
#define DELAY_TICKS 4096
#define DELAYS	    64
#define DELAY_TRIES 16

/* Decided by the compiler where @step is constant. */
static __always_inline enum td_seam td_seam_of(enum td_step step)
{
	switch (step) {
	case TD_BLOCK:
		return TD_SEAM_BLOCK;
	case TD_TRACK:
		return TD_SEAM_TRACK;
	case TD_REMOVE:
		return TD_SEAM_REMOVE;
	case TD_WBINVD:
		return TD_SEAM_WBINVD;
	case TD_RECLAIM:
		return TD_SEAM_RECLAIM;
	default:
		return TD_SEAM_OTHER;
	}
}

static __always_inline void did(struct td_thread *t, enum td_step step, size_t offset, size_t bytes)
{
	td_trace(t->trace, step, offset, bytes);
	t->count[step]++;
}

/*
 * A SEAMCALL waits for what stands before it, as its first read of the clock does. No PAUSE between the
 * reads: it takes 140 cycles on Intel's, and the delay would end that much late.
 */
static void delay(uint64_t ticks)
{
	uint64_t start = td_ticks();

	while (td_ticks_loose() - start < ticks)
		;
}

/* Behind each other, so that the end of one is the beginning of the next. */
static uint64_t time_delays(uint64_t ticks)
{
	uint64_t start = td_ticks();

	for (unsigned int i = 0; i < DELAYS; i++)
		delay(ticks);
	return td_ticks() - start;
}

uint64_t td_delay_cost(void)
{
	uint64_t least = ~(uint64_t)0;

	/* Interrupts add to it; whatever else does is in each. */
	for (unsigned int i = 0; i < DELAY_TRIES; i++) {
		uint64_t took;

		if (td_given_up())
			break;
		took = time_delays(DELAY_TICKS);

		if (took < least)
			least = took;
	}
	if (least == ~(uint64_t)0 || least / DELAYS <= DELAY_TICKS)
		return 0;
	return least / DELAYS - DELAY_TICKS;
}

uint64_t td_seam_ticks(uint64_t ticks, uint64_t cost)
{
	if (!ticks)
		return 0;
	return ticks > cost ? ticks - cost : 1;
}

static __always_inline void seamcall(const struct td_replay *r, struct td_thread *t,
				     enum td_step step, size_t offset, size_t bytes)
{
	uint64_t ticks = r->seam_ticks[td_seam_of(step)];

	did(t, step, offset, bytes);
	if (ticks)
		delay(ticks);
}

/*
 * kvm_make_all_cpus_request() with what KVM_REQ_OUTSIDE_GUEST_MODE asks: no request is left behind
 * and nobody is woken; a vCPU that is in guest mode, or on its way out, gets an IPI, and the caller
 * waits until all have answered.
 */
static __always_inline void kick(const struct td_replay *r, struct td_thread *t)
{
	did(t, TD_KICK, 0, 0);
	td_kick_none(&t->kicked);
	for (unsigned int i = 0; i < r->vcpus; i++) {
		if (td_cmpxchg(&r->vcpu[i].mode, TD_IN_GUEST_MODE, TD_EXITING_GUEST_MODE) ==
		    TD_OUTSIDE_GUEST_MODE)
			continue;
		if (td_kick_cpu(&t->kicked, &r->vcpu[i]))
			did(t, TD_IPI, 0, 0);
	}
	td_kick_wait(&t->kicked);
}

/* TDH.PHYMEM.PAGE.WBINVD is of 4 KiB, whatever the leaf is. */
static __always_inline void flush(const struct td_replay *r, struct td_thread *t, size_t at,
				  const char *base)
{
	for (size_t done = 0; done < r->leaf; done += TD_PAGE) {
		seamcall(r, t, TD_WBINVD, at + done, TD_PAGE);
		td_flush(&r->ops, base + done, TD_PAGE);
	}
}

static __always_inline void reset(const struct td_replay *r, struct td_thread *t, size_t at,
				  char *base)
{
	for (size_t done = 0; done < r->leaf; done += r->reset_bytes) {
		did(t, TD_RESET, at + done, r->reset_bytes);
		td_reset(&r->ops, base + done, r->reset_bytes);
	}
}

/* tdx_pamt_put(): who puts the last reference removes the entry, and resets its two pages. */
static void pamt_put(const struct td_replay *r, struct td_thread *t, size_t at)
{
	uint64_t freed = t->ctx.source->frees;

	did(t, TD_PAMT_PUT, at, TD_PAGE);
	if (r->dpamt == TD_DPAMT_LOCK)
		topup_pamt_put_locked(r->pamt, &t->ctx, (unsigned int)(at / TD_REGION));
	else
		topup_pamt_put(r->pamt, &t->ctx, (unsigned int)(at / TD_REGION));
	if (t->ctx.source->frees == freed)
		return;
	did(t, TD_PAMT_REMOVE, at & ~(size_t)(TD_REGION - 1), TD_REGION);
	for (unsigned int i = 0; i < TDX_DPAMT_ENTRY_PAGE_CNT; i++)
		td_reset(&r->ops, t->pair + i * TD_PAGE, TD_PAGE);
}

/* What is constant wherever this is inlined is decided by the compiler: @marked. */
#define PHASE_BY(mark, phase, work)                       \
	do {                                              \
		if (!(r->without & TD_BIT(phase)))        \
			work;                             \
		if (marked && (r->timed & TD_BIT(phase))) \
			mark(&t->tally, phase);           \
	} while (0)
#define PHASE(phase, work)	PHASE_BY(td_tally_mark, phase, work)
#define PHASE_OPEN(phase, work) PHASE_BY(td_tally_mark_open, phase, work)

/*
 * Is a kick to be told from the flush behind it by what both take together? A leaf of 2 MiB takes too
 * long, and hides too little of a kick, for its few nanoseconds to be found that way. A REMOVE that
 * takes a time begins when the kick is over, and so hides nothing of it.
 */
static __always_inline bool kick_hides(const struct td_replay *r)
{
	const unsigned int both = TD_BIT(TD_P_KICK) | TD_BIT(TD_P_FLUSH);

	return r->leaf == TD_PAGE && !r->in_guest &&
	       (r->timed & ~r->without & (both | TD_BIT(TD_P_REMOVE))) == both;
}

static __always_inline void leaf(const struct td_replay *r, struct td_thread *t, size_t at,
				 bool marked)
{
	char *base = td_at(&r->mem, at);

	if (marked)
		td_tally_begin(&t->tally);
	if (r->path == TD_DYNAMIC) {
		PHASE(TD_P_BLOCK, seamcall(r, t, TD_BLOCK, at, r->leaf));
		PHASE(TD_P_TRACK, seamcall(r, t, TD_TRACK, 0, 0));
		if (marked && kick_hides(r)) {
			td_tally_split(&t->tally, false);
			kick(r, t);
			td_tally_split(&t->tally, true);
		} else {
			PHASE_OPEN(TD_P_KICK, kick(r, t));
		}
		PHASE(TD_P_REMOVE, seamcall(r, t, TD_REMOVE, at, r->leaf));
		PHASE(TD_P_FLUSH, flush(r, t, at, base));
	} else {
		PHASE(TD_P_RECLAIM, seamcall(r, t, TD_RECLAIM, at, r->leaf));
	}
	PHASE(TD_P_RESET, reset(r, t, at, base));
	if (r->dpamt != TD_DPAMT_OFF)
		PHASE(TD_P_PAMT, pamt_put(r, t, at));
}

/* xorshift: which leaf of a stretch is marked need not be more random than that. */
static uint64_t draw(struct td_thread *t)
{
	t->rng ^= t->rng << 13;
	t->rng ^= t->rng >> 7;
	t->rng ^= t->rng << 17;
	return t->rng;
}

static void run(const struct td_replay *r, struct td_thread *t, size_t first, size_t end)
{
	for (size_t i = first; i < end && !td_given_up(); i++)
		leaf(r, t, r->order[i] * r->leaf, false);
}

void td_leaves(const struct td_replay *r, struct td_thread *t, size_t first, size_t end)
{
	size_t every = r->every;

	if (!every) {
		td_tally_begin(&t->tally);
		run(r, t, first, end);
		td_tally_mark(&t->tally, TD_P_LEAVES);
		td_tally_keep(&t->tally);
		return;
	}
	for (; first < end && !td_given_up(); first += every) {
		size_t stop = end - first < every ? end : first + every;
		size_t marked = first + (size_t)(draw(t) % (stop - first));

		run(r, t, first, marked);
		leaf(r, t, r->order[marked] * r->leaf, true);
		td_tally_end(&t->tally, r->in_guest);
		run(r, t, marked + 1, stop);
	}
	td_tally_close(&t->tally);
}

void td_release_hkid(const struct td_replay *r, struct td_thread *t)
{
	for (unsigned int i = 0; i < r->vcpus && !td_given_up(); i++) {
		td_on_cpu_of(&r->vcpu[i]);
		seamcall(r, t, TD_VP_FLUSH, 0, 0);
	}
	seamcall(r, t, TD_VPFLUSHDONE, 0, 0);
	if (!r->skip_cache_wb) {
		/* Packages work in parallel: it takes the time of one. */
		for (unsigned int i = 1; i < r->packages; i++)
			did(t, TD_CACHE_WB, 0, 0);
		/* Where it does not happen it takes nothing: its time is not a SEAMCALL's. */
		if (TD_WRITES_BACK)
			seamcall(r, t, TD_CACHE_WB, 0, 0);
		else
			did(t, TD_CACHE_WB, 0, 0);
		td_cache_wb(&r->ops);
	}
	seamcall(r, t, TD_KEY_FREEID, 0, 0);
}

void td_release_control(const struct td_replay *r, struct td_thread *t)
{
	for (size_t i = 0; i < r->n_control && !td_given_up(); i++) {
		char *page = td_at(&r->control, i * TD_PAGE);
		size_t at = TD_CONTROL_AT + i * TD_PAGE;

		seamcall(r, t, TD_RECLAIM, at, TD_PAGE);
		if (i == r->n_control - 1) {
			seamcall(r, t, TD_WBINVD, at, TD_PAGE);
			td_flush(&r->ops, page, TD_PAGE);
		}
		did(t, TD_RESET, at, TD_PAGE);
		td_reset(&r->ops, page, TD_PAGE);
	}
}

size_t td_control_pages(size_t bytes, size_t leaf, unsigned int vcpus)
{
	size_t pages = (size_t)vcpus * TD_VCPU_PAGES + TD_TDCS_PAGES + 1;
	/* What an S-EPT page maps: of the leaves' level, and of those above it up to 512 GiB. */
	for (size_t maps = leaf * 512; maps <= 512ull << 30; maps *= 512)
		pages += (bytes + maps - 1) / maps;
	return pages;
}

uint64_t td_seamcalls_per_leaf(enum td_path path, size_t bytes)
{
	/* RECLAIM; or BLOCK, TRACK, REMOVE, and PAGE.WBINVD of each 4 KiB. */
	return path == TD_TEARDOWN ? 1 : 3 + bytes / TD_PAGE;
}

uint64_t td_seamcalls_counted(const uint64_t *count)
{
	return count[TD_BLOCK] + count[TD_TRACK] + count[TD_REMOVE] + count[TD_WBINVD] +
	       count[TD_RECLAIM];
}
