/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * contender.h: another CPU that works against the one that is measured, while samples are taken.
 * When it is not wanted it sleeps, and disturbs nothing.
 */
#ifndef TDC_BENCH_OPS_CONTENDER_H
#define TDC_BENCH_OPS_CONTENDER_H

#include "harness/core/reason.h"
#include "harness/machine/topo.h"

struct contender;

/* One burst of work, a millisecond or less; @how is not 0. */
typedef void contender_fn(void *arg, unsigned how);

/* A thread on @cpu, asleep. Return: 0, -ENOMEM, -errno of the thread. Free with contender_close(). */
int contender_open(struct contender **contender, const struct topo *topo, unsigned cpu,
		   contender_fn *fn, void *arg, struct reason *why);
void contender_close(struct contender *c);

/* From now on burst after burst of @how, 0 for none. Returns when that has begun. */
void contender_set(struct contender *c, unsigned how);

#endif
