/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pamt.h: tdx_pamt_get() and tdx_pamt_put() of Dynamic PAMT v6: a reference count for each 2 MiB,
 * the entry's pair of pages is given at 0 -> 1 and comes back at 1 -> 0, under one global lock.
 *
 * Left out: the quirk reset of a pair before it is freed, which benchmark `reset` measures; and the
 * SEAMCALLs, for which add_loops stands.
 */
#ifndef TDC_BENCH_TOPUP_PAMT_H
#define TDC_BENCH_TOPUP_PAMT_H

#include "bench/topup/cache.h"

/*
 * Invariant, while the lock is free: refcount[i] > 0 if and only if entry[i] holds a pair.
 *
 * The counts begin on a line of their own. Who counts for several VMs in one array gives each a
 * multiple of TOPUP_PAMT_APART regions: the memory of two VMs may lie in neighbouring regions, but
 * rarely does, and what is to be told is how a VM's own vCPUs contend.
 */
#define TOPUP_PAMT_APART (TOPUP_APART / sizeof(atomic_t))

struct topup_pamt {
	unsigned int regions;
	atomic_t *refcount;
	struct topup_pair *entry; /* as the TDX module holds them */
	unsigned int add_loops;	  /* of cpu_relax(): how long PAMT.ADD and PAMT.REMOVE take */
	/* pamt_lock: its own, or, set behind topup_pamt_init(), one that others take too. */
	spinlock_t *lock;
	char apart_lock[TOPUP_APART];
	spinlock_t own_lock;
	char apart_next[TOPUP_APART];
};

/* @p stays where it is. Return: 0, -ENOMEM. */
int topup_pamt_init(struct topup_pamt *p, unsigned int regions);

/* Frees the pairs that are still there through @ctx. */
void topup_pamt_destroy(struct topup_pamt *p, struct topup_ctx *ctx);

/**
 * topup_pamt_get() - a reference to @region's entry
 * @cache: where a pair comes from, NULL for the source itself
 *
 * Without the lock where there is a reference already. Else a pair is taken first, and freed again
 * if another was faster. Return: 0, -ENOMEM.
 */
int topup_pamt_get(struct topup_pamt *p, struct topup_ctx *ctx, unsigned int region,
		   struct topup_list *cache);

/* The lock is taken at 1 -> 0 only. The caller holds a reference. */
void topup_pamt_put(struct topup_pamt *p, struct topup_ctx *ctx, unsigned int region);

/*
 * As the series has it before its optimisation (5/11): every get and every put takes the lock, and
 * every get takes a pair, which it frees in the common case.
 */
int topup_pamt_get_locked(struct topup_pamt *p, struct topup_ctx *ctx, unsigned int region,
			  struct topup_list *cache);
void topup_pamt_put_locked(struct topup_pamt *p, struct topup_ctx *ctx, unsigned int region);

#endif
