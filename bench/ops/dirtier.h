/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dirtier.h: make a share of the caches dirty from chosen CPUs, and sweep it out again line by line.
 *
 * A thread on each CPU that takes part, asleep while it does not, though not so deep that its caches
 * are written back meanwhile (awake.h). What an arm makes dirty is absent from the caches before,
 * whatever the arm before it left there.
 */
#ifndef TDC_BENCH_OPS_DIRTIER_H
#define TDC_BENCH_OPS_DIRTIER_H

#include <stddef.h>
#include <stdint.h>

#include "bench/ops/scope.h"
#include "harness/measure/bench.h"
#include "harness/measure/team.h"

struct dirtier;

/*
 * For @ctx->n_arms arms, the thread that calls being the first of the team. @last: a CPU whose
 * thread stays asleep where it has no share (the victim's), -1 for none.
 */
int dirtier_open(struct dirtier **dirtier, const struct bench_ctx *ctx, int last,
		 struct reason *why);
void dirtier_close(struct dirtier *d);

/* What @arm makes dirty: @percent of the LLC of each of @cpus, shared by those that have one. */
int dirtier_add(struct dirtier *d, unsigned arm, const unsigned *cpus, unsigned n, unsigned percent,
		struct reason *why);

/* And that @cpus sweep it out in equal shares. Behind dirtier_add(). */
int dirtier_add_sweep(struct dirtier *d, unsigned arm, const unsigned *cpus, unsigned n,
		      struct reason *why);

/*
 * When all arms have been added: get the memory and the threads, and look whether the measuring CPU's
 * share of what each of @ctx's arms makes dirty is held (held_check()).
 */
int dirtier_ready(struct dirtier *d, struct bench_ctx *ctx, struct reason *why);

/* Bring the caches into the state that @arm starts from. Not timed. */
void dirtier_dirty(struct dirtier *d, unsigned arm);

/*
 * On top of what another arm made dirty and somebody may have flushed since: store @arm's share and
 * sweep nothing out. Both arms must be made dirty by the same CPUs.
 */
void dirtier_again(struct dirtier *d, unsigned arm);

/* Bring those who sweep to the start line; dirtier_sweep(), the timed part, must follow. */
void dirtier_sweep_ready(struct dirtier *d, unsigned arm);
void dirtier_sweep(struct dirtier *d);

/* When the CPU that comes as the @i'th in dirtier_add_sweep()'s @cpus swept. */
const struct team_time *dirtier_sweep_time(const struct dirtier *d, unsigned arm, unsigned i);

/* Bytes that @arm makes dirty, in all caches together. */
size_t dirtier_bytes(const struct dirtier *d, unsigned arm);

#endif
