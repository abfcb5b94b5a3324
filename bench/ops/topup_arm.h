/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * topup_arm.h: one arm of the benchmark topup: its VMs, its vCPUs, one for each member of the team,
 * and what a member does in a pass.
 */
#ifndef TDC_BENCH_OPS_TOPUP_ARM_H
#define TDC_BENCH_OPS_TOPUP_ARM_H

#include "bench/topup/meter.h"
#include "bench/topup/pamt.h"
#include "bench/topup/schedule.h"
#include "bench/topup/source_user.h"
#include "harness/core/reason.h"
#include "harness/measure/team.h"

enum topup_kind {
	TOPUP_FAULT,
	TOPUP_SPLIT,
	TOPUP_REFCOUNT, /* a get and a put of a Dynamic PAMT entry's reference */
	TOPUP_KINDS
};

/* Where pages come from: in user space the first two, in the kernel the others. */
enum topup_from {
	TOPUP_POOL,
	TOPUP_MMAP,
	TOPUP_GFP_KERNEL,
	TOPUP_GFP_KERNEL_ACCOUNT,
	TOPUP_GFP_ATOMIC,
	TOPUP_FROMS
};

/* The loop alone: what the benchmark itself costs. */
#define TOPUP_NONE TOPUP_VARIANTS

/* The levels of an arm. */
struct topup_setting {
	enum topup_kind kind;
	unsigned int variant; /* enum topup_variant, or TOPUP_NONE */
	enum topup_load load;
	enum topup_range_mode mode;
	enum topup_from from;
	unsigned int threads, ops, range;
	unsigned int hold_loops; /* of cpu_relax() under the lock */
	bool indirect;		 /* through the table of hooks */
	bool vm_each;		 /* a VM for each thread */
	bool by_vcpu;		 /* splits are made by a vCPU */
	bool locked;		 /* reference counts without their fast path */
	bool zero;		 /* pages are zeroed; in the kernel */
};

/* On lines of its own, as a vCPU is, that are not fetched along with another's. */
struct topup_thread {
	_Alignas(TOPUP_APART) struct topup_vcpu vcpu;
	/* What each page is counted in, and linked to: neither in two lines, nor in the other's. */
	_Alignas(64) struct topup_source source;
	struct topup_meter meter;
	_Alignas(64) struct topup_hand hand;
	int64_t live_before;	   /* the source's, when the pass began */
	unsigned int first_region; /* of its reference counts */
	int err;		   /* what stopped a pass */
};

struct topup_shared {
	_Alignas(TOPUP_APART) struct topup_vm vm;
};

/*
 * Invariant, between passes: the sum of live over the sources is what the hands, the caches and
 * the PAMT entries hold.
 */
struct topup_arm {
	struct topup_setting set;
	struct topup_work work;
	struct topup_need *need; /* of each operation */
	unsigned int calls;	 /* of a thread: faults, gets, or ranges of splits */
	struct topup_shared *vm; /* n_vms of them */
	unsigned int n_vms;
	struct topup_thread *thread; /* set.threads of them */
	struct topup_pamt pamt;
};

/* Pages that it holds at most: in hands after a pass, and in its caches. */
unsigned int topup_arm_in_hand(const struct topup_setting *set);
unsigned int topup_arm_in_caches(const struct topup_setting *set);

/* @pool: for TOPUP_POOL. Return: 0, -ENOMEM. Free with topup_arm_close(), also when failed. */
int topup_arm_open(struct topup_arm *arm, const struct topup_setting *set, struct topup_pool *pool);
void topup_arm_close(struct topup_arm *arm);

/*
 * Bring the team to the start line of a pass; team_go() must follow. @meters: of TOPUP_METER_*, 0
 * for none. Where calls are metered, what an operation or a range used is freed behind it, as in
 * the kernel: the peak is then of how pages are held, and not of how long the schedule is.
 */
void topup_arm_ready(struct topup_arm *arm, struct team *team, unsigned int meters);

/* Free what hands hold, each thread its own, so that no other's cache gets the pages. */
void topup_arm_release(struct topup_arm *arm, struct team *team);

/* What a thread's metered pass told. */
struct topup_seen {
	const struct topup_meter *meter;
	int64_t peak; /* of those allocated and not freed, above what there was before */
};

/* A metered pass of all threads; thread i is of VM i % n_vms. */
struct topup_pass {
	unsigned int threads, n_vms, ops;
	uint64_t idle_before, idle; /* pages in the caches of VM 0, before it and behind it */
	uint64_t empty;		    /* ticks that a meter shows of nothing */
	const struct topup_seen *seen;
};

/* Behind a metered pass, hands not yet released. @seen: room for as many as there are threads. */
struct topup_pass topup_arm_seen(const struct topup_arm *arm, struct topup_seen *seen);

/* Pages in the caches of VM @vm and its vCPUs. No pass is under way. */
unsigned int topup_arm_idle(const struct topup_arm *arm, unsigned int vm);

/*
 * Of the pass just made: did each thread do its schedule, with as many pages as it asks for, and is
 * every page that was allocated and not freed in a hand or in a cache? Return: 0, -EFAULT.
 */
int topup_arm_check(const struct topup_arm *arm, struct reason *why);

/* Empty the caches. Return: 0; -EFAULT when a page did not come back, or came back twice. */
int topup_arm_drain(struct topup_arm *arm, struct reason *why);

#endif
