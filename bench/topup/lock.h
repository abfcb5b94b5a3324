/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lock.h: the locks of the paths, with a meter and a trace.
 *
 * The meter is asked for at run time, since it belongs to the timed build: without one a lock
 * costs two tests of a pointer more than it would. With one it costs three readings of the clock,
 * which are in whatever is metered around it. So a meter says what it meters, and nothing of it
 * is to contain another part of it that takes long: a lock held around rounds of another has a
 * pass of its own, and so have the topup calls, which take locks.
 */
#ifndef TDC_BENCH_TOPUP_LOCK_H
#define TDC_BENCH_TOPUP_LOCK_H

#include "bench/topup/source.h"
#include "bench/topup/trace.h"

enum topup_lock_id {
	TOPUP_LOCK_MMU,	  /* kvm->mmu_lock */
	TOPUP_LOCK_SPLIT, /* kvm_tdx->prealloc_split_cache_lock */
	TOPUP_LOCK_VM,	  /* kvm->arch.tdp_mmu_external_cache_lock, a mutex */
	TOPUP_LOCK_PAMT,  /* pamt_lock, global */
	TOPUP_LOCKS
};

struct topup_lock_meter {
	uint64_t rounds;
	uint64_t wait, wait_max; /* ticks from asking to having */
	uint64_t hold, hold_max; /* ticks from having to giving up */
	uint64_t since;		 /* when the round under way was asked for, then had */
};

/* One topup call, or the gets of one operation. */
struct topup_sample {
	uint64_t ticks;
	uint32_t pages; /* a call: allocated by it; else: how many gets */
};

/* topup_meter.what: a lock by its bit, and */
#define TOPUP_METER_LOCK(id) (1u << (id))
#define TOPUP_METER_CALLS    (1u << TOPUP_LOCKS)       /* topup calls, dropped locks, idle pages */
#define TOPUP_METER_GETS     (1u << (TOPUP_LOCKS + 1)) /* what follows them under the lock */
#define TOPUP_METER_ALL	     ((1u << (TOPUP_LOCKS + 2)) - 1)

/*
 * Of one thread. All 0 to begin with, but for @what. Samples go where there is room for them, and
 * their numbers go on behind it.
 */
struct topup_meter {
	unsigned int what;
	struct topup_lock_meter lock[TOPUP_LOCKS];
	uint64_t retries;   /* the mmu_lock was dropped to top up, the first time included */
	uint64_t topups;    /* calls */
	uint64_t idle_peak; /* most pages that the vCPU and its VM held idle, seen behind a topup */
	uint64_t gets;	    /* samples of them */
	struct topup_sample *sample, *get;
	uint64_t room, get_room;
	char apart_next[TOPUP_APART];
};

/* What a thread brings along. */
struct topup_ctx {
	struct topup_source *source;
	struct topup_meter *meter; /* NULL: do not read the clock */
	struct topup_trace *trace; /* NULL: do not record; only with TOPUP_TRACE */
};

extern const char *const topup_lock_names[TOPUP_LOCKS];

static __always_inline bool topup_metered(const struct topup_ctx *ctx, unsigned int what)
{
	return ctx->meter && ctx->meter->what & what;
}

static inline void topup_lock_ask(struct topup_ctx *ctx, enum topup_lock_id id)
{
	if (topup_metered(ctx, TOPUP_METER_LOCK(id)))
		ctx->meter->lock[id].since = topup_ticks();
}

static inline void topup_lock_got(struct topup_ctx *ctx, enum topup_lock_id id)
{
	struct topup_lock_meter *m;
	uint64_t now, wait;

	topup_trace(ctx->trace, TOPUP_LOCK, topup_lock_names[id], 0);
	if (!topup_metered(ctx, TOPUP_METER_LOCK(id)))
		return;
	m = &ctx->meter->lock[id];
	now = topup_ticks();
	wait = now - m->since;
	m->rounds++;
	m->wait += wait;
	if (wait > m->wait_max)
		m->wait_max = wait;
	m->since = now;
}

/* Before it is given up, so that nobody else's waiting is in the hold time. */
static inline void topup_lock_drop(struct topup_ctx *ctx, enum topup_lock_id id)
{
	struct topup_lock_meter *m;
	uint64_t hold;

	topup_trace(ctx->trace, TOPUP_UNLOCK, topup_lock_names[id], 0);
	if (!topup_metered(ctx, TOPUP_METER_LOCK(id)))
		return;
	m = &ctx->meter->lock[id];
	hold = topup_ticks() - m->since;
	m->hold += hold;
	if (hold > m->hold_max)
		m->hold_max = hold;
}

static inline void topup_spin_lock(struct topup_ctx *ctx, spinlock_t *l, enum topup_lock_id id)
{
	topup_lock_ask(ctx, id);
	spin_lock(l);
	topup_lock_got(ctx, id);
}

static inline void topup_spin_unlock(struct topup_ctx *ctx, spinlock_t *l, enum topup_lock_id id)
{
	topup_lock_drop(ctx, id);
	spin_unlock(l);
}

/* The mmu_lock: a fault takes it for reading, a split for writing. */
static inline void topup_mmu_read_lock(struct topup_ctx *ctx, rwlock_t *l)
{
	topup_lock_ask(ctx, TOPUP_LOCK_MMU);
	read_lock(l);
	topup_lock_got(ctx, TOPUP_LOCK_MMU);
}

static inline void topup_mmu_read_unlock(struct topup_ctx *ctx, rwlock_t *l)
{
	topup_lock_drop(ctx, TOPUP_LOCK_MMU);
	read_unlock(l);
}

static inline void topup_mmu_write_lock(struct topup_ctx *ctx, rwlock_t *l)
{
	topup_lock_ask(ctx, TOPUP_LOCK_MMU);
	write_lock(l);
	topup_lock_got(ctx, TOPUP_LOCK_MMU);
}

static inline void topup_mmu_write_unlock(struct topup_ctx *ctx, rwlock_t *l)
{
	topup_lock_drop(ctx, TOPUP_LOCK_MMU);
	write_unlock(l);
}

static inline void topup_vm_lock(struct topup_ctx *ctx, struct topup_mutex *m)
{
	topup_lock_ask(ctx, TOPUP_LOCK_VM);
	topup_mutex_lock(m);
	topup_lock_got(ctx, TOPUP_LOCK_VM);
}

static inline void topup_vm_unlock(struct topup_ctx *ctx, struct topup_mutex *m)
{
	topup_lock_drop(ctx, TOPUP_LOCK_VM);
	topup_mutex_unlock(m);
}

/* The two ends of every page's way, traced. */
static inline struct topup_page *topup_alloc(struct topup_ctx *ctx, enum topup_gfp gfp)
{
	struct topup_page *page = topup_source_alloc(ctx->source, gfp);

	topup_trace(ctx->trace, page ? TOPUP_ALLOC : TOPUP_FAIL,
		    gfp == TOPUP_SLEEP ? "sleep" : "atomic", 0);
	return page;
}

static inline void topup_free(struct topup_ctx *ctx, struct topup_page *page)
{
	topup_trace(ctx->trace, TOPUP_FREE, "", 0);
	topup_source_free(ctx->source, page);
}

#endif
