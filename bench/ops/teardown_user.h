/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * teardown_user.h: the replay of bench/teardown/ by this program: the memory, the vCPUs that are
 * kicked, the freeing, and the proof that all of it was done. What tdcost.ko does in its place is in
 * teardown_kernel.h.
 *
 * Real: the loop over vCPUs, the line flushes, the stores of the reset, the reference counts of
 * Dynamic PAMT. Stand-ins: membarrier() for the IPIs of a kick, madvise(MADV_DONTNEED) of anonymous
 * memory for the truncation of a guest_memfd. Not there: SEAMCALLs, unless their time is stated, and
 * the write-back of a package's caches.
 */
#ifndef TDC_BENCH_OPS_TEARDOWN_USER_H
#define TDC_BENCH_OPS_TEARDOWN_USER_H

#include "bench/ops/reset_user.h"
#include "bench/teardown/replay.h"
#include "bench/topup/source_user.h"
#include "harness/measure/phase.h"

/* What an arm is to do. */
struct td_setting {
	enum td_path path;
	size_t leaf;
	bool erratum; /* the CPU has it, or the kernel resets on all CPUs */
	size_t reset_bytes;
	const struct reset_op *op;
	size_t size;
	enum mem_backing backing;
	bool dirty, shuffled;
	unsigned threads, vcpus, in_guest;
	enum td_dpamt dpamt;
	bool skip_cache_wb;
	uint64_t seam_ns[TD_SEAMS];
	unsigned every;
	unsigned without;
	bool reset_alone; /* benchmark reset's own loop, in place of everything */
	bool flush_first; /* of it: before=just_flushed */
	bool in_kernel;	  /* as all arms of its group */
};

struct td_arm {
	struct td_setting set;
	struct td_replay replay;
	struct phases phases;
	unsigned samples, unexplained; /* of them, those that phases left too much of */
	struct reset_call alone;
	unsigned pamt_loops;
};

struct td_kernel;

struct td_user {
	struct bench_ctx *ctx;
	struct td_kernel *kernel; /* who does it in place of this program; then there is no mem */
	struct mem mem, control;
	struct reset_user alone; /* borrows what is here */
	char *random, *zero, *pairs;
	uint32_t **orders;
	unsigned n_orders;
	struct team *team; /* NULL where nobody but the caller takes part */
	unsigned *cpus;
	struct td_vcpu *vcpu;
	unsigned threads; /* of the arm that has most */
	struct td_thread *thread;
	struct topup_source *source;
	struct topup_pool pool;
	struct topup_pamt pamt;
	bool pooled, counted;
	double mark_cost; /* ticks */
	uint64_t delay_cost;
	double ticks_per_ns;
	/*
	 * ns off the CPU in the sample just taken: each thread, in its share of the leaves; and by
	 * phases that are timed from end to end, where TD_P_AWAY has all of it, a mean of threads.
	 */
	int64_t *away_thread;
	int64_t away[TD_PHASES];
	struct td_thread whole;	   /* what is not of a leaf */
	const struct td_arm *arm;  /* that the team is at */
	unsigned running;	   /* threads that are not done with their leaves */
	int steps[TD_STEPS], page; /* series */
	unsigned n_arms;
	struct td_arm *arms;
};

/* The metrics whose values are told besides the time of the whole. */
struct td_metrics {
	unsigned phase, page, steps;
};

/**
 * td_user_open() - memory, threads, vCPUs and phases for all arms of @ctx
 * @settings: one for each
 *
 * Return: 0, -errno. Close with td_user_close(), also after a failure.
 */
int td_user_open(struct td_user *u, struct bench_ctx *ctx, const struct td_setting *settings,
		 const struct td_metrics *metrics, struct reason *why);
void td_user_close(struct td_user *u);

/* As the hooks of struct bench_info. */
void td_user_prepare(struct td_user *u, unsigned arm);
uint64_t td_user_run(struct td_user *u, unsigned arm);
void td_user_values(struct td_user *u, unsigned arm, struct bench_values *out);
int td_user_verify(struct td_user *u, unsigned arm, struct reason *why);
int td_user_finish(struct td_user *u, struct reason *why);

/*
 * How many ns this thread is not on a CPU between the two. A system call is where a thread loses it,
 * so what it loses by asking counts where those who time have it in their figure.
 * @around: they have it; the wall's clock is then read outermost
 */
int64_t td_away_begin(bool around);
int64_t td_away_end(bool around, int64_t begun);

/* Was each step of the sample just taken done as often as @set says? Return: 0, -EFAULT. */
int td_check_counts(const struct td_user *u, const struct td_setting *set, struct reason *why);

/* The phase that all of the time of @set is, which is reset_alone. */
static inline enum td_phase td_alone_phase(const struct td_setting *set)
{
	return set->flush_first ? TD_P_LEAVES : TD_P_RESET;
}

/* Was nothing written beside the memory and the control pages? Return: 0, -EFAULT. */
int td_user_guards(const struct td_user *u, struct reason *why);

/* For the proof, in teardown_proof.c: everything of a sample but the freeing. */
void td_user_ready(struct td_user *u, const struct td_arm *a);
void td_user_steps(struct td_user *u, const struct td_arm *a);
void td_user_free_pages(struct td_user *u, const struct td_arm *a);

#endif
