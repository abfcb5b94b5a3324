/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stop_replay.h: the flushes and the stop of one kexec, in their order, without stopping anything:
 * early flush, native_stop_other_cpus(), the flush of relocate_kernel(). Who executes it is not its
 * business: the kernel module, or threads that show the control flow and nothing else.
 */
#ifndef TDC_BENCH_OPS_STOP_REPLAY_H
#define TDC_BENCH_OPS_STOP_REPLAY_H

#include "bench/kmod/client.h"
#include "bench/ops/stop_policy.h"

#define STOP_MAX_POLLS 1000000 /* of udelay(1): USEC_PER_SEC of native_stop_other_cpus() */

/* As the functions of client.h that bear these names; flush is in mode TDCOST_ALL. */
struct stop_executor {
	int (*flush)(void *ctx, enum tdcost_op op, const struct kmod_mask *mask,
		     struct tdcost_cpu *result, unsigned *n, struct tdcost_flush *f,
		     struct reason *why);
	int (*stop)(void *ctx, struct tdcost_stop *s, const struct kmod_mask *flagged,
		    struct tdcost_cpu *result, unsigned *n, struct reason *why);
	int (*counters)(void *ctx, uint64_t *counters, unsigned *n, struct reason *why);
	void *ctx;
	unsigned cpus; /* room that results and counters need */
};

/* The one that asks @k, which must stay open. */
struct stop_executor stop_executor_kmod(const struct kmod *k);

/* One shutdown. */
struct stop_replay {
	struct stop_executor ex;
	unsigned self;	      /* the kexec-ing CPU: the caller's */
	struct kmod_mask all; /* every CPU that the executor reaches */
	unsigned n_all;
	/* Of the shutdown under way, filled step by step. */
	struct stop_plan plan;
	bool flushed_early;
	struct tdcost_flush early;
	struct tdcost_stop stop;
	struct tdcost_cpu *early_cpu, *stop_cpu; /* by CPU, ascending */
	unsigned n_early, n_stop;
	struct tdcost_cpu own;	  /* where plan.self */
	uint64_t *before, *after; /* for stop_replay_verify() */
};

/* Call the roll of all CPUs. Return: 0, -errno. Free with stop_replay_close(), also when failed. */
int stop_replay_open(struct stop_replay *r, const struct stop_executor *ex, unsigned self,
		     struct reason *why);
void stop_replay_close(struct stop_replay *r);

/*
 * The steps, in this order. @behind: see stop_plan_make(). Return: 0, -errno.
 *
 * stop_replay_settle() interrupts every CPU and flushes nothing, as kvm_shutdown() does to disable
 * virtualization, whatever the policy. Without it, those that an early flush has just woken would
 * answer the stop faster than those that are asleep, and that would be taken for the policy's gain.
 */
int stop_replay_early(struct stop_replay *r, const struct stop_policy *policy,
		      const struct kmod_mask *flagged, bool behind, struct reason *why);
int stop_replay_settle(struct stop_replay *r, struct reason *why);
int stop_replay_stop(struct stop_replay *r, struct reason *why);
int stop_replay_own(struct stop_replay *r, struct reason *why);

/*
 * Can its times be subtracted? TSCs of several CPUs are compared. Return: 0; -EFAULT naming the CPU
 * whose TSC is not that of the CPU that asked.
 */
int stop_replay_check(const struct stop_replay *r, struct reason *why);

/*
 * Bracket a shutdown with these two: by the executor's own counters, did each CPU flush as often
 * as the plan says? Return: 0; -EFAULT naming the CPU.
 */
int stop_replay_count(struct stop_replay *r, struct reason *why);
int stop_replay_verify(struct stop_replay *r, struct reason *why);

/* What a shutdown cost, in ticks. */
uint64_t stop_replay_early_ticks(const struct stop_replay *r); /* 0 without an early flush */
uint64_t stop_replay_stop_ticks(const struct stop_replay *r);  /* until the mask is empty */
uint64_t stop_replay_own_ticks(const struct stop_replay *r);   /* 0 where it does not flush */

#endif
