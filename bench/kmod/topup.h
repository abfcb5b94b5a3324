/* SPDX-License-Identifier: GPL-2.0 */
/* What runs the topups, and what of it runs the references of Dynamic PAMT. */
#ifndef TDCOST_TOPUP_H
#define TDCOST_TOPUP_H

#include <linux/bitmap.h>
#include <linux/wait.h>

#include "bench/kmod/module.h"
#include "bench/topup/meter.h"
#include "bench/topup/pamt.h"
#include "bench/topup/variant.h"

/* Gets that are under way at once in a call: those of a 2 MiB region mapped by 4 KiB. */
#define MAX_GETS SPTE_ENT_PER_PAGE

/* A VM and the calls that are its vCPUs; guarded by the file's lock. */
struct tdcost_vm {
	struct topup_vm vm;
	struct topup_pamt pamt;	  /* of no regions, where the work is another */
	unsigned int users;	  /* calls that are there */
	bool open;		  /* once as many were as each of them waits for */
	wait_queue_head_t gate;	  /* of who waits for others to come */
	struct tdcost_topup like; /* the first caller's */
};

/* One call. */
struct tdcost_run {
	struct tdcost_topup t;
	const struct topup_work *work;
	struct topup_vcpu vcpu;
	struct topup_source source;
	struct topup_meter meter; /* its samples are those of the topups, also with TIMES */
	struct topup_hand hand;
	struct tdcost_sample *uses;
	u64 unit; /* under way, counted from 0; t.done leaves out those given up */
	struct topup_pamt *pamt;
	unsigned int gets;	       /* units since the last puts */
	DECLARE_BITMAP(got, MAX_GETS); /* which of them are to be put */
};

static inline bool is_split(const struct tdcost_topup *t)
{
	return t->work == TDCOST_SPLIT_REPEAT || t->work == TDCOST_SPLIT_WHOLE;
}

static inline bool is_pamt(const struct tdcost_topup *t)
{
	return t->work == TDCOST_PAMT_FAST || t->work == TDCOST_PAMT_LOCK;
}

/* topup.c: what a call of TDCOST_TOPUP_TIMES took, stored as far as there is room */
void tdcost_add_topup(struct tdcost_run *run, u64 ticks, u64 pages);
void tdcost_add_use(struct tdcost_run *run, u64 ticks, u64 pages);

/* pamt.c: one that contends for the lock of all files */
int tdcost_pamt_init(struct topup_pamt *pamt, unsigned int regions);
int tdcost_pamt_open(struct topup_pamt *pamt, const struct tdcost_topup *t);
int tdcost_pamt_get(struct tdcost_run *run); /* at most MAX_GETS, then put */
void tdcost_pamt_put(struct tdcost_run *run);

#endif
