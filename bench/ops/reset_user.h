/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reset_user.h: page resets by this program: the memory, what its lines are before a sample, the
 * loop over calls, alone or shared by several CPUs, and the proof that all of it was done.
 */
#ifndef TDC_BENCH_OPS_RESET_USER_H
#define TDC_BENCH_OPS_RESET_USER_H

#include "bench/ops/flush_ops.h"
#include "bench/ops/region.h"
#include "bench/ops/reset_ops.h"
#include "harness/measure/team.h"

/* What stores the 64 bytes: in the order of reset_ops[], then `auto`. */
extern const struct level_info reset_insn_levels[];

/*
 * The state of the lines before a sample, in the cache of the CPU that will reset them. Or before
 * each call: RESET_JUST_FLUSHED flushes its lines within the timed part, 4 KiB and a fence at a time
 * as TDH.PHYMEM.PAGE.WBINVD, whatever the quirk. What a reset costs there is a difference by quirk,
 * and less than on its own: its stores drain while the flush behind them is under way.
 */
enum reset_before { RESET_EVICTED, RESET_DIRTY, RESET_CLEAN, RESET_JUST_FLUSHED };

/* What an arm does. The caller sets what stands first, reset_user_open() the rest. */
struct reset_call {
	const struct reset_op *op;
	bool quirk, fence_once, shuffled;
	bool unrolled; /* @op must have it */
	bool zero;     /* the source; otherwise a pattern */
	enum reset_barrier barrier;
	enum reset_before before;
	size_t page;  /* bytes of a call */
	size_t extra; /* calls on top that are not counted as work */
	unsigned threads;

	reset_fn *reset;
	flush_fn *flush;	   /* before each call; NULL: none */
	size_t n;		   /* calls in the region */
	const uint32_t *order;	   /* of the calls; shared between arms */
	const char *source;	   /* 64 bytes */
	enum reset_barrier behind; /* each thread's share */
};

struct reset_memory {
	enum mem_backing backing;
	size_t bytes;
	unsigned cpu; /* on its NUMA node */
};

struct reset_user {
	struct bench_ctx *ctx;
	const struct machine *machine;
	struct mem mem;
	char *random;	      /* a page of it, for dirty lines */
	char *zero, *pattern; /* 64 bytes each, on a page of their own like ZERO_PAGE(0) */
	uint32_t **orders;
	unsigned n_orders;
	struct team *team;	       /* NULL where every arm has one thread */
	int *cpu_series;	       /* of each member */
	const struct reset_call *call; /* what the team is at */
	unsigned reps;
};

/* What @before has done before each call; NULL: nothing. */
flush_fn *reset_user_flush(const struct machine *m, enum reset_before before);

/**
 * reset_user_open() - get memory, buffers and threads for all arms of @ctx
 * @calls: of each arm; completed
 * @metric: whose values are the times of each CPU, where there are several
 *
 * Return: 0, -errno. Close with reset_user_close(), also after a failure.
 */
int reset_user_open(struct reset_user *u, struct bench_ctx *ctx, struct reset_call *calls,
		    unsigned metric, const struct reset_memory *memory, struct reason *why);
void reset_user_close(struct reset_user *u);

/* As the hooks of struct bench_info. */
void reset_user_prepare(struct reset_user *u, const struct reset_call *c);
uint64_t reset_user_run(struct reset_user *u, const struct reset_call *c, unsigned reps);
void reset_user_values(const struct reset_user *u, const struct reset_call *c,
		       struct bench_values *out);
int reset_user_verify(struct reset_user *u, const struct reset_call *c, unsigned arm,
		      struct reason *why);
int reset_user_finish(const struct reset_user *u, struct reason *why);

#endif
