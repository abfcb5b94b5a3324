/* SPDX-License-Identifier: GPL-2.0 */
/* A TD that is ready to be torn down: who makes it ready, and who does it. */
#ifndef TDCOST_TEARDOWN_H
#define TDCOST_TEARDOWN_H

#include "bench/kmod/module.h"
#include "bench/teardown/replay.h"

struct tdcost_td {
	struct tdcost_teardown set;
	struct td_replay replay;
	struct td_thread leaves;
	struct td_thread rest;			/* the HKID, and the freeing */
	u64 n;					/* leaves */
	u64 away_hkid, away_control, away_free; /* ns */
	struct page **control; /* of replay.n_control pages; NULL where one has been freed */
	u32 *order;
	struct topup_source source;
	struct topup_pamt pamt; /* of no regions without Dynamic PAMT */
	cpumask_var_t guests;
	int err;   /* of the cache write-back */
	bool done; /* or given up: not to be used again */
};

/* teardown_set.c */
int tdcost_td_open(struct tdcost_td **td, const struct tdcost_file *file,
		   const struct tdcost_teardown *set);
void tdcost_td_close(struct tdcost_td *td);

/* The control pages go back. */
void tdcost_td_put_control(struct tdcost_td *td);

#endif
